//! From surroundings and files to one [`Configuration`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::ini::{Document, Section};
use super::migrations::MigrationSettings;
use super::source::{ALEMBIC_FILE, CHARTER_FILE, PYCHARTER_FILE, Place, Source, Surroundings, read};
use super::url::DatabaseUrl;
use super::{alembic, known};
use crate::error::{Error, ErrorKind, Location, Position, Result};

/// The configuration of a program: what was found in its [`Surroundings`], complete and checked. It holds no secret
/// that it prints: passwords are masked.
#[derive(Debug, Clone)]
pub struct Configuration {
    database: Resolved,
    remotes: BTreeMap<String, Remote>,
    environment: Option<Environment>,
    migrations: MigrationSettings,
    warnings: Vec<Warning>,
    hints: Vec<String>,
    files: Vec<PathBuf>,
    /// Those of `files` that hold nothing, as a file does that is being written.
    #[cfg_attr(not(feature = "watch"), expect(dead_code, reason = "only a watcher asks"))]
    pub(super) empty_files: Vec<PathBuf>,
}

/// A database's URL and where it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The URL, its relative paths made absolute.
    pub url: DatabaseUrl,
    /// What sort of place named it.
    pub source: Source,
    /// The place in a file, where it was one.
    pub location: Option<Location>,
    /// The name of the variable, where it was one.
    pub variable: Option<String>,
}

/// Prints the masked URL and where it was named: `sqlite:////srv/x.db (charter.cfg:2:7)`.
impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.location, &self.variable) {
            (Some(location), _) => write!(f, "{} ({location})", self.url),
            (None, Some(variable)) => write!(f, "{} ({variable})", self.url),
            (None, None) => write!(f, "{} ({})", self.url, self.source),
        }
    }
}

/// A registry that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remote {
    /// Its name: the part of `[remote:NAME]` behind the colon.
    pub name: String,
    /// Its URL and where it was named.
    pub resolved: Resolved,
}

/// What a database is used for; weakest rules first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Environment {
    /// A laptop or a test.
    Dev,
    /// A rehearsal of production.
    Staging,
    /// Production.
    Prod,
}

impl Environment {
    const ALL: [Self; 3] = [Self::Dev, Self::Staging, Self::Prod];

    /// The word for it in files and variables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }
}

