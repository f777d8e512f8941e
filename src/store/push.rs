//! Pushing a store's records to another store.

use super::Store;
use super::replica::BackendReplica;
use crate::error::{Conflict, Context, Error, ErrorKind, Result};
use crate::record::Key;
use charter_sync::{Collision, Head, Limits, Outcome, Plan, Progress, PushError, Receipt};

/// How a push ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// The remote has everything already.
    UpToDate(Head),
    /// The remote has everything now, and gave this receipt.
    Published(Receipt),
}

/// How far a remote is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStatus {
    /// This store.
    pub local: Head,
    /// The remote.
    pub remote: Head,
    /// How many changes of this store's log lie after what the remote is known to have. The remote may have some of
    /// them from elsewhere.
    pub pending: u64,
}

impl Store {
    /// Moves every record that the remote lacks to it: all of them become visible there at once, or none. A push that
    /// was cut off is finished by the next one; one with nothing to do costs one round trip.
    ///
    /// # Errors
    /// * [`ErrorKind::Conflict`]: the remote has keys with other content; [`Error::conflicts`] has every one, and
    ///   nothing was changed there.
    /// * [`ErrorKind::NotInitialized`]: the remote has no tables of charter's.
    /// * [`ErrorKind::Unavailable`]: the connection was lost; pushing again is safe.
    /// * [`ErrorKind::Invalid`]: both stores are the same one, or one was copied from the other.
    ///
    /// # Examples
    /// ```
    /// use charter::{Store, store::Pushed};
    ///
    /// let (laptop, registry) = (Store::open("memory:")?, Store::open("memory:")?);
    /// laptop.store_schema("user", r#"{"type": "object"}"#, "1.0.0")?;
    /// assert!(matches!(laptop.push(&registry)?, Pushed::Published(receipt) if receipt.count == 1));
    /// assert!(matches!(laptop.push(&registry)?, Pushed::UpToDate(_)));
    /// # Ok::<(), charter::Error>(())
    /// ```
    pub fn push(&self, remote: &Store) -> Result<Pushed> {
        self.push_with(remote, Limits::default(), &mut |_| {})
    }

    /// [`Store::push`] with limits on memory and with news of its progress.
    ///
    /// # Errors
    /// As [`Store::push`].
    pub fn push_with(&self, remote: &Store, limits: Limits, progress: &mut dyn FnMut(Progress)) -> Result<Pushed> {
        let (local, there) = (BackendReplica(&*self.backend), BackendReplica(&*remote.backend));
        match charter_sync::push(&local, &there, limits, progress) {
            Ok(Outcome::UpToDate { head }) => Ok(Pushed::UpToDate(head)),
            Ok(Outcome::Pushed(receipt)) => Ok(Pushed::Published(receipt)),
            Ok(Outcome::Refused(collisions)) => Err(refusal(&collisions, remote)),
            Err(PushError::Local(error)) => Err(error.context("pushing from this store")),
            Err(PushError::Remote(error)) => Err(at_remote(error, remote).context("pushing to the remote")),
            Err(PushError::SameReplica(id)) => {
                let message = format!("both stores have the identity {id}: they are the same one, or one is a copy");
                Err(Error::new(ErrorKind::Invalid, message).with_hint(
                    "push to another database; make it with `charter db init URL` and not by copying the file",
                ))
            }
            Err(error @ PushError::StagingLost { .. }) => {
                Err(Error::new(ErrorKind::Busy, error.to_string())
                    .with_hint("push again: what is missing is sent again"))
            }
            Err(error) => Err(Error::new(ErrorKind::Corrupt, error.to_string())),
        }
    }

    /// How far a remote is behind this store, from what both say; one round trip to the remote.
    ///
    /// # Errors
    /// As [`Store::push`].
    pub fn remote_status(&self, remote: &Store) -> Result<RemoteStatus> {
        let there = remote.backend.head().map_err(|error| at_remote(error, remote)).context("asking the remote")?;
        let cursor = self.backend.cursor(&there.id)?;
        let local = self.backend.head()?;
        let plan = Plan::new(cursor.as_ref(), &local, &there);
        Ok(RemoteStatus { pending: plan.last.saturating_sub(plan.first), local, remote: there })
    }

    /// The newest receipts that this store keeps, newest first: of what it published and of what it pushed.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if one does not verify.
    pub fn receipts(&self, limit: usize) -> Result<Vec<Receipt>> {
        self.backend.receipts(limit)
    }
}

/// Names the command to run for a remote that is not there yet.
fn at_remote(error: Error, remote: &Store) -> Error {
    if error.kind() != ErrorKind::NotInitialized {
        return error;
    }
    let location = remote.description().location;
    Error::new(ErrorKind::NotInitialized, format!("{location} is no charter registry yet, and a push never makes one"))
        .with_hint(format!("its owner makes it with `charter db init {location}`"))
}

fn refusal(collisions: &[Collision], remote: &Store) -> Error {
    let name = |sort_key: &[u8]| Key::from_sort_key(sort_key).map_or_else(|| "?".to_owned(), |key| key.to_string());
    let conflicts: Vec<Conflict> = collisions
        .iter()
        .map(|collision| Conflict {
            key: name(&collision.key),
            stored: collision.stored.to_string(),
            offered: collision.offered.to_string(),
        })
        .collect();
    let keys = if conflicts.len() == 1 { "1 key".to_owned() } else { format!("{} keys", conflicts.len()) };
    let message = format!("{} has {keys} with other content; nothing was changed there", remote.description().location);
    Error::new(ErrorKind::Conflict, message)
        .with_hint(
            "records that are stored cannot be taken back yet: put what you want to publish, under versions that are \
             free there, into a new store, and push that one",
        )
        .with_conflicts(conflicts)
}
