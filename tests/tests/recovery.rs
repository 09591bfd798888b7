//! Recovery gives the state that was live: after any commands, in every durability mode, whatever happened in between.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Retention, Seq};
use memimage_tests::{Ask, Dice, Run, cases};
use proptest::prelude::*;

/// Something that happens to an image.
#[derive(Clone, Debug)]
enum Step {
    Ask(Ask),
    Wait,
    Sync,
    Snapshot,
    DeleteSnapshots,
    /// Closed and opened, in another durability mode and alignment.
    Reopen(Durability, u32),
    /// The process is killed: what was written is there.
    Kill(Durability, u32),
    /// The power is cut: what was not synced may be there.
    Cut(Durability, u32, u64),
}

fn ask() -> impl Strategy<Value = Ask> {
    let (account, amount) = (0..5_u32, 0..500_u32);
    let size = prop_oneof![6 => 0..700_usize, 2 => 700..5_000_usize, 1 => 5_000..60_000_usize];
    prop_oneof![
        4 => (account.clone(), amount.clone()).prop_map(|(a, n)| Ask::Deposit(a, n)),
        3 => (account.clone(), amount.clone()).prop_map(|(a, n)| Ask::Withdraw(a, n)),
        3 => (account.clone(), amount.clone()).prop_map(|(a, n)| Ask::Settle(a, n)),
        2 => any::<Option<u8>>().prop_map(Ask::Draw),
        4 => size.prop_map(Ask::File),
        1 => account.clone().prop_map(Ask::Explode),
        1 => Just(Ask::Burn),
        4 => (account, amount).prop_map(|(a, n)| Ask::Submit(a, n)),
    ]
}

fn durability() -> impl Strategy<Value = Durability> {
    let interval = Durability::Interval(Duration::from_millis(1));
    prop_oneof![2 => Just(Durability::Synced), 1 => Just(Durability::Buffered), 1 => Just(interval)]
}

fn step() -> impl Strategy<Value = Step> {
    let align = prop_oneof![Just(8_u32), Just(512), Just(4096)];
    let mode = (durability(), align).boxed();
    prop_oneof![
        30 => ask().prop_map(Step::Ask),
        1 => Just(Step::Wait),
        1 => Just(Step::Sync),
        2 => Just(Step::Snapshot),
        1 => Just(Step::DeleteSnapshots),
        1 => mode.clone().prop_map(|(d, a)| Step::Reopen(d, a)),
        1 => mode.clone().prop_map(|(d, a)| Step::Kill(d, a)),
        1 => (mode, any::<u64>()).prop_map(|((d, a), seed)| Step::Cut(d, a, seed)),
    ]
}

fn retention() -> impl Strategy<Value = Retention> {
    prop_oneof![2 => Just(Retention::Everything), 1 => (0..20_u64).prop_map(Retention::Events)]
}

fn open(
    disk: &SimDisk,
    (durability, align): (Durability, u32),
    retention: Retention,
    digests: Vec<u64>,
    at_least: Seq,
) -> Result<Run, String> {
    let options = Run::options(durability, align).retention(retention);
    let image = options.open_with(Arc::new(disk.clone()), "/ledger").map_err(|error| error.to_string())?;
    Run::begin(image, digests, at_least)
}

fn delete_snapshots(disk: &SimDisk) {
    for path in disk.files().iter().filter(|path| path.starts_with("/ledger/snapshot")) {
        disk.remove(path).unwrap();
    }
    disk.sync_dir(Path::new("/ledger/snapshot")).unwrap();
}

