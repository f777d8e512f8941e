//! What programs call most: one group of methods for each kind.

use super::Store;
use super::backend::Listed;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{
    CoercionRules, Contract, Digest, Draft, GovernanceRule, IntoBody, Kind, Metadata, Name, Ownership, Record,
    Reference, Schema, ValidationRules, Value, Version, complete_schema,
};
use std::fmt;
use std::str::FromStr;

/// The identity of a record: its digest, the same in every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(Digest);

/// The identity of a schema.
pub type SchemaId = RecordId;

impl RecordId {
    /// The digest that it is.
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Digest> for RecordId {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl FromStr for RecordId {
    type Err = Error;
    /// # Errors
    /// [`ErrorKind::Invalid`] unless the text is 64 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self> {
        let invalid =
            |error| Error::new(ErrorKind::Invalid, format!("{text:?} is no identity of a record")).with_source(error);
        text.parse().map(Self).map_err(invalid)
    }
}

/// Which record is wanted: one identity, or one name, whose version is said beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This very record.
    Id(RecordId),
    /// The record of that name, which may have its namespace before it: `sales/user`.
    Name(String),
}

impl From<RecordId> for Which {
    fn from(id: RecordId) -> Self {
        Self::Id(id)
    }
}

impl From<&RecordId> for Which {
    fn from(id: &RecordId) -> Self {
        Self::Id(*id)
    }
}

impl From<&str> for Which {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<&String> for Which {
    fn from(name: &String) -> Self {
        Self::Name(name.clone())
    }
}

impl From<String> for Which {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

macro_rules! published {
    ($what:literal $kind:ident $type:ident $store:ident $get:ident $list:ident) => {
        #[doc = concat!("Stores ", $what, " under a name and a version. The same content again is a no-op that gives the same identity.")]
        ///
        /// # Errors
        /// [`ErrorKind::Conflict`] when the version is published with other content, [`ErrorKind::Invalid`] when the
        /// name, the version or the body cannot be stored, or the body's own `version` is another one.
        pub fn $store(&self, name: &str, body: impl IntoBody, version: &str) -> Result<RecordId> {
            let version = Version::for_kind(&Kind::$kind, version)?;
            self.store_draft(Draft::new(Kind::$kind, Name::new(name)?, Some(version), body.into_body()?)?)
        }
        published!(@read $what $kind $type $get $list "version, else the latest release");
    };
    (@read $what:literal $kind:ident $type:ident $get:ident $list:ident $default:literal) => {
        #[doc = concat!("Gives ", $what, ", by identity or by name: the ", $default, ".")]
        ///
        /// # Errors
        /// [`ErrorKind::NotFound`], with the versions that exist or the names that are near.
        pub fn $get(&self, which: impl Into<Which>, version: Option<&str>) -> Result<$type> {
            self.get_kind(&Kind::$kind, which.into(), version)?.try_into()
        }

        #[doc = concat!("Lists every version of ", $what, " in this namespace, without bodies, by name and version.")]
        ///
        /// # Errors
        /// What the engine says.
        pub fn $list(&self) -> Result<Vec<Listed>> {
            self.list(&self.namespace, Some(&Kind::$kind), None)
        }
    };
}

macro_rules! edited {
    ($what:literal $kind:ident $type:ident $store:ident $get:ident $list:ident) => {
        #[doc = concat!("Stores ", $what, ". A change makes the next edition; the same content as the newest edition is a no-op.")]
        ///
        /// # Errors
        /// [`ErrorKind::Invalid`] when the name or the body cannot be stored.
        pub fn $store(&self, name: &str, body: impl IntoBody) -> Result<RecordId> {
            self.store_draft(Draft::new(Kind::$kind, Name::new(name)?, None, body.into_body()?)?)
        }
        published!(@read $what $kind $type $get $list "edition, else the newest");
    };
}

impl Store {
    published!("a JSON Schema" Schema Schema store_schema get_schema list_schemas);
    published!("coercion rules" CoercionRules CoercionRules store_coercion_rules get_coercion_rules list_coercion_rules);
    published!("validation rules" ValidationRules ValidationRules store_validation_rules get_validation_rules
        list_validation_rules);
    published!("metadata" Metadata Metadata store_metadata get_metadata list_metadata);
    edited!("an ownership" Ownership Ownership store_ownership get_ownership list_ownership);
    edited!("a governance rule" GovernanceRule GovernanceRule store_governance_rule get_governance_rule
        list_governance_rules);
    published!(@read "a contract" Contract Contract get_contract list_contracts "version, else the latest release");

