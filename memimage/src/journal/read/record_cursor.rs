//! Reads the records of a journal one by one, in their order, with constant memory.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::continuity::Continuity;
use super::scan::Scan;
use super::tail::JournalTail;
use crate::error::Error;
use crate::journal::format::frame::{Frame, FrameKind};
use crate::journal::format::gap::Gap;
use crate::journal::format::record::{Record, read as records};
use crate::journal::format::shape_table::ShapeRows;
use crate::journal::format::void::Voids;
use crate::planted::{Bug, planted};
use crate::seq::{Life, SegmentId, Seq};

/// A record, with the body of its frame.
#[derive(Clone, Debug)]
pub(crate) struct StoredRecord {
    pub(crate) record: Record,
    /// The body of the frame, which contains the payload.
    pub(crate) body: Arc<Vec<u8>>,
    pub(crate) segment: SegmentId,
    /// The life in which the record was written.
    pub(crate) life: Life,
    /// The hash of the frame, which identifies the history up to it.
    pub(crate) hash: u64,
}

impl StoredRecord {
    pub(crate) fn payload(&self) -> &[u8] {
        &self.body[self.record.payload.clone()]
    }
}

/// A part of the journal that a reader of records processes.
#[derive(Debug)]
pub(crate) enum JournalItem {
    Record(StoredRecord),
    /// Rows that the records after them use.
    Shapes(SegmentId, ShapeRows),
    /// A recorded gap: the events of this range are lost.
    Gap(Gap),
}

/// A reader of the records after an event.
#[derive(Debug)]
pub(crate) struct RecordCursor {
    tail: JournalTail,
    /// The last event that the reader returned, or after which it began.
    last: Seq,
    items: VecDeque<JournalItem>,
    /// The error after the items.
    failed: Option<Error>,
    /// The void events whose void frames were read.
    voids: Voids,
}

impl RecordCursor {
    /// A reader of the records after event `last`. `tail` must begin with the frame of the next event, or before it.
    pub(crate) fn new(tail: JournalTail, last: Seq) -> RecordCursor {
        RecordCursor { tail, last, items: VecDeque::new(), failed: None, voids: Voids::default() }
    }

    /// A reader of the records after event `last` that has read the frame with event `known`, so that it notices if the journal is
    /// replaced before it has read another one. Event `known` must be durable, and at most `last`. `tail` must begin with the segment
    /// of event `known`.
    pub(crate) fn positioned(tail: JournalTail, last: Seq, known: Seq) -> Result<RecordCursor, Error> {
        let mut cursor = RecordCursor::new(tail, last);
        while cursor.read_piece(known)?.is_continue() {}
        Ok(cursor)
    }

    pub(crate) fn scan(&self) -> &Scan {
        self.tail.scan()
    }

    /// The last event that the reader returned, or after which it began.
    pub(crate) fn last(&self) -> Seq {
        self.last
    }

    /// Whether the reader has read a frame, by which it notices that the journal was replaced.
    pub(crate) fn has_read(&self) -> bool {
        self.tail.chain().is_some()
    }

    /// Takes the void events whose void frames this reader has read since the last call. The reader reads frames ahead of the items
    /// that it returns.
    pub(crate) fn take_voids(&mut self) -> Voids {
        std::mem::take(&mut self.voids)
    }

    /// The last event that the files prove to be synced. See [`JournalTail::synced`].
    pub(crate) fn synced(&mut self) -> Result<Seq, Error> {
        self.tail.synced(self.last)
    }

    /// Returns the next item. Returns `None` once the reader has returned event `until`, which must be durable.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal is damaged before event `until`, or if events were pruned before they were read. After an
    /// error the reader must not be used again.
    pub(crate) fn next(&mut self, until: Seq) -> Result<Option<JournalItem>, Error> {
        loop {
            match self.items.front() {
                Some(JournalItem::Record(stored)) if stored.record.seq > until => return Ok(None),
                Some(JournalItem::Record(stored)) => {
                    self.last = stored.record.seq;
                    return Ok(self.items.pop_front());
                }
                Some(JournalItem::Gap(gap)) if gap.first > until => return Ok(None),
                Some(JournalItem::Gap(gap)) => {
                    self.last = gap.last();
                    return Ok(self.items.pop_front());
                }
                Some(JournalItem::Shapes(..)) => return Ok(self.items.pop_front()),
                None if self.last >= until => return Ok(None),
                None => match self.failed.take() {
                    Some(error) => return Err(error),
                    // the items before the damage are returned first
                    None => self.failed = self.fill(until).err(),
                },
            }
        }
    }

    /// Reads the next piece of the journal.
    fn fill(&mut self, until: Seq) -> Result<(), Error> {
        match self.read_piece(until) {
            Ok(ControlFlow::Break(())) if self.items.is_empty() => Err(self.lacks_events(until)),
            // whether the reader has reached `until` is known from the records themselves
            Ok(_) => Ok(()),
            // the owner removed the segment; the reader may have all its events, and lack only the seal after them
            Err(error) if error.is_removed() => {
                self.tail = self.tail.reopened_after(self.last)?;
                self.items.clear();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The error: the frames up to event `until` were read, and the events were not among them.
    fn lacks_events(&self, until: Seq) -> Error {
        let what = format!("the frames up to event {until} do not contain event {}", self.last.next());
        self.scan().segments().corrupt(self.tail.position.segment, None, what)
    }

    fn read_piece(&mut self, until: Seq) -> Result<ControlFlow<()>, Error> {
        let RecordCursor { tail, last, items, voids, .. } = self;
        tail.read_piece(until, |scan, segment, frame| {
            if frame.header.kind == FrameKind::Void {
                voids.add(&scan.decode_void(segment, frame)?, frame);
            }
            add_items(items, *last, scan, segment, frame)
        })
    }

    /// Like [`JournalTail::verify_continuity`].
    pub(crate) fn verify_continuity(&mut self, counted: u32, compare: bool) -> Result<Continuity, Error> {
        self.tail.verify_continuity(counted, compare)
    }
}

/// Adds the records of a frame that come after event `last`.
fn add_items(
    items: &mut VecDeque<JournalItem>,
    last: Seq,
    scan: &Scan,
    segment: SegmentId,
    frame: &Frame<'_>,
) -> Result<(), Error> {
    match frame.header.kind {
        FrameKind::Shapes => items.push_back(JournalItem::Shapes(segment, scan.rows(segment, frame)?)),
        FrameKind::Events if frame.header.next_seq() > last.next() => {
            let stored = records_of(scan, segment, frame)?;
            items.extend(stored.filter(|stored| stored.record.seq > last).map(JournalItem::Record));
        }
        FrameKind::Gap => {
            let gap = scan.decode_gap(segment, frame)?;
            let is_wanted = gap.is_crossed_from(last) && !planted(Bug::GapPassedSilently);
            items.extend(is_wanted.then_some(JournalItem::Gap(gap)));
        }
        _ => {}
    }
    Ok(())
}

/// The records of a frame with events.
pub(super) fn records_of(
    scan: &Scan,
    segment: SegmentId,
    frame: &Frame<'_>,
) -> Result<impl DoubleEndedIterator<Item = StoredRecord> + use<>, Error> {
    let header = &frame.header;
    let body = Arc::new(scan.body(segment, frame)?);
    let decoded: Result<Vec<Record>, _> = records(&body, header.first_seq, header.count, header.time).collect();
    let decoded = decoded.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
    let (life, hash) = (header.life, frame.link().hash);
    Ok(decoded.into_iter().map(move |record| StoredRecord { record, body: Arc::clone(&body), segment, life, hash }))
}
