//! The state of a simulated disk, and the common path of all calls.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::fault::{DiskCall, Faults, Strike};
use super::tree::{FileNode, NodeId, Tree};
use super::{Operation, SimDisk, Trace};

pub(super) struct SimState {
    pub(super) tree: Tree,
    pub(super) locked: BTreeSet<NodeId>,
    pub(super) network_filesystem: Option<String>,
    pub(super) operations: u64,
    pub(super) stop_after: Option<u64>,
    pub(super) observer: Option<Box<Observer>>,
    pub(super) faults: Faults,
    pub(super) trace: Trace,
}

type Observer = dyn FnMut(&Operation, &SimDisk) + Send;

impl SimState {
    pub(super) fn new(tree: Tree, operations: u64, trace: Trace, network_filesystem: Option<String>) -> Self {
        Self {
            tree,
            locked: BTreeSet::new(),
            network_filesystem,
            operations,
            stop_after: None,
            observer: None,
            faults: Faults::default(),
            trace,
        }
    }

    pub(super) fn fork(&self) -> SimDisk {
        let (mut tree, mut trace) = (self.tree.clone(), self.trace.clone());
        tree.close_all();
        trace.kill();
        SimDisk::with(SimState::new(tree, self.operations, trace, self.network_filesystem.clone()))
    }

    /// Runs first in every call that does not change the disk. Fails if the fault that strikes the call is an error, and
    /// returns any other fault that strikes.
    pub(super) fn read_call(&mut self, call: DiskCall<'_>) -> io::Result<Option<Strike>> {
        let Some(strike) = self.faults.strike(&call) else { return Ok(None) };
        let error = strike.error();
        self.trace.call(self.operations, &call, error.as_ref(), Some(&strike));
        error.map_or(Ok(Some(strike)), Err)
    }

    /// Runs every call that may change the disk: fails if the disk has stopped, applies `change`, and records the call in the
    /// trace. If something changed, counts the operation and calls the observer.
    ///
    /// `change` receives the number of the operation and the fault that strikes the call, and returns `None` if nothing
    /// changed.
    pub(super) fn change<T>(
        &mut self,
        call: DiskCall<'_>,
        change: impl FnOnce(&mut SimState, u64, Option<&mut Strike>) -> io::Result<Option<T>>,
        operation: impl FnOnce(&SimState, &T) -> Operation,
    ) -> io::Result<T> {
        let number = self.operations;
        if self.stop_after.is_some_and(|last| number >= last) {
            return Err(io::Error::other(format!("the simulated disk stopped after operation {number}")));
        }
        let mut strike = self.faults.strike(&call);
        let done = change(self, number, strike.as_mut());
        let error = strike.as_ref().and_then(Strike::error);
        self.trace.call(number, &call, done.as_ref().err().or(error.as_ref()), strike.as_ref());
        let done = done?;
        if let Some(done) = &done {
            self.operations += 1;
            if let Some(mut observer) = self.observer.take() {
                observer(&operation(self, done), &self.fork());
                self.observer = Some(observer);
            }
        }
        match error {
            Some(error) => Err(error),
            None => Ok(done.expect("a change without an error was done")),
        }
    }

    /// Runs a call whose change happens completely or not at all.
    pub(super) fn change_atomically<T>(
        &mut self,
        call: DiskCall<'_>,
        change: impl FnOnce(&mut SimState, u64) -> io::Result<T>,
        operation: impl FnOnce() -> Operation,
    ) -> io::Result<T> {
        self.change(
            call,
            |state, number, strike| {
                if strike.is_none_or(Strike::takes_effect) { change(state, number).map(Some) } else { Ok(None) }
            },
            |_, _| operation(),
        )
    }

    pub(super) fn open(&mut self, node: NodeId) -> io::Result<NodeId> {
        self.tree.file_mut(node)?.handles += 1;
        Ok(node)
    }

    pub(super) fn close(&mut self, node: NodeId) {
        if let Ok(file) = self.tree.file_mut(node) {
            file.handles -= 1;
            if file.handles == 0 {
                self.tree.sweep();
            }
        }
    }

    pub(super) fn file_at(&mut self, path: &Path) -> io::Result<&mut FileNode> {
        let node = self.tree.find(path)?;
        self.tree.file_mut(node)
    }

    /// The path of a node, to be shown in reports.
    pub(super) fn path_of(&self, node: NodeId) -> PathBuf {
        self.tree.paths().remove(&node).unwrap_or_else(|| PathBuf::from("(removed)"))
    }
}
