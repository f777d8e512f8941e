//! What the engines themselves refuse and run, asked with what the files have made.

use super::*;
use crate::safety::{Rehearse, lint_rehearsing};

/// The findings that say that a statement of the second file fails.
fn refused(made: &str, sql: &str, options: &LintOptions) -> Vec<String> {
    let fails = ["cannot-run", "index-blocks-alter", "drop-index-then-alter"];
    let found = findings(&format!("{made}\n---\n{sql}"), options);
    let found = found.iter().filter(|found| fails.iter().any(|rule| found.rule.name.ends_with(rule)));
    found.map(|found| format!("{} {}", shown(found), found.message)).collect()
}

#[track_caller]
fn all(made: &str, options: &LintOptions, cases: &[(&str, bool)]) {
    for (sql, cannot) in cases {
        let found = refused(made, sql, options);
        assert_eq!(!found.is_empty(), *cannot, "{sql}: {found:#?}");
        assert!(found.len() < 2, "told twice: {sql}: {found:#?}");
    }
}

fn set(of: Engine) -> LintOptions {
    LintOptions::for_set(of, 14, "app")
}

/// DuckDB 2.0.0, measured: whether the table has rows, and whether the index is of the same transaction, is no matter.
#[test]
fn duckdb_alters_what_has_lost_its_index_but_for_the_columns_of_it() {
    let made = "create table t (z integer, a integer, b integer, c integer);";
    for (index, type_fails, drop_fails) in [
        ("create index i on t (a)", "a", "za"),
        ("create unique index i on t (a)", "a", "za"),
        ("create index i on t (a, c)", "ac", "zabc"),
        ("create index i on t ((a + 1))", "a", "za"),
        ("create index i on t ((a + c))", "ac", "zabc"),
    ] {
        for column in ["z", "a", "b", "c"] {
            let retyped = format!("alter table t alter {column} type bigint");
            let dropped = format!("alter table t drop column {column}");
            let set = &set(Engine::DuckDb);
            all(
                &format!("{made} {index};"),
                set,
                &[
                    (&format!("drop index i; {retyped}"), type_fails.contains(column)),
                    (&format!("drop index i; {dropped}"), drop_fails.contains(column)),
                ],
            );
            // The text alone tells as much of a table that the files have not made, but for the order of its columns.
            if drop_fails.contains(column) == type_fails.contains(column) {
                all(&format!("{index};"), set, &[(&format!("drop index i; {dropped}"), type_fails.contains(column))]);
            }
        }
        for alter in [
            "alter a set not null",
            "alter b drop not null",
            "alter a set default 1",
            "rename column a to n",
            "rename column b to n",
            "rename to n; alter table n add unique (a)",
        ] {
            let sql = format!("drop index i; alter table t {alter}");
            all(&format!("{made} {index};"), &set(Engine::DuckDb), &[(&sql, false)]);
        }
        all(&format!("{made} {index};"), &set(Engine::DuckDb), &[("alter table t alter b type bigint", true)]);
        let renamed = "drop index i; alter table t rename a to aa; alter table t alter aa type bigint";
        all(&format!("{made} {index};"), &set(Engine::DuckDb), &[(renamed, true)]);
    }
    let two = format!("{made} create index i on t (a); create index j on t (b);");
    all(
        &two,
        &set(Engine::DuckDb),
        &[
            ("drop index i; alter table t alter c type bigint", true),
            ("drop index i; drop index j; alter table t alter c type bigint", false),
        ],
    );
    all(
        &format!("{two}\n---\ndrop index i; drop index j;"),
        &set(Engine::DuckDb),
        &[("alter table t alter a type bigint", false), ("alter table t drop column z", false)],
    );
}

#[test]
fn duckdb_changes_no_type_of_a_column_that_something_depends_on() {
    let made = "create table o (id integer primary key); \
                create table t (id integer primary key, u integer unique, v integer, g integer as (v + 1), \
                c integer check (c > 0), w integer, o integer references o (id));";
    for (column, cannot) in
        [("id", true), ("u", true), ("v", true), ("g", true), ("c", true), ("o", true), ("w", false)]
    {
        let sql = format!("alter table t alter column {column} type bigint");
        all(made, &set(Engine::DuckDb), &[(&sql, cannot)]);
    }
    all(
        made,
        &set(Engine::DuckDb),
        &[
            ("alter table t rename column id to key", false),
            ("alter table t rename column o to oo", true),
            ("alter table t drop column u", true),
            ("alter table t alter u set not null", false),
        ],
    );
}

#[test]
fn sqlite_runs_what_charters_foreign_keys_let_through() {
    let made = "create table usr (id integer primary key, n text unique); create table org (id integer primary key); \
                create table child (id integer primary key, usr_id integer references usr (id), org_id integer, \
                foreign key (org_id) references org (id));";
    all(
        made,
        &set(Engine::Sqlite),
        &[
            ("alter table child drop column usr_id", false),
            ("alter table child drop column org_id", true),
            ("alter table usr drop column n", true),
            ("alter table usr add column z integer default 1 references org (id)", false),
            ("alter table usr add column z integer not null default 1 references org (id)", false),
            ("alter table usr add column z integer not null references org (id)", true),
        ],
    );
    // Nobody has switched foreign keys off there.
    let alone = engine(Engine::Sqlite);
    all(made, &alone, &[("alter table usr add column z integer default 1 references org (id)", true)]);
    // Of a name that is used elsewhere the engine knows what it means.
    let view = format!("{made} create view v as select o.id, u.n from org o join usr u on u.id = o.id;");
    all(
        &format!("{view} alter table org add column n text;"),
        &set(Engine::Sqlite),
        &[("alter table org drop column n", false)],
    );
}

