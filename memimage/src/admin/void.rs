//! Making an event void: a recorded decision that it does nothing on replay.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::protection::refuse_protected;
use crate::context::Timestamp;
use crate::disk::{Access, Disk, OwnedDisk, RealDisk, StoredFile, failed};
use crate::entropy::random;
use crate::error::{Error, Kind};
use crate::journal::{
    Caps, DROPPED, Durability, DurableBlock, End, EventId, Frame, FrameKind, Layout, Maker, Onward, Salts, Scan,
    Source, Table, VoidMark, Voids, go_on, next_epoch, quarantine, records, sync_dir, write_again,
};
use crate::keys::Protection;
use crate::recovery::proven_by;
use crate::seq::{SegmentId, Seq};
use crate::snapshot::Snapshots;

/// The longest reason, and the longest name of who decided, in bytes.
const LONGEST: usize = 4096;

/// Puts on record that the event `seq` of the image at `path` does nothing from now on: for an event that can no longer be
/// replayed, because its body panics, refuses or cannot read it, and that is not worth a version of its own.
///
/// The event stays in the journal, and so does its number; replay passes over it, and so does a
/// [`rewrite`](super::rewrite()), which leaves `memimage.dropped` in its place. The events after it are replayed on a state
/// without it, so they may give other results than they did: that is part of the decision, and the digests recorded up to
/// here no longer count. There is no way back, so make a copy of the image first if in doubt.
///
/// - The image must not be open. Its end is repaired first as opening it would do.
/// - What was decided, why, when and by whom stands in the journal. A program from before there were void events refuses it.
/// - Snapshots that rest on the event are removed, since the state is rebuilt without it. That is done after all else; what
///   a crash leaves of them is not used.
/// - It is on disk when this returns. After a crash the event is void or it is not; make it void again.
/// - An event that is void already stays as it is: see [`Voided::already`].
/// - With no room on the disk for more than the decision, it is recorded all the same: see [`Voided::unproven`].
///
/// ```
/// # use memimage::{Image, Model, Seq, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     /// Adds.
/// #     #[command]
/// #     fn add(&mut self, number: u32) { self.count += u64::from(number); }
/// # }
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("image");
/// # let counter = Image::<Counter>::open(&path)?;
/// counter.add(1)?;
/// counter.add(2)?;
/// counter.close()?;
///
/// let voided = memimage::admin::void(&path, Seq::new(1), "added by mistake")?;
/// assert_eq!(voided.name, "add");
/// let counter = Image::<Counter>::open(&path)?;
/// assert_eq!(counter.query(|counter| counter.count)?, 2);
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// If the path is no image, is owned by another ([`is_locked`](Error::is_locked)), or is damaged; if it is encrypted or chained
/// ([`is_key`](Error::is_key)), since this takes no keys; if there is no such event, if a rewrite left `memimage.dropped` of
/// it, or if the journal was pruned and begins with a state that has it already ([`is_unfit`](Error::is_unfit)); if the reason is empty or too
/// long; if something cannot be read or written. If the last of these happened after the decision was written, whether the
/// event is void shows when the image is opened, or when it is made void again.
pub fn void(path: impl AsRef<Path>, seq: Seq, reason: impl Into<String>) -> Result<Voided, Error> {
    Void::new(seq, reason).run(path)
}

/// What making an event void did; see [`void()`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Voided {
    /// The event.
    pub seq: Seq,
    /// Its name and version; empty and 0 if the journal has no event of its number.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// When that was decided.
    pub time: Timestamp,
    /// Why.
    pub reason: String,
    /// By whom, if it was said.
    pub by: Option<String>,
    /// It was void before, and what is told of that is what was recorded then.
    pub already: bool,
    /// The decision stands, but nothing besides it proves that it does, so should its bytes ever be damaged, that would not be
    /// seen, and the event be back. The beginning of the journal's next segment is to prove it, and could not be written, as
    /// is told here: for lack of room, as a rule. When the image is next opened, that is tried again; so it is when the event
    /// is made void again.
    pub unproven: Option<String>,
    /// Where what a crash had left of a write was copied to, before it was cleared.
    pub quarantined: Option<PathBuf>,
    /// Snapshots that rested on the event, and were removed.
    pub removed: Vec<PathBuf>,
}

