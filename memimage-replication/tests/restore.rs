//! Images that are restored from a log, as of any event and time.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::replication::Acknowledge;
use memimage::{Error, ErrorKind, Image, Key, Keys, Options, Seq, Timestamp};
use memimage_replication::testing::MemoryLog;
use memimage_replication::{Log, Restore, RestoreReport, Sidecar, check_log, log_info, restore};
use support::{Place, Tally, TallyAdd, TallyCommands, wait_until};

fn log(memory: &MemoryLog) -> Log {
    Log::new(memory.another_handle())
}

/// An image in small segments, whose clock shows the number of seconds.
struct Original {
    memory: MemoryLog,
    place: Place,
    seconds: Arc<AtomicU64>,
    log: Log,
}

impl Original {
    fn new(name: &str) -> Original {
        let memory = MemoryLog::new(name);
        let log = log(&memory);
        Original { memory, place: Place::new(), seconds: Arc::default(), log }
    }

    fn options(&self) -> Options<Tally> {
        let seconds = Arc::clone(&self.seconds);
        Image::<Tally>::options()
            .segment_bytes(16 << 10)
            .clock(move || Timestamp::from_micros(seconds.load(Ordering::Relaxed) * 1_000_000))
    }

    fn open(&self) -> Image<Tally> {
        self.options().replicate(self.log.clone(), Acknowledge::Remote).open(self.place.path("owner")).unwrap()
    }

    /// Records events at the next second: some in a frame of their own, some together.
    fn record(&self, owner: &Image<Tally>, round: u64) {
        self.seconds.fetch_add(1, Ordering::Relaxed);
        owner.set_text("x".repeat(200 + round as usize % 7 * 300)).unwrap();
        let together = round % 9;
        for answer in owner.submit_all((0..together).map(|number| TallyAdd { number: round * 100 + number })).wait() {
            answer.unwrap();
        }
    }

    fn restore(&self, restore: Restore, name: &str) -> Result<RestoreReport, Error> {
        restore.run(&log(&self.memory), self.place.path(name))
    }

    /// The state of a restored image, which is removed.
    #[track_caller]
    fn restored(&self, how: Restore) -> (RestoreReport, Tally) {
        let path = self.place.path("restored");
        let report = self.restore(how, "restored").unwrap_or_else(|error| panic!("{error}"));
        let image = self.options().open(&path).unwrap();
        assert!(image.admin().stats().recovery.restored);
        let state = image.query(Tally::clone).unwrap();
        assert_eq!(image.journal().durable_seq(), report.seq);
        // it is an image like any other
        image.add(1).unwrap();
        Image::close(image).unwrap();
        assert_eq!(
            self.options().open(&path).unwrap().query(|tally| tally.numbers.len()).unwrap(),
            state.numbers.len() + 1
        );
        std::fs::remove_dir_all(&path).unwrap();
        (report, state)
    }

    /// Nothing is left beside the directory of the owner.
    #[track_caller]
    fn assert_nothing_left(&self) {
        let owner = self.place.path("owner");
        let names = std::fs::read_dir(owner.parent().unwrap()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["owner"]);
    }
}

/// Random numbers, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn a_restored_image_has_the_state_after_any_event_and_at_any_time() {
    let original = Original::new("any moment");
    let owner = original.open();
    for round in 0..60 {
        original.record(&owner, round);
        if round % 25 == 24 {
            let seq = owner.admin().snapshot().unwrap().seq;
            wait_until("the snapshot is in the log", || original.log.status().snapshot == Some(seq));
        }
    }
    let last = owner.journal().durable_seq();
    let mut numbers = Numbers(14);
    let seqs = (0..30).map(|_| Seq::new(numbers.below(last.get() + 1)));
    let mut has_begun_at_snapshot = false;
    for seq in [Seq::ZERO, Seq::new(1), last].into_iter().chain(seqs) {
        let (report, state) = original.restored(Restore::new().until(seq));
        assert_eq!(report.seq, seq);
        assert_eq!(state, Tally::clone(&owner.journal().at(seq).unwrap()), "after event {seq}");
        has_begun_at_snapshot |= report.snapshot.is_some();
    }
    assert!(has_begun_at_snapshot);
    for second in (1..=60).step_by(7).chain([1_000]) {
        let time = Timestamp::from_micros(second * 1_000_000);
        let (report, state) = original.restored(Restore::new().until(time));
        let past = owner.journal().at(time.min(Timestamp::from_micros(60_000_000))).unwrap();
        assert_eq!(report.seq, past.seq());
        assert_eq!(state, Tally::clone(&past), "at second {second}");
    }
    let (report, state) = original.restored(Restore::new());
    assert_eq!((report.seq, &state), (last, &owner.query(Tally::clone).unwrap()));
    original.assert_nothing_left();
}

