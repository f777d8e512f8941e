//! Schemas, checked before they are stored.

mod dialect;
pub(super) mod keywords;
mod meta;

use super::problem::{Problem, fail_on, shown};
use super::value::{Object, Value};
use crate::error::Result;
pub use dialect::Dialect;
use regress::{Flags, Regex};
use std::collections::HashSet;

/// What a check of a schema that may be stored found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaCheck {
    /// The dialect that the schema is written in.
    pub dialect: Dialect,
    /// What does not keep it from being stored.
    pub warnings: Vec<Problem>,
}

/// Checks a schema against the meta-schema of its dialect, and its regular expressions against ECMA-262. A schema of a
/// dialect that charter does not know is not checked against a meta-schema; that is a warning.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with [`Problems`](super::Problems) as its source, each with the
/// JSON pointer to what is wrong.
pub fn check_schema(schema: &Value) -> Result<SchemaCheck> {
    let (check, problems) = check(schema);
    fail_on(problems, None)?;
    Ok(check)
}

/// The same, with the problems apart.
pub(super) fn check(schema: &Value) -> (SchemaCheck, Vec<Problem>) {
    let mut found = SchemaCheck { dialect: dialect(schema), warnings: Vec::new() };
    let object = match schema {
        Value::Object(object) => object,
        Value::Bool(_) => return (found, Vec::new()),
        other => {
            let message = format!("a schema must be an object or a boolean, not {}", shown(other));
            return (found, vec![Problem::of_whole(message)]);
        }
    };
    match object.get("$schema") {
        None | Some(Value::String(_)) => {}
        Some(other) => {
            let message = format!("{} is not allowed here; it must be the URI of a dialect", shown(other));
            return (found, vec![Problem::new(&["$schema"], message)]);
        }
    }
    if let Dialect::Other(uri) = &found.dialect {
        let message = format!("{uri:?} is no dialect that charter knows: the schema was not checked against it");
        found.warnings.push(Problem::new(&["$schema"], message));
    }
    let mut problems = meta::violations(schema, &found.dialect);
    keywords::visit(schema, &mut Vec::new(), &mut |object, pointer| {
        patterns(object, pointer, &mut problems);
        match found.dialect {
            Dialect::Draft4 => enumerations(object, pointer, &mut problems),
            Dialect::Draft202012 => explain_tuples(object, pointer, &mut problems),
            _ => {}
        }
    });
    (found, problems)
}

/// The dialect that a schema says it is in, else the newest.
pub(super) fn dialect(schema: &Value) -> Dialect {
    schema.get("$schema").and_then(Value::as_str).map_or(Dialect::Draft202012, Dialect::of_uri)
}

/// Looks at the `enum` of one schema object of draft-04, whose meta-schema wants at least one element and no element
/// twice; the validator's copy of it does not.
fn enumerations(schema: &Object, pointer: &[String], problems: &mut Vec<Problem>) {
    let Some(value @ Value::Array(elements)) = schema.get("enum") else { return };
    let mut seen = HashSet::new();
    let found = shown(value);
    let message = if elements.is_empty() {
        format!("{found} is not allowed here; it must be at least 1 long")
    } else if elements.iter().all(|element| seen.insert(element.to_canonical())) {
        return;
    } else {
        format!("{found} has an element twice")
    };
    problems.push(Problem::new(&place(pointer, "enum"), message));
}

/// Says what to do about an array of schemas in `items`, which every dialect before 2020-12 allows.
fn explain_tuples(schema: &Object, pointer: &[String], problems: &mut [Problem]) {
    let Some(Value::Array(_)) = schema.get("items") else { return };
    let place = place(pointer, "items");
    for problem in problems.iter_mut().filter(|problem| problem.pointer == place) {
        problem.hint = Some(
            "in 2020-12, which a schema without `$schema` is in, schemas for each item stand in `prefixItems`; a schema \
             of an older dialect names it, as in `\"$schema\": \"http://json-schema.org/draft-07/schema#\"`"
                .to_owned(),
        );
    }
}

fn place(pointer: &[String], member: &str) -> Vec<String> {
    pointer.iter().map(String::as_str).chain([member]).map(str::to_owned).collect()
}

/// Looks at the regular expressions of one schema object.
fn patterns(schema: &Object, pointer: &[String], problems: &mut Vec<Problem>) {
    let mut check = |pattern: &str, place: &[&str]| {
        if let Err(reason) = check_pattern(pattern) {
            let pointer: Vec<&str> = pointer.iter().map(String::as_str).chain(place.iter().copied()).collect();
            let message = format!("{} is no ECMA-262 regular expression: {reason}", shown(&pattern.into()));
            problems.push(Problem::new(&pointer, message));
        }
    };
    if let Some(Value::String(pattern)) = schema.get("pattern") {
        check(pattern, &["pattern"]);
    }
    if let Some(Value::Object(named)) = schema.get("patternProperties") {
        named.keys().for_each(|pattern| check(pattern, &["patternProperties", pattern]));
    }
}

/// Whether a regular expression is one in ECMA-262, with the `u` flag (which JSON Schema recommends) or without.
fn check_pattern(pattern: &str) -> std::result::Result<(), String> {
    let unoptimised = Flags { no_opt: true, ..Flags::default() };
    let with_flag = Regex::with_flags(pattern, Flags { unicode: true, ..unoptimised });
    match with_flag.or_else(|error| Regex::with_flags(pattern, unoptimised).map_err(|_| error)) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
