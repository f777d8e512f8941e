//! `charter db info`.

use super::super::session::Session;
use super::super::ui::{BAD, DOUBTFUL, Exit, Failure, GOOD, Outcome, count, object, or_null};
use super::database::{Database, Opened, Set};
use super::migrations::{prefix, without_migrations};
use super::verify::drop_on_interrupt;
use crate::config::DatabaseUrl;
use crate::engine::Engine;
use crate::migrate::MigrationSet;
use crate::migrate::schema::{Difference, SchemaInfo, SchemaState};
use crate::record::Value;

/// Tell whether a database has the tables that its revision should have
///
/// Compares what the engine's catalogue says with what the migrations make in a throw-away database: tables, columns, keys,
/// checks, indexes and views that are missing, extra or different. Other programs' tables do not count. Only reads. The
/// throw-away database is in memory, of SQLite where the database is PostgreSQL's, or with --against one on that server,
/// which is dropped at the end. Where nothing is recorded, whatever is there of a set is extra. Fails (exit code 1) if
/// something is missing, extra or different, and with 4 if the database is not initialised.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db info
  charter db info postgresql://charter@registry.example.com/charter --json | jq .valid
  charter db info --against postgresql://postgres@localhost/postgres")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    set: Set,
    /// A Postgres server whose user may make databases, for the throw-away one
    #[arg(long, value_name = "URL")]
    against: Option<String>,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let against = arguments.against.as_deref().map(DatabaseUrl::parse).transpose().map_err(Failure::Usage)?;
    let opened = arguments.database.open(session)?;
    if opened.manager.engine().is_none() {
        return without_migrations(session, &opened);
    }
    let set = arguments.set.name()?;
    opened.manager.set(set)?;
    let environment = opened.manager.get_environment()?;
    drop_on_interrupt(against.as_ref());
    let mut infos = opened.manager.get_schema_info_against(against.as_ref())?;
    // Of a database that is not initialised no set is as it should be.
    let is_missing = infos.iter().any(is_missing);
    infos.retain(|info| set.is_none_or(|set| info.set == set));
    let verdict = if is_missing { Some(false) } else { verdict(&infos) };
    session.ui.result(
        || infos.iter().map(|info| text(&opened, info)).collect(),
        || {
            object! {
                "database": opened.database.url.to_string(),
                "environment": environment.as_str(),
                "valid": or_null(verdict),
                "sets": infos.iter().map(value).collect::<Vec<_>>(),
            }
            .into()
        },
    )?;
    for why in infos.iter().flat_map(|info| &info.left_out) {
        session.ui.warning(None, &format!("not tried: {why}"));
    }
    if against.is_none() && infos.iter().any(is_unknown_on_a_server) {
        session.ui.warning(None, "--against URL compares it with a throw-away database of a server");
    }
    if is_missing {
        return Err(opened.manager.not_initialized().into());
    }
    if infos.iter().any(is_unrecorded) {
        session.ui.hint("`charter db init` records the revision that tables without a history look like");
    }
    if verdict == Some(false) { Err(Failure::Told(Exit::Failed)) } else { Ok(()) }
}

/// Whether charter's own tables are not recorded. A set of the project may not have begun.
fn is_missing(info: &SchemaInfo) -> bool {
    info.state == SchemaState::NotInitialized && info.set == MigrationSet::charter().name()
}

/// Whether there is something of a set of which nothing is recorded.
fn is_unrecorded(info: &SchemaInfo) -> bool {
    info.state == SchemaState::NotInitialized && !info.differences.is_empty()
}

fn is_unknown_on_a_server(info: &SchemaInfo) -> bool {
    info.engine == Engine::Postgres && matches!(info.state, SchemaState::Unknown(_))
}

/// Whether the database is as it should be; `None` where nobody can say.
fn verdict(infos: &[SchemaInfo]) -> Option<bool> {
    let is_wrong = |info: &SchemaInfo| !info.differences.is_empty();
    let is_unknown = |info: &SchemaInfo| matches!(info.state, SchemaState::Newer | SchemaState::Unknown(_));
    if infos.iter().any(is_wrong) {
        return Some(false);
    }
    (!infos.iter().any(is_unknown)).then_some(true)
}

fn text(opened: &Opened, info: &SchemaInfo) -> String {
    let (style, state) = match &info.state {
        SchemaState::Valid => (GOOD, "valid".to_owned()),
        SchemaState::Different => (BAD, format!("not valid: {}", count(info.differences.len(), "difference"))),
        SchemaState::NotInitialized => (DOUBTFUL, "not initialised".to_owned()),
        SchemaState::Newer => (DOUBTFUL, "ahead of this program, which cannot say whether it is valid".to_owned()),
        SchemaState::Unknown(reason) => (DOUBTFUL, format!("nobody can say whether it is valid: {reason}")),
    };
    let revision = info.revision.map_or_else(|| "base".to_owned(), |revision| revision.to_string());
    let parts = [(info.tables.len(), "table"), (info.indexes.len(), "index"), (info.views.len(), "view")].map(
        |(number, noun)| match (number, noun) {
            (1, noun) => format!("1 {noun}"),
            (number, "index") => format!("{number} indexes"),
            (number, noun) => format!("{number} {noun}s"),
        },
    );
    let mut text = format!(
        "{}{} at {revision}: {style}{state}{style:#}; {}\n",
        prefix(opened, &info.set),
        info.engine,
        parts.join(", ")
    );
    for difference in &info.differences {
        text.push_str(&format!("  {difference}\n"));
    }
    text
}

fn value(info: &SchemaInfo) -> Value {
    let names = |names: &[String]| names.iter().map(|name| Value::from(name.as_str())).collect::<Vec<_>>();
    let reason = match &info.state {
        SchemaState::Unknown(reason) => Some(reason.as_str()),
        _ => None,
    };
    object! {
        "set": info.set.as_str(),
        "engine": info.engine.as_str(),
        "revision": or_null(info.revision.map(i64::unsigned_abs)),
        "head": info.head.unsigned_abs(),
        "state": info.state.as_str(),
        "reason": or_null(reason),
        "tables": names(&info.tables),
        "indexes": names(&info.indexes),
        "views": names(&info.views),
        "missing": info.missing().map(difference_value).collect::<Vec<_>>(),
        "extra": info.extra().map(difference_value).collect::<Vec<_>>(),
        "different": info.different().map(difference_value).collect::<Vec<_>>(),
        "left_out": names(&info.left_out),
    }
    .into()
}

/// A difference, for programs.
pub(super) fn difference_value(difference: &Difference) -> Value {
    object! {
        "object": difference.object.as_str(),
        "table": or_null(difference.table.as_deref()),
        "name": difference.name.as_str(),
        "aspect": or_null(difference.aspect.map(|aspect| aspect.as_str())),
        "found": or_null(difference.found.as_deref()),
        "wanted": or_null(difference.wanted.as_deref()),
    }
    .into()
}
