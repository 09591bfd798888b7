//! Wakes the threads that follow the journal, whenever more events are durable.

use std::sync::atomic::{Ordering, fence};

use crate::sync::{AtomicU64, Condvar, Mutex};

/// The threads that wait for more durable events.
pub(crate) struct Followers {
    /// The number of waiting threads. The writer of a batch reads only this number, unless a thread waits.
    waiting: AtomicU64,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Followers {
    pub(crate) fn new() -> Followers {
        Followers { waiting: AtomicU64::new(0), lock: Mutex::new(()), changed: Condvar::new() }
    }

    /// Wakes the waiting threads. The caller has stored what they wait for.
    pub(crate) fn notify(&self) {
        // pairs with the fence in `wait`: either this thread sees the waiting thread, or that thread sees the change
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            drop(self.lock.lock());
            self.changed.notify_all();
        }
    }

    /// Waits until `is_over` returns true.
    pub(crate) fn wait(&self, is_over: impl Fn() -> bool) {
        let mut guard = self.lock.lock();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        while !is_over() {
            self.changed.wait(&mut guard);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
