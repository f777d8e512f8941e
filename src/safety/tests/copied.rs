//! Rows and values that a file copies, and what of them comes back under the old name.

use super::*;
use crate::safety::{Catalogue, RelationName, TableFacts, TableObject, lint_with};

const MADE: &str = "create table t (id integer primary key, a text, b text, n integer); \
                    create table o (id integer primary key, k integer);";
const NEW: &str = "create table t2 (id integer primary key, a text, b text, n integer);";
const SWAP: &str = "drop table t; alter table t2 rename to t;";
const BOTH: [Engine; 2] = [Engine::Sqlite, Engine::DuckDb];

/// The rules behind the errors of a file that is next in a set.
#[track_caller]
fn errors_behind(of: Engine, made: &str, sql: &str, live: Option<&Catalogue>) -> Vec<&'static str> {
    let inputs = [Input::applied("1", made), Input::new("2", sql)];
    let found = lint_with(&inputs, &LintOptions::for_set(of, 14, "app"), live);
    let mut found: Vec<_> =
        found.iter().filter(|found| found.severity == Severity::Error).map(|found| found.rule.name).collect();
    found.sort_unstable();
    found
}

#[track_caller]
fn errors(of: Engine, sql: &str) -> Vec<&'static str> {
    errors_behind(of, MADE, sql, None)
}

#[test]
fn a_table_is_dropped_unless_its_rows_end_under_its_name() {
    for of in BOTH {
        for sql in [
            "create temp table keep as select * from t; drop table t;",
            "create temp table keep as select * from t; drop table t; create table t (id integer primary key, a text, b text, n integer);",
            "create table keep as select * from t; drop table t; create table t (id integer primary key, a text, b text, n integer); \
             insert into t select * from keep where n > 1; drop table keep;",
            "create table arch as select * from t; drop table t;",
            &format!("{NEW} insert into t2 select * from t; drop table t;"),
            &format!("{NEW} insert into t2 select * from o; {SWAP}"),
            &format!("{NEW} insert into t2 select * from t; {SWAP} drop table t;"),
            "create table arch as select * from t with no data; drop table t; alter table arch rename to t;",
        ] {
            let found = errors(of, sql);
            assert!(found.contains(&"table-dropped"), "{of}: {sql}\n{found:?}");
        }
        for sql in [
            &format!("{NEW} insert into t2 select * from t; {SWAP}"),
            "create temp table keep as select * from t; drop table t; create table t (id integer primary key, a text, b text, n integer); \
             insert into t select * from keep; drop table keep;",
            "create table keep as select * from t; drop table t; create table t (id integer primary key, a text, b text, n integer); \
             insert into t (n, id, b, a) select n, id, b, a from keep;",
        ] {
            assert_eq!(errors(of, sql), [""; 0], "{of}: {sql}");
        }
    }
}

/// A WITH may stand before INSERT, or behind it.
#[test]
fn a_query_with_a_name_copies_what_it_gives() {
    for of in BOTH {
        for (with, query) in [
            ("with r as (select * from t)", "select * from r"),
            ("with r as (select * from t)", "(id, a, b, n) select id, a, b, n from r"),
            ("with r as (select * from t)", "with s as (select * from r) select * from s"),
        ] {
            assert_eq!(
                errors(of, &format!("{NEW} {with} insert into t2 {query}; {SWAP}")),
                [""; 0],
                "{of}: {with} {query}"
            );
        }
        for (with, insert, expected) in [
            ("with r as (select * from t where n = 1)", "insert into t2 select * from r", "table-dropped"),
            ("with r as (select * from t)", "insert into t2 select * from r limit 1", "table-dropped"),
            ("with r as (select * from t)", "insert or ignore into t2 select * from r", "table-dropped"),
            (
                "with r as (select * from t)",
                "insert into t2 select * from r where true on conflict do nothing",
                "table-dropped",
            ),
            ("with r as (select * from t)", "insert into t2 select * from o", "table-dropped"),
            (
                "with r as (select id, a, n from t)",
                "insert into t2 (id, a, n) select id, a, n from r",
                "column-dropped",
            ),
            (
                "with r as (select * from t)",
                "insert into t2 (id, a, b, n) select id, b, a, n from r",
                "columns-mixed-up",
            ),
            ("with t as (select * from t where n = 1)", "insert into t2 select * from t", "table-dropped"),
        ] {
            let found = errors(of, &format!("{NEW} {with} {insert}; {SWAP}"));
            assert!(found.contains(&expected), "{of}: {with} {insert}\n{found:?}");
        }
        let keep = "create temp table keep as with r as (select * from t) select * from r; drop table t; \
            create table t (id integer primary key, a text, b text, n integer); insert into t select * from keep;";
        assert_eq!(errors(of, keep), [""; 0], "{of}");
    }
}

