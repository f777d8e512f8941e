//! What is edited in place: each change is the next edition, which names the one that it replaces.

use super::on_every_engine;
use crate::support::stores::{TestStore, check_change_log};
use charter::record::Kind;
use std::collections::HashSet;

on_every_engine!([
    a_change_is_the_next_edition,
    going_back_is_an_edition_too,
    the_same_content_is_no_edition,
    threads_that_edit_one_thing_make_one_line_of_editions,
]);

fn editions(test: &TestStore, name: &str) -> Vec<(String, Option<String>, String)> {
    let name = charter::record::Name::new(name).expect(name);
    let listed = test.store.list(&Default::default(), Some(&Kind::Ownership), Some(&name)).expect("a list");
    let text = |listed: &charter::store::Listed| {
        (listed.key.version.to_string(), listed.parent.map(|parent| parent.to_string()), listed.digest.to_string())
    };
    listed.iter().map(text).collect()
}

fn a_change_is_the_next_edition(test: &TestStore) {
    let first = test.store.store_ownership("book", r#"{"owner":"a"}"#).expect("stored");
    let second = test.store.store_ownership("book", r#"{"owner":"b"}"#).expect("stored");
    let elsewhere = test.store.store_ownership("film", r#"{"owner":"b"}"#).expect("stored");
    assert_eq!(
        editions(test, "book"),
        [("1".to_owned(), None, first.to_string()), ("2".to_owned(), Some(first.to_string()), second.to_string()),]
    );
    assert_eq!(editions(test, "film"), [("1".to_owned(), None, elsewhere.to_string())]);
    assert_eq!(test.store.get_ownership("book", None).expect("the newest").owner(), Some("b"));
    assert_eq!(test.store.get_ownership("book", Some("1")).expect("the first").owner(), Some("a"));
}

fn going_back_is_an_edition_too(test: &TestStore) {
    let ids: Vec<String> = ["a", "b", "a"]
        .map(|owner| {
            test.store.store_ownership("book", format!(r#"{{"owner":"{owner}"}}"#)).expect("stored").to_string()
        })
        .to_vec();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3, "the same content at another time is another record");
    let expected = [
        ("1".to_owned(), None, ids[0].clone()),
        ("2".to_owned(), Some(ids[0].clone()), ids[1].clone()),
        ("3".to_owned(), Some(ids[1].clone()), ids[2].clone()),
    ];
    assert_eq!(editions(test, "book"), expected);
    assert_eq!(test.store.get_ownership("book", None).expect("the newest").owner(), Some("a"));
}

fn the_same_content_is_no_edition(test: &TestStore) {
    let first = test.store.store_ownership("book", r#"{"owner":"a","n":1}"#).expect("stored");
    let again = test.store.store_ownership("book", r#"{"n":1.0,"owner":"a"}"#).expect("stored");
    assert_eq!(first, again);
    assert_eq!(editions(test, "book").len(), 1);
}

fn threads_that_edit_one_thing_make_one_line_of_editions(test: &TestStore) {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for number in 0..20 {
                    let body = format!(r#"{{"owner":"{thread}","n":{number}}}"#);
                    test.store.store_ownership("book", body).expect("stored");
                }
            });
        }
    });
    let editions = editions(test, "book");
    assert_eq!(editions.len(), 160);
    for (number, (version, parent, _)) in (1_usize..).zip(&editions) {
        assert_eq!(version, &number.to_string());
        let before = number.checked_sub(2).map(|before| editions[before].2.clone());
        assert_eq!(parent, &before, "edition {number} replaces the one before it");
    }
    check_change_log(&test.store);
}
