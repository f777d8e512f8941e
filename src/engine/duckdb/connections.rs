//! The connections of a store to a DuckDB file.

use super::{Share, Writing};
use crate::engine::file::{FileAccess, PATIENCE, Written, unpoisoned};
use crate::engine::session::{Columns, Enough, Fill, Parameter, Session, Sessions};
use crate::error::Result;
use duckdb::types::{ToSqlOutput, ValueRef};
use duckdb::{Connection, Row, ToSql, appender_params_from_iter, params_from_iter};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// How many idle reading connections are kept.
const IDLE_READERS: usize = 8;

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
        let share = Share::acquire(path, access, PATIENCE)?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(None), readers: Mutex::new(Vec::new()), share })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Sessions for Connections {
    type Session = Connection;

    fn read<T>(&self, mut work: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
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

    fn snapshot<T>(&self, mut work: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            work(&transaction)
        })
    }

    fn write<T>(&self, mut work: impl FnMut(&Connection) -> Result<Written<T>>) -> Result<T> {
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

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> duckdb::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Parameter::Null => ValueRef::Null,
            Parameter::Boolean(value) => ValueRef::Boolean(value),
            Parameter::Integer(number) => ValueRef::BigInt(number),
            Parameter::Text(text) => ValueRef::Text(text.as_bytes()),
            Parameter::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Session for Connection {
    fn execute(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<usize> {
        Ok(self.prepare_cached(sql)?.execute(params_from_iter(parameters))?)
    }

    /// Together: a statement for each row would take a hundred times as long.
    fn insert(&self, table: &str, columns: &[&str], fill: &mut Fill<'_>) -> Result<()> {
        let mut appender = self.appender_with_columns(table, columns)?;
        fill(&mut |row| Ok(appender.append_row(appender_params_from_iter(row))?))?;
        Ok(appender.flush()?)
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
        Ok(self.get_ref(column)?.as_str().map_err(duckdb::Error::from)?)
    }

    fn text_or_null(&self, column: usize) -> Result<Option<&str>> {
        match self.get_ref(column)? {
            ValueRef::Null => Ok(None),
            value => Ok(Some(value.as_str().map_err(duckdb::Error::from)?)),
        }
    }

    fn bytes_or_null(&self, column: usize) -> Result<Option<&[u8]>> {
        match self.get_ref(column)? {
            ValueRef::Null => Ok(None),
            value => Ok(Some(value.as_blob().map_err(duckdb::Error::from)?)),
        }
    }

    fn integer(&self, column: usize) -> Result<i64> {
        Ok(self.get(column)?)
    }

    fn boolean(&self, column: usize) -> Result<bool> {
        Ok(self.get(column)?)
    }
}
