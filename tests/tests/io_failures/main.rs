//! The n-th disk call fails, for n = 1, 2, 3 … until a session completes without a failure. The call fails once, or all calls
//! from the n-th on fail. A failed call has no effect, its full effect, or a part of it; a failed sync may also drop the data
//! while later syncs succeed. The library must not panic or hang. Acknowledged events must be there after a reopen, also after
//! a power cut; events that are reported as not recorded must not be there; an operation that fails without poisoning the image
//! can be repeated.
//!
//! `MEMIMAGE_CASES` sets the number of rounds, each with other power cuts; `MEMIMAGE_SEED` the seed of the first round. Without
//! `MEMIMAGE_CASES`, only every 7th change fails, with one of the effects. `MEMIMAGE_STRIDE` sets another distance between failing
//! calls. Of the reads, of which there are many, a fifth as many fail.

mod session;
mod oracle;
mod deliveries;
mod followers;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use memimage::disk::{Crash, Disk, Effect, Fault, Method, SimDisk};
use memimage::{Durability, ErrorKind, Image, Retention};
use memimage_tests::{Ledger, cases, changed, files, with_timeout};

use deliveries::DeliverySession;
use oracle::{ExpectedHistory, LedgerChange};
use session::{LEDGER, Mode, REWRITTEN, Session, Stop, exists};

/// Runs a session on a disk with this fault, and recovers the image. Returns the number of failed calls.
fn try_fault(mode: Mode, fault: &Fault, once: bool, variant: u64) -> Result<u64, String> {
    let disk = SimDisk::new();
    disk.inject(fault.clone());
    let mut session = Session { disk: &disk, mode, once, history: ExpectedHistory::new() };
    let ended = session.run();
    let history = session.history;
    let strikes = disk.strikes();
    disk.heal();
    let result = match ended {
        Ok(()) | Err(Stop::Unusable) => recover(&disk, mode, history, variant),
        Err(Stop::Bug(why)) => Err(why),
    };
    result.map(|()| strikes).map_err(|why| format!("{why}\n{}", disk.trace()))
}

/// Verifies that the image is recovered on a disk without faults, in a new process and after power cuts.
fn recover(disk: &SimDisk, mode: Mode, history: ExpectedHistory, variant: u64) -> Result<(), String> {
    let durable =
        if mode.durability == Durability::Synced { history.acknowledged.max(history.durable) } else { history.durable };
    let cuts = [Crash::Nothing, Crash::Everything, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(variant)];
    for crash in [&cuts[variant as usize % 5], &Crash::Subset(variant + 1)] {
        let left = disk.crash_by(crash);
        let recovered = reopen(&left, mode, &mut history.clone(), durable);
        recovered.map_err(|why| format!("after a power cut, {crash:?}: {why}\n{}", left.trace()))?;
    }
    use_image(disk, mode, history).map_err(|why| format!("after a reopen: {why}"))
}

/// Opens the image and verifies that all promised events are there, and that the recovered events are durable.
fn reopen(disk: &SimDisk, mode: Mode, history: &mut ExpectedHistory, promised: usize) -> Result<Image<Ledger>, String> {
    let image = mode.open(disk, LEDGER).map_err(|error| format!("the image does not open: {error}"))?;
    history.recovered(&image, promised)?;
    let cut = disk.crash(|_| false);
    let seen =
        mode.open(&cut, LEDGER).map_err(|error| format!("the image does not open after a power cut: {error}"))?;
    history
        .recovered(&seen, history.acknowledged)
        .map_err(|why| format!("a recovered event was lost in a power cut: {why}"))?;
    Ok(image)
}

