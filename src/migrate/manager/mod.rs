//! The migrations of one database: what programs and the command line ask for.

mod backup;
mod create;
mod dependants;
mod downgrade;
mod drops;
mod environment;
mod losses;
mod plan;
mod rebuilds;
mod sql;
mod stamp;
mod trial;
mod truncate;
mod upgrade;

pub use create::create_migration;
pub use dependants::Dependant;
pub(super) use dependants::{LEFT_ALONE, dependants_of};
pub use downgrade::{Confirmation, DowngradeOptions, database_name};
pub use losses::Loss;
pub use plan::Planned;
pub use sql::{Offline, UpgradeSql};
pub use truncate::TableRows;
pub use upgrade::UpgradeOptions;

use super::connection::{MigrationConnection, Purpose, connect};
use super::event::Timeouts;
use super::history::{self, HistoryEntry};
use super::set::{Migration, MigrationSet, Problem};
use super::status::Status;
use crate::config::{Configuration, DatabaseUrl, Environment, Target};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Location, Result};
use std::fmt;
use std::time::Duration;

/// The migrations of one database: charter's own set, and those of the programs that live in the same database.
///
/// # Examples
/// ```
/// use charter::migrate::{MigrationManager, MigrationSet};
///
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("sqlite:///{}", folder.path().join("shop.db").display());
/// let set = MigrationSet::from_files("shop", [
///     ("V1__orders.sql", "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY);"),
///     ("V1__orders.down.sql", "DROP TABLE orders;"),
/// ])?;
/// // let url = "sqlite:///shop.db";
/// let manager = MigrationManager::new(&url)?.with_set(set);
/// manager.run_migrations("head")?;
/// assert_eq!(manager.get_current_revision()?.as_deref(), Some("1"));
/// # Ok::<(), charter::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MigrationManager {
    url: DatabaseUrl,
    sets: Vec<MigrationSet>,
    environment: Option<Environment>,
    timeouts: Option<Timeouts>,
    /// What the configuration says instead of the environment's limits.
    lock_timeout: Option<Duration>,
    statement_timeout: Option<Duration>,
}

/// One migration of one set, by name: one that was applied, taken back or stamped, or that a database lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// The name of its set.
    pub set: String,
    /// Its number.
    pub number: i64,
    /// Its slug.
    pub slug: String,
    /// Its id.
    pub id: String,
}

/// `1 contracts 0f0f0f0f0f0f`.
impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.number, self.slug, self.id)
    }
}

impl Done {
    pub(crate) fn of(set: &MigrationSet, migration: &Migration) -> Self {
        Self {
            set: set.name().to_owned(),
            number: migration.number(),
            slug: migration.slug().to_owned(),
            id: migration.id(),
        }
    }
}

/// What a database has and lacks of one set.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SetStatus {
    /// The set.
    pub set: MigrationSet,
    /// What the database has of it and what it lacks.
    pub status: Status,
}

/// What a database has and lacks of one set, and whether that can be.
#[derive(Debug)]
#[non_exhaustive]
pub struct Described {
    /// The set.
    pub set: MigrationSet,
    /// What the database has of it and what it lacks.
    pub status: Status,
    /// The first thing in which the history does not fit the set; every other method refuses the database for it.
    pub disagreement: Option<Error>,
}

/// What [`MigrationManager::validate_migrations`] found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Validation {
    /// What keeps the sets from being applied.
    pub errors: Vec<Problem>,
    /// What else should be better.
    pub warnings: Vec<Problem>,
    /// What can be done about errors that the database itself gives.
    pub hints: Vec<String>,
    /// Whether there is a database. Without one, only the files were looked at.
    pub has_database: bool,
}

impl Validation {
    /// `valid`, `warnings` or `invalid`.
    pub fn status(&self) -> &'static str {
        match (self.errors.is_empty(), self.warnings.is_empty()) {
            (false, _) => "invalid",
            (true, false) => "warnings",
            (true, true) => "valid",
        }
    }
}

