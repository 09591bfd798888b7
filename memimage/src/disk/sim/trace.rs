//! The most recent calls on a simulated disk, printed when a test fails.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::fault::{DiskCall, Effect, Method, Strike};
use super::tree::absolute;

/// The maximum number of entries in a trace.
const ENTRIES_MAX: usize = 32;

/// The most recent calls that changed the disk, failed, or were struck by a fault, and the kills and power cuts between them.
/// `Display` prints one line for each call, kill and power cut, oldest first.
///
/// ```text
///     41 WriteAt /ledger/journal/00000001.journal 8192+1024
///     42 SyncData /ledger/journal/00000001.journal: Input/output error (os error 5), injected, all dropped
///        power cut: 2 of 3 unsynced survive
/// ```
///
/// The number of a call is the number of its [operation](super::SimDisk::operations), or the number of the next operation if
/// the call was not an operation.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    entries: VecDeque<TraceEntry>,
}

#[derive(Debug, Clone)]
enum TraceEntry {
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
    /// Records a call that was made after `number` operations.
    pub(super) fn call(
        &mut self,
        number: u64,
        call: &DiskCall<'_>,
        error: Option<&io::Error>,
        strike: Option<&Strike>,
    ) {
        self.push(TraceEntry::Call {
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
        self.push(TraceEntry::Kill);
    }

    pub(super) fn power_cut(&mut self, survived: usize, unsynced: usize) {
        self.push(TraceEntry::PowerCut { survived, unsynced });
    }

    fn push(&mut self, entry: TraceEntry) {
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            writeln!(f, "{entry}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TraceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceEntry::Kill => f.write_str("       killed"),
            TraceEntry::PowerCut { survived, unsynced } => {
                write!(f, "       power cut: {survived} of {unsynced} unsynced survive")
            }
            TraceEntry::Call { number, method, path, to, offset, len, error, struck } => {
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
