//! SQLite behind the store.

mod replication;

use super::backend::{
    Appended, Backend, Batch, Description, Durability, Fate, Listed, Obstacle, Page, Selector, prefix_end,
};
use super::row::RecordRow;
use crate::config::url::{SqliteTarget, Synchronous};
use crate::engine::Engine;
use crate::engine::sqlite::{Connections, FileAccess, Written, text_rows};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{Found, MigrationSet, Status};
use crate::record::{Digest, Record};
use charter_sync::{Change, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::Path;

/// A SQLite file.
pub(crate) struct SqliteBackend {
    connections: Connections,
}

impl SqliteBackend {
    /// Opens the file of a target, which exists. Nothing can be written if `read_only`.
    pub(crate) fn open(target: &SqliteTarget, read_only: bool) -> Result<Self> {
        let access = if read_only { FileAccess::Read } else { FileAccess::Write };
        Ok(Self { connections: Connections::open(&target.path, target.synchronous, access)? })
    }

    fn path(&self) -> &Path {
        self.connections.path()
    }
}

/// Statements that give the columns of a [`RecordRow`].
const SELECT_KEY: &str =
    "SELECT namespace, kind, name, version, digest, parent, body FROM charter_records WHERE sort_key = ?1";
const SELECT_DIGEST: &str =
    "SELECT namespace, kind, name, version, digest, parent, body FROM charter_records WHERE digest = ?1";
const SELECT_LATEST: &str = "SELECT namespace, kind, name, version, digest, parent, body FROM charter_records \
     WHERE sort_key >= ?1 AND sort_key < ?2 AND (?3 OR NOT pre_release) ORDER BY sort_key DESC LIMIT 1";

impl Backend for SqliteBackend {
    fn description(&self) -> Description {
        Description {
            engine: "sqlite",
            engine_version: Some(rusqlite::version().to_owned()),
            location: format!("sqlite:///{}", self.path().display()),
            durability: match self.connections.synchronous() {
                Synchronous::Full => Durability::Full,
                Synchronous::Normal => Durability::Process,
            },
        }
    }

    fn status(&self, set: &MigrationSet) -> Result<Option<Status>> {
        let engine = Engine::Sqlite;
        let found =
            self.connections.read(|connection| Found::read(set, engine, &mut |sql| text_rows(connection, sql)))?;
        Status::judge(found, set, engine).map(Some)
    }

    /// A busy file can keep SQLite from noticing that the tables have changed: then it says that there is no such table.
    fn forget(&self) {
        self.connections.forget_readers();
    }

    fn read(&self, selectors: &[Selector]) -> Result<Vec<Option<Record>>> {
        match selectors {
            [selector] => self.connections.read(|connection| Ok(vec![select(connection, selector)?])),
            _ => self
                .connections
                .snapshot(|connection| selectors.iter().map(|selector| select(connection, selector)).collect()),
        }
    }

    fn list(&self, page: &Page) -> Result<Vec<Listed>> {
        let end = prefix_end(&page.prefix);
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        self.connections.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT namespace, kind, name, version, digest, parent, '', octet_length(body), \
                 strftime('%Y-%m-%dT%H:%M:%SZ', stored_at) FROM charter_records \
                 WHERE sort_key >= ?1 AND (?2 IS NULL OR sort_key < ?2) ORDER BY sort_key LIMIT ?3",
            )?;
            let mut rows = statement.query(params![page.start(), end, limit])?;
            let mut listed = Vec::new();
            while let Some(row) = rows.next()? {
                listed.push(record_row(row)?.to_listed(unsigned(row.get(7)?)?, row.get(8)?)?);
            }
            Ok(listed)
        })
    }

    fn append(&self, batch: &Batch) -> Result<Appended> {
        self.connections.write(|connection| {
            let mut obstacles = Vec::new();
            for selector in &batch.required {
                if digest_of(connection, selector)?.is_none() {
                    obstacles.push(Obstacle::Missing(selector.clone()));
                }
            }
            let mut sequence = head_sequence(connection)?;
            let mut fates = Vec::with_capacity(batch.records.len());
            for record in &batch.records {
                match insert(connection, record)? {
                    Insertion::New => {
                        sequence += 1;
                        insert_change(connection, sequence, record.digest(), None)?;
                        fates.push(Fate::Stored);
                    }
                    Insertion::Present => fates.push(Fate::Unchanged),
                    Insertion::Taken(stored) => {
                        let (key, offered) = (record.key().clone(), *record.digest());
                        obstacles.push(Obstacle::Taken { key, stored, offered });
                    }
                }
            }
            if !obstacles.is_empty() {
                return Ok(Written::Nothing(Appended::Refused(obstacles)));
            }
            if !fates.contains(&Fate::Stored) {
                return Ok(Written::Nothing(Appended::Done(fates)));
            }
            set_head_sequence(connection, sequence)?;
            Ok(Written::Commit(Appended::Done(fates)))
        })
    }

    fn head(&self) -> Result<Head> {
        self.connections.read(replication::head)
    }

    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>> {
        self.connections.read(|connection| replication::changes(connection, after, limit))
    }

    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>> {
        self.connections.snapshot(|connection| replication::compare(connection, push, offers))
    }

    fn stage(&self, push: &Push, records: &[Record]) -> Result<()> {
        self.connections.write(|connection| replication::stage(connection, push, records).map(Written::Commit))
    }

    fn publish(&self, push: &Push, needed: u64) -> Result<Publication> {
        self.connections.write(|connection| replication::publish(connection, push, needed))
    }

    fn discard(&self, push: &Push) -> Result<()> {
        self.connections.write(|connection| replication::discard(connection, push).map(Written::Commit))
    }

    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>> {
        self.connections.read(|connection| replication::cursor(connection, remote))
    }

    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<()> {
        self.connections.write(|connection| {
            if let Some(receipt) = receipt {
                replication::keep_receipt(connection, receipt)?;
            }
            replication::set_cursor(connection, cursor).map(Written::Commit)
        })
    }

    fn receipts(&self, limit: usize) -> Result<Vec<Receipt>> {
        self.connections.read(|connection| replication::receipts(connection, limit))
    }
}

