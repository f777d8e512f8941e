//! `charter db history`.

use super::super::session::Session;
use super::super::ui::{DOUBTFUL, FAINT, Outcome, PLAIN, Table, object, or_null, to_the_second};
use super::database::{Database, Opened, Set};
use super::migrations::{applied_value, migration_value, refuse_disagreement, statuses};
use crate::migrate::{Action, Described, HistoryEntry};
use crate::record::Value;

/// List the migrations that a database has, and those that it lacks
///
/// With --verbose, everything that was done to the tables instead, from the history that charter keeps: what, by whom, on
/// which machine, how long it took, and which findings were let pass and why. Only reads. A history that does not fit the
/// files is an error, after it was printed.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db history
  charter db history --verbose
  charter db history postgresql://charter@registry.example.com/charter --json")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    set: Set,
    /// List everything that was done, and who did it
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let opened = arguments.database.open(session)?;
    let set = arguments.set.name()?;
    let Some(statuses) = statuses(session, &opened, set)? else { return Ok(()) };
    if !arguments.verbose {
        session.ui.result(|| migrations_text(&opened, &statuses), || migrations_value(&statuses))?;
        return refuse_disagreement(statuses);
    }
    let mut entries = opened.manager.get_migration_history()?;
    entries.retain(|entry| set.is_none_or(|set| entry.set == set));
    session
        .ui
        .result(|| entries_text(&opened, &entries), || Value::from(entries.iter().map(entry_value).collect::<Vec<_>>()))
}

/// A table whose first column is the set, where sets must be told apart.
fn table(opened: &Opened, headings: &[&'static str]) -> Table {
    let set = opened.has_sets().then_some("SET");
    Table::with_headings(&set.into_iter().chain(headings.iter().copied()).collect::<Vec<_>>())
}

fn migrations_text(opened: &Opened, statuses: &[Described]) -> String {
    let mut table = table(opened, &["NUMBER", "NAME", "ID", "APPLIED"]);
    for of_set in statuses {
        let set = opened.has_sets().then(|| (PLAIN, of_set.set.name().to_owned()));
        let applied = of_set.status.applied.iter().map(|applied| {
            let id = applied.id.clone().unwrap_or_else(|| "unknown".to_owned());
            (applied.number, applied.slug.clone(), id, (PLAIN, to_the_second(&applied.applied_at)))
        });
        let pending = of_set.status.pending.iter().map(|migration| {
            (migration.number(), migration.slug().to_owned(), migration.id(), (DOUBTFUL, "pending".to_owned()))
        });
        let mut rows: Vec<_> = applied.chain(pending).collect();
        rows.sort_by_key(|(number, ..)| *number);
        for (number, slug, id, state) in rows {
            let cells = [number.to_string(), slug, id].map(|cell| (PLAIN, cell));
            table.styled_row(set.clone().into_iter().chain(cells).chain([state]));
        }
    }
    table.render()
}

fn migrations_value(statuses: &[Described]) -> Value {
    let mut values = Vec::new();
    for of_set in statuses {
        let name = of_set.set.name();
        let applied = of_set.status.applied.iter().map(|applied| (applied.number, applied_value(name, applied)));
        let pending = of_set.status.pending.iter().map(|migration| {
            let mut value = migration_value(name, migration);
            value.insert("applied_at", Value::Null);
            (migration.number(), value)
        });
        let mut rows: Vec<_> = applied.chain(pending).collect();
        rows.sort_by_key(|(number, _)| *number);
        values.extend(rows.into_iter().map(|(_, value)| Value::from(value)));
    }
    values.into()
}

fn entries_text(opened: &Opened, entries: &[HistoryEntry]) -> String {
    let mut table = table(opened, &["WHEN", "WHAT", "NUMBER", "NAME", "BY", "ENVIRONMENT", "TOOK", "WHY"]);
    for entry in entries {
        let set = opened.has_sets().then(|| (PLAIN, entry.set.clone()));
        let allowed = entry.allowed.iter().map(|allowed| format!("allowed {}: {}", allowed.rule, allowed.reason));
        // A step's detail is its digest, for the program that goes on with it.
        let detail = entry.detail.clone().filter(|_| entry.action != Action::Step.as_str());
        // What was let pass is followed by the same reason.
        let detail = detail.filter(|detail| entry.allowed.iter().all(|allowed| allowed.reason != *detail));
        let why: Vec<String> = allowed.chain(detail).collect();
        let cells = [
            (PLAIN, to_the_second(&entry.happened_at)),
            (PLAIN, entry.action.clone()),
            (PLAIN, entry.number.to_string()),
            (PLAIN, entry.slug.clone()),
            (PLAIN, format!("{}@{}", entry.actor, entry.host)),
            (PLAIN, entry.environment.clone()),
            (PLAIN, format!("{} ms", entry.duration.as_millis())),
            (FAINT, why.join("; ")),
        ];
        table.styled_row(set.into_iter().chain(cells));
    }
    table.render()
}

fn entry_value(entry: &HistoryEntry) -> Value {
    let allowed = entry.allowed.iter().map(|allowed| {
        Value::from(object! {
            "rule": allowed.rule.as_str(),
            "revision": allowed.revision.unsigned_abs(),
            "reason": allowed.reason.as_str(),
        })
    });
    object! {
        "set": entry.set.as_str(),
        "entry": entry.entry,
        "action": entry.action.as_str(),
        "number": entry.number.unsigned_abs(),
        "name": entry.slug.as_str(),
        "happened_at": entry.happened_at.as_str(),
        "actor": entry.actor.as_str(),
        "host": entry.host.as_str(),
        "program": entry.program.as_str(),
        "environment": entry.environment.as_str(),
        "duration_ms": u64::try_from(entry.duration.as_millis()).unwrap_or(u64::MAX),
        "statements": entry.statements,
        "allowed": allowed.collect::<Vec<_>>(),
        "detail": or_null(entry.detail.as_deref()),
    }
    .into()
}
