//! The messages of a repair: its report, the changes to files, and the reasons for refusing a repair.

use std::fmt;
use std::path::Path;

use super::report::{FileChange, RepairReport};
use crate::admin::repair_action::ranges;
use crate::admin::wording::listed;
use crate::seq::Seq;

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unchanged() {
            return f.write_str("nothing was changed: an earlier run completed this repair");
        }
        writeln!(f, "repaired: {}", self.action)?;
        for FileChange { path, change, backup } in &self.changes {
            write!(f, "  `{}` {change}", path.display())?;
            match backup {
                Some(backup) => writeln!(f, "; the old content is in `{}`", backup.display())?,
                None => writeln!(f)?,
            }
        }
        match (&self.gaps[..], &self.lost) {
            ([_, ..], _) => write!(f, "lost: {}", ranges(&self.gaps))?,
            ([], Some(lost)) => write!(f, "lost: {lost}")?,
            ([], None) => f.write_str("lost: no event that is known to exist")?,
        }
        if let Some(retired) = &self.retired {
            write!(
                f,
                "\nremoved from the journal, although the state keeps their effect: {retired}; `quarantine/` may have their only \
                 copy"
            )?;
        }
        if self.lost_decisions > 0 {
            let count = self.lost_decisions;
            write!(f, "\n{count} more decisions were lost, and nothing says which events they made void")?;
        }
        match &self.revived[..] {
            [] => Ok(()),
            revived => {
                write!(f, "\nno longer void, because the repair lost the decisions about them: {}", listed(revived))
            }
        }
    }
}

// changes to files

pub(super) const TAIL_CLEARED: &str = "was overwritten with zeros from its last intact frame on";
pub(super) const SEGMENT_REPAIRED: &str = "was replaced by a copy with a correct header and length";
pub(super) const SEGMENT_CUT: &str = "was replaced by a copy that ends before the damage";
pub(super) const SEGMENT_REWRITTEN: &str = "was replaced by a copy that begins after the damage";
pub(super) const SEGMENT_REBUILT: &str = "was replaced by a copy without the damaged frames";
pub(super) const SEGMENT_CREATED: &str = "was created to continue the journal";
pub(super) const REMOVED: &str = "was moved to `quarantine/`";
pub(super) const BASE_INSTALLED: &str = "was copied to both files of the base";
pub(super) const EPOCH_RAISED: &str = "was updated with the new epoch";

/// The reason of a recorded gap, if no more is known.
pub(super) const DAMAGE: &str = "frames are missing or damaged";

// why a repair is refused

pub(super) fn nothing_to_try() -> String {
    "only giving up the damaged frames alone can change the outcome of an event that it keeps".to_owned()
}

pub(super) fn nothing_damaged() -> String {
    "the journal is not damaged".to_owned()
}

pub(super) fn other_damage(path: &Path, seq: Option<Seq>, cause: &str) -> String {
    let place = seq.map_or_else(String::new, |seq| format!(" (event {seq})"));
    format!("the damage is in `{}`{place}: {cause}", path.display())
}

pub(super) fn unstable_damage() -> String {
    "two readings of the image show different damage, so the disk is not reliable; copy the image to another disk, and repair \
     the copy"
        .to_owned()
}

pub(super) fn last_epoch(epoch: u64) -> String {
    format!("the epoch of the image is {epoch}, and no higher epoch is possible")
}

pub(super) fn unidentified() -> String {
    "no segment header is readable, so it is not known which image the files belong to".to_owned()
}

pub(super) fn damaged_header() -> String {
    "the header of the segment is damaged too".to_owned()
}

pub(super) fn no_state_before_cut() -> String {
    "no snapshot or base has a state from which the events before the cut can be replayed".to_owned()
}

/// The refusal if no usable snapshot or base has the state after event `seq`. `usable` lists the events after which there is a
/// usable snapshot or base.
pub(super) fn no_usable_state(seq: Seq, usable: &[Seq]) -> String {
    let others = match usable {
        [] => "the image has no usable snapshot or base at all".to_owned(),
        _ => format!("the image has usable snapshots or bases after {}", listed(usable)),
    };
    format!("no usable snapshot or base has the state after event {seq}; {others}")
}

pub(super) fn newer_usable_state(newest: Seq) -> String {
    format!("a newer usable state exists, after event {newest}, and a journal that begins there loses fewer events")
}

pub(super) fn no_usable_base() -> String {
    "the image has no usable copy of a base".to_owned()
}
