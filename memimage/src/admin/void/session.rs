//! An image in which an event becomes void: its files, and what is done to them.

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

/// Whether there is a good base that does not rest on the event, and from which the journal goes on.
pub(super) fn has_base_before(journal: &OpenedJournal, seq: Seq, voids: &Voids) -> Result<bool, Error> {
    let (segments, snapshots) = (journal.segments(), journal.snapshots());
    for (base, path) in snapshots.bases().list()? {
        if base >= seq || !segments.reaches(base)? {
            continue;
        }
        let Ok(file) = snapshots.open(base, &path) else { continue };
        let header = &file.header;
        let is_of_use = header.uuid == segments.identity().uuid && !voids.invalidates(base, header.epoch);
        if is_of_use && file.check().is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An image whose lock is held, and whose journal's end is repaired.
pub(super) struct VoidSession {
    pub(super) journal: OpenedJournal,
    pub(super) keyring: Arc<Keyring>,
}

impl VoidSession {
    /// Writes and syncs a decision, unless it stands there, and begins the next segment, which proves that it was synced. Gives
    /// the epoch in which that is, and why the segment could not be begun.
    pub(super) fn record(
        &self,
        decision: Option<Vec<u8>>,
        time: Timestamp,
        end: &JournalEnd,
        table: &ShapeTable,
        durable_file: StoredFile,
        align_shift: u8,
    ) -> Result<(u64, Option<String>), Error> {
        let (segments, layout) = (self.journal.segments(), self.journal.layout());
        let epoch = self.journal.next_epoch(end)?;
        let maker = SegmentBuilder {
            disk: Arc::clone(self.journal.disk()),
            layout: layout.clone(),
            identity: segments.identity().clone(),
            epoch,
            // should one have to be made: no larger than those that are there
            largest: segments.ids().filter_map(|segment| segments.len_of(segment)).max().unwrap_or(0),
            protection: self.keyring.current(&segments.identity().uuid, layout.root())?,
        };
        let salts = Salts::new(u64::from_le_bytes(random()?));
        let point = ResumePoint { segments, end, table, time, durable_file, align_shift, salts };
        let journal = resume(maker, point, Durability::Synced, BatchLimits::default())?;
        let written = decision.map_or(Ok(()), |decision| journal.record(FrameKind::Void, &decision));
        // No event comes after the decision whose number could prove that it was synced. That another segment was entered
        // does: so if the decision is damaged later, that is seen.
        let proven = written.map(|()| journal.begin_segment(table));
        // ends its threads, whatever came of it
        let closed = journal.close();
        let proven = proven.and_then(|proven| closed.map(|()| proven)).map_err(|error| error.cause())?;
        Ok((epoch, proven.map_err(|error| error.to_string()).err()))
    }

    /// Removes the snapshots and bases that rest on void events: none of them is used any more.
    pub(super) fn remove_invalidated(&self, voids: &Voids) -> Result<Vec<PathBuf>, Error> {
        let (disk, layout) = (self.journal.disk(), self.journal.layout());
        let mut removed = Vec::new();
        for (seq, path) in self.journal.snapshots().start_candidates()? {
            let Ok(file) = self.journal.snapshots().open(seq, &path) else { continue };
            if file.header.uuid == self.journal.segments().identity().uuid && voids.invalidates(seq, file.header.epoch)
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
