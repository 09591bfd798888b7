//! Where the segments of a journal begin in its log, so that a snapshot can name the position at which a copy continues.

use std::collections::BTreeMap;
use std::sync::Arc;

use memimage::Seq;
use memimage::replication::JournalPoint;
use parking_lot::Mutex;

use crate::entry::{Content, EntryHash, EntryHeader};
use crate::log_error::LogError;
use crate::log_reader::entry_at;
use crate::remote_log::Engine;

/// The number of segments that are remembered.
const REMEMBERED: usize = 256;

/// Where a segment begins in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentStart {
    /// The position of the entry that begins with the header of the segment.
    pub(crate) position: u64,
    /// The hash of the entry before it.
    pub(crate) previous: EntryHash,
    /// The last event before the segment.
    pub(crate) seq: Seq,
}

/// The segments whose beginnings are known. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentStarts {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    starts: BTreeMap<u64, SegmentStart>,
    /// The position of the entry with which the last segment begins that was in the log before this owner; 0 if there was none.
    tail: u64,
}

impl SegmentStarts {
    /// Records where the segment begins with which the log ended when the owner claimed it.
    pub(crate) fn set_tail(&self, header: &EntryHeader, point: &JournalPoint) {
        self.known.lock().tail = if point.segment == 0 { 0 } else { header.segment_position };
    }

    pub(crate) fn add(&self, segment: u64, position: u64, previous: EntryHash, seq: Seq) {
        let mut known = self.known.lock();
        known.starts.insert(segment, SegmentStart { position, previous, seq });
        if known.starts.len() > REMEMBERED {
            known.starts.pop_first();
        }
    }

    /// Where the segment begins that contains the event after `seq`, or would contain it; `None` if the log no longer shows it.
    ///
    /// # Errors
    ///
    /// Returns an error if an entry of the log cannot be read.
    pub(crate) fn for_state_after(&self, engine: &Engine, seq: Seq) -> Result<Option<(u64, SegmentStart)>, LogError> {
        let (known, mut position) = {
            let known = self.known.lock();
            let found = known.starts.iter().rev().find(|(_, start)| start.seq <= seq);
            (found.map(|(segment, start)| (*segment, *start)), known.tail)
        };
        if known.is_some() {
            return Ok(known);
        }
        // walks back from segment to segment
        while position > 0 {
            let (entry, _) = match entry_at(engine, position) {
                Err(error) if error.kind() == crate::LogErrorKind::Pruned => return Ok(None),
                entry => entry?,
            };
            let Content::Piece(piece) = &entry.content else { return Ok(None) };
            let start = piece.head.start;
            if start.seq <= seq {
                let found = SegmentStart { position, previous: entry.header.previous, seq: start.seq };
                return Ok(Some((start.segment, found)));
            }
            if position == 1 {
                return Ok(None);
            }
            position = match entry_at(engine, position - 1) {
                Err(error) if error.kind() == crate::LogErrorKind::Pruned => return Ok(None),
                before => before?.0.header.segment_position,
            };
        }
        Ok(None)
    }
}
