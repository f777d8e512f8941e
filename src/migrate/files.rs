//! From files to migrations.

use super::schema::Declared;
use super::script::Script;
use super::set::{Migration, Overlay, Problem};
use crate::engine::Engine;
use crate::error::{Error, Location, Position, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, FileType};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::Utf8Error;

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

/// A SQL file of a folder, or what is called as one.
struct Named {
    name: String,
    /// What the folder says of it, without asking further.
    kind: FileType,
}

/// What is called as SQL files are in a folder, by name; subfolders with other names than a migration's, hidden files and
/// other files are not looked at.
fn read_named(directory: &Path) -> Result<Vec<Named>> {
    let failed = |error: std::io::Error| Error::from(error).at(directory, None).context("reading the migrations");
    let mut named = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_sql = Path::new(&name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"));
        // Hidden ones are an editor's or a file system's.
        if !is_sql || name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(failed)?;
        if !kind.is_dir() || FileName::parse(&name).is_ok() {
            named.push(Named { name, kind });
        }
    }
    named.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(named)
}

/// The names of the SQL files of a folder.
pub(super) fn read_names(directory: &Path) -> Result<Vec<String>> {
    let files = read_named(directory)?.into_iter().filter(|named| !named.kind.is_dir());
    Ok(files.map(|named| named.name).collect())
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

/// The files of a folder: the texts of those that can be read, with its path before their names, and what is wrong with the
/// others.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) read: Vec<(PathBuf, String)>,
    pub(super) unread: Vec<Problem>,
}

impl<T: IntoIterator<Item = (PathBuf, String)>> From<T> for Texts {
    /// Texts that are part of a program.
    fn from(texts: T) -> Self {
        Self { read: texts.into_iter().collect(), unread: Vec::new() }
    }
}

/// Reads the SQL files of a folder.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn read_directory(directory: &Path) -> Result<Texts> {
    let mut texts = Texts::default();
    // One buffer for all, and a reader that does not ask for the size: there can be thousands of small files.
    let mut bytes = Vec::with_capacity(16 << 10);
    for Named { name, kind } in read_named(directory)? {
        let path = directory.join(&name);
        match read_text(&path, kind, &mut bytes) {
            Ok(text) => texts.read.push((path, text)),
            Err((message, position)) => {
                let location = Location { file: path, position };
                texts.unread.push(Problem { is_error: true, location, message });
            }
        }
    }
    Ok(texts)
}

/// The text of a file of which the folder says what it is; else why there is none, and where. What is no regular file is not
/// opened: a pipe would keep whoever opens it waiting.
fn read_text(path: &Path, kind: FileType, bytes: &mut Vec<u8>) -> Result<String, (String, Option<Position>)> {
    let failed = |error: std::io::Error| (format!("it cannot be read: {error}"), None);
    let kind = match kind.is_symlink() {
        false => kind,
        true => match std::fs::metadata(path) {
            Ok(target) => target.file_type(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let target = std::fs::read_link(path).map_err(failed)?;
                return Err((format!("it is a link to {}, which does not exist", target.display()), None));
            }
            Err(error) => return Err(failed(error)),
        },
    };
    if !kind.is_file() {
        let what = if kind.is_dir() { "it is a folder, not a regular file" } else { "it is not a regular file" };
        return Err((what.to_owned(), None));
    }
    bytes.clear();
    File::open(path).and_then(|file| file.take(u64::MAX).read_to_end(bytes)).map_err(failed)?;
    let text = str::from_utf8(bytes).map_err(|error| {
        let (message, position) = not_utf8(bytes, error);
        (message.to_owned(), Some(position))
    })?;
    Ok(text.to_owned())
}

/// What is said of bytes that are no text of UTF-8, and the place of the first that is none.
pub(crate) fn not_utf8(bytes: &[u8], error: Utf8Error) -> (&'static str, Position) {
    let message = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file is UTF-16, not UTF-8",
        _ => "the file is not UTF-8",
    };
    let before = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (message, Position { line, column })
}

/// A file's name without its folder.
pub(super) fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Makes migrations of files, and tells what is wrong with them whatever the engine. A file that does not fit is left out.
pub(super) fn assemble(Texts { read, unread }: Texts) -> (Vec<Migration>, Vec<Problem>) {
    let unread_bases: Vec<String> = unread.iter().map(|problem| name_of(&problem.location.file)).collect();
    let mut problems = unread;
    let mut named = Vec::new();
    for (file, text) in read {
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
            // Of a base that cannot be read it is told why.
            if unread_bases.contains(&base) {
                continue;
            }
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
        let down = ("V1__a.down.sql", "SELECT 1;");
        assert_eq!(problems(&[("V1__a.sql", "SELECT 1;"), down, ("schema.sql", "nonsense")]), [""; 0]);
        let found = problems(&[("V1__a.sql", "\n"), ("V1__a.down.sql", "")]);
        assert!(found.len() == 2 && found.iter().all(|found| found.contains("nobody has written it yet")), "{found:?}");
        let found = problems(&[
            ("V1__a.sql", "SELECT 1;"),
            down,
            ("V1__b.sql", "SELECT 1;"),
            ("V2__c.sqlite.sql", ""),
            ("x.sql", ""),
        ]);
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
        let base = [("V1__a.sql", "SELECT 1;"), ("V1__a.down.sql", "SELECT 1;")];
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
