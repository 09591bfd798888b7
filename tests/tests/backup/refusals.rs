//! Directories that cannot take a backup, and images that cannot be backed up: the error says why, and nothing is changed.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::Backup;
use memimage::disk::{Access, Disk, SimDisk};
use memimage::{Durability, Error, ErrorKind, Image, Seq};
use memimage_tests::{Files, Ledger, LedgerCommands as _, Run, changed, files};

use super::{COPY, IMAGE, begin, beside, extend};

/// Asserts that the result is this error, and that no file was changed, except for the locks, and for the next segment, which a running
/// image prepares in the background.
fn assert_refused(
    before: &Files,
    disk: &SimDisk,
    result: Result<memimage::admin::BackupReport, Error>,
    expected: (ErrorKind, &str),
) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), expected.0, "{error}");
    assert!(error.to_string().contains(expected.1) && error.to_string().contains("help: "), "{error}");
    let changed = changed(before, &files(disk));
    let is_prepared = |path: &Path| {
        let is_new = path.extension().is_some_and(|extension| extension == "tmp") || !before.contains_key(path);
        is_new && path.starts_with(Path::new(IMAGE).join("journal"))
    };
    assert!(changed.iter().all(|path| path.ends_with("LOCK") || is_prepared(path)), "{changed:?}");
}

fn other_image(disk: &SimDisk, path: &str, deposits: u32) {
    let image = Run::options(Durability::Synced, 512).open_with(Arc::new(disk.clone()), path).unwrap();
    for account in 0..deposits {
        image.deposit(account, 3).unwrap();
    }
    Image::close(image).unwrap();
}

/// Bits rot in a segment that is new since the earlier backup: the earlier backup stays as it is, and can be opened.
#[test]
fn damage_of_the_image_does_not_get_into_an_earlier_backup() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 4);
    let earlier = run.image().admin().backup(COPY).unwrap().seq;
    let kept = run.digests().to_vec();
    let copy: Vec<_> = disk.files().into_iter().filter(|path| path.starts_with(COPY)).collect();
    extend(&mut run, 60);
    run.close();
    let rotten = Path::new(IMAGE).join("journal/00000004.journal");
    let at = 4096 + 600;
    let byte = disk.read(&rotten).unwrap()[at];
    disk.write(&rotten, at as u64, &[byte ^ 1]).unwrap();
    let before = files(&disk);
    assert_refused(&before, &disk, beside(&disk), (ErrorKind::Corrupt, "00000004.journal"));
    let after: Vec<_> = disk.files().into_iter().filter(|path| path.starts_with(COPY)).collect();
    assert_eq!(after, copy);
    assert_eq!(super::verify(&disk, COPY, &kept, earlier.get()).unwrap(), earlier);
}

/// The watermark proves that the events in the missing segment were synced.
#[test]
fn an_image_that_lost_its_last_segment_is_refused() {
    let disk = SimDisk::new();
    let (digests, last) = begin(&disk, 40).close();
    assert_eq!(digests.len() as u64, last.get() + 1);
    let segments: Vec<_> =
        disk.files().into_iter().filter(|path| path.extension() == Some("journal".as_ref())).collect();
    let with_events = segments.iter().rev().find(|path| disk.read(path).unwrap()[4096..].iter().any(|byte| *byte != 0));
    let lost = with_events.expect("the journal has events").clone();
    for segment in segments.into_iter().filter(|segment| *segment >= lost) {
        disk.remove(&segment).unwrap();
    }
    let before = files(&disk);
    assert_refused(&before, &disk, beside(&disk), (ErrorKind::Corrupt, "is missing"));
}

