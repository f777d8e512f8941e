//! The lock that keeps the migrators of an embedded file apart.

use crate::error::{Context, Error, ErrorKind, Result};
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A lock file beside a database. It is released and removed with the value, and released by the end of the process.
pub(crate) struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Waits for the lock of a database's file up to a limit; `waiting` is told once when somebody else has it.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when another one has it for longer than the limit, [`ErrorKind::Io`] when the lock file cannot
    /// be made.
    pub(crate) fn acquire(database: &Path, limit: Duration, waiting: &mut dyn FnMut()) -> Result<Self> {
        let mut wait = Wait { start: Instant::now(), limit, waiting, told: false };
        let mut name = OsString::from(database);
        name.push(".migrating");
        let path = PathBuf::from(name);
        // It is removed under the lock, so whoever gets the lock of a file that is no longer at its path has waited for
        // the wrong one, and waits again.
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .map_err(|error| Error::from(error).at(&path, None))
                .context("making the migrators' lock file")?;
            wait.for_lock(&file).map_err(|error| error.at(&path, None))?;
            if is_at_path(&file, &path) {
                return Ok(Self { file, path });
            }
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Another migrator may hold it open; it will see that the file has gone.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// One wait for a lock, which may change hands meanwhile.
struct Wait<'a> {
    start: Instant,
    limit: Duration,
    waiting: &'a mut dyn FnMut(),
    told: bool,
}

impl Wait<'_> {
    fn for_lock(&mut self, file: &File) -> Result<()> {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) if self.start.elapsed() < self.limit => {
                    if !std::mem::replace(&mut self.told, true) {
                        (self.waiting)();
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(ErrorKind::Busy, "another program is migrating this database")
                        .with_hint("wait for it, or end it; the lock goes with the program"));
                }
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }
}

#[cfg(unix)]
fn is_at_path(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// A file that is open cannot be replaced here.
#[cfg(not(unix))]
fn is_at_path(_: &File, path: &Path) -> bool {
    path.exists()
}
