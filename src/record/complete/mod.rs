//! Complete schemas: a schema with its coercion and validation rules merged in.

mod missing;
mod resolve;

use super::json::MAX_DEPTH;
use super::kind::Kind;
use super::problem::{Problem, fail_on, shown};
use super::rules::{self, Rule};
use super::schema::{Dialect, keywords};
use super::value::{Object, Value};
use super::version::Version;
use crate::error::{Error, ErrorKind, Result};
use resolve::{COMBINING, ITEMS, Resolver, Step};

/// How many parts the path of a rule may have.
pub const MAX_PATH_PARTS: usize = 128;

/// How many values may be copied so that rules behind references touch one use of a definition only.
const MAX_COPIED: usize = 1_000_000;

/// Merges rules into a schema: `coercion` and `validations` of every property that a rule is for. Checks are merged by
/// name, and a rule wins over what the schema itself has.
///
/// The path of a rule is names with dots between them, and `[]` for the items of an array: `author.address.city`,
/// `tags[]`, `orders[].lines[].sku`. A property whose own name has dots or brackets wins where it exists. Paths lead
/// through local `$ref`, `allOf`, `anyOf`, `oneOf`, `then` and `else`; a property that stands in several of these is
/// annotated in each. A rule behind a `$ref` is for that one use: the definition is copied to it.
///
/// The result has the version of the schema: a schema object without a `version` gets one.
///
/// # Errors
/// [`ErrorKind::Invalid`] with [`Problems`](super::Problems) as its source if a rule's path does not exist, if rules are
/// not of one of their shapes, if the schema's own `coercion` or `validations` is of another shape where a rule goes, if
/// a rule leads through a reference that cannot be copied, or if the schema is a boolean and there are rules.
pub fn complete_schema(
    schema: &Value,
    version: &Version,
    coercion: Option<&Value>,
    validation: Option<&Value>,
) -> Result<Value> {
    let mut complete = schema.clone();
    for (kind, body) in bodies(coercion, validation) {
        let rules = rules::read(&kind, body).or_else(|problems| fail_on(problems, None).map(|()| Vec::new()))?;
        fail_on(missing_paths(schema, &kind, &rules), None)?;
        merge(&mut complete, schema, &kind, &rules).or_else(|problem| fail_on(vec![problem], None))?;
    }
    if let Value::Object(object) = &mut complete
        && !object.contains("version")
    {
        object.insert("version", version.to_string());
    }
    Ok(complete)
}

/// Merges rules whose paths exist into `complete`, a copy of `schema` that may have other rules already. The first rule
/// that cannot be merged ends it.
fn merge(complete: &mut Value, schema: &Value, kind: &Kind, rules: &[Rule<'_>]) -> std::result::Result<(), Problem> {
    if rules.is_empty() {
        return Ok(());
    }
    let mut merger = Merger { resolver: Resolver::new(schema), copied: 0, depth: 0 };
    for rule in rules {
        merger.place(complete, rule.path, &|target| annotate(target, kind, rule)).map_err(|error| {
            let problem = Problem::new(&rule.pointer, error.message());
            Problem { hint: error.hint().map(str::to_owned), ..problem }
        })?;
    }
    Ok(())
}

/// Checks that rules are of one of their shapes, that every path of theirs exists in a schema, and that they can be
/// merged into it.
///
/// # Errors
/// As [`complete_schema`].
pub fn check_rules(schema: &Value, coercion: Option<&Value>, validation: Option<&Value>) -> Result<()> {
    let problems = bodies(coercion, validation).flat_map(|(kind, body)| rule_problems(Some(schema), &kind, body));
    fail_on(problems.collect(), None)
}

fn bodies<'b>(coercion: Option<&'b Value>, validation: Option<&'b Value>) -> impl Iterator<Item = (Kind, &'b Value)> {
    let bodies = [(Kind::CoercionRules, coercion), (Kind::ValidationRules, validation)];
    bodies.into_iter().filter_map(|(kind, body)| Some((kind, body?)))
}

/// What is wrong with a body of rules for a schema, if that is known, with pointers into the body.
pub(super) fn rule_problems(schema: Option<&Value>, kind: &Kind, body: &Value) -> Vec<Problem> {
    match (rules::read(kind, body), schema) {
        (Err(problems), _) => problems,
        (Ok(_), None) => Vec::new(),
        (Ok(rules), Some(schema)) => {
            let mut problems = missing_paths(schema, kind, &rules);
            if problems.is_empty() {
                problems.extend(merge(&mut schema.clone(), schema, kind, &rules).err());
            }
            problems
        }
    }
}

