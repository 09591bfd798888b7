//! A journal that is read past its damage: all that can still be read of it, and each place that is not what it must be.
//!
//! Opening stops at the first such place. Who is to say what is left, and what a repair would lose, must see behind it.
//!
//! All that is read is held to the keys, as it is when the image is opened: what they refuse is no damage, but was changed by
//! somebody who has not the key.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use super::damage::{Damage, DamageKind, RecordDamage};
use super::headers::{CheckedHeader, CheckedHeaders, HeaderStanding, Headers, ProvenKeys};
use super::nonzero::read_used;
use super::segments::is_used;
use crate::disk::{Access, Disk, StoredFile, failed};
use crate::error::{Error, Kind};
use crate::journal::format::frame::{Frame, FrameFault, FrameHeader, parse};
use crate::journal::format::frames::{FrameChain, FrameReader, FrameStep};
use crate::journal::format::protection::{Checksum, FrameProtection};
use crate::journal::format::resync::FrameSearch;
use crate::journal::format::segment::{HeaderFault, Identity, LONGEST, SEGMENT_HEADER, is_possible};
use crate::journal::format::torn_write::{Evidence, Verdict, durable_after, judge};
use crate::journal::format::zeros::is_zero;
use crate::journal::layout::Layout;
use crate::keys::{Form, Keyring, Protection, Refused};
use crate::seq::{SegmentId, Seq};

use super::salvage_progress::SalvageProgress;

/// Who looks at the frames.
pub(crate) trait FrameVisitor {
    /// A good frame, and its body as it was before it was protected. Gives what is wrong with what it holds.
    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Vec<RecordDamage>;

    /// Something is missing between the last frame and the next.
    fn gap(&mut self);
}

/// A segment, as far as it can be read.
#[derive(Clone, Debug)]
pub(crate) struct SalvagedSegment {
    pub(crate) segment: SegmentId,
    /// The first seq of its first frame, if that is good.
    pub(crate) first: Option<Seq>,
    /// How that frame is protected.
    pub(crate) form: Option<Form>,
    pub(crate) casing: Framing,
}

/// What is around the frames of a segment: its header, and the length of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// As it must be.
    Whole,
    /// It is damaged, and can be made again with what is known from elsewhere.
    Broken {
        /// The length that the file must have.
        len: u64,
    },
    /// It is not the segment's, or cannot be made again.
    Strange,
}

/// Frames that follow each other, with nothing wrong between them.
#[derive(Clone, Debug)]
pub(crate) struct FrameRun {
    /// Where the first of them stands.
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
    /// The header of the first, and how it is protected.
    pub(crate) first: FrameHeader,
    pub(crate) form: Form,
    /// The segment of the last.
    pub(crate) last: SegmentId,
    /// The event that comes after them.
    pub(crate) next: Seq,
    /// What is wrong behind them; `None` if they reach to the end of the journal.
    pub(crate) stopped: Option<DamageKind>,
}

/// What became of the reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Salvaged {
    pub(crate) stretches: Vec<SalvagedSegment>,
    /// In the order of the journal.
    pub(crate) runs: Vec<FrameRun>,
    /// In the order of the journal.
    pub(crate) faults: Vec<Damage>,
    /// How many more there are.
    pub(crate) unlisted: u64,
    /// The highest epoch met.
    pub(crate) epoch: u64,
    /// The last event that any frame tells of.
    pub(crate) known: Seq,
    /// The alignment of the last frame.
    pub(crate) align_shift: Option<u8>,
    /// What the next frame would have to continue; `None` after something that is missing.
    pub(crate) end: Option<FrameChain>,
}

/// A journal whose headers were read, whatever they are, and held to the keys.
pub(crate) struct Salvage {
    disk: Arc<dyn Disk>,
    layout: Layout,
    keyring: Arc<Keyring>,
    pub(super) headers: Vec<CheckedHeader>,
    identity: Option<Identity>,
    fit: ProvenKeys,
}

impl Salvage {
    /// Holds the headers to the keys.
    ///
    /// # Errors
    ///
    /// If keys are missing, or are wrong, or were given for an image that is not protected so.
    pub(crate) fn open(disk: &Arc<dyn Disk>, headers: Headers, keyring: &Arc<Keyring>) -> Result<Salvage, Error> {
        let layout = headers.layout().clone();
        let CheckedHeaders { headers, identity, fit } = headers.unlock(keyring)?;
        Ok(Salvage { disk: Arc::clone(disk), layout, keyring: Arc::clone(keyring), headers, identity, fit })
    }

