//! A ledger with a record of the digest after each event, which verifies any recovered state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::Disk;
use memimage::{
    CommandError, Durability, Error, ErrorKind, Image, Metadata, Options, Pending, Seq, SnapshotPolicy, Timestamp,
    digest,
};

use crate::models::{Ledger, LedgerCommands, LedgerDeposit};

/// A command of the ledger.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the ledger's commands")]
pub enum Request {
    Deposit(u32, u32),
    Withdraw(u32, u32),
    Settle(u32, u32),
    Draw(Option<u8>),
    File(usize),
    Explode(u32),
    Burn,
    /// A deposit with a request key, and a retry.
    Once(u32, u32),
    /// A submitted deposit, whose answer is not awaited at once.
    Submit(u32, u32),
}

/// A ledger's image, with a record of its events and of its promises.
pub struct Run {
    image: Image<Ledger>,
    /// The digest after each event, beginning with the initial state.
    digests: Vec<u64>,
    /// The last acknowledged event.
    acknowledged: Arc<AtomicU64>,
    /// The last event that was reported as durable.
    durable: Arc<AtomicU64>,
    pending: Vec<Pending<i64, Error>>,
}

impl Run {
    /// Options with small segments, manual snapshots, and a deterministic clock.
    pub fn options(durability: Durability, align: u32) -> Options<Ledger> {
        let clock = AtomicU64::new(1_000_000);
        Image::options()
            .segment_bytes(16 << 10)
            .durability(durability)
            .align_bytes(align)
            .snapshots(SnapshotPolicy::Manual)
            .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
    }

    /// Begins a run on an image that was just opened. `digests` are the digests of its earlier run, and at least the events
    /// up to `at_least` must have been recovered.
    ///
    /// # Errors
    ///
    /// If acknowledged events are missing, or if the recovered state never existed.
    ///
    /// # Panics
    ///
    /// If the image is poisoned or its state has no digest.
    pub fn begin(image: Image<Ledger>, mut digests: Vec<u64>, at_least: Seq) -> Result<Run, String> {
        let seq = image.journal().seq().get();
        let found = state(&image);
        if digests.is_empty() {
            digests.push(found);
        }
        match digests.get(seq as usize) {
            _ if seq < at_least.get() => {
                return Err(format!("acknowledged events are lost: {seq} of {at_least} were recovered"));
            }
            None => return Err(format!("{seq} events were recovered, but only {} were executed", digests.len() - 1)),
            Some(digest) if *digest != found => return Err(format!("the state after event {seq} is wrong")),
            Some(_) => {}
        }
        digests.truncate(seq as usize + 1);
        let run = Run {
            image,
            digests,
            acknowledged: Arc::new(AtomicU64::new(seq)),
            durable: Arc::new(AtomicU64::new(seq)),
            pending: Vec::new(),
        };
        Ok(run)
    }

    /// Opens a ledger on `disk` and begins a run.
    ///
    /// # Errors
    ///
    /// As [`begin`](Run::begin); also if the image cannot be opened.
    pub fn open(
        disk: impl Disk,
        durability: Durability,
        align: u32,
        digests: Vec<u64>,
        at_least: Seq,
    ) -> Result<Run, String> {
        let image = Run::options(durability, align).open_with(Arc::new(disk), "/ledger");
        Run::begin(image.map_err(|error| error.to_string())?, digests, at_least)
    }

    /// The image.
    pub fn image(&self) -> &Image<Ledger> {
        &self.image
    }

    /// The digest after each event, beginning with the initial state.
    pub fn digests(&self) -> &[u64] {
        &self.digests
    }

