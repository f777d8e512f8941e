//! Migrating SQLite files.

use super::connection::{Connections, patiently};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::migrate::{Applied, Found, MINIMUM_PROGRAM_QUERY, MigrationConnection};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The writing connection of a file while it is migrated.
pub(super) struct Migrating<'a> {
    connection: &'a mut Connection,
    path: PathBuf,
    lock: Option<(File, PathBuf)>,
}

impl<'a> Migrating<'a> {
    pub(super) fn new(connections: &Connections, connection: &'a mut Connection) -> Self {
        Self { connection, path: connections.path().to_owned(), lock: None }
    }
}

/// What a file says of the set with this history.
pub(super) fn find(connection: &Connection, history_table: &str) -> Result<Found> {
    let mut found = Found::default();
    let exists = connection
        .prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?
        .exists([history_table])?;
    if !exists {
        return Ok(found);
    }
    found.applied = applied(connection, history_table)?;
    if !found.applied.is_empty() {
        let query = MINIMUM_PROGRAM_QUERY.replace("{}", "");
        if let Some((minimum, environment)) =
            connection.query_row(&query, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?
        {
            (found.minimum_program, found.environment) = (Some(minimum), Some(environment));
        }
    }
    Ok(found)
}

fn applied(connection: &Connection, history_table: &str) -> Result<Vec<Applied>> {
    let mut statement = connection
        .prepare(&format!("SELECT version, name, applied_on, checksum FROM {history_table} ORDER BY version"))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?)))?;
    rows.map(|row| {
        let (number, slug, applied_at, checksum) = row?;
        let checksum = checksum.parse().map_err(|_| {
            Error::new(
                ErrorKind::Corrupt,
                format!("the history has {checksum:?} as the checksum of migration {number}"),
            )
        })?;
        Ok(Applied { number, slug, applied_at, checksum })
    })
    .collect()
}

impl MigrationConnection for Migrating<'_> {
    fn find(&mut self, history_table: &str) -> Result<Found> {
        find(self.connection, history_table)
    }

    fn run_in_transaction(&mut self, texts: &[&str]) -> Result<()> {
        patiently(|| {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for text in texts {
                transaction.execute_batch(text)?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// A lock file beside the database. It is removed under the lock, so whoever gets the lock of a file that is no
    /// longer at its path has waited for the wrong one, and waits again.
    fn lock(&mut self) -> Result<()> {
        let mut name = OsString::from(&self.path);
        name.push(".migrating");
        let path = PathBuf::from(name);
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .map_err(|error| Error::from(error).at(&path, None))
                .context("making the migrators' lock file")?;
            wait_for(&file).map_err(|error| error.at(&path, None))?;
            if is_at_path(&file, &path) {
                self.lock = Some((file, path));
                break;
            }
        }
        // WAL is a property of the file and stays, so it is switched on only in a file that is charter's from the start.
        patiently(|| {
            let tables: i64 = self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables == 0 {
                self.connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            }
            Ok(())
        })
    }

    fn unlock(&mut self) -> Result<()> {
        if let Some((file, path)) = self.lock.take() {
            // Another migrator may hold it open; it will see that the file has gone.
            let _ = std::fs::remove_file(&path);
            file.unlock().map_err(Error::from)?;
        }
        Ok(())
    }
}

impl Drop for Migrating<'_> {
    fn drop(&mut self) {
        let _ = self.unlock();
    }
}

/// How long a migrator waits for the others.
const LOCK_PATIENCE: Duration = Duration::from_secs(300);

fn wait_for(file: &File) -> Result<()> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(ErrorKind::Busy, "another program is migrating this database")
                    .with_hint("wait for it, or end it; the lock goes with the program"));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

#[cfg(unix)]
fn is_at_path(file: &File, path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// A file that is open cannot be replaced here.
#[cfg(not(unix))]
fn is_at_path(_: &File, path: &std::path::Path) -> bool {
    path.exists()
}
