//! One reading of all of an image, and what can be done about what it shows. Changes nothing.

use std::sync::Arc;

use super::content::Content;
use super::snapshot::State;
use crate::admin::check::RepairOption;
use crate::admin::keys::Task;
use crate::admin::repair_action::{RepairAction, SeqRange};
use crate::disk::Disk;
use crate::error::{Error, Kind};
#[cfg(feature = "chain")]
use crate::journal::FrameChain;
use crate::journal::{
    Damage, DamageKind, FrameRun, Framing, Layout, ProvenKeys, SEGMENT_HEADER, Salvage, Salvaged, SalvagedSegment,
    Watermark,
};
use crate::keys::Keyring;
use crate::seq::{SegmentId, Seq};
use crate::snapshot::Snapshots;

/// All that is known of an image after one reading.
pub(crate) struct Examination {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) snapshots: Snapshots,
    pub(crate) trail: Salvage,
    pub(crate) trailed: Salvaged,
    pub(crate) content: Content,
    /// Newest first.
    pub(crate) states: Vec<State>,
    pub(crate) block: Option<Watermark>,
    /// All segments there are.
    pub(crate) segments: Vec<SegmentId>,
    /// Segments before one that is missing: what is left of some that were being removed, or of a journal that lost one.
    pub(crate) cut_off: Vec<SegmentId>,
    /// The highest seq that anything besides the frames says was synced.
    pub(crate) evidence: Seq,
    /// The keys under which something is that was read.
    pub(crate) fit: ProvenKeys,
}

impl Examination {
    /// Reads everything, and holds it to the keys; `task` is what it is read for.
    pub(crate) fn of(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        task: Task,
    ) -> Result<Examination, Error> {
        let snapshots = Snapshots::new(disk, layout, keyring);
        // what proves that something is there is read before the place where it must be: meanwhile there may be more
        let segments = layout.survey(&**disk)?.image(layout)?.to_vec();
        let identity = task.unlock(disk, layout, &segments, keyring)?.identity().cloned();
        let uuid = identity.as_ref().map(|identity| &identity.uuid);
        let block = uuid.map_or(Ok(None), |uuid| layout.durable_block(&**disk, uuid))?;
        let states = State::all(&snapshots, uuid)?;
        let proven = states.iter().filter(|state| state.is_evidence).map(|state| state.seq);
        let evidence = proven.chain(block.map(|block| block.durable_seq)).max().unwrap_or(Seq::ZERO);

        let segments = layout.survey(&**disk)?.image(layout)?.to_vec();
        let trail = task.unlock(disk, layout, &segments, keyring)?;
        let gap = segments.windows(2).rposition(|pair| pair[1] != pair[0].next());
        let (mut cut_off, rest) = segments.split_at(gap.map_or(0, |at| at + 1));
        let unread = || Content::telling_of(states.iter().map(|state| state.seq));
        let mut content = unread();
        let mut trailed = trail.follow(rest[0], evidence, &mut content)?;
        if !accounted(rest[0], &trailed, &content, &states) {
            if !cut_off.is_empty() {
                cut_off = &[];
                content = unread();
                trailed = trail.follow(segments[0], evidence, &mut content)?;
            }
            // of a journal that was pruned, one in its midst may be missing, and what is left of a removal be before it
            let gaps = segments.windows(2).filter(|pair| pair[1] != pair[0].next()).map(|pair| pair[1]);
            let starts: Vec<SegmentId> = [segments[0]].into_iter().chain(gaps).collect();
            let start = starts.into_iter().rev().find(|&start| accounted(start, &trailed, &content, &states));
            match start {
                Some(start) if start != segments[0] => {
                    cut_off = &segments[..segments.partition_point(|segment| *segment < start)];
                    content = unread();
                    trailed = trail.follow(start, evidence, &mut content)?;
                }
                Some(_) => {}
                // without a header no frame is read, and nothing can tell where the journal begins
                None if trail.identity().is_none() => {}
                None => trailed.faults.insert(0, without_beginning(segments[0])),
            }
        }
        let (cut_off, fit) = (cut_off.to_vec(), trail.fit().clone());
        let (disk, layout) = (Arc::clone(disk), layout.clone());
        let mut found = Examination {
            disk,
            layout,
            snapshots,
            trail,
            trailed,
            content,
            states,
            block,
            segments,
            cut_off,
            evidence,
            fit,
        };
        found.read_states(keyring)?;
        Ok(found)
    }

    /// Whether anything is wrong with the journal, a snapshot or a base.
    pub(crate) fn is_flawed(&self) -> bool {
        !self.trailed.faults.is_empty() || self.states.iter().any(|state| state.flaw.is_some())
    }

