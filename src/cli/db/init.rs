//! `charter db init`.

use super::super::session::Session;
use super::super::ui::{Outcome, declined};
use super::backup::BackupFirst;
use super::database::{Database, Opened, Unasked};
use super::upgrade::{self, Permit};
use crate::error::{Error, ErrorKind};
use crate::migrate::schema::Match;
use crate::migrate::{Migration, MigrationSet, Revision, UpgradeOptions};

/// Make charter's tables in a database, on a server too
///
/// Applies every migration that the database lacks, the project's included, each in one transaction with its row of
/// history. Where there is nothing to do, nothing is done. A new database gets its environment from --env, else from the
/// configuration; else an embedded one is `dev` and one on a server `prod`.
///
/// Where the tables are there already and no history says so, the revision that they look like is recorded, if --force or
/// a person says so; if they look like none, the differences are shown and nothing is done.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db init postgresql://charter@registry.example.com/charter
  charter db init --env staging postgresql://charter@localhost/charter
  charter db init sqlite:///registry.db
  charter db init sqlite:///registry.db --sql | sqlite3 -bail registry.db
  charter db init --sql --engine postgres | psql --set ON_ERROR_STOP=1 charter
  charter db init --force                   Record tables that are there already")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
    /// Record the revision that tables look like which are there without a history
    #[arg(long)]
    force: bool,
    /// Print the statements that would run, and change nothing
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    unasked: Unasked,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let opened = arguments.database.open_to_change(session)?;
    if arguments.sql {
        return print_sql(session, &opened, arguments);
    }
    let unlike = match opened.manager.engine() {
        Some(_) => adopt(session, &opened, arguments.force)?,
        None => Vec::new(),
    };
    upgrade::upgrade(session, &opened, UpgradeOptions::default(), &Permit::default(), &BackupFirst::default())
        .inspect_err(|_| unlike.iter().for_each(|difference| session.ui.warning(None, difference)))
}

/// Prints what would run.
fn print_sql(session: &Session<'_>, opened: &Opened, arguments: &Arguments) -> Outcome {
    let (options, offline) = (UpgradeOptions::default(), arguments.unasked.offline(session, None)?);
    if offline.is_none() && opened.manager.engine().is_some() {
        let unrecorded = unrecorded(session, opened)?;
        if !unrecorded.found.is_empty() && !arguments.force {
            return Err(Error::new(ErrorKind::Refused, unrecorded.message(opened))
                .with_hint("`charter db init --force --sql` prints what records that they are there, and the rest")
                .into());
        }
        if !unrecorded.found.is_empty() {
            let recorded: Vec<_> = unrecorded.found.iter().map(|(set, migration)| (*set, migration.number())).collect();
            let written = opened.manager.init_sql(&recorded, UNRECORDED)?;
            return upgrade::upgrade_sql_result(session, opened, written, None);
        }
    }
    upgrade::print_sql(session, opened, &options, offline.as_ref())
}

/// Why tables are recorded that were not.
const UNRECORDED: &str = "the tables were there without a history";

/// Tables of sets of which nothing is recorded.
#[derive(Default)]
struct Unrecorded<'a> {
    /// As which migration leaves them.
    found: Vec<(&'a MigrationSet, &'a Migration)>,
    /// In what tables with names of a project's are not what any of its revisions makes, which may keep it from being made.
    unlike: Vec<String>,
}

impl Unrecorded<'_> {
    fn message(&self, opened: &Opened) -> String {
        let tables = self.found.iter().map(|(set, migration)| format!("of {} as migration {migration}", set.name()));
        let tables = tables.collect::<Vec<_>>().join(", and ");
        format!("{} has no history of the tables {tables} leaves them", opened.database.url)
    }
}

fn unrecorded<'a>(session: &Session<'_>, opened: &'a Opened) -> Outcome<Unrecorded<'a>> {
    let mut unrecorded = Unrecorded::default();
    let statuses = match opened.patiently(session, || opened.manager.status()) {
        // It is made now.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(unrecorded),
        statuses => statuses?,
    };
    for (set, of_set) in opened.manager.sets().iter().zip(&statuses) {
        // What is half applied is recorded, and goes on.
        if of_set.status.applied.is_empty() && of_set.status.unfinished.is_none() {
            let number = looks_like(session, opened, set, &mut unrecorded.unlike)?;
            unrecorded.found.extend(number.and_then(|number| set.migration(number)).map(|migration| (set, migration)));
        }
    }
    Ok(unrecorded)
}

/// Records what is there of sets of which nothing is recorded: of all of them or, when anything stands in the way, of none.
/// Gives in what tables with names of a project's are not what any of its revisions makes, which may keep it from being made.
fn adopt(session: &Session<'_>, opened: &Opened, is_forced: bool) -> Outcome<Vec<String>> {
    let unrecorded = unrecorded(session, opened)?;
    let message = unrecorded.message(opened);
    let Unrecorded { found, unlike } = unrecorded;
    if found.is_empty() {
        return Ok(unlike);
    }
    if !is_forced {
        if !session.ui.can_ask() {
            let error = Error::new(ErrorKind::Refused, message);
            return Err(error.with_hint("say --force to record that they are there").into());
        }
        if !session.ui.ask_yes(&format!("{message}. Record that they are there?"))? {
            return Err(declined().into());
        }
    }
    for (set, migration) in found {
        let revision = Revision::Named(migration.number().to_string());
        let stamped = opened.manager.stamp(Some(set.name()), &revision, Some(UNRECORDED), &mut |_| {})?;
        for stamped in stamped {
            session.ui.note(&format!("recorded {} {} {}", set.name(), stamped.number, stamped.slug));
        }
    }
    Ok(unlike)
}

/// The migration after which a set's tables look as those that are there.
fn looks_like(
    session: &Session<'_>,
    opened: &Opened,
    set: &MigrationSet,
    unlike: &mut Vec<String>,
) -> Outcome<Option<i64>> {
    let url = &opened.database.url;
    match opened.manager.get_matching_revision(set) {
        Ok(Match::Exactly(numbers)) => Ok(numbers.first().copied()),
        Ok(Match::Nearest { number, differences }) if set.is_charter() => {
            for difference in &differences {
                session.ui.warning(None, &difference.to_string());
            }
            let message = format!(
                "{url} has tables with names of charter's and no history of them, and they are not what any revision makes; \
                 least unlike is {number}"
            );
            let error = Error::new(ErrorKind::Refused, message);
            Err(error.with_hint("give charter a database of its own; or remove the differences, and try again").into())
        }
        // What is missing is made by the migrations; what stands in their way is told if one fails.
        Ok(Match::Nearest { number, differences }) => {
            let revision = set.migration(number).map(ToString::to_string).unwrap_or_default();
            let told = differences.iter().map(|difference| format!("unlike {revision}: {difference}"));
            unlike.extend(told);
            Ok(None)
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(error.into()),
    }
}
