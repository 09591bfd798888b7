//! Several standbys of one owner: restarts, takeovers, and promotions that fail.

mod support;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use memimage::disk::{Disk as _, Fault, Method, SimDisk};
use memimage::replication::Acknowledge;
use memimage::{Error, ErrorKind, Image, Seq};
use memimage_replication::testing::{Connection, MemoryLog};
use memimage_replication::{Log, Sidecar, Standby};
use support::replicas::{CutLog, copy_directory, log, owner, standby, standby_on, try_owner};
use support::{Place, Tally, TallyCommands, wait_until};

const REMOTE: Acknowledge = Acknowledge::Remote;
const LEASE: Duration = Duration::from_millis(300);

#[test]
fn several_standbys_have_the_same_state_as_the_owner() {
    let (memory, place) = (MemoryLog::new("several"), Place::new());
    let owner = owner(&memory, &place, "owner", REMOTE);
    owner.add(0).unwrap();
    let standbys: Vec<_> = (0..4).map(|n| standby(&memory, &place, &format!("s{n}")).unwrap()).collect();
    for number in 1..100 {
        owner.add(number).unwrap();
    }
    let expected = owner.query(Tally::clone).unwrap();
    for standby in &standbys {
        standby.wait(Seq::new(100)).unwrap();
        assert_eq!(standby.query(Tally::clone).unwrap(), expected);
    }
    // after a takeover the others follow the new owner, and the log has one history
    let mut standbys = standbys.into_iter();
    let second = standbys.next().unwrap().promote().unwrap();
    for number in 100..150 {
        second.add(number).unwrap();
    }
    let expected = second.query(Tally::clone).unwrap();
    for standby in standbys {
        standby.wait(Seq::new(150)).unwrap();
        assert_eq!(standby.query(Tally::clone).unwrap(), expected);
        standby.verify().unwrap();
    }
}

#[test]
fn the_directory_of_an_owner_that_recorded_nothing_follows_the_next_owner() {
    let (memory, place) = (MemoryLog::new("nothing recorded"), Place::new());
    let first = owner(&memory, &place, "first", REMOTE);
    first.add(1).unwrap();
    // the second owner begins a life, and records nothing in it
    let second = standby(&memory, &place, "second").unwrap().promote().unwrap();
    drop(first);
    let first = standby(&memory, &place, "first").unwrap();
    Image::close(second).unwrap();
    let second = standby(&memory, &place, "second").unwrap();
    // the third owner knows nothing of this life, so that its own has the same number
    let third = first.promote().unwrap();
    for number in 2..50 {
        third.add(number).unwrap();
        second.wait(Seq::new(number)).unwrap();
    }
    assert_eq!(second.query(Tally::clone).unwrap(), third.query(Tally::clone).unwrap());
    second.promote().unwrap().add(50).unwrap();
}

#[test]
fn a_standby_that_is_dropped_at_any_time_opens_again_and_continues() {
    let (memory, place) = (MemoryLog::new("restarts"), Place::new());
    let owner = Image::<Tally>::options().segment_bytes(16 << 10).replicate(log(&memory), REMOTE);
    let owner = owner.open(place.path("owner")).unwrap();
    owner.add(0).unwrap();
    let load = thread::spawn({
        let owner = owner.clone();
        move || {
            (1..400).for_each(|number| {
                owner.add(number).unwrap();
            });
        }
    });
    let mut seen = 0;
    let mut restarts = 0;
    while !load.is_finished() || restarts < 3 {
        let standby = standby(&memory, &place, "standby").unwrap();
        thread::sleep(Duration::from_millis(restarts % 7));
        let (numbers, seq) = (standby.query(|tally| tally.numbers.clone()).unwrap(), standby.seq().get());
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
        assert!(seq >= seen, "a restart lost events: {seq} after {seen}");
        seen = numbers.len() as u64;
        restarts += 1;
        drop(standby);
        // nobody uses the directory any more
        drop(memimage::replication::JournalCopy::lock(place.path("standby"), image_of(&place)).unwrap());
    }
    load.join().unwrap();
    let standby = standby(&memory, &place, "standby").unwrap();
    assert_eq!(standby.query(Tally::clone).unwrap(), owner.query(Tally::clone).unwrap());
}

fn image_of(place: &Place) -> [u8; 16] {
    memimage::replication::PieceReader::open(place.path("owner")).unwrap().image()
}