fn missing_paths(schema: &Value, kind: &Kind, rules: &[Rule<'_>]) -> Vec<Problem> {
    if rules.is_empty() {
        return Vec::new();
    }
    let resolver = Resolver::new(schema);
    let mut problems = Vec::new();
    for rule in rules {
        let Value::Object(object) = schema else {
            let message =
                format!("{} leads nowhere: the schema is a boolean and has no properties", called(kind, rule));
            problems.push(Problem::new(&rule.pointer, message));
            continue;
        };
        let reason = if rule.path.is_empty() {
            "its path is empty".to_owned()
        } else if rule.path.matches(['.', '[']).count() >= MAX_PATH_PARTS {
            format!("its path has more than {MAX_PATH_PARTS} parts")
        } else if resolver.leads(schema, rule.path) {
            continue;
        } else {
            missing::explain(&resolver, object, rule.path)
        };
        problems.push(Problem::new(&rule.pointer, format!("{} leads nowhere: {reason}", called(kind, rule))));
    }
    problems
}

/// What a message calls a rule.
fn called(kind: &Kind, rule: &Rule<'_>) -> String {
    let name = match rule.value {
        Value::String(name) => format!(" `{name}`"),
        Value::Object(checks) if !checks.is_empty() => {
            let names: Vec<String> = checks.keys().map(|name| format!("`{name}`")).collect();
            format!(" {}", names.join(", "))
        }
        _ => String::new(),
    };
    let what = if *kind == Kind::CoercionRules { "coercion" } else { "validation" };
    format!("the {what} rule{name} for `{}`", rule.path)
}

/// Writes one rule to the schema that it is for.
fn annotate(target: &mut Object, kind: &Kind, rule: &Rule<'_>) -> Result<()> {
    if *kind == Kind::CoercionRules {
        return match target.insert("coercion", rule.value.clone()) {
            None | Some(Value::Null | Value::String(_)) => Ok(()),
            Some(other) => Err(misshapen("coercion", "the name of a coercion", rule, &other)),
        };
    }
    let Value::Object(checks) = rule.value else { return Ok(()) };
    match target.get_mut("validations") {
        Some(Value::Object(inline)) => {
            for (name, check) in checks.iter() {
                inline.insert(name, check.clone());
            }
        }
        None | Some(Value::Null) => {
            target.insert("validations", checks.clone());
        }
        Some(other) => return Err(misshapen("validations", "an object of checks", rule, other)),
    }
    Ok(())
}

/// That what the schema itself has where a rule goes cannot be merged with it.
fn misshapen(member: &str, wanted: &str, rule: &Rule<'_>, found: &Value) -> Error {
    let message = format!("the `{member}` of `{}` in the schema must be {wanted}, not {}", rule.path, shown(found));
    Error::new(ErrorKind::Invalid, message)
}

type Annotation<'f> = dyn Fn(&mut Object) -> Result<()> + 'f;

struct Merger<'a> {
    resolver: Resolver<'a>,
    copied: usize,
    depth: usize,
}

