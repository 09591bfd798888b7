//! Repairs an image as its owner decides. The owner names the events to give up. The repair backs up each file that it
//! changes.

// each module uses only the modules above it
mod report;
mod messages;
mod backup;
mod session;
mod replacement;
mod in_place;
mod cut;
mod begin;

use std::path::Path;
use std::sync::Arc;

pub use report::{FileChange, RepairReport};

use super::examine::Examination;
use super::keys::{GivenKeys, Task};
use super::repair_action::RepairAction;
use crate::disk::{Disk, OwnedDisk, RealDisk, absolute, failed, sync_dir};
use crate::error::Error;
use crate::journal::{DamageKind, Layout};
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use begin::begin;
use cut::cut;
use in_place::{clear_tail, remove_snapshots, repair_base, repair_segments};
use session::RepairSession;

const TASK: Task = Task { name: "memimage::admin::repair", builder: "memimage::admin::Repair" };

/// Repairs the image at `path` by one of the actions that [`check`](super::check()) offers. Needs no model.
///
/// - The image must not be open. The repair first reads the whole image, and reads it a second time if there is damage. If
///   the action does not apply to the damage, the repair returns an error and changes nothing. It gives up events only if the
///   action names the first of them.
/// - Before the repair changes or removes a file, it saves the file in the image's `quarantine` and syncs the copy. It fails
///   if the disk has no space for the copies.
/// - After a crash, the image either opens, or can be repaired by the same action, with the same result. A completed repair
///   that runs again changes nothing.
/// - A repair that changes something begins a new epoch.
/// - After a [cut](RepairAction::CutFrom), new commands reuse the numbers of the lost events. Inform every other system that
///   recorded numbers of acknowledged events: [`RepairReport::lost`] has the range.
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
/// println!("{report}"); // … give up event 2 and all after it (RepairAction::CutFrom(Seq::new(2))): loses event 2
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
/// - There is no image at the path, or another process has it open ([`ErrorKind::Locked`](crate::ErrorKind::Locked)).
/// - The image is encrypted or chained ([`ErrorKind::Key`](crate::ErrorKind::Key)). Use a [`Repair`] with its keys.
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
    keys: GivenKeys,
    allow_network: bool,
}

impl Repair {
    /// A repair without keys, as [`repair()`].
    pub fn new(action: RepairAction) -> Repair {
        Repair { action, keys: GivenKeys::default(), allow_network: false }
    }

    /// The keys under which the image is encrypted, as [`Options::encryption`](crate::Options::encryption). The repair writes
    /// under the current key.
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Repair {
        self.keys.encryption = Some(keys);
        self
    }

    /// The keys of the image's chain, as [`Options::chain`](crate::Options::chain).
    ///
    /// A repair that gives up events also gives up their links. The chain then ends before the lost events, or begins with a
    /// state after them. A [link](crate::Admin::chain_head) that you keep outside the image may be one of the lost links.
    /// Replace it by the new last link.
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Repair {
        self.keys.chain = Some(keys);
        self
    }

    /// Whether the image may be on a network file system, as [`Options::allow_network`](crate::Options::allow_network).
    pub fn allow_network(mut self, allow: bool) -> Repair {
        self.allow_network = allow;
        self
    }

    /// Repairs the image at `path`.
    ///
    /// # Errors
    ///
    /// As [`repair()`]; also if a key is missing or wrong, or if keys were given for an image without that protection
    /// ([`ErrorKind::Key`](crate::ErrorKind::Key)).
    pub fn run(self, path: impl AsRef<Path>) -> Result<RepairReport, Error> {
        self.run_on(Arc::new(RealDisk), &absolute(path.as_ref()))
    }

    /// As [`run`](Repair::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// As [`run`](Repair::run).
    #[cfg(feature = "sim")]
    pub fn run_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<RepairReport, Error> {
        self.run_on(disk, path.as_ref())
    }

    fn run_on(self, disk: Arc<dyn Disk>, path: &Path) -> Result<RepairReport, Error> {
        let layout = Layout::new(path);
        let keyring = self.keys.keyring();
        TASK.unlock_to_write(&disk, &layout, &keyring)?;
        if !self.allow_network {
            layout.refuse_network(&*disk)?;
        }
        let lock = layout.acquire_lock(&*disk)?;
        let disk = OwnedDisk::over(disk, &lock);
        // an earlier attempt may have moved files out of these directories; without a sync, a crash could bring them back
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
            // a crash while the repair clears a suspect tail leaves a torn tail
            RepairAction::SuspectTail => clear_tail(&mut session, |_| true).map(lossless),
            RepairAction::CutFrom(seq) => cut(&mut session, seq),
            RepairAction::BeginAt(seq) => begin(&mut session, seq),
            RepairAction::Segments => repair_segments(&mut session).map(lossless),
            RepairAction::Snapshots => remove_snapshots(&mut session).map(lossless),
            RepairAction::Base => repair_base(&mut session).map(lossless),
        }?;
        let report = session.finish(lost);
        tracing::warn!(path = %path.display(), repaired = %report, "repaired an image");
        Ok(report)
    }
}