#[test]
fn a_query_that_leaves_rows_out_copies_no_table() {
    for of in BOTH {
        for query in [
            "select max(id), max(a), max(b), max(n) from t",
            "select count(*), 'a', b, n from t",
            "select t.id, t.a, t.b, t.n from t, o",
            "select t.id, t.a, t.b, t.n from t join o on o.id = t.n",
            "select t.id, t.a, t.b, t.n from t cross join o",
            "select * from t limit 5",
            "select * from t order by id limit 5",
            "select * from t where a = a",
            "select * from (select * from t where n = 1)",
            "select distinct a, a, b, n from t",
            "select * from t union select * from t",
            "select * from t except select * from t",
            "with r as (select * from t where n = 1) select * from r",
            "with r as (select * from t limit 5) select * from r",
            "with r as (select distinct a, a, b, n from t) select * from r",
            "with r as (select t.* from t join o on o.id = t.n) select * from r",
            "with r as (select t.* from t, o) select * from r",
            "with r as (select * from t union all select * from t) select * from r",
            "with r as (select max(id), max(a), max(b), max(n) from t) select * from r",
            "with r as (select * from t) select * from r where n = 1",
            "with r as (select * from t) select * from r limit 5",
            "with r as (select * from t) select r.* from r, o",
            "with r as (select * from t), s as (select * from r where n = 1) select * from s",
            "with r as (select * from s), s as (select * from t where n = 1) select * from r",
            "with t as (select * from o) select id, id, id, id from t",
            "with recursive r as (select * from t union all select * from r where id < 0) select * from r",
            "with r as (select * from t) select r.* from r left join r as s on s.id = r.n",
            "with o as (select n as id from t) select t.* from t left join o on o.id = t.n",
            "select * from (with t as (select id, 'a', 'b', k from o) select * from t)",
            "with r as (select * from t) select * from main.r",
        ] {
            let found = errors(of, &format!("{NEW} insert into t2 {query}; {SWAP}"));
            assert!(found.contains(&"table-dropped"), "{of}: {query}\n{found:?}");
        }
        for query in [
            "select * from t where true",
            "select * from t where 1 = 1 order by id",
            "select * from (select * from t)",
            "select q.id, a, q.b, n from (select * from t) as q",
            "select distinct id, a, b, n from t",
            "select distinct * from t",
            "select t.id, t.a, t.b, t.n from t left join o on o.id = t.n",
            "select t.* from t left join o on t.n = o.id",
            "select id, a, b, coalesce(n, 0) from t",
            "select id, a, b, cast(n as integer) from t",
            "select id, a, b, n from t as old",
            "select id, a, b, case when n is null then 0 else n end from t",
            "select id, a, b, case when (n) is not null then n else 0 end from t",
            "select id, a, b, case when n notnull then n end from t",
            "select id, a, b, case when t.n is null then (case a when '' then 1 else 2 end) else t.n end as n from t",
            "select id, a, b, case when n is null then 0 else cast(n as integer) end from t",
            "select id, a, b, if(n is not null, coalesce(n, 1), 0) from t",
            "select id, a, b, ifnull(n, 0) from t",
            "with r as (select * from t) select * from r",
            "with r as (select id, a, b, n from t) select x.id, a, x.b, n from r as x",
            "with r as materialized (select * from t), s as not materialized (select * from r) select id, a, b, n from s",
            "with r (n, a, b, id) as (select n, a, b, id from t) select id, a, b, n from r",
            "with r as (select * from t), unused as (select * from o limit 1) select * from r order by id",
            "select * from (with r as (select * from t) select * from r)",
        ] {
            assert_eq!(errors(of, &format!("{NEW} insert into t2 {query}; {SWAP}")), [""; 0], "{of}: {query}");
        }
        for value in [
            "case when n is null then 0 end",
            "case when n is null then n else 0 end",
            "case when n is not null then 0 else n end",
            "case when n is null then 0 when n = 5 then 6 else n end",
            "case when n is null or n = 1 then 0 else n end",
            "case when id is null then 0 else n end",
            "case when o.k is null then 0 else n end",
            "case when n is null then 0 else n end + case when n is null then 0 else n end",
            "case when n is null then 0 else n + 1 end",
            "case when n is null then 0 else -n end",
            "case when n = null then n else 0 end",
            "iif(n is null, n, 0)",
            "iif(n = 1, 0, n)",
            "iif(n is null, 0, n) + 1",
            "ifnull(n + 1, 0)",
        ] {
            let query = format!("select t.id, t.a, t.b, {value} as n from t left join o on o.id = t.n");
            let query = query.replace(" n ", " t.n ").replace("(n ", "(t.n ").replace("as t.n", "as n");
            let found = errors(of, &format!("{NEW} insert into t2 {query}; {SWAP}"));
            assert!(found.iter().any(|rule| rule.ends_with("-narrows")), "{of}: {query}\n{found:?}");
        }
        // Not the key of the other table: a row may find two of it.
        let twice = "select t.id, t.a, t.b, t.n from t left join o on o.k = t.n";
        assert_eq!(errors(of, &format!("{NEW} insert into t2 {twice}; {SWAP}")), ["table-dropped"]);
    }
    for (query, expected) in [
        ("select * from t qualify row_number() over (partition by a) = 1", "table-dropped"),
        ("select * from t tablesample 10%", "table-dropped"),
        ("select * from t using sample 5", "table-dropped"),
        ("from t limit 1", "table-dropped"),
        ("table t limit 1", "table-dropped"),
        ("from t select id, a, b, n where n = 1", "table-dropped"),
        ("with r as (from t using sample 5) from r", "table-dropped"),
        ("with r as (from t) from r where n = 1", "table-dropped"),
        ("select * replace (null as b) from t", "column-dropped"),
        ("(id, a, n) select * exclude (b) from t", "column-dropped"),
        ("(id, a, n) select * exclude b from t", "column-dropped"),
        ("by name select id, a, n from t", "column-dropped"),
        ("select * replace (upper(b) as b) from t", "duckdb-narrows"),
    ] {
        let found = errors(Engine::DuckDb, &format!("{NEW} insert into t2 {query}; {SWAP}"));
        assert_eq!(found, [expected], "{query}");
    }
    for query in [
        "from t",
        "from t select id, a, b, n",
        "by name select n, b, a, id from t",
        "select * replace (coalesce(b, '') as b) from t",
        "(from t)",
        "table t",
        "(table t)",
        "with r as (from t) from r select id, a, b, n",
        "with r as (table t) table r",
        "from (from t select id, a, b, n) as r select r.*",
        "table t order by id",
    ] {
        assert_eq!(errors(Engine::DuckDb, &format!("{NEW} insert into t2 {query}; {SWAP}")), [""; 0], "{query}");
    }
    for query in ["select rowid, a, b, n from t", "select id, a, b, iif(n is null, 0, n) from t"] {
        assert_eq!(errors(Engine::Sqlite, &format!("{NEW} insert into t2 {query}; {SWAP}")), [""; 0], "{query}");
    }
    let no_rowid = format!("{NEW} insert into t2 select n, a, b, n from t; {SWAP}");
    assert_eq!(errors(Engine::Sqlite, &no_rowid), ["column-dropped"]);
}

