//! The records of a contract file.

use super::Draft;
use super::form::{Form, SECTIONS, Section};
use crate::record::body::Body;
use crate::record::complete::rule_problems;
use crate::record::document::Document;
use crate::record::kind::{Kind, Versioning};
use crate::record::name::Name;
use crate::record::problem::{Problem, shown, similar};
use crate::record::rules;
use crate::record::schema::{self, keywords};
use crate::record::value::{Object, Value};
use crate::record::version::{SemanticVersion, Version};

/// Makes the drafts of one file and collects what is wrong with it. Pointers lead from the root of the document.
#[derive(Default)]
pub(super) struct Drafter<'d> {
    /// The file.
    pub(super) document: Option<&'d Document>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Drafter<'_> {
    /// The name that a document says it has.
    pub(super) fn stated_name(&mut self, form: &Form) -> Option<Name> {
        self.agreed(&form.names);
        let section = form.names.first()?;
        let Value::String(text) = &section.value else {
            self.problem(&section.pointer, format!("a name must be a string, not {}", shown(&section.value)));
            return None;
        };
        Name::new(text).map_err(|error| self.problem(&section.pointer, error.message().to_owned())).ok()
    }

    /// The version of a contract.
    pub(super) fn contract_version(&mut self, form: &Form, option: Option<&SemanticVersion>) -> SemanticVersion {
        self.agreed(&form.versions);
        let own = form.versions.first().and_then(|section| self.version(&section.pointer, &section.value));
        let listed = self.listed_version(form, &Kind::Contract);
        let version = option.cloned().or(own).or(listed.map(|(version, _)| version)).or_else(|| {
            let listed = self.listed_version(form, &Kind::Schema).map(|(version, _)| version);
            listed.or_else(|| self.body_version(&Kind::Schema, form.section("schema")?).map(|(version, _)| version))
        });
        // What is wrong with these is told when the parts are drafted.
        version.unwrap_or_else(|| SemanticVersion::new(1, 0, 0))
    }

    /// Places that say the same thing must agree.
    fn agreed(&mut self, places: &[Section]) {
        let Some((first, others)) = places.split_first() else { return };
        for other in others.iter().filter(|other| other.value != first.value) {
            let message = format!(
                "`{}` is {} but `{}` is {}",
                other.called(),
                shown(&other.value),
                first.called(),
                shown(&first.value)
            );
            self.problem(&other.pointer, message);
        }
    }

    /// All drafts of a contract file, the contract last.
    pub(super) fn drafts(
        &mut self,
        form: &Form,
        name: &Name,
        version: &SemanticVersion,
        option: Option<&SemanticVersion>,
    ) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let mut contract = Object::new();
        let schema = form.section("schema").map(|section| &section.value);
        for kind in [Kind::Schema, Kind::CoercionRules, Kind::ValidationRules, Kind::Metadata] {
            let listed = self.listed_version(form, &kind);
            let version = match form.section(kind.as_str()) {
                Some(section) => {
                    // The version that a caller gives to a bare schema is the schema's.
                    let given = option.filter(|_| form.bare).map(|option| (option.clone(), "the given version"));
                    let stated = listed.as_ref().map(|(version, called)| (version.clone(), called.as_str()));
                    let version = self.part_version(&kind, section, given.or(stated), version);
                    self.check_part(&kind, section, schema);
                    drafts.extend(self.draft(&kind, name, Some(version.clone().into()), section, &section.value));
                    version
                }
                None => match listed {
                    Some((version, _)) if !schema.is_some_and(|schema| is_inline(&kind, schema)) => version,
                    _ => continue,
                },
            };
            let mut reference = Object::new();
            reference.insert("name", name.as_str());
            reference.insert("version", version.to_string());
            contract.insert(kind.as_str(), reference);
        }
        if let Some(section) = form.section("ownership") {
            let body = wrapped(&Kind::Ownership, &section.value);
            drafts.extend(self.draft(&Kind::Ownership, name, None, section, &body));
            contract.insert("ownership", named(name));
        }
        if let Some(section) = form.section("governance_rules") {
            let rules = self.governance_rules(name, section);
            contract.insert("governance_rules", rules.iter().map(|rule| named(&rule.name).into()).collect::<Vec<_>>());
            drafts.extend(rules);
        }
        for (kept, section) in &form.kept {
            contract.insert(kept.as_str(), section.value.clone());
        }
        if let Some((listed, called)) = self.listed_version(form, &Kind::Contract)
            && listed != *version
            && let Some(section) = &form.part_versions
        {
            let pointer: Vec<String> = section.pointer.iter().cloned().chain([Kind::Contract.to_string()]).collect();
            self.problem(&pointer, format!("{called} is {listed}, but the version of the contract is {version}"));
        }
        if let Some(others) = self.other_versions(form) {
            contract.insert("versions", others);
        }
        let whole = Section { pointer: Vec::new(), value: contract.into() };
        drafts.extend(self.draft(&Kind::Contract, name, Some(version.clone().into()), &whole, &whole.value));
        drafts
    }

    /// The draft of one part that is a whole document.
    pub(super) fn part(
        &mut self,
        kind: &Kind,
        name: &Name,
        document: &Value,
        option: Option<&SemanticVersion>,
    ) -> Option<Draft> {
        let section = Section { pointer: Vec::new(), value: document.clone() };
        let version = match kind.versioning() {
            Some(Versioning::Edition) => None,
            _ => {
                let given = option.map(|option| (option.clone(), "the given version"));
                Some(Version::Semantic(self.part_version(kind, &section, given, &SemanticVersion::new(1, 0, 0))))
            }
        };
        self.check_part(kind, &section, None);
        self.draft(kind, name, version, &section, &wrapped(kind, document))
    }

    /// What is wrong with a body that is to be stored as it is, under a version that is given.
    pub(super) fn check(&mut self, kind: &Kind, version: &SemanticVersion, body: &Value) {
        let is_plain = !matches!(kind, Kind::Schema | Kind::CoercionRules | Kind::ValidationRules);
        if is_plain && body.get("version").is_none() {
            return;
        }
        let section = Section { pointer: Vec::new(), value: body.clone() };
        self.part_version(kind, &section, Some((version.clone(), "the given version")), version);
        self.check_part(kind, &section, None);
    }

    /// What is wrong with the content of a part.
    fn check_part(&mut self, kind: &Kind, section: &Section, schema: Option<&Value>) {
        let (warnings, problems) = match kind {
            Kind::Schema => {
                let (found, problems) = schema::check(&section.value);
                (found.warnings, problems)
            }
            Kind::CoercionRules | Kind::ValidationRules => (Vec::new(), rule_problems(schema, kind, &section.value)),
            _ => return,
        };
        self.warnings.extend(warnings.into_iter().map(|warning| warning.under(&section.pointer)));
        self.problems.extend(problems.into_iter().map(|problem| problem.under(&section.pointer)));
    }

    /// The version that a part is stored under. `stated` is what must agree with the body, and what it is called.
    fn part_version(
        &mut self,
        kind: &Kind,
        section: &Section,
        stated: Option<(SemanticVersion, &str)>,
        contract: &SemanticVersion,
    ) -> SemanticVersion {
        match (stated, self.body_version(kind, section)) {
            (Some((stated, called)), Some((own, pointer))) => {
                if stated != own {
                    let message = format!(
                        "the {kind} says that it is version {own}, but {called} is {stated}: a body that has a version \
                         is stored under it"
                    );
                    self.problem(&pointer, message);
                }
                stated
            }
            (Some((version, _)), None) | (None, Some((version, _))) => version,
            (None, None) => contract.clone(),
        }
    }

    /// What `versions` says about a part, and what that place is called.
    fn listed_version(&mut self, form: &Form, kind: &Kind) -> Option<(SemanticVersion, String)> {
        let section = form.part_versions.as_ref()?;
        let value = section.value.get(kind.as_str()).filter(|value| **value != Value::Null)?;
        let mut pointer = section.pointer.clone();
        pointer.push(kind.to_string());
        let called = format!("`{}.{kind}`", section.called());
        self.version(&pointer, value).map(|version| (version, called))
    }

    /// What `versions` says about anything but the parts that are stored under semantic versions.
    fn other_versions(&mut self, form: &Form) -> Option<Object> {
        let section = form.part_versions.as_ref()?;
        let Value::Object(versions) = &section.value else {
            let message =
                format!("`{}` must be an object of versions, not {}", section.called(), shown(&section.value));
            self.problem(&section.pointer, message);
            return None;
        };
        for name in versions.keys().filter(|name| !SECTIONS.contains(name) && *name != Kind::Contract.as_str()) {
            let pointer: Vec<String> = section.pointer.iter().cloned().chain([name.to_owned()]).collect();
            let meant = match similar(name, &SECTIONS).as_slice() {
                [] => String::new(),
                similar => format!("; did you mean {}?", similar.join(" or ")),
            };
            let message = format!("{} in `{}` is no part of a contract{meant}", shown(&name.into()), section.called());
            self.warnings.push(Problem::new(&pointer, message));
        }
        let parts = [Kind::Schema, Kind::CoercionRules, Kind::ValidationRules, Kind::Metadata];
        let others = versions.iter().filter(|(name, _)| parts.iter().all(|kind| kind.as_str() != *name));
        let others: Object = others.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        (!others.is_empty()).then_some(others)
    }

    /// The version that the body of a part says it has, and where. A `version` that is neither text nor a number is
    /// something else of the author's.
    fn body_version(&mut self, kind: &Kind, section: &Section) -> Option<(SemanticVersion, Vec<String>)> {
        let body = section.value.as_object()?;
        let value = match kind {
            Kind::CoercionRules | Kind::ValidationRules => rules::stated_version(kind, body)?,
            _ => body.get("version").filter(|value| matches!(value, Value::String(_) | Value::Number(_)))?,
        };
        let mut pointer = section.pointer.clone();
        pointer.push("version".to_owned());
        self.version(&pointer, value).map(|version| (version, pointer))
    }

    fn version(&mut self, pointer: &[String], value: &Value) -> Option<SemanticVersion> {
        // A number may be written in ways that JSON does not have, and a version in none of them: 0x10, +1.0.
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => {
                let written = self.document.and_then(|document| document.written(pointer));
                written.unwrap_or_else(|| number.literal().to_owned())
            }
            other => {
                self.problem(pointer, format!("a version must be a string or a number, not {}", shown(other)));
                return None;
            }
        };
        let refused = |error: crate::Error| {
            let problem = Problem::new(pointer, error.message());
            self.note(Problem { hint: error.hint().map(str::to_owned), ..problem });
        };
        text.parse().map_err(refused).ok()
    }

    /// One record for each rule, from an object of rules or a list of rules with names.
    fn governance_rules(&mut self, contract: &Name, section: &Section) -> Vec<Draft> {
        let rules: Vec<(Option<&str>, String, &Value)> = match &section.value {
            Value::Object(rules) => rules.iter().map(|(name, rule)| (Some(name), name.to_owned(), rule)).collect(),
            Value::Array(rules) => {
                let rules = rules.iter().enumerate();
                rules.map(|(at, rule)| (rule.get("name").and_then(Value::as_str), at.to_string(), rule)).collect()
            }
            other => {
                let message = format!("governance rules must be an object of rules, not {}", shown(other));
                self.problem(&section.pointer, message);
                return Vec::new();
            }
        };
        let mut drafts: Vec<Draft> = Vec::new();
        for (rule_name, token, rule) in rules {
            let mut pointer = section.pointer.clone();
            pointer.push(token);
            let Some(rule_name) = rule_name else {
                self.problem(&pointer, "a governance rule in a list must be an object with a `name`".to_owned());
                continue;
            };
            let name = match Name::new(&format!("{contract}.{rule_name}")) {
                Ok(name) => name,
                Err(error) => {
                    self.problem(&pointer, error.message().to_owned());
                    continue;
                }
            };
            if drafts.iter().any(|draft| draft.name == name) {
                self.problem(&pointer, format!("there are two governance rules {rule_name:?}"));
                continue;
            }
            let place = Section { pointer, value: wrapped(&Kind::GovernanceRule, rule) };
            drafts.extend(self.draft(&Kind::GovernanceRule, &name, None, &place, &place.value));
        }
        drafts
    }

    fn draft(
        &mut self,
        kind: &Kind,
        name: &Name,
        version: Option<Version>,
        section: &Section,
        body: &Value,
    ) -> Option<Draft> {
        match Body::from_value(body.clone()) {
            Ok(body) => Some(Draft { kind: kind.clone(), name: name.clone(), version, body }),
            Err(error) => {
                // A schema that is no body has already been refused as no schema, and rules as no rules.
                if !matches!(kind, Kind::Schema | Kind::CoercionRules | Kind::ValidationRules) {
                    self.problem(&section.pointer, format!("the {kind} cannot be stored: {error}"));
                } else if matches!(body, Value::Object(_) | Value::Bool(_)) {
                    self.problem(&section.pointer, error.to_string());
                }
                None
            }
        }
    }

    fn problem(&mut self, pointer: &[String], message: String) {
        self.note(Problem::new(pointer, message));
    }

    /// Notes a problem once: some places are looked at twice.
    fn note(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// A reference to a record of a kind that is edited in place: it names no edition.
fn named(name: &Name) -> Object {
    let mut reference = Object::new();
    reference.insert("name", name.as_str());
    reference
}

/// A body of a kind that may be written as one plain value: the owner alone, the setting alone.
fn wrapped(kind: &Kind, value: &Value) -> Value {
    let member = match (kind, value) {
        (Kind::Ownership, Value::String(_)) => "owner",
        (Kind::GovernanceRule, value) if !matches!(value, Value::Object(_)) => "value",
        _ => return value.clone(),
    };
    let mut object = Object::new();
    object.insert(member, value.clone());
    object.into()
}

/// Whether a schema has rules of a kind in itself.
fn is_inline(kind: &Kind, schema: &Value) -> bool {
    let member = match kind {
        Kind::CoercionRules => "coercion",
        Kind::ValidationRules => "validations",
        _ => return false,
    };
    let mut found = false;
    keywords::visit(schema, &mut Vec::new(), &mut |schema, _| {
        found = found || schema.get(member).is_some_and(|rules| *rules != Value::Null);
    });
    found
}
