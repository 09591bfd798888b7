//! How other journals lost data: each test tells one story and shows that it does not happen here. Other suites test the same
//! promises in many more cases.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, ErrorKind, Image, Seq};
use memimage_tests::frames::{FRAME_HEADER, frames};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerCommands, Run, changed, files, with_timeout};

const NOTHING: &[PathBuf] = &[];
/// The offset of a segment's first frame, and the alignment of the frames in these tests.
const FIRST: usize = 4096;
const SECTOR: usize = 512;

fn open(disk: &(impl Disk + Clone)) -> Result<Image<Ledger>, Error> {
    Run::options(Durability::Synced, SECTOR as u32).open_with(Arc::new(disk.clone()), "/ledger")
}

fn segment(number: usize) -> PathBuf {
    format!("/ledger/journal/{number:08}.journal").into()
}

/// The number of filed bytes in the image on a disk.
fn filed(disk: &SimDisk) -> u64 {
    open(disk).unwrap_or_else(|error| panic!("{error}")).query(|ledger| ledger.filed).unwrap()
}

/// A closed image with three segments.
fn three_segments() -> SimDisk {
    let disk = SimDisk::new();
    let image = open(&disk).unwrap();
    for _ in 0..20 {
        image.file(vec![7; 1_500]).unwrap();
    }
    Image::close(image).unwrap();
    assert!(disk.read(segment(3)).unwrap()[FIRST] != 0, "the third is in use");
    disk
}

/// Asserts that opening fails as damaged in this segment, and changes nothing.
fn assert_refused(disk: &SimDisk, number: u64) {
    let before = files(disk);
    let error = open(disk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(error.position().unwrap().segment.unwrap().get(), number, "{error}");
    assert_eq!(changed(&before, &files(disk)), NOTHING);
}

/// The disk after each operation while 20 events are recorded, with the number of acknowledged bytes at that time.
fn points() -> Vec<(SimDisk, u64)> {
    let disk = SimDisk::new();
    let (answered, points) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (seen, kept) = (Arc::clone(&answered), Arc::clone(&points));
    disk.observe(move |_, fork| kept.lock().unwrap().push((fork.clone(), seen.load(Ordering::SeqCst))));
    let image = open(&disk).unwrap();
    for event in 1..=20 {
        image.file(vec![7; 1_500]).unwrap();
        answered.store(event * 1_500, Ordering::SeqCst);
    }
    Image::close(image).unwrap();
    let points = std::mem::take(&mut *points.lock().unwrap());
    assert!(points.len() > 60, "{}", points.len());
    points
}

/// SpacetimeDB's commit log (pull request 5785) created a new segment without a sync of its directory. After a power cut the
/// file had no name, and all its acknowledged transactions were lost.
#[test]
fn a_new_segment_has_a_durable_name_before_its_events_are_acknowledged() {
    let disk = SimDisk::new();
    let image = open(&disk).unwrap();
    for event in 1..=25 {
        image.file(vec![7; 1_500]).unwrap();
        assert_eq!(filed(&disk.crash(|_| false)), event * 1_500);
    }
    assert!(disk.files().contains(&segment(3)), "the journal should have a third segment");
}

/// acid-state (issue 175) acknowledged updates after a write had failed on a full disk. The state in memory had them, but they
/// were lost at the next start.
#[test]
fn nothing_is_acknowledged_after_a_failed_write_on_a_full_disk() {
    let disk = SimDisk::new();
    let gate = GateDisk::new(disk.clone());
    let image = open(&gate).unwrap();
    image.deposit(1, 100).unwrap();
    gate.fail(DiskMethod::Write, "00000001.journal", io::ErrorKind::StorageFull);
    image.deposit(1, 1).unwrap_err();
    // even with space on the disk, only the next opening knows what is on it
    gate.remove_rule();
    for _ in 0..3 {
        assert!(image.deposit(1, 1).unwrap_err().is_poisoned());
        assert!(image.query(|_| ()).unwrap_err().is_poisoned());
    }
    assert_eq!(image.journal().durable_seq(), Seq::new(1));
    drop(image);
    let image = open(&disk).unwrap();
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 100);
}

/// acid-state (issue 79) could not open its log after a crash, and raft-engine (issue 344) could not open on a full disk,
/// although both had all of their data, because they wrote before they read.
#[test]
fn an_image_opens_after_a_crash_and_on_a_full_disk() {
    for (disk, answered) in points() {
        let left = disk.crash(|_| false);
        let full = GateDisk::new(left.clone());
        full.rule(|call| match call.method {
            DiskMethod::CreateNew | DiskMethod::CreateDir => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(None),
        });
        match open(&full) {
            Ok(image) => assert!(image.query(|ledger| ledger.filed).unwrap() >= answered),
            // the image was not created yet, or a torn write must be copied first
            Err(error) => assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}"),
        }
        assert!(filed(&left) >= answered);
    }
}