impl std::str::FromStr for Environment {
    type Err = Error;
    /// # Errors
    /// [`ErrorKind::Invalid`] for any other word than `dev`, `staging` and `prod`.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|environment| environment.as_str() == text).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "this is no environment").with_hint("use dev, staging or prod")
        })
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something in the configuration that charter reads over and that was probably meant otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// What it is.
    pub message: String,
    /// Where it stands, if in a file.
    pub location: Option<Location>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{location}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Configuration {
    /// The configuration of this process; `database` is the URL that its caller was given, if any.
    ///
    /// # Errors
    /// As [`Surroundings::current`] and [`Configuration::resolve`].
    pub fn load(database: Option<&str>) -> Result<Self> {
        Self::resolve(&Surroundings::current()?, database)
    }

    /// The configuration of some surroundings; `database` is the URL that the caller was given, if any. Only reads.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`], with file and line, where a file that counts cannot be read or parsed, where
    /// two names of one setting disagree, or where a setting is empty; the errors of [`DatabaseUrl::parse`], with
    /// the place, for the URLs that are in effect.
    pub fn resolve(surroundings: &Surroundings, database: Option<&str>) -> Result<Self> {
        let mut warnings = Vec::new();
        let mut files = Vec::new();
        for (place, path) in surroundings.find(CHARTER_FILE, &mut warnings) {
            files.push(File::read(place, &path)?);
        }
        for file in &files {
            file.warn(&mut warnings);
        }
        let mut reading = Reading {
            surroundings,
            variables: variables(surroundings, &mut warnings),
            files,
            warnings,
            foreign: vec![],
        };
        let database = reading.database(database)?;
        let remotes = reading.remotes()?;
        let environment = reading.environment()?;
        let mut lost = Vec::new();
        let migrations = MigrationSettings::read(|key| reading.setting(known::MIGRATIONS, &[key], None), &mut lost)?;
        reading.warnings.extend(lost);
        let hints = hints(surroundings, database.source);
        let Reading { files, warnings, foreign, .. } = reading;
        let read = files.into_iter().map(|file| (file.document.path, file.document.is_empty)).chain(foreign);
        let (files, empty_files) = read.fold((vec![], vec![]), |(mut files, mut empty_files), (path, is_empty)| {
            empty_files.extend(is_empty.then(|| path.clone()));
            files.push(path);
            (files, empty_files)
        });
        Ok(Self { database, remotes, environment, migrations, warnings, hints, files, empty_files })
    }

    /// The database to use.
    pub fn database(&self) -> &Resolved {
        &self.database
    }

    /// The remotes, ordered by name.
    pub fn remotes(&self) -> impl ExactSizeIterator<Item = &Remote> {
        self.remotes.values()
    }

    /// The remote of a name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] with the names that there are.
    pub fn remote(&self, name: &str) -> Result<&Remote> {
        self.remotes.get(name).ok_or_else(|| {
            // What is no name may be a URL with a password in it.
            let message = match known::is_remote_name(name) {
                true => format!("there is no remote `{name}` in the configuration"),
                false => "the configuration has no such remote".to_owned(),
            };
            let names: Vec<&str> = self.remotes.keys().map(String::as_str).collect();
            Error::new(ErrorKind::NotFound, message).with_hint(match names.as_slice() {
                [] => format!("there are none; name one in {CHARTER_FILE}: `[remote:NAME]` and under it `url = ...`"),
                names => format!("the remotes are: {}", names.join(", ")),
            })
        })
    }

    /// The environment that the configuration asks for, if it does.
    pub fn environment(&self) -> Option<Environment> {
        self.environment
    }

    /// Where the project's own migrations are, and under which limits migrations run.
    pub fn migrations(&self) -> &MigrationSettings {
        &self.migrations
    }

    /// What was read over and probably meant otherwise, such as a misspelt key.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What PyCharter would have read where charter found nothing, and what to set instead.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The files that were read, strongest first.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether the other configuration makes a program do the same. Lines, warnings and hints do not count.
    pub fn same_settings(&self, other: &Self) -> bool {
        let urls = |configuration: &Self| -> Vec<(String, DatabaseUrl)> {
            configuration.remotes().map(|remote| (remote.name.clone(), remote.resolved.url.clone())).collect()
        };
        let migrations =
            |configuration: &Self| MigrationSettings { directory_place: None, ..configuration.migrations.clone() };
        self.database.url == other.database.url
            && self.database.source == other.database.source
            && self.environment == other.environment
            && migrations(self) == migrations(other)
            && urls(self) == urls(other)
    }
}

/// A text and where it was said.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) text: String,
    source: Source,
    pub(super) location: Option<Location>,
    variable: Option<String>,
    /// What a relative path of it is taken from.
    pub(super) base: PathBuf,
}

impl Setting {
    /// Adds the place to an error that this text caused.
    fn blame(&self, error: Error) -> Error {
        match (&self.location, &self.variable) {
            (Some(location), _) => error.at(&location.file, location.position),
            (None, Some(variable)) => error.context(variable.clone()),
            (None, None) => error.context(self.source.to_string()),
        }
    }

    pub(super) fn wrong(&self, message: impl Into<String>) -> Error {
        self.blame(Error::new(ErrorKind::Configuration, message.into()))
    }

    fn resolve(self) -> Result<Resolved> {
        self.refuse_empty()?;
        let url = DatabaseUrl::parse(&self.text).map_err(|error| self.blame(error))?.relative_to(&self.base);
        Ok(Resolved { url, source: self.source, location: self.location, variable: self.variable })
    }

    pub(super) fn refuse_empty(&self) -> Result<()> {
        if self.text.trim().is_empty() {
            return Err(self.wrong("the setting is empty").with_hint("give it a value, or remove it"));
        }
        Ok(())
    }

    /// What said it, for messages: the place in a file, the variable.
    pub(super) fn place(&self) -> String {
        match (&self.location, &self.variable) {
            (Some(location), _) => location.to_string(),
            (None, Some(variable)) => variable.clone(),
            (None, None) => self.source.to_string(),
        }
    }