/// Making an event void, with options; see [`void()`].
#[derive(Clone, Debug)]
#[must_use = "nothing becomes void until `run` is called"]
pub struct Void {
    seq: Seq,
    reason: String,
    by: Option<String>,
    allow_network: bool,
}

impl Void {
    /// As [`void()`] does it.
    pub fn new(seq: Seq, reason: impl Into<String>) -> Void {
        Void { seq, reason: reason.into(), by: None, allow_network: false }
    }

    /// Who decided it.
    pub fn by(mut self, who: impl Into<String>) -> Void {
        self.by = Some(who.into());
        self
    }

    /// Whether the image may be on a network file system, as [`Options::allow_network`](crate::Options::allow_network).
    pub fn allow_network(mut self, allow: bool) -> Void {
        self.allow_network = allow;
        self
    }

    /// Makes the event void.
    ///
    /// # Errors
    ///
    /// As [`void()`].
    pub fn run(self, path: impl AsRef<Path>) -> Result<Voided, Error> {
        self.run_on(Arc::new(RealDisk), path.as_ref())
    }

    /// As [`run`](Void::run), on a disk of your choice.
    ///
    /// # Errors
    ///
    /// As [`run`](Void::run).
    #[cfg(feature = "sim")]
    pub fn run_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<Voided, Error> {
        self.run_on(disk, path.as_ref())
    }

    fn run_on(self, disk: Arc<dyn Disk>, path: &Path) -> Result<Voided, Error> {
        self.validate()?;
        let layout = Layout::new(path);
        refuse_protected(&disk, &layout, layout.survey(&*disk)?.image(&layout)?, "memimage::admin::void")?;
        if !self.allow_network {
            layout.refuse_network(&*disk)?;
        }
        let lock = layout.own(&*disk)?;
        let image = Held::find(OwnedDisk::over(disk, &lock), layout)?;
        let scan = Scan::new(&image.source, image.proven)?;
        let found = self.look(&image, &scan)?;
        let (durable, quarantined) = image.settle(&found.end)?;
        self.decide(&image, found, durable, quarantined)
    }

    fn validate(&self) -> Result<(), Error> {
        let refused = |option, value: &str, what| {
            let value = value.chars().take(20).collect();
            Err(Error::new(Kind::Option { option, value, what }))
        };
        match &self.by {
            _ if self.reason.is_empty() => refused("reason", "empty", "say why, for whoever wonders later"),
            _ if self.reason.len() > LONGEST => refused("reason", &self.reason, "it has more than 4096 bytes"),
            Some(by) if by.len() > LONGEST => refused("by", by, "it has more than 4096 bytes"),
            _ => Ok(()),
        }
    }

    /// Reads the journal from the event on, and makes sure that it can become void. Changes nothing.
    fn look(&self, image: &Held, scan: &Scan<'_>) -> Result<Found, Error> {
        let table = scan.table()?;
        let (mut event, mut said, mut voids) = (None, None, Voids::default());
        let mut align_shift = None;
        let mut visit = |segment: SegmentId, frame: &Frame<'_>| {
            align_shift = Some(frame.header.align_shift);
            let holds = frame.header.first_seq <= self.seq && self.seq < frame.header.next_seq();
            match frame.header.kind {
                FrameKind::Events if holds => event = Some(self.event(scan, segment, frame)?),
                FrameKind::Void => {
                    let mark = scan.decode_void(segment, frame)?;
                    voids.add(&mark, frame);
                    if mark.seq == self.seq {
                        said.get_or_insert(mark);
                    }
                }
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        };
        let end = scan.read(scan.segment_after(self.seq)?, &mut visit)?.expect("it is read to its end");
        let Some(event) = event else {
            let what = match self.seq {
                Seq::ZERO => "events are numbered from 1".to_owned(),
                _ if self.seq < end.chain.next_seq => "it is no longer in the journal, which was pruned".to_owned(),
                _ => format!("the journal ends with event {}", end.chain.before()),
            };
            return Err(self.unfit(image, what, "give the number of an event that is in the journal"));
        };
        let (name, version) =
            table.event(event).map_or((String::new(), 0), |(name, version, _)| (name.to_owned(), version));
        if said.is_none() && name == DROPPED {
            let what = format!("it does nothing already: it is a `{DROPPED}`, which a rewrite left of an event");
            return Err(self.unfit(image, what, "nothing need be done"));
        }
        if said.is_none() && !image.source.is_whole() && !image.has_base_before(self.seq, &voids)? {
            let what = "the journal was pruned, and the state that it begins with has the event already".to_owned();
            return Err(self.unfit(image, what, "set what it did right by a command"));
        }
        let align_shift = align_shift.expect("the event's frame was read");
        Ok(Found { end, table, name, version, said, voids, align_shift })
    }

