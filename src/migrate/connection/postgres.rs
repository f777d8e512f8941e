//! Migrating a PostgreSQL database.

use super::recording::{FORGET, own_settings, set_again, settings};
use super::{MigrationConnection, Purpose, Transaction, literal, quoted};
use crate::config::url::PostgresTarget;
use crate::engine::drive::Drive;
use crate::engine::postgres::{connect, foreign_error, sql_state, text_rows};
use crate::engine::{Engine, MIGRATORS_LOCK, OUTSIDE, TextRow};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::migrate::steps::words;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// How long unlocking goes on when the session that has the lock does not answer.
const UNLOCK_PATIENCE: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(50);

/// One session on a server while a database is migrated.
pub(super) struct PostgresMigrating {
    client: Arc<Client>,
    /// Whether it was connected to read. The session is not told so: behind a pooler, its next client is another program.
    reads_only: bool,
    /// Whether a transaction is refused that changes what all databases of the server share.
    is_confined: bool,
    /// While it has the migrators' lock.
    lock: Option<Lock>,
    in_transaction: bool,
    /// charter's own statements that go with the commit.
    recorded: String,
    /// Whether the session is made ready for a migration without a transaction.
    in_session: bool,
    /// The schema of the set at work.
    schema: Option<String>,
    /// The names and limits that are set for its migrations.
    settings: Vec<String>,
    drive: Drive,
}

/// The migrators' lock, as this session has it.
struct Lock {
    /// What the session is marked with. A session that a pooler lends to others by turns has it only when it is the one
    /// that has the lock for us; the advisory lock itself cannot tell two clients of one session apart.
    token: String,
    /// The server process that has the lock.
    process: String,
}

impl PostgresMigrating {
    pub(super) fn connect(target: &PostgresTarget, purpose: Purpose) -> Result<Self> {
        let (drive, target) = (Drive::new()?, target.clone());
        let client = Arc::new(drive.call(async move { connect(&target).await })?);
        let (reads_only, is_confined) = (purpose == Purpose::Read, purpose == Purpose::Try);
        Ok(Self {
            client,
            reads_only,
            is_confined,
            lock: None,
            in_transaction: false,
            recorded: String::new(),
            in_session: false,
            schema: None,
            settings: Vec::new(),
            drive,
        })
    }

    fn execute_batch(&self, sql: String) -> Result<()> {
        let client = self.client.clone();
        self.drive.call(async move { Ok(client.batch_execute(&sql).await?) })
    }

    fn rows(&self, sql: String) -> Result<Vec<TextRow>> {
        let client = self.client.clone();
        self.drive.call(async move { text_rows(&client, &sql).await })
    }

    fn run(&self, statement: &str) -> Result<()> {
        let (client, text) = (self.client.clone(), statement.to_owned());
        self.drive.call(async move { client.execute_typed(&text, &[]).await.map(drop).map_err(foreign_error) })
    }

    /// Runs a statement whose transaction does not come to an end if it has changed what all databases of the server share.
    /// What may do anything has one of its own for that, where there is none, unless it ends it itself.
    fn run_confined(&self, statement: &str) -> Result<()> {
        let said = words(statement, Engine::Postgres);
        let is_hidden = said.first().is_some_and(|first| ["do", "call", "select"].contains(&first.as_str()));
        if self.in_transaction {
            self.run(statement)?;
            return self.check_confined();
        }
        if !is_hidden {
            return self.run(statement);
        }
        self.execute_batch("BEGIN".to_owned())?;
        match self.run(statement).and_then(|()| self.check_confined()) {
            Ok(()) => self.execute_batch("COMMIT".to_owned()),
            Err(error) => {
                self.execute_batch("ROLLBACK".to_owned())?;
                if self.must_run_alone(&error) { self.run(statement) } else { Err(error) }
            }
        }
    }

