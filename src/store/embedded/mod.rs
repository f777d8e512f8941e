//! The engines of embedded files behind the store, in SQL that all of them take.

mod replication;

use super::backend::{Appended, Backend, Batch, Description, Fate, Listed, Obstacle, Page, Selector, prefix_end};
use super::row::RecordRow;
use crate::engine::file::{FileAccess, Written};
use crate::engine::session::{Columns, Enough, Parameter, Session, Sessions, parameters};
use crate::engine::{Engine, TextRow};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{Found, MigrationSet, Status};
use crate::record::{Digest, Record};
use charter_sync::{Change, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};
use std::collections::HashMap;

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

/// What gives the columns of a [`RecordRow`].
const SELECT: &str = "SELECT namespace, kind, name, version, digest, parent, body FROM charter_records";

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
            _ => self.connections.snapshot(|session| select_all(session, selectors)),
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
            let fates = stored(session, &batch.records)?
                .into_iter()
                .zip(&batch.records)
                .filter_map(|(stored, record)| match stored {
                    None => Some(Fate::Stored),
                    Some(stored) if stored == *record.digest() => Some(Fate::Unchanged),
                    Some(stored) => {
                        let (key, offered) = (record.key().clone(), *record.digest());
                        obstacles.push(Obstacle::Taken { key, stored, offered });
                        None
                    }
                })
                .collect::<Vec<_>>();
            if !obstacles.is_empty() {
                return Ok(Written::Nothing(Appended::Refused(obstacles)));
            }
            if !fates.contains(&Fate::Stored) {
                return Ok(Written::Nothing(Appended::Done(fates)));
            }
            let new: Vec<&Record> = batch
                .records
                .iter()
                .zip(&fates)
                .filter(|(_, fate)| **fate == Fate::Stored)
                .map(|(record, _)| record)
                .collect();
            let sequence = head_sequence(session)?;
            let sequence = insert(session, &new, sequence, None)?;
            set_head_sequence(session, sequence)?;
            Ok(Written::Commit(Appended::Done(fates)))
        })
    }

    fn head(&self) -> Result<Head> {
        self.connections.read(replication::head)
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

/// The columns of charter_records that a record gives.
const RECORD_COLUMNS: [&str; 9] =
    ["digest", "sort_key", "namespace", "kind", "name", "version", "pre_release", "parent", "body"];

/// How many keys are looked up by one statement: one of these numbers, so that few statements are kept prepared.
const KEYS_AT_ONCE: [usize; 3] = [1, 16, 256];

/// Inserts records that are not there, with their changes, the first of which comes after a sequence; gives the last.
fn insert(session: &impl Session, records: &[&Record], mut sequence: u64, push: Option<&str>) -> Result<u64> {
    session.insert("charter_records", &RECORD_COLUMNS, &mut |insert| {
        records.iter().try_for_each(|record| {
            let (row, sort_key) = (RecordRow::from(*record), record.key().sort_key());
            insert(&record_parameters(&row, &sort_key, record))
        })
    })?;
    session.insert("charter_changes", &["sequence", "digest", "push"], &mut |insert| {
        records.iter().try_for_each(|record| {
            sequence += 1;
            insert(parameters![signed(sequence)?, &record.digest().to_string(), push])
        })
    })?;
    Ok(sequence)
}

/// A record as the parameters of [`RECORD_COLUMNS`].
fn record_parameters<'a>(row: &'a RecordRow<'_>, sort_key: &'a [u8], record: &Record) -> [Parameter<'a>; 9] {
    *parameters![
        &*row.digest,
        sort_key,
        row.namespace,
        row.kind,
        row.name,
        &*row.version,
        record.key().version.is_pre_release(),
        row.parent.as_deref(),
        row.body,
    ]
}

/// The digests that are stored under the keys of records, in their order.
fn stored<'a>(session: &impl Session, records: impl IntoIterator<Item = &'a Record>) -> Result<Vec<Option<Digest>>> {
    digests_of_keys(session, &records.into_iter().map(|record| record.key().sort_key()).collect::<Vec<_>>())
}

