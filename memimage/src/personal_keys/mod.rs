//! The key file of an image: the keys of the subjects of its personal data. An erasure destroys a key in this file.
//!
//! FORMAT.md defines the file. Without the feature `erasure`, [`PersonalKeys`] does nothing.

// each module uses only the modules above it
#[cfg(feature = "erasure")]
mod record;
#[cfg(feature = "erasure")]
mod records;
#[cfg(feature = "erasure")]
mod key_file;
#[cfg(feature = "erasure")]
mod reading;
#[cfg(feature = "erasure")]
mod writing;
#[cfg(feature = "erasure")]
mod handle;
#[cfg(not(feature = "erasure"))]
mod absent;
#[cfg(all(test, feature = "erasure"))]
mod tests;

#[cfg(not(feature = "erasure"))]
pub(crate) use absent::{MissingKeys, PersonalKeys};
#[cfg(feature = "erasure")]
pub(crate) use handle::{MissingKeys, PersonalKeys};

/// The name of the directory with the key file, in the directory of an image.
pub(crate) const DIRECTORY: &str = "personal.keys";
