//! The lock that keeps the migrators of an embedded file apart.

use crate::error::{Error, ErrorKind, Result};
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
        let path = place(database);
        // It is removed under the lock, so whoever gets the lock of a file that is no longer at its path has waited for
        // the wrong one, and waits again.
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|error| {
                Error::new(ErrorKind::Io, error.to_string())
                    .with_source(error)
                    .at(&path, None)
                    .context("making the migrators' lock file")
                    .with_hint("migrating needs a database and a folder that can be written")
            })?;
            wait.for_lock(&file).map_err(|error| error.at(&path, None))?;
            if is_at_path(&file, &path) {
                return Ok(Self { file, path });
            }
        }
    }
}

/// Where the lock file of a database is: beside the file itself, by whatever link it was named, or two migrators would
/// lock two files.
fn place(database: &Path) -> PathBuf {
    let folder = || {
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(folder.canonicalize().ok()?.join(database.file_name()?))
    };
    let path = database.canonicalize().ok().or_else(folder).unwrap_or_else(|| database.to_owned());
    let mut name = OsString::from(path);
    name.push(".migrating");
    PathBuf::from(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(30);

    #[test]
    fn a_second_migrator_waits_and_gives_up_at_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("x.db");
        let first = LockFile::acquire(&database, SHORT, &mut || panic!("nobody has it")).expect("a lock");
        let mut told = 0;
        let error = LockFile::acquire(&database, SHORT, &mut || told += 1).err().expect("it is taken");
        assert_eq!((error.kind(), told), (ErrorKind::Busy, 1), "{error:?}");
        drop(first);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("the folder").count(),
            0,
            "the lock file goes with the lock"
        );
        LockFile::acquire(&database, SHORT, &mut || panic!("nobody has it")).expect("a lock");
    }

    /// Whoever waited for a file that was removed under the lock must not think that it has the lock.
    #[test]
    fn of_many_that_wait_one_at_a_time_has_the_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("x.db");
        let inside = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _lock = LockFile::acquire(&database, Duration::from_secs(60), &mut || {}).expect("a lock");
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_database_has_one_lock_whatever_link_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (database, link) = (folder.path().join("x.db"), folder.path().join("link.db"));
        std::fs::write(&database, "").expect("a file");
        std::os::unix::fs::symlink(&database, &link).expect("a link");
        let _lock = LockFile::acquire(&database, SHORT, &mut || {}).expect("a lock");
        let error = LockFile::acquire(&link, SHORT, &mut || {}).err().expect("it is taken");
        assert_eq!(error.kind(), ErrorKind::Busy);
    }

    #[test]
    fn a_lock_file_that_cannot_be_made_is_told_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("x.db");
        std::fs::create_dir(place(&database)).expect("something in the way");
        let error = LockFile::acquire(&database, SHORT, &mut || {}).err().expect("it is a folder");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.hint().is_some() && error.to_string().contains("x.db.migrating"), "{error:?}");
    }
}
