//! Repairs on the command line, and as JSON.

use std::str::FromStr;

use serde::Serialize;

use crate::admin::repair_action::{RepairAction, RepairOption};
use crate::admin::seq_range::SeqRange;
use crate::seq::Seq;

/// A repair, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RepairName(pub(crate) RepairAction);

impl FromStr for RepairName {
    type Err = String;

    fn from_str(name: &str) -> Result<RepairName, String> {
        let at = |seq: &str| seq.parse().map(Seq::new).map_err(|_| format!("`{seq}` is no seq"));
        Ok(RepairName(match name.split_once('=') {
            None if name == "torn-tail" => RepairAction::TornTail,
            None if name == "suspect-tail" => RepairAction::SuspectTail,
            None if name == "segments" => RepairAction::Segments,
            None if name == "snapshots" => RepairAction::Snapshots,
            None if name == "base" => RepairAction::Base,
            Some(("cut-from", seq)) => RepairAction::CutFrom(at(seq)?),
            Some(("give-up", seq)) => RepairAction::GiveUp(at(seq)?),
            Some(("begin-at", seq)) => RepairAction::BeginAt(at(seq)?),
            _ => {
                let known =
                    "torn-tail, suspect-tail, cut-from=SEQ, begin-at=SEQ, give-up=SEQ, segments, snapshots and base";
                return Err(format!("the repairs are {known}; without one of them, this verb lists those that apply"));
            }
        }))
    }
}

/// The name of a repair.
pub(crate) fn name_of(action: RepairAction) -> String {
    match action {
        RepairAction::TornTail => "torn-tail".to_owned(),
        RepairAction::SuspectTail => "suspect-tail".to_owned(),
        RepairAction::CutFrom(seq) => format!("cut-from={seq}"),
        RepairAction::BeginAt(seq) => format!("begin-at={seq}"),
        RepairAction::GiveUp(seq) => format!("give-up={seq}"),
        RepairAction::Segments => "segments".to_owned(),
        RepairAction::Snapshots => "snapshots".to_owned(),
        RepairAction::Base => "base".to_owned(),
    }
}

/// What a repair does and loses, for people.
pub(crate) fn description(option: &RepairOption) -> String {
    let next = option.next.map(|next| format!(", then {} ({})", next.what(), name_of(next)));
    format!("{}{}: {}", option.action.what(), next.unwrap_or_default(), option.loss())
}

/// A repair that applies.
#[derive(Serialize)]
pub(crate) struct RepairDocument {
    repair: String,
    what: String,
    /// The repair that must follow.
    next: Option<String>,
    lost: Option<RangeDocument>,
    /// The exact ranges that `give-up` loses.
    gaps: Vec<RangeDocument>,
    /// The events that `give-up` replays without the lost ones.
    doubtful: Option<RangeDocument>,
    /// The events that leave the journal although the state keeps their effect.
    retired: Option<RangeDocument>,
}

/// The first and the last event of a range.
#[derive(Serialize)]
pub(crate) struct RangeDocument(u64, u64);

impl RangeDocument {
    pub(crate) fn of(range: SeqRange) -> RangeDocument {
        RangeDocument(range.first.get(), range.last.get())
    }
}

impl RepairDocument {
    pub(crate) fn of(option: &RepairOption) -> RepairDocument {
        RepairDocument {
            repair: name_of(option.action),
            what: option.action.what(),
            next: option.next.map(name_of),
            lost: option.lost.map(RangeDocument::of),
            gaps: option.gaps.iter().copied().map(RangeDocument::of).collect(),
            doubtful: option.doubtful.map(RangeDocument::of),
            retired: option.retired.map(RangeDocument::of),
        }
    }
}

/// A repair of each kind.
#[cfg(test)]
pub(crate) const EACH: [RepairAction; 8] = [
    RepairAction::TornTail,
    RepairAction::SuspectTail,
    RepairAction::CutFrom(Seq::new(7)),
    RepairAction::BeginAt(Seq::new(u64::MAX)),
    RepairAction::GiveUp(Seq::new(1)),
    RepairAction::Segments,
    RepairAction::Snapshots,
    RepairAction::Base,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_reads_back() {
        for action in EACH {
            assert_eq!(name_of(action).parse(), Ok(RepairName(action)));
        }
        for wrong in ["", "cut-from", "cut-from=", "cut-from=x", "base=1", "TornTail"] {
            assert!(wrong.parse::<RepairName>().is_err(), "{wrong}");
        }
    }
}
