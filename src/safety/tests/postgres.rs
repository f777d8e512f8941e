//! One unsafe statement for each rule, with its place, and a safe one beside it.

use super::*;

#[test]
fn indexes() {
    caught("create index i on users (email);", "1:1 error index-not-concurrent");
    caught(
        "create unique index on public.\"Users\" using gin (a, lower(b)) where a > 0",
        "1:1 error index-not-concurrent",
    );
    caught("create index on only users (a)", "1:1 warning index-not-concurrent");
    safe("create index concurrently i on users (email);");
    safe("create table users (email text); create index i on users (email);");
    caught("drop index if exists app.i;", "1:1 error index-drop-not-concurrent");
    safe("drop index concurrently if exists app.i;");
    safe("create table users (email text); create index i on users (email); drop index i;");
    caught("begin;\ncreate index concurrently i on users (email);\ncommit;", "2:1 error concurrently-in-transaction");
    caught("begin;\ndrop index concurrently i;\ncommit;", "2:1 error concurrently-in-transaction");
    caught("begin;\nreindex index concurrently i;\ncommit;", "2:1 error concurrently-in-transaction");
    caught("do $$ begin create index concurrently i on t (a); end $$", "1:13 error concurrently-in-transaction");
    caught_with("create index concurrently i on users (email);", "1:1:1 error concurrently-in-transaction", &wrapped());
    safe_with("-- charter: no-transaction\ncreate index concurrently i on users (email);", &wrapped());
    caught("create index concurrently if not exists i on users (email);", "1:27 error concurrently-if-not-exists");
    safe("drop index concurrently if exists i;\ncreate index concurrently if not exists i on users (email);");
    caught("drop index concurrently i, j;", "1:1 error concurrently-refused");
    caught("drop index concurrently i cascade;", "1:1 error concurrently-refused");
    caught("reindex (verbose) table users;", "1:1 error reindex-not-concurrent");
    caught("reindex (concurrently off) table users;", "1:1 error reindex-not-concurrent");
    safe("reindex (concurrently) table users; reindex index concurrently i;");
    caught("refresh materialized view v;", "1:1 error refresh-not-concurrent");
    safe("refresh materialized view concurrently v;");
    safe("create materialized view v as select 1; refresh materialized view v;");
}

#[test]
fn constraints() {
    caught("alter table users add constraint u unique (email);", "1:19 error constraint-builds-index");
    caught("alter table users add primary key (id);", "1:19 error constraint-builds-index");
    caught("alter table users add column a int, add column b int unique;", "1:54 error constraint-builds-index");
    safe(
        "create unique index concurrently i on users (email);\nalter table users add constraint u unique using index i;",
    );
    caught("alter table users add primary key using index i;", "1:19 warning primary-key-scans");
    // As seen on 14 and 18: the server takes a check that is valid for the proof.
    let checked = "create unique index concurrently i on users (a);
        alter table users add constraint c check (a is not null) not valid;
        ---
        alter table users validate constraint c;
        ---
        alter table users";
    let keyed =
        |action: &str| findings(&format!("{checked} {action}").replace("\n        ", "\n"), &LintOptions::default());
    let scans = |action: &str| keyed(action).iter().any(|finding| finding.rule.name == "primary-key-scans");
    assert!(!scans("add primary key using index i;"));
    assert!(scans("drop constraint c, add primary key using index i;"));
    for action in ["of t", "not of", "alter constraint c deferrable"] {
        caught(&format!("alter table a {action};"), "1:1 warning lock-timeout-missing");
    }
    caught("alter table r add exclude using gist (during with &&);", "1:15 error exclusion-constraint");
    safe("create table r (during tsrange); alter table r add exclude using gist (during with &&);");
    caught(
        "alter table a add constraint f foreign key (b) references b (id);",
        "1:15 error foreign-key-not-valid-missing",
    );
    caught("alter table a add column b bigint references b;", "1:35 warning foreign-key-not-valid-missing");
    caught("alter table a add column b bigint default 1 references b;", "1:45 error foreign-key-not-valid-missing");
    safe("alter table a add constraint f foreign key (b) references b (id) not valid;");
    safe("create table a (b bigint references b (id), c bigint, foreign key (c) references c);");
    safe_with("alter table a add constraint f foreign key (b) references b (id) not enforced;", &version(18));
    caught("alter table a add check (b > 0);", "1:15 error check-not-valid-missing");
    caught("alter table a add column b int check (b > 0);", "1:32 error check-not-valid-missing");
    caught_with("alter table a add constraint n not null b;", "1:1:15 error check-not-valid-missing", &version(18));
    safe("alter table a add constraint c check (b > 0) not valid;");
    safe_with("alter table a add constraint n not null b not valid;", &version(18));
    caught("alter table a add constraint n not null b not valid;", "1:19 error unsupported-by-version");
    caught(
        "begin; alter table a add constraint c check (b > 0) not valid;\nalter table a validate constraint c; commit;",
        "2:15 error validate-in-same-transaction",
    );
    caught(
        "alter table a add constraint c check (b > 0) not valid, validate constraint c;",
        "1:57 error validate-in-same-transaction",
    );
    caught_with(
        "alter table a add foreign key (b) references b not valid;\nalter table a validate constraint a_b_fkey;",
        "1:2:15 error validate-in-same-transaction",
        &wrapped(),
    );
    safe("alter table a add constraint c check (b > 0) not valid;\nalter table a validate constraint c;");
    caught_with("alter table a alter constraint c enforced;", "1:1:15 error constraint-enforced", &version(18));
    caught("alter table a add column b int references b (id) not valid;", "1:32 error syntax-error");
    caught("create table a (b bigint references b (id));", "1:26 warning foreign-key-without-index");
}

