//! What is there by a name, and what stands in the way, by the catalogue.

use super::super::{
    Catalogue, ColumnFacts, ConstraintFacts, IndexFacts, NamedObject, RelationName, RoutineFacts, TableFacts, lint_with,
};
use super::catalogue::index;
use super::*;

fn name(name: &str) -> RelationName {
    RelationName { schema: "public".to_owned(), name: name.to_owned() }
}

fn columns(all: &[(&str, &str)]) -> TableFacts {
    let fact = |data_type: &str| ColumnFacts { data_type: data_type.to_owned(), not_null: false };
    TableFacts {
        columns: all.iter().map(|(name, data_type)| ((*name).to_owned(), fact(data_type))).collect(),
        column_order: all.iter().map(|(name, _)| (*name).to_owned()).collect(),
        ..TableFacts::default()
    }
}

fn live() -> Catalogue {
    let people = TableFacts {
        constraints: [(
            "people_pkey".to_owned(),
            ConstraintFacts { definition: "PRIMARY KEY (id)".to_owned(), validated: true },
        )]
        .into(),
        indexes: [
            ("people_pkey".to_owned(), index(&["id"], true)),
            ("by_email".to_owned(), index(&["email"], true)),
            ("by_name".to_owned(), index(&["name"], false)),
            ("backwards".to_owned(), IndexFacts { reordered: true, ..index(&["name"], true) }),
            ("partly".to_owned(), IndexFacts { unique: true, ..IndexFacts::default() }),
        ]
        .into(),
        defaulted: ["id".to_owned()].into(),
        ..columns(&[("id", "bigint"), ("email", "text"), ("name", "text"), ("n", "integer")])
    };
    let others = TableFacts { indexes: [("of_others".to_owned(), index(&["id"], true))].into(), ..columns(&[]) };
    let parent = TableFacts { has_children: true, ..columns(&[("id", "bigint")]) };
    let child = TableFacts { inherited: ["id".to_owned()].into(), ..columns(&[("id", "bigint"), ("own", "text")]) };
    let parted = TableFacts {
        partitioned: true,
        partition_key: Some(vec!["k".to_owned()]),
        partitions: [name("part")].into(),
        ..columns(&[("k", "integer"), ("v", "text")])
    };
    let part = TableFacts { is_partition: true, ..columns(&[("k", "integer"), ("v", "text")]) };
    let view = TableFacts { shows_others: true, ..columns(&[("id", "bigint"), ("email", "text")]) };
    let named = [("TYPE", "", "there"), ("TRIGGER", "people", "touch"), ("FUNCTION", "", "there")];
    let named = named.map(|(class, of, name)| NamedObject {
        class: class.to_owned(),
        of: of.to_owned(),
        name: name.to_owned(),
    });
    Catalogue {
        tables: [
            (name("people"), people),
            (name("others"), others),
            (name("parent"), parent),
            (name("child"), child),
            (name("parted"), parted),
            (name("part"), part),
            (name("shown"), view),
        ]
        .into(),
        named: named.into(),
        routines: [
            ("touch", &[][..], 0, "trigger"),
            ("add", &["a", "b"], 0, "integer"),
            ("all_of", &["", ""], 0, "SETOF bigint"),
            ("scaled", &["a", "by"], 1, "integer"),
        ]
        .map(|(routine, arguments, defaults, result)| RoutineFacts {
            name: name(routine),
            arguments: arguments.iter().map(|name| ("integer".to_owned(), (*name).to_owned())).collect(),
            defaults,
            result: result.to_owned(),
        })
        .into(),
        ..Catalogue::default()
    }
}

/// The errors and warnings that are not about timeouts.
fn found(text: &str) -> Vec<String> {
    let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&live()));
    let told = found.iter().filter(|finding| {
        finding.severity != Severity::Info
            && !finding.rule.name.contains("timeout")
            && finding.rule.name != "not-rerunnable"
    });
    told.map(|finding| format!("{} {}", finding.severity, finding.rule.name)).collect()
}

#[track_caller]
fn finds(text: &str, expected: &[&str]) {
    assert_eq!(found(text), expected, "{text}");
}

