//! Claims without an answer, and standbys that stop reading for a while.

mod support;

use std::time::Duration;

use memimage::replication::Acknowledge;
use memimage::{ErrorKind, Image, Seq};
use memimage_replication::Log;
use memimage_replication::testing::MemoryLog;
use support::replicas::{CutLog, log, owner, standby, standby_on, try_owner};
use support::{Place, Tally, TallyCommands};

const REMOTE: Acknowledge = Acknowledge::Remote;

/// The claim of an opening is tried for ten seconds.
#[test]
fn an_opening_whose_claim_stays_unanswered_says_so_and_loses_nothing() {
    let (memory, place) = (MemoryLog::new("unanswered"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    (0..5).for_each(|number| {
        first.add(number).unwrap();
    });
    Image::close(first).unwrap();
    let (cut, entries) = (CutLog::new(&memory), memory.entries());
    // the log can be read until the claim is appended
    cut.cut_after(0);
    let error = try_owner(Log::new(cut), &place, "owner", REMOTE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replication, "{error}");
    for part in ["it is unknown whether the claim is in the log", "no event was recorded", "the test cut the log off"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    assert_eq!(memory.entries(), entries);
    let second = owner(&memory, &place, "owner", REMOTE);
    assert_eq!(second.add(5).unwrap(), 6);
}

#[test]
fn a_standby_that_stops_reading_during_a_takeover_goes_on_with_the_new_owner() {
    let (memory, place) = (MemoryLog::new("paused"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    first.add(0).unwrap();
    let paused = standby_on(log(&memory).poll(Duration::from_secs(2)), &place, "paused").unwrap();
    let second = standby(&memory, &place, "fast").unwrap().promote().unwrap();
    assert_eq!(first.add(1).unwrap_err().kind(), ErrorKind::Fenced);
    (1..100).for_each(|number| {
        second.add(number).unwrap();
    });
    paused.wait(Seq::new(100)).unwrap();
    assert_eq!(paused.query(Tally::clone).unwrap(), second.query(Tally::clone).unwrap());
    paused.verify().unwrap();
    // it takes over in its turn
    let third = paused.promote().unwrap();
    assert_eq!(third.add(100).unwrap(), 101);
    assert_eq!(second.add(101).unwrap_err().kind(), ErrorKind::Fenced);
}
