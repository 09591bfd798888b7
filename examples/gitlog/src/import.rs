//! Imports a repository: a command for each commit that the image lacks, many of them in flight.
//!
//! The image itself is the progress of an import. So an import that was killed, or a repository that has grown, needs nothing but
//! another import.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use memimage::{CommandError, Image, Pending};
use serde::Serialize;

use crate::bytes::Bytes;
use crate::commit::{Commit, Parent};
use crate::content::Content;
use crate::directory::{Directory, Kind};
use crate::git::{Git, GitError, Listed, Objects};
use crate::object_id::ObjectId;
use crate::quote::quote;
use crate::repository::{Refusal, Repository, RepositoryCommands, RepositoryCommit, RepositoryPoint};

/// The number of commands in flight: enough to fill the journal's batches while one is synced.
const PENDING_MAX: usize = 1 << 12;

/// If a commit has more compressed bytes of new contents, events before that of the commit hold them.
const CONTENTS_MAX: usize = 8 << 20;

/// The largest record that the library allows: a content is not divided.
const RECORD_BYTES_MAX: usize = 1 << 30;

/// The results of an import.
#[derive(Serialize)]
pub(crate) struct Summary {
    /// In the image, of all imports.
    commits: usize,
    /// Imported by this run.
    imported: usize,
    /// The references of the repository that lead to commits.
    references: usize,
    /// The image's last event.
    seq: u64,
    /// Of this run.
    seconds: f64,
}

/// Imports what the image lacks.
pub(crate) fn import(repository: &Path, path: &Path) -> Result<Summary, Box<dyn Error>> {
    #[expect(clippy::disallowed_methods, reason = "the duration is not part of the repository")]
    let start = Instant::now();
    // before the image, so that a mistyped path creates none
    let git = Git::open(repository)?;
    // before the commits, so that each commit that a reference leads to is among them
    let references = git.references()?;
    let commits = git.commits()?;
    let objects = git.objects()?;
    let image = Image::options().record_bytes_max(RECORD_BYTES_MAX).open(path)?;

    let bar = progress_bar(commits.len());
    let mut import = Import { image: &image, objects, pending: VecDeque::new(), submodules: BTreeSet::new() };
    let imported = import.commits(commits, &bar).and_then(|imported| import.references(&references).map(|()| imported));
    bar.finish_and_clear();
    for path in import.submodules {
        let path = String::from_utf8_lossy(&path).into_owned();
        eprintln!("gitlog: submodule {path}: the image holds its entries, but not the commits of its own repository");
    }
    // an unreadable commit does not undo the commits before it
    image.journal().sync()?;
    let imported = imported?;

    let seq = image.journal().seq().get();
    let (commits, references) =
        image.query(|repository| (repository.commits().len(), repository.references().len()))?;
    Image::close(image)?;
    Ok(Summary { commits, imported, references, seq, seconds: start.elapsed().as_secs_f64() })
}

struct Import<'a> {
    image: &'a Image<Repository>,
    objects: Objects,
    pending: VecDeque<Pending<(), CommandError<Refusal>>>,
    /// The paths of submodules in the imported commits, quoted.
    submodules: BTreeSet<Vec<u8>>,
}

/// What a commit adds to the repository.
#[derive(Default)]
struct Additions {
    directories: BTreeMap<ObjectId, Directory>,
    contents: BTreeMap<ObjectId, Content>,
    /// The bytes of the contents.
    len: usize,
}

