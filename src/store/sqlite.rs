//! SQLite behind the store.

use super::backend::{Description, Durability};
use super::embedded::{Embedded, EmbeddedBackend, file_access};
use crate::config::url::{SqliteTarget, Synchronous};
use crate::engine::sqlite::{Connections, text_rows};
use crate::engine::{Engine, TextRow};
use crate::error::Result;
use rusqlite::Connection;

/// A SQLite file.
pub(crate) type SqliteBackend = EmbeddedBackend<Connections>;

impl SqliteBackend {
    /// Opens the file of a target, which exists. Nothing can be written if `read_only`.
    pub(crate) fn open(target: &SqliteTarget, read_only: bool) -> Result<Self> {
        Ok(Self { connections: Connections::open(&target.path, target.synchronous, file_access(read_only))? })
    }
}

impl Embedded for Connections {
    const ENGINE: Engine = Engine::Sqlite;
    const BODY_SIZE: &str = "octet_length(body)";
    const STORED_AT: &str = "strftime('%Y-%m-%dT%H:%M:%SZ', stored_at)";

    fn description(&self) -> Description {
        Description {
            engine: "sqlite",
            engine_version: Some(rusqlite::version().to_owned()),
            location: format!("sqlite:///{}", self.path().display()),
            durability: match self.synchronous() {
                Synchronous::Full => Durability::Full,
                Synchronous::Normal => Durability::Process,
            },
        }
    }

    /// A busy file can keep SQLite from noticing that its tables have changed: then it says that there is no such table.
    fn forget(&self) {
        self.forget_readers();
    }

    fn text_rows(session: &Connection, sql: &str) -> Result<Vec<TextRow>> {
        text_rows(session, sql)
    }
}
