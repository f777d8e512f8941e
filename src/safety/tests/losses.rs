//! Copies that are less than the table, when that is dropped.

use super::*;
use crate::safety::{Catalogue, RelationName, TableFacts, lint_with};

const COLUMNS: &str = "(id integer primary key, name text not null, email text, age integer)";
const SWAP: &str = "drop table u; alter table n rename to u;";
const BOTH: [Engine; 2] = [Engine::Sqlite, Engine::DuckDb];

/// The rules behind the errors of a file: alone, behind the file that made the table, and with a database that has it.
fn errors_of_each(of: Engine, made: &str, sql: &str) -> [Vec<&'static str>; 3] {
    let made = format!("create table u {COLUMNS}; {made}");
    let facts = TableFacts { definition: Some(format!("create table u {COLUMNS}")), ..TableFacts::default() };
    let name = RelationName { schema: String::new(), name: "u".to_owned() };
    let live = Catalogue { tables: [(name, facts)].into(), ..Catalogue::default() };
    let (applied, next) = (Input::applied("1", made), Input::new("2", sql));
    let options = LintOptions::for_set(of, 14, "app");
    let errors = |inputs: &[Input], live| {
        let found = lint_with(inputs, &options, live);
        let errors = found.iter().filter(|found| found.severity == Severity::Error);
        errors.map(|found| found.rule.name).collect()
    };
    [
        errors(std::slice::from_ref(&next), None),
        errors(&[applied.clone(), next.clone()], None),
        errors(&[applied, next], Some(&live)),
    ]
}

#[track_caller]
fn unsafe_in_each(of: Engine, rule: &str, sql: &str) {
    for found in errors_of_each(of, "", sql) {
        assert!(found.contains(&rule), "{of}: {sql}\n{found:?}");
    }
}

#[track_caller]
fn safe_in_each(of: Engine, sql: &str) {
    safe_behind(of, "", sql);
}

#[track_caller]
fn safe_behind(of: Engine, made: &str, sql: &str) {
    let [_, behind, live] = errors_of_each(of, made, sql);
    for found in [behind, live] {
        assert_eq!(found, [""; 0], "{of}: {sql}");
    }
}

/// A rebuild of `u` with something between the copy and the swap.
fn rebuilt(between: &str) -> String {
    format!("create table n {COLUMNS}; insert into n select * from u; {between} {SWAP}")
}

#[test]
fn a_temporary_table_stays_so_under_another_name() {
    for of in BOTH {
        for new in ["create temp table n", "create temporary table n", "create temp table if not exists n"] {
            unsafe_in_each(of, "table-dropped", &format!("{new} {COLUMNS}; insert into n select * from u; {SWAP}"));
        }
        unsafe_in_each(of, "table-dropped", &format!("create temp table n as select * from u; {SWAP}"));
    }
}

#[test]
fn what_is_written_to_a_table_behind_its_copy_is_lost() {
    for of in BOTH {
        for late in [
            "update u set email = 'x' where email is null;",
            "insert into u values (50, 'late', null, 1);",
            "delete from u where id = 7;",
            "with x as (select 1) update u set age = 2 where id = 3;",
        ] {
            unsafe_in_each(of, "table-dropped", &rebuilt(late));
        }
        for late in ["update other set email = 'x' where id = 1;", "insert into n values (50, 'new', null, 1);"] {
            safe_in_each(of, &rebuilt(late));
        }
        // What is written before is copied; what is copied again is there.
        safe_in_each(
            of,
            &format!(
                "update u set age = 1 where id = 1; create table n {COLUMNS}; insert into n select * from u; {SWAP}"
            ),
        );
        safe_in_each(of, &rebuilt("update u set age = 1 where id = 1; delete from n; insert into n select * from u;"));
    }
}

#[test]
fn what_is_taken_from_a_copy_is_lost() {
    for of in BOTH {
        unsafe_in_each(of, "table-dropped", &rebuilt("delete from n where id > 1;"));
        unsafe_in_each(of, "delete-without-where", &rebuilt("delete from n;"));
        for all in ["", "where true", "where id > 0", "where id >= 1"] {
            unsafe_in_each(of, "update-without-where", &rebuilt(&format!("update n set name = '' {all};")));
        }
        let kept = |between: &str| {
            format!(
                "create table a as select * from u; {between} drop table u; create table u {COLUMNS}; \
                 insert into u select * from a; drop table a;"
            )
        };
        unsafe_in_each(of, "table-dropped", &kept("delete from a where id > 1;"));
        unsafe_in_each(of, "update-without-where", &kept("update a set name = '' where id > 0;"));
        safe_in_each(of, &kept(""));
        // As of the old table itself, some values may be changed.
        safe_in_each(of, &rebuilt("update n set email = 'none' where email is null;"));
        safe_in_each(of, &rebuilt("update n set name = trim(name) where name like ' %';"));
        let filled = format!(
            "create table n {}, z text); insert into n (id, name, email, age) select * from u; update n set z = upper(name); {SWAP}",
            COLUMNS.trim_end_matches(')')
        );
        safe_in_each(of, &filled);
        // Nothing is lost while the table is there.
        for copy in ["create temp table b as select * from u;", "create table b as select * from u;"] {
            for of_copy in ["delete from b;", "delete from b where id = 1;", "update b set name = '';"] {
                safe_in_each(of, &format!("{copy} {of_copy}"));
            }
        }
        unsafe_in_each(of, "delete-without-where", &format!("{} delete from u;", rebuilt("")));
    }
    safe_in_each(Engine::DuckDb, "create temp table b as select * from u; truncate b;");
}

