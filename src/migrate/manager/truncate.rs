//! Emptying charter's own tables.

use super::super::apply::locked;
use super::super::audit::{Action, Actor, Entry, create_table};
use super::super::connection::{MigrationConnection, Purpose, Transaction, qualified};
use super::super::event::Event;
use super::super::set::MigrationSet;
use super::super::status::Status;
use super::dependants::check_emptying;
use super::losses::counting;
use super::{Confirmation, MigrationManager};
use crate::config::Environment;
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use std::time::Instant;

/// How many rows a table has, or had.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableRows {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
}

/// What holds content, in the order in which it is emptied: what refers to other rows before those.
const CONTENT: [&str; 5] =
    ["charter_uploads", "charter_changes", "charter_records", "charter_receipts", "charter_cursors"];

/// What is written beside, and by which statement.
const WRITTEN: [(&str, &str); 2] = [("charter_head", "UPDATE"), ("charter_schema_audit", "INSERT")];

impl MigrationManager {
    /// How many rows each of charter's tables has that [`MigrationManager::truncate`] would empty. Writes nothing. `events` is told
    /// where a server gives no lock in time, and it is counted again.
    ///
    /// # Errors
    /// [`ErrorKind::NotInitialized`] when the database has no tables of charter's; [`ErrorKind::Refused`] when emptying them
    /// would reach what another program has made; as [`MigrationManager::status`].
    pub fn content(&self, events: &mut dyn FnMut(Event<'_>)) -> Result<Vec<TableRows>> {
        let mut connection = self.connect(Purpose::Read)?;
        self.initialized(&mut *connection)?;
        let environment = self.environment(self.stored_environment(&mut *connection)?);
        counting(&mut *connection, &self.timeouts(environment), events, |connection| {
            check_emptying(connection, &CONTENT, &WRITTEN)?;
            rows(connection)
        })
    }

    /// The environment that counts for this database; see [`MigrationManager::environment`].
    ///
    /// # Errors
    /// As [`MigrationManager::status`].
    pub fn get_environment(&self) -> Result<Environment> {
        let mut connection = self.connect(Purpose::Read)?;
        Ok(self.environment(self.stored_environment(&mut *connection)?))
    }

    /// Removes all records, with the change log, cursors, receipts and uploads, in one transaction under the migrators' lock.
    /// No other program's table is touched: where a trigger of another program would run, or a table of it refers to charter's
    /// rows, nothing is removed. The store gets
    /// a new identity, so that no registry takes what comes into it for what was there before. Gives what was removed.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] unless it was confirmed, in prod with the database's name, and when it would reach what another
    /// program has made; [`ErrorKind::NotInitialized`] when there are no tables of charter's; as [`MigrationManager::status`]; and what the engine says, when nothing is
    /// changed.
    pub fn truncate(&self, confirmation: &Confirmation, events: &mut dyn FnMut(Event<'_>)) -> Result<Vec<TableRows>> {
        let mut connection = self.connect(Purpose::MigrateExisting)?;
        let limit = self.timeouts(Environment::Dev).migrators;
        locked(&mut *connection, limit, events, |connection, _| {
            let status = self.initialized(connection)?;
            let environment = self.environment(status.environment);
            // What it loses does not come back, not even in dev.
            confirmation.check("removing all content", self.url(), environment.max(Environment::Staging))?;
            let timeouts = self.timeouts(environment);
            let set = MigrationSet::charter();
            connection.begin(&Transaction {
                schema: Some(set.schema()),
                read_only: false,
                lock_timeout: timeouts.lock,
                statement_timeout: timeouts.statement,
                ..Transaction::default()
            })?;
            let removed = empty(connection, &status, environment).and_then(|rows| connection.commit().map(|()| rows));
            if removed.is_err() {
                connection.rollback()?;
            }
            removed.context("emptying charter's tables failed, and nothing was changed")
        })
    }

    pub(super) fn initialized(&self, connection: &mut dyn MigrationConnection) -> Result<Status> {
        let status = Status::read(connection, MigrationSet::charter())?;
        match status.current() {
            Some(_) => Ok(status),
            None => Err(self.not_initialized()),
        }
    }

    /// What a verb says that needs charter's tables.
    pub(crate) fn not_initialized(&self) -> Error {
        let url = self.url();
        Error::new(ErrorKind::NotInitialized, format!("{url} is no charter registry yet"))
            .with_hint(format!("make it one with `charter db init {url}`"))
    }
}

fn rows(connection: &mut dyn MigrationConnection) -> Result<Vec<TableRows>> {
    let engine = connection.engine();
    let mut counted = Vec::new();
    for table in CONTENT {
        let name = qualified(MigrationSet::charter(), engine, table);
        let count = connection.query(&format!("SELECT count(*) FROM {name}"))?.into_iter().flatten().flatten().next();
        let rows = count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| Error::new(ErrorKind::Backend, format!("the rows of {table} could not be counted")))?;
        counted.push(TableRows { table: table.to_owned(), rows });
    }
    Ok(counted)
}

/// Empties the tables in the transaction that was begun.
fn empty(
    connection: &mut dyn MigrationConnection,
    status: &Status,
    environment: Environment,
) -> Result<Vec<TableRows>> {
    let (start, engine, set) = (Instant::now(), connection.engine(), MigrationSet::charter());
    let mut statements = Vec::new();
    let tables = CONTENT.map(|table| qualified(set, engine, table));
    if engine == Engine::Postgres {
        // Whoever is counting or writing has finished before the rows are counted, and whoever refers to one of them.
        connection.execute(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", ")))?;
        // What a policy would hide is an error.
        connection.execute("SET LOCAL row_security = off")?;
    }
    // In a file foreign keys are not followed in this transaction, but checked at its end; on a server nothing refers to a row.
    match check_emptying(connection, &CONTENT, &WRITTEN)? {
        "TRUNCATE" => statements.push(format!("TRUNCATE TABLE {}", tables.join(", "))),
        _ => statements.extend(tables.iter().map(|table| format!("DELETE FROM {table}"))),
    }
    let removed = rows(connection)?;
    let head = qualified(set, engine, "charter_head");
    let id = uuid::Uuid::new_v4();
    statements.push(format!("UPDATE {head} SET id = '{id}', epoch = 1, sequence = 0, last_receipt = NULL"));
    for statement in &statements {
        connection.execute(statement)?;
    }
    let detail: Vec<String> = removed.iter().map(|rows| format!("{} {}", rows.table, rows.rows)).collect();
    let detail = detail.join(", ");
    let current = status.applied.last();
    let entry = Entry {
        number: current.map_or(0, |current| current.number),
        slug: current.map_or("", |current| &current.slug),
        action: Action::Truncated,
        checksum: None,
        duration: start.elapsed(),
        statements: statements.len(),
        allowed: &[],
        detail: Some(&detail),
    };
    connection.execute(&create_table(set, engine))?;
    connection.execute(&entry.insert(set, engine, &Actor::present(environment)))?;
    Ok(removed)
}
