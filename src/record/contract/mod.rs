//! Contract files: what is to be stored for one.
//!
//! Three forms of file are read, in YAML and JSON:
//!
//! * **flat**: `schema` (an object or a boolean), and beside it `coercion_rules`, `validation_rules`, `metadata`,
//!   `ownership`, `governance_rules`, `versions`, `name`, `version`;
//! * **envelope**: `api_version`, `kind: DataContract`, `metadata` with `name` and `version`, and `spec` with the
//!   sections of the flat form;
//! * **bare**: nothing but a JSON Schema.
//!
//! The name of a contract without `name` is that in its `metadata`. Every contract says what its schema is, with `schema` or
//! `versions.schema`. Sections that charter does not know are kept in the contract. Each part becomes a record of its own under the name of
//! the contract, each governance rule one named `CONTRACT.RULE`; the contract refers to them. A part that is absent but
//! has its version in `versions` is joined as it is stored, unless it is inline in the schema.
//!
//! A part's version is what `versions` says, else what its own body says, else that of the contract. The contract's is
//! what the caller says, else what the document says, else what `versions` says, else that of the schema, else `1.0.0`.

mod drafts;
mod form;
mod list;

use super::body::Body;
use super::document::Document;
use super::kind::{Kind, Versioning};
use super::name::Name;
use super::problem::{Problem, fail_on};
use super::typed::unreadable_references;
use super::version::{SemanticVersion, Version};
use crate::error::{Error, ErrorKind, Location, Result};
use drafts::Drafter;
use form::Form;
pub use list::RecordList;
use std::fmt;
use std::path::Path;

/// What a caller says about a contract file, over what the file says itself.
#[derive(Debug, Clone, Default)]
pub struct ContractOptions {
    /// The name of the contract.
    pub name: Option<Name>,
    /// The version of the contract, and of parts that state none.
    pub version: Option<SemanticVersion>,
}

/// A record that is to be stored: checked, so it comes from a [`ContractFile`] or from [`Draft::new`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Draft {
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: Name,
    /// Under which version; `None` for the kinds whose editions the store gives.
    pub version: Option<Version>,
    /// Its content.
    pub body: Body,
}

impl Draft {
    /// A draft of a body that was not taken from a file, checked as those are.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with [`Problems`](super::Problems) as its source: a schema that is no valid JSON Schema,
    /// rules that are no rules, a body whose own `version` is another one, a version for a kind whose editions the
    /// store gives or none for another kind.
    pub fn new(kind: Kind, name: Name, version: Option<Version>, body: Body) -> Result<Self> {
        match (&version, kind.versioning()) {
            (Some(Version::Semantic(version)), Some(Versioning::Semantic)) => {
                let mut drafter = Drafter::default();
                drafter.check(&kind, version, body.value()?);
                if kind == Kind::Contract {
                    drafter.problems.extend(unreadable_references(body.value()?));
                }
                fail_on(drafter.problems, None)?;
            }
            (None, Some(Versioning::Edition)) | (Some(_), None) => {}
            (_, Some(Versioning::Edition)) => {
                let message = format!("the store numbers the editions of a {kind}: it takes no version");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            (_, Some(Versioning::Semantic) | None) => {
                return Err(Error::new(ErrorKind::Invalid, format!("a {kind} is stored under a version of its own")));
            }
        }
        Ok(Self { kind, name, version, body })
    }
}

/// What somebody should know about a file that is acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub location: Option<Location>,
    /// What.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// What a contract file says is to be stored. It depends on the file and the options alone.
#[derive(Debug, Clone)]
pub struct ContractFile {
    /// The name of the contract.
    pub name: Name,
    /// The version of the contract.
    pub version: SemanticVersion,
    /// The records, in the order in which they must be stored: the contract, which refers to the others, is the last.
    pub drafts: Vec<Draft>,
    /// What the author should know.
    pub warnings: Vec<Warning>,
}

impl ContractFile {
    /// Reads a contract file; `-` is the standard input.
    ///
    /// # Errors
    /// As [`Document::read`] and [`ContractFile::from_document`].
    pub fn read(path: &Path, options: &ContractOptions) -> Result<Self> {
        Self::from_document(&Document::read(path)?, stem(path).as_deref(), options)
    }

