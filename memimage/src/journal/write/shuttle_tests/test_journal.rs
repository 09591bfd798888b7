//! A group commit on an in-memory disk that can fail.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex as Plain};

use shuttle::thread;

use super::WIDE;
use crate::context::{Metadata, Timestamp};
use crate::error::Error;
use crate::journal::format::record::EventId;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::write::batch::{Batch, OpenBatch};
use crate::journal::write::commit::{BatchLimits, BatchWriter, Commit};
use crate::journal::write::durability::Durability;
use crate::journal::write::space_reservation::{FramePosition, SpaceReservation};
use crate::journal::write::ticket::Ticket;
use crate::outcome::Outcome;
use crate::seq::{SegmentId, Seq};
use crate::sync::{refuse_threads, reset_clock};

/// The operations that reached the in-memory disk.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) written: u64,
    pub(super) synced: u64,
    /// The seqs of events whose write or sync failed.
    pub(super) unknown: BTreeSet<u64>,
    pub(super) operations: usize,
    pub(super) failed: bool,
    /// Whether the watermark is kept open.
    pub(super) is_open: bool,
}

/// An in-memory disk. If `fails_at` is `Some(n)`, the disk fails at its n-th operation.
pub(super) struct InMemoryWriter {
    log: Arc<Plain<Log>>,
    fails_at: Option<usize>,
    durability: Durability,
}

impl InMemoryWriter {
    fn operation(&mut self) -> Result<std::sync::MutexGuard<'_, Log>, Error> {
        // other threads may run while a disk operation takes its time
        thread::yield_now();
        let mut log = self.log.lock().unwrap();
        assert!(!log.failed, "a failed disk receives no more operations");
        log.operations += 1;
        if self.fails_at == Some(log.operations) {
            log.failed = true;
            return Err(Error::io("writing", Path::new("memory"), io::Error::other("planned")));
        }
        Ok(log)
    }
}

impl BatchWriter for InMemoryWriter {
    fn write(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let synced_first = self.durability == Durability::Synced;
        let log = Arc::clone(&self.log);
        let mut log = match self.operation() {
            Ok(log) => log,
            Err(error) => {
                log.lock().unwrap().unknown.extend(batch.first_seq.get()..=batch.last_seq().get());
                return Err(error);
            }
        };
        assert_eq!(batch.first_seq.get(), log.written + 1, "batches arrive in order, each exactly once");
        assert!(!synced_first || log.synced == log.written, "the previous batch is synced before the next is written");
        log.written = batch.last_seq().get();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        let log = Arc::clone(&self.log);
        match self.operation() {
            Ok(mut log) => {
                log.synced = log.written;
                Ok(())
            }
            Err(error) => {
                let mut log = log.lock().unwrap();
                let unknown = log.synced + 1..=log.written;
                log.unknown.extend(unknown);
                Err(error)
            }
        }
    }

    fn durable(&self) -> Seq {
        Seq::new(self.log.lock().unwrap().synced)
    }

    fn write_watermark(&mut self, keep_open: bool) -> Result<(), Error> {
        self.operation()?.is_open = keep_open;
        Ok(())
    }

    fn rest(&mut self) {
        self.log.lock().unwrap().is_open = false;
    }

    fn root(&self) -> &Path {
        Path::new("memory")
    }
}

/// A group commit and its in-memory disk.
#[derive(Clone)]
pub(super) struct TestJournal {
    pub(super) commit: Arc<Commit<InMemoryWriter>>,
    pub(super) log: Arc<Plain<Log>>,
    pub(super) durability: Durability,
}

/// A command that was executed.
pub(super) struct Executed {
    pub(super) seq: u64,
    pub(super) ticket: Arc<Ticket>,
}

impl TestJournal {
    pub(super) fn start(durability: Durability, limits: BatchLimits, fails_at: Option<usize>) -> TestJournal {
        reset_clock();
        refuse_threads(false);
        let log = Arc::new(Plain::new(Log::default()));
        let writer = InMemoryWriter { log: Arc::clone(&log), fails_at, durability };
        let position = FramePosition { segment: SegmentId::FIRST, offset: SEGMENT_HEADER as u64 };
        let reservation = SpaceReservation::new(position, 1 << 40, 0, 80, 9);
        let commit = Commit::new(writer, durability, limits, Arc::default(), |leader| {
            OpenBatch::new(Seq::new(1), Timestamp::from_micros(0), reservation, 0, leader)
        });
        TestJournal { commit, log, durability }
    }

    pub(super) fn healthy(durability: Durability) -> TestJournal {
        TestJournal::start(durability, WIDE, None)
    }

    /// Executes a command in the same steps as an image.
    pub(super) fn execute(&self, linger: bool) -> Result<Executed, Error> {
        let mut open = self.commit.open();
        if let Some(error) = open.ended() {
            return Err(error.clone());
        }
        if linger {
            self.commit.ensure_syncer(&mut open)?;
        }
        let time = open.time();
        let mark = open.begin(EventId(0), time, &Metadata::new(), None);
        open.bytes().extend_from_slice(&[7; 8]);
        let mark = self.commit.reserve(&mut open, mark).expect("a huge segment");
        let executed = Executed { seq: open.next_seq().get(), ticket: Arc::clone(open.ticket()) };
        open.accept(mark, Outcome::Applied);
        self.commit.accepted(&mut open, linger);
        Ok(executed)
    }

    pub(super) fn call(&self) -> Result<u64, Error> {
        let Executed { seq, ticket } = self.execute(false)?;
        ticket.wait()?;
        self.assert_acknowledged(seq);
        Ok(seq)
    }

    pub(super) fn assert_acknowledged(&self, seq: u64) {
        let log = self.log.lock().unwrap();
        let reached = if self.durability == Durability::Synced { log.synced } else { log.written };
        assert!(reached >= seq, "{seq} was acknowledged at {reached}");
    }

    pub(super) fn assert_counts(&self) {
        let (durable, written) = (self.commit.durable(), self.commit.written());
        assert!(durable <= written && written <= self.commit.executed());
    }

    pub(super) fn stop(&self) {
        self.commit.stop().expect("a healthy disk");
        self.commit.join();
        assert!(self.commit.failure().is_none(), "a healthy disk");
        let executed = self.commit.executed().get();
        // no other thread may run while the log is locked, because shuttle does not know this lock
        let log = self.log.lock().unwrap();
        let reached = (log.written, log.synced);
        drop(log);
        assert_eq!(reached, (executed, executed), "everything is synced after the journal has stopped");
        assert_eq!((self.commit.written().get(), self.commit.durable().get()), (executed, executed));
    }
}