#[test]
fn not_null() {
    caught("alter table a alter column b set not null;", "1:15 error set-not-null-scans");
    caught("alter table a validate constraint c; alter table a alter b set not null;", "1:52 error set-not-null-scans");
    safe("create table a (b int); alter table a alter b set not null;");
    for proof in ["b is not null", "(b IS NOT NULL)", "a.b is not null and b > 0", "not (b is null)", "b notnull"] {
        safe(&format!(
            "alter table a add constraint c check ({proof}) not valid;\nalter table a validate constraint c;\nalter table a alter b set not null;\nalter table a drop constraint if exists c;"
        ));
    }
    for proof in ["b > 0", "b is not null or c > 0", "c is not null", "b is null", "coalesce(b, c) is not null"] {
        caught(
            &format!(
                "alter table a add constraint c check ({proof}) not valid;\nalter table a validate constraint c;\nalter table a alter b set not null;"
            ),
            "3:15 error set-not-null-scans",
        );
    }
    caught(
        "alter table a add constraint c check (b is not null) not valid;\nalter table a alter b set not null;",
        "2:15 error set-not-null-scans",
    );
    caught(
        "alter table a add constraint c check (\"B\" is not null) not valid;\nalter table a validate constraint c;\nalter table a alter b set not null;",
        "3:15 error set-not-null-scans",
    );
}

#[test]
fn columns() {
    caught("alter table a add b int not null;", "1:15 error required-column");
    caught("alter table a add column b int not null default null;", "1:15 error required-column");
    safe("alter table a add column b int;");
    safe("alter table a add column b int not null default 0;");
    for default in [
        "random()",
        "(random() * 10)::int",
        "gen_random_uuid()",
        "clock_timestamp()",
        "nextval('s')",
        "app.unknown()",
        "app.now()",
    ] {
        caught(&format!("alter table a add column b text default {default};"), "1:33 error volatile-default");
        safe(&format!("alter table a add column b text; alter table a alter b set default {default};"));
    }
    for default in [
        "now()",
        "pg_catalog.now()",
        "current_timestamp(3)",
        "current_timestamp",
        "'x'::text",
        "'{}'::jsonb",
        "lower('A')",
        "(now() at time zone 'utc')::date",
        "1 + 2",
    ] {
        safe(&format!("alter table a add column b text default {default} not null;"));
    }
    caught("alter table a add column b bigserial;", "1:15 error serial-column-added");
    caught("alter table a add column b bigint generated by default as identity;", "1:35 error identity-column-added");
    caught("alter table a add column b int generated always as (c * 2) stored;", "1:32 error stored-column-added");
    safe("create table a (b bigserial, c bigint generated always as identity, d int generated always as (1) stored);");
    safe_with("alter table a add column b int generated always as (c * 2) virtual;", &version(18));
    safe_with("alter table a add column b int generated always as (c * 2);", &version(18));
    caught_with(
        "alter table a add column b int generated always as (c * 2) virtual;",
        "1:1:42 error unsupported-by-version",
        &version(17),
    );
    caught("create domain d as int check (value > 0); alter table a add column b d;", "1:57 error domain-column-added");
    safe("create domain d as int; alter table a add column b d;");
    caught("alter table a alter b drop not null;", "1:15 error not-null-dropped");
    caught("alter table a alter b drop default;", "1:15 error default-dropped");
    safe("alter table a add column b int default 5; alter table a alter b drop default;");
    caught(
        "alter table a add column b int not null default 5; alter table a alter b drop default;",
        "1:66 error default-dropped",
    );
    caught("alter table a alter b add generated always as identity;", "1:23 error identity-changed");
    caught_with(
        "alter table a alter b set expression as (c * 3);",
        "1:1:23 error generated-expression-changed",
        &version(17),
    );
    caught("alter table a alter b drop expression;", "1:23 error generated-expression-changed");
    // As seen on 18: one that is not stored is computed when it is read.
    let changed = "alter table a alter c set expression as (b * 3);";
    let column = |more: &str| format!("alter table a add c int generated always as (b * 2) virtual{more};");
    for (more, before, expected) in
        [("", "", "warning"), (" not null", "", "error"), ("", "alter table a add check (b > 0) not valid;", "error")]
    {
        let text = format!("{} {before}\n---\n{changed}", column(more));
        caught_with(&text, &format!("2:1:23 {expected} generated-expression-changed"), &version(18));
    }
}

