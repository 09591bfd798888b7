//! The place where a running image keeps its replica.

use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use parking_lot::{Mutex, RwLock};

use crate::options::Replica;
use crate::recovery::ReplicaState;

/// The place of the replica. [`replica`](super::replica) fills and uses it.
pub(super) struct ReplicaSlot<M> {
    pub(super) kind: Replica,
    /// `None` while there is no replica.
    pub(super) state: RwLock<Option<ReplicaState<M>>>,
    /// The number of uses in progress.
    pub(super) uses: Mutex<usize>,
    /// The thread that keeps a standing replica up to date.
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) is_stopping: AtomicBool,
    /// Whether a verification has shown that the replica, or the snapshot at which it began, may be wrong.
    pub(super) is_refuted: AtomicBool,
}

impl<M> ReplicaSlot<M> {
    pub(super) fn new(kind: Replica) -> ReplicaSlot<M> {
        ReplicaSlot {
            kind,
            state: RwLock::new(None),
            uses: Mutex::new(0),
            thread: Mutex::new(None),
            is_stopping: AtomicBool::new(false),
            is_refuted: AtomicBool::new(false),
        }
    }
}
