//! `charter db upgrade`.

use super::super::session::{Session, named};
use super::super::ui::{GOOD, Outcome, count, object};
use super::migrations::{migration_value, name};
use super::{Database, foreign};
use crate::error::Error;
use crate::migrate::{Event, Migration};
use crate::store::Store;

/// Apply the migrations that a database lacks
///
/// Each migration is one transaction with its row of history: what was applied before a failure stays applied.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db upgrade
  charter db upgrade postgresql://charter@registry.example.com/charter")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    upgrade(session, &arguments.database)
}

pub(super) fn upgrade(session: &Session<'_>, database: &Database) -> Outcome {
    let configuration = session.configuration(database.url.as_deref())?;
    let database = configuration.database();
    if database.source.is_foreign() {
        return Err(foreign(database).into());
    }
    let progress = session.ui.progress("connecting");
    let mut applied: Vec<Migration> = Vec::new();
    let result = Store::initialize(&database.url, session.environment(&configuration), &mut |event| {
        if let Event::Applying { migration, place, of } = event {
            progress.update(&format!("applying migration {}", name(migration)), place as u64, of as u64);
            applied.push(migration.clone());
        }
    });
    drop(progress);
    let numbers = result.map_err(|error| named(database, after(error, &applied)))?;
    applied.retain(|migration| numbers.contains(&migration.number()));
    let text = || match applied.as_slice() {
        [] => format!("{} has every migration already\n", database.url),
        applied => {
            let lines = applied.iter().map(|migration| format!("{GOOD}applied{GOOD:#}  {}\n", name(migration)));
            lines.collect::<String>() + &format!("{} has every migration now\n", database.url)
        }
    };
    let applied_values = || applied.iter().map(|migration| migration_value(migration, None)).collect::<Vec<_>>();
    session.ui.result(text, || object! {"database": database.url.to_string(), "applied": applied_values()}.into())
}

/// Says what was applied before a migration failed; the last one told is the one that failed.
fn after(error: Error, begun: &[Migration]) -> Error {
    match begun.len() {
        0 | 1 => error,
        more => error.context(format!("after {} was applied", count(more - 1, "migration"))),
    }
}
