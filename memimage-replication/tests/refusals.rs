//! Openings that are refused leave nothing behind.

#![cfg(feature = "object-store")]

mod support;

use std::fs;
use std::path::Path;

use memimage::replication::Acknowledge;
use memimage::{Error, ErrorKind, Image};
use memimage_replication::testing::MemoryLog;
use memimage_replication::{Log, Sidecar, Standby};
use support::replicas::{log, owner, try_owner};
use support::{Place, Tally, TallyCommands};

const REMOTE: Acknowledge = Acknowledge::Remote;

#[test]
fn a_refused_opening_leaves_no_directory() {
    let (memory, place) = (MemoryLog::new("others"), Place::new());
    let first = owner(&memory, &place, "a", REMOTE);
    first.add(1).unwrap();
    let error = try_owner(log(&memory), &place, "b", REMOTE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherOwner, "{error}");
    assert!(!place.path("b").exists());
    // a log of which only an owner without a journal is known, or that has a journal that is not here
    let error = try_owner(log(&memory).take_over(true), &place, "b", REMOTE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherOwner, "{error}");
    assert!(!place.path("b").exists());
    first.add(2).unwrap();
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_log_inside_an_image_is_refused_and_leaves_nothing() {
    let place = Place::new();
    let existing = Image::<Tally>::options().open(place.path("image")).unwrap();
    existing.add(1).unwrap();
    Image::close(existing).unwrap();
    let before = names(&place.path("image"));
    fs::create_dir(place.path("real")).unwrap();
    std::os::unix::fs::symlink(place.path("real"), place.path("link")).unwrap();
    let assert_refused = |error: Error, what: &str| {
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{what}: {error}");
        let text = error.to_string();
        assert!(text.contains("inside") && text.contains("help: "), "{what}: {text}");
    };
    for (image, directory) in [
        ("image", "image/log"),
        ("image", "image/journal/log"),
        ("new", "new"),
        ("new", "new/log"),
        ("link/new", "real/new/log"),
        ("real/new", "link/new"),
    ] {
        let open = || Log::open(&format!("file://{}", place.path(directory).display())).unwrap();
        let what = format!("{image} to {directory}");
        assert_refused(try_owner(open(), &place, image, REMOTE).unwrap_err(), &what);
        assert_refused(Standby::<Tally>::open(open(), place.path(image)).unwrap_err(), &what);
        if image == "image" {
            assert_refused(Sidecar::start(open(), place.path(image)).unwrap_err(), &what);
        }
    }
    // the image's own directory is no log for anybody
    let error = Log::open(&format!("file://{}", place.path("image").display())).unwrap_err();
    assert!(error.to_string().contains("is an image, not a log"), "{error}");
    assert_eq!(names(&place.path("image")), before);
    assert_eq!(names(&place.path("real")), [""; 0]);
    assert!(!place.path("new").exists());

    // beside the image, and with a name that only begins alike
    let log = Log::open(&format!("file://{}", place.path("image.log").display())).unwrap();
    try_owner(log, &place, "image", REMOTE).unwrap().add(2).unwrap();
}

#[test]
fn a_log_in_a_directory_is_created_with_its_first_entry() {
    let place = Place::new();
    let url = format!("file://{}", place.path("a/b.c/log").display());
    let log = Log::open(&url).unwrap();
    assert!(!place.path("a").exists());
    let image = try_owner(log, &place, "image", REMOTE).unwrap();
    image.add(1).unwrap();
    assert!(place.path("a/b.c/log/entries").exists());
    drop(image);
    // now that it exists, and with a handle of another kind
    let image = try_owner(Log::open(&url).unwrap(), &place, "image", REMOTE).unwrap();
    assert_eq!(image.query(|tally| tally.sum).unwrap(), 1);
}
