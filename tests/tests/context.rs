//! What a command may know: its number, the recorded time, who ran it, and random values, the same on each replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Context, Durability, Error, ErrorKind, Image, Metadata, Model, Options, Seq, Shape, Timestamp, digest};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Seen {
    seq: u64,
    time: Timestamp,
    metadata: Vec<(String, String)>,
    drawn: (u64, u64, f64),
    wide: u128,
    order: Vec<u8>,
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Witness {
    seen: Vec<Seen>,
}

impl Witness {
    fn note(&mut self, ctx: &Context) -> Seen {
        let random = ctx.random();
        let mut order: Vec<u8> = (0..20).collect();
        random.shuffle(&mut order);
        let seen = Seen {
            seq: ctx.seq().get(),
            time: ctx.time(),
            metadata: ctx.metadata().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            drawn: (random.u64(), random.below(1_000), random.f64()),
            wide: random.u128(),
            order,
        };
        self.seen.push(seen.clone());
        seen
    }
}

#[memimage::commands]
impl Witness {
    #[command]
    fn look(&mut self, ctx: &Context) -> Seen {
        self.note(ctx)
    }

    /// Its check draws first, sees the same, and does not run on replay.
    #[command(check = may_gamble)]
    fn gamble(&mut self, ctx: &Context, refused: bool) -> Seen {
        _ = refused;
        self.note(ctx)
    }

    fn may_gamble(&self, ctx: &Context, refused: bool) -> Result<(), u64> {
        let drawn = ctx.random().u64();
        (0..10).for_each(|_| _ = ctx.random().below(7));
        assert_eq!(ctx.seq().get() as usize, self.seen.len() + 1);
        if refused { Err(drawn) } else { Ok(()) }
    }

    #[command]
    fn fail(&mut self, ctx: &Context) -> Result<(), Seen> {
        Err(self.note(ctx))
    }
}

/// A clock that is set by hand.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn set(&self, micros: u64) {
        self.0.store(micros, Ordering::SeqCst);
    }

    fn options(&self) -> Options<Witness> {
        let hand = self.clone();
        Image::options().clock(move || Timestamp::from_micros(hand.0.load(Ordering::SeqCst)))
    }
}

fn open(disk: &SimDisk, options: Options<Witness>) -> Result<Image<Witness>, Error> {
    options.open_with(Arc::new(disk.clone()), "witness")
}

fn seen(image: &Image<Witness>) -> Vec<Seen> {
    image.query(|witness| witness.seen.clone()).unwrap()
}

