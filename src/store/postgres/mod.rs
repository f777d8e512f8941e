//! PostgreSQL behind the store. Everything of charter's lives in the schema `charter`.
//!
//! Statements are unnamed (`query_typed`), so that they work behind a pooler that shares connections by transaction.

mod replication;

use super::backend::{
    Appended, Backend, Batch, Description, Durability, Fate, Listed, Obstacle, Page, Selector, prefix_end,
};
use super::row::{self, RecordRow};
use crate::config::DatabaseUrl;
use crate::config::url::PostgresTarget;
use crate::engine::Engine;
use crate::engine::bridge::Bridge;
use crate::engine::postgres::{Pool, Pooled, begin, text_rows};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{Found, MigrationSet, Status};
use crate::record::{Digest, Record};
use charter_sync::{Change, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};
use futures_util::future::try_join_all;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

/// A registry in a PostgreSQL database.
pub(crate) struct PostgresBackend {
    bridge: Bridge,
    pool: Arc<Pool>,
    location: String,
}

/// A parameter and its type, as `query_typed` takes them.
type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The columns of a [`RecordRow`]; the body as text, whatever the driver makes of JSON.
const RECORD_COLUMNS: &str = "namespace, kind, name, version, digest, parent, body::text";

impl PostgresBackend {
    /// Prepares to connect; nothing is sent before the first call.
    pub(crate) fn new(url: &DatabaseUrl, target: &PostgresTarget) -> Result<Self> {
        Ok(Self { bridge: Bridge::start()?, pool: Pool::new(target.clone()), location: url.masked() })
    }

    /// Runs a piece of work on a connection of the pool.
    fn call<T, F>(&self, work: impl FnOnce(Pooled) -> F + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let pool = self.pool.clone();
        self.bridge.call(async move { work(pool.client().await?).await })
    }
}

impl Backend for PostgresBackend {
    fn description(&self) -> Description {
        Description {
            engine: "postgres",
            engine_version: None,
            location: self.location.clone(),
            durability: Durability::Server,
        }
    }

    fn status(&self, set: &MigrationSet) -> Result<Option<Status>> {
        let engine = Engine::Postgres;
        let found = Found::read(set, engine, &mut |sql| {
            let sql = sql.to_owned();
            self.call(|mut pooled| async move { text_rows(pooled.client()?, &sql).await })
        })?;
        Status::judge(found, set, engine).map(Some)
    }

    fn read(&self, selectors: &[Selector]) -> Result<Vec<Option<Record>>> {
        let selectors = selectors.to_vec();
        self.call(|mut pooled| async move { read(pooled.client()?, &selectors).await })
    }

