//! Migrations: the same on every engine, all of one or nothing of it, one migrator at a time, and never where they must not.

use crate::support::child::Player;
use crate::support::postgres::{self, Database};
use crate::support::stores::{
    Engine, FILE_ENGINES, SQL_ENGINES, initialize, open, parse, query_file, query_url, record, sqlite, store_all,
};
use charter::config::Environment;
use charter::migrate::{Migration, MigrationSet};
use charter::store::{Access, OpenOptions};
use charter::{Error, ErrorKind, Store};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const HISTORY: &str = "charter_schema_history";

fn first() -> &'static Migration {
    &MigrationSet::charter().migrations()[0]
}

fn up(engine: charter::Engine) -> &'static str {
    first().up(engine).text()
}

fn down(engine: charter::Engine) -> &'static str {
    first().down(engine).expect("a way down").text()
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("charter-migrations.").tempdir().expect("a folder")
}

fn file_url(path: &Path) -> String {
    format!("sqlite:///{}", path.display())
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a SQLite file has, by meaning and not by the text that made it: tables with their columns, indexes, references.
fn sqlite_catalogue(path: &Path) -> Vec<String> {
    let blank = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows = |sql: &str| -> Vec<String> {
        let text = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
        query_file(path, sql).into_iter().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join("|")).collect()
    };
    let tables = "FROM sqlite_schema AS t, pragma_{} AS p WHERE t.type = 'table' AND t.name NOT IN ('charter_schema_history', 'charter_schema_audit')";
    let of = |columns: &str, pragma: &str| {
        rows(&format!("SELECT t.name, {columns} {} ORDER BY 1, 2, 3", tables.replace("{}", pragma)))
    };
    let views = rows("SELECT name, sql FROM sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY name");
    let checks = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('charter_schema_history', 'charter_schema_audit') ORDER BY name";
    [
        of("p.name, p.type, p.\"notnull\", p.dflt_value, p.pk, p.hidden", "table_xinfo(t.name)"),
        of("p.name, p.\"unique\", p.origin, p.partial", "index_list(t.name)"),
        of("p.\"from\", p.\"table\", p.\"to\", p.on_update, p.on_delete", "foreign_key_list(t.name)"),
        rows(
            "SELECT i.name, x.name, x.\"desc\", x.coll FROM sqlite_schema AS i, pragma_index_xinfo(i.name) AS x \
              WHERE i.type = 'index' AND i.tbl_name NOT IN ('charter_schema_history', 'charter_schema_audit') ORDER BY 1, x.seqno",
        ),
        views.iter().map(|view| blank(view)).collect(),
        rows(checks).iter().filter(|sql| sql.contains("CHECK")).map(|sql| blank(sql)).collect(),
    ]
    .concat()
}

/// The same of the schema `charter` of a Postgres database.
fn postgres_catalogue(database: &Database) -> Vec<String> {
    let queries = [
        "SELECT 'column', table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns \
         WHERE table_schema = 'charter' AND table_name NOT IN ('charter_schema_history', 'charter_schema_audit') ORDER BY 2, 3",
        "SELECT 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint \
         WHERE connamespace = to_regnamespace('charter') AND conrelid::regclass::text !~ 'charter_schema_(history|audit)' \
         ORDER BY conrelid::regclass::text, conname",
        "SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'charter' \
         AND tablename NOT IN ('charter_schema_history', 'charter_schema_audit') ORDER BY indexname",
        "SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'charter' ORDER BY viewname",
        "SELECT 'function', proname FROM pg_proc WHERE pronamespace = to_regnamespace('charter') ORDER BY proname",
        "SELECT 'type', typname FROM pg_type WHERE typnamespace = to_regnamespace('charter') AND typtype NOT IN ('b', 'c') \
         ORDER BY typname",
    ];
    let rows = queries.iter().flat_map(|query| database.query(query));
    rows.map(|row| row.into_iter().map(|value| value.unwrap_or_default()).collect::<Vec<_>>().join("|")).collect()
}

