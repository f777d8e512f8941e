//! The same operations in the same order on every engine at once give the same answers.

use super::replication::push_to;
use crate::support::stores::{Engine, SQL_ENGINES, TestStore, check_change_log, contents, record_in};
use charter::record::{Digest, Record};
use charter::store::{Batch, Page, Selector};
use charter::{Error, Store};
use charter_sync::{Cursor, Publication, Receipt, ReplicaId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::fmt::Debug;

const NAMES: [&str; 5] = ["a", "A", "a b", "é", "😀"];
const VERSIONS: [&str; 5] = ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1", "3"];
const BODIES: [&str; 4] = ["true", r#"{"b":1.0,"a":"\u0000"}"#, r#"{"n":1e400}"#, "{}"];

#[derive(Debug, Clone)]
enum Operation {
    Append { records: Vec<Choice>, required: Vec<Wish> },
    Read { wishes: Vec<Wish> },
    Stage { push: usize, records: Vec<Choice> },
    Compare { push: usize, records: Vec<Choice> },
    Publish { push: usize, needed: u64, is_astray: bool },
    Discard { push: usize },
    Acknowledge { remote: usize, sequence: u64, receipt: bool },
    List { prefix: Vec<u8>, after: Option<Choice>, limit: usize },
    Changes { after: u64, limit: usize },
}

/// One of the records that there are: name, version, body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Choice(usize, usize, usize);

impl Choice {
    fn record(self) -> Record {
        let Self(name, version, body) = self;
        let namespace = if name == 2 { "sales" } else { "" };
        let parent = (body == 3).then(|| record_in("", "owner", "x", "1", None, "{}"));
        record_in(namespace, "a_kind", NAMES[name], VERSIONS[version], parent.as_ref(), BODIES[body])
    }
}

#[derive(Debug, Clone)]
enum Wish {
    Key(Choice),
    Digest(Choice),
    Latest(usize, bool),
}

impl Wish {
    fn selector(&self) -> Selector {
        match self {
            Self::Key(choice) => Selector::Key(choice.record().key().clone()),
            Self::Digest(choice) => Selector::Digest(*choice.record().digest()),
            Self::Latest(name, pre_releases) => {
                let subject = Choice(*name, 0, 0).record().key().subject();
                Selector::Latest { subject, pre_releases: *pre_releases }
            }
        }
    }
}

fn choice() -> impl Strategy<Value = Choice> {
    (0..NAMES.len(), 0..VERSIONS.len(), 0..BODIES.len()).prop_map(|(name, version, body)| Choice(name, version, body))
}

/// Choices of which no two have one key, as batches and pushes are.
fn choices() -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec(choice(), 0..6).prop_map(|choices| {
        let mut seen = std::collections::HashSet::new();
        choices.into_iter().filter(|Choice(name, version, _)| seen.insert((*name, *version))).collect()
    })
}

/// What one push brings: its number decides the content of every key, for a source has no key twice.
fn choices_of(push: usize) -> impl Strategy<Value = Vec<Choice>> {
    choices().prop_map(move |choices| choices.into_iter().map(|Choice(n, v, _)| Choice(n, v, push % 2)).collect())
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        choice().prop_map(Wish::Key),
        choice().prop_map(Wish::Digest),
        (0..NAMES.len(), any::<bool>()).prop_map(|(name, pre_releases)| Wish::Latest(name, pre_releases)),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let wishes = || prop::collection::vec(wish(), 0..5);
    let prefix = prop_oneof![
        Just(Vec::new()),
        Just(vec![0]),
        Just(b"sales\0".to_vec()),
        choice().prop_map(|choice| choice.record().key().subject().sort_prefix()),
    ];
    prop_oneof![
        4 => (choices(), prop_oneof![3 => Just(Vec::new()), 1 => wishes()])
            .prop_map(|(records, required)| Operation::Append { records, required }),
        2 => wishes().prop_map(|wishes| Operation::Read { wishes }),
        3 => (0_usize..3).prop_flat_map(|push| choices_of(push)
            .prop_map(move |records| Operation::Stage { push, records })),
        2 => (0_usize..3, choices()).prop_map(|(push, records)| Operation::Compare { push, records }),
        3 => (0_usize..3, 0_u64..5, prop::bool::weighted(0.1))
            .prop_map(|(push, needed, is_astray)| Operation::Publish { push, needed, is_astray }),
        1 => (0_usize..3).prop_map(|push| Operation::Discard { push }),
        1 => (0_usize..2, 0_u64..9, any::<bool>())
            .prop_map(|(remote, sequence, receipt)| Operation::Acknowledge { remote, sequence, receipt }),
        2 => (prefix, prop::option::of(choice()), 0_usize..6)
            .prop_map(|(prefix, after, limit)| Operation::List { prefix, after, limit }),
        1 => (0_u64..9, 0_usize..6).prop_map(|(after, limit)| Operation::Changes { after, limit }),
    ]
}

/// An answer, less what differs by right: moments, identities, and what is hashed from them.
fn perform(store: &Store, operation: &Operation) -> String {
    let backend = store.backend();
    let records = |choices: &[Choice]| choices.iter().map(|choice| choice.record()).collect::<Vec<_>>();
    let push = |number: usize| push_to(store, &number.to_string());
    match operation {
        Operation::Append { records: choices, required } => {
            let required = required.iter().map(Wish::selector).collect();
            told(backend.append(&Batch { records: records(choices), required }))
        }
        Operation::Read { wishes } => told(backend.read(&wishes.iter().map(Wish::selector).collect::<Vec<_>>())),
        Operation::Stage { push: number, records: choices } => told(backend.stage(&push(*number), &records(choices))),
        Operation::Compare { push: number, records: choices } => {
            let offers: Vec<(Vec<u8>, Digest)> =
                records(choices).iter().map(|record| (record.key().sort_key(), *record.digest())).collect();
            told(backend.compare(&push(*number), &offers))
        }
        Operation::Publish { push: number, needed, is_astray } => {
            let mut push = push(*number);
            push.epoch += u64::from(*is_astray);
            told(backend.publish(&push, *needed).map(|publication| match publication {
                Publication::Published(receipt) => summary(&receipt),
                other => format!("{other:?}"),
            }))
        }
        Operation::Discard { push: number } => told(backend.discard(&push(*number))),
        Operation::Acknowledge { remote, sequence, receipt } => {
            let remote = ReplicaId::new(format!("remote {remote}"));
            let mut push = push(9);
            push.remote = remote.clone();
            let receipt = receipt.then(|| Receipt::new(&push, *sequence, 0, *sequence, 0, None));
            let cursor = Cursor { remote: remote.clone(), epoch: 1, local_sequence: *sequence, remote_sequence: 7 };
            told(backend.acknowledge(receipt.as_ref(), &cursor)) + &told(backend.cursor(&remote))
        }
        Operation::List { prefix, after, limit } => {
            let after = after.map(|choice| choice.record().key().sort_key());
            let listed = backend.list(&Page { prefix: prefix.clone(), after, limit: *limit });
            told(
                listed
                    .map(|listed| listed.into_iter().map(|l| (l.key, l.digest, l.parent, l.size)).collect::<Vec<_>>()),
            )
        }
        Operation::Changes { after, limit } => told(backend.changes(*after, *limit)),
    }
}

fn told<T: Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{:?} {:?}", error.kind(), error.conflicts()),
    }
}

