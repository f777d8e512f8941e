//! What a live connection knows decides where the text does not.

use std::collections::BTreeSet;

use super::super::{
    Catalogue, ColumnFacts, ColumnUser, ConstraintFacts, DomainFacts, IndexFacts, RelationName, TableFacts, lint_with,
};
use super::*;

/// An index of columns alone.
fn index(columns: &[&str], unique: bool) -> IndexFacts {
    IndexFacts { columns: columns.iter().map(|&column| column.to_owned()).collect(), whole: true, unique }
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
        found(&format!("begin; drop view shown; alter table \"full\" alter seen type bigint; {again}; commit;")),
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
        "alter table \"full\" alter small drop not null;",
        "update empty set a = 1;",
        "delete from empty;",
        "truncate empty;",
        "vacuum full empty;",
    ] {
        assert_eq!(rules_for(text), [] as [&str; 0], "{text}");
    }
    for (text, rule) in [
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

/// A partitioned table as a server tells of it: `list` or `range` by the column `k` with a default partition `rest` that has a
/// check, and `part`, which is to be attached.
fn partitioned(data_type: &str, check: &str, validated: bool) -> Catalogue {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let columns = || {
        let column = ColumnFacts { data_type: data_type.to_owned(), not_null: false };
        [("k".to_owned(), column)].into()
    };
    let fact = ConstraintFacts { definition: check.to_owned(), validated };
    let rest =
        TableFacts { columns: columns(), constraints: [("kept_out".to_owned(), fact)].into(), ..TableFacts::default() };
    let parent = TableFacts {
        partitioned: true,
        partition_key: Some(vec!["k".to_owned()]),
        partitions: [name("rest")].into(),
        default_partition: Some(name("rest")),
        columns: columns(),
        ..TableFacts::default()
    };
    let part = TableFacts { empty: true, columns: columns(), ..TableFacts::default() };
    Catalogue {
        tables: [(name("parent"), parent), (name("rest"), rest), (name("part"), part)].into(),
        ..Catalogue::default()
    }
}

/// As servers of 14 and 18 prove it, and print the checks.
#[test]
fn a_check_of_the_default_partition_keeps_others_out() {
    let numbers = "from (10000) to (20000)";
    let days = "from ('2024-01-01') to ('2024-02-01')";
    for (data_type, check, bounds, excluded) in [
        ("integer", "((k < 10000) OR (k >= 20000))", numbers, true),
        ("integer", "(NOT ((k >= 10000) AND (k < 20000)))", numbers, true),
        ("integer", "(k < 10000)", numbers, true),
        ("integer", "((k IS NOT NULL) AND ((k < 10000) OR (k >= 20000)))", numbers, true),
        ("integer", "((k IS NULL) OR (k < 10000))", numbers, true),
        ("integer", "(NOT ((k IS NOT NULL) AND (k >= 10000) AND (k < 20000)))", numbers, true),
        ("integer", "((k < 10000) OR ((k >= 20000) AND (x = 1)))", numbers, true),
        ("integer", "(k = ANY (ARRAY[1, 2, 30000]))", numbers, true),
        ("integer", "(k <= '-5'::integer)", numbers, true),
        ("numeric", "(k < (10000)::numeric)", numbers, true),
        ("integer", "(k < 10001)", numbers, false),
        ("integer", "((k < 10000) OR (x > 3))", numbers, false),
        ("integer", "(NOT ((k >= 10000) AND (k < 20000) AND (x = 1)))", numbers, false),
        ("integer", "(k <> 15000)", numbers, false),
        ("integer", "(x < 10000)", numbers, false),
        ("integer", "((k + 0) < 10000)", numbers, false),
        ("integer", "((k >= 10000) AND (k < 20000))", numbers, false),
        ("integer", "(k >= 100)", "from (minvalue) to (100)", true),
        ("integer", "(k >= 100)", "from (minvalue) to (maxvalue)", false),
        ("text", "(k < '5'::text)", "from ('10') to ('20')", false),
        ("text", "(k < 'b'::text)", "from ('b') to ('c')", true),
        ("date", "((k < '2024-01-01'::date) OR (k >= '2024-02-01'::date))", days, true),
        (
            "timestamp without time zone",
            "(NOT ((k >= '2024-01-01 00:00:00'::timestamp without time zone) AND (k < '2024-02-01 00:00:00'::timestamp without time zone)))",
            days,
            true,
        ),
        (
            "timestamp with time zone",
            "((k < '2024-01-01 00:00:00+00'::timestamp with time zone) OR (k >= '2024-02-01 00:00:00+00'::timestamp with time zone))",
            "from ('2024-01-01 00:00:00+00') to ('2024-02-01 00:00:00+00')",
            true,
        ),
        ("date", "(k < '2024-01-02'::date)", days, false),
        ("text", "(k <> 'b'::text)", "in ('b')", true),
        ("text", "(k <> ALL (ARRAY['b'::text, 'c'::text]))", "in ('b')", true),
        ("text", "(NOT (k = 'b'::text))", "in ('b')", true),
        ("text", "(NOT (k = ANY (ARRAY['b'::text, 'c'::text])))", "in ('b', 'c')", true),
        ("character varying(10)", "((k)::text <> 'b'::text)", "in ('b')", true),
        (
            "character varying(10)",
            "((k)::text <> ALL ((ARRAY['b'::character varying, 'c'::character varying])::text[]))",
            "in ('b')",
            true,
        ),
        ("text", "((k <> 'b'::text) AND (k <> 'c'::text))", "in ('b', 'c')", true),
        ("text", "(k = ANY (ARRAY['x'::text, 'y'::text]))", "in ('b')", true),
        ("text COLLATE folded", "(k = ANY (ARRAY['x'::text, 'y'::text]))", "in ('b')", false),
        ("text", "(k <> 'b'::text)", "in ('b', 'c')", false),
        ("text", "(k <> 'c'::text)", "in ('b')", false),
        ("text", "((k <> 'b'::text) OR (x = 1))", "in ('b')", false),
        ("text", "(k <> 'b'::text)", "in ('b', null)", false),
        ("text", "(k IS NOT NULL)", "in (null)", true),
        ("text", "((k IS NOT NULL) AND (k <> 'b'::text))", "in ('b', null)", true),
    ] {
        let found = |validated| -> Vec<&'static str> {
            let text = format!("alter table parent attach partition part for values {bounds};");
            let catalogue = partitioned(data_type, &format!("CHECK ({check})"), validated);
            let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
            let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
            errors.map(|finding| finding.rule.name).collect()
        };
        let expected = if excluded { vec![] } else { vec!["partition-attach-scans"] };
        assert_eq!(found(true), expected, "{data_type}: {check}: {bounds}");
        assert_eq!(found(false), ["partition-attach-scans"], "{check} NOT VALID");
    }
}

