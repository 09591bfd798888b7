//! Reads and atomically replaces a text file in the user's sources, lists the source files of a package, and reads texts that the
//! user gives.
//!
//! The user's files are not part of an image, so this module uses the operating system's file system directly instead of a
//! [`Disk`](super::Disk).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::failed;
use super::mount::here_if_empty;
use crate::error::Error;

/// The file's text; `None` if the file does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("reading", path, error)),
    }
}

/// Opens a file for reading: a regular file, a pipe, or a link to one of them.
#[cfg(feature = "admin")]
pub(crate) fn open(path: &Path) -> Result<impl io::BufRead + use<>, Error> {
    Ok(io::BufReader::with_capacity(1 << 16, File::open(path).map_err(|error| failed("opening", path, error))?))
}

/// Creates the user's directory, and its parents, as far as they do not exist.
#[cfg(feature = "admin")]
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|error| failed("creating", path, error))
}

/// What an entry at a path is; `None` if there is none.
#[cfg(feature = "admin")]
pub(crate) fn is_directory(path: &Path) -> Option<bool> {
    fs::metadata(path).ok().map(|metadata| metadata.is_dir())
}

/// Replaces the file's text by the text that `change` returns; leaves the file unchanged if `change` returns `None`. Updates
/// exclude each other, within this process and across processes, and a reader sees either the old or the new text.
///
/// An update locks the directory instead of a lock file, because a user could commit a leftover lock file.
pub(crate) fn update(
    path: &Path,
    change: impl FnOnce(Option<String>) -> Result<Option<String>, Error>,
) -> Result<(), Error> {
    // replaces the target of a link, not the link
    let path = &match fs::canonicalize(path) {
        Ok(path) => path,
        Err(_) => path.to_owned(),
    };
    let parent = here_if_empty(path.parent().unwrap_or(Path::new("")));
    let directory = File::open(parent).map_err(|error| failed("opening", parent, error))?;
    directory.lock().map_err(|error| failed("locking", parent, error))?;
    let Some(text) = change(read(path)?)? else { return Ok(()) };
    let temporary = temporary(path);
    write(path, &temporary, &text).map_err(|error| failed("writing", &temporary, error))?;
    fs::rename(&temporary, path).map_err(|error| failed("renaming", &temporary, error))?;
    directory.sync_all().map_err(|error| failed("syncing", parent, error))
}

/// The path of the temporary file, the same for all updates of a file. So crashes leave at most one temporary file, and the
/// next update overwrites it.
fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

fn write(path: &Path, temporary: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(temporary)?;
    match fs::metadata(path) {
        Ok(metadata) => file.set_permissions(metadata.permissions())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The Rust files of the package in `directory`: their paths relative to `directory`, and their texts.
pub(crate) fn rust_files(directory: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let (mut files, mut visited) = (Vec::new(), BTreeSet::new());
    walk(
        directory,
        &mut visited,
        &mut |entered| {
            let is_other_package = entered != directory && entered.join("Cargo.toml").exists();
            Ok(!is_other_package)
        },
        &mut |file| {
            if file.extension().is_some_and(|end| end == "rs") {
                let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
                files.push((file.strip_prefix(directory).unwrap_or(file).to_owned(), text));
            }
            Ok(())
        },
    )?;
    Ok(files)
}

/// All directories that contain a `Cargo.toml`, among `directories` and their subdirectories.
pub(crate) fn packages<'a>(directories: impl Iterator<Item = &'a Path>) -> io::Result<Vec<PathBuf>> {
    let (mut packages, mut visited) = (Vec::new(), BTreeSet::new());
    let mut visit = |file: &Path| {
        if file.ends_with("Cargo.toml") {
            packages.push(file.with_file_name(""));
        }
        Ok(())
    };
    for directory in directories {
        walk(directory, &mut visited, &mut |_| Ok(true), &mut visit)?;
    }
    Ok(packages)
}

/// Calls `visit` for each file. Enters the directories for which `enters` is true, except hidden directories, directories
/// marked as caches (such as cargo's target directory), and directories that were already entered, for example through a link.
fn walk(
    directory: &Path,
    visited: &mut BTreeSet<PathBuf>,
    enters: &mut dyn FnMut(&Path) -> io::Result<bool>,
    visit: &mut dyn FnMut(&Path) -> io::Result<()>,
) -> io::Result<()> {
    if !visited.insert(fs::canonicalize(directory)?) || directory.join("CACHEDIR.TAG").exists() || !enters(directory)? {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // a dangling link is skipped
        match fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_dir() => walk(&entry.path(), visited, enters, visit)?,
            Ok(metadata) if metadata.is_file() => visit(&entry.path())?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::thread;

    use super::*;

    #[test]
    fn concurrent_updates_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = &directory.path().join("file");
        thread::scope(|scope| {
            for writer in 0..4 {
                scope.spawn(move || {
                    for i in 0..10 {
                        update(path, |text| Ok(Some(text.unwrap_or_default() + &format!("{writer} {i}\n")))).unwrap();
                    }
                });
            }
        });
        assert_eq!(read(path).unwrap().unwrap().lines().count(), 40);
        let names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["file"]);
    }

    #[test]
    fn an_update_keeps_the_mode_of_a_file_and_the_target_of_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let [path, link] = ["file", "link"].map(|name| directory.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        update(&link, |text| Ok(text.map(|text| text + " and new"))).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old and new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn the_files_of_a_package_exclude_those_of_nested_packages() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in ["src/deep", "inner/src", "target/debug", ".git"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in [
            "Cargo.toml",
            "inner/Cargo.toml",
            "target/CACHEDIR.TAG",
            "src/lib.rs",
            "src/deep/a.rs",
            "src/a.txt",
            "inner/src/lib.rs",
            "target/debug/made.rs",
            ".git/b.rs",
        ] {
            fs::write(root.join(name), name).unwrap();
        }
        symlink("..", root.join("src/deep/up")).unwrap();
        symlink("nowhere", root.join("src/nowhere.rs")).unwrap();
        let mut files = rust_files(root).unwrap();
        files.sort();
        let expected = ["src/deep/a.rs", "src/lib.rs"].map(|name| (PathBuf::from(name), name.to_owned()));
        assert_eq!(files, expected);
        // the first of the two directories is inside the second
        let roots = [root.join("inner"), root.to_owned()];
        let mut found = packages(roots.iter().map(PathBuf::as_path)).unwrap();
        found.sort();
        let expected = [root.to_owned(), root.join("inner")];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_update_without_a_text_writes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        update(&path, Ok).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }
}
