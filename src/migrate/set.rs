//! Sets of migrations.

use super::files::{self, Texts};
use super::script::Script;
use crate::config::{SET_NAME_RULE, is_set_name};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Location, Result};
use charter_sync::Digest;
use siphasher::sip::SipHasher13;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// One migration of a set: the text that brings a database up, the text that takes it back, and the variants of both for
/// engines that cannot run them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    pub(super) number: i64,
    pub(super) slug: String,
    id: String,
    pub(super) up: Script,
    pub(super) down: Option<Script>,
    pub(super) overlays: BTreeMap<Engine, Overlay>,
}

/// A migration's variant for one engine. A side that is not there is the base's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Overlay {
    pub(super) up: Option<Script>,
    pub(super) down: Option<Script>,
}

impl Migration {
    /// A migration without a way down, from its base file.
    pub(super) fn new(number: i64, slug: String, up: Script) -> Self {
        let id = Digest::of(&[up.text().as_bytes()]).to_string()[..12].to_owned();
        Self { number, slug, id, up, down: None, overlays: BTreeMap::new() }
    }

    /// Its place in the set: charter's own count 1, 2, 3; those of a project are times, `20260131120000`.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// What it does, in a few words joined by `_`, as in its file's name.
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// The first 12 hexadecimal digits of the digest of its base text, line endings aside: the same on every engine.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// What an engine runs to apply it.
    pub fn up(&self, engine: Engine) -> &Script {
        self.overlays.get(&engine).and_then(|overlay| overlay.up.as_ref()).unwrap_or(&self.up)
    }

    /// What an engine runs to take it back; `None` when the set has no such file, or nobody has written it yet.
    pub fn down(&self, engine: Engine) -> Option<&Script> {
        let overlay = self.overlays.get(&engine).and_then(|overlay| overlay.down.as_ref());
        overlay.or(self.down.as_ref()).filter(|script| !script.is_unwritten())
    }

    /// Whether an engine has a text of its own, up or down.
    pub fn has_overlay(&self, engine: Engine) -> bool {
        self.overlays.contains_key(&engine)
    }

    /// The files that it is made of: the base, its down, and the overlays.
    pub fn scripts(&self) -> Vec<&Script> {
        let overlays = self.overlays.values().flat_map(|overlay| [overlay.up.as_ref(), overlay.down.as_ref()]);
        [Some(&self.up), self.down.as_ref()].into_iter().chain(overlays).flatten().collect()
    }

    /// The oldest program that may use a database which has this migration: `-- charter: minimum-program VERSION`, else
    /// the first one that there was.
    pub fn minimum_program(&self) -> &str {
        let said = self.up.directives().into_iter().find(|directive| directive.name == "minimum-program");
        said.map_or("0.1.0", |directive| directive.argument)
    }

    /// The checksum that refinery keeps in the history: SipHash-1-3 over slug, number and the text that an engine runs.
    pub fn checksum(&self, engine: Engine) -> u64 {
        checksum(&self.slug, self.number, self.up(engine))
    }

    /// The description that people read: the slug in words.
    pub fn description(&self) -> String {
        self.slug.replace('_', " ")
    }
}

/// What [`Migration::checksum`] gives of a migration whose parts are known.
pub(super) fn checksum(slug: &str, number: i64, script: &Script) -> u64 {
    let mut hasher = SipHasher13::new();
    slug.hash(&mut hasher);
    number.hash(&mut hasher);
    script.text().hash(&mut hasher);
    hasher.finish()
}

/// `1 contracts 0f0f0f0f0f0f`.
impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.number, self.slug, self.id())
    }
}

/// Something that is wrong with the files of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Whether it keeps the set from being applied; otherwise it is a warning.
    pub is_error: bool,
    /// Where: the file, and the line if there is one.
    pub location: Location,
    /// What.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}

