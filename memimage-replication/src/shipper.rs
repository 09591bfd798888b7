//! The thread that ships a journal: it reads what the owner has written, and appends it to the log.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use memimage::replication::{Acknowledge, Piece, PieceReader, Shipping, Sought};
use memimage::{Error, ErrorKind, Seq};
use parking_lot::Mutex;

use crate::appender::{Appender, Attempt};
use crate::entry::{Content, OVERHEAD};
use crate::failure::{can_heal, failure, fenced, log_failed};
use crate::journal_source::JournalSource;
use crate::log::Log;
use crate::log_error::LogError;
use crate::pauses::Pauses;
use crate::planted::{Bug, planted};
use crate::segment_starts::SegmentStarts;
use crate::shipping_lock::ShippingLock;
use crate::snapshot_shipper::SnapshotShipper;

/// How long an owner with `Acknowledge::Local` gathers frames, unless the program says otherwise.
const GATHER: Duration = Duration::from_millis(20);
/// How long a close waits until the rest of the journal is in the log.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// The longest wait for more to ship.
const IDLE: Duration = Duration::from_secs(1);
/// The longest entry, whatever the engine accepts, in bytes.
const ENTRY_BYTES_MAX: usize = 8 << 20;

/// A running shipper. It begins when the log is claimed, and sends heartbeats until the image is open.
pub(crate) struct Shipper {
    owners: Sender<JournalSource>,
    thread: Option<JoinHandle<Result<(), Error>>>,
    stop: Arc<Mutex<Option<Instant>>>,
    log: Log,
}

impl Shipper {
    /// Starts the thread. `appender` has claimed the log. The thread holds the lock until it ends.
    pub(crate) fn start(
        log: Log,
        appender: Appender,
        lock: ShippingLock,
        acknowledge: Acknowledge,
    ) -> Result<Shipper, Error> {
        let (owners, received) = channel();
        let stop = Arc::new(Mutex::new(None));
        log.status.begin();
        let (position, term) = (appender.header().position, appender.header().term);
        log.status.update(|status| {
            (status.position, status.term, status.shipped) = (position, term, appender.point().seq);
        });
        let thread = ShippingThread {
            address: log.address().to_owned(),
            entry_bytes: log.engine.entry_bytes_max().min(ENTRY_BYTES_MAX),
            log: log.clone(),
            appender,
            acknowledge,
            stop: Arc::clone(&stop),
            starts: SegmentStarts::default(),
            last_append: Instant::now(),
            _lock: lock,
        };
        let spawned = std::thread::Builder::new()
            .name("memimage-shipper".to_owned())
            .spawn(move || thread.run(&received))
            .map_err(|error| {
                failure(ErrorKind::Replication, format!("the thread that ships the journal cannot be started: {error}"))
            })?;
        Ok(Shipper { owners, thread: Some(spawned), stop, log })
    }

    /// Begins to ship the journal of the image, which is open now.
    pub(crate) fn ship(&self, owner: JournalSource) -> Result<(), Error> {
        self.log.status.set_owner(owner.clone())?;
        let sent = self.owners.send(owner);
        // the thread may have ended after it was sent: it reports its end first, and then looks for owners once more
        match (sent, self.log.status.ended()) {
            (Ok(()), None) => Ok(()),
            (_, Some(error)) => Err(error),
            (Err(_), None) => {
                Err(failure(ErrorKind::Replication, format!("the shipping to `{}` has ended", self.log.address())))
            }
        }
    }
}

impl Shipping for Shipper {
    fn stop(mut self: Box<Self>) -> Result<(), Error> {
        *self.stop.lock() = Some(Instant::now() + CLOSE_LIMIT);
        self.join()
    }
}

impl Shipper {
    /// Waits for the end of the thread. Returns why the log does not have everything.
    fn join(&mut self) -> Result<(), Error> {
        if let Some(owner) = self.log.status.owner() {
            owner.wake();
        }
        let thread = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id());
        let panicked = |_| Err(failure(ErrorKind::Replication, "the thread that ships the journal has panicked"));
        thread.map_or(Ok(()), |thread| thread.join().unwrap_or_else(panicked))
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        // a shipper that was not stopped ships nothing more
        self.stop.lock().get_or_insert_with(Instant::now);
        let (closed, _) = channel();
        self.owners = closed;
        // the thread reports its own errors
        let _ = self.join();
    }
}

struct ShippingThread {
    address: String,
    /// The longest entry, in bytes.
    entry_bytes: usize,
    log: Log,
    appender: Appender,
    acknowledge: Acknowledge,
    /// When the thread must end, whatever is left to ship.
    stop: Arc<Mutex<Option<Instant>>>,
    starts: SegmentStarts,
    last_append: Instant,
    _lock: ShippingLock,
}

/// Why the thread ends.
enum End {
    /// The time of a close was over, or the claim was given up.
    Stopped,
    Failed(Error),
}

