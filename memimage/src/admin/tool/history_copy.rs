//! Copies the history of an image to a new image, without the program.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::failure::Failure;
use super::rules::PlannedRow;
use crate::admin::check::check_on;
use crate::admin::seq_range::SeqRange;
use crate::context::Timestamp;
use crate::disk::Disk;
use crate::error::{Error, ErrorDetail};
use crate::journal::{
    DigestMark, EventId, Frame, FrameKind, Gap, GapMark, Layout, Record, Scan, ShapeRow, TailPosition, TimeCorrection,
    VoidMark, Voids,
};
use crate::keys::Keyring;
use crate::new_image::{
    EpochFrames, FrameDecoder, JournalForm, Need, NewRecord, RecordWriter, SourceFrame, StagingDir, StagingTask,
    refuse_inside, vacant,
};
use crate::recovery::{DROPPED, OpenedJournal};
use crate::seq::{SegmentId, Seq};

/// A copy of the events up to `end` in a new image.
///
/// Void events stay void: the decisions are recorded again, behind all events. Recorded gaps become gaps of the same events. A void event whose payload cannot be edited becomes `memimage.dropped`,
/// because nobody reads its payload. The new image has the genesis and the random seed of the source, a new UUID,
/// and no snapshots. Without the program, no state can be compared. So the copy is checked as by `admin::check`, and the program verifies
/// the outcomes of all events when it opens the image.
pub(crate) struct HistoryCopy<'a> {
    pub(crate) journal: &'a OpenedJournal,
    pub(crate) keyring: &'a Arc<Keyring>,
    /// The last event to copy.
    pub(crate) end: Seq,
    /// What becomes of each number of an event.
    pub(crate) rows: &'a [PlannedRow],
    /// Whether the recorded digests of states still hold, because no event changes.
    pub(crate) keeps_digests: bool,
    /// Whether recorded gaps are copied. Otherwise a gap in which events are lost is an error.
    pub(crate) carries_gaps: bool,
    pub(crate) target: &'a Path,
    pub(crate) staging: &'static StagingTask,
}

/// What was copied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copied {
    /// The UUID of the new image.
    pub(crate) uuid: [u8; 16],
    /// For each number of an event in the source: how many events had it.
    pub(crate) by_row: Vec<u64>,
    /// The events that become `memimage.dropped`, and those that were that before.
    pub(crate) dropped: u64,
    pub(crate) void: u64,
    /// The events that are lost in recorded gaps.
    pub(crate) gaps: Vec<SeqRange>,
}

impl Copied {
    pub(crate) fn events(&self) -> u64 {
        self.by_row.iter().sum()
    }
}

