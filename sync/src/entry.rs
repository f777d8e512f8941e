//! What replicas hold and say about themselves: digests, entries, changes, heads, cursors.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// A SHA-256 digest: the identity of an entry, of a push and of a receipt.
///
/// It is written as 64 lower-case hexadecimal digits, and ordered as its bytes are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// A digest that was computed elsewhere, from its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 over the parts, each preceded by its length in bytes as an unsigned 64-bit big-endian number.
    ///
    /// The lengths keep `["ab", "c"]` and `["a", "bc"]` apart.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut digester = Digester::default();
        for part in parts {
            digester.part(part);
        }
        digester.finish()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    /// Reads what `Display` writes, and nothing else: upper-case digits are refused, so that one digest has one text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(ParseDigestError);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return Err(ParseDigestError),
                };
                *byte = *byte << 4 | value;
            }
        }
        Ok(Self(bytes))
    }
}

/// The text is not a [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a digest is 64 lower-case hexadecimal digits")]
pub struct ParseDigestError;

/// [`Digest::of`] for parts that come one after another.
#[derive(Clone, Default)]
pub(crate) struct Digester(Sha256);

impl Digester {
    pub(crate) fn part(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// A replica's own random identity, the text of a UUID: made with the replica, and never changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(String);

impl ReplicaId {
    /// The identity with this text; identities are equal when their texts are.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A position in a replica's change log. The first change has at least 1; 0 is the position before every change.
pub type Sequence = u64;

/// How far a replica is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Head {
    /// Which replica it is.
    pub id: ReplicaId,
    /// Which history: a replica takes another number whenever its log may have lost its end, as a restored backup has.
    pub epoch: u64,
    /// The sequence of the last change; 0 when there is none.
    pub sequence: Sequence,
}

/// One line of a change log: an entry that became visible, without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    /// Its position in the log of the replica that was asked.
    pub sequence: Sequence,
    /// The entry's key.
    pub key: Vec<u8>,
    /// The entry's digest.
    pub digest: Digest,
    /// The length of the entry's payload in bytes: what batches are measured by.
    pub size: u64,
}

/// One replicated thing, opaque here: its replicas know what the bytes mean and how the digest is made of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Unique in a replica, and never used again for another digest.
    pub key: Vec<u8>,
    /// The identity of the whole entry, the same on every replica.
    pub digest: Digest,
    /// The content.
    pub payload: Vec<u8>,
}

/// How an offered key and digest stand with a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The key is free, and nothing is staged for it by this push.
    Absent,
    /// The key is free, and this push has staged the offered digest already.
    Staged,
    /// The entry is visible: the key with the same digest.
    Present,
    /// The key is visible with this other digest.
    Taken(Digest),
}

/// A key that two replicas use for different entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Collision {
    /// The key.
    pub key: Vec<u8>,
    /// What the remote has under it.
    pub stored: Digest,
    /// What the push brought.
    pub offered: Digest,
}

/// How far one remote has a replica's change log; the replica whose log it is keeps it, one for each remote.
///
/// It states that the remote, when it was in `epoch` and at `remote_sequence`, held every change of the local log up to and
/// with `local_sequence`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The remote.
    pub remote: ReplicaId,
    /// The remote's epoch.
    pub epoch: u64,
    /// The position in the local log.
    pub local_sequence: Sequence,
    /// The position in the remote's log.
    pub remote_sequence: Sequence,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digest_has_its_specified_value() {
        // printf '\0\0\0\0\0\0\0\002ab\0\0\0\0\0\0\0\001c' | sha256sum
        assert_eq!(
            Digest::of(&[b"ab", b"c"]).to_string(),
            "601d5476e2ccfe2c87a2bba7a322659734a05749d5b5aa781f513e4912db0d5f"
        );
        assert_ne!(Digest::of(&[b"ab", b"c"]), Digest::of(&[b"a", b"bc"]));
        assert_ne!(Digest::of(&[]), Digest::of(&[b""]));
    }

    #[test]
    fn only_the_one_text_of_a_digest_is_read() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<Digest>().map(|digest| digest.to_string()), Ok(text.clone()));
        for wrong in
            [text.to_uppercase(), text[1..].to_owned(), format!("{text}0"), text.replace('a', "é"), String::new()]
        {
            assert_eq!(wrong.parse::<Digest>(), Err(ParseDigestError), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn digest_text_round_trips_and_keeps_the_order(one: [u8; 32], other: [u8; 32]) {
            let (one, other) = (Digest::from_bytes(one), Digest::from_bytes(other));
            prop_assert_eq!(one.to_string().parse::<Digest>(), Ok(one));
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }
    }
}
