//! An owner that is opened again: after a close, a kill, the loss of its last events, and on logs that are not its own.

mod support;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use memimage::replication::{Acknowledge, MaxLag};
use memimage::{Durability, ErrorKind, Image, Options, Retention, Seq};
use memimage_replication::Log;
use memimage_replication::testing::{Connection, MemoryLog};
use support::replicas::{LOCAL, copy_directory, log, owner, standby, try_owner};
use support::{Place, Tally, TallyCommands, wait_until};

const REMOTE: Acknowledge = Acknowledge::Remote;

/// Verifies that a standby that begins now has these numbers.
fn assert_log_has(memory: &MemoryLog, place: &Place, name: &str, numbers: u64) {
    let standby = standby(memory, place, name).unwrap();
    wait_until("the log has all numbers", || standby.query(|tally| tally.numbers.len() as u64).unwrap() >= numbers);
    assert!(standby.query(|tally| tally.numbers.clone()).unwrap().into_iter().eq(0..numbers));
    standby.verify().unwrap();
}

fn add(owner: &Image<Tally>, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| {
        owner.add(number).unwrap();
    });
}

fn segments(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory.join("journal")).into_iter().flatten().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> =
        files.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".journal")).collect();
    names.sort();
    names
}

#[test]
fn an_owner_that_was_closed_or_dropped_continues_its_log() {
    for acknowledge in [REMOTE, LOCAL] {
        let (memory, place) = (MemoryLog::new("again"), Place::new());
        for round in 0..4 {
            let owner = owner(&memory, &place, "owner", acknowledge);
            add(&owner, round * 5..round * 5 + 5);
            if round % 2 == 0 { Image::close(owner).unwrap() } else { drop(owner) }
        }
        assert_log_has(&memory, &place, "standby", 20);
        // an image that was opened without its log meanwhile ships what it did
        let alone = Image::<Tally>::open(place.path("owner")).unwrap();
        add(&alone, 20..25);
        Image::close(alone).unwrap();
        let owner = owner(&memory, &place, "owner", acknowledge);
        add(&owner, 25..26);
        Image::close(owner).unwrap();
        assert_log_has(&memory, &place, "second", 26);
    }
}

#[test]
fn an_owner_that_lost_its_last_events_gets_them_from_the_log() {
    let (memory, place) = (MemoryLog::new("lost"), Place::new());
    let options = || Image::<Tally>::options().durability(Durability::Buffered).segment_bytes(16 << 10);
    let first = options().replicate(log(&memory), REMOTE).open(place.path("owner")).unwrap();
    copy_directory(&place.path("owner"), &place.path("new"));
    add(&first, 0..5);
    copy_directory(&place.path("owner"), &place.path("old"));
    first.set_text("a".repeat(9000)).unwrap();
    first.set_text("b".repeat(9000)).unwrap();
    add(&first, 5..60);
    Image::close(first).unwrap();
    for (number, name) in [(60, "old"), (61, "new")] {
        let owner = options().replicate(log(&memory), REMOTE).open(place.path(name)).unwrap();
        assert!(owner.query(|tally| tally.numbers.clone()).unwrap().into_iter().eq(0..number), "{name}");
        assert_eq!(owner.query(|tally| tally.text.len()).unwrap(), 9000);
        owner.add(number).unwrap();
        Image::close(owner).unwrap();
        assert_log_has(&memory, &place, &format!("standby of {name}"), number + 1);
    }
}