impl Merger<'_> {
    /// Annotates every place that a path leads to from a schema. References lead into the schema as it was given, so
    /// that no annotation is copied along.
    fn place(&mut self, schema: &mut Value, path: &str, annotation: &Annotation<'_>) -> Result<()> {
        if path.is_empty() {
            return edit(schema, annotation);
        }
        let Value::Object(object) = schema else { return Ok(()) };
        match self.resolver.choose(object, path) {
            Some((step, rest)) => self.enter(object, step, rest, annotation),
            None => Ok(()),
        }
    }

    /// Takes one step in a schema and in everything that it is made of.
    fn enter(&mut self, schema: &mut Object, step: Step<'_>, rest: &str, annotation: &Annotation<'_>) -> Result<()> {
        while let Some(target) = self.resolver.referred(schema)
            && self.resolver.offers(target, step, rest)
        {
            self.inline(schema, target)?;
        }
        self.depth += 2;
        match step {
            Step::Property(name) => {
                let named = schema.get_mut("properties").and_then(Value::as_object_mut);
                if let Some(child) = named.and_then(|named| named.get_mut(name)) {
                    self.place_if_led(child, rest, annotation)?;
                }
            }
            Step::Items => {
                for keyword in ITEMS {
                    for child in one_or_many(schema.get_mut(keyword)) {
                        self.place_if_led(child, rest, annotation)?;
                    }
                }
            }
        }
        for keyword in COMBINING {
            for branch in one_or_many(schema.get_mut(keyword)).filter_map(Value::as_object_mut) {
                if self.resolver.offers(branch, step, rest) {
                    self.enter(branch, step, rest, annotation)?;
                }
            }
        }
        self.depth -= 2;
        Ok(())
    }

    fn place_if_led(&mut self, child: &mut Value, rest: &str, annotation: &Annotation<'_>) -> Result<()> {
        if self.resolver.leads(child, rest) { self.place(child, rest, annotation) } else { Ok(()) }
    }

    /// Puts a copy of what a schema refers to in the place of its reference. Beside annotations the copy's members are
    /// the schema's own; beside anything that restricts values it goes into `allOf`, where it means what it meant.
    fn inline(&mut self, schema: &mut Object, target: &Object) -> Result<()> {
        let dialect = self.resolver.dialect();
        let mut copy = detached(target, dialect, self.resolver.is_root(target))?;
        self.copied += copy.iter().map(|(_, value)| values(value)).sum::<usize>();
        if self.copied > MAX_COPIED {
            let message = format!("rules behind references would copy more than {MAX_COPIED} values of the schema");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        // Two levels for `allOf`, one for the copy itself.
        if self.depth + 3 + copy.iter().map(|(_, value)| height(value)).max().unwrap_or_default() > MAX_DEPTH {
            let message = format!("rules behind references would nest the schema deeper than {MAX_DEPTH} levels");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        schema.remove("$ref");
        if dialect.reference_stands_alone() {
            let void: Vec<String> = schema.keys().filter(|name| restricts(name)).map(str::to_owned).collect();
            for name in void {
                schema.remove(&name);
            }
        }
        let is_apart = schema.keys().any(|name| restricts(name) || (keywords::is_keyword(name) && copy.contains(name)));
        if is_apart {
            let mut all = match schema.remove("allOf") {
                Some(Value::Array(all)) => all,
                _ => Vec::new(),
            };
            all.push(Value::Object(copy));
            schema.insert("allOf", all);
            return Ok(());
        }
        if let (Some(Value::Object(own)), Some(Value::Object(inherited))) =
            (schema.get_mut("validations"), copy.get_mut("validations"))
        {
            for (name, check) in std::mem::take(own) {
                inherited.insert(name, check);
            }
            *own = std::mem::take(inherited);
        }
        for (name, value) in copy {
            if !schema.contains(&name) {
                schema.insert(name, value);
            }
        }
        Ok(())
    }
}

/// Whether a member of a schema restricts the values that are valid, rather than to name, define or annotate.
fn restricts(name: &str) -> bool {
    keywords::is_keyword(name)
        && !matches!(name, "$defs" | "definitions")
        && (!name.starts_with('$') || matches!(name, "$ref" | "$dynamicRef" | "$recursiveRef"))
}

/// A copy of a definition without what gives it an identity, which two schemas cannot share.
fn detached(target: &Object, dialect: &Dialect, is_root: bool) -> Result<Object> {
    let mut copy = target.clone();
    if is_root {
        for name in ["$schema", dialect.identity(), "$vocabulary", "$defs", "definitions", "version"] {
            copy.remove(name);
        }
    }
    let mut own_base = None;
    keywords::visit_mut(&mut copy, &mut |schema| {
        schema.remove("$anchor");
        schema.remove("$dynamicAnchor");
        if let Some(Value::String(identity)) = schema.get(dialect.identity()) {
            if identity.starts_with('#') {
                schema.remove(dialect.identity());
            } else {
                own_base.get_or_insert_with(|| identity.clone());
            }
        }
    });
    match own_base {
        None => Ok(copy),
        Some(identity) => {
            let message =
                format!("a rule leads through a $ref into {identity:?}, a schema with an identity of its own");
            Err(Error::new(ErrorKind::Invalid, message)
                .with_hint("store that schema by itself and put the rule there, or remove its `$id`"))
        }
    }
}

/// Changes a schema as an object: `true` is `{}`, `false` is what nothing is valid against.
fn edit(schema: &mut Value, annotation: &Annotation<'_>) -> Result<()> {
    if let Value::Object(object) = schema {
        return annotation(object);
    }
    let mut object = Object::new();
    if *schema == Value::Bool(false) {
        object.insert("not", Object::new());
    }
    annotation(&mut object)?;
    *schema = Value::Object(object);
    Ok(())
}

fn one_or_many(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    let (one, many) = match value {
        Some(Value::Array(many)) => (None, many.as_mut_slice()),
        one => (one, [].as_mut_slice()),
    };
    one.into_iter().chain(many)
}

fn values(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(values).sum::<usize>(),
        Value::Object(object) => 1 + object.iter().map(|(_, value)| values(value)).sum::<usize>(),
        _ => 1,
    }
}

fn height(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(height).max().unwrap_or_default(),
        Value::Object(object) => 1 + object.iter().map(|(_, value)| height(value)).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
