//! An owner that changes its image while others read it, and that knows every state and every event of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memimage::admin::Void;
use memimage::disk::SimDisk;
use memimage::{HistoryEvent, Image, Journal, Options, Retention, Seq, SnapshotPolicy, Timestamp, digest};

use crate::models::{Ledger, LedgerCommands, LedgerEvent};
use crate::wait_until;

/// The path of the image on its disk.
const IMAGE: &str = "/ledger";
/// The number of bytes of an event that files. Because of the alignment, each event takes a third of a segment.
const FILED: usize = 100;
/// The number of bytes of an event that fits into no segment of the usual length.
const LONG: usize = 20_000;

/// What an owner does while others read its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Writes events and makes snapshots, and so begins segments.
    Write,
    /// Writes a record that needs a longer segment than the one that was made in advance.
    WriteLong,
    /// Prunes the complete journal, so that it begins after all earlier states.
    PruneFirst,
    /// Prunes a pruned journal three times, so that none of its earlier states and bases is left.
    Prune,
    /// Closes the image and opens it again, twice, and writes events meanwhile.
    Reopen,
    /// Prunes like `Prune`, between two restarts.
    ReopenAndPrune,
    /// Closes the image, makes a recent event void, and opens the image again.
    MakeVoid,
    /// Does the same, and then prunes.
    MakeVoidAndPrune,
}

impl Change {
    /// All changes.
    pub const ALL: [Change; 8] = [
        Change::Write,
        Change::WriteLong,
        Change::PruneFirst,
        Change::Prune,
        Change::Reopen,
        Change::ReopenAndPrune,
        Change::MakeVoid,
        Change::MakeVoidAndPrune,
    ];

    /// Whether the journal was pruned before the change.
    fn begins_pruned(self) -> bool {
        matches!(self, Change::Prune | Change::ReopenAndPrune)
    }

    /// Whether the change prunes.
    pub fn prunes(self) -> bool {
        matches!(self, Change::PruneFirst | Change::Prune | Change::ReopenAndPrune | Change::MakeVoidAndPrune)
    }

    /// Whether the change makes an event void.
    pub fn makes_void(self) -> bool {
        matches!(self, Change::MakeVoid | Change::MakeVoidAndPrune)
    }
}

/// An owner, and what it has written.
#[derive(Clone)]
pub struct ChangingOwner {
    disk: SimDisk,
    change: Change,
    clock: Arc<AtomicU64>,
    written: Arc<Mutex<Written>>,
}

struct Written {
    /// `None` while the image is closed.
    image: Option<Image<Ledger>>,
    /// The last event.
    last: u64,
    /// The events that are longer than the others.
    long: Vec<u64>,
    /// The void events, each with the state after each event since it became void. The first entry is the time before the first one.
    versions: Vec<(Option<u64>, Vec<u64>)>,
}

/// The time at which a reading began.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    /// The last event that was durable.
    pub last: Seq,
    /// The number of void events.
    voids: usize,
}

impl ChangingOwner {
    /// Creates an image in which `change` is possible, with some snapshots.
    pub fn new(change: Change) -> ChangingOwner {
        let disk = SimDisk::new();
        let written = Written { image: None, last: 0, long: Vec::new(), versions: vec![(None, Vec::new())] };
        let owner = ChangingOwner {
            disk,
            change,
            clock: Arc::new(AtomicU64::new(1_000_000)),
            written: Arc::new(Mutex::new(written)),
        };
        let mut written = owner.written();
        owner.open(&mut written, change.begins_pruned());
        (0..3).for_each(|_| written.round());
        // so that the end of the journal is not the state of a snapshot
        (0..2).for_each(|_| written.write());
        owner.close(&mut written);
        drop(written);
        owner
    }

    /// An owner of a copy of the image, which it opens.
    pub fn copy(&self) -> ChangingOwner {
        let written = self.written();
        let copied =
            Written { image: None, last: written.last, long: written.long.clone(), versions: written.versions.clone() };
        let owner = ChangingOwner {
            disk: self.disk.fork(),
            change: self.change,
            clock: Arc::new(AtomicU64::new(self.clock.load(Ordering::SeqCst))),
            written: Arc::new(Mutex::new(copied)),
        };
        owner.open(&mut owner.written(), owner.change.prunes());
        owner
    }

