//! `charter watch`: put contract files as they are saved.

use super::files::{self, Contents};
use super::put::{record_value, sort_as_given, table};
use super::session::{Session, refuse_folder, refuse_memory, refuse_url};
use super::ui::{Outcome, count, error_value, object};
use crate::config::{ConfigWatcher, Configuration, Event as ConfigurationEvent, Surroundings, Target};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::record::{ContractOptions, Digest, Document, Draft, Format, Object, Value};
use crate::store::{Access, Fate, PutRecord, Store};
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecursiveMode, Watcher};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How long files must be quiet before they are read.
const QUIET: Duration = Duration::from_millis(100);
/// How long to wait for quiet at most.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait before a store is tried again that could not be reached.
const RETRY: Duration = Duration::from_secs(3);

/// Put contract files as they are saved
///
/// Puts the contract files of a folder and its subfolders, and then each one as it is saved, until it is interrupted
/// (exit code 0). A file that cannot be stored is reported, and watching goes on. Nothing is ever deleted from the store.
///
/// charter.cfg is watched too: when the URL of the database in it changes, charter finishes with the old database and
/// goes on with the new one, beginning with what is in the folder. A broken edit is reported, and the last good
/// configuration stays.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter watch contracts/
  charter watch . --db sqlite:///drafts.db
  charter watch contracts/ --json    One JSON object on each line, errors included")]
pub(super) struct Arguments {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    refuse_url(&arguments.folder.to_string_lossy(), "the folder")?;
    let given = session.given_url(None)?;
    if !arguments.folder.is_dir() {
        return Err(Error::new(ErrorKind::NotFound, "there is no such folder").at(&arguments.folder, None).into());
    }
    let (sender, messages) = channel();
    end_on_interrupt(sender.clone())?;
    let configuration = follow_configuration(given, sender.clone())?;
    refuse_memory(&configuration.database().url)?;
    refuse_folder(&configuration.database().url)?;
    // Watched before it is read, so that nothing saved meanwhile is missed.
    let root = std::env::current_dir().context("finding the working directory")?.join(&arguments.folder);
    let mut watcher = notify::recommended_watcher(move |event| {
        // An error means that the program is ending.
        let _ = sender.send(Message::Files(event));
    })
    .map_err(|error| unwatchable(&arguments.folder, error))?;
    watcher.watch(&root, RecursiveMode::Recursive).map_err(|error| unwatchable(&arguments.folder, error))?;
    let mut watching = Watching {
        session,
        folder: &arguments.folder,
        root,
        configuration,
        store: None,
        seen: HashMap::new(),
        told: HashMap::new(),
        waiting: BTreeSet::new(),
        is_unreachable: false,
    };
    watching.begin()?;
    watching.follow(&messages)?;
    watching.event(object! {"event": "ended"}, || "ended".to_owned())
}

enum Message {
    Files(notify::Result<notify::Event>),
    Configuration(ConfigurationEvent),
    End,
}

fn unwatchable(folder: &Path, error: notify::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the folder cannot be watched: {error}")).at(folder, None).with_source(error)
}

fn end_on_interrupt(sender: Sender<Message>) -> Result<()> {
    let is_second = AtomicBool::new(false);
    let handler = move || {
        if is_second.swap(true, Ordering::Relaxed) {
            // Whoever asks twice does not want to wait for a slow store.
            std::process::exit(130);
        }
        let _ = sender.send(Message::End);
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Error::new(ErrorKind::Io, format!("interrupts cannot be caught: {error}")).with_source(error))
}

/// Passes on the events of the configuration from a thread of its own, which ends with the program.
fn follow_configuration(given: Option<&str>, sender: Sender<Message>) -> Result<Arc<Configuration>> {
    let watcher = ConfigWatcher::new(Surroundings::current()?, given)?;
    let configuration = watcher.current();
    std::thread::spawn(move || {
        loop {
            if let Some(event) = watcher.next(Duration::from_secs(3600))
                && sender.send(Message::Configuration(event)).is_err()
            {
                break;
            }
        }
    });
    Ok(configuration)
}

