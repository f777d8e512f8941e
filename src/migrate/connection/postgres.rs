//! Migrating a PostgreSQL database.

use super::{MigrationConnection, Purpose, Transaction, literal, quoted};
use crate::config::url::PostgresTarget;
use crate::engine::bridge::Bridge;
use crate::engine::postgres::{connect, text_rows};
use crate::engine::{Engine, TextRow};
use crate::error::{Context, Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::Client;

/// The advisory lock of migrators: an arbitrary number that is charter's.
const LOCK: i64 = 0x63_68_61_72_74_65_72;

/// One session on a server while a database is migrated.
pub(super) struct PostgresMigrating {
    client: Arc<Client>,
    locked: bool,
    in_transaction: bool,
    bridge: Bridge,
}

impl PostgresMigrating {
    pub(super) fn connect(target: &PostgresTarget, purpose: Purpose) -> Result<Self> {
        let (bridge, target) = (Bridge::start()?, target.clone());
        let client = bridge.call(async move {
            let client = connect(&target).await?;
            if purpose == Purpose::Read {
                client.batch_execute("SET default_transaction_read_only = on").await?;
            }
            Ok(client)
        })?;
        Ok(Self { client: Arc::new(client), locked: false, in_transaction: false, bridge })
    }

    fn execute_batch(&self, sql: String) -> Result<()> {
        let client = self.client.clone();
        self.bridge.call(async move { Ok(client.batch_execute(&sql).await?) })
    }

    fn is_true(&mut self, query: &str) -> Result<bool> {
        Ok(self.query(query)?.first().and_then(|row| row.first()).is_some_and(|value| value.as_deref() == Some("t")))
    }

    /// Refuses to go on without the migrators' lock: behind a pooler that shares sessions, it is another session's.
    fn check_lock(&mut self) -> Result<()> {
        let query = format!(
            "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted \
             AND pid = pg_catalog.pg_backend_pid() AND objsubid = 1 AND classid = {} AND objid = {} \
             AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))",
            LOCK >> 32,
            LOCK & 0xffff_ffff
        );
        match self.is_true(&query)? {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Refused, "the migrators' lock is not this session's any more")
                .with_hint(
                    "migrate over a connection of its own, not through a pooler that shares sessions by transaction",
                )),
        }
    }

    fn prepare(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if self.locked {
            self.check_lock()?;
        }
        if let Some(schema) = transaction.schema {
            // Whoever may not make a schema can still bring one up to date that is there: hence not IF NOT EXISTS.
            let exists =
                self.is_true(&format!("SELECT pg_catalog.to_regnamespace({}) IS NOT NULL", literal(&quoted(schema))))?;
            if !exists && !transaction.read_only {
                let made = self.execute_batch(format!("CREATE SCHEMA {}", quoted(schema)));
                made.context(format!("making the schema `{schema}`"))?;
            }
            // For the transaction alone: a session may be another's after it, behind a pooler.
            self.execute_batch(format!("SET LOCAL search_path = {}", quoted(schema)))?;
        }
        Ok(())
    }
}

impl MigrationConnection for PostgresMigrating {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn query(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        let (client, sql) = (self.client.clone(), sql.to_owned());
        self.bridge.call(async move { text_rows(&client, &sql).await })
    }

    fn begin(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        let mode = if transaction.read_only { "READ ONLY" } else { "READ WRITE" };
        let mut begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED {mode}");
        for (name, limit) in
            [("lock_timeout", transaction.lock_timeout), ("statement_timeout", transaction.statement_timeout)]
        {
            if let Some(limit) = limit {
                begin.push_str(&format!("; SET LOCAL {name} = {}", limit.as_millis()));
            }
        }
        self.in_transaction = true;
        let prepared = self.execute_batch(begin).and_then(|()| self.prepare(transaction));
        if prepared.is_err() {
            // The first error is what matters.
            let _ = self.rollback();
        }
        prepared
    }

    fn execute(&mut self, statement: &str) -> Result<()> {
        self.execute_batch(statement.to_owned())
    }

    fn commit(&mut self) -> Result<()> {
        self.in_transaction = false;
        self.execute_batch("COMMIT".to_owned())
    }

    fn rollback(&mut self) -> Result<()> {
        match std::mem::take(&mut self.in_transaction) {
            true => self.execute_batch("ROLLBACK".to_owned()),
            false => Ok(()),
        }
    }

    /// A session's advisory lock: the server releases it when the session ends, however it ends.
    fn lock(&mut self, limit: Duration, waiting: &mut dyn FnMut(Option<&str>)) -> Result<()> {
        let client = self.client.clone();
        self.bridge.call(async move {
            let start = Instant::now();
            let query = format!("SELECT pg_catalog.pg_try_advisory_lock({LOCK})");
            while text_rows(&client, &query).await? != [[Some("t".to_owned())]] {
                if start.elapsed() > limit {
                    return Err(Error::new(ErrorKind::Busy, "another migrator is at work on this database")
                        .with_hint("wait for it, or find it in pg_locks (locktype = 'advisory')"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(())
        })?;
        self.locked = true;
        let encoding = self.query("SELECT current_setting('server_encoding')")?;
        let encoding = encoding.into_iter().flatten().flatten().next().unwrap_or_default();
        if encoding == "UTF8" {
            return Ok(());
        }
        let message = format!("the database's encoding is {encoding}, which cannot hold every name and body");
        Err(Error::new(ErrorKind::Refused, message)
            .with_hint("make it with `createdb --encoding=UTF8 --template=template0`"))
    }

    fn unlock(&mut self) -> Result<()> {
        match std::mem::take(&mut self.locked) {
            true => self.query(&format!("SELECT pg_catalog.pg_advisory_unlock({LOCK})")).map(drop),
            false => Ok(()),
        }
    }
}
