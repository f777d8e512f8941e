//! `charter db renumber`.

use super::super::session::Session;
use super::super::ui::{Failure, GOOD, Outcome, declined, object};
use super::database::{Database, Opened, Set};
use crate::config::Environment;
use crate::error::{Error, ErrorKind};
use crate::migrate::{RenumberBy, Renumbered, plan_renumbering, renumber};
use crate::record::Value;

/// Put migrations that nobody has applied after those that came in between
///
/// Two branches each bring migrations; the ones that are merged and applied first leave the others below the newest number,
/// where they are refused. Those that the database lacks and that lie below what it has get new numbers, in their order. Say
/// --migration to move some without asking a database. Files are renamed, all of them or none; texts stay as they are. A
/// database of your own that has your branch's migrations says the wrong thing: name one that has what was merged.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db renumber --dry-run
  charter db renumber postgresql://charter@registry.example.com/charter
  charter db renumber --migration add_email --migration V20260131120000__notes.sql")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    set: Set,
    /// A migration that goes after all others, by its number, its name or its file; may be said several times.
    /// The database is not asked then
    #[arg(long, value_name = "MIGRATION", conflicts_with = "url")]
    migration: Vec<String>,
    /// Say what would be renamed, and rename nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    if !arguments.migration.is_empty() && session.given_url(None)?.is_some() {
        let error = Error::new(ErrorKind::Invalid, "--migration does not go with a database, which would not be asked");
        return Err(Failure::Usage(error.with_hint("leave out one of them")));
    }
    let opened = arguments.database.open(session)?;
    let set = arguments.set.name()?;
    let name = opened.manager.set(set)?.name().to_owned();
    let plan = match arguments.migration.is_empty() {
        true => opened.manager.plan_renumbering(set)?,
        false => plan_renumbering(opened.manager.set(set)?, &RenumberBy::Named(arguments.migration.clone()))?,
    };
    if arguments.migration.is_empty() && !plan.is_empty() {
        ask_in_dev(session, &opened, &plan, arguments.dry_run)?;
    }
    if !arguments.dry_run {
        renumber(&plan)?;
    }
    session.ui.result(
        || text(&plan, arguments.dry_run),
        || {
            object! {
                "set": name,
                "dry_run": arguments.dry_run,
                "renumbered": plan.iter().map(value).collect::<Vec<_>>(),
            }
            .into()
        },
    )
}

/// A database of one's own has what one wrote, and lacks what others have merged before and applied elsewhere: then it is
/// not what it lacks that must move.
fn ask_in_dev(session: &Session<'_>, opened: &Opened, plan: &[Renumbered], is_dry_run: bool) -> Outcome {
    if opened.manager.get_environment()? != Environment::Dev {
        return Ok(());
    }
    let (url, names) = (&opened.database.url, plan.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>().join(", "));
    session.ui.warning(
        None,
        &format!(
            "{url} is a dev database: it lacks {names}, and cannot tell whether others have applied that under its present number"
        ),
    );
    session.ui.hint(
        "where these were merged first, name a database that has them, `charter db renumber URL`, or those that go last, \
         `--migration NAME`; take those back here before, with `charter db downgrade`",
    );
    if !is_dry_run && session.ui.can_ask() && !session.ui.ask_yes("Rename their files all the same?")? {
        return Err(declined().into());
    }
    Ok(())
}

fn text(plan: &[Renumbered], dry_run: bool) -> String {
    let what = if dry_run { "to renumber" } else { "renumbered" };
    let line = |one: &Renumbered| format!("{GOOD}{what}{GOOD:#}  {} {} -> {}\n", one.slug, one.from, one.to);
    match plan.is_empty() {
        true => "every migration is where it can be applied: nothing was renamed\n".to_owned(),
        false => plan.iter().map(line).collect(),
    }
}

fn value(renumbered: &Renumbered) -> Value {
    let files = renumbered
        .files
        .iter()
        .map(|(from, to)| Value::from(object! {"from": from.display().to_string(), "to": to.display().to_string()}));
    object! {
        "name": renumbered.slug.as_str(),
        "from": renumbered.from.unsigned_abs(),
        "to": renumbered.to.unsigned_abs(),
        "files": files.collect::<Vec<_>>(),
    }
    .into()
}
