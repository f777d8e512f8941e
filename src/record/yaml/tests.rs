use super::*;
use crate::record::json::tests::any_value;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn json(text: &str) -> String {
    read(text).map_or_else(|error| panic!("{text}: {error:?}"), |value| value.to_json())
}

fn refusal(text: &str) -> (YamlErrorKind, (usize, usize)) {
    let error = read(text).expect_err(text);
    let position = error.position.expect("a position");
    (error.kind, (position.line, position.column))
}

fn message(text: &str) -> String {
    Error::from(read(text).expect_err(text)).to_string()
}

#[test]
fn ordinary_documents_are_read_exactly() {
    let text = "\u{feff}# a contract\r\nversion: 1.10\r\nid: 01067\nyes: no\n'n': \"a\\tb\"\ndate: 2024-01-15\nbig: 9007199254740993\n\
                list:\n- 1\n- - 2\n  - [3, {x: ~}]\ntext: |\n  two\n  lines\nfolded: >-\n  one\n  line\nempty:\n";
    assert_eq!(
        json(text),
        r#"{"version":1.10,"id":"01067","yes":"no","n":"a\tb","date":"2024-01-15","big":9007199254740993,"list":[1,[2,[3,{"x":null}]]],"text":"two\nlines\n","folded":"one line","empty":null}"#
    );
}

