//! charter: a local-first registry for data contracts.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod config;
mod error;
pub mod migrate;
pub mod record;
pub mod store;

pub use error::{Conflict, Error, ErrorKind, Location, Position, Result};
pub use store::Store;
