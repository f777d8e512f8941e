//! What is DuckDB's alone: one process at a time, tables that can be altered, files that others made.

use crate::support::child::Player;
use crate::support::duckdb::{query, query_file};
use crate::support::stores::{Engine, SQL_ENGINES, initialize, open, parse, record, records, store_all};
use charter::migrate::{MigrationManager, MigrationSet};
use charter::store::{Access, OpenOptions};
use charter::{ErrorKind, Store};
use duckdb::Connection;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("charter-duckdb.").tempdir().expect("a folder")
}

fn url(path: &Path) -> String {
    format!("duckdb:///{}", path.display())
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = entries
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("it"))
        })
        .collect();
    found.sort();
    found
}

/// A file of a host program: its own tables, with a row, one of which has a name that charter may need.
fn host_file(path: &Path, name: &str) {
    let connection = Connection::open(path).expect("a DuckDB file");
    connection.execute_batch(&format!("CREATE TABLE {name} (mine TEXT); INSERT INTO {name} VALUES ('x')")).expect(name);
}

#[test]
fn a_store_waits_until_another_program_lets_go_of_the_file() {
    let folder = folder();
    let url = Engine::DuckDb.file_url(folder.path());
    for access in [Access::Write, Access::Read] {
        initialize(&url);
        let mut player = Player::start("write", &[&url, &format!("{access:?}"), "1000000"]);
        assert_eq!(player.hear().as_deref(), Some("0"));
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| open(&url, access).list_everything().expect("a list").len());
            let said = 1 + player.kill().len();
            assert!(opening.join().expect("no panic") >= said);
        });
    }
}

#[test]
fn programs_one_after_the_other_wait_for_their_turn() {
    let folder = folder();
    let url = Engine::DuckDb.file_url(folder.path());
    let players: Vec<Player> = (0..6)
        .map(|number| {
            if number == 0 {
                initialize(&url);
            }
            Player::start("write", &[&url, &format!("process-{number}"), "8"])
        })
        .collect();
    players.into_iter().for_each(|player| assert_eq!(player.finish().len(), 8));
    let expected: usize = 6 * (0..8).map(|number| crate::faults::parts::batch("", number).len()).sum::<usize>();
    let store = open(&url, Access::Read);
    assert_eq!(store.list_everything().expect("a list").len(), expected);
    crate::support::stores::check_change_log(&store);
}

/// However the file is named, and whichever of them goes first.
#[test]
fn stores_of_one_program_share_a_file() {
    let folder = folder();
    let path = folder.path().join("charter.duckdb");
    let first = Store::open(&url(&path)).expect("a store");
    let link = folder.path().join("link.duckdb");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    let second = Store::open(&url(&link)).expect("the same store");
    let third = Store::open(&url(&folder.path().join("./charter.duckdb"))).expect("the same store");
    let reader = open(&url(&path), Access::Read);
    std::thread::scope(|scope| {
        for (number, store) in [&first, &second, &third].into_iter().enumerate() {
            scope.spawn(move || {
                records(&format!("by-{number}"), 20).chunks(2).for_each(|chunk| store_all(store, chunk));
            });
        }
    });
    drop(first);
    drop(third);
    assert_eq!(reader.list_everything().expect("a list").len(), 60);
    assert!(crate::support::stores::append(&second, &records("after", 1)).is_ok());
    drop((second, reader));
    // When the last of them is gone the file is whole, without a log beside it.
    assert_eq!(files(folder.path()).len(), 2);
    let connection = Connection::open(&path).expect("a DuckDB file");
    assert_eq!(query(&connection, "SELECT count(*) FROM charter_records"), [[Some("61".to_owned())]]);
}

#[test]
fn reading_makes_and_changes_nothing() {
    let folder = folder();
    let missing: PathBuf = folder.path().join("missing.duckdb");
    let options = |access| OpenOptions { access, ..OpenOptions::default() };
    for (access, kind) in [(Access::Read, ErrorKind::NotFound), (Access::Remote, ErrorKind::NotInitialized)] {
        let error = Store::connect(&parse(&url(&missing)), &options(access)).expect_err("no file");
        assert_eq!(error.kind(), kind);
    }
    assert!(Store::migration_status(&parse(&url(&missing))).is_err());
    assert!(files(folder.path()).is_empty());

    let (host, ours) = (folder.path().join("host.duckdb"), folder.path().join("ours.duckdb"));
    host_file(&host, "mine");
    store_all(&Store::open(&url(&ours)).expect("a store"), &[record("schema", "a", "1.0.0", "{}")]);
    let before = files(folder.path());
    let error = Store::connect(&parse(&url(&host)), &options(Access::Read)).expect_err("no tables");
    assert_eq!(error.kind(), ErrorKind::NotInitialized);
    let status = Store::migration_status(&parse(&url(&host))).expect("a status").expect("it has migrations");
    assert_eq!((status.current(), status.pending.len()), (None, 1));
    for access in [Access::Read, Access::Remote, Access::Write] {
        let store = open(&url(&ours), access);
        assert_eq!(store.list_everything().expect("a list").len(), 1);
        store.backend().head().expect("a head");
    }
    assert!(initialize(&url(&ours)).is_empty());
    assert!(files(folder.path()) == before, "not a byte is changed");
    let reader = open(&url(&ours), Access::Read);
    assert!(crate::support::stores::append(&reader, &records("x", 1)).is_err());
    drop(reader);
    assert!(files(folder.path()) == before);
}

