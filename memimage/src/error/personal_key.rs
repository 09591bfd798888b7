//! The error messages of personal data and their key file.

use std::path::PathBuf;

/// Why personal data cannot be read, or their key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(feature = "erasure"), allow(dead_code, reason = "only the feature has a key file"))]
pub(crate) enum PersonalKeyError {
    #[error("{place} cannot be read, and nothing was changed: {what}")]
    Unreadable { place: String, what: String },

    #[error(
        "the key file `{}` is damaged at byte {offset}: {what}; nothing was changed; personal data whose keys are lost can never be \
         read again; help: restore the file from a copy that is not older than the last erasure, because an older copy has keys \
         that were destroyed since",
        path.display()
    )]
    Damaged { path: PathBuf, offset: u64, what: &'static str },

    #[error(
        "the key file `{}` is no longer there; help: put it back, because without it no personal data can be read after the next \
         opening",
        path.display()
    )]
    Lost { path: PathBuf },

    #[error(
        "the key file `{}` was replaced by another one; help: put the first one back, or close the image and open it again",
        path.display()
    )]
    Replaced { path: PathBuf },

    #[error(
        "the key file `{}` is locked by {owner}, for longer than a change takes; help: try again, or end that process",
        path.display()
    )]
    Locked { path: PathBuf, owner: String },
}
