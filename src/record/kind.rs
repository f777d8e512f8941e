//! The kinds of records.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// How records of a kind are versioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Versioning {
    /// Authors publish them under semantic versions.
    Semantic,
    /// They are edited in place elsewhere: the store gives each change the next integer edition.
    Edition,
}

macro_rules! kinds {
    ($($(#[$documentation:meta])* $variant:ident $text:literal $versioning:ident,)*) => {
        /// What a record is.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$documentation])* $variant,)*
            /// A kind that this program does not know. It is kept and passed on as it is.
            Other(OtherKind),
        }

        impl Kind {
            /// Every kind that this program knows.
            pub const KNOWN: &[Kind] = &[$(Kind::$variant,)*];

            /// The kind as it is stored and printed.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(other) => &other.0,
                }
            }

            /// How records of this kind are versioned; `None` for a kind that this program does not know.
            pub fn versioning(&self) -> Option<Versioning> {
                match self {
                    $(Self::$variant => Some(Versioning::$versioning),)*
                    Self::Other(_) => None,
                }
            }
        }

        impl FromStr for Kind {
            type Err = Error;
            /// # Errors
            /// [`ErrorKind::Invalid`] unless the text is lower-case letters, digits and `_`, a letter first, at most 64.
            fn from_str(text: &str) -> Result<Self> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => OtherKind::new(text).map(Self::Other),
                }
            }
        }
    };
}

kinds! {
    /// A JSON Schema.
    Schema "schema" Semantic,
    /// How values are converted before they are validated.
    CoercionRules "coercion_rules" Semantic,
    /// Checks beyond JSON Schema.
    ValidationRules "validation_rules" Semantic,
    /// What is to be known about the data.
    Metadata "metadata" Semantic,
    /// One rule of governance.
    GovernanceRule "governance_rule" Edition,
    /// Who owns something.
    Ownership "ownership" Edition,
    /// A person or a team that can own something.
    Owner "owner" Edition,
    /// A business domain.
    Domain "domain" Edition,
    /// A system that produces or consumes data.
    System "system" Edition,
    /// A feed of data between systems.
    DataFeed "data_feed" Edition,
    /// The hub: which schema, rules, metadata and ownership belong together.
    Contract "contract" Semantic,
    /// The life-cycle status of another record.
    Status "status" Edition,
    /// The deletion of another record.
    Tombstone "tombstone" Edition,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text of a kind that this program does not know; made by parsing a [`Kind`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OtherKind(String);

impl OtherKind {
    fn new(text: &str) -> Result<Self> {
        let good = text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if good {
            Ok(Self(text.to_owned()))
        } else {
            let message =
                format!("{text:?} cannot be a kind: it must be lower-case letters, digits and `_`, a letter first");
            Err(Error::new(ErrorKind::Invalid, message))
        }
    }
}