/// A table that is partitioned into `one` and `two`, which have a constraint each, and what it refers to.
fn with_partitions(one: &str, two: &str, not_null: bool) -> Catalogue {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let column = || ColumnFacts { data_type: "integer".to_owned(), not_null };
    let columns = || ["id", "k", "x"].map(|name| (name.to_owned(), column())).into();
    let fact = |definition: &str| ConstraintFacts {
        definition: definition.to_owned(),
        validated: !definition.ends_with("NOT VALID"),
    };
    let partition = |definition: &str| TableFacts {
        columns: columns(),
        constraints: [("c".to_owned(), fact(definition))].into(),
        indexes: [("c".to_owned(), index(&["id", "k"], true))].into(),
        ..TableFacts::default()
    };
    let parent = TableFacts {
        partitioned: true,
        partition_key: Some(vec!["k".to_owned()]),
        partitions: [name("one"), name("two")].into(),
        columns: columns(),
        ..TableFacts::default()
    };
    let referred = TableFacts {
        constraints: [("r_pkey".to_owned(), fact("PRIMARY KEY (id)"))].into(),
        indexes: [("r_pkey".to_owned(), index(&["id"], true))].into(),
        ..TableFacts::default()
    };
    Catalogue {
        tables: [
            (name("parent"), parent),
            (name("one"), partition(one)),
            (name("two"), partition(two)),
            (name("r"), referred),
        ]
        .into(),
        ..Catalogue::default()
    }
}

