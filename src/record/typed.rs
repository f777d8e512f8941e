//! Records of the kinds that charter knows, with what is in them.

use super::body::Body;
use super::key::Reference;
use super::kind::Kind;
use super::name::Name;
use super::problem::Problem;
use super::record::Record;
use super::rules;
use super::schema::{self, Dialect};
use super::value::Value;
use super::version::Version;
use crate::error::{Error, ErrorKind, Result};
use charter_sync::Digest;

macro_rules! typed {
    ($($(#[$documentation:meta])* $name:ident $kind:ident,)*) => {$(
        $(#[$documentation])*
        #[derive(Debug, Clone)]
        pub struct $name(Record);

        impl $name {
            /// What it is called.
            pub fn name(&self) -> &Name {
                &self.0.key().name
            }

            /// Which version of it this is.
            pub fn version(&self) -> &Version {
                &self.0.key().version
            }

            /// The JSON of the record.
            pub fn body(&self) -> &Body {
                self.0.body()
            }

            /// The identity of the record.
            pub fn digest(&self) -> &Digest {
                self.0.digest()
            }

            /// The record itself.
            pub fn record(&self) -> &Record {
                &self.0
            }

            /// The record itself.
            pub fn into_record(self) -> Record {
                self.0
            }
        }

        impl TryFrom<Record> for $name {
            type Error = Error;
            /// # Errors
            /// [`ErrorKind::Invalid`] if the record is of another kind, [`ErrorKind::Corrupt`] if its body is not JSON.
            fn try_from(record: Record) -> Result<Self> {
                if record.key().kind != Kind::$kind {
                    let message = format!("{} is not a {}", record.key(), Kind::$kind);
                    return Err(Error::new(ErrorKind::Invalid, message));
                }
                record.body().value()?;
                Ok(Self(record))
            }
        }

        impl From<$name> for Record {
            fn from(typed: $name) -> Self {
                typed.0
            }
        }
    )*};
}

typed! {
    /// A JSON Schema.
    Schema Schema,
    /// How values are converted before they are validated.
    CoercionRules CoercionRules,
    /// Checks beyond JSON Schema.
    ValidationRules ValidationRules,
    /// What is to be known about the data.
    Metadata Metadata,
    /// One rule of governance.
    GovernanceRule GovernanceRule,
    /// Who owns something.
    Ownership Ownership,
    /// Which schema, rules, metadata and ownership belong together.
    Contract Contract,
}

/// A member of a record's body; null counts as absent.
fn member<'r>(record: &'r Record, name: &str) -> Option<&'r Value> {
    record.body().value().ok()?.get(name).filter(|value| **value != Value::Null)
}

fn text<'r>(record: &'r Record, name: &str) -> Option<&'r str> {
    member(record, name)?.as_str()
}

impl Schema {
    /// The schema's title.
    pub fn title(&self) -> Option<&str> {
        text(&self.0, "title")
    }

    /// The schema's description.
    pub fn description(&self) -> Option<&str> {
        text(&self.0, "description")
    }

    /// The dialect that the schema is written in.
    pub fn dialect(&self) -> Dialect {
        self.body().value().map_or(Dialect::Draft202012, schema::dialect)
    }
}

impl CoercionRules {
    /// The rules in order: the path of what is converted, and the name of the coercion. Both shapes are read.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &str)> {
        read_rules(self.body(), &Kind::CoercionRules).filter_map(|rule| Some((rule.path, rule.value.as_str()?)))
    }
}

impl ValidationRules {
    /// The rules in order: the path of what is checked, and its checks, an object by name. Both shapes are read.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &Value)> {
        read_rules(self.body(), &Kind::ValidationRules).map(|rule| (rule.path, rule.value))
    }
}

fn read_rules<'a>(body: &'a Body, kind: &Kind) -> impl Iterator<Item = rules::Rule<'a>> {
    body.value().ok().and_then(|value| rules::read(kind, value).ok()).into_iter().flatten()
}

