//! Reading: the latest version, lists and their order.

use super::on_every_engine;
use crate::support::stores::{TestStore, key_in, record, record_in, store_all};
use charter::ErrorKind;
use charter::record::{Key, Kind, Record, Reference};
use charter::store::{Page, Selector};

on_every_engine!([
    the_latest_is_the_highest_release,
    pre_releases_are_the_latest_only_when_asked_for,
    names_that_start_alike_are_not_mixed_up,
    many_kinds_of_selectors_at_once_are_answered_in_order,
    a_missing_record_says_what_there_is,
    lists_are_in_the_order_of_bytes,
    lists_are_paged_without_gaps_or_repeats,
    lists_tell_sizes_and_moments,
]);

fn latest(test: &TestStore, name: &str, pre_releases: bool) -> Option<String> {
    let subject = key_in("", "schema", name, "1.0.0").subject();
    let found = test.store.latest(&subject, pre_releases).expect("an answer");
    found.map(|record| record.key().version.to_string())
}

fn schemas(name: &str, versions: &[&str]) -> Vec<Record> {
    versions.iter().map(|version| record("schema", name, version, "{}")).collect()
}

fn the_latest_is_the_highest_release(test: &TestStore) {
    store_all(&test.store, &schemas("user", &["1.9.0", "1.10.0", "1.2.0", "0.99.0"]));
    assert_eq!(latest(test, "user", false).as_deref(), Some("1.10.0"));
    store_all(&test.store, &schemas("user", &["18446744073709551615.0.0", "2.0.0"]));
    assert_eq!(latest(test, "user", false).as_deref(), Some("18446744073709551615.0.0"));
    let editions: Vec<Record> = (1..=300).map(|n| record("owner", "a", &n.to_string(), "{}")).collect();
    store_all(&test.store, &editions);
    let subject = key_in("", "owner", "a", "1").subject();
    let newest = test.store.latest(&subject, false).expect("an answer").expect("it is stored");
    assert_eq!(newest.key().version.to_string(), "300");
}

fn pre_releases_are_the_latest_only_when_asked_for(test: &TestStore) {
    let versions = ["2.0.0-rc.2", "2.0.0-rc.10", "2.0.0-beta", "2.0.0-rc.9.x", "1.0.0"];
    store_all(&test.store, &schemas("user", &versions));
    assert_eq!(latest(test, "user", false).as_deref(), Some("1.0.0"));
    assert_eq!(latest(test, "user", true).as_deref(), Some("2.0.0-rc.10"));
    store_all(&test.store, &schemas("user", &["2.0.0"]));
    assert_eq!(latest(test, "user", true).as_deref(), Some("2.0.0"));
    store_all(&test.store, &schemas("coming", &["1.0.0-alpha.1", "1.0.0-alpha"]));
    assert_eq!(latest(test, "coming", false), None);
    assert_eq!(latest(test, "coming", true).as_deref(), Some("1.0.0-alpha.1"));
    let error = test.store.get_schema("coming", None).expect_err("only pre-releases");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().is_some_and(|hint| hint.contains("1.0.0-alpha.1")), "{error:?}");
    test.store.get_schema("coming", Some("1.0.0-alpha")).expect("it is asked for");
}

fn names_that_start_alike_are_not_mixed_up(test: &TestStore) {
    for name in ["use", "user", "user2", "user ", "user."].map(str::trim_end) {
        if latest(test, name, true).is_none() {
            store_all(&test.store, &schemas(name, &[&format!("{}.0.0", name.len())]));
        }
    }
    store_all(&test.store, &[record("metadata", "user", "9.0.0", "{}")]);
    store_all(&test.store, &[record_in("a", "schema", "user", "8.0.0", None, "{}")]);
    assert_eq!(latest(test, "use", true).as_deref(), Some("3.0.0"));
    assert_eq!(latest(test, "user", true).as_deref(), Some("4.0.0"));
    assert_eq!(latest(test, "us", true), None);
}

fn many_kinds_of_selectors_at_once_are_answered_in_order(test: &TestStore) {
    let stored = schemas("user", &["1.0.0", "2.0.0", "3.0.0-rc"]);
    store_all(&test.store, &stored);
    let subject = stored[0].key().subject();
    let latest = |pre_releases| Selector::Latest { subject: subject.clone(), pre_releases };
    let selectors = [
        latest(true),
        Selector::Key(stored[0].key().clone()),
        Selector::Digest(*stored[1].digest()),
        Selector::Key(key_in("", "schema", "user", "7.0.0")),
        latest(false),
        Selector::Key(stored[0].key().clone()),
        latest(true),
    ];
    let found = test.store.backend().read(&selectors).expect("an answer");
    let found: Vec<_> =
        found.iter().map(|found| found.as_ref().map(|record| record.key().version.to_string())).collect();
    let expected = ["3.0.0-rc", "1.0.0", "2.0.0", "", "2.0.0", "1.0.0", "3.0.0-rc"];
    assert_eq!(found, expected.map(|version| Some(version.to_owned()).filter(|version| !version.is_empty())));
}

