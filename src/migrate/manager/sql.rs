//! What would run, as text.

use super::super::apply::{Work, apply, revert};
use super::super::audit::Actor;
use super::super::connection::{Purpose, Recording};
use super::super::event::Event;
use super::super::set::Migration;
use super::{DowngradeOptions, MigrationManager, UpgradeOptions, status, status_of_applied};
use crate::config::Environment;
use crate::engine::Engine;
use crate::error::Result;
use std::cell::RefCell;
use std::fmt::Write as _;

impl MigrationManager {
    /// The statements that [`MigrationManager::upgrade`] would run, all of them, with those that keep the history: written
    /// down by the same code in place of being run. The database is read, and cannot be written; an embedded file that does
    /// not exist counts as empty. With an engine, no database is asked: the text is for an empty one of that engine.
    ///
    /// What the environment refuses is written down all the same: see [`MigrationManager::judge`].
    ///
    /// # Errors
    /// As [`MigrationManager::judge`].
    pub fn upgrade_sql(&self, options: &UpgradeOptions, engine: Option<Engine>) -> Result<String> {
        let mut database = None;
        if engine.is_none() {
            self.judge(options)?;
            database = self.connect_to_what_exists()?;
        }
        let stored = database.as_deref_mut().map(|connection| self.stored_environment(connection)).transpose()?;
        let environment = match (engine, self.environment) {
            (Some(Engine::Postgres), None) => Environment::Prod,
            (Some(_), None) => Environment::Dev,
            _ => self.environment(stored.flatten()),
        };
        let engine = engine.map_or_else(|| self.engine_of_database(), Ok)?;
        let text = RefCell::new(String::new());
        let mut recording = Recording::new(database, engine, &text);
        for goal in self.goals(options)? {
            goal.set.check_on(engine)?;
            let status = status(&mut recording, goal.set)?;
            let target = goal.set.resolve(&goal.revision, status.current())?;
            let mut work = Work {
                set: goal.set,
                actor: Actor::present(environment),
                allowed: &[],
                timeouts: self.timeouts(environment),
                left_out: None,
                events: &mut |event| note(&text, &event),
            };
            apply(&mut recording, &mut work, &status, target)?;
        }
        drop(recording);
        Ok(text.into_inner())
    }

    /// The statements that [`MigrationManager::downgrade`] would run, as [`MigrationManager::upgrade_sql`].
    ///
    /// # Errors
    /// As [`MigrationManager::plan_downgrade`].
    pub fn downgrade_sql(&self, options: &DowngradeOptions) -> Result<String> {
        options.revision.check_direction(true)?;
        let set = self.set(options.set.as_deref())?;
        let mut database = self.connect(Purpose::Read)?;
        let environment = self.environment(self.stored_environment(&mut *database)?);
        let target = set.resolve_down(&options.revision, &status_of_applied(&mut *database, set)?.applied)?;
        let text = RefCell::new(String::new());
        let engine = database.engine();
        let mut recording = Recording::new(Some(database), engine, &text);
        let mut work = Work {
            set,
            actor: Actor::present(environment),
            allowed: &[],
            timeouts: self.timeouts(environment),
            left_out: None,
            events: &mut |event| note(&text, &event),
        };
        revert(&mut recording, &mut work, target)?;
        drop(recording);
        Ok(text.into_inner())
    }
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
