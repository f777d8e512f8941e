//! A strict reader and the writers of JSON text.
//!
//! `serde_json::Value` has dropped duplicate members and rounded numbers before anybody can look; this reader refuses
//! the ones and keeps the others.

use super::number::Number;
use super::value::{Object, Value};
use crate::error::{Error, ErrorKind, Position};
use std::fmt::Write as _;

/// How deep arrays and objects may be nested; the outermost one is at depth 1.
pub const MAX_DEPTH: usize = 128;

/// How many bytes a text may have that is read as one document: four times the largest body, since files are indented.
pub const MAX_TEXT: usize = 64 * 1024 * 1024;

/// Why a text is not an acceptable JSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text is not JSON (RFC 8259).
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What could have stood here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// The text ends in the middle of a value.
    #[error("the document ends too early: expected {0}")]
    UnexpectedEnd(&'static str),
    /// An object has two members of one name.
    #[error("the member {0:?} stands twice in one object")]
    DuplicateKey(String),
    /// A `\u` escape is half of a surrogate pair, which no text can hold.
    #[error("the escape \\u{0:04x} is half of a surrogate pair: no text can hold it")]
    LoneSurrogate(u16),
    /// A string has an unescaped control character.
    #[error("the control character U+{:04X} must be written as an escape", *.0 as u32)]
    ControlCharacter(char),
    /// `NaN` or an infinity, which JSON does not have.
    #[error("{0} is not a JSON number")]
    NotANumber(String),
    /// A number whose power of ten is beyond what is kept.
    #[error("the exponent of this number is beyond 10^±{}", super::number::MAX_EXPONENT)]
    ExponentTooLarge,
    /// Arrays and objects are nested too deeply.
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
    /// Something follows the document.
    #[error("something follows the end of the document")]
    TrailingText,
    /// The document is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A body must be an object or a boolean.
    #[error("a body must be an object or a boolean, not {0}")]
    NotABody(&'static str),
}

/// Why and where a text is not an acceptable JSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct JsonError {
    /// Why.
    pub kind: JsonErrorKind,
    /// Where; `None` when it is about the whole.
    pub position: Option<Position>,
}

impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        let message = match error.position {
            Some(position) => format!("line {}, column {}: {error}", position.line, position.column),
            None => error.to_string(),
        };
        Error::new(ErrorKind::Invalid, message).with_source(error)
    }
}

/// Reads one JSON document.
///
/// # Errors
/// [`JsonError`], each reason its own [`JsonErrorKind`].
pub fn read(text: &str) -> Result<Value, JsonError> {
    Reader::new(text)?.document(None).map(|(value, _)| value)
}

/// Finds where the value at a JSON pointer (its unescaped tokens) starts, in a text that [`read`] has accepted.
pub(crate) fn locate<S: AsRef<str>>(text: &str, pointer: &[S]) -> Option<Position> {
    let pointer: Vec<&str> = pointer.iter().map(AsRef::as_ref).collect();
    Reader::new(text).ok()?.document(Some(&pointer)).ok()?.1
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    found: Option<usize>,
}

