//! Each engine as the remote of a push, call by call: the contract of `charter_sync::Replica`.

use super::on_every_engine;
use crate::support::stores::{TestStore, check_change_log, contents, record, records, store_all, whole};
use charter::record::{Digest, Record};
use charter::store::{Backend, Selector};
use charter::{ErrorKind, Store};
use charter_sync::{Collision, Cursor, Publication, Push, PushId, Receipt, ReplicaId, Standing, verify_chain};

on_every_engine!([
    what_is_staged_is_seen_by_nobody_but_its_push,
    staging_again_is_harmless,
    publishing_shows_everything_and_leaves_a_receipt,
    publishing_again_gives_the_same_receipt,
    publishing_an_empty_push_leaves_a_receipt_too,
    a_push_that_lost_records_is_incomplete,
    collisions_are_all_told_and_change_nothing,
    a_push_for_another_replica_or_epoch_is_refused,
    what_is_discarded_is_gone,
    pushes_do_not_see_each_other,
    receipts_are_a_chain,
    receipts_of_two_pushes_at_once_are_a_chain,
    the_same_push_twice_at_once_has_one_receipt,
    cursors_are_replaced,
    a_receipt_is_kept_once,
]);

fn backend(store: &Store) -> &dyn Backend {
    store.backend()
}

/// A push to this store, told apart by its name.
pub(super) fn push_to(store: &Store, name: &str) -> Push {
    let head = store.backend().head().expect("a head");
    Push {
        id: PushId::from_digest(Digest::of(&[name.as_bytes()])),
        source: ReplicaId::new("laptop"),
        remote: head.id,
        epoch: head.epoch,
        first: 0,
        last: 1,
        entries: 1,
        bytes: 1,
    }
}

fn offers(records: &[Record]) -> Vec<(Vec<u8>, Digest)> {
    records.iter().map(|record| (record.key().sort_key(), *record.digest())).collect()
}

fn standings(store: &Store, push: &Push, records: &[Record]) -> Vec<Standing> {
    backend(store).compare(push, &offers(records)).expect("an answer")
}

