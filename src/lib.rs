//! charter: a local-first registry for data contracts.

mod error;
pub mod record;

pub use error::{Conflict, Error, ErrorKind, Location, Position, Result};
