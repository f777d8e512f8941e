//! What migrating needs of an engine, and refinery's view of it.

use super::set::Migration;
use super::status::{Applied, Found};
use crate::error::{Error, ErrorKind, Result};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One engine's connection, as migrating sees it.
pub(crate) trait MigrationConnection {
    /// Reads what the database says of the set with this history, writing nothing.
    fn find(&mut self, history_table: &str) -> Result<Found>;

    /// Runs texts of SQL in one transaction, in the room where charter's tables live, which is made in the same
    /// transaction if it is missing.
    fn run_in_transaction(&mut self, texts: &[&str]) -> Result<()>;

    /// Waits until no other migrator is at work on this database, then keeps the others out until [`Self::unlock`].
    fn lock(&mut self) -> Result<()>;

    /// Lets the next migrator in.
    fn unlock(&mut self) -> Result<()>;
}

/// refinery's view of a connection: what it runs together is one transaction, with charter's own rows at its end.
pub(super) struct Adapter<'a> {
    pub(super) connection: &'a mut dyn MigrationConnection,
    /// What else belongs to the migration that is being applied.
    pub(super) bookkeeping: Vec<String>,
    /// The text that makes the history table if it is missing.
    pub(super) history: Option<String>,
}

/// An [`Error`] where refinery wants one that is an error type of its own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Failure(pub(super) Error);

impl refinery_core::traits::sync::Transaction for Adapter<'_> {
    type Error = Failure;

    fn execute<'t, T: Iterator<Item = &'t str>>(&mut self, texts: T) -> Result<usize, Failure> {
        let texts: Vec<&str> = texts.collect();
        // A migration comes with its history row; the history table comes alone before it. It is made together with the
        // first migration, so that one that fails leaves nothing.
        if let [history] = texts.as_slice() {
            self.history = Some((*history).to_owned());
            return Ok(1);
        }
        let (before, after) = (self.history.as_deref(), self.bookkeeping.iter().map(String::as_str));
        let all: Vec<&str> = before.into_iter().chain(texts.iter().copied()).chain(after).collect();
        self.connection.run_in_transaction(&all).map_err(Failure)?;
        Ok(texts.len())
    }
}

impl refinery_core::traits::sync::Query<Vec<refinery_core::Migration>> for Adapter<'_> {
    fn query(&mut self, query: &str) -> Result<Vec<refinery_core::Migration>, Failure> {
        let table = query.split_whitespace().skip_while(|word| *word != "FROM").nth(1).unwrap_or_default();
        let found = self.connection.find(table).map_err(Failure)?;
        found.applied.into_iter().map(|applied| applied.try_into().map_err(Failure)).collect()
    }
}

impl refinery_core::traits::sync::Migrate for Adapter<'_> {}

impl TryFrom<Applied> for refinery_core::Migration {
    type Error = Error;
    fn try_from(applied: Applied) -> Result<Self> {
        let applied_at = OffsetDateTime::parse(&applied.applied_at, &Rfc3339).map_err(|error| {
            let message =
                format!("the history says that migration {} was applied at {:?}", applied.number, applied.applied_at);
            Error::new(ErrorKind::Corrupt, message).with_source(error)
        })?;
        Ok(Self::applied(applied.number, applied.slug, applied_at, applied.checksum))
    }
}

impl TryFrom<&Migration> for refinery_core::Migration {
    type Error = Error;
    fn try_from(migration: &Migration) -> Result<Self> {
        let name = format!("V{}__{}", migration.number(), migration.slug());
        Self::unapplied(&name, &migration.text()).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("{name} cannot be a migration's name: {error}")).with_source(error)
        })
    }
}
