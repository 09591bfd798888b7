//! The model: a repository with its commits, directories, contents and references.

use std::collections::BTreeMap;

use memimage::{Context, Model, Seq, Shape};
use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::commit::Commit;
use crate::content::Content;
use crate::directory::{Directory, Entry, Kind};
use crate::object_id::ObjectId;

/// The commit that was recorded last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Latest {
    pub(crate) id: ObjectId,
    pub(crate) commit: Commit,
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("commit {0} is recorded already")]
    Known(ObjectId),
    #[error("commit {0} is not recorded")]
    UnknownCommit(ObjectId),
    #[error("object {0} is missing")]
    Missing(ObjectId),
    #[error("directory {0} cannot be read")]
    Malformed(ObjectId),
}

/// How a commit changed a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

/// A repository after its latest commit. Of the earlier commits it knows the events only: the state after such an event answers
/// questions about the commit.
///
/// Each directory and each content is stored once, however many commits have it, so a commit costs what it changed. Whatever a
/// directory leads to is held too.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "repository")]
pub(crate) struct Repository {
    /// The seq of the event that recorded each commit.
    commits: BTreeMap<ObjectId, u64>,
    directories: BTreeMap<ObjectId, Directory>,
    contents: BTreeMap<ObjectId, Content>,
    /// Branches, tags and `HEAD`, by their full names, which may have any bytes.
    references: BTreeMap<Bytes, ObjectId>,
    latest: Option<Latest>,
}

#[memimage::commands(lock)]
impl Repository {
    /// Records a commit, with the directories and contents that no earlier commit had.
    #[command(check = can_commit)]
    pub(crate) fn commit(
        &mut self,
        id: ObjectId,
        commit: Commit,
        directories: BTreeMap<ObjectId, Directory>,
        contents: BTreeMap<ObjectId, Content>,
        ctx: &Context,
    ) {
        self.directories.extend(directories);
        self.contents.extend(contents);
        self.commits.insert(id, ctx.seq().get());
        self.latest = Some(Latest { id, commit });
    }

    fn can_commit(
        &self,
        id: ObjectId,
        commit: &Commit,
        directories: &BTreeMap<ObjectId, Directory>,
        contents: &BTreeMap<ObjectId, Content>,
    ) -> Result<(), Refusal> {
        if self.commits.contains_key(&id) {
            return Err(Refusal::Known(id));
        }
        let has_directory = |id: &ObjectId| directories.contains_key(id) || self.directories.contains_key(id);
        let has_content = |id: &ObjectId| contents.contains_key(id) || self.contents.contains_key(id);
        for parent in &commit.parents {
            if !self.commits.contains_key(&parent.id) {
                return Err(Refusal::UnknownCommit(parent.id));
            }
            if !has_directory(&parent.root) {
                return Err(Refusal::Missing(parent.root));
            }
        }
        if !has_directory(&commit.root) {
            return Err(Refusal::Missing(commit.root));
        }
        for (id, directory) in directories {
            for entry in directory.entries(id) {
                let entry = entry.map_err(|_| Refusal::Malformed(*id))?;
                let is_held = match entry.kind {
                    Kind::File | Kind::Executable | Kind::Link => has_content(&entry.id),
                    Kind::Directory => has_directory(&entry.id),
                    Kind::Submodule => true,
                };
                if !is_held {
                    return Err(Refusal::Missing(entry.id));
                }
            }
        }
        Ok(())
    }

    /// Stores contents of the next commit, if they are too large for one event.
    #[command]
    pub(crate) fn store(&mut self, contents: BTreeMap<ObjectId, Content>) {
        self.contents.extend(contents);
    }

    /// Points a reference to a commit, or removes it.
    #[command(check = can_point)]
    pub(crate) fn point(&mut self, reference: Bytes, to: Option<ObjectId>) {
        match to {
            Some(commit) => self.references.insert(reference, commit),
            None => self.references.remove(&reference),
        };
    }

    fn can_point(&self, to: Option<ObjectId>) -> Result<(), Refusal> {
        match to {
            Some(commit) if !self.commits.contains_key(&commit) => Err(Refusal::UnknownCommit(commit)),
            _ => Ok(()),
        }
    }
}

