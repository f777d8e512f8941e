//! Pushing from any store to any other.

use crate::support::postgres::Proxy;
use crate::support::stores::{
    Engine, TestStore, check_change_log, contents, open, parse, record, record_in, records, store_all,
};
use charter::store::{Access, OpenOptions, Pushed};
use charter::{ErrorKind, Store};
use charter_sync::{Limits, Receipt, Step, verify_chain};

const ENGINES: &[Engine] = &[
    Engine::Memory,
    Engine::Sqlite,
    #[cfg(feature = "duckdb")]
    Engine::DuckDb,
    Engine::Postgres,
];

/// The store as a remote: opened anew where that is possible.
fn remote(test: &TestStore) -> Store {
    if test.url == "memory:" { test.store.clone() } else { test.open(Access::Remote) }
}

#[track_caller]
fn published(pushed: charter::Result<Pushed>) -> Receipt {
    match pushed.expect("a push") {
        Pushed::Published(receipt) => receipt,
        up_to_date => panic!("{up_to_date:?}"),
    }
}

#[track_caller]
fn is_up_to_date(pushed: charter::Result<Pushed>) {
    assert!(matches!(pushed.expect("a push"), Pushed::UpToDate(_)));
}

/// Everything that is hard to carry: exact numbers, zero characters, editions, namespaces, kinds of tomorrow, size.
fn fill(store: &Store) {
    let large = format!(r#"{{"a":"{}"}}"#, "日".repeat(400_000));
    store_all(
        store,
        &[
            record("schema", "user", "1.0.0", r#"{"z":9007199254740993,"a":1.0,"e":1e400}"#),
            record("schema", "user", "2.0.0-rc.1", "true"),
            record("metadata", "zero", "1.0.0", r#"{"\u0000":"a\u0000b"}"#),
            record("metadata", "large", "1.0.0", &large),
            record_in("sales", "a_kind_of_tomorrow", "it's 100% \\ \"😀\"", "7", None, "false"),
        ],
    );
    for owner in ["a", "b", "a"] {
        store.store_ownership("book", format!(r#"{{"owner":"{owner}"}}"#)).expect("stored");
    }
    store_all(store, &records("many", 40));
}

#[test]
fn every_store_pushes_to_every_other() {
    let sources: Vec<TestStore> = ENGINES.iter().map(|engine| engine.fresh()).collect();
    sources.iter().for_each(|source| fill(&source.store));
    for source in &sources {
        for engine in ENGINES.iter().copied() {
            let target = engine.fresh();
            let there = remote(&target);
            let receipt = published(source.store.push_with(&there, Limits { entries: 7, bytes: 100_000 }, &mut |_| {}));
            assert_eq!((receipt.count, receipt.sequence_before, receipt.sequence_after), (48, 0, 48));
            assert_eq!(contents(&target.store), contents(&source.store), "{} -> {engine:?}", source.url);
            check_change_log(&target.store);
            is_up_to_date(source.store.push(&there));
            assert_eq!(target.store.receipts(10).expect("receipts"), std::slice::from_ref(&receipt));
            assert!(source.store.receipts(10).expect("receipts").contains(&receipt), "both sides keep it");
            assert_eq!(target.store.get_ownership("book", None).expect("the newest").owner(), Some("a"));
        }
    }
}

#[test]
fn records_go_on_from_store_to_store() {
    let [first, second, third] = [Engine::Sqlite, Engine::Postgres, Engine::Sqlite].map(Engine::fresh);
    fill(&first.store);
    published(first.store.push(&remote(&second)));
    published(second.store.push(&remote(&third)));
    assert_eq!(contents(&third.store), contents(&first.store));
    // And all the way round: nothing is new where it came from.
    let receipt = published(third.store.push(&remote(&first)));
    assert_eq!(receipt.count, 0);
    is_up_to_date(third.store.push(&remote(&first)));
}

#[test]
fn only_what_is_new_is_sent() {
    for engine in ENGINES.iter().copied() {
        let (laptop, target) = (Engine::Sqlite.fresh(), engine.fresh());
        let there = remote(&target);
        let mut sent = 0;
        for round in 0..3 {
            store_all(&laptop.store, &records(&format!("round-{round}"), 10));
            let receipt = published(laptop.store.push_with(&there, Limits::default(), &mut |progress| {
                sent = progress.sent_entries;
            }));
            assert_eq!((receipt.count, sent), (10, 10));
            assert_eq!(laptop.store.remote_status(&there).expect("a status").pending, 0);
        }
        store_all(&laptop.store, &records("last", 3));
        assert_eq!(laptop.store.remote_status(&there).expect("a status").pending, 3);
        let mut receipts = target.store.receipts(10).expect("receipts");
        receipts.reverse();
        verify_chain(&receipts).expect("a chain");
        assert_eq!(receipts.len(), 3);
    }
}

#[test]
fn what_another_laptop_brought_is_not_brought_again() {
    for engine in ENGINES.iter().copied() {
        let (one, two, target) = (Engine::Memory.fresh(), Engine::Sqlite.fresh(), engine.fresh());
        let shared = records("shared", 10);
        store_all(&one.store, &shared);
        store_all(&two.store, &[shared, records("own", 5)].concat());
        assert_eq!(published(one.store.push(&remote(&target))).count, 10);
        assert_eq!(published(two.store.push(&remote(&target))).count, 5);
        assert_eq!(contents(&target.store), contents(&two.store));
        check_change_log(&target.store);
    }
}

#[test]
fn nothing_to_do_costs_one_round_trip() {
    let (laptop, target) = (Engine::Sqlite.fresh(), Engine::Postgres.fresh());
    fill(&laptop.store);
    published(laptop.store.push(&remote(&target)));
    let proxy = Proxy::in_front_of(&target.url);
    let there = open(proxy.url(), Access::Remote);
    assert_eq!(proxy.connections(), 0, "nothing is asked before the first call");
    for count in 1..=3 {
        is_up_to_date(laptop.store.push(&there));
        assert_eq!((proxy.connections(), proxy.round_trips()), (1, count));
    }
    laptop.store.remote_status(&there).expect("a status");
    assert_eq!((proxy.connections(), proxy.round_trips()), (1, 4));
}

/// The number of round trips grows with the bytes, not with the records.
#[test]
fn a_push_of_many_records_costs_few_round_trips() {
    let (laptop, target) = (Engine::Sqlite.fresh(), Engine::Postgres.fresh());
    store_all(&laptop.store, &records("many", 900));
    let proxy = Proxy::in_front_of(&target.url);
    published(laptop.store.push(&open(proxy.url(), Access::Remote)));
    assert!(proxy.round_trips() <= 25, "{}", proxy.round_trips());
}

#[test]
fn conflicts_are_all_listed_and_nothing_changes() {
    for engine in ENGINES.iter().copied() {
        let (laptop, target) = (Engine::Sqlite.fresh(), engine.fresh());
        let there = remote(&target);
        let (ours, theirs): (Vec<_>, Vec<_>) = (0..25)
            .map(|number| {
                let name = format!("taken-{number:02}");
                (
                    record("metadata", &name, "1.0.0", r#"{"by":"us"}"#),
                    record("metadata", &name, "1.0.0", r#"{"by":"them"}"#),
                )
            })
            .unzip();
        store_all(&target.store, &theirs);
        store_all(&laptop.store, &[records("new", 30), ours.clone(), records("newer", 30)].concat());
        let before = (contents(&target.store), target.store.backend().head().expect("a head"));
        for _ in 0..2 {
            let error =
                laptop.store.push_with(&there, Limits { entries: 10, bytes: 1000 }, &mut |_| {}).expect_err("taken");
            assert_eq!(error.kind(), ErrorKind::Conflict);
            let expected = ours.iter().zip(&theirs).map(|(ours, theirs)| charter::Conflict {
                key: ours.key().to_string(),
                stored: theirs.digest().to_string(),
                offered: ours.digest().to_string(),
            });
            assert_eq!(error.conflicts(), expected.collect::<Vec<_>>());
            assert_eq!((contents(&target.store), target.store.backend().head().expect("a head")), before);
            assert!(target.store.receipts(10).expect("receipts").is_empty());
        }
        if engine != Engine::Memory {
            let left = target.query("SELECT count(*) FROM charter_uploads");
            assert_eq!(left, [[Some("0".to_owned())]], "nothing stays staged");
        }
    }
}

#[test]
fn a_remote_that_is_not_initialised_is_told_how_to_become_one() {
    let database = crate::support::postgres::database();
    let laptop = Engine::Sqlite.fresh();
    store_all(&laptop.store, &records("x", 1));
    for push in [
        |from: &Store, to: &Store| from.push(to).map(drop),
        |from: &Store, to: &Store| from.remote_status(to).map(drop),
    ] {
        let error = push(&laptop.store, &open(database.url(), Access::Remote)).expect_err("no tables");
        assert_eq!(error.kind(), ErrorKind::NotInitialized, "{error:?}");
        let password = database.url().split([':', '@']).nth(2).expect("a password");
        let hint = error.hint().expect("a hint");
        assert!(
            hint.contains("charter db init postgresql://") && !format!("{error:?}").contains(password),
            "{error:?}"
        );
    }
    assert_eq!(database.query("SELECT to_regnamespace('charter')"), [[None]], "nothing was made");
    // A database that is missing altogether.
    let url = database.url().replace("charter_test_", "charter_none_");
    let error = laptop.store.push(&open(&url, Access::Remote)).expect_err("no database");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}

#[test]
fn what_was_changed_behind_charters_back_is_refused_on_arrival() {
    let changes = [
        r#"UPDATE charter_records SET body = '{"a":2}' WHERE name = 'x-0003'"#,
        r#"UPDATE charter_records SET body = '{"a":1' WHERE name = 'x-0003'"#,
        r#"UPDATE charter_records SET body = '[]' WHERE name = 'x-0003'"#,
        "UPDATE charter_records SET parent = digest WHERE name = 'x-0003'",
        "PRAGMA foreign_keys = OFF; UPDATE charter_changes SET digest = replace(digest, 'a', 'b') WHERE sequence = 4",
    ];
    for engine in ENGINES.iter().copied() {
        let target = engine.fresh();
        for (round, change) in changes.iter().enumerate() {
            let laptop = Engine::Sqlite.fresh();
            store_all(&laptop.store, &records("x", 5));
            laptop.execute(change);
            let error = laptop.store.push(&remote(&target)).expect_err(change);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{round}: {error:?}");
            assert!(contents(&target.store).is_empty(), "{round}: nothing of the push is visible");
        }
    }
}

#[test]
fn a_store_is_not_pushed_to_itself_or_to_its_copy() {
    let laptop = Engine::Sqlite.fresh();
    store_all(&laptop.store, &records("x", 1));
    let error = laptop.store.push(&remote(&laptop)).expect_err("itself");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let copy = tempfile::Builder::new().prefix("charter-copy.").tempdir().expect("a folder");
    let path = copy.path().join("copy.db");
    laptop.execute(&format!("VACUUM INTO '{}'", path.display()));
    let error =
        laptop.store.push(&open(&format!("sqlite:///{}", path.display()), Access::Remote)).expect_err("its copy");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.hint().is_some());
}

/// A remote that lost its end without a new epoch is brought up to date again.
#[test]
fn a_remote_that_was_set_back_gets_everything_again() {
    let (laptop, target) = (Engine::Sqlite.fresh(), Engine::Postgres.fresh());
    store_all(&laptop.store, &records("x", 10));
    published(laptop.store.push(&remote(&target)));
    target.execute(
        "DELETE FROM charter_changes; DELETE FROM charter_records; DELETE FROM charter_receipts; \
         UPDATE charter_head SET sequence = 0, last_receipt = NULL, epoch = 2",
    );
    assert_eq!(laptop.store.remote_status(&remote(&target)).expect("a status").pending, 10);
    assert_eq!(published(laptop.store.push(&remote(&target))).count, 10);
    assert_eq!(contents(&target.store), contents(&laptop.store));
}

#[test]
fn what_is_written_while_a_push_runs_is_the_next_pushs() {
    let (laptop, target) = (Engine::Sqlite.fresh(), Engine::Sqlite.fresh());
    store_all(&laptop.store, &records("x", 20));
    let mut number = 0;
    let receipt = published(laptop.store.push_with(&remote(&target), Limits { entries: 3, bytes: 9999 }, &mut |_| {
        store_all(&laptop.store, &records(&format!("meanwhile-{number}"), 1));
        number += 1;
    }));
    assert_eq!(receipt.count, 20);
    assert_eq!(published(laptop.store.push(&remote(&target))).count, number);
    assert_eq!(contents(&target.store), contents(&laptop.store));
}

/// What one call carries is bounded by the limits, however much there is.
#[test]
fn a_push_sends_in_pieces() {
    let (laptop, target) = (Engine::Sqlite.fresh(), Engine::Memory.fresh());
    store_all(&laptop.store, &records("x", 100));
    let mut before = 0;
    let mut steps = Vec::new();
    published(laptop.store.push_with(&target.store, Limits { entries: 8, bytes: 1 << 20 }, &mut |progress| {
        assert!(progress.sent_entries - before <= 8, "{progress:?}");
        before = progress.sent_entries;
        steps.push(progress.step);
    }));
    steps.dedup();
    assert_eq!(steps, [Step::Reading, Step::Uploading, Step::Publishing]);
    assert_eq!(before, 100);
}

#[test]
fn a_remote_that_is_only_read_is_not_pushed_to() {
    let (laptop, target) = (Engine::Memory.fresh(), Engine::Sqlite.fresh());
    store_all(&laptop.store, &records("x", 1));
    let options = OpenOptions { access: Access::Read, ..OpenOptions::default() };
    let there = Store::connect(&parse(&target.url), &options).expect("a store");
    let error = laptop.store.push(&there).expect_err("read-only");
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
    assert!(contents(&target.store).is_empty());
}