impl HistoryCopy<'_> {
    /// Checks that a new image can be made at the target.
    pub(crate) fn check_target(
        disk: &dyn Disk,
        source: &Layout,
        target: &Path,
        task: &StagingTask,
    ) -> Result<(), Error> {
        refuse_inside(disk, target, source.root())?;
        vacant(disk, target, task)?;
        Layout::new(target).refuse_network(disk)
    }

    /// Refuses a journal whose first events were pruned.
    pub(crate) fn refuse_pruned(journal: &OpenedJournal, need: Need) -> Result<(), Error> {
        if journal.segments().starts_at_genesis() {
            return Ok(());
        }
        let (path, Need { done, help }) = (journal.layout().root().to_owned(), need);
        Err(Error::new(ErrorDetail::PrunedSource { path, done, help }))
    }

    /// Reads the events and edits their payloads, and writes nothing.
    pub(crate) fn try_out(&self, progress: &mut dyn FnMut(Seq)) -> Result<Copied, Failure> {
        let mut copied = Copied { by_row: vec![0; self.rows.len()], ..Copied::default() };
        let decisions = self.decisions()?;
        copied.void = decisions.len() as u64;
        let voids = void_events(&decisions);
        self.read(progress, &mut |content| {
            match content {
                Content::Event(record, payload) => copied.count(record, &self.edited(&voids, record, payload)?),
                Content::Gap(gap, ..) => copied.gaps.push(SeqRange { first: gap.first, last: gap.last() }),
                Content::Time(_) | Content::Digest(..) => {}
            }
            Ok(())
        })?;
        Ok(copied)
    }

    /// Makes the new image.
    pub(crate) fn run(&self, progress: &mut dyn FnMut(Seq)) -> Result<Copied, Failure> {
        let disk = self.journal.disk();
        let decisions = self.decisions()?;
        let staging = StagingDir::take(disk, self.target, self.staging)?;
        let layout = staging.layout();
        let copied = self.write(layout, &decisions, progress)?;
        let uuid = self.verify(layout, &copied, decisions.len())?;
        staging.finish()?;
        Ok(Copied { uuid, void: decisions.len() as u64, ..copied })
    }

    /// Writes the journal.
    fn write(&self, layout: &Layout, decisions: &[VoidMark], progress: &mut dyn FnMut(Seq)) -> Result<Copied, Failure> {
        let (voids, mut last_frames) = (void_events(decisions), EpochFrames::default());
        let parent = (self.journal.segments().identity(), self.end);
        let genesis = self.journal.scan().genesis()?;
        let disk = self.journal.disk();
        let mut new = RecordWriter::begin(disk, layout, JournalForm::DEFAULT, self.keyring, parent, &genesis)?;
        let mut numbers: Vec<Option<EventId>> = vec![None; self.rows.len()];
        let mut copied = Copied { by_row: vec![0; self.rows.len()], ..Copied::default() };
        self.read(progress, &mut |content| match content {
            Content::Time(correction) => Ok(new.correct_time(correction)?),
            Content::Digest(mark) => match last_frames.digest(mark.encode()) {
                Some(mark) => Ok(new.put_mark(FrameKind::Digest, &mark)?),
                None => Ok(()),
            },
            Content::Gap(gap, mark, correction) => {
                copied.gaps.push(SeqRange { first: gap.first, last: gap.last() });
                last_frames.gap();
                new.put_gap(mark, gap.events(), new.life().epoch + 1)?;
                Ok(correction.map_or(Ok(()), |correction| new.correct_time(correction))?)
            }
            Content::Event(record, payload) => {
                let edited = self.edited(&voids, record, payload)?;
                copied.count(record, &edited);
                let Record { time, ref metadata, origin, outcome, event, .. } = *record;
                let unchanged = NewRecord { event, name: DROPPED, time, metadata, origin, outcome, payload };
                let (row, payload) = match &edited {
                    Edited::Dropped => return Ok(new.put_dropped(unchanged)?),
                    Edited::Unchanged(row) => (row, payload),
                    Edited::Changed(row, payload) => (row, &payload[..]),
                };
                let number = &mut numbers[event.0 as usize];
                let event = match *number {
                    Some(event) => event,
                    None => *number.insert(new.number(ShapeRow::clone(row))?),
                };
                Ok(new.put(&NewRecord { event, name: &row.name, payload, ..unchanged })?)
            }
        })?;
        decisions.iter().for_each(|decision| last_frames.void(decision.encode()));
        // no event follows
        last_frames.begin_epoch(&mut new, (disk, layout, self.keyring), Timestamp::default())?;
        new.close()?;
        Ok(copied)
    }

    /// Checks the new image, and returns its UUID.
    fn verify(&self, layout: &Layout, copied: &Copied, void: usize) -> Result<[u8; 16], Failure> {
        let check = check_on(self.journal.disk(), layout.root(), self.keyring)?;
        let damage = check.first_damage();
        let wrong = |what: &str| {
            let help =
                "no image was made; help: run `memimage check` on the source, and check the hardware of the disk";
            Err(Failure::Other(format!("the copy is damaged: {what}; {help}")))
        };
        let gaps: Vec<SeqRange> = check.gaps.iter().filter_map(|gap| gap.lost).collect();
        let last = check.last.max(gaps.last().map(|gap| gap.last)).unwrap_or(Seq::ZERO);
        match (damage, check.uuid) {
            (Some(finding), _) => wrong(&finding.message),
            (None, Some(uuid))
                if (last, check.events, check.voids.len(), &gaps)
                    == (self.end, copied.events(), void, &copied.gaps) =>
            {
                Ok(uuid)
            }
            (None, _) => {
                let (events, voids) = (check.events, check.voids.len());
                let gaps = gaps.len();
                wrong(&format!(
                    "it has {events} events up to event {last}, of which {voids} are void, and {gaps} recorded gaps"
                ))
            }
        }
    }

    /// The decisions about the events that are copied, each event once.
    fn decisions(&self) -> Result<Vec<VoidMark>, Error> {
        let mut decided = BTreeSet::new();
        let mut marks = self.journal.scan().void_marks()?;
        marks.retain(|mark| mark.seq <= self.end && decided.insert(mark.seq));
        Ok(marks)
    }

    /// Passes what is copied to `visit`, in the order of the journal.
    fn read(
        &self,
        progress: &mut dyn FnMut(Seq),
        visit: &mut dyn FnMut(Content<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut tail = self.journal.tail(TailPosition::start_of(SegmentId::FIRST))?;
        let (mut decoder, mut failure) = (FrameDecoder::new(self.end, self.carries_gaps), None);
        // the copy has no snapshot, so its replay lacks the lost events
        let mut crossed = Voids::default();
        let mut frame = |scan: &Scan, segment: SegmentId, frame: &Frame<'_>| -> Result<(), Failure> {
            if frame.header.kind == FrameKind::Digest && self.keeps_digests {
                let mark = scan.decode_digest(segment, frame)?;
                return match crossed.invalidates(mark.seq, frame.header.life.epoch) {
                    true => Ok(()),
                    false => visit(Content::Digest(&mark)),
                };
            }
            let known = |record: &Record| self.rows.get(record.event.0 as usize).map(|_| ());
            match decoder.decode(scan, segment, frame, known)? {
                SourceFrame::Other => Ok(()),
                SourceFrame::Time(correction) => visit(Content::Time(&correction)),
                SourceFrame::Gap(gap, mark, correction) => {
                    crossed.cross(gap);
                    visit(Content::Gap(gap, &mark, correction.as_ref()))
                }
                SourceFrame::Events { body, records } => {
                    for (record, ()) in &records {
                        visit(Content::Event(record, &body[record.payload.clone()]))?;
                    }
                    progress(records.last().map_or(Seq::ZERO, |(record, ())| record.seq));
                    Ok(())
                }
            }
        };
        while failure.is_none()
            && tail
                .read_piece_while(self.end, |scan, segment, next| {
                    failure = frame(scan, segment, next).err();
                    Ok(if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                })?
                .is_continue()
        {}
        failure.map_or(Ok(()), Err)
    }

    /// What becomes of an event. `voids` are the void ones.
    fn edited(&self, voids: &BTreeSet<Seq>, record: &Record, payload: &[u8]) -> Result<Edited<'_>, Failure> {
        let planned = &self.rows[record.event.0 as usize];
        let Some(row) = &planned.row else { return Ok(Edited::Dropped) };
        match planned.payload(payload) {
            Ok(None) => Ok(Edited::Unchanged(row)),
            Ok(Some(payload)) => Ok(Edited::Changed(row, payload)),
            // such a payload can be the very reason why the event is void
            Err(_) if voids.contains(&record.seq) => Ok(Edited::Dropped),
            Err(error) => {
                let help = "help: drop the event, or rewrite the image with its program";
                Err(Failure::Other(format!(
                    "event {} cannot be edited: {error}; no image was made; {help}",
                    record.seq
                )))
            }
        }
    }
}

/// A part of the source's journal that is copied.
enum Content<'a> {
    Event(&'a Record, &'a [u8]),
    Time(&'a TimeCorrection),
    Digest(&'a DigestMark),
    /// A recorded gap, and the correction of recorded time that follows it.
    Gap(Gap, &'a GapMark, Option<&'a TimeCorrection>),
}

/// What becomes of an event, with its declaration in the new image.
enum Edited<'a> {
    Dropped,
    Unchanged(&'a ShapeRow),
    Changed(&'a ShapeRow, Vec<u8>),
}

fn void_events(decisions: &[VoidMark]) -> BTreeSet<Seq> {
    decisions.iter().map(|mark| mark.seq).collect()
}

impl Copied {
    fn count(&mut self, record: &Record, edited: &Edited<'_>) {
        self.by_row[record.event.0 as usize] += 1;
        self.dropped += u64::from(matches!(edited, Edited::Dropped));
    }
}
