//! Running one migration: at once, in one transaction with its history, or in steps, each with its row of audit.

use super::apply::{Work, head_row, version_row};
use super::audit::{Action, Entry, create_table};
use super::connection::{MigrationConnection, Transaction, qualified};
use super::event::Event;
use super::progress::{compare, recorded};
use super::repair::{Verdict, before};
use super::script::{Script, Statement};
use super::set::Migration;
use super::steps::{Step, StepKind, is_session, is_temporary, steps};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Position, Result};
use std::time::Instant;

/// One side of a migration that is to run.
pub(super) struct Piece<'a> {
    pub(super) migration: &'a Migration,
    pub(super) script: &'a Script,
    pub(super) is_down: bool,
    /// Whether it is the first of its run, which makes the audit table where it is missing.
    pub(super) is_first: bool,
    /// What makes the change to the history.
    pub(super) history: Vec<String>,
}

impl Piece<'_> {
    /// The identity that the store gets with it: the first of charter's makes the table that keeps one.
    fn identity(&self, work: &Work<'_>, connection: &dyn MigrationConnection) -> Option<String> {
        let is_first = work.set.is_charter() && !self.is_down && self.migration.number() == 1;
        is_first.then(|| connection.identity())
    }

    /// What the audit says when it is begun, if it has no transaction.
    fn begun(&self) -> Action {
        if self.is_down { Action::RevertStarted } else { Action::ApplyStarted }
    }
}

/// Runs one side of a migration.
///
/// # Errors
/// What the engine says, with the place of the statement, and what became of the rest.
pub(super) fn run(connection: &mut dyn MigrationConnection, work: &mut Work<'_>, piece: &Piece<'_>) -> Result<()> {
    match piece.script.is_without_transaction() {
        true => run_in_steps(connection, work, piece),
        false => run_at_once(connection, work, piece),
    }
}

/// In one transaction, all of it or nothing.
fn run_at_once(connection: &mut dyn MigrationConnection, work: &mut Work<'_>, piece: &Piece<'_>) -> Result<()> {
    let (start, engine, migration) = (Instant::now(), connection.engine(), piece.migration);
    let statements: Vec<_> = piece.script.statements(engine).into_iter().enumerate().collect();
    let (transaction, identity) = (work.transaction(), piece.identity(work, connection));
    let done = in_transaction(connection, work, piece, &transaction, &statements, statements.len(), |work| {
        ending(work, engine, piece, identity.as_deref(), start, statements.len())
    });
    // What a server's session has set is put in order when the next transaction begins.
    let sets = |text: &str| engine != Engine::Postgres && is_session(text, engine);
    let leaves = statements.iter().any(|(_, said)| sets(said.text) || is_temporary(said.text, engine));
    let forgotten = if leaves { connection.reset() } else { Ok(()) };
    done.map_err(|stopped| {
        let verb = if piece.is_down { "taking back " } else { "" };
        let error = match stopped {
            Stopped::Before(error) => {
                error.context(format!("{verb}migration {migration} failed, and nothing of it was kept"))
            }
            Stopped::Committing(error) => return uncertain(error, migration),
        };
        match error.message().contains("already exists") {
            true if work.set.is_charter() => error.with_hint(
                "there are tables of these names already: give charter a database of its own, or, if they are charter's, \
                 let `charter db init` compare and record them",
            ),
            true if !piece.is_down && error.hint().is_none() => {
                let (number, set) = (migration.number(), work.set.name());
                error.with_hint(format!(
                    "if that is what the migration makes, and all of it is there, `charter db stamp {number} --set {set}` \
                     records it"
                ))
            }
            _ => hinted(error),
        }
    })?;
    forgotten
}

/// Where a transaction stopped.
enum Stopped {
    /// Nothing of it was kept.
    Before(Error),
    /// The connection was lost with the commit on its way.
    Committing(Error),
}

