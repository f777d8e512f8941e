//! YAML text to values, and back.
//!
//! Scalars follow the core schema of YAML 1.2, with two differences that keep what was written: a number keeps its
//! digits (`1.10` is 1.10, not 1.1), and a plain scalar with superfluous leading zeros (`01`, `01.0`) is a string. So
//! `yes`, `no`, `on`, `off` and dates are strings. Numbers that JSON spells otherwise (`+1`, `.5`, `1.`, `0x1F`, `0o17`)
//! are spelled its way. `<<` merges as PyYAML does it: a mapping's own members win, then the earlier of several.

mod scalar;
mod write;

use super::json::{self, MAX_DEPTH, MAX_TEXT, Path};
use super::value::{Object, Value};
use crate::error::{Error, ErrorKind, Position};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};
use scalar::Tag;
use std::collections::HashMap;
pub(super) use write::write;

/// How many values anchors and aliases may add to a document.
pub const MAX_ALIASED_VALUES: usize = 1_000_000;

/// How many bytes of text anchors and aliases may add to a document.
pub const MAX_ALIASED_TEXT: usize = 64 * 1024 * 1024;

/// Why a text is not an acceptable YAML document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlErrorKind {
    /// The text is not YAML 1.2.
    #[error("{0}")]
    Syntax(String),
    /// There is no document in the text.
    #[error("there is no document here")]
    Empty,
    /// A second document begins.
    #[error("a second document begins here: one file holds one document")]
    SeveralDocuments,
    /// A mapping has two members of one name.
    #[error("the member {name:?} stands twice in one mapping, first at {first}")]
    DuplicateKey {
        /// The name.
        name: String,
        /// Where it stands first.
        first: Position,
    },
    /// The name of a member is null.
    #[error("the name of a member cannot be null; write it in quotes if it is meant as text")]
    NullKey,
    /// The name of a member is a mapping or a sequence.
    #[error("the name of a member must be a scalar, not {0}")]
    KeyNotScalar(&'static str),
    /// A not-a-number or an infinity, which JSON does not have.
    #[error("{0} is not a JSON number")]
    NotANumber(String),
    /// A number whose power of ten is beyond what is kept.
    #[error(
        "the exponent of this number is beyond 10^±{}; write it in quotes if it is meant as text",
        super::number::MAX_EXPONENT
    )]
    ExponentTooLarge,
    /// A hexadecimal or octal integer above 2^128 - 1.
    #[error("this integer has more than 128 bits; write it in decimal, or in quotes if it is meant as text")]
    IntegerTooLarge,
    /// A tag that charter does not know.
    #[error("the tag {0} is not known; known are !!str, !!int, !!float, !!bool, !!null, !!seq and !!map")]
    UnknownTag(String),
    /// A value that is not what its tag says.
    #[error("{found:?} is no {tag}")]
    TagMismatch {
        /// The tag.
        tag: &'static str,
        /// What it stands at.
        found: String,
    },
    /// `<<` with something else than a mapping or a sequence of mappings.
    #[error("`<<` merges a mapping or a sequence of mappings, not {0}")]
    MergeNotMapping(&'static str),
    /// An alias inside of what it stands for.
    #[error("this alias stands inside of what it stands for")]
    RecursiveAlias,
    /// Anchors and aliases multiply the document beyond what is allowed.
    #[error(
        "anchors and aliases blow this document up by more than {MAX_ALIASED_VALUES} values \
         or {MAX_ALIASED_TEXT} bytes of text"
    )]
    TooMuchAliased,
    /// A control character that YAML does not allow.
    #[error("the control character U+{:04X} is not allowed; write it as an escape in double quotes", *.0 as u32)]
    ControlCharacter(char),
    /// Sequences and mappings are nested too deeply.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The document has too many bytes.
    #[error("{size} bytes are more than the {limit} that are allowed")]
    TooLarge {
        /// How many there are.
        size: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// Why and where a text is not an acceptable YAML document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct YamlError {
    /// Why.
    pub kind: YamlErrorKind,
    /// Where; `None` when it is about the whole.
    pub position: Option<Position>,
}

