//! The messages about the path of a new image, and about its staging directory.

// a path where no image can be made

pub(super) const INSIDE_SOURCE: &str = "a place inside the source image";
pub(super) const NOT_EMPTY: &str = "a directory that is not empty";
pub(super) const NO_NAME: &str = "a path without a name of its own, such as `/` or `..`";
pub(super) const NOTHING: &str = "no directory";
pub(super) const FOREIGN_FILES: &str = "a directory with files that no interrupted operation of this kind created";

// log messages

pub(super) const TRACES_LEFT: &str =
    "could not remove the marker file or the empty staging directory from the new image, where they have no effect";
pub(super) const STAGING_LEFT: &str = "could not remove the staging directory of a failed operation; the next operation of this kind to the same path clears it";
