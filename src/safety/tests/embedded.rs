//! SQLite and DuckDB, as SQLite 3.54.1 and DuckDB 2.0.0 answered when they were asked.

use super::rebuilds::rebuilt;
use super::*;

#[test]
fn sqlite_is_told_what_it_cannot_run() {
    let sqlite = engine(Engine::Sqlite);
    for sql in [
        "alter table t alter column a type bigint",
        "alter table t alter column b set default 5",
        "alter table t add constraint k unique (a)",
        "alter table t add constraint k foreign key (a) references o(id)",
        "alter table t add column x int not null",
        "alter table t add column x text default current_timestamp",
        "alter table t add column x int unique",
        "alter table t add column x int default 5 references o(id)",
        "alter table t add column x int generated always as (a*2) stored",
        "alter table t add column if not exists x int",
        "alter table t drop column if exists b",
        "alter table if exists t add column x int",
        "alter table t add column x int, add column y int",
        "alter table only t add column x int",
        "create index concurrently i on t(a)",
        "create index i on t using btree (a)",
        "create schema s",
        "create table x(a bigint generated always as identity)",
        "create table x(a int) inherits (t)",
        "create table x(a int) partition by range (a)",
        "create unlogged table x(a int)",
        "create type m as enum ('a')",
        "create extension x",
        "create function f() returns int language sql as 'select 1'",
        "create sequence s",
        "create materialized view v as select 1",
        "create or replace view v as select 1",
        "drop table o cascade",
        "select 1::int",
        "alter index ti rename to x",
        "create trigger g before insert on t for each row execute function f()",
        "create table x(a timestamptz default now())",
    ] {
        caught_rule(sql, "sqlite-cannot-run", &sqlite);
    }
    for sql in [
        "comment on table t is 'x'",
        "truncate t",
        "grant select on t to bob",
        "set lock_timeout = 1",
        "do $$ begin end $$",
        "merge into t using o on true when matched then delete",
        "select 'x",
        "select (1",
    ] {
        caught_rule(sql, "syntax-error", &sqlite);
    }
    for sql in [
        "alter table t alter column a set not null",
        "alter table t add constraint k check (a > 0)",
        "alter table t add column x int not null default 1",
        "alter table t add column x int references o(id)",
        "alter table t add column x int generated always as (a*2)",
        "create index if not exists i on t(b) where b > 0",
        "create table x (a text, b json, c timestamp with time zone default current_timestamp, check (a <> 'as identity'))",
        "insert into t(id) values (100) on conflict do nothing returning id",
        "update t set a = 1 where id = 5; delete from t where a is null",
        "create trigger g after insert on t begin update t set a = 1; delete from o; end; select 1",
        "create temp table n (a); drop table n",
        "with recursive a(b) as (select 1) select * from a",
    ] {
        safe_with(sql, &sqlite);
    }
}

/// What the lists of words do not know, the parsers do. Nothing that is named is looked at.
#[cfg(all(feature = "sqlite", feature = "duckdb"))]
#[test]
fn the_engines_own_parsers_are_asked() {
    for (sql, sqlite, duckdb) in [
        ("create index j on t (a) include (b)", true, true),
        ("create index on t (a)", true, true),
        ("create index j on t (a nulls first)", true, false),
        ("create unique index j on t (a) nulls not distinct", true, true),
        ("drop table t, o", true, true),
        ("alter table t rename constraint c to d", true, true),
        ("create table x (a text) with (fillfactor = 70)", true, true),
        ("create table x (a varchar(3)[])", true, false),
        ("create table x (a enum('x', 'y'))", true, false),
        ("create table x (a text primary key) without rowid", false, true),
        ("create virtual table x using fts5 (a)", false, true),
        ("alter table t add column x bigint primary key", true, true),
        ("alter table t add check (a > 0)", false, true),
        ("select * from 'nowhere.csv' where a = 1", false, false),
        ("select nowhere(a) from nowhere", false, false),
        ("create index j on nowhere (a)", false, false),
    ] {
        for (of, cannot) in [(Engine::Sqlite, sqlite), (Engine::DuckDb, duckdb)] {
            let found = findings(sql, &engine(of));
            let says = found.iter().any(|found| found.rule.name.ends_with("-cannot-run"));
            assert_eq!(says, cannot, "{sql} on {of}: {found:#?}");
        }
    }
}

