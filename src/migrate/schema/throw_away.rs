//! Databases to try things in, which are gone afterwards.

use crate::config::{DatabaseUrl, Environment};
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::migrate::apply::{Work, apply, revert};
use crate::migrate::audit::Actor;
use crate::migrate::connection::{MigrationConnection, Purpose, connect, in_memory, quoted};
use crate::migrate::event::Timeouts;
use crate::migrate::schema::Schema;
use crate::migrate::set::MigrationSet;
use std::ops::{Deref, DerefMut};

/// An empty database that is gone when this is dropped.
pub(crate) struct ThrowAway {
    // Closed before its database is dropped.
    connection: Box<dyn MigrationConnection>,
    database: Option<Database>,
}

/// A database on a server, dropped with the value.
struct Database {
    server: DatabaseUrl,
    name: String,
}

/// An empty database of an engine: of SQLite and DuckDB in memory, of Postgres on a server, by a random name.
///
/// # Errors
/// [`ErrorKind::Unsupported`] when this build has not the engine; [`ErrorKind::Invalid`] when Postgres is asked for and
/// `against` is not the URL of a server; and what the engine says.
pub(crate) fn throw_away(engine: Engine, against: Option<&DatabaseUrl>) -> Result<ThrowAway> {
    if engine != Engine::Postgres {
        return Ok(ThrowAway { connection: in_memory(engine)?, database: None });
    }
    let name = format!("charter_verify_{}", uuid::Uuid::new_v4().simple());
    let (server, url) = against.and_then(|server| Some((server, server.with_database(&name)?))).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, "a throw-away Postgres database needs the URL of a server")
            .with_hint("give it with `--against postgresql://USER@HOST/DATABASE`")
    })?;
    let make = format!("CREATE DATABASE {}", quoted(&name));
    let made = connect(server, Purpose::MigrateExisting).and_then(|mut connection| connection.execute(&make));
    made.context(format!("making a throw-away database on the server of {server}"))?;
    // From here on it is dropped, whatever happens.
    let database = Database { server: server.clone(), name };
    let connection = connect(&url, Purpose::MigrateExisting)?;
    Ok(ThrowAway { connection, database: Some(database) })
}

impl ThrowAway {
    /// Drops the database, and says when it cannot be dropped.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn close(self) -> Result<()> {
        drop(self.connection);
        self.database.map_or(Ok(()), Database::end)
    }
}

impl Deref for ThrowAway {
    type Target = dyn MigrationConnection;

    fn deref(&self) -> &Self::Target {
        &*self.connection
    }
}

impl DerefMut for ThrowAway {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.connection
    }
}

impl Database {
    fn end(mut self) -> Result<()> {
        self.drop_it()
    }

    /// Drops the database, once.
    fn drop_it(&mut self) -> Result<()> {
        let name = std::mem::take(&mut self.name);
        if name.is_empty() {
            return Ok(());
        }
        // FORCE, because a server's own workers may look at any database.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&name));
        let dropped = connect(&self.server, Purpose::MigrateExisting).and_then(|mut server| server.execute(&drop));
        dropped.context(format!("dropping the throw-away database {name}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // There is nobody to tell; who wants to know calls `close`.
        let _ = self.drop_it();
    }
}

/// A set that is applied to a throw-away database, step by step.
pub(crate) struct Trial<'a> {
    set: &'a MigrationSet,
    database: ThrowAway,
}

impl<'a> Trial<'a> {
    /// Begins with an empty database.
    ///
    /// # Errors
    /// As [`throw_away`].
    pub(crate) fn new(set: &'a MigrationSet, engine: Engine, against: Option<&DatabaseUrl>) -> Result<Self> {
        let mut database = throw_away(engine, against)?;
        // Nobody else knows of it, but migrating takes the lock for granted.
        database.lock(Timeouts::default().migrators, &mut |_| {})?;
        Ok(Self { set, database })
    }

    /// Brings the database to a revision, up or down.
    ///
    /// # Errors
    /// As [`apply`] and [`revert`].
    pub(crate) fn go_to(&mut self, number: Option<i64>) -> Result<()> {
        let mut work = Work {
            set: self.set,
            actor: Actor::present(Environment::Dev),
            allowed: &[],
            timeouts: Timeouts::default(),
            events: &mut |_| {},
        };
        apply(&mut *self.database, &mut work, number)?;
        revert(&mut *self.database, &mut work, number).map(drop)
    }

    /// What the database has now.
    ///
    /// # Errors
    /// What the engine says.
    pub(crate) fn schema(&mut self) -> Result<Schema> {
        Schema::read(&mut *self.database, self.set)
    }

    /// The database itself.
    #[cfg(test)]
    pub(crate) fn database(&mut self) -> &mut dyn MigrationConnection {
        &mut *self.database
    }

    /// Ends it, and says when the database cannot be dropped.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn close(self) -> Result<()> {
        self.database.close()
    }
}
