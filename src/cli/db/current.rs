//! `charter db current`.

use super::super::session::Session;
use super::super::ui::{DOUBTFUL, Exit, Failure, GOOD, Outcome, count, object, or_null};
use super::database::{Database, Opened, Set};
use super::migrations::{
    applied_name, applied_value, migration_value, prefix, refuse_disagreement, statuses, unfinished_text,
    unfinished_value,
};
use crate::migrate::Described;
use crate::record::Value;

/// Print the newest migration that a database has
///
/// Prints its number, name and id for each set of migrations, what is pending, and what was begun and not finished. Only
/// reads; a file that does not exist is an error, and so is a history that does not fit the files, after it was printed.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db current
  charter db current --check && echo 'nothing pending'
  charter db current --json | jq .at_head")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    set: Set,
    /// Fail (exit code 1) unless nothing is pending or unfinished
    #[arg(long)]
    check: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let opened = arguments.database.open(session)?;
    let Some(statuses) = statuses(session, &opened, arguments.set.name()?)? else { return Ok(()) };
    session.ui.result(|| text(&opened, &statuses), || value(&opened, &statuses))?;
    if !is_initialised(&statuses) {
        session.ui.hint(&format!("make charter's tables with `charter db init {}`", opened.database.url));
    }
    let is_behind = !statuses.iter().all(is_at_head);
    refuse_disagreement(statuses)?;
    match arguments.check && is_behind {
        true => Err(Failure::Told(Exit::Failed)),
        false => Ok(()),
    }
}

/// Whether the database has charter's tables, as far as that was asked.
fn is_initialised(statuses: &[Described]) -> bool {
    statuses.iter().find(|status| status.set.is_charter()).is_none_or(|status| status.status.current().is_some())
}

fn is_at_head(status: &Described) -> bool {
    status.status.pending.is_empty() && status.status.unfinished.is_none() && status.disagreement.is_none()
}

/// How many migrations the database has that this program does not know.
pub(super) fn unknown(status: &Described) -> usize {
    status.status.applied.iter().filter(|applied| applied.number > status.set.head()).count()
}

fn text(opened: &Opened, statuses: &[Described]) -> String {
    let mut text = String::new();
    for of_set in statuses {
        let (status, prefix) = (&of_set.status, prefix(opened, of_set.set.name()));
        let line = match status.applied.last() {
            None if of_set.set.is_charter() => "not initialised".to_owned(),
            None => "nothing is applied".to_owned(),
            Some(current) if is_at_head(of_set) && unknown(of_set) == 0 => {
                format!("{} {GOOD}(head){GOOD:#}", applied_name(&of_set.set, current))
            }
            Some(current) => applied_name(&of_set.set, current),
        };
        text.push_str(&format!("{prefix}{line}\n"));
        if unknown(of_set) > 0 {
            let ahead = count(unknown(of_set), "migration");
            text.push_str(&format!("{prefix}ahead of this program by {ahead}\n"));
        }
        if let Some(unfinished) = &status.unfinished {
            text.push_str(&format!("{prefix}{DOUBTFUL}unfinished{DOUBTFUL:#}  {}\n", unfinished_text(unfinished)));
        }
        for migration in &status.pending {
            text.push_str(&format!("{prefix}{DOUBTFUL}pending{DOUBTFUL:#}  {migration}\n"));
        }
    }
    text
}

fn value(opened: &Opened, statuses: &[Described]) -> Value {
    let of_set = |of_set: &Described| {
        let (status, name) = (&of_set.status, of_set.set.name());
        let head = of_set.set.migrations().last().map(|migration| migration_value(name, migration));
        Value::from(object! {
            "set": name,
            "current": or_null(status.applied.last().map(|applied| applied_value(name, applied))),
            "head": or_null(head),
            "at_head": is_at_head(of_set),
            "ahead": unknown(of_set) as u64,
            "unfinished": unfinished_value(status.unfinished.as_ref().map(|unfinished| (name, unfinished))),
            "pending": status.pending.iter().map(|migration| Value::from(migration_value(name, migration))).collect::<Vec<_>>(),
        })
    };
    let environment = statuses.iter().find_map(|status| status.status.environment);
    object! {
        "database": opened.database.url.to_string(),
        "initialised": is_initialised(statuses),
        "environment": or_null(environment.map(|environment| environment.as_str())),
        "at_head": statuses.iter().all(is_at_head),
        "sets": statuses.iter().map(of_set).collect::<Vec<_>>(),
    }
    .into()
}
