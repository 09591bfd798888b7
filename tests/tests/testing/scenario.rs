//! Scenarios: given events, when a command runs, then an outcome is expected.

use memimage::testing::{START, given, given_state};
use memimage::{Image, Metadata, Model, Shape, SnapshotPolicy, Timestamp};
use serde::{Deserialize, Serialize};

use super::failure;
use super::model::{Bank, BankDeposit, BankDraw, BankExplode, BankSettle, BankWithdraw, DepositV2, Memo, SettleV1};

pub fn deposit(account: u32, cents: u64) -> BankDeposit {
    BankDeposit { account, cents, memo: Memo { text: "rent".to_owned() } }
}

fn withdraw(account: u32, cents: u64) -> BankWithdraw {
    BankWithdraw { account, cents }
}

#[test]
fn correct_expectations_pass() {
    given::<Bank>()
        .event(deposit(7, 100))
        .then(|bank| assert_eq!(bank.accounts[&7], 100))
        .when(withdraw(7, 30))
        .then_ok(70)
        .then_event(withdraw(7, 30))
        .when(withdraw(7, 500))
        .then_refused("there are 70 cents")
        .then_no_event()
        .then_unchanged()
        .when(BankSettle { account: 8, hard: false })
        .then_refused_with(|refusal| assert_eq!(refusal, "no account 8"))
        .then_rejected(BankSettle { account: 8, hard: false })
        .then(|bank| assert_eq!(bank.memos, ["rent", "settle 8, hard: false"]))
        .when(BankExplode { message: "bang 7".to_owned() })
        .then_panicked("bang")
        .then_no_event()
        .then_unchanged()
        .when(deposit(7, 1))
        .then_ok_with(|balance| assert_eq!(*balance, 71));
}

#[test]
fn time_and_random_numbers_are_reproducible() {
    let once = || {
        let mut drawn = Vec::new();
        given::<Bank>()
            .when(BankDraw {})
            .then_ok((1, START.as_secs()))
            .at(Timestamp::from_micros(2_000_000_000_000_000))
            .when(BankDraw {})
            .then_ok((2, 2_000_000_000))
            // recorded time never goes back
            .at(START)
            .when(BankDraw {})
            .then_ok((3, 2_000_000_000))
            .then(|bank| drawn.clone_from(&bank.drawn));
        drawn
    };
    let drawn = once();
    assert_eq!(drawn.len(), 3);
    assert_ne!(drawn[0], drawn[1]);
    assert_eq!(drawn, once());
}

#[test]
fn old_versions_are_upcast() {
    #[derive(Serialize, Deserialize, Shape)]
    struct DepositV1 {
        account: u32,
        dollars: u32,
    }
    given::<Bank>()
        .past("deposit", 1, DepositV1 { account: 7, dollars: 2 })
        .with(Metadata::actor("teller"))
        .past("deposit", 2, DepositV2 { account: 7, cents: 50 })
        .past_rejected("settle", 1, SettleV1 { account: 9 })
        .rejected(BankSettle { account: 9, hard: false })
        .then(|bank| assert_eq!(bank.memos, ["nobody", "teller", "settle 9, hard: true", "settle 9, hard: false"]))
        .when(withdraw(7, 250))
        .then_ok(0);
}

#[test]
fn a_scenario_may_begin_with_a_given_state() {
    let mut bank = Bank::default();
    bank.accounts.insert(7, 100);
    given_state(&bank).when(withdraw(7, 30)).then_ok(70);
}

#[test]
fn a_scenario_has_the_same_results_as_an_image() {
    let bank = Image::<Bank>::options().clock(|| START).snapshots(SnapshotPolicy::Manual).in_memory().unwrap();
    let answer = bank.submit(deposit(7, 100)).unwrap().wait().unwrap();
    assert!(bank.submit(BankSettle { account: 8, hard: true }).unwrap().wait().is_err());
    let read = bank.read_uncommitted().unwrap();
    given::<Bank>()
        .when(deposit(7, 100))
        .then_ok(answer)
        .when(BankSettle { account: 8, hard: true })
        .then_refused("no account 8")
        .then(|tested| assert_eq!(memimage::digest(tested).unwrap(), memimage::digest(&*read).unwrap()));
}

/// A failing test, and the substrings of its message.
type Case = (fn() -> String, &'static [&'static str]);

