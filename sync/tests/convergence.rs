//! What a push promises, over replicas in memory and lines that fail anywhere.

mod line;
mod memory;

use std::collections::{BTreeMap, BTreeSet};

use charter_sync::{Collision, Digest, Limits, Outcome, PushError, Replica, ReplicaId, Step, push, verify_chain};
use line::{Fault, Line, LineError};
use memory::{Memory, MemoryError, State, entry};
use proptest::prelude::*;

type Visible = BTreeMap<Vec<u8>, Digest>;

/// What happens to the world in one step.
#[derive(Debug, Clone)]
enum Event {
    /// A source writes entry number so and so, which is the same entry wherever it is written.
    Write { source: usize, number: u8 },
    /// A source pushes while both lines fail as told.
    Push { source: usize, limits: Limits, local: Vec<Fault>, remote: Vec<Fault> },
    /// The remote is set back to what it was at the backup, in another epoch.
    Restore,
    /// The remote is backed up.
    Backup,
}

struct World {
    sources: [Memory; 2],
    remote: Memory,
    backup: State,
}

impl World {
    fn new() -> Self {
        Self {
            sources: [Memory::new("one"), Memory::new("two")],
            remote: Memory::new("remote"),
            backup: State::default(),
        }
    }

    /// Lets events happen. What readers of the remote see during each push is either what they saw before, or that and all
    /// that the source has.
    fn live(&mut self, events: &[Event]) -> Result<(), TestCaseError> {
        for event in events {
            match event {
                Event::Write { source, number } => write_number(&self.sources[*source], *number),
                Event::Backup => self.backup = self.remote.state.borrow().clone(),
                Event::Restore => {
                    let mut state = self.remote.state.borrow_mut();
                    let epoch = state.epoch + 1;
                    *state = self.backup.clone();
                    state.epoch = epoch;
                }
                Event::Push { source, limits, local, remote } => {
                    let source = &self.sources[*source];
                    let before = self.remote.visible();
                    let after = union([&before, &source.visible()]);
                    let (local, line) = (Line::new(source, local), Line::new(&self.remote, remote));
                    let outcome = push(&local, &line, *limits, &mut |_| {});
                    for seen in line.seen.borrow().iter() {
                        prop_assert!(*seen == before || *seen == after, "a part of a push is visible");
                    }
                    match outcome {
                        Ok(Outcome::Pushed(_) | Outcome::UpToDate { .. }) => {
                            prop_assert_eq!(self.remote.visible(), after, "a push that ended well left something out");
                        }
                        Ok(Outcome::Refused(collisions)) => {
                            prop_assert!(false, "no key is used twice: {:?}", collisions)
                        }
                        Err(PushError::Local(LineError::Cut) | PushError::Remote(LineError::Cut)) => {}
                        Err(PushError::StagingLost { .. }) => prop_assert_eq!(self.remote.visible(), before),
                        Err(error) => prop_assert!(false, "{:?}", error),
                    }
                }
            }
        }
        Ok(())
    }

    fn union_of_sources(&self) -> Visible {
        union([&self.sources[0].visible(), &self.sources[1].visible()])
    }
}

fn union<const N: usize>(sets: [&Visible; N]) -> Visible {
    sets.into_iter().flatten().map(|(key, digest)| (key.clone(), *digest)).collect()
}

fn write_number(source: &Memory, number: u8) {
    source.write(&format!("key {number}"), &"x".repeat(usize::from(number)));
}

fn clean_push(source: &dyn Replica<Error = MemoryError>, remote: &dyn Replica<Error = MemoryError>) -> Outcome {
    push(source, remote, Limits { entries: 3, bytes: 100 }, &mut |_| {}).expect("nothing fails")
}

/// Pushes and says which methods of the remote it took.
fn counted_push(source: &Memory, remote: &Memory) -> (Outcome, Vec<&'static str>) {
    let line = Line::new(remote, &[]);
    let outcome = push(source, &line, Limits::default(), &mut |_| {}).expect("nothing fails");
    (outcome, line.calls.take())
}

