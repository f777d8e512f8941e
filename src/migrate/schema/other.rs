//! What not every engine knows: triggers, functions, sequences, types, and what a server keeps beside its tables.

use super::comparison::{About, Comparison};
use super::cursor::Cursor;
use super::{Aspect, DifferenceKind, Object, Schema};
use crate::engine::Engine;
use std::collections::BTreeMap;

/// Something that is neither a table nor a part of one nor a view.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Other {
    /// What it is.
    pub object: Object,
    /// What it is called: a function with what it takes, a comment with what it is of.
    pub name: String,
    /// The table or view that it belongs to, when it is part of one.
    pub table: Option<String>,
    /// What makes it, or what it says.
    pub definition: String,
}

impl Other {
    /// Something from a catalogue: the word for what it is, what it is called, its table, which may be empty, and what it
    /// says. What there is no word for is called by its whole title.
    pub(super) fn of([word, name, table, definition]: [String; 4]) -> Self {
        let object = Object::OTHERS.into_iter().find(|object| object.as_str() == word).unwrap_or(Object::Other);
        Self { object, name, table: Some(table).filter(|table| !table.is_empty()), definition }
    }

    /// What it is and what it is called.
    fn title(&self) -> String {
        let of = self.table.as_ref().map(|table| format!(" of {table}")).unwrap_or_default();
        match self.object {
            Object::Comment | Object::Other => self.name.clone(),
            object => format!("{} {}{of}", object.as_str(), self.name),
        }
    }

    fn about(&self) -> About<'_> {
        About { object: self.object, table: self.table.as_deref(), name: &self.name }
    }

    /// A function's name without what it takes, which engines spell in their own words; else the name.
    pub(in crate::migrate) fn short_name(object: Object, name: &str) -> &str {
        match object {
            Object::Function => name.split('(').next().unwrap_or(name),
            _ => name,
        }
    }

    /// What of it can be compared with another engine's: of a trigger when it fires, of a comment all. What a trigger, a
    /// function or a policy does is said in each engine's own language, and not compared.
    fn across(&self, engine: Engine) -> Option<String> {
        match self.object {
            Object::Trigger => Some(firing(&self.definition, engine)),
            Object::Comment => Some(self.definition.clone()),
            _ => None,
        }
    }
}

impl Schema {
    pub(in crate::migrate) fn add(&mut self, other: Other) {
        self.others.insert(other.title(), other);
    }
}

/// By what something is found on the other side of a comparison.
type Key = (Object, Option<String>, String);

impl Comparison {
    /// Compares what is neither a table nor a part of one nor a view.
    pub(super) fn others(&mut self, found: &Schema, wanted: &Schema) {
        let (found, wanted) = (self.others_of(found), self.others_of(wanted));
        for (key, others) in &wanted {
            match found.get(key) {
                Some(ones) => ones.iter().zip(others).for_each(|(one, other)| self.other(one, other)),
                None => others.iter().for_each(|other| {
                    self.push(DifferenceKind::Missing, other.about(), None, Some(other.definition.clone()));
                }),
            }
        }
        let extra = found.iter().filter(|(key, _)| !wanted.contains_key(*key));
        for other in extra.flat_map(|(_, others)| others) {
            self.push(DifferenceKind::Extra, other.about(), Some(other.definition.clone()), None);
        }
    }

    /// What is compared, with all functions of a name together. How a server keeps things is nothing that engines agree on.
    fn others_of<'a>(&self, schema: &'a Schema) -> BTreeMap<Key, Vec<&'a Other>> {
        let mut others: BTreeMap<Key, Vec<&Other>> = BTreeMap::new();
        let is_same_engine = self.is_same_engine();
        for other in schema.others.values().filter(|other| is_same_engine || other.object != Object::Other) {
            let name = match is_same_engine {
                true => self.key(&other.name),
                // Postgres quotes names in what a comment is of.
                false => self.key(Other::short_name(other.object, &other.name)).replace('"', ""),
            };
            let table = other.table.as_ref().map(|table| self.key(table));
            others.entry((other.object, table, name)).or_default().push(other);
        }
        others
    }

    fn other(&mut self, found: &Other, wanted: &Other) {
        let (one, other, is_same) = match self.is_same_engine() {
            true => {
                // A comment is no SQL.
                let is_same = match found.object {
                    Object::Comment => found.definition == wanted.definition,
                    _ => self.is_same_text(&found.definition, &wanted.definition),
                };
                (Some(found.definition.clone()), Some(wanted.definition.clone()), is_same)
            }
            false => {
                let (one, other) = (found.across(self.found), wanted.across(self.wanted));
                let is_same = one == other;
                (one, other, is_same)
            }
        };
        if !is_same {
            self.differ(wanted.about(), Aspect::Definition, one, other);
        }
    }
}

