//! What the server will refuse of tables that the same files make, or that it has told of. All of it as seen on 14, 17 and 18.

use super::super::{Catalogue, ColumnFacts, RelationName, TableFacts, lint_with};
use super::catalogue::index;
use super::*;

/// The messages of errors that say that a statement fails, but for those about locks.
fn refused(text: &str, catalogue: Option<&Catalogue>) -> Vec<String> {
    let inputs: Vec<Input> =
        text.split("\n---\n").enumerate().map(|(at, text)| Input::new((at + 1).to_string(), text)).collect();
    let found = lint_with(&inputs, &version(18), catalogue);
    let refused = found.iter().filter(|finding| {
        finding.severity == Severity::Error
            && (finding.rule.name.ends_with("-refused") || finding.rule.name == "constraint-broken")
    });
    refused.map(|finding| finding.message.clone()).collect()
}

#[track_caller]
fn judged(cases: &[(&str, Option<&str>)]) {
    for (text, message) in cases {
        assert_eq!(refused(&format!("{text};"), None), Vec::from_iter(*message), "{text}");
    }
}

#[test]
fn foreign_keys_refer_to_keys_of_the_files_own_tables() {
    judged(&[
        (
            "create table a(id uuid primary key); create table b(a_id int references a(id))",
            Some("a_id is integer, a.id is uuid: no foreign key joins them"),
        ),
        ("create table a(id bigint primary key); create table b(a_id int references a)", None),
        ("create table a(id text primary key); create table b(a_id varchar(3) references a(id))", None),
        ("create table a(id bigserial primary key); create table b(a_id bigint references a(id))", None),
        (
            "create table a(id int primary key, k int); create table b(a_id int references a(k))",
            Some("no unique index of a is over just k"),
        ),
        ("create table a(id int primary key, k int unique); create table b(a_id int references a(k))", None),
        (
            "create table a(id int, k int); create unique index on a(k) where k > 0; create table b(a_id int references a(k))",
            Some("no unique index of a is over just k"),
        ),
        (
            "create table a(k int); create unique index on a(k); create index on a(k); create table b(a_id int references a(k))",
            None,
        ),
        (
            "create table a(id int, k int, primary key(id, k)); create table b(a_id int references a)",
            Some("1 columns refer to 2 of a"),
        ),
        (
            "create table a(id int, k int, primary key(id, k)); create table b(x int, y int, foreign key (x, y) references a(k, id))",
            None,
        ),
        (
            "create table a(id int primary key); create table b(x int, y int, foreign key (x, y) references a)",
            Some("2 columns refer to 1 of a"),
        ),
        (
            "create table a(id int primary key, parent uuid references a(id))",
            Some("parent is uuid, a.id is integer: no foreign key joins them"),
        ),
        ("create table a(id int, parent int references a(id), unique (id))", None),
        (
            "create table a(id bigint primary key, p bigint); alter table a add foreign key (p) references a(p), add unique (p)",
            None,
        ),
        // What a table is made of that is not said, or that may have been there, is not known.
        ("create table if not exists a(id uuid primary key); create table b(a_id int references a(id))", None),
        (
            "create table z(id uuid primary key); create table a(like z); create table b(a_id int references a(id))",
            None,
        ),
        (
            "create table a(id int, k int); do $$ begin alter table a add unique (k); end $$; create table b(a_id int references a(k))",
            None,
        ),
    ]);
}

