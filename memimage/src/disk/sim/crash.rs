//! What a power cut takes.

use std::fmt;
use std::path::PathBuf;

use super::SECTOR;
use super::content::Question;
use super::tree::{Change, Node, Tree};

/// Something written and not synced, which a power cut may take or leave: what
/// [`SimDisk::crash`](super::SimDisk::crash) asks about.
///
/// Paths are absolute: as the file is called now, or was when it had a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unsynced {
    /// That a file or directory was created. Lost, all that is in it is lost with it.
    Created {
        /// Where.
        path: PathBuf,
    },
    /// That a file or directory was renamed: one change, which happened or did not. Lost, it has its old name, and what
    /// it replaced is back.
    Renamed {
        /// Its old path.
        from: PathBuf,
        /// Its new path.
        to: PathBuf,
    },
    /// That a file was removed. Lost, it is back.
    Removed {
        /// Where it was.
        path: PathBuf,
    },
    /// A sector written with other bytes than it had. Lost, it has those, or zeros where the file did not reach.
    Sector {
        /// The file.
        path: PathBuf,
        /// Which 512 bytes of it, from 0.
        index: u64,
        /// Whether nothing but zeros was there before, so that garbage there harms no byte that was synced.
        fresh: bool,
    },
    /// That a file grew. Lost, it ends where it did at the last sync, or after the last of the sectors that survive.
    /// Kept, the sectors that do not survive are zeros.
    Length {
        /// As of the last sync, in bytes.
        synced: u64,
        /// As written, in bytes.
        written: u64,
        /// The file.
        path: PathBuf,
    },
}

impl Unsynced {
    fn of_names(change: &Change) -> Self {
        match (&change.from, &change.to) {
            (Some(from), Some(to)) => Self::Renamed { from: from.path.clone(), to: to.path.clone() },
            (Some(from), None) => Self::Removed { path: from.path.clone() },
            (None, Some(to)) => Self::Created { path: to.path.clone() },
            (None, None) => unreachable!("a change is of a name given or taken"),
        }
    }

    fn of_bytes(path: PathBuf, question: Question) -> Self {
        match question {
            Question::Sector { index, fresh, .. } => Self::Sector { path, index, fresh },
            Question::Length { synced, written, .. } => Self::Length { path, synced, written },
        }
    }

    /// Whether it is a directory's entry, and not a file's bytes or length.
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

/// What a power cut does to something [`Unsynced`]. `true` is [`Kept`](Fate::Kept), `false` [`Lost`](Fate::Lost).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It never reached the disk.
    Lost,
    /// It is on the disk.
    Kept,
    /// Of a sector: it was being written when the power failed, and holds what this seed says: the new bytes up to some
    /// place and the old ones from there, or all ones, or anything. Of anything else: as [`Kept`](Fate::Kept).
    ///
    /// Disks that write a sector whole or not at all leave none. A program that withstands it where nothing was before
    /// (see [`Unsynced::Sector`]) needs no such disk.
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

/// The tree after a power cut: names first, oldest change first, then files in the order of their creation. With each
/// question comes the number of the operation that did it.
pub(super) fn crash(tree: &Tree, fate: &mut dyn FnMut(Unsynced, u64) -> Fate) -> Tree {
    let mut after = tree.clone();
    // First, so that nothing is asked about a file that no outcome has a name for.
    after.close_all();
    let paths = after.paths();
    after.crash(|change| fate(Unsynced::of_names(change), change.age) != Fate::Lost);
    for (id, node) in &mut after.nodes {
        if let Node::File(file) = node {
            file.content =
                file.content.crash(|question| fate(Unsynced::of_bytes(paths[id].clone(), question), question.age()));
        }
    }
    after.sweep();
    after
}