/// Reopens the image and uses all its functions.
fn use_image(disk: &SimDisk, mode: Mode, mut history: ExpectedHistory) -> Result<(), String> {
    let (mut before, acknowledged) = (history.clone(), history.acknowledged);
    let image = reopen(disk, mode, &mut history, acknowledged)?;
    for change in [LedgerChange::Deposit(8, 1), LedgerChange::File(9_000), LedgerChange::Deposit(8, 2)] {
        history.record(change);
        change.execute(&image).map_err(|error| format!("a command failed: {error}"))?;
    }
    image.admin().snapshot().map_err(|error| format!("a snapshot failed: {error}"))?;
    Image::close(image).map_err(|error| format!("closing failed: {error}"))?;
    let all = history.executed();
    reopen(&disk.crash(|_| false), mode, &mut history, all)
        .map_err(|why| format!("after the image was used: {why}"))?;
    if mode.prunes() {
        return Ok(());
    }
    if !exists(disk, REWRITTEN) {
        mode.rewrite(disk).map_err(|error| format!("the rewrite failed: {error}"))?;
        before = history;
    }
    let rewritten = mode.open(disk, REWRITTEN).map_err(|error| format!("the rewritten image: {error}"))?;
    before.recovered(&rewritten, 0).map_err(|why| format!("the rewritten image: {why}"))
}

/// As [`try_fault`], in a session with a named subscription and with backups.
fn try_fault_with_deliveries(mode: Mode, fault: &Fault, once: bool, variant: u64) -> Result<u64, String> {
    let disk = SimDisk::new();
    disk.inject(fault.clone());
    let session = Session { disk: &disk, mode, once, history: ExpectedHistory::new() };
    let mut session = DeliverySession::new(session);
    let ended = session.run();
    let strikes = disk.strikes();
    disk.heal();
    let check = || {
        for crash in [Crash::Nothing, Crash::Subset(variant)] {
            let left = disk.crash_by(&crash);
            session
                .check(&left, true)
                .map_err(|why| format!("after a power cut, {crash:?}: {why}\n{}", left.trace()))?;
        }
        session.check(&disk, false).map_err(|why| format!("after a reopen: {why}"))
    };
    let result = match ended {
        Ok(()) | Err(Stop::Unusable) => check(),
        Err(Stop::Bug(why)) => Err(why),
    };
    result.map(|()| strikes).map_err(|why| format!("{why}\n{}", disk.trace()))
}

/// Runs a session on a disk with a fault; see [`try_fault`].
type TryFault = fn(Mode, &Fault, bool, u64) -> Result<u64, String>;

