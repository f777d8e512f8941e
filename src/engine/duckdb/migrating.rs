//! One connection to a DuckDB database, and what it answers as text.

use super::{Share, Writing, configuration};
use crate::engine::TextRow;
use crate::engine::file::{FileAccess, MIGRATORS_PATIENCE};
use crate::error::{Error, ErrorKind, Result};
use duckdb::Connection;
use duckdb::arrow::datatypes::DataType;
use duckdb::types::{TimeUnit, ValueRef};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// One connection with transactions that its holder begins and ends.
pub(crate) struct Migrating {
    connection: Connection,
    /// The transaction that is open.
    transaction: Option<Transaction>,
    /// What the database is called on the connection.
    database: String,
    can_write: bool,
    /// The file; `None` for a database in memory.
    share: Option<Share>,
}

/// A transaction that is open.
struct Transaction {
    /// After a failure DuckDB takes COMMIT, says nothing, and undoes everything.
    has_failed: bool,
    _writing: Option<Writing>,
}

impl Migrating {
    /// A connection to a file.
    ///
    /// # Errors
    /// As [`Connections::open`](super::Connections::open).
    pub(crate) fn open(path: &Path, access: FileAccess) -> Result<Self> {
        let share = Share::acquire(path, access, MIGRATORS_PATIENCE)?;
        Self::over(share.connect()?, access != FileAccess::Read, Some(share))
    }

    /// A database in memory, gone with the value. What runs there can neither write nor read files, and load nothing.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn in_memory() -> Result<Self> {
        let configuration = configuration()?.enable_external_access(false)?;
        Self::over(Connection::open_in_memory_with_flags(configuration)?, true, None)
    }

    fn over(connection: Connection, can_write: bool, share: Option<Share>) -> Result<Self> {
        let database: String = connection.query_row("SELECT current_database()", [], |row| row.get(0))?;
        Ok(Self { connection, transaction: None, database, can_write, share })
    }

    /// Takes a new connection, which has none of the settings of the old one.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn renew(&mut self) -> Result<()> {
        self.connection = self.connection.try_clone()?;
        Ok(())
    }

    /// Lets names without a schema mean the database's own again. DuckDB keeps a `USE` whatever comes of its transaction.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn use_own_schema(&mut self) -> Result<()> {
        let statement = format!("USE {}.main", quoted(&self.database));
        self.execute(&statement)
    }

    /// Copies the whole database, as it is now, over a file that is empty.
    ///
    /// # Errors
    /// What DuckDB says, and [`ErrorKind::Io`] when the copy cannot be put into its place.
    pub(crate) fn copy_to(&mut self, path: &Path) -> Result<()> {
        // DuckDB takes no file that is there and empty, and its log lies beside a file that is not whole.
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let name = format!("charter_backup_{}", uuid::Uuid::new_v4().simple());
        let place = partial.display().to_string().replace('\'', "''");
        self.connection.execute_batch(&format!("ATTACH '{place}' AS {name} (READ_WRITE)"))?;
        let copy = format!("COPY FROM DATABASE {} TO {name}", quoted(&self.database));
        let copied = self.connection.execute_batch(&copy);
        let closed = self.connection.execute_batch(&format!("DETACH {name}"));
        let placed = copied.and(closed).map_err(Error::from).and_then(|()| Ok(std::fs::rename(&partial, path)?));
        if placed.is_err() {
            // It is this call's own, and holds nothing that can be used.
            let _ = std::fs::remove_file(&partial);
        }
        placed
    }

    /// Begins a transaction; one that writes waits for the others of this process.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when they take longer than the limit.
    pub(crate) fn begin(&mut self, read_only: bool) -> Result<()> {
        let writes = self.can_write && !read_only;
        let turn = self.share.as_ref().filter(|_| writes).map(|share| &share.turn);
        let writing = turn.map(Writing::wait).transpose()?;
        self.connection.execute_batch(if writes { "BEGIN TRANSACTION" } else { "BEGIN TRANSACTION READ ONLY" })?;
        self.transaction = Some(Transaction { has_failed: false, _writing: writing });
        Ok(())
    }

    /// What one query answers, each value as text. Without a transaction, a session that cannot write has one for it that
    /// is read-only: the instance may be one that can.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        self.run(|connection| text_rows(connection, sql))
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn execute(&mut self, statement: &str) -> Result<()> {
        self.run(|connection| Ok(connection.execute_batch(statement)?))
    }

    fn run<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if self.transaction.is_none() && !self.can_write {
            self.begin(true)?;
            let result = work(&self.connection);
            // The first error is what matters.
            let ended = self.rollback();
            return result.and_then(|value| ended.map(|()| value));
        }
        let result = work(&self.connection);
        if let (Err(_), Some(transaction)) = (&result, &mut self.transaction) {
            transaction.has_failed = true;
        }
        result
    }

    /// Commits; when it fails, all of it is undone.
    ///
    /// # Errors
    /// What DuckDB says, and [`ErrorKind::Backend`] when a statement had failed.
    pub(crate) fn commit(&mut self) -> Result<()> {
        match self.transaction.take() {
            Some(transaction) if transaction.has_failed => {
                self.connection.execute_batch("ROLLBACK")?;
                Err(Error::new(ErrorKind::Backend, "DuckDB: a statement of the transaction has failed"))
            }
            // A commit that fails leaves no transaction.
            Some(_transaction) => Ok(self.connection.execute_batch("COMMIT")?),
            None => Ok(()),
        }
    }

    /// Undoes what was begun. Without a transaction, does nothing.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn rollback(&mut self) -> Result<()> {
        match self.transaction.take() {
            Some(_transaction) => Ok(self.connection.execute_batch("ROLLBACK")?),
            None => Ok(()),
        }
    }
}

