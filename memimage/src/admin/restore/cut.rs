//! Ends a copied journal with a given event.
//!
//! The frames behind the event go away. If the event is not the last of its frame, the frame goes away too, and its records up to the event
//! are written again, in a new life.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::messages;
use crate::context::Timestamp;
use crate::disk::{Access, StoredFile, failed, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::history::Moment;
use crate::journal::{Frame, FrameKind, Record, Scan, Watermark, records};
use crate::keys::Keyring;
use crate::new_image::{JournalForm, NewRecord, RecordWriter};
use crate::recovery::OpenedJournal;
use crate::seq::{SegmentId, Seq};

/// The first frame that does not stay, and the part of it that is written again.
struct Cut {
    /// The end of the journal before this frame. Its life is that of the frame.
    end: Watermark,
    /// The recorded time to which the first record of the frame adds.
    time: Timestamp,
    align_shift: u8,
    body: Vec<u8>,
    /// The records up to the goal.
    records: Vec<Record>,
}

/// The last event of the image `target` as of a moment. `last` is the last event of the journal.
pub(super) fn resolve(moment: Moment, journal: &OpenedJournal, last: Seq, target: &Path) -> Result<Seq, Error> {
    let time = match moment {
        Moment::Seq(_) => return moment.resolve(journal, last),
        Moment::Time(time) => time,
    };
    let refused = |what| {
        let (path, time) = (target.to_owned(), time.to_string());
        Err(Error::new(ErrorDetail::NoSuchTime { path, time, what }))
    };
    match journal.scan().last_event_until(time, last)? {
        Some(seq) => Moment::Seq(seq).resolve(journal, last),
        None if !journal.segments().starts_at_genesis() => refused(messages::BEFORE_BASE.to_owned()),
        None => match journal.segments().image_created() {
            Some(created) if time < created => refused(messages::before_creation(created)),
            _ => Ok(Seq::ZERO),
        },
    }
}

/// Ends the journal with event `goal`, and returns the recorded time of this event, if the journal contains it.
pub(super) fn end_with(goal: Seq, journal: &OpenedJournal, keyring: &Arc<Keyring>) -> Result<Option<Timestamp>, Error> {
    let (mut cut, mut time) = (None, None);
    let scan = journal.scan();
    let end = scan.read(scan.segment_after(goal)?, |segment, frame| {
        let records = records_until(goal, scan, segment, frame)?;
        if let Some((_, records)) = &records {
            time = records.last().filter(|record| record.seq == goal).map(|record| record.time).or(time);
        }
        if !is_behind(goal, scan, segment, frame)? {
            return Ok(ControlFlow::Continue(()));
        }
        let (body, records) = records.unwrap_or_default();
        let header = &frame.header;
        let end = Watermark {
            life: header.life,
            durable_seq: Seq::new(header.first_seq.get() - 1),
            segment,
            offset: frame.offset as u64,
            previous: header.previous.hash,
            decisions: header.decisions,
        };
        cut = Some(Cut { end, time: header.time, align_shift: header.align_shift, body, records });
        Ok(ControlFlow::Break(()))
    })?;
    match (cut, end) {
        (Some(cut), _) => cut.apply(journal, keyring)?,
        (None, Some(end)) => {
            let chain = end.chain;
            write_end(
                journal,
                Watermark {
                    life: chain.life,
                    durable_seq: chain.before(),
                    segment: end.segment,
                    offset: end.offset as u64,
                    previous: chain.previous.hash,
                    decisions: chain.decisions,
                },
            )?;
        }
        (None, None) => unreachable!("the reading stopped at a frame, or at the end"),
    }
    Ok(time)
}

/// Writes the end of the journal to `journal/durable`. The next life must be newer than that of a state in which no frame was written.
fn write_end(journal: &OpenedJournal, end: Watermark) -> Result<(), Error> {
    let (disk, layout, snapshots) = (&**journal.disk(), journal.layout(), journal.snapshots());
    let mut life = end.life;
    for (seq, path) in snapshots.start_candidates()? {
        let state = snapshots.open(seq, &path)?.header.life;
        if state.epoch > life.epoch {
            life = state;
        }
    }
    let durable = match layout.open_watermark(disk)? {
        Some(file) => file,
        None => StoredFile::create(disk, &layout.durable())?,
    };
    durable.write_all(&Watermark { life, ..end }.encode(&journal.segments().identity().uuid), 0)?;
    durable.sync_all()?;
    sync_dir(disk, &layout.journal())
}

/// The body of a frame, and some of its records.
type SomeRecords = (Vec<u8>, Vec<Record>);

/// The body of a frame with event `goal`, and its records up to this event.
fn records_until(goal: Seq, scan: &Scan, segment: SegmentId, frame: &Frame<'_>) -> Result<Option<SomeRecords>, Error> {
    let header = &frame.header;
    if header.kind != FrameKind::Events || !header.contains(goal) {
        return Ok(None);
    }
    let body = scan.body(segment, frame)?;
    let decoded: Result<Vec<Record>, _> = records(&body, header.first_seq, header.count, header.time).collect();
    let mut decoded = decoded.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
    decoded.retain(|record| record.seq <= goal);
    Ok(Some((body, decoded)))
}

/// Whether a frame has events after `goal`.
fn is_behind(goal: Seq, scan: &Scan, segment: SegmentId, frame: &Frame<'_>) -> Result<bool, Error> {
    let header = &frame.header;
    match header.kind {
        FrameKind::Events => Ok(header.next_seq() > goal.next()),
        FrameKind::Gap => {
            let gap = scan.decode_gap(segment, frame)?;
            match gap.events() > 0 && gap.first <= goal && gap.last() > goal {
                true => Err(scan.segments().lost_events(gap)),
                false => Ok(gap.next > goal.next()),
            }
        }
        _ => Ok(false),
    }
}

impl Cut {
    fn apply(&self, journal: &OpenedJournal, keyring: &Arc<Keyring>) -> Result<(), Error> {
        let (disk, layout) = (journal.disk(), journal.layout());
        for segment in journal.segments().ids().rev().filter(|&segment| segment > self.end.segment) {
            let path = layout.segment(segment);
            disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
        }
        let file = StoredFile::open(&**disk, &layout.segment(self.end.segment), Access::ReadWrite)?;
        file.write_zeros(file.len()? - self.end.offset, self.end.offset)?;
        file.sync_data()?;
        write_end(journal, self.end)?;
        if self.records.is_empty() { Ok(()) } else { self.write_records(journal, keyring) }
    }

    /// Writes the records of the frame that went away, as they were.
    fn write_records(&self, journal: &OpenedJournal, keyring: &Arc<Keyring>) -> Result<(), Error> {
        let form = JournalForm { align_shift: self.align_shift, ..JournalForm::DEFAULT };
        let mut writer = RecordWriter::resume((journal.disk(), journal.layout(), keyring), form, self.time)?;
        for record in &self.records {
            let Record { event, time, ref metadata, origin, outcome, .. } = *record;
            let payload = &self.body[record.payload.clone()];
            writer.put(&NewRecord { event, name: "an event", time, metadata, origin, outcome, payload })?;
        }
        writer.close()
    }
}
