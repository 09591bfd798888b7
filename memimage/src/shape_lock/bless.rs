//! Bringing a lock up to date, and seeing whether it is.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use super::claim::{Caller, unclaimed};
use super::line::{Entry, Key, Text};
use crate::disk::text_file;
use crate::error::{Error, ErrorDetail};
use crate::event::{Commands, EventType, ShapeLock};
use crate::shape::{ConstText, Drift, ShapeTree, compare};

/// Makes the test that comes with a locked model write, where it else only looks.
const BLESS: &str = "MEMIMAGE_BLESS";

/// What was done to a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blessed {
    path: PathBuf,
    added: Vec<String>,
    widened: Vec<String>,
}

impl Blessed {
    /// The lock.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The events that it has now and had not before, as in `deposit v1`.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// The events that it had, to whose enums variants were added.
    pub fn widened(&self) -> &[String] {
        &self.widened
    }
}

impl Display for Blessed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Blessed { path, added, widened } = self;
        match (&added[..], &widened[..]) {
            ([], []) => write!(f, "`{}` is up to date", path.display()),
            (added, []) => write!(f, "added to `{}`: {}", path.display(), added.join(", ")),
            ([], widened) => write!(f, "given new variants in `{}`: {}", path.display(), widened.join(", ")),
            (added, widened) => {
                let (added, widened) = (added.join(", "), widened.join(", "));
                write!(f, "added to `{}`: {added}; given new variants: {widened}", path.display())
            }
        }
    }
}

/// Adds to a model's lock what it does not have yet: events and versions, and variants at the end of enums.
///
/// The test that comes with a locked model does this by itself, under `MEMIMAGE_BLESS=1 cargo test --lib`. Call it for a model
/// that has no test, such as one inside a function, in a program that is run with cargo's `MEMIMAGE_BLESS=1 cargo run`, since
/// without that variable a program whose lock lacks a line does not compile. Others may do so at the same time.
///
/// # Errors
///
/// If the model has no lock, or the lock cannot be read or written. If an event that the lock has is of another shape in this
/// program, or cannot be replayed by it: then nothing is changed, and the error says what differs. If the lock has lines of a
/// model that does not exist: this one may be its new name.
pub fn bless<M: Commands>() -> Result<Blessed, Error> {
    bless_for::<M>(Caller::Program)
}

fn bless_for<M: Commands>(caller: Caller) -> Result<Blessed, Error> {
    let lock = lock_of::<M>()?;
    let path = PathBuf::from(lock.path);
    let mut blessed = Blessed { path: path.clone(), added: Vec::new(), widened: Vec::new() };
    text_file::update(&path, |text| {
        let mut text = read(&path, &text.unwrap_or_default())?;
        refuse_unclaimed(&lock, &text, caller)?;
        let found = Found::new(&lock, M::EVENTS, &text);
        if !found.refused.is_empty() {
            return Err(Error::new(ErrorDetail::Lock {
                path: path.clone(),
                what: "and this program differ in what is locked; nothing was changed",
                differences: found.refused,
                help: "give a changed event a new version, or undo the change".to_owned(),
            }));
        }
        let names = |entries: &[Entry]| entries.iter().map(|entry| entry.key.to_string()).collect();
        (blessed.added, blessed.widened) = (names(&found.missing), names(&found.wider));
        let new: Vec<_> = found.missing.into_iter().chain(found.wider).collect();
        let is_new = !new.is_empty();
        new.into_iter().for_each(|entry| text.set(entry));
        Ok(is_new.then(|| text.to_string()))
    })?;
    Ok(blessed)
}

/// Sees whether a model's lock has all of its events, in the shapes that they have in this program.
///
/// # Errors
///
/// If not, with all that differs; if the model has no lock, or it cannot be read; if it has lines of a model that does not
/// exist.
pub fn verify<M: Commands>() -> Result<(), Error> {
    verify_for::<M>(Caller::Program)
}

