//! Bad input: whatever stands at an image's path, each refusal says what happened, where and what to do, and leaves all
//! files as they were.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use expect_test::{Expect, expect};
use memimage::disk::{Disk, SimDisk, Unsynced};
use memimage::{Durability, Error, ErrorKind, Image, Model, Options, Shape, SnapshotPolicy, digest};
use memimage_tests::{Act, GateDisk, Ledger, LedgerCommands, LedgerDeposit, LedgerFile, Run, changed, files};
use serde::{Deserialize, Serialize};

const ROOT: &str = "/ledger";

fn options() -> Options<Ledger> {
    Run::options(Durability::Synced, 512)
}

fn open(disk: &impl DiskClone) -> Result<Image<Ledger>, Error> {
    options().open_with(disk.shared(), ROOT)
}

/// A disk that can be handed out.
trait DiskClone {
    fn shared(&self) -> Arc<dyn Disk>;
}

impl DiskClone for SimDisk {
    fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }
}

impl DiskClone for GateDisk {
    fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }
}

/// Opens, is refused, and makes sure that no file was changed.
fn refused(disk: &SimDisk) -> Error {
    refused_through(disk, disk, options())
}

fn refused_through<M: Model>(disk: &SimDisk, through: &impl DiskClone, options: Options<M>) -> Error {
    let before = files(disk);
    let error = options.open_with(through.shared(), ROOT).expect_err("it is refused");
    assert_eq!(changed(&before, &files(disk)), [] as [PathBuf; 0], "{error}");
    error
}

/// As [`refused`], before anything at all was done to the disk: no directory is made, nothing synced, nothing locked.
fn refused_untouched<M: Model>(disk: &SimDisk, options: Options<M>) -> Error {
    let before = (disk.operations(), disk.files());
    let error = refused_through(disk, disk, options);
    assert_eq!((disk.operations(), disk.files()), before, "{error}");
    error
}

fn check(error: &Error, text: Expect) {
    text.assert_eq(&error.to_string());
}

fn put(disk: &SimDisk, path: &str, bytes: &[u8]) {
    let (path, mut above) = (Path::new(path), PathBuf::from("/"));
    for part in path.parent().unwrap().components().skip(1) {
        above.push(part);
        if disk.kind(&above).unwrap().is_none() {
            disk.create_dir(&above).unwrap();
        }
    }
    disk.create_new(path).unwrap().write_at(bytes, 0).unwrap();
}

fn replace(disk: &SimDisk, path: &str, bytes: &[u8]) {
    disk.truncate(path, bytes.len() as u64).unwrap();
    disk.write(path, 0, bytes).unwrap();
}

fn remove(disk: &SimDisk, path: &str) {
    disk.remove(Path::new(path)).unwrap();
}

fn segment(number: usize) -> String {
    format!("{ROOT}/journal/{number:08}.journal")
}

fn snapshot(seq: u64) -> String {
    format!("{ROOT}/snapshot/{seq:020}.snapshot")
}

fn state(image: &Image<Ledger>) -> u64 {
    digest(&*image.read_uncommitted().unwrap()).unwrap().to_u64()
}

/// A closed image of `events` events, which fill a segment every seven or so, with snapshots after some of them.
fn ledger(events: u64, snapshots: &[u64]) -> (SimDisk, u64) {
    let disk = SimDisk::new();
    let image = open(&disk).unwrap();
    for event in 1..=events {
        image.file(vec![event as u8; 1_000]).unwrap();
        if snapshots.contains(&event) {
            image.admin().snapshot().unwrap();
        }
    }
    let state = state(&image);
    Image::close(image).unwrap();
    (disk, state)
}

/// Opens what was refused before, or was damaged, once it is whole: nothing is lost, and it goes on.
fn is_well(disk: &SimDisk, seq: u64, expected: u64) {
    let image = open(disk).unwrap();
    assert_eq!((image.journal().seq().get(), state(&image)), (seq, expected));
    image.deposit(1, 1).unwrap();
    Image::close(image).unwrap();
}

/// Where the frames of a segment are.
fn frames(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut at, mut frames) = (4096, Vec::new());
    while at + 80 <= bytes.len() && bytes[at..].starts_with(b"MIfr") {
        let len =
            usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]])) + number(bytes, at + 56, 4) as usize + 8;
        frames.push((at, len));
        at = (at + len).next_multiple_of(1 << bytes[at + 66]);
    }
    frames
}

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    let mut word = [0; 8];
    word[..len].copy_from_slice(&bytes[at..at + len]);
    u64::from_le_bytes(word)
}

/// Changes a byte of a segment's header, as a later version would have written it.
fn patch_header(disk: &SimDisk, path: &str, at: usize, byte: u8) {
    let mut header = disk.read(path).unwrap()[..4096].to_vec();
    header[at] = byte;
    let crc = crc32c::crc32c(&header[..4092]);
    header[4092..].copy_from_slice(&crc.to_le_bytes());
    disk.write(path, 0, &header).unwrap();
}

/// Changes bytes of a frame's header, as a later version would have written them.
fn patch_frame(disk: &SimDisk, number: usize, (at, len): (usize, usize), changes: &[(usize, u8)]) {
    let bytes = disk.read(segment(number)).unwrap();
    let seed = crc32c::crc32c_append(crc32c::crc32c(&bytes[40..56]), &(number as u64).to_le_bytes());
    let mut frame = bytes[at..at + len].to_vec();
    for &(at, byte) in changes {
        frame[at] = byte;
    }
    let crc = crc32c::crc32c_append(seed, &frame[..76]);
    frame[76..80].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32c::crc32c_append(seed, &frame[..len - 8]);
    frame[len - 4..].copy_from_slice(&crc.to_le_bytes());
    disk.write(segment(number), at as u64, &frame).unwrap();
}

// ---- paths that are no image

#[test]
fn a_mistyped_path_is_not_created() {
    let disk = SimDisk::new();
    let error = refused_untouched(&disk, options().create(false));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    check(
        &error,
        expect![
            "no image at `/ledger`: nothing is there; check the path, or have one made there with `options().create(true)`"
        ],
    );
    assert_eq!(disk.kind(Path::new(ROOT)).unwrap(), None);

    // nor is anything put into an empty directory
    disk.create_dir(Path::new(ROOT)).unwrap();
    assert_eq!(refused_untouched(&disk, options().create(false)).kind(), ErrorKind::NotFound);

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledgr");
    assert_eq!(options().create(false).open(&path).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!path.exists());
    let error = options().open(path.join("below")).unwrap_err();
    assert!(error.is_io());
    expect!["creating `DIR/ledgr/below` failed: No such file or directory (os error 2); check the path, or make the directory above it first"].assert_eq(&error.to_string().replace(dir.path().to_str().unwrap(), "DIR"));
    assert!(!path.exists());
}

