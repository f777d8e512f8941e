//! Whether a database has what its recorded revision says, and which revision it looks like when it records none.

use super::declared::Declarations;
use super::throw_away::Trial;
use super::{Aspect, Difference, DifferenceKind, Object, Schema};
use crate::config::DatabaseUrl;
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::migrate::connection::{MigrationConnection, Purpose};
use crate::migrate::manager::MigrationManager;
use crate::migrate::set::MigrationSet;
use std::collections::BTreeSet;

/// What a database has of a set, and whether that is what it should have.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SchemaInfo {
    /// The name of the set.
    pub set: String,
    /// The engine.
    pub engine: Engine,
    /// The number of the newest migration that the database has; `None` when it has none.
    pub revision: Option<i64>,
    /// The number of the newest migration that this program has.
    pub head: i64,
    /// What to think of it.
    pub state: SchemaState,
    /// In what the database is not what its revision should be.
    pub differences: Vec<Difference>,
    /// Which statements were not run where the revision was made to compare with, and why: they do something outside of the
    /// database, or need what such a statement would have made. What they make in the database is not known here.
    pub left_out: Vec<String>,
    /// The set's tables that the database has.
    pub tables: Vec<String>,
    /// The set's views that the database has.
    pub views: Vec<String>,
    /// The indexes of those tables that the database has.
    pub indexes: Vec<String>,
}

/// What to think of a database's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaState {
    /// They are what the recorded revision should be.
    Valid,
    /// They are not; see the differences.
    Different,
    /// The database has no history of the set, and should have nothing of it; see the differences.
    NotInitialized,
    /// The database has a migration that this program does not know, so that nobody can say here.
    Newer,
    /// It cannot be said, for this reason.
    Unknown(String),
}

impl SchemaState {
    /// The state as one stable lower-case word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Different => "different",
            Self::NotInitialized => "not_initialized",
            Self::Newer => "newer",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl SchemaInfo {
    /// Whether the database has what its revision should have.
    pub fn is_valid(&self) -> bool {
        self.state == SchemaState::Valid
    }

    /// What is missing.
    pub fn missing(&self) -> impl Iterator<Item = &Difference> {
        self.of_kind(DifferenceKind::Missing)
    }

    /// What should not be there.
    pub fn extra(&self) -> impl Iterator<Item = &Difference> {
        self.of_kind(DifferenceKind::Extra)
    }

    /// What is there and is another.
    pub fn different(&self) -> impl Iterator<Item = &Difference> {
        self.of_kind(DifferenceKind::Different)
    }

    fn of_kind(&self, kind: DifferenceKind) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(move |difference| difference.kind == kind)
    }
}

/// Which revision of a set a database looks like that records none.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Match {
    /// It has nothing of the set.
    Nothing,
    /// It is exactly as these migrations leave it, newest first: more than one when some of them change no tables.
    Exactly(Vec<i64>),
    /// It is like no revision.
    Nearest {
        /// The revision that it is least unlike.
        number: i64,
        /// In what it is not that.
        differences: Vec<Difference>,
    },
}

/// What a database has of a set, compared with what its recorded revision should be. Nothing is written to it; with
/// `against`, what a server's database should be is made in a throw-away one on that server.
///
/// # Errors
/// What the engine says.
pub(crate) fn schema_info(
    connection: &mut dyn MigrationConnection,
    set: &MigrationSet,
    against: Option<&DatabaseUrl>,
) -> Result<SchemaInfo> {
    let engine = connection.engine();
    let found = connection.found(set)?;
    let mut live = Schema::read(connection, set)?;
    let mut info = SchemaInfo {
        set: set.name().to_owned(),
        engine,
        revision: found.current(),
        head: set.head(),
        state: SchemaState::Valid,
        differences: Vec::new(),
        left_out: Vec::new(),
        tables: Vec::new(),
        views: Vec::new(),
        indexes: Vec::new(),
    };
    let asked = [info.revision, Some(info.head)];
    let is_asked = |number| asked.contains(&Some(number)) || forgets_names(set, number);
    match States::of(set, engine, against, Some(info.revision.unwrap_or(0)), &is_asked) {
        Ok(mut states) => {
            info.left_out = std::mem::take(&mut states.left_out);
            // The schema of charter's own tables on a server is charter's: what else is in it is told.
            if engine != Engine::Postgres || !set.is_charter() {
                live = states.known(live);
            }
            match states.differences(&live, info.revision) {
                Some(differences) => info.differences = differences,
                None => info.state = SchemaState::Newer,
            }
        }
        // Who names a server wants to know.
        Err(error) if against.is_some() && engine == Engine::Postgres => return Err(error),
        Err(error) => {
            info.state = SchemaState::Unknown(error.to_string());
            live = Schema { engine, ..Schema::default() };
        }
    }
    info.state = match info.state {
        SchemaState::Valid if info.revision.is_none() => SchemaState::NotInitialized,
        SchemaState::Valid if !info.differences.is_empty() => SchemaState::Different,
        state => state,
    };
    info.indexes = live.tables.values().flat_map(|table| table.indexes.keys().cloned()).collect();
    info.tables = live.tables.into_keys().collect();
    info.views = live.views.into_keys().collect();
    Ok(info)
}

