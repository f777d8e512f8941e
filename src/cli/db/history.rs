//! `charter db history`.

use super::super::session::Session;
use super::super::ui::{DOUBTFUL, Outcome, PLAIN, Table, to_the_second};
use super::Database;
use super::migrations::{applied_value, migration_status, migration_value, without_migrations};
use crate::record::Value;

/// List the migrations that a database has, and those that it lacks
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db history
  charter db history postgresql://charter@registry.example.com/charter --json")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let configuration = session.configuration(arguments.database.url.as_deref())?;
    let url = &configuration.database().url;
    let Some(status) = migration_status(configuration.database())? else { return without_migrations(session, url) };
    let text = || {
        let mut table = Table::with_headings(&["NUMBER", "NAME", "ID", "APPLIED"]);
        for applied in &status.applied {
            let id = applied.id.as_deref().unwrap_or("unknown");
            table.row([&applied.number.to_string(), &applied.slug, id, &to_the_second(&applied.applied_at)]);
        }
        for migration in &status.pending {
            table.styled_row([
                (PLAIN, migration.number().to_string()),
                (PLAIN, migration.slug().to_owned()),
                (PLAIN, migration.id()),
                (DOUBTFUL, "pending".to_owned()),
            ]);
        }
        table.render()
    };
    session.ui.result(text, || {
        let applied = status.applied.iter().map(applied_value);
        let pending = status.pending.iter().map(|migration| migration_value(migration, Some(Value::Null)));
        Value::from(applied.chain(pending).collect::<Vec<_>>())
    })
}
