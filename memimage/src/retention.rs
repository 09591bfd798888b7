//! How much of the journal is kept, and so which snapshots. Pure; no I/O.

use std::time::Duration;

use crate::context::Timestamp;
use crate::seq::Seq;

/// How many snapshots are kept at least: the newest, and the one before for when the newest is damaged.
const KEPT: usize = 2;

/// How much of the journal is kept; see [`Options::retention`](crate::Options::retention).
///
/// Whatever is chosen, what is kept is enough to rebuild the state twice over: from each of the two newest snapshots, and
/// without any snapshot from the *base*, a state that stands beside the journal in two copies and from which each later
/// one can be rebuilt. What is gone for good is the record of how the base came about: nobody can look that up any more,
/// and a model that changes its shape cannot be rebuilt from the first event, so from then on it needs an upcaster of its
/// state (`history(…)` on `#[derive(Model)]`). Keep everything unless you know that you need not.
///
/// The journal is pruned by whole segments, after a snapshot, and only up to a snapshot, so somewhat more is kept than is
/// asked for: up to twice as much, and what was recorded between two snapshots. (To prune more exactly would take more
/// snapshots, and each of them has the size of the state.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retention {
    /// All of it, from the first event on.
    #[default]
    Everything,
    /// At least this many of the newest events. 0 keeps what is needed to rebuild the state, and nothing for looking back.
    Events(u64),
    /// At least the events of this long before the newest, by the time recorded with them.
    Period(Duration),
}

/// A snapshot, as a retention looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) seq: Seq,
    /// The recorded time of its last event.
    pub(crate) time: Timestamp,
    /// Whether it is of the model as this program has it.
    pub(crate) current: bool,
}

/// What becomes of the snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Up to which the journal may be pruned.
    pub(crate) base: Option<Seq>,
    /// Those that are kept.
    pub(crate) kept: Vec<Seq>,
}

impl Retention {
    /// Chooses among all snapshots there are, newest first.
    ///
    /// Besides the newest two, the one is kept that may be the base, and of those that may not yet be one the oldest: it
    /// will be the next. More than these four there need never be.
    pub(crate) fn choose(self, snapshots: &[Candidate]) -> Choice {
        let Some((newest, older)) = snapshots.split_first() else { return Choice::default() };
        let (mut base, mut next) = (None, None);
        for candidate in older.iter().filter(|candidate| candidate.current && self != Retention::Everything) {
            if !self.lets_go(candidate, newest) {
                next = Some(candidate.seq);
            } else if base.is_none() {
                base = Some(candidate.seq);
            }
        }
        let kept = |(at, seq): (usize, Seq)| (at < KEPT || [base, next].contains(&Some(seq))).then_some(seq);
        let kept = snapshots.iter().map(|snapshot| snapshot.seq).enumerate().filter_map(kept).collect();
        Choice { base, kept }
    }

    /// Whether what was recorded up to `base` may go once the journal has come to `newest`.
    fn lets_go(self, base: &Candidate, newest: &Candidate) -> bool {
        match self {
            Retention::Everything => false,
            Retention::Events(events) => newest.seq.get() - base.seq.get() >= events,
            Retention::Period(period) => newest.time.since(base.time) >= period,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Snapshots of these events, one second an event.
    fn choose(retention: Retention, seqs: &[u64]) -> (Option<u64>, Vec<u64>) {
        let candidate =
            |&seq: &u64| Candidate { seq: Seq::new(seq), time: Timestamp::from_micros(seq * 1_000_000), current: true };
        let choice = retention.choose(&seqs.iter().map(candidate).collect::<Vec<_>>());
        (choice.base.map(Seq::get), choice.kept.into_iter().map(Seq::get).collect())
    }

    #[test]
    fn everything_keeps_the_newest_two_snapshots_and_never_prunes() {
        assert_eq!(choose(Retention::Everything, &[90, 80, 70, 60]), (None, vec![90, 80]));
        assert_eq!(choose(Retention::Everything, &[90]), (None, vec![90]));
        assert_eq!(choose(Retention::Everything, &[]), (None, vec![]));
    }

    #[test]
    fn the_base_is_never_newer_than_the_second_newest_snapshot() {
        assert_eq!(choose(Retention::Events(0), &[90]), (None, vec![90]));
        assert_eq!(choose(Retention::Events(0), &[90, 80]), (Some(80), vec![90, 80]));
        assert_eq!(choose(Retention::Events(0), &[90, 80, 70]), (Some(80), vec![90, 80]));
    }

    #[test]
    fn as_many_events_as_were_asked_for_stay() {
        assert_eq!(choose(Retention::Events(20), &[90, 80, 71]), (None, vec![90, 80, 71]));
        assert_eq!(choose(Retention::Events(20), &[90, 80, 70]), (Some(70), vec![90, 80, 70]));
        let period = Retention::Period(Duration::from_secs(20));
        assert_eq!(choose(period, &[90, 80, 71]), (None, vec![90, 80, 71]));
        assert_eq!(choose(period, &[90, 80, 70]), (Some(70), vec![90, 80, 70]));
    }

    #[test]
    fn the_next_base_is_kept_until_its_time_comes_and_those_between_are_not() {
        assert_eq!(choose(Retention::Events(50), &[90, 80, 70, 60, 50, 40, 30]), (Some(40), vec![90, 80, 50, 40]));
        let mut there = Vec::new();
        let mut bases = Vec::new();
        for newest in (10..1_000).step_by(10) {
            there.insert(0, newest);
            let (base, kept) = choose(Retention::Events(95), &there);
            assert!(kept.len() <= 4, "{kept:?}");
            assert!(base.is_none_or(|base| newest - base >= 95));
            // no more than twice what was asked for, and what is between two snapshots
            assert!(newest - base.unwrap_or(0) <= 2 * 95 + 20, "{newest}: {base:?}");
            bases.extend(base);
            there = kept;
        }
        bases.dedup();
        assert!(bases.len() > 5 && bases.is_sorted(), "{bases:?}");
    }

    #[test]
    fn a_snapshot_of_another_model_is_no_base() {
        let candidate = |(seq, current)| Candidate { seq: Seq::new(seq), time: Timestamp::default(), current };
        let choice = Retention::Events(0).choose(&[(9, true), (8, true), (7, false)].map(candidate));
        assert_eq!((choice.base, choice.kept.len()), (Some(Seq::new(8)), 2));
        let choice = Retention::Events(0).choose(&[(9, true), (8, false), (7, false)].map(candidate));
        assert_eq!((choice.base, choice.kept.len()), (None, 2));
    }
}
