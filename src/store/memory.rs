//! redb in memory behind the store: for tests, and for programs that want a registry of their own for a while.

use super::backend::{
    Appended, Backend, Batch, Description, Durability, Fate, Listed, Obstacle, Page, Selector, check_addressee,
    payload_size, prefix_end,
};
use super::row::now;
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{MigrationSet, Status};
use crate::record::{Body, Digest, Key, Record};
use charter_sync::{
    Change, Collision, Cursor, Head, Publication, Push, PushId, Receipt, ReplicaId, Sequence, Standing,
};
use redb::backends::InMemoryBackend;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use std::ops::Bound;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

type Bytes = [u8; 32];
/// Digest, parent, body, when it was stored.
type RecordValue = (Bytes, Option<Bytes>, &'static str, &'static str);
/// Source, epoch, count, sequence before, sequence after, time, previous hash, hash.
type ReceiptValue = (&'static str, u64, u64, u64, u64, i64, Option<Bytes>, Bytes);

const RECORDS: TableDefinition<'_, &[u8], RecordValue> = TableDefinition::new("records");
const SORT_KEYS: TableDefinition<'_, Bytes, &[u8]> = TableDefinition::new("sort_keys");
const CHANGES: TableDefinition<'_, u64, Bytes> = TableDefinition::new("changes");
const CURSORS: TableDefinition<'_, &str, (u64, u64, u64)> = TableDefinition::new("cursors");
const RECEIPTS: TableDefinition<'_, (&str, Bytes), ReceiptValue> = TableDefinition::new("receipts");
const LAST_RECEIPT: TableDefinition<'_, (), Bytes> = TableDefinition::new("last_receipt");
/// Sort key, parent, body.
type UploadValue = (&'static [u8], Option<Bytes>, &'static str);
/// By push and digest.
const UPLOADS: TableDefinition<'_, (Bytes, Bytes), UploadValue> = TableDefinition::new("uploads");

/// redb without a file.
pub(crate) struct MemoryBackend {
    database: Database,
    id: ReplicaId,
}

impl MemoryBackend {
    /// An empty store with an identity of its own.
    pub(crate) fn new() -> Result<Self> {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).map_err(redb::Error::from)?;
        let backend = Self { database, id: ReplicaId::new(uuid::Uuid::new_v4().to_string()) };
        backend.write(|transaction| {
            transaction.open_table(RECORDS)?;
            transaction.open_table(SORT_KEYS)?;
            transaction.open_table(CHANGES)?;
            transaction.open_table(CURSORS)?;
            transaction.open_table(RECEIPTS)?;
            transaction.open_table(LAST_RECEIPT)?;
            transaction.open_table(UPLOADS)?;
            Ok(Written::Commit(()))
        })?;
        Ok(backend)
    }

    fn snapshot(&self) -> Result<ReadTransaction> {
        Ok(self.database.begin_read()?)
    }

    fn write<T>(&self, work: impl FnOnce(&WriteTransaction) -> Result<Written<T>>) -> Result<T> {
        let transaction = self.database.begin_write()?;
        match work(&transaction)? {
            Written::Commit(value) => {
                transaction.commit()?;
                Ok(value)
            }
            Written::Nothing(value) => {
                transaction.abort()?;
                Ok(value)
            }
        }
    }

    fn head_at(&self, sequence: Sequence) -> Head {
        Head { id: self.id.clone(), epoch: 1, sequence }
    }
}

enum Written<T> {
    Commit(T),
    Nothing(T),
}

impl Backend for MemoryBackend {
    fn description(&self) -> Description {
        Description {
            engine: "redb",
            engine_version: None,
            location: "memory:".to_owned(),
            durability: Durability::None,
        }
    }

    fn status(&self, _set: &MigrationSet) -> Result<Option<Status>> {
        Ok(None)
    }

    fn read(&self, selectors: &[Selector]) -> Result<Vec<Option<Record>>> {
        let snapshot = self.snapshot()?;
        let (records, sort_keys) = (snapshot.open_table(RECORDS)?, snapshot.open_table(SORT_KEYS)?);
        selectors.iter().map(|selector| select(&records, &sort_keys, selector)).collect()
    }

