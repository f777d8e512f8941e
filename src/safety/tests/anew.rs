//! IF NOT EXISTS and OR REPLACE of what the live catalogue has not make it.

use super::super::{Catalogue, Existing, ExistingObject, RelationName, TableFacts, lint_with};
use super::*;

/// A database with a table `old`, a sequence `counter`, a function `touch`, and `users` in another schema.
fn database() -> Catalogue {
    let object = |class: &str, schema: &str, name: &str| ExistingObject {
        class: class.to_owned(),
        schema: schema.to_owned(),
        name: name.to_owned(),
        ..ExistingObject::default()
    };
    let objects = [
        object("RELATION", "public", "old"),
        object("RELATION", "public", "counter"),
        object("RELATION", "auth", "users"),
        object("FUNCTION", "public", "touch"),
        object("SCHEMA", "", "auth"),
        object("SCHEMA", "", "public"),
    ];
    let old = RelationName { schema: "public".to_owned(), name: "old".to_owned() };
    let users = RelationName { schema: "auth".to_owned(), name: "users".to_owned() };
    Catalogue {
        tables: [(old, TableFacts::default()), (users, TableFacts::default())].into(),
        existing: Some(Existing { objects: objects.into(), ..Existing::default() }),
        ..Catalogue::default()
    }
}

/// The rules of the errors in the last of some files, with the catalogue or without.
fn errors(text: &str, catalogue: Option<&Catalogue>) -> Vec<&'static str> {
    let inputs: Vec<Input> =
        text.split("\n---\n").enumerate().map(|(at, text)| Input::new((at + 1).to_string(), text)).collect();
    let last = inputs.len().to_string();
    let found = lint_with(&inputs, &wrapped(), catalogue);
    let found = found.iter().filter(|finding| finding.severity == Severity::Error);
    found.filter(|finding| finding.file.display().to_string() == last).map(|finding| finding.rule.name).collect()
}

/// What may have been there before is not lost, renamed or changed without a word; what was not is the file's own.
#[test]
fn what_the_database_has_not_is_made_by_if_not_exists() {
    for (text, rule) in [
        (
            "create table if not exists t (id bigint not null); alter table t alter id add generated always as identity",
            "identity-changed",
        ),
        ("create table if not exists t (a int default 1); alter table t alter a drop default", "default-dropped"),
        ("create table if not exists t (a int not null); alter table t alter a drop not null", "not-null-dropped"),
        ("create table if not exists t (a int); alter table t rename a to b", "column-renamed"),
        ("create table if not exists t (a int, b int); alter table t drop b", "column-dropped"),
        ("create table if not exists t (a int); alter table t replica identity full", "replica-identity"),
        ("create table if not exists t (a int); alter table t disable trigger all", "trigger-switched"),
        ("create table if not exists t (a int); truncate t", "truncate"),
        ("create table if not exists t (a int); delete from t", "delete-without-where"),
        ("create table if not exists t (a int); update t set a = 1", "update-without-where"),
        ("create table if not exists t (a int); alter table t set schema auth", "set-schema"),
        ("create table if not exists t (a int); alter table t rename to u", "table-renamed"),
        ("create table if not exists public.t (a int); drop table public.t", "table-dropped"),
        ("create table if not exists t as select 1 as a; drop table t", "table-dropped"),
        ("create schema if not exists app; drop schema app", "schema-dropped"),
        ("create sequence if not exists s; drop sequence s", "sequence-dropped"),
        ("create or replace view v as select 1 as a; drop view v", "view-dropped"),
        (
            "create or replace function f() returns int language sql as 'select 1'; drop function f()",
            "function-dropped",
        ),
    ] {
        assert!(errors(text, None).contains(&rule), "by the text: {text}");
        assert!(!errors(text, Some(&database())).contains(&rule), "live: {text}");
    }
}

#[test]
fn what_the_database_may_have_is_not_new() {
    for (text, rule) in [
        ("create table if not exists old (a int); drop table old", "table-dropped"),
        // Without a schema it may be one of any.
        ("create table if not exists users (a int); drop table users", "table-dropped"),
        ("create table if not exists auth.users (a int); drop table auth.users", "table-dropped"),
        ("create sequence if not exists counter; drop sequence counter", "sequence-dropped"),
        (
            "create or replace function touch(a int) returns int language sql as 'select 1'; drop function touch(int)",
            "function-dropped",
        ),
        ("create schema if not exists auth; drop schema auth", "schema-dropped"),
        // Another file has made it.
        (
            "create table if not exists t (a int)\n---\ncreate table if not exists t (a int); drop table t",
            "table-dropped",
        ),
        ("create view v as select 1 as a\n---\ncreate or replace view v as select 2 as a; drop view v", "view-dropped"),
    ] {
        assert!(errors(text, Some(&database())).contains(&rule), "{text}");
    }
    assert_eq!(
        errors("create table if not exists public.users (a int); drop table public.users", Some(&database())),
        [""; 0]
    );
}

/// What these files do unseen may have made another table of that name, of other columns.
#[test]
fn columns_of_a_new_table_are_known_unless_something_else_may_have_made_it() {
    let text = "create table if not exists t (a int); insert into t values (1, 2)";
    assert_eq!(errors(text, Some(&database())), ["insert-refused"]);
    assert_eq!(errors(text, None), [""; 0]);
    let unseen = format!("do $$ begin execute 'create table t (a int, b ' || 'int)'; end $$; {text}");
    assert!(!errors(&unseen, Some(&database())).contains(&"insert-refused"));
}
