//! Reads the lines after the header, and verifies each of them and their order.

use std::collections::HashMap;
use std::io::BufRead;

use super::header::{Header, shape};
use super::line::{LineReader, Member, Object, Place};
use super::messages;
use crate::admin::seq_range::SeqRange;
use crate::context::{Metadata, Origin, Timestamp};
use crate::error::Error;
use crate::journal::{DigestMark, GapMark, ShapeRow, TimeCorrection, VoidMark};
use crate::outcome::Outcome;
use crate::planted::{Bug, planted};
use crate::seq::Seq;
use crate::shape::{ShapeTree, differences};
use crate::value::Value;

/// The maximum length of the arguments of an event, in bytes.
const MAX_PAYLOAD: usize = (1 << 30) - (1 << 16);
/// The maximum length of the reason of a decision, and of the name of who decided, in bytes.
const MAX_REASON: usize = 4096;
/// The same for a recorded gap.
const MAX_GAP_REASON: usize = 1024;

/// A verified line.
pub(super) enum Item {
    /// The shape of an event: its number among all shapes, and whether it replaces the shape with this number.
    Shape(usize, ShapeRow),
    Event(ImportedEvent),
    Void(VoidMark),
    /// A recorded gap: this number of events is lost.
    Gap(GapMark, u64),
    Time(TimeCorrection),
    Digest(DigestMark),
    /// Bytes of the state that replaces pruned events.
    State(Vec<u8>),
    /// Bytes of the table of requests that follows this state.
    Requests(Vec<u8>),
    End,
}

pub(super) struct ImportedEvent {
    pub(super) seq: Seq,
    pub(super) time: Timestamp,
    /// The number of the event's shape.
    pub(super) shape: usize,
    pub(super) outcome: Outcome,
    pub(super) origin: Origin,
    pub(super) metadata: Metadata,
    pub(super) payload: Vec<u8>,
}

/// Reads the lines after the header.
pub(super) struct Items<R> {
    lines: LineReader<R>,
    checks: Checks,
}

/// What was read so far, as far as later lines must agree with it.
struct Checks {
    first: Seq,
    /// The last event, by the header.
    last: Seq,
    /// Whether a state, and a table of requests, follow the events.
    parts: (bool, bool),
    /// The last event that was read.
    read: Seq,
    /// The recorded time of this event.
    time: Timestamp,
    shapes: Vec<ShapeTree>,
    numbers: HashMap<(String, u32), usize>,
    voids: u64,
    gaps: Vec<SeqRange>,
    section: Section,
    /// The checksum of all lines before the last one, by the last line, and its place.
    checksum: Option<(u64, Place)>,
}

/// The sections of an export after its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Journal,
    State,
    Requests,
    End,
}

impl<R: BufRead> Items<R> {
    /// Reads the header.
    pub(super) fn open(input: R) -> Result<(Header, Items<R>), Error> {
        let mut lines = LineReader::new(input);
        let header = match lines.next()? {
            Some(line) => Header::read(line)?,
            None => return Err(lines.ends(messages::EMPTY)),
        };
        let checks = Checks {
            first: header.first,
            last: header.last,
            parts: header.base().map_or((false, false), |base| (true, base.has_requests)),
            read: header.first.before(),
            time: Timestamp::default(),
            shapes: Vec::new(),
            numbers: HashMap::new(),
            voids: 0,
            gaps: Vec::new(),
            section: Section::Journal,
            checksum: None,
        };
        Ok((header, Items { lines, checks }))
    }

    /// Reads the next line. Must not be called after [`Item::End`].
    pub(super) fn next(&mut self) -> Result<Item, Error> {
        let item = match self.lines.next()? {
            Some(line) => self.checks.item(line)?,
            None => return Err(self.lines.ends(messages::NO_END)),
        };
        if matches!(item, Item::End) {
            if let Some((checksum, place)) = self.checks.checksum
                && checksum != self.lines.checksum()
                && !planted(Bug::ExportChecksumIgnored)
            {
                return Err(place.error(messages::CHANGED.to_owned(), messages::HELP_CHECKSUM));
            }
            if let Some(line) = self.lines.next()? {
                return Err(line.place().error(messages::AFTER_END.to_owned(), messages::HELP_ORDER));
            }
        }
        Ok(item)
    }

