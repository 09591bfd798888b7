//! The work of a projection's thread: it reads events, hands them to the handlers, and makes snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};

use super::directory::ProjectionDirectory;
use super::event_feed::{EventFeed, Waited};
use super::handlers::Handlers;
use super::progress::SharedProgress;
use super::projector::Projector;
use super::stored_state::{HistoryPosition, LoadedState, load, store};
use crate::error::{Error, ProjectionFault};
use crate::history::JournalSource;
use crate::journal::StoredRecord;
use crate::log;
use crate::panics::drop_caught;
use crate::planted::{Bug, planted};
use crate::seq::Seq;

/// The largest number of events that are handled while queries wait.
const BATCH: usize = 256;
/// The number of snapshots that are kept.
const KEPT: usize = 2;

/// The part of a projection that its threads share.
pub(super) struct Shared<P> {
    /// The state; `None` once the projection has stopped.
    pub(super) state: RwLock<Option<P>>,
    pub(super) progress: SharedProgress,
    pub(super) is_stopping: AtomicBool,
}

/// Keeps a projection up to date.
pub(super) struct Runner<P: Projector> {
    shared: Arc<Shared<P>>,
    feed: EventFeed<P::Model>,
    handlers: Handlers<P>,
    directory: ProjectionDirectory,
    position: HistoryPosition,
    /// The newest snapshots, in order.
    snapshots: Vec<Seq>,
    /// The snapshots that cannot be used, which are kept until newer ones replace them.
    unusable: Vec<Seq>,
    /// The number of events after which a snapshot is made.
    snapshot_every: u64,
    /// The last event before the last attempt to make a snapshot.
    attempted: Seq,
}

impl<P: Projector> Runner<P> {
    /// Opens the directory, loads the newest state, and handles all events that are durable.
    ///
    /// # Errors
    ///
    /// Returns the errors of the directory, of the journal and of the handlers.
    pub(super) fn open(
        source: &JournalSource,
        directory: ProjectionDirectory,
        snapshot_every: u64,
    ) -> Result<Runner<P>, Error> {
        let durable = source.durable("open")?;
        let others = directory.other_snapshots(source);
        let (loaded, feed) = source.attempt(|| {
            let journal = source.open(durable)?;
            let loaded = load::<P>(&directory, &others, &journal)?;
            let feed = EventFeed::open(P::NAME, source, &journal, loaded.voids.clone(), loaded.position.seq)?;
            Ok((loaded, feed))
        })?;
        directory.prepare::<P>()?;
        let LoadedState { state, mut position, unusable, .. } = loaded;
        position.void_epoch = position.void_epoch.max(feed.voids().newest_epoch());
        let start = position.seq;
        if start == Seq::ZERO && durable > Seq::ZERO {
            log::info!(projection = P::NAME, version = P::VERSION, until = %durable, reasons = ?unusable, "builds a projection from the first event");
        }
        let snapshot = Some(start).filter(|&start| start > Seq::ZERO);
        let progress = SharedProgress::default();
        progress.update(|progress| (progress.seq, progress.durable, progress.snapshot) = (start, durable, snapshot));
        let shared = Shared { state: RwLock::new(Some(state)), progress, is_stopping: AtomicBool::new(false) };
        let mut runner = Runner {
            shared: Arc::new(shared),
            feed,
            handlers: Handlers::new(),
            directory,
            position,
            snapshots: snapshot.into_iter().collect(),
            unusable: unusable.into_iter().map(|(seq, _)| seq).collect(),
            snapshot_every,
            attempted: start,
        };
        runner.handle_until(durable)?;
        runner.replace_older();
        Ok(runner)
    }

    pub(super) fn shared(&self) -> &Arc<Shared<P>> {
        &self.shared
    }

    /// Handles events until the projection is to stop, or until an error stops it.
    pub(super) fn run(&mut self) {
        if let Err(error) = self.follow() {
            log::error!(projection = P::NAME, %error, "a projection stopped");
            // if a handler failed, there is no state any more
            self.store_if_changed().ok();
            drop_caught(self.shared.state.write().take());
            self.shared.progress.update(|progress| progress.stopped = Some(error));
        }
    }

