//! The context of a command: its seq, the recorded time, the metadata and random values, which are the same on each replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use memimage::disk::SimDisk;
use memimage::{Context, Durability, Error, ErrorKind, Image, Metadata, Model, Options, Seq, Shape, Timestamp, digest};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Observation {
    seq: u64,
    time: Timestamp,
    metadata: Vec<(String, String)>,
    drawn: (u64, u64, f64),
    wide: u128,
    order: Vec<u8>,
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct ContextLog {
    observations: Vec<Observation>,
}

impl ContextLog {
    fn note(&mut self, ctx: &Context) -> Observation {
        let random = ctx.random();
        let mut order: Vec<u8> = (0..20).collect();
        random.shuffle(&mut order);
        let observation = Observation {
            seq: ctx.seq().get(),
            time: ctx.time(),
            metadata: ctx.metadata().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            drawn: (random.u64(), random.below(1_000), random.f64()),
            wide: random.u128(),
            order,
        };
        self.observations.push(observation.clone());
        observation
    }
}

#[memimage::commands]
impl ContextLog {
    #[command]
    fn observe(&mut self, ctx: &Context) -> Observation {
        self.note(ctx)
    }

    /// The check draws first, has the same context, and does not run on replay.
    #[command(check = is_allowed)]
    fn note_if_allowed(&mut self, ctx: &Context, refused: bool) -> Observation {
        _ = refused;
        self.note(ctx)
    }

    fn is_allowed(&self, ctx: &Context, refused: bool) -> Result<(), u64> {
        let drawn = ctx.random().u64();
        (0..10).for_each(|_| _ = ctx.random().below(7));
        assert_eq!(ctx.seq().get() as usize, self.observations.len() + 1);
        if refused { Err(drawn) } else { Ok(()) }
    }

    #[command]
    fn fail(&mut self, ctx: &Context) -> Result<(), Observation> {
        Err(self.note(ctx))
    }
}

/// A clock that the test sets.
#[derive(Clone, Default)]
struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    fn set(&self, micros: u64) {
        self.0.store(micros, Ordering::SeqCst);
    }

    fn options(&self) -> Options<ContextLog> {
        let clock = self.clone();
        Image::options().clock(move || Timestamp::from_micros(clock.0.load(Ordering::SeqCst)))
    }
}

fn open(disk: &SimDisk, options: Options<ContextLog>) -> Result<Image<ContextLog>, Error> {
    options.open_with(Arc::new(disk.clone()), "log")
}

fn observations(image: &Image<ContextLog>) -> Vec<Observation> {
    image.query(|log| log.observations.clone()).unwrap()
}

#[test]
fn replay_has_the_same_context() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let disk = SimDisk::new();
        let image = open(&disk, Image::options().durability(durability)).unwrap();
        let teller = image.with(Metadata::actor("teller 3").correlation(4711).entry("branch", "Ghent"));
        let mut live = vec![image.observe().unwrap(), teller.observe().unwrap()];
        live.push(image.note_if_allowed(false).unwrap());
        image.note_if_allowed(true).unwrap_err();
        live.push(teller.fail().unwrap_err().refusal().unwrap().clone());
        image.admin().snapshot().unwrap();
        live.push(teller.submit(ContextLogObserve {}).unwrap().wait().unwrap());
        live.push(teller.note_if_allowed(false).unwrap());
        assert_eq!(live.iter().map(|observation| observation.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert!(live.is_sorted_by_key(|observation| observation.time));
        assert_eq!(observations(&image), live);
        let digest_live = digest(&*image.read_uncommitted().unwrap()).unwrap();
        Image::close(image).unwrap();

        for snapshots in [true, false] {
            if !snapshots {
                remove_snapshots(&disk);
            }
            let again = open(&disk, Image::options()).unwrap();
            assert_eq!(again.admin().stats().recovery.snapshot.is_some(), snapshots);
            assert_eq!(observations(&again), live);
            assert_eq!(digest(&*again.read_uncommitted().unwrap()).unwrap(), digest_live);
        }
    }
}

fn remove_snapshots(disk: &SimDisk) {
    use memimage::disk::Disk;
    let snapshots = disk.files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "snapshot"));
    snapshots.for_each(|path| disk.remove(&path).unwrap());
}

#[test]
fn metadata_reaches_the_body() {
    let image = Image::<ContextLog>::in_memory().unwrap();
    assert_eq!(image.observe().unwrap().metadata, []);
    let with = image.with(Metadata::actor("a").causation(Seq::new(1)).entry("note", "").entry("note", "ü"));
    let expected = [("actor", "a"), ("causation", "1"), ("note", "ü")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(with.clone().observe().unwrap().metadata, expected);
    assert_eq!(with.try_submit(ContextLogObserve {}).unwrap().wait().unwrap().metadata, expected);
    assert_eq!(image.observe().unwrap().metadata, [], "metadata belongs to one handle");
}

#[test]
fn too_much_metadata_is_refused_and_not_recorded() {
    let image = Image::<ContextLog>::options().record_bytes_max(1_000).in_memory().unwrap();
    let error = image.with(Metadata::actor("x".repeat(1_000))).observe().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecordTooLarge, "{error}");
    assert_eq!(image.journal().seq(), Seq::ZERO);
    let observation = image.with(Metadata::actor("x".repeat(900))).observe().unwrap();
    assert_eq!((observation.seq, observation.metadata[0].1.len()), (1, 900));
}