#[test]
fn what_sqlite_lacks_or_refuses_is_told_with_its_words() {
    let made = "create table usr (id integer primary key, e text, w integer); create table o (id integer) strict;";
    all(
        made,
        &set(Engine::Sqlite),
        &[
            ("create table public.n (a integer)", true),
            ("update public.usr set e = 'x' where id = 1", true),
            ("alter table app.usr add column k integer", true),
            ("create table main.n (a integer); create temp table m (a integer); insert into temp.m values (1)", false),
            ("insert into usr (e) values (now())", true),
            ("update usr set e = gen_random_uuid() where id = 1", true),
            ("insert into usr (e) values (datetime('now')), (hex(randomblob(4)))", false),
            ("create table n (id bigint primary key autoincrement)", true),
            ("create table n (a jsonb) strict", true),
            ("alter table o add column n varchar(20)", true),
            ("create table n (a text) without rowid", true),
            ("create table n (a text collate \"C\")", true),
            ("create index i on usr (e collate \"C\")", true),
            ("create table n (a integer check (a in (select id from o)))", true),
            ("create index i on usr (random())", true),
            ("alter table usr add column w integer", true),
            ("create trigger g instead of insert on usr begin select 1; end", true),
            ("create table usr (id integer)", true),
            ("create index i on usr (nope)", true),
            ("insert into usr (nope) values (1)", true),
            ("insert into usr values (1)", true),
            ("drop table o; insert into o values (1)", true),
        ],
    );
    let found = refused(made, "insert into usr (e)\nvalues (now());", &set(Engine::Sqlite));
    assert_eq!(found, ["2:1:1 error sqlite-cannot-run no such function: now"]);
}

#[test]
fn what_duckdb_lacks_or_refuses_is_told_with_its_words() {
    let made = "create table usr (id integer primary key, e varchar, w integer); create table o (id integer);";
    all(
        made,
        &set(Engine::DuckDb),
        &[
            ("create table public.n (a integer)", true),
            ("update public.usr set e = 'x' where id = 1", true),
            ("alter table app.usr add column k integer", true),
            ("create schema app; create table app.n (a integer)", false),
            ("create table main.n (a integer); create temp table m (a integer); insert into temp.m values (1)", false),
            ("insert into usr (id, e) values (1, now()), (2, gen_random_uuid())", false),
            ("insert into usr (e) values (datetime('now'))", true),
            ("insert into usr (e) values (hex(randomblob(4)))", true),
            ("update usr set e = to_char(now(), 'YYYY') where id = 1", true),
            ("insert into usr (e) values (jsonb_build_object('a', 1))", true),
            ("create macro m(a) as a + 1; insert into usr (id) values (m(1))", false),
            ("create table n (a xml)", true),
            ("alter table usr add column w integer", true),
            ("create table n as select range as a from range(1000000000000); insert into n (b) values (1)", true),
            ("create table n (a) as with q as (select 1) select * from q; insert into n (a) values (1)", false),
            ("drop table o; insert into o values (1)", true),
            // An extension may be there.
            ("insert into usr (e) values (st_point(1, 2))", false),
            ("load spatial; insert into usr (e) values (any_function(1))", false),
        ],
    );
    let found = refused(made, "insert into usr (e)\nvalues (to_char(1));", &set(Engine::DuckDb));
    assert_eq!(found, ["2:1:1 error duckdb-cannot-run Scalar Function with name to_char does not exist!"]);
}

/// What a host program made, what other files make, and what comes of a statement that failed, is not known.
#[test]
fn what_is_not_known_is_not_refused() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let made = "create table t (id integer primary key, a integer);";
        all(
            made,
            &set(of),
            &[
                ("insert into theirs (a) values (nowhere(1))", false),
                ("alter table theirs add column a integer; create view v as select a, b from theirs", false),
                ("create view v as select a from theirs; insert into t (id) select nope from v", false),
                ("create table c (a mood); insert into c (a) values ('glad')", false),
                ("create table c as select * from theirs; create index i on c (b)", false),
                // One finding: what depends on what failed is not told again.
                ("create table c (a integer, a text); create index i on c (b); insert into c (x) values (1)", true),
            ],
        );
        // Files that are no set may be for different databases.
        let other = "create table t (id integer primary key, b integer)";
        all(
            made,
            &engine(of),
            &[
                (&format!("{other}; create index i on t (b)"), false),
                ("create table if not exists t (b integer); create index i on t (b)", false),
                ("alter table t add column a integer", false),
            ],
        );
        all(made, &set(of), &[(other, true)]);
        // What each connection has of its own goes with it.
        all("create temp table n (a integer);", &set(of), &[("create temp table n (b integer)", false)]);
    }
}