#[test]
fn parts_that_leave_out_no_value_are_the_whole() {
    for of in BOTH {
        let batches = |one: &str, other: &str| {
            format!(
                "{NEW} insert into t2 select * from t where {one}; insert into t2 select * from t where {other}; {SWAP}"
            )
        };
        for (one, other) in [
            ("id <= 1000", "id > 1000"),
            ("id > 1000", "id <= 1000"),
            ("id <= 1000", "id >= 1001"),
            ("id < 10", "id >= -5"),
        ] {
            assert_eq!(errors(of, &batches(one, other)), [""; 0], "{of}: {one}, {other}");
        }
        for (one, other) in [
            ("id <= 1000", "id > 1001"),
            ("id < 1000", "id > 1000"),
            ("id <= 1000", "id between 1001 and 2000"),
            // NULL is in neither.
            ("n <= 1000", "n > 1000"),
            ("id <= 1000", "n > 1000"),
        ] {
            assert_eq!(errors(of, &batches(one, other)), ["table-dropped"], "{of}: {one}, {other}");
        }
        let three = batches("id < 10", "id between 10 and 20")
            .replace("drop table t;", "insert into t2 select * from t where id > 20; drop table t;");
        assert_eq!(errors(of, &three), [""; 0], "{of}");
    }
}

