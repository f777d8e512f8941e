//! What the server refuses to keep: as seen on 14 and 18.

use super::super::{Catalogue, ColumnFacts, RelationName, TableFacts, lint_with};
use super::*;

const RULE: &str = "error expression-not-immutable";

fn all(text: &str, options: &LintOptions) -> Vec<String> {
    let found = findings(text, options).into_iter().filter(|finding| finding.severity == Severity::Error);
    found.map(|finding| format!("{} {}", finding.severity, finding.rule.name)).collect()
}

#[test]
fn an_index_keeps_nothing_that_changes() {
    for index in [
        "(at) where at > now() - interval '30 days'",
        "(to_char(at, 'YYYY'))",
        "((random()))",
        "(pg_catalog.now())",
        "(note) where note = current_user",
        "(at) where at::date = current_date",
        "(at) where at = CURRENT_TIMESTAMP(3)",
        "(concat(note, 'x'))",
        "(lower(concat_ws(' ', note, note)))",
        "using gin (to_tsvector(note))",
        "(to_timestamp(note, 'YYYY'))",
        "(age(at))",
        "(uuidv7())",
        "(((data ->> 'at')::timestamptz))",
        "((cast(data #>> '{a,b}' as date)))",
    ] {
        for unique in ["", "unique "] {
            let text = format!("create {unique}index concurrently i on users {index};");
            assert!(all(&text, &LintOptions::default()).contains(&RULE.to_owned()), "{text}");
        }
    }
    for index in [
        "(at) where at > '2024-01-01'",
        "(at) where at < 'now'::timestamptz",
        "(date_trunc('day', at at time zone 'utc'))",
        "(((at at time zone 'utc')::date))",
        "((at::date))",
        "(extract(year from at))",
        "(app.now())",
        "(app.to_char(at, 'YYYY'))",
        "using gin (to_tsvector('english', note))",
        "(to_timestamp(seconds))",
        "(age(at, born))",
        "(\"current_date\")",
        "(now)",
        "((note || note))",
        "((id::text))",
        "(((data ->> 'id')::int))",
        "(((data -> 'at')::text))",
        "(lower(note))",
    ] {
        safe(&format!("create index concurrently i on users {index};"));
    }
    safe_with(
        "create function concat_ws(a text, b text, c text) returns text immutable language sql return a || b || c;
         create table t (a text); create index i on t (concat_ws(' ', a, a));",
        &version(18),
    );
}

#[test]
fn a_type_that_is_known_tells_what_a_cast_hangs_on() {
    let table = "create table t (at timestamptz, stamp timestamp, day date, note text, many timestamptz[], id int);\n";
    for kept in [
        "at::date",
        "at::text",
        "cast(at as timestamp)",
        "stamp::text",
        "stamp::timestamptz",
        "day::varchar(10)",
        "note::date",
        "note::interval",
        "date(at)",
        "date_trunc('day', at)",
        "date_part('year', t.at)",
        "extract(epoch from at)",
    ] {
        caught(&format!("{table}create index i on t (({kept}));"), &format!("2:23 {RULE}"));
    }
    for kept in [
        "at + interval '1 day'",
        "interval '1 day' + t.at",
        "at - stamp",
        "at < stamp",
        "at >= date '2024-01-01'",
        "day <> at",
        "at between date '2024-01-01' and '2024-02-01'",
        "at in (date '2024-01-01')",
        "day at time zone 'utc'",
        "'x' || day",
        "note || stamp",
        "age(day, day)",
        "date_trunc('month', day)",
        "date_trunc('day', at + interval '1 day')",
        "(note || id)::date",
        "coalesce(day, '2024-01-01')::text",
        "upper(left(note, 9))::timestamp",
        "many::text",
        "note::text[]",
        "note::regconfig",
        "note::money",
        "note @@ note",
    ] {
        let found = all(&format!("{table}create index i on t (({kept}));"), &LintOptions::default());
        assert_eq!(found, [RULE], "{kept}");
    }
    for kept in [
        "stamp + interval '1 day'",
        "day + interval '1 day'",
        "at - at",
        "at >= '2024-01-01'",
        "stamp < day",
        "day - 1",
        "'x' || id",
        "note || id || 'x'",
        "note || note",
        "many || note",
        "age(stamp, stamp)",
        "age(at, at)",
        "date_part('month', day)",
        "date_trunc('month', day::timestamp)",
        "coalesce(note, 'x')::text",
        "extract(epoch from at - at)",
        "(at at time zone 'utc') + interval '1 day'",
        "to_tsvector('english', note)",
        "(data).at::date",
    ] {
        safe(&format!("{table}create index i on t (({kept}));"));
    }
    for kept in [
        "stamp::date",
        "day::timestamp",
        "date(stamp)",
        "date_trunc('day', stamp)",
        "extract(year from day)",
        "id::text",
        "note::varchar",
        "date_trunc('day', at at time zone 'utc')",
    ] {
        safe(&format!("{table}create index i on t (({kept}));"));
    }
}

