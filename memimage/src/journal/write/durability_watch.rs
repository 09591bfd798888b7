//! Wakes the threads and tasks of this process that wait for durable events, and tells them when the journal ends.

use std::sync::atomic::{Ordering, fence};
use std::task::Waker;
use std::time::Instant;

use super::waking::wake_all;
use crate::error::Error;
use crate::seq::Seq;
use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, has_passed};

/// How far the journal of a running image is durable, and who in this process waits for more. A waiter may outlive the journal.
pub(crate) struct DurabilityWatch {
    /// The last synced event.
    durable: AtomicU64,
    /// The number of waiting threads and tasks. The writer of a batch reads only this number, unless somebody waits.
    waiting: AtomicU64,
    /// Whether the journal is closed or poisoned, so that no more events become durable.
    is_ended: AtomicBool,
    state: Mutex<WatchState>,
    changed: Condvar,
}

#[derive(Default)]
struct WatchState {
    /// The waiting tasks, each with the number of its waiter.
    tasks: Vec<(u64, Waker)>,
    /// The number of the next waiter with a task.
    next: u64,
    /// How the journal ended: closed, or poisoned with an error.
    end: Option<Result<(), Error>>,
}

impl DurabilityWatch {
    pub(crate) fn new(durable: Seq) -> DurabilityWatch {
        DurabilityWatch {
            durable: AtomicU64::new(durable.get()),
            waiting: AtomicU64::new(0),
            is_ended: AtomicBool::new(false),
            state: Mutex::new(WatchState::default()),
            changed: Condvar::new(),
        }
    }

    /// The last synced event.
    #[inline]
    pub(crate) fn durable(&self) -> Seq {
        Seq::new(self.durable.load(Ordering::Acquire))
    }

    /// Records that the events up to `durable` are synced. Returns whether these are more events than before; then the caller must
    /// call [`wake_waiting`](DurabilityWatch::wake_waiting).
    pub(crate) fn advance(&self, durable: Seq) -> bool {
        self.durable.fetch_max(durable.get(), Ordering::AcqRel) < durable.get()
    }

    /// Wakes the waiting threads and tasks. The caller must not hold any lock, because wakers may run. It must have answered the
    /// callers of the commands, because a waker may be slow, or wait for one of them.
    pub(crate) fn wake_waiting(&self) {
        // pairs with the fences in `wait` and `add_task`: either this thread sees the waiter, or the waiter sees the events
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.wake(|_| {});
        }
    }

    /// Records that no more events become durable. Only the first end counts. The caller must not hold any lock.
    pub(crate) fn end(&self, result: Result<(), Error>) {
        self.wake(|state| {
            state.end.get_or_insert(result);
            self.is_ended.store(true, Ordering::Release);
        });
    }

    /// Whether the journal has ended. What [`durable`](DurabilityWatch::durable) returns afterwards is final, unless the journal was
    /// poisoned while a batch was being written.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Acquire)
    }

    /// How the journal ended; `None` if it runs.
    pub(crate) fn ended(&self) -> Option<Result<(), Error>> {
        if self.is_ended() { self.state.lock().end.clone() } else { None }
    }

    /// Changes the state, and wakes all waiting threads and tasks.
    fn wake(&self, change: impl FnOnce(&mut WatchState)) {
        let tasks = {
            let mut state = self.state.lock();
            change(&mut state);
            let tasks = std::mem::take(&mut state.tasks);
            self.waiting.fetch_sub(tasks.len() as u64, Ordering::Relaxed);
            tasks
        };
        self.changed.notify_all();
        wake_all(tasks.into_iter().map(|(_, waker)| waker).collect());
    }

    /// Makes the waiting threads check again whether their wait is over. Wakes no task, so the caller may hold locks.
    pub(crate) fn wake_threads(&self) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            drop(self.state.lock());
            self.changed.notify_all();
        }
    }

    /// Waits until `is_over` returns true, or until the deadline. `is_over` is called with a lock held.
    pub(crate) fn wait(&self, is_over: impl Fn() -> bool, deadline: Option<Instant>) {
        let mut state = self.state.lock();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        while !is_over() && !deadline.is_some_and(has_passed) {
            match deadline {
                Some(deadline) => {
                    self.changed.wait_until(&mut state, deadline);
                }
                None => self.changed.wait(&mut state),
            }
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// A number for a waiter with a task.
    pub(crate) fn next_number(&self) -> u64 {
        let mut state = self.state.lock();
        state.next += 1;
        state.next
    }

    /// Wakes the waiter's task once more events are durable, or the journal has ended. Replaces the waiter's earlier task.
    /// The caller must then check again for more events, because they may have become durable just before.
    pub(crate) fn add_task(&self, number: u64, waker: &Waker) {
        // cloned and dropped without holding the lock, because both run code of an executor
        let waker = waker.clone();
        let replaced = {
            let mut state = self.state.lock();
            match state.tasks.iter_mut().find(|(known, _)| *known == number) {
                Some((_, known)) => Some(std::mem::replace(known, waker)),
                None => {
                    state.tasks.push((number, waker));
                    self.waiting.fetch_add(1, Ordering::Relaxed);
                    None
                }
            }
        };
        fence(Ordering::SeqCst);
        drop(replaced);
    }

    /// Forgets the waiter's task.
    pub(crate) fn remove_task(&self, number: u64) {
        let removed = {
            let mut state = self.state.lock();
            let index = state.tasks.iter().position(|(known, _)| *known == number);
            index.map(|index| {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                state.tasks.swap_remove(index)
            })
        };
        drop(removed);
    }
}