#[track_caller]
fn publish(store: &Store, push: &Push, needed: u64) -> Receipt {
    match backend(store).publish(push, needed).expect("an answer") {
        Publication::Published(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

/// What every reading method shows.
fn shown(test: &TestStore, staged: &[Record]) -> (usize, usize, u64, usize) {
    let subjects = staged.iter().map(|record| record.key().subject());
    let selectors: Vec<Selector> = staged
        .iter()
        .flat_map(|record| [Selector::Key(record.key().clone()), Selector::Digest(*record.digest())])
        .chain(subjects.map(|subject| Selector::Latest { subject, pre_releases: true }))
        .collect();
    let found = backend(&test.store).read(&selectors).expect("an answer").into_iter().flatten().count();
    let listed = test.store.list_everything().expect("a list").len();
    let head = backend(&test.store).head().expect("a head").sequence;
    (found, listed, head, backend(&test.store).changes(0, 1000).expect("the log").len())
}

fn what_is_staged_is_seen_by_nobody_but_its_push(test: &TestStore) {
    let push = push_to(&test.store, "one");
    let staged = records("x", 5);
    backend(&test.store).stage(&push, &staged).expect("staged");
    assert_eq!(shown(test, &staged), (0, 0, 0, 0));
    assert!(backend(&test.store).receipts(10).expect("receipts").is_empty());
    assert_eq!(standings(&test.store, &push, &staged), [Standing::Staged; 5]);
    assert_eq!(standings(&test.store, &push_to(&test.store, "other"), &staged), [Standing::Absent; 5]);
    // What is staged is in nobody's way.
    store_all(&test.store, &staged[..1]);
    assert_eq!(standings(&test.store, &push, &staged[..2]), [Standing::Present, Standing::Staged]);
}

fn staging_again_is_harmless(test: &TestStore) {
    let push = push_to(&test.store, "one");
    let staged = records("x", 5);
    backend(&test.store).stage(&push, &staged[..3]).expect("staged");
    backend(&test.store).stage(&push, &staged).expect("staged");
    backend(&test.store).stage(&push, &[]).expect("staged");
    let incomplete = backend(&test.store).publish(&push, 6).expect("an answer");
    assert_eq!(incomplete, Publication::Incomplete { staged: 5 });
    assert_eq!(publish(&test.store, &push, 5).count, 5);
    assert_eq!(contents(&test.store), staged.iter().map(whole).collect::<Vec<_>>());
    check_change_log(&test.store);
}

fn publishing_shows_everything_and_leaves_a_receipt(test: &TestStore) {
    let before = records("before", 2);
    store_all(&test.store, &before);
    let push = push_to(&test.store, "one");
    let staged = [records("x", 4), before.clone()].concat();
    backend(&test.store).stage(&push, &staged).expect("staged");
    let receipt = publish(&test.store, &push, 6);
    receipt.verify().expect("its hash");
    assert_eq!((receipt.push, &receipt.source, &receipt.remote), (push.id, &push.source, &push.remote));
    assert_eq!((receipt.count, receipt.sequence_before, receipt.sequence_after), (4, 2, 6));
    assert_eq!((receipt.epoch, receipt.previous), (push.epoch, None));
    assert_eq!(standings(&test.store, &push, &staged), [Standing::Present; 6]);
    assert_eq!(backend(&test.store).receipts(10).expect("receipts"), [receipt]);
    assert_eq!(contents(&test.store).len(), 6);
    check_change_log(&test.store);
}

fn publishing_again_gives_the_same_receipt(test: &TestStore) {
    let push = push_to(&test.store, "one");
    let staged = records("x", 3);
    backend(&test.store).stage(&push, &staged).expect("staged");
    let receipt = publish(&test.store, &push, 3);
    store_all(&test.store, &records("later", 1));
    let before = contents(&test.store);
    assert_eq!(publish(&test.store, &push, 3), receipt);
    // Even with what nobody knows of, for the first publication was it.
    assert_eq!(publish(&test.store, &push, 99), receipt);
    backend(&test.store).stage(&push, &records("stray", 1)).expect("staged");
    assert_eq!(publish(&test.store, &push, 0), receipt);
    assert_eq!(contents(&test.store), before);
    assert_eq!(backend(&test.store).receipts(10).expect("receipts"), [receipt]);
    assert_eq!(standings(&test.store, &push, &records("stray", 1)), [Standing::Absent], "nothing stays staged");
}

fn publishing_an_empty_push_leaves_a_receipt_too(test: &TestStore) {
    let first = publish(&test.store, &push_to(&test.store, "one"), 0);
    let second = publish(&test.store, &push_to(&test.store, "two"), 0);
    assert_eq!((first.count, first.sequence_before, first.sequence_after), (0, 0, 0));
    assert_eq!(second.previous, Some(first.hash));
    verify_chain(&[first, second]).expect("a chain");
}

fn a_push_that_lost_records_is_incomplete(test: &TestStore) {
    let push = push_to(&test.store, "one");
    backend(&test.store).stage(&push, &records("x", 2)).expect("staged");
    let outcome = backend(&test.store).publish(&push, 3).expect("an answer");
    assert_eq!(outcome, Publication::Incomplete { staged: 2 });
    assert_eq!(shown(test, &records("x", 2)), (0, 0, 0, 0));
    assert_eq!(standings(&test.store, &push, &records("x", 2)), [Standing::Staged; 2], "nothing changed");
    assert!(backend(&test.store).receipts(10).expect("receipts").is_empty());
}

fn collisions_are_all_told_and_change_nothing(test: &TestStore) {
    let stored = [record("schema", "a", "1.0.0", "{}"), record("schema", "b", "1.0.0", "{}")];
    store_all(&test.store, &stored);
    let before = contents(&test.store);
    let push = push_to(&test.store, "one");
    let offered = [
        record("schema", "b", "1.0.0", "true"),
        record("schema", "c", "1.0.0", "true"),
        record("schema", "a", "1.0.0", "true"),
    ];
    backend(&test.store).stage(&push, &offered).expect("staged");
    let taken = |stored: &Record| Standing::Taken(*stored.digest());
    assert_eq!(standings(&test.store, &push, &offered), [taken(&stored[1]), Standing::Staged, taken(&stored[0])]);
    let collision = |stored: &Record, offered: &Record| Collision {
        key: stored.key().sort_key(),
        stored: *stored.digest(),
        offered: *offered.digest(),
    };
    let expected = vec![collision(&stored[0], &offered[2]), collision(&stored[1], &offered[0])];
    for _ in 0..2 {
        let outcome = backend(&test.store).publish(&push, 3).expect("an answer");
        assert_eq!(outcome, Publication::Refused(expected.clone()));
        assert_eq!(contents(&test.store), before);
        assert!(backend(&test.store).receipts(10).expect("receipts").is_empty());
    }
    assert_eq!(backend(&test.store).head().expect("a head").sequence, 2);
}

fn a_push_for_another_replica_or_epoch_is_refused(test: &TestStore) {
    let push = push_to(&test.store, "one");
    let elsewhere = Push { remote: ReplicaId::new("elsewhere"), ..push.clone() };
    let before = Push { epoch: push.epoch + 1, ..push.clone() };
    for wrong in [elsewhere, before] {
        backend(&test.store).stage(&wrong, &records("x", 1)).expect("staged");
        let error = backend(&test.store).publish(&wrong, 1).expect_err("the wrong address");
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
    assert!(contents(&test.store).is_empty());
}

fn what_is_discarded_is_gone(test: &TestStore) {
    let (push, other) = (push_to(&test.store, "one"), push_to(&test.store, "two"));
    backend(&test.store).discard(&push).expect("nothing is there to discard");
    backend(&test.store).stage(&push, &records("x", 2)).expect("staged");
    backend(&test.store).stage(&other, &records("x", 1)).expect("staged");
    backend(&test.store).discard(&push).expect("discarded");
    assert_eq!(standings(&test.store, &push, &records("x", 2)), [Standing::Absent; 2]);
    assert_eq!(standings(&test.store, &other, &records("x", 1)), [Standing::Staged]);
    let outcome = backend(&test.store).publish(&push, 1).expect("an answer");
    assert_eq!(outcome, Publication::Incomplete { staged: 0 });
}

fn pushes_do_not_see_each_other(test: &TestStore) {
    let (one, two) = (push_to(&test.store, "one"), push_to(&test.store, "two"));
    let (shared, own) = (records("shared", 3), records("own", 2));
    backend(&test.store).stage(&one, &shared).expect("staged");
    backend(&test.store).stage(&two, &[shared.clone(), own].concat()).expect("staged");
    assert_eq!(publish(&test.store, &one, 3).count, 3);
    assert_eq!(standings(&test.store, &two, &records("own", 2)), [Standing::Staged; 2]);
    assert_eq!(publish(&test.store, &two, 5).count, 2);
    assert_eq!(contents(&test.store).len(), 5);
    check_change_log(&test.store);
}

fn chain(store: &Store) -> Vec<Receipt> {
    let mut receipts = backend(store).receipts(1000).expect("receipts");
    receipts.reverse();
    assert_eq!(receipts.first().and_then(|first| first.previous), None, "the first receipt has none before it");
    verify_chain(&receipts).expect("a chain");
    receipts
}

fn receipts_are_a_chain(test: &TestStore) {
    for number in 0..5 {
        let push = push_to(&test.store, &number.to_string());
        backend(&test.store).stage(&push, &records(&format!("of-{number}"), number)).expect("staged");
        publish(&test.store, &push, number as u64);
        store_all(&test.store, &records(&format!("between-{number}"), 1));
    }
    let receipts = chain(&test.store);
    assert_eq!(receipts.iter().map(|receipt| receipt.count).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let newest: Vec<u64> = backend(&test.store).receipts(2).expect("receipts").iter().map(|r| r.count).collect();
    assert_eq!(newest, [4, 3]);
}

fn receipts_of_two_pushes_at_once_are_a_chain(test: &TestStore) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for number in 0..5 {
                    let push = push_to(&test.store, &format!("{thread}-{number}"));
                    backend(&test.store).stage(&push, &records(&format!("of-{number}"), 6)).expect("staged");
                    publish(&test.store, &push, 6);
                }
            });
        }
    });
    let receipts = chain(&test.store);
    assert_eq!(receipts.len(), 20);
    assert_eq!(receipts.iter().map(|receipt| receipt.count).sum::<u64>(), 30);
    check_change_log(&test.store);
}