/// A file that begins and ends its own transactions.
#[test]
fn a_transaction_that_is_rolled_back_has_made_nothing() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let text =
            "begin; create table t (a integer); rollback; create table t (b integer); insert into t (b) values (1)";
        all("select 1;", &engine(of), &[(text, false)]);
    }
}

/// Of applied files, what the others need is made, with all that it was made of.
#[test]
fn what_applied_files_made_is_known() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let applied = "create table o (id integer primary key); create table other (id integer); \
                       create table was (id integer, o integer references o (id)); alter table was rename to t;";
        for (sql, cannot) in [
            ("insert into t (id, o) values (1, 2)", false),
            ("insert into t (id, nope) values (1, 2)", true),
            ("alter table t add column o integer", true),
        ] {
            let found = lint(&[Input::applied("1", applied), Input::new("2", sql)], &set(of));
            assert_eq!(found.iter().any(|found| found.rule.name.ends_with("-cannot-run")), cannot, "{sql}: {found:#?}");
        }
    }
}

/// What is run next is refused by the engine itself, but a rule's suspicion must hold.
#[test]
fn what_is_run_next_is_rehearsed_where_a_rule_suspects_it() {
    let rules = |sql: &str, rehearse| {
        let made = "create table org (id integer primary key, n text); create table usr (id integer primary key, n text); \
                    create view v as select o.id, u.n from org o join usr u on u.id = o.id;";
        let inputs = [Input::applied("1", made), Input::new("2", sql)];
        let found = lint_rehearsing(&inputs, &set(Engine::Sqlite), None, rehearse);
        found.iter().map(|found| found.rule.name).collect::<Vec<_>>()
    };
    let (drops, calls) = ("alter table org drop column n;", "insert into usr (n) values (now());");
    assert_eq!(rules(drops, Rehearse::Suspected), ["column-dropped", "sqlite-rebuilds"]);
    assert_eq!(rules(drops, Rehearse::All), ["column-dropped", "sqlite-rebuilds"]);
    let blocked = "alter table usr drop column n;";
    assert_eq!(rules(blocked, Rehearse::Suspected), rules(blocked, Rehearse::All));
    assert!(rules(calls, Rehearse::Suspected).is_empty());
    assert_eq!(rules(calls, Rehearse::All), ["sqlite-cannot-run"]);
}

/// An index that waits to be made is met by whatever would have met it.
#[test]
fn an_index_that_nothing_has_met_yet_is_there_all_the_same() {
    let made = "create table t (a text, b text); create index i on t (a);";
    for (sql, cannot) in [
        ("create index i on t (b);", true),
        ("create index if not exists i on t (b);", false),
        ("create table i (a text);", true),
        ("create view i as select 1;", true),
        ("drop index i; create index i on t (b); create table j (a text);", false),
        ("drop index i; drop index i;", true),
        ("alter table t drop column a;", true),
        ("drop index i; alter table t drop column a;", false),
        ("select a from t indexed by i;", false),
        ("select a from t indexed by o;", false),
        (
            "create trigger g after insert on t begin select a from t indexed by i; end; insert into t values ('1', '2');",
            false,
        ),
        ("select a from t indexed by i; drop index i; select a from t indexed by i;", true),
        ("create index j on t (a); drop table t; create index j on t (a);", true),
    ] {
        let is_told = |text: &str| {
            let fails = ["sqlite-cannot-run", "sqlite-index-blocks-alter"];
            findings(text, &set(Engine::Sqlite)).iter().any(|found| fails.contains(&found.rule.name))
        };
        assert_eq!(is_told(&format!("{made}{sql}")), cannot, "in one file: {sql}");
        assert_eq!(is_told(&format!("{made}\n---\n{sql}")), cannot, "in two files: {sql}");
    }
}

/// What is temporary is gone for the next migration.
#[test]
fn a_later_file_has_no_temporary_table_of_another_one() {
    for (of, rule) in [(Engine::Sqlite, "sqlite-cannot-run"), (Engine::DuckDb, "duckdb-cannot-run")] {
        let set = LintOptions::for_set(of, 14, "app");
        let made = "create table u (id integer primary key, name text);\n---\n";
        let temporary = "create temp table b as select * from u;";
        let read = "insert into u select id + 10, name from b;";
        caught_with(&format!("{made}{temporary}\n---\n{read}"), &format!("3:1:1 error {rule}"), &set);
        let renamed = format!("{temporary} alter table b rename to k;");
        caught_with(
            &format!("{made}{renamed}\n---\n{}", read.replace(" b;", " k;")),
            &format!("3:1:1 error {rule}"),
            &set,
        );
        // Of files whose first ones are not given, nobody knows what it hid.
        safe_with(&format!("{temporary}\n---\n{read}"), &set);
        for again in ["create temp table b as select * from u;", "create table b as select * from u;"] {
            safe_with(&format!("{made}{temporary} {read}\n---\n{again} {}", read.replace("10", "20")), &set);
        }
    }
}
