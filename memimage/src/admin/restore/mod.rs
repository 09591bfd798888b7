//! Restorations: images that are made from the copied bytes of a journal, up to any event or time.

// each module uses only the modules above it
mod messages;
mod cut;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{CheckReport, check_on};
use super::keys::{GivenKeys, Task};
use crate::context::Timestamp;
use crate::disk::{Disk, RealDisk, StoredFile, absolute, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::history::Moment;
use crate::journal::Layout;
use crate::keys::Keyring;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::log;
use crate::new_image::{StagingDir, StagingTask};
use crate::recovery::OpenedJournal;
use crate::replication::JournalCopy;
use crate::seq::Seq;

const TASK: Task = Task { name: "memimage::admin::Restore", builder: "memimage::admin::Restore" };

const STAGING: StagingTask = StagingTask {
    name: "restoration",
    ending: ".restoring",
    marker: "RESTORING",
    text: messages::STAGING_TEXT,
    extra: Some("BACKUP"),
};

/// The name of the file for a snapshot on its way into the copy. An interrupted restoration removes it.
const DOWNLOAD: &str = "download.tmp";

/// Makes an image from a copied journal, as of an event or a time. `memimage-replication` restores images from their logs by it.
///
/// The journal is copied into a staging directory beside the target. [`StagedImage::finish`] ends it with exactly the wanted event,
/// checks the image as [`check`](super::check()) does, and moves it to the target. After an error or a crash, there is no image at the target.
///
/// The restored image has the UUID of the original. Opening it begins a new life: its later events are a history of its own, and
/// [`RecoveryReport::restored`](crate::RecoveryReport::restored) says so.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is restored until `begin` is called"]
pub struct Restore {
    keys: GivenKeys,
    until: Option<Moment>,
    allow_network: bool,
}

/// An image that is being restored, in a staging directory. Dropping this value removes the directory.
pub struct StagedImage {
    disk: Arc<dyn Disk>,
    keyring: Arc<Keyring>,
    until: Option<Moment>,
    target: PathBuf,
    copy: JournalCopy,
    staging: StagingDir,
}

/// The result of a restoration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The last event of the restored image.
    pub seq: Seq,
    /// The recorded time of this event; `None` if the journal of the image does not contain it, because it begins with a later one.
    pub time: Option<Timestamp>,
    /// The number of events in the journal of the restored image. Its base replaces the events before them.
    pub events: u64,
    /// The event whose state the journal begins with; `None` if the journal is complete.
    pub base: Option<Seq>,
    /// The number of events that were copied and are not in the image, because they are after the wanted moment.
    pub dropped: u64,
}

impl Restore {
    /// A restoration of all that is copied, without keys.
    pub fn new() -> Restore {
        Restore::default()
    }

    /// Sets the moment of the image: after an event, or the last event that was recorded at or before a time. Without this, the image has all
    /// events that are copied. A time after the last event is the end, too.
    pub fn until(mut self, moment: impl Into<Moment>) -> Restore {
        self.until = Some(moment.into());
        self
    }

    /// Sets the keys under which the image is encrypted; see [`Options::encryption`](crate::Options::encryption).
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Restore {
        self.keys.encryption = Some(keys);
        self
    }

    /// Sets the keys of the image's chain; see [`Options::chain`](crate::Options::chain).
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Restore {
        self.keys.chain = Some(keys);
        self
    }

    /// Sets whether the image may be on a network file system; see [`Options::allow_network`](crate::Options::allow_network).
    pub fn allow_network(mut self, allow: bool) -> Restore {
        self.allow_network = allow;
        self
    }

    /// Begins to restore the image with this UUID at `target`, which must not exist, or be an empty directory.
    ///
    /// # Errors
    ///
    /// - Something is at `target`, or `target` is inside of an image ([`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists)).
    /// - Another process restores an image to `target` ([`ErrorKind::Locked`](crate::ErrorKind::Locked)).
    /// - `target` is on a network file system ([`ErrorKind::NetworkFileSystem`](crate::ErrorKind::NetworkFileSystem)).
    /// - The staging directory cannot be created.
    pub fn begin(self, target: impl AsRef<Path>, image: [u8; 16]) -> Result<StagedImage, Error> {
        self.begin_on(Arc::new(RealDisk), &absolute(target.as_ref()), image)
    }

