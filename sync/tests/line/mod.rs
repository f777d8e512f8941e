//! A line to a replica that fails when it is told to.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

use charter_sync::{
    Change, Cursor, Digest, Entry, Head, Publication, Push, Receipt, Replica, ReplicaId, Sequence, Standing,
};
use thiserror::Error;

use crate::memory::{Memory, MemoryError};

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The line is cut before the call arrives.
    CutBefore,
    /// The line is cut before the answer arrives.
    CutAfter,
    /// The replica crashes and loses what is staged before the call, which fails.
    CrashBefore,
    /// The replica crashes and loses what is staged after the call, whose answer is lost.
    CrashAfter,
    /// The replica loses what is staged before the call, and the line survives.
    LoseStaged,
    /// Somebody writes this key and payload before the call.
    Write(String, String),
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LineError {
    #[error("the line is cut")]
    Cut,
    #[error(transparent)]
    Replica(#[from] MemoryError),
}

/// The way to a replica. Faults strike one call each, in order; after the last all goes well.
pub(crate) struct Line<'a> {
    replica: &'a Memory,
    faults: RefCell<VecDeque<Fault>>,
    /// A fault that waits for the first call of one method.
    aimed: Cell<Option<(&'static str, Fault)>>,
    /// The methods that were called.
    pub(crate) calls: RefCell<Vec<&'static str>>,
    /// What readers saw after each call.
    pub(crate) seen: RefCell<Vec<BTreeMap<Vec<u8>, Digest>>>,
    /// How many entries were sent to be staged.
    pub(crate) sent: Cell<usize>,
}

impl<'a> Line<'a> {
    pub(crate) fn new(replica: &'a Memory, faults: &[Fault]) -> Self {
        Self {
            replica,
            faults: RefCell::new(faults.iter().cloned().collect()),
            aimed: Cell::new(None),
            calls: RefCell::default(),
            seen: RefCell::default(),
            sent: Cell::new(0),
        }
    }

    /// A line on which one fault waits for the first call of a method.
    pub(crate) fn aimed(replica: &'a Memory, method: &'static str, fault: Fault) -> Self {
        let line = Self::new(replica, &[]);
        line.aimed.set(Some((method, fault)));
        line
    }

    fn call<T>(
        &self,
        method: &'static str,
        act: impl FnOnce(&Memory) -> Result<T, MemoryError>,
    ) -> Result<T, LineError> {
        self.calls.borrow_mut().push(method);
        let fault = match self.aimed.take() {
            Some((aim, fault)) if aim == method => fault,
            other => {
                self.aimed.set(other);
                self.faults.borrow_mut().pop_front().unwrap_or(Fault::None)
            }
        };
        let crash = || self.replica.state.borrow_mut().staged.clear();
        match &fault {
            Fault::CutBefore => return Err(LineError::Cut),
            Fault::CrashBefore => {
                crash();
                return Err(LineError::Cut);
            }
            Fault::LoseStaged => crash(),
            Fault::Write(key, payload) => self.replica.write(key, payload),
            Fault::None | Fault::CutAfter | Fault::CrashAfter => {}
        }
        let answer = act(self.replica);
        self.seen.borrow_mut().push(self.replica.visible());
        match fault {
            Fault::CutAfter => Err(LineError::Cut),
            Fault::CrashAfter => {
                crash();
                Err(LineError::Cut)
            }
            _ => Ok(answer?),
        }
    }
}

impl Replica for Line<'_> {
    type Error = LineError;

    fn head(&self) -> Result<Head, LineError> {
        self.call("head", |replica| replica.head())
    }

    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>, LineError> {
        self.call("changes", |replica| replica.changes(after, limit))
    }

    fn entries(&self, digests: &[Digest]) -> Result<Vec<Entry>, LineError> {
        self.call("entries", |replica| replica.entries(digests))
    }

    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>, LineError> {
        self.call("compare", |replica| replica.compare(push, offers))
    }

    fn stage(&self, push: &Push, entries: &[Entry]) -> Result<(), LineError> {
        self.sent.set(self.sent.get() + entries.len());
        self.call("stage", |replica| replica.stage(push, entries))
    }

    fn publish(&self, push: &Push, needed: u64) -> Result<Publication, LineError> {
        self.call("publish", |replica| replica.publish(push, needed))
    }

    fn discard(&self, push: &Push) -> Result<(), LineError> {
        self.call("discard", |replica| replica.discard(push))
    }

    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>, LineError> {
        self.call("cursor", |replica| replica.cursor(remote))
    }

    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<(), LineError> {
        self.call("acknowledge", |replica| replica.acknowledge(receipt, cursor))
    }
}