    /// The disk of the owner.
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// The options with which the image is opened.
    pub fn options(&self, prunes: bool) -> Options<Ledger> {
        let clock = Arc::clone(&self.clock);
        Image::options()
            .segment_bytes(16 << 10)
            .align_bytes(4096)
            .snapshots(SnapshotPolicy::Manual)
            .retention(if prunes { Retention::Events(0) } else { Retention::Everything })
            .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::SeqCst)))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, written: &mut Written, prunes: bool) {
        let image = self.options(prunes).open_with(Arc::new(self.disk.clone()), IMAGE);
        written.image = Some(image.expect("the owner opens the image"));
    }

    fn close(&self, written: &mut Written) {
        Image::close(written.image.take().expect("an open image")).expect("the owner closes the image");
    }

    /// Closes the image, until the next change.
    pub fn end(&self) {
        self.close(&mut self.written());
    }

    /// Makes the change. If the image is closed, opens it first.
    pub fn change(&self) {
        let mut written = self.written();
        if written.image.is_none() {
            self.open(&mut written, self.change.prunes());
        }
        let restart = |written: &mut Written| {
            self.close(written);
            self.open(written, self.change.prunes());
        };
        match self.change {
            Change::Write => (0..2).for_each(|_| written.round()),
            Change::WriteLong => {
                written.write_long();
                (0..2).for_each(|_| written.write());
                written.write_long();
            }
            Change::PruneFirst | Change::Prune => (0..3).for_each(|_| written.round()),
            Change::Reopen => {
                restart(&mut written);
                written.round();
                restart(&mut written);
            }
            Change::ReopenAndPrune => {
                restart(&mut written);
                (0..3).for_each(|_| written.round());
                restart(&mut written);
            }
            Change::MakeVoid | Change::MakeVoidAndPrune => {
                self.close(&mut written);
                let seq = (1..=written.last).rev().find(|seq| amount(*seq).is_some()).expect("a deposit");
                Void::new(Seq::new(seq), "a mistake")
                    .run_with(Arc::new(self.disk.clone()), IMAGE)
                    .expect("a void event");
                written.versions.push((Some(seq), Vec::new()));
                self.open(&mut written, self.change.prunes());
                let rounds = if self.change.prunes() { 3 } else { 1 };
                (0..rounds).for_each(|_| written.round());
            }
        }
    }

    /// The journal as another process sees it.
    pub fn journal(&self) -> Journal<Ledger> {
        let opened = Image::<Ledger>::options().open_journal_with(Arc::new(self.disk.clone()), IMAGE);
        opened.expect("the journal of an owner that changes nothing now")
    }

    /// The change that this owner makes.
    pub fn kind(&self) -> Change {
        self.change
    }

    /// Waits until the files prove that all events are durable, and returns what a reader must see from now on.
    pub fn begin(&self) -> Began {
        let (last, voids) = {
            let written = self.written();
            (Seq::new(written.last), written.versions.len() - 1)
        };
        let journal = self.journal();
        wait_until("the files prove that the events are durable", || {
            journal.durable_seq().expect("the journal of a running owner") >= last
        });
        Began { last, voids }
    }

    /// The recorded time now, at which the last state is the state.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.load(Ordering::SeqCst))
    }

    /// The last event.
    pub fn last(&self) -> Seq {
        Seq::new(self.written().last)
    }

    /// Asserts that this was the state after event `seq` at some time since the reading began.
    ///
    /// # Panics
    ///
    /// If it was not.
    pub fn assert_state(&self, began: Began, seq: Seq, state: &Ledger) {
        assert!(self.is_state(began, seq, state), "the state after event {seq} is wrong: {state:?}");
    }

    /// Whether this was the state after event `seq` at some time since the reading began.
    pub fn is_state(&self, began: Began, seq: Seq, state: &Ledger) -> bool {
        let found = digest(state).expect("a ledger has a digest").to_u64();
        let mut written = self.written();
        (began.voids..written.versions.len()).any(|at| written.digest(at, seq) == found)
    }

    /// The states after event `seq` that were right at some time since the reading began.
    pub fn states(&self, began: Began, seq: Seq) -> Vec<Ledger> {
        let written = self.written();
        (began.voids..written.versions.len()).map(|version| written.state(version, seq)).collect()
    }

    /// Whether event `seq` files bytes, and was not void at any time.
    pub fn files(&self, seq: Seq) -> bool {
        amount(seq.get()).is_none() && !self.is_void(seq)
    }

    /// Whether this is the state now.
    pub fn is_newest(&self, state: &Ledger) -> bool {
        let found = digest(state).expect("a ledger has a digest").to_u64();
        let mut written = self.written();
        let (version, last) = (written.versions.len() - 1, Seq::new(written.last));
        written.digest(version, last) == found
    }

    /// Whether event `seq` is void now.
    pub fn is_void(&self, seq: Seq) -> bool {
        self.written().versions.iter().any(|(void, _)| *void == Some(seq.get()))
    }

    /// Asserts that this is an event as it was written, and that it is void only if it was void at some time since the reading began.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn assert_event(&self, began: Began, event: &HistoryEvent<Ledger>) {
        let written = self.written();
        let seq = event.seq().get();
        let voids = |version: usize| written.versions[..=version].iter().any(|(void, _)| *void == Some(seq));
        let mut allowed = (began.voids..written.versions.len()).map(voids);
        assert!(allowed.any(|is_void| is_void == event.is_void()), "event {seq} is void: {}", event.is_void());
        let recorded = event.recorded().value().expect("a recorded value");
        let is_right = match event.event() {
            Some(LedgerEvent::Deposit(deposit)) => {
                amount(seq) == Some(deposit.amount) && deposit.account == account(seq)
            }
            Some(LedgerEvent::File(file)) => amount(seq).is_none() && file.bytes == written.bytes(seq),
            Some(_) => false,
            None => event.is_void(),
        };
        assert!(is_right, "event {seq} is wrong: {recorded:?}");
    }
}

