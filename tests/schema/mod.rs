//! What a database has, read from its catalogue: the same on every engine, and never something else unseen.

mod apart;
mod engines;
mod info;
mod servers;
mod sets;
mod throw_away;

use crate::support::postgres;
use crate::support::stores::parse;
use charter::Engine;
use charter::migrate::{MigrationSet, Verification, verify};

/// Proves a set on every engine.
fn prove(set: &MigrationSet) -> Verification {
    let server = postgres::database();
    verify(&[set], Some(&parse(server.url())), &mut |_| {}).expect("a verification")
}

/// Proves a set on two engines: on SQLite, and on DuckDB where it is part of the build, else on Postgres.
fn prove_on_two(set: &MigrationSet) -> Verification {
    match SECOND {
        Engine::Postgres => prove(set),
        _ => verify(&[set], None, &mut |_| {}).expect("a verification"),
    }
}

const SECOND: Engine = if cfg!(feature = "duckdb") { Engine::DuckDb } else { Engine::Postgres };

/// The faults and their differences, a line each.
fn told(verification: &Verification) -> Vec<String> {
    let told = verification.faults.iter().flat_map(|fault| {
        std::iter::once(fault.to_string()).chain(fault.differences.iter().map(|difference| format!("  {difference}")))
    });
    told.collect()
}

fn set(files: &[(&str, &str)]) -> MigrationSet {
    MigrationSet::from_files("shop", files.iter().copied()).expect("a set")
}
