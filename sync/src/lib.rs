//! The replication protocol of charter: how one replica's entries reach another one, over a line that may be cut anywhere.
//!
//! A *replica* is a set of immutable [entries](Entry) and the log of how they came, and anything that implements [`Replica`] is
//! one. This crate knows nothing of what entries contain, of databases or of networks, and blocks its caller. [`push`] makes a
//! remote replica hold everything that the local one holds:
//!
//! ```text
//! local                              remote
//!   |  head ---------------------------> |   id, epoch, sequence: one round trip, and the
//!   |  cursor, head                      |   last one if nothing local lies after the cursor
//!   |  read the log: the push's identity |
//!   |  for each batch of the log:        |
//!   |    compare ----------------------> |   absent, staged, present, or taken by another digest
//!   |    stage what is absent ---------> |   checked against its digest; invisible
//!   |  publish ------------------------> |   all at once, or nothing; answers a receipt
//!   |  acknowledge: receipt and cursor   |
//! ```
//!
//! # Why it converges
//!
//! An entry never changes, and its key is never used again for another digest, so replication is a union of sets: order and
//! repetition do not matter. The only thing that can be wrong between two replicas is a [`Collision`], one key with two
//! digests, and a push that finds any changes nothing on the remote and lists them all.
//!
//! # What holds, whatever fails
//!
//! 1. **All or nothing.** What is visible on the remote never contains a part of a push. Staged entries become visible in
//!    [`Replica::publish`], which is one transaction, and it refuses to publish when staged entries were lost.
//! 2. **Run it again.** A push may be cut off at any point, on either side, and be run again. Its [`PushId`] is computed from
//!    what it carries, so the same changes are the same push: what is staged already is not sent again, and a push that was
//!    published while its answer was lost is answered with the receipt that the remote kept.
//! 3. **Nothing is skipped.** A [`Cursor`] moves only with the receipt that proves it, and is trusted only while both replicas are
//!    still in the history that it speaks of ([`Plan`]). When in doubt the whole log is compared again.
//! 4. **Nothing to do costs one round trip.**
//! 5. **Memory is bounded** by [`Limits`], however long the log is: one that does not fit is read twice. Only collisions, which people must read, are collected.
//! 6. **Every publication leaves a [`Receipt`]** on both sides; the remote's are a [hash chain](verify_chain).
//!
//! When the local log grew after a push was cut off, the next push has another identity: it finds what the first one published, or
//! stages again what the first one had only staged. What such a push leaves behind is the remote's to throw away, see
//! [`Replica::stage`].
//!
//! Two things are beyond the protocol. A remote that is restored from a backup should take a new epoch; without one, the loss is
//! noticed only while its log is shorter than it was. And a replica that is copied together with its identity must be given an
//! identity of its own before both go on.

#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::todo)
)]

mod entry;
mod error;
mod plan;
mod receipt;

pub use entry::{Change, Collision, Cursor, Digest, Entry, Head, ParseDigestError, ReplicaId, Sequence, Standing};
pub use error::{PushError, Violation};
pub use plan::{Plan, Start, batches};
pub use receipt::{Push, PushId, Receipt, ReceiptError, verify_chain};

use receipt::Identification;

/// One side of a replication. The methods up to `entries`, `cursor` and `acknowledge` are asked of the local side, `head` and
/// the others of the remote.
///
/// Every method may be asked again after any failure, including one that hid a success. A call to a remote should cost one
/// round trip.
pub trait Replica {
    /// How a call fails.
    type Error;

    /// Which replica this is and how far its log goes.
    fn head(&self) -> Result<Head, Self::Error>;

    /// Changes after a position, ascending, at most `limit` of them (at least 1); none only at the log's end.
    ///
    /// It must be complete: once a reader was given a change, no change with a smaller sequence may appear. A bare database
    /// sequence does not do that, because transactions do not commit in the order in which they took their numbers.
    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>, Self::Error>;

    /// The entries with these digests, in the order asked. One that is missing is an error.
    fn entries(&self, digests: &[Digest]) -> Result<Vec<Entry>, Self::Error>;

    /// How each of the offered keys and digests stands here, in the order offered.
    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>, Self::Error>;

