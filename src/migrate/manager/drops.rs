//! What the text of a script drops.

use super::super::script::Script;
use super::Planned;
use crate::engine::Engine;
use crate::engine::lexer::{self, Token, TokenKind};
use std::collections::BTreeSet;

/// A name in SQL, in its parts: `schema.table`.
pub(super) type Name = Vec<String>;

/// What a script drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Drop {
    Table(Name),
    View(Name),
    Column(Name, String),
    /// Rows of the table, some or all.
    Rows(Name),
    /// The table is made anew, and of what it has these columns are kept; all where none is named.
    Rebuilt(Name, Vec<String>),
}

/// What the statements of a migration's side drop, in their order.
pub(super) fn drops(planned: &Planned) -> Vec<Drop> {
    let mut drops = Vec::new();
    let mut made: Vec<(Name, Vec<String>)> = Vec::new();
    let mut renamed = Renamed::default();
    // Tables that got another name, and that name.
    let mut tables: Vec<(Name, Name)> = Vec::new();
    for statement in planned.script.statements(planned.engine) {
        let mut words = Words::of(statement.text, planned.engine);
        if words.take(&["drop", "table"]) {
            words.take(&["if", "exists"]);
            while let Some(name) = words.name() {
                let was = tables.iter().rev().find(|(_, now)| *now == name).map(|(was, _): &(Name, Name)| was.clone());
                drops.push(Drop::Table(was.unwrap_or(name)));
                if !words.symbol(",") {
                    break;
                }
            }
        } else if words.take(&["drop", "view"]) || words.take(&["drop", "materialized", "view"]) {
            words.take(&["if", "exists"]);
            while let Some(name) = words.name() {
                drops.push(Drop::View(name));
                if !words.symbol(",") {
                    break;
                }
            }
        } else if words.take(&["delete", "from"]) {
            words.take(&["only"]);
            drops.extend(words.name().map(Drop::Rows));
        } else if words.take(&["truncate"]) {
            words.take(&["table"]);
            words.take(&["only"]);
            while let Some(name) = words.name() {
                drops.push(Drop::Rows(name));
                if !words.symbol(",") {
                    break;
                }
            }
        } else if words.take(&["create", "table"]) {
            words.take(&["if", "not", "exists"]);
            if let Some(name) = words.name() {
                made.push((name, words.columns()));
            }
        } else if words.take(&["insert", "into"]) {
            let Some(name) = words.name() else { continue };
            // What is copied is kept, whatever it is called from then on; the query may read all.
            if let (Some((read, from)), Some((_, kept))) =
                (words.copied(), made.iter_mut().find(|(made, _)| *made == name))
            {
                *kept = read.into_iter().map(|column| renamed.before(&from, column)).collect();
            }
        } else if words.take(&["alter", "table"]) {
            words.take(&["if", "exists"]);
            words.take(&["only"]);
            let Some(table) = words.name() else { continue };
            if words.take(&["rename", "to"]) {
                let Some(new) = words.name() else { continue };
                let columns = made.iter().find(|(name, _)| *name == table).map(|(_, columns)| columns.clone());
                let is_same = |drop: &Drop| matches!(drop, Drop::Table(name) if name.last() == new.last());
                if let (Some(drop), Some(columns)) = (drops.iter_mut().find(|drop| is_same(drop)), columns)
                    && let Drop::Table(name) = drop
                {
                    *drop = Drop::Rebuilt(name.clone(), columns);
                } else {
                    tables.push((table, new));
                }
                continue;
            }
            if words.take(&["rename"]) {
                words.take(&["column"]);
                let from = words.name().and_then(|mut name| name.pop());
                if let (Some(from), true, Some(to)) = (from, words.take(&["to"]), words.name()) {
                    renamed.0.extend(to.last().map(|to| (table, from, to.clone())));
                }
                continue;
            }
            while !words.is_at_end() {
                if !words.take(&["drop"]) {
                    words.skip();
                    continue;
                }
                let is_column = words.take(&["column"])
                    || !words.is_any(&["constraint", "default", "not", "identity", "expression"]);
                words.take(&["if", "exists"]);
                if let (true, Some(column)) = (is_column, words.name().and_then(|mut name| name.pop())) {
                    drops.push(Drop::Column(table.clone(), renamed.before(&table, column)));
                }
            }
        }
    }
    drops
}