    fn check_confined(&self) -> Result<()> {
        match self.rows(SHARED.to_owned())?.is_empty() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Refused, OUTSIDE)),
        }
    }

    /// The first row of a query, each value as text.
    fn row<const N: usize>(&mut self, query: &str) -> Result<[Option<String>; N]> {
        let row = self.query(query)?.into_iter().next().unwrap_or_default();
        row.try_into().map_err(|_| Error::new(ErrorKind::Backend, "the server answered with other columns"))
    }

    /// Whether the session of this moment is the one that took the migrators' lock for this migrator.
    fn session_is_ours(&self) -> String {
        let token = self.lock.as_ref().map(|lock| lock.token.as_str()).unwrap_or_default();
        format!("pg_catalog.current_setting('charter.migrator', true) = {}", literal(token))
    }

    /// Whether it has the lock still.
    fn lock_is_ours(&self) -> String {
        format!("{} AND {}", has_lock(), self.session_is_ours())
    }

    fn lock_is_lost() -> Error {
        Error::new(ErrorKind::Refused, "this session does not have the migrators' lock any more").with_hint(
            "a statement of a migration may have given it back, such as pg_advisory_unlock_all(): take it out of the \
             migration; or a pooler shares sessions by transaction, which cannot keep it: connect to the server itself",
        )
    }

    /// Runs what was recorded before anything else in the transaction.
    fn write_recorded(&mut self) -> Result<()> {
        let recorded = std::mem::take(&mut self.recorded);
        if recorded.is_empty() { Ok(()) } else { self.execute_batch(recorded) }
    }

    /// Marks the session again, which was seen to be this migrator's.
    fn mark(&self) -> String {
        let set = |lock: &Lock| {
            format!("SELECT pg_catalog.set_config('charter.migrator', {}, false); ", literal(&lock.token))
        };
        self.lock.as_ref().map(set).unwrap_or_default()
    }

    /// What undoes that statements have set something for the session.
    fn forget(&self) -> String {
        joined(&FORGET.map(str::to_owned)) + &self.mark()
    }

    /// Begins, checks and prepares in one round trip.
    fn begin_prepared(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        let mode = match transaction.read_only || self.reads_only {
            true => "REPEATABLE READ READ ONLY",
            false => "READ COMMITTED READ WRITE",
        };
        let mut begin = format!("BEGIN ISOLATION LEVEL {mode}; ");
        let ours = match &self.lock {
            None => "true".to_owned(),
            Some(_) => self.lock_is_ours(),
        };
        let schema = transaction.schema.map(quoted);
        let exists = match &schema {
            Some(schema) => format!("pg_catalog.to_regnamespace({}) IS NOT NULL", literal(schema)),
            None => "true".to_owned(),
        };
        let _ = write!(begin, "SELECT {ours}, {exists}; ");
        if self.lock.is_some() && !self.in_session {
            // Undone with the transaction, should the session be another's after all.
            begin.push_str(&self.forget());
        }
        let settings = settings("SET LOCAL", transaction);
        begin.push_str(&joined(&settings));
        if !self.in_session {
            self.settings = settings;
        }
        let answer = self.query(&begin)?.into_iter().next().unwrap_or_default();
        let is_true = |place: usize| answer.get(place).is_some_and(|value| value.as_deref() == Some("t"));
        if !is_true(0) {
            return Err(Self::lock_is_lost());
        }
        // Whoever may not make a schema can still bring one up to date that is there: hence not IF NOT EXISTS.
        if let Some(schema) = schema.filter(|_| !is_true(1) && !transaction.read_only) {
            let made = self.execute_batch(format!("CREATE SCHEMA {schema}"));
            made.context(format!("making the schema {schema}"))?;
        }
        Ok(())
    }

    /// Who has the migrators' lock, for people.
    fn holder(&mut self) -> Result<Option<String>> {
        let query = format!(
            "SELECT l.pid, a.application_name, a.usename, a.client_addr FROM pg_catalog.pg_locks AS l \
             LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid WHERE {} AND l.database = \
             (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) LIMIT 1",
            lock_rows()
        );
        let Some(row) = self.query(&query)?.into_iter().next() else { return Ok(None) };
        let [process, application, user, address] = <[Option<String>; 4]>::try_from(row).unwrap_or_default();
        let known = |name: &str, value: Option<String>| {
            value.filter(|value| !value.is_empty()).map(|value| format!("{name} {value}"))
        };
        let about = [known("application", application), known("user", user), known("from", address)];
        let about = about.into_iter().flatten().collect::<Vec<_>>().join(", ");
        Ok(process.map(|process| match about.is_empty() {
            true => format!("server process {process}"),
            false => format!("server process {process} ({about})"),
        }))
    }

    /// Tries to get the lock. The server gives it to a session that has it already, so one that has is not asked.
    fn try_lock(&mut self) -> Result<bool> {
        let token = uuid::Uuid::new_v4().to_string();
        let [answer, process] = self.row(&format!(
            "SELECT CASE WHEN {} THEN 'shared' WHEN pg_catalog.pg_try_advisory_lock({MIGRATORS_LOCK}) \
             THEN pg_catalog.set_config('charter.migrator', {}, false) ELSE 'taken' END, pg_catalog.pg_backend_pid()",
            has_lock(),
            literal(&token)
        ))?;
        match answer.as_deref() {
            Some("taken") => Ok(false),
            Some("shared") => {
                let message = "this session of the server has the migrators' lock for another client";
                Err(Error::new(ErrorKind::Refused, message).with_hint(
                    "connect to the server itself: a pooler that shares sessions by transaction cannot keep the lock",
                ))
            }
            _ => {
                self.lock = Some(Lock { token, process: process.unwrap_or_default() });
                Ok(true)
            }
        }
    }

    fn check_encoding(&mut self) -> Result<()> {
        let [encoding] = self.row("SELECT pg_catalog.current_setting('server_encoding')")?;
        let encoding = encoding.unwrap_or_default();
        if encoding == "UTF8" {
            return Ok(());
        }
        let message = format!("the database's encoding is {encoding}, which cannot hold every name and body");
        Err(Error::new(ErrorKind::Refused, message)
            .with_hint("make it with `createdb --encoding=UTF8 --template=template0`"))
    }
}