    /// Takes a document as a contract file. `stem` is the name of the file without its ending, from which a contract
    /// without a name gets one.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with [`Problems`](super::Problems) as its source: the document is no contract; its schema
    /// is not valid; a rule's path does not exist in the schema; a name or version cannot be one; a body's version is
    /// not the one that it would be stored under; there is no name.
    pub fn from_document(document: &Document, stem: Option<&str>, options: &ContractOptions) -> Result<Self> {
        let form = match Form::of(document.value()) {
            Ok(form) => form,
            Err(problems) => {
                fail_on(problems, Some(document))?;
                Form::default()
            }
        };
        let mut drafter = Drafter { document: Some(document), ..Drafter::default() };
        let name = match (&options.name, drafter.stated_name(&form), stem) {
            (Some(name), _, _) => name.clone(),
            (None, Some(name), _) => name,
            (None, None, Some(stem)) => name_of_stem(stem, &[], document)?,
            (None, None, None) => {
                fail_on(drafter.problems, Some(document))?;
                return Err(nameless(document));
            }
        };
        let version = drafter.contract_version(&form, options.version.as_ref());
        let drafts = drafter.drafts(&form, &name, &version, options.version.as_ref());
        fail_on(drafter.problems, Some(document))?;
        let found = form.warnings.into_iter().chain(drafter.warnings).collect();
        Ok(Self { name, version, drafts, warnings: warnings(found, document) })
    }

    /// Takes a document as one part of a contract, to be stored alone: the whole document is its body. The name is the
    /// caller's, else the stem's less an ending as `_coercion_rules` for the kind; the version is the caller's, else
    /// what the body says, else `1.0.0`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] as for [`ContractFile::from_document`], and if the kind is `contract`.
    pub fn part(
        document: &Document,
        kind: &Kind,
        stem: Option<&str>,
        options: &ContractOptions,
    ) -> Result<(Draft, Vec<Warning>)> {
        if *kind == Kind::Contract {
            let error = Error::new(ErrorKind::Invalid, "a contract is put from its file, not as one part");
            return Err(error.with_hint("leave out the kind"));
        }
        let name = match (&options.name, stem) {
            (Some(name), _) => name.clone(),
            (None, Some(stem)) => {
                name_of_stem(stem, &[&format!("_{kind}") as &str, &format!(".{kind}") as &str], document)?
            }
            (None, None) => return Err(nameless(document)),
        };
        if kind.versioning() == Some(Versioning::Edition) && options.version.is_some() {
            let message = format!("the store numbers the editions of a {kind}: it takes no version");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let mut drafter = Drafter { document: Some(document), ..Drafter::default() };
        let draft = drafter.part(kind, &name, document.value(), options.version.as_ref());
        fail_on(drafter.problems, Some(document))?;
        match draft {
            Some(draft) => Ok((draft, warnings(drafter.warnings, document))),
            None => Err(Error::new(ErrorKind::Invalid, format!("the document cannot be the body of a {kind}"))),
        }
    }
}

/// A file's name without its ending `.json`, `.yaml` or `.yml`; other endings are part of the name. `-` has none.
pub fn stem(path: &Path) -> Option<String> {
    if path.as_os_str() == "-" {
        return None;
    }
    let name = match super::document::Format::of_path(path) {
        Some(_) => path.file_stem()?,
        None => path.file_name()?,
    };
    name.to_str().map(str::to_owned)
}

fn name_of_stem(stem: &str, endings: &[&str], document: &Document) -> Result<Name> {
    let endings = ["_contract", ".contract"].iter().chain(endings);
    let shortened = endings.filter_map(|ending| stem.strip_suffix(ending)).find(|name| !name.is_empty());
    Name::new(shortened.unwrap_or(stem)).map_err(|error| {
        let error = error.context("taking the contract's name from the file's").with_hint("give a name with --name");
        match document.file() {
            Some(file) => error.at(file, None),
            None => error,
        }
    })
}

fn nameless(document: &Document) -> Error {
    let error = Error::new(ErrorKind::Invalid, "the document has no name").with_hint("give a name with --name");
    match document.file() {
        Some(file) => error.at(file, None),
        None => error,
    }
}

fn warnings(warnings: Vec<Problem>, document: &Document) -> Vec<Warning> {
    let located = warnings.into_iter().map(|warning| warning.located(document));
    located.map(|warning| Warning { location: warning.location, message: warning.message }).collect()
}

#[cfg(test)]
mod tests;
