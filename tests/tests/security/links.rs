//! Nothing but plain files and directories: links, pipes and the like inside an image are refused before they are opened.

use memimage::{ErrorKind, Image};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use memimage_tests::{EntryContent, LedgerCommands, in_time, names, tree};

use super::{full_image, open};

/// What may be put in a file's or directory's place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trick {
    /// A link to the very file, moved out of the image.
    Link,
    Dangling,
    Pipe,
    Socket,
    /// A directory where a file belongs, and the other way round.
    Exchanged,
}

const TRICKS: [Trick; 5] = [Trick::Link, Trick::Dangling, Trick::Pipe, Trick::Socket, Trick::Exchanged];

/// Puts something else in the place of `path`, and what was there outside.
fn play(trick: Trick, path: &Path, outside: &Path) {
    let was_dir = path.is_dir();
    if path.exists() {
        fs::rename(path, outside).unwrap();
    }
    match trick {
        Trick::Link => symlink(outside, path).unwrap(),
        Trick::Dangling => symlink(outside.with_file_name("nowhere"), path).unwrap(),
        Trick::Pipe => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        Trick::Socket => drop(UnixListener::bind(path).unwrap()),
        Trick::Exchanged if was_dir => fs::write(path, "a file").unwrap(),
        Trick::Exchanged => fs::create_dir(path).unwrap(),
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
fn a_path_that_is_no_file_is_refused_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    full_image(&image);
    let whole = tree(&image);
    let mut paths: Vec<PathBuf> = whole.keys().skip(1).cloned().collect();
    paths.push(image.join("journal/00000099.journal.tmp"));
    paths.push(image.join("snapshot/00000000000000000099.snapshot.tmp"));
    paths.push(image.join("quarantine/00000001-0000004096-0.torn.tmp"));
    // of many alike the first and the last do
    for kind in [".journal", ".base", ".snapshot", ".torn", "durable", "LOCK", "snapshot", "quarantine", "journal"] {
        assert!(paths.iter().any(|path| path.to_string_lossy().ends_with(kind)), "no {kind}");
    }
    for path in &paths {
        for trick in TRICKS {
            let outside = dir.path().join("outside");
            play(trick, path, &outside);
            let before = tree(dir.path());
            let root = image.clone();
            let opened = in_time(move || open(&root));
            let what = format!("{} as {trick:?}", path.strip_prefix(&image).unwrap().display());
            let error = opened.err().unwrap_or_else(|| panic!("{what} was accepted"));
            assert_eq!(error.kind(), ErrorKind::NotAnImage, "{what}: {error}");
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(error.to_string().contains(name), "{what}: {error}");
            assert!(tree(dir.path()) == before, "{what} changed something");
            undo(path, &outside);
        }
    }
    assert!(tree(&image) == whole);
    Image::close(open(&image).unwrap()).unwrap();
}

#[test]
fn a_link_is_named_and_what_to_do_about_it() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    full_image(&image);
    let path = image.join("journal/durable");
    play(Trick::Link, &path, &dir.path().join("outside"));
    let error = open(&image).unwrap_err().to_string().replace(dir.path().to_str().unwrap(), "DIR");
    expect_test::expect!["`DIR/image/journal/durable` is a symbolic link: an image holds only regular files and directories; it was not opened, and nothing was changed; help: find out who created it, then remove it or restore the file that belongs there"].assert_eq(&error);
}

/// Files that are written in place must have no other name: a copy made by links would change under its owner's hands, and
/// a link planted there would have us write into anybody's file. Those that are done with never change again, and a
/// backup may well keep them by links.
#[test]
fn a_file_that_is_written_to_has_one_name() {
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

/// What is planted in the place of a file that is yet to be made, is not written through.
#[test]
fn nothing_is_written_through_a_link_that_comes_later() {
    let dir = tempfile::tempdir().unwrap();
    let (path, victim) = (dir.path().join("image"), dir.path().join("victim"));
    fs::write(&victim, "mine").unwrap();
    let image = open(&path).unwrap();
    for number in 3..40 {
        // some are there already
        _ = symlink(&victim, path.join(format!("journal/{number:08}.journal.tmp")));
    }
    symlink(&victim, path.join("snapshot/00000000000000000001.snapshot.tmp")).unwrap();
    image.deposit(1, 1).unwrap();
    // the drill after it finds the others
    let error = image.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAnImage, "{error}");
    for _ in 0..100 {
        image.file(vec![1; 1_000]).unwrap();
    }
    Image::close(image).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
}

#[test]
fn an_image_may_be_reached_by_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (image, link) = (dir.path().join("image"), dir.path().join("link"));
    full_image(&image);
    symlink("image", &link).unwrap();
    let opened = open(&link).unwrap();
    assert_eq!(open(&image).unwrap_err().kind(), ErrorKind::Locked);
    Image::close(opened).unwrap();
    // one that leads nowhere is not taken for a place where nothing is
    fs::remove_file(&link).unwrap();
    symlink("nowhere", &link).unwrap();
    let error = open(&link).unwrap_err();
    assert!(error.kind() == ErrorKind::NotAnImage && error.to_string().contains("dangling symbolic link"), "{error}");
    assert_eq!(tree(dir.path())[&link].0, EntryContent::Link("nowhere".into()));
    assert!(!dir.path().join("nowhere").exists());
}