    /// Gives a schema with its rules merged in: `coercion` and `validations` at each field that a rule names, and the
    /// schema's version.
    ///
    /// If there is a contract of that name (and version), it says which schema and rules belong together. Else rules
    /// belong to the schema of their own name and version.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is neither such a contract nor such a schema; [`ErrorKind::Invalid`] when a
    /// rule is for a field that the schema does not have.
    ///
    /// # Examples
    /// ```
    /// let store = charter::Store::open("memory:")?;
    /// store.store_schema("order", r#"{"properties": {"lines": {"items": {"properties": {"sku": {}}}}}}"#, "1.0.0")?;
    /// store.store_validation_rules("order", r#"{"lines[].sku": {"max_length": {"threshold": 20}}}"#, "1.0.0")?;
    /// let complete = store.get_complete_schema("order", Some("1.0.0"))?;
    /// let sku = ["properties", "lines", "items", "properties", "sku", "validations", "max_length", "threshold"];
    /// assert_eq!(complete.at(&sku).map(|threshold| threshold.to_json()).as_deref(), Some("20"));
    /// # Ok::<(), charter::Error>(())
    /// ```
    pub fn get_complete_schema(&self, name: &str, version: Option<&str>) -> Result<Value> {
        let reference = self.reference(&Kind::Schema, name, version)?;
        let contract = self.find(&Kind::Contract, &reference)?.map(Contract::try_from).transpose()?;
        let joined = contract.as_ref().and_then(|contract| Some((contract, contract.schema()?)));
        let (schema, coercion, validation) = match joined {
            Some((contract, schema)) => (
                self.get(&Kind::Schema, &schema)?,
                contract.coercion_rules().map(|rules| self.get(&Kind::CoercionRules, &rules)).transpose()?,
                contract.validation_rules().map(|rules| self.get(&Kind::ValidationRules, &rules)).transpose()?,
            ),
            None => {
                let schema = self.get(&Kind::Schema, &reference)?;
                let same = schema.key().reference();
                let coercion = self.find(&Kind::CoercionRules, &same)?;
                let validation = self.find(&Kind::ValidationRules, &same)?;
                (schema, coercion, validation)
            }
        };
        let body = |rules: &Option<Record>| rules.as_ref().map(|rules| rules.body().value().cloned()).transpose();
        let (coercion, validation) = (body(&coercion)?, body(&validation)?);
        complete_schema(schema.body().value()?, &schema.key().version, coercion.as_ref(), validation.as_ref())
    }

    fn store_draft(&self, draft: Draft) -> Result<RecordId> {
        let put = self.put_drafts(&[draft])?;
        let put =
            put.first().ok_or_else(|| Error::new(ErrorKind::Backend, "the store took the record and said nothing"))?;
        Ok(RecordId(put.digest))
    }

    fn reference(&self, kind: &Kind, name: &str, version: Option<&str>) -> Result<Reference> {
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (crate::record::Namespace::new(namespace)?, name),
            None => (self.namespace.clone(), name),
        };
        let version = version.map(|version| Version::for_kind(kind, version)).transpose()?;
        Ok(Reference { namespace, name: Name::new(name)?, version })
    }

    fn get_kind(&self, kind: &Kind, which: Which, version: Option<&str>) -> Result<Record> {
        let id = match which {
            Which::Name(name) => return self.get(kind, &self.reference(kind, &name, version)?),
            Which::Id(id) => id,
        };
        let found = self.read_one(super::Selector::Digest(id.0))?.filter(|record| record.key().kind == *kind);
        let record = found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no {kind} {id}")))?;
        if let Some(version) = version
            && Version::for_kind(kind, version)? != record.key().version
        {
            let message = format!("{id} is {}, which is not version {version}", record.key());
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        Ok(record)
    }
}

#[cfg(all(test, feature = "redb"))]
mod tests {
    use crate::Store;

    /// What is complete does not depend on whether the version was said, and later rules change no earlier version.
    #[test]
    fn rules_belong_to_the_schema_of_their_version() -> crate::Result<()> {
        let store = Store::open("memory:")?;
        store.store_schema("book", r#"{"properties": {"isbn": {}}}"#, "1.0.0")?;
        let bare = store.get_complete_schema("book", None)?;
        store.store_coercion_rules("book", r#"{"pages": "coerce_to_integer"}"#, "2.0.0")?;
        assert_eq!(store.get_complete_schema("book", None)?, bare);
        assert_eq!(store.get_complete_schema("book", Some("1.0.0"))?, bare);
        store.store_schema("book", r#"{"properties": {"pages": {}}}"#, "2.0.0")?;
        let complete = store.get_complete_schema("book", None)?;
        assert_eq!(complete.at(&["properties", "pages", "coercion"]), Some(&"coerce_to_integer".into()));
        Ok(())
    }
}
