//! Decodes the genesis, digests, decisions and corrections that a journal records.

#[cfg(feature = "admin")]
use std::ops::ControlFlow;

use super::scan::Scan;
use crate::error::Error;
use crate::journal::format::frame::Frame;
#[cfg(feature = "admin")]
use crate::journal::format::frame::FrameKind;
use crate::journal::format::genesis::{DigestMark, Genesis};
use crate::journal::format::time_correction::TimeCorrection;
use crate::journal::format::void::VoidMark;
use crate::seq::SegmentId;

impl Scan {
    /// The state before the first event of a complete journal, as it is recorded.
    #[cfg(feature = "admin")]
    pub(crate) fn genesis(&self) -> Result<Genesis, Error> {
        let mut genesis = None;
        self.read(SegmentId::FIRST, |segment, frame| {
            if frame.header.kind != FrameKind::Genesis {
                return Ok(ControlFlow::Continue(()));
            }
            genesis = Some(self.decode_genesis(segment, frame)?);
            Ok(ControlFlow::Break(()))
        })?;
        genesis.ok_or_else(|| self.segments().corrupt(SegmentId::FIRST, None, "it has no genesis".to_owned()))
    }

    pub(crate) fn decode_genesis(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<Genesis, Error> {
        Genesis::decode(&self.body(segment, frame)?).map_err(|what| self.corrupt_frame(segment, frame, what))
    }

    pub(crate) fn decode_digest(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<DigestMark, Error> {
        let body = self.body(segment, frame)?;
        DigestMark::decode(&body, frame.header.first_seq).map_err(|what| self.corrupt_frame(segment, frame, what))
    }

    pub(crate) fn decode_time(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<TimeCorrection, Error> {
        let body = self.body(segment, frame)?;
        TimeCorrection::decode(&body).map_err(|what| self.corrupt_frame(segment, frame, what))
    }

    pub(crate) fn decode_void(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<VoidMark, Error> {
        let mark =
            VoidMark::decode(&self.body(segment, frame)?).map_err(|what| self.corrupt_frame(segment, frame, what))?;
        if mark.seq >= frame.header.first_seq {
            let what = format!("the frame makes event {} void, but this event comes after the frame", mark.seq);
            return Err(self.corrupt_frame(segment, frame, what));
        }
        Ok(mark)
    }
}