    /// Whether another reading has found the same.
    pub(crate) fn agrees(&self, other: &Examination) -> bool {
        let (trailed, of_other) = (&self.trailed, &other.trailed);
        trailed.faults == of_other.faults && trailed.unlisted == of_other.unlisted && self.states == other.states
    }

    /// Reads all snapshots and bases.
    fn read_states(&mut self, keyring: &Keyring) -> Result<(), Error> {
        for state in &mut self.states {
            state.read(&self.snapshots, &self.content, keyring)?;
            if state.flaw.is_none() {
                self.fit.add(state.form);
            }
        }
        match self.states.iter().find(|state| state.forged && !self.fit.has(state.form)) {
            None => Ok(()),
            // nobody knows whether the state is bad or the key
            Some(state) => Err(Error::new(Kind::Key { path: state.path.clone(), what: self.fit.misses(state.form) })),
        }
    }

    /// The end of the journal's chain, if all of it holds.
    #[cfg(feature = "chain")]
    pub(crate) fn chain_end(&self) -> Option<FrameChain> {
        let holds = |fault: &Damage| match fault.flaw {
            DamageKind::Torn(_) | DamageKind::Suspect(_) | DamageKind::Undecodable => true,
            DamageKind::Damaged => fault.around,
            DamageKind::Forged | DamageKind::Newer => false,
        };
        let whole = !self.fit.chains.is_empty() && self.trailed.faults.iter().all(holds);
        self.trailed.end.filter(|_| whole)
    }

    /// The last event that anything tells of.
    pub(crate) fn known(&self) -> Seq {
        self.trailed.known.max(self.evidence)
    }

    /// The first place at which the journal is not what it must be, but for events that do not decode, and for what is around
    /// frames that are good.
    pub(crate) fn first_fault(&self) -> Option<&Damage> {
        self.trailed.faults.iter().find(|fault| fault.flaw != DamageKind::Undecodable && !fault.around)
    }

    /// The first place where something is wrong around frames that are good.
    pub(crate) fn first_around(&self) -> Option<&Damage> {
        self.trailed.faults.iter().find(|fault| fault.around)
    }

    /// Whether the journal begins with a later segment than the first, as it may.
    pub(crate) fn is_pruned(&self) -> bool {
        self.trailed.stretches.first().is_some_and(begins_later)
    }

    /// The event whose state a pruned journal goes on from.
    pub(crate) fn base_seq(&self) -> Option<Seq> {
        self.states.iter().find(|state| state.is_base && state.flaw.is_none()).map(|state| state.seq)
    }

    /// Whether a pruned journal has a state that it goes on from.
    pub(crate) fn has_beginning(&self) -> bool {
        let reaches = |first: Option<Seq>, seq: Seq| first.is_some_and(|first| first <= seq.next());
        let begins = |state: &State| self.trailed.stretches.iter().any(|stretch| reaches(stretch.first, state.seq));
        self.states.iter().any(|state| state.flaw.is_none() && begins(state))
    }

    /// Whether the journal says itself that a segment may be missing, and what is there under its name is that segment.
    pub(crate) fn is_let_go(&self, segment: SegmentId) -> bool {
        self.content.kept_from.is_some_and(|first| segment < first) && self.trail.len_of(segment).is_some()
    }

    /// Whether what comes before its first segment is missing, and is told of as that.
    pub(crate) fn is_cut_off(&self) -> bool {
        let first = self.trailed.stretches.first().map(|stretch| stretch.segment);
        self.first_fault().is_some_and(|fault| fault.offset.is_none() && Some(fault.segment) <= first)
    }

    /// Whether nothing else leads to a state, or to one after it: the journal is damaged before it, or begins after it.
    pub(crate) fn is_last_way(&self, state: &State) -> bool {
        let newer = self.states.iter().any(|other| other.flaw.is_none() && other.seq >= state.seq);
        let read = self.first_fault().is_none_or(|fault| fault.seq.is_some_and(|seq| seq > state.seq));
        let begins = if self.is_pruned() { self.has_beginning() } else { self.content.genesis };
        state.holds && !newer && !(read && begins)
    }

    /// Whether snapshots and bases may be put away and made again: not while they may be all that proves what is missing.
    pub(crate) fn is_journal_sound(&self) -> bool {
        let only_torn = self.first_fault().is_none_or(|fault| matches!(fault.flaw, DamageKind::Torn(_)));
        only_torn && self.first_around().is_none()
    }

    /// Whether some of it is of a newer format, so that nothing is repaired.
    pub(crate) fn is_newer(&self) -> bool {
        self.trailed.faults.iter().any(|fault| fault.flaw == DamageKind::Newer)
    }

