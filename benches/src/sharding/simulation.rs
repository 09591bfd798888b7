//! A discrete-event simulation of images that share the load of one. Deterministic, and does no I/O.
//!
//! Each shard is an image: it executes one command at a time, and makes the executed commands durable in batches, one after another.
//! While a batch becomes durable, the next commands are executed and gather. A fixed number of commands is in flight: each answer is
//! followed by a new command, to a random shard.
//!
//! A command that touches two shards has two steps. The first shard reserves; when that is durable, the second shard executes and
//! answers. If the second shard refuses, the first one compensates, which is a third step. With one shard, every command has one step.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Nanoseconds since the beginning of a simulation.
type Nanos = u64;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters {
    pub(crate) shards: usize,
    /// How many commands of 1,000 touch two shards.
    pub(crate) crossing_permille: u64,
    /// How many second steps of 1,000 are refused.
    pub(crate) refused_permille: u64,
    /// How long a shard takes to execute a command.
    pub(crate) execution: Nanos,
    /// How long a batch takes until it is durable.
    pub(crate) durable: Nanos,
    /// The number of commands in flight, on all shards together.
    pub(crate) in_flight: usize,
    /// The number of answers to measure. The same number comes before them and is not measured.
    pub(crate) answers: usize,
    pub(crate) seed: u64,
}

/// The result of a simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) commands_per_second: f64,
    pub(crate) p50: Nanos,
    pub(crate) p99: Nanos,
}

/// What a command waits for.
#[derive(Clone, Copy)]
enum Phase {
    /// Its only execution.
    Whole,
    /// The reservation on the first shard.
    Reserve,
    /// The execution on the second shard; the first one has reserved.
    Commit { first: usize },
    /// The compensation on the first shard, after the second one refused.
    Compensate,
}

#[derive(Clone, Copy)]
struct Command {
    begun: Nanos,
    phase: Phase,
}

#[derive(Default)]
struct Shard {
    waiting: VecDeque<Command>,
    executing: Option<Command>,
    /// Executed commands that no batch has yet.
    gathered: Vec<Command>,
    /// The batch that becomes durable; empty if none does.
    batch: Vec<Command>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Executed(usize),
    Durable(usize),
}

struct Simulation {
    parameters: Parameters,
    shards: Vec<Shard>,
    /// By time, then in the order in which they were scheduled.
    events: BinaryHeap<Reverse<(Nanos, u64, Event)>>,
    scheduled: u64,
    now: Nanos,
    random: u64,
    /// The latency of each answer, in their order.
    latencies: Vec<Nanos>,
    /// When the first half of the answers was complete.
    warm: Nanos,
}

/// Runs a simulation.
pub(crate) fn simulate(parameters: Parameters) -> Measured {
    let shards = (0..parameters.shards).map(|_| Shard::default()).collect();
    let mut simulation = Simulation {
        parameters,
        shards,
        events: BinaryHeap::new(),
        scheduled: 0,
        now: 0,
        random: parameters.seed,
        latencies: Vec::new(),
        warm: 0,
    };
    for _ in 0..parameters.in_flight {
        simulation.begin_command();
    }
    simulation.run();
    let measured = &mut simulation.latencies[parameters.answers..2 * parameters.answers];
    measured.sort_unstable();
    let seconds = (simulation.now - simulation.warm) as f64 / 1e9;
    Measured {
        commands_per_second: parameters.answers as f64 / seconds,
        p50: measured[parameters.answers / 2],
        p99: measured[parameters.answers * 99 / 100],
    }
}

impl Simulation {
    fn run(&mut self) {
        while self.latencies.len() < 2 * self.parameters.answers {
            let Reverse((time, _, event)) = self.events.pop().expect("commands are in flight");
            self.now = time;
            match event {
                Event::Executed(shard) => self.executed(shard),
                Event::Durable(shard) => self.durable(shard),
            }
        }
    }

    fn begin_command(&mut self) {
        let crosses = self.parameters.shards > 1 && self.chance(self.parameters.crossing_permille);
        let phase = if crosses { Phase::Reserve } else { Phase::Whole };
        let shard = self.below(self.parameters.shards);
        self.arrive(shard, Command { begun: self.now, phase });
    }

