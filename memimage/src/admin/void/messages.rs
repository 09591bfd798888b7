//! The messages of a void operation: its report, and the reasons why the operation refuses an event.

use std::fmt;

use super::dry_run::VoidDryRun;
use super::report::VoidReport;
use crate::admin::outcome_change::fmt_changes;
use crate::recovery::DROPPED;
use crate::seq::Seq;

impl fmt::Display for VoidReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VoidReport { decision, name, version, .. } = self;
        let is = if self.already { "was void already" } else { "is void from now on" };
        write!(f, "{} {is}: {decision}", named(name, *version))?;
        if let Some(why) = &self.unproven {
            write!(
                f,
                "\n  if a disk loses the record of this decision, nothing in the image shows the loss yet, because the next segment \
                 could not be created: {why}; help: free some space, then open the image or make the event void again"
            )?;
        }
        if let Some(copy) = &self.quarantined {
            write!(
                f,
                "\n  a torn write was cleared from the end of the journal; a copy of it is `{}`",
                copy.display()
            )?;
        }
        self.removed.iter().try_for_each(|path| {
            write!(f, "\n  `{}` was removed, because its state contains the effect of the event", path.display())
        })
    }
}

impl fmt::Display for VoidDryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VoidDryRun { outcomes, failure, .. } = self;
        f.write_str(&self.summary())?;
        if let Some(error) = failure {
            return write!(f, "; without it, the journal cannot be replayed: {error}");
        }
        fmt_changes(outcomes, f)?;
        write!(
            f,
            "\n  later events are replayed on a state without the event: ids that bodies took from a counter or a length shift, and \
             answers that callers got are not taken back"
        )
    }
}

impl VoidDryRun {
    /// Which event would be void.
    pub(in crate::admin) fn summary(&self) -> String {
        let would = if self.already { "is void already" } else { "would be void" };
        format!("{}, event {}, {would}", named(&self.name, self.version), self.seq)
    }
}

fn named(name: &str, version: u32) -> String {
    match name {
        "" => "an event that the shape table does not name".to_owned(),
        name => format!("`{name}` version {version}"),
    }
}

// the reasons for a refusal

pub(super) const EMPTY_REASON: &str = "the journal records it, so that later readers know why the event is void";
pub(super) const TOO_LONG: &str = "it is longer than 4096 bytes";

/// The reason why an event cannot be made void, and the help.
pub(super) struct VoidRefusal {
    pub(super) what: String,
    pub(super) help: &'static str,
}

const HELP_NUMBER: &str = "give the number of an event that is in the journal";

pub(super) fn no_event_zero() -> VoidRefusal {
    VoidRefusal { what: "events are numbered from 1".to_owned(), help: HELP_NUMBER }
}

pub(super) fn pruned_event() -> VoidRefusal {
    VoidRefusal { what: "the event was pruned from the journal".to_owned(), help: HELP_NUMBER }
}

pub(super) fn lost_event() -> VoidRefusal {
    VoidRefusal { what: "the event is lost in a recorded gap".to_owned(), help: HELP_NUMBER }
}

pub(super) fn event_after_end(last: Seq) -> VoidRefusal {
    VoidRefusal { what: format!("the journal ends with event {last}"), help: HELP_NUMBER }
}

pub(super) fn dropped_event() -> VoidRefusal {
    let what = format!("a rewrite has replaced it by `{DROPPED}`, so it already has no effect");
    VoidRefusal { what, help: "no action is needed" }
}

pub(super) fn no_base_before() -> VoidRefusal {
    let what = "the journal was pruned, and each base contains the effect of the event or cannot be used".to_owned();
    VoidRefusal { what, help: "execute a command that corrects the effect of the event" }
}

// log messages

pub(super) const REMOVAL_FAILED: &str =
    "could not remove the snapshots that contain the effect of a void event; recovery does not use them";
pub(super) const IS_VOID: &str = "an event is void: it does nothing on replay";
pub(super) const UNPROVEN: &str =
    "the decision is recorded, but the next segment could not be created, so a loss of the record would go unnoticed";