#[test]
fn a_conflict_wants_a_key_of_its_columns() {
    let missing = Some("no unique index of all rows of t is over just a");
    judged(&[
        ("create table t(id int, a int); insert into t values (1, 1) on conflict (a) do nothing", missing),
        (
            "create table t(id int, a int); create unique index on t(a) where id > 0; insert into t values (1, 1) on conflict (a) do nothing",
            missing,
        ),
        (
            "create table t(id int, a int); create unique index on t(a) where id > 0; insert into t values (1, 1) on conflict (a) where id > 0 do nothing",
            None,
        ),
        (
            "create table t(id int, a int, unique (a, id)); insert into t values (1, 1) on conflict (a) do nothing",
            missing,
        ),
        (
            "create table t(id int, a int, unique (a, id)); insert into t values (1, 1) on conflict (id, a) do nothing",
            None,
        ),
        (
            "create table t(id int, a int, unique (a) include (id)); insert into t values (1, 1) on conflict (a) do nothing",
            None,
        ),
        (
            "create table t(id int, a text); create unique index on t(lower(a)); insert into t values (1, '1') on conflict (a) do nothing",
            missing,
        ),
        (
            "create table t(id int, a text); create unique index on t(lower(a)); insert into t values (1, '1') on conflict (lower(a)) do nothing",
            None,
        ),
        (
            "create table t(a int); create unique index u on t(a); alter table t add unique using index u; insert into t values (1) on conflict (a) do nothing",
            None,
        ),
        (
            "create table t(a int) partition by list (a); create table p partition of t for values in (1); insert into p values (1) on conflict (a) do nothing",
            None,
        ),
        ("insert into u values (1) on conflict (a) do nothing", None),
        (
            "insert into u values (1) on conflict do update set a = 1",
            Some("ON CONFLICT DO UPDATE does not say of what: (columns) is missing"),
        ),
        ("insert into u values (1) on conflict on constraint k do update set a = 1", None),
    ]);
}

#[test]
fn what_is_generated_takes_no_value() {
    let identity =
        Some("t.id is GENERATED ALWAYS AS IDENTITY: it takes no value but DEFAULT without OVERRIDING SYSTEM VALUE");
    let generated = Some("t.a is generated: it takes no value but DEFAULT");
    let set = Some("t.a is generated: it can be set to DEFAULT alone");
    let with = |column: &str, statement: &str| format!("create table t({column}); {statement}");
    let always = "id int generated always as identity, a int";
    let stored = "id int, a int generated always as (id + 1) stored";
    for (column, statement, message) in [
        (always, "insert into t(id, a) values (1, 1)", identity),
        (always, "insert into t values (default, 1), (2, 1)", identity),
        (always, "insert into t select 1, 2", identity),
        (always, "insert into t(a) select 1", None),
        (always, "insert into t values (default, 1), (default, 2)", None),
        (always, "insert into t overriding system value values (1, 1)", None),
        (always, "insert into t overriding user value values (1, 1)", None),
        (always, "alter table t alter id set generated by default; insert into t values (1, 1)", None),
        (always, "update t set id = 3", Some("t.id is generated: it can be set to DEFAULT alone")),
        ("id int generated by default as identity, a int", "insert into t values (1, 1)", None),
        (stored, "insert into t values (1, 1)", generated),
        (stored, "insert into t overriding system value values (1, 1)", generated),
        (stored, "insert into t values (1, default)", None),
        (stored, "insert into t values (1)", None),
        (stored, "update t set a = 1", set),
        (stored, "update t set (id, a) = (1, 2)", set),
        (stored, "update t set a = default, id = 2", None),
        (stored, "create unique index on t(id); insert into t values (1) on conflict (id) do update set a = 2", set),
        (stored, "alter table t alter a drop expression; insert into t values (1, 1)", None),
    ] {
        judged(&[(&with(column, statement), message)]);
    }
}

#[test]
fn an_insert_has_as_many_values_as_columns() {
    judged(&[
        ("insert into t(id, a) values (1)", Some("2 columns, and values for 1")),
        ("insert into t(id) values (1, 2)", Some("2 values for 1 columns")),
        ("insert into t(id, a) select 1", Some("2 columns, and values for 1")),
        ("insert into t(id, a) select * from u", None),
        ("insert into t(id, a) select u.*, 1, 2 from u", None),
        ("insert into t(id, a) values ((row(1, 2)).*)", None),
        ("insert into t(id, a) values (2 * 3, 4)", None),
        ("insert into t values (1), (1, 2)", Some("the rows of VALUES have not all the same number of values")),
        ("create table t(id int, a int); insert into t values (1, 2, 3)", Some("3 values for 2 columns")),
        ("create table t(id int, a int); insert into t values (1)", None),
        ("create table t(id int); alter table t add a int; insert into t values (1, 2)", None),
        ("create table u(a int); create table t(id int) inherits (u); insert into t values (1, 2)", None),
        (
            "create table t(id int, a int not null); insert into t(id) values (1)",
            Some("t.a is NOT NULL, and this INSERT gives it no value"),
        ),
        (
            "create table t(id int, a int not null); insert into t values (1, 2), (1, null)",
            Some("t.a is NOT NULL, and this INSERT gives it no value"),
        ),
        ("create table t(id serial primary key, a int not null default 1); insert into t(a) values (1)", None),
        ("create table t(id int, a other not null); insert into t(id) values (1)", None),
        (
            "create table t(id int not null, a int); create trigger f before insert on t for each row execute function f(); insert into t(a) values (1)",
            None,
        ),
    ]);
}

