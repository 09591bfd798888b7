//! The oracle of the swarm: it records each promise while the swarm runs, and checks a recovered state against them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use memimage::Durability;

use crate::model::Word;

/// No more of them speak at once.
pub(crate) const TELLERS: usize = 4;

/// What is promised up to now.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    tellers: [Teller; TELLERS],
    /// So many words an answer or a query was seen to rest on.
    seen: AtomicU64,
    /// So many words there were when a sync was asked for that has succeeded since.
    synced: AtomicU64,
    /// Where a word stands, by an answer.
    places: Mutex<BTreeMap<u64, Word>>,
}

#[derive(Debug, Default)]
struct Teller {
    begun: AtomicU32,
    acknowledged: AtomicU32,
}

/// What had been promised at some moment.
#[derive(Clone, Debug)]
pub(crate) struct Promised {
    begun: [u32; TELLERS],
    acknowledged: [u32; TELLERS],
    seen: u64,
    synced: u64,
    places: BTreeMap<u64, Word>,
}

/// How the process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All that was written is there.
    Kill,
    /// What was synced is there.
    PowerCut,
}

impl Ledger {
    /// Of a swarm that goes on after these words.
    pub(crate) fn after(words: &[Word]) -> Ledger {
        let ledger = Ledger::default();
        for (teller, kept) in ledger.tellers.iter().enumerate() {
            let said = words.iter().filter(|word| usize::from(word.teller) == teller).count() as u32;
            kept.begun.store(said, Ordering::SeqCst);
            kept.acknowledged.store(said, Ordering::SeqCst);
        }
        ledger.seen.store(words.len() as u64, Ordering::SeqCst);
        ledger.synced.store(words.len() as u64, Ordering::SeqCst);
        ledger
    }

    pub(crate) fn said(&self, teller: u8) -> u32 {
        self.tellers[usize::from(teller)].acknowledged.load(Ordering::SeqCst)
    }

    /// A word is about to be said: from now on it may be there.
    pub(crate) fn begins(&self, word: Word) {
        self.tellers[usize::from(word.teller)].begun.fetch_max(word.nth, Ordering::SeqCst);
    }

    /// It was answered that the word stands at this place.
    pub(crate) fn is_told(&self, word: Word, place: u64) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(place, word);
        self.tellers[usize::from(word.teller)].acknowledged.fetch_max(word.nth, Ordering::SeqCst);
        self.sees(place);
    }

    /// Something was told that rests on so many words.
    pub(crate) fn sees(&self, words: u64) {
        self.seen.fetch_max(words, Ordering::SeqCst);
    }

    /// A sync succeeded that was asked for when there were so many words.
    pub(crate) fn is_synced(&self, words: u64) {
        self.synced.fetch_max(words, Ordering::SeqCst);
    }

    /// As of now.
    pub(crate) fn now(&self) -> Promised {
        // what is promised is read before what may be there, so that the second is never less than the first
        let acknowledged = self.tellers.each_ref().map(|teller| teller.acknowledged.load(Ordering::SeqCst));
        let (seen, synced) = (self.seen.load(Ordering::SeqCst), self.synced.load(Ordering::SeqCst));
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let begun = self.tellers.each_ref().map(|teller| teller.begun.load(Ordering::SeqCst));
        Promised { begun, acknowledged, seen, synced, places }
    }
}

impl Promised {
    /// Judges what was recovered after this had been promised and the process had come to this end. `before` is what it
    /// began with, and `live` what there was in memory when it ended, if that is known.
    ///
    /// # Errors
    ///
    /// The promise that was broken.
    pub(crate) fn judge(
        &self,
        words: &[Word],
        (durability, ending): (Durability, Ending),
        before: &[Word],
        live: Option<&[Word]>,
    ) -> Result<(), String> {
        if !words.starts_with(before) {
            return Err(format!("what it began with is not there any more: {words:?} after {before:?}"));
        }
        if live.is_some_and(|live| !live.starts_with(words)) {
            return Err(format!("recovered was {words:?}, and these were said: {live:?}"));
        }
        let answers_hold = durability == Durability::Synced || ending == Ending::Kill;
        for teller in 0..TELLERS {
            let said: Vec<u32> = words.iter().filter(|w| usize::from(w.teller) == teller).map(|w| w.nth).collect();
            let last = said.len() as u32;
            if said.iter().copied().ne(1..=last) {
                return Err(format!("teller {teller} said 1, 2, 3 … and recovered was {said:?}"));
            }
            if last > self.begun[teller] {
                return Err(format!("teller {teller} never said its word {last}"));
            }
            if answers_hold && last < self.acknowledged[teller] {
                let acknowledged = self.acknowledged[teller];
                return Err(format!("word {acknowledged} of teller {teller} was answered, and recovered were {last}"));
            }
        }
        let least = if answers_hold { self.seen.max(self.synced) } else { self.synced };
        if (words.len() as u64) < least {
            return Err(format!("{least} words were told of or synced, and recovered were {}", words.len()));
        }
        let misplaced = self.places.iter().find(|&(&place, word)| {
            let found = words.get(place as usize - 1);
            found.is_some_and(|found| found != word)
        });
        match misplaced {
            Some((place, word)) => Err(format!("{word:?} was answered to be at {place}: {words:?}")),
            None => Ok(()),
        }
    }
}
