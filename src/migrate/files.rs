//! From files to migrations.

use super::schema::Declared;
use super::script::Script;
use super::set::{Migration, Overlay, Problem};
use crate::engine::Engine;
use crate::error::{Context, Error, Location, Position, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The models: the state that all migrations must add up to.
pub(crate) const MODELS_FILE: &str = "schema.sql";

/// What a file of a set is called: `V7__add_email.sql`, `V7__add_email.down.sql`, `V7__add_email.duckdb.down.sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileName {
    pub(crate) number: i64,
    pub(crate) slug: String,
    pub(crate) engine: Option<Engine>,
    pub(crate) is_down: bool,
}

impl FileName {
    /// Reads a file's name; the error says what is wrong with it.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let form = "is not V<number>__<slug>.sql, .down.sql, .<engine>.sql or .<engine>.down.sql";
        let stem = name.strip_suffix(".sql").ok_or_else(|| format!("the name {form}"))?;
        let (stem, is_down) = stem.strip_suffix(".down").map_or((stem, false), |stem| (stem, true));
        let (stem, engine) = match stem.split_once('.') {
            None => (stem, None),
            Some((stem, engine)) => {
                let engine = engine.parse().map_err(|_| {
                    format!("{engine:?} in the name is no engine; the engines are sqlite, duckdb and postgres")
                })?;
                (stem, Some(engine))
            }
        };
        let (number, slug) =
            stem.strip_prefix('V').and_then(|stem| stem.split_once("__")).ok_or_else(|| format!("the name {form}"))?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = match number.parse::<i64>() {
            Ok(number) if is_number && number > 0 => number,
            _ => return Err(format!("{number:?} in the name is no number of a migration: from 1 to {}", i64::MAX)),
        };
        let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        if slug.is_empty() || !slug.chars().all(is_word) {
            return Err(format!("{slug:?} in the name is no slug: letters, digits and `_`"));
        }
        Ok(Self { number, slug: slug.to_owned(), engine, is_down })
    }

    /// The name of the base file of the same migration.
    pub(crate) fn base(&self) -> String {
        Self { engine: None, is_down: false, ..self.clone() }.to_string()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V{}__{}", self.number, self.slug)?;
        if let Some(engine) = self.engine {
            write!(f, ".{engine}")?;
        }
        f.write_str(if self.is_down { ".down.sql" } else { ".sql" })
    }
}

/// The names of the SQL files of a folder; subfolders, hidden files and other files are not looked at.
pub(super) fn read_names(directory: &Path) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| Error::from(error).at(directory, None).context("reading the migrations");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_sql = Path::new(&name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"));
        // Hidden ones are an editor's or a file system's.
        let is_hidden = name.starts_with('.');
        if is_sql && !is_hidden && !entry.file_type().map_err(failed)?.is_dir() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Files in the subfolders of a set's folder that are called as migrations are: nobody applies them. A subfolder that cannot
/// be read has none.
pub(super) fn in_subfolders(directory: &Path) -> Vec<Problem> {
    let folders = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = folders
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    let names = |folder: PathBuf| {
        let names = read_names(&folder).unwrap_or_default();
        names.into_iter().filter(|name| FileName::parse(name).is_ok()).map(move |name| folder.join(name))
    };
    let passed_over = |file: PathBuf| Problem {
        is_error: false,
        location: Location { file, position: None },
        message: "it is in a subfolder, and is not applied: the files of a set are in its folder itself".to_owned(),
    };
    folders.into_iter().flat_map(names).map(passed_over).collect()
}

/// The SQL files of a folder, with its path before their names.
pub(super) fn read_directory(directory: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut texts = Vec::new();
    // One buffer for all, and a reader that does not ask for the size: there can be thousands of small files.
    let mut bytes = Vec::with_capacity(16 << 10);
    for name in read_names(directory)? {
        let path = directory.join(&name);
        bytes.clear();
        let read = File::open(&path).and_then(|file| file.take(u64::MAX).read_to_end(&mut bytes));
        read.map_err(|error| Error::from(error).at(&path, None))?;
        let text = str::from_utf8(&bytes).map_err(|error| {
            let before = error.valid_up_to();
            let line = bytes[..before].iter().filter(|byte| **byte == b'\n').count() + 1;
            Error::new(crate::error::ErrorKind::Invalid, "the file is not UTF-8")
                .at(&path, Some(Position { line, column: 1 }))
        });
        let text = text.context("reading the migrations")?;
        texts.push((path, text.to_owned()));
    }
    Ok(texts)
}

/// A file's name without its folder.
pub(super) fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Makes migrations of files, and tells what is wrong with them whatever the engine. A file that does not fit is left out.
pub(super) fn assemble(texts: impl IntoIterator<Item = (PathBuf, String)>) -> (Vec<Migration>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut named = Vec::new();
    for (file, text) in texts {
        let name = name_of(&file);
        if name == MODELS_FILE {
            continue;
        }
        match FileName::parse(&name) {
            Ok(parsed) => named.push((parsed, Script::new(file, &text))),
            Err(message) => problems.push(error(&file, message)),
        }
    }
    let mut migrations: BTreeMap<i64, Migration> = BTreeMap::new();
    let (bases, others): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|(name, _)| name.engine.is_none() && !name.is_down);
    for (name, script) in bases {
        if let Some(first) = migrations.get(&name.number) {
            let message = format!("number {} is taken by {}", name.number, name_of(first.up.file()));
            problems.push(error(script.file(), message));
            continue;
        }
        let FileName { number, slug, .. } = name;
        migrations.insert(number, Migration::new(number, slug, script));
    }
    for (name, script) in others {
        let base = name.base();
        let Some(migration) = migrations.get_mut(&name.number).filter(|migration| migration.slug == name.slug) else {
            problems.push(error(script.file(), format!("there is no {base} that this belongs to")));
            continue;
        };
        let place = match name.engine {
            None => &mut migration.down,
            Some(engine) => {
                let overlay = migration.overlays.entry(engine).or_insert_with(Overlay::default);
                if name.is_down { &mut overlay.down } else { &mut overlay.up }
            }
        };
        match place {
            Some(first) => {
                let message = format!("this and {} are the same file of a migration", name_of(first.file()));
                problems.push(error(script.file(), message));
            }
            None => *place = Some(script),
        }
    }
    let migrations: Vec<Migration> = migrations.into_values().collect();
    for migration in &migrations {
        problems.extend(check(migration));
    }
    sort(&mut problems);
    (migrations, problems)
}

