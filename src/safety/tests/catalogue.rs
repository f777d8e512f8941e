//! What a live connection knows decides where the text does not.

use super::super::{Catalogue, ColumnFacts, ConstraintFacts, IndexFacts, RelationName, TableFacts, lint_with};
use super::*;

struct Live;

impl Catalogue for Live {
    fn table(&self, table: &RelationName) -> Option<TableFacts> {
        match table.name.as_str() {
            "empty" => Some(TableFacts { empty: true, ..TableFacts::default() }),
            "parent" => Some(TableFacts { partitioned: true, ..TableFacts::default() }),
            "full" => Some(TableFacts::default()),
            _ => None,
        }
    }

    fn column(&self, _table: &RelationName, column: &str) -> Option<ColumnFacts> {
        let data_type = match column {
            "short" => "character varying(20)",
            "small" => "integer",
            _ => return None,
        };
        Some(ColumnFacts { data_type: data_type.to_owned(), not_null: false })
    }

    fn constraints(&self, table: &RelationName) -> Vec<(String, ConstraintFacts)> {
        let fact = |definition: &str, validated| ConstraintFacts { definition: definition.to_owned(), validated };
        match table.name.as_str() {
            "full" => vec![
                ("proven".to_owned(), fact("CHECK ((a IS NOT NULL))", true)),
                ("later".to_owned(), fact("CHECK ((b IS NOT NULL)) NOT VALID", false)),
            ],
            _ => Vec::new(),
        }
    }

    fn indexes(&self, _table: &RelationName) -> Vec<IndexFacts> {
        vec![IndexFacts { columns: vec!["key_id".to_owned()] }]
    }
}

fn rules_for(text: &str) -> Vec<&'static str> {
    let found = lint_with(&[Input::new("1", text)], &LintOptions::default(), &Live);
    found
        .iter()
        .filter(|finding| finding.severity != Severity::Info && !finding.rule.name.contains("timeout"))
        .map(|finding| finding.rule.name)
        .collect()
}

#[test]
fn the_catalogue_decides() {
    assert_eq!(rules_for("create index i on empty (a);"), [] as [&str; 0]);
    assert_eq!(rules_for("create index i on \"full\" (a);"), ["index-not-concurrent"]);
    assert_eq!(rules_for("create table if not exists \"full\" (a int);"), [] as [&str; 0]);
    assert_eq!(rules_for("create index concurrently i on parent (a);"), ["index-on-partitioned"]);
    assert_eq!(rules_for("alter table \"full\" alter short type varchar(40);"), [] as [&str; 0]);
    assert_eq!(rules_for("alter table \"full\" alter short type varchar(10);"), ["column-type-changed"]);
    assert_eq!(rules_for("alter table \"full\" alter small type text;"), ["column-type-changed"]);
    assert_eq!(rules_for("alter table \"full\" alter a set not null;"), [] as [&str; 0]);
    assert_eq!(rules_for("alter table \"full\" alter b set not null;"), ["set-not-null-scans"]);
    let validated =
        rules_for("alter table \"full\" validate constraint later; alter table \"full\" alter b set not null;");
    assert!(!validated.contains(&"set-not-null-scans"));
    assert_eq!(rules_for("alter table \"full\" add foreign key (key_id) references o not valid;"), [] as [&str; 0]);
}
