//! Rows of the tables that every SQL engine has.

use super::backend::Listed;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::record::{Body, Digest, Key, Name, Namespace, Record, Version};
use charter_sync::{PushId, Receipt, ReplicaId};
use std::borrow::Cow;

/// A record as columns.
pub(super) struct RecordRow<'a> {
    pub(super) namespace: &'a str,
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) version: Cow<'a, str>,
    pub(super) digest: Cow<'a, str>,
    pub(super) parent: Option<Cow<'a, str>>,
    pub(super) body: &'a str,
}

impl<'a> From<&'a Record> for RecordRow<'a> {
    fn from(record: &'a Record) -> Self {
        let key = record.key();
        Self {
            namespace: key.namespace.as_str(),
            kind: key.kind.as_str(),
            name: key.name.as_str(),
            version: key.version.to_string().into(),
            digest: record.digest().to_string().into(),
            parent: record.parent().map(|parent| parent.to_string().into()),
            body: record.body().as_str(),
        }
    }
}

impl RecordRow<'_> {
    /// The record. Its digest is taken as it stands; whoever brings records from elsewhere verifies them.
    pub(super) fn to_record(&self) -> Result<Record> {
        let parent = self.parent.as_deref().map(digest).transpose()?;
        Ok(Record::from_stored(self.key()?, parent, Body::from_stored(self.body.to_owned()), digest(&self.digest)?))
    }

    /// The row as a list shows it.
    pub(super) fn to_listed(&self, size: u64, stored_at: String) -> Result<Listed> {
        let parent = self.parent.as_deref().map(digest).transpose()?;
        Ok(Listed { key: self.key()?, digest: digest(&self.digest)?, parent, size, stored_at })
    }

    fn key(&self) -> Result<Key> {
        let key = || {
            Ok(Key {
                namespace: Namespace::new(self.namespace)?,
                kind: self.kind.parse()?,
                name: Name::new(self.name)?,
                version: Version::from_stored(&self.version)?,
            })
        };
        key().map_err(|error: Error| {
            Error::new(ErrorKind::Corrupt, format!("the database has a record with an impossible key: {error}"))
                .with_source(error)
        })
    }
}

/// A digest as it is stored.
pub(super) fn digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|error| {
        Error::new(ErrorKind::Corrupt, format!("the database has {text:?} where a digest is")).with_source(error)
    })
}

/// A change whose record is not there. To pass over it would leave it out of every push, for ever.
pub(super) fn lost_record(sequence: u64) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the record of change {sequence} is not in the database"))
        .with_hint("the database was changed behind charter's back; restore it from a backup")
}

/// A receipt as columns, in the order of [`RECEIPT_COLUMNS`].
pub(super) struct ReceiptRow {
    pub(super) push: String,
    pub(super) source: String,
    pub(super) remote: String,
    pub(super) numbers: [i64; 5],
    pub(super) previous: Option<String>,
    pub(super) hash: String,
}

/// The columns that make a [`ReceiptRow`].
pub(super) const RECEIPT_COLUMNS: &str =
    "push, source, remote, epoch, records, sequence_before, sequence_after, published_at, previous, hash";

impl ReceiptRow {
    /// The receipt, verified.
    pub(super) fn into_receipt(self) -> Result<Receipt> {
        let [epoch, count, before, after, published_at] = self.numbers;
        let unsigned = |number: i64| {
            u64::try_from(number).map_err(|_| Error::new(ErrorKind::Corrupt, "a kept receipt has a negative number"))
        };
        let receipt = Receipt {
            push: PushId::from_digest(digest(&self.push)?),
            source: ReplicaId::new(self.source),
            remote: ReplicaId::new(self.remote),
            epoch: unsigned(epoch)?,
            count: unsigned(count)?,
            sequence_before: unsigned(before)?,
            sequence_after: unsigned(after)?,
            published_at,
            previous: self.previous.as_deref().map(digest).transpose()?,
            hash: digest(&self.hash)?,
        };
        receipt
            .verify()
            .map_err(|error| Error::new(ErrorKind::Corrupt, error.to_string()).with_source(error))
            .context("reading a kept receipt")?;
        Ok(receipt)
    }
}

impl From<&Receipt> for ReceiptRow {
    fn from(receipt: &Receipt) -> Self {
        // The numbers were read from, or are written to, signed 64-bit columns; a greater one cannot come up.
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            push: receipt.push.to_string(),
            source: receipt.source.to_string(),
            remote: receipt.remote.to_string(),
            numbers: [
                signed(receipt.epoch),
                signed(receipt.count),
                signed(receipt.sequence_before),
                signed(receipt.sequence_after),
                receipt.published_at,
            ],
            previous: receipt.previous.as_ref().map(Digest::to_string),
            hash: receipt.hash.to_string(),
        }
    }
}

/// Now, in microseconds since 1970 UTC.
pub(super) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// How long what a push staged is kept when nobody publishes it, in microseconds: a week.
pub(super) const UPLOADS_KEPT: i64 = 7 * 24 * 3600 * 1_000_000;
