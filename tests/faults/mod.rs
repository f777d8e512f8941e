//! What holds when processes, connections, servers and disks fail.
//!
//! Where something is killed, the moment is random: a different one in every run.

mod crashes;
mod crowds;
mod cuts;
mod disk;
mod migrations;
pub(crate) mod parts;

use crate::support::stores::{check_change_log, contents, read_key, whole};
use charter::Store;
use charter::record::Record;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// A random number below a bound.
fn below(bound: u64) -> u64 {
    (uuid::Uuid::new_v4().as_u128() % u128::from(bound)) as u64
}

/// Lets a random moment pass, so that what comes next strikes anywhere.
fn a_moment(longest: Duration) {
    std::thread::sleep(Duration::from_nanos(below(longest.as_nanos() as u64)));
}

/// Checks that a batch is in a store: all of it, to the letter.
#[track_caller]
fn has_all(store: &Store, batch: &[Record]) {
    for record in batch {
        let found = read_key(store, record.key());
        let found = found.unwrap_or_else(|| panic!("{} was acknowledged and is lost", record.key()));
        assert_eq!(whole(&found), whole(record));
    }
}

/// How many records of a batch a store has: all or none.
#[track_caller]
fn all_or_none(store: &Store, batch: &[Record]) -> usize {
    let count = batch.iter().filter(|record| read_key(store, record.key()).is_some()).count();
    assert!(count == 0 || count == batch.len(), "{count} of the {} records of a batch are there", batch.len());
    count
}

/// Checks everything that must hold in every store at any time.
#[track_caller]
fn is_whole(store: &Store) -> usize {
    check_change_log(store);
    contents(store).len()
}

/// Says that something is over when it is dropped, so that those who watch it end also when it panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