fn verify_for<M: Commands>(caller: Caller) -> Result<(), Error> {
    let lock = lock_of::<M>()?;
    let path = Path::new(lock.path);
    let text = read(path, &text_file::read(path)?.unwrap_or_default())?;
    refuse_unclaimed(&lock, &text, caller)?;
    let found = Found::new(&lock, M::EVENTS, &text);
    let mut differences = found.refused;
    differences.extend(found.missing.iter().map(|entry| format!("{}: not in the lock yet", entry.key)));
    differences.extend(found.wider.iter().map(|entry| format!("{}: new variants are not in the lock yet", entry.key)));
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Error::new(ErrorDetail::Lock {
            path: path.to_owned(),
            what: "and this program differ",
            differences,
            help: format!("what is new is added by `MEMIMAGE_BLESS=1 cargo test {}`; commit the file", lock.selection),
        })),
    }
}

/// The test that comes with a locked model.
///
/// # Panics
///
/// With the error of [`bless`], where the environment asks for that, else of [`verify`].
pub fn bless_or_verify<M: Commands>() {
    let blesses = std::env::var(BLESS).is_ok_and(|value| !matches!(&*value, "" | "0"));
    let result = match blesses {
        true => bless_for::<M>(Caller::Test).map(drop),
        false => verify_for::<M>(Caller::Test),
    };
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn lock_of<M: Commands>() -> Result<ShapeLock, Error> {
    M::LOCK.ok_or_else(|| Error::new(ErrorDetail::NotLocked { model: std::any::type_name::<M>() }))
}

fn read(path: &Path, text: &str) -> Result<Text, Error> {
    Text::read(text).map_err(|what| Error::new(ErrorDetail::LockText { path: path.to_owned(), what }))
}

/// Lines without a model are an error, and nothing is added beside them: what looks like a new model may be theirs.
fn refuse_unclaimed(lock: &ShapeLock, text: &Text, caller: Caller) -> Result<(), Error> {
    let unclaimed = unclaimed(lock, text, caller);
    if unclaimed.is_empty() {
        return Ok(());
    }
    let lines = unclaimed.into_iter().map(|(model, lines)| {
        let numbers: Vec<_> = lines.iter().map(usize::to_string).collect();
        format!("`{model}`: {} {}", if lines.len() == 1 { "line" } else { "lines" }, numbers.join(", "))
    });
    let is_new = text.of_model(lock.model).next().is_none();
    Err(Error::new(ErrorDetail::Unclaimed {
        path: PathBuf::from(lock.path),
        of_models: lines.collect(),
        new: is_new.then_some(lock.model),
    }))
}

/// How a lock stands to a program.
struct Found {
    missing: Vec<Entry>,
    /// The entries that they are to become.
    wider: Vec<Entry>,
    /// What no blessing changes.
    refused: Vec<String>,
}

impl Found {
    fn new<M>(lock: &ShapeLock, events: &[EventType<M>], text: &Text) -> Found {
        let mut found = Found { missing: Vec::new(), wider: Vec::new(), refused: Vec::new() };
        for event in events {
            let key = Key { model: lock.model.to_owned(), event: event.name.to_owned(), version: event.version };
            found.event(key, event, text);
        }
        for Entry { key, .. } in text.of_model(lock.model) {
            if !events.iter().any(|event| event.name == key.event && event.version == key.version) {
                found.refused.push(format!("{key}: in the lock, and this program cannot replay it"));
            }
        }
        found
    }

    fn event<M>(&mut self, key: Key, event: &EventType<M>, text: &Text) {
        let Some(entry) = text.of_model(&key.model).find(|entry| entry.key == key) else {
            return match event.shape {
                Some(shape) => self.missing.push(Entry { key, shape: ShapeTree::of(shape).to_string() }),
                None => self.refused.push(format!(
                    "{key}: its shape is known to the lock only, which has lost it: restore its line as it was committed"
                )),
            };
        };
        let Some(shape) = event.shape else { return };
        let mut message = ConstText::about(&key.to_string());
        match compare(&entry.shape, shape, &mut message) {
            Drift::None => {}
            Drift::Wider => self.wider.push(Entry { key, shape: ShapeTree::of(shape).to_string() }),
            Drift::Different | Drift::Unreadable => self.refused.push(message.as_str().to_owned()),
        }
    }
}
