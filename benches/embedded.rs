//! charter on SQLite against raw rusqlite doing the same writes to the same tables with the same durability.
//!
//! `cargo bench --bench embedded`; `CHARTER_BENCH_ROUNDS=n` for more or fewer rounds. Both sides run in turn, in one
//! process, on fresh files; medians. The raw side parses the JSON with serde_json where charter must read it too, and is
//! given digests and sort keys that were computed before its clock starts.

mod compare;

use charter::Store;
use charter::migrate::MigrationSet;
use charter::record::{Body, Draft, Key, Kind, Name, Namespace, Record, Version, check_schema, read_json};
use compare::{compare, heading, median, show, timed};
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const SINGLES: usize = 1000;
const BULK: usize = 10_000;

fn main() {
    let synchronous = [("FULL", "full"), ("NORMAL", "normal")];
    heading("SQLite, WAL");
    for (level, parameter) in synchronous {
        open_current(level, parameter);
        open_fresh(level, parameter);
        single_writes(level, parameter);
        single_reads(level, parameter);
        bulk(level, parameter);
    }
    schema_check();
}

fn url(file: &Path, synchronous: &str) -> String {
    format!("sqlite:///{}?synchronous={synchronous}", file.display())
}

/// A raw connection with the settings of charter's.
fn raw(file: &Path, level: &str) -> Connection {
    let connection = Connection::open(file).expect("open");
    connection.busy_timeout(Duration::from_secs(5)).expect("busy timeout");
    connection.execute_batch(&format!("PRAGMA synchronous = {level}; PRAGMA foreign_keys = ON;")).expect("pragmas");
    connection
}

fn open_current(level: &str, parameter: &str) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("charter.db");
    Store::open(&url(&file, parameter)).expect("a store");
    let url = url(&file, parameter);
    // Opening is short: many at a time.
    let times = 50;
    compare(
        &format!("open, nothing pending ({level})"),
        1.5,
        &mut || timed(|| (0..times).for_each(|_| drop(Store::open(&url).expect("a store")))).0 / times,
        &mut || {
            let open = || {
                let connection = raw(&file, level);
                let exists: bool = connection
                    .query_row(
                        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'charter_schema_history'",
                        [],
                        |_| Ok(true),
                    )
                    .expect("a history");
                let mut statement = connection
                    .prepare("SELECT version, name, applied_on, checksum FROM charter_schema_history ORDER BY version")
                    .expect("a statement");
                let rows = statement
                    .query_map([], |row| {
                        let applied: (i64, String, String, String) =
                            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                        Ok(applied)
                    })
                    .expect("rows")
                    .count();
                let minimum: String = connection
                    .query_row(
                        "SELECT minimum_program FROM charter_schema_version ORDER BY version DESC LIMIT 1",
                        [],
                        |row| row.get(0),
                    )
                    .expect("a minimum");
                assert!(exists && rows == 1 && !minimum.is_empty());
            };
            timed(|| (0..times).for_each(|_| open())).0 / times
        },
    );
}

fn open_fresh(level: &str, parameter: &str) {
    compare(
        &format!("first open, with migration ({level})"),
        2.0,
        &mut || {
            let folder = TempDir::new().expect("a folder");
            let url = url(&folder.path().join("charter.db"), parameter);
            timed(|| Store::open(&url).expect("a store")).0
        },
        &mut || {
            let folder = TempDir::new().expect("a folder");
            let file = folder.path().join("charter.db");
            timed(|| {
                let mut connection = raw(&file, level);
                connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).expect("WAL");
                let history = "CREATE TABLE IF NOT EXISTS charter_schema_history(\
                     version int8 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));";
                connection.execute_batch(history).expect("a history");
                for migration in MigrationSet::charter().migrations() {
                    let transaction =
                        connection.transaction_with_behavior(TransactionBehavior::Immediate).expect("a transaction");
                    transaction.execute_batch(migration.up(charter::Engine::Sqlite).text()).expect("the migration");
                    transaction
                        .execute(
                            "INSERT INTO charter_schema_history VALUES (?1, ?2, '2026-01-01T00:00:00Z', '1')",
                            params![migration.number(), migration.slug()],
                        )
                        .expect("a history row");
                    transaction
                        .execute_batch(
                            "INSERT INTO charter_schema_version (version, description, minimum_program, environment) \
                             VALUES (1, 'contracts', '0.1.0', 'dev'); \
                             INSERT INTO charter_head (singleton, id, epoch, sequence) VALUES (1, 'x', 1, 0)",
                        )
                        .expect("rows");
                    transaction.commit().expect("a commit");
                }
            })
            .0
        },
    );
}

