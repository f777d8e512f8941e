//! Replicas that break the protocol, and what a push does about them.

mod memory;

use std::cell::Cell;

use charter_sync::{
    Change, Cursor, Digest, Entry, Head, Limits, Publication, Push, PushError, Receipt, Replica, ReplicaId, Sequence,
    Standing, Violation, push,
};
use memory::{Memory, MemoryError, entry};

/// A replica that answers what it must not.
struct Lying {
    replica: Memory,
    lie: Lie,
    reads: Cell<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    OtherEntry,
    DamagedEntry,
    MissingEntry,
    MissingStanding,
    ChangedReceipt,
    OtherReceipt,
    EndlessLog,
    ShortLog,
    ChangingLog,
}

impl Replica for Lying {
    type Error = MemoryError;

    fn head(&self) -> Result<Head, MemoryError> {
        let mut head = self.replica.head()?;
        head.sequence += u64::from(self.lie == Lie::ShortLog);
        Ok(head)
    }

    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>, MemoryError> {
        let mut changes = self.replica.changes(if self.lie == Lie::EndlessLog { 0 } else { after }, limit)?;
        if self.lie == Lie::ChangingLog && self.reads.replace(self.reads.get() + 1) > 0 {
            changes[0].digest = Digest::of(&[b"other"]);
        }
        Ok(changes)
    }

    fn entries(&self, digests: &[Digest]) -> Result<Vec<Entry>, MemoryError> {
        let mut entries = self.replica.entries(digests)?;
        match self.lie {
            Lie::OtherEntry => entries[0] = entry("key 0", "other"),
            Lie::DamagedEntry => entries[0].payload.push(b'!'),
            Lie::MissingEntry => entries.truncate(1),
            _ => {}
        }
        Ok(entries)
    }

    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>, MemoryError> {
        let mut standings = self.replica.compare(push, offers)?;
        standings.truncate(if self.lie == Lie::MissingStanding { 1 } else { offers.len() });
        Ok(standings)
    }

    fn stage(&self, push: &Push, entries: &[Entry]) -> Result<(), MemoryError> {
        self.replica.stage(push, entries)
    }

    fn publish(&self, push: &Push, needed: u64) -> Result<Publication, MemoryError> {
        Ok(match (self.replica.publish(push, needed)?, self.lie) {
            (Publication::Published(receipt), Lie::ChangedReceipt) => {
                Publication::Published(Receipt { count: receipt.count + 1, ..receipt })
            }
            (Publication::Published(receipt), Lie::OtherReceipt) => {
                let other = Push { source: ReplicaId::new("other"), ..push.clone() };
                Publication::Published(Receipt::new(&other, receipt.count, 0, receipt.sequence_after, 0, None))
            }
            (publication, _) => publication,
        })
    }

    fn discard(&self, push: &Push) -> Result<(), MemoryError> {
        self.replica.discard(push)
    }

    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>, MemoryError> {
        self.replica.cursor(remote)
    }

    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<(), MemoryError> {
        self.replica.acknowledge(receipt, cursor)
    }
}

fn lying(replica: Memory, lie: Lie) -> Lying {
    Lying { replica, lie, reads: Cell::new(0) }
}

fn four_entries(id: &str) -> Memory {
    let source = Memory::new(id);
    (0..4).for_each(|number| source.write(&format!("key {number}"), "content"));
    source
}

/// A push between replicas that both tell this lie, each where it is asked.
fn push_with(lie: Lie) -> (PushError<MemoryError, MemoryError>, Lying, Lying) {
    let (local, remote) = (lying(four_entries("source"), lie), lying(Memory::new("remote"), lie));
    let error = push(&local, &remote, Limits { entries: 2, bytes: 100 }, &mut |_| {}).expect_err("a lie is an error");
    (error, local, remote)
}

#[test]
fn replica_that_breaks_the_protocol_is_found_out_before_anything_is_visible() {
    for (lie, found) in [
        (Lie::OtherEntry, "Entry"),
        (Lie::MissingEntry, "Answers { what: \"entries\""),
        (Lie::MissingStanding, "Answers { what: \"standings\""),
        (Lie::EndlessLog, "LogOrder"),
        (Lie::ShortLog, "LogEnd"),
    ] {
        let (error, _, remote) = push_with(lie);
        let PushError::Protocol(violation) = error else { panic!("{lie:?}: {error:?}") };
        assert!(format!("{violation:?}").starts_with(found), "{violation:?}");
        assert!(remote.replica.visible().is_empty(), "{lie:?}");
    }
    let (error, _, remote) = push_with(Lie::DamagedEntry);
    assert!(matches!(error, PushError::Remote(MemoryError::Damaged(_))), "{error:?}");
    assert!(remote.replica.visible().is_empty());
}

#[test]
fn log_that_changes_between_the_passes_is_not_published() {
    let (local, remote) = (lying(four_entries("source"), Lie::ChangingLog), four_entries("remote"));
    // A log that is too long to be kept is read twice.
    let limits = Limits { bytes: 0, ..Limits::default() };
    let error = push(&local, &remote, limits, &mut |_| {}).expect_err("the log changed");
    assert!(matches!(error, PushError::Protocol(Violation::LogChanged(_))), "{error:?}");
    assert!(remote.state.borrow().given.is_empty());
}

#[test]
fn receipt_that_does_not_fit_moves_no_cursor() {
    for lie in [Lie::ChangedReceipt, Lie::OtherReceipt] {
        let (error, local, _) = push_with(lie);
        assert!(
            matches!(error, PushError::Protocol(Violation::Receipt(_) | Violation::ForeignReceipt(_))),
            "{lie:?}: {error:?}"
        );
        let state = local.replica.state.borrow();
        assert!(state.cursors.is_empty() && state.kept.is_empty());
    }
}
