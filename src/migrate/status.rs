//! What a database says of a set.

use super::audit::Action;
use super::connection::{MigrationConnection, literal, qualified};
use super::set::{Migration, MigrationSet};
use crate::config::Environment;
use crate::engine::{Engine, TextRow};
use crate::error::{Error, ErrorKind, Result};

/// charter's own table of the versions that a database has been brought to.
pub(super) const VERSIONS: &str = "charter_schema_version";

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
    /// The oldest program that may use the database, as the database says; of charter's own set alone.
    pub(crate) minimum_program: Option<String>,
    /// The database's environment; of charter's own set alone.
    pub(crate) environment: Option<String>,
    /// Whether the set's history table is there.
    pub(crate) has_history: bool,
    /// Whether charter's own table of versions is there; of charter's own set alone.
    pub(crate) has_versions: bool,
    /// Whether the set's audit table is there.
    pub(crate) has_audit: bool,
    /// The migration without a transaction that was begun and has not ended.
    pub(crate) unfinished: Option<Unfinished>,
}

/// A migration without a transaction that was begun and has not ended: the database is between two revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// Its number.
    pub number: i64,
    /// Its slug.
    pub slug: String,
    /// [`Action::ApplyStarted`] or [`Action::RevertStarted`].
    pub action: Action,
    /// How many of its steps are done.
    pub done: usize,
    /// How many it had when it was begun.
    pub of: usize,
}

impl Found {
    /// Reads what a database says of a set, writing nothing.
    pub(crate) fn read(
        set: &MigrationSet,
        engine: Engine,
        query: &mut dyn FnMut(&str) -> Result<Vec<TextRow>>,
    ) -> Result<Self> {
        let (history, audit) = (set.history_table(), set.audit_table());
        let names = format!("{}, {}, {}", literal(&history), literal(&audit), literal(VERSIONS));
        let tables = query(&match engine {
            Engine::Sqlite => format!("SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ({names})"),
            Engine::DuckDb => format!(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() \
                 AND schema_name = current_schema() AND table_name IN ({names})"
            ),
            Engine::Postgres => format!(
                "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = {} AND tablename IN ({names})",
                literal(set.schema())
            ),
        })?;
        let has = |table: &str| tables.iter().any(|row| row.first().is_some_and(|name| name.as_deref() == Some(table)));
        let has_versions = set.is_charter() && has(VERSIONS);
        let mut found = Self { has_audit: has(&audit), has_versions, has_history: has(&history), ..Self::default() };
        if found.has_audit {
            found.unfinished = unfinished(set, engine, query).map_err(|error| not_charters(error, &audit))?;
        }
        // The environment is the database's own, and the limit holds, even if the history is lost.
        if has_versions {
            let rows = query(&format!(
                "SELECT minimum_program, environment FROM {} ORDER BY version DESC LIMIT 1",
                qualified(set, engine, VERSIONS)
            ))
            .map_err(|error| not_charters(error, VERSIONS))?;
            if let Some(row) = rows.into_iter().next() {
                let [minimum, environment] = <[Option<String>; 2]>::try_from(row).unwrap_or_default();
                (found.minimum_program, found.environment) = (minimum, environment);
            }
        }
        // Nobody makes a database laxer by taking its versions away: the audit stays, and has the environment that it had.
        if set.is_charter() && found.environment.is_none() && found.has_audit {
            let audit = qualified(set, engine, &audit);
            let rows = query(&format!("SELECT environment FROM {audit} ORDER BY entry DESC LIMIT 1"));
            let row = rows.map_err(|error| not_charters(error, &audit))?.into_iter().next();
            found.environment = row.and_then(|row| row.into_iter().next()).flatten();
        }
        if !found.has_history {
            return Ok(found);
        }
        let rows = query(&format!(
            "SELECT version, name, applied_on, checksum FROM {} ORDER BY version",
            qualified(set, engine, &history)
        ))
        .map_err(|error| not_charters(error, &history))?;
        found.applied = rows.into_iter().map(applied).collect::<Result<_>>()?;
        Ok(found)
    }