    fn list(&self, page: &Page) -> Result<Vec<Listed>> {
        let records = self.snapshot()?.open_table(RECORDS)?;
        let end = prefix_end(&page.prefix);
        let start = page.start();
        let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = records.range::<&[u8]>((Bound::Included(start.as_slice()), end))?;
        range
            .take(page.limit)
            .map(|entry| {
                let (sort_key, value) = entry?;
                let (digest, parent, body, stored_at) = value.value();
                Ok(Listed {
                    key: key(sort_key.value())?,
                    digest: Digest::from_bytes(digest),
                    parent: parent.map(Digest::from_bytes),
                    size: body.len() as u64,
                    stored_at: stored_at.to_owned(),
                })
            })
            .collect()
    }

    fn append(&self, batch: &Batch) -> Result<Appended> {
        self.write(|transaction| {
            let mut obstacles = Vec::new();
            {
                let (records, sort_keys) = (transaction.open_table(RECORDS)?, transaction.open_table(SORT_KEYS)?);
                for selector in &batch.required {
                    if select(&records, &sort_keys, selector)?.is_none() {
                        obstacles.push(Obstacle::Missing(selector.clone()));
                    }
                }
            }
            let mut tables = Tables::open(transaction)?;
            let mut fates = Vec::with_capacity(batch.records.len());
            for record in &batch.records {
                match tables.insert(record)? {
                    Insertion::New => fates.push(Fate::Stored),
                    Insertion::Present => fates.push(Fate::Unchanged),
                    Insertion::Taken(stored) => {
                        let (key, offered) = (record.key().clone(), *record.digest());
                        obstacles.push(Obstacle::Taken { key, stored, offered });
                    }
                }
            }
            Ok(if obstacles.is_empty() {
                Written::Commit(Appended::Done(fates))
            } else {
                Written::Nothing(Appended::Refused(obstacles))
            })
        })
    }

    fn head(&self) -> Result<Head> {
        let changes = self.snapshot()?.open_table(CHANGES)?;
        Ok(self.head_at(last_sequence(&changes)?))
    }

    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>> {
        let snapshot = self.snapshot()?;
        let (records, sort_keys) = (snapshot.open_table(RECORDS)?, snapshot.open_table(SORT_KEYS)?);
        let changes = snapshot.open_table(CHANGES)?;
        let range = changes.range((Bound::Excluded(after), Bound::Unbounded))?;
        range
            .take(limit)
            .map(|entry| {
                let (sequence, digest) = entry?;
                let sort_key = sort_keys.get(digest.value())?.ok_or_else(broken)?;
                let record = records.get(sort_key.value())?.ok_or_else(broken)?;
                let (_, parent, body, _) = record.value();
                Ok(Change {
                    sequence: sequence.value(),
                    key: sort_key.value().to_owned(),
                    digest: Digest::from_bytes(digest.value()),
                    size: payload_size(body.len() as u64, parent.is_some()),
                })
            })
            .collect()
    }

    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>> {
        let snapshot = self.snapshot()?;
        let (records, uploads) = (snapshot.open_table(RECORDS)?, snapshot.open_table(UPLOADS)?);
        offers
            .iter()
            .map(|(key, digest)| {
                Ok(match records.get(key.as_slice())?.map(|record| Digest::from_bytes(record.value().0)) {
                    Some(stored) if stored == *digest => Standing::Present,
                    Some(stored) => Standing::Taken(stored),
                    None if uploads.get((push_bytes(push), *digest.as_bytes()))?.is_some() => Standing::Staged,
                    None => Standing::Absent,
                })
            })
            .collect()
    }

    fn stage(&self, push: &Push, records: &[Record]) -> Result<()> {
        self.write(|transaction| {
            let mut uploads = transaction.open_table(UPLOADS)?;
            for record in records {
                let sort_key = record.key().sort_key();
                let parent = record.parent().map(|parent| *parent.as_bytes());
                uploads.insert(
                    (push_bytes(push), *record.digest().as_bytes()),
                    (sort_key.as_slice(), parent, record.body().as_str()),
                )?;
            }
            Ok(Written::Commit(()))
        })
    }

