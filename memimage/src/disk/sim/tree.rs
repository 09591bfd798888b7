//! The directory tree of a simulated disk, with its current names and its synced names.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::content::Content;

/// Identifies a file or directory independently of its name, like an inode number. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u64);

impl NodeId {
    pub(super) const ROOT: Self = Self(0);
}

#[derive(Debug, Clone)]
pub(super) enum SimNode {
    File(FileNode),
    Dir(DirNode),
}

#[derive(Debug, Clone, Default)]
pub(super) struct FileNode {
    pub(super) content: Content,
    /// The number of open handles. An open file stays on the disk even if it has no name.
    pub(super) handles: usize,
}

type Names = BTreeMap<OsString, NodeId>;

/// Selects the current or the synced names of a directory.
type NamesAccessor = fn(&mut DirNode) -> &mut Names;

#[derive(Debug, Clone, Default)]
pub(super) struct DirNode {
    pub(super) written: Names,
    pub(super) synced: Names,
}

/// A change of a name that no directory sync has made durable yet.
#[derive(Debug, Clone)]
pub(super) struct NameChange {
    pub(super) node: NodeId,
    /// The directory and name before the change; `None` for a creation.
    pub(super) from: Option<EntryLocation>,
    /// The directory and name after the change; `None` for a removal.
    pub(super) to: Option<EntryLocation>,
    /// The number of the operation that made the change.
    pub(super) age: u64,
    /// Whether a failed sync of the directory dropped the change: readers see the change, but it is not on the disk, and a
    /// later sync writes it only together with a newer change that depends on it.
    pub(super) dropped: bool,
}

#[derive(Debug, Clone)]
pub(super) struct EntryLocation {
    pub(super) dir: NodeId,
    pub(super) name: OsString,
    /// The path at the time of the change, for reports.
    pub(super) path: PathBuf,
}

impl NameChange {
    fn new(node: NodeId, from: Option<EntryLocation>, to: Option<EntryLocation>, age: u64) -> Self {
        Self { node, from, to, age, dropped: false }
    }

    fn locations(&self) -> impl Iterator<Item = &EntryLocation> {
        self.from.iter().chain(&self.to)
    }
}

/// The names that a set of changes has given to files and directories. The caller adds the changes from the newest to the
/// oldest.
#[derive(Default)]
struct TakenNames(BTreeSet<(NodeId, OsString)>);

impl TakenNames {
    fn add(&mut self, change: &NameChange) {
        self.0.extend(change.to.iter().map(|to| (to.dir, to.name.clone())));
    }

