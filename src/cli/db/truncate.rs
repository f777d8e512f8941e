//! `charter db truncate`.

use super::super::session::Session;
use super::super::ui::{Outcome, count, object};
use super::backup::{BackupFirst, backup_value};
use super::confirm::Agreement;
use super::database::Database;
use super::events::Told;
use super::migrations::without_migrations;
use crate::config::Environment;
use crate::migrate::TableRows;
use crate::record::Value;

/// Remove all content from charter's tables
///
/// Removes every record, with the change log, the cursors, receipts and uploads of pushes, in one transaction; the tables
/// stay, and so do all tables of other programs: where a trigger of one would run, or rows of one refer to charter's, nothing
/// is removed. The store is a new one afterwards: what is put into it is pushed anew.
/// Says what will be lost, and asks; in prod the database's name must be typed.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db truncate
  charter db truncate --yes --backup
  charter db truncate postgresql://charter@registry.example.com/charter --confirm charter")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    agreement: Agreement,
    #[command(flatten)]
    backup: BackupFirst,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let opened = arguments.database.open_to_change(session)?;
    if opened.manager.engine().is_none() {
        return without_migrations(session, &opened);
    }
    let content = {
        let progress = session.ui.progress("counting what would be lost");
        let mut told = Told::default();
        opened.manager.content(&mut |event| told.tell(session.ui, &progress, &event))?
    };
    let url = &opened.database.url;
    session.ui.warning(None, &format!("{url} loses {}", said(&content)));
    let environment = opened.manager.get_environment()?.max(Environment::Staging);
    let question = format!("Remove all content from {url}?");
    let confirmation = arguments.agreement.obtain(session, &opened, environment, &question)?;
    // What is refused needs no copy.
    confirmation.check("removing all content", url, environment)?;
    let copy = arguments.backup.make(session, &opened)?;
    let progress = session.ui.progress("removing all content");
    let mut told = Told::default();
    let removed = opened.manager.truncate(&confirmation, &mut |event| told.tell(session.ui, &progress, &event))?;
    drop(progress);
    session.ui.result(
        || format!("{url} is empty now: it has lost {}\n", said(&removed)),
        || {
            let rows =
                removed.iter().map(|rows| Value::from(object! {"table": rows.table.as_str(), "rows": rows.rows}));
            let (rows, copy) = (rows.collect::<Vec<_>>(), backup_value(copy));
            object! {"database": url.to_string(), "removed": rows, "backup": copy}.into()
        },
    )
}

/// `3 rows of charter_records, 3 rows of charter_changes`.
fn said(content: &[TableRows]) -> String {
    let rows = content.iter().filter(|rows| rows.rows > 0);
    let rows = rows
        .map(|rows| format!("{} of {}", count(usize::try_from(rows.rows).unwrap_or(usize::MAX), "row"), rows.table));
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() { "nothing: it is empty".to_owned() } else { rows.join(", ") }
}
