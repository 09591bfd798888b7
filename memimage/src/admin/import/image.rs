//! Writes the new image in its staging directory.

use std::io::BufRead;
use std::sync::Arc;

use super::header::{BaseHeader, Header, Start};
use super::items::{ImportedEvent, Item, Items};
use super::report::ImportProgress;
use crate::context::Timestamp;
use crate::disk::Disk;
use crate::entropy::{random, random_life};
use crate::error::Error;
use crate::journal::{
    Durability, EventId, FrameKind, Identity, JournalStart, JournalTail, Layout, PruneMark, ResumePoint, Salts,
    SegmentBuilder, ShapeTable, resume,
};
use crate::keys::{KeyIds, Keyring};
use crate::new_image::{JournalForm, NewRecord, RecordWriter};
use crate::recovery::{RequiredEnd, SettledJournal, WritableJournal};
use crate::seq::{Life, Seq};
use crate::snapshot::{EncodedPart, SnapshotHeader, Snapshots};

/// The number of events after which the progress is reported.
const STEP: u64 = 1000;
/// The first segment of a journal that begins after event 1.
const FIRST_PRUNED: u64 = 2;

/// The place of a new image.
pub(super) struct NewImage<'a> {
    pub(super) disk: &'a Arc<dyn Disk>,
    pub(super) layout: &'a Layout,
    pub(super) keyring: &'a Arc<Keyring>,
    pub(super) identity: Identity,
}

/// The frames that follow all events of the new image.
///
/// A void frame is written in an epoch of its own, after the events that were recorded before it: their outcomes may differ on
/// replay. So the void frames of the exported image, whichever events follow them, are written last, in one epoch. A digest that
/// was recorded after one of them may be that of a state without the void event, so such digests are written after them.
#[derive(Default)]
struct LastFrames {
    frames: Vec<(FrameKind, Vec<u8>)>,
}

