//! New files of a set.

use super::files::FileName;
use super::script::TO_BE_WRITTEN;
use super::set::MigrationSet;
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// The longest slug; with a number and the longest ending it stays a short name for every file system.
const SLUG_LENGTH: usize = 60;

/// The texts of a migration that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    /// What it does, in words.
    pub(crate) message: String,
    /// What every engine runs that has no text of its own.
    pub(crate) up: String,
    /// What takes it back.
    pub(crate) down: String,
    /// The texts of single engines, up and down; a side that is not there is the base's.
    pub(crate) overlays: BTreeMap<Engine, (Option<String>, Option<String>)>,
}

/// A migration whose files were written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Created {
    /// Its number.
    pub number: i64,
    /// Its slug.
    pub slug: String,
    /// Its files, the base first.
    pub files: Vec<PathBuf>,
}

impl Draft {
    /// A pair to be filled in by hand: comments that say what goes where.
    pub(crate) fn empty(message: &str) -> Self {
        let [to_write, to_take_back] = TO_BE_WRITTEN;
        let title = comment(message);
        let up = format!(
            "{title}--\n{to_write}\n\
             -- the same name that ends in .sqlite.sql, .duckdb.sql or .postgres.sql.\n"
        );
        let down = format!("{}--\n{to_take_back}\n", comment(&format!("takes back: {message}")));
        Self { message: message.to_owned(), up, down, overlays: BTreeMap::new() }
    }

    /// The names and texts of its files, the base first.
    pub(crate) fn files(&self, number: i64, slug: &str) -> Vec<(String, &str)> {
        let name = |engine, is_down| FileName { number, slug: slug.to_owned(), engine, is_down }.to_string();
        let mut files = vec![(name(None, false), self.up.as_str()), (name(None, true), self.down.as_str())];
        for (engine, (up, down)) in &self.overlays {
            files.extend(up.as_deref().map(|text| (name(Some(*engine), false), text)));
            files.extend(down.as_deref().map(|text| (name(Some(*engine), true), text)));
        }
        files
    }
}

/// A text as comments, none of which is a directive.
pub(crate) fn comment(text: &str) -> String {
    let lines = text.lines().map(|line| match line.trim_start().starts_with("charter:") {
        true => format!("-- \"{line}\""),
        false => format!("-- {line}"),
    });
    lines.map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The slug of a message: its letters and digits in ASCII, small, other runs of characters as one `_`.
///
/// # Errors
/// [`ErrorKind::Invalid`] when nothing is left of it.
pub(crate) fn slug(message: &str) -> Result<String> {
    use unicode_normalization::UnicodeNormalization;
    let mut slug = String::new();
    // Letters lose their accents: these are characters of their own once decomposed.
    for character in message.nfkd().filter(|character| !unicode_normalization::char::is_combining_mark(*character)) {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    if slug.len() > SLUG_LENGTH {
        // At the end of a word, if there is one.
        let end = slug[..=SLUG_LENGTH].rfind('_').unwrap_or(SLUG_LENGTH);
        slug.truncate(end);
    }
    let slug = slug.trim_end_matches('_');
    match slug.is_empty() {
        false => Ok(slug.to_owned()),
        true => Err(Error::new(ErrorKind::Invalid, format!("the message {message:?} gives no name to the files"))
            .with_hint("say what the migration does in a few words, with letters or digits of ASCII")),
    }
}

/// The number of the next migration of a set: the time in UTC, `20260131120000`, so that two branches seldom take the same
/// one; charter's own are counted. It is always above `head`.
///
/// # Errors
/// As [`number_after`].
pub(super) fn next_number(set: &MigrationSet, head: i64, now: OffsetDateTime) -> Result<i64> {
    let next = number_after(head)?;
    Ok(if set.is_charter() { next } else { time_number(now).max(next) })
}

/// The number after another one.
///
/// # Errors
/// [`ErrorKind::Invalid`] when there is none.
pub(super) fn number_after(number: i64) -> Result<i64> {
    number.checked_add(1).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("no number comes after {number}, which a migration has")).with_hint(
            "give that migration a number that is a time, such as 20260131120000: rename its files; where it is applied, \
             take it back before",
        )
    })
}

/// `20260131120000`.
pub(super) fn time_number(now: OffsetDateTime) -> i64 {
    let (date, time) = (now.date(), now.time());
    let parts = [u8::from(date.month()), date.day(), time.hour(), time.minute(), time.second()];
    parts.iter().fold(i64::from(date.year()), |number, part| number * 100 + i64::from(*part))
}

/// The folder of a set.
///
/// # Errors
/// [`ErrorKind::Unsupported`] when it is part of the program.
pub(super) fn directory(set: &MigrationSet) -> Result<&Path> {
    set.directory().ok_or_else(|| {
        let message = format!("the set {} is part of the program: it has no folder to write to", set.name());
        Error::new(ErrorKind::Unsupported, message).with_hint("name a folder with `[migrations] dir` in charter.cfg")
    })
}

