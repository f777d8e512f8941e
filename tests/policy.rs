//! What each environment allows: the table of the environments, cell by cell, on every engine.

use crate::support::postgres::{self, Database, Rows};
use crate::support::stores::{Engine, SQL_ENGINES, parse, query_file};
use charter::config::Environment::{self, Dev, Prod, Staging};
use charter::migrate::{Allowance, Confirmation, Event, MigrationManager, MigrationSet, UpgradeOptions};
use charter::store::{Access, Migrate, OpenOptions};
use charter::{Error, ErrorKind, Store};
use std::path::Path;
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

/// The error findings of a second migration on a Postgres database, without applying it.
fn errors(project: &Project, text: &str) -> Vec<String> {
    let manager = project.manager(&[("V2__second.sql", text)]);
    let judgement = manager.judge(&UpgradeOptions::default()).expect("a judgement");
    let findings = judgement.migrations.iter().flat_map(|judged| &judged.findings);
    let errors = findings.filter(|finding| finding.severity == charter::safety::Severity::Error);
    errors.map(|finding| finding.rule.name.to_owned()).collect()
}

#[test]
fn a_servers_catalogue_decides() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    let index = "CREATE INDEX orders_note ON orders (note);";
    assert_eq!(errors(&project, index), ["index-not-concurrent"]);
    project.execute("DELETE FROM orders");
    assert_eq!(errors(&project, index), none, "a table without rows");
    project.execute("INSERT INTO orders (id, note) VALUES (1, 'x')");

    // What the migrations made is not what counts, but what is there.
    let widen = "ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(30);";
    assert_eq!(errors(&project, widen), none);
    project.execute("ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(40)");
    assert_eq!(errors(&project, widen), ["column-type-changed"]);

    let required = "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;";
    assert_eq!(errors(&project, required), ["set-not-null-scans"]);
    project.execute("ALTER TABLE orders ADD CONSTRAINT noted CHECK (note IS NOT NULL) NOT VALID");
    assert_eq!(errors(&project, required), ["set-not-null-scans"]);
    project.execute("ALTER TABLE orders VALIDATE CONSTRAINT noted");
    assert_eq!(errors(&project, required), none);

    project.execute(
        "CREATE TABLE events (at DATE NOT NULL) PARTITION BY RANGE (at);
         CREATE TABLE events_of_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
         INSERT INTO events VALUES ('2026-02-03');
         CREATE SCHEMA \"Other\"; CREATE TABLE \"Other\".\"Na me\" (a BIGINT); INSERT INTO \"Other\".\"Na me\" VALUES (1);
         CREATE TABLE keys (order_id BIGINT); INSERT INTO keys VALUES (1); CREATE INDEX keys_order ON keys (order_id);",
    );
    assert_eq!(errors(&project, "CREATE INDEX ON events (at);"), ["index-on-partitioned"]);
    assert_eq!(errors(&project, "DROP INDEX keys_order;"), ["index-drop-not-concurrent"]);
    project.execute("DELETE FROM events; TRUNCATE \"Other\".\"Na me\"; DELETE FROM keys");
    assert_eq!(errors(&project, "CREATE INDEX ON events (at);"), none);
    assert_eq!(errors(&project, "CREATE INDEX ON \"Other\".\"Na me\" (a);"), none);
    assert_eq!(errors(&project, "CREATE INDEX ON \"Na me\" (a);"), ["index-not-concurrent"], "another schema's");
    assert_eq!(errors(&project, "DROP INDEX keys_order;"), none);
}

