//! Schemas against their meta-schemas.

use super::dialect::Dialect;
use crate::record::number::Number;
use crate::record::problem::{Problem, shown};
use crate::record::value::Value;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{ValidationError, Validator};
use std::collections::HashSet;
use std::sync::OnceLock;

/// What a schema has that its meta-schema forbids. Formats are annotations: a `$ref` may be any text.
///
/// A meta-schema is compiled when it is first needed.
pub(super) fn violations(schema: &Value, dialect: &Dialect) -> Vec<Problem> {
    const DRAFT_4: &str = "http://json-schema.org/draft-04/schema#";
    const DRAFT_6: &str = "http://json-schema.org/draft-06/schema#";
    const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";
    static COMPILED: [OnceLock<Option<Validator>>; 3] = [const { OnceLock::new() }; 3];
    let older = |slot: usize, uri| {
        let compiled = COMPILED[slot].get_or_init(|| without_formats(uri));
        match compiled {
            Some(validator) => violations_by(validator, schema),
            None => vec![Problem::of_whole(format!("the meta-schema {uri} cannot be compiled"))],
        }
    };
    match dialect {
        Dialect::Draft4 => older(0, DRAFT_4),
        Dialect::Draft6 => older(1, DRAFT_6),
        Dialect::Draft7 => older(2, DRAFT_7),
        // The library's own validators of these take formats for annotations.
        Dialect::Draft201909 => violations_by(&jsonschema::draft201909::meta::validator(), schema),
        Dialect::Draft202012 => violations_by(&jsonschema::draft202012::meta::validator(), schema),
        Dialect::Other(_) => Vec::new(),
    }
}

fn without_formats(uri: &str) -> Option<Validator> {
    let schema = serde_json::json!({ "$schema": uri, "$ref": uri });
    jsonschema::options().offline().should_validate_formats(false).build(&schema).ok()
}

fn violations_by(validator: &Validator, schema: &Value) -> Vec<Problem> {
    let instance = to_meta(schema, false);
    if validator.is_valid(&instance) {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let problems = validator.iter_errors(&instance).map(|error| explain(schema, &error));
    problems.filter(|problem| seen.insert((problem.pointer.clone(), problem.message.clone()))).collect()
}

/// A schema as the validator takes it. Numbers that no double holds stay numbers of the same sign and size, since a
/// limit of 1e400 is a valid one; among the values of an `enum` they become strings, since those must stay different.
fn to_meta(value: &Value, in_enum: bool) -> serde_json::Value {
    match value {
        Value::Number(number) => number_to_meta(number, in_enum),
        Value::Array(elements) => elements.iter().map(|element| to_meta(element, in_enum)).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| {
                let in_enum = in_enum || (name == "enum" && matches!(value, Value::Array(_)));
                (name.to_owned(), to_meta(value, in_enum))
            })
            .collect(),
        other => other.to_serde(),
    }
}

fn number_to_meta(number: &Number, in_enum: bool) -> serde_json::Value {
    let literal = number.canonical();
    if let Ok(integer) = literal.parse::<i64>() {
        return integer.into();
    }
    if let Ok(integer) = literal.parse::<u64>() {
        return integer.into();
    }
    let double: f64 = literal.parse().unwrap_or_default();
    if in_enum && Number::parse(&format!("{double:e}")).as_ref() != Some(number) {
        return literal.into();
    }
    let (smallest, largest) = (f64::MIN_POSITIVE.copysign(double), f64::MAX.copysign(double));
    let held = match double {
        double if double.is_infinite() => largest,
        // Only zero itself has the canonical form 0, and that is an integer.
        0.0 => smallest,
        double => double,
    };
    held.into()
}

/// One violation for people: where, what was found, what is allowed.
fn explain(schema: &Value, error: &ValidationError<'_>) -> Problem {
    if let Some(inner) = deeper(error) {
        return explain(schema, inner);
    }
    let pointer: Vec<String> = error.instance_path().segments().map(|segment| token(&segment)).collect();
    let found = schema.at(&pointer).map(shown).unwrap_or_default();
    let message = match error.kind() {
        ValidationErrorKind::UniqueItems => format!("{found} has an element twice"),
        ValidationErrorKind::Required { property } => format!("`{}` is missing", property.as_str().unwrap_or_default()),
        ValidationErrorKind::FalseSchema => format!("{found} is not allowed here"),
        _ => format!("{found} is not allowed here; it must be {}", allowed(error)),
    };
    Problem::new(&pointer, message)
}

fn token(segment: &LocationSegment<'_>) -> String {
    match segment {
        LocationSegment::Property(name) => name.to_string(),
        LocationSegment::Index(index) => index.to_string(),
    }
}

/// Of alternatives that all failed, an error of the one that got furthest, if it got deeper into the document.
fn deeper<'e>(error: &'e ValidationError<'_>) -> Option<&'e ValidationError<'static>> {
    let furthest = alternatives(error).iter().flatten().rev().max_by_key(|inner| reach(inner));
    furthest.filter(|inner| reach(inner) > error.instance_path().segments().count())
}

/// How deep in the document an error is, or what it is made of.
fn reach(error: &ValidationError<'_>) -> usize {
    let inner = alternatives(error).iter().flatten().map(reach).max().unwrap_or_default();
    inner.max(error.instance_path().segments().count())
}

fn alternatives<'e>(error: &'e ValidationError<'_>) -> &'e [Vec<ValidationError<'static>>] {
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => context,
        _ => &[],
    }
}

/// What would have been allowed, to follow "it must be".
fn allowed(error: &ValidationError<'_>) -> String {
    let article = |name: &str| match name {
        "null" => "null".to_owned(),
        "array" | "integer" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(single) } => article(single.as_str()),
        ValidationErrorKind::Type { kind: TypeKind::Multiple(types) } => {
            types.iter().map(|single| article(single.as_str())).collect::<Vec<_>>().join(" or ")
        }
        ValidationErrorKind::Enum { options } => match options.as_array() {
            Some(options) => {
                let options: Vec<String> = options.iter().map(ToString::to_string).collect();
                format!("one of {}", options.join(", "))
            }
            None => options.to_string(),
        },
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            let mut ways: Vec<String> =
                alternatives(error).iter().filter_map(|errors| errors.first()).map(allowed).collect();
            ways.dedup();
            ways.join(", or ")
        }
        ValidationErrorKind::UniqueItems => "an array without repeated elements".to_owned(),
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("above {limit}"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} long"),
        ValidationErrorKind::Pattern { pattern } => format!("a text that matches {pattern}"),
        ValidationErrorKind::Constant { expected_value } => expected_value.to_string(),
        _ => format!("valid: {error}"),
    }
}
