//! What a statement that no transaction holds left behind when it was cut off, or did before that could be recorded.

use super::apply::Work;
use super::connection::{MigrationConnection, Transaction, literal};
use super::event::Event;
use super::set::Migration;
use super::steps::words;
use crate::engine::lexer::{self, Token, TokenKind};
use crate::engine::{Engine, TextRow};
use crate::error::{Context, Error, ErrorKind, Result};

/// What is to be done with a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It runs.
    Run,
    /// Another one brings to its end what it began.
    RunInstead(String),
    /// It has run.
    IsDone,
}

/// Looks at what is there before a statement runs that no transaction holds, and clears away what is of no use.
/// `was_begun` says that it may have run before.
///
/// # Errors
/// [`ErrorKind::Refused`] when something else is there; [`ErrorKind::Busy`] when it is still being made; what the server
/// says.
pub(super) fn before(
    connection: &mut dyn MigrationConnection,
    work: &mut Work<'_>,
    migration: &Migration,
    statement: &str,
    was_begun: bool,
) -> Result<Verdict> {
    if connection.engine() != Engine::Postgres {
        return Ok(Verdict::Run);
    }
    let said = words(statement, Engine::Postgres);
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    let mut scene = Scene { connection, work, migration, was_begun };
    match said.as_slice() {
        ["create", "index" | "unique", ..] => match CreateIndex::read(statement) {
            Some(index) => scene.create_index(&index),
            None => Ok(Verdict::Run),
        },
        ["drop", "index", ..] if was_begun => scene.drop_index(statement),
        ["reindex", ..] if was_begun && said.contains(&"concurrently") => scene.reindex(statement),
        ["alter", "table", ..] if was_begun => scene.detach(statement),
        _ => Ok(Verdict::Run),
    }
}

/// The parts of CREATE [UNIQUE] INDEX CONCURRENTLY.
#[derive(Debug, PartialEq, Eq)]
struct CreateIndex<'a> {
    is_unique: bool,
    /// As it is written; the server makes one where there is none.
    name: Option<&'a str>,
    /// As it is written, perhaps with its schema.
    table: &'a str,
    /// Everything after the table.
    rest: &'a str,
}

/// Reads a statement word by word.
struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    place: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let mut tokens = lexer::tokens(text, Engine::Postgres);
        tokens.retain(|token| token.kind != TokenKind::Comment);
        Self { text, tokens, place: 0 }
    }

    /// Passes words when they are the next ones.
    fn pass(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.place..self.place + words.len());
        let is_next =
            next.is_some_and(|next| next.iter().zip(words).all(|(token, word)| token.is_word(self.text, word)));
        if is_next {
            self.place += words.len();
        }
        is_next
    }

    /// Passes what stands in brackets, if it is next.
    fn pass_brackets(&mut self) {
        let is = |token: &Token, symbol| token.is_symbol(self.text, symbol);
        if self.tokens.get(self.place).is_some_and(|token| is(token, "(")) {
            let rest = self.tokens.iter().skip(self.place);
            self.place += rest.take_while(|token| !is(token, ")")).count() + 1;
        }
    }

    /// A name, perhaps with the schema before it, as it is written.
    fn name(&mut self) -> Option<&'a str> {
        let is_name = |token: &Token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
        let start = self.tokens.get(self.place).filter(|token| is_name(token))?.range.start;
        let mut end = self.tokens.get(self.place)?.range.end;
        self.place += 1;
        while self.tokens.get(self.place).is_some_and(|token| token.is_symbol(self.text, ".")) {
            let next = self.tokens.get(self.place + 1).filter(|token| is_name(token))?;
            end = next.range.end;
            self.place += 2;
        }
        self.text.get(start..end)
    }

    /// Everything that was not read, without the semicolon at the end.
    fn rest(&self) -> &'a str {
        let last = self.tokens.iter().rev().find(|token| !token.is_symbol(self.text, ";"));
        match (self.tokens.get(self.place), last) {
            (Some(first), Some(last)) => self.text.get(first.range.start..last.range.end).unwrap_or_default(),
            _ => "",
        }
    }
}

impl<'a> CreateIndex<'a> {
    fn read(statement: &'a str) -> Option<Self> {
        let mut reader = Reader::new(statement);
        reader.pass(&["create"]);
        let is_unique = reader.pass(&["unique"]);
        if !reader.pass(&["index", "concurrently"]) {
            return None;
        }
        reader.pass(&["if", "not", "exists"]);
        let name = match reader.pass(&["on"]) {
            true => None,
            false => Some(reader.name()?).filter(|_| reader.pass(&["on"])).map(Some)?,
        };
        reader.pass(&["only"]);
        let table = reader.name()?;
        Some(Self { is_unique, name, table, rest: reader.rest() })
    }
}