    fn event(&self, scan: &Scan<'_>, segment: SegmentId, frame: &Frame<'_>) -> Result<EventId, Error> {
        let (header, body) = (&frame.header, scan.body(segment, frame)?);
        for record in records(&body, header.first_seq, header.count, header.time) {
            let record = record.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
            if record.seq == self.seq {
                return Ok(record.event);
            }
        }
        unreachable!("a batch has the records that it counts, or one of them is a fault")
    }

    /// Writes the decision behind the end of the journal, unless it stands there, and removes what rests on the event.
    fn decide(
        self,
        image: &Held,
        found: Found,
        durable: StoredFile,
        quarantined: Option<PathBuf>,
    ) -> Result<Voided, Error> {
        let Found { end, table, name, version, said, mut voids, align_shift } = found;
        let already = said.is_some();
        let Void { seq, reason, by, .. } = self;
        let mark = said.unwrap_or_else(|| VoidMark { seq, time: Timestamp::wall_clock(), reason, by });
        let mut unproven = None;
        if !already || end.unproven_void {
            let decision = (!already).then(|| mark.encode());
            let (epoch, why) = image.record(decision, mark.time, &end, &table, durable, align_shift)?;
            unproven = why;
            voids.insert(seq, epoch);
        }
        let removed = image.remove_outdated(&voids).unwrap_or_else(|error| {
            tracing::warn!(%error, "snapshots that rest on a void event could not be removed; they are not used");
            Vec::new()
        });
        let VoidMark { seq, time, reason, by } = mark;
        tracing::warn!(%seq, name, version, reason, already, "an event is void: it does nothing on replay");
        if let Some(why) = &unproven {
            tracing::warn!(
                why,
                "the decision is recorded, and nothing proves it yet: the next segment could not be begun"
            );
        }
        Ok(Voided { seq, name, version, time, reason, by, already, unproven, quarantined, removed })
    }

    fn unfit(&self, image: &Held, what: String, mend: &'static str) -> Error {
        Error::new(Kind::Void { path: image.layout.root().to_owned(), seq: self.seq, what, mend })
    }
}

/// What was read of the journal from the event on.
struct Found {
    end: End,
    table: Table,
    /// The event's name and version.
    name: String,
    version: u32,
    /// That it is void already.
    said: Option<VoidMark>,
    voids: Voids,
    /// The alignment of the last frame.
    align_shift: u8,
}

/// An image whose lock is held.
struct Held {
    disk: Arc<dyn Disk>,
    layout: Layout,
    source: Source,
    snapshots: Snapshots,
    block: Option<DurableBlock>,
    /// The highest seq that anything besides the frames says was synced.
    proven: Seq,
}

