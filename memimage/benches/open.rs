//! Measures opening an image whose journal has a thousand event versions, compared with one that has ten.
//!
//! One run measures all cases in turn, round by round, since a machine's speed drifts: compare the differences.
//! Run it with `cargo bench -p memimage --bench open`; the environment variable `ROUNDS` sets the number of rounds (20).

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::any::Any;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Instant;

use memimage::__private::{
    EventType, EventVersion, PastVersion, ReplayError, ReplayTarget, ShapeRef, UpcastChain, Upcasting, deliver,
    only_step,
};
use memimage::{
    Command, Commands, Context, Error, Event, Image, IntoEvents, Model, Options, Payload, Recorded, Shape,
    SnapshotPolicy, UpcastError, Value,
};
use serde::{Deserialize, Serialize};

/// A payload with about as much structure as an event of a real program.
#[derive(Default, Serialize, Deserialize, Shape)]
struct Fields {
    account: Account,
    cents: u64,
    memo: Option<String>,
    tags: Vec<String>,
}

#[derive(Default, Serialize, Deserialize, Shape)]
struct Account(u32);

/// The payload of the event with the number `TENS` and `ONES`.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Entry<const TENS: usize, const ONES: usize, const VERSION: u32>(Fields);

impl<const T: usize, const O: usize, const V: u32> Shape for Entry<T, O, V> {
    const SHAPE: ShapeRef = Fields::SHAPE;
}

/// The same model, in programs with different event tables.
macro_rules! book {
    ($book:ident, $events:expr) => {
        #[derive(Default, Serialize, Deserialize, Shape, Model)]
        #[model(name = "Book")]
        struct $book {
            cents: u64,
        }

        impl Commands for $book {
            type Event = NoEvent;

            const EVENTS: &'static [EventType<$book>] = $events;
        }

        impl IntoEvents<$book> for Entry<0, 0, 9> {
            const EVENT_VERSION: EventVersion = EventVersion::Open;

            fn replay_into(self, at: Upcasting<'_>, sink: &mut ReplayTarget<'_, '_, $book>) -> Result<(), ReplayError> {
                deliver(self, at, sink)
            }
        }

        impl IntoEvents<$book> for NoEvent {
            const EVENT_VERSION: EventVersion = EventVersion::Open;

            fn replay_into(self, _: Upcasting<'_>, _: &mut ReplayTarget<'_, '_, $book>) -> Result<(), ReplayError> {
                unreachable!("no event is created")
            }
        }

        impl PastVersion<Entry<0, 0, 9>, $book> for Fields {
            const CHAIN: UpcastChain<Fields, $book> = only_step::<Fields, _, Entry<0, 0, 9>, $book>();
        }

        impl<const T: usize, const O: usize, const V: u32> Payload<$book> for Entry<T, O, V> {
            const NAME: &'static str = NAMES[T][O];
            const VERSION: u32 = V;
            const ROW: usize = 100 * T + 10 * O + V as usize;
            type Output = ();
            type Refusal = Infallible;

            fn apply(self, book: &mut $book, _: &Context) -> Result<(), Infallible> {
                book.cents += self.0.cents;
                Ok(())
            }
        }
    };
}

impl<const T: usize, const O: usize, const V: u32> Command<Typed> for Entry<T, O, V> {
    type Error = Error;

    fn check(&self, _: &Typed, _: &Context) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The benchmark never converts an event to its enum.
struct NoEvent;

impl Event for NoEvent {
    fn name(&self) -> &'static str {
        unreachable!("no event is created")
    }

    fn version(&self) -> u32 {
        unreachable!("no event is created")
    }

    fn take(_: &mut dyn Any) -> Option<NoEvent> {
        None
    }
}

/// `each!(item)` is `[[item!(0, 0), item!(0, 1) …], [item!(1, 0) …] …]`, with both numbers from 0 to 9.
macro_rules! each {
    ($item:ident) => { each!(@tens $item 0 1 2 3 4 5 6 7 8 9) };
    (@tens $item:ident $($tens:literal)*) => { [$(each!(@ones $item $tens 0 1 2 3 4 5 6 7 8 9)),*] };
    (@ones $item:ident $tens:literal $($ones:literal)*) => { [$($item!($tens, $ones)),*] };
}

macro_rules! name {
    ($tens:literal, $ones:literal) => {
        concat!("event ", $tens, $ones)
    };
}

/// The versions of one event, all kept as types. They share one type to limit the compile time.
macro_rules! types {
    ($tens:literal, $ones:literal) => {
        types!(@versions $tens, $ones, 0 1 2 3 4 5 6 7 8 9)
    };
    (@versions $tens:literal, $ones:literal, $($version:literal)*) => {
        [$(EventType::past::<Fields, Entry<0, 0, 9>>(name!($tens, $ones), $version)),*]
    };
}