#[test]
fn a_directory_with_something_else_is_refused() {
    let disk = SimDisk::new();
    let run = begin(&disk, 5);
    other_image(&disk, "/image", 1);
    disk.create_dir(Path::new("/notes")).unwrap();
    disk.create_new(Path::new("/notes/text")).unwrap();
    disk.create_new(Path::new("/file")).unwrap();
    let before = files(&disk);
    for (path, kind, text) in [
        ("/image", ErrorKind::NotApplicable, "not a backup"),
        ("/notes", ErrorKind::AlreadyExists, "a directory that is not empty"),
        ("/file", ErrorKind::AlreadyExists, "a file"),
        ("/", ErrorKind::AlreadyExists, "a directory that is not empty"),
        (IMAGE, ErrorKind::AlreadyExists, "a place inside the source image"),
        ("/ledger/snapshot", ErrorKind::AlreadyExists, "a place inside the source image"),
        ("/ledger/../ledger/copy", ErrorKind::AlreadyExists, "a place inside the source image"),
        ("/nowhere/copy", ErrorKind::Io, "nowhere"),
    ] {
        assert_refused(&before, &disk, run.image().admin().backup(path), (kind, text));
        assert_refused(&before, &disk, Backup::new().run_with(Arc::new(disk.clone()), IMAGE, path), (kind, text));
    }
    assert_refused(
        &before,
        &disk,
        Backup::new().run_with(Arc::new(disk.clone()), "/none", COPY),
        (ErrorKind::NotFound, "/none"),
    );
}

#[test]
fn a_staging_directory_with_other_files_stays() {
    let disk = SimDisk::new();
    let run = begin(&disk, 5);
    disk.create_dir(Path::new("/.copy.backing-up")).unwrap();
    disk.create_new(Path::new("/.copy.backing-up/text")).unwrap();
    let before = files(&disk);
    assert_refused(&before, &disk, run.image().admin().backup(COPY), (ErrorKind::AlreadyExists, "/.copy.backing-up"));
}

#[test]
fn a_backup_of_another_image_is_refused() {
    let disk = SimDisk::new();
    let run = begin(&disk, 5);
    other_image(&disk, "/other", 5);
    Backup::new().run_with(Arc::new(disk.clone()), "/other", COPY).unwrap();
    let before = files(&disk);
    assert_refused(
        &before,
        &disk,
        run.image().admin().backup(COPY),
        (ErrorKind::NotApplicable, "a backup of another image"),
    );
}

#[test]
fn a_backup_beside_another_one_to_the_same_path_is_refused() {
    let disk = SimDisk::new();
    let run = begin(&disk, 5);
    disk.create_dir(Path::new("/.copy.backing-up")).unwrap();
    let lock = disk.lock(Path::new("/.copy.backing-up/LOCK")).unwrap();
    let before = files(&disk);
    let expected = (ErrorKind::Locked, "another backup to `/copy` is running");
    assert_refused(&before, &disk, run.image().admin().backup(COPY), expected);
    drop(lock);
    run.image().admin().backup(COPY).unwrap();
}

#[test]
fn a_backup_that_was_opened_or_is_in_use_is_refused() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 5);
    run.image().admin().backup(COPY).unwrap();
    extend(&mut run, 3);
    let lock = disk.lock(&Path::new(COPY).join("LOCK")).unwrap();
    let before = files(&disk);
    assert_refused(&before, &disk, run.image().admin().backup(COPY), (ErrorKind::Locked, COPY));
    drop(lock);
    let copy = Run::options(Durability::Synced, 512).open_with(Arc::new(disk.clone()), COPY).unwrap();
    for _ in 0..2 {
        let before = files(&disk);
        assert_refused(
            &before,
            &disk,
            run.image().admin().backup(COPY),
            (ErrorKind::NotApplicable, "was opened after it was made"),
        );
    }
    copy.deposit(1, 1).unwrap();
}

