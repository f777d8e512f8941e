//! A reader of ini files by the rules of Python's `configparser`, whose files charter shares.
//!
//! - `[section]` lines, and under them `key = value` or `key: value`, whichever sign comes first. Keys have no case.
//! - `#` and `;` begin a comment only where a line begins; behind a value they are part of it.
//! - A line indented deeper than its key continues the value, joined by a line break; so does a blank line between.
//! - `[DEFAULT]` gives every section of the file the keys that it lacks.
//! - A key or section that stands twice, a key without a value sign, and a key before any section are errors.
//!
//! Stricter than there: `[DEFAULT]` may stand once, a section's name has no blanks at its ends, and nothing but a
//! comment may follow its `]`. Values are given as they stand: interpolation is the caller's.
//!
//! Values may be secrets, and a broken line may be a piece of one: errors name lines and repeat nothing of them, and
//! nothing here has a `Debug` form.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Location, Position, Result};

/// An ini file, read.
pub(super) struct Document {
    /// The file, for messages.
    pub(super) path: PathBuf,
    /// The sections in the order of the file, without `[DEFAULT]`.
    pub(super) sections: Vec<Section>,
    /// What `[DEFAULT]` holds.
    pub(super) defaults: Section,
    /// Whether the file holds nothing at all, as one does that is being written.
    pub(super) is_empty: bool,
}

/// One section.
#[derive(Default)]
pub(super) struct Section {
    pub(super) name: String,
    /// The line of the header.
    pub(super) line: usize,
    /// The entries in the order of the file, no two with the same key.
    pub(super) entries: Vec<Entry>,
}

/// One key and its value.
pub(super) struct Entry {
    /// The key in lower case.
    pub(super) key: String,
    /// The value; lines that continue it are joined by line breaks.
    pub(super) value: String,
    /// Where the value begins; where the key does, if the value is empty.
    pub(super) position: Position,
}

impl Document {
    /// Reads the bytes of a file; `path` is for messages. A byte-order mark is skipped.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with file and line, for the first line that breaks a rule of this module.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            wrong("the file is not UTF-8").at(path, Some(Position { line, column: 1 })).with_hint("save it as UTF-8")
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader::default();
        for (index, line) in lines(text).enumerate() {
            reader.line(index + 1, line).map_err(|error| {
                let column = line.chars().take_while(|c| c.is_whitespace()).count() + 1;
                error.at(path, Some(Position { line: index + 1, column }))
            })?;
        }
        reader.close_entry();
        let is_empty = text.trim().is_empty();
        Ok(Self { path: path.to_owned(), sections: reader.sections, defaults: reader.defaults, is_empty })
    }

    /// The section of that exact name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// A place in this file.
    pub(super) fn location(&self, position: Position) -> Location {
        Location { file: self.path.clone(), position: Some(position) }
    }
}

