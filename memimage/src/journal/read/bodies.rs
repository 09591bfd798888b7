//! Decodes the digests, decisions and corrections that a journal records.

use super::scan::Scan;
use crate::error::Error;
use crate::journal::format::frame::Frame;
use crate::journal::format::genesis::DigestMark;
use crate::journal::format::time_correction::TimeCorrection;
use crate::journal::format::void::VoidMark;
use crate::seq::SegmentId;

impl Scan {
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
