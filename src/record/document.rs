//! Documents: the text of a file, what it means, and where in it everything stands.

use super::json::{self, JsonError, JsonErrorKind, MAX_TEXT};
use super::value::Value;
use super::yaml::{self, YamlError};
use crate::error::{Error, ErrorKind, Position, Result};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON, RFC 8259.
    Json,
    /// YAML 1.2.
    Yaml,
}

impl Format {
    /// The format that a file's ending says: `.json`, or `.yaml` and `.yml`, in any case.
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// One document: its text, its value, and the places of its values.
#[derive(Debug, Clone)]
pub struct Document {
    value: Value,
    text: String,
    format: Format,
    file: Option<PathBuf>,
}

impl Document {
    /// Reads a document from text.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with a [`JsonError`] or a [`YamlError`] as its source.
    pub fn parse(text: impl Into<String>, format: Format) -> Result<Self> {
        Self::parse_named(text.into(), format, None)
    }

    /// Reads a document from a file, or from the standard input if the path is `-`. A file's format is what its ending
    /// says. Elsewhere it is JSON if it is JSON and starts as a body does (`{`, `t` or `f`), or as an array, else YAML.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] or [`ErrorKind::Io`] if the file cannot be read; [`ErrorKind::Invalid`] with file, line
    /// and column if it has more than [`MAX_TEXT`] bytes, is not UTF-8, or is not JSON or YAML.
    pub fn read(path: &Path) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Self::read_from(std::io::stdin().lock(), None, Path::new("<stdin>"));
        }
        let file = File::open(path).map_err(|error| Error::from(error).at(path, None))?;
        Self::read_from(file, Format::of_path(path), path)
    }

    /// Reads a document from a reader. `file` is what messages call it; without a format it is found out.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub fn read_from(reader: impl Read, format: Option<Format>, file: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let read = reader.take(MAX_TEXT as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| Error::from(error).at(file, None))?;
        if bytes.len() > MAX_TEXT {
            let message = format!("more than the {MAX_TEXT} bytes that a document may have");
            return Err(Error::new(ErrorKind::Invalid, message).at(file, None));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..offset]).into_owned();
            let position = json::position(&before, before.len());
            Error::new(ErrorKind::Invalid, format!("not UTF-8: byte {offset} is no part of any character"))
                .with_hint("save the file as UTF-8")
                .with_source(JsonError { kind: JsonErrorKind::NotUtf8, position: Some(position) })
                .at(file, Some(position))
        })?;
        match format {
            Some(format) => Self::parse_named(text, format, Some(file)),
            None => Self::detect(text, file),
        }
    }

    fn detect(text: String, file: &Path) -> Result<Self> {
        let start = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{feff}']).chars().next();
        if matches!(start, Some('{' | '[' | 't' | 'f'))
            && let Ok(value) = json::read(&text)
        {
            return Ok(Self { value, text, format: Format::Json, file: Some(file.to_owned()) });
        }
        Self::parse_named(text, Format::Yaml, Some(file))
    }

    fn parse_named(text: String, format: Format, file: Option<&Path>) -> Result<Self> {
        let failed = |position: Option<Position>, named: Error, bare: Error| match file {
            Some(file) => named.at(file, position),
            None => bare,
        };
        let value = match format {
            Format::Json => json::read(&text).map_err(|error: JsonError| {
                let named = Error::new(ErrorKind::Invalid, error.to_string()).with_source(error.clone());
                failed(error.position, named, error.into())
            }),
            Format::Yaml => yaml::read(&text).map_err(|error: YamlError| {
                let named = Error::new(ErrorKind::Invalid, error.to_string()).with_source(error.clone());
                failed(error.position, named, error.into())
            }),
        }?;
        Ok(Self { value, text, format, file: file.map(Path::to_owned) })
    }

    /// What the document means.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What messages call it; `None` for a text that came from no file.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Where the value at a JSON pointer (its unescaped tokens) starts; `None` if there is no such value.
    pub fn position<S: AsRef<str>>(&self, pointer: &[S]) -> Option<Position> {
        match self.format {
            Format::Json => json::locate(&self.text, pointer),
            Format::Yaml => yaml::locate(&self.text, pointer),
        }
    }

    /// The text of the scalar at a JSON pointer where it may differ from the value's own, which it does in YAML: `0x10`
    /// is 16.
    pub(super) fn written(&self, pointer: &[String]) -> Option<String> {
        match self.format {
            Format::Json => None,
            Format::Yaml => yaml::written(&self.text, pointer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], format: Option<Format>) -> Result<Document> {
        Document::read_from(bytes, format, Path::new("book.yaml"))
    }

    #[test]
    fn errors_name_file_line_and_column() {
        let error = read(b"a: 1\nb: [1,\n", Some(Format::Yaml)).expect_err("an open sequence");
        assert!(error.to_string().starts_with("book.yaml:3:1: "), "{error}");
        let error = read(b"{\"a\": 1,\n \"a\": 2}", Some(Format::Json)).expect_err("a duplicate");
        assert_eq!(error.to_string(), "book.yaml:2:2: the member \"a\" stands twice in one object");
        let error = Document::parse("{", Format::Json).expect_err("too early");
        assert!(error.to_string().starts_with("line 1, column 2: "), "{error}");
    }

    #[test]
    fn text_that_is_not_utf8_says_where() {
        let error = read(b"a: 1\nb: \xff", None).expect_err("a bad byte");
        assert_eq!(error.to_string(), "book.yaml:2:4: not UTF-8: byte 8 is no part of any character");
        assert!(error.hint().is_some());
    }

    #[test]
    fn without_an_ending_the_format_is_found_out() {
        let format = |text: &str| read(text.as_bytes(), None).map(|document| document.format()).ok();
        assert_eq!(format(" {\"a\": 1}"), Some(Format::Json));
        assert_eq!(format("\u{feff}true"), Some(Format::Json));
        assert_eq!(format("{a: 1}"), Some(Format::Yaml));
        assert_eq!(format("type: object"), Some(Format::Yaml));
        assert_eq!(format("false: 1"), Some(Format::Yaml));
        assert_eq!(format(""), None);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Document::read(Path::new("no/such/book.json")).expect_err("missing");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("no/such/book.json: "), "{error}");
    }
}
