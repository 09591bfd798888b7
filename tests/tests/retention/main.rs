//! A journal that is pruned still rebuilds the state: from each kept snapshot, and from the base alone. What would take
//! that away is refused, and what is damaged beyond it is refused untouched.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, ErrorKind, Image, Model, Options, Retention, Seq, Shape, SnapshotPolicy};
use memimage_tests::{Act, Ask, Dice, Gate, GateDisk, Ledger, LedgerCommands, LedgerDeposit, Run, changed, files};
use serde::{Deserialize, Serialize};

const JOURNAL: &str = "/ledger/journal";
const SNAPSHOTS: &str = "/ledger/snapshot";

fn options(retention: Retention) -> Options<Ledger> {
    Run::options(Durability::Synced, 512).retention(retention)
}

fn open(disk: &SimDisk, retention: Retention) -> Result<Image<Ledger>, Error> {
    options(retention).open_with(Arc::new(disk.clone()), "/ledger")
}

/// A ledger that lived for a while, with a snapshot after each ten events.
struct Life {
    disk: SimDisk,
    digests: Vec<u64>,
    seq: Seq,
}

impl Life {
    fn new() -> Life {
        Life { disk: SimDisk::new(), digests: Vec::new(), seq: Seq::ZERO }
    }

    fn begin(&self, retention: Retention) -> Run {
        Run::begin(open(&self.disk, retention).unwrap(), self.digests.clone(), self.seq).unwrap()
    }

    /// Lives on for so many snapshots, and is closed.
    fn live(&mut self, retention: Retention, snapshots: u64) -> &mut Life {
        let mut run = self.begin(retention);
        for _ in 0..snapshots {
            ten_events(&mut run);
            run.image().admin().snapshot().unwrap();
            let stats = run.image().admin().stats();
            assert_eq!(stats.retention_failure, None);
        }
        run.ask(&Ask::Deposit(7, 7));
        (self.digests, self.seq) = run.close();
        self
    }

    /// Opens a disk as it is and makes sure that nothing is missing.
    fn recover(&self, disk: &SimDisk, retention: Retention) -> Result<Run, String> {
        let image = open(disk, retention).map_err(|error| error.to_string())?;
        Run::begin(image, self.digests.clone(), self.seq)
    }

    /// The error with which a disk is refused, and left as it is.
    fn refused(&self, disk: &SimDisk) -> Error {
        let before = files(disk);
        let error = open(disk, Retention::Everything).expect_err("it cannot be rebuilt");
        assert_eq!(changed(&before, &files(disk)), Vec::<PathBuf>::new());
        error
    }
}

fn ten_events(run: &mut Run) {
    for amount in 0..7 {
        run.ask(&Ask::Deposit(amount, 5));
    }
    run.ask(&Ask::Settle(1, 2_000));
    run.ask(&Ask::Draw(None));
    run.ask(&Ask::File(6_000));
}

fn numbers(disk: &SimDisk) -> Vec<u64> {
    let name = |path: PathBuf| path.file_name()?.to_str()?.strip_suffix(".journal")?.parse().ok();
    disk.files().into_iter().filter(|path| path.starts_with(JOURNAL)).filter_map(name).collect()
}

fn segment(number: u64) -> String {
    format!("{JOURNAL}/{number:08}.journal")
}

fn bases(disk: &SimDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "base")).collect()
}

fn snapshots(disk: &SimDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.starts_with(SNAPSHOTS)).collect()
}

fn remove(disk: &SimDisk, paths: &[PathBuf]) {
    for path in paths {
        disk.remove(path).unwrap();
        disk.sync_dir(path.parent().unwrap()).unwrap();
    }
}

fn damage(disk: &SimDisk, path: &Path) {
    let bytes = disk.read(path).unwrap();
    disk.write(path, bytes.len() as u64 / 2, &[bytes[bytes.len() / 2] ^ 1]).unwrap();
}

/// The header stays good.
fn damage_state(disk: &SimDisk, path: &Path) {
    let bytes = disk.read(path).unwrap();
    let at = bytes.len() - 60;
    disk.write(path, at as u64, &[bytes[at] ^ 1]).unwrap();
}

fn copy(from: &SimDisk, to: &SimDisk, path: &str) {
    let file = to.create_new(Path::new(path)).unwrap();
    file.write_at(&from.read(path).unwrap(), 0).unwrap();
    file.sync_all().unwrap();
    to.sync_dir(Path::new(JOURNAL)).unwrap();
}

