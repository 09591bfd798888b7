//! The wall clock is wrong: it jumps ahead, or is corrected. Nothing is pruned on the strength of one reading, the jump is reported,
//! and recorded time can be corrected by a recorded decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::admin::{Rewrite, check_with};
use memimage::disk::SimDisk;
use memimage::{
    Context, Durability, ErrorKind, Image, Model, Options, Retention, Seq, Shape, SnapshotPolicy, Timestamp,
};
use memimage_tests::{DiskMethod, GateDisk};
use serde::{Deserialize, Serialize};

const DAY: u64 = 86_400;
const TEN_YEARS: u64 = 3_650 * DAY;
const START: u64 = 20_000 * DAY;

/// The times of all its events, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
struct Diary {
    times: Vec<u64>,
}

#[memimage::commands]
impl Diary {
    #[command]
    fn note(&mut self, ctx: &Context, _text: String) -> u64 {
        self.times.push(ctx.time().as_secs());
        ctx.time().as_secs()
    }

    #[command]
    fn fill(&mut self, _bytes: Vec<u8>) {}
}

/// The wall clock and the monotonic clock, in seconds.
#[derive(Clone, Default)]
struct Clocks {
    wall: Arc<AtomicU64>,
    monotonic: Arc<AtomicU64>,
}

impl Clocks {
    fn new() -> Clocks {
        let clocks = Clocks::default();
        clocks.wall.store(START, Ordering::Relaxed);
        clocks
    }

    /// Time passes, by both clocks.
    fn pass(&self, seconds: u64) {
        self.wall.fetch_add(seconds, Ordering::Relaxed);
        self.monotonic.fetch_add(seconds, Ordering::Relaxed);
    }

    fn set_wall(&self, seconds: u64) {
        self.wall.store(seconds, Ordering::Relaxed);
    }

    fn options(&self) -> Options<Diary> {
        let Clocks { wall, monotonic } = self.clone();
        Image::options()
            .segment_bytes(16 << 10)
            .snapshots(SnapshotPolicy::Manual)
            .clock(move || Timestamp::from_micros(wall.load(Ordering::Relaxed) * 1_000_000))
            .monotonic_clock(move || Duration::from_secs(monotonic.load(Ordering::Relaxed)))
    }
}

fn open(disk: &SimDisk, options: Options<Diary>) -> Image<Diary> {
    options.open_with(Arc::new(disk.clone()), "/diary").unwrap()
}

/// Ten days, each with a note, enough other events to fill a segment, and a snapshot.
fn ten_days(image: &Image<Diary>, clocks: &Clocks) {
    for _ in 0..10 {
        clocks.pass(DAY);
        image.note(String::new()).unwrap();
        (0..8).for_each(|_| image.fill(vec![1; 2_000]).unwrap());
        image.admin().snapshot().unwrap();
    }
}

#[test]
fn a_jump_of_the_clock_is_reported_and_prunes_nothing() {
    let (disk, clocks) = (SimDisk::new(), Clocks::new());
    let retention = Retention::Period(Duration::from_secs(100 * DAY));
    let image = open(&disk, clocks.options().retention(retention));
    ten_days(&image, &clocks);
    assert_eq!(image.admin().stats().clock_jumped, None, "a day without an event is no jump");

    clocks.set_wall(START + TEN_YEARS);
    assert_eq!(image.note("from the future".to_owned()).unwrap(), START + TEN_YEARS);
    let jumped = image.admin().stats().clock_jumped.expect("the jump is seen");
    assert!(jumped.as_secs() > TEN_YEARS - 20 * DAY, "{jumped:?}");
    assert_eq!(image.admin().snapshot().unwrap().pruned, None, "one reading of the clock prunes nothing");
    Image::close(image).unwrap();
    assert_eq!(check_with(Arc::new(disk.clone()), "/diary").unwrap().base, None);
}

