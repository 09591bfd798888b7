//! Detects reentrant calls. A call on an image from inside another call on the same image would deadlock, so it returns an
//! error.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

use crate::error::{Error, ErrorDetail};
use crate::journal::is_writing_for;

thread_local! {
    static INSIDE: ActiveCalls = const { ActiveCalls { first: Cell::new(None), others: RefCell::new(Vec::new()) } };
}

/// This thread's unfinished calls on images. A thread is hardly ever inside more than one image, so the first call needs no
/// allocation.
struct ActiveCalls {
    first: Cell<Option<ActiveCall>>,
    others: RefCell<Vec<ActiveCall>>,
}

/// An image, and the call through which the thread entered it.
#[derive(Clone, Copy)]
struct ActiveCall {
    image: usize,
    call: &'static str,
}

impl ActiveCalls {
    #[inline]
    fn find(&self, image: usize) -> Option<ActiveCall> {
        let first = self.first.get().filter(|visit| visit.image == image);
        first.or_else(|| self.others.borrow().iter().find(|visit| visit.image == image).copied())
    }

    #[inline]
    fn enter(&self, visit: ActiveCall) {
        match self.first.get() {
            None => self.first.set(Some(visit)),
            Some(_) => self.others.borrow_mut().push(visit),
        }
    }

    #[inline]
    fn leave(&self, image: usize) {
        match self.first.get() {
            Some(visit) if visit.image == image => self.first.set(None),
            _ => self.others.borrow_mut().retain(|visit| visit.image != image),
        }
    }
}

/// Marks this thread as inside a call on an image, until the guard is dropped.
#[derive(Debug)]
pub(crate) struct ReentrancyGuard {
    image: usize,
    /// Makes the guard not `Send`, because the mark belongs to this thread.
    thread: PhantomData<*const ()>,
}

impl ReentrancyGuard {
    /// Marks the thread as inside the call `call` on an image. Returns an error if the thread is already inside the image.
    #[inline]
    pub(crate) fn new(image: usize, call: &'static str) -> Result<ReentrancyGuard, Error> {
        match inside(|inside| inside.find(image)).flatten() {
            Some(outer) => Err(Error::new(ErrorDetail::Reentrant { inner: call, outer: format!("`{}`", outer.call) })),
            None => {
                inside(|inside| inside.enter(ActiveCall { image, call }));
                Ok(ReentrancyGuard { image, thread: PhantomData })
            }
        }
    }

    /// Returns an error if the thread is inside a command of the image.
    pub(super) fn refuse_in_command(image: usize, call: &'static str) -> Result<(), Error> {
        match inside(|inside| inside.find(image)).flatten() {
            Some(outer) if ![READ_UNCOMMITTED, QUERY, VIEW].contains(&outer.call) => {
                Err(Error::new(ErrorDetail::Reentrant { inner: call, outer: format!("`{}`", outer.call) }))
            }
            _ => Ok(()),
        }
    }
}

/// Returns an error if the thread is writing the journal of the image. While the thread writes, it calls wakers, and an
/// executor may poll a task inside a waker. If that task called the image, it would wait for the very write that runs the
/// waker.
#[inline]
pub(super) fn refuse_in_waker(image: usize, call: &'static str) -> Result<(), Error> {
    match is_writing_for(image) {
        true => Err(Error::new(ErrorDetail::Reentrant { inner: call, outer: "the waker of a task".to_owned() })),
        false => Ok(()),
    }
}

/// Calls `look` with this thread's unfinished calls on images. Returns `None` if the thread is ending and its thread-locals are
/// gone, for example when the destructor of a thread-local drops an image. Such a thread is inside no image.
#[inline]
fn inside<T>(look: impl FnOnce(&ActiveCalls) -> T) -> Option<T> {
    INSIDE.try_with(look).ok()
}

/// The name of the call that lasts as long as a [`ReadGuard`](super::ReadGuard).
pub(super) const READ_UNCOMMITTED: &str = "read_uncommitted";
/// The name of the call that lasts as long as the closure of a query runs.
pub(super) const QUERY: &str = "query";
/// The name of the call that lasts as long as the closure of a view runs.
pub(super) const VIEW: &str = "view";

impl Drop for ReentrancyGuard {
    #[inline]
    fn drop(&mut self) {
        inside(|inside| inside.leave(self.image));
    }
}
