//! Naming a migration of a set.

use super::set::{Migration, MigrationSet};
use super::status::AppliedMigration;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// Which state of a set is meant: `head`, `base`, so many migrations up (`+2`) or down (`-1`), or one migration by its
/// number, its slug, or the beginning of its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// The newest migration.
    Head,
    /// Before the first migration.
    Base,
    /// So many migrations up from where the database is, or down.
    Relative(i64),
    /// A number, a slug, or four and more digits of an id.
    Named(String),
}

impl FromStr for Revision {
    type Err = Error;

    /// Reads a revision.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the text can be none.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = || {
            Error::new(ErrorKind::Invalid, format!("{text:?} cannot be a revision"))
                .with_hint("a revision is head, base, +N, -N, a number, a slug, or four and more digits of an id")
        };
        match text {
            // The plural is Alembic's, where a history may have branches.
            "head" | "heads" => Ok(Self::Head),
            "base" => Ok(Self::Base),
            _ if text.starts_with(['+', '-']) => match text.parse() {
                Ok(0) | Err(_) => Err(invalid()),
                Ok(steps) => Ok(Self::Relative(steps)),
            },
            _ if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                Ok(Self::Named(text.to_owned()))
            }
            _ => Err(invalid()),
        }
    }
}

impl Revision {
    /// Refuses a number of migrations in the other direction than the verb goes, which would be nothing to do.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the other verb.
    pub(super) fn check_direction(&self, is_down: bool) -> Result<()> {
        let (verb, direction, other) = match (self, is_down) {
            (Self::Relative(..=0), false) => ("upgrade", "down", "downgrade"),
            (Self::Relative(1..), true) => ("downgrade", "up", "upgrade"),
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Invalid, format!("revision {self} leads {direction}, which is no way to {verb}"))
            .with_hint(format!("`charter db {other}` leads {direction}")))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Base => f.write_str("base"),
            Self::Relative(steps) => write!(f, "{steps:+}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

impl MigrationSet {
    /// The number that a revision means, for a database that is at `current`; `None` is the state before the first
    /// migration.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when no migration has that name, or there are fewer migrations than a relative revision
    /// counts; [`ErrorKind::Invalid`] when the name fits more than one.
    pub fn resolve(&self, revision: &Revision, current: Option<i64>) -> Result<Option<i64>> {
        match revision {
            Revision::Head => Ok(self.migrations().last().map(Migration::number)),
            Revision::Base => Ok(None),
            Revision::Relative(steps) => {
                self.relative(*steps, current, self.migrations().iter().map(Migration::number))
            }
            Revision::Named(name) => self.named(name).map(|migration| Some(migration.number())),
        }
    }

    /// The same for who takes migrations back: those that were never applied do not count.
    ///
    /// # Errors
    /// As [`MigrationSet::resolve`].
    pub(super) fn resolve_down(&self, revision: &Revision, applied: &[AppliedMigration]) -> Result<Option<i64>> {
        let current = applied.last().map(|applied| applied.number);
        match revision {
            Revision::Relative(steps) => self.relative(*steps, current, applied.iter().map(|applied| applied.number)),
            other => self.resolve(other, current),
        }
    }

    /// So many steps from where a database is, along some numbers.
    fn relative(&self, steps: i64, current: Option<i64>, along: impl Iterator<Item = i64>) -> Result<Option<i64>> {
        let here = current.unwrap_or(0);
        let numbers: Vec<Option<i64>> = std::iter::once(None).chain(along.map(Some)).collect();
        let place = match current {
            None => Some(0),
            Some(_) => numbers.iter().position(|number| *number == current),
        };
        let place = place.ok_or_else(|| {
            let message = format!("the database is at {here}, which is no migration of the set {}", self.name());
            Error::new(ErrorKind::NotFound, message).with_hint("name the revision by its number")
        })?;
        let target = i64::try_from(place).ok().and_then(|place| place.checked_add(steps));
        target.and_then(|place| usize::try_from(place).ok()).and_then(|place| numbers.get(place)).copied().ok_or_else(
            || {
                let (count, direction) = match steps < 0 {
                    true => (place, "below"),
                    false => (numbers.len() - 1 - place, "above"),
                };
                let there_are = match count {
                    0 => "there is no migration".to_owned(),
                    1 => "there is 1 migration".to_owned(),
                    _ => format!("there are {count} migrations"),
                };
                let message = match current {
                    None if steps < 0 => {
                        format!("revision {steps:+}: no migration of the set {} is applied", self.name())
                    }
                    None => format!("revision {steps:+}: {there_are} in the set {}", self.name()),
                    Some(here) => format!("revision {steps:+}: {there_are} {direction} {here}"),
                };
                Error::new(ErrorKind::NotFound, message)
                    .with_hint("`charter db history` lists them; `base` and `head` are the ends")
            },
        )
    }

    /// The migration with a number, a slug, or an id that begins so.
    fn named(&self, name: &str) -> Result<&Migration> {
        if let Some(found) = name.parse().ok().and_then(|number| self.migration(number)) {
            return Ok(found);
        }
        let by_slug: Vec<_> = self.migrations().iter().filter(|migration| migration.slug() == name).collect();
        let lower = name.to_ascii_lowercase();
        let is_hexadecimal = lower.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_id = name.len() >= 4 && is_hexadecimal;
        let by_id = || self.migrations().iter().filter(|migration| is_id && migration.id().starts_with(&lower));
        let found = if by_slug.is_empty() { by_id().collect() } else { by_slug };
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(Error::new(
                ErrorKind::NotFound,
                format!("no migration of the set {} is called {name}", self.name()),
            )
            .with_hint(match name.len() < 4 && is_hexadecimal {
                true => "`charter db history` lists numbers, names and ids; of an id, say four digits at least",
                false => "`charter db history` lists numbers, names and ids",
            })),
            several => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(Error::new(
                    ErrorKind::Invalid,
                    format!("{name} means more than one migration: {}", names.join(", ")),
                )
                .with_hint("use the number"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> MigrationSet {
        let files = [("V10__a.sql", "SELECT 1;"), ("V20__b.sql", "SELECT 2;"), ("V30__c.sql", "SELECT 3;")];
        MigrationSet::from_files("test", files).expect("a set")
    }

    fn resolve(text: &str, current: Option<i64>) -> Result<Option<i64>, ErrorKind> {
        let revision: Revision = text.parse().map_err(|error: Error| error.kind())?;
        set().resolve(&revision, current).map_err(|error| error.kind())
    }

    #[test]
    fn a_revision_can_be_said_in_many_ways() {
        let id = set().migrations()[1].id();
        assert_eq!(resolve("head", None), Ok(Some(30)));
        assert_eq!(resolve("base", Some(30)), Ok(None));
        for name in ["20", "b", &id, &id[..4]] {
            assert_eq!(resolve(name, None), Ok(Some(20)), "{name}");
        }
        assert_eq!(resolve("+1", None), Ok(Some(10)));
        assert_eq!(resolve("+2", Some(10)), Ok(Some(30)));
        assert_eq!(resolve("-1", Some(30)), Ok(Some(20)));
        assert_eq!(resolve("-3", Some(30)), Ok(None));
    }

    #[test]
    fn a_number_of_migrations_leads_where_the_verb_goes() {
        for (text, up, down) in [("-1", false, true), ("+1", true, false), ("head", true, true), ("a", true, true)] {
            let revision: Revision = text.parse().expect("a revision");
            assert_eq!(revision.check_direction(false).is_ok(), up, "{text}");
            assert_eq!(revision.check_direction(true).is_ok(), down, "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_an_error() {
        for name in ["40", "d", "-4", "+1", "ffffffffffff"] {
            assert_eq!(resolve(name, Some(30)), Err(ErrorKind::NotFound), "{name}");
        }
        for name in ["", "+", "-0", "a b", "-x", "V1__a.sql"] {
            assert_eq!(resolve(name, None), Err(ErrorKind::Invalid), "{name}");
        }
    }
}