    /// Like [`begin`](Restore::begin), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`begin`](Restore::begin).
    #[cfg(feature = "sim")]
    pub fn begin_with(
        self,
        disk: Arc<dyn Disk>,
        target: impl AsRef<Path>,
        image: [u8; 16],
    ) -> Result<StagedImage, Error> {
        self.begin_on(disk, target.as_ref(), image)
    }

    fn begin_on(self, disk: Arc<dyn Disk>, target: &Path, image: [u8; 16]) -> Result<StagedImage, Error> {
        let Restore { keys, until, allow_network } = self;
        if !allow_network {
            Layout::new(target).refuse_network(&*disk)?;
        }
        let staging = StagingDir::take(&disk, target, &STAGING)?;
        let copy = JournalCopy::create(Arc::clone(&disk), staging.layout().clone(), image, None)?;
        Ok(StagedImage { disk, keyring: keys.keyring(), until, target: target.to_owned(), copy, staging })
    }
}

impl StagedImage {
    /// The copy, to which the pieces of the journal are appended.
    pub fn copy(&mut self) -> &mut JournalCopy {
        &mut self.copy
    }

    /// A path for the file of a snapshot with which the copy [begins](JournalCopy::begin_at). The file is removed with the staging
    /// directory.
    pub fn download_path(&self) -> PathBuf {
        self.staging.layout().snapshots().join(DOWNLOAD)
    }

    /// Ends the journal with the wanted event, verifies the image, and moves it to its place.
    ///
    /// # Errors
    ///
    /// - The wanted event is not in the copy, because it is later or is lost in a recorded gap, or the copy begins after the wanted moment.
    /// - A key is missing or wrong ([`ErrorKind::Key`](crate::ErrorKind::Key)).
    /// - The copy is damaged ([`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt)).
    /// - A file cannot be read or written.
    pub fn finish(self) -> Result<RestoreReport, Error> {
        let StagedImage { disk, keyring, until, target, mut copy, staging } = self;
        let layout = staging.layout();
        copy.sync()?;
        let is_empty = copy.is_empty();
        drop(copy);
        if is_empty {
            return Err(damaged(&target, &layout.journal(), messages::NO_JOURNAL.to_owned()));
        }
        layout.remove_unfinished(&*disk)?;
        let survey = layout.survey(&*disk)?;
        TASK.unlock(&disk, layout, survey.image(layout)?, &keyring)?;
        let journal = OpenedJournal::open(&disk, layout, &keyring, None)?;
        let last = journal.scan().last_event()?;
        let seq = until.map_or(Ok(last), |moment| cut::resolve(moment, &journal, last, &target))?;
        let time = cut::end_with(seq, &journal, &keyring)?;
        let report = verify(&disk, (layout, &target), &keyring, seq)?;
        mark(&*disk, layout)?;
        staging.finish()?;
        log::info!(path = %target.display(), %seq, "restored an image");
        let dropped = last.get() - seq.get();
        Ok(RestoreReport { seq, time, events: report.events, base: report.base, dropped })
    }
}

impl std::fmt::Debug for StagedImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StagedImage").field("copy", &self.copy).finish_non_exhaustive()
    }
}

/// Checks the image. It must end with event `seq`.
fn verify(
    disk: &Arc<dyn Disk>,
    (layout, target): (&Layout, &Path),
    keyring: &Arc<Keyring>,
    seq: Seq,
) -> Result<CheckReport, Error> {
    let report = check_on(disk, layout.root(), keyring)?;
    if let Some(finding) = report.first_damage() {
        return Err(damaged(target, &finding.path, finding.message.clone()));
    }
    let found = OpenedJournal::open(disk, layout, keyring, None)?.scan().last_event()?;
    match found == seq {
        true => Ok(report),
        false => Err(damaged(target, &layout.journal(), messages::wrong_end(found, seq))),
    }
}

/// Marks the image, so that its first opening knows that it was restored.
fn mark(disk: &dyn Disk, layout: &Layout) -> Result<(), Error> {
    let marker = StoredFile::create(disk, &layout.backup_marker())?;
    marker.write_all(messages::MARKER_TEXT.as_bytes(), 0)?;
    marker.sync_all()?;
    sync_dir(disk, layout.root())
}

fn damaged(target: &Path, file: &Path, what: String) -> Error {
    let (image, file) = (target.to_owned(), file.to_owned());
    Error::new(ErrorDetail::RestoreDamaged { image, file, what, left: messages::NOTHING_RESTORED })
}
