//! A rewritten journal conforms to the document: origins, replacements of dropped events, and the parent.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::admin::rewrite;
use memimage::{Image, Metadata, Timestamp};

use super::fixtures::files_in;
use super::reader::{self, Event};
use super::{event, random};

/// The program that recorded the journal.
mod before {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "dice")]
    pub(super) struct Dice {
        sum: u64,
    }

    #[memimage::commands]
    impl Dice {
        #[command]
        pub(super) fn throw(&mut self, ctx: &Context) {
            self.sum = self.sum.wrapping_add(ctx.random().u64());
        }

        #[command]
        pub(super) fn shake(&mut self) {}

        #[command]
        pub(super) fn cheat(&mut self, by: u64) -> Result<(), String> {
            Err(format!("not by {by}"))
        }
    }
}

/// The program that rewrote the journal: it upcasts a throw to two events, and drops shakes.
mod after {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "dice")]
    pub(super) struct Dice {
        thrown: Vec<u64>,
    }

    #[derive(Deserialize, Shape)]
    struct ThrowV1;

    #[memimage::upcast]
    fn throw(_: ThrowV1) -> (DiceThrow, DiceThrow) {
        (DiceThrow { hand: 'l' }, DiceThrow { hand: 'r' })
    }

    #[derive(Deserialize, Shape)]
    struct ShakeV1;

    #[memimage::upcast]
    fn shake(_: ShakeV1) {}

    #[memimage::commands]
    impl Dice {
        #[command(version = 2, history(ThrowV1))]
        pub(super) fn throw(&mut self, ctx: &Context, hand: char) {
            let drawn = ctx.random().u64();
            self.thrown.push(if hand == 'l' { drawn } else { !drawn });
        }

        #[command(version = 2, history(ShakeV1), replay_only)]
        pub(super) fn shake(&mut self) {}

        #[command]
        pub(super) fn cheat(&mut self, by: u64) -> Result<(), String> {
            Err(format!("not by {by}"))
        }
    }
}

/// Records four events, and rewrites them.
fn create(from: &Path, to: &Path) {
    use before::DiceCommands as _;
    let clock = AtomicU64::new(100);
    let dice = Image::<before::Dice>::options()
        .clock(move || Timestamp::from_micros(clock.fetch_add(1, Ordering::Relaxed)))
        .open(from)
        .unwrap();
    dice.cheat(9).unwrap_err();
    dice.with(Metadata::actor("ann")).throw().unwrap();
    dice.with(Metadata::actor("bob")).shake().unwrap();
    dice.cheat(8).unwrap_err();
    Image::close(dice).unwrap();
    rewrite::<after::Dice>(from, to).unwrap();
}

#[test]
fn a_rewritten_image_conforms_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
    create(&from, &to);
    let [old, new] = [&from, &to].map(|path| {
        let mut files = files_in(path);
        files.remove("LOCK").unwrap();
        reader::read(&files)
    });
    assert_eq!(new.parent, Some((old.uuid, 4)));
    assert_eq!((new.seed, old.parent), (old.seed, None));
    assert_ne!(new.uuid, old.uuid);
    assert_eq!(new.durable, (5, 1), "all events are synced, in the epoch of the rewrite");

    let by = |name: &str| vec![("actor".to_owned(), name.to_owned())];
    let expected = [
        Event { rejected: true, ..event(101, "cheat", 1, "{by: 9}") },
        Event { metadata: by("ann"), origin: Some((2, 1)), ..event(102, "throw", 2, "{hand: 108}") },
        Event { metadata: by("ann"), origin: Some((2, 2)), ..event(102, "throw", 2, "{hand: 114}") },
        Event { metadata: by("bob"), origin: Some((3, 0)), ..event(103, "memimage.dropped", 1, "()") },
        Event { rejected: true, origin: Some((4, 0)), ..event(104, "cheat", 1, "{by: 8}") },
    ];
    let expected: Vec<Event> = (1..).zip(expected).map(|(seq, event)| Event { seq, ..event }).collect();
    assert_eq!(new.events, expected);
    let [(5, _, digest)] = new.digests[..] else {
        panic!("there must be one digest, after the last event: {:?}", new.digests)
    };

    let dice = Image::<after::Dice>::open(&to).unwrap();
    let state = dice.read_uncommitted().unwrap();
    assert_eq!(digest, memimage::digest(&*state).unwrap().to_u64());
    let left = random::first_draw(&new.seed, 2, 1);
    let right = random::first_draw(&new.seed, 2, 2);
    assert_eq!(serde_json::to_value(&*state).unwrap()["thrown"], serde_json::json!([left, !right]));
}

#[test]
fn a_rewritten_image_has_no_temporary_files() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("from"), &directory.path().join("to"));
    let mut names: Vec<_> =
        fs::read_dir(directory.path().join("to")).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["LOCK", "journal", "quarantine", "snapshot"]);
}
