//! The durable records of an image, in order: those that exist, then each new one. Subscriptions and projections read them.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::polling::Polling;
use super::source::JournalSource;
use crate::error::{Error, ErrorKind};
use crate::event::Model;
use crate::journal::{
    Continuity, DurabilityWatch, JournalItem, RecordCursor, Scan, ShapeRows, StoredRecord, Voids, removed_image,
};
use crate::recovery::{FollowedDispatch, OpenedJournal, dispatch_of};
use crate::seq::{SegmentId, Seq};

/// What the reader of a feed knows about the events that the journal declares.
pub(crate) trait Declarations: Sized {
    /// The declarations in an opened journal.
    ///
    /// # Errors
    ///
    /// Returns an error if the reader cannot read one of these events.
    fn of(journal: &OpenedJournal) -> Result<Self, Error>;

    /// Adds rows that a frame in `segment` declares, unless they are known.
    ///
    /// # Errors
    ///
    /// Returns an error if the rows do not continue those before, or if the reader cannot read one of these events.
    fn add(&mut self, scan: &Scan, segment: SegmentId, rows: ShapeRows) -> Result<(), Error>;
}

/// The events as a program with model `M` knows them.
pub(crate) struct OfModel<M> {
    dispatch: FollowedDispatch,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> Declarations for OfModel<M> {
    fn of(journal: &OpenedJournal) -> Result<OfModel<M>, Error> {
        Ok(OfModel { dispatch: FollowedDispatch::new(dispatch_of::<M>(journal)?), model: PhantomData })
    }

    fn add(&mut self, scan: &Scan, segment: SegmentId, rows: ShapeRows) -> Result<(), Error> {
        self.dispatch.add::<M>(scan, segment, rows)
    }
}

/// A feed for a program with model `M`.
pub(crate) type ModelFeed<M> = RecordFeed<OfModel<M>>;

/// A reader of the durable records after some event, while the owner rolls and prunes segments.
pub(crate) struct RecordFeed<D> {
    /// The journal's files.
    source: JournalSource,
    durability: Evidence,
    cursor: RecordCursor,
    declarations: D,
    /// The void events that are known.
    voids: Voids,
    /// The number of void frames of the image when the void events were last collected, or less.
    decisions: u32,
}

/// What shows that an event is durable.
enum Evidence {
    /// The running image in this process.
    Live(Arc<DurabilityWatch>),
    /// The files, which the owner in another process writes.
    Files(Polling),
}

/// The result of looking for more durable records.
pub(crate) enum Look {
    /// The records up to this one are durable.
    Durable(Seq),
    /// Nothing new.
    Nothing,
    /// The running image has ended, and its last durable record was read. An error if it was poisoned.
    Ended(Result<(), Error>),
}

impl<D: Declarations> RecordFeed<D> {
    /// A feed of the records after event `after`. `watch` is that of the running image; without it, event `after` must be in the
    /// journal.
    ///
    /// # Errors
    ///
    /// Returns an error if the record after `after` was pruned, or if the program does not know the events of the journal.
    pub(crate) fn open(
        source: &JournalSource,
        watch: Option<Arc<DurabilityWatch>>,
        after: Seq,
    ) -> Result<RecordFeed<D>, Error> {
        source.attempt(|| {
            // the running image may not have written event `after` yet
            let known = watch.as_ref().map_or(after, |watch| after.min(watch.durable()));
            let journal = source.open(known)?;
            RecordFeed::of_journal(source, watch.clone(), &journal, journal.scan().voids_after(known)?, (after, known))
        })
    }

    /// Like [`open`](RecordFeed::open), of an opened journal, whose void events after event `known` are `voids`. Event `known` is the
    /// last durable one up to event `after`.
    pub(crate) fn of_journal(
        source: &JournalSource,
        watch: Option<Arc<DurabilityWatch>>,
        journal: &OpenedJournal,
        voids: Voids,
        (after, known): (Seq, Seq),
    ) -> Result<RecordFeed<D>, Error> {
        let declarations = D::of(journal)?;
        let mut feed = RecordFeed {
            source: source.without_owner(),
            durability: watch.map_or(Evidence::Files(Polling::default()), Evidence::Live),
            cursor: source.cursor_after(after, known)?,
            declarations,
            voids,
            // the first look collects the void events of an image that has some after `after`
            decisions: 0,
        };
        feed.voids.merge(feed.cursor.take_voids());
        Ok(feed)
    }

    /// Looks for durable records after the last one that was read.
    ///
    /// # Errors
    ///
    /// Beside an owner in another process, returns an error if the journal was removed, cut or replaced
    /// ([`ErrorKind::Replaced`]), and errors of reading it.
    pub(crate) fn look(&mut self) -> Result<Look, Error> {
        let last = self.cursor.last();
        match &mut self.durability {
            Evidence::Live(watch) => {
                // read before `durable`, which is final once the journal has ended
                let ended = watch.ended();
                let durable = watch.durable();
                Ok(match ended {
                    _ if durable > last => Look::Durable(durable),
                    Some(result) => Look::Ended(result),
                    None => Look::Nothing,
                })
            }
            Evidence::Files(polling) => {
                let is_idle = polling.is_idle();
                polling.looked(false);
                let durable = self.look_at_files(is_idle).map_err(|error| self.removed_or(error))?;
                if durable <= last {
                    return Ok(Look::Nothing);
                }
                self.durability = Evidence::Files(Polling::default());
                Ok(Look::Durable(durable))
            }
        }
    }