/// What became of one insertion.
enum Insertion {
    New,
    Present,
    Taken(Digest),
}

fn insert(connection: &Connection, record: &Record) -> Result<Insertion> {
    let row = RecordRow::from(record);
    let inserted = connection
        .prepare_cached(
            "INSERT INTO charter_records \
             (digest, sort_key, namespace, kind, name, version, pre_release, parent, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            row.digest,
            record.key().sort_key(),
            row.namespace,
            row.kind,
            row.name,
            row.version,
            record.key().version.is_pre_release(),
            row.parent,
            row.body,
        ])?;
    if inserted == 1 {
        return Ok(Insertion::New);
    }
    let stored = digest_of_key(connection, &record.key().sort_key())?;
    Ok(match stored {
        Some(stored) if stored != *record.digest() => Insertion::Taken(stored),
        _ => Insertion::Present,
    })
}

fn digest_of_key(connection: &Connection, sort_key: &[u8]) -> Result<Option<Digest>> {
    let digest: Option<String> = connection
        .prepare_cached("SELECT digest FROM charter_records WHERE sort_key = ?1")?
        .query_row([sort_key], |row| row.get(0))
        .optional()?;
    digest.map(|digest| super::row::digest(&digest)).transpose()
}

fn digest_of(connection: &Connection, selector: &Selector) -> Result<Option<Digest>> {
    match selector {
        Selector::Key(key) => digest_of_key(connection, &key.sort_key()),
        _ => Ok(select(connection, selector)?.map(|record| *record.digest())),
    }
}

fn select(connection: &Connection, selector: &Selector) -> Result<Option<Record>> {
    let query = |query: &str, parameters: &[&dyn rusqlite::ToSql]| {
        let mut statement = connection.prepare_cached(query)?;
        let mut rows = statement.query(parameters)?;
        rows.next()?.map(|row| record_row(row)?.to_record()).transpose()
    };
    match selector {
        Selector::Key(key) => query(SELECT_KEY, params![key.sort_key()]),
        Selector::Digest(digest) => query(SELECT_DIGEST, params![digest.to_string()]),
        Selector::Latest { subject, pre_releases } => {
            let prefix = subject.sort_prefix();
            query(SELECT_LATEST, params![prefix, prefix_end(&prefix), pre_releases])
        }
    }
}

/// The first seven columns of a row.
fn record_row<'a>(row: &'a Row<'_>) -> Result<RecordRow<'a>> {
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    Ok(RecordRow {
        namespace: text(0)?,
        kind: text(1)?,
        name: text(2)?,
        version: text(3)?.into(),
        digest: text(4)?.into(),
        parent: row.get_ref(5)?.as_str_or_null().map_err(rusqlite::Error::from)?.map(Into::into),
        body: text(6)?,
    })
}

fn insert_change(connection: &Connection, sequence: u64, digest: &Digest, push: Option<&str>) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO charter_changes (sequence, digest, push) VALUES (?1, ?2, ?3)")?
        .execute(params![signed(sequence)?, digest.to_string(), push])?;
    Ok(())
}

fn head_sequence(connection: &Connection) -> Result<u64> {
    let sequence = connection.prepare_cached("SELECT sequence FROM charter_head")?.query_row([], |row| row.get(0))?;
    unsigned(sequence)
}

fn set_head_sequence(connection: &Connection, sequence: u64) -> Result<()> {
    connection.prepare_cached("UPDATE charter_head SET sequence = ?1")?.execute([signed(sequence)?])?;
    Ok(())
}

/// SQLite's integers are signed.
fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::new(ErrorKind::Corrupt, format!("{number} is no sequence")))
}

fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number)
        .map_err(|_| Error::new(ErrorKind::Corrupt, format!("the database has {number} where a count is")))
}
