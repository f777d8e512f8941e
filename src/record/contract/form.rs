//! Which form a contract file has, and where in it the sections are.

use crate::record::kind::Kind;
use crate::record::problem::{Problem, shown, similar};
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

/// What an `api_version` says of an envelope that is read as charter's.
const API_VERSION: &str = "v2";

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
    /// What the author should know.
    pub(super) warnings: Vec<Problem>,
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
                let problem = Problem::of_whole(message);
                return Err(vec![match other {
                    Value::Array(_) => problem.with_hint(
                        "a list of records is a file called owners, domains, systems or data_feeds, with its ending",
                    ),
                    _ => problem,
                }]);
            }
        };
        let is_contract = object.get("kind").and_then(Value::as_str) == Some("DataContract");
        let api = ["apiVersion", "api_version"].into_iter().find(|name| object.contains(name));
        if is_contract && let Some(Value::Object(spec)) = object.get("spec") {
            return Self::envelope(object, spec, api);
        }
        if is_contract && let Some(api) = api {
            return Err(vec![without_spec(object, api)]);
        }
        let is_schema = ["$schema", "properties", "type"].iter().any(|name| object.contains(name));
        match object.get("schema") {
            Some(Value::Object(_) | Value::Bool(_)) if !is_schema => Ok(Self::flat(object)),
            None | Some(Value::Null) if joins_schema(object) && !is_schema => Ok(Self::flat(object)),
            Some(other) if !matches!(other, Value::Null) && !is_schema => {
                let message = format!("`schema` must be an object or a boolean, not {}", shown(other));
                Err(vec![Problem::new(&["schema"], message)])
            }
            _ if object.keys().any(is_keyword) => Ok(Self::bare(document)),
            _ => match api {
                Some(_) if matches!(object.get("spec"), Some(Value::Object(_))) => Err(vec![of_other_kind(object)]),
                _ => match unlike_schema(object) {
                    None => Ok(Self::bare(document)),
                    Some(problem) => Err(vec![problem]),
                },
            },
        }
    }

    fn bare(document: &Value) -> Self {
        let schema = Section { pointer: Vec::new(), value: document.clone() };
        let sections = document.as_object().map(contract_sections).unwrap_or_default();
        let warnings = sections.first().map(|first| {
            let message = format!(
                "{} {} to JSON Schema: this looks like a contract whose schema is not under `schema`",
                quoted(&sections),
                if sections.len() == 1 { "means nothing" } else { "mean nothing" }
            );
            Problem::new(&[first], message)
        });
        Self {
            bare: true,
            sections: vec![("schema", schema)],
            warnings: warnings.into_iter().collect(),
            ..Self::default()
        }
    }

    fn flat(object: &Object) -> Self {
        let mut form = Self::default();
        for (name, value) in object.iter() {
            form.take(&[name], name, value);
        }
        form.take_name_of_metadata();
        form
    }

    /// The name in `metadata` is the contract's if the document says none of its own.
    fn take_name_of_metadata(&mut self) {
        let Some(section) = self.section("metadata").filter(|_| self.names.is_empty()) else { return };
        if let Some(name @ Value::String(_)) = section.value.get("name") {
            let pointer = section.pointer.iter().map(String::as_str).chain(["name"]).map(str::to_owned).collect();
            self.names.push(Section { pointer, value: name.clone() });
        }
    }

    /// The envelope: `metadata` says name and version; what else it says is metadata like `spec.metadata`.
    fn envelope(object: &Object, spec: &Object, api: Option<&str>) -> Result<Self, Vec<Problem>> {
        let mut form = Self::default();
        let mut problems = Vec::new();
        if let Some(api) = api
            && let Some(version) = object.get(api).filter(|version| version.as_str() != Some(API_VERSION))
        {
            let message =
                format!("`{api}` is {}, which charter does not know: it was read as {API_VERSION:?}", shown(version));
            form.warnings.push(Problem::new(&[api], message));
        }
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
        form.take_name_of_metadata();
        if problems.is_empty() && form.section("schema").is_none() && !joins_schema(spec) {
            problems.push(Problem { pointer: vec!["spec".to_owned()], ..without_schema(spec) });
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

/// Why an envelope without an object `spec` is none.
fn without_spec(object: &Object, api: &str) -> Problem {
    const HINT: &str = "a contract of charter's has its sections in `spec`";
    let version = object.get(api);
    // The versions of the standard have three numbers: v2.2.2, v3.0.2.
    let is_standard = version.and_then(Value::as_str).is_some_and(|text| text.split('.').count() == 3);
    let version = version.map(shown).unwrap_or_default();
    match object.get("spec") {
        Some(other) => Problem::new(&["spec"], format!("`spec` must be an object of sections, not {}", shown(other))),
        None if is_standard => {
            let message = format!("contracts of the Open Data Contract Standard ({version}) are not supported yet");
            Problem::new(&[api], message).with_hint(HINT)
        }
        None => Problem::new(&[api], format!("there is `{api}` ({version}) but no `spec`")).with_hint(HINT),
    }
}

/// That what looks like an envelope says that it is something else.
fn of_other_kind(object: &Object) -> Problem {
    const WANTED: &str = "a document with `spec` is a contract if its `kind` is \"DataContract\"";
    match object.get("kind") {
        None | Some(Value::Null) => Problem::of_whole(format!("`kind` is missing: {WANTED}")),
        Some(kind) => Problem::new(&["kind"], format!("{WANTED}, not {}", shown(kind))),
    }
}

/// The members that are sections of a contract and mean nothing in a schema. `metadata` alone may be an annotation of
/// the author's.
fn contract_sections(object: &Object) -> Vec<&str> {
    let is_section = |name: &&str| *name == "versions" || SECTIONS[1..].contains(name);
    let sections: Vec<&str> = object.keys().filter(is_section).collect();
    if sections == ["metadata"] { Vec::new() } else { sections }
}

/// Why sections are no contract: nothing says what their schema is.
fn without_schema(sections: &Object) -> Problem {
    let given = SECTIONS[1..].iter().find(|name| sections.get(name).is_some_and(|value| *value != Value::Null));
    let known = ["name", "version", "versions"];
    let unknown: Vec<&str> = sections.keys().filter(|name| !SECTIONS.contains(name) && !known.contains(name)).collect();
    let mut message = match given {
        Some(given) => format!("there is `{given}` but no schema"),
        None => "there is no schema".to_owned(),
    };
    if let Some(meant) = unknown.iter().find(|name| is_nearly_schema(name)) {
        message.push_str(&format!("; `{meant}` is no section of a contract: did you mean `schema`?"));
    } else if !unknown.is_empty() {
        let what = if unknown.len() == 1 { "is no section" } else { "are no sections" };
        message.push_str(&format!("; {} {what} of a contract", quoted(&unknown)));
    }
    Problem::of_whole(message).with_hint(
        "a contract has a `schema`, or `versions.schema` to join one that is stored; one part alone is stored with its \
         kind, as in `charter put --kind metadata`",
    )
}

fn is_nearly_schema(name: &str) -> bool {
    !similar(name, &["schema"]).is_empty()
}

/// Names in a message, the first few of them.
fn quoted(names: &[&str]) -> String {
    const MAX_LISTED: usize = 6;
    let mut quoted: Vec<String> = names.iter().take(MAX_LISTED).map(|name| format!("`{}`", shown_name(name))).collect();
    if names.len() > MAX_LISTED {
        quoted.push(format!("{} more", names.len() - MAX_LISTED));
    }
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A name in a message: short, on one line.
fn shown_name(name: &str) -> String {
    let shown = shown(&name.into());
    shown.trim_matches('"').to_owned()
}

/// Why an object without `schema` and without a keyword that restricts values is no JSON Schema either; `None` if it
/// can be one.
fn unlike_schema(object: &Object) -> Option<Problem> {
    let part = match object.get("rules") {
        Some(Value::Object(rules)) if rules.iter().all(|(_, rule)| rule.as_str().is_some()) => Kind::CoercionRules,
        Some(Value::Object(_)) => Kind::ValidationRules,
        _ => Kind::Metadata,
    };
    let alone = format!(
        "to store one part of a contract alone, say which it is, as in `charter put --kind {part}`, or `--kind schema` \
         for a schema"
    );
    if part != Kind::Metadata {
        let message = "this has `rules` and no `schema`: it looks like the rules of a contract, not like the contract";
        return Some(Problem::of_whole(message).with_hint(alone));
    }
    let is_typo = |(name, value): (&str, &Value)| is_nearly_schema(name) && value.as_object().is_some();
    if !contract_sections(object).is_empty() || object.iter().any(is_typo) {
        return Some(without_schema(object));
    }
    // `version` is charter's own, and says nothing about what a document is.
    if object.keys().all(is_annotation) || object.keys().any(|name| is_annotation(name) && name != "version") {
        return None;
    }
    let message = "this is neither a contract (it has no `schema`) nor a JSON Schema (it has no member that JSON Schema \
                   knows)";
    Some(Problem::of_whole(message).with_hint(alone))
}