/// The columns that a script has renamed so far: of which table, from what, to what.
#[derive(Default)]
struct Renamed(Vec<(Name, String, String)>);

impl Renamed {
    /// What a column is called before the script.
    fn before(&self, table: &Name, column: String) -> String {
        self.0.iter().rev().fold(column, |column, (of, from, to)| {
            if of == table && to.eq_ignore_ascii_case(&column) { from.clone() } else { column }
        })
    }
}

/// What a text of SQL makes: the word for it, in small letters, and its name, in small letters too and perhaps with its
/// schema. What it gives another name counts as made.
pub(super) fn made(script: &Script, engine: Engine) -> BTreeSet<(String, String)> {
    let mut made = BTreeSet::new();
    for statement in script.statements(engine) {
        let mut words = Words::of(statement.text, engine);
        let is_new = words.take(&["create"]);
        if !is_new && !words.take(&["alter"]) {
            continue;
        }
        while !words.is_at_end() && !words.is_any(&MADE) {
            words.skip();
        }
        let kind = words.word();
        words.take(&["concurrently"]);
        words.take(&["if", "not", "exists"]);
        while !is_new && !words.is_at_end() && !words.take(&["rename", "to"]) {
            words.skip();
        }
        if let (Some(kind), Some(name)) = (kind, words.name()) {
            made.insert((kind, name.join(".").to_lowercase()));
        }
    }
    made
}

/// What the migrations of a set make that another program could have made too.
const MADE: [&str; 10] =
    ["table", "index", "view", "trigger", "rule", "policy", "publication", "function", "statistics", "sequence"];

/// The tables and views that a query, a view or a trigger names where one can stand, in small letters and without their
/// schemas. A column of such a name is none.
pub(super) fn relations(text: &str, engine: Engine) -> BTreeSet<String> {
    let mut words = Words::of(text, engine);
    let mut found = BTreeSet::new();
    // Whether a comma, at each depth of parentheses, comes before one more table.
    let mut lists = vec![false];
    while !words.is_at_end() {
        let mut is_expected = words.take(&["from"]);
        if is_expected && let Some(list) = lists.last_mut() {
            *list = true;
        }
        is_expected |= words.take(&["join"]) || words.take(&["into"]);
        if words.take(&["update"]) {
            if words.take(&["or"]) {
                words.skip();
            }
            is_expected = true;
        }
        is_expected |= lists.last() == Some(&true) && words.symbol(",");
        if is_expected {
            words.take(&["only"]);
            while words.symbol("(") {
                lists.push(true);
            }
        }
        if (is_expected || words.take(&["in"])) && !words.is_any(&["select", "with", "values"]) {
            found.extend(words.name().and_then(|mut name| name.pop()).map(|name| name.to_lowercase()));
        } else if words.symbol("(") {
            lists.push(false);
        } else if words.symbol(")") {
            lists.pop();
        } else {
            if words.is_any(&["where", "group", "having", "order", "limit", "select", "union", "except", "set", ";"])
                && let Some(list) = lists.last_mut()
            {
                *list = false;
            }
            words.skip();
        }
    }
    found
}

/// The tokens of a statement, comments left out, as they are read.
struct Words<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    engine: Engine,
}

impl<'a> Words<'a> {
    fn of(text: &'a str, engine: Engine) -> Self {
        let tokens = lexer::tokens(text, engine);
        let tokens = tokens.into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
        Self { text, tokens, at: 0, engine }
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    fn skip(&mut self) {
        self.at += 1;
    }

    /// Takes these words if they come next, all of them or none.
    fn take(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.at..).unwrap_or_default();
        let is_next =
            next.len() >= words.len() && next.iter().zip(words).all(|(token, word)| token.is_word(self.text, word));
        if is_next {
            self.at += words.len();
        }
        is_next
    }

    fn is_any(&self, words: &[&str]) -> bool {
        self.tokens.get(self.at).is_some_and(|token| words.iter().any(|word| token.is_word(self.text, word)))
    }

