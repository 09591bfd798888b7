//! Events that are longer than an entry of the log may be, so that several entries have them in parts.

mod support;

use std::thread;

use memimage::replication::Acknowledge;
use memimage::{ErrorKind, Image, Seq};
use memimage_replication::Log;
use memimage_replication::testing::MemoryLog;
use support::replicas::{CutLog, LOCAL, copy_directory, log, owner, standby, try_owner};
use support::{Place, Tally, TallyCommands, wait_until};

const REMOTE: Acknowledge = Acknowledge::Remote;

/// A text that takes five entries. Wherever a part begins, it can begin with the mark of a frame.
fn long_text(seed: u64) -> String {
    format!("{seed:04}{}", "MIfr".repeat(256 << 10))
}

/// An owner with an event in the log, and a command with a long event of which some parts are in the log.
struct Interrupted {
    memory: MemoryLog,
    place: Place,
    cut: CutLog,
    command: thread::JoinHandle<Result<(), memimage::Error>>,
    owner: Image<Tally>,
}

impl Interrupted {
    fn new(name: &str) -> Interrupted {
        let (memory, place) = (MemoryLog::new(name), Place::new());
        let cut = CutLog::new(&memory);
        let owner = try_owner(Log::new(cut.clone()), &place, "owner", REMOTE).unwrap();
        owner.add(1).unwrap();
        let before = memory.entries().len();
        // the ends and the beginnings of the segments that are too short come first
        cut.cut_after(6);
        let command = thread::spawn({
            let owner = owner.clone();
            move || owner.set_text(long_text(1))
        });
        wait_until("the log is cut off", || cut.is_cut());
        let parts = memory.entries().split_off(before);
        assert_eq!(parts.len(), 6);
        assert!(
            parts[4..].iter().all(|(_, part)| part.len() > 200 << 10),
            "two parts of the event are in the log: {:?}",
            parts.iter().map(|(_, part)| part.len()).collect::<Vec<_>>()
        );
        Interrupted { memory, place, cut, command, owner }
    }
}

#[test]
fn a_standby_follows_events_that_are_longer_than_an_entry() {
    for acknowledge in [REMOTE, LOCAL] {
        let (memory, place) = (MemoryLog::new("long events"), Place::new());
        let owner = owner(&memory, &place, "owner", acknowledge);
        owner.add(1).unwrap();
        let running = standby(&memory, &place, "standby").unwrap();
        for seed in 0..4 {
            owner.set_text(long_text(seed)).unwrap();
            owner.add(seed).unwrap();
        }
        running.wait(Seq::new(9)).unwrap();
        let expected = owner.query(Tally::clone).unwrap();
        assert_eq!(running.query(Tally::clone).unwrap(), expected);
        assert!(memory.entries().len() > 20, "each long event takes several entries");
        // a standby that begins now, and one that restarts
        let late = standby(&memory, &place, "late").unwrap();
        assert_eq!(late.query(Tally::clone).unwrap(), expected);
        drop(running);
        let restarted = standby(&memory, &place, "standby").unwrap();
        assert_eq!(restarted.query(Tally::clone).unwrap(), expected);
        let restarted = restarted.promote().unwrap();
        restarted.set_text(long_text(9)).unwrap();
        late.wait(Seq::new(10)).unwrap();
        assert_eq!(late.query(|tally| tally.text.clone()).unwrap(), long_text(9));
    }
}

#[test]
fn a_standby_that_restarts_between_the_parts_of_an_event_gets_all_of_it() {
    let Interrupted { memory, place, cut, command, owner } = Interrupted::new("restart between parts");
    let running = standby(&memory, &place, "running").unwrap();
    for _ in 0..2 {
        let restarted = standby(&memory, &place, "restarted").unwrap();
        assert_eq!((restarted.seq(), restarted.query(|tally| tally.text.len()).unwrap()), (Seq::new(1), 0));
        drop(restarted);
    }
    let restarted = standby(&memory, &place, "restarted").unwrap();
    cut.restore();
    command.join().unwrap().unwrap();
    for standby in [&running, &restarted] {
        standby.wait(Seq::new(2)).unwrap();
        assert_eq!(standby.query(Tally::clone).unwrap(), owner.query(Tally::clone).unwrap());
    }
}

#[test]
fn the_parts_of_an_event_are_void_when_a_standby_takes_over_between_them() {
    let Interrupted { memory, place, cut, command, owner } = Interrupted::new("takeover between parts");
    let running = standby(&memory, &place, "running").unwrap();
    let witness = standby(&memory, &place, "witness").unwrap();
    let second = running.promote().unwrap();
    assert_eq!(second.query(Tally::clone).unwrap(), Tally { numbers: vec![1], sum: 1, text: String::new() });
    second.set_text(long_text(2)).unwrap();
    second.add(2).unwrap();
    witness.wait(Seq::new(3)).unwrap();
    assert_eq!(witness.query(Tally::clone).unwrap(), second.query(Tally::clone).unwrap());
    let late = standby(&memory, &place, "late").unwrap();
    assert_eq!(late.query(Tally::clone).unwrap(), second.query(Tally::clone).unwrap());

    // the first owner comes back, and learns it
    cut.restore();
    let error = command.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    drop(owner);
    let refused = standby(&memory, &place, "owner").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Replaced, "{refused}");
    assert!(refused.to_string().contains("has 1 event after event 1"), "{refused}");
}

#[test]
fn an_owner_that_restarts_between_the_parts_of_an_event_ships_the_event_again() {
    let Interrupted { memory, place, cut, command, owner: first } = Interrupted::new("owner restarts");
    let running = standby(&memory, &place, "running").unwrap();
    // as the directory is after a kill: the event is on the local disk
    copy_directory(&place.path("owner"), &place.path("restarted"));
    let second = owner(&memory, &place, "restarted", REMOTE);
    assert_eq!(second.query(|tally| tally.text.clone()).unwrap(), long_text(1));
    second.add(2).unwrap();
    running.wait(Seq::new(3)).unwrap();
    assert_eq!(running.query(Tally::clone).unwrap(), second.query(Tally::clone).unwrap());
    cut.restore();
    assert_eq!(command.join().unwrap().unwrap_err().kind(), ErrorKind::Fenced);
    drop(first);
    // once more, without a kill
    Image::close(second).unwrap();
    let second = owner(&memory, &place, "restarted", REMOTE);
    assert_eq!(second.add(3).unwrap(), 3);
    running.wait(Seq::new(4)).unwrap();
    running.verify().unwrap();
}

#[test]
fn an_owner_that_lost_a_long_event_gets_it_from_the_log() {
    let (memory, place) = (MemoryLog::new("a lost long event"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    first.add(1).unwrap();
    copy_directory(&place.path("owner"), &place.path("older"));
    first.set_text(long_text(1)).unwrap();
    first.set_text(long_text(2)).unwrap();
    let expected = first.query(Tally::clone).unwrap();
    Image::close(first).unwrap();
    let second = try_owner(log(&memory), &place, "older", REMOTE).unwrap();
    assert_eq!(second.query(Tally::clone).unwrap(), expected);
    let late = standby(&memory, &place, "late").unwrap();
    second.set_text(long_text(3)).unwrap();
    late.wait(Seq::new(4)).unwrap();
    assert_eq!(late.query(Tally::clone).unwrap(), second.query(Tally::clone).unwrap());
}