impl ShippingThread {
    /// Returns why the log does not have everything.
    fn run(mut self, owners: &Receiver<JournalSource>) -> Result<(), Error> {
        let owner = match self.wait_for_owner(owners) {
            Ok(Some(owner)) => owner,
            Ok(None) => {
                self.log.status.end(None);
                return Ok(());
            }
            Err(error) => {
                self.log.status.end(Some(error.clone()));
                // an owner that was handed over meanwhile must not wait for a thread that has ended
                owners.try_iter().for_each(|owner| owner.fail(&error));
                return Err(error);
            }
        };
        let mut snapshots = None;
        // without this thread nothing is acknowledged, so a panic poisons the image
        let shipped = catch_unwind(AssertUnwindSafe(|| self.ship(&owner, &mut snapshots))).unwrap_or_else(|_| {
            let what = "the thread that ships the journal has panicked";
            Err(End::Failed(failure(ErrorKind::Replication, what)))
        });
        let (end, shipped) = match shipped {
            Ok(()) => (None, Ok(())),
            Err(End::Stopped) => (None, Err(self.out_of_time())),
            Err(End::Failed(error)) => (Some(error.clone()), Err(error)),
        };
        if let Some(error) = &end {
            tracing::error!(%error, "the shipping of the journal ended");
            owner.fail(error);
        }
        self.log.status.end(end);
        // may take as long as a call on the log does
        drop(snapshots);
        shipped
    }

    /// The cause of a rest that is not in the log.
    fn out_of_time(&self) -> Error {
        let why = self.log.status.get().failure.unwrap_or_else(|| "it was too slow".to_owned());
        let message = format!("the log `{}` did not get everything within {CLOSE_LIMIT:?}: {why}", self.address);
        failure(ErrorKind::Replication, message)
    }