impl MigrationManager {
    /// The migrations of the database of a URL: charter's own set.
    ///
    /// # Errors
    /// What [`DatabaseUrl::parse`] says.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self::of(DatabaseUrl::parse(url)?))
    }

    /// The migrations of the database of a parsed URL: charter's own set.
    pub fn of(url: DatabaseUrl) -> Self {
        Self {
            url,
            sets: vec![MigrationSet::charter().clone()],
            environment: None,
            timeouts: None,
            lock_timeout: None,
            statement_timeout: None,
        }
    }

    /// The migrations of the database that a configuration names: charter's own set, and the project's where
    /// `[migrations] dir` names one. A folder whose set is called `charter` is charter's own, as in its source tree.
    ///
    /// # Errors
    /// As [`MigrationSet::from_directory`].
    pub fn from_configuration(configuration: &Configuration) -> Result<Self> {
        let mut manager = Self::of(configuration.database().url.clone());
        manager.environment = configuration.environment();
        let settings = configuration.migrations();
        (manager.lock_timeout, manager.statement_timeout) = (settings.lock_timeout, settings.statement_timeout);
        let Some(directory) = &settings.directory else { return Ok(manager) };
        if settings.name == MigrationSet::charter().name() {
            let set = MigrationSet::charter_from_directory(directory).map_err(|error| settings.blame(error))?;
            let first = MigrationSet::charter().migrations().first();
            if set.migrations().first().map(Migration::slug) != first.map(Migration::slug) {
                let message = "`charter` is the name of charter's own migrations, and these are others";
                return Err(settings.blame(Error::new(ErrorKind::Configuration, message).with_hint(
                    "give the set another name, `name` in the section [migrations]; without it, `project`",
                )));
            }
            manager.sets = vec![set];
            return Ok(manager);
        }
        let set = MigrationSet::from_directory(&settings.name, directory).map_err(|error| settings.blame(error))?;
        Ok(manager.with_set(set.in_schema(&settings.schema).for_engines(settings.engines.clone())))
    }

    /// The same with one more set, which is applied after those that are there.
    #[must_use]
    pub fn with_set(mut self, set: MigrationSet) -> Self {
        self.sets.push(set);
        self
    }

    /// The same in an environment: the one that a database gets which has none yet; one that has can only be treated
    /// more strictly.
    #[must_use]
    pub fn with_environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// The same with other limits than those of the environment.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// The limits that hold in an environment.
    fn timeouts(&self, environment: Environment) -> Timeouts {
        let limits = self.timeouts.clone().unwrap_or_else(|| Timeouts::of(environment));
        Timeouts {
            lock: self.lock_timeout.or(limits.lock),
            statement: self.statement_timeout.or(limits.statement),
            ..limits
        }
    }

    /// The database.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The sets, in the order in which they are applied.
    pub fn sets(&self) -> &[MigrationSet] {
        &self.sets
    }

    /// The set with a name; without one, the project's where there is one, else charter's own.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] with the names that there are.
    pub fn set(&self, name: Option<&str>) -> Result<&MigrationSet> {
        let found = match name {
            None => self.sets.last(),
            Some(name) => self.sets.iter().find(|set| set.name() == name),
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = self.sets.iter().map(MigrationSet::name).collect();
            Error::new(
                ErrorKind::NotFound,
                format!("there is no set of migrations {:?} here", name.unwrap_or_default()),
            )
            .with_hint(format!("the sets are: {}", names.join(", ")))
        })
    }

    /// The engine of the database; `None` for a store without migrations.
    pub fn engine(&self) -> Option<Engine> {
        match self.url.target() {
            Target::Sqlite(_) => Some(Engine::Sqlite),
            Target::DuckDb(_) => Some(Engine::DuckDb),
            Target::Postgres(_) => Some(Engine::Postgres),
            Target::Memory => None,
        }
    }

    /// What the database has and lacks of each set. Writes nothing, and makes no file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when an embedded file does not exist; [`ErrorKind::Refused`] when the database is not for
    /// this program, or its history does not fit a set; what the engine says.
    pub fn status(&self) -> Result<Vec<SetStatus>> {
        let mut connection = self.connect(Purpose::Read)?;
        self.sets
            .iter()
            .map(|set| Ok(SetStatus { set: set.clone(), status: Status::read(&mut *connection, set)? }))
            .collect()
    }

    /// The same, also of a database whose history does not fit a set.
    ///
    /// # Errors
    /// As [`MigrationManager::status`], but for that.
    pub fn describe(&self) -> Result<Vec<Described>> {
        let mut connection = self.connect(Purpose::Read)?;
        let engine = connection.engine();
        let mut describe = |set: &MigrationSet| {
            let found = connection.found(set)?;
            let (status, disagreement) = Status::describe(found, set, engine)?;
            Ok(Described { set: set.clone(), status, disagreement })
        };
        self.sets.iter().map(&mut describe).collect()
    }

    /// The environment that counts: the stricter one of the database's own and this manager's; for a database that has none
    /// yet and a manager without one, `dev` for embedded files and `prod` for servers.
    pub fn environment(&self, stored: Option<Environment>) -> Environment {
        let default = if self.url.is_embedded() { Environment::Dev } else { Environment::Prod };
        stored.max(self.environment).unwrap_or(default)
    }

    /// The number of the newest migration that the database has of the set that is meant by default; `None` before the
    /// first one. A number is a revision that every method takes.
    ///
    /// # Errors
    /// As [`MigrationManager::status`].
    pub fn get_current_revision(&self) -> Result<Option<String>> {
        let current = self.status()?.pop().and_then(|set| set.status.current());
        Ok(current.map(|number| number.to_string()))
    }

    /// What the database lacks, in the order in which it would be applied.
    ///
    /// # Errors
    /// As [`MigrationManager::status`].
    pub fn get_pending_migrations(&self) -> Result<Vec<Done>> {
        let status = self.status()?;
        let pending =
            status.iter().flat_map(|set| set.status.pending.iter().map(|migration| Done::of(&set.set, migration)));
        Ok(pending.collect())
    }

    /// Who did what to the tables of each set, when and why: oldest first, set by set.
    ///
    /// # Errors
    /// As [`MigrationManager::status`]; [`ErrorKind::Corrupt`] when a row cannot be read.
    pub fn get_migration_history(&self) -> Result<Vec<HistoryEntry>> {
        let mut connection = self.connect(Purpose::Read)?;
        let mut entries = Vec::new();
        for set in &self.sets {
            entries.extend(history::read(&mut *connection, set)?);
        }
        Ok(entries)
    }

    /// Brings the database up to a revision of the set that is meant by default, the last one that was added; `head` is for
    /// all sets. A database that is there already, or further, is left as it is.
    ///
    /// # Errors
    /// As [`MigrationManager::upgrade`].
    pub fn run_migrations(&self, revision: &str) -> Result<Vec<Done>> {
        self.upgrade(&UpgradeOptions { revision: revision.parse()?, ..UpgradeOptions::default() }, &mut |_| {})
    }

    /// Takes the set that is meant by default back to a revision: the last one that was added, else charter's own, whose
    /// tables go with the contracts in them. In `staging` and `prod` somebody has to agree: see [`DowngradeOptions`].
    ///
    /// # Errors
    /// As [`MigrationManager::downgrade`].
    pub fn rollback_migration(&self, revision: &str) -> Result<Vec<Done>> {
        self.downgrade(&DowngradeOptions { revision: revision.parse()?, ..DowngradeOptions::default() }, &mut |_| {})
    }

    /// Makes the tables of all sets where they are missing: [`MigrationManager::run_migrations`] to `head`.
    ///
    /// # Errors
    /// As [`MigrationManager::upgrade`].
    pub fn initialize(&self) -> Result<Vec<Done>> {
        self.run_migrations("head")
    }

    /// Looks for what is wrong with the files of the sets and with the database's history of them. A database that cannot be
    /// read is wrong too; one that does not exist yet is not.
    pub fn validate_migrations(&self) -> Validation {
        let mut validation = Validation::default();
        for set in &self.sets {
            for problem in set.problems() {
                let of = if problem.is_error { &mut validation.errors } else { &mut validation.warnings };
                of.push(problem.clone());
            }
        }
        // In its file where it has one, else where it was found.
        let problem = |is_error: bool, place: String, error: &Error| {
            let message = error.to_string();
            let (location, message) = match error.location() {
                None => (Location { file: place.into(), position: None }, message),
                Some(location) => {
                    let said = format!("{location}: ");
                    (location.clone(), message.strip_prefix(&said).map(str::to_owned).unwrap_or(message))
                }
            };
            Problem { is_error, location, message }
        };
        match self.connect(Purpose::Read) {
            Ok(mut connection) => {
                validation.has_database = true;
                // With files that cannot be read, which is told, a history is not compared.
                for set in self.sets.iter().filter(|set| set.check_read().is_ok()) {
                    match Status::read(&mut *connection, set) {
                        Err(error) => {
                            validation.errors.push(problem(true, set.history_table(), &error));
                            validation.hints.extend(error.hint().map(str::to_owned));
                        }
                        Ok(status) => {
                            let refusal = status.unfinished.map(|unfinished| unfinished.refusal());
                            let warning = refusal.map(|error| problem(false, set.history_table(), &error));
                            validation.warnings.extend(warning);
                        }
                    }
                }
            }
            // There is nothing yet that could disagree.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => {}
            Err(error) => {
                validation.has_database = true;
                validation.errors.push(problem(true, self.url.to_string(), &error));
                validation.hints.extend(error.hint().map(str::to_owned));
            }
        }
        validation
    }

    /// A connection to read; none where an embedded file does not exist.
    fn connect_to_what_exists(&self) -> Result<Option<Box<dyn MigrationConnection>>> {
        match self.connect(Purpose::Read) {
            Ok(connection) => Ok(Some(connection)),
            Err(error) if error.kind() == ErrorKind::NotFound && self.url.is_embedded() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn connect(&self, purpose: Purpose) -> Result<Box<dyn MigrationConnection>> {
        connect(&self.url, purpose).map_err(|error| match error.kind() {
            ErrorKind::NotFound if self.url.is_embedded() => {
                let url = &self.url;
                Error::new(ErrorKind::NotFound, format!("there is no database {url}"))
                    .with_hint(format!("make it with `charter db init {url}`"))
            }
            _ => error,
        })
    }
}

/// Applies all of charter's own migrations to the database of a URL. Those of a program or a project are applied by a
/// [`MigrationManager`] that has their set.
///
/// # Errors
/// As [`MigrationManager::upgrade`].
///
/// # Examples
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("sqlite:///{}", folder.path().join("contracts.db").display());
/// // let url = "sqlite:///contracts.db";
/// assert_eq!(charter::migrate::migrate(&url)?.len(), charter::migrate::MigrationSet::charter().migrations().len());
/// assert!(charter::migrate::migrate(&url)?.is_empty());
/// # }
/// # Ok::<(), charter::Error>(())
/// ```
pub fn migrate(url: &str) -> Result<Vec<Done>> {
    MigrationManager::new(url)?.run_migrations("head")
}

/// Takes back the newest of charter's own migrations in the database of a URL. The tables that it made go, with what is in
/// them: with the first migration, every contract. In `staging` and `prod` that is refused: [`MigrationManager::downgrade`]
/// takes a [`Confirmation`].
///
/// # Errors
/// As [`MigrationManager::downgrade`].
pub fn rollback(url: &str) -> Result<Vec<Done>> {
    MigrationManager::new(url)?.rollback_migration("-1")
}