/// Writes drafts as the next migrations of a set, in their order: all of their files, or none. Nothing is overwritten.
///
/// # Errors
/// [`ErrorKind::Invalid`] when a message gives no name, or the set's files have errors; [`ErrorKind::Unsupported`] when the
/// set has no folder; [`ErrorKind::Io`].
pub(crate) fn write(set: &MigrationSet, drafts: &[Draft]) -> Result<Vec<Created>> {
    write_at(set, drafts, OffsetDateTime::now_utc())
}

fn write_at(set: &MigrationSet, drafts: &[Draft], now: OffsetDateTime) -> Result<Vec<Created>> {
    set.check()?;
    let directory = directory(set)?;
    let mut written = Vec::new();
    let result = write_all(set, directory, drafts, now, &mut written);
    if result.is_err() {
        for file in written {
            // The error that is told is the one that stopped the writing.
            let _ = std::fs::remove_file(file);
        }
    }
    result
}

fn write_all(
    set: &MigrationSet,
    directory: &Path,
    drafts: &[Draft],
    now: OffsetDateTime,
    written: &mut Vec<PathBuf>,
) -> Result<Vec<Created>> {
    let (mut head, mut created) = (set.head(), Vec::new());
    for draft in drafts {
        let slug = slug(&draft.message)?;
        head = next_number(set, head, now)?;
        let mut files = Vec::new();
        for (name, text) in draft.files(head, &slug) {
            let path = directory.join(name);
            let failed = |error: std::io::Error| Error::from(error).at(&path, None);
            let file = std::fs::File::create_new(&path).map_err(failed).context("writing a migration")?;
            written.push(path.clone());
            (&file).write_all(text.as_bytes()).map_err(failed).context("writing a migration")?;
            files.push(path);
        }
        created.push(Created { number: head, slug, files });
    }
    Ok(created)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-31, twelve o'clock.
    fn noon() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_769_860_800).expect("a time")
    }

    fn folder(files: &[&str]) -> (tempfile::TempDir, MigrationSet) {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            std::fs::write(folder.path().join(file), "SELECT 1;\n").expect("a file");
        }
        let set = MigrationSet::from_directory("shop", folder.path()).expect("a set");
        (folder, set)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_pair_is_numbered_by_the_time_and_stays_above_the_head() {
        for (files, expected) in [
            (&[][..], 20_260_131_120_000),
            (&["V20250101000000__a.sql"], 20_260_131_120_000),
            (&["V20260131120000__a.sql"], 20_260_131_120_001),
            (&["V20990101000000__a.sql"], 20_990_101_000_001),
            (&["V1__a.sql", "V7__b.sql"], 20_260_131_120_000),
        ] {
            let (folder, set) = folder(files);
            let created = write_at(&set, &[Draft::empty("Add e-mail")], noon()).expect("written");
            assert_eq!(created[0].number, expected);
            let base = format!("V{expected}__add_e_mail");
            let expected = [format!("{base}.down.sql"), format!("{base}.sql")];
            let new: Vec<String> =
                names(folder.path()).into_iter().filter(|name| !files.contains(&name.as_str())).collect();
            assert_eq!(new, expected);
            let set = MigrationSet::from_directory("shop", folder.path()).expect("a set");
            assert!(set.check().is_ok());
            assert_eq!(set.head(), created[0].number);
        }
    }

    #[test]
    fn all_files_are_written_or_none() {
        let (folder, set) = folder(&["V1__a.sql", "V1__a.down.sql"]);
        // Somebody else makes the second migration's down file just now.
        std::fs::write(folder.path().join("V20260131120001__second.down.sql"), "-- theirs\n").expect("a file");
        let before = names(folder.path());
        let error = write_at(&set, &[Draft::empty("first"), Draft::empty("second")], noon()).expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(names(folder.path()), before);
        let theirs = std::fs::read_to_string(folder.path().join("V20260131120001__second.down.sql")).expect("the file");
        assert_eq!(theirs, "-- theirs\n");
    }

    #[test]
    fn a_slug_is_short_and_ascii() {
        let long = "word ".repeat(30);
        for (message, expected) in [
            ("add description to schemas", "add_description_to_schemas"),
            ("  Ändere: größe (v2)! ", "andere_gro_e_v2"),
            ("a__b--c", "a_b_c"),
            ("２ｘ", "2x"),
            (&"x".repeat(100), &"x".repeat(60)),
            (&long, "word_word_word_word_word_word_word_word_word_word_word_word"),
        ] {
            assert_eq!(slug(message).ok().as_deref(), Some(expected), "{message}");
        }
        for message in ["", "  ", "日本", "!?", "__"] {
            assert_eq!(slug(message).map_err(|error| error.kind()), Err(ErrorKind::Invalid), "{message}");
        }
    }

    #[test]
    fn a_message_is_never_a_directive() {
        let draft = Draft::empty("charter: no-transaction\n charter: differs x");
        for text in [&draft.up, &draft.down] {
            assert_eq!(crate::migrate::script::Script::new("a", text).directives(), [], "{text}");
        }
    }

    #[test]
    fn a_set_that_is_part_of_the_program_has_no_folder() {
        let error = write(MigrationSet::charter(), &[Draft::empty("a")]).expect_err("no folder");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
