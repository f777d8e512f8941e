//! kill -9: of those who write, of those who push, and of the server.

use super::parts::batch;
use super::{Over, a_moment, all_or_none, below, has_all, is_whole};
use crate::support::child::Player;
use crate::support::postgres::Server;
use crate::support::stores::{Engine, TestStore, append, contents, initialize, open, records, store_all};
use charter::store::{Access, Pushed};
use charter::{ErrorKind, Store};
use charter_sync::{Limits, Receipt, verify_chain};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// Kills a writing process at a random moment, again and again; what it had said it had written is there.
fn kill_writers(url: &str, rounds: usize) {
    let mut kept: Vec<(String, usize)> = Vec::new();
    for round in 0..rounds {
        let prefix = format!("round-{round}");
        let mut player = Player::start("write", &[url, &prefix, "1000000"]);
        let mut said: Vec<String> = Vec::new();
        for _ in 0..=below(12) {
            said.push(player.hear().expect("it writes until it is killed"));
        }
        a_moment(Duration::from_millis(15));
        said.extend(player.kill());
        assert!(said.iter().enumerate().all(|(number, said)| *said == number.to_string()), "{said:?}");
        // Whoever only reads comes first: it must not need another's repair.
        let store = open(url, if round % 2 == 0 { Access::Read } else { Access::Write });
        kept.push((prefix, said.len()));
        let (prefix, count) = kept.last().expect("one");
        (0..*count).for_each(|number| has_all(&store, &batch(prefix, number)));
        // One more may be there: it was cut off after the commit and before it could say so.
        let next = all_or_none(&store, &batch(prefix, *count));
        assert_eq!(all_or_none(&store, &batch(prefix, count + 1)), 0, "after {next}");
        is_whole(&store);
    }
    let store = open(url, Access::Read);
    for (prefix, count) in kept {
        (0..count).for_each(|number| has_all(&store, &batch(&prefix, number)));
    }
}

#[test]
fn what_a_killed_process_acknowledged_is_in_the_file() {
    let test = Engine::Sqlite.fresh();
    kill_writers(&test.url, 24);
    assert_eq!(test.query("PRAGMA integrity_check"), [[Some("ok".to_owned())]]);
    store_all(&test.open(Access::Write), &records("after", 3));
}

#[test]
fn what_a_killed_process_acknowledged_is_on_the_server() {
    let test = Engine::Postgres.fresh();
    kill_writers(&test.url, 12);
    store_all(&test.open(Access::Write), &records("after", 3));
}

/// Nobody else may have a DuckDB file open meanwhile.
#[cfg(feature = "duckdb")]
#[test]
fn what_a_killed_process_acknowledged_is_in_the_duckdb_file() {
    let folder = tempfile::Builder::new().prefix("charter-crash.").tempdir().expect("a folder");
    let url = Engine::DuckDb.file_url(folder.path());
    initialize(&url);
    kill_writers(&url, 10);
    store_all(&open(&url, Access::Write), &records("after", 3));
}

/// A server that waits for its disk, so that it may crash.
fn server() -> Server {
    Server::start(&[("fsync", "on")])
}

#[test]
fn what_a_killed_server_acknowledged_is_there_when_it_comes_back() {
    let mut server = server();
    let url = server.url("postgres");
    initialize(&url);
    let mut kept: Vec<(String, usize)> = Vec::new();
    // It lives through every crash of its server.
    let survivor = open(&url, Access::Write);
    for round in 0..4 {
        let counts = Mutex::new(Vec::new());
        let is_down = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (counts, is_down, store) = (&counts, &is_down, open(&url, Access::Write));
                scope.spawn(move || {
                    let prefix = format!("round-{round}-{writer}");
                    let mut count = 0;
                    while !is_down.load(SeqCst) && append(&store, &batch(&prefix, count)).is_ok() {
                        count += 1;
                    }
                    counts.lock().expect("no panic").push((prefix, count));
                });
            }
            let before = survivor.backend().head().expect("a head").sequence;
            crate::support::eventually("some writes", || {
                survivor.backend().head().expect("a head").sequence > before + 10 + below(60)
            });
            server.kill();
            is_down.store(true, SeqCst);
        });
        let error = survivor.backend().head().expect_err("the server is dead");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        server.restart();
        let store = open(&url, Access::Write);
        kept.extend(counts.into_inner().expect("no panic"));
        for (prefix, count) in &kept {
            (0..*count).for_each(|number| has_all(&store, &batch(prefix, number)));
            all_or_none(&store, &batch(prefix, *count));
        }
        is_whole(&store);
        survivor.backend().head().expect("the same store works again, with a new connection");
    }
    assert!(kept.iter().map(|(_, count)| count).sum::<usize>() > 40, "{kept:?}");
}

