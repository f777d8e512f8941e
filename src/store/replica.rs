//! A store as one side of a replication.
//!
//! An entry's key is the record's sort key, which the key can be read back from. Its payload is one byte that says
//! whether the record replaces another one, the 32 bytes of that one's digest if it does, and the body.

use super::backend::{Backend, Selector};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Body, Digest, Key, Record};
use charter_sync::{Change, Cursor, Entry, Head, Publication, Push, Receipt, Replica, ReplicaId, Sequence, Standing};

/// A backend, as the protocol sees it.
pub(super) struct BackendReplica<'a>(pub(super) &'a dyn Backend);

impl Replica for BackendReplica<'_> {
    type Error = Error;

    fn head(&self) -> Result<Head> {
        self.0.head()
    }

    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>> {
        self.0.changes(after, limit)
    }

    fn entries(&self, digests: &[Digest]) -> Result<Vec<Entry>> {
        let selectors: Vec<Selector> = digests.iter().copied().map(Selector::Digest).collect();
        let records = self.0.read(&selectors)?.into_iter().zip(digests);
        records
            .map(|(record, digest)| {
                let record = record.ok_or_else(|| {
                    Error::new(ErrorKind::Corrupt, format!("the change log names {digest}, which is not stored"))
                })?;
                Ok(entry(&record))
            })
            .collect()
    }

    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>> {
        self.0.compare(push, offers)
    }

    fn stage(&self, push: &Push, entries: &[Entry]) -> Result<()> {
        let records = entries.iter().map(record).collect::<Result<Vec<_>>>()?;
        self.0.stage(push, &records)
    }

    fn publish(&self, push: &Push, needed: u64) -> Result<Publication> {
        self.0.publish(push, needed)
    }

    fn discard(&self, push: &Push) -> Result<()> {
        self.0.discard(push)
    }

    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>> {
        self.0.cursor(remote)
    }

    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<()> {
        self.0.acknowledge(receipt, cursor)
    }
}

/// A record on its way.
fn entry(record: &Record) -> Entry {
    let mut payload = Vec::with_capacity(record.body().as_str().len() + 33);
    match record.parent() {
        None => payload.push(0),
        Some(parent) => {
            payload.push(1);
            payload.extend(parent.as_bytes());
        }
    }
    payload.extend(record.body().as_str().as_bytes());
    Entry { key: record.key().sort_key(), digest: *record.digest(), payload }
}

/// A record that has arrived: its digest is computed anew and must be the one that it came with.
fn record(entry: &Entry) -> Result<Record> {
    let broken = |what: &str| {
        Error::new(ErrorKind::Corrupt, format!("the record {} arrived broken: {what}", entry.digest))
            .with_hint("the source's file was changed behind charter's back; restore it from a backup")
    };
    let key = Key::from_sort_key(&entry.key).ok_or_else(|| broken("it has no readable key"))?;
    let (parent, body) = match entry.payload.split_first() {
        Some((0, body)) => (None, body),
        Some((1, rest)) => match rest.split_first_chunk::<32>() {
            Some((parent, body)) => (Some(Digest::from_bytes(*parent)), body),
            None => return Err(broken("it is too short")),
        },
        _ => return Err(broken("its form is unknown")),
    };
    let body = std::str::from_utf8(body).map_err(|_| broken("its body is not UTF-8"))?;
    let body = Body::parse(body).map_err(|error| broken(error.message()))?;
    let record = Record::new(key, parent, body)?;
    if *record.digest() != entry.digest {
        let what = format!("the content of {} has the digest {}", record.key(), record.digest());
        return Err(broken(&what));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Kind, Name, Namespace, Version};

    fn sample(parent: Option<Digest>) -> Record {
        let key = Key {
            namespace: Namespace::new("sales").expect("a namespace"),
            kind: Kind::Ownership,
            name: Name::new("book").expect("a name"),
            version: Version::Edition(2),
        };
        Record::new(key, parent, Body::parse(r#"{"owner":"a@example.com"}"#).expect("a body")).expect("a record")
    }

    #[test]
    fn records_arrive_as_they_were_sent() {
        for parent in [None, Some(Digest::of(&[b"parent"]))] {
            let sent = sample(parent);
            let arrived = record(&entry(&sent)).expect("whole");
            assert_eq!((arrived.key(), arrived.digest()), (sent.key(), sent.digest()));
            assert_eq!(arrived.body().as_str(), sent.body().as_str());
        }
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused() {
        let whole = entry(&sample(Some(Digest::of(&[b"parent"]))));
        for at in 0..whole.payload.len() {
            let mut broken = whole.clone();
            broken.payload[at] ^= 1;
            assert!(record(&broken).is_err(), "byte {at}");
        }
        for length in 0..whole.payload.len() {
            let mut broken = whole.clone();
            broken.payload.truncate(length);
            assert!(record(&broken).is_err(), "length {length}");
        }
        assert!(record(&Entry { key: b"nonsense".to_vec(), ..whole }).is_err());
    }
}