/// A program that supplies only the wall clock has nothing that contradicts it. Still, a reading that was taken back before the
/// snapshot prunes nothing, neither then nor after the next opening.
#[test]
fn a_wrong_reading_that_was_taken_back_prunes_nothing_without_a_monotonic_clock_either() {
    let (disk, clocks) = (SimDisk::new(), Clocks::new());
    let options = || {
        let wall = Arc::clone(&clocks.wall);
        let clock = move || Timestamp::from_micros(wall.load(Ordering::Relaxed) * 1_000_000);
        clocks.options().clock(clock).retention(Retention::Period(Duration::from_secs(100 * DAY)))
    };
    let mut image = open(&disk, options());
    ten_days(&image, &clocks);
    let right = clocks.wall.load(Ordering::Relaxed);
    clocks.set_wall(right + TEN_YEARS);
    image.note("from the future".to_owned()).unwrap();
    clocks.set_wall(right + 60);
    for _ in 0..2 {
        for _ in 0..2 {
            image.note("with the right clock".to_owned()).unwrap();
            assert_eq!(image.admin().snapshot().unwrap().pruned, None);
        }
        Image::close(image).unwrap();
        image = open(&disk, options());
    }
    assert_eq!(check_with(Arc::new(disk.fork()), "/diary").unwrap().base, None);

    // once the clock has really passed the period, the journal is pruned
    for _ in 0..12 {
        clocks.pass(20 * DAY);
        image.fill(vec![1; 2_000]).unwrap();
        image.admin().snapshot().unwrap();
    }
    assert!(image.admin().stats().base.is_some());
    Image::close(image).unwrap();
}

#[test]
fn time_that_passed_by_both_clocks_prunes() {
    let (disk, clocks) = (SimDisk::new(), Clocks::new());
    let image = open(&disk, clocks.options().retention(Retention::Period(Duration::from_secs(3 * DAY))));
    ten_days(&image, &clocks);
    assert!(image.admin().stats().base.is_some(), "days have passed by the monotonic clock");
    Image::close(image).unwrap();
}

/// A pause between two openings counts once a later opening confirms it.
#[test]
fn a_long_pause_prunes_at_the_second_opening_after_it() {
    let (disk, clocks) = (SimDisk::new(), Clocks::new());
    let retention = || clocks.options().retention(Retention::Period(Duration::from_secs(100 * DAY)));
    let image = open(&disk, retention());
    ten_days(&image, &clocks);
    Image::close(image).unwrap();

    clocks.set_wall(START + 1_000 * DAY);
    let image = open(&disk, retention());
    image.note("after the pause".to_owned()).unwrap();
    assert_eq!(image.admin().snapshot().unwrap().pruned, None);
    Image::close(image).unwrap();

    clocks.pass(60);
    let image = open(&disk, retention());
    image.note("once more".to_owned()).unwrap();
    assert!(image.admin().snapshot().unwrap().pruned.is_some());
}

#[test]
fn recorded_time_goes_on_from_a_correction() {
    let (disk, clocks) = (SimDisk::new(), Clocks::new());
    let image = open(&disk, clocks.options());
    image.note("right".to_owned()).unwrap();
    clocks.set_wall(START + TEN_YEARS);
    image.note("wrong".to_owned()).unwrap();
    clocks.set_wall(START + 60);
    assert_eq!(image.note("frozen".to_owned()).unwrap(), START + TEN_YEARS, "time never goes back by itself");

    let to = Timestamp::from_micros((START + 60) * 1_000_000);
    image.admin().correct_time(to, "the clock was ten years ahead").unwrap();
    assert_eq!(image.note("right again".to_owned()).unwrap(), START + 60);
    let state = image.read_uncommitted().unwrap().clone();
    // a snapshot, replay with and without it, and a rewrite agree
    assert!(image.admin().snapshot().unwrap().verified);
    Image::close(image).unwrap();
    assert_eq!(*open(&disk, clocks.options()).read_uncommitted().unwrap(), state);
    Rewrite::<Diary>::new().run_with(Arc::new(disk.clone()), "/diary", "/rewritten").unwrap();
    let rewritten = clocks.options().open_with(Arc::new(disk.clone()), "/rewritten").unwrap();
    assert_eq!(*rewritten.read_uncommitted().unwrap(), state);
    assert!(check_with(Arc::new(disk), "/diary").unwrap().is_sound());
}

/// Also if no event follows it before the image is closed.
#[test]
fn a_correction_is_kept_by_a_restart() {
    for snapshot in [false, true] {
        let (disk, clocks) = (SimDisk::new(), Clocks::new());
        let image = open(&disk, clocks.options());
        clocks.set_wall(START + TEN_YEARS);
        image.note("wrong".to_owned()).unwrap();
        if snapshot {
            image.admin().snapshot().unwrap();
        }
        clocks.set_wall(START + 60);
        image.admin().correct_time(Timestamp::from_micros(START * 1_000_000), "the clock was ten years ahead").unwrap();
        // the decision is on disk
        for disk in [disk.crash(|_| false), disk.fork()] {
            let image = open(&disk, clocks.options());
            assert_eq!(image.admin().stats().recovery.clock_behind, None, "with a snapshot: {snapshot}");
            assert_eq!(image.note("right".to_owned()).unwrap(), START + 60, "with a snapshot: {snapshot}");
        }
    }
}

