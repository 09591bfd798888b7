//! The `given` part of a test: the events before the test's commands.

use std::fmt;
use std::panic::Location;
use std::path::Path;

use serde::Serialize;

use super::golden;
use super::image;
use super::model_under_test::{ModelUnderTest, StartState, encoded};
use super::recorded_event::{RecordedEvent, Stamp};
use super::when::When;
use super::{or_panic, value_text};
use crate::context::{Metadata, Timestamp};
use crate::event::{Command, Model, Payload};
use crate::outcome::Outcome;
use crate::personal::with_test_keys;
use crate::shape::{Shape, ShapeTree};

/// The time at which a test begins: 9 September 2001, 01:46:40 UTC, 10⁹ seconds after the epoch.
pub const START: Timestamp = Timestamp::from_micros(1_000_000_000_000_000);

/// The history of a model in a test. [`given`] begins a history.
///
/// Each added event is replayed at once, as recovery replays it: checks do not run, and past versions go through their
/// upcasters. An event that cannot be replayed fails the test immediately.
pub struct Given<M: Model> {
    pub(super) subject: ModelUnderTest<M>,
    clock: Timestamp,
    metadata: Metadata,
}

/// Begins a test with the model's `Default` and no events.
///
/// The clock shows [`START`] until [`Given::at`] sets it. The seed of random values is the same in every test, so commands draw
/// the same values in each run.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use memimage::{Context, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Bank { accounts: BTreeMap<u32, u64> }
/// # #[memimage::commands]
/// # impl Bank {
/// #     #[command]
/// #     fn deposit(&mut self, account: u32, cents: u64) { *self.accounts.entry(account).or_default() += cents; }
/// #     #[command(check = can_withdraw)]
/// #     fn withdraw(&mut self, account: u32, cents: u64) -> u64 {
/// #         let balance = self.accounts.entry(account).or_default();
/// #         *balance -= cents;
/// #         *balance
/// #     }
/// #     fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
/// #         let balance = self.accounts.get(&account).copied().unwrap_or_default();
/// #         if balance < cents { Err(format!("there are only {balance} cents")) } else { Ok(()) }
/// #     }
/// # }
/// use memimage::testing::given;
///
/// given::<Bank>()
///     .event(BankDeposit { account: 7, cents: 100 })
///     .when(BankWithdraw { account: 7, cents: 30 })
///     .then_ok(70)
///     .then_event(BankWithdraw { account: 7, cents: 30 })
///     .when(BankWithdraw { account: 7, cents: 500 })
///     .then_refused("there are only 70 cents")
///     .then_no_event()
///     .then(|bank| assert_eq!(bank.accounts[&7], 70));
/// ```
///
/// # Panics
///
/// Panics if the model's `Default` panics.
#[track_caller]
pub fn given<M: Model>() -> Given<M> {
    begin(StartState::new(None))
}

/// Like [`given`], but with another state before the first event, as [`Options::genesis`](crate::Options::genesis) sets it.
///
/// # Panics
///
/// Panics if the state cannot be encoded or decoded.
#[track_caller]
pub fn given_state<M: Model>(state: &M) -> Given<M> {
    let state = or_panic(with_test_keys(|| encoded(state)));
    begin(StartState::new(Some(state)))
}

/// Like [`given`], but with the contents of a real image: its state before the first event, its events and its seed. If the
/// journal was pruned, the state before the first event is the base.
///
/// The files are copied into memory. The function changes nothing at `path` and takes no lock, so close the image first.
///
/// ```
/// # use memimage::{Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     #[command]
/// #     fn add(&mut self) -> u64 { self.count += 1; self.count }
/// # }
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("counter.image");
/// # let counter = Image::<Counter>::open(&path)?;
/// # counter.add()?;
/// # Image::close(counter)?;
/// use memimage::testing::given_image;
///
/// // path = "tests/fixtures/counter.image"
/// given_image::<Counter>(&path).when(CounterAdd {}).then_ok(2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Panics if there is no image of this model at `path`, if this program cannot open the image, or if the image is encrypted or
/// chained.
#[track_caller]
pub fn given_image<M: Model>(path: impl AsRef<Path>) -> Given<M> {
    let (start, events) = or_panic(image::history::<M>(path.as_ref()));
    let mut given = begin(start);
    for event in events {
        given = given.replayed(Ok(event));
    }
    given
}