/// A view that has to go while its table is made anew, or changes, comes back as it was.
#[test]
fn a_view_that_comes_again_is_no_view_dropped() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let alone = engine(of);
        let wrapped = LintOptions { wrapped: true, ..engine(of) };
        let was = "create view v as select a, max(b, 1) as c from t where a > 0;\n---\n";
        for again in ["select a, max(b, 1) as c from t", "select a, max(b, 1) as c, d from t join o on a = o.id"] {
            let text = format!("{was}drop view v; create view v as {again};");
            safe_with(&text, &wrapped);
            caught_with(&text, "2:1:1 error view-dropped", &alone);
        }
        for again in ["select a from t", "select a, max(c, 1) as c from t", "select max(b, 1) as c, a from t"] {
            let text = format!("{was}drop view v; create view v as {again};");
            caught_with(&text, "2:1:1 error view-dropped", &wrapped);
        }
        caught_with(
            &format!("{was}drop view v; create view w as select a from t;"),
            "2:1:1 error view-dropped",
            &wrapped,
        );
        caught_with(&format!("{was}create view v as select 1; drop view v;"), "2:1:28 error view-dropped", &wrapped);
        caught_with(
            &format!("{was}drop view v; create view v as select a, max(b, 1) as c from t; drop view v;"),
            "2:1:64 error view-dropped",
            &wrapped,
        );
        caught_with(
            &format!("{was}create view if not exists v as select 1; drop view v;"),
            "2:1:42 error view-dropped",
            &wrapped,
        );
        // What the file itself made is nobody's yet.
        for made in
            ["create view w as select a from t; drop view w;", "create temp view v as select a from t; drop view v;"]
        {
            safe_with(&format!("{was}{made}"), &wrapped);
            safe_with(&format!("{was}{made}"), &alone);
        }
        caught_with("drop view v; create view v as select a from t;", "1:1:1 warning view-dropped", &wrapped);
    }
}

#[track_caller]
fn caught_rule(text: &str, rule: &str, options: &LintOptions) {
    let found: Vec<String> = findings(text, options).iter().map(shown).collect();
    assert!(found.iter().any(|found| found.ends_with(&format!(" error {rule}"))), "{text}\nfound {found:#?}");
}

