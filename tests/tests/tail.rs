//! The tail rule, over every truncation and every flipped bit of a small image of three segments: an image opens with
//! exactly the state that was acknowledged, or is refused with a position and left as it is.
//!
//! Covered are all files of the image (the segments, the one made ahead, `durable`, the snapshots). Bits are flipped one
//! by one: one of every few bytes in the parts that were written and in the zeros next to them, each of the last batch, and
//! one of every 61st byte in the long zeros; or, with `MEMIMAGE_EVERY_BIT=1`, each bit of each file and each length, which
//! takes a quarter of an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use memimage::disk::{Disk, Operation, SimDisk};
use memimage::{Durability, Seq, digest};
use memimage_tests::{Ask, Run, changed, files};

/// What came of opening a damaged image. Everything else fails the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// The damage is in bytes that say nothing.
    Unnoticed,
    /// A snapshot could not be used, and recovery says so.
    FellBack,
    /// Bytes that no acknowledged event was in were put into quarantine, and recovery says so.
    Quarantined,
    /// Refused, with a position, and nothing was changed.
    Refused,
    /// As `Refused`; nothing proves that what is damaged was acknowledged.
    Suspect,
}

/// A small image, closed or killed, and what must be recovered from it.
struct Base {
    disk: SimDisk,
    seq: Seq,
    digest: u64,
    files: Vec<(PathBuf, Vec<u8>)>,
}

/// Three segments with something in them, and a fourth made ahead.
fn base(align: u32, snapshots: bool, closed: bool) -> Base {
    let disk = SimDisk::new();
    // the disk as it was after the last sync of the journal: when the last answer was given, with no word of it in `durable`
    let synced = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&synced);
    disk.observe(move |operation, fork| {
        if matches!(operation, Operation::SyncData { path } if path.extension().is_some_and(|end| end == "journal")) {
            *seen.lock().unwrap() = Some(fork.clone());
        }
    });
    let mut run = Run::open(disk.clone(), Durability::Synced, align, Vec::new(), Seq::ZERO).unwrap();
    let rolled = |number: u64| disk.read(format!("/ledger/journal/{number:08}.journal")).is_ok_and(|b| b[4096] != 0);
    let mut snapshots = [2, 3].into_iter().filter(|_| snapshots).peekable();
    for round in 0.. {
        for ask in [Ask::Deposit(round, 100), Ask::Settle(round, 700), Ask::Draw(Some(1)), Ask::Withdraw(round, 40)] {
            run.ask(&ask);
        }
        (0..3).for_each(|account| run.ask(&Ask::Submit(account, 7)));
        run.wait();
        run.ask(&Ask::File(600));
        if snapshots.next_if(|&number| rolled(number)).is_some() {
            run.image().admin().snapshot().unwrap();
        }
        if rolled(3) {
            break;
        }
    }
    run.ask(&Ask::Deposit(1, 1));
    run.ask(&Ask::File(1_200));
    let until_ready = |number: u64| {
        while disk.kind(Path::new(&format!("/ledger/journal/{number:08}.journal"))).unwrap().is_none() {
            std::thread::yield_now();
        }
    };
    until_ready(4);
    let (seq, found) = (run.image().seq(), digest(&*run.image().read().unwrap()).unwrap().to_u64());
    let disk = match closed {
        true => {
            run.close();
            disk.fork()
        }
        false => synced.lock().unwrap().take().expect("it was synced"),
    };
    let files = files(&disk).into_iter().collect();
    assert!(disk.kind(Path::new("/ledger/journal/00000003.journal")).unwrap().is_some());
    Base { disk, seq, digest: found, files }
}

/// Opens a damaged image and says what came of it; `Err` if that may not be.
fn open(base: &Base, damaged: &SimDisk) -> Result<Class, String> {
    let before = files(damaged);
    let opened = catch_unwind(AssertUnwindSafe(|| {
        Run::options(Durability::Synced, 512).create(false).open_with(Arc::new(damaged.clone()), "/ledger")
    }));
    match opened {
        Err(_) => Err("opening it panicked".to_owned()),
        Ok(Err(error)) => {
            let changed = changed(&before, &files(damaged));
            if !error.is_corrupt() || error.position().is_none_or(|position| position.segment.is_none()) {
                return Err(format!("refused for another reason, or without a position: {error}"));
            }
            if !changed.is_empty() {
                return Err(format!("refused ({error}), but {changed:?} were changed"));
            }
            let suspect = error.to_string().contains("never acknowledged as far as is known");
            Ok(if suspect { Class::Suspect } else { Class::Refused })
        }
        Ok(Ok(image)) => {
            let found = digest(&*image.read().map_err(|error| error.to_string())?).unwrap().to_u64();
            if (image.seq(), found) != (base.seq, base.digest) {
                return Err(format!("opened with another state, after event {} of {}", image.seq(), base.seq));
            }
            let recovery = image.stats().recovery;
            Ok(match (recovery.quarantined, recovery.unusable_snapshots.is_empty()) {
                (Some(_), _) => Class::Quarantined,
                (None, false) => Class::FellBack,
                (None, true) => Class::Unnoticed,
            })
        }
    }
}