    /// The last acknowledged event. The run updates it after each command.
    pub fn acknowledged(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.acknowledged)
    }

    /// The last event that was reported as durable. The run updates it after each command.
    pub fn durable(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.durable)
    }

    /// Runs a command.
    ///
    /// # Panics
    ///
    /// If the command's result is not the expected one.
    pub fn execute(&mut self, request: &Request) {
        let before = self.image.journal().seq();
        let recorded = match *request {
            Request::Deposit(account, amount) => {
                self.image.deposit(account, amount).expect("a deposit cannot be refused");
                true
            }
            Request::Once(account, amount) => {
                let deposit = || {
                    self.image.once(format!("event {}", before.next())).deposit(account, amount).expect("no refusal")
                };
                assert_eq!(deposit(), deposit(), "a retry has another answer");
                true
            }
            Request::Withdraw(account, amount) => is_accepted(self.image.withdraw(account, amount)),
            Request::Settle(account, amount) => {
                is_accepted(self.image.settle(account, amount));
                true
            }
            Request::Draw(actor) => {
                let metadata = actor.map_or_else(Metadata::new, |actor| Metadata::actor(actor).correlation("a draw"));
                self.image.with(metadata).draw().expect("a draw cannot be refused");
                true
            }
            Request::File(bytes) => {
                let bytes = (0..bytes).map(|at| (at % 251) as u8).collect();
                self.image.file(bytes).expect("a file cannot be refused");
                true
            }
            Request::Explode(account) => {
                assert_eq!(self.image.explode(account).expect_err("the body panics").kind(), ErrorKind::Panicked);
                false
            }
            Request::Burn => {
                let error = self.image.burn().expect_err("the check panics");
                assert!(matches!(&error, CommandError::Image(error) if error.kind() == ErrorKind::Panicked), "{error}");
                false
            }
            Request::Submit(account, amount) => {
                self.pending.push(self.image.submit(LedgerDeposit { account, amount }).expect("the journal has room"));
                true
            }
        };
        let seq = if recorded { before.next() } else { before };
        assert_eq!(self.image.journal().seq(), seq, "after {request:?}");
        self.record(!matches!(request, Request::Submit(..)));
    }

    /// Waits for all submitted deposits.
    ///
    /// # Panics
    ///
    /// If a deposit is refused.
    pub fn wait(&mut self) {
        for pending in self.pending.drain(..) {
            pending.wait().expect("a deposit cannot be refused");
        }
        self.record(true);
    }

    /// Syncs all executed events.
    ///
    /// # Panics
    ///
    /// If the sync fails.
    pub fn sync(&mut self) {
        self.image.journal().sync().expect("the disk has no faults");
        self.record(true);
        assert_eq!(self.image.journal().durable_seq(), self.image.journal().seq());
    }

    /// Closes the image and returns the digests and the last event.
    ///
    /// # Panics
    ///
    /// If closing fails.
    pub fn close(mut self) -> (Vec<u64>, Seq) {
        self.pending.clear();
        let seq = self.image.journal().seq();
        Image::close(self.image).expect("the disk has no faults");
        self.acknowledged.store(seq.get(), Ordering::SeqCst);
        self.durable.store(seq.get(), Ordering::SeqCst);
        (self.digests, seq)
    }

    fn record(&mut self, acknowledged: bool) {
        let seq = self.image.journal().seq().get();
        if seq as usize == self.digests.len() {
            self.digests.push(state(&self.image));
        } else {
            // a command that records no event must not change the state
            assert_eq!(self.digests[seq as usize], state(&self.image), "the state changed without an event");
        }
        if acknowledged {
            self.acknowledged.store(seq, Ordering::SeqCst);
        }
        self.durable.store(self.image.journal().durable_seq().get(), Ordering::SeqCst);
    }
}

fn is_accepted<T, E>(answer: Result<T, CommandError<E>>) -> bool {
    match answer {
        Ok(_) => true,
        Err(CommandError::Refused(_)) => false,
        Err(CommandError::Image(error)) => panic!("{error}"),
    }
}

fn state(image: &Image<Ledger>) -> u64 {
    digest(&*image.read_uncommitted().expect("the image is not poisoned")).expect("a ledger has a digest").to_u64()
}
