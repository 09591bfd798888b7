//! The public handle of a projection.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::directory::ProjectionDirectory;
use super::projector::Projector;
use super::runner::{Runner, Shared};
use super::stats::ProjectionStats;
use crate::disk::absolute;
use crate::error::{Error, ErrorDetail, ErrorKind, ProjectionFault};
use crate::history::{Journal, JournalSource, LiveJournal};
use crate::journal::DurabilityWatch;
use crate::log;
use crate::process::Process;
use crate::seq::Seq;
use crate::sync::has_passed;

/// The size of the thread's stack, in bytes: as large as that of a main thread, because the handlers may be tested there.
const STACK: usize = 8 << 20;

thread_local! {
    /// The projections whose queries this thread is running.
    static QUERIED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// A projection: another model over the events of an image, kept up to date by a thread. See the [guide](crate::guide::projections).
///
/// The projection has a directory of its own, and makes snapshots in it. It contains durable events only. Dropping the projection
/// closes it.
pub struct Projection<P: Projector> {
    shared: Arc<Shared<P>>,
    /// The running owner of the image, if it is in this process. The projection does not keep a closed image in memory.
    live: Option<Weak<dyn LiveJournal>>,
    /// Wakes the projection's thread while the image runs in this process.
    watch: Option<Arc<DurabilityWatch>>,
    /// The journal's files.
    files: JournalSource,
    process: Process,
    /// `None` once the projection is closed.
    thread: Option<JoinHandle<Runner<P>>>,
}

/// The options with which a projection is opened. See [`Projection::options`].
#[must_use = "options do nothing until `open` is called"]
pub struct ProjectionOptions<P> {
    snapshot_every: u64,
    projection: std::marker::PhantomData<fn() -> P>,
}

impl<P: Projector> ProjectionOptions<P> {
    /// The number of events after which the projection makes a snapshot; 1,000,000 by default, and at least 1. It also makes one when
    /// it is closed. After a crash, it handles the events since the last snapshot again.
    pub fn snapshot_every(self, events: u64) -> Self {
        ProjectionOptions { snapshot_every: events.max(1), ..self }
    }

    /// Opens the projection of a journal in the directory `path`. See [`Projection::open`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Projection::open`].
    pub fn open(self, journal: &Journal<P::Model>, path: impl AsRef<Path>) -> Result<Projection<P>, Error> {
        let source = journal.source();
        let path = path.as_ref();
        // the paths of a simulated disk are relative to it
        let root = if source.layout().root().is_absolute() { absolute(path) } else { path.to_owned() };
        let directory = ProjectionDirectory::open::<P>(source, &root)?;
        let mut runner = Runner::<P>::open(source, directory, self.snapshot_every)?;
        let shared = Arc::clone(runner.shared());
        let builder = std::thread::Builder::new().name("memimage-projection".to_owned()).stack_size(STACK);
        let spawned = builder.spawn(move || {
            runner.run();
            runner
        });
        let thread = spawned.map_err(|error| Error::io("starting a thread for", &root, error))?;
        let (live, files) = (source.weak_live().cloned(), source.without_owner());
        Ok(Projection { shared, live, watch: source.watch(), files, process: Process::current(), thread: Some(thread) })
    }
}

impl<P: Projector> Projection<P> {
    /// Opens the projection of a journal in the directory `path`, and creates the directory if it does not exist. `journal` is
    /// `&image.journal()` in the process of the image's owner, and a [`Journal`] in any other process.
    ///
    /// The projection of an image [in memory](crate::Image::in_memory) is in memory, too, and its path is a name, such as `totals`. Any
    /// other projection needs a directory outside the image.
    ///
    /// Returns once the projection has handled the events that were durable when the call began. If the directory has no state of the
    /// projection's version, the projection is first built from all events. The states of older versions stay until this is done.
    ///
    /// If the history of the image has changed since the projection was written (the image was repaired, restored from a backup, or an
    /// event was made void), the projection is built anew, and a warning is logged.
    ///
    /// # Errors
    ///
    /// Returns an error if
    ///
    /// - the directory is in use ([`ErrorKind::Locked`]), or is not the directory of a projection
    /// - it belongs to another projection or another image, has a newer version, or has another shape although the version is the same
    ///   ([`ErrorKind::Incompatible`])
    /// - events that the projection needs were pruned ([`ErrorKind::Pruned`])
    /// - a handler panics ([`ErrorKind::Panicked`])
    /// - the journal cannot be read, or the directory cannot be written
    pub fn open(journal: &Journal<P::Model>, path: impl AsRef<Path>) -> Result<Projection<P>, Error> {
        Projection::options().open(journal, path)
    }

    /// The default options.
    pub fn options() -> ProjectionOptions<P> {
        ProjectionOptions { snapshot_every: 1_000_000, projection: std::marker::PhantomData }
    }

    /// Reads the projection. It may lack the newest events of the image: to see an event, [`wait`](Projection::wait) for it first.
    ///
    /// The projection handles no events meanwhile. Commands of the image do not wait.
    ///
    /// # Errors
    ///
    /// Returns the error that stopped the projection, or an error if this thread is already inside a query of this projection.
    pub fn query<R>(&self, read: impl FnOnce(&P) -> R) -> Result<R, Error> {
        let _entered = self.enter("query")?;
        let state = self.shared.state.read();
        match &*state {
            Some(state) => Ok(read(state)),
            None => {
                drop(state);
                // the thread drops the state before it reports why
                loop {
                    self.shared.progress.wait(Seq::new(u64::MAX), None)?;
                }
            }
        }
    }

    /// The last event that the projection has handled or skipped.
    pub fn seq(&self) -> Seq {
        self.shared.progress.seq()
    }

    /// Waits until the projection has handled event `seq`, so that a query sees the effect of one's own command. With
    /// [`Durability::Interval`](crate::Durability) or `Buffered`, this syncs the image, if its owner is in this process.
    ///
    /// # Errors
    ///
    /// Returns the error that stopped the projection; an error if the image in this process is closed, even during the wait, and its
    /// files do not have the event; and an error if this thread is inside a query of this projection. Beside an owner in another process,
    /// this waits as long as no owner records the event, as [`Follower::wait`](crate::Follower::wait) does.
    pub fn wait(&self, seq: Seq) -> Result<(), Error> {
        self.wait_until(seq, None).map(drop)
    }

    /// Like [`wait`](Projection::wait), for at most `timeout`. Returns whether the projection has handled the event.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`wait`](Projection::wait).
    pub fn wait_timeout(&self, seq: Seq, timeout: Duration) -> Result<bool, Error> {
        #[expect(clippy::disallowed_methods, reason = "the time that a caller waits is not part of the state")]
        let deadline = Instant::now().checked_add(timeout);
        self.wait_until(seq, deadline)
    }

    fn wait_until(&self, seq: Seq, deadline: Option<Instant>) -> Result<bool, Error> {
        let _entered = self.enter("wait")?;
        loop {
            if self.shared.progress.seq() < seq {
                self.make_durable(seq)?;
            }
            // after the end of the image, its files show whether they have the event
            let has_handled = self.shared.progress.wait(seq, deadline)?;
            if has_handled || deadline.is_some_and(has_passed) {
                return Ok(has_handled);
            }
        }
    }

    /// Makes event `seq` durable if the image runs in this process. Returns an error if the image has ended without this event.
    fn make_durable(&self, seq: Seq) -> Result<(), Error> {
        let Some(live) = &self.live else { return Ok(()) };
        let ended = match live.upgrade().map(|live| live.acknowledged("wait")) {
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) if error.kind() == ErrorKind::Closed || error.is_poisoned() => error,
            Some(Err(error)) => return Err(error),
            None => Error::new(ErrorDetail::Closed),
        };
        if self.files.durable("wait")? >= seq { Ok(()) } else { Err(ended) }
    }

    /// The figures of the projection.
    pub fn stats(&self) -> ProjectionStats {
        if !self.process.is_current() {
            let (seq, error) = (self.seq(), Some(ProjectionFault::Forked.into()));
            return ProjectionStats { seq, lag: 0, snapshot: None, snapshot_failure: None, error };
        }
        let progress = self.shared.progress.get();
        let durable = self.watch.as_ref().map_or(Seq::ZERO, |watch| watch.durable()).max(progress.durable);
        ProjectionStats {
            seq: progress.seq,
            lag: durable.get().saturating_sub(progress.seq.get()),
            snapshot: progress.snapshot,
            snapshot_failure: progress.snapshot_failure,
            error: progress.stopped,
        }
    }

    /// Stops the projection, and makes a snapshot.
    ///
    /// # Errors
    ///
    /// Returns the error that stopped the projection before, or the error of the snapshot. The next opening then handles the events
    /// since the last snapshot again.
    pub fn close(mut self) -> Result<(), Error> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), Error> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        if !self.process.is_certainly_current() {
            // the thread and its locks exist only in the parent
            std::mem::forget((thread, Arc::clone(&self.shared)));
            return Err(ProjectionFault::Forked.into());
        }
        self.shared.is_stopping.store(true, Ordering::Release);
        if let Some(watch) = &self.watch {
            watch.wake_threads();
        }
        thread.thread().unpark();
        if thread.thread().id() == std::thread::current().id() {
            // a handler drops its own projection, whose thread ends after the handler
            return Ok(());
        }
        let mut runner = thread
            .join()
            .map_err(|panic| Error::panicked("running a projection of", self.files.layout().root(), panic))?;
        let stored = runner.store_if_changed();
        self.shared.progress.get().stopped.map_or(stored, Err)
    }

    /// Marks this thread as inside a query or wait.
    fn enter(&self, call: &'static str) -> Result<Entered, Error> {
        if !self.process.is_current() {
            return Err(ProjectionFault::Forked.into());
        }
        let projection = Arc::as_ptr(&self.shared).addr();
        let is_inside = queried(|queried| {
            let is_inside = queried.contains(&projection);
            queried.push(projection);
            is_inside
        });
        let entered = Entered { projection, thread: std::marker::PhantomData };
        if is_inside == Some(true) { Err(ProjectionFault::Reentrant { inner: call }.into()) } else { Ok(entered) }
    }
}

/// Calls `look` with the projections whose queries this thread is running. Returns `None` if the thread is ending and its
/// thread-locals are gone.
fn queried<T>(look: impl FnOnce(&mut Vec<usize>) -> T) -> Option<T> {
    QUERIED.try_with(|queried| look(&mut queried.borrow_mut())).ok()
}

/// Marks this thread as inside a query or wait, until it is dropped.
struct Entered {
    projection: usize,
    /// The mark belongs to this thread.
    thread: std::marker::PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        queried(|queried| {
            if let Some(place) = queried.iter().rposition(|queried| *queried == self.projection) {
                queried.remove(place);
            }
        });
    }
}

impl<P: Projector> Drop for Projection<P> {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            log::error!(projection = P::NAME, %error, "could not close a dropped projection");
        }
    }
}

impl<P: Projector> fmt::Debug for Projection<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projection").field("name", &P::NAME).field("seq", &self.seq()).finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for ProjectionOptions<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectionOptions").field("snapshot_every", &self.snapshot_every).finish()
    }
}
