//! An image in which an event becomes void: its files, and what is done to them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::context::Timestamp;
use crate::disk::{Access, Disk, StoredFile, failed, sync_dir};
use crate::entropy::random;
use crate::error::Error;
use crate::journal::{
    BatchLimits, Durability, FrameKind, JournalEnd, Layout, ResumePoint, Salts, Scan, SegmentBuilder, Segments,
    ShapeTable, Voids, Watermark, go_on, next_epoch, quarantine, write_again,
};
use crate::keys::Keyring;
use crate::recovery::proven_by;
use crate::seq::Seq;
use crate::snapshot::Snapshots;

/// An image whose lock is held.
pub(super) struct VoidSession {
    disk: Arc<dyn Disk>,
    pub(super) layout: Layout,
    pub(super) source: Segments,
    snapshots: Snapshots,
    keyring: Arc<Keyring>,
    block: Option<Watermark>,
    /// The highest seq that anything besides the frames says was synced.
    pub(super) proven: Seq,
}

impl VoidSession {
    /// Reads all headers, of what is on disk.
    pub(super) fn find(disk: Arc<dyn Disk>, layout: Layout, keyring: Arc<Keyring>) -> Result<VoidSession, Error> {
        let survey = layout.survey(&*disk)?;
        for dir in [layout.root().to_owned(), layout.journal()] {
            sync_dir(&*disk, &dir)?;
        }
        let source = Segments::open(&disk, &layout, survey.image(&layout)?, &keyring)?;
        let snapshots = Snapshots::new(&disk, &layout, &keyring);
        let uuid = &source.identity().uuid;
        let block = layout.durable_block(&*disk, uuid)?;
        let proven = block.map_or(Seq::ZERO, |block| block.durable_seq).max(proven_by(&snapshots, uuid)?);
        let scan = Scan::new(&source, proven)?;
        snapshots.bases().account_for(&source, &scan)?;
        source.file(scan.active(), Access::ReadWrite)?.sync_data()?;
        Ok(VoidSession { disk, layout, source, snapshots, keyring, block, proven })
    }

    /// Whether there is a good base that does not rest on the event, and from which the journal goes on.
    pub(super) fn has_base_before(&self, seq: Seq, voids: &Voids) -> Result<bool, Error> {
        for (base, path) in self.snapshots.bases().list()? {
            if base >= seq || !self.source.reaches(base)? {
                continue;
            }
            let Ok(file) = self.snapshots.open(base, &path) else { continue };
            let header = &file.header;
            let is_of_use = header.uuid == self.source.identity().uuid && !voids.outdate(base, header.epoch);
            if is_of_use && file.check().is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Repairs the end of the journal as opening does. Gives `journal/durable`.
    pub(super) fn settle(&self, end: &JournalEnd) -> Result<(StoredFile, Option<PathBuf>), Error> {
        let disk = &*self.disk;
        self.layout.make_dirs(disk)?;
        let file = self.source.file(end.segment, Access::ReadWrite)?;
        let quarantined = quarantine(disk, &self.layout, &file, end)?;
        write_again(disk, &self.layout, &file, end)?;
        let durable = match self.layout.durable_file(disk)? {
            Some(file) => file,
            None => StoredFile::create(disk, &self.layout.durable())?,
        };
        self.layout.remove_unfinished(disk)?;
        Ok((durable, quarantined))
    }

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
        let epoch = next_epoch(&self.source, end, self.block)?;
        let maker = SegmentBuilder {
            disk: Arc::clone(&self.disk),
            layout: self.layout.clone(),
            identity: self.source.identity().clone(),
            epoch,
            // should one have to be made: no larger than those that are there
            largest: self.source.segments().filter_map(|segment| self.source.len_of(segment)).max().unwrap_or(0),
            protection: self.keyring.current(&self.source.identity().uuid, self.layout.root())?,
        };
        let salts = Salts::new(u64::from_le_bytes(random()?));
        let onward = ResumePoint { source: &self.source, end, table, time, durable_file, align_shift, salts };
        let journal = go_on(maker, onward, Durability::Synced, BatchLimits::default())?;
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
    pub(super) fn remove_outdated(&self, voids: &Voids) -> Result<Vec<PathBuf>, Error> {
        let mut removed = Vec::new();
        for (seq, path) in self.snapshots.starts()? {
            let Ok(file) = self.snapshots.open(seq, &path) else { continue };
            if file.header.uuid == self.source.identity().uuid && voids.outdate(seq, file.header.epoch) {
                self.disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
                removed.push(path);
            }
        }
        for dir in [self.layout.snapshots(), self.layout.journal()] {
            sync_dir(&*self.disk, &dir)?;
        }
        Ok(removed)
    }
}