    /// The next word, whatever it is, in small letters.
    fn word(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).filter(|token| token.kind == TokenKind::Word)?;
        self.at += 1;
        Some(token.text(self.text).to_lowercase())
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let is_next = self.tokens.get(self.at).is_some_and(|token| token.is_symbol(self.text, symbol));
        self.at += usize::from(is_next);
        is_next
    }

    /// A name as the engine keeps it, with what it is qualified by.
    fn name(&mut self) -> Option<Name> {
        let mut name = Vec::new();
        loop {
            let token = self.tokens.get(self.at)?;
            let text = token.text(self.text);
            name.push(match (token.kind, self.engine) {
                (TokenKind::Word, Engine::Postgres) => text.to_lowercase(),
                (TokenKind::Word, _) => text.to_owned(),
                (TokenKind::QuotedName, _) => unquoted(text),
                _ => return None,
            });
            self.at += 1;
            if !self.symbol(".") {
                return Some(name);
            }
        }
    }

    /// The words that the query of an INSERT reads, and from which table; no word where it reads all, nothing where it copies
    /// from no table.
    fn copied(&mut self) -> Option<(Vec<String>, Name)> {
        while !self.take(&["select"]) {
            if self.is_at_end() {
                return None;
            }
            self.skip();
        }
        let (mut read, mut depth, mut is_all) = (Vec::new(), 0, false);
        while depth > 0 || !self.take(&["from"]) {
            if self.is_at_end() {
                return None;
            }
            if self.symbol("(") {
                depth += 1;
            } else if self.symbol(")") {
                depth -= 1;
            } else if self.symbol("*") {
                is_all |= depth == 0;
            } else if self.take(&["as"]) {
                // A name that the query gives, or a type.
                self.skip();
            } else if let Some(name) = self.name() {
                read.extend(name.last().cloned());
            } else {
                self.skip();
            }
        }
        if is_all {
            read.clear();
        }
        Some((read, self.name()?))
    }

    /// The names of the columns between the parentheses that come next.
    fn columns(&mut self) -> Vec<String> {
        let mut columns = Vec::new();
        if !self.symbol("(") {
            return columns;
        }
        let (mut depth, mut is_start) = (1, true);
        while depth > 0 && !self.is_at_end() {
            let is_constraint =
                self.is_any(&["constraint", "primary", "unique", "check", "foreign", "exclude", "like"]);
            if std::mem::take(&mut is_start)
                && !is_constraint
                && let Some(column) = self.name().and_then(|mut name| name.pop())
            {
                columns.push(column);
            } else if self.symbol("(") {
                depth += 1;
            } else if self.symbol(")") {
                depth -= 1;
            } else if self.symbol(",") {
                is_start = depth == 1;
            } else {
                self.skip();
            }
        }
        columns
    }
}