/// Prevayler read the files of its journal one after another, and took the end of each for the end of the written data. It
/// silently accepted a truncated file in the middle and skipped the transactions after the cut.
#[test]
fn a_truncated_segment_in_the_middle_is_refused() {
    for len in [0, 1, FIRST, FIRST + SECTOR, 8_192, (16 << 10) - SECTOR, (16 << 10) - 1] {
        let disk = three_segments();
        disk.truncate(segment(2), len as u64).unwrap();
        assert_refused(&disk, 2);
    }
    // the same for a segment whose end is zeroed
    let disk = three_segments();
    disk.write(segment(2), 10_240, &[0; 4_096]).unwrap();
    assert_refused(&disk, 2);
}

/// Prevayler wrote a transaction to its journal before it ran it. A transaction that threw an exception stayed there, threw
/// again at every start, and no start succeeded.
#[test]
fn a_command_that_panics_does_not_stop_later_openings() {
    let disk = SimDisk::new();
    for round in 1..4 {
        let image = open(&disk).unwrap();
        image.deposit(1, 10).unwrap();
        assert_eq!(image.explode(1).unwrap_err().kind(), ErrorKind::Panicked);
        // a rejected command that changed the model is recorded, and is rejected again on replay
        image.settle(2, 1_000).unwrap_err();
        assert_eq!(image.query(|ledger| (ledger.accounts[&1], ledger.failed)).unwrap(), (10 * round, round as u32));
        drop(image);
    }
    let image = open(&disk).unwrap();
    assert_eq!(image.query(|ledger| (ledger.accounts[&1], ledger.failed)).unwrap(), (30, 3));
}

/// etcd's log had a record's length before its checksum, and took a length beyond the end of the file for a torn write. A
/// single flipped bit in it dropped all later acknowledged records.
#[test]
fn a_flipped_bit_in_a_length_is_not_a_torn_write() {
    let disk = three_segments();
    for number in [1, 3] {
        let bytes = disk.read(segment(number)).unwrap();
        for start in frames(&bytes).into_iter().map(|frame| frame.start) {
            // the length of the header, of the body before and after compression, and of the frame
            let frame = u32::from_le_bytes(bytes[start + 56..start + 60].try_into().unwrap()) as usize + FRAME_HEADER;
            for at in [start + 4, start + 5, start + 52, start + 55, start + 56, start + 57, start + 59, start + frame]
            {
                for bit in [0, 3, 7] {
                    let flipped = disk.fork();
                    flipped.write(segment(number), at as u64, &[bytes[at] ^ 1 << bit]).unwrap();
                    assert_refused(&flipped, number as u64);
                }
            }
        }
    }
}

/// SpacetimeDB's commit log (pull request 5116) opened a segment with a few bytes after its last commit, fewer than a header
/// has. It left them there and appended after them. The acknowledged commits after them could not be read again.
#[test]
fn nothing_is_appended_after_an_incomplete_frame() {
    let disk = SimDisk::new();
    let image = open(&disk).unwrap();
    image.file(vec![7; 1_500]).unwrap();
    let before = disk.fork();
    image.file(vec![9; 1_500]).unwrap();
    let (old, new) = (before.read(segment(1)).unwrap(), disk.read(segment(1)).unwrap());
    let start = frames(&new).pop().unwrap().start;
    assert!(old[start..].iter().all(|byte| *byte == 0));

    // a torn write of any length is cleared before the next append
    for len in (1..=FRAME_HEADER).chain([SECTOR, 2 * SECTOR, 1_500]) {
        let torn = before.fork();
        torn.write(segment(1), start as u64, &new[start..start + len]).unwrap();
        let image = open(&torn).unwrap_or_else(|error| panic!("{len} bytes: {error}"));
        assert!(image.admin().stats().recovery.quarantined.is_some(), "{len} bytes");
        image.file(vec![5; 1_500]).unwrap();
        Image::close(image).unwrap();
        assert_eq!(filed(&torn), 3_000, "{len} bytes");
    }
}