    /// The recorded gaps that were read.
    pub(super) fn into_gaps(self) -> Vec<SeqRange> {
        self.checks.gaps
    }
}

impl Checks {
    fn item(&mut self, mut line: Object<'_>) -> Result<Item, Error> {
        let kind = line.require("kind")?;
        let name = kind.string()?;
        let section = match name.as_str() {
            "shape" | "event" | "void" | "gap" | "time" | "digest" => Section::Journal,
            "state" => Section::State,
            "requests" => Section::Requests,
            "end" => Section::End,
            "header" => return Err(out_of_order(&kind, "a second header".to_owned())),
            _ => return Err(kind.error(format!("there is no kind of lines `{name}`"))),
        };
        self.enter(section, &kind, &name)?;
        let item = match name.as_str() {
            "shape" => self.shape(&mut line)?,
            "event" => Item::Event(self.event(&mut line)?),
            "void" => self.void(&mut line)?,
            "gap" => self.gap(&mut line)?,
            "time" => self.correction(&mut line)?,
            "digest" => self.digest(&mut line)?,
            "state" => Item::State(line.require("bytes")?.bytes()?),
            "requests" => Item::Requests(line.require("bytes")?.bytes()?),
            _ => self.end(&mut line)?,
        };
        line.finish()?;
        Ok(item)
    }

    /// Verifies that a line of this section may follow.
    fn enter(&mut self, section: Section, kind: &Member<'_>, name: &str) -> Result<(), Error> {
        if section < self.section {
            return Err(out_of_order(kind, format!("a line of the kind `{name}` after the events")));
        }
        let (has_state, has_requests) = self.parts;
        if section == Section::State && !has_state || section == Section::Requests && !has_requests {
            return Err(out_of_order(kind, format!("the header announces no line of the kind `{name}`")));
        }
        if section > Section::Journal && self.read != self.last {
            let missing = self.read.next();
            return Err(out_of_order(
                kind,
                format!("event {missing} is missing: the header says that event {} is the last one", self.last),
            ));
        }
        self.section = section;
        Ok(())
    }

    fn shape(&mut self, line: &mut Object<'_>) -> Result<Item, Error> {
        let (name, version) = (line.require("name")?.string()?, line.require("version")?.u32()?);
        // the text is for people
        line.take("shape").map(|text| text.string()).transpose()?;
        let member = line.require("shape_bytes")?;
        let (_, tree) = shape(&member)?;
        let next = self.shapes.len();
        let number = *self.numbers.entry((name.clone(), version)).or_insert(next);
        match self.shapes.get_mut(number) {
            None => self.shapes.push(tree.clone()),
            Some(earlier) => {
                if let Some(difference) = differences("payload", earlier, &tree).first() {
                    let what = format!(
                        "`{name}` version {version} has another shape in an earlier line ({})",
                        difference.path()
                    );
                    return Err(member.error(what));
                }
                *earlier = tree.clone();
            }
        }
        Ok(Item::Shape(number, ShapeRow { name, version, shape: tree }))
    }

