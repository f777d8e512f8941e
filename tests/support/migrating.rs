//! Projects with migrations of their own: a folder of files, and a database.

use super::postgres::{self, Database, Rows, Session};
use super::stores::{parse, query_file};
use charter::config::Environment;
use charter::migrate::{DowngradeOptions, Event, MigrationManager, MigrationSet, Revision, UpgradeOptions};
use charter::{Engine, Result};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The engines of this build that migrations run on.
pub(crate) const ENGINES: &[Engine] = &[
    Engine::Sqlite,
    Engine::Postgres,
    #[cfg(feature = "duckdb")]
    Engine::DuckDb,
];

/// The name of the set of a project.
pub(crate) const SET: &str = "shop";

/// A folder of migrations and a database in dev that has charter's own tables; both are removed with the value.
pub(crate) struct Project {
    folder: TempDir,
    url: String,
    engine: Engine,
    database: Option<(Database, Session)>,
}

impl Project {
    /// A project with these files.
    #[track_caller]
    pub(crate) fn new(engine: Engine, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("charter-project.").tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("migrations")).expect("a folder");
        let database = (engine == Engine::Postgres).then(|| {
            let database = postgres::database();
            let session = Session::open(database.url());
            // The user is called as charter's schema is, which would come first.
            session.query("SET search_path = public");
            (database, session)
        });
        let url = match (&database, engine) {
            (Some((database, _)), _) => database.url().to_owned(),
            (None, Engine::DuckDb) => format!("duckdb:///{}", folder.path().join("shop.duckdb").display()),
            (None, _) => format!("sqlite:///{}", folder.path().join("shop.db").display()),
        };
        let project = Self { folder, url, engine, database };
        for (name, text) in files {
            project.write(name, text);
        }
        MigrationManager::of(parse(&project.url))
            .with_environment(Environment::Dev)
            .run_migrations("head")
            .expect("charter's tables");
        project
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The folder of its files.
    pub(crate) fn directory(&self) -> PathBuf {
        self.folder.path().join("migrations")
    }

    /// The file of its database.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join(if self.engine == Engine::DuckDb { "shop.duckdb" } else { "shop.db" })
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory().join(name), text).expect("a file");
    }

    pub(crate) fn manager(&self) -> MigrationManager {
        manager(&self.url, &self.directory())
    }

    /// Brings it to a revision, upwards; gives the numbers that were applied.
    pub(crate) fn upgrade(&self, revision: &str) -> Result<Vec<i64>> {
        upgrade(&self.manager(), revision, &mut |_| {})
    }

    /// Takes it back to a revision; gives the numbers that were taken back.
    pub(crate) fn downgrade(&self, revision: &str) -> Result<Vec<i64>> {
        downgrade(&self.manager(), revision, &mut |_| {})
    }

    /// The rows of a query, as another program sees them.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Rows {
        match self.engine {
            Engine::Postgres => self.database.as_ref().expect("a database").1.query(sql),
            Engine::Sqlite => query_file(&self.file(), sql),
            Engine::DuckDb => query_duckdb(&self.file(), sql),
        }
    }

    /// Changes the database behind charter's back.
    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        match self.engine {
            Engine::Sqlite => super::stores::sqlite(&self.file()).execute_batch(sql).expect(sql),
            _ => drop(self.query(sql)),
        }
    }

    /// The rows of a query as lines.
    #[track_caller]
    pub(crate) fn lines(&self, sql: &str) -> Vec<String> {
        let text = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
        self.query(sql).into_iter().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join(" ")).collect()
    }

    /// The numbers in its history.
    #[track_caller]
    pub(crate) fn history(&self) -> Vec<String> {
        match self.has_table("shop_schema_history") {
            true => self.lines("SELECT version FROM shop_schema_history ORDER BY version"),
            false => Vec::new(),
        }
    }

    /// What its audit says, in order: what was done, and to which migration.
    #[track_caller]
    pub(crate) fn audit(&self) -> Vec<String> {
        match self.has_table("shop_schema_audit") {
            true => self.lines("SELECT action, version FROM shop_schema_audit ORDER BY entry"),
            false => Vec::new(),
        }
    }

    #[track_caller]
    fn has_table(&self, name: &str) -> bool {
        !self.lines(&format!("SELECT name FROM ({}) AS t WHERE name = '{name}'", self.relations())).is_empty()
    }

    fn relations(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "SELECT name, sql AS def FROM sqlite_schema",
            Engine::DuckDb => {
                "SELECT table_name AS name, sql AS def FROM duckdb_tables() UNION ALL \
                 SELECT index_name, sql FROM duckdb_indexes()"
            }
            Engine::Postgres => {
                "SELECT table_name AS name, column_name || ' ' || data_type AS def FROM information_schema.columns \
                 WHERE table_schema = 'public' UNION ALL SELECT indexname, indexdef || ' ' || i.indisvalid FROM pg_indexes \
                 JOIN pg_index AS i ON i.indexrelid = format('%I.%I', schemaname, indexname)::regclass \
                 WHERE schemaname = 'public'"
            }
        }
    }

    /// What is in the database but charter's own and the history: tables, indexes, and the rows of the table `things`.
    #[track_caller]
    pub(crate) fn catalogue(&self) -> Vec<String> {
        let relations = format!(
            "SELECT name, def FROM ({}) AS t WHERE name NOT LIKE 'shop_schema_%' AND name NOT LIKE 'charter_%' \
             AND name NOT LIKE 'sqlite_%' AND def NOT LIKE 'CREATE VIEW%' ORDER BY name, def",
            self.relations()
        );
        let mut lines = self.lines(&relations);
        if self.has_table("things") {
            lines.extend(self.lines("SELECT * FROM things ORDER BY 1"));
        }
        lines
    }
}