/// Does all the damage, on as many threads as there are processors, and counts what came of it by file.
fn try_all<D: Sync>(
    base: &Base,
    damages: &[(usize, D)],
    damage: impl Fn(&SimDisk, &Path, &[u8], &D) -> String + Sync,
) -> BTreeMap<(String, Class), usize> {
    let (next, counts, failures) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(64, Ordering::Relaxed);
                    let Some(some) = damages.get(at..damages.len().min(at + 64)).filter(|some| !some.is_empty()) else {
                        break;
                    };
                    for (file, wanted) in some {
                        let (path, bytes) = &base.files[*file];
                        let disk = base.disk.fork();
                        let what = damage(&disk, path, bytes, wanted);
                        let name = path.file_name().unwrap().to_string_lossy().into_owned();
                        match open(base, &disk) {
                            Ok(class) => *counts.lock().unwrap().entry((name, class)).or_default() += 1,
                            Err(why) => failures.lock().unwrap().push(format!("{} {what}: {why}", path.display())),
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} cases failed, such as:\n{}", failures.len(), some_of(&failures));
    counts.into_inner().unwrap()
}

fn some_of(failures: &[String]) -> String {
    failures.iter().step_by(failures.len().div_ceil(20)).map(|failure| format!("{failure}\n")).collect()
}

/// The parts of a file that were written, each somewhat widened, so that the zeros next to it are tried too.
fn written(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        let (start, end) = (at.saturating_sub(16), bytes.len().min(at + 100));
        match parts.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ => parts.push(start..end),
        }
    }
    parts
}

/// Whether everything is to be tried.
fn every() -> bool {
    std::env::var_os("MEMIMAGE_EVERY_BIT").is_some()
}

/// The bits to flip: in the written parts one bit of every `stride`th byte, in the zeros of every 61st; or else all.
fn bits(base: &Base, stride: usize) -> Vec<(usize, usize)> {
    let mut bits = Vec::new();
    for (file, (_, bytes)) in base.files.iter().enumerate() {
        let written = written(bytes);
        let mut parts = written.iter().peekable();
        for byte in 0..bytes.len() {
            while parts.next_if(|part| part.end <= byte).is_some() {}
            let inside = parts.peek().is_some_and(|part| part.contains(&byte));
            if every() {
                bits.extend((0..8).map(|bit| (file, byte * 8 + bit)));
            } else if inside && byte % stride == 0 || byte % 61 == 0 {
                bits.push((file, byte * 8 + (byte * 5 + byte / 8) % 8));
            }
        }
    }
    bits
}

fn flip(disk: &SimDisk, path: &Path, bytes: &[u8], bit: &usize) -> String {
    disk.write(path, (bit / 8) as u64, &[bytes[bit / 8] ^ 1 << (bit % 8)]).unwrap();
    format!("bit {} of byte {}", bit % 8, bit / 8)
}

fn cut(disk: &SimDisk, path: &Path, _: &[u8], len: &usize) -> String {
    disk.truncate(path, *len as u64).unwrap();
    format!("cut at {len}")
}

fn classes(counts: &BTreeMap<(String, Class), usize>, file: &str) -> Vec<Class> {
    let classes = counts.keys().filter(|(name, _)| name.ends_with(file)).map(|(_, class)| *class);
    BTreeSet::from_iter(classes).into_iter().collect()
}

/// All that was acknowledged is proven by `durable`, so no damage to it is taken for anything else.
#[test]
fn each_flipped_bit_of_a_closed_image_is_refused_or_harmless() {
    let base = base(512, false, true);
    let counts = report("closed", try_all(&base, &bits(&base, 2), flip));
    assert_eq!(classes(&counts, "durable"), [Class::Unnoticed], "it proves nothing then, and all is there");
    for sealed in ["00000001.journal", "00000002.journal"] {
        assert_eq!(classes(&counts, sealed), [Class::Unnoticed, Class::Refused], "{sealed}: padding, or damage");
    }
    // stray bits after the end were in no event: kept in quarantine, as what is left of a write that was cut short
    use Class::{Quarantined, Refused, Unnoticed};
    assert_eq!(classes(&counts, "00000003.journal"), [Unnoticed, Quarantined, Refused]);
    // nothing may stand in a segment before the one before it is sealed
    assert_eq!(classes(&counts, "00000004.journal"), [Refused]);
}

/// With frames on any 8 bytes, and so on parts of sectors.
#[test]
fn each_flipped_bit_of_an_unaligned_image_is_refused_or_harmless() {
    let base = base(8, false, true);
    let counts = report("unaligned", try_all(&base, &bits(&base, 11), flip));
    assert!(!classes(&counts, "00000001.journal").contains(&Class::Quarantined));
    assert!(!classes(&counts, "00000002.journal").contains(&Class::Quarantined));
}