impl Repository {
    /// The event that recorded a commit.
    pub(crate) fn seq(&self, commit: &ObjectId) -> Option<Seq> {
        self.commits.get(commit).copied().map(Seq::new)
    }

    /// All commits in the order of their hashes, with the events that recorded them.
    pub(crate) fn commits(&self) -> impl ExactSizeIterator<Item = (ObjectId, Seq)> {
        self.commits.iter().map(|(id, seq)| (*id, Seq::new(*seq)))
    }

    /// `None` if there is no commit yet.
    pub(crate) fn latest(&self) -> Option<&Latest> {
        self.latest.as_ref()
    }

    pub(crate) fn references(&self) -> &BTreeMap<Bytes, ObjectId> {
        &self.references
    }

    pub(crate) fn directory(&self, id: &ObjectId) -> Option<&Directory> {
        self.directories.get(id)
    }

    pub(crate) fn content(&self, id: &ObjectId) -> Option<&Content> {
        self.contents.get(id)
    }

    /// Calls `visit` with the path and the entry of each file, link and submodule below a directory, in git's order.
    pub(crate) fn visit_files<E>(
        &self,
        root: &ObjectId,
        mut visit: impl FnMut(&[u8], &Entry<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut path = Vec::new();
        // the directories from the root to the current one; a stack, because a repository decides how deep they are
        let mut open = vec![(0, self.entries(root))];
        while let Some((start, entries)) = open.last_mut() {
            path.truncate(*start);
            let Some(entry) = entries.next() else {
                open.pop();
                continue;
            };
            path.extend_from_slice(entry.name);
            if entry.kind == Kind::Directory {
                path.push(b'/');
                open.push((path.len(), self.entries(&entry.id)));
            } else {
                visit(&path, &entry)?;
            }
        }
        Ok(())
    }

    /// The entry at a path below a directory.
    pub(crate) fn entry(&self, root: &ObjectId, path: &[u8]) -> Option<Entry<'_>> {
        let mut directory = *root;
        let mut names = path.split(|byte| *byte == b'/').peekable();
        while let Some(name) = names.next() {
            let entry = self.entries(&directory).find(|entry| entry.name == name)?;
            if names.peek().is_none() {
                return Some(entry);
            }
            if entry.kind != Kind::Directory {
                return None;
            }
            directory = entry.id;
        }
        None
    }

    fn entries<'a>(&'a self, id: &ObjectId) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let directory = self.directories.get(id).expect("the check found what each directory leads to");
        directory.entries(id).map(|entry| entry.expect("the check read each directory"))
    }

    /// How the latest commit changed a path, if it has there what none of its parents has.
    pub(crate) fn latest_change(&self, path: &[u8]) -> Option<Change> {
        let commit = &self.latest()?.commit;
        let at = |root: &ObjectId| self.entry(root, path).map(|entry| (entry.kind, entry.id));
        let now = at(&commit.root);
        let before: Vec<_> = commit.parents.iter().map(|parent| at(&parent.root)).collect();
        if before.contains(&now) {
            return None;
        }
        match (before.first().copied().flatten(), now) {
            (None, None) => None,
            (None, Some(_)) => Some(Change::Added),
            (Some(_), Some(_)) => Some(Change::Modified),
            (Some(_), None) => Some(Change::Deleted),
        }
    }
}

#[cfg(test)]
mod tests {
    use memimage::Image;
    use memimage::testing::{determinism, given};

    use super::*;
    use crate::commit::Parent;

    fn id(byte: u8) -> ObjectId {
        ObjectId::Sha1([byte; 20])
    }

    /// A directory with one entry.
    fn directory(mode: &str, to: ObjectId) -> Directory {
        Directory([mode.as_bytes(), b" name\0", to.as_bytes()].concat().into())
    }

