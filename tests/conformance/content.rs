//! What is in a record comes back to the letter.

use super::on_every_engine;
use crate::support::stores::{Engine, TestStore, contents, record, record_in, store_all, whole};
use charter::record::{Kind, MAX_NAME, Record};

on_every_engine!([
    bodies_come_back_to_the_letter,
    large_bodies_come_back_to_the_letter,
    names_may_have_every_character_that_sql_fears,
    long_names_and_versions_are_found,
    unknown_kinds_are_kept_as_they_are,
]);

const BODIES: [&str; 20] = [
    "true",
    "false",
    "{}",
    r#"{"z":1,"a":2,"m":{"z":1,"a":[3,2,1]}}"#,
    r#"{"n":9007199254740993}"#,
    r#"{"n":9007199254740992}"#,
    r#"{"n":1.0}"#,
    r#"{"n":1}"#,
    r#"{"n":10e-1}"#,
    r#"{"n":1e400}"#,
    r#"{"n":-0.0}"#,
    r#"{"n":123456789012345678901234567890.123456789012345678901234567890}"#,
    r#"{"zero":"a\u0000b"}"#,
    r#"{"\u0000":"\u0000","title":"shown?"}"#,
    r#"{"text":"%u0000 \\u0000 \\\\u0000"}"#,
    r#"{"quotes":"'\"''\\","dollars":"$1 $$ ?1 :a @b"}"#,
    r#"{"é":"日本語 😀 \u001f \u007f"}"#,
    r#"{"line":"\n\r\t\b\f","slash":"a/b"}"#,
    r#"{"":""}"#,
    r#"{"nested":[[[[[[[[null,true,false,[],{}]]]]]]]]}"#,
];

fn bodies_come_back_to_the_letter(test: &TestStore) {
    let offered: Vec<Record> =
        (0..).zip(BODIES).map(|(number, body)| record("metadata", &format!("n{number:02}"), "1.0.0", body)).collect();
    store_all(&test.store, &offered);
    let found = contents(&test.store);
    assert_eq!(found, offered.iter().map(whole).collect::<Vec<_>>());
    for (found, given) in found.iter().zip(BODIES).take(12) {
        assert_eq!(found.2, given, "the spelling of members and numbers is kept");
    }
    let digest = |index: usize| found[index].3;
    assert_ne!(digest(4), digest(5), "two numbers that one double stands for");
}

fn large_bodies_come_back_to_the_letter(test: &TestStore) {
    let ascii = format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 20));
    let wide = format!(r#"{{"a":"{}"}}"#, "日".repeat(1 << 18));
    let members: Vec<String> = (0..20_000).map(|number| format!(r#""m{number}":{number}.50"#)).collect();
    let many = format!("{{{}}}", members.join(","));
    let deep = format!(r#"{}1{}"#, r#"{"a":["#.repeat(64), "]}".repeat(64));
    let offered: Vec<Record> = [ascii, wide, many, deep]
        .iter()
        .zip(["1.0.0", "2.0.0", "3.0.0", "4.0.0"])
        .map(|(body, version)| record("metadata", "large", version, body))
        .collect();
    store_all(&test.store, &offered);
    assert!(contents(&test.store) == offered.iter().map(whole).collect::<Vec<_>>());
}

fn names_may_have_every_character_that_sql_fears(test: &TestStore) {
    let names = [
        "'",
        "''; DROP TABLE charter_records; --",
        "\"",
        "a\"b",
        "%",
        "a%b",
        "_",
        "\\",
        "a\\b",
        "\\'",
        "$1",
        "?",
        "{}",
        "`",
        "😀",
        "👩\u{200d}👩\u{200d}👧",
        "a\u{200b}b",
        "\u{202e}abc",
        "ﷺ",
        "NULL",
        "owner@example.com",
        "a..b",
        "é",
    ];
    let offered: Vec<Record> =
        names.iter().map(|name| record_in(name, "metadata", name, "1.0.0-x.-", None, "{}")).collect();
    store_all(&test.store, &offered);
    for offered in &offered {
        let key = offered.key();
        let listed = test.store.list(&key.namespace, Some(&key.kind), Some(&key.name)).expect("a list");
        assert_eq!(listed.iter().map(|listed| &listed.key).collect::<Vec<_>>(), [key]);
        let latest = test.store.latest(&key.subject(), true).expect("an answer").expect("it is stored");
        assert_eq!(whole(&latest), whole(offered));
    }
    // Both spellings of é are one name.
    let name = "e\u{301}";
    test.store
        .in_namespace(offered[names.len() - 1].key().namespace.clone())
        .get_metadata(name, Some("1.0.0-x.-"))
        .expect(name);
}

fn long_names_and_versions_are_found(test: &TestStore) {
    let (long, wide) = ("n".repeat(MAX_NAME), "é".repeat(MAX_NAME / 2));
    let version = format!("18446744073709551615.0.0-{}", "9".repeat(200));
    let offered = [
        record_in(&long, "metadata", &long, &version, None, "{}"),
        record_in(&wide, "metadata", &wide, &version, None, "{}"),
    ];
    store_all(&test.store, &offered);
    for offered in &offered {
        let latest = test.store.latest(&offered.key().subject(), true).expect("an answer").expect("it is stored");
        assert_eq!(whole(&latest), whole(offered));
    }
}

fn unknown_kinds_are_kept_as_they_are(test: &TestStore) {
    let kind = "k".repeat(64);
    let first = record(&kind, "thing", "7", "{}");
    let second = record_in("", &kind, "thing", "8", Some(&first), "true");
    let semantic = record(&kind, "thing", "1.0.0-rc.1", "{}");
    let offered = [first, second, semantic];
    store_all(&test.store, &offered);
    assert_eq!(contents(&test.store), offered.iter().map(whole).collect::<Vec<_>>());
    let other = Engine::Memory.fresh();
    test.store.push(&other.store).expect("a push");
    assert_eq!(contents(&other.store), contents(&test.store));
    let kind: Kind = kind.parse().expect("a kind");
    assert_eq!(other.store.list(&Default::default(), Some(&kind), None).expect("a list").len(), 3);
}
