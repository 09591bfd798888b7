//! Writes the journal of a branch.

use super::edits::Edits;
use super::execution::{Plan, changed_metadata};
use super::messages;
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::{Model, ReencodedPart};
use crate::history::JournalSource;
use crate::journal::{EventId, Frame, FrameKind, Record, Scan, ShapeRow, Voids, records};
use crate::new_image::{CompleteJournal, NewRecord, RecordWriter};
use crate::recovery::{DROPPED, ReplayAction};
use crate::seq::{SegmentId, Seq};

/// Writes the events of the source to the branch, as a plan says.
pub(super) struct BranchWriter<'a> {
    source: &'a JournalSource,
    journal: &'a CompleteJournal,
    edits: &'a Edits,
    voids: &'a Voids,
    plan: &'a Plan,
    new: &'a mut RecordWriter,
    /// The rows of the source's shape table, and after them the rows of replacements that are not among them.
    rows: Vec<ShapeRow>,
    /// For each of `rows`, the number of the event in the new journal; `None` if no such event was written yet.
    numbers: Vec<Option<EventId>>,
    /// The recorded time of the last event.
    time: Timestamp,
}

impl<'a> BranchWriter<'a> {
    pub(super) fn new<M: Model>(
        (source, journal): (&'a JournalSource, &'a CompleteJournal),
        edits: &'a Edits,
        voids: &'a Voids,
        plan: &'a Plan,
        new: &'a mut RecordWriter,
    ) -> BranchWriter<'a> {
        let mut rows = journal.dispatch.table().rows.clone();
        for part in edits.replacements.values() {
            let row = ShapeRow::of(&M::EVENTS[part.row]);
            match row_of(&rows, &row.name, row.version) {
                // the program's shape equals the recorded one, or extends it
                Some(at) => rows[at] = row,
                None => rows.push(row),
            }
        }
        let numbers = vec![None; rows.len()];
        BranchWriter { source, journal, edits, voids, plan, new, rows, numbers, time: Timestamp::default() }
    }

    /// Writes all events. Calls `watch` with the last event of each batch.
    pub(super) fn write<M: Model>(mut self, watch: &mut dyn FnMut(Seq)) -> Result<(), Error> {
        let mut tail = self.source.tail_after(Seq::ZERO)?;
        tail.read(self.edits.end, |scan, segment, frame| {
            self.frame::<M>(scan, segment, frame)?;
            watch(self.new.last());
            Ok(())
        })
    }

    fn frame<M: Model>(&mut self, scan: &Scan, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let header = &frame.header;
        if header.kind == FrameKind::Time {
            let correction = scan.decode_time(segment, frame)?;
            self.time = correction.to;
            return self.new.correct_time(&correction);
        }
        if header.kind != FrameKind::Events {
            return Ok(());
        }
        let body = scan.body(segment, frame)?;
        for record in records(&body, header.first_seq, header.count, header.time) {
            let record = record.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
            if record.seq > self.edits.end {
                break;
            }
            if record.time < self.time {
                return Err(scan.corrupt_frame(segment, frame, messages::time_goes_back(record.seq)));
            }
            self.time = record.time;
            let Some(action) = self.journal.dispatch.action(record.event, M::EVENTS) else {
                let what = messages::unknown_event_number(record.seq, record.event.0);
                return Err(scan.corrupt_frame(segment, frame, what));
            };
            let has_effect = !self.voids.has(record.seq) && matches!(action, ReplayAction::Event(_));
            self.record::<M>(&record, has_effect, &body[record.payload.clone()])?;
        }
        Ok(())
    }

    fn record<M: Model>(&mut self, record: &Record, has_effect: bool, payload: &[u8]) -> Result<(), Error> {
        let Record { seq, time, outcome, ref metadata, origin, event, .. } = *record;
        let outcome = self.plan.outcomes.get(&seq).copied().unwrap_or(outcome);
        let unchanged = NewRecord { event, name: DROPPED, time, metadata, origin, outcome, payload };
        if let Some(part) = self.edits.replacements.get(&seq) {
            return self.replacement::<M>(unchanged, part);
        }
        if let Some(how) = self.plan.left_out.get(&seq) {
            return self.new.put_dropped(NewRecord { metadata: &changed_metadata(metadata, how), ..unchanged });
        }
        if !has_effect {
            return self.new.put_dropped(unchanged);
        }
        let event = self.number(event.0 as usize)?;
        self.new.put(&NewRecord { event, ..unchanged })
    }

    fn replacement<M: Model>(&mut self, record: NewRecord<'_>, part: &ReencodedPart) -> Result<(), Error> {
        let row = &M::EVENTS[part.row];
        let at = row_of(&self.rows, row.name, row.version).expect("the rows of replacements were added");
        let event = self.number(at)?;
        let metadata = &changed_metadata(record.metadata, messages::REPLACED);
        self.new.put(&NewRecord { event, name: row.name, metadata, payload: &part.payload, ..record })
    }

    /// The number of the event in one of `rows`.
    fn number(&mut self, row: usize) -> Result<EventId, Error> {
        if let Some(event) = self.numbers[row] {
            return Ok(event);
        }
        let event = self.new.number(self.rows[row].clone())?;
        self.numbers[row] = Some(event);
        Ok(event)
    }
}

fn row_of(rows: &[ShapeRow], name: &str, version: u32) -> Option<usize> {
    rows.iter().position(|row| row.name == name && row.version == version)
}
