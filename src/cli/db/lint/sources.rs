//! Which files are judged, in which order, and as what.

use super::super::super::files::walk;
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::migrate::{
    self, Begun, FileName, Histories, MODELS_FILE, MigrationConnection, MigrationSet, Progress, Script, not_utf8,
};
use crate::safety::{Input, LintOptions};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files that are judged together: what one makes, the next one knows.
pub(super) struct Batch {
    pub(super) engine: Engine,
    /// The schema of the set that they are of, for Postgres; without one, they are run as they are written.
    schema: Option<String>,
    pub(super) inputs: Vec<Input>,
}

impl Batch {
    /// What an engine runs of a set; with `down`, what takes it back.
    pub(super) fn of_set(set: &MigrationSet, engine: Engine, down: bool) -> Self {
        let up = if down { Input::applied } else { Input::new };
        let mut inputs: Vec<Input> =
            set.migrations().iter().map(|migration| migrate::input(migration.up(engine), up)).collect();
        if down {
            let downs = set.migrations().iter().rev().filter_map(|migration| migration.down(engine));
            inputs.extend(downs.map(|script| migrate::input(script, Input::new)));
        }
        Self { engine, schema: Some(set.schema().to_owned()), inputs }
    }

    /// Lets a database say which of its files have run there, which then come first, and which were begun: of those, the
    /// rest is judged. Gives these too, and the files that have the name of one that ran there with another text.
    pub(super) fn compare(
        &mut self,
        connection: &mut dyn MigrationConnection,
        histories: &Histories,
    ) -> Result<(Vec<Begun>, Vec<PathBuf>)> {
        let (mut applied, mut others, mut all_begun, mut changed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for mut input in std::mem::take(&mut self.inputs) {
            let name = file_name(&input.file).filter(|name| self.schema.is_some() && !name.is_down);
            let script = Script::new(&input.file, &input.text);
            let found = name.map(|name| histories.of(connection, &name, &script)).transpose()?.flatten();
            if let Some((schema, Progress::Applied | Progress::Begun(_))) = &found {
                self.schema = Some((*schema).to_owned());
            }
            match found.map(|(_, progress)| progress) {
                None => others.push(input),
                Some(Progress::Other) => {
                    changed.push(input.file.clone());
                    others.push(input);
                }
                Some(Progress::Applied) => {
                    input.applied = true;
                    applied.push(input);
                }
                Some(Progress::Begun(begun)) => {
                    applied.push(begun.done.clone());
                    others.push(begun.rest.clone());
                    all_begun.push(begun);
                }
            }
        }
        applied.append(&mut others);
        self.inputs = applied;
        Ok((all_begun, changed))
    }

    /// How its files are judged.
    pub(super) fn options(&self, wrapped: bool) -> LintOptions {
        let default = LintOptions::default();
        match &self.schema {
            Some(schema) => LintOptions::for_set(self.engine, default.postgres_version, schema),
            None => LintOptions { engine: self.engine, wrapped, ..default },
        }
    }
}

/// The engines to judge for: those that were said, else the one that each file names or Postgres.
pub(super) fn engines(said: &[Engine]) -> Vec<Option<Engine>> {
    if said.is_empty() { vec![None] } else { said.iter().copied().map(Some).collect() }
}

/// A file that is judged, or read for what it makes.
struct Chosen {
    path: PathBuf,
    /// What its name says, where that is one of a set.
    name: Option<FileName>,
    applied: bool,
}

/// The files that paths mean, as batches of one sort each, and what could not be read.
pub(super) fn gather(paths: &[PathBuf], engine: Option<Engine>, down: bool) -> (Vec<Batch>, Vec<Error>) {
    let (mut batches, mut errors): (Vec<Batch>, Vec<Error>) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for path in paths {
        let chosen = match path.is_dir() {
            true => folder(path, engine.unwrap_or_default(), down),
            false => {
                let path = run_in_place_of(path, engine.unwrap_or_default());
                Ok(vec![Chosen { name: file_name(&path), path, applied: false }])
            }
        };
        let chosen = chosen.unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        for Chosen { path, name, applied } in chosen {
            // A file that is named twice is judged once.
            if !seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                continue;
            }
            let text = match read(&path) {
                Ok(text) => text,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            let is_of_set = name.is_some();
            // A file that is for one engine runs on no other.
            let engine = name.and_then(|name| name.engine).or(engine).unwrap_or_default();
            let text = if is_of_set { Script::new(&path, &text).text().to_owned() } else { text };
            let schema = is_of_set.then(|| LintOptions::default().schema);
            let input = Input { file: path, text, applied };
            match batches.iter_mut().find(|batch| batch.engine == engine && batch.schema.is_some() == is_of_set) {
                Some(batch) => batch.inputs.push(input),
                None => batches.push(Batch { engine, schema, inputs: vec![input] }),
            }
        }
    }
    (batches, errors)
}

/// The file that an engine runs of a migration: an overlay beside the base file, where there is one for it.
fn run_in_place_of(path: &Path, engine: Engine) -> PathBuf {
    let overlay = file_name(path).filter(|name| name.engine.is_none()).and_then(|name| {
        let ending = if name.is_down { ".down.sql" } else { ".sql" };
        let base = path.file_name()?.to_str()?.strip_suffix(ending)?;
        Some(path.with_file_name(format!("{base}.{engine}{ending}")))
    });
    overlay.filter(|overlay| overlay.is_file()).unwrap_or_else(|| path.to_owned())
}

fn file_name(path: &Path) -> Option<FileName> {
    FileName::parse(&path.file_name()?.to_string_lossy()).ok()
}

/// What an engine runs of the files in a folder and below: up in order, or all of it and then down again.
fn folder(folder: &Path, engine: Engine, down: bool) -> Result<Vec<Chosen>> {
    let mut paths = Vec::new();
    walk(folder, &is_sql, &mut paths)?;
    paths.sort_by_cached_key(|path| natural(path));
    let named: Vec<(PathBuf, Option<FileName>)> =
        paths.into_iter().map(|path| (path.clone(), file_name(&path))).collect();
    let sets: BTreeSet<Option<&Path>> =
        named.iter().filter(|(_, name)| name.is_some()).map(|(path, _)| path.parent()).collect();
    let key = |path: &'_ Path, name: &FileName| (path.parent().map(Path::to_owned), name.number, name.is_down);
    let overlays: BTreeSet<_> = named
        .iter()
        .filter_map(|(path, name)| Some((path, name.as_ref().filter(|name| name.engine == Some(engine))?)))
        .map(|(path, name)| key(path, name))
        .collect();
    let is_run = |path: &Path, name: &Option<FileName>| match name {
        Some(name) => name.engine.map_or_else(|| !overlays.contains(&key(path, name)), |of| of == engine),
        None => !(path.file_name().is_some_and(|name| name == MODELS_FILE) && sets.contains(&path.parent())),
    };
    let run: Vec<&(PathBuf, Option<FileName>)> = named.iter().filter(|(path, name)| is_run(path, name)).collect();
    let (downs, ups): (Vec<_>, Vec<_>) = run.into_iter().partition(|(path, name)| match name {
        Some(name) => name.is_down,
        None => is_down(path),
    });
    let chosen = |applied: bool| {
        move |(path, name): &(PathBuf, Option<FileName>)| Chosen { path: path.clone(), name: name.clone(), applied }
    };
    let judged = if down { downs.len() } else { ups.len() };
    if judged == 0 {
        let what = if down { "down files (*.down.sql)" } else { "SQL files (*.sql)" };
        return Err(Error::new(ErrorKind::NotFound, format!("the folder has no {what}")).at(folder, None));
    }
    let mut files: Vec<Chosen> = ups.into_iter().map(chosen(down)).collect();
    if down {
        files.extend(downs.into_iter().rev().map(chosen(false)));
    }
    Ok(files)
}

fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// Whether a file of another tool takes a migration back: `down.sql`, `7_users.down.sql`, `U7__users.sql`.
fn is_down(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lower = name.to_lowercase();
    let undoes = name.strip_prefix('U').and_then(|rest| rest.split_once("__"));
    lower == "down.sql"
        || lower.ends_with(".down.sql")
        || undoes.is_some_and(|(number, _)| number.starts_with(|first: char| first.is_ascii_digit()))
}

/// A part of a path for comparing: a number before any other text, by its value.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Without leading zeros: the longer one is the greater one.
    Number(usize, String),
    Text(String),
}

