//! Verifies that the journal on disk still continues what a reader has read from it.

use super::last_frame::{FrameMark, LastFrame};
use super::tail::JournalTail;
use crate::disk::{Access, StoredFile};
use crate::error::{Error, ErrorDetail};
use crate::journal::format::frames::FrameChain;
use crate::journal::format::timeline::life_conflict;
use crate::journal::layout::Layout;
use crate::seq::Seq;

/// How the journal on disk continues what a reader has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continuity {
    /// The journal contains the frames that were read, as far as pruning left them.
    Whole,
    /// The journal has a void frame after the reader's position, which may make an event void that was read.
    Voided,
}

impl JournalTail {
    /// Verifies that the journal still contains what was read from it: neither was it cut, nor replaced by another timeline or
    /// by another image. `counted` is the number of void frames that the reader knows.
    ///
    /// Without `compare`, reads only `journal/durable`. With `compare`, also compares the last frame that was read.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`Replaced`](crate::ErrorKind::Replaced) if the journal was cut or replaced, and errors of
    /// reading it.
    pub(crate) fn verify_continuity(&mut self, counted: u32, compare: bool) -> Result<Continuity, Error> {
        let uuid = self.scan.segments().identity().uuid;
        let chain = self.position.chain;
        if let Some(watermark) = self.layout.read_watermark(&*self.disk, &uuid)? {
            let life = chain.unwrap_or(FrameChain::START).life;
            if life_conflict([life].into_iter(), watermark.life).is_some() {
                return Err(self.other_timeline());
            }
            // an owner or a repair begins its epoch with the last event that it knows to be synced
            let is_behind = watermark.life.epoch > life.epoch && watermark.durable_seq < self.last();
            if is_behind && self.find_last_frame()? != LastFrame::InPlace {
                return Err(self.shorter(watermark.durable_seq));
            }
            if watermark.decisions > counted.max(chain.map_or(0, |chain| chain.decisions)) {
                return Ok(Continuity::Voided);
            }
        }
        if compare {
            self.compare_last_frame()?;
        }
        Ok(Continuity::Whole)
    }

    fn compare_last_frame(&mut self) -> Result<(), Error> {
        match self.find_last_frame()? {
            LastFrame::InPlace => Ok(()),
            LastFrame::Removed => {
                self.relist()?;
                let first = self.scan.segments().first();
                if self.last_frame.is_some_and(|frame| frame.segment() >= first) {
                    let end = JournalTail::last_synced(&self.disk, &self.layout, &self.keyring)?;
                    return Err(self.shorter(end));
                }
                // the owner pruned the segment; the next frame must still continue the removed one
                self.last_frame = None;
                Ok(())
            }
            LastFrame::Replaced => {
                self.relist()?;
                let end = JournalTail::last_synced(&self.disk, &self.layout, &self.keyring)?;
                Err(if end < self.last() { self.shorter(end) } else { self.other_timeline() })
            }
        }
    }

    fn find_last_frame(&mut self) -> Result<LastFrame, Error> {
        match self.last_frame {
            Some(frame) => self.find(&frame),
            None => {
                // nothing but the UUID identifies the journal
                self.relist()?;
                Ok(LastFrame::InPlace)
            }
        }
    }

    /// Looks for a frame where this reader has found it.
    pub(super) fn find(&self, frame: &FrameMark) -> Result<LastFrame, Error> {
        match StoredFile::open(&*self.disk, &self.layout.segment(frame.segment()), Access::Read) {
            Ok(file) => frame.find_in(&file),
            Err(error) if error.is_missing() => Ok(LastFrame::Removed),
            Err(error) => Err(error),
        }
    }

    /// The error for a journal that now ends with event `end`, before the reader's position.
    pub(crate) fn shorter(&self, end: Seq) -> Error {
        shorter_journal(&self.layout, self.last(), end)
    }

    /// The error for a journal of another timeline of the image.
    pub(crate) fn other_timeline(&self) -> Error {
        other_timeline(&self.layout, self.last())
    }

    /// The error for a journal of another image.
    pub(crate) fn other_image(&self) -> Error {
        other_image(&self.layout)
    }
}

/// The error for a journal that now ends with event `end`, although event `last` was read.
pub(crate) fn shorter_journal(layout: &Layout, last: Seq, end: Seq) -> Error {
    replaced(
        layout,
        format!(
            "event {last} was read, but the journal now ends with event {end}: a repair gave up events, or an older copy of the \
             image replaced it"
        ),
    )
}

/// The error for a journal of another timeline of the image, of which the events up to `last` were read.
pub(crate) fn other_timeline(layout: &Layout, last: Seq) -> Error {
    replaced(
        layout,
        format!(
            "the journal now has another history up to event {last}: another timeline of the image replaced it, such as a copy in \
             which a program recorded other events"
        ),
    )
}

/// The error for a journal of another image.
pub(crate) fn other_image(layout: &Layout) -> Error {
    replaced(layout, "the directory now contains another image".to_owned())
}

/// The error for an image that is no longer there.
pub(crate) fn removed_image(layout: &Layout) -> Error {
    replaced(layout, "the directory was removed, or its files were".to_owned())
}

fn replaced(layout: &Layout, what: String) -> Error {
    Error::new(ErrorDetail::Replaced { path: layout.root().to_owned(), what })
}