#[test]
fn charter_lives_in_a_hosts_file_and_a_migration_that_fails_leaves_nothing_in_it() {
    let folder = folder();
    let path = folder.path().join("host.duckdb");
    host_file(&path, "data_feeds");
    let catalogue = "SELECT table_name FROM information_schema.tables ORDER BY ALL";
    for _ in 0..2 {
        let error = Store::open(&url(&path)).expect_err("the name is taken");
        assert!(error.to_string().contains("data_feeds") && error.hint().is_some(), "{error:?}");
        assert_eq!(query_file(&path, catalogue), [[Some("data_feeds".to_owned())]]);
    }
    let connection = Connection::open(&path).expect("a DuckDB file");
    connection.execute_batch("ALTER TABLE data_feeds RENAME TO mine").expect("another name");
    drop(connection);
    store_all(&Store::open(&url(&path)).expect("a store"), &[record("schema", "a", "1.0.0", "{}")]);
    assert_eq!(query_file(&path, "SELECT mine FROM mine"), [[Some("x".to_owned())]]);
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn a_file_that_is_none_of_duckdbs_is_refused_and_stays() {
    let folder = folder();
    let path = folder.path().join("x.duckdb");
    std::fs::write(&path, "something else, of which there is more than a little").expect("a file");
    let before = files(folder.path());
    let error = Store::open(&url(&path)).expect_err("no database");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("DuckDB")), "{error:?}");
    assert!(files(folder.path()) == before);
    let error = Store::open(&url(&folder.path().join("none/x.duckdb"))).expect_err("no folder");
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("folder")), "{error:?}");
}

/// DuckDB refuses to alter a table that has an index or that a foreign key refers to; charter's have neither.
#[test]
fn tables_of_charters_own_set_can_be_altered_while_they_have_rows() {
    let test = Engine::DuckDb.fresh();
    store_all(&test.store, &records("x", 3));
    let tables = test.query("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'charter_%' ORDER BY ALL");
    let tables: Vec<String> = tables.concat().into_iter().flatten().collect();
    assert!(tables.len() >= 9, "{tables:?}");
    let alterations: Vec<String> = tables
        .iter()
        .map(|table| {
            format!(
                "ALTER TABLE {table} ADD COLUMN probe INTEGER DEFAULT 1; ALTER TABLE {table} RENAME COLUMN probe TO probed; \
                 ALTER TABLE {table} ALTER COLUMN probed TYPE BIGINT; ALTER TABLE {table} ALTER COLUMN probed SET NOT NULL; \
                 ALTER TABLE {table} DROP COLUMN probed;"
            )
        })
        .collect();
    let set = MigrationSet::from_files("probe", [("V1__alter.sql", alterations.concat().as_str())]).expect("a set");
    let manager = MigrationManager::new(&test.url).expect("a manager").with_set(set);
    manager.run_migrations("head").expect("tables that can be altered");
    store_all(&test.store, &records("y", 3));
    assert_eq!(test.store.list_everything().expect("a list").len(), 6);
}

/// The same text as on the other engines but for what the overlay declares, and the same digests.
#[test]
fn what_is_pushed_from_duckdb_is_the_same_elsewhere() {
    let source = Engine::DuckDb.fresh();
    let bodies =
        [r#"{"b":1.0,"a":"\u0000","n":1e400}"#, r#"{"deep":[[[[[[[[[[[[]]]]]]]]]]]],"é":"\ud83d\ude00"}"#, "true"];
    for (number, body) in bodies.into_iter().enumerate() {
        store_all(&source.store, &[record("metadata", &format!("body-{number}"), "1.0.0", body)]);
    }
    for engine in SQL_ENGINES {
        let target = engine.fresh();
        source.store.push(&target.open(Access::Remote)).expect("a push");
        assert_eq!(
            crate::support::stores::contents(&target.store),
            crate::support::stores::contents(&source.store),
            "{engine:?}"
        );
    }
}
