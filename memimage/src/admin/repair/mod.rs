//! Repairs an image by the action that its owner chooses. The repair backs up each file before it changes the file.

// each module uses only the modules above it
mod report;
mod messages;
mod backup;
mod session;
mod replacement;
mod in_place;
mod cut;
mod begin;
mod give_up;
mod dry_run;

use std::path::Path;
use std::sync::Arc;

pub use dry_run::RepairDryRun;
pub use report::{FileChange, RepairReport};

use super::examine::Examination;
use super::keys::{GivenKeys, Task};
use super::repair_action::RepairAction;
use crate::disk::{Disk, LockGuard, OwnedDisk, RealDisk, absolute, failed, sync_dir};
use crate::error::Error;
use crate::event::Model;
use crate::journal::{DamageKind, Layout};
use crate::keys::Keyring;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::log;
use begin::begin;
use cut::cut;
use give_up::give_up;
use in_place::{clear_tail, remove_snapshots, repair_base, repair_segments};
use session::RepairSession;

const TASK: Task = Task { name: "memimage::admin::repair", builder: "memimage::admin::Repair" };

/// Repairs the image at `path` by one of the actions that [`check`](super::check()) offers. A repair needs no model.
///
/// - The image must not be open. The repair first reads the whole image, and reads it a second time if there is damage. If the
///   action does not apply to the damage, the repair returns an error and changes nothing. Only the actions with a seq,
///   `CutFrom`, `BeginAt` and `GiveUp`, give up events that are known to exist.
/// - Before the repair changes or removes a file, it saves a copy in the image's `quarantine` directory and syncs the copy. The
///   repair fails if the disk has no space for the copies.
/// - After a crash during a repair, the image either opens, or can be repaired by the same action, with the same result. If a
///   completed repair runs again, it changes nothing.
/// - A repair that changes any file begins a new epoch.
/// - After a [cut](RepairAction::CutFrom), new commands reuse the numbers of the lost events. Inform every other system that
///   recorded any of these numbers: [`RepairReport::lost`] is their range.
///
/// ```
/// # use memimage::{Image, Model, Seq, Shape};
/// # use serde::{Deserialize, Serialize};
/// use memimage::admin::{RepairAction, check, repair};
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
/// # (counter.add(1)?, counter.add(2)?, Image::close(counter)?);
/// # use std::os::unix::fs::FileExt;
/// # let segment = std::fs::File::options().write(true).open(path.join("journal/00000001.journal")).unwrap();
/// # segment.write_all_at(&[0; 512], 4096 + 4 * 512).unwrap(); // the frame of the last event
///
/// let report = check(&path)?;
/// println!("{report}"); // … give up event 2 and all later events (RepairAction::CutFrom(Seq::new(2))): loses event 2
///
/// let report = repair(&path, RepairAction::CutFrom(Seq::new(2)))?;
/// assert_eq!(report.lost.unwrap().events(), 1);
/// assert!(check(&path)?.is_sound());
/// assert_eq!(Image::<Counter>::open(&path)?.query(|counter| counter.count)?, 1);
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// - There is no image at the path, or another process has the image open ([`ErrorKind::Locked`](crate::ErrorKind::Locked)).
/// - The image is encrypted or chained, and this function takes no keys ([`ErrorKind::Key`](crate::ErrorKind::Key)). Use a
///   [`Repair`] with the image's keys.
/// - The action does not apply to the damage ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)).
/// - A file cannot be read or written. The repair may be incomplete: run it again.
pub fn repair(path: impl AsRef<Path>, action: RepairAction) -> Result<RepairReport, Error> {
    Repair::new(action).run(path)
}

/// A repair with options; see [`repair()`].
#[derive(Clone, Debug)]
#[must_use = "nothing is repaired until `run` is called"]
pub struct Repair {
    action: RepairAction,
    by: Option<String>,
    keys: GivenKeys,
    allow_network: bool,
}

impl Repair {
    /// Creates a repair without keys, like [`repair()`].
    pub fn new(action: RepairAction) -> Repair {
        Repair { action, by: None, keys: GivenKeys::default(), allow_network: false }
    }

    /// Creates a repair with keys.
    #[cfg(feature = "admin")]
    pub(super) fn with_keys(action: RepairAction, keys: GivenKeys) -> Repair {
        Repair { keys, ..Repair::new(action) }
    }

    /// Records who decided to give up events by [`RepairAction::GiveUp`]; without a call, the journal records nobody. Only the first
    /// 1024 bytes are recorded.
    pub fn by(mut self, name: impl Into<String>) -> Repair {
        self.by = Some(name.into());
        self
    }

    /// Sets the keys under which the image is encrypted; see [`Options::encryption`](crate::Options::encryption). The repair
    /// encrypts new data under the current key.
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Repair {
        self.keys.encryption = Some(keys);
        self
    }

    /// Sets the keys of the image's chain; see [`Options::chain`](crate::Options::chain).
    ///
    /// A repair that gives up events also gives up their links of the chain. After such a repair, the chain ends before the
    /// lost events, or begins after them. If you keep a [link](crate::Admin::chain_head) outside the image, it may be one of
    /// the lost links: replace it by the new last link.
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Repair {
        self.keys.chain = Some(keys);
        self
    }

