//! Writes the events of a journal to a new journal, each event at its newest version and with its origin.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::messages;
use super::report::{RewriteProgress, RewriteStep};
use crate::context::{Origin, Timestamp};
use crate::error::{Error, ErrorDetail};
use crate::event::{Model, Recorded, Reencode, StoredPayload};
use crate::journal::{DigestMark, EventId, Frame, FrameKind, Journal, NoRoom, OpenBatch, Record, Scan, Voids, records};
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::recovery::model_mark;
use crate::recovery::{DROPPED, Dispatch, ReplayAction, ReplayRoute};
use crate::seq::{SegmentId, Seq};

/// The largest record that the format allows, in bytes.
const MAX_RECORD: u64 = 1 << 30;

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

/// A record to be written.
#[derive(Clone, Copy)]
enum NewRecord {
    /// An event, identified by its row in the program's table `M::EVENTS`.
    Event(usize),
    /// The `memimage.dropped` record, in place of an event that became nothing.
    Dropped,
}

/// Reads the old journal and writes the new one.
pub(super) struct Rewriter<'a, M> {
    scan: &'a Scan,
    old: &'a Dispatch,
    /// The void events of the old journal.
    voids: Voids,
    /// The events that have another outcome on replay than when they were recorded, because an earlier event has become void
    /// since.
    changed_outcomes: BTreeMap<Seq, Outcome>,
    journal: Journal,
    new: Dispatch,
    reencode: Reencode<M>,
    /// The recorded time of the last event.
    time: Timestamp,
    counts: RewriteCounts,
    bytes: u64,
    total: u64,
    progress: &'a mut dyn FnMut(RewriteProgress),
}

impl<M> Drop for Rewriter<'_, M> {
    fn drop(&mut self) {
        // Ends the journal's threads. A successful rewrite has already closed the journal, and a failed rewrite removes its
        // files.
        let _ = self.journal.close();
    }
}

impl<'a, M: Model> Rewriter<'a, M> {
    /// Creates a rewriter that reads the events with `scan` and writes them to the new journal. `total` is the number of
    /// events. `old` maps the events of the journal to the events of the program. `voids` contains the void events.
    pub(super) fn new(
        scan: &'a Scan,
        old: &'a Dispatch,
        (voids, changed_outcomes): (Voids, BTreeMap<Seq, Outcome>),
        journal: Journal,
        total: u64,
        progress: &'a mut dyn FnMut(RewriteProgress),
    ) -> Rewriter<'a, M> {
        Rewriter {
            scan,
            old,
            voids,
            changed_outcomes,
            journal,
            new: Dispatch::empty(M::EVENTS),
            reencode: Reencode::new(),
            time: Timestamp::default(),
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
        let seq = self.journal.executed();
        let mark = DigestMark { seq, model: model_mark::<M>(), digest, accepts: false }.encode();
        self.attempt(|_, journal, open| Ok(journal.try_insert(open, FrameKind::Digest, &mark).err()))?;
        self.counts.last = self.journal.executed();
        self.journal.close().map_err(|error| error.cause())?;
        Ok(std::mem::take(&mut self.counts))
    }

    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<ControlFlow<()>, Error> {
        let (header, scan) = (&frame.header, self.scan);
        if header.kind == FrameKind::Time {
            let correction = scan.decode_time(segment, frame)?;
            self.time = correction.to;
            self.attempt(|_, journal, open| Ok(journal.correct_time(open, &correction).err()))?;
        }
        if header.kind != FrameKind::Events {
            return Ok(ControlFlow::Continue(()));
        }
        let damaged = |what: String| scan.corrupt_frame(segment, frame, what);
        let body = scan.body(segment, frame)?;
        for record in records(&body, header.first_seq, header.count, header.time) {
            let record = record.map_err(|fault| damaged(fault.to_string()))?;
            if record.time < self.time {
                return Err(damaged(messages::time_goes_back(record.seq)));
            }
            let action = match self.voids.has(record.seq) {
                true => ReplayAction::Dropped,
                false => self
                    .old
                    .action(record.event, M::EVENTS)
                    .ok_or_else(|| damaged(messages::unknown_event_number(record.seq, record.event.0)))?,
            };
            self.record(action, &record, &body[record.payload.clone()])?;
        }
        self.bytes += frame.len as u64;
        let (events, bytes) = (self.counts.read, self.bytes);
        (self.progress)(RewriteProgress { step: RewriteStep::Write, events, total: Some(self.total), bytes });
        Ok(ControlFlow::Continue(()))
    }

