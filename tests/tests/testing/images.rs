//! Real images as fixtures.

use std::fs;
use std::path::Path;

use memimage::testing::{determinism, given_image, golden_image};
use memimage::{Durability, Image, Metadata, Retention};
use tempfile::tempdir;

use super::failure;
use super::model::{Bank, BankCommands as _, BankDraw, BankWithdraw, Memo};
use super::scenario::deposit;

/// An image with a snapshot before its last event.
fn make(path: &Path) {
    let bank = Image::<Bank>::open(path).unwrap();
    bank.with(Metadata::actor("teller")).deposit(7, 100, Memo { text: "rent".to_owned() }).unwrap();
    bank.draw().unwrap();
    bank.settle(9, true).unwrap_err();
    bank.admin().snapshot().unwrap();
    bank.withdraw(7, 1).unwrap();
    Image::close(bank).unwrap();
}

/// The drawn random numbers in an image.
fn drawn(path: &Path) -> Vec<u64> {
    let mut drawn = Vec::new();
    golden_image::<Bank>(path, |bank| drawn.clone_from(&bank.read_uncommitted().unwrap().drawn));
    assert_eq!(drawn.len(), 1);
    drawn
}

/// All files below a directory, with their bytes.
fn files(path: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_golden_image_is_opened_in_a_copy() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    make(&path);
    let before = files(&path);
    for _ in 0..2 {
        let mut called = false;
        golden_image::<Bank>(&path, |bank| {
            assert_eq!(bank.journal().seq().get(), 4);
            assert_eq!(bank.admin().stats().recovery.snapshot.map(|seq| seq.get()), Some(3));
            assert_eq!(bank.withdraw(7, 9).unwrap(), 90);
            called = true;
        });
        assert!(called);
    }
    assert_eq!(files(&path), before);
}

#[test]
fn a_golden_image_may_be_open_elsewhere() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    make(&path);
    let owned = Image::<Bank>::open(&path).unwrap();
    golden_image::<Bank>(&path, |bank| assert_eq!(bank.journal().seq().get(), 4));
    Image::close(owned).unwrap();
}

#[test]
fn the_events_of_an_image_are_a_history() {
    // the second process that `determinism` starts must find the same image
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("testing-past.image");
    if std::env::var_os("MEMIMAGE_TESTING_CALL").is_none() && path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    if !path.exists() {
        make(&path);
    }
    let drawn = drawn(&path);
    let before = files(&path);
    given_image::<Bank>(&path)
        .then(|bank| assert_eq!((bank.accounts[&7], &bank.drawn), (99, &drawn)))
        .event(deposit(7, 1))
        .when(BankWithdraw { account: 7, cents: 50 })
        .then_ok(50)
        .when(BankDraw {})
        .then_ok_with(|(seq, _)| assert_eq!(*seq, 7));
    determinism(given_image::<Bank>(&path));
    assert_eq!(files(&path), before);
}

#[test]
fn the_history_of_a_pruned_image_begins_with_its_base() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bank");
    let options = || Image::<Bank>::options().segment_bytes(16 << 10).retention(Retention::Events(0));
    let bank = options().durability(Durability::Buffered).open(&path).unwrap();
    for round in 0..6 {
        for _ in 0..40 {
            bank.deposit(7, 1, Memo { text: "x".repeat(1_000) }).unwrap();
        }
        if round < 5 {
            bank.admin().snapshot().unwrap();
        }
    }
    Image::close(bank).unwrap();
    assert!(!path.join("journal/00000001.journal").exists(), "the journal should be pruned");
    given_image::<Bank>(&path)
        .then(|bank| assert_eq!(bank.accounts[&7], 240))
        .when(BankDraw {})
        .then_ok_with(|(seq, _)| assert_eq!(*seq, 241))
        .then(|bank| assert_eq!(bank.memos.len(), 240));
}

/// A program with a command `note`.
mod first {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        pub drawn: Vec<(u64, u64)>,
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn note(&mut self, text: String) {
            drop(text);
        }

        #[command]
        pub fn draw(&mut self, ctx: &Context) {
            self.drawn.push((ctx.seq().get(), ctx.random().u64()));
        }
    }
}

/// A later program, which drops old notes.
mod later {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        pub drawn: Vec<(u64, u64)>,
    }

    #[derive(Deserialize, Shape)]
    pub struct NoteV1 {
        #[allow(dead_code, reason = "it is dropped")]
        text: String,
    }

    #[memimage::upcast]
    fn note(_: NoteV1) {}

    #[memimage::commands]
    impl Desk {
        #[command(version = 2, history(NoteV1))]
        pub fn note(&mut self, text: String, loud: bool) {
            drop((text, loud));
        }

        #[command]
        pub fn draw(&mut self, ctx: &Context) {
            self.drawn.push((ctx.seq().get(), ctx.random().u64()));
        }
    }
}

#[test]
fn the_history_of_a_rewritten_image_keeps_its_seqs() {
    use first::DeskCommands as _;
    use later::{Desk, DeskDraw};
    let directory = tempdir().unwrap();
    let (path, target) = (directory.path().join("desk"), directory.path().join("new"));
    let desk = Image::<first::Desk>::open(&path).unwrap();
    desk.draw().unwrap();
    desk.note("one".to_owned()).unwrap();
    desk.draw().unwrap();
    desk.note("two".to_owned()).unwrap();
    let drawn = desk.read_uncommitted().unwrap().drawn.clone();
    Image::close(desk).unwrap();
    memimage::admin::rewrite::<Desk>(&path, &target).unwrap();
    for path in [&path, &target] {
        given_image::<Desk>(path)
            .then(|desk| assert_eq!(desk.drawn, drawn))
            .when(DeskDraw {})
            .then(|desk| assert_eq!(desk.drawn[2].0, 5));
    }
}

#[test]
fn a_missing_or_damaged_image_is_refused() {
    let directory = tempdir().unwrap();
    let message = failure(|| golden_image::<Bank>(directory.path().join("nothing"), |_| {}));
    assert!(message.contains("nothing") && message.contains("cannot be read"), "{message}");
    let path = directory.path().join("bank");
    make(&path);
    let segment = files(&path).into_iter().find(|(path, _)| path.ends_with("journal/00000001.journal")).unwrap();
    let mut bytes = segment.1;
    bytes[100] ^= 1;
    fs::write(&segment.0, bytes).unwrap();
    let message = failure(|| drop(given_image::<Bank>(&path)));
    assert!(message.contains("cannot be opened") && message.contains("damaged"), "{message}");
}
