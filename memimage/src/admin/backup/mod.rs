//! Backups: copies of images that are in use or not, each complete up to a synced event, and an image itself.

// each module uses only the modules above it
mod report;
mod messages;
mod source;
mod earlier;
mod copies;
mod outdated;
mod task;
mod running;

use std::path::Path;
use std::sync::Arc;

pub use report::BackupReport;

use super::keys::GivenKeys;
use crate::disk::{Disk, RealDisk, absolute};
use crate::error::Error;
use crate::journal::Layout;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::seq::Seq;
use task::BackupTask;

/// Makes a backup of the image at `path` in the directory `dir`. Needs no model and no lock: it works beside a program that has
/// the image open, and without any. In that program, use [`Admin::backup`](crate::Admin::backup).
///
/// The backup is an image. To restore it, open it, or a copy of it.
///
/// - It contains every event that was on disk when the call began, and ends with an event that is on disk. Snapshots and bases of
///   these events are copied; `quarantine/` is not. A snapshot or a copy of a base that is unreadable or damaged is left out:
///   [`BackupReport::unusable_snapshots`] names it.
/// - If `dir` does not exist, the backup is made in a directory beside `dir`, named `.NAME.backing-up`. If `dir` is empty, such as a
///   mount point, the backup is made inside of `dir`, in a directory named `.backing-up`. Once it is synced and verified, renames
///   move it to `dir`. After a crash or an error, there is no backup at `dir`, or a complete one.
/// - If `dir` contains an earlier backup of the same history of this image, the backup copies only what is new: later segments, the
///   last segment if it has grown, newer snapshots. All of it is copied and verified under temporary names. Then the files are
///   renamed one by one, so that after a crash at any moment `dir` is a backup up to an event between the earlier end and the new
///   one. After any error before that, the earlier backup is unchanged.
/// - Finally, the whole backup is read and verified as by [`check`](super::check()).
/// - Opening a backup makes it an image of its own, with a history of its own. It then takes no later backup, and
///   [`RecoveryReport::restored`](crate::RecoveryReport::restored) says so.
///
/// ```
/// # use memimage::{Image, Model, Shape};
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
/// # let (path, backup) = (directory.path().join("image"), directory.path().join("backup"));
/// # Image::<Counter>::open(&path)?.add(1)?;
/// let report = memimage::admin::backup(&path, &backup)?;
/// println!("backed up to event {}: {} bytes copied in {:?}", report.seq, report.bytes_copied, report.duration);
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// - There is no image at `path`, or it is damaged ([`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt)).
/// - The image is encrypted or chained, and this function takes no keys ([`ErrorKind::Key`](crate::ErrorKind::Key)). Use a
///   [`Backup`] with the image's keys, with which the copy is verified. The files are copied as they are.
/// - `dir` is within the image, or contains something else than a backup ([`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists)).
/// - `dir` contains a backup of another image, of another history of this image, or of a later state than the image has; or the
///   events after its end were pruned; or it was opened ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)).
/// - The backup in `dir` is in use, or another backup to `dir` is being made ([`ErrorKind::Locked`](crate::ErrorKind::Locked)).
/// - `dir` is on a network file system ([`ErrorKind::NetworkFileSystem`](crate::ErrorKind::NetworkFileSystem)). A [`Backup`] may
///   allow it.
/// - The first events of the image were pruned, and no snapshot or base from which the journal can start is readable
///   ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)).
/// - The owner of the image prunes the journal faster than it can be copied
///   ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)).
/// - A file cannot be read or written, or is read back with other content.
///
/// The image is never changed.
pub fn backup(path: impl AsRef<Path>, dir: impl AsRef<Path>) -> Result<BackupReport, Error> {
    Backup::new().run(path, dir)
}

/// A backup with options; see [`backup()`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is copied until `run` is called"]
pub struct Backup {
    keys: GivenKeys,
    allow_network: bool,
}

impl Backup {
    /// Creates a backup without keys, like [`backup()`].
    pub fn new() -> Backup {
        Backup::default()
    }

    /// Creates a backup with keys.
    #[cfg(feature = "admin")]
    pub(super) fn with_keys(keys: GivenKeys) -> Backup {
        Backup { keys, ..Backup::new() }
    }

    /// Sets the keys under which the image is encrypted; see [`Options::encryption`](crate::Options::encryption).
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Backup {
        self.keys.encryption = Some(keys);
        self
    }

    /// Sets the keys of the image's chain; see [`Options::chain`](crate::Options::chain).
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Backup {
        self.keys.chain = Some(keys);
        self
    }

    /// Sets whether the backup may be on a network file system; see [`Options::allow_network`](crate::Options::allow_network). The
    /// image may be on one in any case, because it is only read.
    pub fn allow_network(mut self, allow: bool) -> Backup {
        self.allow_network = allow;
        self
    }

    /// Makes a backup of the image at `path` in the directory `dir`.
    ///
    /// # Errors
    ///
    /// The errors of [`backup()`]; also [`ErrorKind::Key`](crate::ErrorKind::Key) if a key is missing or wrong, or if keys were
    /// given for a protection that the image does not have.
    pub fn run(self, path: impl AsRef<Path>, dir: impl AsRef<Path>) -> Result<BackupReport, Error> {
        self.run_on(&(Arc::new(RealDisk) as Arc<dyn Disk>), &absolute(path.as_ref()), &absolute(dir.as_ref()))
    }

    /// Like [`run`](Backup::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Backup::run).
    #[cfg(feature = "sim")]
    pub fn run_with(
        self,
        disk: Arc<dyn Disk>,
        path: impl AsRef<Path>,
        dir: impl AsRef<Path>,
    ) -> Result<BackupReport, Error> {
        self.run_on(&disk, path.as_ref(), dir.as_ref())
    }

    pub(in crate::admin) fn run_on(self, disk: &Arc<dyn Disk>, path: &Path, dir: &Path) -> Result<BackupReport, Error> {
        let Backup { keys, allow_network } = self;
        let (image, keyring) = (Layout::new(path), keys.keyring());
        BackupTask { disk, image: &image, keyring: &keyring, synced: Seq::ZERO, dir, allow_network }.run()
    }
}
