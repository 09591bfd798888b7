//! The repairs of a damaged image. `examine/repair_options.rs` decides which repairs apply; the owner selects one of them.

use std::fmt;

use super::seq_range::SeqRange;
use crate::seq::Seq;

/// A way to repair a damaged image. [`check`](super::check()) reports which actions apply to the damage of an image, and which
/// events each action would lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RepairAction {
    /// Clears a torn write from the end of the journal: a crash interrupted this write before it was synced. With
    /// [`Durability::Synced`](crate::Durability::Synced), no caller received an answer that depends on the write. Opening the
    /// image also clears a torn write.
    TornTail,
    /// Clears bytes at the end of the journal that cannot result from a crash: all their sectors were written, but the bytes do
    /// not form an intact frame. Nothing in the image proves that the bytes were synced.
    SuspectTail,
    /// Gives up this event and all later events. The event must be the first missing or damaged one, so that nobody gives up
    /// intact events by accident.
    ///
    /// New commands reuse the numbers of the events that were given up. Inform every other system that recorded these numbers.
    CutFrom(Seq),
    /// Makes the journal begin after this event. The newest intact snapshot or base becomes the base of the journal. This
    /// action repairs damage before the event: the image loses the history up to the event, but keeps the state after the
    /// event.
    ///
    /// The repair keeps later events up to the next damage. If there is more damage, a second repair, usually a
    /// [`CutFrom`](RepairAction::CutFrom), must follow; [`RepairOption::next`] contains it. The result is an image with a
    /// pruned journal. Earlier events leave the journal even if they are intact: [`RepairOption::retired`] is their range.
    /// After the repair, the quarantine may contain the only copies of these events.
    BeginAt(Seq),
    /// Gives up the damaged frames alone, and keeps the sound events behind them, with their numbers. This event must be the first
    /// missing or damaged one. The repair records each gap in the journal, in the place of the damaged frames; replays go on behind
    /// it.
    ///
    /// A later event may rest on a lost one: its replay may then have another outcome than the recorded one, or fail. If a usable
    /// snapshot has the effect of the lost events, opening begins with it, and the state stays right. Otherwise find out what would
    /// differ before you make this repair: [`RepairOption::doubtful`] is the range of the events that are replayed without the lost
    /// ones, and [`Repair::dry_run`](super::Repair::dry_run) replays them.
    ///
    /// Readers of the history get an error for each gap ([`ErrorKind::LostEvents`](crate::ErrorKind::LostEvents)) and can go on
    /// behind it. An export, a branch and a rewrite take over a gap only with `carry_gaps`. The repair does not apply if it cannot be
    /// known that the sound frames continue each other, or if the damage destroyed a decision that an event is void.
    GiveUp(Seq),
    /// Repairs segments whose frames are intact but whose header or file length is wrong. The repair derives the correct header
    /// and length from the rest of the image. The repair loses no event that is known to exist. Every other repair of the
    /// journal also repairs these segments.
    Segments,
    /// Moves the unusable snapshots to the quarantine, such as damaged ones and those of another image or timeline.
    Snapshots,
    /// Restores the missing or damaged copy of a pruned journal's base from the intact copy. Opening the image also restores
    /// this copy.
    Base,
}

impl RepairAction {
    /// What the repair does, for people.
    pub(super) fn what(&self) -> String {
        match self {
            RepairAction::TornTail => "clear the torn write at the end of the journal".to_owned(),
            RepairAction::SuspectTail => "clear the suspect bytes at the end of the journal".to_owned(),
            RepairAction::CutFrom(seq) => format!("give up event {seq} and all later events"),
            RepairAction::BeginAt(seq) => {
                format!("begin the journal with the state after event {seq}, without the earlier events")
            }
            RepairAction::GiveUp(seq) => {
                format!("give up the damaged frames alone, from event {seq} on, and keep the sound events behind them")
            }
            RepairAction::Segments => "repair the headers and lengths of segments".to_owned(),
            RepairAction::Snapshots => "move the unusable snapshots to `quarantine/`".to_owned(),
            RepairAction::Base => "restore the second copy of the base from the intact copy".to_owned(),
        }
    }
}

