//! Reading who did what to a set's tables, when and why.

use super::audit::Allowed;
use super::connection::{MigrationConnection, qualified};
use super::set::MigrationSet;
use crate::engine::TextRow;
use crate::error::{Error, ErrorKind, Result};
use std::time::Duration;

/// One row of a set's audit table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The name of the set.
    pub set: String,
    /// Its place in the audit table, from 1.
    pub entry: u64,
    /// The number of the migration.
    pub number: i64,
    /// Its slug.
    pub slug: String,
    /// What was done, as [`Action::as_str`](super::Action::as_str) says it; a newer program may know more words.
    pub action: String,
    /// When: RFC 3339, UTC.
    pub happened_at: String,
    /// Who: the user of the system that the program ran as.
    pub actor: String,
    /// On which machine.
    pub host: String,
    /// With which version of charter.
    pub program: String,
    /// In which environment.
    pub environment: String,
    /// How long the migration took.
    pub duration: Duration,
    /// How many statements it was.
    pub statements: u64,
    /// The findings that were let pass.
    pub allowed: Vec<Allowed>,
    /// What else there is to say, such as a reason.
    pub detail: Option<String>,
}

/// Reads a set's audit table, oldest row first; nothing when there is no table.
pub(super) fn read(connection: &mut dyn MigrationConnection, set: &MigrationSet) -> Result<Vec<HistoryEntry>> {
    let engine = connection.engine();
    if !connection.found(set)?.has_audit {
        return Ok(Vec::new());
    }
    let rows = connection.query(&format!(
        "SELECT entry, version, name, action, happened_at, actor, host, program, environment, duration_ms, statements, \
         allowed, detail FROM {} ORDER BY entry",
        qualified(set, engine, &set.audit_table())
    ))?;
    rows.into_iter().map(|row| entry(set, row)).collect()
}

fn entry(set: &MigrationSet, row: TextRow) -> Result<HistoryEntry> {
    let mut values = row.into_iter();
    let mut optional = || values.next().flatten();
    let corrupt = |what: &str| {
        Error::new(ErrorKind::Corrupt, format!("a row of {} has no {what} that can be read", set.audit_table()))
    };
    let mut text = |what: &str| optional().ok_or_else(|| corrupt(what));
    Ok(HistoryEntry {
        set: set.name().to_owned(),
        entry: text("entry")?.parse().map_err(|_| corrupt("entry"))?,
        number: text("version")?.parse().map_err(|_| corrupt("version"))?,
        slug: text("name")?,
        action: text("action")?,
        happened_at: text("time")?,
        actor: text("actor")?,
        host: text("host")?,
        program: text("program")?,
        environment: text("environment")?,
        duration: Duration::from_millis(text("duration")?.parse().map_err(|_| corrupt("duration"))?),
        statements: text("statements")?.parse().map_err(|_| corrupt("statements"))?,
        allowed: match optional() {
            Some(json) => serde_json::from_str(&json).map_err(|_| corrupt("list of allowed findings"))?,
            None => Vec::new(),
        },
        detail: optional(),
    })
}