#[test]
fn a_constraint_is_broken_by_a_row_that_was_inserted() {
    let null = Some("t.a is NULL in a row that these files have inserted");
    let filled = "create table t(id int, a int); insert into t(id) values (1);";
    for (after, message) in [
        ("alter table t alter a set not null", null),
        ("alter table t add primary key (a)", null),
        ("alter table t add check (a is not null)", null),
        ("alter table t add constraint n not null a", null),
        ("alter table t add check (a > 0)", None),
        ("alter table t add constraint c check (a is not null) not valid", None),
        ("alter table t add constraint c check (a is not null) not valid; alter table t validate constraint c", null),
        ("alter table t alter id set not null", None),
        ("update t set a = 1; alter table t alter a set not null", None),
        ("delete from t; alter table t alter a set not null", None),
        ("select fill(); alter table t alter a set not null", None),
        ("do $$ begin update t set a = 1; end $$; alter table t alter a set not null", None),
        ("alter table t alter a type bigint using 1; alter table t alter a set not null", None),
        (
            "alter table t add b int; alter table t alter b set not null",
            Some("t.b is NULL in a row that these files have inserted"),
        ),
        ("alter table t add b int default 1; alter table t alter b set not null", None),
    ] {
        judged(&[(&format!("{filled} {after}"), message)]);
    }
    judged(&[
        (
            "create table t(id int, a int default 1); insert into t(id) values (1); alter table t alter a set not null",
            None,
        ),
        (
            "create table t(id int, a int); insert into t(id) select 1 where false; alter table t alter a set not null",
            None,
        ),
    ]);
    let name = RelationName { schema: "public".to_owned(), name: "t".to_owned() };
    let columns =
        ["id", "a"].map(|name| (name.to_owned(), ColumnFacts { data_type: "integer".to_owned(), not_null: false }));
    let facts = TableFacts {
        empty: true,
        columns: columns.into(),
        column_order: vec!["id".to_owned(), "a".to_owned()],
        ..TableFacts::default()
    };
    let catalogue = Catalogue { tables: [(name, facts)].into(), ..Catalogue::default() };
    let text = "insert into t(id) values (1);\n---\nalter table t alter a set not null;";
    assert_eq!(refused(text, Some(&catalogue)), Vec::from_iter(null));
}

#[test]
fn a_method_has_no_class_for_every_type() {
    let table =
        "create table t(a text, j json, b jsonb, i int, s int[], v tsvector, p point, r int4range, unique (i));";
    for (index, message) in [
        ("on t using gin (a)", Some("a is text, which has no operator class for gin")),
        ("on t using gin (a gin_trgm_ops)", None),
        ("on t using gin (lower(a))", None),
        ("on t using gin (b)", None),
        ("on t using gin (s)", None),
        ("on t using gin (v)", None),
        // Who has btree_gin may say so elsewhere.
        ("on t using gin (a, b)", None),
        ("on t (j)", Some("j is json, which has no operator class for btree")),
        ("on t using gin (j)", Some("j is json, which has no operator class for gin")),
        ("on t ((j ->> 'a'))", None),
        ("on t (p)", Some("p is point, which has no operator class for btree")),
        ("on t using gist (p)", None),
        ("on t using gist (r)", None),
        ("on t using gist (i)", Some("i is integer, which has no operator class for gist")),
        ("on t using brin (i)", None),
        ("on t using hash (i)", None),
        ("on t using hash (a, i)", Some("hash takes one column")),
        ("on t using gin (b) include (a)", Some("gin includes no columns")),
        ("on t using gist (p) include (a)", None),
        ("on t using gin (b desc)", Some("gin has no order: ASC, DESC and NULLS are refused")),
        ("on t (a desc nulls last) include (i)", None),
        ("on t (count(a))", Some("count() is of many rows, and an index of each one")),
        ("on t ((row_number() over ()))", Some("a window function is of many rows, and an index of each one")),
    ] {
        judged(&[(&format!("{table} create index {index}"), message)]);
    }
    judged(&[
        ("create table t(i int); create unique index on t using hash (i)", Some("hash makes no unique index")),
        ("create table t(j json unique)", Some("j is json, which has no operator class for btree")),
        ("create table t(j json, primary key (j))", Some("j is json, which has no operator class for btree")),
        (
            "create table t(j json); alter table t add unique (j)",
            Some("j is json, which has no operator class for btree"),
        ),
        ("create table t(j json[] unique)", None),
        ("create extension if not exists btree_gin; create table t(a text); create index on t using gin (a)", None),
    ]);
    let name = RelationName { schema: "public".to_owned(), name: "t".to_owned() };
    let column = ColumnFacts { data_type: "text".to_owned(), not_null: false };
    let facts = TableFacts { columns: [("a".to_owned(), column)].into(), ..TableFacts::default() };
    let with = |extensions: &[&str]| Catalogue {
        tables: [(name.clone(), facts.clone())].into(),
        extensions: Some(extensions.iter().map(|&name| name.to_owned()).collect()),
        ..Catalogue::default()
    };
    let text = "create index concurrently on t using gin (a);";
    assert_eq!(refused(text, Some(&with(&[]))), ["a is text, which has no operator class for gin"]);
    assert_eq!(refused(text, Some(&with(&["btree_gin"]))), [] as [&str; 0]);
}

