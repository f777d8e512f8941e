//! Appending: atomic, idempotent, and never over what is there.

use super::on_every_engine;
use crate::support::stores::{
    TestStore, append, check_change_log, contents, key_in, read_key, record, record_in, records, store_all, whole,
};
use charter::record::{Digest, Subject};
use charter::store::{Appended, Batch, Fate, Obstacle, Selector};

on_every_engine!([
    what_was_appended_is_read_back,
    nothing_is_appended_by_an_empty_batch,
    appending_again_changes_nothing,
    taken_keys_are_all_told_and_nothing_is_stored,
    what_is_required_must_exist,
    everything_in_the_way_is_told_at_once,
    namespaces_are_apart,
    the_change_log_is_in_the_order_of_the_batch,
    a_large_batch_is_stored_whole,
    many_threads_lose_nothing,
    many_threads_that_offer_the_same_agree,
    many_threads_that_collide_have_one_winner_for_each_key,
]);

fn what_was_appended_is_read_back(test: &TestStore) {
    let offered = [record("schema", "user", "1.0.0", r#"{"type":"object"}"#), record("owner", "a@b.c", "1", "{}")];
    store_all(&test.store, &offered);
    for offered in &offered {
        let selectors = [Selector::Key(offered.key().clone()), Selector::Digest(*offered.digest())];
        for found in test.store.backend().read(&selectors).expect("an answer") {
            let found = found.expect("it is stored");
            found.verify().expect("its digest");
            assert_eq!(whole(&found), whole(offered));
        }
    }
    let missing = [
        Selector::Digest(Digest::of(&[b"nothing"])),
        Selector::Key(key_in("", "schema", "user", "1.0.1")),
        Selector::Digest(*offered[0].digest()),
        Selector::Key(key_in("other", "schema", "user", "1.0.0")),
    ];
    let found = test.store.backend().read(&missing).expect("an answer");
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, false]);
    assert!(test.store.backend().read(&[]).expect("an answer").is_empty());
}

fn nothing_is_appended_by_an_empty_batch(test: &TestStore) {
    assert_eq!(append(&test.store, &[]).expect("an answer"), Appended::Done(Vec::new()));
    assert_eq!(test.store.backend().head().expect("a head").sequence, 0);
}

