//! What a server that is asked before will refuse.

use super::super::{Catalogue, ColumnFacts, ConstraintFacts, IndexFacts, RelationName, TableFacts, lint_with};
use super::catalogue::index;
use super::*;

#[test]
fn a_view_that_comes_again_has_the_columns_that_it_had() {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let columns = || ["id", "note"].map(|name| (name.to_owned(), ColumnFacts::default())).into();
    let view = TableFacts { shows_others: true, columns: columns(), ..TableFacts::default() };
    let catalogue = Catalogue { tables: [(name("v"), view)].into(), ..Catalogue::default() };
    let found = |text: &str| -> Vec<String> {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
        let found = found.iter().filter(|finding| !finding.rule.name.contains("timeout"));
        found.map(|finding| format!("{} {}", finding.severity, finding.rule.name)).collect()
    };
    for (query, kept) in [
        ("as select id, note from t", true),
        ("as select t.id, x::text as note, y from t", true),
        ("as (select note::text, id from t) union select 1, 2", true),
        ("(id, note) as select a + 1, b from t", true),
        ("as with w as (select 1 as b) select t.* from t, w", true),
        ("as select * from t", true),
        ("as select id, upper(note) from t", true),
        ("as select id, x as notes from t", false),
        ("as select note from t", false),
        ("(a) as select id, note from t", false),
        ("as with w as (select id, note from t) select id from w", false),
    ] {
        let again = found(&format!("begin; drop view v; create view v {query}; commit;"));
        assert_eq!(again, [if kept { "warning view-dropped" } else { "error view-dropped" }], "{query}");
        let replaced = found(&format!("create or replace view v {query};"));
        assert_eq!(replaced.contains(&"error view-replace-refused".to_owned()), !kept, "{query}: {replaced:?}");
        let anew = found(&format!("begin; drop view v; create or replace view v {query}; commit;"));
        assert!(!anew.contains(&"error view-replace-refused".to_owned()), "{query}: {anew:?}");
    }
    let error = ["error view-dropped"];
    assert_eq!(found("drop view v; create view v as select id, note from t;"), error);
    assert_eq!(found("begin; drop view v; create view w as select id, note from t; commit;"), error);
    assert_eq!(found("begin; drop view v; create view v as select * from t; drop view v; commit;"), error);
    assert_eq!(found("begin; drop view v; create temp view v as select id, note from t; commit;"), error);
}