#[test]
fn a_file_is_no_image() {
    let disk = SimDisk::new();
    put(&disk, ROOT, b"dear diary");
    let mut texts = Vec::new();
    for create in [true, false] {
        let error = refused_untouched(&disk, options().create(create));
        assert_eq!(error.kind(), ErrorKind::NotAnImage);
        texts.push(error.to_string());
    }
    assert_eq!(texts[0], texts[1]);
    expect!["`/ledger` is not an image: it is a file; nothing was changed; give the path of an image, or of a directory that is empty or does not exist yet"].assert_eq(&texts[0]);
}

#[test]
fn a_directory_with_other_files_is_no_image() {
    for other in [
        "photo.jpg",
        "README",
        "journal/diary.txt",
        "journal/diary.txt.tmp",
        "journal/2026/may.txt",
        "snapshot/holiday.jpg",
        "quarantine/patient.txt",
        "LOCK/key",
        "photos/1.tmp",
    ] {
        let disk = SimDisk::new();
        put(&disk, &format!("{ROOT}/{other}"), b"mine");
        for create in [true, false] {
            let before = (disk.operations(), disk.files());
            let opened = options().create(create).open_with(disk.shared(), ROOT);
            let Err(error) = opened else { panic!("an image was made beside {other}") };
            assert!(
                error.kind() == ErrorKind::NotAnImage || (!create && error.kind() == ErrorKind::NotFound),
                "{other}: {error}"
            );
            assert_eq!((disk.operations(), disk.files()), before, "{other}: {error}");
        }
    }
    let disk = SimDisk::new();
    put(&disk, &format!("{ROOT}/photo.jpg"), b"mine");
    check(
        &refused_untouched(&disk, options()),
        expect![
            "`/ledger` is not an image: it holds other files and no journal; nothing was changed; give the path of an image, or of a directory that is empty or does not exist yet"
        ],
    );
}

#[test]
fn a_journal_that_is_a_file_is_no_image() {
    let disk = SimDisk::new();
    put(&disk, &format!("{ROOT}/journal"), b"mine");
    let error = refused_untouched(&disk, options());
    assert_eq!(error.kind(), ErrorKind::NotAnImage, "{error}");
    check(
        &error,
        expect![
            "`/ledger` is not an image: its `journal` is a file, where an image has a directory; nothing was changed; give the path of an image, or of a directory that is empty or does not exist yet"
        ],
    );
}

#[test]
fn an_unfinished_creation_is_completed() {
    let disk = SimDisk::new();
    let (forks, observed) = mpsc::channel();
    disk.observe(move |_, fork| _ = forks.send(fork.clone()));
    Image::close(open(&disk).unwrap()).unwrap();
    drop(disk);
    let mut unfinished = 0;
    for fork in observed {
        for left in [fork.fork(), fork.crash(|_| false), fork.crash(|_| true)] {
            let begun = left.kind(Path::new(&segment(1))).unwrap().is_some();
            if !begun {
                unfinished += 1;
                assert_eq!(refused_untouched(&left, options().create(false)).kind(), ErrorKind::NotFound);
            }
            let image = open(&left).unwrap();
            assert_eq!(image.journal().seq().get(), 0);
            assert_eq!(image.admin().stats().recovery.created, !begun);
            image.deposit(1, 1).unwrap();
            Image::close(image).unwrap();
            assert!(left.files().iter().all(|path| !path.to_string_lossy().ends_with(".tmp")));
            assert_eq!(open(&left).unwrap().deposit(1, 1).unwrap(), 2);
        }
    }
    assert!(unfinished > 10, "{unfinished}");
}

#[test]
fn snapshots_without_a_journal_are_not_begun_anew() {
    let (disk, _) = ledger(20, &[10]);
    for path in disk.files().iter().filter(|path| path.starts_with(format!("{ROOT}/journal"))) {
        disk.remove(path).unwrap();
    }
    let mut texts = Vec::new();
    for create in [true, false] {
        let error = refused_untouched(&disk, options().create(create));
        assert_eq!(error.kind(), ErrorKind::NotAnImage);
        texts.push(error.to_string());
    }
    assert_eq!(texts[0], texts[1]);
    expect!["`/ledger` is not an image: it has snapshots but no journal, so events may be missing; nothing was changed; restore its `journal` from a copy, or move what is there away to begin anew"].assert_eq(&texts[0]);
}

#[test]
fn a_journal_that_lost_all_its_segments_is_not_begun_anew() {
    let (disk, _) = ledger(20, &[]);
    for path in disk.files().iter().filter(|path| path.to_string_lossy().ends_with(".journal")) {
        disk.remove(path).unwrap();
    }
    let error = refused_untouched(&disk, options());
    assert_eq!(error.kind(), ErrorKind::NotAnImage);
    check(
        &error,
        expect![
            "`/ledger` is not an image: its segments are missing, and `journal/durable` is of an image in use; nothing was changed; restore its `journal` from a copy, or move what is there away to begin anew"
        ],
    );
}

#[test]
fn a_network_file_system_is_refused() {
    let disk = SimDisk::new();
    disk.set_network_filesystem(Some("nfs4"));
    check(
        &refused_untouched(&disk, options()),
        expect![
            "`/ledger` is on a network file system (nfs4), whose locks and syncs cannot be trusted; move the image to a local disk, or take the risk with `options().allow_network(true)`"
        ],
    );
    let (disk, state) = ledger(3, &[]);
    disk.set_network_filesystem(Some("nfs4"));
    remove(&disk, &format!("{ROOT}/LOCK"));
    refused_untouched(&disk, options());
    Image::close(options().allow_network(true).open_with(disk.shared(), ROOT).unwrap()).unwrap();
    disk.set_network_filesystem(None);
    is_well(&disk, 3, state);
}

// ---- images of others

#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "shop")]
struct Shop {
    sold: u64,
}

#[memimage::commands]
impl Shop {
    #[command]
    fn sell(&mut self) -> u64 {
        self.sold += 1;
        self.sold
    }
}