/// What is left of the pointer that is looked for, while the reader is on its path.
pub(super) type Path<'p> = Option<&'p [&'p str]>;

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, JsonError> {
        if text.len() > MAX_TEXT {
            let kind = JsonErrorKind::TooLarge { size: text.len(), limit: MAX_TEXT };
            return Err(JsonError { kind, position: None });
        }
        // A byte order mark is no part of the document (RFC 8259, section 8.1).
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Ok(Self { text, bytes: text.as_bytes(), at, depth: 0, found: None })
    }

    fn document(mut self, path: Path<'_>) -> Result<(Value, Option<Position>), JsonError> {
        let value = self.value(path)?;
        self.blanks();
        if self.at < self.bytes.len() {
            return Err(self.error(JsonErrorKind::TrailingText));
        }
        let position = self.found.map(|at| position(self.text, at));
        Ok((value, position))
    }

    fn value(&mut self, path: Path<'_>) -> Result<Value, JsonError> {
        self.blanks();
        if path.is_some_and(<[&str]>::is_empty) {
            self.found = Some(self.at);
        }
        match self.peek() {
            Some(b'{') => self.nested(|reader| reader.object(path)),
            Some(b'[') => self.nested(|reader| reader.array(path)),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'N' | b'I') if self.rest().starts_with("NaN") || self.rest().starts_with("Infinity") => {
                let word = if self.rest().starts_with('N') { "NaN" } else { "Infinity" };
                Err(self.error(JsonErrorKind::NotANumber(word.to_owned())))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Value, JsonError>) -> Result<Value, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(JsonErrorKind::TooDeep));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self, path: Path<'_>) -> Result<Value, JsonError> {
        let mut object = Object::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(Value::Object(object));
        }
        loop {
            self.blanks();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a member name in double quotes"));
            }
            let name = self.string()?;
            if object.contains(&name) {
                self.at = start;
                return Err(self.error(JsonErrorKind::DuplicateKey(name)));
            }
            self.blanks();
            if !self.take(b':') {
                return Err(self.unexpected("`:`"));
            }
            let value = self.value(descend(path, &name))?;
            object.insert(name, value);
            self.blanks();
            if self.take(b'}') {
                return Ok(Value::Object(object));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn array(&mut self, path: Path<'_>) -> Result<Value, JsonError> {
        let mut elements = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Value::Array(elements));
        }
        loop {
            let path = path.and_then(|_| descend(path, &elements.len().to_string()));
            elements.push(self.value(path)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Value::Array(elements));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            // Both ends are at ASCII bytes, so on character boundaries.
            string.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    string.push(character);
                }
                Some(control) => return Err(self.error(JsonErrorKind::ControlCharacter(char::from(control)))),
                None => return Err(self.error(JsonErrorKind::UnexpectedEnd("`\"`"))),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.unexpected("one of `\"\\/bfnrtu` after a backslash")),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        self.at += 1;
        let first = self.hexadecimal()?;
        let code = match first {
            0xD800..=0xDBFF if self.rest().starts_with("\\u") => {
                self.at += 2;
                match self.hexadecimal()? {
                    second @ 0xDC00..=0xDFFF => {
                        0x10000 + ((u32::from(first) - 0xD800) << 10) + u32::from(second) - 0xDC00
                    }
                    _ => u32::from(first),
                }
            }
            _ => u32::from(first),
        };
        char::from_u32(code).ok_or_else(|| {
            self.at = start;
            self.error(JsonErrorKind::LoneSurrogate(first))
        })
    }

    fn hexadecimal(&mut self) -> Result<u16, JsonError> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match code {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(self.unexpected("four hexadecimal digits after \\u")),
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let literal = &self.text[start..self.at];
        if let Some(number) = Number::parse(literal) {
            return Ok(Value::Number(number));
        }
        let kind = if literal == "-" && self.rest().starts_with("Infinity") {
            JsonErrorKind::NotANumber("-Infinity".to_owned())
        } else if literal.contains(['e', 'E']) && literal.ends_with(|last: char| last.is_ascii_digit()) {
            match Number::parse(literal.split(['e', 'E']).next().unwrap_or_default()) {
                Some(_) if literal.matches(['e', 'E']).count() == 1 => JsonErrorKind::ExponentTooLarge,
                _ => JsonErrorKind::Syntax { expected: "a number", found: format!("`{literal}`") },
            }
        } else {
            JsonErrorKind::Syntax { expected: "a number", found: format!("`{literal}`") }
        };
        self.at = start;
        Err(self.error(kind))
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, JsonError> {
        if !self.rest().starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn unexpected(&self, expected: &'static str) -> JsonError {
        match self.rest().chars().next() {
            None => self.error(JsonErrorKind::UnexpectedEnd(expected)),
            Some(character) => self.error(JsonErrorKind::Syntax { expected, found: format!("{character:?}") }),
        }
    }

    fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { kind, position: Some(position(self.text, self.at)) }
    }
}