/// An index that is there.
struct Index {
    /// With its schema, as a statement names it.
    name: String,
    is_valid: bool,
    /// What it is, without its name and its table's.
    meaning: String,
    /// The server process that is making it.
    maker: Option<String>,
}

const INDEXES: &str = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), i.indisvalid, \
    i.indisunique || pg_catalog.substring(pg_catalog.pg_get_indexdef(c.oid), ' USING .*$'), \
    (SELECT p.pid FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid LIMIT 1) \
    FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid \
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid";

fn index(row: TextRow) -> Index {
    let [name, is_valid, meaning, maker] = <[Option<String>; 4]>::try_from(row).unwrap_or_default();
    let (name, meaning) = (name.unwrap_or_default(), meaning.unwrap_or_default());
    Index { name, is_valid: is_valid.as_deref() == Some("t"), meaning, maker }
}

struct Scene<'a, 'w> {
    connection: &'a mut dyn MigrationConnection,
    work: &'a mut Work<'w>,
    migration: &'a Migration,
    was_begun: bool,
}

impl Scene<'_, '_> {
    fn indexes(&mut self, condition: &str) -> Result<Vec<Index>> {
        let rows = self.connection.query(&format!("{INDEXES} WHERE {condition} ORDER BY 1"))?;
        Ok(rows.into_iter().map(index).collect())
    }

    /// An index that is invalid is of no use and in the way: it is dropped. One that is valid has been made, if it is the
    /// same.
    fn create_index(&mut self, wanted: &CreateIndex<'_>) -> Result<Verdict> {
        let on_table = format!("i.indrelid = pg_catalog.to_regclass({})", literal(wanted.table));
        let there = match wanted.name {
            Some(name) => {
                // As the server reads a name without quotes.
                let name = format!("c.relname = (pg_catalog.parse_ident({}))[1]", literal(name));
                self.indexes(&format!("{on_table} AND {name}"))?
            }
            None if self.was_begun => self.indexes(&on_table)?,
            None => return Ok(Verdict::Run),
        };
        if there.is_empty() {
            return Ok(Verdict::Run);
        }
        // An invalid one by this name is dropped whatever it is.
        let is_compared = self.was_begun && (wanted.name.is_none() || there.iter().any(|index| index.is_valid));
        if is_compared && self.told(wanted, &there) {
            return Ok(Verdict::Run);
        }
        let meaning = match is_compared {
            true => Some(self.meaning(wanted).context("comparing the index that is there with the migration's")?),
            false => None,
        };
        for index in there {
            let is_same = meaning.as_ref() == Some(&index.meaning);
            match (index.is_valid, &meaning) {
                // Without a name, only one that is the same can be the migration's.
                _ if wanted.name.is_none() && !is_same => {}
                (false, _) => self.drop(&index)?,
                (true, Some(_)) if is_same => return Ok(Verdict::IsDone),
                (true, Some(_)) => {
                    let message =
                        format!("there is an index {} already, and it is not the one of this migration", index.name);
                    return Err(Error::new(ErrorKind::Refused, message).with_hint(
                        "drop it and go on, or end the migration by hand and say so with `charter db stamp REVISION`",
                    ));
                }
                // It is the server's to say that the name is taken.
                (true, None) => {}
            }
        }
        Ok(Verdict::Run)
    }

    /// Comparing an index that is there with the migration's writes to the database for a moment. Where statements are only
    /// written down, what is decided when they run is said beside them; tells whether that is so.
    fn told(&mut self, wanted: &CreateIndex<'_>, there: &[Index]) -> bool {
        there.iter().all(|index| {
            let (name, same) = (&index.name, "the same as that of the next statement");
            let remark = match (index.is_valid, wanted.name) {
                (true, Some(_)) => format!(
                    "The index {name} is there: `charter db upgrade` passes over the next statement if it is {same}, and stops if not."
                ),
                (true, None) => format!("`charter db upgrade` passes over the next statement if {name} is {same}."),
                (false, _) => {
                    format!("`charter db upgrade` first drops the index {name}, which is invalid, if it is {same}.")
                }
            };
            self.connection.remark(&remark)
        })
    }

    /// What an index would be: made on an empty table of the same columns, in a transaction that is undone.
    fn meaning(&mut self, wanted: &CreateIndex<'_>) -> Result<String> {
        self.connection.begin(&Transaction::default())?;
        let unique = if wanted.is_unique { "UNIQUE " } else { "" };
        let made = [
            format!("CREATE TEMPORARY TABLE charter_probe (LIKE {})", wanted.table),
            format!("CREATE {unique}INDEX charter_probe_index ON pg_temp.charter_probe {}", wanted.rest),
        ];
        let meaning = made
            .iter()
            .try_for_each(|statement| self.connection.execute(statement))
            .and_then(|()| self.indexes("c.oid = pg_catalog.to_regclass('pg_temp.charter_probe_index')"));
        let undone = self.connection.rollback();
        let meaning = meaning?.pop().map(|index| index.meaning);
        undone?;
        meaning.ok_or_else(|| Error::new(ErrorKind::Backend, "the server made no index"))
    }

