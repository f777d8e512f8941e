//! The query of a URL, and percent-decoding.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::invalid;
use crate::config::known::nearest;
use crate::error::Result;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text percent-encoded, so that [`decode`] gives it back.
pub(super) fn encode(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, RESERVED)
}

/// Percent-decodes one part of a URL.
///
/// # Errors
/// Where a `%` is not followed by two hexadecimal digits, or what comes out is not UTF-8 or has control characters.
pub(super) fn decode(text: &str) -> Result<String> {
    let is_escaped = text.split('%').skip(1).all(|after| {
        after.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !is_escaped {
        return Err(invalid("a `%` in the database URL is not followed by two hexadecimal digits")
            .with_hint("a `%` that stands for itself is written `%25`"));
    }
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| invalid("a part of the database URL is not UTF-8 once it is percent-decoded"))?;
    if decoded.chars().any(char::is_control) {
        return Err(invalid("a part of the database URL has a control character once it is percent-decoded"));
    }
    Ok(decoded.into_owned())
}

/// The parameters of a URL, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Splits the query off a URL.
    pub(super) fn split(text: &str) -> Result<(&str, Self)> {
        let (location, query) = text.split_once('?').unwrap_or((text, ""));
        let mut parameters = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let Some((name, value)) = parameter.split_once('=') else {
                return Err(invalid("a query parameter of the database URL has no value: `name=value` is wanted"));
            };
            parameters.push((decode(name)?, decode(value)?));
        }
        Ok((location, Self(parameters)))
    }

    /// Refuses parameters other than the `known` ones. Their values are never repeated, their names only when they
    /// are nearly known.
    pub(super) fn refuse_unknown(&self, store: &str, known: &[&str]) -> Result<()> {
        let Some((name, _)) = self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) else { return Ok(()) };
        let list = match known {
            [] => format!("a {store} URL takes no parameters"),
            _ => format!("the parameters of {store} are: {}", known.join(", ")),
        };
        match nearest(name, known.iter().copied()) {
            Some(meant) => Err(invalid(format!("charter does not know the query parameter `{name}`"))
                .with_hint(format!("did you mean `{meant}`? {list}"))),
            None => Err(invalid("the database URL has a query parameter that charter does not know").with_hint(list)),
        }
    }

    /// Every value of a parameter, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may stand once; an empty one counts as absent.
    pub(super) fn one(&self, name: &'static str) -> Result<Option<&str>> {
        let mut values = self.all(name);
        let value = values.next().filter(|value| !value.is_empty());
        match values.next() {
            Some(_) => Err(invalid(format!("the query parameter `{name}` is given twice"))),
            None => Ok(value),
        }
    }

    /// The value of a parameter that is one of a few words.
    pub(super) fn word<T: Copy>(&self, name: &'static str, words: &[(&'static str, T)]) -> Result<Option<T>> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == value) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(invalid(format!("`{name}` is one of {}", list.join(", "))))
            }
        }
    }
}
