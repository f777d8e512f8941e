//! DuckDB behind the store.

use super::backend::{Description, Durability};
use super::embedded::{Embedded, EmbeddedBackend, file_access};
use crate::config::url::DuckDbTarget;
use crate::engine::duckdb::{Connections, text_rows, version};
use crate::engine::{Engine, TextRow};
use crate::error::Result;
use duckdb::Connection;

/// A DuckDB file.
pub(crate) type DuckDbBackend = EmbeddedBackend<Connections>;

impl DuckDbBackend {
    /// Opens the file of a target, which exists. Nothing can be written if `read_only`.
    pub(crate) fn open(target: &DuckDbTarget, read_only: bool) -> Result<Self> {
        Ok(Self { connections: Connections::open(&target.path, file_access(read_only))? })
    }
}

impl Embedded for Connections {
    const ENGINE: Engine = Engine::DuckDb;
    const BODY_SIZE: &str = "strlen(body)";
    // A moment without a time zone: what writes those with one is an extension.
    const STORED_AT: &str = "strftime(make_timestamp(epoch_us(stored_at)), '%Y-%m-%dT%H:%M:%SZ')";

    fn description(&self) -> Description {
        Description {
            engine: "duckdb",
            engine_version: version(),
            location: format!("duckdb:///{}", self.path().display()),
            // A commit waits for the disk to have the log.
            durability: Durability::Full,
        }
    }

    fn text_rows(session: &Connection, sql: &str) -> Result<Vec<TextRow>> {
        text_rows(session, sql)
    }
}
