//! `charter db`: charter's tables in a database, those of the project, and which migrations both have. One file for each
//! verb.

mod backup;
mod check;
mod confirm;
mod create;
mod current;
mod database;
mod downgrade;
mod environment;
pub(super) mod events;
mod history;
mod info;
mod init;
mod lint;
mod migrations;
mod pending;
mod renumber;
mod seed;
mod stamp;
mod template;
mod truncate;
mod upgrade;
mod validate;
mod verify;

use super::session::Session;
use super::ui::Outcome;
use crate::config::Resolved;
use crate::error::{Error, ErrorKind};
use clap::Subcommand as _;
use database::Database;

/// Make and upgrade charter's tables, and see which migrations a database has
#[derive(clap::Subcommand)]
pub(super) enum Command {
    Init(init::Arguments),
    Upgrade(upgrade::Arguments),
    Downgrade(downgrade::Arguments),
    Current(current::Arguments),
    History(history::Arguments),
    Environment(environment::Arguments),
    Lint(lint::Arguments),
    Pending(pending::Arguments),
    Validate(validate::Arguments),
    Check(check::Arguments),
    Verify(verify::Arguments),
    Stamp(stamp::Arguments),
    #[command(visible_alias = "revision")]
    Create(create::Arguments),
    Template(template::Arguments),
    Renumber(renumber::Arguments),
    Info(info::Arguments),
    Seed(seed::Arguments),
    Truncate(truncate::Arguments),
}

/// Whether there is a verb of this name.
pub(super) fn has_verb(name: &str) -> bool {
    Command::has_subcommand(name)
}

pub(super) fn run(session: &Session<'_>, command: &Command) -> Outcome {
    match command {
        Command::Init(arguments) => init::run(session, arguments),
        Command::Upgrade(arguments) => upgrade::run(session, arguments),
        Command::Downgrade(arguments) => downgrade::run(session, arguments),
        Command::Current(arguments) => current::run(session, arguments),
        Command::History(arguments) => history::run(session, arguments),
        Command::Environment(arguments) => environment::run(session, arguments),
        Command::Lint(arguments) => lint::run(session, arguments),
        Command::Pending(arguments) => pending::run(session, arguments),
        Command::Validate(arguments) => validate::run(session, arguments),
        Command::Verify(arguments) => verify::run(session, arguments),
        Command::Check(arguments) => check::run(session, arguments),
        Command::Create(arguments) => create::run(session, arguments),
        Command::Template(arguments) => template::run(session, arguments),
        Command::Renumber(arguments) => renumber::run(session, arguments),
        Command::Stamp(arguments) => stamp::run(session, arguments),
        Command::Info(arguments) => info::run(session, arguments),
        Command::Seed(arguments) => seed::run(session, arguments),
        Command::Truncate(arguments) => truncate::run(session, arguments),
    }
}

/// The error for a database that another program's configuration names.
pub(super) fn foreign(database: &Resolved) -> Error {
    let message =
        format!("{database} is named by another program's configuration, and charter makes nothing there by itself");
    Error::new(ErrorKind::Refused, message).with_hint("name the database as an argument, or in a charter.cfg")
}
