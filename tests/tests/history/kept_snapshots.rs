//! Snapshots that are kept for past states.

use std::cell::Cell;
use std::sync::Arc;

use memimage::disk::{Fault, Method, SimDisk};
use memimage::{ErrorKind, Image, Journal, Model, Options, Retention, Seq, Shape, SnapshotPolicy, SnapshotSpread};
use serde::{Deserialize, Serialize};

thread_local! {
    /// The number of events that this thread has applied.
    static APPLIED: Cell<u64> = const { Cell::new(0) };
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Tally {
    sum: u64,
}

#[memimage::commands]
impl Tally {
    #[command]
    fn add(&mut self, number: u64) {
        APPLIED.set(APPLIED.get() + 1);
        self.sum += number;
    }
}

/// Later programs with the same image.
mod later {
    pub(super) mod with_upcaster {
        use memimage::{Model, Shape};
        use serde::{Deserialize, Serialize};

        #[derive(Default, Serialize, Deserialize, Shape, Model)]
        #[model(name = "Tally", version = 2, history(TallyV1))]
        pub(in super::super) struct Tally {
            pub(in super::super) sum: u64,
            pub(in super::super) last: u64,
        }

        #[derive(Serialize, Deserialize, Shape)]
        struct TallyV1 {
            sum: u64,
        }

        #[memimage::upcast]
        fn tally(old: TallyV1) -> Tally {
            Tally { sum: old.sum, last: 0 }
        }

        #[memimage::commands]
        impl Tally {
            #[command]
            pub(in super::super) fn add(&mut self, number: u64) {
                super::super::APPLIED.set(super::super::APPLIED.get() + 1);
                self.sum += number;
                self.last = number;
            }
        }
    }

    pub(super) mod without_upcaster {
        use memimage::{Model, Shape};
        use serde::{Deserialize, Serialize};

        #[derive(Default, Serialize, Deserialize, Shape, Model)]
        #[model(name = "Tally", version = 2)]
        pub(in super::super) struct Tally {
            pub(in super::super) sum: u64,
            pub(in super::super) count: u64,
        }

        #[memimage::commands]
        impl Tally {
            #[command]
            pub(in super::super) fn add(&mut self, number: u64) {
                super::super::APPLIED.set(super::super::APPLIED.get() + 1);
                self.sum += number;
                self.count += 1;
            }
        }
    }
}

const PATH: &str = "/tally";

fn options<M: Model>() -> Options<M> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: &SimDisk, options: Options<Tally>) -> Image<Tally> {
    options.open_with(Arc::new(disk.clone()), PATH).unwrap()
}