struct Watching<'a> {
    session: &'a Session<'a>,
    /// The folder as the caller named it.
    folder: &'a Path,
    /// The folder as events name it.
    root: PathBuf,
    configuration: Arc<Configuration>,
    /// `None` before the first use, and after it could not be opened.
    store: Option<Store>,
    /// What was last done with in each file, so that one save which makes several events is one.
    seen: HashMap<PathBuf, Digest>,
    /// The error that was last told of each file, or of the store under the folder's own path.
    told: HashMap<PathBuf, String>,
    /// Files that are good but could not be stored yet.
    waiting: BTreeSet<PathBuf>,
    /// Whether the store is to be tried again.
    is_unreachable: bool,
}

impl Watching<'_> {
    fn begin(&mut self) -> Outcome {
        self.warn_of_configuration();
        let (folder, database) = (self.folder.display().to_string(), self.location());
        self.event(object! {"event": "watching", "folder": folder.as_str(), "database": database.as_str()}, || {
            format!("watching {folder}, putting into {database}; Ctrl-C ends")
        })?;
        self.put_everything()
    }

    fn follow(&mut self, messages: &Receiver<Message>) -> Outcome {
        loop {
            let message = match self.is_unreachable {
                true => messages.recv_timeout(RETRY),
                false => messages.recv().map_err(RecvTimeoutError::from),
            };
            match message {
                Ok(Message::Files(event)) => {
                    let mut changed = BTreeSet::new();
                    self.collect(event, &mut changed);
                    let others = self.settle(messages, &mut changed);
                    self.put(changed)?;
                    for event in others.configurations {
                        self.configure(event)?;
                    }
                    if others.is_end {
                        return Ok(());
                    }
                }
                Ok(Message::Configuration(event)) => self.configure(event)?,
                Err(RecvTimeoutError::Timeout) => self.put(BTreeSet::new())?,
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if !self.root.is_dir() {
                return Err(Error::new(ErrorKind::NotFound, "the folder is gone").at(self.folder, None).into());
            }
        }
    }

    /// Collects changes until there are none for a moment.
    fn settle(&self, messages: &Receiver<Message>, changed: &mut BTreeSet<PathBuf>) -> Others {
        let mut others = Others::default();
        let deadline = Instant::now() + PATIENCE;
        while !others.is_end && Instant::now() < deadline {
            match messages.recv_timeout(QUIET) {
                Ok(Message::Files(event)) => self.collect(event, changed),
                Ok(Message::Configuration(event)) => others.configurations.push(event),
                Ok(Message::End) => others.is_end = true,
                Err(_) => break,
            }
        }
        others
    }

    /// Adds the contract files that an event is about.
    fn collect(&self, event: notify::Result<notify::Event>, changed: &mut BTreeSet<PathBuf>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                self.session.ui.warning(None, &format!("changes may have been missed: {error}"));
                return self.collect_everything(changed);
            }
        };
        if event.need_rescan() {
            return self.collect_everything(changed);
        }
        let is_change = match event.kind {
            // Reading a file must not look like saving it.
            EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
            EventKind::Remove(_) => false,
            _ => true,
        };
        for path in event.paths.iter().filter(|_| is_change) {
            let relative = path.strip_prefix(&self.root).unwrap_or(path);
            if files::is_hidden(relative) {
                continue;
            }
            let path = self.folder.join(relative);
            if path.is_dir() {
                self.collect_folder(&path, changed);
            } else if Format::of_path(&path).is_some() {
                changed.insert(path);
            }
        }
    }

    fn collect_everything(&self, changed: &mut BTreeSet<PathBuf>) {
        self.collect_folder(self.folder, changed);
    }

    fn collect_folder(&self, folder: &Path, changed: &mut BTreeSet<PathBuf>) {
        let mut found = Vec::new();
        if let Err(error) = files::walk(folder, &files::is_contract, &mut found) {
            self.session.ui.warning(None, &error.to_string());
        }
        changed.extend(found);
    }

    fn configure(&mut self, event: ConfigurationEvent) -> Outcome {
        let configuration = match event {
            ConfigurationEvent::Changed(configuration) => configuration,
            ConfigurationEvent::Broken(error) => {
                self.error(&error)?;
                return self.event(object! {"event": "configuration", "status": "broken"}, || {
                    "the last good configuration stays in effect".to_owned()
                });
            }
        };
        let (old, new) = (self.configuration.database(), configuration.database());
        let is_same = old.url == new.url && old.source.is_foreign() == new.source.is_foreign();
        self.configuration = configuration;
        self.warn_of_configuration();
        let database = self.location();
        if is_same {
            return self
                .event(object! {"event": "configuration", "status": "same", "database": database.as_str()}, || {
                    format!("the configuration changed; still putting into {database}")
                });
        }
        self.store = None;
        self.is_unreachable = false;
        self.seen.clear();
        self.told.clear();
        self.waiting.clear();
        self.event(object! {"event": "configuration", "status": "changed", "database": database.as_str()}, || {
            format!("the configuration changed; now putting into {database}")
        })?;
        self.put_everything()
    }

    fn warn_of_configuration(&self) {
        for warning in self.configuration.warnings() {
            self.session.ui.warning(warning.location.as_ref(), &warning.message);
        }
        for hint in self.configuration.hints() {
            self.session.ui.hint(hint);
        }
    }

    fn location(&self) -> String {
        self.configuration.database().url.to_string()
    }

    fn put_everything(&mut self) -> Outcome {
        let mut changed = BTreeSet::new();
        self.collect_everything(&mut changed);
        self.put(changed)
    }

    /// Puts what was saved, and what could not be put before: together if that is possible, else each file by itself.
    fn put(&mut self, mut changed: BTreeSet<PathBuf>) -> Outcome {
        changed.append(&mut self.waiting.clone());
        let mut contents = Vec::new();
        for path in changed {
            contents.extend(self.read(&path)?);
        }
        if contents.is_empty() {
            self.is_unreachable = false;
            return Ok(());
        }
        let store = match self.store() {
            Ok(store) => store,
            Err(errors) => {
                self.waiting.extend(contents.into_iter().map(|file| file.path));
                self.is_unreachable = true;
                return errors.iter().try_for_each(|error| self.tell(self.folder, error));
            }
        };
        self.is_unreachable = false;
        let Err(error) = self.put_files(&store, &contents)? else { return Ok(()) };
        if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Busy) {
            self.waiting.extend(contents.into_iter().map(|file| file.path));
            self.is_unreachable = true;
            return self.tell(self.folder, &error);
        }
        for file in contents {
            // One bad file does not keep the others out.
            if let Err(error) = self.put_files(&store, std::slice::from_ref(&file))? {
                let is_unreachable = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Busy);
                self.is_unreachable |= is_unreachable;
                if is_unreachable || error.kind() == ErrorKind::NotFound {
                    // The store may come back, and what the file refers to may come yet.
                    self.waiting.insert(file.path.clone());
                }
                let error = if error.location().is_none() { error.at(&file.path, None) } else { error };
                self.tell(&file.path, &error)?;
            }
        }
        Ok(())
    }

    /// Puts files in one transaction, and tells what is new.
    fn put_files(&mut self, store: &Store, contents: &[Contents]) -> Outcome<Result<()>> {
        let drafts: Vec<Draft> = contents.iter().flat_map(|file| file.drafts.iter().cloned()).collect();
        let mut records = match store.put_drafts(&drafts) {
            Ok(records) => records,
            Err(error) => return Ok(Err(error)),
        };
        sort_as_given(&mut records, &drafts);
        self.told.remove(self.folder);
        for file in contents {
            self.waiting.remove(&file.path);
            self.told.remove(&file.path);
        }
        let (stored, unchanged): (Vec<PutRecord>, Vec<PutRecord>) =
            records.iter().cloned().partition(|record| record.fate == Fate::Stored);
        let ui = self.session.ui;
        if ui.is_json() {
            let files = contents.iter().map(|file| Value::from(file.path.display().to_string()));
            let put = object! {
                "event": "put",
                "files": files.collect::<Vec<_>>(),
                "stored": stored.len() as u64,
                "unchanged": unchanged.len() as u64,
                "records": records.iter().map(record_value).collect::<Vec<_>>(),
            };
            ui.document(&Value::from(put).to_json())?;
        } else {
            ui.print(&table(&stored, false))?;
            let what = match contents {
                [file] => file.path.display().to_string(),
                files => count(files.len(), "file"),
            };
            ui.note(&format!("{what}: {} stored, {} unchanged", count(stored.len(), "record"), unchanged.len()));
        }
        Ok(Ok(()))
    }

    /// Reads and checks a file; `None` if there is nothing new in it, or nothing good.
    fn read(&mut self, path: &Path) -> Outcome<Option<Contents>> {
        let document = Document::read(path);
        let seen = match &document {
            Ok(document) => Digest::of(&[document.text().as_bytes()]),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.seen.remove(path);
                self.told.remove(path);
                self.waiting.remove(path);
                return Ok(None);
            }
            Err(error) => Digest::of(&[b"error", error.to_string().as_bytes()]),
        };
        let is_new = self.seen.insert(path.to_owned(), seen) != Some(seen);
        if !is_new && !self.waiting.contains(path) {
            return Ok(None);
        }
        if is_new {
            self.told.remove(path);
        }
        match document.and_then(|document| Contents::from_document(path, &document, None, &ContractOptions::default()))
        {
            Ok(contents) => {
                for warning in contents.warnings.iter().filter(|_| is_new) {
                    self.session.ui.warning(warning.location.as_ref(), &warning.message);
                }
                Ok(Some(contents))
            }
            Err(error) => {
                self.waiting.remove(path);
                self.tell(path, &error)?;
                Ok(None)
            }
        }
    }

    fn store(&mut self) -> std::result::Result<Store, Vec<Error>> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        match self.session.connect(&self.configuration, Access::Write) {
            Ok(store) => {
                // A DuckDB file is one program's as long as that has it open: others get their turn between changes.
                if !matches!(self.configuration.database().url.target(), Target::DuckDb(_)) {
                    self.store = Some(store.clone());
                }
                Ok(store)
            }
            Err(super::ui::Failure::Errors(errors)) => Err(errors),
            Err(super::ui::Failure::Usage(error) | super::ui::Failure::Partly(error, _)) => Err(vec![error]),
            Err(super::ui::Failure::Told(_)) => Err(Vec::new()),
        }
    }

    /// Tells an error, unless it was the last thing told of this path.
    fn tell(&mut self, path: &Path, error: &Error) -> Outcome {
        let text = error.to_string();
        if self.told.get(path) == Some(&text) {
            return Ok(());
        }
        self.told.insert(path.to_owned(), text);
        self.error(error)
    }

    fn error(&self, error: &Error) -> Outcome {
        match self.session.ui.is_json() {
            true => {
                let event = object! {"event": "error", "error": error_value(error)};
                self.session.ui.document(&Value::from(event).to_json())
            }
            false => {
                self.session.ui.error(error);
                Ok(())
            }
        }
    }

    /// Says what happened: one line of JSON, or a note.
    fn event(&self, event: Object, note: impl FnOnce() -> String) -> Outcome {
        match self.session.ui.is_json() {
            true => self.session.ui.document(&Value::from(event).to_json()),
            false => {
                self.session.ui.note(&note());
                Ok(())
            }
        }
    }
}

/// What came while files were settling.
#[derive(Default)]
struct Others {
    configurations: Vec<ConfigurationEvent>,
    is_end: bool,
}
