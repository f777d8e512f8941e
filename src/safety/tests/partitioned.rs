//! Partitioned tables, by the text and as a live connection tells of them.

use super::super::{Catalogue, ColumnFacts, ConstraintFacts, IndexFacts, RelationName, TableFacts, lint_with};
use super::catalogue::index;
use super::*;

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
    let mut by_expression = partitioned("integer", "CHECK ((k <> 1))", true);
    by_expression.tables.values_mut().for_each(|table| table.partition_key = None);
    let attach = Input::new("1", "alter table parent attach partition part for values in (1);");
    let found = lint_with(&[attach], &LintOptions::default(), Some(&by_expression));
    assert!(found.iter().any(|finding| finding.rule.name == "partition-attach-scans"), "{found:#?}");
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

/// An index that a server tells of, with what else it compares.
fn told(columns: &[&str], unique: bool, rest: &str) -> IndexFacts {
    let mut told = index(columns, unique);
    told.shape.rest = rest.to_owned();
    told
}

/// A table as `events` is, or `e26`, with these constraints and indexes.
fn events(keys: &[(&str, &str)], indexes: &[(&str, IndexFacts)]) -> TableFacts {
    let columns = ["id", "at", "k"]
        .map(|name| (name.to_owned(), ColumnFacts { data_type: "integer".to_owned(), not_null: true }));
    let bounds = ("bounds", "CHECK (((at >= 1) AND (at < 10)))");
    let fact = |definition: &str| ConstraintFacts {
        definition: definition.to_owned(),
        validated: !definition.ends_with("NOT VALID"),
    };
    TableFacts {
        columns: columns.into(),
        constraints: keys.iter().chain([&bounds]).map(|(name, text)| ((*name).to_owned(), fact(text))).collect(),
        indexes: indexes.iter().map(|(name, index)| ((*name).to_owned(), index.clone())).collect(),
        ..TableFacts::default()
    }
}

/// The errors of a text, where `e26` is to be attached to `events`, and what they say.
fn attached(events: TableFacts, e26: TableFacts, before: &str) -> Vec<String> {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let by_range = TableFacts { partitioned: true, partition_key: Some(vec!["at".to_owned()]), ..events };
    let catalogue =
        Catalogue { tables: [(name("events"), by_range), (name("e26"), e26)].into(), ..Catalogue::default() };
    let attach = "-- charter: no-transaction\nalter table events attach partition e26 for values from (1) to (10);";
    let before = format!("-- charter: no-transaction\n{before}");
    let found =
        lint_with(&[Input::new("1", before), Input::new("2", attach)], &LintOptions::default(), Some(&catalogue));
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| format!("{}: {}", finding.rule.name, finding.message)).collect()
}

