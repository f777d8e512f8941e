//! Migrations: which ones there are, which ones a database has, applying what it lacks and taking it back.
//!
//! A migration is plain SQL that runs verbatim on every engine. It is applied through refinery with its history row in one
//! transaction, so that both commit together or not at all; charter adds what the engine needs inside that transaction.

mod absent;
mod allowance;
mod apply;
mod audit;
mod autogenerate;
mod connection;
mod create;
mod event;
mod files;
#[cfg(feature = "cli")]
mod histories;
mod history;
#[cfg(feature = "lint")]
mod live;
mod manager;
mod outside;
mod policy;
mod progress;
mod refinery;
mod renumber;
mod repair;
mod revision;
mod run;
pub mod schema;
mod script;
mod set;
mod stamp;
mod status;
mod steps;
mod template;
mod verify;

pub use allowance::Allowance;
pub use audit::{Action, Allowed};
pub use autogenerate::{Content, Rename, compare_models, models_differences};
pub(crate) use connection::{MigrationConnection, Purpose, connect};
pub use create::Created;
pub use event::{Event, Timeouts};
#[cfg(feature = "cli")]
pub(crate) use files::{FileName, MODELS_FILE, not_utf8};
#[cfg(feature = "cli")]
pub(crate) use histories::{Histories, Progress};
pub use history::HistoryEntry;
#[cfg(feature = "cli")]
pub(crate) use live::{catalogue, embedded_catalogue, server_version};
pub use manager::{
    Confirmation, Dependant, Described, Done, DowngradeOptions, Loss, MigrationManager, Offline, Planned, SetStatus,
    TableRows, UpgradeOptions, UpgradeSql, Validation, create_migration, database_name, migrate, rollback,
};
#[cfg(feature = "cli")]
pub(crate) use policy::input;
pub use policy::{Judged, Judgement, Occasion};
#[cfg(feature = "cli")]
pub(crate) use progress::Begun;
pub use renumber::{RenumberBy, Renumbered, plan_renumbering, renumber};
pub use revision::Revision;
pub use script::Script;
pub use set::{Migration, MigrationSet, Problem};
pub use stamp::Stamped;
pub use status::{AppliedMigration, Status, Unfinished};
pub(crate) use status::{Found, check_minimum_program};
pub use template::Template;
pub use verify::{Fault, FaultKind, Run, Step, Verification, engines_at_hand, verify};
