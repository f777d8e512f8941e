//! Connections that are cut after any byte.

use super::{all_or_none, is_whole};
use crate::support::postgres::Proxy;
use crate::support::stores::{Engine, TestStore, append, contents, open, record, records, store_all};
use charter::store::{Access, Appended, Fate, Pushed};
use charter::{ErrorKind, Store};
use charter_sync::{Limits, verify_chain};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// Nothing is cut any more.
fn heal(proxy: &Proxy) {
    proxy.cut_after(u64::MAX / 2);
}

/// This many cuts spread evenly over the bytes of one exchange, and one behind each of its last bytes: there the server
/// has everything, and the client hears nothing of it.
fn cuts(bytes: u64, count: u64) -> Vec<u64> {
    (0..count).map(|cut| cut * bytes / count).chain(bytes - 8..=bytes).collect()
}

#[test]
fn an_append_that_was_cut_off_has_happened_or_not() {
    let test = Engine::Postgres.fresh();
    let proxy = Proxy::in_front_of(&test.url);
    let batch = |name: &str| {
        let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(300));
        (1..=3).map(|n| record("metadata", name, &format!("{n}.0.0"), &body)).collect::<Vec<_>>()
    };
    let append_all = |name: &str| append(&open(proxy.url(), Access::Remote), &batch(name));
    append_all("measured").expect("appended");
    let bytes = proxy.bytes_from_clients();
    let (mut happened, mut did_not) = (0, 0);
    for (number, cut) in cuts(bytes, 50).into_iter().enumerate() {
        // Names of one length: every exchange has the same bytes.
        let name = format!("cut-{number:04}");
        proxy.cut_after(cut);
        let outcome = append_all(&name);
        heal(&proxy);
        if let Err(error) = &outcome {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "cut after {cut} of {bytes} bytes: {error:?}");
        }
        // A commit that was on its way may still happen: what is asked for next stands in line behind it.
        match append_all(&name).expect("appended") {
            Appended::Done(fates) if fates == [Fate::Unchanged; 3] => happened += 1,
            Appended::Done(fates) if fates == [Fate::Stored; 3] && outcome.is_err() => did_not += 1,
            other => panic!("cut after {cut} of {bytes} bytes: {outcome:?}, then {other:?}"),
        }
        all_or_none(&test.store, &batch(&name));
    }
    assert!(happened > 0 && did_not > 20, "{happened} {did_not}");
    is_whole(&test.store);
}

/// Cuts a push after byte after byte, and lets the next one finish it, while a reader looks on.
#[test]
fn a_push_that_was_cut_off_is_finished_by_the_next() {
    let target = Engine::Postgres.fresh();
    let proxy = Proxy::in_front_of(&target.url);
    let limits = Limits { entries: 4, bytes: 10_000 };
    let push = |laptop: &TestStore| laptop.store.push_with(&open(proxy.url(), Access::Remote), limits, &mut |_| {});
    let laptop_of = |round: usize| {
        let laptop = Engine::Memory.fresh();
        store_all(&laptop.store, &records(&format!("round-{round:04}"), 10));
        laptop
    };
    push(&laptop_of(0)).expect("a push");
    let bytes = proxy.bytes_from_clients();

    let (round, is_over) = (AtomicUsize::new(1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut looks = 0;
            while !is_over.load(SeqCst) {
                let seen = target.store.list_everything().expect("a list").len();
                assert_eq!(seen % 10, 0, "a part of a push is visible in round {}", round.load(SeqCst));
                looks += 1;
            }
            looks
        });
        let (mut failed, mut receipts) = (0, Vec::new());
        for cut in cuts(bytes, 60) {
            let laptop = laptop_of(round.load(SeqCst));
            proxy.cut_after(cut);
            let first = push(&laptop);
            heal(&proxy);
            if let Err(error) = &first {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "cut after {cut} of {bytes} bytes: {error:?}");
                failed += 1;
            }
            let second = push(&laptop).expect("nothing is cut any more");
            match (first, second) {
                (Ok(Pushed::Published(receipt)), Pushed::UpToDate(_)) | (Err(_), Pushed::Published(receipt)) => {
                    assert_eq!(receipt.count, 10);
                    assert!(laptop.store.receipts(10).expect("receipts").contains(&receipt));
                    receipts.push(receipt);
                }
                other => panic!("cut after {cut} of {bytes} bytes: {other:?}"),
            }
            let rounds = round.fetch_add(1, SeqCst) + 1;
            assert_eq!(target.store.list_everything().expect("a list").len(), rounds * 10);
        }
        is_over.store(true, SeqCst);
        assert!(reading.join().expect("no panic") > 0);
        assert!(failed > 50, "{failed}");
        let mut kept = target.store.receipts(10_000).expect("receipts");
        kept.reverse();
        verify_chain(&kept).expect("a chain");
        assert_eq!(kept[1..], receipts, "one receipt for each push, and each is known to its pusher");
    });
    is_whole(&target.store);
}

/// One push that is cut again and again still comes to its end: what is staged already is not sent again.
#[test]
fn a_push_over_a_bad_line_gets_through() {
    let target = Engine::Postgres.fresh();
    let proxy = Proxy::in_front_of(&target.url);
    let laptop = Engine::Sqlite.fresh();
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(2000));
    let all: Vec<_> = (0..60).map(|n| record("metadata", &format!("n{n}"), "1.0.0", &body)).collect();
    store_all(&laptop.store, &all);
    let there = open(proxy.url(), Access::Remote);
    let mut attempts = 0;
    let receipt = loop {
        attempts += 1;
        assert!(attempts < 100, "no progress");
        // Never enough for a fifth of it.
        proxy.cut_after(30_000);
        match laptop.store.push_with(&there, Limits { entries: 5, bytes: 20_000 }, &mut |_| {}) {
            Ok(Pushed::Published(receipt)) => break receipt,
            Ok(up_to_date) => panic!("{up_to_date:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
        assert!(target.store.list_everything().expect("a list").is_empty());
    };
    assert!(attempts > 4, "{attempts}");
    assert_eq!(receipt.count, 60);
    assert_eq!(contents(&target.store), contents(&laptop.store));
}

/// A server that goes away in the middle of reading is told as such, and the store works again when it is back.
#[test]
fn a_store_connects_again_after_its_connections_were_cut() {
    let test = Engine::Postgres.fresh();
    store_all(&test.store, &records("x", 5));
    let proxy = Proxy::in_front_of(&test.url);
    let store: Store = open(proxy.url(), Access::Write);
    for _ in 0..5 {
        assert_eq!(store.list_everything().expect("a list").len(), 5);
        proxy.refuse(true);
        proxy.cut();
        let error = store.list_everything().expect_err("the server is away");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        proxy.refuse(false);
    }
    assert_eq!(store.list_everything().expect("a list").len(), 5);
}
