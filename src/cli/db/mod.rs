//! `charter db`: charter's tables in a database, and which migrations it has. One file for each verb.

mod current;
mod history;
mod init;
mod lint;
mod migrations;
mod seed;
mod upgrade;

use super::session::Session;
use super::ui::Outcome;
use crate::config::Resolved;
use crate::error::{Error, ErrorKind};

/// Make and upgrade charter's tables, and see which migrations a database has
#[derive(clap::Subcommand)]
pub(super) enum Command {
    Init(init::Arguments),
    Upgrade(upgrade::Arguments),
    Current(current::Arguments),
    History(history::Arguments),
    Lint(lint::Arguments),
    Seed(seed::Arguments),
}

/// Which database.
#[derive(clap::Args)]
struct Database {
    /// The database; by default the one that the configuration names
    #[arg(value_name = "URL")]
    url: Option<String>,
}

pub(super) fn run(session: &Session<'_>, command: &Command) -> Outcome {
    match command {
        Command::Init(arguments) => init::run(session, arguments),
        Command::Upgrade(arguments) => upgrade::run(session, arguments),
        Command::Current(arguments) => current::run(session, arguments),
        Command::History(arguments) => history::run(session, arguments),
        Command::Lint(arguments) => lint::run(session, arguments),
        Command::Seed(arguments) => seed::run(session, arguments),
    }
}

/// The error for a database that another program's configuration names.
pub(super) fn foreign(database: &Resolved) -> Error {
    let message =
        format!("{database} is named by another program's configuration, and charter makes nothing there by itself");
    Error::new(ErrorKind::Refused, message).with_hint("name the database as an argument, or in a charter.cfg")
}
