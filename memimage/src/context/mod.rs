//! The context of a command: recorded time, metadata and random values. A replayed command gets the same context.

mod metadata;
mod random;
mod time;

pub use metadata::Metadata;
pub use random::Random;
pub use time::Timestamp;

pub(crate) use metadata::MetadataError;
pub(crate) use random::Seed;

use crate::seq::Seq;

/// The context of a command: its seq, recorded time, metadata and random values.
///
/// The journal stores the context, or the data from which it is computed, so a replayed command sees the same context as when
/// it first ran. A command method that needs the context takes `&Context` after `&mut self`; callers do not pass the context.
#[derive(Debug)]
pub struct Context {
    time: Timestamp,
    metadata: Metadata,
    random: Random,
}

impl Context {
    #[inline]
    pub(crate) fn new(seed: Seed, origin: Origin, time: Timestamp, metadata: Metadata) -> Context {
        Context { time, metadata, random: Random::new(seed, origin) }
    }

    /// Reuses this context for another event of the same image.
    #[inline]
    pub(crate) fn move_to(&mut self, origin: Origin, time: Timestamp, metadata: Metadata) {
        (self.time, self.metadata) = (time, metadata);
        self.random.move_to(origin);
    }

    /// Takes the metadata, which the next event replaces.
    pub(crate) fn take_metadata(&mut self) -> Metadata {
        std::mem::take(&mut self.metadata)
    }

    /// Creates a context for another part of the same event.
    pub(crate) fn for_part(&self, part: u32) -> Context {
        Context { time: self.time, metadata: self.metadata.clone(), random: self.random.for_part(part) }
    }

    /// The seq of this event. During a check, this is the seq that the event will get if the command is not refused. A rewrite
    /// of the journal does not change this seq. If the event was upcast to several events, all of them share this seq.
    pub fn seq(&self) -> Seq {
        self.random.origin().seq
    }

    /// The index of this part if the event was upcast to several events; 0 otherwise.
    #[inline]
    pub(crate) fn part(&self) -> u32 {
        self.random.origin().part
    }

    /// The recorded time: the wall clock when the command ran, but never earlier than the time of the previous event,
    /// except after [`Admin::correct_time`](crate::Admin::correct_time). Only a call that blocks until its command is
    /// on disk, such as `bank.deposit(…)`, always reads the clock. With [`submit`](crate::Image::submit), its variants and the
    /// async calls, the time may be that of an earlier command in the same batch, at most one tick of the system's coarse clock
    /// (1 to 10 ms) before the call.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The metadata of the command: who ran it and why, as passed to [`Image::with`](crate::Image::with).
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Random values that are the same on each replay.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Restarts the sequence of random values. Checks do not run on replay, so the values that a command draws must not depend
    /// on how many values its check drew.
    #[inline]
    pub(crate) fn rewind(&mut self) {
        self.random.rewind();
    }
}

/// The seq and part under which an event was first recorded. The event's random values derive from its origin. A rewrite of the
/// journal does not change the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) seq: Seq,
    /// The index of the part if the event was upcast to several events; 0 otherwise.
    pub(crate) part: u32,
}

impl Origin {
    /// The origin of an event that was first recorded under `seq`.
    pub(crate) fn own(seq: Seq) -> Origin {
        Origin { seq, part: 0 }
    }
}