/// An ordered list of migrations with one history table.
#[derive(Debug, Clone)]
pub struct MigrationSet {
    name: String,
    schema: String,
    directory: Option<PathBuf>,
    engines: Vec<Engine>,
    migrations: Vec<Migration>,
    /// The files that cannot be read.
    unread: Vec<Problem>,
    /// What is wrong whatever the engine, these among it.
    of_files: Vec<Problem>,
    /// The same, and what is wrong on the engines that it is written for, once somebody asks.
    problems: OnceLock<Vec<Problem>>,
}

/// The name of charter's own set, and of its room in Postgres.
const CHARTER: &str = "charter";

impl MigrationSet {
    /// charter's own set, which is part of the program.
    pub fn charter() -> &'static Self {
        static SET: OnceLock<MigrationSet> = OnceLock::new();
        SET.get_or_init(|| {
            let files = [
                ("V1__contracts.sql", include_str!("../../migrations/V1__contracts.sql")),
                ("V1__contracts.down.sql", include_str!("../../migrations/V1__contracts.down.sql")),
                ("V1__contracts.duckdb.sql", include_str!("../../migrations/V1__contracts.duckdb.sql")),
                ("V1__contracts.duckdb.down.sql", include_str!("../../migrations/V1__contracts.duckdb.down.sql")),
            ];
            Self::of(CHARTER, CHARTER, None, files.map(|(name, text)| (PathBuf::from(name), text.to_owned())))
        })
    }

    /// A set of texts that are part of a program; see [`embed_migrations!`](crate::embed_migrations). On Postgres its
    /// tables are in the schema `public`; see [`MigrationSet::in_schema`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the name cannot be a set's, or the files do not make a set whatever the engine: the first
    /// problem is the message.
    ///
    /// # Examples
    /// ```
    /// use charter::migrate::MigrationSet;
    ///
    /// let set = MigrationSet::from_files("shop", [
    ///     ("V1__orders.sql", "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY);"),
    ///     ("V1__orders.down.sql", "DROP TABLE orders;"),
    /// ])?;
    /// assert_eq!(set.history_table(), "shop_schema_history");
    /// assert_eq!(set.head(), 1);
    /// # Ok::<(), charter::Error>(())
    /// ```
    pub fn from_files<'a>(name: &str, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        check_name(name)?;
        let files = files.into_iter().map(|(name, text)| (PathBuf::from(name), text.to_owned()));
        let set = Self::of(name, "public", None, files);
        first_error(&set.of_files).map(|()| set)
    }

    /// The set of a folder. What is wrong with its files is in [`MigrationSet::problems`], so that all of it can be
    /// told, those that cannot be read among them.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the name cannot be a set's; [`ErrorKind::NotFound`] and [`ErrorKind::Io`] when the
    /// folder cannot be read.
    pub fn from_directory(name: &str, directory: &Path) -> Result<Self> {
        check_name(name)?;
        let set = Self::of(name, "public", Some(directory.to_owned()), files::read_directory(directory)?);
        Ok(set)
    }

    /// Compares a set that is part of a program with the folder that it was taken from: that no file was forgotten, such as
    /// an overlay that was written later. For a test of that program.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the files that only one of the two has, or that have another text; as
    /// [`MigrationSet::from_directory`].
    ///
    /// # Examples
    /// ```
    /// use std::path::Path;
    ///
    /// let set = charter::embed_migrations!("shop", "examples/migrations", ["V1__orders.sql", "V1__orders.down.sql"])?;
    /// let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/migrations");
    /// let forgotten = set.check_files(&folder).map_err(|error| error.to_string());
    /// assert!(forgotten.is_err_and(|message| message.contains("V2__add_note.sql is not in the set")));
    /// # Ok::<(), charter::Error>(())
    /// ```
    pub fn check_files(&self, directory: &Path) -> Result<()> {
        let folder = Self::from_directory(&self.name, directory)?;
        first_error(&folder.of_files)?;
        let (own, theirs) = (self.texts(), folder.texts());
        let missing =
            theirs.keys().filter(|name| !own.contains_key(*name)).map(|name| format!("{name} is not in the set"));
        let differing = own.iter().filter_map(|(name, text)| match theirs.get(name) {
            None => Some(format!("{name} is not in the folder")),
            Some(other) => (other != text).then(|| format!("{name} has another text in the folder")),
        });
        let problems: Vec<String> = missing.chain(differing).collect();
        if problems.is_empty() {
            return Ok(());
        }
        let message = format!("the set {} is not what its folder has: {}", self.name, problems.join(", "));
        Err(Error::new(ErrorKind::Invalid, message)
            .at(directory, None)
            .with_hint("name every file of the folder where the set is made"))
    }

    /// The texts of the files, by their names.
    fn texts(&self) -> BTreeMap<String, &str> {
        let scripts = self.migrations.iter().flat_map(Migration::scripts);
        scripts.map(|script| (files::name_of(script.file()), script.text())).collect()
    }

    /// The same set with its tables in another schema of Postgres, which is made if it is missing.
    #[must_use]
    pub fn in_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// The same set, said to be written for these engines alone.
    #[must_use]
    pub fn for_engines(mut self, engines: impl Into<Vec<Engine>>) -> Self {
        self.engines = engines.into();
        self.problems = OnceLock::new();
        self
    }

    /// charter's own set from a folder, as in its source tree, in place of the one that is part of the program.
    ///
    /// # Errors
    /// As [`MigrationSet::from_directory`].
    pub(super) fn charter_from_directory(directory: &Path) -> Result<Self> {
        Ok(Self::of(CHARTER, CHARTER, Some(directory.to_owned()), files::read_directory(directory)?))
    }

    pub(super) fn of(name: &str, schema: &str, directory: Option<PathBuf>, texts: impl Into<Texts>) -> Self {
        let texts = texts.into();
        let unread = texts.unread.clone();
        let (migrations, of_files) = files::assemble(texts);
        Self {
            name: name.to_owned(),
            schema: schema.to_owned(),
            directory,
            engines: Engine::ALL.to_vec(),
            migrations,
            unread,
            of_files,
            problems: OnceLock::new(),
        }
    }

    /// The same set as its folder has it now.
    ///
    /// # Errors
    /// As [`MigrationSet::from_directory`].
    pub(super) fn read_again(&self) -> Result<Self> {
        let Some(directory) = &self.directory else { return Ok(self.clone()) };
        let texts = files::read_directory(directory)?;
        let set = Self::of(&self.name, &self.schema, Some(directory.clone()), texts);
        Ok(set.for_engines(self.engines.clone()))
    }

    /// What the set is called: `charter` for charter's own.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is charter's own set.
    pub fn is_charter(&self) -> bool {
        self.name == CHARTER
    }

    /// The schema of Postgres in which its tables are, its history included. Embedded files have no such rooms.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Whether its texts are part of a program, so that whoever runs it cannot change them.
    pub(super) fn is_embedded(&self) -> bool {
        self.directory.is_none()
    }

    /// The folder of its files, when it has one.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// The engines that it is written for; all of them, unless somebody said otherwise.
    pub fn engines(&self) -> &[Engine] {
        &self.engines
    }

    /// The table that says which migrations a database has: refinery's.
    pub fn history_table(&self) -> String {
        format!("{}_schema_history", self.name)
    }

    /// The table that says who did what to the set's tables, when and why.
    pub fn audit_table(&self) -> String {
        format!("{}_schema_audit", self.name)
    }

    /// The migrations, ascending.
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// The migration with a number.
    pub fn migration(&self, number: i64) -> Option<&Migration> {
        let place = self.migrations.binary_search_by_key(&number, Migration::number).ok()?;
        self.migrations.get(place)
    }

    /// The newest migration's number, or 0.
    pub fn head(&self) -> i64 {
        self.migrations.last().map_or(0, Migration::number)
    }

    /// What is wrong with the files on the engines that the set is written for, in the files' order.
    pub fn problems(&self) -> &[Problem] {
        self.problems.get_or_init(|| {
            let mut problems = files::problems(&self.of_files, &self.migrations, &self.engines);
            problems.extend(self.directory.iter().flat_map(|directory| files::in_subfolders(directory)));
            problems
        })
    }

    /// Refuses a set that cannot be applied on every engine that it is written for.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the first problem that is an error, and its place.
    pub fn check(&self) -> Result<()> {
        first_error(self.problems())
    }

    /// Refuses a set of which a file cannot be read: what a database has is not compared with a part of it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the first such file.
    pub(super) fn check_read(&self) -> Result<()> {
        first_error(&self.unread)
    }

    /// Refuses a set that cannot be applied on an engine, whatever its migrations say.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the first problem of the files, and its place; [`ErrorKind::Unsupported`] when the set is
    /// not written for the engine.
    pub(super) fn check_on(&self, engine: Engine) -> Result<()> {
        first_error(&self.of_files)?;
        if self.engines.contains(&engine) {
            return Ok(());
        }
        let message = format!("the migrations of the set {} are not written for {engine}", self.name);
        Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("`engines` in the section [migrations] of charter.cfg says for which they are"))
    }
}

