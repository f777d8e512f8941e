//! What taking migrations back would lose.

use super::super::connection::{MigrationConnection, Purpose, literal, qualified, quoted};
use super::super::set::MigrationSet;
use super::super::steps::words;
use super::{MigrationManager, Planned};
use crate::engine::Engine;
use crate::engine::lexer::{self, Token, TokenKind};
use crate::error::{Location, Result};
use std::fmt;

/// Data that goes when a migration is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The table.
    pub table: String,
    /// The column, when the table stays.
    pub column: Option<String>,
    /// How many rows the table has, or how many values the column.
    pub rows: u64,
    /// Whether the table stays and rows of it are deleted: at most as many as are said.
    pub is_deleted: bool,
}

/// `the table orders, with 3 rows`.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.rows == 1 { "" } else { "s" };
        match &self.column {
            None if self.is_deleted => write!(f, "rows of {}, which has {} row{plural}", self.table, self.rows),
            None => write!(f, "the table {}, with {} row{plural}", self.table, self.rows),
            Some(column) => write!(f, "the column {}.{column}, with {} value{plural}", self.table, self.rows),
        }
    }
}

impl MigrationManager {
    /// The tables and columns that the statements of a plan drop, with what is in them now, and the tables that they delete
    /// rows from. What a table's rebuilding keeps is no loss. What an UPDATE overwrites is not followed: see
    /// [`MigrationManager::undetermined_losses`]. Writes nothing.
    ///
    /// # Errors
    /// What the engine says when it cannot be asked.
    pub fn losses(&self, planned: &[Planned]) -> Result<Vec<Loss>> {
        let mut connection = self.connect(Purpose::Read)?;
        let mut losses: Vec<Loss> = Vec::new();
        for planned in planned {
            for drop in drops(planned) {
                for loss in drop.losses(&mut *connection, &planned.set)? {
                    let is_whole = |loss: &Loss| loss.column.is_none() && !loss.is_deleted;
                    let is_told = |told: &Loss| {
                        let is_same = (&told.column, told.is_deleted) == (&loss.column, loss.is_deleted);
                        told.table == loss.table && (is_whole(told) || is_same)
                    };
                    if !losses.iter().any(is_told) {
                        // With the table go its rows.
                        losses.retain(|told| !(is_whole(&loss) && told.is_deleted && told.table == loss.table));
                        losses.push(loss);
                    }
                }
            }
        }
        Ok(losses)
    }
}

impl MigrationManager {
    /// The statements of a plan that may overwrite or remove what is there without saying how much: `FILE:LINE:COLUMN: UPDATE
    /// ...`, a line each. Asks no database.
    pub fn undetermined_losses(planned: &[Planned]) -> Vec<String> {
        let mut found = Vec::new();
        for planned in planned {
            for statement in planned.script.statements(planned.engine) {
                let said = words(statement.text, planned.engine);
                let said: Vec<&str> = said.iter().map(String::as_str).collect();
                if is_undetermined(&said) {
                    let location =
                        Location { file: planned.script.file().to_owned(), position: Some(statement.position) };
                    let text = statement.text.split_whitespace().collect::<Vec<_>>().join(" ");
                    let shown: String = text.chars().take(80).collect();
                    let more = if shown.len() < text.len() { "..." } else { "" };
                    found.push(format!("{location}: {shown}{more}"));
                }
            }
        }
        found
    }
}

/// Whether a statement may take data in a way that is not followed.
fn is_undetermined(said: &[&str]) -> bool {
    let has = |word: &str| said.contains(&word);
    match said {
        ["update" | "merge" | "do" | "call" | "execute" | "replace", ..] => true,
        ["with", ..] => has("delete") || has("update") || has("merge"),
        ["insert", ..] => said.windows(2).any(|two| two == ["do", "update"]),
        ["drop", "owned", ..] => true,
        ["drop", "schema" | "type" | "domain" | "extension" | "function" | "sequence" | "view", ..] => has("cascade"),
        ["alter", "table", ..] => has("type") && has("using"),
        _ => false,
    }
}

/// A name in SQL, in its parts: `schema.table`.
type Name = Vec<String>;

/// What a script drops.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Drop {
    Table(Name),
    Column(Name, String),
    /// Rows of the table, some or all.
    Rows(Name),
    /// The table is made anew, and of what it has these columns are kept; all where none is named.
    Rebuilt(Name, Vec<String>),
}

