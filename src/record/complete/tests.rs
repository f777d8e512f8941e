use super::*;
use crate::record::json::tests::any_value;
use crate::record::{SemanticVersion, read_json};
use proptest::prelude::*;

fn value(text: &str) -> Value {
    read_json(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn version() -> Version {
    SemanticVersion::new(1, 2, 0).into()
}

fn completed(schema: &str, coercion: &str, validation: &str) -> Value {
    let body = |text: &str| (!text.is_empty()).then(|| value(text));
    complete_schema(&value(schema), &version(), body(coercion).as_ref(), body(validation).as_ref())
        .unwrap_or_else(|error| panic!("{error:?}"))
}

fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    let tokens: Vec<&str> = path.split(' ').collect();
    value.at(&tokens).unwrap_or_else(|| panic!("nothing at {path} of {}", value.to_json_pretty()))
}

fn refusal(schema: &str, coercion: &str, validation: &str) -> String {
    let body = |text: &str| (!text.is_empty()).then(|| value(text));
    let (coercion, validation) = (body(coercion), body(validation));
    let error = complete_schema(&value(schema), &version(), coercion.as_ref(), validation.as_ref()).expect_err(schema);
    if let Ok(()) = check_rules(&value(schema), coercion.as_ref(), validation.as_ref()) {
        panic!("only the merge refuses: {error}");
    }
    error.to_string()
}

#[test]
fn stored_rules_win_over_inline_ones_by_name() {
    let schema = r#"{"properties": {"a": {"type": "string", "coercion": "old",
        "validations": {"min": {"threshold": 1}, "max": {"threshold": 9}}}, "b": {"type": "string"}}}"#;
    for validation in [
        r#"{"a": {"min": {"threshold": 2}, "new": null}, "b": {"min": {"threshold": 3}}}"#,
        r#"{"version": "1.0.0", "description": "d", "rules": {"a": {"min": {"threshold": 2}, "new": null}, "b": {"min": {"threshold": 3}}}}"#,
    ] {
        let complete = completed(schema, r#"{"a": "coerce_to_string"}"#, validation);
        assert_eq!(
            complete.to_json(),
            r#"{"properties":{"a":{"type":"string","coercion":"coerce_to_string","validations":{"min":{"threshold":2},"max":{"threshold":9},"new":null}},"b":{"type":"string","validations":{"min":{"threshold":3}}}},"version":"1.2.0"}"#
        );
    }
}

