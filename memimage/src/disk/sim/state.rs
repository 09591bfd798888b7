//! What a simulated disk is made of, and what each call goes through.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::fault::{Call, Faults, Strike};
use super::tree::{File, NodeId, Tree};
use super::{Operation, SimDisk, Trace};

pub(super) struct State {
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

impl State {
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
        SimDisk::with(State::new(tree, self.operations, trace, self.network_filesystem.clone()))
    }

    /// Every call that changes nothing goes through here: gives the fault that is not an error, if one strikes.
    pub(super) fn look(&mut self, call: Call<'_>) -> io::Result<Option<Strike>> {
        let Some(strike) = self.faults.strike(&call) else { return Ok(None) };
        let error = strike.error();
        self.trace.call(self.operations, &call, error.as_ref(), Some(&strike));
        error.map_or(Ok(Some(strike)), Err)
    }

    /// Every change goes through here: refuses or is struck, does, counts and tells.
    ///
    /// `change` is told the number of the operation and what strikes it, and gives nothing if nothing is done.
    pub(super) fn change<T>(
        &mut self,
        call: Call<'_>,
        change: impl FnOnce(&mut State, u64, Option<&mut Strike>) -> io::Result<Option<T>>,
        operation: impl FnOnce(&State, &T) -> Operation,
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
            None => Ok(done.expect("what is struck without an error is done")),
        }
    }

    /// A change that happens or does not.
    pub(super) fn change_whole<T>(
        &mut self,
        call: Call<'_>,
        change: impl FnOnce(&mut State, u64) -> io::Result<T>,
        operation: impl FnOnce() -> Operation,
    ) -> io::Result<T> {
        self.change(
            call,
            |state, number, strike| match strike.is_none_or(Strike::is_done) {
                true => change(state, number).map(Some),
                false => Ok(None),
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

    pub(super) fn file_at(&mut self, path: &Path) -> io::Result<&mut File> {
        let node = self.tree.find(path)?;
        self.tree.file_mut(node)
    }

    /// For reports.
    pub(super) fn path_of(&self, node: NodeId) -> PathBuf {
        self.tree.paths().remove(&node).unwrap_or_else(|| PathBuf::from("(removed)"))
    }
}