#[test]
fn names_of_members_are_texts() {
    assert_eq!(json("1.10: a\ntrue: b\n0x10: c\non: d"), r#"{"1.10":"a","true":"b","16":"c","on":"d"}"#);
    assert_eq!(json("? a\n: b"), r#"{"a":"b"}"#);
    assert_eq!(refusal("a: 1\n~: 2"), (YamlErrorKind::NullKey, (2, 1)));
    assert_eq!(refusal("? [a]\n: b"), (YamlErrorKind::KeyNotScalar("a sequence"), (1, 3)));
    assert_eq!(refusal("a: &a {b: c}\n*a : b"), (YamlErrorKind::KeyNotScalar("a mapping"), (2, 1)));
    assert_eq!(json("a: &a b\n*a : c"), r#"{"a":"b","b":"c"}"#);
}

#[test]
fn each_refusal_has_its_own_error_and_place() {
    let first = Position { line: 1, column: 1 };
    assert_eq!(refusal("a: 1\nb: 2\na: 3"), (YamlErrorKind::DuplicateKey { name: "a".to_owned(), first }, (3, 1)));
    assert_eq!(refusal("a: {b: 1, 'b': 2}").1, (1, 11));
    assert_eq!(refusal("a: .nan"), (YamlErrorKind::NotANumber(".nan".to_owned()), (1, 4)));
    assert_eq!(refusal("- -.inf"), (YamlErrorKind::NotANumber("-.inf".to_owned()), (1, 3)));
    assert_eq!(refusal("a: 1\n--- # more\nb: 2"), (YamlErrorKind::SeveralDocuments, (2, 1)));
    assert_eq!(refusal("a: 1\n---\n"), (YamlErrorKind::SeveralDocuments, (2, 1)));
    assert_eq!(refusal("a: &a [1, *a]"), (YamlErrorKind::RecursiveAlias, (1, 11)));
    assert_eq!(refusal("a: !python/object x").0, YamlErrorKind::UnknownTag("!python/object".to_owned()));
    assert_eq!(refusal("a: !!binary eA==").0, YamlErrorKind::UnknownTag("!!binary".to_owned()));
    assert_eq!(refusal("a: !!bool maybe").0, YamlErrorKind::TagMismatch { tag: "!!bool", found: "maybe".to_owned() });
    assert_eq!(refusal("a: !!str [b]").0, YamlErrorKind::TagMismatch { tag: "!!str", found: "a sequence".to_owned() });
    assert_eq!(refusal("a: \"x\u{0}y\""), (YamlErrorKind::ControlCharacter('\0'), (1, 6)));
    for empty in ["", "# nothing\n", "\u{feff}", "..."] {
        assert_eq!(refusal(empty).0, YamlErrorKind::Empty, "{empty:?}");
    }
    assert!(matches!(refusal("a: *b").0, YamlErrorKind::Syntax(_)));
    assert_eq!(refusal("a:\n\tb: 1").1.0, 2);
    assert!(matches!(refusal("a: [1, 2").0, YamlErrorKind::Syntax(_)));
}

#[test]
fn messages_are_for_people() {
    insta::assert_snapshot!(message("a: 1\na: 2"), @r#"line 2, column 1: the member "a" stands twice in one mapping, first at 1:1"#);
    insta::assert_snapshot!(message("a: .inf"), @"line 1, column 4: .inf is not a JSON number");
    insta::assert_snapshot!(message("a: 1\n---\nb: 1"), @"line 2, column 1: a second document begins here: one file holds one document");
    insta::assert_snapshot!(message("a: !color red"), @"line 1, column 4: the tag !color is not known; known are !!str, !!int, !!float, !!bool, !!null, !!seq and !!map");
    insta::assert_snapshot!(message("a: b: c"), @"line 1, column 5: mapping values are not allowed in this context");
    insta::assert_snapshot!(message("a: [1, 2\nb: 3"), @"line 2, column 2: illegal placement of ':' indicator");
}

#[test]
fn tags_are_honoured() {
    assert_eq!(
        json("[!!str 1, !!int '2', !!float 1, ! 3, !!null '', !<tag:yaml.org,2002:str> 4]"),
        r#"["1",2,1,"3",null,"4"]"#
    );
    assert_eq!(json("!!map {a: !!seq [!!bool 'true']}"), r#"{"a":[true]}"#);
}

#[test]
fn merge_keys_work_as_in_pyyaml() {
    let base = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\n";
    assert_eq!(
        json(&format!("{base}c:\n  y: 9\n  <<: *a\n")),
        r#"{"a":{"x":1,"y":2},"b":{"y":3,"z":4},"c":{"x":1,"y":9}}"#
    );
    assert!(json(&format!("{base}c: {{<<: [*a, *b]}}")).ends_with(r#""c":{"y":2,"z":4,"x":1}}"#));
    assert_eq!(json("'<<': 1"), r#"{"<<":1}"#);
    assert_eq!(refusal("<<: 1").0, YamlErrorKind::MergeNotMapping("number"));
    assert_eq!(refusal("<<: [{}, 1]").0, YamlErrorKind::MergeNotMapping("number"));
    assert!(matches!(refusal("{<<: {}, <<: {}}").0, YamlErrorKind::DuplicateKey { .. }));
}

#[test]
fn anchors_cannot_blow_up_memory() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let start = Instant::now();
    assert_eq!(refusal(&laughs).0, YamlErrorKind::TooMuchAliased);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());

    let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), "*a, ".repeat(80));
    assert_eq!(refusal(&long).0, YamlErrorKind::TooMuchAliased);

    // Every level of nesting would keep a copy of everything inside of it.
    let nested = format!("{}{}{}", "&a [".repeat(100), "1,".repeat(100_000), "]".repeat(100));
    assert_eq!(refusal(&nested).0, YamlErrorKind::TooMuchAliased);
}

#[test]
fn nesting_is_bounded_at_128_also_through_aliases() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(128)).is_ok());
    assert_eq!(refusal(&nested(129)), (YamlErrorKind::TooDeep, (1, 129)));
    assert_eq!(refusal(&"[".repeat(1_000_000)).0, YamlErrorKind::TooDeep);
    let block: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(refusal(&block).0, YamlErrorKind::TooDeep);
    assert_eq!(refusal(&"- ".repeat(100_000)).0, YamlErrorKind::TooDeep);
    let aliased = format!("a: &a {}\nb: {}*a{}", nested(100), "[".repeat(40), "]".repeat(40));
    assert_eq!(refusal(&aliased).0, YamlErrorKind::TooDeep);
}

#[test]
fn a_pointer_leads_to_its_line_and_column() {
    let text = "é: &e\n  x: 1\nlist:\n  - 10\n  - {c: true}\nalias: *e\nmerged:\n  own: 2\n  <<: *e\n";
    let at = |pointer: &[&str]| locate(text, pointer).map(|position| (position.line, position.column));
    assert_eq!(at(&[]), Some((1, 1)));
    assert_eq!(at(&["é", "x"]), Some((2, 6)));
    assert_eq!(at(&["list", "0"]), Some((4, 5)));
    assert_eq!(at(&["list", "1", "c"]), Some((5, 9)));
    assert_eq!(at(&["alias", "x"]), Some((6, 8)));
    assert_eq!(at(&["merged", "own"]), Some((8, 8)));
    assert_eq!(at(&["merged", "x"]), Some((9, 7)));
    assert_eq!(at(&["merged", "z"]), None);
    assert_eq!(at(&["list", "2"]), None);
    assert_eq!(locate("\u{feff}a: 1", &["a"]).map(|position| position.column), Some(4));
}

#[test]
fn what_is_written_is_for_people() {
    let value = json::read(
        r#"{"name":"user","version":"1.10","number":1.10,"large":1e400,"code":"01067","answer":"no","on":"off","date":"2024-01-15",
        "time":"12:30","text":"two\nlines\n","open":"two\nlines","colon":"a: b","hash":"a #b","dash":"- a","tilde":"~","empty":"",
        "null":null,"tab":"a\tb","unicode":"é\u0085","objects":[{"a":1,"b":[]},[1,[2]],{}],"=":"<<"}"#,
    )
    .expect("JSON");
    insta::assert_snapshot!(write(&value), @r#"
    name: user
    version: "1.10"
    number: 1.10
    large: !!float 1e400
    code: "01067"
    answer: "no"
    "on": "off"
    date: "2024-01-15"
    time: "12:30"
    text: |
      two
      lines
    open: |-
      two
      lines
    colon: "a: b"
    hash: "a #b"
    dash: "- a"
    tilde: "~"
    empty: ""
    "null": null
    tab: "a\tb"
    unicode: "é\u0085"
    objects:
      - a: 1
        b: []
      - - 1
        - - 2
      - {}
    "=": "<<"
    "#);
}

proptest! {
    #[test]
    fn what_is_written_reads_back_with_the_same_literals(value in any_value()) {
        let text = write(&value);
        prop_assert_eq!(read(&text).map(|value| value.to_json()), Ok(value.to_json()), "{}", text);
    }

    #[test]
    fn strings_of_yaml_syntax_read_back(string in r#"[-?:,\[\]{}#&*!|>'"%@` \n\t~=<.0-9a-fxnoyNeE+_\\]{0,12}"#) {
        let value = Value::from(string.as_str());
        for value in [value.clone(), vec![value.clone()].into(), Object::from_iter([(string, value)]).into()] {
            let text = write(&value);
            prop_assert_eq!(read(&text), Ok(value), "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in r#"[-?:,\[\]{}#&*!|>'"%@` \n\t\r~<.0-9a-c\\]{0,40}|\PC{0,40}|(.|\n){0,30}"#) {
        if let Ok(value) = read(&text) {
            let json = value.to_json();
            prop_assert_eq!(json::read(&json).map(|value| value.to_json()), Ok(json));
        }
    }

    /// JSON is YAML, but for escapes that YAML lacks and numbers that both refuse.
    #[test]
    fn json_text_is_read_as_yaml(value in any_value()) {
        let text = value.to_json_pretty();
        prop_assume!(!text.contains('\u{7f}') && text.chars().all(|character| !character.is_control() || character == '\n'));
        prop_assert_eq!(read(&text).map(|value| value.to_json()), Ok(value.to_json()), "{}", text);
    }
}