/// As seen on 14 and 18.
#[test]
fn what_the_server_will_refuse_is_foreseen() {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let columns = |all: &[(&str, &str, bool)]| {
        let fact = |data_type: &str, not_null| ColumnFacts { data_type: data_type.to_owned(), not_null };
        all.iter().map(|(name, data_type, not_null)| ((*name).to_owned(), fact(data_type, *not_null))).collect()
    };
    let key = |column: &str| ConstraintFacts { definition: format!("PRIMARY KEY ({column})"), validated: true };
    let keyed = TableFacts {
        columns: columns(&[("id", "bigint", true), ("code", "text", true), ("note", "text", false)]),
        constraints: [("keyed_pkey".to_owned(), key("id"))].into(),
        indexes: [
            ("keyed_pkey".to_owned(), index(&["id"], true)),
            ("by_code".to_owned(), index(&["code", "id"], true)),
            ("by_note".to_owned(), index(&["note"], false)),
        ]
        .into(),
        ..TableFacts::default()
    };
    let unkeyed =
        TableFacts { columns: columns(&[("a", "integer", false), ("b", "uuid", false)]), ..TableFacts::default() };
    let parent = TableFacts {
        partitioned: true,
        columns: columns(&[("k", "integer", true), ("v", "character varying(5)", false)]),
        ..TableFacts::default()
    };
    let part = |all: &[(&str, &str, bool)]| TableFacts { empty: true, columns: columns(all), ..TableFacts::default() };
    let view = |unique| TableFacts {
        indexes: [("by_a".to_owned(), index(&["a"], unique)), ("by_b".to_owned(), IndexFacts::default())].into(),
        ..TableFacts::default()
    };
    let catalogue = Catalogue {
        tables: [
            (name("keyed"), keyed),
            (name("unkeyed"), unkeyed),
            (name("parent"), parent),
            (name("fits"), part(&[("v", "character varying(5)", false), ("k", "integer", true)])),
            (name("less"), part(&[("k", "integer", true)])),
            (name("more"), part(&[("k", "integer", true), ("v", "character varying(5)", false), ("w", "text", false)])),
            (name("wide"), part(&[("k", "integer", true), ("v", "character varying(9)", false)])),
            (name("loose"), part(&[("k", "integer", false), ("v", "character varying(5)", false)])),
            (name("unique_view"), view(true)),
            (name("plain_view"), view(false)),
        ]
        .into(),
        enums: [(name("mood"), ["sad", "glad"].map(str::to_owned).into())].into(),
        volatile_functions: ["draw".to_owned()].into(),
        ..Catalogue::default()
    };
    let found = |text: &str| -> Vec<String> {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
        let refused = found.iter().filter(|finding| finding.rule.name.ends_with("-refused"));
        refused.map(|finding| finding.message.clone()).collect()
    };
    for (text, message) in [
        ("alter table unkeyed add foreign key (a) references keyed not valid", None),
        ("alter table unkeyed add foreign key (a) references keyed (id) not valid", None),
        (
            "alter table unkeyed add foreign key (b, a) references keyed (code, id) not valid",
            Some("b is uuid, keyed.code is text: no foreign key joins them"),
        ),
        ("create table n (i int, c varchar(5), foreign key (i, c) references keyed (id, code))", None),
        ("create table n (i int references keyed (note))", Some("no unique index of keyed is over just note")),
        ("create table n (i int references keyed (code))", Some("no unique index of keyed is over just code")),
        (
            "create table n (i int references unkeyed)",
            Some("unkeyed has no primary key for the foreign key to refer to"),
        ),
        (
            "create table n (i numeric references keyed)",
            Some("i is numeric, keyed.id is bigint: no foreign key joins them"),
        ),
        (
            "create table n (i uuid, foreign key (i) references keyed)",
            Some("i is uuid, keyed.id is bigint: no foreign key joins them"),
        ),
        ("alter table unkeyed add c bigserial references keyed", None),
        (
            "alter table unkeyed add c text references keyed",
            Some("c is text, keyed.id is bigint: no foreign key joins them"),
        ),
        ("alter table unkeyed add primary key (a); create table n (i int references unkeyed)", None),
        ("create unique index concurrently on keyed (note); create table n (i text references keyed (note))", None),
        ("alter table keyed add primary key (code)", Some("keyed has the primary key keyed_pkey already")),
        ("alter table keyed add column n bigint primary key", Some("keyed has the primary key keyed_pkey already")),
        ("alter table keyed add primary key (code), drop constraint keyed_pkey", None),
        ("alter table keyed drop constraint keyed_pkey; alter table keyed add primary key (code)", None),
        ("alter table parent attach partition fits for values in (1)", None),
        ("alter table parent attach partition less for values in (1)", Some("less has no column v")),
        (
            "alter table parent attach partition more for values in (1)",
            Some("more has the column w, which parent has not"),
        ),
        ("alter table more drop column w; alter table parent attach partition more for values in (1)", None),
        (
            "alter table parent attach partition wide for values in (1)",
            Some("wide.v is of another type or collation than parent.v"),
        ),
        ("alter table wide alter v type varchar(5); alter table parent attach partition wide for values in (1)", None),
        (
            "alter table parent attach partition loose for values in (1)",
            Some("loose.k may be NULL, and parent.k may not"),
        ),
        ("alter table loose alter k set not null; alter table parent attach partition loose for values in (1)", None),
        ("alter table more inherit fits", None),
        ("alter table less inherit more", Some("less has no column v")),
        ("alter table wide inherit fits", Some("wide.v is of another type or collation than fits.v")),
        ("alter table loose inherit fits", Some("loose.k may be NULL, and fits.k may not")),
        ("alter type mood add value 'mad'", None),
        ("alter type mood add value 'mad' after 'sad'", None),
        ("alter type mood add value 'sad'", Some("mood has 'sad' already")),
        ("alter type mood add value if not exists 'sad'", None),
        ("alter type mood add value 'mad' before 'bad'", Some("mood has no 'bad'")),
        ("alter type mood rename value 'bad' to 'mad'", Some("mood has no 'bad'")),
        ("alter type mood rename value 'sad' to 'glad'", Some("mood has 'glad' already")),
        ("alter type mood rename value 'sad' to 'mad'; alter type mood add value 'sad' before 'mad'", None),
        ("create type hue as enum ('red'); alter type hue add value 'red'", Some("hue has 'red' already")),
        ("alter type unknown add value 'a' before 'b'", None),
        ("refresh materialized view concurrently unique_view", None),
        (
            "refresh materialized view concurrently plain_view",
            Some("plain_view has no unique index over columns alone and all rows"),
        ),
        ("create unique index on plain_view (a); refresh materialized view concurrently plain_view", None),
    ] {
        let text = format!("{text};");
        assert_eq!(found(&text), Vec::from_iter(message), "{text}");
    }
    let defaults = |text: &str| -> Vec<String> {
        let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), Some(&catalogue));
        let volatile = found.iter().filter(|finding| finding.rule.name == "volatile-default");
        volatile.map(|finding| finding.message.clone()).collect()
    };
    assert_eq!(defaults("alter table keyed add d int default draw();"), ["draw() is computed for every row of keyed"]);
    let unknown = ["draw() is computed for every row of keyed unless it is declared STABLE or IMMUTABLE"];
    assert_eq!(defaults("alter function draw() stable; alter table keyed add d int default draw();"), unknown);
}
