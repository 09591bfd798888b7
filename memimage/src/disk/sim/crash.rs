//! What a power cut takes.

use std::path::PathBuf;

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
            Question::Sector(index) => Self::Sector { path, index },
            Question::Length { synced, written } => Self::Length { path, synced, written },
        }
    }
}

/// The tree after a power cut: names first, oldest change first, then files in the order of their creation.
pub(super) fn crash(tree: &Tree, survives: &mut dyn FnMut(&Unsynced) -> bool) -> Tree {
    let mut after = tree.clone();
    // First, so that nothing is asked about a file that no outcome has a name for.
    after.close_all();
    let paths = after.paths();
    after.crash(|change| survives(&Unsynced::of_names(change)));
    for (id, node) in &mut after.nodes {
        if let Node::File(file) = node {
            file.content = file.content.crash(|question| survives(&Unsynced::of_bytes(paths[id].clone(), question)));
        }
    }
    after.sweep();
    after
}