/// A JSON Schema of about 1 KB.
fn schema(number: usize) -> String {
    let fields: Vec<String> = (0..10)
        .map(|field| {
            format!(
                r#""field_{field}": {{"type": "string", "minLength": {field}, "description": "Field {field} of {number}"}}"#
            )
        })
        .collect();
    format!(r#"{{"type": "object", "title": "Schema {number}", "properties": {{{}}}}}"#, fields.join(", "))
}

/// What a record is before the raw side's clock starts.
fn prepared(kind: Kind, name: &str, text: &str) -> Record {
    let key = Key {
        namespace: Namespace::default(),
        version: Version::for_kind(&kind, "1.0.0").expect("a version"),
        kind,
        name: Name::new(name).expect("a name"),
    };
    Record::new(key, None, Body::parse(text).expect("a body")).expect("a record")
}

/// The writes of one record: what charter writes, prepared once.
fn raw_write(transaction: &Connection, record: &Record, body: &str, sequence: i64) {
    let key = record.key();
    transaction
        .prepare_cached(
            "INSERT INTO charter_records (digest, sort_key, namespace, kind, name, version, pre_release, parent, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                record.digest().to_string(),
                key.sort_key(),
                key.namespace.as_str(),
                key.kind.as_str(),
                key.name.as_str(),
                key.version.to_string(),
                false,
                None::<String>,
                body,
            ])
        })
        .expect("a record");
    transaction
        .prepare_cached("INSERT INTO charter_changes (sequence, digest, push) VALUES (?1, ?2, NULL)")
        .and_then(|mut statement| statement.execute(params![sequence, record.digest().to_string()]))
        .expect("a change");
}

fn raw_head(transaction: &Connection) -> i64 {
    transaction
        .prepare_cached("SELECT sequence FROM charter_head")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .expect("a head")
}

fn raw_set_head(transaction: &Connection, sequence: i64) {
    transaction
        .prepare_cached("UPDATE charter_head SET sequence = ?1")
        .and_then(|mut statement| statement.execute([sequence]))
        .expect("a head");
}

fn single_writes(level: &str, parameter: &str) {
    let texts: Vec<(String, String)> =
        (0..SINGLES).map(|number| (format!("schema_{number}"), schema(number))).collect();
    let records: Vec<Record> = texts.iter().map(|(name, text)| prepared(Kind::Schema, name, text)).collect();
    compare(
        &format!("{SINGLES} store_schema, one commit each ({level})"),
        1.3,
        &mut || {
            let folder = TempDir::new().expect("a folder");
            let store = Store::open(&url(&folder.path().join("charter.db"), parameter)).expect("a store");
            timed(|| {
                for (name, text) in &texts {
                    store.store_schema(name, text, "1.0.0").expect("stored");
                }
            })
            .0
        },
        &mut || {
            let folder = TempDir::new().expect("a folder");
            let file = folder.path().join("charter.db");
            Store::open(&url(&file, parameter)).expect("a store");
            let mut connection = raw(&file, level);
            timed(|| {
                for ((_, text), record) in texts.iter().zip(&records) {
                    let body = serde_json::from_str::<serde_json::Value>(text).expect("JSON").to_string();
                    let transaction =
                        connection.transaction_with_behavior(TransactionBehavior::Immediate).expect("a transaction");
                    let sequence = raw_head(&transaction) + 1;
                    raw_write(&transaction, record, &body, sequence);
                    raw_set_head(&transaction, sequence);
                    transaction.commit().expect("a commit");
                }
            })
            .0
        },
    );
}

