//! Submits commands: waits for room in the journal, and executes one command, or many commands in turn, under the image's lock.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::task::Poll;

use super::Image;
use super::core::Shared;
use super::execute::Attempt;
use super::pending::Pending;
use super::pending_all::PendingAll;
use crate::context::Metadata;
use crate::error::{Error, ErrorDetail};
use crate::event::{Command, Model};
use crate::execute::Execute;
use crate::journal::NoRoom;

/// How many commands of [`Image::submit_all`] are executed without releasing the image's lock. More would make other callers
/// wait longer, and save little.
const CHUNK: usize = 64;

/// How a call waits for room in the journal, and for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubmitMode {
    /// The call waits for room, and then for the answer.
    Wait,
    /// The call waits for room. The caller may wait for the answer later.
    Submit,
    /// The call waits neither for room nor for the answer.
    Try,
}

/// A command that was executed, or that must wait for a segment.
enum Submitted<C: Command<M>, M> {
    Answered(Pending<C::Output, C::Error>),
    NoRoom(C, NoRoom),
}

impl<M: Model> Execute for Image<M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.shared().execute(command, &Metadata::new())
    }
}

impl<M: Model> Shared<M> {
    pub(super) fn execute<C: Command<M>>(&self, command: C, metadata: &Metadata) -> Result<C::Output, C::Error> {
        self.submit(command, metadata, SubmitMode::Wait)?.wait()
    }

    pub(super) fn submit<C: Command<M>>(
        &self,
        mut command: C,
        metadata: &Metadata,
        how: SubmitMode,
    ) -> Result<Pending<C::Output, C::Error>, Error> {
        loop {
            // a thread that is already inside the image would wait for itself
            let entered = match how {
                SubmitMode::Wait | SubmitMode::Submit => self.enter_to_wait(C::NAME)?,
                SubmitMode::Try => self.enter(C::NAME)?,
            };
            if how == SubmitMode::Try && self.journal.is_full() {
                return Err(Error::new(ErrorDetail::Busy { what: "the queue of batches is full" }));
            }
            if how != SubmitMode::Try {
                self.journal.wait_for_room();
            }
            let submitted = self.submit_one(command, metadata, how);
            drop(entered);
            match submitted? {
                Submitted::Answered(pending) => {
                    self.clock.report();
                    self.snapshot_if_due();
                    return Ok(pending);
                }
                Submitted::NoRoom(_, room) if how == SubmitMode::Try => {
                    let failure = self.journal.request_segment(room);
                    return Err(failure.unwrap_or_else(|| {
                        Error::new(ErrorDetail::Busy { what: "the next segment of the journal is still being created" })
                    }));
                }
                Submitted::NoRoom(unchanged, room) => {
                    self.journal.obtain_segment(room)?;
                    command = unchanged;
                }
            }
        }
    }

    pub(super) async fn submit_async<C: Command<M>>(
        &self,
        mut command: C,
        metadata: &Metadata,
    ) -> Result<Pending<C::Output, C::Error>, Error> {
        loop {
            poll_fn(|context| -> Poll<Result<(), Error>> {
                self.refuse_if_forked()?;
                self.journal.poll_room(context).map(Ok)
            })
            .await?;
            let submitted = {
                let _entered = self.enter(C::NAME)?;
                self.submit_one(command, metadata, SubmitMode::Submit)?
            };
            match submitted {
                Submitted::Answered(pending) => {
                    self.clock.report();
                    self.snapshot_if_due();
                    return Ok(pending);
                }
                Submitted::NoRoom(unchanged, room) => {
                    let mut started = false;
                    poll_fn(|context| -> Poll<Result<(), Error>> {
                        self.refuse_if_forked()?;
                        self.journal.poll_segment(room, &mut started, context)
                    })
                    .await?;
                    command = unchanged;
                }
            }
        }
    }

