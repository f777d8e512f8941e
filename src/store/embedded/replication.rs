//! An embedded file as one side of a replication: what is written here runs in the transaction of its caller.

use super::{
    Embedded, RECORD_COLUMNS, digests_of_keys, head_sequence, insert, look_up, no_head, record_parameters, record_row,
    set_head_sequence, signed, stored, unsigned,
};
use crate::engine::file::Written;
use crate::engine::session::{Columns, Enough, Parameter, Session, parameters};
use crate::error::Result;
use crate::record::{Digest, Record};
use crate::store::backend::payload_size;
use crate::store::row::{self, RECEIPT_COLUMNS, ReceiptRow, RecordRow};
use charter_sync::{Change, Collision, Cursor, Head, Publication, Push, Receipt, ReplicaId, Sequence, Standing};
use std::collections::HashSet;

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
    let keys: Vec<Vec<u8>> = offers.iter().map(|(key, _)| key.clone()).collect();
    let stored = digests_of_keys(session, &keys)?;
    let absent = || offers.iter().zip(&stored).filter(|(_, stored)| stored.is_none());
    let digests: Vec<String> = absent().map(|((_, digest), _)| digest.to_string()).collect();
    let mut staged = HashSet::new();
    let query = |places: &str| format!("SELECT digest FROM charter_uploads WHERE push = ?1 AND digest IN ({places})");
    look_up(session, query, digests.iter().map(Parameter::from), parameters![&push.id.to_string()], |row| {
        staged.insert(row::digest(row.text(0)?)?);
        Ok(())
    })?;
    let standing = |((_, digest), stored): (&(Vec<u8>, Digest), Option<Digest>)| match stored {
        Some(stored) if stored == *digest => Standing::Present,
        Some(stored) => Standing::Taken(stored),
        None if staged.contains(digest) => Standing::Staged,
        None => Standing::Absent,
    };
    Ok(offers.iter().zip(stored).map(standing).collect())
}

pub(super) fn stage(session: &impl Session, push: &Push, records: &[Record]) -> Result<()> {
    let (push, now) = (push.id.to_string(), row::now());
    let columns = [["push", "uploaded_at"].as_slice(), &RECORD_COLUMNS].concat();
    session.insert("charter_uploads", &columns, &mut |insert| {
        records.iter().try_for_each(|record| {
            let (row, sort_key) = (RecordRow::from(record), record.key().sort_key());
            insert(&[parameters![&push, now].as_slice(), &record_parameters(&row, &sort_key, record)].concat())
        })
    })
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
    let before = head_sequence(session)?;
    let mut publication =
        Publishing { session, push: &id, sequence: before, records: Vec::new(), collisions: Vec::new() };
    let query = "SELECT namespace, kind, name, version, digest, parent, body FROM charter_uploads \
                 WHERE push = ?1 ORDER BY sort_key";
    session.each(query, parameters![&id], &mut |row| {
        publication.add(record_row(row)?.to_record()?).map(|()| Enough::No)
    })?;
    publication.insert()?;
    let Publishing { sequence, collisions, .. } = publication;
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

/// How many records are inserted together.
const TOGETHER: usize = 1000;

/// A publication that is at work.
struct Publishing<'a, S> {
    session: &'a S,
    push: &'a str,
    /// How far the change log has come.
    sequence: u64,
    /// What is to be inserted next, no key twice.
    records: Vec<Record>,
    collisions: Vec<Collision>,
}

impl<S: Session> Publishing<'_, S> {
    /// Takes the next record in order of key. One that was staged twice follows itself.
    fn add(&mut self, record: Record) -> Result<()> {
        if self.records.last().is_some_and(|last| last.digest() == record.digest()) {
            return Ok(());
        }
        if self.records.len() == TOGETHER {
            self.insert()?;
        }
        self.records.push(record);
        Ok(())
    }

    fn insert(&mut self) -> Result<()> {
        let records = std::mem::take(&mut self.records);
        let mut new = Vec::new();
        for (record, stored) in records.iter().zip(stored(self.session, &records)?) {
            match stored {
                None => new.push(record),
                Some(stored) if stored == *record.digest() => {}
                Some(stored) => {
                    let (key, offered) = (record.key().sort_key(), *record.digest());
                    self.collisions.push(Collision { key, stored, offered });
                }
            }
        }
        self.sequence = insert(self.session, &new, self.sequence, Some(self.push))?;
        Ok(())
    }
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
