//! Versions: semantic ones, and integer editions.

use super::kind::{Kind, Versioning};
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// How many bytes a version may have.
pub const MAX_VERSION: usize = 256;

/// The version of a record. Its `Display` is its one spelling: three numbers and perhaps a pre-release, or one integer.
///
/// Ordered as "latest" means it: semantic versions by precedence (semver 2.0.0, section 11), editions by number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// What an author publishes.
    Semantic(SemanticVersion),
    /// What the store gives, from 1.
    Edition(u64),
}

impl Version {
    /// Reads a version as it is stored: `1.0.0` or `7`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if it is not a version's one spelling.
    pub fn from_stored(text: &str) -> Result<Self> {
        let refused = || Error::new(ErrorKind::Invalid, format!("{text:?} is not how a version is stored"));
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let edition = text.parse().ok().filter(|_| text == "0" || !text.starts_with('0'));
            return edition.map(Self::Edition).ok_or_else(refused);
        }
        // semver takes all three numbers, without superfluous zeros: the one spelling.
        match semver::Version::parse(text) {
            Ok(version) if version.build.is_empty() && text.len() <= MAX_VERSION => {
                Ok(Self::Semantic(SemanticVersion(version)))
            }
            _ => Err(refused()),
        }
    }

    /// Reads a version as people write it, for records of a kind: `1.2` is 1.2.0 for a schema, `7` an edition of an
    /// ownership. For a kind that this program does not know it must be as it is stored.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`], with the reason.
    pub fn for_kind(kind: &Kind, text: &str) -> Result<Self> {
        match kind.versioning() {
            Some(Versioning::Semantic) => Ok(Self::Semantic(text.parse()?)),
            Some(Versioning::Edition) => match text.parse::<u64>() {
                Ok(edition) if edition > 0 && !text.starts_with(['0', '+']) => Ok(Self::Edition(edition)),
                _ => Err(Error::new(
                    ErrorKind::Invalid,
                    format!("{text:?} is not an edition of a {kind}: that is an integer from 1"),
                )),
            },
            None => Self::from_stored(text),
        }
    }

    /// Whether this is a pre-release, which is never "latest" unless asked for.
    pub fn is_pre_release(&self) -> bool {
        matches!(self, Self::Semantic(version) if !version.0.pre.is_empty())
    }

    /// Appends a binary form whose byte order is the order of versions.
    ///
    /// `01` and the edition, or `02`, the three numbers, then `ff` for a release, else each identifier of the
    /// pre-release (`01`, length and digits of a number, or `02`, text, `00`) and `00`. Integers are big-endian.
    pub(super) fn append_sort_key(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Edition(edition) => {
                bytes.push(1);
                bytes.extend(edition.to_be_bytes());
            }
            Self::Semantic(SemanticVersion(version)) => {
                bytes.push(2);
                for number in [version.major, version.minor, version.patch] {
                    bytes.extend(number.to_be_bytes());
                }
                if version.pre.is_empty() {
                    bytes.push(0xff);
                    return;
                }
                for identifier in version.pre.split('.') {
                    if identifier.bytes().all(|byte| byte.is_ascii_digit()) {
                        bytes.push(1);
                        // A version has at most MAX_VERSION bytes, so the length fits.
                        bytes.extend((identifier.len() as u16).to_be_bytes());
                        bytes.extend(identifier.bytes());
                    } else {
                        bytes.push(2);
                        bytes.extend(identifier.bytes());
                        bytes.push(0);
                    }
                }
                bytes.push(0);
            }
        }
    }
}

impl Version {
    /// Reads back what [`Version::append_sort_key`] appended; `None` for any other bytes.
    pub(super) fn from_sort_key(bytes: &[u8]) -> Option<Self> {
        let (class, rest) = bytes.split_first()?;
        let (numbers, _) = rest.as_chunks::<8>();
        if *class == 1 {
            return Some(Self::Edition(u64::from_be_bytes(*numbers.first()?))).filter(|_| bytes.len() == 9);
        }
        let [major, minor, patch] = numbers.get(..3)?.try_into().ok()?;
        let [major, minor, patch]: [u64; 3] = [major, minor, patch].map(u64::from_be_bytes);
        let mut rest = bytes.get(25..)?;
        let mut identifiers = Vec::new();
        while let [1 | 2, _, ..] = rest {
            let identifier = if rest[0] == 1 {
                let length = usize::from(u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?]));
                let (identifier, after) = rest.get(3..)?.split_at_checked(length)?;
                rest = after;
                identifier
            } else {
                let end = rest.iter().position(|byte| *byte == 0)?;
                let identifier = rest.get(1..end)?;
                rest = &rest[end + 1..];
                identifier
            };
            identifiers.push(std::str::from_utf8(identifier).ok()?);
        }
        let mut version = semver::Version::new(major, minor, patch);
        match (*class, rest, identifiers.is_empty()) {
            (2, [0xff], true) => {}
            (2, [0], false) => version.pre = semver::Prerelease::new(&identifiers.join(".")).ok()?,
            _ => return None,
        }
        Some(Self::Semantic(SemanticVersion(version)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Semantic(version) => f.pad(&version.to_string()),
            Self::Edition(edition) => f.pad(&edition.to_string()),
        }
    }
}

