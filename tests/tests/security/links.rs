//! An image has only regular files and directories: links, pipes and other special files are refused before they are opened.

use memimage::{ErrorKind, Image};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use memimage_tests::{EntryContent, LedgerCommands, names, tree, with_timeout};

use super::{full_image, open};

/// A replacement for a file or directory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Replacement {
    /// A symbolic link to the original, which is moved out of the image.
    Link,
    Dangling,
    Pipe,
    Socket,
    /// A directory instead of a file, or a file instead of a directory.
    WrongKind,
}

const REPLACEMENTS: [Replacement; 5] =
    [Replacement::Link, Replacement::Dangling, Replacement::Pipe, Replacement::Socket, Replacement::WrongKind];

/// Moves the file at `path` to `outside` and puts the replacement there.
fn replace(replacement: Replacement, path: &Path, outside: &Path) {
    let was_dir = path.is_dir();
    if path.exists() {
        fs::rename(path, outside).unwrap();
    }
    match replacement {
        Replacement::Link => symlink(outside, path).unwrap(),
        Replacement::Dangling => symlink(outside.with_file_name("nowhere"), path).unwrap(),
        Replacement::Pipe => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        Replacement::Socket => drop(UnixListener::bind(path).unwrap()),
        Replacement::WrongKind if was_dir => fs::write(path, "a file").unwrap(),
        Replacement::WrongKind => fs::create_dir(path).unwrap(),
    }
}

fn undo(path: &Path, outside: &Path) {
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
    if outside.exists() {
        fs::rename(outside, path).unwrap();
    }
}

#[test]
fn a_special_file_is_refused_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    full_image(&image);
    let intact = tree(&image);
    let mut paths: Vec<PathBuf> = intact.keys().skip(1).cloned().collect();
    paths.push(image.join("journal/00000099.journal.tmp"));
    paths.push(image.join("snapshot/00000000000000000099.snapshot.tmp"));
    paths.push(image.join("quarantine/00000001-0000004096-0.torn.tmp"));
    // at least one path of each kind
    for kind in [".journal", ".base", ".snapshot", ".torn", "durable", "LOCK", "snapshot", "quarantine", "journal"] {
        assert!(paths.iter().any(|path| path.to_string_lossy().ends_with(kind)), "no {kind}");
    }
    for path in &paths {
        for replacement in REPLACEMENTS {
            let outside = dir.path().join("outside");
            replace(replacement, path, &outside);
            let before = tree(dir.path());
            let root = image.clone();
            let opened = with_timeout(move || open(&root));
            let case = format!("{} as {replacement:?}", path.strip_prefix(&image).unwrap().display());
            let error = opened.err().unwrap_or_else(|| panic!("{case} was accepted"));
            assert_eq!(error.kind(), ErrorKind::NotAnImage, "{case}: {error}");
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(error.to_string().contains(name), "{case}: {error}");
            assert!(tree(dir.path()) == before, "{case} changed something");
            undo(path, &outside);
        }
    }
    assert!(tree(&image) == intact);
    Image::close(open(&image).unwrap()).unwrap();
}

#[test]
fn the_error_names_a_link_and_the_help() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    full_image(&image);
    let path = image.join("journal/durable");
    replace(Replacement::Link, &path, &dir.path().join("outside"));
    let error = open(&image).unwrap_err().to_string().replace(dir.path().to_str().unwrap(), "DIR");
    expect_test::expect!["`DIR/image/journal/durable` is a symbolic link, but an image contains only regular files and directories; memimage did not open it, and changed nothing; help: find out who created it, then remove it, or restore the original file from a backup"].assert_eq(&error);
}

/// A file that is written in place must have only one name: a copy made by hard links would change with it, and a planted hard
/// link would make the image write into a foreign file. Files that never change again may have hard links, for example from a
/// backup.
#[test]
fn a_file_that_is_written_in_place_has_no_hard_links() {
    let dir = tempfile::tempdir().unwrap();
    let (image, other) = (dir.path().join("image"), dir.path().join("other"));
    full_image(&image);
    let segments = names(&image.join("journal"), ".journal");
    let active = &segments[segments.len() - 2];
    for path in [image.join("LOCK"), image.join("journal/durable"), active.clone()] {
        fs::hard_link(&path, &other).unwrap();
        let before = tree(dir.path());
        let error = open(&image).unwrap_err();
        assert!(error.kind() == ErrorKind::NotAnImage && error.to_string().contains("hard link"), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert!(tree(dir.path()) == before, "{} changed something", path.display());
        fs::remove_file(&other).unwrap();
    }
    for ending in ["base", "snapshot", "torn"] {
        for path in ["journal", "snapshot", "quarantine"].iter().flat_map(|dir| names(&image.join(dir), ending)) {
            fs::hard_link(&path, &other).unwrap();
            Image::close(open(&image).unwrap()).unwrap();
            fs::remove_file(&other).unwrap();
        }
    }
}

/// The image does not write through a link that was planted at the path of a future file.
#[test]
fn nothing_is_written_through_a_link_that_is_planted_later() {
    let dir = tempfile::tempdir().unwrap();
    let (path, victim) = (dir.path().join("image"), dir.path().join("victim"));
    fs::write(&victim, "mine").unwrap();
    let image = open(&path).unwrap();
    for number in 3..40 {
        // some of these paths exist already
        _ = symlink(&victim, path.join(format!("journal/{number:08}.journal.tmp")));
    }
    symlink(&victim, path.join("snapshot/00000000000000000001.snapshot.tmp")).unwrap();
    image.deposit(1, 1).unwrap();
    // the snapshot verification reads the directory and finds the links
    let error = image.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAnImage, "{error}");
    for _ in 0..100 {
        image.file(vec![1; 1_000]).unwrap();
    }
    Image::close(image).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
}

#[test]
fn an_image_may_be_opened_through_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (image, link) = (dir.path().join("image"), dir.path().join("link"));
    full_image(&image);
    symlink("image", &link).unwrap();
    let opened = open(&link).unwrap();
    assert_eq!(open(&image).unwrap_err().kind(), ErrorKind::Locked);
    Image::close(opened).unwrap();
    // a dangling link is not treated as a free path
    fs::remove_file(&link).unwrap();
    symlink("nowhere", &link).unwrap();
    let error = open(&link).unwrap_err();
    assert!(error.kind() == ErrorKind::NotAnImage && error.to_string().contains("dangling symbolic link"), "{error}");
    assert_eq!(tree(dir.path())[&link].0, EntryContent::Link("nowhere".into()));
    assert!(!dir.path().join("nowhere").exists());
}
