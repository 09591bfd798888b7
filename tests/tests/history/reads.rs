//! How much of the journal a reader of the history reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Image, Journal, Seq, admin};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerDeposit, wait_until};

use super::{PATH, open, options, seqs};

/// The events that fill some 50 segments.
const EVENTS: u64 = 20_000;

/// Executes deposits of 1, in batches of 20.
fn deposit(image: &Image<Ledger>, events: u64) {
    for _ in 0..events / 20 {
        let batch = (0..20).map(|_| LedgerDeposit { account: 1, amount: 1 });
        image.submit_all(batch).wait().into_iter().for_each(|answer| assert!(answer.unwrap() > 0));
    }
}

fn deposit_later(disk: &SimDisk, events: u64) {
    let image = open(disk, options());
    deposit(&image, events);
    Image::close(image).unwrap();
}

/// An image with many segments, and a snapshot in the middle.
fn long_journal() -> SimDisk {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    deposit(&image, EVENTS / 2);
    image.admin().snapshot().unwrap();
    deposit(&image, EVENTS / 2);
    Image::close(image).unwrap();
    disk
}

fn make_void(disk: &SimDisk, seq: u64) {
    admin::Void::new(Seq::new(seq), "a mistake").run_with(Arc::new(disk.clone()), PATH).unwrap();
}

/// The number of the segment in this file.
fn number_of(file: &Path) -> u64 {
    file.file_stem().unwrap().to_string_lossy().parse().unwrap()
}

/// Opens the journal, runs `read`, and returns the numbers of the segments of which `read` has read more than the header and the
/// first frame, and the number of all segments.
fn segments_read(disk: &SimDisk, read: impl FnOnce(&Journal<Ledger>)) -> (BTreeSet<u64>, usize) {
    let gate = GateDisk::new(disk.clone());
    let journal = Image::<Ledger>::options().open_journal_with(Arc::new(gate.clone()), PATH).unwrap();
    gate.trace();
    read(&journal);
    let mut longest: BTreeMap<u64, usize> = BTreeMap::new();
    for call in gate.trace().into_iter().filter(|call| call.is(DiskMethod::Read, ".journal")) {
        let longest = longest.entry(number_of(&call.path)).or_default();
        *longest = call.len.max(*longest);
    }
    // the header of a segment has 4096 bytes, and its first frame, the shape table, has less
    let read = longest.iter().filter(|(_, len)| **len > 4096).map(|(number, _)| *number).collect();
    (read, longest.len())
}

