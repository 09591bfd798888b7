//! The frames that follow all events of a new image, in an epoch of their own.

use std::sync::Arc;

use super::record_writer::JournalForm;
use crate::context::Timestamp;
use crate::disk::Disk;
use crate::entropy::random;
use crate::error::Error;
use crate::journal::{Durability, FrameKind, Layout, ResumePoint, Salts, SegmentBuilder, resume};
use crate::keys::Keyring;
use crate::recovery::{RequiredEnd, SettledJournal, WritableJournal};
use crate::seq::Life;

/// The frames that follow all events of a new image, in an epoch that has no events.
///
/// A void frame is written in a later epoch than the events that were recorded before it, because their outcomes may differ on replay. So
/// the void frames of the source, whichever events follow them, are written last, in one epoch. A digest that was recorded after one
/// of them, or after events were given up, may be that of a state without these events, so such digests follow them.
#[derive(Default)]
pub(crate) struct LastFrames {
    frames: Vec<(FrameKind, Vec<u8>)>,
    /// Whether the later digests are those of states that a decision may have changed.
    is_decided: bool,
}

impl LastFrames {
    /// Adds a void frame.
    pub(crate) fn void(&mut self, body: Vec<u8>) {
        self.is_decided = true;
        self.frames.push((FrameKind::Void, body));
    }

    /// From now on, a digest may be that of a state without lost events.
    pub(crate) fn gap(&mut self) {
        self.is_decided = true;
    }

    /// Adds a digest frame. Returns the frame if it need not come last.
    pub(crate) fn digest(&mut self, body: Vec<u8>) -> Option<Vec<u8>> {
        if !self.is_decided {
            return Some(body);
        }
        self.frames.push((FrameKind::Digest, body));
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes the frames at the end of the closed journal of a new image, in `life`, and begins the next segment, which proves that they
    /// were synced.
    pub(crate) fn append(
        &self,
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        life: Life,
    ) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let opened = WritableJournal::open(disk, layout, keyring, None, RequiredEnd::Proven)?;
        let scan = opened.journal.scan();
        let (table, end) = (scan.table()?, scan.read_end()?);
        let SettledJournal { journal, durable_file, .. } = opened.settle(&end)?;
        let identity = journal.segments().identity().clone();
        let protection = keyring.current(&identity.uuid, layout.root())?;
        let JournalForm { segment_bytes: largest, align_shift, limits } = JournalForm::DEFAULT;
        let builder =
            SegmentBuilder { disk: Arc::clone(disk), layout: layout.clone(), identity, life, largest, protection };
        let salts = Salts::new(u64::from_le_bytes(random()?));
        let (segments, time) = (journal.segments(), Timestamp::default());
        let point =
            ResumePoint { segments, end: &end, table: &table, time, events_hash: 0, durable_file, align_shift, salts };
        let journal = resume(builder, point, Durability::Synced, limits, Arc::default())?;
        let written = self.frames.iter().try_for_each(|(kind, body)| journal.record(*kind, body));
        let written = written.and_then(|()| journal.begin_segment(&table));
        // close the journal even after an error, because closing it ends its threads
        let closed = journal.close();
        written.and(closed).map_err(|error| error.cause())
    }
}
