//! A session on a failing disk, which verifies each answer of the image.

use std::sync::Arc;

use memimage::admin::Rewrite;
use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, ErrorKind, Image, Options, Pending, Retention};
use memimage_tests::{Ledger, LedgerCommands, LedgerDeposit, Run};

use crate::oracle::{ExpectedHistory, LedgerChange};

pub(crate) const LEDGER: &str = "/ledger";
pub(crate) const REWRITTEN: &str = "/rewritten";

/// The options of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) durability: Durability,
    pub(crate) retention: Retention,
    pub(crate) segment_bytes: u64,
}

impl Mode {
    pub(crate) fn open(self, disk: &SimDisk, path: &str) -> Result<Image<Ledger>, Error> {
        self.options().open_with(Arc::new(disk.clone()), path)
    }

    pub(crate) fn options(self) -> Options<Ledger> {
        Run::options(self.durability, 512).retention(self.retention).segment_bytes(self.segment_bytes)
    }

    /// Whether the journal is pruned. Such an image cannot be rewritten.
    pub(crate) fn prunes(self) -> bool {
        self.retention != Retention::Everything
    }

    pub(crate) fn rewrite(self, disk: &SimDisk) -> Result<(), Error> {
        let rewrite = Rewrite::<Ledger>::new().segment_bytes(16 << 10);
        rewrite.run_with(Arc::new(disk.clone()), LEDGER, REWRITTEN).map(drop)
    }
}

/// Why a session ends early.
pub(crate) enum Stop {
    /// The image is unusable until it is reopened.
    Unusable,
    /// The library violated a promise.
    Bug(String),
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop::Bug(why)
    }
}

/// A ledger in use. An operation that fails without poisoning the image is retried once, and must then succeed if the disk fails
/// only once.
pub(crate) struct Session<'a> {
    pub(crate) disk: &'a SimDisk,
    pub(crate) mode: Mode,
    /// Whether the disk fails only once.
    pub(crate) once: bool,
    pub(crate) history: ExpectedHistory,
}

