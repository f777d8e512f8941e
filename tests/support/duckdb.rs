//! DuckDB files, looked into and changed beside a store that has them open.
//!
//! The file belongs to the one instance that this process has of it: to open it once more here, or only to read its bytes,
//! would let its lock go.

use super::postgres::Rows;
use charter::migrate::{MigrationManager, MigrationSet};
use duckdb::Connection;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The rows of one query, from a copy of the file and its log.
#[track_caller]
pub(crate) fn query_file(path: &Path, sql: &str) -> Rows {
    let folder = tempfile::Builder::new().prefix("charter-copy.").tempdir().expect("a folder");
    let log = PathBuf::from(format!("{}.wal", path.display()));
    let mut copy = Command::new("cp");
    copy.arg(path).args(log.exists().then_some(&log)).arg(folder.path());
    assert!(copy.status().expect("the program cp").success());
    query(&Connection::open(folder.path().join(path.file_name().expect("a file"))).expect("a DuckDB file"), sql)
}

/// The rows of one query, each value as DuckDB writes it.
#[track_caller]
pub(crate) fn query(connection: &Connection, sql: &str) -> Rows {
    let mut statement = connection.prepare(&format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})")).expect(sql);
    let mut rows = statement.query([]).expect(sql);
    let mut result = Vec::new();
    while let Some(row) = rows.next().expect(sql) {
        result.push((0..row.as_ref().column_count()).map(|column| row.get(column).expect("a text")).collect());
    }
    result
}

/// Changes a database as a program would that embeds charter: with a migration of its own.
#[track_caller]
pub(crate) fn execute(url: &str, sql: &str) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("behind_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let set = MigrationSet::from_files(&name, [("V1__change.sql", sql), ("V1__change.down.sql", "SELECT 1;")])
        .expect("a set");
    MigrationManager::new(url).expect("a URL").with_set(set).run_migrations("head").expect(sql);
}
