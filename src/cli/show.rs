//! `charter show`: tell people about a contract.

use super::get::{find, refuse_two_formats};
use super::session::{Session, parse_kind};
use super::ui::{HEADING, Outcome, Table, indented, key_object, or_null, short};
use crate::error::{Error, ErrorKind};
use crate::record::{Contract, Kind, Record, Reference, Schema, Value};
use crate::store::{Access, Listed, Store};
use std::fmt::Write as _;

/// Show a contract: its parts, versions, ownership and governance
///
/// Shows the contract of a name with everything that it joins; if there is none, the schema. Another kind of record is
/// shown with --kind.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter show book                      The latest release of the contract `book`
  charter show book@1.0.0                One version of it
  charter show book --kind ownership     The ownership `book`
  charter show book --yaml               The same with every document, as YAML")]
pub(super) struct Arguments {
    /// Which one; what follows the last `@` is a version if it can be one
    #[arg(value_name = "[NAMESPACE/]NAME[@VERSION]")]
    name: String,
    /// The kind of the record; by default the contract of the name, else its schema
    #[arg(long)]
    kind: Option<String>,
    /// Let a pre-release be the latest version
    #[arg(long)]
    pre: bool,
    /// Print YAML
    #[arg(long)]
    yaml: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    refuse_two_formats(session, arguments.yaml)?;
    let kind = arguments.kind.as_deref().map(parse_kind).transpose()?;
    let reference = session.reference(&arguments.name, kind.as_ref().unwrap_or(&Kind::Contract))?;
    let store = session.open(Access::Read)?;
    let record = match &kind {
        Some(kind) => find(&store, kind, &reference, arguments.pre)?,
        None => contract_or_schema(&store, &reference, arguments.pre)?,
    };
    let shown = Shown::new(&store, record)?;
    if arguments.yaml {
        return session.ui.document(&shown.value()?.to_yaml());
    }
    let (text, value) = (shown.text()?, shown.value()?);
    session.ui.result(|| text, || value)
}

fn contract_or_schema(store: &Store, reference: &Reference, pre_releases: bool) -> Result<Record, Error> {
    let no_contract = match find(store, &Kind::Contract, reference, pre_releases) {
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        result => return result,
    };
    match find(store, &Kind::Schema, reference, pre_releases) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(no_contract),
        result => result,
    }
}

/// A record with what there is to know about it.
struct Shown {
    record: Record,
    /// Every version of it, ascending.
    versions: Vec<Listed>,
    parts: Vec<Part>,
}

/// What a contract joins.
struct Part {
    record: Record,
    stored_at: String,
}

impl Shown {
    fn new(store: &Store, record: Record) -> Result<Self, Error> {
        let mut parts = Vec::new();
        if record.key().kind == Kind::Contract {
            for (kind, reference) in Contract::try_from(record.clone())?.references() {
                let part = find(store, &kind, &reference, true)?;
                let listed = versions(store, &part)?;
                parts.push(Part { stored_at: stored_at(&listed, &part), record: part });
            }
        }
        Ok(Self { versions: versions(store, &record)?, record, parts })
    }

    fn text(&self) -> Result<String, Error> {
        let key = self.record.key();
        let mut text = format!("{HEADING}{} {}{HEADING:#}\n", key.kind, key.reference());
        let mut facts = Table::default();
        if let Ok(schema) = Schema::try_from(self.record.clone()) {
            let said = [("title", schema.title()), ("description", schema.description())];
            for (name, value) in said.into_iter().filter_map(|(name, value)| Some((name, value?))) {
                facts.row([name, value.lines().next().unwrap_or_default()]);
            }
        }
        facts.row(["digest", &self.record.digest().to_string()]);
        if let Some(parent) = self.record.parent() {
            facts.row(["replaces", &parent.to_string()]);
        }
        facts.row(["stored at", &stored_at(&self.versions, &self.record)]);
        let versions: Vec<String> = self.versions.iter().rev().map(|listed| listed.key.version.to_string()).collect();
        facts.row(["versions", &versions.join(", ")]);
        text.push_str(&indented(&facts.render(), 2));
        if key.kind != Kind::Contract {
            if key.kind != Kind::Schema {
                section(&mut text, "content", self.record.body().value()?);
            }
            return Ok(text);
        }
        let _ = writeln!(text, "\n{HEADING}parts{HEADING:#}");
        let mut parts = Table::default();
        for Part { record, stored_at } in &self.parts {
            let key = record.key();
            parts.row([&key.kind.to_string(), &key.reference().to_string(), &short(record.digest()), stored_at]);
        }
        text.push_str(&indented(&parts.render(), 2));
        for Part { record, .. } in &self.parts {
            match record.key().kind {
                Kind::Ownership => section(&mut text, "ownership", record.body().value()?),
                Kind::GovernanceRule => {
                    section(&mut text, &format!("governance rule {}", record.key().name), record.body().value()?);
                }
                _ => {}
            }
        }
        for (name, value) in Contract::try_from(self.record.clone())?.sections() {
            section(&mut text, name, value);
        }
        Ok(text)
    }

    fn value(&self) -> Result<Value, Error> {
        let part = |part: &Part| Ok(Value::from(record_value(&part.record, &part.stored_at)?));
        let versions = self.versions.iter().map(|listed| Value::from(listed.key.version.to_string()));
        let mut value = record_value(&self.record, &stored_at(&self.versions, &self.record))?;
        value.insert("versions", versions.collect::<Vec<_>>());
        if self.record.key().kind == Kind::Contract {
            value.insert("parts", self.parts.iter().map(part).collect::<Result<Vec<_>, Error>>()?);
        }
        Ok(value.into())
    }
}

fn versions(store: &Store, record: &Record) -> Result<Vec<Listed>, Error> {
    let key = record.key();
    store.list(&key.namespace, Some(&key.kind), Some(&key.name))
}

fn stored_at(versions: &[Listed], record: &Record) -> String {
    let listed = versions.iter().find(|listed| listed.key == *record.key());
    listed.map(|listed| listed.stored_at.clone()).unwrap_or_default()
}

fn record_value(record: &Record, stored_at: &str) -> Result<crate::record::Object, Error> {
    let mut value = key_object(record.key());
    value.insert("digest", record.digest().to_string());
    value.insert("replaces", or_null(record.parent().map(ToString::to_string)));
    value.insert("stored_at", stored_at);
    value.insert("body", record.body().value()?.clone());
    Ok(value)
}

fn section(text: &mut String, name: &str, value: &Value) {
    let _ = writeln!(text, "\n{HEADING}{name}{HEADING:#}");
    text.push_str(&indented(&value.to_yaml(), 2));
}
