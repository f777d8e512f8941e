//! PostgreSQL as one side of a replication.

use super::{Parameter, begin, digest_by_key, signed, unsigned};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::check_minimum_program;
use crate::record::{Digest, Record};
use crate::store::backend::{check_addressee, payload_size};
use crate::store::row::{self, RECEIPT_COLUMNS, ReceiptRow, RecordRow};
use charter_sync::{Change, Collision, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};
use std::collections::{HashMap, HashSet};
use std::error::Error as StdError;
use std::pin::pin;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Row, Transaction};

/// Who the registry is, and whether it is for this program, in one round trip.
pub(super) async fn head(client: &Client) -> Result<Head> {
    let query = "SELECT id, epoch, sequence, \
         (SELECT minimum_program FROM charter.charter_schema_version ORDER BY version DESC LIMIT 1) \
         FROM charter.charter_head";
    let row = client.query_typed_one(query, &[]).await?;
    if let Some(minimum) = row.try_get(3)? {
        check_minimum_program(minimum, "this database")?;
    }
    Ok(Head {
        id: ReplicaId::new(row.try_get::<_, String>(0)?),
        epoch: unsigned(row.try_get(1)?)?,
        sequence: unsigned(row.try_get(2)?)?,
    })
}

pub(super) async fn changes(client: &Client, after: Sequence, limit: usize) -> Result<Vec<Change>> {
    let (after, limit) = (signed(after)?, i64::try_from(limit).unwrap_or(i64::MAX));
    let query = "SELECT c.sequence, r.sort_key, r.digest, octet_length(r.body::text)::bigint, r.parent IS NOT NULL \
         FROM charter.charter_changes AS c LEFT JOIN charter.charter_records AS r ON r.digest = c.digest \
         WHERE c.sequence > $1 ORDER BY c.sequence LIMIT $2";
    let parameters: [Parameter<'_>; 2] = [(&after, Type::INT8), (&limit, Type::INT8)];
    let rows = client.query_typed(query, &parameters).await?;
    rows.iter()
        .map(|row| {
            let sequence = unsigned(row.try_get(0)?)?;
            Ok(Change {
                sequence,
                key: row.try_get::<_, Option<_>>(1)?.ok_or_else(|| row::lost_record(sequence))?,
                digest: row::digest(row.try_get(2)?)?,
                size: payload_size(unsigned(row.try_get(3)?)?, row.try_get(4)?),
            })
        })
        .collect()
}

/// The digests of the records with these sort keys.
pub(super) async fn digests_of(client: &Client, sort_keys: &[Vec<u8>]) -> Result<HashMap<Vec<u8>, Digest>> {
    let parameters: [Parameter<'_>; 1] = [(&sort_keys, Type::BYTEA_ARRAY)];
    let query = "SELECT sort_key, digest FROM charter.charter_records WHERE sort_key = ANY($1)";
    digest_by_key(&client.query_typed(query, &parameters).await?)
}

pub(super) async fn compare(client: &Client, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>> {
    let push = push.id.to_string();
    let sort_keys: Vec<Vec<u8>> = offers.iter().map(|(sort_key, _)| sort_key.clone()).collect();
    let digests: Vec<String> = offers.iter().map(|(_, digest)| digest.to_string()).collect();
    let staged = async {
        let parameters: [Parameter<'_>; 2] = [(&push, Type::TEXT), (&digests, Type::TEXT_ARRAY)];
        let query = "SELECT digest FROM charter.charter_uploads WHERE push = $1 AND digest = ANY($2)";
        let rows = client.query_typed(query, &parameters).await?;
        rows.iter().map(|row| row::digest(row.try_get(0)?)).collect::<Result<HashSet<_>>>()
    };
    // Both go out together: one round trip.
    let (stored, staged) = futures_util::try_join!(digests_of(client, &sort_keys), staged)?;
    Ok(offers
        .iter()
        .map(|(sort_key, digest)| match stored.get(sort_key) {
            Some(stored) if stored == digest => Standing::Present,
            Some(stored) => Standing::Taken(*stored),
            None if staged.contains(digest) => Standing::Staged,
            None => Standing::Absent,
        })
        .collect())
}

/// JSON text on its way into a `json` column, which keeps it to the letter.
#[derive(Debug)]
struct JsonText<'a>(&'a str);

impl ToSql for JsonText<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSON
    }

    to_sql_checked!();
}

const UPLOAD_TYPES: &[Type] = &[
    Type::TEXT,
    Type::TEXT,
    Type::BYTEA,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::BOOL,
    Type::TEXT,
    Type::JSON,
    Type::INT8,
];

/// The server's clock, in microseconds since 1970 UTC.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

pub(super) async fn stage(client: &mut Client, push: &Push, records: &[Record]) -> Result<()> {
    let push = push.id.to_string();
    let transaction = begin(client).await?;
    // What is staged need not outlive the server: a push whose staged rows are gone is told so, and sends them again.
    let set_up = format!("SELECT {NOW}, set_config('synchronous_commit', 'off', true)");
    let now: i64 = transaction.query_typed_one(&set_up, &[]).await?.try_get(0)?;
    let copy = "COPY charter.charter_uploads \
         (push, digest, sort_key, namespace, kind, name, version, pre_release, parent, body, uploaded_at) \
         FROM STDIN (FORMAT binary)";
    let mut writer = pin!(BinaryCopyInWriter::new(transaction.copy_in(copy).await?, UPLOAD_TYPES));
    for record in records {
        let row = RecordRow::from(record);
        let (sort_key, body) = (record.key().sort_key(), JsonText(row.body));
        let pre_release = record.key().version.is_pre_release();
        let columns: [&(dyn ToSql + Sync); 11] = [
            &push,
            &row.digest,
            &sort_key,
            &row.namespace,
            &row.kind,
            &row.name,
            &row.version,
            &pre_release,
            &row.parent,
            &body,
            &now,
        ];
        writer.as_mut().write(&columns).await?;
    }
    writer.finish().await?;
    Ok(transaction.commit().await?)
}

/// How many records a push has staged, and how many of those are visible.
const DELIVERED: &str = "SELECT count(DISTINCT u.digest), count(DISTINCT r.digest) FROM charter.charter_uploads AS u \
     LEFT JOIN charter.charter_records AS r ON r.digest = u.digest WHERE u.push = $1";

const COLLISIONS: &str = "SELECT DISTINCT u.sort_key, r.digest, u.digest FROM charter.charter_uploads AS u \
     JOIN charter.charter_records AS r ON r.sort_key = u.sort_key WHERE u.push = $1 AND r.digest <> u.digest \
     ORDER BY u.sort_key";

pub(super) async fn publish(client: &mut Client, push: &Push, needed: u64) -> Result<Publication> {
    let id = push.id.to_string();
    let by_push: [Parameter<'_>; 1] = [(&id, Type::TEXT)];
    let head = head(client).await?;
    let transaction = begin(client).await?;
    // Enough to sort some ten thousand records of 1 KB without files.
    transaction.batch_execute("SET LOCAL work_mem = '64MB'").await?;
    if let Some(receipt) = receipt(&transaction, &head.id, &id).await? {
        // What another process staged for it meanwhile is nobody's any more.
        transaction.execute_typed("DELETE FROM charter.charter_uploads WHERE push = $1", &by_push).await?;
        transaction.commit().await?;
        return Ok(Publication::Published(receipt));
    }
    check_addressee(push, &head)?;
    // In the order of sort keys, as `append`, so that overlapping writers wait for each other and do not deadlock.
    let inserted = transaction
        .execute_typed(
            "INSERT INTO charter.charter_records \
             (digest, sort_key, namespace, kind, name, version, pre_release, parent, body) \
             SELECT DISTINCT ON (sort_key, digest) digest, sort_key, namespace, kind, name, version, pre_release, parent, body \
             FROM charter.charter_uploads WHERE push = $1 ORDER BY sort_key, digest ON CONFLICT DO NOTHING",
            &by_push,
        )
        .await?;
    // A new statement sees what others committed while that one waited: keys that they took, this very push published by
    // another process, or staged rows that they dropped, before they were read or after. Only what is staged and visible
    // now counts as delivered.
    let counts = transaction.query_typed(DELIVERED, &by_push).await?;
    let counts = counts.first().ok_or_else(|| Error::new(ErrorKind::Corrupt, "the server counted nothing"))?;
    let (staged, delivered) = (unsigned(counts.try_get(0)?)?, unsigned(counts.try_get(1)?)?);
    if staged < needed || delivered < staged {
        let refused = collisions(&transaction, &by_push).await?;
        let kept = receipt(&transaction, &head.id, &id).await?;
        transaction.rollback().await?;
        return Ok(match kept {
            Some(receipt) => Publication::Published(receipt),
            None if staged < needed => Publication::Incomplete { staged },
            None if refused.is_empty() => Publication::Incomplete { staged: delivered },
            None => Publication::Refused(refused),
        });
    }
    // What nobody came back for, by the server's clock: one laptop's may be wrong, and the uploads are others'.
    let outdated = format!("DELETE FROM charter.charter_uploads WHERE push <> $1 AND uploaded_at < {NOW} - $2");
    let parameters: [Parameter<'_>; 2] = [(&id, Type::TEXT), (&row::UPLOADS_KEPT, Type::INT8)];
    transaction.execute_typed(&outdated, &parameters).await?;
    log(transaction, push, &head, &id, inserted).await
}

/// Takes sequences for what was inserted, under the lock of the head's row, and leaves the receipt.
async fn log(transaction: Transaction<'_>, push: &Push, head: &Head, id: &str, inserted: u64) -> Result<Publication> {
    let count = signed(inserted)?;
    let parameters: [Parameter<'_>; 1] = [(&count, Type::INT8)];
    let take =
        format!("UPDATE charter.charter_head SET sequence = sequence + $1 RETURNING sequence, last_receipt, {NOW}");
    let rows = transaction.query_typed(&take, &parameters).await?;
    let row = rows.first().ok_or_else(|| Error::new(ErrorKind::Corrupt, "the registry's head is missing"))?;
    let after = unsigned(row.try_get(0)?)?;
    let before = after - inserted;
    let previous: Option<&str> = row.try_get(1)?;
    let previous = previous.map(row::digest).transpose()?;

    let start = signed(before)?;
    let parameters: [Parameter<'_>; 2] = [(&start, Type::INT8), (&id, Type::TEXT)];
    let logged = transaction
        .execute_typed(
            "INSERT INTO charter.charter_changes (sequence, digest, push) \
             SELECT $1 + row_number() OVER (ORDER BY sort_key), digest, $2 \
             FROM (SELECT DISTINCT digest, sort_key FROM charter.charter_uploads WHERE push = $2) AS u \
             WHERE NOT EXISTS (SELECT 1 FROM charter.charter_changes AS c WHERE c.digest = u.digest)",
            &parameters,
        )
        .await?;
    if logged != inserted {
        let message = format!("{inserted} records were inserted, but {logged} belong into the change log");
        return Err(Error::new(ErrorKind::Busy, message).with_hint("push again"));
    }
    let receipt = Receipt::new(push, inserted, before, after, row.try_get(2)?, previous);
    if !keep_receipt(&transaction, &receipt).await? {
        // The same push was published by another process meanwhile; its receipt is the one.
        let kept = self::receipt(&transaction, &head.id, id).await?;
        transaction.rollback().await?;
        return kept
            .map(Publication::Published)
            .ok_or_else(|| Error::new(ErrorKind::Busy, "another process publishes this push").with_hint("push again"));
    }
    let hash = receipt.hash.to_string();
    let parameters: [Parameter<'_>; 1] = [(&hash, Type::TEXT)];
    transaction.execute_typed("UPDATE charter.charter_head SET last_receipt = $1", &parameters).await?;
    let parameters: [Parameter<'_>; 1] = [(&id, Type::TEXT)];
    transaction.execute_typed("DELETE FROM charter.charter_uploads WHERE push = $1", &parameters).await?;
    transaction.commit().await?;
    Ok(Publication::Published(receipt))
}

async fn collisions(transaction: &Transaction<'_>, by_push: &[Parameter<'_>]) -> Result<Vec<Collision>> {
    let rows = transaction.query_typed(COLLISIONS, by_push).await?;
    rows.iter()
        .map(|row| {
            let (stored, offered) = (row::digest(row.try_get(1)?)?, row::digest(row.try_get(2)?)?);
            Ok(Collision { key: row.try_get(0)?, stored, offered })
        })
        .collect()
}

pub(super) async fn discard(client: &Client, push: &str) -> Result<()> {
    let parameters: [Parameter<'_>; 1] = [(&push, Type::TEXT)];
    client.execute_typed("DELETE FROM charter.charter_uploads WHERE push = $1", &parameters).await?;
    Ok(())
}

pub(super) async fn cursor(client: &Client, remote: &ReplicaId) -> Result<Option<Cursor>> {
    let id = remote.as_str();
    let parameters: [Parameter<'_>; 1] = [(&id, Type::TEXT)];
    let query = "SELECT epoch, local_sequence, remote_sequence FROM charter.charter_cursors WHERE remote = $1";
    let row = client.query_typed_opt(query, &parameters).await?;
    row.map(|row| {
        Ok(Cursor {
            remote: remote.clone(),
            epoch: unsigned(row.try_get(0)?)?,
            local_sequence: unsigned(row.try_get(1)?)?,
            remote_sequence: unsigned(row.try_get(2)?)?,
        })
    })
    .transpose()
}

pub(super) async fn set_cursor(transaction: &Transaction<'_>, cursor: &Cursor) -> Result<()> {
    let remote = cursor.remote.as_str();
    let (epoch, local) = (signed(cursor.epoch)?, signed(cursor.local_sequence)?);
    let there = signed(cursor.remote_sequence)?;
    let parameters: [Parameter<'_>; 4] =
        [(&remote, Type::TEXT), (&epoch, Type::INT8), (&local, Type::INT8), (&there, Type::INT8)];
    transaction
        .execute_typed(
            "INSERT INTO charter.charter_cursors (remote, epoch, local_sequence, remote_sequence) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (remote) DO UPDATE SET epoch = excluded.epoch, \
             local_sequence = excluded.local_sequence, remote_sequence = excluded.remote_sequence",
            &parameters,
        )
        .await?;
    Ok(())
}

/// Keeps a receipt; `false` if one of the same push is kept already.
pub(super) async fn keep_receipt(transaction: &Transaction<'_>, receipt: &Receipt) -> Result<bool> {
    let row = ReceiptRow::from(receipt);
    let [epoch, count, before, after, published_at] = row.numbers;
    let parameters: [Parameter<'_>; 10] = [
        (&row.push, Type::TEXT),
        (&row.source, Type::TEXT),
        (&row.remote, Type::TEXT),
        (&epoch, Type::INT8),
        (&count, Type::INT8),
        (&before, Type::INT8),
        (&after, Type::INT8),
        (&published_at, Type::INT8),
        (&row.previous, Type::TEXT),
        (&row.hash, Type::TEXT),
    ];
    let query = format!(
        "INSERT INTO charter.charter_receipts ({RECEIPT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT DO NOTHING"
    );
    Ok(transaction.execute_typed(&query, &parameters).await? == 1)
}

async fn receipt(transaction: &Transaction<'_>, remote: &ReplicaId, push: &str) -> Result<Option<Receipt>> {
    let remote = remote.as_str();
    let parameters: [Parameter<'_>; 2] = [(&remote, Type::TEXT), (&push, Type::TEXT)];
    let query = format!("SELECT {RECEIPT_COLUMNS} FROM charter.charter_receipts WHERE remote = $1 AND push = $2");
    let rows = transaction.query_typed(&query, &parameters).await?;
    rows.first().map(|row| receipt_row(row)?.into_receipt()).transpose()
}

pub(super) async fn receipts(client: &Client, limit: usize) -> Result<Vec<Receipt>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let parameters: [Parameter<'_>; 1] = [(&limit, Type::INT8)];
    let query = format!(
        "SELECT {RECEIPT_COLUMNS} FROM charter.charter_receipts \
         ORDER BY published_at DESC, sequence_after DESC, push LIMIT $1"
    );
    let rows = client.query_typed(&query, &parameters).await?;
    rows.iter().map(|row| receipt_row(row)?.into_receipt()).collect()
}

fn receipt_row(row: &Row) -> Result<ReceiptRow> {
    Ok(ReceiptRow {
        push: row.try_get(0)?,
        source: row.try_get(1)?,
        remote: row.try_get(2)?,
        numbers: [row.try_get(3)?, row.try_get(4)?, row.try_get(5)?, row.try_get(6)?, row.try_get(7)?],
        previous: row.try_get(8)?,
        hash: row.try_get(9)?,
    })
}
