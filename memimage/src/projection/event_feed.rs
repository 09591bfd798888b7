//! The events that a projection handles: in the order of the journal, each as soon as it is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::{Error, ErrorKind, ProjectionFault};
use crate::event::Model;
use crate::history::JournalSource;
use crate::journal::{Continuity, Followers, JournalItem, RecordCursor, StoredRecord, Voids};
use crate::recovery::{FollowedDispatch, OpenedJournal, dispatch_of};
use crate::seq::Seq;

/// The time between two looks at the files while events arrive, if the owner runs in another process.
const POLL_FIRST: Duration = Duration::from_millis(1);
/// The longest time between two looks at the files.
const POLL_LAST: Duration = Duration::from_millis(32);

/// A reader of the durable events after some event.
pub(super) struct EventFeed<M: Model> {
    /// The name of the projection.
    name: &'static str,
    source: JournalSource,
    /// Wakes this feed; `None` if no owner runs in this process.
    followers: Option<Arc<Followers>>,
    cursor: RecordCursor,
    dispatch: FollowedDispatch,
    /// The void events that were known when they were last collected.
    voids: Voids,
    /// The number of void frames of the image at that time, or less.
    decisions: u32,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> EventFeed<M> {
    /// Opens the feed after event `last`. `journal` is the journal of `source`, and `voids` are its void events after `last`.
    pub(super) fn open(
        name: &'static str,
        source: &JournalSource,
        journal: &OpenedJournal,
        voids: Voids,
        last: Seq,
    ) -> Result<EventFeed<M>, Error> {
        if !journal.segments().reaches(last)? {
            return Err(pruned(name, source, journal, last.next()));
        }
        Ok(EventFeed {
            name,
            source: source.without_owner(),
            followers: source.followers(),
            cursor: RecordCursor::new(source.tail_after(last)?, last),
            dispatch: FollowedDispatch::new(dispatch_of::<M>(journal)?),
            voids,
            decisions: 0,
            model: std::marker::PhantomData,
        })
    }

    /// Waits until an event after the last one that was read is durable, and returns the last durable event. `void_epoch` is the newest
    /// epoch whose void events the state of the projection does not contain. Returns `None` once
    /// `is_stopping` is true; the thread that sets it must then wake the followers and unpark this thread.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal was removed, cut or replaced, or if an event that was handled became void.
    pub(super) fn wait(&mut self, is_stopping: &AtomicBool, void_epoch: u64) -> Result<Option<Seq>, Error> {
        let last = self.cursor.last();
        let is_stopping = || is_stopping.load(Ordering::Acquire);
        if let Some(followers) = &self.followers {
            followers.wait(|| is_stopping() || followers.durable() > last || followers.is_ended(), None);
            if is_stopping() {
                return Ok(None);
            }
            if followers.durable() > last {
                return Ok(Some(followers.durable()));
            }
            // the image was closed: its files have the events that its end made durable, and those of later owners
            self.followers = None;
        }
        let (mut pause, mut is_idle) = (POLL_FIRST, false);
        loop {
            if is_stopping() {
                return Ok(None);
            }
            if self.cursor.verify_continuity(self.decisions, is_idle)? == Continuity::Voided {
                self.collect_voids(void_epoch)?;
            }
            is_idle = true;
            let durable = self.cursor.synced()?;
            if durable > last {
                return Ok(Some(durable));
            }
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(POLL_LAST);
        }
    }

    /// Collects the void events again, because there are more void frames than before.
    fn collect_voids(&mut self, void_epoch: u64) -> Result<(), Error> {
        let last = self.cursor.last();
        // read first, so that a void frame that is recorded meanwhile makes this feed collect them once more
        let watermark = self.source.watermark(&self.cursor.scan().segments().identity().uuid)?;
        let voids = self.source.open(last)?.scan().voids_after(Seq::ZERO)?;
        if voids.invalidates(last, void_epoch) {
            return Err(ProjectionFault::EventBecameVoid { name: self.name, seq: last }.into());
        }
        (self.voids, self.decisions) = (voids, watermark.map_or(0, |watermark| watermark.decisions));
        Ok(())
    }

    /// The next event up to `until`, which must be durable.
    pub(super) fn next(&mut self, until: Seq) -> Result<Option<StoredRecord>, Error> {
        loop {
            match self.cursor.next(until).map_err(|error| self.explained(error))? {
                Some(JournalItem::Shapes(segment, rows)) => {
                    self.dispatch.add::<M>(self.cursor.scan(), segment, rows)?;
                }
                Some(JournalItem::Record(stored)) => return Ok(Some(stored)),
                None => return Ok(None),
            }
        }
    }

    fn explained(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Pruned => {
                let (name, image) = (self.name, self.source.layout().root().to_owned());
                ProjectionFault::Pruned { name, image, seq: self.cursor.last().next(), first: None }.into()
            }
            _ => error,
        }
    }

    pub(super) fn cursor(&self) -> &RecordCursor {
        &self.cursor
    }

    pub(super) fn dispatch(&self) -> &FollowedDispatch {
        &self.dispatch
    }

    /// Whether an event is known to be void.
    pub(super) fn is_void(&self, seq: Seq) -> bool {
        self.voids.has(seq) || self.cursor.voids().has(seq)
    }

    /// The newest epoch in which an event became void, as far as this feed knows.
    pub(super) fn void_epoch(&self) -> u64 {
        self.voids.newest_epoch().max(self.cursor.voids().newest_epoch())
    }
}

/// The error for event `seq`, which the journal no longer has.
fn pruned(name: &'static str, source: &JournalSource, journal: &OpenedJournal, seq: Seq) -> Error {
    let segments = journal.segments();
    let first = segments.first_frame(segments.first()).ok().flatten().map(|header| header.first_seq);
    ProjectionFault::Pruned { name, image: source.layout().root().to_owned(), seq, first }.into()
}
