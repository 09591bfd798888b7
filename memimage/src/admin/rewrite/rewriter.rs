//! Writes the events of a journal to a new journal, each event at its newest version and with its origin.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::messages;
use super::report::{RewriteProgress, RewriteStep};
use crate::context::Origin;
use crate::error::{Error, ErrorDetail};
use crate::event::{Model, Recorded, Reencode, StoredPayload};
use crate::journal::{EventId, Frame, Record, Scan, ShapeRow, Voids};
use crate::new_image::{FrameDecoder, NewRecord, RecordWriter, SourceFrame, replayed};
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::recovery::{DROPPED, Dispatch, ReplayAction, ReplayRoute};
use crate::seq::{SegmentId, Seq};

/// Counts of the events read and written.
#[derive(Debug, Default)]
pub(super) struct RewriteCounts {
    pub(super) read: u64,
    pub(super) upcasts: BTreeMap<(String, u32), u64>,
    pub(super) split: u64,
    pub(super) dropped: u64,
    /// The last event written.
    pub(super) last: Seq,
}

/// Reads the old journal and writes the new one.
pub(super) struct Rewriter<'a, M> {
    scan: &'a Scan,
    dispatch: &'a Dispatch,
    /// The void events of the old journal.
    voids: &'a Voids,
    decoder: FrameDecoder,
    /// The events that have another outcome on replay than when they were recorded, because an earlier event has become void
    /// since.
    changed_outcomes: &'a BTreeMap<Seq, Outcome>,
    new: RecordWriter,
    /// For each row of `M::EVENTS`, the number of the event in the new journal; `None` if no such event was written yet.
    numbers: Vec<Option<EventId>>,
    reencode: Reencode<M>,
    counts: RewriteCounts,
    bytes: u64,
    total: u64,
    progress: &'a mut dyn FnMut(RewriteProgress),
}

impl<'a, M: Model> Rewriter<'a, M> {
    /// Creates a rewriter that reads the events with `scan` and writes them to the new journal. `total` is the number of
    /// events.
    pub(super) fn new(
        scan: &'a Scan,
        (dispatch, voids): (&'a Dispatch, &'a Voids),
        decoder: FrameDecoder,
        changed_outcomes: &'a BTreeMap<Seq, Outcome>,
        new: RecordWriter,
        total: u64,
        progress: &'a mut dyn FnMut(RewriteProgress),
    ) -> Rewriter<'a, M> {
        Rewriter {
            scan,
            dispatch,
            voids,
            decoder,
            changed_outcomes,
            new,
            numbers: vec![None; M::EVENTS.len()],
            reencode: Reencode::new(),
            counts: RewriteCounts::default(),
            bytes: 0,
            total,
            progress,
        }
    }

    /// Writes all events and the digest of the state after the last event, and syncs the journal.
    pub(super) fn write(mut self, digest: u64) -> Result<RewriteCounts, Error> {
        let scan = self.scan;
        scan.read(SegmentId::FIRST, |segment, frame| self.frame(segment, frame))?;
        self.counts.last = self.new.last();
        self.new.finish::<M>(digest)?;
        Ok(self.counts)
    }

    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<ControlFlow<()>, Error> {
        let (dispatch, voids) = (self.dispatch, self.voids);
        match self.decoder.decode(self.scan, segment, frame, |record| replayed::<M>(dispatch, voids, record))? {
            SourceFrame::Other => return Ok(ControlFlow::Continue(())),
            SourceFrame::Time(correction) => {
                self.new.correct_time(&correction)?;
                return Ok(ControlFlow::Continue(()));
            }
            SourceFrame::Gap(gap, mark, correction) => {
                self.new.put_replayed_gap(gap, &mark, correction.as_ref())?;
                return Ok(ControlFlow::Continue(()));
            }
            SourceFrame::Events { body, records } => {
                for (record, action) in records {
                    self.record(action, &record, &body[record.payload.clone()])?;
                }
            }
        }
        self.bytes += frame.len as u64;
        let (events, bytes) = (self.counts.read, self.bytes);
        (self.progress)(RewriteProgress { step: RewriteStep::Write, events, total: Some(self.total), bytes });
        Ok(ControlFlow::Continue(()))
    }

    fn record(&mut self, what: ReplayAction<'_, M>, record: &Record, payload: &[u8]) -> Result<(), Error> {
        self.counts.read += 1;
        let part = record.origin.part;
        let ReplayAction::Event(ReplayRoute { row, event, shape, values }) = what else {
            self.counts.dropped += 1;
            return self.put(None, record, part, &[]);
        };
        if !event.is_past {
            return self.put(Some(row), record, part, payload);
        }
        let Record { seq, origin, time, outcome, .. } = *record;
        let recorded = Recorded { seq: origin.seq, time, metadata: &record.metadata, outcome };
        let stored = StoredPayload { payload, shape, recorded, part, values };
        let (name, version) = (event.name.to_owned(), event.version);
        let fault = match catch_unwind(AssertUnwindSafe(|| (event.deliver)(&stored, &mut self.reencode.target()))) {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some((fault.to_string(), fault.help(true))),
            Err(panic) => Some((messages::upcaster_panicked(&panic_message(panic)), messages::HELP_UPCASTER_PANICKED)),
        };
        if let Some((what, help)) = fault {
            return Err(Error::new(ErrorDetail::Replay { seq, name, version, what, help }));
        }
        *self.counts.upcasts.entry((name, version)).or_default() += 1;
        let parts = std::mem::take(&mut self.reencode.parts);
        if parts.is_empty() {
            self.counts.dropped += 1;
            return self.put(None, record, part, &[]);
        }
        self.counts.split += u64::from(parts.len() > 1);
        parts.iter().try_for_each(|part| self.put(Some(part.row), record, part.part, &part.payload))
    }

    /// Writes a record of the event in this row of `M::EVENTS`, or `memimage.dropped` if there is no row. `part` is the part
    /// number in the new record's origin; the rest of the origin, the time, the metadata and an outcome that did not change come
    /// from `record`.
    fn put(&mut self, row: Option<usize>, record: &Record, part: u32, payload: &[u8]) -> Result<(), Error> {
        let Record { seq, time, outcome, ref metadata, origin, event, .. } = *record;
        let outcome = self.changed_outcomes.get(&seq).copied().unwrap_or(outcome);
        let origin = Origin { part, ..origin };
        let new = NewRecord { event, name: DROPPED, time, metadata, origin, outcome, payload };
        match row {
            Some(row) => {
                let (event, name) = (self.number(row)?, M::EVENTS[row].name);
                self.new.put(&NewRecord { event, name, ..new })
            }
            None => self.new.put_dropped(new),
        }
    }

    /// The number of the event in this row of `M::EVENTS`.
    fn number(&mut self, row: usize) -> Result<EventId, Error> {
        if let Some(event) = self.numbers[row] {
            return Ok(event);
        }
        let event = self.new.number(ShapeRow::of(&M::EVENTS[row]))?;
        self.numbers[row] = Some(event);
        Ok(event)
    }
}
