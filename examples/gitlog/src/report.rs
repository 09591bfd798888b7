//! What the program prints about a repository.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};

use memimage::Journal;

use crate::commit::Commit;
use crate::object_id::ObjectId;
use crate::past;
use crate::quote::quote;
use crate::repository::{Change, Repository, RepositoryCommit, RepositoryEvent};

/// Prints what `git -c core.quotePath=false ls-tree -r` prints, or with `-z`: paths as they are, and zero bytes after them.
pub(crate) fn tree(past: &Repository, is_raw: bool, out: &mut impl Write) -> io::Result<()> {
    let Some(latest) = past.latest() else { return Ok(()) };
    past.visit_files(&latest.commit.root, |path, entry| {
        write!(out, "{} {} {}\t", entry.kind, entry.kind.object(), entry.id)?;
        if is_raw {
            out.write_all(path)?;
            out.write_all(b"\0")
        } else {
            out.write_all(&quote(path))?;
            out.write_all(b"\n")
        }
    })
}

/// The content of a file in the latest commit; `None` if there is no such file.
pub(crate) fn file(past: &Repository, path: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let entry = past.latest().and_then(|latest| past.entry(&latest.commit.root, path));
    entry.and_then(|entry| past.content(&entry.id)).map(|content| content.decompress()).transpose()
}

/// Prints a line for each commit, the last recorded first: its hash, day, author and subject, and the references that lead to it.
pub(crate) fn log(journal: &Journal<Repository>, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut names: BTreeMap<ObjectId, Vec<u8>> = BTreeMap::new();
    for (name, commit) in past::newest(journal)?.references() {
        let names = names.entry(*commit).or_default();
        names.extend(if names.is_empty() { &b" ("[..] } else { b", " });
        names.extend_from_slice(name);
    }
    for event in journal.history().of::<RepositoryCommit>().newest_first() {
        let Some(RepositoryEvent::Commit(RepositoryCommit { id, commit, .. })) = event?.into_event() else { continue };
        summary(&id, &commit, None, out)?;
        if let Some(names) = names.get(&id) {
            out.write_all(names)?;
            out.write_all(b")")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Prints a line for each commit that changed a path, the first recorded first. Returns whether there was one.
pub(crate) fn blame(journal: &Journal<Repository>, path: &[u8], out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let mut is_known = false;
    let select = |repository: &Repository| {
        let change = repository.latest_change(path)?;
        repository.latest().map(|latest| (latest.clone(), change))
    };
    for changed in journal.changes(select) {
        if let Some((latest, change)) = changed?.new {
            summary(&latest.id, &latest.commit, Some(change), out)?;
            writeln!(out)?;
            is_known = true;
        }
    }
    Ok(is_known)
}

fn summary(id: &ObjectId, commit: &Commit, change: Option<Change>, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{id:.10} ")?;
    match commit.day() {
        Some(day) => write!(out, "{day} ")?,
        None => out.write_all(b"no date    ")?,
    }
    if let Some(change) = change {
        let change = match change {
            Change::Added => "added",
            Change::Modified => "modified",
            Change::Deleted => "deleted",
        };
        write!(out, "{change:8} ")?;
    }
    out.write_all(commit.author_name())?;
    out.write_all(b": ")?;
    out.write_all(commit.subject())
}
