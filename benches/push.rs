//! Pushing to PostgreSQL against the raw COPY and INSERT ... SELECT of the same rows into the same tables.
//!
//! `CHARTER_TEST_POSTGRES_BIN=/usr/lib/postgresql/15/bin cargo bench --bench push`. The server is a throw-away one with
//! fsync and synchronous_commit on; both sides write to fresh databases of it, in turn; medians. The source is a SQLite
//! file that is written before the clock starts. The raw side copies into a temporary table, then inserts into
//! charter_records and charter_changes and moves the head, in one transaction.

mod compare;
mod server;

use charter::Store;
use charter::config::DatabaseUrl;
use charter::record::{Body, Draft, Kind, Name, Version};
use charter::store::Pushed;
use compare::{compare, heading, timed};
use server::Server;
use futures_util::SinkExt as _;
use std::fmt::Write as _;
use std::io::Write;
use tempfile::TempDir;

const RECORDS: usize = 10_000;

fn main() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let connect = |url: &str| {
        let url = url.to_owned();
        runtime.block_on(async move {
            let (client, connection) =
                tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("a connection");
            tokio::spawn(connection);
            client
        })
    };
    let admin = connect(server.url());
    let mut number = 0;
    let mut fresh = || {
        number += 1;
        let name = format!("bench_{number}");
        runtime.block_on(admin.batch_execute(&format!("CREATE DATABASE {name}"))).expect("a database");
        let url = server.database(&name);
        Store::initialize(&DatabaseUrl::parse(&url).expect("a URL"), None, &mut |_| {}).expect("a registry");
        url
    };
    let mut fresh_raw = {
        let mut number = 0;
        let (server, admin, runtime) = (&server, &admin, &runtime);
        move || {
            number += 1;
            let name = format!("bench_raw_{number}");
            runtime.block_on(admin.batch_execute(&format!("CREATE DATABASE {name}"))).expect("a database");
            let url = server.database(&name);
            Store::initialize(&DatabaseUrl::parse(&url).expect("a URL"), None, &mut |_| {}).expect("a registry");
            url
        }
    };

    let folder = TempDir::new().expect("a folder");
    let source = folder.path().join("source.db");
    let local = Store::open(&format!("sqlite:///{}", source.display())).expect("a store");
    let drafts: Vec<Draft> = (0..RECORDS).map(draft).collect();
    local.put_drafts(&drafts).expect("stored");

    heading("PostgreSQL, fsync on, synchronous_commit on");
    compare(
        &format!("push of {RECORDS} records of 1 KB"),
        2.0,
        &mut || {
            // A copy of the file would have the same cursors: each round pushes to a registry that it has not seen.
            let remote = Store::open(&fresh()).expect("a registry");
            let (time, pushed) = timed(|| local.push(&remote).expect("pushed"));
            assert!(matches!(pushed, Pushed::Published(receipt) if receipt.count == RECORDS as u64));
            time
        },
        &mut || {
            let client = connect(&fresh_raw());
            let rows = copy_rows(&local);
            timed(|| runtime.block_on(raw_push(&client, rows))).0
        },
    );
    let _ = std::io::stdout().flush();
}

fn draft(number: usize) -> Draft {
    let text = format!(r#"{{"title": "Record {number}", "description": "{}"}}"#, "text ".repeat(190));
    Draft::new(
        Kind::Metadata,
        Name::new(&format!("record_{number}")).expect("a name"),
        Some(Version::for_kind(&Kind::Metadata, "1.0.0").expect("a version")),
        Body::parse(&text).expect("a body"),
    )
    .expect("a draft")
}

/// The rows in COPY's text format.
fn copy_rows(local: &Store) -> String {
    let mut rows = String::new();
    for (place, listed) in local.list_everything().expect("a list").iter().enumerate() {
        let record = local
            .backend()
            .read(&[charter::store::Selector::Key(listed.key.clone())])
            .expect("read")
            .remove(0)
            .expect("a record");
        let sort_key: String = listed.key.sort_key().iter().map(|byte| format!("{byte:02x}")).collect();
        let body = record.body().as_str().replace('\\', "\\\\");
        let key = &listed.key;
        writeln!(
            rows,
            "{}\t\\\\x{sort_key}\t{}\t{}\t{}\t{}\tf\t\\N\t{body}\t{place}",
            listed.digest, key.namespace, key.kind, key.name, key.version
        )
        .expect("a row");
    }
    rows
}

async fn raw_push(client: &tokio_postgres::Client, rows: String) {
    client
        .batch_execute(
            "BEGIN; CREATE TEMP TABLE incoming (digest TEXT, sort_key BYTEA, namespace TEXT, kind TEXT, name TEXT, \
             version TEXT, pre_release BOOLEAN, parent TEXT, body JSON, place BIGINT) ON COMMIT DROP",
        )
        .await
        .expect("a table");
    let sink = client.copy_in("COPY incoming FROM STDIN").await.expect("COPY");
    let mut sink = std::pin::pin!(sink);
    sink.send(bytes::Bytes::from(rows)).await.expect("rows");
    sink.finish().await.expect("COPY");
    client
        .batch_execute(
            "INSERT INTO charter.charter_records \
                 (digest, sort_key, namespace, kind, name, version, pre_release, parent, body) \
             SELECT digest, sort_key, namespace, kind, name, version, pre_release, parent, body \
             FROM incoming ORDER BY digest ON CONFLICT DO NOTHING; \
             UPDATE charter.charter_head SET sequence = sequence + (SELECT count(*) FROM incoming); \
             INSERT INTO charter.charter_changes (sequence, digest) SELECT place + 1, digest FROM incoming; \
             COMMIT",
        )
        .await
        .expect("INSERT");
}
