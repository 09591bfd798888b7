//! The segment made ahead: while one is filled, the next is made in the background, so that no command waits for it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use parking_lot::{Condvar, Mutex};

use super::batch::NoRoom;
use super::commit::{BatchWriter, Commit};
use super::segment_builder::{SegmentBuildError, SegmentBuilder};
use crate::disk::StoredFile;
use crate::error::{Error, ErrorDetail};
use crate::event::panic_message;
use crate::keys::Protection;
use crate::seq::SegmentId;

/// The journal that segments are made for.
pub(crate) trait PreallocationHost: Send + Sync {
    /// The segment to be made, and the bytes of frames it must hold; `None` if one stands ready that will do.
    fn wanted(&self, room: Option<NoRoom>) -> Option<(SegmentId, u64)>;

    /// A segment stands ready.
    fn offer(&self, segment: SegmentId, len: u64);

    /// Nobody knows what making a segment has left on disk.
    fn poison(&self, cause: &Error);
}

impl<S: BatchWriter> PreallocationHost for Commit<S> {
    fn wanted(&self, room: Option<NoRoom>) -> Option<(SegmentId, u64)> {
        let mut open = self.open();
        let plan = open.plan();
        let frames = room.map_or(0, |room| plan.needed(room.frame));
        if plan.is_ready_for(frames) {
            return None;
        }
        // one that stands ready and is too small is replaced
        plan.withdraw();
        Some((plan.wanted(), frames))
    }

    fn offer(&self, segment: SegmentId, len: u64) {
        self.open().plan().offer(segment, len);
    }

    fn poison(&self, cause: &Error) {
        Commit::poison(self, cause);
    }
}

/// Makes one segment at a time and keeps it until the writer enters it.
pub(crate) struct Preallocator {
    maker: SegmentBuilder,
    host: OnceLock<Weak<dyn PreallocationHost>>,
    state: Mutex<PreallocationState>,
    changed: Condvar,
    /// Somebody waits for the segment that is being made.
    hurried: AtomicBool,
}

#[derive(Default)]
struct PreallocationState {
    making: bool,
    /// How the last attempt failed.
    failure: Option<Error>,
    ready: Vec<PreparedSegment>,
    wakers: Vec<Waker>,
    closed: bool,
}

/// A segment that stands ready.
pub(crate) struct PreparedSegment {
    pub(crate) segment: SegmentId,
    pub(crate) file: StoredFile,
    /// What protects its frames, by its header.
    pub(crate) protection: Protection,
}

impl Preallocator {
    pub(crate) fn new(maker: SegmentBuilder) -> Arc<Preallocator> {
        Arc::new(Preallocator {
            maker,
            host: OnceLock::new(),
            state: Mutex::default(),
            changed: Condvar::new(),
            hurried: AtomicBool::new(false),
        })
    }

    /// Whom to tell of a segment that stands ready.
    pub(crate) fn attach(&self, host: Weak<dyn PreallocationHost>) {
        self.host.set(host).unwrap_or_else(|_| panic!("a journal is attached once"));
    }

    /// Keeps a segment that was found ready.
    pub(crate) fn keep(&self, ready: PreparedSegment) {
        self.state.lock().ready.push(ready);
    }

    /// Hands the segment over to the writer, which enters it.
    pub(crate) fn take(&self, segment: SegmentId) -> Option<PreparedSegment> {
        let mut state = self.state.lock();
        let at = state.ready.iter().position(|ready| ready.segment == segment)?;
        Some(state.ready.swap_remove(at))
    }

    /// Starts making a segment, unless one is being made.
    pub(crate) fn start(self: &Arc<Preallocator>, room: Option<NoRoom>) {
        let mut state = self.state.lock();
        if state.making || state.closed {
            return;
        }
        state.making = true;
        state.failure = None;
        self.hurried.store(false, Ordering::Relaxed);
        drop(state);
        let ahead = Arc::clone(self);
        let spawned = std::thread::Builder::new().name("memimage-ahead".to_owned()).spawn(move || ahead.run(room));
        if let Err(source) = spawned {
            self.finish(Some(Error::io("starting a thread for", self.maker.layout.root(), source)));
        }
    }

    /// Waits for a segment with room, making one if need be.
    pub(crate) fn obtain(self: &Arc<Preallocator>, room: NoRoom) -> Result<(), Error> {
        self.start(Some(room));
        self.hurried.store(true, Ordering::Relaxed);
        let mut state = self.state.lock();
        while state.making {
            self.changed.wait(&mut state);
        }
        state.failure.clone().map_or(Ok(()), Err)
    }

    /// As [`obtain`](Preallocator::obtain), for a future; `started` says whether this is its first poll.
    pub(crate) fn poll_obtain(
        self: &Arc<Preallocator>,
        room: NoRoom,
        started: &mut bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if !std::mem::replace(started, true) {
            self.start(Some(room));
            self.hurried.store(true, Ordering::Relaxed);
        }
        let mut state = self.state.lock();
        if state.making {
            state.wakers.push(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(state.failure.clone().map_or(Ok(()), Err))
    }

    /// Starts making a segment and says how the last attempt failed, if it did.
    pub(crate) fn last_failure(self: &Arc<Preallocator>, room: NoRoom) -> Option<Error> {
        let failure = self.state.lock().failure.clone();
        self.start(Some(room));
        failure
    }

    /// Makes no more, and waits for what is being made.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        while state.making {
            self.changed.wait(&mut state);
        }
        state.ready.clear();
    }

    fn run(&self, room: Option<NoRoom>) {
        // whatever happens, those who wait for the segment are told
        let made = catch_unwind(AssertUnwindSafe(|| self.make(room)));
        self.finish(match made {
            Ok(made) => made.err(),
            Err(panic) => {
                let panic = io::Error::other(panic_message(&*panic));
                Some(Error::io("making a segment of", self.maker.layout.root(), panic))
            }
        });
    }

    fn make(&self, room: Option<NoRoom>) -> Result<(), Error> {
        let Some(host) = self.host.get().and_then(Weak::upgrade) else { return Ok(()) };
        let Some((segment, frames)) = host.wanted(room) else { return Ok(()) };
        // one that stands ready and is too small
        let smaller = self.take(segment);
        match self.maker.make(segment, frames, &[], || self.hurried.load(Ordering::Relaxed)) {
            Ok((file, len)) => {
                self.keep(PreparedSegment { segment, file, protection: self.maker.protection.clone() });
                host.offer(segment, len);
                tracing::debug!(%segment, len, "made the next segment");
                Ok(())
            }
            Err(SegmentBuildError::Unchanged(error)) => {
                if let Some(ready) = smaller {
                    let len = ready.file.len()?;
                    self.keep(ready);
                    host.offer(segment, len);
                }
                tracing::warn!(%segment, %error, "the next segment could not be made; it is tried again when it is needed");
                Err(error)
            }
            Err(SegmentBuildError::Unknown(error)) => {
                host.poison(&error);
                // whoever waits for the segment is told what all others are told
                Err(Error::new(ErrorDetail::Poisoned { cause: error, unknown: false }))
            }
        }
    }

    fn finish(&self, failure: Option<Error>) {
        let mut state = self.state.lock();
        state.making = false;
        state.failure = failure;
        self.changed.notify_all();
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}
