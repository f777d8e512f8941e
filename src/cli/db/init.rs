//! `charter db init`.

use super::super::session::Session;
use super::super::ui::Outcome;
use super::backup::BackupFirst;
use super::database::Database;
use super::upgrade::{self, Permit};
use crate::migrate::UpgradeOptions;

/// Make charter's tables in a database, on a server too
///
/// Applies every migration that the database lacks, the project's included, each in one transaction with its row of
/// history. Where there is nothing to do, nothing is done. A new database gets its environment from --env, else from the
/// configuration; else an embedded one is `dev` and one on a server `prod`.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db init postgresql://charter@registry.example.com/charter
  charter db init --env staging postgresql://charter@localhost/charter
  charter db init sqlite:///registry.db")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let opened = arguments.database.open_to_change(session)?;
    upgrade::upgrade(session, &opened, UpgradeOptions::default(), &Permit::default(), &BackupFirst::default())
}