/// Which revision a database looks like, whatever it records. Nothing is written.
///
/// # Errors
/// What the engine says, and when the set cannot be tried in a throw-away database.
pub(crate) fn matching_revision(connection: &mut dyn MigrationConnection, set: &MigrationSet) -> Result<Match> {
    let live = Schema::read(connection, set)?;
    // Where nothing is, nothing needs to be tried.
    if live.tables.is_empty() && live.views.is_empty() {
        return Ok(Match::Nothing);
    }
    let states = States::of(set, connection.engine(), None, None, &|_| true)?;
    let live = states.known(live);
    if live.tables.is_empty() && live.views.is_empty() {
        return Ok(Match::Nothing);
    }
    let mut exactly = Vec::new();
    let mut nearest: Option<(i64, Vec<Difference>)> = None;
    for (number, _) in states.states.iter().rev() {
        let differences = states.differences(&live, Some(*number)).unwrap_or_default();
        if differences.is_empty() {
            exactly.push(*number);
        } else if nearest.as_ref().is_none_or(|(_, least)| differences.len() < least.len()) {
            nearest = Some((*number, differences));
        }
    }
    Ok(match nearest {
        Some((number, differences)) if exactly.is_empty() => Match::Nearest { number, differences },
        _ => Match::Exactly(exactly),
    })
}

/// Whether what comes after a revision may take away a name: nothing goes without one of these words.
fn forgets_names(set: &MigrationSet, number: i64) -> bool {
    let next = set.migrations().iter().find(|migration| migration.number() > number);
    next.is_some_and(|next| {
        Engine::ALL.iter().any(|engine| {
            let text = next.up(*engine).text().to_ascii_lowercase();
            text.contains("drop") || text.contains("rename")
        })
    })
}

/// What revisions of a set should be, from a throw-away database. A server's is of SQLite unless one is named where it may be
/// made: asking a server must not write to it.
struct States<'a> {
    set: &'a MigrationSet,
    states: Vec<(i64, Schema)>,
    /// What was not run for them.
    left_out: Vec<String>,
}

impl<'a> States<'a> {
    /// The revisions of which `is_asked` gives true: all of them, or those that can be had where `needed` is among them.
    fn of(
        set: &'a MigrationSet,
        engine: Engine,
        against: Option<&DatabaseUrl>,
        needed: Option<i64>,
        is_asked: &dyn Fn(i64) -> bool,
    ) -> Result<Self> {
        let model = if engine == Engine::Postgres && against.is_none() { Engine::Sqlite } else { engine };
        if !set.engines().contains(&model) {
            let message = format!("the set {} is not written for {model}, which {engine} is compared with", set.name());
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let mut states = Vec::new();
        let mut reached = 0;
        let mut see = |number: i64, trial: &mut Trial<'_>| {
            reached = number;
            if is_asked(number) {
                states.push((number, trial.schema()?));
            }
            Ok(())
        };
        let mut trial = Trial::new(set, model, against)?;
        let walked = trial.walk(&mut see).context("applying the migrations to a throw-away database");
        // What is pending may need what only the database has that it is for.
        if needed.is_none_or(|needed| reached < needed) {
            walked?;
        }
        let left_out = set.migrations().iter().flat_map(|migration| trial.left_out(migration)).map(ToString::to_string);
        let left_out = left_out.collect();
        trial.close()?;
        Ok(Self { set, states, left_out })
    }

