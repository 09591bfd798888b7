//! The key file that an image uses: where it is, and the open file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::DIRECTORY;
use super::key_file::KeyFile;
use crate::disk::Disk;
use crate::error::Error;
use crate::log;
use crate::personal::{Subject, encode_with, reading_only};

/// The key file of an image. A clone that was made before the file was opened opens it itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct PersonalKeys {
    /// The directory of the file; `None` for the one in the directory of the image.
    directory: Option<PathBuf>,
    file: OnceLock<Arc<KeyFile>>,
}

/// The subjects of a payload that have no key yet.
#[derive(Debug)]
pub(crate) struct MissingKeys(Vec<Subject>);

impl PersonalKeys {
    /// The key file in this directory.
    pub(crate) fn at(directory: PathBuf) -> PersonalKeys {
        PersonalKeys { directory: Some(directory), file: OnceLock::new() }
    }

    /// Reads the key file of the image with this root directory, so that its values can be decoded. Does nothing if it was read.
    ///
    /// # Errors
    ///
    /// Returns an error if the file exists and cannot be read.
    pub(crate) fn open(&self, disk: &Arc<dyn Disk>, root: &Path) -> Result<(), Error> {
        if self.file.get().is_some() {
            return Ok(());
        }
        let directory = self.directory.clone().unwrap_or_else(|| root.join(DIRECTORY));
        let file = KeyFile::new(disk, &directory);
        file.refresh()?;
        // if another thread was faster, its file has the same keys
        let _ = self.file.set(file);
        Ok(())
    }

    /// Calls `read`, which reads the image, with the keys of this file alone. The file is open.
    pub(crate) fn reading<R>(&self, read: impl FnOnce() -> R) -> R {
        match self.file.get() {
            Some(file) => reading_only(Arc::clone(file) as _, read),
            None => read(),
        }
    }

    /// Reads what other processes have changed. Returns whether a key was destroyed.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read.
    pub(crate) fn refresh(&self) -> Result<bool, Error> {
        self.file.get().map_or(Ok(false), |file| file.refresh())
    }

    /// Completes the erasures that a crash cut short. The keys are erased in any case, so a failure is only reported.
    pub(crate) fn complete_erasures(&self) {
        if let Some(Err(error)) = self.file.get().map(|file| file.complete_erasures()) {
            log::warning!(%error, "the bytes of a destroyed key could not be overwritten; the next opening tries again");
        }
    }

    /// Calls `encode`, which seals new values with the keys of their subjects. If subjects have no keys, the bytes must not be used:
    /// [`create`](PersonalKeys::create) creates the keys, and then the caller encodes again.
    pub(crate) fn encode<R>(&self, encode: impl FnOnce() -> R) -> (R, Option<MissingKeys>) {
        let Some(file) = self.file.get() else { return (encode(), None) };
        let (result, missing) = encode_with(Arc::clone(file) as _, encode);
        (result, (!missing.is_empty()).then_some(MissingKeys(missing)))
    }

    /// Creates the missing keys, durably. No lock of the image may be held.
    ///
    /// # Errors
    ///
    /// Returns an error if the key file cannot be written.
    pub(crate) fn create(&self, missing: &MissingKeys) -> Result<(), Error> {
        self.file.get().map_or(Ok(()), |file| file.create(&missing.0))
    }

    /// Destroys the key of a subject. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns an error if the key file cannot be written.
    pub(crate) fn erase(&self, subject: &Subject) -> Result<bool, Error> {
        self.file.get().map_or(Ok(false), |file| file.erase(subject))
    }
}