#[test]
fn sqlite_loses_no_data_unseen() {
    let sqlite = engine(Engine::Sqlite);
    for (sql, expected) in [
        ("drop table t", "1:1:1 error table-dropped"),
        ("alter table t drop column a", "1:1:1 error column-dropped"),
        ("alter table t drop column a", "1:1:1 warning sqlite-rebuilds"),
        ("alter table t rename to u", "1:1:1 error table-renamed"),
        ("alter table \"t\" rename a to b", "1:1:1 error column-renamed"),
        ("delete from t", "1:1:1 error delete-without-where"),
        ("update t set a = 1", "1:1:1 error update-without-where"),
        ("pragma foreign_keys = off; select 1", "1:1:1 error sqlite-foreign-keys-off"),
        ("create table x (a uuid)", "1:1:19 warning sqlite-affinity"),
        (
            "create table t (a int);\n---\ncreate index i on t (a);\n---\nalter table t drop column a",
            "3:1:1 error sqlite-index-blocks-alter",
        ),
        (
            "create table a (id integer primary key, b text, c text); create index i on a (c) where b is not null;\n---\nalter table a drop column b",
            "2:1:1 error sqlite-index-blocks-alter",
        ),
        (
            "create table a (id integer primary key, b text, c text, check (b <> c));\n---\nalter table a drop column b",
            "2:1:1 error sqlite-index-blocks-alter",
        ),
        (
            "create table a (id integer primary key, b int, c int as (b + 1));\n---\nalter table a drop column b",
            "2:1:1 error sqlite-index-blocks-alter",
        ),
        (
            "create table a (id integer primary key, b text); create view v as select b from a;\n---\nalter table a drop column b",
            "2:1:1 error sqlite-index-blocks-alter",
        ),
        (
            "create table a (id integer primary key); create table b (a int references a);\n---\ncreate table n (id); insert into n select * from a; drop table a; alter table n rename to a",
            "2:1:53 error sqlite-drops-referenced",
        ),
        (
            "create table t (a int); create index i on t (a);\n---\ncreate table n (a int); insert into n select * from t; drop table t; alter table n rename to t",
            "2:1:56 error sqlite-rebuild-loses-index",
        ),
        ("delete from t where 1", "1:1:1 error delete-without-where"),
        (
            "create table t (a int, b int);\n---\ncreate table n (a int); insert into n select a from t; drop table t; alter table n rename to t",
            "2:1:56 error column-dropped",
        ),
        (
            "create table n (a int); insert into n select a from t limit 1; drop table t; alter table n rename to t",
            "1:1:64 error table-dropped",
        ),
    ] {
        caught_with(sql, expected, &sqlite);
    }
    let duckdb = engine(Engine::DuckDb);
    caught_with("create or replace table t (a int)", "1:1:1 error table-dropped", &duckdb);
    safe_with("create or replace table t as select * from t", &duckdb);
    safe_with("delete from t where a", &duckdb);
    safe_with(
        "create table t (a int, b int, c int as (a * 2));\n---\ncreate table n (a int, b int); insert into n select a, cast(b as int) from t; drop table t; alter table n rename to t",
        &sqlite,
    );
    safe_with(
        "create table t (a int); create index i on t (a);\n---\ncreate table n (a int); insert into n select * from t; drop table t; alter table n rename to t; create index i on t (a);",
        &sqlite,
    );
    safe_with(
        "pragma foreign_keys = off; begin; select 1; commit; pragma foreign_key_check; pragma foreign_keys = on",
        &sqlite,
    );
    let wrapped = LintOptions { wrapped: true, ..sqlite };
    caught_with("vacuum", "1:1:1 error sqlite-in-transaction", &wrapped);
    caught_with("select 1; commit", "1:1:11 error transaction-control", &wrapped);
}

#[test]
fn duckdb_is_told_what_it_cannot_run() {
    let duckdb = engine(Engine::DuckDb);
    for sql in [
        "alter table pl add constraint k check (a > 0)",
        "alter table pl add constraint k foreign key (a) references o(id)",
        "alter table pl drop constraint k",
        "alter table pl add column x int not null",
        "alter table pl add column x int check (x > 0)",
        "alter table pl add column x int references o(id)",
        "alter table pl add column x int generated always as (a*2)",
        "alter table pl add column x int, add column y int",
        "alter table only pl add column x int",
        "create index i on pl(b) where b > 0",
        "create index concurrently i on pl(a)",
        "create index i on pl using gin (a)",
        "create index i on pl(b) include (a)",
        "create table x(a int references o(id) on delete cascade)",
        "create table x(a int references o(id) on update cascade)",
        "create table x(a bigint generated always as identity)",
        "create table x(a serial)",
        "create table x(a int unique deferrable)",
        "create table x(a json, b jsonb)",
        "create table x(a int) inherits (pl)",
        "create unlogged table x(a int)",
        "create domain d as int",
        "create materialized view v as select 1",
        "create trigger g after insert on pl for each row execute function f()",
        "alter type m add value 'b'",
        "set local lock_timeout = 1",
        "vacuum full",
        "create table x(a int, at timestamp)",
        "alter index ii rename to i3",
        "alter table pl set schema z",
    ] {
        caught_rule(sql, "duckdb-cannot-run", &duckdb);
    }
    for sql in [
        "grant select on pl to bob",
        "lock table pl",
        "savepoint x",
        "do $$ begin end $$",
        "reindex table pl",
        "cluster pl",
    ] {
        caught_rule(sql, "syntax-error", &duckdb);
    }
    for sql in [
        "alter table pl add constraint k unique (a)",
        "alter table pl add primary key (id)",
        "alter table pl add column x int not null default 1",
        "alter table pl add column if not exists x int default 5",
        "create unique index if not exists i on pl(a)",
        "create table x(a int references o(id) on delete restrict)",
        "create table x(a bytea, b blob, c json, \"at\" timestamp default current_timestamp, check (a <> b))",
        "create or replace view v as select 1",
        "create sequence s; create schema s; create type m as enum ('a'); comment on table pl is 'x'",
        "create temp table n (a int); drop table n",
    ] {
        safe_with(sql, &duckdb);
    }
}

