//! Which rows of an embedded file a condition leaves out.

use super::*;

#[test]
fn a_condition_that_leaves_out_no_row_is_none() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let options = engine(of);
        for condition in [
            "exists (select 1)",
            "exists (select 1 from d)",
            "id in (select id from c)",
            "c.id in (select id from c)",
            "id = id",
            "(id = id)",
            "1 = 1 and true",
            "id = 5 or 2 = 2",
        ] {
            for (statement, rule) in
                [("delete from c", "delete-without-where"), ("update c set name = null", "update-without-where")]
            {
                let text = format!("{statement} where {condition}");
                caught_with(&text, &format!("1:1:1 error {rule}"), &options);
            }
        }
        for condition in [
            "exists (select 1 from d where d.id = c.id)",
            "id in (select id from d)",
            "id in (select other from c)",
            "id in (select id from c where name is null)",
            "id = other",
            "id between 1 and 5",
            "true and id = 5",
        ] {
            safe_with(&format!("delete from c where {condition}"), &options);
        }
    }
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let text = "update c set name = (select name from d where d.id = c.id)";
        caught_with(text, "1:1:1 error update-without-where", &engine(of));
    }
}

#[test]
fn a_condition_that_every_row_meets_is_none() {
    let made = "create table t (id integer primary key, a text not null, b integer); create table o (id integer);";
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let options = LintOptions::for_set(of, 14, "app");
        let is_caught = |sql: &str| {
            let found = findings(&format!("{made}\n---\n{sql}"), &options);
            found.iter().any(|found| ["delete-without-where", "update-without-where"].contains(&found.rule.name))
        };
        for (condition, is_always) in [
            ("id is not null", true),
            ("t.a is not null", true),
            ("b is not null", false),
            ("b is null or b is not null", true),
            ("b is null or a is not null", true),
            ("b is null or id = 1", false),
            ("2 > 1", true),
            ("1 > 2", false),
            ("1 <> 0", true),
            ("1 >= 1", true),
            ("not 0", true),
            ("not false", true),
            ("not b", false),
            ("1 in (1, 2)", true),
            ("3 in (1, 2)", false),
            ("b in (1, 2)", false),
            ("id between id and id", true),
            ("id between 1 and 9", false),
            ("b between 1 and 9 and id = id", false),
            ("id > 0 or id <= 0", true),
            ("id > 0 or id < 9", false),
            ("id > 0 or b <= 0", false),
            ("id <> 1 or id = 1", true),
            ("b >= 0", false),
            ("a is not distinct from a", true),
            ("a is not distinct from 'x'", false),
            ("id in (select id from t where true)", true),
            ("id in (select id from t where b = 1)", false),
            ("id in (select id from o)", false),
            ("b - 1 > 0", false),
            ("-1", true),
            ("+1", true),
            ("0.5", true),
            ("0x1", true),
            ("0x0", false),
            ("'1'", true),
            ("'0'", false),
            ("2 > -1", true),
            ("id notnull", true),
            ("t.a not null", true),
            ("b notnull", false),
            ("rowid is not null", true),
            ("a like '%'", true),
            ("a like 'x%'", false),
            ("b like '%'", false),
            ("a glob '*'", true),
            ("(id, a) in (select id, a from t)", true),
            ("(id, a) in (select a, id from t)", false),
            ("(id, a) in (select id, a from t where b = 1)", false),
            ("id not in (1)", false),
            ("id not in (select id from t)", false),
        ] {
            assert_eq!(is_caught(&format!("delete from t where {condition}")), is_always, "{of}: {condition}");
            assert_eq!(is_caught(&format!("update t set b = 1 where ({condition})")), is_always, "{of}: {condition}");
        }
    }
}

#[test]
fn every_row_is_met_by_way_of_a_query_or_of_the_table_itself() {
    let made = "create table t (id integer primary key, a text not null, b integer); create table o (id integer);";
    for (of, sql, is_always) in [
        (Engine::Sqlite, "with x as (select id from t) delete from t where id in x", true),
        (Engine::Sqlite, "with x as (select id from t where b = 1) delete from t where id in x", false),
        (Engine::Sqlite, "delete from t where id in o", false),
        (Engine::Sqlite, "delete from t where id not in ()", true),
        (Engine::DuckDb, "with x as (select id from t) delete from t where id in (select id from x)", true),
        (Engine::DuckDb, "with x as (select id from o) delete from t where id in (select id from x)", false),
        (
            Engine::DuckDb,
            "with t as (select id from t where b = 1) delete from t where id in (select id from t)",
            false,
        ),
        (Engine::DuckDb, "delete from t where id = any (select id from t)", true),
        (Engine::DuckDb, "delete from t where id = any (select id from o)", false),
        (Engine::DuckDb, "delete from t using t x where x.id = t.id", true),
        (Engine::DuckDb, "delete from t using t as x where (t.id = x.id)", true),
        (Engine::DuckDb, "delete from t using t x where x.id = t.b", false),
        (Engine::DuckDb, "delete from t using t x where x.id = t.id and x.b = 1", false),
        (Engine::DuckDb, "delete from t using o x where x.id = t.id", false),
        (Engine::DuckDb, "update t set b = 1 from t as x where x.id = t.id", true),
        (Engine::DuckDb, "update t set b = 1 from o as x where x.id = t.id", false),
    ] {
        let found = findings(&format!("{made}\n---\n{sql}"), &LintOptions::for_set(of, 14, "app"));
        let is_caught = found.iter().any(|found| found.rule.name.ends_with("-without-where"));
        assert_eq!(is_caught, is_always, "{sql}");
    }
}

#[test]
fn a_merge_that_meets_every_row_is_no_smaller_than_an_update() {
    let made = "create table t (id integer primary key, b integer); create table o (id integer, b integer);";
    let options = LintOptions::for_set(Engine::DuckDb, 14, "app");
    for (merge, caught) in [
        ("using t as s on t.id = s.id when matched then delete", Some("delete-without-where")),
        ("as x using t on x.id = t.id when matched then update set b = 0", Some("update-without-where")),
        ("using (select 1) s on true when matched then delete", Some("delete-without-where")),
        ("using (select 1) s on (1 = 1) when not matched then insert values (1, 2)", None),
        ("using t as s on t.id = s.b when matched then delete", None),
        ("using t as s on t.id = s.id when matched and s.b = 1 then delete", None),
        ("using o on t.id = o.id when matched then update set b = o.b", None),
        ("using o on t.id = o.id when matched then update set b = o.b when not matched then insert", None),
    ] {
        let found = findings(&format!("{made}\n---\nmerge into t {merge}"), &options);
        let found = found.iter().find(|found| found.rule.name.ends_with("-without-where"));
        assert_eq!(found.map(|found| found.rule.name), caught, "{merge}");
    }
}
