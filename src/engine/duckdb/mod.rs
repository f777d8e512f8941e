//! DuckDB files: opening them, waiting for them, and connections to them.
//!
//! DuckDB locks a file for a process: one writes and reads, or many read. Its lock is POSIX's, which belongs to the process
//! and not to whoever took it: a second instance on the same file in one process would get it as well, and let go of it
//! for both when it is closed. So this process opens a file once, and all that use it share that instance.

mod connections;
mod migrating;

pub(crate) use connections::Connections;
pub(crate) use migrating::{Migrating, text_rows};

use crate::engine::OUTSIDE;
use crate::engine::file::{FileAccess, PATIENCE, patiently_for, unpoisoned};
use crate::error::{Error, ErrorKind, Result};
use duckdb::{AccessMode, Config, Connection};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The files that this process has open.
static OPEN: Mutex<Vec<Instance>> = Mutex::new(Vec::new());

/// A file that is open, and how many [`Share`]s there are of it.
struct Instance {
    file: FileId,
    writable: bool,
    shares: usize,
    turn: Arc<Turn>,
    /// Makes the other connections; nothing runs on it.
    root: Connection,
}

/// A part in a file that this process has open. It is closed, and its lock let go, with the last one: every connection has
/// to go before the share that it was made from.
struct Share {
    file: FileId,
    turn: Arc<Turn>,
}

impl Share {
    /// Opens a file, or joins those who have it open, waiting for other processes up to a limit.
    fn acquire(path: &Path, access: FileAccess, limit: Duration) -> Result<Self> {
        access.check(path)?;
        // An absolute path cannot begin like the name of a service.
        let path = std::path::absolute(path)?;
        patiently_for(limit, || Self::try_acquire(&path, access))
    }

    fn try_acquire(path: &Path, access: FileAccess) -> Result<Self> {
        let mut open = unpoisoned(&OPEN);
        let known = FileId::of(path).and_then(|file| open.iter_mut().find(|instance| instance.file == file));
        if let Some(instance) = known {
            if access != FileAccess::Read && !instance.writable {
                let message = "this program is reading this database, and DuckDB writes nothing meanwhile";
                return Err(Error::new(ErrorKind::Busy, message).with_hint("close what has it open to read"));
            }
            instance.shares += 1;
            return Ok(Self { file: instance.file.clone(), turn: instance.turn.clone() });
        }
        access.check(path)?;
        let writable = access != FileAccess::Read;
        let mode = if writable { AccessMode::ReadWrite } else { AccessMode::ReadOnly };
        if access == FileAccess::Create && !path.exists() {
            make(path)?;
        }
        let root = Connection::open_with_flags(path, configuration()?.access_mode(mode)?)?;
        let Some(file) = FileId::of(path) else {
            let message = format!("{} vanished while it was opened", path.display());
            return Err(Error::new(ErrorKind::Io, message));
        };
        let turn = Arc::new(Turn::default());
        let share = Self { file: file.clone(), turn: turn.clone() };
        open.push(Instance { file, writable, shares: 1, turn, root });
        Ok(share)
    }

    /// One more connection.
    fn connect(&self) -> Result<Connection> {
        let open = unpoisoned(&OPEN);
        let instance = open.iter().find(|instance| instance.file == self.file);
        let instance = instance.ok_or_else(|| Error::new(ErrorKind::Backend, "the DuckDB file is closed"))?;
        let connection = instance.root.try_clone()?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Closed under the mutex: whoever opens the file next finds the instance, or the lock let go.
        let mut open = unpoisoned(&OPEN);
        if let Some(place) = open.iter().position(|instance| instance.file == self.file) {
            open[place].shares -= 1;
            if open[place].shares == 0 {
                open.swap_remove(place);
            }
        }
    }
}

/// Which file it is, whatever its path.
#[cfg(unix)]
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileId(u64, u64);

#[cfg(unix)]
impl FileId {
    /// `None` when there is no file.
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }
}

/// Which file it is.
#[cfg(not(unix))]
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileId(std::path::PathBuf);

#[cfg(not(unix))]
impl FileId {
    /// `None` when there is no file.
    fn of(path: &Path) -> Option<Self> {
        std::fs::canonicalize(path).ok().map(Self)
    }
}

/// Whose turn it is to write to a file: DuckDB would let two write at once and then refuse one of them.
#[derive(Default)]
struct Turn {
    taken: Mutex<bool>,
    free: Condvar,
}

