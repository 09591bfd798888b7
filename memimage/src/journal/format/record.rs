//! Encodes and decodes records. A record is one event in the body of a frame of events.
//!
//! ```text
//! length u32 | flags u8 | event varint | time delta varint | [metadata] | [origin] | payload
//! ```

use std::ops::Range;

use crate::context::{Metadata, MetadataError, Origin, Timestamp};
use crate::outcome::Outcome;
use crate::seq::Seq;

use super::frame::u32_at;

const REJECTED: u8 = 1;
const METADATA: u8 = 2;
const ORIGIN: u8 = 4;
const KNOWN: u8 = REJECTED | METADATA | ORIGIN;

/// The number of an event in the journal's table of shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventId(pub(crate) u32);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) seq: Seq,
    pub(crate) event: EventId,
    pub(crate) outcome: Outcome,
    pub(crate) time: Timestamp,
    pub(crate) metadata: Metadata,
    pub(crate) origin: Origin,
    /// The range of the payload in the body.
    pub(crate) payload: Range<usize>,
}

/// The reason why a body does not decode as records.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordFault {
    #[error("a record extends beyond the end of its frame")]
    Length,
    #[error("a record has the unknown flags {0:#x}")]
    Flags(u8),
    #[error("a number in a record is too large")]
    Number,
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("the frame header states {stated} events, but the body of the frame has {found}")]
    Count { stated: u32, found: u32 },
}

/// Starts a record at the end of `out`. The caller then appends the payload and completes the record with [`end`]. `origin` is
/// `None` if the event is its own origin.
#[inline]
pub(crate) fn begin(out: &mut Vec<u8>, event: EventId, delta: u64, metadata: &Metadata, origin: Option<Origin>) {
    let flags = if metadata.is_empty() { 0 } else { METADATA } | if origin.is_some() { ORIGIN } else { 0 };
    out.extend_from_slice(&[0, 0, 0, 0, flags]);
    write_varint(out, event.0.into());
    write_varint(out, delta);
    if !metadata.is_empty() {
        metadata.encode(out);
    }
    if let Some(Origin { seq, part }) = origin {
        write_varint(out, seq.get());
        write_varint(out, part.into());
    }
}

/// Completes the record that starts at `start`, with the outcome *applied*.
#[inline]
pub(crate) fn end(out: &mut [u8], start: usize) {
    let len = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

/// Changes the outcome of the record that starts at `start` to *rejected*.
pub(crate) fn mark_rejected(out: &mut [u8], start: usize) {
    out[start + 4] |= REJECTED;
}

/// Decodes the records in the body of a frame with `count` events. The iterator ends after the first error.
#[inline]
pub(crate) fn read(body: &[u8], first: Seq, count: u32, base: Timestamp) -> RecordReader<'_> {
    RecordReader { body, at: 0, seq: first, found: 0, count, time: base, is_done: false }
}

/// A decoder of the records in one body.
pub(crate) struct RecordReader<'a> {
    body: &'a [u8],
    at: usize,
    seq: Seq,
    found: u32,
    /// The number of events according to the frame header.
    count: u32,
    time: Timestamp,
    is_done: bool,
}

impl Iterator for RecordReader<'_> {
    type Item = Result<Record, RecordFault>;

    #[inline]
    fn next(&mut self) -> Option<Result<Record, RecordFault>> {
        if self.at == self.body.len() || self.is_done {
            return self.end().map(Err);
        }
        let record = self.record();
        self.is_done = record.is_err();
        Some(record)
    }
}

