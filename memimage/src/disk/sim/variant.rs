//! Ready-made power cuts, and the search for the smallest power cut that makes a test fail.

use std::fmt;
use std::ops::Range;

use super::SimDisk;
use super::crash::{Fate, Unsynced};
use super::rng::Rng;

/// A power cut: it decides for each unsynced change ([`SimDisk::unsynced`]) whether the change survives. On the same disk, equal
/// `Crash` values decide alike.
///
/// An index is a position in the list [`SimDisk::unsynced`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Crash {
    /// No unsynced change survives.
    Nothing,
    /// All unsynced changes survive.
    Everything,
    /// Only the change at this index survives.
    Only(usize),
    /// Only the change at this index is lost.
    AllBut(usize),
    /// Only the oldest changes survive, this many of them, as on a disk that writes in order. The age of a sector is the age of
    /// its last write.
    Prefix(usize),
    /// Changes of directory entries survive, and changes of bytes and lengths are lost: renames survive without the data that
    /// they publish.
    NamesOnly,
    /// Changes of bytes and lengths survive, and changes of directory entries are lost: no file was created, renamed or
    /// removed.
    BytesOnly,
    /// The seed decides independently for each change whether it survives.
    Subset(u64),
    /// Like [`Subset`](Crash::Subset), with garbage in sectors that contained only zeros before.
    Garbage(u64),
    /// Like [`Garbage`](Crash::Garbage), but with garbage also in sectors with synced bytes: the garbage destroys these bytes.
    /// A program tolerates this power cut only if it never overwrites a sector with synced bytes, or does not need to read this
    /// sector again.
    GarbageAnywhere(u64),
}

impl Crash {
    /// All distinct ready-made crashes for a disk with this number of [`unsynced`](SimDisk::unsynced) changes, in a fixed
    /// order: first the crashes without a parameter, then those for each index, then those for each seed.
    ///
    /// [`GarbageAnywhere`](Crash::GarbageAnywhere) is not included.
    #[must_use]
    pub fn all(unsynced: usize, seeds: Range<u64>) -> Vec<Crash> {
        let mut all = vec![Crash::Nothing];
        if unsynced == 0 {
            return all;
        }
        all.extend([Crash::Everything, Crash::NamesOnly, Crash::BytesOnly]);
        if unsynced > 1 {
            all.extend((0..unsynced).flat_map(|at| [Crash::Only(at), Crash::AllBut(at)]));
            all.extend((1..unsynced).map(Crash::Prefix));
        }
        all.extend(seeds.flat_map(|seed| [Crash::Subset(seed), Crash::Garbage(seed)]));
        all
    }

    /// The fates of all unsynced changes of a disk, in the order of [`SimDisk::unsynced`].
    fn fates(&self, disk: &SimDisk) -> Fates {
        let by_seed = |seed: u64, garbage: fn(&Unsynced) -> bool| -> Fates {
            let mut rng = Rng::new(seed);
            // each of the two numbers is between 1 and 7, so few changes survive with some seeds, and many with others
            let (kept_eighths, garbage_eighths) = (1 + rng.below(7), 1 + rng.below(7));
            Box::new(move |_, change| {
                let is_kept = rng.below(8) < kept_eighths;
                let is_garbage = rng.below(8) < garbage_eighths;
                let seed = rng.u64();
                if is_garbage && garbage(change) { Fate::Garbage(seed) } else { is_kept.into() }
            })
        };
        match *self {
            Crash::Nothing => Box::new(|_, _| Fate::Lost),
            Crash::Everything => Box::new(|_, _| Fate::Kept),
            Crash::Only(kept) => Box::new(move |at, _| (at == kept).into()),
            Crash::AllBut(lost) => Box::new(move |at, _| (at != lost).into()),
            Crash::NamesOnly => Box::new(|_, change| change.is_name().into()),
            Crash::BytesOnly => Box::new(|_, change| (!change.is_name()).into()),
            Crash::Prefix(kept) => {
                let ages = disk.ages();
                let mut oldest: Vec<usize> = (0..ages.len()).collect();
                oldest.sort_by_key(|&at| ages[at].0);
                oldest.truncate(kept);
                Box::new(move |at, _| oldest.contains(&at).into())
            }
            Crash::Subset(seed) => by_seed(seed, |_| false),
            Crash::Garbage(seed) => by_seed(seed, |change| matches!(change, Unsynced::Sector { fresh: true, .. })),
            Crash::GarbageAnywhere(seed) => by_seed(seed, |change| matches!(change, Unsynced::Sector { .. })),
        }
    }
}

