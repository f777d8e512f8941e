//! `charter db current`.

use super::super::session::Session;
use super::super::ui::{DOUBTFUL, Exit, Failure, GOOD, Outcome, object, or_null};
use super::Database;
use super::migrations::{applied_name, applied_value, migration_status, migration_value, name, without_migrations};
use crate::migrate::{AppliedMigration, MigrationSet, Status};
use crate::record::Value;

/// Print the newest migration that a database has
///
/// Prints its number, name and id, and what is pending. Only reads; a file that does not exist is an error.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db current
  charter db current --check && echo 'nothing pending'
  charter db current --json | jq .at_head")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
    /// Fail (exit code 1) unless nothing is pending
    #[arg(long)]
    check: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let configuration = session.configuration(arguments.database.url.as_deref())?;
    let url = &configuration.database().url;
    let Some(status) = migration_status(configuration.database())? else { return without_migrations(session, url) };
    session.ui.result(|| current_text(&status), || current_value(&url.to_string(), &status))?;
    if status.current().is_none() {
        session.ui.hint(&format!("make charter's tables with `charter db init {url}`"));
    }
    match arguments.check && !status.pending.is_empty() {
        true => Err(Failure::Told(Exit::Failed)),
        false => Ok(()),
    }
}

fn current_text(status: &Status) -> String {
    let head = format!(" {GOOD}(head){GOOD:#}");
    let mut text = match status.applied.last() {
        None => "not initialised\n".to_owned(),
        Some(current) if status.pending.is_empty() => format!("{}{head}\n", applied_name(current)),
        Some(current) => format!("{}\n", applied_name(current)),
    };
    for migration in &status.pending {
        text.push_str(&format!("{DOUBTFUL}pending{DOUBTFUL:#}  {}\n", name(migration)));
    }
    text
}

fn current_value(url: &str, status: &Status) -> Value {
    let applied = |applied: &AppliedMigration| applied_value(applied);
    object! {
        "database": url,
        "initialised": status.current().is_some(),
        "environment": or_null(status.environment.map(|environment| environment.as_str())),
        "current": or_null(status.applied.last().map(applied)),
        "at_head": status.pending.is_empty(),
        "pending": status.pending.iter().map(|migration| migration_value(migration, None)).collect::<Vec<_>>(),
        "program_head": MigrationSet::charter().head().unsigned_abs(),
    }
    .into()
}
