//! Applying migrations and taking them back: each in one transaction with its row of history and its row of audit.

use super::audit::{Action, Actor, Allowed, Entry, create_table};

use super::connection::{MigrationConnection, Transaction, literal, qualified};
use super::event::{Event, Timeouts};
use super::refinery::{Adapter, Failure, unapplied};
use super::script::Script;
use super::set::{Migration, MigrationSet};
use super::status::{Found, Status};
use crate::error::{Context, Error, ErrorKind, Result};
use refinery_core::{Runner, Target};
use std::time::{Duration, Instant};

/// One piece of work on a set's tables: whose, under which limits, and who hears of it.
pub(crate) struct Work<'a> {
    pub(crate) set: &'a MigrationSet,
    pub(crate) actor: Actor,
    /// The findings that were let pass.
    pub(crate) allowed: &'a [Allowed],
    pub(crate) timeouts: Timeouts,
    /// Is told what happens.
    pub(crate) events: &'a mut dyn FnMut(Event<'_>),
}

impl<'a> Work<'a> {
    pub(super) fn transaction(&self) -> Transaction<'a> {
        Transaction {
            schema: Some(self.set.schema()),
            read_only: false,
            lock_timeout: self.timeouts.lock,
            statement_timeout: self.timeouts.statement,
        }
    }
}

