//! Making an event void: a recorded decision that it does nothing on replay.

mod session;

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::decision::Decision;
use super::keys::{GivenKeys, Task};
use crate::context::Timestamp;
use crate::disk::{Disk, OwnedDisk, RealDisk, StoredFile};
use crate::error::{Error, Kind};
use crate::journal::{EventId, Frame, FrameKind, JournalEnd, Layout, Scan, ShapeTable, VoidMark, Voids, records};
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::recovery::{DROPPED, OpenedJournal, SettledJournal, WritableJournal};
use crate::seq::{SegmentId, Seq};
use session::{VoidSession, has_base_before};

const TASK: Task = Task { name: "memimage::admin::void", builder: "memimage::admin::Void" };
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
/// - An event that is void already stays as it is: see [`VoidReport::already`].
/// - With no room on the disk for more than the decision, it is recorded all the same: see [`VoidReport::unproven`].
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
/// println!("{voided}"); // `add` version 1 is void from now on: event 1: "added by mistake", decided at 1789…
/// let counter = Image::<Counter>::open(&path)?;
/// assert_eq!(counter.query(|counter| counter.count)?, 2);
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// If the path is no image, or is owned by another ([`is_locked`](Error::is_locked)); if its journal is damaged anywhere, also where an
/// open does not look because of a snapshot; if it is encrypted or chained ([`is_key`](Error::is_key)), which takes a [`Void`] with its
/// keys; if there is no such event, if a rewrite left `memimage.dropped` of it, or if the journal was pruned and no good base is there that
/// has it not already ([`is_unfit`](Error::is_unfit)); if the reason is empty or too long; if something cannot be read or written. If
/// the last of these happened after the decision was written, whether the event is void shows when the image is opened, or when
/// it is made void again.
pub fn void(path: impl AsRef<Path>, seq: Seq, reason: impl Into<String>) -> Result<VoidReport, Error> {
    Void::new(seq, reason).run(path)
}

/// What making an event void did; see [`void()`]. Its `Display` is a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoidReport {
    /// What is on record.
    pub decision: Decision,
    /// The event's name; empty, and its version 0, if the journal has no event of its number.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// It was void before, and the decision is the one that was recorded then.
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

impl fmt::Display for VoidReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VoidReport { decision, name, version, .. } = self;
        let is = if self.already { "was void before, and stays so" } else { "is void from now on" };
        let name = if name.is_empty() {
            "an event that the journal has no name of".to_owned()
        } else {
            format!("`{name}` version {version}")
        };
        write!(f, "{name} {is}: {decision}")?;
        if let Some(why) = &self.unproven {
            write!(f, "\n  nothing proves the decision yet ({why}): open the image, or ask again, once there is room")?;
        }
        if let Some(copy) = &self.quarantined {
            write!(f, "\n  the end of a write that was cut short was cleared; what it was is `{}`", copy.display())?;
        }
        self.removed
            .iter()
            .try_for_each(|path| write!(f, "\n  `{}` rested on the event, and was removed", path.display()))
    }
}

/// Making an event void, with options; see [`void()`].
#[derive(Clone, Debug)]
#[must_use = "nothing becomes void until `run` is called"]
pub struct Void {
    seq: Seq,
    reason: String,
    by: Option<String>,
    keys: GivenKeys,
    allow_network: bool,
}

impl Void {
    /// As [`void()`] does it.
    pub fn new(seq: Seq, reason: impl Into<String>) -> Void {
        Void { seq, reason: reason.into(), by: None, keys: GivenKeys::default(), allow_network: false }
    }

    /// Who decided it.
    pub fn by(mut self, who: impl Into<String>) -> Void {
        self.by = Some(who.into());
        self
    }

    /// The keys under which the image is encrypted, as [`Options::encryption`](crate::Options::encryption).
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Void {
        self.keys.encryption = Some(keys);
        self
    }