    /// Puts entries where nobody sees them, until the push is published or discarded.
    ///
    /// All of them or none, in one transaction. The replica computes every digest itself from key and payload, and refuses a
    /// wrong one with an error. An entry that this push has staged already is left as it is.
    ///
    /// A push that is cut off and never run again leaves what it staged. A replica may discard by itself what no call has
    /// touched for a long while; `publish` notices if that hits a push that is still wanted.
    fn stage(&self, push: &Push, entries: &[Entry]) -> Result<(), Self::Error>;

    /// Makes everything that the push has staged visible, at once, or nothing. In one transaction, and in this order:
    ///
    /// 1. A push whose id was published already changes nothing and is answered with the receipt that was kept.
    /// 2. A push that is meant for another replica or another epoch than this one is an error.
    /// 3. Fewer staged entries than `needed` are [`Publication::Incomplete`]: some were lost since they were staged.
    /// 4. Staged keys that are visible with other digests are [`Publication::Refused`], all of them.
    /// 5. The staged entries that are not visible yet enter the change log, in any order, and are counted; nothing stays
    ///    staged; a receipt that follows the newest one is made with [`Receipt::new`], kept and answered, also when nothing was
    ///    new.
    ///
    /// Two publications must come one after the other, at the latest where they take their sequences and their receipts.
    fn publish(&self, push: &Push, needed: u64) -> Result<Publication, Self::Error>;

    /// Drops whatever the push has staged; no error if that is nothing.
    fn discard(&self, push: &Push) -> Result<(), Self::Error>;

    /// The cursor that is kept for a remote.
    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>, Self::Error>;

    /// Keeps a receipt, if there is one and it is not kept yet, and replaces the cursor of the cursor's remote, in one transaction.
    ///
    /// The cursor is replaced whatever was there: [`Plan`] has decided, and it does step back when a remote lost its end.
    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<(), Self::Error>;
}

/// What became of a push that asked to be published.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Publication {
    /// Everything is visible. The receipt is new, or was kept from the time when this push was published.
    Published(Receipt),
    /// Nothing changed: these keys are visible with other digests.
    Refused(Vec<Collision>),
    /// Nothing changed: the push has only this many staged entries, fewer than it needs.
    Incomplete {
        /// How many are staged.
        staged: u64,
    },
}

/// How much of a push is in memory, and on its way in one call. A single entry that is larger goes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Changes in one comparison, and entries in one stage; 0 is taken as 1.
    pub entries: usize,
    /// Bytes of payload in one stage.
    pub bytes: u64,
}

impl Default for Limits {
    /// 4000 entries, 8 MiB.
    fn default() -> Self {
        Self { entries: 4000, bytes: 8 << 20 }
    }
}

/// How far a push has come. It is told after each page of the log and each batch, and once before publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Progress {
    /// What the push is doing.
    pub step: Step,
    /// How many changes this step has dealt with.
    pub done: u64,
    /// Of how many; while reading it is an upper bound.
    pub total: u64,
    /// How many entries were sent.
    pub sent_entries: u64,
    /// How many bytes of payload were sent.
    pub sent_bytes: u64,
}

/// What a push is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Reading the local change log.
    Reading,
    /// Comparing with the remote and sending what it lacks.
    Uploading,
    /// Waiting for the remote to publish.
    Publishing,
}

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The remote has everything already, as the cursor proves.
    UpToDate {
        /// The remote's head.
        head: Head,
    },
    /// The remote now has everything, and this is its receipt.
    Pushed(Receipt),
    /// Nothing changed on the remote: these keys are there with other digests. In the order of the local log, except when another
    /// pusher took them while this push ran.
    Refused(Vec<Collision>),
}

/// What an upload left on the remote.
#[derive(Default)]
struct Upload {
    /// How many staged entries the push relies on.
    needed: u64,
    collisions: Vec<Collision>,
}