    /// Whose journal it is; `None` if no header says so.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The keys that unlocked a header.
    pub(crate) fn fit(&self) -> &ProvenKeys {
        &self.fit
    }

    /// What protects the frames of a segment that are of this form.
    ///
    /// # Errors
    ///
    /// If a key is missing.
    pub(crate) fn protection(&self, segment: SegmentId, form: Form) -> Result<Protection, Error> {
        let uuid = self.identity().map_or([0; 16], |identity| identity.uuid);
        self.keyring.protection(form, &uuid, &self.path(segment))
    }

    /// What protects all that is new.
    ///
    /// # Errors
    ///
    /// If a key is missing.
    pub(crate) fn current(&self) -> Result<Protection, Error> {
        let uuid = self.identity().map_or([0; 16], |identity| identity.uuid);
        self.keyring.current(&uuid, self.layout.root())
    }

    /// The length that a segment was made with; `None` if its header does not say it.
    pub(crate) fn len_of(&self, segment: SegmentId) -> Option<u64> {
        self.headers.iter().find(|held| held.segment == segment)?.len()
    }

    /// The path of a segment's file.
    pub(crate) fn path(&self, segment: SegmentId) -> PathBuf {
        self.layout.segment(segment)
    }

    /// The bytes of a segment up to the last that is used, and its length.
    pub(crate) fn used(&self, segment: SegmentId) -> Result<(Vec<u8>, u64), Error> {
        let path = self.path(segment);
        let file = StoredFile::open(&*self.disk, &path, Access::Read)?;
        let len = file.len()?.min(self.len_of(segment).unwrap_or(LONGEST));
        let shorter = || failed("reading", &path, ErrorKind::UnexpectedEof.into());
        Ok((read_used(&file, len)?.ok_or_else(shorter)?, len))
    }

    /// Reads the segments from `from` on. `durable` is the highest seq that anything besides the frames says was synced.
    pub(crate) fn follow(
        &self,
        from: SegmentId,
        durable: Seq,
        visit: &mut dyn FrameVisitor,
    ) -> Result<Salvaged, Error> {
        let (trailed, told) = (Salvaged::default(), [0; 4]);
        let mut walked = SalvageProgress {
            trailed,
            chain: None,
            running: false,
            evidence: durable,
            newer: false,
            told,
            remedy: None,
        };
        let active = self.active(from)?;
        let mut before: Option<SegmentId> = None;
        for held in self.headers.iter().filter(|held| held.segment >= from) {
            let segment = held.segment;
            match before {
                None => walked.chain = (segment == SegmentId::FIRST).then_some(FrameChain::START),
                Some(before) if segment != before.next() => {
                    // evidence of what belongs there may have told of it already
                    let is_it = |fault: &Damage| fault.segment == before.next() && fault.offset.is_none();
                    if !walked.trailed.faults.last().is_some_and(is_it) {
                        walked.fault(before.next(), None, DamageKind::Damaged, "its file is missing".to_owned());
                    }
                    walked.lose(visit);
                }
                Some(_) => {}
            }
            before = Some(segment);
            walked.trailed.stretches.push(SalvagedSegment { segment, first: None, form: None, casing: Framing::Whole });
            let len = StoredFile::open(&*self.disk, &self.path(segment), Access::Read)?.len()?;
            self.header_faults(held, len, &mut walked);
            if walked.newer {
                break;
            }
            let made = held.len();
            let wrong = |made| format!("the file is {len} bytes long, and was made with {made}");
            let short = match made {
                Some(made) if len < made => Some((wrong(made), Framing::Broken { len: made })),
                None if len > LONGEST => {
                    Some((format!("the file is {len} bytes long, which no segment is"), Framing::Strange))
                }
                _ => None,
            };
            match segment <= active {
                true => self.segment(held, segment == active, short, &mut walked, visit)?,
                // what was cut off of it may not have been empty
                false => short.into_iter().for_each(|(what, _)| {
                    walked.fault(segment, Some(SEGMENT_HEADER as u64), DamageKind::Damaged, what);
                }),
            }
            if walked.newer {
                break;
            }
            if let Some(made) = made.filter(|made| len > *made) {
                walked.casing(Framing::Broken { len: made }, segment, made, DamageKind::Damaged, wrong(made));
            }
        }
        walked.trailed.end = walked.chain;
        Ok(walked.trailed)
    }

    /// The last segment that has anything after its header; the first there is if none has.
    fn active(&self, from: SegmentId) -> Result<SegmentId, Error> {
        for held in self.headers.iter().rev().filter(|held| held.segment >= from) {
            let used = StoredFile::open(&*self.disk, &self.path(held.segment), Access::Read)
                .and_then(|file| is_used(&file, longest(held)));
            match used {
                Ok(false) => {}
                Err(error) if error.is_missing() => return Err(error),
                Ok(true) | Err(_) => return Ok(held.segment),
            }
        }
        Ok(from)
    }