/// Makes `snapshots` snapshots, with ten events before each.
fn run(image: &Image<Tally>, snapshots: u64) {
    for _ in 0..snapshots {
        for _ in 0..10 {
            image.add(1).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
}

/// The seqs of the snapshots on disk, oldest first.
fn on_disk(disk: &SimDisk, path: &str) -> Vec<u64> {
    let names = disk.files().into_iter().filter(|file| file.starts_with(format!("{path}/snapshot")));
    let mut seqs: Vec<u64> = names.map(|file| file.file_stem().unwrap().to_str().unwrap().parse().unwrap()).collect();
    seqs.sort_unstable();
    seqs
}

/// Rebuilds a past state, and returns how many events were replayed for it.
fn replayed<M: Model>(journal: &Journal<M>, seq: u64, sum: impl Fn(&M) -> u64) -> u64 {
    APPLIED.set(0);
    let past = journal.at(Seq::new(seq)).unwrap();
    assert_eq!(sum(&past), seq);
    APPLIED.get()
}

#[test]
fn a_past_state_begins_at_the_nearest_kept_snapshot() {
    for spread in [SnapshotSpread::Even, SnapshotSpread::Recent] {
        let disk = SimDisk::new();
        let image = open(&disk, options().keep_snapshots(8, spread));
        run(&image, 100);
        let kept = on_disk(&disk, PATH);
        let mut reported: Vec<u64> = image.admin().stats().snapshots.iter().map(|seq| seq.get()).collect();
        reported.reverse();
        assert_eq!((kept.len(), &kept[6..], &reported), (8, &[990, 1_000][..], &kept));
        for seq in (0..=1_000).step_by(13).chain(kept.iter().copied()) {
            let nearest = kept.iter().copied().filter(|kept| *kept <= seq).max().unwrap_or(0);
            let events = replayed(&image.journal(), seq, |tally| tally.sum);
            assert_eq!(events, seq - nearest, "{spread:?}: event {seq} of {kept:?}");
        }
        let gap = |at: u64| {
            let older = kept.iter().copied().filter(|kept| *kept <= at).max().unwrap_or(0);
            kept.iter().copied().find(|kept| *kept > at).unwrap_or(1_000) - older
        };
        match spread {
            SnapshotSpread::Even => assert!((0..1_000).all(|at| gap(at) <= 2 * 1_000 / 7), "{kept:?}"),
            _ => assert!(gap(950) < gap(700) && gap(700) < gap(100), "{kept:?}"),
        }
    }
}

#[test]
fn another_number_counts_after_the_next_snapshot() {
    let disk = SimDisk::new();
    let image = open(&disk, options().keep_snapshots(5, SnapshotSpread::Even));
    run(&image, 20);
    Image::close(image).unwrap();
    let image = open(&disk, options());
    assert_eq!(on_disk(&disk, PATH).len(), 5);
    run(&image, 1);
    assert_eq!(on_disk(&disk, PATH), [200, 210]);
    for refused in [0, 1, 1_001] {
        let options = options::<Tally>().keep_snapshots(refused, SnapshotSpread::Recent);
        let error = options.open_with(Arc::new(SimDisk::new()), PATH).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidOption);
        assert!(error.to_string().contains("keep_snapshots"), "{error}");
    }
}

#[test]
fn an_interrupted_removal_is_completed_after_the_next_snapshot() {
    let before = SimDisk::new();
    let image = open(&before, options().keep_snapshots(8, SnapshotSpread::Even));
    run(&image, 10);
    Image::close(image).unwrap();
    let kept = on_disk(&before, PATH);
    for removed in 1..=6 {
        let disk = before.fork();
        let image = open(&disk, options().keep_snapshots(3, SnapshotSpread::Even));
        disk.inject(Fault::io().on(&[Method::Remove]).path(".snapshot").from(removed));
        image.add(1).unwrap();
        image.admin().snapshot().unwrap();
        assert!(image.admin().stats().retention_failure.is_some_and(|error| error.contains("snapshot")));
        assert_eq!(on_disk(&disk, PATH).len() as u64, kept.len() as u64 + 1 - (removed - 1));
        disk.heal();
        // a kill; a power cut that takes the removals back; and one that does not
        for after in [disk.fork(), disk.crash(|_| false), disk.crash(|_| true)] {
            let image = open(&after, options().keep_snapshots(3, SnapshotSpread::Even));
            for seq in [0, 5, 55, 99, 101] {
                let left = on_disk(&after, PATH);
                let nearest = left.iter().copied().filter(|kept| *kept <= seq).max().unwrap_or(0);
                assert_eq!(replayed(&image.journal(), seq, |tally| tally.sum), seq - nearest, "{left:?}");
            }
            image.add(1).unwrap();
            image.admin().snapshot().unwrap();
            let left = on_disk(&after, PATH);
            assert_eq!((left.len(), &left[1..]), (3, &[101, 102][..]));
            assert_eq!(image.admin().stats().retention_failure, None);
        }
    }
}

#[test]
fn snapshots_of_an_older_version_are_used_if_their_state_can_be_upcast() {
    let disk = SimDisk::new();
    let image = open(&disk, options().keep_snapshots(6, SnapshotSpread::Even));
    run(&image, 6);
    Image::close(image).unwrap();
    assert_eq!(on_disk(&disk, PATH), [10, 20, 30, 40, 50, 60]);

    let upcast = disk.fork();
    {
        use later::with_upcaster::{Tally, TallyCommands as _};
        let options = || options::<Tally>().keep_snapshots(6, SnapshotSpread::Even);
        let image = options().open_with(Arc::new(upcast.clone()), PATH).unwrap();
        assert_eq!(replayed(&image.journal(), 45, |tally| tally.sum), 5);
        for _ in 0..2 {
            for _ in 0..10 {
                image.add(1).unwrap();
            }
            image.admin().snapshot().unwrap();
        }
        let kept = on_disk(&upcast, PATH);
        assert_eq!((kept.len(), &kept[4..]), (6, &[70, 80][..]));
        for seq in [9, 45, 59, 60, 66, 75, 80] {
            let nearest = kept.iter().copied().filter(|kept| *kept <= seq).max().unwrap_or(0);
            assert_eq!(replayed(&image.journal(), seq, |tally| tally.sum), seq - nearest, "{seq} of {kept:?}");
        }
        assert_eq!(image.journal().at(Seq::new(71)).unwrap().last, 1);
    }

    let genesis = disk.fork();
    let image: Image<later::without_upcaster::Tally> =
        options().keep_snapshots(6, SnapshotSpread::Even).open_with(Arc::new(genesis), PATH).unwrap();
    assert_eq!(replayed(&image.journal(), 45, |tally| tally.count), 45, "no snapshot can be used");
    image.admin().snapshot().unwrap();
    later::without_upcaster::TallyCommands::add(&image, 1).unwrap();
    assert_eq!(replayed(&image.journal(), 61, |tally| tally.count), 1, "its own can");
}

#[test]
fn a_retention_keeps_no_snapshot_before_the_base() {
    let disk = SimDisk::new();
    let keep = || options().retention(Retention::Events(500)).keep_snapshots(200, SnapshotSpread::Even);
    let image = open(&disk, keep());
    let mut pruned = 0;
    for _ in 0..200 {
        run(&image, 1);
        let stats = image.admin().stats();
        assert_eq!(stats.retention_failure, None);
        let kept = on_disk(&disk, PATH);
        if let Some(base) = stats.base {
            pruned = base.get();
            assert!(kept.iter().all(|seq| *seq >= pruned), "{kept:?} before the base {pruned}");
        }
    }
    assert!(pruned >= 500, "{pruned}");
    let kept = on_disk(&disk, PATH);
    for seq in (pruned..=2_000).step_by(37) {
        let nearest = kept.iter().copied().filter(|kept| *kept <= seq).max().unwrap_or(0).max(pruned);
        assert_eq!(replayed(&image.journal(), seq, |tally| tally.sum), seq - nearest, "{seq} of {kept:?}");
    }
    assert_eq!(image.journal().at(Seq::new(pruned - 1)).unwrap_err().kind(), ErrorKind::Pruned);
}

#[test]
fn a_backup_has_the_kept_snapshots_and_loses_those_that_the_image_removed() {
    let disk = SimDisk::new();
    let image = open(&disk, options().keep_snapshots(5, SnapshotSpread::Even));
    for _ in 0..3 {
        run(&image, 7);
        image.admin().backup("/backup").unwrap();
        assert_eq!(on_disk(&disk, "/backup"), on_disk(&disk, PATH));
        assert_eq!(on_disk(&disk, PATH).len(), 5);
    }
    let kept = on_disk(&disk, PATH);
    let copy: Journal<Tally> = options().open_journal_with(Arc::new(disk.clone()), "/backup").unwrap();
    assert_eq!(replayed(&copy, kept[1] + 3, |tally| tally.sum), 3);
    assert!(memimage::admin::check_with(Arc::new(disk.clone()), "/backup").unwrap().is_sound());
}

#[test]
fn a_damaged_kept_snapshot_is_reported_and_skipped() {
    let disk = SimDisk::new();
    let image = open(&disk, options().keep_snapshots(5, SnapshotSpread::Even));
    run(&image, 5);
    Image::close(image).unwrap();
    let path = format!("{PATH}/snapshot/{:020}.snapshot", 30);
    let last = disk.read(&path).unwrap().len() as u64 - 1;
    let byte = disk.read(&path).unwrap()[last as usize];
    disk.write(&path, last, &[byte ^ 1]).unwrap();
    let journal: Journal<Tally> = options().open_journal_with(Arc::new(disk.clone()), PATH).unwrap();
    assert_eq!(replayed(&journal, 35, |tally| tally.sum), 15, "from the snapshot before it");
    let checked = memimage::admin::check_with(Arc::new(disk.clone()), PATH).unwrap();
    assert!(checked.to_string().contains("00000000000000000030.snapshot"), "{checked}");
}
