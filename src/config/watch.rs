//! Following the configuration's files as they change.
//!
//! What is watched are folders, never files: an editor that replaces a file by renaming another, a file that appears
//! later, and a link that is switched to another folder are all changes of a folder. The folders are those in which
//! each candidate file is or might be, and those of every symbolic link on the way there; where a folder is missing,
//! the nearest one that is there. They are found anew with each change.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::Configuration;
use super::source::{ALEMBIC_FILE, CHARTER_FILE, Surroundings};
use crate::error::{Error, ErrorKind, Result};

/// How long the files must be quiet before they are read again.
const QUIET: Duration = Duration::from_millis(150);
/// How long to wait for quiet at most.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many symbolic links are followed on the way to one file, as Linux does.
const LINKS: usize = 40;

/// What a [`ConfigWatcher`] has to tell.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Other settings are in effect than those told last; or the files are whole again after [`Event::Broken`].
    Changed(Arc<Configuration>),
    /// The files do not make a configuration any more; the last good one stays. The error names file and line.
    Broken(Error),
}

/// Follows the files of a configuration and keeps the newest valid one.
///
/// A file that cannot be read, or that has become empty, breaks the configuration: the last good one stays in effect
/// until it is repaired. A file that is deleted gives way to the next source. Variables and the argument are fixed
/// when the watcher is made.
///
/// Changes come from the operating system; a network file system may report none that another machine made. Folders
/// that may not be listed are not watched. Dropping the watcher ends its thread.
pub struct ConfigWatcher {
    shared: Arc<Shared>,
    signals: SyncSender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl ConfigWatcher {
    /// Reads the configuration and follows it from there; the arguments are those of [`Configuration::resolve`].
    ///
    /// # Errors
    /// Those of [`Configuration::resolve`]; [`ErrorKind::Io`] if the operating system cannot watch the folders.
    pub fn new(surroundings: Surroundings, database: Option<&str>) -> Result<Self> {
        let (signals, received) = sync_channel(1);
        let names = Arc::new(Mutex::new(BTreeSet::new()));
        let watcher = notify::recommended_watcher(handler(signals.clone(), Arc::clone(&names))).map_err(unwatchable)?;
        let database = database.map(str::to_owned);
        let mut follower = Follower { surroundings, database, watcher, names, plan: Plan::default() };
        let shared = Arc::new(Shared::new(follower.read()?));
        let ending = Ending(Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("charter-config".to_owned())
            .spawn(move || follower.follow(&received, &ending.0))
            .map_err(|error| Error::from(error).context("starting the thread that watches the configuration"))?;
        Ok(Self { shared, signals, thread: Some(thread) })
    }

    /// The newest valid configuration.
    pub fn current(&self) -> Arc<Configuration> {
        Arc::clone(&self.shared.lock().current)
    }

    /// Waits for the next event, up to `timeout`; `None` if nothing happened. Changes that come faster than they are
    /// asked for are told as one. Of several threads that wait, one gets the event.
    pub fn next(&self, timeout: Duration) -> Option<Event> {
        let mut event = None;
        let is_quiet = |state: &mut State| {
            event = state.take();
            event.is_none()
        };
        drop(self.shared.changed.wait_timeout_while(self.shared.lock(), timeout, is_quiet));
        event
    }
}

impl Drop for ConfigWatcher {
    fn drop(&mut self) {
        // An error means that the thread has ended already.
        let _ = self.signals.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for ConfigWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigWatcher").field("current", &self.current()).finish_non_exhaustive()
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The newest valid configuration.
    current: Arc<Configuration>,
    /// The one that was handed out last; the first one to begin with.
    told: Arc<Configuration>,
    /// What is wrong with the files now.
    fault: Option<Fault>,
    /// Whether the last event was [`Event::Broken`].
    told_broken: bool,
}

struct Fault {
    text: String,
    /// The error, until it is handed out.
    error: Option<Error>,
}

impl Shared {
    fn new(first: Configuration) -> Self {
        let current = Arc::new(first);
        let state = State { told: Arc::clone(&current), current, fault: None, told_broken: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The state is whole between any two statements, so a thread that panicked left nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, outcome: Result<Configuration>) {
        let mut state = self.lock();
        match outcome {
            Ok(configuration) => {
                state.current = Arc::new(configuration);
                state.fault = None;
            }
            Err(error) => {
                let text = format!("{error:?}");
                if state.fault.as_ref().is_none_or(|fault| fault.text != text) {
                    state.fault = Some(Fault { text, error: Some(error) });
                }
            }
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    /// The next event, if there is one: first what changed, then what broke after it.
    fn take(&mut self) -> Option<Event> {
        let is_repaired = self.told_broken && self.fault.is_none();
        if is_repaired || !self.current.same_settings(&self.told) {
            self.told = Arc::clone(&self.current);
            self.told_broken = false;
            return Some(Event::Changed(Arc::clone(&self.current)));
        }
        let error = self.fault.as_mut()?.error.take()?;
        self.told_broken = true;
        Some(Event::Broken(error))
    }
}

enum Signal {
    /// Something that may matter has changed.
    Touched,
    /// The watcher is dropped.
    Stop,
}

/// What the operating system's events are held against; shared with the handler of those events.
type Names = Arc<Mutex<BTreeSet<OsString>>>;

/// Passes on that something changed. Names alone are compared, because some systems report a folder by another path
/// than the one that was asked for.
fn handler(signals: SyncSender<Signal>, names: Names) -> impl FnMut(notify::Result<notify::Event>) + Send + 'static {
    move |event| {
        let is_relevant = event.map_or(true, |event| {
            let is_change = match event.kind {
                // Reading the files must not look like a change of them.
                EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
                _ => true,
            };
            let names = names.lock().unwrap_or_else(PoisonError::into_inner);
            let is_named = |path: &PathBuf| path.file_name().is_none_or(|name| names.contains(name));
            is_change && (event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(is_named))
        });
        if is_relevant {
            // A full channel says the same already.
            let _ = signals.try_send(Signal::Touched);
        }
    }
}

/// What to watch.
#[derive(Default, PartialEq)]
struct Plan {
    folders: BTreeSet<PathBuf>,
    /// The names of files, links and folders whose change may change the configuration.
    names: BTreeSet<OsString>,
}

impl Plan {
    fn new(surroundings: &Surroundings) -> Self {
        let mut plan = Self::default();
        for (_, folder) in surroundings.folders() {
            for name in [CHARTER_FILE, ALEMBIC_FILE] {
                plan.trace(folder.join(name));
            }
        }
        let folders = plan.folders.iter().filter_map(|folder| folder.file_name());
        plan.names.extend(folders.map(OsString::from));
        plan
    }

    /// Adds everything that decides what a path leads to.
    fn trace(&mut self, mut path: PathBuf) {
        for _ in 0..LINKS {
            match self.step(&path) {
                Some(next) => path = next,
                None => return,
            }
        }
    }

    /// Adds the first link of a path and gives the path with that link resolved; without a link, adds the path's end
    /// or its first missing part.
    fn step(&mut self, path: &Path) -> Option<PathBuf> {
        let mut prefix = PathBuf::new();
        let mut components = path.components();
        while let Some(component) = components.next() {
            prefix.push(component);
            match prefix.symlink_metadata() {
                Ok(metadata) if metadata.is_symlink() => {
                    self.add(&prefix);
                    let target = std::fs::read_link(&prefix).ok()?;
                    return Some(prefix.parent()?.join(target).join(components.as_path()));
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        self.add(&prefix);
        None
    }

    fn add(&mut self, path: &Path) {
        self.names.extend(path.file_name().map(OsString::from));
        self.folders.extend(path.parent().map(Path::to_owned));
    }
}

/// The thread's half of a watcher.
struct Follower {
    surroundings: Surroundings,
    database: Option<String>,
    watcher: RecommendedWatcher,
    names: Names,
    plan: Plan,
}

impl Follower {
    fn follow(&mut self, signals: &Receiver<Signal>, shared: &Shared) {
        while let Ok(Signal::Touched) = signals.recv() {
            if !is_settled(signals) {
                return;
            }
            let last = Arc::clone(&shared.lock().current);
            shared.accept(self.read().and_then(|configuration| refuse_emptied(configuration, &last)));
        }
    }

    /// Watches first and reads then, so that no change falls between.
    fn read(&mut self) -> Result<Configuration> {
        self.watch()?;
        Configuration::resolve(&self.surroundings, self.database.as_deref())
    }

    /// Watches what there is to watch, until that stays the same.
    fn watch(&mut self) -> Result<()> {
        for _ in 0..LINKS {
            let plan = Plan::new(&self.surroundings);
            self.names.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&plan.names);
            for gone in self.plan.folders.difference(&plan.folders) {
                // An error means that the folder is not watched, which is what is wanted.
                let _ = self.watcher.unwatch(gone);
            }
            for folder in &plan.folders {
                // Those that were watched already too: another folder may have taken the path.
                match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                    Err(error) if !is_passed_over(&error) => return Err(unwatchable(error)),
                    _ => {}
                }
            }
            let is_same = plan == self.plan;
            self.plan = plan;
            if is_same {
                break;
            }
        }
        Ok(())
    }
}

/// Waits for quiet; `false` if the watcher is dropped.
fn is_settled(signals: &Receiver<Signal>) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        match signals.recv_timeout(QUIET.min(end.saturating_duration_since(Instant::now()))) {
            Ok(Signal::Touched) if Instant::now() < end => {}
            Ok(Signal::Touched) | Err(RecvTimeoutError::Timeout) => return true,
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// A file that held settings and holds nothing is being written, or could not be (a full disk): its settings are not
/// withdrawn.
fn refuse_emptied(configuration: Configuration, last: &Configuration) -> Result<Configuration> {
    let was_full = |path: &&PathBuf| last.files().contains(path) && !last.empty_files.contains(path);
    match configuration.empty_files.iter().find(was_full) {
        None => Ok(configuration),
        Some(path) => Err(Error::new(ErrorKind::Configuration, "the file has become empty")
            .at(path, None)
            .with_hint("if that is meant, put a comment into it or remove it")),
    }
}

/// Whether a folder is gone, or not this user's to see.
fn is_passed_over(error: &notify::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => matches!(error.kind(), NotADirectory | NotFound | PermissionDenied),
        _ => false,
    }
}

fn unwatchable(error: notify::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the folders of the configuration cannot be watched: {error}")).with_source(error)
}

/// Tells those who wait that no more events will come.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.accept(Err(Error::new(ErrorKind::Io, "the configuration is not watched any more")));
    }
}

#[cfg(test)]
mod tests;
