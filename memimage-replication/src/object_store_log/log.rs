//! What a handle knows of its log, and the questions that reading, appending and maintenance have in common.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;

use crate::entry::damaged;
use crate::log_error::{LogError, LogErrorKind};

use super::ObjectStoreOptions;
use super::block::{BlockHeader, HEADER, decode_first};
use super::names::{Names, block_of, block_start};
use super::requests::Objects;

/// The longest entry.
pub(super) const ENTRY_BYTES_MAX: usize = 4 << 20;

/// A log, for async calls.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) objects: Objects,
    pub(super) names: Names,
    pub(super) known: Mutex<Known>,
}

/// What a handle knows of its log. All of it stays true whatever other handles do, except where it says otherwise.
#[derive(Debug)]
pub(super) struct Known {
    /// Whether the store is known to refuse to create an object a second time.
    pub(super) store_is_verified: bool,
    /// The log begins at this position or a later one.
    pub(super) first: u64,
    /// The log ends at this position or a later one.
    pub(super) end: u64,
    /// The position after the last append of this handle, if that was `Done`, and when. Others may have appended since.
    pub(super) appended: Option<(u64, Instant)>,
    /// The end at which the last read found nothing.
    pub(super) tail: Option<Tail>,
    /// How often a read found nothing at all.
    pub(super) ends_seen: u32,
    /// The header of the block that was read last. The block may be pruned since.
    pub(super) header: Option<Arc<BlockHeader>>,
    /// The block that maintenance looks at next.
    pub(super) next_block: Option<u64>,
}

/// A position at which neither an entry nor a block was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) position: u64,
    pub(super) since: Instant,
    /// The number of reads since, which looked for the entry only.
    pub(super) polls: u32,
}

impl Log {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: Path, address: &str, options: ObjectStoreOptions) -> Log {
        let known = Known {
            store_is_verified: false,
            first: 1,
            end: 1,
            appended: None,
            tail: None,
            ends_seen: 0,
            header: None,
            next_block: None,
        };
        Log { objects: Objects::new(store, address, options), names: Names::new(prefix), known: Mutex::new(known) }
    }

    /// The first position that the log still has.
    pub(super) async fn first(&self) -> Result<u64, LogError> {
        let stored = match self.objects.get(&self.names.first()).await? {
            None => 1,
            Some(bytes) => decode_first(&bytes).ok_or_else(|| {
                let message = format!("the object `{}` of `{}` is damaged", self.names.first(), self.objects.address());
                LogError::new(LogErrorKind::Damaged, message)
            })?,
        };
        let mut known = self.known.lock();
        // of two that prune at the same time, the one that asks for less may write last: then the log seems to begin earlier
        known.first = known.first.max(stored);
        known.end = known.end.max(known.first);
        Ok(known.first)
    }

    /// The bytes of an entry's own object.
    pub(super) async fn entry(&self, position: u64) -> Result<Option<Bytes>, LogError> {
        self.objects.get(&self.names.entry(position)).await
    }

    /// The header of a block. None if the block does not exist.
    pub(super) async fn header(&self, block: u64) -> Result<Option<BlockHeader>, LogError> {
        let Some(bytes) = self.objects.get_range(&self.names.block(block), 0..HEADER as u64, None).await? else {
            return Ok(None);
        };
        let damaged = |what| damaged(self.objects.address(), block_start(block), what);
        BlockHeader::decode(block, &bytes).map(Some).map_err(damaged)
    }

    pub(super) async fn has_block(&self, block: u64) -> Result<bool, LogError> {
        Ok(self.objects.head(&self.names.block(block)).await?.is_some())
    }

    /// Whether the log has an entry at this position. The order matters: an entry's own object is removed only after its block exists,
    /// so that one of the two is found.
    pub(super) async fn has_entry(&self, position: u64) -> Result<bool, LogError> {
        Ok(self.objects.head(&self.names.entry(position)).await?.is_some()
            || self.has_block(block_of(position)).await?)
    }

    /// Whether the entry at this position was merged into a block or pruned. If so, the object of this position counts no more.
    pub(super) async fn is_removed(&self, position: u64) -> Result<bool, LogError> {
        Ok(self.has_block(block_of(position)).await? || position < self.first().await?)
    }

    /// Called for a position without entry and block, if later entries exist.
    ///
    /// # Errors
    ///
    /// Returns an error unless the entry has appeared meanwhile.
    pub(super) async fn ensure_no_hole(&self, position: u64) -> Result<(), LogError> {
        if self.has_entry(position).await? {
            return Ok(());
        }
        self.ensure_not_pruned(position, self.first().await?)?;
        Err(damaged(self.objects.address(), position, "it does not exist, although later entries do"))
    }

    pub(super) fn ensure_not_pruned(&self, position: u64, first: u64) -> Result<(), LogError> {
        if position >= first {
            return Ok(());
        }
        let address = self.objects.address();
        let message = format!(
            "the entry at position {position} of `{address}` was pruned: the log begins at {first}; help: begin with a snapshot"
        );
        Err(LogError::new(LogErrorKind::Pruned, message))
    }
}
