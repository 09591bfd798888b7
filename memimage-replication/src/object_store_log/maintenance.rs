//! Merging old entries into blocks, and pruning.
//!
//! Merging goes block by block: it writes the block, and then removes the entries' own objects, except those of claims; see `append`.
//! A block is merged when it lies at least 256 positions behind the end. Each step may be repeated, by this handle or by another one: after a crash
//! between the two, the next handle begins with the last block that the store lists, and removes the rest of its entries. A listing
//! that misses blocks costs repetitions only. A block of more than 64 MiB is left as single entries, and so is a block in which
//! entries were pruned.
//!
//! Pruning writes `first`, and then removes objects. What it removes, it takes from listings: what they miss is left over and never
//! read again, because all readers respect `first`. The next pruning removes it.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::entry::{CLAIM_MARK, is_claim};
use crate::log_error::LogError;

use super::block::{decode_first, encode_block, encode_first};
use super::log::Log;
use super::names::{BLOCK_ENTRIES, block_start, number_of};

/// Blocks that one call merges at most.
const BLOCKS_MAX: usize = 4;
/// A block with longer content is not merged.
const BLOCK_BYTES_MAX: usize = 64 << 20;
/// Entries that are read at the same time.
const CONCURRENT: usize = 8;
/// The bytes of an entry that show whether it is a claim.
const CLAIM_BYTES: u64 = CLAIM_MARK as u64;

impl Log {
    pub(super) async fn maintain(&self) -> Result<(), LogError> {
        self.verify_store().await?;
        let first = self.first().await?;
        let end = self.find_end().await?;
        let known = self.known.lock().next_block;
        let next = match known {
            Some(next) => next,
            None => self.last_listed_block().await?,
        };
        let first_whole = (first - 1).div_ceil(BLOCK_ENTRIES);
        for block in (next.max(first_whole)..).take(BLOCKS_MAX) {
            if block_start(block + 1) + BLOCK_ENTRIES > end {
                return Ok(());
            }
            self.merge(block).await?;
            self.known.lock().next_block = Some(block + 1);
        }
        Ok(())
    }

    async fn last_listed_block(&self) -> Result<u64, LogError> {
        let objects = self.objects.list(&self.names.blocks()).await?;
        Ok(objects.iter().filter_map(|object| number_of(&object.location)).max().unwrap_or(0))
    }

    async fn merge(&self, block: u64) -> Result<(), LogError> {
        if !self.has_block(block).await? {
            let Some(entries) = self.entries_of(block).await? else { return Ok(()) };
            // another handle may have been faster
            self.objects.create(&self.names.block(block), Bytes::from(encode_block(block, &entries))).await?;
        }
        // the block that counts is the stored one, and it is there before anything is removed
        let Some(header) = self.header(block).await? else { return Ok(()) };
        self.objects.delete(header.not_claims().map(|position| self.names.entry(position)).collect()).await
    }

    /// The entries of a block. None if they are too long, or were merged or pruned by another handle meanwhile.
    async fn entries_of(&self, block: u64) -> Result<Option<Vec<Bytes>>, LogError> {
        let positions = block_start(block)..block_start(block + 1);
        let gets = stream::iter(positions).map(|position| async move { (position, self.entry(position).await) });
        let mut gets = gets.buffered(CONCURRENT);
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while let Some((position, entry)) = gets.next().await {
            let Some(entry) = entry? else {
                if position >= self.first().await? {
                    self.ensure_no_hole(position).await?;
                }
                return Ok(None);
            };
            bytes += entry.len();
            if bytes > BLOCK_BYTES_MAX {
                return Ok(None);
            }
            entries.push(entry);
        }
        Ok(Some(entries))
    }

    pub(super) async fn prune(&self, position: u64) -> Result<(), LogError> {
        let first = self.first().await?;
        // the last entry stays: the append after it needs it
        let before = position.min(self.find_end().await?.saturating_sub(1)).max(first);
        if before > first {
            self.objects.put(&self.names.first(), encode_first(before).into()).await?;
        }
        self.remove_before(before).await?;
        // another handle that prunes less may have written `first` last
        let stored = self.objects.get(&self.names.first()).await?;
        if before > 1 && stored.and_then(|bytes| decode_first(&bytes)).is_none_or(|stored| stored < before) {
            self.objects.put(&self.names.first(), encode_first(before).into()).await?;
        }
        let mut known = self.known.lock();
        known.first = known.first.max(before);
        Ok(())
    }

    /// Removes the objects of all positions before this one that are listed, except those of claims.
    async fn remove_before(&self, before: u64) -> Result<(), LogError> {
        let blocks = self.objects.list(&self.names.blocks()).await?;
        let is_pruned = |path: &Path| number_of(path).is_some_and(|block| block_start(block + 1) <= before);
        self.objects.delete(blocks.into_iter().map(|object| object.location).filter(is_pruned).collect()).await?;
        let folder = self.names.entries();
        let mut parts = std::pin::pin!(self.objects.list_parts(&folder));
        while let Some(part) = parts.next().await {
            let is_pruned = |object: &ObjectMeta| number_of(&object.location).is_some_and(|position| position < before);
            let pruned = part?.into_iter().filter(is_pruned);
            let checks = stream::iter(pruned)
                .map(|object| async move { Ok((!self.is_claim(&object).await?).then_some(object.location)) });
            let removed = checks.buffered(CONCURRENT).try_filter_map(|path| std::future::ready(Ok(path)));
            self.objects.delete(removed.try_collect().await?).await?;
        }
        Ok(())
    }

    /// Whether an object holds a claim.
    async fn is_claim(&self, object: &ObjectMeta) -> Result<bool, LogError> {
        if object.size < CLAIM_BYTES {
            return Ok(false);
        }
        let beginning = self.objects.get_range(&object.location, 0..CLAIM_BYTES, None).await?;
        Ok(beginning.is_some_and(|bytes| is_claim(&bytes)))
    }
}