/// Each wrong expectation fails with its message.
#[test]
fn wrong_expectations_fail_with_the_actual_result() {
    let cases: [Case; 16] = [
        (|| failure(|| drop(start().when(withdraw(7, 30)).then_ok(71))), &["expected the answer 71, found 70"]),
        (|| failure(|| drop(start().when(withdraw(7, 500)).then_ok(71))), &["but the check refused the command"]),
        (
            || failure(|| drop(start().when(withdraw(7, 30)).then_refused("no"))),
            &["expected the refusal \"no\", but the command answered"],
        ),
        (
            || failure(|| drop(start().when(withdraw(7, 500)).then_refused("no"))),
            &["expected the refusal \"no\", found \"there are 100 cents\""],
        ),
        (
            || failure(|| drop(start().when(withdraw(7, 30)).then_event(withdraw(7, 31)))),
            &["expected `withdraw` v1 {account: 7, cents: 31}", "found    `withdraw` v1 {account: 7, cents: 30}"],
        ),
        (
            || failure(|| drop(start().when(withdraw(7, 30)).then_rejected(withdraw(7, 30)))),
            &[
                "expected `withdraw` v1 {account: 7, cents: 30}, rejected",
                "found    `withdraw` v1 {account: 7, cents: 30}",
            ],
        ),
        (
            || failure(|| drop(start().when(withdraw(7, 500)).then_event(withdraw(7, 500)))),
            &["but the check refused the command, and nothing was recorded"],
        ),
        (
            || failure(|| drop(start().when(withdraw(7, 30)).then_no_event())),
            &["expected no event, found `withdraw` v1"],
        ),
        (|| failure(|| drop(start().when(withdraw(7, 30)).then_unchanged())), &["expected an unchanged state"]),
        (|| failure(|| drop(start().when(withdraw(7, 30)).then_panicked(""))), &["expected a panic"]),
        (
            || failure(|| drop(start().when(BankExplode { message: "bang".to_owned() }).then_panicked("boom"))),
            &["expected a panic with \"boom\" in its message, found \"bang\""],
        ),
        (
            || failure(|| drop(start().when(withdraw(7, 500)))),
            &["unexpected result: the check refused the command", "scenario.rs"],
        ),
        (
            || failure(|| drop(start().when(BankExplode { message: "bang".to_owned() }).and())),
            &["unexpected result: the command's body panicked: bang"],
        ),
        (
            || failure(|| drop(start().event(BankSettle { account: 9, hard: true }))),
            &[
                "given `settle` v2 {account: 9, hard: true}",
                "its recorded outcome is `applied`, but on replay it was rejected",
            ],
        ),
        (
            || failure(|| drop(start().past("deposit", 2, DepositV2 { account: 1, cents: 13 }))),
            &["given `deposit` v2 {account: 1, cents: 13}", "an upcaster failed: nobody deposits 13"],
        ),
        (
            || failure(|| drop(start().past("deposit", 2, SettleV1 { account: 1 }))),
            &[
                "`deposit` v2 has another shape in this program",
                "deposit v2: payload.cents: not in the journal, u64 in this program",
            ],
        ),
    ];

    for (number, (case, expected)) in cases.into_iter().enumerate() {
        let message = case();
        for expected in expected {
            assert!(message.contains(expected), "case {number}: {expected:?} is not in\n{message}");
        }
        assert!(message.contains("1 `deposit` v3 {account: 7, cents: 100, memo: {text: \"rent\"}}"), "{message}");
    }
}

fn start() -> memimage::testing::Given<Bank> {
    given::<Bank>().event(deposit(7, 100))
}

#[test]
fn unknown_events_are_reported() {
    let message = failure(|| drop(start().past("deposit", 9, SettleV1 { account: 1 })));
    assert!(
        message.contains("`deposit` v9 is not known to this program, whose newest version of it is v3"),
        "{message}"
    );
    let message = failure(|| drop(start().past("refund", 1, SettleV1 { account: 1 })));
    assert!(message.contains("`refund` is not an event of this program"), "{message}");
}