/// As `pg_type` and `pg_cast` say.
#[test]
fn how_a_type_is_written_may_hang_on_settings() {
    let table = "create type mood as enum ('sad', 'glad'); create domain born as date;
        create table t (m mood, all_m mood[], b born, c money, r int4range, i interval, h time, n numeric, u uuid);\n";
    for kept in [
        "m::text",
        "'x' || m",
        "m::varchar(3)",
        "all_m::text",
        "b::text",
        "b::timestamptz",
        "c::text",
        "c::numeric",
        "n::money",
        "r::text",
        "i::text",
        "h::timetz",
        "lower(m::text)",
        "('sad'::text)::mood",
    ] {
        let found = all(&format!("{table}create index k on t (({kept}));"), &version(17));
        assert!(found.contains(&RULE.to_owned()), "{kept}: {found:?}");
    }
    for kept in ["m", "m = 'sad'", "b + 1", "u::text", "n::text", "h::text", "'x' || u", "n::int", "m::mood"] {
        safe_with(&format!("{table}create index k on t (({kept}));"), &version(17));
    }
    safe_with(&format!("{table}create index k on t ((i::text));"), &version(14));
}

/// The server puts the text of a function in SQL in place of its call.
#[test]
fn a_function_says_that_it_is_immutable() {
    let function = |name: &str, said: &str| format!("create function {name}(a text) returns text {said} as 'x';\n");
    let table = "create table t (a text); ";
    for (said, kept) in [
        ("language plpgsql", false),
        ("stable language plpgsql", false),
        ("language 'plpgsql' volatile", false),
        ("language plpgsql immutable", true),
        ("immutable strict language c", true),
        ("language sql", true),
        ("language \"sql\" stable", true),
    ] {
        for place in [
            "create index i on t (slug(a));",
            "create index i on t (a) where app.slug(a) = 'x';",
            "alter table t add b text generated always as (slug(a)) stored;",
            "create table u (a text) partition by list (slug(a));",
        ] {
            let text = format!("{}{table}{place}", function("slug", said));
            assert_eq!(all(&text, &LintOptions::default()).contains(&RULE.to_owned()), !kept, "{text}");
        }
    }
    let index = "create index i on t (slug(a));";
    let volatile = function("slug", "language plpgsql");
    for between in [
        "alter function slug(text) immutable;".to_owned(),
        function("slug", "language plpgsql immutable").replace("create", "create or replace"),
        function("slug", "language plpgsql immutable").replace("text)", "int)"),
    ] {
        let found = all(&format!("{volatile}{between}{table}{index}"), &LintOptions::default());
        assert!(!found.contains(&RULE.to_owned()), "{between}: {found:?}");
    }
    safe(&format!("{}{table}create index i on t (lower(a));", function("app.lower", "language plpgsql")));
    safe(&format!("{table}{index}"));
    let unaccented = format!("{table}create index i on t (lower(extensions.unaccent('unaccent', a)));");
    assert_eq!(all(&unaccented, &LintOptions::default()), [RULE]);
    safe(&format!("{}{unaccented}", function("unaccent", "language plpgsql immutable")));
    let catalogue = Catalogue {
        mutable_functions: [("slug".to_owned(), true), ("unaccent".to_owned(), false)].into(),
        ..Catalogue::default()
    };
    let found = |text: &str| {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
        found.iter().any(|finding| finding.rule.name == "expression-not-immutable")
    };
    assert!(found(&format!("{table}{index}")));
    assert!(!found(&unaccented));
    assert!(!found(&format!("{}{table}{index}", function("slug", "language plpgsql immutable"))));
}

