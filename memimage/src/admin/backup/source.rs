//! Reads the image of which a backup is made: the end of its journal, and the files that belong to the backup.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
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
/// The path of a snapshot or a copy of a base that cannot be used, and the reason.
pub(super) type UnusableState = (PathBuf, String);

/// An image, read up to the end of its journal.
pub(super) struct Source {
    journal: OpenedJournal,
    /// The end of the journal. All frames before it are synced.
    pub(super) end: JournalEnd,
    /// The snapshots of this image, of events up to the end.
    pub(super) snapshots: Vec<StatePath>,
    /// The copies of bases of this image, of events up to the end.
    pub(super) bases: Vec<StatePath>,
    /// The event before the first one of a pruned journal, which needs a state after this event or a later one; `None` if the
    /// journal begins at genesis.
    oldest_start: Option<Seq>,
    /// The other snapshots and copies of bases: their headers cannot be read, or are damaged.
    pub(super) unusable: Vec<UnusableState>,
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
        // The owner may have written the last frames without having synced them. After a power cut, the backup would contain
        // events that the image has lost.
        let end = journal.read_synced_end()?;
        // the owner may have replaced an unused segment by a longer one between the listing and the reading
        if journal.segments().file(end.segment, Access::Read)?.len()? != end.len {
            return Ok(None);
        }
        let mut unusable = Vec::new();
        let mut own = |listed: Vec<StatePath>| own_states(&states, journal.segments(), listed, &mut unusable);
        let (snapshots, bases) = (own(snapshots), own(bases));
        let last = end.chain.before();
        if bases.iter().chain(&snapshots).any(|(seq, _)| *seq > last) {
            return Ok(None);
        }
        let oldest_start = oldest_start(journal.segments())?;
        Ok(Some(Source { journal, end, snapshots, bases, oldest_start, unusable }))
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
    /// Whether the journal can be replayed from its first event, or from the state after one of these events.
    pub(super) fn can_start_after(&self, mut states: impl Iterator<Item = Seq>) -> bool {
        self.oldest_start.is_none_or(|oldest| states.any(|seq| seq >= oldest))
    }

    /// Whether the image had a snapshot or a copy of a base with this path when it was read.
    pub(super) fn has_state(&self, path: &Path) -> bool {
        let mut usable = self.bases.iter().chain(&self.snapshots).map(|(_, path)| path);
        usable.any(|own| own == path) || self.unusable.iter().any(|(own, _)| own == path)
    }

    /// Reads and verifies the whole file of a snapshot or a copy of a base.
    pub(super) fn verify_state(&self, (seq, path): &StatePath) -> Result<(), Error> {
        self.journal.snapshots().open(*seq, path)?.check().map(drop)
    }

    /// Verifies the frames from segment `from` on, so that no damage of the image gets into an earlier backup.
    pub(super) fn verify_frames(&self, from: SegmentId) -> Result<(), Error> {
        let from = from.max(self.segments().first());
        self.journal.scan().read(from, |_, _| Ok(ControlFlow::Continue(()))).map(drop)
    }
}

fn oldest_start(segments: &Segments) -> Result<Option<Seq>, Error> {
    if segments.starts_at_genesis() {
        return Ok(None);
    }
    for segment in segments.ids() {
        if let Some(header) = segments.first_frame(segment)? {
            return Ok(Some(Seq::new(header.first_seq.get().saturating_sub(1))));
        }
    }
    Ok(None)
}

/// The listed states that belong to this image. The journal can do without any of them, or `Copies` finds out that it cannot:
/// a snapshot is a cache, and a base has a second copy. So an unreadable one does not stop the backup.
fn own_states(
    states: &Snapshots,
    segments: &Segments,
    listed: Vec<StatePath>,
    unusable: &mut Vec<UnusableState>,
) -> Vec<StatePath> {
    let mut own = Vec::new();
    for (seq, path) in listed {
        match states.open(seq, &path) {
            Ok(file) => {
                let header = &file.header;
                if header.identity.uuid == segments.identity().uuid && segments.life_conflict(header.life).is_none() {
                    own.push((seq, path));
                }
            }
            // the owner removed it
            Err(error) if error.is_missing() => {}
            Err(error) => unusable.push((path, error.in_short())),
        }
    }
    own
}
