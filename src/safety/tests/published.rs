//! What is published, and what tells its rows apart: as seen on 14, 17 and 18.

use super::super::{
    Catalogue, ColumnFacts, ConstraintFacts, IndexFacts, RelationName, ReplicaIdentity, TableFacts, lint_with,
};
use super::catalogue::index;
use super::*;

const RULE: &str = "publication-changed";

/// Errors of a rule, by the text alone.
fn errors(text: &str, rule: &str) -> Vec<String> {
    let found = findings(text, &version(18)).into_iter();
    let found = found.filter(|finding| finding.rule.name == rule && finding.severity == Severity::Error);
    found.map(|finding| finding.message).collect()
}

#[test]
fn a_new_table_that_is_published_has_a_key() {
    let all = "create publication p for table t;";
    for (table, publication) in [
        ("create table t (a int);", all),
        ("create table t (a int not null unique);", all),
        ("create table t (a int primary key); alter table t replica identity nothing;", all),
        ("create table t (a int) partition by range (a); create table u partition of t default;", all),
        ("create table t (a int);", "create publication p for table t with (publish = 'insert, update');"),
        ("create table t (a int primary key, b text);", "create publication p for table t where (b = 'x');"),
        ("create table t (a int primary key, b text);", "create publication p for table t (b);"),
        ("create table t (a int primary key, b text);", "alter publication p add table t (b);"),
        (
            "create table t (a int primary key, b text); alter table t replica identity full;",
            "create publication p for table t (a);",
        ),
        (
            "create table t (a int primary key, b int not null unique); \
             alter table t replica identity using index t_b_key;",
            "create publication p for table t where (a > 1);",
        ),
    ] {
        let text = format!("{table} {publication}");
        assert_eq!(errors(&text, RULE).len(), 1, "{text}");
    }
    for (table, publication) in [
        ("create table t (a int primary key);", all),
        ("create table t (a int); alter table t replica identity full;", all),
        ("create table t (a int);", "create publication p for table t; alter table t add primary key (a);"),
        ("create table t (a int);", "create publication p for table t; drop publication p;"),
        ("create table t (a int);", "create publication p for table t with (publish = 'insert');"),
        ("create table t (a int);", "create publication p for table t with (publish = 'insert,truncate');"),
        ("create table t (like u including all);", all),
        ("create table if not exists t (a int);", all),
        (
            "create table t (a int) partition by range (a); create table u partition of t default; \
             alter table u add primary key (a);",
            all,
        ),
        (
            "create table t (a int primary key, b text);",
            "create publication p for table t where (a > 1 and lower('x') = 'x');",
        ),
        ("create table t (a int primary key, b text);", "create publication p for table t (a);"),
        (
            "create table t (a int primary key, b text);",
            "create publication p for table t where (b = 'x') with (publish = 'insert');",
        ),
        (
            "create table t (a int primary key, b text); alter table t replica identity full;",
            "create publication p for table t where (b = 'x');",
        ),
        ("", "create publication p for table t where (b = 'x');"),
    ] {
        let text = format!("{table} {publication}");
        assert_eq!(errors(&text, RULE), [] as [&str; 0], "{text}");
    }
}

