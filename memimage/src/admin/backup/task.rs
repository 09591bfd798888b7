//! One backup: from the image to a verified directory.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::BackupReport;
use super::copies::{CopiedBytes, Copies};
use super::earlier::EarlierBackup;
use super::messages;
use super::outdated::remove_outdated;
use super::source::{Source, UnusableState};
use crate::admin::check::{CheckReport, check_on};
use crate::admin::keys::Task;
use crate::disk::{Disk, StoredFile, failed, sync_dir};
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::journal::Layout;
use crate::keys::Keyring;
use crate::log;
use crate::new_image::{StagingDir, StagingTask, refuse_inside};
use crate::seq::Seq;

const TASK: Task = Task { name: "memimage::admin::backup", builder: "memimage::admin::Backup" };

/// The staging directory of a new backup.
const STAGING: StagingTask = StagingTask {
    name: "backup",
    ending: ".backing-up",
    marker: "BACKING-UP",
    text: messages::STAGING_TEXT,
    extra: Some("BACKUP"),
};

/// A backup reads an image at most this many times while the owner of the image removes files.
const READINGS: u32 = 20;
/// The time between two readings of the image.
const PAUSE: Duration = Duration::from_millis(5);

/// A backup of the image `image` in the directory `dir`.
pub(super) struct BackupTask<'a> {
    pub(super) disk: &'a Arc<dyn Disk>,
    pub(super) image: &'a Layout,
    pub(super) keyring: &'a Arc<Keyring>,
    /// The events up to this one are known to be synced.
    pub(super) synced: Seq,
    pub(super) dir: &'a Path,
    /// Whether `dir` may be on a network file system.
    pub(super) allow_network: bool,
}

/// The place of a backup, locked.
enum Target {
    Earlier(Box<EarlierBackup>),
    New(StagingDir),
}

/// The result of copying and verifying.
struct Copied {
    last: Seq,
    bytes: CopiedBytes,
    unusable: Vec<UnusableState>,
    check: CheckReport,
}

