//! The part of a standby that its clones and its thread share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use memimage::replication::{Acknowledge, JournalCopy};
use memimage::{Error, ErrorKind, Follower, Model, Seq};
use parking_lot::{Condvar, Mutex};

use super::beginning::{self, BegunCopy};
use super::divergence::SetAside;
use super::{Lag, StandbyOptions};
use crate::failure::failure;
use crate::log::Log;
use crate::log_reader::{LogReader, LogTail};

pub(super) struct Shared<M: Model> {
    pub(super) log: Log,
    pub(super) path: PathBuf,
    pub(super) acknowledge: Acknowledge,
    pub(super) set_aside: Option<SetAside>,
    /// `None` while and after the standby is promoted.
    follower: Mutex<Option<Follower<M>>>,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
    /// The copy and its reader. The thread holds them while it reads.
    pub(super) copying: Mutex<Option<Copying>>,
    pub(super) progress: Mutex<Progress>,
    pub(super) changed: Condvar,
}

/// The copy of the journal, and the reader of the log.
pub(super) struct Copying {
    pub(super) copy: JournalCopy,
    pub(super) reader: LogReader,
    pub(super) tail: LogTail,
}

/// How far the copy is, and what is known about the owner.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// The last event of the copy.
    pub(super) copied: Seq,
    /// When the log was last read up to its end.
    pub(super) at_end: Instant,
    /// When the present series of successful reads began.
    pub(super) reading_since: Instant,
    /// When a new entry was last read.
    pub(super) last_entry: Instant,
    /// The number of claims that were read.
    pub(super) term: u64,
    /// How often the owner sends an entry, in milliseconds; 0 if it does not.
    pub(super) lease_ms: u64,
    pub(super) is_stopping: bool,
    /// Why the log cannot be trusted: it no longer has the last entry that was verified.
    pub(super) lost: Option<Error>,
    /// Why every call fails, if so.
    pub(super) ended: Option<Error>,
}

impl<M: Model> Shared<M> {
    pub(super) fn open(options: StandbyOptions<M>, log: Log, path: PathBuf) -> Result<Arc<Shared<M>>, Error> {
        let StandbyOptions { options, acknowledge, sets_aside, wait } = options;
        let BegunCopy { copy, reader, tail, set_aside } = beginning::begin(&log.engine, &path, sets_aside, wait)?;
        beginning::remove_download(&path);
        let follower = options.follow(&path)?;
        follower.wait(copy.end().seq)?;
        let now = Instant::now();
        let progress = Progress {
            copied: copy.end().seq,
            at_end: now,
            reading_since: now,
            last_entry: now,
            term: tail.header.term,
            lease_ms: tail.header.lease_ms,
            is_stopping: false,
            lost: None,
            ended: None,
        };
        let shared = Arc::new(Shared {
            log,
            path,
            acknowledge,
            set_aside,
            follower: Mutex::new(Some(follower)),
            thread: Mutex::new(None),
            copying: Mutex::new(Some(Copying { copy, reader, tail })),
            progress: Mutex::new(progress),
            changed: Condvar::new(),
        });
        shared.start()?;
        Ok(shared)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A handle on the follower.
    pub(super) fn follower(&self) -> Result<Follower<M>, Error> {
        self.follower.lock().clone().ok_or_else(|| self.promoted())
    }

    pub(super) fn take_follower(&self) -> Option<Follower<M>> {
        self.follower.lock().take()
    }

    pub(super) fn put_follower(&self, follower: Follower<M>) {
        *self.follower.lock() = Some(follower);
    }

    pub(super) fn promoted(&self) -> Error {
        failure(
            ErrorKind::Closed,
            format!("the standby in `{}` was promoted, or is being promoted", self.path.display()),
        )
    }

    pub(super) fn seq(&self) -> Seq {
        self.follower.lock().as_ref().map_or(Seq::ZERO, Follower::seq)
    }

    pub(super) fn refuse_if_ended(&self) -> Result<(), Error> {
        self.progress.lock().ended.clone().map_or(Ok(()), Err)
    }

    pub(super) fn lag(&self) -> Result<Lag, Error> {
        let follower = self.follower()?;
        let progress = self.progress.lock();
        match progress.ended.as_ref().or(progress.lost.as_ref()) {
            Some(error) => Err(error.clone()),
            None => Ok(Lag {
                events: progress.copied.get().saturating_sub(follower.seq().get()),
                time: progress.at_end.elapsed(),
            }),
        }
    }

    /// Makes every call fail with `error` from now on.
    pub(super) fn end(&self, error: Error) {
        self.progress.lock().ended.get_or_insert(error);
        self.changed.notify_all();
    }

    /// Sleeps for this long, or until the thread is to end. Returns whether it is to end.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let mut progress = self.progress.lock();
        if !progress.is_stopping {
            self.changed.wait_while_for(&mut progress, |progress| !progress.is_stopping, pause);
        }
        progress.is_stopping
    }

    /// Ends the thread, and waits for its end.
    pub(super) fn stop_thread(&self) {
        self.progress.lock().is_stopping = true;
        self.changed.notify_all();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // the thread has reported its error
            let _ = thread.join();
        }
    }
}