/// As measured on 14 and 18.
#[test]
fn a_partitioned_table_takes_over_what_all_its_partitions_have() {
    let unique = "UNIQUE (id, k)";
    let key = "FOREIGN KEY (x) REFERENCES r(id)";
    let builds = Some("constraint-builds-index");
    let looks_up = Some("foreign-key-not-valid-missing");
    let refused = Some("constraint-on-partitioned");
    for (one, two, not_null, added, rule) in [
        (unique, unique, false, "add constraint u unique (id, k)", None),
        (unique, "UNIQUE (id, k) DEFERRABLE", false, "add constraint u unique (id, k)", None),
        ("PRIMARY KEY (id, k)", unique, true, "add constraint u unique (id, k)", None),
        ("PRIMARY KEY (id, k)", unique, true, "add primary key (id, k)", None),
        ("PRIMARY KEY (id, k)", unique, false, "add primary key (id, k)", builds),
        (unique, "CHECK ((x > 0))", false, "add constraint u unique (id, k)", builds),
        (unique, unique, false, "add constraint u unique (k, id)", builds),
        (unique, "UNIQUE (id, k) INCLUDE (x)", false, "add constraint u unique (id, k)", builds),
        (unique, unique, false, "add constraint u unique using index i", refused),
        (key, key, false, "add constraint f foreign key (x) references r (id)", None),
        (key, key, false, "add constraint f foreign key (x) references r on delete no action", None),
        (
            key,
            "FOREIGN KEY (x) REFERENCES r(id) NOT VALID",
            false,
            "add constraint f foreign key (x) references r (id)",
            looks_up,
        ),
        (key, "FOREIGN KEY (x) REFERENCES r(x)", false, "add constraint f foreign key (x) references r (id)", looks_up),
        (key, key, false, "add constraint f foreign key (x) references r (id) on delete cascade", looks_up),
        (key, key, false, "add constraint f foreign key (x) references r (id) deferrable", looks_up),
        (key, key, false, "add constraint f foreign key (x) references other (id)", looks_up),
        (key, unique, false, "add constraint f foreign key (x) references r (id)", looks_up),
        ("CHECK ((x > 0))", "CHECK ((x > 0))", false, "add constraint c check (x > 0)", None),
        (
            "CHECK ((x > 0))",
            "CHECK ((x > 0))",
            false,
            "add constraint d check (x > 0)",
            Some("check-not-valid-missing"),
        ),
        (
            "CHECK ((x > 0))",
            "CHECK ((x > 1))",
            false,
            "add constraint c check (x > 0)",
            Some("check-not-valid-missing"),
        ),
        ("CHECK ((x IS NOT NULL))", "CHECK ((x IS NOT NULL))", false, "alter x set not null", None),
        ("CHECK ((x IS NOT NULL))", unique, false, "alter x set not null", Some("set-not-null-scans")),
    ] {
        let text = format!("alter table parent {added};");
        let found =
            lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&with_partitions(one, two, not_null)));
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<&str> = errors.map(|finding| finding.rule.name).collect();
        assert_eq!(errors, Vec::from_iter(rule), "{one}, {two}: {added}");
    }
    for (not_null, added, rule) in [
        (false, "add constraint u unique (id, k)", None),
        (false, "add primary key (id, k)", refused),
        (true, "add primary key (id, k)", None),
        (false, "add constraint f foreign key (x) references r (id)", refused),
        (false, "add constraint d check (x > 0)", refused),
    ] {
        let text = format!("alter table only parent {added};");
        let found =
            lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&with_partitions(unique, key, not_null)));
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<&str> = errors.map(|finding| finding.rule.name).collect();
        assert_eq!(errors, Vec::from_iter(rule), "ONLY: {added}");
    }
}

