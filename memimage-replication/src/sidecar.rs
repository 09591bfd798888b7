//! Ships the journal of an image beside the program that has it open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use memimage::replication::{Acknowledge, MaxLag, PieceReader, Shipping, Sought};
use memimage::{Error, ErrorKind, Seq};

use crate::appender::Appender;
use crate::claim::claim;
use crate::failure::{failure, id_failed, log_failed};
use crate::journal_source::{JournalBeside, JournalSource};
use crate::log::Log;
use crate::log_directory::refuse_inside;
use crate::log_reader::LogTail;
use crate::owner_id;
use crate::shipper::Shipper;
use crate::shipping_lock::ShippingLock;
use crate::shipping_status::LogStatus;

/// How often a sidecar tries to claim a log whose end moves meanwhile.
const ATTEMPTS: u32 = 16;

/// Ships the journal of an image to a log, without its program and without keys, beside a running owner or without one.
///
/// The files of the image say which events are synced; only these are shipped. No command waits for the log, so this is like
/// [`Acknowledge::Local`] without a limit of the lag. The image is only read, except for a file in its directory `replication`, which says
/// that this directory owns the log.
///
/// A sidecar must keep up with the owner: an event whose segment the owner prunes before it is shipped is not in the log, and the
/// shipping ends with an error.
pub struct Sidecar {
    log: Log,
    journal: Arc<JournalBeside>,
    shipper: Box<Shipper>,
}

impl Sidecar {
    /// Claims the log for the image in the directory `image`, and begins to ship its journal, on threads of its own.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no image, if the log cannot be reached, if it belongs to another directory
    /// ([`ErrorKind::OtherOwner`]), if a program or another sidecar ships this directory to it already ([`ErrorKind::Locked`]), or if the log has events that the image does not have ([`ErrorKind::Replaced`]).
    pub fn start(log: Log, image: impl AsRef<Path>) -> Result<Sidecar, Error> {
        let path: PathBuf = std::path::absolute(image.as_ref()).unwrap_or_else(|_| image.as_ref().to_owned());
        refuse_inside(&log, &path)?;
        let image = PieceReader::open(&path)?.image();
        let (appender, lock) = claimed(&log, &path, image)?;
        let journal = Arc::new(JournalBeside::new(&path));
        let shipper = Shipper::start(log.clone(), appender, lock, Acknowledge::Local { max_lag: MaxLag::default() })?;
        shipper.ship(JournalSource::Beside(Arc::clone(&journal)))?;
        Ok(Sidecar { log, journal, shipper: Box::new(shipper) })
    }

    /// What is known about the log.
    pub fn status(&self) -> LogStatus {
        self.log.status()
    }

    /// Why the shipping has ended, if it has: because another owner took over ([`ErrorKind::Fenced`]), because the log refuses entries, or
    /// because the journal is damaged, pruned or gone.
    pub fn failure(&self) -> Option<Error> {
        self.journal.failure()
    }

    /// Waits until the log has every event that was synced when the call began, and the newest snapshot of them.
    ///
    /// # Errors
    ///
    /// Returns an error if the shipping ends before. While the log cannot be reached, or the journal cannot be read, the call waits.
    pub fn ship_all(&self) -> Result<Seq, Error> {
        // one look may have begun before this call
        let idle = self.journal.idle() + 2;
        self.wait_until(|| self.journal.idle() >= idle)?;
        let looks = self.status().snapshot_looks + 2;
        let has_snapshots = self.log.settings.ships_snapshots;
        self.wait_until(|| !has_snapshots || self.status().snapshot_looks >= looks)?;
        Ok(self.status().shipped)
    }

    fn wait_until(&self, is_done: impl Fn() -> bool) -> Result<(), Error> {
        while !is_done() {
            if let Some(error) = self.failure() {
                return Err(error);
            }
            self.journal.wait_for_shipper(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Waits until the shipping ends with an error, for `timeout` at most. Returns the error.
    pub fn wait(&self, timeout: Duration) -> Option<Error> {
        let deadline = Instant::now() + timeout;
        while self.failure().is_none() && Instant::now() < deadline {
            self.journal.wait_for_shipper(deadline.saturating_duration_since(Instant::now()));
        }
        self.failure()
    }

    /// Ships the rest of the synced events, for some seconds at most, and ends the threads.
    ///
    /// # Errors
    ///
    /// Returns the error with which the shipping ended, if it did, and an error if the log could not be reached, so that it may lack the rest.
    pub fn stop(self) -> Result<LogStatus, Error> {
        let Sidecar { log, journal, shipper } = self;
        journal.close();
        let stopped = shipper.stop();
        journal.failure().map_or(Ok(()), Err)?;
        stopped.map_err(|error| {
            let message = format!("the shipping was stopped: {error}; help: start it again to ship the rest");
            failure(error.kind(), message)
        })?;
        Ok(log.status())
    }
}

impl std::fmt::Debug for Sidecar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sidecar").field("log", &self.log).finish_non_exhaustive()
    }
}

/// Claims the log for the directory `path`, which nobody else ships to it.
fn claimed(log: &Log, path: &Path, image: [u8; 16]) -> Result<(Appender, ShippingLock), Error> {
    for _ in 0..ATTEMPTS {
        let tail = LogTail::find(&log.engine).map_err(|error| log_failed(&error))?;
        let owner = match &tail {
            Some(tail) => {
                log.refuse_other_image(path, image, tail)?;
                let owner = log.owner_id(path, tail)?;
                refuse_shorter(log, path, tail)?;
                owner
            }
            None => owner_id::random_id().map_err(|error| log_failed(&error))?,
        };
        let mut appender = log.appender(tail.as_ref(), owner, image)?;
        let log_id = appender.header().log_id;
        let lock = ShippingLock::acquire(log, path, &log_id)?;
        if tail.is_none() || log.settings.takes_over {
            owner_id::write(path, &log_id, &owner).map_err(|error| id_failed(path, &error))?;
        }
        if let Ok(()) = claim(&mut appender, &log.settings.name)? {
            return Ok((appender, lock));
        }
    }
    Err(failure(
        ErrorKind::Replication,
        format!(
            "others keep appending to the log `{}`, so it cannot be claimed; help: stop them, and try again",
            log.address()
        ),
    ))
}

/// Returns an error unless the journal continues that of the log.
fn refuse_shorter(log: &Log, path: &Path, tail: &LogTail) -> Result<(), Error> {
    match PieceReader::open(path)?.seek(&tail.point)? {
        Sought::Found => Ok(()),
        Sought::Diverged => Err(log.diverged(path)),
        Sought::Behind => Err(failure(
            ErrorKind::Replaced,
            format!(
                "`{}` has the journal up to event {}, and `{}` does not have it that far; help: to continue with the history of the log, open the \
                 image by a program that replicates to it, or `memimage restore` it; to keep the local history, ship it to a new log",
                log.address(),
                tail.point.seq,
                path.display()
            ),
        )),
    }
}
