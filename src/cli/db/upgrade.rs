//! `charter db upgrade`.

use super::super::session::{Session, refuse_url};
use super::super::ui::{Failure, GOOD, Outcome, count, declined, object, or_null};
use super::backup::{BackupFirst, backup_value};
use super::current::unknown;
use super::database::{Goal, Opened, Set, Unasked};
use super::events::{Told, warn_of_dependants, warn_of_unused};
use super::migrations::{done_values, prefix, without_migrations};
use super::verify::drop_on_interrupt;
use crate::config::DatabaseUrl;
use crate::error::{Error, ErrorKind};
use crate::migrate::{Allowance, Done, Offline, Revision, UpgradeOptions, UpgradeSql};
use crate::record::Value;

/// Apply the migrations that a database lacks
///
/// First charter's own, then the project's. Each migration is one transaction with its row of history: what was applied
/// before a failure stays applied. In staging and prod, migrations with an error finding, or without a down migration, are
/// refused before anything runs.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db upgrade
  charter db upgrade postgresql://charter@registry.example.com/charter
  charter db upgrade --reason 'release 7'   Say why, for the history
  charter db upgrade --revision +1          One migration of the project's set
  charter db upgrade --backup               Copy the file first
  charter db upgrade --sql                  Print what would run, and run nothing
  charter db upgrade --sql | sqlite3 -bail charter.db
  charter db upgrade --sql --engine postgres | psql --set ON_ERROR_STOP=1 charter
  charter db upgrade --sql --engine postgres 20260131120000:head
  charter db upgrade --allow column-dropped@20260131120000 --reason 'no program reads it since May'")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    goal: Goal,
    #[command(flatten)]
    set: Set,
    #[command(flatten)]
    permit: Permit,
    #[command(flatten)]
    backup: BackupFirst,
    /// Print the statements that would run, and change nothing
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    unasked: Unasked,
}

/// What is let pass.
#[derive(clap::Args, Default)]
pub(super) struct Permit {
    /// Let a finding pass: the rule's name, `@`, and the migration; needs --reason
    #[arg(long, value_name = "RULE@REVISION", requires = "reason")]
    allow: Vec<String>,
    /// Why; it is kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Agree, without being asked, to what prod asks about
    #[arg(long, short)]
    yes: bool,
    /// In prod, try the migrations in a temporary database of this server first: up, down and up again
    #[arg(long, value_name = "URL")]
    verify_against: Option<String>,
}

impl Permit {
    fn allowances(&self) -> Outcome<Vec<Allowance>> {
        let reason = self.reason.as_deref().unwrap_or_default();
        for text in &self.allow {
            refuse_url(text, "what is allowed")?;
        }
        let allowances = self.allow.iter().map(|text| Allowance::new(text, reason));
        allowances.collect::<Result<_, _>>().map_err(Failure::Usage)
    }

    /// Says in options what is let pass, and why.
    fn put_into(&self, options: &mut UpgradeOptions) -> Outcome {
        options.allowances = self.allowances()?;
        options.reason = reason(self.reason.as_deref())?;
        Ok(())
    }

    /// Refuses to try what is only printed.
    fn refuse_trying_with_sql(&self) -> Outcome {
        match self.verify_against {
            None => Ok(()),
            Some(_) => Err(Failure::Usage(
                Error::new(ErrorKind::Invalid, "what only prints statements tries nothing").with_hint(
                    "leave out --verify-against or --sql; `charter db verify --against URL` tries the migrations",
                ),
            )),
        }
    }
}

/// Why something is done, as it is kept.
pub(super) fn reason(text: Option<&str>) -> Outcome<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    match text.trim() {
        "" => Err(Failure::Usage(
            Error::new(ErrorKind::Invalid, "the reason is empty").with_hint("say why, or leave out --reason"),
        )),
        reason => Ok(Some(reason.to_owned())),
    }
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let (opened, way) = arguments.goal.open_to_change(session)?;
    let offline = arguments.unasked.offline(session, way.from)?;
    let mut options = UpgradeOptions {
        set: arguments.set.name()?.map(str::to_owned),
        revision: way.to.unwrap_or(Revision::Head),
        ..UpgradeOptions::default()
    };
    if arguments.sql {
        arguments.backup.refuse_with_sql()?;
        arguments.permit.refuse_trying_with_sql()?;
        arguments.permit.put_into(&mut options)?;
        return print_sql(session, &opened, &options, offline.as_ref());
    }
    upgrade(session, &opened, options, &arguments.permit, &arguments.backup)
}

