//! Opening stores.

#![cfg_attr(
    not(all(feature = "sqlite", feature = "redb", feature = "postgres")),
    allow(unreachable_code, unused_variables, reason = "each backend uses a part")
)]

use super::Store;
use super::backend::Backend;
use crate::config::{Configuration, DatabaseUrl, Environment, Migrate, Source, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{Event, Migration, MigrationManager, MigrationSet, Status, UpgradeOptions};
use std::path::Path;
use std::sync::Arc;

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading and writing. What is pending is applied as the database's environment allows; an embedded file is made.
    #[default]
    Write,
    /// Reading. Nothing is made, migrated or written.
    Read,
    /// Being pushed to. Nothing is made or migrated, and a server is asked nothing before the first call.
    Remote,
}

/// How a store is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// What for.
    pub access: Access,
    /// The environment for a database that is made now; by default `dev` for embedded files, `prod` for servers. For one
    /// that exists it can only be stricter than the database's own.
    pub environment: Option<Environment>,
    /// The database belongs to another program: it is never made or migrated.
    pub foreign: bool,
    /// Whether opening migrates at all.
    pub migrate: Migrate,
}

impl OpenOptions {
    /// What a configuration says, for reading and writing.
    pub fn of(configuration: &Configuration) -> Self {
        Self {
            access: Access::Write,
            environment: configuration.environment(),
            foreign: configuration.database().source.is_foreign(),
            migrate: configuration.migrations().migrate,
        }
    }

    /// Whether opening may make and migrate a database.
    fn migrates(&self) -> bool {
        self.access == Access::Write && !self.foreign && self.migrate == Migrate::ByEnvironment
    }
}

impl Store {
    /// Opens the store of a URL to read and write: an embedded file is made and migrated on the spot.
    ///
    /// # Errors
    /// What [`DatabaseUrl::parse`] and [`Store::connect`] say.
    ///
    /// # Examples
    /// ```
    /// let store = charter::Store::open("memory:")?;
    /// let id = store.store_schema("user", r#"{"type": "object"}"#, "1.0.0")?;
    /// assert_eq!(store.get_schema("user", None)?.digest(), id.digest());
    /// # Ok::<(), charter::Error>(())
    /// ```
    pub fn open(url: &str) -> Result<Self> {
        Self::connect(&DatabaseUrl::parse(url)?, &OpenOptions::default())
    }

    /// Opens the store that the configuration names: the environment variables, `charter.cfg`, `alembic.ini`, else
    /// `charter.db` in the working directory; see [`config`](crate::config).
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the configuration cannot be read, and what [`Store::open_configured`] says.
    pub fn open_default() -> Result<Self> {
        let configuration = Configuration::load(None)?;
        Self::open_configured(&configuration, &OpenOptions::of(&configuration))
    }

    /// Opens the store that a configuration names. The project's own migrations belong to its database: they are applied
    /// with charter's, unless the database was named by an argument or is another program's.
    ///
    /// # Errors
    /// As [`MigrationManager::from_configuration`] and [`Store::connect`].
    pub fn open_configured(configuration: &Configuration, options: &OpenOptions) -> Result<Self> {
        Self::open_configured_with(configuration, options, &mut |_| {})
    }

