//! What is no image, not this program's, or not whole: each a clear error that says what was found, where, and what to
//! do, with nothing changed on disk.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use memimage::disk::{Disk, SimDisk};
use memimage::{Error, Image, Model, Seq, Shape, SnapshotPolicy, Timestamp};
use memimage_tests::{Act, Ask, Files, GateDisk, Ledger, LedgerCommands, LedgerFile, Run, changed, files};
use serde::{Deserialize, Serialize};

/// Another model.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Counter {
    count: u64,
}

#[memimage::commands]
impl Counter {
    #[command]
    fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }
}

fn options() -> memimage::Options<Ledger> {
    let clock = || Timestamp::from_micros(1_000_000);
    Image::options().segment_size(16 << 10).snapshots(SnapshotPolicy::Manual).clock(clock)
}

fn open(disk: impl Disk) -> Result<Image<Ledger>, Error> {
    options().open_with(Arc::new(disk), "/ledger")
}

/// An image of several segments and two snapshots, closed.
fn image() -> SimDisk {
    let disk = SimDisk::new();
    let image = open(disk.clone()).unwrap();
    for round in 0..8 {
        image.deposit(1, 10).unwrap();
        image.file(vec![7; 5_000]).unwrap();
        if round % 3 == 2 {
            image.admin().snapshot().unwrap();
        }
    }
    image.close().unwrap();
    disk.fork()
}

const DEPOSITED: i64 = 80;

fn holds_all(image: &Image<Ledger>) {
    assert_eq!(image.seq(), Seq::new(16));
    assert_eq!(image.query(|ledger| (ledger.accounts[&1], ledger.filed)).unwrap(), (DEPOSITED, 40_000));
}

/// The disk refuses to be opened, says so, and keeps all its files.
fn refused(disk: &SimDisk, is: fn(&Error) -> bool, text: Expect) -> Error {
    let before = files(disk);
    let error = open(disk.clone()).expect_err("it must be refused");
    unchanged(&before, disk);
    assert!(is(&error), "{error}");
    text.assert_eq(&error.to_string());
    error
}

fn unchanged(before: &Files, disk: &SimDisk) {
    assert_eq!(changed(before, &files(disk)), Vec::<std::path::PathBuf>::new());
}

fn remove(disk: &SimDisk, which: impl Fn(&str) -> bool) {
    for path in disk.files().iter().filter(|path| which(&path.to_string_lossy())) {
        disk.remove(path).unwrap();
    }
}

fn put(disk: &SimDisk, path: &str, bytes: &[u8]) {
    disk.create_new(Path::new(path)).unwrap().write_at(bytes, 0).unwrap();
}

#[test]
fn a_mistyped_path_creates_nothing() {
    let disk = SimDisk::new();
    let error = options().create(false).open_with(Arc::new(disk.clone()), "/legder").unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(disk.operations(), 0);
    expect![
        "no image at `/legder`: nothing is there; check the path, or have one made there with `options().create(true)`"
    ]
    .assert_eq(&error.to_string());

    // an empty directory is none either, and is left empty
    disk.create_dir(Path::new("/ledger")).unwrap();
    let error = options().create(false).open_with(Arc::new(disk.clone()), "/ledger").unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(disk.operations(), 1);
}

#[test]
fn a_file_is_no_image() {
    let disk = SimDisk::new();
    put(&disk, "/ledger", b"hello");
    refused(
        &disk,
        Error::is_not_an_image,
        expect![
            "`/ledger` is not an image: it is a file; nothing was changed; give the path of an image, or of a directory that is empty or does not exist yet"
        ],
    );
}

#[test]
fn a_directory_of_other_files_is_no_image() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("/ledger")).unwrap();
    put(&disk, "/ledger/letter.txt", b"hello");
    refused(
        &disk,
        Error::is_not_an_image,
        expect![
            "`/ledger` is not an image: it holds other files and no journal; nothing was changed; give the path of an image, or of a directory that is empty or does not exist yet"
        ],
    );
    assert_eq!(disk.files(), [Path::new("/ledger/letter.txt")], "no lock either");
}

