//! A journal that is read past its damage: all that can still be read of it, and each place that is not what it must be.
//!
//! Opening stops at the first such place. Who is to say what is left, and what a repair would lose, must see behind it.
//!
//! It has no keys: of an image that is encrypted or chained the headers are read, and nothing else.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::cover::Checksum;
use super::frame::{Frame, FrameFault};
use super::layout::Layout;
use super::reader::{Chain, Step, Walk};
use super::search::{Found, Search};
use super::segment::{HeaderFault, Identity, LONGEST, SEGMENT_HEADER, SegmentHeader};
use super::source::is_used;
use super::tail::{Evidence, Verdict, durable_after, judge};
use super::used::read_used;
use super::zeros::is_zero;
use crate::disk::{Access, Disk, StoredFile};
use crate::error::Error;
use crate::keys::Form;
use crate::seq::{SegmentId, Seq};

/// The most faults that are told of one by one.
const MOST: usize = 256;

/// A place where a journal is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) segment: SegmentId,
    /// Where in its file; `None` if it is about all of it.
    pub(crate) offset: Option<u64>,
    /// The event that belongs here; `None` if nothing before it tells.
    pub(crate) seq: Option<Seq>,
    pub(crate) flaw: Flaw,
    pub(crate) what: String,
}

/// What kind of fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A write that a crash cut short; these bytes are of it.
    Torn(Range<usize>),
    /// Bytes that nothing proves to have been acknowledged, and that no crash explains.
    Suspect(Range<usize>),
    /// What was written is missing or damaged.
    Damaged,
    /// A record of a good frame does not decode by its shape. Those around it do.
    Undecodable,
    /// It is of a newer format: nothing more can be said.
    Newer,
}

/// What a frame holds that it should not.
pub(crate) struct Misfit {
    pub(crate) seq: Seq,
    pub(crate) flaw: Flaw,
    pub(crate) what: String,
}

/// Who looks at the frames.
pub(crate) trait Visit {
    /// A good frame. Gives what is wrong with what it holds.
    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>) -> Vec<Misfit>;

    /// Something is missing between the last frame and the next.
    fn gap(&mut self);
}

/// A segment, as far as it can be read.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) segment: SegmentId,
    /// The first seq of its first frame, if that is good.
    pub(crate) first: Option<Seq>,
    /// Nothing is wrong with it that opening would not mend.
    pub(crate) sound: bool,
}

/// What became of the reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trailed {
    pub(crate) stretches: Vec<Stretch>,
    /// In the order of the journal.
    pub(crate) faults: Vec<Fault>,
    /// How many more there are.
    pub(crate) unlisted: u64,
    /// The highest epoch met.
    pub(crate) epoch: u64,
    /// The last event that any frame tells of.
    pub(crate) known: Seq,
    /// The alignment of the last frame.
    pub(crate) align_shift: Option<u8>,
}

/// A journal whose headers were read, whatever they are.
pub(crate) struct Trail {
    disk: Arc<dyn Disk>,
    layout: Layout,
    headers: Vec<(SegmentId, Result<SegmentHeader, HeaderFault>)>,
    identity: Option<Identity>,
}

impl Trail {
    /// Reads the headers of these segments.
    pub(crate) fn open(disk: &Arc<dyn Disk>, layout: &Layout, segments: &[SegmentId]) -> Result<Trail, Error> {
        let (disk, layout) = (Arc::clone(disk), layout.clone());
        let mut headers = Vec::new();
        for &segment in segments {
            headers.push((segment, read_header(&*disk, &layout, segment)?));
        }
        let identities =
            || headers.iter().filter_map(|(_, header)| header.as_ref().ok()).map(|header| &header.identity);
        // that of most, and of the first of those; a strange file among them does not make the others strange
        let counted = |identity: &Identity| identities().filter(|other| *other == identity).count();
        let most = identities().map(counted).max();
        let identity = identities().find(|identity| Some(counted(identity)) == most).cloned();
        Ok(Trail { disk, layout, headers, identity })
    }

