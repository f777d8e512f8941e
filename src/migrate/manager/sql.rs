//! What would run, as text.

use super::super::apply::{Work, revert};
use super::super::audit::Actor;
use super::super::connection::{MigrationConnection, Purpose, Recording};
use super::super::event::Event;
use super::super::policy::{Judgement, Occasion};
use super::super::revision::Revision;
use super::super::set::{Migration, MigrationSet};
use super::super::status::Status;
use super::dependants::dependants_of;
use super::plan::planned_down;
use super::upgrade::State;
use super::{DowngradeOptions, MigrationManager, UpgradeOptions};
use crate::config::Environment;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt::Write as _;

/// A database that is not asked, because it is out of reach: what is written down is for one of this sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offline {
    /// Its engine.
    pub engine: Engine,
    /// Where the set is there, or the statements fail; the other sets are at head then. Without it an upgrade and a stamp begin before the first
    /// migration, and a downgrade at head.
    pub from: Option<Revision>,
}

/// The statements of an upgrade, as text.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpgradeSql {
    /// They.
    pub sql: String,
    /// What the environment says of the migrations.
    pub judgement: Judgement,
}

impl MigrationManager {
    /// The statements that [`MigrationManager::upgrade`] would run, all of them, with those that keep the history: written
    /// down by the same code in place of being run. The database is read, and cannot be written; an embedded file that does
    /// not exist counts as empty. What is offline is not asked.
    ///
    /// What the environment refuses is written down all the same, and is in the judgement, but for what every environment
    /// refuses so that another program's indexes, triggers and views are kept.
    ///
    /// # Errors
    /// As [`MigrationManager::judge`]; [`ErrorKind::Refused`] when something of another program would be lost;
    /// [`ErrorKind::Invalid`] when what is offline is beyond the revision.
    pub fn upgrade_sql(&self, options: &UpgradeOptions, offline: Option<&Offline>) -> Result<UpgradeSql> {
        let text = RefCell::new(String::new());
        let (mut recording, environment) = match offline {
            Some(offline) => {
                let mut recording = Recording::offline(offline.engine, &text);
                if let Some(from) = &offline.from {
                    let set = self.set(options.set.as_deref())?;
                    check_range(set, from, &options.revision, false)?;
                    self.assume(&mut recording, set, Some(from), None)?;
                }
                (recording, self.environment_offline(offline.engine))
            }
            None => self.recording(&text)?,
        };
        let mut judgement = self.write_upgrade(&mut recording, &text, options, environment)?;
        drop(recording);
        if offline.is_none() {
            self.judge_by_trial(self.goals(options)?.iter().map(|goal| goal.set), &mut judgement)?;
        }
        Ok(UpgradeSql { sql: text.into_inner(), judgement })
    }

    /// The statements with which a database is initialised that has tables of sets without a history: those that record that
    /// it has the migrations of these sets up to these numbers, for a reason, and then the upgrade's.
    ///
    /// # Errors
    /// As [`MigrationManager::stamp`] and [`MigrationManager::upgrade_sql`].
    pub fn init_sql(&self, recorded: &[(&MigrationSet, i64)], reason: &str) -> Result<UpgradeSql> {
        let text = RefCell::new(String::new());
        let (mut recording, environment) = self.recording(&text)?;
        for (set, number) in recorded {
            let revision = Revision::Named(number.to_string());
            self.stamp_over(&mut recording, set, environment, &revision, Some(reason), &mut |_| {})?;
            recording.assume(set, Some(*number));
        }
        let judgement = self.write_upgrade(&mut recording, &text, &UpgradeOptions::default(), environment)?;
        drop(recording);
        Ok(UpgradeSql { sql: text.into_inner(), judgement })
    }

    /// The statements that [`MigrationManager::downgrade`] would run, as [`MigrationManager::upgrade_sql`].
    ///
    /// # Errors
    /// As [`MigrationManager::plan_downgrade`]; [`ErrorKind::Refused`] when something of another program would go or break
    /// with charter's own tables; [`ErrorKind::Invalid`] when what is offline is below the revision.
    pub fn downgrade_sql(&self, options: &DowngradeOptions, offline: Option<&Offline>) -> Result<String> {
        options.revision.check_direction(true)?;
        let set = self.set(options.set.as_deref())?;
        if let Some(from) = offline.and_then(|offline| offline.from.as_ref()) {
            check_range(set, from, &options.revision, true)?;
        }
        let text = RefCell::new(String::new());
        let (mut recording, environment) = self.recording_of_one(&text, set, offline, Some(set.head()))?;
        let status = Status::read_applied(&mut recording, set)?;
        let target = set.resolve_down(&options.revision, &status.applied)?;
        let engine = recording.engine();
        if let Some(database) = recording.database() {
            let planned: Vec<_> = planned_down(set, engine, &status, target).filter_map(Result::ok).collect();
            self.check_dependants(set, &dependants_of(database, &planned)?)?;
        }
        let mut work = Work {
            set,
            actor: Actor::present(environment),
            allowed: &[],
            reason: options.reason.as_deref(),
            timeouts: self.timeouts(environment),
            left_out: None,
            events: &mut |event| note(&text, &event),
        };
        revert(&mut recording, &mut work, target)?;
        drop(recording);
        Ok(text.into_inner())
    }