#[test]
fn an_unfinished_creation_is_completed() {
    let whole = SimDisk::new();
    let forks = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&forks);
    whole.observe(move |_, fork| seen.lock().unwrap().push(fork.clone()));
    open(whole.clone()).unwrap().close().unwrap();
    let forks = std::mem::take(&mut *forks.lock().unwrap());
    assert!(forks.len() > 10);
    for disk in forks {
        let image = open(disk.clone()).unwrap();
        image.deposit(1, 2).unwrap();
        image.close().unwrap();
        assert_eq!(open(disk).unwrap().query(|ledger| ledger.accounts[&1]).unwrap(), 2);
    }
}

#[test]
fn snapshots_without_a_journal_are_no_image() {
    let disk = image();
    remove(&disk, |path| path.contains("/journal/"));
    refused(
        &disk,
        Error::is_not_an_image,
        expect![
            "`/ledger` is not an image: it has snapshots but no journal, so events may be missing; nothing was changed; give the path of an image, or of a directory that is empty or does not exist yet"
        ],
    );
}

/// `journal/durable` alone told of events whose segments were gone, and a new image was made in their place.
#[test]
fn all_segments_deleted_is_no_new_image() {
    let disk = image();
    remove(&disk, |path| path.ends_with(".journal") || path.ends_with(".snapshot"));
    refused(
        &disk,
        Error::is_not_an_image,
        expect![
            "`/ledger` is not an image: its `journal/durable` is of an image in use, but there is no segment, so events are missing; nothing was changed; give the path of an image, or of a directory that is empty or does not exist yet"
        ],
    );
}

#[test]
fn an_image_of_another_model_is_refused() {
    let disk = image();
    let before = files(&disk);
    let error = Image::<Counter>::options().open_with(Arc::new(disk.clone()), "/ledger").unwrap_err();
    assert!(error.is_incompatible());
    expect![[r#"the image `/ledger` holds the model `Ledger`, not `Counter`; nothing was changed; open it with its own program, or write `#[model(name = "Ledger")]` if the model was renamed"#]].assert_eq(&error.to_string());
    unchanged(&before, &disk);
}

#[test]
fn a_newer_format_is_refused() {
    let version = |at: u64, what: Expect| {
        let disk = image();
        let path = "/ledger/journal/00000002.journal";
        let mut header = disk.read(path).unwrap()[..4096].to_vec();
        header[at as usize] = 9;
        let crc = crc32c::crc32c(&header[..4092]).to_le_bytes();
        header[4092..].copy_from_slice(&crc);
        disk.write(path, 0, &header).unwrap();
        refused(&disk, Error::is_incompatible, what);
    };
    version(
        8,
        expect![
            "`/ledger/journal/00000002.journal` was written in a format this version of memimage cannot read: its version is 9, this memimage knows 1; use a newer memimage"
        ],
    );
    version(
        24,
        expect![
            "`/ledger/journal/00000002.journal` was written in a format this version of memimage cannot write to: it uses the unknown features 0x9; use a newer memimage"
        ],
    );
    version(
        32,
        expect![
            "`/ledger/journal/00000002.journal` was written in a format this version of memimage cannot read: it uses the unknown features 0x9; use a newer memimage"
        ],
    );
}

#[test]
fn a_missing_segment_is_damage() {
    let disk = image();
    remove(&disk, |path| path.ends_with("00000002.journal"));
    let error = refused(
        &disk,
        Error::is_corrupt,
        expect![
            "the journal of `/ledger/journal/00000002.journal` is damaged in segment 2: its file is missing; nothing was changed; restore the file from a copy"
        ],
    );
    assert_eq!(error.position().unwrap().segment.unwrap().get(), 2);
}

/// The last segments were gone, the one before them was sealed, and the image opened with what was left: events that
/// `durable` and snapshots knew to be synced were lost without a word, and their numbers given to others.
#[test]
fn missing_last_segments_are_damage() {
    let disk = image();
    let segments = disk.files().iter().filter(|path| path.to_string_lossy().ends_with(".journal")).count();
    for kept in 1..segments {
        let number = |path: &str| path.strip_suffix(".journal").and_then(|path| path[path.len() - 8..].parse().ok());
        let cut = disk.fork();
        remove(&cut, |path| number(path).is_some_and(|number: usize| number > kept));
        let by_durable = cut.fork();
        remove(&by_durable, |path| path.ends_with(".snapshot"));
        let by_snapshots = cut.fork();
        remove(&by_snapshots, |path| path.ends_with("/durable"));
        for (by, disk) in [("durable", by_durable), ("snapshots", by_snapshots)] {
            match open(disk.fork()) {
                Ok(image) if image.seq() == Seq::new(16) => {}
                // the last snapshot is older than the last events, so it knows nothing of those
                Ok(image) if by == "snapshots" && image.seq() >= Seq::new(12) => {}
                Ok(image) => panic!("{kept} segments kept: only {} events, in spite of {by}", image.seq()),
                Err(error) => assert!(error.is_corrupt() && error.position().is_some(), "{error}"),
            }
        }
    }
}

#[test]
fn a_damaged_segment_in_the_middle_is_refused() {
    let disk = image();
    remove(&disk, |path| path.ends_with(".snapshot"));
    disk.write("/ledger/journal/00000002.journal", 5_000, b"damage").unwrap();
    let error = refused(
        &disk,
        Error::is_corrupt,
        expect![
            "the journal of `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 4608 where event 4 belongs: a frame is missing or damaged, and a later segment has frames; nothing was changed; restore the file from a copy"
        ],
    );
    let position = error.position().unwrap();
    assert_eq!((position.segment.unwrap().get(), position.offset.is_some(), position.seq.is_some()), (2, true, true));
}

/// `durable` was made anew before the damage was found.
#[test]
fn a_damaged_image_without_durable_is_left_as_it_is() {
    let disk = image();
    remove(&disk, |path| path.ends_with(".snapshot") || path.ends_with("/durable"));
    disk.write("/ledger/journal/00000002.journal", 5_000, b"damage").unwrap();
    let before = files(&disk);
    assert!(open(disk.clone()).unwrap_err().is_corrupt());
    unchanged(&before, &disk);
}

#[test]
fn a_damaged_snapshot_falls_back_and_says_so() {
    let disk = image();
    let snapshots: Vec<_> =
        disk.files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "snapshot")).collect();
    assert_eq!(snapshots.len(), 2);
    disk.write(&snapshots[1], 4_110, b"damage").unwrap();
    let opened = open(disk.fork()).unwrap();
    holds_all(&opened);
    let recovery = opened.stats().recovery;
    assert_eq!(recovery.snapshot, Some(Seq::new(6)), "the one before");
    let [(path, why)] = &recovery.unusable_snapshots[..] else { panic!("{recovery:?}") };
    assert_eq!(path, &snapshots[1]);
    expect!["the snapshot `/ledger/snapshot/00000000000000000012.snapshot` is damaged: the checksum of the chunk before byte 4121 is wrong"].assert_eq(why);

    disk.truncate(&snapshots[0], 10).unwrap();
    let opened = open(disk).unwrap();
    holds_all(&opened);
    assert_eq!((opened.stats().recovery.snapshot, opened.stats().recovery.replayed), (None, 16));
}

