//! Stores: where records live.
//!
//! A [`Store`] is what programs hold. It blocks, may be shared between threads, and works the same whatever is behind it;
//! inside an asynchronous runtime, wrap its calls in `spawn_blocking`, for they stall the runtime otherwise.

mod backend;
#[cfg(feature = "postgres")]
mod bridge;
mod kinds;
#[cfg(feature = "redb")]
mod memory;
mod open;
#[cfg(feature = "postgres")]
mod postgres;
mod push;
mod put;
mod replica;
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use backend::{Appended, Backend, Batch, Description, Durability, Fate, Listed, Obstacle, Page, Selector};
pub use kinds::{RecordId, SchemaId, Which};
pub use open::{Access, OpenOptions};
pub use push::{Pushed, RemoteStatus};
pub use put::PutRecord;

use crate::error::{Error, ErrorKind, Result};
use crate::migrate::Status;
use crate::record::{Kind, Name, Namespace, Record, Reference, Subject, sort_prefix};
use std::fmt;
use std::sync::Arc;

/// How many records are asked of a backend at a time.
const PAGE: usize = 1000;

/// A registry of data contracts. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    namespace: Namespace,
}

impl Store {
    /// A store over any backend.
    pub fn over(backend: Arc<dyn Backend>) -> Self {
        Self { backend, namespace: Namespace::default() }
    }

    /// The same store, with another namespace for the names that have none.
    #[must_use]
    pub fn in_namespace(&self, namespace: Namespace) -> Self {
        Self { backend: self.backend.clone(), namespace }
    }

    /// The namespace for the names that have none.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What the store is and where; no secrets.
    pub fn description(&self) -> Description {
        self.backend.description()
    }

    /// Which migrations the database has; `None` for a store without migrations.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when the database is not for this program.
    pub fn status(&self) -> Result<Option<Status>> {
        self.backend.status()
    }

    /// The backend, for programs that do what the store has no word for.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// The record that a reference names: the version that it says, else the latest release.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the versions that exist or the names that are near.
    pub fn get(&self, kind: &Kind, reference: &Reference) -> Result<Record> {
        match self.find(kind, reference)? {
            Some(record) => Ok(record),
            None => Err(self.not_found(&reference.subject(kind.clone()), reference)),
        }
    }

    /// [`Store::get`] for what may be absent.
    fn find(&self, kind: &Kind, reference: &Reference) -> Result<Option<Record>> {
        let subject = reference.subject(kind.clone());
        self.read_one(match &reference.version {
            Some(version) => Selector::Key(subject.at(version.clone())),
            None => Selector::Latest { subject, pre_releases: false },
        })
    }

    /// The latest version of a subject; a pre-release only when asked for.
    ///
    /// # Errors
    /// What the engine says.
    pub fn latest(&self, subject: &Subject, pre_releases: bool) -> Result<Option<Record>> {
        self.read_one(Selector::Latest { subject: subject.clone(), pre_releases })
    }

    /// Every record of a namespace, without bodies, ordered by kind, name and version; only one kind's if one is given,
    /// only one name's if that is given too.
    ///
    /// # Errors
    /// What the engine says.
    pub fn list(&self, namespace: &Namespace, kind: Option<&Kind>, name: Option<&Name>) -> Result<Vec<Listed>> {
        self.list_prefix(sort_prefix(namespace, kind, name))
    }

    /// Every record of every namespace, without bodies.
    ///
    /// # Errors
    /// What the engine says.
    pub fn list_everything(&self) -> Result<Vec<Listed>> {
        self.list_prefix(Vec::new())
    }

    fn list_prefix(&self, prefix: Vec<u8>) -> Result<Vec<Listed>> {
        let mut listed: Vec<Listed> = Vec::new();
        let mut page = Page { prefix, after: None, limit: PAGE };
        loop {
            let more = self.backend.list(&page)?;
            let is_last = more.len() < page.limit;
            listed.extend(more);
            if is_last {
                return Ok(listed);
            }
            page.after = listed.last().map(|last| last.key.sort_key());
        }
    }

    fn read_one(&self, selector: Selector) -> Result<Option<Record>> {
        Ok(self.backend.read(&[selector])?.into_iter().next().flatten())
    }

    /// Why a reference leads nowhere, and where it could lead.
    fn not_found(&self, subject: &Subject, reference: &Reference) -> Error {
        let error = Error::new(ErrorKind::NotFound, format!("there is no {} {reference}", subject.kind));
        let versions = match self.list(&subject.namespace, Some(&subject.kind), Some(&subject.name)) {
            Ok(listed) => listed,
            Err(_) => return error,
        };
        if !versions.is_empty() {
            let versions: Vec<String> = versions.iter().rev().take(10).map(|v| v.key.version.to_string()).collect();
            let why = if reference.version.is_none() { " (only pre-releases; ask for one)" } else { "" };
            return error.with_hint(format!("these versions of it exist{why}: {}", versions.join(", ")));
        }
        let names = match self.list(&subject.namespace, Some(&subject.kind), None) {
            Ok(listed) => listed,
            Err(_) => return error,
        };
        let near =
            names.iter().map(|listed| listed.key.name.as_str()).filter(|name| is_near(name, subject.name.as_str()));
        let mut near: Vec<&str> = near.collect();
        near.dedup();
        match near.as_slice() {
            [] if names.is_empty() => error.with_hint(format!("the store has no {} in this namespace", subject.kind)),
            [] => error.with_hint("`charter list` shows what there is"),
            near => error.with_hint(format!("did you mean {}?", near[..near.len().min(3)].join(", "))),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("location", &self.description().location).finish_non_exhaustive()
    }
}

/// Whether a person may have meant one name when writing the other.
fn is_near(name: &str, written: &str) -> bool {
    let (name, written) = (name.to_lowercase(), written.to_lowercase());
    name.contains(&written) || written.contains(&name) || strsim::damerau_levenshtein(&name, &written) <= 2
}
