//! The names in an image's directories: what each is, and what does not belong there.

use std::path::Path;

use super::super::choice::counted;
use super::examination::Examination;
use super::report::{CheckReport, Severity};
use crate::disk::{Access, Disk, NotPlain, UNFINISHED, failed};
use crate::error::Error;
use crate::journal::{BASE, Layout, SNAPSHOT, TORN, is_segment};

/// Tells of files that are left over, strange, or open to others.
pub(super) fn look(disk: &dyn Disk, layout: &Layout, checked: &mut CheckReport) -> Result<(), Error> {
    for (dir, own) in [
        (layout.root().to_owned(), &[] as &[&str]),
        (layout.journal(), &[BASE]),
        (layout.snapshots(), &[SNAPSHOT]),
        (layout.quarantine(), &[TORN]),
    ] {
        if disk.kind(&dir).map_err(|error| failed("looking at", &dir, error))?.is_none() {
            let what = "the directory is missing";
            checked.tell(Severity::Note, dir, what, "it is made when the image is next opened");
            continue;
        }
        let (mut copies, mut bytes) = (0u64, 0);
        for entry in disk.list(&dir).map_err(|error| failed("listing", &dir, error))? {
            let name = entry.name.to_string_lossy();
            let path = dir.join(&entry.name);
            exposed(disk, &path, checked)?;
            if name.ends_with(UNFINISHED) {
                let (what, advice) = match checked.owner {
                    Some(_) => ("it is being made", ""),
                    None => ("it was never completed", "it is removed when the image is next opened"),
                };
                checked.tell(Severity::Note, path, what, advice);
            } else if dir == layout.quarantine() {
                (copies, bytes) = (copies + 1, bytes + entry.len);
            } else if name == "REWRITING" {
                let what = "a rewrite that made this image left it behind";
                checked.tell(Severity::Note, path, what, "remove it if you like");
            } else if !(belongs(layout, &path) || is_segment(&name) || own.iter().any(|end| name.ends_with(end))) {
                let what = "it is none of the image's files";
                checked.tell(Severity::Note, path, what, "move it elsewhere if you know what it is");
            }
        }
        if copies > 0 {
            let copies = if copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") };
            let what = format!("{copies} of what was repaired, {}", counted(bytes, "byte"));
            let advice = "remove them once nobody can want them back: they may be the only copies of events that a repair \
                          took out of the journal";
            checked.tell(Severity::Note, dir, what, advice);
        }
    }
    rewriting(disk, layout, checked)
}

/// Tells of files with another name that opening the image would write to, and therefore refuses.
pub(super) fn linked(found: &Examination, checked: &mut CheckReport) {
    let last = found.trailed.stretches.iter().rfind(|stretch| stretch.first.is_some()).map(|stretch| stretch.segment);
    let written = found.segments.iter().filter(|segment| last.is_none_or(|last| **segment >= last));
    let written = written.map(|segment| found.trail.path(*segment));
    for path in [found.layout.lock(), found.layout.durable()].into_iter().chain(written) {
        let Err(error) = found.disk.open(&path, Access::ReadWrite) else { continue };
        if let Some(NotPlain(what)) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            let advice = "opening the image is refused for it: remove the other name, or put a copy in its place";
            checked.tell(Severity::Damage, path, format!("it is {what}"), advice);
        }
    }
}

/// Whether a path is one of those that each image has.
fn belongs(layout: &Layout, path: &Path) -> bool {
    [layout.lock(), layout.journal(), layout.snapshots(), layout.quarantine(), layout.durable()]
        .iter()
        .any(|own| own == path)
}

fn exposed(disk: &dyn Disk, path: &Path, checked: &mut CheckReport) -> Result<(), Error> {
    match disk.exposed(path) {
        Ok(None) => {}
        Ok(Some(how)) => {
            let what = format!("it {how}: whoever may write there can change or destroy what it holds");
            checked.tell(Severity::Warning, path.to_owned(), what, "take that permission away");
        }
        // it was removed meanwhile
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("looking at", path, error)),
    }
    Ok(())
}

/// Tells of what a rewrite to this place left beside it.
fn rewriting(disk: &dyn Disk, layout: &Layout, checked: &mut CheckReport) -> Result<(), Error> {
    let Some(beside) = layout.beside(".rewriting") else { return Ok(()) };
    if disk.kind(&beside).map_err(|error| failed("looking at", &beside, error))?.is_some() {
        let what = "a rewrite to this place is at work, or was cut short";
        checked.tell(
            Severity::Note,
            beside,
            what,
            "if no process is at it, run the rewrite again or remove the directory",
        );
    }
    Ok(())
}
