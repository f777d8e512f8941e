//! What SQLite and DuckDB keep of a table and an index: the text that made it. On SQLite names of constraints, checks and
//! what a column says beside its type are nowhere else.
//!
//! The engine has taken the text, so that it is not judged here; what is not known is stepped over.

use super::cursor::Cursor;
use super::{Check, ForeignKey, Generated, IndexPart, PrimaryKey, Table, Unique};
use crate::engine::Engine;
use std::collections::BTreeMap;

/// What a CREATE TABLE says beyond the names and types of its columns.
#[derive(Debug, Default)]
pub(super) struct Definition {
    /// By the name of the column in small letters.
    pub(super) columns: BTreeMap<String, ColumnDefinition>,
    pub(super) primary_key: Option<PrimaryKey>,
    pub(super) unique: Vec<Unique>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) checks: Vec<Check>,
    pub(super) options: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct ColumnDefinition {
    pub(super) collation: Option<String>,
    pub(super) generated: Option<Generated>,
    pub(super) is_autoincrement: bool,
}

/// What a CREATE INDEX says.
#[derive(Debug, Default)]
pub(super) struct IndexDefinition {
    pub(super) unique: bool,
    pub(super) parts: Vec<IndexPart>,
    pub(super) predicate: Option<String>,
}

const COLUMN_CONSTRAINTS: [&str; 10] =
    ["constraint", "primary", "not", "null", "unique", "check", "default", "collate", "references", "generated"];

/// Reads a CREATE TABLE.
pub(super) fn table(text: &str, engine: Engine) -> Definition {
    let mut cursor = Cursor::new(text, engine);
    let mut definition = Definition::default();
    while !cursor.is_at_end() && !cursor.is_symbol("(") {
        cursor.step();
    }
    let Some(body) = cursor.group() else { return definition };
    cursor.within(body, |cursor| {
        while !cursor.is_at_end() {
            if !definition.table_constraint(cursor) {
                definition.column(cursor);
            }
            // SQLite takes constraints of a table without commas between them.
            cursor.symbol(",");
        }
    });
    while !cursor.is_at_end() {
        if cursor.words(&["without", "rowid"]) {
            definition.options.push("WITHOUT ROWID".to_owned());
        } else if cursor.word("strict") {
            definition.options.push("STRICT".to_owned());
        } else {
            cursor.step();
        }
    }
    definition.options.sort();
    definition
}

impl Definition {
    /// Adds what it says to a table that has its columns already.
    pub(super) fn complete(mut self, table: &mut Table) {
        for column in &mut table.columns {
            if let Some(found) = self.columns.remove(&column.name.to_lowercase()) {
                column.collation = found.collation;
                column.identity = found.is_autoincrement.then(|| "AUTOINCREMENT".to_owned());
                if found.generated.is_some() {
                    (column.generated, column.default) = (found.generated, None);
                }
            }
        }
        table.primary_key = self.primary_key;
        table.unique = self.unique;
        table.foreign_keys = self.foreign_keys;
        table.checks = self.checks;
        table.options = self.options;
    }

    fn table_constraint(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let start = cursor.place();
        let name = cursor.word("constraint").then(|| cursor.name()).flatten();
        if cursor.words(&["primary", "key"]) && cursor.is_symbol("(") {
            self.primary_key = Some(PrimaryKey { name, columns: columns(cursor) });
            conflict(cursor);
        } else if cursor.word("unique") && cursor.is_symbol("(") {
            let columns = columns(cursor);
            self.unique.push(Unique { name, columns, options: conflict(cursor) });
        } else if cursor.words(&["foreign", "key"]) && cursor.is_symbol("(") {
            let columns = columns(cursor);
            if cursor.word("references") {
                self.foreign_keys.push(foreign_key(cursor, name, columns));
            }
        } else if cursor.word("check") && cursor.is_symbol("(") {
            self.checks.push(check(cursor, name));
        } else {
            cursor.go_to(start);
            return false;
        }
        true
    }