    /// [`Store::open_configured`], where `events` is told what happens while opening migrates, as
    /// [`Store::open_managed_with`] says.
    ///
    /// # Errors
    /// As [`Store::open_configured`].
    pub fn open_configured_with(
        configuration: &Configuration,
        options: &OpenOptions,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self> {
        let url = &configuration.database().url;
        let is_alone =
            configuration.database().source == Source::Argument || options.access != Access::Write || options.foreign;
        let manager = match is_alone {
            true => MigrationManager::of(url.clone()),
            false => MigrationManager::from_configuration(configuration)?,
        };
        Self::open_managed_with(&manager, options, events)
    }

    /// Opens the store of a parsed URL.
    ///
    /// # Errors
    /// * [`ErrorKind::Unsupported`]: this build has no backend for the URL; the message names the feature.
    /// * [`ErrorKind::NotFound`]: a file that is only to be read does not exist.
    /// * [`ErrorKind::NotInitialized`]: the database has no tables of charter's, and is none that is made on the spot.
    /// * [`ErrorKind::Refused`]: the database wants a newer program, has pending migrations that its environment does
    ///   not apply by itself, or its history does not fit this program's migrations.
    /// * [`ErrorKind::Unavailable`]: the server cannot be reached.
    pub fn connect(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self> {
        Self::open_managed(&MigrationManager::of(url.clone()), options)
    }

    /// Opens the store of a database in which other sets of migrations live beside charter's own: what is pending of all of
    /// them is applied as the environment allows, or nothing.
    ///
    /// # Errors
    /// As [`Store::connect`].
    ///
    /// # Examples
    /// ```
    /// use charter::migrate::{MigrationManager, MigrationSet};
    /// use charter::store::{OpenOptions, Store};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite:///{}", folder.path().join("shop.db").display());
    /// let set = MigrationSet::from_files("shop", [("V1__orders.sql", "CREATE TABLE orders (id BIGINT NOT NULL);")])?;
    /// // let url = "sqlite:///shop.db";
    /// let store = Store::open_managed(&MigrationManager::new(&url)?.with_set(set), &OpenOptions::default())?;
    /// assert_eq!(store.status()?.and_then(|status| status.current()), Some(1));
    /// # Ok::<(), charter::Error>(())
    /// ```
    pub fn open_managed(manager: &MigrationManager, options: &OpenOptions) -> Result<Self> {
        Self::open_managed_with(manager, options, &mut |_| {})
    }

    /// [`Store::open_managed`], where `events` is told what happens while opening migrates: that another migrator is waited
    /// for, which migration is applied, and that one is tried again because programs hold a lock that it needs. Nothing is
    /// told where nothing is pending.
    ///
    /// # Errors
    /// As [`Store::connect`].
    ///
    /// # Examples
    /// ```
    /// use charter::migrate::{Event, MigrationManager};
    /// use charter::store::{OpenOptions, Store};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite:///{}", folder.path().join("told.db").display());
    /// // let url = "postgresql://...";
    /// let mut applied = Vec::new();
    /// let store = Store::open_managed_with(&MigrationManager::new(&url)?, &OpenOptions::default(), &mut |event| match event {
    ///     Event::Committed { migration } => applied.push(migration.number()),
    ///     Event::Retrying { attempt, of, reason, .. } => eprintln!("attempt {attempt} of {of}: {reason}"),
    ///     _ => {}
    /// })?;
    /// assert_eq!(applied.last().copied(), store.status()?.and_then(|status| status.current()));
    /// # Ok::<(), charter::Error>(())
    /// ```
    pub fn open_managed_with(
        manager: &MigrationManager,
        options: &OpenOptions,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self> {
        let url = manager.url();
        let migrating = || match options.environment {
            Some(environment) => manager.clone().with_environment(environment),
            None => manager.clone(),
        };
        if !url.file().is_none_or(Path::exists) {
            if !options.migrates() {
                return Err(match options.access {
                    Access::Read => Error::new(ErrorKind::NotFound, format!("there is no database {url}"))
                        .with_hint("make it with `charter init`, or put something into it with `charter put FILE`"),
                    Access::Write | Access::Remote => not_initialized(url),
                });
            }
            migrating().open(events)?;
        }
        let backend = backend(url, options.access)?;
        // Of a server that is pushed to nothing is asked yet.
        if (options.access != Access::Remote || url.is_embedded()) && lacks(&*backend, manager, options)? {
            migrating().open(events)?;
            backend.forget();
        }
        Ok(Self::over(backend))
    }

    /// Makes charter's tables in the database of a URL, or applies what is pending of its migrations, as
    /// [`MigrationManager::upgrade`] does. Gives the numbers of the migrations that were applied; none if there was nothing
    /// to do.
    ///
    /// # Errors
    /// As [`MigrationManager::upgrade`].
    pub fn initialize(
        url: &DatabaseUrl,
        environment: Option<Environment>,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<i64>> {
        let manager = MigrationManager::of(url.clone());
        if manager.engine().is_none() {
            return Ok(Vec::new());
        }
        let manager = match environment {
            Some(environment) => manager.with_environment(environment),
            None => manager,
        };
        let done = manager.upgrade(&UpgradeOptions::default(), events)?;
        Ok(done.into_iter().map(|done| done.number).collect())
    }

    /// Which migrations the database of a URL has. Writes nothing; `None` for a store without migrations.
    ///
    /// # Errors
    /// As [`Store::connect`], but for pending migrations, which are told.
    pub fn migration_status(url: &DatabaseUrl) -> Result<Option<Status>> {
        backend(url, Access::Read)?.status(MigrationSet::charter())
    }
}

/// The backend of a URL, whose file exists if it has one.
fn backend(url: &DatabaseUrl, access: Access) -> Result<Arc<dyn Backend>> {
    Ok(match url.target() {
        #[cfg(feature = "sqlite")]
        Target::Sqlite(target) => Arc::new(super::sqlite::SqliteBackend::open(target, access == Access::Read)?),
        #[cfg(feature = "duckdb")]
        Target::DuckDb(target) => Arc::new(super::duckdb::DuckDbBackend::open(target, access == Access::Read)?),
        #[cfg(feature = "redb")]
        Target::Memory => Arc::new(super::memory::MemoryBackend::new()?),
        #[cfg(feature = "postgres")]
        Target::Postgres(target) => Arc::new(super::postgres::PostgresBackend::new(url, target)?),
        #[allow(unreachable_patterns, reason = "with every feature on, all targets are above")]
        _ => return Err(not_built_in(url)),
    })
}

/// Whether a database lacks migrations that opening it may apply.
///
/// # Errors
/// When it lacks some that opening it may not apply, and is to be written to; when it is no registry, and is none that is
/// made by opening it.
fn lacks(backend: &dyn Backend, manager: &MigrationManager, options: &OpenOptions) -> Result<bool> {
    let url = manager.url();
    let Some(charter) = backend.status(MigrationSet::charter())? else { return Ok(false) };
    if let Some(unfinished) = &charter.unfinished {
        return Err(unfinished.refusal());
    }
    if charter.current().is_none() {
        // A server's registry is made by somebody who means to.
        let is_made = url.is_embedded() && options.migrates();
        return if is_made { Ok(true) } else { Err(not_initialized(url)) };
    }
    if options.access != Access::Write {
        return Ok(false);
    }
    let name = |migration: &Migration| format!("{} ({})", migration.number(), migration.slug());
    let mut pending: Vec<String> = charter.pending.iter().map(name).collect();
    for set in manager.sets_on_open().filter(|set| !set.is_charter()) {
        let of_set = backend.status(set)?.map_or_else(Vec::new, |status| status.pending);
        pending.extend(of_set.iter().map(|migration| format!("{} {}", set.name(), name(migration))));
    }
    if pending.is_empty() || options.migrates() {
        return Ok(!pending.is_empty());
    }
    let message = format!("{url} lacks migrations, and they are not applied by opening it: {}", pending.join(", "));
    Err(Error::new(ErrorKind::Refused, message).with_hint(manager.how_to_upgrade()))
}

pub(super) fn not_initialized(url: &DatabaseUrl) -> Error {
    Error::new(ErrorKind::NotInitialized, format!("{url} is no charter registry yet"))
        .with_hint(format!("make it one with `charter db init {url}`"))
}

#[cfg_attr(
    all(feature = "sqlite", feature = "redb", feature = "postgres"),
    allow(dead_code, reason = "with every feature on, there is nothing that is not built in")
)]
fn not_built_in(url: &DatabaseUrl) -> Error {
    let feature = match url.target() {
        Target::Sqlite(_) => "sqlite",
        Target::DuckDb(_) => "duckdb",
        Target::Memory => "redb",
        Target::Postgres(_) => "postgres",
    };
    Error::new(ErrorKind::Unsupported, format!("this build of charter has no {feature} store")).with_hint(format!(
        "add the feature `{feature}`: `cargo install charter --features {feature}`, or in Cargo.toml"
    ))
}
