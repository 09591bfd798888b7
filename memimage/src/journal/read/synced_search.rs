//! The place up to which a reader has searched the journal for synced events.

use super::last_frame::FrameMark;
use super::position::TailPosition;
use crate::seq::Seq;

/// How far a reader has searched the journal for synced events. The search reads headers only, ahead of the reader.
#[derive(Debug)]
pub(super) struct SyncedSearch {
    /// The place at which the search continues.
    pub(super) position: TailPosition,
    /// The last frame that was searched; `None` if there was none.
    pub(super) frame: Option<FrameMark>,
    /// The last event that the frames up to there prove to be synced.
    pub(super) synced: Seq,
}

impl SyncedSearch {
    /// The last frame that was searched, if it lies after the position of the reader.
    pub(super) fn frame_ahead_of(&self, reader: &TailPosition) -> Option<FrameMark> {
        let place = |position: &TailPosition| (position.segment, position.offset, position.sealed);
        self.frame.filter(|_| place(&self.position) > place(reader))
    }
}