const SCHEMA: &str = include_str!("../migrations/schema.sql");

#[test]
fn the_models_are_what_all_migrations_add_up_to() {
    let folder = folder();
    let (migrated, modelled) = (folder.path().join("migrated.db"), folder.path().join("modelled.db"));
    Store::open(&file_url(&migrated)).expect("a store");
    sqlite(&modelled).execute_batch(SCHEMA).expect("the models");
    let catalogue = sqlite_catalogue(&migrated);
    assert!(catalogue.len() > 60, "{catalogue:#?}");
    assert_eq!(catalogue, sqlite_catalogue(&modelled));

    let (migrated, modelled) = (postgres::database(), postgres::database());
    initialize(migrated.url());
    modelled.execute(&format!("CREATE SCHEMA charter; SET search_path = charter; {SCHEMA}"));
    let catalogue = postgres_catalogue(&migrated);
    assert!(catalogue.len() > 60, "{catalogue:#?}");
    assert_eq!(catalogue, postgres_catalogue(&modelled));
}

#[test]
fn the_way_down_leads_back_to_nothing() {
    let folder = folder();
    let path = folder.path().join("x.db");
    store_all(&Store::open(&file_url(&path)).expect("a store"), &[record("schema", "a", "1.0.0", "{}")]);
    sqlite(&path).execute_batch(down(charter::Engine::Sqlite)).expect("the way down");
    assert!(sqlite_catalogue(&path).is_empty(), "{:?}", sqlite_catalogue(&path));
    sqlite(&path).execute_batch(up(charter::Engine::Sqlite)).expect("and up again");

    let database = postgres::database();
    initialize(database.url());
    store_all(&open(database.url(), Access::Write), &[record("schema", "a", "1.0.0", "{}")]);
    database.execute(&format!("SET search_path = charter; BEGIN; {} COMMIT", down(charter::Engine::Postgres)));
    assert!(postgres_catalogue(&database).is_empty(), "{:?}", postgres_catalogue(&database));
    database.execute(&format!("SET search_path = charter; {}", up(charter::Engine::Postgres)));
}

#[test]
fn every_engine_has_the_same_history() {
    for engine in SQL_ENGINES {
        let rows = engine.fresh().query(&format!("SELECT version, name, checksum FROM {HISTORY}"));
        let checksum = first().checksum(engine.of_sql()).to_string();
        assert_eq!(rows, [["1", "contracts", &checksum].map(|value| Some(value.to_owned()))], "{engine:?}");
    }
}

#[test]
fn a_database_says_what_it_has() {
    for engine in SQL_ENGINES.iter().copied() {
        let test = engine.fresh();
        let status = Store::migration_status(&parse(&test.url)).expect("a status").expect("it has migrations");
        assert_eq!((status.current(), status.pending.len()), (Some(1), 0));
        assert_eq!(status.environment, Some(Environment::Dev));
        assert_eq!(status.applied[0].id, Some(first().id()));
        assert_eq!(
            test.query("SELECT version, description, minimum_program, environment FROM charter_schema_version"),
            [["1", "contracts", "0.1.0", "dev"].map(|value| Some(value.to_owned()))]
        );
        assert!(initialize(&test.url).is_empty(), "there is nothing to do");
    }
    assert!(Store::migration_status(&parse("memory:")).expect("a status").is_none());
}

/// A file of a host program: its own tables, with a row, one of which has a name that charter needs.
fn host_file(path: &Path, name: &str) {
    let sql =
        format!("CREATE TABLE {name} (mine TEXT); INSERT INTO {name} VALUES ('x'); CREATE TABLE users (id INTEGER)");
    sqlite(path).execute_batch(&sql).expect("the host's tables");
}

fn everything(path: &Path) -> Vec<Vec<Option<String>>> {
    query_file(path, "SELECT type, name, sql FROM sqlite_schema ORDER BY name")
}

