//! The writer: writes batches at their positions, seals full segments, and enters the segments after them.

use std::path::Path;
use std::sync::Arc;

use super::batch::Batch;
use super::commit::BatchWriter;
use super::preallocate::Preallocator;
use super::space_reservation::{FramePosition, PreparedSegment};
use crate::context::Timestamp;
use crate::disk::StoredFile;
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::frame::{FrameHeader, FrameKind, align_up, finish, head_len, start};
use crate::journal::format::protection::{FrameProtection, Link};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::watermark::{BLOCK, Watermark};
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
    /// The file `journal/durable`, while it is kept open.
    pub(crate) durable_file: Option<StoredFile>,
    pub(crate) segment: SegmentId,
    pub(crate) file: StoredFile,
    /// Whether and when the next segment is preallocated.
    pub(crate) lookahead: Lookahead,
    /// The protection of the current segment's frames.
    pub(crate) protection: Protection,
    /// Whether the current segment is sealed, so that the next frame is written to the next segment.
    pub(crate) sealed: bool,
    pub(crate) end: WritePosition,
}

/// Decides when the preallocation of the next segment begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookahead {
    /// The offset in the current segment from which on the next segment is preallocated.
    from: u64,
    /// Whether the preallocation has been started.
    started: bool,
}

impl Lookahead {
    /// The length of the largest segment that is half filled before the next segment is preallocated.
    const SMALL: u64 = 1 << 20;

    /// The lookahead in a segment of `len` bytes. In a small segment, the next segment is preallocated once this segment is half
    /// full: an image that records little does without the space of a second segment. In a large segment it is preallocated at
    /// once, because it takes long to build.
    pub(crate) fn in_segment(len: u64) -> Lookahead {
        Lookahead { from: if len <= Lookahead::SMALL { len / 2 } else { 0 }, started: false }
    }

    /// Whether the preallocation must be started, because the journal has reached this offset. Returns true only once.
    fn reached(&mut self, offset: u64) -> bool {
        offset >= self.from && !std::mem::replace(&mut self.started, true)
    }
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
    /// Appends a frame. `behind` is the event after a gap frame.
    fn append(
        &mut self,
        kind: FrameKind,
        bytes: &mut Vec<u8>,
        (count, behind): (u32, Option<Seq>),
        time: Timestamp,
    ) -> Result<(), Error> {
        if !self.process.is_certainly_current() {
            return Err(Error::new(ErrorDetail::Forked));
        }
        let header = FrameHeader {
            kind,
            first_seq: behind.unwrap_or(self.end.written.next()),
            count,
            durable_seq: self.end.durable,
            life: self.life,
            decisions: self.end.decisions,
            time,
            previous: self.end.previous,
            // no frame is lost here, so the next frame can continue the one before the gap
            bridge: behind.map(|_| self.end.previous),
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

    /// Records in `journal/durable` how far the journal is synced, and syncs the file. A new epoch begins with this step.
    pub(crate) fn record_epoch(&self, durable_file: &StoredFile) -> Result<(), Error> {
        durable_file.write_all(&self.watermark(), 0)?;
        durable_file.sync_data()
    }

    /// Records in `journal/durable` how far the journal is synced, syncs the file and closes it.
    pub(crate) fn close_watermark(&mut self) -> Result<(), Error> {
        let Some(file) = self.durable_file.take().or_else(|| self.reopen_watermark()) else { return Ok(()) };
        self.record_epoch(&file)
    }

    /// Opens `journal/durable`. If the file cannot be opened, the watermark stays as it is: it may be older than the journal,
    /// because it is only additional evidence. The image must not fail because its directory was moved, or because the process
    /// has no free handle.
    fn reopen_watermark(&self) -> Option<StoredFile> {
        let opened = self.preallocator.open_watermark();
        opened.inspect_err(|error| log::debug!(%error, "could not update the watermark")).ok()
    }

    fn watermark(&self) -> [u8; BLOCK] {
        let watermark = Watermark {
            life: self.life,
            durable_seq: self.end.durable,
            segment: self.segment,
            offset: self.end.offset,
            previous: self.end.previous.hash,
            decisions: self.end.decisions,
        };
        watermark.encode(&self.uuid)
    }

    /// Appends and syncs a frame without events.
    fn append_synced(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        start(&mut bytes, head_len(self.protection.key_ids()));
        bytes.extend_from_slice(body);
        self.append(kind, &mut bytes, (0, None), self.end.time)?;
        if kind == FrameKind::Seal && planted(Bug::SegmentEnteredUnsynced) { Ok(()) } else { self.sync() }
    }

    /// Seals the current segment and enters the next segment. The whole current segment is synced before the first frame of the
    /// next segment is written.
    fn roll(&mut self, next: PreparedSegment) -> Result<(), Error> {
        if !self.sealed {
            self.append_synced(FrameKind::Seal, &[])?;
            self.sealed = true;
        }
        let PreparedSegment { segment, len, protection, file } = next;
        let expected = self.segment.next();
        let Some(file) = file.filter(|_| segment == expected) else {
            return Err(self.misplaced(format!("a batch enters segment {segment}, and the next segment is {expected}")));
        };
        self.file = file;
        self.lookahead = Lookahead::in_segment(len);
        self.protection = protection;
        self.segment = segment;
        self.sealed = false;
        self.end.offset = SEGMENT_HEADER as u64;
        let shapes = self.shapes.clone();
        self.append_synced(FrameKind::Shapes, &shapes)?;
        log::info!(%segment, seq = %self.end.written, "entered the next segment");
        Ok(())
    }
}

impl BatchWriter for JournalWriter {
    fn write(&mut self, batch: &mut Batch) -> Result<(), Error> {
        // Enters the segments one by one. The reservation for a command that later panicked may have skipped a segment. The
        // skipped segment gets its first frame and its seal, because an empty segment before a segment with frames would be
        // damage.
        for next in batch.entered.drain(..) {
            self.roll(next)?;
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
        self.append(batch.kind, &mut batch.bytes, (batch.count, batch.behind), batch.time)?;
        batch.ticket.set_hash(self.end.previous.hash);
        if self.lookahead.reached(self.end.offset) {
            self.preallocator.start(None);
        }
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

    fn write_watermark(&mut self, keep_open: bool) -> Result<(), Error> {
        let Some(file) = self.durable_file.take().or_else(|| self.reopen_watermark()) else { return Ok(()) };
        file.write_all(&self.watermark(), 0)?;
        self.durable_file = keep_open.then_some(file);
        Ok(())
    }

    fn rest(&mut self) {
        // The file may have unsynced bytes, so a later write error may go unnoticed. This loses no evidence that anybody relies
        // on: the watermark is written and synced again when the image is closed, and a crash may leave it out of date anyway.
        self.durable_file = None;
        self.lookahead.started = false;
    }

    fn root(&self) -> &Path {
        self.preallocator.root()
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
