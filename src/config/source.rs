//! Where a setting can come from, and where its files are looked for.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Warning;
use super::ini::Document;
use crate::error::{Context, Error, ErrorKind, Location, Result};

/// Where a setting came from, weakest first: of two sources that name a setting, the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// Nothing names it.
    Default,
    /// The `alembic.ini` of a host program.
    AlembicFile(Place),
    /// A `charter.cfg`.
    File(Place),
    /// A variable with a name of its own: `CHARTER_DATABASE_URL`, `CHARTER_ENV`.
    ShortVariable,
    /// A variable named after its section and key, `CHARTER__SECTION__KEY`.
    SectionVariable,
    /// The caller: an argument, `--db`.
    Argument,
}

impl Source {
    /// Whether the database is another program's, so that opening it must not migrate it.
    pub fn is_foreign(self) -> bool {
        matches!(self, Self::AlembicFile(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::AlembicFile(place) => write!(f, "{ALEMBIC_FILE} in {place}"),
            Self::File(place) => write!(f, "{CHARTER_FILE} in {place}"),
            Self::ShortVariable | Self::SectionVariable => f.write_str("an environment variable"),
            Self::Argument => f.write_str("the argument"),
        }
    }
}

/// A folder in which configuration files are looked for, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The nearest parent of the working directory that holds such a file.
    Parent,
    /// `~/.charter`.
    Home,
    /// The working directory.
    WorkingDirectory,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parent => "a parent folder",
            Self::Home => "~/.charter",
            Self::WorkingDirectory => "the working directory",
        })
    }
}

/// charter's own file.
pub(super) const CHARTER_FILE: &str = "charter.cfg";
/// Alembic's file.
pub(super) const ALEMBIC_FILE: &str = "alembic.ini";
/// The file of PyCharter, for hints.
pub(super) const PYCHARTER_FILE: &str = "pycharter.cfg";

/// What a configuration depends on besides the files themselves. Explicit, so that one process may hold several.
///
/// `Debug` prints the names of the variables and masks their values.
#[derive(Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The absolute path of the folder that relative paths of arguments and variables are taken from.
    pub working_directory: PathBuf,
    /// The user's home folder, if there is one.
    pub home: Option<PathBuf>,
    /// The environment variables; only those that begin with `CHARTER_` or `PYCHARTER_` are looked at.
    pub variables: BTreeMap<String, String>,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] or [`ErrorKind::NotFound`] if the working directory cannot be had (it may have been
    /// removed); [`ErrorKind::Configuration`] if a variable of charter's is not Unicode.
    pub fn current() -> Result<Self> {
        let working_directory = std::env::current_dir().context("finding the working directory")?;
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) =
                name.to_str().filter(|name| name.starts_with("CHARTER_") || name.starts_with("PYCHARTER_"))
            else {
                continue;
            };
            let value = value.into_string().map_err(|_| {
                Error::new(ErrorKind::Configuration, format!("the value of the variable {name} is not Unicode"))
            })?;
            variables.insert(name.to_owned(), value);
        }
        Ok(Self { working_directory, home, variables })
    }

    /// Every folder where a file may be, strongest first; of the parents, the nearest first.
    pub(super) fn folders(&self) -> Vec<(Place, PathBuf)> {
        let mut folders = vec![(Place::WorkingDirectory, self.working_directory.clone())];
        folders.extend(self.home.iter().map(|home| (Place::Home, home.join(".charter"))));
        let parents = self.working_directory.ancestors().skip(1);
        folders.extend(parents.map(|parent| (Place::Parent, parent.to_owned())));
        folders
    }

    /// The files of a name that count: one in each [`Place`] at most, strongest first, none twice. A folder that
    /// cannot be searched makes a warning: there, nobody can tell whether there is a file.
    pub(super) fn find(&self, name: &str, warnings: &mut Vec<Warning>) -> Vec<(Place, PathBuf)> {
        let mut found: Vec<(Place, PathBuf)> = Vec::new();
        for (place, folder) in self.folders() {
            if place == Place::Parent && found.iter().any(|(place, _)| *place == Place::Parent) {
                break;
            }
            let path = folder.join(name);
            match path.symlink_metadata() {
                Ok(_) if found.iter().any(|(_, other)| *other == path) && place == Place::Parent => break,
                Ok(_) if found.iter().any(|(_, other)| *other == path) => {}
                Ok(_) => found.push((place, path)),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => warnings.push(Warning {
                    message: format!("cannot look for {name} here: {error}"),
                    location: Some(Location { file: folder, position: None }),
                }),
            }
        }
        found
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("working_directory", &self.working_directory)
            .field("home", &self.home)
            .field("variables", &self.variables.keys())
            .finish()
    }
}

/// Reads a file that [`Surroundings::find`] found.
///
/// # Errors
/// [`ErrorKind::Configuration`] with the file, and the line where there is one: a file that is there and cannot be
/// read is never passed over.
pub(super) fn read(path: &Path) -> Result<Document> {
    let name = path.file_name().unwrap_or(OsStr::new("the file")).display();
    let wrong = |message: String| Error::new(ErrorKind::Configuration, message).at(path, None);
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => wrong(format!("{name} is a symbolic link that leads nowhere")).with_source(error),
        _ => wrong(format!("{name} cannot be read: {error}")).with_source(error),
    };
    let metadata = path.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "no regular file" };
        return Err(wrong(format!("{name} is {what}")).with_hint("remove it, or put a file in its place"));
    }
    Document::parse(path, &std::fs::read(path).map_err(unreadable)?)
}
