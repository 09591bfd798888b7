//! Golden journals: one committed fixture for each version of each event, which every test run replays.

mod error;
mod fixture;
mod fixture_text;

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::given::{Given, given};
use super::recorded_event::RecordedEvent;
use crate::disk::text_file;
use crate::event::{Model, Payload};
use error::{FixtureError, FixtureErrors};
use fixture::Fixture;

/// Which files a test may write: the environment variable `MEMIMAGE_BLESS` selects the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlessMode {
    Nothing,
    /// `1`: the test writes missing fixtures.
    Missing,
    /// `outcomes`: the test also rewrites the states of existing fixtures.
    Outcomes,
}

impl BlessMode {
    fn from_environment() -> BlessMode {
        match env::var("MEMIMAGE_BLESS").as_deref() {
            Err(_) | Ok("" | "0") => BlessMode::Nothing,
            Ok("outcomes") => BlessMode::Outcomes,
            Ok(_) => BlessMode::Missing,
        }
    }
}

/// The golden journals of a model; see [`golden`].
#[must_use = "nothing is checked until `check` is called"]
pub struct Golden<M: Model> {
    dir: PathBuf,
    samples: Vec<Sample>,
    model: std::marker::PhantomData<fn(M)>,
}

/// The events from which a missing fixture is written.
struct Sample {
    /// The fixture tests the last of these events.
    events: Vec<RecordedEvent>,
}

/// Returns a test that replays the fixtures in `dir`, a directory of the package, and compares the resulting states with the
/// recorded ones. Each version of each event has a fixture, which is created once from a sample, committed, and replayed by
/// every test run.
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
/// `MEMIMAGE_BLESS=1 cargo test` writes the missing fixtures, such as `deposit.v1.golden`. The events in a fixture are never
/// written again, and you must not edit them, because they represent the events in existing journals. When a command gets
/// version 2, `deposit.v1.golden` remains, and each test run checks the upcasters from version 1.
///
/// The lower part of a fixture contains the resulting state and its digest. If you change the logic or the model's fields, and
/// the states are meant to change too, `MEMIMAGE_BLESS=outcomes cargo test` writes the lower part of each fixture again. Review
/// the changed fixtures before you commit them: they show the effect of your change on old data.
///
/// A fixture is text, so that its changes can be reviewed. The text contains readable lines, encoded lines, and a checksum over
/// the events.
pub fn golden<M: Model>(dir: impl AsRef<Path>) -> Golden<M> {
    let dir = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => Path::new(&package).join(dir),
        None => dir.as_ref().to_owned(),
    };
    Golden { dir, samples: Vec::new(), model: std::marker::PhantomData }
}

impl<M: Model> Golden<M> {
    /// Adds a sample of an event, which is replayed on the model's `Default`. Each sample of a version gets a fixture of its
    /// own.
    ///
    /// # Panics
    ///
    /// Panics if the event cannot be replayed on the `Default`. If other events must precede the sample, use
    /// [`history`](Golden::history).
    #[track_caller]
    pub fn sample<P: Payload<M>>(self, payload: P) -> Self {
        let past = given::<M>().event(payload);
        self.history(past)
    }

    /// Adds a sample together with the events before it. The sample is the last event, which may have a past version, or may
    /// have been rejected.
    ///
    /// # Panics
    ///
    /// Panics if the history has no event, or does not begin with the model's `Default`.
    #[track_caller]
    pub fn history(mut self, given: Given<M>) -> Self {
        let start = given.subject.start();
        assert!(start.state.is_none(), "a golden history begins with `given()`, the model's `Default`");
        assert!(!given.subject.log.is_empty(), "a golden history has at least one event");
        self.samples.push(Sample { events: given.subject.log });
        self
    }

    /// Replays each fixture. Also checks that no fixture is missing: each event version that the program can replay needs a
    /// fixture.
    ///
    /// # Panics
    ///
    /// Panics if a fixture is missing, cannot be replayed, or leads to another state than the recorded one. The message lists
    /// all errors.
    #[track_caller]
    pub fn check(self) {
        if let Err(errors) = self.run(BlessMode::from_environment()) {
            panic!("{errors}");
        }
    }