    fn publish(&self, push: &Push, needed: u64) -> Result<Publication> {
        self.write(|transaction| {
            if let Some(receipt) = transaction.open_table(RECEIPTS)?.get((self.id.as_str(), push_bytes(push)))? {
                let receipt = read_receipt(self.id.as_str(), push_bytes(push), receipt.value())?;
                drop_uploads(transaction, push)?;
                return Ok(Written::Commit(Publication::Published(receipt)));
            }
            let before = last_sequence(&transaction.open_table(CHANGES)?)?;
            check_addressee(push, &self.head_at(before))?;
            let mut staged = Vec::new();
            for entry in transaction.open_table(UPLOADS)?.range(uploads_of(push))? {
                let (upload, value) = entry?;
                let (sort_key, parent, body) = value.value();
                staged.push(record(sort_key, upload.value().1, parent, body)?);
            }
            if (staged.len() as u64) < needed {
                return Ok(Written::Nothing(Publication::Incomplete { staged: staged.len() as u64 }));
            }
            staged.sort_by_cached_key(|record| record.key().sort_key());
            let mut collisions = Vec::new();
            let mut tables = Tables::open(transaction)?;
            for record in &staged {
                if let Insertion::Taken(stored) = tables.insert(record)? {
                    let key = record.key().sort_key();
                    collisions.push(Collision { key, stored, offered: *record.digest() });
                }
            }
            if !collisions.is_empty() {
                return Ok(Written::Nothing(Publication::Refused(collisions)));
            }
            let after = tables.sequence;
            let mut last = transaction.open_table(LAST_RECEIPT)?;
            let previous = last.get(())?.map(|hash| Digest::from_bytes(hash.value()));
            let receipt = Receipt::new(push, after - before, before, after, now(), previous);
            last.insert((), *receipt.hash.as_bytes())?;
            keep_receipt(transaction, &receipt)?;
            drop_uploads(transaction, push)?;
            Ok(Written::Commit(Publication::Published(receipt)))
        })
    }

    fn discard(&self, push: &Push) -> Result<()> {
        self.write(|transaction| drop_uploads(transaction, push).map(Written::Commit))
    }

    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>> {
        let cursors = self.snapshot()?.open_table(CURSORS)?;
        let cursor = cursors.get(remote.as_str())?.map(|cursor| cursor.value());
        Ok(cursor.map(|(epoch, local_sequence, remote_sequence)| Cursor {
            remote: remote.clone(),
            epoch,
            local_sequence,
            remote_sequence,
        }))
    }

    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<()> {
        self.write(|transaction| {
            if let Some(receipt) = receipt {
                keep_receipt(transaction, receipt)?;
            }
            let value = (cursor.epoch, cursor.local_sequence, cursor.remote_sequence);
            transaction.open_table(CURSORS)?.insert(cursor.remote.as_str(), value)?;
            Ok(Written::Commit(()))
        })
    }

    fn receipts(&self, limit: usize) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for entry in self.snapshot()?.open_table(RECEIPTS)?.iter()? {
            let (key, value) = entry?;
            let (remote, push) = key.value();
            receipts.push(read_receipt(remote, push, value.value())?);
        }
        receipts.sort_by_key(|receipt| std::cmp::Reverse((receipt.published_at, receipt.sequence_after)));
        receipts.truncate(limit);
        Ok(receipts)
    }
}

/// What became of one insertion.
enum Insertion {
    New,
    Present,
    Taken(Digest),
}

/// The tables that an insertion writes.
struct Tables<'t> {
    records: Table<'t, &'static [u8], RecordValue>,
    sort_keys: Table<'t, Bytes, &'static [u8]>,
    changes: Table<'t, u64, Bytes>,
    sequence: Sequence,
    stored_at: String,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self> {
        let changes = transaction.open_table(CHANGES)?;
        let second = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Ok(Self {
            records: transaction.open_table(RECORDS)?,
            sort_keys: transaction.open_table(SORT_KEYS)?,
            sequence: last_sequence(&changes)?,
            changes,
            stored_at: second.format(&Rfc3339).unwrap_or_default(),
        })
    }

    fn insert(&mut self, record: &Record) -> Result<Insertion> {
        let sort_key = record.key().sort_key();
        let digest = *record.digest().as_bytes();
        if let Some(stored) = self.records.get(sort_key.as_slice())? {
            let stored = stored.value().0;
            return Ok(if stored == digest {
                Insertion::Present
            } else {
                Insertion::Taken(Digest::from_bytes(stored))
            });
        }
        let parent = record.parent().map(|parent| *parent.as_bytes());
        let value = (digest, parent, record.body().as_str(), self.stored_at.as_str());
        self.records.insert(sort_key.as_slice(), value)?;
        self.sort_keys.insert(digest, sort_key.as_slice())?;
        self.sequence += 1;
        self.changes.insert(self.sequence, digest)?;
        Ok(Insertion::New)
    }
}