    /// Whose journal it is; `None` if no header says so.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// How the image is protected, by the first of its headers that says so.
    pub(crate) fn form(&self) -> Form {
        let of_image =
            |header: &&SegmentHeader| Some(&header.identity) == self.identity() && header.form != Form::default();
        let headers = self.headers.iter().filter_map(|(_, header)| header.as_ref().ok());
        headers.filter(of_image).map(|header| header.form).next().unwrap_or_default()
    }

    /// The path of a segment's file.
    pub(crate) fn path(&self, segment: SegmentId) -> PathBuf {
        self.layout.segment(segment)
    }

    /// Reads the segments from `from` on. `durable` is the highest seq that anything besides the frames says was synced.
    pub(crate) fn follow(&self, from: SegmentId, durable: Seq, visit: &mut dyn Visit) -> Result<Trailed, Error> {
        let mut walked = Walked { trailed: Trailed::default(), chain: None, evidence: durable, newer: false };
        let active = self.active(from)?;
        let mut before: Option<SegmentId> = None;
        for (segment, header) in self.headers.iter().filter(|(segment, _)| *segment >= from) {
            let segment = *segment;
            match before {
                None => walked.chain = (segment == SegmentId::FIRST).then_some(Chain::START),
                Some(before) if segment != before.next() => {
                    walked.fault(before.next(), None, Flaw::Damaged, "its file is missing".to_owned());
                    walked.lose(visit);
                }
                Some(_) => {}
            }
            before = Some(segment);
            walked.trailed.stretches.push(Stretch { segment, first: None, sound: true });
            self.header_faults(segment, header, &mut walked);
            if walked.newer {
                break;
            }
            let len = StoredFile::open(&*self.disk, &self.path(segment), Access::Read)?.len()?;
            let short = match header {
                Ok(SegmentHeader { len: made, .. }) if len != *made => {
                    Some(format!("the file is {len} bytes long, and was made with {made}"))
                }
                _ if len > LONGEST => Some(format!("the file is {len} bytes long, which no segment is")),
                _ => None,
            };
            match segment <= active {
                true => self.segment((segment, longest(header)), segment == active, short, &mut walked, visit)?,
                false => short.into_iter().for_each(|what| {
                    walked.fault(segment, Some(SEGMENT_HEADER as u64), Flaw::Damaged, what);
                }),
            }
            if walked.newer {
                break;
            }
        }
        Ok(walked.trailed)
    }

    /// The last segment that has anything after its header; the first there is if none has.
    fn active(&self, from: SegmentId) -> Result<SegmentId, Error> {
        for (segment, header) in self.headers.iter().rev().filter(|(segment, _)| *segment >= from) {
            let used = StoredFile::open(&*self.disk, &self.path(*segment), Access::Read)
                .and_then(|file| is_used(&file, longest(header)));
            match used {
                Ok(false) => {}
                Err(error) if error.is_missing() => return Err(error),
                Ok(true) | Err(_) => return Ok(*segment),
            }
        }
        Ok(from)
    }

    fn header_faults(&self, segment: SegmentId, header: &Result<SegmentHeader, HeaderFault>, walked: &mut Walked) {
        let (offset, flaw, what) = match header {
            Err(HeaderFault::Foreign) => (0, Flaw::Damaged, "the file does not start like a segment".to_owned()),
            Err(HeaderFault::Damaged(what)) => (0, Flaw::Damaged, (*what).to_owned()),
            Err(HeaderFault::Newer(what) | HeaderFault::NewerToWrite(what)) => {
                walked.newer = true;
                (0, Flaw::Newer, what.clone())
            }
            Ok(header) if header.segment != segment => {
                (0, Flaw::Damaged, format!("the file is segment {} by its header", header.segment))
            }
            Ok(header) if Some(&header.identity) != self.identity() => {
                (0, Flaw::Damaged, "the file belongs to another image".to_owned())
            }
            Ok(header) => {
                walked.trailed.epoch = walked.trailed.epoch.max(header.epoch);
                return;
            }
        };
        walked.fault(segment, Some(offset), flaw, what);
    }