#[track_caller]
fn begin<M: Model>(start: StartState) -> Given<M> {
    let subject = or_panic(ModelUnderTest::new(start));
    Given { subject, clock: START, metadata: Metadata::new() }
}

impl<M: Model> Given<M> {
    /// Sets the clock for the following events and commands. As in an image, recorded time never goes back.
    pub fn at(mut self, time: impl Into<Timestamp>) -> Self {
        self.clock = time.into();
        self
    }

    /// Sets the metadata of the following events and commands.
    pub fn with(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Adds an event that was recorded as applied.
    ///
    /// # Panics
    ///
    /// Panics if the event cannot be replayed, because its body panics or rejects the event.
    #[track_caller]
    pub fn event<P: Payload<M>>(self, payload: P) -> Self {
        let event = RecordedEvent::of(P::NAME, P::VERSION, &payload, &self.stamp(Outcome::Applied));
        self.replayed(event)
    }

    /// Adds an event that was recorded as rejected: the command's fallible body returned an error.
    ///
    /// # Panics
    ///
    /// Panics if the event cannot be replayed, because its body panics or does not reject the event.
    #[track_caller]
    pub fn rejected<P: Payload<M>>(self, payload: P) -> Self {
        let event = RecordedEvent::of(P::NAME, P::VERSION, &payload, &self.stamp(Outcome::Rejected));
        self.replayed(event)
    }

    /// Adds an event that an older program recorded with a version in the command's history. `T` is the type of the past
    /// version, which must also derive `Serialize`. If the version has only upcasters on values, the test defines `T` itself.
    ///
    /// ```
    /// # use memimage::{Model, Shape};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Till { cents: u64 }
    /// #[derive(Serialize, Deserialize, Shape)]
    /// struct ChargeV1 { dollars: u32 }
    ///
    /// #[memimage::upcast]
    /// fn charge_1_to_2(old: ChargeV1) -> TillCharge {
    ///     TillCharge { cents: u64::from(old.dollars) * 100 }
    /// }
    ///
    /// #[memimage::commands]
    /// impl Till {
    ///     #[command(version = 2, history(ChargeV1))]
    ///     fn charge(&mut self, cents: u64) {
    ///         self.cents += cents;
    ///     }
    /// }
    ///
    /// memimage::testing::given::<Till>()
    ///     .past("charge", 1, ChargeV1 { dollars: 3 })
    ///     .then(|till| assert_eq!(till.cents, 300));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the event cannot be replayed, because the program does not have the version or has another shape for it, or
    /// because an upcaster or the body fails.
    #[track_caller]
    pub fn past<T: Shape + Serialize>(self, name: &str, version: u32, payload: T) -> Self {
        let event = RecordedEvent::of(name, version, &payload, &self.stamp(Outcome::Applied));
        self.replayed(event)
    }

    /// Like [`past`](Given::past), for an event that was recorded as rejected.
    ///
    /// # Panics
    ///
    /// Panics in the same cases as [`past`](Given::past).
    #[track_caller]
    pub fn past_rejected<T: Shape + Serialize>(self, name: &str, version: u32, payload: T) -> Self {
        let event = RecordedEvent::of(name, version, &payload, &self.stamp(Outcome::Rejected));
        self.replayed(event)
    }

    /// Appends all events of a [golden fixture](super::golden).
    ///
    /// # Panics
    ///
    /// Panics if the fixture cannot be read, or if an event in the fixture cannot be replayed.
    #[track_caller]
    pub fn fixture(mut self, path: impl AsRef<Path>) -> Self {
        for mut event in or_panic(golden::events(path.as_ref())) {
            event.origin.seq = self.subject.next_seq();
            event.time = event.time.max(self.subject.time());
            self = self.replayed(Ok(event));
        }
        self
    }

    /// Executes a command as an image does, and also executes it on a copy of the model that was loaded from a snapshot before
    /// the command.
    ///
    /// # Panics
    ///
    /// Panics if the recorded event cannot be replayed, or if its replay gives another state than the execution. Panics if the
    /// command has another effect or outcome on the copy than on the model. Panics if rebuilt derived fields differ from the
    /// model's derived fields.
    #[track_caller]
    pub fn when<C: Command<M>>(mut self, command: C) -> When<M, C> {
        let stamp = self.stamp(Outcome::Applied);
        let text = or_panic(RecordedEvent::of(C::NAME, C::VERSION, &command, &stamp)).text();
        let before = self.or_fail(self.subject.digest());
        let recorded = self.subject.log.len();
        self.or_fail(self.subject.check_derived());
        let executed = self.subject.run(command, self.clock, &self.metadata);
        let executed = self.or_fail(executed.map_err(|what| format!("when {text}: {what}")));
        let recorded = self.subject.log.get(recorded).cloned();
        When::new(self, text, executed, before, recorded, Location::caller())
    }

    /// Calls `look` with the current state.
    ///
    /// # Panics
    ///
    /// Panics if rebuilt derived fields differ from the model's derived fields.
    #[track_caller]
    pub fn then(self, look: impl FnOnce(&M)) -> Self {
        self.or_fail(self.subject.check_derived());
        look(&self.subject.model);
        self
    }

    fn stamp(&self, outcome: Outcome) -> Stamp<'_> {
        let time = self.clock.max(self.subject.time());
        Stamp { seq: self.subject.next_seq(), time, metadata: &self.metadata, outcome }
    }