#[test]
fn without_snapshots_all_is_replayed() {
    let disk = image();
    remove(&disk, |path| path.ends_with(".snapshot"));
    let opened = open(disk).unwrap();
    holds_all(&opened);
    assert_eq!(opened.stats().recovery.replayed, 16);
}

#[test]
fn a_payload_over_the_cap_is_refused() {
    let disk = SimDisk::new();
    let image = options().max_record(1_000).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    image.file(vec![1; 900]).unwrap();
    let error = image.file(vec![1; 1_000]).unwrap_err();
    assert!(error.is_too_large());
    expect!["the command `file` is too large: its record takes 1009 bytes and 1000 are allowed; nothing was recorded; split it, or raise `options().max_record`"].assert_eq(&error.to_string());
    assert_eq!((image.seq(), image.read().unwrap().filed), (Seq::new(1), 900));
    image.file(vec![1; 10]).unwrap();
    image.close().unwrap();
    assert_eq!(open(disk).unwrap().query(|ledger| ledger.filed).unwrap(), 910);
}

/// The next segment cannot be made: nothing is accepted, nothing is lost, and it works again once there is room.
#[test]
fn a_full_disk_can_be_tried_again() {
    let sim = SimDisk::new();
    for act in [Act::CreateNew, Act::Write, Act::SyncAll] {
        let disk = GateDisk::new(sim.clone());
        let image = open(disk.clone()).unwrap();
        while sim.kind(Path::new("/ledger/journal/00000002.journal")).unwrap().is_none() {
            std::thread::yield_now(); // it is made in the background
        }
        disk.fail(act, ".journal.tmp", ErrorKind::StorageFull);
        let mut accepted = image.seq();
        let error = loop {
            match image.submit(LedgerFile { bytes: vec![3; 2_000] }) {
                Ok(pending) => drop(pending.wait().unwrap()),
                Err(error) => break error,
            }
            accepted = accepted.next();
        };
        assert!(error.is_storage_full() && !error.is_poisoned(), "{error}");
        if act == Act::CreateNew {
            expect!["the disk is full: creating `/ledger/journal/00000003.journal.tmp` failed (no storage space); nothing was accepted and nothing is lost; free some space and try again"].assert_eq(&error.to_string());
        }
        assert_eq!(image.seq(), accepted);
        assert!(image.file(vec![3; 2_000]).unwrap_err().is_storage_full(), "still");
        assert_eq!(image.query(|ledger| ledger.filed).unwrap(), 2_000 * accepted.get());

        // killed now, it opens, though there still is no room
        let fork = GateDisk::new(sim.fork());
        fork.fail(act, ".journal.tmp", ErrorKind::StorageFull);
        assert_eq!(open(fork).unwrap().seq(), accepted);

        disk.calm();
        image.file(vec![3; 2_000]).unwrap();
        image.close().unwrap();
        assert_eq!(open(sim.clone()).unwrap().seq(), accepted.next());
    }
}

