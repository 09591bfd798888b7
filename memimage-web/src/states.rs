//! The past states of a model, and what changed between them. The last few states are kept, so that stepping does not replay the journal.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use memimage::admin::ImageInfo;
use memimage::inspect::{Bounds, Comparison, Difference, InspectError, Part, Path, compare, inspect, observe};
use memimage::{Journal, Metadata, Model, Past, Seq, Timestamp};

use crate::lock::lock;
use crate::problem::Problem;

/// The number of states in memory.
const STATES: usize = 4;
/// The maximum number of differences of a page.
const DIFFERENCES: usize = 200;
/// How long one request for a value's history replays events. The next one goes on.
const HISTORY_TIME: Duration = Duration::from_millis(1_500);
/// The number of changes and gaps on one page of a value's history.
const CHANGES: usize = 100;

/// The states of a model of any type.
pub(crate) trait States: Send + Sync {
    /// Replaces states that an earlier opening of the image may have shown, and a repair or void event has changed.
    fn refresh(&self, info: &ImageInfo);

    /// Whether this state is in memory.
    fn has(&self, seq: Seq) -> bool;

    /// The part at a path of the state after event `seq`, which must be durable.
    fn part(&self, seq: Seq, path: &Path, bounds: Bounds) -> Result<Part, Problem>;

    /// What differs between the states after two events, at and below a path.
    fn comparison(&self, before: Seq, after: Seq, path: &Path) -> Result<Comparison, Problem>;

    /// The changes of the value at a path after event `after`.
    fn history(&self, after: Seq, path: &Path) -> Result<ValueHistory, Problem>;
}

/// The changes of a value.
pub(crate) struct ValueHistory {
    /// The value before them; `None` if it did not exist.
    pub(crate) first: Option<Part>,
    pub(crate) entries: Vec<HistoryEntry>,
    /// The last event that was replayed.
    pub(crate) until: Seq,
    /// Whether later events were not replayed.
    pub(crate) is_cut: bool,
}

pub(crate) enum HistoryEntry {
    Change(ValueChange),
    /// The first and the last of the events that are lost in a recorded gap. What they changed is not known.
    Lost(Seq, Seq),
}

pub(crate) struct ValueChange {
    pub(crate) seq: Seq,
    pub(crate) time: Timestamp,
    /// The names of the events, as they were recorded.
    pub(crate) names: Vec<String>,
    pub(crate) actor: Option<String>,
    pub(crate) differences: Vec<Difference>,
}

/// The last few states of a model that were shown.
pub(crate) struct CachedStates<M: Model> {
    journal: Journal<M>,
    cache: Mutex<Cache<M>>,
}

struct Cache<M: Model> {
    /// The states, the last one that was shown first.
    states: Vec<Past<M>>,
    epoch: u64,
    /// The events after which the image keeps a state.
    starts: Vec<u64>,
}

impl<M: Model> CachedStates<M> {
    pub(crate) fn new(journal: Journal<M>) -> CachedStates<M> {
        CachedStates { journal, cache: Mutex::new(Cache { states: Vec::new(), epoch: 0, starts: Vec::new() }) }
    }
}

impl<M: Model> Cache<M> {
    /// Puts the state after event `seq` in front. If that needs another state to move, it is not the one after event `kept`.
    fn seek(&mut self, journal: &Journal<M>, seq: Seq, kept: Option<Seq>) -> Result<&Past<M>, Problem> {
        let past = match self.states.iter().position(|state| state.seq() == seq) {
            Some(index) => self.states.remove(index),
            None => match self.near(seq, kept) {
                Some(index) => stepped(self.states.remove(index), seq)?,
                None => journal.at(seq)?,
            },
        };
        self.states.insert(0, past);
        self.states.truncate(STATES);
        Ok(&self.states[0])
    }