    /// What a database says that has the migrations of a set up to a number, with the texts that they have here.
    pub(crate) fn assumed(set: &MigrationSet, engine: Engine, number: Option<i64>) -> Self {
        let applied = set.migrations().iter().filter(|migration| Some(migration.number()) <= number);
        let applied = applied.map(|migration| Applied {
            number: migration.number(),
            slug: migration.slug().to_owned(),
            applied_at: String::new(),
            checksum: migration.checksum(engine),
        });
        let is_there = number.is_some();
        let has_versions = is_there && set.is_charter();
        Self { applied: applied.collect(), has_history: is_there, has_audit: is_there, has_versions, ..Self::default() }
    }

    /// The newest migration that the database has below a number.
    fn below(&self, number: i64) -> String {
        let below = self.applied.iter().rev().find(|applied| applied.number < number);
        below.map_or_else(|| "base".to_owned(), |applied| applied.number.to_string())
    }

    /// The number of the newest migration that the database has.
    pub(crate) fn current(&self) -> Option<i64> {
        self.applied.last().map(|applied| applied.number)
    }
}

/// What is said of a table with a name of charter's that the engine cannot read as charter's.
fn not_charters(error: Error, table: &str) -> Error {
    if error.kind() != ErrorKind::Backend || error.hint().is_some() {
        return error;
    }
    error
        .context(format!("the table {table} is not as charter makes it"))
        .with_hint("if another program made it, give charter a database of its own")
}

/// The migration that was begun last, unless it has ended.
fn unfinished(
    set: &MigrationSet,
    engine: Engine,
    query: &mut dyn FnMut(&str) -> Result<Vec<TextRow>>,
) -> Result<Option<Unfinished>> {
    let audit = qualified(set, engine, &set.audit_table());
    let rows = query(&format!(
        "SELECT version, name, action, statements, \
         (SELECT count(*) FROM {audit} AS step WHERE step.entry > begun.entry AND step.action = 'step') \
         FROM {audit} AS begun WHERE action IN ('apply_started', 'revert_started') AND NOT EXISTS \
         (SELECT 1 FROM {audit} AS ended WHERE ended.entry > begun.entry AND ended.version = begun.version \
         AND ended.action IN ('applied', 'reverted', 'stamped', 'unstamped')) ORDER BY entry DESC LIMIT 1"
    ))?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let corrupt =
        || Error::new(ErrorKind::Corrupt, format!("the table {} has a row that cannot be read", set.audit_table()));
    let [Some(number), Some(slug), Some(action), Some(of), Some(done)] =
        <[Option<String>; 5]>::try_from(row).map_err(|_| corrupt())?
    else {
        return Err(corrupt());
    };
    let action = if action == Action::ApplyStarted.as_str() { Action::ApplyStarted } else { Action::RevertStarted };
    let (number, done, of) = (number.parse(), done.parse(), of.parse());
    match (number, done, of) {
        (Ok(number), Ok(done), Ok(of)) => Ok(Some(Unfinished { number, slug, action, done, of })),
        _ => Err(corrupt()),
    }
}

fn applied(row: TextRow) -> Result<Applied> {
    let corrupt = |what: String| Error::new(ErrorKind::Corrupt, format!("the history of migrations has {what}"));
    let [Some(number), Some(slug), Some(applied_at), Some(checksum)] =
        <[Option<String>; 4]>::try_from(row).unwrap_or_default()
    else {
        return Err(corrupt("a row with a value that is missing".to_owned()));
    };
    let number = number.parse().map_err(|_| corrupt(format!("{number:?} as a number")))?;
    let checksum =
        checksum.parse().map_err(|_| corrupt(format!("{checksum:?} as the checksum of migration {number}")))?;
    Ok(Applied { number, slug, applied_at, checksum })
}

/// A migration that a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What it has, ascending.
    pub applied: Vec<AppliedMigration>,
    /// What it lacks, ascending.
    pub pending: Vec<Migration>,
    /// The database's own environment; `None` when it is not initialised.
    pub environment: Option<Environment>,
    /// The migration without a transaction that was begun and has not ended. Nothing else runs before it is finished, or
    /// ended by hand with a stamp.
    pub unfinished: Option<Unfinished>,
}

