//! What is there already and what is not, by the text alone.

use super::super::{Catalogue, Existing, ExistingObject, lint_with};
use super::*;

/// What is said of existence, of files as a set of charter's or as anybody's.
fn told(files: &[&str], is_set: bool) -> Vec<String> {
    told_with(files, is_set, None)
}

fn told_with(files: &[&str], is_set: bool, catalogue: Option<&Catalogue>) -> Vec<String> {
    let input = |(at, text): (usize, &&str)| Input::new(format!("V{}__a.sql", at + 1), *text);
    let inputs: Vec<Input> = files.iter().enumerate().map(input).collect();
    let options = if is_set { LintOptions::for_set(Engine::Postgres, 14, "public") } else { LintOptions::default() };
    let found = lint_with(&inputs, &options, catalogue);
    let of_existence = found.iter().filter(|finding| ["already-exists", "does-not-exist"].contains(&finding.rule.name));
    of_existence.map(|finding| format!("{} {}", finding.severity, finding.message)).collect()
}

/// What runs an unknown call may do anything: that is told, and from then on nothing is known to be missing.
#[test]
fn every_statement_that_runs_a_call_is_known_to() {
    let missing = |statement: &str| {
        let text = format!("drop table gone;\n{statement};\ninsert into gone values (1);");
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), None);
        let has = |rule: &str| found.iter().any(|finding| finding.rule.name == rule);
        (has("unknown-function"), has("does-not-exist"))
    };
    for statement in [
        "select f()",
        "select 1 union select f()",
        "(select f())",
        "(select 1) union (select f())",
        "select f() into n",
        "values (f())",
        "insert into t values (f())",
        "update t set a = f() where a = 1",
        "delete from t where a = 1 returning f()",
        "merge into t using u on t.a = u.a when matched then update set a = f()",
        "declare c cursor with hold for select f()",
        "create table n as select f()",
        "create materialized view n as select f()",
        "copy (select f()) to '/tmp/n'",
    ] {
        assert_eq!(missing(statement), (true, false), "{statement}");
        assert_eq!(missing(&statement.replace("f()", "now()")), (false, true), "{statement}");
    }
    for statement in ["create table n as select f() with no data", "create view n as select f()"] {
        assert!(missing(statement).1, "{statement}");
    }
}

#[test]
fn what_a_set_made_dropped_or_renamed_is_known() {
    const NOTHING: [&str; 0] = [];
    for (files, expected) in [
        (
            &["create table t (a int);", "create table t (b int);"][..],
            &["error t is there already: V1__a.sql:1 makes it"][..],
        ),
        (
            &["create table t (a int);\n\ncreate view t as select 1;"],
            &["error t is there already: V1__a.sql:1 makes it"],
        ),
        (&["create table t (a int);", "create table if not exists t (b int);"], &NOTHING),
        (
            &["create table if not exists t (a int);", "create table t (b int);"],
            &["error t is there already: V1__a.sql:1 makes it"],
        ),
        (&["create table t (a int);", "drop table t;", "create table t (a int);"], &NOTHING),
        (
            &["create table t (a int);", "drop table t;", "insert into t values (1);"],
            &["error there is no table or view t any more: V2__a.sql:1 drops or renames it"],
        ),
        (
            &["alter table t rename to u;", "create index i on t (a);"],
            &["error there is no table t any more: V1__a.sql:1 drops or renames it"],
        ),
        (&["alter table t rename to u;", "create index i on u (a);"], &NOTHING),
        (&["alter table t rename to u;", "create table t (a int);", "create index i on t (a);"], &NOTHING),
        (&["create table t (a int);", "alter table t drop column b;"], &["error t has no column b"]),
        (
            &["create table t (a int);", "alter table t add column a int;"],
            &["error column a of t is there already: V1__a.sql:1 makes it"],
        ),
        (
            &["create table t (a int);", "alter table t rename a to b;", "update t set a = 1 where true;"],
            &["error t has no column a any more: V2__a.sql:1 drops or renames it"],
        ),
        (&["create table if not exists t (a int);", "alter table t drop column b;"], &NOTHING),
        // What is there already stays.
        (&["create table t (a int);", "alter table t set schema public; alter table t add b int;"], &NOTHING),
        (
            &["create table t (a int);", "create table app.t (a int);", "alter table t set schema app;"],
            &["error app.t is there already: V2__a.sql:1 makes it"],
        ),
        (&["create sequence s; alter sequence s set schema public;"], &NOTHING),
        (
            &["create type m as enum ('a', 'b', 'a');"],
            &["error the value a is there already: it stands twice in the list"],
        ),
        (
            &["create type p as (a int, a text);"],
            &["error the attribute a is there already: it stands twice in the list"],
        ),
        (
            &["create function f(a int, a text) returns int language sql as 'select 1';"],
            &["error the argument a is there already: it stands twice in the list"],
        ),
        (&["create function f(a int, out a int) language sql as 'select 1';"], &NOTHING),
        (
            &[
                "create table t (id int generated always as identity); alter table t alter id add generated always as identity;",
            ],
            &["error t.id is an identity already"],
        ),
        (&["insert into t (a) values (1), (\"x\");"], &["error VALUES has no column x: \"x\" is a name, 'x' a text"]),
        (&["insert into t (a) values (current_user), (current_schema), (lower('x')), (default);"], &NOTHING),
        (&["create table t (a int);", "insert into t values (1) returning a, t.a, b;"], &["error t has no column b"]),
        (
            &["create sequence s; drop sequence s;", "select nextval('s');"],
            &["error there is no sequence s any more: V1__a.sql:1 drops or renames it"],
        ),
        (&["create table t (like u);", "alter table t drop column b;"], &NOTHING),
        (
            &[
                "create table t (a int unique);",
                "alter table t drop constraint t_a_key;",
                "alter table t drop constraint t_a_key;",
            ],
            &["error t has no constraint t_a_key any more: V2__a.sql:1 drops or renames it"],
        ),
        (&["create index i on t (a);", "create index i on t (b);"], &NOTHING),
        (
            &["create table t (a int, b int); create index i on t (a);", "create index i on t (b);"],
            &["error i is there already: V1__a.sql:1 makes it"],
        ),
        (
            &["create type m as enum ('a');", "create domain m as int;"],
            &["error type m is there already: V1__a.sql:1 makes it"],
        ),
        (&["create schema s;", "create schema s;"], &["error schema s is there already: V1__a.sql:1 makes it"]),
        (
            &["drop schema s cascade;", "create table s.t (a int);"],
            &["error there is no schema s any more: V1__a.sql:1 drops or renames it"],
        ),
        (&["create table t (a int);", "set search_path = app; create table t (a int);"], &NOTHING),
        (&["create table t (a int);", "create temp table t (b int); drop table t;", "select a from t;"], &NOTHING),
        (&["create table t (a int);", "do $$ begin drop table t; end $$;", "create table t (a int);"], &NOTHING),
        (&["create table t (a int);", "select tidy();", "create table t (a int);"], &NOTHING),
        (&["drop table t;", "select restore();", "select a from t;"], &NOTHING),
        (&["select a from nobodys; alter table nobodys add column a int; drop view v; drop type m;"], &NOTHING),
        (&["drop table t; drop table t;"], &["error there is no table t any more: V1__a.sql:1 drops or renames it"]),
        (&["drop table t cascade; create view v as select 1;"], &NOTHING),
        (&["create view v as select 1 as a;", "drop table t cascade;", "create view v as select 1 as a;"], &NOTHING),
        (&["create table t (a int);", "not sql at all;", "create table t (a int);"], &NOTHING),
    ] {
        assert_eq!(told(files, true), expected, "{files:?}");
    }
}

