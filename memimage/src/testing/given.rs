//! Given: what has happened before a test's commands.

use std::fmt;
use std::panic::Location;
use std::path::Path;

use serde::Serialize;

use super::entry::{Entry, Stamp};
use super::golden;
use super::image;
use super::stage::{Stage, Start, encoded};
use super::when::When;
use super::{sure, text};
use crate::context::{Metadata, Timestamp};
use crate::event::{Command, Model, Payload};
use crate::outcome::Outcome;
use crate::shape::{Shape, ShapeTree};

/// The time at which a test begins: 9 September 2001, 01:46:40 UTC, a thousand million seconds after the epoch.
pub const START: Timestamp = Timestamp::from_micros(1_000_000_000_000_000);

/// The past of a model in a test; [`given`] begins one.
///
/// Its events are replayed as they are added, as recovery replays them: checks do not run, and past versions go through
/// their upcasters. An event that cannot be replayed fails the test there and then.
pub struct Given<M: Model> {
    pub(super) stage: Stage<M>,
    clock: Timestamp,
    metadata: Metadata,
}

/// Begins a test with the model's `Default` and no events.
///
/// The clock stands at [`START`] until [`Given::at`] sets it, and the seed of random values is the same in every test, so
/// that what commands draw comes out the same each time.
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
/// If the model's `Default` cannot be made.
#[track_caller]
pub fn given<M: Model>() -> Given<M> {
    begin(Start::new(None))
}

/// As [`given`], with another state before the first event, as [`Options::genesis`](crate::Options::genesis) gives it.
///
/// # Panics
///
/// If the state cannot be encoded, or not be read back.
#[track_caller]
pub fn given_state<M: Model>(state: &M) -> Given<M> {
    let state = sure(encoded(state));
    begin(Start::new(Some(state)))
}

/// As [`given`], with all that a real image holds: its state before the first event, its events and its seed. A journal
/// that was pruned begins with its base.
///
/// The files are read into memory, and nothing at `path` is changed, not even a lock taken: close the image first.
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
/// If there is no image of this model, or it cannot be opened; if it is encrypted or chained, since this takes no keys.
#[track_caller]
pub fn given_image<M: Model>(path: impl AsRef<Path>) -> Given<M> {
    let (start, entries) = sure(image::past::<M>(path.as_ref()));
    let mut given = begin(start);
    for entry in entries {
        given = given.replayed(Ok(entry));
    }
    given
}

#[track_caller]
fn begin<M: Model>(start: Start) -> Given<M> {
    let stage = sure(Stage::new(start));
    Given { stage, clock: START, metadata: Metadata::new() }
}

impl<M: Model> Given<M> {
    /// Sets the clock, from here on. Recorded time never goes back, in a test no more than in an image.
    pub fn at(mut self, time: impl Into<Timestamp>) -> Self {
        self.clock = time.into();
        self
    }

