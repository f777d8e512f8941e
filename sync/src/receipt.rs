//! A push, its identity, and the receipt that the remote gives for it: a hash-chained log on the remote.

use std::fmt;

use thiserror::Error;

use crate::entry::Digester;
use crate::{Change, Digest, Head, ReplicaId, Sequence};

/// The identity of a push: the same for the same changes from the same source to the same history of the same remote.
///
/// It is [`Digest::of`] these parts: `charter push 1`, the text of the source's id, the text of the remote's id, the
/// remote's epoch as 8 bytes big-endian, and the digest of every change of the push, 32 bytes each, in the order of the
/// source's change log. So a push that was cut off has its identity again when it is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushId(Digest);

impl PushId {
    /// An identity that was kept somewhere.
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest that it is.
    pub const fn as_digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for PushId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A [`PushId`] in the making, in bounded memory.
pub(crate) struct Identification(Digester);

impl Identification {
    pub(crate) fn new(source: &ReplicaId, remote: &Head) -> Self {
        let mut digester = Digester::default();
        digester.part(b"charter push 1");
        digester.part(source.as_str().as_bytes());
        digester.part(remote.id.as_str().as_bytes());
        digester.part(&remote.epoch.to_be_bytes());
        Self(digester)
    }

    pub(crate) fn add(&mut self, change: &Change) {
        self.0.part(change.digest.as_bytes());
    }

    pub(crate) fn finish(self) -> PushId {
        PushId(self.0.finish())
    }
}

/// One push: a range of the source's change log on its way to a remote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Push {
    /// Its identity, by which the remote knows it again.
    pub id: PushId,
    /// Whose change log it is.
    pub source: ReplicaId,
    /// The remote that it is meant for.
    pub remote: ReplicaId,
    /// The remote's epoch when the push was planned.
    pub epoch: u64,
    /// Where the range begins in the source's log, exclusive.
    pub first: Sequence,
    /// Where the range ends in the source's log, inclusive.
    pub last: Sequence,
    /// How many changes the range has, whether the remote lacks them or not.
    pub entries: u64,
    /// The sum of their payloads in bytes.
    pub bytes: u64,
}

/// A remote's statement that it published a push. The remote keeps all of its receipts, the source keeps its own.
///
/// Each has the hash of the receipt before it on the same remote, so nobody can change, drop or insert one in the middle
/// unseen. The hash is [`Digest::of`] these parts, numbers as 8 bytes big-endian:
///
/// 1. `charter receipt 1`
/// 2. the push id, 32 bytes
/// 3. the source's id, text
/// 4. the remote's id, text
/// 5. the epoch
/// 6. the count
/// 7. the sequence before
/// 8. the sequence after
/// 9. the time of publication (two's complement)
/// 10. the previous receipt's hash, 32 bytes; empty for a remote's first receipt
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The push.
    pub push: PushId,
    /// Who pushed.
    pub source: ReplicaId,
    /// Who published.
    pub remote: ReplicaId,
    /// The remote's epoch.
    pub epoch: u64,
    /// How many entries became new to the remote.
    pub count: u64,
    /// The sequence of the remote's head before the publication.
    pub sequence_before: Sequence,
    /// The sequence of the remote's head after it.
    pub sequence_after: Sequence,
    /// When, by the remote's clock: microseconds since 1970-01-01 00:00 UTC.
    pub published_at: i64,
    /// The hash of the remote's receipt before this one; none for its first.
    pub previous: Option<Digest>,
    /// The hash over all of the above.
    pub hash: Digest,
}

impl Receipt {
    /// The receipt for a push that a remote publishes now: what it knows, and the hash over it.
    ///
    /// `count` entries became new, which moved the remote's head from `sequence_before` to `sequence_after`; `published_at` is in
    /// microseconds since 1970 UTC; `previous` is the hash of the remote's newest receipt.
    pub fn new(
        push: &Push,
        count: u64,
        sequence_before: Sequence,
        sequence_after: Sequence,
        published_at: i64,
        previous: Option<Digest>,
    ) -> Self {
        let mut receipt = Self {
            push: push.id,
            source: push.source.clone(),
            remote: push.remote.clone(),
            epoch: push.epoch,
            count,
            sequence_before,
            sequence_after,
            published_at,
            previous,
            hash: Digest::from_bytes([0; 32]),
        };
        receipt.hash = receipt.computed_hash();
        receipt
    }

    /// Checks that the hash is the one of the receipt's fields.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Hash`] when it is not: somebody changed the receipt.
    pub fn verify(&self) -> Result<(), ReceiptError> {
        let computed = self.computed_hash();
        if computed == self.hash {
            Ok(())
        } else {
            Err(ReceiptError::Hash { push: self.push, stated: self.hash, computed })
        }
    }

    fn computed_hash(&self) -> Digest {
        Digest::of(&[
            b"charter receipt 1",
            self.push.as_digest().as_bytes(),
            self.source.as_str().as_bytes(),
            self.remote.as_str().as_bytes(),
            &self.epoch.to_be_bytes(),
            &self.count.to_be_bytes(),
            &self.sequence_before.to_be_bytes(),
            &self.sequence_after.to_be_bytes(),
            &self.published_at.to_be_bytes(),
            self.previous.as_ref().map_or(&[][..], |previous| &previous.as_bytes()[..]),
        ])
    }
}

