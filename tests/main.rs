//! What charter promises, held as one program's tests. Run them with `scripts/test`, which starts the servers they need.

mod cli;
mod conformance;
mod connections;
#[cfg(feature = "duckdb")]
mod duckdb;
mod embedding;
mod execution;
mod faults;
mod features;
mod migrations;
mod policy;
mod schema;
mod support;
mod sync;
