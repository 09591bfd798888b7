//! A new backup: what it contains, and how it opens.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::check_with;
use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Image, Seq};
use memimage_tests::{Request, Run};

use super::{COPY, IMAGE, assert_sound, begin, beside, exists, extend, files_at, verify};

#[test]
fn a_backup_of_a_running_image_opens_with_every_event() {
    for snapshot in [false, true] {
        let disk = SimDisk::new();
        let mut run = begin(&disk, 20);
        if snapshot {
            run.image().admin().snapshot().unwrap();
            extend(&mut run, 3);
        }
        let seq = run.image().journal().seq();
        let report = run.image().admin().backup(COPY).unwrap();
        assert_eq!((report.seq, report.events, report.continued), (seq, seq.get(), None));
        assert_eq!((report.bytes_shared, report.bytes_reused), (0, 0));
        assert_eq!(verify(&disk, COPY, run.digests(), seq.get()).unwrap(), seq);
        assert_sound(&disk, COPY);
        // the running image goes on
        extend(&mut run, 3);
        let (digests, last) = run.close();
        assert_eq!(verify(&disk, IMAGE, &digests, last.get()).unwrap(), last);
    }
}

#[test]
fn without_the_program_a_backup_has_the_same_files() {
    let disk = SimDisk::new();
    let run = begin(&disk, 20);
    run.image().admin().snapshot().unwrap();
    run.image().admin().backup("/first").unwrap();
    beside(&disk).unwrap();
    let copied = |path| files_at(&disk, path).into_iter().filter(|(name, _)| name != Path::new("LOCK"));
    assert!(copied("/first").eq(copied(COPY)));
    drop(run);
    // without any owner
    memimage::admin::Backup::new().run_with(Arc::new(disk.clone()), IMAGE, "/closed").unwrap();
    assert_sound(&disk, "/closed");
}

#[test]
fn the_copied_bytes_are_those_of_the_image() {
    let disk = SimDisk::new();
    let run = begin(&disk, 20);
    run.image().admin().snapshot().unwrap();
    run.image().admin().backup(COPY).unwrap();
    let of_image = files_at(&disk, IMAGE);
    for (name, bytes) in files_at(&disk, COPY) {
        if name.extension().is_some_and(|end| end == "journal" || end == "snapshot") {
            assert!(of_image.contains(&(name.clone(), bytes)), "{}", name.display());
        }
    }
    assert_eq!(
        files_at(&disk, COPY).len(),
        of_image.len() + 1 - empty_segments(&of_image),
        "`BACKUP`, no preallocated segment"
    );
}

fn empty_segments(files: &[(std::path::PathBuf, Vec<u8>)]) -> usize {
    let is_segment = |name: &Path| name.extension().is_some_and(|end| end == "journal");
    files.iter().filter(|(name, bytes)| is_segment(name) && bytes[4096..].iter().all(|byte| *byte == 0)).count()
}

/// The copy must not be ahead of the image after a power cut, nor behind what was acknowledged.
#[test]
fn what_a_backup_contains_is_on_disk_in_the_image_too() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let disk = SimDisk::new();
        let mut run = Run::open(disk.clone(), durability, 512, Vec::new(), Seq::ZERO).unwrap();
        for account in 0..8 {
            run.execute(&Request::Deposit(account, 9));
        }
        let seq = run.image().journal().seq();
        assert_eq!(run.image().admin().backup(COPY).unwrap().seq, seq);
        let after = disk.crash(|_| false);
        for path in [IMAGE, COPY] {
            assert_eq!(verify(&after, path, run.digests(), seq.get()).unwrap(), seq, "{durability:?} {path}");
        }
    }
}

#[test]
fn a_backup_without_the_program_syncs_what_it_copies() {
    let disk = SimDisk::new();
    let mut run = Run::open(disk.clone(), Durability::Buffered, 512, Vec::new(), Seq::ZERO).unwrap();
    for account in 0..8 {
        run.execute(&Request::Deposit(account, 9));
    }
    while run.image().journal().written_seq() < Seq::new(8) {
        std::thread::yield_now();
    }
    let report = beside(&disk).unwrap();
    assert_eq!(report.seq, Seq::new(8));
    assert_eq!(verify(&disk.crash(|_| false), IMAGE, run.digests(), 8).unwrap(), Seq::new(8));
}

#[test]
fn opening_a_backup_makes_it_an_image_of_its_own_and_says_so() {
    let disk = SimDisk::new();
    let run = begin(&disk, 7);
    run.image().admin().backup(COPY).unwrap();
    let copy = Run::options(Durability::Synced, 512).open_with(Arc::new(disk.clone()), COPY).unwrap();
    assert!(copy.admin().stats().recovery.restored && !copy.admin().stats().recovery.uncertain);
    assert!(!exists(&disk, &format!("{COPY}/BACKUP")));
    Image::close(copy).unwrap();
    let copy = Run::options(Durability::Synced, 512).open_with(Arc::new(disk.clone()), COPY).unwrap();
    assert!(!copy.admin().stats().recovery.restored);
    assert!(!run.image().admin().stats().recovery.restored);
}

#[test]
fn a_backup_leaves_no_staging_directory_and_no_lock() {
    let disk = SimDisk::new();
    let run = begin(&disk, 7);
    run.image().admin().backup(COPY).unwrap();
    assert!(!exists(&disk, "/.copy.backing-up") && !exists(&disk, &format!("{COPY}/BACKING-UP")));
    assert_eq!(disk.owner(&Path::new(COPY).join("LOCK")).unwrap(), None);
    let report = check_with(Arc::new(disk.clone()), COPY).unwrap();
    assert!(report.to_string().contains("never opened"), "{report}");
}

#[test]
fn an_image_without_events_is_backed_up() {
    let disk = SimDisk::new();
    let run = begin(&disk, 0);
    let report = run.image().admin().backup(COPY).unwrap();
    assert_eq!((report.seq, report.events), (Seq::ZERO, 0));
    assert_eq!(verify(&disk, COPY, run.digests(), 0).unwrap(), Seq::ZERO);
}

#[test]
fn a_torn_write_at_the_end_is_not_copied() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 2);
    let before = disk.fork();
    run.execute(&Request::Deposit(1, 5));
    let segment = Path::new(IMAGE).join("journal/00000001.journal");
    let (old, new) = (before.read(&segment).unwrap(), disk.read(&segment).unwrap());
    let first = (0..old.len()).find(|at| old[*at] != new[*at]).unwrap();
    // a part of the frame's header
    before.write(&segment, first as u64, &new[first..first + 40]).unwrap();
    assert_eq!(beside(&before).unwrap().seq, Seq::new(2));
    let copy = before.read(Path::new(COPY).join("journal/00000001.journal")).unwrap();
    assert!(copy[first..].iter().all(|byte| *byte == 0));
    assert_eq!(verify(&before, COPY, run.digests(), 2).unwrap(), Seq::new(2));
}
