//! How a push fails.

use thiserror::Error;

use crate::{Digest, PushId, ReceiptError, ReplicaId, Sequence};

/// Why a push did not end. Nothing of it is visible on the remote, or all of it is; running it again is always safe, and
/// tells which.
///
/// `L` and `R` are the errors of the local and the remote replica.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PushError<L, R> {
    /// The local replica failed.
    #[error("the local replica failed")]
    Local(#[source] L),
    /// The remote replica failed, or the way to it.
    #[error("the remote replica failed")]
    Remote(#[source] R),
    /// Both sides are the same replica, or one was made as a copy of the other and must get an identity of its own.
    #[error("both sides are the replica {0}: a replica is not pushed to itself or to its copy")]
    SameReplica(ReplicaId),
    /// The remote lost staged entries before they were published (a crash, a push of the same range that was refused at the
    /// same time, or its garbage rule). Nothing became visible; the next push stages them again.
    #[error("the remote has {staged} staged entries of push {push}, which needs {needed}: push again")]
    StagingLost {
        /// The push.
        push: PushId,
        /// How many staged entries it relied on.
        needed: u64,
        /// How many there were.
        staged: u64,
    },
    /// A replica broke the contract of [`Replica`](crate::Replica): a fault in an adapter, or damaged data.
    #[error("a replica broke the replication protocol")]
    Protocol(#[source] Violation),
}

/// How a replica broke the contract of [`Replica`](crate::Replica).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// The change log is not in ascending order.
    #[error("the change log gave position {found} after position {after}")]
    LogOrder {
        /// The position before.
        after: Sequence,
        /// The position that should be larger.
        found: Sequence,
    },
    /// The change log has no change at its head.
    #[error("the change log ends at position {end}, its head says {head}")]
    LogEnd {
        /// The last position that was read.
        end: Sequence,
        /// The position of the head, when the push began.
        head: Sequence,
    },
    /// The change log was read twice and was not the same.
    #[error("the change log is not what it was when push {0} began")]
    LogChanged(PushId),
    /// There are fewer or more answers than questions.
    #[error("{asked} {what} were asked for, {answered} came")]
    Answers {
        /// What was asked for.
        what: &'static str,
        /// How many were asked for.
        asked: usize,
        /// How many came.
        answered: usize,
    },
    /// An entry is not the one that was asked for.
    #[error("entry {found} came where the change log has {expected}")]
    Entry {
        /// The digest in the change log.
        expected: Digest,
        /// The digest of the entry; the same when only the key differs.
        found: Digest,
    },
    /// The receipt is not for the push that was published.
    #[error("the receipt that came for push {0} is another's")]
    ForeignReceipt(PushId),
    /// The receipt was changed on its way.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}
