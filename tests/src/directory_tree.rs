//! The content of a real directory, to verify that nothing in it changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The content of a directory entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryContent {
    /// A directory.
    Dir,
    /// A regular file with these bytes.
    File(Vec<u8>),
    /// A symbolic link with this target.
    Link(PathBuf),
    /// A pipe, a socket or a device.
    Other,
}

/// The content and the nine mode bits of each path in a directory, including the directory itself.
pub type Tree = BTreeMap<PathBuf, (EntryContent, u32)>;

/// Reads a directory recursively, without following links. The content of `LOCK` is left out, because each owner writes its
/// name into it.
///
/// # Panics
///
/// If a file or directory cannot be read.
pub fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file_type = metadata.file_type();
        let content = if file_type.is_dir() {
            pending.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
            EntryContent::Dir
        } else if file_type.is_symlink() {
            EntryContent::Link(fs::read_link(&path).expect("a link"))
        } else if !file_type.is_file() {
            EntryContent::Other
        } else if path.ends_with("LOCK") {
            EntryContent::File(Vec::new())
        } else {
            EntryContent::File(fs::read(&path).expect("a file"))
        };
        tree.insert(path, (content, metadata.permissions().mode() & 0o777));
    }
    tree
}

/// The paths at which two trees differ.
pub fn differences(before: &Tree, after: &Tree) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    paths.sort();
    paths.dedup();
    paths
}