    fn follow(&mut self) -> Result<(), Error> {
        loop {
            match self.feed.wait(&self.shared.is_stopping, self.position.void_epoch)? {
                Waited::Durable(durable) => {
                    self.shared.progress.update(|progress| progress.durable = progress.durable.max(durable));
                    self.handle_until(durable)?;
                }
                Waited::ImageEnded => self.shared.progress.update(|progress| progress.has_image_ended = true),
                Waited::Stopping => return Ok(()),
            }
        }
    }

    /// Handles the events up to `until`, which must be durable. Returns early if the projection is to stop.
    fn handle_until(&mut self, until: Seq) -> Result<(), Error> {
        while self.position.seq < until && !self.shared.is_stopping.load(Ordering::Acquire) {
            let mut batch = Vec::new();
            let size = self.snapshot_every.min(BATCH as u64) as usize;
            while batch.len() < size
                && let Some(stored) = self.feed.next(until)?
            {
                batch.push(stored);
            }
            self.handle(&batch)?;
            if batch.is_empty() {
                // the last durable events are lost in a recorded gap
                self.position.seq = self.position.seq.max(self.feed.last().min(until));
            }
            let seq = self.position.seq;
            self.shared.progress.update(|progress| progress.seq = seq);
            if seq.get() - self.attempted.get() >= self.snapshot_every {
                // a failed snapshot is in the progress; the projection continues without it
                self.store_if_changed().ok();
            }
        }
        Ok(())
    }

    /// Handles a batch of events. If a handler fails, the state is dropped, because the event may be half handled.
    fn handle(&mut self, batch: &[StoredRecord]) -> Result<(), Error> {
        let HistoryPosition { seq, void_epoch, .. } = self.position;
        if self.feed.voids().invalidates(seq, void_epoch) {
            return Err(ProjectionFault::EventBecameVoid { name: P::NAME, seq }.into());
        }
        let mut locked = self.shared.state.write();
        let state = locked.as_mut().expect("the state is dropped only when the projection stops");
        for stored in batch {
            let seq = stored.record.seq;
            if !self.feed.voids().has(seq) {
                let (scan, dispatch) = (self.feed.scan(), self.feed.dispatch().get());
                if let Err(error) = self.handlers.handle(state, scan, dispatch, stored) {
                    drop_caught(locked.take());
                    return Err(error);
                }
            }
            self.position = HistoryPosition {
                seq,
                time: stored.record.time,
                hash: stored.hash,
                life: stored.life,
                void_epoch: stored.life.epoch.max(self.feed.voids().newest_epoch()),
            };
        }
        Ok(())
    }

    /// Makes a snapshot if the state has changed since the last one.
    pub(super) fn store_if_changed(&mut self) -> Result<(), Error> {
        let seq = self.position.seq;
        if self.snapshots.last() == Some(&seq) || seq == Seq::ZERO {
            return Ok(());
        }
        let image = self.feed.scan().segments().identity().uuid;
        let stored = {
            let state = self.shared.state.read();
            let Ok(state) = RwLockReadGuard::try_map(state, Option::as_ref) else { return Ok(()) };
            store(self.directory.snapshots(), &*state, &self.position, image)
        };
        self.attempted = seq;
        match &stored {
            Ok(()) => {
                self.snapshots.push(seq);
                self.remove_older_snapshots();
            }
            Err(error) => log::error!(projection = P::NAME, %error, "a snapshot of a projection failed"),
        }
        let (snapshot, failure) = (self.snapshots.last().copied(), stored.clone().err());
        self.shared.progress.update(|progress| (progress.snapshot, progress.snapshot_failure) = (snapshot, failure));
        stored
    }

    fn remove_older_snapshots(&mut self) {
        let kept = self.snapshots.len().saturating_sub(KEPT);
        self.snapshots.drain(..kept);
        let kept: Vec<Seq> = self.snapshots.iter().chain(&self.unusable).copied().collect();
        if let Err(error) = self.directory.snapshots().retain(&kept) {
            log::warning!(projection = P::NAME, %error, "could not remove old snapshots of a projection");
        }
    }

    /// Once the projection has caught up, replaces the states of older versions, and those of another history, by a snapshot.
    fn replace_older(&mut self) {
        let is_replacing = self.directory.has_older::<P>() || !self.unusable.is_empty();
        if !is_replacing || self.store_if_changed().is_err() && !planted(Bug::OldProjectionRemovedFirst) {
            return;
        }
        self.unusable.clear();
        self.remove_older_snapshots();
        self.directory.remove_older::<P>();
    }
}
