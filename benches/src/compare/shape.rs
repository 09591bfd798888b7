//! The shapes of the load.

use std::fmt;

use clap::ValueEnum;

/// A shape of the load.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Shape {
    /// One thread waits for each transfer
    #[value(name = "wait-1")]
    Wait1,
    /// 8 threads wait for each transfer
    #[value(name = "wait-8")]
    Wait8,
    /// 64 threads wait for each transfer
    #[value(name = "wait-64")]
    Wait64,
    /// 64 threads, each with 40 unanswered transfers
    #[value(name = "deep-64x40")]
    Deep64x40,
    /// One thread waits once for each 100,000 transfers
    #[value(name = "bulk-1")]
    Bulk1,
    /// The log of a million transfers is replayed
    #[value(name = "replay")]
    Replay,
    /// One thread waits for each transfer, and a thread on each other core reads balances
    #[value(name = "mixed")]
    Mixed,
    /// One client waits for each transfer
    #[value(name = "served-wait-1")]
    ServedWait1,
    /// 64 clients wait for each transfer
    #[value(name = "served-wait-64")]
    ServedWait64,
    /// 64 clients, each with up to 40 unanswered transfers
    #[value(name = "served-64x40")]
    Served64x40,
}

impl Shape {
    /// The number of clients and their unanswered transfers, in a shape for systems behind a socket.
    pub(crate) fn served(self) -> Option<(u64, usize)> {
        match self {
            Shape::ServedWait1 => Some((1, 1)),
            Shape::ServedWait64 => Some((64, 1)),
            Shape::Served64x40 => Some((64, 40)),
            _ => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_possible_value().expect("no shape is hidden").get_name())
    }
}
