//! Reading entries, and finding the end of the log.
//!
//! The end is the first position that has neither an entry nor a block. Every append requires the entry before it, so this position can be
//! searched for in steps that double. A position without an entry although later ones exist is damage. `bounds` never takes a hole for
//! the end: it asks the store for later objects each time, and goes on behind those. It does not report the hole. `read` reports every hole
//! that it comes to: it compares with the end that the handle knows, and asks the store for later objects at the first end that it
//! meets, and at each 16th after it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::entry::{damaged, is_claim};
use crate::log_error::LogError;
use crate::remote_log::Bounds;

use super::block::BlockHeader;
use super::log::{Log, Tail};
use super::names::{block_of, block_start, number_of};

/// Entries that are read at the same time.
const AHEAD: usize = 8;
/// A read returns no more than this, whatever the caller allows.
const READ_BYTES_MAX: usize = 64 << 20;
/// Polls at the end of the log, until one looks for the block and for pruning again.
const POLLS: u32 = 15;
/// The time after which a poll does so anyway.
const POLLS_TIME: Duration = Duration::from_secs(10);

impl Log {
    pub(super) async fn read(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let bytes_max = bytes_max.min(READ_BYTES_MAX);
        let (first, header) = {
            let known = self.known.lock();
            (known.first, known.header.clone())
        };
        self.ensure_not_pruned(position, first)?;
        if let Some(header) = header.filter(|header| header.block == block_of(position))
            && let Some(entries) = self.read_block(&header, position, bytes_max).await?
        {
            return Ok(entries);
        }
        let entries = self.read_entries(position, bytes_max).await?;
        if !entries.is_empty() {
            let mut known = self.known.lock();
            known.end = known.end.max(position + entries.len() as u64);
            return Ok(entries);
        }
        if self.is_tail(position) {
            return Ok(Vec::new());
        }
        self.read_without_entry(position, bytes_max).await
    }

    /// Whether a full look at this position has found nothing a short time ago.
    fn is_tail(&self, position: u64) -> bool {
        let mut known = self.known.lock();
        let Some(tail) = known.tail.as_mut().filter(|tail| tail.position == position) else { return false };
        tail.polls += 1;
        tail.polls <= POLLS && tail.since.elapsed() < POLLS_TIME
    }

    /// Reads entries that have objects of their own: first one, then more at a time.
    async fn read_entries(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let mut read = Entries { entries: Vec::new(), bytes: 0, bytes_max };
        loop {
            let next = position.saturating_add(read.entries.len() as u64);
            let ahead = read.ahead() as u64;
            let gets = stream::iter(next..next.saturating_add(ahead))
                .map(|position| async move { self.entry(position).await });
            // all of them: a part of the answers would leave requests behind
            let objects: Vec<Option<Bytes>> = gets.buffered(AHEAD).try_collect().await?;
            for (position, object) in (next..).zip(objects) {
                let Some(object) = object else { return Ok(read.entries) };
                // see the third rule of `append`
                if is_claim(&object) && self.is_removed(position).await? {
                    return Ok(read.entries);
                }
                if read.push(&object).is_break() {
                    return Ok(read.entries);
                }
            }
        }
    }

    /// Reads entries from a block. None if the block was pruned meanwhile.
    async fn read_block(
        &self,
        header: &BlockHeader,
        position: u64,
        bytes_max: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, LogError> {
        let (count, range) = header.range(position, bytes_max);
        let bytes = if range.is_empty() {
            Some(Bytes::new())
        } else {
            self.objects.get_range(&self.names.block(header.block), range, None).await?
        };
        let Some(bytes) = bytes else {
            self.known.lock().header = None;
            return Ok(None);
        };
        let what = "its block has other bytes";
        let entries = header
            .entries(position, count, &bytes)
            .map_err(|position| damaged(self.objects.address(), position, what))?;
        let mut known = self.known.lock();
        known.end = known.end.max(block_start(header.block + 1));
        Ok(Some(entries))
    }

    /// Reads at a position that has no entry of its own: it was merged or pruned, or is the end.
    async fn read_without_entry(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let header = self.header(block_of(position)).await?.map(Arc::new);
        // after the block: what is pruned now may still have had its block before
        self.ensure_not_pruned(position, self.first().await?)?;
        if let Some(header) = header {
            self.known.lock().header = Some(Arc::clone(&header));
            if let Some(entries) = self.read_block(&header, position, bytes_max).await? {
                return Ok(entries);
            }
        }
        let (ends_seen, end) = {
            let mut known = self.known.lock();
            known.ends_seen = known.ends_seen.wrapping_add(1);
            (known.ends_seen, known.end)
        };
        if position < end || (ends_seen % 16 == 1 && self.behind(position).await?.is_some()) {
            self.ensure_no_hole(position).await?;
            return Ok(Vec::new());
        }
        self.known.lock().tail = Some(Tail { position, since: Instant::now(), polls: 0 });
        Ok(Vec::new())
    }

    /// A position behind this one whose entry or block the store lists.
    async fn behind(&self, position: u64) -> Result<Option<u64>, LogError> {
        let entry = self.objects.list_one(&self.names.entries(), &self.names.entry(position)).await?;
        let block = self.objects.list_one(&self.names.blocks(), &self.names.block(block_of(position))).await?;
        let entry = entry.and_then(|object| number_of(&object.location));
        let block = block.and_then(|object| number_of(&object.location)).map(|block| block_start(block + 1) - 1);
        Ok(entry.or(block))
    }

    pub(super) async fn bounds(&self) -> Result<Bounds, LogError> {
        loop {
            let first = self.first().await?;
            let end = self.find_end().await?;
            let Some(behind) = self.behind(end).await? else { return Ok(Bounds { first, end }) };
            // more was appended, or what `find_end` looked for was pruned; otherwise there is a hole
            if end >= self.first().await? && !self.has_entry(end).await? {
                // not if the listing shows what does not exist
                if !self.has_entry(behind).await? {
                    self.ensure_no_hole(end).await?;
                }
                let mut known = self.known.lock();
                known.end = known.end.max(behind + 1);
            }
        }
    }

    /// Searches for the end of the log from the last known one on.
    pub(super) async fn find_end(&self) -> Result<u64, LogError> {
        // all positions before `low` have an entry, but for holes
        let mut low = self.known.lock().end;
        let mut step = 1;
        while self.has_entry(low + step - 1).await? {
            low += step;
            step = (step * 2).min(1 << 32);
        }
        // the position `high` has none
        let mut high = low + step - 1;
        while low < high {
            let middle = low + (high - low) / 2;
            if self.has_entry(middle).await? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut known = self.known.lock();
        known.end = known.end.max(low);
        Ok(known.end)
    }
}

/// Entries that were read, in order.
struct Entries {
    entries: Vec<Vec<u8>>,
    bytes: usize,
    bytes_max: usize,
}

impl Entries {
    /// Adds an entry if it fits, or is the first one. Breaks if no more entries can fit.
    fn push(&mut self, entry: &Bytes) -> ControlFlow<()> {
        if !self.entries.is_empty() && entry.len() > self.bytes_max - self.bytes {
            return ControlFlow::Break(());
        }
        self.bytes += entry.len();
        self.entries.push(entry.to_vec());
        if self.bytes >= self.bytes_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// How many entries to read next: twice as many each time, while entries of this length fit.
    fn ahead(&self) -> usize {
        let count = self.entries.len();
        let Some(mean) = self.bytes.checked_div(count) else { return 1 };
        let fitting = self.bytes_max.saturating_sub(self.bytes) / mean.max(1);
        count.min(AHEAD).min(fitting.max(1))
    }
}
