//! The content of a real directory, to verify its files and that nothing changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// A directory.
    Dir,
    /// A regular file with these bytes.
    File(Vec<u8>),
    /// A symbolic link that leads there.
    Link(PathBuf),
    /// A pipe, a socket or a device.
    Other,
}

/// What stands at each path within a directory, itself included, and the nine bits of its mode.
pub type Tree = BTreeMap<PathBuf, (Stands, u32)>;

/// Looks at all that is in a directory, following no link, but for `LOCK`, into which each owner writes its name.
///
/// # Panics
///
/// If something cannot be looked at.
pub fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file_type = metadata.file_type();
        let stands = if file_type.is_dir() {
            left.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
            Stands::Dir
        } else if file_type.is_symlink() {
            Stands::Link(fs::read_link(&path).expect("a link"))
        } else if !file_type.is_file() {
            Stands::Other
        } else if path.ends_with("LOCK") {
            Stands::File(Vec::new())
        } else {
            Stands::File(fs::read(&path).expect("a file"))
        };
        tree.insert(path, (stands, metadata.permissions().mode() & 0o777));
    }
    tree
}

/// The paths at which the two differ.
pub fn differences(before: &Tree, after: &Tree) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    paths.sort();
    paths.dedup();
    paths
}