/// As measured on 14, 17 and 18.
#[test]
fn what_a_partition_lacks_is_built_when_it_is_attached() {
    let key = ("events_pkey", "PRIMARY KEY (id, at)");
    let by_k = || ("by_k", told(&["k"], false, "btree"));
    let parent = || events(&[key], &[("events_pkey", told(&["id", "at"], true, "btree")), by_k()]);
    let own_key = ("e26_pkey", "PRIMARY KEY (id, at)");
    let own = |columns: &[&str]| ("e26_pkey", told(columns, true, "btree"));
    let builds = |what: &str| {
        vec![format!(
            "partition-attach-builds-index: e26 has no index like {what} of events: built over all its rows under a lock"
        )]
    };
    let (the_key, the_index) = ("the primary key events_pkey (id, at)", "by_k (k)");
    let none: Vec<String> = Vec::new();
    let found = |e26: TableFacts| attached(parent(), e26, "");
    assert_eq!(found(events(&[], &[])), builds(&format!("{the_index}, nor {the_key}")));
    assert_eq!(found(events(&[own_key], &[own(&["id", "at"]), by_k()])), none);
    assert_eq!(found(events(&[own_key], &[own(&["id", "at"])])), builds(the_index));
    assert_eq!(found(events(&[], &[own(&["id", "at"]), by_k()])), builds(the_key), "a mere index");
    assert_eq!(found(events(&[("e26_pkey", "UNIQUE (id, at)")], &[own(&["id", "at"]), by_k()])), builds(the_key));
    let mut invalid = by_k().1;
    invalid.shape.invalid = true;
    for other in [invalid, told(&["k"], true, "btree"), told(&["k", "id"], false, "btree"), told(&["k"], false, "hash")]
    {
        assert_eq!(
            found(events(&[own_key], &[own(&["id", "at"]), ("by_k", other.clone())])),
            builds(the_index),
            "{other:?}"
        );
    }
    assert_eq!(found(TableFacts { empty: true, ..events(&[], &[]) }), none);
    let other = events(&[("e26_pkey", "PRIMARY KEY (at, id)")], &[own(&["at", "id"]), by_k()]);
    assert_eq!(found(other), ["partition-attach-builds-index: e26 has another primary key than events"]);

    // What the files have built before.
    let build = |table: TableFacts, text: &str| attached(parent(), table, text);
    let safe = "create index concurrently e26_k on e26 (k); create unique index concurrently e26_u on e26 (id, at);
                alter table e26 add constraint e26_pkey primary key using index e26_u;";
    assert_eq!(build(events(&[], &[]), safe), none);
    let keyed = || events(&[own_key], &[own(&["id", "at"])]);
    assert_eq!(build(keyed(), "create index concurrently e26_k on e26 (k desc);"), none);
    assert_eq!(build(keyed(), "create index concurrently e26_k on e26 (k) where k > 1;"), builds(the_index));
    assert_eq!(build(keyed(), "create index concurrently e26_k on e26 ((k + 1));"), builds(the_index));
    assert_eq!(
        build(
            keyed(),
            "create table c (like e26); alter table events attach partition c for values from (10) to (20);"
        ),
        builds(the_index)
    );
    let mut expression = told(&[], false, "btree (k + 1)");
    expression.shape.parts = vec![None];
    let computed = || events(&[], &[("computed", expression.clone())]);
    assert_eq!(attached(computed(), events(&[], &[]), "create index concurrently c on e26 ((k + 1));"), none);
    assert_eq!(attached(computed(), events(&[], &[]), ""), builds("computed (...)"));

    // The files make the partitioned table.
    let text = "create table t (id int not null, at int not null, k int, unique (id, at, k)) partition by range (at);
                alter table t attach partition e26 for values from (1) to (10);";
    let found = attached(parent(), keyed(), text);
    assert!(found.iter().any(|found| found.contains("the unique key t_id_at_k_key (id, at, k) of t")), "{found:#?}");
}

/// As measured on 14, 17 and 18.
#[test]
fn a_foreign_key_that_a_partition_lacks_is_looked_up_when_it_is_attached() {
    let key = "FOREIGN KEY (k) REFERENCES r(id)";
    let parent = || events(&[("f", key)], &[]);
    let looked_up =
        ["partition-attach-looks-up: every row of e26 is looked up in r, which cannot be written to meanwhile"];
    assert_eq!(attached(parent(), events(&[], &[]), ""), looked_up);
    assert_eq!(attached(parent(), events(&[("g", key)], &[]), ""), [""; 0]);
    for other in [
        "FOREIGN KEY (k) REFERENCES r(id) NOT VALID",
        "FOREIGN KEY (k) REFERENCES r(id) ON DELETE CASCADE",
        "FOREIGN KEY (id) REFERENCES r(id)",
    ] {
        assert_eq!(attached(parent(), events(&[("f", other)], &[]), ""), looked_up, "{other}");
    }
    assert_eq!(attached(parent(), TableFacts { empty: true, ..events(&[], &[]) }, ""), [""; 0]);
    let steps = "alter table e26 add constraint f foreign key (k) references r (id) not valid;
                 alter table e26 validate constraint f;";
    assert_eq!(attached(parent(), events(&[], &[]), steps), [""; 0]);
}

#[test]
fn what_a_partitioned_table_is_refused_it_is_refused_without_rows() {
    let made = "create table z (id bigint) partition by range (id);\n";
    let not_valid = format!("{made}alter table z add constraint f foreign key (id) references users (id) not valid;");
    caught_with(&not_valid, "1:2:15 error constraint-on-partitioned", &version(17));
    safe_with(&not_valid, &version(18));
    let using = "create unique index zi on z (id);\nalter table z add constraint zp primary key using index zi;";
    caught(&format!("{made}{using}"), "3:15 error constraint-on-partitioned");
    let only = "alter table only z add constraint f foreign key (id) references users (id);";
    caught(&format!("{made}{only}"), "2:20 error constraint-on-partitioned");
    safe(&format!("{made}alter table only z add primary key (id); alter table only z add check (id > 0);"));
    safe(&format!("{made}alter table z add constraint f foreign key (id) references users (id);"));
}

