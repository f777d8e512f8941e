//! What each environment allows: the table of the environments, cell by cell, on every engine.

mod catalogue;
mod existing;
mod grammar;
mod host;

use crate::support::postgres::{self, Database, Rows};
use crate::support::stores::{Engine, SQL_ENGINES, parse, query_file};
use charter::config::Environment::{self, Dev, Prod, Staging};
use charter::migrate::{Allowance, Confirmation, Event, MigrationManager, MigrationSet, Timeouts, UpgradeOptions};
use charter::store::{Access, Migrate, OpenOptions};
use charter::{Error, ErrorKind, Store};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const ENVIRONMENTS: [Environment; 3] = [Dev, Staging, Prod];

/// The second migration of the set: the first one makes a table, which has a row by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Second {
    /// Nothing is found in it.
    Safe,
    /// It has a warning.
    Warned,
    /// It has an error.
    Unsafe,
    /// It is safe, and cannot be taken back.
    WithoutDown,
}

const SECONDS: [Second; 4] = [Second::Safe, Second::Warned, Second::Unsafe, Second::WithoutDown];

/// A database with a set of its own in a dialect of its own.
struct Project {
    engine: Engine,
    _folder: TempDir,
    database: Option<Database>,
    url: String,
}

impl Project {
    /// A database of an environment that has the first migration, and a row in its table.
    fn new(engine: Engine, environment: Environment) -> Self {
        let project = Self::empty(engine);
        let manager = project.manager(&[]).with_environment(Dev);
        manager.run_migrations("head").expect("the first migration");
        project.execute("INSERT INTO orders (id, note) VALUES (1, 'x')");
        manager.change_environment(environment, &Confirmation::None, &mut |_| {}).expect("stricter");
        project
    }

    fn empty(engine: Engine) -> Self {
        let folder = tempfile::Builder::new().prefix("charter-policy.").tempdir().expect("a folder");
        let database = (engine == Engine::Postgres).then(postgres::database);
        let url = match (&database, engine) {
            (Some(database), _) => database.url().to_owned(),
            #[cfg(feature = "duckdb")]
            (None, Engine::DuckDb) => format!("duckdb:///{}", folder.path().join("shop.duckdb").display()),
            (None, _) => format!("sqlite:///{}", folder.path().join("shop.db").display()),
        };
        Self { engine, _folder: folder, database, url }
    }

    /// The set with more files behind the first migration.
    fn manager(&self, files: &[(&str, &str)]) -> MigrationManager {
        let first = [
            ("V1__orders.sql", "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note VARCHAR(20));"),
            ("V1__orders.down.sql", "DROP TABLE orders;"),
        ];
        let set = MigrationSet::from_files("shop", first.into_iter().chain(files.iter().copied())).expect("a set");
        MigrationManager::new(&self.url).expect("a manager").with_set(set)
    }

    fn with(&self, second: Second) -> MigrationManager {
        let size = ("ALTER TABLE orders ADD COLUMN size BIGINT;", "ALTER TABLE orders DROP COLUMN size;");
        let (up, down) = match (second, self.engine) {
            (Second::Safe | Second::WithoutDown, _) => size,
            (Second::Warned, Engine::Postgres) => {
                ("REVOKE SELECT ON orders FROM PUBLIC;", "GRANT SELECT ON orders TO PUBLIC;")
            }
            #[cfg(feature = "duckdb")]
            (Second::Warned, Engine::DuckDb) => (
                "ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(40);",
                "ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(20);",
            ),
            (Second::Warned, _) => ("CREATE TABLE sizes (id UUID NOT NULL);", "DROP TABLE sizes;"),
            (Second::Unsafe, _) => {
                ("ALTER TABLE orders DROP COLUMN note;", "ALTER TABLE orders ADD COLUMN note VARCHAR(20);")
            }
        };
        let files = [("V2__second.sql", up), ("V2__second.down.sql", down)];
        self.manager(if second == Second::WithoutDown { &files[..1] } else { &files })
    }

    fn execute(&self, sql: &str) {
        match (&self.database, self.engine) {
            // The user's own schema would come first, and has the name of charter's.
            (Some(database), _) => database.execute(&format!("SET search_path = public; {sql}")),
            #[cfg(feature = "duckdb")]
            (None, Engine::DuckDb) => crate::support::duckdb::execute(&self.url, sql),
            (None, _) => {
                crate::support::stores::sqlite(self.file()).execute_batch(sql).expect(sql);
            }
        }
    }