#[test]
fn promise_4_what_is_kept_rebuilds_the_state_from_each_snapshot_and_from_the_base_alone() {
    let mut life = Life::new();
    let disk = life.live(Retention::Events(0), 8).disk.clone();
    assert!(numbers(&disk)[0] > 3, "{:?}", numbers(&disk));
    assert_eq!(bases(&disk).len(), 2, "the base stands there twice");
    let there = snapshots(&disk);
    assert_eq!(there.len(), 2);

    for lost in [&there[..0], &there[..1], &there[1..], &there[..]] {
        let disk = disk.fork();
        remove(&disk, lost);
        let run = life.recover(&disk, Retention::Events(0)).unwrap();
        let stats = run.image().admin().stats();
        let [newest, base] = [81 - 1, 81 - 11];
        let began = if lost.contains(&there[1]) { base } else { newest };
        assert_eq!(stats.recovery.snapshot, Some(Seq::new(began)));
        assert_eq!(stats.recovery.replayed, 81 - began);
        assert_eq!(stats.base, Some(Seq::new(base)));
    }
}

#[test]
fn as_many_events_are_kept_as_were_asked_for() {
    for asked in [0, 15, 33, 60] {
        let mut life = Life::new();
        let disk = life.live(Retention::Events(asked), 20).disk.clone();
        assert!(numbers(&disk)[0] > 1, "{asked}");
        remove(&disk, &snapshots(&disk));
        let replayed = life.recover(&disk, Retention::Everything).unwrap().image().admin().stats().recovery.replayed;
        assert!((asked..=2 * asked + 31).contains(&replayed), "{asked} were asked for, and {replayed} kept");
    }
    // the clock of these tests goes on by a millisecond an event and more
    let mut life = Life::new();
    let disk = life.live(Retention::Period(Duration::from_millis(50)), 20).disk.clone();
    assert!(numbers(&disk)[0] > 1);
    remove(&disk, &snapshots(&disk));
    let replayed = life.recover(&disk, Retention::Everything).unwrap().image().admin().stats().recovery.replayed;
    assert!((40..=131).contains(&replayed), "{replayed}");
}

#[test]
fn an_image_that_keeps_everything_is_never_pruned_and_neither_is_one_that_was_pruned_once() {
    let mut life = Life::new();
    let disk = life.live(Retention::Everything, 6).disk.clone();
    assert_eq!((numbers(&disk)[0], bases(&disk)), (1, vec![]));
    life.live(Retention::Events(0), 2);
    let (first, base) = (numbers(&disk)[0], bases(&disk));
    assert!(first > 1);
    for _ in 0..2 {
        life.live(Retention::Everything, 4);
        assert_eq!((numbers(&disk)[0], bases(&disk)), (first, base.clone()));
        assert_eq!(snapshots(&disk).len(), 2);
    }
    remove(&disk, &snapshots(&disk));
    let run = life.recover(&disk, Retention::Everything).unwrap();
    assert!(run.image().admin().stats().recovery.replayed > 80);
}

#[test]
fn a_damaged_copy_of_the_base_is_made_again_from_the_other() {
    let mut life = Life::new();
    let whole = life.live(Retention::Events(0), 8).disk.clone();
    for without_snapshots in [false, true] {
        for at in 0..2 {
            for lost in [false, true] {
                let disk = whole.fork();
                let copies = bases(&disk);
                match lost {
                    true => remove(&disk, &copies[at..=at]),
                    false => damage_state(&disk, &copies[at]),
                }
                if without_snapshots {
                    remove(&disk, &snapshots(&disk));
                }
                let run = life.recover(&disk, Retention::Events(0)).unwrap();
                let unusable = run.image().admin().stats().recovery.unusable_snapshots;
                let [(told, _)] = &unusable[..] else { panic!("one copy, and once: {unusable:?}") };
                assert_eq!(*told, copies[at]);
                for path in &copies {
                    assert_eq!(disk.read(path).unwrap(), whole.read(path).unwrap());
                }
                assert!(disk.crash(|_| false).read(&copies[at]).is_ok(), "the mended copy is synced");
            }
        }
    }
}

