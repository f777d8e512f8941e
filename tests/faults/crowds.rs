//! Many at once: threads, processes, pushers.

use super::parts::batch;
use super::{has_all, is_whole};
use crate::support::child::Player;
use crate::support::stores::{
    Engine, SQL_ENGINES, TestStore, append, check_change_log, contents, open, query_file, record, records, store_all,
};
use charter::store::{Access, Pushed};
use charter::{ErrorKind, Store};
use charter_sync::verify_chain;
use std::sync::Barrier;

/// Eight threads that share a store, and four processes, each with batches of its own.
fn threads_and_processes(test: &TestStore, steps: usize) {
    let prefixes: Vec<String> = (0..4).map(|number| format!("process-{number}")).collect();
    let count = steps.to_string();
    let mut players: Vec<Player> =
        prefixes.iter().map(|prefix| Player::start("write", &[&test.url, prefix, &count])).collect();
    // They have all begun before the threads do.
    for player in &mut players {
        assert_eq!(player.hear().as_deref(), Some("0"));
    }
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for number in 0..steps {
                    store_all(&test.store, &batch(&format!("thread-{thread}"), number));
                }
            });
        }
    });
    for player in players {
        assert_eq!(player.finish().len(), steps - 1, "every step is acknowledged");
    }
    for writer in prefixes.into_iter().chain((0..8).map(|thread| format!("thread-{thread}"))) {
        (0..steps).for_each(|number| has_all(&test.store, &batch(&writer, number)));
    }
    let expected: usize = 12 * (0..steps).map(|number| batch("", number).len()).sum::<usize>();
    assert_eq!(is_whole(&test.store), expected);
}

#[test]
fn threads_and_processes_that_write_one_file_lose_nothing_and_fail_nothing() {
    let test = Engine::Sqlite.fresh();
    assert!(test.url.find("synchronous").is_none(), "the default: FULL");
    threads_and_processes(&test, 40);
    assert_eq!(test.query("PRAGMA integrity_check"), [[Some("ok".to_owned())]]);
    assert!(test.query("PRAGMA foreign_key_check").is_empty());
}

#[test]
fn threads_and_processes_that_write_a_hosts_file_lose_nothing_and_fail_nothing() {
    let folder = tempfile::Builder::new().prefix("charter-host.").tempdir().expect("a folder");
    let path = folder.path().join("host.db");
    crate::support::stores::sqlite(&path).execute_batch("CREATE TABLE mine (a)").expect("the host's table");
    let url = format!("sqlite:///{}", path.display());
    let store = Store::open(&url).expect("a store");
    let players: Vec<Player> = (0..2).map(|n| Player::start("write", &[&url, &format!("process-{n}"), "12"])).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || (0..12).for_each(|n| store_all(store, &batch(&format!("thread-{thread}"), n))));
            scope.spawn(move || (0..12).for_each(|_| drop(store.list_everything().expect("a list"))));
        }
    });
    players.into_iter().for_each(|player| assert_eq!(player.finish().len(), 12));
    assert_eq!(is_whole(&store), 6 * 30);
    assert_eq!(query_file(&path, "PRAGMA integrity_check"), [[Some("ok".to_owned())]]);
}

#[test]
fn threads_and_processes_that_write_one_registry_lose_nothing_and_fail_nothing() {
    threads_and_processes(&Engine::Postgres.fresh(), 12);
}

/// Whoever has seen a change never finds one with a smaller number later.
#[test]
fn readers_of_the_change_log_miss_nothing_while_others_write() {
    for engine in SQL_ENGINES {
        let test = engine.fresh();
        std::thread::scope(|scope| {
            let store = &test.store;
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    scope.spawn(move || (0..15).for_each(|n| store_all(store, &batch(&format!("w-{writer}"), n))))
                })
                .collect();
            let mut followed = Vec::new();
            loop {
                let are_done = writers.iter().all(|writer| writer.is_finished());
                let after = followed.last().map_or(0, |change: &charter_sync::Change| change.sequence);
                let page = store.backend().changes(after, 7).expect("a page");
                if page.is_empty() && are_done {
                    break;
                }
                followed.extend(page);
            }
            assert_eq!(followed, store.backend().changes(0, 10_000).expect("the log"));
        });
        check_change_log(&test.store);
    }
}