impl Held {
    /// Reads all headers, of what is on disk.
    fn find(disk: Arc<dyn Disk>, layout: Layout) -> Result<Held, Error> {
        let keyring = Arc::default();
        let survey = layout.survey(&*disk)?;
        for dir in [layout.root().to_owned(), layout.journal()] {
            sync_dir(&*disk, &dir)?;
        }
        let source = Source::open(&disk, &layout, survey.image(&layout)?, &keyring)?;
        let snapshots = Snapshots::new(&disk, &layout, &keyring);
        let uuid = &source.identity().uuid;
        let block = layout.durable_block(&*disk, uuid)?;
        let proven = block.map_or(Seq::ZERO, |block| block.durable_seq).max(proven_by(&snapshots, uuid)?);
        let scan = Scan::new(&source, proven)?;
        snapshots.bases().account_for(&source, &scan)?;
        source.file(scan.active(), Access::ReadWrite)?.sync_data()?;
        Ok(Held { disk, layout, source, snapshots, block, proven })
    }

    /// Whether there is a base that does not rest on the event, and from which the journal goes on.
    fn has_base_before(&self, seq: Seq, voids: &Voids) -> Result<bool, Error> {
        for (base, path) in self.snapshots.bases().list()? {
            let good = self.snapshots.open(base, &path).is_ok_and(|file| {
                file.header.uuid == self.source.identity().uuid && !voids.outdate(base, file.header.epoch)
            });
            if base < seq && good && self.source.reaches(base)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Repairs the end of the journal as opening does. Gives `journal/durable`.
    fn settle(&self, end: &End) -> Result<(StoredFile, Option<PathBuf>), Error> {
        let disk = &*self.disk;
        self.layout.make_dirs(disk)?;
        let file = self.source.file(end.segment, Access::ReadWrite)?;
        let quarantined = quarantine(disk, &self.layout, &file, end)?;
        write_again(disk, &self.layout, &file, end)?;
        let durable = match self.layout.durable_file(disk)? {
            Some(file) => file,
            None => StoredFile::create(disk, &self.layout.durable())?,
        };
        self.layout.remove_unfinished(disk)?;
        Ok((durable, quarantined))
    }

    /// Writes and syncs a decision, unless it stands there, and begins the next segment, which proves that it was synced. Gives
    /// the epoch in which that is, and why the segment could not be begun.
    fn record(
        &self,
        decision: Option<Vec<u8>>,
        time: Timestamp,
        end: &End,
        table: &Table,
        durable_file: StoredFile,
        align_shift: u8,
    ) -> Result<(u64, Option<String>), Error> {
        let epoch = next_epoch(&self.source, end, self.block)?;
        let maker = Maker {
            disk: Arc::clone(&self.disk),
            layout: self.layout.clone(),
            identity: self.source.identity().clone(),
            epoch,
            // should one have to be made: no larger than those that are there
            largest: self.source.segments().filter_map(|segment| self.source.len_of(segment)).max().unwrap_or(0),
            // as all that is here: one that has any was refused
            protection: Protection::default(),
        };
        let salts = Salts::new(u64::from_le_bytes(random()?));
        let onward = Onward { source: &self.source, end, table, time, durable_file, align_shift, salts };
        let journal = go_on(maker, onward, Durability::Synced, Caps::default())?;
        let written = decision.map_or(Ok(()), |decision| journal.record(FrameKind::Void, &decision));
        // No event comes after the decision whose number could prove that it was synced. That another segment was entered
        // does: so if the decision is damaged later, that is seen.
        let proven = written.map(|()| journal.begin_segment(table));
        // ends its threads, whatever came of it
        let closed = journal.close();
        let proven = proven.and_then(|proven| closed.map(|()| proven)).map_err(|error| error.cause())?;
        Ok((epoch, proven.map_err(|error| error.to_string()).err()))
    }

    /// Removes the snapshots and bases that rest on void events: none of them is used any more.
    fn remove_outdated(&self, voids: &Voids) -> Result<Vec<PathBuf>, Error> {
        let mut removed = Vec::new();
        for (seq, path) in self.snapshots.starts()? {
            let Ok(file) = self.snapshots.open(seq, &path) else { continue };
            if file.header.uuid == self.source.identity().uuid && voids.outdate(seq, file.header.epoch) {
                self.disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
                removed.push(path);
            }
        }
        for dir in [self.layout.snapshots(), self.layout.journal()] {
            sync_dir(&*self.disk, &dir)?;
        }
        Ok(removed)
    }
}
