//! How far a journal was read past its damage, and what was met on the way.

use std::ops::Range;

use super::damage::{Damage, DamageKind, RecordDamage};
use super::headers::CheckedHeader;
use super::salvage::{FrameRun, FrameVisitor, Framing, Salvaged};
use crate::journal::format::frame::Frame;
use crate::journal::format::frames::FrameChain;
use crate::journal::format::resync::{FrameSearch, SearchResult};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::seq::{SegmentId, Seq};

/// The most faults of one sort that are told of one by one.
const MOST: usize = 256;

/// How far the reading has come.
pub(super) struct SalvageProgress {
    pub(super) trailed: Salvaged,
    /// What the next frame must continue; `None` after something that is missing.
    pub(super) chain: Option<FrameChain>,
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

impl SalvageProgress {
    pub(super) fn expecting(&self) -> Option<Seq> {
        self.chain.map(|chain| chain.next_seq)
    }

    pub(super) fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8], visit: &mut dyn FrameVisitor) {
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
        let fits = misfits.iter().all(|misfit| misfit.flaw == DamageKind::Undecodable);
        for RecordDamage { seq, flaw, what } in misfits {
            let offset = Some(frame.offset as u64);
            self.push(Damage { segment, offset, seq: Some(seq), flaw, what, around: false });
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
                self.trailed.runs.push(FrameRun { segment, offset, first, form, last: segment, next, stopped: None });
                self.running = true;
            }
        }
    }

    pub(super) fn fault(&mut self, segment: SegmentId, offset: Option<u64>, flaw: DamageKind, what: String) {
        let seq = self.expecting();
        self.push(Damage { segment, offset, seq, flaw, what, around: false });
    }

    /// Tells what is wrong around the frames of the segment that is read.
    pub(super) fn casing(&mut self, casing: Framing, segment: SegmentId, offset: u64, flaw: DamageKind, what: String) {
        // the evidence of what belongs there may have told that it is not
        let is_gone = |fault: &Damage| fault.segment == segment && fault.offset.is_none();
        let gone = self.trailed.faults.last().is_some_and(is_gone);
        if let Some(stretch) = self.trailed.stretches.last_mut() {
            stretch.casing = if gone { Framing::Strange } else { casing };
        }
        if gone {
            return;
        }
        let (seq, around) = (self.expecting(), casing != Framing::Strange);
        self.push(Damage { segment, offset: Some(offset), seq, flaw, what, around });
    }

    /// Says that what is in the file is not the segment's, if its header is not, which was told.
    pub(super) fn disown(&mut self, held: &CheckedHeader) -> bool {
        let Some(stretch) = self.trailed.stretches.last_mut().filter(|stretch| stretch.casing != Framing::Whole) else {
            return false;
        };
        stretch.casing = Framing::Strange;
        if let Some(told) = self.trailed.faults.last_mut().filter(|told| told.segment == held.segment) {
            told.around = false;
            if let Some(remedy) = self.remedy.take() {
                told.what += "; ";
                told.what += &remedy;
            }
        }
        self.stop(&DamageKind::Damaged);
        true
    }

    /// The next frame does not go on with the last run.
    fn stop(&mut self, flaw: &DamageKind) {
        if std::mem::take(&mut self.running)
            && let Some(run) = self.trailed.runs.last_mut()
        {
            run.stopped = Some(flaw.clone());
        }
    }

    fn push(&mut self, fault: Damage) {
        // an event that does not decode can become void, and a segment whose frames are good be made whole
        if fault.flaw != DamageKind::Undecodable && !fault.around {
            self.stop(&fault.flaw);
        }
        let sort = match fault.flaw {
            _ if fault.around => 0,
            DamageKind::Undecodable => 1,
            DamageKind::Newer => 2,
            DamageKind::Torn(_) | DamageKind::Suspect(_) | DamageKind::Damaged | DamageKind::Forged => 3,
        };
        self.told[sort] += 1;
        match self.told[sort] <= MOST {
            true => self.trailed.faults.push(fault),
            false => self.trailed.unlisted += 1,
        }
    }

    /// Where the next good frame begins.
    pub(super) fn next(
        &mut self,
        search: &mut FrameSearch<'_>,
        segment: SegmentId,
        within: Range<usize>,
    ) -> Option<usize> {
        let start = within.start as u64;
        match search.next(within) {
            SearchResult::Frame(frame) => Some(frame.offset),
            SearchResult::Nothing => None,
            SearchResult::TooMuch => {
                let what = "more frames begin behind it, of which none is whole, than damage leaves: the rest was not looked at";
                self.fault(segment, Some(start), DamageKind::Damaged, what.to_owned());
                None
            }
        }
    }

    /// Goes on behind something that is missing.
    pub(super) fn lose(&mut self, visit: &mut dyn FrameVisitor) {
        self.chain = None;
        visit.gap();
    }
}