impl Status {
    /// The number of the newest migration that the database has; `None` when it is not initialised.
    pub fn current(&self) -> Option<i64> {
        self.applied.last().map(|applied| applied.number)
    }

    /// What a database says of a set, writing nothing.
    ///
    /// # Errors
    /// As [`Status::judge`], and what the engine says.
    pub(crate) fn read(connection: &mut dyn MigrationConnection, set: &MigrationSet) -> Result<Self> {
        let engine = connection.engine();
        let found = connection.found(set)?;
        Self::judge(found, set, engine)
    }

    /// The same for who takes migrations back: what was never applied may stand between those that were.
    ///
    /// # Errors
    /// As [`Status::judge_applied`], and what the engine says.
    pub(crate) fn read_applied(connection: &mut dyn MigrationConnection, set: &MigrationSet) -> Result<Self> {
        let engine = connection.engine();
        let found = connection.found(set)?;
        Self::judge_applied(found, set, engine)
    }

    /// Judges what was found.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when the database wants a newer program, when an applied migration has another text than
    /// this program's or is not among its files, or when one is missing in the middle. Migrations above this program's
    /// newest are fine.
    pub(crate) fn judge(found: Found, set: &MigrationSet, engine: Engine) -> Result<Self> {
        match Self::describe(found, set, engine)? {
            (status, None) => Ok(status),
            (_, Some(disagreement)) => Err(disagreement),
        }
    }

    /// What was found, and the first thing in which the history does not fit the set, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when the database wants a newer program; [`ErrorKind::Invalid`] when a file of the set cannot be
    /// read.
    pub(crate) fn describe(found: Found, set: &MigrationSet, engine: Engine) -> Result<(Self, Option<Error>)> {
        let (status, disagreements) = Self::compare(found, set, engine)?;
        Ok((status, disagreements.first()))
    }

    /// Judges what was found for who takes migrations back, to which those that were never applied do not matter, wherever
    /// they stand.
    ///
    /// # Errors
    /// As [`Status::judge`], but for what is missing in the middle.
    pub(crate) fn judge_applied(found: Found, set: &MigrationSet, engine: Engine) -> Result<Self> {
        let (status, disagreements) = Self::compare(found, set, engine)?;
        match disagreements.of_applied {
            None => Ok(status),
            Some((_, disagreement)) => Err(disagreement),
        }
    }

    fn compare(found: Found, set: &MigrationSet, engine: Engine) -> Result<(Self, Disagreements)> {
        set.check_read()?;
        if let Some(minimum) = &found.minimum_program {
            check_minimum_program(minimum, "this database")?;
        }
        let environment = found.environment.as_deref().map(str::parse).transpose()?;
        let newest = found.current().unwrap_or(0);
        let (mut applied, mut pending) = (found.applied.iter().peekable(), Vec::new());
        let mut disagreements = Disagreements::default();
        // Both ascend.
        for migration in set.migrations() {
            while let Some(unknown) = applied.next_if(|applied| applied.number < migration.number()) {
                disagreements
                    .of_applied
                    .get_or_insert_with(|| (unknown.number, not_among_the_files(unknown, &found, set)));
            }
            match applied.next_if(|applied| applied.number == migration.number()) {
                Some(applied) => {
                    if let Err(error) = check_text(applied, migration, &found, set, engine) {
                        disagreements.of_applied.get_or_insert((migration.number(), error));
                    }
                }
                None => {
                    if migration.number() < newest {
                        disagreements.of_pending.get_or_insert_with(|| {
                            (migration.number(), below_the_newest(migration, newest, &found, set))
                        });
                    }
                    pending.push(migration.clone());
                }
            }
        }
        let known = |number| set.migration(number).map(Migration::id);
        let applied = found.applied.into_iter().map(|applied| AppliedMigration {
            id: known(applied.number),
            number: applied.number,
            slug: applied.slug,
            applied_at: applied.applied_at,
        });
        let status = Self { applied: applied.collect(), pending, environment, unfinished: found.unfinished };
        Ok((status, disagreements))
    }
}