#[test]
fn types() {
    caught("alter table a alter b type bigint;", "1:15 error column-type-changed");
    caught("alter table a alter b set data type varchar(20);", "1:15 error column-type-changed");
    caught("alter table a alter b type text using lower(b);", "1:15 error column-type-changed");
    caught("alter table a alter b type text collate \"C\";", "1:15 error column-type-changed");
    caught("alter table a alter b type text;", "1:15 warning column-type-changed");
    caught(
        "begin; alter type m add value 'x';\ninsert into t values ('x'); commit;",
        "2:23 error enum-value-in-same-transaction",
    );
    caught_with(
        "alter type m add value if not exists 'x' after 'y';\nupdate t set a = $$x$$ where id = 5;",
        "1:2:18 error enum-value-in-same-transaction",
        &wrapped(),
    );
    safe("alter type m add value 'x';\ninsert into t values ('x');");
    safe_with(
        "create type m as enum ('a');\nalter type m add value 'x';\ncreate table t (a m default 'x');",
        &wrapped(),
    );
    caught("create type m as enum ('a');", "1:1 info enum-created");
    caught("alter type m add value 'x';", "1:14 info enum-value-order");
    caught("alter domain d add constraint c check (value > 0);", "1:16 error domain-constraint");
    caught("alter domain d set not null;", "1:16 error domain-constraint");
    safe("alter domain d add constraint c check (value > 0) not valid;");
    caught("alter type c drop attribute a;", "1:14 error attribute-changed");
    caught("alter table a add column b json;", "1:28 info json-column");
    caught("create table a (b char(3));", "1:19 info char-column");
    caught("create table a (b int primary key);", "1:19 info integer-column");
    caught("create table a (b serial);", "1:19 info serial-type");
    caught("create table a (b varchar(5));", "1:19 info varchar-length");
    caught("create table a (b timestamp);", "1:19 info timestamp-without-zone");
    caught(&format!("create table {} (b bigint);", "a".repeat(64)), "1:14 info identifier-too-long");
    caught("create table a (b json);", "1:19 info json-column");
}

