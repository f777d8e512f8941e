//! What can be wrong with a migration that is tried.

use crate::engine::Engine;
use crate::error::Error;
use crate::migrate::schema::Difference;
use std::fmt;

/// Something that is wrong with a migration. Its `Display` is one line; the differences have lines of their own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fault {
    /// The name of the set.
    pub set: String,
    /// The migration's number.
    pub number: i64,
    /// What the migration does.
    pub slug: String,
    /// The engine.
    pub engine: Engine,
    /// What is wrong.
    pub kind: FaultKind,
    /// In what the database is not what it should be.
    pub differences: Vec<Difference>,
    /// What the engine said.
    pub error: Option<Error>,
}

/// What can be wrong with a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// It cannot be applied. What comes after it was not tried.
    Up,
    /// It cannot be taken back.
    Down,
    /// Taking it back does not lead to where it began.
    NotRestored,
    /// It cannot be applied again after it was taken back.
    UpAgain,
    /// Applied again, it leads to somewhere else.
    NotRepeated,
    /// The engine has something else than this one, and no overlay declares it.
    Engines(Engine),
    /// It has no way down.
    NoDown,
    /// One of its statements was not run where it was tried: it does something outside of the database, or needs what such a
    /// statement would have made.
    LeftOut,
}

impl FaultKind {
    /// The fault as one stable lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::NotRestored => "not_restored",
            Self::UpAgain => "up_again",
            Self::NotRepeated => "not_repeated",
            Self::Engines(_) => "engines",
            Self::NoDown => "no_down",
            Self::LeftOut => "left_out",
        }
    }
}

/// What is wrong, in the words of a sentence: `it cannot be applied`.
impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "it cannot be applied",
            Self::Down => "it cannot be taken back",
            Self::NotRestored => "taking it back does not restore what was there",
            Self::UpAgain => "it cannot be applied again after it was taken back",
            Self::NotRepeated => "applied again, it makes something else than the first time",
            Self::Engines(other) => {
                return write!(f, "it makes something else than on {other}, and no overlay declares it");
            }
            Self::NoDown => "it has no down migration",
            Self::LeftOut => "not tried",
        })
    }
}

/// `3 add_email on duckdb: taking it back does not restore what was there`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} on {}: {}", self.number, self.slug, self.engine, self.kind)?;
        match &self.error {
            // An engine may say it in several lines.
            Some(error) => write!(f, ": {}", error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")),
            None => Ok(()),
        }
    }
}