#[test]
fn an_owner_whose_log_was_cut_off_ships_the_rest_after_a_kill() {
    let (memory, place) = (MemoryLog::new("ahead"), Place::new());
    let connection = memory.another_handle();
    let first = try_owner(Log::new(connection.clone()), &place, "owner", LOCAL).unwrap();
    add(&first, 0..5);
    wait_until("the log has the first events", || memory.entries().len() > 1);
    connection.set_connection(Connection::Down);
    add(&first, 5..30);
    copy_directory(&place.path("owner"), &place.path("killed"));
    let own = log(&memory);
    let second = try_owner(own.clone(), &place, "killed", LOCAL).unwrap();
    assert_eq!(second.query(|tally| tally.numbers.len()).unwrap(), 30);
    wait_until("the rest is shipped", || own.status().shipped == Seq::new(30));
    add(&second, 30..31);
    assert_log_has(&memory, &place, "standby", 31);
    // the directory was used twice: the first one is fenced, although both have one id
    connection.set_connection(Connection::Up);
    wait_until("the first is fenced", || first.query(|_| ()).is_err());
    assert_eq!(first.query(|_| ()).unwrap_err().kind(), ErrorKind::Fenced);
    add(&second, 31..32);
}

#[test]
fn a_close_while_the_log_is_cut_off_is_bounded_and_loses_nothing() {
    let (memory, place) = (MemoryLog::new("close"), Place::new());
    let connection = memory.another_handle();
    let first = try_owner(Log::new(connection.clone()), &place, "owner", LOCAL).unwrap();
    add(&first, 0..5);
    connection.set_connection(Connection::Down);
    add(&first, 5..10);
    let began = Instant::now();
    // an error may say that the rest is not shipped
    let _ = Image::close(first);
    assert!(began.elapsed() < Duration::from_secs(14), "{:?}", began.elapsed());
    let second = owner(&memory, &place, "owner", LOCAL);
    assert_eq!(second.query(|tally| tally.numbers.len()).unwrap(), 10);
    Image::close(second).unwrap();
    assert_log_has(&memory, &place, "standby", 10);
}

#[test]
fn an_owner_does_not_open_while_its_log_is_cut_off_and_its_directory_stays_as_it_is() {
    let (memory, place) = (MemoryLog::new("open"), Place::new());
    let down = memory.another_handle();
    down.set_connection(Connection::Down);
    for has_image in [false, true] {
        if has_image {
            let first = owner(&memory, &place, "owner", REMOTE);
            add(&first, 0..5);
            Image::close(first).unwrap();
        }
        let before = segments(&place.path("owner"));
        let contents = |names: &[String]| -> Vec<_> {
            names.iter().map(|name| fs::read(place.path("owner").join("journal").join(name)).unwrap()).collect()
        };
        let bytes = contents(&before);
        let error = try_owner(Log::new(down.clone()), &place, "owner", REMOTE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Replication, "{error}");
        assert!(error.to_string().contains("memory://open"), "{error}");
        assert_eq!(segments(&place.path("owner")), before);
        assert_eq!(contents(&before), bytes);
    }
    let second = owner(&memory, &place, "owner", REMOTE);
    assert_eq!(second.add(5).unwrap(), 6);
}

