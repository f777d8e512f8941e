//! Values that DuckDB loses with a change of type, and what it drops along with sequences, types and macros.

use super::*;

const MADE: &str = "create table t (i integer, b bigint, f float, d double, n decimal(10, 4), w numeric(18), v varchar, \
                    ts timestamp, tz timestamptz, tt timetz, da date, bo boolean);";

/// What is found in a file that is next in a set.
fn next(applied: &str, sql: &str) -> Vec<String> {
    let inputs = [Input::applied("1", applied), Input::new("2", sql)];
    let found = lint(&inputs, &LintOptions::for_set(Engine::DuckDb, 14, "app"));
    found.iter().map(shown).collect()
}

#[test]
fn a_type_that_rounds_or_cuts_loses_data_on_duckdb() {
    let duckdb = engine(Engine::DuckDb);
    for alter in [
        "d type int",
        "d set data type decimal(10, 2)",
        "d type float",
        "f type bigint",
        "n type decimal(10, 2)",
        "n type integer",
        "w type double",
        "b type double",
        "i type boolean",
        "ts type date",
        "ts type time",
        "ts type timestamp_s",
        "tz type date",
        "tt type time",
        "v type int",
        "v type decimal(10, 2)",
        "v type double",
        "v type date",
        "v type timestamp",
        "v type int using (v::int)",
        "d type int using cast(d as int)",
        "d type int using d::int",
    ] {
        let found = next(MADE, &format!("alter table t alter column {alter}"));
        assert!(found.contains(&"2:1:1 error duckdb-narrows".to_owned()), "{alter}: {found:#?}");
    }
    for using in ["try_cast(v as int)", "0", "length(v)", "cast(i as int)", "(try_cast(v as int))"] {
        let found = next(MADE, &format!("alter table t alter v type int using {using}"));
        assert!(found.contains(&"2:1:38 error duckdb-narrows".to_owned()), "{using}: {found:#?}");
    }
    // What the expression makes is not known, whatever the type was.
    caught_with("alter table o alter v type int using 0", "1:1:38 error duckdb-narrows", &duckdb);
}

/// What does not fit fails, and nothing is lost.
#[test]
fn a_type_that_holds_all_values_or_refuses_them_loses_nothing_on_duckdb() {
    let duckdb = engine(Engine::DuckDb);
    for alter in [
        "i type bigint",
        "i type double",
        "b type integer",
        "b type decimal(18, 2)",
        "f type double",
        "n type decimal(18, 4)",
        "n type double",
        "w type bigint",
        "d type varchar",
        "ts type varchar",
        "ts type timestamp_ns",
        "da type timestamp",
        "v type varchar(20)",
        "v type uuid",
        "v type boolean",
        "v type uuid using (v::uuid)",
        "v type varchar using v",
        "bo type integer",
    ] {
        let found = next(MADE, &format!("alter table t alter column {alter}"));
        assert_eq!(found, ["2:1:1 warning duckdb-rebuilds"], "{alter}");
    }
    // A table of the same file has no rows of others, and a type that nobody knows loses nothing that is known.
    safe_with(
        "create table n (a double); alter table n alter a type int",
        &LintOptions::for_set(Engine::DuckDb, 14, "app"),
    );
    let unknown = findings("alter table o alter v type int", &duckdb);
    assert!(unknown.iter().all(|found| found.severity < Severity::Error), "{unknown:#?}");
}

#[test]
fn a_types_changes_are_followed() {
    let rules = |applied: &str, sql: &str| {
        let mut found = next(applied, sql);
        found.retain(|found| !found.ends_with("warning duckdb-rebuilds"));
        found
    };
    let narrow = "alter table t alter a type int;";
    assert_eq!(
        rules("create table t (a int); alter table t alter a type double;", narrow),
        ["2:1:1 error duckdb-narrows"]
    );
    assert_eq!(
        rules("create table t (z int); alter table t add column a double default 1.5;", narrow),
        ["2:1:1 error duckdb-narrows"]
    );
    assert_eq!(
        rules("create table t (b double); alter table t rename b to a;", narrow),
        ["2:1:1 error duckdb-narrows"]
    );
    assert_eq!(rules("create table t (a double); alter table t alter a type smallint;", narrow), [""; 0]);
}

/// Measured: the tables whose defaults use a sequence or a macro go with it, with their rows; a column keeps its type.
#[test]
fn what_duckdb_drops_with_what_it_uses_is_told() {
    let duckdb = engine(Engine::DuckDb);
    let made = "create sequence s; create macro m(a) as a + 1; create type e as enum ('a'); create view v as select m(1); \
                create table t (id int default nextval('main.s'), n int default m(1), x e);\n---\n";
    for (sql, expected) in [
        ("drop sequence s cascade", "2:1:1 error cascade"),
        ("drop sequence s cascade", "2:1:1 error sequence-dropped"),
        ("drop macro m cascade", "2:1:1 error cascade"),
        ("drop sequence if exists s", "2:1:1 error duckdb-cannot-run"),
        ("drop macro m", "2:1:1 error function-dropped"),
        ("drop macro table m", "2:1:1 error function-dropped"),
        ("drop function m", "2:1:1 error function-dropped"),
        ("drop type e", "2:1:1 error type-dropped"),
        ("drop type e cascade", "2:1:1 error type-dropped"),
        ("drop schema q cascade", "2:1:1 error schema-dropped"),
        ("drop view v cascade", "2:1:1 error view-dropped"),
        ("drop table t cascade", "2:1:1 error table-dropped"),
        (
            "create sequence q; alter table t alter n set default nextval('q'); drop sequence q cascade",
            "2:1:68 error cascade",
        ),
    ] {
        caught_with(&format!("{made}{sql}"), expected, &duckdb);
    }
    let found = findings(&format!("{made}drop sequence s cascade"), &duckdb);
    assert!(found.iter().any(|found| found.message == "the data of t is lost with s"), "{found:#?}");
    safe_with(
        "create sequence s; create macro m(a) as a; create type e as enum ('a'); drop sequence s cascade; drop macro m; drop type e",
        &duckdb,
    );
    let again = format!("{made}alter table t alter n drop default; drop macro m; create macro m(a) as a + 2");
    let found = findings(&again, &LintOptions { wrapped: true, ..duckdb });
    let found: Vec<_> = found.iter().map(shown).collect();
    assert_eq!(found, ["2:1:1 error default-dropped", "2:1:37 warning function-dropped"]);
    let found = findings(
        &format!("{again}; alter table t alter n set default m(2)"),
        &LintOptions { wrapped: true, ..engine(Engine::DuckDb) },
    );
    assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), ["2:1:37 warning function-dropped"]);
}
