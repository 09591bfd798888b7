//! Writes records of another image to the journal of a new image.

use std::sync::Arc;

use crate::context::{Metadata, Origin, Timestamp};
use crate::disk::Disk;
use crate::entropy::{random, random_life, random_uuid};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::{
    BatchLimits, DigestMark, Durability, EventId, FrameKind, Gap, GapMark, Genesis, Identity, Journal, JournalStart,
    Layout, NoRoom, OpenBatch, ResumePoint, Salts, SegmentBuilder, ShapeRow, ShapeTable, TimeCorrection, resume,
};
use crate::keys::Keyring;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::recovery::{DROPPED, RequiredEnd, SettledJournal, WritableJournal, genesis_of, model_mark};
use crate::seq::{Life, Seq};

use super::complete_journal::CompleteJournal;

/// The largest record that the format allows, in bytes.
const MAX_RECORD: u64 = 1 << 30;

/// A record to be written.
pub(crate) struct NewRecord<'a> {
    /// The number of the event; see [`RecordWriter::number`].
    pub(crate) event: EventId,
    /// The name of the event, for an error message.
    pub(crate) name: &'a str,
    pub(crate) time: Timestamp,
    pub(crate) metadata: &'a Metadata,
    pub(crate) origin: Origin,
    pub(crate) outcome: Outcome,
    pub(crate) payload: &'a [u8],
}

/// The lengths in the journal of a new image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalForm {
    /// The maximum length of a segment, in bytes.
    pub(crate) segment_bytes: u64,
    /// The base-2 logarithm of the alignment of frames.
    pub(crate) align_shift: u8,
    pub(crate) limits: BatchLimits,
}

impl JournalForm {
    /// The form of an image that a program creates with default options.
    pub(crate) const DEFAULT: JournalForm =
        JournalForm { segment_bytes: 64 << 20, align_shift: 9, limits: BatchLimits::DEFAULT };

    fn of<M: Model>(options: &Options<M>) -> JournalForm {
        let (segment_bytes, align_shift, limits) = (options.segment_bytes, options.align_shift(), options.caps);
        JournalForm { segment_bytes, align_shift, limits }
    }
}

/// The journal of a new image. Dropping this value ends the journal's threads.
pub(crate) struct RecordWriter {
    journal: Journal,
    life: Life,
    table: ShapeTable,
    dropped: Option<EventId>,
}

impl Drop for RecordWriter {
    fn drop(&mut self) {
        // After a success, the journal is already closed. After a failure, the staging directory is removed with the journal.
        let _ = self.journal.close(|| Ok(()));
    }
}

impl RecordWriter {
    /// Creates the journal of a new image whose parent is `parent`, with the seed and the genesis of the parent. `last` is the
    /// last event of the parent that the new image takes over.
    pub(crate) fn create<M: Model>(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        options: &Options<M>,
        keys: &Keyring,
        (parent, last): (&CompleteJournal, Seq),
    ) -> Result<RecordWriter, Error> {
        let first = parent.first::<M>()?;
        let genesis = genesis_of::<M>(first.given.then_some(&first.state))?;
        let form = JournalForm::of(options);
        RecordWriter::begin(disk, layout, form, keys, (parent.journal.segments().identity(), last), &genesis)
    }

    /// Like [`create`](RecordWriter::create), without the program: `genesis` is the recorded genesis of the parent.
    pub(crate) fn begin(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        form: JournalForm,
        keys: &Keyring,
        (parent, last): (&Identity, Seq),
        genesis: &Genesis,
    ) -> Result<RecordWriter, Error> {
        let Identity { uuid, seed, ref model, .. } = *parent;
        let identity = Identity { uuid: random_uuid()?, seed, parent: Some((uuid, last)), model: model.clone() };
        RecordWriter::start(disk, layout, identity, JournalStart::Genesis(genesis), form, keys)
    }

    /// Creates the journal of a new image with this identity.
    pub(crate) fn start(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        identity: Identity,
        start: JournalStart<'_>,
        form: JournalForm,
        keys: &Keyring,
    ) -> Result<RecordWriter, Error> {
        let (largest, protection) = (form.segment_bytes, keys.current(&identity.uuid, layout.root())?);
        let life = Life { epoch: 1, id: random_life()? };
        let builder =
            SegmentBuilder { disk: Arc::clone(disk), layout: layout.clone(), identity, life, largest, protection };
        let salts = Salts::new(u64::from_le_bytes(random()?));
        // after an error, only the drop of this value ends the journal's threads, so nothing may fail between these two lines
        let journal = Journal::create(builder, start, form.align_shift, salts, form.limits)?;
        Ok(RecordWriter { journal, life, table: ShapeTable::default(), dropped: None })
    }