#[test]
fn a_migration_that_fails_leaves_nothing_in_a_hosts_file() {
    for name in ["charter_uploads", "schemas", "data_feeds"] {
        let folder = folder();
        let path = folder.path().join("host.db");
        host_file(&path, name);
        let (before, bytes) = (everything(&path), std::fs::read(&path).expect("the file"));
        for _ in 0..2 {
            let error = Store::open(&file_url(&path)).expect_err("the name is taken");
            assert!(error.to_string().contains(name), "{error:?}");
            let error = Store::initialize(&parse(&file_url(&path)), None, &mut |_| {}).expect_err("the same");
            assert!(error.to_string().contains("nothing of it was kept"), "{error:?}");
        }
        assert_eq!(everything(&path), before);
        assert_eq!(query_file(&path, &format!("SELECT mine FROM {name}")), [[Some("x".to_owned())]]);
        assert!(std::fs::read(&path).expect("the file") == bytes, "the file is the same to the byte");
        assert_eq!(files(folder.path()), ["host.db"]);
    }
}

#[test]
fn a_migration_that_fails_leaves_nothing_on_a_server() {
    let database = postgres::database();
    database.execute(
        "CREATE SCHEMA charter; CREATE TABLE charter.owners (mine text); INSERT INTO charter.owners VALUES ('x')",
    );
    for _ in 0..2 {
        let error = Store::initialize(&parse(database.url()), None, &mut |_| {}).expect_err("the name is taken");
        assert!(error.to_string().contains("owners"), "{error:?}");
    }
    let relations = "SELECT relname FROM pg_class WHERE relnamespace = 'charter'::regnamespace";
    assert_eq!(database.query(relations), [[Some("owners".to_owned())]]);
    assert_eq!(database.query("SELECT mine FROM charter.owners"), [[Some("x".to_owned())]]);
    database.execute("DROP TABLE charter.owners");
    assert_eq!(initialize(database.url()), [1]);
    store_all(&open(database.url(), Access::Write), &[record("schema", "a", "1.0.0", "{}")]);
}

#[test]
fn charter_lives_in_a_hosts_file_and_leaves_the_rest_alone() {
    let folder = folder();
    let path = folder.path().join("host.db");
    host_file(&path, "mine");
    let before = everything(&path);
    let store = Store::open(&file_url(&path)).expect("a store");
    store_all(&store, &[record("schema", "a", "1.0.0", "{}")]);
    let reader = open(&file_url(&path), Access::Read);
    assert_eq!(reader.list_everything().expect("a list").len(), 1);
    drop((store, reader));
    assert_eq!(query_file(&path, "PRAGMA journal_mode"), [[Some("delete".to_owned())]], "WAL is the host's to choose");
    let after = everything(&path);
    assert!(before.iter().all(|object| after.contains(object)));
    assert_eq!(query_file(&path, "SELECT mine FROM mine"), [[Some("x".to_owned())]]);
    assert_eq!(files(folder.path()), ["host.db"]);
    let fresh = Engine::Sqlite.fresh();
    assert_eq!(fresh.query("PRAGMA journal_mode"), [[Some("wal".to_owned())]], "in a file of charter's own");
}