/// The turn to write, given back with the value.
struct Writing(Arc<Turn>);

impl Writing {
    fn wait(turn: &Arc<Turn>) -> Result<Self> {
        let taken = unpoisoned(&turn.taken);
        let (mut taken, _) =
            turn.free.wait_timeout_while(taken, PATIENCE, |taken| *taken).unwrap_or_else(PoisonError::into_inner);
        if *taken {
            return Err(Error::new(ErrorKind::Busy, "another part of this program is writing to this database")
                .with_hint("try again"));
        }
        *taken = true;
        Ok(Self(turn.clone()))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        *unpoisoned(&self.0.taken) = false;
        self.0.free.notify_one();
    }
}

/// Makes an empty database where there is none. DuckDB begins a file where others can see it, does not open what was cut off
/// in the middle of that, and empties what somebody else has made meanwhile: so it begins elsewhere, and what appears at the
/// path is whole.
fn make(path: &Path) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", uuid::Uuid::new_v4().simple()));
    let begun = Path::new(&name);
    let closed = Connection::open_with_flags(begun, configuration()?)
        .and_then(|connection| connection.close().map_err(|(_, error)| error));
    // Where it cannot be begun, opening it says why, with its own name.
    let made = closed.map_or(Ok(()), |()| publish(begun, path));
    let _ = std::fs::remove_file(begun);
    made
}

