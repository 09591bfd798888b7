//! Writes the frames of a journal as the lines of an export.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use serde_json::value::RawValue;

use super::base::ExportedBase;
use super::lines::{self, Line, LineChecksum, hex_number};
use super::report::{ExportProgress, ExportReport};
use super::time;
use crate::admin::seq_range::SeqRange;
use crate::context::{Origin, Timestamp};
use crate::error::{Error, ErrorDetail, ErrorKind, ExportError};
use crate::history::JournalSource;
use crate::journal::{
    Frame, FrameKind, Gap, GapMark, Genesis, Record, Scan, ShapeTable, TimeCorrection, Voids, records,
};
use crate::new_image::{lost_correction, refuse_uncarried};
use crate::outcome::Outcome;
use crate::recovery::{OpenedJournal, unknown_event_number};
use crate::seq::{SegmentId, Seq};
use crate::shape::ShapeTree;
use crate::snapshot::EncodedPart;
use crate::value::Value;
use crate::value::text::hex;

/// Writes an image to `output`. Unless `carries_gaps`, a gap in which events are lost is an error. Calls `progress` after each batch of
/// events.
pub(super) fn export(
    source: &JournalSource,
    carries_gaps: bool,
    output: &mut dyn Write,
    progress: &mut dyn FnMut(ExportProgress),
) -> Result<ExportReport, Error> {
    let Start { has_owner, last, journal, voids, base, first, beginning } = source.attempt(|| Start::find(source))?;
    let scan = journal.scan();
    let total = last.next().get() - first.get();
    let mut output = Output {
        writer: BufWriter::with_capacity(1 << 16, output),
        line: Vec::new(),
        checksum: LineChecksum::default(),
    };
    output.line(&Line::Header(Box::new(header(&journal, beginning, (first, last)))))?;
    let mut exporter = Exporter {
        scan,
        voids,
        start: base.as_ref().map_or(Seq::ZERO, ExportedBase::seq),
        carries_gaps,
        gaps: Vec::new(),
        first,
        last,
        table: ShapeTable::default(),
        written: first.before(),
        time: Timestamp::default(),
        void_lines: 0,
        undecoded: 0,
        output: &mut output,
        progress: &mut |events| progress(ExportProgress { events, total }),
    };
    exporter.journal(has_owner)?;
    let Exporter { void_lines: voids, undecoded, gaps, .. } = exporter;
    let base_seq = base.as_ref().map(ExportedBase::seq);
    if let Some(base) = base {
        base.file.parts(&mut |part| {
            output.line(&match part {
                EncodedPart::State(bytes) => Line::State(lines::Bytes { bytes: hex(&bytes) }),
                EncodedPart::Requests(bytes) => Line::Requests(lines::Bytes { bytes: hex(&bytes) }),
            })
        })?;
    }
    let checksum = hex_number(output.checksum.value());
    output.line(&Line::End(lines::End { last_seq: last.get(), voids, gaps: gaps.len() as u64, checksum }))?;
    output.writer.flush().map_err(unwritten)?;
    let events = total - gaps.iter().map(SeqRange::events).sum::<u64>();
    Ok(ExportReport { events, seq: last, gaps, base: base_seq, undecoded })
}

/// With what an export begins. The owner may prune meanwhile.
struct Start {
    has_owner: bool,
    /// The last event to export.
    last: Seq,
    journal: OpenedJournal,
    voids: Voids,
    base: Option<ExportedBase>,
    first: Seq,
    beginning: Beginning,
}

/// How the journal begins, for the header.
enum Beginning {
    Genesis(lines::Genesis),
    Base(lines::Base),
}

impl Start {
    fn find(source: &JournalSource) -> Result<Start, Error> {
        // without an owner, nothing but this call syncs the last events, of which callers may have got the answers
        let without_owner = source.last_without_owner()?;
        let last = without_owner.map_or_else(|| source.durable("export"), Ok)?;
        let journal = source.open(last)?;
        let voids = journal.scan().voids(journal.segments().first())?;
        let base = match journal.segments().starts_at_genesis() {
            true => None,
            false => Some(ExportedBase::find(&journal, &voids, last)?),
        };
        let beginning = match &base {
            Some(base) => Beginning::Base(base.line(&journal)?),
            None => Beginning::Genesis(genesis(journal.scan())?),
        };
        let first = first_event(&journal)?;
        Ok(Start { has_owner: without_owner.is_none(), last, journal, voids, base, first, beginning })
    }
}

/// The first event of the journal, or the event that would be the first one.
fn first_event(journal: &OpenedJournal) -> Result<Seq, Error> {
    let segments = journal.segments();
    if segments.starts_at_genesis() {
        return Ok(Seq::new(1));
    }
    let first = segments.first_frame(segments.first())?.map(|header| header.first_seq);
    first.ok_or_else(|| segments.corrupt(segments.first(), None, "the segment has no intact first frame".to_owned()))
}