/// Returns the fate of the change at the given index of the list [`SimDisk::unsynced`]. The caller asks for the fates in the
/// order of the list.
type Fates = Box<dyn FnMut(usize, &Unsynced) -> Fate>;

/// A power cut, described by a common fate and the exceptions to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The fate of all unsynced changes that are not exceptions.
    pub rest: Fate,
    /// The changes that have another fate than `rest`.
    pub exceptions: Vec<(Unsynced, Fate)>,
}

impl Shrunk {
    /// The fate of a change. Call [`SimDisk::crash`] with this function to repeat the power cut.
    #[must_use]
    pub fn fate(&self, change: &Unsynced) -> Fate {
        self.exceptions.iter().find(|(unsynced, _)| unsynced == change).map_or(self.rest, |(_, fate)| *fate)
    }
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all unsynced changes are {}", self.rest)?;
        if !self.exceptions.is_empty() {
            f.write_str(", except")?;
        }
        for (unsynced, fate) in &self.exceptions {
            write!(f, "\n  {fate}: {unsynced}")?;
        }
        Ok(())
    }
}

impl SimDisk {
    /// A copy of the disk after the power cut `crash`: calls [`SimDisk::crash`](Self::crash) with the fates that `crash`
    /// determines.
    #[must_use]
    pub fn crash_by(&self, crash: &Crash) -> Self {
        let (mut fates, mut index) = (crash.fates(self), 0..);
        self.crash(|change| fates(index.next().expect("the range is unbounded"), change))
    }

    /// The fate of each [`unsynced`](Self::unsynced) change in this power cut.
    #[must_use]
    pub fn fates(&self, crash: &Crash) -> Vec<(Unsynced, Fate)> {
        let mut fates = crash.fates(self);
        let fate = |(index, change)| {
            let fate = fates(index, &change);
            (change, fate)
        };
        self.unsynced().into_iter().enumerate().map(fate).collect()
    }

    /// As an aid to debugging, searches for a minimal power cut for which `fails` still returns `true`. There are two
    /// candidates. The first candidate keeps all changes except a minimal set of those that `crash` loses or fills with
    /// garbage. The second candidate loses all changes except a minimal set of those that `crash` does not lose. The search
    /// returns the first candidate, unless the set of the second candidate is smaller and not empty.
    ///
    /// `fails` receives the disk after a power cut that the search tries, and returns whether the test fails on this disk too.
    /// The search (delta debugging, Zeller and Hildebrandt, 2002) calls `fails` a few hundred times for a hundred unsynced
    /// changes.
    #[must_use]
    pub fn shrink(&self, crash: &Crash, mut fails: impl FnMut(SimDisk) -> bool) -> Shrunk {
        let all = self.fates(crash);
        let mut smallest = |rest: Fate| {
            let mut shrunk = Shrunk { rest, exceptions: all.clone() };
            shrunk.exceptions.retain(|(_, fate)| *fate != rest);
            shrunk.exceptions = shorten(shrunk.exceptions, |exceptions| {
                let tried = Shrunk { rest, exceptions: exceptions.to_vec() };
                fails(self.crash(|change| tried.fate(change)))
            });
            shrunk
        };
        let (few_lost, few_kept) = (smallest(Fate::Kept), smallest(Fate::Lost));
        if (1..few_lost.exceptions.len()).contains(&few_kept.exceptions.len()) { few_kept } else { few_lost }
    }
}

/// Returns a subset of `items` for which `fails` still returns `true`. If any one item is removed from this subset, `fails`
/// returns `false`.
fn shorten<T: Clone>(mut items: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut chunk = items.len();
    while chunk > 0 {
        let before = items.len();
        let mut at = 0;
        while at < items.len() {
            let without = [&items[..at], &items[(at + chunk).min(items.len())..]].concat();
            if fails(&without) {
                items = without;
            } else {
                at += chunk;
            }
        }
        // the removal of one item can make others removable
        if chunk > 1 || items.len() == before {
            chunk /= 2;
        }
    }
    items
}
