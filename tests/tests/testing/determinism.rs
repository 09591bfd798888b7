//! Models that come out the same each time, and such as do not.

use std::env;
use std::fs;
use std::process::{Command, Output};

use memimage::testing::{determinism, given};
use tempfile::tempdir;

use super::failure;
use super::model::{Bank, BankDeposit, BankDraw, BankSettle, DepositV2, Memo};

#[test]
fn a_deterministic_model_passes() {
    let past = given::<Bank>()
        .event(BankDeposit { account: 7, cents: 100, memo: Memo { text: "rent".to_owned() } })
        .past("deposit", 2, DepositV2 { account: 8, cents: 1 })
        .rejected(BankSettle { account: 9, hard: true })
        .event(BankDraw {})
        .when(BankDraw {})
        .and();
    determinism(past);
}

/// Twice at one place: each call is told from the other.
#[test]
fn several_calls_in_one_test_pass() {
    for account in 0..2 {
        determinism(given::<Bank>().past("deposit", 2, DepositV2 { account, cents: 1 }));
    }
    determinism(given::<Bank>());
}

/// Takes the order of a hash map into its state.
mod hashed {
    use std::collections::HashMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Queue {
        waiting: HashMap<u32, String>,
        served: Vec<u32>,
    }

    #[memimage::commands]
    impl Queue {
        #[command]
        pub fn join(&mut self, number: u32) {
            self.waiting.insert(number, "someone".to_owned());
        }

        #[command]
        #[allow(clippy::iter_over_hash_type, reason = "the mistake that is to be found")]
        pub fn serve(&mut self) {
            for number in self.waiting.keys() {
                self.served.push(*number);
            }
        }
    }
}

#[test]
fn the_order_of_a_hash_map_is_found_at_its_event() {
    use hashed::{Queue, QueueJoin, QueueServe};
    let joined = (0..40).fold(given::<Queue>(), |given, number| given.event(QueueJoin { number }));
    let said = failure(|| determinism(joined.event(QueueServe {}).event(QueueJoin { number: 99 })));
    assert!(said.contains("led to another state after event 41, `serve` v1\n"), "{said}");
    assert!(said.contains("  served[") && said.contains("hash map's order"), "{said}");
}

/// Depends on how often it ran in this process, which no second replay here sees if it counts to an even number.
mod global {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Host {
        process: u32,
    }

    #[memimage::commands]
    impl Host {
        #[command]
        pub fn calm(&mut self) {}

        #[command(allow(nondeterminism))]
        pub fn note(&mut self) {
            self.process = std::process::id();
        }
    }
}

#[test]
fn what_differs_in_another_process_only_is_found_there() {
    use global::{Host, HostCalm, HostNote};
    let past = given::<Host>().event(HostCalm {}).event(HostNote {}).event(HostCalm {});
    let said = failure(|| determinism(past));
    assert!(said.contains("a replay in another process led to another state after event 2, `note` v1\n"), "{said}");
    assert!(said.contains(&format!("process: {} at first, ", std::process::id())), "{said}");
}

/// Keeps something beside what it serializes.
mod forgetful {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Clone, Copy, Default, Shape)]
    pub struct Count(u32);

    impl Serialize for Count {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_newtype_struct("Count", &(self.0 / 2 * 2))
        }
    }

    impl<'de> Deserialize<'de> for Count {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
            u32::deserialize(deserializer).map(Count)
        }
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Pairs {
        count: Count,
    }

    #[memimage::commands]
    impl Pairs {
        #[command]
        pub fn add(&mut self) {
            self.count.0 += 1;
        }
    }
}

#[test]
fn what_a_snapshot_forgets_is_found_at_the_event_that_needed_it() {
    use forgetful::{Pairs, PairsAdd};
    let past = given::<Pairs>().event(PairsAdd {}).event(PairsAdd {}).event(PairsAdd {});
    let said = failure(|| determinism(past));
    let expected = "a replay with a snapshot loaded after each event led to another state after event 2, `add` v1\n";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("count: 2 at first, 0 then"), "{said}");
}

/// Runs one of the tests that are ignored below.
fn run(test: &str, name: &str, value: &std::path::Path) -> Output {
    let program = env::current_exe().unwrap();
    Command::new(program).args([test, "--exact", "--ignored", "--test-threads=1"]).env(name, value).output().unwrap()
}

#[test]
#[ignore = "is run by another, since it comes with other events each time"]
fn other_events_each_time() {
    let events = (0..std::process::id() % 1_000_003).take(1);
    let past = events.fold(given::<Bank>(), |given, _| {
        given.past("deposit", 2, DepositV2 { account: std::process::id(), cents: 1 })
    });
    determinism(past);
}

#[test]
fn a_test_that_comes_with_other_events_is_told_so() {
    let output = run("determinism::other_events_each_time", "UNUSED", "".as_ref());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("the test called `determinism` with another history in another process"), "{said}");
}

#[test]
#[ignore = "is run by another, since it does something else in the second process"]
fn only_once() {
    let path = env::var_os("MEMIMAGE_TEST_ONCE").expect("it is run by another");
    if fs::exists(&path).unwrap() {
        return;
    }
    fs::write(path, "").unwrap();
    determinism(given::<Bank>());
}

#[test]
fn a_second_process_that_does_not_get_there_is_a_failure() {
    let directory = tempdir().unwrap();
    let output = run("determinism::only_once", "MEMIMAGE_TEST_ONCE", &directory.path().join("once"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("did not reach this call") && said.contains("1 passed"), "{said}");
}

#[test]
fn a_thread_without_a_name_is_refused() {
    let said = std::thread::spawn(|| failure(|| determinism(given::<Bank>()))).join().unwrap();
    assert!(said.contains("call it on the test's own"), "{said}");
}
