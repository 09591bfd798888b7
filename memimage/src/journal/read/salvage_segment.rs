//! Salvage of one segment: reads its frames up to the end, past all damage between them.

use std::ops::{ControlFlow, Range};

use super::damage::DamageKind;
use super::headers::CheckedHeader;
use super::salvage_progress::SalvageProgress;
use super::salvage_source::SalvageSource;
use super::salvaged::{FrameVisitor, Framing};
use crate::error::Error;
use crate::journal::format::frame::{Frame, FrameFault, parse};
use crate::journal::format::frames::{FrameReader, FrameStep};
use crate::journal::format::protection::Checksum;
use crate::journal::format::resync::{FrameSearch, SearchResult};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::torn_write::{Evidence, Verdict, classify, durable_after};
use crate::journal::format::zeros::{is_zero, last_nonzero};
use crate::seq::{SegmentId, Seq};

/// A report for a segment whose file length does not match its header.
pub(super) struct WrongLength {
    pub(super) what: String,
    pub(super) framing: Framing,
}

/// Reads a segment. Reports a wrong file length once reading reaches either the seal or bytes that are not an intact frame.
pub(super) fn salvage_segment(
    source: &SalvageSource,
    checked: &CheckedHeader,
    is_active: bool,
    wrong_length: Option<WrongLength>,
    progress: &mut SalvageProgress,
    visitor: &mut dyn FrameVisitor,
) -> Result<(), Error> {
    let Some(identity) = source.identity() else { return Ok(()) };
    let (uuid, segment) = (&identity.uuid, checked.segment);
    let (bytes, len) = match source.read_nonzero(segment) {
        Ok(read) => read,
        Err(error) if error.is_missing() => return Err(error),
        Err(error) => {
            // the content counts as foreign, because a repair cannot copy the bytes of an unreadable file
            progress.mark_foreign(checked);
            progress.damage(segment, None, DamageKind::Damaged, format!("the file cannot be read: {error}"));
            progress.gap(visitor);
            return Ok(());
        }
    };
    let checksum = Checksum::new(uuid, segment);
    if segment == SegmentId::FIRST && parse(&bytes, SEGMENT_HEADER, checksum).is_ok_and(starts_after_genesis) {
        progress.chain = None;
    }
    let mut salvage = SegmentSalvage {
        source,
        checked,
        is_active,
        wrong_length,
        bytes: &bytes,
        len,
        uuid,
        reader: FrameReader::new(&bytes, uuid, segment, progress.chain),
        search: FrameSearch::new(&bytes, checksum),
        durable_after: None,
        progress,
        visitor,
    };
    while salvage.step()?.is_continue() {}
    Ok(())
}

/// Whether a journal that begins with this frame has lost its first events and continues from a base.
fn starts_after_genesis(frame: Frame<'_>) -> bool {
    frame.header.first_seq > Seq::new(1)
}

/// A segment whose frames are being read.
struct SegmentSalvage<'a> {
    source: &'a SalvageSource,
    checked: &'a CheckedHeader,
    is_active: bool,
    /// `None` if the length is correct, or if the wrong length has already been reported.
    wrong_length: Option<WrongLength>,
    bytes: &'a [u8],
    len: u64,
    uuid: &'a [u8; 16],
    reader: FrameReader<'a>,
    search: FrameSearch<'a>,
    /// The last event that frames after the first damage record as synced; `None` before the search for these frames. One
    /// search is enough for all damage in the segment, because it also reads the frames between two places of damage.
    durable_after: Option<Option<Seq>>,
    progress: &'a mut SalvageProgress,
    visitor: &'a mut dyn FrameVisitor,
}

