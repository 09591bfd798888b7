//! Which snapshots an image keeps, so that past states can be rebuilt quickly.

use std::cmp::Ordering;

use crate::seq::Seq;

/// The least number of snapshots to keep: the newest, and the previous one in case the newest is damaged.
pub(crate) const MIN_SNAPSHOTS: usize = 2;
/// The greatest number of snapshots to keep. An opening reads the header of each.
pub(crate) const MAX_SNAPSHOTS: usize = 1_000;

/// How the kept snapshots are spread over the events of an image; see
/// [`Options::keep_snapshots`](crate::Options::keep_snapshots).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotSpread {
    /// Evenly: at most `2 / (count - 1)` of the image's events lie between two kept snapshots, or as many events as the
    /// [policy](crate::SnapshotPolicy) leaves between two snapshots, if these are more.
    #[default]
    Even,
    /// The older, the farther apart: the number of events between two kept snapshots is proportional to their age in events. So a
    /// recent state is rebuilt quickly, and an old one within a time that grows with its age. Ten snapshots that are made every
    /// 1,000 events are at most 4 times as old as the next newer one, while the image has fewer than a million events.
    Recent,
}

/// How many snapshots an image keeps, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptSnapshots {
    pub(crate) count: usize,
    pub(crate) spread: SnapshotSpread,
}

impl Default for KeptSnapshots {
    fn default() -> KeptSnapshots {
        KeptSnapshots { count: MIN_SNAPSHOTS, spread: SnapshotSpread::default() }
    }
}

impl KeptSnapshots {
    /// Selects the snapshots to keep. `snapshots` lists all snapshots, newest first. `start` is the event with which the journal
    /// begins: older snapshots cannot be used. The snapshots in `needed` are kept in any case.
    ///
    /// Removes one snapshot after the other: the one without which the gap between its neighbors is the smallest. Some two adjacent
    /// gaps are together at most as long as two average ones, so a removal never leaves a longer gap than that.
    pub(crate) fn select(self, snapshots: &[Seq], start: Seq, needed: [Option<Seq>; 2]) -> Vec<Seq> {
        let Some(&newest) = snapshots.first() else { return Vec::new() };
        let mut kept: Vec<Seq> = snapshots
            .iter()
            .enumerate()
            .filter(|(at, seq)| *at < MIN_SNAPSHOTS || **seq >= start)
            .map(|(_, seq)| *seq)
            .collect();
        while kept.len() > self.count {
            let gap =
                |at: usize| Gap { newest, after: kept.get(at + 1).copied().unwrap_or(start), before: kept[at - 1] };
            let removable = (MIN_SNAPSHOTS..kept.len()).filter(|at| !needed.contains(&Some(kept[*at])));
            // of equal gaps, the oldest one
            let Some(least) = removable.rev().min_by(|a, b| self.spread.compare(gap(*a), gap(*b))) else { break };
            kept.remove(least);
        }
        kept
    }
}

/// The events between the neighbors of a snapshot.
#[derive(Clone, Copy)]
struct Gap {
    newest: Seq,
    /// The older snapshot.
    after: Seq,
    /// The newer snapshot, which is older than the newest one of all.
    before: Seq,
}

impl SnapshotSpread {
    /// Compares how much a gap counts.
    fn compare(self, one: Gap, other: Gap) -> Ordering {
        let events = |gap: Gap| gap.before.get().saturating_sub(gap.after.get());
        let ages = |gap: Gap| {
            let age = |seq: Seq| u128::from(gap.newest.get().saturating_sub(seq.get()));
            (age(gap.after), age(gap.before))
        };
        match self {
            SnapshotSpread::Even => events(one).cmp(&events(other)),
            SnapshotSpread::Recent => {
                let ((older, newer), (other_older, other_newer)) = (ages(one), ages(other));
                (older * other_newer).cmp(&(other_older * newer))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The snapshots that are left after each of the snapshots `made`, oldest first.
    fn left(keep: KeptSnapshots, made: impl IntoIterator<Item = u64>, mut check: impl FnMut(&[u64])) -> Vec<u64> {
        let mut kept: Vec<Seq> = Vec::new();
        let mut seqs = Vec::new();
        for seq in made {
            kept.insert(0, Seq::new(seq));
            kept = keep.select(&kept, Seq::ZERO, [None; 2]);
            seqs = kept.iter().rev().map(|seq| seq.get()).collect();
            check(&seqs);
        }
        seqs
    }

    #[test]
    fn an_even_spread_bounds_each_gap_by_twice_the_average() {
        for count in [3, 4, 5, 10, 33] {
            let keep = KeptSnapshots { count, spread: SnapshotSpread::Even };
            left(keep, (10..=5_000).step_by(10), |seqs| {
                assert!(seqs.len() <= count);
                let newest = *seqs.last().unwrap();
                let longest =
                    std::iter::once(0).chain(seqs.iter().copied()).zip(seqs).map(|(a, b)| b - a).max().unwrap();
                let bound = (2 * newest / (count as u64 - 1)).max(10);
                assert!(longest <= bound, "{count}: {longest} of {newest}: {seqs:?}");
            });
        }
    }

    #[test]
    fn a_spread_over_recent_events_bounds_the_ratio_of_ages() {
        let keep = KeptSnapshots { count: 10, spread: SnapshotSpread::Recent };
        let mut ratio = 0.0_f64;
        let made = left(keep, (1_000..=1_000_000).step_by(1_000), |seqs| {
            let newest = *seqs.last().unwrap();
            let ages: Vec<u64> = std::iter::once(0).chain(seqs.iter().copied()).map(|seq| newest - seq).collect();
            for pair in ages.windows(2).filter(|pair| pair[1] > 0) {
                ratio = ratio.max(pair[0] as f64 / pair[1] as f64);
            }
        });
        assert!(ratio <= 4.0, "{ratio}: {made:?}");
    }

    #[test]
    fn the_newest_two_and_the_needed_snapshots_stay() {
        let keep = KeptSnapshots { count: 3, spread: SnapshotSpread::Even };
        let seqs = [90, 89, 50, 49, 48].map(Seq::new);
        let select =
            |start, needed| keep.select(&seqs, Seq::new(start), needed).into_iter().map(Seq::get).collect::<Vec<_>>();
        assert_eq!(select(0, [None; 2]), [90, 89, 48]);
        assert_eq!(select(0, [Some(Seq::new(49)), None]), [90, 89, 49]);
        assert_eq!(select(0, [Some(Seq::new(49)), Some(Seq::new(50))]), [90, 89, 50, 49]);
        assert_eq!(
            select(50, [Some(Seq::new(50)), None]),
            [90, 89, 50],
            "older snapshots than the start cannot be used"
        );
        assert_eq!(select(90, [None; 2]), [90, 89]);
        assert_eq!(keep.select(&[], Seq::ZERO, [None; 2]), []);
    }
}
