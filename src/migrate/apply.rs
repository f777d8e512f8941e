//! Applying migrations and taking them back: which ones, in which order, and again when the server is busy.

use super::audit::{Action, Actor, Allowed};
use super::connection::{MigrationConnection, Transaction, literal, qualified};
use super::event::{Event, Timeouts};
use super::outside::LeftOut;
use super::refinery::{Deed, migrate};
use super::run::{Piece, run};
use super::script::{Script, Statement};
use super::set::{Migration, MigrationSet};
use super::status::{Status, Unfinished, check_minimum_program};
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use std::time::Duration;

/// One piece of work on a set's tables: whose, under which limits, and who hears of it.
pub(crate) struct Work<'a> {
    pub(crate) set: &'a MigrationSet,
    pub(crate) actor: Actor,
    /// The findings that were let pass.
    pub(crate) allowed: &'a [Allowed],
    /// Why it is done, for the rows of audit.
    pub(crate) reason: Option<&'a str>,
    pub(crate) timeouts: Timeouts,
    /// What is not run, where migrations are only tried.
    pub(crate) left_out: Option<&'a LeftOut>,
    /// Is told what happens.
    pub(crate) events: &'a mut dyn FnMut(Event<'_>),
}

impl<'a> Work<'a> {
    /// The findings of a migration that were let pass.
    pub(super) fn allowed_for(&self, migration: &Migration) -> Vec<Allowed> {
        self.allowed.iter().filter(|allowed| allowed.revision == migration.number()).cloned().collect()
    }

    /// Whether a statement of a script is not run.
    pub(super) fn leaves_out(&self, script: &Script, statement: &Statement<'_>) -> bool {
        self.left_out.is_some_and(|left_out| left_out.has(script.file(), statement.position))
    }