impl BackupTask<'_> {
    pub(super) fn run(&self) -> Result<BackupReport, Error> {
        #[expect(clippy::disallowed_methods, reason = "the duration of a backup is not part of the state")]
        let started = Instant::now();
        let disk = &**self.disk;
        self.image.survey(disk)?.image(self.image)?;
        refuse_inside(disk, self.dir, self.image.root())?;
        if !self.allow_network {
            Layout::new(self.dir).refuse_network(disk)?;
        }
        self.repeat(|| {
            let survey = self.image.survey(disk)?;
            TASK.unlock(self.disk, self.image, survey.image(self.image)?, self.keyring).map(Some)
        })?;
        let target = self.target()?;
        let continued = match &target {
            Target::Earlier(earlier) => Some(earlier.last()),
            Target::New(_) => None,
        };
        let Copied { last, bytes, unusable, check } = match target {
            Target::Earlier(earlier) => self.continue_earlier(&earlier)?,
            Target::New(staging) => self.make_new(staging)?,
        };
        let report = BackupReport {
            seq: last,
            events: check.events,
            continued,
            bytes_copied: bytes.copied,
            bytes_shared: bytes.shared,
            bytes_reused: bytes.reused,
            unusable_snapshots: unusable,
            duration: started.elapsed(),
        };
        for (path, what) in &report.unusable_snapshots {
            log::warning!(path = %path.display(), what, "the backup leaves out a snapshot or a copy of a base");
        }
        log::info!(
            from = %self.image.root().display(),
            to = %self.dir.display(),
            seq = %report.seq,
            bytes = report.bytes_copied,
            "made a backup"
        );
        Ok(report)
    }

    /// Locks the earlier backup in the directory, or the staging directory of a new one.
    fn target(&self) -> Result<Target, Error> {
        let earlier = || EarlierBackup::open(self.disk, self.dir, self.image.root(), self.keyring, &STAGING);
        if let Some(earlier) = earlier()? {
            return Ok(Target::Earlier(Box::new(earlier)));
        }
        match StagingDir::take(self.disk, self.dir, &STAGING) {
            Ok(staging) => Ok(Target::New(staging)),
            // another backup may have been finished since
            Err(error) if error.kind() == ErrorKind::AlreadyExists => match earlier()? {
                Some(earlier) => Ok(Target::Earlier(Box::new(earlier))),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Makes a backup in a staging directory, verifies it, and moves it to its place.
    fn make_new(&self, staging: StagingDir) -> Result<Copied, Error> {
        let (disk, layout) = (&**self.disk, staging.layout());
        for dir in [layout.journal(), layout.snapshots(), layout.quarantine()] {
            disk.create_dir(&dir).map_err(|error| failed("creating", &dir, error))?;
        }
        sync_dir(disk, layout.root())?;
        let (source, bytes, unusable) = self.copy_to(layout, None)?;
        let marker = StoredFile::create(disk, &layout.backup_marker())?;
        marker.write_all(messages::MARKER_TEXT.as_bytes(), 0)?;
        marker.sync_all()?;
        sync_dir(disk, layout.root())?;
        let check = self.verify(layout, &source, messages::NO_BACKUP_MADE)?;
        staging.finish()?;
        Ok(Copied { last: source.last(), bytes, unusable, check })
    }

    /// Adds to an earlier backup what is new in the image, and verifies the whole backup.
    fn continue_earlier(&self, earlier: &EarlierBackup) -> Result<Copied, Error> {
        let disk = &**self.disk;
        earlier.layout.remove_unfinished(disk)?;
        // the renames that gave the backup its names may have reported errors, and still have had their effect
        earlier.layout.sync_names(disk)?;
        let (source, bytes, unusable) = self.copy_to(&earlier.layout, Some(earlier))?;
        let check = self.verify(&earlier.layout, &source, messages::EARLIER_CONTINUED)?;
        remove_outdated(self.disk, &source, (self.image, &earlier.layout), self.keyring)?;
        Ok(Copied { last: source.last(), bytes, unusable, check })
    }

    /// Copies the image into the directory `target`. Returns what was copied, and what was left out.
    fn copy_to(
        &self,
        target: &Layout,
        earlier: Option<&EarlierBackup>,
    ) -> Result<(Source, CopiedBytes, Vec<UnusableState>), Error> {
        let mut copies = Copies::new(self.disk, self.image.root(), target, earlier);
        let source = self.copy_files(&mut copies, earlier)?;
        let bytes = copies.bytes();
        copies.install(&source)?;
        Ok((source, bytes, std::mem::take(&mut copies.unusable)))
    }

    /// Copies the files under temporary names. Begins again with a new reading of the image if its owner removed one of them.
    fn copy_files(&self, copies: &mut Copies<'_>, earlier: Option<&EarlierBackup>) -> Result<Source, Error> {
        let mut failure = None;
        for _ in 0..READINGS {
            let source = self.repeat(|| Source::read(self.disk, self.image, self.keyring, self.synced))?;
            let compared = earlier.map_or(Ok(()), |earlier| earlier.verify_continued_by(&source, self.image.root()));
            let copied = compared.and_then(|()| copies.copy(&source));
            let verified = copied.and_then(|has_all| match earlier {
                Some(earlier) if has_all => source.verify_frames(earlier.last_segment()).map(|()| true),
                // a new backup is checked as a whole before it gets its name
                _ => Ok(has_all),
            });
            match verified {
                Ok(true) => return Ok(source),
                Ok(false) => failure = None,
                Err(error) if error.is_missing() => failure = Some(error),
                Err(error) => return Err(error),
            }
            std::thread::sleep(PAUSE);
        }
        Err(failure.unwrap_or_else(|| self.changing()))
    }

    /// Repeats `read` while it returns `None`, because the owner of the image changed it meanwhile. An error that such a change can
    /// explain counts only if two successive readings agree.
    fn repeat<T>(&self, mut read: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
        let mut failure: Option<Error> = None;
        for reading in 0..READINGS {
            if reading > 0 {
                std::thread::sleep(PAUSE);
            }
            match read() {
                Ok(Some(result)) => return Ok(result),
                Ok(None) => failure = None,
                Err(error) if error.kind() != ErrorKind::Corrupt && !error.is_missing() => return Err(error),
                Err(error) if failure.is_some_and(|failure| failure.to_string() == error.to_string()) => {
                    return Err(error);
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| self.changing()))
    }

    /// The error: the owner of the image changes it faster than it can be read.
    fn changing(&self) -> Error {
        let (path, what) = (self.image.root().to_owned(), messages::CHANGING.to_owned());
        Error::new(ErrorDetail::BackupSource { path, what, help: messages::HELP_CHANGING })
    }

    /// Checks the finished backup as `admin::check` does. It must end where the source ends, and open without the segments that
    /// the source does not have.
    fn verify(&self, target: &Layout, source: &Source, left: &'static str) -> Result<CheckReport, Error> {
        let last = source.last();
        let damaged = |file: &Path, what: String| {
            let (image, file) = (self.image.root().to_owned(), file.to_owned());
            Error::new(ErrorDetail::BackupDamaged { image, file, what, left })
        };
        let report = check_on(self.disk, target.root(), self.keyring)?;
        if let Some(finding) = report.first_damage() {
            return Err(damaged(&finding.path, finding.message.clone()));
        }
        if !source.can_start_after(report.snapshots.iter().copied().chain(report.base)) {
            return Err(damaged(&target.journal(), messages::NO_START.to_owned()));
        }
        match report.last {
            Some(found) if found != last => Err(damaged(&target.journal(), messages::wrong_end(found, last))),
            None if last > report.base.unwrap_or(Seq::ZERO) => {
                Err(damaged(&target.journal(), messages::wrong_end(Seq::ZERO, last)))
            }
            _ => Ok(report),
        }
    }
}
