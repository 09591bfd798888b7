//! Repairing an image, as somebody chose: what is given up is named by who asks for it, and what is changed is kept.

// each uses those above it
mod report;
mod backup;
mod session;
mod replacement;
mod cut;
mod begin;

use std::path::Path;
use std::sync::Arc;

pub use report::{FileChange, RepairReport};

use super::check::Examination;
use super::choice::RepairAction;
use super::keys::{GivenKeys, Task};
use crate::disk::{Access, Disk, OwnedDisk, RealDisk, StoredFile, failed, sync_dir};
use crate::error::Error;
use crate::journal::{DamageKind, Layout, clear, clear_again};
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use replacement::make_whole;
use session::RepairSession;

const TASK: Task = Task { name: "memimage::admin::repair", builder: "memimage::admin::Repair" };

/// Repairs the image at `path` in one way, which [`check`](super::check()) offers. Needs no model.
///
/// - The image must not be open. Everything is read first, and what is damaged twice; a choice that does not fit what is found
///   is refused, and nothing is changed. Events are given up only by who names the first of them.
/// - What is changed or given up is kept in the image's `quarantine`, and is on disk there before anything else is
///   touched. With no room for that the repair is refused.
/// - After a crash on the way the same repair can be asked for again, or the image opens, with the same outcome. A repair
///   that was done already does nothing.
/// - The image's epoch is raised.
/// - After a [cut](RepairAction::CutFrom) new commands take the numbers of those given up again. Whoever kept numbers of acknowledged
///   events elsewhere, another system say, must be told of [`RepairReport::lost`].
///
/// ```
/// # use memimage::{Image, Model, Seq, Shape};
/// # use serde::{Deserialize, Serialize};
/// use memimage::admin::{Choice, check, repair};
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
/// # (counter.add(1)?, counter.add(2)?, counter.close()?);
/// # use std::os::unix::fs::FileExt;
/// # let segment = std::fs::File::options().write(true).open(path.join("journal/00000001.journal")).unwrap();
/// # segment.write_all_at(&[0; 512], 4096 + 4 * 512).unwrap(); // the frame of the last event
///
/// let checked = check(&path)?;
/// println!("{checked}"); // … give up event 2 and all after it (Choice::CutFrom(Seq::new(2))): loses event 2
///
/// let repaired = repair(&path, Choice::CutFrom(Seq::new(2)))?;
/// assert_eq!(repaired.lost.unwrap().events(), 1);
/// assert!(check(&path)?.is_sound());
/// assert_eq!(Image::<Counter>::open(&path)?.query(|counter| counter.count)?, 1);
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// If there is no image at the path, or it is owned by another ([`is_locked`](Error::is_locked)); if it is encrypted or chained
/// ([`is_key`](Error::is_key)), which takes a [`Repair`] with its keys; if the choice does not fit ([`is_unfit`](Error::is_unfit)); if
/// something cannot be read or written. After the last of these the repair may have been done in part: ask for it again.
pub fn repair(path: impl AsRef<Path>, choice: RepairAction) -> Result<RepairReport, Error> {
    Repair::new(choice).run(path)
}

/// A repair with options; see [`repair()`].
#[derive(Clone, Debug)]
#[must_use = "nothing is repaired until `run` is called"]
pub struct Repair {
    choice: RepairAction,
    keys: GivenKeys,
    allow_network: bool,
}

impl Repair {
    /// As [`repair()`] does it.
    pub fn new(choice: RepairAction) -> Repair {
        Repair { choice, keys: GivenKeys::default(), allow_network: false }
    }

    /// The keys under which the image is encrypted, as [`Options::encryption`](crate::Options::encryption). What the repair writes is
    /// encrypted under the current one.
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Repair {
        self.keys.encryption = Some(keys);
        self
    }

    /// The keys of the image's chain, as [`Options::chain`](crate::Options::chain).
    ///
    /// A repair that gives up events gives up their links: from then on the chain ends before them, or begins with a state after
    /// them, and a [link](crate::Admin::chain_head) that was kept elsewhere may be of what is given up. Keep the new one.
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

    /// Repairs.
    ///
    /// # Errors
    ///
    /// As [`repair()`]; also if a key is missing or is another than the one it was written with, or if keys were given for an image
    /// that is not protected so ([`is_key`](Error::is_key)).
    pub fn run(self, path: impl AsRef<Path>) -> Result<RepairReport, Error> {
        self.run_on(Arc::new(RealDisk), path.as_ref())
    }

