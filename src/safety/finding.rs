//! What a rule says about one statement.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::Rule;
use crate::Position;

/// How bad a finding is: what a policy decides by. Ordered, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Advice: the statement does what it says, and there is something to know about it.
    Info,
    /// Hygiene: a missing timeout, a file that cannot be run again.
    Warning,
    /// The statement loses data, breaks running programs, blocks or rewrites, or fails half-way.
    Error,
}

impl Severity {
    /// The severity as one stable lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the time that a statement takes grows with the table, while it holds its locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cost {
    /// Only the catalogue changes: milliseconds, once the lock is had.
    Instant,
    /// Rows are read.
    Scans,
    /// Rows or indexes are written again.
    Rewrites,
    /// The text does not tell.
    Unknown,
}

impl Cost {
    /// The cost as one stable lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Scans => "scans",
            Self::Rewrites => "rewrites",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule says about one statement of a migration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The rule, by its name.
    #[serde(serialize_with = "rule_name")]
    pub rule: &'static Rule,
    /// How bad it is here; mostly the rule's own severity.
    pub severity: Severity,
    /// The file, as the caller named it.
    pub file: PathBuf,
    /// Where the part of the statement that the finding is about begins.
    #[serde(flatten, serialize_with = "start_position")]
    pub start: Position,
    /// Where that part ends.
    #[serde(skip)]
    pub end: Position,
    /// The bytes of that part in the file's text.
    #[serde(skip)]
    pub range: Range<usize>,
    /// The statement, on one line and shortened.
    pub statement: String,
    /// What is wrong with it, in one sentence.
    pub message: String,
    /// What it locks, breaks or loses.
    pub effect: String,
    /// Whether it is instant, scans or rewrites.
    pub cost: Cost,
    /// The safe form.
    pub help: String,
    /// Whether something is lost or broken that none of the files made, so that a host program's it must be. Only a live
    /// connection tells.
    #[serde(skip)]
    pub of_host: bool,
}

impl Finding {
    /// Whether it says that something is there already, or is not there.
    pub(crate) fn is_of_existence(&self) -> bool {
        super::postgres::existence::RULES.iter().any(|rule| std::ptr::eq(*rule, self.rule))
    }
}

fn rule_name<S: Serializer>(rule: &&'static Rule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.name)
}

fn start_position<S: Serializer>(start: &Position, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("line", &start.line)?;
    map.serialize_entry("column", &start.column)?;
    map.end()
}
