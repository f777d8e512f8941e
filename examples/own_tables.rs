//! A program with tables of its own beside charter's, in one file: its migrations are part of the program, and charter
//! applies them with its own rules. Run it twice: the second time there is nothing to do.
//!
//! cargo run --example own_tables

use charter::migrate::MigrationManager;

fn main() -> charter::Result<()> {
    let set = charter::embed_migrations!(
        "shop",
        "examples/migrations",
        ["V1__orders.sql", "V1__orders.down.sql", "V2__add_note.sql", "V2__add_note.down.sql"]
    )?;
    let manager = MigrationManager::new("sqlite:///shop.db")?.with_set(set);
    let applied = manager.run_migrations("head")?;

    for migration in &applied {
        println!("applied {}: {migration}", migration.set);
    }
    println!("shop.db is at {}", manager.get_current_revision()?.unwrap_or_default());

    // The contracts are in the same file.
    let store = charter::Store::open("sqlite:///shop.db")?;
    store.store_schema("order", r#"{"type": "object", "required": ["id", "customer"]}"#, "1.0.0")?;
    println!("{} schemas", store.list_schemas()?.len());
    Ok(())
}
