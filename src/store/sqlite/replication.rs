//! SQLite as one side of a replication: what is written here runs in the transaction of its caller.

use super::{
    Insertion, digest_of_key, head_sequence, insert, insert_change, record_row, set_head_sequence, signed, unsigned,
};
use crate::engine::sqlite::Written;
use crate::error::Result;
use crate::record::{Digest, Record};
use crate::store::backend::payload_size;
use crate::store::row::{self, RECEIPT_COLUMNS, ReceiptRow, RecordRow};
use charter_sync::{Change, Collision, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) fn head(connection: &Connection) -> Result<Head> {
    let (id, epoch, sequence) = connection
        .prepare_cached("SELECT id, epoch, sequence FROM charter_head")?
        .query_row([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(Head { id: ReplicaId::new(id), epoch: unsigned(epoch)?, sequence: unsigned(sequence)? })
}

pub(super) fn changes(connection: &Connection, after: Sequence, limit: usize) -> Result<Vec<Change>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.sequence, r.sort_key, r.digest, octet_length(r.body), r.parent IS NOT NULL \
         FROM charter_changes AS c LEFT JOIN charter_records AS r ON r.digest = c.digest \
         WHERE c.sequence > ?1 ORDER BY c.sequence LIMIT ?2",
    )?;
    let mut rows = statement.query(params![signed(after)?, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence = unsigned(row.get(0)?)?;
        changes.push(Change {
            sequence,
            key: row.get::<_, Option<_>>(1)?.ok_or_else(|| row::lost_record(sequence))?,
            digest: row::digest(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
            size: payload_size(unsigned(row.get(3)?)?, row.get(4)?),
        });
    }
    Ok(changes)
}

pub(super) fn compare(connection: &Connection, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>> {
    let push = push.id.to_string();
    let mut staged =
        connection.prepare_cached("SELECT 1 FROM charter_uploads WHERE push = ?1 AND digest = ?2 LIMIT 1")?;
    offers
        .iter()
        .map(|(key, digest)| {
            Ok(match digest_of_key(connection, key)? {
                Some(stored) if stored == *digest => Standing::Present,
                Some(stored) => Standing::Taken(stored),
                None if staged.exists([&push, &digest.to_string()])? => Standing::Staged,
                None => Standing::Absent,
            })
        })
        .collect()
}

pub(super) fn stage(connection: &Connection, push: &Push, records: &[Record]) -> Result<()> {
    let (push, now) = (push.id.to_string(), row::now());
    let mut statement = connection.prepare_cached(
        "INSERT INTO charter_uploads \
         (push, digest, sort_key, namespace, kind, name, version, pre_release, parent, body, uploaded_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for record in records {
        let row = RecordRow::from(record);
        statement.execute(params![
            push,
            row.digest,
            record.key().sort_key(),
            row.namespace,
            row.kind,
            row.name,
            row.version,
            record.key().version.is_pre_release(),
            row.parent,
            row.body,
            now,
        ])?;
    }
    Ok(())
}

pub(super) fn publish(connection: &Connection, push: &Push, needed: u64) -> Result<Written<Publication>> {
    let id = push.id.to_string();
    let head = head(connection)?;
    if let Some(receipt) = receipt(connection, &head.id, &id)? {
        // What another process staged for it meanwhile is nobody's any more.
        discard(connection, push)?;
        return Ok(Written::Commit(Publication::Published(receipt)));
    }
    crate::store::backend::check_addressee(push, &head)?;
    let staged = connection
        .prepare_cached("SELECT count(DISTINCT digest) FROM charter_uploads WHERE push = ?1")?
        .query_row([&id], |row| row.get(0))?;
    let staged = unsigned(staged)?;
    if staged < needed {
        return Ok(Written::Nothing(Publication::Incomplete { staged }));
    }
    // What nobody came back for.
    connection
        .prepare_cached("DELETE FROM charter_uploads WHERE push <> ?1 AND uploaded_at < ?2")?
        .execute(params![id, row::now() - row::UPLOADS_KEPT])?;
    let mut sequence = head_sequence(connection)?;
    let before = sequence;
    let mut collisions = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT namespace, kind, name, version, digest, parent, body FROM charter_uploads \
         WHERE push = ?1 GROUP BY digest ORDER BY sort_key",
    )?;
    let mut rows = statement.query([&id])?;
    while let Some(row) = rows.next()? {
        let record = record_row(row)?.to_record()?;
        match insert(connection, &record)? {
            Insertion::New => {
                sequence += 1;
                insert_change(connection, sequence, record.digest(), Some(&id))?;
            }
            Insertion::Present => {}
            Insertion::Taken(stored) => {
                collisions.push(Collision { key: record.key().sort_key(), stored, offered: *record.digest() });
            }
        }
    }
    if !collisions.is_empty() {
        return Ok(Written::Nothing(Publication::Refused(collisions)));
    }
    let previous: Option<String> =
        connection.query_row("SELECT last_receipt FROM charter_head", [], |row| row.get(0))?;
    let previous = previous.as_deref().map(row::digest).transpose()?;
    let receipt = Receipt::new(push, sequence - before, before, sequence, row::now(), previous);
    set_head_sequence(connection, sequence)?;
    connection.prepare_cached("UPDATE charter_head SET last_receipt = ?1")?.execute([receipt.hash.to_string()])?;
    keep_receipt(connection, &receipt)?;
    discard(connection, push)?;
    Ok(Written::Commit(Publication::Published(receipt)))
}

pub(super) fn discard(connection: &Connection, push: &Push) -> Result<()> {
    connection.prepare_cached("DELETE FROM charter_uploads WHERE push = ?1")?.execute([push.id.to_string()])?;
    Ok(())
}

pub(super) fn cursor(connection: &Connection, remote: &ReplicaId) -> Result<Option<Cursor>> {
    let row: Option<(i64, i64, i64)> = connection
        .prepare_cached("SELECT epoch, local_sequence, remote_sequence FROM charter_cursors WHERE remote = ?1")?
        .query_row([remote.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    row.map(|(epoch, local, there)| {
        Ok(Cursor {
            remote: remote.clone(),
            epoch: unsigned(epoch)?,
            local_sequence: unsigned(local)?,
            remote_sequence: unsigned(there)?,
        })
    })
    .transpose()
}

pub(super) fn set_cursor(connection: &Connection, cursor: &Cursor) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO charter_cursors (remote, epoch, local_sequence, remote_sequence) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (remote) DO UPDATE SET epoch = excluded.epoch, local_sequence = excluded.local_sequence, \
             remote_sequence = excluded.remote_sequence",
        )?
        .execute(params![
            cursor.remote.as_str(),
            signed(cursor.epoch)?,
            signed(cursor.local_sequence)?,
            signed(cursor.remote_sequence)?
        ])?;
    Ok(())
}

pub(super) fn keep_receipt(connection: &Connection, receipt: &Receipt) -> Result<()> {
    let row = ReceiptRow::from(receipt);
    let [epoch, count, before, after, published_at] = row.numbers;
    connection
        .prepare_cached(&format!(
            "INSERT INTO charter_receipts ({RECEIPT_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT DO NOTHING"
        ))?
        .execute(params![
            row.push,
            row.source,
            row.remote,
            epoch,
            count,
            before,
            after,
            published_at,
            row.previous,
            row.hash
        ])?;
    Ok(())
}

fn receipt(connection: &Connection, remote: &ReplicaId, push: &str) -> Result<Option<Receipt>> {
    connection
        .prepare_cached(&format!("SELECT {RECEIPT_COLUMNS} FROM charter_receipts WHERE remote = ?1 AND push = ?2"))?
        .query_row([remote.as_str(), push], receipt_row)
        .optional()?
        .map(ReceiptRow::into_receipt)
        .transpose()
}

pub(super) fn receipts(connection: &Connection, limit: usize) -> Result<Vec<Receipt>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {RECEIPT_COLUMNS} FROM charter_receipts ORDER BY published_at DESC, sequence_after DESC, push LIMIT ?1"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([limit], receipt_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
    rows.into_iter().map(ReceiptRow::into_receipt).collect()
}

fn receipt_row(row: &Row<'_>) -> rusqlite::Result<ReceiptRow> {
    Ok(ReceiptRow {
        push: row.get(0)?,
        source: row.get(1)?,
        remote: row.get(2)?,
        numbers: [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?],
        previous: row.get(8)?,
        hash: row.get(9)?,
    })
}
