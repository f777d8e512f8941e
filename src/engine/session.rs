//! One sort of connection for the engines of embedded files: the SQL that they both take, run the same way.

use crate::engine::file::Written;
use crate::error::Result;

/// A parameter of a statement, where the SQL has `?1`, `?2` and so on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parameter<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<bool> for Parameter<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Parameter<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl<'a> From<&'a str> for Parameter<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Parameter<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Parameter<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<Parameter<'a>>> From<Option<T>> for Parameter<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters of a statement, each from a value that can be one.
macro_rules! parameters {
    ($($value:expr),* $(,)?) => { &[$($crate::engine::session::Parameter::from($value)),*] };
}
pub(crate) use parameters;

/// A row of an answer, as long as it is there. A column that is not of the wanted sort is an error.
pub(crate) trait Columns {
    fn text(&self, column: usize) -> Result<&str>;
    fn text_or_null(&self, column: usize) -> Result<Option<&str>>;
    fn bytes_or_null(&self, column: usize) -> Result<Option<&[u8]>>;
    fn integer(&self, column: usize) -> Result<i64>;
    fn boolean(&self, column: usize) -> Result<bool>;
}

/// A connection that runs statements, and keeps them prepared.
pub(crate) trait Session {
    /// Runs a statement; gives how many rows it changed.
    fn execute(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<usize>;

    /// Inserts rows into columns of a table: `fill` is given what takes one row after another.
    fn insert(&self, table: &str, columns: &[&str], fill: &mut Fill<'_>) -> Result<()>;

    /// Gives each row of an answer to `row`, until it says that it has enough.
    fn each(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        row: &mut dyn FnMut(&dyn Columns) -> Result<Enough>,
    ) -> Result<()>;

    /// What `row` makes of each row of an answer.
    fn all<T>(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        mut row: impl FnMut(&dyn Columns) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.each(sql, parameters, &mut |columns| {
            found.push(row(columns)?);
            Ok(Enough::No)
        })?;
        Ok(found)
    }

    /// What `row` makes of the first row of an answer, if there is one.
    fn first<T>(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        mut row: impl FnMut(&dyn Columns) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.each(sql, parameters, &mut |columns| {
            found = Some(row(columns)?);
            Ok(Enough::Yes)
        })?;
        Ok(found)
    }
}

/// Gives rows to what inserts them, each with a parameter for every column.
pub(crate) type Fill<'a> = dyn FnMut(&mut dyn FnMut(&[Parameter<'_>]) -> Result<()>) -> Result<()> + 'a;

/// Whether a reader of rows has enough of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enough {
    Yes,
    No,
}

/// The connections of one store to a file: one that writes, and some that read.
pub(crate) trait Sessions: Send + Sync {
    type Session: Session;

    /// Reads with one statement. Readers do not wait for writers, nor for each other.
    fn read<T>(&self, work: impl FnMut(&Self::Session) -> Result<T>) -> Result<T>;

    /// Reads with many statements that all see the same state.
    fn snapshot<T>(&self, work: impl FnMut(&Self::Session) -> Result<T>) -> Result<T>;

    /// Writes in one transaction: what `work` did is committed if it succeeds, and undone if not. It may be run again when
    /// another writer was in its way.
    fn write<T>(&self, work: impl FnMut(&Self::Session) -> Result<Written<T>>) -> Result<T>;
}