#[test]
fn a_table_that_is_attached_is_like_its_parent() {
    let attached = |parent: &str, table: &str| {
        format!(
            "create table p({parent}) partition by list (k); create table c({table}); alter table p attach partition c for values in (1)"
        )
    };
    for (parent, table, message) in [
        ("k int, v text", "v text, k int4", None),
        ("k serial not null, v text", "k int not null, v text", None),
        ("k int not null, v text", "k int, v text", Some("c.k may be NULL, and p.k may not")),
        ("k int primary key, v text", "k int, v text", Some("c.k may be NULL, and p.k may not")),
        ("k int, v text", "k bigint, v text", Some("c.k is of another type or collation than p.k")),
        ("k int, v text", "k int", Some("c has no column v")),
        ("k int", "k int, v text", Some("c has the column v, which p has not")),
        ("k int, constraint pos check (k > 0)", "k int", Some("c has no check pos, which p has")),
        ("k int, constraint pos check (k > 0)", "k int, check (k > 0)", Some("c has no check pos, which p has")),
        ("k int, constraint pos check (k > 0)", "k int, constraint pos check (k > 0)", None),
        ("k int, constraint pos check (k > 0)", "like p including all", None),
        (
            "k int",
            "k int generated always as identity",
            Some("c.k is an identity, which a partition has from its parent alone"),
        ),
        ("k int generated always as identity", "k int not null", None),
        ("k int, v int generated always as (k + 1) stored", "k int, v int", Some("p.v is generated, and c.v is not")),
        ("k int, v int", "k int, v int generated always as (k + 1) stored", Some("c.v is generated, and p.v is not")),
    ] {
        judged(&[(&attached(parent, table), message)]);
    }
    judged(&[
        (
            "create table p(k int not null); create table c(k int); alter table c inherit p",
            Some("c.k may be NULL, and p.k may not"),
        ),
        ("create table p(k int); create table c(k int, v text); alter table c inherit p", None),
        ("create table p(k int); create table c(k int generated always as identity); alter table c inherit p", None),
        (
            "create table p(k int); create table c(k int); alter table p attach partition c for values in (1)",
            Some("p is not partitioned"),
        ),
    ]);
}

