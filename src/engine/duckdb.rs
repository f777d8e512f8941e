//! DuckDB files: opening them, waiting for them, and connections to them.
//!
//! DuckDB locks a file for a process: one writes and reads, or many read. Its lock is POSIX's, which belongs to the process
//! and not to whoever took it: a second instance on the same file in one process would get it as well, and let go of it
//! for both when it is closed. So this process opens a file once, and all that use it share that instance.

use crate::engine::TextRow;
use crate::engine::file::{FileAccess, PATIENCE, Written, patiently, unpoisoned};
use crate::error::{Error, ErrorKind, Result};
use duckdb::arrow::datatypes::DataType;
use duckdb::types::{TimeUnit, ValueRef};
use duckdb::{AccessMode, Config, Connection};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use time::OffsetDateTime;

/// How many idle reading connections are kept.
const IDLE_READERS: usize = 8;

/// The files that this process has open.
static OPEN: Mutex<Vec<Instance>> = Mutex::new(Vec::new());

/// A file that is open, and how many [`Share`]s there are of it.
struct Instance {
    file: FileId,
    writable: bool,
    shares: usize,
    turn: Arc<Turn>,
    /// Makes the other connections; nothing runs on it.
    root: Connection,
}

/// A part in a file that this process has open. It is closed, and its lock let go, with the last one: every connection has
/// to go before the share that it was made from.
struct Share {
    file: FileId,
    turn: Arc<Turn>,
}

impl Share {
    /// Opens a file, or joins those who have it open, waiting for other processes.
    fn acquire(path: &Path, access: FileAccess) -> Result<Self> {
        access.check(path)?;
        // An absolute path cannot begin like the name of a service.
        let path = std::path::absolute(path)?;
        patiently(|| Self::try_acquire(&path, access))
    }

    fn try_acquire(path: &Path, access: FileAccess) -> Result<Self> {
        let mut open = unpoisoned(&OPEN);
        let known = FileId::of(path).and_then(|file| open.iter_mut().find(|instance| instance.file == file));
        if let Some(instance) = known {
            if access != FileAccess::Read && !instance.writable {
                let message = "this program is reading this database, and DuckDB writes nothing meanwhile";
                return Err(Error::new(ErrorKind::Busy, message).with_hint("close what has it open to read"));
            }
            instance.shares += 1;
            return Ok(Self { file: instance.file.clone(), turn: instance.turn.clone() });
        }
        access.check(path)?;
        let writable = access != FileAccess::Read;
        let mode = if writable { AccessMode::ReadWrite } else { AccessMode::ReadOnly };
        let root = Connection::open_with_flags(path, configuration()?.access_mode(mode)?)?;
        let Some(file) = FileId::of(path) else {
            let message = format!("{} vanished while it was opened", path.display());
            return Err(Error::new(ErrorKind::Io, message));
        };
        let turn = Arc::new(Turn::default());
        let share = Self { file: file.clone(), turn: turn.clone() };
        open.push(Instance { file, writable, shares: 1, turn, root });
        Ok(share)
    }

    /// One more connection.
    fn connect(&self) -> Result<Connection> {
        let open = unpoisoned(&OPEN);
        let instance = open.iter().find(|instance| instance.file == self.file);
        let instance = instance.ok_or_else(|| Error::new(ErrorKind::Backend, "the DuckDB file is closed"))?;
        let connection = instance.root.try_clone()?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Closed under the mutex: whoever opens the file next finds the instance, or the lock let go.
        let mut open = unpoisoned(&OPEN);
        if let Some(place) = open.iter().position(|instance| instance.file == self.file) {
            open[place].shares -= 1;
            if open[place].shares == 0 {
                open.swap_remove(place);
            }
        }
    }
}

/// Which file it is, whatever its path.
#[cfg(unix)]
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileId(u64, u64);

#[cfg(unix)]
impl FileId {
    /// `None` when there is no file.
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }
}

/// Which file it is.
#[cfg(not(unix))]
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileId(PathBuf);

#[cfg(not(unix))]
impl FileId {
    /// `None` when there is no file.
    fn of(path: &Path) -> Option<Self> {
        std::fs::canonicalize(path).ok().map(Self)
    }
}

/// Whose turn it is to write to a file: DuckDB would let two write at once and then refuse one of them.
#[derive(Default)]
struct Turn {
    taken: Mutex<bool>,
    free: Condvar,
}

/// The turn to write, given back with the value.
struct Writing(Arc<Turn>);

impl Writing {
    fn wait(turn: &Arc<Turn>) -> Result<Self> {
        let taken = unpoisoned(&turn.taken);
        let (mut taken, _) =
            turn.free.wait_timeout_while(taken, PATIENCE, |taken| *taken).unwrap_or_else(PoisonError::into_inner);
        if *taken {
            return Err(Error::new(ErrorKind::Busy, "another part of this program is writing to this database")
                .with_hint("try again"));
        }
        *taken = true;
        Ok(Self(turn.clone()))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        *unpoisoned(&self.0.taken) = false;
        self.0.free.notify_one();
    }
}