/// The versions of one event; all but the newest are upcast as values.
macro_rules! values {
    ($tens:literal, $ones:literal) => {
        values!(@versions $tens, $ones, 0 1 2 3 4 5 6 7 8)
    };
    (@versions $tens:literal, $ones:literal, $($version:literal)*) => {
        [
            $(EventType::values::<Entry<0, 0, 9>>(name!($tens, $ones), $version, STEPS.split_at(9 - $version).0),)*
            EventType::past::<Fields, Entry<0, 0, 9>>(name!($tens, $ones), 9),
        ]
    };
}

macro_rules! submits {
    ($tens:literal, $ones:literal) => {
        submits!(@versions $tens, $ones, 0 1 2 3 4 5 6 7 8 9)
    };
    (@versions $tens:literal, $ones:literal, $($version:literal)*) => {
        [$(submit::<Entry<$tens, $ones, $version>>),*]
    };
}

type Step = fn(Value, &Recorded<'_>) -> Result<Value, UpcastError>;
type Of<T> = [[[T; 10]; 10]; 10];

const UNCHANGED: Step = |value, _| Ok(value);
const STEPS: &[Step] = &[UNCHANGED; 9];
const NAMES: [[&str; 10]; 10] = each!(name);
const TYPES: &Of<EventType<Typed>> = &each!(types);
const VALUES: &Of<EventType<Valued>> = &each!(values);
static SUBMITS: Of<fn(&Image<Typed>)> = each!(submits);

book!(Typed, TYPES.as_flattened().as_flattened());
book!(Valued, VALUES.as_flattened().as_flattened());

#[memimage::upcast]
fn newest(old: Fields) -> Entry<0, 0, 9> {
    Entry(old)
}

fn submit<C: Command<Typed> + Default>(image: &Image<Typed>) {
    drop(image.submit(C::default()).unwrap_or_else(|_| panic!("an entry is not refused")));
}

fn options<M: Model>() -> Options<M> {
    Image::options().snapshots(SnapshotPolicy::Manual).segment_bytes(1 << 20)
}

/// Writes a journal of a thousand events with the given number of versions, and returns its path.
///
/// Each version first occurs on its own, so the journal repeats its shape table a thousand times. The segments are as short as
/// possible: the last segment, the only one that is read after a snapshot, has few of the tables.
fn journal(directory: &Path, name: &str, versions: usize) -> PathBuf {
    let path = directory.join(name);
    let image = options::<Typed>().open(&path).unwrap();
    let submits = SUBMITS.as_flattened().as_flattened();
    for submit in submits[..versions].iter().cycle().take(submits.len()) {
        submit(&image);
    }
    Image::close(image).unwrap();
    path
}

/// Opens an image and returns the duration in milliseconds.
fn open<M: Model>(path: &Path) -> f64 {
    let started = Instant::now();
    let image = options::<M>().open(path).unwrap();
    let took = started.elapsed();
    Image::close(image).unwrap();
    1e3 * took.as_secs_f64()
}

/// Takes a snapshot of the current state, so that opening replays nothing.
fn snapshot(path: &Path) {
    let image = options::<Typed>().open(path).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
}

fn main() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let directory = tempfile::tempdir_in(".").unwrap();
    let directory = directory.path();
    let [few, many] = [("few", 10), ("many", 1_000)].map(|(name, versions)| journal(directory, name, versions));
    let [few_snapshotted, many_snapshotted] = [("few snapshotted", 10), ("many snapshotted", 1_000)]
        .map(|(name, versions)| journal(directory, name, versions));
    snapshot(&few_snapshotted);
    snapshot(&many_snapshotted);

    type Case<'a> = (&'static str, Box<dyn Fn() -> f64 + 'a>);
    let cases: [Case<'_>; 6] = [
        ("10 versions", Box::new(|| open::<Typed>(&few))),
        ("1,000 versions, kept as types", Box::new(|| open::<Typed>(&many))),
        ("1,000 versions, 900 by values", Box::new(|| open::<Valued>(&many))),
        ("10 versions, from a snapshot", Box::new(|| open::<Typed>(&few_snapshotted))),
        ("1,000 …, kept as types", Box::new(|| open::<Typed>(&many_snapshotted))),
        ("1,000 …, 900 by values", Box::new(|| open::<Valued>(&many_snapshotted))),
    ];
    let mut results = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (case, results) in cases.iter().zip(&mut results) {
            results.push(case.1());
        }
    }
    println!("{:<36} {:>8} {:>8}", "milliseconds to open 1,000 events", "minimum", "median");
    for ((name, _), mut times) in cases.iter().zip(results) {
        times.sort_by(f64::total_cmp);
        println!("{name:<36} {:>8.2} {:>8.2}", times[0], times[times.len() / 2]);
    }
}