impl RecordReader<'_> {
    /// The fault at the end of the body, if there is one that was not returned yet.
    #[cold]
    fn end(&mut self) -> Option<RecordFault> {
        let (is_done, RecordReader { found, count, .. }) = (std::mem::replace(&mut self.is_done, true), &*self);
        (!is_done && found != count).then_some(RecordFault::Count { stated: *count, found: *found })
    }

    #[inline]
    fn record(&mut self) -> Result<Record, RecordFault> {
        let rest = &self.body[self.at..];
        if rest.len() < 5 {
            return Err(RecordFault::Length);
        }
        let len = u32_at(rest, 0) as usize;
        let mut bytes = rest.get(4..4 + len).filter(|bytes| !bytes.is_empty()).ok_or(RecordFault::Length)?;
        let end = self.at + 4 + len;
        let flags = bytes[0];
        if flags & !KNOWN != 0 {
            return Err(RecordFault::Flags(flags));
        }
        bytes = &bytes[1..];
        let event = u32::try_from(read_varint(&mut bytes)?).map_err(|_| RecordFault::Number)?;
        let delta = read_varint(&mut bytes)?;
        let mut metadata = Metadata::new();
        if flags & METADATA != 0 {
            (metadata, bytes) = Metadata::decode(bytes)?;
        }
        let mut origin = Origin::own(self.seq);
        if flags & ORIGIN != 0 {
            origin.seq = Seq::new(read_varint(&mut bytes)?);
            origin.part = u32::try_from(read_varint(&mut bytes)?).map_err(|_| RecordFault::Number)?;
        }
        let micros = self.time.as_micros().checked_add(delta).ok_or(RecordFault::Number)?;
        self.time = Timestamp::from_micros(micros);
        let record = Record {
            seq: self.seq,
            event: EventId(event),
            outcome: if flags & REJECTED != 0 { Outcome::Rejected } else { Outcome::Applied },
            time: self.time,
            metadata,
            origin,
            payload: end - bytes.len()..end,
        };
        self.at = end;
        self.seq = self.seq.next();
        self.found += 1;
        Ok(record)
    }
}

#[inline]
fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[inline]
fn read_varint(bytes: &mut &[u8]) -> Result<u64, RecordFault> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(RecordFault::Length)?;
        *bytes = rest;
        let low = u64::from(byte & 0x7F);
        if (low << shift) >> shift != low {
            return Err(RecordFault::Number);
        }
        number |= low << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(RecordFault::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINAL: Origin = Origin { seq: Seq::new(3), part: 1 << 31 };

    fn body() -> Vec<u8> {
        let mut out = Vec::new();
        for (event, delta, metadata, origin, payload) in [
            (0, 0, Metadata::new(), None, &b"first"[..]),
            (300, 1 << 40, Metadata::actor("me"), None, b""),
            (1, 0, Metadata::actor("me"), Some(ORIGINAL), b"third"),
        ] {
            let start = out.len();
            begin(&mut out, EventId(event), delta, &metadata, origin);
            out.extend_from_slice(payload);
            end(&mut out, start);
            if event == 300 {
                mark_rejected(&mut out, start);
            }
        }
        out
    }

    #[test]
    fn written_records_are_read_back() {
        let body = body();
        let records: Vec<Record> =
            read(&body, Seq::new(5), 3, Timestamp::from_micros(10)).collect::<Result<_, _>>().unwrap();
        let expected = Record {
            seq: Seq::new(5),
            event: EventId(0),
            outcome: Outcome::Applied,
            time: Timestamp::from_micros(10),
            metadata: Metadata::new(),
            origin: Origin::own(Seq::new(5)),
            payload: records[0].payload.clone(),
        };
        assert_eq!(records[0], expected);
        assert_eq!(&body[records[0].payload.clone()], b"first");
        assert_eq!((records[1].seq, records[1].event), (Seq::new(6), EventId(300)));
        assert_eq!(records[1].outcome, Outcome::Rejected);
        assert_eq!(records[1].time, Timestamp::from_micros(10 + (1 << 40)));
        assert_eq!(records[1].metadata, Metadata::actor("me"));
        assert_eq!(records[1].origin, Origin::own(Seq::new(6)));
        assert!(records[1].payload.is_empty());
        assert_eq!((records[2].seq, records[2].origin), (Seq::new(7), ORIGINAL));
        assert_eq!(&body[records[2].payload.clone()], b"third");
    }

    #[test]
    fn invalid_bodies_are_errors_and_never_panics() {
        let body = body();
        for len in 0..body.len() {
            assert!(read(&body[..len], Seq::new(1), 3, Timestamp::default()).any(|record| record.is_err()), "{len}");
        }
        for bit in 0..body.len() * 8 {
            let mut body = body.clone();
            body[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&body, Seq::new(1), 3, Timestamp::default()).count();
        }
        assert!(read(&body, Seq::new(1), 4, Timestamp::default()).last().unwrap().is_err());
    }

    #[test]
    fn varints_reach_the_largest_number_and_overflow_is_an_error() {
        for number in [0, 127, 128, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            write_varint(&mut out, number);
            assert_eq!(read_varint(&mut &out[..]).unwrap(), number);
        }
        assert!(read_varint(&mut &[0xFF; 9][..]).is_err());
        assert!(read_varint(&mut &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2][..]).is_err());
    }
}