#[test]
fn of_two_standbys_that_wait_for_the_lease_one_takes_over_and_the_other_follows_it() {
    let (memory, place) = (MemoryLog::new("two autos"), Place::new());
    let with_lease = || log(&memory).lease(LEASE);
    let first = try_owner(with_lease(), &place, "owner", REMOTE).unwrap();
    first.add(1).unwrap();
    let standbys = ["a", "b"].map(|name| standby_on(with_lease(), &place, name).unwrap());
    let waiting = standbys.clone().map(|standby| thread::spawn(move || standby.auto(LEASE)));
    thread::sleep(LEASE * 2);
    assert!(!waiting.iter().any(thread::JoinHandle::is_finished), "the owner lives");
    drop(first);
    wait_until("one takes over", || waiting.iter().any(thread::JoinHandle::is_finished));
    thread::sleep(LEASE * 3);
    let mut images = Vec::new();
    let mut others = Vec::new();
    for (standby, waiting) in standbys.into_iter().zip(waiting) {
        if waiting.is_finished() {
            images.push(waiting.join().unwrap().unwrap());
        } else {
            others.push((standby, waiting));
        }
    }
    assert_eq!((images.len(), others.len()), (1, 1));
    let (second, (other, waiting)) = (images.pop().unwrap(), others.pop().unwrap());
    second.add(2).unwrap();
    other.wait(Seq::new(2)).unwrap();
    assert_eq!(other.query(|tally| tally.numbers.clone()).unwrap(), [1, 2]);
    // and it takes over from that one
    drop(second);
    let third = waiting.join().unwrap().unwrap();
    assert_eq!(third.add(3).unwrap(), 3);
}

#[test]
fn a_standby_that_was_cut_off_does_not_take_over_from_an_owner_that_lives() {
    let (memory, place) = (MemoryLog::new("cut off"), Place::new());
    let first = try_owner(log(&memory).lease(LEASE), &place, "owner", REMOTE).unwrap();
    first.add(1).unwrap();
    let connection = memory.another_handle();
    let standby = standby_on(Log::new(connection.clone()).lease(LEASE), &place, "standby").unwrap();
    let waiting = thread::spawn({
        let standby = standby.clone();
        move || standby.auto(LEASE)
    });
    for _ in 0..2 {
        connection.set_connection(Connection::Down);
        thread::sleep(LEASE * 3);
        assert!(standby.lag().unwrap().time > LEASE, "the lag shows that the log cannot be read");
        connection.set_connection(Connection::Up);
        thread::sleep(LEASE * 2);
        assert!(!waiting.is_finished());
    }
    first.add(2).unwrap();
    standby.wait(Seq::new(2)).unwrap();
    drop(first);
    assert_eq!(waiting.join().unwrap().unwrap().add(3).unwrap(), 3);
}

#[test]
fn a_standby_that_was_cut_off_together_with_the_owner_waits_for_a_whole_lease_again() {
    const LEASE: Duration = Duration::from_secs(2);
    let (memory, place) = (MemoryLog::new("both cut off"), Place::new());
    let (of_owner, of_standby) = (memory.another_handle(), memory.another_handle());
    let first = try_owner(Log::new(of_owner.clone()).lease(LEASE), &place, "owner", REMOTE).unwrap();
    first.add(1).unwrap();
    let standby = standby_on(Log::new(of_standby.clone()).lease(LEASE), &place, "standby").unwrap();
    let waiting = thread::spawn(move || standby.auto(LEASE));
    [&of_owner, &of_standby].iter().for_each(|log| log.set_connection(Connection::Down));
    thread::sleep(LEASE * 6 / 5);
    of_standby.set_connection(Connection::Up);
    // the pauses of both are a second at most
    thread::sleep(Duration::from_millis(700));
    of_owner.set_connection(Connection::Up);
    thread::sleep(LEASE * 3 / 4);
    assert!(!waiting.is_finished());
    first.add(2).unwrap();
    drop(first);
    assert_eq!(waiting.join().unwrap().unwrap().add(3).unwrap(), 3);
}

