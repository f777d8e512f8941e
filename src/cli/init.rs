//! `charter init`: make a local database.

use super::db::events::Told;
use super::session::{Session, named};
use super::ui::{Failure, Outcome, object, or_null};
use crate::config::{Source, Target};
use crate::error::{Error, ErrorKind};
use crate::migrate::Event;
use crate::store::Store;
use std::io::Write;
use std::path::Path;

const CHARTER_FILE: &str = "charter.cfg";
const EXAMPLE: &str = include_str!("../../charter.cfg.example");
/// The line of the example that names the database.
const EXAMPLE_DATABASE: &str = "sql_alchemy_conn = sqlite:///charter.db\n";

/// Make a local database
///
/// Makes the file of an embedded database with charter's tables in it, and says where it is. If it is there already,
/// nothing happens. `charter put` does the same when it must; a registry on a server is made with `charter db init URL`.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter init                          Make sqlite:///charter.db, or what the configuration names
  charter init sqlite:///contracts.db   Make a database of another name
  charter init --config                 Make a charter.cfg too, with every key and what it means")]
pub(super) struct Arguments {
    /// The database to make; by default the one that the configuration names
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Write a charter.cfg into the working directory, unless there is one
    #[arg(long)]
    config: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let given = session.given_url(arguments.url.as_deref())?;
    let configuration = session.configuration(arguments.url.as_deref())?;
    let database = configuration.database();
    if database.source.is_foreign() {
        return Err(super::db::foreign(database).into());
    }
    match database.url.target() {
        Target::Sqlite(_) | Target::DuckDb(_) => {}
        Target::Memory => {
            let error = Error::new(ErrorKind::Invalid, "a store in memory is gone with the program: it cannot be made");
            return Err(Failure::Usage(error.with_hint("name a file: `charter init sqlite:///charter.db`")));
        }
        _ => {
            let error =
                Error::new(ErrorKind::Invalid, format!("{} is on a server, and this makes a local file", database.url));
            return Err(Failure::Usage(error.with_hint("a registry on a server is made with `charter db init URL`")));
        }
    }
    let (progress, mut told) = (session.ui.progress("connecting"), Told::default());
    let mut events = |event: Event<'_>| told.tell_opening(session.ui, &progress, &event);
    let applied = Store::initialize(&database.url, session.environment(&configuration), &mut events);
    drop(progress);
    let applied = applied.map_err(|error| named(database, error))?;
    let written = if arguments.config {
        let url = match (given, database.source) {
            (None, Source::Default) => None,
            (Some(given), _) => Some(given.trim().to_owned()),
            (None, _) => Some(database.url.to_string()),
        };
        write_configuration(url.as_deref())?
    } else {
        false
    };
    let text = || {
        let mut text = match applied.is_empty() {
            true => format!("{} is there already\n", database.url),
            false => format!("made {}\n", database.url),
        };
        match (arguments.config, written) {
            (false, _) => {}
            (true, true) => text.push_str(&format!("wrote {CHARTER_FILE}\n")),
            (true, false) => text.push_str(&format!("{CHARTER_FILE} is there already\n")),
        }
        text
    };
    session.ui.result(text, || {
        object! {
            "database": database.url.to_string(),
            "made": !applied.is_empty(),
            "configuration": or_null(written.then_some(CHARTER_FILE)),
        }
        .into()
    })?;
    if !applied.is_empty() {
        session.ui.note("next: `charter put FILE` stores a contract");
    }
    Ok(())
}

/// Writes the example as `charter.cfg`, with another URL if one is given; `false` if the file is there already.
fn write_configuration(url: Option<&str>) -> Result<bool, Error> {
    let text = match url {
        Some(url) => EXAMPLE.replacen(EXAMPLE_DATABASE, &format!("sql_alchemy_conn = {url}\n"), 1),
        None => EXAMPLE.to_owned(),
    };
    let path = Path::new(CHARTER_FILE);
    let failed = |error: std::io::Error| Error::from(error).at(path, None);
    // Never over a file that is there, even one that appears just now.
    match std::fs::File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true).map_err(failed),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_has_the_line_that_is_replaced() {
        assert_eq!(super::EXAMPLE.matches(super::EXAMPLE_DATABASE).count(), 1);
    }
}