#[test]
fn rows_that_are_copied_are_lost_as_those_of_the_old_table() {
    for of in BOTH {
        for (then, rule) in [
            ("update t2 set a = null;", "update-without-where"),
            ("update t2 set n = 1, a = 'x';", "update-without-where"),
            ("delete from t2;", "delete-without-where"),
        ] {
            let sql = format!("{NEW} insert into t2 select * from t; {then} {SWAP}");
            assert_eq!(errors(of, &sql), [rule], "{of}: {then}");
            let sql = format!("{NEW} insert into t2 select * from t; {SWAP} {}", then.replace("t2", "t"));
            assert_eq!(errors(of, &sql), [rule], "{of}: {then}");
            // A table of the file's own has nothing to lose.
            assert_eq!(errors(of, &format!("{NEW} insert into t2 values (1, 'a', 'b', 2); {then}")), [""; 0], "{then}");
        }
        let new = NEW.replace("n integer", "n integer, c text");
        let filled =
            format!("{new} insert into t2 (id, a, b, n) select id, a, b, n from t; update t2 set c = upper(a); {SWAP}");
        assert_eq!(errors(of, &filled), [""; 0], "{of}");
        let some = format!("{NEW} insert into t2 select * from t; delete from t2 where id = 5; {SWAP}");
        assert_eq!(errors(of, &some), ["table-dropped"], "{of}");
        let column = format!("{NEW} insert into t2 select * from t; {SWAP} alter table t drop column b;");
        assert_eq!(errors(of, &column), ["column-dropped"], "{of}");
    }
}

#[test]
fn a_copy_that_is_rolled_back_is_none() {
    for of in BOTH {
        let sql = |end: &str| {
            format!(
                "-- charter: no-transaction\n{NEW} begin; insert into t2 select * from t; {end}; begin; {SWAP} commit;"
            )
        };
        assert_eq!(errors(of, &sql("commit")), [""; 0], "{of}");
        assert!(errors(of, &sql("rollback")).contains(&"table-dropped"), "{of}");
    }
}