    /// Leaves in a schema what the set makes at these revisions: the rest of a shared database is nobody's business here.
    fn known(&self, mut live: Schema) -> Schema {
        let known: BTreeSet<String> = self
            .states
            .iter()
            .flat_map(|(_, state)| state.tables.keys().chain(state.views.keys()).chain(state.others.keys()))
            .map(|name| name.to_lowercase())
            .collect();
        let is_known = |name: &String| known.contains(&name.to_lowercase());
        live.tables.retain(|name, _| is_known(name));
        live.views.retain(|name, _| is_known(name));
        live.others.retain(|name, _| is_known(name));
        live
    }

    /// In what a database is not a revision, before the first of which nothing is; `None` when there is no such revision.
    fn differences(&self, live: &Schema, number: Option<i64>) -> Option<Vec<Difference>> {
        let nothing = Schema { engine: live.engine, ..Schema::default() };
        let wanted = match number {
            None => &nothing,
            Some(number) => self.states.iter().find(|(known, _)| *known == number).map(|(_, state)| state)?,
        };
        let mut differences = live.differences(wanted);
        if live.engine != wanted.engine {
            let declared = Declarations::of(self.set, (live.engine, wanted.engine), |of| Some(of) <= number);
            differences.retain(|difference| !declared.cover(difference));
        }
        if live.engine == Engine::Postgres {
            // Going down and up again moves a column to the end; comments, owners and privileges are given by hand.
            differences.retain(|difference| {
                difference.aspect != Some(Aspect::ColumnOrder)
                    && !matches!(difference.object, Object::Comment | Object::Other)
            });
        }
        Some(differences)
    }
}

impl MigrationManager {
    /// What the database has of each set, compared with what its recorded revision should be. Nothing is written.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file, and what the engine says.
    pub fn get_schema_info(&self) -> Result<Vec<SchemaInfo>> {
        self.get_schema_info_against(None)
    }

