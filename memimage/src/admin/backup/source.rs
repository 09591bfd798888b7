//! Reads the image of which a backup is made: the end of its journal, and the files that belong to the backup.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Access, Disk};
use crate::error::Error;
use crate::journal::{JournalEnd, Layout, Segments, Watermark};
use crate::keys::Keyring;
use crate::recovery::OpenedJournal;
use crate::seq::{Life, SegmentId, Seq};
use crate::snapshot::Snapshots;

/// A snapshot or a copy of a base: the last event in its state, and its path.
pub(super) type StatePath = (Seq, PathBuf);

/// An image, read up to the end of its journal.
pub(super) struct Source {
    journal: OpenedJournal,
    /// The end of the journal. All frames before it are synced.
    pub(super) end: JournalEnd,
    /// The snapshots of this image, of events up to the end.
    pub(super) snapshots: Vec<StatePath>,
    /// The copies of bases of this image, of events up to the end.
    pub(super) bases: Vec<StatePath>,
}

impl Source {
    /// Reads the image. The events up to `synced` must be in its journal. Returns `None` if an owner changed the image
    /// meanwhile, so that the parts do not fit together.
    ///
    /// The order of the steps matters, because an owner may append events, make snapshots and prune the journal meanwhile.
    /// Snapshots and bases come before the end of the journal: they must not contain later events than the copied journal. The
    /// bases are listed while the journal begins with the same segment: so they replace the events before this segment.
    pub(super) fn read(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        synced: Seq,
    ) -> Result<Option<Source>, Error> {
        let states = Snapshots::new(disk, layout, keyring);
        let snapshots = states.list()?;
        let journal = OpenedJournal::in_use(disk, layout, keyring, synced)?;
        let bases = states.bases().list()?;
        let again = layout.survey(&**disk)?;
        if !again.image(layout)?.contains(&journal.segments().first()) {
            return Ok(None);
        }
        let end = read_end(&journal)?;
        let own = |listed: Vec<StatePath>| own_states(&states, journal.segments(), listed);
        let (snapshots, bases) = (own(snapshots)?, own(bases)?);
        let last = end.chain.before();
        if bases.iter().chain(&snapshots).any(|(seq, _)| *seq > last) {
            return Ok(None);
        }
        Ok(Some(Source { journal, end, snapshots, bases }))
    }

    pub(super) fn segments(&self) -> &Segments {
        self.journal.segments()
    }

    /// The numbers of the segments that belong to the backup, in order.
    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = SegmentId> {
        self.segments().ids().filter(|segment| *segment <= self.end.segment)
    }

    /// The last event of the journal.
    pub(super) fn last(&self) -> Seq {
        self.end.chain.before()
    }

    /// The watermark of a copy of this image that ends here and is synced.
    pub(super) fn watermark(&self) -> Watermark {
        let JournalEnd { segment, offset, chain, .. } = &self.end;
        let life: Life = self.journal.life(&self.end);
        Watermark {
            life,
            durable_seq: self.last(),
            segment: *segment,
            offset: *offset as u64,
            previous: chain.previous.hash,
            decisions: chain.decisions,
        }
    }
}

impl Source {
    /// Verifies the frames from segment `from` on, so that no damage of the image gets into an earlier backup.
    pub(super) fn verify_frames(&self, from: SegmentId) -> Result<(), Error> {
        let from = from.max(self.segments().first());
        self.journal.scan().read(from, |_, _| Ok(ControlFlow::Continue(()))).map(drop)
    }
}

/// Reads the end of the journal, and syncs it.
fn read_end(journal: &OpenedJournal) -> Result<JournalEnd, Error> {
    let end = journal.scan().read_end()?;
    journal.check_watermark(&end)?;
    // The owner may have written the last frames without having synced them. After a power cut, the backup would contain events
    // that the image has lost.
    journal.segments().file(end.segment, Access::Read)?.sync_data()?;
    Ok(end)
}

/// The listed states that belong to this image. A state that was removed meanwhile or whose header is damaged is left out: a
/// snapshot is a cache, and a base has a second copy.
fn own_states(states: &Snapshots, segments: &Segments, listed: Vec<StatePath>) -> Result<Vec<StatePath>, Error> {
    let mut own = Vec::new();
    for (seq, path) in listed {
        match states.open(seq, &path) {
            Ok(file) => {
                let header = &file.header;
                if header.identity.uuid == segments.identity().uuid && segments.life_conflict(header.life).is_none() {
                    own.push((seq, path));
                }
            }
            Err(error) if error.is_io() && !error.is_missing() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(own)
}