impl From<SemanticVersion> for Version {
    fn from(version: SemanticVersion) -> Self {
        Self::Semantic(version)
    }
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// Nothing is no version.
    #[error("it is empty")]
    Empty,
    /// A calendar date, which by the grammar would be a pre-release of the version that is its year.
    #[error("it is a date; a version of the year {0} is written `{0}.MONTH.DAY`, the numbers without leading zeros")]
    Date(String),
    /// A leading `v`.
    #[error("a version has no leading `{0}`")]
    LeadingLetter(char),
    /// Build metadata has no order (semver 2.0.0, section 10), so two builds could not be told apart.
    #[error("build metadata (`+{0}`) has no order; put what matters into the pre-release, as in `1.0.0-{0}`")]
    BuildMetadata(String),
    /// A number with superfluous zeros.
    #[error("the number {0:?} has a leading zero")]
    LeadingZero(String),
    /// Something that is not a number where one must be.
    #[error("{0:?} is not a number")]
    NotANumber(String),
    /// A number above 2^64 - 1.
    #[error("the number {0} is too large")]
    NumberTooLarge(String),
    /// More than three numbers.
    #[error("it has {0} numbers; a version has at most three")]
    TooManyNumbers(usize),
    /// A pre-release that is not dot-separated identifiers of `[0-9A-Za-z-]` without leading zeros.
    #[error(
        "the pre-release {0:?} must be identifiers of letters, digits and `-` between dots, numbers without leading zeros"
    )]
    PreRelease(String),
    /// More than [`MAX_VERSION`] bytes.
    #[error("it has {0} bytes, more than {MAX_VERSION}")]
    TooLong(usize),
}

/// A semantic version (semver 2.0.0) without build metadata: `MAJOR[.MINOR[.PATCH]][-pre]`; what is left out is zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SemanticVersion(semver::Version);

impl SemanticVersion {
    /// A release.
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    fn parse(text: &str) -> std::result::Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        if text.len() > MAX_VERSION {
            return Err(VersionError::TooLong(text.len()));
        }
        if is_date(text) {
            return Err(VersionError::Date(text[..4].to_owned()));
        }
        if let Some((_, build)) = text.split_once('+') {
            return Err(VersionError::BuildMetadata(build.to_owned()));
        }
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (text, None),
        };
        if let Some(letter @ ('v' | 'V')) = numbers.chars().next()
            && numbers[1..].starts_with(|second: char| second.is_ascii_digit())
        {
            return Err(VersionError::LeadingLetter(letter));
        }
        let count = numbers.split('.').count();
        if count > 3 {
            return Err(VersionError::TooManyNumbers(count));
        }
        let mut parsed = [0; 3];
        for (slot, number) in parsed.iter_mut().zip(numbers.split('.')) {
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(VersionError::NotANumber(number.to_owned()));
            }
            if number.len() > 1 && number.starts_with('0') {
                return Err(VersionError::LeadingZero(number.to_owned()));
            }
            *slot = number.parse().map_err(|_| VersionError::NumberTooLarge(number.to_owned()))?;
        }
        let mut version = semver::Version::new(parsed[0], parsed[1], parsed[2]);
        if let Some(pre) = pre {
            let refused = || VersionError::PreRelease(pre.to_owned());
            version.pre = semver::Prerelease::new(pre).map_err(|_| refused())?;
            if pre.is_empty() {
                return Err(refused());
            }
        }
        Ok(Self(version))
    }
}

/// Whether a text begins as the dates of ISO 8601 do: `2021-01-01`.
fn is_date(text: &str) -> bool {
    let (date, rest) = text.as_bytes().split_at_checked(10).unwrap_or((b"", b""));
    let is_shaped = date.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    date.len() == 10 && is_shaped && !rest.first().is_some_and(u8::is_ascii_digit)
}

