//! `charter demo`: the main job, on embedded files.

use super::files::{self, Contents};
use super::put::{self, sort_as_given};
use super::session::Session;
use super::sync::{insert_pushed, pushed_text};
use super::ui::{FAINT, HEADING, Outcome, indented, object, or_null};
use crate::config::DatabaseUrl;
use crate::error::{Context, Error, Result};
use crate::record::{ContractOptions, Draft, Object, Value};
use crate::store::{OpenOptions, Pushed, Store};
use std::path::{Path, PathBuf};

/// The contracts that are put.
const CONTRACTS: [(&str, &str); 3] = [
    ("book.yaml", include_str!("../../examples/contracts/book.yaml")),
    ("customer.yaml", include_str!("../../examples/contracts/customer.yaml")),
    ("order.yaml", include_str!("../../examples/contracts/order.yaml")),
];

/// The contract that is read back.
const READ_BACK: &str = "order";

/// See charter at work, without any set-up
///
/// Does the main job in a temporary folder: makes a local store, puts example contracts into it, reads one back with its
/// rules merged in, pushes everything to a second file that plays the registry, and pushes again. Needs no network and
/// touches nothing else.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter demo
  charter demo --keep    Keep the folder with the databases and contracts, to try more")]
pub(super) struct Arguments {
    /// Keep the folder
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let folder = Folder::new(arguments.keep)?;
    let mut told = object! {"folder": or_null(arguments.keep.then(|| folder.path.display().to_string()))};
    let demo = Demo { session, folder: &folder.path };
    let (store, registry, contracts) = ("laptop.db", "registry.db", "contracts");

    demo.step(
        1,
        "Make a local store: a SQLite file, migrated on the spot",
        &format!("charter init sqlite:///{store}"),
    )?;
    let local_url = demo.url(store)?;
    let local = Store::connect(&local_url, &OpenOptions::default())?;
    demo.show(&format!("made {local_url}\n"))?;

    let command = format!("export CHARTER_DATABASE_URL=sqlite:///{store}\ncharter put {contracts}/");
    demo.step(2, "Put contracts into it: all of them or none", &command)?;
    let drafts = demo.write_contracts(contracts)?;
    let mut records = local.put_drafts(&drafts)?;
    sort_as_given(&mut records, &drafts);
    demo.show(&put::table(&records, false))?;
    told.insert("records", records.iter().map(put::record_value).collect::<Vec<_>>());

    demo.step(3, "Read a schema back, its rules merged in", &format!("charter get {READ_BACK} --complete --yaml"))?;
    let schema = local.get_complete_schema(READ_BACK, None)?;
    demo.show(&schema.to_yaml())?;
    told.insert("complete_schema", schema);

    demo.step(
        4,
        "Make a registry: here a second file, in a company a Postgres",
        &format!("charter db init sqlite:///{registry}"),
    )?;
    let registry_url = demo.url(registry)?;
    Store::initialize(&registry_url, None, &mut |_| {})?;
    let remote = Store::connect(&registry_url, &OpenOptions::default())?;
    demo.show(&format!("made {registry_url}\n"))?;

    let command = format!("charter sync push sqlite:///{registry}");
    for (number, title, name) in
        [(5, "Push everything to the registry", "push"), (6, "Push again: one question, nothing to do", "second_push")]
    {
        demo.step(number, title, &command)?;
        let pushed: Pushed = local.push(&remote)?;
        demo.show(&pushed_text(&pushed, &registry_url))?;
        let mut value = Object::new();
        insert_pushed(&mut value, &pushed);
        told.insert(name, value);
    }

    if session.ui.is_json() {
        return session.ui.document(&Value::from(told).to_json_pretty());
    }
    if arguments.keep {
        session.ui.print(&format!("\nEverything is in {}\n", folder.path.display()))
    } else {
        session.ui.print("\nThe folder is gone again; `charter demo --keep` keeps it.\n")
    }
}

struct Demo<'a> {
    session: &'a Session<'a>,
    folder: &'a Path,
}

impl Demo<'_> {
    /// Says what comes, with the commands that do the same.
    fn step(&self, number: u8, title: &str, commands: &str) -> Outcome {
        if self.session.ui.is_json() {
            return Ok(());
        }
        let first = if number == 1 { "" } else { "\n" };
        let commands: String = commands.lines().map(|line| format!("{FAINT}$ {line}{FAINT:#}\n")).collect();
        self.session.ui.print(&format!("{first}{HEADING}{number}. {title}{HEADING:#}\n{}", indented(&commands, 3)))
    }

    /// Shows what came of it.
    fn show(&self, text: &str) -> Outcome {
        if self.session.ui.is_json() { Ok(()) } else { self.session.ui.print(&indented(text, 3)) }
    }

    fn url(&self, name: &str) -> Result<DatabaseUrl> {
        DatabaseUrl::parse(&format!("sqlite:///{name}")).map(|url| url.relative_to(self.folder))
    }

    /// Writes the example contracts as files, and reads them as `charter put` does.
    fn write_contracts(&self, name: &str) -> Result<Vec<Draft>> {
        let folder = self.folder.join(name);
        std::fs::create_dir(&folder).map_err(|error| Error::from(error).at(&folder, None))?;
        for (name, text) in CONTRACTS {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|error| Error::from(error).at(&path, None))?;
        }
        let mut drafts = Vec::new();
        for path in files::expand(&[folder])? {
            drafts.extend(Contents::read(&path, None, &ContractOptions::default())?.drafts);
        }
        Ok(drafts)
    }
}

/// A temporary folder, removed with everything in it unless it is kept.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    fn new(is_kept: bool) -> Result<Self> {
        let name = format!("charter-demo-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).context("making a temporary folder")?;
        Ok(Self { path, is_kept })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // Whatever cannot be removed is the temporary folder's own to clear.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