/// A name as SQL takes it, whatever it is.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What one query answers, each value as text. What has no plain text, such as a list, is cast in the query.
pub(crate) fn text_rows(connection: &Connection, sql: &str) -> Result<Vec<TextRow>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let columns = row.as_ref().column_count();
        let value = |column| match row.as_ref().column_type(column) {
            // The driver has no value for a column that is nothing but NULL.
            DataType::Null => Ok(None),
            _ => text_of(row.get_ref(column)?),
        };
        found.push((0..columns).map(value).collect::<Result<TextRow>>()?);
    }
    Ok(found)
}

fn text_of(value: ValueRef<'_>) -> Result<Option<String>> {
    Ok(Some(match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Boolean(value) => value.to_string(),
        ValueRef::TinyInt(number) => number.to_string(),
        ValueRef::SmallInt(number) => number.to_string(),
        ValueRef::Int(number) => number.to_string(),
        ValueRef::BigInt(number) => number.to_string(),
        ValueRef::HugeInt(number) => number.to_string(),
        ValueRef::UHugeInt(number) => number.to_string(),
        ValueRef::UTinyInt(number) => number.to_string(),
        ValueRef::USmallInt(number) => number.to_string(),
        ValueRef::UInt(number) => number.to_string(),
        ValueRef::UBigInt(number) => number.to_string(),
        ValueRef::Float(number) => number.to_string(),
        ValueRef::Double(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Timestamp(unit, since) => timestamp(unit, since)?,
        other => {
            let message = format!("a value of DuckDB's type {:?} was not cast to text", other.data_type());
            return Err(Error::new(ErrorKind::Backend, message));
        }
    }))
}

/// A moment in UTC as DuckDB writes it, without the parts of a second: `2026-01-31 12:00:00`.
fn timestamp(unit: TimeUnit, since: i64) -> Result<String> {
    let moment = OffsetDateTime::from_unix_timestamp(unit.to_micros(since).div_euclid(1_000_000))
        .map_err(|error| Error::new(ErrorKind::Corrupt, "DuckDB gave a moment out of range").with_source(error))?;
    let (date, time) = (moment.date(), moment.time());
    Ok(format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()))
}
