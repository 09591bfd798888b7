//! The written batches that the log on other machines does not have, oldest first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::journal::write::ticket::Ticket;
use crate::seq::Seq;

/// The smallest space of a batch in the journal, in bytes. So the number of batches is bounded where their bytes are.
const BATCH_BYTES_MIN: u64 = 512;
/// Batches that nobody waits for are counted together, up to these parts of the permitted lag.
const BYTES_PART: u64 = 256;
const TIME_PART: u32 = 64;

/// How far the log may be behind before commands wait or fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LagLimit {
    pub(crate) bytes: u64,
    /// `None` if only bytes count.
    pub(crate) time: Option<Duration>,
    /// Whether commands fail beyond the limit, and do not wait.
    pub(crate) fails: bool,
}

/// The written batches that the log does not have.
#[derive(Default)]
pub(super) struct UnreplicatedBatches {
    batches: VecDeque<UnreplicatedBatch>,
    /// The bytes of the batches.
    bytes: u64,
    /// The last event that the log has.
    shipped: Seq,
    /// The last event that may be shipped.
    pub(super) shippable: Seq,
    /// The last event that is synced to the local disk.
    pub(super) durable: Seq,
    /// Counts the changes that a shipper waits for.
    pub(super) changes: u64,
    /// Whether no more events become shippable.
    pub(super) is_closed: bool,
}

pub(super) struct UnreplicatedBatch {
    pub(super) last: Seq,
    bytes: u64,
    since: Instant,
    /// The ticket of the callers, if they wait for the log.
    pub(super) ticket: Option<Arc<Ticket>>,
    /// Whether the local disk has the batch, as safely as the durability mode requires.
    is_acknowledged: bool,
}

impl UnreplicatedBatches {
    /// Adds the recovered events as one batch, because it is not known how many of them the log has.
    pub(super) fn add_recovered(&mut self, last: Seq, now: Instant) {
        (self.shippable, self.durable) = (last, last);
        if last > Seq::ZERO {
            let batch = UnreplicatedBatch { last, bytes: 0, since: now, ticket: None, is_acknowledged: true };
            self.batches.push_back(batch);
        }
    }

    /// Adds a batch whose callers wait for the log. The local disk has not acknowledged it.
    pub(super) fn add_awaited(&mut self, last: Seq, bytes: usize, ticket: Arc<Ticket>, now: Instant) {
        let bytes = (bytes as u64).max(BATCH_BYTES_MIN);
        self.bytes += bytes;
        self.batches.push_back(UnreplicatedBatch {
            last,
            bytes,
            since: now,
            ticket: Some(ticket),
            is_acknowledged: false,
        });
    }

    /// Adds a batch whose callers got their answers. Counts it together with the batch before, if both are short and young: then the lag
    /// seems to be a little larger than it is.
    pub(super) fn add_answered(&mut self, last: Seq, bytes: usize, limit: LagLimit, now: Instant) {
        let bytes = (bytes as u64).max(BATCH_BYTES_MIN);
        self.bytes += bytes;
        if let Some(newest) = self.batches.back_mut() {
            let is_young = limit.time.is_none_or(|time| now.duration_since(newest.since) <= time / TIME_PART);
            if is_young && newest.bytes + bytes <= limit.bytes / BYTES_PART {
                newest.last = last;
                newest.bytes += bytes;
                return;
            }
        }
        self.batches.push_back(UnreplicatedBatch { last, bytes, since: now, ticket: None, is_acknowledged: true });
    }

    /// Records that the local disk has the newest batch.
    pub(super) fn acknowledge_newest(&mut self) {
        if let Some(newest) = self.batches.back_mut() {
            newest.is_acknowledged = true;
        }
    }

    /// Records that the log has all events up to this one.
    pub(super) fn set_shipped(&mut self, seq: Seq) {
        self.shipped = self.shipped.max(seq);
    }

    /// Removes the oldest batch, if both the local disk and the log have it. So batches leave in the order of the journal.
    pub(super) fn pop_replicated(&mut self) -> Option<UnreplicatedBatch> {
        self.batches.front().filter(|oldest| oldest.is_acknowledged && oldest.last <= self.shipped)?;
        let batch = self.batches.pop_front()?;
        self.bytes -= batch.bytes;
        Some(batch)
    }

    /// Removes all batches, and returns the tickets of their callers.
    pub(super) fn drain(&mut self) -> Vec<Arc<Ticket>> {
        self.bytes = 0;
        self.batches.drain(..).filter_map(|batch| batch.ticket).collect()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the oldest batch was written.
    pub(super) fn since(&self) -> Option<Instant> {
        self.batches.front().map(|oldest| oldest.since)
    }

    /// The last event that the log lacks; `None` if it lacks none.
    pub(super) fn last(&self) -> Option<Seq> {
        self.batches.back().map(|newest| newest.last)
    }
}
