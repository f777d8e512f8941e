//! `charter db seed` and `charter db truncate`.

use super::super::{BOOK, SHORT_DIGESTS, library};
use crate::support::{Sandbox, assert_output, postgres, terminal};

#[test]
fn a_folder_is_seeded_whole_and_again_without_effect() {
    let sandbox = Sandbox::new();
    sandbox.write("seeds/books/book.yaml", BOOK);
    sandbox.write("seeds/owners.yaml", "- {id: shop, name: The shop, email: shop@example.com}\n- ops@example.com\n");
    sandbox.write("seeds/domains.yaml", "domains:\n- {name: trade, description: What is sold.}\n");
    sandbox.write("seeds/systems.json", r#"[{"name": "till"}]"#);
    sandbox.write("seeds/data_feeds.yml", "- name: sales\n  system: till\n");
    assert_output!(sandbox, sandbox.run(&["db", "seed", "seeds"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    stored  schema            book@1.0.0          [SHORT DIGEST]
    stored  coercion_rules    book@1.0.0          [SHORT DIGEST]
    stored  validation_rules  book@1.0.0          [SHORT DIGEST]
    stored  metadata          book@1.0.0          [SHORT DIGEST]
    stored  ownership         book@1              [SHORT DIGEST]
    stored  governance_rule   book.sensitivity@1  [SHORT DIGEST]
    stored  contract          book@1.0.0          [SHORT DIGEST]
    stored  data_feed         sales@1             [SHORT DIGEST]
    stored  domain            trade@1             [SHORT DIGEST]
    stored  owner             shop@1              [SHORT DIGEST]
    stored  owner             ops@example.com@1   [SHORT DIGEST]
    stored  system            till@1              [SHORT DIGEST]
    --- stderr ---
    12 records stored, 0 unchanged in sqlite:///[DIRECTORY]/charter.db
    "#);
    let again = sandbox.run(&["db", "seed", "seeds", "--json"]).success().json();
    assert_eq!((&again["stored"], &again["unchanged"]), (&0.into(), &12.into()));
    sandbox.write("seeds/systems.json", r#"[{"name": "till", "floor": 2}]"#);
    let changed = sandbox.run(&["db", "seed", "seeds", &sandbox.sqlite_url("charter.db"), "--json"]).success().json();
    assert_eq!(changed["stored"], 1);
    sandbox.run(&["get", "till", "--kind", "system"]).success();
}

#[test]
fn nothing_is_seeded_if_one_file_is_wrong() {
    let sandbox = Sandbox::new();
    sandbox.write("seeds/book.yaml", BOOK);
    sandbox.write("seeds/owners.yaml", "- {email: a@example.com}\n- 7\n");
    sandbox.write("seeds/tags.yaml", "- {name: pii}\n");
    assert_output!(sandbox, sandbox.run(&["db", "seed", "seeds"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: seeds/owners.yaml:1:3: /0: this owner has no `name`
    error: seeds/owners.yaml:2:3: /1: this must be an object with a `name`, not 7
    error: seeds/tags.yaml:1:1: a contract file must hold an object or a boolean, not [{"name":"pii"}]
    hint: a list of records is a file called owners, domains, systems or data_feeds, with its ending
    error: 2 of 3 files cannot be stored, so nothing was stored
    "#);
    assert_eq!(sandbox.files(), ["seeds"]);
    sandbox.run(&["db", "seed", "nowhere"]).exit(1);
    sandbox.run(&["db", "seed", "sqlite:///charter.db"]).exit(2);
    sandbox.run(&["db", "seed"]).exit(2);
}

#[test]
fn truncating_asks_everywhere_and_tells_what_goes() {
    let sandbox = library();
    let before = sandbox.run(&["sync", "status", "--json"]);
    assert_output!(sandbox, sandbox.run(&["db", "truncate"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    warning: sqlite:///[DIRECTORY]/charter.db loses 14 rows of charter_changes, 14 rows of charter_records
    error: sqlite:///[DIRECTORY]/charter.db: removing all content must be confirmed
    hint: say --yes
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "truncate", "--json"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    {"warning":{"message":"sqlite:///[DIRECTORY]/charter.db loses 14 rows of charter_changes, 14 rows of charter_records"}}
    {"error":{"kind":"refused","message":"sqlite:///[DIRECTORY]/charter.db: removing all content must be confirmed","hint":"say --yes"}}
    "#);
    let (code, shown) = terminal::run(&sandbox, &["db", "truncate"], "\n");
    assert!(code == Some(4) && shown.contains("Remove all content from"), "{code:?} {shown}");
    drop(before);
    assert!(!sandbox.run(&["list"]).success().stdout.is_empty());
    assert_output!(sandbox, sandbox.run(&["db", "truncate", "--yes"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db is empty now: it has lost 14 rows of charter_changes, 14 rows of charter_records
    --- stderr ---
    warning: sqlite:///[DIRECTORY]/charter.db loses 14 rows of charter_changes, 14 rows of charter_records
    "#);
    assert_eq!(sandbox.run(&["list", "--json"]).success().json(), serde_json::json!([]));
    let history = sandbox.run(&["db", "history", "--verbose", "--json"]).success().json();
    assert_eq!(history[1]["action"], "truncated");
    assert!(history[1]["detail"].as_str().is_some_and(|detail| detail.contains("charter_records 14")), "{history}");
    sandbox.run(&["put", "book.yaml"]).success();
}

/// A registry that has what was pushed before must not take the next push for a repetition of it.
#[test]
fn a_truncated_store_is_another_store() {
    let sandbox = library();
    sandbox.run(&["sync", "push", "sqlite:///registry.db"]).exit(4);
    sandbox.run(&["db", "init", "sqlite:///registry.db"]).success();
    sandbox.run(&["sync", "push", "sqlite:///registry.db"]).success();
    sandbox.run(&["db", "truncate", "--yes", "--quiet"]).success();
    sandbox.write("pen.yaml", BOOK.replace("book", "pen"));
    sandbox.run(&["put", "pen.yaml"]).success();
    let pushed = sandbox.run(&["sync", "push", "sqlite:///registry.db"]).success();
    assert!(!pushed.stdout.contains("up to date"), "{pushed}");
    sandbox.run(&["get", "pen", "--db", "sqlite:///registry.db"]).success();
    // The other way round: a registry that has lost everything gets everything again.
    sandbox.run(&["db", "truncate", "sqlite:///registry.db", "--yes"]).success();
    sandbox.run(&["sync", "push", "sqlite:///registry.db"]).success();
    sandbox.run(&["get", "pen", "--db", "sqlite:///registry.db"]).success();
}

#[test]
fn truncating_a_server_in_prod_wants_its_name() {
    let (sandbox, database) = (library(), postgres::database());
    let url = database.url();
    sandbox.run(&["db", "truncate", url, "--yes"]).exit(4);
    assert!(database.query("SELECT 1 FROM pg_namespace WHERE nspname = 'charter'").is_empty());
    sandbox.run(&["db", "init", url]).success();
    sandbox.run(&["sync", "push", url]).success();
    let id = database.query("SELECT id FROM charter.charter_head");
    assert_output!(sandbox, sandbox.run(&["db", "truncate", url, "--yes"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    warning: postgresql://charter:***@127.0.0.1:[PORT]/[DATABASE] loses 14 rows of charter_changes, 14 rows of charter_records, 1 row of charter_receipts
    error: postgresql://charter:***@127.0.0.1:[PORT]/[DATABASE]: removing all content in prod must be confirmed with the database's name
    hint: say --confirm [DATABASE]
    "#);
    sandbox.run(&["db", "truncate", url, "--yes", "--env", "dev"]).exit(4);
    sandbox.run(&["db", "truncate", url, "--confirm", "another"]).exit(4);
    assert_eq!(database.query("SELECT count(*) FROM charter.charter_records"), [[Some("14".to_owned())]]);
    let removed = sandbox.run(&["db", "truncate", url, "--confirm", database.name(), "--json"]).success().json();
    assert_eq!(removed["removed"][2], serde_json::json!({"table": "charter_records", "rows": 14}));
    assert_eq!(database.query("SELECT count(*) FROM charter.charter_records"), [[Some("0".to_owned())]]);
    assert_ne!(database.query("SELECT id FROM charter.charter_head"), id);
    sandbox.run(&["sync", "push", url]).success();
    assert_eq!(database.query("SELECT count(*) FROM charter.charter_records"), [[Some("14".to_owned())]]);
}