#[test]
fn a_moment_that_the_log_does_not_have_is_an_error() {
    let original = Original::new("other moments");
    let target = original.place.path("restored");
    assert_eq!(restore(&log(&original.memory), &target).unwrap_err().kind(), ErrorKind::NotFound);
    let owner = original.open();
    for round in 0..40 {
        original.record(&owner, round);
    }
    let last = owner.journal().durable_seq();
    let error = original.restore(Restore::new().until(last.next()), "restored").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
    assert!(error.to_string().contains(&format!("ends with event {last}")), "{error}");
    Image::close(owner).unwrap();

    // once the log was pruned, it has the moments from its oldest snapshot on
    let original = Original { log: log(&original.memory).retain(Duration::ZERO), ..original };
    let owner = original.open();
    let seq = owner.admin().snapshot().unwrap().seq;
    wait_until("the log is pruned", || original.memory.entries().iter().filter(|(at, _)| *at < 5).count() < 4);
    original.record(&owner, 8);
    for until in
        [Restore::new().until(Seq::new(seq.get() - 1)), Restore::new().until(Timestamp::from_micros(5_000_000))]
    {
        let error = original.restore(until, "restored").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
        assert!(error.to_string().contains(&format!("event {seq}")), "{error}");
    }
    for seq in seq.get()..=owner.journal().durable_seq().get() {
        let (_, state) = original.restored(Restore::new().until(Seq::new(seq)));
        assert_eq!(state, Tally::clone(&owner.journal().at(Seq::new(seq)).unwrap()));
    }
    original.assert_nothing_left();
}

#[test]
fn a_damaged_log_is_refused_with_the_position() {
    let original = Original::new("damage");
    let owner = original.open();
    for round in 0..20 {
        original.record(&owner, round);
    }
    Image::close(owner).unwrap();
    let entries = original.memory.entries();
    let middle = entries.len() as u64 / 2;
    let whole = entries[middle as usize - 1].1.clone();
    let mut wrong = whole.clone();
    let at = wrong.len() / 2;
    wrong[at] ^= 4;
    let expect = |what: &str, position: u64| {
        let error = original.restore(Restore::new(), "restored").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
        assert!(error.to_string().contains(&format!("position {position}")), "{what}: {error}");
        original.assert_nothing_left();
        let check = check_log(&log(&original.memory), None).unwrap();
        assert_eq!(check.damages.len(), 1, "{what}: {check:?}");
        assert_eq!((check.damages[0].position, check.entries), (position, position - 1), "{what}");
    };
    original.memory.replace(middle, &wrong);
    expect("a wrong bit", middle);
    original.memory.replace(middle, &whole);
    original.memory.swap(middle, middle + 1);
    expect("swapped entries", middle);
    original.memory.swap(middle, middle + 1);
    // an intact entry of another log
    let other = Original::new("another log");
    let owner = other.open();
    (0..20).for_each(|round| other.record(&owner, round));
    Image::close(owner).unwrap();
    original.memory.replace(middle, &other.memory.entries()[middle as usize - 1].1);
    expect("an entry of another log", middle);
    original.memory.replace(middle, &whole);
    let check = check_log(&log(&original.memory), Some(&original.place.path("deep"))).unwrap();
    assert!(check.is_sound(), "{check:?}");
    std::fs::remove_dir_all(original.place.path("deep")).unwrap();
    original.memory.remove(middle);
    expect("a missing entry", middle);
}

