//! The writer: puts batches at their places, seals full segments and enters the next.

use std::sync::Arc;

use super::batch::{Batch, FramePosition};
use super::commit::BatchWriter;
use super::preallocate::{Preallocator, PreparedSegment};
use crate::context::Timestamp;
use crate::disk::StoredFile;
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::frame::{FrameHeader, FrameKind, align_up, finish, head_len, start};
use crate::journal::format::protection::{FrameProtection, Link};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::watermark::Watermark;
use crate::journal::format::whitening::Salts;
use crate::keys::Protection;
use crate::planted::{Bug, planted};
use crate::seq::{SegmentId, Seq};

/// Writes the frames of a journal, one after the other.
pub(crate) struct Writer {
    pub(crate) uuid: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) align_shift: u8,
    pub(crate) salts: Salts,
    /// The body of the frame of shapes with which each segment begins.
    pub(crate) shapes: Vec<u8>,
    pub(crate) ahead: Arc<Preallocator>,
    pub(crate) durable_file: StoredFile,
    /// The segment that is written to.
    pub(crate) segment: SegmentId,
    pub(crate) file: StoredFile,
    /// What protects the frames of that segment.
    pub(crate) protection: Protection,
    /// Nothing more goes into that segment.
    pub(crate) sealed: bool,
    pub(crate) end: WritePosition,
}

/// The end of what was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WritePosition {
    /// Where the next frame starts, unless it goes to the next segment.
    pub(crate) offset: u64,
    /// The last frame.
    pub(crate) previous: Link,
    /// The last event written.
    pub(crate) written: Seq,
    /// The last event synced.
    pub(crate) durable: Seq,
    /// The time from which those of the last batch are counted, or that of the last event recovered.
    pub(crate) time: Timestamp,
}

impl Writer {
    /// Writes a frame after the last one.
    fn append(&mut self, kind: FrameKind, bytes: &mut Vec<u8>, count: u32, time: Timestamp) -> Result<(), Error> {
        let header = FrameHeader {
            kind,
            first_seq: self.end.written.next(),
            count,
            durable_seq: self.end.durable,
            epoch: self.epoch,
            time,
            previous: self.end.previous,
            align_shift: self.align_shift,
        };
        let cover = FrameProtection::new(&self.uuid, self.segment, &self.protection);
        self.end.previous = finish(bytes, &header, &cover, &cover.draw()?, self.end.offset, &mut self.salts);
        self.file.write_all(bytes, self.end.offset)?;
        self.end.offset = align_up(self.end.offset + bytes.len() as u64, self.align_shift);
        self.end.written = Seq::new(self.end.written.get() + u64::from(count));
        Ok(())
    }

    /// Says in `journal/durable` that the journal was opened in a new epoch.
    pub(crate) fn announce(&mut self) -> Result<(), Error> {
        self.rest()?;
        self.durable_file.sync_data()
    }

    /// Writes and syncs a frame that holds no events.
    fn append_synced(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        start(&mut bytes, head_len(self.protection.form()));
        bytes.extend_from_slice(body);
        self.append(kind, &mut bytes, 0, self.end.time)?;
        match kind == FrameKind::Seal && planted(Bug::SegmentEnteredUnsynced) {
            true => Ok(()),
            false => self.sync(),
        }
    }

    /// Seals the segment and goes on in the next. Nothing is written there before all of this one is synced.
    fn roll(&mut self, segment: SegmentId) -> Result<(), Error> {
        if !self.sealed {
            self.append_synced(FrameKind::Seal, &[])?;
            self.sealed = true;
        }
        let Some(PreparedSegment { file, protection, .. }) = self.ahead.take(segment) else {
            return Err(
                self.misplaced(format!("segment {segment} does not stand ready, and a batch was planned for it"))
            );
        };
        self.file = file;
        self.protection = protection;
        self.segment = segment;
        self.sealed = false;
        self.end.offset = SEGMENT_HEADER as u64;
        let shapes = self.shapes.clone();
        self.append_synced(FrameKind::Shapes, &shapes)?;
        tracing::info!(%segment, seq = %self.end.written, "the journal goes on in the next segment");
        self.ahead.start(None);
        Ok(())
    }
}

impl BatchWriter for Writer {
    fn write(&mut self, batch: &mut Batch) -> Result<(), Error> {
        // one after the other: a segment that was planned for a command which then panicked is entered and left empty, since
        // a segment without frames before one that has some would be damage
        while self.segment < batch.place.segment {
            self.roll(self.segment.next())?;
        }
        let here = FramePosition { segment: self.segment, offset: self.end.offset };
        if batch.place != here || batch.first_seq != self.end.written.next() {
            let (first, place) = (batch.first_seq, batch.place);
            return Err(self.misplaced(format!("a batch from event {first} was planned for {place:?}")));
        }
        if batch.kind == FrameKind::Shapes {
            self.shapes = batch.bytes[head_len(self.protection.form())..].to_vec();
        }
        self.end.time = batch.time;
        self.append(batch.kind, &mut batch.bytes, batch.count, batch.time)
    }

    fn sync(&mut self) -> Result<(), Error> {
        match self.file.sync_data() {
            Err(_) if planted(Bug::FailedSyncRetried) => self.file.sync_data()?,
            result => result?,
        }
        if !planted(Bug::DurableSeqStale) {
            self.end.durable = self.end.written;
        }
        Ok(())
    }

    fn durable(&self) -> Seq {
        self.end.durable
    }

    fn rest(&mut self) -> Result<(), Error> {
        let block = Watermark {
            epoch: self.epoch,
            durable_seq: self.end.durable,
            segment: self.segment,
            offset: self.end.offset,
            previous: self.end.previous.checksum,
        };
        self.durable_file.write_all(&block.encode(&self.uuid), 0)
    }
}

impl Writer {
    /// The plan and the journal do not agree: a bug, and one that must not reach the disk.
    fn misplaced(&self, what: String) -> Error {
        let (segment, offset) = (Some(self.segment), Some(self.end.offset));
        let position = Position { segment, offset, seq: Some(self.end.written.next()) };
        Error::new(ErrorDetail::Corrupt { path: self.file.path().to_owned(), position, what, suspect: false })
    }
}