#[test]
fn with_both_copies_damaged_a_snapshot_becomes_the_base() {
    let mut life = Life::new();
    let whole = life.live(Retention::Events(0), 8).disk.clone();
    let lost: [&dyn Fn(&SimDisk); 3] = [
        &|disk| bases(disk).iter().for_each(|path| damage(disk, path)),
        &|disk| bases(disk).iter().for_each(|path| damage_state(disk, path)),
        &|disk| remove(disk, &bases(disk)),
    ];
    for lose in lost {
        let disk = whole.fork();
        lose(&disk);
        let run = life.recover(&disk, Retention::Events(0)).unwrap();
        assert_eq!(run.image().admin().stats().base, Some(Seq::new(80)), "the newest snapshot");
        run.close();
        remove(&disk, &snapshots(&disk));
        life.recover(&disk, Retention::Events(0)).unwrap();

        let disk = whole.fork();
        lose(&disk);
        remove(&disk, &snapshots(&disk));
        let error = life.refused(&disk);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let disk = whole.fork();
    bases(&disk).iter().for_each(|path| damage(&disk, path));
    remove(&disk, &snapshots(&disk));
    expect_test::expect![[r#"
        the journal was pruned and begins with `/ledger/journal/00000008.journal`, and none of the states that it could go on from can be used; nothing was changed; restore one of these files from a copy:
          - `/ledger/journal/00000000000000000070.1.base`: the header's checksum is wrong
          - `/ledger/journal/00000000000000000070.2.base`: the header's checksum is wrong"#]]
    .assert_eq(&life.refused(&disk).to_string());
}

#[test]
fn a_base_that_cannot_be_mended_for_lack_of_room_is_no_reason_to_refuse_what_can_be_rebuilt() {
    let mut life = Life::new();
    let whole = life.live(Retention::Events(0), 8).disk.clone();
    let full = |disk: &SimDisk| {
        let disk = GateDisk::new(disk.clone());
        disk.fail(Act::Write, ".base.tmp", io::ErrorKind::StorageFull);
        options(Retention::Events(0)).open_with(Arc::new(disk), "/ledger")
    };
    let disk = whole.fork();
    damage(&disk, &bases(&disk)[0]);
    assert_eq!(full(&disk).unwrap().journal().seq(), life.seq);
    // resting on a snapshot alone would be another promise than the one given
    damage(&disk, &bases(&disk)[1]);
    assert_eq!(full(&disk).unwrap_err().kind(), ErrorKind::StorageFull);
    life.recover(&disk, Retention::Events(0)).unwrap();
}

#[test]
fn a_missing_segment_that_is_still_needed_is_refused() {
    let mut life = Life::new();
    let whole = life.live(Retention::Events(25), 9).disk.clone();
    let there = numbers(&whole);
    let used = there.len() - 1;
    assert!(there[0] > 1 && used > 3, "{there:?}");
    for &number in &there[..used] {
        for without in [false, true] {
            let disk = whole.fork();
            remove(&disk, &[segment(number).into()]);
            if without {
                remove(&disk, &snapshots(&disk));
            }
            let error = life.refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{number}: {error}");
            let position = error.position().and_then(|position| position.segment);
            assert_eq!(position.map(|segment| segment.get()), Some(number), "{error}");
        }
    }
}

#[test]
fn a_journal_whose_start_was_removed_by_hand_is_refused() {
    let mut life = Life::new();
    let disk = life.live(Retention::Everything, 8).disk.clone();
    remove(&disk, &[segment(1).into()]);
    let error = life.refused(&disk);
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("its file is missing"), "{error}");
}

#[test]
fn segments_that_come_back_after_they_were_removed_are_no_damage() {
    let mut life = Life::new();
    let before = life.live(Retention::Everything, 6).disk.fork();
    let disk = life.live(Retention::Events(0), 2).disk.clone();
    let first = numbers(&disk)[0];
    assert!(first > 4);
    let with_a_gap = vec![vec![1], vec![1, 2], vec![first - 2], vec![1, first - 1], vec![1, first - 2]];
    for back in with_a_gap.into_iter().chain([vec![first - 1], vec![first - 2, first - 1]]) {
        for without in [false, true] {
            let disk = disk.fork();
            back.iter().for_each(|number| copy(&before, &disk, &segment(*number)));
            if without {
                remove(&disk, &snapshots(&disk));
            }
            let mut life = Life { disk: disk.clone(), digests: life.digests.clone(), seq: life.seq };
            life.recover(&disk, Retention::Events(0)).unwrap_or_else(|why| panic!("{back:?}: {why}")).close();
            let there = numbers(&disk);
            assert!(there.windows(2).all(|pair| pair[1] == pair[0] + 1), "{back:?}: {there:?}");
            // and the next pruning finishes what is left of the last
            life.live(Retention::Events(0), 2);
            assert!(numbers(&disk)[0] >= first, "{back:?}");
        }
    }
}

/// From a backup, say. The events since are gone, so the state after it is a dead end.
#[test]
fn a_snapshot_from_before_the_base_is_of_no_use() {
    let mut life = Life::new();
    let before = life.live(Retention::Everything, 2).disk.fork();
    let disk = life.live(Retention::Events(0), 6).disk.clone();
    remove(&disk, &snapshots(&disk));
    for path in snapshots(&before) {
        copy(&before, &disk, path.to_str().unwrap());
    }
    let run = life.recover(&disk.fork(), Retention::Everything).unwrap();
    assert_eq!(run.image().admin().stats().recovery.snapshot, run.image().admin().stats().base);
    remove(&disk, &bases(&disk));
    let error = life.refused(&disk);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(error.to_string().matches("the events after it are no longer in the journal").count(), 2, "{error}");
}

#[test]
fn a_directory_of_a_base_without_segments_is_refused() {
    let mut life = Life::new();
    let disk = life.live(Retention::Events(0), 8).disk.clone();
    let segments: Vec<PathBuf> = numbers(&disk).into_iter().map(|number| segment(number).into()).collect();
    remove(&disk, &segments);
    remove(&disk, &snapshots(&disk));
    remove(&disk, &["/ledger/journal/durable".into()]);
    let error = life.refused(&disk);
    assert!(error.kind() == ErrorKind::NotAnImage && error.to_string().contains("base of a pruned journal"), "{error}");
}

#[test]
fn another_base_than_the_one_the_journal_was_pruned_for_is_refused() {
    // two images with one history in common: a copy of the directory that went on by itself
    let mut life = Life::new();
    life.live(Retention::Everything, 6);
    let fork = |amount| {
        let disk = life.disk.fork();
        let mut run = life.recover(&disk, Retention::Events(0)).unwrap();
        for _ in 0..2 {
            run.ask(&Ask::Deposit(9, amount));
            (0..9).for_each(|_| run.ask(&Ask::File(1_000)));
            run.image().admin().snapshot().unwrap();
        }
        run.close();
        remove(&disk, &snapshots(&disk));
        disk
    };
    let (one, other) = (fork(1), fork(2));
    let copies = bases(&one);
    assert_eq!((copies.len(), &copies), (2, &bases(&other)));
    for path in &copies {
        let bytes = other.read(path).unwrap();
        one.truncate(path, bytes.len() as u64).unwrap();
        one.write(path, 0, &bytes).unwrap();
    }
    // its digest stands in the journal, and in what was said when the journal was pruned
    let error = life.refused(&one);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(error.to_string().matches("it is of another line of this image").count(), 2, "{error}");
    let before = files(&one);
    let accepting = options(Retention::Everything).verify_digests(false);
    let error = accepting.open_with(Arc::new(one.clone()), "/ledger").unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("pruned for"), "{error}");
    assert_eq!(changed(&before, &files(&one)), Vec::<PathBuf>::new());
}

#[test]
fn a_retention_that_would_rest_on_states_nobody_rebuilt_is_refused() {
    for retention in [Retention::Events(0), Retention::Events(1_000_000), Retention::Period(Duration::from_secs(1))] {
        let disk = SimDisk::new();
        for unproven in [options(retention).verify_snapshots(false), options(retention).verify_digests(false)] {
            let error = unproven.open_with(Arc::new(disk.clone()), "/ledger").unwrap_err();
            assert!(error.to_string().starts_with("the option retention cannot be"), "{error}");
        }
        assert_eq!(disk.files(), Vec::<PathBuf>::new());
    }
    Run::options(Durability::Synced, 512)
        .verify_snapshots(false)
        .open_with(Arc::new(SimDisk::new()), "/ledger")
        .unwrap();
}

#[test]
fn commands_that_panic_are_rebuilt_from_a_pruned_journal() {
    let mut life = Life::new();
    let disk = life.live(Retention::Events(0), 8).disk.clone();
    for without in [false, true] {
        if without {
            remove(&disk, &snapshots(&disk));
        }
        let mut run = life.recover(&disk, Retention::Events(0)).unwrap();
        // `ask` compares the state with the one before
        run.ask(&Ask::Explode(3));
        run.ask(&Ask::Deposit(3, 3));
        run.ask(&Ask::Explode(3));
        ten_events(&mut run);
        (life.digests, life.seq) = run.close();
    }
}

/// Rebuilds read the directory while snapshots are made and the journal is pruned: they must find all that they need.
#[test]
fn panics_are_rebuilt_while_the_journal_is_being_pruned() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let disk = SimDisk::new();
        let options =
            Run::options(durability, 512).retention(Retention::Events(0)).snapshots(SnapshotPolicy::AfterEvents(20));
        let image = options.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..3_u32 {
                let image = &image;
                scope.spawn(move || {
                    let mut dice = Dice::new(u64::from(thread));
                    for _ in 0..80 {
                        match dice.below(4) {
                            0 => assert_eq!(image.explode(thread).unwrap_err().kind(), ErrorKind::Panicked),
                            1 => _ = image.file(vec![1; dice.below(3_000) as usize]).unwrap(),
                            _ => _ = image.deposit(thread, 1).unwrap(),
                        }
                    }
                });
            }
        });
        image.admin().snapshot().unwrap();
        image.admin().snapshot().unwrap();
        assert_eq!(image.admin().stats().retention_failure, None);
        assert!(numbers(&disk)[0] > 1, "{:?}", numbers(&disk));
        let (seq, state) = (image.journal().seq(), image.query(Ledger::clone).unwrap());
        Image::close(image).unwrap();
        remove(&disk, &snapshots(&disk));
        let image = open(&disk, Retention::Everything).unwrap();
        assert_eq!((image.journal().seq(), image.query(Ledger::clone).unwrap()), (seq, state));
    }
}

