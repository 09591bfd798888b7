//! An owner claims its log before its image is open.

use std::path::Path;
use std::sync::Arc;

use memimage::replication::{
    Acknowledge, Claimed, JournalPoint, LockedDirectory, OwnerJournal, Replicate, Shipping, Sought,
};
use memimage::{Error, ErrorKind};
use parking_lot::Mutex;

use crate::appender::{Appender, Attempt, Fence};
use crate::catch_up::catch_up;
use crate::entry::Id;
use crate::failure::{failure, id_failed, log_failed};
use crate::journal_source::JournalSource;
use crate::log::Log;
use crate::log_directory::refuse_inside;
use crate::log_reader::{LogTail, claim_of};
use crate::owner_id;
use crate::planted::{Bug, planted};
use crate::shipper::Shipper;
use crate::shipping_lock::ShippingLock;

/// How often an owner tries to claim a log whose end moves meanwhile.
const ATTEMPTS: u32 = 16;

impl Replicate for Log {
    fn admit(&self, path: &Path) -> Result<(), Error> {
        refuse_inside(self, path)?;
        if path.exists() {
            return Ok(());
        }
        let Some(tail) = LogTail::find(&self.engine).map_err(|error| log_failed(&error))? else { return Ok(()) };
        self.owner_id(path, &tail)?;
        self.refuse_vacant(path, &tail)
    }

    fn claim(
        self: Box<Self>,
        directory: &LockedDirectory,
        acknowledge: Acknowledge,
    ) -> Result<Box<dyn Claimed>, Error> {
        for _ in 0..ATTEMPTS {
            let tail = LogTail::find(&self.engine).map_err(|error| log_failed(&error))?;
            let (owner, image) = self.prepare(directory, tail.as_ref())?;
            let mut appender = self.appender(tail.as_ref(), owner, image)?;
            let log_id = appender.header().log_id;
            let lock = ShippingLock::acquire(&self, directory.path(), &log_id)?;
            if tail.is_none() || self.settings.takes_over {
                owner_id::write(directory.path(), &log_id, &owner)
                    .map_err(|error| id_failed(directory.path(), &error))?;
            }
            if let Ok(()) = claim(&mut appender, &self.settings.name)? {
                return Ok(Box::new(ClaimedLog::new(Shipper::start(*self, appender, lock, acknowledge)?)));
            }
        }
        Err(failure(
            ErrorKind::Replication,
            format!(
                "others keep appending to the log `{}`, so it cannot be claimed; help: stop them, and try again",
                self.address()
            ),
        ))
    }

    fn again(&self) -> Option<Box<dyn Replicate>> {
        Some(Box::new(self.clone()))
    }
}

impl Log {
    pub(crate) fn appender(&self, tail: Option<&LogTail>, owner: Id, image: Id) -> Result<Appender, Error> {
        let lease = self.settings.lease.map_or(0, |lease| lease.as_millis() as u64);
        Appender::new(&self.engine, tail, owner, image, lease).map_err(|error| log_failed(&error))
    }

    /// Verifies that this directory may claim the log, and brings its journal up to the end of the log. Returns the id of the directory, and
    /// the UUID of its image, zero if there is none yet.
    fn prepare(&self, directory: &LockedDirectory, tail: Option<&LogTail>) -> Result<(Id, Id), Error> {
        let path = directory.path();
        let is_vacant = directory.is_vacant()?;
        let Some(tail) = tail else {
            let image = if is_vacant { [0; 16] } else { directory.reader()?.image() };
            return Ok((owner_id::random_id().map_err(|error| log_failed(&error))?, image));
        };
        if is_vacant {
            let owner = self.owner_id(path, tail)?;
            self.refuse_vacant(path, tail)?;
            return Ok((owner, [0; 16]));
        }
        let mut reader = directory.reader()?;
        let image = reader.image();
        // before the owner: no claim and no standby helps against the log of another image
        self.refuse_other_image(path, image, tail)?;
        let owner = self.owner_id(path, tail)?;
        match reader.seek(&tail.point)? {
            Sought::Found => {}
            // the log has events that this disk has lost
            Sought::Behind => {
                drop(reader);
                let caught_up = catch_up(&self.engine, &mut directory.copy(image)?, tail);
                caught_up.map_err(|error| match error.kind() {
                    ErrorKind::Replaced => self.diverged(path),
                    _ => error,
                })?;
            }
            Sought::Diverged => return Err(self.diverged(path)),
        }
        Ok((owner, image))
    }

    /// Returns an error if the log has a journal, for a directory that has none.
    fn refuse_vacant(&self, path: &Path, tail: &LogTail) -> Result<(), Error> {
        if tail.point == JournalPoint::START {
            return Ok(());
        }
        let (address, path) = (self.address(), path.display());
        Err(failure(
            ErrorKind::OtherOwner,
            format!(
                "`{address}` has the journal of an image, and the directory `{path}` has none; help: open a standby there and promote it, or \
                 `memimage restore {path} --from {address}`"
            ),
        ))
    }

