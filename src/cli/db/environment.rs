//! `charter db environment`.

use super::super::session::{Session, named};
use super::super::ui::{Failure, Outcome, object};
use super::confirm::Agreement;
use super::database::Database;
use super::events::Told;
use super::migrations::without_migrations;
use crate::config::{DatabaseUrl, Environment};
use crate::migrate::Confirmation;

/// Print the environment of a database, or change it
///
/// A database is made with its environment, and every client keeps its rules: a client can only be stricter (--env). Its
/// owner changes it here; the change is written to the history. Making the rules weaker asks, and in prod the database's
/// name must be typed.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db environment
  charter db environment staging
  charter db environment postgresql://charter@registry.example.com/charter prod
  charter db environment postgresql://charter@registry.example.com/charter staging --confirm charter")]
pub(in crate::cli) struct Arguments {
    /// The database; by default the one that the configuration names
    #[arg(value_name = "URL")]
    first: Option<String>,
    /// The environment that it is from now on: dev, staging or prod
    #[arg(value_name = "ENVIRONMENT")]
    second: Option<String>,
    #[command(flatten)]
    agreement: Agreement,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let (first, second) = (arguments.first.as_deref(), arguments.second.as_deref());
    // One word alone is the environment if it is one.
    let (url, wanted) = match (first, second) {
        (Some(word), None) if word.parse::<Environment>().is_ok() => (None, Some(word)),
        words => words,
    };
    let wanted = wanted.map(str::parse::<Environment>).transpose().map_err(Failure::Usage)?;
    if let (Some(word), None) = (url, wanted)
        && let Err(error) = DatabaseUrl::parse(word)
    {
        let forms = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
        return Err(Failure::Usage(error.with_hint(format!("{forms}the environments are dev, staging and prod"))));
    }
    let database = Database { url: url.map(str::to_owned) };
    let opened = match wanted {
        Some(_) => database.open_to_change(session)?,
        None => database.open(session)?,
    };
    if opened.manager.engine().is_none() {
        return without_migrations(session, &opened);
    }
    let url = &opened.database.url;
    let blame = |error| named(&opened.database, error);
    let before = opened.manager.database_environment().map_err(blame)?;
    let Some(wanted) = wanted else {
        return session.ui.result(
            || format!("{before}\n"),
            || object! {"database": url.to_string(), "environment": before.as_str()}.into(),
        );
    };
    let confirmation = match wanted < before {
        true => {
            let question = format!("{url} is {before}, and the rules of {wanted} are weaker. Change it?");
            arguments.agreement.obtain(session, &opened, before, &question)?
        }
        false => Confirmation::None,
    };
    let progress = session.ui.progress("changing the environment");
    let mut told = Told::default();
    let mut tell = |event: crate::migrate::Event<'_>| told.tell(session.ui, &progress, &event);
    let before = opened.manager.change_environment(wanted, &confirmation, &mut tell).map_err(blame)?;
    drop(progress);
    let text = || match before == wanted {
        true => format!("{url} is {wanted} already\n"),
        false => format!("{url} is {wanted} now; it was {before}\n"),
    };
    let value = || object! {"database": url.to_string(), "environment": wanted.as_str(), "before": before.as_str()};
    session.ui.result(text, || value().into())
}
