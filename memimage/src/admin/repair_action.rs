//! What can be done about a damaged image, by somebody's decision.

use std::fmt;

use crate::seq::Seq;

/// How a damaged image is to be repaired. [`check`](super::check()) says which of these fits what it found, and what each
/// would lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RepairAction {
    /// Clears what a crash left of a write that nobody was told of. Opening the image does it too.
    TornTail,
    /// Clears bytes at the end of the journal that nothing proves to have been acknowledged, and that no crash explains
    /// either: all sectors were written, and what is there is no good frame.
    SuspectTail,
    /// Gives up this event and all after it. To be named is the first event that is missing or damaged, so that nobody
    /// gives up acknowledged events without having seen which.
    ///
    /// New commands take the numbers of those given up again: whoever kept numbers of acknowledged events elsewhere must be told
    /// which no longer mean what they meant.
    CutFrom(Seq),
    /// Lets the journal begin after this event, with the state in the newest good snapshot or base: for damage in what came
    /// before. That history is given up, the state is not, and neither are the events after it, up to the next damage if
    /// there is more: then [`CutFrom`](RepairAction::CutFrom) is to be asked for too, as [`RepairOption::then`](super::RepairOption::then) says.
    /// From then on it is an image whose journal was pruned: the events before those that stay are out of it, intact or not, as
    /// [`RepairOption::retires`](super::RepairOption::retires) says, and the copies in its quarantine may be the only ones.
    BeginAt(Seq),
    /// Makes the segments whole whose frames are good and whose header, or length, is not: with a header made again from what
    /// the others say, and the length that it says. Nothing is given up. A repair of other damage in the journal does it too.
    Segments,
    /// Puts snapshots that are damaged, or not of this image, out of the way.
    Snapshots,
    /// Makes a copy of a pruned journal's base again from the other. Opening the image does it too.
    Base,
}

impl fmt::Display for RepairAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RepairAction::TornTail => f.write_str("clear the write that was cut short (Choice::TornTail)"),
            RepairAction::SuspectTail => f.write_str("clear the suspect end (Choice::SuspectTail)"),
            RepairAction::CutFrom(seq) => {
                write!(f, "give up event {seq} and all after it (Choice::CutFrom(Seq::new({seq})))")
            }
            RepairAction::BeginAt(seq) => {
                let what = "without what came before";
                write!(f, "begin with the state after event {seq}, {what} (Choice::BeginAt(Seq::new({seq})))")
            }
            RepairAction::Segments => f.write_str("make the segments whole (Choice::Segments)"),
            RepairAction::Snapshots => f.write_str("put the snapshots that cannot be used away (Choice::Snapshots)"),
            RepairAction::Base => f.write_str("copy the base again (Choice::Base)"),
        }
    }
}

/// Events that are lost, or leave the journal, by their numbers: those known to have been there. There may have been more that
/// nothing tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeqRange {
    /// The first.
    pub first: Seq,
    /// The last, as far as is known.
    pub last: Seq,
}

impl SeqRange {
    /// Of the events from `first` to `last`, if there are any.
    pub(super) fn of(first: Seq, last: Seq) -> Option<SeqRange> {
        (first <= last).then_some(SeqRange { first, last })
    }

    /// How many events that is.
    pub fn events(&self) -> u64 {
        self.last.get() - self.first.get() + 1
    }
}

impl fmt::Display for SeqRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "event {}", self.first),
            false => write!(f, "events {} to {}", self.first, self.last),
        }
    }
}

/// So many of something, for people.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Events by their numbers, for people.
pub(super) fn listed(seqs: &[Seq]) -> String {
    let numbers: Vec<String> = seqs.iter().map(Seq::to_string).collect();
    format!("{} {}", if seqs.len() == 1 { "event" } else { "the events" }, numbers.join(", "))
}
