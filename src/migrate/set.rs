//! Sets of migrations.

use crate::error::{Error, ErrorKind, Result};
use charter_sync::Digest;
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// How careful charter is with a database. It is stored in the database when it is initialised; a client may only be
/// stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Environment {
    /// A developer's own file: pending migrations are applied when it is opened. The default of embedded files.
    Dev,
    /// Shared, but not depended on.
    Staging,
    /// Depended on. The default of servers.
    Prod,
}

impl Environment {
    /// The environment as it is stored and configured: `dev`, `staging`, `prod`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = Error;
    /// # Errors
    /// [`ErrorKind::Invalid`] for any other word.
    fn from_str(text: &str) -> Result<Self> {
        [Self::Dev, Self::Staging, Self::Prod].into_iter().find(|environment| environment.as_str() == text).ok_or_else(
            || Error::new(ErrorKind::Invalid, format!("{text:?} is no environment: that is dev, staging or prod")),
        )
    }
}

/// One migration of a set, with the text that brings a database up and the text that takes it back.
#[derive(Debug, Clone)]
pub struct Migration {
    number: i64,
    slug: &'static str,
    up: &'static str,
    down: &'static str,
    minimum_program: &'static str,
}

impl Migration {
    /// Its place in the set, from 1.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// What it does, in a few words joined by `_`, as in its file's name.
    pub fn slug(&self) -> &str {
        self.slug
    }

    /// The first 12 hexadecimal digits of the digest of its text, line endings aside.
    pub fn id(&self) -> String {
        Digest::of(&[self.text().as_bytes()]).to_string()[..12].to_owned()
    }

    /// The SQL that applies it.
    pub fn up(&self) -> &str {
        self.up
    }

    /// The SQL that takes it back.
    pub fn down(&self) -> &str {
        self.down
    }

    /// The oldest program that may use a database which has this migration.
    pub fn minimum_program(&self) -> &str {
        self.minimum_program
    }

    /// The text that is run and that the checksum covers: with `\n` at the end of lines, however it was checked out.
    pub(super) fn text(&self) -> String {
        self.up.replace("\r\n", "\n")
    }

    /// The checksum that refinery keeps in the history: SipHash-1-3 over slug, number and text.
    pub fn checksum(&self) -> u64 {
        let mut hasher = SipHasher13::new();
        self.slug.hash(&mut hasher);
        self.number.hash(&mut hasher);
        self.text().hash(&mut hasher);
        hasher.finish()
    }
}

/// An ordered list of migrations with one history table.
#[derive(Debug)]
pub struct MigrationSet {
    name: &'static str,
    history_table: &'static str,
    migrations: &'static [Migration],
}

impl MigrationSet {
    /// charter's own set, which is part of the program.
    pub const CHARTER: &'static Self = &Self {
        name: "charter",
        history_table: "charter_schema_history",
        migrations: &[Migration {
            number: 1,
            slug: "contracts",
            up: include_str!("../../migrations/V1__contracts.sql"),
            down: include_str!("../../migrations/V1__contracts.down.sql"),
            minimum_program: "0.1.0",
        }],
    };

    /// What the set is called.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The table that says which migrations a database has.
    pub fn history_table(&self) -> &str {
        self.history_table
    }

    /// The migrations, ascending.
    pub fn migrations(&self) -> &[Migration] {
        self.migrations
    }

    /// The newest migration's number, or 0.
    pub fn head(&self) -> i64 {
        self.migrations.last().map_or(0, Migration::number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_refinerys() {
        for migration in MigrationSet::CHARTER.migrations() {
            let name = format!("V{}__{}", migration.number(), migration.slug());
            let theirs = refinery_core::Migration::unapplied(&name, &migration.text()).expect("a good name");
            assert_eq!(theirs.checksum(), migration.checksum());
        }
    }

    #[test]
    fn line_endings_change_neither_id_nor_checksum() {
        let unix = Migration { number: 1, slug: "a", up: "SELECT 1;\n", down: "", minimum_program: "0.1.0" };
        let windows = Migration { up: "SELECT 1;\r\n", ..unix.clone() };
        assert_eq!((unix.id(), unix.checksum()), (windows.id(), windows.checksum()));
    }
}