/// A name without its quotes.
fn unquoted(text: &str) -> String {
    let mut characters = text.chars();
    let (open, close) = (characters.next(), characters.next_back());
    let close = close.or(open).unwrap_or('"');
    characters.as_str().replace(&format!("{close}{close}"), &close.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::super::set::MigrationSet;
    use super::*;

    fn found(down: &str, engine: Engine) -> Vec<String> {
        let files = [("V1__a.sql", "SELECT 1;"), ("V1__a.down.sql", down)];
        let set = MigrationSet::from_files("test", files).expect("a set");
        let migration = set.migrations()[0].clone();
        let script = migration.down(engine).expect("a down side").clone();
        drops(&Planned { set: set.clone(), migration, engine, script, is_down: true })
            .into_iter()
            .map(|drop| match drop {
                Drop::Table(name) => name.join("."),
                Drop::View(name) => format!("view {}", name.join(".")),
                Drop::Column(name, column) => format!("{}: {column}", name.join(".")),
                Drop::Rows(name) => format!("rows of {}", name.join(".")),
                Drop::Rebuilt(name, kept) if kept.is_empty() => format!("{} keeps all", name.join(".")),
                Drop::Rebuilt(name, kept) => format!("{} keeps {}", name.join("."), kept.join(" ")),
            })
            .collect()
    }

    #[test]
    fn what_is_dropped_is_found_however_it_is_written() {
        let down = "-- DROP TABLE no;\nDROP TABLE IF EXISTS Shop.\"Big Orders\", items CASCADE;\n\
             ALTER TABLE ONLY people DROP COLUMN IF EXISTS Email, DROP phone, DROP CONSTRAINT c, ALTER age DROP NOT NULL;\n\
             DROP VIEW v; DROP INDEX i; ALTER TABLE people RENAME TO persons;\n\
             DELETE FROM ONLY shop.notes WHERE id > 1; TRUNCATE a, b CASCADE;";
        let expected = ["shop.Big Orders", "items", "people: email", "people: phone", "view v"];
        let rows = ["rows of shop.notes", "rows of a", "rows of b"];
        assert_eq!(found(down, Engine::Postgres), [&expected[..], &rows].concat());
    }

    #[test]
    fn what_is_made_is_found_however_it_is_written() {
        let up = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"By Note\" ON a (b); CREATE TABLE Shop.a (index BIGINT);\n\
             CREATE OR REPLACE VIEW v AS SELECT 1; CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f();\n\
             ALTER INDEX old RENAME TO new; ALTER TABLE a RENAME COLUMN index TO b; ALTER TABLE a ADD c BIGINT;\n\
             -- CREATE TABLE no (a BIGINT);\nINSERT INTO a VALUES ('CREATE TABLE no');";
        let set = MigrationSet::from_files("test", [("V1__a.sql", up)]).expect("a set");
        let made = made(set.migrations()[0].up(Engine::Postgres), Engine::Postgres);
        let made: Vec<String> = made.into_iter().map(|(kind, name)| format!("{kind} {name}")).collect();
        assert_eq!(made, ["index by note", "index new", "table shop.a", "trigger t", "view v"]);
    }

    #[test]
    fn a_table_is_named_where_one_can_stand() {
        for (text, tables) in [
            (
                "CREATE VIEW v AS SELECT a.owners, systems FROM main.\"A\" AS a, b LEFT JOIN [c] ON c.x = f(a.y, a.z), d WHERE x, e",
                "a b c d",
            ),
            (
                "SELECT owners FROM (SELECT a, b FROM c UNION SELECT d, e FROM f), (g JOIN h), i WHERE j IN (k, l) OR m IN n",
                "c f g h i n",
            ),
            (
                "CREATE TRIGGER t AFTER DELETE ON a BEGIN INSERT INTO b (owners) SELECT 1, 2; UPDATE OR IGNORE c SET d = e, f = 1; DELETE FROM g; END",
                "b c g",
            ),
            ("SELECT 'FROM a', b -- FROM c", ""),
        ] {
            let found = relations(text, Engine::Sqlite).into_iter().collect::<Vec<_>>().join(" ");
            assert_eq!(found, tables, "{text}");
        }
    }

    #[test]
    fn a_table_that_is_rebuilt_loses_the_columns_that_it_does_not_get_back() {
        let down = "CREATE TABLE orders_new (\"id\" BIGINT PRIMARY KEY CHECK (id IN (1, 2)), note TEXT DEFAULT (a, b), \
             PRIMARY KEY (id), CHECK (note <> ','));\nINSERT INTO orders_new SELECT id, note FROM orders;\n\
             DROP TABLE orders;\nALTER TABLE orders_new RENAME TO orders;\nDROP TABLE [b c];";
        assert_eq!(found(down, Engine::Sqlite), ["orders keeps id note", "b c"]);
    }

    /// What counts is what is copied: not what it is called after, nor what is made to be filled otherwise.
    #[test]
    fn a_rebuild_keeps_the_columns_that_it_copies() {
        let rebuilt = |insert: &str, before: &str| {
            format!(
                "{before}CREATE TABLE made (id BIGINT, n TEXT, \"from\" BIGINT);\n\
                 INSERT INTO made (id, n, \"from\") {insert};\nDROP TABLE a;\nALTER TABLE made RENAME TO a;"
            )
        };
        for (insert, before, kept) in [
            ("SELECT id, title, \"from\" FROM a", "", "id title from"),
            ("SELECT id, coalesce(a.title, 'x') AS n, NULL AS \"from\" FROM a", "", "id coalesce title NULL"),
            ("SELECT id, n, \"from\" FROM a", "ALTER TABLE a RENAME COLUMN title TO n;\n", "id title from"),
            ("SELECT id, n, 1 FROM a", "ALTER TABLE a RENAME x TO y;\nALTER TABLE a RENAME y TO n;\n", "id x 1"),
            ("SELECT * FROM a", "", "all"),
        ] {
            for engine in [Engine::Sqlite, Engine::DuckDb] {
                assert_eq!(found(&rebuilt(insert, before), engine), [format!("a keeps {kept}")], "{insert}");
            }
        }
    }
}