    pub(super) fn transaction(&self) -> Transaction<'a> {
        Transaction {
            schema: Some(self.set.schema()),
            read_only: false,
            lock_timeout: self.timeouts.lock,
            statement_timeout: self.timeouts.statement,
            ..Transaction::default()
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

/// Applies what a database lacks of a set up to a number, under the migrators' lock, which the caller holds, as it did when it
/// read the status: whoever had the lock before may have done the work. Gives the numbers that were applied, none when there was nothing to do. A migration without a transaction that was cut off goes on
/// where it was.
///
/// # Errors
/// [`ErrorKind::Refused`] when a script ends its own transaction or another migration must be finished first, before anything
/// runs; and what the engine says. What was applied before the failure stays applied.
pub(crate) fn apply(
    connection: &mut dyn MigrationConnection,
    work: &mut Work<'_>,
    status: &Status,
    target: Option<i64>,
) -> Result<Vec<i64>> {
    let (set, engine) = (work.set, connection.engine());
    let pending: Vec<&Migration> =
        status.pending.iter().filter(|migration| Some(migration.number()) <= target).collect();
    if let Some(unfinished) = &status.unfinished {
        let is_next = pending.first().is_some_and(|next| next.number() == unfinished.number);
        if unfinished.action != Action::ApplyStarted || !is_next {
            return Err(unfinished.refusal());
        }
        check_steps(unfinished, pending.first().map(|next| next.up(engine)))?;
    }
    for migration in &pending {
        let script = migration.up(engine);
        script.check_transaction(engine)?;
        // charter's own say it to the programs after them, which the database tells.
        if !set.is_charter() {
            check_minimum_program(migration.minimum_program(), "this migration")
                .map_err(|error| error.at(script.file(), None))?;
        }
    }
    let mut newest = status.current().and_then(|number| set.migration(number));
    for (place, migration) in pending.iter().enumerate() {
        (work.events)(Event::Applying { migration, place, of: pending.len() });
        patiently(connection, work, migration, |connection, work| {
            apply_one(connection, work, migration, newest, place == 0)
        })?;
        (work.events)(Event::Committed { migration });
        newest = Some(migration);
    }
    Ok(pending.iter().map(|migration| migration.number()).collect())
}

/// Applies one migration, which comes after the newest that the database has. The first one of a run makes the tables of
/// the history where they are missing.
///
/// # Errors
/// What the engine says.
pub(crate) fn apply_one(
    connection: &mut dyn MigrationConnection,
    work: &mut Work<'_>,
    migration: &Migration,
    newest: Option<&Migration>,
    is_first: bool,
) -> Result<()> {
    let (set, engine) = (work.set, connection.engine());
    migrate(set, migration, engine, newest, Deed::Apply, &mut |[table, row]| {
        let history = if is_first { vec![table, row] } else { vec![row] };
        let piece = Piece { migration, script: migration.up(engine), is_down: false, is_first, history };
        run(connection, work, &piece)
    })
}

/// Takes back the migrations of a set above a number, newest first, under the migrators' lock, which the caller holds.
/// Gives the numbers that were taken back.
///
/// # Errors
/// As [`apply`]; [`ErrorKind::Refused`] when a migration has no down side or is unknown, before anything runs.
pub(crate) fn revert(
    connection: &mut dyn MigrationConnection,
    work: &mut Work<'_>,
    target: Option<i64>,
) -> Result<Vec<i64>> {
    let (set, engine) = (work.set, connection.engine());
    let status = Status::read_applied(connection, set)?;
    let mut scripts = Vec::new();
    for applied in status.applied.iter().rev().take_while(|applied| Some(applied.number) > target) {
        let migration = set.migration(applied.number).ok_or_else(|| {
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
        scripts.push((migration, down));
    }
    if let Some(unfinished) = &status.unfinished {
        let is_next = scripts.first().is_some_and(|(next, _)| next.number() == unfinished.number);
        if unfinished.action != Action::RevertStarted || !is_next {
            return Err(unfinished.refusal());
        }
        check_steps(unfinished, scripts.first().map(|(_, script)| *script))?;
    }
    for (place, (migration, script)) in scripts.iter().enumerate() {
        (work.events)(Event::Reverting { migration, place, of: scripts.len() });
        let history = qualified(set, engine, &set.history_table());
        let history = vec![format!("DELETE FROM {history} WHERE version = {}", migration.number())];
        patiently(connection, work, migration, |connection, work| {
            let piece = Piece { migration, script, is_down: true, is_first: place == 0, history: history.clone() };
            run(connection, work, &piece)
        })?;
        (work.events)(Event::Committed { migration });
    }
    Ok(scripts.iter().map(|(migration, _)| migration.number()).collect())
}

/// Refuses a script that would begin anew what is half done in steps.
fn check_steps(unfinished: &Unfinished, script: Option<&Script>) -> Result<()> {
    match script.filter(|script| unfinished.done > 0 && !script.is_without_transaction()) {
        None => Ok(()),
        Some(script) => {
            let message = format!(
                "{} of the steps of migration {} ({}) are done, and its file does not say `-- charter: no-transaction` any more",
                unfinished.done, unfinished.number, unfinished.slug
            );
            Err(Error::new(ErrorKind::Refused, message).at(script.file(), None).with_hint(
                "bring the line back; it goes on from there; or end the migration by hand, and say so with \
                 `charter db stamp REVISION`",
            ))
        }
    }
}

/// Runs a migration again when the server could not give it a lock in time.
fn patiently(
    connection: &mut dyn MigrationConnection,
    work: &mut Work<'_>,
    migration: &Migration,
    mut attempt_once: impl FnMut(&mut dyn MigrationConnection, &mut Work<'_>) -> Result<()>,
) -> Result<()> {
    let mut attempts = Attempts::of(connection.engine(), &work.timeouts);
    loop {
        match attempt_once(connection, work) {
            Err(error) => attempts.again(error, Some(migration), work.events)?,
            result => return result,
        }
    }
}

/// How often something has been tried that a server may give no lock for. SQLite waits by itself.
pub(super) struct Attempts {
    attempt: u32,
    of: u32,
}

impl Attempts {
    pub(super) fn of(engine: Engine, timeouts: &Timeouts) -> Self {
        let of = match engine {
            Engine::Postgres => timeouts.attempts.max(1),
            Engine::Sqlite | Engine::DuckDb => 1,
        };
        Self { attempt: 1, of }
    }

    /// Waits for the next attempt after one that failed, and tells it.
    ///
    /// # Errors
    /// The error, where it is of something else, or of the last attempt.
    pub(super) fn again(
        &mut self,
        error: Error,
        migration: Option<&Migration>,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        let Self { attempt, of } = *self;
        match error.kind() {
            ErrorKind::Busy if attempt < of => {
                let wait = pause(attempt);
                events(Event::Retrying { migration, attempt, of, wait, reason: &error });
                std::thread::sleep(wait);
                self.attempt += 1;
                Ok(())
            }
            ErrorKind::Busy if of > 1 => {
                let hint = "what programs do with these tables leaves no moment for it: try at a quieter time";
                Err(error.context(format!("given up after {attempt} attempts")).with_hint(hint))
            }
            _ => Err(error),
        }
    }
}

/// The pause after an attempt: about twice as long after each, up to about ten seconds, and never the same for two.
fn pause(attempt: u32) -> Duration {
    let longest = Duration::from_secs(10);
    let usual = Duration::from_millis(100).checked_mul(1 << attempt.min(16).saturating_sub(1)).unwrap_or(longest);
    let jitter = (uuid::Uuid::new_v4().as_u128() % 1000) as f64 / 1000.0;
    usual.min(longest).mul_f64(0.5 + jitter)
}

impl Unfinished {
    /// Refuses everything else while a migration is half done.
    pub(crate) fn refusal(&self) -> Error {
        let (what, verb) = match self.action {
            Action::RevertStarted => ("taken back", "downgrade"),
            _ => ("applied", "upgrade"),
        };
        let message = format!(
            "migration {} ({}) is half {what}: {} of its {} steps are done",
            self.number, self.slug, self.done, self.of
        );
        Error::new(ErrorKind::Refused, message).with_hint(format!(
            "`charter db {verb}` goes on with it; if you end it by hand, say so with `charter db stamp REVISION`"
        ))
    }
}

/// The statement that says in charter's own table which version it is that a migration brings.
pub(super) fn version_row(work: &Work<'_>, migration: &Migration) -> String {
    format!(
        "INSERT INTO charter_schema_version (version, description, minimum_program, environment) VALUES ({}, {}, {}, '{}')",
        migration.number(),
        literal(&migration.description()),
        literal(migration.minimum_program()),
        work.actor.environment,
    )
}

/// The statement that gives a store its identity, as [`MigrationConnection::identity`] says it, unless it has one.
pub(super) fn head_row(identity: &str) -> String {
    format!(
        "INSERT INTO charter_head (singleton, id, epoch, sequence) SELECT 1, {identity}, 1, \
         (SELECT COALESCE(MAX(sequence), 0) FROM charter_changes) WHERE NOT EXISTS (SELECT 1 FROM charter_head)"
    )
}