    /// Tells what is wrong with the header of a segment whose file is this long.
    fn header_faults(&self, held: &CheckedHeader, len: u64, walked: &mut SalvageProgress) {
        let segment = held.segment;
        walked.remedy = self.remedy(held);
        let (flaw, what) = match (&held.header, &held.standing) {
            (Err(HeaderFault::Foreign), _) => {
                (DamageKind::Damaged, "the file does not start like a segment".to_owned())
            }
            (Err(HeaderFault::Damaged(what)), _) => (DamageKind::Damaged, (*what).to_owned()),
            (Err(HeaderFault::Newer(what) | HeaderFault::NewerToWrite(what)), _) => {
                walked.newer = true;
                (DamageKind::Newer, what.clone())
            }
            (Ok(header), _) if self.is_foreign(header) => {
                (DamageKind::Damaged, "the file belongs to another image".to_owned())
            }
            (Ok(header), _) if header.segment != segment => {
                (DamageKind::Damaged, format!("the file is segment {} by its header", header.segment))
            }
            (Ok(_), HeaderStanding::Strange) => (DamageKind::Damaged, "the file belongs to another image".to_owned()),
            (Ok(_), HeaderStanding::Forged(what)) => (DamageKind::Forged, (*what).to_owned()),
            (Ok(header), HeaderStanding::Own(_)) => {
                walked.trailed.epoch = walked.trailed.epoch.max(header.epoch);
                return;
            }
        };
        let casing = match self.identity() {
            Some(_) if flaw != DamageKind::Newer && is_possible(len) => Framing::Broken { len },
            _ => Framing::Strange,
        };
        walked.casing(casing, segment, 0, flaw, what);
    }

