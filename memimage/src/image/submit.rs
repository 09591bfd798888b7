//! Submits a command: waits for room in the journal, and executes the command under the image's lock.

use std::future::poll_fn;
use std::task::Poll;

use super::Image;
use super::core::Shared;
use super::execute::{Attempt, SubmitMode};
use super::pending::Pending;
use crate::context::Metadata;
use crate::error::{Error, ErrorDetail};
use crate::event::{Command, FromRefusal, Model};
use crate::execute::Execute;
use crate::journal::NoRoom;
use crate::personal_keys::MissingKeys;

/// A command that was executed, or that must wait for a segment or for keys.
enum Submitted<C: Command<M>, M> {
    Answered(Pending<C::Output, C::Error>),
    NoRoom(C, NoRoom),
    NoKeys(C, MissingKeys),
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
                return Err(self.journal.busy_error());
            }
            if how != SubmitMode::Try {
                self.journal.wait_for_room()?;
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
                Submitted::NoKeys(unchanged, missing) => {
                    self.keyring.personal().create(&missing)?;
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
                self.journal.poll_room(context)
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
                Submitted::NoKeys(unchanged, missing) => {
                    // a few syncs, once for each subject
                    self.keyring.personal().create(&missing)?;
                    command = unchanged;
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
        let attempt = self.attempt(&mut core, &mut open, command, metadata, how);
        let ticket = attempt.ticket(&open);
        let (answer, seq) = match attempt {
            Attempt::Executed(answer, seq) => {
                self.journal.accepted(&mut open, how != SubmitMode::Wait);
                (answer.map_err(C::Error::from_refusal), Some(seq))
            }
            Attempt::Repeated(answer, seq) => (answer, Some(seq)),
            Attempt::Refused(error) => (Err(error), None),
            Attempt::NoRoom(command, room) => return Ok(Submitted::NoRoom(command, room)),
            Attempt::NoKeys(command, missing) => return Ok(Submitted::NoKeys(command, missing)),
            Attempt::Failed(error) => return Err(error),
            Attempt::BodyPanicked(error) => {
                drop(open);
                self.rebuild(&mut core)?;
                return Err(error);
            }
        };
        Ok(Submitted::Answered(Pending::new(answer, seq, ticket, self.process)))
    }
}