    fn event(&mut self, line: &mut Object<'_>) -> Result<ImportedEvent, Error> {
        let seq_member = line.require("seq")?;
        let (seq, expected) = (seq_member.seq()?, self.read.next());
        if seq != expected && !(planted(Bug::ImportSkipsSeq) && seq > expected) {
            return Err(out_of_order(&seq_member, format!("event {expected} must follow here, not event {seq}")));
        }
        if seq > self.last {
            return Err(out_of_order(&seq_member, format!("the header says that event {} is the last one", self.last)));
        }
        let time_member = line.require("time")?;
        let time = time_member.time()?;
        if time < self.time {
            return Err(out_of_order(
                &time_member,
                format!("event {seq} has an earlier time than the event before it"),
            ));
        }
        let name_member = line.require("name")?;
        let (name, version) = (name_member.string()?, line.require("version")?.u32()?);
        let what = format!("no line before this one has the shape of `{name}` version {version}");
        let shape = *self.numbers.get(&(name, version)).ok_or_else(|| name_member.error(what))?;
        let outcome = if line.require("rejected")?.bool()? { Outcome::Rejected } else { Outcome::Applied };
        let origin = match line.take("origin") {
            Some(member) => origin(&member, seq)?,
            None => Origin::own(seq),
        };
        let metadata = metadata(&line.require("metadata")?)?;
        let payload = payload(line, &self.shapes[shape])?;
        (self.read, self.time) = (seq, time);
        Ok(ImportedEvent { seq, time, shape, outcome, origin, metadata, payload })
    }

    fn void(&mut self, line: &mut Object<'_>) -> Result<Item, Error> {
        let seq = self.earlier_event(&line.require("seq")?)?;
        let (time, reason, by) = decision(line, MAX_REASON)?;
        self.voids += 1;
        Ok(Item::Void(VoidMark { seq, time, reason, by }))
    }

    fn gap(&mut self, line: &mut Object<'_>) -> Result<Item, Error> {
        let (first_member, last_member) = (line.require("first")?, line.require("last")?);
        let (first, last, expected) = (first_member.seq()?, last_member.seq()?, self.read.next());
        if first != expected {
            return Err(out_of_order(&first_member, format!("event {expected} must follow here, not event {first}")));
        }
        if last < first {
            return Err(last_member.error(format!("the gap ends with event {last}, before its first event {first}")));
        }
        if last > self.last {
            let what = format!("the header says that event {} is the last one", self.last);
            return Err(out_of_order(&last_member, what));
        }
        let (time, reason, by) = decision(line, MAX_GAP_REASON)?;
        self.gaps.push(SeqRange { first, last });
        self.read = last;
        // the new image determines the epoch
        Ok(Item::Gap(GapMark { first, epoch: 0, time, reason, by }, last.next().get() - first.get()))
    }

    /// Whether the event is lost in a gap before this line.
    fn is_lost(&self, seq: Seq) -> bool {
        self.gaps.iter().any(|gap| (gap.first..=gap.last).contains(&seq))
    }

    /// An event of the export before this line.
    fn earlier_event(&self, member: &Member<'_>) -> Result<Seq, Error> {
        let seq = member.seq()?;
        match seq < self.first || seq > self.read || self.is_lost(seq) {
            true => Err(member.error(format!("event {seq} is not among the events before this line"))),
            false => Ok(seq),
        }
    }

    fn correction(&mut self, line: &mut Object<'_>) -> Result<Item, Error> {
        let (to_member, from) = (line.require("to")?, line.require("from")?.time()?);
        let (to, reason) = (to_member.time()?, line.require("reason")?.string()?);
        if to > from {
            return Err(to_member.error("recorded time can be corrected to an earlier time only".to_owned()));
        }
        self.time = to;
        Ok(Item::Time(TimeCorrection { to, from, reason }))
    }

    fn digest(&mut self, line: &mut Object<'_>) -> Result<Item, Error> {
        let seq_member = line.require("seq")?;
        let seq = seq_member.seq()?;
        // behind a gap, the state after its last event is known
        let is_unknown = self.is_lost(seq) && self.is_lost(seq.next());
        if seq.next() < self.first || seq > self.read || is_unknown {
            return Err(seq_member.error(format!("event {seq} is not among the events before this line")));
        }
        let (model, digest) = (line.require("model")?.hex_number()?, line.require("digest")?.hex_number()?);
        let accepts = line.require("accepts")?.bool()?;
        Ok(Item::Digest(DigestMark { seq, model, digest, accepts }))
    }

