//! A backup onto an earlier backup of the same image: what is copied, and what is removed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::Seq;
use memimage::admin::Backup;
use memimage::disk::{Disk as _, Operation, SimDisk};

use super::{COPY, IMAGE, assert_sound, begin, beside, extend, files_at, verify};

/// Whether both copies have the same files, except for their locks.
fn assert_equal(disk: &SimDisk, fresh: &str) {
    let of = |path| {
        let files = files_at(disk, path).into_iter().filter(|(name, _)| name != Path::new("LOCK"));
        files.collect::<Vec<_>>()
    };
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let (continued, fresh) = (of(COPY), of(fresh));
    assert_eq!(names(&continued), names(&fresh));
    assert!(continued == fresh);
}

#[test]
fn a_continued_backup_equals_a_new_one() {
    for (first, more, snapshots) in
        [(0, 5, false), (3, 1, false), (20, 1, true), (20, 30, true), (31, 0, true), (31, 90, false)]
    {
        let disk = SimDisk::new();
        let mut run = begin(&disk, first);
        if snapshots {
            run.image().admin().snapshot().unwrap();
        }
        let earlier = run.image().admin().backup(COPY).unwrap().seq;
        extend(&mut run, more);
        if snapshots && more > 0 {
            run.image().admin().snapshot().unwrap();
        }
        let report = run.image().admin().backup(COPY).unwrap();
        let seq = run.image().journal().seq();
        assert_eq!((report.seq, report.continued, report.events), (seq, Some(earlier), seq.get()));
        run.image().admin().backup("/fresh").unwrap();
        assert_equal(&disk, "/fresh");
        assert_eq!(verify(&disk, COPY, run.digests(), seq.get()).unwrap(), seq, "{first} and {more}");
    }
}

#[test]
fn snapshots_that_the_image_no_longer_has_are_removed() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 3);
    run.image().admin().snapshot().unwrap();
    run.image().admin().backup(COPY).unwrap();
    for _ in 0..3 {
        extend(&mut run, 3);
        run.image().admin().snapshot().unwrap();
    }
    run.image().admin().backup(COPY).unwrap();
    run.image().admin().backup("/fresh").unwrap();
    let oldest = Path::new("snapshot/00000000000000000003.snapshot");
    assert!(!files_at(&disk, COPY).iter().any(|(name, _)| name == oldest));
    assert_equal(&disk, "/fresh");
}

/// Such a segment gets into a backup if a power cut tears the first frame of a new segment before the backup is made.
#[test]
fn a_segment_of_which_the_earlier_backup_has_only_zeros_is_copied_again() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 4);
    let next = loop {
        let is_segment = |path: &PathBuf| path.starts_with(IMAGE) && path.extension() == Some("journal".as_ref());
        let last = disk.files().into_iter().rfind(is_segment).unwrap();
        if disk.read(&last).unwrap()[4096..].iter().all(|byte| *byte == 0) {
            break last.strip_prefix(IMAGE).unwrap().to_owned();
        }
        extend(&mut run, 1);
    };
    run.image().admin().backup(COPY).unwrap();
    let copy = Path::new(COPY).join(&next);
    assert!(disk.read(&copy).is_err(), "the backup ends before the preallocated segment");
    disk.create_new(&copy).unwrap();
    disk.write(&copy, 0, &disk.read(Path::new(IMAGE).join(&next)).unwrap()).unwrap();

    extend(&mut run, 60);
    run.image().admin().backup(COPY).unwrap();
    run.image().admin().backup("/fresh").unwrap();
    assert_equal(&disk, "/fresh");
    let seq = run.image().journal().seq();
    assert_eq!(verify(&disk, COPY, run.digests(), seq.get()).unwrap(), seq);
}

#[test]
fn only_what_is_new_is_copied() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 40);
    run.image().admin().snapshot().unwrap();
    let whole = run.image().admin().backup(COPY).unwrap();
    let again = run.image().admin().backup(COPY).unwrap();
    assert_eq!((again.bytes_copied, again.seq), (0, whole.seq), "nothing is new");
    assert_eq!(again.bytes_reused, whole.bytes_copied);
    extend(&mut run, 1);
    let grown = run.image().admin().backup(COPY).unwrap();
    assert!(grown.bytes_copied <= 32 << 10, "the last segment: {grown:?}");
    assert_eq!(
        grown.bytes_copied + grown.bytes_reused,
        whole.bytes_copied + if grown.bytes_copied > 16 << 10 { 16 << 10 } else { 0 }
    );
}

#[test]
fn files_that_stay_are_not_written() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 40);
    run.image().admin().backup(COPY).unwrap();
    extend(&mut run, 20);
    let (send, written) = std::sync::mpsc::channel();
    disk.observe(move |operation, _| {
        if let Operation::Rename { to, .. } = operation {
            send.send(to.clone()).unwrap();
        }
    });
    run.image().admin().backup(COPY).unwrap();
    let renamed: Vec<PathBuf> = written.try_iter().filter(|path| path.starts_with(COPY)).collect();
    assert!(!renamed.contains(&Path::new(COPY).join("journal/00000001.journal")), "{renamed:?}");
    assert_eq!(renamed.last().unwrap(), &Path::new(COPY).join("journal/durable"));
    assert!(
        renamed.is_sorted_by_key(|path| path.extension().is_none()),
        "the watermark comes after the segments: {renamed:?}"
    );
}

#[test]
fn a_backup_is_continued_across_openings_of_the_image() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 10);
    for _ in 0..4 {
        run.image().admin().backup(COPY).unwrap();
        let (digests, seq) = run.close();
        beside(&disk).unwrap();
        run = memimage_tests::Run::open(disk.clone(), memimage::Durability::Synced, 512, digests, seq).unwrap();
        extend(&mut run, 7);
    }
    beside(&disk).unwrap();
    let seq = run.image().journal().seq();
    assert_eq!(verify(&disk, COPY, run.digests(), seq.get()).unwrap(), Seq::new(38));
    assert_sound(&disk, COPY);
}

/// The image was not opened since the backup, so no frame is new, although its epoch is.
#[test]
fn an_image_that_was_only_opened_and_closed_continues_its_backup() {
    let disk = SimDisk::new();
    let run = begin(&disk, 10);
    run.image().admin().backup(COPY).unwrap();
    let (digests, seq) = run.close();
    memimage_tests::Run::open(disk.clone(), memimage::Durability::Synced, 512, digests.clone(), seq).unwrap().close();
    let report = Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY).unwrap();
    assert_eq!(report.bytes_copied, 0);
    assert_eq!(verify(&disk, COPY, &digests, seq.get()).unwrap(), seq);
}