impl From<YamlError> for Error {
    fn from(error: YamlError) -> Self {
        let message = match error.position {
            Some(position) => format!("line {}, column {}: {error}", position.line, position.column),
            None => error.to_string(),
        };
        Error::new(ErrorKind::Invalid, message).with_source(error)
    }
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        // The scanner has its own limit, above this one, and comes to it first in what it reads ahead.
        let kind = match error.info() {
            "recursion limit exceeded" => YamlErrorKind::TooDeep,
            info => YamlErrorKind::Syntax(info.to_owned()),
        };
        Self { kind, position: Some(position(error.marker())) }
    }
}

/// Reads one YAML document.
///
/// # Errors
/// [`YamlError`], each reason its own [`YamlErrorKind`].
pub fn read(text: &str) -> Result<Value, YamlError> {
    Reader::new(text)?.document(None).map(|(value, _)| value)
}

/// Finds where the value at a JSON pointer (its unescaped tokens) starts, in a text that [`read`] has accepted. What is
/// reached through an alias is where the alias is.
pub(super) fn locate<S: AsRef<str>>(text: &str, pointer: &[S]) -> Option<Position> {
    let pointer: Vec<&str> = pointer.iter().map(AsRef::as_ref).collect();
    Reader::new(text).ok()?.document(Some(&pointer)).ok()?.1.map(|found| found.position)
}

/// The text of the scalar at a JSON pointer (its unescaped tokens), as it is written in a text that [`read`] has accepted.
/// What is reached through an alias is not written there.
pub(super) fn written<S: AsRef<str>>(text: &str, pointer: &[S]) -> Option<String> {
    let pointer: Vec<&str> = pointer.iter().map(AsRef::as_ref).collect();
    Reader::new(text).ok()?.document(Some(&pointer)).ok()?.1.and_then(|found| found.text)
}

/// The value that is looked for.
struct Found {
    position: Position,
    /// The text of a scalar.
    text: Option<String>,
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// `None` while what is anchored is still being read.
    anchors: HashMap<usize, Option<Anchor>>,
    /// What has been copied for anchors and aliases so far.
    copied: Size,
    depth: usize,
    found: Option<Found>,
}

/// What an alias stands for.
struct Anchor {
    value: Value,
    size: Size,
}

#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    text: usize,
    height: usize,
}

impl Size {
    fn of(value: &Value) -> Self {
        let leaf = |text: usize| Self { values: 1, text, height: 0 };
        match value {
            Value::Null | Value::Bool(_) => leaf(0),
            Value::Number(number) => leaf(number.literal().len()),
            Value::String(text) => leaf(text.len()),
            Value::Array(elements) => {
                elements.iter().fold(Self { height: 1, ..leaf(0) }, |size, element| size.with(Self::of(element), 0))
            }
            Value::Object(object) => object
                .iter()
                .fold(Self { height: 1, ..leaf(0) }, |size, (name, value)| size.with(Self::of(value), name.len())),
        }
    }

