//! What can go wrong, said once for every room of the library.
//!
//! An [`Error`] has a [kind](ErrorKind) that programs match on, a message that says what failed, the contexts that say
//! during what, a place in a file where there is one, a hint that says what to do, and a source. The library prints
//! nothing; a program prints an error, its [`Error::hint`] and, for a conflict, [`Error::conflicts`].

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

/// The result of nearly every function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is: what a program decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's input is not acceptable: a name, a version, a document, a URL.
    Invalid,
    /// What was asked for does not exist.
    NotFound,
    /// A key is taken by other content; see [`Error::conflicts`].
    Conflict,
    /// The configuration cannot be read or does not make sense.
    Configuration,
    /// The database has no tables of charter's; it must be initialised first.
    NotInitialized,
    /// A policy refuses the operation: the environment, the minimum program, pending migrations.
    Refused,
    /// The backend or the feature is not part of this build.
    Unsupported,
    /// A server cannot be reached, or the connection was lost. Repeating is safe.
    Unavailable,
    /// Somebody else held the database for longer than the limit. Repeating is safe.
    Busy,
    /// What was read is not what was stored: a digest or an invariant does not hold.
    Corrupt,
    /// The operating system refused to read or write a file.
    Io,
    /// The storage engine gave an error that charter has no better word for.
    Backend,
}

impl ErrorKind {
    /// The kind as one stable lower-case word, as `--json` prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Configuration => "configuration",
            Self::NotInitialized => "not_initialized",
            Self::Refused => "refused",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::Corrupt => "corrupt",
            Self::Io => "io",
            Self::Backend => "backend",
        }
    }
}

/// A place in a text: lines and columns are counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A place in a file; printed `path:line:column`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file, as the caller named it.
    pub file: PathBuf,
    /// The place in it, when it is known.
    pub position: Option<Position>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.position {
            Some(position) => write!(f, ":{position}"),
            None => Ok(()),
        }
    }
}

/// A key that is taken by other content, with both identities.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Conflict {
    /// The key as people write it, with its kind: `schema user@1.0.0`.
    pub key: String,
    /// The digest that the store already has, in hexadecimal.
    pub stored: String,
    /// The digest of what was offered, in hexadecimal.
    pub offered: String,
}

/// An error of this crate: a kind, a message, contexts, a place, a hint and a source.
///
/// `Display` gives one line: `location: outermost context: ...: message`. Secrets are masked before they reach an error.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    contexts: Vec<Cow<'static, str>>,
    location: Option<Location>,
    hint: Option<Cow<'static, str>>,
    conflicts: Vec<Conflict>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A new error of a kind, with a message that says what failed and why.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            contexts: Vec::new(),
            location: None,
            hint: None,
            conflicts: Vec::new(),
            source: None,
        }))
    }

    /// The same error, said to have happened during `context` ("reading the change log").
    #[must_use]
    pub fn context(mut self, context: impl Into<Cow<'static, str>>) -> Self {
        self.0.contexts.push(context.into());
        self
    }

    /// The same error with what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error with the place that it is about.
    #[must_use]
    pub fn at(mut self, file: impl AsRef<Path>, position: Option<Position>) -> Self {
        self.0.location = Some(Location { file: file.as_ref().to_owned(), position });
        self
    }

    /// The same error with the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error with the keys that are taken.
    #[must_use]
    pub fn with_conflicts(mut self, conflicts: Vec<Conflict>) -> Self {
        self.0.conflicts = conflicts;
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What failed, without contexts and place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, when there is something to do.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The place in a file, when the error is about one.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The keys that are taken by other content; empty unless the kind is [`ErrorKind::Conflict`].
    pub fn conflicts(&self) -> &[Conflict] {
        &self.0.conflicts
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.0.location {
            write!(f, "{location}: ")?;
        }
        for context in self.0.contexts.iter().rev() {
            write!(f, "{context}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        if let Some(hint) = &self.0.hint {
            write!(f, " (hint: {hint})")?;
        }
        let mut source = StdError::source(self);
        while let Some(cause) = source {
            write!(f, "\n  caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// Says during what a failure happened.
pub(crate) trait Context<T> {
    /// Adds a context to an error, if there is one.
    fn context(self, context: impl Into<Cow<'static, str>>) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, context: impl Into<Cow<'static, str>>) -> Result<T> {
        self.map_err(|error| error.into().context(context))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}