/// A rebuild has listed the segments and not read them yet, when they are about to be removed.
#[test]
fn no_segment_is_removed_while_the_model_is_being_rebuilt_from_it() {
    let (pruning, rebuilding) = (Gate::default(), Gate::default());
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = options(Retention::Events(0)).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let mut run = Run::begin(image.clone(), Vec::new(), Seq::ZERO).unwrap();
    ten_events(&mut run);
    image.admin().snapshot().unwrap();
    (0..3).for_each(|_| ten_events(&mut run));
    let gates = (pruning.clone(), rebuilding.clone());
    disk.rule(move |call| {
        match std::thread::current().name() {
            Some("pruning") if call.is(Act::CreateNew, ".1.base.tmp") => gates.0.pass(),
            Some("rebuilding") if call.is(Act::Open, "00000001.journal") => gates.1.pass(),
            _ => {}
        }
        Ok(None)
    });
    std::thread::scope(|scope| {
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let snapshot = thread("pruning").spawn_scoped(scope, || image.admin().snapshot()).unwrap();
        pruning.until_somebody_waits();
        let panic = thread("rebuilding").spawn_scoped(scope, || image.explode(1)).unwrap();
        rebuilding.until_somebody_waits();
        pruning.open();
        // long enough for the segment to go, if nothing kept it
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(numbers(&sim)[0], 1);
        rebuilding.open();
        assert_eq!(panic.join().unwrap().unwrap_err().kind(), ErrorKind::Panicked);
        assert!(snapshot.join().unwrap().unwrap().pruned.is_some());
    });
    assert!(numbers(&sim)[0] > 1);
    run.ask(&Ask::Deposit(1, 1));
}

