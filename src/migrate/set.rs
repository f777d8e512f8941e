//! Sets of migrations.

use charter_sync::Digest;
use siphasher::sip::SipHasher13;
use std::hash::{Hash, Hasher};

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
