//! Retention: how much of the journal, and which snapshots, an image keeps. Pure functions without I/O.

mod kept_snapshots;

use std::time::Duration;

use crate::context::Timestamp;
use crate::seq::Seq;

pub use kept_snapshots::SnapshotSpread;
pub(crate) use kept_snapshots::{KeptSnapshots, MAX_SNAPSHOTS, MIN_SNAPSHOTS};

/// How much of the journal an image keeps; see [`Options::retention`](crate::Options::retention).
///
/// With every setting, the image can rebuild its state in two ways. The first way is to load either of the two newest snapshots
/// and replay the later events. The second way needs no snapshot: the image replays the journal from the first event, or, if
/// the journal was pruned, from the *base*. The base is a state that is stored beside the journal in two copies. Pruning
/// permanently removes the events before the base, so nobody can look them up. If the model's shape changes later, the model
/// cannot be rebuilt from the first event, and therefore needs a state upcaster (`history(…)` on `#[derive(Model)]`). Keep
/// everything unless you are sure that you will not need the earlier events.
///
/// The image prunes the journal by whole segments, after a snapshot, and only up to a snapshot. So the image keeps more than
/// requested: up to twice as much, plus the events recorded between two snapshots. (Pruning more precisely would require more
/// snapshots, each of the size of the state.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retention {
    /// The complete journal, from the first event on.
    #[default]
    Everything,
    /// At least this many of the newest events. With `Events(0)`, the image keeps only the events from which it can rebuild the
    /// state.
    Events(u64),
    /// At least the events of this period before the newest event, by their recorded times. A single wrong reading of the clock
    /// causes no pruning, because the period ends no later than the confirmed time. The confirmed time is the time of the last
    /// event before this opening, plus the time that has passed since this opening by the monotonic clock.
    Period(Duration),
}

/// A snapshot that can be kept or become the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) seq: Seq,
    /// The recorded time of the last event in the snapshot.
    pub(crate) time: Timestamp,
    /// Whether the snapshot has the program's current version of the model.
    pub(crate) current: bool,
}

/// The selected base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetentionSelection {
    /// The event up to which the journal may be pruned.
    pub(crate) base: Option<Seq>,
    /// The snapshot that cannot be the base yet, and will be the next base.
    pub(crate) next: Option<Seq>,
}

impl Retention {
    /// Selects the base: the newest snapshot that can be it. Also selects the next base: the oldest snapshot that cannot be the
    /// base yet. `snapshots` lists all snapshots, newest first. If the newest snapshot's time is after `confirmed`, `confirmed`
    /// replaces that time. The events after `needed` are kept, if there is such an event.
    pub(crate) fn select(
        self,
        snapshots: &[Candidate],
        confirmed: Timestamp,
        needed: Option<Seq>,
    ) -> RetentionSelection {
        let Some((newest, older)) = snapshots.split_first() else { return RetentionSelection::default() };
        let (mut base, mut next) = (None, None);
        for candidate in older.iter().filter(|candidate| candidate.current && self != Retention::Everything) {
            let is_needed = needed.is_some_and(|needed| needed < candidate.seq);
            if is_needed || !self.may_prune(candidate, newest, confirmed) {
                next = Some(candidate.seq);
            } else if base.is_none() {
                base = Some(candidate.seq);
            }
        }
        RetentionSelection { base, next }
    }