impl Section {
    /// The entry of a key, given in lower case.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

/// The lines of a text, whichever of the three line ends it uses.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

const DEFAULT: &str = "DEFAULT";

#[derive(Default)]
struct Reader {
    sections: Vec<Section>,
    defaults: Section,
    /// Lines of the sections' headers by name, and of the current section's keys.
    section_lines: HashMap<String, usize>,
    key_lines: HashMap<String, usize>,
    in_defaults: bool,
    /// How far the last key or header was indented: what is deeper continues it.
    indent: usize,
    /// Whether there is an entry that can be continued.
    is_open: bool,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<()> {
        let content = line.trim();
        if content.starts_with(['#', ';']) {
            return Ok(());
        }
        if content.is_empty() {
            if let Some(entry) = self.open_entry() {
                entry.value.push('\n');
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let continues = indent > self.indent;
        if let Some(entry) = self.open_entry().filter(|_| continues) {
            if entry.value.trim().is_empty() {
                entry.position = Position { line: number, column: indent + 1 };
            }
            entry.value.push('\n');
            entry.value.push_str(content);
            return Ok(());
        }
        self.close_entry();
        self.indent = indent;
        match content.strip_prefix('[') {
            Some(header) => self.header(number, header),
            None => self.key(number, indent, content),
        }
    }

    fn header(&mut self, number: usize, header: &str) -> Result<()> {
        let Some((name, after)) = header.split_once(']') else {
            return Err(wrong("the section's name is not closed by `]`"));
        };
        if !after.trim_start().is_empty() && !after.trim_start().starts_with(['#', ';']) {
            return Err(wrong("something follows the section's name on its line"));
        }
        let name = name.trim();
        if name.is_empty() {
            return Err(wrong("the section has no name"));
        }
        if let Some(first) = self.section_lines.insert(name.to_owned(), number) {
            return Err(wrong(format!("this section stands on line {first} already")).with_hint("join the two"));
        }
        self.key_lines.clear();
        self.in_defaults = name == DEFAULT;
        if !self.in_defaults {
            self.sections.push(Section { name: name.to_owned(), line: number, entries: Vec::new() });
        }
        Ok(())
    }

    fn key(&mut self, number: usize, indent: usize, content: &str) -> Result<()> {
        if self.section_lines.is_empty() {
            return Err(wrong("there is no section before this line").with_hint("begin with `[database]`"));
        }
        let Some((key, value)) = content.split_once(['=', ':']) else {
            return Err(wrong("this line is neither a section, nor a comment, nor `key = value`"));
        };
        let value_column = indent + content.chars().count() - value.trim_start().chars().count() + 1;
        let (key, value) = (key.trim_end().to_lowercase(), value.trim());
        if key.is_empty() {
            return Err(wrong("there is no key before the sign"));
        }
        if let Some(first) = self.key_lines.insert(key.clone(), number) {
            return Err(wrong(format!("the key of this line stands in the same section on line {first} already")));
        }
        let column = if value.is_empty() { indent + 1 } else { value_column };
        let entry = Entry { key, value: value.to_owned(), position: Position { line: number, column } };
        if let Some(section) = self.current() {
            section.entries.push(entry);
        }
        self.is_open = true;
        Ok(())
    }

    fn current(&mut self) -> Option<&mut Section> {
        if self.in_defaults { Some(&mut self.defaults) } else { self.sections.last_mut() }
    }

    fn open_entry(&mut self) -> Option<&mut Entry> {
        if self.is_open { self.current()?.entries.last_mut() } else { None }
    }

    /// Drops the blank lines that ended an entry.
    fn close_entry(&mut self) {
        if let Some(entry) = self.open_entry() {
            entry.value.truncate(entry.value.trim_end().len());
        }
        self.is_open = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Document {
        Document::parse(Path::new("x.cfg"), text.as_bytes()).unwrap()
    }

    fn value(document: &Document, section: &str, key: &str) -> Option<String> {
        Some(document.section(section)?.entry(key)?.value.clone())
    }

    fn fails_on(text: &[u8], line: usize) -> Error {
        let error = Document::parse(Path::new("x.cfg"), text).err().expect("an error");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(error.location().and_then(|location| location.position).map(|p| p.line), Some(line), "{error}");
        error
    }

    #[test]
    fn values_keep_signs_that_begin_comments_elsewhere() {
        let document =
            read("# c\n; c\n[database]\nurl = postgresql://u:%40#;=x@h/d?a=b ; no comment\n  # c\nb : c = d\n");
        assert_eq!(value(&document, "database", "url").as_deref(), Some("postgresql://u:%40#;=x@h/d?a=b ; no comment"));
        assert_eq!(value(&document, "database", "b").as_deref(), Some("c = d"));
    }

    #[test]
    fn deeper_lines_continue_a_value() {
        let document = read("[a]\nk =\n  one\n\n  # comment\n  two\n\nl = x\n  [b]\n    m = y\n");
        assert_eq!(value(&document, "a", "k").as_deref(), Some("\none\n\ntwo"));
        assert_eq!(document.section("a").unwrap().entry("k").unwrap().position, Position { line: 3, column: 3 });
        assert_eq!(value(&document, "a", "l").as_deref(), Some("x\n[b]\nm = y"));
        assert!(document.section("b").is_none());
    }

    #[test]
    fn positions_count_characters() {
        let document = read("\u{feff}[a]\r\n  clé  =  \u{e9}x\r\n");
        assert_eq!(document.section("a").unwrap().entry("clé").unwrap().position, Position { line: 2, column: 11 });
        assert_eq!(document.section("a").unwrap().line, 1);
    }

    #[test]
    fn keys_have_no_case_and_defaults_are_kept_apart() {
        let document = read("[DEFAULT]\nX = 1\n[ a ] ; note\nKey = 2\n");
        assert_eq!(document.defaults.entry("x").unwrap().value, "1");
        assert_eq!(value(&document, "a", "key").as_deref(), Some("2"));
        assert!(document.section("DEFAULT").is_none());
    }

    #[test]
    fn errors_name_their_line() {
        fails_on(b"k = v\n", 1);
        fails_on(b"[a]\n\nnothing\n", 3);
        fails_on(b"[a]\n= v\n", 2);
        fails_on(b"[a\n", 1);
        fails_on(b"[]\n", 1);
        fails_on(b"[a] b\n", 1);
        assert!(fails_on(b"[a]\nk = 1\nK: 2\n", 3).message().contains("line 2"));
        assert!(fails_on(b"[a]\n[b]\n[a]\n", 3).message().contains("line 1"));
        fails_on(b"[DEFAULT]\n[DEFAULT]\n", 2);
        fails_on(b"[a]\nk = \xff\n", 2);
        fails_on(b"\xff\xfe[\0a\0]\0", 1);
        assert!(Document::parse(Path::new("x"), b" \n\t").unwrap().is_empty);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Document::parse(Path::new("x.cfg"), &bytes);
        }

        #[test]
        fn no_ini_like_text_makes_it_panic(text in "([\\[\\]=:#;ka é\n\r\t]|DEFAULT|\\[a\\]\n|k = ){0,60}") {
            match Document::parse(Path::new("x.cfg"), text.as_bytes()) {
                Ok(document) => for section in document.sections {
                    for entry in section.entries {
                        prop_assert!(!entry.key.is_empty());
                        prop_assert_eq!(entry.value.trim_end(), &entry.value);
                    }
                },
                Err(error) => prop_assert!(error.location().is_some_and(|location| location.position.is_some())),
            }
        }

        #[test]
        fn what_is_written_is_read(values in proptest::collection::btree_map("[a-z_]{1,8}", "[!-~]([ -~é]{0,20}[!-~])?", 0..6)) {
            let mut text = "[section]\n".to_owned();
            for (key, value) in &values {
                text.push_str(&format!("{key} = {value}\n"));
            }
            let document = read(&text);
            for (key, expected) in &values {
                prop_assert_eq!(value(&document, "section", key), Some(expected.clone()));
            }
        }
    }
}
