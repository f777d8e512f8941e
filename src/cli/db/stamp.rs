//! `charter db stamp`.

use super::super::session::Session;
use super::super::ui::{GOOD, Outcome, object};
use super::database::{Database, Set, Unasked, Way, is_revision};
use super::events::Told;
use super::migrations::without_migrations;
use super::upgrade::sql_result;
use crate::migrate::Revision;
use crate::record::Value;

/// Record that a database is at a revision, and run nothing
///
/// Repairs the history by hand: adds what is missing up to the revision and takes out what is above it, takes the present
/// texts for those that were applied, and ends a migration that is half done. Only the history is changed, of one set: the
/// project's where there is one, else charter's own. Each change is kept in the history with the reason.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
#[command(after_long_help = "\
Examples:
  charter db stamp head --reason 'the tables were made by hand'
  charter db stamp 20260131120000 postgresql://charter@registry.example.com/charter
  charter db stamp base --set project
  charter db stamp 20260131120000:head --sql --engine postgres")]
pub(in crate::cli) struct Arguments {
    /// The revision: head, base, +N, -N, or a migration by its number, its name, or the beginning of its id; with --engine
    /// also A:B, from A to B
    #[arg(value_name = "REVISION", allow_negative_numbers = true)]
    revision: String,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    set: Set,
    /// Why; it is kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print the statements that would run, and change nothing
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    unasked: Unasked,
}

impl Arguments {
    /// Which word is the revision and which the URL, in the order of the other verbs too.
    fn parts(&self) -> (&str, Database) {
        match self.database.url.as_deref() {
            Some(second) if is_revision(second) && !is_revision(&self.revision) => {
                (second, Database { url: Some(self.revision.clone()) })
            }
            url => (&self.revision, Database { url: url.map(str::to_owned) }),
        }
    }
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let (revision, database) = arguments.parts();
    let way = Way::parse(Some(revision))?;
    let opened = database.open_to_change(session)?;
    let (revision, offline) = (way.to.unwrap_or(Revision::Head), arguments.unasked.offline(session, way.from)?);
    if opened.manager.engine().is_none() && offline.is_none() {
        return without_migrations(session, &opened);
    }
    let set = arguments.set.name()?;
    if arguments.sql {
        let reason = arguments.reason.as_deref();
        let text = opened.manager.stamp_sql(set, &revision, reason, offline.as_ref())?;
        return sql_result(session, &opened, offline.as_ref(), text);
    }
    let (name, url) = (opened.manager.set(set)?.name().to_owned(), &opened.database.url);
    let progress = session.ui.progress("connecting");
    let mut told = Told::default();
    let reason = arguments.reason.as_deref();
    let stamped =
        opened.manager.stamp(set, &revision, reason, &mut |event| told.tell(session.ui, &progress, &event))?;
    drop(progress);
    let text = || {
        let lines = stamped
            .iter()
            .map(|stamped| format!("{GOOD}{}{GOOD:#}  {} {}\n", stamped.action.as_str(), stamped.number, stamped.slug));
        let lines: String = lines.collect();
        if lines.is_empty() { format!("the history of {url} says that already: nothing was done\n") } else { lines }
    };
    session.ui.result(text, || {
        let changes = stamped.iter().map(|stamped| {
            Value::from(object! {
                "number": stamped.number.unsigned_abs(),
                "name": stamped.slug.as_str(),
                "action": stamped.action.as_str(),
            })
        });
        object! {"database": url.to_string(), "set": name, "changes": changes.collect::<Vec<_>>()}.into()
    })
}
