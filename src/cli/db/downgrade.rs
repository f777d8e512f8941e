//! `charter db downgrade`.

use super::super::session::Session;
use super::super::ui::{GOOD, Outcome, count, object, or_null};
use super::backup::{BackupFirst, backup_value};
use super::confirm::Agreement;
use super::database::{Goal, Opened, Set, Unasked};
use super::events::Told;
use super::migrations::{done_values, prefix, without_migrations};
use super::upgrade::{reason, sql_result};
use crate::migrate::{Confirmation, Dependant, Done, DowngradeOptions, Loss, MigrationManager, Revision};
use crate::record::Value;

/// Take migrations back
///
/// The newest one, or those above a revision, newest first, of one set: the project's where there is one, else charter's
/// own. Each is one transaction with its history. Says which tables and columns go and how much is in them; in staging it
/// asks, and in prod the database's name must be typed. What another program has upon charter's own tables, such as a
/// foreign key, keeps them from going.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db downgrade                        Take the newest migration back
  charter db downgrade --revision -2          Take two back
  charter db downgrade --sql                  Print what would run, and run nothing
  charter db downgrade --sql --engine postgres head:base
  charter db downgrade --revision base --set charter --backup
  charter db downgrade postgresql://charter@registry.example.com/charter --confirm charter")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    goal: Goal,
    #[command(flatten)]
    set: Set,
    /// Why; it is kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    agreement: Agreement,
    #[command(flatten)]
    backup: BackupFirst,
    /// Print the statements that would run, and change nothing
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    unasked: Unasked,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let (opened, way) = arguments.goal.open_to_change(session)?;
    let offline = arguments.unasked.offline(session, way.from)?;
    if opened.manager.engine().is_none() && offline.is_none() {
        return without_migrations(session, &opened);
    }
    let url = &opened.database.url;
    let mut options = DowngradeOptions {
        set: arguments.set.name()?.map(str::to_owned),
        revision: way.to.unwrap_or(Revision::Relative(-1)),
        confirmation: Confirmation::None,
        reason: reason(arguments.reason.as_deref())?,
        planned: None,
    };
    if arguments.sql {
        arguments.backup.refuse_with_sql()?;
        let text = opened.manager.downgrade_sql(&options, offline.as_ref())?;
        if offline.is_none() {
            warn(session, &opened, &opened.manager.dependants(&opened.manager.plan_downgrade(&options)?)?);
        }
        return sql_result(session, &opened, offline.as_ref(), text);
    }
    let planned = opened.patiently(session, || opened.manager.plan_downgrade(&options))?;
    let losses = {
        let progress = session.ui.progress("counting what would be lost");
        let mut told = Told::default();
        opened.manager.losses(&planned, &mut |event| told.tell(session.ui, &progress, &event))?
    };
    let dependants = opened.manager.dependants(&planned)?;
    if let Some(first) = planned.first() {
        opened.manager.check_dependants(&first.set, &dependants)?;
    }
    if planned.is_empty() {
        return session.ui.result(
            || format!("{url} has nothing above that: nothing was done\n"),
            || value(&opened, &[], &losses, &dependants, Value::Null),
        );
    }
    // Another migrator may be at work meanwhile; what is asked about below is what is done, or nothing is.
    options.planned = Some(planned.iter().map(|planned| planned.migration.number()).collect());
    for loss in &losses {
        session.ui.warning(None, &format!("{url} loses {loss}"));
    }
    warn(session, &opened, &dependants);
    for statement in MigrationManager::undetermined_losses(&planned) {
        session.ui.warning(None, &format!("what this overwrites or removes is not known: {statement}"));
    }
    let environment = opened.manager.get_environment()?;
    let question = format!("Take back {} in {url}?", count(planned.len(), "migration"));
    options.confirmation = arguments.agreement.obtain(session, &opened, environment, &question)?;
    // What is refused needs no copy.
    options.confirmation.check("taking migrations back", url, environment)?;
    let copy = arguments.backup.make(session, &opened)?;
    let progress = session.ui.progress("connecting");
    let mut told = Told::default();
    let reverted = opened.manager.downgrade(&options, &mut |event| told.tell(session.ui, &progress, &event));
    drop(progress);
    let reverted = reverted.map_err(|error| told.before(&opened, error, "taken back", "reverted"))?;
    session
        .ui
        .result(|| text(&opened, &reverted), || value(&opened, &reverted, &losses, &dependants, backup_value(copy)))
}

fn warn(session: &Session<'_>, opened: &Opened, dependants: &[Dependant]) {
    for dependant in dependants {
        let url = &opened.database.url;
        session.ui.warning(None, &format!("{url} loses or breaks what no migration made: {dependant}"));
    }
}

fn text(opened: &Opened, reverted: &[Done]) -> String {
    let lines = reverted.iter().map(|done| format!("{GOOD}taken back{GOOD:#}  {}{done}\n", prefix(opened, &done.set)));
    lines.collect()
}

fn value(opened: &Opened, reverted: &[Done], losses: &[Loss], dependants: &[Dependant], copy: Value) -> Value {
    let losses = losses.iter().map(|loss| {
        let column = or_null(loss.column.as_deref());
        let what = match (&loss.column, loss.is_deleted) {
            (Some(_), _) if loss.is_changed || loss.is_made_anew => "values",
            (Some(_), _) => "column",
            (None, true) => "rows",
            (None, false) => "table",
        };
        Value::from(object! {"what": what, "table": loss.table.as_str(), "column": column, "rows": loss.rows})
    });
    let dependants = dependants.iter().map(|dependant| Value::from(dependant.to_string()));
    object! {
        "database": opened.database.url.to_string(),
        "reverted": done_values(reverted),
        "lost": losses.collect::<Vec<_>>(),
        "dependants": dependants.collect::<Vec<_>>(),
        "backup": copy,
    }
    .into()
}