    fn column(&mut self, cursor: &mut Cursor<'_>) {
        let Some(column) = cursor.name() else {
            cursor.skip();
            return;
        };
        // The type: names, and one group of numbers.
        let is_constraint =
            |cursor: &Cursor<'_>| cursor.is_word("as") || COLUMN_CONSTRAINTS.iter().any(|word| cursor.is_word(word));
        while !cursor.is_at_end() && !cursor.is_symbol(",") && !is_constraint(cursor) {
            cursor.skip();
        }
        let mut definition = ColumnDefinition::default();
        let mut name = None;
        while !cursor.is_at_end() && !cursor.is_symbol(",") {
            if cursor.word("constraint") {
                name = cursor.name();
                continue;
            }
            let name = name.take();
            if cursor.words(&["primary", "key"]) {
                self.primary_key = Some(PrimaryKey { name, columns: vec![column.clone()] });
                let _ = cursor.word("asc") || cursor.word("desc");
                conflict(cursor);
                definition.is_autoincrement = cursor.word("autoincrement");
            } else if cursor.words(&["not", "null"]) || cursor.word("null") {
                conflict(cursor);
            } else if cursor.word("unique") {
                self.unique.push(Unique { name, columns: vec![column.clone()], options: conflict(cursor) });
            } else if cursor.word("check") {
                self.checks.push(check(cursor, name));
            } else if cursor.word("default") {
                // A sign and a number, or one value, or a group.
                let _ = cursor.symbol("+") || cursor.symbol("-");
                cursor.skip();
            } else if cursor.word("collate") {
                definition.collation = cursor.name();
            } else if cursor.word("references") {
                self.foreign_keys.push(foreign_key(cursor, name, vec![column.clone()]));
            } else if cursor.words(&["generated", "always", "as"]) || cursor.word("as") {
                let expression = group_text(cursor);
                let stored = cursor.word("stored");
                cursor.word("virtual");
                definition.generated = Some(Generated { expression, stored });
            } else {
                cursor.skip();
            }
        }
        self.columns.insert(column.to_lowercase(), definition);
    }
}

/// The names in a group; what stands behind a name, a collation or an order, is left out.
fn columns(cursor: &mut Cursor<'_>) -> Vec<String> {
    let Some(places) = cursor.group() else { return Vec::new() };
    cursor.within(places, |cursor| {
        let mut names = Vec::new();
        while !cursor.is_at_end() {
            names.extend(cursor.name());
            while !cursor.is_at_end() && !cursor.symbol(",") {
                cursor.skip();
            }
        }
        names
    })
}

/// What is to happen instead of an error.
fn conflict(cursor: &mut Cursor<'_>) -> Vec<String> {
    if !cursor.words(&["on", "conflict"]) {
        return Vec::new();
    }
    cursor.name().map(|what| format!("ON CONFLICT {}", what.to_ascii_uppercase())).into_iter().collect()
}

fn check(cursor: &mut Cursor<'_>, name: Option<String>) -> Check {
    let expression = group_text(cursor);
    conflict(cursor);
    Check { name, expression, options: Vec::new() }
}

fn group_text(cursor: &mut Cursor<'_>) -> String {
    cursor.group().map(|places| cursor.text_of(places).to_owned()).unwrap_or_default()
}

/// What stands behind REFERENCES.
fn foreign_key(cursor: &mut Cursor<'_>, name: Option<String>, columns: Vec<String>) -> ForeignKey {
    let table = cursor.name().unwrap_or_default();
    let references = self::columns(cursor);
    let mut key = ForeignKey { name, columns, table, references, ..ForeignKey::default() };
    loop {
        if cursor.words(&["on", "delete"]) {
            key.on_delete = action(cursor);
        } else if cursor.words(&["on", "update"]) {
            key.on_update = action(cursor);
        } else if cursor.word("match") {
            // SQLite reads it and does nothing about it.
            cursor.name();
        } else if cursor.words(&["not", "deferrable"]) {
            let _ = cursor.words(&["initially", "deferred"]) || cursor.words(&["initially", "immediate"]);
        } else if cursor.words(&["deferrable", "initially", "deferred"]) {
            key.options = vec!["DEFERRABLE".to_owned(), "INITIALLY DEFERRED".to_owned()];
        } else if cursor.word("deferrable") {
            cursor.words(&["initially", "immediate"]);
            key.options = vec!["DEFERRABLE".to_owned()];
        } else {
            return key;
        }
    }
}

fn action(cursor: &mut Cursor<'_>) -> Option<String> {
    for words in [["set", "null"], ["set", "default"], ["no", "action"]] {
        if cursor.words(&words) {
            return (words != ["no", "action"]).then(|| words.join(" ").to_ascii_uppercase());
        }
    }
    cursor.name().map(|action| action.to_ascii_uppercase())
}

/// Reads a CREATE INDEX.
pub(super) fn index(text: &str, engine: Engine) -> IndexDefinition {
    let mut cursor = Cursor::new(text, engine);
    let mut definition = IndexDefinition::default();
    cursor.word("create");
    definition.unique = cursor.word("unique");
    while !cursor.is_at_end() && !cursor.is_symbol("(") {
        cursor.step();
    }
    let Some(body) = cursor.group() else { return definition };
    cursor.within(body, |cursor| {
        while !cursor.is_at_end() {
            let start = cursor.place();
            while !cursor.is_at_end() && !cursor.is_symbol(",") {
                cursor.skip();
            }
            definition.parts.push(index_part(cursor, start));
            cursor.symbol(",");
        }
    });
    if cursor.word("where") {
        let start = cursor.place();
        while !cursor.is_at_end() && !cursor.is_symbol(";") {
            cursor.step();
        }
        definition.predicate = Some(cursor.text_of(start..cursor.place()).to_owned());
    }
    definition
}