impl SegmentSalvage<'_> {
    /// Reads the next frame, or skips the next damage. Returns `Break` at the end of the segment.
    fn step(&mut self) -> Result<ControlFlow<()>, Error> {
        let step = self.reader.step();
        let offset = self.reader.offset();
        Ok(match step {
            FrameStep::Frame(frame) => self.frame(&frame)?,
            FrameStep::WrongMac(frame) => self.wrong_mac(&frame)?,
            FrameStep::Sealed => self.sealed(offset),
            FrameStep::Misplaced(what) => self.misplaced(offset, what),
            FrameStep::Fault(FrameFault::Unsupported { reason }) => self.unsupported(offset, reason),
            FrameStep::Fault(fault) => self.damaged(offset, &fault),
        })
    }

    /// Adds a frame that continues the frame before it.
    fn frame(&mut self, frame: &Frame<'_>) -> Result<ControlFlow<()>, Error> {
        let body = match self.source.body(self.checked, frame)? {
            Ok(body) => body,
            Err(what) => return Ok(self.forged(frame, what)),
        };
        self.progress.chain = self.reader.chain();
        self.progress.frame(self.segment(), frame, &body, self.visitor);
        Ok(ControlFlow::Continue(()))
    }

    /// Handles a frame that names a wrong MAC for the previous frame.
    fn wrong_mac(&mut self, frame: &Frame<'_>) -> Result<ControlFlow<()>, Error> {
        if let Err(what) = self.source.body(self.checked, frame)? {
            return Ok(self.forged(frame, what));
        }
        // the previous frame may be the forged one, so the reader reads this frame again, as the first frame of a new run
        let what = "a frame names a wrong MAC for the previous frame";
        self.report(frame.offset, DamageKind::Forged, what);
        Ok(self.resume_within(frame.offset))
    }

    /// Reports a frame that does not verify with its keys.
    fn forged(&mut self, frame: &Frame<'_>, what: &'static str) -> ControlFlow<()> {
        if frame.offset == SEGMENT_HEADER {
            self.progress.mark_foreign(self.checked);
        }
        self.report(frame.offset, DamageKind::Forged, what);
        self.resume_within(frame.next_offset())
    }

    /// Reports damage if nonzero bytes follow the seal, or if synced events that must follow the segment are missing.
    fn sealed(&mut self, offset: usize) -> ControlFlow<()> {
        // if a file is cut short after its seal, only zeros are missing
        if let Some(WrongLength { what, framing }) = self.wrong_length.take() {
            self.progress.framing_damage(framing, self.segment(), self.len, DamageKind::Damaged, what);
        }
        if !is_zero(self.bytes.get(offset..).unwrap_or_default()) {
            self.report(offset, DamageKind::Damaged, "the segment has bytes after its seal");
        } else if self.is_active && self.progress.expected().is_some_and(|next| self.progress.evidence >= next) {
            let what = "the file is missing or empty, but events of this segment were synced";
            self.progress.damage(self.segment().next(), None, DamageKind::Damaged, what);
        }
        ControlFlow::Break(())
    }

    /// Reports a frame that does not continue the frame before it, and makes the reader read this frame again, as the first
    /// frame of a new run.
    fn misplaced(&mut self, offset: usize, what: String) -> ControlFlow<()> {
        self.report(offset, DamageKind::Damaged, what);
        self.progress.gap(self.visitor);
        self.reader = FrameReader::at(self.bytes, self.uuid, self.segment(), offset);
        ControlFlow::Continue(())
    }

    /// Reports a frame of a newer format, after which nothing can be read.
    fn unsupported(&mut self, offset: usize, what: String) -> ControlFlow<()> {
        self.progress.is_newer_format = true;
        self.report(offset, DamageKind::Newer, what);
        ControlFlow::Break(())
    }

    /// Handles bytes that are not an intact frame: the end of the journal, a torn write, or damage.
    fn damaged(&mut self, offset: usize, fault: &FrameFault) -> ControlFlow<()> {
        let verdict = self.classify(offset, fault);
        let (kind, what) = match (self.wrong_length.take(), verdict) {
            (Some(wrong), _) => (DamageKind::Damaged, wrong.what),
            (None, Verdict::Clean) => return ControlFlow::Break(()),
            (None, Verdict::Torn(range)) => (DamageKind::Torn(range), "a crash interrupted a write".to_owned()),
            (None, Verdict::Suspect(what)) => (DamageKind::Suspect(offset..nonzero_len(self.bytes)), what.to_owned()),
            (None, Verdict::Corrupt(what)) => (DamageKind::Damaged, what.to_owned()),
        };
        let is_end = kind != DamageKind::Damaged;
        // the report of a foreign header already covers the frames
        if !(offset == SEGMENT_HEADER && self.progress.mark_foreign(self.checked)) {
            self.report(offset, kind, what);
        }
        if is_end { ControlFlow::Break(()) } else { self.resume_within(offset + 8) }
    }

    fn classify(&mut self, offset: usize, fault: &FrameFault) -> Verdict {
        let evidence = Evidence { durable: self.progress.evidence, later_segment: !self.is_active };
        // after a gap the expected event is unknown, so these bytes are never classified as the end of the journal
        let expected = self.progress.expected().unwrap_or(Seq::ZERO);
        let (bytes, checksum, known) = (self.bytes, self.reader.checksum(), &mut self.durable_after);
        let after = || *known.get_or_insert_with(|| durable_after(bytes, offset, checksum));
        classify((bytes, self.len), offset, fault, expected, evidence, after)
    }

    /// Continues, after a gap, with the next intact frame from `offset` on, if there is one.
    fn resume_within(&mut self, offset: usize) -> ControlFlow<()> {
        self.progress.gap(self.visitor);
        match self.next_intact(offset..self.bytes.len()) {
            Some(next) => {
                self.reader = FrameReader::at(self.bytes, self.uuid, self.segment(), next);
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }

    fn next_intact(&mut self, within: Range<usize>) -> Option<usize> {
        let start = within.start;
        match self.search.next(within) {
            SearchResult::Frame(frame) => Some(frame.offset),
            SearchResult::NotFound => None,
            SearchResult::LimitExceeded => {
                let what = "the following bytes have more incomplete frames than damage can leave; the check did not read the \
                            rest of the segment";
                self.report(start, DamageKind::Damaged, what);
                None
            }
        }
    }

    fn report(&mut self, offset: usize, kind: DamageKind, what: impl Into<String>) {
        self.progress.damage(self.segment(), Some(offset as u64), kind, what);
    }

    fn segment(&self) -> SegmentId {
        self.checked.segment
    }
}

/// The number of bytes up to and including the last nonzero byte.
fn nonzero_len(bytes: &[u8]) -> usize {
    last_nonzero(bytes).map_or(0, |last| last + 1)
}