#[test]
fn an_owner_whose_image_is_poisoned_keeps_no_lease() {
    let (memory, place, disk) = (MemoryLog::new("poisoned"), Place::new(), SimDisk::new());
    let own = log(&memory).lease(LEASE);
    // the file with the id of the owner is on the real disk
    std::fs::create_dir(place.path("owner")).unwrap();
    let parents: Vec<_> = place.path("owner").ancestors().skip(1).map(Path::to_owned).collect();
    parents.iter().rev().skip(1).for_each(|parent| disk.create_dir(parent).unwrap());
    let options = Image::<Tally>::options().replicate(own.clone(), Acknowledge::Local { max_lag: Default::default() });
    let first = options.open_with(Arc::new(disk.clone()), place.path("owner")).unwrap();
    first.add(1).unwrap();
    wait_until("the event is in the log", || own.status().shipped == Seq::new(1));
    let standby = standby_on(log(&memory).lease(LEASE), &place, "standby").unwrap();
    // its journal can be read, so that nothing but the image tells the shipper that it is poisoned
    disk.inject(Fault::io().on(&[Method::SyncData, Method::SyncAll]));
    assert!(first.add(2).is_err());
    assert!(first.query(|_| ()).unwrap_err().is_poisoned());
    disk.heal();
    let waiting = thread::spawn(move || standby.auto(LEASE));
    wait_until("the standby takes over", || waiting.is_finished());
    waiting.join().unwrap().unwrap().add(3).unwrap();
    assert!(own.status().failure.is_none());
    drop(first);
}

#[test]
fn an_owner_whose_directory_was_replaced_keeps_no_lease() {
    let (memory, place) = (MemoryLog::new("replaced"), Place::new());
    let own = log(&memory).lease(LEASE);
    let first = try_owner(own, &place, "owner", Acknowledge::Local { max_lag: Default::default() }).unwrap();
    first.add(1).unwrap();
    let standby = standby_on(log(&memory).lease(LEASE), &place, "standby").unwrap();
    // another directory is in its place, so its lock protects nothing; and the program does not close the image
    copy_directory(&place.path("owner"), &place.path("twin"));
    std::fs::rename(place.path("owner"), place.path("away")).unwrap();
    std::fs::rename(place.path("twin"), place.path("owner")).unwrap();
    wait_until("the image is poisoned", || first.add(2).is_err());
    let second = standby.auto(LEASE).unwrap();
    second.add(3).unwrap();
}