#[test]
fn time_follows_the_clock_and_never_goes_back() {
    let (disk, clock) = (SimDisk::new(), ManualClock::default());
    clock.set(1_000);
    let image = open(&disk, clock.options()).unwrap();
    let mut times = Vec::new();
    for micros in [1_000, 1_000, 5_000, 2_000, 4_999, 5_000, 5_001, 0, u64::MAX / 2, 3] {
        clock.set(micros);
        times.push(image.observe().unwrap().time.as_micros());
    }
    let far = u64::MAX / 2;
    assert_eq!(times, [1_000, 1_000, 5_000, 5_000, 5_000, 5_000, 5_001, 5_001, far, far]);
    Image::close(image).unwrap();
    let again = open(&disk, clock.options()).unwrap();
    assert_eq!(observations(&again).iter().map(|observation| observation.time.as_micros()).collect::<Vec<_>>(), times);
    assert_eq!(again.observe().unwrap().time.as_micros(), far, "time does not go back after a restart either");
}

#[test]
fn a_refused_command_does_not_advance_time() {
    let (disk, clock) = (SimDisk::new(), ManualClock::default());
    let image = open(&disk, clock.options()).unwrap();
    clock.set(9_000);
    image.note_if_allowed(true).unwrap_err();
    clock.set(1_000);
    assert_eq!(image.observe().unwrap().time.as_micros(), 1_000);
}

#[test]
fn a_clock_that_is_behind_is_reported() {
    let (disk, clock) = (SimDisk::new(), ManualClock::default());
    clock.set(60_000_000);
    let image = open(&disk, clock.options()).unwrap();
    assert_eq!(image.admin().stats().recovery.clock_behind, None);
    image.observe().unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    for (micros, behind) in [
        (60_000_000, None),
        (61_000_000, None),
        (20_000_000, Some(40_000_000)),
        (59_999_999, Some(1)),
        (0, Some(60_000_000)),
    ] {
        clock.set(micros);
        let again = open(&disk, clock.options()).unwrap();
        assert_eq!(again.admin().stats().recovery.clock_behind, behind.map(Duration::from_micros), "at {micros}");
    }
}

/// A call that waits for its command gets the time at which the command runs, to the microsecond, also if other threads share
/// its batch.
#[test]
fn the_wall_clock_is_the_default() {
    let now = || Timestamp::from(SystemTime::now());
    let image = Image::<ContextLog>::in_memory().unwrap();
    let calls = || {
        for _ in 0..200 {
            let before = now();
            let time = image.observe().unwrap().time;
            let after = now();
            assert!((before..=after).contains(&time), "{time} is not between {before} and {after}");
        }
    };
    calls();
    std::thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(calls)));
        (0..2_000).for_each(|_| drop(image.submit(ContextLogObserve {}).unwrap()));
    });
}

/// Commands of one batch may share a reading of the clock, but their times never go back, and the clock is read again.
#[test]
fn commands_that_are_submitted_together_have_the_time_of_the_clock() {
    let image = Image::<ContextLog>::in_memory().unwrap();
    let before = Timestamp::from(SystemTime::now());
    let answers = image.submit_all((0..20_000).map(|_| ContextLogObserve {})).wait();
    let after = Timestamp::from(SystemTime::now());
    let times: Vec<Timestamp> = answers.into_iter().map(|answer| answer.unwrap().time).collect();
    assert!(times.is_sorted() && times[0] >= before && times[19_999] <= after, "{before} {} {after}", times[0]);
    assert!(times[0] < times[19_999]);
}

#[test]
fn the_random_values_of_a_body_do_not_depend_on_its_check() {
    // two forks of one image have the same seed and seqs: one runs commands with a check, the other without
    let disk = SimDisk::new();
    drop(open(&disk, Image::options()).unwrap());
    let (plain, checked) = (disk.fork(), disk.fork());
    let options = || ManualClock::default().options();
    let (plain, checked) = (open(&plain, options()).unwrap(), open(&checked, options()).unwrap());
    let refusal = *checked.note_if_allowed(true).unwrap_err().refusal().unwrap();
    for _ in 0..3 {
        assert_eq!(plain.observe().unwrap(), checked.note_if_allowed(false).unwrap());
    }
    // the check drew from the start of the same stream
    let first = plain.query(|log| log.observations[0].clone()).unwrap();
    let again = *open(&disk, options()).unwrap().note_if_allowed(true).unwrap_err().refusal().unwrap();
    assert_eq!(refusal, again);
    assert_ne!(first.drawn.0, 0);
}

#[test]
fn each_event_and_each_image_draws_different_values() {
    let draw = |image: &Image<ContextLog>| image.observe().unwrap().wide;
    let (one, other) = (Image::<ContextLog>::in_memory().unwrap(), Image::<ContextLog>::in_memory().unwrap());
    let mut drawn = vec![draw(&one), draw(&one), draw(&other), draw(&other)];
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 4);
    let valid = one.query(|log| {
        log.observations.iter().all(|observation| {
            let mut order = observation.order.clone();
            order.sort_unstable();
            observation.drawn.1 < 1_000
                && (0.0..1.0).contains(&observation.drawn.2)
                && order == (0..20).collect::<Vec<u8>>()
        })
    });
    assert!(valid.unwrap());
}

#[test]
fn a_panicking_clock_records_nothing_and_blocks_no_one() {
    let broken = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&broken);
    let image = Image::<ContextLog>::options()
        .clock(move || {
            assert!(clock.load(Ordering::SeqCst) == 0, "the clock is broken");
            Timestamp::from_micros(7)
        })
        .in_memory()
        .unwrap();
    image.observe().unwrap();
    broken.store(1, Ordering::SeqCst);
    let observed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| image.observe()));
    assert!(observed.map_or(true, |observed| observed.is_err()));
    broken.store(0, Ordering::SeqCst);
    assert_eq!(image.observe().unwrap().seq, 2);
}