/// Makes the remote hold every entry that the local replica holds when the push begins. The [crate documentation](crate) tells how.
///
/// # Errors
///
/// [`PushError::Local`] and [`PushError::Remote`] when a replica fails, [`PushError::SameReplica`] when both have one identity,
/// [`PushError::StagingLost`] when the remote lost staged entries on the way, [`PushError::Protocol`] when a replica
/// answers what it must not. After each of them the remote shows all of the push or nothing of it, and the push may be run again.
pub fn push<L, R>(
    local: &L,
    remote: &R,
    limits: Limits,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, PushError<L::Error, R::Error>>
where
    L: Replica + ?Sized,
    R: Replica + ?Sized,
{
    let limits = Limits { entries: limits.entries.max(1), ..limits };
    let head = remote.head().map_err(PushError::Remote)?;
    // The cursor before the head: one that another push moves meanwhile must not seem to lie beyond the log.
    let cursor = local.cursor(&head.id).map_err(PushError::Local)?;
    let source = local.head().map_err(PushError::Local)?;
    if source.id == head.id {
        return Err(PushError::SameReplica(source.id));
    }
    let plan = Plan::new(cursor.as_ref(), &source, &head);
    let cursor_at = |remote_sequence| Cursor {
        remote: head.id.clone(),
        epoch: head.epoch,
        local_sequence: plan.last,
        remote_sequence,
    };
    if plan.is_empty() {
        if plan.distrusts_cursor() {
            local.acknowledge(None, &cursor_at(head.sequence)).map_err(PushError::Local)?;
        }
        return Ok(Outcome::UpToDate { head });
    }

    let (push, log) = identify(local, &source, &head, plan, limits, progress)?;
    let Upload { needed, collisions } = upload(local, remote, &push, &head, log, limits, progress)?;
    if !collisions.is_empty() {
        return Ok(refuse(remote, &push, collisions));
    }
    match remote.publish(&push, needed).map_err(PushError::Remote)? {
        Publication::Published(receipt) => {
            accept(&receipt, &push).map_err(PushError::Protocol)?;
            local.acknowledge(Some(&receipt), &cursor_at(receipt.sequence_after)).map_err(PushError::Local)?;
            Ok(Outcome::Pushed(receipt))
        }
        Publication::Refused(collisions) => Ok(refuse(remote, &push, collisions)),
        Publication::Incomplete { staged } => Err(PushError::StagingLost { push: push.id, needed, staged }),
    }
}

/// What the first pass over the log leaves for the second one: its pages, while they are few.
#[derive(Default)]
struct Log {
    pages: Vec<Vec<Change>>,
    bytes: usize,
}

impl Log {
    /// Keeps one more page; gives everything up when it becomes more than what may be in memory.
    fn keep(log: &mut Option<Self>, page: Vec<Change>, limits: Limits) {
        let Some(kept) = log else { return };
        kept.bytes += page.iter().map(|change| size_of::<Change>() + change.key.len()).sum::<usize>();
        kept.pages.push(page);
        if kept.bytes as u64 > limits.bytes {
            *log = None;
        }
    }
}

/// The first pass over the log: what the push carries, and so its identity.
fn identify<L: Replica + ?Sized, E>(
    local: &L,
    source: &Head,
    remote: &Head,
    plan: Plan,
    limits: Limits,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Push, Option<Log>), PushError<L::Error, E>> {
    let mut log = Some(Log::default());
    let mut identification = Identification::new(&source.id, remote);
    let (mut entries, mut bytes) = (0_u64, 0_u64);
    read_log(local, plan.first, plan.last, limits, |page| {
        for change in &page {
            identification.add(change);
            bytes = bytes.saturating_add(change.size);
        }
        entries += page.len() as u64;
        let total = plan.last - plan.first;
        progress(Progress { step: Step::Reading, done: entries, total, sent_entries: 0, sent_bytes: 0 });
        Log::keep(&mut log, page, limits);
        Ok(())
    })?;
    let push = Push {
        id: identification.finish(),
        source: source.id.clone(),
        remote: remote.id.clone(),
        epoch: remote.epoch,
        first: plan.first,
        last: plan.last,
        entries,
        bytes,
    };
    Ok((push, log))
}

/// The second pass, over what the first one kept or the log again: stages what the remote lacks, up to the first collision, and finds all collisions.
fn upload<L, R>(
    local: &L,
    remote: &R,
    push: &Push,
    head: &Head,
    log: Option<Log>,
    limits: Limits,
    progress: &mut dyn FnMut(Progress),
) -> Result<Upload, PushError<L::Error, R::Error>>
where
    L: Replica + ?Sized,
    R: Replica + ?Sized,
{
    let mut upload = Upload::default();
    let mut identification = Identification::new(&push.source, head);
    let mut now = Progress { step: Step::Uploading, done: 0, total: push.entries, sent_entries: 0, sent_bytes: 0 };
    let mut visit = |page: Vec<Change>| {
        let compared = page.len() as u64;
        let offers: Vec<_> = page.iter().map(|change| (change.key.clone(), change.digest)).collect();
        let standings = remote.compare(push, &offers).map_err(PushError::Remote)?;
        answered("standings", offers.len(), standings.len()).map_err(PushError::Protocol)?;
        let mut absent = Vec::new();
        for (change, standing) in page.into_iter().zip(standings) {
            identification.add(&change);
            match standing {
                Standing::Present => {}
                Standing::Staged => upload.needed += 1,
                Standing::Absent => absent.push(change),
                Standing::Taken(stored) => {
                    upload.collisions.push(Collision { key: change.key, stored, offered: change.digest });
                }
            }
        }
        if upload.collisions.is_empty() {
            for batch in batches(&absent, limits) {
                let entries = fetch(local, batch)?;
                remote.stage(push, &entries).map_err(PushError::Remote)?;
                upload.needed += entries.len() as u64;
                now.sent_entries += entries.len() as u64;
                now.sent_bytes += entries.iter().map(|entry| entry.payload.len() as u64).sum::<u64>();
                progress(now);
            }
        }
        now.done += compared;
        progress(now);
        Ok(())
    };
    match log {
        Some(log) => log.pages.into_iter().try_for_each(visit)?,
        None => read_log(local, push.first, push.last, limits, &mut visit)?,
    }
    // What is published under an identity must be what the identity says.
    if identification.finish() != push.id {
        return Err(PushError::Protocol(Violation::LogChanged(push.id)));
    }
    if upload.collisions.is_empty() {
        progress(Progress { step: Step::Publishing, ..now });
    }
    Ok(upload)
}

/// Ends a push that cannot be published.
fn refuse<R: Replica + ?Sized>(remote: &R, push: &Push, collisions: Vec<Collision>) -> Outcome {
    // The collisions are what the caller must know. Staged entries that stay because this call failed are invisible, and fall
    // to the remote's garbage rule.
    let _ = remote.discard(push);
    Outcome::Refused(collisions)
}

/// Reads the log after `first` up to and with `last`, a page at a time.
fn read_log<L: Replica + ?Sized, E>(
    local: &L,
    first: Sequence,
    last: Sequence,
    limits: Limits,
    mut visit: impl FnMut(Vec<Change>) -> Result<(), PushError<L::Error, E>>,
) -> Result<(), PushError<L::Error, E>> {
    let mut end = first;
    while end < last {
        let mut page = local.changes(end, limits.entries).map_err(PushError::Local)?;
        let start = end;
        for change in &page {
            if change.sequence <= end {
                let violation = Violation::LogOrder { after: end, found: change.sequence };
                return Err(PushError::Protocol(violation));
            }
            end = change.sequence;
        }
        // What was written after the push began is the next push's.
        page.retain(|change| change.sequence <= last);
        let reached = page.last().map_or(start, |change| change.sequence);
        if reached == start || (end > last && reached < last) {
            return Err(PushError::Protocol(Violation::LogEnd { end: reached, head: last }));
        }
        visit(page)?;
    }
    Ok(())
}

/// The entries of these changes, each the one that its change names.
fn fetch<L: Replica + ?Sized, E>(local: &L, changes: &[Change]) -> Result<Vec<Entry>, PushError<L::Error, E>> {
    let digests: Vec<_> = changes.iter().map(|change| change.digest).collect();
    let entries = local.entries(&digests).map_err(PushError::Local)?;
    answered("entries", digests.len(), entries.len()).map_err(PushError::Protocol)?;
    for (change, entry) in changes.iter().zip(&entries) {
        if entry.digest != change.digest || entry.key != change.key {
            return Err(PushError::Protocol(Violation::Entry { expected: change.digest, found: entry.digest }));
        }
    }
    Ok(entries)
}

fn answered(what: &'static str, asked: usize, answered: usize) -> Result<(), Violation> {
    if asked == answered { Ok(()) } else { Err(Violation::Answers { what, asked, answered }) }
}

/// Checks that a receipt is whole, and for this push.
fn accept(receipt: &Receipt, push: &Push) -> Result<(), Violation> {
    receipt.verify()?;
    let same = receipt.push == push.id
        && receipt.source == push.source
        && receipt.remote == push.remote
        && receipt.epoch == push.epoch;
    if same { Ok(()) } else { Err(Violation::ForeignReceipt(push.id)) }
}