    fn name(&self) -> String {
        match (&self.variable, self.location.as_ref().and_then(|location| location.position)) {
            (Some(variable), _) => variable.clone(),
            (None, Some(position)) => format!("line {}", position.line),
            (None, None) => self.source.to_string(),
        }
    }
}

/// The one setting that several names of it give.
fn agreed(settings: Vec<Setting>) -> Result<Option<Setting>> {
    let mut settings = settings.into_iter();
    let Some(first) = settings.next() else { return Ok(None) };
    match settings.find(|other| other.text != first.text) {
        None => Ok(Some(first)),
        Some(other) => {
            let (one, two) = (first.name(), other.name());
            Err(other
                .wrong(format!("{one} and {two} set the same thing to different values"))
                .with_hint("keep one of the two; `sql_alchemy_conn` and `url` are the same key of `[database]`"))
        }
    }
}

/// A charter.cfg.
struct File {
    source: Source,
    folder: PathBuf,
    document: Document,
}

impl File {
    fn read(place: Place, path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(path).to_owned();
        Ok(Self { source: Source::File(place), folder, document: read(path)? })
    }

    /// The setting that a section gives under any of these keys, its own before those of `[DEFAULT]`.
    fn setting(&self, section: &Section, keys: &[&str]) -> Result<Option<Setting>> {
        let of = |section: &Section| -> Vec<Setting> {
            let mut entries: Vec<_> = keys.iter().filter_map(|key| section.entry(key)).collect();
            entries.sort_by_key(|entry| entry.position);
            entries
                .into_iter()
                .map(|entry| Setting {
                    text: entry.value.clone(),
                    source: self.source,
                    location: Some(self.document.location(entry.position)),
                    variable: None,
                    base: self.folder.clone(),
                })
                .collect()
        };
        match agreed(of(section))? {
            Some(setting) => Ok(Some(setting)),
            None => agreed(of(&self.document.defaults)),
        }
    }

    /// Warns of names that charter does not know, and of comments that are none.
    fn warn(&self, warnings: &mut Vec<Warning>) {
        let mut warn = |position: Position, message: String| {
            warnings.push(Warning { message, location: Some(self.document.location(position)) });
        };
        for section in &self.document.sections {
            let Some(keys) = known::keys_of(&section.name) else {
                let message = match known::nearest_section(&section.name) {
                    Some(meant) => format!("charter does not know this section: is `[{meant}]` meant?"),
                    None => "charter does not know this section; it knows [database], [remote:NAME], [core] and \
                             [migrations]"
                        .into(),
                };
                warn(Position { line: section.line, column: 1 }, message);
                continue;
            };
            for entry in section.entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
                let message = match known::nearest(&entry.key, keys.iter().copied()) {
                    Some(meant) => format!("charter does not know the key `{}`: is `{meant}` meant?", entry.key),
                    None => format!("charter does not know this key; the section's keys are: {}", keys.join(", ")),
                };
                warn(entry.position, message);
            }
        }
        for entry in &self.document.defaults.entries {
            let mut sections = self.document.sections.iter().filter_map(|section| known::keys_of(&section.name));
            if !sections.any(|keys| keys.contains(&entry.key.as_str())) {
                warn(entry.position, "no section of this file has this key of [DEFAULT]".into());
            }
        }
        let sections = self.document.sections.iter().chain([&self.document.defaults]);
        for entry in sections.flat_map(|section| &section.entries) {
            let signs = ["#", ";"].map(|sign| format!(" {sign}"));
            if signs.iter().any(|sign| entry.value.contains(sign.as_str())) {
                let message = "what looks like a comment behind a value is part of the value; comments have lines of \
                               their own";
                warn(entry.position, message.into());
            }
        }
    }
}

/// A variable `CHARTER__SECTION__KEY`, section and key in small letters.
struct Variable<'a> {
    name: &'a str,
    section: String,
    key: String,
    value: &'a str,
}

const PREFIX: &str = "CHARTER__";
const DATABASE_VARIABLE: &str = "CHARTER_DATABASE_URL";
const ENVIRONMENT_VARIABLE: &str = "CHARTER_ENV";