/// Two statements of the same words differ by what each partition, and the default one, has.
#[test]
fn a_server_tells_of_partitions() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    project.execute(
        "CREATE TABLE sorted (k VARCHAR(10), id BIGINT) PARTITION BY LIST (k);
         CREATE TABLE sorted_a PARTITION OF sorted FOR VALUES IN ('a');
         CREATE TABLE sorted_rest PARTITION OF sorted DEFAULT;
         CREATE TABLE sorted_b (k VARCHAR(10), id BIGINT);
         CREATE TABLE days (at TIMESTAMPTZ) PARTITION BY RANGE (at);
         CREATE TABLE days_rest PARTITION OF days DEFAULT;
         CREATE TABLE days_of_may (at TIMESTAMPTZ);
         INSERT INTO sorted VALUES ('a', 1), ('x', 1);
         INSERT INTO days VALUES ('2026-02-03');",
    );
    let attach = "ALTER TABLE sorted ATTACH PARTITION sorted_b FOR VALUES IN ('b');";
    assert_eq!(errors(&project, attach), ["partition-attach-scans"]);
    project.execute("ALTER TABLE sorted_rest ADD CONSTRAINT others CHECK (k NOT IN ('b', 'c')) NOT VALID");
    assert_eq!(errors(&project, attach), ["partition-attach-scans"]);
    project.execute("ALTER TABLE sorted_rest VALIDATE CONSTRAINT others");
    assert_eq!(errors(&project, attach), none);
    project.execute("ALTER TABLE sorted_rest DROP CONSTRAINT others");
    assert_eq!(errors(&project, attach), ["partition-attach-scans"]);
    project.execute("DELETE FROM sorted_rest");
    assert_eq!(errors(&project, attach), none, "an empty default partition");
    project.execute("CREATE INDEX by_id ON sorted_rest (id)");
    assert_eq!(errors(&project, "DROP INDEX by_id;"), none, "an index of an empty partition");

    let attach = "ALTER TABLE days ATTACH PARTITION days_of_may FOR VALUES FROM ('2026-05-01 00:00:00+00') TO ('2026-06-01 00:00:00+00');";
    assert_eq!(errors(&project, attach), ["partition-attach-scans"]);
    project.execute(
        "ALTER TABLE days_rest ADD CONSTRAINT c CHECK (NOT (at >= '2026-05-01 00:00:00+00' AND at < '2026-06-01 00:00:00+00'))",
    );
    assert_eq!(errors(&project, attach), none);

    project.execute("INSERT INTO sorted VALUES ('x', 1)");
    for (on_partitions, on_parent, error) in [
        ("ADD CONSTRAINT $_u UNIQUE (k, id)", "ADD CONSTRAINT u UNIQUE (k, id)", "constraint-builds-index"),
        (
            "ADD CONSTRAINT $_f FOREIGN KEY (id) REFERENCES orders",
            "ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES orders (id)",
            "foreign-key-not-valid-missing",
        ),
        ("ALTER COLUMN id SET NOT NULL", "ALTER COLUMN id SET NOT NULL", "set-not-null-scans"),
    ] {
        let added = format!("ALTER TABLE sorted {on_parent};");
        for partition in ["sorted_a", "sorted_rest"] {
            assert_eq!(errors(&project, &added), [error], "before {partition} has it: {added}");
            project.execute(&format!("ALTER TABLE {partition} {}", on_partitions.replace('$', partition)));
        }
        assert_eq!(errors(&project, &added), none, "{added}");
    }
}

#[test]
fn a_server_tells_of_collations() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    project.execute("ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(40) COLLATE \"C\"");
    let same = "ALTER TABLE orders ALTER COLUMN note TYPE TEXT COLLATE \"C\";";
    let other = "ALTER TABLE orders ALTER COLUMN note TYPE TEXT;";
    assert_eq!(errors(&project, same), none);
    assert_eq!(errors(&project, other), none, "no index is over it");
    project.execute("CREATE INDEX orders_note ON orders (note)");
    assert_eq!(errors(&project, same), none);
    assert_eq!(errors(&project, other), ["column-type-changed"]);
    project.execute("CREATE DOMAIN plain AS TEXT COLLATE \"C\"; ALTER TABLE orders ALTER COLUMN note TYPE plain");
    assert_eq!(errors(&project, same), none);
    assert_eq!(errors(&project, other), ["column-type-changed"]);
}

