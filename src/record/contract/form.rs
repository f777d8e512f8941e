//! Which form a contract file has, and where in it the sections are.

use crate::record::kind::Kind;
use crate::record::problem::{Problem, shown};
use crate::record::schema::keywords::{is_annotation, is_keyword};
use crate::record::value::{Object, Value};

/// A value of the file and the pointer to it.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) pointer: Vec<String>,
    pub(super) value: Value,
}

impl Section {
    fn new(pointer: &[&str], value: &Value) -> Self {
        Self { pointer: pointer.iter().map(|token| (*token).to_owned()).collect(), value: value.clone() }
    }

    /// The section as text for messages: `metadata.version`.
    pub(super) fn called(&self) -> String {
        self.pointer.join(".")
    }
}

/// The sections that become records, in the order in which they are stored.
pub(super) const SECTIONS: [&str; 6] =
    ["schema", "coercion_rules", "validation_rules", "metadata", "ownership", "governance_rules"];

/// A contract file taken apart. What is null counts as absent.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// Whether the file is nothing but a schema.
    pub(super) bare: bool,
    /// Where the document says its own name and version; the first one counts, the others must agree.
    pub(super) names: Vec<Section>,
    pub(super) versions: Vec<Section>,
    /// `versions`: under which version each part is stored.
    pub(super) part_versions: Option<Section>,
    /// The sections of [`SECTIONS`] by name.
    pub(super) sections: Vec<(&'static str, Section)>,
    /// Everything else.
    pub(super) kept: Vec<(String, Section)>,
}