#[test]
fn a_view_that_comes_again_has_the_columns_that_it_had() {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let columns = || ["id", "note"].map(|name| (name.to_owned(), ColumnFacts::default())).into();
    let view = TableFacts { shows_others: true, columns: columns(), ..TableFacts::default() };
    let catalogue = Catalogue { tables: [(name("v"), view)].into(), ..Catalogue::default() };
    let found = |text: &str| -> Vec<String> {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
        let found = found.iter().filter(|finding| !finding.rule.name.contains("timeout"));
        found.map(|finding| format!("{} {}", finding.severity, finding.rule.name)).collect()
    };
    for (query, kept) in [
        ("as select id, note from t", true),
        ("as select t.id, x::text as note, y from t", true),
        ("as (select note::text, id from t) union select 1, 2", true),
        ("(id, note) as select a + 1, b from t", true),
        ("as with w as (select 1 as b) select t.* from t, w", true),
        ("as select * from t", true),
        ("as select id, upper(note) from t", true),
        ("as select id, x as notes from t", false),
        ("as select note from t", false),
        ("(a) as select id, note from t", false),
        ("as with w as (select id, note from t) select id from w", false),
    ] {
        let again = found(&format!("begin; drop view v; create view v {query}; commit;"));
        assert_eq!(again, [if kept { "warning view-dropped" } else { "error view-dropped" }], "{query}");
        let replaced = found(&format!("create or replace view v {query};"));
        assert_eq!(replaced.contains(&"error view-replace-refused".to_owned()), !kept, "{query}: {replaced:?}");
        let anew = found(&format!("begin; drop view v; create or replace view v {query}; commit;"));
        assert!(!anew.contains(&"error view-replace-refused".to_owned()), "{query}: {anew:?}");
    }
    let error = ["error view-dropped"];
    assert_eq!(found("drop view v; create view v as select id, note from t;"), error);
    assert_eq!(found("begin; drop view v; create view w as select id, note from t; commit;"), error);
    assert_eq!(found("begin; drop view v; create view v as select * from t; drop view v; commit;"), error);
    assert_eq!(found("begin; drop view v; create temp view v as select id, note from t; commit;"), error);
}