/// Checks receipts that follow each other on one remote: each for itself, and each against the one before it.
///
/// The first may be any receipt of the remote; when it is the remote's first, its `previous` is none, which is the
/// caller's to check. Receipts that a source keeps are those of its own pushes, and follow each other only while nobody else pushes.
///
/// # Errors
///
/// The first fault in the order of the slice: [`ReceiptError::Hash`] for a receipt that was changed, [`ReceiptError::Chain`] for
/// one that does not follow the one before it.
pub fn verify_chain(receipts: &[Receipt]) -> Result<(), ReceiptError> {
    let mut before: Option<&Receipt> = None;
    for receipt in receipts {
        receipt.verify()?;
        if let Some(before) = before
            && (receipt.previous != Some(before.hash)
                || receipt.remote != before.remote
                || receipt.sequence_before < before.sequence_after)
        {
            return Err(ReceiptError::Chain { push: receipt.push, before: before.push });
        }
        before = Some(receipt);
    }
    Ok(())
}

/// A receipt, or a chain of receipts, is not what the remote gave.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The hash is not that of the fields.
    #[error("the receipt of push {push} was changed: it states the hash {stated}, its fields have {computed}")]
    Hash {
        /// The push of the receipt.
        push: PushId,
        /// The hash in the receipt.
        stated: Digest,
        /// The hash of its fields.
        computed: Digest,
    },
    /// A receipt does not follow the one before it.
    #[error("the receipt of push {push} does not follow that of push {before}: a receipt is missing, moved or forged")]
    Chain {
        /// The push of the receipt that does not follow.
        push: PushId,
        /// The push of the receipt before it.
        before: PushId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(number: u8) -> Push {
        Push {
            id: PushId::from_digest(Digest::of(&[&[number]])),
            source: ReplicaId::new("source"),
            remote: ReplicaId::new("remote"),
            epoch: 3,
            first: 0,
            last: 2,
            entries: 2,
            bytes: 20,
        }
    }

    fn chain(length: u8) -> Vec<Receipt> {
        let mut receipts: Vec<Receipt> = Vec::new();
        for number in 0..length {
            let (before, previous) = receipts.last().map_or((0, None), |last| (last.sequence_after, Some(last.hash)));
            receipts.push(Receipt::new(&push(number), 2, before, before + 2, 1_700_000_000_000_000, previous));
        }
        receipts
    }

    #[test]
    fn hash_has_its_specified_value() {
        let number = |number: u64| number.to_be_bytes();
        let receipt = &chain(2)[1];
        let id = push(1).id;
        let mut parts: Vec<&[u8]> = vec![b"charter receipt 1", id.as_digest().as_bytes(), b"source", b"remote"];
        let numbers = [number(3), number(2), number(2), number(4), number(1_700_000_000_000_000)];
        parts.extend(numbers.iter().map(|number| &number[..]));
        let previous = chain(1)[0].hash;
        parts.push(previous.as_bytes());
        assert_eq!(receipt.hash, Digest::of(&parts));
    }

    #[test]
    fn every_field_is_under_the_hash() {
        let changes: [fn(&mut Receipt); 9] = [
            |receipt| receipt.push = push(9).id,
            |receipt| receipt.source = ReplicaId::new("sourcer"),
            |receipt| receipt.remote = ReplicaId::new("emote"),
            |receipt| receipt.epoch += 1,
            |receipt| receipt.count += 1,
            |receipt| receipt.sequence_before += 1,
            |receipt| receipt.sequence_after += 1,
            |receipt| receipt.published_at = -receipt.published_at,
            |receipt| receipt.previous = None,
        ];
        let good = chain(2).remove(1);
        assert_eq!(good.verify(), Ok(()));
        for change in changes {
            let mut receipt = good.clone();
            change(&mut receipt);
            assert!(matches!(receipt.verify(), Err(ReceiptError::Hash { .. })), "{receipt:?}");
        }
    }

    #[test]
    fn chain_shows_what_is_missing_moved_or_inserted() {
        let good = chain(4);
        assert_eq!(verify_chain(&[]), Ok(()));
        assert_eq!(verify_chain(&good), Ok(()));
        assert_eq!(verify_chain(&good[1..]), Ok(()), "a part of a chain is a chain");

        let broken = |receipts: &[Receipt]| matches!(verify_chain(receipts), Err(ReceiptError::Chain { .. }));
        let mut missing = good.clone();
        missing.remove(1);
        assert!(broken(&missing));
        let mut moved = good.clone();
        moved.swap(1, 2);
        assert!(broken(&moved));
        let mut inserted = good.clone();
        inserted.insert(2, Receipt::new(&push(9), 0, 4, 4, 0, Some(good[1].hash)));
        assert!(broken(&inserted));
        let mut rewound = good;
        rewound.truncate(2);
        let last = rewound[1].hash;
        rewound.push(Receipt::new(&push(9), 2, 3, 5, 0, Some(last)));
        assert!(broken(&rewound));
    }
}
