//! The environment that a database says it is.

use super::super::apply::locked;
use super::super::audit::{Action, Actor, Entry, create_table};
use super::super::connection::{MigrationConnection, Purpose, Transaction, qualified};
use super::super::event::Event;
use super::super::set::MigrationSet;
use super::super::status::Status;
use super::{Confirmation, MigrationManager};
use crate::config::Environment;
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use std::time::Instant;

impl MigrationManager {
    /// The environment that the database says it is, whatever this manager's own is.
    ///
    /// # Errors
    /// [`ErrorKind::NotInitialized`] when the database has no tables of charter's; as [`MigrationManager::status`].
    pub fn database_environment(&self) -> Result<Environment> {
        let mut connection = self.connect(Purpose::Read)?;
        let status = self.initialized(&mut *connection)?;
        self.stored(&status)
    }

    /// Makes the database another environment, in one transaction with its row of audit, under the migrators' lock. Gives
    /// the environment that it was before; when that is the same, nothing is written.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when the rules get weaker and that was not confirmed, in prod with the database's name, or
    /// when the user of a server does not own charter's tables; [`ErrorKind::NotInitialized`] when there are none; as
    /// [`MigrationManager::status`]; and what the engine says, when nothing is changed.
    pub fn change_environment(
        &self,
        environment: Environment,
        confirmation: &Confirmation,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Environment> {
        let mut connection = self.connect(Purpose::MigrateExisting)?;
        let limit = self.timeouts(Environment::Dev).migrators;
        locked(&mut *connection, limit, events, |connection, _| {
            let status = self.initialized(connection)?;
            let before = self.stored(&status)?;
            if before == environment {
                return Ok(before);
            }
            check_owner(connection)?;
            if environment < before {
                confirmation.check(&format!("changing the environment to {environment}"), self.url(), before)?;
            }
            let timeouts = self.timeouts(before);
            connection.begin(&Transaction {
                schema: Some(MigrationSet::charter().schema()),
                read_only: false,
                lock_timeout: timeouts.lock,
                statement_timeout: timeouts.statement,
                ..Transaction::default()
            })?;
            let changed = change(connection, &status, before, environment).and_then(|()| connection.commit());
            if changed.is_err() {
                connection.rollback()?;
            }
            changed.map(|()| before).context("changing the environment failed, and nothing was changed")
        })
    }

    fn stored(&self, status: &Status) -> Result<Environment> {
        status.environment.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, format!("{} does not say which environment it is", self.url()))
        })
    }
}

/// Refuses users of a server who do not own charter's tables; of a file, whoever may write is its owner.
fn check_owner(connection: &mut dyn MigrationConnection) -> Result<()> {
    if connection.engine() != Engine::Postgres {
        return Ok(());
    }
    let rows = connection.query(
        "SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE'), pg_catalog.pg_get_userbyid(c.relowner), current_user \
         FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass('charter.charter_schema_version')",
    )?;
    match rows.into_iter().next().unwrap_or_default().as_slice() {
        [Some(is_owner), ..] if is_owner == "t" => Ok(()),
        [_, Some(owner), Some(user)] => {
            let message = format!("charter's tables belong to {owner}, and {user} may not change their environment");
            Err(Error::new(ErrorKind::Refused, message).with_hint(format!("connect as {owner}")))
        }
        _ => Err(Error::new(ErrorKind::Backend, "the owner of charter's tables could not be read")),
    }
}

/// Every row says the same, so that no later migration brings the old one back.
fn change(
    connection: &mut dyn MigrationConnection,
    status: &Status,
    before: Environment,
    environment: Environment,
) -> Result<()> {
    let (start, engine, set) = (Instant::now(), connection.engine(), MigrationSet::charter());
    let table = qualified(set, engine, "charter_schema_version");
    connection.execute(&format!("UPDATE {table} SET environment = '{environment}'"))?;
    connection.execute(&create_table(set, engine))?;
    let current = status.applied.last();
    let entry = Entry {
        number: current.map_or(0, |current| current.number),
        slug: current.map_or("", |current| &current.slug),
        action: Action::Environment,
        checksum: None,
        duration: start.elapsed(),
        statements: 1,
        allowed: &[],
        detail: Some(&format!("{before} -> {environment}")),
    };
    connection.execute(&entry.insert(set, engine, &Actor::present(before)))
}
