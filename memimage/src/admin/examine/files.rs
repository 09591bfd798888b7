//! Finds leftover, unrelated and unsafe files in an image's directories.

use std::io::ErrorKind;
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
    /// Other users can write to the file or directory. The text describes the permissions.
    Exposed(String),
    /// An incomplete file: a process is writing it, or a crash interrupted the writing.
    Unfinished,
    /// The marker of the rewrite that made the image.
    RewriteMarker,
    /// The marker of a backup that was never opened.
    BackupMarker,
    /// The marker of the staging directory in which a backup was made.
    BackupStagingMarker,
    /// The marker of the branch that made the image.
    BranchMarker,
    /// A file that does not belong to the image.
    Unrelated,
    /// The staging directory of a rewrite to the image's path.
    RewriteDirectory,
    /// The staging directory of a backup to the image's path.
    BackupDirectory,
    /// The staging directory of a branch to the image's path.
    BranchDirectory,
    /// The quarantine contains copies of bytes and files that repairs changed or removed.
    Quarantine { copies: u64, bytes: u64 },
    /// An open must write to this file, but the file cannot be opened for writing.
    Unwritable,
    /// An open must write to this file, but the entry at the path is not a regular file with exactly one name (for example, a
    /// link).
    Irregular(&'static str),
}

/// The ends of the names of staging directories beside an image, which are also the names of those inside of it.
const STAGING_DIRECTORIES: [(&str, FileCondition); 3] = [
    (".rewriting", FileCondition::RewriteDirectory),
    (".branching", FileCondition::BranchDirectory),
    (".backing-up", FileCondition::BackupDirectory),
];

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
    for name in layout.subscription_names(disk)? {
        survey_directory(disk, layout, &layout.subscription(&name).dir, &["LOCK", "acknowledged"], &mut observations)?;
    }
    for (ending, condition) in STAGING_DIRECTORIES {
        if let Some(path) = layout.beside(ending)
            && exists(disk, &path)?
        {
            observations.push(FileObservation { path, condition });
        }
    }
    Ok(observations)
}

/// Whether there is a file at the path. A path whose name is too long for the file system counts as missing.
fn exists(disk: &dyn Disk, path: &Path) -> Result<bool, Error> {
    match disk.kind(path) {
        Err(error) if error.kind() == ErrorKind::InvalidFilename => Ok(false),
        kind => Ok(kind.map_err(|error| failed("looking at", path, error))?.is_some()),
    }
}

/// Surveys one directory. A file with a name that ends with one of `suffixes` belongs to the image.
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
        } else if path == layout.backup_marker() {
            observe(&path, FileCondition::BackupMarker);
        } else if name == "BACKING-UP" {
            observe(&path, FileCondition::BackupStagingMarker);
        } else if name == "BRANCHING" {
            observe(&path, FileCondition::BranchMarker);
        } else if let Some((_, condition)) = STAGING_DIRECTORIES.into_iter().find(|(ending, _)| name == *ending) {
            observe(&path, condition);
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

/// The files that make an open fail: the open must write to each of them, but the file is a link, has a second name, or cannot
/// be opened for writing.
pub(crate) fn refused_for_writing(examination: &Examination) -> Vec<FileObservation> {
    let Examination { disk, layout, salvaged, segments, source, .. } = examination;
    let last = salvaged.segments.iter().rfind(|segment| segment.first.is_some()).map(|segment| segment.segment);
    let written = segments.iter().filter(|segment| last.is_none_or(|last| **segment >= last));
    let paths = [layout.lock(), layout.durable()].into_iter().chain(written.map(|segment| source.path(*segment)));
    let refused = |path: PathBuf| {
        let error = disk.open(&path, Access::ReadWrite).err()?;
        if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) {
            return Some(FileObservation { path, condition: FileCondition::Unwritable });
        }
        let NotPlain(what) = error.get_ref()?.downcast_ref()?;
        Some(FileObservation { path, condition: FileCondition::Irregular(what) })
    };
    paths.filter_map(refused).collect()
}

/// Whether the path is one of the files and directories that have a fixed name in every image.
fn is_part_of(layout: &Layout, path: &Path) -> bool {
    let parts = [
        layout.lock(),
        layout.journal(),
        layout.snapshots(),
        layout.quarantine(),
        layout.durable(),
        layout.subscriptions(),
        layout.root().join("replication"),
    ];
    parts.iter().any(|part| part == path)
}

/// Describes how the permissions of a file let other users write to the file; `None` if they let no other user do so.
fn exposed(disk: &dyn Disk, path: &Path) -> Result<Option<String>, Error> {
    match disk.exposed(path) {
        // the file has just been removed
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        exposed => exposed.map_err(|error| failed("inspecting", path, error)),
    }
}
