//! Wakes tasks. A waker runs code of an executor, which may panic, block, or call the image. Therefore no lock is held while a
//! waker runs, and a panic of the waker is caught and reported. A panic that is not caught would end the thread that writes for
//! all callers.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::log;
use crate::panics::panic_message;
use crate::planted::{Bug, planted};

thread_local! {
    /// The ids of the journals whose batches this thread is writing, or whose callers this thread is waking.
    static WRITING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread is writing a batch of any journal, or is waking the callers that waited for such a batch.
pub(crate) fn is_writing() -> bool {
    WRITING.try_with(|writing| !writing.borrow().is_empty()).unwrap_or(false)
}

/// Whether this thread is writing a batch of this journal, or is waking the callers that waited for such a batch. The thread
/// must not wait for the journal, because it would wait for itself.
#[inline]
pub(crate) fn is_writing_for(journal: usize) -> bool {
    WRITING.try_with(|writing| writing.borrow().contains(&journal)).unwrap_or(false)
}

/// Runs `write`, and meanwhile makes [`is_writing_for`] return true for `journal`.
pub(crate) fn writing<T>(journal: usize, write: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = WRITING.try_with(|writing| writing.borrow_mut().pop());
        }
    }
    // a thread whose thread-locals are already destroyed is about to end, and runs no task
    let _leave = WRITING.try_with(|writing| writing.borrow_mut().push(journal)).ok().map(|()| Leave);
    write()
}

/// Wakes tasks, one after the other. The caller must not hold any lock.
pub(super) fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        if planted(Bug::WakerPanicUncaught) {
            waker.wake();
            continue;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            let message = panic_message(panic);
            log::error!(message, "the waker of a task panicked; the image continues to run");
        }
    }
}
