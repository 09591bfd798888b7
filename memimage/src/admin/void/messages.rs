//! The messages of making an event void: its report, and why it is refused.

use std::fmt;

use super::report::VoidReport;
use crate::recovery::DROPPED;
use crate::seq::Seq;

impl fmt::Display for VoidReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VoidReport { decision, name, version, .. } = self;
        let is = if self.already { "was void before, and stays so" } else { "is void from now on" };
        let name = if name.is_empty() {
            "an event that the journal has no name of".to_owned()
        } else {
            format!("`{name}` version {version}")
        };
        write!(f, "{name} {is}: {decision}")?;
        if let Some(why) = &self.unproven {
            write!(f, "\n  nothing proves the decision yet ({why}): open the image, or ask again, once there is room")?;
        }
        if let Some(copy) = &self.quarantined {
            write!(f, "\n  the end of a write that was cut short was cleared; what it was is `{}`", copy.display())?;
        }
        self.removed
            .iter()
            .try_for_each(|path| write!(f, "\n  `{}` rested on the event, and was removed", path.display()))
    }
}

// why a decision is refused

pub(super) const EMPTY_REASON: &str = "say why, for whoever wonders later";
pub(super) const TOO_LONG: &str = "it has more than 4096 bytes";

/// Why an event cannot be made void, and what to do.
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) help: &'static str,
}

const HELP_NUMBER: &str = "give the number of an event that is in the journal";

pub(super) fn no_event_zero() -> Refusal {
    Refusal { what: "events are numbered from 1".to_owned(), help: HELP_NUMBER }
}

pub(super) fn pruned_event() -> Refusal {
    Refusal { what: "it is no longer in the journal, which was pruned".to_owned(), help: HELP_NUMBER }
}

pub(super) fn event_after_end(last: Seq) -> Refusal {
    Refusal { what: format!("the journal ends with event {last}"), help: HELP_NUMBER }
}

pub(super) fn dropped_event() -> Refusal {
    let what = format!("it does nothing already: it is a `{DROPPED}`, which a rewrite left of an event");
    Refusal { what, help: "nothing need be done" }
}

pub(super) fn no_base_before() -> Refusal {
    let what = "the journal was pruned, and each base has the event already, or cannot be read".to_owned();
    Refusal { what, help: "set what it did right by a command" }
}

// what is logged

pub(super) const REMOVAL_FAILED: &str = "snapshots that rest on a void event could not be removed; they are not used";
pub(super) const IS_VOID: &str = "an event is void: it does nothing on replay";
pub(super) const UNPROVEN: &str =
    "the decision is recorded, and nothing proves it yet: the next segment could not be begun";