    /// The statements that [`MigrationManager::stamp`] would run, as [`MigrationManager::upgrade_sql`]. Empty when the history
    /// says so already.
    ///
    /// # Errors
    /// As [`MigrationManager::stamp`].
    pub fn stamp_sql(
        &self,
        set: Option<&str>,
        revision: &Revision,
        reason: Option<&str>,
        offline: Option<&Offline>,
    ) -> Result<String> {
        let set = self.set(set)?;
        let text = RefCell::new(String::new());
        let (mut recording, environment) = self.recording_of_one(&text, set, offline, None)?;
        self.stamp_over(&mut recording, set, environment, revision, reason, &mut |_| {})?;
        drop(recording);
        Ok(text.into_inner())
    }

    /// What writes down what would run in the database, and its environment.
    fn recording<'t>(&self, text: &'t RefCell<String>) -> Result<(Recording<'t>, Environment)> {
        let mut database = self.connect_to_what_exists()?;
        let stored = database.as_deref_mut().map(|connection| self.stored_environment(connection)).transpose()?;
        Ok((Recording::new(database, self.engine_of_database()?, text), self.environment(stored.flatten())))
    }

    /// The same for one set of a database that is there; one that is offline is at a number of the set unless it says where.
    fn recording_of_one<'t>(
        &self,
        text: &'t RefCell<String>,
        set: &MigrationSet,
        offline: Option<&Offline>,
        otherwise: Option<i64>,
    ) -> Result<(Recording<'t>, Environment)> {
        let Some(offline) = offline else {
            let mut database = self.connect(Purpose::Read)?;
            let environment = self.environment(self.stored_environment(&mut *database)?);
            let engine = database.engine();
            return Ok((Recording::new(Some(database), engine, text), environment));
        };
        set.check_on(offline.engine)?;
        let mut recording = Recording::offline(offline.engine, text);
        self.assume(&mut recording, set, offline.from.as_ref(), otherwise)?;
        Ok((recording, self.environment_offline(offline.engine)))
    }

    /// Takes for granted where a set is, which the script checks, and that the others are at head.
    fn assume(
        &self,
        recording: &mut Recording<'_>,
        set: &MigrationSet,
        from: Option<&Revision>,
        otherwise: Option<i64>,
    ) -> Result<()> {
        for other in self.sets.iter().filter(|other| other.name() != set.name()) {
            recording.assume(other, Some(other.head()));
        }
        let number = from.map_or(Ok(otherwise), |from| set.resolve(from, None))?;
        recording.assume(set, number);
        if let Some(number) = number {
            recording.starts_at(set, number);
        }
        Ok(())
    }

    fn environment_offline(&self, engine: Engine) -> Environment {
        match (engine, self.environment) {
            (Engine::Postgres, None) => Environment::Prod,
            (_, None) => Environment::Dev,
            _ => self.environment(None),
        }
    }

    fn write_upgrade(
        &self,
        recording: &mut Recording<'_>,
        text: &RefCell<String>,
        options: &UpgradeOptions,
        environment: Environment,
    ) -> Result<Judgement> {
        let goals = self.goals(options)?;
        let state = State { environment: Some(environment), ..self.state(&goals, Some(recording))? };
        let judgement = self.judge_state(&goals, &state, recording.database(), options, Occasion::Upgrade, false)?;
        judgement.check_hosts(&self.url)?;
        self.apply_all(recording, (&goals, &state), &judgement, options, &mut |event| note(text, &event))?;
        Ok(judgement)
    }
}

/// Refuses a way from one revision of a set to another that leads where the verb does not, which would be nothing to do.
///
/// # Errors
/// [`ErrorKind::Invalid`] with the other verb; as [`MigrationSet::resolve`].
fn check_range(set: &MigrationSet, from: &Revision, to: &Revision, is_down: bool) -> Result<()> {
    let start = set.resolve(from, None)?;
    let end = set.resolve(to, start)?;
    let (verb, direction, other) = match (start.cmp(&end), is_down) {
        (Ordering::Greater, false) => ("upgrade", "down", "downgrade"),
        (Ordering::Less, true) => ("downgrade", "up", "upgrade"),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Invalid, format!("{from}:{to} leads {direction}, which is no way to {verb}"))
        .with_hint(format!("`charter db {other}` leads {direction}")))
}

/// Says which migration the statements that follow are of.
fn note(text: &RefCell<String>, event: &Event<'_>) {
    let note = |what: &str, migration: &Migration| {
        let mut text = text.borrow_mut();
        let blank = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{blank}-- {what} {migration}");
    };
    match event {
        Event::Applying { migration, .. } => note("apply", migration),
        Event::Reverting { migration, .. } => note("take back", migration),
        Event::Resuming { migration, .. } => note("go on with", migration),
        _ => {}
    }
}
