//! Snapshots and initial states of older programs.

use memimage::{ErrorKind, Image, Model, Options, Seq};
use tempfile::tempdir;

use super::options;

/// The first program.
mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Counter")]
    pub struct Counter {
        pub count: u32,
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub fn add(&mut self, number: u32) {
            self.count += number;
        }
    }
}

/// A program with the same events, another state, and no upcaster.
mod without_upcaster {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Counter", version = 2)]
    pub struct Counter {
        pub total: u64,
        pub added: Vec<u32>,
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub fn add(&mut self, number: u32) {
            self.total += u64::from(number);
            self.added.push(number);
        }
    }
}

/// A program with the same state and upcasters over two versions.
mod third {
    use memimage::{Model, Recorded, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Counter", version = 3, history(CounterV1, CounterV2))]
    pub struct Counter {
        pub total: u64,
        pub added: Vec<u32>,
        /// The last event whose number is not in `added`.
        pub summed_up_to: u64,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct CounterV1 {
        count: u32,
    }

    #[memimage::upcast]
    fn one_to_two(old: CounterV1) -> Result<CounterV2, String> {
        match old.count {
            13 => Err("13 brings bad luck".to_owned()),
            14 => panic!("14 brings worse"),
            count => Ok(CounterV2 { total: count.into(), added: Vec::new() }),
        }
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct CounterV2 {
        total: u64,
        added: Vec<u32>,
    }

    #[memimage::upcast]
    fn two_to_three(old: CounterV2, recorded: &Recorded<'_>) -> Counter {
        Counter { total: old.total, added: old.added, summed_up_to: recorded.seq().get() }
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub fn add(&mut self, number: u32) {
            self.total += u64::from(number);
            self.added.push(number);
        }
    }
}

/// A program with a wrong upcaster: with some states the next event panics, with others the error has no visible effect.
mod wrong_upcaster {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Counter", version = 2, history(CounterV1))]
    pub struct Counter {
        pub left: u64,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct CounterV1 {
        count: u32,
    }

    #[memimage::upcast]
    fn one_to_two(old: CounterV1) -> Counter {
        // the right result is 100 - count, or 0 if the count is 0
        let left = match old.count {
            0 => 0,
            7 => 3,
            _ => 50,
        };
        Counter { left }
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub fn add(&mut self, number: u32) {
            if self.left == 0 {
                self.left = 100;
            }
            self.left = self.left.checked_sub(u64::from(number)).expect("enough is left");
        }
    }
}

/// A program that counts in thousandths, with the same shape.
mod thousandths {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Counter", version = 2, history(CounterV1))]
    pub struct Counter {
        pub count: u32,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct CounterV1 {
        count: u32,
    }

    #[memimage::upcast]
    fn one_to_two(old: CounterV1) -> Counter {
        Counter { count: old.count * 1_000 }
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub fn add(&mut self, number: u32) {
            self.count += number * 1_000;
        }
    }
}

use first::CounterCommands as _;
use third::CounterCommands as _;

/// Creates an image of the first program with a snapshot after the event `number`, and one more event.
fn snapshot_at(path: &std::path::Path, number: u32) {
    let counter: Image<first::Counter> = options().open(path).unwrap();
    counter.add(number).unwrap();
    counter.admin().snapshot().unwrap();
    counter.add(5).unwrap();
    Image::close(counter).unwrap();
}

fn open<M: Model>(path: &std::path::Path) -> Image<M> {
    options().open(path).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_snapshot_of_an_older_version_is_upcast() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("counter");
    snapshot_at(&path, 7);
    let counter = open::<third::Counter>(&path);
    assert_eq!(counter.admin().stats().recovery.snapshot, Some(Seq::new(1)));
    let state = counter.read_uncommitted().unwrap();
    assert_eq!((state.total, &state.added[..], state.summed_up_to), (12, &[5][..], 1));
}

#[test]
fn without_an_upcaster_the_journal_is_replayed_and_the_reason_reported() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("counter");
    snapshot_at(&path, 7);
    let counter = open::<without_upcaster::Counter>(&path);
    let recovery = counter.admin().stats().recovery.clone();
    assert_eq!((recovery.snapshot, recovery.replayed), (None, 2));
    assert!(recovery.unusable_snapshots[0].1.contains("version 1 of the model, which is not in the model's history"));
    assert_eq!(counter.read_uncommitted().unwrap().added, [7, 5]);
}

#[test]
fn a_failing_upcaster_only_makes_the_snapshot_unusable() {
    for (number, expected) in [(13, "13 brings bad luck"), (14, "panicked: 14 brings worse")] {
        let directory = tempdir().unwrap();
        let path = directory.path().join("counter");
        snapshot_at(&path, number);
        let counter = open::<third::Counter>(&path);
        let recovery = counter.admin().stats().recovery.clone();
        assert!(recovery.unusable_snapshots[0].1.contains(expected), "{:?}", recovery.unusable_snapshots);
        assert_eq!(counter.read_uncommitted().unwrap().added, [number, 5]);
    }
}

#[test]
fn an_older_program_ignores_a_newer_snapshot() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("counter");
    let counter = open::<third::Counter>(&path);
    counter.add(3).unwrap();
    counter.admin().snapshot().unwrap();
    Image::close(counter).unwrap();
    let counter = open::<first::Counter>(&path);
    assert_eq!(counter.read_uncommitted().unwrap().count, 3);
    assert!(
        counter.admin().stats().recovery.unusable_snapshots[0]
            .1
            .contains("has version 3 of the model, but this program has version 1")
    );
}

#[test]
fn an_initial_state_is_upcast() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("counter");
    let with_state: Options<first::Counter> = options().genesis(first::Counter { count: 40 });
    let counter = with_state.open(&path).unwrap();
    counter.add(2).unwrap();
    Image::close(counter).unwrap();
    assert_eq!(open::<third::Counter>(&path).read_uncommitted().unwrap().total, 42);
    let error = options::<without_upcaster::Counter>().open(&path).unwrap_err();
    assert!(error.kind() == ErrorKind::Incompatible && error.to_string().contains("history"), "{error}");
    assert_eq!(open::<first::Counter>(&path).read_uncommitted().unwrap().count, 42);
}

#[test]
fn a_wrongly_upcast_state_is_discarded_if_an_event_cannot_be_replayed() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("counter");
    snapshot_at(&path, 7);
    let counter = open::<wrong_upcaster::Counter>(&path);
    assert_eq!(counter.read_uncommitted().unwrap().left, 88);
    let recovery = counter.admin().stats().recovery.clone();
    assert_eq!(recovery.snapshot, None);
    let why = &recovery.unusable_snapshots[0].1;
    assert!(why.contains("after its upcasters, does not match the journal") && why.contains("enough is left"), "{why}");
}

#[test]
fn snapshot_verification_detects_a_wrongly_upcast_state() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("counter");
    snapshot_at(&path, 8);
    let counter = open::<wrong_upcaster::Counter>(&path);
    assert_eq!(counter.read_uncommitted().unwrap().left, 45, "the error is not detected yet");
    let error = counter.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
}

