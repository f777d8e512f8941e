//! What an embedded engine says of statements that come one after the other. They are tried in an empty database in memory:
//! what makes or changes tables is run there, all else only compiled. No row is ever written, and nothing else is reached.

use super::Engine;
#[cfg(feature = "sqlite")]
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// How many thousand steps of SQLite's a statement may take: no table has a row, but a query can count without one.
#[cfg(feature = "sqlite")]
const STEPS: u32 = 1000;

/// A database in memory, and what its open transaction has run.
pub(crate) struct Rehearsal {
    database: Database,
    transaction: Option<Vec<String>>,
}

enum Database {
    #[cfg(feature = "sqlite")]
    Sqlite { connection: rusqlite::Connection, steps: Arc<AtomicU32> },
    #[cfg(feature = "duckdb")]
    DuckDb(::duckdb::Connection),
}

/// Why an engine takes a statement not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// The first line of what the engine says.
    pub(crate) message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It cannot be read, whatever the database has.
    Unreadable,
    /// The database has no such thing.
    Absent {
        /// Its last name, in small letters.
        name: String,
        /// Whether it is a table or view, or an index or trigger of one, and not a sequence or type, say.
        is_of_table: bool,
    },
    /// The database has no such schema.
    AbsentSchema(String),
    /// A name is taken already.
    Taken,
    /// The engine does not do it, given what it names.
    Impossible,
    /// Nothing follows from it elsewhere.
    Other,
}

impl Rehearsal {
    /// A database of an engine; none where this build has not the engine, or it is a server's.
    pub(crate) fn of(engine: Engine) -> Option<Self> {
        let database = Database::of(engine)?;
        Some(Self { database, transaction: None })
    }

    /// Compiles a statement.
    ///
    /// # Errors
    /// Why the engine does not take it.
    pub(crate) fn compile(&self, statement: &str) -> Result<(), Refusal> {
        self.database.compile(statement)
    }

    /// Runs a statement. One that fails has changed nothing.
    ///
    /// # Errors
    /// Why the engine does not take it.
    pub(crate) fn run(&mut self, statement: &str) -> Result<(), Refusal> {
        let ran = self.database.execute(statement);
        match (&ran, &mut self.transaction) {
            (Ok(()), Some(done)) => done.push(statement.to_owned()),
            (Err(_), Some(done)) => {
                // A failure ends a transaction of DuckDB's: what it had done is done again.
                let again = ["ROLLBACK", "BEGIN"].into_iter().chain(done.iter().map(String::as_str));
                again.for_each(|statement| drop(self.database.execute(statement)));
            }
            (_, None) => {}
        }
        ran
    }

    /// Runs statements of which nothing stays, and says why the last one fails, where the others do not.
    pub(crate) fn failure_behind(&self, before: &[&str], last: &str) -> Option<String> {
        self.database.execute("SAVEPOINT charter_aside").ok()?;
        let is_ready = before.iter().all(|statement| self.database.execute(statement).is_ok());
        let failed = is_ready.then(|| self.database.execute(last).err()).flatten();
        let undone = self.database.execute("ROLLBACK TO charter_aside; RELEASE charter_aside");
        failed.filter(|_| undone.is_ok()).map(|refusal| refusal.message)
    }

    /// Begins a transaction; without effect in one.
    pub(crate) fn begin(&mut self) {
        if self.transaction.is_none() && self.database.execute("BEGIN").is_ok() {
            self.transaction = Some(Vec::new());
        }
    }

    /// Ends a transaction, if one is open.
    pub(crate) fn end(&mut self, keep: bool) {
        if self.transaction.take().is_some() && self.database.execute(if keep { "COMMIT" } else { "ROLLBACK" }).is_err()
        {
            let _ = self.database.execute("ROLLBACK");
        }
    }
}

#[cfg_attr(not(any(feature = "sqlite", feature = "duckdb")), allow(unused_variables, reason = "nobody reads it"))]
impl Database {
    fn of(engine: Engine) -> Option<Self> {
        match engine {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite => {
                let mut connection = super::sqlite::open_in_memory().ok()?;
                connection.execute_batch("PRAGMA foreign_keys = OFF").ok()?;
                let steps = Arc::new(AtomicU32::new(0));
                let taken = Arc::clone(&steps);
                let is_enough = move || taken.fetch_add(1, Ordering::Relaxed) > STEPS;
                connection.progress_handler(1000, Some(is_enough)).ok()?;
                Some(Self::Sqlite { connection, steps })
            }
            #[cfg(feature = "duckdb")]
            Engine::DuckDb => {
                let configuration = super::duckdb::configuration().ok()?.enable_external_access(false).ok()?;
                ::duckdb::Connection::open_in_memory_with_flags(configuration).ok().map(Self::DuckDb)
            }
            _ => None,
        }
    }