/// Runs statements and then charter's own rows in one transaction.
fn in_transaction(
    connection: &mut dyn MigrationConnection,
    work: &mut Work<'_>,
    piece: &Piece<'_>,
    transaction: &Transaction<'_>,
    statements: &[(usize, Statement<'_>)],
    of: usize,
    rows: impl FnOnce(&Work<'_>) -> Vec<String>,
) -> Result<(), Stopped> {
    let migration = piece.migration;
    connection.begin(transaction).map_err(Stopped::Before)?;
    let run = || {
        for (place, statement) in statements {
            if work.leaves_out(piece.script, statement) {
                continue;
            }
            (work.events)(Event::Statement { migration, place: *place, of, text: statement.text });
            let executed = connection.execute(statement.text);
            executed.map_err(|error| error.at(piece.script.file(), Some(statement.position)))?;
        }
        (work.events)(Event::Recording { migration });
        connection.record(&rows(work))?;
        (work.events)(Event::Committing { migration });
        Ok(())
    };
    let ran: Result<()> = run();
    if let Err(error) = ran {
        // Why it failed matters more than whether the rollback could be said; the end of the connection has the same effect.
        let _ = connection.rollback();
        return Err(Stopped::Before(error));
    }
    connection.commit().map_err(|error| match error.kind() {
        ErrorKind::Unavailable => Stopped::Committing(error),
        _ => Stopped::Before(error.at(piece.script.file(), None)),
    })
}

fn uncertain(error: Error, migration: &Migration) -> Error {
    error
        .context(format!("the connection was lost while migration {migration} was committed: it is done or not"))
        .with_hint("run this again: it sees which, and repeats nothing")
}

/// What the user can do about an error of the server.
fn hinted(error: Error) -> Error {
    // SQLSTATE 57014 is a query that was cancelled, which people do too.
    let message = error.message();
    match message.contains("SQLSTATE 57014") && !message.contains("due to user request") {
        true => error.with_hint(
            "a statement took longer than statement_timeout: give it more time in `[migrations] statement_timeout`, or with \
             `SET statement_timeout = '1h';` at the top of the migration",
        ),
        false => error,
    }
}

/// The statements that end a migration: the history, the version, the row of audit.
fn ending(
    work: &Work<'_>,
    engine: Engine,
    piece: &Piece<'_>,
    identity: Option<&str>,
    start: Instant,
    statements: usize,
) -> Vec<String> {
    let migration = piece.migration;
    let mut rows = piece.history.clone();
    if work.set.is_charter() {
        match (piece.is_down, migration.number()) {
            (false, _) => {
                rows.push(version_row(work, migration));
                rows.extend(identity.map(head_row));
            }
            // The table itself went with the first migration.
            (true, 1) => {}
            (true, number) => rows.push(format!("DELETE FROM charter_schema_version WHERE version = {number}")),
        }
    }
    rows.extend(piece.is_first.then(|| create_table(work.set, engine)));
    let allowed = work.allowed_for(migration);
    let entry = Entry {
        checksum: Some(migration.checksum(engine)),
        duration: start.elapsed(),
        statements,
        allowed: &allowed,
        detail: work.reason,
        ..Entry::of(migration, if piece.is_down { Action::Reverted } else { Action::Applied })
    };
    rows.push(entry.insert(work.set, engine, &work.actor));
    rows
}

/// One step after the other, each recorded when it is done, so that what is cut off goes on where it was.
fn run_in_steps(connection: &mut dyn MigrationConnection, work: &mut Work<'_>, piece: &Piece<'_>) -> Result<()> {
    let (engine, migration) = (connection.engine(), piece.migration);
    let steps = steps(piece.script, engine)?;
    let of = steps.iter().filter(|step| step.kind != StepKind::Session).count();
    let done = done_before(connection, work, piece, &steps)?;
    let broken_before = match done {
        Some(done) => {
            (work.events)(Event::Resuming { migration, done, of });
            kept_at_beginning(connection, work, piece)?
        }
        None => begin(connection, work, piece, of)?,
    };
    let statements = piece.script.statements(engine).len();
    let (start, is_resumed, done) = (Instant::now(), done.is_some(), done.unwrap_or(0));
    let mut run = Run { connection, work, piece, statements, start, done, broken_before };
    let ran = run.all(&steps, is_resumed);
    let done = run.done;
    // The session may be gone; then there is nothing to forget.
    let forgotten = connection.reset();
    ran.map_err(|error| {
        let error = hinted(error.context(format!("migration {migration} stopped after {done} of its {of} steps")));
        match error.hint() {
            Some(_) => error,
            None => {
                error.with_hint("what is done stays done: mend the statement, and try again; it goes on from there")
            }
        }
    })?;
    forgotten
}

/// How many steps are done of a migration that was begun before; `None` when it was not.
///
/// # Errors
/// [`ErrorKind::Refused`] when what was done is not what the script begins with.
fn done_before(
    connection: &mut dyn MigrationConnection,
    work: &Work<'_>,
    piece: &Piece<'_>,
    steps: &[Step<'_>],
) -> Result<Option<usize>> {
    let (engine, number) = (connection.engine(), piece.migration.number());
    let found = connection.found(work.set)?;
    if found.unfinished.is_none_or(|unfinished| unfinished.number != number || unfinished.action != piece.begun()) {
        return Ok(None);
    }
    let done = recorded(connection, work.set, number, piece.begun())?;
    compare(&done, steps, engine).map_err(|step| {
        let message = format!(
            "{} of the steps of migration {} are done, and they are not what its file begins with",
            done.len(),
            piece.migration
        );
        let position = step.and_then(|step| step.statements.first()).map(|(_, statement)| statement.position);
        Error::new(ErrorKind::Refused, message).at(piece.script.file(), position).with_hint(
            "bring back the statements that were done, and change only what comes after them; or end the migration by \
             hand, and say so with `charter db stamp REVISION`",
        )
    })?;
    Ok(Some(done.len()))
}

/// What was written down when a migration was begun that is gone on with.
fn kept_at_beginning(
    connection: &mut dyn MigrationConnection,
    work: &Work<'_>,
    piece: &Piece<'_>,
) -> Result<Option<String>> {
    let audit = qualified(work.set, connection.engine(), &work.set.audit_table());
    let rows = connection.query(&format!(
        "SELECT detail FROM {audit} WHERE version = {} AND action = '{}' ORDER BY entry DESC LIMIT 1",
        piece.migration.number(),
        piece.begun().as_str()
    ))?;
    Ok(rows.into_iter().flatten().next().flatten())
}

/// Writes down that a migration is begun, and which rows refer to nothing already; tells the latter.
fn begin(
    connection: &mut dyn MigrationConnection,
    work: &Work<'_>,
    piece: &Piece<'_>,
    of: usize,
) -> Result<Option<String>> {
    let engine = connection.engine();
    let allowed = work.allowed_for(piece.migration);
    connection.begin(&work.transaction())?;
    let broken = connection.broken_keys();
    let entry = Entry {
        checksum: Some(piece.migration.checksum(engine)),
        statements: of,
        allowed: &allowed,
        detail: broken.as_deref().or(work.reason),
        ..Entry::of(piece.migration, piece.begun())
    };
    let rows = [create_table(work.set, engine), entry.insert(work.set, engine, &work.actor)];
    match connection.record(&rows) {
        Ok(()) => connection.commit().map(|()| broken),
        Err(error) => {
            let _ = connection.rollback();
            Err(error)
        }
    }
}

/// The steps of one migration on their way.
struct Run<'a, 'w, 'p> {
    connection: &'a mut dyn MigrationConnection,
    work: &'a mut Work<'w>,
    piece: &'a Piece<'p>,
    /// How many statements the script has.
    statements: usize,
    start: Instant,
    /// How many steps are done.
    done: usize,
    /// Which rows referred to nothing before the migration, as the connection has said it.
    broken_before: Option<String>,
}

impl Run<'_, '_, '_> {
    /// Runs the steps that are not done, and then ends the migration.
    fn all(&mut self, steps: &[Step<'_>], is_resumed: bool) -> Result<()> {
        self.connection.begin_session(&self.work.transaction())?;
        let done_before = self.done;
        let mut skipped = 0;
        for step in steps {
            match step.kind {
                StepKind::Session => {
                    for (place, statement) in &step.statements {
                        self.execute(*place, statement, statement.text)?;
                        // Before a step that is done there is only what was compared when it was to be done.
                        if skipped == done_before {
                            let compared = self.connection.compare_keys(self.broken_before.as_deref(), false);
                            let position = Some(statement.position);
                            compared.map_err(|error| error.at(self.piece.script.file(), position))?;
                        }
                    }
                }
                _ if skipped < done_before => skipped += 1,
                kind => {
                    // Only the first one can have been begun before.
                    let was_begun = is_resumed && self.done == done_before;
                    match kind {
                        StepKind::Alone => self.alone(step, was_begun)?,
                        _ => self.together(step, was_begun)?,
                    }
                    self.done += 1;
                }
            }
        }
        let compared = self.connection.compare_keys(self.broken_before.as_deref(), true);
        compared.map_err(|error| error.at(self.piece.script.file(), None))?;
        let (engine, piece, start, statements) = (self.connection.engine(), self.piece, self.start, self.statements);
        let identity = piece.identity(self.work, self.connection);
        self.transaction(&[], None, |work| ending(work, engine, piece, identity.as_deref(), start, statements))
    }

    fn together(&mut self, step: &Step<'_>, was_begun: bool) -> Result<()> {
        match self.record(step, &step.statements, Instant::now()) {
            // The engine knows better than the words.
            Err(error) if step.statements.len() == 1 && self.connection.must_run_alone(&error) => {
                self.alone(step, was_begun)
            }
            result => result,
        }
    }

    /// A statement that no transaction holds. Between it and its row of audit everything can be cut off, so one that may
    /// have run is looked for first.
    fn alone(&mut self, step: &Step<'_>, was_begun: bool) -> Result<()> {
        let start = Instant::now();
        for (place, statement) in &step.statements {
            let verdict = before(self.connection, self.work, self.piece.migration, statement.text, was_begun);
            match verdict.map_err(|error| error.at(self.piece.script.file(), Some(statement.position)))? {
                Verdict::Run => self.execute(*place, statement, statement.text)?,
                Verdict::RunInstead(other) => self.execute(*place, statement, &other)?,
                Verdict::IsDone => {}
            }
        }
        self.record(step, &[], start)
    }

    /// Runs one statement outside of a transaction.
    fn execute(&mut self, place: usize, statement: &Statement<'_>, text: &str) -> Result<()> {
        if self.work.leaves_out(self.piece.script, statement) {
            return Ok(());
        }
        (self.work.events)(Event::Statement { migration: self.piece.migration, place, of: self.statements, text });
        self.connection.execute(text).map_err(|error| error.at(self.piece.script.file(), Some(statement.position)))
    }

    /// Runs statements together with the row that says that the step is done.
    fn record(&mut self, step: &Step<'_>, statements: &[(usize, Statement<'_>)], start: Instant) -> Result<()> {
        let (engine, migration) = (self.connection.engine(), self.piece.migration);
        let digest = step.digest(engine);
        self.transaction(statements, step.commit, |work| {
            let entry = Entry {
                duration: start.elapsed(),
                statements: step.statements.len(),
                detail: Some(&digest),
                ..Entry::of(migration, Action::Step)
            };
            vec![entry.insert(work.set, engine, &work.actor)]
        })
    }

    /// What the session has set holds in its transactions. Of a group it is said where its COMMIT is.
    fn transaction(
        &mut self,
        statements: &[(usize, Statement<'_>)],
        commit: Option<Position>,
        rows: impl FnOnce(&Work<'_>) -> Vec<String>,
    ) -> Result<()> {
        let transaction = Transaction { keeps_keys: commit.is_some(), ..Transaction::default() };
        let done =
            in_transaction(self.connection, self.work, self.piece, &transaction, statements, self.statements, rows);
        done.map_err(|stopped| match stopped {
            Stopped::Before(error) if error.location().is_some_and(|location| location.position.is_none()) => {
                error.at(self.piece.script.file(), commit)
            }
            Stopped::Before(error) => error,
            Stopped::Committing(error) => uncertain(error, self.piece.migration),
        })
    }
}
