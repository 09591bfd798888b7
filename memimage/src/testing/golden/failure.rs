//! What is wrong with a model's golden journals.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::event::{EventType, Model};

/// What is wrong with one fixture.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the fixtures cannot be read: {0}")]
    Unreadable(String),

    #[error("it cannot be written: {0}")]
    Unwritable(String),

    #[error("line {line}: {what}; restore the file from version control")]
    Malformed { line: usize, what: String },

    #[error(
        "it was edited: its sum is {said} and would be {found}; restore it, and add a sample of your own for another event"
    )]
    Edited { said: String, found: String },

    #[error("it is of the model `{0}`; give each model a directory of its own")]
    OtherModel(String),

    #[error("event {number}, {event}: {what}")]
    Replay { number: usize, event: String, what: String },

    #[error("{0}")]
    State(String),

    #[error(
        "what is said of the state cannot be read, line {line}: {what}; restore it, or have it written anew: \
         `MEMIMAGE_BLESS=outcomes cargo test`"
    )]
    Outcome { line: usize, what: String },

    #[error(
        "the model has another shape than when this was written:{differences}\nif that is meant, and the state it leads to \
         is right, accept it: `MEMIMAGE_BLESS=outcomes cargo test`, and read the difference"
    )]
    ModelShape { differences: String },

    #[error(
        "it leads to another state:{differences}\ndigest {found}, recorded {recorded}; old journals would be replayed to \
         something else than they were. Keep the old logic for old versions (`replay_only`), or, if the change is meant for \
         them too, accept it: `MEMIMAGE_BLESS=outcomes cargo test`, and read the difference"
    )]
    Digest { differences: String, found: String, recorded: String },

    #[error("it is missing; `MEMIMAGE_BLESS=1 cargo test` writes it from the sample {0}, to be committed")]
    NotWritten(String),

    #[error("no fixture of `{name}` v{version}: {mend}")]
    Uncovered { name: &'static str, version: u32, mend: String },
}

impl Failure {
    pub(super) fn unwritable(error: impl fmt::Display) -> Failure {
        Failure::Unwritable(error.to_string())
    }

    /// Of a version that has no fixture and no sample.
    pub(super) fn uncovered<M>(row: &EventType<M>) -> Failure {
        let (name, version) = (row.name(), row.version());
        let mend = match row.reencode.is_some() {
            true => format!(
                "a past version is replayed for ever, and so is its fixture: restore it from version control, or make one \
                 with `.history(given().past(\"{name}\", {version}, …))` and `MEMIMAGE_BLESS=1 cargo test`"
            ),
            false => "add a `.sample(…)` of it, and have its fixture written: `MEMIMAGE_BLESS=1 cargo test`".to_owned(),
        };
        Failure::Uncovered { name, version, mend }
    }

    /// Whether only what is said of the state is wrong, which may be accepted.
    pub(super) fn is_outcome(&self) -> bool {
        matches!(self, Failure::Outcome { .. } | Failure::ModelShape { .. } | Failure::Digest { .. })
    }
}

/// All that is wrong.
#[derive(Debug)]
pub(super) struct Failures {
    model: &'static str,
    dir: PathBuf,
    found: Vec<(Option<PathBuf>, Failure)>,
}

impl Failures {
    pub(super) fn new<M: Model>(dir: &Path) -> Failures {
        Failures { model: M::NAME, dir: dir.to_owned(), found: Vec::new() }
    }

    pub(super) fn push(&mut self, path: &Path, failure: Failure) {
        let file = path.strip_prefix(&self.dir).ok().filter(|file| !file.as_os_str().is_empty());
        self.found.push((file.map(Path::to_owned), failure));
    }

    #[must_use]
    pub(super) fn with(mut self, failure: Failure) -> Failures {
        self.found.push((None, failure));
        self
    }

    pub(super) fn or_none(self) -> Result<(), Failures> {
        if self.found.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the golden journals of `{}` in `{}`:", self.model, self.dir.display())?;
        for (file, failure) in &self.found {
            let file = file.as_ref().map_or_else(String::new, |file| format!("{}: ", file.display()));
            write!(f, "\n\n- {}", format!("{file}{failure}").replace('\n', "\n  "))?;
        }
        Ok(())
    }
}