#[test]
fn a_unique_index_is_a_promise() {
    finds("drop index concurrently by_email;", &["error constraint-dropped"]);
    finds("drop index concurrently by_name;", &[]);
    finds("drop index concurrently partly;", &["error constraint-dropped"]);
    finds("drop index concurrently people_pkey;", &["error index-drop-refused"]);
    finds("create unique index concurrently by_email2 on people (email); drop index concurrently by_email;", &[]);
    finds("create unique index concurrently n on people (n); drop index concurrently n;", &[]);
    let renamed = ["warning object-renamed", "error index-drop-refused"];
    finds("alter index people_pkey rename to keyed; drop index concurrently keyed;", &renamed);
}

#[test]
fn a_constraint_is_made_of_an_index_that_fits() {
    finds("alter table people add constraint c unique using index by_email;", &[]);
    let unfit = ["error constraint-builds-index"];
    finds("alter table people add constraint c unique using index backwards;", &unfit);
    finds("alter table people add constraint c unique using index of_others;", &unfit);
    finds("alter table people add constraint c unique using index people_pkey;", &unfit);
    finds("alter table people add constraint c unique using index nowhere;", &unfit);
    let twice = found("alter table people add primary key using index by_email;");
    assert!(twice.contains(&"error constraint-refused".to_owned()), "{twice:?}");
}

/// As seen on 17.
#[test]
fn what_is_below_a_table_has_its_columns() {
    for text in [
        "alter table only parted add column c int;",
        "alter table part add column c int;",
        "alter table only parent add column c int;",
        "alter table only parent add check (id > 0) not valid;",
        "alter table parted add check (k > 0) no inherit not valid;",
        "alter table parted set (fillfactor = 50);",
        "alter table only parted drop column v;",
        "alter table part drop column v;",
        "alter table child rename column id to n;",
        "alter table only parent rename column id to n;",
        "alter table child alter id type int;",
    ] {
        let found = found(text);
        assert!(found.contains(&"error partition-refused".to_owned()), "{text}: {found:?}");
    }
    for text in [
        "alter table parted add column c int;",
        "alter table part set (fillfactor = 50);",
        "alter table child add column c int;",
        "alter table only parent drop column id;",
        "alter table child rename column own to n;",
        "alter table child no inherit parent; alter table child rename column id to n;",
        "alter table only parent add check (id > 0) no inherit not valid;",
    ] {
        let found = found(text);
        assert!(!found.contains(&"error partition-refused".to_owned()), "{text}: {found:?}");
    }
}

#[test]
fn a_view_keeps_its_columns_in_their_places() {
    finds("create or replace view shown as select id, email, 1 as n from people;", &[]);
    finds("create or replace view shown as select email, id from people;", &["error view-replace-refused"]);
    finds("create or replace view shown as select id, 1 as n, email from people;", &["error view-replace-refused"]);
    for (select, kept) in [
        ("id, email from people", true),
        ("id::bigint, email::text from people", true),
        ("id, lower(email) as email from people", true),
        ("p.id::int8 as id, (email) from people p", true),
        ("n::int as id, email from people join others using (id)", false),
        ("id::int, email from people", false),
        ("n as id, email from people", false),
        ("id, email::varchar as email from people", false),
        ("id, array[]::text[] as email from people", false),
    ] {
        let text = format!("create or replace view shown as select {select};");
        finds(&text, if kept { &[] } else { &["error view-replace-refused"] });
    }
    finds("create or replace view shown as select id, email from people union select 1, 'x'::varchar;", &[]);
    finds("create or replace view shown as with people as (select 1 as id, 'x' as email) select * from people;", &[]);
}

#[test]
fn what_is_not_there_is_not_dropped() {
    for text in [
        "drop trigger if exists nowhere on people;",
        "drop trigger if exists touch on others;",
        "drop type if exists nowhere;",
        "drop function if exists nowhere();",
        "drop sequence if exists nowhere;",
        "drop extension if exists nowhere;",
        "drop schema if exists nowhere;",
        "drop publication if exists nowhere;",
        "alter table people alter n drop identity if exists;",
        "alter table people alter n drop default;",
    ] {
        finds(text, &[]);
    }
    finds("drop type nowhere;", &["error type-dropped"]);
    finds("drop type if exists there;", &["error type-dropped"]);
    finds("drop type if exists nowhere, there;", &["error type-dropped"]);
    finds("drop function if exists there(int);", &["error function-dropped"]);
    finds("drop trigger if exists touch on people;", &["error trigger-dropped"]);
    finds("alter table people alter id drop default;", &["error default-dropped"]);
    finds("alter table people alter id drop identity if exists;", &["error identity-changed"]);
    finds(
        "alter table people alter n set default 1; alter table people alter n drop default;",
        &["error default-dropped"],
    );
}