/// Displays what the repair does, and the action to pass to [`repair`](super::repair()).
impl fmt::Display for RepairAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what();
        match self {
            RepairAction::CutFrom(seq) => write!(f, "{what} (RepairAction::CutFrom(Seq::new({seq})))"),
            RepairAction::BeginAt(seq) => write!(f, "{what} (RepairAction::BeginAt(Seq::new({seq})))"),
            RepairAction::GiveUp(seq) => write!(f, "{what} (RepairAction::GiveUp(Seq::new({seq})))"),
            action => write!(f, "{what} (RepairAction::{action:?})"),
        }
    }
}

/// A repair that applies to a finding, and the events that it loses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairOption {
    /// The action to pass to [`repair`](super::repair()).
    pub action: RepairAction,
    /// The events that this repair and the [`next`](RepairOption::next) repair lose together; `None` if no event is known to be
    /// lost. For [`GiveUp`](RepairAction::GiveUp), the range from the first to the last lost event, of which only those in
    /// [`gaps`](RepairOption::gaps) are lost.
    pub lost: Option<SeqRange>,
    /// The exact ranges that [`GiveUp`](RepairAction::GiveUp) and the [`next`](RepairOption::next) repair lose, in order; empty for
    /// other actions.
    pub gaps: Vec<SeqRange>,
    /// The events that [`GiveUp`](RepairAction::GiveUp) keeps, and that the next opening replays without the lost ones, so that their
    /// outcomes can differ. `None` if a usable snapshot has the effect of all lost events.
    pub doubtful: Option<SeqRange>,
    /// The events that leave the journal although the state keeps their effect. These events can no longer be replayed,
    /// rewritten or read, and the quarantine may contain the only copies of them. Only [`BeginAt`](RepairAction::BeginAt)
    /// removes events whose effect stays.
    pub retired: Option<SeqRange>,
    /// The repair that must follow this one, because damage remains later in the journal; `None` if no damage remains. A check
    /// after this repair offers the next repair too.
    pub next: Option<RepairAction>,
}

impl RepairOption {
    /// The place of this repair among others: the one that loses the fewest events comes first, and among equals the one after which the
    /// journal keeps the most. The repair that gives up the damaged frames alone comes last, because only the owner can judge whether
    /// the later events may be replayed without the lost ones.
    pub(super) fn rank(&self) -> (bool, u64, u64) {
        let events = |range: Option<SeqRange>| range.map_or(0, |range| range.events());
        (matches!(self.action, RepairAction::GiveUp(_)), events(self.lost), events(self.retired))
    }

    /// A repair that loses no event that is known to exist.
    pub(super) fn lossless(action: RepairAction) -> RepairOption {
        RepairOption { action, lost: None, gaps: Vec::new(), doubtful: None, retired: None, next: None }
    }
}

/// Ranges of events, in a list.
pub(super) fn ranges(ranges: &[SeqRange]) -> String {
    ranges.iter().map(SeqRange::to_string).collect::<Vec<_>>().join(", ")
}

impl RepairOption {
    /// What the repair loses, for people.
    pub(super) fn loss(&self) -> String {
        let lost = match (&self.gaps[..], &self.lost) {
            ([], Some(lost)) => format!("loses {lost}"),
            ([], None) => "loses no event that is known to exist".to_owned(),
            (gaps, _) => format!("loses {}", ranges(gaps)),
        };
        if let RepairAction::GiveUp(_) = self.action {
            return match &self.doubtful {
                Some(doubtful) => {
                    format!("{lost}; replays {doubtful} without the lost ones, so their outcomes can differ")
                }
                None if self.gaps.is_empty() => lost,
                None => format!("{lost}; a snapshot keeps their effect"),
            };
        }
        match &self.retired {
            Some(retired) => {
                format!("{lost}; removes {retired} from the journal, although the state keeps their effect")
            }
            None => lost,
        }
    }
}

impl fmt::Display for RepairOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action)?;
        if let Some(next) = &self.next {
            write!(f, ", then {next}")?;
        }
        write!(f, ": {}", self.loss())
    }
}