    fn look_at_files(&mut self, compare: bool) -> Result<Seq, Error> {
        if self.cursor.verify_continuity(self.decisions, compare)? == Continuity::Voided {
            self.collect_voids()?;
        }
        self.cursor.synced()
    }

    /// Collects the void events after the reader's position again, because there are more void frames than before.
    fn collect_voids(&mut self) -> Result<(), Error> {
        let last = self.cursor.last();
        // read first, so that a void frame that is recorded meanwhile makes this feed collect them once more
        let watermark = self.source.watermark(&self.uuid())?;
        let voids = self.source.attempt(|| self.source.open(last)?.scan().voids_after(last))?;
        self.voids.merge(voids);
        self.decisions = watermark.map_or(self.decisions, |watermark| watermark.decisions);
        Ok(())
    }

    /// Waits until [`look`](RecordFeed::look) may find more, until the deadline, or until `is_over` returns true; the thread that makes it
    /// true must then wake the waiters of [`watch`](RecordFeed::watch), or the one that `sleep` lets sleep until this time.
    pub(crate) fn wait(&self, is_over: impl Fn() -> bool, deadline: Option<Instant>, sleep: impl FnOnce(Instant)) {
        let last = self.cursor.last();
        match &self.durability {
            Evidence::Live(watch) => watch.wait(|| is_over() || watch.durable() > last || watch.is_ended(), deadline),
            Evidence::Files(_) => sleep(deadline.map_or(self.next_look(), |deadline| deadline.min(self.next_look()))),
        }
    }

    /// When to look at the files again.
    #[expect(clippy::disallowed_methods, reason = "the pauses of a reader are not part of a model's state")]
    pub(crate) fn next_look(&self) -> Instant {
        Instant::now()
            + match self.durability {
                Evidence::Live(_) => Duration::ZERO,
                Evidence::Files(polling) => polling.pause(),
            }
    }

    /// The running image in this process; `None` if the feed looks at the files.
    pub(crate) fn watch(&self) -> Option<&Arc<DurabilityWatch>> {
        match &self.durability {
            Evidence::Live(watch) => Some(watch),
            Evidence::Files(_) => None,
        }
    }

    /// From now on looks at the files, which have the events of later owners too, because the running image has ended.
    pub(crate) fn follow_files(&mut self) {
        self.durability = Evidence::Files(Polling::default());
    }

    /// The next record up to `until`, which must be durable; `None` if record `until` was read.
    ///
    /// # Errors
    ///
    /// Returns the error for [lost events](Error::is_gap) once for each recorded gap, and can be called again after it. Returns an
    /// error if the record was pruned, if the journal was replaced or is damaged, or if the program does not know the record's
    /// event; after that the feed must not be used again.
    pub(crate) fn next(&mut self, until: Seq) -> Result<Option<StoredRecord>, Error> {
        loop {
            let item = self.cursor.next(until).map_err(|error| self.explained(error))?;
            self.voids.merge(self.cursor.take_voids());
            match item {
                Some(JournalItem::Shapes(segment, rows)) => {
                    self.declarations.add(self.cursor.scan(), segment, rows)?;
                }
                Some(JournalItem::Record(stored)) => return Ok(Some(stored)),
                Some(JournalItem::Gap(gap)) => return Err(self.scan().segments().lost_events(gap)),
                None => return Ok(None),
            }
        }
    }

    /// The cause of a failed read: what looks like damage is another journal if the files were replaced meanwhile.
    fn explained(&mut self, error: Error) -> Error {
        let found = match &self.durability {
            Evidence::Live(_) => return error,
            Evidence::Files(_) => self.cursor.verify_continuity(u32::MAX, true),
        };
        match found.map_err(|found| self.removed_or(found)) {
            Err(found) if found.kind() == ErrorKind::Replaced => found,
            _ => error,
        }
    }

    fn removed_or(&self, error: Error) -> Error {
        match error.is_removed_image() {
            true => removed_image(self.source.layout()),
            false => error,
        }
    }

    /// The last record that was read, or after which the feed began.
    pub(crate) fn last(&self) -> Seq {
        self.cursor.last()
    }

    pub(crate) fn scan(&self) -> &Scan {
        self.cursor.scan()
    }

    #[cfg(feature = "admin")]
    pub(crate) fn declarations(&self) -> &D {
        &self.declarations
    }

    /// The void events that are known.
    pub(crate) fn voids(&self) -> &Voids {
        &self.voids
    }

    /// The UUID of the image.
    pub(crate) fn uuid(&self) -> [u8; 16] {
        self.scan().segments().identity().uuid
    }
}

impl<M: Model> ModelFeed<M> {
    pub(crate) fn dispatch(&self) -> &FollowedDispatch {
        &self.declarations.dispatch
    }
}
