//! What the engines of embedded files have in common.

use crate::error::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long charter goes on asking a busy database. Under many writers an engine's own wait is not fair, and some are
/// passed over again and again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a migrator waits for a file that another program has to itself, which may be at a long migration.
#[cfg(feature = "duckdb")]
pub(crate) const MIGRATORS_PATIENCE: Duration = Duration::from_secs(300);

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileAccess {
    /// Reading and writing; the file is made if it does not exist.
    Create,
    /// Reading and writing of a file that exists.
    Write,
    /// Reading of a file that exists.
    Read,
}

impl FileAccess {
    /// Refuses a file that does not exist and is not to be made.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub(crate) fn check(self, path: &Path) -> Result<()> {
        if self == Self::Create || path.exists() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, format!("there is no database {}", path.display()))
            .with_hint("make it with `charter init`, or put something into it with `charter put FILE`"))
    }
}

/// What a writing transaction came to.
pub(crate) enum Written<T> {
    /// Something changed; keep it.
    Commit(T),
    /// Nothing changed, or nothing shall.
    Nothing(T),
}

/// Repeats what is refused because another one is at work, for a bounded time.
pub(crate) fn patiently<T>(work: impl FnMut() -> Result<T>) -> Result<T> {
    patiently_for(PATIENCE, work)
}

/// Repeats what is refused because another one is at work, up to a limit.
pub(crate) fn patiently_for<T>(limit: Duration, mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match work() {
            Err(error) if error.kind() == ErrorKind::Busy && start.elapsed() < limit => {
                // Jitter from the clock: equal pauses would meet again.
                let jitter = Duration::from_nanos(u64::from(start.elapsed().subsec_nanos()) % 1_000_000);
                std::thread::sleep(pause + jitter);
                pause = (pause * 2).min(Duration::from_millis(100));
            }
            result => return result,
        }
    }
}

/// What a mutex guards, also after a thread has panicked: whoever holds a connection rolls its transaction back.
pub(crate) fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