#[test]
fn opening_writes_nothing_when_nothing_is_pending() {
    let folder = folder();
    let path = folder.path().join("x.db");
    let url = file_url(&path);
    store_all(&Store::open(&url).expect("a store"), &[record("schema", "a", "1.0.0", "{}")]);
    let state = || (std::fs::read(&path).expect("the file"), files(folder.path()));
    let before = state();
    let watching = sqlite(&path);
    let version = || watching.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).expect("a version");
    let first_version = version();
    for access in [Access::Write, Access::Read, Access::Remote] {
        let store = open(&url, access);
        assert_eq!(store.list_everything().expect("a list").len(), 1);
        store.backend().head().expect("a head");
        drop(store);
        assert_eq!(version(), first_version, "{access:?}");
        let log = folder.path().join("x.db-wal");
        assert_eq!(std::fs::metadata(log).map(|log| log.len()).unwrap_or_default(), 0, "{access:?}");
    }
    drop(watching);
    assert!(state() == before);

    // On a server, where not even a temporary write would pass.
    let test = Engine::Postgres.fresh();
    store_all(&test.store, &[record("schema", "a", "1.0.0", "{}")]);
    let name = test.query("SELECT current_database()")[0][0].clone().expect("a name");
    test.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    for access in [Access::Write, Access::Read, Access::Remote] {
        let store = test.open(access);
        assert_eq!(store.list_everything().expect("a list").len(), 1);
        store.backend().head().expect("a head");
        let error =
            crate::support::stores::append(&store, &[record("schema", "b", "1.0.0", "{}")]).expect_err("read-only");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    Store::migration_status(&parse(&test.url)).expect("a status");
    assert!(initialize(&test.url).is_empty(), "initialising again writes nothing either");
}

/// Everything that a program does with a database that exists, and what it comes to.
fn verbs(url: &str) -> Vec<(&'static str, Result<(), Error>)> {
    let connect = |access| Store::connect(&parse(url), &OpenOptions { access, ..OpenOptions::default() }).map(drop);
    let push = || {
        let laptop = Engine::Memory.fresh();
        store_all(&laptop.store, &[record("schema", "pushed", "1.0.0", "{}")]);
        let options = OpenOptions { access: Access::Remote, ..OpenOptions::default() };
        laptop.store.push(&Store::connect(&parse(url), &options)?).map(drop)
    };
    let status = || {
        let options = OpenOptions { access: Access::Remote, ..OpenOptions::default() };
        Engine::Memory.fresh().store.remote_status(&Store::connect(&parse(url), &options)?).map(drop)
    };
    vec![
        ("open", Store::open(url).map(drop)),
        ("read", connect(Access::Read)),
        ("status", Store::migration_status(&parse(url)).map(drop)),
        ("initialize", Store::initialize(&parse(url), None, &mut |_| {}).map(drop)),
        ("push", push()),
        ("sync status", status()),
    ]
}

