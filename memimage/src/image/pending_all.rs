//! The answers of many commands that were submitted together.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::pending::{poll_for, wait_for};
use crate::error::Error;
use crate::journal::Ticket;
use crate::process::Process;

/// The largest number of answers for which memory is allocated before there are any.
const EXPECTED_MAX: usize = 1 << 16;

/// The answers to the commands of [`Image::submit_all`](crate::Image::submit_all) or
/// [`Image::submit_each`](crate::Image::submit_each), whose events may not be durable yet.
///
/// Call [`wait`](PendingAll::wait), or `.await` the `PendingAll` on any async runtime. Dropping the `PendingAll` cancels
/// nothing: the commands were executed, and the syncer writes their events within about a millisecond.
#[must_use = "the commands were executed, but only `wait()` or `.await` tell whether they are durable"]
pub struct PendingAll<T, E = Error> {
    answers: Vec<Result<T, E>>,
    /// The batches that are not known to be durable, oldest first, with the answers that depend on each of them.
    batches: Vec<(Range<usize>, Arc<Ticket>)>,
    ended_early: bool,
    /// Whether a poll has returned the answers.
    is_completed: bool,
    /// The process that owns the image.
    process: Process,
}

impl<T, E: From<Error>> PendingAll<T, E> {
    /// No answers yet. `expected` is a hint of how many there will be, which may be wrong.
    pub(super) fn new(process: Process, expected: usize) -> PendingAll<T, E> {
        PendingAll {
            answers: Vec::with_capacity(expected.min(EXPECTED_MAX)),
            batches: Vec::new(),
            ended_early: false,
            is_completed: false,
            process,
        }
    }

    /// Adds an answer, which may leave the process once the ticket is settled. Without a ticket, the answer depends on the batch
    /// of the answer before it, because the caller has seen that answer.
    #[inline]
    pub(super) fn push(&mut self, answer: Result<T, E>, ticket: Option<&Arc<Ticket>>) {
        let at = self.answers.len();
        self.answers.push(answer);
        match (self.batches.last_mut(), ticket) {
            (Some((answers, _)), None) => answers.end = at + 1,
            (Some((answers, last)), Some(ticket)) if Arc::ptr_eq(last, ticket) => answers.end = at + 1,
            (_, Some(ticket)) => self.batches.push((at..at + 1, Arc::clone(ticket))),
            (None, None) => {}
        }
    }

    /// Records that the last answer is that of the command which ended the commands.
    pub(super) fn end_early(&mut self) {
        self.ended_early = true;
    }

    /// Whether a command failed with an error that [`Image::submit`](crate::Image::submit) would return: for example, the disk
    /// is full, the record is too large, or the body panicked. The last answer is then that of this command, or what the closure
    /// of [`submit_each`](crate::Image::submit_each) made of it, and no later command was executed.
    pub fn ended_early(&self) -> bool {
        self.ended_early
    }

    /// The number of answers.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there are no answers, because there was no command.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Whether [`wait`](PendingAll::wait) would return at once.
    pub fn is_ready(&self) -> bool {
        self.batches.iter().all(|(_, ticket)| ticket.is_settled())
    }

    /// Waits until all answers are durable, and returns them in the order of the commands.
    ///
    /// An answer is an error if the batch of its command, or of an earlier command on which the answer may depend, could not be
    /// written. There may be fewer answers than commands: see [`ended_early`](PendingAll::ended_early).
    ///
    /// # Panics
    ///
    /// Panics if this `PendingAll` was already polled to completion.
    pub fn wait(mut self) -> Vec<Result<T, E>> {
        assert!(!self.is_completed, "a completed PendingAll is not waited for");
        for (answers, ticket) in std::mem::take(&mut self.batches) {
            let waited = wait_for(&ticket, self.process, "PendingAll::wait");
            self.settle(answers, waited);
        }
        self.answers
    }

    /// Replaces the answers that depend on a batch which did not become durable.
    fn settle(&mut self, answers: Range<usize>, result: Result<(), Error>) {
        if let Err(error) = result {
            self.answers[answers].fill_with(|| Err(error.clone().into()));
        }
    }
}

/// No field is structurally pinned.
impl<T, E> Unpin for PendingAll<T, E> {}

impl<T, E: From<Error>> Future for PendingAll<T, E> {
    type Output = Vec<Result<T, E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Vec<Result<T, E>>> {
        assert!(!self.is_completed, "a completed future is not polled");
        while let Some((answers, ticket)) = self.batches.first().cloned() {
            let result = ready!(poll_for(&ticket, self.process, "PendingAll::poll", context));
            self.batches.remove(0);
            self.settle(answers, result);
        }
        self.is_completed = true;
        Poll::Ready(std::mem::take(&mut self.answers))
    }
}

impl<T, E> fmt::Debug for PendingAll<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingAll")
            .field("len", &self.answers.len())
            .field("batches", &self.batches.len())
            .finish_non_exhaustive()
    }
}