    /// The repairs that mend the journal, the one that loses least first.
    pub(crate) fn mends(&self) -> Vec<RepairOption> {
        if self.is_newer() {
            return Vec::new();
        }
        let Some(fault) = self.first_fault() else {
            let around = self.first_around().map(|_| RepairOption::of(RepairAction::Segments));
            return around.into_iter().collect();
        };
        // where only the end would be cleared, the damage behind it would be in the way of opening
        let cleared = |choice| match self.cut(fault).filter(|_| self.is_damaged_after(fault.segment)) {
            Some(cut) => vec![cut],
            None => vec![RepairOption::of(choice)],
        };
        match fault.flaw {
            DamageKind::Torn(_) => cleared(RepairAction::TornTail),
            DamageKind::Suspect(_) => cleared(RepairAction::SuspectTail),
            DamageKind::Newer => Vec::new(),
            DamageKind::Damaged | DamageKind::Forged | DamageKind::Undecodable => {
                let mut mends: Vec<RepairOption> = self.beginnings().into_iter().chain(self.cut(fault)).collect();
                mends.sort_by_key(|mend| mend.loses.map_or(0, |loses| loses.events()));
                mends
            }
        }
    }

    /// Whether no header says whose image it is: then nothing can be told of what else names one.
    pub(crate) fn is_nobodys(&self) -> bool {
        self.trail.identity().is_none()
    }

    /// Whether anything is damaged in later segments than this one.
    pub(crate) fn is_damaged_after(&self, segment: SegmentId) -> bool {
        let is_damage = |flaw: &DamageKind| matches!(flaw, DamageKind::Damaged | DamageKind::Forged);
        self.trailed.faults.iter().any(|fault| fault.segment > segment && is_damage(&fault.flaw) && !fault.around)
    }

    /// Whether a later segment has frames, so that this one is sealed.
    pub(crate) fn is_followed(&self, segment: SegmentId) -> bool {
        self.trailed.stretches.iter().any(|stretch| stretch.segment > segment && stretch.first.is_some())
    }

    /// Giving up what comes from a fault on, if a state is left from which what comes before it goes on.
    pub(crate) fn cut(&self, fault: &Damage) -> Option<RepairOption> {
        let from = fault.seq.filter(|seq| *seq > Seq::ZERO)?;
        let reached = |state: &State| {
            let reaches = |first: Option<Seq>| first.is_some_and(|first| first <= state.seq.next());
            state.flaw.is_none() && state.seq < from && self.before(fault).any(|(_, first)| reaches(first))
        };
        let begins = match self.is_pruned() {
            false => self.content.genesis && self.before(fault).next().is_some(),
            true => self.states.iter().any(reached),
        };
        begins.then(|| RepairOption {
            loses: SeqRange::of(from, self.known()),
            ..RepairOption::of(RepairAction::CutFrom(from))
        })
    }

    /// The events before a fault that are void by decisions which stand behind it.
    pub(crate) fn revived(&self, fault: &Damage) -> Vec<Seq> {
        let from = (fault.segment, fault.offset.unwrap_or(0));
        let behind = self.content.voided.iter().filter(|voided| (voided.segment, voided.offset) >= from);
        behind.map(|voided| voided.decision.seq).filter(|seq| fault.seq.is_none_or(|fault| *seq < fault)).collect()
    }

    /// The segments with something before the fault.
    fn before(&self, fault: &Damage) -> impl Iterator<Item = (SegmentId, Option<Seq>)> {
        let (last, offset) = (fault.segment, fault.offset.unwrap_or(0));
        self.trailed
            .stretches
            .iter()
            .map(|stretch| (stretch.segment, stretch.first))
            .filter(move |(segment, first)| *segment < last || *segment == last && offset > 0 && first.is_some())
    }

    /// Beginning with the newest good state, if what is before it is damaged.
    fn beginnings(&self) -> Option<RepairOption> {
        self.trail.identity()?;
        let state = self.states.iter().find(|state| state.flaw.is_none())?;
        let (kept, known) = (self.kept_after(state.seq), self.known());
        let mend = RepairOption {
            retires: self.retires(state.seq, kept.as_ref()),
            ..RepairOption::of(RepairAction::BeginAt(state.seq))
        };
        let Some(kept) = kept else {
            return Some(RepairOption { loses: SeqRange::of(state.seq.next(), known), ..mend });
        };
        let next = kept.run.next;
        match kept.run.stopped {
            _ if !self.is_behind_damage(kept.run) => None,
            Some(DamageKind::Damaged | DamageKind::Forged) => {
                Some(RepairOption { loses: SeqRange::of(next, known), then: Some(RepairAction::CutFrom(next)), ..mend })
            }
            // what an open, or one that clears the end, would stop at
            _ if self.is_damaged_after(kept.run.last) => {
                Some(RepairOption { loses: SeqRange::of(next, known), then: Some(RepairAction::CutFrom(next)), ..mend })
            }
            Some(DamageKind::Suspect(_)) => Some(RepairOption { then: Some(RepairAction::SuspectTail), ..mend }),
            _ => Some(mend),
        }
    }

