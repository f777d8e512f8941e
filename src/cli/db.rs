//! `charter db`: charter's tables in a database, and which migrations it has.

use super::session::{Session, named};
use super::ui::{DOUBTFUL, Exit, Failure, GOOD, Outcome, PLAIN, Table, count, object, or_null, to_the_second};
use crate::config::{DatabaseUrl, Resolved};
use crate::error::{Error, ErrorKind};
use crate::migrate::{AppliedMigration, Migration, MigrationSet, Status};
use crate::record::Value;
use crate::store::Store;

/// Make and upgrade charter's tables, and see which migrations a database has
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make charter's tables in a database, on a server too
    ///
    /// Applies every migration that the database lacks, each in one transaction with its row of history. Where there is
    /// nothing to do, nothing is done. A new database gets its environment from --env, else from the configuration; else
    /// an embedded one is `dev` and one on a server `prod`.
    #[command(after_long_help = "\
Examples:
  charter db init postgresql://charter@registry.example.com/charter
  charter db init --env staging postgresql://charter@localhost/charter
  charter db init sqlite:///registry.db")]
    Init(Database),
    /// Apply the migrations that a database lacks
    ///
    /// Each migration is one transaction with its row of history: what was applied before a failure stays applied.
    #[command(after_long_help = "\
Examples:
  charter db upgrade
  charter db upgrade postgresql://charter@registry.example.com/charter")]
    Upgrade(Database),
    /// Print the newest migration that a database has
    ///
    /// Prints its number, name and id, and what is pending. Only reads; a file that does not exist is an error.
    #[command(after_long_help = "\
Examples:
  charter db current
  charter db current --check && echo 'nothing pending'
  charter db current --json | jq .at_head")]
    Current(Current),
    /// List the migrations that a database has, and those that it lacks
    #[command(after_long_help = "\
Examples:
  charter db history
  charter db history postgresql://charter@registry.example.com/charter --json")]
    History(Database),
}

/// Which database.
#[derive(clap::Args)]
pub(super) struct Database {
    /// The database; by default the one that the configuration names
    #[arg(value_name = "URL")]
    url: Option<String>,
}

/// The arguments of `charter db current`.
#[derive(clap::Args)]
pub(super) struct Current {
    #[command(flatten)]
    database: Database,
    /// Fail (exit code 1) unless nothing is pending
    #[arg(long)]
    check: bool,
}

pub(super) fn run(session: &Session<'_>, command: &Command) -> Outcome {
    match command {
        Command::Init(database) | Command::Upgrade(database) => upgrade(session, database),
        Command::Current(arguments) => current(session, arguments),
        Command::History(database) => history(session, database),
    }
}

/// The error for a database that another program's configuration names.
pub(super) fn foreign(database: &Resolved) -> Error {
    let message =
        format!("{database} is named by another program's configuration, and charter makes nothing there by itself");
    Error::new(ErrorKind::Refused, message).with_hint("name the database as an argument, or in a charter.cfg")
}

fn upgrade(session: &Session<'_>, database: &Database) -> Outcome {
    let configuration = session.configuration(database.url.as_deref())?;
    let database = configuration.database();
    if database.source.is_foreign() {
        return Err(foreign(database).into());
    }
    let progress = session.ui.progress("connecting");
    let mut applied: Vec<Migration> = Vec::new();
    let result =
        Store::initialize(&database.url, session.environment(&configuration), &mut |done, total, migration| {
            progress.update(&format!("applying migration {}", name(migration)), done as u64, total as u64);
            applied.push(migration.clone());
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

fn current(session: &Session<'_>, arguments: &Current) -> Outcome {
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

/// Which migrations a database has; `None` for a store without migrations.
fn migration_status(database: &Resolved) -> Result<Option<Status>, Error> {
    let url = &database.url;
    let error = match Store::migration_status(url) {
        Err(error) if error.kind() == ErrorKind::NotFound && url.is_embedded() => {
            Error::new(ErrorKind::NotFound, format!("there is no database {url}"))
                .with_hint("make it with `charter init`, or put something into it with `charter put FILE`")
        }
        result => return result.map_err(|error| named(database, error)),
    };
    Err(named(database, error))
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

fn history(session: &Session<'_>, database: &Database) -> Outcome {
    let configuration = session.configuration(database.url.as_deref())?;
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

fn without_migrations(session: &Session<'_>, url: &DatabaseUrl) -> Outcome {
    session.ui.result(|| format!("{url} has no migrations\n"), || Value::Null)
}

/// `1 contracts 0f0f0f0f0f0f`.
fn name(migration: &Migration) -> String {
    format!("{} {} {}", migration.number(), migration.slug(), migration.id())
}

fn applied_name(applied: &AppliedMigration) -> String {
    let id = applied.id.as_deref().unwrap_or("(newer than this program)");
    format!("{} {} {id}", applied.number, applied.slug)
}

fn applied_value(applied: &AppliedMigration) -> Value {
    object! {
        "number": applied.number.unsigned_abs(),
        "name": applied.slug.as_str(),
        "id": or_null(applied.id.as_deref()),
        "applied_at": applied.applied_at.as_str(),
    }
    .into()
}

fn migration_value(migration: &Migration, applied_at: Option<Value>) -> Value {
    let mut value = object! {
        "number": migration.number().unsigned_abs(),
        "name": migration.slug(),
        "id": migration.id(),
    };
    if let Some(applied_at) = applied_at {
        value.insert("applied_at", applied_at);
    }
    value.into()
}