fn single_reads(level: &str, parameter: &str) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("charter.db");
    let store = Store::open(&url(&file, parameter)).expect("a store");
    let names: Vec<String> = (0..SINGLES).map(|number| format!("schema_{number}")).collect();
    let drafts: Vec<Draft> =
        names.iter().enumerate().map(|(number, name)| draft(Kind::Schema, name, &schema(number))).collect();
    store.put_drafts(&drafts).expect("stored");
    let connection = raw(&file, level);
    compare(
        &format!("{SINGLES} get_schema, latest by name ({level})"),
        2.0,
        &mut || {
            timed(|| {
                for name in &names {
                    let schema = store.get_schema(name, None).expect("a schema");
                    assert!(!schema.body().as_str().is_empty());
                }
            })
            .0
        },
        &mut || {
            timed(|| {
                for name in &names {
                    let prefix = [b"\0schema\0", name.as_bytes(), b"\0"].concat();
                    let end = [b"\0schema\0", name.as_bytes(), b"\x01"].concat();
                    let row: (String, String, String) = connection
                        .prepare_cached(
                            "SELECT version, digest, body FROM charter_records \
                             WHERE sort_key >= ?1 AND sort_key < ?2 AND NOT pre_release ORDER BY sort_key DESC LIMIT 1",
                        )
                        .and_then(|mut statement| {
                            statement.query_row(params![prefix, end], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                        })
                        .expect("a row");
                    // charter gives a schema whose body is read and checked to be JSON.
                    assert!(serde_json::from_str::<serde_json::Value>(&row.2).expect("JSON").is_object());
                }
            })
            .0
        },
    );
}

fn draft(kind: Kind, name: &str, text: &str) -> Draft {
    let version = Some(Version::for_kind(&kind, "1.0.0").expect("a version"));
    Draft::new(kind, Name::new(name).expect("a name"), version, Body::parse(text).expect("a body")).expect("a draft")
}

fn bulk(level: &str, parameter: &str) {
    let text = |number: usize| {
        format!(
            r#"{{"title": "Record {number}", "owner": "team-{}", "description": "{}"}}"#,
            number % 7,
            "text ".repeat(190)
        )
    };
    let texts: Vec<(String, String)> = (0..BULK).map(|number| (format!("record_{number}"), text(number))).collect();
    let records: Vec<Record> = texts.iter().map(|(name, text)| prepared(Kind::Metadata, name, text)).collect();
    // 60 % of the raw throughput is 1 / 0.6 of its time.
    compare(
        &format!("{BULK} metadata records of 1 KB in one put ({level})"),
        1.0 / 0.6,
        &mut || {
            let folder = TempDir::new().expect("a folder");
            let store = Store::open(&url(&folder.path().join("charter.db"), parameter)).expect("a store");
            timed(|| {
                let drafts: Vec<Draft> = texts.iter().map(|(name, text)| draft(Kind::Metadata, name, text)).collect();
                store.put_drafts(&drafts).expect("stored");
            })
            .0
        },
        &mut || {
            let folder = TempDir::new().expect("a folder");
            let file = folder.path().join("charter.db");
            Store::open(&url(&file, parameter)).expect("a store");
            let mut connection = raw(&file, level);
            timed(|| {
                let bodies: Vec<String> = texts
                    .iter()
                    .map(|(_, text)| serde_json::from_str::<serde_json::Value>(text).expect("JSON").to_string())
                    .collect();
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate).expect("a transaction");
                let mut sequence = raw_head(&transaction);
                for (record, body) in records.iter().zip(&bodies) {
                    sequence += 1;
                    raw_write(&transaction, record, body, sequence);
                }
                raw_set_head(&transaction, sequence);
                transaction.commit().expect("a commit");
            })
            .0
        },
    );
}

fn schema_check() {
    println!("\nThe check against the JSON Schema meta-schema (2020-12), which every store_schema includes");
    let first = read_json(&schema(0)).expect("JSON");
    println!(
        "first in the process, with the meta-schema made ready: {}",
        show(timed(|| check_schema(&first).expect("valid")).0)
    );
    let texts: Vec<String> = (0..SINGLES).map(schema).collect();
    let kilobytes = texts.iter().map(String::len).sum::<usize>() as f64 / 1024.0;
    let values: Vec<_> = texts.iter().map(|text| read_json(text).expect("JSON")).collect();
    let check = || timed(|| values.iter().for_each(|value| drop(check_schema(value).expect("valid")))).0;
    let read = || timed(|| texts.iter().for_each(|text| drop(read_json(text).expect("JSON")))).0;
    for (what, work) in [("meta-schema check", &check as &dyn Fn() -> Duration), ("reading the JSON, beside it", &read)]
    {
        let per_kilobyte = median((0..compare::rounds()).map(|_| work()).collect()).div_f64(kilobytes);
        println!("{what}: {} per KB", show(per_kilobyte));
    }
}
