//! Migrating a PostgreSQL database.

use super::connection::{Pool, Pooled, is_undefined};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::migrate::{Applied, Found, MINIMUM_PROGRAM_QUERY, MigrationConnection};
use crate::store::bridge::Bridge;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_postgres::Client;

/// The advisory lock of migrators: an arbitrary number that is charter's.
const LOCK: i64 = 0x63_68_61_72_74_65_72;

/// How long a migrator waits for the others.
const LOCK_PATIENCE: Duration = Duration::from_secs(300);

/// One connection of a registry while it is migrated.
pub(super) struct Migrating<'a> {
    bridge: &'a Bridge,
    connection: Arc<Mutex<Pooled>>,
}

impl<'a> Migrating<'a> {
    pub(super) fn connect(bridge: &'a Bridge, pool: Arc<Pool>) -> Result<Self> {
        let pooled = bridge.call(async move { pool.client().await })?;
        Ok(Self { bridge, connection: Arc::new(Mutex::new(pooled)) })
    }
}

/// What a database says of the set with this history.
pub(super) async fn find(client: &Client, history_table: &str) -> Result<Found> {
    let mut found = Found::default();
    found.applied = match applied(client, history_table).await {
        Ok(applied) => applied,
        Err(Failure::Server(error)) if is_undefined(&error) => return Ok(found),
        Err(failure) => return Err(failure.into()),
    };
    if !found.applied.is_empty()
        && let Some(row) = client.query_typed_opt(&MINIMUM_PROGRAM_QUERY.replace("{}", "charter."), &[]).await?
    {
        found.minimum_program = Some(row.try_get(0)?);
        found.environment = Some(row.try_get(1)?);
    }
    Ok(found)
}

enum Failure {
    Server(tokio_postgres::Error),
    Charter(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Server(error) => error.into(),
            Failure::Charter(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

async fn applied(client: &Client, history_table: &str) -> Result<Vec<Applied>, Failure> {
    let query = format!("SELECT version, name, applied_on, checksum FROM charter.{history_table} ORDER BY version");
    let mut applied = Vec::new();
    for row in client.query_typed(&query, &[]).await? {
        let (number, checksum): (i64, String) = (row.try_get(0)?, row.try_get(3)?);
        let checksum = checksum.parse().map_err(|_| {
            let message = format!("the history has {checksum:?} as the checksum of migration {number}");
            Failure::Charter(Error::new(ErrorKind::Corrupt, message))
        })?;
        applied.push(Applied { number, slug: row.try_get(1)?, applied_at: row.try_get(2)?, checksum });
    }
    Ok(applied)
}

impl MigrationConnection for Migrating<'_> {
    fn find(&mut self, history_table: &str) -> Result<Found> {
        let (connection, history_table) = (self.connection.clone(), history_table.to_owned());
        self.bridge.call(async move { find(connection.lock().await.client()?, &history_table).await })
    }

    /// The search path is set for the transaction alone: a session may be another's after it, behind a pooler.
    fn run_in_transaction(&mut self, texts: &[&str]) -> Result<()> {
        let connection = self.connection.clone();
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        self.bridge.call(async move {
            let mut pooled = connection.lock().await;
            let transaction = super::begin(pooled.client()?).await?;
            // Whoever may not make a schema can still bring one up to date that is there: hence not IF NOT EXISTS.
            let exists = transaction.query_typed_one("SELECT to_regnamespace('charter') IS NOT NULL", &[]).await?;
            if !exists.try_get::<_, bool>(0)? {
                let made = transaction.batch_execute("CREATE SCHEMA charter").await;
                made.context("making the schema `charter`")?;
            }
            transaction.batch_execute("SET LOCAL search_path = charter").await?;
            for text in &texts {
                transaction.batch_execute(text).await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    /// A session's advisory lock: the server releases it when the session ends, however it ends.
    fn lock(&mut self) -> Result<()> {
        let connection = self.connection.clone();
        self.bridge.call(async move {
            let mut pooled = connection.lock().await;
            let client = pooled.client()?;
            let start = Instant::now();
            let query = format!("SELECT pg_try_advisory_lock({LOCK})");
            while !client.query_typed_one(&query, &[]).await?.try_get::<_, bool>(0)? {
                if start.elapsed() > LOCK_PATIENCE {
                    return Err(Error::new(ErrorKind::Busy, "another migrator is at work on this database")
                        .with_hint("wait for it, or find it in pg_locks (locktype = 'advisory')"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let encoding: String =
                client.query_typed_one("SELECT current_setting('server_encoding')", &[]).await?.try_get(0)?;
            if encoding == "UTF8" {
                return Ok(());
            }
            let message = format!("the database's encoding is {encoding}, which cannot hold every name and body");
            Err(Error::new(ErrorKind::Refused, message)
                .with_hint("make it with `createdb --encoding=UTF8 --template=template0`"))
        })
    }

    fn unlock(&mut self) -> Result<()> {
        let connection = self.connection.clone();
        self.bridge.call(async move {
            let mut pooled = connection.lock().await;
            pooled.client()?.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})")).await?;
            Ok(())
        })
    }
}
