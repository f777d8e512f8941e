//! Driving an asynchronous connection on the thread that waits for it.

use crate::error::{Error, ErrorKind, Result};
use std::future::Future;
use std::thread;
use tokio::runtime::{Handle, Runtime};

/// A runtime that runs only while somebody waits for a call, on that caller's own thread: no thread is woken for a call, as
/// on a [`Bridge`](super::bridge::Bridge). Between calls nothing moves, not even what a dropped transaction wants to say to
/// the server, so whoever uses it ends transactions by itself.
pub(crate) struct Drive {
    runtime: Option<Runtime>,
}

impl Drive {
    pub(crate) fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Runs a future and waits for its result. A panic in it fails this call alone. Callers may be inside of any runtime, which
    /// they stall; then the work is done on a thread of its own, because a runtime cannot be driven inside of another one.
    pub(crate) fn call<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let Some(runtime) = &self.runtime else {
            return Err(Error::new(ErrorKind::Backend, "the connection is closed"));
        };
        let panicked = || Error::new(ErrorKind::Backend, "a call to the server panicked");
        let drive = || runtime.block_on(async { tokio::spawn(work).await.map_err(|_| panicked())? });
        match Handle::try_current() {
            Err(_) => drive(),
            Ok(_) => thread::scope(|scope| scope.spawn(drive).join().map_err(|_| panicked())?),
        }
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        // Waits for nothing, and so may happen inside of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn calls_are_driven_on_plain_threads_and_inside_of_runtimes() {
        let answer = |drive: &Drive| {
            drive.call(async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(7)
            })
        };
        let drive = Drive::new().expect("a runtime");
        assert_eq!(answer(&drive).ok(), Some(7));
        for mut builder in [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
        {
            let other = builder.enable_all().build().expect("a runtime");
            let found = other.block_on(async {
                let inner = Drive::new()?;
                Ok::<_, Error>((answer(&drive)?, answer(&inner)?))
            });
            assert_eq!(found.ok(), Some((7, 7)));
        }
        assert_eq!(answer(&drive).ok(), Some(7));
    }

    #[test]
    fn a_panic_fails_one_call_and_no_other() {
        let drive = Drive::new().expect("a runtime");
        let failed = drive.call(async { if true { panic!("on purpose") } else { Ok(1) } });
        assert_eq!(failed.map_err(|error| error.kind()), Err(ErrorKind::Backend));
        assert_eq!(drive.call(async { Ok(2) }).ok(), Some(2));
    }
}
