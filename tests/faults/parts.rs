//! What second processes do: see [`crate::support::child`].

use crate::support::child::say;
use crate::support::stores::{append, open, record};
use charter::Store;
use charter::record::Record;
use charter::store::{Access, Appended, Fate};
use charter_sync::Limits;

/// Plays one part by its name.
pub(crate) fn play(part: &str, arguments: &[&str]) {
    match (part, arguments) {
        ("open", [url]) => open_once(url),
        ("write", [url, prefix, count]) => write(url, prefix, count.parse().expect("a number")),
        ("push", [from, to]) => push(from, to),
        ("fill", [url, ballast]) => super::disk::fill(url, ballast),
        ("migrate", [url, directory, direction, pause]) => super::migrations::migrate(url, directory, direction, pause),
        _ => panic!("there is no part {part} {arguments:?}"),
    }
}

/// Opens a store, which may have to be made.
fn open_once(url: &str) {
    let store = Store::open(url).expect("a store");
    assert_eq!(store.status().expect("a status").and_then(|status| status.current()), Some(1));
    say("open");
}

/// What writer `prefix` writes as its step `number`: one batch, or one edition.
pub(crate) fn batch(prefix: &str, number: usize) -> Vec<Record> {
    (0..=number % 4)
        .map(|place| {
            let body = format!(r#"{{"text":"{}","number":{number}.0}}"#, "x".repeat((number * 37) % 3000));
            record("metadata", &format!("{prefix}-{number:06}"), &format!("{place}.0.0"), &body)
        })
        .collect()
}

/// Writes batch after batch, and says the number of each that was acknowledged.
fn write(url: &str, prefix: &str, count: usize) {
    let store = open(url, Access::Write);
    for number in 0..count {
        let batch = batch(prefix, number);
        let appended = append(&store, &batch).expect("appended");
        assert_eq!(appended, Appended::Done(vec![Fate::Stored; batch.len()]));
        say(&number.to_string());
    }
}

/// Pushes, and says how it goes.
fn push(from: &str, to: &str) {
    let (local, remote) = (open(from, Access::Write), open(to, Access::Remote));
    let limits = Limits { entries: 5, bytes: 10_000 };
    local.push_with(&remote, limits, &mut |progress| say(&format!("{:?}", progress.step))).expect("a push");
    say("pushed");
}
