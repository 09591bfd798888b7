//! A ledger in use on a disk that fails, and what it must say of it.

use std::sync::Arc;

use memimage::admin::Rewrite;
use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, ErrorKind, Image, Pending, Retention};
use memimage_tests::{Ledger, LedgerCommands, LedgerDeposit, Run};

use crate::oracle::{Change, Truth};

pub(crate) const LEDGER: &str = "/ledger";
pub(crate) const REWRITTEN: &str = "/rewritten";

/// How images are opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) durability: Durability,
    pub(crate) retention: Retention,
}

impl Mode {
    pub(crate) fn open(self, disk: &SimDisk, path: &str) -> Result<Image<Ledger>, Error> {
        Run::options(self.durability, 512).retention(self.retention).open_with(Arc::new(disk.clone()), path)
    }

    /// Then it cannot be rewritten.
    pub(crate) fn prunes(self) -> bool {
        self.retention != Retention::Everything
    }

    pub(crate) fn rewrite(self, disk: &SimDisk) -> Result<(), Error> {
        let rewrite = Rewrite::<Ledger>::new().segment_bytes(16 << 10);
        rewrite.run_with(Arc::new(disk.clone()), LEDGER, REWRITTEN).map(drop)
    }
}

/// How a session ends early.
pub(crate) enum Stop {
    /// The image can do no more; the rest is for recovery.
    Dead,
    /// It did what it must not.
    Wrong(String),
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop::Wrong(why)
    }
}

/// A ledger in use. What fails without poisoning it is tried once more, and must succeed if the disk fails but once.
pub(crate) struct Session<'a> {
    pub(crate) disk: &'a SimDisk,
    pub(crate) mode: Mode,
    /// The disk fails once and then no more.
    pub(crate) once: bool,
    pub(crate) truth: Truth,
}

