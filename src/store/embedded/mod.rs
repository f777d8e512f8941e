//! The engines of embedded files behind the store, in SQL that all of them take.

mod replication;

use super::backend::{Appended, Backend, Batch, Description, Fate, Listed, Obstacle, Page, Selector, prefix_end};
use super::row::RecordRow;
use crate::engine::file::{FileAccess, Written};
use crate::engine::session::{Columns, Session, Sessions, parameters};
use crate::engine::{Engine, TextRow};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{Found, MigrationSet, Status};
use crate::record::{Digest, Record};
use charter_sync::{Change, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};

/// The connections to an embedded file, and what is different in its engine's SQL.
pub(super) trait Embedded: Sessions {
    const ENGINE: Engine;
    /// The length of `body` in bytes.
    const BODY_SIZE: &str;
    /// `stored_at` in RFC 3339, to the second.
    const STORED_AT: &str;

    fn description(&self) -> Description;

    /// Lets go of what was known of the tables before they were migrated.
    fn forget(&self) {}

    /// What a query answers, each value as text.
    fn text_rows(session: &Self::Session, sql: &str) -> Result<Vec<TextRow>>;
}

/// A store in an embedded file.
pub(crate) struct EmbeddedBackend<E> {
    pub(super) connections: E,
}

/// What a file that exists is opened for by a store that may only read it, or may write to it too.
pub(super) fn file_access(read_only: bool) -> FileAccess {
    if read_only { FileAccess::Read } else { FileAccess::Write }
}

/// Statements that give the columns of a [`RecordRow`].
const SELECT_KEY: &str =
    "SELECT namespace, kind, name, version, digest, parent, body FROM charter_records WHERE sort_key = ?1";
const SELECT_DIGEST: &str =
    "SELECT namespace, kind, name, version, digest, parent, body FROM charter_records WHERE digest = ?1";
const SELECT_LATEST: &str = "SELECT namespace, kind, name, version, digest, parent, body FROM charter_records \
     WHERE sort_key >= ?1 AND sort_key < ?2 AND (?3 OR NOT pre_release) ORDER BY sort_key DESC LIMIT 1";

impl<E: Embedded> Backend for EmbeddedBackend<E> {
    fn description(&self) -> Description {
        self.connections.description()
    }

    fn forget(&self) {
        self.connections.forget();
    }

    fn status(&self, set: &MigrationSet) -> Result<Option<Status>> {
        let found =
            self.connections.read(|session| Found::read(set, E::ENGINE, &mut |sql| E::text_rows(session, sql)))?;
        Status::judge(found, set, E::ENGINE).map(Some)
    }

    fn read(&self, selectors: &[Selector]) -> Result<Vec<Option<Record>>> {
        match selectors {
            [selector] => self.connections.read(|session| Ok(vec![select(session, selector)?])),
            _ => self
                .connections
                .snapshot(|session| selectors.iter().map(|selector| select(session, selector)).collect()),
        }
    }

    fn list(&self, page: &Page) -> Result<Vec<Listed>> {
        let (start, end) = (page.start(), prefix_end(&page.prefix));
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        let query = format!(
            "SELECT namespace, kind, name, version, digest, parent, '', {}, {} FROM charter_records \
             WHERE sort_key >= ?1 AND (?2 IS NULL OR sort_key < ?2) ORDER BY sort_key LIMIT ?3",
            E::BODY_SIZE,
            E::STORED_AT
        );
        self.connections.read(|session| {
            session.all(&query, parameters![start.as_slice(), end.as_deref(), limit], |row| {
                record_row(row)?.to_listed(unsigned(row.integer(7)?)?, row.text(8)?.to_owned())
            })
        })
    }

