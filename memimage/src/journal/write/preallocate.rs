//! Preallocation: a background thread builds the next segment while batches fill the current segment, so that no command waits
//! for a new segment. `segment_builder` creates the file and fills it with zeros.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use parking_lot::{Condvar, Mutex};

use super::batch::{DeferredFrame, NoRoom};
use super::commit::{BatchWriter, Commit};
use super::segment_builder::{SegmentBuildError, SegmentBuilder};
use super::space_reservation::{PreparedSegment, WantedSegment};
use super::waking::{wake_all, writing};
use crate::disk::{Access, StoredFile};
use crate::error::{Error, ErrorDetail};
use crate::log;
use crate::seq::SegmentId;

/// The journal for which segments are preallocated.
pub(crate) trait PreallocationHost: Send + Sync {
    /// The segment to provide; `None` if a suitable segment is already preallocated and open.
    fn wanted(&self, room: Option<NoRoom>) -> Option<WantedSegment>;

    /// Hands over a segment that has been preallocated.
    fn offer(&self, prepared: PreparedSegment);

    /// Reports that the files of the journal have grown. Called without a lock.
    fn grew(&self, bytes: u64);

    /// Reports an error after which the content of the journal's directory is unknown.
    fn poison(&self, cause: &Error);
}

impl<S: BatchWriter> PreallocationHost for Commit<S> {
    fn wanted(&self, room: Option<NoRoom>) -> Option<WantedSegment> {
        let mut open = self.open();
        let reservation = open.reservation();
        let frames = room.map_or(0, |room| reservation.needed(room.frame));
        reservation.wanted(frames)
    }

    fn offer(&self, prepared: PreparedSegment) {
        let mut open = self.open();
        open.reservation().offer(prepared);
        if open.ended().is_some() {
            return;
        }
        if let Some(DeferredFrame { kind, body, room }) = open.deferred().take()
            && self.insert(&mut open, kind, &body).is_err()
        {
            // the segment is too small, or its file is not open
            *open.deferred() = Some(DeferredFrame { kind, body, room });
        }
        // the syncer closes the file when the journal comes to rest; without a thread, the file stays open until it is used
        let _ = self.ensure_syncer(&mut open);
    }

    fn grew(&self, bytes: u64) {
        self.figures().journal_grew(bytes);
    }

    fn poison(&self, cause: &Error) {
        Commit::poison(self, cause);
    }
}

/// Builds one segment at a time.
pub(crate) struct Preallocator {
    builder: SegmentBuilder,
    host: OnceLock<Weak<dyn PreallocationHost>>,
    state: Mutex<PreallocationState>,
    changed: Condvar,
    /// Whether a caller waits for the segment that is being built.
    urgent: AtomicBool,
}

#[derive(Default)]
struct PreallocationState {
    building: bool,
    /// The error of the last attempt to build a segment, if that attempt failed.
    failure: Option<Error>,
    wakers: Vec<Waker>,
    closed: bool,
}

/// A segment that has been built or opened.
struct BuiltSegment {
    segment: SegmentId,
    len: u64,
    /// By how many bytes the journal's files have grown: 0 if the segment existed, and less than `len` if it replaces a smaller
    /// one.
    grown: u64,
}

impl Preallocator {
    pub(crate) fn new(builder: SegmentBuilder) -> Arc<Preallocator> {
        Arc::new(Preallocator {
            builder,
            host: OnceLock::new(),
            state: Mutex::default(),
            changed: Condvar::new(),
            urgent: AtomicBool::new(false),
        })
    }

    /// Sets the journal that is notified when a segment has been preallocated.
    pub(crate) fn attach(&self, host: Weak<dyn PreallocationHost>) {
        self.host.set(host).unwrap_or_else(|_| panic!("a journal is attached only once"));
    }

    /// The directory of the image.
    pub(crate) fn root(&self) -> &Path {
        self.builder.layout.root()
    }

    /// Opens the file `journal/durable`.
    pub(crate) fn open_watermark(&self) -> Result<StoredFile, Error> {
        StoredFile::open(&*self.builder.disk, &self.builder.layout.durable(), Access::ReadWrite)
    }

    /// Starts building a segment, unless one is already being built.
    pub(crate) fn start(self: &Arc<Preallocator>, room: Option<NoRoom>) {
        let mut state = self.state.lock();
        if state.building || state.closed {
            return;
        }
        state.building = true;
        state.failure = None;
        self.urgent.store(false, Ordering::Relaxed);
        drop(state);
        let preallocator = Arc::clone(self);
        let spawned =
            std::thread::Builder::new().name("memimage-preallocate".to_owned()).spawn(move || preallocator.run(room));
        if let Err(source) = spawned {
            self.finish(Some(Error::io("starting a thread for", self.root(), source)));
        }
    }

