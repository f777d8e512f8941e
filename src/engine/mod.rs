//! Storage engines: which ones there are, connections to them, and the tokens of their SQL. What is stored is no matter here.

#[cfg(feature = "postgres")]
pub(crate) mod bridge;
#[cfg(feature = "postgres")]
pub(crate) mod drive;
#[cfg(feature = "duckdb")]
pub(crate) mod duckdb;
#[cfg(any(feature = "sqlite", feature = "duckdb"))]
pub(crate) mod file;
pub(crate) mod lexer;
pub(crate) mod lock_file;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod pragma;
#[cfg(feature = "lint")]
pub(crate) mod rehearsal;
#[cfg(any(feature = "sqlite", feature = "duckdb"))]
pub(crate) mod session;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// The advisory lock of migrators on a server: an arbitrary number that is charter's.
#[cfg(any(feature = "postgres", feature = "lint"))]
pub(crate) const MIGRATORS_LOCK: i64 = 0x63_68_61_72_74_65_72;

/// A row of a query, each value as the text that the engine makes of it; `None` is NULL.
pub(crate) type TextRow = Vec<Option<String>>;

/// What a throw-away database says, before the engine's own words, when it refuses to change what is not in it.
pub(crate) const OUTSIDE: &str = "it does something outside of the database that it runs in";

/// A SQL engine, for which a migration can have a text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Engine {
    /// A Postgres server.
    #[default]
    Postgres,
    /// An SQLite file.
    Sqlite,
    /// A DuckDB file.
    DuckDb,
}

impl Engine {
    /// All of them, the embedded ones first.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::DuckDb, Self::Postgres];

    /// The word for it in file names, options and `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
            Self::DuckDb => "duckdb",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Engine {
    type Err = Error;

    /// Reads `sqlite`, `duckdb` or `postgres`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything else.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|engine| engine.as_str() == text).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("{text:?} is no engine"))
                .with_hint("the engines are sqlite, duckdb and postgres")
        })
    }
}