fn appending_again_changes_nothing(test: &TestStore) {
    let first = record("schema", "user", "1.0.0", r#"{"a":1,"b":2}"#);
    // The same content in other words: the digest is of the canonical form, and the body stays as it came first.
    let again = record("schema", "user", "1.0.0", r#"{"b":2.0,"a":10e-1}"#);
    let other = record("schema", "user", "1.1.0", "{}");
    assert_eq!(first.digest(), again.digest());
    store_all(&test.store, std::slice::from_ref(&first));
    let before = contents(&test.store);
    assert_eq!(
        append(&test.store, std::slice::from_ref(&again)).expect("an answer"),
        Appended::Done(vec![Fate::Unchanged])
    );
    assert_eq!(contents(&test.store), before);
    assert_eq!(test.store.backend().head().expect("a head").sequence, 1);
    let fates = append(&test.store, &[other.clone(), again]).expect("an answer");
    assert_eq!(fates, Appended::Done(vec![Fate::Stored, Fate::Unchanged]));
    assert_eq!(read_key(&test.store, first.key()).as_ref().map(whole), Some(whole(&first)));
    check_change_log(&test.store);
}

fn taken_keys_are_all_told_and_nothing_is_stored(test: &TestStore) {
    let stored = [record("schema", "a", "1.0.0", "{}"), record("schema", "b", "1.0.0", "{}")];
    store_all(&test.store, &stored);
    let before = contents(&test.store);
    let offered = [
        record("schema", "new", "1.0.0", "{}"),
        record("schema", "b", "1.0.0", "true"),
        record("schema", "a", "1.0.0", "false"),
        record("schema", "newer", "1.0.0", "{}"),
    ];
    let taken = |stored: usize, index: usize| Obstacle::Taken {
        key: offered[index].key().clone(),
        stored: *[&stored_digest(&test.store, 0), &stored_digest(&test.store, 1)][stored],
        offered: *offered[index].digest(),
    };
    let expected = Appended::Refused(vec![taken(1, 1), taken(0, 2)]);
    assert_eq!(append(&test.store, &offered).expect("an answer"), expected);
    assert_eq!(contents(&test.store), before);
    check_change_log(&test.store);
}

fn stored_digest(store: &charter::Store, index: usize) -> Digest {
    store.list_everything().expect("a list")[index].digest
}

fn what_is_required_must_exist(test: &TestStore) {
    let existing = record("schema", "user", "1.0.0-rc.1", "{}");
    store_all(&test.store, std::slice::from_ref(&existing));
    let subject = |name: &str| Subject { ..key_in("", "schema", name, "1.0.0").subject() };
    let required = vec![
        Selector::Key(existing.key().clone()),
        Selector::Digest(*existing.digest()),
        Selector::Latest { subject: subject("user"), pre_releases: true },
    ];
    let batch = Batch { records: records("x", 1), required: required.clone() };
    assert_eq!(test.store.backend().append(&batch).expect("an answer"), Appended::Done(vec![Fate::Stored]));

    let missing = vec![
        Selector::Key(key_in("", "schema", "user", "1.0.0")),
        Selector::Latest { subject: subject("user"), pre_releases: false },
        Selector::Digest(Digest::of(&[b"nothing"])),
        Selector::Latest { subject: subject("nobody"), pre_releases: true },
    ];
    let mixed = [&required[..2], &missing[..]].concat();
    let batch = Batch { records: records("y", 2), required: mixed };
    let expected = missing.into_iter().map(Obstacle::Missing).collect();
    assert_eq!(test.store.backend().append(&batch).expect("an answer"), Appended::Refused(expected));
    assert_eq!(test.store.list_everything().expect("a list").len(), 2);
}

fn everything_in_the_way_is_told_at_once(test: &TestStore) {
    let stored = record("schema", "a", "1.0.0", "{}");
    store_all(&test.store, std::slice::from_ref(&stored));
    let offered = record("schema", "a", "1.0.0", "true");
    let missing = Selector::Digest(Digest::of(&[b"nothing"]));
    let batch = Batch { records: vec![offered.clone()], required: vec![missing.clone()] };
    let taken = Obstacle::Taken { key: offered.key().clone(), stored: *stored.digest(), offered: *offered.digest() };
    let expected = Appended::Refused(vec![Obstacle::Missing(missing), taken]);
    assert_eq!(test.store.backend().append(&batch).expect("an answer"), expected);
}

fn namespaces_are_apart(test: &TestStore) {
    let everywhere: Vec<_> = ["", "sales", "sales.eu"]
        .into_iter()
        .map(|namespace| record_in(namespace, "schema", "user", "1.0.0", None, "{}"))
        .collect();
    store_all(&test.store, &everywhere);
    let digests: std::collections::HashSet<_> = everywhere.iter().map(|record| *record.digest()).collect();
    assert_eq!(digests.len(), 3, "the namespace is part of the identity");
    for record in &everywhere {
        let listed = test.store.list(&record.key().namespace, None, None).expect("a list");
        assert_eq!(listed.iter().map(|listed| &listed.key).collect::<Vec<_>>(), [record.key()]);
    }
}

fn the_change_log_is_in_the_order_of_the_batch(test: &TestStore) {
    let mut offered = records("x", 30);
    offered.reverse();
    let (first, rest) = offered.split_at(7);
    store_all(&test.store, first);
    store_all(&test.store, rest);
    let expected: Vec<_> =
        (1..).zip(offered.iter().map(|record| (*record.digest(), record.key().sort_key()))).collect();
    let backend = test.store.backend();
    for limit in [1, 7, 29, 30, 31] {
        let mut found = Vec::new();
        loop {
            let after = found.last().map_or(0, |(sequence, _)| *sequence);
            let page = backend.changes(after, limit).expect("a page");
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            found.extend(page.into_iter().map(|change| (change.sequence, (change.digest, change.key))));
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
    assert!(backend.changes(u64::from(u32::MAX), 10).expect("a page").is_empty());
    assert!(backend.changes(0, 0).expect("a page").is_empty());
    check_change_log(&test.store);
}

fn a_large_batch_is_stored_whole(test: &TestStore) {
    let offered = records("x", 2500);
    store_all(&test.store, &offered);
    assert_eq!(contents(&test.store), offered.iter().map(whole).collect::<Vec<_>>());
    check_change_log(&test.store);
}

/// Runs the same on eight threads at once, and gives what each came to.
fn at_once<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        let start = |thread| {
            let (work, barrier) = (&work, &barrier);
            scope.spawn(move || {
                barrier.wait();
                work(thread)
            })
        };
        let threads: Vec<_> = (0..8).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn many_threads_lose_nothing(test: &TestStore) {
    at_once(|thread| {
        for record in records(&format!("of-{thread}"), 25) {
            store_all(&test.store, &[record]);
        }
    });
    assert_eq!(contents(&test.store).len(), 8 * 25);
    check_change_log(&test.store);
}

fn many_threads_that_offer_the_same_agree(test: &TestStore) {
    let offered = records("x", 40);
    let fates = at_once(|thread| {
        let mut mine = offered.clone();
        mine.rotate_left(thread * 5);
        match append(&test.store, &mine).expect("an answer") {
            Appended::Done(fates) => fates.iter().filter(|fate| **fate == Fate::Stored).count(),
            refused => panic!("{refused:?}"),
        }
    });
    assert_eq!(fates.iter().sum::<usize>(), 40, "each record is new to exactly one");
    check_change_log(&test.store);
}

fn many_threads_that_collide_have_one_winner_for_each_key(test: &TestStore) {
    for round in 0..5 {
        let of = |thread: usize| -> Vec<_> {
            (0..200)
                .map(|number| {
                    let name = format!("{round}-{number}");
                    record("metadata", &name, "1.0.0", &format!(r#"{{"by":{thread}}}"#))
                })
                .collect()
        };
        let outcomes = at_once(|thread| append(&test.store, &of(thread)).expect("an answer"));
        let winners: Vec<usize> = (0..8).filter(|thread| matches!(outcomes[*thread], Appended::Done(_))).collect();
        let [winner] = winners.as_slice() else { panic!("{winners:?} won round {round}") };
        for record in of(*winner) {
            assert_eq!(read_key(&test.store, record.key()).as_ref().map(whole), Some(whole(&record)));
        }
        for (thread, outcome) in outcomes.iter().enumerate().filter(|(thread, _)| thread != winner) {
            assert!(matches!(outcome, Appended::Refused(obstacles) if obstacles.len() == 200), "{thread}: {outcome:?}");
        }
    }
    check_change_log(&test.store);
}
