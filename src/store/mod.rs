//! Stores: where records live.
//!
//! A [`Store`] is what programs hold. It blocks, may be shared between threads, and works the same whatever is behind it;
//! inside an asynchronous runtime, wrap its calls in `spawn_blocking`, for they stall the runtime otherwise.

mod backend;
#[cfg(feature = "duckdb")]
mod duckdb;
#[cfg(any(feature = "sqlite", feature = "duckdb"))]
mod embedded;
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

pub use crate::config::Migrate;
pub use backend::{Appended, Backend, Batch, Description, Durability, Fate, Listed, Obstacle, Page, Selector};
pub use kinds::{RecordId, SchemaId, Which};
pub use open::{Access, OpenOptions};
pub use push::{Pushed, RemoteStatus};
pub use put::PutRecord;

use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{MigrationSet, Status};
use crate::record::{Kind, Name, Namespace, Record, Reference, Subject, Version, sort_prefix};
use std::fmt;
use std::sync::Arc;

/// How many records are asked of a backend at a time.
const PAGE: usize = 1000;

/// A registry of data contracts. Cheap to clone; clones share the connections.
///
/// # Examples
/// ```
/// use charter::record::Namespace;
/// use charter::{ErrorKind, Store};
///
/// let store = Store::open("memory:")?;
/// let first = store.store_ownership("book", r#"{"owner": "a@example.com"}"#)?;
/// store.store_ownership("book", r#"{"owner": "b@example.com"}"#)?;
/// assert_eq!(store.get_ownership("book", None)?.owner(), Some("b@example.com"));
/// assert_eq!(store.get_ownership("book", Some("1"))?.digest(), first.digest());
/// assert_eq!(store.get_ownership(first, None)?.owner(), Some("a@example.com"));
///
/// // Names in another namespace are other names.
/// let sales = store.in_namespace(Namespace::new("sales")?);
/// let missing = sales.get_ownership("book", None).map(|ownership| ownership.into_record());
/// assert!(missing.is_err_and(|error| error.kind() == ErrorKind::NotFound));
/// assert_eq!(sales.list_ownership()?.len(), 0);
/// # Ok::<(), charter::Error>(())
/// ```
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
        self.backend.status(MigrationSet::charter())
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
        let all = match self.list_everything() {
            Ok(listed) => listed,
            Err(_) => return error,
        };
        let here = |listed: &&Listed| listed.key.namespace == subject.namespace && listed.key.kind == subject.kind;
        if let Some(version) = &reference.version {
            let whole = |listed: &&Listed| {
                let rest = listed.key.name.as_str().strip_prefix(subject.name.as_str());
                rest.and_then(|rest| Version::for_kind(&subject.kind, rest.strip_prefix('@')?).ok()).as_ref()
                    == Some(version)
            };
            if let Some(listed) = all.iter().filter(here).rfind(whole) {
                let (name, reference) = (&listed.key.name, listed.key.reference());
                return error.with_hint(format!("there is one whose name is {name}: with its version, {reference}"));
            }
        }
        let contract = all.iter().rfind(|listed| {
            listed.key.kind == Kind::Contract
                && listed.key.namespace == subject.namespace
                && listed.key.name == subject.name
                && reference.version.as_ref().is_none_or(|version| *version == listed.key.version)
        });
        if let Some(contract) = contract {
            let contract = contract.key.reference();
            return error
                .with_hint(format!("there is a contract {contract}; `charter show {contract}` shows its parts"));
        }
        let elsewhere = |listed: &&Listed| listed.key.kind == subject.kind && listed.key.name == subject.name;
        if let Some(listed) = all.iter().find(elsewhere) {
            let other = Reference { version: None, ..listed.key.reference() };
            let namespace = if other.namespace.is_default() { "the default namespace" } else { "another namespace" };
            return error.with_hint(format!("there is one in {namespace}: {other}"));
        }
        let near = nearest(subject.name.as_str(), all.iter().filter(here).map(|listed| listed.key.name.as_str()));
        match near.as_slice() {
            [] if !all.iter().any(|listed| here(&listed)) => {
                error.with_hint(format!("the store has no {} in this namespace", subject.kind))
            }
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

/// The names that a person may have meant when writing another, nearest first: at most a third of the letters differ,
/// and none has fewer than three.
pub(crate) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let written = written.to_lowercase();
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let (shorter, longer) = {
                let (name, written) = (lower.chars().count(), written.chars().count());
                (name.min(written), name.max(written))
            };
            let distance = strsim::damerau_levenshtein(&lower, &written);
            (shorter >= 3 && distance * 3 <= longer).then_some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_differ_by_a_third_of_their_letters_at_most() {
        let names = ["book", "boot", "books", "*", "h", "nn", "customer"];
        assert_eq!(nearest("bok", names.into_iter()), ["book"]);
        assert_eq!(nearest("Books", names.into_iter()), ["books", "book"]);
        assert_eq!(nearest("custoemr", names.into_iter()), ["customer"]);
        for written in ["nm", "n", "b", "caf", "cust"] {
            assert!(nearest(written, names.into_iter()).is_empty(), "{written}");
        }
    }
}
