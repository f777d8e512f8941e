//! What is judged, and as what.

use std::path::PathBuf;

use crate::engine::Engine;

/// How files are judged.
#[derive(Debug, Clone)]
pub struct LintOptions {
    /// The engine that will run them.
    pub engine: Engine,
    /// The major version of the Postgres server, 14 to 18. Ignored for other engines.
    pub postgres_version: u32,
    /// Whether each file will be run in one transaction, unless `-- charter: no-transaction` at its top says otherwise.
    pub wrapped: bool,
    /// Whether the runner sets `lock_timeout` and `statement_timeout` before each file, so that a file need not.
    pub timeouts_set: bool,
    /// The schema that names without one are in.
    pub schema: String,
}

impl Default for LintOptions {
    /// Files for Postgres 14, run as they are written, in the schema `public`.
    ///
    /// 14 is the oldest version that is judged: what is safe there is safe on the newer ones, save what they add.
    fn default() -> Self {
        Self {
            engine: Engine::Postgres,
            postgres_version: 14,
            wrapped: false,
            timeouts_set: false,
            schema: "public".to_owned(),
        }
    }
}

impl LintOptions {
    /// What charter's own runner does with a file of a set: one transaction, with the timeouts set.
    pub fn for_set(engine: Engine, postgres_version: u32, schema: impl Into<String>) -> Self {
        Self { engine, postgres_version, wrapped: true, timeouts_set: true, schema: schema.into() }
    }
}

/// Which statements an embedded engine is asked about, in an empty database in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rehearse {
    /// Every one.
    All,
    /// None, unless a rule says that one is blocked: then every one. For what the engine runs next, and refuses by itself.
    Suspected,
}

/// One file of SQL.
#[derive(Debug, Clone)]
pub struct Input {
    /// The file's name, for the findings.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// Whether it has already been run: then it is read for what it made, but not judged, and its tables are not new.
    pub applied: bool,
}

impl Input {
    /// A file that is yet to be run.
    pub fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into(), applied: false }
    }

    /// A file that has already been run.
    pub fn applied(file: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into(), applied: true }
    }
}