#[test]
fn the_catalogue_knows_what_tells_rows_apart() {
    let name = |name: &str| RelationName { schema: "public".to_owned(), name: name.to_owned() };
    let column = |not_null| ColumnFacts { data_type: "text".to_owned(), not_null };
    let columns = || [("id", true), ("code", true), ("note", false)].map(|(name, of)| (name.to_owned(), column(of)));
    let plain = |replica_identity| TableFacts {
        columns: columns().into(),
        indexes: [
            ("by_code".to_owned(), index(&["code"], true)),
            ("by_note".to_owned(), index(&["note"], true)),
            ("loose".to_owned(), index(&["code"], false)),
            ("unknown".to_owned(), IndexFacts::default()),
        ]
        .into(),
        replica_identity,
        ..TableFacts::default()
    };
    let key = ConstraintFacts { definition: "PRIMARY KEY (id)".to_owned(), validated: true };
    let mut keyed = plain(ReplicaIdentity::Key);
    keyed.constraints.insert("keyed_pkey".to_owned(), key);
    keyed.indexes.insert("keyed_pkey".to_owned(), index(&["id"], true));
    let catalogue = Catalogue {
        tables: [
            (name("keyed"), keyed),
            (name("keyless"), plain(ReplicaIdentity::Key)),
            (name("whole"), plain(ReplicaIdentity::Full)),
            (name("coded"), plain(ReplicaIdentity::Index("by_code".to_owned()))),
            (name("none"), plain(ReplicaIdentity::Nothing)),
        ]
        .into(),
        ..Catalogue::default()
    };
    let errors = |text: &str| -> Vec<String> {
        let found = lint_with(&[Input::new("1", text)], &version(18), Some(&catalogue));
        let found = found.into_iter().filter(|finding| finding.severity == Severity::Error);
        found.map(|finding| finding.message).collect()
    };
    for (object, why) in [
        ("keyed", ""),
        ("keyed where (id = 'x')", ""),
        ("keyed (id, note)", ""),
        ("keyed, whole, coded", ""),
        ("whole where (note = 'x')", ""),
        ("coded where (code = 'x')", ""),
        ("keyless", "it has no primary key, nor another replica identity"),
        ("none", "the table has REPLICA IDENTITY NOTHING"),
        ("keyed where (note = 'x')", "the condition names note, and the replica identity is id"),
        ("keyed (note)", "the list of columns lacks id of the replica identity"),
        ("whole (id, code, note)", "a list of columns does not go with REPLICA IDENTITY FULL"),
        ("coded where (id = 'x')", "the condition names id, and the replica identity is code"),
    ] {
        for text in
            [format!("create publication p for table {object};"), format!("alter publication p add table {object};")]
        {
            let found = errors(&text);
            assert_eq!(
                found.iter().map(|found| found.split(": ").last().unwrap_or("")).collect::<String>(),
                why,
                "{text}"
            );
        }
        let inserts = errors(&format!("create publication p for table {object} with (publish = insert);"));
        assert_eq!(inserts, [] as [&str; 0], "{object}");
    }
    for (index, why) in [
        ("by_code", ""),
        ("unknown", ""),
        ("nowhere", ""),
        ("loose", "is not unique"),
        ("by_note", "is over note, which may be NULL"),
    ] {
        let text = format!("alter table keyed replica identity using index {index};");
        let found = errors(&text);
        assert_eq!(found.len(), usize::from(!why.is_empty()), "{text}: {found:?}");
        assert!(found.iter().all(|found| found.contains(why)), "{text}: {found:?}");
    }
}

#[test]
fn an_index_that_is_a_replica_identity_finds_one_row() {
    let table = "create table t (a int not null, b int, s serial unique, i int generated always as identity unique);\n";
    for (index, refused) in [
        ("create unique index i on t (a);", false),
        ("create unique index i on t (a) include (b);", false),
        ("create unique index i on t (s, i);", false),
        ("create unique index i on t (b); alter table t alter b set not null;", false),
        ("create unique index i on t (b); alter table t add constraint n not null b;", false),
        ("create unique index if not exists i on t (b);", false),
        ("create index i on t (a);", true),
        ("create unique index i on t (a) where b > 0;", true),
        ("create unique index i on t ((a + 1));", true),
        ("create unique index i on t (a, b);", true),
    ] {
        let text = format!("{table}{index} alter table t replica identity using index i;");
        assert_eq!(errors(&text, "replica-identity").len(), usize::from(refused), "{text}");
    }
    let text = format!(
        "{table}create unique index i on t (b); alter table t replica identity using index i, alter b set not null;"
    );
    assert_eq!(errors(&text, "replica-identity"), [] as [&str; 0]);
}