    /// The keys of the image's chain, as [`Options::chain`](crate::Options::chain). The decision is a link of it.
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Void {
        self.keys.chain = Some(keys);
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
    /// As [`void()`]; also if a key is missing or is another than the one it was written with, or if keys were given for an image
    /// that is not protected so ([`is_key`](Error::is_key)).
    pub fn run(self, path: impl AsRef<Path>) -> Result<VoidReport, Error> {
        self.run_on(Arc::new(RealDisk), path.as_ref())
    }

    /// As [`run`](Void::run), on a disk of your choice.
    ///
    /// # Errors
    ///
    /// As [`run`](Void::run).
    #[cfg(feature = "sim")]
    pub fn run_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<VoidReport, Error> {
        self.run_on(disk, path.as_ref())
    }

    fn run_on(self, disk: Arc<dyn Disk>, path: &Path) -> Result<VoidReport, Error> {
        self.validate()?;
        let layout = Layout::new(path);
        let keyring = self.keys.clone().keyring();
        TASK.unlock_to_write(&disk, &layout, &keyring)?;
        if !self.allow_network {
            layout.refuse_network(&*disk)?;
        }
        let lock = layout.own(&*disk)?;
        let disk = OwnedDisk::over(disk, &lock);
        let opened = WritableJournal::open(&disk, &layout, &keyring, None)?;
        let found = self.look(&opened.journal)?;
        let SettledJournal { journal, durable_file, quarantined } = opened.settle(&found.end)?;
        let session = VoidSession { journal, keyring };
        self.decide(&session, found, durable_file, quarantined)
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

    /// Reads all of the journal, and makes sure that the event can become void. Changes nothing.
    ///
    /// All of it: what rests on the event is of no use afterwards, so damage before it, which a snapshot made good, would then be
    /// in the way.
    fn look(&self, journal: &OpenedJournal) -> Result<VoidTarget, Error> {
        let (scan, segments) = (journal.scan(), journal.segments());
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
        let end = scan.read(segments.first(), &mut visit)?.expect("it is read to its end");
        let Some(event) = event else {
            let what = match self.seq {
                Seq::ZERO => "events are numbered from 1".to_owned(),
                _ if self.seq < end.chain.next_seq => "it is no longer in the journal, which was pruned".to_owned(),
                _ => format!("the journal ends with event {}", end.chain.before()),
            };
            return Err(self.unfit(journal, what, "give the number of an event that is in the journal"));
        };
        let (name, version) =
            table.event(event).map_or((String::new(), 0), |(name, version, _)| (name.to_owned(), version));
        if said.is_none() && name == DROPPED {
            let what = format!("it does nothing already: it is a `{DROPPED}`, which a rewrite left of an event");
            return Err(self.unfit(journal, what, "nothing need be done"));
        }
        if said.is_none() && !segments.is_whole() && !has_base_before(journal, self.seq, &voids)? {
            let what = "the journal was pruned, and each base has the event already, or cannot be read".to_owned();
            return Err(self.unfit(journal, what, "set what it did right by a command"));
        }
        let align_shift = align_shift.expect("the event's frame was read");
        Ok(VoidTarget { end, table, name, version, said, voids, align_shift })
    }

    fn event(&self, scan: &Scan, segment: SegmentId, frame: &Frame<'_>) -> Result<EventId, Error> {
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
        session: &VoidSession,
        found: VoidTarget,
        durable_file: StoredFile,
        quarantined: Option<PathBuf>,
    ) -> Result<VoidReport, Error> {
        let VoidTarget { end, table, name, version, said, mut voids, align_shift } = found;
        let already = said.is_some();
        let Void { seq, reason, by, .. } = self;
        let mark = said.unwrap_or_else(|| VoidMark { seq, time: Timestamp::wall_clock(), reason, by });
        let mut unproven = None;
        if !already || end.unproven_void {
            let decision = (!already).then(|| mark.encode());
            let (epoch, why) = session.record(decision, mark.time, &end, &table, durable_file, align_shift)?;
            unproven = why;
            voids.insert(seq, epoch);
        }
        let removed = session.remove_invalidated(&voids).unwrap_or_else(|error| {
            tracing::warn!(%error, "snapshots that rest on a void event could not be removed; they are not used");
            Vec::new()
        });
        let decision = Decision::from(mark);
        tracing::warn!(%decision, name, version, already, "an event is void: it does nothing on replay");
        if let Some(why) = &unproven {
            tracing::warn!(
                why,
                "the decision is recorded, and nothing proves it yet: the next segment could not be begun"
            );
        }
        Ok(VoidReport { decision, name, version, already, unproven, quarantined, removed })
    }

    fn unfit(&self, journal: &OpenedJournal, what: String, mend: &'static str) -> Error {
        Error::new(Kind::Void { path: journal.layout().root().to_owned(), seq: self.seq, what, mend })
    }
}

/// What was read of the journal from the event on.
struct VoidTarget {
    end: JournalEnd,
    table: ShapeTable,
    /// The event's name and version.
    name: String,
    version: u32,
    /// That it is void already.
    said: Option<VoidMark>,
    voids: Voids,
    /// The alignment of the last frame.
    align_shift: u8,
}