/// What goes wrong while the base is made leaves the journal as it was, and the snapshot good.
#[test]
fn a_base_that_cannot_be_written_prunes_nothing_and_the_next_one_does() {
    let failures = [
        (Act::CreateNew, ".base.tmp"),
        (Act::Write, ".1.base.tmp"),
        (Act::Write, ".2.base.tmp"),
        (Act::SyncAll, ".2.base.tmp"),
        (Act::Rename, ".1.base"),
        (Act::Rename, ".2.base"),
    ];
    for (act, ending) in failures {
        let sim = SimDisk::new();
        let disk = GateDisk::new(sim.clone());
        let image = options(Retention::Events(0)).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
        let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
        disk.fail(act, ending, io::ErrorKind::StorageFull);
        for _ in 0..4 {
            ten_events(&mut run);
            let made = run.image().admin().snapshot().unwrap();
            assert_eq!(made.pruned, None, "{act:?} {ending}");
        }
        let stats = run.image().admin().stats();
        assert!(stats.retention_failure.is_some_and(|why| why.contains(".base.tmp")), "{act:?} {ending}");
        assert_eq!((stats.base, stats.snapshot_failure), (None, None));
        assert_eq!((numbers(&sim)[0], snapshots(&sim).len()), (1, 2), "{act:?} {ending}");
        disk.calm();
        ten_events(&mut run);
        assert!(run.image().admin().snapshot().unwrap().pruned.is_some());
        assert_eq!(run.image().admin().stats().retention_failure, None);
        assert!(numbers(&sim)[0] > 1);
        let (digests, seq) = run.close();
        Run::begin(open(&sim.crash(|_| false), Retention::Everything).unwrap(), digests, seq).unwrap();
    }
}