/// How charter opens DuckDB: no threads of its own, and no extension fetched from the network.
fn configuration() -> Result<Config> {
    Ok(Config::default()
        .threads(1)?
        .with("async_threads", "0")?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?)
}

/// DuckDB's version.
pub(crate) fn version() -> Option<String> {
    static VERSION: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let ask = || Connection::open_in_memory_with_flags(configuration().ok()?).ok()?.version().ok();
    VERSION.get_or_init(|| ask().map(|version| version.trim_start_matches('v').to_owned())).clone()
}

/// The connections of one store to a file.
pub(crate) struct Connections {
    path: PathBuf,
    /// Opened when something is written for the first time.
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
    share: Share,
}

impl Connections {
    /// Opens a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the file does not exist and is not to be made, [`ErrorKind::Busy`] when another process
    /// has it for longer than the limit, and what DuckDB says.
    pub(crate) fn open(path: &Path, access: FileAccess) -> Result<Self> {
        let share = Share::acquire(path, access)?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(None), readers: Mutex::new(Vec::new()), share })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads with one statement. Readers do not wait for writers, nor for each other.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = unpoisoned(&self.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.share.connect()?,
        };
        let result = work(&connection);
        let mut readers = unpoisoned(&self.readers);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Reads with many statements that all see the same state.
    pub(crate) fn snapshot<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            work(&transaction)
        })
    }

    /// Writes in one transaction: what `work` did is committed if it succeeds, and undone if not.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<Written<T>>) -> Result<T> {
        let _writing = Writing::wait(&self.share.turn)?;
        let mut writer = unpoisoned(&self.writer);
        let connection = match &mut *writer {
            Some(connection) => connection,
            None => writer.insert(self.share.connect()?),
        };
        let transaction = connection.unchecked_transaction()?;
        match work(&transaction)? {
            Written::Commit(value) => {
                transaction.commit()?;
                Ok(value)
            }
            Written::Nothing(value) => Ok(value),
        }
    }
}

/// One connection with transactions that its holder begins and ends.
pub(crate) struct Session {
    connection: Connection,
    /// The transaction that is open.
    transaction: Option<Transaction>,
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

impl Session {
    /// A connection to a file.
    ///
    /// # Errors
    /// As [`Connections::open`].
    pub(crate) fn open(path: &Path, access: FileAccess) -> Result<Self> {
        let share = Share::acquire(path, access)?;
        let can_write = access != FileAccess::Read;
        Ok(Self { connection: share.connect()?, transaction: None, can_write, share: Some(share) })
    }

    /// A database in memory, gone with the value.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn in_memory() -> Result<Self> {
        let connection = Connection::open_in_memory_with_flags(configuration()?)?;
        Ok(Self { connection, transaction: None, can_write: true, share: None })
    }

    /// Takes a new connection, which has none of the settings of the old one. A database in memory keeps its connection.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn renew(&mut self) -> Result<()> {
        if let Some(share) = &self.share {
            self.connection = share.connect()?;
        }
        Ok(())
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
            self.rollback()?;
            return result;
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

impl From<duckdb::Error> for Error {
    fn from(error: duckdb::Error) -> Self {
        // The lines below the reason repeat the statement, which may be a whole migration.
        let text = error.to_string();
        let reason = text.split("\n\nLINE ").next().unwrap_or(&text).trim_end();
        let has = |part: &str| reason.contains(part);
        let (kind, hint) = if has("Could not set lock on file") || has("being used by another process") {
            (
                ErrorKind::Busy,
                Some("another program has this database open; DuckDB lets one in that writes, or many that read"),
            )
        } else if reason.starts_with("TransactionContext Error: ") && (has("onflict") || has("was altered")) {
            (ErrorKind::Busy, Some("another part of this program is writing to this database; try again"))
        } else if has("not a valid DuckDB database file") {
            (ErrorKind::Invalid, Some("the file is not a DuckDB database"))
        } else if has("No space left on device") {
            (ErrorKind::Io, Some("the disk is full; nothing was changed"))
        } else if has("Permission denied") || has("Read-only file system") || has("attached in read-only mode") {
            (ErrorKind::Io, Some("the database or its folder cannot be written"))
        } else if has("No such file or directory") {
            (ErrorKind::Io, Some("check that the folder exists and can be written"))
        } else if reason.starts_with("IO Error: ") {
            (ErrorKind::Io, None)
        } else if has("database has been invalidated") || reason.starts_with("FATAL Error: ") {
            (ErrorKind::Backend, Some("end the program and start it again; what was acknowledged is in the file"))
        } else {
            (ErrorKind::Backend, None)
        };
        let error = Self::new(kind, format!("DuckDB: {reason}")).with_source(error);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
