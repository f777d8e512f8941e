//! `charter put`: store contract files.

use super::files::{self, Contents};
use super::session::{Session, parse_kind, refuse_memory, refuse_url};
use super::ui::{FAINT, Failure, GOOD, Outcome, PLAIN, Progress, Table, count, key_object, object, short};
use crate::config::Configuration;
use crate::error::{Error, ErrorKind};
use crate::record::{ContractOptions, Draft, Kind, Name, Subject, Value, Version, Versioning};
use crate::store::{Access, Fate, PutRecord, Store};
use std::collections::HashMap;
use std::path::PathBuf;

/// How many records are listed on a terminal, unless asked for all.
const LISTED: usize = 20;

/// Store contracts and their parts
///
/// Reads contract files, YAML or JSON: a contract with its schema, rules, metadata, ownership and governance rules, or
/// a bare JSON Schema. All files are read and checked before anything is stored; then all records are stored at once,
/// or none. Storing the same content again changes nothing; other content under a published version is a conflict
/// (exit code 3).
///
/// A folder stands for the *.yaml, *.yml and *.json files in it and in its subfolders; hidden ones are passed over. A
/// list in a file called owners, domains, systems or data_feeds is one record for each entry, under its `name`.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter put book.yaml                     Store a contract and its parts
  charter put contracts/                    Store every contract file in a folder, or none
  charter put book.yaml --version 1.1.0     Publish under another version
  charter put contracts/ --dry-run          Check everything, store nothing
  charter put rules.json --kind coercion_rules --name book
                                            Store one part of a contract by itself
  curl -s URL | charter put - --name book   Store what comes from standard input")]
pub(super) struct Arguments {
    /// Files and folders; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The name to store under, for a single file; else the document's own, else the file's without
    /// `_contract`
    #[arg(long)]
    name: Option<String>,
    /// The version to store under, for a single file; else the document's own, else 1.0.0
    #[arg(long)]
    version: Option<String>,
    /// The files are not contracts but parts of this kind: schema, coercion_rules, validation_rules,
    /// metadata, ownership, governance_rule or a kind of your own
    #[arg(long)]
    kind: Option<String>,
    /// Check everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// List every record, however many there are
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    for file in &arguments.files {
        refuse_url(&file.to_string_lossy(), "a file's name")?;
    }
    let kind = arguments.kind.as_deref().map(parse_kind).transpose()?;
    let options = options(arguments, kind.as_ref())?;
    let configuration = session.configuration(None)?;
    let reporting = Reporting { dry_run: arguments.dry_run, verbose: arguments.verbose };
    put(session, &configuration, &arguments.files, kind.as_ref(), &options, reporting)
}

/// What a put does beside storing.
#[derive(Clone, Copy)]
pub(super) struct Reporting {
    /// Check everything and store nothing.
    pub(super) dry_run: bool,
    /// List every record.
    pub(super) verbose: bool,
}

/// Stores what is in files and folders: all of it or nothing.
pub(super) fn put(
    session: &Session<'_>,
    configuration: &Configuration,
    files: &[PathBuf],
    kind: Option<&Kind>,
    options: &ContractOptions,
    reporting: Reporting,
) -> Outcome {
    if !reporting.dry_run {
        refuse_memory(&configuration.database().url)?;
    }
    let files = files::expand(files)?;
    if files.len() != 1 && (options.name.is_some() || options.version.is_some()) {
        let message =
            format!("--name and --version are for a single file, and these are {}", count(files.len(), "file"));
        return Err(Failure::Usage(Error::new(ErrorKind::Invalid, message)));
    }
    let progress = session.ui.progress("reading");
    let mut contents = Vec::new();
    let mut errors = Vec::new();
    for (place, file) in files.iter().enumerate() {
        progress.update("checking", place as u64, files.len() as u64);
        match Contents::read(file, kind, options) {
            Ok(file) => contents.push(file),
            Err(error) => errors.push(error),
        }
    }
    progress.suspend(|| {
        for warning in contents.iter().flat_map(|file| &file.warnings) {
            session.ui.warning(warning.location.as_ref(), &warning.message);
        }
    });
    if !errors.is_empty() {
        drop(progress);
        if files.len() > 1 {
            // The last line is what a person sees of many.
            let (wrong, all) = (errors.len(), count(files.len(), "file"));
            let message = format!("{wrong} of {all} cannot be stored, so nothing was stored");
            errors.push(Error::new(ErrorKind::Invalid, message));
        }
        return Err(Failure::Errors(errors));
    }
    let drafts: Vec<Draft> = contents.iter().flat_map(|file| file.drafts.iter().cloned()).collect();
    let storing = format!("storing {}", count(drafts.len(), "record"));
    progress.say(&storing);
    let location = configuration.database().url.to_string();
    let note = format!("this takes a while; another program that writes to {location} is waited for");
    let (store, records) = session.ui.patiently(&progress, &note, || -> Outcome<_> {
        Ok(match reporting.dry_run {
            false => {
                let store = session.connect_with(configuration, Access::Write, &progress)?;
                progress.say(&storing);
                let records = store.put_drafts(&drafts);
                (store, records)
            }
            true => {
                let store = existing_or_empty(session, configuration, &progress)?;
                let records = store.preview_drafts(&drafts);
                (store, records)
            }
        })
    })?;
    drop(progress);
    let mut records = records.map_err(|error| name_files(error, &contents, &store))?;
    sort_as_given(&mut records, &drafts);
    report(session, reporting, &records, &location)
}