    /// Drops what is invalid, unless somebody is making it at this moment.
    fn drop(&mut self, index: &Index) -> Result<()> {
        if let Some(process) = &index.maker {
            let message = format!("the index {} is being made by server process {process}", index.name);
            return Err(Error::new(ErrorKind::Busy, message).with_hint("wait for it"));
        }
        let what = format!("dropping the index {}, which is invalid", index.name);
        (self.work.events)(Event::Repairing { migration: self.migration, what: &what });
        self.connection.execute(&format!("DROP INDEX CONCURRENTLY {}", index.name)).context(what)
    }

    fn drop_index(&mut self, statement: &str) -> Result<Verdict> {
        let mut reader = Reader::new(statement);
        if !reader.pass(&["drop", "index", "concurrently"]) {
            return Ok(Verdict::Run);
        }
        reader.pass(&["if", "exists"]);
        let Some(name) = reader.name() else { return Ok(Verdict::Run) };
        match self.exists(name)? {
            true => Ok(Verdict::Run),
            false => Ok(Verdict::IsDone),
        }
    }

    /// What REINDEX CONCURRENTLY was making, or had replaced, when it was cut off.
    fn reindex(&mut self, statement: &str) -> Result<Verdict> {
        let mut reader = Reader::new(statement);
        reader.pass(&["reindex"]);
        reader.pass_brackets();
        let kinds = ["index", "table", "schema", "database", "system"];
        let kind = kinds.into_iter().find(|kind| reader.pass(&[kind]));
        reader.pass(&["concurrently"]);
        let name = reader.name().map(literal).unwrap_or_else(|| "NULL".to_owned());
        // With the index of its long values, which the server rebuilds with the table's.
        let of_table = |table: &str| {
            format!(
                "i.indrelid = {table} OR i.indrelid = (SELECT reltoastrelid FROM pg_catalog.pg_class WHERE oid = {table})"
            )
        };
        let place = match kind {
            Some("index") => of_table(&format!(
                "(SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass({name}))"
            )),
            Some("table") => of_table(&format!("pg_catalog.to_regclass({name})")),
            Some("schema") => format!("n.oid = pg_catalog.to_regnamespace({name})"),
            _ => "true".to_owned(),
        };
        let left = self.indexes(&format!("NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND ({place})"))?;
        for index in left {
            self.drop(&index)?;
        }
        Ok(Verdict::Run)
    }

    /// A partition that is half detached must be detached by other words.
    fn detach(&mut self, statement: &str) -> Result<Verdict> {
        let mut reader = Reader::new(statement);
        reader.pass(&["alter", "table"]);
        reader.pass(&["if", "exists"]);
        reader.pass(&["only"]);
        let Some(table) = reader.name() else { return Ok(Verdict::Run) };
        if !reader.pass(&["detach", "partition"]) {
            return Ok(Verdict::Run);
        }
        let Some(partition) = reader.name().filter(|_| reader.pass(&["concurrently"])) else { return Ok(Verdict::Run) };
        let pending = self.connection.query(&format!(
            "SELECT inhdetachpending FROM pg_catalog.pg_inherits WHERE inhparent = pg_catalog.to_regclass({}) \
             AND inhrelid = pg_catalog.to_regclass({})",
            literal(table),
            literal(partition)
        ))?;
        match pending.into_iter().flatten().flatten().next().as_deref() {
            Some("t") => Ok(Verdict::RunInstead(format!("ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE"))),
            Some(_) => Ok(Verdict::Run),
            // Only a table that is there and no partition was detached.
            None if self.exists(partition)? => Ok(Verdict::IsDone),
            None => Ok(Verdict::Run),
        }
    }

    fn exists(&mut self, name: &str) -> Result<bool> {
        let rows = self.connection.query(&format!("SELECT pg_catalog.to_regclass({}) IS NOT NULL", literal(name)))?;
        Ok(rows == [[Some("t".to_owned())]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_as_it_is_written() {
        let read = CreateIndex::read(
            "create UNIQUE index CONCURRENTLY IF NOT EXISTS \"A b\" ON ONLY s . \"T\" USING gin (c) WHERE d > 1;",
        );
        let expected = CreateIndex {
            is_unique: true,
            name: Some("\"A b\""),
            table: "s . \"T\"",
            rest: "USING gin (c) WHERE d > 1",
        };
        assert_eq!(read, Some(expected));
        let read = CreateIndex::read("CREATE INDEX CONCURRENTLY /* x */ ON t (lower(a)) -- y\n;");
        assert_eq!(read, Some(CreateIndex { is_unique: false, name: None, table: "t", rest: "(lower(a))" }));
        assert_eq!(CreateIndex::read("CREATE INDEX a ON t (b)"), None);
    }
}
