//! A log under test.

use std::thread;
use std::time::Duration;

use super::{OpenLog, Outcome};
use crate::log_error::LogErrorKind;
use crate::remote_log::{Append, Bounds, RemoteLog};

/// A handle on a log under test, and what the checks do with it.
pub(super) struct TestLog<'a> {
    open: OpenLog<'a>,
    number: u32,
    attempts: u32,
    remote: Box<dyn RemoteLog>,
}

impl<'a> TestLog<'a> {
    pub(super) fn open(open: OpenLog<'a>, number: u32, attempts: u32) -> TestLog<'a> {
        TestLog { open, number, attempts, remote: open(number) }
    }

    pub(super) fn another_handle(&self) -> TestLog<'a> {
        TestLog::open(self.open, self.number, self.attempts)
    }

    pub(super) fn remote(&self) -> &dyn RemoteLog {
        &*self.remote
    }

    /// Appends an entry at the end.
    pub(super) fn append(&self, position: u64, entry: &[u8]) -> Outcome {
        let append = self.remote.append(position, entry)?;
        ensure!(
            append == Append::Done,
            "the append at position {position}, the end of the log, was answered {append:?}"
        );
        Ok(())
    }

    /// Appends entries from this position on, which is the end.
    pub(super) fn append_all(&self, position: u64, entries: &[Vec<u8>]) -> Outcome {
        for (position, entry) in (position..).zip(entries) {
            self.append(position, entry)?;
        }
        Ok(())
    }

    /// Tries to append at a position that is not the end.
    pub(super) fn append_occupied(&self, position: u64, entry: &[u8]) -> Outcome {
        let append = self.remote.append(position, entry)?;
        ensure!(
            append == Append::Occupied,
            "the append at position {position}, which is not the end of the log, was answered {append:?}"
        );
        Ok(())
    }

    /// Demands that the log has these entries from `position` on, and none behind them.
    pub(super) fn expect_entries(&self, position: u64, expected: &[Vec<u8>]) -> Outcome {
        self.expect_reads(position, expected, 1 << 20)?;
        self.expect_end(position + expected.len() as u64)
    }

    /// Demands that reads of at most `bytes_max` bytes return these entries. Returns the number of reads that returned entries.
    pub(super) fn expect_reads(&self, position: u64, expected: &[Vec<u8>], bytes_max: usize) -> Outcome<usize> {
        let (mut done, mut reads, mut empty_reads) = (0, 0, 0);
        while done < expected.len() {
            let at = position + done as u64;
            let read = self.remote.read(at, bytes_max)?;
            if read.is_empty() {
                empty_reads += 1;
                ensure!(
                    empty_reads < self.attempts,
                    "the read at position {at} finds no entry, although one was appended there"
                );
                thread::sleep(Duration::from_millis(10));
                continue;
            }
            reads += 1;
            let bytes: usize = read.iter().map(Vec::len).sum();
            ensure!(
                read.len() == 1 || bytes <= bytes_max,
                "the read at position {at} returned {} entries of {bytes} bytes, but {bytes_max} were allowed",
                read.len()
            );
            for (at, entry) in (at..).zip(&read) {
                let Some(expected) = expected.get(done) else {
                    return Err(format!("a read found an entry at position {at}, where none was appended").into());
                };
                ensure!(
                    entry == expected,
                    "the read entry of position {at} is not the appended one: {} bytes instead of {}, or other bytes",
                    entry.len(),
                    expected.len()
                );
                done += 1;
            }
        }
        Ok(reads)
    }

    /// Demands that nothing can be read at `end`.
    pub(super) fn expect_end(&self, end: u64) -> Outcome {
        let read = self.remote.read(end, 1 << 20)?;
        ensure!(read.is_empty(), "the read at position {end}, the end of the log, returned {} entries", read.len());
        Ok(())
    }

    /// Demands these bounds.
    pub(super) fn expect_bounds(&self, expected: Bounds) -> Outcome {
        self.wait(|| {
            let bounds = self.remote.bounds()?;
            ensure!(bounds == expected, "the bounds are {bounds:?} instead of {expected:?}");
            Ok(())
        })
    }

    /// Demands that the log ends here. Returns the bounds.
    pub(super) fn expect_bounds_end(&self, end: u64) -> Outcome<Bounds> {
        self.wait(|| {
            let bounds = self.remote.bounds()?;
            ensure!(bounds.end == end, "the log ends at position {} instead of {end}", bounds.end);
            Ok(bounds)
        })
    }

    /// Demands that the entry at `position` was pruned.
    pub(super) fn expect_pruned(&self, position: u64) -> Outcome {
        self.wait(|| match self.remote.read(position, 1 << 20) {
            Err(error) if error.kind() == LogErrorKind::Pruned => Ok(()),
            Err(error) => Err(format!("the read at the pruned position {position} fails with {error}").into()),
            Ok(read) => {
                Err(format!("the read at the pruned position {position} returned {} entries", read.len()).into())
            }
        })
    }

    /// Demands these snapshots.
    pub(super) fn expect_snapshots(&self, expected: &[&str]) -> Outcome {
        self.wait(|| {
            let mut names = self.remote.snapshots()?;
            names.sort();
            ensure!(names == expected, "the snapshots are {names:?} instead of {expected:?}");
            Ok(())
        })
    }

    /// Repeats a check that a stale answer may fail.
    pub(super) fn wait<T>(&self, check: impl Fn() -> Outcome<T>) -> Outcome<T> {
        for _ in 1..self.attempts {
            if let Ok(checked) = check() {
                return Ok(checked);
            }
            thread::sleep(Duration::from_millis(10));
        }
        check()
    }
}
