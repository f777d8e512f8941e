//! The two shapes in which coercion and validation rules are written.
//!
//! The bare map is `{PATH: RULE, ...}`; the other is `{version, description, rules: {PATH: RULE, ...}}`. A coercion rule
//! is the name of a coercion, a validation rule an object of named checks.

use super::kind::Kind;
use super::problem::{Problem, shown};
use super::value::{Object, Value};
use super::version::SemanticVersion;

/// One rule: where its value stands in the body, the path that it is for, and the rule.
pub(super) struct Rule<'a> {
    pub(super) pointer: Vec<String>,
    pub(super) path: &'a str,
    pub(super) value: &'a Value,
}

/// Whether this is the shape `{version, description, rules}`: `rules` is an object, and nothing beside it is.
fn wrapped(body: &Object) -> Option<&Object> {
    let rules = body.get("rules")?.as_object()?;
    body.iter().all(|(name, value)| name == "rules" || value.as_object().is_none()).then_some(rules)
}

/// The version that a body of rules says it is. In the bare map of coercion rules `version` may be a field: it is the
/// body's version only if its value is one.
pub(super) fn stated_version<'a>(kind: &Kind, body: &'a Object) -> Option<&'a Value> {
    let value = body.get("version").filter(|value| matches!(value, Value::String(_) | Value::Number(_)))?;
    let is_field = *kind == Kind::CoercionRules && wrapped(body).is_none() && !is_version(value);
    (!is_field).then_some(value)
}

fn is_version(value: &Value) -> bool {
    match value {
        Value::String(text) => text.parse::<SemanticVersion>().is_ok(),
        Value::Number(number) => number.literal().parse::<SemanticVersion>().is_ok(),
        _ => false,
    }
}

/// The rules of a body of coercion or validation rules, in order.
///
/// # Errors
/// What is no rule, each with its pointer into the body.
pub(super) fn read<'a>(kind: &Kind, body: &'a Value) -> Result<Vec<Rule<'a>>, Vec<Problem>> {
    let Value::Object(object) = body else {
        let message = format!("{kind} must be an object of rules, not {}", shown(body));
        return Err(vec![Problem::of_whole(message)]);
    };
    let (rules, prefix): (_, &[&str]) = match wrapped(object) {
        Some(rules) => (rules, &["rules"]),
        None => (object, &[]),
    };
    let is_version = |path: &str| prefix.is_empty() && path == "version" && stated_version(kind, object).is_some();
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for (path, value) in rules.iter().filter(|(path, _)| !is_version(path)) {
        let pointer: Vec<String> = prefix.iter().copied().chain([path]).map(str::to_owned).collect();
        let wanted = match (kind, value) {
            (Kind::CoercionRules, Value::String(_)) | (Kind::ValidationRules, Value::Object(_)) => None,
            (Kind::CoercionRules, _) => Some("a coercion rule is the name of a coercion, as in \"coerce_to_string\""),
            _ => Some("a validation rule is an object of checks, as in {\"min_length\": {\"threshold\": 1}}"),
        };
        match wanted {
            None => read.push(Rule { pointer, path, value }),
            Some(wanted) => problems.push(Problem::new(&pointer, format!("{wanted}, not {}", shown(value)))),
        }
    }
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}
