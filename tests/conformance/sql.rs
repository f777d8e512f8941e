//! What only SQL engines have: views for reading, and tables that nothing of charter's rewrites.

use super::on_every_engine;
use super::replication::push_to;
use crate::support::stores::{Engine, TestStore, append, contents, record, record_in, records, store_all};
use charter::record::{ContractFile, ContractOptions, Document, Format};
use charter::store::Access;
use charter_sync::{Cursor, Receipt, ReplicaId};

on_every_engine!([Sqlite sqlite, #[cfg(feature = "duckdb")] DuckDb duckdb, Postgres postgres] [
    people_read_the_views,
    titles_are_shown_where_an_engine_can_look_into_the_body,
    views_of_what_is_edited_show_the_current_edition,
    every_kind_has_its_view,
    no_method_changes_a_published_record,
    uploads_that_nobody_came_back_for_are_dropped_after_a_week,
]);

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn people_read_the_views(test: &TestStore) {
    let yaml = "name: book\nversion: 1.2.0\nschema: {title: A book, type: object, properties: {isbn: {type: string}}}\n\
                coercion_rules: {isbn: coerce_to_string}\nownership: {owner: a}\nmetadata: {title: Books}\n";
    let document = Document::parse(yaml, Format::Yaml).expect("YAML");
    let file = ContractFile::from_document(&document, None, &ContractOptions::default()).expect("a contract");
    test.store.put_contract(&file).expect("stored");
    let schema = test.store.get_schema("book", None).expect("the schema");
    assert_eq!(
        test.query("SELECT name, version, schema_data FROM schemas"),
        [[text("book"), text("1.2.0"), text(schema.body().as_str())]]
    );
    assert_eq!(
        test.query("SELECT id, namespace, title FROM schemas WHERE created_at IS NOT NULL"),
        [[text(&schema.digest().to_string()), text(""), text("A book")]]
    );
    assert_eq!(test.query("SELECT name, title FROM metadata_records"), [[text("book"), text("Books")]]);
    assert_eq!(test.query("SELECT name, edition FROM ownership"), [[text("book"), text("1")]]);
    let contracts = test.query("SELECT name, version, contract_data FROM data_contracts");
    assert_eq!(contracts[0][..2], [text("book"), text("1.2.0")]);
    let rules = test.query("SELECT rules FROM coercion_rules");
    assert_eq!(rules, [[text(r#"{"isbn":"coerce_to_string"}"#)]]);
}

fn titles_are_shown_where_an_engine_can_look_into_the_body(test: &TestStore) {
    let bodies = [
        ("a", r#"{"title":"plain"}"#, text("plain")),
        ("b", r#"{"title":"shown?","description":"a\u0000b"}"#, None),
        ("c", r#"{"title":"a\u0000b"}"#, None),
        ("d", "true", None),
        ("e", "{}", None),
        ("f", r#"{"title":"日本 \"quoted\" 'x'"}"#, text("日本 \"quoted\" 'x'")),
        ("g", r#"{"items":[{"title":"inner"}]}"#, None),
    ];
    let stored: Vec<_> = bodies.iter().map(|(name, body, _)| record("schema", name, "1.0.0", body)).collect();
    store_all(&test.store, &stored);
    let expected: Vec<Vec<Option<String>>> =
        bodies.into_iter().map(|(name, body, title)| vec![text(name), title, text(body)]).collect();
    assert_eq!(test.query("SELECT name, title, schema_data FROM schemas ORDER BY name"), expected);
}

fn views_of_what_is_edited_show_the_current_edition(test: &TestStore) {
    for owner in ["a", "b", "a"] {
        test.store.store_ownership("book", format!(r#"{{"owner":"{owner}"}}"#)).expect("stored");
    }
    test.store.store_ownership("film", r#"{"owner":"z"}"#).expect("stored");
    assert_eq!(
        test.query("SELECT name, edition, ownership_data FROM ownership ORDER BY name"),
        [[text("book"), text("3"), text(r#"{"owner":"a"}"#)], [text("film"), text("1"), text(r#"{"owner":"z"}"#)]]
    );
}

fn every_kind_has_its_view(test: &TestStore) {
    let kinds = [
        ("governance_rule", "governance_rules", "rule_definition"),
        ("ownership", "ownership", "ownership_data"),
        ("owner", "owners", "owner_data"),
        ("domain", "domains", "domain_data"),
        ("system", "systems", "system_data"),
        ("data_feed", "data_feeds", "data_feed_data"),
    ];
    for (kind, _, _) in kinds {
        let first = record(kind, "x", "1", "{}");
        store_all(&test.store, &[record_in("", kind, "x", "2", Some(&first), r#"{"n":1.0}"#), first]);
    }
    store_all(
        &test.store,
        &[record("validation_rules", "x", "1.0.0", "{}"), record("a_kind_of_tomorrow", "x", "1", "{}")],
    );
    for (_, view, column) in kinds {
        let rows = test.query(&format!("SELECT name, edition, {column} FROM {view}"));
        assert_eq!(rows, [[text("x"), text("2"), text(r#"{"n":1.0}"#)]], "{view}");
    }
    assert_eq!(
        test.query("SELECT name, version, rules FROM validation_rules"),
        [[text("x"), text("1.0.0"), text("{}")]]
    );
}

/// Every method that writes, with what would change a record if it could; the rows are compared as they are in the tables.
fn no_method_changes_a_published_record(test: &TestStore) {
    let stored = [record("schema", "a", "1.0.0", r#"{"b":1,"a":1.0}"#), record("ownership", "a", "1", "{}")];
    store_all(&test.store, &stored);
    let rows =
        || test.query("SELECT * FROM charter_records WHERE name = 'a' AND version IN ('1.0.0', '1') ORDER BY kind");
    let changes = || test.query("SELECT * FROM charter_changes WHERE sequence <= 2 ORDER BY sequence");
    let before = (rows(), changes());
    assert_eq!((before.0.len(), before.1.len()), (2, 2));

    let (same, other) = (record("schema", "a", "1.0.0", r#"{"a":1,"b":1.0}"#), record("schema", "a", "1.0.0", "true"));
    append(&test.store, std::slice::from_ref(&same)).expect("an answer");
    append(&test.store, std::slice::from_ref(&other)).expect("an answer");
    test.store.store_schema("a", r#"{"a":1,"b":1}"#, "1").expect("the same");
    test.store.store_schema("a", "true", "1").expect_err("taken");
    test.store.store_ownership("a", r#"{"owner":"b"}"#).expect("the next edition");
    let backend = test.store.backend();
    for record in [same, other] {
        let push = push_to(&test.store, record.body().as_str());
        backend.stage(&push, &[record]).expect("staged");
        backend.publish(&push, 1).expect("an answer");
        backend.discard(&push).expect("discarded");
        let cursor = Cursor { remote: ReplicaId::new("r"), epoch: 1, local_sequence: 0, remote_sequence: 0 };
        backend.acknowledge(Some(&Receipt::new(&push, 0, 0, 0, 0, None)), &cursor).expect("kept");
    }
    for engine in [Engine::Memory, Engine::Sqlite] {
        let laptop = engine.fresh();
        store_all(&laptop.store, &[record("schema", "a", "1.0.0", r#"{"b":1.0,"a":1}"#)]);
        laptop.store.push(&test.open(Access::Remote)).expect("the same content");
        store_all(&laptop.store, &[record("schema", "z", "1.0.0", "{}"), record("ownership", "a", "1", "true")]);
        laptop.store.push(&test.open(Access::Remote)).expect_err("a conflict");
    }
    crate::support::stores::initialize(&test.url);
    store_all(&test.store, &records("more", 3));
    assert_eq!((rows(), changes()), before);
    assert_eq!(contents(&test.store).len(), 6);
}

fn uploads_that_nobody_came_back_for_are_dropped_after_a_week(test: &TestStore) {
    let backend = test.store.backend();
    for name in ["old", "young"] {
        backend.stage(&push_to(&test.store, name), &records(name, 2)).expect("staged");
    }
    let (day, old) = (24 * 3600 * 1_000_000_i64, push_to(&test.store, "old"));
    test.execute(&format!("UPDATE charter_uploads SET uploaded_at = uploaded_at - {}", 6 * day));
    test.execute(&format!(
        "UPDATE charter_uploads SET uploaded_at = uploaded_at - {} WHERE push = '{}'",
        2 * day,
        old.id
    ));
    let new = push_to(&test.store, "new");
    backend.stage(&new, &records("new", 1)).expect("staged");
    assert!(matches!(backend.publish(&new, 1), Ok(charter_sync::Publication::Published(_))));
    let rows = test.query("SELECT name FROM charter_uploads ORDER BY name");
    assert_eq!(rows.concat(), ["young-0000", "young-0001"].map(text));
    // A push that comes back after that time, before anybody cleaned up, still has what it staged.
    let late = push_to(&test.store, "late");
    backend.stage(&late, &records("late", 2)).expect("staged");
    test.execute(&format!(
        "UPDATE charter_uploads SET uploaded_at = uploaded_at - {} WHERE push = '{}'",
        8 * day,
        late.id
    ));
    backend.stage(&late, &records("later", 1)).expect("staged");
    match backend.publish(&late, 3).expect("an answer") {
        charter_sync::Publication::Published(receipt) => assert_eq!(receipt.count, 3),
        other => panic!("{other:?}"),
    }
    // One that comes back too late finds out.
    let outcome = backend.publish(&old, 2).expect("an answer");
    assert_eq!(outcome, charter_sync::Publication::Incomplete { staged: 0 });
}
