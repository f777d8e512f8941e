//! What a live connection knows decides where the text does not.

use std::collections::BTreeSet;

use super::super::{
    Catalogue, ColumnFacts, ColumnUser, ConstraintFacts, DomainFacts, IndexFacts, IndexShape, RelationName, TableFacts,
    lint_with,
};
use super::*;

/// An index of columns alone.
pub(super) fn index(columns: &[&str], unique: bool) -> IndexFacts {
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let parts = columns.iter().cloned().map(Some).collect();
    let shape = IndexShape { parts, unique, ..IndexShape::default() };
    IndexFacts { columns, whole: true, unique, shape, ..IndexFacts::default() }
}

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
            ("planned", "plan"),
            ("labelled", "label"),
            ("seen", "character varying(20)"),
            ("lowered", "character varying(20)"),
            ("watched", "character varying(20)"),
            ("checked", "character varying(20)"),
            ("sorted", "text COLLATE \"C\""),
            ("found", "character varying(20) COLLATE \"C\""),
        ]
        .map(|(name, data_type)| (name.to_owned(), column(data_type)))
        .into(),
        constraints: [
            ("proven".to_owned(), check("CHECK ((a IS NOT NULL))", true)),
            ("filled".to_owned(), check("CHECK (((checked)::text <> ''::text))", true)),
            ("later".to_owned(), check("CHECK ((b IS NOT NULL)) NOT VALID", false)),
        ]
        .into(),
        indexes: [
            ("full_key".to_owned(), index(&["key_id"], false)),
            ("by_found".to_owned(), index(&["found"], false)),
            ("computed".to_owned(), IndexFacts::default()),
        ]
        .into(),
        users: [
            user("view", "shown", "seen"),
            user("index", "computed", "lowered"),
            user("trigger", "watch", "watched"),
        ]
        .into(),
        ..TableFacts::default()
    };
    let domain = |base: &str, constrained, default: Option<&str>| DomainFacts {
        base: base.to_owned(),
        constrained,
        constraints: constrained.then(|| "positive_check".to_owned()).into_iter().collect(),
        default: default.map(str::to_owned),
    };
    let domains = [
        (name("positive"), domain("integer", true, None)),
        (name("token"), domain("uuid", false, Some("gen_random_uuid()"))),
        (name("plan"), domain("text", false, Some("'free'::text"))),
        (name("label"), domain("character varying(20)", false, None)),
    ]
    .into();
    let empty = TableFacts { empty: true, ..TableFacts::default() };
    let parent = TableFacts { partitioned: true, ..TableFacts::default() };
    let view = TableFacts { shows_others: true, ..TableFacts::default() };
    Catalogue {
        tables: [(name("shown_rows"), view), (name("empty"), empty), (name("parent"), parent), (name("full"), full)]
            .into(),
        domains,
        calm_functions: ["plan_of".to_owned()].into(),
        ..Catalogue::default()
    }
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
    assert_eq!(rules_for("alter table \"full\" add p text default plan_of(1);"), [] as [&str; 0]);
    assert_eq!(rules_for("alter table \"full\" add p text default other_of(1);"), ["volatile-default"]);
    assert_eq!(rules_for("select plan_of(1);"), [] as [&str; 0]);
    assert_eq!(rules_for("select other_of(1);"), ["unknown-function"]);
    assert_eq!(rules_for("alter table \"full\" alter a set not null;"), [] as [&str; 0]);
    assert_eq!(rules_for("alter table \"full\" alter b set not null;"), ["set-not-null-scans"]);
    let validated =
        rules_for("alter table \"full\" validate constraint later; alter table \"full\" alter b set not null;");
    assert!(!validated.contains(&"set-not-null-scans"));
    assert_eq!(rules_for("alter table \"full\" add foreign key (key_id) references o not valid;"), [] as [&str; 0]);
}