    /// Reads a segment, which is no longer than this. What is wrong with its length is told where its frames end, or where the first is damaged.
    fn segment(
        &self,
        (segment, longest): (SegmentId, u64),
        active: bool,
        mut short: Option<String>,
        walked: &mut Walked,
        visit: &mut dyn Visit,
    ) -> Result<(), Error> {
        let Some(identity) = self.identity() else { return Ok(()) };
        let uuid = &identity.uuid;
        let file = StoredFile::open(&*self.disk, &self.path(segment), Access::Read)?;
        let len = file.len()?.min(longest);
        let read = match read_used(&file, len) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err("it became shorter while it was read".to_owned()),
            Err(error) => Err(format!("it cannot be read: {error}")),
        };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(what) => {
                walked.fault(segment, None, Flaw::Damaged, what);
                walked.lose(visit);
                return Ok(());
            }
        };
        let checksum = Checksum::new(uuid, segment);
        let mut search = Search::new(&bytes, checksum);
        // once for all faults in it: the good frames between two of them are met on the way
        let mut after = None;
        let mut walk = Walk::new(&bytes, uuid, segment, walked.chain);
        loop {
            let step = walk.step();
            let offset = walk.offset();
            match step {
                Step::Frame(frame) if frame.form == Form::default() => {
                    walked.chain = walk.chain();
                    walked.frame(segment, &frame, visit);
                }
                Step::Frame(frame) | Step::Unlinked(frame) => {
                    let what = "the frame is encrypted or chained, and the image is not".to_owned();
                    walked.fault(segment, Some(frame.offset as u64), Flaw::Damaged, what);
                    walked.lose(visit);
                    walk = Walk::at(&bytes, uuid, segment, frame.next_offset());
                }
                Step::Sealed => {
                    if let Some(what) = short {
                        walked.fault(segment, Some(offset as u64), Flaw::Damaged, what);
                    } else if !is_zero(bytes.get(offset..).unwrap_or_default()) {
                        walked.fault(segment, Some(offset as u64), Flaw::Damaged, "bytes follow the seal".to_owned());
                    } else if active && walked.expecting().is_some_and(|next| walked.evidence >= next) {
                        let what =
                            "its file is missing or empty, and events that belong there are known to have been synced";
                        walked.fault(segment.next(), None, Flaw::Damaged, what.to_owned());
                    }
                    return Ok(());
                }
                Step::Misplaced(what) => {
                    walked.fault(segment, Some(offset as u64), Flaw::Damaged, what);
                    walked.lose(visit);
                    walk = Walk::at(&bytes, uuid, segment, offset);
                }
                Step::Fault(FrameFault::Unsupported { what }) => {
                    walked.newer = true;
                    walked.fault(segment, Some(offset as u64), Flaw::Newer, what);
                    return Ok(());
                }
                Step::Fault(fault) => {
                    let evidence = Evidence { durable: walked.evidence, later_segment: !active };
                    // where nothing tells what belongs here, it is no end
                    let expecting = walked.expecting().unwrap_or(Seq::ZERO);
                    let after = || *after.get_or_insert_with(|| durable_after(&bytes, offset, checksum));
                    let verdict = judge((&bytes, len), offset, &fault, expecting, evidence, after);
                    let (flaw, what) = match (short.take(), verdict) {
                        (Some(what), _) => (Flaw::Damaged, what),
                        (None, Verdict::Clean) => return Ok(()),
                        (None, Verdict::Torn(range)) => (
                            Flaw::Torn(range),
                            "a write was cut short by a crash, and nobody was told that it was done".to_owned(),
                        ),
                        (None, Verdict::Suspect(what)) => (Flaw::Suspect(offset..last_used(&bytes)), what.to_owned()),
                        (None, Verdict::Corrupt(what)) => (Flaw::Damaged, what.to_owned()),
                    };
                    let goes_on = flaw == Flaw::Damaged;
                    walked.fault(segment, Some(offset as u64), flaw, what);
                    if !goes_on {
                        return Ok(());
                    }
                    walked.lose(visit);
                    match search.next(offset + 8..bytes.len()) {
                        Found::Frame(frame) => walk = Walk::at(&bytes, uuid, segment, frame.offset),
                        Found::Nothing => return Ok(()),
                        Found::TooMuch => {
                            let what = "more frames begin behind it, of which none is whole, than damage leaves: the rest was \
                                        not looked at";
                            walked.fault(segment, Some(offset as u64), Flaw::Damaged, what.to_owned());
                            return Ok(());
                        }
                    }
                }
            }
        }
    }
}