#[test]
fn columns_that_are_named_crosswise_take_each_others_values() {
    for of in BOTH {
        let crosswise = format!("{NEW} insert into t2 (id, a, b, n) select id, b, a, n from t; {SWAP}");
        let found = errors(of, &crosswise);
        assert!(found.contains(&"columns-mixed-up"), "{of}: {found:?}");
        let renamed = "create table t2 (id integer primary key, a2 text, b text, n integer); \
                       insert into t2 (id, a2, b, n) select id, a, b, n from t;";
        assert_eq!(errors(of, &format!("{renamed} {SWAP}")), ["column-renamed"], "{of}");
        assert_eq!(errors(of, renamed), [""; 0], "{of}");
        let ordered = format!("{NEW} insert into t2 (n, b, a, id) select n, b, a, id from t; {SWAP}");
        assert_eq!(errors(of, &ordered), [""; 0], "{of}");
    }
}

#[test]
fn a_temporary_table_hides_no_table_of_a_schema() {
    for of in BOTH {
        let hidden = "create temp table t as select * from main.t; delete from main.t;";
        assert_eq!(errors(of, hidden), ["delete-without-where"], "{of}");
        assert_eq!(errors(of, "create temp table t as select * from main.t; drop table main.t;"), ["table-dropped"]);
        assert_eq!(errors(of, "create temp table t as select * from main.t where n > 1; delete from t;"), [""; 0]);
        assert_eq!(errors(of, "create temp table x (a integer); delete from temp.x; drop table x;"), [""; 0]);
    }
}

/// What a written-out table does not say any more comes in.
#[test]
fn a_rebuild_that_forgets_what_the_old_table_kept_out_is_told() {
    let made = "create table o (id integer primary key); create table t (id integer primary key, a text not null default 'x', \
                b text unique, n integer check (n > 0), o integer references o (id));";
    let whole = "id integer primary key, a text not null default 'x', b text unique, n integer check (n > 0), \
                 o integer references o (id)";
    for (of, rule) in [(Engine::Sqlite, "sqlite-rebuild-loses-keys"), (Engine::DuckDb, "duckdb-rebuild-loses-keys")] {
        let rebuild = |columns: &str| format!("create table t2 ({columns}); insert into t2 select * from t; {SWAP}");
        assert_eq!(errors_behind(of, made, &rebuild(whole), None), [""; 0], "{of}");
        for forgotten in
            [" primary key", " not null", " default 'x'", " unique", " check (n > 0)", " references o (id)"]
        {
            let sql = rebuild(&whole.replacen(forgotten, "", 1));
            assert_eq!(errors_behind(of, made, &sql, None), [rule], "{of}: {forgotten}");
        }
        let all = rebuild("id integer, a text, b text, n integer, o integer");
        assert_eq!(errors_behind(of, made, &all, None), [rule], "{of}");
        // Said in another way, or more strictly, it is kept.
        let other = rebuild(
            "id integer, a text default 'y' not null, b text not null, n integer not null, o integer, \
             primary key (id), unique (b), constraint c check (n > 0), foreign key (o) references o (id)",
        );
        assert_eq!(errors_behind(of, made, &other, None), [""; 0], "{of}");
        let by_index = rebuild(&whole.replace(" unique", "")) + " create unique index i on t (b);";
        assert_eq!(errors_behind(of, made, &by_index, None), [""; 0], "{of}");
        let looser = rebuild(&whole.replace("n > 0", "n >= 0"));
        assert_eq!(errors_behind(of, made, &looser, None), [""; 0], "{of}");
    }
}

