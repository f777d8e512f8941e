//! charter: a local-first registry for data contracts.
//!
//! A [`Store`] keeps [records](record): JSON Schemas, coercion and validation rules, metadata, governance rules, ownership,
//! and the contracts that join them, versioned and immutable. Where it keeps them is a URL: a SQLite or DuckDB file, memory,
//! or a company's PostgreSQL server, to which [`Store::push`] replicates.
//!
//! ```
//! use charter::Store;
//!
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite:///{}", folder.path().join("contracts.db").display());
//! // let url = "sqlite:///contracts.db";
//! let store = Store::open(&url)?; // made and migrated here, if it is not there yet
//! store.store_schema("user", r#"{"type": "object", "properties": {"email": {"type": "string"}}}"#, "1.0.0")?;
//! store.store_coercion_rules("user", r#"{"email": "coerce_to_string"}"#, "1.0.0")?;
//!
//! let complete = store.get_complete_schema("user", None)?;
//! assert_eq!(complete.at(&["properties", "email", "coercion"]), Some(&"coerce_to_string".into()));
//! # Ok::<(), charter::Error>(())
//! ```
//!
//! The library blocks, prints nothing, and starts no thread but one for a store on a server. Errors have a
//! [kind](ErrorKind), say what to do, and never hold a password.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `sqlite` | SQLite files, with SQLite compiled in | yes |
//! | `duckdb` | DuckDB files, linked: the folder of libduckdb 2.0 is in `DUCKDB_LIB_DIR` when it is built | no |
//! | `duckdb-download` | the same with a library that is fetched when it is built (`DUCKDB_DOWNLOAD_LIB=1`) | no |
//! | `duckdb-bundled` | the same with DuckDB compiled in, which takes half an hour | no |
//! | `redb` | `memory:`, redb without a file | yes |
//! | `postgres` | PostgreSQL servers: an asynchronous driver and TLS | yes |
//! | `watch` | `config::ConfigWatcher`, which follows `charter.cfg` | with `cli` |
//! | `lint` | `safety::lint`, the rules that judge migrations | with `cli` |
//! | `cli` | the program `charter` | yes |

#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::todo)
)]
#![cfg_attr(
    not(all(feature = "sqlite", feature = "redb", feature = "postgres")),
    allow(dead_code, unused_imports, unused_variables, reason = "each backend uses a part of what they share")
)]

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod config;
mod engine;
mod error;
pub mod migrate;
pub mod record;
#[cfg(feature = "lint")]
pub mod safety;
pub mod store;

pub use engine::Engine;
pub use error::{Conflict, Error, ErrorKind, Location, Position, Result};
pub use store::Store;
