//! `charter db seed`.

use super::super::put::{Reporting, put};
use super::super::session::{Session, refuse_url};
use super::super::ui::Outcome;
use super::Database;
use crate::record::ContractOptions;
use std::path::PathBuf;

/// Store what a folder has: contracts, owners, domains, systems, data feeds
///
/// Stores every contract file of a folder and its subfolders as `charter put` does, and the lists in owners.yaml,
/// domains.yaml, systems.yaml and data_feeds.yaml: one record for each entry, under its `name` (owners under their `id`).
/// All of it is stored, or nothing. Seeding again changes nothing; a list's entry that has changed is its next edition.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db seed seeds/
  charter db seed seeds/ postgresql://charter@localhost/charter
  charter db seed seeds/ --dry-run    Check everything, store nothing")]
pub(in crate::cli) struct Arguments {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    database: Database,
    /// Check everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// List every record, however many there are
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    refuse_url(&arguments.folder.to_string_lossy(), "the folder")?;
    let configuration = session.configuration(arguments.database.url.as_deref())?;
    let reporting = Reporting { dry_run: arguments.dry_run, verbose: arguments.verbose };
    put(session, &configuration, std::slice::from_ref(&arguments.folder), None, &ContractOptions::default(), reporting)
}