#[test]
fn the_log_of_a_follower_is_used_again_after_a_promotion_that_failed() {
    let (memory, place) = (MemoryLog::new("promotion"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    add(&first, 0..5);
    let connection = memory.another_handle();
    let own = Log::new(connection.clone());
    let mut follower = Image::<Tally>::options().replicate(own.clone(), REMOTE).follow(place.path("owner")).unwrap();
    Image::close(first).unwrap();
    connection.set_connection(Connection::Down);
    for _ in 0..2 {
        let failed = follower.promote().unwrap_err();
        assert!(failed.to_string().contains("the test cut the connection"), "{failed}");
        follower = failed.into_follower();
    }
    connection.set_connection(Connection::Up);
    let second = follower.promote().unwrap();
    add(&second, 5..6);
    assert_eq!(own.status().shipped, Seq::new(6));
    assert_log_has(&memory, &place, "standby", 6);
}

#[test]
fn the_log_of_another_directory_is_refused_unless_it_is_taken_over_by_name() {
    let (memory, place) = (MemoryLog::new("another"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    add(&first, 0..5);
    copy_directory(&place.path("owner"), &place.path("copy"));
    fs::remove_dir_all(place.path("copy").join("replication")).unwrap();
    add(&first, 5..10);
    let entries = memory.entries();
    let refused = try_owner(log(&memory), &place, "copy", REMOTE).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::OtherOwner, "{refused}");
    for choice in ["memory://another", "term 1", "Standby::open", "Log::take_over(true)"] {
        assert!(refused.to_string().contains(choice), "{choice}: {refused}");
    }
    // an empty directory cannot even be forced to
    for takes_over in [false, true] {
        let refused = try_owner(log(&memory).take_over(takes_over), &place, "empty", REMOTE).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::OtherOwner, "{refused}");
        assert!(refused.to_string().contains("open a standby there"), "{refused}");
        assert!(segments(&place.path("empty")).is_empty());
    }
    // neither can an image of its own
    Image::close(Image::<Tally>::open(place.path("stranger")).unwrap()).unwrap();
    let refused = try_owner(log(&memory).take_over(true), &place, "stranger", REMOTE).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::OtherOwner, "{refused}");
    assert!(refused.to_string().contains("another image"), "{refused}");
    let refused = standby(&memory, &place, "stranger").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::OtherOwner, "{refused}");
    assert_eq!(memory.entries(), entries, "nothing was claimed");
    assert_eq!(first.query(|tally| tally.numbers.len()).unwrap(), 10, "the owner still owns the log");

    let second = try_owner(log(&memory).take_over(true), &place, "copy", REMOTE).unwrap();
    add(&second, 10..12);
    assert_eq!(first.add(10).unwrap_err().kind(), ErrorKind::Fenced);
    Image::close(second).unwrap();
    // it is the owner now
    let second = owner(&memory, &place, "copy", REMOTE);
    add(&second, 12..13);
    assert_log_has(&memory, &place, "standby", 13);
}

