//! Writing by hand what a database has: the history is changed, and nothing is run.

use super::apply::{Work, head_row, version_row};
use super::audit::{Action, Entry, create_table};
use super::connection::{MigrationConnection, literal, qualified};
use super::refinery::{Deed, migrate};
use super::set::Migration;
use super::status::{Applied, Found, VERSIONS, not_among_the_files};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// What a stamp did to one migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stamped {
    /// Its number.
    pub number: i64,
    /// Its slug.
    pub slug: String,
    /// [`Action::Stamped`] when it now counts as applied with the text that it has, [`Action::Unstamped`] when it counts as
    /// not applied.
    pub action: Action,
}

/// What is written for one migration: what happened to it, and the statements that make it so.
struct Change<'a> {
    stamped: Stamped,
    migration: Option<&'a Migration>,
    statements: Vec<String>,
    detail: String,
}

/// Makes the history say that a database has the migrations of a set up to a number and no others, under the migrators'
/// lock, which the caller holds; `None` is none of them. Adds what is missing, takes out what is too much, takes the present
/// text of each for the one that was applied, and ends a migration that is half done. Runs nothing of the migrations. One
/// transaction, with a row of audit for each change.
///
/// # Errors
/// [`ErrorKind::Refused`] when the database is for newer programs, or has migrations of charter's that this one does not know,
/// or charter's own tables are not there; what the engine says. Nothing was changed then.
pub(crate) fn stamp(
    connection: &mut dyn MigrationConnection,
    work: &Work<'_>,
    target: Option<i64>,
) -> Result<Vec<Stamped>> {
    let (set, engine) = (work.set, connection.engine());
    let found = connection.found(set)?;
    if set.is_charter() && target.is_some() && !found.has_versions {
        return Err(Error::new(ErrorKind::Refused, "charter's tables are not there, so the database has no revision")
            .with_hint("`charter db init` makes them"));
    }
    // What a newer program has done is that program's to take back.
    if set.is_charter()
        && let Some(unknown) = found.applied.iter().rev().find(|applied| set.migration(applied.number).is_none())
    {
        return Err(not_among_the_files(unknown, &found, set));
    }
    let mut changes = Vec::new();
    for migration in set.migrations().iter().filter(|migration| Some(migration.number()) <= target) {
        let number = migration.number();
        let there = found.applied.iter().find(|applied| applied.number == number);
        let is_unfinished = found.unfinished.as_ref().is_some_and(|unfinished| unfinished.number == number);
        changes.extend(present(work, engine, migration, there, is_unfinished)?);
    }
    let too_much = found
        .applied
        .iter()
        .rev()
        .filter(|applied| Some(applied.number) > target || set.migration(applied.number).is_none());
    changes.extend(
        too_much.map(|applied| absent(work, engine, &found, applied.number, &applied.slug, "it was in the history")),
    );
    if let Some(half) = &found.unfinished
        && changes.iter().all(|change| change.stamped.number != half.number)
    {
        changes.push(absent(work, engine, &found, half.number, &half.slug, "it was half applied"));
    }
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut statements = vec![create_table(set, engine)];
    for change in &changes {
        statements.extend(change.statements.iter().cloned());
        let detail = match work.reason {
            Some(reason) => format!("{}: {reason}", change.detail),
            None => change.detail.clone(),
        };
        let stamped = &change.stamped;
        let entry = Entry {
            number: stamped.number,
            slug: &stamped.slug,
            action: stamped.action,
            checksum: change.migration.map(|migration| migration.checksum(engine)),
            duration: std::time::Duration::ZERO,
            statements: 0,
            allowed: work.allowed,
            detail: Some(&detail),
        };
        statements.push(entry.insert(set, engine, &work.actor));
    }
    if set.is_charter() && target.is_some() {
        statements.push(head_row(&connection.identity()));
    }
    connection.begin(&work.transaction())?;
    match connection.record(&statements) {
        Ok(()) => connection.commit()?,
        Err(error) => {
            let _ = connection.rollback();
            return Err(error.context("the history was not changed"));
        }
    }
    Ok(changes.into_iter().map(|change| change.stamped).collect())
}

/// What makes a migration count as applied with its present text; nothing when it does already.
fn present<'a>(
    work: &Work<'_>,
    engine: Engine,
    migration: &'a Migration,
    there: Option<&Applied>,
    is_unfinished: bool,
) -> Result<Option<Change<'a>>> {
    let (set, number) = (work.set, migration.number());
    let history = qualified(set, engine, &set.history_table());
    let mut statements = Vec::new();
    let detail = match there {
        Some(there) if there.checksum == migration.checksum(engine) && there.slug == migration.slug() => {
            if !is_unfinished {
                return Ok(None);
            }
            "it was half taken back".to_owned()
        }
        Some(there) => {
            statements.push(format!(
                "UPDATE {history} SET name = {}, checksum = '{}' WHERE version = {number}",
                literal(migration.slug()),
                migration.checksum(engine)
            ));
            format!("it was {} with the checksum {}", there.slug, there.checksum)
        }
        None => {
            migrate(set, migration, engine, None, Deed::Record, &mut |rows| {
                statements.extend(rows.to_vec());
                Ok(())
            })?;
            if set.is_charter() {
                statements.push(format!("DELETE FROM {VERSIONS} WHERE version = {number}"));
                statements.push(version_row(work, migration));
            }
            if is_unfinished { "it was half applied".to_owned() } else { "it was not in the history".to_owned() }
        }
    };
    let stamped = Stamped { number, slug: migration.slug().to_owned(), action: Action::Stamped };
    Ok(Some(Change { stamped, migration: Some(migration), statements, detail }))
}

/// What makes a migration count as not applied.
fn absent<'a>(work: &Work<'_>, engine: Engine, found: &Found, number: i64, slug: &str, why: &str) -> Change<'a> {
    let mut statements = Vec::new();
    if found.has_history {
        let history = qualified(work.set, engine, &work.set.history_table());
        statements.push(format!("DELETE FROM {history} WHERE version = {number}"));
    }
    if found.has_versions {
        statements.push(format!("DELETE FROM {VERSIONS} WHERE version = {number}"));
    }
    let stamped = Stamped { number, slug: slug.to_owned(), action: Action::Unstamped };
    Change { stamped, migration: None, statements, detail: why.to_owned() }
}
