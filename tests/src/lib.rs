//! The code that several test suites share.

mod change_before;
mod changing_owner;
pub mod checksums;
mod directory_tree;
mod executor;
mod files;
pub mod frames;
pub mod fuzz;
mod gate_disk;
mod in_memory;
pub mod library;
mod life;
mod memory;
mod models;
pub mod past_versions;
pub mod protection;
mod random;
mod repair;
mod run;
mod torn_write;
mod watchdog;

pub use change_before::ChangeBefore;
pub use changing_owner::{Began, Change, ChangingOwner};
pub use directory_tree::{EntryContent, Tree, differences, tree};
pub use executor::block_on;
pub use files::{Files, changed, files};
pub use gate_disk::{Call, DiskMethod, Gate, GateDisk};
pub use in_memory::InMemory;
pub use life::live;
pub use memory::peak_memory;
pub use models::{
    Book, BookCommands, BookDraw, BookEvent, BookTear, BookWrite, Ledger, LedgerBurn, LedgerCommands, LedgerDeposit,
    LedgerDraw, LedgerEntry, LedgerEvent, LedgerExplode, LedgerFile, LedgerSettle, LedgerWithdraw, NoPage, Overdrawn,
    TooLittle,
};
pub use random::SplitMix64;
pub use repair::repair_until_sound;
pub use run::{Request, Run};
pub use torn_write::{names, tear_last_frame};
pub use watchdog::{wait_until, with_timeout};

/// The number of cases that a randomised test runs: the environment variable `MEMIMAGE_CASES`, or else `default`.
pub fn cases(default: u32) -> u32 {
    std::env::var("MEMIMAGE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

/// The seed of a randomised test: the environment variable `MEMIMAGE_SEED`, or else `default`.
pub fn seed(default: u64) -> u64 {
    std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(default)
}

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
