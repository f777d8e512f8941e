//! Databases to try things in, which are gone afterwards.

use crate::engine::Engine;
use crate::error::Result;
use crate::migrate::connection::{MigrationConnection, in_memory};

/// An empty database of an engine, gone when the connection is dropped.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when this build has not the engine, and what the engine says.
pub(crate) fn throw_away(engine: Engine) -> Result<Box<dyn MigrationConnection>> {
    in_memory(engine)
}
