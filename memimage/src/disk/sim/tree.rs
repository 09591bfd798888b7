//! The names of a simulated disk: as they are, and as the last directory syncs left them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::content::Content;

/// A file or directory, whatever it is called: an inode's number, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u64);

impl NodeId {
    pub(super) const ROOT: Self = Self(0);
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    File(File),
    Dir(Dir),
}

#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) content: Content,
    /// Those who have it open keep it in being when it has no name.
    pub(super) handles: usize,
}

type Names = BTreeMap<OsString, NodeId>;

/// The names as they are, or as they are synced.
type Side = fn(&mut Dir) -> &mut Names;

#[derive(Debug, Clone, Default)]
pub(super) struct Dir {
    pub(super) written: Names,
    pub(super) synced: Names,
}

/// A change of names that no directory sync has covered yet.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) node: NodeId,
    /// The directory and name that it left.
    pub(super) from: Option<Place>,
    /// The directory and name that it has since.
    pub(super) to: Option<Place>,
    /// The number of the operation that made it.
    pub(super) age: u64,
    /// Whether a failed sync of the directory dropped it: seen, no longer to be synced, and not on disk.
    pub(super) dropped: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) dir: NodeId,
    pub(super) name: OsString,
    /// For reports: what led here when the change was made.
    pub(super) path: PathBuf,
}

impl Change {
    fn new(node: NodeId, from: Option<Place>, to: Option<Place>, age: u64) -> Self {
        Self { node, from, to, age, dropped: false }
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        self.from.iter().chain(&self.to)
    }
}

/// The names that changes give, newest first.
#[derive(Default)]
struct Taken(BTreeSet<(NodeId, OsString)>);

impl Taken {
    fn add(&mut self, change: &Change) {
        self.0.extend(change.to.iter().map(|to| (to.dir, to.name.clone())));
    }