    /// The state from which the fewest events must be replayed, if that is nearer than a snapshot.
    fn near(&self, seq: Seq, kept: Option<Seq>) -> Option<usize> {
        let start = self.starts.iter().copied().filter(|&start| start <= seq.get()).max().unwrap_or(0);
        let states = self.states.iter().enumerate().map(|(index, state)| (index, state.seq()));
        let earlier = states.filter(|&(_, state)| state < seq && state.get() >= start && Some(state) != kept);
        earlier.max_by_key(|&(_, state)| state).map(|(index, _)| index)
    }
}

/// Replays the events up to `seq`, as a new state does: it goes on behind recorded gaps, and cannot end in one. A state that cannot be
/// replayed is dropped.
fn stepped<M: Model>(mut past: Past<M>, seq: Seq) -> Result<Past<M>, Problem> {
    while past.seq() < seq {
        match past.step() {
            Ok(true) => {}
            Ok(false) => {
                return Err(Problem::not_found(format!("There is no event {seq}: the last one is {}.", past.seq())));
            }
            Err(error) if error.gap().is_some() && past.seq() <= seq => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(past)
}

impl<M: Model> States for CachedStates<M> {
    fn refresh(&self, info: &ImageInfo) {
        let mut cache = lock(&self.cache);
        if cache.epoch != info.epoch {
            cache.states.clear();
            cache.epoch = info.epoch;
        }
        cache.starts = info.snapshots.iter().copied().chain(info.base).collect();
    }

    fn has(&self, seq: Seq) -> bool {
        lock(&self.cache).states.iter().any(|state| state.seq() == seq)
    }

    fn part(&self, seq: Seq, path: &Path, bounds: Bounds) -> Result<Part, Problem> {
        let mut cache = lock(&self.cache);
        let past = cache.seek(&self.journal, seq, None)?;
        inspect(&**past, path, bounds).map_err(|error| not_inspected(&error))
    }

    fn comparison(&self, before: Seq, after: Seq, path: &Path) -> Result<Comparison, Problem> {
        let mut cache = lock(&self.cache);
        cache.seek(&self.journal, before, Some(after))?;
        cache.seek(&self.journal, after, Some(before))?;
        let state = |seq| cache.states.iter().find(|state| state.seq() == seq).expect("the cache keeps both states");
        compare::<M>(state(before), state(after), path, DIFFERENCES).map_err(|error| not_inspected(&error))
    }

    fn history(&self, after: Seq, path: &Path) -> Result<ValueHistory, Problem> {
        let mut cache = lock(&self.cache);
        cache.seek(&self.journal, after, None)?;
        // the state moves, and comes back into the cache unless an event cannot be replayed
        let mut past = cache.states.remove(0);
        let mut value = observe::<M>(&past, path).map_err(|error| not_inspected(&error))?;
        let first = value.part().cloned();
        let mut history = ValueHistory { first, entries: Vec::new(), until: after, is_cut: false };
        let mut has_gap = false;
        let begun = Instant::now();
        loop {
            if begun.elapsed() > HISTORY_TIME || history.entries.len() == CHANGES {
                history.is_cut = true;
                break;
            }
            match past.step() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let Some((first, last)) = error.gap() else { return Err(error.into()) };
                    history.entries.push(HistoryEntry::Lost(first, last));
                    has_gap = true;
                    continue;
                }
            }
            if let Some(next) = value.changed::<M>(&past).map_err(|error| not_inspected(&error))? {
                let events = past.events()?;
                history.entries.push(HistoryEntry::Change(ValueChange {
                    seq: past.seq(),
                    time: past.time(),
                    names: events.iter().map(|event| event.recorded().name().to_owned()).collect(),
                    actor: events.first().and_then(|event| Some(event.metadata().get(Metadata::ACTOR)?.to_owned())),
                    differences: next.differences_from(&value),
                }));
                value = next;
            }
        }
        history.until = past.seq();
        // behind a gap, a state from a later snapshot can differ: it may hold the effect of lost events
        if !has_gap {
            cache.states.insert(0, past);
        }
        Ok(history)
    }
}

fn not_inspected(error: &InspectError) -> Problem {
    match error.is_not_found() {
        true => Problem::not_found(error.to_string()),
        false => Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), "Choose another path."),
    }
}