impl Session<'_> {
    /// Uses all functions of an image.
    pub(crate) fn run(&mut self) -> Result<(), Stop> {
        let image = self.open()?;
        for amount in 0..3 {
            self.change(&image, LedgerChange::Deposit(1, 10 + amount))?;
        }
        self.change(&image, LedgerChange::Settle(2, 5))?;
        self.submit(&image)?;
        self.change(&image, LedgerChange::File(9_000))?;
        self.change(&image, LedgerChange::File(9_000))?;
        self.snapshot(&image)?;
        self.explode(&image)?;
        self.change(&image, LedgerChange::File(9_000))?;
        self.snapshot(&image)?;
        self.change(&image, LedgerChange::File(9_000))?;
        self.snapshot(&image)?;
        self.sync(&image)?;
        self.change(&image, LedgerChange::Deposit(3, 1))?;
        self.close(image)?;
        let image = self.open()?;
        self.change(&image, LedgerChange::Deposit(3, 2))?;
        self.close(image)?;
        match self.mode.prunes() {
            true => Ok(()),
            false => self.rewrite(),
        }
    }

    pub(crate) fn open(&mut self) -> Result<Image<Ledger>, Stop> {
        let opened = self.retry("opening", |session| session.mode.open(session.disk, LEDGER))?;
        match opened.read_uncommitted().map(|found| self.history.check(&opened, &found, self.history.acknowledged)) {
            Ok(checked) => checked?,
            Err(error) => self.check_error(&opened, &error)?,
        }
        Ok(opened)
    }

    pub(crate) fn change(&mut self, image: &Image<Ledger>, change: LedgerChange) -> Result<(), Stop> {
        self.history.record(change);
        let event = self.history.executed();
        for attempt in 0..2 {
            let done = change.execute(image);
            if done.is_ok() {
                self.history.acknowledge(event);
                self.history.read_durable_seq(image);
                self.check_state(image)?;
                return Ok(());
            }
            let error = done.expect_err("the result is an error");
            if !error.is_outcome_unknown() {
                self.history.not_recorded(event)?;
            }
            self.check_error(image, &error)?;
            // the command was not executed, so it can be retried
            self.check_state(image)?;
            self.check_retry(attempt, &error)?;
            self.history.record(change);
        }
        Err(Stop::Unusable)
    }

    /// Submits several commands before it waits for their answers.
    fn submit(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        let mut pending: Vec<(usize, Pending<i64, Error>)> = Vec::new();
        let mut refused = None;
        for amount in 0..3 {
            match image.submit(LedgerDeposit { account: 4, amount }) {
                Ok(one) => {
                    self.history.record(LedgerChange::Deposit(4, amount));
                    pending.push((self.history.executed(), one));
                }
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        for (event, one) in pending {
            match one.wait() {
                Ok(_) => self.history.acknowledge(event),
                Err(error) if error.is_outcome_unknown() => refused = Some(error),
                Err(error) => {
                    if event <= self.history.executed() {
                        self.history.not_recorded(event)?;
                    }
                    refused = Some(error);
                }
            }
        }
        self.history.read_durable_seq(image);
        match refused {
            Some(error) => self.check_error(image, &error),
            None => Ok(()),
        }
    }

    /// Runs a command whose body panics, after which the model is rebuilt from disk.
    fn explode(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        let error = image.explode(1).expect_err("the body panics");
        if error.kind() == ErrorKind::Panicked {
            self.history.read_durable_seq(image);
            return self.check_state(image);
        }
        self.check_error(image, &error)?;
        // the command was refused before it ran
        self.check_state(image)
    }

    fn snapshot(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        for attempt in 0..2 {
            let Err(error) = image.admin().snapshot() else {
                self.history.read_durable_seq(image);
                return Ok(());
            };
            self.check_error(image, &error)?;
            self.check_state(image)?;
            if self.check_retry(attempt, &error).is_err() {
                // the image does not need the snapshot
                return Ok(());
            }
        }
        Ok(())
    }

    pub(crate) fn sync(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        match image.journal().sync() {
            Ok(()) => {
                self.history.acknowledge(self.history.executed());
                self.history.read_durable_seq(image);
                match self.history.durable == self.history.executed() {
                    true => Ok(()),
                    false => Err(Stop::Bug("all events are synced, but not reported as durable".to_owned())),
                }
            }
            Err(error) if error.is_poisoned() => self.check_error(image, &error),
            Err(error) => Err(Stop::Bug(format!("a sync failed without poisoning: {error}"))),
        }
    }

    pub(crate) fn close(&mut self, image: Image<Ledger>) -> Result<(), Stop> {
        match Image::close(image) {
            Ok(()) => {
                self.history.durable = self.history.executed();
                Ok(())
            }
            // the image is closed nevertheless
            Err(_) => Ok(()),
        }
    }

    fn rewrite(&mut self) -> Result<(), Stop> {
        self.retry("rewriting", |session| match session.mode.rewrite(session.disk) {
            // only the last step of the first attempt had failed
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                session.mode.open(session.disk, REWRITTEN).map(drop)
            }
            done => done,
        })
    }

    /// Runs an operation that leaves no open image when it fails, and retries it once.
    fn retry<T>(&mut self, what: &str, operation: impl Fn(&Self) -> Result<T, Error>) -> Result<T, Stop> {
        for attempt in 0..2 {
            match operation(self) {
                Ok(done) => return Ok(done),
                // on a disk that keeps failing, unreadable states cannot be distinguished from damage
                Err(error)
                    if error.kind() == ErrorKind::Panicked
                        || error.kind() == ErrorKind::Locked
                        || error.kind() == ErrorKind::Corrupt && self.once =>
                {
                    return Err(Stop::Bug(format!("{what}: {error}")));
                }
                Err(error) => self.check_retry(attempt, &error).map_err(|stop| match stop {
                    Stop::Bug(why) => Stop::Bug(format!("{what}: {why}")),
                    Stop::Unusable => Stop::Unusable,
                })?,
            }
        }
        Err(Stop::Unusable)
    }

    /// Decides whether an operation is retried. On a disk that fails only once, the retry must not fail.
    pub(crate) fn check_retry(&self, attempt: u32, error: &Error) -> Result<(), Stop> {
        match (self.once, attempt) {
            (true, 1) => Err(Stop::Bug(format!("the retry failed on a disk without faults: {error}"))),
            (false, 1) => Err(Stop::Unusable),
            _ => Ok(()),
        }
    }

    /// Verifies that the image has the newest state, unless a background sync has poisoned it.
    pub(crate) fn check_state(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        let is_newest = image.read_uncommitted().map(|found| self.history.is_newest(&found));
        match is_newest {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::Bug("the state of the running image is wrong".to_owned())),
            Err(error) => self.check_error(image, &error),
        }
    }

    /// Verifies the state of the image after an error. A poisoned image must refuse all operations, and ends the session.
    pub(crate) fn check_error(&mut self, image: &Image<Ledger>, error: &Error) -> Result<(), Stop> {
        self.history.read_durable_seq(image);
        if !error.is_poisoned() {
            return match error.is_outcome_unknown() {
                true => Err(Stop::Bug(format!("the outcome is unknown, but the image is not poisoned: {error}"))),
                false => Ok(()),
            };
        }
        let refusals = [
            ("a command", image.deposit(1, 1).err()),
            ("read", image.read_uncommitted().err()),
            ("query", image.query(|_| ()).err()),
            ("sync", image.journal().sync().err()),
            ("snapshot", image.admin().snapshot().err()),
        ];
        for (what, refusal) in refusals {
            match refusal {
                Some(refusal) if refusal.is_poisoned() => {}
                other => {
                    return Err(Stop::Bug(format!("the image is poisoned by {error}, but {what} returned {other:?}")));
                }
            }
        }
        Err(Stop::Unusable)
    }
}

/// Whether the path exists.
pub(crate) fn exists(disk: &SimDisk, path: &str) -> bool {
    disk.kind(path.as_ref()).is_ok_and(|kind| kind.is_some())
}