/// The part from a place to the cursor.
fn index_part(cursor: &Cursor<'_>, start: usize) -> IndexPart {
    let is = |place: usize, word: &str| cursor.text_at(place).eq_ignore_ascii_case(word);
    let mut part = IndexPart::default();
    let mut end = cursor.place();
    if end > start + 1 && (is(end - 1, "desc") || is(end - 1, "asc")) {
        part.descending = is(end - 1, "desc");
        end -= 1;
    }
    if end > start + 2 && is(end - 2, "collate") {
        let collation = super::cursor::unquoted(cursor.text_at(end - 1));
        part.options.push(format!("COLLATE {}", collation.to_ascii_uppercase()));
        end -= 2;
    }
    part.is_column = end == start + 1;
    let text = cursor.text_of(start..end);
    part.expression = if part.is_column { super::cursor::unquoted(text) } else { text.to_owned() };
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_table_tells_its_constraints_by_name_and_without() {
        let found = table(
            "CREATE TABLE \"a b\" ( -- id, of course\n id INTEGER CONSTRAINT pk PRIMARY KEY ON CONFLICT ABORT AUTOINCREMENT,\n\
             name VARCHAR (20) COLLATE nocase NOT NULL DEFAULT 'a,b)' UNIQUE, price DECIMAL(10, 2) DEFAULT -1.5 CHECK (price > (0)),\n\
             [other] TEXT CONSTRAINT named REFERENCES \"t\" ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,\n\
             sum AS (price + 1) STORED, check_ TEXT,\n\
             CONSTRAINT both UNIQUE (name COLLATE binary DESC, other) ON CONFLICT IGNORE CHECK (name <> 'CHECK (')\n\
             FOREIGN KEY (name, other) REFERENCES u (x, y) ON DELETE NO ACTION /* , */ ) STRICT, WITHOUT ROWID",
            Engine::Sqlite,
        );
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        assert_eq!(found.primary_key, Some(PrimaryKey { name: Some("pk".into()), columns: vec!["id".into()] }));
        assert!(found.columns["id"].is_autoincrement);
        assert_eq!(found.columns["name"].collation.as_deref(), Some("nocase"));
        assert_eq!(found.columns["sum"].generated, Some(Generated { expression: "price + 1".into(), stored: true }));
        assert_eq!(found.columns.len(), 6);
        let unique: Vec<_> =
            found.unique.iter().map(|u| (name(&u.name), u.columns.join(","), u.options.join(","))).collect();
        assert_eq!(
            unique,
            [
                (String::new(), "name".into(), String::new()),
                ("both".into(), "name,other".into(), "ON CONFLICT IGNORE".into())
            ]
        );
        let checks: Vec<_> = found.checks.iter().map(|check| check.expression.as_str()).collect();
        assert_eq!(checks, ["price > (0)", "name <> 'CHECK ('"]);
        let [first, second] = found.foreign_keys.as_slice() else { panic!("{:?}", found.foreign_keys) };
        assert_eq!((name(&first.name).as_str(), first.table.as_str(), first.references.len()), ("named", "t", 0));
        assert_eq!((first.on_delete.as_deref(), first.on_update.as_deref()), (Some("SET NULL"), Some("CASCADE")));
        assert_eq!(first.options, ["DEFERRABLE", "INITIALLY DEFERRED"]);
        assert_eq!((second.columns.len(), second.references.join(","), &second.on_delete), (2, "x,y".into(), &None));
        assert_eq!(found.options, ["STRICT", "WITHOUT ROWID"]);
    }

    #[test]
    fn the_text_of_an_index_tells_its_parts() {
        let found = index(
            "CREATE UNIQUE INDEX i ON t (\"a\" COLLATE nocase DESC, lower(b) asc, c) WHERE d IS NOT NULL;",
            Engine::Sqlite,
        );
        let parts: Vec<_> = found
            .parts
            .iter()
            .map(|p| (p.expression.as_str(), p.is_column, p.descending, p.options.join(",")))
            .collect();
        assert_eq!(
            parts,
            [
                ("a", true, true, "COLLATE NOCASE".into()),
                ("lower(b)", false, false, String::new()),
                ("c", true, false, String::new())
            ]
        );
        assert!(found.unique);
        assert_eq!(found.predicate.as_deref(), Some("d IS NOT NULL"));
    }
}
