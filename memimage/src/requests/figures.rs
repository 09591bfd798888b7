//! The figures of a request table, which can be read while the table is in use.

use std::sync::atomic::{AtomicU64, Ordering};

use super::log::window_start;
use crate::seq::Seq;

/// The figures of a request table. Only the owner of the table changes them.
#[derive(Debug, Default)]
pub(crate) struct RequestFigures {
    keys: AtomicU64,
    bytes: AtomicU64,
    since: AtomicU64,
}

impl RequestFigures {
    /// Sets the figures after a change.
    #[inline]
    pub(super) fn set(&self, keys: u64, bytes: u64, since: Seq) {
        self.keys.store(keys, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.since.store(since.get(), Ordering::Relaxed);
    }

    /// The number of keys in the table.
    pub(crate) fn keys(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    /// The memory of the table, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The first event from which on each request is remembered after event `last`, if the table has this window.
    pub(crate) fn since(&self, last: Seq, window: u64) -> Seq {
        window_start(last, window).max(Seq::new(self.since.load(Ordering::Relaxed)))
    }
}