impl Metadata {
    /// What the data is.
    pub fn description(&self) -> Option<&str> {
        text(&self.0, "description")
    }

    /// One member of the metadata.
    pub fn get(&self, name: &str) -> Option<&Value> {
        member(&self.0, name)
    }
}

impl GovernanceRule {
    /// What the rule is for.
    pub fn description(&self) -> Option<&str> {
        text(&self.0, "description")
    }

    /// The setting of a rule that was written as one plain value, as `sensitivity: Internal`.
    pub fn value(&self) -> Option<&Value> {
        member(&self.0, "value")
    }
}

impl Ownership {
    /// Who owns it.
    pub fn owner(&self) -> Option<&str> {
        text(&self.0, "owner")
    }

    /// The team that it belongs to.
    pub fn team(&self) -> Option<&str> {
        text(&self.0, "team")
    }

    /// Whom to write to.
    pub fn contact(&self) -> Option<&str> {
        text(&self.0, "contact")
    }
}

impl Contract {
    /// The schema that the contract joins.
    pub fn schema(&self) -> Option<Reference> {
        self.joined(&Kind::Schema)
    }

    /// The coercion rules that the contract joins.
    pub fn coercion_rules(&self) -> Option<Reference> {
        self.joined(&Kind::CoercionRules)
    }

    /// The validation rules that the contract joins.
    pub fn validation_rules(&self) -> Option<Reference> {
        self.joined(&Kind::ValidationRules)
    }

    /// The metadata that the contract joins.
    pub fn metadata(&self) -> Option<Reference> {
        self.joined(&Kind::Metadata)
    }

    /// Who owns the data of the contract. It is edited in place, so the reference has no version.
    pub fn ownership(&self) -> Option<Reference> {
        self.joined(&Kind::Ownership)
    }

    /// The rules of governance for the contract, in order. They are edited in place: no versions.
    pub fn governance_rules(&self) -> impl Iterator<Item = Reference> {
        let rules = member(&self.0, "governance_rules").and_then(Value::as_array).unwrap_or_default();
        rules.iter().filter_map(|rule| self.reference(&Kind::GovernanceRule, rule))
    }

    /// Everything that the contract joins, with its kind.
    pub fn references(&self) -> Vec<(Kind, Reference)> {
        const JOINED: [Kind; 5] =
            [Kind::Schema, Kind::CoercionRules, Kind::ValidationRules, Kind::Metadata, Kind::Ownership];
        let joined = JOINED.into_iter().filter_map(|kind| self.joined(&kind).map(|reference| (kind, reference)));
        joined.chain(self.governance_rules().map(|reference| (Kind::GovernanceRule, reference))).collect()
    }

    /// The sections of the contract's file that charter keeps without knowing them, in order.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Value)> {
        const KNOWN: [&str; 6] =
            ["schema", "coercion_rules", "validation_rules", "metadata", "ownership", "governance_rules"];
        let object = self.body().value().ok().and_then(Value::as_object);
        object.into_iter().flat_map(|object| object.iter()).filter(|(name, _)| !KNOWN.contains(name))
    }

    fn joined(&self, kind: &Kind) -> Option<Reference> {
        self.reference(kind, member(&self.0, kind.as_str())?)
    }

    fn reference(&self, kind: &Kind, value: &Value) -> Option<Reference> {
        let name = Name::new(value.get("name")?.as_str()?).ok()?;
        let version = match value.get("version") {
            Some(version) => Some(Version::for_kind(kind, version.as_str()?).ok()?),
            None => None,
        };
        Some(Reference { namespace: self.0.key().namespace.clone(), name, version })
    }
}

