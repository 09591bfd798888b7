//! Checks of an image while its owner changes it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::admin::{Severity, check_with};
use memimage::disk::{Disk, SimDisk};
use memimage::{Image, Retention};
use memimage_tests::{DiskMethod, GateDisk, files};

use super::model_versions::first::{Till, TillCommands as _};
use super::{IMAGE, options};

/// An image that was pruned twice, with the path and the bytes of its first base.
fn pruned_twice() -> (SimDisk, String, Vec<u8>) {
    let disk = SimDisk::new();
    let till: Image<Till> = options().retention(Retention::Events(0)).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let prune = || {
        while till.admin().snapshot().unwrap().pruned.is_none() {
            till.file(vec![7; 3_000]).unwrap();
        }
        let is_base = |path: &Path| path.to_string_lossy().ends_with(".1.base");
        files(&disk).into_iter().find(|(path, _)| is_base(path)).unwrap()
    };
    let (older, bytes) = prune();
    prune();
    Image::close(till).unwrap();
    assert!(disk.read(&older).is_err());
    (disk, older.to_string_lossy().into_owned(), bytes)
}

/// Regression: a base is listed and then removed before the check opens it, for the first or the second time. The check
/// retried until it reported the image as unreadable.
#[test]
fn a_base_that_is_removed_before_it_is_opened_is_skipped() {
    for opened in [1, 2] {
        let (disk, older, bytes) = pruned_twice();
        let gate = GateDisk::new(disk.clone());
        let (openings, removals) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&removals);
        gate.rule(move |call| {
            let there = disk.read(&older).is_ok();
            if call.is(DiskMethod::List, "/journal") && !there {
                disk.create_new(older.as_ref())?;
                disk.write(&older, 0, &bytes)?;
                openings.store(0, Ordering::SeqCst);
            }
            if call.is(DiskMethod::Open, &older) && there && openings.fetch_add(1, Ordering::SeqCst) + 1 == opened {
                disk.remove(older.as_ref())?;
                counted.fetch_add(1, Ordering::SeqCst);
            }
            Ok(None)
        });
        let checked = check_with(Arc::new(gate), IMAGE).unwrap_or_else(|error| panic!("{opened}: {error}"));
        assert!(checked.is_sound() && checked.worst() <= Some(Severity::Note), "{opened}: {checked}");
        assert!(removals.load(Ordering::SeqCst) > 0);
    }
}