/// The base and its mark are there by then, so what could not be removed is only in the way, and goes with the next.
#[test]
fn segments_that_cannot_be_removed_are_removed_later() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = options(Retention::Events(0)).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
    disk.fail(Act::Remove, "2.journal", io::ErrorKind::PermissionDenied);
    for _ in 0..5 {
        ten_events(&mut run);
        run.image().admin().snapshot().unwrap();
    }
    assert!(run.image().admin().stats().retention_failure.is_some_and(|why| why.contains("00000002.journal")));
    // the oldest came first, and what follows the one that stays stays too
    assert_eq!(numbers(&sim)[..2], [2, 3]);
    let image = open(&sim.fork(), Retention::Everything).unwrap();
    assert_eq!(image.admin().stats().base, run.image().admin().stats().base);
    Run::begin(image, run.digests().to_vec(), run.image().journal().seq()).unwrap();
    disk.calm();
    ten_events(&mut run);
    assert!(run.image().admin().snapshot().unwrap().pruned.is_some());
    assert!(numbers(&sim)[0] > 3);
}

/// A sync of the directory that fails may have taken with it what another sync of it then reports as done.
#[test]
fn a_failed_sync_of_the_journal_s_directory_poisons() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = options(Retention::Events(0)).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
    let renamed = AtomicBool::new(false);
    disk.rule(move |call| {
        let base = call.act == Act::Rename && call.path.to_string_lossy().contains(".2.base");
        let renamed = renamed.fetch_or(base, Ordering::SeqCst);
        if renamed && call.is(Act::SyncDir, "/journal") { Err(io::Error::other("the disk is gone")) } else { Ok(None) }
    });
    for _ in 0..2 {
        ten_events(&mut run);
        assert_eq!(run.image().admin().snapshot().unwrap().pruned, None);
    }
    assert!(run.image().admin().stats().retention_failure.is_some_and(|why| why.contains("the disk is gone")));
    assert_eq!(numbers(&sim)[0], 1);
    assert!(run.image().deposit(1, 1).unwrap_err().is_poisoned());
    let (digests, seq) = (run.digests().to_vec(), run.image().journal().seq());
    drop(run);
    Run::begin(open(&sim.crash(|_| false), Retention::Events(0)).unwrap(), digests, seq).unwrap();
}

/// The ledger as a later program has it, under the same name.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "Ledger", version = 2)]
struct Grown {
    accounts: BTreeMap<u32, i64>,
    deposits: u64,
}

#[memimage::commands]
impl Grown {
    #[command]
    fn deposit(&mut self, account: u32, amount: u32) -> i64 {
        self.deposits += 1;
        let balance = self.accounts.entry(account).or_default();
        *balance += i64::from(amount);
        *balance
    }
}

/// The same once more, by a program that knows what it was before.
mod taught {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use memimage_tests::Entry;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Ledger", version = 2, history(LedgerV1))]
    pub(crate) struct Taught {
        pub(crate) accounts: BTreeMap<u32, i64>,
        pub(crate) old: bool,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct LedgerV1 {
        accounts: BTreeMap<u32, i64>,
        entries: Vec<Entry>,
        filed: u64,
        hash: u64,
        failed: u32,
    }

    #[memimage::upcast]
    fn ledger_1_to_2(old: LedgerV1) -> Taught {
        Taught { accounts: old.accounts, old: true }
    }

    #[memimage::commands]
    impl Taught {
        #[command]
        pub(crate) fn deposit(&mut self, account: u32, amount: u32) -> i64 {
            let balance = self.accounts.entry(account).or_default();
            *balance += i64::from(amount);
            *balance
        }
    }
}

fn grown<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
        .open_with(Arc::new(disk.clone()), "/ledger")
}

