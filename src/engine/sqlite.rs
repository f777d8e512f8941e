//! Opening SQLite files, and waiting for them.

use crate::config::url::Synchronous;
use crate::engine::file::Written;
use crate::engine::file::unpoisoned;
pub(crate) use crate::engine::file::{FileAccess, patiently};
use crate::engine::session::{Columns, Enough, Fill, Parameter, Session, Sessions};
use crate::engine::{OUTSIDE, TextRow};
use crate::error::{Error, ErrorKind, Result};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, ToSql, TransactionBehavior, params_from_iter};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// SQLite before this can lose committed writes in WAL mode (the WAL-reset bug, fixed in 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long SQLite itself waits for a lock before it says that it is busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many idle reading connections are kept.
const IDLE_READERS: usize = 8;

/// The connections to one file: one that writes, and some that read.
pub(crate) struct Connections {
    path: PathBuf,
    synchronous: Synchronous,
    access: FileAccess,
    /// Opened when something is written for the first time.
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
}

/// Opens one connection to a file.
///
/// # Errors
/// [`ErrorKind::NotFound`] when the file does not exist and is not to be made, and what SQLite says.
pub(crate) fn open_file(path: &Path, synchronous: Synchronous, access: FileAccess) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        let message = format!("SQLite {} can lose committed writes (fixed in 3.51.3)", rusqlite::version());
        return Err(Error::new(ErrorKind::Refused, message).with_hint("build charter with its bundled SQLite"));
    }
    access.check(path)?;
    open(path, synchronous, access)
}

/// Opens an empty database in memory, which goes with the connection. What runs there cannot reach any file.
pub(crate) fn open_in_memory() -> Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        // VACUUM attaches what it writes into; without a name that is a temporary file of SQLite's own.
        AuthAction::Attach { filename: "" | ":memory:" } => Authorization::Allow,
        // A file name that is computed is none that can be seen here.
        AuthAction::Attach { .. } | AuthAction::Unknown { code: rusqlite::ffi::SQLITE_ATTACH, .. } => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }))?;
    connection.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(connection)
}

/// What one query answers, each value as text.
pub(crate) fn text_rows(connection: &Connection, sql: &str) -> Result<Vec<TextRow>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let value = |column| -> Result<Option<String>> {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => None,
                ValueRef::Integer(number) => Some(number.to_string()),
                ValueRef::Real(number) => Some(number.to_string()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            })
        };
        found.push((0..columns).map(value).collect::<Result<TextRow>>()?);
    }
    Ok(found)
}