/// CockroachDB (issue 37109): after a failed sync the next one succeeded, because the kernel had marked the unwritten pages as
/// clean. CockroachDB took it as a proof for all earlier writes, and acknowledged the lost ones.
#[test]
fn a_later_sync_does_not_acknowledge_failed_writes() {
    let disk = SimDisk::new();
    let gate = GateDisk::new(disk.clone());
    let image = open(&gate).unwrap();
    image.deposit(1, 100).unwrap();
    let failed = AtomicU64::new(0);
    gate.rule(move |call| {
        match call.is(DiskMethod::SyncData, "00000001.journal") && failed.fetch_add(1, Ordering::SeqCst) == 0 {
            true => Err(io::Error::other("the disk is gone")),
            false => Ok(None),
        }
    });
    assert!(image.deposit(1, 1).unwrap_err().is_outcome_unknown());
    for _ in 0..3 {
        assert!(image.journal().sync().unwrap_err().is_poisoned());
        assert!(image.deposit(1, 1).unwrap_err().is_poisoned());
    }
    assert_eq!(image.journal().durable_seq(), Seq::new(1));
    drop(image);
    // reopening writes the bytes again before it reports them as durable
    gate.trace();
    drop(open(&gate).unwrap());
    let writes = |call: &memimage_tests::Call| call.is(DiskMethod::Write, "00000001.journal");
    let syncs = |call: &memimage_tests::Call| call.is(DiskMethod::SyncData, "00000001.journal");
    let trace = gate.trace();
    let written = trace.iter().position(writes).expect("the bytes should be written again");
    assert!(trace[written..].iter().any(syncs), "the bytes should be synced after that");
}

/// okaywal woke the waiters of a sync when it succeeded, and forgot them when it failed: they waited forever.
#[test]
fn all_waiters_get_an_error_after_a_failed_sync() {
    let disk = SimDisk::new();
    let gate = GateDisk::new(disk);
    let image = open(&gate).unwrap();
    gate.fail(DiskMethod::SyncData, ".journal", io::ErrorKind::Other);
    let errors = with_timeout(move || {
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..16)
                .map(|caller| {
                    scope.spawn({
                        let image = &image;
                        move || image.deposit(caller, 1)
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap().unwrap_err()).collect::<Vec<_>>()
        })
    });
    assert_eq!(errors.len(), 16);
    assert!(errors.iter().all(Error::is_poisoned), "{errors:?}");
}

/// The original program. In [`renamed`], the model is in another module and its argument has another type name.
mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
    pub(crate) struct Guide {
        pub(crate) pages: Vec<Page>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
    pub(crate) struct Page {
        pub(crate) title: String,
    }

    #[memimage::commands]
    impl Guide {
        /// Adds a page.
        #[command]
        pub(crate) fn add(&mut self, page: Page) {
            self.pages.push(page);
        }
    }
}

mod renamed {
    pub(crate) mod deeper {
        use memimage::{Model, Shape};
        use serde::{Deserialize, Serialize};

        #[derive(Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
        pub(crate) struct Guide {
            pub(crate) pages: Vec<Article>,
        }

        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
        pub(crate) struct Article {
            pub(crate) title: String,
        }

        #[memimage::commands]
        impl Guide {
            /// Adds a page.
            #[command(payload = Addition)]
            pub(crate) fn add(&mut self, page: Article) {
                self.pages.push(page);
            }
        }
    }
}

/// aelve's guide (issue 145) used acid-state, which writes the paths of types into its log. After a module was renamed, the log
/// could not be loaded.
#[test]
fn a_renamed_module_or_type_does_not_stop_a_journal_from_loading() {
    use first::GuideCommands as _;
    use renamed::deeper::GuideCommands as _;
    let disk = SimDisk::new();
    let image: Image<first::Guide> = Image::options().open_with(Arc::new(disk.clone()), "/guide").unwrap();
    image.add(first::Page { title: "Monads".to_owned() }).unwrap();
    image.admin().snapshot().unwrap();
    image.add(first::Page { title: "Lenses".to_owned() }).unwrap();
    Image::close(image).unwrap();
    let open = || Image::<renamed::deeper::Guide>::options().open_with(Arc::new(disk.clone()), "/guide").unwrap();
    let image = open();
    assert_eq!(image.admin().stats().recovery.snapshot, Some(Seq::new(1)), "the snapshot should be usable");
    image.add(renamed::deeper::Article { title: "Effects".to_owned() }).unwrap();
    Image::close(image).unwrap();
    let titles = open().query(|guide| guide.pages.iter().map(|page| page.title.clone()).collect::<Vec<_>>()).unwrap();
    assert_eq!(titles, ["Monads", "Lenses", "Effects"]);
}

/// redb's changelog mentions a crash while the file grew: its length then differed from the one in its header, and it could not
/// be opened.
#[test]
fn a_crash_while_the_journal_grows_leaves_an_image_that_opens() {
    for (disk, answered) in points() {
        for survives in [false, true] {
            let left = disk.crash(|_| survives);
            assert!(filed(&left) >= answered);
            // the journal grows again
            let image = open(&left).unwrap();
            let before = image.query(|ledger| ledger.filed).unwrap();
            for _ in 0..8 {
                image.file(vec![7; 1_500]).unwrap();
            }
            Image::close(image).unwrap();
            assert_eq!(filed(&left), before + 8 * 1_500);
        }
    }
}