    /// Whether `change` freed one of these names. `change` must be older than all changes added so far.
    fn freed_by(&self, change: &NameChange) -> bool {
        change.from.as_ref().is_some_and(|from| self.0.contains(&(from.dir, from.name.clone())))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<NodeId, SimNode>,
    /// The unsynced changes, oldest first.
    pub(super) changes: Vec<NameChange>,
    next: NodeId,
}

impl Tree {
    pub(super) fn new() -> Self {
        let root = SimNode::Dir(DirNode::default());
        Self { nodes: BTreeMap::from([(NodeId::ROOT, root)]), changes: Vec::new(), next: NodeId(1) }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<NodeId> {
        let mut node = NodeId::ROOT;
        for name in names(path) {
            node = *self.dir(node)?.written.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    pub(super) fn dir(&self, node: NodeId) -> io::Result<&DirNode> {
        match &self.nodes[&node] {
            SimNode::Dir(dir) => Ok(dir),
            SimNode::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn file(&self, node: NodeId) -> io::Result<&FileNode> {
        match &self.nodes[&node] {
            SimNode::File(file) => Ok(file),
            SimNode::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn file_mut(&mut self, node: NodeId) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(&node) {
            Some(SimNode::File(file)) => Ok(file),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn create(&mut self, path: &Path, node: SimNode, age: u64) -> io::Result<NodeId> {
        let location = self.location(path)?.ok_or(io::ErrorKind::AlreadyExists)?;
        if self.dir(location.dir)?.written.contains_key(&location.name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.next;
        self.next = NodeId(id.0 + 1);
        self.nodes.insert(id, node);
        self.change(NameChange::new(id, None, Some(location), age));
        Ok(id)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path, age: u64) -> io::Result<()> {
        let node = self.find(from)?;
        let (Some(from), Some(to)) = (self.location(from)?, self.location(to)?) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        match (&self.nodes[&node], self.dir(to.dir)?.written.get(&to.name)) {
            (_, Some(&replaced)) if replaced == node => return Ok(()),
            (SimNode::Dir(_), _) if self.is_within(to.dir, node) => return Err(io::ErrorKind::InvalidInput.into()),
            (SimNode::File(_), Some(&replaced)) => _ = self.file(replaced)?,
            (SimNode::Dir(_), Some(&replaced)) if !self.dir(replaced)?.written.is_empty() => {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            _ => {}
        }
        self.change(NameChange::new(node, Some(from), Some(to), age));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path, age: u64) -> io::Result<()> {
        let node = self.find(path)?;
        self.file(node)?;
        let from = self.location(path)?;
        self.change(NameChange::new(node, from, None, age));
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &Path, age: u64) -> io::Result<()> {
        let node = self.find(path)?;
        if !self.dir(node)?.written.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        // the root has no location and cannot be removed
        let from = self.location(path)?.ok_or(io::ErrorKind::ResourceBusy)?;
        self.change(NameChange::new(node, Some(from), None, age));
        Ok(())
    }

    /// Makes the changes in a directory durable, with the older changes that they depend on. If `reaches_disk` is false, the
    /// sync fails and drops the changes instead: readers still see the changes, but a later sync makes a dropped change durable
    /// only together with a newer change that depends on it.
    pub(super) fn sync_dir(&mut self, path: &Path, reaches_disk: bool) -> io::Result<()> {
        let dir = self.find(path)?;
        self.dir(dir)?;
        let mut dirs = BTreeSet::from([dir]);
        let mut taken = TakenNames::default();
        let (mut synced, mut pending) = (Vec::new(), Vec::new());
        for mut change in std::mem::take(&mut self.changes).into_iter().rev() {
            let touched = !change.dropped && change.locations().any(|location| dirs.contains(&location.dir));
            if touched || taken.freed_by(&change) {
                dirs.extend(change.locations().map(|location| location.dir));
                if reaches_disk {
                    taken.add(&change);
                    synced.push(change);
                    continue;
                }
                change.dropped = true;
            }
            pending.push(change);
        }
        self.changes = pending.into_iter().rev().collect();
        for change in synced.iter().rev() {
            self.apply(change, |dir| &mut dir.synced);
        }
        self.sweep();
        Ok(())
    }

    fn change(&mut self, change: NameChange) {
        self.apply(&change, |dir| &mut dir.written);
        self.changes.push(change);
    }

    fn apply(&mut self, change: &NameChange, side: NamesAccessor) {
        if let Some(from) = &change.from {
            self.remove_name(change.node, from, side);
        }
        if let Some(EntryLocation { dir, name, .. }) = &change.to
            && let Some(SimNode::Dir(dir)) = self.nodes.get_mut(dir)
        {
            side(dir).insert(name.clone(), change.node);
        }
    }

    fn remove_name(&mut self, node: NodeId, from: &EntryLocation, side: NamesAccessor) {
        if let Some(SimNode::Dir(dir)) = self.nodes.get_mut(&from.dir)
            && side(dir).get(&from.name) == Some(&node)
        {
            side(dir).remove(&from.name);
            return;
        }
        // A crash may have lost the change that moved the node to `from`. There are no hard links, so the node must not keep an
        // older name besides its new name.
        for other in self.nodes.values_mut() {
            if let SimNode::Dir(dir) = other {
                side(dir).retain(|_, &mut named| named != node);
            }
        }
    }

    /// Gives every directory its synced names, and applies the unsynced changes that survive. If a creation or rename survives,
    /// the older changes that freed its new name survive too: otherwise, it would overwrite the entry that still has this name.
    pub(super) fn crash(&mut self, mut survives: impl FnMut(&NameChange) -> bool) {
        let changes = std::mem::take(&mut self.changes);
        let answers: Vec<_> = changes.iter().map(|change| !change.dropped && survives(change)).collect();
        let mut taken = TakenNames::default();
        let mut surviving = Vec::new();
        for (change, survives) in changes.into_iter().zip(answers).rev() {
            if survives || taken.freed_by(&change) {
                taken.add(&change);
                surviving.push(change);
            }
        }
        for change in surviving.iter().rev() {
            self.apply(change, |dir| &mut dir.synced);
        }
        for node in self.nodes.values_mut() {
            if let SimNode::Dir(dir) = node {
                dir.written.clone_from(&dir.synced);
            }
        }
    }

    /// Closes all open files, as if the process that opened them had ended.
    pub(super) fn close_all(&mut self) {
        for node in self.nodes.values_mut() {
            if let SimNode::File(file) = node {
                file.handles = 0;
            }
        }
        self.sweep();
    }

    /// Removes the nodes to which no name, no unsynced change and no open handle refers.
    pub(super) fn sweep(&mut self) {
        let mut reached = BTreeSet::new();
        let mut open = vec![NodeId::ROOT];
        open.extend(self.changes.iter().map(|change| change.node));
        for (&id, node) in &self.nodes {
            if matches!(node, SimNode::File(file) if file.handles > 0) {
                open.push(id);
            }
        }
        while let Some(id) = open.pop() {
            if !reached.insert(id) {
                continue;
            }
            if let SimNode::Dir(dir) = &self.nodes[&id] {
                open.extend(dir.written.values().chain(dir.synced.values()));
            }
        }
        self.nodes.retain(|id, _| reached.contains(id));
    }

    /// One path for each node: its current path, or else its synced path, or else an earlier path.
    pub(super) fn paths(&self) -> BTreeMap<NodeId, PathBuf> {
        let mut paths = BTreeMap::new();
        for change in &self.changes {
            paths.extend(change.locations().map(|at| (change.node, at.path.clone())));
        }
        let mut visit = |node, path: &Path| _ = paths.insert(node, path.to_owned());
        self.walk(NodeId::ROOT, Path::new("/"), |dir| &dir.synced, &mut visit);
        self.walk(NodeId::ROOT, Path::new("/"), |dir| &dir.written, &mut visit);
        paths
    }

    /// The paths of all files, sorted.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut visit = |node, path: &Path| {
            if self.file(node).is_ok() {
                files.push(path.to_owned());
            }
        };
        self.walk(NodeId::ROOT, Path::new("/"), |dir| &dir.written, &mut visit);
        files
    }

    fn is_within(&self, node: NodeId, dir: NodeId) -> bool {
        let mut within = false;
        self.walk(dir, Path::new(""), |dir| &dir.written, &mut |found, _| within |= found == node);
        within
    }

    fn walk(&self, node: NodeId, path: &Path, side: fn(&DirNode) -> &Names, visit: &mut dyn FnMut(NodeId, &Path)) {
        visit(node, path);
        if let SimNode::Dir(dir) = &self.nodes[&node] {
            for (name, &below) in side(dir) {
                self.walk(below, &path.join(name), side, visit);
            }
        }
    }

    /// The parent directory of `path`, and the name of `path` in it; `None` for the root. The parent directory must exist;
    /// `path` need not exist.
    fn location(&self, path: &Path) -> io::Result<Option<EntryLocation>> {
        let names = names(path);
        let Some((name, parents)) = names.split_last() else { return Ok(None) };
        let dir = self.find(&parents.iter().collect::<PathBuf>())?;
        self.dir(dir)?;
        Ok(Some(EntryLocation { dir, name: OsStr::to_owned(name), path: absolute(path) }))
    }
}

/// The absolute form of a path.
pub(super) fn absolute(path: &Path) -> PathBuf {
    Path::new("/").join(names(path).iter().collect::<PathBuf>())
}

/// The names in a path, starting at the root. A relative path starts at the root too, and `..` is resolved by name, since there
/// are no links.
fn names(path: &Path) -> Vec<&OsStr> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => _ = names.pop(),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    names
}
