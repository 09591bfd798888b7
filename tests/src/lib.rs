//! What the tests of memimage share.

mod dice;
mod files;
mod gate;
pub mod library;
mod local;
mod model;
pub mod past;
mod run;
mod tree;
mod watchdog;

pub use dice::Dice;
pub use files::{Files, changed, files};
pub use gate::{Act, Call, Gate, GateDisk};
pub use local::Local;
pub use model::{
    Entry, Ledger, LedgerBurn, LedgerCommands, LedgerDeposit, LedgerDraw, LedgerEvent, LedgerExplode, LedgerFile,
    LedgerSettle, LedgerWithdraw, Overdrawn, TooLittle,
};
pub use run::{Ask, Run};
pub use tree::{Stands, Tree, tree};
pub use watchdog::{in_time, until};

/// How many cases a randomised test tries: the environment variable `MEMIMAGE_CASES`, or else its own modest number.
pub fn cases(modest: u32) -> u32 {
    std::env::var("MEMIMAGE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(modest)
}

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