/// Of files that are nobody's set it is not known that all of them are run, one after the other.
#[test]
fn files_that_are_no_set_may_take_each_other_back() {
    for files in [
        ["drop table t;", "alter table t add column a int;"],
        ["create table t (a int); drop table t;", "insert into t values (1);"],
        ["create table t (a int);", "alter table t drop column b;"],
    ] {
        assert_eq!(told(&files, false), [""; 0], "{files:?}");
    }
    let twice = ["create table t (a int);", "create table t (b int);"];
    assert_eq!(told(&twice, false), ["error t is there already: V1__a.sql:1 makes it"]);
    for (text, is_refused) in [
        ("begin; create table t (a int); rollback; create table t (a int);", false),
        ("begin; create table t (a int); commit; create table t (a int);", true),
        ("begin; savepoint s; create table t (a int); rollback to s; create table t (a int); commit;", false),
        ("begin; savepoint s; create table t (a int); release s; create table t (a int); commit;", true),
        ("begin; drop table t; rollback; select a from t;", false),
        ("begin; set local search_path = app; create table t (a int); commit; create table t (a int);", false),
        ("\\i other.sql\ncreate table t (a int); create table t (a int);", false),
    ] {
        assert_eq!(!told(&[text], false).is_empty(), is_refused, "{text}");
    }
}

#[test]
fn where_the_path_is_not_known_a_table_of_any_schema_may_be_meant() {
    let object = |schema: &str, name: &str| ExistingObject {
        class: "RELATION".to_owned(),
        schema: schema.to_owned(),
        name: name.to_owned(),
        ..ExistingObject::default()
    };
    let existing = |is_path_sure| Existing {
        objects: [object("app", "items"), object("public", "users")].into(),
        is_path_sure,
        unsure: ["early".to_owned()].into(),
        ..Existing::default()
    };
    let catalogue = |is_path_sure| Catalogue { existing: Some(existing(is_path_sure)), ..Catalogue::default() };
    let found = |text: &str, is_path_sure| told_with(&[text], true, Some(&catalogue(is_path_sure)));
    let missing = ["error there is no table or view items: the database has none, and nothing before makes one"];
    assert_eq!(found("select a from items;", true), missing);
    assert_eq!(found("select a from items;", false), [""; 0]);
    assert_eq!(found("select a from users;", true), [""; 0]);
    assert_eq!(found("create table users (a int);", true), ["error users is there already, in the database"]);
    // What another set makes first.
    assert_eq!(found("select a from early.users;", true), [""; 0]);
    assert_eq!(found("create extension shop; select a from items;", true), [""; 0]);
}
