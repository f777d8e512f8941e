//! `charter get`: print a document.

use super::session::{Session, parse_kind};
use super::ui::{Failure, Outcome};
use crate::error::{Error, ErrorKind};
use crate::record::{Kind, Record, Reference};
use crate::store::{Access, Store};

/// Print a schema, a complete schema, or any other record
///
/// Prints the document as it was stored: indented JSON, with --json on one line, with --yaml as YAML. Without a
/// version it is the latest release.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter get book                         The latest release of the schema `book`
  charter get book@1.0.0 --yaml            One version of it, as YAML
  charter get book --complete              The schema with its rules merged in
  charter get book --kind metadata         Another part of the contract `book`
  charter get sales/book --kind contract   What the contract joins, in the namespace `sales`
  charter get book --json | jq .title")]
pub(super) struct Arguments {
    /// Which one; what follows the last `@` is a version if it can be one
    #[arg(value_name = "[NAMESPACE/]NAME[@VERSION]")]
    name: String,
    /// The kind of the record; by default a schema
    #[arg(long, default_value = "schema", hide_default_value = true)]
    kind: String,
    /// The schema with its coercion and validation rules merged in
    #[arg(long, conflicts_with = "kind")]
    complete: bool,
    /// Let a pre-release be the latest version
    #[arg(long)]
    pre: bool,
    /// Print YAML
    #[arg(long)]
    yaml: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    refuse_two_formats(session, arguments.yaml)?;
    let kind = parse_kind(&arguments.kind)?;
    let mut reference = session.reference(&arguments.name, &kind)?;
    let store = session.open(Access::Read)?;
    if arguments.complete {
        if arguments.pre && reference.version.is_none() {
            reference.version = latest_joined(&store, &reference)?;
        }
        let version = reference.version.as_ref().map(ToString::to_string);
        let store = store.in_namespace(reference.namespace.clone());
        let schema = store.get_complete_schema(reference.name.as_str(), version.as_deref())?;
        return match (arguments.yaml, session.ui.is_json()) {
            (true, _) => session.ui.document(&schema.to_yaml()),
            (false, true) => session.ui.document(&schema.to_json()),
            (false, false) => session.ui.document(&schema.to_json_pretty()),
        };
    }
    let record = find(&store, &kind, &reference, arguments.pre)?;
    match (arguments.yaml, session.ui.is_json()) {
        (true, _) => session.ui.document(&record.body().value()?.to_yaml()),
        (false, true) => session.ui.document(record.body().as_str()),
        (false, false) => session.ui.document(&record.body().value()?.to_json_pretty()),
    }
}

/// The record that a reference means.
pub(super) fn find(store: &Store, kind: &Kind, reference: &Reference, pre_releases: bool) -> Result<Record, Error> {
    if pre_releases
        && reference.version.is_none()
        && let Some(record) = store.latest(&reference.subject(kind.clone()), true)?
    {
        return Ok(record);
    }
    store.get(kind, reference)
}

/// The latest version, pre-releases included, of the contract of a name, else of its schema.
fn latest_joined(store: &Store, reference: &Reference) -> Result<Option<crate::record::Version>, Error> {
    for kind in [Kind::Contract, Kind::Schema] {
        if let Some(record) = store.latest(&reference.subject(kind), true)? {
            return Ok(Some(record.key().version.clone()));
        }
    }
    Ok(None)
}

/// Refuses `--yaml` with `--json`.
pub(super) fn refuse_two_formats(session: &Session<'_>, is_yaml: bool) -> Outcome {
    if is_yaml && session.ui.is_json() {
        let error = Error::new(ErrorKind::Invalid, "--json and --yaml do not go together");
        return Err(Failure::Usage(error.with_hint("leave out one of them")));
    }
    Ok(())
}