#[test]
fn what_a_table_keeps_out_is_not_dropped_unseen() {
    let made = "create table t (id integer primary key, a text not null default 'x', n integer, constraint c check (n > 0)); \
                create unique index u on t (n);";
    for (of, sql, expected) in [
        (Engine::Sqlite, "alter table t alter column a drop not null;", &["not-null-dropped"][..]),
        (Engine::Sqlite, "alter table t drop constraint c;", &["constraint-dropped"]),
        (Engine::Sqlite, "drop index u;", &["constraint-dropped"]),
        (Engine::Sqlite, "drop index u; create unique index v on t (n);", &[]),
        (Engine::Sqlite, "alter table t drop constraint c; alter table t add constraint d check (n > 1);", &[]),
        (Engine::DuckDb, "drop index u;", &["constraint-dropped"]),
        (Engine::DuckDb, "drop index u; create index v on t (n);", &["constraint-dropped"]),
        (Engine::DuckDb, "drop index u; create unique index v on t (n);", &[]),
    ] {
        assert_eq!(errors_behind(of, made, sql, None), expected, "{of}: {sql}");
    }
    let plain = "create table t (id integer primary key, a text not null default 'x');";
    for (sql, expected) in [
        ("alter table t alter column a drop not null;", "not-null-dropped"),
        ("alter table t alter a drop default;", "default-dropped"),
    ] {
        assert_eq!(errors_behind(Engine::DuckDb, plain, sql, None), [expected], "{sql}");
        let new = format!("{} {}", plain.replace("table t", "table x"), sql.replace("table t", "table x"));
        assert_eq!(errors_behind(Engine::DuckDb, "", &new, None), [""; 0], "{sql}");
    }
}

#[test]
fn a_rebuild_with_another_type_changes_values() {
    let rebuild = |columns: &str, query: &str| {
        format!("create table t2 ({columns}); insert into t2 {query}; drop table t; alter table t2 rename to t;")
    };
    for (of, made, columns, query, changes) in [
        (Engine::Sqlite, "a text", "a integer", "select * from t", true),
        (Engine::Sqlite, "a text", "a text", "select cast(a as integer) from t", true),
        (Engine::Sqlite, "a text", "a text", "select upper(a) from t", true),
        (Engine::Sqlite, "a real", "a text", "select a from t", true),
        (Engine::Sqlite, "a varchar(10)", "a text", "select a from t", false),
        (Engine::Sqlite, "a integer", "a text", "select a from t", false),
        (Engine::Sqlite, "a integer", "a bigint", "select cast(a as bigint) from t", false),
        (Engine::Sqlite, "a text", "a text, old text", "select upper(a), a from t", true),
        (Engine::Sqlite, "a text", "up text, a text", "select upper(a), a from t", false),
        (Engine::DuckDb, "a decimal(10, 2)", "a integer", "select * from t", true),
        (Engine::DuckDb, "a decimal(10, 2)", "a decimal(10, 2)", "select a::integer from t", true),
        (Engine::DuckDb, "a varchar", "a varchar", "select try_cast(a as varchar) from t", true),
        (Engine::DuckDb, "a varchar", "a date", "select a from t", true),
        (Engine::DuckDb, "a integer", "a bigint", "select a::bigint from t", false),
        (Engine::DuckDb, "a varchar", "a uuid", "select a from t", false),
    ] {
        let found = errors_behind(of, &format!("create table t ({made});"), &rebuild(columns, query), None);
        let is_changed = found.iter().any(|rule| rule.ends_with("-narrows") || *rule == "column-renamed");
        assert_eq!(is_changed, changes, "{of}: {made} to {columns} by {query}: {found:?}");
        assert!(changes || found.is_empty(), "{of}: {made} to {columns} by {query}: {found:?}");
    }
    // On the way through another table too.
    let aside = "create table k (a integer); insert into k select a from t; drop table t; create table t (a text); \
                 insert into t select a from k; drop table k;";
    assert_eq!(errors_behind(Engine::Sqlite, "create table t (a text);", aside, None), ["sqlite-narrows"]);
}

