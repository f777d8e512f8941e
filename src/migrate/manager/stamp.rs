//! The history, by hand.

use super::super::apply::{Work, locked};
use super::super::audit::Actor;
use super::super::connection::{MigrationConnection, Purpose};
use super::super::event::Event;
use super::super::revision::Revision;
use super::super::set::MigrationSet;
use super::super::stamp::{Stamped, stamp};
use super::MigrationManager;
use crate::config::Environment;
use crate::error::Result;

impl MigrationManager {
    /// Makes the history of a set say that the database is at a revision, and runs nothing: adds the migrations up to it that
    /// are missing, takes out those above it, takes the texts of this program for those that were applied, and ends a
    /// migration that is half done. One transaction under the migrators' lock, with a row of audit for each change, which
    /// has the reason. Gives what was changed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the database or the revision does not exist;
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) when the database is for newer programs, or charter's own tables
    /// are not there; and what the engine says. Nothing was changed then.
    pub fn stamp(
        &self,
        set: Option<&str>,
        revision: &Revision,
        reason: Option<&str>,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<Stamped>> {
        let set = self.set(set)?;
        let mut connection = self.connect(Purpose::MigrateExisting)?;
        let limit = self.timeouts(Environment::Dev).migrators;
        locked(&mut *connection, limit, events, |connection, events| {
            let environment = self.environment(self.stored_environment(connection)?);
            self.stamp_over(connection, set, environment, revision, reason, events)
        })
    }

    pub(super) fn stamp_over(
        &self,
        connection: &mut dyn MigrationConnection,
        set: &MigrationSet,
        environment: Environment,
        revision: &Revision,
        reason: Option<&str>,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<Stamped>> {
        set.check_read()?;
        // The history may be one that every other verb refuses.
        let found = connection.found(set)?;
        let target = set.resolve(revision, found.current())?;
        let actor = Actor::present(environment);
        let timeouts = self.timeouts(environment);
        let work = Work { set, actor, allowed: &[], reason, timeouts, left_out: None, events };
        stamp(connection, &work, target)
    }
}