#[test]
fn a_server_tells_of_views() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    let widen = "ALTER TABLE orders ALTER COLUMN note TYPE TEXT;";
    let around = |change: &str, query: &str| format!("DROP VIEW notes;\n{change}\nCREATE VIEW notes AS {query};\n");
    assert_eq!(errors(&project, widen), none);
    project.execute("CREATE VIEW notes AS SELECT id, note FROM orders");
    assert_eq!(errors(&project, widen), ["type-change-refused"]);
    assert_eq!(errors(&project, &around(widen, "SELECT id, note FROM orders")), none);
    assert_eq!(errors(&project, &around(widen, "SELECT * FROM orders")), none);
    assert_eq!(errors(&project, &around(widen, "SELECT note FROM orders")), ["view-dropped"]);
    let other = "ALTER TABLE orders ALTER COLUMN note TYPE CHAR(9);";
    let rewrites = errors(&project, &around(other, "SELECT id, note FROM orders"));
    assert_eq!(rewrites, ["slow-under-lock", "column-type-changed"]);
    assert_eq!(errors(&project, "CREATE OR REPLACE VIEW notes AS SELECT note FROM orders;"), ["view-replace-refused"]);
    assert_eq!(errors(&project, "CREATE OR REPLACE VIEW notes AS SELECT id, note, 1 AS n FROM orders;"), none);
}

