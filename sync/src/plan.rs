//! What to do, decided from what was read: nothing here reads or writes.

use crate::{Change, Cursor, Head, Limits, Sequence};

/// The part of the local change log that a remote may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Exclusive: the remote has every change up to and with this one.
    pub first: Sequence,
    /// Inclusive: the end of the local log.
    pub last: Sequence,
    /// Why it begins there.
    pub start: Start,
}

/// Why a [`Plan`] begins where it begins. All but the first begin before the first change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    /// After the cursor: what it states still holds.
    Cursor,
    /// There is no cursor: nothing was pushed to this remote yet.
    NoCursor,
    /// The remote has another epoch than the cursor: its log may have lost its end.
    EpochChanged,
    /// The remote's log ends before the cursor: it lost its end, though the epoch is the same.
    RemoteBehind,
    /// The local log ends before the cursor: the cursor speaks of changes that are no more.
    LocalBehind,
}

impl Plan {
    /// The plan for a push, from the local side's cursor for the remote and both heads.
    ///
    /// A cursor is trusted only while nothing speaks against it. Distrust costs comparing again what the remote has;
    /// trust that is not due would leave out changes for ever.
    pub fn new(cursor: Option<&Cursor>, local: &Head, remote: &Head) -> Self {
        let start = match cursor {
            None => Start::NoCursor,
            Some(cursor) if cursor.remote != remote.id => Start::NoCursor,
            Some(cursor) if cursor.epoch != remote.epoch => Start::EpochChanged,
            Some(cursor) if cursor.remote_sequence > remote.sequence => Start::RemoteBehind,
            Some(cursor) if cursor.local_sequence > local.sequence => Start::LocalBehind,
            Some(cursor) => return Self { first: cursor.local_sequence, last: local.sequence, start: Start::Cursor },
        };
        Self { first: 0, last: local.sequence, start }
    }

    /// Whether the remote has all of the local log.
    pub fn is_empty(&self) -> bool {
        self.first == self.last
    }

    /// Whether a cursor is kept that does not hold any more, and must be replaced even when there is nothing to push.
    pub fn distrusts_cursor(&self) -> bool {
        match self.start {
            Start::Cursor | Start::NoCursor => false,
            Start::EpochChanged | Start::RemoteBehind | Start::LocalBehind => true,
        }
    }
}

/// Cuts changes into batches of at most `limits.entries` entries and `limits.bytes` bytes of payload, in order.
///
/// An entry that is larger than a whole batch goes alone. No batch is empty.
pub fn batches(changes: &[Change], limits: Limits) -> impl Iterator<Item = &[Change]> {
    let mut rest = changes;
    std::iter::from_fn(move || {
        let mut bytes = 0_u64;
        let fitting = rest
            .iter()
            .take(limits.entries)
            .take_while(|change| {
                bytes = bytes.saturating_add(change.size);
                bytes <= limits.bytes
            })
            .count();
        let (batch, after) = rest.split_at(fitting.max(1).min(rest.len()));
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Digest, ReplicaId};

    fn head(id: &str, epoch: u64, sequence: Sequence) -> Head {
        Head { id: ReplicaId::new(id), epoch, sequence }
    }

    fn plan(cursor: Option<(u64, Sequence, Sequence)>, local: Sequence, remote: (u64, Sequence)) -> Plan {
        let cursor = cursor.map(|(epoch, local_sequence, remote_sequence)| Cursor {
            remote: ReplicaId::new("remote"),
            epoch,
            local_sequence,
            remote_sequence,
        });
        Plan::new(cursor.as_ref(), &head("local", 7, local), &head("remote", remote.0, remote.1))
    }

    #[test]
    fn starts_after_a_cursor_that_holds() {
        let expected = |first, last| Plan { first, last, start: Start::Cursor };
        assert_eq!(plan(Some((1, 5, 9)), 8, (1, 9)), expected(5, 8));
        assert_eq!(plan(Some((1, 5, 9)), 8, (1, 12)), expected(5, 8), "others pushed to the remote meanwhile");
        assert_eq!(plan(Some((1, 5, 9)), 5, (1, 12)), expected(5, 5));
        assert!(plan(Some((1, 5, 9)), 5, (1, 12)).is_empty());
    }

    #[test]
    fn starts_from_nothing_when_the_cursor_does_not_hold() {
        for (cursor, local, remote, start) in [
            (None, 8, (1, 9), Start::NoCursor),
            (Some((1, 5, 9)), 8, (2, 9), Start::EpochChanged),
            (Some((1, 5, 9)), 8, (0, 12), Start::EpochChanged),
            (Some((1, 5, 9)), 8, (1, 8), Start::RemoteBehind),
            (Some((1, 5, 9)), 4, (1, 9), Start::LocalBehind),
        ] {
            let plan = plan(cursor, local, remote);
            assert_eq!(plan, Plan { first: 0, last: local, start });
            assert!(!plan.is_empty());
            assert_eq!(plan.distrusts_cursor(), cursor.is_some());
        }
    }

    #[test]
    fn cursor_of_another_remote_says_nothing() {
        let cursor = Cursor { remote: ReplicaId::new("other"), epoch: 1, local_sequence: 5, remote_sequence: 5 };
        let plan = Plan::new(Some(&cursor), &head("local", 1, 5), &head("remote", 1, 5));
        assert_eq!(plan, Plan { first: 0, last: 5, start: Start::NoCursor });
    }

    #[test]
    fn empty_log_needs_no_push() {
        assert!(plan(None, 0, (1, 9)).is_empty());
        assert!(plan(Some((1, 5, 9)), 0, (1, 9)).is_empty());
    }

    fn change(sequence: Sequence, size: u64) -> Change {
        Change { sequence, key: Vec::new(), digest: Digest::of(&[]), size }
    }

    #[test]
    fn batches_end_at_either_limit() {
        let sizes = |entries, bytes, sizes: &[u64]| -> Vec<Vec<u64>> {
            let changes: Vec<_> = (1..).zip(sizes).map(|(sequence, size)| change(sequence, *size)).collect();
            batches(&changes, Limits { entries, bytes })
                .map(|batch| batch.iter().map(|change| change.size).collect())
                .collect()
        };
        assert_eq!(sizes(2, 100, &[1, 2, 3]), [vec![1, 2], vec![3]]);
        assert_eq!(sizes(9, 10, &[4, 6, 1, 10]), [vec![4, 6], vec![1], vec![10]]);
        assert_eq!(sizes(9, 10, &[50, 1, 1]), [vec![50], vec![1, 1]]);
        assert_eq!(sizes(0, 0, &[5, 5]), [vec![5], vec![5]]);
        assert_eq!(sizes(9, u64::MAX, &[u64::MAX, u64::MAX, 1]).len(), 1);
        assert!(sizes(9, 10, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn batches_hold_everything_in_order_within_the_limits(
            sizes in prop::collection::vec(0_u64..50, 0..40), entries in 0_usize..8, bytes in 0_u64..80,
        ) {
            let changes: Vec<_> = (1..).zip(&sizes).map(|(sequence, size)| change(sequence, *size)).collect();
            let batches: Vec<_> = batches(&changes, Limits { entries, bytes }).collect();
            for batch in &batches {
                prop_assert!(!batch.is_empty());
                let size: u64 = batch.iter().map(|change| change.size).sum();
                prop_assert!(batch.len() == 1 || (batch.len() <= entries && size <= bytes));
            }
            prop_assert_eq!(batches.concat(), changes);
        }
    }
}
