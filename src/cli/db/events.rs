//! Telling people what happens while migrations run.

use super::super::ui::{Failure, Progress, Ui, count};
use super::database::Opened;
use super::migrations::done_values;
use crate::error::{Error, Location};
use crate::migrate::{Done, Event, Judged, Judgement, Migration};
use crate::record::Object;
use crate::safety::Severity;
use std::time::Duration;

/// What was told of a run.
#[derive(Default)]
pub(in crate::cli) struct Told {
    committed: Vec<Migration>,
    /// What was not tried before, and why.
    pub(super) not_tried: Vec<String>,
}

impl Told {
    /// Shows an event.
    pub(in crate::cli) fn tell(&mut self, ui: &Ui, progress: &Progress, event: &Event<'_>) {
        let note = |text: String| progress.suspend(|| ui.note(&text));
        match event {
            Event::Waiting { holder, limit } => {
                let holder = holder.map(|holder| format!(" ({holder})")).unwrap_or_default();
                note(format!(
                    "another migrator is at work on this database{holder}: waiting for up to {}",
                    said(*limit)
                ));
            }
            Event::NotVerified { reason: None, .. } => {
                note("not tried on a throw-away database before: --verify-against URL names a server for it".to_owned())
            }
            Event::NotVerified { migration, reason: Some(reason) } => {
                let which = migration.map(|migration| format!("migration {migration} is ")).unwrap_or_default();
                let text = format!(
                    "{which}not tried on a throw-away database before, which has nothing but the tables of migrations: {reason}"
                );
                note(text.clone());
                self.not_tried.push(text);
            }
            Event::Judged { judgement } => progress.suspend(|| warn(ui, judgement)),
            Event::Applying { migration, place, of } => {
                progress.update(&format!("applying migration {migration}"), *place as u64, *of as u64);
            }
            Event::Reverting { migration, place, of } => {
                progress.update(&format!("taking back migration {migration}"), *place as u64, *of as u64);
            }
            Event::Resuming { migration, done, of } => {
                note(format!(
                    "going on with migration {migration}, of which {done} of {} are done",
                    count(*of, "step")
                ));
            }
            Event::Repairing { migration, what } => note(format!("migration {migration}: {what}")),
            Event::Committed { migration } => self.committed.push((*migration).clone()),
            Event::Retrying { attempt, of, wait, reason, .. } => progress.suspend(|| {
                let message = format!("attempt {attempt} of {of}: {reason}; it is tried again in {}", said(*wait));
                ui.warning(None, &message);
            }),
            _ => {}
        }
    }

    /// Shows an event of migrations that run because a database is opened: people did not ask for them, and hear what takes
    /// time or goes wrong.
    pub(in crate::cli) fn tell_opening(&mut self, ui: &Ui, progress: &Progress, event: &Event<'_>) {
        match event {
            Event::Judged { .. } | Event::NotVerified { reason: None, .. } => {}
            event => self.tell(ui, progress, event),
        }
    }

    /// Says in an error what was done before it and stays done; for programs, in a member beside it.
    pub(super) fn before(&self, opened: &Opened, error: Error, verb: &str, member: &str) -> Failure {
        let Some(last) = self.committed.last() else { return error.into() };
        let context = match self.committed.len() {
            1 => format!("after 1 migration was {verb}, {last}"),
            committed => format!("after {committed} migrations were {verb}, the last one {last}"),
        };
        let mut done = Object::default();
        done.insert(member, done_values(&self.done(opened)));
        Failure::Partly(error.context(context), done)
    }

    /// What was committed, each with its set.
    fn done(&self, opened: &Opened) -> Vec<Done> {
        let set_of = |migration: &Migration| {
            let mut sets = opened.manager.sets().iter();
            sets.find(|set| set.migration(migration.number()) == Some(migration))
        };
        self.committed.iter().filter_map(|migration| Some(Done::of(set_of(migration)?, migration))).collect()
    }
}

/// Warns of what the rules found and the environment lets pass.
fn warn(ui: &Ui, judgement: &Judgement) {
    for judged in &judgement.migrations {
        for finding in judged.findings.iter().filter(|finding| finding.severity == Severity::Error) {
            let location = Location { file: finding.file.clone(), position: Some(finding.start) };
            let allowed = judged.allowed.iter().find(|allowed| allowed.rule == finding.rule.name);
            let reason = allowed.map(|allowed| format!(" (allowed: {})", allowed.reason)).unwrap_or_default();
            ui.warning(Some(&location), &format!("{}: {}{reason}", finding.rule.name, finding.message));
        }
        warn_of_dependants(ui, judged);
        if judged.is_unwritten {
            let message = format!(
                "nobody has written migration {} yet, and once it is applied, its text cannot be changed any more",
                judged.migration
            );
            ui.warning(None, &message);
        }
        if !judged.has_down {
            let message = format!("migration {} has no down migration: it cannot be taken back", judged.migration);
            ui.warning(None, &message);
        }
    }
    warn_of_unused(ui, judgement);
}

/// Says what was to be let pass and was not found.
pub(super) fn warn_of_unused(ui: &Ui, judgement: &Judgement) {
    for allowance in &judgement.unused {
        ui.warning(None, &format!("--allow {allowance} lets nothing pass: there is no such finding"));
    }
}

/// Says what goes or breaks with what a migration drops.
pub(super) fn warn_of_dependants(ui: &Ui, judged: &Judged) {
    for lost in &judged.dependants {
        let message = format!("migration {} loses or breaks what no migration made: {lost}", judged.migration);
        ui.warning(None, &message);
    }
}

/// A time for people.
fn said(time: Duration) -> String {
    match time.as_millis() {
        millis if millis < 1000 => format!("{millis} ms"),
        millis if millis < 10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} s", time.as_secs()),
    }
}
