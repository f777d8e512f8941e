//! A replica in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;

use charter_sync::{
    Change, Collision, Cursor, Digest, Entry, Head, Publication, Push, PushId, Receipt, Replica, ReplicaId, Sequence,
    Standing,
};
use thiserror::Error;

/// Everything that a replica keeps. A clone is a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) epoch: u64,
    /// Positions leave gaps, as a database's may.
    pub(crate) log: BTreeMap<Sequence, Entry>,
    pub(crate) keys: BTreeMap<Vec<u8>, Digest>,
    pub(crate) staged: BTreeMap<PushId, Vec<Entry>>,
    /// For what others pushed here.
    pub(crate) given: Vec<Receipt>,
    /// For what was pushed from here.
    pub(crate) kept: Vec<Receipt>,
    pub(crate) cursors: BTreeMap<ReplicaId, Cursor>,
}

impl State {
    fn sequence(&self) -> Sequence {
        self.log.keys().next_back().copied().unwrap_or(0)
    }

    fn append(&mut self, entry: Entry) {
        self.keys.insert(entry.key.clone(), entry.digest);
        self.log.insert(self.sequence() + 1 + u64::from(entry.digest.as_bytes()[0] % 3), entry);
    }
}

pub(crate) struct Memory {
    id: ReplicaId,
    pub(crate) state: RefCell<State>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum MemoryError {
    #[error("no entry {0}")]
    Missing(Digest),
    #[error("the payload of entry {0} is not what its digest says")]
    Damaged(Digest),
    #[error("push {0} is not for this history of this replica")]
    Stranger(PushId),
}

pub(crate) fn entry(key: &str, payload: &str) -> Entry {
    let (key, payload) = (key.as_bytes().to_vec(), payload.as_bytes().to_vec());
    Entry { digest: Digest::of(&[&key, &payload]), key, payload }
}

impl Memory {
    pub(crate) fn new(id: &str) -> Self {
        Self { id: ReplicaId::new(id), state: RefCell::default() }
    }

    /// Writes an entry as a user of this replica; a taken key stays as it is.
    pub(crate) fn write(&self, key: &str, payload: &str) {
        let (mut state, entry) = (self.state.borrow_mut(), entry(key, payload));
        if !state.keys.contains_key(&entry.key) {
            state.append(entry);
        }
    }

    /// What readers see.
    pub(crate) fn visible(&self) -> BTreeMap<Vec<u8>, Digest> {
        self.state.borrow().keys.clone()
    }
}

impl Replica for Memory {
    type Error = MemoryError;

    fn head(&self) -> Result<Head, MemoryError> {
        let state = self.state.borrow();
        Ok(Head { id: self.id.clone(), epoch: state.epoch, sequence: state.sequence() })
    }

    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>, MemoryError> {
        let change = |(sequence, entry): (&Sequence, &Entry)| Change {
            sequence: *sequence,
            key: entry.key.clone(),
            digest: entry.digest,
            size: entry.payload.len() as u64,
        };
        Ok(self.state.borrow().log.range(after + 1..).take(limit).map(change).collect())
    }

    fn entries(&self, digests: &[Digest]) -> Result<Vec<Entry>, MemoryError> {
        let state = self.state.borrow();
        let find = |digest| state.log.values().find(|entry| entry.digest == digest).cloned();
        digests.iter().map(|digest| find(*digest).ok_or(MemoryError::Missing(*digest))).collect()
    }

    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>, MemoryError> {
        let state = self.state.borrow();
        let staged =
            |digest| state.staged.get(&push.id).is_some_and(|staged| staged.iter().any(|s| s.digest == digest));
        let standing = |(key, digest): &(Vec<u8>, Digest)| match state.keys.get(key) {
            Some(stored) if stored == digest => Standing::Present,
            Some(stored) => Standing::Taken(*stored),
            None if staged(*digest) => Standing::Staged,
            None => Standing::Absent,
        };
        Ok(offers.iter().map(standing).collect())
    }

    fn stage(&self, push: &Push, entries: &[Entry]) -> Result<(), MemoryError> {
        if let Some(wrong) = entries.iter().find(|entry| Digest::of(&[&entry.key, &entry.payload]) != entry.digest) {
            return Err(MemoryError::Damaged(wrong.digest));
        }
        let mut state = self.state.borrow_mut();
        let staged = state.staged.entry(push.id).or_default();
        for entry in entries {
            if !staged.contains(entry) {
                staged.push(entry.clone());
            }
        }
        Ok(())
    }

    fn publish(&self, push: &Push, needed: u64) -> Result<Publication, MemoryError> {
        let mut state = self.state.borrow_mut();
        if let Some(receipt) = state.given.iter().find(|receipt| receipt.push == push.id).cloned() {
            state.staged.remove(&push.id);
            return Ok(Publication::Published(receipt));
        }
        if push.remote != self.id || push.epoch != state.epoch {
            return Err(MemoryError::Stranger(push.id));
        }
        let staged = state.staged.get(&push.id).cloned().unwrap_or_default();
        if (staged.len() as u64) < needed {
            return Ok(Publication::Incomplete { staged: staged.len() as u64 });
        }
        let collision = |entry: &Entry| {
            let stored = *state.keys.get(&entry.key)?;
            (stored != entry.digest).then(|| Collision { key: entry.key.clone(), stored, offered: entry.digest })
        };
        let collisions: Vec<_> = staged.iter().filter_map(collision).collect();
        if !collisions.is_empty() {
            return Ok(Publication::Refused(collisions));
        }
        let new: Vec<_> = staged.into_iter().filter(|entry| !state.keys.contains_key(&entry.key)).collect();
        let (count, before) = (new.len() as u64, state.sequence());
        new.into_iter().for_each(|entry| state.append(entry));
        state.staged.remove(&push.id);
        let (previous, clock) = (state.given.last().map(|receipt| receipt.hash), state.given.len() as i64);
        let receipt = Receipt::new(push, count, before, state.sequence(), clock, previous);
        state.given.push(receipt.clone());
        Ok(Publication::Published(receipt))
    }

    fn discard(&self, push: &Push) -> Result<(), MemoryError> {
        self.state.borrow_mut().staged.remove(&push.id);
        Ok(())
    }

    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>, MemoryError> {
        Ok(self.state.borrow().cursors.get(remote).cloned())
    }

    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<(), MemoryError> {
        let mut state = self.state.borrow_mut();
        if let Some(receipt) = receipt
            && !state.kept.contains(receipt)
        {
            state.kept.push(receipt.clone());
        }
        state.cursors.insert(cursor.remote.clone(), cursor.clone());
        Ok(())
    }
}
