//! charter: a local-first registry for data contracts.

pub mod config;
mod error;
pub mod migrate;
pub mod record;
#[cfg(feature = "lint")]
pub mod safety;
pub mod store;

pub use error::{Conflict, Error, ErrorKind, Location, Position, Result};
pub use store::Store;