impl Connections {
    pub(crate) fn open(path: &Path, synchronous: Synchronous, access: FileAccess) -> Result<Self> {
        let first = open_file(path, synchronous, access)?;
        Ok(Self {
            path: path.to_owned(),
            synchronous,
            access,
            writer: Mutex::new(None),
            readers: Mutex::new(vec![first]),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn synchronous(&self) -> Synchronous {
        self.synchronous
    }

    /// Closes the idle reading connections: what they know of the tables is from before.
    pub(crate) fn forget_readers(&self) {
        unpoisoned(&self.readers).clear();
    }

    /// One more connection to the file, which exists by now.
    fn connect(&self) -> Result<Connection> {
        let access = if self.access == FileAccess::Read { FileAccess::Read } else { FileAccess::Write };
        open(&self.path, self.synchronous, access)
    }
}

impl Sessions for Connections {
    type Session = Connection;

    fn read<T>(&self, mut work: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        let idle = unpoisoned(&self.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = patiently(|| work(&connection));
        let mut readers = unpoisoned(&self.readers);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    fn snapshot<T>(&self, mut work: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            work(&transaction)
        })
    }

    /// Writers of this process stand in line here; those of other processes at SQLite's own lock.
    fn write<T>(&self, mut work: impl FnMut(&Connection) -> Result<Written<T>>) -> Result<T> {
        let mut writer = unpoisoned(&self.writer);
        let connection = match &mut *writer {
            Some(connection) => connection,
            None => writer.insert(self.connect()?),
        };
        patiently(|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            match work(&transaction)? {
                Written::Commit(value) => {
                    transaction.commit()?;
                    Ok(value)
                }
                Written::Nothing(value) => Ok(value),
            }
        })
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Parameter::Null => ValueRef::Null,
            Parameter::Boolean(value) => ValueRef::Integer(i64::from(value)),
            Parameter::Integer(number) => ValueRef::Integer(number),
            Parameter::Text(text) => ValueRef::Text(text.as_bytes()),
            Parameter::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Session for Connection {
    fn execute(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<usize> {
        Ok(self.prepare_cached(sql)?.execute(params_from_iter(parameters))?)
    }

    fn insert(&self, table: &str, columns: &[&str], fill: &mut Fill<'_>) -> Result<()> {
        let values: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), values.join(", "));
        let mut statement = self.prepare_cached(&sql)?;
        fill(&mut |row| {
            statement.execute(params_from_iter(row))?;
            Ok(())
        })
    }

    fn each(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        row: &mut dyn FnMut(&dyn Columns) -> Result<Enough>,
    ) -> Result<()> {
        let mut statement = self.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        while let Some(columns) = rows.next()? {
            if row(columns)? == Enough::Yes {
                break;
            }
        }
        Ok(())
    }
}

impl Columns for Row<'_> {
    fn text(&self, column: usize) -> Result<&str> {
        Ok(self.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)
    }

    fn text_or_null(&self, column: usize) -> Result<Option<&str>> {
        Ok(self.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?)
    }

    fn bytes_or_null(&self, column: usize) -> Result<Option<&[u8]>> {
        Ok(self.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)?)
    }

    fn integer(&self, column: usize) -> Result<i64> {
        Ok(self.get(column)?)
    }

    fn boolean(&self, column: usize) -> Result<bool> {
        Ok(self.get(column)?)
    }
}

fn open(path: &Path, synchronous: Synchronous, access: FileAccess) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | match access {
            FileAccess::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            FileAccess::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
            FileAccess::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
    let mut connection = Connection::open_with_flags(path, flags)?;
    if access == FileAccess::Read && !can_read(&connection) && !wal(path).exists() {
        connection = open_immutable(path)?;
    }
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    let synchronous = match synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON;"))?;
    Ok(connection)
}

/// Whether SQLite can read the file. In a folder that cannot be written it cannot make the side files that reading a
/// file in WAL mode takes.
fn can_read(connection: &Connection) -> bool {
    let probed = connection.query_row("PRAGMA schema_version", [], |_| Ok(()));
    !matches!(
        probed.as_ref().map_err(rusqlite::Error::sqlite_error_code),
        Err(Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
    )
}

/// The file of commits that are not in the database yet.
fn wal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Opens a file that nobody can be writing: its folder cannot be written, and no commits lie beside it.
fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let encoded =
        percent_encoding::percent_encode(path.as_os_str().as_encoded_bytes(), percent_encoding::NON_ALPHANUMERIC);
    let url = format!("file:{}?immutable=1", encoded.to_string().replace("%2F", "/"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(url, flags)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        // The statement is left to the source: it may be a whole migration.
        let reason = match &error {
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            error => error.to_string(),
        };
        let Some(code) = error.sqlite_error_code() else {
            return Self::new(ErrorKind::Backend, format!("SQLite: {reason}")).with_source(error);
        };
        if code == ErrorCode::AuthorizationForStatementDenied {
            return Self::new(ErrorKind::Refused, OUTSIDE).with_source(error);
        }
        let (kind, hint) = match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                (ErrorKind::Busy, Some("another program is writing to this database; try again"))
            }
            ErrorCode::DiskFull => (ErrorKind::Io, Some("the disk is full; nothing was changed")),
            ErrorCode::ReadOnly => (ErrorKind::Io, Some("the database or its folder cannot be written")),
            ErrorCode::CannotOpen => (ErrorKind::Io, Some("check that the folder exists and can be written")),
            ErrorCode::SystemIoFailure | ErrorCode::PermissionDenied => (ErrorKind::Io, None),
            ErrorCode::DatabaseCorrupt => (ErrorKind::Corrupt, Some("restore the file from a backup")),
            ErrorCode::NotADatabase => (ErrorKind::Invalid, Some("the file is not a SQLite database")),
            _ => (ErrorKind::Backend, None),
        };
        let error = Self::new(kind, format!("SQLite: {reason}")).with_source(error);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