fn deposits(image: &Image<Ledger>, snapshots: u64) {
    for _ in 0..snapshots {
        for _ in 0..30 {
            image.deposit(1, 1).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
}

#[test]
fn a_pruned_journal_whose_model_has_changed_since_is_refused_with_what_to_do() {
    let disk = SimDisk::new();
    let image = open(&disk, Retention::Events(0)).unwrap();
    deposits(&image, 4);
    Image::close(image).unwrap();
    assert!(numbers(&disk)[0] > 1);
    let before = files(&disk);
    let error = grown::<Grown>(&disk).unwrap_err();
    assert!(error.kind() == ErrorKind::Incompatible && error.to_string().contains("state upcaster"), "{error}");
    assert_eq!(changed(&before, &files(&disk)), Vec::<PathBuf>::new());
    assert_eq!(open(&disk, Retention::Events(0)).unwrap().journal().seq(), Seq::new(120));
}

#[test]
fn a_base_of_an_older_model_is_upcast_and_stays_until_there_is_a_newer_one() {
    use taught::{Taught, TaughtCommands as _};

    let disk = SimDisk::new();
    let image = open(&disk, Retention::Events(0)).unwrap();
    deposits(&image, 4);
    Image::close(image).unwrap();
    let old = bases(&disk);
    let alone = disk.fork();
    remove(&alone, &snapshots(&alone));
    let image = grown::<Taught>(&alone).unwrap();
    assert_eq!(image.query(|taught| (taught.accounts[&1], taught.old)).unwrap(), (120, true));
    assert_eq!(image.admin().stats().recovery.snapshot, Some(Seq::new(90)));

    let image = grown::<Taught>(&disk).unwrap();
    for snapshot in 0..2 {
        (0..30).for_each(|_| _ = image.deposit(1, 1).unwrap());
        assert_eq!(bases(&disk), old);
        let pruned = image.admin().snapshot().unwrap().pruned;
        assert_eq!(pruned, (snapshot == 1).then_some(Seq::new(150)), "the first of its own that another rests on");
    }
    assert!(bases(&disk).iter().all(|path| !old.contains(path)));
    Image::close(image).unwrap();
    remove(&disk, &snapshots(&disk));
    assert_eq!(grown::<Taught>(&disk).unwrap().query(|taught| taught.accounts[&1]).unwrap(), 180);
    assert_eq!(open(&disk, Retention::Everything).unwrap_err().kind(), ErrorKind::Incompatible);
}

/// The program lost its upcaster, and there is a snapshot that it needs none for.
#[test]
fn a_base_that_this_program_cannot_load_is_replaced_by_the_snapshot_that_it_could() {
    use taught::{Taught, TaughtCommands as _};

    let disk = SimDisk::new();
    let image = open(&disk, Retention::Events(0)).unwrap();
    deposits(&image, 4);
    Image::close(image).unwrap();
    let image = grown::<Taught>(&disk).unwrap();
    image.deposit(1, 1).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();

    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Ledger", version = 2)]
    struct Forgot {
        accounts: BTreeMap<u32, i64>,
        old: bool,
    }

    #[memimage::commands]
    impl Forgot {
        #[command]
        fn deposit(&mut self, account: u32, amount: u32) {
            *self.accounts.entry(account).or_default() += i64::from(amount);
        }
    }

    let image = grown::<Forgot>(&disk).unwrap();
    assert_eq!(image.admin().stats().base, Some(Seq::new(121)));
    Image::close(image).unwrap();
    remove(&disk, &snapshots(&disk));
    assert_eq!(grown::<Forgot>(&disk).unwrap().query(|model| model.accounts[&1]).unwrap(), 121);
}

/// The journal is the only way to the new model's first state, so it must be there until others were proven.
#[test]
fn a_changed_model_is_replayed_from_genesis_and_pruned_only_up_to_a_state_of_its_own() {
    let disk = SimDisk::new();
    let image = open(&disk, Retention::Everything).unwrap();
    deposits(&image, 4);
    Image::close(image).unwrap();
    assert_eq!(numbers(&disk)[0], 1);

    let image = grown::<Grown>(&disk).unwrap();
    assert_eq!(image.admin().stats().recovery.replayed, 120);
    assert_eq!(numbers(&disk)[0], 1, "opening prunes nothing");
    image.deposit(1, 1).unwrap();
    assert_eq!(image.admin().snapshot().unwrap().pruned, None, "the snapshot before it is of the old model");
    assert_eq!(image.admin().stats().retention_failure, None);
    assert_eq!(numbers(&disk)[0], 1);
    image.deposit(1, 1).unwrap();
    assert_eq!(image.admin().snapshot().unwrap().pruned, Some(Seq::new(121)));
    assert!(numbers(&disk)[0] > 1);
    Image::close(image).unwrap();

    remove(&disk, &snapshots(&disk));
    let image = grown::<Grown>(&disk).unwrap();
    assert_eq!(image.query(|grown| (grown.deposits, grown.accounts[&1])).unwrap(), (122, 122));
}

/// A body that is not deterministic is found before anything rests on what it did.
#[test]
fn nothing_is_pruned_while_replay_gives_another_state() {
    static COUNT: AtomicU64 = AtomicU64::new(0);

    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    struct Careless {
        seen: Vec<u64>,
    }

    #[memimage::commands]
    impl Careless {
        #[command]
        fn look(&mut self, padding: Vec<u8>) -> usize {
            self.seen.push(COUNT.fetch_add(1, Ordering::SeqCst) + padding.len() as u64);
            self.seen.len()
        }
    }

    let disk = SimDisk::new();
    let image = Image::<Careless>::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
        .open_with(Arc::new(disk.clone()), "/ledger")
        .unwrap();
    for _ in 0..4 {
        (0..5).for_each(|_| _ = image.look(vec![0; 3_000]).unwrap());
        assert_eq!(image.admin().snapshot().unwrap_err().kind(), ErrorKind::Diverged);
    }
    assert_eq!((numbers(&disk)[0], bases(&disk).len()), (1, 0));
}

/// Each snapshot was rebuilt from the one before it, and the oldest, which is to be the base, gives another state by now.
#[test]
fn a_state_from_which_replay_does_not_lead_to_the_newest_is_no_base() {
    static STEP: AtomicU64 = AtomicU64::new(1);

    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    struct Changed {
        total: u64,
    }

    #[memimage::commands]
    impl Changed {
        /// A body that is changed without a new version.
        #[command]
        fn add(&mut self, _padding: Vec<u8>) {
            self.total += STEP.load(Ordering::SeqCst);
        }
    }

    let disk = SimDisk::new();
    let open = || {
        let options = Image::<Changed>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
        options.retention(Retention::Events(15)).open_with(Arc::new(disk.clone()), "/ledger").unwrap()
    };
    let snapshot = |image: &Image<Changed>| {
        (0..10).for_each(|_| image.add(vec![0; 3_000]).unwrap());
        image.admin().snapshot().unwrap()
    };
    let image = open();
    (0..2).for_each(|_| assert_eq!(snapshot(&image).pruned, None));
    Image::close(image).unwrap();
    STEP.store(2, Ordering::SeqCst);
    let image = open();
    let made = snapshot(&image);
    assert!(made.drilled && made.pruned.is_none());
    let why = image.admin().stats().retention_failure.unwrap();
    assert!(why.starts_with("the state after event 20 is not the one that was recorded"), "{why}");
    assert_eq!((numbers(&disk)[0], bases(&disk).len()), (1, 0));
    // what came after the change is whole in itself
    assert_eq!(snapshot(&image).pruned, Some(Seq::new(20)));
    assert_eq!(image.admin().stats().retention_failure, None);
    Image::close(image).unwrap();
    remove(&disk, &snapshots(&disk));
    assert_eq!(open().query(|model| model.total).unwrap(), 20 + 2 * 20);
}

/// Who submits without waiting is not held up, and what was submitted is kept.
#[test]
fn pruning_goes_on_beside_commands() {
    let disk = SimDisk::new();
    let options = options(Retention::Events(50)).snapshots(SnapshotPolicy::AfterEvents(100));
    let image = options.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let mut last = None;
    for n in 0..4_000 {
        last = Some(image.submit(LedgerDeposit { account: n % 9, amount: 1 }).unwrap());
        if n % 50 == 0 {
            last.take().unwrap().wait().unwrap();
        }
    }
    last.map_or(Ok(0), |pending| pending.wait()).unwrap();
    for _ in 0..2 {
        image.admin().snapshot().unwrap();
        (0..60).for_each(|n| _ = image.deposit(n, 1).unwrap());
    }
    image.admin().snapshot().unwrap();
    let state = image.query(Ledger::clone).unwrap();
    Image::close(image).unwrap();
    assert!(numbers(&disk)[0] > 1);
    remove(&disk, &snapshots(&disk));
    assert_eq!(open(&disk, Retention::Everything).unwrap().query(Ledger::clone).unwrap(), state);
}