/// The digests that are stored under sort keys, in their order.
fn digests_of_keys(session: &impl Session, keys: &[Vec<u8>]) -> Result<Vec<Option<Digest>>> {
    let mut found = HashMap::new();
    let query = |places: &str| format!("SELECT sort_key, digest FROM charter_records WHERE sort_key IN ({places})");
    look_up(session, query, keys.iter().map(|key| Parameter::from(key.as_slice())), &[], |row| {
        found.insert(row.bytes_or_null(0)?.unwrap_or_default().to_owned(), super::row::digest(row.text(1)?)?);
        Ok(())
    })?;
    Ok(keys.iter().map(|key| found.get(key).copied()).collect())
}

/// Runs a query for many keys, some at a time: `query` is given the places where they go, behind the parameters that stand
/// `before` them.
fn look_up<'a>(
    session: &impl Session,
    query: impl Fn(&str) -> String,
    keys: impl Iterator<Item = Parameter<'a>>,
    before: &[Parameter<'a>],
    mut row: impl FnMut(&dyn Columns) -> Result<()>,
) -> Result<()> {
    let keys: Vec<Parameter<'_>> = keys.collect();
    for keys in keys.chunks(KEYS_AT_ONCE[2]) {
        let size = KEYS_AT_ONCE.into_iter().find(|size| *size >= keys.len()).unwrap_or(keys.len());
        let places: Vec<String> = (1..=size).map(|place| format!("?{}", before.len() + place)).collect();
        // What is left over is the last key again.
        let padding = keys.last().into_iter().cycle().take(size - keys.len());
        let parameters: Vec<Parameter<'_>> = before.iter().chain(keys).chain(padding).copied().collect();
        session.each(&query(&places.join(", ")), &parameters, &mut |columns| row(columns).map(|()| Enough::No))?;
    }
    Ok(())
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
    let first = |condition: &str, parameters: &[Parameter<'_>]| {
        session.first(&format!("{SELECT} WHERE {condition}"), parameters, |row| record_row(row)?.to_record())
    };
    match selector {
        Selector::Key(key) => first("sort_key = ?1", parameters![key.sort_key().as_slice()]),
        Selector::Digest(digest) => first("digest = ?1", parameters![&digest.to_string()]),
        Selector::Latest { subject, pre_releases } => {
            let prefix = subject.sort_prefix();
            let end = prefix_end(&prefix);
            first(
                "sort_key >= ?1 AND sort_key < ?2 AND (?3 OR NOT pre_release) ORDER BY sort_key DESC LIMIT 1",
                parameters![prefix.as_slice(), end.as_deref(), *pre_releases],
            )
        }
    }
}

fn select_all(session: &impl Session, selectors: &[Selector]) -> Result<Vec<Option<Record>>> {
    let mut keys = HashMap::new();
    let mut digests = HashMap::new();
    for selector in selectors {
        match selector {
            Selector::Key(key) => drop(keys.insert(key.sort_key(), None)),
            Selector::Digest(digest) => drop(digests.insert(digest.to_string(), None)),
            Selector::Latest { .. } => {}
        }
    }
    let by = |column: &'static str| move |places: &str| format!("{SELECT} WHERE {column} IN ({places})");
    let wanted: Vec<Vec<u8>> = keys.keys().cloned().collect();
    look_up(session, by("sort_key"), wanted.iter().map(|key| Parameter::from(key.as_slice())), &[], |row| {
        let record = record_row(row)?.to_record()?;
        keys.insert(record.key().sort_key(), Some(record));
        Ok(())
    })?;
    let wanted: Vec<String> = digests.keys().cloned().collect();
    look_up(session, by("digest"), wanted.iter().map(Parameter::from), &[], |row| {
        let record = record_row(row)?.to_record()?;
        digests.insert(record.digest().to_string(), Some(record));
        Ok(())
    })?;
    let selected = |selector: &Selector| match selector {
        Selector::Key(key) => Ok(keys.get(&key.sort_key()).cloned().flatten()),
        Selector::Digest(digest) => Ok(digests.get(&digest.to_string()).cloned().flatten()),
        Selector::Latest { .. } => select(session, selector),
    };
    selectors.iter().map(selected).collect()
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