    /// Whether the events up to `base` may be pruned once the journal has reached `newest`.
    fn may_prune(self, base: &Candidate, newest: &Candidate, confirmed: Timestamp) -> bool {
        match self {
            Retention::Everything => false,
            Retention::Events(events) => newest.seq.get() - base.seq.get() >= events,
            Retention::Period(period) => newest.time.min(confirmed).since(base.time) >= period,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `select` on snapshots that end with the events `seqs`. Successive events are one second apart.
    fn select(retention: Retention, seqs: &[u64]) -> (Option<u64>, Vec<u64>) {
        let candidate =
            |&seq: &u64| Candidate { seq: Seq::new(seq), time: Timestamp::from_micros(seq * 1_000_000), current: true };
        let snapshots: Vec<Candidate> = seqs.iter().map(candidate).collect();
        let selection = retention.select(&snapshots, Timestamp::from_micros(u64::MAX), None);
        (selection.base.map(Seq::get), kept(selection, seqs))
    }

    /// The snapshots that an image keeps that is not asked to keep more than two.
    fn kept(RetentionSelection { base, next }: RetentionSelection, seqs: &[u64]) -> Vec<u64> {
        let seqs: Vec<Seq> = seqs.iter().map(|&seq| Seq::new(seq)).collect();
        let kept = KeptSnapshots::default().select(&seqs, base.unwrap_or_default(), [base, next]);
        kept.into_iter().map(Seq::get).collect()
    }

    #[test]
    fn everything_keeps_the_newest_two_snapshots_and_never_prunes() {
        assert_eq!(select(Retention::Everything, &[90, 80, 70, 60]), (None, vec![90, 80]));
        assert_eq!(select(Retention::Everything, &[90]), (None, vec![90]));
        assert_eq!(select(Retention::Everything, &[]), (None, vec![]));
    }

    #[test]
    fn the_base_is_never_newer_than_the_second_newest_snapshot() {
        assert_eq!(select(Retention::Events(0), &[90]), (None, vec![90]));
        assert_eq!(select(Retention::Events(0), &[90, 80]), (Some(80), vec![90, 80]));
        assert_eq!(select(Retention::Events(0), &[90, 80, 70]), (Some(80), vec![90, 80]));
    }

    #[test]
    fn at_least_the_requested_events_are_kept() {
        assert_eq!(select(Retention::Events(20), &[90, 80, 71]), (None, vec![90, 80, 71]));
        assert_eq!(select(Retention::Events(20), &[90, 80, 70]), (Some(70), vec![90, 80, 70]));
        let period = Retention::Period(Duration::from_secs(20));
        assert_eq!(select(period, &[90, 80, 71]), (None, vec![90, 80, 71]));
        assert_eq!(select(period, &[90, 80, 70]), (Some(70), vec![90, 80, 70]));
    }

    #[test]
    fn time_that_is_not_confirmed_prunes_nothing() {
        let time = |seconds: u64| Timestamp::from_micros(seconds * 1_000_000);
        let candidates = [9_000, 80, 70].map(|at| Candidate { seq: Seq::new(at), time: time(at), current: true });
        let period = Retention::Period(Duration::from_secs(20));
        let base = |confirmed: u64| period.select(&candidates, time(confirmed), None).base.map(Seq::get);
        assert_eq!([85, 90, 100, 9_000].map(base), [None, Some(70), Some(80), Some(80)]);
    }

    #[test]
    fn events_that_are_still_needed_are_kept() {
        let candidate = |seq| Candidate { seq: Seq::new(seq), time: Timestamp::default(), current: true };
        let candidates = [90, 80, 70, 60].map(candidate);
        let select = |needed: u64| {
            let needed = Some(Seq::new(needed));
            let selection = Retention::Events(0).select(&candidates, Timestamp::default(), needed);
            (selection.base.map(Seq::get), kept(selection, &[90, 80, 70, 60]))
        };
        assert_eq!(select(90), (Some(80), vec![90, 80]));
        assert_eq!(select(80), (Some(80), vec![90, 80]));
        assert_eq!(select(79), (Some(70), vec![90, 80, 70]));
        assert_eq!(select(65), (Some(60), vec![90, 80, 70, 60]));
        assert_eq!(select(0), (None, vec![90, 80, 60]));
    }

    #[test]
    fn the_next_base_is_kept_and_snapshots_between_bases_are_not() {
        assert_eq!(select(Retention::Events(50), &[90, 80, 70, 60, 50, 40, 30]), (Some(40), vec![90, 80, 50, 40]));
        let mut snapshots = Vec::new();
        let mut bases = Vec::new();
        for newest in (10..1_000).step_by(10) {
            snapshots.insert(0, newest);
            let (base, kept) = select(Retention::Events(95), &snapshots);
            assert!(kept.len() <= 4, "{kept:?}");
            assert!(base.is_none_or(|base| newest - base >= 95));
            // the journal keeps at most twice the requested number of events, plus the events between two snapshots
            assert!(newest - base.unwrap_or(0) <= 2 * 95 + 20, "{newest}: {base:?}");
            bases.extend(base);
            snapshots = kept;
        }
        bases.dedup();
        assert!(bases.len() > 5 && bases.is_sorted(), "{bases:?}");
    }

    #[test]
    fn a_snapshot_of_another_model_version_is_never_the_base() {
        let candidate = |(seq, current)| Candidate { seq: Seq::new(seq), time: Timestamp::default(), current };
        let selection =
            Retention::Events(0).select(&[(9, true), (8, true), (7, false)].map(candidate), Timestamp::default(), None);
        assert_eq!((selection.base, selection.next), (Some(Seq::new(8)), None));
        let selection = Retention::Events(0).select(
            &[(9, true), (8, false), (7, false)].map(candidate),
            Timestamp::default(),
            None,
        );
        assert_eq!(selection, RetentionSelection::default());
    }
}