/// The rows of `pg_locks AS l` that are the migrators' lock of a database.
fn lock_rows() -> String {
    format!(
        "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = {} AND l.objid = {}",
        MIGRATORS_LOCK >> 32,
        MIGRATORS_LOCK & 0xffff_ffff
    )
}

/// Whether the session of this moment has the migrators' lock, for whomever. It has locks of its own database alone.
fn has_lock() -> String {
    format!(
        "EXISTS (SELECT 1 FROM pg_catalog.pg_locks AS l WHERE {} AND l.pid = pg_catalog.pg_backend_pid())",
        lock_rows()
    )
}

/// Whether this transaction has written what all databases of the server share, whatever function wrote it: it keeps the lock
/// to its end. A GRANT on a database does not; but a row that can be seen while its transaction is at work is this one's. What
/// is written of its own database goes with that.
const SHARED: &str = "WITH own AS (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()), \
     given AS (SELECT oid, xmin FROM pg_catalog.pg_database UNION ALL SELECT oid, xmin FROM pg_catalog.pg_tablespace) \
     SELECT 1 FROM own, pg_catalog.pg_locks AS l JOIN pg_catalog.pg_class AS c ON c.oid = l.relation \
     WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.database = 0 AND l.mode = 'RowExclusiveLock' \
     AND (c.relname IN ('pg_authid', 'pg_auth_members', 'pg_tablespace', 'pg_parameter_acl', 'pg_replication_origin', \
     'pg_shdescription', 'pg_shseclabel', 'pg_subscription') \
     OR (c.relname = 'pg_db_role_setting' AND 'own' IS DISTINCT FROM ( \
     SELECT pg_catalog.min(CASE WHEN s.setdatabase = own.oid THEN 'own' ELSE 'another' END) \
     FROM pg_catalog.pg_db_role_setting AS s WHERE pg_catalog.age(s.xmin) <= 0))) \
     UNION ALL SELECT 1 FROM own, given AS g WHERE g.oid <> own.oid AND CASE WHEN pg_catalog.age(g.xmin) <= 0 THEN \
     pg_catalog.txid_status((pg_catalog.txid_current() >> 32 << 32) + g.xmin::pg_catalog.text::bigint) = 'in progress' END LIMIT 1";

/// Statements for one round trip.
fn joined(statements: &[String]) -> String {
    statements.iter().map(|statement| format!("{}; ", statement.trim_end().trim_end_matches(';'))).collect()
}

impl MigrationConnection for PostgresMigrating {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn begin_migrating(&mut self) -> bool {
        self.reads_only = false;
        true
    }

    fn query(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        self.write_recorded()?;
        if self.in_transaction || !self.reads_only {
            return self.rows(sql.to_owned());
        }
        let answer = self.rows(format!("BEGIN READ ONLY; {sql}; COMMIT"));
        if answer.is_err() {
            // The first error is what matters.
            let _ = self.execute_batch("ROLLBACK".to_owned());
        }
        answer
    }

    fn begin(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if let Some(schema) = transaction.schema {
            self.schema = Some(schema.to_owned());
        }
        self.in_transaction = true;
        let begun = self.begin_prepared(transaction);
        if begun.is_err() {
            // The first error is what matters.
            let _ = self.rollback();
        }
        begun
    }

    fn begin_session(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        self.schema = transaction.schema.map(str::to_owned);
        self.in_session = true;
        self.settings = settings("SET", transaction);
        self.execute_batch(self.forget() + &joined(&self.settings))
    }