    /// Sends heartbeats until the image is open; `None` if the claim is given up.
    fn wait_for_owner(&mut self, owners: &Receiver<JournalSource>) -> Result<Option<JournalSource>, Error> {
        loop {
            let pause = self.until_heartbeat().unwrap_or(IDLE);
            match owners.recv_timeout(pause) {
                Ok(owner) => return Ok(Some(owner)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.stop.lock().is_some() {
                return Ok(None);
            }
            match self.heartbeat_if_due() {
                Err(End::Failed(error)) => return Err(error),
                Err(End::Stopped) => return Ok(None),
                Ok(()) => {}
            }
        }
    }

    /// Ships the journal until the image is closed, and then the rest of it.
    fn ship(&mut self, owner: &JournalSource, snapshots: &mut Option<SnapshotShipper>) -> Result<(), End> {
        let mut pauses = Pauses::default();
        let mut reader = loop {
            match self.reader(owner) {
                Ok(reader) => break reader,
                Err(error) => self.pause_reading(owner, error, &mut pauses)?,
            }
        };
        owner.shipped(self.appender.point().seq);
        *snapshots = Some(SnapshotShipper::start(&self.log, owner, reader.image(), &self.starts));
        let is_local = !matches!(self.acknowledge, Acknowledge::Remote);
        let gather = self.log.settings.gather.unwrap_or(if is_local { GATHER } else { Duration::ZERO });
        let mut seen = 0;
        loop {
            if self.stop.lock().is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(End::Stopped);
            }
            // read before the journal: what is written later is announced by another number
            let number = owner.wait(seen, Duration::ZERO);
            let is_closed = owner.is_closed();
            let next = reader.next(owner.limit(), self.entry_bytes - OVERHEAD);
            if next.is_ok() && !pauses.total().is_zero() {
                tracing::info!("the journal can be read again");
                self.log.status.update(|status| status.failure = None);
                pauses = Pauses::default();
            }
            match next {
                Ok(Some(piece)) => self.append_piece(owner, piece)?,
                // a poisoned image sends no heartbeats, so that a standby takes over
                Ok(None) if is_closed => return self.verify_last(),
                Ok(None) => {
                    self.heartbeat_if_due()?;
                    if seen == number {
                        let pause = self.until_heartbeat().unwrap_or(IDLE).min(IDLE);
                        owner.wait(number, pause);
                        if !gather.is_zero() && !owner.is_closed() && self.stop.lock().is_none() {
                            std::thread::sleep(gather);
                        }
                    }
                    seen = number;
                }
                Err(error) => self.pause_reading(owner, error, &mut pauses)?,
            }
        }
    }

    /// Verifies at the end that the log still has what it has acknowledged. A log that does not answer in time is no error: it has acknowledged
    /// all events.
    fn verify_last(&self) -> Result<(), End> {
        let deadline = self.stop.lock().unwrap_or_else(|| Instant::now() + CLOSE_LIMIT);
        let last = self.appender.last();
        let (answer, answers) = channel();
        // a thread of its own, because a call on a log that cannot be reached may take longer than a close may
        let spawned = std::thread::Builder::new().name("memimage-last-entry".to_owned()).spawn(move || {
            // nobody waits for an answer that comes too late
            let _ = answer.send(last.verify());
        });
        let rest = deadline.saturating_duration_since(Instant::now());
        match spawned.map(|_| answers.recv_timeout(rest)) {
            Ok(Ok(Err(error))) if !error.is_unavailable() => Err(End::Failed(log_failed(&error))),
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "the log could not be asked for its last entry while the image was closed");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Waits before the journal is read again, if that can help. An owner that lives keeps its lease meanwhile.
    fn pause_reading(&mut self, owner: &JournalSource, error: Error, pauses: &mut Pauses) -> Result<(), End> {
        if !can_heal(&error) {
            return Err(End::Failed(error));
        }
        if self.stop.lock().is_some_and(|deadline| deadline <= Instant::now()) {
            tracing::warn!(%error, "the image is closed, and its journal could not be read: the rest of it is not shipped");
            return Err(End::Stopped);
        }
        tracing::warn!(%error, "the journal cannot be read, so nothing is shipped; it is tried again");
        self.log.status.update(|status| status.failure = Some(format!("the journal cannot be read: {error}")));
        let mut pause = pauses.next();
        if !owner.is_closed() {
            self.heartbeat_if_due()?;
            pause = pause.min(self.until_heartbeat().unwrap_or(IDLE));
        }
        std::thread::sleep(pause);
        Ok(())
    }

    /// A reader of the journal behind what the log has.
    fn reader(&mut self, owner: &JournalSource) -> Result<PieceReader, Error> {
        let mut reader = owner.reader()?;
        self.appender.set_image(reader.image());
        match reader.seek(&self.appender.point())? {
            Sought::Found => {
                self.starts.set_tail(self.appender.header(), &self.appender.point());
                Ok(reader)
            }
            Sought::Behind | Sought::Diverged => Err(failure(
                ErrorKind::Replaced,
                format!("the journal in `{}` does not continue that of `{}`", owner.path().display(), self.address),
            )),
        }
    }

    fn append_piece(&mut self, owner: &JournalSource, piece: Piece) -> Result<(), End> {
        let begins_segment = piece.head.start.offset == 0;
        let (start, before) = (piece.head.start, *self.appender.header());
        if planted(Bug::LeaseTrusted) {
            owner.shipped(piece.head.end.seq);
        }
        self.append(Content::Piece(piece))?;
        if begins_segment {
            self.starts.add(start.segment, before.position, before.previous, start.seq);
        }
        let seq = self.appender.point().seq;
        // before the callers get their answers: the status has what was acknowledged
        self.report(seq);
        owner.shipped(seq);
        Ok(())
    }

    fn report(&self, seq: Seq) {
        let position = self.appender.header().position;
        self.log.status.update(|status| {
            (status.shipped, status.position) = (seq, position);
            status.failure = None;
        });
    }

    /// How long it is until the next heartbeat; `None` if the owner has no lease.
    fn until_heartbeat(&self) -> Option<Duration> {
        let interval = self.log.settings.lease? / 3;
        Some(interval.saturating_sub(self.last_append.elapsed()))
    }

    fn heartbeat_if_due(&mut self) -> Result<(), End> {
        let is_due = self.until_heartbeat().is_some_and(|rest| rest.is_zero());
        match is_due || self.log.status.wants_confirmation() {
            true => self.append(self.appender.heartbeat()),
            false => Ok(()),
        }
    }

    /// Appends an entry. Tries again until it is known whether it is in the log.
    fn append(&mut self, content: Content) -> Result<(), End> {
        let asked = self.log.status.asked();
        let mut pauses = Pauses::default();
        let mut attempt = self.appender.append(content);
        loop {
            match attempt {
                Ok(Attempt::Done) => {
                    self.last_append = Instant::now();
                    self.log.status.confirmed(asked);
                    return Ok(());
                }
                Ok(Attempt::Fenced(fence)) => return Err(End::Failed(fenced(&self.address, &fence))),
                Err(error) if error.is_unavailable() => self.pause(&error, &mut pauses)?,
                Err(error) => return Err(End::Failed(log_failed(&error))),
            }
            attempt = self.appender.retry();
        }
    }

    /// Waits before the next attempt.
    fn pause(&self, error: &LogError, pauses: &mut Pauses) -> Result<(), End> {
        if self.stop.lock().is_some_and(|deadline| deadline <= Instant::now()) {
            tracing::warn!(%error, "the image is closed, and the log could not be reached: the rest of the journal is not shipped");
            return Err(End::Stopped);
        }
        tracing::warn!(%error, "an append to the log failed, or its outcome is unknown; it is tried again");
        self.log.status.update(|status| status.failure = Some(error.to_string()));
        std::thread::sleep(pauses.next());
        Ok(())
    }
}
