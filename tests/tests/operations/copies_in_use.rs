//! Copies of an image that was in use, made by hand: the parts are copied one after the other while commands go on. Whatever the
//! order, the copy opens with the events that it has if `accept_incomplete_copy` asks for it, and is refused otherwise if it lacks
//! events that are known to have been synced.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::check_with;
use memimage::disk::{Access, Disk, SimDisk};
use memimage::{Error, ErrorKind, Image, Seq};
use memimage_tests::{changed, files};

use super::model_versions::first::{Till, TillCommands as _};
use super::repair::damage;
use super::{IMAGE, open, options, record};

const PARTS: [&str; 3] = ["segments", "durable", "snapshots"];

fn is_of(part: &str, path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    match part {
        "segments" => name.ends_with(".journal"),
        "durable" => name == "durable",
        _ => name.ends_with(".snapshot"),
    }
}

fn copy(from: &SimDisk, to: &SimDisk, part: &str) {
    for (path, bytes) in files(from).into_iter().filter(|(path, _)| is_of(part, path)) {
        to.create_new(&path).unwrap();
        to.write(&path, 0, &bytes).unwrap();
        to.open(&path, Access::ReadWrite).unwrap().sync_data().unwrap();
        to.sync_dir(path.parent().unwrap()).unwrap();
    }
}

/// A copy whose parts were copied in this order, with 15 events and a snapshot after each; and the state for each number of
/// events.
fn copied(order: [&str; 3]) -> (SimDisk, Vec<Till>) {
    let (disk, to) = (SimDisk::new(), SimDisk::new());
    for dir in ["", "/journal", "/snapshot", "/quarantine"] {
        to.create_dir(Path::new(&format!("{IMAGE}{dir}"))).unwrap();
    }
    [Path::new("/"), Path::new(IMAGE)].into_iter().for_each(|dir| to.sync_dir(dir).unwrap());
    let till = open::<Till>(&disk).unwrap();
    let mut states = vec![till.read_uncommitted().unwrap().clone()];
    let mut put = |till: &Image<Till>| {
        for _ in 0..15 {
            till.put(100).unwrap();
            states.push(till.read_uncommitted().unwrap().clone());
        }
    };
    put(&till);
    till.admin().snapshot().unwrap();
    for part in order {
        copy(&disk, &to, part);
        put(&till);
        till.admin().snapshot().unwrap();
    }
    drop(till);
    (to, states)
}

fn open_incomplete(disk: &SimDisk) -> Result<Image<Till>, Error> {
    options().accept_incomplete_copy(true).open_with(Arc::new(disk.clone()), IMAGE)
}

fn orders() -> impl Iterator<Item = [&'static str; 3]> {
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
        .into_iter()
        .map(|order| order.map(|at| PARTS[at]))
}

fn assert_state(till: &Image<Till>, states: &[Till], what: &str) {
    let (seq, state) = (till.journal().seq().get(), till.read_uncommitted().unwrap());
    let expected = &states[seq as usize];
    assert_eq!((state.cents, &state.entries), (expected.cents, &expected.entries), "{what}: after event {seq}");
}

#[test]
fn a_copy_in_any_order_opens_with_the_events_that_it_has() {
    for order in orders() {
        let what = format!("{order:?}");
        let (disk, states) = copied(order);
        let position = order.iter().position(|part| *part == "segments").unwrap() as u64;
        let has = 15 * (position + 1);
        let before = files(&disk);
        let is_complete = position == 2;
        match open::<Till>(&disk.fork()) {
            Ok(till) => {
                assert!(is_complete, "{what}: it opens although events are missing");
                assert_state(&till, &states, &what);
            }
            Err(error) => {
                assert!(!is_complete && error.kind() == ErrorKind::Corrupt, "{what}: {error}");
                assert_eq!(changed(&before, &files(&disk)), [] as [std::path::PathBuf; 0]);
            }
        }
        let till = open_incomplete(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
        let recovery = till.admin().stats().recovery;
        assert_eq!(recovery.seq, Seq::new(has), "{what}");
        assert_eq!(recovery.given_up.is_some(), !is_complete, "{what}: {recovery:?}");
        if let Some((first, last)) = recovery.given_up {
            assert!(first == Seq::new(has + 1) && last > first, "{what}: {first} to {last}");
        }
        assert_state(&till, &states, &what);
        till.put(7).unwrap();
        Image::close(till).unwrap();
        // it is an ordinary image from now on
        assert_eq!(open::<Till>(&disk).unwrap().journal().seq(), Seq::new(has + 1), "{what}");
        let report = check_with(Arc::new(disk.clone()), IMAGE).unwrap();
        assert!(report.is_sound(), "{what}: {report}");
    }
}

#[test]
fn after_a_crash_the_copy_can_be_opened_again() {
    let (disk, states) = copied(["segments", "durable", "snapshots"]);
    let points = record(&disk);
    drop(open_incomplete(&disk).unwrap());
    let points = std::mem::take(&mut *points.lock().unwrap());
    assert!(points.len() > 5, "{}", points.len());
    for (operation, fork) in &points {
        for left in [fork.fork(), fork.crash(|_| false), fork.crash(|_| true)] {
            let till = open_incomplete(&left).unwrap_or_else(|error| panic!("after {operation:?}: {error}"));
            assert_state(&till, &states, &format!("after {operation:?}"));
            assert_eq!(till.journal().seq(), Seq::new(15));
        }
    }
}

/// The option accepts a missing end, and no damage before it.
#[test]
fn damage_before_the_end_is_refused_all_the_same() {
    let (disk, _) = copied(["segments", "snapshots", "durable"]);
    damage(&disk, 7);
    // snapshots would hide the damage: an open does not read what comes before one
    for (path, _) in files(&disk).into_iter().filter(|(path, _)| is_of("snapshots", path)) {
        disk.remove(&path).unwrap();
    }
    assert_eq!(open_incomplete(&disk).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// On a complete image the option changes nothing.
#[test]
fn a_complete_image_gives_up_nothing() {
    let (disk, states) = copied(["durable", "snapshots", "segments"]);
    let till = open_incomplete(&disk).unwrap();
    assert_eq!(till.admin().stats().recovery.given_up, None);
    assert_eq!(till.journal().seq().get() as usize, 45);
    assert_state(&till, &states, "complete");
}
