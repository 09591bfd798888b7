//! Backups of images with snapshots or bases that cannot be read, or are damaged: the backup leaves them out and says so.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::ErrorKind;
use memimage::admin::Backup;
use memimage::disk::{Disk as _, Fault, Method, SimDisk};

use super::{COPY, IMAGE, assert_sound, begin, beside, exists, extend, files_at, verify};

/// The names of the files in a directory of the image or of the backup with this ending, sorted.
fn names(disk: &SimDisk, path: &str, ending: &str) -> Vec<PathBuf> {
    let names = files_at(disk, path).into_iter().map(|(name, _)| name);
    names.filter(|name| name.to_string_lossy().ends_with(ending)).collect()
}

/// Changes one bit of a file.
fn rot(disk: &SimDisk, path: impl AsRef<Path>, offset: usize) {
    let byte = disk.read(path.as_ref()).unwrap()[offset];
    disk.write(path.as_ref(), offset as u64, &[byte ^ 1]).unwrap();
}

/// The middle of a file, far from its header and its trailer.
fn middle(disk: &SimDisk, path: impl AsRef<Path>) -> usize {
    disk.read(path.as_ref()).unwrap().len() / 2
}

#[test]
fn an_unreadable_snapshot_is_left_out_and_reported() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 6);
    run.image().admin().snapshot().unwrap();
    extend(&mut run, 3);
    run.image().admin().snapshot().unwrap();
    let snapshots = names(&disk, IMAGE, ".snapshot");
    assert_eq!(snapshots.len(), 2);
    let seq = run.image().journal().seq();
    for bad in &snapshots {
        let path = Path::new(IMAGE).join(bad);
        // the first read is that of the header; from the third on, the header is readable
        for first in [1, 3, 4, 6] {
            let disk = disk.fork();
            disk.inject(Fault::io().on(&[Method::ReadAt]).path(path.to_string_lossy()).from(first));
            let report = beside(&disk).unwrap_or_else(|error| panic!("read {first} of {}: {error}", bad.display()));
            disk.heal();
            assert_eq!(report.seq, seq);
            let unusable: Vec<_> = report.unusable_snapshots.iter().map(|(path, _)| path.clone()).collect();
            assert_eq!(unusable, [path.as_path()], "read {first}");
            assert!(!report.unusable_snapshots[0].1.is_empty());
            let others: Vec<_> = snapshots.iter().filter(|name| *name != bad).cloned().collect();
            assert_eq!(names(&disk, COPY, ".snapshot"), others);
            assert_eq!(verify(&disk, COPY, run.digests(), seq.get()), Ok(seq));
            assert_sound(&disk, COPY);
        }
    }
}

#[test]
fn a_damaged_snapshot_is_left_out_and_reported() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 9);
    run.image().admin().snapshot().unwrap();
    let snapshot = Path::new(IMAGE).join(&names(&disk, IMAGE, ".snapshot")[0]);
    extend(&mut run, 1);
    let seq = run.image().journal().seq();
    for offset in [9, middle(&disk, &snapshot), disk.read(&snapshot).unwrap().len() - 5] {
        let disk = disk.fork();
        rot(&disk, &snapshot, offset);
        let report = beside(&disk).unwrap();
        assert_eq!(report.unusable_snapshots.len(), 1, "byte {offset}: {report:?}");
        assert_eq!(names(&disk, COPY, ".snapshot"), [] as [PathBuf; 0]);
        assert_eq!(verify(&disk, COPY, run.digests(), seq.get()), Ok(seq));
    }
}

