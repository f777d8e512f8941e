//! `charter db create`.

use super::super::session::Session;
use super::super::ui::{Failure, GOOD, Outcome, object};
use super::database::{Database, Set};
use crate::error::Error;
use crate::migrate::{Content, Created, Rename};
use crate::record::Value;

/// Write the next migration: an empty pair of files, or what leads to the models
///
/// The files go into the project's folder ([migrations] dir in charter.cfg), numbered by the time in UTC. With --auto they
/// are filled: schema.sql there says what tables, indexes and views there are to be, and what the migrations lack of it is
/// written, up and down, with files of its own for an engine that cannot run what the others can. What was written was tried
/// before. Comments that begin with `decide:` are for you. Nothing to do is no error, and no file.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db create -m 'add description to schemas'
  charter db create -m 'orders have notes' --auto
  charter db create -m 'clients' --auto --rename customers:clients --rename orders.customer:client")]
pub(in crate::cli) struct Arguments {
    /// What the migration does, in a few words; they become its name
    #[arg(short, long, value_name = "TEXT")]
    message: String,
    /// Write what leads from the migrations to the models, schema.sql
    #[arg(long, alias = "autogenerate")]
    auto: bool,
    /// A table (OLD:NEW) or a column (TABLE.OLD:NEW) that has another name in the models; may be said several
    /// times. On a terminal you are asked about what may be meant
    #[arg(long, value_name = "OLD:NEW", requires = "auto")]
    rename: Vec<String>,
    #[command(flatten)]
    set: Set,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let renames: Result<Vec<Rename>, Error> = arguments.rename.iter().map(|rename| rename.parse()).collect();
    let renames = renames.map_err(Failure::Usage)?;
    let opened = Database::files(session)?;
    let set = arguments.set.name()?;
    let mut failed = None;
    let mut ask = |rename: &Rename| {
        let question = match rename {
            Rename::Table { from, to } => format!("is the table {to} the former {from}?"),
            Rename::Column { table, from, to } => format!("is the column {table}.{to} the former {from}?"),
        };
        session.ui.ask_yes(&question).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    };
    let content = match arguments.auto {
        true => Content::Models { renames, ask: session.ui.can_ask().then_some(&mut ask) },
        false => Content::Empty,
    };
    let created = opened.manager.create_migration_with(set, &arguments.message, content)?;
    if let Some(error) = failed {
        // Nothing else shows that a question was not answered.
        session.ui.warning(None, &format!("nobody could be asked about renames: {error}"));
    }
    told(session, opened.manager.set(set)?.name(), &created)
}

/// Says which files were written.
pub(super) fn told(session: &Session<'_>, set: &str, created: &[Created]) -> Outcome {
    let text = || {
        let files = created.iter().flat_map(|created| &created.files);
        let lines: String = files.map(|file| format!("{GOOD}written{GOOD:#}  {}\n", file.display())).collect();
        if lines.is_empty() {
            "the migrations make what the models say: nothing was written\n".to_owned()
        } else {
            lines
        }
    };
    session.ui.result(text, || {
        let created = created.iter().map(|created| {
            let files = created.files.iter().map(|file| Value::from(file.display().to_string()));
            Value::from(object! {
                "number": created.number.unsigned_abs(),
                "name": created.slug.as_str(),
                "files": files.collect::<Vec<_>>(),
            })
        });
        object! {"set": set, "created": created.collect::<Vec<_>>()}.into()
    })
}
