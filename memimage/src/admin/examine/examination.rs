//! One reading of a whole image.

use std::sync::Arc;

use super::content::JournalContent;
use super::messages;
use super::snapshot::ExaminedSnapshot;
use crate::admin::keys::Task;
use crate::disk::Disk;
use crate::error::{Error, ErrorDetail};
#[cfg(feature = "chain")]
use crate::journal::FrameChain;
use crate::journal::{
    Damage, DamageKind, Layout, ProvenKeys, SalvageSource, Salvaged, SalvagedSegment, Watermark, life_conflict, salvage,
};
use crate::keys::Keyring;
use crate::seq::{SegmentId, Seq};
use crate::snapshot::Snapshots;

/// The result of reading a whole image once.
pub(crate) struct Examination {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) snapshots: Snapshots,
    pub(crate) source: SalvageSource,
    pub(crate) salvaged: Salvaged,
    pub(crate) content: JournalContent,
    /// All snapshots and bases, newest first.
    pub(crate) examined_snapshots: Vec<ExaminedSnapshot>,
    pub(crate) watermark: Option<Watermark>,
    /// The reason why `journal/durable` belongs to another timeline of the image; `None` if it does not.
    pub(crate) foreign_watermark: Option<String>,
    /// All segments whose files exist.
    pub(crate) segments: Vec<SegmentId>,
    /// The segments before a gap, which are not part of the journal. Either a pruning did not remove these segments, or the
    /// segment after them was lost.
    pub(crate) detached: Vec<SegmentId>,
    /// The highest seq that `journal/durable`, a snapshot or a base proves to be synced.
    pub(crate) evidence: Seq,
    /// The keys under which at least one part of the image is valid.
    pub(crate) proven_keys: ProvenKeys,
}

/// The result of reading a journal from its first segment on.
struct JournalReading {
    salvaged: Salvaged,
    content: JournalContent,
    detached: Vec<SegmentId>,
}

impl Examination {
    /// Reads the whole image for `task`, and verifies it with the keys.
    pub(crate) fn of(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        task: Task,
    ) -> Result<Examination, Error> {
        let snapshots = Snapshots::new(disk, layout, keyring);
        // Reads the evidence of synced events before the journal, because a process that has the image open may append events
        // meanwhile.
        let segments = layout.survey(&**disk)?.image(layout)?.to_vec();
        let source = task.unlock(disk, layout, &segments, keyring)?;
        let uuid = source.identity().map(|identity| &identity.uuid);
        let mut watermark = uuid.map_or(Ok(None), |uuid| layout.read_watermark(&**disk, uuid))?;
        let mut foreign_watermark = watermark.and_then(|watermark| source.life_conflict(watermark.life));
        let examined_snapshots = ExaminedSnapshot::all(&snapshots, &source)?;

        let segments = layout.survey(&**disk)?.image(layout)?.to_vec();
        let source = task.unlock(disk, layout, &segments, keyring)?;
        let (mut reading, evidence) = loop {
            watermark = watermark.filter(|_| foreign_watermark.is_none());
            let proven = examined_snapshots.iter().filter(|snapshot| snapshot.is_evidence).map(|snapshot| snapshot.seq);
            let evidence = proven.chain(watermark.map(|watermark| watermark.durable_seq)).max().unwrap_or(Seq::ZERO);
            let reading = JournalReading::of(&source, &segments, &examined_snapshots, evidence)?;
            // if only the last frames show that `journal/durable` belongs to another timeline, reads the journal again, without
            // this file as evidence
            let conflict = |watermark: Watermark| life_conflict(reading.salvaged.life.into_iter(), watermark.life);
            match watermark.and_then(conflict) {
                Some(conflict) => foreign_watermark = Some(conflict),
                None => break (reading, evidence),
            }
        };
        if let Some(watermark) = watermark {
            let missing = missing_by_watermark(&reading.salvaged, &segments, &watermark);
            reading.salvaged.damage.extend(missing);
        }
        let JournalReading { salvaged, content, detached } = reading;
        let proven_keys = source.proven_keys().clone();
        let (disk, layout) = (Arc::clone(disk), layout.clone());
        let mut examination = Examination {
            disk,
            layout,
            snapshots,
            source,
            salvaged,
            content,
            examined_snapshots,
            watermark,
            foreign_watermark,
            segments,
            detached,
            evidence,
            proven_keys,
        };
        examination.read_snapshots(keyring)?;
        Ok(examination)
    }

