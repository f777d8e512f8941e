//! What the verbs of `charter db` say of migrations.

use super::super::session::Session;
use super::super::ui::{Outcome, object, or_null};
use super::database::Opened;
use crate::migrate::{Action, AppliedMigration, Described, Done, Migration, MigrationSet, Unfinished};
use crate::record::{Object, Value};

/// Which migrations a database has of the sets that are asked for; `None` for a store without migrations, which was said.
pub(super) fn statuses(session: &Session<'_>, opened: &Opened, set: Option<&str>) -> Outcome<Option<Vec<Described>>> {
    if opened.manager.engine().is_none() {
        return without_migrations(session, opened).map(|()| None);
    }
    if set.is_some() {
        // A name that is none is told before the database is asked.
        opened.manager.set(set)?;
    }
    let mut statuses = opened.patiently(session, || opened.manager.describe())?;
    statuses.retain(|status| set.is_none_or(|set| status.set.name() == set));
    Ok(Some(statuses))
}

/// Fails if the history does not fit a set: everything else that there is to say was said.
pub(super) fn refuse_disagreement(statuses: Vec<Described>) -> Outcome {
    match statuses.into_iter().find_map(|status| status.disagreement) {
        Some(disagreement) => Err(disagreement.into()),
        None => Ok(()),
    }
}

/// What there is to say of a store that has no migrations.
pub(super) fn without_migrations(session: &Session<'_>, opened: &Opened) -> Outcome {
    session.ui.result(|| format!("{} has no migrations\n", opened.database.url), || Value::Null)
}

/// `charter  `, where sets must be told apart.
pub(super) fn prefix(opened: &Opened, set: &str) -> String {
    let width = opened.manager.sets().iter().map(|set| set.name().len()).max().unwrap_or_default();
    if opened.has_sets() { format!("{set:width$}  ") } else { String::new() }
}

/// `1 contracts 0f0f0f0f0f0f`.
pub(super) fn applied_name(set: &MigrationSet, applied: &AppliedMigration) -> String {
    let unknown = if applied.number > set.head() { "(newer than this program)" } else { "(not among the files)" };
    format!("{} {} {}", applied.number, applied.slug, applied.id.as_deref().unwrap_or(unknown))
}

/// What was begun and has not ended.
pub(super) fn unfinished_text(unfinished: &Unfinished) -> String {
    let begun = if unfinished.action == Action::RevertStarted { "taking it back" } else { "applying it" };
    format!(
        "{} {}: {begun} was begun and not finished, {} of {} steps are done",
        unfinished.number, unfinished.slug, unfinished.done, unfinished.of
    )
}

pub(super) fn unfinished_value(unfinished: Option<(&str, &Unfinished)>) -> Value {
    or_null(unfinished.map(|(set, unfinished)| {
        object! {
            "set": set,
            "number": unfinished.number.unsigned_abs(),
            "name": unfinished.slug.as_str(),
            "action": unfinished.action.as_str(),
            "steps_done": unfinished.done as u64,
            "steps": unfinished.of as u64,
        }
    }))
}

/// The members of a migration that a database has.
pub(super) fn applied_value(set: &str, applied: &AppliedMigration) -> Object {
    object! {
        "set": set,
        "number": applied.number.unsigned_abs(),
        "name": applied.slug.as_str(),
        "id": or_null(applied.id.as_deref()),
        "applied_at": applied.applied_at.as_str(),
    }
}

/// The members of a migration of a set.
pub(super) fn migration_value(set: &str, migration: &Migration) -> Object {
    object! {
        "set": set,
        "number": migration.number().unsigned_abs(),
        "name": migration.slug(),
        "id": migration.id(),
    }
}

/// The members of migrations that were applied, taken back or stamped.
pub(super) fn done_values(done: &[Done]) -> Value {
    let value = |done: &Done| {
        Value::from(object! {
            "set": done.set.as_str(),
            "number": done.number.unsigned_abs(),
            "name": done.slug.as_str(),
            "id": done.id.as_str(),
        })
    };
    done.iter().map(value).collect::<Vec<_>>().into()
}
