//! Snapshots are stored whole or not at all.

use std::io::{self, Read, Write};

use super::test_entry::{random_entry, short_entries, snapshot_name as name};
use super::{Logs, Outcome, TestLog};
use crate::log_error::LogErrorKind;
use crate::remote_log::Bounds;

/// A snapshot that no engine should hold in memory or send in one request.
const LONG: usize = 20 << 20;

pub(super) fn a_new_log_has_no_snapshots(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    log.expect_snapshots(&[])?;
    log.remote().maintain()?;
    log.expect_snapshots(&[])
}

pub(super) fn snapshots_are_listed_read_replaced_and_removed(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let other = log.another_handle();
    let names = [name(0, 1), name(9, 2), name(10, u64::MAX), name(u64::MAX, 12)];
    ensure!(names[0].len() == 62, "a name has {} characters", names[0].len());
    let mut listed: Vec<&str> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        put(log, name, &random_entry(index as u64, index * 1000))?;
        listed.push(name);
        log.expect_snapshots(&listed)?;
        other.expect_snapshots(&listed)?;
    }
    for (index, name) in names.iter().enumerate() {
        expect_content(log, name, &random_entry(index as u64, index * 1000))?;
        expect_content(&other, name, &random_entry(index as u64, index * 1000))?;
    }
    // a shorter content and a longer one replace the earlier one
    for len in [10, 100_000] {
        let content = random_entry(50, len);
        put(&other, &names[1], &content)?;
        log.expect_snapshots(&listed)?;
        expect_content(log, &names[1], &content)?;
    }
    log.remote().remove_snapshot(&names[1])?;
    other.remote().remove_snapshot(&names[3])?;
    listed = vec![&names[0], &names[2]];
    log.expect_snapshots(&listed)?;
    other.expect_snapshots(&listed)?;
    expect_not_found(log, &names[1])?;
    put(log, &names[1], b"again")?;
    expect_content(&other, &names[1], b"again")?;
    expect_content(log, &names[0], &[])
}

pub(super) fn a_missing_snapshot_is_not_found(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    expect_not_found(log, &name(1, 1))?;
    log.remote().remove_snapshot(&name(1, 1))?;
    put(log, &name(1, 1), b"content")?;
    // a name that begins as one that exists
    expect_not_found(log, &name(1, 1)[..41])?;
    expect_not_found(log, &name(1, 2))?;
    log.remote().remove_snapshot(&name(1, 1))?;
    log.remote().remove_snapshot(&name(1, 1))?;
    expect_not_found(log, &name(1, 1))
}

pub(super) fn a_long_snapshot_is_streamed(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    for seed in [1, 2] {
        let mut content = Generated::new(seed, LONG, None);
        log.remote().put_snapshot(&name(7, 7), &mut content)?;
        ensure!(content.position == LONG, "only {} bytes of the content were read", content.position);
        let mut written = Compared { expected: Generated::new(seed, LONG, None), longest: 0 };
        log.another_handle().remote().get_snapshot(&name(7, 7), &mut written)?;
        let position = written.expected.position;
        ensure!(position == LONG, "the snapshot has {position} bytes instead of {LONG}");
        ensure!(written.longest < LONG, "the snapshot was written in one piece, so it was held in memory");
    }
    log.expect_snapshots(&[&name(7, 7)])
}

pub(super) fn a_snapshot_whose_content_cannot_be_read_is_not_listed(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let (new, old) = (name(1, 1), name(2, 2));
    put(log, &old, b"earlier content")?;
    for fails_at in [0, 1, 100_000, 12 << 20, LONG - 1] {
        for name in [&new, &old] {
            let mut content = Generated::new(3, LONG, Some(fails_at));
            let stored = log.remote().put_snapshot(name, &mut content);
            ensure!(stored.is_err(), "a snapshot was stored although its content failed at byte {fails_at}");
        }
        let names = log.remote().snapshots()?;
        ensure!(!names.contains(&new), "a snapshot is listed although its content failed at byte {fails_at}");
        expect_not_found(log, &new)?;
        if names.contains(&old) {
            expect_content(log, &old, b"earlier content")?;
        }
        log.remote().maintain()?;
    }
    put(log, &new, b"whole")?;
    expect_content(log, &new, b"whole")
}