#[test]
fn what_else_keeps_values_keeps_none_that_change() {
    caught("create table a (b int, c text generated always as (now()::text) stored);", &format!("1:52 {RULE}"));
    caught("create table a (b timestamptz, c text generated always as (b::text) stored);", &format!("1:60 {RULE}"));
    for kind in ["", " virtual"] {
        let text = format!("create table a (b int, c text generated always as (random()::text){kind});");
        caught_with(&text, &format!("1:1:52 {RULE}"), &version(18));
        let text = format!("alter table a add c text generated always as (concat(b, b)){kind};");
        caught_with(&text, &format!("1:1:47 {RULE}"), &version(18));
    }
    let stored = all("alter table a add c date generated always as (now()::date) stored;", &LintOptions::default());
    assert!(stored.contains(&RULE.to_owned()), "{stored:?}");
    safe("create table a (b int, c int generated always as (b * 2) stored, d timestamptz default now());");
    safe("create table a (b timestamptz check (b <= now()));");
    caught("create table a (b timestamptz, c text) partition by range (to_char(b, 'YYYY'));", &format!("1:60 {RULE}"));
    caught("create table a (b int, exclude (b with =) where (random() > 0.5));", &format!("1:50 {RULE}"));
}

#[test]
fn a_virtual_column_has_no_index() {
    let table = "create table a (b int, c int generated always as (b * 2));\n";
    for text in [
        "create index i on a (c);",
        "create index i on a ((c + 1));",
        "create index i on a (b) where c > 1;",
        "create index i on a (b) include (c);",
        "alter table a add unique (c);",
        "alter table a add constraint k primary key (b, c);",
        "alter table a add exclude (c with =);",
        "alter table a add d int generated always as (b) virtual unique;",
    ] {
        let found = all(&format!("{table}{text}"), &version(18));
        assert_eq!(found, ["error virtual-column-refused"], "{text}");
    }
    for text in [
        "create table z (a int, b int generated always as (a * 2) virtual unique);",
        "create table z (a int, b int generated always as (a * 2), primary key (b));",
        "create table z (a int, b int primary key generated always as (a * 2) virtual);",
    ] {
        assert_eq!(all(text, &version(18)), ["error virtual-column-refused"], "{text}");
    }
    for text in [
        "create index i on a (b);",
        "create index i on a ((b * 2));",
        "alter table a add d int generated always as (b) stored unique;",
        "alter table a drop c, add c int; create index i on a (c);",
    ] {
        safe_with(&format!("{table}{text}"), &version(18));
    }
    let name = RelationName { schema: "public".to_owned(), name: "t".to_owned() };
    let facts = TableFacts {
        columns: ["a", "b"].map(|name| (name.to_owned(), ColumnFacts::default())).into(),
        virtual_columns: ["b".to_owned()].into(),
        ..TableFacts::default()
    };
    let catalogue = Catalogue { tables: [(name, facts)].into(), ..Catalogue::default() };
    let found = |column: &str| {
        let text = format!("create index concurrently i on t ({column});");
        let found = lint_with(&[Input::new("1", &text)], &version(18), Some(&catalogue));
        found.iter().filter(|finding| finding.rule.name == "virtual-column-refused").count()
    };
    assert_eq!((found("a"), found("b")), (0, 1));
}