/// Puts problems in the files' order, so that the first one is the same wherever it is told.
fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| (&a.location.file, &a.message).cmp(&(&b.location.file, &b.message)));
}

/// What is wrong with one migration that can be read.
fn check(migration: &Migration) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_overlay = |script: &Script| {
        migration.overlays.values().any(|overlay| overlay.up.as_ref().is_some_and(|up| std::ptr::eq(up, script)))
    };
    for script in migration.scripts() {
        // Engines take it for the end of the text, in silence.
        if let Some(place) = script.text().find('\0') {
            let position = Some(script.position(place));
            let location = Location { file: script.file().to_owned(), position };
            problems.push(Problem {
                is_error: true,
                location,
                message: "there is a NUL character in the text".to_owned(),
            });
        }
        for directive in script.directives() {
            let wrong = match (directive.name, directive.argument) {
                ("no-transaction", "") => None,
                ("no-transaction", _) => Some("no-transaction takes no argument".to_owned()),
                ("minimum-program", version) => {
                    semver::Version::parse(version).err().map(|error| format!("minimum-program {version:?}: {error}"))
                }
                ("differs", "") => Some("differs says in what, as in `-- charter: differs no-foreign-keys`".to_owned()),
                ("differs", _) if !is_overlay(script) => {
                    Some("differs says how an engine differs, and stands in the overlay that brings it up".to_owned())
                }
                ("differs", what) => Declared::parse(what).err(),
                (name, _) => Some(format!(
                    "{name:?} is no directive; the directives are no-transaction, minimum-program and differs"
                )),
            };
            problems.extend(wrong.map(|message| at(script.file(), directive.line, message)));
        }
    }
    problems
}

