//! A run of commands on a ledger that remembers the digest after each event, by which any recovered state can be judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::Disk;
use memimage::{
    CommandError, Durability, Error, ErrorKind, Image, Metadata, Options, Pending, Seq, SnapshotPolicy, Timestamp,
    digest,
};

use crate::models::{Ledger, LedgerCommands, LedgerDeposit};

/// A command to run, one of each form.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the ledger's commands")]
pub enum Ask {
    Deposit(u32, u32),
    Withdraw(u32, u32),
    Settle(u32, u32),
    Draw(Option<u8>),
    File(usize),
    Explode(u32),
    Burn,
    /// A deposit that nobody waits for.
    Submit(u32, u32),
}

/// A ledger's image, and what was learned about it while it ran.
pub struct Run {
    image: Image<Ledger>,
    /// The digest after each event, from the state before the first.
    digests: Vec<u64>,
    /// The last event that was answered.
    acknowledged: Arc<AtomicU64>,
    /// The last event said to be durable.
    durable: Arc<AtomicU64>,
    pending: Vec<Pending<i64, Error>>,
}

impl Run {
    /// Small segments, snapshots by hand, and a clock of its own.
    pub fn options(durability: Durability, align: u32) -> Options<Ledger> {
        let clock = AtomicU64::new(1_000_000);
        Image::options()
            .segment_bytes(16 << 10)
            .durability(durability)
            .align_bytes(align)
            .snapshots(SnapshotPolicy::Manual)
            .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
    }

    /// Begins a run on an image that was just opened and holds the events that `digests` tells of.
    ///
    /// # Errors
    ///
    /// What the recovered state is not, if it is none of those that it may be.
    ///
    /// # Panics
    ///
    /// If the image is poisoned or has no digest.
    pub fn begin(image: Image<Ledger>, mut digests: Vec<u64>, at_least: Seq) -> Result<Run, String> {
        let seq = image.journal().seq().get();
        let found = state(&image);
        if digests.is_empty() {
            digests.push(found);
        }
        match digests.get(seq as usize) {
            _ if seq < at_least.get() => {
                return Err(format!("acknowledged events are lost: {seq} were recovered of {at_least}"));
            }
            None => return Err(format!("{seq} events were recovered, and only {} were executed", digests.len() - 1)),
            Some(digest) if *digest != found => return Err(format!("the state after event {seq} is another one")),
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

    /// Opens a ledger on `disk` and begins.
    ///
    /// # Errors
    ///
    /// As [`begin`](Run::begin); also if it cannot be opened.
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

    /// The digest after each event, from the state before the first.
    pub fn digests(&self) -> &[u64] {
        &self.digests
    }

    /// The last event that was answered; kept up to date from now on.
    pub fn acknowledged(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.acknowledged)
    }

    /// The last event said to be durable; kept up to date from now on.
    pub fn durable(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.durable)
    }

    /// Runs a command.
    ///
    /// # Panics
    ///
    /// If it does anything else than a command of its form must.
    pub fn ask(&mut self, ask: &Ask) {
        let before = self.image.journal().seq();
        let recorded = match *ask {
            Ask::Deposit(account, amount) => {
                self.image.deposit(account, amount).expect("a deposit is never refused");
                true
            }
            Ask::Withdraw(account, amount) => judged(self.image.withdraw(account, amount)),
            Ask::Settle(account, amount) => {
                judged(self.image.settle(account, amount));
                true
            }
            Ask::Draw(actor) => {
                let metadata = actor.map_or_else(Metadata::new, |actor| Metadata::actor(actor).correlation("a draw"));
                self.image.with(metadata).draw().expect("a draw is never refused");
                true
            }
            Ask::File(bytes) => {
                let bytes = (0..bytes).map(|at| (at % 251) as u8).collect();
                self.image.file(bytes).expect("a file is never refused");
                true
            }
            Ask::Explode(account) => {
                assert_eq!(self.image.explode(account).expect_err("it explodes").kind(), ErrorKind::Panicked);
                false
            }
            Ask::Burn => {
                let error = self.image.burn().expect_err("its check explodes");
                assert!(matches!(&error, CommandError::Image(error) if error.kind() == ErrorKind::Panicked), "{error}");
                false
            }
            Ask::Submit(account, amount) => {
                self.pending.push(self.image.submit(LedgerDeposit { account, amount }).expect("there is room"));
                true
            }
        };
        let seq = if recorded { before.next() } else { before };
        assert_eq!(self.image.journal().seq(), seq, "after {ask:?}");
        self.remember(!matches!(ask, Ask::Submit(..)));
    }

    /// Waits for all that was submitted.
    ///
    /// # Panics
    ///
    /// If a deposit is refused.
    pub fn wait(&mut self) {
        for pending in self.pending.drain(..) {
            pending.wait().expect("a deposit is never refused");
        }
        self.remember(true);
    }

    /// Forces all that was executed to disk.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn sync(&mut self) {
        self.image.journal().sync().expect("the disk is well");
        self.remember(true);
        assert_eq!(self.image.journal().durable_seq(), self.image.journal().seq());
    }

    /// Closes the image and gives what was learned.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn close(mut self) -> (Vec<u64>, Seq) {
        self.pending.clear();
        let seq = self.image.journal().seq();
        Image::close(self.image).expect("the disk is well");
        self.acknowledged.store(seq.get(), Ordering::SeqCst);
        self.durable.store(seq.get(), Ordering::SeqCst);
        (self.digests, seq)
    }

    fn remember(&mut self, answered: bool) {
        let seq = self.image.journal().seq().get();
        if seq as usize == self.digests.len() {
            self.digests.push(state(&self.image));
        } else {
            // a command that leaves no event must not leave anything else either
            assert_eq!(self.digests[seq as usize], state(&self.image), "the state changed without an event");
        }
        if answered {
            self.acknowledged.store(seq, Ordering::SeqCst);
        }
        self.durable.store(self.image.journal().durable_seq().get(), Ordering::SeqCst);
    }
}

fn judged<T, E>(answer: Result<T, CommandError<E>>) -> bool {
    match answer {
        Ok(_) => true,
        Err(CommandError::Refused(_)) => false,
        Err(CommandError::Image(error)) => panic!("{error}"),
    }
}

fn state(image: &Image<Ledger>) -> u64 {
    digest(&*image.read_uncommitted().expect("the image is well")).expect("a ledger has a digest").to_u64()
}