/// What an earlier file may have made, or renamed, is there.
#[test]
fn what_the_files_may_have_made_may_be_there() {
    for (first, second, rule) in [
        (
            "create or replace function f() returns int language sql as 'select 1';",
            "drop function if exists f();",
            "function-dropped",
        ),
        ("create type there2 as (a int);", "drop type if exists there2;", "type-dropped"),
        ("alter type there rename to elsewhere;", "drop type if exists elsewhere;", "type-dropped"),
    ] {
        let inputs = [Input::new("1", first), Input::new("2", second)];
        let found = lint_with(&inputs, &LintOptions::default(), Some(&live()));
        assert!(found.iter().any(|finding| finding.rule.name == rule), "{first} {second}: {found:?}");
    }
}

#[test]
fn a_function_is_replaced_by_one_like_it() {
    const BODY: &str = "language plpgsql as ''";
    for (head, kept) in [
        ("touch() returns trigger", true),
        ("touch() returns int", false),
        ("touch(a int) returns int", true),
        ("public.add(a int, b int4) returns int4", true),
        ("add(a int, c int) returns int", false),
        ("add(int, int) returns int", false),
        ("add(a int, b int) returns bigint", false),
        ("add(a int, b int) returns setof int", false),
        ("add(a int, b int) returns table (n int)", false),
        ("add(a int, b bigint) returns bigint", true),
        ("add(a int, out b int)", true),
        ("all_of(x int, int) returns setof int8", true),
        ("all_of(int, int) returns bigint", false),
        ("app.add(a int, c int) returns int", true),
        ("scaled(a int, by int default 3) returns int", true),
        ("scaled(a int default 1, by int default 3) returns int", true),
        ("scaled(a int, by int) returns int", false),
    ] {
        let text = format!("create or replace function {head} {BODY};");
        finds(&text, if kept { &[] } else { &["error function-replace-refused"] });
        let again = found(&format!("drop function add, touch, all_of, scaled; {text}"));
        assert!(!again.contains(&"error function-replace-refused".to_owned()), "{text}: {again:?}");
    }
}

#[test]
fn what_takes_the_place_of_another_serves_those_who_use_that() {
    let set = LintOptions::for_set(Engine::DuckDb, 14, "public");
    let made = "create macro f(a) as a + 1; create macro g(a, b := 2) as a + b; create sequence s1; create sequence s2;\n\
                create table t (id bigint default nextval('s1'), total int);\n\
                create view big as select id, total from t; create view v as select f(id) as n from t;\n---\n";
    for (sql, rule) in [
        ("create or replace macro f(a, b) as a + b;", "function-dropped"),
        ("create or replace macro f(b) as b;", "function-dropped"),
        ("create or replace function g(a) as a;", "function-dropped"),
        ("create or replace macro g(a, b) as a + b;", "function-dropped"),
        ("create or replace view big as select id from t;", "view-dropped"),
        ("create or replace view big as select total, id from t;", "view-dropped"),
        ("create or replace sequence s1;", "duckdb-cannot-run"),
        ("create or replace sequence s2;", "sequence-dropped"),
    ] {
        caught_with(&format!("{made}{sql}"), &format!("2:1:1 error {rule}"), &set);
    }
    for sql in [
        "create or replace macro f(a) as a + 2;",
        "create or replace macro f(a, b := 1) as a + b;",
        "create or replace macro f(a) as a, (a, b) as a + b;",
        "create or replace macro g(a, b := 3, c := 4) as a + b;",
        "create or replace view big as select id, total, 1 as one from t;",
        "create or replace macro n(a) as a; create or replace macro n(a, b) as a; create or replace sequence s3;",
        "create or replace view w as select 1 as a; create or replace view w as select 2 as b;",
    ] {
        safe_with(&format!("{made}{sql}"), &set);
    }
}
