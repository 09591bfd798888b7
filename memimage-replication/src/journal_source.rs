//! The journal that a shipper reads: that of an image in this process, or that of an image beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use memimage::Error;
use memimage::Seq;
use memimage::replication::{OwnerJournal, PieceLimit, PieceReader};
use parking_lot::{Condvar, Mutex};

use crate::failure::of_sidecar;

/// How often a shipper beside an image looks for new frames.
const LOOK: Duration = Duration::from_millis(50);

/// The journal that a shipper reads. Clones are handles on the same journal.
#[derive(Clone)]
pub(crate) enum JournalSource {
    /// The journal of an image that is open in this process, and waits for the log.
    Owner(OwnerJournal),
    /// The journal of an image that another process may have open.
    Beside(Arc<JournalBeside>),
}

/// The journal of an image that another process may have open. Its files alone say what is synced.
pub(crate) struct JournalBeside {
    path: PathBuf,
    state: Mutex<BesideState>,
    changed: Condvar,
}

#[derive(Default)]
struct BesideState {
    /// Why the shipping ended.
    failure: Option<Error>,
    is_closed: bool,
    /// How often the shipper has found nothing more to ship.
    idle: u64,
}

impl JournalBeside {
    pub(crate) fn new(path: &Path) -> JournalBeside {
        JournalBeside { path: path.to_owned(), state: Mutex::default(), changed: Condvar::new() }
    }

    /// Ends the shipping once everything is shipped.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Why the shipping ended.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.state.lock().failure.clone()
    }

    /// How often the shipper has found nothing more to ship.
    pub(crate) fn idle(&self) -> u64 {
        self.state.lock().idle
    }

    /// Waits until the shipper fails or finds nothing more to ship, or until the timeout.
    pub(crate) fn wait_for_shipper(&self, timeout: Duration) {
        let mut state = self.state.lock();
        if state.failure.is_none() {
            self.changed.wait_for(&mut state, timeout);
        }
    }

    fn look_again(&self, timeout: Duration) {
        let mut state = self.state.lock();
        state.idle += 1;
        self.changed.notify_all();
        if !state.is_closed {
            self.changed.wait_for(&mut state, timeout.min(LOOK));
        }
    }

    fn fail(&self, error: &Error) {
        self.state.lock().failure.get_or_insert_with(|| of_sidecar(error));
        self.changed.notify_all();
    }
}

impl JournalSource {
    /// The directory of the image.
    pub(crate) fn path(&self) -> &Path {
        match self {
            JournalSource::Owner(owner) => owner.path(),
            JournalSource::Beside(beside) => &beside.path,
        }
    }

    pub(crate) fn reader(&self) -> Result<PieceReader, Error> {
        match self {
            JournalSource::Owner(owner) => owner.reader(),
            JournalSource::Beside(beside) => PieceReader::open(&beside.path),
        }
    }

    /// How far the journal may be shipped.
    pub(crate) fn limit(&self) -> PieceLimit {
        match self {
            JournalSource::Owner(owner) => PieceLimit::Event(owner.shippable()),
            JournalSource::Beside(_) => PieceLimit::Synced,
        }
    }

    /// Waits until more may be shippable, or until the timeout, and returns a number that changes with each announcement. Beside an image
    /// nothing is announced, so the wait is short.
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        match self {
            JournalSource::Owner(owner) => owner.wait(seen, timeout),
            JournalSource::Beside(beside) => {
                if !timeout.is_zero() {
                    beside.look_again(timeout);
                }
                0
            }
        }
    }

    /// Ends a wait of the shipper.
    pub(crate) fn wake(&self) {
        match self {
            JournalSource::Owner(owner) => owner.wake(),
            JournalSource::Beside(beside) => {
                beside.changed.notify_all();
            }
        }
    }

    /// Records that the log has all events up to this one.
    pub(crate) fn shipped(&self, seq: Seq) {
        if let JournalSource::Owner(owner) = self {
            owner.shipped(seq);
        }
    }

    /// Records why the shipping ended. An image in this process is poisoned.
    pub(crate) fn fail(&self, error: &Error) {
        match self {
            JournalSource::Owner(owner) => owner.fail(error),
            JournalSource::Beside(beside) => beside.fail(error),
        }
    }

    /// Whether nothing more becomes shippable.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            JournalSource::Owner(owner) => owner.is_closed(),
            JournalSource::Beside(beside) => beside.state.lock().is_closed,
        }
    }
}