    /// Resumes the journal of an image that is being made, in a new life. `time` is the recorded time of its last event, or a later one up to
    /// that of the next record.
    pub(crate) fn resume(place: Place<'_>, form: JournalForm, time: Timestamp) -> Result<RecordWriter, Error> {
        let (journal, life, table) = resumed(place, form, time, None, RequiredEnd::Proven)?;
        Ok(RecordWriter { journal, life, table, dropped: None })
    }

    /// The life in which the new image is created.
    pub(crate) fn life(&self) -> Life {
        self.life
    }

    /// The number of the event of a row in the new journal's shape table. Records the row if the table does not have it yet.
    pub(crate) fn number(&mut self, row: ShapeRow) -> Result<EventId, Error> {
        let same = |known: &ShapeRow| known.name == row.name && known.version == row.version;
        let known = self.table.rows.iter().position(same);
        if known.is_some_and(|at| self.table.rows[at] == row) {
            return Ok(EventId(known.unwrap_or_default() as u32));
        }
        let mut table = self.table.clone();
        match known {
            Some(at) => table.rows[at] = row,
            None => table.rows.push(row),
        }
        let event = EventId(known.unwrap_or(table.rows.len() - 1) as u32);
        self.attempt(|journal, open| Ok(journal.declare(open, &table, event).err()))?;
        self.table = table;
        Ok(event)
    }

    /// The number of the event `memimage.dropped`, which stands for an event that became nothing.
    pub(crate) fn dropped(&mut self) -> Result<EventId, Error> {
        if let Some(event) = self.dropped {
            return Ok(event);
        }
        let event = self.number(ShapeRow::dropped())?;
        self.dropped = Some(event);
        Ok(event)
    }

    /// Writes a record in place of `record`, whose event became nothing.
    pub(crate) fn put_dropped(&mut self, record: NewRecord<'_>) -> Result<(), Error> {
        let event = self.dropped()?;
        self.put(&NewRecord { event, name: DROPPED, payload: &[], ..record })
    }

    /// Writes a record.
    pub(crate) fn put(&mut self, record: &NewRecord<'_>) -> Result<(), Error> {
        let NewRecord { event, name, time, metadata, origin, outcome, payload } = *record;
        self.attempt(|journal, open| {
            let other = (origin != Origin::own(open.next_seq())).then_some(origin);
            let mark = open.begin(event, time, metadata, other);
            open.bytes().extend_from_slice(payload);
            let size = open.record_len(mark) as u64;
            if size > MAX_RECORD {
                open.discard_record(mark);
                return Err(Error::new(ErrorDetail::TooLarge { command: name.to_owned(), size, cap: MAX_RECORD }));
            }
            match journal.reserve(open, mark) {
                Ok(mark) => open.accept(mark, outcome),
                Err(room) => return Ok(Some(room)),
            }
            journal.accepted(open, false);
            Ok(None)
        })
    }

    /// Writes a correction of recorded time.
    pub(crate) fn correct_time(&mut self, correction: &TimeCorrection) -> Result<(), Error> {
        self.attempt(|journal, open| Ok(journal.correct_time(open, correction).err()))
    }

    /// Writes a gap of the source. The outcomes and digests of the new image are those of a replay without the lost events, so they count.
    pub(crate) fn put_replayed_gap(
        &mut self,
        gap: Gap,
        mark: &GapMark,
        correction: Option<&TimeCorrection>,
    ) -> Result<(), Error> {
        self.put_gap(mark, gap.events(), self.life.epoch)?;
        correction.map_or(Ok(()), |correction| self.correct_time(correction))
    }

