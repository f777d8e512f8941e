//! Empty stores of every engine, and records to put into them.

use super::postgres::{self, Database, Rows};
use charter::Store;
use charter::config::{DatabaseUrl, Environment};
use charter::record::{Body, Digest, Key, Kind, Name, Namespace, Record, Version};
use charter::store::{Access, Appended, Batch, Fate, OpenOptions, Selector};
use rusqlite::types::ValueRef;
use tempfile::TempDir;

/// What can be behind a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Memory,
    Sqlite,
    #[cfg(feature = "duckdb")]
    DuckDb,
    Postgres,
}

/// The engines that keep a store between two programs.
pub(crate) const SQL_ENGINES: &[Engine] = &[
    Engine::Sqlite,
    #[cfg(feature = "duckdb")]
    Engine::DuckDb,
    Engine::Postgres,
];

/// The engines whose stores are files that charter makes.
pub(crate) const FILE_ENGINES: &[Engine] = &[
    Engine::Sqlite,
    #[cfg(feature = "duckdb")]
    Engine::DuckDb,
];

impl Engine {
    /// The engine of its SQL.
    #[track_caller]
    pub(crate) fn of_sql(self) -> charter::Engine {
        match self {
            Self::Memory => panic!("a store in memory has no SQL"),
            Self::Sqlite => charter::Engine::Sqlite,
            #[cfg(feature = "duckdb")]
            Self::DuckDb => charter::Engine::DuckDb,
            Self::Postgres => charter::Engine::Postgres,
        }
    }

    /// The URL of a file in a folder that nobody has made yet.
    #[track_caller]
    pub(crate) fn file_url(self, folder: &std::path::Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite:///{}", folder.join("charter.db").display()),
            #[cfg(feature = "duckdb")]
            Self::DuckDb => format!("duckdb:///{}", folder.join("charter.duckdb").display()),
            _ => panic!("{self:?} has no files"),
        }
    }

    /// An initialised, empty store of its own, removed with the value.
    pub(crate) fn fresh(self) -> TestStore {
        let place = match self {
            Self::Memory => Place::Memory,
            Self::Sqlite => Place::File(folder()),
            #[cfg(feature = "duckdb")]
            Self::DuckDb => Place::DuckDb(folder()),
            Self::Postgres => Place::Database(postgres::database()),
        };
        let url = place.url();
        if self == Self::Postgres {
            initialize(&url);
        }
        TestStore { store: Store::open(&url).expect("a store"), url, place }
    }
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("charter-store.").tempdir().expect("a folder")
}

enum Place {
    Memory,
    File(TempDir),
    #[cfg(feature = "duckdb")]
    DuckDb(TempDir),
    Database(Database),
}

impl Place {
    fn url(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::File(folder) => Engine::Sqlite.file_url(folder.path()),
            #[cfg(feature = "duckdb")]
            Self::DuckDb(folder) => Engine::DuckDb.file_url(folder.path()),
            Self::Database(database) => database.url().to_owned(),
        }
    }
}

/// An open store and where it lives.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) url: String,
    place: Place,
}

impl TestStore {
    /// The same database, opened anew.
    pub(crate) fn open(&self, access: Access) -> Store {
        open(&self.url, access)
    }

    /// What the database really has: the rows of SQL text, over a connection of its own, where charter's tables live.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Rows {
        match &self.place {
            Place::Memory => panic!("a store in memory has no SQL"),
            Place::File(_) => query_url(&self.url, sql),
            #[cfg(feature = "duckdb")]
            Place::DuckDb(_) => query_url(&self.url, sql),
            Place::Database(database) => database.query(&format!("SET search_path = charter; {sql}")),
        }
    }

    /// Changes the database behind charter's back.
    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        match &self.place {
            Place::File(folder) => sqlite(&folder.path().join("charter.db")).execute_batch(sql).expect(sql),
            #[cfg(feature = "duckdb")]
            Place::DuckDb(_) => super::duckdb::execute(&self.url, sql),
            _ => drop(self.query(sql)),
        }
    }
}

/// Makes charter's tables in the database of a URL.
#[track_caller]
pub(crate) fn initialize(url: &str) -> Vec<i64> {
    Store::initialize(&parse(url), Some(Environment::Dev), &mut |_| {}).expect("charter's tables")
}

pub(crate) fn parse(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(url).expect("a URL")
}

/// Opens a store that exists.
#[track_caller]
pub(crate) fn open(url: &str, access: Access) -> Store {
    Store::connect(&parse(url), &OpenOptions { access, ..OpenOptions::default() }).expect("a store")
}

/// A connection to a SQLite file as any other program would have it.
pub(crate) fn sqlite(path: &std::path::Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).expect("a SQLite file");
    connection.busy_timeout(std::time::Duration::from_secs(60)).expect("a timeout");
    connection
}