/// In what a history does not fit a set: the first of each kind, with the migration's number.
#[derive(Default)]
struct Disagreements {
    /// What was applied is not what the set has.
    of_applied: Option<(i64, Error)>,
    /// What the set has was not applied, though a later one was.
    of_pending: Option<(i64, Error)>,
}

impl Disagreements {
    fn first(self) -> Option<Error> {
        let both = self.of_applied.into_iter().chain(self.of_pending);
        both.min_by_key(|(number, _)| *number).map(|(_, disagreement)| disagreement)
    }
}

/// How the history is mended by hand: it is set to the newest migration that both sides know, and nothing is run.
fn stamp(found: &Found, set: &MigrationSet) -> String {
    let known = found.applied.iter().rev().find(|applied| set.migration(applied.number).is_some());
    let revision = known.map_or_else(|| "base".to_owned(), |applied| applied.number.to_string());
    match set.is_charter() {
        true => format!("`charter db stamp {revision} --set charter`"),
        false => format!("`charter db stamp {revision}`"),
    }
}

fn check_text(
    applied: &Applied,
    migration: &Migration,
    found: &Found,
    set: &MigrationSet,
    engine: Engine,
) -> Result<()> {
    if applied.checksum == migration.checksum(engine) && applied.slug == migration.slug() {
        return Ok(());
    }
    let message = match applied.slug == migration.slug() {
        true => format!("migration {migration} was applied with another text than it has here"),
        false => {
            let (number, slug) = (applied.number, &applied.slug);
            format!("migration {number} was applied as {slug}, and has another text and name here: {migration}")
        }
    };
    let error = Error::new(ErrorKind::Refused, message);
    Err(match set.is_embedded() {
        true => error.with_hint("use the program that made this database, or restore the database from a backup"),
        false => error.at(migration.up(engine).file(), None).with_hint(format!(
            "bring back the text that was applied; then make the change in a new migration, or take this one back first \
             (`charter db downgrade`); if the database is as the new text says, {} records that",
            stamp(found, set)
        )),
    })
}

/// A history has what the files lack.
pub(super) fn not_among_the_files(applied: &Applied, found: &Found, set: &MigrationSet) -> Error {
    let message = format!(
        "the database has migration {} ({}), which is not among those of the set {}",
        applied.number,
        applied.slug,
        set.name()
    );
    let error = Error::new(ErrorKind::Refused, message);
    match set.is_embedded() {
        true => error.with_hint("use the program that made this database, or restore the database from a backup"),
        false => error.with_hint(format!(
            "bring back its files, for example from the branch that it was made on; if the database has nothing of it any \
             more, {} records that",
            stamp(found, set)
        )),
    }
}

/// The files have what a history lacks below its newest.
fn below_the_newest(migration: &Migration, newest: i64, found: &Found, set: &MigrationSet) -> Error {
    let message = format!("migration {migration} is not applied, but {newest} is, which comes after it");
    let error = Error::new(ErrorKind::Refused, message);
    match set.is_embedded() {
        true => error.with_hint("use the program that made this database, or restore the database from a backup"),
        false => error.at(migration.up(Engine::default()).file(), None).with_hint(format!(
            "if it was merged last, `charter db renumber` puts it after those that this database has; if they were, take \
             them back first, and all come in order: `charter db downgrade {}`; if the database has what it makes, {} \
             records that",
            found.below(migration.number()),
            stamp(found, set)
        )),
    }
}

/// Refuses what wants a newer program than this one: a database, or a migration.
pub(crate) fn check_minimum_program(minimum: &str, what: &str) -> Result<()> {
    let this = env!("CARGO_PKG_VERSION");
    let version = |text: &str| semver::Version::parse(text);
    match (version(minimum), version(this)) {
        (Ok(minimum), Ok(this)) if minimum <= this => Ok(()),
        _ => {
            let message = format!("{what} is only for charter {minimum} and newer; this is charter {this}");
            Err(Error::new(ErrorKind::Refused, message).with_hint(format!("install charter {minimum} or newer")))
        }
    }
}