    /// Sets whether the image may be on a network file system; see [`Options::allow_network`](crate::Options::allow_network).
    pub fn allow_network(mut self, allow: bool) -> Repair {
        self.allow_network = allow;
        self
    }

    /// Repairs the image at `path`.
    ///
    /// # Errors
    ///
    /// The errors of [`repair()`]; also [`ErrorKind::Key`](crate::ErrorKind::Key) if a key is missing or wrong, or if keys were
    /// given for a protection that the image does not have.
    pub fn run(self, path: impl AsRef<Path>) -> Result<RepairReport, Error> {
        self.run_on(Arc::new(RealDisk), &absolute(path.as_ref()))
    }

    /// Like [`run`](Repair::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Repair::run).
    #[cfg(feature = "sim")]
    pub fn run_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<RepairReport, Error> {
        self.run_on(disk, path.as_ref())
    }

    /// Replays the journal as it would be after [`RepairAction::GiveUp`], and reports the events whose outcome would change because
    /// others are lost. Changes nothing. The program must know the shapes of all events in the journal. Answers that callers got, and
    /// what a body took from a counter, can change without another outcome.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Repair::run); also an error if the journal belongs to another model or was recorded with shapes that this
    /// program does not know, or if the action is not `GiveUp` ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)): the
    /// events that other actions keep have the recorded outcomes. An event that cannot be replayed is not an error: see
    /// [`RepairDryRun::failure`].
    pub fn dry_run<M: Model>(&self, path: impl AsRef<Path>) -> Result<RepairDryRun, Error> {
        self.dry_run_on::<M>(&(Arc::new(RealDisk) as Arc<dyn Disk>), &absolute(path.as_ref()))
    }

    /// Like [`dry_run`](Repair::dry_run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`dry_run`](Repair::dry_run).
    #[cfg(feature = "sim")]
    pub fn dry_run_with<M: Model>(&self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<RepairDryRun, Error> {
        self.dry_run_on::<M>(&disk, path.as_ref())
    }

    pub(in crate::admin) fn dry_run_on<M: Model>(
        &self,
        disk: &Arc<dyn Disk>,
        path: &Path,
    ) -> Result<RepairDryRun, Error> {
        let (layout, keyring) = (Layout::new(path), self.keys.clone().keyring());
        let _lock = self.lock(disk, &layout, &keyring)?;
        let session = RepairSession::new(Examination::of(disk, &layout, &keyring, TASK)?, self.action)?;
        match self.action {
            RepairAction::GiveUp(seq) => dry_run::dry_run::<M>(&session, &keyring, self.action, seq),
            _ => Err(session.refusal(messages::nothing_to_try())),
        }
    }

    /// Verifies the keys, and locks the image.
    fn lock(&self, disk: &Arc<dyn Disk>, layout: &Layout, keyring: &Arc<Keyring>) -> Result<LockGuard, Error> {
        TASK.unlock_to_write(disk, layout, keyring)?;
        if !self.allow_network {
            layout.refuse_network(&**disk)?;
        }
        layout.acquire_lock(&**disk)
    }

    pub(in crate::admin) fn run_on(self, disk: Arc<dyn Disk>, path: &Path) -> Result<RepairReport, Error> {
        let layout = Layout::new(path);
        let keyring = self.keys.clone().keyring();
        let lock = self.lock(&disk, &layout, &keyring)?;
        let disk = OwnedDisk::over(disk, &lock);
        // an earlier attempt may have moved files out of these directories, and without this sync, a crash could bring the
        // files back
        for dir in [layout.root().to_owned(), layout.journal(), layout.snapshots(), layout.quarantine()] {
            if disk.kind(&dir).map_err(|error| failed("inspecting", &dir, error))?.is_some() {
                sync_dir(&*disk, &dir)?;
            }
        }
        let read = || Examination::of(&disk, &layout, &keyring, TASK);
        let mut session = RepairSession::new(read()?, self.action)?;
        if session.examination.has_damage() {
            session.confirm(&read()?)?;
        }
        let lossless = |()| None;
        let lost = match self.action {
            RepairAction::TornTail => {
                clear_tail(&mut session, |kind| matches!(kind, DamageKind::Torn(_))).map(lossless)
            }
            // clears a torn tail too, because a crash while clearing a suspect tail can leave a torn one
            RepairAction::SuspectTail => clear_tail(&mut session, |_| true).map(lossless),
            RepairAction::CutFrom(seq) => cut(&mut session, seq),
            RepairAction::BeginAt(seq) => begin(&mut session, seq),
            RepairAction::GiveUp(seq) => give_up(&mut session, seq, self.by.as_deref()),
            RepairAction::Segments => repair_segments(&mut session).map(lossless),
            RepairAction::Snapshots => remove_snapshots(&mut session).map(lossless),
            RepairAction::Base => repair_base(&mut session).map(lossless),
        }?;
        let report = session.finish(lost);
        log::warning!(path = %path.display(), repaired = %report, "repaired an image");
        Ok(report)
    }
}