fn header(journal: &OpenedJournal, beginning: Beginning, (first, last): (Seq, Seq)) -> lines::Header<'_> {
    let identity = journal.segments().identity();
    let (genesis, base) = match beginning {
        Beginning::Genesis(genesis) => (Some(genesis), None),
        Beginning::Base(base) => (None, Some(base)),
    };
    lines::Header {
        version: lines::VERSION,
        model: &identity.model,
        uuid: hex(&identity.uuid),
        parent: identity.parent.map(|(uuid, seq)| lines::Parent { uuid: hex(&uuid), seq: seq.get() }),
        created: journal.segments().image_created().map(time::to_json),
        seed: hex(&identity.seed),
        first_seq: first.get(),
        last_seq: last.get(),
        genesis,
        base,
    }
}

/// The state before the first event of a complete journal.
fn genesis(scan: &Scan) -> Result<lines::Genesis, Error> {
    let Genesis { model_version, shape, digest, state, default, .. } = scan.genesis()?;
    let (state, default) = (state.map(|bytes| hex(&bytes)), default.map(|bytes| hex(&bytes)));
    Ok(lines::Genesis { model_version, shape_bytes: hex(&shape), digest: hex_number(digest), state, default })
}

/// The lines that were not handed to the caller's writer yet.
struct Output<'a> {
    writer: BufWriter<&'a mut dyn Write>,
    /// The last line.
    line: Vec<u8>,
    checksum: LineChecksum,
}

impl Output<'_> {
    fn line(&mut self, line: &Line<'_>) -> Result<(), Error> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line).map_err(|error| unwritten(error.into()))?;
        self.checksum.add(&self.line);
        self.line.push(b'\n');
        self.writer.write_all(&self.line).map_err(unwritten)
    }
}

fn unwritten(source: io::Error) -> Error {
    Error::new(ErrorDetail::Export(ExportError::Output { source }))
}

struct Exporter<'a, 'o> {
    scan: &'a Scan,
    /// The void events, with the epochs in which they became void. A gap counts once its frame was read, if a replay of the export crosses it.
    voids: Voids,
    /// The event after which a replay of the export begins.
    start: Seq,
    /// Whether gaps are exported.
    carries_gaps: bool,
    /// The gaps that were written.
    gaps: Vec<SeqRange>,
    first: Seq,
    last: Seq,
    /// The shapes that were written.
    table: ShapeTable,
    /// The last event that was written.
    written: Seq,
    /// The recorded time of the last line.
    time: Timestamp,
    void_lines: u64,
    undecoded: u64,
    output: &'a mut Output<'o>,
    progress: &'a mut dyn FnMut(u64),
}

