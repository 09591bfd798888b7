//! Determines how far a journal is synced, for a reader beside the owner in another process.

use std::sync::Arc;

use super::frame_window::FrameWindow;
use super::last_frame::LastFrame;
use super::position::TailPosition;
use super::synced_search::SyncedSearch;
use super::tail::JournalTail;
use crate::disk::Disk;
use crate::error::Error;
use crate::journal::format::frame::FrameKind;
use crate::journal::layout::Layout;
use crate::keys::Keyring;
use crate::seq::Seq;

/// How far this search reads ahead once it has found a synced event that the reader lacks, in bytes. The reader then reads this
/// far, and searches again.
const LOOKAHEAD: u64 = 8 << 20;

impl JournalTail {
    /// The last event that is known to be synced, as far as a reader that has event `last` can use it: `journal/durable` names the
    /// last event when the owner comes to rest, and each frame names the last event that was synced when the frame was built.
    ///
    /// The result is never too high, and never inside of a recorded gap, after whose last event alone a state is known. It can be lower than the last synced event while the owner writes without a pause. Each frame
    /// is searched once, unless the owner replaces it.
    pub(crate) fn synced(&mut self, last: Seq) -> Result<Seq, Error> {
        self.synced_within(last, LOOKAHEAD)
    }

    /// The last event of a journal that its files prove to be synced.
    pub(crate) fn last_synced(disk: &Arc<dyn Disk>, layout: &Layout, keyring: &Arc<Keyring>) -> Result<Seq, Error> {
        JournalTail::in_last_segment(disk, layout, keyring)?.synced_within(Seq::ZERO, u64::MAX)
    }

    fn synced_within(&mut self, last: Seq, lookahead: u64) -> Result<Seq, Error> {
        let uuid = self.scan.segments().identity().uuid;
        // read before any frame, so that the owner cannot remove a segment that this block names as the newest
        let watermark = self.layout.read_watermark(&*self.disk, &uuid)?;
        let synced = watermark.map_or(Seq::ZERO, |watermark| watermark.durable_seq);
        let mut search = self.continued_search()?;
        let mut read = 0;
        'segments: while let Some(mut window) = self.searched_segment(&mut search.position)? {
            let segment = search.position.segment;
            loop {
                let offset = search.position.offset as usize;
                let Some(summary) = window.header(offset)? else { break 'segments };
                search.frame = Some(window.mark(segment, offset));
                search.add(&summary);
                search.position.offset = summary.next_offset as u64;
                search.position.sealed = summary.kind == Some(FrameKind::Seal);
                read += (summary.next_offset - offset) as u64;
                if synced.max(search.synced) > last && read >= lookahead {
                    break 'segments;
                }
                if search.position.sealed {
                    break;
                }
            }
        }
        let readable = search.readable(synced.max(search.synced));
        self.searched = Some(search);
        Ok(readable)
    }

    /// The search where the last one stopped, or from the reader's position if the reader has passed this place, or if the frames up
    /// to there were removed or replaced: a new owner may write others in place of frames that were not synced.
    fn continued_search(&mut self) -> Result<SyncedSearch, Error> {
        if let Some(searched) = self.searched.take()
            && let Some(frame) = searched.frame_ahead_of(&self.position)
            && self.find(&frame)? == LastFrame::InPlace
        {
            return Ok(searched);
        }
        let chain = self.position.chain;
        let synced = chain.map_or(Seq::ZERO, |chain| chain.durable);
        Ok(SyncedSearch {
            position: self.position,
            frame: None,
            synced,
            next: chain.map(|chain| chain.next_seq),
            gap: None,
        })
    }

    /// Opens the segment at this position; `None` if it does not exist yet. If the owner pruned it, moves the position to the first
    /// segment; the reader finds out what it has lost.
    fn searched_segment(&mut self, position: &mut TailPosition) -> Result<Option<FrameWindow>, Error> {
        if position.sealed {
            *position = position.in_next_segment();
        }
        let is_listed = self.scan.segments().len_of(position.segment).is_some();
        for is_current in [is_listed, false] {
            if !is_current {
                self.relist()?;
                if position.segment < self.scan.segments().first() {
                    *position = TailPosition::start_of(self.scan.segments().first());
                }
                if self.scan.segments().len_of(position.segment).is_none() {
                    return Ok(None);
                }
            }
            match FrameWindow::open_at_end(self.scan.segments(), position.segment) {
                Err(error) if error.is_missing() => {}
                window => return window.map(Some),
            }
        }
        // pruned once more; the next search finds the rest
        Ok(None)
    }
}
