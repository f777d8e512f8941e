//! refinery's view of a migration: what it says is to run, charter runs with its own rows in one transaction.

use super::set::{Migration, MigrationSet};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use refinery_core::{Runner, Target};
use std::sync::Mutex;
use time::OffsetDateTime;

/// What refinery does with a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// It runs.
    Apply,
    /// It is written into the history, and does not run.
    Record,
}

/// Lets refinery apply one migration, or record it, after the newest one that a database has, if that matters. What it would
/// send to the database goes to `run`: the statement that makes the history table where it is missing, and the migration's
/// row.
///
/// # Errors
/// What `run` says.
pub(super) fn migrate(
    set: &MigrationSet,
    migration: &Migration,
    engine: Engine,
    newest: Option<&Migration>,
    deed: Deed,
    run: &mut dyn FnMut([String; 2]) -> Result<()>,
) -> Result<()> {
    let target = match deed {
        Deed::Apply => Target::Version(migration.number()),
        Deed::Record => Target::FakeVersion(migration.number()),
    };
    // Grouped up to one version: refinery's ungrouped runner commits the SQL and the history row apart. The whole history
    // was compared with the set before, and need not be for each migration again.
    let known: Vec<_> =
        newest.into_iter().chain([migration]).map(|known| unapplied(known, engine)).collect::<Result<_>>()?;
    let mut runner = Runner::new(&known).set_grouped(true).set_target(target);
    runner.set_migration_table_name(set.history_table());
    let mut adapter =
        Adapter { newest: newest.map(|newest| applied(newest, engine)), deed, table: None, run, has_run: false };
    runner.run(&mut adapter).map_err(|error| reason(&error))?;
    match adapter.has_run {
        true => Ok(()),
        false => {
            Err(Error::new(ErrorKind::Corrupt, format!("migration {migration} is not the next one of the history")))
        }
    }
}

struct Adapter<'a> {
    newest: Option<refinery_core::Migration>,
    deed: Deed,
    /// The text that makes the history table if it is missing.
    table: Option<String>,
    run: &'a mut dyn FnMut([String; 2]) -> Result<()>,
    has_run: bool,
}

/// An [`Error`] where refinery wants one that is an error type of its own.
#[derive(Debug)]
struct Failure(Mutex<Option<Error>>);

impl Failure {
    fn new(error: Error) -> Self {
        Self(Mutex::new(Some(error)))
    }

    /// The error itself, the first time.
    fn take(&self) -> Error {
        let taken = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        taken.unwrap_or_else(|| Error::new(ErrorKind::Backend, "the error was told already"))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the migration failed")
    }
}

impl std::error::Error for Failure {}

/// What the engine said, without refinery's words around it.
fn reason(error: &refinery_core::Error) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.take();
        }
        source = cause.source();
    }
    Error::new(ErrorKind::Backend, error.to_string())
}

impl refinery_core::traits::sync::Transaction for Adapter<'_> {
    type Error = Failure;

    fn execute<'t, T: Iterator<Item = &'t str>>(&mut self, texts: T) -> Result<usize, Failure> {
        let texts: Vec<&str> = texts.collect();
        // A migration comes with its history row; the history table comes alone before it.
        let row = match (texts.as_slice(), self.deed, &self.table) {
            ([table], _, None) => {
                self.table = Some((*table).to_owned());
                return Ok(1);
            }
            ([_, row], Deed::Apply, _) | ([row], Deed::Record, Some(_)) => (*row).to_owned(),
            _ => {
                let message = format!("refinery gave {} texts to run together", texts.len());
                return Err(Failure::new(Error::new(ErrorKind::Backend, message)));
            }
        };
        self.has_run = true;
        (self.run)([self.table.take().unwrap_or_default(), row]).map_err(Failure::new)?;
        Ok(texts.len())
    }
}

impl refinery_core::traits::sync::Query<Vec<refinery_core::Migration>> for Adapter<'_> {
    fn query(&mut self, _query: &str) -> Result<Vec<refinery_core::Migration>, Failure> {
        Ok(self.newest.take().into_iter().collect())
    }
}

impl refinery_core::traits::sync::Migrate for Adapter<'_> {}

/// A migration as refinery finds it in a history; when it was applied does not matter to it.
fn applied(migration: &Migration, engine: Engine) -> refinery_core::Migration {
    let slug = migration.slug().to_owned();
    refinery_core::Migration::applied(migration.number(), slug, OffsetDateTime::UNIX_EPOCH, migration.checksum(engine))
}

/// A migration as refinery knows it, with the text that an engine runs.
fn unapplied(migration: &Migration, engine: Engine) -> Result<refinery_core::Migration> {
    let name = format!("V{}__{}", migration.number(), migration.slug());
    refinery_core::Migration::unapplied(&name, migration.up(engine).text()).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("{name} cannot be a migration's name: {error}")).with_source(error)
    })
}
