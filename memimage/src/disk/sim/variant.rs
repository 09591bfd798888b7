//! Ready-made power cuts.

use std::fmt;
use std::ops::Range;

use super::SimDisk;
use super::crash::{Fate, Unsynced};
use super::dice::Dice;

/// A power cut to try: what becomes of each thing in [`SimDisk::unsynced`]. The same for the same disk, always.
///
/// A `usize` is a place in that list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Crash {
    /// Nothing unsynced survives.
    Nothing,
    /// All of it survives.
    Everything,
    /// One thing survives.
    Only(usize),
    /// One thing is lost.
    AllBut(usize),
    /// So many of the oldest survive, in the order in which they were done: a disk that writes in order. What was written
    /// more than once is as old as the last time.
    Prefix(usize),
    /// Directory entries survive and bytes do not: renames without the data they were to publish.
    NamesOnly,
    /// Bytes and lengths survive and directory entries do not: as if no file had been created, renamed or removed.
    BytesOnly,
    /// Each by itself, by this seed.
    Subset(u64),
    /// As [`Subset`](Crash::Subset), with garbage in sectors where nothing but zeros was before.
    Garbage(u64),
    /// As [`Garbage`](Crash::Garbage), also in sectors where synced bytes were, which it takes with it. Few programs
    /// withstand that: those that never write to such a sector again, or need not read it.
    GarbageAnywhere(u64),
}

impl Crash {
    /// Every ready-made crash that differs on a disk with this many [`unsynced`](SimDisk::unsynced) things, in a fixed
    /// order: the simple ones first, then those of each place, then those of each seed.
    ///
    /// [`GarbageAnywhere`](Crash::GarbageAnywhere) is not among them.
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

    /// What becomes of everything unsynced on a disk, in the order of its list.
    fn fates(&self, disk: &SimDisk) -> Fates {
        let by_seed = |seed: u64, garbage: fn(&Unsynced) -> bool| -> Fates {
            let mut dice = Dice::new(seed);
            // from almost nothing to almost everything
            let (of_eight, garbled) = (1 + dice.below(7), 1 + dice.below(7));
            Box::new(move |_, asked| {
                let (kept, garbled, seed) = (dice.below(8) < of_eight, dice.below(8) < garbled, dice.u64());
                if garbled && garbage(asked) { Fate::Garbage(seed) } else { kept.into() }
            })
        };
        match *self {
            Crash::Nothing => Box::new(|_, _| Fate::Lost),
            Crash::Everything => Box::new(|_, _| Fate::Kept),
            Crash::Only(kept) => Box::new(move |at, _| (at == kept).into()),
            Crash::AllBut(lost) => Box::new(move |at, _| (at != lost).into()),
            Crash::NamesOnly => Box::new(|_, asked| asked.is_name().into()),
            Crash::BytesOnly => Box::new(|_, asked| (!asked.is_name()).into()),
            Crash::Prefix(kept) => {
                let ages = disk.ages();
                let mut oldest: Vec<usize> = (0..ages.len()).collect();
                oldest.sort_by_key(|&at| ages[at].0);
                oldest.truncate(kept);
                Box::new(move |at, _| oldest.contains(&at).into())
            }
            Crash::Subset(seed) => by_seed(seed, |_| false),
            Crash::Garbage(seed) => by_seed(seed, |asked| matches!(asked, Unsynced::Sector { fresh: true, .. })),
            Crash::GarbageAnywhere(seed) => by_seed(seed, |asked| matches!(asked, Unsynced::Sector { .. })),
        }
    }
}

/// Says what becomes of the thing at a place of [`SimDisk::unsynced`]; asked in its order.
type Fates = Box<dyn FnMut(usize, &Unsynced) -> Fate>;

/// A power cut, told by what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// What became of everything unsynced that is no exception.
    pub rest: Fate,
    /// What had another fate.
    pub exceptions: Vec<(Unsynced, Fate)>,
}

impl Shrunk {
    /// What became of it: the answer to give to [`SimDisk::crash`] to have this power cut again.
    #[must_use]
    pub fn fate(&self, asked: &Unsynced) -> Fate {
        self.exceptions.iter().find(|(unsynced, _)| unsynced == asked).map_or(self.rest, |(_, fate)| *fate)
    }
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exceptions.is_empty(), self.rest) {
            (true, rest) => write!(f, "all that is unsynced is {rest}")?,
            (false, rest) => write!(f, "all that is unsynced is {rest}, but")?,
        }
        for (unsynced, fate) in &self.exceptions {
            write!(f, "\n  {fate}: {unsynced}")?;
        }
        Ok(())
    }
}

impl SimDisk {
    /// A copy of the disk as this power cut would leave it: [`crash`](Self::crash), with ready-made answers.
    #[must_use]
    pub fn crash_by(&self, crash: &Crash) -> Self {
        let (mut fates, mut at) = (crash.fates(self), 0..);
        self.crash(|asked| fates(at.next().expect("without end"), asked))
    }

    /// What becomes of each of the [`unsynced`](Self::unsynced) things in this power cut.
    #[must_use]
    pub fn fates(&self, crash: &Crash) -> Vec<(Unsynced, Fate)> {
        let mut fates = crash.fates(self);
        let fate = |(at, asked)| {
            let fate = fates(at, &asked);
            (asked, fate)
        };
        self.unsynced().into_iter().enumerate().map(fate).collect()
    }

    /// The smallest power cut found that still `fails`, to be told to whoever looks for the reason: of the things that
    /// `crash` takes or garbles, those without which it does not fail, all else surviving; or, if they are fewer and there
    /// are any, of the things that it leaves, all else lost.
    ///
    /// `fails` is called with the disk that a smaller power cut leaves and says whether that goes wrong too. It is called
    /// some hundred times for a hundred unsynced things (delta debugging, Zeller and Hildebrandt, 2002).
    #[must_use]
    pub fn shrink(&self, crash: &Crash, mut fails: impl FnMut(SimDisk) -> bool) -> Shrunk {
        let all = self.fates(crash);
        let mut smallest = |rest: Fate| {
            let mut shrunk = Shrunk { rest, exceptions: all.clone() };
            shrunk.exceptions.retain(|(_, fate)| *fate != rest);
            shrunk.exceptions = shorten(shrunk.exceptions, |exceptions| {
                let tried = Shrunk { rest, exceptions: exceptions.to_vec() };
                fails(self.crash(|asked| tried.fate(asked)))
            });
            shrunk
        };
        let (taken, left) = (smallest(Fate::Kept), smallest(Fate::Lost));
        if (1..taken.exceptions.len()).contains(&left.exceptions.len()) { left } else { taken }
    }
}

/// A part of `items` that still fails, and does not without any one of them.
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
        // what one lets go may let go of others
        if chunk > 1 || items.len() == before {
            chunk /= 2;
        }
    }
    items
}