    /// What is in the table, by the columns of the first migration.
    fn notes(&self) -> Rows {
        let sql = "SELECT note FROM orders";
        match (&self.database, self.engine) {
            (Some(database), _) => database.query(&format!("SET search_path = public; {sql}")),
            #[cfg(feature = "duckdb")]
            (None, Engine::DuckDb) => crate::support::duckdb::query_file(self.file(), sql),
            (None, _) => query_file(self.file(), sql),
        }
    }

    fn file(&self) -> &Path {
        let (_, path) = self.url.split_once(":///").expect("a file");
        path.as_ref()
    }

    /// The migrations of the set that the database has, as its audit table tells: number, action, what was let pass.
    fn history(&self) -> Vec<String> {
        let entries = self.manager(&[]).get_migration_history().expect("a history");
        let entries = entries.into_iter().filter(|entry| entry.set == "shop");
        let allowed = |entry: &charter::migrate::HistoryEntry| -> String {
            entry
                .allowed
                .iter()
                .map(|allowed| format!(" {}@{}: {}", allowed.rule, allowed.revision, allowed.reason))
                .collect()
        };
        entries.map(|entry| format!("{} {}{}", entry.number, entry.action, allowed(&entry))).collect()
    }
}

fn open(manager: &MigrationManager, options: &OpenOptions) -> Result<(), Error> {
    Store::open_managed(manager, options).map(drop)
}

/// Asserts that a refusal says which migration and why, and that nothing has happened.
#[track_caller]
fn refused(project: &Project, error: &Error, why: &str) {
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("\n  2 second") && error.to_string().contains(why), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("upgrade") || hint.contains("--allow")), "{error:?}");
    assert_eq!(project.history(), ["1 applied"]);
    assert_eq!(project.notes(), [[Some("x".to_owned())]]);
}

fn why(second: Second) -> &'static str {
    match second {
        Second::Unsafe => "V2__second.sql:1:",
        Second::WithoutDown => "there is no down migration",
        _ => "",
    }
}

#[test]
fn opening_applies_what_the_environment_lets_it() {
    for engine in SQL_ENGINES {
        for environment in ENVIRONMENTS {
            for second in SECONDS {
                let project = Project::new(*engine, environment);
                let outcome = open(&project.with(second), &OpenOptions::default());
                let is_applied = match environment {
                    Dev => true,
                    Staging => matches!(second, Second::Safe | Second::Warned),
                    Prod => second == Second::Safe,
                };
                match outcome {
                    Ok(()) => assert!(is_applied, "{engine:?} {environment} {second:?}"),
                    Err(error) => {
                        assert!(!is_applied, "{engine:?} {environment} {second:?}: {error}");
                        refused(&project, &error, why(second));
                    }
                }
                assert_eq!(project.history().len(), 1 + usize::from(is_applied));
            }
        }
    }
}

#[test]
fn all_of_the_pending_migrations_are_applied_by_an_open_or_none() {
    for engine in SQL_ENGINES {
        let project = Project::new(*engine, Prod);
        let manager = project.manager(&[
            ("V2__second.sql", "ALTER TABLE orders ADD COLUMN size BIGINT;"),
            ("V2__second.down.sql", "SELECT 1;"),
            ("V3__third.sql", "ALTER TABLE orders DROP COLUMN note;"),
            ("V3__third.down.sql", "SELECT 1;"),
        ]);
        let error = open(&manager, &OpenOptions::default()).expect_err("the third is unsafe");
        refused(&project, &error, "\n  3 third");
    }
}

/// Programs are not kept waiting for long, and whoever opens the store knows what it waits for.
#[test]
fn whoever_opens_a_store_hears_of_each_attempt_to_get_a_lock() {
    let project = Project::new(Engine::Postgres, Prod);
    let timeouts = Timeouts { lock: Some(Duration::from_millis(50)), ..Timeouts::default() };
    let manager = project.with(Second::Safe).with_timeouts(timeouts);
    let other = postgres::Session::open(&project.url);
    other.query("BEGIN; LOCK TABLE public.orders IN ACCESS SHARE MODE");
    let (mut attempts, mut committed) = (Vec::new(), Vec::new());
    let store = Store::open_managed_with(&manager, &OpenOptions::default(), &mut |event| match event {
        Event::Retrying { attempt, of, reason, .. } => {
            assert_eq!((of, reason.kind()), (10, ErrorKind::Busy), "{reason:?}");
            attempts.push(attempt);
            if attempt == 2 {
                other.query("COMMIT");
            }
        }
        Event::Committed { migration } => committed.push(migration.number()),
        _ => {}
    });
    store.expect("a store");
    assert_eq!((attempts, committed), (vec![1, 2], vec![2]));
    assert_eq!(project.history(), ["1 applied", "2 applied"]);
}