#[test]
fn fields_called_like_the_members_of_the_other_shape_are_fields() {
    let schema = r#"{"properties": {"version": {}, "description": {}, "rules": {}}}"#;
    let complete = completed(
        schema,
        r#"{"version": "coerce_to_string", "description": "x", "rules": "y"}"#,
        r#"{"rules": {"min": {}}, "version": {"min": {}}}"#,
    );
    for name in ["version", "description", "rules"] {
        assert!(at(&complete, &format!("properties {name}")).get("coercion").is_some(), "{name}");
    }
    assert!(at(&complete, "properties rules").get("validations").is_some());
    // A version beside the rules of the bare map is the version of the body.
    completed(r#"{"properties": {"a": {}}}"#, r#"{"version": "1.0.0", "a": "x"}"#, r#"{"version": 1.0, "a": {}}"#);
}

#[test]
fn rules_reach_any_depth() {
    let schema = r#"{"properties": {
        "author": {"properties": {"address": {"properties": {"city": {"type": "string"}}}}},
        "tags": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "orders": {"items": {"properties": {"lines": {"items": {"properties": {"sku": true}}}}}},
        "pair": {"prefixItems": [{"type": "string"}, {"type": "number"}]},
        "tuple": {"items": [{}, false]},
        "a.b": {"type": "string"},
        "list[]": {"type": "string"},
        "a": {"properties": {"b": {}, "c.d": {"properties": {"e": {}}}}},
        "list": {"items": {}}
    }}"#;
    let complete = completed(
        schema,
        r#"{"author.address.city": "c", "tags[]": "c", "orders[].lines[].sku": "c", "pair[]": "c", "tuple[]": "c",
            "a.b": "c", "list[]": "c", "a.c.d.e": "c"}"#,
        "",
    );
    for path in [
        "author properties address properties city",
        "tags anyOf 0 items",
        "orders items properties lines items properties sku",
        "pair prefixItems 0",
        "pair prefixItems 1",
        "tuple items 0",
        "tuple items 1",
        "a.b",
        "list[]",
        "a properties c.d properties e",
    ] {
        assert!(at(&complete, &format!("properties {path}")).get("coercion").is_some(), "{path}");
    }
    assert!(at(&complete, "properties a properties b").get("coercion").is_none());
    assert!(at(&complete, "properties list items").get("coercion").is_none());
    assert_eq!(at(&complete, "properties tuple items 1").to_json(), r#"{"not":{},"coercion":"c"}"#);
    let root = completed(r#"{"items": {"properties": {"sku": {}}}}"#, r#"{"[].sku": "c"}"#, "");
    assert!(at(&root, "items properties sku").get("coercion").is_some());
}

#[test]
fn rules_reach_every_branch_of_combined_schemas() {
    let schema = r#"{"allOf": [{"properties": {"a": {}}}], "anyOf": [{"properties": {"a": {}, "b": {}}}, {"properties": {"b": {}}}],
        "if": {"properties": {"b": {"const": 1}}}, "then": {"properties": {"b": {}, "c": {}}}}"#;
    let complete = completed(schema, r#"{"a": "x", "b": "y", "c": "z"}"#, "");
    for path in [
        "allOf 0 properties a",
        "anyOf 0 properties a",
        "anyOf 0 properties b",
        "anyOf 1 properties b",
        "then properties b",
        "then properties c",
    ] {
        assert!(at(&complete, path).get("coercion").is_some(), "{path}");
    }
    assert_eq!(at(&complete, "if properties b").to_json(), r#"{"const":1}"#);
}

#[test]
fn a_rule_behind_a_reference_is_for_that_use_alone() {
    let schema = r##"{"properties": {
        "billing": {"$ref": "#/$defs/address", "description": "where the bill goes"},
        "shipping": {"$ref": "#/$defs/address"}, "other": {"$ref": "#/$defs/address", "minProperties": 1}},
        "$defs": {"address": {"$anchor": "address", "type": "object", "properties": {"city": {"type": "string"}}}}}"##;
    let complete = completed(schema, r#"{"billing.city": "c", "other.city": "c"}"#, "");
    assert_eq!(
        at(&complete, "properties billing").to_json(),
        r#"{"description":"where the bill goes","type":"object","properties":{"city":{"type":"string","coercion":"c"}}}"#
    );
    assert_eq!(at(&complete, "properties shipping"), at(&value(schema), "properties shipping"));
    assert_eq!(at(&complete, "$defs"), at(&value(schema), "$defs"));
    assert_eq!(
        at(&complete, "properties other").to_json(),
        r#"{"minProperties":1,"allOf":[{"type":"object","properties":{"city":{"type":"string","coercion":"c"}}}]}"#
    );
    // A rule for the reference itself stands beside it.
    let beside = completed(schema, r#"{"shipping": "c"}"#, "");
    assert_eq!(at(&beside, "properties shipping").to_json(), r##"{"$ref":"#/$defs/address","coercion":"c"}"##);
}

#[test]
fn references_are_found_by_pointer_anchor_and_identity() {
    let schema = |reference: &str| {
        format!(
            r#"{{"$id": "https://example.com/root", "properties": {{"a": {{"$ref": "{reference}"}}}},
            "$defs": {{"x y/z": {{"$anchor": "here", "properties": {{"b": {{}}}}}}}}}}"#
        )
    };
    for reference in ["#/$defs/x%20y~1z", "#here", "https://example.com/root#/$defs/x%20y~1z"] {
        let complete = completed(&schema(reference), r#"{"a.b": "c"}"#, "");
        assert!(at(&complete, "properties a properties b").get("coercion").is_some(), "{reference}");
    }
    for reference in ["#/$defs/none", "other.json#/a", "#/$defs/%zz", "#none"] {
        assert!(refusal(&schema(reference), r#"{"a.b": "c"}"#, "").contains("`a` has no property `b`"), "{reference}");
    }
    let own = r##"{"properties": {"a": {"$ref": "part"}}, "$defs": {"p": {"$id": "part", "properties": {"b": {}}}}}"##;
    let error =
        complete_schema(&value(own), &version(), Some(&value(r#"{"a.b": "c"}"#)), None).expect_err("an identity");
    assert!(error.to_string().contains("an identity of its own"), "{error}");
}

#[test]
fn up_to_draft_07_nothing_beside_a_reference_counts() {
    let schema = r##"{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/Root",
        "definitions": {"Root": {"properties": {"a": {"$ref": "#/definitions/A", "type": "string", "title": "kept"}}},
        "A": {"type": "object", "properties": {"b": {}}}}}"##;
    let complete = completed(schema, r#"{"a.b": "c"}"#, "");
    assert_eq!(
        at(&complete, "properties a").to_json(),
        r#"{"title":"kept","type":"object","properties":{"b":{"coercion":"c"}}}"#
    );
    assert_eq!(at(&complete, "definitions"), at(&value(schema), "definitions"));
}

#[test]
fn recursive_schemas_are_copied_as_far_as_the_path_goes() {
    let schema = r##"{"properties": {"name": {}, "children": {"items": {"$ref": "#"}}}}"##;
    let complete = completed(schema, r#"{"children[].children[].name": "c"}"#, "");
    let inner = "properties children items properties children items properties name";
    assert!(at(&complete, inner).get("coercion").is_some());
    assert!(at(&complete, "properties name").get("coercion").is_none());
    assert!(at(&complete, "properties children items properties name").get("coercion").is_none());

    let chain = r##"{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"properties": {"x": {}}}]}}}"##;
    assert!(at(&completed(chain, r#"{"x": "c"}"#, ""), "anyOf 0 properties x").get("coercion").is_some());
    // What includes itself is no way to anything.
    let endless = r##"{"$ref": "#/$defs/a", "properties": {"x": {}}, "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"properties": {"y": {}}}]}}}"##;
    assert!(at(&completed(endless, r#"{"x": "c"}"#, ""), "properties x").get("coercion").is_some());
    refusal(endless, r#"{"y": "c"}"#, "");
    refusal(r##"{"$ref": "#"}"##, r#"{"y": "c"}"#, "");
}

#[test]
fn copies_are_bounded() {
    let branches = [r##"{"$ref": "#"}"##; 10].join(",");
    let schema = format!(r#"{{"properties": {{"n": {{"anyOf": [{branches}]}}, "x": {{}}}}}}"#);
    let path = format!("{}x", "n.".repeat(40));
    let rules = format!(r#"{{"{path}": "c"}}"#);
    let error = complete_schema(&value(&schema), &version(), Some(&value(&rules)), None).expect_err("too much");
    assert!(error.to_string().contains("would"), "{error}");
    let long = format!(r#"{{"{}x": "c"}}"#, "n.".repeat(200));
    assert!(refusal(&schema, &long, "").contains("more than 128 parts"));
}

#[test]
fn a_path_that_does_not_exist_is_explained() {
    let schema = r#"{"properties": {"isbn": {}, "author": {"properties": {"address": {"properties": {"city": {}}}}},
        "orders": {"type": "array", "items": {"properties": {"sku": {}}}}}}"#;
    insta::assert_snapshot!(refusal(schema, r#"{"author.adress.city": "coerce_to_string"}"#, ""), @"/author.adress.city: the coercion rule `coerce_to_string` for `author.adress.city` leads nowhere: `author` has no property `adress`; did you mean `address`?");
    insta::assert_snapshot!(refusal(schema, "", r#"{"isbm": {"min_length": {"threshold": 1}, "max_length": {}}}"#), @"/isbm: the validation rule `min_length`, `max_length` for `isbm` leads nowhere: the schema has no property `isbm`; did you mean `isbn`?");
    insta::assert_snapshot!(refusal(schema, r#"{"price": "coerce_to_float"}"#, ""), @"/price: the coercion rule `coerce_to_float` for `price` leads nowhere: the schema has no property `price`; it has `author`, `isbn`, `orders`");
    insta::assert_snapshot!(refusal(schema, r#"{"orders.sku": "x"}"#, ""), @"/orders.sku: the coercion rule `x` for `orders.sku` leads nowhere: `orders` is an array without a property `sku`; its items are written `orders[].sku`");
    insta::assert_snapshot!(refusal(schema, r#"{"isbn[]": "x"}"#, ""), @"/isbn[]: the coercion rule `x` for `isbn[]` leads nowhere: `isbn` has no items");
    insta::assert_snapshot!(refusal(schema, r#"{"isbn.x": "x"}"#, ""), @"/isbn.x: the coercion rule `x` for `isbn.x` leads nowhere: `isbn` has no property `x`; it has no properties");
    insta::assert_snapshot!(refusal(schema, r#"{"": "x"}"#, ""), @"/: the coercion rule `x` for `` leads nowhere: its path is empty");
    for path in ["isbn[", "isbn]", "orders[0]", "isbn[x].y"] {
        let text = refusal(schema, &format!(r#"{{"{path}": "x"}}"#), "");
        assert!(text.contains("a bracket stands alone") && !text.contains("did you mean"), "{text}");
    }
    for path in ["author..address", ".isbn", "author.", "."] {
        let text = refusal(schema, &format!(r#"{{"{path}": "x"}}"#), "");
        assert!(text.contains("a `.` without a name on both sides"), "{text}");
    }
    assert!(refusal(schema, r#"{"orders[]sku": "x"}"#, "").contains("as in `orders[].sku`"));
    insta::assert_snapshot!(refusal("true", r#"{"a": "x"}"#, ""), @"/a: the coercion rule `x` for `a` leads nowhere: the schema is a boolean and has no properties");
    insta::assert_snapshot!(refusal(schema, r#"{"isbn": {"min_length": 1}}"#, ""), @r#"/isbn: a coercion rule is the name of a coercion, as in "coerce_to_string", not {"min_length":1}"#);
    insta::assert_snapshot!(refusal(schema, "", r#"{"isbn": "coerce_to_string"}"#), @r#"/isbn: a validation rule is an object of checks, as in {"min_length": {"threshold": 1}}, not "coerce_to_string""#);
}

#[test]
fn what_cannot_be_merged_is_refused_when_rules_are_checked() {
    let rules = r#"{"a": "x"}"#;
    let checks = r#"{"a": {"min": null}}"#;
    let schema = |inline: &str| format!(r#"{{"properties": {{"a": {{{inline}}}, "b": {{"validations": [1]}}}}}}"#);
    for (inline, coercion, validation, reason) in [
        (
            r#""validations": [1]"#,
            "",
            checks,
            "/a: the `validations` of `a` in the schema must be an object of checks, not [1]",
        ),
        (
            r#""coercion": {"n": 1}"#,
            rules,
            "",
            "/a: the `coercion` of `a` in the schema must be the name of a coercion, not {\"n\":1}",
        ),
    ] {
        // `refusal` fails where only the merge refuses.
        assert_eq!(refusal(&schema(inline), coercion, validation), reason);
    }
    // What `b` has is not touched.
    completed(&schema(r#""coercion": null, "validations": null"#), rules, checks);
}

#[test]
fn a_boolean_schema_stays_itself_without_rules() {
    assert_eq!(completed("true", "", ""), Value::Bool(true));
    assert_eq!(completed("false", "{}", r#"{"rules": {}, "version": "1"}"#), Value::Bool(false));
}

#[test]
fn the_version_is_the_schemas() {
    assert_eq!(completed("{}", "", "").to_json(), r#"{"version":"1.2.0"}"#);
    assert_eq!(completed(r#"{"version": 1.2}"#, "", "").to_json(), r#"{"version":1.2}"#);
}

fn any_schema() -> impl Strategy<Value = Value> {
    let reference = "#(/[$]defs/[ab])?|#/properties/[ab]".prop_map(Value::from);
    let leaf = prop_oneof![
        Just(Value::Object(Object::new())),
        Just(Value::Bool(true)),
        reference.prop_map(|reference| Object::from_iter([("$ref".to_owned(), reference)]).into()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let named = || {
            proptest::collection::vec(("[ab]", inner.clone()), 0..3)
                .prop_map(|named| Value::Object(named.into_iter().collect()))
        };
        let list = proptest::collection::vec(inner.clone(), 1..3).prop_map(Value::Array);
        let member = prop_oneof![
            named().prop_map(|named| ("properties".to_owned(), named)),
            named().prop_map(|named| ("$defs".to_owned(), named)),
            list.clone().prop_map(|list| ("anyOf".to_owned(), list)),
            list.prop_map(|list| ("allOf".to_owned(), list)),
            inner.prop_map(|schema| ("items".to_owned(), schema)),
            "#(/[$]defs/[ab])?".prop_map(|reference| ("$ref".to_owned(), reference.into())),
            Just(("minLength".to_owned(), Value::from(1))),
        ];
        proptest::collection::vec(member, 0..4).prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

fn any_rules() -> impl Strategy<Value = (Value, Value)> {
    let path = || "([ab]|\\[\\])([.][ab]|\\[\\]){0,3}";
    let coercion = proptest::collection::vec((path(), "[xy]".prop_map(Value::from)), 0..4);
    let checks = proptest::collection::vec(("[mn]", any_value()), 0..3);
    let validation = proptest::collection::vec((path(), checks), 0..4);
    (coercion, validation).prop_map(|(coercion, validation)| {
        let validation = validation.into_iter().map(|(path, checks)| (path, Object::from_iter(checks).into()));
        (Object::from_iter(coercion).into(), Object::from_iter(validation).into())
    })
}

proptest! {
    #[test]
    fn without_rules_a_schema_only_gets_its_version(schema in any_value()) {
        let empty = Value::Object(Object::new());
        let mut complete = complete_schema(&schema, &version(), Some(&empty), None).expect("no rules");
        if let (Value::Object(complete), Value::Object(schema)) = (&mut complete, &schema)
            && !schema.contains("version")
        {
            prop_assert_eq!(complete.remove("version"), Some("1.2.0".into()));
        }
        prop_assert_eq!(complete.to_json(), schema.to_json());
    }

    #[test]
    fn merging_again_changes_nothing(schema in any_schema(), (coercion, validation) in any_rules()) {
        if let Ok(once) = complete_schema(&schema, &version(), Some(&coercion), Some(&validation)) {
            let twice = complete_schema(&once, &version(), Some(&coercion), Some(&validation));
            prop_assert_eq!(twice.map(|twice| twice.to_json()).ok(), Some(once.to_json()));
        }
    }

    /// What the merge accepts is what the check accepts, and every rule is somewhere in the result.
    #[test]
    fn no_rule_is_dropped(schema in any_schema(), name in "[ab]([.][ab]|\\[\\]){0,2}") {
        let rules = Value::Object(Object::from_iter([(name, Value::from("the only coercion"))]));
        if let Ok(complete) = complete_schema(&schema, &version(), Some(&rules), None) {
            prop_assert!(check_rules(&schema, Some(&rules), None).is_ok());
            prop_assert!(complete.to_json().contains("the only coercion"));
        }
    }
}