#[test]
fn a_trigger_of_the_new_table_may_leave_rows_out() {
    let with = |trigger: &str| {
        format!("create table n {COLUMNS}; {trigger} insert into n select * from u; drop trigger g; {SWAP}")
    };
    for trigger in [
        "create trigger g before insert on n when new.id > 1 begin select raise(ignore); end;",
        "create trigger g after insert on n begin delete from n where id < new.id; end;",
        "create temp trigger g after insert on n begin update n set name = '' where id = new.id; end;",
    ] {
        unsafe_in_each(Engine::Sqlite, "table-dropped", &with(trigger));
    }
    for trigger in [
        "create trigger g after insert on n begin insert into log values (new.id); end;",
        "create trigger g before insert on n when new.id < 0 begin select raise(abort, 'no'); end;",
        "create trigger g after delete on n begin delete from n where id = old.id; end;",
    ] {
        safe_behind(Engine::Sqlite, "create table log (id integer);", &with(trigger));
    }
}

/// SQLite leaves rows out, or replaces them, where a constraint says so.
#[test]
fn a_conflict_clause_of_the_new_table_may_leave_rows_out() {
    let with =
        |columns: &str, copied: &str| format!("create table n ({columns}); {copied} into n select * from u; {SWAP}");
    for columns in [
        "id integer primary key, name text not null, email text, age integer, unique (age) on conflict ignore",
        "id integer primary key, name text not null, email text, age integer, unique (age) on conflict replace",
        "id integer primary key, name text not null, email text, age integer unique on conflict ignore",
        "id integer primary key, name text not null, email text not null on conflict ignore, age integer",
        "id integer, name text not null, email text, age integer, primary key (name) on conflict replace",
    ] {
        unsafe_in_each(Engine::Sqlite, "table-dropped", &with(columns, "insert"));
        let [_, behind, _] = errors_of_each(Engine::Sqlite, "", &with(columns, "insert or abort"));
        assert!(!behind.contains(&"table-dropped"), "{columns}: {behind:?}");
    }
    for columns in [
        "id integer primary key on conflict replace, name text not null on conflict ignore, email text, age integer",
        "id integer primary key, name text not null, email text not null on conflict replace default 'z', age integer",
        "id integer primary key, name text not null, email text, age integer, unique (age) on conflict abort",
    ] {
        safe_in_each(Engine::Sqlite, &with(columns, "insert"));
    }
}

#[test]
fn a_copy_that_leaves_a_column_without_a_value_fails() {
    let open = COLUMNS.trim_end_matches(')');
    for (of, rule) in [(Engine::Sqlite, "sqlite-cannot-run"), (Engine::DuckDb, "duckdb-cannot-run")] {
        let with = |z: &str| {
            format!("create table n {open}, {z}); insert into n (id, name, email, age) select * from u; {SWAP}")
        };
        unsafe_in_each(of, rule, &with("z text not null"));
        for z in ["z text", "z text not null default 'x'"] {
            safe_in_each(of, &with(z));
        }
        // Of no row, none fails.
        let empty = format!(
            "create table e {COLUMNS}; create table n {open}, z text not null); \
                             insert into n (id, name, email, age) select * from e;"
        );
        safe_in_each(of, &empty);
    }
    let keyed = "create table n (id integer not null primary key, name text not null, email text, age integer); \
                         insert into n (name, email, age) select name, email, age from u;";
    safe_in_each(Engine::Sqlite, keyed);
    unsafe_in_each(Engine::DuckDb, "duckdb-cannot-run", keyed);
}

#[test]
fn a_unique_index_that_a_rebuild_makes_again_as_another_one_is_lost() {
    let index = "create unique index ui on u (email);";
    for of in BOTH {
        for again in [
            "create index ui on u (email);",
            "create unique index ui on u (id, email);",
            "create unique index ui on u (name);",
            "create index other on u (email);",
        ] {
            for found in &errors_of_each(of, index, &format!("{} {again}", rebuilt("")))[1..] {
                assert_eq!(*found, ["constraint-dropped"], "{of}: {again}");
            }
        }
        for again in ["create unique index ui on u (email);", "create unique index other on u (email);"] {
            safe_behind(of, index, &format!("{} {again}", rebuilt("")));
        }
        // A constraint keeps out the same.
        let constraint = COLUMNS.replace("email text", "email text unique");
        safe_behind(of, index, &format!("create table n {constraint}; insert into n select * from u; {SWAP}"));
        let found = errors_of_each(of, index, &rebuilt(""));
        assert!(found[1].iter().any(|rule| rule.ends_with("rebuild-loses-index")), "{of}: {found:?}");
    }
    let partial = format!("{} create unique index ui on u (email) where age > 100;", rebuilt(""));
    assert_eq!(errors_of_each(Engine::Sqlite, index, &partial)[1], ["constraint-dropped"]);
    let was = "create unique index ui on u (email) where age > 100;";
    safe_behind(Engine::Sqlite, was, &partial);
    let found = errors_of_each(Engine::Sqlite, index, "drop index ui; create unique index ui on u (id, email);");
    assert_eq!(found[1], ["constraint-dropped"]);
}