    /// Waits for a segment with room for a frame of `room.frame` bytes, and starts building the segment if necessary.
    pub(crate) fn obtain(self: &Arc<Preallocator>, room: NoRoom) -> Result<(), Error> {
        self.start(Some(room));
        self.urgent.store(true, Ordering::Relaxed);
        let mut state = self.state.lock();
        while state.building {
            self.changed.wait(&mut state);
        }
        state.failure.clone().map_or(Ok(()), Err)
    }

    /// The variant of [`obtain`](Preallocator::obtain) that a future polls. `started` must be false at the first poll, which
    /// sets `started` to true.
    pub(crate) fn poll_obtain(
        self: &Arc<Preallocator>,
        room: NoRoom,
        started: &mut bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if !std::mem::replace(started, true) {
            self.start(Some(room));
            self.urgent.store(true, Ordering::Relaxed);
        }
        // clones the waker without holding the lock, because the clone runs code of an executor
        let waker = context.waker().clone();
        let mut state = self.state.lock();
        if state.building {
            state.wakers.push(waker);
            return Poll::Pending;
        }
        Poll::Ready(state.failure.clone().map_or(Ok(()), Err))
    }

    /// Starts building a segment without waiting. If the previous attempt to build a segment failed, returns its error.
    pub(crate) fn last_failure(self: &Arc<Preallocator>, room: NoRoom) -> Option<Error> {
        let failure = self.state.lock().failure.clone();
        self.start(Some(room));
        failure
    }

    /// Stops building segments, and waits for the segment that is being built.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        while state.building {
            self.changed.wait(&mut state);
        }
    }

    fn run(&self, room: Option<NoRoom>) {
        // foreign code that runs during the build must not wait for the journal, which may wait for this segment
        let journal = self.host.get().map_or(0, |host| host.as_ptr().addr());
        // even if the build panics, the callers that wait for the segment must be woken
        let built = writing(journal, || {
            catch_unwind(AssertUnwindSafe(|| self.build(room))).unwrap_or_else(|panic| {
                let error = Error::panicked("creating a segment of", self.root(), panic);
                // the content of the journal's directory is unknown
                Err(self.poison(error))
            })
        });
        self.finish(built.as_ref().err().cloned());
        // logs and reports last, because foreign code may call the image, and this call may wait for a segment
        match built {
            Ok(Some(BuiltSegment { segment, len, grown })) => {
                log::debug!(%segment, len, "preallocated the next segment");
                if let Some(host) = self.host.get().and_then(Weak::upgrade) {
                    host.grew(grown);
                }
            }
            Err(error) if !error.is_poisoned() => log::warning!(
                %error,
                "could not preallocate the next segment; the next command that needs the segment tries again"
            ),
            _ => {}
        }
    }

    /// Builds the next segment, or opens it if it exists. Returns `None` if no segment is needed.
    fn build(&self, room: Option<NoRoom>) -> Result<Option<BuiltSegment>, Error> {
        let Some(host) = self.host.get().and_then(Weak::upgrade) else { return Ok(None) };
        let Some(WantedSegment { segment, frames, existing }) = host.wanted(room) else { return Ok(None) };
        let len_before = existing.as_ref().map_or(0, |existing| existing.len);
        // a preallocated segment that is too small is replaced
        let prepared = match existing {
            Some(existing) if existing.has_room(frames) => existing,
            existing => match self.builder.build(segment, frames, &[], || self.urgent.load(Ordering::Relaxed)) {
                Ok(len) => PreparedSegment { segment, len, protection: self.builder.protection.clone(), file: None },
                Err(SegmentBuildError::Unchanged(error)) => {
                    existing.into_iter().for_each(|existing| host.offer(existing));
                    return Err(error);
                }
                Err(SegmentBuildError::Unknown(error)) => return Err(self.poison(error)),
            },
        };
        let len = prepared.len;
        match StoredFile::open(&*self.builder.disk, &self.builder.layout.segment(segment), Access::ReadWrite) {
            Ok(file) => {
                host.offer(PreparedSegment { file: Some(file), ..prepared });
                Ok(Some(BuiltSegment { segment, len, grown: len.saturating_sub(len_before) }))
            }
            Err(error) => {
                host.offer(prepared);
                Err(error)
            }
        }
    }

    /// Poisons the journal. Returns the error for the callers that wait for the segment: the same as for all other callers.
    fn poison(&self, cause: Error) -> Error {
        if let Some(host) = self.host.get().and_then(Weak::upgrade) {
            host.poison(&cause);
        }
        Error::new(ErrorDetail::Poisoned { cause, unknown: false })
    }

    fn finish(&self, failure: Option<Error>) {
        let mut state = self.state.lock();
        state.building = false;
        state.failure = failure;
        self.changed.notify_all();
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wake_all(wakers);
    }
}
