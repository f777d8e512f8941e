//! What the parser of an embedded engine says of a statement. Nothing is run: there is an empty database in memory, whose
//! complaints about what is not in it are no matter.

use super::Engine;

/// The parser of an engine of this build.
pub(crate) enum Parser {
    #[cfg(feature = "sqlite")]
    Sqlite(rusqlite::Connection),
    #[cfg(feature = "duckdb")]
    DuckDb(::duckdb::Connection),
}

impl Parser {
    /// The parser of an engine; none where this build has not the engine, or it is a server's.
    pub(crate) fn of(engine: Engine) -> Option<Self> {
        match engine {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite => rusqlite::Connection::open_in_memory().ok().map(Self::Sqlite),
            #[cfg(feature = "duckdb")]
            Engine::DuckDb => {
                // What a statement names is not looked at: no file is opened, and nothing fetched.
                let config = ::duckdb::Config::default().enable_external_access(false).ok()?;
                let config = config.threads(1).ok()?;
                ::duckdb::Connection::open_in_memory_with_flags(config).ok().map(Self::DuckDb)
            }
            _ => None,
        }
    }

    /// Why the engine cannot read a statement.
    #[cfg_attr(not(any(feature = "sqlite", feature = "duckdb")), allow(unused_variables, reason = "nobody reads it"))]
    pub(crate) fn refusal(&self, statement: &str) -> Option<String> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => {
                let message = match connection.prepare(statement).err()? {
                    rusqlite::Error::SqlInputError { msg, .. } => msg,
                    rusqlite::Error::SqliteFailure(_, Some(message)) => message,
                    _ => return None,
                };
                let is_of_parser = ["syntax error", "unrecognized token", "incomplete input", "unsupported use of"];
                is_of_parser.iter().any(|said| message.contains(said)).then_some(message)
            }
            #[cfg(feature = "duckdb")]
            Self::DuckDb(connection) => {
                let said = connection.prepare(statement).err()?.to_string();
                let message = ["Parser Error: ", "Not implemented Error: "]
                    .iter()
                    .find_map(|kind| said.split_once(kind).map(|(_, message)| message))?;
                message.lines().next().map(|line| line.trim().to_owned())
            }
            #[cfg(not(any(feature = "sqlite", feature = "duckdb")))]
            _ => None,
        }
    }
}