    fn end(&mut self, line: &mut Object<'_>) -> Result<Item, Error> {
        let (last, voids) = (line.require("last_seq")?, line.require("voids")?);
        if last.seq()? != self.last {
            return Err(out_of_order(&last, format!("the header says that event {} is the last one", self.last)));
        }
        if voids.u64()? != self.voids {
            let what = format!("there are {} lines of the kind `void`, not {}", self.voids, voids.u64()?);
            return Err(out_of_order(&voids, what));
        }
        let (gaps, read) = (line.take("gaps"), self.gaps.len() as u64);
        let written = gaps.as_ref().map_or(Ok(0), Member::u64)?;
        if written != read {
            let what = format!("there are {read} lines of the kind `gap`, not {written}");
            return Err(out_of_order(gaps.as_ref().unwrap_or(&voids), what));
        }
        if let Some(checksum) = line.take("checksum") {
            self.checksum = Some((checksum.hex_number()?, checksum.place()));
        }
        Ok(Item::End)
    }
}

/// When, why and by whom a decision was made. Each text has at most `longest` bytes.
fn decision(line: &mut Object<'_>, longest: usize) -> Result<(Timestamp, String, Option<String>), Error> {
    let time = line.require("time")?.time()?;
    let (reason_member, by_member) = (line.require("reason")?, line.require("by")?);
    let (reason, by) = (reason_member.string()?, by_member.optional_string()?);
    for (member, text) in [(&reason_member, Some(&reason)), (&by_member, by.as_ref())] {
        if text.is_some_and(|text| text.len() > longest) {
            return Err(member.error(format!("the text is longer than {longest} bytes")));
        }
    }
    Ok((time, reason, by))
}

/// The metadata, whose keys are distinct.
fn metadata(member: &Member<'_>) -> Result<Metadata, Error> {
    let encoded = postcard::to_stdvec(&member.strings()?).expect("texts can be encoded");
    // decoding takes a number of entries in linear time
    Metadata::decode(&encoded).map(|(metadata, _)| metadata).map_err(|error| member.error(error.to_string()))
}

fn origin(member: &Member<'_>, event: Seq) -> Result<Origin, Error> {
    let mut object = member.object()?;
    let seq_member = object.require("seq")?;
    let (seq, part) = (seq_member.seq()?, object.require("part")?.u32()?);
    if seq == Seq::ZERO || seq > event {
        return Err(seq_member.error(format!("the origin of event {event} must be an event from 1 to {event}")));
    }
    object.finish()?;
    Ok(Origin { seq, part })
}

/// The encoded arguments of an event.
fn payload(line: &mut Object<'_>, shape: &ShapeTree) -> Result<Vec<u8>, Error> {
    let (json, bytes) = (line.take("payload"), line.take("payload_bytes"));
    // why there are only bytes is information for people
    line.take("payload_error").map(|text| text.string()).transpose()?;
    let (member, payload) = match (json, bytes) {
        (Some(json), None) => {
            let value = Value::from_json(shape, json.json()).and_then(|value| value.encode(shape));
            let value = value
                .map_err(|error| json.error(format!("`payload` does not have the shape of the event: {error}")))?;
            (json, value)
        }
        (None, Some(bytes)) => {
            let value = bytes.bytes()?;
            (bytes, value)
        }
        (Some(json), Some(_)) => return Err(json.error("the event has both `payload` and `payload_bytes`".to_owned())),
        (None, None) => {
            return Err(line.place().error("the member `payload` is missing".to_owned(), messages::HELP_FORM));
        }
    };
    match payload.len() > MAX_PAYLOAD {
        true => Err(member.error(format!("the arguments take {} bytes, more than {MAX_PAYLOAD}", payload.len()))),
        false => Ok(payload),
    }
}

fn out_of_order(member: &Member<'_>, what: String) -> Error {
    member.place().error(what, messages::HELP_ORDER)
}