#[test]
fn a_directory_with_another_history_does_not_take_over() {
    let (memory, place) = (MemoryLog::new("histories"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    add(&first, 0..5);
    copy_directory(&place.path("owner"), &place.path("copy"));
    add(&first, 5..10);
    let alone = Image::<Tally>::open(place.path("copy")).unwrap();
    add(&alone, 77..80);
    Image::close(alone).unwrap();
    let entries = memory.entries();
    let refused = try_owner(log(&memory).take_over(true), &place, "copy", REMOTE).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Replaced, "{refused}");
    assert!(refused.to_string().contains("different histories"), "{refused}");
    assert_eq!(memory.entries(), entries);
    assert_eq!(Image::<Tally>::open(place.path("copy")).unwrap().query(|tally| tally.numbers.len()).unwrap(), 8);
}

/// Options with short segments, of which the journal keeps few.
fn pruning() -> Options<Tally> {
    Image::<Tally>::options().segment_bytes(16 << 10).retention(Retention::Events(0))
}

/// Fills some segments, and makes a snapshot.
fn fill(owner: &Image<Tally>, numbers: std::ops::Range<u64>) {
    for number in numbers {
        owner.set_text("x".repeat(2000)).unwrap();
        owner.add(number).unwrap();
    }
    owner.admin().snapshot().unwrap();
}

#[test]
fn an_image_that_exists_is_replicated_from_its_first_segment() {
    for is_pruned in [false, true] {
        let (memory, place) = (MemoryLog::new("exists"), Place::new());
        let options = || if is_pruned { pruning() } else { pruning().retention(Retention::Everything) };
        let alone = options().open(place.path("owner")).unwrap();
        for round in 0..4 {
            fill(&alone, round * 20..round * 20 + 20);
        }
        let is_first = || {
            segments(&place.path("owner"))[0] == format!("{:020}.journal", 1)
                || segments(&place.path("owner"))[0].trim_start_matches('0').starts_with("1.")
        };
        if is_pruned {
            wait_until("the journal is pruned", || !is_first());
        }
        Image::close(alone).unwrap();
        assert!(segments(&place.path("owner")).len() > 1);
        let owner = options().replicate(log(&memory), REMOTE).open(place.path("owner")).unwrap();
        add(&owner, 80..81);
        // it begins at a snapshot if the first segments are gone, and waits for it
        let opened = memimage_replication::Standby::<Tally>::open(log(&memory), place.path("standby")).unwrap();
        assert_eq!(opened.query(Tally::clone).unwrap(), owner.query(Tally::clone).unwrap());
        drop(opened);
        assert_log_has(&memory, &place, "standby", 81);
        let second = standby(&memory, &place, "standby").unwrap().promote().unwrap();
        add(&second, 81..82);
    }
}

#[test]
fn the_local_journal_keeps_what_the_log_does_not_have() {
    let (memory, place) = (MemoryLog::new("pruning"), Place::new());
    let connection = memory.another_handle();
    let own = Log::new(connection.clone());
    let owner = pruning().replicate(own.clone(), LOCAL).open(place.path("owner")).unwrap();
    connection.set_connection(Connection::Down);
    for round in 0..4 {
        fill(&owner, round * 20..round * 20 + 20);
    }
    thread::sleep(Duration::from_millis(300));
    assert!(segments(&place.path("owner"))[0].ends_with("1.journal"), "{:?}", segments(&place.path("owner")));
    connection.set_connection(Connection::Up);
    wait_until("the log has all", || own.status().shipped == Seq::new(160));
    fill(&owner, 80..100);
    fill(&owner, 100..120);
    wait_until("the journal is pruned", || !segments(&place.path("owner"))[0].ends_with("01.journal"));
    assert_log_has(&memory, &place, "standby", 120);
}

#[test]
fn commands_wait_or_fail_while_the_log_is_too_far_behind() {
    for fails in [true, false] {
        let (memory, place) = (MemoryLog::new("lag"), Place::new());
        let connection = memory.another_handle();
        let limit = MaxLag::new(8 << 10, Duration::from_secs(60));
        let limit = if fails { limit.fail() } else { limit.wait() };
        let acknowledge = Acknowledge::Local { max_lag: limit };
        let owner = try_owner(Log::new(connection.clone()), &place, "owner", acknowledge).unwrap();
        add(&owner, 0..2);
        connection.set_connection(Connection::Down);
        let load = thread::spawn({
            let owner = owner.clone();
            move || (2..100).find_map(|number| owner.add(number).err().map(|error| (number, error)))
        });
        let numbers = if fails {
            let (failed, error) = load.join().unwrap().expect("a command fails");
            assert_eq!(error.kind(), ErrorKind::ReplicationLag, "{error}");
            assert!(!error.is_outcome_unknown(), "{error}");
            assert_eq!(owner.query(|tally| tally.numbers.len() as u64).unwrap(), failed, "it executed nothing");
            connection.set_connection(Connection::Up);
            wait_until("commands are accepted again", || owner.add(failed).is_ok());
            failed + 1
        } else {
            thread::sleep(Duration::from_millis(300));
            assert!(!load.is_finished(), "a command waits");
            assert!(owner.query(|tally| tally.numbers.len()).unwrap() < 100);
            connection.set_connection(Connection::Up);
            assert!(load.join().unwrap().is_none());
            100
        };
        Image::close(owner).unwrap();
        assert_log_has(&memory, &place, "standby", numbers);
    }
}

#[test]
fn the_log_of_another_image_is_named_as_such_before_any_other_advice() {
    let (memory, place) = (MemoryLog::new("image a"), Place::new());
    drop(owner(&memory, &place, "a", REMOTE));
    let other = Image::<Tally>::options().open(place.path("b")).unwrap();
    other.add(1).unwrap();
    Image::close(other).unwrap();
    for take_over in [false, true] {
        let error = try_owner(log(&memory).take_over(take_over), &place, "b", REMOTE).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::OtherOwner, "{text}");
        assert!(text.contains("is the log of another image") && !text.contains("take_over"), "{text}");
    }
}
