//! What the tests of memimage share.

mod book;
mod dice;
mod executor;
mod files;
pub mod fuzz;
mod gate;
pub mod library;
mod local;
mod memory;
mod mend;
mod model;
pub mod past;
mod run;
pub mod seal;
mod tear;
mod tree;
mod watchdog;

pub use book::{Book, BookCommands, BookDraw, BookEvent, BookTear, BookWrite, NoPage};
pub use dice::Dice;
pub use executor::block_on;
pub use files::{Files, changed, files};
pub use gate::{Act, Call, Gate, GateDisk};
pub use local::Local;
pub use memory::most_memory;
pub use mend::mend;
pub use model::{
    Entry, Ledger, LedgerBurn, LedgerCommands, LedgerDeposit, LedgerDraw, LedgerEvent, LedgerExplode, LedgerFile,
    LedgerSettle, LedgerWithdraw, Overdrawn, TooLittle,
};
pub use run::{Ask, Run};
pub use tear::{names, tear};
pub use tree::{Stands, Tree, differences, tree};
pub use watchdog::{in_time, until};

/// How many cases a randomised test tries: the environment variable `MEMIMAGE_CASES`, or else its own modest number.
pub fn cases(modest: u32) -> u32 {
    std::env::var("MEMIMAGE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(modest)
}

/// The seed of a randomised test: the environment variable `MEMIMAGE_SEED`, or else its own.
pub fn seed(own: u64) -> u64 {
    std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(own)
}

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