/// Runs `act` while a reader asks the remote again and again what it has of a push: all of it or nothing.
fn watched<T>(reader: &Store, before: usize, size: usize, act: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !is_over.load(SeqCst) {
                // The head comes later, so it is never behind what was listed: a publication is one transaction.
                match reader.list_everything().and_then(|listed| Ok((listed.len(), reader.backend().head()?.sequence)))
                {
                    Ok((listed, head)) => {
                        assert!(head >= listed as u64, "{listed} records are visible, but the head is at {head}");
                        seen.insert(listed);
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
                }
            }
            seen
        });
        let result = {
            let _over = Over(&is_over);
            act()
        };
        let seen = watching.join().expect("no panic");
        assert!(
            seen.iter().all(|seen| *seen == before || *seen == before + size),
            "a part of a push is visible: {seen:?}"
        );
        result
    })
}

#[track_caller]
fn receipts_account_for(target: &Store, count: usize) {
    let mut receipts = target.receipts(10_000).expect("receipts");
    receipts.reverse();
    verify_chain(&receipts).expect("a chain");
    assert_eq!(receipts.iter().map(|receipt| receipt.count as usize).sum::<usize>(), count);
}

fn small() -> Limits {
    Limits { entries: 5, bytes: 10_000 }
}

/// Kills a pushing process at a random moment, then pushes again.
fn kill_pushers(target: &TestStore, rounds: usize) {
    let laptop = Engine::Sqlite.fresh();
    let reader = target.open(Access::Read);
    let mut published = BTreeSet::new();
    for round in 0..rounds {
        let size = 40;
        store_all(&laptop.store, &records(&format!("round-{round}"), size));
        let before = round * size;
        let killed = watched(&reader, before, size, || {
            let mut player = Player::start("push", &[&laptop.url, &target.url]);
            for _ in 0..=below(24) {
                if player.hear().is_none() {
                    break;
                }
            }
            a_moment(Duration::from_millis(4));
            player.kill()
        });
        let had = reader.list_everything().expect("a list").len() - before;
        let there = target.open(Access::Remote);
        let outcome = watched(&reader, before, size, || laptop.store.push_with(&there, small(), &mut |_| {}));
        match outcome.expect("a push") {
            Pushed::Published(receipt) => drop(published.insert(receipt.push)),
            Pushed::UpToDate(_) => assert_eq!(had, size, "the killed one had ended: {killed:?}"),
        }
        assert_eq!(contents(&reader), contents(&laptop.store), "round {round}");
        receipts_account_for(&reader, before + size);
    }
    is_whole(&reader);
    // The laptop has a receipt of everything, too, wherever the killing struck.
    let kept: BTreeSet<_> = laptop.store.receipts(1000).expect("receipts").iter().map(|receipt| receipt.push).collect();
    let there: BTreeSet<_> = reader.receipts(1000).expect("receipts").iter().map(|receipt| receipt.push).collect();
    assert_eq!(kept, there);
    assert_eq!(target.query("SELECT count(*) FROM charter_uploads"), [[Some("0".to_owned())]]);
}

#[test]
fn a_killed_push_to_a_file_is_finished_by_the_next() {
    kill_pushers(&Engine::Sqlite.fresh(), 14);
}

