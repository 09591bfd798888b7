//! The n-th call of the disk fails, for n = 1, 2, 3 … until a whole session meets no failure: once, and from then on; doing
//! nothing, all, a part, or lying about it. There is never a panic, a hang or a lie: what was answered is there after
//! reopening, also after a power cut; what is said not to be recorded is not; what fails cleanly can be tried again.
//!
//! `MEMIMAGE_CASES` sets how many times each is gone through, each time with other effects; `MEMIMAGE_SEED` the first of
//! these times. Without `MEMIMAGE_CASES` only every seventh call fails.

mod session;
mod oracle;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use memimage::disk::{Crash, Disk, Effect, Fault, Method, SimDisk};
use memimage::{Durability, ErrorKind, Image, Retention};
use memimage_tests::{Ledger, cases, changed, files, in_time};

use oracle::{Change, Truth};
use session::{LEDGER, Mode, REWRITTEN, Session, Stop, is_there};

/// A session on a disk with this fault, and what comes after it. Says how often the fault struck.
fn try_fault(mode: Mode, fault: &Fault, once: bool, turn: u64) -> Result<u64, String> {
    let disk = SimDisk::new();
    disk.inject(fault.clone());
    let mut session = Session { disk: &disk, mode, once, truth: Truth::new() };
    let ended = session.run();
    let truth = session.truth;
    let strikes = disk.strikes();
    disk.heal();
    let told = match ended {
        Ok(()) | Err(Stop::Dead) => recover(&disk, mode, truth, turn),
        Err(Stop::Wrong(why)) => Err(why),
    };
    told.map(|()| strikes).map_err(|why| format!("{why}\n{}", disk.trace()))
}

/// The disk is well again. A power cut, or a new process, and either finds what it must and goes on.
fn recover(disk: &SimDisk, mode: Mode, truth: Truth, turn: u64) -> Result<(), String> {
    let durable = if mode.durability == Durability::Synced { truth.answered.max(truth.durable) } else { truth.durable };
    let cuts = [Crash::Nothing, Crash::Everything, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(turn)];
    for crash in [&cuts[turn as usize % 5], &Crash::Subset(turn + 1)] {
        let left = disk.crash_by(crash);
        let recovered = reopen(&left, mode, &mut truth.clone(), durable);
        recovered.map_err(|why| format!("after a power cut, {crash:?}: {why}\n{}", left.trace()))?;
    }
    go_on(disk, mode, truth).map_err(|why| format!("reopened: {why}"))
}

/// What is there holds what was promised, and what it shows is there for good.
fn reopen(disk: &SimDisk, mode: Mode, truth: &mut Truth, promised: usize) -> Result<Image<Ledger>, String> {
    let image = mode.open(disk, LEDGER).map_err(|error| format!("it does not open: {error}"))?;
    truth.recovered(&image, promised)?;
    let cut = disk.crash(|_| false);
    let seen = mode.open(&cut, LEDGER).map_err(|error| format!("once more after a power cut: {error}"))?;
    truth.recovered(&seen, truth.answered).map_err(|why| format!("shown, and gone after a power cut: {why}"))?;
    Ok(image)
}

/// Reopens what is there and uses all of it.
fn go_on(disk: &SimDisk, mode: Mode, mut truth: Truth) -> Result<(), String> {
    let (mut before, answered) = (truth.clone(), truth.answered);
    let image = reopen(disk, mode, &mut truth, answered)?;
    for change in [Change::Deposit(8, 1), Change::File(9_000), Change::Deposit(8, 2)] {
        truth.executed(change);
        change.through(&image).map_err(|error| format!("it does not go on: {error}"))?;
    }
    image.admin().snapshot().map_err(|error| format!("no snapshot can be made: {error}"))?;
    Image::close(image).map_err(|error| format!("it cannot be closed: {error}"))?;
    let all = truth.executed_so_far();
    reopen(&disk.crash(|_| false), mode, &mut truth, all).map_err(|why| format!("after it went on: {why}"))?;
    if mode.prunes() {
        return Ok(());
    }
    if !is_there(disk, REWRITTEN) {
        mode.rewrite(disk).map_err(|error| format!("it cannot be rewritten: {error}"))?;
        before = truth;
    }
    let rewritten = mode.open(disk, REWRITTEN).map_err(|error| format!("what was rewritten: {error}"))?;
    before.recovered(&rewritten, 0).map_err(|why| format!("what was rewritten: {why}"))
}