#[test]
fn a_damaged_snapshot_of_the_image_replaces_no_intact_one_of_the_backup() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 9);
    run.image().admin().snapshot().unwrap();
    let name = &names(&disk, IMAGE, ".snapshot")[0];
    run.image().admin().backup(COPY).unwrap();
    let kept = disk.read(Path::new(COPY).join(name)).unwrap();
    let len = kept.len();
    extend(&mut run, 3);
    // in the first bytes, which a backup compares, in the middle, and in the last bytes
    for offset in [9, 200, len - 5] {
        let disk = disk.fork();
        rot(&disk, Path::new(IMAGE).join(name), offset);
        let report = beside(&disk).unwrap();
        assert_eq!(report.unusable_snapshots.len(), 1, "byte {offset}: {report:?}");
        assert_eq!(disk.read(Path::new(COPY).join(name)).unwrap(), kept, "byte {offset}");
        assert_sound(&disk, COPY);
    }
}

#[test]
fn a_damaged_snapshot_of_the_backup_is_copied_again() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 9);
    run.image().admin().snapshot().unwrap();
    let name = &names(&disk, IMAGE, ".snapshot")[0];
    run.image().admin().backup(COPY).unwrap();
    let original = disk.read(Path::new(IMAGE).join(name)).unwrap();
    extend(&mut run, 3);
    let copy = Path::new(COPY).join(name);
    rot(&disk, &copy, middle(&disk, &copy));
    let report = beside(&disk).unwrap();
    assert_eq!(report.unusable_snapshots, []);
    assert!(report.bytes_copied >= original.len() as u64);
    assert!(disk.read(&copy).unwrap() == original);
}

#[test]
fn a_pruned_image_is_backed_up_if_one_state_is_left_from_which_it_can_start() {
    let disk = SimDisk::new();
    let (image, mut digests) = (super::pruned::open(&disk), Vec::new());
    super::pruned::prune(&image, &mut digests, 2);
    let seq = image.journal().seq();
    let states: Vec<PathBuf> = [names(&disk, IMAGE, ".base"), names(&disk, IMAGE, ".snapshot")].concat();
    assert!(states.len() > 3, "{states:?}");
    for left in 0..states.len() {
        let disk = disk.fork();
        for (_, bad) in states.iter().enumerate().filter(|(number, _)| *number != left) {
            let path = Path::new(IMAGE).join(bad);
            rot(&disk, &path, middle(&disk, &path));
        }
        let report = beside(&disk).unwrap_or_else(|error| panic!("{}: {error}", states[left].display()));
        assert_eq!(report.unusable_snapshots.len(), states.len() - 1);
        assert_eq!(verify(&disk, COPY, &digests, seq.get()), Ok(seq));
    }
}

#[test]
fn a_pruned_image_without_a_readable_start_is_refused_and_the_earlier_backup_stays() {
    let disk = SimDisk::new();
    let (image, mut digests) = (super::pruned::open(&disk), Vec::new());
    super::pruned::prune(&image, &mut digests, 1);
    let earlier = image.admin().backup(COPY).unwrap().seq;
    super::pruned::prune(&image, &mut digests, 1);
    // the earlier backup opens from its base, but a state of its own would do for the pruned journal, too
    for snapshot in names(&disk, COPY, ".snapshot") {
        disk.remove(&Path::new(COPY).join(snapshot)).unwrap();
    }
    let kept = files_at(&disk, COPY);
    for name in [names(&disk, IMAGE, ".base"), names(&disk, IMAGE, ".snapshot")].concat() {
        let path = Path::new(IMAGE).join(name);
        rot(&disk, &path, middle(&disk, &path));
    }
    for dir in [COPY, "/new"] {
        let error = Backup::new().run_with(Arc::new(disk.clone()), IMAGE, dir).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotApplicable, "{error}");
        let text = error.to_string();
        assert!(text.contains("no snapshot or base from which its journal can start is readable"), "{error}");
        assert!(text.contains(".base`: ") && text.contains(".snapshot`: "), "{error}");
        assert!(!exists(&disk, "/new"));
    }
    assert!(files_at(&disk, COPY) == kept);
    assert_eq!(verify(&disk, COPY, &digests, earlier.get()), Ok(earlier));
}