#[test]
fn a_server_tells_what_it_will_refuse() {
    let project = Project::new(Engine::Postgres, Prod);
    project.execute(
        "CREATE TABLE parts (k INT NOT NULL, v TEXT) PARTITION BY LIST (k); CREATE TABLE part (k INT, v TEXT);
         CREATE MATERIALIZED VIEW noted AS SELECT id, note FROM orders; CREATE INDEX ON noted (id);
         CREATE TYPE mood AS ENUM ('sad', 'glad');
         CREATE FUNCTION draw() RETURNS INT LANGUAGE sql VOLATILE AS 'SELECT 4'",
    );
    for (text, rule) in [
        ("CREATE TABLE lines (order_id UUID REFERENCES orders (id));", "constraint-refused"),
        ("CREATE TABLE lines (note TEXT REFERENCES orders (note));", "constraint-refused"),
        ("ALTER TABLE orders ADD PRIMARY KEY (note);", "constraint-refused"),
        ("ALTER TABLE parts ATTACH PARTITION part FOR VALUES IN (1);", "partition-refused"),
        ("ALTER TYPE mood ADD VALUE 'glad';", "enum-value-refused"),
        ("ALTER TYPE mood ADD VALUE 'mad' AFTER 'bad';", "enum-value-refused"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY noted;", "concurrently-refused"),
    ] {
        let found = errors(&project, text);
        assert!(found.contains(&rule.to_owned()), "{text}: {found:?}");
    }
    project.execute(
        "CREATE UNIQUE INDEX ON noted (id); ALTER TABLE part ALTER COLUMN k SET NOT NULL;
         CREATE UNIQUE INDEX ON orders (note)",
    );
    for text in [
        "CREATE TABLE lines (order_id BIGINT REFERENCES orders (id));",
        "CREATE TABLE lines (note TEXT REFERENCES orders (note));",
        "ALTER TABLE parts ATTACH PARTITION part FOR VALUES IN (1);",
        "ALTER TYPE mood ADD VALUE 'mad' AFTER 'glad';",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY noted;",
    ] {
        assert_eq!(errors(&project, text), [""; 0], "{text}");
    }
    let drawn = messages(&project, "ALTER TABLE orders ADD COLUMN drawn INT DEFAULT draw();");
    assert_eq!(drawn, ["volatile-default: draw() is computed for every row of orders"]);
}

#[test]
fn a_server_tells_of_indexes_functions_and_what_is_below_a_table() {
    let project = Project::new(Engine::Postgres, Prod);
    project.execute(
        "ALTER TABLE orders ADD COLUMN code BIGINT, ADD COLUMN rank BIGINT; CREATE UNIQUE INDEX orders_code ON orders (code);
         CREATE UNIQUE INDEX orders_rank ON orders (rank DESC); CREATE UNIQUE INDEX orders_some ON orders (code) WHERE rank > 1;
         CREATE TABLE others (id BIGINT); CREATE UNIQUE INDEX others_id ON others (id); CREATE TABLE below () INHERITS (others);
         CREATE TABLE parts (k INT NOT NULL, v TEXT) PARTITION BY LIST (k); CREATE TABLE part PARTITION OF parts DEFAULT;
         CREATE VIEW shown AS SELECT id, note FROM orders;
         CREATE FUNCTION touch() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE FUNCTION summed(a INT, b VARCHAR[]) RETURNS SETOF TEXT LANGUAGE sql AS 'SELECT 1::TEXT'",
    );
    for (text, rule) in [
        ("DROP INDEX orders_code;", "constraint-dropped"),
        ("DROP INDEX orders_some;", "constraint-dropped"),
        ("DROP INDEX orders_pkey;", "index-drop-refused"),
        ("ALTER TABLE orders ADD CONSTRAINT c UNIQUE USING INDEX orders_rank;", "constraint-builds-index"),
        ("ALTER TABLE orders ADD CONSTRAINT c UNIQUE USING INDEX others_id;", "constraint-builds-index"),
        ("ALTER TABLE orders ADD PRIMARY KEY USING INDEX orders_code;", "constraint-refused"),
        ("ALTER TABLE parts ADD UNIQUE (v);", "constraint-on-partitioned"),
        ("ALTER TABLE ONLY parts ADD COLUMN n INT;", "partition-refused"),
        ("ALTER TABLE part ADD COLUMN n INT;", "partition-refused"),
        ("ALTER TABLE parts SET (fillfactor = 50);", "partition-refused"),
        ("ALTER TABLE ONLY others ADD COLUMN n INT;", "partition-refused"),
        ("ALTER TABLE below RENAME COLUMN id TO n;", "partition-refused"),
        ("CREATE OR REPLACE VIEW shown AS SELECT note, id FROM orders;", "view-replace-refused"),
        ("CREATE OR REPLACE FUNCTION touch() RETURNS INT LANGUAGE sql AS 'SELECT 1';", "function-replace-refused"),
        (
            "CREATE OR REPLACE FUNCTION summed(c INT, b VARCHAR[]) RETURNS SETOF TEXT LANGUAGE sql AS 'SELECT 1::TEXT';",
            "function-replace-refused",
        ),
    ] {
        let found = errors(&project, text);
        assert!(found.contains(&rule.to_owned()), "{text}: {found:?}");
        if rule != "constraint-dropped" {
            let url = project.database.as_ref().expect("a database").url();
            postgres::refused(url, &format!("SET search_path = public; {text}"));
        }
    }
}

#[test]
fn a_server_tells_what_is_not_there() {
    let project = Project::new(Engine::Postgres, Prod);
    for text in [
        "DROP TRIGGER IF EXISTS absent ON orders;",
        "DROP TYPE IF EXISTS absent;",
        "DROP FUNCTION IF EXISTS absent(INT);",
        "DROP SEQUENCE IF EXISTS absent;",
        "DROP EXTENSION IF EXISTS absent;",
        "DROP SCHEMA IF EXISTS absent;",
        "DROP PUBLICATION IF EXISTS absent;",
        "DROP POLICY IF EXISTS absent ON orders;",
        "ALTER TABLE orders ALTER COLUMN note DROP DEFAULT;",
        "ALTER TABLE orders ALTER COLUMN note DROP IDENTITY IF EXISTS;",
        "CREATE OR REPLACE FUNCTION absent() RETURNS INT LANGUAGE sql AS 'SELECT 1';",
    ] {
        assert_eq!(errors(&project, text), [""; 0], "{text}");
    }
    project.execute(
        "CREATE TYPE there AS (a INT); CREATE SEQUENCE there_seq; CREATE SCHEMA \"The re\";
         CREATE FUNCTION there() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER there BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION there();
         ALTER TABLE orders ALTER COLUMN note SET DEFAULT 'x'",
    );
    for (text, rule) in [
        ("DROP TRIGGER IF EXISTS there ON orders;", "trigger-dropped"),
        ("DROP TYPE IF EXISTS there;", "type-dropped"),
        ("DROP FUNCTION IF EXISTS there();", "function-dropped"),
        ("DROP SEQUENCE IF EXISTS there_seq;", "sequence-dropped"),
        ("DROP SCHEMA IF EXISTS \"The re\";", "schema-dropped"),
        ("ALTER TABLE orders ALTER COLUMN note DROP DEFAULT;", "default-dropped"),
    ] {
        assert_eq!(errors(&project, text), [rule], "{text}");
    }
}

const REBUILD: &str = "CREATE TABLE made (id BIGINT NOT NULL PRIMARY KEY, note VARCHAR(40));\n\
    INSERT INTO made (id, note) SELECT id, note FROM orders;\nDROP TABLE orders;\nALTER TABLE made RENAME TO orders;\n";

/// The messages of the error findings of a second migration.
fn messages(project: &Project, text: &str) -> Vec<String> {
    let manager = project.manager(&[("V2__second.sql", text), ("V2__second.down.sql", "SELECT 1;")]);
    let judgement = manager.judge(&UpgradeOptions::default()).expect("a judgement");
    let findings = judgement.migrations.iter().flat_map(|judged| &judged.findings);
    let errors = findings.filter(|finding| finding.severity == charter::safety::Severity::Error);
    errors.map(|finding| format!("{}: {}", finding.rule.name, finding.message)).collect()
}

/// A host program has made indexes, triggers and views of a set's table, which the files know nothing of.
#[test]
fn what_a_host_program_has_on_a_table_is_not_lost_with_a_rebuild_unseen() {
    let project = Project::new(Engine::Sqlite, Prod);
    assert_eq!(messages(&project, REBUILD), [""; 0]);
    project.execute(
        "CREATE INDEX host_index ON orders (note);
         CREATE TRIGGER host_trigger AFTER INSERT ON orders BEGIN SELECT 1; END;
         CREATE TABLE hosts (id BIGINT);
         CREATE VIEW host_view AS SELECT id FROM orders;
         CREATE TRIGGER host_reads AFTER INSERT ON hosts BEGIN DELETE FROM orders WHERE id = 7; END;
         CREATE VIEW no_matter AS SELECT id FROM hosts;",
    );
    let lost = "sqlite-rebuild-loses-index: orders is rebuilt without host_index, host_trigger";
    let reads = "sqlite-view-blocks-rebuild: orders is rebuilt, and read by the trigger host_reads, the view host_view";
    let found = |text: &str| {
        let mut found = messages(&project, text);
        found.sort();
        found
    };
    assert_eq!(found(REBUILD), [lost, reads]);
    let first = "ALTER TABLE orders RENAME TO was;\nCREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT);\n\
                 INSERT INTO orders (id, note) SELECT id, note FROM was;\nDROP TABLE was;\n";
    assert!(found(first).contains(&lost.to_owned()) && found(first).contains(&reads.to_owned()), "{:?}", found(first));
    let error =
        upgrade(&project.manager(&[("V2__second.sql", REBUILD), ("V2__second.down.sql", "SELECT 1;")]), None, true);
    refused(&project, &error.expect_err("a view would be lost"), "host_view");
    // Who drops and makes again what is there, loses nothing.
    let whole = format!(
        "DROP VIEW host_view;\nDROP TRIGGER host_reads;\n{REBUILD}CREATE INDEX host_index ON orders (note);\n\
         CREATE TRIGGER host_trigger AFTER INSERT ON orders BEGIN SELECT 1; END;\n\
         CREATE VIEW host_view AS SELECT id FROM orders;\n\
         CREATE TRIGGER host_reads AFTER INSERT ON hosts BEGIN DELETE FROM orders WHERE id = 7; END;\n"
    );
    assert_eq!(messages(&project, &whole), [""; 0]);
}

#[cfg(feature = "duckdb")]
#[test]
fn an_index_of_a_host_program_blocks_an_alter_of_duckdb() {
    let project = Project::new(Engine::DuckDb, Prod);
    let alter = "ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(40);";
    assert_eq!(messages(&project, alter), [""; 0]);
    project.execute("CREATE INDEX host_index ON orders (note)");
    assert_eq!(messages(&project, alter), ["duckdb-index-blocks-alter: orders has the index host_index"]);
    assert_eq!(messages(&project, REBUILD), ["duckdb-rebuild-loses-index: orders is rebuilt without host_index"]);
}

/// What no migration made is not the migrations' to drop: in no environment, and not by opening a store.
#[test]
fn what_a_host_program_has_is_refused_to_be_lost_in_every_environment() {
    let engines = SQL_ENGINES.iter().filter(|engine| **engine != Engine::Postgres);
    for (engine, environment) in engines.flat_map(|engine| ENVIRONMENTS.map(|environment| (*engine, environment))) {
        let back = REBUILD.replace("(40)", "(20)");
        let files = [("V2__second.sql", REBUILD), ("V2__second.down.sql", &back)];
        let project = Project::new(engine, environment);
        project.execute("CREATE INDEX host_index ON orders (note)");
        if engine == Engine::Sqlite {
            project.execute("CREATE TRIGGER host_trigger AFTER INSERT ON orders BEGIN SELECT 1; END");
        }
        let manager = project.manager(&files);
        let rule = if engine == Engine::Sqlite { "sqlite-rebuild-loses-index" } else { "duckdb-rebuild-loses-index" };
        for error in [
            open(&manager, &OpenOptions::default()).expect_err("an index would be lost"),
            upgrade(&manager, None, true).map(|_| ()).expect_err("an index would be lost"),
        ] {
            refused(&project, &error, &format!("{rule}: orders is rebuilt without host_index"));
        }
        upgrade(&manager, Some(&format!("{rule}@2")), true).expect("let go by name");
        assert_eq!(project.history(), ["1 applied", &format!("2 applied {rule}@2: nobody reads it")]);

        // What the files made is theirs: in dev an open applies a rebuild that forgets it.
        let made = [("V2__index.sql", "CREATE INDEX own_index ON orders (note);"), ("V3__third.sql", REBUILD)];
        let project = Project::new(engine, Dev);
        project.manager(&made[..1]).run_migrations("head").expect("an index");
        open(&project.manager(&made), &OpenOptions::default()).expect("dev applies it");
        assert_eq!(project.history().len(), 3);
    }
    let project = Project::new(Engine::Sqlite, Dev);
    project.execute("CREATE VIEW host_view AS SELECT id FROM orders");
    let first = "ALTER TABLE orders RENAME TO was;\nCREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT);\n\
                 INSERT INTO orders (id, note) SELECT id, note FROM was;\nDROP TABLE was;\n";
    let manager = project.manager(&[("V2__second.sql", first)]);
    let error = open(&manager, &OpenOptions::default()).expect_err("a view would read nothing");
    refused(&project, &error, "orders is rebuilt, and read by the view host_view");
}

#[test]
fn a_table_whose_rows_cannot_be_seen_is_not_empty() {
    let project = Project::new(Engine::Postgres, Staging);
    let database = project.database.as_ref().expect("a database");
    let role = format!("reader_{}", uuid::Uuid::new_v4().simple());
    project.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA charter, public TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA charter, public TO {role};
         CREATE TABLE hidden (a BIGINT); INSERT INTO hidden VALUES (1); GRANT SELECT ON hidden TO {role};
         ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE POLICY nobody ON hidden USING (false);
         CREATE TABLE secret (a BIGINT); CREATE TABLE open (a BIGINT); GRANT SELECT ON open TO {role};"
    ));
    let (_, address) = database.url().split_once('@').expect("a user in the URL");
    let as_reader = Project {
        engine: Engine::Postgres,
        _folder: tempfile::tempdir().expect("a folder"),
        database: None,
        url: format!("postgresql://{role}:x@{address}"),
    };
    for (table, expected) in [("hidden", 1), ("secret", 1), ("open", 0)] {
        let found = errors(&as_reader, &format!("CREATE INDEX ON {table} (a);"));
        assert_eq!(found.len(), expected, "{table}: {found:?}");
    }
    // Nor may this role apply anything.
    let error = open(&as_reader.with(Second::Safe), &OpenOptions::default()).expect_err("no rights");
    assert!(error.hint().is_some_and(|hint| hint.contains("owner")), "{error:?}");
    assert_eq!(project.history(), ["1 applied"]);
    project.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
