//! An answer that is there, and becomes durable.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::reentrancy::ReentrancyGuard;
use crate::error::Error;
use crate::journal::Ticket;

/// The answer of a command that was executed and is on its way to disk.
///
/// [`wait`](Pending::wait) for it, or `.await` it on any async runtime; either gives the answer once it is as durable as
/// the image's [`Durability`](crate::Durability) says. Dropping it cancels nothing: the command was executed, and is
/// written within a millisecond or so whether anybody waits or not.
#[must_use = "the command was executed, but without waiting nobody knows whether it is durable"]
pub struct Pending<T, E = Error> {
    answer: Option<Result<T, E>>,
    ticket: Option<Arc<Ticket>>,
}

impl<T, E: From<Error>> Pending<T, E> {
    /// An answer that may be given once the ticket is settled; at once if there is none.
    pub(super) fn new(answer: Result<T, E>, ticket: Option<Arc<Ticket>>) -> Pending<T, E> {
        Pending { answer: Some(answer), ticket }
    }

    /// Whether waiting would return at once.
    pub fn is_ready(&self) -> bool {
        self.ticket.as_ref().is_none_or(|ticket| ticket.is_settled())
    }

    /// Waits until the answer is durable, and gives it.
    ///
    /// # Errors
    ///
    /// The command's refusal. An error of the image if it was poisoned meanwhile:
    /// [`Error::is_outcome_unknown`] says whether the command may have been recorded. Or if this is called from inside a
    /// command of the same image, which it would wait for.
    ///
    /// # Panics
    ///
    /// If it was awaited to its end before.
    pub fn wait(mut self) -> Result<T, E> {
        if let Some(ticket) = self.ticket.take() {
            if !ticket.is_settled() {
                ReentrancyGuard::refuse_in_command(ticket.journal(), "Pending::wait")?;
            }
            ticket.wait()?;
        }
        self.answer.take().expect("a pending answer is given once")
    }
}

/// Nothing in it is pinned.
impl<T, E> Unpin for Pending<T, E> {}

impl<T, E: From<Error>> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        if let Some(ticket) = &self.ticket {
            if !ticket.is_settled() {
                ReentrancyGuard::refuse_in_command(ticket.journal(), "Pending::poll")?;
            }
            match ticket.poll(context.waker()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Ready(Ok(())) => {}
            }
        }
        Poll::Ready(self.answer.take().expect("a future is not polled after its end"))
    }
}

impl<T, E> fmt::Debug for Pending<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ready = self.ticket.as_ref().is_none_or(|ticket| ticket.is_settled());
        f.debug_struct("Pending").field("ready", &ready).finish_non_exhaustive()
    }
}
