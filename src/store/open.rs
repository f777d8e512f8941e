//! Opening stores.

#![cfg_attr(
    not(all(feature = "sqlite", feature = "redb", feature = "postgres")),
    allow(unreachable_code, unused_variables, reason = "each backend uses a part")
)]

use super::Store;
use super::backend::Backend;
use crate::config::{Configuration, DatabaseUrl, Environment, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{self, Actor, Event, Found, MigrationSet, Purpose, Status, Timeouts, Work};
use std::path::Path;
use std::sync::Arc;

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading and writing. An embedded file is made and migrated as its environment allows.
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
    /// [`ErrorKind::Configuration`] when the configuration cannot be read, and what [`Store::connect`] says.
    pub fn open_default() -> Result<Self> {
        let configuration = Configuration::load(None)?;
        let database = configuration.database();
        let options = OpenOptions {
            environment: configuration.environment(),
            foreign: database.source.is_foreign(),
            ..OpenOptions::default()
        };
        Self::connect(&database.url, &options)
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
        let backend: Arc<dyn Backend> = match url.target() {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(target) => {
                let open = |create, read_only| super::sqlite::SqliteBackend::open(target, create, read_only);
                Arc::new(embedded(url, options, open)?)
            }
            #[cfg(feature = "duckdb")]
            Target::DuckDb(target) => {
                let open = |create, read_only| super::duckdb::DuckDbBackend::open(target, create, read_only);
                Arc::new(embedded(url, options, open)?)
            }
            #[cfg(feature = "redb")]
            Target::Memory => Arc::new(super::memory::MemoryBackend::new()?),
            #[cfg(feature = "postgres")]
            Target::Postgres(target) => {
                let backend = super::postgres::PostgresBackend::new(url, target)?;
                if options.access != Access::Remote {
                    check(url, backend.status()?, options)?;
                }
                Arc::new(backend)
            }
            #[allow(unreachable_patterns, reason = "with every feature on, all targets are above")]
            _ => return Err(not_built_in(url)),
        };
        Ok(Self::over(backend))
    }

    /// Makes charter's tables in the database of a URL, or applies what is pending of its migrations. Gives the numbers
    /// of the migrations that were applied; none if there was nothing to do.
    ///
    /// # Errors
    /// As [`Store::connect`]; what was applied before a failure stays applied, each migration with its history row.
    pub fn initialize(
        url: &DatabaseUrl,
        environment: Option<Environment>,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<i64>> {
        if matches!(url.target(), Target::Memory) {
            return Ok(Vec::new());
        }
        let environment = environment.unwrap_or_else(|| default_environment(url));
        let mut connection = migrate::connect(url, Purpose::Migrate)?;
        migrate::locked(&mut *connection, Timeouts::default().migrators, events, |connection, events| {
            let set = MigrationSet::charter();
            let found = Found::read(set, connection.engine(), &mut |sql| connection.query(sql))?;
            let stored = found.environment.as_deref().map(str::parse).transpose()?;
            let actor = Actor::present(stored.unwrap_or(environment));
            let timeouts = Timeouts::of(actor.environment);
            let mut work = Work { set, actor, allowed: &[], timeouts, events };
            migrate::apply(connection, &mut work, Some(set.head()))
        })
    }

    /// Which migrations the database of a URL has. Writes nothing; `None` for a store without migrations.
    ///
    /// # Errors
    /// As [`Store::connect`], but for pending migrations, which are told.
    pub fn migration_status(url: &DatabaseUrl) -> Result<Option<Status>> {
        match url.target() {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(target) => super::sqlite::SqliteBackend::open(target, false, true)?.status(),
            #[cfg(feature = "duckdb")]
            Target::DuckDb(target) => super::duckdb::DuckDbBackend::open(target, false, true)?.status(),
            #[cfg(feature = "redb")]
            Target::Memory => Ok(None),
            #[cfg(feature = "postgres")]
            Target::Postgres(target) => super::postgres::PostgresBackend::new(url, target)?.status(),
            #[allow(unreachable_patterns, reason = "with every feature on, all targets are above")]
            _ => Err(not_built_in(url)),
        }
    }
}

fn default_environment(url: &DatabaseUrl) -> Environment {
    if url.is_embedded() { Environment::Dev } else { Environment::Prod }
}

/// Opens an embedded file, of which `open` wants to know whether it may be made, and whether it is only read.
#[cfg(any(feature = "sqlite", feature = "duckdb"))]
fn embedded<E: super::embedded::Embedded>(
    url: &DatabaseUrl,
    options: &OpenOptions,
    open: impl FnOnce(bool, bool) -> Result<super::embedded::EmbeddedBackend<E>>,
) -> Result<super::embedded::EmbeddedBackend<E>> {
    let create = options.access == Access::Write && !options.foreign;
    if !create && !url.file().is_some_and(Path::exists) {
        return Err(match options.access {
            Access::Read => Error::new(ErrorKind::NotFound, format!("there is no database {url}"))
                .with_hint("make it with `charter init`, or put something into it with `charter put FILE`"),
            Access::Write | Access::Remote => not_initialized(url),
        });
    }
    let backend = open(create, options.access == Access::Read)?;
    let Some(status) = backend.status()? else { return Ok(backend) };
    let is_new = status.current().is_none();
    let environment = status.environment.max(options.environment).unwrap_or_else(|| default_environment(url));
    let by_itself = create && (is_new || environment == Environment::Dev);
    if by_itself && !status.pending.is_empty() {
        Store::initialize(url, Some(environment), &mut |_| {})?;
        backend.connections.forget();
    } else {
        check(url, Some(status), options)?;
    }
    Ok(backend)
}

/// Whether a database can be used as it is.
fn check(url: &DatabaseUrl, status: Option<Status>, options: &OpenOptions) -> Result<()> {
    let Some(status) = status else { return Ok(()) };
    if let Some(unfinished) = &status.unfinished {
        return Err(unfinished.refusal());
    }
    if status.current().is_none() {
        return Err(not_initialized(url));
    }
    if options.access == Access::Write && !status.pending.is_empty() {
        let pending: Vec<String> = status.pending.iter().map(|m| format!("{} ({})", m.number(), m.slug())).collect();
        let message = format!("{url} lacks migrations, and they are not applied by themselves: {}", pending.join(", "));
        return Err(
            Error::new(ErrorKind::Refused, message).with_hint(format!("apply them with `charter db upgrade {url}`"))
        );
    }
    Ok(())
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
