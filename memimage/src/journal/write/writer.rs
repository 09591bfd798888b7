//! The writer: writes batches at their positions, seals full segments, and enters the segments after them.

use std::sync::Arc;

use super::batch::Batch;
use super::commit::BatchWriter;
use super::preallocate::{Preallocator, PreparedSegment};
use super::space_reservation::FramePosition;
use crate::context::Timestamp;
use crate::disk::StoredFile;
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::frame::{FrameHeader, FrameKind, align_up, finish, head_len, start};
use crate::journal::format::protection::{FrameProtection, Link};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::watermark::Watermark;
use crate::journal::format::whitening::Salts;
use crate::keys::Protection;
use crate::log;
use crate::planted::{Bug, planted};
use crate::process::Process;
use crate::seq::{Life, SegmentId, Seq};

/// Writes the frames of a journal in order.
pub(crate) struct JournalWriter {
    /// The process that opened the image; a forked child must not write.
    pub(crate) process: Process,
    pub(crate) uuid: [u8; 16],
    pub(crate) life: Life,
    pub(crate) align_shift: u8,
    pub(crate) salts: Salts,
    /// The body of the shapes frame that begins each segment.
    pub(crate) shapes: Vec<u8>,
    pub(crate) preallocator: Arc<Preallocator>,
    pub(crate) durable_file: StoredFile,
    pub(crate) segment: SegmentId,
    pub(crate) file: StoredFile,
    /// The protection of the current segment's frames.
    pub(crate) protection: Protection,
    /// Whether the current segment is sealed, so that the next frame is written to the next segment.
    pub(crate) sealed: bool,
    pub(crate) end: WritePosition,
}

/// The end of the written journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WritePosition {
    /// The offset of the next frame, unless that frame is written to the next segment.
    pub(crate) offset: u64,
    /// The link to the last frame.
    pub(crate) previous: Link,
    /// The number of void marks written since the image was created.
    pub(crate) decisions: u32,
    /// The last event written.
    pub(crate) written: Seq,
    /// The last event synced.
    pub(crate) durable: Seq,
    /// The recorded time to which the first record of the last batch added its time delta; before the first batch, the time of
    /// the last recovered event.
    pub(crate) time: Timestamp,
}

impl JournalWriter {
    fn append(&mut self, kind: FrameKind, bytes: &mut Vec<u8>, count: u32, time: Timestamp) -> Result<(), Error> {
        if !self.process.is_certainly_current() {
            return Err(Error::new(ErrorDetail::Forked));
        }
        let header = FrameHeader {
            kind,
            first_seq: self.end.written.next(),
            count,
            durable_seq: self.end.durable,
            life: self.life,
            decisions: self.end.decisions,
            time,
            previous: self.end.previous,
            bridge: None,
            align_shift: self.align_shift,
        };
        let frame_protection = FrameProtection::new(&self.uuid, self.segment, &self.protection);
        self.end.previous =
            finish(bytes, &header, &frame_protection, &frame_protection.draw()?, self.end.offset, &mut self.salts);
        self.file.write_all(bytes, self.end.offset)?;
        self.end.offset = align_up(self.end.offset + bytes.len() as u64, self.align_shift);
        self.end.written = header.next_seq().before();
        self.end.decisions = header.next_decisions();
        Ok(())
    }

    /// Records in `journal/durable` that the journal was opened in a new epoch, and syncs the file.
    pub(crate) fn record_epoch(&mut self) -> Result<(), Error> {
        self.write_watermark()?;
        self.durable_file.sync_data()
    }

    /// Appends and syncs a frame without events.
    fn append_synced(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        start(&mut bytes, head_len(self.protection.key_ids()));
        bytes.extend_from_slice(body);
        self.append(kind, &mut bytes, 0, self.end.time)?;
        if kind == FrameKind::Seal && planted(Bug::SegmentEnteredUnsynced) { Ok(()) } else { self.sync() }
    }

    /// Seals the current segment and enters `segment`, which is the next segment. The whole current segment is synced before
    /// the first frame of the next segment is written.
    fn roll(&mut self, segment: SegmentId) -> Result<(), Error> {
        if !self.sealed {
            self.append_synced(FrameKind::Seal, &[])?;
            self.sealed = true;
        }
        let Some(PreparedSegment { file, protection, .. }) = self.preallocator.take(segment) else {
            return Err(
                self.misplaced(format!("a batch has its position in segment {segment}, which is not preallocated"))
            );
        };
        self.file = file;
        self.protection = protection;
        self.segment = segment;
        self.sealed = false;
        self.end.offset = SEGMENT_HEADER as u64;
        let shapes = self.shapes.clone();
        self.append_synced(FrameKind::Shapes, &shapes)?;
        log::info!(%segment, seq = %self.end.written, "entered the next segment");
        self.preallocator.start(None);
        Ok(())
    }
}

impl BatchWriter for JournalWriter {
    fn write(&mut self, batch: &mut Batch) -> Result<(), Error> {
        // Enters the segments one by one. The reservation for a command that later panicked may have skipped a segment. The
        // skipped segment gets its first frame and its seal, because an empty segment before a segment with frames would be
        // damage.
        while self.segment < batch.position.segment {
            self.roll(self.segment.next())?;
        }
        let here = FramePosition { segment: self.segment, offset: self.end.offset };
        if batch.position != here || batch.first_seq != self.end.written.next() {
            let (first, position) = (batch.first_seq, batch.position);
            return Err(
                self.misplaced(format!("the batch that begins with event {first} has the wrong position {position:?}"))
            );
        }
        if let Some(table) = batch.table.take() {
            self.shapes = table;
        }
        self.end.time = batch.time;
        self.append(batch.kind, &mut batch.bytes, batch.count, batch.time)?;
        batch.ticket.set_hash(self.end.previous.hash);
        Ok(())
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

    fn write_watermark(&mut self) -> Result<(), Error> {
        let watermark = Watermark {
            life: self.life,
            durable_seq: self.end.durable,
            segment: self.segment,
            offset: self.end.offset,
            previous: self.end.previous.hash,
            decisions: self.end.decisions,
        };
        self.durable_file.write_all(&watermark.encode(&self.uuid), 0)
    }
}

impl JournalWriter {
    /// The error for a reservation that does not match the journal. Such a mismatch is a bug, and its effects must not
    /// reach the disk.
    fn misplaced(&self, what: String) -> Error {
        let (segment, offset) = (Some(self.segment), Some(self.end.offset));
        let position = Position { segment, offset, seq: Some(self.end.written.next()) };
        Error::new(ErrorDetail::Corrupt { path: self.file.path().to_owned(), position, what, suspect: false })
    }
}