#[test]
fn duckdb_is_told_what_blocks_an_alter() {
    let duckdb = engine(Engine::DuckDb);
    let made = "create table t (a int, b int); create index i on t (a);\n---\n";
    for alter in [
        "drop column b",
        "rename column b to c",
        "rename to u",
        "alter column b type bigint",
        "alter b set not null",
        "add column c int not null default 1",
        "add column c int unique",
        "add constraint k unique (b)",
    ] {
        caught_with(&format!("{made}alter table t {alter}"), "2:1:1 error duckdb-index-blocks-alter", &duckdb);
    }
    safe_with(&format!("{made}alter table t add column c int; alter table t alter b set default 5"), &duckdb);
    caught_with(
        "create table o (id int primary key); create table t (o int references o (id));\n---\nalter table o rename to p",
        "2:1:1 error duckdb-index-blocks-alter",
        &duckdb,
    );
    caught_with(
        "create table o (id int primary key); create table t (o int references o (id));\n---\ndrop table o",
        "2:1:1 error duckdb-index-blocks-alter",
        &duckdb,
    );
    let wrapped = LintOptions { wrapped: true, ..duckdb };
    caught_with(
        &format!("{made}drop index i; alter table t alter a type bigint"),
        "2:1:15 error duckdb-drop-index-then-alter",
        &wrapped,
    );
    safe_with(&format!("{made}drop index i; alter table t add unique (b)"), &wrapped);
    safe_with(
        &format!(
            "{made}create table n as select * from t; drop table t; alter table n rename to t; create index i on t (a)"
        ),
        &wrapped,
    );
}

#[test]
fn a_later_file_adds_no_computed_column_to_rows_that_may_be_there_on_sqlite() {
    let sqlite = engine(Engine::Sqlite);
    let made = "create table t (id integer primary key);";
    safe_with(&format!("{made}alter table t add column x text default current_timestamp"), &sqlite);
    let later = format!("{made}\n---\nalter table t add column x text default current_timestamp");
    caught_with(&later, "2:1:1 error sqlite-cannot-run", &sqlite);
}