/// What is wrong with migrations on some engines, together with what is wrong whatever the engine, in the files' order.
pub(super) fn problems(of_files: &[Problem], migrations: &[Migration], engines: &[Engine]) -> Vec<Problem> {
    let mut problems = of_files.to_vec();
    for migration in migrations {
        let warning =
            |script: &Script, message: &str| Problem { is_error: false, ..error(script.file(), message.to_owned()) };
        if engines.iter().any(|engine| migration.down(*engine).is_none()) {
            problems.push(match &migration.down {
                Some(down) => {
                    warning(down, "nobody has written it yet: it takes nothing back, and staging and prod refuse it")
                }
                None => warning(
                    &migration.up,
                    "there is no down migration: it cannot be taken back, and staging and prod refuse it",
                ),
            });
        }
        if engines.iter().any(|engine| migration.up(*engine).is_unwritten()) {
            problems.push(warning(
                &migration.up,
                "nobody has written it yet; once it is applied, its text cannot be changed any more",
            ));
        }
        for engine in engines {
            let scripts = [Some(migration.up(*engine)), migration.down(*engine)];
            let refusals = scripts.into_iter().flatten().filter_map(|script| script.check_transaction(*engine).err());
            for refusal in refusals {
                let Some(location) = refusal.location().cloned() else { continue };
                let problem = Problem { is_error: true, location, message: refusal.message().to_owned() };
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
    }
    sort(&mut problems);
    problems
}

fn error(file: &Path, message: String) -> Problem {
    Problem { is_error: true, location: Location { file: file.to_owned(), position: None }, message }
}

fn at(file: &Path, line: usize, message: String) -> Problem {
    let position = Some(Position { line, column: 1 });
    Problem { is_error: true, location: Location { file: file.to_owned(), position }, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let texts = files.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned()));
        let set = crate::migrate::MigrationSet::of("test", "public", None, texts);
        set.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_say_what_a_file_is() {
        let name = |name: &str| FileName::parse(name).map(|n| (n.number, n.slug, n.engine, n.is_down));
        assert_eq!(name("V7__add_email.sql"), Ok((7, "add_email".into(), None, false)));
        assert_eq!(name("V20260131120000__a.down.sql"), Ok((20_260_131_120_000, "a".into(), None, true)));
        assert_eq!(name("V7__a.duckdb.down.sql"), Ok((7, "a".into(), Some(Engine::DuckDb), true)));
        for wrong in [
            "V7_a.sql",
            "v7__a.sql",
            "V__a.sql",
            "V0__a.sql",
            "V1.5__a.sql",
            "V7__.sql",
            "V7__a b.sql",
            "V7__a.oracle.sql",
            "V99999999999999999999__a.sql",
            "V7__a.down.sqlite.sql",
            "U7__a.sql",
            "V+7__a.sql",
        ] {
            assert!(FileName::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_told_with_its_file() {
        let down = ("V1__a.down.sql", "");
        assert_eq!(problems(&[("V1__a.sql", ""), down, ("schema.sql", "nonsense")]), [""; 0]);
        let found = problems(&[("V1__a.sql", ""), down, ("V1__b.sql", ""), ("V2__c.sqlite.sql", ""), ("x.sql", "")]);
        assert_eq!(
            found,
            [
                "V1__b.sql: number 1 is taken by V1__a.sql",
                "V2__c.sqlite.sql: there is no V2__c.sql that this belongs to",
                "x.sql: the name is not V<number>__<slug>.sql, .down.sql, .<engine>.sql or .<engine>.down.sql",
            ]
        );
        let found =
            problems(&[("V1__a.sql", "SELECT 1;\nCOMMIT;"), down, ("V2__b.sql", "-- charter: no-transactions")]);
        assert_eq!(
            found,
            [
                "V1__a.sql:2:1: COMMIT in a migration that runs in one transaction with its row of history",
                "V2__b.sql:1:1: \"no-transactions\" is no directive; the directives are no-transaction, minimum-program and differs",
                "V2__b.sql: there is no down migration: it cannot be taken back, and staging and prod refuse it",
            ]
        );
    }

    #[test]
    fn what_an_overlay_declares_is_known_and_only_overlays_declare() {
        let base = [("V1__a.sql", ""), ("V1__a.down.sql", "")];
        let with = |name: &'static str, what: &str| {
            let text = format!("-- charter: differs {what}\nSELECT 1;");
            let mut files: Vec<(&str, &str)> = base.iter().copied().filter(|(other, _)| *other != name).collect();
            files.push((name, &text));
            problems(&files)
        };
        assert_eq!(with("V1__a.duckdb.sql", "no-indexes, table a"), [""; 0]);
        let found = with("V1__a.duckdb.sql", "no-index");
        assert!(
            found[0].starts_with("V1__a.duckdb.sql:1:1: \"no-index\" is nothing that an engine can differ in"),
            "{found:?}"
        );
        for name in ["V1__a.sql", "V1__a.down.sql", "V1__a.duckdb.down.sql"] {
            let found = with(name, "no-indexes");
            assert_eq!(
                found,
                [format!(
                    "{name}:1:1: differs says how an engine differs, and stands in the overlay that brings it up"
                )]
            );
        }
    }
}