#[test]
fn a_version_can_change_the_meaning_of_the_same_shape() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("counter");
    snapshot_at(&path, 7);
    let counter = open::<thousandths::Counter>(&path);
    assert_eq!(counter.admin().stats().recovery.snapshot, Some(Seq::new(1)));
    assert_eq!(counter.read_uncommitted().unwrap().count, 12_000);
    // snapshot verification replays the journal, whose older digests belong to the older version
    counter.admin().snapshot().unwrap();
    Image::close(counter).unwrap();
    for entry in std::fs::read_dir(path.join("snapshot")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert_eq!(open::<thousandths::Counter>(&path).read_uncommitted().unwrap().count, 12_000);
}

#[test]
fn snapshots_of_another_image_do_not_count_as_this_images_own() {
    let directory = tempdir().unwrap();
    let (path, other) = (directory.path().join("counter"), directory.path().join("other"));
    let counter: Image<first::Counter> = options().open(&other).unwrap();
    for _ in 0..5 {
        counter.add(1).unwrap();
        counter.add(1).unwrap();
        counter.admin().snapshot().unwrap();
    }
    Image::close(counter).unwrap();
    snapshot_at(&path, 7);
    for entry in std::fs::read_dir(other.join("snapshot")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), path.join("snapshot").join(entry.file_name())).unwrap();
    }
    let counter = open::<first::Counter>(&path);
    assert_eq!(counter.admin().snapshot().unwrap().seq, Seq::new(2));
    Image::close(counter).unwrap();
    let counter = open::<first::Counter>(&path);
    assert_eq!(counter.admin().stats().recovery.snapshot, Some(Seq::new(2)));
}
