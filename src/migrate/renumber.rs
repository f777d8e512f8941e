//! Giving migrations new numbers, before anybody has applied them.
//!
//! Two people write migrations on two branches. One branch is merged and applied; the other one's numbers then lie below
//! the newest that databases have, or are taken. They are put after it, in the order that they have.

use super::create::{directory, next_number, number_after};
use super::files::{FileName, read_names};
use super::set::MigrationSet;
use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;
use time::OffsetDateTime;

/// Which migrations a set's files are given new numbers by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenumberBy {
    /// What a database has, by number and slug: what it lacks goes after the newest one that it has.
    Applied(Vec<(i64, String)>),
    /// The migrations with these numbers, slugs, or file names go after all others.
    Named(Vec<String>),
}

/// A migration that gets a new number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renumbered {
    /// What it does; the name that it keeps.
    pub slug: String,
    /// The number that it had.
    pub from: i64,
    /// The number that it gets.
    pub to: i64,
    /// Its files: what they are called, and what they will be called.
    pub files: Vec<(PathBuf, PathBuf)>,
}

/// What renumbering would do to the files of a set. Writes nothing.
///
/// What has to move is what lies below the newest migration that was applied without having been applied itself. It keeps
/// its place among the migrations that were not applied, so that one of these moves too where there is no room between.
///
/// # Errors
/// [`ErrorKind::Unsupported`] when the set is part of the program; [`ErrorKind::NotFound`] when a name means no migration;
/// [`ErrorKind::Invalid`] when it means several, when two migrations would still have one number, when there is no number
/// after the newest, or a file cannot be read; [`ErrorKind::Io`].
pub fn plan_renumbering(set: &MigrationSet, by: &RenumberBy) -> Result<Vec<Renumbered>> {
    plan_at(set, by, OffsetDateTime::now_utc())
}

/// Numbers from here on are times, and those below were counted by hand.
const FIRST_TIME: i64 = 10_000_000_000_000;

/// The files of one migration, by its number and slug.
type Groups = BTreeMap<(i64, String), Vec<FileName>>;

fn plan_at(set: &MigrationSet, by: &RenumberBy, now: OffsetDateTime) -> Result<Vec<Renumbered>> {
    set.check_read()?;
    let directory = directory(set)?;
    let mut groups = Groups::new();
    for name in read_names(directory)?.iter().filter_map(|name| FileName::parse(name).ok()) {
        groups.entry((name.number, name.slug.clone())).or_default().push(name);
    }
    let (stays, moves): (Vec<_>, Vec<_>) = match by {
        RenumberBy::Applied(applied) => groups.keys().cloned().partition(|key| applied.contains(key)),
        RenumberBy::Named(names) => {
            let mut named = Vec::new();
            for name in names {
                named.push(find(&groups, name)?);
            }
            groups.keys().cloned().partition(|key| !named.contains(key))
        }
    };
    // Those that move get numbers of their own. Two that stay would still be no set.
    if let Some([(number, one), (_, other)]) = stays.array_windows().find(|[(one, _), (other, _)]| one == other) {
        let (one, other) = (format!("V{number}__{one}.sql"), format!("V{number}__{other}.sql"));
        let message = format!("number {number} would stay that of both {one} and {other}");
        return Err(Error::new(ErrorKind::Invalid, message).with_hint(format!(
            "say which of them goes after the others too: `--migration {other}`, or the other one"
        )));
    }
    // A file of an applied migration may be gone; its number is taken all the same.
    let applied = if let RenumberBy::Applied(applied) = by { applied.as_slice() } else { &[] };
    let mut newest = stays.iter().chain(applied).map(|(number, _)| *number).max().unwrap_or(0);
    let mut plan = Vec::new();
    for (place, (from, slug)) in moves.iter().enumerate() {
        let to = match *from > newest {
            true => *from,
            false => {
                // Whoever counts by hand goes on counting.
                let is_counted =
                    moves[place..].iter().map(|(number, _)| *number).chain([newest]).all(|number| number < FIRST_TIME);
                let next = number_after(newest)?;
                let present = if is_counted { next } else { next_number(set, newest, now)? };
                let fits = moves[place + 1..].iter().all(|(later, _)| *later <= newest || present < *later);
                if fits { present } else { next }
            }
        };
        newest = to;
        if to == *from {
            continue;
        }
        let path = |name: &FileName| directory.join(name.to_string());
        let files = groups.get(&(*from, slug.clone())).into_iter().flatten();
        let files = files.map(|name| (path(name), path(&FileName { number: to, ..name.clone() }))).collect();
        plan.push(Renumbered { slug: slug.clone(), from: *from, to, files });
    }
    Ok(plan)
}