fn summary(receipt: &Receipt) -> String {
    let Receipt { push, source, epoch, count, sequence_before, sequence_after, previous, .. } = receipt;
    format!("{push} {source} {epoch} {count} {sequence_before} {sequence_after} {}", previous.is_some())
}

/// Everything that a store shows in the end.
fn state(store: &Store) -> String {
    let backend = store.backend();
    let mut receipts: Vec<String> = backend.receipts(100).expect("receipts").iter().map(summary).collect();
    receipts.sort();
    let changes = backend.changes(0, 1000).expect("the change log");
    format!("{:?}\n{changes:?}\n{receipts:?}", contents(store))
}

fn reset(test: &TestStore) {
    test.execute(
        "DELETE FROM charter_changes; DELETE FROM charter_records; DELETE FROM charter_uploads; \
         DELETE FROM charter_receipts; DELETE FROM charter_cursors; \
         UPDATE charter_head SET sequence = 0, last_receipt = NULL",
    );
}

#[test]
fn every_engine_gives_the_same_answers() {
    let stores: Vec<(Engine, TestStore)> = SQL_ENGINES.iter().map(|engine| (*engine, engine.fresh())).collect();
    let config = Config { cases: 64, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let run = |operations: Vec<Operation>| {
        let memory = Engine::Memory.fresh();
        stores.iter().for_each(|(_, test)| reset(test));
        for operation in &operations {
            let expected = perform(&memory.store, operation);
            for (engine, test) in &stores {
                prop_assert_eq!(perform(&test.store, operation), expected.as_str(), "{:?}, {:?}", engine, operation);
            }
        }
        let expected = state(&memory.store);
        check_change_log(&memory.store);
        for (engine, test) in &stores {
            prop_assert_eq!(state(&test.store), expected.as_str(), "{:?}", engine);
            check_change_log(&test.store);
        }
        Ok(())
    };
    let result = TestRunner::new(config).run(&prop::collection::vec(operation(), 1..40), run);
    result.unwrap_or_else(|error| panic!("{error}"));
}