    /// Reads all snapshots and bases.
    fn read_snapshots(&mut self, keyring: &Keyring) -> Result<(), Error> {
        for snapshot in &mut self.examined_snapshots {
            snapshot.read(&self.snapshots, &self.content, keyring)?;
            if snapshot.is_usable() {
                self.proven_keys.add(snapshot.key_ids);
            }
        }
        let is_doubtful = |snapshot: &&ExaminedSnapshot| snapshot.is_forged && !self.proven_keys.has(snapshot.key_ids);
        match self.examined_snapshots.iter().find(is_doubtful) {
            None => Ok(()),
            // either the snapshot is forged, or the key is wrong
            Some(snapshot) => {
                let (path, what) = (snapshot.path.clone(), self.proven_keys.misses(snapshot.key_ids));
                Err(Error::new(ErrorDetail::Key { path, what }))
            }
        }
    }

    /// Whether the journal, a snapshot or a base is damaged.
    pub(crate) fn has_damage(&self) -> bool {
        !self.salvaged.damage.is_empty() || self.examined_snapshots.iter().any(|snapshot| !snapshot.is_usable())
    }

    /// Whether another reading shows the same damage.
    pub(crate) fn agrees(&self, other: &Examination) -> bool {
        let (salvaged, of_other) = (&self.salvaged, &other.salvaged);
        salvaged.damage == of_other.damage
            && salvaged.unlisted == of_other.unlisted
            && self.examined_snapshots == other.examined_snapshots
    }

    /// The end of the journal's chain. `None` if no part of the image is valid under a chain key, or if there is damage that
    /// could break the chain.
    #[cfg(feature = "chain")]
    pub(crate) fn chain_end(&self) -> Option<FrameChain> {
        let is_harmless = |damage: &Damage| match damage.kind {
            DamageKind::Torn(_) | DamageKind::Suspect(_) | DamageKind::Undecodable => true,
            DamageKind::Damaged => damage.is_framing,
            DamageKind::Forged | DamageKind::Newer => false,
        };
        let is_valid = !self.proven_keys.chains.is_empty() && self.salvaged.damage.iter().all(is_harmless);
        self.salvaged.end.filter(|_| is_valid)
    }

    /// The highest event for which there is a trace anywhere in the image.
    pub(crate) fn last_known(&self) -> Seq {
        self.salvaged.last_known.max(self.evidence)
    }

    /// The highest count of void marks that is stated anywhere in the image.
    pub(crate) fn decisions(&self) -> u32 {
        self.salvaged.decisions.max(self.watermark.map_or(0, |watermark| watermark.decisions))
    }

    /// The first damage to the frames. Two kinds of damage are not damage to the frames, because they lose no frame: an event
    /// that does not decode, and damage to a segment's framing.
    pub(crate) fn first_damage(&self) -> Option<&Damage> {
        self.salvaged.damage.iter().find(|damage| damage.kind != DamageKind::Undecodable && !damage.is_framing)
    }

    /// The first damage to a segment's framing (its header and length).
    pub(crate) fn first_framing_damage(&self) -> Option<&Damage> {
        self.salvaged.damage.iter().find(|damage| damage.is_framing)
    }

    /// Whether any frame in a segment after this one is damaged.
    pub(crate) fn is_damaged_after(&self, segment: SegmentId) -> bool {
        let is_damage = |kind: &DamageKind| matches!(kind, DamageKind::Damaged | DamageKind::Forged);
        let is_after = |damage: &Damage| damage.segment > segment && is_damage(&damage.kind) && !damage.is_framing;
        self.salvaged.last_damaged.is_some_and(|last| last > segment) || self.salvaged.damage.iter().any(is_after)
    }