    /// Writes a gap frame: `lost` events, which would follow here, are lost. If `epoch` is higher than that of the new image, the recorded
    /// outcomes and digests of the new image do not count for a replay without the lost events.
    pub(crate) fn put_gap(&mut self, mark: &GapMark, lost: u64, epoch: u64) -> Result<(), Error> {
        let first = self.last().next();
        let (mark, behind) = (GapMark { first, epoch, ..mark.clone() }, Seq::new(first.get() + lost));
        let table = &self.table;
        self.attempt(|journal, open| Ok(journal.record_gap(open, table, &mark, behind).err()))
    }

    /// The last event written, or the last one that is lost in a gap behind it.
    pub(crate) fn last(&self) -> Seq {
        self.journal.executed()
    }

    /// Writes the digest of the state after the last event, and syncs the journal.
    pub(crate) fn finish<M: Model>(&mut self, digest: u64) -> Result<(), Error> {
        let mark = DigestMark { seq: self.last(), model: model_mark::<M>(), digest, accepts: false }.encode();
        self.put_mark(FrameKind::Digest, &mark)?;
        self.close()
    }

    /// Writes a frame without events.
    pub(crate) fn put_mark(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), Error> {
        self.attempt(|journal, open| Ok(journal.try_insert(open, kind, body).err()))
    }

    /// Syncs the journal, and goes on in a new epoch, which begins with frames of these kinds with these bodies. Then begins the next segment,
    /// which proves that they were synced. `time` is the recorded time of the last event.
    #[cfg(feature = "admin")]
    pub(crate) fn begin_epoch(
        &mut self,
        place: Place<'_>,
        form: JournalForm,
        time: Timestamp,
        frames: &[(FrameKind, Vec<u8>)],
    ) -> Result<(), Error> {
        self.close()?;
        let table = std::mem::take(&mut self.table);
        (self.journal, self.life, self.table) = resumed(place, form, time, Some(table), RequiredEnd::ProvenBeforeBase)?;
        let written = frames.iter().try_for_each(|(kind, body)| self.journal.record(*kind, body));
        written.and_then(|()| self.journal.begin_segment(&self.table)).map_err(|error| error.cause())
    }

    /// Syncs the journal, and ends its threads. Nothing can be written to it any more.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        self.journal.close(|| Ok(())).map_err(|error| error.cause())
    }

    /// Calls `write` with the open batch. If a segment must be created first, creates the segment and calls `write` again.
    fn attempt(
        &self,
        mut write: impl FnMut(&Journal, &mut OpenBatch) -> Result<Option<NoRoom>, Error>,
    ) -> Result<(), Error> {
        loop {
            self.journal.wait_for_room().map_err(|error| error.cause())?;
            let room = {
                let mut open = self.journal.open();
                if let Some(error) = open.ended() {
                    return Err(error.cause());
                }
                write(&self.journal, &mut open)?
            };
            match room {
                None => return Ok(()),
                Some(room) => self.journal.obtain_segment(room).map_err(|error| error.cause())?,
            }
        }
    }
}

/// The disk, the directory and the keys of an image that is being made.
type Place<'a> = (&'a Arc<dyn Disk>, &'a Layout, &'a Arc<Keyring>);

/// Resumes a journal at its end, in a new life. Without a `table`, reads the table of shapes. `time` is the recorded time of the last event.
fn resumed(
    (disk, layout, keyring): Place<'_>,
    form: JournalForm,
    time: Timestamp,
    table: Option<ShapeTable>,
    required: RequiredEnd,
) -> Result<(Journal, Life, ShapeTable), Error> {
    let opened = WritableJournal::open(disk, layout, keyring, None, required)?;
    let end = opened.journal.scan().read_end()?;
    let SettledJournal { journal, durable_file, .. } = opened.settle(&end)?;
    let (segments, life) = (journal.segments(), journal.next_life(&end)?);
    let table = table.map_or_else(|| journal.scan().table(), Ok)?;
    let builder = SegmentBuilder {
        disk: Arc::clone(disk),
        layout: layout.clone(),
        identity: segments.identity().clone(),
        life,
        largest: form.segment_bytes,
        protection: keyring.current(&segments.identity().uuid, layout.root())?,
    };
    let (align_shift, salts) = (form.align_shift, Salts::new(u64::from_le_bytes(random()?)));
    let point =
        ResumePoint { segments, end: &end, table: &table, time, events_hash: 0, durable_file, align_shift, salts };
    let journal = resume(builder, point, Durability::Synced, form.limits, Arc::default())?;
    Ok((journal, life, table))
}
