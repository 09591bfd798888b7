//! A void operation on a locked image: records the decision, and removes snapshots that depend on void events.

use std::path::PathBuf;
use std::sync::Arc;

use crate::context::Timestamp;
use crate::disk::{StoredFile, failed, sync_dir};
use crate::entropy::random;
use crate::error::Error;
use crate::journal::{
    BatchLimits, Durability, FrameKind, JournalEnd, ResumePoint, Salts, SegmentBuilder, ShapeTable, Voids, resume,
};
use crate::keys::Keyring;
use crate::recovery::OpenedJournal;
use crate::seq::Seq;

/// Whether there is an intact base that does not depend on event `seq` and from which the journal continues.
pub(super) fn has_base_before(journal: &OpenedJournal, seq: Seq, voids: &Voids) -> Result<bool, Error> {
    let (segments, snapshots) = (journal.segments(), journal.snapshots());
    for (base, path) in snapshots.bases().list()? {
        if base >= seq || !segments.reaches(base)? {
            continue;
        }
        let Ok(file) = snapshots.open(base, &path) else { continue };
        let header = &file.header;
        let is_usable = header.identity.uuid == segments.identity().uuid && !voids.invalidates(base, header.life.epoch);
        if is_usable && file.check().is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A locked image; the end of its journal is already repaired.
pub(super) struct VoidSession {
    pub(super) journal: OpenedJournal,
    pub(super) keyring: Arc<Keyring>,
}

impl VoidSession {
    /// Writes and syncs the decisions, unless they are already recorded. Then begins the next segment: its start proves that the
    /// decisions were synced. Returns the epoch that this function begins, and the error if the next segment could not be created.
    pub(super) fn record(
        &self,
        decisions: &[Vec<u8>],
        time: Timestamp,
        end: &JournalEnd,
        table: &ShapeTable,
        durable_file: StoredFile,
        align_shift: u8,
    ) -> Result<(u64, Option<String>), Error> {
        let (segments, layout) = (self.journal.segments(), self.journal.layout());
        let life = self.journal.next_life(end)?;
        let builder = SegmentBuilder {
            disk: Arc::clone(self.journal.disk()),
            layout: layout.clone(),
            identity: segments.identity().clone(),
            life,
            // the maximum length of a new segment: the length of the largest existing segment
            largest: segments.ids().filter_map(|segment| segments.len_of(segment)).max().unwrap_or(0),
            protection: self.keyring.current(&segments.identity().uuid, layout.root())?,
        };
        let salts = Salts::new(u64::from_le_bytes(random()?));
        let point = ResumePoint { segments, end, table, time, events_hash: 0, durable_file, align_shift, salts };
        let journal = resume(builder, point, Durability::Synced, BatchLimits::default(), Arc::default())?;
        let written = decisions.iter().try_for_each(|decision| journal.record(FrameKind::Void, decision));
        // No event follows the decisions, so no seq can prove that they were synced. Without a proof, later damage to a decision
        // would go unnoticed, so the start of the next segment serves as the proof.
        let proven = written.map(|()| journal.begin_segment(table));
        // close the journal even after an error, because closing it ends its threads
        let closed = journal.close(|| Ok(()));
        let proven = proven.and_then(|proven| closed.map(|()| proven)).map_err(|error| error.cause())?;
        Ok((life.epoch, proven.map_err(|error| error.to_string()).err()))
    }

    /// Removes the snapshots and bases that depend on void events, because recovery no longer uses such files.
    pub(super) fn remove_invalidated(&self, voids: &Voids) -> Result<Vec<PathBuf>, Error> {
        let (disk, layout) = (self.journal.disk(), self.journal.layout());
        let mut removed = Vec::new();
        for (seq, path) in self.journal.snapshots().start_candidates()? {
            let Ok(file) = self.journal.snapshots().open(seq, &path) else { continue };
            if file.header.identity.uuid == self.journal.segments().identity().uuid
                && voids.invalidates(seq, file.header.life.epoch)
            {
                disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
                removed.push(path);
            }
        }
        for dir in [layout.snapshots(), layout.journal()] {
            sync_dir(&**disk, &dir)?;
        }
        Ok(removed)
    }
}
