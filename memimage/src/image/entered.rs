//! Which images this thread is inside of, so that a call that would wait for itself is an error.

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::error::{Error, Kind};

thread_local! {
    static INSIDE: RefCell<Vec<(usize, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// This thread is inside a call on an image, until this is dropped.
#[derive(Debug)]
pub(super) struct Entered {
    image: usize,
    /// It counts for this thread, so it stays on it.
    thread: PhantomData<*const ()>,
}

impl Entered {
    /// Enters an image, in which `call` is made.
    pub(super) fn new(image: usize, call: &'static str) -> Result<Entered, Error> {
        visit(|inside| {
            if let Some(outer) = outer_of(inside, image) {
                return Err(Error::new(Kind::Reentrant { inner: call, outer }));
            }
            inside.push((image, call));
            Ok(())
        })
        .unwrap_or(Ok(()))
        .map(|()| Entered { image, thread: PhantomData })
    }

    /// Makes sure that this thread is not inside a command of the image.
    pub(super) fn refuse_in_command(image: usize, call: &'static str) -> Result<(), Error> {
        match visit(|inside| outer_of(inside, image)).flatten() {
            Some(outer) if outer != GUARD && outer != QUERY => Err(Error::new(Kind::Reentrant { inner: call, outer })),
            _ => Ok(()),
        }
    }
}

fn outer_of(inside: &[(usize, &'static str)], image: usize) -> Option<&'static str> {
    inside.iter().find(|(entered, _)| *entered == image).map(|(_, outer)| *outer)
}

/// `None` for a thread that is ending and has forgotten already, as when an image of its own is dropped: it is inside none.
fn visit<T>(visit: impl FnOnce(&mut Vec<(usize, &'static str)>) -> T) -> Option<T> {
    INSIDE.try_with(|inside| visit(&mut inside.borrow_mut())).ok()
}

/// The life of a guard.
pub(super) const GUARD: &str = "read";
/// A query.
pub(super) const QUERY: &str = "query";

impl Drop for Entered {
    fn drop(&mut self) {
        visit(|inside| {
            if let Some(last) = inside.iter().rposition(|(entered, _)| *entered == self.image) {
                inside.remove(last);
            }
        });
    }
}