#[test]
fn drops() {
    for (sql, expected) in [
        ("alter table a drop b;", "1:15 error column-dropped"),
        ("alter table a add c int, drop column if exists b;", "1:26 error column-dropped"),
        ("drop table if exists a.b;", "1:1 error table-dropped"),
        ("drop schema s;", "1:1 error schema-dropped"),
        ("drop database d;", "1:1 error database-dropped"),
        ("drop view v;", "1:1 error view-dropped"),
        ("drop materialized view v;", "1:1 error view-dropped"),
        ("drop type t;", "1:1 error type-dropped"),
        ("drop domain t;", "1:1 error type-dropped"),
        ("drop function f(int);", "1:1 error function-dropped"),
        ("drop procedure p();", "1:1 error function-dropped"),
        ("drop sequence s;", "1:1 error sequence-dropped"),
        ("drop extension e;", "1:1 error extension-dropped"),
        ("drop owned by bob;", "1:1 error owned-dropped"),
        ("alter table a drop constraint c;", "1:15 error constraint-dropped"),
        ("drop table a cascade;", "1:14 error cascade"),
        ("alter table a drop column b cascade;", "1:29 error cascade"),
        ("truncate a cascade;", "1:12 error cascade"),
        ("drop trigger g on a;", "1:1 error trigger-dropped"),
    ] {
        caught(sql, expected);
    }
    safe("create table a (b int); alter table a drop b; drop table a;");
    safe("alter table a add column b int; alter table a drop column b;");
    safe("create function f() returns int language sql as 'select 1'; drop function f();");
    safe("create table a (b bigint references c (id) on delete cascade);");
    safe("create temp table a (b int); drop table a;");
    caught("create view v as select 1;\ndrop view v, w;", "2:1 error view-dropped");
    safe("create view v as select 1; create view w as select 2; drop view v, w;");
}

#[test]
fn renames() {
    for (sql, expected) in [
        ("alter table a rename to b;", "1:15 error table-renamed"),
        ("alter table if exists only a rename column b to c;", "1:30 error column-renamed"),
        ("alter table a rename b to c;", "1:15 error column-renamed"),
        ("alter schema a rename to b;", "1:16 error schema-renamed"),
        ("alter type m rename value 'a' to 'b';", "1:14 error enum-value-renamed"),
        ("alter view v rename to w;", "1:14 error object-renamed"),
        ("alter view v rename column a to b;", "1:14 error column-renamed"),
        ("alter function f() rename to g;", "1:20 error object-renamed"),
        ("alter table a rename constraint b to c;", "1:15 warning object-renamed"),
        ("alter index a rename to b;", "1:15 warning object-renamed"),
        ("alter table a set schema b;", "1:15 error set-schema"),
        ("alter function f() set schema b;", "1:20 error set-schema"),
    ] {
        caught(sql, expected);
    }
    safe("create table a (b int); alter table a rename b to c; alter table a rename to d; create index on d (c);");
}

#[test]
fn rewrites() {
    for (sql, expected) in [
        ("alter table a set tablespace x;", "1:15 error table-rewritten"),
        ("alter table a set logged;", "1:15 error table-rewritten"),
        ("alter table a set unlogged;", "1:15 error table-rewritten"),
        ("alter index i set tablespace x;", "1:15 error table-rewritten"),
        ("alter table all in tablespace x set tablespace y;", "1:1 error table-rewritten"),
        ("cluster a using i;", "1:1 error vacuum-full"),
        ("vacuum (full, analyze) a;", "1:1 error vacuum-full"),
        ("vacuum full;", "1:1 error vacuum-full"),
    ] {
        caught(sql, expected);
    }
    caught_with("alter table a set access method heap;", "1:1:15 error table-rewritten", &version(15));
    safe("vacuum a; vacuum (full false) a; alter table a cluster on i; alter table a set (fillfactor = 70);");
    safe("create unlogged table a (b int); alter table a set logged;");
}