impl FromStr for SemanticVersion {
    type Err = Error;
    /// # Errors
    /// [`ErrorKind::Invalid`] with a [`VersionError`] as its source.
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text).map_err(|error| {
            let shown: String = text.chars().take(80).collect();
            Error::new(ErrorKind::Invalid, format!("{shown:?} is not a version: {error}"))
                .with_hint("a version is MAJOR[.MINOR[.PATCH]][-pre], for example 1.4.0 or 2.0.0-rc.1")
                .with_source(error)
        })
    }
}

impl fmt::Display for SemanticVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_left_out_is_zero() {
        for (text, expected) in [
            ("1", "1.0.0"),
            ("1.0", "1.0.0"),
            ("1.0.0", "1.0.0"),
            ("1.10", "1.10.0"),
            ("2-rc.1", "2.0.0-rc.1"),
            ("0.0.1-alpha-7.x", "0.0.1-alpha-7.x"),
            ("2021-1-1", "2021.0.0-1-1"),
            ("2021.1.1", "2021.1.1"),
            ("2021.0.0-01-01", "2021.0.0-01-01"),
        ] {
            assert_eq!(text.parse::<SemanticVersion>().expect(text).to_string(), expected);
        }
    }

    #[test]
    fn each_refusal_says_why() {
        for (text, reason) in [
            ("", "it is empty"),
            ("v1", "leading `v`"),
            ("2021-01-01", "it is a date; a version of the year 2021 is written `2021.MONTH.DAY`"),
            ("2021-01-01 10:00", "it is a date"),
            ("+1.0", "build metadata"),
            ("0x10", "is not a number"),
            ("abc", "\"abc\" is not a number"),
            ("01.0", "leading zero"),
            ("1.0.0+x", "build metadata"),
            ("1.0-", "pre-release"),
            ("1.0-a..b", "pre-release"),
            ("1.0-01", "pre-release"),
            ("1.0-ü", "pre-release"),
            ("1.2.3.4", "at most three"),
            ("1..2", "\"\" is not a number"),
            (" 1", "is not a number"),
            ("18446744073709551616", "too large"),
        ] {
            let error = text.parse::<SemanticVersion>().expect_err(text);
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn editions_belong_to_the_kinds_that_are_edited() {
        assert_eq!(Version::for_kind(&Kind::Ownership, "3").ok(), Some(Version::Edition(3)));
        assert!(Version::for_kind(&Kind::Ownership, "1.0.0").is_err());
        assert!(Version::for_kind(&Kind::Ownership, "0").is_err());
        assert_eq!(
            Version::for_kind(&Kind::Schema, "3").ok().map(|version| version.to_string()).as_deref(),
            Some("3.0.0")
        );
        for refused in ["1.0", "v1.0.0", "01", "1.0.0+x", "1.00.0", "", "+1"] {
            assert!(Version::from_stored(refused).is_err(), "{refused}");
        }
    }

    fn any_version() -> impl Strategy<Value = Version> {
        prop_oneof![
            "[0-3]\\.[0-3]\\.[0-3](-(0|[1-9][0-9]{0,2}|[a-c0-9]{0,2}[a-c-][a-c0-9-]{0,1})(\\.(0|[1-9]|a|b-|0a)){0,3})?"
                .prop_map(|text| Version::Semantic(text.parse().expect("the grammar's"))),
            any::<u64>().prop_map(Version::Edition),
        ]
    }

    proptest! {
        #[test]
        fn bytes_are_ordered_as_versions_are(left in any_version(), right in any_version()) {
            prop_assume!(matches!((&left, &right), (Version::Semantic(_), Version::Semantic(_)) | (Version::Edition(_), Version::Edition(_))));
            let (mut left_bytes, mut right_bytes) = (Vec::new(), Vec::new());
            left.append_sort_key(&mut left_bytes);
            right.append_sort_key(&mut right_bytes);
            prop_assert_eq!(left_bytes.cmp(&right_bytes), left.cmp(&right));
        }

        #[test]
        fn versions_read_back_as_they_are_stored(version in any_version()) {
            prop_assert_eq!(Version::from_stored(&version.to_string()).ok(), Some(version.clone()));
            let mut bytes = Vec::new();
            version.append_sort_key(&mut bytes);
            prop_assert_eq!(Version::from_sort_key(&bytes), Some(version));
        }

        #[test]
        fn any_bytes_are_a_version_or_none(bytes in proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), Just(0), Just(255), any::<u8>()], 0..60)) {
            if let Some(version) = Version::from_sort_key(&bytes) {
                let mut again = Vec::new();
                version.append_sort_key(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
