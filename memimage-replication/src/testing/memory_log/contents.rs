//! The entries of a log in memory, without faults.

use std::collections::BTreeMap;

use crate::entry::damaged;
use crate::log_error::{LogError, LogErrorKind};
use crate::remote_log::{Append, Bounds};

/// The entries at the positions from `first` to before `end`. An entry may be missing after a call of `remove`.
#[derive(Debug)]
pub(super) struct Contents {
    first: u64,
    end: u64,
    entries: BTreeMap<u64, Vec<u8>>,
}

impl Contents {
    pub(super) fn new() -> Contents {
        Contents { first: 1, end: 1, entries: BTreeMap::new() }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds { first: self.first, end: self.end }
    }

    pub(super) fn entries(&self) -> Vec<(u64, Vec<u8>)> {
        self.entries.iter().map(|(position, entry)| (*position, entry.clone())).collect()
    }

    pub(super) fn append(&mut self, position: u64, entry: &[u8]) -> Append {
        if position != self.end {
            return Append::Occupied;
        }
        self.entries.insert(position, entry.to_vec());
        self.end += 1;
        Append::Done
    }

    /// Reads as if the log ended at `end`.
    pub(super) fn read(
        &self,
        position: u64,
        end: u64,
        bytes_max: usize,
        address: &str,
    ) -> Result<Vec<Vec<u8>>, LogError> {
        if position < self.first {
            let message = format!(
                "the entry at position {position} of `{address}` was pruned: the log begins at position {}; help: begin with a \
                 snapshot",
                self.first
            );
            return Err(LogError::new(LogErrorKind::Pruned, message));
        }
        let mut read: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        for position in position..end.min(self.end) {
            let Some(entry) = self.entries.get(&position) else {
                if read.is_empty() {
                    return Err(damaged(address, position, "it is missing"));
                }
                break;
            };
            bytes += entry.len();
            if bytes > bytes_max && !read.is_empty() {
                break;
            }
            read.push(entry.clone());
        }
        Ok(read)
    }

    pub(super) fn prune(&mut self, position: u64) {
        self.first = self.first.max(position.min(self.end));
        self.entries = self.entries.split_off(&self.first);
    }

    pub(super) fn forget_last(&mut self, n: u64) {
        self.end = self.end.saturating_sub(n).max(self.first);
        self.entries.split_off(&self.end);
    }

    pub(super) fn replace(&mut self, position: u64, bytes: &[u8]) {
        *self.entry(position) = bytes.to_vec();
    }

    pub(super) fn remove(&mut self, position: u64) {
        self.entry(position);
        self.entries.remove(&position);
    }

    pub(super) fn swap(&mut self, a: u64, b: u64) {
        let entry = std::mem::take(self.entry(a));
        let other = std::mem::replace(self.entry(b), entry);
        *self.entry(a) = other;
    }

    fn entry(&mut self, position: u64) -> &mut Vec<u8> {
        self.entries.get_mut(&position).unwrap_or_else(|| panic!("the log has no entry at position {position}"))
    }
}