/// Refuses migrations that cannot run on an engine as charter runs them.
///
/// # Errors
/// [`ErrorKind::Invalid`] with the first problem, and its place.
pub(super) fn check_migrations(migrations: &[Migration], engine: Engine) -> Result<()> {
    first_error(&files::problems(&[], migrations, &[engine]))
}

fn first_error(problems: &[Problem]) -> Result<()> {
    let Some(problem) = problems.iter().find(|problem| problem.is_error) else { return Ok(()) };
    Err(Error::new(ErrorKind::Invalid, problem.message.clone())
        .at(&problem.location.file, problem.location.position)
        .with_hint("`charter db validate` shows everything that is wrong with the files"))
}

/// A set's name is part of its tables' names.
fn check_name(name: &str) -> Result<()> {
    match is_set_name(name) {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Invalid, format!("{name:?} cannot be the name of a set of migrations"))
            .with_hint(SET_NAME_RULE)),
    }
}

/// The files of a folder as a [`MigrationSet`] that is part of the program: the set's name, the folder from the root of the
/// package, the files' names. Gives what [`MigrationSet::from_files`] gives. A file that is not named is not part of the
/// program: let a test call [`MigrationSet::check_files`].
///
/// # Examples
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("sqlite:///{}", folder.path().join("shop.db").display());
/// let set = charter::embed_migrations!("shop", "examples/migrations", ["V1__orders.sql", "V1__orders.down.sql"])?;
/// let manager = charter::migrate::MigrationManager::new(&url)?.with_set(set);
/// manager.run_migrations("head")?;
/// # Ok::<(), charter::Error>(())
/// ```
#[macro_export]
macro_rules! embed_migrations {
    ($name:expr, $directory:literal, [$($file:literal),* $(,)?]) => {
        $crate::migrate::MigrationSet::from_files(
            $name,
            [$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $directory, "/", $file)))),*],
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_refinerys() {
        for migration in MigrationSet::charter().migrations() {
            for engine in Engine::ALL {
                let name = format!("V{}__{}", migration.number(), migration.slug());
                let theirs =
                    refinery_core::Migration::unapplied(&name, migration.up(engine).text()).expect("a good name");
                assert_eq!(theirs.checksum(), migration.checksum(engine));
            }
        }
    }

    #[test]
    fn line_endings_change_neither_id_nor_checksum() {
        let set = |text| MigrationSet::from_files("a", [("V1__a.sql", text)]).expect("a set");
        let (unix, windows) = (set("SELECT 1;\n"), set("SELECT 1;\r\n"));
        let identity = |set: &MigrationSet| (set.migrations()[0].id(), set.migrations()[0].checksum(Engine::Sqlite));
        assert_eq!(identity(&unix), identity(&windows));
    }

    #[test]
    fn charters_own_set_has_no_problems() {
        assert_eq!(MigrationSet::charter().problems(), []);
    }
}
