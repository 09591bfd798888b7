//! Blessing and verifying a lock.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use super::lock_file::{EntryKey, LockEntry, LockFile};
use super::unclaimed::{Caller, unclaimed};
use crate::disk::text_file;
use crate::error::{Error, ErrorDetail, ShapeLockError};
use crate::event::{Commands, EventType, ShapeLock};
use crate::shape::{ConstText, Drift, ShapeTree, compare};

/// The environment variable that lets the generated test of a locked model write to the lock.
const BLESS: &str = "MEMIMAGE_BLESS";

/// The changes that [`bless`] made to a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blessed {
    path: PathBuf,
    added: Vec<String>,
    widened: Vec<String>,
}

impl Blessed {
    /// The path of the lock.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The events that were added, such as `deposit v1`.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// The events whose enums got new variants.
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
            ([], widened) => write!(f, "added variants in `{}`: {}", path.display(), widened.join(", ")),
            (added, widened) => {
                let (added, widened) = (added.join(", "), widened.join(", "));
                write!(f, "added to `{}`: {added}; added variants: {widened}", path.display())
            }
        }
    }
}

/// Adds new events, new versions, and new variants at the end of enums to a model's lock.
///
/// The generated test of a locked model also blesses the lock, if the test runs under `MEMIMAGE_BLESS=1 cargo test --lib`. The
/// generated test of a model that is declared inside a function cannot run. To bless the lock of such a model, call `bless`
/// from the program, and run `MEMIMAGE_BLESS=1 cargo run`. Without `MEMIMAGE_BLESS`, a program whose lock lacks a line does not
/// compile. Several programs may bless one lock at the same time.
///
/// # Errors
///
/// Returns an error if the model has no lock, or if the lock cannot be read or written. Also returns an error if an event in
/// the lock has another shape in this program, or if this program cannot replay the event; this error lists the differences,
/// and the lock is not changed. Also returns an error if the lock has lines of a model that does not exist, because `M` may be
/// that model under a new name.
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
        let diff = LockDiff::new(&lock, M::EVENTS, &text);
        if !diff.refused.is_empty() {
            return Err(failure(ShapeLockError::Differs {
                path: path.clone(),
                what: "and this program differ; nothing was changed",
                differences: diff.refused,
                help: "give each changed event a new version, or undo the change".to_owned(),
            }));
        }
        let names = |entries: &[LockEntry]| entries.iter().map(|entry| entry.key.to_string()).collect();
        (blessed.added, blessed.widened) = (names(&diff.missing), names(&diff.wider));
        let new: Vec<_> = diff.missing.into_iter().chain(diff.wider).collect();
        let is_new = !new.is_empty();
        new.into_iter().for_each(|entry| text.set(entry));
        Ok(is_new.then(|| text.to_string()))
    })?;
    Ok(blessed)
}

/// Checks that a model's lock contains all events of the model, with the shapes that the events have in this program.
///
/// # Errors
///
/// Returns an error if the lock and the program differ; this error lists the differences. Also returns an error if the model
/// has no lock, if the lock cannot be read, or if the lock has lines of a model that does not exist.
pub fn verify<M: Commands>() -> Result<(), Error> {
    verify_for::<M>(Caller::Program)
}

fn verify_for<M: Commands>(caller: Caller) -> Result<(), Error> {
    let lock = lock_of::<M>()?;
    let path = Path::new(lock.path);
    let text = read(path, &text_file::read(path)?.unwrap_or_default())?;
    refuse_unclaimed(&lock, &text, caller)?;
    let diff = LockDiff::new(&lock, M::EVENTS, &text);
    let mut differences = diff.refused;
    differences.extend(diff.missing.iter().map(|entry| format!("{}: not in the lock yet", entry.key)));
    differences.extend(diff.wider.iter().map(|entry| format!("{}: new variants are not in the lock yet", entry.key)));
    match differences.is_empty() {
        true => Ok(()),
        false => Err(failure(ShapeLockError::Differs {
            path: path.to_owned(),
            what: "and this program differ",
            differences,
            help: format!(
                "run `MEMIMAGE_BLESS=1 cargo test {}`, which adds new events and variants to the lock, then commit the file",
                lock.selection
            ),
        })),
    }
}

/// The body of the generated test of a locked model: blesses the lock if the variable `MEMIMAGE_BLESS` is set and is neither
/// empty nor `0`, and otherwise verifies the lock.
///
/// # Panics
///
/// Panics if blessing or verifying returns an error.
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
    M::LOCK.ok_or_else(|| failure(ShapeLockError::NotLocked { model: std::any::type_name::<M>() }))
}

fn failure(error: ShapeLockError) -> Error {
    Error::new(ErrorDetail::ShapeLock(error))
}

fn read(path: &Path, text: &str) -> Result<LockFile, Error> {
    LockFile::read(text).map_err(|what| failure(ShapeLockError::Unreadable { path: path.to_owned(), what }))
}

/// Refuses a lock with unclaimed lines, because a model that looks new may be the model of these lines under another name.
fn refuse_unclaimed(lock: &ShapeLock, text: &LockFile, caller: Caller) -> Result<(), Error> {
    let unclaimed = unclaimed(lock, text, caller);
    if unclaimed.is_empty() {
        return Ok(());
    }
    let lines = unclaimed.into_iter().map(|(model, lines)| {
        let numbers: Vec<_> = lines.iter().map(usize::to_string).collect();
        format!("`{model}`: {} {}", if lines.len() == 1 { "line" } else { "lines" }, numbers.join(", "))
    });
    let is_new = text.of_model(lock.model).next().is_none();
    Err(failure(ShapeLockError::Unclaimed {
        path: PathBuf::from(lock.path),
        of_models: lines.collect(),
        new: is_new.then_some(lock.model),
    }))
}

/// The differences between a lock and a program.
struct LockDiff {
    missing: Vec<LockEntry>,
    /// The new entries of events whose enums have more variants in the program than in the lock.
    wider: Vec<LockEntry>,
    /// The differences that blessing does not accept.
    refused: Vec<String>,
}

impl LockDiff {
    fn new<M>(lock: &ShapeLock, events: &[EventType<M>], text: &LockFile) -> LockDiff {
        let mut diff = LockDiff { missing: Vec::new(), wider: Vec::new(), refused: Vec::new() };
        for event in events {
            let key = EntryKey { model: lock.model.to_owned(), event: event.name.to_owned(), version: event.version };
            diff.add(key, event, text);
        }
        for LockEntry { key, .. } in text.of_model(lock.model) {
            if !events.iter().any(|event| event.name == key.event && event.version == key.version) {
                diff.refused.push(format!("{key}: in the lock, but this program cannot replay the event"));
            }
        }
        diff
    }

    fn add<M>(&mut self, key: EntryKey, event: &EventType<M>, text: &LockFile) {
        let Some(entry) = text.of_model(&key.model).find(|entry| entry.key == key) else {
            return match event.shape {
                Some(shape) => self.missing.push(LockEntry { key, shape: ShapeTree::of(shape).to_string() }),
                None => self.refused.push(format!(
                    "{key}: not in the lock, and this program has no type with its shape: restore the committed line"
                )),
            };
        };
        let Some(shape) = event.shape else { return };
        let mut message = ConstText::about(&key.to_string());
        match compare(&entry.shape, shape, &mut message) {
            Drift::None => {}
            Drift::Wider => self.wider.push(LockEntry { key, shape: ShapeTree::of(shape).to_string() }),
            Drift::Different | Drift::Unreadable => self.refused.push(message.as_str().to_owned()),
        }
    }
}
