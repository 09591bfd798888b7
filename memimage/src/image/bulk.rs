//! Submits many commands: executes up to 64 items each time it takes the image's lock.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLockWriteGuard;

use super::core::{Core, Shared};
use super::execute::{Attempt, SubmitMode};
use super::pending_all::PendingAll;
use crate::context::Metadata;
use crate::error::{Error, ErrorDetail};
use crate::event::{Command, FromRefusal, Model};
use crate::execute::Execute;
use crate::journal::{OpenBatch, Ticket};
use crate::planted::{Bug, planted};
use crate::sync::MutexGuard;

/// How many items are executed without releasing the image's lock. More would make other callers wait longer, and save little.
const CHUNK: usize = 64;

/// Executes commands under the image's lock, for the closure of [`Image::submit_each`](crate::Image::submit_each). The commands
/// of the model are methods of a `Bulk`, as they are methods of the image.
///
/// The answers of these methods are not durable yet; those that [`PendingAll::wait`] returns are.
pub struct Bulk<'a, M: Model> {
    shared: &'a Shared<M>,
    metadata: &'a Metadata,
    state: RefCell<BulkState<'a, M>>,
}

struct BulkState<'a, M> {
    /// `None` before the first command, while the commands wait for room, and after a panic of a body.
    locked: Option<Locked<'a, M>>,
    /// The newest batch on which an answer depends.
    ticket: Option<Arc<Ticket>>,
    /// The error of the image that ended the commands.
    failure: Option<Error>,
}

/// The locks of the image. They are released in the reverse order in which they were taken.
struct Locked<'a, M> {
    open: MutexGuard<'a, OpenBatch>,
    core: RwLockWriteGuard<'a, Core<M>>,
}

impl<'a, M: Model> Locked<'a, M> {
    fn new(shared: &'a Shared<M>) -> Locked<'a, M> {
        let core = shared.core.write();
        Locked { open: shared.journal.open(), core }
    }
}

impl<M: Model> Execute for Bulk<'_, M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.run(command, self.metadata)
    }
}

/// A [`Bulk`] that executes a command once for a request key. See [`Bulk::once`].
#[must_use = "only a command that runs through this value is executed once"]
pub struct BulkOnce<'b, 'a, M: Model> {
    bulk: &'b Bulk<'a, M>,
    metadata: Metadata,
}

impl<M: Model> Execute for BulkOnce<'_, '_, M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.bulk.run(command, &self.metadata)
    }
}

