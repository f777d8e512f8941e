//! Names and namespaces.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// How many bytes of UTF-8 a name or a namespace may have: every engine must be able to index it.
pub const MAX_NAME: usize = 512;

/// Why a text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing is no name.
    #[error("it is empty")]
    Empty,
    /// More than [`MAX_NAME`] bytes.
    #[error("it has {0} bytes, more than {MAX_NAME}")]
    TooLong(usize),
    /// A control character.
    #[error("it has the control character U+{:04X}", *.0 as u32)]
    Control(char),
    /// `/` parts a namespace from a name, `#` parts a name from what is inside.
    #[error("it has a `{0}`, which stands between the parts of a key")]
    Separator(char),
    /// White space at the start or the end.
    #[error("it has white space at its start or end")]
    Blank,
}

fn normalized(text: &str) -> std::result::Result<String, NameError> {
    let text: String = match text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        true => text.to_owned(),
        false => text.nfc().collect(),
    };
    if text.len() > MAX_NAME {
        return Err(NameError::TooLong(text.len()));
    }
    for character in text.chars() {
        match character {
            '/' | '#' => return Err(NameError::Separator(character)),
            control if control.is_control() => return Err(NameError::Control(control)),
            _ => {}
        }
    }
    if text.trim() != text {
        return Err(NameError::Blank);
    }
    Ok(text)
}

/// The name of a record: Unicode in normalisation form C, not empty, at most [`MAX_NAME`] bytes, without control
/// characters, `/`, `#`, or white space at its ends. `@` is allowed: owners are e-mail addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Takes a name, in normalisation form C.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with a [`NameError`] as its source.
    pub fn new(text: &str) -> Result<Self> {
        match normalized(text) {
            Ok(name) if name.is_empty() => Err(NameError::Empty),
            Ok(name) => Ok(Self(name)),
            Err(error) => Err(error),
        }
        .map_err(|error| refused("name", text, error))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A team's own room for names, by the rules of [`Name`]; the default one is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Namespace(String);

impl Namespace {
    /// Takes a namespace; the empty text is the default one.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with a [`NameError`] as its source.
    pub fn new(text: &str) -> Result<Self> {
        normalized(text).map(Self).map_err(|error| refused("namespace", text, error))
    }

    /// The namespace as text; empty for the default one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the default namespace.
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn refused(what: &str, text: &str, error: NameError) -> Error {
    let shown: String = text.chars().take(80).collect();
    Error::new(ErrorKind::Invalid, format!("{shown:?} cannot be a {what}: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_composed_and_bounded() {
        assert_eq!(Name::new("cafe\u{301}").map(|name| name.to_string()).ok().as_deref(), Some("café"));
        assert!(Name::new("owner@example.com").is_ok());
        assert!(Name::new("two words").is_ok());
        assert!(Name::new(&"n".repeat(MAX_NAME)).is_ok());
        let long = "n".repeat(MAX_NAME + 1);
        for refused in ["", " a", "a ", "a\u{a0}", "a/b", "a#b", "a\nb", "a\u{7f}", long.as_str()] {
            assert_eq!(Name::new(refused).map_err(|error| error.kind()), Err(ErrorKind::Invalid), "{refused:?}");
        }
        assert!(Namespace::new("").is_ok_and(|namespace| namespace.is_default()));
    }
}
