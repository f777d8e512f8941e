//! How many rows a statement changes, by what the live catalogue tells of keys and sizes.

use super::super::{Catalogue, ColumnFacts, RelationName, TableFacts, lint_with};
use super::catalogue::index;
use super::*;

/// `big` and `small` with a key over `id`; `pairs` with one over `id` and `k`, of a thousand rows each id; `parts` of one each.
fn database() -> Catalogue {
    let column = |name: &&str| (name.to_string(), ColumnFacts { data_type: "bigint".to_owned(), not_null: true });
    let table = |columns: &[&str], key: &[&str], rows: u64, rows_of_id: Option<f64>| TableFacts {
        columns: columns.iter().map(column).collect(),
        column_order: columns.iter().map(|name| name.to_string()).collect(),
        indexes: [("key".to_owned(), index(key, true))].into(),
        rows: Some(rows),
        rows_of_value: rows_of_id.map(|rows| ("id".to_owned(), rows)).into_iter().collect(),
        ..TableFacts::default()
    };
    let named = |(name, table): (&str, TableFacts)| {
        (RelationName { schema: "public".to_owned(), name: name.to_owned() }, table)
    };
    let tables = [
        ("big", table(&["id", "small_id", "a"], &["id"], 200_000, None)),
        ("small", table(&["id", "big_id", "a"], &["id"], 20_000, None)),
        ("copied", table(&["id", "a"], &["id"], 200_000, None)),
        ("pairs", table(&["id", "k", "a"], &["id", "k"], 200_000, Some(1000.0))),
        ("parts", table(&["id", "k", "a"], &["id", "k"], 200_000, Some(1.0))),
    ];
    Catalogue { tables: tables.map(named).into(), ..Catalogue::default() }
}

fn is_unbatched(text: &str, catalogue: Option<&Catalogue>) -> bool {
    let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), catalogue);
    found.iter().any(|finding| finding.rule.name == "unbatched-backfill")
}

#[test]
fn a_batch_is_a_part_of_the_table_that_is_there() {
    for (text, expected) in [
        ("update big set a = 1 where id between 1 and 20000", false),
        ("update big set a = 1 where id between 1 and 100000", true),
        ("update small set a = 1 where id between 1 and 100000", false),
        // An id that many rows have is no key.
        ("update pairs set a = 1 where id between 1 and 100", true),
        ("update pairs set a = 1 where id between 1 and 100 and k = 5", false),
        ("update parts set a = 1 where id between 1 and 100", false),
    ] {
        assert_eq!(is_unbatched(text, Some(&database())), expected, "{text}");
    }
    assert!(!is_unbatched("update big set a = 1 where id between 1 and 100000", None));
}

#[test]
fn what_a_condition_leaves_of_the_table_that_is_joined_bounds_the_join() {
    for (text, expected) in [
        ("update big set a = s.a from small s where s.big_id = big.id and s.id between 1 and 1000", false),
        ("update big set a = s.a from small s where s.big_id = big.id and s.id in (1, 2)", false),
        ("delete from big using small s where s.big_id = big.id and s.id between 1 and 1000", false),
        ("update big set a = s.a from small s where s.big_id = big.id", true),
        ("update big set a = s.a from small s where s.big_id = big.id and s.a between 1 and 1000", true),
        ("update big set a = s.a from small s where s.big_id = big.id and (s.id between 1 and 1000 or s.a = 1)", true),
        // Many rows for each of these.
        ("update big set a = s.a from small s where s.id = big.small_id and s.id between 1 and 1000", true),
        ("update big set a = s.a from small s where s.id between 1 and 1000", true),
        (
            "update big set a = s.a from small s left join pairs on true where s.big_id = big.id and pairs.id is null and s.id between 1 and 1000",
            true,
        ),
    ] {
        assert_eq!(is_unbatched(text, Some(&database())), expected, "{text}");
    }
}

/// At first none of its rows is there.
#[test]
fn what_is_not_there_yet_is_the_whole_table() {
    for (text, expected) in [
        ("insert into copied select id, a from big", true),
        (
            "insert into copied select id, a from big b where not exists (select 1 from copied c where c.id = b.id)",
            true,
        ),
        ("insert into copied select id, a from big where id not in (select id from copied)", true),
        (
            "insert into copied select id, a from big b where not exists (select 1 from small s where s.id = b.id)",
            false,
        ),
        ("insert into copied select id, a from big b where a = 1 and id not in (select id from copied)", false),
        ("insert into copied select id, a from big where id not in (select id from copied) limit 1000", false),
    ] {
        assert_eq!(is_unbatched(text, Some(&database())), expected, "{text}");
    }
}