    /// Whether a later segment contains frames, which implies that this segment is sealed.
    pub(crate) fn is_followed(&self, segment: SegmentId) -> bool {
        self.salvaged.segments.iter().any(|later| later.segment > segment && later.first.is_some())
    }

    /// Whether any part of the journal has a newer format. No repair applies to an image with a newer format.
    pub(crate) fn has_newer_format(&self) -> bool {
        self.salvaged.damage.iter().any(|damage| damage.kind == DamageKind::Newer)
    }

    /// Whether no intact header states the UUID of the image, so that a check cannot compare the image's UUID with the UUID in
    /// another file.
    pub(crate) fn is_unidentified(&self) -> bool {
        self.source.identity().is_none()
    }

    /// Whether the journal begins after event 1, as a pruned journal does.
    pub(crate) fn is_pruned(&self) -> bool {
        self.salvaged.segments.first().is_some_and(begins_later)
    }

    /// Whether a prune mark allows the removal of this segment, and the header of the file confirms that the file is this
    /// segment.
    pub(crate) fn is_left_of_pruning(&self, segment: SegmentId) -> bool {
        self.content.kept_from.is_some_and(|first| segment < first) && self.source.len_of(segment).is_some()
    }

    /// Whether the beginning of the journal is missing, and this is the first damage.
    pub(crate) fn lacks_beginning(&self) -> bool {
        let first = self.salvaged.segments.first().map(|first| first.segment);
        self.first_damage().is_some_and(|damage| damage.offset.is_none() && Some(damage.segment) <= first)
    }

    /// The seq of the newest usable base; `None` if no base is usable.
    pub(crate) fn base_seq(&self) -> Option<Seq> {
        let base = self.examined_snapshots.iter().find(|snapshot| snapshot.is_base && snapshot.is_usable());
        base.map(|base| base.seq)
    }

    /// The newest snapshot or base that is usable.
    pub(crate) fn newest_usable(&self) -> Option<&ExaminedSnapshot> {
        self.examined_snapshots.iter().find(|snapshot| snapshot.is_usable())
    }

    /// Whether the journal continues from the state of a usable snapshot or base.
    pub(crate) fn has_start_state(&self) -> bool {
        let continues = |snapshot: &ExaminedSnapshot| {
            self.salvaged.segments.iter().any(|segment| reaches_back_to(segment.first, snapshot.seq))
        };
        self.examined_snapshots.iter().any(|snapshot| snapshot.is_usable() && continues(snapshot))
    }

    /// Whether recovery needs this snapshot to rebuild the snapshot's state or a later state. Recovery does not need this
    /// snapshot if a usable snapshot or base has the same or a later seq, or if the journal has its beginning and is undamaged
    /// up to this snapshot.
    pub(crate) fn is_only_way_to(&self, snapshot: &ExaminedSnapshot) -> bool {
        let has_later = self.newest_usable().is_some_and(|newest| newest.seq >= snapshot.seq);
        let is_read = self.first_damage().is_none_or(|damage| damage.seq.is_some_and(|seq| seq > snapshot.seq));
        let has_start = if self.is_pruned() { self.has_start_state() } else { self.content.has_genesis };
        snapshot.is_current && !has_later && !(is_read && has_start)
    }

    /// Whether a repair may remove or replace snapshots and bases. If the journal has any damage except a torn write, the
    /// snapshots and bases may be the only evidence of its missing events.
    pub(crate) fn may_replace_snapshots(&self) -> bool {
        let is_at_most_torn = self.first_damage().is_none_or(|damage| matches!(damage.kind, DamageKind::Torn(_)));
        is_at_most_torn && self.first_framing_damage().is_none()
    }
}