/// As seen on 14 and 18.
#[test]
fn what_the_server_will_refuse_is_foreseen() {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let columns = |all: &[(&str, &str, bool)]| {
        let fact = |data_type: &str, not_null| ColumnFacts { data_type: data_type.to_owned(), not_null };
        all.iter().map(|(name, data_type, not_null)| ((*name).to_owned(), fact(data_type, *not_null))).collect()
    };
    let key = |column: &str| ConstraintFacts { definition: format!("PRIMARY KEY ({column})"), validated: true };
    let keyed = TableFacts {
        columns: columns(&[("id", "bigint", true), ("code", "text", true), ("note", "text", false)]),
        constraints: [("keyed_pkey".to_owned(), key("id"))].into(),
        indexes: [
            ("keyed_pkey".to_owned(), index(&["id"], true)),
            ("by_code".to_owned(), index(&["code", "id"], true)),
            ("by_note".to_owned(), index(&["note"], false)),
        ]
        .into(),
        ..TableFacts::default()
    };
    let unkeyed =
        TableFacts { columns: columns(&[("a", "integer", false), ("b", "uuid", false)]), ..TableFacts::default() };
    let parent = TableFacts {
        partitioned: true,
        columns: columns(&[("k", "integer", true), ("v", "character varying(5)", false)]),
        ..TableFacts::default()
    };
    let part = |all: &[(&str, &str, bool)]| TableFacts { empty: true, columns: columns(all), ..TableFacts::default() };
    let view = |unique| TableFacts {
        indexes: [("by_a".to_owned(), index(&["a"], unique)), ("by_b".to_owned(), IndexFacts::default())].into(),
        ..TableFacts::default()
    };
    let catalogue = Catalogue {
        tables: [
            (name("keyed"), keyed),
            (name("unkeyed"), unkeyed),
            (name("parent"), parent),
            (name("fits"), part(&[("v", "character varying(5)", false), ("k", "integer", true)])),
            (name("less"), part(&[("k", "integer", true)])),
            (name("more"), part(&[("k", "integer", true), ("v", "character varying(5)", false), ("w", "text", false)])),
            (name("wide"), part(&[("k", "integer", true), ("v", "character varying(9)", false)])),
            (name("loose"), part(&[("k", "integer", false), ("v", "character varying(5)", false)])),
            (name("unique_view"), view(true)),
            (name("plain_view"), view(false)),
        ]
        .into(),
        enums: [(name("mood"), ["sad", "glad"].map(str::to_owned).into())].into(),
        volatile_functions: ["draw".to_owned()].into(),
        ..Catalogue::default()
    };
    let found = |text: &str| -> Vec<String> {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
        let refused = found.iter().filter(|finding| finding.rule.name.ends_with("-refused"));
        refused.map(|finding| finding.message.clone()).collect()
    };
    for (text, message) in [
        ("alter table unkeyed add foreign key (a) references keyed not valid", None),
        ("alter table unkeyed add foreign key (a) references keyed (id) not valid", None),
        (
            "alter table unkeyed add foreign key (b, a) references keyed (code, id) not valid",
            Some("b is uuid, keyed.code is text: no foreign key joins them"),
        ),
        ("create table n (i int, c varchar(5), foreign key (i, c) references keyed (id, code))", None),
        ("create table n (i int references keyed (note))", Some("no unique index of keyed is over just note")),
        ("create table n (i int references keyed (code))", Some("no unique index of keyed is over just code")),
        (
            "create table n (i int references unkeyed)",
            Some("unkeyed has no primary key for the foreign key to refer to"),
        ),
        (
            "create table n (i numeric references keyed)",
            Some("i is numeric, keyed.id is bigint: no foreign key joins them"),
        ),
        (
            "create table n (i uuid, foreign key (i) references keyed)",
            Some("i is uuid, keyed.id is bigint: no foreign key joins them"),
        ),
        ("alter table unkeyed add c bigserial references keyed", None),
        (
            "alter table unkeyed add c text references keyed",
            Some("c is text, keyed.id is bigint: no foreign key joins them"),
        ),
        ("alter table unkeyed add primary key (a); create table n (i int references unkeyed)", None),
        ("create unique index concurrently on keyed (note); create table n (i text references keyed (note))", None),
        ("alter table keyed add primary key (code)", Some("keyed has the primary key keyed_pkey already")),
        ("alter table keyed add column n bigint primary key", Some("keyed has the primary key keyed_pkey already")),
        ("alter table keyed add primary key (code), drop constraint keyed_pkey", None),
        ("alter table keyed drop constraint keyed_pkey; alter table keyed add primary key (code)", None),
        ("alter table parent attach partition fits for values in (1)", None),
        ("alter table parent attach partition less for values in (1)", Some("less has no column v")),
        (
            "alter table parent attach partition more for values in (1)",
            Some("more has the column w, which parent has not"),
        ),
        ("alter table more drop column w; alter table parent attach partition more for values in (1)", None),
        (
            "alter table parent attach partition wide for values in (1)",
            Some("wide.v is of another type or collation than parent.v"),
        ),
        ("alter table wide alter v type varchar(5); alter table parent attach partition wide for values in (1)", None),
        (
            "alter table parent attach partition loose for values in (1)",
            Some("loose.k may be NULL, and parent.k may not"),
        ),
        ("alter table loose alter k set not null; alter table parent attach partition loose for values in (1)", None),
        ("alter type mood add value 'mad'", None),
        ("alter type mood add value 'mad' after 'sad'", None),
        ("alter type mood add value 'sad'", Some("mood has 'sad' already")),
        ("alter type mood add value if not exists 'sad'", None),
        ("alter type mood add value 'mad' before 'bad'", Some("mood has no 'bad'")),
        ("alter type mood rename value 'bad' to 'mad'", Some("mood has no 'bad'")),
        ("alter type mood rename value 'sad' to 'glad'", Some("mood has 'glad' already")),
        ("alter type mood rename value 'sad' to 'mad'; alter type mood add value 'sad' before 'mad'", None),
        ("create type hue as enum ('red'); alter type hue add value 'red'", Some("hue has 'red' already")),
        ("alter type unknown add value 'a' before 'b'", None),
        ("refresh materialized view concurrently unique_view", None),
        (
            "refresh materialized view concurrently plain_view",
            Some("plain_view has no unique index over columns alone and all rows"),
        ),
        ("create unique index on plain_view (a); refresh materialized view concurrently plain_view", None),
    ] {
        let text = format!("{text};");
        assert_eq!(found(&text), Vec::from_iter(message), "{text}");
    }
    let defaults = |text: &str| -> Vec<String> {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
        let volatile = found.iter().filter(|finding| finding.rule.name == "volatile-default");
        volatile.map(|finding| finding.message.clone()).collect()
    };
    assert_eq!(defaults("alter table keyed add d int default draw();"), ["draw() is computed for every row of keyed"]);
    let unknown = ["draw() is computed for every row of keyed unless it is declared STABLE or IMMUTABLE"];
    assert_eq!(defaults("alter function draw() stable; alter table keyed add d int default draw();"), unknown);
}