impl NewImage<'_> {
    /// Writes all of the image that `items` describe after their header.
    pub(super) fn write<R: BufRead>(
        &self,
        header: &Header,
        items: &mut Items<R>,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<(), Error> {
        let mut last_frames = LastFrames::default();
        let (table, life, next) = self.journal(header, items, &mut last_frames, progress)?;
        let life = match last_frames.frames.is_empty() {
            true => life,
            false => Life { epoch: life.epoch + 1, id: random_life()? },
        };
        if let Some(base) = header.base() {
            self.base(base, (header.first, life), items, next)?;
        }
        if last_frames.frames.is_empty() {
            return Ok(());
        }
        self.append(&last_frames.frames, (&table, items.time()), life)
    }

    /// Writes the journal, without the last frames. Returns its shape table, its life, and the first item after the events.
    fn journal<R: BufRead>(
        &self,
        header: &Header,
        items: &mut Items<R>,
        last_frames: &mut LastFrames,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<(ShapeTable, Life, Item), Error> {
        let start = match &header.start {
            Start::Genesis(genesis) => JournalStart::Genesis(genesis),
            Start::Base(_) => JournalStart::After(header.first.before()),
        };
        let mut writer = RecordWriter::start(
            self.disk,
            self.layout,
            self.identity.clone(),
            start,
            JournalForm::DEFAULT,
            self.keyring,
        )?;
        let (base, total) = (header.base(), header.last.next().get() - header.first.get());
        let mut numbers: Vec<EventId> = Vec::new();
        let next = loop {
            match items.next()? {
                Item::Shape(at, row) => {
                    let number = writer.number(row)?;
                    match numbers.get_mut(at) {
                        Some(known) => *known = number,
                        None => numbers.push(number),
                    }
                }
                Item::Event(event) => {
                    put(&mut writer, &event, numbers[event.shape])?;
                    let events = event.seq.next().get() - header.first.get();
                    if events == total || events.is_multiple_of(STEP) {
                        progress(ImportProgress { events, total });
                    }
                }
                Item::Time(correction) => writer.correct_time(&correction)?,
                Item::Void(mark) => last_frames.frames.push((FrameKind::Void, mark.encode())),
                Item::Digest(mark) if last_frames.frames.is_empty() => {
                    writer.put_mark(FrameKind::Digest, &mark.encode())?;
                }
                Item::Digest(mark) => last_frames.frames.push((FrameKind::Digest, mark.encode())),
                next => break next,
            }
        };
        if let Some(mark) = base.and_then(prune_mark) {
            writer.put_mark(FrameKind::Prune, &mark.encode())?;
        }
        writer.close()?;
        Ok((writer.table().clone(), writer.life(), next))
    }

    /// Writes both copies of the base, with the bytes in `next` and the items after it. `life` is the last life of the image.
    fn base<R: BufRead>(
        &self,
        base: &BaseHeader,
        (first, life): (Seq, Life),
        items: &mut Items<R>,
        next: Item,
    ) -> Result<(), Error> {
        let link = if base.seq < first { 0 } else { self.hash_of(base.seq)? };
        let header = SnapshotHeader {
            identity: self.identity.clone(),
            life,
            seq: base.seq,
            time: base.time,
            created: base.created,
            model_version: base.model_version,
            fingerprint: base.fingerprint,
            key_ids: KeyIds::default(),
            prefix: Default::default(),
            has_requests: base.has_requests,
            requests_since: base.requests_since,
        };
        let mut next = Some(next);
        let mut part = || {
            let item = match next.take() {
                Some(item) => item,
                None => items.next()?,
            };
            Ok(match item {
                Item::State(bytes) => Some(EncodedPart::State(bytes)),
                Item::Requests(bytes) => Some(EncodedPart::Requests(bytes)),
                _ => None,
            })
        };
        Snapshots::new(self.disk, self.layout, self.keyring).write_base(header, (base.digest, link), &mut part)
    }

    /// The hash of the frame with this event.
    fn hash_of(&self, seq: Seq) -> Result<u64, Error> {
        let mut tail = JournalTail::in_segment_of(self.disk, self.layout, self.keyring, seq)?;
        tail.read(seq, |_, _, _| Ok(()))?;
        Ok(tail.events_hash().expect("the frame with the event was read"))
    }

    /// Writes frames without events at the end of the journal, in a new epoch, and begins the next segment, which proves that
    /// they were synced.
    fn append(
        &self,
        frames: &[(FrameKind, Vec<u8>)],
        (table, time): (&ShapeTable, Timestamp),
        life: Life,
    ) -> Result<(), Error> {
        let opened = WritableJournal::open(self.disk, self.layout, self.keyring, None, RequiredEnd::Proven)?;
        let end = opened.journal.scan().read_end()?;
        let SettledJournal { journal, durable_file, .. } = opened.settle(&end)?;
        let builder = SegmentBuilder {
            disk: Arc::clone(self.disk),
            layout: self.layout.clone(),
            identity: self.identity.clone(),
            life,
            largest: JournalForm::DEFAULT.segment_bytes,
            protection: self.keyring.current(&self.identity.uuid, self.layout.root())?,
        };
        let salts = Salts::new(u64::from_le_bytes(random()?));
        let (segments, align_shift) = (journal.segments(), JournalForm::DEFAULT.align_shift);
        let point = ResumePoint { segments, end: &end, table, time, events_hash: 0, durable_file, align_shift, salts };
        let journal = resume(builder, point, Durability::Synced, JournalForm::DEFAULT.limits, Arc::default())?;
        let written = frames.iter().try_for_each(|(kind, body)| journal.record(*kind, body));
        let written = written.and_then(|()| journal.begin_segment(table));
        // close the journal even after an error, because closing it ends its threads
        let closed = journal.close();
        written.and(closed).map_err(|error| error.cause())
    }
}

fn put(writer: &mut RecordWriter, event: &ImportedEvent, number: EventId) -> Result<(), Error> {
    let ImportedEvent { time, outcome, origin, ref metadata, ref payload, .. } = *event;
    writer.put(&NewRecord { event: number, name: "imported event", time, metadata, origin, outcome, payload })
}

/// The prune frame with which the new journal can be read, if the export has the shape of the model.
fn prune_mark(base: &BaseHeader) -> Option<PruneMark> {
    let BaseHeader { seq, model_version, fingerprint, digest, .. } = *base;
    Some(PruneMark { base: seq, first: FIRST_PRUNED, model_version, fingerprint, shape: base.shape.clone()?, digest })
}