#[test]
fn a_virtual_column_is_the_servers_alone() {
    let made = "create type mood as enum ('sad'); create domain born as date; create table o (id int primary key);
        create function f(a int) returns int language sql immutable return a;
        create table t (a int, m mood, b born, v int generated always as (a) virtual);\n";
    for text in [
        "create table n (m mood generated always as ('sad') virtual);",
        "create table n (a int, b born generated always as (null));",
        "create table n (a int, m mood[] generated always as (null) virtual);",
        "create table n (m mood, c boolean generated always as (m = 'sad') virtual);",
        "create table n (a int, c int generated always as (f(a)) virtual);",
        "create table n (a int, c int generated always as (app.g(a)) virtual);",
        "create table n (a citext, c int generated always as (length(a)) virtual);",
        "create table n (a int, c int generated always as (a) virtual references o);",
        "create table n (a int, c int generated always as (a) virtual, foreign key (c) references o);",
        "alter table t add foreign key (v) references o not valid;",
        "alter table t add c boolean generated always as (m is null) virtual;",
        "alter table t add c int generated always as (1 + f(a)) virtual;",
        "alter table t alter v set expression as (f(a));",
        "alter table t alter v set expression as (b - '2024-01-01');",
    ] {
        let found = all(&format!("{made}{text}"), &version(18));
        assert!(found.contains(&"error virtual-column-refused".to_owned()), "{text}: {found:?}");
    }
    for text in [
        "create table n (m mood generated always as ('sad') stored);",
        "create table n (a int, c int generated always as (f(a)) stored);",
        "create table n (a int, c int generated always as (abs(a)) virtual);",
        "create table n (a int, m mood, c int generated always as (a + 1) virtual);",
        "create table n (a int references o, c int generated always as (a + 1) virtual);",
        "alter table t add foreign key (a) references o (id) not valid;",
        "alter table t alter v set expression as (a + 1);",
    ] {
        let found = all(&format!("{made}{text}"), &version(18));
        assert!(!found.contains(&"error virtual-column-refused".to_owned()), "{text}: {found:?}");
    }
}

#[test]
fn a_default_and_a_generated_column_name_what_they_may() {
    let table = "create table t (a int, days int, g int generated always as (a * 2) stored);\n";
    for text in [
        "create table n (a int, b int default a);",
        "create table n (a int default b + 1, b int);",
        "create table n (a int, b int default 1 generated always as (a) stored);",
        "create table n (a int default 1 generated by default as identity);",
        "create table n (a int, b int generated always as (a) stored, c int generated always as (b + 1) stored);",
        "create table n (a int, b int generated always as (b) stored);",
        "create table n (a int, b int generated always as (a) stored) partition by range (b);",
        "create table n (a int, b int generated always as (a) stored) partition by list ((b + 1));",
        "alter table t add b int default a;",
        "alter table t alter a set default days;",
        "alter table t add h int generated always as (g + 1) stored;",
    ] {
        let found = all(&format!("{table}{text}"), &LintOptions::default());
        assert!(found.contains(&"error column-refused".to_owned()), "{text}: {found:?}");
    }
    for text in [
        "create table n (a int, b timestamptz default now() + make_interval(days => 7), days int);",
        "create table n (epoch int, a float default extract(epoch from now()));",
        "create table n (a int default 1, b int generated always as (a) stored);",
        "create table n (a text default 'a', \"current_user\" text default current_user);",
        "create table n (a int, b int generated always as (a) stored, c int generated always as (a + 1) stored);",
        "create table n (a int, b int generated always as (a) stored) partition by range (a);",
        "alter table t drop g, add h int generated always as (a + 1) stored;",
        "alter table t alter a set default 5;",
    ] {
        let found = all(&format!("{table}{text}"), &LintOptions::default());
        assert!(!found.contains(&"error column-refused".to_owned()), "{text}: {found:?}");
    }
}

