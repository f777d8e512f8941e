//! Who did what to a set's tables, when and why: the rows beside refinery's history.

use super::connection::{literal, qualified};
use super::set::{Migration, MigrationSet};
use crate::config::Environment;
use crate::engine::Engine;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// A migration was applied.
    Applied,
    /// A migration was taken back.
    Reverted,
    /// A migration was recorded as applied, by hand.
    Stamped,
    /// A migration was recorded as not applied, by hand.
    Unstamped,
    /// Applying a migration without a transaction was begun.
    ApplyStarted,
    /// Taking back a migration without a transaction was begun.
    RevertStarted,
    /// A statement of a migration without a transaction was done.
    Step,
    /// The database's environment was changed.
    Environment,
    /// All content was removed.
    Truncated,
}

impl Action {
    /// The action as one stable lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Reverted => "reverted",
            Self::Stamped => "stamped",
            Self::Unstamped => "unstamped",
            Self::ApplyStarted => "apply_started",
            Self::RevertStarted => "revert_started",
            Self::Step => "step",
            Self::Environment => "environment",
            Self::Truncated => "truncated",
        }
    }
}

/// A finding that was let pass, by name and with a reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Allowed {
    /// The rule.
    pub rule: String,
    /// The number of the migration.
    pub revision: i64,
    /// Why.
    pub reason: String,
}

/// Who is at work, in which environment.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) environment: Environment,
}

impl Actor {
    /// The user of this process on this machine: who logged in, else, as for what runs on its own, whose account it is.
    pub(crate) fn present(environment: Environment) -> Self {
        let mut variables = ["LOGNAME", "USER", "USERNAME"].iter().filter_map(|name| std::env::var(name).ok());
        let user = variables.find(|name| !name.is_empty()).or_else(|| whoami::username().ok());
        let user = user.unwrap_or_else(|| "unknown".to_owned());
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Self { user, host, environment }
    }
}

/// One row of an audit table.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) number: i64,
    pub(crate) slug: &'a str,
    pub(crate) action: Action,
    pub(crate) checksum: Option<u64>,
    pub(crate) duration: Duration,
    pub(crate) statements: usize,
    pub(crate) allowed: &'a [Allowed],
    /// What else there is to say: a reason, the digest of a statement.
    pub(crate) detail: Option<&'a str>,
}

impl<'a> Entry<'a> {
    pub(crate) fn of(migration: &'a Migration, action: Action) -> Self {
        Self {
            number: migration.number(),
            slug: migration.slug(),
            action,
            checksum: None,
            duration: Duration::ZERO,
            statements: 0,
            allowed: &[],
            detail: None,
        }
    }

    /// The statement that writes the row. Migrators are alone, so the next number is free.
    pub(crate) fn insert(&self, set: &MigrationSet, engine: Engine, actor: &Actor) -> String {
        let table = qualified(set, engine, &set.audit_table());
        let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let or_null = |text: Option<String>| text.map_or_else(|| "NULL".to_owned(), |text| literal(&text));
        let allowed = (!self.allowed.is_empty()).then(|| serde_json::to_string(self.allowed).unwrap_or_default());
        format!(
            "INSERT INTO {table} (entry, version, name, action, happened_at, checksum, actor, host, program, environment, \
             duration_ms, statements, allowed, detail) SELECT COALESCE(MAX(entry), 0) + 1, {}, {}, '{}', '{now}', {}, {}, \
             {}, '{}', '{}', {}, {}, {}, {} FROM {table}",
            self.number,
            literal(self.slug),
            self.action.as_str(),
            or_null(self.checksum.map(|checksum| checksum.to_string())),
            literal(&actor.user),
            literal(&actor.host),
            env!("CARGO_PKG_VERSION"),
            actor.environment,
            self.duration.as_millis(),
            self.statements,
            or_null(allowed),
            or_null(self.detail.map(str::to_owned)),
        )
    }
}

/// The statement that makes a set's audit table if it is missing, in SQL that all engines take.
pub(crate) fn create_table(set: &MigrationSet, engine: Engine) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (entry BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, name TEXT NOT NULL, \
         action TEXT NOT NULL, happened_at TEXT NOT NULL, checksum TEXT, actor TEXT NOT NULL, host TEXT NOT NULL, \
         program TEXT NOT NULL, environment TEXT NOT NULL, duration_ms BIGINT NOT NULL, statements BIGINT NOT NULL, \
         allowed TEXT, detail TEXT)",
        qualified(set, engine, &set.audit_table())
    )
}
