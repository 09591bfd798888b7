//! The parameters that a seed determines: how images are opened, and how each lifetime of one goes and ends.

use std::sync::Arc;
use std::time::Duration;

use memimage::disk::{Crash, Effect, Fault, Method, SimDisk};
use memimage::{Durability, Error, Image, Options, Retention, SnapshotPolicy};
use memimage_tests::Dice;

use crate::model::Crowd;
use crate::oracle::TELLERS;

/// All that a seed says.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) align: u32,
    pub(crate) retention: Retention,
    pub(crate) lives: Vec<Life>,
}

/// One process with the image open.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) durability: Durability,
    pub(crate) snapshots: SnapshotPolicy,
    pub(crate) batch_bytes: usize,
    pub(crate) pending_batches: usize,
    /// One for each teller.
    pub(crate) tellers: Vec<u64>,
    /// How many things each of them does.
    pub(crate) asks: u64,
    pub(crate) fault: Option<Fault>,
    /// The fault is there when it is opened.
    pub(crate) opens_faulty: bool,
    pub(crate) end: End,
}

/// How it ends.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// All of it is written and synced.
    Close,
    /// The last handle is dropped.
    Drop,
    /// It is killed after so many operations of the disk.
    Kill(u64),
    /// The power fails after so many operations of the disk.
    PowerCut(u64, Crash),
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Plan {
        let mut dice = Dice::new(seed);
        let retention = match dice.below(3) {
            0 => Retention::Events(dice.below(20)),
            _ => Retention::Everything,
        };
        let lives = (0..1 + dice.below(4)).map(|_| Life::new(&mut dice)).collect();
        Plan { align: [8, 512, 4096][dice.below(3) as usize], retention, lives }
    }

    /// Opens the image of this plan as a life would.
    pub(crate) fn open(&self, life: &Life, disk: &SimDisk) -> Result<Image<Crowd>, Error> {
        let options: Options<Crowd> = Image::options()
            .segment_bytes(16 << 10)
            .align_bytes(self.align)
            .retention(self.retention)
            .durability(life.durability)
            .snapshots(life.snapshots)
            .batch_bytes(life.batch_bytes)
            .pending_batches_max(life.pending_batches);
        options.open_with(Arc::new(disk.clone()), "/crowd")
    }
}

impl Life {
    fn new(dice: &mut Dice) -> Life {
        let durability = match dice.below(5) {
            0 => Durability::Buffered,
            1 => Durability::Interval(Duration::from_micros(100 + dice.below(2_000))),
            _ => Durability::Synced,
        };
        let snapshots = match dice.below(3) {
            0 => SnapshotPolicy::Manual,
            _ => SnapshotPolicy::AfterEvents(4 + dice.below(30)),
        };
        let fault = dice.once_in(2).then(|| fault(dice));
        let end = match dice.below(6) {
            0 => End::Close,
            1 => End::Drop,
            2 => End::Kill(dice.below(90)),
            _ => End::PowerCut(dice.below(90), crash(dice)),
        };
        Life {
            durability,
            snapshots,
            batch_bytes: [64, 1_000, 1 << 20][dice.below(3) as usize],
            pending_batches: 1 + dice.below(4) as usize,
            tellers: (0..1 + dice.below(TELLERS as u64)).map(|_| dice.u64()).collect(),
            asks: 2 + dice.below(14),
            opens_faulty: fault.is_some() && dice.once_in(3),
            fault,
            end,
        }
    }
}

fn crash(dice: &mut Dice) -> Crash {
    match dice.below(8) {
        0 => Crash::Nothing,
        1 => Crash::Everything,
        2 => Crash::NamesOnly,
        3 => Crash::BytesOnly,
        4 => Crash::Prefix(dice.below(12) as usize),
        5 => Crash::Garbage(dice.u64()),
        _ => Crash::Subset(dice.u64()),
    }
}

fn fault(dice: &mut Dice) -> Fault {
    use Method::{SyncAll, SyncData, SyncDir, WriteAt};
    let nth = 1 + dice.below(40);
    let effect = match dice.below(4) {
        0 => Effect::Everything,
        1 => Effect::Part,
        2 => Effect::Dropped,
        _ => Effect::Nothing,
    };
    let fault = match dice.below(9) {
        0 => Fault::io().on(&but_directories()).nth(nth).effect(effect),
        1 => Fault::io().from(nth),
        2 => Fault::full().from(nth),
        3 => Fault::full().nth(nth),
        4 => Fault::io().on(&[WriteAt]).nth(nth).effect(effect),
        5 => Fault::io().on(&[SyncData, SyncAll]).nth(nth).effect(effect),
        6 => Fault::io()
            .on(&[SyncDir])
            .nth(1 + nth % 8)
            .effect([Effect::Nothing, Effect::Everything][(nth % 2) as usize]),
        7 => Fault::short().every(1 + nth % 5),
        _ => Fault::interrupted().one_in(2 + nth),
    };
    fault.seed(dice.u64())
}

/// All methods but the sync of a directory: that one which failed is later believed by a success, is not assumed of data, and
/// is of names (FORMAT.md, assumption 4).
fn but_directories() -> Vec<Method> {
    Method::ALL.into_iter().filter(|method| *method != Method::SyncDir).collect()
}