pub(super) fn an_error_of_the_writer_is_returned(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    put(log, &name(1, 1), &random_entry(1, 100_000))?;
    for space in [0, 1, 50_000, 99_999] {
        let mut buffer = vec![0; space];
        let mut full: &mut [u8] = &mut buffer;
        let read = log.remote().get_snapshot(&name(1, 1), &mut full);
        ensure!(read.is_err(), "a snapshot was read although only {space} of its 100000 bytes could be written");
    }
    expect_content(log, &name(1, 1), &random_entry(1, 100_000))
}

pub(super) fn snapshots_and_entries_are_separate(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(15, 20);
    log.append_all(1, &entries[..10])?;
    put(log, &name(5, 5), b"snapshot")?;
    put(log, &name(100, 100), b"another")?;
    log.expect_bounds(Bounds { first: 1, end: 11 })?;
    log.append_all(11, &entries[10..])?;
    log.remote().prune(15)?;
    log.remote().maintain()?;
    log.expect_snapshots(&[&name(5, 5), &name(100, 100)])?;
    expect_content(log, &name(5, 5), b"snapshot")?;
    log.remote().remove_snapshot(&name(5, 5))?;
    log.expect_entries(15, &entries[14..])?;
    log.append(21, b"after all")
}

fn put(log: &TestLog<'_>, name: &str, content: &[u8]) -> Outcome {
    Ok(log.remote().put_snapshot(name, &mut &content[..])?)
}

fn expect_content(log: &TestLog<'_>, name: &str, expected: &[u8]) -> Outcome {
    let mut content = Vec::new();
    log.remote().get_snapshot(name, &mut content)?;
    ensure!(
        content == expected,
        "the snapshot `{name}` is not what was stored: {} bytes instead of {}, or other bytes",
        content.len(),
        expected.len()
    );
    Ok(())
}

fn expect_not_found(log: &TestLog<'_>, name: &str) -> Outcome {
    let mut content = Vec::new();
    match log.remote().get_snapshot(name, &mut content) {
        Err(error) if error.kind() == LogErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("the error for a missing snapshot is not `NotFound`: {error}").into()),
        Ok(()) => Err(format!("{} bytes of the missing snapshot `{name}` were read", content.len()).into()),
    }
}

/// A content that is generated while it is read, in parts of odd lengths. It may fail at a byte.
struct Generated {
    seed: u64,
    len: usize,
    position: usize,
    fails_at: Option<usize>,
}

impl Generated {
    fn new(seed: u64, len: usize, fails_at: Option<usize>) -> Generated {
        Generated { seed, len, position: 0, fails_at }
    }

    /// Each block of 256 bytes differs from those around it.
    fn byte(&self, position: usize) -> u8 {
        ((position as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(self.seed) >> 29) as u8
    }
}

impl Read for Generated {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let end = self.fails_at.unwrap_or(self.len);
        if self.fails_at == Some(self.position) {
            return Err(io::Error::other("the content fails for a test"));
        }
        let len = into.len().min(end - self.position).min(30_011);
        for (offset, byte) in into[..len].iter_mut().enumerate() {
            *byte = self.byte(self.position + offset);
        }
        self.position += len;
        Ok(len)
    }
}

/// Compares a content with the expected one while it is written.
struct Compared {
    expected: Generated,
    /// The longest part that was written at once.
    longest: usize,
}

impl Write for Compared {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.longest = self.longest.max(part.len());
        for byte in part {
            let position = self.expected.position;
            if position == self.expected.len || *byte != self.expected.byte(position) {
                return Err(io::Error::other(format!("byte {position} is not what was stored")));
            }
            self.expected.position += 1;
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
