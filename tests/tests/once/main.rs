//! Requests with a key are executed once: a retry gets the first answer, also after a restart, and while the first request is in
//! flight.

#![allow(unreachable_pub, reason = "modules stand for programs with a public model")]

mod answers;
mod bulk;
mod crash;
mod faults;
mod restarts;
mod upgrades;
mod waiting;
mod windows;

use std::collections::{BTreeMap, HashMap};
use std::panic::resume_unwind;
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{Context, Error, ErrorKind, Image, Metadata, Model, Options, Seq, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

const PATH: &str = "/till";

/// A till, whose commands have answers of all kinds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
#[model(groups(Sales, Refunds))]
struct Till {
    sold: BTreeMap<u32, u32>,
    cents: u64,
    /// The number of bodies that ran.
    ran: u64,
    declined: u64,
    /// The request keys that the bodies saw.
    keys: Vec<Option<String>>,
}

/// An answer of a generic type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Receipt<T> {
    number: u64,
    items: Vec<T>,
}

/// The error of a body that changes the state before it rejects the command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Declined(u64);

/// An answer that cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unstorable;

#[memimage::commands(group = Sales)]
impl Till {
    #[command]
    fn sell(&mut self, ctx: &Context, item: u32, count: u32) -> Receipt<u32> {
        self.run(ctx);
        *self.sold.entry(item).or_default() += count;
        Receipt { number: self.ran, items: vec![item; count as usize] }
    }

    #[command]
    fn pay(&mut self, ctx: &Context, cents: u64) -> Result<u64, Declined> {
        self.run(ctx);
        if cents > 100 {
            self.declined += 1;
            return Err(Declined(cents));
        }
        self.cents += cents;
        Ok(self.cents)
    }

    #[command]
    fn label(&mut self, names: HashMap<String, u32>) -> u64 {
        self.ran += 1;
        names.len() as u64
    }

    #[command]
    fn ring(&mut self) -> Unstorable {
        self.ran += 1;
        Unstorable
    }

    #[command]
    fn name(&mut self) -> &'static str {
        self.ran += 1;
        "till"
    }

    #[command]
    fn print(&mut self, bytes: u32) -> String {
        self.ran += 1;
        "x".repeat(bytes as usize)
    }

    #[command]
    fn explode(&mut self, is_calm: bool) -> u64 {
        self.ran += 1_000;
        if !is_calm {
            resume_unwind(Box::new("the till exploded"));
        }
        self.ran
    }

    fn run(&mut self, ctx: &Context) {
        self.ran += 1;
        self.keys.push(ctx.metadata().get(Metadata::REQUEST).map(str::to_owned));
    }
}

#[memimage::commands(group = Refunds)]
impl Till {
    #[command(check = can_refund)]
    fn refund(&mut self, cents: u64) -> u64 {
        self.ran += 1;
        self.cents -= cents;
        self.cents
    }

    fn can_refund(&self, cents: u64) -> Result<(), String> {
        if cents > self.cents { Err(format!("there are only {} cents", self.cents)) } else { Ok(()) }
    }
}

fn options() -> Options<Till> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: &(impl Disk + Clone)) -> Image<Till> {
    options().open_with(Arc::new(disk.clone()), PATH).unwrap()
}

/// Removes all snapshots, so that the next opening replays the whole journal.
fn remove_snapshots(disk: &SimDisk) {
    for path in disk.files().iter().filter(|path| path.extension().is_some_and(|end| end == "snapshot")) {
        disk.remove(path).unwrap();
    }
}

fn ran(image: &Image<Till>) -> u64 {
    image.query(|till| till.ran).unwrap()
}

#[track_caller]
fn assert_error(error: &Error, kind: ErrorKind, seq: u64, text: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.position().and_then(|position| position.seq), Some(Seq::new(seq)), "{error}");
    assert!(error.to_string().contains(text), "{error}");
}