impl Exporter<'_, '_> {
    /// Writes all frames up to the last event, and the frames without events that follow it.
    fn journal(&mut self, has_owner: bool) -> Result<(), Error> {
        let (scan, mut failure) = (self.scan, None);
        let read = scan.read(scan.segments().first(), |segment, frame| {
            let visited = self.frame(segment, frame);
            Ok(visited.unwrap_or_else(|error| {
                failure = Some(error);
                ControlFlow::Break(())
            }))
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        match read {
            // after the last event that was durable, the owner may be writing
            Err(error) if has_owner && self.written == self.last && error.kind() == ErrorKind::Corrupt => Ok(()),
            Err(error) if has_owner && error.is_missing() => Err(scan.segments().pruned_event(self.written.next())),
            read => read.map(drop),
        }
    }

    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<ControlFlow<()>, Error> {
        let (scan, header) = (self.scan, &frame.header);
        if header.first_seq > self.last.next() || (header.count > 0 && header.first_seq > self.last) {
            return Ok(ControlFlow::Break(()));
        }
        match header.kind {
            FrameKind::Events => self.events(segment, frame)?,
            FrameKind::Shapes => self.shapes(segment, frame)?,
            FrameKind::Digest => {
                let mark = scan.decode_digest(segment, frame)?;
                if mark.seq.next() >= self.first && !self.voids.invalidates(mark.seq, header.life.epoch) {
                    let (model, digest) = (hex_number(mark.model), hex_number(mark.digest));
                    let line = lines::Digest { seq: mark.seq.get(), model, digest, accepts: mark.accepts };
                    self.output.line(&Line::Digest(line))?;
                }
            }
            FrameKind::Void => {
                let mark = scan.decode_void(segment, frame)?;
                if mark.seq >= self.first && !self.is_lost(mark.seq) {
                    let (seq, time) = (mark.seq.get(), time::to_json(mark.time));
                    let line = lines::Void { seq, time, reason: &mark.reason, by: mark.by.as_deref() };
                    self.output.line(&Line::Void(line))?;
                    self.void_lines += 1;
                }
            }
            FrameKind::Time => {
                self.correction(&scan.decode_time(segment, frame)?)?;
            }
            FrameKind::Gap => {
                let (mark, gap) = scan.decode_gap_mark(segment, frame)?;
                if gap.is_crossed_from(self.first.before()) && gap.first <= self.last {
                    refuse_uncarried(scan, gap, self.carries_gaps, self.last)?;
                    self.gap(gap, &mark)?;
                }
                if gap.next <= self.last
                    && let Some(correction) = lost_correction(scan, segment, frame, self.time)?
                {
                    self.correction(&correction)?;
                }
            }
            // the header has the genesis, and the state that replaces pruned events follows the last event
            FrameKind::Genesis | FrameKind::Prune | FrameKind::Seal | FrameKind::Optional(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn gap(&mut self, gap: Gap, mark: &GapMark) -> Result<(), Error> {
        // a digest of a state with the effect of the lost events does not count for a replay without them
        if gap.is_crossed_from(self.start) {
            self.voids.cross(gap);
        }
        let (first, last, time) = (gap.first.get(), gap.last().get(), time::to_json(mark.time));
        self.output.line(&Line::Gap(lines::Gap { first, last, time, reason: &mark.reason, by: mark.by.as_deref() }))?;
        self.gaps.push(SeqRange { first: gap.first, last: gap.last() });
        self.written = gap.last();
        Ok(())
    }

    fn is_lost(&self, seq: Seq) -> bool {
        self.gaps.iter().any(|gap| (gap.first..=gap.last).contains(&seq))
    }

    fn correction(&mut self, correction: &TimeCorrection) -> Result<(), Error> {
        self.time = correction.to;
        let (to, from) = (time::to_json(correction.to), time::to_json(correction.from));
        self.output.line(&Line::Time(lines::Correction { to, from, reason: &correction.reason }))
    }

    /// Writes the rows that are new or changed; each segment repeats the others.
    fn shapes(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let rows = self.scan.rows(segment, frame)?;
        for (number, row) in (rows.first as usize..).zip(&rows.rows) {
            if self.table.rows.get(number) != Some(row) {
                let (shape, shape_bytes) = (row.shape.to_string(), hex(&row.shape.encode()));
                let line = lines::Shape { name: &row.name, version: row.version, shape, shape_bytes };
                self.output.line(&Line::Shape(line))?;
            }
        }
        let added = self.table.add(rows);
        added.map_err(|fault| self.scan.corrupt_frame(segment, frame, fault.to_string()))
    }

    fn events(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let (scan, header) = (self.scan, &frame.header);
        let body = scan.body(segment, frame)?;
        for record in records(&body, header.first_seq, header.count, header.time) {
            let record = record.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
            let Some((name, version, shape)) = self.table.event(record.event) else {
                return Err(scan.corrupt_frame(segment, frame, unknown_event_number(record.seq, record.event)));
            };
            let payload = &body[record.payload.clone()];
            let line = event(&record, (name, version), json(shape, payload), payload);
            self.undecoded += u64::from(line.payload.is_none());
            self.output.line(&Line::Event(line))?;
            (self.written, self.time) = (record.seq, record.time);
        }
        (self.progress)(self.written.next().get() - self.first.get());
        Ok(())
    }
}

fn event<'a>(
    record: &'a Record,
    (name, version): (&'a str, u32),
    json: Result<Box<RawValue>, String>,
    payload: &[u8],
) -> lines::Event<'a> {
    let Origin { seq, part } = record.origin;
    let (payload, payload_error) = match json {
        Ok(json) => (Some(json), None),
        Err(error) => (None, Some((hex(payload), error))),
    };
    let (payload_bytes, payload_error) = payload_error.unzip();
    lines::Event {
        seq: record.seq.get(),
        time: time::to_json(record.time),
        name,
        version,
        rejected: record.outcome == Outcome::Rejected,
        origin: (record.origin != Origin::own(record.seq)).then_some(lines::Origin { seq: seq.get(), part }),
        metadata: &record.metadata,
        payload,
        payload_bytes,
        payload_error,
    }
}

/// The payload as JSON, if this JSON reads back as the same bytes; otherwise the reason why there is none.
fn json(shape: &ShapeTree, payload: &[u8]) -> Result<Box<RawValue>, String> {
    let json =
        Value::decode(shape, payload).and_then(|value| value.to_json(shape)).map_err(|error| error.to_string())?;
    let again =
        Value::from_json(shape, &json).and_then(|value| value.encode(shape)).map_err(|error| error.to_string())?;
    if again != payload {
        return Err("its JSON reads back as other bytes".to_owned());
    }
    RawValue::from_string(json).map_err(|error| error.to_string())
}
