//! Views, functions, triggers, policies and types that do not fit what earlier files made, by the text alone.

use super::*;

const MADE: &str = "create table t (id bigint primary key, a text default 'x', n int default 0, q varchar(10), \
     g int generated always as (n + 1) stored);\n\
     create function f() returns trigger language plpgsql as 'begin return new; end';\n\
     create function g(a int, b int default 1) returns int language sql as 'select 1';\n\
     create view v as select id, a from t;\n\
     create table p (day date) partition by range (day);\n\
     create type mood as enum ('x');\n";

/// The rules that refuse something in a second file of a set.
fn refused(text: &str) -> Vec<&'static str> {
    let options = LintOptions::for_set(Engine::Postgres, 14, "public");
    let found = lint(&[Input::new("V1__a.sql", MADE), Input::new("V2__b.sql", text)], &options);
    let refused = found.iter().filter(|finding| finding.rule.name.ends_with("-refused"));
    refused.map(|finding| finding.rule.name).collect()
}

#[test]
fn what_does_not_fit_is_refused() {
    for (rule, text) in [
        ("view-replace-refused", "create or replace view v as select id from t"),
        ("view-replace-refused", "create or replace view v as select a, id from t"),
        ("view-replace-refused", "create or replace view v as select id, a::varchar from t"),
        (
            "function-replace-refused",
            "create or replace function g(a int, b int default 1) returns text language sql as 'select 1'",
        ),
        (
            "function-replace-refused",
            "create or replace function g(a int, c int default 1) returns int language sql as 'select 1'",
        ),
        (
            "function-replace-refused",
            "create or replace function g(a int, b int) returns int language sql as 'select 1'",
        ),
        (
            "trigger-refused",
            "create trigger r before update on t referencing old table as o for each row execute function f()",
        ),
        (
            "trigger-refused",
            "create trigger r after insert or update on t referencing new table as o for each statement execute function f()",
        ),
        (
            "trigger-refused",
            "create trigger r after insert on p referencing new table as o for each row execute function f()",
        ),
        ("trigger-refused", "create trigger r before insert on v for each row execute function f()"),
        (
            "trigger-refused",
            "create trigger r before insert on t for each row when (exists (select 1)) execute function f()",
        ),
        ("trigger-refused", "create trigger r before insert on t for each row when (new.g > 1) execute function f()"),
        (
            "trigger-refused",
            "create function h() returns int language sql as 'select 1'; create trigger r after insert on t execute function h()",
        ),
        ("trigger-refused", "create function h(a int) returns trigger language plpgsql as ''"),
        ("trigger-refused", "create policy r on v using (true)"),
        ("trigger-refused", "create policy r on t using (a)"),
        ("index-refused", "create index r on v (id)"),
        ("type-change-refused", "alter table t alter column q type integer"),
        ("type-change-refused", "alter table t alter column id type boolean using id::integer"),
        ("type-change-refused", "drop view v; alter table t alter column a type mood using a::mood"),
        (
            "type-change-refused",
            "create table u (n int default 0); alter table u alter column n type boolean using (n <> 0)",
        ),
    ] {
        assert_eq!(refused(text), [rule], "{text}");
    }
}

#[test]
fn what_fits_is_not_refused() {
    for text in [
        "create or replace view v as select id, a, q from t; create or replace view v as select id, a, q, 1 as one from t",
        "drop view v; create or replace view v as select id from t",
        "create or replace function g(a integer, b integer default 2) returns integer language sql as 'select 2'",
        "drop function g(int, int); create or replace function g(x int, b int) returns text language sql as 'select 2'",
        "create trigger r after insert on t referencing new table as o for each statement execute function f()",
        "create trigger r instead of insert on v for each row execute function f()",
        "create trigger r after insert on t for each row when (new.g > 1) execute function f('x')",
        "alter table t alter column q type text; alter table t alter column q type integer using q::integer",
        "drop view v; alter table t alter column a drop default, alter column a type mood using a::mood, alter column a set default 'x'",
        "create cast (varchar as integer) with inout as assignment; alter table t alter column q type integer",
        "create table u (n numeric default 0, s serial, d date default now()); \
         alter table u alter column n type bigint, alter column s type bigint, alter column d type timestamptz",
    ] {
        assert_eq!(refused(text), [""; 0], "{text}");
    }
}