/// A damaged snapshot is no loss, and is told of.
#[test]
fn each_flipped_bit_of_an_image_with_snapshots_is_refused_or_harmless() {
    let base = base(512, true, true);
    let counts = report("snapshots", try_all(&base, &bits(&base, 3), flip));
    // the older one is not looked at as long as the newest is good
    assert_eq!(classes(&counts, ".snapshot"), [Class::Unnoticed, Class::FellBack]);
}

/// Killed between the last sync and the word of it in `durable`: nothing proves that the last batch was acknowledged. A bit
/// of it that is flipped is suspect, and never taken for a write that was cut short.
#[test]
fn each_flipped_bit_of_the_last_batch_of_a_killed_image_is_suspect() {
    for align in [8, 512] {
        let base = base(align, false, false);
        let (file, (_, bytes)) =
            base.files.iter().enumerate().find(|(_, (path, _))| path.ends_with("00000003.journal")).unwrap();
        let last = bytes.iter().rposition(|&byte| byte != 0).unwrap();
        // the last batch is a file of 1,200 bytes
        let all: Vec<_> =
            (last - 1_250..=last).flat_map(|byte| (0..8).map(move |bit| (file, byte * 8 + bit))).collect();
        let counts = report("killed", try_all(&base, &all, flip));
        assert_eq!(classes(&counts, "00000003.journal"), [Class::Suspect]);
        let counts = report("killed", try_all(&base, &bits(&base, 17), flip));
        assert!(!classes(&counts, "00000002.journal").contains(&Class::Quarantined));
    }
}

/// Segments never change their length, so a shorter one is damage. `durable` and snapshots can be done without.
#[test]
fn each_truncation_is_refused_or_harmless() {
    for (snapshots, closed) in [(true, true), (false, false)] {
        let base = base(512, snapshots, closed);
        let stride = if every() { 1 } else { 29 };
        let of = |file: usize, bytes: &[u8]| {
            (0..bytes.len()).filter(move |len| len % stride == 0).map(move |len| (file, len))
        };
        let lens: Vec<_> = base.files.iter().enumerate().flat_map(|(file, (_, bytes))| of(file, bytes)).collect();
        let counts = report("truncated", try_all(&base, &lens, cut));
        assert_eq!(classes(&counts, ".journal"), [Class::Refused]);
        assert_eq!(classes(&counts, "durable"), [Class::Unnoticed]);
    }
}

/// Sectors that read as zeros, as after writes that the disk said it had done: one, a few, or all to the file's end. That is
/// what the end of a journal looks like, so only evidence tells: `durable`, a snapshot, or a frame that came later.
#[test]
fn each_lost_sector_is_refused_or_harmless() {
    for evidence in ["durable", "snapshot", "a later frame"] {
        let mut base = base(512, evidence == "snapshot", evidence == "durable");
        let mut unproven = Seq::ZERO;
        match evidence {
            "snapshot" => {
                // one of the last event, and no other word of it
                let image =
                    Run::options(Durability::Synced, 512).open_with(Arc::new(base.disk.clone()), "/ledger").unwrap();
                image.admin().snapshot().unwrap();
                image.close().unwrap();
                base.disk.remove(Path::new("/ledger/journal/durable")).unwrap();
            }
            // all but the last batch, which is one event
            "a later frame" => unproven = base.seq,
            _ => {}
        }
        base.files = files(&base.disk).into_iter().collect();
        let sectors = |file: usize, len: usize| {
            (0..len / 512)
                .flat_map(move |start| [1, 3, 1_000].map(|count| (file, start..(start + count).min(len / 512))))
        };
        let lost: Vec<_> =
            base.files.iter().enumerate().flat_map(|(file, (_, bytes))| sectors(file, bytes.len())).collect();
        let last = base.files.iter().position(|(path, _)| path.ends_with("00000003.journal")).unwrap();
        let end = base.files[last].1.iter().rposition(|&byte| byte != 0).unwrap() / 512;
        // the last batch, of three sectors, was acknowledged a moment before the kill, and nothing says so
        let lost: Vec<_> = lost
            .into_iter()
            .filter(|(file, range)| unproven == Seq::ZERO || *file != last || range.end + 2 <= end || range.start > end)
            .collect();
        let counts = report(evidence, try_all(&base, &lost, zero));
        let classes = classes(&counts, ".journal");
        assert!(classes.contains(&Class::Refused) && !classes.contains(&Class::Quarantined), "{classes:?}");
    }
}

fn zero(disk: &SimDisk, path: &Path, _: &[u8], sectors: &Range<usize>) -> String {
    disk.write(path, sectors.start as u64 * 512, &vec![0; sectors.len() * 512]).unwrap();
    format!("zeros in the sectors {sectors:?}")
}

fn report(image: &str, counts: BTreeMap<(String, Class), usize>) -> BTreeMap<(String, Class), usize> {
    counts.iter().for_each(|((file, class), count)| println!("{image}: {file} {class:?} {count}"));
    counts
}
