//! What taking migrations back would lose.

use super::super::apply::Attempts;
use super::super::connection::{MigrationConnection, Purpose, Transaction, literal, qualified, quoted};
use super::super::event::{Event, Timeouts};
use super::super::set::MigrationSet;
use super::super::steps::words;
use super::drops::{Drop, Name, drops};
use super::rebuilds::Fate;
use super::{MigrationManager, Planned};
use crate::engine::Engine;
use crate::error::{ErrorKind, Location, Result};
use std::fmt;
use std::time::Duration;

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
    /// Whether the column stays, and its values are rounded or cut to another type.
    pub is_changed: bool,
    /// Whether the column stays, and a query makes its values anew: at most as many as are said change.
    pub is_made_anew: bool,
}

/// `the table orders, with 3 rows`.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.rows == 1 { "" } else { "s" };
        match &self.column {
            None if self.is_deleted => write!(f, "rows of {}, which has {} row{plural}", self.table, self.rows),
            None => write!(f, "the table {}, with {} row{plural}", self.table, self.rows),
            Some(column) if self.is_made_anew => {
                write!(f, "up to {} value{plural} of {}.{column}, which are made anew", self.rows, self.table)
            }
            Some(column) if self.is_changed => {
                let verb = if self.rows == 1 { "changes" } else { "change" };
                write!(f, "{} value{plural} of {}.{column}, which {verb} with its type", self.rows, self.table)
            }
            Some(column) => write!(f, "the column {}.{column}, with {} value{plural}", self.table, self.rows),
        }
    }
}

