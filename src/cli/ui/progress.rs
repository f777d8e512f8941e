//! Progress of work that takes long.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long work may take without a sign of life.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// A bar on standard error that appears after a second, even while a call blocks, and is gone when this is dropped.
pub(in crate::cli) struct Progress {
    bar: ProgressBar,
    waiting: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(super) fn new(message: &str, is_shown: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let waiting = is_shown.then(|| {
            let (ended, end) = sync_channel::<()>(0);
            let bar = bar.clone();
            let thread = std::thread::spawn(move || {
                if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(TICK);
                }
            });
            (ended, thread)
        });
        let progress = Self { bar, waiting };
        progress.say(message);
        progress
    }

    /// Tells what is being done, where nobody knows how much of it there is.
    pub(in crate::cli) fn say(&self, message: &str) {
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            self.bar.set_style(style);
        }
        self.bar.unset_length();
        self.bar.set_message(message.to_owned());
    }

    /// Does something that prints.
    pub(in crate::cli) fn suspend(&self, work: impl FnOnce()) {
        self.bar.suspend(work);
    }

    /// Tells how much is done of how much.
    pub(in crate::cli) fn update(&self, message: &str, done: u64, total: u64) {
        if self.waiting.is_none() {
            return;
        }
        if self.bar.length() != Some(total) {
            if self.bar.length().is_none()
                && let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {pos}/{len}")
            {
                self.bar.set_style(style.progress_chars("=> "));
            }
            self.bar.set_length(total);
        }
        if self.bar.message() != message {
            self.bar.set_message(message.to_owned());
        }
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((ended, thread)) = self.waiting.take() {
            drop(ended);
            // It has nothing to say if it panicked: the bar is all it had.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
