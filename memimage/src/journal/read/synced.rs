//! Determines how far a journal is synced, for a reader beside the owner in another process.

use std::sync::Arc;

use super::frame_window::FrameWindow;
use super::tail::JournalTail;
use crate::disk::Disk;
use crate::error::Error;
use crate::journal::format::frame::FrameKind;
use crate::journal::layout::Layout;
use crate::keys::Keyring;
use crate::planted::{Bug, planted};
use crate::seq::Seq;

/// How far this search reads ahead of the reader once it has found a synced event, in bytes. The reader then reads this far, and
/// searches again.
const LOOKAHEAD: u64 = 8 << 20;

impl JournalTail {
    /// The last event that is known to be synced, as far as this reader can use it: `journal/durable` names the last event when
    /// the owner comes to rest, and each frame names the last event that was synced when the frame was built.
    ///
    /// The result is never too high. It can be lower than the last synced event while the owner writes without a pause.
    pub(crate) fn synced(&mut self) -> Result<Seq, Error> {
        self.synced_within(LOOKAHEAD)
    }

    /// The last event of a journal that its files prove to be synced.
    pub(crate) fn last_synced(disk: &Arc<dyn Disk>, layout: &Layout, keyring: &Arc<Keyring>) -> Result<Seq, Error> {
        JournalTail::in_last_segment(disk, layout, keyring)?.synced_within(u64::MAX)
    }

    fn synced_within(&mut self, lookahead: u64) -> Result<Seq, Error> {
        let uuid = self.scan.segments().identity().uuid;
        // read before any frame, so that the owner cannot remove a segment that this block names as the newest
        let watermark = self.layout.read_watermark(&*self.disk, &uuid)?;
        let by_frames = self.position.chain.map_or(Seq::ZERO, |chain| chain.durable);
        let mut synced = watermark.map_or(Seq::ZERO, |watermark| watermark.durable_seq).max(by_frames);
        let mut position = if self.position.sealed { self.position.in_next_segment() } else { self.position };
        let mut read = 0;
        'segments: loop {
            if self.scan.segments().len_of(position.segment).is_none() {
                self.relist()?;
            }
            if self.scan.segments().len_of(position.segment).is_none() {
                return Ok(synced);
            }
            let mut window = match FrameWindow::open_growing(self.scan.segments(), position.segment) {
                // the owner pruned this segment; the reader finds that out
                Err(error) if error.is_missing() => return Ok(synced),
                window => window?,
            };
            while let Some(summary) = window.header(position.offset as usize)? {
                synced = synced.max(match planted(Bug::UnsyncedFollowed) {
                    true => Seq::new(summary.next_seq.get() - 1),
                    false => summary.durable_seq,
                });
                read += summary.next_offset as u64 - position.offset;
                if synced > self.last() && read >= lookahead {
                    return Ok(synced);
                }
                if summary.kind == Some(FrameKind::Seal) {
                    position = position.in_next_segment();
                    continue 'segments;
                }
                position.offset = summary.next_offset as u64;
            }
            return Ok(synced);
        }
    }
}
