//! The messages of a repair: its report, the changes to files, and why a repair is refused.

use std::fmt;
use std::path::Path;

use super::report::{FileChange, RepairReport};
use crate::admin::wording::listed;
use crate::seq::Seq;

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unchanged() {
            return f.write_str("nothing to repair: it was done before");
        }
        writeln!(f, "repaired: {}", self.action)?;
        for FileChange { path, change, backup } in &self.changes {
            write!(f, "  `{}` {change}", path.display())?;
            match backup {
                Some(backup) => writeln!(f, "; the old file is `{}`", backup.display())?,
                None => writeln!(f)?,
            }
        }
        match &self.lost {
            Some(lost) => write!(f, "lost: {lost}")?,
            None => f.write_str("lost: no event known to exist")?,
        }
        if let Some(retired) = &self.retired {
            write!(
                f,
                "\nremoved {retired} from the journal, though not from the state: the quarantine may have their only copy"
            )?;
        }
        if self.lost_decisions > 0 {
            let count = self.lost_decisions;
            write!(f, "\n{count} more decisions were lost, and nothing says which events they made void")?;
        }
        match &self.revived[..] {
            [] => Ok(()),
            revived => write!(
                f,
                "\nthese events have an effect again, because the decision that made them void was lost: {}",
                listed(revived)
            ),
        }
    }
}

// changes to files

pub(super) const TAIL_CLEARED: &str = "had its end cleared";
pub(super) const SEGMENT_REPAIRED: &str = "was replaced, with a correct header and length";
pub(super) const SEGMENT_CUT: &str = "was replaced, and ends before the damage";
pub(super) const SEGMENT_REWRITTEN: &str = "was replaced, and begins after the damage";
pub(super) const SEGMENT_CREATED: &str = "was made, to continue the journal";
pub(super) const REMOVED: &str = "was moved to the quarantine";
pub(super) const BASE_INSTALLED: &str = "was copied twice, as the base";
pub(super) const EPOCH_RAISED: &str = "has the new epoch";

// why a repair is refused

pub(super) fn nothing_damaged() -> String {
    "nothing is damaged".to_owned()
}

pub(super) fn other_damage(path: &Path, seq: Option<Seq>, cause: &str) -> String {
    let place = seq.map_or_else(String::new, |seq| format!(" where event {seq} belongs"));
    format!("the damage is in `{}`{place}: {cause}", path.display())
}

pub(super) fn unstable_damage() -> String {
    "a second reading shows other damage, so the disk is failing: copy the image to another disk, and repair the copy"
        .to_owned()
}

pub(super) fn last_epoch(epoch: u64) -> String {
    format!("its epoch is {epoch}, after which no other can begin")
}

pub(super) fn unidentified() -> String {
    "no segment header is readable, so the image is not known".to_owned()
}

pub(super) fn damaged_header() -> String {
    "the header of the segment is damaged too".to_owned()
}

pub(super) fn no_state_before_cut() -> String {
    "there is no state from which the journal before the event continues".to_owned()
}

/// There is no usable snapshot or base after `seq`; `usable` lists those there are.
pub(super) fn no_usable_state(seq: Seq, usable: &[Seq]) -> String {
    let others = match usable {
        [] => "there is no other one either".to_owned(),
        [_] => format!("there is a usable one after {}", listed(usable)),
        _ => format!("there are usable ones after {}", listed(usable)),
    };
    format!("there is no usable snapshot or base after event {seq}; {others}")
}

pub(super) fn newer_usable_state(newest: Seq) -> String {
    format!("beginning at the newer usable state, after event {newest}, loses less")
}

pub(super) fn no_usable_base() -> String {
    "there is no usable copy of a base".to_owned()
}