impl JournalReading {
    /// Reads the journal from its first segment on. Segments before this one are detached: a pruning or the loss of a segment
    /// left a gap after them.
    fn of(
        source: &SalvageSource,
        segments: &[SegmentId],
        snapshots: &[ExaminedSnapshot],
        evidence: Seq,
    ) -> Result<JournalReading, Error> {
        let read_from = |first: SegmentId| -> Result<JournalReading, Error> {
            let mut content = JournalContent::with_timelines_at(
                snapshots.iter().filter(|snapshot| snapshot.is_usable()).map(|snapshot| snapshot.seq),
            );
            let salvaged = salvage(source, first, evidence, &mut content)?;
            let detached = segments[..segments.partition_point(|segment| *segment < first)].to_vec();
            Ok(JournalReading { salvaged, content, detached })
        };
        // the journal begins with the first segment, or with a segment after a gap
        let gaps = segments.windows(2).filter(|pair| pair[1] != pair[0].next()).map(|pair| pair[1]);
        let starts: Vec<SegmentId> = [segments[0]].into_iter().chain(gaps).collect();
        let last_start = *starts.last().expect("the first segment is one");
        let reading = read_from(last_start)?;
        if reading.may_begin_at(last_start, snapshots) {
            return Ok(reading);
        }
        // A pruned journal may have two gaps: one in the middle, where a segment was lost, and one after old segments that the
        // pruning did not remove.
        let mut whole = if last_start == segments[0] { reading } else { read_from(segments[0])? };
        match starts.into_iter().rev().find(|&start| whole.may_begin_at(start, snapshots)) {
            Some(start) if start != segments[0] => return read_from(start),
            Some(_) => {}
            // without a readable header no frame can be read, so it is unknown where the journal begins
            None if source.identity().is_none() => {}
            None => whole.salvaged.damage.insert(0, missing_beginning(segments[0])),
        }
        Ok(whole)
    }

    /// Whether the journal may begin with segment `first`: it is complete from genesis on, or a base replaces the earlier
    /// segments, or a prune mark in the journal shows that the earlier segments were pruned.
    fn may_begin_at(&self, first: SegmentId, snapshots: &[ExaminedSnapshot]) -> bool {
        let from = || self.salvaged.segments.iter().filter(|segment| segment.segment >= first);
        if first == SegmentId::FIRST && !from().next().is_some_and(begins_later) {
            return true;
        }
        let continues = |seq: Seq| from().any(|segment| reaches_back_to(segment.first, seq));
        let is_base = |snapshot: &ExaminedSnapshot| snapshot.is_base && snapshot.is_evidence && continues(snapshot.seq);
        snapshots.iter().any(is_base) || self.content.kept_from.is_some_and(|kept| first <= kept)
    }
}

/// Whether the events from `first` on continue, without a gap, from the state after event `seq`; `false` without events.
pub(super) fn reaches_back_to(first: Option<Seq>, seq: Seq) -> bool {
    first.is_some_and(|first| first <= seq.next())
}

/// Whether event 1 is missing from a journal that begins with this segment.
fn begins_later(segment: &SalvagedSegment) -> bool {
    segment.segment != SegmentId::FIRST || segment.first.is_some_and(|first| first > Seq::new(1))
}

/// The damage at the end of the journal that only `journal/durable` shows: a later segment or a void decision is missing.
fn missing_by_watermark(salvaged: &Salvaged, segments: &[SegmentId], watermark: &Watermark) -> Option<Damage> {
    let (end, last) = (salvaged.end?, *segments.last()?);
    let is_reported =
        |segment| salvaged.damage.iter().any(|damage| damage.segment == segment && damage.offset.is_none());
    let (segment, what) = if watermark.segment > last && !is_reported(last.next()) {
        (last.next(), messages::missing_segment_by_watermark(watermark.segment))
    } else if watermark.decisions > end.decisions && salvaged.damage.is_empty() {
        (last.next(), messages::missing_decisions(end.decisions, watermark.decisions))
    } else {
        return None;
    };
    let (seq, decisions, kind) = (Some(end.next_seq), Some(end.decisions), DamageKind::Damaged);
    Some(Damage { segment, offset: None, seq, decisions, kind, what, help: None, is_framing: false })
}

/// The damage to report if the journal begins with segment `first`, and no base or prune mark accounts for the earlier events.
fn missing_beginning(first: SegmentId) -> Damage {
    let (segment, what) = match first {
        SegmentId::FIRST => (first, messages::missing_first_events()),
        _ => (first.before(), messages::missing_file()),
    };
    let kind = DamageKind::Damaged;
    Damage { segment, offset: None, seq: None, decisions: None, kind, what, help: None, is_framing: false }
}
