//! The answer of a call whose event may not be durable yet.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::reentrancy::{ReentrancyGuard, refuse_in_waker};
use crate::error::{Error, ErrorDetail};
use crate::journal::Ticket;
use crate::process::Process;
use crate::seq::Seq;

/// Waits until the ticket is settled. `call` is the public function that waits.
pub(super) fn wait_for(ticket: &Ticket, process: Process, call: &'static str) -> Result<(), Error> {
    if !ticket.is_settled() {
        refuse_in_child(process)?;
        ReentrancyGuard::refuse_in_command(ticket.journal(), call)?;
        refuse_in_waker(ticket.journal(), call)?;
    }
    ticket.wait()
}

/// The variant of [`wait_for`] that a future polls.
pub(super) fn poll_for(
    ticket: &Ticket,
    process: Process,
    call: &'static str,
    context: &mut Context<'_>,
) -> Poll<Result<(), Error>> {
    if !ticket.is_settled() {
        refuse_in_child(process)?;
        ReentrancyGuard::refuse_in_command(ticket.journal(), call)?;
    }
    ticket.poll(context.waker())
}

/// Returns an error in a child made by `fork`, where no thread writes the batch to disk.
fn refuse_in_child(process: Process) -> Result<(), Error> {
    match process.is_certainly_current() {
        true => Ok(()),
        false => Err(Error::new(ErrorDetail::Forked)),
    }
}

/// The answer to a command whose event may not be durable yet.
///
/// Call [`wait`](Pending::wait), or `.await` the `Pending` on any async runtime. Either way you get the answer once the event
/// is as durable as the image's [`Durability`](crate::Durability) requires. Dropping the `Pending` cancels nothing: the command
/// was executed, and the syncer writes its event within about a millisecond.
#[must_use = "the command was executed, but only `wait()` or `.await` tell whether it is durable"]
pub struct Pending<T, E = Error> {
    seq: Option<Seq>,
    answer: Option<Result<T, E>>,
    ticket: Option<Arc<Ticket>>,
    /// The process that owns the image.
    process: Process,
}

impl<T, E: From<Error>> Pending<T, E> {
    /// Creates an answer that is available once the ticket is settled, or at once if `ticket` is `None`. `seq` is the number of
    /// the command's event.
    pub(super) fn new(
        answer: Result<T, E>,
        seq: Option<Seq>,
        ticket: Option<Arc<Ticket>>,
        process: Process,
    ) -> Pending<T, E> {
        Pending { seq, answer: Some(answer), ticket, process }
    }

    /// The number of the command's event; `None` if a check refused the command, so that nothing was recorded.
    pub fn seq(&self) -> Option<Seq> {
        self.seq
    }

    /// Whether [`wait`](Pending::wait) would return at once.
    pub fn is_ready(&self) -> bool {
        self.ticket.as_ref().is_none_or(|ticket| ticket.is_settled())
    }

    /// Waits until the answer is durable, and returns it.
    ///
    /// # Errors
    ///
    /// Returns the model's refusal, or an error of the image. If the image was poisoned meanwhile, `wait` returns an error
    /// whose [`Error::is_outcome_unknown`] tells whether the command may have been recorded. `wait` also returns an error if it
    /// is called from inside a command of the same image, because that command would wait for itself.
    ///
    /// # Panics
    ///
    /// Panics if this `Pending` was already polled to completion.
    pub fn wait(mut self) -> Result<T, E> {
        if let Some(ticket) = self.ticket.take() {
            wait_for(&ticket, self.process, "Pending::wait")?;
        }
        self.answer.take().expect("a completed Pending is not waited for")
    }
}

/// No field is structurally pinned.
impl<T, E> Unpin for Pending<T, E> {}

impl<T, E: From<Error>> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        if let Some(ticket) = &self.ticket {
            ready!(poll_for(ticket, self.process, "Pending::poll", context))?;
        }
        Poll::Ready(self.answer.take().expect("a completed future is not polled"))
    }
}

impl<T, E> fmt::Debug for Pending<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ready = self.ticket.as_ref().is_none_or(|ticket| ticket.is_settled());
        f.debug_struct("Pending").field("seq", &self.seq).field("ready", &ready).finish_non_exhaustive()
    }
}
