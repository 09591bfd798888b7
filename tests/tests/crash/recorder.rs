//! Records the disk after each operation, and the promises of the image at that time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::Seq;
use memimage::disk::{Operation, SimDisk};
use memimage_tests::Run;

/// The disk after one operation, and the events that a crash at this point must not lose.
pub(crate) struct CrashPoint {
    pub(crate) operation: Operation,
    pub(crate) disk: SimDisk,
    /// The last acknowledged event.
    pub(crate) acknowledged: Seq,
    /// The last event that was reported as durable.
    pub(crate) durable: Seq,
}

/// Records a crash point after each operation of a disk.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    points: Arc<Mutex<Vec<CrashPoint>>>,
    promised: Arc<Mutex<[Arc<AtomicU64>; 2]>>,
}

impl Recorder {
    /// Starts a recorder of this disk.
    pub(crate) fn of(disk: &SimDisk) -> Recorder {
        let recorder = Recorder::default();
        let observer = recorder.clone();
        disk.observe(move |operation, fork| {
            let [acknowledged, durable] = &*observer.promised.lock().unwrap();
            let point = CrashPoint {
                operation: operation.clone(),
                disk: fork.clone(),
                acknowledged: Seq::new(acknowledged.load(Ordering::SeqCst)),
                durable: Seq::new(durable.load(Ordering::SeqCst)),
            };
            observer.points.lock().unwrap().push(point);
        });
        recorder
    }

    /// Records the promises of this run from now on.
    pub(crate) fn follow(&self, run: &Run) {
        *self.promised.lock().unwrap() = [run.acknowledged(), run.durable()];
    }

    /// The points recorded since the last call.
    pub(crate) fn points(&self) -> Vec<CrashPoint> {
        std::mem::take(&mut *self.points.lock().unwrap())
    }
}