fn a_missing_record_says_what_there_is(test: &TestStore) {
    let get = |name: &str| {
        let reference = Reference::parse(name, &Kind::Schema, &Default::default()).expect(name);
        let error = test.store.get(&Kind::Schema, &reference).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::NotFound);
        error.hint().expect("a hint").to_owned()
    };
    assert!(get("user").contains("no schema"), "{}", get("user"));
    store_all(&test.store, &schemas("user", &["1.0.0", "2.0.0"]));
    assert!(get("user@3").contains("2.0.0, 1.0.0"), "{}", get("user@3"));
    assert!(get("usr").contains("user"), "{}", get("usr"));
}

/// Traps for collations: case, accents, scripts, digits, punctuation that many collations ignore, a blank, and
/// characters beyond the first plane, whose UTF-16 order is not that of bytes.
const NAMES: [&str; 22] = [
    "Zebra",
    "zebra",
    "apple",
    "Apple",
    "äpfel",
    "Äpfel",
    "a-b",
    "a b",
    "ab",
    "a_b",
    "10",
    "9",
    "ß",
    "ss",
    "I",
    "ı",
    "привет",
    "日本語",
    "עברית",
    "😀",
    "\u{ffee}",
    "é",
];

fn names_everywhere() -> Vec<Record> {
    let mut all = Vec::new();
    for namespace in ["", "Zoo", "zoo", "äöü"] {
        for kind in ["schema", "metadata", "a_kind_of_tomorrow"] {
            all.extend(NAMES.map(|name| record_in(namespace, kind, name, "1.0.0", None, "{}")));
        }
    }
    all.extend(schemas("apple", &["0.9.0", "0.10.0", "1.0.0-rc.2", "1.0.0-rc.11", "10.0.0", "2.0.0"]));
    all
}

fn lists_are_in_the_order_of_bytes(test: &TestStore) {
    let all = names_everywhere();
    store_all(&test.store, &all);
    let mut expected: Vec<Key> = all.iter().map(|record| record.key().clone()).collect();
    expected.sort_by_key(Key::sort_key);
    let found: Vec<Key> = test.store.list_everything().expect("a list").into_iter().map(|l| l.key).collect();
    assert_eq!(found, expected);
    let versions =
        test.store.list(&Default::default(), Some(&Kind::Schema), Some(&key_in("", "schema", "apple", "1.0.0").name));
    let versions: Vec<String> = versions.expect("a list").iter().map(|l| l.key.version.to_string()).collect();
    assert_eq!(versions, ["0.9.0", "0.10.0", "1.0.0-rc.2", "1.0.0-rc.11", "1.0.0", "2.0.0", "10.0.0"]);
}

fn lists_are_paged_without_gaps_or_repeats(test: &TestStore) {
    let all = names_everywhere();
    store_all(&test.store, &all);
    let mut keys: Vec<Vec<u8>> = all.iter().map(|record| record.key().sort_key()).collect();
    keys.sort();
    let zoo = b"zoo\0".to_vec();
    for prefix in [Vec::new(), zoo.clone(), b"\0schema\0".to_vec(), b"zo".to_vec(), b"none".to_vec(), vec![0xff]] {
        let expected: Vec<&Vec<u8>> = keys.iter().filter(|key| key.starts_with(&prefix)).collect();
        for limit in [1, 2, 21, 22, 23, expected.len().max(1), 1000] {
            let mut page = Page { prefix: prefix.clone(), after: None, limit };
            let mut found = Vec::new();
            loop {
                let listed = test.store.backend().list(&page).expect("a page");
                assert!(listed.len() <= limit);
                let is_last = listed.len() < limit;
                found.extend(listed.iter().map(|listed| listed.key.sort_key()));
                if is_last {
                    break;
                }
                page.after = found.last().cloned();
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "prefix {prefix:?} in pages of {limit}");
        }
    }
    // A page may begin before its prefix, and behind it.
    let list = |after: &[u8]| {
        let page = Page { prefix: zoo.clone(), after: Some(after.to_vec()), limit: 1000 };
        test.store.backend().list(&page).expect("a page").len()
    };
    assert_eq!((list(b"a"), list(b"zoo\0"), list(b"zz")), (66, 66, 0));
    let none = Page { prefix: Vec::new(), after: None, limit: 0 };
    assert!(test.store.backend().list(&none).expect("a page").is_empty());
}

fn lists_tell_sizes_and_moments(test: &TestStore) {
    let first = record("ownership", "book", "1", r#"{"owner":"é😀"}"#);
    let second = record_in("", "ownership", "book", "2", Some(&first), r#"{"owner":"b"}"#);
    store_all(&test.store, &[first.clone(), second.clone()]);
    let listed = test.store.list_everything().expect("a list");
    assert_eq!(listed.iter().map(|l| l.size).collect::<Vec<_>>(), [18, 13], "in bytes");
    assert_eq!(listed.iter().map(|l| l.parent).collect::<Vec<_>>(), [None, Some(*first.digest())]);
    for listed in listed {
        let bytes = listed.stored_at.as_bytes();
        let form: String =
            bytes.iter().map(|byte| if byte.is_ascii_digit() { '0' } else { char::from(*byte) }).collect();
        assert_eq!(form, "0000-00-00T00:00:00Z", "{}", listed.stored_at);
    }
}