#[test]
fn migrate_never_validates_and_names_the_verb() {
    let never = OpenOptions { migrate: Migrate::Never, ..OpenOptions::default() };
    for engine in SQL_ENGINES {
        for environment in ENVIRONMENTS {
            let project = Project::new(*engine, environment);
            let error = open(&project.with(Second::Safe), &never).expect_err("a migration is pending");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("charter db upgrade")), "{error:?}");
            assert_eq!(project.history(), ["1 applied"]);
            open(&project.manager(&[]), &never).expect("nothing is pending");
            let reading = OpenOptions { access: Access::Read, ..never.clone() };
            open(&project.with(Second::Safe), &reading).expect("readers are not concerned");
        }
        let project = Project::empty(*engine);
        let error = open(&project.manager(&[]), &never).expect_err("nothing is there");
        assert_eq!(error.kind(), ErrorKind::NotInitialized, "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("charter db init")), "{error:?}");
        assert!(parse(&project.url).file().is_none_or(|file| !file.exists()));
    }
}

#[test]
fn a_client_is_stricter_than_the_database_and_never_laxer() {
    for engine in SQL_ENGINES {
        let project = Project::new(*engine, Dev);
        let strict = OpenOptions { environment: Some(Prod), ..OpenOptions::default() };
        let error = open(&project.with(Second::Unsafe), &strict).expect_err("the client is strict");
        refused(&project, &error, why(Second::Unsafe));

        let project = Project::new(*engine, Prod);
        let lax = OpenOptions { environment: Some(Dev), ..OpenOptions::default() };
        let error = open(&project.with(Second::Unsafe), &lax).expect_err("the database is strict");
        refused(&project, &error, why(Second::Unsafe));
        let upgraded = project.with(Second::Unsafe).with_environment(Dev).run_migrations("head");
        refused(&project, &upgraded.expect_err("the database is strict"), why(Second::Unsafe));
    }
}

#[test]
fn a_new_file_of_prod_is_made_if_all_is_safe_and_not_begun_otherwise() {
    let prod = OpenOptions { environment: Some(Prod), ..OpenOptions::default() };
    for engine in SQL_ENGINES.iter().filter(|engine| **engine != Engine::Postgres) {
        let project = Project::empty(*engine);
        let error = open(&project.with(Second::WithoutDown), &prod).expect_err("no down");
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(!parse(&project.url).file().expect("a file").exists());
        open(&project.with(Second::Safe), &prod).expect("safe");
        assert_eq!(project.history(), ["1 applied", "2 applied"]);
    }
}

fn upgrade(manager: &MigrationManager, allow: Option<&str>, yes: bool) -> Result<Vec<String>, Error> {
    let allowances = allow.map(|text| Allowance::new(text, "nobody reads it")).transpose()?.into_iter().collect();
    let options = UpgradeOptions { allowances, confirmed: yes, ..UpgradeOptions::default() };
    let mut found = Vec::new();
    manager.upgrade(&options, &mut |event| {
        if let Event::Judged { judgement } = event {
            let findings = judgement.migrations.iter().flat_map(|judged| &judged.findings);
            found.extend(findings.map(|finding| finding.rule.name.to_owned()));
        }
    })?;
    Ok(found)
}

#[test]
fn an_upgrade_shows_in_dev_and_refuses_in_staging_and_prod_what_is_not_let_pass() {
    for engine in SQL_ENGINES {
        for environment in ENVIRONMENTS {
            let project = Project::new(*engine, environment);
            let manager = project.with(Second::Unsafe);
            let outcome = upgrade(&manager, None, true);
            if environment == Dev {
                assert!(outcome.expect("dev applies it").contains(&"column-dropped".to_owned()));
                continue;
            }
            refused(&project, &outcome.expect_err("not let pass"), why(Second::Unsafe));
            for other in ["table-dropped@2", "column-dropped@1"] {
                refused(&project, &upgrade(&manager, Some(other), true).expect_err("another one"), why(Second::Unsafe));
            }
            if environment == Prod {
                let error = upgrade(&manager, Some("column-dropped@2"), false).expect_err("no yes");
                assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("column-dropped"), "{error}");
                assert_eq!(project.history(), ["1 applied"]);
            }
            upgrade(&manager, Some("column-dropped@second"), environment == Prod).expect("let pass");
            assert_eq!(project.history(), ["1 applied", "2 applied column-dropped@2: nobody reads it"]);
        }
    }
}