#[test]
fn data() {
    for (sql, expected) in [
        ("truncate only a, b;", "1:1 error truncate"),
        ("delete from a;", "1:1 error delete-without-where"),
        ("delete from a where 1 = 1;", "1:1 error delete-without-where"),
        ("update a set b = 1;", "1:1 error update-without-where"),
        ("update a set b = 1 where true;", "1:1 error update-without-where"),
        ("with d as (delete from a returning *) insert into b select * from d;", "1:12 error delete-without-where"),
        ("explain analyze delete from a;", "1:17 error delete-without-where"),
        ("prepare p as delete from a;", "1:14 error delete-without-where"),
        ("update a set b = 1 where c is null;", "1:1 error unbatched-backfill"),
        ("update a set b = c.d from c where a.id = c.id;", "1:1 error unbatched-backfill"),
        ("delete from a using b where a.id = b.id;", "1:1 error unbatched-backfill"),
        ("delete from a where created_at < now() - interval '1 year';", "1:1 error unbatched-backfill"),
        ("update a set b = 1 where id > 5;", "1:1 error unbatched-backfill"),
        ("update a set b = 1 where id between 1 and 100000000;", "1:1 error unbatched-backfill"),
        ("update a set b = 1 where id = 5 or c is null;", "1:1 error unbatched-backfill"),
        ("update a set b = (select c from d limit 1) where c is null;", "1:1 error unbatched-backfill"),
        ("create table a as table b;", "1:1 warning unbatched-copy"),
        ("insert into a select * from b where c = 1;", "1:1 warning unbatched-copy"),
        ("insert into a select * from b;", "1:1 error unbatched-backfill"),
        ("update a set b = 1, b = 2 where id = 5;", "1:21 error duplicate-assignment"),
        ("update pg_catalog.pg_class set relname = 'x' where oid = 5;", "1:8 error catalogue-written"),
    ] {
        caught(sql, expected);
    }
    caught_with(
        "merge into a using b on a.id = b.id when matched then delete;",
        "1:1:1 error unbatched-backfill",
        &version(15),
    );
    for sql in [
        "update a set b = 1 where id = 5;",
        "update a set b = 1 where a.id in (1, 2, 3) and c is null;",
        "update a set b = 1 where key = 'x';",
        "update a set b = 1 where id between 1 and 1000;",
        "update a set b = 1 where id >= 1000 and id < 2000;",
        "update a set b = 1 where id in (select id from a where b is null limit 1000);",
        "with batch as (select id from a where b is null limit 1000) update a set b = 1 from batch where a.id = batch.id;",
        "update a set b = v.b from (values (1, 2), (3, 4)) v (id, b) where a.id = v.id;",
        "delete from a where ctid = any (array(select ctid from a where b limit 100));",
        "insert into a values (1, 2), (3, 4) on conflict do nothing;",
        "create table n (id int); insert into n values (1); update n set id = 2; delete from n; truncate n;",
        "select 'delete from a', $$ update a set b = 1 $$; -- delete from a;",
        "explain delete from a;",
        "create rule r as on insert to v do instead nothing; create function f() returns void language sql begin atomic delete from a; end;",
    ] {
        let rules = ["truncate", "delete-without-where", "update-without-where", "unbatched-backfill"];
        let found = findings(sql, &LintOptions::default());
        assert!(!found.iter().any(|finding| rules.contains(&finding.rule.name)), "{sql}: {found:#?}");
    }
    caught_with(
        "update a set b = 1 where id between 1 and 1000;\nupdate a set b = 1 where id between 1001 and 2000;",
        "1:2:1 error unbatched-backfill",
        &wrapped(),
    );
}

#[test]
fn locks() {
    caught(
        "begin; alter table a add column b int;\nupdate a set b = 1 where id between 1 and 10; commit;",
        "2:1 error backfill-with-ddl",
    );
    caught(
        "begin; update a set b = 1 where id between 1 and 10;\nalter table a add column c int; commit;",
        "2:1 error backfill-with-ddl",
    );
    safe("alter table a add column b int;\nupdate a set b = 1 where id between 1 and 10;");
    caught_with("alter table a add column b int;\nselect count(*) from a;", "1:2:1 error slow-under-lock", &wrapped());
    caught_with("alter table a add column b int;\ncreate index i on c (d);", "1:2:1 error slow-under-lock", &wrapped());
    caught_with(
        "alter table a add column b int;\nalter table a validate constraint c;",
        "1:2:1 error slow-under-lock",
        &wrapped(),
    );
    safe_with(
        "alter table a add column b int;\nalter table a alter b set default 5;\ncomment on column a.b is 'x';\ncreate table c (d int);\ninsert into c values (1);",
        &wrapped(),
    );
    caught_with(
        "alter table a add column b int;\nalter table c add column d int;",
        "1:2:1 error several-tables-locked",
        &wrapped(),
    );
    safe("alter table a add column b int;\nalter table c add column d int;");
    safe_with("create table c (a bigint references a (id));\ncreate table d (b bigint references b (id));", &wrapped());
    caught("lock table only a in exclusive mode nowait;", "1:1 error lock-table");
    caught("lock a;", "1:1 error lock-table");
    let calm = "lock table a in row exclusive mode; lock table a in access share mode;";
    safe_with(calm, &wrapped());
    safe(&format!("begin; {calm} commit;"));
    caught(calm, "1:1 error no-transaction-open");
    caught_with(&format!("-- charter: no-transaction\n{calm}"), "1:2:1 error no-transaction-open", &wrapped());
}

