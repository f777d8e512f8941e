//! What an embedded database tells beside the files.

use super::*;
use crate::safety::{Catalogue, ColumnFacts, RelationName, TableFacts, TableObject, lint_with};

fn table(name: &str, empty: bool, columns: &[(&str, &str)]) -> (RelationName, TableFacts) {
    let column = |(name, data_type): &(&str, &str)| {
        ((*name).to_owned(), ColumnFacts { data_type: (*data_type).to_owned(), ..ColumnFacts::default() })
    };
    let columns = columns.iter().map(column).collect();
    (
        RelationName { schema: String::new(), name: name.to_owned() },
        TableFacts { empty, columns, ..TableFacts::default() },
    )
}

fn object(kind: &str, name: &str, table: &str, uses: &[&str]) -> TableObject {
    let uses = uses.iter().map(|word| (*word).to_owned()).collect();
    TableObject { kind: kind.to_owned(), name: name.to_owned(), table: table.to_owned(), uses }
}

/// The rules behind the errors of a file that is next in a set.
fn errors(of: Engine, applied: &str, sql: &str, live: Option<&Catalogue>) -> Vec<&'static str> {
    let inputs = [Input::applied("1", applied), Input::new("2", sql)];
    let found = lint_with(&inputs, &LintOptions::for_set(of, 14, "app"), live);
    found.iter().filter(|found| found.severity == Severity::Error).map(|found| found.rule.name).collect()
}

/// Of applied files, what depends on a table is rehearsed too, under whatever name it goes.
#[test]
fn what_applied_files_made_blocks() {
    let made = "create table old (id int primary key, n int); create table b (a int references old (id)); create sequence sq; \
                create table c (id int default nextval('sq')); create schema sc; create table sc.x (a int); \
                alter table b rename to bb;";
    let live = Catalogue {
        tables: [table("old", false, &[]), table("bb", false, &[]), table("c", false, &[]), table("x", false, &[])]
            .into(),
        ..Catalogue::default()
    };
    for live in [None, Some(&live)] {
        let blocked = ["duckdb-index-blocks-alter"];
        assert_eq!(errors(Engine::DuckDb, made, "alter table old alter n type bigint;", live), blocked);
        let mut dropped = errors(Engine::DuckDb, made, "drop table old;", live);
        dropped.sort_unstable();
        assert_eq!(dropped, [blocked[0], "table-dropped"]);
        for (sql, expected) in [
            ("alter table old rename column n to m;", ["column-renamed", blocked[0]]),
            ("alter table old rename to o;", [blocked[0], "table-renamed"]),
        ] {
            let mut found = errors(Engine::DuckDb, made, sql, live);
            found.sort_unstable();
            assert_eq!(found, expected, "{sql}");
        }
        assert!(errors(Engine::DuckDb, made, "drop sequence sq;", live).contains(&"duckdb-cannot-run"));
        if cfg!(feature = "duckdb") {
            assert!(errors(Engine::DuckDb, made, "drop schema sc;", live).contains(&"duckdb-cannot-run"));
        }
        // What has gone again blocks nothing.
        let gone = format!("{made} drop table bb;");
        assert_eq!(
            errors(Engine::DuckDb, &gone, "alter table old alter n type bigint;", live.filter(|_| false)),
            [""; 0]
        );
    }
}

/// What a host program has made, and no file tells of.
#[test]
fn what_a_host_program_made_blocks() {
    let made = "create table a (id int primary key, n int); create sequence sq;";
    let live = Catalogue {
        tables: [table("a", false, &[("n", "DOUBLE")]), table("h", false, &[])].into(),
        objects: vec![object("foreign key", "", "h", &["a"]), object("default", "id", "h", &["nextval", "sq"])],
        ..Catalogue::default()
    };
    assert_eq!(errors(Engine::DuckDb, made, "alter table a alter n type bigint;", None), [""; 0]);
    assert_eq!(
        errors(Engine::DuckDb, made, "alter table a alter n type bigint;", Some(&live)),
        ["duckdb-index-blocks-alter", "duckdb-narrows"]
    );
    let mut found = errors(Engine::DuckDb, made, "drop sequence sq;", Some(&live));
    found.sort_unstable();
    assert_eq!(found, ["duckdb-cannot-run", "sequence-dropped"]);
}