#[test]
fn bounds_are_of_the_parents_kind() {
    let overlap = Some("d takes rows that c has the place for: their bounds overlap");
    for (columns, by, bounds, message) in [
        ("k int", "hash (k)", &["with (modulus 2, remainder 0)", "with (modulus 4, remainder 2)"][..], overlap),
        ("k int", "hash (k)", &["with (modulus 2, remainder 0)", "with (modulus 2, remainder 0)"], overlap),
        ("k int", "hash (k)", &["with (modulus 2, remainder 0)", "with (modulus 4, remainder 1)"], None),
        (
            "k int",
            "hash (k)",
            &["with (modulus 4, remainder 0)", "with (modulus 6, remainder 1)"],
            Some("neither is the modulus 6 a multiple of 4, that of c, nor is it the other way round"),
        ),
        ("k int", "hash (k)", &["with (modulus 2, remainder 2)"], Some("the remainder 2 is never left by 2")),
        (
            "k int",
            "hash (k)",
            &["in (1)"],
            Some("the table is partitioned by hash, and these are the bounds of a list"),
        ),
        (
            "k int",
            "list (k)",
            &["from (1) to (2)"],
            Some("the table is partitioned by list, and these are the bounds of a range"),
        ),
        ("k int", "range (k)", &["from (1, 2) to (2, 3)"], Some("2 values bound a key of 1")),
        ("k int", "range ((k % 5), k)", &["from (1, 2) to (2, 3)", "from (1, 2) to (2, 3)"], None),
        ("k bool", "list (k)", &["in (true)", "in ('t')"], overlap),
        ("k bool", "list (k)", &["in (true)", "in ('f')"], None),
        ("k text", "list (k)", &["in ('true')", "in ('t')"], None),
        ("k int, v date", "list (k, v)", &[], Some("PARTITION BY LIST takes one column")),
        (
            "k int, v date",
            "range (k, v)",
            &["from (1, '2024-01-01') to (1, '2025-01-01')", "from (1, '2024-12-01') to (2, '2024-01-01')"],
            overlap,
        ),
        (
            "k int, v date",
            "range (k, v)",
            &["from (1, '2024-01-01') to (1, '2025-01-01')", "from (1, '2025-01-01') to (2, '2024-01-01')"],
            None,
        ),
        (
            "k int, v date",
            "range (k, v)",
            &["from (1, '2024-01-01') to (1, '2025-01-01')", "from (1, minvalue) to (1, '2024-01-01')"],
            None,
        ),
        (
            "k int, v date",
            "range (k, v)",
            &["from (1, maxvalue) to (1, '2025-01-01')"],
            Some("c has no room: it ends where it begins, or before"),
        ),
    ] {
        let partitions = bounds.iter().zip(["c", "d"]);
        let partitions: Vec<String> = partitions
            .map(|(bounds, name)| format!("; create table {name} partition of p for values {bounds}"))
            .collect();
        judged(&[(&format!("create table p({columns}) partition by {by}{}", partitions.concat()), message)]);
    }
    judged(&[
        ("create table p(k int); create table c partition of p for values in (1)", Some("p is not partitioned")),
        (
            "create table p(k int) partition by hash (k); create table c partition of p default",
            Some("a table that is partitioned by hash has no default partition"),
        ),
        (
            "create table p(k int, v int) partition by list (k); create table c partition of p for values in (1) partition by list (v); create table d partition of c for values in (1)",
            None,
        ),
    ]);
}

#[test]
fn a_row_has_a_value_for_each_column_that_needs_one() {
    let missing = Some("t.a is NOT NULL, and this INSERT gives it no value");
    let twice = Some("n may be t.n or excluded.n here: the server asks which");
    let always =
        Some("t.id is GENERATED ALWAYS AS IDENTITY: it takes no value but DEFAULT without OVERRIDING SYSTEM VALUE");
    let of = "create table s(id int); merge into t using s on t.id = s.id when not matched then insert";
    for (columns, statement, message) in [
        ("a int not null", "insert into t default values".to_owned(), missing),
        ("a int not null default 1", "insert into t default values".to_owned(), None),
        ("a serial", "insert into t default values".to_owned(), None),
        ("id int, a int not null", format!("{of} (id) values (s.id)"), missing),
        ("id int, a int not null", format!("{of} values (s.id)"), missing),
        ("id int, a int not null", format!("{of} values (s.id, 1)"), None),
        ("id int generated always as identity, a int", format!("{of} values (s.id, 1)"), always),
        ("id int generated always as identity, a int", format!("{of} (a) values (1)"), None),
        (
            "k int primary key, n int",
            "insert into t values (1, 1) on conflict (k) do update set n = n + 1".to_owned(),
            twice,
        ),
        (
            "k int primary key, n int",
            "insert into t values (1, 1) on conflict (k) do update set n = t.n + 1 where n < 5".to_owned(),
            twice,
        ),
        (
            "k int primary key, n int",
            "insert into t values (1, 1) on conflict (k) do update set n = t.n + excluded.n".to_owned(),
            None,
        ),
        (
            "k int primary key, n int",
            "insert into t values (1, 1) on conflict (k) do update set n = (select max(n) from t as u)".to_owned(),
            None,
        ),
    ] {
        judged(&[(&format!("create table t({columns}); {statement}"), message)]);
    }
    judged(&[
        (
            "insert into u (k, n) values (1, 1) on conflict (k) do update set n = n + 1",
            Some("n may be u.n or excluded.n here: the server asks which"),
        ),
        (
            "create table p(a int); create table c(a text) inherits (p)",
            Some("p.a is integer, and of another type here: text"),
        ),
        (
            "create table p(a varchar(9)); create table c(a varchar(10)) inherits (p)",
            Some("p.a is varchar, and of another type here: varchar"),
        ),
        ("create table p(a int, b text); create table c(a integer) inherits (p)", None),
        (
            "create index i on t (a gin_trgm_ops)",
            Some("the operator class gin_trgm_ops is one of gin, and none of btree"),
        ),
        ("create index i on t using gin (a gin_trgm_ops)", None),
    ]);
}