/// The rows of one query of an embedded file.
#[track_caller]
pub(crate) fn query_url(url: &str, sql: &str) -> Rows {
    let url = parse(url);
    let path = url.file().expect("a file");
    match url.target() {
        #[cfg(feature = "duckdb")]
        charter::config::Target::DuckDb(_) => super::duckdb::query_file(path, sql),
        _ => query_file(path, sql),
    }
}

/// The rows of one query of a SQLite file.
#[track_caller]
pub(crate) fn query_file(path: &std::path::Path, sql: &str) -> Rows {
    let connection = sqlite(path);
    let mut statement = connection.prepare(sql).expect(sql);
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect(sql);
    let mut result = Vec::new();
    while let Some(row) = rows.next().expect(sql) {
        let value = |column| match row.get_ref(column).expect("a column") {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        };
        result.push((0..columns).map(value).collect());
    }
    result
}

/// A record of a kind in the default namespace; the version as it is stored.
pub(crate) fn record(kind: &str, name: &str, version: &str, body: &str) -> Record {
    record_in("", kind, name, version, None, body)
}

/// A record; the version as it is stored, perhaps with the edition that it replaces.
pub(crate) fn record_in(
    namespace: &str,
    kind: &str,
    name: &str,
    version: &str,
    parent: Option<&Record>,
    body: &str,
) -> Record {
    let key = key_in(namespace, kind, name, version);
    Record::new(key, parent.map(|parent| *parent.digest()), Body::parse(body).expect(body)).expect("a record")
}

pub(crate) fn key_in(namespace: &str, kind: &str, name: &str, version: &str) -> Key {
    Key {
        namespace: Namespace::new(namespace).expect(namespace),
        kind: kind.parse::<Kind>().expect(kind),
        name: Name::new(name).expect(name),
        version: Version::from_stored(version).expect(version),
    }
}

/// A number of small records, all different, whose names start alike.
pub(crate) fn records(prefix: &str, count: usize) -> Vec<Record> {
    (0..count).map(|number| record("metadata", &format!("{prefix}-{number:04}"), "1.0.0", r#"{"a":1}"#)).collect()
}

/// Appends records, nothing required.
pub(crate) fn append(store: &Store, records: &[Record]) -> charter::Result<Appended> {
    store.backend().append(&Batch { records: records.to_vec(), required: Vec::new() })
}

/// Appends records, all of which must be new.
#[track_caller]
pub(crate) fn store_all(store: &Store, records: &[Record]) {
    let appended = append(store, records).expect("appended");
    assert_eq!(appended, Appended::Done(vec![Fate::Stored; records.len()]));
}

/// The record of a key.
#[track_caller]
pub(crate) fn read_key(store: &Store, key: &Key) -> Option<Record> {
    store.backend().read(&[Selector::Key(key.clone())]).expect("an answer").remove(0)
}

/// All of a record: key, parent, body to the letter, digest.
pub(crate) fn whole(record: &Record) -> (Key, Option<Digest>, String, Digest) {
    (record.key().clone(), record.parent().copied(), record.body().as_str().to_owned(), *record.digest())
}

/// Everything that readers see of a store, each record verified against its digest.
#[track_caller]
pub(crate) fn contents(store: &Store) -> Vec<(Key, Option<Digest>, String, Digest)> {
    let listed = store.list_everything().expect("a list");
    let selectors: Vec<Selector> = listed.iter().map(|listed| Selector::Digest(listed.digest)).collect();
    let records = store.backend().read(&selectors).expect("the records");
    records
        .into_iter()
        .zip(listed)
        .map(|(record, listed)| {
            let record = record.expect("what is listed can be read");
            record.verify().expect("the content has its digest");
            assert_eq!((record.key(), record.digest()), (&listed.key, &listed.digest));
            whole(&record)
        })
        .collect()
}

/// Checks that the change log has every record exactly once, numbered from 1 to the head without a gap.
#[track_caller]
pub(crate) fn check_change_log(store: &Store) {
    let head = store.backend().head().expect("a head");
    let changes = store.backend().changes(0, usize::MAX).expect("the change log");
    let sequences: Vec<u64> = changes.iter().map(|change| change.sequence).collect();
    assert_eq!(sequences, (1..=head.sequence).collect::<Vec<_>>(), "the change log has gaps or repeats");
    let mut logged: Vec<Digest> = changes.iter().map(|change| change.digest).collect();
    logged.sort_unstable();
    let mut stored: Vec<Digest> = store.list_everything().expect("a list").iter().map(|l| l.digest).collect();
    stored.sort_unstable();
    assert_eq!(logged, stored, "the change log and the records differ");
}
