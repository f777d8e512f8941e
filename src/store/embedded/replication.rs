//! An embedded file as one side of a replication: what is written here runs in the transaction of its caller.

use super::{
    Embedded, Insertion, digest_of_key, head_sequence, insert, insert_change, no_head, record_row, set_head_sequence,
    signed, unsigned,
};
use crate::engine::file::Written;
use crate::engine::session::{Columns, Enough, Session, parameters};
use crate::error::Result;
use crate::record::{Digest, Record};
use crate::store::backend::payload_size;
use crate::store::row::{self, RECEIPT_COLUMNS, ReceiptRow, RecordRow};
use charter_sync::{Change, Collision, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};

pub(super) fn head(session: &impl Session) -> Result<Head> {
    let head = session.first("SELECT id, epoch, sequence FROM charter_head", &[], |row| {
        let (epoch, sequence) = (unsigned(row.integer(1)?)?, unsigned(row.integer(2)?)?);
        Ok(Head { id: ReplicaId::new(row.text(0)?), epoch, sequence })
    })?;
    head.ok_or_else(no_head)
}

pub(super) fn changes<E: Embedded>(session: &E::Session, after: Sequence, limit: usize) -> Result<Vec<Change>> {
    let query = format!(
        "SELECT c.sequence, r.sort_key, r.digest, {}, r.parent IS NOT NULL \
         FROM charter_changes AS c LEFT JOIN charter_records AS r ON r.digest = c.digest \
         WHERE c.sequence > ?1 ORDER BY c.sequence LIMIT ?2",
        E::BODY_SIZE
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    session.all(&query, parameters![signed(after)?, limit], |row| {
        let sequence = unsigned(row.integer(0)?)?;
        Ok(Change {
            sequence,
            key: row.bytes_or_null(1)?.ok_or_else(|| row::lost_record(sequence))?.to_owned(),
            digest: row::digest(row.text(2)?)?,
            size: payload_size(unsigned(row.integer(3)?)?, row.boolean(4)?),
        })
    })
}

pub(super) fn compare(session: &impl Session, push: &Push, offers: &[(Vec<u8>, Digest)]) -> Result<Vec<Standing>> {
    let push = push.id.to_string();
    let is_staged = |digest: &Digest| -> Result<bool> {
        let query = "SELECT 1 FROM charter_uploads WHERE push = ?1 AND digest = ?2 LIMIT 1";
        Ok(session.first(query, parameters![&push, &digest.to_string()], |_| Ok(()))?.is_some())
    };
    offers
        .iter()
        .map(|(key, digest)| {
            Ok(match digest_of_key(session, key)? {
                Some(stored) if stored == *digest => Standing::Present,
                Some(stored) => Standing::Taken(stored),
                None if is_staged(digest)? => Standing::Staged,
                None => Standing::Absent,
            })
        })
        .collect()
}

pub(super) fn stage(session: &impl Session, push: &Push, records: &[Record]) -> Result<()> {
    let (push, now) = (push.id.to_string(), row::now());
    for record in records {
        let row = RecordRow::from(record);
        session.execute(
            "INSERT INTO charter_uploads \
             (push, digest, sort_key, namespace, kind, name, version, pre_release, parent, body, uploaded_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            parameters![
                &push,
                &*row.digest,
                record.key().sort_key().as_slice(),
                row.namespace,
                row.kind,
                row.name,
                &*row.version,
                record.key().version.is_pre_release(),
                row.parent.as_deref(),
                row.body,
                now,
            ],
        )?;
    }
    Ok(())
}

