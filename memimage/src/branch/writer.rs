//! Writes the journal of a branch.

use super::edits::Edits;
use super::execution::{Plan, changed_metadata};
use super::messages;
use crate::error::Error;
use crate::event::{Model, ReencodedPart};
use crate::history::JournalSource;
use crate::journal::{EventId, Frame, Record, Scan, ShapeRow, Voids};
use crate::new_image::{CompleteJournal, FrameDecoder, NewRecord, RecordWriter, SourceFrame, replayed};
use crate::recovery::{DROPPED, Dispatch, ReplayAction};
use crate::seq::{SegmentId, Seq};

/// Writes the events of the source to the branch, as a plan says.
pub(super) struct BranchWriter<'a> {
    source: &'a JournalSource,
    dispatch: &'a Dispatch,
    /// The void events of the source.
    voids: &'a Voids,
    decoder: FrameDecoder,
    edits: &'a Edits,
    plan: &'a Plan,
    new: &'a mut RecordWriter,
    /// The rows of the source's shape table, and after them the rows of replacements that are not among them.
    rows: Vec<ShapeRow>,
    /// For each of `rows`, the number of the event in the new journal; `None` if no such event was written yet.
    numbers: Vec<Option<EventId>>,
}

impl<'a> BranchWriter<'a> {
    pub(super) fn new<M: Model>(
        (source, journal): (&'a JournalSource, &'a CompleteJournal),
        (edits, decoder): (&'a Edits, FrameDecoder),
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
        BranchWriter { source, dispatch: &journal.dispatch, voids, decoder, edits, plan, new, rows, numbers }
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
        let (dispatch, voids) = (self.dispatch, self.voids);
        match self.decoder.decode(scan, segment, frame, |record| replayed::<M>(dispatch, voids, record))? {
            SourceFrame::Other => Ok(()),
            SourceFrame::Time(correction) => self.new.correct_time(&correction),
            SourceFrame::Gap(gap, mark, correction) => self.new.put_replayed_gap(gap, &mark, correction.as_ref()),
            SourceFrame::Events { body, records } => records.iter().try_for_each(|(record, action)| {
                let has_effect = matches!(action, ReplayAction::Event(_));
                self.record::<M>(record, has_effect, &body[record.payload.clone()])
            }),
        }
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