#[test]
fn a_correction_must_lead_back_and_have_a_reason() {
    let (disk, clocks) = (SimDisk::new(), Clocks::new());
    let image = open(&disk, clocks.options());
    image.note(String::new()).unwrap();
    let at = |seconds: u64| Timestamp::from_micros(seconds * 1_000_000);
    for to in [START, START + 1] {
        let error = image.admin().correct_time(at(to), "no need").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotApplicable, "{error}");
    }
    for reason in [String::new(), "x".repeat(4_097)] {
        assert_eq!(image.admin().correct_time(at(1), reason).unwrap_err().kind(), ErrorKind::InvalidOption);
    }
    assert_eq!(image.note(String::new()).unwrap(), START);
}

/// The frame of the correction was written, and only its sync failed. The frame has no events, but may be on disk all the same.
#[test]
fn a_correction_whose_sync_fails_has_an_unknown_outcome() {
    let clocks = Clocks::new();
    for durability in [Durability::Buffered, Durability::Synced] {
        let disk = GateDisk::new(SimDisk::new());
        // in a segment with room for the frame, because entering a segment syncs too
        let options = clocks.options().durability(durability).segment_bytes(1 << 20);
        let image = options.open_with(Arc::new(disk.clone()), "/diary").unwrap();
        clocks.pass(DAY);
        image.note(String::new()).unwrap();
        image.journal().sync().unwrap();
        disk.fail(DiskMethod::SyncData, ".journal", std::io::ErrorKind::Other);
        let to = Timestamp::from_micros(START * 1_000_000);
        let error = image.admin().correct_time(to, "the clock was wrong").unwrap_err();
        assert!(error.is_outcome_unknown(), "{durability:?}: {error}");
    }
}

/// The clock is the program's code: its panic is an error, and the image goes on.
/// The monotonic clock is read only if the wall clock is far ahead.
#[test]
fn a_monotonic_clock_that_panics_is_an_error() {
    let (hours, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (now, reads) = (Arc::clone(&hours), Arc::clone(&seen));
    let monotonic = move || match reads.fetch_add(1, Ordering::Relaxed) {
        0 => Duration::ZERO,
        _ => panic!("the clock is broken"),
    };
    let clock = move || Timestamp::from_micros(START + now.load(Ordering::Relaxed) * 3_600_000_000);
    let image = open(&SimDisk::new(), Image::options().clock(clock).monotonic_clock(monotonic));
    image.note(String::new()).unwrap();
    hours.store(2, Ordering::Relaxed);
    let error = image.note(String::new()).unwrap_err();
    assert!(error.kind() == ErrorKind::Panicked && error.to_string().contains("the clock is broken"), "{error}");
    hours.store(0, Ordering::Relaxed);
    image.note(String::new()).unwrap();
    assert_eq!(image.journal().seq(), Seq::new(2));
}

#[test]
fn a_clock_that_panics_is_an_error() {
    let disk = SimDisk::new();
    let broken = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&broken);
    let clock = move || match seen.load(Ordering::Relaxed) {
        0 => Timestamp::from_micros(START),
        _ => panic!("the clock is broken"),
    };
    let image = open(&disk, Image::options().clock(clock));
    image.note(String::new()).unwrap();
    broken.store(1, Ordering::Relaxed);
    let error = image.note(String::new()).unwrap_err();
    assert!(error.kind() == ErrorKind::Panicked && error.to_string().contains("the clock is broken"), "{error}");
    broken.store(0, Ordering::Relaxed);
    image.note(String::new()).unwrap();
    assert_eq!(image.journal().seq(), Seq::new(2));
}

#[test]
fn a_clock_that_panics_while_an_image_opens_is_an_error() {
    let (disk, clocks) = (SimDisk::new(), Clocks::new());
    let wall = || clocks.options().clock(|| panic!("no time"));
    let monotonic = || clocks.options().monotonic_clock(|| panic!("no duration"));
    let assert_refused = |options: Options<Diary>, message: &str| {
        let error = options.open_with(Arc::new(disk.clone()), "/diary").map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panicked, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    };
    assert_refused(wall(), "a clock of the image `/diary` panicked: no time");
    assert_refused(monotonic(), "panicked: no duration");
    assert!(disk.files().iter().all(|path| path.ends_with("LOCK")), "no image was created: {:?}", disk.files());

    let image = open(&disk, clocks.options());
    image.note(String::new()).unwrap();
    Image::close(image).unwrap();
    assert_refused(wall(), "no time");
    let image = open(&disk, clocks.options());
    assert_eq!(image.query(|diary| diary.times.len()).unwrap(), 1);
}