/// Takes the steps and judges each recovered state. `Err` says what was not recovered.
fn live(steps: &[Step], retention: Retention) -> Result<(), String> {
    let mut disk = SimDisk::new();
    let mut mode = Durability::Synced;
    let mut run = open(&disk, (mode, 512), retention, Vec::new(), Seq::ZERO)?;
    for step in steps {
        run = match step {
            Step::Ask(ask) => {
                run.ask(ask);
                run
            }
            Step::Wait => {
                run.wait();
                run
            }
            Step::Sync => {
                run.sync();
                run
            }
            Step::Snapshot => {
                let info = run.image().admin().snapshot().map_err(|error| error.to_string())?;
                assert!(info.verified);
                assert_eq!(run.image().admin().stats().retention_failure, None);
                run
            }
            Step::DeleteSnapshots => {
                delete_snapshots(&disk);
                run
            }
            Step::Reopen(durability, align) => {
                let (digests, seq) = run.close();
                mode = *durability;
                open(&disk, (mode, *align), retention, digests, seq)?
            }
            Step::Kill(durability, align) => {
                let acknowledged = Seq::new(run.acknowledged().load(std::sync::atomic::Ordering::SeqCst));
                let (after, digests) = (disk.fork(), run.digests().to_vec());
                drop(run);
                disk = after;
                mode = *durability;
                open(&disk, (mode, *align), retention, digests, acknowledged)?
            }
            Step::Cut(durability, align, seed) => {
                let kept = if mode == Durability::Synced { run.acknowledged() } else { run.durable() };
                let kept = Seq::new(kept.load(std::sync::atomic::Ordering::SeqCst));
                let mut dice = Dice::new(*seed);
                let (after, digests) = (disk.crash(|_| dice.once_in(2)), run.digests().to_vec());
                drop(run);
                disk = after;
                mode = *durability;
                open(&disk, (mode, *align), retention, digests, kept)?
            }
        };
    }
    let (digests, seq) = run.close();
    // once by the newest snapshot, once from the first event or the base
    Run::open(disk.fork(), Durability::Synced, 512, digests.clone(), seq)?.close();
    delete_snapshots(&disk);
    let run = Run::open(disk, Durability::Synced, 512, digests, seq)?;
    let stats = run.image().admin().stats();
    assert_eq!(stats.recovery.replayed, seq.get() - stats.base.map_or(0, Seq::get));
    assert!(stats.base.is_none() || retention != Retention::Everything);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_recovered_state_is_the_live_one(steps in prop::collection::vec(step(), 1..120), retention in retention()) {
        live(&steps, retention).map_err(TestCaseError::fail)?;
    }
}

/// Sizes at which a frame ends anywhere in a sector. Once a trailer ended with the length of its frame, whose upper bytes
/// are zero: a frame whose last byte or two fell into a sector of their own had no salt that left no sector zero, and the
/// search for one never ended. The image hung for good at one command in two hundred or so.
#[test]
fn payloads_of_every_size_are_recorded() {
    for align in [8, 512] {
        let disk = SimDisk::new();
        let mut run = Run::open(disk.clone(), Durability::Synced, align, Vec::new(), Seq::ZERO).unwrap();
        for size in 0..1_200 {
            run.ask(&Ask::File(size));
        }
        let (digests, seq) = run.close();
        Run::open(disk, Durability::Synced, align, digests, seq).unwrap();
    }
}

/// The largest records get a segment of their own, which replaces the one made ahead.
#[test]
fn payloads_larger_than_a_segment_are_recorded() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let disk = SimDisk::new();
        let mut run = Run::open(disk.clone(), durability, 512, Vec::new(), Seq::ZERO).unwrap();
        for size in [10, 11_000, 12_288, 16_384, 70_000, 0, 16_000, 200_000, 1] {
            run.ask(&Ask::File(size));
        }
        let (digests, seq) = run.close();
        Run::open(disk, durability, 512, digests, seq).unwrap();
    }
}

/// A command that needs the next segment and then panics leaves nothing there. If the one after it was too large for that
/// segment, it went straight to the segment after, and an empty segment in the middle is damage: the image closed in
/// order and could never be opened again.
#[test]
fn a_segment_planned_for_a_command_that_panicked_is_not_skipped() {
    for before in 0..30 {
        let disk = SimDisk::new();
        let mut run = Run::open(disk.clone(), Durability::Synced, 512, Vec::new(), Seq::ZERO).unwrap();
        // the first use of a command records its shape, which would be in the way below
        [Ask::Explode(1), Ask::File(0)].iter().for_each(|ask| run.ask(ask));
        (0..before).for_each(|_| run.ask(&Ask::Deposit(1, 1)));
        run.ask(&Ask::Explode(1));
        run.ask(&Ask::File(20_000));
        let (digests, seq) = run.close();
        Run::open(disk, Durability::Synced, 512, digests, seq).unwrap();
    }
}

/// The syncer of a closing image synced without end: it never took note that its interval was over.
#[test]
fn an_interval_is_closed_before_it_is_over() {
    for interval in [Duration::from_micros(50), Duration::from_millis(1), Duration::from_secs(3600)] {
        let disk = SimDisk::new();
        let mut run = Run::open(disk.clone(), Durability::Interval(interval), 512, Vec::new(), Seq::ZERO).unwrap();
        (0..50).for_each(|_| run.ask(&Ask::Submit(1, 1)));
        let (digests, seq) = run.close();
        // all of it is on disk after that, whatever the power does
        Run::open(disk.crash(|_| false), Durability::Synced, 512, digests, seq).unwrap();
    }
}
