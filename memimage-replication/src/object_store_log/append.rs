//! Appending an entry.
//!
//! An append creates the object of its position. The store refuses this while the object exists, so that of all appends at a position
//! one takes effect, as long as entries keep their objects. Merging and pruning remove objects. An append at such a position would create the
//! object again, and three rules keep it from ever counting:
//!
//! 1. *An append looks before and after.* Before it creates the object, it verifies that the position is the end of the log: the entry before
//!    it exists, and the position itself was not merged or pruned. Afterwards it verifies again that the position was not merged or
//!    pruned, since the process may have been suspended in between. The order makes this exact: a block (or `first`) is written before objects are
//!    removed. If no block exists after the object was created, no object of this position was removed before.
//! 2. *An owner's next append looks for the entry before it only.* A handle leaves out the rest of rule 1 if the position follows its own
//!    last append and the entry is not a claim. Another owner can only have begun with a claim at exactly this position, because it too appends at the end. Claims keep their
//!    objects for ever, merged and pruned or not: the store refuses the append. If there is no claim, nobody else has appended, and
//!    the position is the end. Appends of an earlier time that arrive late are the same case: the position has the claim, or the
//!    late entry's own bytes.
//! 3. *An object that holds a claim counts only if its position was not merged or pruned.* A claim of a standby may lose against an
//!    entry that is no claim, and arrive after this entry was merged and its object removed. Rule 1 answers `Occupied`, or the
//!    answer is lost. The claim's object is there then. Readers therefore look for the block when they find a claim.
//!
//! Nobody but a loss can have removed the entry before an owner's next one: a bucket or directory that was emptied, or a file system that
//! was unmounted, so that the directory underneath it is there. Without a look at that entry, the owner would go on to append and to
//! acknowledge behind the gap, and nobody could read what it acknowledged. The look is one HEAD an append, before the entry is created and
//! not beside it: so a log that has lost its end has no gap, and what is left of it can be read and continued. On a directory it takes about
//! 0.1 ms, and the creation with its syncs 4 ms. On S3 it takes one round trip and costs a twelfth of a PUT. What is lost between
//! the look and the creation is found at the next append.
//!
//! Callers that share a log without claims have rule 1 only. It is applied again if the handle's last append is ten seconds old.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::entry::is_claim;
use crate::log_error::{LogError, LogErrorKind};
use crate::planted::{Bug, planted};
use crate::remote_log::Append;

use super::log::{ENTRY_BYTES_MAX, Log};
use super::names::block_of;

const VERIFY_AFTER: Duration = Duration::from_secs(10);

impl Log {
    pub(super) async fn append(&self, position: u64, entry: Bytes) -> Result<Append, LogError> {
        if entry.len() > ENTRY_BYTES_MAX {
            let message = format!(
                "an entry of {} bytes is too long for `{}`: at most {ENTRY_BYTES_MAX}",
                entry.len(),
                self.objects.address()
            );
            return Err(LogError::new(LogErrorKind::Refused, message));
        }
        if position == 0 {
            return Ok(Append::Occupied);
        }
        self.verify_store().await?;
        // until this append is known to be done, nothing is known about the end
        let appended = self.known.lock().appended.take();
        let follows_own = appended.is_some_and(|(end, at)| end == position && at.elapsed() < VERIFY_AFTER);
        let is_next = follows_own && !is_claim(&entry);
        let is_end = if is_next { self.has_entry(position - 1).await? } else { self.is_end(position).await? };
        if !is_end {
            return Ok(Append::Occupied);
        }
        let path = self.names.entry(position);
        if planted(Bug::AppendedWithoutExpectation) {
            self.objects.put(&path, entry).await?;
            return Ok(Append::Done);
        }
        if !self.objects.create(&path, entry).await? {
            return Ok(Append::Occupied);
        }
        if !is_next && self.is_removed(position).await? {
            // the object did not exist, so it is not the claim that the log keeps
            self.objects.delete(vec![path]).await?;
            return Ok(Append::Occupied);
        }
        let mut known = self.known.lock();
        known.end = known.end.max(position + 1);
        known.appended = Some((position + 1, Instant::now()));
        Ok(Append::Done)
    }

    /// Whether an append at this position may take effect.
    async fn is_end(&self, position: u64) -> Result<bool, LogError> {
        let first = self.first().await?;
        if position < first || self.has_block(block_of(position)).await? {
            return Ok(false);
        }
        // the last entry is never pruned: a log that begins at `position` has an entry there, or is empty
        Ok(position == first || self.has_entry(position - 1).await?)
    }

    /// Verifies, once a handle, that the store refuses to create an object that exists.
    ///
    /// # Errors
    ///
    /// Returns an error if the store replaces it instead, as those do that ignore `If-None-Match`.
    pub(super) async fn verify_store(&self) -> Result<(), LogError> {
        if self.known.lock().store_is_verified {
            return Ok(());
        }
        let random = getrandom::u64()
            .map_err(|cause| LogError::new(LogErrorKind::Unavailable, format!("no random number: {cause}")))?;
        let probe = self.names.probe(random);
        let is_created = self.objects.probe(&probe, Bytes::from_static(b"first")).await?;
        let is_replaced = self.objects.create(&probe, Bytes::from_static(b"second")).await?;
        self.objects.delete(vec![probe]).await?;
        if !is_created || is_replaced {
            let message = format!(
                "the store of `{}` cannot hold a log: it replaces an object that was to be created only if it does not exist; \
                 help: use a store that honours `If-None-Match: *`",
                self.objects.address()
            );
            return Err(LogError::new(LogErrorKind::Refused, message));
        }
        self.known.lock().store_is_verified = true;
        Ok(())
    }
}