    /// Who runs what comes from here on, and why.
    pub fn with(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// An event that was recorded and applied.
    ///
    /// # Panics
    ///
    /// If it cannot be replayed: its body panics or refuses it.
    #[track_caller]
    pub fn event<P: Payload<M>>(self, payload: P) -> Self {
        let entry = Entry::of(P::NAME, P::VERSION, &payload, &self.stamp(Outcome::Applied));
        self.replayed(entry)
    }

    /// An event that was recorded as rejected: the command's fallible body returned an error.
    ///
    /// # Panics
    ///
    /// If it cannot be replayed: its body panics or does not refuse it.
    #[track_caller]
    pub fn rejected<P: Payload<M>>(self, payload: P) -> Self {
        let entry = Entry::of(P::NAME, P::VERSION, &payload, &self.stamp(Outcome::Rejected));
        self.replayed(entry)
    }

    /// An event that an older program recorded, of a version in the command's history. The type is the one that is kept for
    /// it, and derives `Serialize` for this; where values are upcast and no type is kept, one of the test's own.
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
    /// If it cannot be replayed: the program does not know the version or has another shape for it, an upcaster fails, or
    /// the body does.
    #[track_caller]
    pub fn past<T: Shape + Serialize>(self, name: &str, version: u32, payload: T) -> Self {
        let entry = Entry::of(name, version, &payload, &self.stamp(Outcome::Applied));
        self.replayed(entry)
    }

    /// As [`past`](Given::past), recorded as rejected.
    ///
    /// # Panics
    ///
    /// As [`past`](Given::past).
    #[track_caller]
    pub fn past_rejected<T: Shape + Serialize>(self, name: &str, version: u32, payload: T) -> Self {
        let entry = Entry::of(name, version, &payload, &self.stamp(Outcome::Rejected));
        self.replayed(entry)
    }

    /// All events of a [golden fixture](super::golden), after those that are there.
    ///
    /// # Panics
    ///
    /// If it cannot be read, or an event in it not be replayed.
    #[track_caller]
    pub fn fixture(mut self, path: impl AsRef<Path>) -> Self {
        for mut entry in sure(golden::events(path.as_ref())) {
            entry.origin.seq = self.stage.next_seq();
            entry.time = entry.time.max(self.stage.time());
            self = self.replayed(Ok(entry));
        }
        self
    }

    /// Runs a command, as an image would.
    ///
    /// # Panics
    ///
    /// If what it recorded cannot be replayed, or gives another state when it is.
    #[track_caller]
    pub fn when<C: Command<M>>(mut self, command: C) -> When<M, C> {
        let stamp = self.stamp(Outcome::Applied);
        let asked = sure(Entry::of(C::NAME, C::VERSION, &command, &stamp)).text();
        let before = self.or_fail(self.stage.digest());
        let recorded = self.stage.log.len();
        let ran = self.stage.run(command, self.clock, &self.metadata);
        let ran = self.or_fail(ran.map_err(|what| format!("when {asked}: {what}")));
        let recorded = self.stage.log.get(recorded).cloned();
        When::new(self, asked, ran, before, recorded, Location::caller())
    }

    /// Looks at the state.
    #[track_caller]
    pub fn then(self, look: impl FnOnce(&M)) -> Self {
        look(&self.stage.model);
        self
    }

    fn stamp(&self, outcome: Outcome) -> Stamp<'_> {
        let time = self.clock.max(self.stage.time());
        Stamp { seq: self.stage.next_seq(), time, metadata: &self.metadata, outcome }
    }

    #[track_caller]
    fn replayed(mut self, entry: Result<Entry, String>) -> Self {
        let entry = self.or_fail(entry);
        let text = entry.text();
        let replayed = self.stage.replay(entry).map_err(|what| format!("given {text}: {what}"));
        self.or_fail(replayed);
        self
    }

    /// What was made, or a failure of the test.
    #[track_caller]
    pub(super) fn or_fail<T>(&self, made: Result<T, String>) -> T {
        match made {
            Ok(made) => made,
            Err(what) => self.fail(&what),
        }
    }

    /// Fails the test, with what happened before.
    #[track_caller]
    pub(super) fn fail(&self, what: &str) -> ! {
        panic!("{what}{}", self.story());
    }

    /// The last events, and the state after them.
    fn story(&self) -> String {
        /// How many of the last events are shown.
        const SHOWN: usize = 12;
        let log = &self.stage.log;
        let left_out = log.len().saturating_sub(SHOWN);
        let mut story = format!("\n\n  model `{}`, recorded by then:", M::NAME);
        if left_out > 0 {
            story.push_str(&format!("\n    … {left_out} events"));
        }
        for (number, entry) in log.iter().enumerate().skip(left_out) {
            story.push_str(&format!("\n    {} {}", self.stage.start().seq_after(number), entry.text()));
        }
        if log.is_empty() {
            story.push_str(" nothing");
        }
        if let Ok(bytes) = encoded(&self.stage.model) {
            let state = text::shorten(text::block(&ShapeTree::of(M::SHAPE), &bytes));
            story.push_str(&format!("\n  state:\n    {}", state.replace('\n', "\n    ")));
        }
        story
    }
}

impl<M: Model> fmt::Debug for Given<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("model", &M::NAME).field("events", &self.stage.log.len()).finish_non_exhaustive()
    }
}