    /// The events that leave the journal when it begins after event `seq`, and whose state stays.
    pub(crate) fn retires(&self, seq: Seq, kept: Option<&KeptEvents<'_>>) -> Option<SeqRange> {
        let stays = kept.map_or(seq.next(), |kept| kept.first);
        SeqRange::of(self.content.first?, Seq::new(stays.get().saturating_sub(1)))
    }

    /// What goes on from the state after `seq`, if anything does: the last frames without a fault among them that are there
    /// from that event on, or from the one after it.
    pub(crate) fn kept_after(&self, seq: Seq) -> Option<KeptEvents<'_>> {
        let reaches = |run: &&FrameRun| run.first.first_seq <= seq.next() && seq < run.next;
        let run = self.trailed.runs.iter().rev().find(reaches)?;
        // no event comes after the state: with nothing to keep, there is one repair to be done and not two
        if run.next == seq.next()
            && matches!(run.stopped, Some(DamageKind::Damaged | DamageKind::Forged))
            && self.is_behind_damage(run)
        {
            return None;
        }
        let begins = |segment: SegmentId| segment > run.segment || run.offset == SEGMENT_HEADER as u64;
        let stays = self.trailed.stretches.iter().rev().find_map(|stretch| {
            let stays = (run.segment..=run.last).contains(&stretch.segment)
                && begins(stretch.segment)
                && stretch.casing != Framing::Strange;
            let first = stretch.first.filter(|first| stays && *first <= seq.next())?;
            Some((stretch.segment, first))
        });
        match stays {
            Some((segment, first)) => Some(KeptEvents { run, segment, first, remade: false }),
            None => {
                // with a chain, a frame names what the key made of the one before it, and no other comes to the same; and without a
                // table nobody can read them
                let is_possible = run.form.chain.is_none() && self.content.tells_from(run.segment, run.offset, seq);
                is_possible.then_some(KeptEvents {
                    run,
                    segment: run.segment,
                    first: run.first.first_seq,
                    remade: true,
                })
            }
        }
    }

    /// Whether something is wrong before these frames.
    pub(crate) fn is_behind_damage(&self, run: &FrameRun) -> bool {
        let at = |fault: &Damage| (fault.segment, fault.offset.unwrap_or(0));
        // at the same place: the first of them is good, and does not follow what comes before
        self.first_fault().is_some_and(|fault| at(fault) <= (run.segment, run.offset))
    }
}

/// What a journal goes on with from some state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptEvents<'a> {
    pub(crate) run: &'a FrameRun,
    /// The first segment that stays.
    pub(crate) segment: SegmentId,
    /// The first event that stays.
    pub(crate) first: Seq,
    /// It is to be made again without what comes before the frames: that is damaged, or its header is.
    pub(crate) remade: bool,
}

/// Whether a journal may begin with segment `first`: it is there from genesis on, a base stands in for what came before, or
/// the journal says itself that it was pruned up to there.
fn accounted(first: SegmentId, trailed: &Salvaged, content: &Content, states: &[State]) -> bool {
    let from = || trailed.stretches.iter().filter(|stretch| stretch.segment >= first);
    if first == SegmentId::FIRST && !from().next().is_some_and(begins_later) {
        return true;
    }
    let reaches = |seq: Seq| from().any(|stretch| stretch.first.is_some_and(|at| at <= seq.next()));
    let base = states.iter().any(|state| state.is_base && state.is_evidence && reaches(state.seq));
    base || content.kept_from.is_some_and(|kept| first <= kept)
}

/// Whether what this segment begins with is not the first event.
fn begins_later(stretch: &SalvagedSegment) -> bool {
    stretch.segment != SegmentId::FIRST || stretch.first.is_some_and(|first| first > Seq::new(1))
}

/// That a journal begins with this segment, and nothing stands in for what came before.
fn without_beginning(first: SegmentId) -> Damage {
    let (segment, what) = match first {
        SegmentId::FIRST => (first, "its first events are not there, nor is the base that stands in for them"),
        _ => (first.before(), "its file is missing"),
    };
    Damage { segment, offset: None, seq: None, flaw: DamageKind::Damaged, what: what.to_owned(), around: false }
}
