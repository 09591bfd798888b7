//! Reads the events of a journal one by one, for a subscriber that may be slow, while the owner rolls and prunes segments.

use std::collections::VecDeque;
use std::marker::PhantomData;

use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::history::event::HistoryEvent;
use crate::history::source::JournalSource;
use crate::history::typed::push_events;
use crate::journal::{JournalItem, RecordCursor, Voids};
use crate::recovery::{FollowedDispatch, dispatch_of};
use crate::seq::Seq;

pub(super) struct EventReader<M: Model> {
    source: JournalSource,
    cursor: RecordCursor,
    dispatch: FollowedDispatch,
    voids: Voids,
    /// The number of void marks of the image when `voids` was read; `None` if it was unknown.
    decisions: Option<u32>,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> EventReader<M> {
    /// A reader of the events after `seq`. The events up to `durable` are durable.
    ///
    /// # Errors
    ///
    /// Returns an error if the event after `seq` was pruned, or if the program does not know the events of the journal.
    pub(super) fn open(source: &JournalSource, seq: Seq, durable: Seq) -> Result<EventReader<M>, Error> {
        let cursor = RecordCursor::new(source.tail_after(seq)?, seq);
        let decisions = decisions(source, &cursor)?;
        let journal = source.open(durable)?;
        let dispatch = FollowedDispatch::new(dispatch_of::<M>(&journal)?);
        let voids = journal.scan().voids_after(seq)?;
        Ok(EventReader { source: source.clone(), cursor, dispatch, voids, decisions, model: PhantomData })
    }

    /// The UUID of the image.
    pub(super) fn uuid(&self) -> [u8; 16] {
        self.cursor.scan().segments().identity().uuid
    }

    /// Reads the next record, and appends the events that it stands for. The event must be durable, up to `until`.
    pub(super) fn read(&mut self, until: Seq, events: &mut VecDeque<HistoryEvent<M>>) -> Result<(), Error> {
        loop {
            match self.cursor.next(until)? {
                Some(JournalItem::Shapes(segment, rows)) => {
                    self.dispatch.add::<M>(self.cursor.scan(), segment, rows)?;
                }
                Some(JournalItem::Record(stored)) => {
                    return push_events(&self.dispatch, self.cursor.scan(), &self.voids, &stored, events);
                }
                None => return Ok(()),
            }
        }
    }

    /// The last event that the files prove to be synced. If an event was made void since the last call, the events that this
    /// reader returns from now on show it.
    pub(super) fn synced(&mut self) -> Result<Seq, Error> {
        // read before `synced`, so that a void mark that comes after this is found by the next call
        let decisions = decisions(&self.source, &self.cursor)?;
        if decisions.is_some() && decisions != self.decisions {
            let last = self.cursor.last();
            self.voids = self.source.open(last)?.scan().voids_after(last)?;
            self.decisions = decisions;
        }
        self.cursor.synced()
    }

    /// Verifies that the image is still in its directory, and that its journal has the events that this reader has returned.
    pub(super) fn check_place(&mut self) -> Result<(), Error> {
        self.cursor.relist()?;
        let (last, uuid) = (self.cursor.last(), self.uuid());
        match self.source.watermark(&uuid)? {
            // an owner writes the watermark when it opens an image, after it has synced all events
            Some(watermark)
                if watermark.durable_seq < last
                    && self.cursor.epoch().is_some_and(|epoch| epoch < watermark.life.epoch) =>
            {
                let path = self.source.layout().root().to_owned();
                Err(Error::new(ErrorDetail::NoSuchEvent { path, seq: last, last: watermark.durable_seq }))
            }
            _ => Ok(()),
        }
    }
}

/// The number of void marks of the image; `None` if `journal/durable` does not tell.
fn decisions(source: &JournalSource, cursor: &RecordCursor) -> Result<Option<u32>, Error> {
    let watermark = source.watermark(&cursor.scan().segments().identity().uuid)?;
    Ok(watermark.map(|watermark| watermark.decisions))
}