impl<'a, M: Model> Bulk<'a, M> {
    fn new(shared: &'a Shared<M>, metadata: &'a Metadata) -> Bulk<'a, M> {
        let state = BulkState { locked: None, ticket: None, failure: None };
        Bulk { shared, metadata, state: RefCell::new(state) }
    }

    /// Like [`Image::once`](crate::Image::once): executes a command once for this key. Each command needs a key of its own.
    pub fn once(&self, key: impl Into<String>) -> BulkOnce<'_, 'a, M> {
        BulkOnce { bulk: self, metadata: self.metadata.clone().with_request(key.into()) }
    }

    fn run<C: Command<M>>(&self, command: C, metadata: &Metadata) -> Result<C::Output, C::Error> {
        let Ok(mut state) = self.state.try_borrow_mut() else {
            let outer = "a command".to_owned();
            return Err(Error::new(ErrorDetail::Reentrant { inner: C::NAME, outer }).into());
        };
        if let Some(failure) = &state.failure {
            return Err(failure.clone().into());
        }
        match self.attempt(&mut state, command, metadata) {
            Ok(answer) => answer,
            Err(error) => {
                state.failure = Some(error.clone());
                Err(error.into())
            }
        }
    }

    fn attempt<C: Command<M>>(
        &self,
        state: &mut BulkState<'a, M>,
        mut command: C,
        metadata: &Metadata,
    ) -> Result<Result<C::Output, C::Error>, Error> {
        loop {
            self.shared.refuse_if_forked()?;
            if self.shared.journal.is_full() {
                state.locked = None;
                self.shared.journal.wait_for_room()?;
            }
            let Locked { open, core } = state.locked.get_or_insert_with(|| Locked::new(self.shared));
            match self.shared.attempt(core, open, command, metadata, SubmitMode::Submit) {
                Attempt::Executed(answer, _) => {
                    if state.ticket.as_ref().is_none_or(|ticket| !Arc::ptr_eq(ticket, open.ticket())) {
                        state.ticket = Some(Arc::clone(open.ticket()));
                    }
                    self.shared.journal.accepted(open, true);
                    return Ok(answer.map_err(C::Error::from_refusal));
                }
                Attempt::Repeated(answer, _) => {
                    state.ticket = open.latest().or(state.ticket.take());
                    return Ok(answer);
                }
                Attempt::Refused(refusal) => {
                    let latest = if planted(Bug::RefusalNotWaitedFor) { None } else { open.latest() };
                    state.ticket = latest.or(state.ticket.take());
                    return Ok(Err(refusal));
                }
                Attempt::NoRoom(unchanged, room) => {
                    state.locked = None;
                    self.shared.journal.obtain_segment(room)?;
                    command = unchanged;
                }
                Attempt::NoKeys(unchanged, missing) => {
                    state.locked = None;
                    self.shared.keyring.personal().create(&missing)?;
                    command = unchanged;
                }
                Attempt::Failed(error) => return Err(error),
                Attempt::BodyPanicked(error) => {
                    let Some(Locked { open, mut core }) = state.locked.take() else { return Err(error) };
                    drop(open);
                    self.shared.rebuild(&mut core)?;
                    return Err(error);
                }
            }
        }
    }

    /// Executes an item, and adds its answer. Returns whether the commands can go on.
    fn submit<T, R, E: From<Error>>(
        &self,
        item: T,
        submit: &mut impl FnMut(&Bulk<'_, M>, T) -> Result<R, E>,
        pending: &mut PendingAll<R, E>,
    ) -> bool {
        let answer = submit(self, item);
        let state = self.state.borrow();
        pending.push(answer, state.ticket.as_ref());
        if state.failure.is_some() {
            pending.end_early();
        }
        state.failure.is_none()
    }
}

impl<M: Model> Shared<M> {
    /// Calls `submit` for each item, in order, until a command fails with an error of the image. Then drops the items that were
    /// already taken from the iterator. `call` is the public function.
    pub(super) fn submit_each<T, R, E: From<Error>>(
        &self,
        items: impl IntoIterator<Item = T>,
        metadata: &Metadata,
        call: &'static str,
        mut submit: impl FnMut(&Bulk<'_, M>, T) -> Result<R, E>,
    ) -> PendingAll<R, E> {
        let mut items = items.into_iter().fuse();
        let mut pending = PendingAll::new(self.process, items.size_hint().0);
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            // no lock is held here, because the iterator may run any code
            chunk.extend(items.by_ref().take(CHUNK));
            if chunk.is_empty() {
                return pending;
            }
            let goes_on = self.submit_chunk(chunk.drain(..), metadata, call, &mut submit, &mut pending);
            self.clock.report();
            self.snapshot_if_due();
            if !goes_on {
                return pending;
            }
        }
    }

    /// Executes items under one lock, which is released only while the commands wait for room. Returns whether the commands can
    /// go on.
    fn submit_chunk<T, R, E: From<Error>>(
        &self,
        mut items: impl Iterator<Item = T>,
        metadata: &Metadata,
        call: &'static str,
        submit: &mut impl FnMut(&Bulk<'_, M>, T) -> Result<R, E>,
        pending: &mut PendingAll<R, E>,
    ) -> bool {
        let entered = match metadata.request() {
            None => self.enter_to_wait(call),
            Some(_) => Err(Error::new(ErrorDetail::SharedRequestKey { call })),
        };
        let _entered = match entered {
            Ok(entered) => entered,
            Err(error) => {
                pending.push(Err(error.into()), None);
                pending.end_early();
                return false;
            }
        };
        let bulk = Bulk::new(self, metadata);
        items.all(|item| bulk.submit(item, submit, pending))
    }
}

impl<M: Model> fmt::Debug for BulkOnce<'_, '_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkOnce").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

impl<M: Model> fmt::Debug for Bulk<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk").field("model", &M::NAME).finish_non_exhaustive()
    }
}
