//! Makes an event void: records the decision that the event does nothing on replay.

// each module uses only the modules above it
mod report;
mod dry_run;
mod messages;
mod session;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use dry_run::VoidDryRun;
pub use report::VoidReport;

use super::decision::Decision;
use super::keys::{GivenKeys, Task};
use super::outcome_change::OutcomeChange;
use crate::context::Timestamp;
use crate::disk::{Disk, OwnedDisk, RealDisk, StoredFile, absolute};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::{EventId, Frame, FrameKind, JournalEnd, Layout, Scan, ShapeTable, VoidMark, Voids, records};
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::log;
use crate::recovery::{DROPPED, OpenedJournal, RequiredEnd, SettledJournal, WritableJournal};
use crate::seq::{SegmentId, Seq};
use messages::VoidRefusal;
use session::{VoidSession, has_base_before};

const TASK: Task = Task { name: "memimage::admin::void", builder: "memimage::admin::Void" };
/// The maximum length in bytes, both of the reason and of the name of the person who decided.
const LONGEST: usize = 4096;

/// Makes event `seq` of the image at `path` void: records the decision that the event does nothing on replay. Use this for an
/// event that can no longer be replayed, for example because its body panics or its payload does not decode, if a new version
/// of the event is not worth the effort.
///
/// The event stays in the journal and keeps its number. Replay skips the event. A [`rewrite`](super::rewrite()) skips the event
/// too, and writes a `memimage.dropped` record in its place. The decision cannot be undone. If in doubt, copy the image first.
///
/// Later events are replayed on a state without the effect of this event. So later events may have other effects than before:
/// an id that a body takes from a counter or a length changes, and a command that was accepted may now be rejected. The
/// decision accepts that later events have other effects: the digests and outcomes that were recorded between the event and the
/// decision no longer count. Answers that callers received are not taken back. [`Void::dry_run`] lists the outcomes that
/// change, and reports whether all other events can still be replayed.
///
/// - The image must not be open. The void operation first repairs the end of the journal, as an open does.
/// - The journal records the event, the reason, the time, and who decided. A program whose version of memimage does not support
///   void events refuses the image.
/// - The last step removes the snapshots that contain the effect of the event. If a crash leaves a snapshot with this effect,
///   recovery does not use the snapshot.
/// - When the function returns, the decision is on disk. After a crash during the operation, the event may or may not be void:
///   make it void again.
/// - If the event is already void, the operation keeps the recorded decision: see [`VoidReport::already`].
/// - If the disk has space for the decision but not for the next segment, the decision is still recorded: see
///   [`VoidReport::unproven`].
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
/// Image::close(counter)?;
///
/// let report = memimage::admin::void(&path, Seq::new(1), "added by mistake")?;
/// println!("{report}"); // `add` version 1 is void from now on: event 1: "added by mistake", decided at 2026-…
/// let counter = Image::<Counter>::open(&path)?;
/// assert_eq!(counter.query(|counter| counter.count)?, 2);
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// - There is no image at the path, or another process has the image open ([`ErrorKind::Locked`](crate::ErrorKind::Locked)).
/// - The journal is damaged anywhere, even before a snapshot, in a part that an open does not read.
/// - The image is encrypted or chained, and this function takes no keys ([`ErrorKind::Key`](crate::ErrorKind::Key)). Use a
///   [`Void`] with the image's keys.
/// - There is no such event, or a rewrite has replaced the event by `memimage.dropped`, or the journal was pruned and every
///   intact base depends on the event ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)).
/// - The reason is empty, or the reason or the name given to [`Void::by`] is longer than 4096 bytes.
/// - A file cannot be read or written. The decision may or may not be on disk: make the event void again.
pub fn void(path: impl AsRef<Path>, seq: Seq, reason: impl Into<String>) -> Result<VoidReport, Error> {
    Void::new(seq, reason).run(path)
}

