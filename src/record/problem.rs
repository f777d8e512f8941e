//! What is wrong with a document, all of it, each with its place.

use super::document::Document;
use crate::error::{Error, ErrorKind, Location};
use std::fmt;

/// How many problems of one document are told.
pub const MAX_PROBLEMS: usize = 10;

/// One thing that is wrong with a document, or worth a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as the unescaped tokens of a JSON pointer (RFC 6901).
    pub pointer: Vec<String>,
    /// The same place in a file, when the document came from one.
    pub location: Option<Location>,
    /// What is wrong, what was found, what is allowed.
    pub message: String,
    /// What to do about it, when there is something to do.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(pointer: &[impl AsRef<str>], message: impl Into<String>) -> Self {
        let pointer = pointer.iter().map(|token| token.as_ref().to_owned()).collect();
        Self { pointer, ..Self::of_whole(message) }
    }

    /// A problem of the document as a whole.
    pub(super) fn of_whole(message: impl Into<String>) -> Self {
        Self { pointer: Vec::new(), location: None, message: message.into(), hint: None }
    }

    /// The same problem with what to do about it.
    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same problem of a document that has the present one at `prefix`.
    pub(super) fn under(mut self, prefix: &[String]) -> Self {
        self.pointer.splice(0..0, prefix.iter().cloned());
        self
    }

    /// The same problem with its place in the text of the document.
    pub(super) fn located(mut self, document: &Document) -> Self {
        // A value that is missing has no place; the value that lacks it has.
        let position = (0..=self.pointer.len()).rev().find_map(|length| document.position(&self.pointer[..length]));
        let file = document.file().map(std::path::Path::to_owned);
        self.location = file.map(|file| Location { file, position });
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        f.write_str(&in_place(self))
    }
}

/// The message with the pointer before it.
fn in_place(problem: &Problem) -> String {
    let pointer = pointer(&problem.pointer);
    if pointer.is_empty() { problem.message.clone() } else { format!("{pointer}: {}", problem.message) }
}

/// Everything that is wrong with a document: the source of the error that refuses it. Printed one to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The first [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Fails if there is a problem: the error is about the first one, and has all of them as its source.
pub(super) fn fail_on(mut problems: Vec<Problem>, document: Option<&Document>) -> crate::Result<()> {
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    if let Some(document) = document {
        problems = problems.into_iter().map(|problem| problem.located(document)).collect();
        problems.sort_by_key(|problem| problem.location.as_ref().and_then(|location| location.position));
    }
    let Some(first) = problems.first() else { return Ok(()) };
    let others = problems.len() + more - 1;
    let message = match others {
        0 => in_place(first),
        1 => format!("{} (and one more problem)", in_place(first)),
        _ => format!("{} (and {others} more problems)", in_place(first)),
    };
    let mut error = Error::new(ErrorKind::Invalid, message);
    if let Some(hint) = problems.iter().find_map(|problem| problem.hint.as_ref()) {
        error = error.with_hint(hint.clone());
    }
    if let Some(Location { file, position }) = &first.location {
        error = error.at(file, *position);
    }
    Err(error.with_source(Problems { problems, more }))
}

/// A JSON pointer (RFC 6901) of its unescaped tokens.
pub(super) fn pointer(tokens: &[impl AsRef<str>]) -> String {
    tokens.iter().fold(String::new(), |mut text, token| {
        text.push('/');
        text.push_str(&token.as_ref().replace('~', "~0").replace('/', "~1"));
        text
    })
}

/// A value in a message: short, on one line.
pub(super) fn shown(value: &super::value::Value) -> String {
    let mut text = value.to_json();
    if text.chars().count() > 60 {
        text = text.chars().take(57).chain("...".chars()).collect();
    }
    text
}

/// Up to three names that a word may have been meant as, the closest first.
pub(super) fn similar(word: &str, names: &[&str]) -> Vec<String> {
    let lower = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    let mut close: Vec<(usize, &str)> = names
        .iter()
        .filter(|name| name.len().abs_diff(word.len()) <= word.len() + 4)
        .map(|name| (strsim::levenshtein(&lower, &name.to_lowercase()), *name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    close.sort_unstable();
    close.into_iter().take(3).map(|(_, name)| format!("`{name}`")).collect()
}