#[test]
fn a_table_that_is_found_empty_is_as_good_as_new() {
    let made = "create table e (a int); create table o (id int primary key);";
    let live = |empty| Catalogue {
        tables: [table("e", empty, &[("a", "DOUBLE")]), table("o", empty, &[])].into(),
        ..Catalogue::default()
    };
    for add in [
        "at text not null default current_timestamp",
        "n text not null",
        "o int default 1 references o (id)",
        "s int as (a + 1) stored",
        "k int default 0 check (k > 1)",
    ] {
        let sql = format!("alter table e add column {add};");
        assert_eq!(errors(Engine::Sqlite, made, &sql, Some(&live(true))), [""; 0], "{sql}");
        let filled = format!("insert into e (a) values (1); {sql}");
        for (sql, live) in [(&sql, live(false)), (&filled, live(true))] {
            // Nothing refers to anything while charter runs a file.
            let expected: &[&str] = if add.starts_with('o') { &[] } else { &["sqlite-cannot-run"] };
            if cfg!(feature = "sqlite") || !add.starts_with('k') {
                assert_eq!(errors(Engine::Sqlite, made, sql, Some(&live)), expected, "{sql}");
            }
        }
    }
    let narrow = "alter table e alter a type int;";
    assert_eq!(errors(Engine::DuckDb, "", narrow, Some(&live(true))), [""; 0]);
    assert_eq!(errors(Engine::DuckDb, "", narrow, Some(&live(false))), ["duckdb-narrows"]);
}

/// Where nothing is, nothing is lost, whoever made the table.
#[test]
fn rows_of_a_table_that_is_found_empty_are_not_changed() {
    let live = |empty| Catalogue {
        tables: [table("e", empty, &[("a", "INTEGER")]), table("old", false, &[])].into(),
        ..Catalogue::default()
    };
    for made in ["", "create table e (a int); create table old (a int);"] {
        for (of, sql, rule) in [
            (Engine::Sqlite, "update e set a = 1;", "update-without-where"),
            (Engine::Sqlite, "delete from e;", "delete-without-where"),
            (Engine::Sqlite, "delete from e where 1 = 1;", "delete-without-where"),
            (Engine::DuckDb, "update e set a = 1;", "update-without-where"),
            (Engine::DuckDb, "delete from e;", "delete-without-where"),
            (Engine::DuckDb, "truncate e;", "truncate"),
            (
                Engine::DuckDb,
                "merge into e using (select 1 as a) as s on true when matched then delete;",
                "delete-without-where",
            ),
        ] {
            assert_eq!(errors(of, made, sql, Some(&live(true))), [""; 0], "{of}: {sql}");
            assert_eq!(errors(of, made, sql, Some(&live(false))), [rule], "{of}: {sql}");
            // What these files have put there may be another table's.
            let filled = format!("insert into e select a from old; {sql}");
            assert_eq!(errors(of, made, &filled, Some(&live(true))), [rule], "{of}: {filled}");
        }
        let renamed = "drop table e; alter table old rename to e; delete from e;";
        let found = errors(Engine::Sqlite, made, renamed, Some(&live(true)));
        assert!(found.contains(&"delete-without-where"), "{found:?}");
    }
}

#[test]
fn rows_that_a_file_puts_in_itself_are_rows() {
    let sqlite = engine(Engine::Sqlite);
    let add = "alter table n add column at text default current_timestamp";
    caught_with(
        &format!("create table n (a int); insert into n values (1); {add}"),
        "1:1:51 error sqlite-cannot-run",
        &sqlite,
    );
    caught_with(
        &format!("create table n (a int); with q as (select 1) insert into n select * from q; {add}"),
        "1:1:77 error sqlite-cannot-run",
        &sqlite,
    );
    safe_with(&format!("create table n (a int); {add}; insert into n (a) values (1)"), &sqlite);
    safe_with(&format!("create table n (a int); insert into n values (1); delete from n; {add}"), &sqlite);
}

#[test]
fn what_is_not_there_is_not_lost() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let live = Catalogue { tables: [table("t", false, &[])].into(), ..Catalogue::default() };
        assert_eq!(errors(of, "", "drop table if exists nothere;", Some(&live)), [""; 0]);
        assert_eq!(errors(of, "", "drop table if exists t;", Some(&live)), ["table-dropped"]);
        assert_eq!(errors(of, "", "drop table if exists nothere;", None), ["table-dropped"]);
        // Somebody has dropped what the files made.
        assert_eq!(errors(of, "create table was (a int);", "drop table if exists was;", Some(&live)), [""; 0]);
        // What is there is not made.
        let sql = "create table if not exists t (a int); drop table t;";
        assert_eq!(errors(of, "", sql, Some(&live)), ["table-dropped"]);
    }
}