impl Form {
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|(known, _)| *known == name).map(|(_, section)| section)
    }

    /// Takes a document apart.
    pub(super) fn of(document: &Value) -> Result<Self, Vec<Problem>> {
        let object = match document {
            Value::Object(object) => object,
            Value::Bool(_) => return Ok(Self::bare(document)),
            other => {
                let message = format!("a contract file must hold an object or a boolean, not {}", shown(other));
                return Err(vec![Problem::of_whole(message)]);
            }
        };
        let is_contract = object.get("kind").and_then(Value::as_str) == Some("DataContract");
        let api = ["apiVersion", "api_version"].into_iter().find(|name| object.contains(name));
        if is_contract && let Some(Value::Object(spec)) = object.get("spec") {
            return Self::envelope(object, spec);
        }
        if is_contract && let Some(api) = api {
            return Err(vec![match object.get("spec") {
                Some(other) => {
                    Problem::new(&["spec"], format!("`spec` must be an object of sections, not {}", shown(other)))
                }
                None => {
                    let version = object.get(api).map(shown).unwrap_or_default();
                    let message =
                        format!("contracts of the Open Data Contract Standard ({version}) are not supported yet");
                    Problem::new(&[api], message).with_hint("a contract of charter's has its sections in `spec`")
                }
            }]);
        }
        let is_schema = ["$schema", "properties", "type"].iter().any(|name| object.contains(name));
        match object.get("schema") {
            Some(Value::Object(_) | Value::Bool(_)) if !is_schema => Ok(Self::flat(object)),
            None | Some(Value::Null) if joins_schema(object) && !is_schema => Ok(Self::flat(object)),
            Some(other) if !matches!(other, Value::Null) && !is_schema => {
                let message = format!("`schema` must be an object or a boolean, not {}", shown(other));
                Err(vec![Problem::new(&["schema"], message)])
            }
            _ => match unlike_schema(object) {
                None => Ok(Self::bare(document)),
                Some(problem) => Err(vec![problem]),
            },
        }
    }

    fn bare(document: &Value) -> Self {
        let schema = Section { pointer: Vec::new(), value: document.clone() };
        Self { bare: true, sections: vec![("schema", schema)], ..Self::default() }
    }

    fn flat(object: &Object) -> Self {
        let mut form = Self::default();
        for (name, value) in object.iter() {
            form.take(&[name], name, value);
        }
        form
    }

    /// The envelope: `metadata` says name and version; what else it says is metadata like `spec.metadata`.
    fn envelope(object: &Object, spec: &Object) -> Result<Self, Vec<Problem>> {
        let mut form = Self::default();
        let mut problems = Vec::new();
        let mut about = Object::new();
        match object.get("metadata") {
            Some(Value::Object(metadata)) => {
                for (name, value) in metadata.iter() {
                    match name {
                        "name" => form.names.push(Section::new(&["metadata", name], value)),
                        "version" => form.versions.push(Section::new(&["metadata", name], value)),
                        _ => {
                            about.insert(name, value.clone());
                        }
                    }
                }
            }
            None | Some(Value::Null) => {}
            Some(other) => {
                let message = format!("`metadata` must be an object, not {}", shown(other));
                problems.push(Problem::new(&["metadata"], message));
            }
        }
        for (name, value) in object.iter() {
            match name {
                "api_version" | "apiVersion" | "kind" | "metadata" | "spec" => {}
                _ if SECTIONS.contains(&name) || name == "versions" => {
                    let message = format!("`{name}` stands beside `spec`; move it into `spec`");
                    problems.push(Problem::new(&[name], message));
                }
                _ => form.take(&[name], name, value),
            }
        }
        for (name, value) in spec.iter() {
            if form.kept.iter().any(|(known, _)| known == name) {
                let message = format!("`{name}` stands both in `spec` and beside it; remove one of them");
                problems.push(Problem::new(&["spec", name], message));
            }
            form.take(&["spec", name], name, value);
        }
        if !about.is_empty() {
            form.add_metadata(about, &mut problems);
        }
        if problems.is_empty() { Ok(form) } else { Err(problems) }
    }

    /// Adds what the envelope's `metadata` says to `spec.metadata`.
    fn add_metadata(&mut self, about: Object, problems: &mut Vec<Problem>) {
        let Some((_, section)) = self.sections.iter_mut().find(|(name, _)| *name == "metadata") else {
            let section = Section { pointer: vec!["metadata".to_owned()], value: about.into() };
            self.sections.push(("metadata", section));
            return;
        };
        // What is no object is refused with the other sections.
        let Value::Object(metadata) = &mut section.value else { return };
        for (name, value) in about {
            match metadata.get(&name) {
                Some(other) if *other != value => {
                    let message = format!(
                        "`metadata` and `spec.metadata` disagree: `{name}` is {} in one and {} in the other",
                        shown(&value),
                        shown(other)
                    );
                    problems.push(Problem::new(&["metadata", &name], message));
                }
                _ => {
                    metadata.insert(name, value);
                }
            }
        }
    }

    fn take(&mut self, pointer: &[&str], name: &str, value: &Value) {
        let section = Section::new(pointer, value);
        let known = SECTIONS.into_iter().find(|known| *known == name);
        match (name, known) {
            (_, Some(_)) | ("name" | "version" | "versions", _) if *value == Value::Null => {}
            (_, Some(known)) => self.sections.push((known, section)),
            ("name", _) => self.names.push(section),
            ("version", _) => self.versions.push(section),
            ("versions", _) => self.part_versions = Some(section),
            _ => self.kept.push((name.to_owned(), section)),
        }
    }
}

fn joins_schema(object: &Object) -> bool {
    object.get("versions").and_then(|versions| versions.get("schema")).is_some_and(|version| *version != Value::Null)
}

/// Why an object without `schema` is no JSON Schema either; `None` if it can be one.
fn unlike_schema(object: &Object) -> Option<Problem> {
    if object.keys().any(is_keyword) || object.keys().all(is_annotation) {
        return None;
    }
    let section = SECTIONS.iter().find(|section| **section != "metadata" && object.contains(section));
    let part = match object.get("rules") {
        Some(Value::Object(rules)) if rules.iter().all(|(_, rule)| rule.as_str().is_some()) => Kind::CoercionRules,
        Some(Value::Object(_)) => Kind::ValidationRules,
        _ => Kind::Metadata,
    };
    let problem = match section {
        Some(section) if !object.contains("rules") => Problem::of_whole(format!("there is `{section}` but no schema"))
            .with_hint(format!(
                "a contract has a `schema`, or `versions.schema` to join one that is stored; one part alone is stored \
                 with its kind, as in `charter put --kind {part}`"
            )),
        _ => Problem::of_whole("this is neither a contract (it has no `schema`) nor a JSON Schema (it has no keyword)")
            .with_hint(format!("to store one part of a contract alone, use `charter put --kind {part}`")),
    };
    Some(problem)
}
