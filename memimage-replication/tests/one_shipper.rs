//! One process ships a directory to a log: a second one is refused, and fences nobody.

mod support;

use memimage::replication::Acknowledge;
use memimage::{Error, ErrorKind, Image};
use memimage_replication::Sidecar;
use memimage_replication::testing::MemoryLog;
use support::replicas::{LOCAL, log, try_owner};
use support::{Place, Tally, TallyCommands};

const REMOTE: Acknowledge = Acknowledge::Remote;

fn assert_locked(error: &Error, name: &str) {
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    let text = error.to_string();
    let process = format!("process {}", std::process::id());
    for part in [&process as &str, name, "take_over", "does not apply", "help: "] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_sidecar_cannot_take_the_log_of_a_program_that_ships_the_same_directory() {
    for acknowledge in [REMOTE, LOCAL] {
        let (memory, place) = (MemoryLog::new("shipped"), Place::new());
        let program = try_owner(log(&memory).name("the program"), &place, "image", acknowledge).unwrap();
        program.add(1).unwrap();
        for take_over in [false, true] {
            let entries = memory.entries().len();
            let sidecar = Sidecar::start(log(&memory).take_over(take_over), place.path("image"));
            assert_locked(&sidecar.unwrap_err(), "the program");
            assert_eq!(memory.entries().len(), entries, "nothing was appended");
        }
        program.add(2).unwrap();
        Image::close(program).unwrap();
        // whoever ships has ended
        Sidecar::start(log(&memory), place.path("image")).unwrap().stop().unwrap();
    }
}

#[test]
fn one_sidecar_ships_a_directory_to_a_log() {
    let (memory, place) = (MemoryLog::new("sidecars"), Place::new());
    let image = Image::<Tally>::options().open(place.path("image")).unwrap();
    image.add(1).unwrap();
    let first = Sidecar::start(log(&memory).name("the first"), place.path("image")).unwrap();
    assert_locked(&Sidecar::start(log(&memory), place.path("image")).unwrap_err(), "the first");
    image.add(2).unwrap();
    first.ship_all().unwrap();
    // another log is another matter
    let other = MemoryLog::new("another");
    Sidecar::start(log(&other), place.path("image")).unwrap().stop().unwrap();
    first.stop().unwrap();
    Sidecar::start(log(&memory), place.path("image")).unwrap().stop().unwrap();
}

#[test]
fn a_program_cannot_take_the_log_of_a_sidecar_and_a_promotion_locks_too() {
    let (memory, place) = (MemoryLog::new("roles"), Place::new());
    let image = Image::<Tally>::options().open(place.path("image")).unwrap();
    image.add(1).unwrap();
    Image::close(image).unwrap();
    let sidecar = Sidecar::start(log(&memory).name("a sidecar"), place.path("image")).unwrap();
    sidecar.ship_all().unwrap();
    assert_locked(&try_owner(log(&memory), &place, "image", REMOTE).unwrap_err(), "a sidecar");
    sidecar.stop().unwrap();
    drop(try_owner(log(&memory), &place, "image", REMOTE).unwrap());

    let standby = support::replicas::standby(&memory, &place, "standby").unwrap();
    let promoted = standby.promote().unwrap();
    assert_locked(&Sidecar::start(log(&memory), place.path("standby")).unwrap_err(), "process");
    promoted.add(2).unwrap();
}