    /// As [`run`](Repair::run), on a disk of your choice.
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
        let lock = layout.own(&*disk)?;
        let disk = OwnedDisk::over(disk, &lock);
        // also what an attempt that failed has moved out of the image: it is not there any more, and may come back
        for dir in [layout.root().to_owned(), layout.journal(), layout.snapshots(), layout.quarantine()] {
            if disk.kind(&dir).map_err(|error| failed("looking at", &dir, error))?.is_some() {
                sync_dir(&*disk, &dir)?;
            }
        }
        let read = || Examination::of(&disk, &layout, &keyring, TASK);
        let mut hold = RepairSession::new(read()?, self.choice)?;
        if hold.found.is_flawed() {
            hold.confirm(&read()?)?;
        }
        let lost = match self.choice {
            RepairAction::TornTail => tail(&mut hold, |flaw| matches!(flaw, DamageKind::Torn(_))).map(|()| None),
            // also what a crash in the midst of clearing it left
            RepairAction::SuspectTail => tail(&mut hold, |_| true).map(|()| None),
            RepairAction::CutFrom(seq) => cut::cut(&mut hold, seq),
            RepairAction::BeginAt(seq) => begin::begin(&mut hold, seq),
            RepairAction::Segments => segments(&mut hold).map(|()| None),
            RepairAction::Snapshots => snapshots(&mut hold).map(|()| None),
            RepairAction::Base => base(&mut hold).map(|()| None),
        }?;
        let repaired = hold.done(lost);
        tracing::warn!(path = %path.display(), %repaired, "repaired an image");
        Ok(repaired)
    }
}

/// Clears the end of the journal, if what is there fits.
fn tail(hold: &mut RepairSession, fits: impl Fn(&DamageKind) -> bool) -> Result<(), Error> {
    let Some(fault) = hold.found.first_fault().cloned() else {
        return match hold.found.first_around() {
            None => tail_again(hold),
            Some(around) => Err(hold.unfit_for(around)),
        };
    };
    let range = match fault.flaw {
        ref flaw @ (DamageKind::Torn(ref range) | DamageKind::Suspect(ref range)) if fits(flaw) => range.clone(),
        _ => return Err(hold.unfit_for(&fault)),
    };
    hold.layout().make_dirs(hold.disk())?;
    make_whole(hold, |_| true)?;
    let path = hold.found.trail.path(fault.segment);
    let file = StoredFile::open(hold.disk(), &path, Access::ReadWrite)?;
    let mut bytes = vec![0; range.len()];
    let read = file.read_surely(&mut bytes, range.start as u64)?;
    bytes.truncate(read);
    let copy = clear(hold.disk(), hold.layout(), &file, fault.segment, &bytes, range.start)?;
    hold.changed(path.clone(), "was cleared at its end", Some(copy));
    let durable = hold.found.evidence;
    let place = hold.place_in(fault.segment, range.start)?;
    hold.raise(durable, place)
}

/// Makes sure of what an earlier attempt may have cleared without being told that it was synced.
fn tail_again(hold: &RepairSession) -> Result<(), Error> {
    let Some(last) = hold.found.trailed.stretches.iter().rfind(|stretch| stretch.first.is_some()) else {
        return Ok(());
    };
    hold.layout().make_dirs(hold.disk())?;
    let file = StoredFile::open(hold.disk(), &hold.found.trail.path(last.segment), Access::ReadWrite)?;
    let (place, _) = hold.place_in(last.segment, usize::MAX)?;
    clear_again(hold.disk(), hold.layout(), &file, last.segment, place.offset)
}

/// Makes all segments whole of which the frames are good, whatever else is wrong.
fn segments(hold: &mut RepairSession) -> Result<(), Error> {
    if hold.found.first_around().is_none()
        && let Some(fault) = hold.found.first_fault()
    {
        return Err(hold.unfit_for(fault));
    }
    make_whole(hold, |_| true)?;
    hold.raise_alone()
}

/// Puts away the snapshots that cannot be used. Not while the journal is damaged: they may be all that proves it.
fn snapshots(hold: &mut RepairSession) -> Result<(), Error> {
    hold.refuse_damaged_journal()?;
    let flawed = |state: &&super::check::State| !state.is_base && state.flaw.is_some();
    let paths: Vec<_> = hold.found.states.iter().filter(flawed).map(|state| state.path.clone()).collect();
    hold.take_all(paths)?;
    hold.raise_alone()
}

/// Makes the copies of the newest good base whole.
fn base(hold: &mut RepairSession) -> Result<(), Error> {
    hold.refuse_damaged_journal()?;
    let good = hold.found.states.iter().find(|state| state.is_base && state.flaw.is_none()).cloned();
    let Some(good) = good else {
        return Err(hold.unfit("there is no good copy of a base".to_owned()));
    };
    hold.install_base(&good)?;
    hold.raise_alone()
}