/// A fault, within the time that anything may take, and told of with all that is needed to have it again.
fn strikes(mode: Mode, fault: Fault, once: bool, (seed, n): (u64, u64)) -> u64 {
    let tried = fault.clone();
    let told = in_time(move || {
        catch_unwind(AssertUnwindSafe(|| try_fault(mode, &tried, once, seed + n)))
            .unwrap_or_else(|panic| Err(format!("a panic: {}", message(&*panic))))
    });
    told.unwrap_or_else(|why| panic!("{why}\nMEMIMAGE_SEED={seed} MEMIMAGE_CASES=1, {mode:?}, {fault:?}"))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

fn seeds() -> std::ops::Range<u64> {
    let first = std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    first..first + u64::from(cases(1))
}

/// By how many calls the next failing one is behind the last: one with `MEMIMAGE_CASES`, or else seven. That meets all effects and
/// power cuts, which go by fours and fives.
fn stride() -> usize {
    if std::env::var_os("MEMIMAGE_CASES").is_some() { 1 } else { 7 }
}

/// Fails each call in turn, or some of them: see [`stride`].
fn fail_each(mode: Mode, name: &str, fault: impl Fn(u64) -> Fault) {
    let (mut sessions, mut struck, started) = (0, 0, Instant::now());
    for seed in seeds() {
        for once in [true, false] {
            for n in (1..).step_by(stride()) {
                let fault = fault(seed + n).seed(seed + n);
                let fault = if once { fault.nth(n) } else { fault.from(n) };
                let strikes = strikes(mode, fault, once, (seed, n));
                (sessions, struck) = (sessions + 1, struck + strikes);
                if strikes == 0 {
                    assert!(n > 20, "{name}: only {n} calls were met");
                    break;
                }
            }
        }
    }
    println!("{name}, {mode:?}, {:.0?}: {sessions} sessions, {struck} calls struck", started.elapsed());
}

const EFFECTS: [Effect; 4] = [Effect::Nothing, Effect::Everything, Effect::Part, Effect::Dropped];

const SYNCED: Mode = Mode { durability: Durability::Synced, retention: Retention::Everything };
const PRUNED: Mode = Mode { durability: Durability::Synced, retention: Retention::Events(0) };
const BUFFERED: Mode = Mode { durability: Durability::Buffered, retention: Retention::Everything };
const AT_INTERVALS: Mode =
    Mode { durability: Durability::Interval(Duration::from_micros(300)), retention: Retention::Everything };

/// A fault of each call, with an effect by turns. A directory's sync that fails drops nothing: that is assumed, in FORMAT.md.
fn of_any_call(turn: u64) -> Fault {
    let effect = EFFECTS[turn as usize % EFFECTS.len()];
    let drops = matches!(effect, Effect::Part | Effect::Dropped);
    let methods = Method::ALL.into_iter().filter(|method| !(drops && *method == Method::SyncDir));
    Fault::io().on(&methods.collect::<Vec<_>>()).effect(effect)
}

#[test]
fn any_call_may_fail_while_synced() {
    fail_each(SYNCED, "any call fails", of_any_call);
}

#[test]
fn any_directory_sync_may_fail() {
    for mode in [SYNCED, PRUNED] {
        fail_each(mode, "any directory sync fails", |turn| {
            Fault::io().on(&[Method::SyncDir]).effect(EFFECTS[turn as usize % 2])
        });
    }
}

#[test]
fn any_call_may_fail_while_buffered() {
    fail_each(BUFFERED, "any call fails", of_any_call);
}

#[test]
fn any_call_may_fail_while_synced_at_intervals() {
    fail_each(AT_INTERVALS, "any call fails", of_any_call);
}

#[test]
fn any_call_may_fail_while_pruned() {
    fail_each(PRUNED, "any call fails", of_any_call);
}

/// The sync of a file: with what it was to sync dropped, and still seen.
#[test]
fn any_sync_may_fail_and_later_ones_lie() {
    for mode in [SYNCED, BUFFERED] {
        fail_each(mode, "any sync lies", |turn| {
            let effect = if turn % 2 == 0 { Effect::Dropped } else { Effect::Part };
            Fault::io().on(&[Method::SyncData, Method::SyncAll]).effect(effect)
        });
    }
}

#[test]
fn there_may_be_no_room_at_any_time() {
    for mode in [SYNCED, PRUNED] {
        fail_each(mode, "no room", |turn| {
            Fault::full().effect(if turn % 2 == 0 { Effect::Nothing } else { Effect::Part })
        });
    }
}

/// Opening looks at everything before it changes anything: what it cannot read, it leaves as it is.
#[test]
fn a_look_that_fails_while_opening_changes_nothing() {
    let looks: Vec<Method> = Method::ALL.into_iter().filter(|method| !method.is_change()).collect();
    for mode in [SYNCED, PRUNED] {
        let disk = SimDisk::new();
        let mut session = Session { disk: &disk, mode, once: false, truth: Truth::new() };
        assert!(session.run().is_ok());
        let (mut truth, mut refused) = (session.truth, 0);
        for (n, effect) in (1..).flat_map(|n| EFFECTS[..2].iter().map(move |effect| (n, *effect))) {
            let disk = disk.fork();
            disk.inject(Fault::io().on(&looks).nth(n).effect(effect));
            let before = files(&disk);
            let opened = mode.open(&disk, LEDGER);
            if disk.strikes() == 0 {
                break;
            }
            match opened {
                Ok(image) => truth.recovered(&image, truth.answered).unwrap(),
                Err(error) => {
                    assert!(error.is_io() || error.kind() == ErrorKind::Corrupt, "{error}");
                    let changed = changed(&before, &files(&disk));
                    assert!(changed.is_empty(), "{mode:?}, look {n}: {changed:?}\n{}", disk.trace());
                    refused += 1;
                }
            }
        }
        assert!(refused > 20, "{refused}");
    }
}

/// What refuses changes nothing: an empty `journal/durable` was made before the copy of what was torn found no room.
#[test]
fn a_torn_image_without_durable_on_a_full_disk_is_refused_unmodified() {
    let disk = SimDisk::new();
    let mut session = Session { disk: &disk, mode: SYNCED, once: false, truth: Truth::new() };
    assert!(session.run().is_ok());
    let mut truth = session.truth;
    disk.remove(format!("{LEDGER}/journal/durable").as_ref()).unwrap();
    let used = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    let is_used = |(path, bytes): &(PathBuf, Vec<u8>)| {
        path.starts_with(LEDGER) && path.extension().is_some_and(|end| end == "journal") && used(bytes) > 4_096
    };
    let (path, bytes) = files(&disk).into_iter().rfind(is_used).unwrap();
    disk.write(&path, used(&bytes).next_multiple_of(512) as u64 + 512, &[7; 512]).unwrap();

    let before = files(&disk);
    // for nothing, or for nothing but names
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
    truth.recovered(&image, truth.answered).unwrap();
}

/// Interruptions and short transfers go unnoticed, wherever they come.
#[test]
fn interruptions_and_short_transfers_go_unnoticed() {
    for seed in seeds() {
        for mode in [SYNCED, PRUNED, BUFFERED, AT_INTERVALS] {
            for fault in [Fault::interrupted().every(2), Fault::short().every(1), Fault::short().one_in(3)] {
                let disk = SimDisk::new();
                disk.inject(Fault::interrupted().one_in(4).seed(seed));
                disk.inject(fault.seed(seed));
                let mut session = Session { disk: &disk, mode, once: false, truth: Truth::new() };
                let ended = session.run();
                assert!(ended.is_ok() && disk.strikes() > 100, "{mode:?}, seed {seed}\n{}", disk.trace());
                let truth = session.truth;
                assert_eq!(truth.answered, truth.executed_so_far(), "all was answered");
                recover(&disk, mode, truth, seed).unwrap_or_else(|why| panic!("{mode:?}, seed {seed}: {why}"));
            }
        }
    }
}
