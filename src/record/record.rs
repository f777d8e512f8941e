//! Records: the one thing that charter stores.

use super::body::Body;
use super::key::Key;
use crate::error::{Error, ErrorKind, Result};
use charter_sync::Digest;

/// A kind, a name, a version and a JSON body. Immutable: a change is a new record.
#[derive(Debug, Clone)]
pub struct Record {
    key: Key,
    parent: Option<Digest>,
    body: Body,
    digest: Digest,
}

impl Record {
    /// A record of a body under a key. `parent` is the digest of the edition that it replaces, if it replaces one.
    ///
    /// # Errors
    /// As [`Body::value`].
    pub fn new(key: Key, parent: Option<Digest>, body: Body) -> Result<Self> {
        let digest = digest(&key, parent.as_ref(), &body.canonical()?);
        Ok(Self { key, parent, body, digest })
    }

    /// Takes a record as a store kept it, with the digest that it had when it was stored.
    pub(crate) fn from_stored(key: Key, parent: Option<Digest>, body: Body, digest: Digest) -> Self {
        Self { key, parent, body, digest }
    }

    /// What the record is found by.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The digest of the edition that this one replaces.
    pub fn parent(&self) -> Option<&Digest> {
        self.parent.as_ref()
    }

    /// The JSON of the record.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The identity of the record, the same in every store.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Computes the digest anew.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if it is not the one that the record came with.
    pub fn verify(&self) -> Result<()> {
        let computed = digest(&self.key, self.parent.as_ref(), &self.body.canonical()?);
        if computed == self.digest {
            return Ok(());
        }
        let message = format!("{} has the digest {} but its content has {computed}", self.key, self.digest);
        Err(Error::new(ErrorKind::Corrupt, message))
    }
}

/// The digest of a record; see the [module `record`](crate::record#digest).
fn digest(key: &Key, parent: Option<&Digest>, canonical_body: &str) -> Digest {
    Digest::of(&[
        key.namespace.as_str().as_bytes(),
        key.kind.as_str().as_bytes(),
        key.name.as_str().as_bytes(),
        key.version.to_string().as_bytes(),
        parent.map_or(&[], |parent| parent.as_bytes()),
        canonical_body.as_bytes(),
    ])
}
