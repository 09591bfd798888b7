//! The place up to which a reader has searched the journal for synced events.

use super::last_frame::FrameMark;
use super::position::TailPosition;
use crate::journal::format::frame::{FrameKind, FrameSummary};
use crate::planted::{Bug, planted};
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
    /// The event after the last frame that was searched; `None` if no frame is known.
    pub(super) next: Option<Seq>,
    /// The last recorded gap that was searched: its first lost event, and the event after it.
    pub(super) gap: Option<(Seq, Seq)>,
}

impl SyncedSearch {
    /// Adds the next frame.
    pub(super) fn add(&mut self, frame: &FrameSummary) {
        self.synced = self.synced.max(match planted(Bug::UnsyncedFollowed) {
            true => frame.next_seq.before(),
            false => frame.durable_seq,
        });
        if frame.kind == Some(FrameKind::Gap) {
            self.gap = self.next.map(|first| (first, frame.first_seq));
        }
        self.next = Some(frame.next_seq);
    }

    /// The last event up to which the journal can be read, if event `proven` is synced. Inside of a gap no state is known, and the gap
    /// frame, which a repair has synced, proves that all events up to the end of the gap are synced or lost.
    pub(super) fn readable(&self, proven: Seq) -> Seq {
        match self.gap {
            Some((first, next)) if (first..next).contains(&proven) => next.before(),
            _ => proven,
        }
    }

    /// The last frame that was searched, if it lies after the position of the reader.
    pub(super) fn frame_ahead_of(&self, reader: &TailPosition) -> Option<FrameMark> {
        let place = |position: &TailPosition| (position.segment, position.offset, position.sealed);
        self.frame.filter(|_| place(&self.position) > place(reader))
    }
}