#[test]
fn replay_sees_what_was_seen() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let disk = SimDisk::new();
        let image = open(&disk, Image::options().durability(durability)).unwrap();
        let teller = image.with(Metadata::actor("teller 3").correlation(4711).entry("branch", "Ghent"));
        let mut live = vec![image.look().unwrap(), teller.look().unwrap()];
        live.push(image.gamble(false).unwrap());
        image.gamble(true).unwrap_err();
        live.push(teller.fail().unwrap_err().refusal().unwrap().clone());
        image.admin().snapshot().unwrap();
        live.push(teller.submit(WitnessLook {}).unwrap().wait().unwrap());
        live.push(teller.gamble(false).unwrap());
        assert_eq!(live.iter().map(|seen| seen.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert!(live.is_sorted_by_key(|seen| seen.time));
        assert_eq!(seen(&image), live);
        let digest_live = digest(&*image.read_uncommitted().unwrap()).unwrap();
        Image::close(image).unwrap();

        for snapshots in [true, false] {
            if !snapshots {
                remove_snapshots(&disk);
            }
            let again = open(&disk, Image::options()).unwrap();
            assert_eq!(again.admin().stats().recovery.snapshot.is_some(), snapshots);
            assert_eq!(seen(&again), live);
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
fn metadata_reach_the_body() {
    let image = Image::<Witness>::in_memory().unwrap();
    assert_eq!(image.look().unwrap().metadata, []);
    let with = image.with(Metadata::actor("a").causation(Seq::new(1)).entry("note", "").entry("note", "ü"));
    let expected = [("actor", "a"), ("causation", "1"), ("note", "ü")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(with.clone().look().unwrap().metadata, expected);
    assert_eq!(with.try_submit(WitnessLook {}).unwrap().wait().unwrap().metadata, expected);
    assert_eq!(image.look().unwrap().metadata, [], "they are those of one caller");
}

#[test]
fn metadata_over_the_cap_are_refused_and_nothing_is_recorded() {
    let image = Image::<Witness>::options().record_bytes_max(1_000).in_memory().unwrap();
    let error = image.with(Metadata::actor("x".repeat(1_000))).look().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecordTooLarge, "{error}");
    assert_eq!(image.journal().seq(), Seq::ZERO);
    let seen = image.with(Metadata::actor("x".repeat(900))).look().unwrap();
    assert_eq!((seen.seq, seen.metadata[0].1.len()), (1, 900));
}

#[test]
fn time_is_the_clock_and_never_goes_back() {
    let (disk, hand) = (SimDisk::new(), Hand::default());
    hand.set(1_000);
    let image = open(&disk, hand.options()).unwrap();
    let mut times = Vec::new();
    for clock in [1_000, 1_000, 5_000, 2_000, 4_999, 5_000, 5_001, 0, u64::MAX / 2, 3] {
        hand.set(clock);
        times.push(image.look().unwrap().time.as_micros());
    }
    let far = u64::MAX / 2;
    assert_eq!(times, [1_000, 1_000, 5_000, 5_000, 5_000, 5_000, 5_001, 5_001, far, far]);
    Image::close(image).unwrap();
    let again = open(&disk, hand.options()).unwrap();
    assert_eq!(seen(&again).iter().map(|seen| seen.time.as_micros()).collect::<Vec<_>>(), times);
    assert_eq!(again.look().unwrap().time.as_micros(), far, "time stands still after a restart too");
}

#[test]
fn a_refused_command_does_not_advance_time() {
    let (disk, hand) = (SimDisk::new(), Hand::default());
    let image = open(&disk, hand.options()).unwrap();
    hand.set(9_000);
    image.gamble(true).unwrap_err();
    hand.set(1_000);
    assert_eq!(image.look().unwrap().time.as_micros(), 1_000);
}

#[test]
fn a_clock_that_is_behind_is_reported() {
    let (disk, hand) = (SimDisk::new(), Hand::default());
    hand.set(60_000_000);
    let image = open(&disk, hand.options()).unwrap();
    assert_eq!(image.admin().stats().recovery.clock_behind, None);
    image.look().unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    for (clock, behind) in [
        (60_000_000, None),
        (61_000_000, None),
        (20_000_000, Some(40_000_000)),
        (59_999_999, Some(1)),
        (0, Some(60_000_000)),
    ] {
        hand.set(clock);
        let again = open(&disk, hand.options()).unwrap();
        assert_eq!(again.admin().stats().recovery.clock_behind, behind.map(Duration::from_micros), "at {clock}");
    }
}

#[test]
fn the_wall_clock_is_the_default() {
    let before = Timestamp::from(std::time::SystemTime::now());
    let time = Image::<Witness>::in_memory().unwrap().look().unwrap().time;
    let after = Timestamp::from(std::time::SystemTime::now());
    assert!(before <= time && time <= after.max(before));
}

#[test]
fn the_body_draws_the_same_whether_or_not_a_check_drew() {
    // a branch of the same image: the same seed and the same numbers, with and without the check
    let disk = SimDisk::new();
    drop(open(&disk, Image::options()).unwrap());
    let (plain, checked) = (disk.fork(), disk.fork());
    let options = || Hand::default().options();
    let (plain, checked) = (open(&plain, options()).unwrap(), open(&checked, options()).unwrap());
    let refusal = *checked.gamble(true).unwrap_err().refusal().unwrap();
    for _ in 0..3 {
        assert_eq!(plain.look().unwrap(), checked.gamble(false).unwrap());
    }
    // the check drew from the same stream, from its start
    let first = plain.query(|witness| witness.seen[0].clone()).unwrap();
    let again = *open(&disk, options()).unwrap().gamble(true).unwrap_err().refusal().unwrap();
    assert_eq!(refusal, again);
    assert_ne!(first.drawn.0, 0);
}

#[test]
fn each_event_and_each_image_draws_anew() {
    let draw = |image: &Image<Witness>| image.look().unwrap().wide;
    let (one, other) = (Image::<Witness>::in_memory().unwrap(), Image::<Witness>::in_memory().unwrap());
    let mut drawn = vec![draw(&one), draw(&one), draw(&other), draw(&other)];
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 4);
    let sane = one.query(|witness| {
        witness.seen.iter().all(|seen| {
            let mut order = seen.order.clone();
            order.sort_unstable();
            seen.drawn.1 < 1_000 && (0.0..1.0).contains(&seen.drawn.2) && order == (0..20).collect::<Vec<u8>>()
        })
    });
    assert!(sane.unwrap());
}

#[test]
fn a_clock_that_panics_records_nothing_and_holds_nobody_up() {
    let broken = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&broken);
    let image = Image::<Witness>::options()
        .clock(move || {
            assert!(clock.load(Ordering::SeqCst) == 0, "the clock broke");
            Timestamp::from_micros(7)
        })
        .in_memory()
        .unwrap();
    image.look().unwrap();
    broken.store(1, Ordering::SeqCst);
    let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| image.look()));
    assert!(looked.map_or(true, |looked| looked.is_err()));
    broken.store(0, Ordering::SeqCst);
    assert_eq!(image.look().unwrap().seq, 2);
}