    fn arrive(&mut self, shard: usize, command: Command) {
        self.shards[shard].waiting.push_back(command);
        self.execute_next(shard);
    }

    fn execute_next(&mut self, shard: usize) {
        if self.shards[shard].executing.is_none()
            && let Some(command) = self.shards[shard].waiting.pop_front()
        {
            self.shards[shard].executing = Some(command);
            self.schedule(self.parameters.execution, Event::Executed(shard));
        }
    }

    fn executed(&mut self, shard: usize) {
        let command = self.shards[shard].executing.take().expect("a command was executed");
        self.shards[shard].gathered.push(command);
        self.write_next(shard);
        self.execute_next(shard);
    }

    /// Begins the next batch, unless one is not durable yet.
    fn write_next(&mut self, shard: usize) {
        let Shard { gathered, batch, .. } = &mut self.shards[shard];
        if batch.is_empty() && !gathered.is_empty() {
            std::mem::swap(gathered, batch);
            self.schedule(self.parameters.durable, Event::Durable(shard));
        }
    }

    fn durable(&mut self, shard: usize) {
        let batch = std::mem::take(&mut self.shards[shard].batch);
        self.write_next(shard);
        for command in batch {
            match command.phase {
                Phase::Whole | Phase::Compensate => self.answer(&command),
                Phase::Reserve => {
                    // any shard but the first one
                    let second = (shard + 1 + self.below(self.parameters.shards - 1)) % self.parameters.shards;
                    self.arrive(second, Command { phase: Phase::Commit { first: shard }, ..command });
                }
                Phase::Commit { first } if self.chance(self.parameters.refused_permille) => {
                    self.arrive(first, Command { phase: Phase::Compensate, ..command });
                }
                Phase::Commit { .. } => self.answer(&command),
            }
        }
    }

    fn answer(&mut self, command: &Command) {
        self.latencies.push(self.now - command.begun);
        if self.latencies.len() == self.parameters.answers {
            self.warm = self.now;
        }
        self.begin_command();
    }

    fn schedule(&mut self, after: Nanos, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((self.now + after, self.scheduled, event)));
    }

    fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille as usize
    }

    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators"
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Parameters = Parameters {
        shards: 1,
        crossing_permille: 0,
        refused_permille: 50,
        execution: 5_000,
        durable: 2_000_000,
        in_flight: 1,
        answers: 10_000,
        seed: 1,
    };

    #[test]
    fn a_simulation_is_deterministic() {
        let parameters = Parameters { shards: 4, crossing_permille: 100, in_flight: 500, ..ONE };
        assert_eq!(simulate(parameters), simulate(parameters));
        assert_ne!(simulate(parameters), simulate(Parameters { seed: 2, ..parameters }));
    }

    #[test]
    fn one_command_at_a_time_takes_its_execution_and_its_batch() {
        let Measured { commands_per_second, p50, p99 } = simulate(ONE);
        assert_eq!((p50, p99), (ONE.execution + ONE.durable, ONE.execution + ONE.durable));
        assert!((commands_per_second - 1e9 / p50 as f64).abs() < 1e-6, "{commands_per_second}");
    }

    #[test]
    fn one_busy_shard_executes_all_the_time() {
        let in_flight = 4_000;
        let Measured { commands_per_second, p50, .. } = simulate(Parameters { in_flight, answers: 400_000, ..ONE });
        let (rate, latency) = (1e9 / ONE.execution as f64, in_flight as f64 * ONE.execution as f64);
        assert!((commands_per_second / rate - 1.0).abs() < 0.01, "{commands_per_second} instead of {rate}");
        // by Little's law, apart from the position in a batch
        assert!((p50 as f64 / latency - 1.0).abs() < 0.05, "{p50} instead of {latency}");
    }

    #[test]
    fn a_few_waiting_callers_share_every_second_batch() {
        let in_flight = 64;
        let Measured { commands_per_second, .. } = simulate(Parameters { in_flight, execution: 10, ..ONE });
        let rate = in_flight as f64 * 1e9 / (2 * ONE.durable) as f64;
        assert!((commands_per_second / rate - 1.0).abs() < 0.01, "{commands_per_second} instead of {rate}");
    }
}