pub(super) fn descend<'p>(path: Path<'p>, token: &str) -> Path<'p> {
    path.and_then(|path| path.split_first()).and_then(|(first, rest)| (*first == token).then_some(rest))
}

/// The line and column of a byte offset; a byte order mark has no column.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().filter(|character| *character != '\u{feff}').count() + 1,
    }
}

/// How a value is laid out as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Members in their order, numbers as written, no blanks.
    Compact,
    /// As compact, but indented by two blanks.
    Pretty,
    /// Members sorted, numbers in their one spelling, no blanks.
    Canonical,
}

pub(super) fn write(value: &Value, layout: Layout) -> String {
    let mut text = String::new();
    write_value(&mut text, value, layout, 0);
    text
}

fn write_value(text: &mut String, value: &Value, layout: Layout, depth: usize) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) if layout == Layout::Canonical => text.push_str(&number.canonical()),
        Value::Number(number) => text.push_str(number.literal()),
        Value::String(string) => write_string(text, string),
        Value::Array(elements) => write_sequence(text, layout, depth, "[]", elements.iter(), |text, element| {
            write_value(text, element, layout, depth + 1);
        }),
        Value::Object(object) => {
            let member = |text: &mut String, (name, value): (&str, &Value)| {
                write_string(text, name);
                text.push_str(if layout == Layout::Pretty { ": " } else { ":" });
                write_value(text, value, layout, depth + 1);
            };
            if layout == Layout::Canonical {
                write_sequence(text, layout, depth, "{}", object.sorted().into_iter(), member);
            } else {
                write_sequence(text, layout, depth, "{}", object.iter(), member);
            }
        }
    }
}

fn write_sequence<T>(
    text: &mut String,
    layout: Layout,
    depth: usize,
    brackets: &str,
    items: impl Iterator<Item = T>,
    mut write_item: impl FnMut(&mut String, T),
) {
    let new_line = |text: &mut String, depth: usize| {
        if layout == Layout::Pretty {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth));
        }
    };
    text.push_str(&brackets[..1]);
    let mut empty = true;
    for item in items {
        if !empty {
            text.push(',');
        }
        empty = false;
        new_line(text, depth + 1);
        write_item(text, item);
    }
    if !empty {
        new_line(text, depth);
    }
    text.push_str(&brackets[1..]);
}