/// As measured on 14 and 18: another collation is work for the indexes over the column alone.
#[test]
fn a_collation_that_stays_is_no_work() {
    for (column, new, message) in [
        ("found", "text collate \"C\"", None),
        ("found", "varchar(40) collate pg_catalog.\"C\"", None),
        ("sorted", "text", None),
        ("sorted", "text collate \"POSIX\"", None),
        ("short", "text collate \"default\"", None),
        ("short", "text collate \"C\"", None),
        ("found", "text", Some("changing the collation of full.found to the default one builds its indexes again")),
        (
            "found",
            "text collate \"POSIX\"",
            Some("changing the collation of full.found to POSIX builds its indexes again"),
        ),
        (
            "found",
            "varchar(10) collate \"C\"",
            Some("changing the type of full.found to varchar(10) rewrites the table"),
        ),
        ("found", "citext collate \"C\"", Some("changing the type of full.found to citext builds its indexes again")),
    ] {
        let text = format!("alter table \"full\" alter {column} type {new};");
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&live()));
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<&str> = errors.map(|finding| finding.message.as_str()).collect();
        assert_eq!(errors, Vec::from_iter(message), "{column} to {new}");
    }
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
    let again = "create view shown as select seen from \"full\"";
    let found = |text: &str| -> Vec<String> {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&live()));
        let found = found.iter().filter(|finding| !finding.rule.name.contains("timeout"));
        found.map(|finding| format!("{} {}", finding.severity, finding.rule.name)).collect()
    };
    assert_eq!(
        found(&format!("begin; drop view shown; alter table \"full\" alter seen type text; {again}; commit;")),
        ["warning view-dropped"]
    );
    assert_eq!(
        found(&format!(
            "begin; drop view shown; alter table \"full\" alter seen type bigint using seen::bigint; {again}; commit;"
        )),
        ["warning view-dropped", "error slow-under-lock", "error column-type-changed"]
    );
    assert_eq!(
        found(&format!("begin; drop view shown; alter table \"full\" alter seen type text; commit; {again};")),
        ["error view-dropped", "error several-tables-locked"]
    );
    assert_eq!(
        rules_for("drop index concurrently if exists computed; alter table \"full\" alter lowered type text;"),
        [] as [&str; 0]
    );
}

#[test]
fn the_catalogue_knows_domains() {
    assert_eq!(rules_for("alter table \"full\" add a positive;"), ["domain-column-added"]);
    assert_eq!(rules_for("alter table \"full\" add a token;"), ["volatile-default"]);
    assert_eq!(rules_for("alter table \"full\" add a plan not null;"), [] as [&str; 0]);
}

#[test]
fn the_catalogue_knows_the_keys() {
    assert_eq!(rules_for("delete from \"full\" where id = 5;"), ["unbatched-backfill"]);
    assert_eq!(rules_for("delete from \"full\" where code = 'a';"), ["unbatched-backfill"]);
    assert_eq!(rules_for("delete from shown_rows where id = 5;"), [] as [&str; 0]);
    assert_eq!(rules_for("create publication p for table \"full\";"), ["publication-changed"]);
}

#[test]
fn a_domain_without_a_constraint_is_the_type_that_it_is_made_of() {
    for (column, new, rule) in [
        ("planned", "text", None),
        ("short", "label", None),
        ("short", "plan", None),
        ("labelled", "text", None),
        ("labelled", "plan", None),
        ("labelled", "varchar(20)", Some("column-type-changed")),
        ("planned", "label", Some("column-type-changed")),
        ("small", "plan", Some("column-type-changed")),
        ("small", "positive", Some("column-type-changed")),
    ] {
        let found = rules_for(&format!("alter table \"full\" alter {column} type {new};"));
        assert_eq!(found, Vec::from_iter(rule), "{column} to {new}");
    }
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

#[test]
fn names_are_looked_for_in_the_whole_search_path() {
    let path = "set local search_path = app, \"$user\", public; ";
    let after = |text: &str| rules_for(&format!("begin; {path}{text} commit;"));
    assert_eq!(after("alter table \"full\" alter short type varchar(40);"), [] as [&str; 0]);
    assert_eq!(after("create index i on empty (a);"), [] as [&str; 0]);
    assert_eq!(after("create index i on \"full\" (a);"), ["index-not-concurrent"]);
    assert_eq!(after("create table \"full\" (a int); create index i on \"full\" (a);"), [] as [&str; 0]);
    assert_eq!(
        after("create table \"full\" (a int); create index i on public.\"full\" (a);"),
        ["index-not-concurrent"]
    );
    let alone = |text: &str| rules_for(&format!("begin; set local search_path = \"$user\"; {text} commit;"));
    assert_eq!(alone("create index i on empty (a);"), [] as [&str; 0]);
}

#[test]
fn bounds_and_keys_are_the_catalogues() {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let check = |definition: &str| {
        let facts = ConstraintFacts { definition: definition.to_owned(), validated: true };
        [("checked".to_owned(), facts)].into()
    };
    let text = |not_null| ColumnFacts { data_type: "text".to_owned(), not_null };
    let columns = || [("r".to_owned(), text(true)), ("v".to_owned(), text(true))].into();
    let parent = TableFacts { partitioned: true, partition_key: Some(vec!["r".to_owned()]), ..TableFacts::default() };
    let table = |definition: &str, bounds: Option<&str>| TableFacts {
        constraints: check(definition),
        columns: columns(),
        bounds: bounds.map(str::to_owned),
        ..TableFacts::default()
    };
    let two = "CHECK ((r = ANY (ARRAY['de'::text, 'at'::text])))";
    let bounds = "((r IS NOT NULL) AND (r = ANY (ARRAY['de'::text, 'at'::text])))";
    let mut indexed = table("CHECK ((v <> 'x'::text))", None);
    indexed.indexes = [("by_v".to_owned(), index(&["v"], true))].into();
    let narrow = TableFacts { columns: [("n".to_owned(), text(true))].into(), ..TableFacts::default() };
    let catalogue = Catalogue {
        tables: [
            (name("parent"), parent),
            (name("two"), table(two, None)),
            (name("other"), table("CHECK ((v = 'de'::text))", None)),
            (name("attached"), table(two, Some(bounds))),
            (
                name("bounded"),
                table("CHECK (((r = ANY (ARRAY['de'::text, 'at'::text])) AND (v <> ''::text)))", Some(bounds)),
            ),
            (name("indexed"), indexed),
            (name("narrow"), narrow),
        ]
        .into(),
        ..Catalogue::default()
    };
    let errors = |text: &str| -> Vec<&'static str> {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
        found.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.rule.name).collect()
    };
    let attach = |table: &str, values: &str| {
        errors(&format!("alter table parent attach partition {table} for values in ({values});"))
    };
    assert_eq!(attach("two", "'de', 'at'"), [] as [&str; 0]);
    assert_eq!(attach("two", "'de', 'at', 'ch'"), [] as [&str; 0]);
    assert_eq!(attach("two", "'de'"), ["partition-attach-scans"]);
    assert_eq!(attach("other", "'de'"), ["partition-attach-scans"]);
    assert_eq!(errors("alter table attached drop constraint checked;"), [] as [&str; 0]);
    assert_eq!(errors("alter table two drop constraint checked;"), ["constraint-dropped"]);
    assert_eq!(errors("alter table bounded drop constraint checked;"), ["constraint-dropped"]);
    assert_eq!(errors("update indexed set r = 'x' where v = 'a';"), [] as [&str; 0]);
    assert_eq!(errors("update indexed set r = 'x' where r = 'a';"), ["unbatched-backfill"]);
    // A name is a column of the query's own table, where that has it, else of the one around.
    let batch = |query: &str| errors(&format!("update indexed set r = 'x' where v in ({query});"));
    assert_eq!(batch("select n from narrow where n = 'a' limit 1"), [] as [&str; 0]);
    assert_eq!(batch("select n from narrow where r = 'a' limit 1"), ["unbatched-backfill"]);
    assert_eq!(batch("select n from narrow where nowhere = 'a' limit 1"), [] as [&str; 0]);
    assert_eq!(batch("select n as m from narrow order by m, current_date limit 1"), [] as [&str; 0]);
    assert_eq!(batch("select v from two where r = 'a' limit 1"), [] as [&str; 0]);
    assert_eq!(batch("select max(t.v) from two t where t.r = r"), [] as [&str; 0]);
    assert_eq!(batch("select max(t.v) from two t where t.r = indexed.r"), ["unbatched-backfill"]);
}

