//! Migrating SQLite files.

use super::{MigrationConnection, Purpose, Transaction};
use crate::config::url::SqliteTarget;
use crate::engine::lock_file::LockFile;
use crate::engine::sqlite::{FileAccess, open_file, open_in_memory, patiently, text_rows};
use crate::engine::{Engine, TextRow};
use crate::error::{Context, Error, ErrorKind, Result};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One connection to a file while it is migrated.
pub(super) struct SqliteMigrating {
    connection: Connection,
    /// Where the file is; `None` is a database in memory, which is this connection's alone.
    path: Option<PathBuf>,
    lock: Option<LockFile>,
    /// Whether foreign keys were switched off for the transaction that is open.
    in_transaction: bool,
}

impl SqliteMigrating {
    pub(super) fn connect(target: &SqliteTarget, purpose: Purpose) -> Result<Self> {
        let access = match purpose {
            Purpose::Migrate => FileAccess::Create,
            Purpose::MigrateExisting => FileAccess::Write,
            Purpose::Read => FileAccess::Read,
        };
        let connection = open_file(&target.path, target.synchronous, access)?;
        Ok(Self { connection, path: Some(target.path.clone()), lock: None, in_transaction: false })
    }

    /// An empty database in memory.
    pub(super) fn in_memory() -> Result<Self> {
        let connection = open_in_memory()?;
        Ok(Self { connection, path: None, lock: None, in_transaction: false })
    }

    /// Undoes what is open, and switches foreign keys on again.
    fn end(&mut self) -> Result<()> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        if std::mem::take(&mut self.in_transaction) {
            self.connection.execute_batch("PRAGMA foreign_keys = ON")?;
        }
        Ok(())
    }

    /// The rows whose foreign keys point nowhere, for people.
    fn violations(&self) -> Result<Vec<String>> {
        let rows = text_rows(&self.connection, "PRAGMA foreign_key_check")?;
        let text = |value: Option<&Option<String>>| value.cloned().flatten().unwrap_or_default();
        Ok(rows
            .iter()
            .map(|row| format!("{} row {} -> {}", text(row.first()), text(row.get(1)), text(row.get(2))))
            .collect())
    }
}

impl MigrationConnection for SqliteMigrating {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn query(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        patiently(|| text_rows(&self.connection, sql))
    }

    /// Foreign keys are off inside, or rebuilding a table would delete what refers to it; they are checked at the end.
    fn begin(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if transaction.read_only {
            return Ok(self.connection.execute_batch("BEGIN")?);
        }
        self.connection.execute_batch("PRAGMA foreign_keys = OFF")?;
        self.in_transaction = true;
        let begun = patiently(|| Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?));
        if begun.is_err() {
            self.end()?;
        }
        begun
    }

    fn execute(&mut self, statement: &str) -> Result<()> {
        Ok(self.connection.execute_batch(statement)?)
    }

    fn commit(&mut self) -> Result<()> {
        let result = match self.in_transaction.then(|| self.violations()).transpose() {
            Ok(Some(violations)) if !violations.is_empty() => {
                let message = format!("rows would refer to what does not exist: {}", violations.join(", "));
                Err(Error::new(ErrorKind::Backend, message))
            }
            Ok(_) => patiently(|| Ok(self.connection.execute_batch("COMMIT")?)),
            Err(error) => Err(error),
        };
        let ended = self.end();
        result.and(ended)
    }

    fn rollback(&mut self) -> Result<()> {
        self.end()
    }

    /// SQLite's own backup: what writers commit meanwhile is in the copy, or the copying begins again.
    fn backup(&mut self, path: &Path) -> Result<()> {
        let mut copy = Connection::open(path)?;
        let backup = Backup::new(&self.connection, &mut copy)?;
        patiently(|| match backup.step(-1)? {
            StepResult::Done => Ok(()),
            _ => Err(Error::new(ErrorKind::Busy, "SQLite: the database is locked")),
        })
    }

    /// A lock file beside the database.
    fn lock(&mut self, limit: Duration, waiting: &mut dyn FnMut(Option<&str>)) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        self.lock = Some(LockFile::acquire(path, limit, &mut || waiting(None))?);
        // WAL is a property of the file and stays, so it is switched on only in a file that is charter's from the start.
        patiently(|| {
            let tables: i64 = self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables == 0 {
                self.connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            }
            Ok(())
        })
        .context("switching to WAL")
    }

    fn unlock(&mut self) -> Result<()> {
        self.lock = None;
        Ok(())
    }
}
