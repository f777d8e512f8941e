//! Downwards.

use super::super::apply::{Work, locked, revert};
use super::super::audit::{Action, Actor};
use super::super::connection::Purpose;
use super::super::event::Event;
use super::super::revision::Revision;
use super::super::set::MigrationSet;
use super::super::status::{AppliedMigration, Status};
use super::dependants::dependants_of;
use super::plan::planned_down;
use super::{Done, MigrationManager, Planned};
use crate::config::{DatabaseUrl, Environment, Target};
use crate::error::{Error, ErrorKind, Result};

/// How far a downgrade goes, and who has agreed to it.
#[derive(Debug, Clone)]
pub struct DowngradeOptions {
    /// The set; without one, the one that is meant by default.
    pub set: Option<String>,
    /// How far.
    pub revision: Revision,
    /// What somebody has agreed to.
    pub confirmation: Confirmation,
    /// Why; it is kept in the history.
    pub reason: Option<String>,
    /// The numbers of the migrations that somebody was told of, newest first, as [`MigrationManager::plan_downgrade`] gives
    /// them: if it would be others by now, because another migrator was at work, nothing is taken back. Without them, what
    /// the revision says when it is this one's turn.
    pub planned: Option<Vec<i64>>,
}

impl Default for DowngradeOptions {
    /// One migration back.
    fn default() -> Self {
        let revision = Revision::Relative(-1);
        Self { set: None, revision, confirmation: Confirmation::None, reason: None, planned: None }
    }
}

/// What somebody has agreed to, who was told what will be lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confirmation {
    /// Nothing.
    None,
    /// That it be done.
    Yes,
    /// That it be done in the database with this name.
    Name(String),
}

impl Confirmation {
    /// Refuses what destroys unless enough was agreed to: in staging a yes, in prod the database's name.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], with what to say.
    pub fn check(&self, what: &str, url: &DatabaseUrl, environment: Environment) -> Result<()> {
        let name = database_name(url);
        let refused = |message: String, hint: String| Err(Error::new(ErrorKind::Refused, message).with_hint(hint));
        match (environment, self) {
            (Environment::Dev, _) | (Environment::Staging, Self::Yes) => Ok(()),
            (_, Self::Name(said)) if *said == name => Ok(()),
            (_, Self::Name(_)) => {
                refused(format!("the name that was given is not this database's: {url}"), format!("its name is {name}"))
            }
            (Environment::Staging, Self::None) => refused(format!("{what} must be confirmed"), "say --yes".to_owned()),
            (Environment::Prod, _) => refused(
                format!("{what} in prod must be confirmed with the database's name"),
                format!("say --confirm {name}"),
            ),
        }
    }
}

/// The name of a database, as people type it: the file's without its folder, or the one on the server.
pub fn database_name(url: &DatabaseUrl) -> String {
    if let Some(file) = url.file() {
        return file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    }
    match url.target() {
        Target::Postgres(target) => {
            target.database.clone().or_else(|| target.user.clone()).unwrap_or_else(|| "postgres".to_owned())
        }
        _ => "memory".to_owned(),
    }
}

/// Where a downgrade of a database goes. What is half applied is finished or ended first.
pub(super) fn below(set: &MigrationSet, status: &Status, revision: &Revision) -> Result<Option<i64>> {
    match &status.unfinished {
        Some(unfinished) if unfinished.action == Action::ApplyStarted => Err(unfinished.refusal()),
        _ => set.resolve_down(revision, &status.applied),
    }
}

/// What a downgrade takes back, newest first.
pub(super) fn above(status: &Status, target: Option<i64>) -> impl Iterator<Item = &AppliedMigration> {
    status.applied.iter().rev().filter(move |applied| Some(applied.number) > target)
}

/// What was agreed to is no longer what would be done.
fn changed(url: &DatabaseUrl, status: &Status) -> Error {
    let at = status.current().map_or_else(|| "base".to_owned(), |number| number.to_string());
    let message = format!(
        "{url}: another migrator was at work meanwhile: the database is at {at} now, and nothing was taken back"
    );
    Error::new(ErrorKind::Refused, message)
        .with_hint("look at what would be lost now, and agree to that: run this again")
}

impl MigrationManager {
    /// Takes back the migrations of a set above a revision, newest first, under the migrators' lock, each in one transaction
    /// with its history. `events` is told what happens. Gives what was taken back, newest first.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the database or the revision does not exist; [`ErrorKind::Refused`] when the environment
    /// asks for more than was confirmed, when it would be other migrations than were planned, or one has no down side, or when
    /// something of another program would go or break with charter's own tables, before anything has run; as [`MigrationManager::status`]; and what the engine says. What was taken back before a failure stays so.
    pub fn downgrade(&self, options: &DowngradeOptions, events: &mut dyn FnMut(Event<'_>)) -> Result<Vec<Done>> {
        options.revision.check_direction(true)?;
        let set = self.set(options.set.as_deref())?;
        let mut connection = self.connect(Purpose::MigrateExisting)?;
        let limit = self.timeouts(Environment::Dev).migrators;
        locked(&mut *connection, limit, events, |connection, events| {
            let environment = self.environment(self.stored_environment(connection)?);
            let status = Status::read_applied(connection, set)?;
            // Where a relative revision leads nowhere any more, another migrator was quicker.
            let is_moved = options.planned.as_ref().is_some_and(|planned| planned.first().copied() != status.current());
            let target = below(set, &status, &options.revision).map_err(|error| match &status.unfinished {
                None if is_moved => changed(&self.url, &status),
                _ => error,
            })?;
            let above: Vec<i64> = above(&status, target).map(|applied| applied.number).collect();
            if options.planned.as_ref().is_some_and(|planned| *planned != above) {
                return Err(changed(&self.url, &status));
            }
            if above.is_empty() {
                return Ok(Vec::new());
            }
            // What cannot be taken back is refused below.
            let planned: Vec<Planned> =
                planned_down(set, connection.engine(), &status, target).filter_map(Result::ok).collect();
            self.check_dependants(set, &dependants_of(connection, &planned)?)?;
            options.confirmation.check("taking migrations back", &self.url, environment)?;
            let mut work = Work {
                set,
                actor: Actor::present(environment),
                allowed: &[],
                reason: options.reason.as_deref(),
                timeouts: self.timeouts(environment),
                left_out: None,
                events,
            };
            let reverted = revert(connection, &mut work, target)?;
            Ok(reverted.iter().filter_map(|number| set.migration(*number)).map(|m| Done::of(set, m)).collect())
        })
    }
}
