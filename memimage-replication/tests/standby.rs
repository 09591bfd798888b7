//! Owners and standbys over a log in memory.

mod support;

use std::time::Duration;

use memimage::replication::Acknowledge;
use memimage::{ErrorKind, Image, Seq};
use memimage_replication::Standby;
use memimage_replication::testing::MemoryLog;
use support::replicas::{LOCAL, log, owner as open};
use support::{Place, Tally, TallyCommands, wait_until};

#[test]
fn a_standby_has_what_the_owner_acknowledged() {
    for acknowledge in [Acknowledge::Remote, LOCAL] {
        let (memory, place) = (MemoryLog::new("a standby"), Place::new());
        let owner = open(&memory, &place, "owner", acknowledge);
        for number in 0..50 {
            owner.add(number).unwrap();
        }
        let standby = Standby::<Tally>::open(log(&memory), place.path("standby")).unwrap();
        for number in 50..100 {
            owner.add(number).unwrap();
        }
        standby.wait(Seq::new(100)).unwrap();
        let expected = owner.query(Tally::clone).unwrap();
        assert_eq!(standby.query(Tally::clone).unwrap(), expected);
        assert_eq!(standby.lag().unwrap().events, 0);
        // both restart
        Image::close(owner).unwrap();
        drop(standby);
        let owner = open(&memory, &place, "owner", acknowledge);
        owner.add(100).unwrap();
        let standby = Standby::<Tally>::open(log(&memory), place.path("standby")).unwrap();
        standby.wait(Seq::new(101)).unwrap();
        assert_eq!(standby.query(|tally| tally.sum).unwrap(), 5050);
        standby.verify().unwrap();
    }
}

#[test]
fn a_promoted_standby_fences_the_owner() {
    let (memory, place) = (MemoryLog::new("a promotion"), Place::new());
    let owner = open(&memory, &place, "owner", Acknowledge::Remote);
    owner.add(1).unwrap();
    let standby = Standby::<Tally>::open(log(&memory).name("b"), place.path("standby")).unwrap();
    let second = standby.promote().unwrap();
    assert_eq!(second.query(|tally| tally.sum).unwrap(), 1);
    second.add(2).unwrap();
    let error = owner.add(3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    assert!(error.is_outcome_unknown(), "{error}");
    assert!(error.to_string().contains("`b` took over"), "{error}");
    assert!(error.to_string().contains("term 2"), "{error}");
    assert_eq!(owner.query(|tally| tally.sum).unwrap_err().kind(), ErrorKind::Fenced);
    drop(owner);

    // its directory may not claim the log any more
    let refused = Image::<Tally>::options().replicate(log(&memory), Acknowledge::Remote).open(place.path("owner"));
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::OtherOwner);
    // as a standby, it must first set aside what the log does not have
    let refused = Standby::<Tally>::open(log(&memory), place.path("owner")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Replaced, "{refused}");
    let first = Standby::<Tally>::options().set_aside_unshipped(true).open(log(&memory), place.path("owner")).unwrap();
    let aside = first.set_aside().unwrap().clone();
    assert_eq!((aside.first, aside.last), (Seq::new(2), Seq::new(2)));
    first.wait(Seq::new(2)).unwrap();
    assert_eq!(first.query(|tally| tally.numbers.clone()).unwrap(), [1, 2]);
    let image = Image::<Tally>::open(&aside.path).unwrap();
    assert_eq!(image.query(|tally| tally.numbers.clone()).unwrap(), [1, 3]);
    drop(image);

    // and it can take over again
    Image::close(second).unwrap();
    let first = first.promote().unwrap();
    assert_eq!(first.add(4).unwrap(), 3);
}

