//! What migrating needs of an engine.

#[cfg(feature = "duckdb")]
mod duckdb;
#[cfg(feature = "postgres")]
mod postgres;
mod recording;
#[cfg(feature = "sqlite")]
mod sqlite;

pub(crate) use recording::Recording;

use super::set::MigrationSet;
use super::status::Found;
use crate::config::{DatabaseUrl, Target};
use crate::engine::{Engine, TextRow};
use crate::error::{Error, ErrorKind, Result};
use std::path::Path;
use std::time::Duration;

/// One engine's connection, as migrating sees it. It blocks, and is one session.
pub(crate) trait MigrationConnection {
    /// The engine.
    fn engine(&self) -> Engine;

    /// Lets a connection that was opened to read migrate from here on. False where another one must be opened for it.
    fn begin_migrating(&mut self) -> bool {
        false
    }

    /// What one query answers, each value as text. Outside of a transaction it cannot write, where the connection was
    /// opened to read.
    fn query(&mut self, sql: &str) -> Result<Vec<TextRow>>;

    /// A copy of the database in memory, which is changed without it; none where it is larger than some bytes, or its engine
    /// has none. What takes long on it fails.
    fn copied_to_memory(&mut self, _most: u64) -> Option<Box<dyn MigrationConnection>> {
        None
    }

    /// What the database says of a set, writing nothing.
    fn found(&mut self, set: &MigrationSet) -> Result<Found> {
        let engine = self.engine();
        Found::read(set, engine, &mut |sql| self.query(sql))
    }

    /// The identity of a store that is made now, as an expression of SQL.
    fn identity(&self) -> String {
        literal(&uuid::Uuid::new_v4().to_string())
    }

    /// Begins a transaction, waiting for writers. Under the migrators' lock, checks that it still is this session's.
    fn begin(&mut self, transaction: &Transaction<'_>) -> Result<()>;

    /// Runs one statement, in the transaction that was begun or, without one, alone.
    fn execute(&mut self, statement: &str) -> Result<()>;

    /// Makes the session ready for a migration without a transaction: names without a schema and limits are as in a
    /// transaction of this sort, until [`Self::reset`], and what statements set stays for those after them.
    fn begin_session(&mut self, _transaction: &Transaction<'_>) -> Result<()> {
        Ok(())
    }

    /// How many rows refer to nothing by their foreign keys as the transaction begins, if any: what a migration in steps keeps
    /// beside its beginning, for [`Self::compare_keys`]. Only SQLite can have such rows.
    fn broken_keys(&mut self) -> Option<String> {
        None
    }

    /// Compares foreign keys with what they were before a migration in steps, where its session has switched them off
    /// itself: once it has switched them on again, and at its end.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when more rows refer to nothing than before.
    fn compare_keys(&mut self, _before: Option<&str>, _is_end: bool) -> Result<()> {
        Ok(())
    }

    /// Where statements are written down in place of being run, writes a remark beside them; tells whether that is so.
    fn remark(&mut self, _text: &str) -> bool {
        false
    }

    /// Whether an error says that the statement cannot be in a transaction.
    fn must_run_alone(&self, _error: &Error) -> bool {
        false
    }

    /// Runs charter's own statements in the transaction that was begun, at the latest with its commit, whatever the migration
    /// has set in it: names without a schema mean the set's, and the user is the one that connected.
    fn record(&mut self, statements: &[String]) -> Result<()> {
        statements.iter().try_for_each(|statement| self.execute(statement))
    }

    /// Forgets what statements have set for the session, and what they made for it alone, which no other migration must see.
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    /// Commits what was begun; when it fails, all of it is undone.
    fn commit(&mut self) -> Result<()>;

    /// Undoes what was begun. Without a transaction, does nothing.
    ///
    /// # Errors
    /// What the engine says; the transaction is gone all the same, at the latest with the connection.
    fn rollback(&mut self) -> Result<()>;

    /// Copies the whole database, as it is now, over an empty file. Only embedded ones can.
    fn backup(&mut self, path: &Path) -> Result<()> {
        let message = format!("{} databases cannot be copied into {}", self.engine(), path.display());
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    /// Waits until no other migrator is at work on this database, then keeps the others out until [`Self::unlock`].
    /// `waiting` is told once when there is somebody to wait for, and who, if the database knows.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when the others take longer than the limit.
    fn lock(&mut self, limit: Duration, waiting: &mut dyn FnMut(Option<&str>)) -> Result<()>;

    /// Lets the next migrator in.
    fn unlock(&mut self) -> Result<()>;
}

/// How a transaction is begun.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transaction<'a> {
    /// The schema of Postgres that names without one are in; made in the transaction if it is missing.
    pub(crate) schema: Option<&'a str>,
    /// Nothing can be written in it.
    pub(crate) read_only: bool,
    /// How long a statement waits for a lock; for the transaction alone. Only servers have it.
    pub(crate) lock_timeout: Option<Duration>,
    /// How long a statement runs; for the transaction alone. Only servers have it.
    pub(crate) statement_timeout: Option<Duration>,
    /// Whether it is one that the migration itself begins and ends: foreign keys are compared at its end as they were at its
    /// beginning, though the session has switched them off.
    pub(crate) keeps_keys: bool,
}

/// What a database is connected to for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Migrating; an embedded file is made if it does not exist.
    Migrate,
    /// Migrating what exists.
    MigrateExisting,
    /// Migrating a database that is thrown away afterwards: what changes something that others share is refused.
    Try,
    /// Reading what exists. Nothing can be written.
    Read,
}