/// Prints what would run, and warns where it would be refused.
pub(super) fn print_sql(
    session: &Session<'_>,
    opened: &Opened,
    options: &UpgradeOptions,
    offline: Option<&Offline>,
) -> Outcome {
    if opened.manager.engine().is_none() && offline.is_none() {
        return without_migrations(session, opened);
    }
    upgrade_sql_result(session, opened, opened.manager.upgrade_sql(options, offline)?, offline)
}

/// Prints the statements of an upgrade, and warns where it would be refused.
pub(super) fn upgrade_sql_result(
    session: &Session<'_>,
    opened: &Opened,
    UpgradeSql { sql, judgement, .. }: UpgradeSql,
    offline: Option<&Offline>,
) -> Outcome {
    // Of a database that is not asked, it is not known what it would refuse.
    for judged in judgement.migrations.iter().filter(|_| offline.is_none()) {
        for why in &judged.refused {
            session.ui.warning(None, &format!("refused: {}: {why}", judged.migration));
        }
        if judged.refused.is_empty() {
            warn_of_dependants(session.ui, judged);
        }
    }
    warn_of_unused(session.ui, &judgement);
    sql_result(session, opened, offline, sql)
}

/// Prints statements; as JSON they are one text, with the database if it was asked.
pub(super) fn sql_result(session: &Session<'_>, opened: &Opened, offline: Option<&Offline>, sql: String) -> Outcome {
    let database = offline.is_none().then(|| opened.database.url.to_string());
    let value = object! {"database": or_null(database), "sql": sql.as_str()};
    session.ui.result(|| sql, || value.into())
}

/// Applies what options say, if it is permitted.
pub(super) fn upgrade(
    session: &Session<'_>,
    opened: &Opened,
    mut options: UpgradeOptions,
    permit: &Permit,
    backup: &BackupFirst,
) -> Outcome {
    if opened.manager.engine().is_none() {
        return without_migrations(session, opened);
    }
    let url = &opened.database.url;
    permit.put_into(&mut options)?;
    options.confirmed = permit.yes;
    options.verify_against =
        permit.verify_against.as_deref().map(DatabaseUrl::parse).transpose().map_err(Failure::Usage)?;
    let judgement = opened.patiently(session, || opened.manager.judge(&options))?;
    if judgement.is_allowed() && judgement.needs_yes() && !options.confirmed && session.ui.can_ask() {
        let environment = judgement.environment;
        options.confirmed = session.ui.ask_yes(&format!("{url} is {environment}. Let pass what is allowed?"))?;
        if !options.confirmed {
            return Err(declined().into());
        }
    }
    judgement.check(url, options.confirmed)?;
    let copy = match judgement.migrations.is_empty() || !exists(opened) {
        true => None,
        false => backup.make(session, opened)?,
    };
    drop_on_interrupt(options.verify_against.as_ref());
    let progress = session.ui.progress("connecting");
    let mut told = Told::default();
    let applied = opened.manager.upgrade(&options, &mut |event| told.tell(session.ui, &progress, &event));
    drop(progress);
    let applied = applied.map_err(|error| told.before(opened, error, "applied", "applied"))?;
    if applied.is_empty() {
        for status in opened.manager.describe()?.iter().filter(|status| unknown(status) > 0) {
            let (ahead, set) = (count(unknown(status), "migration"), status.set.name());
            session.ui.warning(None, &format!("{url} is ahead of this program by {ahead} of the set {set}"));
        }
    }
    session.ui.result(
        || text(opened, &options, &applied),
        || {
            let (applied, copy) = (done_values(&applied), backup_value(copy));
            let not_tried: Vec<Value> = told.not_tried.iter().map(|why| why.as_str().into()).collect();
            object! {"database": url.to_string(), "applied": applied, "backup": copy, "not_tried": not_tried}.into()
        },
    )
}

/// Whether there is something to copy: an embedded file that is made now is not there yet.
fn exists(opened: &Opened) -> bool {
    !matches!(opened.manager.status(), Err(error) if error.kind() == ErrorKind::NotFound)
}

fn text(opened: &Opened, options: &UpgradeOptions, applied: &[Done]) -> String {
    let url = &opened.database.url;
    let mut text = String::new();
    for done in applied {
        text.push_str(&format!("{GOOD}applied{GOOD:#}  {}{done}\n", prefix(opened, &done.set)));
    }
    let is_all = options.revision == Revision::Head && options.set.is_none();
    text.push_str(&match (is_all, applied.last()) {
        (true, None) => format!("{url} has every migration already\n"),
        (true, Some(_)) => format!("{url} has every migration now\n"),
        (false, None) => format!("{url} has that already: nothing was done\n"),
        (false, Some(done)) => format!("{url} is at {} now\n", done.number),
    });
    text
}
