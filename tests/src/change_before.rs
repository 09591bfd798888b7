//! A change of an image between two disk calls of a reader.

use std::sync::{Arc, Mutex, PoisonError};

use memimage::disk::SimDisk;

use crate::GateDisk;

/// The disk of a reader, before one of whose calls a change runs.
pub struct ChangeBefore {
    gate: GateDisk,
    nth: u64,
    calls: Arc<Mutex<Calls>>,
}

struct Calls {
    seen: u64,
    change: Option<Box<dyn FnOnce() + Send>>,
}

impl ChangeBefore {
    /// Runs `change` before disk call number `nth` of the reader, which begins at 1. Other threads of the reader wait meanwhile.
    /// `change` must use `disk` itself. Inspections of files count as calls, too.
    pub fn new(disk: &SimDisk, nth: u64, change: impl FnOnce() + Send + 'static) -> ChangeBefore {
        let calls = Arc::new(Mutex::new(Calls { seen: 0, change: Some(Box::new(change)) }));
        let (gate, counted) = (GateDisk::new(disk.clone()).with_inspections(), Arc::clone(&calls));
        gate.rule(move |_| {
            let mut calls = counted.lock().unwrap_or_else(PoisonError::into_inner);
            calls.seen += 1;
            if calls.seen >= nth
                && let Some(change) = calls.change.take()
            {
                change();
            }
            Ok(None)
        });
        ChangeBefore { gate, nth, calls }
    }

    /// The disk for the reader.
    pub fn disk(&self) -> Arc<GateDisk> {
        Arc::new(self.gate.clone())
    }

    /// Whether the change is to run at some time; not if it was to run before call `u64::MAX`.
    pub fn will_run(&self) -> bool {
        self.nth < u64::MAX
    }

    /// The number of calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).seen
    }

    /// Begins to count the calls here.
    pub fn restart(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).seen = 0;
    }

    /// Whether the change has run.
    pub fn has_run(&self) -> bool {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).change.is_none()
    }

    /// Drops the change, unless it has run. Returns whether it has.
    pub fn end(self) -> bool {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).change.take().is_none()
    }
}