impl Session<'_> {
    /// All that an image can be asked for.
    pub(crate) fn run(&mut self) -> Result<(), Stop> {
        let image = self.open()?;
        for amount in 0..3 {
            self.change(&image, Change::Deposit(1, 10 + amount))?;
        }
        self.change(&image, Change::Settle(2, 5))?;
        self.submit(&image)?;
        self.change(&image, Change::File(9_000))?;
        self.change(&image, Change::File(9_000))?;
        self.snapshot(&image)?;
        self.explode(&image)?;
        self.change(&image, Change::File(9_000))?;
        self.snapshot(&image)?;
        self.change(&image, Change::File(9_000))?;
        self.snapshot(&image)?;
        self.sync(&image)?;
        self.change(&image, Change::Deposit(3, 1))?;
        self.close(image)?;
        let image = self.open()?;
        self.change(&image, Change::Deposit(3, 2))?;
        self.close(image)?;
        match self.mode.prunes() {
            true => Ok(()),
            false => self.rewrite(),
        }
    }

    fn open(&mut self) -> Result<Image<Ledger>, Stop> {
        let opened = self.again("opening", |session| session.mode.open(session.disk, LEDGER))?;
        match opened.read_uncommitted().map(|found| self.truth.judged(&opened, &found, self.truth.answered)) {
            Ok(judged) => judged?,
            Err(error) => self.poisoned(&opened, &error)?,
        }
        Ok(opened)
    }

    fn change(&mut self, image: &Image<Ledger>, change: Change) -> Result<(), Stop> {
        self.truth.executed(change);
        let event = self.truth.executed_so_far();
        for attempt in 0..2 {
            let done = change.through(image);
            if done.is_ok() {
                self.truth.answered(event);
                self.truth.said(image);
                self.shows(image)?;
                return Ok(());
            }
            let error = done.expect_err("it is not well");
            if !error.is_outcome_unknown() {
                self.truth.not_recorded(event)?;
            }
            self.poisoned(image, &error)?;
            // never executed, so it can be tried again
            self.shows(image)?;
            self.may_fail_again(attempt, &error)?;
            self.truth.executed(change);
        }
        Err(Stop::Dead)
    }

    /// Several at once, waited for afterwards.
    fn submit(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        let mut pending: Vec<(usize, Pending<i64, Error>)> = Vec::new();
        let mut refused = None;
        for amount in 0..3 {
            match image.submit(LedgerDeposit { account: 4, amount }) {
                Ok(one) => {
                    self.truth.executed(Change::Deposit(4, amount));
                    pending.push((self.truth.executed_so_far(), one));
                }
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        for (event, one) in pending {
            match one.wait() {
                Ok(_) => self.truth.answered(event),
                Err(error) if error.is_outcome_unknown() => refused = Some(error),
                Err(error) => {
                    if event <= self.truth.executed_so_far() {
                        self.truth.not_recorded(event)?;
                    }
                    refused = Some(error);
                }
            }
        }
        self.truth.said(image);
        match refused {
            Some(error) => self.poisoned(image, &error),
            None => Ok(()),
        }
    }

    /// A body that panics: the model is rebuilt from disk.
    fn explode(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        let error = image.explode(1).expect_err("it explodes");
        if error.kind() == ErrorKind::Panicked {
            self.truth.said(image);
            return self.shows(image);
        }
        self.poisoned(image, &error)?;
        // refused before it was run
        self.shows(image)
    }

    fn snapshot(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        for attempt in 0..2 {
            let Err(error) = image.admin().snapshot() else {
                self.truth.said(image);
                return Ok(());
            };
            self.poisoned(image, &error)?;
            self.shows(image)?;
            if self.may_fail_again(attempt, &error).is_err() {
                // an image goes on without
                return Ok(());
            }
        }
        Ok(())
    }

    fn sync(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        match image.journal().sync() {
            Ok(()) => {
                self.truth.answered(self.truth.executed_so_far());
                self.truth.said(image);
                match self.truth.durable == self.truth.executed_so_far() {
                    true => Ok(()),
                    false => Err(Stop::Wrong("it is synced, and not durable".to_owned())),
                }
            }
            Err(error) if error.is_poisoned() => self.poisoned(image, &error),
            Err(error) => Err(Stop::Wrong(format!("a sync failed without poisoning: {error}"))),
        }
    }

    fn close(&mut self, image: Image<Ledger>) -> Result<(), Stop> {
        match Image::close(image) {
            Ok(()) => {
                self.truth.durable = self.truth.executed_so_far();
                Ok(())
            }
            // it is closed all the same
            Err(_) => Ok(()),
        }
    }

    fn rewrite(&mut self) -> Result<(), Stop> {
        self.again("rewriting", |session| match session.mode.rewrite(session.disk) {
            // the very last step had failed
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                session.mode.open(session.disk, REWRITTEN).map(drop)
            }
            done => done,
        })
    }

    /// Does something that leaves no image behind when it fails.
    fn again<T>(&mut self, what: &str, act: impl Fn(&Self) -> Result<T, Error>) -> Result<T, Stop> {
        for attempt in 0..2 {
            match act(self) {
                Ok(done) => return Ok(done),
                // if no state at all can be read, that is damage as far as can be seen
                Err(error)
                    if error.kind() == ErrorKind::Panicked
                        || error.kind() == ErrorKind::Locked
                        || error.kind() == ErrorKind::Corrupt && self.once =>
                {
                    return Err(Stop::Wrong(format!("{what}: {error}")));
                }
                Err(error) => self.may_fail_again(attempt, &error).map_err(|stop| match stop {
                    Stop::Wrong(why) => Stop::Wrong(format!("{what}: {why}")),
                    Stop::Dead => Stop::Dead,
                })?,
            }
        }
        Err(Stop::Dead)
    }

    /// What failed is tried again; after a disk that fails but once, not twice.
    fn may_fail_again(&self, attempt: u32, error: &Error) -> Result<(), Stop> {
        match (self.once, attempt) {
            (true, 1) => Err(Stop::Wrong(format!("it failed again, on a disk that is well: {error}"))),
            (false, 1) => Err(Stop::Dead),
            _ => Ok(()),
        }
    }

    /// The running image shows the newest state, unless a sync in the background has poisoned it.
    fn shows(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        let shown = image.read_uncommitted().map(|shown| self.truth.is_newest(&shown));
        match shown {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::Wrong("the running image shows another state than what was executed".to_owned())),
            Err(error) => self.poisoned(image, &error),
        }
    }

    /// Goes on if the image is well. If it is not, it must refuse all that it would have to know for.
    fn poisoned(&mut self, image: &Image<Ledger>, error: &Error) -> Result<(), Stop> {
        self.truth.said(image);
        if !error.is_poisoned() {
            return match error.is_outcome_unknown() {
                true => Err(Stop::Wrong(format!("the outcome is unknown, and it is not poisoned: {error}"))),
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
                other => return Err(Stop::Wrong(format!("poisoned by {error}, and {what} says {other:?}"))),
            }
        }
        Err(Stop::Dead)
    }
}

/// Whether anything is below a path.
pub(crate) fn is_there(disk: &SimDisk, path: &str) -> bool {
    disk.kind(path.as_ref()).is_ok_and(|kind| kind.is_some())
}