    /// Whether it was this older change that freed one of them.
    fn from(&self, change: &Change) -> bool {
        change.from.as_ref().is_some_and(|from| self.0.contains(&(from.dir, from.name.clone())))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    /// The unsynced changes, oldest first.
    pub(super) changes: Vec<Change>,
    next: NodeId,
}

impl Tree {
    pub(super) fn new() -> Self {
        let root = Node::Dir(Dir::default());
        Self { nodes: BTreeMap::from([(NodeId::ROOT, root)]), changes: Vec::new(), next: NodeId(1) }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<NodeId> {
        let mut node = NodeId::ROOT;
        for name in names(path) {
            node = *self.dir(node)?.written.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    pub(super) fn dir(&self, node: NodeId) -> io::Result<&Dir> {
        match &self.nodes[&node] {
            Node::Dir(dir) => Ok(dir),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn file(&self, node: NodeId) -> io::Result<&File> {
        match &self.nodes[&node] {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn file_mut(&mut self, node: NodeId) -> io::Result<&mut File> {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn create(&mut self, path: &Path, node: Node, age: u64) -> io::Result<NodeId> {
        let place = self.place(path)?.ok_or(io::ErrorKind::AlreadyExists)?;
        if self.dir(place.dir)?.written.contains_key(&place.name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.next;
        self.next = NodeId(id.0 + 1);
        self.nodes.insert(id, node);
        self.change(Change::new(id, None, Some(place), age));
        Ok(id)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path, age: u64) -> io::Result<()> {
        let node = self.find(from)?;
        let (Some(from), Some(to)) = (self.place(from)?, self.place(to)?) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        match (&self.nodes[&node], self.dir(to.dir)?.written.get(&to.name)) {
            (_, Some(&replaced)) if replaced == node => return Ok(()),
            (Node::Dir(_), _) if self.is_within(to.dir, node) => return Err(io::ErrorKind::InvalidInput.into()),
            (Node::File(_), Some(&replaced)) => _ = self.file(replaced)?,
            (Node::Dir(_), Some(&replaced)) if !self.dir(replaced)?.written.is_empty() => {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            _ => {}
        }
        self.change(Change::new(node, Some(from), Some(to), age));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path, age: u64) -> io::Result<()> {
        let node = self.find(path)?;
        self.file(node)?;
        let from = self.place(path)?;
        self.change(Change::new(node, from, None, age));
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &Path, age: u64) -> io::Result<()> {
        let node = self.find(path)?;
        if !self.dir(node)?.written.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        // the root, which has no place, cannot be removed
        let from = self.place(path)?.ok_or(io::ErrorKind::ResourceBusy)?;
        self.change(Change::new(node, Some(from), None, age));
        Ok(())
    }

    /// Makes the changes in a directory durable, and with them the older ones they build on. Or, if the sync fails and they
    /// do not reach the disk, drops them: what is seen stays as it is, and no later sync makes it durable, but that of a
    /// change that builds on it.
    pub(super) fn sync_dir(&mut self, path: &Path, reach: bool) -> io::Result<()> {
        let dir = self.find(path)?;
        self.dir(dir)?;
        let mut dirs = BTreeSet::from([dir]);
        let mut taken = Taken::default();
        let (mut synced, mut pending) = (Vec::new(), Vec::new());
        for mut change in std::mem::take(&mut self.changes).into_iter().rev() {
            let touched = !change.dropped && change.places().any(|place| dirs.contains(&place.dir));
            if touched || taken.from(&change) {
                dirs.extend(change.places().map(|place| place.dir));
                if reach {
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

    fn change(&mut self, change: Change) {
        self.apply(&change, |dir| &mut dir.written);
        self.changes.push(change);
    }

    fn apply(&mut self, change: &Change, side: Side) {
        if let Some(from) = &change.from {
            self.unname(change.node, from, side);
        }
        if let Some(Place { dir, name, .. }) = &change.to
            && let Some(Node::Dir(dir)) = self.nodes.get_mut(dir)
        {
            side(dir).insert(name.clone(), change.node);
        }
    }

    fn unname(&mut self, node: NodeId, from: &Place, side: Side) {
        if let Some(Node::Dir(dir)) = self.nodes.get_mut(&from.dir)
            && side(dir).get(&from.name) == Some(&node)
        {
            side(dir).remove(&from.name);
            return;
        }
        // A crash may have lost the change that brought the node there. There being no hard links, it must not keep the
        // name it had before beside the one it is given now.
        for other in self.nodes.values_mut() {
            if let Node::Dir(dir) = other {
                side(dir).retain(|_, &mut named| named != node);
            }
        }
    }

    /// Gives every directory the names it had at its last sync, with those unsynced changes that survive, and with the
    /// older ones that freed the names they take: what a lost change left where it was must not be overwritten.
    pub(super) fn crash(&mut self, mut survives: impl FnMut(&Change) -> bool) {
        let changes = std::mem::take(&mut self.changes);
        let answers: Vec<_> = changes.iter().map(|change| !change.dropped && survives(change)).collect();
        let mut taken = Taken::default();
        let mut surviving = Vec::new();
        for (change, survives) in changes.into_iter().zip(answers).rev() {
            if survives || taken.from(&change) {
                taken.add(&change);
                surviving.push(change);
            }
        }
        for change in surviving.iter().rev() {
            self.apply(change, |dir| &mut dir.synced);
        }
        for node in self.nodes.values_mut() {
            if let Node::Dir(dir) = node {
                dir.written.clone_from(&dir.synced);
            }
        }
    }

    /// Lets go of all open files, as when their process ends.
    pub(super) fn close_all(&mut self) {
        for node in self.nodes.values_mut() {
            if let Node::File(file) = node {
                file.handles = 0;
            }
        }
        self.sweep();
    }

    /// Forgets the nodes that no name, no change and no handle leads to.
    pub(super) fn sweep(&mut self) {
        let mut reached = BTreeSet::new();
        let mut open = vec![NodeId::ROOT];
        open.extend(self.changes.iter().map(|change| change.node));
        for (&id, node) in &self.nodes {
            if matches!(node, Node::File(file) if file.handles > 0) {
                open.push(id);
            }
        }
        while let Some(id) = open.pop() {
            if !reached.insert(id) {
                continue;
            }
            if let Node::Dir(dir) = &self.nodes[&id] {
                open.extend(dir.written.values().chain(dir.synced.values()));
            }
        }
        self.nodes.retain(|id, _| reached.contains(id));
    }

    /// One path for each node: as it is called, else as it was by the last sync, else as it was once.
    pub(super) fn paths(&self) -> BTreeMap<NodeId, PathBuf> {
        let mut paths = BTreeMap::new();
        for change in &self.changes {
            paths.extend(change.places().map(|at| (change.node, at.path.clone())));
        }
        let mut visit = |node, path: &Path| _ = paths.insert(node, path.to_owned());
        self.walk(NodeId::ROOT, Path::new("/"), |dir| &dir.synced, &mut visit);
        self.walk(NodeId::ROOT, Path::new("/"), |dir| &dir.written, &mut visit);
        paths
    }

    /// Every file's path, in order.
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

    fn walk(&self, node: NodeId, path: &Path, side: fn(&Dir) -> &Names, visit: &mut dyn FnMut(NodeId, &Path)) {
        visit(node, path);
        if let Node::Dir(dir) = &self.nodes[&node] {
            for (name, &below) in side(dir) {
                self.walk(below, &path.join(name), side, visit);
            }
        }
    }

    /// The directory that holds or would hold `path`, and its name there; `None` for the root, which has none.
    fn place(&self, path: &Path) -> io::Result<Option<Place>> {
        let names = names(path);
        let Some((name, parents)) = names.split_last() else { return Ok(None) };
        let dir = self.find(&parents.iter().collect::<PathBuf>())?;
        self.dir(dir)?;
        Ok(Some(Place { dir, name: OsStr::to_owned(name), path: absolute(path) }))
    }
}

/// The path from the root.
pub(super) fn absolute(path: &Path) -> PathBuf {
    Path::new("/").join(names(path).iter().collect::<PathBuf>())
}

/// The names from the root. A relative path starts there too, and `..` is resolved by name, there being no links.
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