#[test]
fn a_table_that_is_renamed_and_made_anew_is_rebuilt() {
    let rebuild = "alter table t rename to t_old; create table t (id integer primary key, a text, b text, n integer); \
                   insert into t select * from t_old; drop table t_old;";
    for of in BOTH {
        assert_eq!(errors(of, rebuild), [""; 0], "{of}");
        assert_eq!(errors(of, &rebuild.replace(" drop table t_old;", "")), [""; 0], "{of}");
        assert_eq!(errors(of, &rebuild.replace("insert into t select * from t_old;", "")), ["table-dropped"], "{of}");
        let kept = "alter table t rename to t_old; create table t (id integer primary key, a text, b text, n integer);";
        assert_eq!(errors(of, kept), ["table-renamed"], "{of}");
        // Outside of a transaction it is gone for a while.
        let inputs = [Input::applied("1", MADE), Input::new("2", format!("-- charter: no-transaction\n{rebuild}"))];
        let found = lint(&inputs, &LintOptions::for_set(of, 14, "app"));
        assert!(found.iter().any(|found| found.rule.name == "table-renamed"), "{of}: {found:?}");
    }
    for follower in [
        "create view v as select a from t;",
        "create table c (t integer references t (id));",
        "create trigger g after insert on o begin delete from t where id = 7; end;",
    ] {
        let made = format!("{MADE} {follower}");
        let found = errors_behind(Engine::Sqlite, &made, rebuild, None);
        assert!(found.contains(&"table-renamed"), "{follower}: {found:?}");
    }
}

#[test]
fn what_a_rebuild_clears_away_before_it_begins_is_not_lost() {
    for of in BOTH {
        let clear = "drop table if exists t2;";
        assert_eq!(errors(of, &format!("{clear} {NEW} insert into t2 select * from t; {SWAP}")), [""; 0], "{of}");
        assert_eq!(errors(of, &format!("{clear} {NEW}")), ["table-dropped"], "{of}");
        assert_eq!(errors(of, clear), ["table-dropped"], "{of}");
        // One that the files made has what is in it.
        let made = format!("{MADE} {NEW}");
        let found = errors_behind(of, &made, &format!("{clear} {NEW} insert into t2 select * from t; {SWAP}"), None);
        assert_eq!(found, ["table-dropped"], "{of}");
    }
}

/// The columns and constraints that somebody added by hand count, not those of the files.
#[test]
fn what_the_database_says_of_a_table_counts() {
    let table = |name: &str, definition: &str| {
        let facts = TableFacts { definition: Some(definition.to_owned()), ..TableFacts::default() };
        (RelationName { schema: String::new(), name: name.to_owned() }, facts)
    };
    let live = |definition: &str| Catalogue {
        tables: [table("t", definition), table("o", "CREATE TABLE o(id INTEGER PRIMARY KEY, k INTEGER)")].into(),
        ..Catalogue::default()
    };
    let extra = live("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT, n INTEGER, \"extra\" TEXT)");
    let same = live("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT, n INTEGER)");
    let kept = live("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT, n INTEGER)");
    let rebuild = format!("{NEW} insert into t2 (id, a, b, n) select id, a, b, n from t; {SWAP}");
    let update = "update t set extra = 'x' where id = 1;";
    for of in BOTH {
        assert_eq!(errors_behind(of, MADE, &rebuild, Some(&extra)), ["column-dropped"], "{of}");
        assert_eq!(errors_behind(of, MADE, &rebuild, Some(&same)), [""; 0], "{of}");
        let found = errors_behind(of, MADE, &rebuild, Some(&kept));
        assert!(matches!(found.as_slice(), [rule] if rule.ends_with("-rebuild-loses-keys")), "{of}: {found:?}");
        assert_eq!(errors_behind(of, MADE, update, Some(&extra)), [""; 0], "{of}");
        if cfg!(all(feature = "sqlite", feature = "duckdb")) {
            assert_eq!(errors_behind(of, MADE, update, Some(&same)), [format!("{of}-cannot-run")], "{of}");
        }
        let index = TableObject {
            kind: "unique index".to_owned(),
            name: "u".to_owned(),
            table: "t".to_owned(),
            uses: vec!["a".to_owned()],
        };
        let indexed = Catalogue { objects: vec![index], ..same.clone() };
        assert_eq!(errors_behind(of, MADE, "drop index u;", Some(&indexed)), ["constraint-dropped"], "{of}");
    }
}
