//! Surveys an image's directories for files that are left over, unrelated, or not safe.

use std::path::{Path, PathBuf};

use super::examination::Examination;
use crate::disk::{Access, Disk, NotPlain, UNFINISHED, failed};
use crate::error::Error;
use crate::journal::{BASE, Layout, SNAPSHOT, TORN, is_segment};

/// A file or directory that a check reports.
pub(crate) struct FileObservation {
    pub(crate) path: PathBuf,
    pub(crate) condition: FileCondition,
}

/// The reason why a check reports a file or directory.
pub(crate) enum FileCondition {
    /// A directory of the image is missing.
    MissingDirectory,
    /// Its permissions let others write, as described here.
    Exposed(String),
    /// A file that is being written, or whose writing a crash cut short.
    Unfinished,
    /// The marker of the rewrite that made the image.
    RewriteMarker,
    /// A file that is not the image's.
    Unrelated,
    /// The staging directory of a rewrite to the image's path.
    RewriteDirectory,
    /// The quarantine, with copies of what repairs changed.
    Quarantine { copies: u64, bytes: u64 },
    /// A link, or a file with a second name, at a path to which an open writes. An open accepts only a regular file with one
    /// name there.
    Irregular(&'static str),
}

/// Surveys all directories of an image.
pub(crate) fn survey(disk: &dyn Disk, layout: &Layout) -> Result<Vec<FileObservation>, Error> {
    let mut observations = Vec::new();
    for (directory, suffixes) in [
        (layout.root().to_owned(), &[] as &[&str]),
        (layout.journal(), &[BASE]),
        (layout.snapshots(), &[SNAPSHOT]),
        (layout.quarantine(), &[TORN]),
    ] {
        survey_directory(disk, layout, &directory, suffixes, &mut observations)?;
    }
    if let Some(path) = layout.beside(".rewriting")
        && disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_some()
    {
        observations.push(FileObservation { path, condition: FileCondition::RewriteDirectory });
    }
    Ok(observations)
}

/// Surveys one directory. The image's own files in it have these suffixes.
fn survey_directory(
    disk: &dyn Disk,
    layout: &Layout,
    directory: &Path,
    suffixes: &[&str],
    observations: &mut Vec<FileObservation>,
) -> Result<(), Error> {
    let mut observe = |path: &Path, condition| observations.push(FileObservation { path: path.to_owned(), condition });
    if disk.kind(directory).map_err(|error| failed("inspecting", directory, error))?.is_none() {
        observe(directory, FileCondition::MissingDirectory);
        return Ok(());
    }
    let is_quarantine = directory == layout.quarantine();
    let (mut copies, mut bytes) = (0u64, 0);
    for entry in disk.list(directory).map_err(|error| failed("listing", directory, error))? {
        let name = entry.name.to_string_lossy();
        let path = directory.join(&entry.name);
        if let Some(permissions) = exposed(disk, &path)? {
            observe(&path, FileCondition::Exposed(permissions));
        }
        if name.ends_with(UNFINISHED) {
            observe(&path, FileCondition::Unfinished);
        } else if is_quarantine {
            (copies, bytes) = (copies + 1, bytes + entry.len);
        } else if name == "REWRITING" {
            observe(&path, FileCondition::RewriteMarker);
        } else if !(is_part_of(layout, &path)
            || is_segment(&name)
            || suffixes.iter().any(|suffix| name.ends_with(suffix)))
        {
            observe(&path, FileCondition::Unrelated);
        }
    }
    if copies > 0 {
        observe(directory, FileCondition::Quarantine { copies, bytes });
    }
    Ok(())
}

/// The files to which an open would write, and which it refuses because each is a link or has a second name.
pub(crate) fn written_irregular(examination: &Examination) -> Vec<FileObservation> {
    let Examination { disk, layout, salvaged, segments, source, .. } = examination;
    let last = salvaged.segments.iter().rfind(|segment| segment.first.is_some()).map(|segment| segment.segment);
    let written = segments.iter().filter(|segment| last.is_none_or(|last| **segment >= last));
    let paths = [layout.lock(), layout.durable()].into_iter().chain(written.map(|segment| source.path(*segment)));
    let irregular = |path: PathBuf| {
        let error = disk.open(&path, Access::ReadWrite).err()?;
        let NotPlain(what) = error.get_ref()?.downcast_ref()?;
        Some(FileObservation { path, condition: FileCondition::Irregular(what) })
    };
    paths.filter_map(irregular).collect()
}

/// Whether the path is one of the fixed files and directories of an image.
fn is_part_of(layout: &Layout, path: &Path) -> bool {
    [layout.lock(), layout.journal(), layout.snapshots(), layout.quarantine(), layout.durable()]
        .iter()
        .any(|part| part == path)
}

/// How the permissions of a file let others write to it.
fn exposed(disk: &dyn Disk, path: &Path) -> Result<Option<String>, Error> {
    match disk.exposed(path) {
        // the file has just been removed
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        exposed => exposed.map_err(|error| failed("inspecting", path, error)),
    }
}