    fn reset(&mut self) -> Result<()> {
        self.in_session = false;
        self.execute_batch(self.forget() + "DISCARD TEMP")
    }

    /// The server takes one statement so and no more: what hides a second one in a text that it reads otherwise than
    /// charter, such as a COMMIT, is refused.
    fn execute(&mut self, statement: &str) -> Result<()> {
        if !self.in_transaction && self.reads_only {
            return Err(Error::new(ErrorKind::Unsupported, "what is only read runs no statement"));
        }
        self.write_recorded()?;
        if !self.in_transaction && self.lock.is_some() {
            let [ours] = self.row(&format!("SELECT {}", self.lock_is_ours()))?;
            if ours.as_deref() != Some("t") {
                return Err(Self::lock_is_lost());
            }
        }
        match self.is_confined {
            true => self.run_confined(statement)?,
            false => self.run(statement)?,
        }
        match set_again(statement, &self.settings) {
            again if again.is_empty() => Ok(()),
            again => self.execute_batch(self.mark() + &joined(&again)),
        }
    }

    fn must_run_alone(&self, error: &Error) -> bool {
        // A procedure or a block that commits says the second.
        matches!(
            sql_state(error),
            Some(&(SqlState::ACTIVE_SQL_TRANSACTION | SqlState::INVALID_TRANSACTION_TERMINATION))
        )
    }

    fn record(&mut self, statements: &[String]) -> Result<()> {
        self.recorded = joined(&own_settings(self.schema.as_deref())) + &joined(statements);
        Ok(())
    }

    /// One round trip with what was recorded.
    fn commit(&mut self) -> Result<()> {
        let recorded = std::mem::take(&mut self.recorded);
        let committed = self.execute_batch(recorded + "COMMIT");
        self.in_transaction = false;
        if committed.as_ref().is_err_and(|error| error.kind() != ErrorKind::Unavailable) {
            // When it was a statement before the COMMIT, the transaction is there still. The first error is what matters.
            let _ = self.execute_batch("ROLLBACK".to_owned());
        }
        committed
    }

    fn rollback(&mut self) -> Result<()> {
        self.recorded.clear();
        match std::mem::take(&mut self.in_transaction) {
            true => self.execute_batch("ROLLBACK".to_owned()),
            false => Ok(()),
        }
    }

    /// A session's advisory lock: the server releases it when the session ends, however it ends.
    fn lock(&mut self, limit: Duration, waiting: &mut dyn FnMut(Option<&str>)) -> Result<()> {
        let start = Instant::now();
        let mut has_told = false;
        while !self.try_lock()? {
            if !std::mem::replace(&mut has_told, true) {
                waiting(self.holder()?.as_deref());
            }
            if start.elapsed() >= limit {
                let message = match self.holder()? {
                    Some(holder) => format!("another migrator is at work on this database: {holder}"),
                    None => "another migrator is at work on this database".to_owned(),
                };
                return Err(Error::new(ErrorKind::Busy, message).with_hint(
                    "wait for it; one that will never end can be ended with `SELECT pg_terminate_backend(PROCESS)`",
                ));
            }
            std::thread::sleep(PAUSE);
        }
        self.check_encoding()
    }

    fn unlock(&mut self) -> Result<()> {
        if self.lock.is_none() {
            return Ok(());
        }
        let query = format!(
            "SELECT CASE WHEN {} THEN CASE WHEN pg_catalog.pg_advisory_unlock({MIGRATORS_LOCK}) THEN 'freed' ELSE 'lost' END \
             WHEN {} THEN 'lost' ELSE 'elsewhere' END",
            self.lock_is_ours(),
            self.session_is_ours()
        );
        let start = Instant::now();
        loop {
            match self.row(&query)? {
                [Some(answer)] if answer == "freed" => break,
                [Some(answer)] if answer == "lost" => {
                    self.lock = None;
                    return Err(Self::lock_is_lost());
                }
                // Behind a pooler the next answer may come from the session that has it.
                _ => {}
            }
            if start.elapsed() >= UNLOCK_PATIENCE {
                let process = self.lock.take().map(|lock| lock.process).unwrap_or_default();
                let message = format!("the migrators' lock could not be given back: server process {process} has it");
                return Err(Error::new(ErrorKind::Refused, message).with_hint(format!(
                    "`SELECT pg_terminate_backend({process})` frees it; then connect to the server itself and not to a pooler"
                )));
            }
            std::thread::sleep(PAUSE);
        }
        self.lock = None;
        Ok(())
    }
}
