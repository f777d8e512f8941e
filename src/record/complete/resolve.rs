//! From the path of a rule to the places in a schema that it means.

use crate::record::schema::{Dialect, dialect, keywords};
use crate::record::value::{Object, Value};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// One step of a path: into a property, or into the items of an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step<'p> {
    Property(&'p str),
    Items,
}

/// The steps that a path can begin with, and what is left of it after each: the longest name first, since a property
/// whose own name has dots or brackets wins.
pub(super) fn steps(path: &str) -> Vec<(Step<'_>, &str)> {
    let mut steps = Vec::new();
    let ends = path.char_indices().filter(|(_, character)| matches!(character, '.' | '[')).map(|(at, _)| at);
    for end in std::iter::once(path.len()).chain(ends.collect::<Vec<_>>().into_iter().rev()) {
        let (name, rest) = path.split_at(end);
        if let (false, Some(rest)) = (name.is_empty(), after_step(rest)) {
            steps.push((Step::Property(name), rest));
        }
    }
    if let Some(rest) = path.strip_prefix("[]").and_then(after_step) {
        steps.push((Step::Items, rest));
    }
    steps
}

/// What is left of a path behind a step: nothing, brackets, or another name behind a dot.
fn after_step(rest: &str) -> Option<&str> {
    match rest.strip_prefix('.') {
        Some(name) => Some(name).filter(|name| !name.is_empty()),
        None => (rest.is_empty() || rest.starts_with("[]")).then_some(rest),
    }
}

/// Finds its way in a schema, through local references and combined schemas.
pub(super) struct Resolver<'a> {
    root: &'a Value,
    dialect: Dialect,
    /// Schemas that are referred to by name: `#anchor`, or an identity as it is written.
    named: HashMap<String, &'a Object>,
    /// Which schemas that are referred to include themselves.
    endless: RefCell<HashMap<*const Object, bool>>,
}

/// Which schemas have been found to lead to the end of a path, by what was left of the path. It holds as long as the
/// schemas do not change.
type Known = HashMap<(*const Value, usize), bool>;