/// The variables that name a section and a key; warns of those that name none that exists.
fn variables<'a>(surroundings: &'a Surroundings, warnings: &mut Vec<Warning>) -> Vec<Variable<'a>> {
    let mut found = Vec::new();
    let mut warn = |message: String| warnings.push(Warning { message, location: None });
    for (name, value) in &surroundings.variables {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            // Those of PyCharter have hints of their own.
            let is_ours = name.starts_with("CHARTER_");
            if is_ours && name != DATABASE_VARIABLE && known::nearest(name, [DATABASE_VARIABLE]).is_some() {
                warn(format!("charter does not know the variable {name}: is {DATABASE_VARIABLE} meant?"));
            }
            continue;
        };
        let (section, key) = rest.rsplit_once("__").unwrap_or((rest, ""));
        let section = match section.to_lowercase() {
            section if section.starts_with("remote__") => section.replacen("remote__", known::REMOTE_PREFIX, 1),
            section => section,
        };
        let key = key.to_lowercase();
        match known::keys_of(&section) {
            Some(keys) if keys.contains(&key.as_str()) && section != known::REMOTE_PREFIX => {
                found.push(Variable { name, section, key, value });
            }
            Some(keys) => {
                warn(format!("charter does not know the variable {name}; the section's keys are: {}", keys.join(", ")))
            }
            None => warn(format!(
                "charter does not know the variable {name}; the sections are: database, remote__NAME, core, \
                 migrations"
            )),
        }
    }
    found
}

/// A configuration on its way.
struct Reading<'a> {
    surroundings: &'a Surroundings,
    variables: Vec<Variable<'a>>,
    files: Vec<File>,
    warnings: Vec<Warning>,
    /// The alembic.ini files that were read, and whether each is empty.
    foreign: Vec<(PathBuf, bool)>,
}