#[test]
fn a_failure_reports_all_events_and_the_state() {
    let message = failure(|| drop(start().when(withdraw(7, 30)).then_ok(71)));
    expect_test::expect![[r#"
        when `withdraw` v1 {account: 7, cents: 30}: expected the answer 71, found 70

          model `Bank`, recorded so far:
            1 `deposit` v3 {account: 7, cents: 100, memo: {text: "rent"}}
            2 `withdraw` v1 {account: 7, cents: 30}
          state:
            {accounts: {7: 70}, memos: ["rent"], drawn: []}"#]]
    .assert_eq(&message);
}

/// A nondeterministic command, which counts its calls outside the state.
mod nondeterministic {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Deserialize, Model, Serialize, Shape};

    static COUNT: AtomicU64 = AtomicU64::new(0);

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Counter {
        count: u64,
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub fn add(&mut self) {
            self.count = COUNT.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_command_that_replays_to_another_state_is_reported_immediately() {
    let message = failure(|| drop(given::<nondeterministic::Counter>().when(nondeterministic::CounterAdd {})));
    assert!(message.contains("when `add` v1: the replay of the recorded events gives another state"), "{message}");
    assert!(message.contains("count: 0 as executed, 1 on replay"), "{message}");
}

/// A payload with a hand-written Serialize that does not match its shape.
mod mismatched {
    use super::{Deserialize, Model, Serialize, Shape};

    #[derive(Deserialize, Shape)]
    pub struct Cents(pub u64);

    impl Serialize for Cents {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_newtype_struct("Cents", &(self.0 as u32))
        }
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Till {
        cents: u64,
    }

    #[memimage::commands]
    impl Till {
        #[command]
        pub fn add(&mut self, cents: Cents) {
            self.cents += cents.0;
        }
    }
}

#[test]
fn a_payload_that_does_not_match_its_shape_is_reported() {
    use mismatched::{Cents, Till, TillAdd};
    let expected =
        "the payload of `add` v1 cannot be recorded: cents.0: its shape has u64, but its Serialize wrote u32";
    let message = failure(|| drop(given::<Till>().event(TillAdd { cents: Cents(1) })));
    assert!(message.contains(expected), "{message}");
    let message = failure(|| drop(given::<Till>().when(TillAdd { cents: Cents(1) })));
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_failure_is_reported_at_the_line_of_its_step() {
    use std::panic::{set_hook, take_hook};
    use std::sync::{Arc, Mutex};
    // other tests of this process may panic at the same time, at other locations
    let places = Arc::new(Mutex::new(Vec::new()));
    let (seen, before) = (Arc::clone(&places), take_hook());
    set_hook(Box::new(move |panic| {
        if let Some(place) = panic.location() {
            seen.lock().unwrap().push((place.file().to_owned(), place.line()));
        }
    }));
    let mut lines = vec![line!() + 1];
    failure(|| drop(start().when(withdraw(7, 30)).then_ok(71)));
    lines.push(line!() + 1);
    failure(|| drop(start().event(BankSettle { account: 9, hard: true })));
    lines.push(line!() + 1);
    failure(|| memimage::testing::shape_matches(&mismatched::Cents(1)));
    lines.push(line!() + 1);
    failure(|| memimage::testing::golden::<Bank>("nowhere").check());
    lines.push(line!() + 1);
    failure(|| memimage::testing::golden_image::<Bank>("nowhere", |_| {}));
    set_hook(before);
    let places = places.lock().unwrap();
    for line in lines {
        assert!(places.contains(&(file!().to_owned(), line)), "line {line} is not in {places:?}");
    }
}

/// A model whose check and body both draw random numbers.
mod clock {
    use super::{Deserialize, Model, Serialize, Shape};
    use memimage::Context;

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Clock {
        pub seen: Vec<u64>,
        pub drawn: Vec<u64>,
    }

    #[memimage::commands]
    impl Clock {
        #[command(check = can_tick)]
        pub fn tick(&mut self, ctx: &Context) {
            self.seen.push(ctx.time().as_secs());
            self.drawn.push(ctx.random().u64());
        }

        fn can_tick(&self, ctx: &Context) -> Result<(), String> {
            if ctx.random().u64() == 0 { Err("hardly ever".to_owned()) } else { Ok(()) }
        }
    }
}

#[test]
fn the_time_of_given_events_does_not_go_back() {
    use clock::{Clock, ClockTick};
    given::<Clock>()
        .at(Timestamp::from_micros(5_000_000))
        .event(ClockTick {})
        .at(Timestamp::from_micros(4_000_000))
        .event(ClockTick {})
        .when(ClockTick {})
        .then(|clock| assert_eq!(clock.seen, [5, 5, 5]));
}

#[test]
fn a_body_draws_the_same_numbers_with_or_without_a_check() {
    use clock::{Clock, ClockTick};
    let drawn = |given: memimage::testing::Given<Clock>| {
        let mut drawn = Vec::new();
        given.then(|clock| drawn.clone_from(&clock.drawn));
        drawn
    };
    assert_eq!(drawn(given::<Clock>().event(ClockTick {})), drawn(given::<Clock>().when(ClockTick {}).and()));
}

mod trimming {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Deserializer, Serialize};

    /// A text without the white space around it, at most ten bytes long. Only its `Deserialize` sees to that.
    #[derive(Clone, Debug, PartialEq, Serialize, Shape)]
    #[serde(transparent)]
    pub struct Name(pub String);

    impl<'de> Deserialize<'de> for Name {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
            let text = String::deserialize(deserializer)?;
            match text.trim() {
                name if name.len() <= 10 => Ok(Name(name.to_owned())),
                _ => Err(serde::de::Error::custom("too long")),
            }
        }
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Register {
        pub names: Vec<String>,
    }

    #[memimage::commands]
    impl Register {
        #[command(check = may_enter)]
        pub fn enter(&mut self, name: Name) {
            self.names.push(name.0);
        }

        fn may_enter(&self, name: &Name) -> Result<(), String> {
            if name.0.ends_with(' ') { Err(format!("`{}` is not trimmed", name.0)) } else { Ok(()) }
        }
    }
}

#[test]
fn a_command_runs_with_the_arguments_that_replay_reads() {
    use trimming::{Name, Register, RegisterEnter};
    let enter = |name: &str| RegisterEnter { name: Name(name.to_owned()) };
    given::<Register>().when(enter(" Ada ")).then_ok(()).then(|register| assert_eq!(register.names, ["Ada"]));
    let message = failure(|| drop(given::<Register>().when(enter("Ada Augusta, Countess"))));
    assert!(
        message.contains("cannot be decoded from their own encoding, so an image refuses the command"),
        "{message}"
    );
}