impl Import<'_> {
    /// The number of imported commits.
    fn commits(&mut self, commits: Vec<Listed>, bar: &ProgressBar) -> Result<usize, Box<dyn Error>> {
        let mut imported = 0;
        for Listed { id, parents } in commits {
            if !self.holds(|repository| repository.seq(&id).is_some())? {
                self.commit(id, parents)?;
                imported += 1;
            }
            bar.inc(1);
        }
        self.wait(0)?;
        Ok(imported)
    }

    fn commit(&mut self, id: ObjectId, parents: Vec<ObjectId>) -> Result<(), Box<dyn Error>> {
        let parents: Result<_, GitError> =
            parents.into_iter().map(|id| Ok(Parent { id, root: self.read_commit(id, Vec::new())?.root })).collect();
        let commit = self.read_commit(id, parents?)?;
        // a parent that was replaced after its import has a root that the image lacks
        let roots = commit.parents.iter().map(|parent| parent.root).chain([commit.root]);
        let Additions { directories, contents, .. } = self.additions(roots)?;
        self.pending.push_back(self.image.submit(RepositoryCommit { id, commit, directories, contents })?);
        self.wait(PENDING_MAX)
    }

    fn read_commit(&mut self, id: ObjectId, parents: Vec<Parent>) -> Result<Commit, GitError> {
        let object = self.objects.read(id, "commit")?;
        Commit::parse(&object, parents).ok_or(GitError::NoObject { id, kind: "commit" })
    }

    /// Reads the objects that directories lead to and the image lacks. Below a directory that the image holds, it lacks nothing.
    fn additions(&mut self, roots: impl Iterator<Item = ObjectId>) -> Result<Additions, Box<dyn Error>> {
        let mut new = Additions::default();
        let mut unread: Vec<_> = roots.map(|root| (Vec::new(), root)).collect();
        while let Some((path, id)) = unread.pop() {
            if new.directories.contains_key(&id) || self.holds(|repository| repository.directory(&id).is_some())? {
                continue;
            }
            let directory = Directory(self.objects.read(id, "tree")?.into());
            for entry in directory.entries(&id) {
                let entry = entry.map_err(|_| GitError::NoObject { id, kind: "tree" })?;
                let path = || [&path[..], entry.name].concat();
                match entry.kind {
                    Kind::File | Kind::Executable | Kind::Link => self.add_content(entry.id, &mut new)?,
                    Kind::Directory => unread.push(([path(), b"/".to_vec()].concat(), entry.id)),
                    Kind::Submodule => drop(self.submodules.insert(quote(&path()))),
                }
            }
            new.directories.insert(id, directory);
        }
        Ok(new)
    }

    fn add_content(&mut self, id: ObjectId, new: &mut Additions) -> Result<(), Box<dyn Error>> {
        if new.contents.contains_key(&id) || self.holds(|repository| repository.content(&id).is_some())? {
            return Ok(());
        }
        let content = Content::compress(&self.objects.read(id, "blob")?);
        if new.len + content.len() > CONTENTS_MAX {
            self.image.store(std::mem::take(&mut new.contents))?;
            new.len = 0;
        }
        new.len += content.len();
        new.contents.insert(id, content);
        Ok(())
    }

    /// Points the image's references to where the repository's lead. A tag can also lead to another object than a commit.
    fn references(&mut self, references: &BTreeMap<Bytes, ObjectId>) -> Result<(), Box<dyn Error>> {
        let moves: Vec<RepositoryPoint> = {
            let repository = self.image.read_uncommitted()?;
            let held = repository.references();
            let commits = references.iter().filter(|(_, to)| repository.seq(to).is_some());
            let moved = commits.filter(|(name, to)| held.get(*name) != Some(to));
            let moved = moved.map(|(name, to)| RepositoryPoint { reference: name.clone(), to: Some(*to) });
            let is_gone = |name: &&Bytes| references.get(*name).is_none_or(|to| repository.seq(to).is_none());
            let gone = held.keys().filter(is_gone);
            moved.chain(gone.map(|name| RepositoryPoint { reference: name.clone(), to: None })).collect()
        };
        for point in moves {
            self.pending.push_back(self.image.submit(point)?);
        }
        self.wait(0)
    }

    /// Asks the newest state, which need not be on disk yet: commands that depend on it are recorded after it.
    fn holds(&self, question: impl FnOnce(&Repository) -> bool) -> Result<bool, memimage::Error> {
        Ok(question(&*self.image.read_uncommitted()?))
    }

    /// Waits until at most `max` commands are in flight.
    fn wait(&mut self, max: usize) -> Result<(), Box<dyn Error>> {
        while self.pending.len() > max {
            self.pending.pop_front().map_or(Ok(()), Pending::wait)?;
        }
        Ok(())
    }
}

/// A progress bar on stderr, if that is a terminal.
fn progress_bar(commits: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} commits, {eta} to go");
    ProgressBar::new(commits as u64).with_style(style.expect("the template is well formed"))
}