#[test]
fn a_promotion_is_refused_if_another_standby_took_over_meanwhile() {
    let (memory, place) = (MemoryLog::new("meanwhile"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    first.add(1).unwrap();
    let fast = standby(&memory, &place, "fast").unwrap();
    // it polls so rarely that it has not seen the takeover
    let slow = standby_on(log(&memory).poll(Duration::from_secs(60)), &place, "slow").unwrap();
    thread::sleep(Duration::from_millis(50));
    let second = fast.promote().unwrap();
    second.add(2).unwrap();
    let failed = slow.promote().unwrap_err();
    assert_eq!(failed.error().kind(), ErrorKind::Fenced, "{failed}");
    assert!(failed.to_string().contains("in term 2"), "{failed}");
    let slow = failed.into_standby();
    slow.wait(Seq::new(2)).unwrap();
    second.add(3).unwrap();
    // by will, it takes over now
    let third = slow.promote().unwrap();
    assert_eq!(third.query(|tally| tally.numbers.clone()).unwrap(), [1, 2, 3]);
    assert_eq!(second.add(4).unwrap_err().kind(), ErrorKind::Fenced);
}

#[test]
fn of_promotions_at_the_same_time_one_succeeds_and_the_others_go_on() {
    for round in 0..5 {
        let (memory, place) = (MemoryLog::new("at once"), Place::new());
        let first = owner(&memory, &place, "owner", REMOTE);
        first.add(1).unwrap();
        let standbys: Vec<_> = (0..3).map(|n| standby(&memory, &place, &format!("s{n}")).unwrap()).collect();
        let promoting: Vec<_> = standbys.into_iter().map(|standby| thread::spawn(move || standby.promote())).collect();
        let outcomes: Vec<_> = promoting.into_iter().map(|thread| thread.join().unwrap()).collect();
        let (owners, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert!(!owners.is_empty(), "round {round}: {failed:?}");
        // a later claim can follow an earlier one that its standby had seen already; the last owner is the only one that can append
        let added: Vec<_> =
            owners.into_iter().map(|owner| owner.unwrap()).filter(|owner| owner.add(2).is_ok()).collect();
        assert_eq!(added.len(), 1, "round {round}");
        for standby in failed.into_iter().map(|failed| failed.unwrap_err().into_standby()) {
            standby.wait(Seq::new(2)).unwrap();
            assert_eq!(standby.query(|tally| tally.numbers.clone()).unwrap(), [1, 2]);
        }
    }
}

#[test]
fn a_standby_whose_directory_is_locked_cannot_be_promoted_and_goes_on() {
    let (memory, place) = (MemoryLog::new("locked"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    first.add(1).unwrap();
    let standby = standby(&memory, &place, "standby").unwrap();
    // an image that opens locks this file; a copy holds the lock of the directory
    let lock = File::open(place.path("standby").join("LOCK")).unwrap();
    lock.try_lock().unwrap();
    let failed = standby.promote().unwrap_err();
    assert_eq!(failed.error().kind(), ErrorKind::Locked, "{failed}");
    let standby = failed.into_standby();
    assert_eq!(standby.query(|tally| tally.sum).unwrap(), 1, "it answers meanwhile");
    assert_eq!(first.add(2).unwrap_err().kind(), ErrorKind::Fenced, "the claim is in the log");
    lock.unlock().unwrap();
    // promoted again, as soon as it has its copy
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut standby = Some(standby);
    let second = loop {
        match standby.take().unwrap().promote() {
            Ok(image) => break image,
            Err(failed) => {
                assert!(Instant::now() < deadline, "{failed}");
                standby = Some(failed.into_standby());
                thread::sleep(Duration::from_millis(20));
            }
        }
    };
    assert_eq!(second.add(3).unwrap(), 2);
}

#[test]
fn a_promotion_whose_claim_has_no_answer_succeeds_when_it_is_tried_again() {
    let (memory, place) = (MemoryLog::new("no answer"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    first.add(1).unwrap();
    let cut = CutLog::new(&memory);
    let standby = standby_on(Log::new(cut.clone()), &place, "standby").unwrap();
    cut.cut_after(0);
    let promoting = thread::spawn(move || standby.promote());
    wait_until("the claim has no answer", || cut.is_cut());
    thread::sleep(Duration::from_millis(50));
    cut.restore();
    let second = promoting.join().unwrap().unwrap();
    assert_eq!(second.add(2).unwrap(), 2);
}

#[test]
fn a_standby_far_behind_is_promoted_with_one_claim() {
    let (memory, place) = (MemoryLog::new("far behind"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    first.add(1).unwrap();
    let slow = standby_on(log(&memory).poll(Duration::from_secs(60)), &place, "slow").unwrap();
    thread::sleep(Duration::from_millis(50));
    for number in 0..640 {
        first.add(number).unwrap();
    }
    let steps = memory.step();
    let second = slow.promote().unwrap();
    assert!(
        memory.step() - steps < 12,
        "the calls of a promotion do not grow with what it reads: {}",
        memory.step() - steps
    );
    assert_eq!(second.query(|tally| tally.numbers.len()).unwrap(), 641);
}

#[test]
fn a_standby_without_a_lease_of_its_owner_does_not_wait() {
    let (memory, place) = (MemoryLog::new("no lease"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    first.add(1).unwrap();
    let error: Error = standby(&memory, &place, "standby").unwrap().auto(LEASE).unwrap_err();
    assert!(error.to_string().contains("keeps no lease"), "{error}");
    let none = Standby::<Tally>::options().wait(Duration::ZERO).open(log(&MemoryLog::new("empty")), place.path("none"));
    assert!(none.unwrap_err().to_string().contains("has no journal yet"));
    assert!(!place.path("none").exists(), "nothing was created");
}

#[test]
fn a_standby_reads_through_the_directory_of_another_standby() {
    let (first, second, place) = (MemoryLog::new("first"), MemoryLog::new("second"), Place::new());
    let owner = owner(&first, &place, "owner", REMOTE);
    owner.add(1).unwrap();
    let near = standby(&first, &place, "near").unwrap();
    let sidecar = Sidecar::start(log(&second), place.path("near")).unwrap();
    let far = standby(&second, &place, "far").unwrap();
    (2..100).for_each(|number| {
        owner.add(number).unwrap();
    });
    far.wait(Seq::new(99)).unwrap();
    assert_eq!(far.query(Tally::clone).unwrap(), owner.query(Tally::clone).unwrap());
    // it goes on behind a new owner
    let promoted = near.promote().unwrap();
    promoted.add(100).unwrap();
    far.wait(Seq::new(100)).unwrap();
    assert_eq!(far.query(Tally::clone).unwrap(), promoted.query(Tally::clone).unwrap());
    sidecar.stop().unwrap();
}
