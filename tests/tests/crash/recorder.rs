//! What a disk was after each operation, and what had been promised by then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::Seq;
use memimage::disk::{Operation, SimDisk};
use memimage_tests::Run;

/// The disk after one operation, and what a crash then must not take.
pub(crate) struct Point {
    pub(crate) operation: Operation,
    pub(crate) disk: SimDisk,
    /// The last event answered.
    pub(crate) acknowledged: Seq,
    /// The last event said to be durable.
    pub(crate) durable: Seq,
}

/// Records a point after each operation of a disk.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    points: Arc<Mutex<Vec<Point>>>,
    promised: Arc<Mutex<[Arc<AtomicU64>; 2]>>,
}

impl Recorder {
    /// A recorder of this disk.
    pub(crate) fn of(disk: &SimDisk) -> Recorder {
        let recorder = Recorder::default();
        let observing = recorder.clone();
        disk.observe(move |operation, fork| {
            let [acknowledged, durable] = &*observing.promised.lock().unwrap();
            let point = Point {
                operation: operation.clone(),
                disk: fork.clone(),
                acknowledged: Seq::new(acknowledged.load(Ordering::SeqCst)),
                durable: Seq::new(durable.load(Ordering::SeqCst)),
            };
            observing.points.lock().unwrap().push(point);
        });
        recorder
    }

    /// Follows what this run is promised from now on.
    pub(crate) fn follow(&self, run: &Run) {
        *self.promised.lock().unwrap() = [run.acknowledged(), run.durable()];
    }

    /// The points recorded since this was last asked.
    pub(crate) fn points(&self) -> Vec<Point> {
        std::mem::take(&mut *self.points.lock().unwrap())
    }
}
