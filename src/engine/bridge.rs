//! The bridge from blocking callers to drivers that are asynchronous.

use crate::error::{Error, ErrorKind, Result};
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::thread::{self, JoinHandle, ThreadId};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One thread that owns a runtime. Callers send it a future and wait on a channel of the standard library, so they may
/// be plain threads or inside any runtime, where `Runtime::block_on` would panic. They do stall the runtime that they
/// are in: asynchronous programs wrap the call in `spawn_blocking`.
pub(crate) struct Bridge {
    jobs: Option<UnboundedSender<Job>>,
    thread: Option<JoinHandle<()>>,
    id: ThreadId,
}

impl Bridge {
    /// Starts the thread.
    pub(crate) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (jobs, mut received) = unbounded_channel::<Job>();
        let thread = thread::Builder::new().name("charter-bridge".to_owned()).spawn(move || {
            runtime.block_on(async move {
                while let Some(job) = received.recv().await {
                    tokio::spawn(job);
                }
            });
            // What is still running belongs to nobody: connections are closed as the runtime goes.
            runtime.shutdown_background();
        })?;
        let id = thread.thread().id();
        Ok(Self { jobs: Some(jobs), thread: Some(thread), id })
    }

    /// Runs a future on the bridge and waits for its result. A panic in it fails this call alone.
    pub(crate) fn call<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        if thread::current().id() == self.id {
            return Err(Error::new(
                ErrorKind::Backend,
                "a store was called from its own bridge, which would wait for itself",
            ));
        }
        let (reply, answer) = mpsc::sync_channel(1);
        let job: Job = Box::pin(async move {
            // The caller waits for exactly one answer; the channel has room for it.
            let _ = reply.send(work.await);
        });
        let gone = || Error::new(ErrorKind::Backend, "the store's connection thread has ended");
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        answer
            .recv()
            .map_err(|_| Error::new(ErrorKind::Backend, "a call to the server panicked; others are not affected"))?
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread::current().id() != self.id
        {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_panic_fails_one_call_and_no_other() {
        let bridge = Bridge::start().expect("a thread");
        let failed = bridge.call(async { if true { panic!("on purpose") } else { Ok(1) } });
        assert_eq!(failed.map_err(|error| error.kind()), Err(ErrorKind::Backend));
        assert_eq!(bridge.call(async { Ok(2) }).ok(), Some(2));
    }

    #[test]
    fn a_call_from_the_bridge_itself_is_an_error_and_not_a_deadlock() {
        let bridge = Arc::new(Bridge::start().expect("a thread"));
        let inner = bridge.clone();
        let nested = bridge.call(async move { Ok(inner.call(async { Ok(()) }).is_err()) });
        assert_eq!(nested.ok(), Some(true));
    }
}