/// What paths are sorted by: folder by folder, numbers as numbers.
fn natural(path: &Path) -> Vec<Vec<Part>> {
    let parts = |name: &str| {
        let mut parts = Vec::new();
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            let is_number = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            let digits = part.trim_start_matches('0');
            parts.push(if is_number {
                Part::Number(digits.len(), digits.to_owned())
            } else {
                Part::Text(part.to_owned())
            });
            rest = after;
        }
        parts
    };
    path.components().map(|component| parts(&component.as_os_str().to_string_lossy())).collect()
}

/// The text of a file; `-` is the standard input.
fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    match path == Path::new("-") {
        true => std::io::stdin().lock().read_to_end(&mut bytes).map(drop).context("reading standard input")?,
        false => bytes = std::fs::read(path).map_err(|error| Error::from(error).at(path, None))?,
    }
    String::from_utf8(bytes).map_err(|error| {
        let (message, position) = not_utf8(error.as_bytes(), error.utf8_error());
        Error::new(ErrorKind::Invalid, message).at(path, Some(position))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_compared_as_numbers() {
        let mut paths =
            ["V10__a.sql", "V9__b.sql", "b/1.sql", "V9__b.down.sql", "a.sql", "V20260131120000__c.sql", "b/01_x.sql"];
        paths.sort_by_cached_key(|path| natural(Path::new(path)));
        assert_eq!(
            paths,
            ["V9__b.down.sql", "V9__b.sql", "V10__a.sql", "V20260131120000__c.sql", "a.sql", "b/1.sql", "b/01_x.sql"]
        );
    }

    #[test]
    fn what_takes_back_is_known_by_its_name() {
        for name in ["x/down.sql", "000001_users.down.sql", "U7__users.sql", "U7.1__users.sql"] {
            assert!(is_down(Path::new(name)), "{name}");
        }
        for name in ["x/up.sql", "Users__all.sql", "countdown.sql", "7_down_payments.sql"] {
            assert!(!is_down(Path::new(name)), "{name}");
        }
    }
}
