//! Times that are far away: clocks that were set back, and durations that are as good as endless.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::replication::{Acknowledge, MaxLag};
use memimage::{Image, Options, Seq, Timestamp};
use memimage_replication::testing::MemoryLog;
use memimage_replication::{Log, Restore, Standby, log_info};
use support::{Place, Tally, TallyCommands, wait_until};

fn options(seconds: &Arc<AtomicU64>) -> Options<Tally> {
    let seconds = Arc::clone(seconds);
    Image::<Tally>::options()
        .segment_bytes(16 << 10)
        .clock(move || Timestamp::from_micros(seconds.load(Ordering::Relaxed) * 1_000_000))
}

/// Makes a snapshot, and waits until the log has it.
fn snapshot(owner: &Image<Tally>, log: &Log) {
    let seq = owner.admin().snapshot().unwrap().seq;
    wait_until("the snapshot is in the log", || log.status().snapshot == Some(seq));
}

#[test]
fn a_snapshot_of_a_clock_that_was_ahead_is_not_used_for_earlier_times() {
    const LATER: u64 = 5_000_000_000;
    let (memory, place, seconds) = (MemoryLog::new("a clock ahead"), Place::new(), Arc::new(AtomicU64::new(1)));
    let log = Log::new(memory.another_handle());
    let owner = options(&seconds).replicate(log.clone(), Acknowledge::Remote).open(place.path("owner")).unwrap();
    owner.add(1).unwrap();
    seconds.store(LATER, Ordering::Relaxed);
    owner.add(2).unwrap();
    snapshot(&owner, &log);
    Image::close(owner).unwrap();

    for (second, numbers) in [(LATER - 1, vec![1]), (LATER, vec![1, 2])] {
        let path = place.path(&format!("restored-{second}"));
        let until = Timestamp::from_micros(second * 1_000_000);
        let report = Restore::new().until(until).run(&Log::new(memory.another_handle()), &path).unwrap();
        assert_eq!(report.seq, Seq::new(numbers.len() as u64));
        let restored = options(&seconds).open(&path).unwrap();
        assert_eq!(restored.query(|tally| tally.numbers.clone()).unwrap(), numbers);
    }
}

#[test]
fn an_age_of_half_a_million_years_removes_nothing() {
    let (memory, place, seconds) = (MemoryLog::new("an age"), Place::new(), Arc::new(AtomicU64::new(1)));
    // in microseconds, this is half a second more than 64 bits can count
    let log = Log::new(memory.another_handle()).retain(Duration::from_secs(18_446_744_073_710));
    let owner = options(&seconds).replicate(log.clone(), Acknowledge::Remote).open(place.path("owner")).unwrap();
    for _ in 0..2 {
        (0..60).for_each(|_| owner.set_text("x".repeat(1000)).unwrap());
        snapshot(&owner, &log);
        std::thread::sleep(Duration::from_millis(600));
    }
    (0..60).for_each(|_| owner.set_text("x".repeat(1000)).unwrap());
    snapshot(&owner, &log);
    Image::close(owner).unwrap();
    let info = log_info(&Log::new(memory.another_handle())).unwrap();
    assert_eq!((info.snapshots.len(), info.first), (3, 1));
}

#[test]
fn limits_that_never_come_are_no_error() {
    let (memory, place, seconds) = (MemoryLog::new("no limit"), Place::new(), Arc::new(AtomicU64::new(1)));
    let log = Log::new(memory.another_handle());
    let acknowledge = Acknowledge::Local { max_lag: MaxLag::new(u64::MAX, Duration::MAX) };
    let owner = options(&seconds).replicate(log.clone(), acknowledge).open(place.path("owner")).unwrap();
    (1..=10).for_each(|number| assert_eq!(owner.add(number).unwrap(), number));
    log.confirm_owner(Duration::MAX).unwrap();
    Image::close(owner).unwrap();
    let options = Standby::<Tally>::options().wait(Duration::MAX);
    let standby = options.open(Log::new(memory.another_handle()), place.path("standby")).unwrap();
    assert_eq!(standby.query(|tally| tally.sum).unwrap(), 55);
}
