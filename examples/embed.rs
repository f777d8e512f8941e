//! A program that keeps its data contracts with charter: no runtime, no set-up.
//!
//! `cargo run --example embed` makes everything in a temporary folder. Another database is one URL away:
//! `cargo run --example embed -- sqlite:///charter.db`.

use charter::store::Pushed;
use charter::{ErrorKind, Store};

const ORDER: &str = r#"{
    "type": "object",
    "title": "Order",
    "properties": {
        "number": {"type": "integer"},
        "customer": {"type": "object", "properties": {"email": {"type": "string"}}},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}}
    },
    "required": ["number"]
}"#;

fn main() -> charter::Result<()> {
    if let Some(url) = std::env::args().nth(1) {
        return run(&url);
    }
    let folder = std::env::temp_dir().join(format!("charter-embed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = run(&format!("sqlite:///{}", folder.join("charter.db").display()));
    std::fs::remove_dir_all(&folder)?;
    done
}

/// Does everything in the database of a URL.
pub fn run(url: &str) -> charter::Result<()> {
    // The file is made and migrated here.
    let store = Store::open(url)?;

    let id = store.store_schema("order", ORDER, "1.0.0")?;
    store.store_coercion_rules("order", r#"{"number": "coerce_to_integer"}"#, "1.0.0")?;
    store.store_validation_rules(
        "order",
        r#"{"customer.email": {"non_empty_string": null}, "lines[].sku": {"max_length": {"threshold": 20}}}"#,
        "1.0.0",
    )?;
    store.store_ownership("order", r#"{"owner": "orders@example.com", "team": "example team"}"#)?;
    println!("stored the schema as {id}");

    // The same content again is a no-op; other content under the same version is refused.
    assert_eq!(store.store_schema("order", ORDER, "1.0")?, id);
    match store.store_schema("order", r#"{"type": "string"}"#, "1.0.0") {
        Err(error) if error.kind() == ErrorKind::Conflict => println!("refused: {error}"),
        other => return other.map(|_| ()),
    }

    let complete = store.get_complete_schema("order", None)?;
    println!("complete schema:\n{}", complete.to_json_pretty());

    // Any store can be a registry; a company's is a PostgreSQL server.
    let registry = Store::open("memory:")?;
    if let Pushed::Published(receipt) = store.push(&registry)? {
        println!("pushed {} records, receipt {}", receipt.count, receipt.hash);
    }
    Ok(())
}