#[test]
fn a_default_is_of_its_type() {
    for (column, message) in [
        ("a int default ''", Some("'' is no integer")),
        ("a int default ' 5 '", None),
        ("a int default 1.5", None),
        ("a smallint default '40000'", Some("'40000' is no smallint")),
        ("a smallint default 40000", Some("40000 is out of the range of smallint")),
        ("a int default -2147483648", None),
        ("a int default 5::bigint", None),
        ("a bigint generated always as identity", None),
        ("a uuid generated always as identity", Some("an identity is a whole number, and no uuid")),
        ("a bigint default 1 generated always as identity", Some("a column that is GENERATED has no DEFAULT")),
        ("a bigserial generated always as identity", Some("an identity takes no other default")),
        ("a jsonb default ''", Some("'' is no jsonb")),
        ("a jsonb default '{}'", None),
        ("a json default '{a:1}'", Some("'{a:1}' is no json")),
        ("a boolean default 'maybe'", Some("'maybe' is no boolean")),
        ("a boolean default 'yes'", None),
        ("a uuid default ''", Some("'' is no uuid")),
        ("a text[] default '[]'", Some("'[]' is no array: an empty one is '{}'")),
        ("a text[] default '{}'", None),
        ("a timestamptz default ''", Some("'' is no timestamptz")),
        ("a timestamptz default 'now'", None),
        ("a varchar(3) default 'unknown'", Some("'unknown' has 7 letters, and varchar(3) takes 3")),
        ("a varchar(3) default 'abc  '", None),
        ("a varchar(3) default 'unknown'::varchar(3)", None),
        ("a text default ''", None),
        ("a other default ''", None),
        ("a m default 'c'", Some("the enum m has no 'c'")),
        ("a m default 'c'::m", Some("the enum m has no 'c'")),
        ("a m default 'a'", None),
        ("a m[] default '{}'", None),
        // SQLite takes both for a boolean.
        ("a boolean not null default 0", Some("the default is integer, and no boolean")),
        ("a boolean not null default false", None),
        ("a numeric default 'x'", Some("'x' is no numeric")),
        ("a numeric(5,2) default 1000", Some("1000 is too large for numeric(5,2)")),
        ("a numeric(5,2) default 999.994", None),
        ("a numeric(5,2) default -999.995", Some("-999.995 is too large for numeric(5,2)")),
        ("a jsonb default 1", Some("the default is integer, and no jsonb")),
        ("a jsonb default '{}'::text", Some("the default is text, and no jsonb")),
        ("a jsonb default '{}'::json", None),
        ("a date default 20240101", Some("the default is integer, and no date")),
        ("a date default now()", None),
        ("a timestamptz default current_date", None),
        ("a int default now()", Some("the default is timestamptz, and no integer")),
        ("a int default true", Some("the default is boolean, and no integer")),
        ("a text default now()", None),
        ("a m default 'a'::text", Some("the default is text, and no m")),
        ("a m[] default '{a,c}'", Some("the enum m has no 'c'")),
        ("a m[] default '{a, NULL}'", None),
        ("a text[] default array[1]", None),
        ("a int[] default array['1']", Some("the default is text[], and no integer[]")),
        ("a int[] default array[]", Some("the type of an empty ARRAY[] is not known without a cast")),
        ("a inet default 'localhost'", Some("'localhost' is no inet")),
        ("a timestamptz default 'CURRENT_TIMESTAMP'", Some("'CURRENT_TIMESTAMP' is no timestamptz")),
        ("a varchar(3) default 1000", Some("'1000' has 4 letters, and varchar(3) takes 3")),
    ] {
        let types = "create type m as enum ('a', 'b');";
        judged(&[
            (&format!("{types} create table t({column})"), message),
            (&format!("{types} create table t(id int); alter table t add {column}"), message),
        ]);
    }
    judged(&[
        ("create table t(a int); alter table t alter a set default ''", Some("'' is no integer")),
        ("create table t(a int); alter table t alter a type text, alter a set default ''", None),
        (
            "create type m as enum ('a'); alter type m add value 'b'; create table t(a m); alter table t alter a set default 'b'",
            None,
        ),
        (
            "do $$ begin create type m as enum ('a'); exception when duplicate_object then null; end $$; create table t(a m default 'b')",
            None,
        ),
    ]);
}