/// Gives a file a second name that nobody else has taken; whoever was quicker has made the same.
fn publish(begun: &Path, path: &Path) -> Result<()> {
    use std::io::ErrorKind::{AlreadyExists, Unsupported};
    let linked = std::fs::hard_link(begun, path).or_else(|error| match error.kind() {
        AlreadyExists => Ok(()),
        // A file system without links.
        Unsupported | std::io::ErrorKind::PermissionDenied if !path.exists() => std::fs::rename(begun, path),
        _ => Err(error),
    });
    linked.map_err(|error| Error::from(error).at(path, None).context("making the database"))?;
    // What is written into it later must not lose its name in a power failure.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// How charter opens DuckDB: no threads of its own, and no extension fetched from the network.
pub(super) fn configuration() -> Result<Config> {
    Ok(Config::default()
        .threads(1)?
        .with("async_threads", "0")?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?)
}

/// DuckDB's version.
pub(crate) fn version() -> Option<String> {
    static VERSION: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let ask = || Connection::open_in_memory_with_flags(configuration().ok()?).ok()?.version().ok();
    VERSION.get_or_init(|| ask().map(|version| version.trim_start_matches('v').to_owned())).clone()
}

/// What DuckDB says when a lock is not to be had, up to the program that has it.
const LOCKED: &str = "Conflicting lock is held in ";

/// What DuckDB says when it may not touch anything but the database itself.
const FORBIDDEN: &str = "Permission Error: ";

impl From<duckdb::Error> for Error {
    fn from(error: duckdb::Error) -> Self {
        // The lines below the reason repeat the statement, which may be a whole migration. DuckDB gives no codes: its words
        // are all there is, so there is no source that would say more.
        let text = error.to_string();
        let reason = text.split("\n\nLINE ").next().unwrap_or(&text).trim_end();
        let has = |part: &str| reason.contains(part);
        let holder = reason.split_once(LOCKED).and_then(|(_, rest)| rest.split_once(')'));
        let (kind, hint) = if has("database has been invalidated") || reason.starts_with("FATAL Error: ") {
            (ErrorKind::Backend, Some("end the program and start it again; what was acknowledged is in the file"))
        } else if has("Could not set lock on file") || has("being used by another process") {
            (
                ErrorKind::Busy,
                Some("DuckDB lets in one program that writes, or many that read: end that one, or wait for it"),
            )
        } else if reason.starts_with("TransactionContext Error: ") && (has("onflict") || has("was altered")) {
            (ErrorKind::Busy, Some("another part of this program is writing to this database; try again"))
        } else if reason.starts_with(FORBIDDEN) {
            return Self::new(ErrorKind::Refused, format!("{OUTSIDE}: DuckDB: {reason}"));
        } else if reason.starts_with("Data Corruption Error: ") {
            (ErrorKind::Corrupt, Some("restore the file from a backup"))
        } else if has("not a valid DuckDB database file") {
            (ErrorKind::Invalid, Some("the file is not a DuckDB database"))
        } else if has("sqlite_scanner") {
            (ErrorKind::Invalid, Some("the file is not a DuckDB database: for one of SQLite the URL is sqlite:///FILE"))
        } else if has("Could not read enough bytes from file") {
            (ErrorKind::Corrupt, Some("the file is cut off: restore it from a backup"))
        } else if has("No space left on device") || has("File too large") {
            (ErrorKind::Io, Some("the disk is full; nothing was changed"))
        } else if has("Permission denied") || has("Read-only file system") || has("attached in read-only mode") {
            (ErrorKind::Io, Some("the database or its folder cannot be written"))
        } else if has("No such file or directory") {
            (ErrorKind::Io, Some("check that the folder exists and can be written"))
        } else if reason.starts_with("IO Error: ") || has("Could not write file") {
            (ErrorKind::Io, None)
        } else {
            (ErrorKind::Backend, None)
        };
        let message = match holder {
            Some((program, _)) => format!("another program has this database open: {program})"),
            None => format!("DuckDB: {reason}"),
        };
        let error = Self::new(kind, message);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::process::Command;

    #[test]
    fn who_has_the_file_is_said() {
        let said = "IO Error: Could not set lock on file \"/x/a.duckdb\": Conflicting lock is held in /usr/bin/python3 \
                    (PID 7). However, you would be able to open this database in read-only mode.";
        let code = duckdb::ffi::Error::new(1);
        let error = Error::from(duckdb::Error::DuckDBFailure(code, Some(said.to_owned())));
        assert_eq!(error.message(), "another program has this database open: /usr/bin/python3 (PID 7)");
        assert!(error.kind() == ErrorKind::Busy && error.hint().is_some());
    }

    const FILE: &str = "CHARTER_TEST_DUCKDB_FILE";

    /// What another process is told when it asks for a file once.
    fn asked_by_another(path: &Path) -> String {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "engine::duckdb::tests::another_process_asks", "--nocapture"]);
        let output = command.env(FILE, path).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().find_map(|line| line.split("it says ").nth(1)).unwrap().to_owned()
    }

    /// Plays its part when it was started to. Otherwise it is a test of nothing.
    #[test]
    fn another_process_asks() {
        let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else { return };
        let said = |access| match Share::try_acquire(&path, access) {
            Ok(_) => "yes".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        println!("it says {} {}", said(FileAccess::Read), said(FileAccess::Write));
    }

    #[test]
    fn a_file_is_let_go_when_the_last_in_this_process_closes_it_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.duckdb");
        let first = Connections::open(&path, FileAccess::Create).unwrap();
        let second = Connections::open(&path, FileAccess::Write).unwrap();
        let third = Migrating::open(&path, FileAccess::Read).unwrap();
        for one in [Some(first), Some(second), None] {
            assert_eq!(asked_by_another(&path), "Busy Busy");
            drop(one);
        }
        drop(third);
        assert_eq!(asked_by_another(&path), "yes yes");

        let reader = Connections::open(&path, FileAccess::Read).unwrap();
        assert_eq!(asked_by_another(&path), "yes Busy");
        let error = Share::try_acquire(&path, FileAccess::Write).err().unwrap();
        assert!(error.kind() == ErrorKind::Busy && error.hint().is_some(), "{error:?}");
        drop(reader);
        assert!(Share::try_acquire(&path, FileAccess::Write).is_ok());
    }

    #[test]
    fn a_file_that_was_replaced_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.duckdb");
        let old = Share::acquire(&path, FileAccess::Create, PATIENCE).unwrap();
        std::fs::remove_file(&path).unwrap();
        let _ = std::fs::remove_file(folder.path().join("a.duckdb.wal"));
        let new = Share::acquire(&path, FileAccess::Create, PATIENCE).unwrap();
        assert_ne!(old.file, new.file);
    }

    #[test]
    fn what_somebody_else_has_made_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.duckdb");
        let other = Connection::open_with_flags(&path, configuration().unwrap()).unwrap();
        other.execute_batch("CREATE TABLE a (b BIGINT)").unwrap();
        drop(other);
        make(&path).unwrap();
        let connection = Share::acquire(&path, FileAccess::Read, PATIENCE).unwrap().connect().unwrap();
        assert_eq!(connection.query_row("SELECT count(*) FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "what was begun is gone");
    }
}
