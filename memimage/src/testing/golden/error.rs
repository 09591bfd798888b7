//! The errors of a model's golden journals.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::event::{EventType, Model};

/// The error of one fixture.
#[derive(Debug, thiserror::Error)]
pub(super) enum FixtureError {
    #[error("the fixtures cannot be read: {0}")]
    Unreadable(String),

    #[error("the fixture cannot be written: {0}")]
    Unwritable(String),

    #[error("line {line}: {what}; help: restore the file from version control")]
    InvalidLine { line: usize, what: String },

    #[error(
        "the fixture was edited: it states the checksum {recorded}, but its events have the checksum {found}; help: restore the file from \
         version control, and add a sample for another event"
    )]
    Edited { recorded: String, found: String },

    #[error("the fixture belongs to the model `{0}`; help: give each model a directory of its own")]
    OtherModel(String),

    #[error("event {number}, {event}: {what}")]
    Replay { number: usize, event: String, what: String },

    #[error("{0}")]
    State(String),

    #[error(
        "the state in the fixture cannot be read: line {line}: {what}; help: restore the file from version control, or run \
         `MEMIMAGE_BLESS=outcomes cargo test`, which writes the state again"
    )]
    Outcome { line: usize, what: String },

    #[error(
        "the model has another shape than the fixture:{differences}\nhelp: if this change is intended, run \
         `MEMIMAGE_BLESS=outcomes cargo test`, and review the difference"
    )]
    ModelShape { differences: String },

    #[error(
        "the events of the fixture replay to another state:{differences}\nthe digest of the state is {found}, and the recorded \
         digest is {recorded}; old journals would replay to another state too; help: keep the old logic for old versions \
         (`replay_only`), or, if the change is intended for old events, run `MEMIMAGE_BLESS=outcomes cargo test`, and review the \
         difference"
    )]
    Digest { differences: String, found: String, recorded: String },

    #[error(
        "the fixture is missing; help: run `MEMIMAGE_BLESS=1 cargo test`, which writes it from the sample {0}, then commit it"
    )]
    NotWritten(String),

    #[error("no fixture of `{name}` v{version}; help: {help}")]
    Uncovered { name: &'static str, version: u32, help: String },
}

impl FixtureError {
    pub(super) fn unwritable(error: impl fmt::Display) -> FixtureError {
        FixtureError::Unwritable(error.to_string())
    }

    /// The error for a version that has neither a fixture nor a sample.
    pub(super) fn uncovered<M>(row: &EventType<M>) -> FixtureError {
        let (name, version) = (row.name(), row.version());
        let help = match row.is_past {
            true => format!(
                "restore the fixture from version control, or add `.history(given().past(\"{name}\", {version}, …))`, then run \
                 `MEMIMAGE_BLESS=1 cargo test`, which writes the fixture"
            ),
            false => {
                "add a `.sample(…)` of the event, then run `MEMIMAGE_BLESS=1 cargo test`, which writes the fixture"
                    .to_owned()
            }
        };
        FixtureError::Uncovered { name, version, help }
    }

    /// Whether the error concerns only the recorded state, which `MEMIMAGE_BLESS=outcomes` may overwrite.
    pub(super) fn is_outcome(&self) -> bool {
        matches!(self, FixtureError::Outcome { .. } | FixtureError::ModelShape { .. } | FixtureError::Digest { .. })
    }
}

/// All errors of the fixtures in a directory.
#[derive(Debug)]
pub(super) struct FixtureErrors {
    model: &'static str,
    dir: PathBuf,
    errors: Vec<(Option<PathBuf>, FixtureError)>,
}

impl FixtureErrors {
    pub(super) fn new<M: Model>(dir: &Path) -> FixtureErrors {
        FixtureErrors { model: M::NAME, dir: dir.to_owned(), errors: Vec::new() }
    }

    pub(super) fn push(&mut self, path: &Path, error: FixtureError) {
        let file = path.strip_prefix(&self.dir).ok().filter(|file| !file.as_os_str().is_empty());
        self.errors.push((file.map(Path::to_owned), error));
    }

    #[must_use]
    pub(super) fn with(mut self, error: FixtureError) -> FixtureErrors {
        self.errors.push((None, error));
        self
    }

    pub(super) fn or_none(self) -> Result<(), FixtureErrors> {
        if self.errors.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for FixtureErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the golden journals of `{}` in `{}`:", self.model, self.dir.display())?;
        for (file, error) in &self.errors {
            let file = file.as_ref().map_or_else(String::new, |file| format!("{}: ", file.display()));
            write!(f, "\n\n- {}", format!("{file}{error}").replace('\n', "\n  "))?;
        }
        Ok(())
    }
}
