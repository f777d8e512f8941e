//! A program with tables of its own beside charter's, in one file: its migrations are part of the program, and charter
//! applies them with its own rules. Run it twice: the second time there is nothing to do.
//!
//! `cargo run --example own_tables` makes `shop.db` in the working directory; another database is one URL away:
//! `cargo run --example own_tables -- sqlite:///other.db`.

use charter::Store;
use charter::migrate::{MigrationManager, MigrationSet};
use charter::store::OpenOptions;

fn main() -> charter::Result<()> {
    run(&std::env::args().nth(1).unwrap_or_else(|| "sqlite:///shop.db".to_owned()))
}

/// The tables of this program. Every file of the folder is named; a test that calls [`MigrationSet::check_files`] finds the
/// one that was forgotten.
pub fn migrations() -> charter::Result<MigrationSet> {
    charter::embed_migrations!(
        "shop",
        "examples/migrations",
        ["V1__orders.sql", "V1__orders.down.sql", "V2__add_note.sql", "V2__add_note.down.sql"]
    )
}

/// Does everything in the database of a URL.
pub fn run(url: &str) -> charter::Result<()> {
    // The file is made here, and what it lacks of both sets is applied, as its environment allows.
    let manager = MigrationManager::new(url)?.with_set(migrations()?);
    let store = Store::open_managed(&manager, &OpenOptions::default())?;

    for entry in manager.get_migration_history()? {
        println!("{} {} {}: {} at {}", entry.set, entry.number, entry.slug, entry.action, entry.happened_at);
    }
    println!("{url} is at {}", manager.get_current_revision()?.unwrap_or_default());

    // The contracts are in the same file.
    store.store_schema("order", r#"{"type": "object", "required": ["id", "customer"]}"#, "1.0.0")?;
    println!("{} schemas", store.list_schemas()?.len());
    Ok(())
}
