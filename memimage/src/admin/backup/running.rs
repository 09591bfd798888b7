//! The backup of a running image.

use std::path::Path;

use super::BackupReport;
use super::task::BackupTask;
use crate::error::Error;
use crate::event::Model;
use crate::image::{Admin, PinnedFiles};

impl<M: Model> Admin<'_, M> {
    /// Makes a backup of the image in the directory `dir`, while commands and queries go on. The backup contains at least every
    /// event that was executed before this call. It is an image: to restore it, open it, or a copy of it.
    ///
    /// If `dir` does not exist or is empty, the backup is new. If `dir` contains an earlier backup of the image, only new segments,
    /// the grown last segment and new snapshots are copied. See [`admin::backup`](crate::admin::backup()) for what a backup
    /// contains, and for what a crash leaves.
    ///
    /// The backup may be on a network file system if the image's [`allow_network`](crate::Options::allow_network) is set. For another
    /// choice, use [`admin::Backup`](crate::admin::Backup), which needs no closed image.
    ///
    /// The call takes as long as the copy and its verification, and blocks no other call on the image. Until it returns, the image
    /// does not prune its journal and removes no snapshot; the next snapshot after it makes up for that.
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
    /// # let (path, backups) = (directory.path().join("image"), directory.path().join("backup"));
    /// let counter = Image::<Counter>::open(&path)?;
    /// counter.add(1)?;
    /// let backup = counter.admin().backup(&backups)?;
    /// assert_eq!(backup.seq.get(), 1);
    /// # Ok::<(), memimage::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`admin::backup`](crate::admin::backup()); also an error if the image is poisoned or closed, if it is in memory
    /// only ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)), or if `backup` is called from inside a command, query
    /// or guard of the image. The image is not affected by an error.
    pub fn backup(&self, dir: impl AsRef<Path>) -> Result<BackupReport, Error> {
        let files = self.pin_files("backup")?;
        let dir = files.resolve(dir.as_ref());
        let PinnedFiles { disk, layout: image, keyring, durable: synced, allow_network, .. } = files;
        BackupTask { disk, image, keyring, synced, dir: &dir, allow_network }.run()
    }
}