    #[track_caller]
    fn replayed(mut self, event: Result<RecordedEvent, String>) -> Self {
        let event = self.or_fail(event);
        let text = event.text();
        let replayed = self.subject.replay(event).map_err(|what| format!("given {text}: {what}"));
        self.or_fail(replayed);
        self
    }

    /// Returns the value of `result`, or fails the test with its error.
    #[track_caller]
    pub(super) fn or_fail<T>(&self, result: Result<T, String>) -> T {
        match result {
            Ok(value) => value,
            Err(message) => self.fail(&message),
        }
    }

    /// Fails the test with `message`, the last events and the state.
    #[track_caller]
    pub(super) fn fail(&self, message: &str) -> ! {
        panic!("{message}{}", self.context());
    }

    /// The last events, and the state after them, as text for a message.
    fn context(&self) -> String {
        /// The maximum number of events that the text shows.
        const MAX_EVENTS: usize = 12;
        let log = &self.subject.log;
        let left_out = log.len().saturating_sub(MAX_EVENTS);
        let mut text = format!("\n\n  model `{}`, recorded so far:", M::NAME);
        if left_out > 0 {
            text.push_str(&format!("\n    … {left_out} events"));
        }
        for (number, event) in log.iter().enumerate().skip(left_out) {
            text.push_str(&format!("\n    {} {}", self.subject.start().seq_after(number), event.text()));
        }
        if log.is_empty() {
            text.push_str(" nothing");
        }
        if let Ok(bytes) = encoded(&self.subject.model) {
            let state = value_text::shorten(value_text::block(&ShapeTree::of(M::SHAPE), &bytes));
            text.push_str(&format!("\n  state:\n    {}", state.replace('\n', "\n    ")));
        }
        text
    }
}

impl<M: Model> fmt::Debug for Given<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given")
            .field("model", &M::NAME)
            .field("events", &self.subject.log.len())
            .finish_non_exhaustive()
    }
}