#[cfg(feature = "duckdb")]
#[track_caller]
fn query_duckdb(file: &Path, sql: &str) -> Rows {
    let connection = duckdb::Connection::open(file).expect("a DuckDB file");
    let mut statement = connection.prepare(sql).expect(sql);
    let mut rows = statement.query([]).expect(sql);
    let mut found = Vec::new();
    while let Some(row) = rows.next().expect(sql) {
        let columns = row.as_ref().column_count();
        let value = |column: usize| match row.get::<_, duckdb::types::Value>(column).expect("a value") {
            duckdb::types::Value::Null => None,
            duckdb::types::Value::Text(text) => Some(text),
            duckdb::types::Value::Int(number) => Some(number.to_string()),
            duckdb::types::Value::BigInt(number) => Some(number.to_string()),
            other => Some(format!("{other:?}")),
        };
        found.push((0..columns).map(value).collect());
    }
    found
}

#[cfg(not(feature = "duckdb"))]
fn query_duckdb(_: &Path, _: &str) -> Rows {
    panic!("this build has no DuckDB")
}

/// The manager of a project: in dev, with charter's set and the project's.
pub(crate) fn manager(url: &str, directory: &Path) -> MigrationManager {
    let set = MigrationSet::from_directory(SET, directory).expect("a set");
    MigrationManager::of(parse(url)).with_set(set).with_environment(Environment::Dev)
}

pub(crate) fn upgrade(
    manager: &MigrationManager,
    revision: &str,
    events: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<i64>> {
    let revision: Revision = revision.parse()?;
    let options = UpgradeOptions { set: Some(SET.to_owned()), revision, ..UpgradeOptions::default() };
    Ok(manager.upgrade(&options, events)?.iter().map(|done| done.number).collect())
}

pub(crate) fn downgrade(
    manager: &MigrationManager,
    revision: &str,
    events: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<i64>> {
    let revision: Revision = revision.parse()?;
    let options = DowngradeOptions { set: Some(SET.to_owned()), revision, ..DowngradeOptions::default() };
    Ok(manager.downgrade(&options, events)?.iter().map(|done| done.number).collect())
}