    /// [`MigrationManager::get_schema_info`], with what a server's database should be made in a throw-away database on another
    /// server, or on the same, which is dropped at the end. Without a server it is made in SQLite, where a set that is not
    /// written for SQLite cannot be tried. An embedded file does without.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file, [`ErrorKind::Invalid`] when `server` is none, and what the engine
    /// says.
    pub fn get_schema_info_against(&self, server: Option<&DatabaseUrl>) -> Result<Vec<SchemaInfo>> {
        let mut connection = self.connect(Purpose::Read)?;
        if let Some(server) = server.filter(|url| url.with_database("").is_none()) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("{server} is no server, on which a database could be made"),
            ));
        }
        self.sets().iter().map(|set| schema_info(&mut *connection, set, server)).collect()
    }

    /// In what the database is not what its recorded revisions should be; empty when it is valid. Nothing is written.
    ///
    /// # Errors
    /// [`ErrorKind::NotInitialized`] when the database has no history of charter's own set, [`ErrorKind::Refused`] when it has
    /// a migration that this program does not know, [`ErrorKind::Unsupported`] when a set cannot be tried here, and as
    /// [`MigrationManager::get_schema_info`].
    pub fn validate_schema(&self) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for info in self.get_schema_info()? {
            match info.state {
                SchemaState::NotInitialized if info.set == MigrationSet::charter().name() => {
                    let message = "the database has no history of charter's tables";
                    return Err(Error::new(ErrorKind::NotInitialized, message)
                        .with_hint("`charter db init` makes the tables, or takes over those that are there"));
                }
                // A set of the program beside charter's may not have begun: then it has nothing.
                SchemaState::Valid | SchemaState::Different | SchemaState::NotInitialized => {
                    differences.extend(info.differences);
                }
                SchemaState::Newer => {
                    let message =
                        "the database has migrations that this program does not know, so that it cannot be judged";
                    return Err(Error::new(ErrorKind::Refused, message).with_hint("install a newer charter"));
                }
                SchemaState::Unknown(reason) => return Err(Error::new(ErrorKind::Unsupported, reason)),
            }
        }
        Ok(differences)
    }

    /// Which revision of a set the database looks like, whatever its history says. Nothing is written.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file; when the set cannot be tried in a throw-away database; and what
    /// the engine says.
    pub fn get_matching_revision(&self, set: &MigrationSet) -> Result<Match> {
        matching_revision(&mut *self.connect(Purpose::Read)?, set)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::migrate::schema::throw_away;

    const BOOKS: &str =
        "CREATE TABLE books (id BIGINT NOT NULL PRIMARY KEY, title VARCHAR(80) NOT NULL DEFAULT 'none', pages BIGINT,
        CHECK (pages > 0)); CREATE INDEX books_title ON books (title); CREATE VIEW titles AS SELECT title FROM books;";
    const READERS: &str = "CREATE TABLE readers (id BIGINT NOT NULL PRIMARY KEY, name TEXT UNIQUE);";
    const EMPTY: &str = "UPDATE readers SET name = 'x';";

    fn set() -> MigrationSet {
        let files = [
            ("V1__books.sql", BOOKS),
            ("V1__books.down.sql", "DROP VIEW titles; DROP INDEX books_title; DROP TABLE books;"),
            ("V2__readers.sql", READERS),
            ("V2__readers.down.sql", "DROP TABLE readers;"),
            ("V3__empty.sql", EMPTY),
            ("V3__empty.down.sql", "SELECT 1;"),
        ];
        MigrationSet::from_files("library", files).expect("a set")
    }

    fn engines() -> Vec<Engine> {
        let engines = [Engine::Sqlite, Engine::DuckDb];
        engines.into_iter().filter(|engine| *engine == Engine::Sqlite || cfg!(feature = "duckdb")).collect()
    }

    fn lines(differences: &[Difference]) -> Vec<String> {
        differences.iter().map(ToString::to_string).collect()
    }

    /// What is told of a database at head in which something was done.
    fn info(engine: Engine, sql: &str) -> SchemaInfo {
        let set = set();
        let mut trial = Trial::new(&set, engine, None).expect("a database");
        trial.go_to(Some(set.head())).expect("the migrations");
        trial.database().execute(sql).expect(sql);
        schema_info(trial.database(), &set, None).expect("an answer")
    }

    #[test]
    fn a_database_is_valid_whatever_else_lives_in_it() {
        for engine in engines() {
            let info = info(engine, "CREATE TABLE guests (a TEXT); CREATE VIEW others AS SELECT a FROM guests");
            assert_eq!((info.state.as_str(), lines(&info.differences)), ("valid", vec![]), "{engine}");
            assert_eq!((info.revision, info.head), (Some(3), 3));
            assert_eq!(info.tables, ["books", "readers"]);
            assert_eq!((info.views, info.indexes), (vec!["titles".to_owned()], vec!["books_title".to_owned()]));
        }
    }

    #[test]
    fn what_was_done_to_the_tables_by_hand_is_told() {
        for (sql, difference) in [
            ("DROP VIEW titles", "missing: view titles"),
            ("DROP TABLE readers", "missing: table readers"),
            ("DROP INDEX books_title", "missing: index books_title of books"),
            ("CREATE INDEX more ON books (pages)", "extra: index more of books"),
            ("ALTER TABLE readers ADD COLUMN age BIGINT", "extra: column readers.age"),
            (
                "DROP INDEX books_title; CREATE UNIQUE INDEX books_title ON books (title)",
                "different: index books_title of books: uniqueness UNIQUE instead of not unique",
            ),
            (
                "DROP VIEW titles; CREATE VIEW titles AS SELECT title FROM books WHERE pages > 3",
                "different: view titles: definition SELECT title FROM books WHERE",
            ),
            ("DROP TABLE readers; CREATE VIEW readers AS SELECT 1 AS id", "extra: view readers"),
            (
                "DROP TABLE readers; CREATE TABLE readers (id BIGINT NOT NULL PRIMARY KEY, name TEXT)",
                "missing: unique constraint (name) of readers",
            ),
            (
                "DROP TABLE readers; CREATE TABLE readers (id INTEGER NOT NULL PRIMARY KEY, name TEXT UNIQUE)",
                "different: column readers.id: type INTEGER instead of BIGINT",
            ),
        ] {
            for engine in engines() {
                let info = info(engine, sql);
                assert_eq!(info.state, SchemaState::Different, "{sql}");
                let told = lines(&info.differences);
                assert!(told.iter().any(|line| line.starts_with(difference)), "{difference}: {told:?}");
                let parts = info.missing().count() + info.extra().count() + info.different().count();
                assert_eq!(parts, info.differences.len());
            }
        }
    }

    #[test]
    fn the_recorded_revision_is_what_counts() {
        let set = set();
        for engine in engines() {
            let mut trial = Trial::new(&set, engine, None).expect("a database");
            assert_eq!(
                schema_info(trial.database(), &set, None).expect("an answer").state,
                SchemaState::NotInitialized
            );
            trial.database().execute(READERS).expect(READERS);
            let info = schema_info(trial.database(), &set, None).expect("an answer");
            assert_eq!(
                (info.state, lines(&info.differences)),
                (SchemaState::NotInitialized, vec!["extra: table readers".into()])
            );
            trial.database().execute("DROP TABLE readers").expect("a table");
            trial.go_to(Some(1)).expect("the first migration");
            let info = schema_info(trial.database(), &set, None).expect("an answer");
            assert_eq!(
                (info.state, info.revision, info.tables),
                (SchemaState::Valid, Some(1), vec!["books".to_owned()])
            );
            trial.database().execute(READERS).expect(READERS);
            let info = schema_info(trial.database(), &set, None).expect("an answer");
            assert_eq!(lines(&info.differences), ["extra: table readers"]);

            trial.go_to(None).expect("the way down");
            trial.go_to(Some(3)).expect_err("the table is there");
            let old = MigrationSet::from_files("library", [("V1__books.sql", BOOKS)]).expect("a set");
            let mut trial = Trial::new(&set, engine, None).expect("a database");
            trial.go_to(Some(3)).expect("the migrations");
            assert_eq!(schema_info(trial.database(), &old, None).expect("an answer").state, SchemaState::Newer);
        }
    }

    #[test]
    fn what_a_set_has_taken_away_is_not_left_over() {
        let files = [
            ("V1__old.sql", "CREATE TABLE old (a BIGINT PRIMARY KEY);"),
            ("V2__gone.sql", "DROP TABLE old;"),
            ("V3__new.sql", "CREATE TABLE new (a BIGINT PRIMARY KEY);"),
        ];
        let set = MigrationSet::from_files("library", files).expect("a set");
        for engine in engines() {
            let mut trial = Trial::new(&set, engine, None).expect("a database");
            trial.go_to(Some(3)).expect("the migrations");
            trial.database().execute("CREATE TABLE old (a BIGINT PRIMARY KEY)").expect("a table");
            let info = schema_info(trial.database(), &set, None).expect("an answer");
            assert_eq!(lines(&info.differences), ["extra: table old"], "{engine}");
        }
    }

    #[test]
    fn a_database_without_a_history_looks_like_a_revision_or_like_none() {
        let set = set();
        for engine in engines() {
            let matching = |sql: &str| {
                let mut database = throw_away(engine, None).expect("a database");
                database.execute(sql).expect(sql);
                matching_revision(&mut *database, &set).expect("an answer")
            };
            assert!(matches!(matching("CREATE TABLE guests (a TEXT)"), Match::Nothing));
            let found = matching(&format!("CREATE TABLE guests (a TEXT); {BOOKS}"));
            assert!(matches!(&found, Match::Exactly(numbers) if numbers == &[1]), "{found:?}");
            // A migration of rows alone cannot be seen.
            let found = matching(&format!("{BOOKS} {READERS}"));
            assert!(matches!(&found, Match::Exactly(numbers) if numbers == &[3, 2]), "{found:?}");
            let found = matching(&BOOKS.replace("VARCHAR(80)", "DATE"));
            let Match::Nearest { number: 1, differences } = &found else { panic!("{found:?}") };
            let told = lines(differences);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with("different: column books.title: type DATE instead of VARCHAR"), "{told:?}");
        }
    }
}