fn options(arguments: &Arguments, kind: Option<&Kind>) -> Outcome<ContractOptions> {
    if let Some(kind) = kind.filter(|kind| kind.versioning() == Some(Versioning::Edition))
        && arguments.version.is_some()
    {
        let message = format!("the store numbers the editions of each {kind}: it takes no --version");
        return Err(Failure::Usage(Error::new(ErrorKind::Invalid, message)));
    }
    for (text, what) in [(&arguments.name, "the name"), (&arguments.version, "the version")] {
        refuse_url(text.as_deref().unwrap_or_default(), what)?;
    }
    let name = arguments.name.as_deref().map(Name::new).transpose().map_err(Failure::Usage)?;
    let version = arguments.version.as_deref().map(str::parse).transpose();
    let version = version.map_err(Failure::Usage)?;
    Ok(ContractOptions { name, version })
}

/// The store as it is, to try something on: an empty one in memory if there is no file yet, which putting would make.
fn existing_or_empty(session: &Session<'_>, configuration: &Configuration, progress: &Progress) -> Outcome<Store> {
    let is_file = configuration.database().url.is_embedded();
    let would_be_made = |error: &Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotInitialized);
    match session.connect_with(configuration, Access::Read, progress) {
        Err(Failure::Errors(errors)) if is_file && errors.iter().all(would_be_made) => {
            Ok(Store::open("memory:")?.in_namespace(session.namespace.clone()))
        }
        result => result,
    }
}

/// Says which files an error of the store comes from, where that is known.
fn name_files(error: Error, contents: &[Contents], store: &Store) -> Error {
    if !matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict) {
        // About the database.
        return error;
    }
    if let ([file], None) = (contents, error.location()) {
        return error.at(&file.path, None);
    }
    let mut named: Vec<&Contents> = Vec::new();
    for file in contents {
        let keys = file.drafts.iter().filter_map(|draft| {
            let version = draft.version.clone()?;
            let subject =
                Subject { namespace: store.namespace().clone(), kind: draft.kind.clone(), name: draft.name.clone() };
            Some(subject.at(version).to_string())
        });
        let keys: Vec<String> = keys.collect();
        if error.conflicts().iter().any(|conflict| keys.contains(&conflict.key)) {
            named.push(file);
        }
    }
    if named.is_empty() {
        named = contents.iter().filter(|file| file.drafts.iter().any(|draft| is_about(&error, draft))).collect();
    }
    match named.as_slice() {
        [] => error,
        [one] => error.at(&one.path, None),
        [one, two] => error.context(format!("{} and {}", one.path.display(), two.path.display())),
        [first, others @ ..] => {
            error.context(format!("{} and {} more", first.path.display(), count(others.len(), "file")))
        }
    }
}

/// Whether an error without keys of its own names the key of a draft, of whatever kind: rules have that of their schema.
fn is_about(error: &Error, draft: &Draft) -> bool {
    let text = error.to_string();
    let mut words = text.split([' ', ',', ':', '`']);
    words.any(|word| match word.rsplit_once('@') {
        Some((name, version)) => {
            let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
            name == draft.name.as_str()
                && draft
                    .version
                    .as_ref()
                    .is_none_or(|own| Version::from_stored(version).is_ok_and(|version| *own == version))
        }
        None => false,
    })
}

/// Orders what was put as it was given.
pub(super) fn sort_as_given(records: &mut [PutRecord], drafts: &[Draft]) {
    let mut places: HashMap<(&Kind, &Name), usize> = HashMap::new();
    for (place, draft) in drafts.iter().enumerate() {
        places.entry((&draft.kind, &draft.name)).or_insert(place);
    }
    records.sort_by_key(|record| places.get(&(&record.key.kind, &record.key.name)).copied());
}

fn report(session: &Session<'_>, reporting: Reporting, records: &[PutRecord], location: &str) -> Outcome {
    let stored = records.iter().filter(|record| record.fate == Fate::Stored).count();
    let unchanged = records.len() - stored;
    session.ui.result(
        || {
            let listed = match session.ui.is_interactive() && !reporting.verbose {
                true if records.len() > LISTED => &records[..LISTED],
                _ => records,
            };
            let mut text = table(listed, reporting.dry_run);
            if listed.len() < records.len() {
                text.push_str(&format!("... and {} more (--verbose lists all)\n", records.len() - listed.len()));
            }
            text
        },
        || {
            object! {
                "database": location,
                "dry_run": reporting.dry_run,
                "stored": stored as u64,
                "unchanged": unchanged as u64,
                "records": records.iter().map(record_value).collect::<Vec<_>>(),
            }
            .into()
        },
    )?;
    let summary = match reporting.dry_run {
        false => format!("{} stored, {unchanged} unchanged in {location}", count(stored, "record")),
        true => format!("dry run: {} would be stored, {unchanged} unchanged in {location}", count(stored, "record")),
    };
    session.ui.note(&summary);
    Ok(())
}

/// One line for each record.
pub(super) fn table(records: &[PutRecord], is_dry_run: bool) -> String {
    let mut table = Table::default();
    for record in records {
        let (style, fate) = match record.fate {
            Fate::Stored if is_dry_run => (GOOD, "would store"),
            Fate::Stored => (GOOD, "stored"),
            Fate::Unchanged => (FAINT, "unchanged"),
        };
        table.styled_row([
            (style, fate.to_owned()),
            (PLAIN, record.key.kind.to_string()),
            (PLAIN, record.key.reference().to_string()),
            (FAINT, short(&record.digest)),
        ]);
    }
    table.render()
}

pub(super) fn record_value(record: &PutRecord) -> Value {
    let mut value = key_object(&record.key);
    value.insert("digest", record.digest.to_string());
    value.insert(
        "status",
        match record.fate {
            Fate::Stored => "stored",
            Fate::Unchanged => "unchanged",
        },
    );
    value.into()
}
