//! What a subscriber, the handle that stops it, and the thread that wakes its task share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::Error;
use crate::journal::DurabilityWatch;
use crate::log;
use crate::panics::panic_message;
use crate::process::Process;
use crate::sync::has_passed;

/// Ends a subscription from another thread. [`Subscription::stop_handle`](crate::Subscription::stop_handle) returns it.
#[derive(Clone)]
pub struct StopHandle {
    signal: Arc<Signal>,
}

impl StopHandle {
    pub(super) fn new(signal: &Arc<Signal>) -> StopHandle {
        StopHandle { signal: Arc::clone(signal) }
    }

    /// Ends the subscription: it returns no more events, and a subscriber that waits for one is woken. Events that it has not
    /// returned yet stay in the journal.
    pub fn stop(&self) {
        self.signal.stop();
    }
}

impl std::fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StopHandle").field("is_stopped", &self.signal.is_stopped()).finish_non_exhaustive()
    }
}

pub(super) struct Signal {
    is_stopped: AtomicBool,
    process: Process,
    state: Mutex<SignalState>,
    changed: Condvar,
    /// On which the subscriber waits if the image runs in this process.
    watch: Option<Arc<DurabilityWatch>>,
}

#[derive(Default)]
struct SignalState {
    /// The task that waits for the next event.
    task: Option<Waker>,
    /// When the thread wakes the task.
    wake_at: Option<Instant>,
    has_thread: bool,
    /// Whether the subscription was dropped.
    is_dropped: bool,
}

impl Signal {
    pub(super) fn new(watch: Option<Arc<DurabilityWatch>>) -> Arc<Signal> {
        let (state, changed) = (Mutex::new(SignalState::default()), Condvar::new());
        Arc::new(Signal { is_stopped: AtomicBool::new(false), process: Process::current(), state, changed, watch })
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        // in a child made by `fork`, another thread of the parent may have held the lock
        if !self.process.is_current() {
            return;
        }
        let task = self.state.lock().task.take();
        self.changed.notify_all();
        if let Some(watch) = &self.watch {
            watch.wake_threads();
        }
        if let Some(task) = task {
            wake(task);
        }
    }

    /// Waits until the deadline, or until the subscription is stopped.
    pub(super) fn wait_until(&self, deadline: Instant) {
        let mut state = self.state.lock();
        while !self.is_stopped() && !has_passed(deadline) {
            self.changed.wait_until(&mut state, deadline);
        }
    }

    /// Makes [`StopHandle::stop`] wake this task. The caller must then check again whether the subscription is stopped.
    pub(super) fn set_task(&self, task: Waker) {
        let replaced = self.state.lock().task.replace(task);
        drop(replaced);
    }

    /// Makes a thread wake the task at this time. Starts the thread if necessary. `root` is the directory of the image.
    pub(super) fn wake_task_at(self: &Arc<Signal>, at: Instant, root: &Path) -> Result<(), Error> {
        let mut state = self.state.lock();
        state.wake_at = Some(at);
        if !state.has_thread {
            let signal = Arc::clone(self);
            let builder = std::thread::Builder::new().name("memimage-subscription".to_owned());
            builder
                .spawn(move || signal.wake_tasks())
                .map_err(|source| Error::io("starting a thread for", root, source))?;
            state.has_thread = true;
        }
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Wakes the task at the times that it has set, until the subscription is dropped.
    fn wake_tasks(&self) {
        let mut state = self.state.lock();
        while !state.is_dropped {
            match state.wake_at {
                None => self.changed.wait(&mut state),
                Some(at) if !has_passed(at) => drop(self.changed.wait_until(&mut state, at)),
                Some(_) => {
                    state.wake_at = None;
                    let task = state.task.take();
                    drop(state);
                    if let Some(task) = task {
                        wake(task);
                    }
                    state = self.state.lock();
                }
            }
        }
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        let task = {
            let mut state = self.state.lock();
            state.is_dropped = true;
            state.task.take()
        };
        self.changed.notify_all();
        drop(task);
    }
}

/// Wakes a task. No lock may be held, because a waker may run any code of an executor.
fn wake(task: Waker) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task.wake())) {
        let message = panic_message(panic);
        log::error!(message, "the waker of a task that waits for a subscription panicked");
    }
}
