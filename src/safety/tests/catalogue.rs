//! What a live connection knows decides where the text does not.

use std::collections::BTreeSet;

use super::super::{
    Catalogue, ColumnFacts, ColumnUser, ConstraintFacts, DomainFacts, RelationName, TableFacts, lint_with,
};
use super::*;

fn live() -> Catalogue {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let column = |data_type: &str| ColumnFacts { data_type: data_type.to_owned(), not_null: false };
    let check = |definition: &str, validated| ConstraintFacts { definition: definition.to_owned(), validated };
    let user = |kind: &str, by: &str, column: &str| {
        (ColumnUser { kind: kind.to_owned(), name: name(by) }, BTreeSet::from([column.to_owned()]))
    };
    let full = TableFacts {
        columns: [
            ("short", "character varying(20)"),
            ("small", "integer"),
            ("seen", "character varying(20)"),
            ("lowered", "character varying(20)"),
            ("watched", "character varying(20)"),
            ("checked", "character varying(20)"),
        ]
        .map(|(name, data_type)| (name.to_owned(), column(data_type)))
        .into(),
        constraints: [
            ("proven".to_owned(), check("CHECK ((a IS NOT NULL))", true)),
            ("filled".to_owned(), check("CHECK (((checked)::text <> ''::text))", true)),
            ("later".to_owned(), check("CHECK ((b IS NOT NULL)) NOT VALID", false)),
        ]
        .into(),
        indexes: [("full_key".to_owned(), vec!["key_id".to_owned()]), ("computed".to_owned(), Vec::new())].into(),
        users: [
            user("view", "shown", "seen"),
            user("index", "computed", "lowered"),
            user("trigger", "watch", "watched"),
        ]
        .into(),
        ..TableFacts::default()
    };
    let domain = |constrained, default: Option<&str>| DomainFacts { constrained, default: default.map(str::to_owned) };
    let domains = [
        (name("positive"), domain(true, None)),
        (name("token"), domain(false, Some("gen_random_uuid()"))),
        (name("plan"), domain(false, Some("'free'::text"))),
    ]
    .into();
    let empty = TableFacts { empty: true, ..TableFacts::default() };
    let parent = TableFacts { partitioned: true, ..TableFacts::default() };
    Catalogue { tables: [(name("empty"), empty), (name("parent"), parent), (name("full"), full)].into(), domains }
}

fn rules_for(text: &str) -> Vec<&'static str> {
    let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&live()));
    found
        .iter()
        .filter(|finding| finding.severity != Severity::Info && !finding.rule.name.contains("timeout"))
        .map(|finding| finding.rule.name)
        .collect()
}

#[test]
fn the_catalogue_decides() {
    assert_eq!(rules_for("create index i on empty (a);"), [] as [&str; 0]);
    assert_eq!(rules_for("create index i on \"full\" (a);"), ["index-not-concurrent"]);
    assert_eq!(rules_for("create table if not exists \"full\" (a int);"), [] as [&str; 0]);
    assert_eq!(rules_for("create index concurrently i on parent (a);"), ["index-on-partitioned"]);
    assert_eq!(rules_for("alter table \"full\" alter short type varchar(40);"), [] as [&str; 0]);
    assert_eq!(rules_for("alter table \"full\" alter short type varchar(10);"), ["column-type-changed"]);
    assert_eq!(rules_for("alter table \"full\" alter small type text;"), ["column-type-changed"]);
    assert_eq!(rules_for("alter table \"full\" alter a set not null;"), [] as [&str; 0]);
    assert_eq!(rules_for("alter table \"full\" alter b set not null;"), ["set-not-null-scans"]);
    let validated =
        rules_for("alter table \"full\" validate constraint later; alter table \"full\" alter b set not null;");
    assert!(!validated.contains(&"set-not-null-scans"));
    assert_eq!(rules_for("alter table \"full\" add foreign key (key_id) references o not valid;"), [] as [&str; 0]);
}

#[test]
fn the_catalogue_knows_what_stands_in_the_way_of_a_type() {
    let widened = |column: &str| rules_for(&format!("alter table \"full\" alter {column} type text;"));
    assert_eq!(widened("seen"), ["type-change-refused"]);
    assert_eq!(widened("watched"), ["type-change-refused"]);
    assert_eq!(widened("lowered"), ["column-type-changed"]);
    assert_eq!(widened("checked"), ["column-type-changed"]);
    assert_eq!(
        rules_for("begin; drop view shown; alter table \"full\" alter seen type text; commit;"),
        ["view-dropped", "several-tables-locked"]
    );
    assert_eq!(
        rules_for("drop index concurrently if exists computed; alter table \"full\" alter lowered type text;"),
        ["not-rerunnable"]
    );
}

#[test]
fn the_catalogue_knows_domains() {
    assert_eq!(rules_for("alter table \"full\" add a positive;"), ["domain-column-added"]);
    assert_eq!(rules_for("alter table \"full\" add a token;"), ["volatile-default"]);
    assert_eq!(rules_for("alter table \"full\" add a plan not null;"), [] as [&str; 0]);
}

#[test]
fn what_the_files_change_is_not_the_catalogues_any_more() {
    assert_eq!(
        rules_for("alter table \"full\" drop constraint proven, alter a set not null;"),
        ["constraint-dropped", "set-not-null-scans"]
    );
    assert_eq!(
        rules_for(
            "drop index concurrently if exists full_key; alter table \"full\" add foreign key (key_id) references o not valid;"
        ),
        ["foreign-key-without-index", "not-rerunnable"]
    );
    assert_eq!(
        rules_for("drop table empty; create table empty (a int); drop index full_key;"),
        ["table-dropped", "not-rerunnable", "not-rerunnable", "index-drop-not-concurrent", "not-rerunnable"]
    );
}

#[test]
fn what_applied_files_say_of_tables_gives_way_to_what_is_there() {
    let applied = "create table full_of_rows (a int); create table gone (a int); create table empty (a int);
        alter table \"full\" add constraint c check (b is not null); create domain d as int check (value > 0);";
    let found = |text: &str| -> Vec<&'static str> {
        let inputs = [Input::applied("1", applied), Input::new("2", text)];
        let found = lint_with(&inputs, &LintOptions { timeouts_set: true, ..wrapped() }, Some(&live()));
        found.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.rule.name).collect()
    };
    assert_eq!(found("create index i on empty (a);"), [] as [&str; 0]);
    assert_eq!(found("create table if not exists gone (a int); create index i on gone (a);"), [] as [&str; 0]);
    assert_eq!(found("alter table \"full\" alter b set not null;"), ["set-not-null-scans"]);
    assert_eq!(found("alter table \"full\" add e d;"), ["domain-column-added"]);
}
