//! The memory of the command does not grow with the journal.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use memimage::{Durability, Image};

use crate::support::{Stock, StockRemove, command};

/// The most memory that the command may use, in KiB. A reader keeps at most one segment, of at most 64 MiB; a million events would take
/// more.
const LIMIT: u64 = 128 << 10;

/// Creates an image with this number of events.
fn create_large(path: &Path, events: u64) {
    let stock = Image::<Stock>::options().durability(Durability::Buffered).open(path).unwrap();
    let chunk = 1 << 14;
    let mut left = events;
    while left > 0 {
        let commands = (0..left.min(chunk)).map(|number| StockRemove { item: format!("item {number}"), count: 0 });
        assert!(Image::submit_all(&stock, commands).wait().iter().all(Result::is_ok));
        left -= left.min(chunk);
    }
    Image::close(stock).unwrap();
}

/// The largest memory that a process has used so far, in KiB.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

fn read_in_constant_memory(events: u64) {
    let directory = tempfile::tempdir().unwrap();
    create_large(&directory.path().join("stock.image"), events);
    let mut child =
        command(directory.path(), &["log", "stock.image", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::with_capacity(1 << 16, child.stdout.take().unwrap());
    let (mut lines, mut line, mut peak) = (0, Vec::new(), None);
    while output.read_until(b'\n', &mut line).unwrap() > 0 {
        lines += 1;
        line.clear();
        // the last lines do not fit into the pipe, so the command has read nearly all events and still runs
        if lines == events - 10_000 {
            peak = peak_memory(child.id());
        }
    }
    assert_eq!(lines, events);
    assert!(child.wait().unwrap().success());
    if cfg!(target_os = "linux") {
        let peak = peak.expect("the command ran, and /proc shows its memory");
        assert!(peak < LIMIT, "{peak} KiB");
    }
}

#[test]
fn the_log_of_a_million_events_takes_constant_memory() {
    read_in_constant_memory(1_000_000);
}

#[test]
#[ignore = "takes a minute and a gigabyte of disk"]
fn the_log_of_ten_million_events_takes_constant_memory() {
    read_in_constant_memory(10_000_000);
}
