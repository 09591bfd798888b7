//! Types that number events (`Seq`), journal segments (`SegmentId`), and the lives of an image's owners (`Life`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The sequence number of an event: 1, 2, 3 … without gaps. 0 stands for the state before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(u64);

impl Seq {
    /// The state before the first event.
    pub const ZERO: Seq = Seq(0);

    /// Creates a sequence number.
    pub const fn new(number: u64) -> Seq {
        Seq(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sequence number of the next event. The largest number is its own successor: no journal reaches it.
    #[must_use]
    pub const fn next(self) -> Seq {
        Seq(self.0.saturating_add(1))
    }
}

impl Seq {
    /// The sequence number of the previous event. Must not be called on 0.
    pub(crate) const fn before(self) -> Seq {
        Seq(self.0 - 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Seq> for u64 {
    fn from(seq: Seq) -> u64 {
        seq.0
    }
}

/// The number of a journal segment: 1, 2, 3 … The name of the segment's file contains this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(u64);

impl SegmentId {
    /// The first segment of every journal.
    pub(crate) const FIRST: SegmentId = SegmentId(1);

    /// Creates a segment number.
    pub const fn new(number: u64) -> SegmentId {
        SegmentId(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The segment before this one. Must not be called on the first segment.
    pub(crate) fn before(self) -> SegmentId {
        SegmentId(self.0 - 1)
    }

    /// The segment after this one.
    pub(crate) const fn next(self) -> SegmentId {
        SegmentId(self.0 + 1)
    }
}

/// The life of one owner of an image: the time from one opening or repair to the next opening or repair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Life {
    /// The number of the life: 1, 2, 3 … If an image is copied, both copies continue with the same numbers.
    pub(crate) epoch: u64,
    /// A random number, which no two lives share.
    pub(crate) id: u64,
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
