//! A log that loses its end while standbys follow it.

mod support;

use std::thread;
use std::time::Duration;

use memimage::replication::Acknowledge;
use memimage::{ErrorKind, Image};
use memimage_replication::testing::MemoryLog;
use memimage_replication::{Append, RemoteLog as _};
use support::replicas::{log, standby, standby_on, try_owner};
use support::{Place, Tally, TallyCommands, wait_until};

const LEASE: Duration = Duration::from_millis(300);

/// A log with five events, whose owner is gone.
fn abandoned(name: &str) -> (MemoryLog, Place) {
    let (memory, place) = (MemoryLog::new(name), Place::new());
    let owner = try_owner(log(&memory).lease(LEASE), &place, "owner", Acknowledge::Remote).unwrap();
    (0..5).for_each(|number| {
        owner.add(number).unwrap();
    });
    Image::close(owner).unwrap();
    (memory, place)
}

/// Replaces the last entry by the one before it, or removes it.
fn damage_end(memory: &MemoryLog, contradicts: bool) {
    let entries = memory.entries();
    match contradicts {
        true => memory.replace(entries[entries.len() - 1].0, &entries[entries.len() - 2].1),
        false => memory.forget_last(1),
    }
}

#[test]
fn auto_ends_if_the_log_lacks_or_contradicts_what_the_standby_has() {
    for contradicts in [false, true] {
        let (memory, place) = abandoned("auto");
        let standby = standby_on(log(&memory).lease(LEASE), &place, "standby").unwrap();
        damage_end(&memory, contradicts);
        let left = memory.entries();
        let waiting = thread::spawn({
            let standby = standby.clone();
            move || standby.auto(LEASE)
        });
        wait_until("auto ends", || waiting.is_finished());
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let position = format!("position {}", memory.entries().len() + usize::from(!contradicts));
        for part in [&position, "memory://auto", "start the owner again", "a new log", "in another directory"] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        assert_eq!(memory.entries(), left, "nothing was appended");
        assert_eq!(standby.query(|tally| tally.sum).unwrap(), 10, "it answers queries");
        // a later call ends at once
        assert_eq!(standby.auto(LEASE).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn the_choices_of_the_error_work() {
    let (memory, place) = abandoned("choices");
    let first = standby(&memory, &place, "standby").unwrap();
    memory.forget_last(1);
    let error = first.promote().unwrap_err();
    assert!(error.to_string().contains("has lost entries"), "{error}");
    drop(error);
    let kept = Image::<Tally>::options().replicate(log(&MemoryLog::new("new")), Acknowledge::Remote);
    assert_eq!(kept.open(place.path("standby")).unwrap().query(|tally| tally.sum).unwrap(), 10);
    let other = standby(&memory, &place, "another").unwrap().promote().unwrap();
    assert_eq!(other.query(|tally| tally.sum).unwrap(), 6);
}

#[test]
fn a_standby_notices_that_its_log_became_shorter_and_that_the_end_is_back() {
    let (memory, place) = abandoned("shorter");
    let standby = standby(&memory, &place, "standby").unwrap();
    let (position, bytes) = memory.entries().pop().unwrap();
    memory.forget_last(1);
    wait_until("the standby notices the loss", || standby.lag().is_err());
    let error = standby.lag().unwrap_err();
    assert!(error.to_string().contains(&format!("position {position}")), "{error}");
    assert_eq!(standby.query(|tally| tally.sum).unwrap(), 10);
    assert_eq!(memory.append(position, &bytes).unwrap(), Append::Done);
    wait_until("the end is back", || standby.lag().is_ok());
    assert_eq!(standby.promote().unwrap().add(5).unwrap(), 6);
}
