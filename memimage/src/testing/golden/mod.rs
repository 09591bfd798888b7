//! Golden journals: each version of each event once, as journals hold it, committed and replayed for ever.

mod failure;
mod fixture;
mod form;

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::given::{Given, given};
use crate::disk::text_file;
use crate::event::{Model, Payload};
use failure::{Failure, Failures};
use fixture::Fixture;

/// What the environment variable `MEMIMAGE_BLESS` allows to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bless {
    Nothing,
    /// `1`: fixtures that are missing.
    Missing,
    /// `outcomes`: also the outcome, in those that are there.
    Outcomes,
}

impl Bless {
    fn from_environment() -> Bless {
        match env::var("MEMIMAGE_BLESS").as_deref() {
            Err(_) | Ok("" | "0") => Bless::Nothing,
            Ok("outcomes") => Bless::Outcomes,
            Ok(_) => Bless::Missing,
        }
    }
}

/// The golden journals of a model; [`golden`] begins them.
#[must_use = "nothing is looked at before `check`"]
pub struct Golden<M: Model> {
    dir: PathBuf,
    samples: Vec<Sample>,
    model: std::marker::PhantomData<fn(M)>,
}

/// What a missing fixture is made of.
struct Sample {
    /// The last one is the one it is a sample of.
    entries: Vec<Entry>,
}

/// Holds a model's journals against fixtures in `dir`, a directory of the package's: one for each version of each event,
/// made once from a sample, committed, and replayed for ever.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use memimage::{Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Bank { accounts: BTreeMap<u32, u64> }
/// # #[memimage::commands]
/// # impl Bank {
/// #     #[command]
/// #     fn deposit(&mut self, account: u32, cents: u64) { *self.accounts.entry(account).or_default() += cents; }
/// #     #[command]
/// #     fn withdraw(&mut self, account: u32, cents: u64) { *self.accounts.get_mut(&account).unwrap() -= cents; }
/// # }
/// use memimage::testing::{given, golden};
///
/// # let dir = "src/testing/golden/example";
/// // dir = "tests/golden"
/// golden::<Bank>(dir)
///     .sample(BankDeposit { account: 7, cents: 100 })
///     .history(
///         given().event(BankDeposit { account: 7, cents: 100 }).event(BankWithdraw { account: 7, cents: 30 }),
///     )
///     .check();
/// ```
///
/// `MEMIMAGE_BLESS=1 cargo test` writes the fixtures that are missing, `deposit.v1.golden` and so on. What they say of
/// events is never written again and must not be edited: it stands for what is in journals somewhere. So when a command
/// goes to version 2, `deposit.v1.golden` stays, and each test run shows that its upcasters take it where they should.
///
/// The lower part of a fixture says what came of it: the state afterwards and its digest. A change of logic, or of the
/// model's fields, may be meant to change that: `MEMIMAGE_BLESS=outcomes cargo test` writes the lower parts anew. Read the
/// difference before it is committed: it is what the change does to the data of old.
///
/// A fixture is text, so that a review sees what is added and what a change does; beside what people read stand the bytes
/// that programs do, and a sum over both.
pub fn golden<M: Model>(dir: impl AsRef<Path>) -> Golden<M> {
    let dir = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => Path::new(&package).join(dir),
        None => dir.as_ref().to_owned(),
    };
    Golden { dir, samples: Vec::new(), model: std::marker::PhantomData }
}

impl<M: Model> Golden<M> {
    /// A sample of an event, on the model's `Default`. A second one of the same version gets a fixture of its own.
    ///
    /// # Panics
    ///
    /// If it cannot be replayed there: give a [`history`](Golden::history) with what must come before it.
    #[track_caller]
    pub fn sample<P: Payload<M>>(self, payload: P) -> Self {
        let past = given::<M>().event(payload);
        self.history(past)
    }

    /// A sample with what comes before it: the last event is the one it is a sample of, and may be a past one or a rejected
    /// one.
    ///
    /// # Panics
    ///
    /// If there is no event in it, or it begins elsewhere than at the model's `Default`, which is where fixtures begin.
    #[track_caller]
    pub fn history(mut self, given: Given<M>) -> Self {
        let start = given.stage.start();
        assert!(start.state.is_none(), "a golden history begins with `given()`, at the model's `Default`");
        assert!(!given.stage.log.is_empty(), "a golden history has an event at its end, of which it is a sample");
        self.samples.push(Sample { entries: given.stage.log });
        self
    }