    fn submit_one<C: Command<M>>(
        &self,
        command: C,
        metadata: &Metadata,
        how: SubmitMode,
    ) -> Result<Submitted<C, M>, Error> {
        let mut core = self.core.write();
        let mut open = self.journal.open();
        let attempt = self.attempt(&mut core, &mut open, command, metadata);
        let ticket = attempt.ticket(&open);
        let (answer, seq) = match attempt {
            Attempt::Executed(answer, seq) => {
                self.journal.accepted(&mut open, how != SubmitMode::Wait);
                (answer, Some(seq))
            }
            Attempt::Refused(error) => (Err(error), None),
            Attempt::NoRoom(command, room) => return Ok(Submitted::NoRoom(command, room)),
            Attempt::Failed(error) => return Err(error),
            Attempt::BodyPanicked(error) => {
                drop(open);
                self.rebuild(&mut core)?;
                return Err(error);
            }
        };
        Ok(Submitted::Answered(Pending::new(answer, seq, ticket, self.process)))
    }

    /// Submits all commands, in their order. If a command fails with an error of the image, this error is the last answer, and
    /// no more commands are executed.
    pub(super) fn submit_all<C: Command<M>>(
        &self,
        commands: impl IntoIterator<Item = C>,
        metadata: &Metadata,
    ) -> PendingAll<C::Output, C::Error> {
        let mut commands = commands.into_iter();
        let mut pending = PendingAll::new(self.process, commands.size_hint().0);
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            // no lock is held here, because the iterator may run any code
            chunk.extend(commands.by_ref().take(CHUNK));
            if chunk.is_empty() {
                return pending;
            }
            if let Err(error) = self.submit_chunk(chunk.drain(..), metadata, &mut pending) {
                pending.end(error);
                return pending;
            }
            self.clock.report();
            self.snapshot_if_due();
        }
    }

    fn submit_chunk<C: Command<M>>(
        &self,
        mut chunk: impl Iterator<Item = C>,
        metadata: &Metadata,
        pending: &mut PendingAll<C::Output, C::Error>,
    ) -> Result<(), Error> {
        let mut next = chunk.next();
        while let Some(command) = next {
            let entered = self.enter_to_wait(C::NAME)?;
            self.journal.wait_for_room();
            let stopped = self.submit_while_room(command, &mut chunk, metadata, pending)?;
            drop(entered);
            next = match stopped {
                ControlFlow::Continue(next) => next,
                ControlFlow::Break((command, room)) => {
                    self.journal.obtain_segment(room)?;
                    Some(command)
                }
            };
        }
        Ok(())
    }

    /// Executes `first` and the commands of `chunk` under one lock, until the queue of batches is full or a segment must be
    /// created. Returns the command to continue with.
    fn submit_while_room<C: Command<M>>(
        &self,
        first: C,
        chunk: &mut impl Iterator<Item = C>,
        metadata: &Metadata,
        pending: &mut PendingAll<C::Output, C::Error>,
    ) -> Result<ControlFlow<(C, NoRoom), Option<C>>, Error> {
        let mut core = self.core.write();
        let mut open = self.journal.open();
        let mut command = first;
        loop {
            let attempt = self.attempt(&mut core, &mut open, command, metadata);
            match attempt {
                Attempt::Executed(answer, _) => {
                    pending.push(answer, Some(open.ticket()));
                    self.journal.accepted(&mut open, true);
                }
                Attempt::Refused(error) => pending.push(Err(error), open.latest().as_ref()),
                Attempt::NoRoom(command, room) => return Ok(ControlFlow::Break((command, room))),
                Attempt::Failed(error) => return Err(error),
                Attempt::BodyPanicked(error) => {
                    drop(open);
                    self.rebuild(&mut core)?;
                    return Err(error);
                }
            }
            match chunk.next() {
                Some(next) if !self.journal.is_full() => command = next,
                next => return Ok(ControlFlow::Continue(next)),
            }
        }
    }
}