/// Runs `try_fault` with a time limit, and reports a failure with its seed, mode and fault. Returns the number of failed calls.
fn failed_calls(try_fault: TryFault, mode: Mode, fault: Fault, once: bool, (seed, n): (u64, u64)) -> u64 {
    let injected = fault.clone();
    let result = with_timeout(move || {
        catch_unwind(AssertUnwindSafe(|| try_fault(mode, &injected, once, seed + n)))
            .unwrap_or_else(|panic| Err(format!("panicked: {}", message(&*panic))))
    });
    result.unwrap_or_else(|why| panic!("{why}\nMEMIMAGE_SEED={seed} MEMIMAGE_CASES=1, {mode:?}, {fault:?}"))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

fn seeds() -> std::ops::Range<u64> {
    let first = std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    first..first + u64::from(cases(1))
}

fn is_deep() -> bool {
    std::env::var_os("MEMIMAGE_CASES").is_some()
}

/// The distance between failing calls: `MEMIMAGE_STRIDE`, or one with `MEMIMAGE_CASES`, or else 7, which is coprime to the
/// numbers of effects and power cuts, so that all of them occur.
fn stride() -> usize {
    let default = if is_deep() { 1 } else { 7 };
    std::env::var("MEMIMAGE_STRIDE").map_or(default, |stride| stride.parse().expect("a number of calls"))
}

/// Fails each call, or some of them: see [`stride`].
fn fail_each(mode: Mode, name: &str, fault: impl Fn(u64) -> Fault) {
    fail_each_of(try_fault, mode, name, stride(), fault);
}

fn fail_each_of(try_fault: TryFault, mode: Mode, name: &str, stride: usize, fault: impl Fn(u64) -> Fault) {
    let (mut sessions, mut struck, started) = (0, 0, Instant::now());
    for seed in seeds() {
        for once in [true, false] {
            for n in (1..).step_by(stride) {
                let fault = fault(seed + n).seed(seed + n);
                let fault = if once { fault.nth(n) } else { fault.from(n) };
                let failed = failed_calls(try_fault, mode, fault, once, (seed, n));
                (sessions, struck) = (sessions + 1, struck + failed);
                if failed == 0 {
                    assert!(n > 20, "{name}: a session made only {n} calls");
                    break;
                }
            }
        }
    }
    println!("{name}, {mode:?}, {:.0?}: {sessions} sessions, {struck} failed calls", started.elapsed());
}

const EFFECTS: [Effect; 4] = [Effect::Nothing, Effect::Everything, Effect::Part, Effect::Dropped];

const SYNCED: Mode = Mode { durability: Durability::Synced, retention: Retention::Everything, segment_bytes: 16 << 10 };
const PRUNED: Mode = Mode { retention: Retention::Events(0), ..SYNCED };
const BUFFERED: Mode = Mode { durability: Durability::Buffered, ..SYNCED };
const AT_INTERVALS: Mode = Mode { durability: Durability::Interval(Duration::from_micros(300)), ..SYNCED };

/// A fault of any of these calls. A failed directory sync drops nothing, which FORMAT.md assumes.
fn fault_of(methods: &[Method], effect: Effect) -> Fault {
    let drops = matches!(effect, Effect::Part | Effect::Dropped);
    let methods = methods.iter().copied().filter(|method| !(drops && *method == Method::SyncDir));
    Fault::io().on(&methods.collect::<Vec<_>>()).effect(effect)
}

/// Fails reads with one of the effects each, and changes with one effect each or, in a deep run, with all of them.
fn fail_any_call(try_fault: TryFault, mode: Mode, name: &str) {
    let (changes, reads): (Vec<Method>, Vec<Method>) = Method::ALL.into_iter().partition(|method| method.is_change());
    fail_each_of(try_fault, mode, &format!("{name}: a read"), 5 * stride(), |variant| {
        fault_of(&reads, EFFECTS[variant as usize % 2])
    });
    let rounds = if is_deep() { EFFECTS.len() as u64 } else { 1 };
    for round in 0..rounds {
        fail_each_of(try_fault, mode, &format!("{name}: a change"), stride(), |variant| {
            fault_of(&changes, EFFECTS[(variant + round) as usize % EFFECTS.len()])
        });
    }
}

#[test]
fn any_call_may_fail_while_synced() {
    fail_any_call(try_fault, SYNCED, "any call fails");
}

#[test]
fn any_directory_sync_may_fail() {
    for mode in [SYNCED, PRUNED] {
        fail_each(mode, "any directory sync fails", |variant| {
            Fault::io().on(&[Method::SyncDir]).effect(EFFECTS[variant as usize % 2])
        });
    }
}

#[test]
fn any_call_may_fail_while_buffered() {
    fail_any_call(try_fault, BUFFERED, "any call fails");
}

#[test]
fn any_call_may_fail_while_synced_at_intervals() {
    fail_any_call(try_fault, AT_INTERVALS, "any call fails");
}

#[test]
fn any_call_may_fail_while_pruned() {
    fail_any_call(try_fault, PRUNED, "any call fails");
}

/// In long segments, whose calls are all of the session and not of the thread that creates the next segment.
#[test]
fn any_call_may_fail_while_events_are_delivered_and_backed_up() {
    for mode in [SYNCED, BUFFERED] {
        let mode = Mode { segment_bytes: 1 << 20, ..mode };
        fail_any_call(try_fault_with_deliveries, mode, "any call fails, with deliveries");
    }
}

/// A failed file sync drops the data. Reads still return it, and later syncs succeed.
#[test]
fn any_file_sync_may_fail_and_drop_data() {
    for mode in [SYNCED, BUFFERED] {
        fail_each(mode, "any file sync fails", |variant| {
            let effect = if variant % 2 == 0 { Effect::Dropped } else { Effect::Part };
            Fault::io().on(&[Method::SyncData, Method::SyncAll]).effect(effect)
        });
    }
}

#[test]
fn the_disk_may_be_full_at_any_time() {
    for mode in [SYNCED, PRUNED] {
        fail_each(mode, "the disk is full", |variant| {
            Fault::full().effect(if variant % 2 == 0 { Effect::Nothing } else { Effect::Part })
        });
    }
}

/// Opening reads everything before it modifies anything, so a failed read modifies nothing.
#[test]
fn a_failed_read_while_opening_modifies_nothing() {
    let reads: Vec<Method> = Method::ALL.into_iter().filter(|method| !method.is_change()).collect();
    for mode in [SYNCED, PRUNED] {
        let disk = SimDisk::new();
        let mut session = Session { disk: &disk, mode, once: false, history: ExpectedHistory::new() };
        assert!(session.run().is_ok());
        let (mut history, mut refused) = (session.history, 0);
        for (n, effect) in (1..).flat_map(|n| EFFECTS[..2].iter().map(move |effect| (n, *effect))) {
            let disk = disk.fork();
            disk.inject(Fault::io().on(&reads).nth(n).effect(effect));
            let before = files(&disk);
            let opened = mode.open(&disk, LEDGER);
            if disk.strikes() == 0 {
                break;
            }
            match opened {
                Ok(image) => history.recovered(&image, history.acknowledged).unwrap(),
                Err(error) => {
                    assert!(error.is_io() || error.kind() == ErrorKind::Corrupt, "{error}");
                    let changed = changed(&before, &files(&disk));
                    assert!(changed.is_empty(), "{mode:?}, read {n}: {changed:?}\n{}", disk.trace());
                    refused += 1;
                }
            }
        }
        assert!(refused > 20, "{refused}");
    }
}

/// Regression: an empty `journal/durable` was created before the open failed because the quarantine had no room.
#[test]
fn a_torn_image_without_durable_on_a_full_disk_is_refused_unmodified() {
    let disk = SimDisk::new();
    let mut session = Session { disk: &disk, mode: SYNCED, once: false, history: ExpectedHistory::new() };
    assert!(session.run().is_ok());
    let mut history = session.history;
    disk.remove(format!("{LEDGER}/journal/durable").as_ref()).unwrap();
    let used_len = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    let is_used = |(path, bytes): &(PathBuf, Vec<u8>)| {
        path.starts_with(LEDGER) && path.extension().is_some_and(|end| end == "journal") && used_len(bytes) > 4_096
    };
    let (path, bytes) = files(&disk).into_iter().rfind(is_used).unwrap();
    disk.write(&path, used_len(&bytes).next_multiple_of(512) as u64 + 512, &[7; 512]).unwrap();

    let before = files(&disk);
    // no room for anything, or only for new directory entries
    for full in [Fault::full(), Fault::full().on(&[Method::WriteAt])] {
        disk.inject(full.from(1));
        let error = SYNCED.open(&disk, LEDGER).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        let changed = changed(&before, &files(&disk));
        assert!(changed.is_empty(), "{changed:?}");
        disk.heal();
    }
    let image = SYNCED.open(&disk, LEDGER).unwrap();
    assert!(image.admin().stats().recovery.quarantined.is_some());
    history.recovered(&image, history.acknowledged).unwrap();
}

/// The library retries interrupted and short transfers.
#[test]
fn interruptions_and_short_transfers_are_retried() {
    for seed in seeds() {
        for mode in [SYNCED, PRUNED, BUFFERED, AT_INTERVALS] {
            for fault in [Fault::interrupted().every(2), Fault::short().every(1), Fault::short().one_in(3)] {
                let disk = SimDisk::new();
                disk.inject(Fault::interrupted().one_in(4).seed(seed));
                disk.inject(fault.seed(seed));
                let mut session = Session { disk: &disk, mode, once: false, history: ExpectedHistory::new() };
                let ended = session.run();
                assert!(ended.is_ok() && disk.strikes() > 100, "{mode:?}, seed {seed}\n{}", disk.trace());
                let history = session.history;
                assert_eq!(history.acknowledged, history.executed(), "all events are acknowledged");
                recover(&disk, mode, history, seed).unwrap_or_else(|why| panic!("{mode:?}, seed {seed}: {why}"));
            }
        }
    }
}