fn select(
    records: &impl ReadableTable<&'static [u8], RecordValue>,
    sort_keys: &impl ReadableTable<Bytes, &'static [u8]>,
    selector: &Selector,
) -> Result<Option<Record>> {
    let at = |sort_key: &[u8]| match records.get(sort_key)? {
        Some(found) => {
            let (digest, parent, body, _) = found.value();
            record(sort_key, digest, parent, body).map(Some)
        }
        None => Ok(None),
    };
    match selector {
        Selector::Key(key) => at(&key.sort_key()),
        Selector::Digest(digest) => match sort_keys.get(*digest.as_bytes())? {
            Some(sort_key) => at(sort_key.value()),
            None => Ok(None),
        },
        Selector::Latest { subject, pre_releases } => {
            let prefix = subject.sort_prefix();
            let end = prefix_end(&prefix).unwrap_or_default();
            for entry in records.range(prefix.as_slice()..end.as_slice())?.rev() {
                let (sort_key, found) = entry?;
                let (digest, parent, body, _) = found.value();
                let record = record(sort_key.value(), digest, parent, body)?;
                if *pre_releases || !record.key().version.is_pre_release() {
                    return Ok(Some(record));
                }
            }
            Ok(None)
        }
    }
}

fn record(sort_key: &[u8], digest: Bytes, parent: Option<Bytes>, body: &str) -> Result<Record> {
    let parent = parent.map(Digest::from_bytes);
    Ok(Record::from_stored(key(sort_key)?, parent, Body::from_stored(body.to_owned()), Digest::from_bytes(digest)))
}

fn key(sort_key: &[u8]) -> Result<Key> {
    Key::from_sort_key(sort_key).ok_or_else(broken)
}

fn last_sequence(changes: &impl ReadableTable<u64, Bytes>) -> Result<Sequence> {
    Ok(changes.last()?.map_or(0, |(sequence, _)| sequence.value()))
}

fn push_bytes(push: &Push) -> Bytes {
    *push.id.as_digest().as_bytes()
}

fn uploads_of(push: &Push) -> std::ops::RangeInclusive<(Bytes, Bytes)> {
    (push_bytes(push), [0; 32])..=(push_bytes(push), [0xff; 32])
}

fn drop_uploads(transaction: &WriteTransaction, push: &Push) -> Result<()> {
    transaction.open_table(UPLOADS)?.retain_in(uploads_of(push), |_, _| false)?;
    Ok(())
}

fn keep_receipt(transaction: &WriteTransaction, receipt: &Receipt) -> Result<()> {
    let value = (
        receipt.source.as_str(),
        receipt.epoch,
        receipt.count,
        receipt.sequence_before,
        receipt.sequence_after,
        receipt.published_at,
        receipt.previous.map(|previous| *previous.as_bytes()),
        *receipt.hash.as_bytes(),
    );
    let push = *receipt.push.as_digest().as_bytes();
    let mut receipts = transaction.open_table(RECEIPTS)?;
    // The first one is kept.
    if receipts.get((receipt.remote.as_str(), push))?.is_none() {
        receipts.insert((receipt.remote.as_str(), push), value)?;
    }
    Ok(())
}

fn read_receipt(remote: &str, push: Bytes, value: <ReceiptValue as redb::Value>::SelfType<'_>) -> Result<Receipt> {
    let (source, epoch, count, sequence_before, sequence_after, published_at, previous, hash) = value;
    let receipt = Receipt {
        push: PushId::from_digest(Digest::from_bytes(push)),
        source: ReplicaId::new(source),
        remote: ReplicaId::new(remote),
        epoch,
        count,
        sequence_before,
        sequence_after,
        published_at,
        previous: previous.map(Digest::from_bytes),
        hash: Digest::from_bytes(hash),
    };
    receipt.verify().map_err(|error| Error::new(ErrorKind::Corrupt, error.to_string()).with_source(error))?;
    Ok(receipt)
}

fn broken() -> Error {
    Error::new(ErrorKind::Corrupt, "the tables of this store do not fit together")
}

macro_rules! from_redb {
    ($($error:ident)*) => {
        $(impl From<redb::$error> for Error {
            fn from(error: redb::$error) -> Self {
                Self::new(ErrorKind::Backend, format!("redb: {error}")).with_source(error)
            }
        })*
    };
}

from_redb!(Error CommitError StorageError TableError TransactionError);
