//! Owners and standbys of a log in memory, and logs whose connection a test cuts.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use memimage::replication::{Acknowledge, MaxLag};
use memimage::{Error, Image};
use memimage_replication::testing::MemoryLog;
use memimage_replication::{Append, Bounds, Log, LogError, LogErrorKind, RemoteLog, Standby};

use super::{Place, Tally};

pub const LOCAL: Acknowledge = Acknowledge::Local { max_lag: MaxLag::new(64 << 20, Duration::from_secs(60)) };

/// A log with a connection of its own.
pub fn log(memory: &MemoryLog) -> Log {
    Log::new(memory.another_handle())
}

pub fn owner(memory: &MemoryLog, place: &Place, name: &str, acknowledge: Acknowledge) -> Image<Tally> {
    try_owner(log(memory), place, name, acknowledge).unwrap()
}

pub fn try_owner(log: Log, place: &Place, name: &str, acknowledge: Acknowledge) -> Result<Image<Tally>, Error> {
    Image::<Tally>::options().replicate(log, acknowledge).open(place.path(name))
}

/// Opens a standby that does not wait long for what is not there.
pub fn standby(memory: &MemoryLog, place: &Place, name: &str) -> Result<Standby<Tally>, Error> {
    standby_on(log(memory), place, name)
}

pub fn standby_on(log: Log, place: &Place, name: &str) -> Result<Standby<Tally>, Error> {
    Standby::options().wait(Duration::from_millis(300)).open(log, place.path(name))
}

/// Copies a directory with its files, as they are after a kill.
pub fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &to);
        } else if entry.file_name() != "LOCK" {
            // the owner may rename a temporary file meanwhile
            let _ = fs::copy(entry.path(), to);
        }
    }
}

/// A log that accepts a number of appends, and is cut off then.
#[derive(Clone, Debug)]
pub struct CutLog {
    log: MemoryLog,
    appends_left: Arc<AtomicI64>,
}

impl CutLog {
    pub fn new(memory: &MemoryLog) -> CutLog {
        CutLog { log: memory.another_handle(), appends_left: Arc::new(AtomicI64::new(i64::MAX)) }
    }

    /// Cuts the log off after this many further appends.
    pub fn cut_after(&self, appends: i64) {
        self.appends_left.store(appends, Ordering::SeqCst);
    }

    pub fn is_cut(&self) -> bool {
        self.appends_left.load(Ordering::SeqCst) < 0
    }

    pub fn restore(&self) {
        self.cut_after(i64::MAX);
    }

    fn cut<T>(&self) -> Result<T, LogError> {
        Err(LogError::new(LogErrorKind::Unavailable, "the test cut the log off"))
    }
}

impl RemoteLog for CutLog {
    fn address(&self) -> &str {
        self.log.address()
    }

    fn entry_bytes_max(&self) -> usize {
        self.log.entry_bytes_max()
    }

    fn bounds(&self) -> Result<Bounds, LogError> {
        if self.is_cut() { self.cut() } else { self.log.bounds() }
    }

    fn append(&self, position: u64, entry: &[u8]) -> Result<Append, LogError> {
        match self.appends_left.fetch_sub(1, Ordering::SeqCst) {
            left if left <= 0 => self.cut(),
            _ => self.log.append(position, entry),
        }
    }

    fn read(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        if self.is_cut() { self.cut() } else { self.log.read(position, bytes_max) }
    }

    fn prune(&self, position: u64) -> Result<(), LogError> {
        if self.is_cut() { self.cut() } else { self.log.prune(position) }
    }

    fn snapshots(&self) -> Result<Vec<String>, LogError> {
        if self.is_cut() { self.cut() } else { self.log.snapshots() }
    }

    fn put_snapshot(&self, name: &str, content: &mut dyn Read) -> Result<(), LogError> {
        if self.is_cut() { self.cut() } else { self.log.put_snapshot(name, content) }
    }

    fn get_snapshot(&self, name: &str, into: &mut dyn Write) -> Result<(), LogError> {
        if self.is_cut() { self.cut() } else { self.log.get_snapshot(name, into) }
    }

    fn remove_snapshot(&self, name: &str) -> Result<(), LogError> {
        if self.is_cut() { self.cut() } else { self.log.remove_snapshot(name) }
    }
}