#[test]
fn an_image_of_another_model_is_refused() {
    let (disk, state) = ledger(20, &[10]);
    let error = refused_through(&disk, &disk, Image::<Shop>::options());
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    check(
        &error,
        expect![[
            r#"the image `/ledger` holds the model `Ledger`, not `shop`; nothing was changed; open it with its own program, or write `#[model(name = "Ledger")]` if the model was renamed"#
        ]],
    );
    is_well(&disk, 20, state);

    let shop = SimDisk::new();
    Image::<Shop>::options().open_with(shop.shared(), ROOT).unwrap().sell().unwrap();
    check(
        &refused(&shop),
        expect![[
            r#"the image `/ledger` holds the model `shop`, not `Ledger`; nothing was changed; open it with its own program, or write `#[model(name = "shop")]` if the model was renamed"#
        ]],
    );
}

#[test]
fn a_newer_format_is_refused() {
    let (whole, _) = ledger(20, &[]);
    let words =
        [(8, "version"), (24, "read-only-compatible"), (32, "incompatible"), (144, "checksum"), (145, "cipher")];
    let mut texts = String::new();
    for number in [1, 2] {
        for (at, word) in words {
            let disk = whole.fork();
            patch_header(&disk, &segment(number), at, 4);
            let error = refused(&disk);
            assert!(error.kind() == ErrorKind::Incompatible, "{word}: {error}");
            if number == 2 {
                texts += &format!("{word}: {error}\n");
            }
        }
    }
    expect![[r#"
        version: `/ledger/journal/00000002.journal` was written in a format this version of memimage cannot read: its version is 4, this memimage knows 1; nothing was changed; use a newer memimage
        read-only-compatible: `/ledger/journal/00000002.journal` was written in a format this version of memimage cannot write to: it uses the unknown features 0x4; nothing was changed; use a newer memimage
        incompatible: `/ledger/journal/00000002.journal` was written in a format this version of memimage cannot read: it uses the unknown features 0x4; nothing was changed; use a newer memimage
        checksum: `/ledger/journal/00000002.journal` was written in a format this version of memimage cannot read: its checksum is the unknown kind 4; nothing was changed; use a newer memimage
        cipher: `/ledger/journal/00000002.journal` was written in a format this version of memimage cannot read: it uses the unknown cipher 4, compression 0 or chain 0; nothing was changed; use a newer memimage
    "#]].assert_eq(&texts);

    // a compatible feature is none of our business
    let disk = whole.fork();
    patch_header(&disk, &segment(2), 16, 2);
    open(&disk).unwrap();
}

#[test]
fn a_frame_of_a_newer_format_is_refused() {
    let (whole, state) = ledger(4, &[]);
    let last = *frames(&whole.read(segment(1)).unwrap()).last().unwrap();
    let mut texts = String::new();
    for (what, change) in [("kind", (6, 99)), ("cipher", (64, 2)), ("compression", (65, 1))] {
        let disk = whole.fork();
        patch_frame(&disk, 1, last, &[change]);
        let error = refused(&disk);
        assert!(error.kind() == ErrorKind::Incompatible, "{what}: {error}");
        texts += &format!("{what}: {error}\n");
    }
    expect![[r#"
        kind: `/ledger/journal/00000001.journal` was written in a format this version of memimage cannot read: at byte 10240 a frame is of the unknown kind 99; nothing was changed; use a newer memimage
        cipher: `/ledger/journal/00000001.journal` was written in a format this version of memimage cannot read: at byte 10240 a frame is encrypted by the unknown cipher 2; nothing was changed; use a newer memimage
        compression: `/ledger/journal/00000001.journal` was written in a format this version of memimage cannot read: at byte 10240 a frame is compressed by the unknown method 1; nothing was changed; use a newer memimage
    "#]].assert_eq(&texts);

    // one that may be passed over is
    let image = open(&whole).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    remove(&whole, &snapshot(4));
    let last = *frames(&whole.read(segment(1)).unwrap()).last().unwrap();
    assert_eq!(whole.read(segment(1)).unwrap()[last.0 + 6], 4, "the digest that the snapshot left");
    patch_frame(&whole, 1, last, &[(6, 99)]);
    is_well(&whole, 4, state);
}

#[test]
fn a_second_owner_is_refused() {
    let disk = SimDisk::new();
    let image = open(&disk).unwrap();
    image.deposit(1, 1).unwrap();
    // made in the background, and then nothing changes any more
    memimage_tests::until("the next segment is there", || disk.read(segment(2)).is_ok());
    let before = (files(&disk), disk.read(format!("{ROOT}/LOCK")).unwrap());
    let error = open(&disk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let pid = std::process::id().to_string();
    let text = error.to_string().replace(&pid, "PID");
    let program = text.split_once("PID (").unwrap().1.split_once(')').unwrap().0.to_owned();
    expect![
        "the image `/ledger` is in use by pid PID (PROGRAM); an image has one owner at a time: close it there first (never delete its `LOCK`: that would let two owners in, and it is free anyway once its process has ended)"
    ]
    .assert_eq(&text.replace(&program, "PROGRAM"));
    assert!((files(&disk), disk.read(format!("{ROOT}/LOCK")).unwrap()) == before, "something was changed");
    image.deposit(1, 1).unwrap();
    Image::close(image).unwrap();
    assert_eq!(open(&disk).unwrap().deposit(1, 1).unwrap(), 3);
}

/// The test runs itself as the second process.
#[test]
fn a_second_process_is_refused() {
    const SECOND: &str = "MEMIMAGE_TEST_SECOND_PROCESS";
    if let Some(path) = std::env::var_os(SECOND) {
        let error = options().open(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        println!("refused: {error}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let image = options().open(dir.path()).unwrap();
    image.deposit(1, 1).unwrap();
    let second = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_second_process_is_refused", "--nocapture"])
        .env(SECOND, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stdout);
    assert!(second.status.success(), "{said}");
    let owner = format!("is in use by pid {} (", std::process::id());
    assert!(said.contains("refused: ") && said.contains(&owner), "{said}");
    assert_eq!(image.deposit(1, 1).unwrap(), 2);
}

// ---- files that cannot be read or written

#[test]
fn unreadable_files_are_named() {
    let (disk, state) = ledger(20, &[10, 16]);
    let gate = GateDisk::new(disk.clone());
    let mut texts = String::new();
    for (act, ending) in [
        (Act::List, ROOT),
        (Act::List, "/journal"),
        (Act::List, "/snapshot"),
        (Act::Lock, "LOCK"),
        (Act::Open, "00000001.journal"),
        (Act::Read, "00000001.journal"),
        (Act::Open, "00000003.journal"),
        (Act::Read, "00000003.journal"),
        (Act::Open, "durable"),
        (Act::Read, "durable"),
    ] {
        gate.fail(act, ending, io::ErrorKind::PermissionDenied);
        let error = refused_through(&disk, &gate, options());
        assert!(error.is_io() && error.kind() != ErrorKind::Corrupt, "{error}");
        texts += &format!("{error}\n");
    }
    expect![[r#"
        listing `/ledger` failed: permission denied; let this process's user read and write the image's directory and files
        listing `/ledger/journal` failed: permission denied; let this process's user read and write the image's directory and files
        listing `/ledger/snapshot` failed: permission denied; let this process's user read and write the image's directory and files
        locking `/ledger/LOCK` failed: permission denied; let this process's user read and write the image's directory and files
        opening `/ledger/journal/00000001.journal` failed: permission denied; let this process's user read and write the image's directory and files
        reading `/ledger/journal/00000001.journal` failed: permission denied; let this process's user read and write the image's directory and files
        opening `/ledger/journal/00000003.journal` failed: permission denied; let this process's user read and write the image's directory and files
        reading `/ledger/journal/00000003.journal` failed: permission denied; let this process's user read and write the image's directory and files
        opening `/ledger/journal/durable` failed: permission denied; let this process's user read and write the image's directory and files
        reading `/ledger/journal/durable` failed: permission denied; let this process's user read and write the image's directory and files
    "#]].assert_eq(&texts);
    is_well(&disk, 20, state);
}

/// A snapshot is a cache: one that cannot be read costs time, and is reported.
#[test]
fn an_unreadable_snapshot_is_passed_over() {
    let (disk, _) = ledger(20, &[10, 16]);
    for act in [Act::Open, Act::Read] {
        let gate = GateDisk::new(disk.fork());
        gate.fail(act, "16.snapshot", io::ErrorKind::PermissionDenied);
        let image = options().open_with(gate.shared(), ROOT).unwrap();
        let recovery = image.admin().stats().recovery;
        assert_eq!((image.journal().seq(), recovery.snapshot), (memimage::Seq::new(20), Some(memimage::Seq::new(10))));
        assert_eq!(recovery.unusable_snapshots.len(), 1);
        assert!(recovery.unusable_snapshots[0].1.contains("permission denied"));
    }
}

#[test]
fn unwritable_files_are_named() {
    let (disk, state) = ledger(20, &[10]);
    let gate = GateDisk::new(disk.clone());
    let mut texts = String::new();
    for (act, ending) in [
        (Act::Write, "durable"),
        (Act::SyncData, "durable"),
        (Act::SyncData, ".journal"),
        (Act::SyncDir, ROOT),
        (Act::SyncDir, "/journal"),
    ] {
        gate.fail(act, ending, io::ErrorKind::ReadOnlyFilesystem);
        let error = open(&gate).unwrap_err();
        assert!(error.is_io(), "{error}");
        texts += &format!("{error}\n");
    }
    expect![[r#"
        writing `/ledger/journal/durable` failed: read-only filesystem or storage medium; an image needs a file system that can be written to
        syncing `/ledger/journal/durable` failed: read-only filesystem or storage medium; an image needs a file system that can be written to
        syncing `/ledger/journal/00000003.journal` failed: read-only filesystem or storage medium; an image needs a file system that can be written to
        syncing `/ledger` failed: read-only filesystem or storage medium; an image needs a file system that can be written to
        syncing `/ledger/journal` failed: read-only filesystem or storage medium; an image needs a file system that can be written to
    "#]].assert_eq(&texts);
    is_well(&disk, 20, state);
}

// ---- a full disk

/// Leaves no room for a new file.
fn fill(gate: &GateDisk) {
    gate.rule(|call| match call.act {
        Act::CreateNew | Act::CreateDir => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(None),
    });
}

#[test]
fn without_room_for_the_next_segment_nothing_is_accepted() {
    let (disk, _) = ledger(2, &[]);
    let gate = GateDisk::new(disk.clone());
    let image = open(&gate).unwrap();
    for (act, kind) in [
        (Act::CreateNew, io::ErrorKind::StorageFull),
        (Act::Write, io::ErrorKind::StorageFull),
        (Act::Write, io::ErrorKind::QuotaExceeded),
        (Act::SyncAll, io::ErrorKind::StorageFull),
    ] {
        gate.fail(act, ".journal.tmp", kind);
        // what stands ready is filled first
        let mut accepted = 0;
        let error = loop {
            let before = (image.journal().seq(), state(&image));
            match image.submit(LedgerFile { bytes: vec![7; 1_000] }) {
                Ok(pending) => _ = pending.wait().unwrap(),
                Err(error) => {
                    assert_eq!((image.journal().seq(), state(&image)), before);
                    break error;
                }
            }
            accepted += 1;
            assert!(accepted < 40);
        };
        assert!(error.kind() == ErrorKind::StorageFull && error.is_io() && !error.is_poisoned(), "{error}");
        if act == Act::CreateNew {
            check(
                &error,
                expect![
                    "the disk is full: creating `/ledger/journal/00000003.journal.tmp` failed (no storage space); free some space and try again"
                ],
            );
        }
        // again and again, in each way to ask
        let before = (image.journal().seq(), state(&image));
        assert_eq!(image.file(vec![7; 1_000]).unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(image.file(vec![7; 40_000]).unwrap_err().kind(), ErrorKind::StorageFull);
        let busy = image.try_submit(LedgerFile { bytes: vec![7; 1_000] }).map(drop).unwrap_err();
        assert!(busy.kind() == ErrorKind::StorageFull || busy.kind() == ErrorKind::Busy, "{busy}");
        assert_eq!((image.journal().seq(), state(&image)), before);
        image.journal().sync().unwrap();

        gate.calm();
        image.file(vec![7; 1_000]).unwrap();
    }
    let (seq, state) = (image.journal().seq().get(), state(&image));
    Image::close(image).unwrap();
    is_well(&disk, seq, state);
}

#[test]
fn an_image_opens_on_a_full_disk() {
    // as it was closed, and as a kill or a power cut left it while the next segment was made
    let (disk, state_before) = ledger(20, &[10]);
    let running = open(&disk).unwrap();
    for left in [disk.fork(), disk.crash(|_| false)] {
        let gate = GateDisk::new(left.clone());
        fill(&gate);
        let image = open(&gate).unwrap();
        assert_eq!((image.journal().seq().get(), state(&image)), (20, state_before));
        let mut accepted = 0;
        let error = loop {
            match image.file(vec![7; 1_000]) {
                Ok(_) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert!(error.kind() == ErrorKind::StorageFull && accepted < 20, "{error}");
        let after = state(&image);
        Image::close(image).unwrap();
        // still full, and now without a segment that stands ready
        let image = open(&gate).unwrap();
        assert_eq!((image.journal().seq().get(), state(&image)), (20 + accepted, after));
        Image::close(image).unwrap();
        is_well(&left, 20 + accepted, after);
    }
    drop(running);
}

/// `journal/durable` only adds certainty, and may be deleted.
#[test]
fn an_image_without_its_durable_block_opens() {
    let (disk, state) = ledger(20, &[10]);
    remove(&disk, &format!("{ROOT}/journal/durable"));
    is_well(&disk, 20, state);
}

#[test]
fn a_creation_on_a_full_disk_is_completed_later() {
    for nth in 0.. {
        let disk = SimDisk::new();
        let gate = GateDisk::new(disk.clone());
        let calls = AtomicUsize::new(0);
        gate.rule(move |call| {
            let takes_space = matches!(
                call.act,
                Act::CreateNew
                    | Act::CreateDir
                    | Act::Rename
                    | Act::Write
                    | Act::SyncData
                    | Act::SyncAll
                    | Act::SyncDir
            );
            // the next segment is made on the side, and is not needed
            if call.path.to_string_lossy().contains("00000002.journal") || !takes_space {
                return Ok(None);
            }
            let now = calls.fetch_add(1, Ordering::Relaxed);
            if now == nth { Err(io::ErrorKind::StorageFull.into()) } else { Ok(None) }
        });
        match open(&gate) {
            Ok(image) if image.deposit(1, 1).is_ok() => {
                assert!(nth > 10, "{nth}");
                return;
            }
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::StorageFull, "call {nth}: {error}"),
        }
        gate.calm();
        for left in [disk.crash(|_| false), disk] {
            let image = open(&left).unwrap_or_else(|error| panic!("call {nth}: {error}"));
            image.deposit(1, 1).unwrap();
            Image::close(image).unwrap();
        }
    }
}

#[test]
fn a_snapshot_on_a_full_disk_leaves_the_image_running() {
    let (disk, _) = ledger(20, &[10]);
    let gate = GateDisk::new(disk.clone());
    let image = open(&gate).unwrap();
    for (act, ending) in [
        (Act::CreateNew, ".snapshot.tmp"),
        (Act::Write, ".snapshot.tmp"),
        (Act::SyncData, ".snapshot.tmp"),
        (Act::SyncAll, ".snapshot.tmp"),
        (Act::Rename, ".snapshot"),
    ] {
        gate.fail(act, ending, io::ErrorKind::StorageFull);
        let error = image.admin().snapshot().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        if act == Act::Write {
            check(
                &error,
                expect![
                    "the disk is full: writing `/ledger/snapshot/00000000000000000021.snapshot.tmp` failed (no storage space); free some space and try again"
                ],
            );
        }
        image.deposit(1, 1).unwrap();
        let left = disk.files().into_iter().filter(|path| path.starts_with(format!("{ROOT}/snapshot")));
        assert_eq!(left.collect::<Vec<_>>(), [PathBuf::from(snapshot(10))]);
    }
    gate.calm();
    assert_eq!(image.admin().snapshot().unwrap().seq, image.journal().seq());
    let (seq, state) = (image.journal().seq().get(), state(&image));
    Image::close(image).unwrap();
    is_well(&disk, seq, state);
}

// ---- commands

#[test]
fn a_payload_over_the_cap_is_refused() {
    let disk = SimDisk::new();
    let image = options().record_bytes_max(1_000).open_with(disk.shared(), ROOT).unwrap();
    for deposits in 1..4 {
        let before = state(&image);
        let error = image.file(vec![7; 1_000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RecordTooLarge);
        if deposits == 1 {
            check(
                &error,
                expect![
                    "the command `file` is too large: its record takes 1011 bytes and 1000 are allowed; nothing was recorded; split it, or raise `options().max_record`"
                ],
            );
        }
        assert_eq!(
            image.submit(LedgerFile { bytes: vec![7; 100_000] }).map(drop).unwrap_err().kind(),
            ErrorKind::RecordTooLarge
        );
        assert_eq!(
            image.try_submit(LedgerFile { bytes: vec![7; 100_000] }).map(drop).unwrap_err().kind(),
            ErrorKind::RecordTooLarge
        );
        assert_eq!(state(&image), before);
        // not even a batch that is open meanwhile is harmed
        let pending = image.submit(LedgerDeposit { account: 1, amount: 1 }).unwrap();
        assert_eq!(image.file(vec![7; 1_000]).unwrap_err().kind(), ErrorKind::RecordTooLarge);
        assert_eq!(pending.wait().unwrap(), deposits);
        image.file(vec![7; 900]).unwrap();
    }
    let state = state(&image);
    Image::close(image).unwrap();
    // the cap is for what is recorded from now on, not for what was
    let image = options().record_bytes_max(10).open_with(disk.shared(), ROOT).unwrap();
    assert_eq!(image.file(vec![7; 900]).unwrap_err().kind(), ErrorKind::RecordTooLarge);
    Image::close(image).unwrap();
    is_well(&disk, 6, state);
}

#[test]
fn options_out_of_their_range_are_refused() {
    let disk = SimDisk::new();
    let mut texts = String::new();
    for options in [
        options().segment_bytes(8 << 10),
        options().segment_bytes((16 << 10) + 1),
        options().segment_bytes(2 << 30),
        options().segment_bytes(0),
        options().align_bytes(0),
        options().align_bytes(1024),
        options().batch_bytes(0),
        options().batch_bytes((1 << 30) + 1),
        options().pending_batches_max(0),
        options().record_bytes_max(0),
        options().record_bytes_max((1 << 30) + 1),
    ] {
        texts += &format!("{}\n", refused_untouched(&disk, options));
    }
    expect![[r#"
        the option segment_size cannot be 8192: it must be a multiple of 4096 from 16 KiB to 1 GiB
        the option segment_size cannot be 16385: it must be a multiple of 4096 from 16 KiB to 1 GiB
        the option segment_size cannot be 2147483648: it must be a multiple of 4096 from 16 KiB to 1 GiB
        the option segment_size cannot be 0: it must be a multiple of 4096 from 16 KiB to 1 GiB
        the option align cannot be 0: it must be 8, 512 or 4096
        the option align cannot be 1024: it must be 8, 512 or 4096
        the option batch_bytes cannot be 0: it must be from 1 byte to 1 GiB
        the option batch_bytes cannot be 1073741825: it must be from 1 byte to 1 GiB
        the option pending_batches cannot be 0: it must be at least 1
        the option max_record cannot be 0: it must be from 1 byte to 1 GiB
        the option max_record cannot be 1073741825: it must be from 1 byte to 1 GiB
    "#]]
    .assert_eq(&texts);
    for options in [
        options().segment_bytes(1 << 30),
        options().align_bytes(8),
        options().batch_bytes(1),
        options().pending_batches_max(1),
        options().record_bytes_max(1 << 30),
    ] {
        options.in_memory().unwrap();
    }
}

// ---- damage

/// Whatever frame is damaged, in whatever way, the error names its place.
#[test]
fn a_damaged_frame_is_named_by_segment_offset_and_event() {
    let (whole, state) = ledger(20, &[]);
    let mut damaged = 0;
    for number in 1.. {
        let Ok(bytes) = whole.read(segment(number)) else { break };
        for (at, len) in frames(&bytes) {
            let first_seq = self::number(&bytes, at + 8, 8);
            let flip = |offset: usize| (at + offset, vec![bytes[at + offset] ^ 0x10]);
            for (place, bytes) in [flip(0), flip(33), flip(79), flip(len / 2), flip(len - 1), (at, vec![0; len])] {
                let disk = whole.fork();
                disk.write(segment(number), place as u64, &bytes).unwrap();
                let error = refused(&disk);
                let position = error.position().unwrap();
                let found =
                    (position.segment.unwrap().get(), position.offset.unwrap(), position.seq.map(|seq| seq.get()));
                assert!(error.kind() == ErrorKind::Corrupt, "{error}");
                assert_eq!(found, (number as u64, at as u64, Some(first_seq)), "byte {place}: {error}");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 120, "{damaged}");
    let disk = whole.fork();
    let (at, len) = frames(&disk.read(segment(2)).unwrap())[3];
    disk.write(segment(2), (at + len / 2) as u64, &[0; 8]).unwrap();
    check(
        &refused(&disk),
        expect![
            "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 7680 where event 9 belongs: a frame is missing or damaged, and a later segment has frames; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose"
        ],
    );
    is_well(&whole, 20, state);
}

/// So is one after a snapshot, where reading begins in the middle of the journal.
#[test]
fn a_damaged_frame_after_a_snapshot_is_named() {
    for last in 1..=20 {
        let (whole, _) = ledger(20, &[last]);
        for number in 1.. {
            let Ok(bytes) = whole.read(segment(number)) else { break };
            for (at, len) in frames(&bytes) {
                let first_seq = self::number(&bytes, at + 8, 8);
                for place in [at + 33, at + len / 2] {
                    let disk = whole.fork();
                    disk.write(segment(number), place as u64, &[bytes[place] ^ 0x10]).unwrap();
                    // what the snapshot makes superfluous may be damaged or not
                    let Err(error) = open(&disk) else {
                        assert!(first_seq <= last + 1, "event {first_seq} after a snapshot of {last}");
                        continue;
                    };
                    let position = error.position().unwrap();
                    assert_eq!(position.seq.map(|seq| seq.get()), Some(first_seq), "{last}: {error}");
                    assert_eq!(position.segment.unwrap().get(), number as u64, "{last}: {error}");
                }
            }
        }
    }
}

/// A header is at the start of each segment, of one that stands ready too.
#[test]
fn a_damaged_header_is_named() {
    let (whole, _) = ledger(20, &[]);
    for number in 1.. {
        if whole.read(segment(number)).is_err() {
            assert!(number > 3);
            break;
        }
        for place in [0, 8, 50, 120, 3_000, 4_095] {
            let disk = whole.fork();
            let byte = disk.read(segment(number)).unwrap()[place];
            disk.write(segment(number), place as u64, &[byte ^ 1]).unwrap();
            let error = refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64);
        }
    }
    let disk = whole.fork();
    disk.write(segment(2), 0, b"junk").unwrap();
    check(
        &refused(&disk),
        expect![
            "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the file does not start like a segment; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose"
        ],
    );
    disk.write(segment(2), 0, b"memimage").unwrap();
    disk.write(segment(2), 100, b"junk").unwrap();
    check(
        &refused(&disk),
        expect![
            "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the header's checksum is wrong; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose"
        ],
    );
}

/// Once an image whose last segment was gone was opened without the events in it: the segment before was sealed in
/// order, and nothing asked whether more was known to be synced.
#[test]
fn a_missing_segment_is_named() {
    let mut texts = String::new();
    for snapshots in [&[][..], &[3], &[10], &[20]] {
        let (whole, state) = ledger(20, snapshots);
        let used: Vec<_> = (1..)
            .map_while(|number| whole.read(segment(number)).ok())
            .filter(|bytes| !frames(bytes).is_empty())
            .collect();
        assert_eq!(used.len(), 3);
        for number in 1..=used.len() {
            let disk = whole.fork();
            remove(&disk, &segment(number));
            if number == used.len() {
                // nor does one stand ready after it
                remove(&disk, &segment(number + 1));
            }
            let error = refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64, "{error}");
            if snapshots.is_empty() {
                texts += &format!("{error}\n");
            }
            // nor if it is there and holds nothing, unless a snapshot makes it superfluous
            if number < used.len() && !snapshots.is_empty() {
                continue;
            }
            let disk = whole.fork();
            disk.write(segment(number), 4_096, &vec![0; (16 << 10) - 4_096]).unwrap();
            let error = refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64, "{error}");
        }
        is_well(&whole, 20, state);
    }
    expect![[r#"
        the journal's file `/ledger/journal/00000001.journal` is damaged in segment 1: its file is missing; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose
        the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2: its file is missing; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose
        the journal's file `/ledger/journal/00000003.journal` is damaged in segment 3 at byte 4096 where event 14 belongs: the segment is missing or empty, and events that belong there are known to have been synced; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose
    "#]].assert_eq(&texts);
}

/// The one that stands ready is made again.
#[test]
fn a_missing_segment_that_was_never_used_is_no_loss() {
    let (disk, state) = ledger(20, &[]);
    remove(&disk, &segment(4));
    is_well(&disk, 20, state);
}

#[test]
fn a_segment_in_anothers_place_is_named() {
    let (whole, state) = ledger(20, &[]);
    let (other, _) = ledger(20, &[]);
    let disk = whole.fork();
    let [second, third] = [2, 3].map(|number| disk.read(segment(number)).unwrap());
    replace(&disk, &segment(2), &third);
    replace(&disk, &segment(3), &second);
    let error = refused(&disk);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    check(
        &error,
        expect![
            "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the file is segment 3 by its header; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose"
        ],
    );
    for number in [1, 2, 3, 4] {
        let disk = whole.fork();
        replace(&disk, &segment(number), &other.read(segment(number)).unwrap());
        let error = refused(&disk);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        if number == 3 {
            check(
                &error,
                expect![
                    "the journal's file `/ledger/journal/00000003.journal` is damaged in segment 3 at byte 0: this file and `/ledger/journal/00000001.journal` are of different images, and `memimage::admin::check` shows which of them is foreign; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose"
                ],
            );
        }
    }
    is_well(&whole, 20, state);
}

#[test]
fn a_segment_of_another_length_is_named() {
    let (whole, _) = ledger(20, &[10]);
    for number in 1..=4 {
        for len in [0, 1, 4_095, 4_096, 4_097, 10_000, (16 << 10) - 1, (16 << 10) + 1, 20 << 10] {
            let disk = whole.fork();
            disk.truncate(segment(number), len).unwrap();
            let error = refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            let position = error.position().unwrap();
            assert_eq!(position.segment.unwrap().get(), number as u64, "{error}");
            assert_eq!(position.offset, Some(len.min(16 << 10)), "{error}");
            match (number, len) {
                (2, 4_095) => check(
                    &error,
                    expect![
                        "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 4095: the file ends within its header; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose"
                    ],
                ),
                (2, 10_000) => check(
                    &error,
                    expect![
                        "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 10000: the file is 10000 bytes long, and was created with 16384; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose"
                    ],
                ),
                (2, 20_480) => check(
                    &error,
                    expect![
                        "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 16384: the file is 20480 bytes long, and was created with 16384; nothing was changed; restore the file from a copy, or see with `memimage::admin::check` what a repair would lose"
                    ],
                ),
                _ => {}
            }
        }
    }
}

/// An image is damaged, and a small file besides that may be deleted is missing: once that was made before the damage was
/// found.
#[test]
fn a_refused_image_without_its_durable_block_is_left_as_it_was() {
    let (disk, _) = ledger(20, &[]);
    remove(&disk, &format!("{ROOT}/journal/durable"));
    disk.write(segment(2), 4_100, b"junk").unwrap();
    assert_eq!(refused(&disk).kind(), ErrorKind::Corrupt);
}

/// A command whose shape takes up more than a sector.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "wide")]
struct Wide {
    filed: u64,
}

#[derive(Debug, Serialize, Deserialize, Shape)]
struct Form {
    a_question_with_a_rather_long_name_number_1: Option<u8>,
    a_question_with_a_rather_long_name_number_2: Option<u8>,
    a_question_with_a_rather_long_name_number_3: Option<u8>,
    a_question_with_a_rather_long_name_number_4: Option<u8>,
    a_question_with_a_rather_long_name_number_5: Option<u8>,
    a_question_with_a_rather_long_name_number_6: Option<u8>,
    a_question_with_a_rather_long_name_number_7: Option<u8>,
    a_question_with_a_rather_long_name_number_8: Option<u8>,
    a_question_with_a_rather_long_name_number_9: Option<u8>,
    a_question_with_a_rather_long_name_number_10: Option<u8>,
    a_question_with_a_rather_long_name_number_11: Option<u8>,
    a_question_with_a_rather_long_name_number_12: Option<u8>,
    rest: Vec<u8>,
}

#[memimage::commands]
impl Wide {
    #[command]
    fn fill_in(&mut self, form: Form) -> u64 {
        self.filed += form.rest.len() as u64;
        self.filed
    }
}

fn form() -> Form {
    Form {
        a_question_with_a_rather_long_name_number_1: None,
        a_question_with_a_rather_long_name_number_2: None,
        a_question_with_a_rather_long_name_number_3: None,
        a_question_with_a_rather_long_name_number_4: None,
        a_question_with_a_rather_long_name_number_5: None,
        a_question_with_a_rather_long_name_number_6: None,
        a_question_with_a_rather_long_name_number_7: None,
        a_question_with_a_rather_long_name_number_8: None,
        a_question_with_a_rather_long_name_number_9: None,
        a_question_with_a_rather_long_name_number_10: None,
        a_question_with_a_rather_long_name_number_11: None,
        a_question_with_a_rather_long_name_number_12: None,
        rest: vec![7; 1_000],
    }
}

/// A power cut, no damage: a snapshot was made of the last event in a segment, and then the first frame of the next was cut
/// short after its header. Once recovery began at that header, and took the frame for one that had been synced.
#[test]
fn a_segment_cut_short_after_a_snapshot_is_recovered() {
    let options = || Image::<Wide>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
    let mut cuts = 0;
    for events in 1..16 {
        let disk = SimDisk::new();
        let image = options().open_with(disk.shared(), ROOT).unwrap();
        (0..events).for_each(|_| _ = image.fill_in(form()).unwrap());
        image.admin().snapshot().unwrap();
        let (forks, observed) = mpsc::channel();
        disk.observe(move |operation, fork| _ = forks.send((operation.clone(), fork.clone())));
        image.fill_in(form()).unwrap();
        drop((image, disk));
        for (operation, fork) in observed {
            for mask in 0..8_usize {
                let cut = fork.crash(|unsynced| match unsynced {
                    Unsynced::Sector { index, .. } => mask & (1 << (index % 8).min(2)) != 0,
                    _ => true,
                });
                let image = options()
                    .open_with(cut.shared(), ROOT)
                    .unwrap_or_else(|error| panic!("{events}, {operation:?}, {mask:03b}: {error}"));
                let filed = image.query(|wide| wide.filed).unwrap();
                assert!(image.journal().seq().get() == events || image.journal().seq().get() == events + 1);
                assert_eq!(filed, image.journal().seq().get() * 1_000);
                cuts += 1;
            }
        }
    }
    assert!(cuts > 100, "{cuts}");
}

// ---- snapshots

#[test]
fn a_damaged_snapshot_is_passed_over() {
    let (whole, expected) = ledger(20, &[10, 16]);
    let [older, newer] = [10, 16].map(|seq| whole.read(snapshot(seq)).unwrap());
    let flipped = |at: usize| {
        let mut bytes = newer.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut version = newer.clone();
    version[8] = 2;
    let crc = crc32c::crc32c(&version[..4092]);
    version[4092..4096].copy_from_slice(&crc.to_le_bytes());
    let (other, _) = ledger(16, &[16]);
    let mut texts = String::new();
    for (what, bytes) in [
        ("magic", flipped(0)),
        ("header", flipped(64)),
        ("chunk's header", flipped(4_096)),
        ("chunk", flipped(4_110)),
        ("trailer", flipped(newer.len() - 1)),
        ("empty", Vec::new()),
        ("cut in the header", newer[..100].to_vec()),
        ("cut in the state", newer[..4_110].to_vec()),
        ("cut in the trailer", newer[..newer.len() - 1].to_vec()),
        ("longer", [&newer[..], b"junk"].concat()),
        ("newer format", version),
        ("of another event", older.clone()),
        ("of another image", other.read(snapshot(16)).unwrap()),
    ] {
        let disk = whole.fork();
        replace(&disk, &snapshot(16), &bytes);
        let image = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
        let recovery = image.admin().stats().recovery;
        assert_eq!((recovery.snapshot.map(|seq| seq.get()), recovery.replayed), (Some(10), 10), "{what}");
        assert_eq!((image.journal().seq().get(), state(&image)), (20, expected), "{what}");
        let [(path, why)] = &recovery.unusable_snapshots[..] else { panic!("{what}: {recovery:?}") };
        assert_eq!(path, Path::new(&snapshot(16)));
        texts += &format!("{what}: {why}\n");
        Image::close(image).unwrap();
        assert_eq!(disk.read(snapshot(16)).unwrap(), bytes, "{what}");

        // both: all of the journal is replayed
        replace(&disk, &snapshot(10), &bytes[..bytes.len() / 2]);
        let image = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
        let recovery = image.admin().stats().recovery;
        assert_eq!((recovery.snapshot, recovery.replayed, recovery.unusable_snapshots.len()), (None, 20, 2), "{what}");
        assert_eq!((image.journal().seq().get(), state(&image)), (20, expected), "{what}");
        // and a new one is used again
        image.admin().snapshot().unwrap();
        Image::close(image).unwrap();
        assert_eq!(open(&disk).unwrap().admin().stats().recovery.snapshot.map(|seq| seq.get()), Some(20), "{what}");
    }
    expect![[r#"
        magic: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: it does not start like a snapshot; nothing is lost, since the journal has it all
        header: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the header's checksum is wrong; nothing is lost, since the journal has it all
        chunk's header: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the checksum of the chunk before byte 4118 is wrong; nothing is lost, since the journal has it all
        chunk: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the checksum of the chunk before byte 4119 is wrong; nothing is lost, since the journal has it all
        trailer: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the trailer's checksum is wrong; nothing is lost, since the journal has it all
        empty: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file ends within its header; nothing is lost, since the journal has it all
        cut in the header: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file ends within its header; nothing is lost, since the journal has it all
        cut in the state: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file ends at byte 4110; nothing is lost, since the journal has it all
        cut in the trailer: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file ends at byte 4174; nothing is lost, since the journal has it all
        longer: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: bytes follow the trailer; nothing is lost, since the journal has it all
        newer format: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: it was written in a newer format; nothing is lost, since the journal has it all
        of another event: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: it is of event 10 by its header; nothing is lost, since the journal has it all
        of another image: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: it belongs to another image; nothing is lost, since the journal has it all
    "#]].assert_eq(&texts);
}

#[test]
fn without_snapshots_everything_is_replayed() {
    let (disk, expected) = ledger(20, &[10, 16]);
    for seq in [10, 16] {
        remove(&disk, &snapshot(seq));
    }
    let image = open(&disk).unwrap();
    let recovery = image.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed, recovery.unusable_snapshots.len()), (None, 20, 0));
    assert_eq!(state(&image), expected);
    Image::close(image).unwrap();
    is_well(&disk, 20, expected);

    // nor is the directory needed
    let dir = tempfile::tempdir().unwrap();
    let image = options().open(dir.path()).unwrap();
    (0..5).for_each(|_| _ = image.file(vec![7; 1_000]).unwrap());
    image.admin().snapshot().unwrap();
    let expected = state(&image);
    Image::close(image).unwrap();
    std::fs::remove_dir_all(dir.path().join("snapshot")).unwrap();
    std::fs::remove_dir_all(dir.path().join("quarantine")).unwrap();
    let image = options().open(dir.path()).unwrap();
    assert_eq!((state(&image), image.admin().stats().recovery.replayed), (expected, 5));
    image.admin().snapshot().unwrap();
}

/// A command whose argument may contain itself.
mod nested {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape)]
    pub(crate) struct Chain {
        pub(crate) next: Option<Box<Chain>>,
    }

    impl Chain {
        pub(crate) fn of(links: usize) -> Chain {
            let mut chain = Chain::default();
            for _ in 1..links {
                chain = Chain { next: Some(Box::new(chain)) };
            }
            chain
        }
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(crate) struct Chains {
        pub(crate) taken: u32,
    }

    #[memimage::commands]
    impl Chains {
        #[command]
        pub(crate) fn take(&mut self, chain: Chain) {
            self.taken += 1;
            drop(chain);
        }
    }
}

#[test]
fn a_payload_nested_too_deep_is_refused_before_it_is_recorded() {
    use nested::{Chain, Chains, ChainsCommands as _};

    let chains = Image::<Chains>::in_memory().unwrap();
    chains.take(Chain::of(60)).unwrap();
    let error = chains.take(Chain::of(200)).unwrap_err().to_string();
    assert!(error.contains("`take`") && error.contains("nested too deep"), "{error}");
    assert_eq!((chains.journal().seq().get(), chains.read_uncommitted().unwrap().taken), (1, 1));
    chains.take(Chain::of(1)).unwrap();
}
