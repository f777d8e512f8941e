//! What DuckDB makes no index of while the transaction that changed it is open.

use super::*;

const MADE: &str = "create table u (id integer primary key, name text not null, age integer); \
    create table k (a integer, b text, l integer[]); create table j (a integer, b text);";

/// The severities with which a file behind another one is told of it, by the text alone.
fn told(sql: &str) -> Vec<Severity> {
    let inputs = [Input::applied("1", MADE), Input::new("2", sql)];
    let found = lint(&inputs, &LintOptions::for_set(Engine::DuckDb, 14, "app"));
    found.iter().filter(|found| found.rule.name == "duckdb-index-behind-update").map(|found| found.severity).collect()
}

/// Each was run by DuckDB 2.0, over tables with rows.
#[test]
fn an_index_of_what_the_transaction_changed_fails() {
    for sql in [
        "update u set age = 0 where age is null; alter table u alter column age set not null;",
        "update u set age = 0 where age is null; create index i on u (age);",
        "update u set age = 0; create index if not exists i on u (name, abs(age));",
        "alter table u add column n integer; update u set n = 1 where n is null; create index i on u (n);",
        "update k set b = 'y'; alter table k add primary key (b);",
        "update k set b = 'y'; alter table k add constraint q unique (b);",
        "update k set b = 'y'; alter table k add unique (b);",
        "merge into k using (select 1 as a) s on k.a = s.a when matched then update set b = 'm'; create index i on k (b);",
        "merge into j using (select * from j) s using (a) when matched then update set *; create index i on j (b);",
        "update u set age = 0; alter table u rename column age to e; create index i on u (e);",
        "update u set age = 0; alter table u rename to x; create index i on x (age);",
        "with x as (select 1 as q) update k set b = 'y' from x; create index i on k (b);",
        "update k set b = 'y' where a = 1; delete from k where a = 2; create index i on k (b);",
        "-- charter: no-transaction\nbegin; update u set age = 0; create index i on u (age); commit;",
    ] {
        assert_eq!(told(sql), [Severity::Error], "{sql}");
    }
    for sql in [
        "insert into u (id, name) values (1, 'x') on conflict (id) do update set name = 'y'; create index i on u (name);",
        "insert or replace into u (id, name) values (1, 'x'); create index i on u (name);",
    ] {
        assert_eq!(told(sql), [Severity::Warning], "{sql}");
    }
}

#[test]
fn what_the_transaction_left_alone_or_wrote_anew_has_an_index() {
    for sql in [
        "update u set age = 0; create index i on u (name);",
        "update u set age = 0; alter table u alter column name set not null;",
        "update u set name = 'x'; alter table u alter column name set not null;",
        "create index i on u (age); update u set age = 0;",
        "update u set age = 0; alter table u alter column age type bigint; create index i on u (age);",
        "update k set b = 'y'; create table n as select * from k; create index i on n (b);",
        "create table n (a integer, b text); insert into n select a, b from k; update n set b = 'q'; alter table n alter b set not null;",
        "create table n (a integer, b text); insert into n select a, b from k; drop table k; alter table n rename to k; update k set b = 'q'; create index i on k (b);",
        "update k set b = 'q'; create or replace table k as select a, b from k; create index i on k (b);",
        // Rows are deleted and inserted again where an index, or a list, is set.
        "update u set id = 5, age = 0 where id = 1; create index i on u (age);",
        "update k set l = [1], b = 'q'; create index i on k (b);",
        "insert into u (id, name) values (1, 'x') on conflict do nothing; create index i on u (name);",
        "insert or replace into u (id, name) values (1, 'x'); create index i on u (age);",
        "merge into k using (select 1 as a) s on k.a = s.a when matched then delete; create index i on k (b);",
        "-- charter: no-transaction\nupdate u set age = 0; create index i on u (age);",
        "-- charter: no-transaction\nbegin; update u set age = 0; commit; begin; create index i on u (age); commit;",
    ] {
        assert_eq!(told(sql), [], "{sql}");
    }
}