/// The length of a segment, or what none is longer than: what follows in its file is no part of it.
fn longest(header: &Result<SegmentHeader, HeaderFault>) -> u64 {
    header.as_ref().map_or(LONGEST, |header| header.len)
}

/// Where the last byte that is not zero ends.
fn last_used(bytes: &[u8]) -> usize {
    super::zeros::last_used(bytes).map_or(0, |last| last + 1)
}

fn read_header(
    disk: &dyn Disk,
    layout: &Layout,
    segment: SegmentId,
) -> Result<Result<SegmentHeader, HeaderFault>, Error> {
    let file = StoredFile::open(disk, &layout.segment(segment), Access::Read)?;
    let mut bytes = [0; SEGMENT_HEADER];
    Ok(match file.read_up_to(&mut bytes, 0) {
        Ok(SEGMENT_HEADER) => SegmentHeader::decode(&bytes),
        Ok(_) => Err(HeaderFault::Damaged("the file ends within its header")),
        Err(_) => Err(HeaderFault::Damaged("the header cannot be read")),
    })
}

/// How far the reading has come.
struct Walked {
    trailed: Trailed,
    /// What the next frame must continue; `None` after something that is missing.
    chain: Option<Chain>,
    /// The highest seq that anything says was synced.
    evidence: Seq,
    newer: bool,
}

impl Walked {
    fn expecting(&self) -> Option<Seq> {
        self.chain.map(|chain| chain.next_seq)
    }

    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>, visit: &mut dyn Visit) {
        let header = &frame.header;
        if let Some(stretch) = self.trailed.stretches.last_mut()
            && frame.offset == SEGMENT_HEADER
        {
            stretch.first = Some(header.first_seq);
        }
        self.trailed.align_shift = Some(header.align_shift);
        self.trailed.epoch = self.trailed.epoch.max(header.epoch);
        self.evidence = self.evidence.max(header.durable_seq);
        let last = Seq::new(header.next_seq().get().saturating_sub(1));
        self.trailed.known = self.trailed.known.max(last).max(header.durable_seq);
        for Misfit { seq, flaw, what } in visit.frame(segment, frame) {
            let fault = Fault { segment, offset: Some(frame.offset as u64), seq: Some(seq), flaw, what };
            self.push(fault);
        }
    }

    fn fault(&mut self, segment: SegmentId, offset: Option<u64>, flaw: Flaw, what: String) {
        let seq = self.expecting();
        self.push(Fault { segment, offset, seq, flaw, what });
    }

    fn push(&mut self, fault: Fault) {
        if let Some(stretch) = self.trailed.stretches.last_mut() {
            // an event that does not decode can become void
            stretch.sound &= matches!(fault.flaw, Flaw::Torn(_) | Flaw::Undecodable);
        }
        match self.trailed.faults.len() < MOST {
            true => self.trailed.faults.push(fault),
            false => self.trailed.unlisted += 1,
        }
    }

    /// Goes on behind something that is missing.
    fn lose(&mut self, visit: &mut dyn Visit) {
        self.chain = None;
        visit.gap();
    }
}
