//! The narrow waist: what a storage engine must do, and nothing of what it means.

use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{MigrationSet, Status};
use crate::record::{Digest, Key, Record, Subject};
use charter_sync::{Change, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};

/// One storage engine behind the [`Store`](super::Store): blocking, object-safe, batched.
///
/// All meaning (what may replace what, what a conflict is to people, which references must exist) is above it. What is
/// here must hold on every engine alike, and one conformance suite says so:
///
/// * what a method acknowledged survives the death of the process, and of the machine if the engine promises that;
/// * a record never changes once it is stored;
/// * lists are in the byte order of sort keys;
/// * the change log is in order of commit: a reader that has seen a sequence never finds a smaller one later.
pub trait Backend: Send + Sync {
    /// What it is and where, for people; no secrets.
    fn description(&self) -> Description;

    /// Which migrations of a set the database has; `None` for an engine that has no migrations. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) when the database is not for this program.
    fn status(&self, set: &MigrationSet) -> Result<Option<Status>>;

    /// Lets go of what was known of the tables: somebody has migrated them.
    fn forget(&self) {}

    /// Reads many records, each as it was selected, in the order of the selectors.
    fn read(&self, selectors: &[Selector]) -> Result<Vec<Option<Record>>>;

    /// Lists records without their bodies, ascending by sort key.
    fn list(&self, page: &Page) -> Result<Vec<Listed>>;

    /// Appends records to the store and the change log: all of them or, when anything stands in the way, none.
    ///
    /// A record that is there already with the same digest is [`Fate::Unchanged`]. What stands in the way is a key that
    /// is taken by other content, and a required record that does not exist.
    fn append(&self, batch: &Batch) -> Result<Appended>;

    /// Who this store is and how far its change log has come.
    fn head(&self) -> Result<Head>;

    /// At most `limit` changes after a sequence, ascending.
    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>>;

    /// How each offered key and digest stands with this store and with what a push has staged.
    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>>;

    /// Keeps records of a push where no reading method shows them. Repeating is harmless.
    fn stage(&self, push: &Push, records: &[Record]) -> Result<()>;

    /// Makes what a push has staged visible in one transaction; see [`charter_sync::Replica::publish`].
    fn publish(&self, push: &Push, needed: u64) -> Result<Publication>;

    /// Drops what a push has staged.
    fn discard(&self, push: &Push) -> Result<()>;

    /// How far a remote has this store's change log.
    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>>;

    /// Keeps a receipt and moves the cursor, in one transaction.
    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<()>;

    /// The newest receipts, newest first: what this store published, and what it pushed.
    fn receipts(&self, limit: usize) -> Result<Vec<Receipt>>;
}

/// What a store is and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The engine: `sqlite`, `postgres`, `redb`.
    pub engine: &'static str,
    /// The engine's version, where it is known without asking a server.
    pub engine_version: Option<String>,
    /// Where it is, as a URL with the password masked.
    pub location: String,
    /// What an acknowledged write survives.
    pub durability: Durability,
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process and the loss of power.
    Full,
    /// The end of the process; the loss of power may take the last writes.
    Process,
    /// Nothing: it lives in memory.
    None,
    /// What the server is set to.
    Server,
}

impl Durability {
    /// The durability as one word, as `--json` prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Process => "process",
            Self::None => "none",
            Self::Server => "server",
        }
    }
}

/// Which record is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// The one with this key.
    Key(Key),
    /// The one with this digest.
    Digest(Digest),
    /// The one of a subject with the highest version.
    Latest {
        /// Which.
        subject: Subject,
        /// Whether a pre-release may be it.
        pre_releases: bool,
    },
}

/// Which part of the list of records is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Only sort keys that start with these bytes.
    pub prefix: Vec<u8>,
    /// Only sort keys after this one.
    pub after: Option<Vec<u8>>,
    /// At most so many.
    pub limit: usize,
}

/// A record without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it is found by.
    pub key: Key,
    /// Its identity.
    pub digest: Digest,
    /// The digest of the edition that it replaces.
    pub parent: Option<Digest>,
    /// The length of its body in bytes.
    pub size: u64,
    /// When this store got it: RFC 3339, UTC, to the second.
    pub stored_at: String,
}

/// Records to append together, and what must exist for it.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// What to append, in the order in which the change log will have it; no key twice.
    pub records: Vec<Record>,
    /// What must be in the store already.
    pub required: Vec<Selector>,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// All of it is in the store; the fate of each record, in order.
    Done(Vec<Fate>),
    /// Nothing was changed; everything that stands in the way.
    Refused(Vec<Obstacle>),
}

/// What became of a record of a batch that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is new.
    Stored,
    /// It was there already.
    Unchanged,
}

/// What stands in the way of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The key has other content.
    Taken {
        /// The key.
        key: Key,
        /// The digest of what is there.
        stored: Digest,
        /// The digest of what was offered.
        offered: Digest,
    },
    /// Something that is required does not exist.
    Missing(Selector),
}

impl Page {
    /// The smallest sort key that may be on the page: one bound for engines to begin at, however far the list has come.
    pub(super) fn start(&self) -> Vec<u8> {
        match &self.after {
            Some(after) if *after >= self.prefix => [after.as_slice(), &[0]].concat(),
            _ => self.prefix.clone(),
        }
    }
}

/// The smallest bytes that are greater than everything that starts with a prefix; `None` if there are none.
pub(super) fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// The length of what a record adds to a push beside its key: the digest of its parent, if it has one, and its body,
/// each with a byte or eight before it; see [`super::replica`].
pub(super) fn payload_size(body: u64, has_parent: bool) -> u64 {
    1 + if has_parent { 32 } else { 0 } + body
}

/// Checks that a push is meant for this store and its present epoch.
pub(super) fn check_addressee(push: &Push, head: &Head) -> Result<()> {
    if (&push.remote, push.epoch) == (&head.id, head.epoch) {
        return Ok(());
    }
    let message = format!(
        "this push is for the registry {} at epoch {}, but this is {} at epoch {}",
        push.remote, push.epoch, head.id, head.epoch
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint("push again"))
}