/// Runs something under the migrators' lock, which is given back whatever comes of it. Other migrators are waited for up to a
/// limit.
pub(crate) fn locked<T>(
    connection: &mut dyn MigrationConnection,
    limit: Duration,
    events: &mut dyn FnMut(Event<'_>),
    work: impl FnOnce(&mut dyn MigrationConnection, &mut dyn FnMut(Event<'_>)) -> Result<T>,
) -> Result<T> {
    let mut waiting = |holder: Option<&str>| events(Event::Waiting { holder, limit });
    let result = match connection.lock(limit, &mut waiting).context("waiting for other migrators") {
        Ok(()) => work(connection, events),
        Err(error) => Err(error),
    };
    let unlocked = connection.unlock();
    let value = result?;
    unlocked?;
    Ok(value)
}

/// Applies what a database lacks of a set up to a number, under the migrators' lock, which the caller holds. Gives the
/// numbers that were applied, none when there was nothing to do.
///
/// # Errors
/// As [`Status::judge`], and what the engine says; what was applied before the failure stays applied.
pub(crate) fn apply(
    connection: &mut dyn MigrationConnection,
    work: &mut Work<'_>,
    target: Option<i64>,
) -> Result<Vec<i64>> {
    // Whoever had the lock before may have done the work.
    let engine = connection.engine();
    let found = Found::read(work.set, engine, &mut |sql| connection.query(sql))?;
    let mut history = found.applied.clone();
    let status = Status::judge(found, work.set, engine)?;
    let pending: Vec<Migration> =
        status.pending.into_iter().filter(|migration| Some(migration.number()) <= target).collect();
    let mut applied = Vec::new();
    for (place, migration) in pending.iter().enumerate() {
        migration.up(engine).check_transaction(engine)?;
        (work.events)(Event::Applying { migration, place, of: pending.len() });
        if migration.up(engine).is_without_transaction() {
            return Err(without_transaction(migration.up(engine)));
        }
        // Grouped up to one version: refinery's ungrouped runner commits the SQL and the history row apart. The judge has
        // compared the rest of the set with the history, so that refinery need not do it for each migration again.
        let mut runner = Runner::new(&[unapplied(migration, engine)?])
            .set_grouped(true)
            .set_abort_missing(false)
            .set_target(Target::Version(migration.number()));
        runner.set_migration_table_name(&work.set.history_table());
        let mut adapter = Adapter { connection: &mut *connection, work, migration, history: &history, table: None };
        runner.run(&mut adapter).map_err(|error| failure(migration, &error))?;
        let found = Found::read(work.set, engine, &mut |sql| connection.query(sql))?;
        if found.current() != Some(migration.number()) {
            let message = format!("migration {migration} ran, but the history does not show it");
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        history = found.applied;
        applied.push(migration.number());
    }
    Ok(applied)
}

/// Takes back the migrations of a set above a number, newest first, under the migrators' lock, which the caller holds.
/// Gives the numbers that were taken back.
///
/// # Errors
/// As [`Status::judge`]; [`ErrorKind::Refused`] when a migration has no down side or is unknown, before anything runs;
/// and what the engine says.
pub(crate) fn revert(
    connection: &mut dyn MigrationConnection,
    work: &mut Work<'_>,
    target: Option<i64>,
) -> Result<Vec<i64>> {
    let engine = connection.engine();
    let found = Found::read(work.set, engine, &mut |sql| connection.query(sql))?;
    let status = Status::judge(found, work.set, engine)?;
    let mut scripts = Vec::new();
    for applied in status.applied.iter().rev().take_while(|applied| Some(applied.number) > target) {
        let migration = work.set.migration(applied.number).ok_or_else(|| {
            let message = format!(
                "the database has migration {} ({}), which this program does not know",
                applied.number, applied.slug
            );
            Error::new(ErrorKind::Refused, message).with_hint("use the program that applied it, or update this one")
        })?;
        let down = migration.down(engine).ok_or_else(|| {
            Error::new(
                ErrorKind::Refused,
                format!("migration {migration} has no down migration: it cannot be taken back"),
            )
            .with_hint("restore the database from a backup")
        })?;
        down.check_transaction(engine)?;
        if down.is_without_transaction() {
            return Err(without_transaction(down));
        }
        scripts.push((migration, down));
    }
    let mut reverted = Vec::new();
    for (place, (migration, down)) in scripts.iter().enumerate() {
        (work.events)(Event::Reverting { migration, place, of: scripts.len() });
        connection.begin(&work.transaction())?;
        let result = take_back(connection, work, migration, down).and_then(|()| connection.commit());
        if let Err(error) = result {
            connection.rollback()?;
            return Err(error.context(format!("taking back migration {migration} failed, and nothing of it was kept")));
        }
        reverted.push(migration.number());
    }
    Ok(reverted)
}

fn take_back(
    connection: &mut dyn MigrationConnection,
    work: &Work<'_>,
    migration: &Migration,
    down: &Script,
) -> Result<()> {
    let (start, engine) = (Instant::now(), connection.engine());
    if work.set.is_charter() && migration.number() > 1 {
        let delete = format!("DELETE FROM charter_schema_version WHERE version = {}", migration.number());
        connection.execute(&delete)?;
    }
    let statements = run(connection, down)?;
    let history = qualified(work.set, engine, &work.set.history_table());
    connection.execute(&format!("DELETE FROM {history} WHERE version = {}", migration.number()))?;
    connection.execute(&create_table(work.set, engine))?;
    let entry = Entry {
        checksum: Some(migration.checksum(engine)),
        duration: start.elapsed(),
        statements,
        allowed: work.allowed,
        ..Entry::of(migration, Action::Reverted)
    };
    connection.execute(&entry.insert(work.set, engine, &work.actor))
}

/// Runs the statements of a script; gives how many there were. An error has the place of the statement.
pub(super) fn run(connection: &mut dyn MigrationConnection, script: &Script) -> Result<usize> {
    let statements = script.statements(connection.engine());
    for statement in &statements {
        connection.execute(statement.text).map_err(|error| error.at(script.file(), Some(statement.position)))?;
    }
    Ok(statements.len())
}

/// The rows that charter writes with a migration: of the version, for its own set, and of audit.
pub(super) fn bookkeeping(
    work: &Work<'_>,
    engine: crate::engine::Engine,
    migration: &Migration,
    start: Instant,
    statements: usize,
) -> Vec<String> {
    let mut rows = Vec::new();
    if work.set.is_charter() {
        rows.push(format!(
            "INSERT INTO charter_schema_version (version, description, minimum_program, environment) \
             VALUES ({}, {}, {}, '{}')",
            migration.number(),
            literal(&migration.description()),
            literal(migration.minimum_program()),
            work.actor.environment,
        ));
        if migration.number() == 1 {
            rows.push(format!(
                "INSERT INTO charter_head (singleton, id, epoch, sequence) VALUES (1, '{}', 1, 0)",
                uuid::Uuid::new_v4()
            ));
        }
    }
    rows.push(create_table(work.set, engine));
    let entry = Entry {
        checksum: Some(migration.checksum(engine)),
        duration: start.elapsed(),
        statements,
        allowed: work.allowed,
        ..Entry::of(migration, Action::Applied)
    };
    rows.push(entry.insert(work.set, engine, &work.actor));
    rows
}

fn without_transaction(script: &Script) -> Error {
    Error::new(ErrorKind::Unsupported, "migrations without a transaction cannot run yet").at(script.file(), None)
}

/// What refinery says, with what the engine said as the message.
fn failure(migration: &Migration, error: &refinery_core::Error) -> Error {
    let mut reason = Error::new(ErrorKind::Backend, error.to_string());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            reason = failure.take();
            break;
        }
        source = cause.source();
    }
    let taken = reason.message().contains("already exists");
    let error = reason.context(format!("migration {migration} failed, and nothing of it was kept"));
    match taken {
        true => error.with_hint("another program has a table of this name here; give charter a database of its own"),
        false => error,
    }
}