/// Connects to the database of a URL.
///
/// # Errors
/// [`ErrorKind::NotFound`] when a file that is not to be made does not exist, [`ErrorKind::Unsupported`] when this build
/// has not the engine or the store has no migrations, and what the engine says.
#[cfg_attr(
    not(any(feature = "sqlite", feature = "duckdb", feature = "postgres")),
    allow(unused_variables, reason = "without an engine, nothing is connected to")
)]
pub(crate) fn connect(url: &DatabaseUrl, purpose: Purpose) -> Result<Box<dyn MigrationConnection>> {
    match url.target() {
        #[cfg(feature = "sqlite")]
        Target::Sqlite(target) => Ok(Box::new(sqlite::SqliteMigrating::connect(target, purpose)?)),
        #[cfg(feature = "duckdb")]
        Target::DuckDb(target) => Ok(Box::new(duckdb::DuckDbMigrating::connect(target, purpose)?)),
        #[cfg(feature = "postgres")]
        Target::Postgres(target) => Ok(Box::new(postgres::PostgresMigrating::connect(target, purpose)?)),
        _ => Err(Error::new(ErrorKind::Unsupported, format!("{url} has no migrations in this build of charter"))),
    }
}

/// An empty database of an embedded engine in memory, which goes with the connection, and from which no file is reached.
///
/// # Errors
/// [`ErrorKind::Unsupported`] when this build has not the engine, or the engine is a server's; and what the engine says.
pub(crate) fn in_memory(engine: Engine) -> Result<Box<dyn MigrationConnection>> {
    match engine {
        #[cfg(feature = "sqlite")]
        Engine::Sqlite => Ok(Box::new(sqlite::SqliteMigrating::in_memory()?)),
        #[cfg(feature = "duckdb")]
        Engine::DuckDb => Ok(Box::new(duckdb::DuckDbMigrating::in_memory()?)),
        _ => Err(Error::new(ErrorKind::Unsupported, format!("this build of charter has no {engine} in memory"))),
    }
}

/// A name as SQL takes it, whatever it is.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL takes it on all three engines.
pub(crate) fn literal(text: &str) -> String {
    // No engine takes a zero character in a text.
    format!("'{}'", text.replace('\'', "''").replace('\0', ""))
}

/// A name with its schema as SQL takes them.
pub(crate) fn qualified_name(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

/// A table of a set as a query names it, whatever the search path is.
pub(crate) fn qualified(set: &MigrationSet, engine: Engine, table: &str) -> String {
    match engine {
        Engine::Postgres => qualified_name(set.schema(), table),
        Engine::Sqlite | Engine::DuckDb => quoted(table),
    }
}
