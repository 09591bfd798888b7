//! What happened last on a simulated disk, to be printed when a test fails.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::fault::{Call, Effect, Method, Strike};
use super::tree::absolute;

/// How many steps a trace goes back.
const STEPS: usize = 32;

/// The last calls that changed a disk or failed, those that a fault struck, and the kills and power cuts among them, a line
/// each, oldest first.
///
/// ```text
///     41 WriteAt /ledger/journal/00000001.journal 8192+1024
///     42 SyncData /ledger/journal/00000001.journal: Input/output error (os error 5), injected, all dropped
///        power cut: 2 of 3 unsynced survive
/// ```
///
/// The number is that of the [operation](super::SimDisk::operations) that the call was or would have been.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    steps: VecDeque<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Call {
        number: u64,
        method: Method,
        path: Arc<Path>,
        to: Option<Arc<Path>>,
        offset: u64,
        len: usize,
        error: Option<Arc<str>>,
        struck: Option<Effect>,
    },
    Kill,
    PowerCut {
        survived: usize,
        unsynced: usize,
    },
}

impl Trace {
    /// Takes note of a call, `number` operations having been done before.
    pub(super) fn call(&mut self, number: u64, call: &Call<'_>, error: Option<&io::Error>, strike: Option<&Strike>) {
        self.step(Step::Call {
            number: number + 1,
            method: call.method,
            path: absolute(call.path).into(),
            to: call.to.map(|to| absolute(to).into()),
            offset: call.offset,
            len: call.len,
            error: error.map(|error| error.to_string().into()),
            struck: strike.map(|strike| strike.effect),
        });
    }

    pub(super) fn kill(&mut self) {
        self.step(Step::Kill);
    }

    pub(super) fn power_cut(&mut self, survived: usize, unsynced: usize) {
        self.step(Step::PowerCut { survived, unsynced });
    }

    fn step(&mut self, step: Step) {
        if self.steps.len() == STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Kill => f.write_str("       killed"),
            Step::PowerCut { survived, unsynced } => {
                write!(f, "       power cut: {survived} of {unsynced} unsynced survive")
            }
            Step::Call { number, method, path, to, offset, len, error, struck } => {
                write!(f, "{number:>6} {method:?} {}", path.display())?;
                if let Some(to) = to {
                    write!(f, " to {}", to.display())?;
                }
                if matches!(method, Method::ReadAt | Method::WriteAt) {
                    write!(f, " {offset}+{len}")?;
                }
                match (error, struck) {
                    (None, None) => Ok(()),
                    (Some(error), None) => write!(f, ": {error}"),
                    (Some(error), Some(effect)) => write!(f, ": {error}, injected, {}", done(*effect)),
                    (None, Some(_)) => write!(f, ": short or rotten, injected"),
                }
            }
        }
    }
}

fn done(effect: Effect) -> &'static str {
    match effect {
        Effect::Nothing => "nothing done",
        Effect::Everything => "all done",
        Effect::Part => "a part done",
        Effect::Dropped => "all dropped",
    }
}
