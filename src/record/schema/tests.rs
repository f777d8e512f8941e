use super::*;
use crate::record::{Problems, read_json};
use std::error::Error as _;

fn problems(schema: &str) -> String {
    let error = check_schema(&read_json(schema).expect(schema)).expect_err(schema);
    let source = error.source().and_then(|source| source.downcast_ref::<Problems>());
    source.expect("problems").to_string()
}

fn accepted(schema: &str) -> SchemaCheck {
    check_schema(&read_json(schema).expect(schema)).unwrap_or_else(|error| panic!("{schema}: {error:?}"))
}

const DIALECTS: [(&str, Dialect); 5] = [
    ("json-schema.org/draft-04/schema", Dialect::Draft4),
    ("json-schema.org/draft-06/schema", Dialect::Draft6),
    ("json-schema.org/draft-07/schema", Dialect::Draft7),
    ("json-schema.org/draft/2019-09/schema", Dialect::Draft201909),
    ("json-schema.org/draft/2020-12/schema", Dialect::Draft202012),
];

#[test]
fn every_dialect_refuses_an_unknown_type_wherever_it_stands() {
    for (uri, dialect) in DIALECTS {
        for uri in [format!("http://{uri}"), format!("https://{uri}#"), format!("http://{uri}#")] {
            let nested = r#""properties": {"a": {"items": {"type": "objectx"}}}"#;
            let text = problems(&format!(r#"{{"$schema": "{uri}", {nested}}}"#));
            assert!(text.starts_with("/properties/a/items/type: \"objectx\" is not allowed here"), "{uri}: {text}");
            assert_eq!(accepted(&format!(r#"{{"$schema": "{uri}", "type": "object"}}"#)).dialect, dialect);
        }
    }
    assert_eq!(accepted("{}").dialect, Dialect::Draft202012);
    assert_eq!(accepted("true").dialect, Dialect::Draft202012);
}

#[test]
fn problems_say_what_is_allowed() {
    insta::assert_snapshot!(problems(r#"{"type": "objectx"}"#), @r#"/type: "objectx" is not allowed here; it must be one of "array", "boolean", "integer", "null", "number", "object", "string", or an array"#);
    insta::assert_snapshot!(problems(r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "objectx"}"#), @r#"/type: "objectx" is not allowed here; it must be one of "array", "boolean", "integer", "null", "number", "object", "string", or an array"#);
    insta::assert_snapshot!(problems(r#"{"type": ["string", "strnig"], "minLength": -1, "required": ["a", "a"], "properties": []}"#), @r#"
    /properties: [] is not allowed here; it must be an object
    /minLength: -1 is not allowed here; it must be at least 0
    /required: ["a","a"] has an element twice
    /type/1: "strnig" is not allowed here; it must be one of "array", "boolean", "integer", "null", "number", "object", "string"
    "#);
    insta::assert_snapshot!(problems(r#"{"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": true, "multipleOf": 0, "enum": []}"#), @r#"
    /multipleOf: 0 is not allowed here; it must be above 0
    `minimum` is missing
    /enum: [] is not allowed here; it must be at least 1 long
    "#);
    insta::assert_snapshot!(problems(r#"{"properties": {"a/b": {"pattern": "["}}, "patternProperties": {"(": {}}}"#), @r#"
    /patternProperties/(: "(" is no ECMA-262 regular expression: Unbalanced parenthesis
    /properties/a~1b/pattern: "[" is no ECMA-262 regular expression: Unbalanced bracket
    "#);
    insta::assert_snapshot!(problems(r#"{"$schema": 7}"#), @"/$schema: 7 is not allowed here; it must be the URI of a dialect");
    insta::assert_snapshot!(problems("[]"), @"a schema must be an object or a boolean, not []");
}

#[test]
fn an_array_of_items_is_advised_about() {
    for text in [r#"{"items": [{}]}"#, r#"{"minLength": -1, "properties": {"items": {"items": [{}]}}}"#] {
        let error = check_schema(&read_json(text).expect(text)).expect_err(text);
        assert!(error.hint().is_some_and(|hint| hint.contains("`prefixItems`")), "{error:?}");
    }
    let error = check_schema(&read_json(r#"{"properties": {"items": []}}"#).expect("JSON")).expect_err("no schema");
    assert_eq!(error.hint(), None);
    accepted(r#"{"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}]}"#);
}

#[test]
fn a_repeated_type_is_said_so() {
    let text = problems(r#"{"type": ["string", "string"]}"#);
    assert!(text.ends_with("or an array without repeated elements"), "{text}");
}

#[test]
fn draft_04_wants_different_elements_in_an_enum() {
    let enumeration = |draft: &str, elements: &str| {
        format!(r#"{{"$schema": "http://json-schema.org/draft-{draft}/schema#", "items": {{"enum": {elements}}}}}"#)
    };
    let empty = problems(&enumeration("04", "[]"));
    assert_eq!(empty, "/items/enum: [] is not allowed here; it must be at least 1 long");
    assert_eq!(problems(&enumeration("04", "[1, 1.0]")), "/items/enum: [1,1.0] has an element twice");
    accepted(&enumeration("04", "[1, \"1\", [1], null]"));
    for draft in ["06", "07"] {
        accepted(&enumeration(draft, "[]"));
        accepted(&enumeration(draft, "[1, 1]"));
    }
}

#[test]
fn many_problems_are_counted() {
    let properties: Vec<String> = (0..30).map(|index| format!(r#""p{index}": {{"type": 1}}"#)).collect();
    let text = problems(&format!(r#"{{"properties": {{{}}}}}"#, properties.join(", ")));
    assert_eq!(text.lines().count(), 11);
    assert!(text.ends_with("and 20 more"), "{text}");
}

#[test]
fn an_unknown_dialect_is_a_warning() {
    let check = accepted(r#"{"$schema": "http://json-schema.org/draft-03/schema#", "type": "anything"}"#);
    assert!(matches!(check.dialect, Dialect::Other(_)));
    assert_eq!(check.warnings.len(), 1);
    assert_eq!(check.warnings[0].pointer, ["$schema"]);
}

#[test]
fn only_schema_positions_have_keywords() {
    accepted(r#"{"properties": {"pattern": {"type": "string"}, "type": {"enum": ["("]}}}"#);
    accepted(
        r#"{"enum": [{"pattern": "("}], "const": {"pattern": "("}, "default": {"pattern": "("}, "examples": [{"pattern": "("}]}"#,
    );
    accepted(r#"{"x-note": {"pattern": "("}}"#);
    for schema in [
        r#"{"$defs": {"a": {"pattern": "("}}}"#,
        r#"{"allOf": [{"not": {"pattern": "("}}]}"#,
        r#"{"prefixItems": [{"pattern": "("}]}"#,
        r#"{"additionalProperties": {"if": {"pattern": "("}}}"#,
        r#"{"properties": {"pattern": {"pattern": "("}}}"#,
        r#"{"dependentSchemas": {"a": {"pattern": "("}}}"#,
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": {"pattern": "("}, "b": ["c"]}}"#,
    ] {
        assert!(problems(schema).contains("/pattern: \"(\" is no ECMA-262 regular expression"), "{schema}");
    }
}

#[test]
fn patterns_are_of_ecma_262_with_or_without_the_unicode_flag() {
    for pattern in [
        r"^\\p{L}+$",
        r"(?<=a)b",
        r"\\-",
        r"[\\w-.]",
        r"^(?!x).*$",
        r"\\d{2,4}",
        r"(?<year>\\d)\\k<year>",
        "{",
        r"\\cA",
    ] {
        accepted(&format!(r#"{{"pattern": "{pattern}"}}"#));
    }
    for pattern in ["(", "*", "[z-a]", "a{2,1}", "(?P<a>x)", "(?#note)"] {
        assert!(problems(&format!(r#"{{"pattern": "{pattern}"}}"#)).contains("ECMA-262"), "{pattern}");
    }
}

#[test]
fn exact_numbers_do_not_make_a_valid_schema_invalid() {
    for (uri, _) in DIALECTS {
        accepted(&format!(
            r#"{{"$schema": "http://{uri}#", "maximum": 1e400, "minimum": -1e400, "multipleOf": 1e-400, "maxLength": 1e30,
            "enum": [1e400, 1e401, 9007199254740993.5, 9007199254740993.25, [0.1000000000000000000001, 0.1]], "default": 1e999}}"#
        ));
    }
    assert!(problems(r#"{"required": [1e400]}"#).starts_with("/required/0: 1e400 is not allowed here"));
    assert!(problems(r#"{"multipleOf": -1e-400}"#).starts_with("/multipleOf: "));
}

#[test]
fn references_may_be_any_text() {
    accepted(
        r##"{"$schema": "http://json-schema.org/draft-07/schema#", "items": {"$ref": "#/definitions/two words"}}"##,
    );
}
