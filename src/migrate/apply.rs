//! Applying what a database lacks.

use super::connection::{Adapter, Failure, MigrationConnection};
use super::set::{Migration, MigrationSet};
use super::status::Status;
use crate::config::Environment;
use crate::error::{Context, Error, ErrorKind, Result};
use refinery_core::{Runner, Target};

/// How a set is applied.
pub(crate) struct Applying<'a> {
    /// The environment that a database gets which has none yet.
    pub(crate) environment: Environment,
    /// Is told of each migration before it is applied: its place among the pending ones, their number, itself.
    pub(crate) progress: &'a mut dyn FnMut(usize, usize, &Migration),
}

/// Brings a database to the head of a set, under the migrators' lock: one transaction for each migration, its history
/// row included. Gives the numbers that were applied, none when there was nothing to do.
///
/// # Errors
/// As [`Status::judge`], and what the engine says; what was applied before the failure stays applied.
pub(crate) fn apply(
    connection: &mut dyn MigrationConnection,
    set: &MigrationSet,
    applying: Applying<'_>,
) -> Result<Vec<i64>> {
    connection.lock().context("waiting for other migrators")?;
    let result = apply_locked(connection, set, applying);
    let unlocked = connection.unlock();
    let applied = result?;
    unlocked?;
    Ok(applied)
}

fn apply_locked(
    connection: &mut dyn MigrationConnection,
    set: &MigrationSet,
    applying: Applying<'_>,
) -> Result<Vec<i64>> {
    // Whoever had the lock before may have done the work.
    let status = Status::judge(connection.find(set.history_table())?, set)?;
    let environment = status.environment.unwrap_or(applying.environment);
    let all = set.migrations().iter().map(refinery_core::Migration::try_from).collect::<Result<Vec<_>>>()?;
    let mut applied = Vec::new();
    for (place, migration) in status.pending.iter().enumerate() {
        (applying.progress)(place, status.pending.len(), migration);
        // Grouped up to one version: refinery's ungrouped runner commits the SQL and the history row apart. A database
        // that is ahead of this program is fine, hence no abort on missing ones; the judge has found gaps below.
        let mut runner = Runner::new(&all)
            .set_grouped(true)
            .set_abort_missing(false)
            .set_target(Target::Version(migration.number()));
        runner.set_migration_table_name(set.history_table());
        let bookkeeping = bookkeeping(migration, environment);
        let mut adapter = Adapter { connection: &mut *connection, bookkeeping, history: None };
        runner.run(&mut adapter).map_err(|error| failure(migration, &error))?;
        applied.push(migration.number());
    }
    Ok(applied)
}

/// The rows that charter writes with a migration of its own set.
fn bookkeeping(migration: &Migration, environment: Environment) -> Vec<String> {
    let mut rows = vec![format!(
        "INSERT INTO charter_schema_version (version, description, minimum_program, environment) \
         VALUES ({}, '{}', '{}', '{environment}')",
        migration.number(),
        migration.slug().replace('_', " "),
        migration.minimum_program(),
    )];
    if migration.number() == 1 {
        rows.push(format!(
            "INSERT INTO charter_head (singleton, id, epoch, sequence) VALUES (1, '{}', 1, 0)",
            uuid::Uuid::new_v4()
        ));
    }
    rows
}

/// What refinery says, with what the engine said as the message.
fn failure(migration: &Migration, error: &refinery_core::Error) -> Error {
    let mut reason = error.to_string();
    let mut kind = ErrorKind::Backend;
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = cause.to_string();
        if let Some(Failure(engine)) = cause.downcast_ref() {
            (reason, kind) = (engine.to_string(), engine.kind());
            break;
        }
        source = cause.source();
    }
    let name = format!("migration {} ({})", migration.number(), migration.slug());
    let taken = reason.contains("already exists");
    let error = Error::new(kind, format!("{name} failed, and nothing of it was kept: {reason}"));
    match taken {
        true => error.with_hint("another program has a table of this name here; give charter a database of its own"),
        false => error,
    }
}