/// When a trigger fires, from the text that makes it: `AFTER INSERT OR UPDATE OF a, b FOR EACH ROW`.
pub(in crate::migrate) fn firing(definition: &str, engine: Engine) -> String {
    let mut cursor = Cursor::new(definition, engine);
    while !cursor.is_at_end() && !cursor.word("trigger") {
        cursor.step();
    }
    cursor.words(&["if", "not", "exists"]);
    cursor.name();
    while cursor.symbol(".") {
        cursor.name();
    }
    let time = match () {
        () if cursor.word("after") => "AFTER",
        () if cursor.words(&["instead", "of"]) => "INSTEAD OF",
        () => {
            cursor.word("before");
            "BEFORE"
        }
    };
    let mut events = Vec::new();
    while let Some(event) = cursor.name().map(|event| event.to_ascii_uppercase()) {
        let mut columns = Vec::new();
        if cursor.word("of") {
            columns.extend(cursor.name().map(|name| name.to_lowercase()));
            while cursor.symbol(",") {
                columns.extend(cursor.name().map(|name| name.to_lowercase()));
            }
        }
        columns.sort();
        events.push(if columns.is_empty() { event } else { format!("{event} OF {}", columns.join(", ")) });
        if !cursor.word("or") {
            break;
        }
    }
    events.sort();
    // SQLite has no others. Elsewhere the words come before what the trigger does.
    let (mut is_for_rows, mut late) = (engine == Engine::Sqlite, "");
    while !is_for_rows && !cursor.is_at_end() {
        if cursor.words(&["for", "each"]) {
            is_for_rows = cursor.word("row");
            break;
        }
        if cursor.words(&["initially", "deferred"]) {
            late = " INITIALLY DEFERRED";
            continue;
        }
        cursor.step();
    }
    let level = if is_for_rows { "ROW" } else { "STATEMENT" };
    // As the catalogue's reader writes it behind the definition.
    let is_off = |state: &&str| engine == Engine::Postgres && definition.ends_with(*state);
    let state = [" DISABLED", " ENABLE REPLICA"].into_iter().find(is_off).unwrap_or_default();
    format!("{time} {}{late} FOR EACH {level}{state}", events.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_fires_at_the_same_moments_however_it_is_written() {
        for (sqlite, postgres, firing) in [
            (
                "CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; END",
                "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()",
                "BEFORE INSERT FOR EACH ROW",
            ),
            (
                "create temp trigger if not exists main.\"after\" AFTER UPDATE OF \"B\", a ON x WHEN new.a > 1 BEGIN SELECT 1; END",
                "CREATE TRIGGER after AFTER UPDATE OF a, b ON x FOR EACH ROW WHEN ((new.a > 1)) EXECUTE FUNCTION f() ENABLE ALWAYS",
                "AFTER UPDATE OF a, b FOR EACH ROW",
            ),
            (
                "CREATE TRIGGER t INSTEAD OF DELETE ON v FOR EACH ROW BEGIN SELECT 1; END",
                "CREATE TRIGGER t INSTEAD OF DELETE ON v FOR EACH ROW EXECUTE FUNCTION f('for each row')",
                "INSTEAD OF DELETE FOR EACH ROW",
            ),
        ] {
            assert_eq!(super::firing(sqlite, Engine::Sqlite), firing);
            assert_eq!(super::firing(postgres, Engine::Postgres), firing);
        }
        for (text, firing) in [
            (
                "CREATE CONSTRAINT TRIGGER t AFTER INSERT OR DELETE OR UPDATE OF a ON b.c DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()",
                "AFTER DELETE OR INSERT OR UPDATE OF a INITIALLY DEFERRED FOR EACH ROW",
            ),
            (
                "CREATE TRIGGER t AFTER TRUNCATE ON a REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION f() DISABLED",
                "AFTER TRUNCATE FOR EACH STATEMENT DISABLED",
            ),
        ] {
            assert_eq!(super::firing(text, Engine::Postgres), firing);
        }
        let duckdb = "CREATE TRIGGER t AFTER INSERT ON a FOR EACH STATEMENT INSERT INTO b (SELECT 'x' FOR each row);";
        assert_eq!(super::firing(duckdb, Engine::DuckDb), "AFTER INSERT FOR EACH STATEMENT");
        assert_eq!(super::firing("", Engine::Sqlite), "BEFORE  FOR EACH ROW");
    }
}
