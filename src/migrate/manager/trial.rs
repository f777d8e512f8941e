//! Trying migrations on a throw-away database before they run where they cannot be tried.

use super::super::absent::{Absent, word_set};
use super::super::connection::{MigrationConnection, Purpose};
use super::super::event::Event;
use super::super::policy::Judgement;
use super::super::set::{Migration, MigrationSet};
use super::super::verify::{Failure, Fault, FaultKind, Part, verify_part};
use super::MigrationManager;
use crate::config::{DatabaseUrl, Environment};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

impl MigrationManager {
    /// Refuses what cannot serve to try migrations on.
    pub(super) fn check_verify_against(&self, against: Option<&DatabaseUrl>) -> Result<()> {
        let Some(against) = against else { return Ok(()) };
        let invalid =
            |message: String, hint: &'static str| Err(Error::new(ErrorKind::Invalid, message).with_hint(hint));
        match (self.engine(), against.is_embedded()) {
            (_, true) => invalid(
                format!("{against} is no server, on which a throw-away database could be made"),
                "name a PostgreSQL server; migrations of embedded files are tried in memory, without being asked",
            ),
            (Some(Engine::Sqlite | Engine::DuckDb), false) => invalid(
                format!("the migrations of {} are not tried on a server", self.url),
                "leave out --verify-against: migrations of embedded files are tried in memory, without being asked",
            ),
            _ => Ok(()),
        }
    }

    /// Tries what is about to be applied on a throw-away database, when one can be had.
    ///
    /// A migration may need what only the real database has, such as a table of its host program. It cannot be tried then,
    /// which is told. Every other failure is the migration's own, and it would stop half-way in the real database, or take
    /// it down a way that does not lead back: it is given back, and the migration is to be refused. Nothing is tried after it.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn try_out<'s>(
        &self,
        sets: impl Iterator<Item = &'s MigrationSet>,
        judgement: &Judgement,
        against: Option<&DatabaseUrl>,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<Failed>> {
        let engine = self.engine_of_database()?;
        let mut database = Real { manager: self, connection: None };
        for set in sets {
            let of_set = judgement.migrations.iter().filter(|judged| judged.set == set.name());
            let numbers: Vec<i64> = of_set.map(|judged| judged.migration.number()).collect();
            let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { continue };
            if engine == Engine::Postgres && against.is_none() {
                events(Event::NotVerified { migration: None, reason: None });
                return Ok(Vec::new());
            }
            let before = set.migrations().iter().map(Migration::number).take_while(|number| number < first);
            let part = Part { above: before.last(), target: Some(*last) };
            let others: Vec<&MigrationSet> = self.sets.iter().take_while(|other| other.name() != set.name()).collect();
            let (mut lacking, mut is_unreadable) = (Vec::new(), false);
            let verified = verify_part(&others, set, engine, against, part, &mut |failure| {
                database.excuses(set, failure, &mut lacking).inspect_err(|_| is_unreadable = true)
            });
            let verification = match verified {
                Ok(verification) => verification,
                // Who names a server for it wants it tried.
                Err(error) if engine == Engine::Postgres || is_unreadable => return Err(error),
                Err(error) => {
                    events(Event::NotVerified { migration: None, reason: Some(&error) });
                    continue;
                }
            };
            for fault in &verification.untried {
                let migration = set.migration(fault.number);
                events(Event::NotVerified { migration, reason: fault.error.as_ref() });
            }
            if !verification.faults.is_empty() {
                let failed = |fault: &Fault| Failed {
                    set: fault.set.clone(),
                    number: fault.number,
                    is_up: fault.kind == FaultKind::Up,
                    why: match lacking.contains(&fault.number) && fault.error.is_some() {
                        true => format!("{fault}; {} does not have it either", self.url),
                        false => fault.to_string(),
                    },
                };
                return Ok(verification.faults.iter().map(failed).collect());
            }
        }
        Ok(Vec::new())
    }