    /// The id under which the directory may claim the log.
    pub(crate) fn owner_id(&self, path: &Path, tail: &LogTail) -> Result<Id, Error> {
        let own = owner_id::read(path, &tail.header.log_id).map_err(|error| id_failed(path, &error))?;
        match own {
            Some(own) if own == tail.header.owner => Ok(own),
            _ if self.settings.takes_over => owner_id::random_id().map_err(|error| log_failed(&error)),
            _ => Err(self.other_owner(path, tail)?),
        }
    }

    pub(crate) fn refuse_other_image(&self, path: &Path, image: Id, tail: &LogTail) -> Result<(), Error> {
        match tail.header.image == [0; 16] || image == tail.header.image {
            true => Ok(()),
            false => Err(failure(
                ErrorKind::OtherOwner,
                format!(
                    "`{}` is the log of another image than the one in `{}`; help: give each image a log of its own",
                    self.address(),
                    path.display()
                ),
            )),
        }
    }

    /// The error for a directory whose journal the log does not continue.
    pub(crate) fn diverged(&self, path: &Path) -> Error {
        failure(
            ErrorKind::Replaced,
            format!(
                "the journal in `{}` and that in `{}` have different histories; help: to keep the history of the log, open a standby \
                 in another directory, or `memimage set-aside {} --from {}`; to keep the local one, replicate to a new log",
                path.display(),
                self.address(),
                path.display(),
                self.address()
            ),
        )
    }

    /// The error for a log whose last owner was another directory.
    fn other_owner(&self, path: &Path, tail: &LogTail) -> Result<Error, Error> {
        let path = path.display();
        let claim = claim_of(&self.engine, tail).map_err(|error| log_failed(&error))?;
        let owner = match claim {
            Some(claim) => format!("`{}`, in term {}, since {}", claim.name, tail.header.term, claim.time),
            None => format!("an owner whose claim was removed, in term {}", tail.header.term),
        };
        let what = format!(
            "the log `{}` belongs to another owner: {owner}; `{path}` is not its directory; help: open a standby there (`Standby::open`), \
             which can be promoted; or stop the other owner and claim the log with `Log::take_over(true)`",
            self.address()
        );
        Ok(failure(ErrorKind::OtherOwner, what))
    }
}

/// Appends the claim. The inner error says that another entry is at its position; nothing was appended then.
pub(crate) fn claim(appender: &mut Appender, name: &str) -> Result<Result<(), Box<Fence>>, Error> {
    if planted(Bug::PromotedWithoutClaim) && appender.header().position > 1 {
        return Ok(Ok(()));
    }
    let mut pauses = crate::pauses::Pauses::default();
    let mut attempt = appender.append(appender.claim(name));
    loop {
        match attempt {
            Ok(Attempt::Done) => return Ok(Ok(())),
            Ok(Attempt::Fenced(fence)) => return Ok(Err(fence)),
            Err(error) if error.is_unavailable() && pauses.total() < CLAIM_LIMIT => {
                tracing::warn!(%error, "the outcome of a claim is unknown; it is tried again");
                std::thread::sleep(pauses.next());
                attempt = appender.retry();
            }
            Err(error) if error.is_unavailable() => {
                return Err(failure(
                    ErrorKind::Replication,
                    format!(
                        "the claim had no answer within {CLAIM_LIMIT:?}, so it is unknown whether the claim is in the log; no event was \
                         recorded, and another attempt finds it out: {error}"
                    ),
                ));
            }
            Err(error) => return Err(log_failed(&error)),
        }
    }
}

/// How long a claim is tried again, in all.
const CLAIM_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// A log that was claimed, whose image is not open yet. Its thread sends heartbeats.
#[derive(Clone)]
pub(crate) struct ClaimedLog {
    /// `None` once the image has it, or after it was given up.
    shipper: Arc<Mutex<Option<Shipper>>>,
}

impl ClaimedLog {
    pub(crate) fn new(shipper: Shipper) -> ClaimedLog {
        ClaimedLog { shipper: Arc::new(Mutex::new(Some(shipper))) }
    }

    /// Ends the heartbeats, and releases the directory for other shippers, because the opening failed. The claim stays in the log.
    pub(crate) fn give_up(&self) {
        let shipper = self.shipper.lock().take();
        drop(shipper);
    }
}

impl Claimed for ClaimedLog {
    fn start(self: Box<Self>, owner: OwnerJournal) -> Result<Box<dyn Shipping>, Error> {
        let given_up = || failure(ErrorKind::Replication, "the claim of the log was given up");
        let shipper = self.shipper.lock().take().ok_or_else(given_up)?;
        shipper.ship(JournalSource::Owner(owner))?;
        Ok(Box::new(shipper))
    }
}

impl Replicate for ClaimedLog {
    fn claim(self: Box<Self>, _: &LockedDirectory, _: Acknowledge) -> Result<Box<dyn Claimed>, Error> {
        Ok(self)
    }
}
