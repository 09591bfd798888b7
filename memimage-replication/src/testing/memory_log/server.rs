//! The server's side of a log in memory: its contents, its time, and the requests that are still to arrive.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::super::faults::{AppendFault, Faults};
use super::super::random::SplitMix64;
use super::Contents;

/// What all handles of a log share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) contents: Contents,
    pub(super) snapshots: BTreeMap<String, Arc<[u8]>>,
    pub(super) faults: Faults,
    random: SplitMix64,
    step: u64,
    delayed: Vec<DelayedAppend>,
    /// The end of the log before each of the last steps, the latest last.
    old_ends: VecDeque<u64>,
}

/// An append that takes effect at a later step.
#[derive(Debug)]
struct DelayedAppend {
    step: u64,
    position: u64,
    entry: Vec<u8>,
}

/// What the network does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Arrives,
    /// The call takes effect, and its answer is lost.
    Lost,
    /// The call has no effect.
    NoRequest,
}

impl Server {
    pub(super) fn new() -> Server {
        Server {
            contents: Contents::new(),
            snapshots: BTreeMap::new(),
            faults: Faults::default(),
            random: SplitMix64::new(0),
            step: 0,
            delayed: Vec::new(),
            old_ends: VecDeque::new(),
        }
    }

    pub(super) fn set_faults(&mut self, seed: u64, faults: Faults) {
        self.random = SplitMix64::new(seed);
        self.faults = faults;
    }

    pub(super) fn step(&self) -> u64 {
        self.step
    }

    pub(super) fn delayed(&self) -> usize {
        self.delayed.len()
    }

    /// Begins a step. The delayed requests of this step arrive, in the order in which they were sent.
    pub(super) fn begin_step(&mut self) {
        self.step += 1;
        self.old_ends.push_back(self.contents.bounds().end);
        while self.old_ends.len() as u64 > self.faults.stale_steps_max.max(1) {
            self.old_ends.pop_front();
        }
        let step = self.step;
        for append in self.delayed.extract_if(.., |append| append.step <= step) {
            self.contents.append(append.position, &append.entry);
        }
    }

    /// Decides an event that happens in `chance` of 1000 cases.
    pub(super) fn chance(&mut self, chance: u32) -> bool {
        chance > 0 && self.random.below(1000) < u64::from(chance)
    }

    pub(super) fn append_fault(&mut self) -> Option<AppendFault> {
        self.faults.append_fault(&mut self.random)
    }

    /// Sends an append that takes effect at a later step.
    pub(super) fn delay(&mut self, position: u64, entry: &[u8]) {
        let step = self.step + 1 + self.random.below(self.faults.delay_steps_max.max(1));
        self.delayed.push(DelayedAppend { step, position, entry: entry.to_vec() });
    }

    /// The end of the log some steps ago. Entries that the log has forgotten since do not appear again.
    pub(super) fn old_end(&mut self) -> u64 {
        let index = self.random.below(self.old_ends.len() as u64) as usize;
        self.old_ends[index].min(self.contents.bounds().end)
    }

    pub(super) fn read_answer(&mut self) -> Answer {
        // a lost request and a lost answer are the same: the call changes nothing
        if self.chance(self.faults.read_unavailable) { Answer::NoRequest } else { Answer::Arrives }
    }

    pub(super) fn prune_answer(&mut self) -> Answer {
        self.answer(self.faults.prune_unavailable)
    }

    pub(super) fn snapshot_answer(&mut self) -> Answer {
        self.answer(self.faults.snapshot_unavailable)
    }

    fn answer(&mut self, unavailable: u32) -> Answer {
        if !self.chance(unavailable) {
            Answer::Arrives
        } else if self.chance(500) {
            Answer::Lost
        } else {
            Answer::NoRequest
        }
    }
}
