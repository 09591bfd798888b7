//! How a standby becomes the owner: by a claim at the end of the log.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memimage::replication::JournalCopy;
use memimage::{Error, ErrorKind, Image, Model};

use super::Standby;
use super::following::StepError;
use super::shared::{Copying, Shared};
use crate::appender::{Appender, Fence};
use crate::catch_up::reader_behind;
use crate::claim::{ClaimedLog, claim};
use crate::failure::{failure, id_failed, log_failed};
use crate::log_reader::LogTail;
use crate::owner_id;
use crate::pauses::Pauses;
use crate::shipper::Shipper;
use crate::shipping_lock::ShippingLock;

/// How long a promotion tries to read the log, in all.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// How often a promotion tries to claim a log to which a living owner appends.
const ATTEMPTS: u32 = 1000;

/// The error of a promotion, with the standby, which goes on. [`Error`] can be made from it with `?`.
pub struct StandbyPromoteError<M: Model> {
    error: Error,
    standby: Standby<M>,
}

impl<M: Model> Standby<M> {
    /// Makes this standby the owner: claims the log at its end, and opens the image. From the claim on, the earlier owner can append nothing,
    /// and is fenced with its next append, whether it lives or not. The image has every event that the log has. With
    /// [`Acknowledge::Remote`](memimage::replication::Acknowledge::Remote), these are all events that were acknowledged.
    ///
    /// After a promotion, calls on other clones of this standby return errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be read or claimed (a claim whose outcome stayed unknown may still take effect later, and then
    /// fences the owner), if it lacks entries that the standby has
    /// ([`ErrorKind::Corrupt`](memimage::ErrorKind::Corrupt)), if another standby took over meanwhile
    /// ([`ErrorKind::Fenced`](memimage::ErrorKind::Fenced)), and the errors of [`Follower::promote`](memimage::Follower::promote). The error
    /// returns the standby, which goes on.
    pub fn promote(self) -> Result<Image<M>, StandbyPromoteError<M>> {
        match self.shared().promote() {
            Ok(image) => Ok(image),
            Err(error) => Err(StandbyPromoteError { error, standby: self }),
        }
    }

    /// Waits until the owner's lease has run out, and then takes over: if the log has shown no new entry for this time, although it could be
    /// read all the time. If another standby is faster, goes on waiting. Blocks; clones of this standby answer queries meanwhile.
    ///
    /// `lease` should be that of the owner ([`Log::lease`](crate::Log::lease)), or longer; a shorter one counts as that of the owner. Clocks decide only when a takeover is tried. That
    /// there is one owner follows from the log alone: an owner that was slow, and not dead, is fenced.
    ///
    /// # Errors
    ///
    /// Returns an error if the owner keeps no lease, if [`Log::poll`](crate::Log::poll) is longer than an eighth of the lease, if the standby stops or is promoted by another call, or as soon as the log lacks entries that the standby has
    /// ([`ErrorKind::Corrupt`](memimage::ErrorKind::Corrupt)): what to keep is then the decision of an operator, whom the message tells the choices.
    pub fn auto(self, lease: Duration) -> Result<Image<M>, Error> {
        loop {
            self.shared().refuse_if_ended()?;
            self.shared().refuse_if_lost()?;
            let owners = Duration::from_millis(self.shared().progress.lock().lease_ms);
            if owners.is_zero() {
                return Err(failure(
                    ErrorKind::Replication,
                    format!(
                        "the owner of `{}` keeps no lease, so its silence means nothing; help: give the owner's log a lease: `Log::lease`",
                        self.shared().log.address()
                    ),
                ));
            }
            let lease = lease.max(owners);
            let poll = self.shared().log.settings.poll;
            if poll > lease / 8 {
                return Err(failure(
                    ErrorKind::InvalidOption,
                    format!(
                        "a standby that reads the log every {poll:?} cannot see whether a lease of {lease:?} is kept; help: poll at least \
                         eight times in a lease (`Log::poll`), or use a longer lease"
                    ),
                ));
            }
            let silence = self.shared().silence(lease / 3);
            if silence.is_some_and(|silence| silence >= lease) {
                match self.shared().promote() {
                    Ok(image) => return Ok(image),
                    Err(error) => {
                        self.shared().refuse_if_ended()?;
                        self.shared().refuse_if_lost()?;
                        tracing::warn!(%error, "a takeover failed; the standby goes on");
                    }
                }
            }
            let rest = lease.saturating_sub(silence.unwrap_or_default());
            std::thread::sleep(rest.clamp(Duration::from_millis(1), lease / 8 + Duration::from_millis(1)));
        }
    }
}

