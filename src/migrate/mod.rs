//! Migrations: which ones there are, which ones a database has, and applying what it lacks.
//!
//! A migration is plain SQL that runs verbatim on every engine. It runs through refinery with its history row in one
//! transaction, so that both commit together or not at all; charter's own wrapper of each engine's connection
//! (`MigrationConnection`) adds what the engine needs inside that transaction.

mod apply;
mod connection;
mod set;
mod status;

pub(crate) use apply::{Applying, apply};
pub(crate) use connection::MigrationConnection;
pub use set::{Migration, MigrationSet};
pub(crate) use status::{Applied, Found, MINIMUM_PROGRAM_QUERY, check_minimum_program};
pub use status::{AppliedMigration, Status};