#[test]
fn protected_images_are_restored_with_their_keys() {
    let keys = || Keys::new(3, |number| (number == 3).then(|| Key::new([0x5a; 32])));
    let original = Original::new("protected");
    let options = || original.options().encryption(keys()).chain(keys());
    let owner =
        options().replicate(original.log.clone(), Acknowledge::Remote).open(original.place.path("owner")).unwrap();
    (0..20).for_each(|round| original.record(&owner, round));
    let without = original.restore(Restore::new(), "restored").unwrap_err();
    assert_eq!(without.kind(), ErrorKind::Key, "{without}");
    original.assert_nothing_left();
    let last = owner.journal().durable_seq().get();
    for seq in (1..last).step_by(5).map(Seq::new) {
        let path = original.place.path("restored");
        let how = Restore::new().until(seq).encryption(keys()).chain(keys());
        original.restore(how, "restored").unwrap_or_else(|error| panic!("{seq}: {error}"));
        let image = options().open(&path).unwrap();
        assert_eq!(image.query(Tally::clone).unwrap(), Tally::clone(&owner.journal().at(seq).unwrap()));
        Image::close(image).unwrap();
        std::fs::remove_dir_all(&path).unwrap();
    }
}

#[test]
fn void_events_and_corrected_times_are_restored() {
    let original = Original::new("decisions");
    let owner = original.open();
    (0..10).for_each(|round| original.record(&owner, round));
    // the clock is wrong for a while
    original.seconds.store(100_000, Ordering::Relaxed);
    (10..15).for_each(|round| original.record(&owner, round));
    original.seconds.store(20, Ordering::Relaxed);
    owner.admin().correct_time(Timestamp::from_micros(20_000_000), "the clock was ahead").unwrap();
    (15..40).for_each(|round| original.record(&owner, round));
    Image::close(owner).unwrap();
    memimage::admin::void(original.place.path("owner"), Seq::new(7), "a mistake").unwrap();
    let owner = original.open();
    original.record(&owner, 3);
    let (_, state) = original.restored(Restore::new());
    assert_eq!(state, owner.query(Tally::clone).unwrap());
    for second in [5, 21, 30, 44] {
        let time = Timestamp::from_micros(second * 1_000_000);
        let (report, _) = original.restored(Restore::new().until(time));
        assert_eq!(report.seq, owner.journal().at(time).unwrap().seq(), "at second {second}");
    }
}

#[test]
fn a_sidecar_ships_what_is_synced_beside_the_owner() {
    let original = Original::new("a sidecar");
    let path = original.place.path("owner");
    let owner = original.options().open(&path).unwrap();
    (0..10).for_each(|round| original.record(&owner, round));
    let sidecar = Sidecar::start(log(&original.memory), &path).unwrap();
    (10..20).for_each(|round| original.record(&owner, round));
    owner.admin().snapshot().unwrap();
    let synced = owner.journal().durable_seq();
    sidecar.ship_all().unwrap();
    let status = sidecar.stop().unwrap();
    assert!(status.shipped.get() + 1 >= synced.get(), "{status:?} of {synced}");
    Image::close(owner).unwrap();

    // it goes on after a restart, and another directory may not take the log
    let sidecar = Sidecar::start(log(&original.memory).name("first"), &path).unwrap();
    assert_eq!(sidecar.ship_all().unwrap(), synced);
    let info = log_info(&log(&original.memory)).unwrap();
    assert_eq!((info.seq, info.term, info.owner.as_deref()), (synced, 2, Some("first")));
    assert!(!info.snapshots.is_empty());
    let copy = original.place.path("copy");
    memimage::admin::backup(&path, &copy).unwrap();
    let refused = Sidecar::start(log(&original.memory), &copy).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::OtherOwner, "{refused}");
    assert!(refused.to_string().contains("belongs to another owner: `first`, in term 2, since "), "{refused}");
    let second = Sidecar::start(log(&original.memory).name("second").take_over(true), &copy).unwrap();
    let owner = original.options().open(&path).unwrap();
    original.record(&owner, 1);
    drop(owner);
    let fenced = sidecar.wait(Duration::from_secs(60)).expect("it is fenced");
    assert_eq!(fenced.kind(), ErrorKind::Fenced, "{fenced}");
    assert!(fenced.to_string().contains("`second` took over"), "{fenced}");
    assert!(fenced.to_string().contains("the program of this image is not fenced; help: end it first"), "{fenced}");
    assert_eq!(sidecar.stop().unwrap_err().kind(), ErrorKind::Fenced);
    second.stop().unwrap();
    is_sound(&original.memory, &original.place.path("deep"));
}

