//! Migrations: which ones there are, which ones a database has, applying what it lacks and taking it back.
//!
//! A migration is plain SQL that runs verbatim on every engine. It is applied through refinery with its history row in one
//! transaction, so that both commit together or not at all; charter's own wrapper of each engine's connection
//! (`MigrationConnection`) adds what the engine needs inside that transaction.

mod apply;
mod audit;
mod autogenerate;
mod connection;
mod create;
mod event;
mod files;
mod history;
#[cfg(feature = "lint")]
mod live;
mod manager;
mod policy;
mod refinery;
mod renumber;
mod revision;
pub mod schema;
mod script;
mod set;
mod status;

pub(crate) use apply::{Work, apply, locked};
pub(crate) use audit::Actor;
pub use audit::{Action, Allowed};
pub use autogenerate::{Content, Rename, create_migration, models_differences};
pub(crate) use connection::{Purpose, connect};
pub use create::Created;
pub use event::{Event, Timeouts};
pub use history::HistoryEntry;
pub use manager::{
    Confirmation, Done, DowngradeOptions, MigrationManager, Planned, SetStatus, TableRows, UpgradeOptions, Validation,
    database_name, migrate, rollback,
};
pub use policy::{Allowance, Judged, Judgement, Occasion};
pub use renumber::{RenumberBy, Renumbered, plan_renumbering, renumber};
pub use revision::Revision;
pub use script::Script;
pub use set::{Migration, MigrationSet, Problem};
pub use status::{AppliedMigration, Status, Unfinished};
pub(crate) use status::{Found, check_minimum_program};
