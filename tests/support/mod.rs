//! What the tests stand on: Postgres servers and databases that leave nothing behind, a proxy that counts and cuts, and
//! a clean room to run the program in.

// Each part of the suite uses what it needs of this.
#![allow(dead_code)]

use std::time::{Duration, Instant};

pub(crate) mod child;
#[cfg(feature = "duckdb")]
pub(crate) mod duckdb;
pub(crate) mod migrating;
pub(crate) mod postgres;
mod sandbox;
pub(crate) mod stores;
pub(crate) mod terminal;

#[allow(unused_imports)]
pub(crate) use sandbox::{DIGESTS, Output, Process, Sandbox, assert_output};

/// How long a test waits for what should happen soon, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds.
///
/// # Panics
///
/// After a minute, saying that `what` did not happen.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