    fn list(&self, page: &Page) -> Result<Vec<Listed>> {
        let (start, end) = (page.start(), prefix_end(&page.prefix));
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        self.call(move |mut pooled| async move {
            let query = "SELECT namespace, kind, name, version, digest, parent, ''::text, \
                 octet_length(body::text)::bigint, to_char(stored_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
                 FROM charter.charter_records \
                 WHERE sort_key >= $1 AND ($2 IS NULL OR sort_key < $2) ORDER BY sort_key LIMIT $3";
            let parameters: [Parameter<'_>; 3] =
                [(&start, Type::BYTEA), (&end, Type::BYTEA), (&limit, Type::INT8)];
            let rows = pooled.client()?.query_typed(query, &parameters).await?;
            rows.iter().map(|row| record_row(row)?.to_listed(unsigned(row.try_get(7)?)?, row.try_get(8)?)).collect()
        })
    }

    fn append(&self, batch: &Batch) -> Result<Appended> {
        let batch = batch.clone();
        self.call(|mut pooled| async move { append(pooled.client()?, &batch).await })
    }

    fn head(&self) -> Result<Head> {
        self.call(|mut pooled| async move { replication::head(pooled.client()?).await })
    }

    fn changes(&self, after: Sequence, limit: usize) -> Result<Vec<Change>> {
        self.call(move |mut pooled| async move { replication::changes(pooled.client()?, after, limit).await })
    }

    fn compare(&self, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>> {
        let (push, offers) = (push.clone(), offers.to_vec());
        self.call(|mut pooled| async move { replication::compare(pooled.client()?, &push, &offers).await })
    }

    fn stage(&self, push: &Push, records: &[Record]) -> Result<()> {
        let (push, records) = (push.clone(), records.to_vec());
        self.call(|mut pooled| async move { replication::stage(pooled.client()?, &push, &records).await })
    }

    fn publish(&self, push: &Push, needed: u64) -> Result<Publication> {
        let push = push.clone();
        self.call(move |mut pooled| async move { replication::publish(pooled.client()?, &push, needed).await })
    }

    fn discard(&self, push: &Push) -> Result<()> {
        let push = push.id.to_string();
        self.call(|mut pooled| async move { replication::discard(pooled.client()?, &push).await })
    }

    fn cursor(&self, remote: &ReplicaId) -> Result<Option<Cursor>> {
        let remote = remote.clone();
        self.call(|mut pooled| async move { replication::cursor(pooled.client()?, &remote).await })
    }

    fn acknowledge(&self, receipt: Option<&Receipt>, cursor: &Cursor) -> Result<()> {
        let (receipt, cursor) = (receipt.cloned(), cursor.clone());
        self.call(|mut pooled| async move {
            let transaction = begin(pooled.client()?).await?;
            if let Some(receipt) = &receipt {
                replication::keep_receipt(&transaction, receipt).await?;
            }
            replication::set_cursor(&transaction, &cursor).await?;
            Ok(transaction.commit().await?)
        })
    }

    fn receipts(&self, limit: usize) -> Result<Vec<Receipt>> {
        self.call(move |mut pooled| async move { replication::receipts(pooled.client()?, limit).await })
    }
}

/// Reads many records; the statements go out together, so this costs one round trip.
async fn read(client: &Client, selectors: &[Selector]) -> Result<Vec<Option<Record>>> {
    let mut sort_keys = Vec::new();
    let mut digests = Vec::new();
    let mut subjects = Vec::new();
    for selector in selectors {
        match selector {
            Selector::Key(key) => sort_keys.push(key.sort_key()),
            Selector::Digest(digest) => digests.push(digest.to_string()),
            Selector::Latest { subject, pre_releases } => {
                let prefix = subject.sort_prefix();
                subjects.push((prefix_end(&prefix), prefix, *pre_releases));
            }
        }
    }
    let many = |column: &str| format!("SELECT {RECORD_COLUMNS} FROM charter.charter_records WHERE {column} = ANY($1)");
    let by_key = async {
        let parameters: [Parameter<'_>; 1] = [(&sort_keys, Type::BYTEA_ARRAY)];
        if sort_keys.is_empty() { Ok(Vec::new()) } else { client.query_typed(&many("sort_key"), &parameters).await }
    };
    let by_digest = async {
        let parameters: [Parameter<'_>; 1] = [(&digests, Type::TEXT_ARRAY)];
        if digests.is_empty() { Ok(Vec::new()) } else { client.query_typed(&many("digest"), &parameters).await }
    };
    let latest = format!(
        "SELECT {RECORD_COLUMNS} FROM charter.charter_records \
         WHERE sort_key >= $1 AND ($2 IS NULL OR sort_key < $2) AND ($3 OR NOT pre_release) ORDER BY sort_key DESC LIMIT 1"
    );
    let latest = try_join_all(subjects.iter().map(|(end, prefix, pre_releases)| {
        let latest = &latest;
        async move {
            let parameters: [Parameter<'_>; 3] =
                [(prefix, Type::BYTEA), (end, Type::BYTEA), (pre_releases, Type::BOOL)];
            client.query_typed_opt(latest, &parameters).await
        }
    }));
    let (by_key, by_digest, latest) = futures_util::try_join!(by_key, by_digest, latest)?;
    let records = |rows: Vec<Row>| rows.iter().map(|row| record_row(row)?.to_record()).collect::<Result<Vec<_>>>();
    let by_key: HashMap<_, _> = records(by_key)?.into_iter().map(|record| (record.key().clone(), record)).collect();
    let by_digest: HashMap<_, _> = records(by_digest)?.into_iter().map(|record| (*record.digest(), record)).collect();
    let mut latest = latest.into_iter();
    selectors
        .iter()
        .map(|selector| match selector {
            Selector::Key(key) => Ok(by_key.get(key).cloned()),
            Selector::Digest(digest) => Ok(by_digest.get(digest).cloned()),
            Selector::Latest { .. } => latest.next().flatten().map(|row| record_row(&row)?.to_record()).transpose(),
        })
        .collect()
}

/// Inserts what is offered, in the order of sort keys, so that overlapping writers wait for each other and do not
/// deadlock, whether they bring the same records or others with the same keys; then takes sequences under the lock of the head's row, last, so that nobody waits for long.
const APPEND: &str = "\
WITH offered AS ( \
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[], \
        $8::text[], $9::text[]) WITH ORDINALITY \
        AS o (digest, sort_key, namespace, kind, name, version, pre_release, parent, body, place) \
), inserted AS ( \
    INSERT INTO charter.charter_records \
        (digest, sort_key, namespace, kind, name, version, pre_release, parent, body) \
    SELECT digest, sort_key, namespace, kind, name, version, pre_release, parent, body::json FROM offered \
    ORDER BY sort_key ON CONFLICT DO NOTHING RETURNING digest \
), head AS ( \
    UPDATE charter.charter_head SET sequence = sequence + (SELECT count(*) FROM inserted) \
    WHERE EXISTS (SELECT 1 FROM inserted) RETURNING sequence \
), logged AS ( \
    INSERT INTO charter.charter_changes (sequence, digest) \
    SELECT head.sequence - count(*) OVER () + row_number() OVER (ORDER BY offered.place), offered.digest \
    FROM head, inserted JOIN offered USING (digest) \
) \
SELECT digest FROM inserted";

async fn append(client: &mut Client, batch: &Batch) -> Result<Appended> {
    let rows: Vec<RecordRow<'_>> = batch.records.iter().map(RecordRow::from).collect();
    let column = |of: for<'r> fn(&'r RecordRow<'_>) -> &'r str| rows.iter().map(of).collect::<Vec<&str>>();
    let digests = column(|row| &row.digest);
    let (namespaces, kinds) = (column(|row| row.namespace), column(|row| row.kind));
    let (names, versions) = (column(|row| row.name), column(|row| &row.version));
    let bodies = column(|row| row.body);
    let parents: Vec<Option<&str>> = rows.iter().map(|row| row.parent.as_deref()).collect();
    let sort_keys: Vec<Vec<u8>> = batch.records.iter().map(|record| record.key().sort_key()).collect();
    let pre_releases: Vec<bool> = batch.records.iter().map(|record| record.key().version.is_pre_release()).collect();
    let parameters: [Parameter<'_>; 9] = [
        (&digests, Type::TEXT_ARRAY),
        (&sort_keys, Type::BYTEA_ARRAY),
        (&namespaces, Type::TEXT_ARRAY),
        (&kinds, Type::TEXT_ARRAY),
        (&names, Type::TEXT_ARRAY),
        (&versions, Type::TEXT_ARRAY),
        (&pre_releases, Type::BOOL_ARRAY),
        (&parents, Type::TEXT_ARRAY),
        (&bodies, Type::TEXT_ARRAY),
    ];

    let transaction = begin(client).await?;
    let mut obstacles = Vec::new();
    if !batch.required.is_empty() {
        let found = read(transaction.client(), &batch.required).await?;
        let missing = batch.required.iter().zip(found).filter(|(_, found)| found.is_none());
        obstacles.extend(missing.map(|(selector, _)| Obstacle::Missing(selector.clone())));
    }
    let inserted: Vec<String> = transaction
        .query_typed(APPEND, &parameters)
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect::<std::result::Result<_, _>>()?;
    let inserted: std::collections::HashSet<&str> = inserted.iter().map(String::as_str).collect();
    if inserted.len() < rows.len() {
        // A new statement sees what made the insertion wait.
        let stored = replication::digests_of(transaction.client(), &sort_keys).await?;
        for (record, sort_key) in batch.records.iter().zip(&sort_keys) {
            if let Some(stored) = stored.get(sort_key).filter(|stored| *stored != record.digest()) {
                obstacles.push(Obstacle::Taken {
                    key: record.key().clone(),
                    stored: *stored,
                    offered: *record.digest(),
                });
            }
        }
    }
    if !obstacles.is_empty() {
        transaction.rollback().await?;
        return Ok(Appended::Refused(obstacles));
    }
    transaction.commit().await?;
    let fate = |digest: &&str| if inserted.contains(digest) { Fate::Stored } else { Fate::Unchanged };
    Ok(Appended::Done(digests.iter().map(fate).collect()))
}

fn record_row(row: &Row) -> Result<RecordRow<'_>> {
    Ok(RecordRow {
        namespace: row.try_get(0)?,
        kind: row.try_get(1)?,
        name: row.try_get(2)?,
        version: row.try_get::<_, &str>(3)?.into(),
        digest: row.try_get::<_, &str>(4)?.into(),
        parent: row.try_get::<_, Option<&str>>(5)?.map(Into::into),
        body: row.try_get(6)?,
    })
}

fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number)
        .map_err(|_| Error::new(ErrorKind::Corrupt, format!("the server has {number} where a count is")))
}

fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::new(ErrorKind::Corrupt, format!("{number} is no sequence")))
}

/// Digests as they are stored, by sort key.
fn digest_by_key(rows: &[Row]) -> Result<HashMap<Vec<u8>, Digest>> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row::digest(row.try_get(1)?)?))).collect()
}