/// What a contract's body joins and does not name as a record is named.
pub(super) fn unreadable_references(contract: &Value) -> Vec<Problem> {
    let read = |kind: &Kind, value: &Value| {
        let name = value.get("name").and_then(Value::as_str).is_some_and(|name| Name::new(name).is_ok());
        let version = value
            .get("version")
            .is_none_or(|version| version.as_str().is_some_and(|version| Version::for_kind(kind, version).is_ok()));
        name && version
    };
    let wanted = "must name what it joins, as in {\"name\": \"book\", \"version\": \"1.0.0\"}";
    let mut problems = Vec::new();
    for kind in [Kind::Schema, Kind::CoercionRules, Kind::ValidationRules, Kind::Metadata, Kind::Ownership] {
        if contract.get(kind.as_str()).is_some_and(|value| !read(&kind, value)) {
            problems.push(Problem::new(&[kind.as_str()], format!("a contract {wanted}")));
        }
    }
    match contract.get("governance_rules") {
        None => {}
        Some(Value::Array(rules)) if rules.iter().all(|rule| read(&Kind::GovernanceRule, rule)) => {}
        Some(_) => problems.push(Problem::new(&["governance_rules"], format!("each rule of a contract {wanted}"))),
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Namespace};
    use super::*;

    fn record(kind: Kind, version: &str, body: &str) -> Record {
        let key = Key {
            namespace: Namespace::new("sales").expect("a namespace"),
            version: Version::for_kind(&kind, version).expect(version),
            kind,
            name: Name::new("book").expect("a name"),
        };
        Record::new(key, None, Body::parse(body).expect(body)).expect("a record")
    }

    #[test]
    fn a_record_is_what_its_kind_says() {
        let schema =
            record(Kind::Schema, "1", r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "B"}"#);
        assert!(Contract::try_from(schema.clone()).is_err_and(|error| error.kind() == ErrorKind::Invalid));
        let schema = Schema::try_from(schema).expect("a schema");
        assert_eq!((schema.title(), schema.description(), schema.dialect()), (Some("B"), None, Dialect::Draft7));
        assert_eq!(schema.digest(), schema.clone().into_record().digest());
    }

    #[test]
    fn rules_are_read_in_both_shapes() {
        for body in [r#"{"a": "x", "b.c": "y"}"#, r#"{"version": "1.0.0", "rules": {"a": "x", "b.c": "y"}}"#] {
            let rules = CoercionRules::try_from(record(Kind::CoercionRules, "1", body)).expect("rules");
            assert_eq!(rules.rules().collect::<Vec<_>>(), [("a", "x"), ("b.c", "y")]);
        }
        let rules = ValidationRules::try_from(record(Kind::ValidationRules, "1", r#"{"a": {"min": {}}}"#));
        assert_eq!(rules.expect("rules").rules().count(), 1);
    }

    #[test]
    fn a_contract_knows_what_it_joins() {
        let body = r#"{"schema": {"name": "book", "version": "1.0.0"}, "ownership": {"name": "book"},
            "governance_rules": [{"name": "book.pii"}], "business_rules": {"a": 1}}"#;
        let contract = Contract::try_from(record(Kind::Contract, "2", body)).expect("a contract");
        let references: Vec<String> =
            contract.references().iter().map(|(kind, reference)| format!("{kind} {reference}")).collect();
        assert_eq!(references, ["schema sales/book@1.0.0", "ownership sales/book", "governance_rule sales/book.pii"]);
        assert_eq!(contract.sections().map(|(name, _)| name).collect::<Vec<_>>(), ["business_rules"]);
        assert!(contract.metadata().is_none());
    }

    #[test]
    fn ownership_and_governance_have_their_members() {
        let ownership = record(Kind::Ownership, "1", r#"{"owner": "a", "team": "b", "contact": null}"#);
        let ownership = Ownership::try_from(ownership).expect("an ownership");
        assert_eq!((ownership.owner(), ownership.team(), ownership.contact()), (Some("a"), Some("b"), None));
        let rule = GovernanceRule::try_from(record(Kind::GovernanceRule, "1", r#"{"value": "Internal"}"#));
        assert_eq!(rule.expect("a rule").value().and_then(Value::as_str), Some("Internal"));
    }
}