/// What the statements of a migration's side drop, in their order.
fn drops(planned: &Planned) -> Vec<Drop> {
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

impl Drop {
    fn losses(&self, connection: &mut dyn MigrationConnection, set: &MigrationSet) -> Result<Vec<Loss>> {
        let (Self::Table(name) | Self::Column(name, _) | Self::Rows(name) | Self::Rebuilt(name, _)) = self;
        let is_deleted = matches!(self, Self::Rows(_));
        let engine = connection.engine();
        let table = name.last().cloned().unwrap_or_default();
        let columns = columns(connection, set, name)?;
        if columns.is_empty() {
            // There is no such table.
            return Ok(Vec::new());
        }
        let lost: Vec<Option<&String>> = match self {
            Self::Table(_) | Self::Rows(_) => vec![None],
            Self::Column(_, column) => {
                columns.iter().filter(|other| other.eq_ignore_ascii_case(column)).map(Some).collect()
            }
            Self::Rebuilt(_, kept) => {
                let is_kept = |column: &String| kept.iter().any(|kept| kept.eq_ignore_ascii_case(column));
                columns.iter().filter(|column| !kept.is_empty() && !is_kept(column)).map(Some).collect()
            }
        };
        let from = match name.as_slice() {
            [name] => qualified(set, engine, name),
            parts => parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join("."),
        };
        let mut losses = Vec::new();
        for column in lost {
            let counted = column.map_or_else(|| "*".to_owned(), |column| format!("lost.{}", quoted(column)));
            let rows = connection.query(&format!("SELECT count({counted}) FROM {from} AS lost"))?;
            let rows = rows.into_iter().flatten().flatten().next().and_then(|rows| rows.parse().ok()).unwrap_or(0);
            if rows > 0 || !is_deleted {
                losses.push(Loss { table: table.clone(), column: column.cloned(), rows, is_deleted });
            }
        }
        Ok(losses)
    }
}

/// The columns of a table; none when there is no such table.
fn columns(connection: &mut dyn MigrationConnection, set: &MigrationSet, name: &Name) -> Result<Vec<String>> {
    let table = name.last().map(|table| literal(table)).unwrap_or_default();
    let schema = name.iter().rev().nth(1);
    let query = match connection.engine() {
        Engine::Sqlite => format!("SELECT name FROM pragma_table_info({table})"),
        Engine::DuckDb => {
            let schema = schema.map_or_else(|| "current_schema()".to_owned(), |schema| literal(schema));
            format!(
                "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() \
                 AND schema_name = {schema} AND lower(table_name) = lower({table}) ORDER BY column_index"
            )
        }
        Engine::Postgres => format!(
            "SELECT attribute.attname FROM pg_catalog.pg_attribute AS attribute \
             JOIN pg_catalog.pg_class AS class ON class.oid = attribute.attrelid \
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace \
             WHERE namespace.nspname = {} AND class.relname = {table} AND class.relkind IN ('r', 'p') \
             AND attribute.attnum > 0 AND NOT attribute.attisdropped ORDER BY attribute.attnum",
            literal(schema.map_or(set.schema(), String::as_str))
        ),
    };
    Ok(connection.query(&query)?.into_iter().flatten().flatten().collect())
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
        let expected = ["shop.Big Orders", "items", "people: email", "people: phone", "rows of shop.notes"];
        assert_eq!(found(down, Engine::Postgres), [&expected[..], &["rows of a", "rows of b"]].concat());
    }

    #[test]
    fn what_a_statement_does_without_saying_how_much_is_told_with_its_place() {
        let down = "ALTER TABLE a RENAME TO b;\nDROP TABLE b;\nUPDATE c SET d = NULL;\nDROP SCHEMA s CASCADE; DROP VIEW v;\n\
             WITH e AS (DELETE FROM f RETURNING g) SELECT 1; ALTER TABLE c ALTER d TYPE int USING 0; SELECT 1;";
        assert_eq!(found(down, Engine::Postgres), ["a"]);
        let set =
            MigrationSet::from_files("test", [("V1__a.sql", "SELECT 1;"), ("V1__a.down.sql", down)]).expect("a set");
        let migration = set.migrations()[0].clone();
        let engine = Engine::Postgres;
        let script = migration.down(engine).expect("a down side").clone();
        let planned = Planned { set: set.clone(), migration, engine, script, is_down: true };
        assert_eq!(
            MigrationManager::undetermined_losses(&[planned]),
            [
                "V1__a.down.sql:3:1: UPDATE c SET d = NULL;",
                "V1__a.down.sql:4:1: DROP SCHEMA s CASCADE;",
                "V1__a.down.sql:5:1: WITH e AS (DELETE FROM f RETURNING g) SELECT 1;",
                "V1__a.down.sql:5:49: ALTER TABLE c ALTER d TYPE int USING 0;",
            ]
        );
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