pub(super) fn publish(session: &impl Session, push: &Push, needed: u64) -> Result<Written<Publication>> {
    let id = push.id.to_string();
    let head = head(session)?;
    if let Some(receipt) = receipt(session, &head.id, &id)? {
        // What another process staged for it meanwhile is nobody's any more.
        discard(session, push)?;
        return Ok(Written::Commit(Publication::Published(receipt)));
    }
    crate::store::backend::check_addressee(push, &head)?;
    let query = "SELECT count(DISTINCT digest) FROM charter_uploads WHERE push = ?1";
    let staged = unsigned(session.first(query, parameters![&id], |row| row.integer(0))?.unwrap_or_default())?;
    if staged < needed {
        return Ok(Written::Nothing(Publication::Incomplete { staged }));
    }
    // What nobody came back for.
    session.execute(
        "DELETE FROM charter_uploads WHERE push <> ?1 AND uploaded_at < ?2",
        parameters![&id, row::now() - row::UPLOADS_KEPT],
    )?;
    let mut sequence = head_sequence(session)?;
    let before = sequence;
    let mut collisions = Vec::new();
    // What was staged twice is there the second time.
    let query = "SELECT namespace, kind, name, version, digest, parent, body FROM charter_uploads \
                 WHERE push = ?1 ORDER BY sort_key";
    session.each(query, parameters![&id], &mut |row| {
        let record = record_row(row)?.to_record()?;
        match insert(session, &record)? {
            Insertion::New => {
                sequence += 1;
                insert_change(session, sequence, record.digest(), Some(&id))?;
            }
            Insertion::Present => {}
            Insertion::Taken(stored) => {
                let collision = Collision { key: record.key().sort_key(), stored, offered: *record.digest() };
                if collisions.last() != Some(&collision) {
                    collisions.push(collision);
                }
            }
        }
        Ok(Enough::No)
    })?;
    if !collisions.is_empty() {
        return Ok(Written::Nothing(Publication::Refused(collisions)));
    }
    let previous = session
        .first("SELECT last_receipt FROM charter_head", &[], |row| row.text_or_null(0)?.map(row::digest).transpose())?;
    let receipt = Receipt::new(push, sequence - before, before, sequence, row::now(), previous.flatten());
    set_head_sequence(session, sequence)?;
    session.execute("UPDATE charter_head SET last_receipt = ?1", parameters![&receipt.hash.to_string()])?;
    keep_receipt(session, &receipt)?;
    discard(session, push)?;
    Ok(Written::Commit(Publication::Published(receipt)))
}

pub(super) fn discard(session: &impl Session, push: &Push) -> Result<()> {
    session.execute("DELETE FROM charter_uploads WHERE push = ?1", parameters![&push.id.to_string()])?;
    Ok(())
}

pub(super) fn cursor(session: &impl Session, remote: &ReplicaId) -> Result<Option<Cursor>> {
    let query = "SELECT epoch, local_sequence, remote_sequence FROM charter_cursors WHERE remote = ?1";
    session.first(query, parameters![remote.as_str()], |row| {
        Ok(Cursor {
            remote: remote.clone(),
            epoch: unsigned(row.integer(0)?)?,
            local_sequence: unsigned(row.integer(1)?)?,
            remote_sequence: unsigned(row.integer(2)?)?,
        })
    })
}

pub(super) fn set_cursor(session: &impl Session, cursor: &Cursor) -> Result<()> {
    session.execute(
        "INSERT INTO charter_cursors (remote, epoch, local_sequence, remote_sequence) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (remote) DO UPDATE SET epoch = excluded.epoch, local_sequence = excluded.local_sequence, \
         remote_sequence = excluded.remote_sequence",
        parameters![
            cursor.remote.as_str(),
            signed(cursor.epoch)?,
            signed(cursor.local_sequence)?,
            signed(cursor.remote_sequence)?,
        ],
    )?;
    Ok(())
}

pub(super) fn keep_receipt(session: &impl Session, receipt: &Receipt) -> Result<()> {
    let row = ReceiptRow::from(receipt);
    let [epoch, count, before, after, published_at] = row.numbers;
    session.execute(
        &format!(
            "INSERT INTO charter_receipts ({RECEIPT_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT DO NOTHING"
        ),
        parameters![
            &row.push,
            &row.source,
            &row.remote,
            epoch,
            count,
            before,
            after,
            published_at,
            row.previous.as_deref(),
            &row.hash,
        ],
    )?;
    Ok(())
}

fn receipt(session: &impl Session, remote: &ReplicaId, push: &str) -> Result<Option<Receipt>> {
    let query = format!("SELECT {RECEIPT_COLUMNS} FROM charter_receipts WHERE remote = ?1 AND push = ?2");
    session.first(&query, parameters![remote.as_str(), push], receipt_of)
}

pub(super) fn receipts(session: &impl Session, limit: usize) -> Result<Vec<Receipt>> {
    let query = format!(
        "SELECT {RECEIPT_COLUMNS} FROM charter_receipts ORDER BY published_at DESC, sequence_after DESC, push LIMIT ?1"
    );
    session.all(&query, parameters![i64::try_from(limit).unwrap_or(i64::MAX)], receipt_of)
}

fn receipt_of(row: &dyn Columns) -> Result<Receipt> {
    ReceiptRow {
        push: row.text(0)?.to_owned(),
        source: row.text(1)?.to_owned(),
        remote: row.text(2)?.to_owned(),
        numbers: [row.integer(3)?, row.integer(4)?, row.integer(5)?, row.integer(6)?, row.integer(7)?],
        previous: row.text_or_null(8)?.map(str::to_owned),
        hash: row.text(9)?.to_owned(),
    }
    .into_receipt()
}
