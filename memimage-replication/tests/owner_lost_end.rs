//! An owner whose log loses its end: it acknowledges nothing behind the gap, and says so.

#![cfg(feature = "object-store")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use memimage::replication::Acknowledge;
use memimage::{Error, ErrorKind, Image};
use memimage_replication::testing::MemoryLog;
use memimage_replication::{Log, RemoteLog as _};
use support::replicas::{LOCAL, log, try_owner};
use support::{Place, Tally, TallyCommands, wait_until};

const REMOTE: Acknowledge = Acknowledge::Remote;
const WAIT: Duration = Duration::from_secs(20);

fn file_log(place: &Place) -> Log {
    Log::open(&format!("file://{}", place.path("log").display())).unwrap()
}

/// An owner with three events in a log that is a directory.
fn owner_of_files(place: &Place, acknowledge: Acknowledge) -> (Image<Tally>, Log) {
    let log = file_log(place);
    let owner = try_owner(log.clone(), place, "owner", acknowledge).unwrap();
    (1..=3).for_each(|number| {
        owner.add(number).unwrap();
    });
    wait_until("all events are shipped", || log.status().shipped.get() == 3);
    (owner, log)
}

fn entry_files(place: &Place) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = match fs::read_dir(place.path("log").join("entries")) {
        Ok(files) => files.map(|file| file.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    };
    files.sort();
    files
}

fn remove_last_two(place: &Place) {
    entry_files(place).iter().rev().take(2).for_each(|file| fs::remove_file(file).unwrap());
}

/// What happens to a mount point that is unmounted: the directory underneath is there instead.
fn unmount(place: &Place) {
    fs::rename(place.path("log"), place.path("unmounted")).unwrap();
    fs::create_dir(place.path("log")).unwrap();
}

fn remove_all(place: &Place) {
    fs::remove_dir_all(place.path("log")).unwrap();
}

type Loss = (&'static str, fn(&Place));

const LOSSES: [Loss; 3] =
    [("the last two entries", remove_last_two), ("unmounted", unmount), ("the directory", remove_all)];

/// The error names the position of the last entry that the log had acknowledged.
fn assert_lost(error: &Error, position: u64, what: &str) {
    let text = error.to_string();
    for part in [&format!("position {position} ") as &str, "no longer has it", "help: "] {
        assert!(text.contains(part), "{what}: {part}: {text}");
    }
}

#[test]
fn an_owner_acknowledges_nothing_once_its_log_has_lost_its_end() {
    for (what, lose) in LOSSES {
        let place = Place::new();
        let (owner, log) = owner_of_files(&place, REMOTE);
        let last = log.status().position - 1;
        lose(&place);
        let left = entry_files(&place);
        assert_lost(&owner.add(4).expect_err(what), last, what);
        assert_lost(&log.confirm_owner(WAIT).expect_err(what), last, what);
        assert_lost(&owner.query(|tally| tally.sum).expect_err(what), last, what);
        assert_lost(&Image::close(owner).expect_err(what), last, what);
        assert_eq!(entry_files(&place), left, "{what}: nothing was appended behind the gap");
    }
}

#[test]
fn the_image_can_be_opened_again_when_the_storage_is_back_and_when_it_is_not() {
    for (what, lose) in LOSSES {
        let place = Place::new();
        let (owner, _) = owner_of_files(&place, REMOTE);
        lose(&place);
        owner.add(4).expect_err(what);
        drop(owner);
        if place.path("unmounted").exists() {
            fs::remove_dir_all(place.path("log")).unwrap();
            fs::rename(place.path("unmounted"), place.path("log")).unwrap();
        }
        let log = file_log(&place);
        let owner = try_owner(log.clone(), &place, "owner", REMOTE).unwrap();
        assert_eq!(owner.query(|tally| tally.sum).unwrap(), 10, "{what}: the journal has all events");
        log.confirm_owner(WAIT).unwrap();
        Image::close(owner).unwrap();
        let restored = place.path("restored");
        memimage_replication::restore(&log, &restored).unwrap();
        assert_eq!(Image::<Tally>::open(&restored).unwrap().query(|tally| tally.sum).unwrap(), 10, "{what}");
    }
}

#[test]
fn with_local_the_loss_ends_the_shipping_and_is_reported() {
    for (what, lose) in LOSSES {
        let place = Place::new();
        let (owner, log) = owner_of_files(&place, LOCAL);
        let last = log.status().position - 1;
        lose(&place);
        owner.add(4).expect(what);
        wait_until("the owner notices", || owner.add(5).is_err());
        assert_lost(&owner.add(6).unwrap_err(), last, what);
        assert_lost(&Image::close(owner).expect_err(what), last, what);
    }
}

#[test]
fn confirmations_heartbeats_and_the_close_verify_the_end() {
    for (what, lose) in LOSSES {
        let place = Place::new();
        let (owner, log) = owner_of_files(&place, REMOTE);
        let last = log.status().position - 1;
        lose(&place);
        assert_lost(&log.confirm_owner(WAIT).expect_err(what), last, what);
        drop(owner);

        let place = Place::new();
        let (owner, log) = owner_of_files(&place, REMOTE);
        let last = log.status().position - 1;
        lose(&place);
        // nothing is left to be shipped
        assert_lost(&Image::close(owner).expect_err(what), last, what);

        let place = Place::new();
        let log = file_log(&place).lease(Duration::from_millis(300));
        let owner = try_owner(log, &place, "owner", REMOTE).unwrap();
        owner.add(1).unwrap();
        lose(&place);
        wait_until("a heartbeat finds the loss", || owner.query(|tally| tally.sum).is_err());
    }
}

#[test]
fn an_owner_without_a_lease_that_was_idle_notices_the_loss() {
    let losses = LOSSES.map(|(what, lose)| {
        thread::spawn(move || {
            let place = Place::new();
            let (owner, log) = owner_of_files(&place, REMOTE);
            let last = log.status().position - 1;
            // from then on, the engine verifies anew where the log ends
            thread::sleep(Duration::from_millis(10_300));
            lose(&place);
            let waiting = thread::spawn({
                let owner = owner.clone();
                move || owner.add(4)
            });
            wait_until("the command ends", || waiting.is_finished());
            assert_lost(&waiting.join().unwrap().expect_err(what), last, what);
        })
    });
    losses.into_iter().for_each(|lost| lost.join().unwrap());
}

#[test]
fn a_close_does_not_fail_because_a_log_that_has_everything_is_unreachable() {
    let (memory, place) = (MemoryLog::new("away"), Place::new());
    let connection = log(&memory);
    let cut = support::replicas::CutLog::new(&memory);
    let owner = try_owner(Log::new(cut.clone()), &place, "owner", REMOTE).unwrap();
    owner.add(1).unwrap();
    cut.cut_after(0);
    Image::close(owner).unwrap();
    assert_eq!(connection.address(), memory.address());
}

/// The position of the last entry of another image's history is not the owner's entry.
#[test]
fn a_close_notices_that_the_last_entry_is_another_one() {
    let (memory, place) = (MemoryLog::new("replaced"), Place::new());
    let owner = try_owner(log(&memory), &place, "owner", REMOTE).unwrap();
    owner.add(1).unwrap();
    let entries = memory.entries();
    let (position, _) = entries[entries.len() - 1];
    memory.replace(position, &entries[entries.len() - 2].1);
    let error = Image::close(owner).unwrap_err();
    assert_lost(&error, position, "replaced");
    assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
    assert!(Path::new(&place.path("owner")).exists());
}