fn at_once<T: Send>(
    laptops: &[TestStore],
    target: &TestStore,
    judge: impl Fn(&TestStore, charter::Result<Pushed>) -> T + Sync,
) -> Vec<T> {
    let barrier = Barrier::new(laptops.len());
    std::thread::scope(|scope| {
        let push = |laptop| {
            let (judge, barrier) = (&judge, &barrier);
            scope.spawn(move || {
                let there = target.open(Access::Remote);
                barrier.wait();
                judge(laptop, laptop.store.push(&there))
            })
        };
        let threads: Vec<_> = laptops.iter().map(push).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[track_caller]
fn receipts_account_for_everything(target: &Store, before: usize) {
    let mut receipts = target.receipts(10_000).expect("receipts");
    receipts.reverse();
    verify_chain(&receipts).expect("a chain");
    let published: u64 = receipts.iter().map(|receipt| receipt.count).sum();
    assert_eq!(published as usize + before, contents(target).len());
}

#[test]
fn pushers_at_once_bring_the_union() {
    for engine in SQL_ENGINES {
        let target = engine.fresh();
        let laptops: Vec<TestStore> = (0..8).map(|_| Engine::Sqlite.fresh()).collect();
        for round in 0..3 {
            for (number, laptop) in laptops.iter().enumerate() {
                // In another order on each: pushes that overlap must not wait for each other in a ring.
                let mut shared = records(&format!("shared-{round}"), 150);
                shared.rotate_left(number * 17);
                store_all(&laptop.store, &[shared, records(&format!("own-{round}-{number}"), 30)].concat());
            }
            at_once(&laptops, &target, |_, pushed| drop(pushed.expect("a push")));
            assert_eq!(contents(&target.store).len(), (round + 1) * (150 + 8 * 30));
        }
        check_change_log(&target.store);
        receipts_account_for_everything(&target.store, 0);
        for laptop in &laptops {
            assert!(matches!(laptop.store.push(&target.open(Access::Remote)), Ok(Pushed::UpToDate(_))));
        }
    }
}

#[test]
fn of_pushers_that_collide_exactly_one_wins() {
    for engine in SQL_ENGINES {
        let target = engine.fresh();
        for (round, keys) in [(0, 1), (1, 1), (2, 40), (3, 40)] {
            let laptops: Vec<TestStore> = (0..6).map(|_| Engine::Memory.fresh()).collect();
            for (number, laptop) in laptops.iter().enumerate() {
                let collide = (0..keys).map(|key| {
                    record("metadata", &format!("c-{round}-{key}"), "1.0.0", &format!(r#"{{"by":{number}}}"#))
                });
                let own = records(&format!("own-{round}-{number}"), 20);
                store_all(&laptop.store, &collide.chain(own).collect::<Vec<_>>());
            }
            let before = contents(&target.store).len();
            let won = at_once(&laptops, &target, |_, pushed| match pushed {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
                    assert_eq!(error.conflicts().len(), keys);
                    false
                }
            });
            assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
            assert_eq!(contents(&target.store).len(), before + keys + 20, "nothing of those that lost");
        }
        check_change_log(&target.store);
        receipts_account_for_everything(&target.store, 0);
    }
}

/// A pusher and people who write on the registry itself.
#[test]
fn pushes_and_writers_do_not_disturb_each_other() {
    let target = Engine::Postgres.fresh();
    let laptop = Engine::Sqlite.fresh();
    store_all(&laptop.store, &records("shared", 200));
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = open(&target.url, Access::Write);
            scope.spawn(move || {
                let mut shared = records("shared", 200);
                shared.rotate_left(writer * 50);
                for batch in shared.chunks(20) {
                    append(&store, batch).expect("appended");
                }
            });
        }
        scope.spawn(|| laptop.store.push(&target.open(Access::Remote)).expect("a push"));
    });
    assert_eq!(is_whole(&target.store), 200);
    let before = target.query("SELECT FROM charter_changes WHERE push IS NULL").len();
    receipts_account_for_everything(&target.store, before);
}