fn limits() -> impl Strategy<Value = Limits> {
    (0_usize..5, prop_oneof![0_u64..200, Just(1 << 20)]).prop_map(|(entries, bytes)| Limits { entries, bytes })
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        12 => Just(Fault::None),
        1 => Just(Fault::CutBefore),
        1 => Just(Fault::CutAfter),
        1 => Just(Fault::CrashBefore),
        1 => Just(Fault::CrashAfter),
        1 => Just(Fault::LoseStaged),
    ];
    prop::collection::vec(fault, 0..20)
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => (0_usize..2, 0_u8..60).prop_map(|(source, number)| Event::Write { source, number }),
        4 => (0_usize..2, limits(), faults(), faults())
            .prop_map(|(source, limits, local, remote)| Event::Push { source, limits, local, remote }),
        1 => Just(Event::Backup),
        1 => Just(Event::Restore),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 0..50)
}

fn without_restores() -> impl Strategy<Value = Vec<Event>> {
    events().prop_map(|events| events.into_iter().filter(|event| !matches!(event, Event::Restore)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// After any writes, faulty pushes, retries and restored backups, one clean push of each source brings the union.
    #[test]
    fn clean_pushes_bring_the_union(events in events()) {
        let mut world = World::new();
        world.live(&events)?;
        for source in &world.sources {
            clean_push(source, &world.remote);
        }
        prop_assert_eq!(world.remote.visible(), world.union_of_sources());
        prop_assert!(world.remote.state.borrow().log.len() == world.remote.visible().len(), "an entry came twice");
    }

    /// What is visible never contains a part of a push, which `World::live` checks after each call, and what is visible is
    /// exactly what the receipts count, while they are one unbroken chain.
    #[test]
    fn pushes_are_all_or_nothing_and_receipts_account_for_them(events in without_restores()) {
        let mut world = World::new();
        world.live(&events)?;
        for source in &world.sources {
            clean_push(source, &world.remote);
        }
        let state = world.remote.state.borrow();
        prop_assert_eq!(verify_chain(&state.given), Ok(()));
        prop_assert_eq!(state.given.first().and_then(|receipt| receipt.previous), None);
        let counted: u64 = state.given.iter().map(|receipt| receipt.count).sum();
        prop_assert_eq!(counted, state.log.len() as u64);
        let pushes: BTreeSet<_> = state.given.iter().map(|receipt| receipt.push).collect();
        prop_assert_eq!(pushes.len(), state.given.len(), "a push was published twice");
        for receipt in world.sources.iter().flat_map(|source| source.state.borrow().kept.clone()) {
            prop_assert!(state.given.contains(&receipt), "a source keeps a receipt that the remote did not give");
        }
    }

    /// A push after a push that ended well is one call and changes nothing on either side.
    #[test]
    fn pushing_again_is_one_call_and_changes_nothing(events in events()) {
        let mut world = World::new();
        world.live(&events)?;
        for source in &world.sources {
            let first = clean_push(source, &world.remote);
            let before = (source.state.borrow().clone(), world.remote.state.borrow().clone());
            let (again, calls) = counted_push(source, &world.remote);
            prop_assert_eq!(calls, ["head"]);
            prop_assert!(matches!(again, Outcome::UpToDate { .. }), "{:?}", again);
            prop_assert_eq!((source.state.borrow().clone(), world.remote.state.borrow().clone()), before);
            if let Outcome::Pushed(receipt) = first {
                prop_assert_eq!(source.state.borrow().kept.last().cloned(), Some(receipt));
            }
        }
    }

    /// The order in which sources push does not matter, however what they have overlaps.
    #[test]
    fn order_of_sources_does_not_matter(
        one in prop::collection::vec(0_u8..40, 0..30), two in prop::collection::vec(0_u8..40, 0..30), limits in limits(),
    ) {
        let mut ends = Vec::new();
        for order in [[0, 1], [1, 0]] {
            let world = World::new();
            one.iter().for_each(|number| write_number(&world.sources[0], *number));
            two.iter().for_each(|number| write_number(&world.sources[1], *number));
            for source in order {
                let outcome = push(&world.sources[source], &world.remote, limits, &mut |_| {});
                prop_assert!(matches!(outcome, Ok(Outcome::Pushed(_) | Outcome::UpToDate { .. })), "{:?}", outcome);
            }
            prop_assert_eq!(world.remote.visible(), world.union_of_sources());
            ends.push(world.remote.visible());
        }
        prop_assert_eq!(&ends[0], &ends[1]);
    }

    /// A push with collisions lists each of them, in order, and changes nothing on the remote: not what is visible, not what is
    /// staged, no receipt. Nor does it move the cursor, so that they are listed again the next time.
    #[test]
    fn collisions_are_all_listed_and_change_nothing(
        here in prop::collection::btree_map(0_u8..40, 0_u8..3, 0..30), there in prop::collection::btree_map(0_u8..40, 0_u8..3, 0..30),
        limits in limits(), late in prop::collection::btree_map(0_u8..40, 3_u8..6, 0..3), faults in faults(),
    ) {
        let (source, remote) = (Memory::new("one"), Memory::new("remote"));
        let write = |replica: &Memory, (key, content): (&u8, &u8)| replica.write(&format!("key {key}"), &format!("content {content}"));
        there.iter().for_each(|pair| write(&remote, pair));
        here.iter().for_each(|pair| write(&source, pair));
        // A push that was cut off may have left something staged before the remote's own users took the keys.
        let line = Line::new(&remote, &faults);
        let interrupted = push(&source, &line, limits, &mut |_| {});
        late.iter().for_each(|pair| write(&remote, pair));

        let log = source.changes(0, usize::MAX).expect("memory");
        let expected: Vec<_> = log
            .into_iter()
            .filter_map(|change| {
                let stored = *remote.visible().get(&change.key)?;
                (stored != change.digest).then_some(Collision { key: change.key, stored, offered: change.digest })
            })
            .collect();
        prop_assume!(!expected.is_empty() && !matches!(interrupted, Ok(Outcome::Pushed(_))));
        let published = remote.state.borrow().given.len();
        prop_assume!(published == 0);
        let before = remote.state.borrow().clone();
        for _ in 0..2 {
            let outcome = push(&source, &remote, limits, &mut |_| {});
            prop_assert_eq!(outcome, Ok(Outcome::Refused(expected.clone())));
            prop_assert_eq!(&*remote.state.borrow(), &State { staged: BTreeMap::new(), ..before.clone() });
            prop_assert_eq!(&source.state.borrow().cursors, &BTreeMap::new());
        }
    }
}

fn source_with(numbers: std::ops::Range<u8>) -> Memory {
    let source = Memory::new("source");
    numbers.for_each(|number| write_number(&source, number));
    source
}

const ONE_BY_ONE: Limits = Limits { entries: 1, bytes: 0 };

#[test]
fn interrupted_push_does_not_send_again_what_is_staged() {
    let (source, remote) = (source_with(0..10), Memory::new("remote"));
    let mut faults = vec![Fault::None; 15];
    faults.push(Fault::CutAfter);
    let line = Line::new(&remote, &faults);
    assert_eq!(push(&source, &line, ONE_BY_ONE, &mut |_| {}), Err(PushError::Remote(LineError::Cut)));
    let staged = line.sent.get();
    assert!((1..10).contains(&staged) && remote.visible().is_empty());

    let line = Line::new(&remote, &[]);
    let outcome = push(&source, &line, ONE_BY_ONE, &mut |_| {});
    assert!(matches!(outcome, Ok(Outcome::Pushed(receipt)) if receipt.count == 10));
    assert_eq!(line.sent.get(), 10 - staged);
    assert!(remote.state.borrow().staged.is_empty());
}

#[test]
fn lost_answer_brings_the_same_receipt_again() {
    let (source, remote) = (source_with(0..5), Memory::new("remote"));
    let line = Line::aimed(&remote, "publish", Fault::CutAfter);
    assert_eq!(push(&source, &line, ONE_BY_ONE, &mut |_| {}), Err(PushError::Remote(LineError::Cut)));
    let given = remote.state.borrow().given.clone();
    assert_eq!(given[0].count, 5);
    assert_eq!(push(&source, &remote, ONE_BY_ONE, &mut |_| {}), Ok(Outcome::Pushed(given[0].clone())));
    assert_eq!(source.state.borrow().kept, given);
    assert_eq!(remote.state.borrow().given, given);
}

#[test]
fn push_that_grew_after_a_lost_answer_brings_only_what_is_new() {
    let (source, remote) = (source_with(0..5), Memory::new("remote"));
    let line = Line::aimed(&remote, "publish", Fault::CutAfter);
    assert!(push(&source, &line, ONE_BY_ONE, &mut |_| {}).is_err());
    write_number(&source, 9);
    let line = Line::new(&remote, &[]);
    assert!(
        matches!(push(&source, &line, ONE_BY_ONE, &mut |_| {}), Ok(Outcome::Pushed(receipt)) if receipt.count == 1)
    );
    assert_eq!(line.sent.get(), 1);
}

#[test]
fn staged_entries_that_are_lost_are_never_published_in_part() {
    let (source, remote) = (source_with(0..6), Memory::new("remote"));
    let line = Line::aimed(&remote, "publish", Fault::LoseStaged);
    let outcome = push(&source, &line, ONE_BY_ONE, &mut |_| {});
    assert!(matches!(outcome, Err(PushError::StagingLost { needed: 6, staged: 0, .. })), "{outcome:?}");
    assert!(remote.visible().is_empty());
    assert!(matches!(clean_push(&source, &remote), Outcome::Pushed(receipt) if receipt.count == 6));
}

#[test]
fn key_taken_while_the_push_runs_refuses_it() {
    let (source, remote) = (source_with(0..6), Memory::new("remote"));
    let line = Line::aimed(&remote, "publish", Fault::Write("key 3".into(), "other".into()));
    let outcome = push(&source, &line, ONE_BY_ONE, &mut |_| {}).expect("nothing fails");
    let (stored, offered) = (entry("key 3", "other").digest, entry("key 3", "xxx").digest);
    assert_eq!(outcome, Outcome::Refused(vec![Collision { key: b"key 3".to_vec(), stored, offered }]));
    assert_eq!(remote.visible().len(), 1);
    assert!(remote.state.borrow().staged.is_empty() && remote.state.borrow().given.is_empty());
}

#[test]
fn same_entry_that_came_while_the_push_ran_is_not_counted() {
    let (source, remote) = (source_with(0..6), Memory::new("remote"));
    let line = Line::aimed(&remote, "publish", Fault::Write("key 3".into(), "xxx".into()));
    let outcome = push(&source, &line, ONE_BY_ONE, &mut |_| {}).expect("nothing fails");
    assert!(matches!(outcome, Outcome::Pushed(receipt) if receipt.count == 5));
    assert_eq!(remote.visible(), source.visible());
}

#[test]
fn nothing_is_sent_after_a_collision_is_found() {
    let (source, remote) = (source_with(0..6), Memory::new("remote"));
    remote.write("key 0", "other");
    remote.write("key 5", "other");
    let line = Line::new(&remote, &[]);
    assert!(matches!(push(&source, &line, ONE_BY_ONE, &mut |_| {}), Ok(Outcome::Refused(keys)) if keys.len() == 2));
    assert_eq!(line.sent.get(), 0);
}

#[test]
fn what_is_written_while_the_push_runs_is_for_the_next_one() {
    for method in ["changes", "entries"] {
        let (source, remote) = (source_with(0..6), Memory::new("remote"));
        let line = Line::aimed(&source, method, Fault::Write("late".into(), "late".into()));
        let outcome = push(&line, &remote, Limits { entries: 4, bytes: 100 }, &mut |_| {}).expect("nothing fails");
        assert!(matches!(outcome, Outcome::Pushed(receipt) if receipt.count == 6), "{method}");
        assert!(matches!(clean_push(&source, &remote), Outcome::Pushed(receipt) if receipt.count == 1), "{method}");
        assert_eq!(remote.visible(), source.visible());
    }
}

#[test]
fn refusal_is_told_even_when_the_line_breaks_after_it() {
    let (source, remote) = (source_with(0..6), Memory::new("remote"));
    remote.write("key 5", "other");
    let line = Line::aimed(&remote, "discard", Fault::CutBefore);
    assert!(matches!(push(&source, &line, ONE_BY_ONE, &mut |_| {}), Ok(Outcome::Refused(keys)) if keys.len() == 1));
    assert_eq!(remote.visible().len(), 1);
}

#[test]
fn remote_that_lost_its_end_without_a_new_epoch_gets_everything_again() {
    let (source, remote) = (source_with(0..3), Memory::new("remote"));
    clean_push(&source, &remote);
    let backup = remote.state.borrow().clone();
    write_number(&source, 9);
    clean_push(&source, &remote);
    *remote.state.borrow_mut() = backup;
    assert!(matches!(clean_push(&source, &remote), Outcome::Pushed(receipt) if receipt.count == 1));
    assert_eq!(remote.visible(), source.visible());
    assert_eq!(counted_push(&source, &remote).1, ["head"]);
}

#[test]
fn source_that_lost_its_log_but_not_its_cursor_skips_nothing() {
    let (source, remote) = (source_with(0..5), Memory::new("remote"));
    clean_push(&source, &remote);
    let cursors = source.state.borrow().cursors.clone();
    *source.state.borrow_mut() = State { cursors, ..State::default() };
    // An empty log has nothing to push, but the cursor must not wait for it to grow past the old end.
    assert_eq!(counted_push(&source, &remote).1, ["head"]);
    (20..40).for_each(|number| write_number(&source, number));
    clean_push(&source, &remote);
    assert_eq!(remote.visible().len(), 25);
}

#[test]
fn second_remote_has_a_cursor_of_its_own() {
    let (source, one, two) = (source_with(0..5), Memory::new("registry"), Memory::new("other registry"));
    clean_push(&source, &one);
    clean_push(&source, &two);
    assert_eq!(one.visible(), two.visible());
    assert_eq!(counted_push(&source, &one).1, ["head"]);
    assert_eq!(counted_push(&source, &two).1, ["head"]);
}

#[test]
fn remote_that_has_everything_gives_a_receipt_for_nothing_new() {
    let (source, remote) = (source_with(0..5), Memory::new("remote"));
    (0..5).for_each(|number| write_number(&remote, number));
    let (outcome, calls) = counted_push(&source, &remote);
    assert!(matches!(outcome, Outcome::Pushed(receipt) if receipt.count == 0));
    assert_eq!(calls, ["head", "compare", "publish"]);
}

#[test]
fn replica_is_not_pushed_to_itself() {
    let (source, copy) = (source_with(0..2), Memory::new("source"));
    assert_eq!(
        push(&source, &copy, Limits::default(), &mut |_| {}),
        Err(PushError::SameReplica(ReplicaId::new("source")))
    );
    assert!(copy.visible().is_empty());
}

#[test]
fn progress_ends_with_all_that_was_sent() {
    let (source, remote) = (source_with(0..10), Memory::new("remote"));
    write_number(&remote, 4);
    let mut told = Vec::new();
    push(&source, &remote, Limits { entries: 3, bytes: 1000 }, &mut |progress| told.push(progress))
        .expect("nothing fails");
    let last = told.last().expect("told");
    assert_eq!((last.step, last.done, last.total), (Step::Publishing, 10, 10));
    assert_eq!((last.sent_entries, last.sent_bytes), (9, (0..10).sum::<u64>() - 4));
    assert!(told.is_sorted_by_key(|progress| (progress.step as u8, progress.done, progress.sent_entries)));
}