    fn compile(&self, statement: &str) -> Result<(), Refusal> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { connection, steps } => {
                steps.store(0, Ordering::Relaxed);
                connection.prepare(statement).map(drop).map_err(|error| of_sqlite(&error))
            }
            #[cfg(feature = "duckdb")]
            Self::DuckDb(connection) => {
                connection.prepare(statement).map(drop).map_err(|error| of_duckdb(&error.to_string()))
            }
            #[cfg(not(any(feature = "sqlite", feature = "duckdb")))]
            _ => Ok(()),
        }
    }

    fn execute(&self, statement: &str) -> Result<(), Refusal> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { connection, steps } => {
                steps.store(0, Ordering::Relaxed);
                connection.execute_batch(statement).map_err(|error| of_sqlite(&error))
            }
            #[cfg(feature = "duckdb")]
            Self::DuckDb(connection) => {
                connection.execute_batch(statement).map_err(|error| of_duckdb(&error.to_string()))
            }
            #[cfg(not(any(feature = "sqlite", feature = "duckdb")))]
            _ => Ok(()),
        }
    }
}

/// What stands behind some words, up to the next blank, without quotes and without what stands before a point.
#[cfg(any(feature = "sqlite", feature = "duckdb"))]
fn named(message: &str, after: &str) -> Option<String> {
    let rest = message.split_once(after)?.1;
    let name = rest.split([' ', '\n', '!']).next()?.trim_matches(['"', '\'', '.', ',']);
    Some(name.to_lowercase())
}

#[cfg(feature = "sqlite")]
fn of_sqlite(error: &rusqlite::Error) -> Refusal {
    let (code, message) = match error {
        rusqlite::Error::SqlInputError { error, msg, .. } => (error.extended_code, msg.clone()),
        rusqlite::Error::SqliteFailure(error, Some(message)) => (error.extended_code, message.clone()),
        other => (0, other.to_string()),
    };
    let has = |said: &[&str]| said.iter().any(|said| message.contains(said));
    let absent = ["no such table: ", "no such view: ", "no such index: ", "no such trigger: "];
    let reason = match absent.iter().find_map(|said| named(&message, said)) {
        _ if code & 0xff != rusqlite::ffi::SQLITE_ERROR => Reason::Other,
        // A file that is attached is none of the statements that are tried.
        Some(name) => match name.rsplit_once('.') {
            Some((schema, _)) if schema != "main" && schema != "temp" => Reason::AbsentSchema(schema.to_owned()),
            Some((_, name)) => Reason::Absent { name: name.to_owned(), is_of_table: true },
            None => Reason::Absent { name, is_of_table: true },
        },
        None if has(&["unknown database "]) => {
            Reason::AbsentSchema(named(&message, "unknown database ").unwrap_or_default())
        }
        None if has(&["syntax error", "unrecognized token", "incomplete input", "unsupported use of"]) => {
            Reason::Unreadable
        }
        None if has(&["already exists", "there is already", "already another", "duplicate column name"]) => {
            Reason::Taken
        }
        None => Reason::Impossible,
    };
    Refusal { reason, message }
}

#[cfg(feature = "duckdb")]
fn of_duckdb(said: &str) -> Refusal {
    let line = said.lines().next().unwrap_or_default();
    let (class, message) = line.split_once(" Error: ").unwrap_or(("", line));
    let class = class.rsplit(' ').next().unwrap_or_default();
    let last = |name: String| name.rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned();
    let reason = match class {
        "Parser" | "implemented" => Reason::Unreadable,
        // It might be there where the extension is.
        "Catalog" | "Binder" | "Dependency" if said.contains(" extension") => Reason::Other,
        "Catalog" | "Binder" | "Dependency" => {
            let schema = named(message, "because schema ").or_else(|| named(message, "Schema with name "));
            match schema {
                Some(schema) => Reason::AbsentSchema(schema),
                None if message.contains("already exists") => Reason::Taken,
                None if message.contains("Function with name ") => Reason::Impossible,
                None if message.contains(" does not exist") => {
                    let name = named(message, " with name ").map(last).unwrap_or_default();
                    let is_of_table =
                        ["Table", "View", "Index", "Trigger"].iter().any(|kind| message.starts_with(kind));
                    Reason::Absent { name, is_of_table }
                }
                None => Reason::Impossible,
            }
        }
        _ => Reason::Other,
    };
    Refusal { reason, message: message.trim().to_owned() }
}
