//! State that a snapshot loses without a derived field: what the library sees of it, and when.

use memimage::disk::SimDisk;
use memimage::testing::{determinism, given};
use memimage::{Image, Model, Seq, Shape};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{failure, open};

/// Gives out numbers. Its serialization loses the free numbers, and no second serialization can show that.
#[derive(Default, Shape)]
#[shape(opaque = "numbers")]
struct Numbers {
    next: u64,
    free: Vec<u64>,
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.next)
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Numbers, D::Error> {
        Ok(Numbers { next: u64::deserialize(deserializer)?, free: Vec::new() })
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Lockers {
    numbers: Numbers,
    taken: Vec<u64>,
}

#[memimage::commands]
impl Lockers {
    #[command]
    fn take(&mut self) -> u64 {
        let number = self.numbers.free.pop().unwrap_or_else(|| {
            self.numbers.next += 1;
            self.numbers.next
        });
        self.taken.push(number);
        number
    }

    #[command(check = is_taken)]
    fn free(&mut self, number: u64) {
        self.taken.retain(|taken| *taken != number);
        self.numbers.free.push(number);
    }

    fn is_taken(&self, number: u64) -> Result<(), String> {
        if self.taken.contains(&number) { Ok(()) } else { Err(format!("{number} is free")) }
    }

    /// Answers with lost state, and leaves no other trace of it.
    #[command]
    fn count_free(&mut self) -> usize {
        self.numbers.free.len()
    }

    /// Depends on lost state only in its outcome.
    #[command]
    fn expect_free(&mut self) -> Result<(), String> {
        if self.numbers.free.is_empty() { Err("all are taken".to_owned()) } else { Ok(()) }
    }

    #[command(check = has_many_free)]
    fn open_hall(&mut self) {}

    fn has_many_free(&self) -> Result<(), String> {
        match self.numbers.free.len() {
            100.. => Ok(()),
            count => Err(format!("only {count} are free")),
        }
    }

    #[command(check = has_free)]
    fn note_free(&mut self) {}

    fn has_free(&self) -> Result<(), String> {
        if self.numbers.free.is_empty() { Err("all are taken".to_owned()) } else { Ok(()) }
    }
}

#[test]
fn a_scenario_sees_lost_state_in_the_effect_the_outcome_or_the_answer_of_a_later_command() {
    let past = || given::<Lockers>().event(LockersTake {}).event(LockersFree { number: 1 });
    let effect = failure(|| drop(past().when(LockersTake {})));
    assert!(
        effect.contains("when `take` v1: the command leads to another state on a model that was loaded"),
        "{effect}"
    );
    let rejected = failure(|| drop(past().when(LockersExpectFree {})));
    assert!(rejected.contains("without a load: the command answered"), "{rejected}");
    assert!(rejected.contains("after a load: the body refused the command"), "{rejected}");
    let refused = failure(|| drop(past().when(LockersNoteFree {})));
    assert!(refused.contains("after a load: the check refused the command"), "{refused}");
    let answer = failure(|| drop(past().when(LockersCountFree {}).then_ok(1)));
    assert!(answer.contains("found 1, as expected, but 0 on a model that was loaded"), "{answer}");
    assert!(answer.contains("`#[model(derived)]`"), "{answer}");
    let refusal = failure(|| drop(past().when(LockersOpenHall {}).then_refused("only 1 are free")));
    assert!(refusal.contains("as expected, but \"only 0 are free\" on a model that was loaded"), "{refusal}");
}

/// What no test sees: lost state that no later command of the test uses.
#[test]
fn a_scenario_does_not_see_lost_state_that_no_later_command_uses() {
    given::<Lockers>().event(LockersTake {}).when(LockersFree { number: 1 }).then_ok(());
    determinism(given::<Lockers>().event(LockersTake {}).event(LockersFree { number: 1 }));
}

#[test]
fn the_determinism_test_sees_lost_state_that_a_later_event_uses() {
    let past = given::<Lockers>().event(LockersTake {}).event(LockersFree { number: 1 }).event(LockersTake {});
    let message = failure(|| determinism(past));
    assert!(
        message.contains("a replay with a snapshot loaded after each event led to another state after event 3"),
        "{message}"
    );
}

/// A running image sees it one snapshot later: by the replay of the events that use the lost state.
#[test]
fn a_running_image_sees_lost_state_when_the_snapshot_after_the_next_use_is_verified() {
    let disk = SimDisk::new();
    let lockers = open::<Lockers>(&disk);
    lockers.take().unwrap();
    lockers.free(1).unwrap();
    assert!(lockers.admin().snapshot().unwrap().verified);
    assert_eq!(lockers.take().unwrap(), 1);
    let error = lockers.admin().snapshot().unwrap_err().to_string();
    assert!(error.contains("does not hold everything on which later commands depend"), "{error}");
    Image::close(lockers).unwrap();
}

/// A start from such a snapshot sees it only if the journal has a digest of a later state.
#[test]
fn a_start_from_a_snapshot_that_lost_state_gives_another_state_unnoticed() {
    let disk = SimDisk::new();
    let lockers = open::<Lockers>(&disk);
    lockers.take().unwrap();
    lockers.free(1).unwrap();
    lockers.admin().snapshot().unwrap();
    assert_eq!(lockers.take().unwrap(), 1);
    Image::close(lockers).unwrap();
    let lockers = open::<Lockers>(&disk);
    assert_eq!(lockers.admin().stats().recovery.snapshot, Some(Seq::new(2)));
    assert_eq!(lockers.query(|lockers| lockers.taken.clone()).unwrap(), [2]);
}
