//! The database URL of an alembic.ini: `sqlalchemy.url` in `[alembic]`, with the interpolation of Python's
//! `configparser`. There `%%` is a `%` and `%(name)s` the value of a key of the same section, of `[DEFAULT]`, or
//! `here`, the folder of the file.

use std::path::Path;

use super::ini::{Document, Entry, Section};
use crate::error::{Error, ErrorKind, Result};

const SECTION: &str = "alembic";
const KEY: &str = "sqlalchemy.url";
/// How deep values may name values, as in `configparser`.
const DEPTH: usize = 10;

/// The entry of the URL and its text, or `None` where the file gives none, as one whose program finds it elsewhere.
///
/// # Errors
/// [`ErrorKind::Configuration`] with file and line where the interpolation does not make sense.
pub(super) fn database_url<'a>(document: &'a Document, folder: &Path) -> Result<Option<(&'a Entry, String)>> {
    let Some(section) = document.section(SECTION) else { return Ok(None) };
    let Some(entry) = section.entry(KEY).or_else(|| document.defaults.entry(KEY)) else { return Ok(None) };
    let names = Names { section, defaults: &document.defaults, here: folder.to_string_lossy().into_owned() };
    let text = names
        .interpolate(&entry.value, DEPTH)
        .map_err(|error| error.at(&document.path, Some(entry.position)).with_hint(HINT))?;
    Ok(Some((entry, text)).filter(|(_, text)| !text.trim().is_empty()))
}

const HINT: &str = "in alembic.ini a `%` of the URL is written `%%`; if Alembic gets its URL elsewhere, name charter's \
                    with CHARTER_DATABASE_URL or in a charter.cfg";

struct Names<'a> {
    section: &'a Section,
    defaults: &'a Section,
    here: String,
}

impl Names<'_> {
    fn interpolate(&self, text: &str, depth: usize) -> Result<String> {
        let Some(depth) = depth.checked_sub(1) else { return Err(wrong("the value names itself")) };
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            result.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                result.push('%');
                rest = after;
            } else if let Some((name, after)) = after.strip_prefix('(').and_then(|name| name.split_once(")s")) {
                result.push_str(&self.value(&name.to_lowercase(), depth)?);
                rest = after;
            } else {
                return Err(wrong("a `%` of the value is neither `%%` nor `%(name)s`"));
            }
        }
        result.push_str(rest);
        Ok(result)
    }

    fn value(&self, name: &str, depth: usize) -> Result<String> {
        match self.section.entry(name).or_else(|| self.defaults.entry(name)) {
            Some(entry) => self.interpolate(&entry.value, depth),
            None if name == "here" => Ok(self.here.clone()),
            None => Err(wrong("the value names a key by `%(name)s` that this file does not have")),
        }
    }
}

fn wrong(message: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<Option<String>> {
        let document = Document::parse(Path::new("/srv/alembic.ini"), text.as_bytes())?;
        Ok(database_url(&document, Path::new("/srv"))?.map(|(_, text)| text))
    }

    #[test]
    fn interpolation_is_pythons() {
        for (text, expected) in [
            ("[alembic]\nsqlalchemy.url = postgresql://u:p%%40w@h/d", Some("postgresql://u:p%40w@h/d")),
            ("[alembic]\nsqlalchemy.url = sqlite:///%(here)s/x.db", Some("sqlite:////srv/x.db")),
            ("[DEFAULT]\nname = %(user)s%%\n[alembic]\nuser = u\nsqlalchemy.url = p://%(NAME)s@h", Some("p://u%@h")),
            ("[alembic]\nsqlalchemy.url =\n[loggers]\nformat = %(levelname)s", None),
            ("[alembic]\nscript_location = %(here)s/x", None),
            ("[other]\nsqlalchemy.url = x", None),
        ] {
            assert_eq!(url(text).unwrap().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn interpolation_that_fails_names_its_line_and_no_secret() {
        for text in ["p%40hunter2", "%(hunter2)s", "%(a)s", "%(hunter2", "hunter2%"] {
            let error = url(&format!("[alembic]\na = %(a)s\nsqlalchemy.url = {text}")).unwrap_err();
            assert_eq!(error.location().unwrap().position.unwrap().line, 3);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