/// What takes a file's protection away, reaches for another file, or deletes rows unseen.
#[test]
fn what_harms_a_sqlite_file_is_told() {
    let (alone, wrapped) = (engine(Engine::Sqlite), LintOptions { wrapped: true, ..engine(Engine::Sqlite) });
    for (sql, rule) in [
        ("pragma writable_schema = on", "sqlite-schema-written"),
        ("PRAGMA main.writable_schema(1)", "sqlite-schema-written"),
        ("update sqlite_master set sql = 'x' where name = 't'", "sqlite-schema-written"),
        ("delete from sqlite_schema where name = 't'", "sqlite-schema-written"),
        ("pragma ignore_check_constraints = 1", "sqlite-checks-off"),
        ("pragma legacy_alter_table = on", "sqlite-checks-off"),
        ("pragma synchronous = off", "sqlite-not-durable"),
        ("pragma journal_mode = memory", "sqlite-not-durable"),
        ("attach 'other.db' as o", "sqlite-other-file"),
        ("detach o", "sqlite-other-file"),
        ("vacuum into 'copy.db'", "sqlite-other-file"),
        ("update or replace t set id = 2 where id = 1", "sqlite-replaces-rows"),
    ] {
        caught_rule(sql, rule, &alone);
        caught_rule(sql, rule, &wrapped);
    }
    for sql in [
        "pragma writable_schema = off",
        "pragma synchronous = normal",
        "pragma journal_mode = wal",
        "pragma ignore_check_constraints",
        "select * from sqlite_schema",
        "insert into t (a) values (1) on conflict (id) do update set a = 1",
        "create table n (id integer primary key, a int); insert or replace into n values (1, 2)",
    ] {
        safe_with(sql, &alone);
    }
    let rebuilt = "create table t (id int, a int);\n---\ncreate table n (id int, a int); insert into n select id, a from t; \
                   drop table t; alter table n rename to t;\nreplace into t (id) values (1)";
    caught_with(rebuilt, "2:2:1 error sqlite-replaces-rows", &wrapped);
    let table = Input::applied("1", "create table t (id integer primary key, a int, b int);");
    for (sql, severity) in [
        ("replace into t (id, a) values (1, 2)", Severity::Error),
        ("insert or replace into t (id, a) values (1, 2)", Severity::Error),
        ("insert or replace into t (id, a, b) values (1, 2, 3)", Severity::Warning),
        ("insert or replace into t values (1, 2, 3)", Severity::Warning),
    ] {
        let found = lint(&[table.clone(), Input::new("2", sql)], &alone);
        let found: Vec<_> = found.iter().map(|found| (found.rule.name, found.severity)).collect();
        assert_eq!(found, [("sqlite-replaces-rows", severity)], "{sql}");
    }
}

#[test]
fn what_reaches_beyond_a_duckdb_file_is_told() {
    let (alone, wrapped) = (engine(Engine::DuckDb), LintOptions { wrapped: true, ..engine(Engine::DuckDb) });
    for (sql, rule) in [
        ("attach 'o.duckdb' as o", "duckdb-other-file"),
        ("use o", "duckdb-other-file"),
        ("export database 'folder'", "duckdb-other-file"),
        ("import database 'folder'", "duckdb-other-file"),
        ("force checkpoint", "duckdb-checkpoint"),
    ] {
        caught_rule(sql, rule, &alone);
        caught_rule(sql, rule, &wrapped);
    }
    caught_rule("checkpoint", "duckdb-checkpoint", &wrapped);
    for (sql, rule) in [
        ("copy t to 't.csv'", "duckdb-other-file"),
        ("install json", "duckdb-extension"),
        ("load json", "duckdb-extension"),
        ("set memory_limit = '1GB'", "duckdb-setting"),
        ("pragma threads = 1", "duckdb-setting"),
    ] {
        caught_with(sql, &format!("1:1:1 warning {rule}"), &wrapped);
    }
    safe_with("checkpoint", &alone);
    safe_with("insert or replace into t values (1, 2)", &alone);
    let text = "create table t (a bigint, b bigint); create index ta on t (a);\n---\n\
                create table n (a bigint, b bigint); insert into n select a, b from t; drop table t; alter table n rename to t";
    caught_rule(text, "duckdb-rebuild-loses-index", &wrapped);
    safe_with(&format!("{text}; create index ta on t (a)"), &wrapped);
}