    fn with(self, inner: Self, name: usize) -> Self {
        Self {
            values: self.values + inner.values,
            text: self.text + inner.text + name,
            height: self.height.max(inner.height + 1),
        }
    }
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, YamlError> {
        if text.len() > MAX_TEXT {
            let kind = YamlErrorKind::TooLarge { size: text.len(), limit: MAX_TEXT };
            return Err(YamlError { kind, position: None });
        }
        // The scanner takes a NUL for the end of its input.
        if let Some(at) = text.find(|character: char| character < ' ' && !matches!(character, '\t' | '\n' | '\r')) {
            let kind = YamlErrorKind::ControlCharacter(text[at..].chars().next().unwrap_or_default());
            return Err(YamlError { kind, position: Some(json::position(text, at)) });
        }
        Ok(Self {
            events: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)),
            anchors: HashMap::new(),
            copied: Size::default(),
            depth: 0,
            found: None,
        })
    }

    fn document(mut self, path: Path<'_>) -> Result<(Value, Option<Found>), YamlError> {
        let start = self.next_but(|event| matches!(event, Event::StreamStart))?;
        if matches!(start.0, Event::StreamEnd) {
            return Err(failure(YamlErrorKind::Empty, &start.1));
        }
        let (event, span) = self.next()?;
        let value = self.node(event, span, path)?;
        let (event, span) = self.next_but(|event| matches!(event, Event::DocumentEnd))?;
        if !matches!(event, Event::StreamEnd) {
            return Err(failure(YamlErrorKind::SeveralDocuments, &span));
        }
        Ok((value, self.found))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.events.next_event() {
            Some(event) => Ok(event?),
            // Only after the end of the stream, behind which nobody reads.
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn next_but(&mut self, passed: impl Fn(&Event<'a>) -> bool) -> Result<(Event<'a>, Span), YamlError> {
        loop {
            let (event, span) = self.next()?;
            if !passed(&event) {
                return Ok((event, span));
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, path: Path<'_>) -> Result<Value, YamlError> {
        if path.is_some_and(<[&str]>::is_empty) {
            let text = match &event {
                Event::Scalar(text, ..) => Some(text.to_string()),
                _ => None,
            };
            self.found = Some(Found { position: position(&span.start), text });
        }
        match event {
            Event::Alias(id) => {
                let value = self.alias(id, &span)?;
                if path.is_some_and(|path| value.at(path).is_some()) {
                    self.found = Some(Found { position: position(&span.start), text: None });
                }
                Ok(value)
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), &span),
            Event::SequenceStart(anchor, tag) => {
                let tag = Tag::parse(tag.as_deref()).map_err(|kind| failure(kind, &span))?;
                if !matches!(tag, Tag::None | Tag::Sequence) {
                    return Err(failure(tag.mismatch("a sequence"), &span));
                }
                self.nested(anchor, &span, |reader| reader.sequence(path).map(Value::Array))
            }
            Event::MappingStart(anchor, tag) => {
                let tag = Tag::parse(tag.as_deref()).map_err(|kind| failure(kind, &span))?;
                if !matches!(tag, Tag::None | Tag::Mapping) {
                    return Err(failure(tag.mismatch("a mapping"), &span));
                }
                self.nested(anchor, &span, |reader| reader.mapping(path).map(Value::Object))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Err(failure(YamlErrorKind::Syntax("a value is missing".to_owned()), &span)),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&saphyr_parser::Tag>,
        span: &Span,
    ) -> Result<Value, YamlError> {
        let value = Tag::parse(tag)
            .and_then(|tag| scalar::resolve(text, style == ScalarStyle::Plain, tag))
            .map_err(|kind| failure(kind, span))?;
        self.keep(anchor, &value, span)?;
        Ok(value)
    }

    fn nested(
        &mut self,
        anchor: usize,
        span: &Span,
        read: impl FnOnce(&mut Self) -> Result<Value, YamlError>,
    ) -> Result<Value, YamlError> {
        if self.depth == MAX_DEPTH {
            return Err(failure(YamlErrorKind::TooDeep, span));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        self.keep(anchor, &value, span)?;
        Ok(value)
    }

    /// Keeps what an anchor (0 is none) stands at, for its aliases.
    fn keep(&mut self, anchor: usize, value: &Value, span: &Span) -> Result<(), YamlError> {
        if anchor > 0 {
            let size = Size::of(value);
            self.charge(size, span)?;
            self.anchors.insert(anchor, Some(Anchor { value: value.clone(), size }));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: &Span) -> Result<Value, YamlError> {
        let Some(Some(Anchor { size, .. })) = self.anchors.get(&id) else {
            return Err(failure(YamlErrorKind::RecursiveAlias, span));
        };
        let size = *size;
        self.charge(size, span)?;
        if self.depth + size.height > MAX_DEPTH {
            return Err(failure(YamlErrorKind::TooDeep, span));
        }
        Ok(self.anchors.get(&id).and_then(Option::as_ref).map_or(Value::Null, |anchor| anchor.value.clone()))
    }

    /// Refuses a copy before it is made.
    fn charge(&mut self, size: Size, span: &Span) -> Result<(), YamlError> {
        self.copied.values = self.copied.values.saturating_add(size.values);
        self.copied.text = self.copied.text.saturating_add(size.text);
        if self.copied.values > MAX_ALIASED_VALUES || self.copied.text > MAX_ALIASED_TEXT {
            return Err(failure(YamlErrorKind::TooMuchAliased, span));
        }
        Ok(())
    }

    fn sequence(&mut self, path: Path<'_>) -> Result<Vec<Value>, YamlError> {
        let mut elements = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(elements);
            }
            let path = path.and_then(|_| json::descend(path, &elements.len().to_string()));
            elements.push(self.node(event, span, path)?);
        }
    }

    fn mapping(&mut self, path: Path<'_>) -> Result<Object, YamlError> {
        let mut own = Object::new();
        let mut places: HashMap<String, Position> = HashMap::new();
        let mut merged: Option<(Object, Position)> = None;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let place = position(&span.start);
            let merges = is_merge(&event);
            let name = if merges { "<<".to_owned() } else { self.key(event, &span)? };
            if let Some(first) = places.insert(name.clone(), place) {
                return Err(failure(YamlErrorKind::DuplicateKey { name, first }, &span));
            }
            let (event, span) = self.next()?;
            if merges {
                let value = self.node(event, span, None)?;
                merged = Some((merge(value).map_err(|kind| failure(kind, &span))?, position(&span.start)));
            } else {
                let value = self.node(event, span, json::descend(path, &name))?;
                own.insert(name, value);
            }
        }
        let Some((mut object, place)) = merged else { return Ok(own) };
        if let Some([name, rest @ ..]) = path
            && !own.contains(name)
            && object.get(name).is_some_and(|value| value.at(rest).is_some())
        {
            self.found = Some(Found { position: place, text: None });
        }
        for (name, value) in own {
            object.insert(name, value);
        }
        Ok(object)
    }

    /// The name of a member: the text of a scalar, a number or a boolean as JSON writes it.
    fn key(&mut self, event: Event<'a>, span: &Span) -> Result<String, YamlError> {
        let value = match event {
            Event::SequenceStart(..) => Err(YamlErrorKind::KeyNotScalar("a sequence")),
            Event::MappingStart(..) => Err(YamlErrorKind::KeyNotScalar("a mapping")),
            event => Ok(self.node(event, *span, None)?),
        };
        let name = value.and_then(|value| match value {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.literal().to_owned()),
            Value::Bool(value) => Ok(value.to_string()),
            Value::Null => Err(YamlErrorKind::NullKey),
            Value::Array(_) => Err(YamlErrorKind::KeyNotScalar("a sequence")),
            Value::Object(_) => Err(YamlErrorKind::KeyNotScalar("a mapping")),
        });
        name.map_err(|kind| failure(kind, span))
    }
}

fn is_merge(key: &Event<'_>) -> bool {
    match key {
        Event::Scalar(text, ScalarStyle::Plain, _, tag) if text == "<<" => {
            matches!(Tag::parse(tag.as_deref()), Ok(Tag::None | Tag::Merge))
        }
        _ => false,
    }
}

/// What `<<` adds: of several mappings that have a member, the first gives it.
fn merge(value: Value) -> Result<Object, YamlErrorKind> {
    match value {
        Value::Object(object) => Ok(object),
        Value::Array(elements) => {
            let mut merged = Object::new();
            for element in elements.into_iter().rev() {
                let Value::Object(object) = element else {
                    return Err(YamlErrorKind::MergeNotMapping(element.type_name()));
                };
                for (name, value) in object {
                    merged.insert(name, value);
                }
            }
            Ok(merged)
        }
        other => Err(YamlErrorKind::MergeNotMapping(other.type_name())),
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

fn failure(kind: YamlErrorKind, span: &Span) -> YamlError {
    YamlError { kind, position: Some(position(&span.start)) }
}

#[cfg(test)]
mod tests;
