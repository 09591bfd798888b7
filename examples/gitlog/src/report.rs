//! What the program prints about a repository.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::commit::Commit;
use crate::object_id::ObjectId;
use crate::quote::quote;
use crate::repository::{Change, Repository};

/// Prints what `git -c core.quotePath=false ls-tree -r` prints, or with `-z`: paths as they are, and zero bytes after them.
pub(crate) fn tree(repository: &Repository, root: &ObjectId, is_raw: bool, out: &mut impl Write) -> io::Result<()> {
    repository.visit_files(root, |path, entry| {
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

/// Prints a line for each commit, newest first: its hash, day, author and subject, and the references that lead to it.
pub(crate) fn log(repository: &Repository, out: &mut impl Write) -> io::Result<()> {
    let mut names: BTreeMap<&ObjectId, Vec<&[u8]>> = BTreeMap::new();
    for (name, commit) in repository.references() {
        names.entry(commit).or_default().push(name);
    }
    for (id, recorded) in repository.commits_by_seq().into_iter().rev() {
        line(id, &recorded.commit, None, out)?;
        if let Some(names) = names.get(id) {
            write!(out, " ({})", String::from_utf8_lossy(&names.join(&b", "[..])))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Prints a line for a commit that changed a path.
pub(crate) fn blame(id: &ObjectId, commit: &Commit, change: Change, out: &mut impl Write) -> io::Result<()> {
    line(id, commit, Some(change), out)?;
    writeln!(out)
}

fn line(id: &ObjectId, commit: &Commit, change: Option<Change>, out: &mut impl Write) -> io::Result<()> {
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