/// A void operation with options; see [`void()`].
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
    /// Creates a void operation without keys, like [`void()`].
    pub fn new(seq: Seq, reason: impl Into<String>) -> Void {
        Void { seq, reason: reason.into(), by: None, keys: GivenKeys::default(), allow_network: false }
    }

    /// Creates a decision with keys.
    #[cfg(feature = "admin")]
    pub(super) fn with_keys(seq: Seq, reason: impl Into<String>, keys: GivenKeys) -> Void {
        Void { keys, ..Void::new(seq, reason) }
    }

    /// Sets the name of the person who decided.
    pub fn by(mut self, who: impl Into<String>) -> Void {
        self.by = Some(who.into());
        self
    }

    /// Sets the keys under which the image is encrypted; see [`Options::encryption`](crate::Options::encryption).
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Void {
        self.keys.encryption = Some(keys);
        self
    }

    /// Sets the keys of the image's chain; see [`Options::chain`](crate::Options::chain). The frame with the decision becomes
    /// part of the chain.
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Void {
        self.keys.chain = Some(keys);
        self
    }

    /// Sets whether the image may be on a network file system; see [`Options::allow_network`](crate::Options::allow_network).
    pub fn allow_network(mut self, allow: bool) -> Void {
        self.allow_network = allow;
        self
    }

    /// Makes the event void.
    ///
    /// # Errors
    ///
    /// The errors of [`void()`]; also [`ErrorKind::Key`](crate::ErrorKind::Key) if a key is missing or wrong, or if keys were
    /// given for a protection that the image does not have.
    pub fn run(self, path: impl AsRef<Path>) -> Result<VoidReport, Error> {
        self.run_on(Arc::new(RealDisk), &absolute(path.as_ref()))
    }

    /// Like [`run`](Void::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Void::run).
    #[cfg(feature = "sim")]
    pub fn run_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<VoidReport, Error> {
        self.run_on(disk, path.as_ref())
    }

    pub(in crate::admin) fn run_on(self, disk: Arc<dyn Disk>, path: &Path) -> Result<VoidReport, Error> {
        self.validate()?;
        let layout = Layout::new(path);
        let keyring = self.keys.clone().keyring();
        TASK.unlock_to_write(&disk, &layout, &keyring)?;
        if !self.allow_network {
            layout.refuse_network(&*disk)?;
        }
        let lock = layout.acquire_lock(&*disk)?;
        let disk = OwnedDisk::over(disk, &lock);
        let opened = WritableJournal::open(&disk, &layout, &keyring, None, RequiredEnd::Proven)?;
        let found = self.look(&opened.journal)?;
        let SettledJournal { journal, durable_file, quarantined } = opened.settle(&found.end)?;
        let session = VoidSession { journal, keyring };
        self.decide(&session, found, durable_file, quarantined)
    }

    /// Replays the journal without the event, and reports what the decision would change. Changes nothing. The program must
    /// know the shapes of all events in the journal.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Void::run); also an error if the journal belongs to another model or was recorded with shapes that
    /// this program does not know. A later event that cannot be replayed without this event is not an error: see
    /// [`VoidDryRun::failure`].
    pub fn dry_run<M: Model>(&self, path: impl AsRef<Path>) -> Result<VoidDryRun, Error> {
        self.dry_run_on::<M>(&(Arc::new(RealDisk) as Arc<dyn Disk>), &absolute(path.as_ref()))
    }

    /// Like [`dry_run`](Void::dry_run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`dry_run`](Void::dry_run).
    #[cfg(feature = "sim")]
    pub fn dry_run_with<M: Model>(&self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<VoidDryRun, Error> {
        self.dry_run_on::<M>(&disk, path.as_ref())
    }

    pub(in crate::admin) fn dry_run_on<M: Model>(
        &self,
        disk: &Arc<dyn Disk>,
        path: &Path,
    ) -> Result<VoidDryRun, Error> {
        self.examine(disk, path, Some(M::NAME), |journal| dry_run::replay_without::<M>(journal, self.seq))
    }

    /// Like [`dry_run`](Void::dry_run), but without the model, so that no event is replayed: only names the event, and verifies that it can
    /// be made void.
    #[cfg(feature = "admin")]
    pub(in crate::admin) fn find_on(&self, disk: &Arc<dyn Disk>, path: &Path) -> Result<VoidDryRun, Error> {
        self.examine(disk, path, None, |_| Ok((Vec::new(), None)))
    }

    /// Looks at the event in the locked image, then calls `replay`, which returns what the decision would change.
    fn examine(
        &self,
        disk: &Arc<dyn Disk>,
        path: &Path,
        model: Option<&str>,
        replay: impl FnOnce(&OpenedJournal) -> Result<(Vec<OutcomeChange>, Option<Error>), Error>,
    ) -> Result<VoidDryRun, Error> {
        let layout = Layout::new(path);
        let keyring = self.keys.clone().keyring();
        let survey = layout.survey(&**disk)?;
        TASK.unlock(disk, &layout, survey.image(&layout)?, &keyring)?;
        if !self.allow_network {
            layout.refuse_network(&**disk)?;
        }
        let _lock = layout.acquire_lock(&**disk)?;
        let journal = OpenedJournal::open(disk, &layout, &keyring, model)?;
        let VoidTarget { name, version, recorded, .. } = self.look(&journal)?;
        let already = recorded.is_some();
        let (outcomes, failure) = replay(&journal)?;
        Ok(VoidDryRun { seq: self.seq, name, version, already, outcomes, failure })
    }

    fn validate(&self) -> Result<(), Error> {
        let refused = |option, value: &str, what| {
            let value = value.chars().take(20).collect();
            Err(Error::new(ErrorDetail::Option { option, value, what }))
        };
        match &self.by {
            _ if self.reason.is_empty() => refused("reason", "empty", messages::EMPTY_REASON),
            _ if self.reason.len() > LONGEST => refused("reason", &self.reason, messages::TOO_LONG),
            Some(by) if by.len() > LONGEST => refused("by", by, messages::TOO_LONG),
            _ => Ok(()),
        }
    }

    /// Reads the whole journal, and checks that the event can be made void. Changes nothing.
    ///
    /// Damage is an error even if an open would start from a later snapshot and not read the damaged part. A void operation
    /// removes the snapshots after the event, so the next open replays from before the event and may have to read the damaged
    /// part.
    fn look(&self, journal: &OpenedJournal) -> Result<VoidTarget, Error> {
        let (scan, segments) = (journal.scan(), journal.segments());
        // The next segment begins with this shape table, so the table is built in the same reading that verifies the journal.
        // If a bad read hid a row of the table, the row would be missing from all later segments.
        let mut table = ShapeTable::default();
        let (mut event, mut recorded, mut voids) = (None, None, Voids::default());
        let (mut align_shift, mut is_lost) = (None, false);
        let mut visit = |segment: SegmentId, frame: &Frame<'_>| {
            align_shift = Some(frame.header.align_shift);
            let holds = frame.header.first_seq <= self.seq && self.seq < frame.header.next_seq();
            match frame.header.kind {
                FrameKind::Shapes => {
                    let added = table.add(scan.rows(segment, frame)?);
                    added.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
                }
                FrameKind::Events if holds => event = Some(self.event(scan, segment, frame)?),
                FrameKind::Void => {
                    let mark = scan.decode_void(segment, frame)?;
                    voids.add(&mark, frame);
                    if mark.seq == self.seq {
                        recorded.get_or_insert(mark);
                    }
                }
                FrameKind::Gap => {
                    let gap = scan.decode_gap(segment, frame)?;
                    is_lost |= gap.first <= self.seq && self.seq < gap.next;
                }
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        };
        let end = scan.read(segments.first(), &mut visit)?.expect("it is read to its end");
        let Some(event) = event else {
            let refusal = match self.seq {
                Seq::ZERO => messages::no_event_zero(),
                _ if is_lost => messages::lost_event(),
                _ if self.seq < end.chain.next_seq => messages::pruned_event(),
                _ => messages::event_after_end(end.chain.before()),
            };
            return Err(self.refuse(journal, refusal));
        };
        let (name, version) =
            table.event(event).map_or((String::new(), 0), |(name, version, _)| (name.to_owned(), version));
        if recorded.is_none() && name == DROPPED {
            return Err(self.refuse(journal, messages::dropped_event()));
        }
        if recorded.is_none() && !segments.starts_at_genesis() && !has_base_before(journal, self.seq, &voids)? {
            return Err(self.refuse(journal, messages::no_base_before()));
        }
        let align_shift = align_shift.expect("the event's frame was read");
        Ok(VoidTarget { end, table, name, version, recorded, voids, align_shift })
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

    /// Appends the decision to the journal, unless it is recorded already, and removes the snapshots that contain the event's
    /// effect.
    fn decide(
        self,
        session: &VoidSession,
        found: VoidTarget,
        durable_file: StoredFile,
        quarantined: Option<PathBuf>,
    ) -> Result<VoidReport, Error> {
        let VoidTarget { end, table, name, version, recorded, mut voids, align_shift } = found;
        let already = recorded.is_some();
        let Void { seq, reason, by, .. } = self;
        let mark = recorded.unwrap_or_else(|| VoidMark { seq, time: Timestamp::wall_clock(), reason, by });
        let mut unproven = None;
        if !already || end.unproven_void {
            let decisions: Vec<Vec<u8>> = (!already).then(|| mark.encode()).into_iter().collect();
            let (epoch, why) = session.record(&decisions, mark.time, &end, &table, durable_file, align_shift)?;
            unproven = why;
            voids.insert(seq, epoch);
        }
        let removed = session.remove_invalidated(&voids).unwrap_or_else(|error| {
            log::warning!(%error, "{}", messages::REMOVAL_FAILED);
            Vec::new()
        });
        let decision = Decision::from(mark);
        log::warning!(%decision, name, version, already, "{}", messages::IS_VOID);
        if let Some(why) = &unproven {
            log::warning!(why, "{}", messages::UNPROVEN);
        }
        Ok(VoidReport { decision, name, version, already, unproven, quarantined, removed })
    }

    fn refuse(&self, journal: &OpenedJournal, VoidRefusal { what, help }: VoidRefusal) -> Error {
        Error::new(ErrorDetail::Void { path: journal.layout().root().to_owned(), seq: self.seq, what, help })
    }
}

/// The event that is to become void, and the end of the journal.
struct VoidTarget {
    end: JournalEnd,
    table: ShapeTable,
    /// The event's name and version.
    name: String,
    version: u32,
    /// The recorded decision if the event is already void; otherwise `None`.
    recorded: Option<VoidMark>,
    voids: Voids,
    /// The alignment of the last frame.
    align_shift: u8,
}