#[test]
fn a_table_has_one_primary_key() {
    caught("create table z (id bigint primary key, a text primary key);", "1:47 error constraint-refused");
    caught("create table z (id bigint primary key, a text, primary key (a));", "1:48 error constraint-refused");
    caught(
        "create table z (id bigint primary key, a text);\nalter table z add primary key (a);",
        "2:15 error constraint-refused",
    );
    for text in [
        "alter table z drop constraint z_pkey, add primary key (a);",
        "alter table z add primary key (a), drop column id;",
        "alter table z drop column id; alter table z add primary key (a);",
        "alter table z rename constraint z_pkey to k; alter table z drop constraint k, add primary key (a);",
        "drop table z; create table z (a text primary key);",
        "alter table z add unique (a);",
    ] {
        let found = all(&format!("create table z (id bigint primary key, a text);\n{text}"), &LintOptions::default());
        assert!(!found.contains(&"error constraint-refused".to_owned()), "{text}: {found:?}");
    }
    let perhaps = "create table if not exists z (id bigint primary key, a text); alter table z add primary key (a);";
    assert!(!all(perhaps, &LintOptions::default()).contains(&"error constraint-refused".to_owned()));
}

/// As the servers' `pg_proc` differ.
#[test]
fn functions_came_with_versions() {
    for (first, call) in [
        (15, "regexp_count('a', 'b')"),
        (15, "pg_catalog.regexp_like('a', 'b')"),
        (16, "any_value(a)"),
        (16, "array_shuffle(array[1])"),
        (16, "date_add(a, b)"),
        (17, "random(1, 6)"),
        (17, "xmltext('a')"),
        (17, "to_bin(1)"),
        (18, "uuidv7()"),
        (18, "casefold('A')"),
        (18, "array_reverse(array[1])"),
        (18, "crc32('a')"),
    ] {
        let text = format!("create table t (a int); insert into t select {call};");
        // The database may have one of its own.
        let severity = if call.starts_with("pg_catalog.") { "error" } else { "warning" };
        caught_with(&text, &format!("1:1:46 {severity} unsupported-by-version"), &version(first - 1));
        safe_with(&text, &version(first));
        let text = format!("create view v as select {call};");
        caught_with(&text, &format!("1:1:25 {severity} unsupported-by-version"), &version(first - 1));
        let text = format!("do $$ begin perform {call}; end $$;");
        let found = all(&text, &version(first - 1));
        assert_eq!(
            found.contains(&"error unsupported-by-version".to_owned()),
            severity == "error",
            "{text}: {found:?}"
        );
    }
    for text in ["create view v as select app.uuidv7();", "create view v as select random();"] {
        safe_with(text, &version(14));
    }
    safe_with(
        "create function uuidv7() returns uuid language sql return gen_random_uuid(); create view v as select uuidv7();",
        &version(14),
    );
}

#[test]
fn more_syntax_came_with_versions() {
    for (first, text) in [
        (15, "create unlogged sequence s;"),
        (15, "alter database d refresh collation version;"),
        (17, "create collation c (provider = builtin, locale = 'C.UTF-8');"),
        (17, "create table t (a int); alter table t set access method default;"),
        (17, "create table t (a int, exclude (a with =)) partition by range (a);"),
        (17, "create table t (a int) partition by range (a); alter table t add exclude (a with =);"),
        (19, "create view v as select a from t group by all;"),
        (19, "create table t (a int); insert into t values (1) on conflict (a) do select returning *;"),
    ] {
        let found = all(text, &version(first - 1));
        assert!(found.contains(&"error unsupported-by-version".to_owned()), "{text}: {found:?}");
        let found = all(text, &version(first));
        assert!(first > 18 || !found.contains(&"error unsupported-by-version".to_owned()), "{text}: {found:?}");
    }
}
