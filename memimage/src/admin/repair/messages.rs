//! The messages of a repair: its report, the changes to files, and why a repair is refused.

use std::fmt;
use std::path::Path;

use super::report::{FileChange, RepairReport};
use crate::admin::wording::listed;
use crate::seq::Seq;

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unchanged() {
            return f.write_str("nothing was to be done");
        }
        writeln!(f, "done: {}", self.action)?;
        for FileChange { path, change, backup } in &self.changes {
            write!(f, "  `{}` {change}", path.display())?;
            match backup {
                Some(backup) => writeln!(f, "; what it was is `{}`", backup.display())?,
                None => writeln!(f)?,
            }
        }
        match &self.lost {
            Some(lost) => write!(f, "lost: {lost}")?,
            None => f.write_str("lost: no event that is known of")?,
        }
        if let Some(retired) = &self.retired {
            write!(
                f,
                "\ntook {retired} out of the journal, whose state stays: what is in the quarantine may be their only copy"
            )?;
        }
        match &self.revived[..] {
            [] => Ok(()),
            revived => write!(f, "\nno longer void, since the decision was given up: {}", listed(revived)),
        }
    }
}

// changes to files

pub(super) const TAIL_CLEARED: &str = "was cleared at its end";
pub(super) const SEGMENT_REPAIRED: &str = "was made whole";
pub(super) const SEGMENT_CUT: &str = "ends before what was damaged";
pub(super) const SEGMENT_REWRITTEN: &str = "begins after what was damaged";
pub(super) const SEGMENT_CREATED: &str = "was made, to go on in";
pub(super) const REMOVED: &str = "was taken out";
pub(super) const BASE_INSTALLED: &str = "was copied to be the base, twice";
pub(super) const EPOCH_RAISED: &str = "says the new epoch";

// why a repair is refused

pub(super) fn nothing_damaged() -> String {
    "nothing is damaged".to_owned()
}

pub(super) fn other_damage(path: &Path, seq: Option<Seq>, cause: &str) -> String {
    let place = seq.map_or_else(String::new, |seq| format!(" where event {seq} belongs"));
    format!("what is wrong is in `{}`{place}: {cause}", path.display())
}

pub(super) fn unstable_damage() -> String {
    "what is wrong with it is not the same when it is read again, so its disk fails; copy it to one that does not, and repair the \
     copy"
        .to_owned()
}

pub(super) fn last_epoch(epoch: u64) -> String {
    format!("it says that the image was opened {epoch} times")
}

pub(super) fn unidentified() -> String {
    "no segment says whose journal it is".to_owned()
}

pub(super) fn damaged_header() -> String {
    "the header of its segment is damaged too".to_owned()
}

pub(super) fn no_state_before_cut() -> String {
    "what comes before it has no state to begin with".to_owned()
}

/// There is no usable snapshot or base after `seq`; `usable` lists those there are.
pub(super) fn no_usable_state(seq: Seq, usable: &[Seq]) -> String {
    let others = match usable {
        [] => "nor any other".to_owned(),
        [_] => format!("there is a good one after {}", listed(usable)),
        _ => format!("there are good ones after {}", listed(usable)),
    };
    format!("there is no good snapshot or base of the state after event {seq}; {others}")
}

pub(super) fn newer_usable_state(newest: Seq) -> String {
    format!("there is a newer good state, after event {newest}, and this one would give up more")
}

pub(super) fn no_usable_base() -> String {
    "there is no good copy of a base".to_owned()
}