impl Written {
    /// Writes events that fill more than a segment, and makes a snapshot after each half of them.
    fn round(&mut self) {
        for _ in 0..2 {
            (0..2).for_each(|_| self.write());
            self.image().admin().snapshot().expect("a snapshot");
        }
    }

    fn image(&self) -> &Image<Ledger> {
        self.image.as_ref().expect("an open image")
    }

    fn write(&mut self) {
        self.last += 1;
        match amount(self.last) {
            Some(amount) => _ = self.image().deposit(account(self.last), amount).expect("the owner writes"),
            None => _ = self.image().file(self.bytes(self.last)).expect("the owner writes"),
        }
    }

    fn write_long(&mut self) {
        while amount(self.last + 1).is_some() {
            self.write();
        }
        self.long.push(self.last + 1);
        self.write();
    }

    /// The bytes that an event files.
    fn bytes(&self, seq: u64) -> Vec<u8> {
        vec![seq as u8; if self.long.contains(&seq) { LONG } else { FILED }]
    }

    /// The state after event `seq`, as it is since the void event with this number.
    fn state(&self, version: usize, seq: Seq) -> Ledger {
        let voids: Vec<u64> = self.versions[..=version].iter().filter_map(|(void, _)| *void).collect();
        let mut state = Ledger::default();
        for seq in (1..=seq.get()).filter(|seq| !voids.contains(seq)) {
            self.replay(&mut state, seq);
        }
        state
    }

    fn replay(&self, state: &mut Ledger, seq: u64) {
        match amount(seq) {
            Some(amount) => _ = state.deposit(account(seq), amount),
            None => _ = state.file(self.bytes(seq)),
        }
    }

    /// The digest after event `seq`, as it is since the void event with this number.
    fn digest(&mut self, version: usize, seq: Seq) -> u64 {
        let voids: Vec<u64> = self.versions[..=version].iter().filter_map(|(void, _)| *void).collect();
        if self.versions[version].1.len() as u64 <= seq.get() {
            let mut state = Ledger::default();
            let of = |state: &Ledger| digest(state).expect("a ledger has a digest").to_u64();
            let mut digests = vec![of(&state)];
            for seq in 1..=self.last {
                if !voids.contains(&seq) {
                    self.replay(&mut state, seq);
                }
                digests.push(of(&state));
            }
            self.versions[version].1 = digests;
        }
        self.versions[version].1[seq.get() as usize]
    }
}

/// The amount of the deposit that is event `seq`; `None` if the event files bytes.
fn amount(seq: u64) -> Option<u32> {
    seq.is_multiple_of(3).then_some(seq as u32)
}

fn account(seq: u64) -> u32 {
    seq as u32 % 5
}
