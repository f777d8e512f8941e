//! The replication protocol of charter.
mod entry;
pub use entry::Digest;
