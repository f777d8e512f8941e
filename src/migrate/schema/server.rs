//! Databases on servers that are made to be thrown away, and how they go, whatever becomes of the program.

use crate::config::DatabaseUrl;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::migrate::connection::{MigrationConnection, Purpose, connect, quoted};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Those that this program has made and not dropped yet.
static MADE: Mutex<Vec<(DatabaseUrl, String)>> = Mutex::new(Vec::new());

fn made() -> MutexGuard<'static, Vec<(DatabaseUrl, String)>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops every throw-away database that this program has, and then ends it. For a program that is interrupted.
#[cfg(feature = "cli")]
pub(crate) fn end_with(exit: fn() -> !) -> ! {
    // Whoever works with one of them finds it gone, and waits here for the end.
    let made = made();
    for (server, name) in made.iter() {
        // There is nobody to tell; the next program that makes one drops it.
        let _ = drop_database(server, name);
    }
    exit()
}

/// A database on a server, dropped with the value. What is left of a program that was killed is dropped by the next one that
/// makes such a database.
pub(super) struct Database {
    server: DatabaseUrl,
    /// Empty when it was dropped.
    name: String,
    /// The session whose end says that nobody will drop the database any more.
    _session: Box<dyn MigrationConnection>,
}

impl Database {
    /// Makes an empty one, and says where it is.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the URL is none of a server; what the server says.
    pub(super) fn make(server: &DatabaseUrl) -> Result<(Self, DatabaseUrl)> {
        let making = format!("making a throw-away database on the server of {server}");
        let mut connection = connect(server, Purpose::MigrateExisting).context(making.clone())?;
        sweep(&mut *connection);
        let rows = connection.query(&format!(
            "SELECT {SESSION} FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = pg_catalog.pg_backend_pid()"
        ))?;
        let session = rows.into_iter().flatten().flatten().next().unwrap_or_default();
        let name = format!("{PREFIX}{session}_{:016x}", uuid::Uuid::new_v4().as_u64_pair().0);
        let url = server.with_database(&name).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("{server} is no server, on which a database could be made"))
        })?;
        // Under the lock: an interrupt waits until it is known.
        let mut made = made();
        connection.execute(&format!("CREATE DATABASE {}", quoted(&name))).context(making)?;
        made.push((server.clone(), name.clone()));
        Ok((Self { server: server.clone(), name, _session: connection }, url))
    }

    /// Drops it, and says when it cannot be dropped.
    ///
    /// # Errors
    /// What the server says.
    pub(super) fn end(mut self) -> Result<()> {
        self.drop_it()
    }

    /// Drops the database, once.
    fn drop_it(&mut self) -> Result<()> {
        let name = std::mem::take(&mut self.name);
        if name.is_empty() {
            return Ok(());
        }
        made().retain(|(_, made)| *made != name);
        drop_database(&self.server, &name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // There is nobody to tell; who wants to know calls `end`.
        let _ = self.drop_it();
    }
}

/// How the names begin; the session that made the database follows.
const PREFIX: &str = "charter_verify_";

/// A session as names tell it: its process, which another one may have later, and when it began.
const SESSION: &str = "a.pid || '_' || (pg_catalog.date_part('epoch', a.backend_start) * 1000000)::bigint";

/// Those whose session has ended and that nobody is connected to are left over.
fn left_over() -> String {
    format!(
        "SELECT d.datname FROM pg_catalog.pg_database AS d WHERE pg_catalog.pg_get_userbyid(d.datdba) = current_user \
         AND d.datname ~ '^{PREFIX}[0-9]+_[0-9]+_[0-9a-f]{{16}}$' \
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity AS a \
         WHERE a.datid = d.oid OR pg_catalog.starts_with(d.datname, '{PREFIX}' || {SESSION} || '_'))"
    )
}

/// Drops what programs left that were killed. What cannot be dropped is left to the next one.
fn sweep(server: &mut dyn MigrationConnection) {
    let left_over = server.query(&left_over()).unwrap_or_default();
    for name in left_over.into_iter().flatten().flatten() {
        // Without FORCE: who has connected meanwhile keeps it.
        let _ = server.execute(&format!("DROP DATABASE IF EXISTS {}", quoted(&name)));
    }
}

fn drop_database(server: &DatabaseUrl, name: &str) -> Result<()> {
    // FORCE, because a server's own workers may look at any database.
    let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
    let dropped = connect(server, Purpose::MigrateExisting).and_then(|mut server| server.execute(&drop));
    dropped.context(format!("dropping the throw-away database {name}"))
}