    /// The commit of this number with a new directory, whose only entry is a new file.
    fn commit(number: u8, parents: &[u8]) -> RepositoryCommit {
        let parent = |number: &u8| Parent { id: id(*number), root: id(number + 100) };
        let (root, file) = (id(number + 100), id(number + 200));
        RepositoryCommit {
            id: id(number),
            commit: Commit {
                parents: parents.iter().map(parent).collect(),
                root,
                author: (*b"Ada <> 0 +0000").into(),
                committer: (*b"Ada <> 0 +0000").into(),
                message: (*b"A commit").into(),
            },
            directories: [(root, directory("100644", file))].into(),
            contents: [(file, Content::compress(&[number]))].into(),
        }
    }

    fn execute(image: &Image<Repository>, commit: RepositoryCommit) -> Option<Refusal> {
        let pending = image.submit(commit).unwrap();
        pending.wait().err().map(|error| *error.refusal().expect("a refusal"))
    }

    #[test]
    fn a_commit_is_recorded_once_and_after_its_parents() {
        let image = Image::<Repository>::in_memory().unwrap();
        assert_eq!(execute(&image, commit(2, &[1])), Some(Refusal::UnknownCommit(id(1))));
        assert_eq!(execute(&image, commit(1, &[])), None);
        assert_eq!(execute(&image, commit(1, &[])), Some(Refusal::Known(id(1))));
        assert_eq!(execute(&image, commit(2, &[1])), None);
        let mut other_root = commit(3, &[2]);
        other_root.commit.parents[0].root = id(99);
        assert_eq!(execute(&image, other_root), Some(Refusal::Missing(id(99))));
        assert_eq!(execute(&image, commit(3, &[2, 4])), Some(Refusal::UnknownCommit(id(4))));
        let seqs = image.query(|repository| repository.commits().map(|(_, seq)| seq.get()).collect::<Vec<_>>());
        assert_eq!(seqs.unwrap(), [1, 2]);
    }

    #[test]
    fn a_commit_is_refused_unless_all_its_objects_are_held() {
        let image = Image::<Repository>::in_memory().unwrap();
        let mut without_root = commit(1, &[]);
        without_root.directories.clear();
        assert_eq!(execute(&image, without_root), Some(Refusal::Missing(id(101))));
        let without_content = |mode: &str| {
            let mut commit = commit(1, &[]);
            commit.contents.clear();
            commit.directories.insert(id(101), directory(mode, id(201)));
            commit
        };
        for mode in ["100644", "100755", "120000"] {
            assert_eq!(execute(&image, without_content(mode)), Some(Refusal::Missing(id(201))), "{mode}");
        }
        let mut without_directory = commit(1, &[]);
        without_directory.directories.insert(id(101), directory("40000", id(90)));
        assert_eq!(execute(&image, without_directory), Some(Refusal::Missing(id(90))));
        let mut malformed = commit(1, &[]);
        malformed.directories.insert(id(101), Directory((*b"100644 name").into()));
        assert_eq!(execute(&image, malformed), Some(Refusal::Malformed(id(101))));

        assert_eq!(execute(&image, without_content("160000")), None);
        image.store([(id(202), Content::compress(b"2"))].into()).unwrap();
        let mut stored = commit(2, &[1]);
        stored.contents.clear();
        assert_eq!(execute(&image, stored), None);
    }

    #[test]
    fn a_reference_leads_to_a_recorded_commit() {
        let image = Image::<Repository>::in_memory().unwrap();
        let name = || Bytes::from(*b"refs/heads/main");
        let refused = image.point(name(), Some(id(1))).unwrap_err();
        assert_eq!(refused.refusal(), Some(&Refusal::UnknownCommit(id(1))));
        execute(&image, commit(1, &[]));
        image.point(name(), Some(id(1))).unwrap();
        assert_eq!(image.query(|repository| repository.references().clone()).unwrap(), [(name(), id(1))].into());
        image.point(name(), None).unwrap();
        assert!(image.query(|repository| repository.references().is_empty()).unwrap());
    }

    #[test]
    fn replay_is_deterministic() {
        let point = |to| RepositoryPoint { reference: (*b"HEAD").into(), to };
        let past = given::<Repository>().event(commit(1, &[])).event(point(Some(id(1))));
        let past = past.event(RepositoryStore { contents: [(id(7), Content::compress(b"7"))].into() });
        determinism(past.event(commit(2, &[1])).event(commit(3, &[1, 2])).event(point(None)));
    }
}