fn find(groups: &Groups, name: &str) -> Result<(i64, String)> {
    let is_meant = |(number, slug): &&(i64, String)| {
        let file = FileName::parse(name).ok();
        slug == name
            || name.parse() == Ok(*number)
            || file.is_some_and(|file| (file.number, &file.slug) == (*number, slug))
    };
    let found: Vec<&(i64, String)> = groups.keys().filter(is_meant).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Error::new(ErrorKind::NotFound, format!("no migration of the set is called {name}"))
            .with_hint("name it by its number, its slug or its file")),
        several => {
            let files: Vec<String> = several.iter().map(|(number, slug)| format!("V{number}__{slug}.sql")).collect();
            Err(Error::new(ErrorKind::Invalid, format!("{name} means {}", files.join(" and ")))
                .with_hint("name it by its file"))
        }
    }
}

/// Renames the files of a plan: all of them, or none. No file is overwritten.
///
/// # Errors
/// [`ErrorKind::Conflict`] when a file of the new name exists; [`ErrorKind::Io`]. What was renamed before is undone.
pub fn renumber(plan: &[Renumbered]) -> Result<()> {
    let mut done: Vec<&(PathBuf, PathBuf)> = Vec::new();
    // The highest first, so that each finds its new name free.
    for pair in plan.iter().rev().flat_map(|renumbered| renumbered.files.iter().rev()) {
        let (from, to) = pair;
        let result = match to.symlink_metadata() {
            Ok(_) => Err(Error::new(ErrorKind::Conflict, "a file of this name is there already").at(to, None)),
            Err(_) => std::fs::rename(from, to).map_err(|error| Error::from(error).at(from, None)),
        };
        if let Err(error) = result {
            for (from, to) in done.iter().rev() {
                if let Err(failure) = std::fs::rename(to, from) {
                    let message = format!("{} could not be renamed back to {}", to.display(), from.display());
                    return Err(Error::new(ErrorKind::Io, message).with_source(failure).context(error.to_string()));
                }
            }
            return Err(error.context("renaming the files; nothing was renamed"));
        }
        done.push(pair);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: i64 = 20_260_131_120_000;

    fn folder(files: &[&str]) -> (tempfile::TempDir, MigrationSet) {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            std::fs::write(folder.path().join(file), format!("-- {file}\n")).expect("a file");
        }
        let set = MigrationSet::from_directory("shop", folder.path()).expect("a set");
        (folder, set)
    }

    fn applied(applied: &[(i64, &str)]) -> RenumberBy {
        RenumberBy::Applied(applied.iter().map(|(number, slug)| (*number, (*slug).to_owned())).collect())
    }

    /// The time of `NEW`.
    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_769_860_800).expect("a time")
    }

    fn plan(set: &MigrationSet, by: &RenumberBy) -> Vec<(String, i64, i64)> {
        let plan = plan_at(set, by, now()).expect("a plan");
        plan.into_iter().map(|renumbered| (renumbered.slug, renumbered.from, renumbered.to)).collect()
    }

    fn moved(slug: &str, from: i64, to: i64) -> (String, i64, i64) {
        (slug.to_owned(), from, to)
    }

    #[test]
    fn what_lies_below_the_newest_applied_goes_above_it() {
        let (_folder, set) =
            folder(&["V20250101000000__a.sql", "V20250102000000__mine.sql", "V20250103000000__theirs.sql"]);
        let by = applied(&[(20_250_101_000_000, "a"), (20_250_103_000_000, "theirs")]);
        assert_eq!(plan(&set, &by), [moved("mine", 20_250_102_000_000, NEW)]);
        // Where nothing is out of order, nothing moves.
        assert_eq!(plan(&set, &applied(&[(20_250_101_000_000, "a")])), []);
        assert_eq!(plan(&set, &applied(&[])), []);
    }

    #[test]
    fn what_was_not_applied_keeps_its_order() {
        let (_folder, set) =
            folder(&["V1__a.sql", "V2__mine.sql", "V3__theirs.sql", "V4__mine_too.sql", "V9__late.sql"]);
        let by = applied(&[(1, "a"), (3, "theirs")]);
        assert_eq!(plan(&set, &by), [moved("mine", 2, 4), moved("mine_too", 4, 5)]);
        // There is room between theirs and the later one of mine, though not for the present time.
        let (_folder, set) =
            folder(&["V20250101000000__mine.sql", "V20250103000000__theirs.sql", "V20250104000000__mine_too.sql"]);
        let by = applied(&[(20_250_103_000_000, "theirs")]);
        assert_eq!(plan(&set, &by), [moved("mine", 20_250_101_000_000, 20_250_103_000_001)]);
    }

    #[test]
    fn of_two_with_one_number_the_one_that_was_not_applied_moves() {
        let files = ["V1__a.sql", "V2__mine.sql", "V2__mine.down.sql", "V2__mine.duckdb.sql", "V2__theirs.sql"];
        let (folder, set) = folder(&files);
        assert!(set.check().is_err());
        let by = applied(&[(1, "a"), (2, "theirs")]);
        assert_eq!(plan(&set, &by), [moved("mine", 2, 3)]);
        renumber(&plan_at(&set, &by, now()).expect("a plan")).expect("renamed");
        let set = MigrationSet::from_directory("shop", folder.path()).expect("a set");
        assert_eq!(set.check().map_err(|error| error.to_string()), Ok(()));
        let of_mine: Vec<_> = set.migration(3).into_iter().flat_map(super::super::Migration::scripts).collect();
        assert_eq!(of_mine.len(), 3);
        assert_eq!(of_mine[0].text(), "-- V2__mine.sql\n");
    }

    #[test]
    fn without_a_database_they_can_be_named() {
        let (_folder, set) = folder(&["V5__a.sql", "V5__b.sql", "V6__c.sql"]);
        let by = |name: &str| RenumberBy::Named(vec![name.to_owned()]);
        assert_eq!(plan(&set, &by("a")), [moved("a", 5, 7)]);
        assert_eq!(plan(&set, &by("V5__b.sql")), [moved("b", 5, 7)]);
        // What is left would be no set.
        let error = plan_renumbering(&set, &by("6")).expect_err("two with one number");
        assert!(error.message().contains("V5__a.sql and V5__b.sql"), "{error}");
        let kind = |name: &str| plan_renumbering(&set, &by(name)).map_err(|error| error.kind());
        assert_eq!(kind("5"), Err(ErrorKind::Invalid));
        assert_eq!(kind("d"), Err(ErrorKind::NotFound));
    }

    #[test]
    fn nothing_goes_after_the_last_number() {
        let (_folder, set) = folder(&["V7__a.sql", "V9223372036854775807__last.sql"]);
        let by = RenumberBy::Named(vec!["a".to_owned()]);
        let error = plan_renumbering(&set, &by).expect_err("no number");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("after 9223372036854775807"), "{error}");
        // The last one itself can go nowhere, and need not.
        assert_eq!(plan(&set, &RenumberBy::Named(vec!["last".to_owned()])), []);
    }

    #[test]
    fn files_are_renamed_together_or_not_at_all() {
        let (folder, set) = folder(&["V1__a.sql", "V2__mine.sql", "V2__mine.down.sql", "V3__theirs.sql"]);
        let plan = plan_at(&set, &applied(&[(1, "a"), (3, "theirs")]), now()).expect("a plan");
        // Somebody makes one of the new names just now.
        std::fs::write(folder.path().join("V4__mine.down.sql"), "-- other\n").expect("a file");
        let error = renumber(&plan).expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        for file in ["V2__mine.sql", "V2__mine.down.sql"] {
            let text = std::fs::read_to_string(folder.path().join(file)).expect("it is where it was");
            assert_eq!(text, format!("-- {file}\n"));
        }
        assert!(!folder.path().join("V4__mine.sql").exists());
        assert_eq!(std::fs::read_to_string(folder.path().join("V4__mine.down.sql")).expect("the file"), "-- other\n");
    }
}
