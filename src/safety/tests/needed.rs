//! What cannot be dropped because something else needs it, by the text alone. Each was tried on servers.

use super::*;

const MADE: &str = "create table c (id bigint primary key, code text not null unique, n text);\n\
     create table o (id bigint primary key, c_id bigint references c, code text references c (code));\n";

/// What is said of the last of some statements.
fn told(text: &str) -> Vec<String> {
    let options = LintOptions::for_set(Engine::Postgres, 15, "public");
    let found = lint(&[Input::new("V1__a.sql", format!("{MADE}{text}"))], &options);
    let needed = found.iter().filter(|finding| finding.rule.name == "still-needed");
    needed.map(|finding| finding.message.replace(": the server refuses to drop it", "")).collect()
}

#[test]
fn what_something_needs_cannot_be_dropped() {
    for (text, expected) in [
        ("drop table c;", "the foreign key o_c_id_fkey of o, the foreign key o_code_fkey of o need c"),
        ("drop table if exists c;", "the foreign key o_c_id_fkey of o, the foreign key o_code_fkey of o need c"),
        (
            "alter table c rename to d; drop table d;",
            "the foreign key o_c_id_fkey of o, the foreign key o_code_fkey of o need d",
        ),
        (
            "alter table o rename constraint o_code_fkey to k; alter table c drop column code;",
            "the foreign key k of o needs c.code",
        ),
        ("alter table c drop constraint c_pkey;", "the foreign key o_c_id_fkey of o needs the constraint c_pkey"),
        (
            "create unique index c_code on c (code); alter table c drop constraint c_code_key;",
            "the foreign key o_code_fkey of o needs the constraint c_code_key",
        ),
        (
            "create table u (a int); create unique index first on u (a); create table w (a int references u (a)); \
             create unique index second on u (a); drop index first;",
            "the foreign key w_a_fkey of w needs first",
        ),
        ("create view v as select n from c; alter table c drop column n;", "the view v needs c.n"),
        ("create view v as select 1 from c; create view w as select * from v; drop view v;", "the view w needs v"),
        ("create materialized view v as select n from c; drop table o, c;", "the materialized view v needs c"),
        (
            "create view v as select n from c; create function f() returns setof v language sql as 'select * from v'; drop view v;",
            "the function f needs v",
        ),
        (
            "create table g (a int, b int generated always as (a + 1) stored); alter table g drop column a;",
            "the generated column b needs g.a",
        ),
        ("create type m as enum ('a'); alter table c add column m m; drop type m;", "the column c.m needs m"),
        ("create type m as enum ('a'); create table t (m m[]); drop type m;", "the column t.m needs m"),
        ("create domain d as int; create type pair as (a d); drop domain d;", "the type pair needs d"),
        (
            "create function f() returns trigger language plpgsql as ''; \
             create trigger t before insert on c for each row execute function f(); drop function f();",
            "the trigger t of c needs f",
        ),
        (
            "create function f(a int) returns int immutable language sql as 'select 1'; create table t (a int check (f(a) > 0)); drop function f(int);",
            "the constraint t_a_check of t needs f",
        ),
        (
            "create sequence s; create table t (a bigint default nextval('s')); drop sequence s;",
            "the default of t.a needs s",
        ),
        (
            "create sequence s; create table t (a bigint); alter table t alter column a set default nextval('public.s'::regclass); drop sequence s;",
            "the default of t.a needs s",
        ),
        ("create table t (a serial); drop sequence t_a_seq;", "the default of t.a needs t_a_seq"),
        (
            "create schema app; create table app.t (a int); drop schema app;",
            "the schema app is not empty, it has app.t",
        ),
        ("create table p (a int); create table q () inherits (p); drop table p;", "the table q needs p"),
        (
            "create table t (id int primary key, up int references t); alter table t drop column id;",
            "the foreign key t_up_fkey of t needs t.id",
        ),
        (
            "create type p as (a int); create table t of p; alter type p add attribute b int;",
            "the table t is OF p: its attributes change with CASCADE alone",
        ),
    ] {
        assert_eq!(told(text), [expected], "{text}");
    }
}

#[test]
fn what_nothing_needs_any_more_can_be_dropped() {
    for text in [
        "create function ok(text) returns bool language sql immutable as 'select true'; \
         create table t (id int, s text check (ok(s))); alter table t drop column s; drop function ok(text);",
        "create function ok(text) returns bool language sql immutable as 'select true'; \
         create table t (id int, s text, constraint k check (id > 1 or ok(s))); alter table t rename s to r; \
         alter table t drop column r; drop function ok(text);",
        "create view v as select * from c; alter table c drop column if exists legacy;",
        "create function ok(bigint) returns bool language sql as 'select true'; create policy p on c using (ok(id)); \
         alter policy p on c using (true); drop function ok(bigint);",
        "create function f() returns int language sql as 'select 1'; create domain d as int default f(); \
         alter domain d drop default; drop function f();",
        "create table p (id int); create table q (x int) inherits (p); alter table q no inherit p; drop table p;",
        "create type k as (id int); create table t of k; alter table t not of; drop type k;",
        "create domain d as text; create table t (e d default 'a'::d); alter table t alter e type text; drop domain d;",
        "drop table c cascade;",
        "drop table c, o;",
        "drop table o; drop table c;",
        "alter table o drop constraint o_code_fkey; alter table c drop constraint c_code_key;",
        "alter table o drop column c_id; alter table c drop constraint c_pkey;",
        "create view v as select n from c; drop view v; alter table c drop column n;",
        "create view v as select n from c; create or replace view v as select o.code as n from o; alter table c drop column n;",
        "create view v as select n from c; create view w as select * from v; drop view w, v;",
        "create view v as select * from o; alter table o add column later int; alter table o drop column later;",
        "create type m as enum ('a'); create table t (m m, n int); alter table t drop column m; drop type m;",
        "create type m as enum ('a'); create table t (m m); alter table t alter column m type text; drop type m;",
        "create sequence s; create table t (a bigint default nextval('s')); alter table t alter column a drop default; drop sequence s;",
        "create function f() returns trigger language plpgsql as ''; \
         create trigger t before insert on c for each row execute function f(); drop trigger t on c; drop function f();",
        "create table g (a int, b int generated always as (a + 1) stored); alter table g drop column b, drop column a;",
        "create table t (id int primary key, up int references t); drop table t;",
        "create table p (a int) partition by range (a); create table q partition of p for values from (1) to (2); drop table p;",
        "create schema app; create table app.t (a serial primary key); drop table app.t; drop schema app;",
        "create type p as (a int); create table t of p; alter type p add attribute b int cascade;",
        "do $$ begin drop table c; end $$;",
    ] {
        assert_eq!(told(text), [""; 0], "{text}");
    }
}