    fn run(&self, bless: BlessMode) -> Result<(), FixtureErrors> {
        let mut errors = FixtureErrors::new::<M>(&self.dir);
        let mut fixtures = match self.read() {
            Ok(fixtures) => fixtures,
            Err(error) => return Err(errors.with(FixtureError::Unreadable(error.to_string()))),
        };
        for (path, text) in &mut fixtures {
            if let Err(error) = replay::<M>(path, text, bless) {
                errors.push(path, error);
            }
        }
        let mut covered: Vec<(String, u32)> =
            fixtures.iter().filter_map(|(_, text)| fixture_text::covers(text)).collect();
        for sample in self.missing(&fixtures) {
            let last = sample.1.events.last().expect("a sample has an event");
            let path = self.dir.join(&sample.0);
            if bless == BlessMode::Nothing {
                errors.push(&path, FixtureError::NotWritten(last.text()));
            } else if let Err(error) = write::<M>(&path, &sample.1.events) {
                errors.push(&path, error);
            }
            covered.push((last.name.clone(), last.version));
        }
        for row in M::EVENTS {
            if !covered.iter().any(|(name, version)| name == row.name() && *version == row.version()) {
                errors.push(&self.dir, FixtureError::uncovered(row));
            }
        }
        errors.or_none()
    }

    /// The paths and texts of the fixtures, sorted by path.
    fn read(&self) -> io::Result<Vec<(PathBuf, String)>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut fixtures = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == fixture_text::EXTENSION) {
                let text = String::from_utf8_lossy(&fs::read(&path)?).replace("\r\n", "\n");
                fixtures.push((path, text));
            }
        }
        fixtures.sort();
        Ok(fixtures)
    }

    /// The samples without a fixture, with the names of their files.
    fn missing(&self, fixtures: &[(PathBuf, String)]) -> Vec<(String, &Sample)> {
        let mut named: Vec<(String, &Sample)> = Vec::new();
        for sample in &self.samples {
            let last = sample.events.last().expect("a sample has an event");
            let mut number = 1;
            let mut name = fixture_text::file_name(&last.name, last.version, number);
            while named.iter().any(|(other, _)| *other == name) {
                number += 1;
                name = fixture_text::file_name(&last.name, last.version, number);
            }
            named.push((name, sample));
        }
        named.retain(|(name, _)| !fixtures.iter().any(|(path, _)| path.ends_with(name)));
        named
    }
}

/// Replays a fixture, and compares the state with the recorded one.
fn replay<M: Model>(path: &Path, text: &str, bless: BlessMode) -> Result<(), FixtureError> {
    let fixture = Fixture::parse(text)?;
    match fixture.check::<M>() {
        Err(error) if error.is_outcome() && bless == BlessMode::Outcomes => {
            let fixture = fixture.with_outcome::<M>()?;
            text_file::update(path, |_| Ok(Some(fixture.text()))).map_err(FixtureError::unwritable)
        }
        checked => checked,
    }
}

/// Writes a fixture, unless another process has written it meanwhile.
fn write<M: Model>(path: &Path, events: &[RecordedEvent]) -> Result<(), FixtureError> {
    let fixture = Fixture::of::<M>(events)?;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(FixtureError::unwritable)?;
    }
    text_file::update(path, |existing| Ok(existing.is_none().then(|| fixture.text()))).map_err(FixtureError::unwritable)
}

/// Reads the events of a fixture.
pub(super) fn events(path: &Path) -> Result<Vec<RecordedEvent>, String> {
    let in_fixture = |error: String| format!("the fixture `{}`: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| in_fixture(error.to_string()))?;
    let fixture = Fixture::parse(&text.replace("\r\n", "\n")).map_err(|error| in_fixture(error.to_string()))?;
    Ok(fixture.events)
}

impl<M: Model> fmt::Debug for Golden<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Golden").field("dir", &self.dir).field("samples", &self.samples.len()).finish_non_exhaustive()
    }
}