    fn record(&mut self, what: ReplayAction<'_, M>, record: &Record, payload: &[u8]) -> Result<(), Error> {
        self.time = record.time;
        self.counts.read += 1;
        let part = record.origin.part;
        let ReplayAction::Event(ReplayRoute { row, event, shape, values }) = what else {
            self.counts.dropped += 1;
            return self.put(NewRecord::Dropped, record, part, &[]);
        };
        if !event.is_past {
            return self.put(NewRecord::Event(row), record, part, payload);
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
            return self.put(NewRecord::Dropped, record, part, &[]);
        }
        self.counts.split += u64::from(parts.len() > 1);
        parts.iter().try_for_each(|part| self.put(NewRecord::Event(part.row), record, part.part, &part.payload))
    }

    /// Writes the record `what` with this payload. `part` is the part number in the new record's origin; the rest of the
    /// origin, the time, the metadata and an outcome that did not change come from `record`.
    fn put(&mut self, what: NewRecord, record: &Record, part: u32, payload: &[u8]) -> Result<(), Error> {
        let Record { seq, time, outcome, metadata, origin, .. } = record;
        let outcome = self.changed_outcomes.get(seq).copied().unwrap_or(*outcome);
        let origin = Origin { part, ..*origin };
        let command = match what {
            NewRecord::Event(row) => M::EVENTS[row].name,
            NewRecord::Dropped => DROPPED,
        };
        self.attempt(|new, journal, open| {
            let event = match number::<M>(new, journal, open, what) {
                Ok(event) => event,
                Err(room) => return Ok(Some(room)),
            };
            let other = (origin != Origin::own(open.next_seq())).then_some(origin);
            let mark = open
                .begin(event, *time, metadata, other)
                .map_err(|error| Error::new(ErrorDetail::Encode { command, what: error.to_string() }))?;
            open.bytes().extend_from_slice(payload);
            let size = open.record_len(mark) as u64;
            if size > MAX_RECORD {
                open.discard_record(mark);
                return Err(Error::new(ErrorDetail::TooLarge { command, size, cap: MAX_RECORD }));
            }
            match journal.reserve(open, mark) {
                Ok(mark) => open.accept(mark, outcome),
                Err(room) => return Ok(Some(room)),
            }
            journal.accepted(open, false);
            Ok(None)
        })
    }

    /// Calls `write` with the open batch. If a segment must be created first, creates the segment and calls `write` again.
    fn attempt(
        &mut self,
        mut write: impl FnMut(&mut Dispatch, &Journal, &mut OpenBatch) -> Result<Option<NoRoom>, Error>,
    ) -> Result<(), Error> {
        loop {
            self.journal.wait_for_room();
            let room = {
                let mut open = self.journal.open();
                if let Some(error) = open.ended() {
                    return Err(error.cause());
                }
                write(&mut self.new, &self.journal, &mut open)?
            };
            match room {
                None => return Ok(()),
                Some(room) => self.journal.obtain_segment(room).map_err(|error| error.cause())?,
            }
        }
    }
}

/// Returns the number of the row that describes `what` in the shape table of the new journal. Adds this row to the table if it
/// is missing.
fn number<M: Model>(
    new: &mut Dispatch,
    journal: &Journal,
    open: &mut OpenBatch,
    what: NewRecord,
) -> Result<EventId, NoRoom> {
    let number = |dispatch: &Dispatch| match what {
        NewRecord::Event(row) => dispatch.id(row),
        NewRecord::Dropped => dispatch.dropped(),
    };
    if let Some(event) = number(new) {
        return Ok(event);
    }
    let grown = match what {
        NewRecord::Event(row) => new.declare(row, &M::EVENTS[row]),
        NewRecord::Dropped => new.declare_dropped(),
    };
    let event = number(&grown).expect("it was just declared");
    journal.declare(open, grown.table(), event)?;
    *new = grown;
    Ok(event)
}
