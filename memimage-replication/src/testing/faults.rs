//! The faults of a log in memory.

use super::random::SplitMix64;

/// How often the calls on a [`MemoryLog`](super::MemoryLog) fail, and in which way.
///
/// Chances are out of 1000 calls. The default is no fault at all.
///
/// ```
/// use memimage_replication::testing::{Faults, MemoryLog};
///
/// let log = MemoryLog::new("bank");
/// log.set_faults(7, Faults { answer_lost: 50, append_delayed: 20, ..Faults::default() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// An append has no effect: the request is lost, or the log cannot be reached.
    pub request_lost: u32,
    /// An append takes effect, but the answer is lost.
    pub answer_lost: u32,
    /// An append takes effect at a later step, after other operations. The caller gets no answer.
    pub append_delayed: u32,
    /// An append arrives twice. Either the second request follows at once and its answer is the one that the caller gets, which is
    /// [`Occupied`](crate::Append::Occupied) although the entry was appended; or the second request takes effect at a later step.
    pub append_duplicated: u32,
    /// A call of `read` or `bounds` gets no answer.
    pub read_unavailable: u32,
    /// A call of `read` or `bounds` is answered from an older state: the entries of the last few steps are missing.
    pub read_stale: u32,
    /// A call of `prune` or `maintain` gets no answer. Half of these calls take effect.
    pub prune_unavailable: u32,
    /// A call on a snapshot gets no answer. Half of these calls take effect; a `get_snapshot` has written a part of the content then.
    pub snapshot_unavailable: u32,
    /// A delayed or duplicated append takes effect after at most this many steps. At least 1 is used.
    pub delay_steps_max: u64,
    /// A stale answer is from a state that is at most this many steps old. At least 1 is used.
    pub stale_steps_max: u64,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults::all(0)
    }
}

impl Faults {
    /// Every fault with the same chance out of 1000. Delays and stale answers span up to 20 steps.
    pub fn all(chance: u32) -> Faults {
        Faults {
            request_lost: chance,
            answer_lost: chance,
            append_delayed: chance,
            append_duplicated: chance,
            read_unavailable: chance,
            read_stale: chance,
            prune_unavailable: chance,
            snapshot_unavailable: chance,
            delay_steps_max: 20,
            stale_steps_max: 20,
        }
    }

    /// The fault of the next append, if any.
    pub(super) fn append_fault(&self, random: &mut SplitMix64) -> Option<AppendFault> {
        let chances = [
            (self.request_lost, AppendFault::RequestLost),
            (self.answer_lost, AppendFault::AnswerLost),
            (self.append_delayed, AppendFault::Delayed),
            (self.append_duplicated, AppendFault::Duplicated),
        ];
        let mut number = random.below(1000) as u32;
        for (chance, fault) in chances {
            if number < chance {
                return Some(fault);
            }
            number -= chance;
        }
        None
    }
}

/// How an append fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AppendFault {
    RequestLost,
    AnswerLost,
    Delayed,
    Duplicated,
}

/// The connection between one handle of a [`MemoryLog`](super::MemoryLog) and the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Requests and answers arrive.
    #[default]
    Up,
    /// Requests arrive and take effect, but no answer arrives.
    RequestsOnly,
    /// Nothing arrives.
    Down,
}
