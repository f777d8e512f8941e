//! What a database says of a set.

use super::set::{Migration, MigrationSet};
use crate::config::Environment;
use crate::error::{Error, ErrorKind, Result};

/// The oldest program that may use the database: what its newest migration says. `{}` is the schema's name and a dot.
pub(crate) const MINIMUM_PROGRAM_QUERY: &str =
    "SELECT minimum_program, environment FROM {}charter_schema_version ORDER BY version DESC LIMIT 1";

/// A row of a history table.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) number: i64,
    pub(crate) slug: String,
    /// RFC 3339, UTC.
    pub(crate) applied_at: String,
    pub(crate) checksum: u64,
}

/// What was found in a database, before it is judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// The history, ascending; empty when there is no history table.
    pub(crate) applied: Vec<Applied>,
    /// The oldest program that may use the database, as the database says.
    pub(crate) minimum_program: Option<String>,
    /// The database's environment.
    pub(crate) environment: Option<String>,
}

/// A migration that a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its place in the set.
    pub number: i64,
    /// What it does.
    pub slug: String,
    /// Its id, when this program knows the migration.
    pub id: Option<String>,
    /// When it was applied, RFC 3339, UTC.
    pub applied_at: String,
}

/// Which migrations of a set a database has, and which it lacks.
#[derive(Debug, Clone)]
pub struct Status {
    /// What it has, ascending.
    pub applied: Vec<AppliedMigration>,
    /// What it lacks, ascending.
    pub pending: Vec<Migration>,
    /// The database's own environment; `None` when it is not initialised.
    pub environment: Option<Environment>,
}

impl Status {
    /// The number of the newest migration that the database has; `None` when it is not initialised.
    pub fn current(&self) -> Option<i64> {
        self.applied.last().map(|applied| applied.number)
    }

    /// Judges what was found.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when the database wants a newer program, when an applied migration has another text than
    /// this program's, or when one is missing in the middle. Migrations above this program's newest are fine.
    pub(crate) fn judge(found: Found, set: &MigrationSet) -> Result<Self> {
        if let Some(minimum) = &found.minimum_program {
            check_minimum_program(minimum)?;
        }
        let environment = found.environment.as_deref().map(str::parse).transpose()?;
        let newest = found.applied.last().map_or(0, |applied| applied.number);
        let mut pending = Vec::new();
        for migration in set.migrations() {
            match found.applied.iter().find(|applied| applied.number == migration.number()) {
                Some(applied) if applied.checksum != migration.checksum() || applied.slug != migration.slug() => {
                    let message = format!(
                        "migration {} ({}) was applied with another text than this program has ({}): checksums {} and {}",
                        applied.number,
                        applied.slug,
                        migration.slug(),
                        applied.checksum,
                        migration.checksum()
                    );
                    return Err(Error::new(ErrorKind::Refused, message)
                        .with_hint("use the program that made this database, or restore the database from a backup"));
                }
                Some(_) => {}
                None if migration.number() < newest => {
                    let message = format!("the database has migration {newest} but lacks {}", migration.number());
                    return Err(Error::new(ErrorKind::Refused, message)
                        .with_hint("restore the database from a backup, or use the program that made it"));
                }
                None => pending.push(migration.clone()),
            }
        }
        let known = |number| set.migrations().iter().find(|migration| migration.number() == number);
        let applied = found.applied.into_iter().map(|applied| AppliedMigration {
            id: known(applied.number).map(Migration::id),
            number: applied.number,
            slug: applied.slug,
            applied_at: applied.applied_at,
        });
        Ok(Self { applied: applied.collect(), pending, environment })
    }
}

/// Refuses a database that wants a newer program than this one.
pub(crate) fn check_minimum_program(minimum: &str) -> Result<()> {
    let this = env!("CARGO_PKG_VERSION");
    let version = |text: &str| semver::Version::parse(text);
    match (version(minimum), version(this)) {
        (Ok(minimum), Ok(this)) if minimum <= this => Ok(()),
        _ => {
            let message = format!("this database is only for charter {minimum} and newer; this is charter {this}");
            Err(Error::new(ErrorKind::Refused, message).with_hint(format!("install charter {minimum} or newer")))
        }
    }
}