#[test]
fn the_directory_of_the_present_owner_is_not_set_aside() {
    let (memory, place) = (MemoryLog::new("still the owner"), Place::new());
    let owner = open(&memory, &place, "owner", Acknowledge::Remote);
    owner.add(1).unwrap();
    Image::close(owner).unwrap();
    // events that are not shipped
    let alone = Image::<Tally>::open(place.path("owner")).unwrap();
    alone.add(2).unwrap();
    Image::close(alone).unwrap();
    for sets_aside in [false, true] {
        let options = Standby::<Tally>::options().set_aside_unshipped(sets_aside);
        let refused = options.open(log(&memory), place.path("owner")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Replaced, "{refused}");
        assert!(refused.to_string().contains("owns the log"), "{refused}");
    }
    let refused = memimage_replication::set_aside_unshipped(&log(&memory), place.path("owner")).unwrap_err();
    assert!(refused.to_string().contains("open it as the owner"), "{refused}");
    let owner = open(&memory, &place, "owner", Acknowledge::Remote);
    assert_eq!(owner.query(|tally| tally.numbers.clone()).unwrap(), [1, 2]);
}

#[test]
fn a_standby_takes_over_when_the_lease_has_run_out() {
    let (memory, place) = (MemoryLog::new("a lease"), Place::new());
    let lease = Duration::from_millis(300);
    let owner = Image::<Tally>::options()
        .replicate(log(&memory).lease(lease), Acknowledge::Remote)
        .open(place.path("owner"))
        .unwrap();
    owner.add(1).unwrap();
    let standby = Standby::<Tally>::open(log(&memory).lease(lease), place.path("standby")).unwrap();
    let waiting = std::thread::spawn({
        let standby = standby.clone();
        move || standby.auto(lease)
    });
    // an idle owner keeps its lease
    std::thread::sleep(lease * 4);
    assert!(!waiting.is_finished());
    owner.add(2).unwrap();
    memory.set_connection(memimage_replication::testing::Connection::Up);
    drop(owner);
    let second = waiting.join().unwrap().unwrap();
    assert_eq!(second.add(3).unwrap(), 3);
    assert_eq!(standby.query(|tally| tally.sum).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_standby_begins_at_a_snapshot_of_the_log() {
    let (memory, place) = (MemoryLog::new("snapshots"), Place::new());
    let log_of_owner = log(&memory).retain(Duration::ZERO);
    let owner = Image::<Tally>::options()
        .segment_bytes(16 << 10)
        .replicate(log_of_owner.clone(), Acknowledge::Remote)
        .open(place.path("owner"))
        .unwrap();
    for number in 0..300 {
        owner.set_text("x".repeat(400)).unwrap();
        owner.add(number).unwrap();
    }
    owner.admin().snapshot().unwrap();
    wait_until("the snapshot is in the log", || log_of_owner.status().snapshot == Some(Seq::new(600)));
    wait_until("the log is pruned", || memory.entries().first().is_none_or(|(position, _)| *position > 1));
    owner.add(300).unwrap();
    let standby = Standby::<Tally>::open(log(&memory), place.path("standby")).unwrap();
    standby.wait(Seq::new(601)).unwrap();
    assert_eq!(standby.query(Tally::clone).unwrap(), owner.query(Tally::clone).unwrap());
    // it restarts, and takes over
    drop(standby);
    let standby = Standby::<Tally>::open(log(&memory), place.path("standby")).unwrap();
    let second = standby.promote().unwrap();
    assert_eq!(second.add(1).unwrap(), 302);
    Image::close(second).unwrap();
    assert_eq!(Image::<Tally>::open(place.path("standby")).unwrap().query(|tally| tally.numbers.len()).unwrap(), 302);
}

#[test]
fn an_owner_that_is_confirmed_is_the_owner() {
    let (memory, place) = (MemoryLog::new("confirmed"), Place::new());
    let own = log(&memory);
    assert_eq!(own.confirm_owner(Duration::from_secs(1)).unwrap_err().kind(), ErrorKind::Closed);
    let owner =
        Image::<Tally>::options().replicate(own.clone(), Acknowledge::Remote).open(place.path("owner")).unwrap();
    owner.add(1).unwrap();
    own.confirm_owner(Duration::from_secs(10)).unwrap();
    let second = Standby::<Tally>::open(log(&memory), place.path("standby")).unwrap().promote().unwrap();
    // the owner does not know it yet, so a plain query may be stale
    let error = own.confirm_owner(Duration::from_secs(10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    drop(second);
}
