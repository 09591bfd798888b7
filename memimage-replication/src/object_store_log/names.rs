//! The names of a log's objects, under its prefix.
//!
//! | name | content |
//! | --- | --- |
//! | `entries/<position>` | an entry, as it was appended; 20 digits |
//! | `blocks/<number>` | 256 entries that were merged: the block `n` begins with the position `256 n + 1`; 12 digits |
//! | `first` | the position of the first entry that the log still has; does not exist until entries were pruned |
//! | `snapshots/<name>` | a snapshot |
//! | `probe/<random>` | exists for a moment, while the store's promises are verified |

use object_store::path::Path;

use crate::log_error::{LogError, LogErrorKind};

/// The number of entries in a block.
pub(super) const BLOCK_ENTRIES: u64 = 256;

/// The block that contains a position, once its entries are merged.
pub(super) fn block_of(position: u64) -> u64 {
    (position - 1) / BLOCK_ENTRIES
}

/// The position of a block's first entry.
pub(super) fn block_start(block: u64) -> u64 {
    block * BLOCK_ENTRIES + 1
}

/// The names of the objects of one log.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: Path,
}

impl Names {
    pub(super) fn new(prefix: Path) -> Names {
        Names { prefix }
    }

    pub(super) fn entries(&self) -> Path {
        self.prefix.clone().join("entries")
    }

    pub(super) fn entry(&self, position: u64) -> Path {
        self.entries().join(format!("{position:020}"))
    }

    pub(super) fn blocks(&self) -> Path {
        self.prefix.clone().join("blocks")
    }

    pub(super) fn block(&self, block: u64) -> Path {
        self.blocks().join(format!("{block:012}"))
    }

    pub(super) fn first(&self) -> Path {
        self.prefix.clone().join("first")
    }

    pub(super) fn snapshots(&self) -> Path {
        self.prefix.clone().join("snapshots")
    }

    /// # Errors
    ///
    /// Returns an error if `name` is not a plain file name.
    pub(super) fn snapshot(&self, name: &str) -> Result<Path, LogError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.bytes().all(is_plain) {
            let message =
                format!("`{name}` cannot be the name of a snapshot; help: use letters, digits, `-`, `_` and `.`");
            return Err(LogError::new(LogErrorKind::Refused, message));
        }
        Ok(self.snapshots().join(name))
    }

    pub(super) fn probe(&self, random: u64) -> Path {
        self.prefix.clone().join("probe").join(format!("{random:016x}"))
    }
}

/// The number at the end of the name of an entry or a block. None for a foreign object.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    let name = path.filename()?;
    (matches!(name.len(), 12 | 20) && name.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| name.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_positions_and_are_parsed_again() {
        let names = Names::new(Path::from("bank"));
        assert_eq!(names.entry(7).as_ref(), "bank/entries/00000000000000000007");
        assert!(names.entry(9) < names.entry(10) && names.entry(10) < names.entry(u64::MAX));
        assert_eq!(number_of(&names.entry(u64::MAX)), Some(u64::MAX));
        assert_eq!(number_of(&names.block(12)), Some(12));
        assert_eq!(number_of(&Path::from("bank/entries/readme")), None);
        assert_eq!((block_of(1), block_of(256), block_of(257), block_start(1)), (0, 0, 1, 257));
    }

    #[test]
    fn a_snapshot_has_a_plain_name() {
        let names = Names::new(Path::from("bank"));
        assert_eq!(names.snapshot("01-02-03").unwrap().as_ref(), "bank/snapshots/01-02-03");
        for name in ["", "a/b", "..", "ä", "a b", &"a".repeat(201)] {
            assert_eq!(names.snapshot(name).unwrap_err().kind(), LogErrorKind::Refused);
        }
    }
}