#[test]
fn what_does_nothing_there_hurts_nobody() {
    for text in [
        "drop table if exists nothing;",
        "drop index if exists nothing;",
        "drop view if exists nothing;",
        "alter table if exists nothing add column a text not null;",
        "create index if not exists full_key on \"full\" (key_id);",
        "alter table \"full\" add column if not exists short text not null;",
        "alter table \"full\" drop column if exists nothing;",
        "alter table \"full\" drop constraint if exists nothing;",
        "alter domain plan drop constraint if exists nothing;",
        "alter domain positive drop constraint if exists nothing;",
        "alter table \"full\" alter small drop not null;",
        "update empty set a = 1;",
        "delete from empty;",
        "truncate empty;",
        "vacuum full empty;",
    ] {
        assert_eq!(rules_for(text), [] as [&str; 0], "{text}");
    }
    for (text, rule) in [
        ("alter domain positive drop constraint if exists positive_check;", "constraint-dropped"),
        ("alter domain positive drop constraint nothing;", "constraint-dropped"),
        ("alter domain stranger drop constraint if exists nothing;", "constraint-dropped"),
        ("drop table if exists \"full\";", "table-dropped"),
        ("drop table if exists app.\"full\";", "table-dropped"),
        ("drop table nothing;", "table-dropped"),
        ("drop index if exists full_key;", "index-drop-not-concurrent"),
        ("create index if not exists nothing on \"full\" (key_id);", "index-not-concurrent"),
        ("alter table \"full\" drop column if exists short;", "column-dropped"),
        ("alter table \"full\" drop constraint if exists proven;", "constraint-dropped"),
        ("alter table \"full\" add column if not exists nothing text not null;", "required-column"),
        ("begin; drop index concurrently if exists nothing; commit;", "concurrently-in-transaction"),
        ("vacuum full empty, \"full\";", "vacuum-full"),
        ("vacuum full;", "vacuum-full"),
        ("delete from \"full\";", "delete-without-where"),
    ] {
        assert_eq!(rules_for(text), [rule], "{text}");
    }
    let there = rules_for("create table \"full\" (a int); create index i on \"full\" (a);");
    assert!(there.contains(&"index-not-concurrent"));
    let later = "alter table empty rename to nothing; drop table if exists nothing;";
    assert!(rules_for(later).contains(&"table-dropped"));
}