impl MigrationManager {
    /// The tables and columns that the statements of a plan drop, with what is in them now, and the tables that they delete
    /// rows from. What a table's rebuilding keeps is no loss; what it makes anew of a column may be. Of a column of DuckDB that gets another type, the values that do
    /// not stay what they are. What an UPDATE overwrites is not followed: see
    /// [`MigrationManager::undetermined_losses`]. Writes nothing. `events` is told where a server gives no
    /// lock in time, and it is counted again.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when another session of a server keeps a table for itself up to the last attempt; what the engine says when it cannot be
    /// asked.
    pub fn losses(&self, planned: &[Planned], events: &mut dyn FnMut(Event<'_>)) -> Result<Vec<Loss>> {
        let mut connection = self.connect(Purpose::Read)?;
        let environment = self.environment(self.stored_environment(&mut *connection)?);
        counting(&mut *connection, &self.timeouts(environment), events, |connection| losses(connection, planned))
    }
}

fn losses(connection: &mut dyn MigrationConnection, planned: &[Planned]) -> Result<Vec<Loss>> {
    let mut losses: Vec<Loss> = Vec::new();
    for planned in planned {
        for drop in drops(planned) {
            for loss in drop.losses(connection, &planned.set)? {
                let is_whole = |loss: &Loss| loss.column.is_none() && !loss.is_deleted;
                let is_told = |told: &Loss| {
                    let what =
                        |loss: &Loss| (loss.column.clone(), loss.is_deleted, loss.is_changed || loss.is_made_anew);
                    told.table == loss.table && (is_whole(told) || what(told) == what(&loss))
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

/// How long a count waits for a lock where nothing else is set: without end, it would wait without a word.
const PATIENCE: Duration = Duration::from_secs(5);

/// Counts what is in tables. On a server, another session may have one of them for itself, which is not waited for without
/// end, but again and again.
pub(super) fn counting<T>(
    connection: &mut dyn MigrationConnection,
    timeouts: &Timeouts,
    events: &mut dyn FnMut(Event<'_>),
    mut count: impl FnMut(&mut dyn MigrationConnection) -> Result<T>,
) -> Result<T> {
    if connection.engine() != Engine::Postgres {
        return count(connection);
    }
    let mut attempts = Attempts::of(connection.engine(), timeouts);
    loop {
        connection.begin(&Transaction {
            schema: None,
            read_only: true,
            lock_timeout: Some(timeouts.lock.unwrap_or(PATIENCE)),
            statement_timeout: timeouts.statement,
            ..Transaction::default()
        })?;
        let counted = count(connection);
        connection.rollback()?;
        let error = match counted {
            Err(error) if error.kind() == ErrorKind::Busy => {
                error.context("what would be lost could not be counted: another session has the table for itself")
            }
            counted => return counted,
        };
        attempts.again(error, None, events)?;
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
                if is_undetermined(&said, planned.engine) {
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
fn is_undetermined(said: &[&str], engine: Engine) -> bool {
    let has = |word: &str| said.contains(&word);
    match said {
        ["update" | "merge" | "do" | "call" | "execute" | "replace", ..] => true,
        ["with", ..] => has("delete") || has("update") || has("merge"),
        ["insert", "or", "replace", ..] => true,
        ["insert", ..] => said.windows(2).any(|two| two == ["do", "update"]),
        ["drop", "owned", ..] => true,
        ["drop", "schema" | "type" | "domain" | "extension" | "function" | "sequence" | "view", ..] => has("cascade"),
        ["alter", "table", ..] => has("type") && (has("using") || engine == Engine::Postgres && rounds(said)),
        _ => false,
    }
}

/// Whether a column gets a type that may not hold what another one does: any but a text or a number without a limit.
fn rounds(said: &[&str]) -> bool {
    let types = said.iter().enumerate().filter(|(_, word)| **word == "type").map(|(at, _)| &said[at + 1..]);
    let has_limit = |behind: &[&str]| behind.first() == Some(&"(");
    types.into_iter().any(|data_type| match data_type {
        ["text" | "varchar" | "numeric" | "decimal", rest @ ..] | ["character", "varying", rest @ ..] => {
            has_limit(rest)
        }
        _ => true,
    })
}

impl Drop {
    fn losses(&self, connection: &mut dyn MigrationConnection, set: &MigrationSet) -> Result<Vec<Loss>> {
        let name = match self {
            // What it showed is in its tables.
            Self::View(_) => return Ok(Vec::new()),
            // A server's own rounding is not followed, and SQLite keeps what it has.
            Self::Retyped(..) if connection.engine() != Engine::DuckDb => return Ok(Vec::new()),
            Self::Table(name)
            | Self::Column(name, _)
            | Self::Rows(name)
            | Self::Rebuilt(name, _)
            | Self::Retyped(name, ..) => name,
        };
        let engine = connection.engine();
        let table = name.last().cloned().unwrap_or_default();
        let columns = columns(connection, set, name)?;
        if columns.is_empty() {
            // There is no such table.
            return Ok(Vec::new());
        }
        let from = match name.as_slice() {
            [name] => qualified(set, engine, name),
            parts => parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join("."),
        };
        let mut count = |column: Option<&String>, condition: Option<String>| -> Result<u64> {
            let counted = column.map_or_else(|| "*".to_owned(), |column| format!("lost.{}", quoted(column)));
            let query = format!("SELECT count({counted}) FROM {from} AS lost");
            let rows = match condition {
                // A type that is not there yet says nothing of what stays.
                Some(condition) => {
                    connection.query(&format!("{query} WHERE {condition}")).or_else(|_| connection.query(&query))?
                }
                None => connection.query(&query)?,
            };
            Ok(rows.into_iter().flatten().flatten().next().and_then(|rows| rows.parse().ok()).unwrap_or(0))
        };
        let own = |column: &String| format!("lost.{}", quoted(column));
        let whole = Loss {
            table: table.clone(),
            column: None,
            rows: 0,
            is_deleted: matches!(self, Self::Rows(_)),
            is_changed: false,
            is_made_anew: false,
        };
        let mut losses = Vec::new();
        match self {
            Self::Table(_) | Self::View(_) => losses.push(Loss { rows: count(None, None)?, ..whole }),
            Self::Rows(_) => {
                let rows = count(None, None)?;
                losses.extend((rows > 0).then_some(Loss { rows, ..whole }));
            }
            Self::Column(_, column) => {
                for column in columns.iter().filter(|other| other.eq_ignore_ascii_case(column)) {
                    losses.push(Loss {
                        rows: count(Some(column), None)?,
                        column: Some(column.clone()),
                        ..whole.clone()
                    });
                }
            }
            Self::Retyped(_, column, data_type) => {
                for column in columns.iter().filter(|other| other.eq_ignore_ascii_case(column)) {
                    let rows = count(Some(column), Some(changes(&own(column), data_type)))?;
                    let column = Some(column.clone());
                    losses.extend((rows > 0).then(|| Loss { rows, column, is_changed: true, ..whole.clone() }));
                }
            }
            Self::Rebuilt(_, kept) => {
                for Fate { column, is_lost, is_made_anew, data_type } in kept.fates(&columns) {
                    let condition = match (&data_type, engine) {
                        _ if is_lost || is_made_anew => None,
                        (Some(data_type), Engine::DuckDb) => Some(changes(&own(&column), data_type)),
                        (Some(data_type), Engine::Sqlite) => match converted(&own(&column), data_type) {
                            None => continue,
                            condition => condition,
                        },
                        _ => continue,
                    };
                    let is_changed = condition.is_some();
                    let rows = count(Some(&column), condition)?;
                    let column = Some(column);
                    let is_told = is_lost || rows > 0;
                    losses.extend(is_told.then(|| Loss {
                        rows,
                        column,
                        is_changed,
                        is_made_anew: is_made_anew && !is_lost,
                        ..whole.clone()
                    }));
                }
            }
        }
        Ok(losses)
    }
}

/// Whether SQLite turns a value into another one in a column of a type, as a condition: text into a number, or a number into text.
fn converted(column: &str, data_type: &str) -> Option<String> {
    let data_type = data_type.to_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| data_type.contains(word));
    match () {
        () if has(&["INT"]) => {}
        () if has(&["CHAR", "CLOB", "TEXT"]) => return Some(format!("typeof({column}) IN ('integer', 'real')")),
        () if data_type.is_empty() || has(&["BLOB"]) => return None,
        () => {}
    }
    // Numbers that are written otherwise are other texts.
    Some(format!(
        "typeof({column}) = 'text' AND {column} GLOB '*[0-9]*' AND typeof({column} + 0) <> 'text' AND {column} NOT GLOB '*[^0-9.eE+-]*'"
    ))
}

/// Whether a value of DuckDB's is another one behind a type, as a condition.
fn changes(column: &str, data_type: &str) -> String {
    format!(
        "TRY_CAST(TRY_CAST({column} AS {data_type}) AS VARCHAR) IS DISTINCT FROM TRY_CAST({column} AS VARCHAR) AND \
         TRY_CAST({column} AS {data_type}) IS DISTINCT FROM {column}"
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_statement_does_without_saying_how_much_is_told_with_its_place() {
        let down = "ALTER TABLE a RENAME TO b;\nDROP TABLE b;\nUPDATE c SET d = NULL;\nDROP SCHEMA s CASCADE; DROP VIEW v;\n\
             WITH e AS (DELETE FROM f RETURNING g) SELECT 1; ALTER TABLE c ALTER d TYPE int USING 0; SELECT 1;\n\
             ALTER TABLE c ALTER d TYPE text; ALTER TABLE c ALTER d TYPE numeric(4, 1);";
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
                "V1__a.down.sql:6:34: ALTER TABLE c ALTER d TYPE numeric(4, 1);",
            ]
        );
    }
}