    fn append(&self, batch: &Batch) -> Result<Appended> {
        self.connections.write(|session| {
            let mut obstacles = Vec::new();
            for selector in &batch.required {
                if digest_of(session, selector)?.is_none() {
                    obstacles.push(Obstacle::Missing(selector.clone()));
                }
            }
            let mut sequence = head_sequence(session)?;
            let mut fates = Vec::with_capacity(batch.records.len());
            for record in &batch.records {
                match insert(session, record)? {
                    Insertion::New => {
                        sequence += 1;
                        insert_change(session, sequence, record.digest(), None)?;
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
            set_head_sequence(session, sequence)?;
            Ok(Written::Commit(Appended::Done(fates)))
        })
    }

    fn head(&self) -> Result<Head> {
        self.connections.read(|session| replication::head(session))
    }

    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>> {
        self.connections.read(|session| replication::changes::<E>(session, after, limit))
    }

    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>> {
        self.connections.snapshot(|session| replication::compare(session, push, offers))
    }

    fn stage(&self, push: &Push, records: &[Record]) -> Result<()> {
        self.connections.write(|session| replication::stage(session, push, records).map(Written::Commit))
    }

    fn publish(&self, push: &Push, needed: u64) -> Result<Publication> {
        self.connections.write(|session| replication::publish(session, push, needed))
    }

    fn discard(&self, push: &Push) -> Result<()> {
        self.connections.write(|session| replication::discard(session, push).map(Written::Commit))
    }

    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>> {
        self.connections.read(|session| replication::cursor(session, remote))
    }

    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<()> {
        self.connections.write(|session| {
            if let Some(receipt) = receipt {
                replication::keep_receipt(session, receipt)?;
            }
            replication::set_cursor(session, cursor).map(Written::Commit)
        })
    }

    fn receipts(&self, limit: usize) -> Result<Vec<Receipt>> {
        self.connections.read(|session| replication::receipts(session, limit))
    }
}

/// What became of one insertion.
enum Insertion {
    New,
    Present,
    Taken(Digest),
}

fn insert(session: &impl Session, record: &Record) -> Result<Insertion> {
    let (row, sort_key) = (RecordRow::from(record), record.key().sort_key());
    let inserted = session.execute(
        "INSERT INTO charter_records (digest, sort_key, namespace, kind, name, version, pre_release, parent, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        parameters![
            &*row.digest,
            sort_key.as_slice(),
            row.namespace,
            row.kind,
            row.name,
            &*row.version,
            record.key().version.is_pre_release(),
            row.parent.as_deref(),
            row.body,
        ],
    )?;
    if inserted == 1 {
        return Ok(Insertion::New);
    }
    let stored = digest_of_key(session, &sort_key)?;
    Ok(match stored {
        Some(stored) if stored != *record.digest() => Insertion::Taken(stored),
        _ => Insertion::Present,
    })
}

fn digest_of_key(session: &impl Session, sort_key: &[u8]) -> Result<Option<Digest>> {
    let query = "SELECT digest FROM charter_records WHERE sort_key = ?1";
    session.first(query, parameters![sort_key], |row| super::row::digest(row.text(0)?))
}

fn digest_of(session: &impl Session, selector: &Selector) -> Result<Option<Digest>> {
    match selector {
        Selector::Key(key) => digest_of_key(session, &key.sort_key()),
        _ => Ok(select(session, selector)?.map(|record| *record.digest())),
    }
}

fn select(session: &impl Session, selector: &Selector) -> Result<Option<Record>> {
    let record = |row: &dyn Columns| record_row(row)?.to_record();
    match selector {
        Selector::Key(key) => session.first(SELECT_KEY, parameters![key.sort_key().as_slice()], record),
        Selector::Digest(digest) => session.first(SELECT_DIGEST, parameters![&digest.to_string()], record),
        Selector::Latest { subject, pre_releases } => {
            let prefix = subject.sort_prefix();
            let end = prefix_end(&prefix);
            session.first(SELECT_LATEST, parameters![prefix.as_slice(), end.as_deref(), *pre_releases], record)
        }
    }
}

/// The first seven columns of a row.
fn record_row(row: &dyn Columns) -> Result<RecordRow<'_>> {
    Ok(RecordRow {
        namespace: row.text(0)?,
        kind: row.text(1)?,
        name: row.text(2)?,
        version: row.text(3)?.into(),
        digest: row.text(4)?.into(),
        parent: row.text_or_null(5)?.map(Into::into),
        body: row.text(6)?,
    })
}

fn insert_change(session: &impl Session, sequence: u64, digest: &Digest, push: Option<&str>) -> Result<()> {
    session.execute(
        "INSERT INTO charter_changes (sequence, digest, push) VALUES (?1, ?2, ?3)",
        parameters![signed(sequence)?, &digest.to_string(), push],
    )?;
    Ok(())
}

fn head_sequence(session: &impl Session) -> Result<u64> {
    let sequence = session.first("SELECT sequence FROM charter_head", &[], |row| row.integer(0))?;
    unsigned(sequence.ok_or_else(no_head)?)
}

fn set_head_sequence(session: &impl Session, sequence: u64) -> Result<()> {
    session.execute("UPDATE charter_head SET sequence = ?1", parameters![signed(sequence)?])?;
    Ok(())
}

fn no_head() -> Error {
    Error::new(ErrorKind::Corrupt, "the row of charter_head is missing")
        .with_hint("the database was changed behind charter's back; restore it from a backup")
}

/// The engines' integers are signed.
fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::new(ErrorKind::Corrupt, format!("{number} is no sequence")))
}

fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number)
        .map_err(|_| Error::new(ErrorKind::Corrupt, format!("the database has {number} where a count is")))
}