#[test]
fn the_time_of_the_last_event_is_shown() {
    let keys = || Keys::new(3, |number| (number == 3).then(|| Key::new([0x5a; 32])));
    for is_encrypted in [false, true] {
        let original = Original::new("times");
        let options = match is_encrypted {
            true => original.options().encryption(keys()),
            false => original.options(),
        };
        let owner =
            options.replicate(original.log.clone(), Acknowledge::Remote).open(original.place.path("owner")).unwrap();
        for second in [3, 10, 3610] {
            original.seconds.store(second, Ordering::Relaxed);
            owner.add(second).unwrap();
            let info = log_info(&log(&original.memory)).unwrap();
            let time = Timestamp::from_micros(second * 1_000_000);
            assert_eq!(info.time, (!is_encrypted).then_some(time));
            assert!(info.after.is_none_or(|after| after <= time), "{info:?}");
        }
    }
}

#[test]
fn a_check_says_up_to_which_event_an_image_can_be_restored() {
    let original = Original::new("restorable");
    let owner = original.open();
    for round in 0..40 {
        original.record(&owner, round);
        if round == 20 {
            let seq = owner.admin().snapshot().unwrap().seq;
            wait_until("the snapshot is in the log", || original.log.status().snapshot == Some(seq));
        }
    }
    Image::close(owner).unwrap();
    let log = || log(&original.memory);
    let last = log_info(&log()).unwrap().seq;
    let sound = check_log(&log(), None).unwrap();
    assert_eq!(sound.restorable, [(Seq::ZERO, last)]);
    // in front of the snapshot's segment
    let snapshot = log_info(&log()).unwrap().snapshots[0];
    let damaged = snapshot.position - 3;
    original.memory.remove(damaged);
    let check = check_log(&log(), None).unwrap();
    assert_eq!(check.damages.len(), 1, "{check:?}");
    assert_eq!(check.restorable, [(Seq::ZERO, check.seq), (snapshot.seq, last)], "{check:?}");
    for (first, last) in check.restorable {
        for seq in [first, last] {
            let (report, _) = original.restored(Restore::new().until(seq));
            assert_eq!(report.seq, seq);
        }
    }
    original.restore(Restore::new().until(check.seq.next()), "restored").unwrap_err();
    // and behind it
    let end = log_info(&log()).unwrap().end;
    original.memory.remove(end - 2);
    let check = check_log(&log(), None).unwrap();
    assert_eq!(check.damages.len(), 2, "{check:?}");
    assert_eq!(check.damages[1].position, end - 2);
    assert!(check.restorable[1].1 < last, "{check:?}");
    original.memory.remove(end - 1);
    let info = log_info(&log()).unwrap();
    assert!(!info.damages.is_empty() && info.snapshots.len() == 1, "{info:?}");
}

#[test]
fn a_time_before_the_first_event_names_the_log() {
    let original = Original::new("the beginning");
    original.seconds.store(100, Ordering::Relaxed);
    let owner = original.open();
    original.record(&owner, 1);
    let error = original.restore(Restore::new().until(Timestamp::from_micros(5)), "restored").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
    assert!(error.to_string().contains("the log `memory://the beginning` begins at "), "{error}");
}

fn is_sound(memory: &MemoryLog, deep: &Path) {
    let check = check_log(&log(memory), Some(deep)).unwrap();
    assert!(check.is_sound(), "{check:?}");
}