#[test]
fn timeouts() {
    caught("alter table a add column b int;", "1:1 warning lock-timeout-missing");
    caught("alter table a add column b int;", "1:1 warning statement-timeout-missing");
    caught("set lock_timeout = 0;\nalter table a add column b int;", "1:1 warning timeout-zero");
    caught("set statement_timeout to '0s';\nalter table a add column b int;", "1:1 warning timeout-zero");
    caught("alter table a add column b int;\nset lock_timeout = '5s';", "2:1 warning timeout-late");
    caught(
        "set lock_timeout = '5s'; reset lock_timeout;\nalter table a add column b int;",
        "2:1 warning lock-timeout-missing",
    );
    caught(
        "begin; set local lock_timeout = '5s'; commit;\nalter table a add column b int;",
        "2:1 warning lock-timeout-missing",
    );
    caught(
        "begin; set lock_timeout = '5s'; rollback;\nalter table a add column b int;",
        "2:1 warning lock-timeout-missing",
    );
    caught("set local lock_timeout = '5s';", "1:1 warning set-local-outside-transaction");
    caught_with("set lock_timeout = '5s';", "1:1:1 info session-setting", &wrapped());
    for sql in [
        "set lock_timeout = '5s'; set statement_timeout = 60000; alter table a add column b int;",
        "select set_config('lock_timeout', '5s', false), set_config('statement_timeout', '1min', false); alter table a add column b int;",
        "begin; set local lock_timeout = '5s'; set local statement_timeout = '1min'; alter table a add column b int; commit;",
        "set statement_timeout = 0; create index concurrently i on a (b);",
        "create table a (b int); alter table a add column c int;",
    ] {
        let found = findings(sql, &LintOptions::default());
        assert!(!found.iter().any(|finding| finding.rule.name.contains("timeout")), "{sql}: {found:#?}");
    }
    let set = LintOptions::for_set(Engine::Postgres, 14, "public");
    assert_eq!(findings("alter table a add column b bigint;", &set), []);
    let lost = "1:2:1 warning lock-timeout-missing";
    caught_with("reset lock_timeout;\nalter table a add column b bigint;", lost, &set);
    caught_with("set lock_timeout = default;\nalter table a add column b bigint;", lost, &set);
    caught_with("set local lock_timeout = default;\nalter table a add column b bigint;", lost, &set);
    caught_with("reset all;\nalter table a add column b bigint;", lost, &set);
    caught_with("-- charter: no-transaction\ndiscard all;", "1:2:1 error harmful-function", &set);
}

#[test]
fn transactions() {
    for word in ["begin", "commit", "rollback", "savepoint x", "start transaction", "end", "abort", "release x"] {
        caught_with(&format!("select 1;\n{word};"), "1:2:1 error transaction-control", &wrapped());
    }
    safe("begin; alter table a add column b int; savepoint x; rollback to x; commit;");
    for sql in [
        "vacuum a",
        "create database d",
        "drop database d",
        "create tablespace t location '/x'",
        "alter system set a = 1",
        "reindex database d",
        "cluster",
        "discard all",
        "create subscription s connection 'x' publication p",
    ] {
        caught(&format!("begin;\n{sql};\ncommit;"), "2:1 error refused-in-transaction");
        let alone = findings(&format!("{sql};"), &LintOptions::default());
        assert!(!alone.iter().any(|finding| finding.rule.name == "refused-in-transaction"), "{sql}");
    }
    caught("begin;\nbegin;\ncommit;", "2:1 warning nested-transaction");
    caught("commit;", "1:1 warning no-transaction-open");
    caught("savepoint x;", "1:1 error no-transaction-open");
    caught("begin;\nselect 1;", "2:1 error uncommitted-transaction");
    caught("begin; create table a (b int); rollback;\ncreate index i on a (b);", "2:1 error index-not-concurrent");
    caught(
        "begin; savepoint s; create table a (b int); rollback to s;\ncreate index i on a (b); commit;",
        "2:1 error index-not-concurrent",
    );
}

