//! refinery's view of a connection: what it runs together is one transaction, with charter's own rows at its end.

use super::apply::{Work, bookkeeping, run};
use super::connection::MigrationConnection;
use super::set::Migration;
use super::status::Applied;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use std::sync::Mutex;
use std::time::Instant;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A connection on which one migration is applied.
pub(super) struct Adapter<'a, 'w> {
    pub(super) connection: &'a mut dyn MigrationConnection,
    pub(super) work: &'a Work<'w>,
    pub(super) migration: &'a Migration,
    /// What the database has already.
    pub(super) history: &'a [Applied],
    /// The text that makes the history table if it is missing.
    pub(super) table: Option<String>,
}

/// An [`Error`] where refinery wants one that is an error type of its own.
#[derive(Debug)]
pub(super) struct Failure(Mutex<Option<Error>>);

impl Failure {
    fn new(error: Error) -> Self {
        Self(Mutex::new(Some(error)))
    }

    /// The error itself, the first time.
    pub(super) fn take(&self) -> Error {
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

impl Adapter<'_, '_> {
    fn apply(&mut self, history_row: &str) -> Result<()> {
        self.connection.begin(&self.work.transaction())?;
        let result = self.apply_begun(history_row).and_then(|()| self.connection.commit());
        if result.is_err() {
            self.connection.rollback()?;
        }
        result
    }

    fn apply_begun(&mut self, history_row: &str) -> Result<()> {
        let (start, engine) = (Instant::now(), self.connection.engine());
        // Made together with the first migration, so that one that fails leaves nothing.
        if let Some(table) = &self.table {
            self.connection.execute(table)?;
        }
        let statements = run(self.connection, self.migration.up(engine))?;
        self.connection.execute(history_row)?;
        for row in bookkeeping(self.work, engine, self.migration, start, statements) {
            self.connection.execute(&row)?;
        }
        Ok(())
    }
}

impl refinery_core::traits::sync::Transaction for Adapter<'_, '_> {
    type Error = Failure;

    fn execute<'t, T: Iterator<Item = &'t str>>(&mut self, texts: T) -> Result<usize, Failure> {
        let texts: Vec<&str> = texts.collect();
        // A migration comes with its history row; the history table comes alone before it.
        match texts.as_slice() {
            [table] => self.table = Some((*table).to_owned()),
            [_, history_row] => self.apply(history_row).map_err(Failure::new)?,
            _ => {
                let message = format!("refinery gave {} texts to run together", texts.len());
                return Err(Failure::new(Error::new(ErrorKind::Backend, message)));
            }
        }
        Ok(texts.len())
    }
}

impl refinery_core::traits::sync::Query<Vec<refinery_core::Migration>> for Adapter<'_, '_> {
    fn query(&mut self, _query: &str) -> Result<Vec<refinery_core::Migration>, Failure> {
        self.history.iter().map(|applied| applied.try_into().map_err(Failure::new)).collect()
    }
}

impl refinery_core::traits::sync::Migrate for Adapter<'_, '_> {}

impl TryFrom<&Applied> for refinery_core::Migration {
    type Error = Error;
    fn try_from(applied: &Applied) -> Result<Self> {
        let applied_at = OffsetDateTime::parse(&applied.applied_at, &Rfc3339).map_err(|error| {
            let message =
                format!("the history says that migration {} was applied at {:?}", applied.number, applied.applied_at);
            Error::new(ErrorKind::Corrupt, message).with_source(error)
        })?;
        Ok(Self::applied(applied.number, applied.slug.clone(), applied_at, applied.checksum))
    }
}

/// A migration as refinery knows it, with the text that an engine runs.
pub(super) fn unapplied(migration: &Migration, engine: Engine) -> Result<refinery_core::Migration> {
    let name = format!("V{}__{}", migration.number(), migration.slug());
    refinery_core::Migration::unapplied(&name, migration.up(engine).text()).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("{name} cannot be a migration's name: {error}")).with_source(error)
    })
}