/// Reads the last hundred events, of which `void` is void.
fn read_newest(journal: &Journal<Ledger>, last: u64, void: Option<u64>) {
    let newest = journal.history().newest_first().into_iter().take(100).map(Result::unwrap);
    let found: Vec<_> = newest.map(|event| (event.seq().get(), event.is_void())).collect();
    let expected: Vec<_> = (last - 99..=last).rev().map(|seq| (seq, Some(seq) == void)).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_last_hundred_events_are_read_from_at_most_two_segments() {
    let disk = long_journal();
    let (read, segments) = segments_read(&disk, |journal| read_newest(journal, EVENTS, None));
    assert!(segments > 40 && !read.is_empty() && read.len() <= 2, "{read:?} of {segments}");

    // a void event is no reason to read more
    make_void(&disk, 50);
    deposit_later(&disk, 2_000);
    make_void(&disk, EVENTS + 1_950);
    let void_frames = segments_read(&disk, |journal| read_newest(journal, EVENTS + 2_000, Some(EVENTS + 1_950))).0;
    assert!(!void_frames.is_empty() && void_frames.len() <= 2, "{void_frames:?}");
    deposit_later(&disk, 2_000);
    let (read, _) = segments_read(&disk, |journal| read_newest(journal, EVENTS + 4_000, None));
    assert!(!read.is_empty() && read.len() <= 2, "{read:?}");
    // nor is the empty segment that a running image prepares
    let image = open(&disk, options());
    let newest_file = || {
        disk.files()
            .into_iter()
            .filter(|file| file.extension().is_some_and(|ending| ending == "journal"))
            .max()
            .unwrap()
    };
    let is_empty = |file: &Path| disk.read(file).unwrap()[4096..].iter().all(|byte| *byte == 0);
    let mut last = EVENTS + 4_000;
    while !is_empty(&newest_file()) {
        deposit(&image, 20);
        last += 20;
        std::thread::yield_now();
    }
    image.journal().sync().unwrap();
    let durable = || super::journal(&disk).durable_seq().unwrap().get();
    wait_until("the files show that the events are synced", || durable() == last);
    let (read, _) = segments_read(&disk, |journal| read_newest(journal, last, None));
    let empty = newest_file();
    assert!(is_empty(&empty) && !read.is_empty() && read.len() <= 2, "{read:?}");
    assert!(!read.contains(&number_of(&empty)), "{read:?}: the last one is empty");
}

#[test]
fn events_in_the_middle_are_read_from_their_segments_and_those_with_void_frames() {
    let disk = long_journal();
    make_void(&disk, 50);
    deposit_later(&disk, 10_000);
    make_void(&disk, 9_990);
    deposit_later(&disk, 10_000);
    let void = |newest_first: bool, journal: &Journal<Ledger>| {
        let history = journal.history().range(Seq::new(9_981)..=Seq::new(10_000));
        let history = if newest_first { history.newest_first() } else { history };
        let events: Vec<_> = history.into_iter().map(Result::unwrap).collect();
        assert_eq!(events.len(), 20);
        for event in events {
            let is_void = event.seq().get() == 9_990;
            assert_eq!((event.is_void(), event.event().is_none()), (is_void, is_void));
        }
    };
    for newest_first in [false, true] {
        // two with events, two with void frames, and the last one, which has the newest shape table
        let (read, segments) = segments_read(&disk, |journal| void(newest_first, journal));
        assert!(segments > 80 && read.len() <= 5, "newest first: {newest_first}: {read:?} of {segments}");
    }
    let (read, segments) = segments_read(&disk, |journal| {
        assert_eq!(seqs(journal.history()).len() as u64, EVENTS + 20_000);
    });
    assert!(read.len() + 2 >= segments, "all but empty segments are read: {read:?} of {segments}");
}

#[test]
fn a_past_state_is_read_from_a_snapshot_and_the_segments_from_there() {
    let disk = long_journal();
    make_void(&disk, 10_010);
    deposit_later(&disk, 10_000);
    let (read, segments) = segments_read(&disk, |journal| {
        assert_eq!(journal.at(Seq::new(10_020)).unwrap().accounts[&1], 10_019);
    });
    // that of the snapshot, that of the event, two after it for digests and reading ahead, the void frame's, and the last one
    assert!(segments > 60 && read.len() <= 6, "{read:?} of {segments}");
    let (read, _) = segments_read(&disk, |journal| {
        assert_eq!(journal.at(Seq::new(9_000)).unwrap().accounts[&1], 9_000);
    });
    assert!(read.len() > 15, "without a snapshot before it, everything before it is read: {read:?}");
}

#[test]
fn a_time_is_found_by_reading_the_segments_after_it() {
    let disk = long_journal();
    let time = |seq| super::journal(&disk).history().range(Seq::new(seq)..).into_iter().next().unwrap().unwrap().time();
    let (late, early) = (time(EVENTS - 500), time(500));
    let last = segments_read(&disk, |journal| {
        assert!(journal.at(late).unwrap().seq() >= Seq::new(EVENTS - 500));
    });
    let all = segments_read(&disk, |journal| {
        assert!(journal.at(early).unwrap().seq() >= Seq::new(500));
    });
    assert!(last.0.len() < 35 && all.0.len() > 40, "{last:?}, {all:?}");
}
