//! The state of a disk after a power cut.

use std::fmt;
use std::path::PathBuf;

use super::SECTOR;
use super::content::UnsyncedPart;
use super::tree::{NameChange, SimNode, Tree};

/// An unsynced change, which a power cut may keep or lose; [`SimDisk::crash`](super::SimDisk::crash) decides its fate.
///
/// All paths are absolute. The path of a file is its current path, or its last path if the file no longer has a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unsynced {
    /// The creation of a file or directory. If the creation is lost, the content of the file or directory is lost too.
    Created {
        /// The path of the file or directory.
        path: PathBuf,
    },
    /// The rename of a file or directory, which is atomic. If the rename is lost, the file has its old name, and the file that
    /// the rename replaced exists again.
    Renamed {
        /// The path before the rename.
        from: PathBuf,
        /// The path after the rename.
        to: PathBuf,
    },
    /// The removal of a file or directory. If the removal is lost, the file or directory exists again.
    Removed {
        /// The path before the removal.
        path: PathBuf,
    },
    /// A sector whose bytes changed. If the write is lost, the sector has its old bytes, or zeros beyond the old length.
    Sector {
        /// The file.
        path: PathBuf,
        /// The number of the 512-byte sector in the file, from 0.
        index: u64,
        /// Whether the synced sector contains only zeros, so that garbage in this sector destroys no synced data.
        fresh: bool,
    },
    /// The growth of a file. If the growth is lost, the file ends at its synced length, or after its last surviving sector. If
    /// the growth is kept, new sectors that do not survive contain zeros.
    Length {
        /// The synced length, in bytes.
        synced: u64,
        /// The written length, in bytes.
        written: u64,
        /// The file.
        path: PathBuf,
    },
}

impl Unsynced {
    fn of_names(change: &NameChange) -> Self {
        match (&change.from, &change.to) {
            (Some(from), Some(to)) => Self::Renamed { from: from.path.clone(), to: to.path.clone() },
            (Some(from), None) => Self::Removed { path: from.path.clone() },
            (None, Some(to)) => Self::Created { path: to.path.clone() },
            (None, None) => unreachable!("a name change has an old or a new name"),
        }
    }

    fn of_bytes(path: PathBuf, part: UnsyncedPart) -> Self {
        match part {
            UnsyncedPart::Sector { index, fresh, .. } => Self::Sector { path, index, fresh },
            UnsyncedPart::Length { synced, written, .. } => Self::Length { path, synced, written },
        }
    }

    /// Whether the change is to a directory entry, and not to the bytes or the length of a file.
    #[must_use]
    pub fn is_name(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::Renamed { .. } | Self::Removed { .. })
    }
}

impl fmt::Display for Unsynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { path } => write!(f, "creation of {}", path.display()),
            Self::Renamed { from, to } => write!(f, "rename of {} to {}", from.display(), to.display()),
            Self::Removed { path } => write!(f, "removal of {}", path.display()),
            Self::Sector { path, index, .. } => write!(f, "sector at {} of {}", index * SECTOR, path.display()),
            Self::Length { path, synced, written } => {
                write!(f, "length of {}, {synced} grown to {written}", path.display())
            }
        }
    }
}

/// The effect of a power cut on an [`Unsynced`] change. `true` converts to [`Kept`](Fate::Kept), `false` to
/// [`Lost`](Fate::Lost).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The change did not reach the disk.
    Lost,
    /// The change is on the disk.
    Kept,
    /// For a sector: the power cut interrupted the write. The seed selects the bytes: new bytes followed by old bytes, or bytes
    /// with all bits set, or random bytes. For all other changes: the same as [`Kept`](Fate::Kept).
    ///
    /// Disks with atomic sector writes leave no garbage. A program that tolerates garbage in fresh sectors (see
    /// [`Unsynced::Sector`]) does not need a disk with atomic sector writes.
    Garbage(u64),
}

impl From<bool> for Fate {
    fn from(survives: bool) -> Self {
        if survives { Self::Kept } else { Self::Lost }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => f.write_str("lost"),
            Self::Kept => f.write_str("kept"),
            Self::Garbage(seed) => write!(f, "garbage {seed:#x}"),
        }
    }
}

/// The tree after a power cut. Calls `fate` for each unsynced change, with the number of the operation that made it: first for
/// the changes of names, oldest first, then for the changes of files, in the order in which the files were created.
pub(super) fn crash(tree: &Tree, fate: &mut dyn FnMut(Unsynced, u64) -> Fate) -> Tree {
    let mut after = tree.clone();
    // Closes the files first, so that `fate` is not called for a file that has no name in any outcome.
    after.close_all();
    let paths = after.paths();
    after.crash(|change| fate(Unsynced::of_names(change), change.age) != Fate::Lost);
    for (id, node) in &mut after.nodes {
        if let SimNode::File(file) = node {
            file.content = file.content.crash(|part| fate(Unsynced::of_bytes(paths[id].clone(), part), part.age()));
        }
    }
    after.sweep();
    after
}