#[track_caller]
fn refused(verbs: Vec<(&'static str, Result<(), Error>)>, message: &str) {
    for (verb, outcome) in verbs {
        let error = outcome.expect_err(verb);
        assert_eq!(error.kind(), ErrorKind::Refused, "{verb}: {error:?}");
        assert!(error.to_string().contains(message), "{verb}: {error:?}");
        assert!(error.hint().is_some(), "{verb}: {error:?}");
    }
}

#[test]
fn a_database_for_newer_programs_is_refused() {
    for engine in SQL_ENGINES.iter().copied() {
        for minimum in ["99.0.0", "0.1.1-x", "not a version"] {
            let test = engine.fresh();
            test.execute(&format!("UPDATE charter_schema_version SET minimum_program = '{minimum}'"));
            refused(verbs(&test.url), minimum);
            assert_eq!(test.query("SELECT count(*) FROM charter_records"), [[Some("0".to_owned())]]);
        }
    }
}

#[test]
fn a_migration_with_another_text_is_refused() {
    for engine in SQL_ENGINES.iter().copied() {
        for change in ["checksum = '17'", "name = 'other'"] {
            let test = engine.fresh();
            test.execute(&format!("UPDATE {HISTORY} SET {change}"));
            // What is pushed to a server is only checked against the oldest program that it takes: that is one round trip.
            let count = if engine == Engine::Postgres { 4 } else { 6 };
            refused(verbs(&test.url).into_iter().take(count).collect(), "another text");
        }
    }
}

#[test]
fn a_database_that_is_ahead_serves_this_program() {
    for engine in SQL_ENGINES.iter().copied() {
        let test = engine.fresh();
        test.execute(&format!(
            "INSERT INTO {HISTORY} (version, name, applied_on, checksum) \
             VALUES (2, 'future', '2030-01-01T00:00:00Z', '18446744073709551615'); \
             INSERT INTO charter_schema_version (version, description, minimum_program, environment) \
             VALUES (2, 'future', '0.1.0', 'dev'); \
             ALTER TABLE charter_records ADD COLUMN of_the_future TEXT; CREATE TABLE charter_future (a TEXT)"
        ));
        for (verb, outcome) in verbs(&test.url) {
            outcome.unwrap_or_else(|error| panic!("{verb}: {error:?}"));
        }
        let status = Store::migration_status(&parse(&test.url)).expect("a status").expect("it has migrations");
        assert_eq!((status.current(), status.pending.len()), (Some(2), 0));
        assert_eq!((status.applied[1].slug.as_str(), &status.applied[1].id), ("future", &None));
        let store = test.open(Access::Write);
        store_all(&store, &[record("schema", "a", "1.0.0", "{}")]);
        assert_eq!(store.list_everything().expect("a list").len(), 2);
    }
}

#[test]
fn a_gap_in_the_history_is_refused() {
    for engine in SQL_ENGINES.iter().copied() {
        let test = engine.fresh();
        test.execute(&format!("UPDATE {HISTORY} SET version = 2, name = 'future'"));
        for (verb, outcome) in verbs(&test.url).into_iter().take(4) {
            assert_eq!(outcome.expect_err(verb).kind(), ErrorKind::Refused, "{verb}");
        }
    }
}

#[test]
fn opening_one_fresh_file_from_everywhere_makes_it_once() {
    for engine in FILE_ENGINES.iter().cycle().take(3 * FILE_ENGINES.len()) {
        let folder = folder();
        let url = engine.file_url(folder.path());
        let players: Vec<Player> = (0..4).map(|_| Player::start("open", &[&url])).collect();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let url = &url;
                scope.spawn(move || {
                    let store = Store::open(url).expect("a store");
                    store_all(&store, &[record("schema", &format!("of-{thread}"), "1.0.0", "{}")]);
                });
            }
        });
        players.into_iter().for_each(|player| drop(player.finish()));
        assert_eq!(open(&url, Access::Read).list_everything().expect("a list").len(), 8);
        let count = |table: &str| query_url(&url, &format!("SELECT count(*) FROM {table}"));
        for table in [HISTORY, "charter_schema_version", "charter_head"] {
            assert_eq!(count(table), [[Some("1".to_owned())]], "{table}");
        }
        assert!(!files(folder.path()).iter().any(|name| name.contains("migrating")), "{:?}", files(folder.path()));
    }
}

#[test]
fn one_of_many_initialisations_applies_and_all_succeed() {
    for _ in 0..3 {
        let database = postgres::database();
        let applied: Vec<Vec<i64>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| initialize(database.url()))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(applied.concat(), [1], "{applied:?}");
        for table in [HISTORY, "charter_schema_version", "charter_head"] {
            assert_eq!(database.query(&format!("SELECT count(*) FROM charter.{table}")), [[Some("1".to_owned())]]);
        }
        assert!(
            database
                .query(
                    "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM \
            pg_database WHERE datname = current_database())"
                )
                .is_empty()
        );
    }
}