#[test]
fn no_two_partitions_take_the_same_rows() {
    let refused = |by: &str, one: &str, two: &str| -> bool {
        let made = format!("create table z (k {by} (k);\ncreate table z1 partition of z {one};\n");
        let again = |text: &str| {
            let found = findings(&format!("{made}{text}"), &LintOptions::default());
            found.iter().any(|found| found.rule.name == "partition-refused")
        };
        let refused = again(&format!("create table z2 partition of z {two};"));
        let attached = again(&format!("create table z2 (like z);\n---\nalter table z attach partition z2 {two};"));
        assert_eq!(refused, attached, "{by}: {one}, {two}");
        for gone in ["drop table z1", "alter table z detach partition z1", "begin; drop table z1; commit"] {
            assert!(!again(&format!("{gone}; create table z2 partition of z {two};")), "{gone}: {two}");
        }
        refused
    };
    let (numbers, days, texts) = ("bigint) partition by range", "date) partition by range", "text) partition by list");
    let values = |from: &str, to: &str| format!("for values from ({from}) to ({to})");
    for (by, one, two, is_refused) in [
        (numbers, values("1", "20"), values("10", "30"), true),
        (numbers, values("1", "20"), values("20", "30"), false),
        (numbers, values("10", "20"), values("1", "10"), false),
        (numbers, values("10", "20"), values("1", "100"), true),
        (numbers, values("10", "20"), values("minvalue", "11"), true),
        (numbers, values("10", "20"), values("-5", "'9'"), false),
        (numbers, values("10", "maxvalue"), values("20", "30"), true),
        (days, values("'2026-01-01'", "'2026-02-01'"), values("'2026-01-31'", "'2026-03-01'"), true),
        (days, values("'2026-01-01'", "'2026-02-01'"), values("'2026-02-01'", "'2026-03-01'"), false),
        ("text) partition by range", values("'5'", "'6'"), values("'10'", "'20'"), false),
        (texts, "for values in ('a', 'b')".to_owned(), "for values in ('b', 'c')".to_owned(), true),
        (texts, "for values in ('a', null)".to_owned(), "for values in (null)".to_owned(), true),
        (texts, "for values in ('a', 'b')".to_owned(), "for values in ('c', 'B')".to_owned(), false),
        (texts, "default".to_owned(), "default".to_owned(), true),
        (texts, "default".to_owned(), "for values in ('a')".to_owned(), false),
    ] {
        assert_eq!(refused(by, &one, &two), is_refused, "{by}: {one}, {two}");
    }
    let made = "create table z (k int) partition by range (k);\n";
    caught(&format!("{made}create table y partition of z for values from (3) to (3);"), "2:1 error partition-refused");
}

#[test]
fn partitions() {
    caught("alter table p attach partition c for values from (1) to (10);", "1:15 error partition-attach-scans");
    caught(
        "alter table c add constraint k check (d >= 1 and d < 10) not valid; alter table c validate constraint k;\nalter table p attach partition c for values from (1) to (10);",
        "2:15 error partition-attach-scans",
    );
    caught(
        "alter table c add constraint k check (d is not null and d >= 1 and d < 11) not valid; alter table c validate constraint k;\nalter table p attach partition c for values from (1) to (10);",
        "2:15 error partition-attach-scans",
    );
    safe(
        "alter table c add constraint k check (d is not null and d >= 1 and d < 10) not valid; alter table c validate constraint k;\nalter table p attach partition c for values from (1) to (10);",
    );
    safe("create table c (like p including all); alter table p attach partition c for values from (1) to (10);");
    caught("alter table p detach partition c;", "1:15 error partition-detach-not-concurrent");
    caught("begin; alter table p detach partition c concurrently; commit;", "1:22 error concurrently-in-transaction");
    safe("alter table p detach partition c concurrently; alter table p detach partition c finalize;");
    caught("create table c partition of p for values in (1);", "1:1 warning partition-created-in-place");
    caught("alter table p detach partition c concurrently;\ncreate index on p (a);", "2:1 error index-on-partitioned");
    caught(
        "create table p (a int) partition by list (a);\ncreate index concurrently on p (a);",
        "2:1 error index-on-partitioned",
    );
    safe("create index i on only p (a); create index concurrently j on c (a); alter index i attach partition j;");
    caught("alter table p no inherit q;", "1:15 error inheritance-changed");
}