    /// [`MigrationManager::try_out`] where prod would do it, with what fails written to the judgement.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn judge_by_trial<'s>(
        &self,
        sets: impl Iterator<Item = &'s MigrationSet>,
        judgement: &mut Judgement,
    ) -> Result<()> {
        // What is refused already is not tried either.
        if judgement.environment != Environment::Prod || !judgement.is_allowed() {
            return Ok(());
        }
        for failed in self.try_out(sets, judgement, None, &mut |_| {})? {
            let mut judged = judgement.migrations.iter_mut();
            let of_it = judged.find(|of| of.set == failed.set && of.migration.number() == failed.number);
            if let Some(judged) = of_it {
                judged.refused.push(format!("it fails on a throw-away database: {}", failed.why));
            }
        }
        Ok(())
    }

    /// Refuses migrations that failed where they were tried.
    pub(super) fn refuse_failed(environment: Environment, failed: &[Failed]) -> Result<()> {
        if failed.is_empty() {
            return Ok(());
        }
        let lines: String = failed.iter().map(|failed| format!("\n  {}", failed.why)).collect();
        let message = format!("{environment} refuses migrations that fail on a throw-away database:{lines}");
        let hint = match failed.iter().any(|failed| failed.is_up) {
            true => {
                "mend the migration, which would fail here too; `charter db verify` tries all of them. Nothing was applied"
            }
            false => "`charter db verify` shows the differences; nothing was applied",
        };
        Err(Error::new(ErrorKind::Refused, message).with_hint(hint))
    }
}

/// A migration that failed where it was tried.
pub(super) struct Failed {
    set: String,
    number: i64,
    /// Whether it could not be applied.
    is_up: bool,
    why: String,
}

/// The database that the migrations are for, connected to when it is asked for the first time.
struct Real<'a> {
    manager: &'a MigrationManager,
    connection: Option<Box<dyn MigrationConnection>>,
}

impl Real<'_> {
    /// Whether a migration failed for want of something that the real database has. Those that failed for want of what that
    /// lacks too are added to `lacking`.
    fn excuses(&mut self, set: &MigrationSet, failure: &Failure<'_>, lacking: &mut Vec<i64>) -> Result<bool> {
        let engine = self.manager.engine_of_database()?;
        let Some(absent) = Absent::read(engine, failure.error, failure.statement) else {
            return Ok(is_consequence(failure, engine));
        };
        if failure.states.iter().any(|state| absent.is_of(state, set.schema())) {
            return Ok(is_consequence(failure, engine));
        }
        if failure.passed.words.contains(&absent.last_name()) {
            return Ok(true);
        }
        let is_there = match self.connection()? {
            Some(connection) => absent.is_in(connection, set.schema())?,
            // It is made now, and has nothing.
            None => Some(false),
        };
        if is_there == Some(false) {
            lacking.push(failure.migration.number());
        }
        Ok(is_there.unwrap_or(true))
    }

    /// `None` for an embedded file that does not exist.
    fn connection(&mut self) -> Result<Option<&mut dyn MigrationConnection>> {
        if self.connection.is_none() {
            self.connection = match self.manager.connect(Purpose::Read) {
                Ok(connection) => Some(connection),
                Err(error) if error.kind() == ErrorKind::NotFound && self.manager.url.is_embedded() => None,
                Err(error) => return Err(error),
            };
        }
        match &mut self.connection {
            Some(connection) => Ok(Some(&mut **connection)),
            None => Ok(None),
        }
    }
}

/// Whether a failure may come of it that an earlier migration was passed over: both name something that the set has made.
fn is_consequence(failure: &Failure<'_>, engine: Engine) -> bool {
    let Some(state) = failure.states.last() else { return false };
    let said = word_set(failure.migration.up(engine).text());
    let relations = state.tables.keys().chain(state.views.keys()).map(|name| name.to_lowercase());
    relations.into_iter().any(|name| said.contains(&name) && failure.passed.words.contains(&name))
}
