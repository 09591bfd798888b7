//! How far a journal was read past its damage, and what was met on the way.

use std::ops::Range;

use super::damage::{Fault, Flaw, Misfit};
use super::headers::Held;
use super::salvage::{Casing, Run, Trailed, Visit};
use crate::journal::format::frame::Frame;
use crate::journal::format::frames::Chain;
use crate::journal::format::resync::{Found, Search};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::seq::{SegmentId, Seq};

/// The most faults of one sort that are told of one by one.
const MOST: usize = 256;

/// How far the reading has come.
pub(super) struct Walked {
    pub(super) trailed: Trailed,
    /// What the next frame must continue; `None` after something that is missing.
    pub(super) chain: Option<Chain>,
    /// The next frame goes on with the last run.
    pub(super) running: bool,
    /// The highest seq that anything says was synced.
    pub(super) evidence: Seq,
    pub(super) newer: bool,
    /// How many faults there are of each sort. One sort must not hide another.
    pub(super) told: [usize; 4],
    /// What to do with the file that is read, if what is in it is not the segment's, as its header is not.
    pub(super) remedy: Option<String>,
}

impl Walked {
    pub(super) fn expecting(&self) -> Option<Seq> {
        self.chain.map(|chain| chain.next_seq)
    }

    pub(super) fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8], visit: &mut dyn Visit) {
        let header = &frame.header;
        if let Some(stretch) = self.trailed.stretches.last_mut()
            && frame.offset == SEGMENT_HEADER
        {
            (stretch.first, stretch.form) = (Some(header.first_seq), Some(frame.form));
        }
        self.trailed.align_shift = Some(header.align_shift);
        self.trailed.epoch = self.trailed.epoch.max(header.epoch);
        self.evidence = self.evidence.max(header.durable_seq);
        let last = Seq::new(header.next_seq().get().saturating_sub(1));
        self.trailed.known = self.trailed.known.max(last).max(header.durable_seq);
        let misfits = visit.frame(segment, frame, body);
        let fits = misfits.iter().all(|misfit| misfit.flaw == Flaw::Undecodable);
        for Misfit { seq, flaw, what } in misfits {
            let offset = Some(frame.offset as u64);
            self.push(Fault { segment, offset, seq: Some(seq), flaw, what, around: false });
        }
        if fits {
            self.run(segment, frame);
        }
    }

    pub(super) fn run(&mut self, segment: SegmentId, frame: &Frame<'_>) {
        let next = frame.header.next_seq();
        match self.trailed.runs.last_mut().filter(|_| self.running) {
            Some(run) => (run.last, run.next) = (segment, next),
            None => {
                let (offset, first, form) = (frame.offset as u64, frame.header, frame.form);
                self.trailed.runs.push(Run { segment, offset, first, form, last: segment, next, stopped: None });
                self.running = true;
            }
        }
    }

    pub(super) fn fault(&mut self, segment: SegmentId, offset: Option<u64>, flaw: Flaw, what: String) {
        let seq = self.expecting();
        self.push(Fault { segment, offset, seq, flaw, what, around: false });
    }

    /// Tells what is wrong around the frames of the segment that is read.
    pub(super) fn casing(&mut self, casing: Casing, segment: SegmentId, offset: u64, flaw: Flaw, what: String) {
        // the evidence of what belongs there may have told that it is not
        let is_gone = |fault: &Fault| fault.segment == segment && fault.offset.is_none();
        let gone = self.trailed.faults.last().is_some_and(is_gone);
        if let Some(stretch) = self.trailed.stretches.last_mut() {
            stretch.casing = if gone { Casing::Strange } else { casing };
        }
        if gone {
            return;
        }
        let (seq, around) = (self.expecting(), casing != Casing::Strange);
        self.push(Fault { segment, offset: Some(offset), seq, flaw, what, around });
    }

    /// Says that what is in the file is not the segment's, if its header is not, which was told.
    pub(super) fn disown(&mut self, held: &Held) -> bool {
        let Some(stretch) = self.trailed.stretches.last_mut().filter(|stretch| stretch.casing != Casing::Whole) else {
            return false;
        };
        stretch.casing = Casing::Strange;
        if let Some(told) = self.trailed.faults.last_mut().filter(|told| told.segment == held.segment) {
            told.around = false;
            if let Some(remedy) = self.remedy.take() {
                told.what += "; ";
                told.what += &remedy;
            }
        }
        self.stop(&Flaw::Damaged);
        true
    }

    /// The next frame does not go on with the last run.
    fn stop(&mut self, flaw: &Flaw) {
        if std::mem::take(&mut self.running)
            && let Some(run) = self.trailed.runs.last_mut()
        {
            run.stopped = Some(flaw.clone());
        }
    }

    fn push(&mut self, fault: Fault) {
        // an event that does not decode can become void, and a segment whose frames are good be made whole
        if fault.flaw != Flaw::Undecodable && !fault.around {
            self.stop(&fault.flaw);
        }
        let sort = match fault.flaw {
            _ if fault.around => 0,
            Flaw::Undecodable => 1,
            Flaw::Newer => 2,
            Flaw::Torn(_) | Flaw::Suspect(_) | Flaw::Damaged | Flaw::Forged => 3,
        };
        self.told[sort] += 1;
        match self.told[sort] <= MOST {
            true => self.trailed.faults.push(fault),
            false => self.trailed.unlisted += 1,
        }
    }

    /// Where the next good frame begins.
    pub(super) fn next(&mut self, search: &mut Search<'_>, segment: SegmentId, within: Range<usize>) -> Option<usize> {
        let start = within.start as u64;
        match search.next(within) {
            Found::Frame(frame) => Some(frame.offset),
            Found::Nothing => None,
            Found::TooMuch => {
                let what = "more frames begin behind it, of which none is whole, than damage leaves: the rest was not looked at";
                self.fault(segment, Some(start), Flaw::Damaged, what.to_owned());
                None
            }
        }
    }

    /// Goes on behind something that is missing.
    pub(super) fn lose(&mut self, visit: &mut dyn Visit) {
        self.chain = None;
        visit.gap();
    }
}
