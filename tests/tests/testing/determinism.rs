//! Deterministic and nondeterministic models.

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

/// Two calls at the same line are distinguished.
#[test]
fn several_calls_in_one_test_pass() {
    for account in 0..2 {
        determinism(given::<Bank>().past("deposit", 2, DepositV2 { account, cents: 1 }));
    }
    determinism(given::<Bank>());
}

/// A model whose state depends on the order of a hash map.
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
        #[allow(clippy::iter_over_hash_type, reason = "the fault under test")]
        pub fn serve(&mut self) {
            for number in self.waiting.keys() {
                self.served.push(*number);
            }
        }
    }
}

#[test]
fn a_dependence_on_hash_map_order_is_reported_at_its_event() {
    use hashed::{Queue, QueueJoin, QueueServe};
    let joined = (0..40).fold(given::<Queue>(), |given, number| given.event(QueueJoin { number }));
    let message = failure(|| determinism(joined.event(QueueServe {}).event(QueueJoin { number: 99 })));
    assert!(message.contains("led to another state after event 41, `serve` v1\n"), "{message}");
    assert!(message.contains("  served[") && message.contains("the order of a hash map"), "{message}");
}

/// A model whose state depends on the process id, so a second replay in the same process does not notice it.
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
        pub fn idle(&mut self) {}

        #[command(allow(nondeterminism))]
        pub fn note(&mut self) {
            self.process = std::process::id();
        }
    }
}

#[test]
fn a_difference_in_another_process_is_reported() {
    use global::{Host, HostIdle, HostNote};
    let past = given::<Host>().event(HostIdle {}).event(HostNote {}).event(HostIdle {});
    let message = failure(|| determinism(past));
    assert!(
        message.contains("a replay in another process led to another state after event 2, `note` v1\n"),
        "{message}"
    );
    assert!(message.contains(&format!("process: {} in the first replay, ", std::process::id())), "{message}");
}

/// A model that does not serialize its complete state.
mod lossy {
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
fn state_that_a_snapshot_loses_is_reported_at_the_event_that_needs_it() {
    use lossy::{Pairs, PairsAdd};
    let past = given::<Pairs>().event(PairsAdd {}).event(PairsAdd {}).event(PairsAdd {});
    let message = failure(|| determinism(past));
    let expected = "a replay with a snapshot loaded after each event led to another state after event 2, `add` v1\n";
    assert!(message.contains(expected), "{message}");
    assert!(message.contains("count: 2 in the first replay, 0 in this replay"), "{message}");
}

/// Runs one of the ignored tests below.
fn run(test: &str, name: &str, value: &std::path::Path) -> Output {
    let program = env::current_exe().unwrap();
    Command::new(program).args([test, "--exact", "--ignored", "--test-threads=1"]).env(name, value).output().unwrap()
}

#[test]
#[ignore = "run by another test, because its events differ in each process"]
fn different_events_in_each_process() {
    let events = (0..std::process::id() % 1_000_003).take(1);
    let past = events.fold(given::<Bank>(), |given, _| {
        given.past("deposit", 2, DepositV2 { account: std::process::id(), cents: 1 })
    });
    determinism(past);
}

#[test]
fn a_test_with_different_events_in_each_process_fails() {
    let output = run("determinism::different_events_in_each_process", "UNUSED", "".as_ref());
    let message = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "{message}");
    assert!(message.contains("the test called `determinism` with another history"), "{message}");
}

#[test]
#[ignore = "run by another test, because it does nothing in the second process"]
fn only_once() {
    let path = env::var_os("MEMIMAGE_TEST_ONCE").expect("run by another test");
    if fs::exists(&path).unwrap() {
        return;
    }
    fs::write(path, "").unwrap();
    determinism(given::<Bank>());
}

#[test]
fn a_second_process_that_does_not_reach_the_call_is_a_failure() {
    let directory = tempdir().unwrap();
    let output = run("determinism::only_once", "MEMIMAGE_TEST_ONCE", &directory.path().join("once"));
    let message = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "{message}");
    assert!(message.contains("did not reach this call") && message.contains("1 passed"), "{message}");
}

#[test]
fn a_call_on_an_unnamed_thread_is_refused() {
    let message = std::thread::spawn(|| failure(|| determinism(given::<Bank>()))).join().unwrap();
    assert!(message.contains("call it on the thread of the test"), "{message}");
}