#[test]
fn triggers_and_access() {
    for (sql, expected) in [
        ("create trigger g before insert on a for each row execute function f();", "1:1 error trigger-created"),
        (
            "create or replace trigger g before insert on a for each row execute function f();",
            "1:1 error trigger-created",
        ),
        ("alter table a disable trigger all;", "1:15 error trigger-switched"),
        ("alter table a enable trigger g;", "1:15 error trigger-switched"),
        ("set session_replication_role = replica;", "1:1 error trigger-switched"),
        ("create rule r as on insert to a do instead nothing;", "1:1 error rule-created"),
        ("alter table a replica identity full;", "1:15 error replica-identity"),
        ("alter table a replica identity nothing;", "1:15 error replica-identity"),
        ("alter table a replica identity using index i;", "1:15 warning replica-identity"),
        ("drop publication p;", "1:1 error publication-changed"),
        ("create publication p for all tables;", "1:1 error publication-changed"),
        ("alter publication p drop table a;", "1:1 error publication-changed"),
        ("alter publication p add table a;", "1:1 info publication-changed"),
        ("create table b (id int primary key); alter publication p add table b;", "1:38 info publication-changed"),
        ("alter table a enable row level security;", "1:15 info row-level-security"),
        ("create policy p on a using (true);", "1:1 info policy"),
        ("grant select on a to b;", "1:1 info grant"),
        ("revoke select on a from b;", "1:1 warning revoke"),
        ("alter table a set (autovacuum_enabled = off);", "1:20 error autovacuum-off"),
        ("alter table a set (toast.autovacuum_enabled = 'false');", "1:20 error autovacuum-off"),
    ] {
        caught(sql, expected);
    }
    safe(
        "create table a (b int); create trigger g before insert on a for each row execute function f(); alter table a disable trigger g;",
    );
    safe("alter table a set (autovacuum_vacuum_scale_factor = 0.01);");
}

#[test]
fn dynamic_sql() {
    caught("do $$ begin null; end $$;", "1:1 info dynamic-sql");
    caught("do language plpython3u 'x';", "1:1 error dynamic-sql");
    caught(
        "do $$\nbegin\n  if true then\n    alter table a drop column b;\n  end if;\nend $$;",
        "4:19 error column-dropped",
    );
    caught("do $$ begin perform 1; update a set b = 1; end $$;", "1:24 error update-without-where");
    caught("do $$ begin execute 'drop table a'; end $$;", "1:1 error table-dropped");
    caught("do 'begin drop table a; end';", "1:11 error table-dropped");
    caught("execute p;", "1:1 error dynamic-sql");
    caught("call p();", "1:1 error dynamic-sql");
    caught("create function f() returns void language sql as 'drop table a';\nselect f();", "2:8 error dynamic-sql");
    caught("select dblink_exec('x', 'drop table a');", "1:8 error dynamic-sql");
    caught("select pg_terminate_backend(5);", "1:8 error harmful-function");
    caught("select app.f();", "1:8 error unknown-function");
    caught("select app.f(id) from a;", "1:8 error unknown-function");
    safe(
        "create function f() returns int immutable language sql as 'select 1'; select f(); select setval('s', 5), now();",
    );
    caught("select setval('s', 5);", "1:8 warning sequence-changed");
    caught("select pg_advisory_lock(5);", "1:8 warning harmful-function");
    caught("select pg_advisory_unlock_all();", "1:8 error harmful-function");
    caught("do $$ begin perform pg_advisory_unlock_all(); end $$;", "1:21 error harmful-function");
    caught("select pg_advisory_unlock(27980790435702130);", "1:8 error harmful-function");
    safe("select pg_advisory_unlock(5); discard all;");
    caught("insert into a select app.f(id) from b where id = 5;", "1:22 error unknown-function");
    caught("create table a as select f(1) as b;", "1:26 error unknown-function");
    caught("update a set b = f(b) where id = 5;", "1:18 error unknown-function");
}

#[test]
fn what_changes_nothing_when_it_is_done_again_can_be_run_again() {
    let again = |sql: &str| {
        let found = findings(&format!("{sql} select 1;"), &LintOptions::default());
        found.iter().any(|finding| finding.rule.name == "not-rerunnable")
    };
    for sql in [
        "alter table a alter b set not null;",
        "alter table a alter b set default 1;",
        "alter table a alter b type text;",
        "alter table a validate constraint c;",
        "alter table a set (fillfactor = 80);",
    ] {
        assert!(!again(sql), "{sql}");
    }
    for sql in [
        "alter table a alter b set not null, add c int;",
        "alter table a alter b add generated always as identity;",
        "alter table a drop constraint c;",
        "create table a (b int);",
    ] {
        assert!(again(sql), "{sql}");
    }
}
