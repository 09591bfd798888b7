//! The repairs of a damaged image, one of which its owner chooses. `examine/repair_options.rs` decides which of them apply.

use std::fmt;

use super::seq_range::SeqRange;
use crate::seq::Seq;

/// A way to repair a damaged image. [`check`](super::check()) reports which of these apply to the damage that it found, and
/// which events each would lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RepairAction {
    /// Clears a torn write at the end of the journal, which a crash left and no caller was told had succeeded. Opening the image
    /// does the same.
    TornTail,
    /// Clears bytes at the end of the journal that no crash explains: all their sectors were written, but they are not an intact
    /// frame. Nothing proves that they were acknowledged.
    SuspectTail,
    /// Gives up this event and all events after it. `seq` must be the first missing or damaged event, so that nobody gives up
    /// acknowledged events by accident.
    ///
    /// New commands get the numbers of the events that were given up. Any other system that recorded those numbers must be
    /// told that they now belong to other events.
    CutFrom(Seq),
    /// Makes the journal begin after this event, with the state from the newest intact snapshot or base. It repairs damage
    /// before that event: the history up to there is given up, the state is not.
    ///
    /// The events after it are kept up to the next damage. If there is more damage, a [`CutFrom`](RepairAction::CutFrom) must
    /// follow, which [`RepairOption::next`] names. The result is an image with a pruned journal:
    /// the earlier events leave the journal even where they are intact, as [`RepairOption::retired`] says, and the copies in the
    /// image's quarantine may be the only ones left.
    BeginAt(Seq),
    /// Repairs segments whose frames are intact but whose header or file length is wrong. The correct header and length follow
    /// from the other segments. No event is lost. Every other repair of the journal includes this one.
    Segments,
    /// Moves snapshots that are damaged, or belong to another image, to the quarantine.
    Snapshots,
    /// Copies the base of a pruned journal again from its intact copy. Opening the image does the same.
    Base,
}

impl fmt::Display for RepairAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RepairAction::TornTail => {
                f.write_str("clear the torn write at the end of the journal (RepairAction::TornTail)")
            }
            RepairAction::SuspectTail => {
                f.write_str("clear the suspect bytes at the end of the journal (RepairAction::SuspectTail)")
            }
            RepairAction::CutFrom(seq) => {
                write!(f, "give up event {seq} and all later events (RepairAction::CutFrom(Seq::new({seq})))")
            }
            RepairAction::BeginAt(seq) => {
                let action = format!("RepairAction::BeginAt(Seq::new({seq}))");
                write!(f, "begin the journal with the state after event {seq}, without what comes before ({action})")
            }
            RepairAction::Segments => {
                f.write_str("repair the headers and lengths of segments (RepairAction::Segments)")
            }
            RepairAction::Snapshots => {
                f.write_str("move the unusable snapshots to the quarantine (RepairAction::Snapshots)")
            }
            RepairAction::Base => f.write_str("copy the base again (RepairAction::Base)"),
        }
    }
}

/// A repair that applies to a finding, and its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairOption {
    /// The action to pass to [`repair`](super::repair()).
    pub action: RepairAction,
    /// The events that are lost by this repair and the [`next`](RepairOption::next) one.
    pub lost: Option<SeqRange>,
    /// The events that leave the journal while their effect on the state stays. They can no longer be replayed, rewritten or
    /// read, and the copies in the quarantine may be the only ones left. Only [`BeginAt`](RepairAction::BeginAt) does this.
    pub retired: Option<SeqRange>,
    /// The repair that must follow, for damage further on that this one does not touch. A check of the repaired image
    /// reports it too.
    pub next: Option<RepairAction>,
}

impl RepairOption {
    /// A repair that loses nothing.
    pub(super) fn lossless(action: RepairAction) -> RepairOption {
        RepairOption { action, lost: None, retired: None, next: None }
    }
}

impl fmt::Display for RepairOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action)?;
        if let Some(next) = &self.next {
            write!(f, ", then {next}")?;
        }
        match &self.lost {
            Some(lost) => write!(f, ": loses {lost}")?,
            None => f.write_str(": loses no event known to exist")?,
        }
        match &self.retired {
            Some(retired) => write!(f, ", and removes {retired} from the journal, though not from the state"),
            None => Ok(()),
        }
    }
}
