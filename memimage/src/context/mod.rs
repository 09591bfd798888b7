//! What a command may know besides the model and its arguments: all of it recorded, so that replay sees the same.

mod metadata;
mod random;
mod time;

pub use metadata::Metadata;
pub use random::Random;
pub use time::Timestamp;

pub(crate) use metadata::MetadataError;
pub(crate) use random::Seed;

use crate::seq::Seq;

/// What a command may know besides the model and its arguments.
///
/// Everything in it is in the journal, so a replayed body sees what it saw when it was recorded. A command that wants one
/// takes `&Context` after `&mut self`; the callers do not pass it.
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

    /// Makes it that of another event of the same image.
    #[inline]
    pub(crate) fn turn_to(&mut self, origin: Origin, time: Timestamp, metadata: Metadata) {
        (self.time, self.metadata) = (time, metadata);
        self.random.turn_to(origin);
    }

    /// The same for another part of the same event.
    pub(crate) fn for_part(&self, part: u32) -> Context {
        Context { time: self.time, metadata: self.metadata.clone(), random: self.random.for_part(part) }
    }

    /// The number this event has, or will have if the command is not refused. It keeps it for ever: when a journal is
    /// rewritten, and when the event was upcast to several, which then share it.
    pub fn seq(&self) -> Seq {
        self.random.origin().seq
    }

    /// Which of the parts it is of an event that was upcast to several; 0 for a whole one.
    #[inline]
    pub(crate) fn part(&self) -> u32 {
        self.random.origin().part
    }

    /// The recorded time: the wall clock's when the command ran, but never less than the event's before it.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Who ran the command and why, as given to [`Image::with`](crate::Image::with).
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Random values that come out the same on each replay.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Puts the random values back to their start, so that a body draws the same whether or not a check drew before it
    /// (checks do not run on replay).
    #[inline]
    pub(crate) fn rewind(&mut self) {
        self.random.rewind();
    }
}

/// The event that a record first was, kept by rewrites and branches, from which its random values derive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) seq: Seq,
    /// Which of the events that one was upcast to; 0 for a whole one.
    pub(crate) part: u32,
}

impl Origin {
    /// The origin of an event that was recorded under `seq` itself.
    pub(crate) fn own(seq: Seq) -> Origin {
        Origin { seq, part: 0 }
    }
}