#[test]
fn reading_makes_nothing() {
    let folder = folder();
    let missing: PathBuf = folder.path().join("missing.db");
    let read = OpenOptions { access: Access::Read, ..OpenOptions::default() };
    let error = Store::connect(&parse(&file_url(&missing)), &read).expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = Store::migration_status(&parse(&file_url(&missing))).expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let remote = OpenOptions { access: Access::Remote, ..OpenOptions::default() };
    let error = Store::connect(&parse(&file_url(&missing)), &remote).expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::NotInitialized);
    assert!(files(folder.path()).is_empty());

    // A file without charter's tables, and one without anything, stay what they are.
    let (host, empty) = (folder.path().join("host.db"), folder.path().join("empty.db"));
    host_file(&host, "mine");
    std::fs::write(&empty, "").expect("a file");
    let before = std::fs::read(&host).expect("the file");
    for path in [&host, &empty] {
        let url = parse(&file_url(path));
        let error = Store::connect(&url, &read).expect_err("no tables");
        assert_eq!(error.kind(), ErrorKind::NotInitialized, "{error:?}");
        let status = Store::migration_status(&url).expect("a status").expect("it has migrations");
        assert_eq!((status.current(), status.pending.len()), (None, 1));
    }
    assert!(std::fs::read(&host).expect("the file") == before);
    assert_eq!(std::fs::metadata(&empty).expect("the file").len(), 0);
    assert_eq!(files(folder.path()), ["empty.db", "host.db"]);
}

#[test]
fn the_database_of_another_program_is_never_migrated() {
    let folder = folder();
    let (missing, host) = (folder.path().join("missing.db"), folder.path().join("host.db"));
    host_file(&host, "alembic_version");
    let before = std::fs::read(&host).expect("the file");
    for access in [Access::Write, Access::Read, Access::Remote] {
        let foreign = OpenOptions { access, foreign: true, ..OpenOptions::default() };
        for path in [&missing, &host] {
            let error = match Store::connect(&parse(&file_url(path)), &foreign) {
                Ok(store) => store.backend().head().expect_err("no tables"),
                Err(error) => error,
            };
            let is_missing = access == Access::Read && path == &missing;
            let expected = if is_missing { ErrorKind::NotFound } else { ErrorKind::NotInitialized };
            assert_eq!(error.kind(), expected, "{access:?}: {error:?}");
        }
    }
    assert!(std::fs::read(&host).expect("the file") == before);
    assert_eq!(files(folder.path()), ["host.db"]);

    let database = postgres::database();
    let foreign = OpenOptions { foreign: true, ..OpenOptions::default() };
    let error = Store::connect(&parse(database.url()), &foreign).expect_err("no tables");
    assert_eq!(error.kind(), ErrorKind::NotInitialized);
    assert_eq!(database.query("SELECT to_regnamespace('charter')"), [[None]]);

    // One that has charter's tables is used as it is.
    let test = Engine::Sqlite.fresh();
    let store = Store::connect(&parse(&test.url), &foreign).expect("a store");
    store_all(&store, &[record("schema", "a", "1.0.0", "{}")]);
}

#[test]
fn the_environment_is_the_databases_own() {
    let folder = folder();
    let url = file_url(&folder.path().join("x.db"));
    Store::initialize(&parse(&url), Some(Environment::Staging), &mut |_| {}).expect("initialised");
    Store::initialize(&parse(&url), Some(Environment::Dev), &mut |_| {}).expect("nothing to do");
    let environment = || Store::migration_status(&parse(&url)).expect("a status").expect("migrations").environment;
    assert_eq!(environment(), Some(Environment::Staging));
    let database = postgres::database();
    Store::initialize(&parse(database.url()), None, &mut |_| {}).expect("initialised");
    let status = Store::migration_status(&parse(database.url())).expect("a status").expect("migrations");
    assert_eq!(status.environment, Some(Environment::Prod), "servers are taken to be in production");
}

/// The owner of the schema who may not make schemas can bring it up to date.
#[test]
fn whoever_owns_the_schema_needs_no_right_to_make_one() {
    let database = postgres::database();
    let role = format!("{}_owner", database.name());
    database
        .execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'; CREATE SCHEMA charter AUTHORIZATION {role}"));
    let (_, address) = database.url().split_once('@').expect("a user");
    let url = format!("postgresql://{role}:secret@{address}");
    let applied = Store::initialize(&parse(&url), None, &mut |_| {});
    let again = Store::initialize(&parse(&url), None, &mut |_| {});
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    assert_eq!(applied.expect("initialised"), [1]);
    assert!(again.expect("nothing to do").is_empty());
}