/// The same with two files of DuckDB, which nobody else can look into while a push is at work.
#[cfg(feature = "duckdb")]
#[test]
fn a_killed_push_between_duckdb_files_is_finished_by_the_next() {
    let folder = || tempfile::Builder::new().prefix("charter-crash.").tempdir().expect("a folder");
    let (here, there) = (folder(), folder());
    let (from, to) = (Engine::DuckDb.file_url(here.path()), Engine::DuckDb.file_url(there.path()));
    initialize(&from);
    initialize(&to);
    for round in 0..8 {
        let size = 40;
        store_all(&open(&from, Access::Write), &records(&format!("round-{round}"), size));
        let mut player = Player::start("push", &[&from, &to]);
        for _ in 0..=below(24) {
            if player.hear().is_none() {
                break;
            }
        }
        a_moment(Duration::from_millis(4));
        player.kill();
        let (laptop, target) = (open(&from, Access::Write), open(&to, Access::Remote));
        let seen = target.list_everything().expect("a list").len();
        assert!(seen == round * size || seen == (round + 1) * size, "a part of a push is visible: {seen}");
        laptop.push_with(&target, small(), &mut |_| {}).expect("a push");
        assert_eq!(contents(&target), contents(&laptop), "round {round}");
        receipts_account_for(&target, (round + 1) * size);
        is_whole(&target);
    }
    let left = crate::support::stores::query_url(&to, "SELECT count(*) FROM charter_uploads");
    assert_eq!(left, [[Some("0".to_owned())]]);
}

#[test]
fn a_killed_push_to_a_server_is_finished_by_the_next() {
    kill_pushers(&Engine::Postgres.fresh(), 14);
}

/// The server dies at one step after another of a push.
#[test]
fn a_push_that_lost_its_server_is_finished_by_the_next() {
    let mut server = server();
    let url = server.url("postgres");
    initialize(&url);
    let (mut pushed, mut deaths) = (0, 0);
    for death in [1, 4, 7, 9, 10] {
        let laptop = Engine::Memory.fresh();
        store_all(&laptop.store, &records(&format!("death-{death}"), 12));
        let (there, reader) = (open(&url, Access::Remote), open(&url, Access::Read));
        let mut step = 0;
        let outcome = watched(&reader, pushed, 12, || {
            laptop.store.push_with(&there, small(), &mut |_| {
                step += 1;
                if step == death {
                    server.kill();
                }
            })
        });
        if step >= death {
            let error = outcome.expect_err("the server is dead");
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
            server.restart();
            deaths += 1;
        }
        assert_eq!(
            open(&url, Access::Read).list_everything().expect("a list").len(),
            pushed + if step < death { 12 } else { 0 }
        );
        // The very same stores go on.
        laptop.store.push_with(&there, small(), &mut |_| {}).expect("a push");
        pushed += 12;
        assert_eq!(reader.list_everything().expect("a list").len(), pushed);
    }
    assert!(deaths >= 4, "{deaths}");
    is_whole(&open(&url, Access::Read));
}

/// The server dies at a random moment around publication.
#[test]
fn a_publication_that_lost_its_server_has_happened_or_not() {
    let mut server = server();
    let url = server.url("postgres");
    initialize(&url);
    let laptop = Engine::Memory.fresh();
    for round in 0..4 {
        store_all(&laptop.store, &records(&format!("round-{round}"), 30));
        let (begun, begin) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let (laptop, url) = (&laptop, &url);
            let pushing = scope.spawn(move || {
                laptop.store.push_with(&open(url, Access::Remote), Limits::default(), &mut |progress| {
                    if progress.step == charter_sync::Step::Publishing {
                        let _ = begun.send(());
                    }
                })
            });
            begin.recv().expect("it publishes");
            a_moment(Duration::from_millis(20));
            server.kill();
            let _either: charter::Result<Pushed> = pushing.join().expect("no panic");
        });
        server.restart();
        let reader = open(&url, Access::Read);
        let seen = reader.list_everything().expect("a list").len();
        assert!(seen == round * 30 || seen == round * 30 + 30, "{seen} in round {round}");
        laptop.store.push(&open(&url, Access::Remote)).expect("a push");
        assert_eq!(contents(&reader), contents(&laptop.store));
        receipts_account_for(&reader, round * 30 + 30);
        let kept: BTreeSet<_> = laptop.store.receipts(100).expect("receipts").iter().map(hash).collect();
        assert_eq!(kept, reader.receipts(100).expect("receipts").iter().map(hash).collect());
    }
}

fn hash(receipt: &Receipt) -> charter::record::Digest {
    receipt.hash
}
