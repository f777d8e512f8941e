//! Keys: what a record is found by.

use super::kind::Kind;
use super::name::{Name, Namespace};
use super::version::Version;
use crate::error::Result;
use std::fmt;

/// A namespace, a kind and a name: every version of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// The room of the name.
    pub namespace: Namespace,
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: Name,
}

impl Subject {
    /// The bytes with which the sort keys of all versions of this subject start.
    pub fn sort_prefix(&self) -> Vec<u8> {
        sort_prefix(&self.namespace, Some(&self.kind), Some(&self.name))
    }

    /// The key of one version.
    pub fn at(self, version: impl Into<Version>) -> Key {
        Key { namespace: self.namespace, kind: self.kind, name: self.name, version: version.into() }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, qualified(&self.namespace, &self.name))
    }
}

/// A namespace, a kind, a name and a version: never used again for other content.
///
/// Printed with its kind, `schema sales/user@1.0.0`; the default namespace is not printed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The room of the name.
    pub namespace: Namespace,
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: Name,
    /// Which version of it.
    pub version: Version,
}

impl Key {
    /// A binary form whose byte order is the order of keys in every list, whatever an engine's collation: namespace,
    /// kind and name, each followed by a zero byte (no part has one), then the version.
    pub fn sort_key(&self) -> Vec<u8> {
        let mut bytes = sort_prefix(&self.namespace, Some(&self.kind), Some(&self.name));
        self.version.append_sort_key(&mut bytes);
        bytes
    }

    /// Reads back what [`Key::sort_key`] gave; `None` for any other bytes.
    pub fn from_sort_key(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.splitn(4, |byte| *byte == 0);
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        let (namespace, kind, name) = (text()?, text()?, text()?);
        Some(Self {
            namespace: Namespace::new(namespace).ok()?,
            kind: kind.parse().ok()?,
            name: Name::new(name).ok()?,
            version: Version::from_sort_key(parts.next()?)?,
        })
        .filter(|key| key.sort_key() == bytes)
    }

    /// What all versions have in common.
    pub fn subject(&self) -> Subject {
        Subject { namespace: self.namespace.clone(), kind: self.kind.clone(), name: self.name.clone() }
    }

    /// The key without its kind: `sales/user@1.0.0`.
    pub fn reference(&self) -> Reference {
        Reference { namespace: self.namespace.clone(), name: self.name.clone(), version: Some(self.version.clone()) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}@{}", self.kind, qualified(&self.namespace, &self.name), self.version)
    }
}

/// The bytes with which the sort keys of a whole namespace, of a kind in it, or of a name start.
pub(crate) fn sort_prefix(namespace: &Namespace, kind: Option<&Kind>, name: Option<&Name>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    let parts = [Some(namespace.as_str()), kind.map(Kind::as_str), name.map(Name::as_str)];
    for part in parts.into_iter().map_while(|part| part) {
        bytes.extend(part.as_bytes());
        bytes.push(0);
    }
    bytes
}

fn qualified(namespace: &Namespace, name: &Name) -> String {
    if namespace.is_default() { name.to_string() } else { format!("{namespace}/{name}") }
}

/// How people name a record whose kind is known from elsewhere: `[NAMESPACE/]NAME[@VERSION]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The room of the name.
    pub namespace: Namespace,
    /// What it is called.
    pub name: Name,
    /// Which version; `None` is the latest.
    pub version: Option<Version>,
}

impl Reference {
    /// Reads a reference to a record of a kind. What follows the last `@` is a version only if it parses as one, so
    /// `owner@example.com` is a name. Without `/` the namespace is `namespace`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the name or the namespace cannot be one.
    pub fn parse(text: &str, kind: &Kind, namespace: &Namespace) -> Result<Self> {
        let (namespace, rest) = match text.split_once('/') {
            Some((namespace, rest)) => (Namespace::new(namespace)?, rest),
            None => (namespace.clone(), text),
        };
        if let Some((name, version)) = rest.rsplit_once('@')
            && !name.is_empty()
            && let Ok(version) = Version::for_kind(kind, version)
        {
            return Ok(Self { namespace, name: Name::new(name)?, version: Some(version) });
        }
        Ok(Self { namespace, name: Name::new(rest)?, version: None })
    }

    /// What is named, without the version.
    pub fn subject(&self, kind: Kind) -> Subject {
        Subject { namespace: self.namespace.clone(), kind, name: self.name.clone() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&qualified(&self.namespace, &self.name))?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, kind: Kind) -> (String, String, Option<String>) {
        let reference = Reference::parse(text, &kind, &Namespace::default()).expect(text);
        let version = reference.version.map(|version| version.to_string());
        (reference.namespace.to_string(), reference.name.to_string(), version)
    }

    #[test]
    fn only_what_parses_as_a_version_is_one() {
        let text = |text: &str| text.to_owned();
        assert_eq!(parsed("user@1", Kind::Schema), (text(""), text("user"), Some(text("1.0.0"))));
        assert_eq!(
            parsed("sales/user@1.0.0-rc.1", Kind::Schema),
            (text("sales"), text("user"), Some(text("1.0.0-rc.1")))
        );
        assert_eq!(parsed("a@example.com", Kind::Owner), (text(""), text("a@example.com"), None));
        assert_eq!(parsed("a@example.com@2", Kind::Owner), (text(""), text("a@example.com"), Some(text("2"))));
        assert_eq!(parsed("user@v1", Kind::Schema), (text(""), text("user@v1"), None));
        assert!(Reference::parse("a/b/c", &Kind::Schema, &Namespace::default()).is_err());
    }

    #[test]
    fn sort_keys_follow_the_order_of_their_parts() {
        let key = |namespace: &str, kind: Kind, name: &str, version: &str| Key {
            version: Version::for_kind(&kind, version).expect(version),
            namespace: Namespace::new(namespace).expect(namespace),
            kind,
            name: Name::new(name).expect(name),
        };
        let ordered = [
            key("", Kind::Contract, "a", "1"),
            key("", Kind::Schema, "a", "1.0.0-rc.1"),
            key("", Kind::Schema, "a", "1"),
            key("", Kind::Schema, "a", "10"),
            key("", Kind::Schema, "a b", "1"),
            key("", Kind::Schema, "ab", "1"),
            key("", Kind::Schema, "é", "1"),
            key("sales", Kind::Schema, "a", "1"),
        ];
        assert!(ordered.is_sorted_by_key(Key::sort_key));
        for key in ordered {
            assert_eq!(Key::from_sort_key(&key.sort_key()), Some(key));
        }
        assert_eq!(Key::from_sort_key(b"\0schema\0a\0\x02"), None);
    }
}