impl<M: Model> Shared<M> {
    pub(super) fn promote(self: &Arc<Self>) -> Result<Image<M>, Error> {
        self.refuse_if_ended()?;
        // of two promotions at once, one gets the follower
        let Some(follower) = self.take_follower() else { return Err(self.promoted()) };
        self.stop_thread();
        self.progress.lock().is_stopping = false;
        let Some(copying) = self.copying.lock().take() else {
            self.put_follower(follower);
            self.go_on();
            return Err(failure(
                ErrorKind::Replication,
                format!(
                    "the standby in `{}` opens its copy again after a failed promotion; help: try again",
                    self.path.display()
                ),
            ));
        };
        let (copying, claimed) = self.claim(copying);
        let (appender, lock) = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                *self.copying.lock() = Some(copying);
                self.put_follower(follower);
                self.go_on();
                return Err(error);
            }
        };
        // releases the lock of the directory, which the image takes
        drop(copying);
        let opened = Shipper::start(self.log.clone(), appender, lock, self.acknowledge).and_then(|shipper| {
            let claimed = ClaimedLog::new(shipper);
            // the follower may keep what it has not used: heartbeats without an owner, and the lock of the directory
            let promoted = follower.clone().promote_replicated(claimed.clone(), self.acknowledge);
            promoted.map_err(Error::from).inspect_err(|_| claimed.give_up())
        });
        match opened {
            Ok(image) => {
                self.end(self.promoted());
                Ok(image)
            }
            Err(error) => {
                self.put_follower(follower);
                // the thread opens the copy again, as soon as nobody uses the directory
                self.go_on();
                Err(error)
            }
        }
    }

    /// Reads the log to its end, and claims it there.
    fn claim(&self, mut copying: Copying) -> (Copying, Result<(Appender, ShippingLock), Error>) {
        let result = self.try_to_claim(&mut copying);
        (copying, result)
    }

    fn try_to_claim(&self, copying: &mut Copying) -> Result<(Appender, ShippingLock), Error> {
        let mut pauses = Pauses::default();
        let term = self.progress.lock().term;
        for _ in 0..ATTEMPTS {
            match self.read_to_end(copying).and_then(|_| self.check_end(&copying.tail)) {
                Ok(()) => {}
                Err(StepError::Unavailable(error)) if pauses.total() < READ_LIMIT => {
                    tracing::warn!(%error, "the log cannot be read; the promotion tries again");
                    std::thread::sleep(pauses.next());
                    continue;
                }
                Err(StepError::Unavailable(error)) => return Err(log_failed(&error)),
                Err(StepError::Damaged(error) | StepError::Lost(error)) => return Err(error),
                Err(StepError::Busy) => unreachable!("the copy is open"),
                Err(StepError::Fatal(error)) => {
                    self.end(error.clone());
                    return Err(error);
                }
            }
            let header = copying.tail.header;
            // an earlier attempt may have appended a claim of this standby, and not have learned it
            let id = owner_id::read(&self.path, &header.log_id).map_err(|error| id_failed(&self.path, &error))?;
            if header.term != term && id != Some(header.owner) {
                return Err(self.taken_over(header.term));
            }
            let lock = ShippingLock::acquire(&self.log, &self.path, &header.log_id)?;
            copying.copy.drop_incomplete();
            let owner = owner_id::random_id().map_err(|error| log_failed(&error))?;
            owner_id::write(&self.path, &header.log_id, &owner).map_err(|error| id_failed(&self.path, &error))?;
            let mut appender = self.log.appender(Some(&copying.tail), owner, header.image)?;
            match claim(&mut appender, &self.log.settings.name)? {
                Ok(()) => return Ok((appender, lock)),
                Err(fence) => self.lost(&fence),
            }
        }
        Err(failure(
            ErrorKind::Replication,
            format!(
                "others keep appending to the log `{}`, so it cannot be claimed; help: stop the owner",
                self.log.address()
            ),
        ))
    }

    fn lost(&self, fence: &Fence) {
        tracing::info!(
            position = fence.position,
            term = fence.term,
            "the end of the log has moved; the claim is made again"
        );
    }

    fn taken_over(&self, term: u64) -> Error {
        failure(
            ErrorKind::Fenced,
            format!(
                "another standby took over `{}`, in term {term}; this standby follows it now; help: promote it only if that owner is gone",
                self.log.address()
            ),
        )
    }

    /// Starts the thread again.
    fn go_on(self: &Arc<Self>) {
        if let Err(error) = self.start() {
            tracing::error!(%error, "the standby cannot go on after a failed promotion");
            self.end(error);
        }
        let now = Instant::now();
        let mut progress = self.progress.lock();
        (progress.reading_since, progress.last_entry) = (now, now);
    }

    /// Opens the copy again, and a reader of what follows it.
    pub(super) fn open_copy(&self) -> Result<Copying, Error> {
        let Some(tail) = LogTail::find(&self.log.engine).map_err(|error| log_failed(&error))? else {
            return Err(failure(ErrorKind::Corrupt, format!("`{}` has lost its entries", self.log.address())));
        };
        let copy = JournalCopy::lock(&self.path, tail.header.image)?;
        let reader = reader_behind(&self.log.engine, &copy)?;
        self.progress.lock().term = tail.header.term;
        Ok(Copying { copy, reader, tail })
    }
}

impl<M: Model> StandbyPromoteError<M> {
    /// The cause.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Returns the standby.
    pub fn into_standby(self) -> Standby<M> {
        self.standby
    }
}

impl<M: Model> From<StandbyPromoteError<M>> for Error {
    fn from(failed: StandbyPromoteError<M>) -> Error {
        failed.error
    }
}

impl<M: Model> fmt::Display for StandbyPromoteError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<M: Model> fmt::Debug for StandbyPromoteError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<M: Model> std::error::Error for StandbyPromoteError<M> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}