/// There is no room for the copy of a torn write: nothing is cleared, and nothing else is changed.
#[test]
fn a_full_disk_leaves_a_torn_write_where_it_is() {
    let sim = SimDisk::new();
    let image = open(sim.clone()).unwrap();
    image.file(vec![]).unwrap();
    let torn = sim.fork();
    image.file(vec![9; 2_000]).unwrap();
    let bytes = sim.read("/ledger/journal/00000001.journal").unwrap();
    let old = torn.read("/ledger/journal/00000001.journal").unwrap();
    let at = (0..bytes.len()).find(|&at| bytes[at] != old[at]).unwrap() / 512 * 512;
    // its first sector only
    torn.write("/ledger/journal/00000001.journal", at as u64, &bytes[at..at + 512]).unwrap();
    let files_before = files(&torn);
    let disk = GateDisk::new(torn.clone());
    disk.rule(|call| match call.path.to_string_lossy().contains("quarantine") && call.act == Act::Write {
        true => Err(ErrorKind::StorageFull.into()),
        false => Ok(None),
    });
    let error = open(disk.clone()).unwrap_err();
    assert!(error.is_storage_full(), "{error}");
    unchanged(&files_before, &torn);
    disk.calm();
    let opened = open(disk).unwrap();
    assert!(opened.stats().recovery.quarantined.is_some());
    assert_eq!(opened.seq(), Seq::new(1));
}

/// Files that cannot be read or written are named, and nothing is changed.
#[test]
fn unreadable_and_unwritable_files_are_named() {
    let sim = image();
    for (act, ending) in [
        (Act::Open, "00000001.journal"),
        (Act::Open, "durable"),
        (Act::Read, "00000001.journal"),
        (Act::List, "/journal"),
        (Act::Lock, "LOCK"),
    ] {
        let disk = GateDisk::new(sim.clone());
        disk.fail(act, ending, ErrorKind::PermissionDenied);
        let before = files(&sim);
        let error = open(disk).expect_err(ending);
        assert!(error.is_io() && error.to_string().contains(ending), "{error}");
        unchanged(&before, &sim);
    }
}

/// On the real file system, unless the one who tests may write everywhere.
#[test]
fn an_unwritable_directory_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(dir.path().join("probe"), b"").is_ok() {
        return; // root may
    }
    let error = options().open(dir.path().join("ledger")).unwrap_err();
    assert!(error.is_io(), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_second_owner_is_refused_by_name() {
    let disk = SimDisk::new();
    let first = open(disk.clone()).unwrap();
    let error = open(disk.clone()).unwrap_err();
    assert!(error.is_locked());
    let owner = format!("pid {} (bad_input", std::process::id());
    assert!(error.to_string().contains(&owner), "{error}");
    first.deposit(1, 1).unwrap();
    first.close().unwrap();
    open(disk).unwrap();
}

/// All of the above leave the ledger's own tests something to stand on.
#[test]
fn the_image_is_whole() {
    holds_all(&open(image()).unwrap());
    let run = Run::open(SimDisk::new(), memimage::Durability::Synced, 512, Vec::new(), Seq::ZERO);
    run.unwrap().ask(&Ask::Deposit(1, 1));
}
