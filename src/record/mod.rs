//! Records, and everything that can be said about one without a store.
//!
//! A [`Record`] is a [`Kind`], a [`Name`] in a [`Namespace`], a [`Version`] and a [`Body`]. Its [`Key`] is never used
//! again for other content; its [`Digest`] is its identity everywhere.
//!
//! A [`Document`] is a file as it was read, with the place of every value; a [`ContractFile`] is what a contract file
//! says is to be stored, a [`RecordList`] what a list of owners, domains, systems or data feeds does. [`check_schema`] checks a schema against its meta-schema, [`complete_schema`] merges rules into
//! one. [`Schema`], [`Contract`] and their like are records of one kind, with what is in them.
//!
//! # Canonical form
//!
//! The canonical form of a body is UTF-8 text by RFC 8785, JSON Canonicalization Scheme, with one difference:
//!
//! * no blanks between tokens;
//! * members sorted by their names, compared as sequences of UTF-16 code units;
//! * strings with `\"`, `\\`, `\b`, `\t`, `\n`, `\f`, `\r`, other control characters below U+0020 as `\u00xx` in lower
//!   case, everything else as itself;
//! * numbers exact, where RFC 8785 makes doubles of them: the decimal value without superfluous zeros, laid out as
//!   ECMAScript lays out numbers (`1`, `0.000001`, `1e-7`, `100000000000000000000`, `1e+21`), with every digit kept.
//!   Minus zero is `0`. Where a number is the shortest spelling of a double, this is what RFC 8785 gives.
//!
//! | body as given | canonical form |
//! |---|---|
//! | `{"b": 1.0, "a": [10e-1, 1E2]}` | `{"a":[1,100],"b":1}` |
//! | `{"n": 9007199254740993}` | `{"n":9007199254740993}` |
//! | `{"\u00e9": "\u001F\/", "e": -0.0}` | `{"e":0,"é":"\u001f/"}` |
//!
//! The body itself is stored as it was given, but for blanks: members in their order, numbers as they were written.
//!
//! # Digest
//!
//! The digest is the SHA-256 over six parts, each preceded by its length in bytes as an unsigned 64-bit big-endian
//! integer: the namespace (empty for the default one), the kind, the name, the version (`1.0.0`, or the integer of an
//! edition), the 32 bytes of the digest of the edition that the record replaces (empty if it replaces none), and the
//! canonical form of the body. It is printed as 64 lower-case hexadecimal digits.
//!
//! | record | digest |
//! |---|---|
//! | `schema user@1.0.0`, body `{}` | `992412faeb310de7d7f90f5d6cf58042942f44407ff7acc84784d3591902040a` |
//! | `schema user@1.0.0`, body `{"n": 9007199254740993}` | `8eb469035ae09bfb803d1b955e98abe9480957d82fc7ba7af17dfe6ecdd9ffde` |
//! | `schema user@1.0.0`, body `{"n": 9007199254740992}` | `3e3b301edc6937261c089d32b11b0745be40ddc5de8e0b70befa3df1b29a97ed` |
//! | `ownership sales/book@2`, replacing the first row, body `{"owner": "a@example.com"}` | `0d3e42edbdda0a3d6e35ac14c1ef5dba4c77a2011ba37bf4cecca24f057509c6` |

mod body;
mod complete;
mod contract;
mod document;
mod json;
mod key;
mod kind;
mod name;
mod number;
mod problem;
#[expect(clippy::module_inception, reason = "the record is what this room is named after")]
mod record;
mod rules;
mod schema;
mod typed;
mod value;
mod version;
mod yaml;

pub use body::{Body, IntoBody, MAX_BODY};
pub use charter_sync::Digest;
pub use complete::{MAX_PATH_PARTS, check_rules, complete_schema};
pub use contract::{ContractFile, ContractOptions, Draft, RecordList, Warning, stem};
pub use document::{Document, Format};
pub use json::{JsonError, JsonErrorKind, MAX_DEPTH, MAX_TEXT, read as read_json};
pub(crate) use key::sort_prefix;
pub use key::{Key, Reference, Subject};
pub use kind::{Kind, OtherKind, Versioning};
pub use name::{MAX_NAME, Name, NameError, Namespace};
pub use number::{MAX_EXPONENT, Number};
pub use problem::{MAX_PROBLEMS, Problem, Problems};
pub use record::Record;
pub use schema::{Dialect, SchemaCheck, check_schema};
pub use typed::{CoercionRules, Contract, GovernanceRule, Metadata, Ownership, Schema, ValidationRules};
pub use value::{Object, Value};
pub use version::{MAX_VERSION, SemanticVersion, Version, VersionError};
pub use yaml::{MAX_ALIASED_TEXT, MAX_ALIASED_VALUES, YamlError, YamlErrorKind, read as read_yaml};

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in the documentation of this module: whoever changes one of these has changed every registry.
    #[test]
    fn digests_are_what_they_always_were() {
        let record = |namespace: &str, kind: Kind, name: &str, version: &str, parent: Option<&Record>, body: &str| {
            let key = Key {
                namespace: Namespace::new(namespace).expect(namespace),
                version: Version::for_kind(&kind, version).expect(version),
                kind,
                name: Name::new(name).expect(name),
            };
            Record::new(key, parent.map(|parent| *parent.digest()), Body::parse(body).expect(body)).expect("a record")
        };
        let schema = |body: &str| record("", Kind::Schema, "user", "1", None, body);
        let first = schema("{}");
        let second = record("sales", Kind::Ownership, "book", "2", Some(&first), r#"{"owner": "a@example.com"}"#);
        assert_eq!(first.digest().to_string(), "992412faeb310de7d7f90f5d6cf58042942f44407ff7acc84784d3591902040a");
        assert_eq!(
            schema(r#"{"n": 9007199254740993}"#).digest().to_string(),
            "8eb469035ae09bfb803d1b955e98abe9480957d82fc7ba7af17dfe6ecdd9ffde"
        );
        assert_eq!(
            schema(r#"{"n": 9007199254740992}"#).digest().to_string(),
            "3e3b301edc6937261c089d32b11b0745be40ddc5de8e0b70befa3df1b29a97ed"
        );
        assert_eq!(second.digest().to_string(), "0d3e42edbdda0a3d6e35ac14c1ef5dba4c77a2011ba37bf4cecca24f057509c6");
        assert_eq!(schema(r#"{"b": 1.0, "a": [10e-1, 1E2]}"#).digest(), schema(r#"{"a":[1,100],"b":1}"#).digest());
    }
}