impl Reading<'_> {
    fn said(&self, text: &str, source: Source, variable: Option<&str>) -> Setting {
        let base = self.surroundings.working_directory.clone();
        Setting { text: text.to_owned(), source, location: None, variable: variable.map(str::to_owned), base }
    }

    fn of_variable(&self, variable: &Variable<'_>) -> Setting {
        self.said(variable.value, Source::SectionVariable, Some(variable.name))
    }

    /// The strongest setting of a key: of variables, and then of files.
    fn setting(&self, section: &str, keys: &[&str], short: Option<&'static str>) -> Result<Option<Setting>> {
        let is_meant = |variable: &&Variable<'_>| variable.section == section && keys.contains(&variable.key.as_str());
        if let Some(setting) =
            agreed(self.variables.iter().filter(is_meant).map(|variable| self.of_variable(variable)).collect())?
        {
            return Ok(Some(setting));
        }
        if let Some(text) = short.and_then(|short| self.surroundings.variables.get(short)) {
            return Ok(Some(self.said(text, Source::ShortVariable, short)));
        }
        for file in &self.files {
            let Some(section) = file.document.section(section) else { continue };
            if let Some(setting) = file.setting(section, keys)? {
                return Ok(Some(setting));
            }
        }
        Ok(None)
    }

    fn database(&mut self, argument: Option<&str>) -> Result<Resolved> {
        if let Some(text) = argument {
            return self.said(text, Source::Argument, None).resolve();
        }
        if let Some(setting) = self.setting(known::DATABASE, known::DATABASE_KEYS, Some(DATABASE_VARIABLE))? {
            return setting.resolve();
        }
        for (place, path) in self.surroundings.find(ALEMBIC_FILE, &mut Vec::new()) {
            let context = "this file is read because nothing of charter's own names a database";
            if let Some(setting) = self.foreign(place, &path).map_err(|error| error.context(context))? {
                return setting.resolve().map_err(|error| error.context(context));
            }
        }
        self.said("sqlite:///charter.db", Source::Default, None).resolve()
    }

    fn foreign(&mut self, place: Place, path: &Path) -> Result<Option<Setting>> {
        let document = read(path)?;
        self.foreign.push((path.to_owned(), document.is_empty));
        let folder = path.parent().unwrap_or(path);
        Ok(alembic::database_url(&document, folder)?.map(|(entry, text)| Setting {
            text,
            source: Source::AlembicFile(place),
            location: Some(document.location(entry.position)),
            variable: None,
            base: folder.to_owned(),
        }))
    }

    fn environment(&self) -> Result<Option<Environment>> {
        let Some(setting) = self.setting(known::CORE, known::ENVIRONMENT_KEYS, Some(ENVIRONMENT_VARIABLE))? else {
            return Ok(None);
        };
        setting.refuse_empty()?;
        match Environment::ALL.into_iter().find(|environment| environment.as_str() == setting.text.trim()) {
            Some(environment) => Ok(Some(environment)),
            None => Err(setting.wrong("the environment is none of dev, staging and prod")),
        }
    }

    fn remotes(&self) -> Result<BTreeMap<String, Remote>> {
        let mut settings: BTreeMap<String, Setting> = BTreeMap::new();
        let mut without_url: BTreeMap<String, Location> = BTreeMap::new();
        for file in &self.files {
            for section in &file.document.sections {
                let Some(name) = section.name.strip_prefix(known::REMOTE_PREFIX).map(str::trim) else { continue };
                let header = Position { line: section.line, column: 1 };
                if !known::is_remote_name(name) {
                    let message = "a remote's name is made of letters, digits, `.`, `_` and `-`";
                    let error = Error::new(ErrorKind::Configuration, message);
                    return Err(error.at(&file.document.path, Some(header)));
                }
                match file.setting(section, known::REMOTE_KEYS)? {
                    _ if settings.contains_key(name) => {}
                    Some(setting) => _ = settings.insert(name.to_owned(), setting),
                    None => _ = without_url.entry(name.to_owned()).or_insert(file.document.location(header)),
                }
            }
        }
        let mut overrides: BTreeMap<String, Vec<Setting>> = BTreeMap::new();
        for variable in &self.variables {
            let Some(name) = variable.section.strip_prefix(known::REMOTE_PREFIX) else { continue };
            let setting = self.of_variable(variable);
            if !known::is_remote_name(name) {
                return Err(setting.wrong("a remote's name is made of letters, digits, `.`, `_` and `-`"));
            }
            let declared: BTreeSet<&String> = settings.keys().chain(without_url.keys()).collect();
            let same: Vec<&String> = declared.into_iter().filter(|other| folded(other) == folded(name)).collect();
            match same.as_slice() {
                [] => overrides.entry(name.to_owned()).or_default().push(setting),
                [only] => overrides.entry((*only).clone()).or_default().push(setting),
                [first, second, ..] => {
                    let message = format!("the variable means the remote `{first}` as well as `{second}`");
                    return Err(setting.wrong(message).with_hint("rename one of the two"));
                }
            }
        }
        for (name, given) in overrides {
            settings.extend(agreed(given)?.map(|setting| (name, setting)));
        }
        for (name, location) in without_url {
            if !settings.contains_key(&name) {
                let error = Error::new(ErrorKind::Configuration, format!("the remote `{name}` has no `url`"));
                return Err(error.at(&location.file, location.position));
            }
        }
        settings
            .into_iter()
            .map(|(name, setting)| Ok((name.clone(), Remote { name, resolved: setting.resolve()? })))
            .collect()
    }
}

/// A remote's name as a variable writes it.
fn folded(name: &str) -> String {
    name.to_lowercase().replace(['-', '.'], "_")
}

/// What PyCharter would have read and charter does not, where it would have counted.
fn hints(surroundings: &Surroundings, source: Source) -> Vec<String> {
    let mut hints = Vec::new();
    for (theirs, ours, rank) in [
        ("PYCHARTER__DATABASE__SQL_ALCHEMY_CONN", "CHARTER__DATABASE__SQL_ALCHEMY_CONN", Source::SectionVariable),
        ("PYCHARTER_DATABASE_URL", DATABASE_VARIABLE, Source::ShortVariable),
    ] {
        if source < rank && surroundings.variables.contains_key(theirs) {
            hints.push(format!("{theirs} is set, which charter does not read: set {ours} instead"));
        }
    }
    let home = surroundings.home.iter().map(|home| (Place::Home, home.join(".pycharter").join(PYCHARTER_FILE)));
    let found = surroundings.find(PYCHARTER_FILE, &mut Vec::new());
    for (place, path) in found.into_iter().chain(home.filter(|(_, path)| path.symlink_metadata().is_ok())) {
        if source < Source::File(place) {
            hints.push(format!(
                "{} is there, which charter does not read: put its `[database]` into a {CHARTER_FILE}",
                path.display()
            ));
        }
    }
    hints
}

#[cfg(test)]
mod tests;
