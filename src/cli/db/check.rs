//! `charter db check`.

use super::super::session::Session;
use super::super::ui::{BAD, Exit, Failure, GOOD, Outcome, count, object};
use super::database::{Database, Set};
use super::info::difference_value;
use crate::migrate::compare_models;

/// Compare the models with what the migrations make
///
/// schema.sql in the project's folder says what tables, indexes and views there are to be; both it and all migrations are
/// run in throw-away SQLite databases. Fails (exit code 1) with what differs. No database of yours is touched.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db check
  charter db check --json
  charter db create -m 'what is missing' --auto   Write what is missing")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    set: Set,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let opened = Database::files(session)?;
    let set = opened.manager.set(arguments.set.name()?)?;
    let (differences, left_out) = compare_models(set)?;
    for why in &left_out {
        session.ui.warning(None, &format!("not tried: {why}"));
    }
    let text = || match differences.is_empty() {
        true => format!("{GOOD}the same{GOOD:#}: the migrations of {} make what the models say\n", set.name()),
        false => {
            let lines: String = differences.iter().map(|difference| format!("  {difference}\n")).collect();
            let count = count(differences.len(), "difference");
            format!("{BAD}not the same{BAD:#}: what the migrations of {} make has {count}\n{lines}", set.name())
        }
    };
    session.ui.result(text, || {
        object! {
            "set": set.name(),
            "same": differences.is_empty(),
            "differences": differences.iter().map(difference_value).collect::<Vec<_>>(),
        }
        .into()
    })?;
    if differences.is_empty() { Ok(()) } else { Err(Failure::Told(Exit::Failed)) }
}