impl<'a> Resolver<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        let dialect = dialect(root);
        let mut named = HashMap::new();
        keywords::visit(root, &mut Vec::new(), &mut |schema, _| {
            for anchor in ["$anchor", "$dynamicAnchor"] {
                if let Some(Value::String(name)) = schema.get(anchor) {
                    named.entry(format!("#{name}")).or_insert(schema);
                }
            }
            if let Some(Value::String(identity)) = schema.get(dialect.identity()) {
                named.entry(identity.strip_suffix('#').unwrap_or(identity).to_owned()).or_insert(schema);
            }
        });
        Self { root, dialect, named, endless: RefCell::default() }
    }

    pub(super) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    pub(super) fn is_root(&self, schema: &Object) -> bool {
        self.root.as_object().is_some_and(|root| std::ptr::eq(root, schema))
    }

    /// What a schema refers to by its `$ref`, if that is an object in this document. A schema that includes itself,
    /// which no value can be checked against (JSON Schema 2020-12 core, section 9.4.1), is not followed.
    pub(super) fn referred(&self, schema: &Object) -> Option<&'a Object> {
        let target = self.target(schema.get("$ref")?.as_str()?)?;
        let place = std::ptr::from_ref(target);
        let known = self.endless.borrow().get(&place).copied();
        let endless = known.unwrap_or_else(|| self.includes_itself(target));
        self.endless.borrow_mut().insert(place, endless);
        (!endless).then_some(target)
    }

    fn includes_itself(&self, schema: &'a Object) -> bool {
        let (mut seen, mut pending) = (HashSet::new(), vec![schema]);
        while let Some(face) = pending.pop() {
            let target = face.get("$ref").and_then(Value::as_str).and_then(|reference| self.target(reference));
            let combined = COMBINING.iter().flat_map(|keyword| one_or_many(face.get(keyword)));
            for next in combined.filter_map(Value::as_object).chain(target) {
                if std::ptr::eq(next, schema) {
                    return true;
                }
                if seen.insert(std::ptr::from_ref(next)) {
                    pending.push(next);
                }
            }
        }
        false
    }

    fn target(&self, reference: &str) -> Option<&'a Object> {
        if let Some(named) = self.named.get(reference.strip_suffix('#').unwrap_or(reference)) {
            return Some(named);
        }
        let (document, fragment) = reference.split_once('#')?;
        let base = match document {
            "" => self.root.as_object()?,
            identity => self.named.get(identity)?,
        };
        if fragment.is_empty() {
            return Some(base);
        }
        let fragment = percent_decoded(fragment)?;
        let tokens = fragment.strip_prefix('/')?.split('/');
        let tokens: Vec<String> = tokens.map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
        let (first, rest) = tokens.split_first()?;
        base.get(first)?.at(rest)?.as_object()
    }

    /// The schemas that a schema is made of: itself, what it refers to, what it combines.
    fn faces<'b>(&'b self, schema: &'b Object) -> Vec<&'b Object> {
        let (mut faces, mut followed, mut pending) = (Vec::new(), HashSet::new(), vec![schema]);
        while let Some(face) = pending.pop() {
            faces.push(face);
            if let Some(target) = self.referred(face)
                && followed.insert(std::ptr::from_ref(target))
            {
                pending.push(target);
            }
            for keyword in COMBINING {
                pending.extend(one_or_many(face.get(keyword)).filter_map(Value::as_object));
            }
        }
        faces
    }

    /// Where a step leads.
    pub(super) fn children<'b>(&'b self, schema: &'b Object, step: Step<'_>) -> Vec<&'b Value> {
        let mut children = Vec::new();
        for face in self.faces(schema) {
            match step {
                Step::Property(name) => children.extend(face.get("properties").and_then(|named| named.get(name))),
                Step::Items => children.extend(ITEMS.iter().flat_map(|keyword| one_or_many(face.get(keyword)))),
            }
        }
        children
    }

    /// Whether a path can be walked to its end from a schema, beginning with a step.
    pub(super) fn offers(&self, schema: &Object, step: Step<'_>, rest: &str) -> bool {
        self.children(schema, step).into_iter().any(|child| self.leads(child, rest))
    }

    /// The first step of a path from a schema, and what is left of the path behind it; `None` if the path leads nowhere.
    pub(super) fn choose<'p>(&self, schema: &Object, path: &'p str) -> Option<(Step<'p>, &'p str)> {
        steps(path).into_iter().find(|(step, rest)| self.offers(schema, *step, rest))
    }

    /// Whether a path can be walked from a schema to its end.
    pub(super) fn leads(&self, schema: &Value, path: &str) -> bool {
        self.leads_knowing(schema, path, &mut Known::new())
    }

    fn leads_knowing(&self, schema: &Value, path: &str, known: &mut Known) -> bool {
        if path.is_empty() {
            return true;
        }
        let place = (std::ptr::from_ref(schema), path.len());
        if let Some(answer) = known.get(&place) {
            return *answer;
        }
        let answer = schema.as_object().is_some_and(|schema| {
            steps(path).into_iter().any(|(step, rest)| {
                self.children(schema, step).into_iter().any(|child| self.leads_knowing(child, rest, known))
            })
        });
        known.insert(place, answer);
        answer
    }

    /// The names of a schema's properties, and whether it has items.
    pub(super) fn names<'b>(&'b self, schema: &'b Object) -> (Vec<&'b str>, bool) {
        let faces = self.faces(schema);
        let properties = faces.iter().filter_map(|face| face.get("properties").and_then(Value::as_object));
        let names = properties.flat_map(Object::keys).collect();
        (names, !self.children(schema, Step::Items).is_empty())
    }
}

/// The keywords whose schemas say something about the same value. `if` is not among them: it asks, and says nothing.
pub(super) const COMBINING: [&str; 5] = ["allOf", "anyOf", "oneOf", "then", "else"];

/// The keywords whose schemas are about the items of an array.
pub(super) const ITEMS: [&str; 3] = ["items", "prefixItems", "additionalItems"];

/// The schemas of a keyword that has one or an array of them.
fn one_or_many(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Some(Value::Array(many)) => (None, many.as_slice()),
        one => (one, [].as_slice()),
    };
    one.into_iter().chain(many)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = after;
            }
            (byte, after) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_is_tried_first() {
        use Step::{Items, Property};
        assert_eq!(steps("a.b[]"), [(Property("a.b[]"), ""), (Property("a.b"), "[]"), (Property("a"), "b[]")]);
        assert_eq!(steps("[].sku"), [(Property("[].sku"), ""), (Property("[]"), "sku"), (Items, "sku")]);
        assert_eq!(steps("[][]"), [(Property("[][]"), ""), (Property("[]"), "[]"), (Items, "[]")]);
        assert_eq!(steps("a."), [(Property("a."), "")]);
        assert_eq!(steps(""), []);
    }

    #[test]
    fn fragments_are_decoded() {
        assert_eq!(percent_decoded("/a%20b%C3%A9").as_deref(), Some("/a bé"));
        assert_eq!(percent_decoded("%zz"), None);
        assert_eq!(percent_decoded("%ff"), None);
    }
}