#[test]
fn a_trigger_and_a_policy_fit_their_event() {
    let trigger = |what: &str| format!("create table t(a text); create trigger x {what} execute function f()");
    for (what, message) in [
        ("before truncate on t for each row", Some("a trigger on TRUNCATE is not FOR EACH ROW")),
        ("before truncate on t", None),
        ("instead of insert on t for each row", Some("INSTEAD OF is of views, and this is a table")),
        ("instead of insert on v for each row", None),
        (
            "before insert or update on t for each row when (old.a is null)",
            Some("the WHEN of a trigger on INSERT has no OLD"),
        ),
        ("before update on t for each row when (old.a is distinct from new.a)", None),
        ("before delete on t for each row when (new.a is null)", Some("the WHEN of a trigger on DELETE has no NEW")),
        ("after update on t when (new.a is null)", Some("the WHEN of a trigger FOR EACH STATEMENT has no rows")),
    ] {
        judged(&[(&trigger(what), message)]);
    }
    judged(&[
        ("create policy p on t for insert using (true)", Some("a policy FOR INSERT takes WITH CHECK alone")),
        ("create policy p on t for select with check (true)", Some("a policy FOR SELECT or DELETE takes USING alone")),
        ("create policy p on t for insert with check (true)", None),
        ("create policy p on t for update using (true) with check (true)", None),
        ("create policy p on t using (true)", None),
    ]);
}

/// A month of a large table is no batch, and a day no more than a month.
#[test]
fn the_rows_of_a_table_decide_whether_a_window_is_a_batch() {
    let name = RelationName { schema: "public".to_owned(), name: "things".to_owned() };
    let with = |rows| {
        let facts =
            TableFacts { rows, indexes: [("by_id".to_owned(), index(&["id"], true))].into(), ..TableFacts::default() };
        Catalogue { tables: [(name.clone(), facts)].into(), ..Catalogue::default() }
    };
    let found = |text: &str, catalogue: Option<&Catalogue>| {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), catalogue);
        found.iter().any(|finding| finding.rule.name == "unbatched-backfill")
    };
    for condition in [
        "created_at >= '2026-11-01' and created_at < '2026-12-01'",
        "created_at = '2026-11-01'",
        "created_at::date = '2026-11-01'",
        "date(created_at) = date '2026-11-01'",
        "date_trunc('day', created_at) = '2026-11-01'",
    ] {
        for text in
            [format!("update things set v = 'x' where {condition};"), format!("delete from things where {condition};")]
        {
            assert!(!found(&text, None), "{text}");
            assert!(!found(&text, Some(&with(Some(20_000)))), "{text}");
            assert!(!found(&text, Some(&with(None))), "{text}");
            assert!(found(&text, Some(&with(Some(200_000)))), "{text}");
        }
    }
    let keyed = "update things set v = 'x' where id between 1 and 1000;";
    assert!(!found(keyed, Some(&with(Some(200_000)))));
    let year = "update things set v = 'x' where date_trunc('month', created_at) = '2026-11-01';";
    assert!(found(year, None));
}