#[test]
fn a_name_in_quotes_is_no_keyword() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let options = LintOptions { wrapped: true, ..engine(of) };
        for name in ["from", "where", "group", "limit", "join", "(", ",", ".", "select", "primary", "check"] {
            let columns = format!("id bigint, \"{name}\" text");
            let copied = format!("insert into n (id, \"{name}\") select id, \"{name}\" from t");
            safe_with(&rebuilt(&columns, "", &columns, &copied), &options);
            caught_with(
                &rebuilt(&columns, "", "id bigint", "insert into n (id) select id from t"),
                "2:4:1 error column-dropped",
                &options,
            );
            caught_with(&format!("delete from \"{name}\""), "1:1:1 error delete-without-where", &options);
        }
        caught_with("update t set \"where\" = 1", "1:1:1 error update-without-where", &options);
        caught_with("alter table t rename \"to\" to b", "1:1:1 error column-renamed", &options);
        caught_with("alter table t drop column \"constraint\"", "1:1:1 error column-dropped", &options);
    }
}

#[test]
fn what_says_which_migrations_have_run_is_no_migrations_to_write() {
    for of in [Engine::Sqlite, Engine::DuckDb, Engine::Postgres] {
        let options = engine(of);
        for sql in [
            "delete from shop_schema_history where version = 3",
            "update shop_schema_audit set actor = 'x' where entry = 1",
            "insert into \"shop_schema_history\" (version) values (4)",
            "drop table if exists charter_schema_history",
            "drop table other, charter_schema_audit",
            "alter table charter_schema_audit add column x text",
            "update charter_schema_version set minimum_program = '99.0.0' where version = 1",
            "delete from charter_records where id = 1",
        ] {
            caught_rule(sql, "history-written", &options);
        }
        safe_with(
            "create table order_schema_history (id int); insert into order_schema_history (id) values (1)",
            &options,
        );
        safe_with("select minimum_program from charter_schema_version", &options);
        safe_with("select version from shop_schema_history", &options);
        safe_with("insert into notes (name) values ('shop_schema_history')", &options);
    }
    safe_with("insert into notes select name from shop_schema_history", &engine(Engine::Sqlite));
    caught_rule("alter table only public.shop_schema_audit rename to x", "history-written", &engine(Engine::Postgres));
}

/// Every table of charter's own set is one that others must not write.
#[test]
fn charters_own_tables_are_all_known() {
    let made = include_str!("../../../migrations/schema.sql").split("CREATE TABLE ").skip(1);
    for name in made.filter_map(|rest| rest.split([' ', '(']).next()) {
        let sql = format!("delete from {name} where 1 = 2");
        caught_rule(&sql, "history-written", &engine(Engine::Sqlite));
    }
}

/// A set without a database is judged as one whose earlier files have been run somewhere.
#[test]
fn what_loses_values_of_a_table_of_the_set_is_told_without_a_database() {
    let duckdb = LintOptions::for_set(Engine::DuckDb, 14, "app");
    let made = "create table t (id integer primary key, price double);\n---\n";
    caught_with(&format!("{made}alter table t alter column price type integer"), "2:1:1 error duckdb-narrows", &duckdb);
    caught_rule(&format!("{made}alter table t add column z integer not null"), "duckdb-cannot-run", &duckdb);
    let sqlite = LintOptions::for_set(Engine::Sqlite, 14, "app");
    let replaced = "create table t (id integer primary key, a text, b text);\n---\ninsert or replace into t (id, a) values (1, 'x')";
    caught_rule(replaced, "sqlite-replaces-rows", &sqlite);
    safe_with(
        "create table t (id integer primary key, a text, b text); insert or replace into t (id, a) values (1, 'x')",
        &sqlite,
    );
}

#[test]
fn what_reads_all_rows_of_sqlite_is_told() {
    let sqlite = LintOptions::for_set(Engine::Sqlite, 14, "public");
    for alter in ["alter column a set not null", "add constraint k check (a > 0)", "add check (a > 0)"] {
        let sql = format!("alter table t {alter};");
        caught_with(&sql, "1:1:1 warning sqlite-reads-rows", &sqlite);
        assert_eq!(findings(&format!("create table t (a int); {sql}"), &sqlite), []);
    }
}