    /// The body of a frame, if it is protected as its segment is, and else what is wrong with it. Where the segment's header
    /// does not say how, it must be as the image is, under the keys that the frame names.
    fn body(&self, held: &CheckedHeader, frame: &Frame<'_>) -> Result<Result<Vec<u8>, &'static str>, Error> {
        let uuid = self.identity().map_or([0; 16], |identity| identity.uuid);
        let protection = match &held.standing {
            HeaderStanding::Own(protection) if frame.form == protection.form() => protection.clone(),
            HeaderStanding::Own(_) => return Ok(Err("it is not protected in the way that the segment's header says")),
            _ if self.keyring.takes(frame.form) => {
                self.keyring.protection(frame.form, &uuid, &self.path(held.segment))?
            }
            _ => return Ok(Err("it is not protected in the way that the image is")),
        };
        let cover = FrameProtection::new(&uuid, held.segment, &protection);
        let body = match frame.is_linked(&cover) {
            true => frame.body(&cover).map_err(|Refused| "its body does not decrypt under its key"),
            false => Err("its link of the chain is not what the key makes of it"),
        };
        match body {
            Err(_) if !self.fit.has(frame.form) => Err(self.unfit(held.segment, frame.form)),
            body => Ok(body),
        }
    }

    /// The error of something that is not unlocked by keys which nothing else is unlocked by either.
    fn unfit(&self, segment: SegmentId, form: Form) -> Error {
        Error::new(Kind::Key { path: self.path(segment), what: self.fit.misses(form) })
    }

    /// Reads a segment. What is wrong with its length is told where its frames end, or where the first is damaged.
    fn segment(
        &self,
        held: &CheckedHeader,
        active: bool,
        mut short: Option<(String, Framing)>,
        walked: &mut SalvageProgress,
        visit: &mut dyn FrameVisitor,
    ) -> Result<(), Error> {
        let Some(identity) = self.identity() else { return Ok(()) };
        let (uuid, segment) = (&identity.uuid, held.segment);
        let (bytes, len) = match self.used(segment) {
            Ok(used) => used,
            Err(error) if error.is_missing() => return Err(error),
            Err(error) => {
                // nor can it be put in another file
                walked.disown(held);
                walked.fault(segment, None, DamageKind::Damaged, format!("it cannot be read: {error}"));
                walked.lose(visit);
                return Ok(());
            }
        };
        let checksum = Checksum::new(uuid, segment);
        let mut search = FrameSearch::new(&bytes, checksum);
        // once for all faults in it: the good frames between two of them are met on the way
        let mut after = None;
        if segment == SegmentId::FIRST && parse(&bytes, SEGMENT_HEADER, checksum).is_ok_and(is_later) {
            walked.chain = None;
        }
        let mut walk = FrameReader::new(&bytes, uuid, segment, walked.chain);
        loop {
            let step = walk.step();
            let (offset, linked) = (walk.offset(), matches!(step, FrameStep::Frame(_)));
            match step {
                FrameStep::Frame(frame) | FrameStep::Unlinked(frame) => {
                    let (what, from) = match self.body(held, &frame)? {
                        Ok(body) if linked => {
                            walked.chain = walk.chain();
                            walked.frame(segment, &frame, &body, visit);
                            continue;
                        }
                        // it may be the one before it that does not belong here
                        Ok(_) => ("it names another link of the chain than the last one", frame.offset),
                        Err(what) => {
                            if frame.offset == SEGMENT_HEADER {
                                walked.disown(held);
                            }
                            (what, frame.next_offset())
                        }
                    };
                    walked.fault(segment, Some(frame.offset as u64), DamageKind::Forged, what.to_owned());
                    walked.lose(visit);
                    match walked.next(&mut search, segment, from..bytes.len()) {
                        Some(next) => walk = FrameReader::at(&bytes, uuid, segment, next),
                        None => return Ok(()),
                    }
                }
                FrameStep::Sealed => {
                    // nothing but zeros is missing
                    if let Some((what, casing)) = short {
                        walked.casing(casing, segment, len, DamageKind::Damaged, what);
                    }
                    if !is_zero(bytes.get(offset..).unwrap_or_default()) {
                        walked.fault(
                            segment,
                            Some(offset as u64),
                            DamageKind::Damaged,
                            "bytes follow the seal".to_owned(),
                        );
                    } else if active && walked.expecting().is_some_and(|next| walked.evidence >= next) {
                        let what =
                            "its file is missing or empty, and events that belong there are known to have been synced";
                        walked.fault(segment.next(), None, DamageKind::Damaged, what.to_owned());
                    }
                    return Ok(());
                }
                FrameStep::Misplaced(what) => {
                    walked.fault(segment, Some(offset as u64), DamageKind::Damaged, what);
                    walked.lose(visit);
                    walk = FrameReader::at(&bytes, uuid, segment, offset);
                }
                FrameStep::Fault(FrameFault::Unsupported { what }) => {
                    walked.newer = true;
                    walked.fault(segment, Some(offset as u64), DamageKind::Newer, what);
                    return Ok(());
                }
                FrameStep::Fault(fault) => {
                    let evidence = Evidence { durable: walked.evidence, later_segment: !active };
                    // where nothing tells what belongs here, it is no end
                    let expecting = walked.expecting().unwrap_or(Seq::ZERO);
                    let after = || *after.get_or_insert_with(|| durable_after(&bytes, offset, checksum));
                    let verdict = judge((&bytes, len), offset, &fault, expecting, evidence, after);
                    let (flaw, what) = match (short.take(), verdict) {
                        (Some((what, _)), _) => (DamageKind::Damaged, what),
                        (None, Verdict::Clean) => return Ok(()),
                        (None, Verdict::Torn(range)) => {
                            (DamageKind::Torn(range), "a write was cut short by a crash".to_owned())
                        }
                        (None, Verdict::Suspect(what)) => {
                            (DamageKind::Suspect(offset..last_used(&bytes)), what.to_owned())
                        }
                        (None, Verdict::Corrupt(what)) => (DamageKind::Damaged, what.to_owned()),
                    };
                    let goes_on = flaw == DamageKind::Damaged;
                    // of a file of which the header is not the segment's either, that was told
                    if !(offset == SEGMENT_HEADER && walked.disown(held)) {
                        walked.fault(segment, Some(offset as u64), flaw, what);
                    }
                    if !goes_on {
                        return Ok(());
                    }
                    walked.lose(visit);
                    match walked.next(&mut search, segment, offset + 8..bytes.len()) {
                        Some(next) => walk = FrameReader::at(&bytes, uuid, segment, next),
                        None => return Ok(()),
                    }
                }
            }
        }
    }
}

/// The length of a segment, or what none is longer than: what follows in its file is no part of it.
fn longest(held: &CheckedHeader) -> u64 {
    held.len().unwrap_or(LONGEST)
}

/// Whether a journal that begins with this frame was begun after some event.
fn is_later(frame: Frame<'_>) -> bool {
    frame.header.first_seq > Seq::new(1)
}

/// Where the last byte that is not zero ends.
fn last_used(bytes: &[u8]) -> usize {
    crate::journal::format::zeros::last_used(bytes).map_or(0, |last| last + 1)
}