    /// Replays each fixture, and makes sure that there is one for each version of each event that the program can replay.
    ///
    /// # Panics
    ///
    /// If a fixture is missing, cannot be replayed, or leads to another state than it says. All of them are told at once.
    #[track_caller]
    pub fn check(self) {
        if let Err(failures) = self.run(Bless::from_environment()) {
            panic!("{failures}");
        }
    }

    fn run(&self, bless: Bless) -> Result<(), Failures> {
        let mut failures = Failures::new::<M>(&self.dir);
        let mut fixtures = match self.read() {
            Ok(fixtures) => fixtures,
            Err(error) => return Err(failures.with(Failure::Unreadable(error.to_string()))),
        };
        for (path, text) in &mut fixtures {
            if let Err(failure) = replay::<M>(path, text, bless) {
                failures.push(path, failure);
            }
        }
        let mut covered: Vec<(String, u32)> = fixtures.iter().filter_map(|(_, text)| form::covers(text)).collect();
        for sample in self.missing(&fixtures) {
            let last = sample.1.entries.last().expect("a sample has an event");
            let path = self.dir.join(&sample.0);
            if bless == Bless::Nothing {
                failures.push(&path, Failure::NotWritten(last.text()));
            } else if let Err(failure) = write::<M>(&path, &sample.1.entries) {
                failures.push(&path, failure);
            }
            covered.push((last.name.clone(), last.version));
        }
        for row in M::EVENTS {
            if !covered.iter().any(|(name, version)| name == row.name() && *version == row.version()) {
                failures.push(&self.dir, Failure::uncovered(row));
            }
        }
        failures.or_none()
    }

    /// The fixtures' paths and texts, in the order of their names.
    fn read(&self) -> io::Result<Vec<(PathBuf, String)>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut fixtures = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == form::EXTENSION) {
                let text = String::from_utf8_lossy(&fs::read(&path)?).replace("\r\n", "\n");
                fixtures.push((path, text));
            }
        }
        fixtures.sort();
        Ok(fixtures)
    }

    /// The samples that have no fixture yet, by the names of their files.
    fn missing(&self, fixtures: &[(PathBuf, String)]) -> Vec<(String, &Sample)> {
        let mut named: Vec<(String, &Sample)> = Vec::new();
        for sample in &self.samples {
            let last = sample.entries.last().expect("a sample has an event");
            let mut number = 1;
            let mut name = form::file_name(&last.name, last.version, number);
            while named.iter().any(|(other, _)| *other == name) {
                number += 1;
                name = form::file_name(&last.name, last.version, number);
            }
            named.push((name, sample));
        }
        named.retain(|(name, _)| !fixtures.iter().any(|(path, _)| path.ends_with(name)));
        named
    }
}

/// Replays a fixture, and compares what comes of it with what it says.
fn replay<M: Model>(path: &Path, text: &str, bless: Bless) -> Result<(), Failure> {
    let fixture = Fixture::parse(text)?;
    match fixture.check::<M>() {
        Err(failure) if failure.is_outcome() && bless == Bless::Outcomes => {
            let fixture = fixture.with_outcome::<M>()?;
            text_file::update(path, |_| Ok(Some(fixture.text()))).map_err(Failure::unwritable)
        }
        checked => checked,
    }
}

/// Writes a fixture where there is none, whoever else does at the time.
fn write<M: Model>(path: &Path, entries: &[Entry]) -> Result<(), Failure> {
    let fixture = Fixture::of::<M>(entries)?;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(Failure::unwritable)?;
    }
    text_file::update(path, |there| Ok(there.is_none().then(|| fixture.text()))).map_err(Failure::unwritable)
}

/// The events of a fixture.
pub(super) fn events(path: &Path) -> Result<Vec<Entry>, String> {
    let told = |what: String| format!("the fixture `{}`: {what}", path.display());
    let text = fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
    let fixture = Fixture::parse(&text.replace("\r\n", "\n")).map_err(|failure| told(failure.to_string()))?;
    Ok(fixture.entries)
}

impl<M: Model> fmt::Debug for Golden<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Golden").field("dir", &self.dir).field("samples", &self.samples.len()).finish_non_exhaustive()
    }
}