/// Without the marker's removal, only the frames would show that the copy was used.
#[test]
fn another_timeline_of_the_image_is_refused() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 5);
    run.image().admin().backup(COPY).unwrap();
    run.image().admin().backup("/used").unwrap();
    let marker = disk.read("/used/BACKUP").unwrap();
    let used = Run::options(Durability::Synced, 512).open_with(Arc::new(disk.clone()), "/used").unwrap();
    used.deposit(1, 1).unwrap();
    Image::close(used).unwrap();
    disk.create_new(Path::new("/used/BACKUP")).unwrap();
    disk.write("/used/BACKUP", 0, &marker).unwrap();
    extend(&mut run, 1);
    let before = files(&disk);
    let expected = (ErrorKind::NotApplicable, "another timeline of the image");
    assert_refused(&before, &disk, run.image().admin().backup("/used"), expected);
    extend(&mut run, 60);
    let before = files(&disk);
    assert_refused(&before, &disk, run.image().admin().backup("/used"), expected);
}

#[test]
fn a_backup_newer_than_the_image_is_refused() {
    for more in [1, 60] {
        let disk = SimDisk::new();
        let mut run = begin(&disk, 5);
        run.image().admin().backup("/old").unwrap();
        extend(&mut run, more);
        run.image().admin().backup(COPY).unwrap();
        drop(run);
        let before = files(&disk);
        let restored = Backup::new().run_with(Arc::new(disk.clone()), "/old", COPY);
        assert_refused(&before, &disk, restored, (ErrorKind::NotApplicable, "a newer backup"));
    }
}

#[test]
fn a_damaged_image_or_earlier_backup_is_refused() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 40);
    run.image().admin().backup(COPY).unwrap();
    extend(&mut run, 3);
    let sound = disk.fork();
    for (path, dir) in [(IMAGE, "/new"), (COPY, COPY)] {
        for segment in ["00000001", "00000004"] {
            let disk = sound.fork();
            let path = format!("{path}/journal/{segment}.journal");
            let mut byte = [disk.read(&path).unwrap()[6_000]];
            byte[0] ^= 4;
            disk.write(&path, 6_000, &byte).unwrap();
            let before = files(&disk);
            let error = Backup::new().run_with(Arc::new(disk.clone()), IMAGE, dir).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            if dir == "/new" {
                assert!(changed(&before, &files(&disk)).is_empty(), "{error}");
            }
        }
    }
}

#[test]
fn an_image_in_memory_has_no_backup() {
    let ledger = Image::<Ledger>::in_memory().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let error = ledger.admin().backup(directory.path().join("copy")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotApplicable);
    assert!(error.to_string().contains("in memory"), "{error}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_closed_image_and_a_call_from_inside_are_refused() {
    let disk = SimDisk::new();
    let run = begin(&disk, 5);
    let image = super::image(&run);
    let inside = image.query(|_| image.admin().backup(COPY).unwrap_err().kind()).unwrap();
    assert_eq!(inside, ErrorKind::Reentrant);
    run.close();
    assert_eq!(image.admin().backup(COPY).unwrap_err().kind(), ErrorKind::Closed);
    assert!(!super::exists(&disk, COPY));
    assert_eq!(beside(&disk).unwrap().seq, Seq::new(5));
    drop(disk.open(&Path::new(COPY).join("BACKUP"), Access::Read).unwrap());
}

/// Locks and syncs on a network file system are not reliable. The image may be on one, because it is only read.
#[test]
fn a_network_file_system_is_refused_unless_it_is_allowed() {
    let disk = SimDisk::new();
    begin(&disk, 5).close();
    disk.set_network_filesystem(Some("nfs4"));
    let before = files(&disk);
    assert_refused(
        &before,
        &disk,
        beside(&disk),
        (ErrorKind::NetworkFileSystem, "`/copy` is on a network file system"),
    );
    let disk_of_image: std::sync::Arc<dyn Disk> = Arc::new(disk.clone());
    let options = Run::options(Durability::Synced, 512);
    let image = options.allow_network(true).open_with(disk_of_image, IMAGE).unwrap();
    assert_eq!(image.admin().backup("/of_running").unwrap().seq, Seq::new(5));
    Image::close(image).unwrap();
    assert_eq!(Backup::new().allow_network(true).run_with(Arc::new(disk), IMAGE, COPY).unwrap().seq, Seq::new(5));
}
