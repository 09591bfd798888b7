//! Logs with a mistake, which the suite must find.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::testing::MemoryLog;
use crate::{Append, Bounds, LogError, LogErrorKind, RemoteLog};

/// A log in memory with one mistake.
#[derive(Debug)]
pub(super) struct WrongLog {
    inner: MemoryLog,
    mistake: Mistake,
    /// For `StoresRefusedAppends`: the entries that were refused.
    refused: Mutex<BTreeMap<u64, Vec<u8>>>,
    /// For `PruningMovesTheBeginningBack`: the position of the last call of `prune`.
    pruned: Mutex<Option<u64>>,
}

impl WrongLog {
    pub(super) fn new(inner: MemoryLog, mistake: Mistake) -> WrongLog {
        WrongLog { inner, mistake, refused: Mutex::default(), pruned: Mutex::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// Every append goes to the end, whatever position was expected.
    AppendsAtAnyPosition,
    /// The position is compared before the append, not together with it.
    ComparesTooEarly,
    ReplacesEntries,
    /// An append behind the end is refused, but appears when the log has grown up to it.
    StoresRefusedAppends,
    /// The same bytes again at the same position are answered `Done`.
    AnswersDoneAgain,
    ReadsInReverse,
    ReadsTooMuch,
    ReadsOneByteLess,
    ReadsNothing,
    AppendsAtPrunedPositions,
    PrunesOneMore,
    /// Pruned entries are simply not there.
    ReadsPrunedAsEmpty,
    CutsLongEntries,
    ReadsTheLastEntryAtTheEnd,
    PruningMovesTheEnd,
    PruningMovesTheBeginningBack,
    ListsForeignSnapshots,
    NeverReplacesSnapshots,
    EndIsOneMore,
    MaintenanceLosesTheFirstEntry,
    BoundsAreOneLess,
    StoresSnapshotsInPart,
    HidesErrorsOfTheWriter,
    HoldsSnapshotsInMemory,
    MissingSnapshotsAreEmpty,
    PruningRemovesSnapshots,
    OneLogForAll,
}

impl RemoteLog for WrongLog {
    fn address(&self) -> &str {
        self.inner.address()
    }

    fn entry_bytes_max(&self) -> usize {
        self.inner.entry_bytes_max()
    }

    fn bounds(&self) -> Result<Bounds, LogError> {
        let mut bounds = self.inner.bounds()?;
        if self.mistake == Mistake::BoundsAreOneLess && bounds.end > bounds.first {
            bounds.end -= 1;
        }
        if self.mistake == Mistake::EndIsOneMore {
            bounds.end += 1;
        }
        if self.mistake == Mistake::PruningMovesTheBeginningBack {
            bounds.first = self.pruned.lock().unwrap_or(bounds.first);
        }
        Ok(bounds)
    }

    fn append(&self, position: u64, entry: &[u8]) -> Result<Append, LogError> {
        let bounds = self.inner.bounds()?;
        let inside = (bounds.first..bounds.end).contains(&position);
        match self.mistake {
            Mistake::AppendsAtAnyPosition => return self.inner.append(bounds.end, entry),
            Mistake::ComparesTooEarly if position == bounds.end => {
                thread::sleep(Duration::from_millis(1));
                self.inner.append(position, entry)?;
                return Ok(Append::Done);
            }
            Mistake::ReplacesEntries if inside => {
                self.inner.replace(position, entry);
                return Ok(Append::Done);
            }
            Mistake::AnswersDoneAgain if inside && self.inner.read(position, 0)? == [entry] => return Ok(Append::Done),
            Mistake::StoresRefusedAppends if position > bounds.end => {
                self.refused.lock().insert(position, entry.to_vec());
            }
            Mistake::StoresRefusedAppends => {
                let append = self.inner.append(position, entry)?;
                if let Some(refused) = self.refused.lock().remove(&(position + 1)) {
                    self.inner.append(position + 1, &refused)?;
                }
                return Ok(append);
            }
            Mistake::AppendsAtPrunedPositions if position < bounds.first => return Ok(Append::Done),
            Mistake::CutsLongEntries => {
                return self.inner.append(position, &entry[..entry.len().min(self.entry_bytes_max())]);
            }
            _ => {}
        }
        self.inner.append(position, entry)
    }

    fn read(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let Bounds { first, end } = self.inner.bounds()?;
        match self.mistake {
            Mistake::ReadsNothing => return Ok(Vec::new()),
            Mistake::ReadsTooMuch => return self.inner.read(position, bytes_max.saturating_add(100)),
            Mistake::ReadsPrunedAsEmpty if position < first => return Ok(Vec::new()),
            Mistake::ReadsTheLastEntryAtTheEnd if position >= end && first < end => return self.inner.read(end - 1, 0),
            _ => {}
        }
        let mut entries = self.inner.read(position, bytes_max)?;
        match self.mistake {
            Mistake::ReadsInReverse => entries.reverse(),
            Mistake::ReadsOneByteLess => {
                for entry in &mut entries {
                    entry.pop();
                }
            }
            _ => {}
        }
        Ok(entries)
    }

    fn prune(&self, position: u64) -> Result<(), LogError> {
        if self.mistake == Mistake::PruningRemovesSnapshots {
            for name in self.inner.snapshots()? {
                self.inner.remove_snapshot(&name)?;
            }
        }
        *self.pruned.lock() = Some(position);
        while self.mistake == Mistake::PruningMovesTheEnd && self.inner.bounds()?.end < position {
            self.inner.append(self.inner.bounds()?.end, b"never appended")?;
        }
        self.inner.prune(if self.mistake == Mistake::PrunesOneMore { position + 1 } else { position })
    }

    fn maintain(&self) -> Result<(), LogError> {
        let bounds = self.inner.bounds()?;
        if self.mistake == Mistake::MaintenanceLosesTheFirstEntry && bounds.first < bounds.end {
            self.inner.prune(bounds.first + 1)?;
        }
        self.inner.maintain()
    }

    fn snapshots(&self) -> Result<Vec<String>, LogError> {
        let mut names = self.inner.snapshots()?;
        if self.mistake == Mistake::ListsForeignSnapshots {
            names.push("LOST+FOUND".to_owned());
        }
        Ok(names)
    }

    fn put_snapshot(&self, name: &str, content: &mut dyn Read) -> Result<(), LogError> {
        if self.mistake == Mistake::StoresSnapshotsInPart {
            let mut bytes = Vec::new();
            let _ = content.read_to_end(&mut bytes);
            return self.inner.put_snapshot(name, &mut &bytes[..]);
        }
        if self.mistake == Mistake::NeverReplacesSnapshots && self.inner.snapshots()?.iter().any(|other| other == name)
        {
            return Ok(());
        }
        self.inner.put_snapshot(name, content)
    }

    fn get_snapshot(&self, name: &str, into: &mut dyn Write) -> Result<(), LogError> {
        let mut content = Vec::new();
        match self.mistake {
            Mistake::HidesErrorsOfTheWriter => {
                self.inner.get_snapshot(name, &mut content)?;
                let _ = into.write_all(&content);
                Ok(())
            }
            Mistake::HoldsSnapshotsInMemory => {
                self.inner.get_snapshot(name, &mut content)?;
                into.write_all(&content).map_err(|error| LogError::new(LogErrorKind::Unavailable, error))
            }
            Mistake::MissingSnapshotsAreEmpty if !self.inner.snapshots()?.iter().any(|other| other == name) => Ok(()),
            _ => self.inner.get_snapshot(name, into),
        }
    }

    fn remove_snapshot(&self, name: &str) -> Result<(), LogError> {
        self.inner.remove_snapshot(name)
    }
}