#[test]
fn the_history_names_an_allowance_at_its_migration_alone() {
    for engine in SQL_ENGINES {
        let project = Project::new(*engine, Staging);
        let manager = project.manager(&[
            ("V2__second.sql", "ALTER TABLE orders ADD COLUMN size BIGINT;"),
            ("V2__second.down.sql", "ALTER TABLE orders DROP COLUMN size;"),
            ("V3__third.sql", "ALTER TABLE orders DROP COLUMN note;"),
            ("V3__third.down.sql", "ALTER TABLE orders ADD COLUMN note VARCHAR(20);"),
            ("V4__fourth.sql", "CREATE TABLE sizes (id BIGINT NOT NULL PRIMARY KEY);"),
            ("V4__fourth.down.sql", "DROP TABLE sizes;"),
        ]);
        upgrade(&manager, Some("column-dropped@third"), true).expect("let pass");
        let expected = ["1 applied", "2 applied", "3 applied column-dropped@3: nobody reads it", "4 applied"];
        assert_eq!(project.history(), expected, "{engine:?}");
    }
}

#[test]
fn an_upgrade_minds_no_warning_but_a_missing_way_down() {
    for engine in SQL_ENGINES {
        for environment in ENVIRONMENTS {
            let project = Project::new(*engine, environment);
            upgrade(&project.with(Second::Warned), None, false).expect("a warning");
            let project = Project::new(*engine, environment);
            match upgrade(&project.with(Second::WithoutDown), None, true) {
                Ok(_) => assert_eq!(environment, Dev),
                Err(error) => {
                    assert!(environment != Dev, "{error}");
                    refused(&project, &error, why(Second::WithoutDown));
                }
            }
        }
    }
}

#[test]
fn an_allowance_must_mean_something() {
    let project = Project::new(Engine::Sqlite, Staging);
    let manager = project.with(Second::Unsafe);
    for (text, kind) in [
        ("column-dropped", ErrorKind::Invalid),
        ("column-droped@2", ErrorKind::Invalid),
        ("column-dropped@", ErrorKind::Invalid),
        ("column-dropped@head", ErrorKind::Invalid),
        ("column-dropped@-1", ErrorKind::Invalid),
        ("column-dropped@7", ErrorKind::NotFound),
        ("column-dropped@secnd", ErrorKind::NotFound),
    ] {
        let error = upgrade(&manager, Some(text), true).expect_err(text);
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert!(error.hint().is_some(), "{error:?}");
    }
    assert_eq!(Allowance::new("column-dropped@2", " ").expect_err("no reason").kind(), ErrorKind::Invalid);
    let hint = Allowance::new("column-droped@2", "x").expect_err("misspelt");
    assert!(hint.hint().is_some_and(|hint| hint.contains("`column-dropped`")), "{hint:?}");

    let allowances = ["column-dropped@2", "table-dropped@2", "column-dropped@orders"]
        .map(|text| Allowance::new(text, "x").expect("an allowance"));
    let options = UpgradeOptions { allowances: allowances.into(), ..UpgradeOptions::default() };
    let judgement = manager.judge(&options).expect("a judgement");
    let unused: Vec<String> = judgement.unused.iter().map(ToString::to_string).collect();
    assert_eq!(unused, ["table-dropped@2", "column-dropped@orders"]);
}

#[test]
fn no_comment_lets_anything_pass() {
    for engine in SQL_ENGINES {
        let project = Project::new(*engine, Staging);
        let drop = "ALTER TABLE orders DROP COLUMN note;";
        for text in [
            format!("-- squawk-ignore-file\n-- squawk-ignore ban-drop-column\n{drop}"),
            format!("-- charter: allow column-dropped\n-- charter: ignore\n{drop} -- noqa"),
            format!("/* charter: allow column-dropped@2 */ {drop}"),
            format!("-- charter: no-lint\n-- safety: off\n{drop}"),
        ] {
            let files = [("V2__second.sql", text.as_str()), ("V2__second.down.sql", "SELECT 1;")];
            // A directive that nobody knows is an error of the set already.
            let first = ("V1__orders.sql", "CREATE TABLE orders (id BIGINT);");
            if MigrationSet::from_files("shop", [first, files[0]]).is_err() {
                continue;
            }
            let error = open(&project.manager(&files), &OpenOptions::default()).expect_err(&text);
            refused(&project, &error, "column-dropped");
            refused(&project, &upgrade(&project.manager(&files), None, true).expect_err(&text), "column-dropped");
        }
    }
}

/// The messages of the error findings of a second migration.
fn messages(project: &Project, text: &str) -> Vec<String> {
    let manager = project.manager(&[("V2__second.sql", text), ("V2__second.down.sql", "SELECT 1;")]);
    let judgement = manager.judge(&UpgradeOptions::default()).expect("a judgement");
    let findings = judgement.migrations.iter().flat_map(|judged| &judged.findings);
    let errors = findings.filter(|finding| finding.severity == charter::safety::Severity::Error);
    errors.map(|finding| format!("{}: {}", finding.rule.name, finding.message)).collect()
}
