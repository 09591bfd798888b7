//! The oracle of the swarm: it records all promises while the swarm runs, and checks a recovered state against them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use memimage::Durability;

use crate::ending::EndKind;
use crate::model::Mark;
use crate::observed::{Observed, ObservedRecord};

/// The maximum number of threads.
pub(crate) const THREADS_MAX: usize = 4;

/// The promises up to now.
#[derive(Debug, Default)]
pub(crate) struct PromiseRecord {
    threads: [ThreadRecord; THREADS_MAX],
    /// The highest number of marks that an answer or a query depends on.
    answered: AtomicU64,
    /// The highest number of marks before a sync that has succeeded.
    synced: AtomicU64,
    /// The index of each acknowledged mark.
    indices: Mutex<BTreeMap<u64, Mark>>,
    pub(crate) observed: ObservedRecord,
}

#[derive(Debug, Default)]
struct ThreadRecord {
    started: AtomicU32,
    acknowledged: AtomicU32,
}

/// The promises at some moment.
#[derive(Clone, Debug)]
pub(crate) struct Promises {
    started: [u32; THREADS_MAX],
    acknowledged: [u32; THREADS_MAX],
    answered: u64,
    synced: u64,
    indices: BTreeMap<u64, Mark>,
    pub(crate) observed: Observed,
}

impl PromiseRecord {
    /// The record of a lifetime that begins with these marks, and after what the observers have seen before.
    pub(crate) fn after(marks: &[Mark], observed: Observed) -> PromiseRecord {
        let record = PromiseRecord { observed: ObservedRecord::after(observed), ..PromiseRecord::default() };
        for (thread, kept) in record.threads.iter().enumerate() {
            let appended = marks.iter().filter(|mark| usize::from(mark.thread) == thread).count() as u32;
            kept.started.store(appended, Ordering::SeqCst);
            kept.acknowledged.store(appended, Ordering::SeqCst);
        }
        record.answered.store(marks.len() as u64, Ordering::SeqCst);
        record.synced.store(marks.len() as u64, Ordering::SeqCst);
        record
    }

    pub(crate) fn acknowledged(&self, thread: u8) -> u32 {
        self.threads[usize::from(thread)].acknowledged.load(Ordering::SeqCst)
    }

    /// A command is about to run. From now on its mark may be recovered.
    pub(crate) fn start(&self, mark: Mark) {
        self.threads[usize::from(mark.thread)].started.fetch_max(mark.nth, Ordering::SeqCst);
    }

    /// The command was acknowledged with this index.
    pub(crate) fn acknowledge(&self, mark: Mark, index: u64) {
        self.indices.lock().unwrap_or_else(PoisonError::into_inner).insert(index, mark);
        self.threads[usize::from(mark.thread)].acknowledged.fetch_max(mark.nth, Ordering::SeqCst);
        self.answer(index);
    }

    /// An answer was given that depends on this number of marks.
    pub(crate) fn answer(&self, marks: u64) {
        self.answered.fetch_max(marks, Ordering::SeqCst);
    }

    /// A sync succeeded that began when there was this number of marks.
    pub(crate) fn record_sync(&self, marks: u64) {
        self.synced.fetch_max(marks, Ordering::SeqCst);
    }

    /// The promises up to now.
    pub(crate) fn now(&self) -> Promises {
        // promises are read before the started commands, so that a promised command has always started
        let acknowledged = self.threads.each_ref().map(|thread| thread.acknowledged.load(Ordering::SeqCst));
        let (answered, synced) = (self.answered.load(Ordering::SeqCst), self.synced.load(Ordering::SeqCst));
        let indices = self.indices.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let started = self.threads.each_ref().map(|thread| thread.started.load(Ordering::SeqCst));
        Promises { started, acknowledged, answered, synced, indices, observed: self.observed.now() }
    }
}

impl Promises {
    /// Checks the marks that were recovered after these promises and this end of the process. `before` has the marks at the
    /// beginning of the lifetime, and `in_memory` those in memory at its end, if they are known.
    ///
    /// # Errors
    ///
    /// The promise that was broken.
    pub(crate) fn check(
        &self,
        marks: &[Mark],
        (durability, ending): (Durability, EndKind),
        before: &[Mark],
        in_memory: Option<&[Mark]>,
    ) -> Result<(), String> {
        if !marks.starts_with(before) {
            return Err(format!("marks from the beginning of the lifetime are lost: {marks:?} after {before:?}"));
        }
        if in_memory.is_some_and(|in_memory| !in_memory.starts_with(marks)) {
            return Err(format!("recovered {marks:?}, but in memory were {in_memory:?}"));
        }
        let answers_hold = durability == Durability::Synced || ending == EndKind::Kill;
        for thread in 0..THREADS_MAX {
            let appended: Vec<u32> = marks.iter().filter(|w| usize::from(w.thread) == thread).map(|w| w.nth).collect();
            let last = appended.len() as u32;
            if appended.iter().copied().ne(1..=last) {
                return Err(format!("thread {thread} appended 1, 2, 3 …, but recovered {appended:?}"));
            }
            if last > self.started[thread] {
                return Err(format!("thread {thread} never appended mark {last}"));
            }
            if answers_hold && last < self.acknowledged[thread] {
                let acknowledged = self.acknowledged[thread];
                return Err(format!(
                    "mark {acknowledged} of thread {thread} was acknowledged, but recovered only {last}"
                ));
            }
        }
        let least = if answers_hold { self.answered.max(self.synced) } else { self.synced };
        if (marks.len() as u64) < least {
            return Err(format!("{least} marks were seen in answers or synced, but recovered only {}", marks.len()));
        }
        let misplaced = self.indices.iter().find(|&(&index, mark)| {
            let found = marks.get(index as usize - 1);
            found.is_some_and(|found| found != mark)
        });
        match misplaced {
            Some((index, mark)) => Err(format!("{mark:?} was acknowledged at {index}: {marks:?}")),
            None => Ok(()),
        }
    }
}
