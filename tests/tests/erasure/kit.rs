//! The testing kit finds commands that decide by personal data.

use std::panic::{AssertUnwindSafe, catch_unwind};

use memimage::testing::{given, shape_matches};
use memimage::{Model, Personal, Shape};
use serde::{Deserialize, Serialize};

use super::{Clinic, ClinicInvent, ClinicRegister, ClinicShout, ClinicVisit};

#[test]
fn a_model_that_decides_by_nothing_personal_passes() {
    given::<Clinic>()
        .event(ClinicRegister { id: 1, name: Personal::new(1, "Ann".to_owned()) })
        .when(ClinicVisit { id: 1 })
        .then_ok(1)
        .when(ClinicShout { id: 1 })
        .then_ok(())
        .then(|clinic| assert_eq!(clinic.name(1), Some("ANN")));
    shape_matches(&Personal::new(1, "Ann".to_owned()));
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Biased {
    adults: u32,
    longest: u64,
}

#[memimage::commands]
impl Biased {
    #[command]
    fn count(&mut self, age: Personal<u8>) {
        if age.get().is_some_and(|age| *age >= 18) {
            self.adults += 1;
        }
    }

    #[command]
    fn reject(&mut self, age: Personal<u8>) -> Result<(), String> {
        if age.get().is_some_and(|age| *age >= 18) { Ok(()) } else { Err("too young".to_owned()) }
    }
}

fn message(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap()
}

#[test]
fn a_body_that_decides_by_a_value_fails_with_the_path_of_the_difference() {
    let found = message(|| drop(given::<Biased>().when(BiasedCount { age: Personal::new(1, 40) }).then_ok(())));
    assert!(found.contains("`adults` is 1 as executed and 0 with all personal data erased"), "{found}");
    let found = message(|| drop(given::<Biased>().event(BiasedCount { age: Personal::new(1, 40) })));
    assert!(found.contains("with all personal data erased") && found.contains("help:"), "{found}");
}

#[test]
fn a_body_that_rejects_by_a_value_fails() {
    let found = message(|| drop(given::<Biased>().when(BiasedReject { age: Personal::new(1, 40) }).then_ok(())));
    assert!(found.contains("its recorded outcome is `applied`, but on replay it was rejected"), "{found}");
}

#[test]
fn a_body_that_makes_a_value_fails() {
    let found = message(|| {
        drop(given::<Clinic>().when(ClinicInvent { id: 1 }).then_ok(()).when(ClinicVisit { id: 1 }).then_ok(1));
    });
    assert!(found.contains("no argument of a command"), "{found}");
}
