//! Upwards.

use super::super::apply::{Work, apply, locked};
use super::super::audit::Actor;
use super::super::connection::{MigrationConnection, Purpose};
use super::super::event::Event;
use super::super::revision::Revision;
use super::super::set::MigrationSet;
use super::super::status::Status;
use super::{Done, MigrationManager, status};
use crate::config::Environment;
use crate::error::{ErrorKind, Result};

/// What an upgrade may do, and how far it goes.
#[derive(Debug, Clone)]
pub struct UpgradeOptions {
    /// The set; all of them when there is none and the revision is `head`, else the one that is meant by default.
    pub set: Option<String>,
    /// How far.
    pub revision: Revision,
    /// Whether somebody has said yes to what prod asks about.
    pub confirmed: bool,
}

impl Default for UpgradeOptions {
    /// All sets to their heads.
    fn default() -> Self {
        Self { set: None, revision: Revision::Head, confirmed: false }
    }
}

/// One set and how far it is to go.
pub(super) struct Goal<'a> {
    pub(super) set: &'a MigrationSet,
    pub(super) revision: Revision,
}

impl MigrationManager {
    /// Applies what the database lacks, under the migrators' lock, each migration in one transaction with its history. Makes
    /// an embedded file that does not exist. `events` is told what happens. Gives what was applied; nothing if there was nothing to do.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the files of a set are wrong; [`ErrorKind::Refused`] when the environment does not allow
    /// it, before anything has run; as [`MigrationManager::status`]; and what the engine says. What was applied before a
    /// failure stays applied.
    pub fn upgrade(&self, options: &UpgradeOptions, events: &mut dyn FnMut(Event<'_>)) -> Result<Vec<Done>> {
        let goals = self.goals(options)?;
        for goal in &goals {
            goal.set.check()?;
        }
        let mut connection = self.connect(Purpose::Migrate)?;
        let limit = self.timeouts(Environment::Dev).migrators;
        locked(&mut *connection, limit, events, |connection, events| {
            let mut done = Vec::new();
            for goal in &goals {
                let status = status(connection, goal.set)?;
                let environment = self.environment(self.stored_environment(connection)?);
                let target = goal.set.resolve(&goal.revision, status.current())?;
                let actor = Actor::present(environment);
                let mut work = Work {
                    set: goal.set,
                    actor,
                    allowed: &[],
                    timeouts: self.timeouts(environment),
                    events: &mut *events,
                };
                let applied = apply(connection, &mut work, target)?;
                done.extend(
                    applied.iter().filter_map(|number| goal.set.migration(*number)).map(|m| Done::of(goal.set, m)),
                );
            }
            Ok(done)
        })
    }

    /// Which sets go how far: all of them to their heads, unless one is named or the revision is of one.
    pub(super) fn goals(&self, options: &UpgradeOptions) -> Result<Vec<Goal<'_>>> {
        if options.set.is_none() && options.revision == Revision::Head {
            return Ok(self.sets.iter().map(|set| Goal { set, revision: Revision::Head }).collect());
        }
        let set = self.set(options.set.as_deref())?;
        let mut goals = vec![Goal { set, revision: options.revision.clone() }];
        // charter's own tables hold what every set needs: the environment of the database.
        if !set.is_charter() {
            goals.insert(0, Goal { set: MigrationSet::charter(), revision: Revision::Head });
        }
        Ok(goals)
    }

    /// The environment that the database says it is.
    pub(super) fn stored_environment(&self, connection: &mut dyn MigrationConnection) -> Result<Option<Environment>> {
        match status(connection, MigrationSet::charter()) {
            Ok(Status { environment, .. }) => Ok(environment),
            Err(error) if error.kind() == ErrorKind::NotInitialized => Ok(None),
            Err(error) => Err(error),
        }
    }
}
