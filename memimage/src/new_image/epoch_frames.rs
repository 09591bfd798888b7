//! The frames with which a new image begins an epoch.

use std::sync::Arc;

use super::record_writer::{JournalForm, RecordWriter};
use crate::context::Timestamp;
use crate::disk::Disk;
use crate::error::Error;
use crate::journal::{FrameKind, Layout};
use crate::keys::Keyring;

/// The frames with which a new image begins its next epoch.
///
/// A void frame is written in a later epoch than the events that were recorded before it, because their outcomes may differ on replay. The
/// outcomes of the events in that epoch may not. It is not known which of the events behind a recorded gap were recorded before the lost
/// events were given up. So from the first gap on, no epoch begins among the events. The void frames behind it, and the digests, which may be
/// those of states without the lost events, follow all events, in one epoch.
#[derive(Default)]
pub(crate) struct EpochFrames {
    frames: Vec<(FrameKind, Vec<u8>)>,
    is_behind_gap: bool,
}

impl EpochFrames {
    /// Adds a void frame.
    pub(crate) fn void(&mut self, body: Vec<u8>) {
        self.frames.push((FrameKind::Void, body));
    }

    /// From now on, an event may have been recorded before lost events were given up, and a digest after that.
    pub(crate) fn gap(&mut self) {
        self.is_behind_gap = true;
    }

    /// Whether the frames must follow all events.
    pub(crate) fn come_last(&self) -> bool {
        self.is_behind_gap
    }

    /// Adds a digest frame. Returns the frame if it can be written in its place.
    pub(crate) fn digest(&mut self, body: Vec<u8>) -> Option<Vec<u8>> {
        if !self.is_behind_gap {
            return Some(body);
        }
        self.frames.push((FrameKind::Digest, body));
        None
    }

    /// Begins an epoch of the new image with the frames, if there are any. `time` is the recorded time of the last event.
    pub(crate) fn begin_epoch(
        &mut self,
        writer: &mut RecordWriter,
        place: (&Arc<dyn Disk>, &Layout, &Arc<Keyring>),
        time: Timestamp,
    ) -> Result<(), Error> {
        match std::mem::take(&mut self.frames) {
            frames if frames.is_empty() => Ok(()),
            frames => writer.begin_epoch(place, JournalForm::DEFAULT, time, &frames),
        }
    }
}