/// Strings as RFC 8785, section 3.2.2.2 writes them: the short escapes, `\u00xx` for other control characters.
fn write_string(text: &mut String, string: &str) {
    text.push('"');
    let mut start = 0;
    for (at, byte) in string.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        text.push_str(&string[start..at]);
        start = at + 1;
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            0x08 => text.push_str("\\b"),
            0x0c => text.push_str("\\f"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            control => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{control:04x}");
            }
        }
    }
    text.push_str(&string[start..]);
    text.push('"');
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> (JsonErrorKind, Option<(usize, usize)>) {
        match read(text) {
            Ok(value) => panic!("{text} was read as {value:?}"),
            Err(error) => (error.kind, error.position.map(|position| (position.line, position.column))),
        }
    }

    #[test]
    fn each_refusal_has_its_own_error_and_place() {
        assert_eq!(refusal("{\"a\": 1,\n \"a\": 2}"), (JsonErrorKind::DuplicateKey("a".to_owned()), Some((2, 2))));
        assert_eq!(refusal(r#"["\ud800"]"#), (JsonErrorKind::LoneSurrogate(0xd800), Some((1, 3))));
        assert_eq!(refusal(r#"["\ud800\u0041"]"#).0, JsonErrorKind::LoneSurrogate(0xd800));
        assert_eq!(refusal(r#"["\udc00"]"#).0, JsonErrorKind::LoneSurrogate(0xdc00));
        for word in ["NaN", "Infinity", "-Infinity"] {
            assert_eq!(refusal(&format!("[{word}]")).0, JsonErrorKind::NotANumber(word.to_owned()));
        }
        assert_eq!(refusal("[1e1000000001]").0, JsonErrorKind::ExponentTooLarge);
        assert_eq!(refusal("[\"a\tb\"]").0, JsonErrorKind::ControlCharacter('\t'));
        assert_eq!(refusal("{} {}").0, JsonErrorKind::TrailingText);
        assert_eq!(refusal("[1,\n2").0, JsonErrorKind::UnexpectedEnd("`,` or `]`"));
        assert!(matches!(refusal("[01]").0, JsonErrorKind::Syntax { .. }));
        assert!(matches!(refusal("[1,]").0, JsonErrorKind::Syntax { .. }));
        assert!(matches!(refusal("{'a':1}").0, JsonErrorKind::Syntax { .. }));
        assert!(matches!(refusal(" ").0, JsonErrorKind::UnexpectedEnd(_)));
    }

    #[test]
    fn nesting_is_bounded_at_128() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(128)).is_ok());
        assert_eq!(refusal(&nested(129)), (JsonErrorKind::TooDeep, Some((1, 129))));
        assert_eq!(refusal(&"[".repeat(1_000_000)).0, JsonErrorKind::TooDeep);
    }

    #[test]
    fn a_pointer_leads_to_its_line_and_column() {
        let text = "{\"é\": 1, \"a/b\":\n  [10, {\"c\": true}]}";
        let at = |pointer: &[&str]| locate(text, pointer).map(|position| (position.line, position.column));
        assert_eq!(at(&[]), Some((1, 1)));
        assert_eq!(at(&["a/b"]), Some((2, 3)));
        assert_eq!(at(&["a/b", "1", "c"]), Some((2, 14)));
        assert_eq!(at(&["a/b", "2"]), None);
    }

    #[test]
    fn what_is_written_keeps_order_and_spelling_unless_canonical() {
        let value = read("\u{feff} {\"b\" : 1.0, \"a\":[ 1E2 , \"\\u0041\\/\\u001f\" ]} ").expect("valid");
        assert_eq!(value.to_json(), r#"{"b":1.0,"a":[1E2,"A/\u001f"]}"#);
        assert_eq!(value.to_canonical(), r#"{"a":[100,"A/\u001f"],"b":1}"#);
        assert_eq!(value.to_json_pretty(), "{\n  \"b\": 1.0,\n  \"a\": [\n    1E2,\n    \"A/\\u001f\"\n  ]\n}");
    }

    #[test]
    fn members_are_sorted_by_utf16_code_units() {
        // U+10000 is written D800 DC00 in UTF-16, so it comes before U+FFFF, unlike in UTF-8.
        let value = read("{\"\u{ffff}\":1,\"\u{10000}\":2,\"a\":3}").expect("valid");
        assert_eq!(value.to_canonical(), "{\"a\":3,\"\u{10000}\":2,\"\u{ffff}\":1}");
    }

    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?"
                .prop_map(|literal| Value::Number(Number::parse(&literal).expect("the grammar's"))),
            any::<String>().prop_map(Value::String),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                proptest::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_layout_reads_back_as_the_same_value(value in any_value()) {
            for layout in [Layout::Compact, Layout::Pretty, Layout::Canonical] {
                prop_assert_eq!(read(&write(&value, layout)), Ok(value.clone()));
            }
        }

        #[test]
        fn canonical_text_is_a_fixed_point(value in any_value()) {
            let canonical = value.to_canonical();
            prop_assert_eq!(read(&canonical).map(|value| value.to_canonical()), Ok(canonical));
        }

        /// serde_json accepts the same texts, but for what this reader refuses on purpose.
        #[test]
        fn any_text_is_judged_as_serde_json_judges_it(text in r#"[\[\]{}:, \n"\\a0-9eE+.\-tfn]{0,24}|\PC{0,24}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match read(&text) {
                Ok(value) => prop_assert!(theirs.is_ok() || value.to_canonical().contains(['e', '9']), "{}", text),
                Err(error) => prop_assert!(
                    theirs.is_err() || matches!(error.kind, JsonErrorKind::DuplicateKey(_)),
                    "{}: {}", text, error
                ),
            }
        }
    }
}
