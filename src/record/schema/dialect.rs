//! The dialects of JSON Schema.

use std::fmt;

/// A dialect of JSON Schema: which keywords there are, and what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// `http://json-schema.org/draft-04/schema#`
    Draft4,
    /// `http://json-schema.org/draft-06/schema#`
    Draft6,
    /// `http://json-schema.org/draft-07/schema#`
    Draft7,
    /// `https://json-schema.org/draft/2019-09/schema`
    Draft201909,
    /// `https://json-schema.org/draft/2020-12/schema`; what a schema without `$schema` is in.
    Draft202012,
    /// A dialect that charter has no meta-schema of.
    Other(String),
}

impl Dialect {
    /// The dialect that a `$schema` names: with `http` or `https`, with or without an empty fragment.
    pub fn of_uri(uri: &str) -> Self {
        let place = uri.strip_suffix('#').unwrap_or(uri);
        let place = place.strip_prefix("https://").or_else(|| place.strip_prefix("http://"));
        match place.and_then(|place| place.strip_prefix("json-schema.org/")) {
            Some("draft-04/schema") => Self::Draft4,
            Some("draft-06/schema") => Self::Draft6,
            Some("draft-07/schema") => Self::Draft7,
            Some("draft/2019-09/schema") => Self::Draft201909,
            Some("draft/2020-12/schema") => Self::Draft202012,
            _ => Self::Other(uri.to_owned()),
        }
    }

    /// Whether `$ref` makes everything beside it void, as it does up to draft-07.
    pub(in crate::record) fn reference_stands_alone(&self) -> bool {
        matches!(self, Self::Draft4 | Self::Draft6 | Self::Draft7)
    }

    /// The member that gives a schema an identity of its own.
    pub(in crate::record) fn identity(&self) -> &'static str {
        if *self == Self::Draft4 { "id" } else { "$id" }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Draft4 => "draft-04",
            Self::Draft6 => "draft-06",
            Self::Draft7 => "draft-07",
            Self::Draft201909 => "2019-09",
            Self::Draft202012 => "2020-12",
            Self::Other(uri) => uri,
        })
    }
}
