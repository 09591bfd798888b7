//! Writes the new image in its staging directory.

use std::io::BufRead;
use std::sync::Arc;

use super::header::{BaseHeader, Header, Start};
use super::items::{ImportedEvent, Item, Items};
use super::report::ImportProgress;
use crate::context::Timestamp;
use crate::disk::Disk;
use crate::error::Error;
use crate::journal::{EventId, FrameKind, Identity, JournalStart, JournalTail, Layout, PruneMark};
use crate::keys::{KeyIds, Keyring};
use crate::new_image::{EpochFrames, JournalForm, NewRecord, RecordWriter};
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

impl NewImage<'_> {
    /// Writes all of the image that `items` describe after their header.
    pub(super) fn write<R: BufRead>(
        &self,
        header: &Header,
        items: &mut Items<R>,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<(), Error> {
        let (life, next) = self.journal(header, items, progress)?;
        match header.base() {
            Some(base) => self.base(base, (header.first, life), items, next),
            None => Ok(()),
        }
    }

    /// Writes the journal. Returns its last life, and the first item after the journal.
    fn journal<R: BufRead>(
        &self,
        header: &Header,
        items: &mut Items<R>,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<(Life, Item), Error> {
        let start = match &header.start {
            Start::Genesis(genesis) => JournalStart::Genesis(genesis),
            Start::Base(_) => JournalStart::After(header.first.before()),
        };
        let (form, identity) = (JournalForm::DEFAULT, self.identity.clone());
        let mut writer = RecordWriter::start(self.disk, self.layout, identity, start, form, self.keyring)?;
        let (base, total) = (header.base(), header.last.next().get() - header.first.get());
        let mut numbers: Vec<EventId> = Vec::new();
        let place = (self.disk, self.layout, self.keyring);
        let (mut decisions, mut time) = (EpochFrames::default(), Timestamp::default());
        let next = loop {
            let item = items.next()?;
            if let Item::Void(mark) = item {
                decisions.void(mark.encode());
                continue;
            }
            if !decisions.come_last() {
                // the outcomes of the events before these decisions may differ on replay, and those of the events after them may not
                decisions.begin_epoch(&mut writer, place, time)?;
            }
            match item {
                Item::Shape(at, row) => {
                    let number = writer.number(row)?;
                    match numbers.get_mut(at) {
                        Some(known) => *known = number,
                        None => numbers.push(number),
                    }
                }
                Item::Event(event) => {
                    put(&mut writer, &event, numbers[event.shape])?;
                    time = event.time;
                    let events = event.seq.next().get() - header.first.get();
                    if events == total || events.is_multiple_of(STEP) {
                        progress(ImportProgress { events, total });
                    }
                }
                Item::Time(correction) => {
                    writer.correct_time(&correction)?;
                    time = correction.to;
                }
                Item::Gap(mark, lost) => {
                    decisions.gap();
                    writer.put_gap(&mark, lost, writer.life().epoch + 1)?;
                }
                Item::Digest(mark) => {
                    if let Some(mark) = decisions.digest(mark.encode()) {
                        writer.put_mark(FrameKind::Digest, &mark)?;
                    }
                }
                next => break next,
            }
        };
        decisions.begin_epoch(&mut writer, place, time)?;
        if let Some(mark) = base.and_then(prune_mark) {
            writer.put_mark(FrameKind::Prune, &mark.encode())?;
        }
        writer.close()?;
        Ok((writer.life(), next))
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