fn the_same_push_twice_at_once_has_one_receipt(test: &TestStore) {
    for round in 0..5 {
        let push = push_to(&test.store, &round.to_string());
        let barrier = std::sync::Barrier::new(4);
        let receipts: Vec<Receipt> = std::thread::scope(|scope| {
            let run = || {
                backend(&test.store).stage(&push, &records(&format!("of-{round}"), 10)).expect("staged");
                barrier.wait();
                publish(&test.store, &push, 10)
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "{receipts:?}");
        assert_eq!(receipts[0].count, 10);
    }
    assert_eq!(chain(&test.store).len(), 5);
    check_change_log(&test.store);
}

fn cursors_are_replaced(test: &TestStore) {
    let cursor = |remote: &str, local_sequence, remote_sequence| Cursor {
        remote: ReplicaId::new(remote),
        epoch: 3,
        local_sequence,
        remote_sequence,
    };
    let backend = backend(&test.store);
    assert_eq!(backend.cursor(&ReplicaId::new("one")).expect("an answer"), None);
    for cursor in [cursor("one", 5, 7), cursor("two", 1, 1), cursor("one", 2, 3)] {
        backend.acknowledge(None, &cursor).expect("kept");
        assert_eq!(backend.cursor(&cursor.remote).expect("an answer"), Some(cursor));
    }
    assert_eq!(backend.cursor(&ReplicaId::new("two")).expect("an answer"), Some(cursor("two", 1, 1)));
    assert!(backend.receipts(10).expect("receipts").is_empty());
}

fn a_receipt_is_kept_once(test: &TestStore) {
    let push = Push { remote: ReplicaId::new("registry"), ..push_to(&test.store, "one") };
    let (first, second) = (Receipt::new(&push, 1, 0, 1, 10, None), Receipt::new(&push, 2, 0, 2, 20, None));
    let cursor = |receipt: &Receipt| Cursor {
        remote: receipt.remote.clone(),
        epoch: receipt.epoch,
        local_sequence: 1,
        remote_sequence: receipt.sequence_after,
    };
    let backend = backend(&test.store);
    for receipt in [&first, &first, &second] {
        backend.acknowledge(Some(receipt), &cursor(receipt)).expect("kept");
    }
    assert_eq!(backend.receipts(10).expect("receipts"), [first]);
    assert_eq!(backend.cursor(&second.remote).expect("an answer"), Some(cursor(&second)));
    // The receipts of one's own pushes are no part of what one publishes.
    let receipt = publish(&test.store, &push_to(&test.store, "own"), 0);
    assert_eq!(receipt.previous, None);
}
