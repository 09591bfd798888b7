//! A crash after each disk operation: a client that retries all of its requests after the restart finds each of them executed
//! exactly once, with the answer that it may have got before.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use memimage::disk::{Crash, SimDisk};
use memimage::{CommandError, Durability, Error, Image, Retention, SnapshotSource};
use memimage_tests::protection::{BOTH, PLAIN, ProtectionMode};
use memimage_tests::with_keys;

use super::{Declined, PATH, SalesCommands as _, Till, options};

/// The number of requests of a client.
const REQUESTS: usize = 14;
/// The number of requests whose bodies keep their keys: all but those of `print`.
const KEPT: usize = 10;

#[derive(Clone, Copy, Debug)]
struct Mode {
    source: SnapshotSource<Till>,
    retention: Retention,
    protection: ProtectionMode,
    durability: Durability,
}

fn open(disk: &SimDisk, mode: Mode) -> Result<Image<Till>, Error> {
    let options = options().snapshot_source(mode.source).retention(mode.retention).durability(mode.durability);
    with_keys!(mode.protection, options).open_with(Arc::new(disk.clone()), PATH)
}

/// Executes request number `n`, or retries it.
fn request(image: &Image<Till>, n: usize) -> Result<u64, CommandError<Declined>> {
    let once = image.once(format!("request {n}"));
    match n % 4 {
        0 => once.pay(500 + n as u64),
        1 => Ok(once.print(3_000).map_err(CommandError::Image)?.len() as u64),
        _ => once.sell(n as u32, 1).map(|receipt| receipt.number).map_err(CommandError::Image),
    }
}

/// The disk after an operation, and the number of requests whose answers the client had got.
struct CrashPoint {
    disk: SimDisk,
    answered: usize,
}

/// Runs all requests, with snapshots and restarts between them. Returns the answers and the crash points.
fn scenario(mode: Mode) -> (Vec<Result<u64, CommandError<Declined>>>, Vec<CrashPoint>) {
    let disk = SimDisk::new();
    let (answered, points) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (seen, found) = (Arc::clone(&answered), Arc::clone(&points));
    disk.observe(move |_, fork| {
        let point = CrashPoint { disk: fork.clone(), answered: seen.load(Ordering::SeqCst) };
        found.lock().unwrap().push(point);
    });
    let mut image = open(&disk, mode).unwrap();
    let mut answers = Vec::new();
    for n in 0..REQUESTS {
        answers.push(request(&image, n));
        answered.store(answers.len(), Ordering::SeqCst);
        if n % 3 == 2 {
            image.admin().snapshot().unwrap();
        }
        if n % 5 == 4 {
            Image::close(image).unwrap();
            image = open(&disk, mode).unwrap();
        }
    }
    Image::close(image).unwrap();
    let points = std::mem::take(&mut *points.lock().unwrap());
    (answers, points)
}

/// Retries all requests after a crash. Returns whether the crash lost a request whose answer the client had got.
fn assert_executed_once(
    disk: &SimDisk,
    mode: Mode,
    answers: &[Result<u64, CommandError<Declined>>],
    answered: usize,
) -> bool {
    let image = open(disk, mode).unwrap();
    let recovered = image.journal().seq().get();
    let is_lost = (recovered as usize) < answered;
    assert!(!is_lost || mode.durability != Durability::Synced, "acknowledged requests are lost");
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(request(&image, n), *answer, "request {n}, with {answered} answered");
    }
    assert_eq!(image.journal().seq().get(), REQUESTS as u64, "each request has one event");
    assert_eq!(image.query(|till| till.ran).unwrap(), REQUESTS as u64);
    let mut keys = image.query(|till| till.keys.clone()).unwrap();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), KEPT, "each request is in the history once");
    is_lost
}

/// Crashes after each operation. Returns how many of the crashes lost a request whose answer the client had got.
fn crash_everywhere(mode: Mode) -> usize {
    let (answers, points) = scenario(mode);
    assert!(points.len() > 100, "{}", points.len());
    let (mut images, mut lost) = (0, 0);
    for (number, point) in points.iter().enumerate() {
        assert!(
            !assert_executed_once(&point.disk.fork(), mode, &answers, point.answered),
            "the process alone was killed"
        );
        let seed = number as u64;
        for crash in [Crash::Nothing, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(seed)] {
            lost += usize::from(assert_executed_once(&point.disk.crash_by(&crash), mode, &answers, point.answered));
            images += 1;
        }
    }
    println!("{mode:?}: {images} crashes after {} operations, {lost} of them lost an answered request", points.len());
    lost
}

#[test]
fn each_request_is_executed_once_after_any_crash() {
    let (source, retention) = (SnapshotSource::Replica, Retention::Everything);
    crash_everywhere(Mode { source, retention, protection: PLAIN, durability: Durability::Synced });
}

/// Under `Buffered`, a crash may lose requests that were answered. Their keys are lost with them, so the retries execute them.
#[test]
fn each_lost_request_is_executed_again_once() {
    let (source, retention) = (SnapshotSource::Replica, Retention::Everything);
    let lost = crash_everywhere(Mode { source, retention, protection: PLAIN, durability: Durability::Buffered });
    assert!(lost > 50, "only {lost} crashes lost an answered request");
}

#[test]
fn each_request_is_executed_once_after_any_crash_of_a_pruned_image() {
    let (source, retention) = (SnapshotSource::InPlace, Retention::Events(0));
    crash_everywhere(Mode { source, retention, protection: BOTH, durability: Durability::Synced });
}
