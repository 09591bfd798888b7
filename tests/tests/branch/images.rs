//! Branches of images of all kinds: with upcasters, groups, protection, derived fields, an initial state, and bodies that are not
//! deterministic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Journal, Metadata, Seq};
use memimage_tests::protection::{MODES, PLAIN};
use memimage_tests::{files, with_keys};

use super::model_versions::{Note, first, second, third};
use super::till::{Till, TillCommands as _};
use super::{BRANCH, PARENT, branch, exists, journal_at, open, options, seq, seqs, state};

/// A disk with an image of the first program of `model_versions`, with 12 events.
fn desk_image() -> SimDisk {
    use first::DeskCommands as _;
    let disk = SimDisk::new();
    let desk: Image<first::Desk> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    for round in 0..2 {
        desk.transfer(round, 10 + round).unwrap();
        desk.ping().unwrap();
        desk.with(Metadata::actor(round)).deposit(round, "m".repeat(40)).unwrap();
        desk.attempt(true).unwrap();
        desk.attempt(false).unwrap_err();
        desk.fee().unwrap();
    }
    Image::close(desk).unwrap();
    disk
}

/// The notes that were written by other events than these.
fn without(notes: &[Note], left_out: &[u64]) -> Vec<Note> {
    notes.iter().filter(|note| !left_out.contains(&note.seq)).cloned().collect()
}

#[test]
fn events_of_past_versions_are_taken_over_as_they_were_recorded() {
    let disk = desk_image();
    let parent = open::<second::Desk>(&disk, PARENT).query(|desk| desk.notes.clone()).unwrap();
    // event 1 becomes two events, event 2 none
    let report = branch::<second::Desk>(&disk).without(seqs(&[2, 3, 7])).create().unwrap();
    assert_eq!((report.conflicts.len(), report.left_out, report.parent.seq), (0, seqs(&[2, 3, 7]), seq(12)));
    let image = open::<second::Desk>(&disk, BRANCH);
    assert_eq!(image.query(|desk| desk.notes.clone()).unwrap(), without(&parent, &[3, 7]));
    let journal: Journal<second::Desk> = journal_at(&disk, BRANCH);
    let versions: Vec<u32> = journal.history().into_iter().map(|event| event.unwrap().recorded().version()).collect();
    assert_eq!(versions, [1; 13], "the first event counts twice");
    // the program that recorded the events reads the branch, too
    let old = open::<first::Desk>(&disk, BRANCH);
    assert_eq!(old.query(|desk| desk.drawer.len()).unwrap(), 10 - 2);
}

#[test]
fn a_replacement_has_the_newest_version_and_the_others_keep_theirs() {
    let disk = desk_image();
    let event = second::DeskDeposit { cents: 1 << 40, memo: String::new() };
    branch::<second::Desk>(&disk).replacing(seq(3), event).create().unwrap();
    let image = open::<second::Desk>(&disk, BRANCH);
    let notes = image.query(|desk| desk.notes.clone()).unwrap();
    assert!(notes.iter().any(|note| note.seq == 3 && note.what == format!("{} 0", 1u64 << 40)), "{notes:?}");
    let journal: Journal<second::Desk> = journal_at(&disk, BRANCH);
    let of = |wanted| {
        let mut events = journal.history().into_iter().map(Result::unwrap);
        events.find(|event| event.seq() == seq(wanted)).unwrap().recorded().version()
    };
    assert_eq!((of(3), of(9)), (2, 1));
}

#[test]
fn chains_of_upcasters_work_on_a_branch() {
    let disk = desk_image();
    let parent = open::<third::Desk>(&disk, PARENT).query(|desk| desk.book.clone()).unwrap();
    branch::<third::Desk>(&disk).without(seqs(&[3])).create().unwrap();
    let image = open::<third::Desk>(&disk, BRANCH);
    assert_eq!(image.query(|desk| desk.book.clone()).unwrap(), without(&parent, &[3]));
}

#[test]
fn a_branch_has_the_initial_state_of_its_parent() {
    let disk = SimDisk::new();
    let given = Till { accounts: [(1, 50)].into(), audits: 3, ..Till::default() };
    let till = options().genesis(given.clone()).open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.withdraw(1, 20).unwrap();
    Image::close(till).unwrap();
    branch::<Till>(&disk).until(seq(0)).create().unwrap();
    assert_eq!(state::<Till>(&disk, BRANCH), given);
    let report = super::journal::<Till>(&disk).branch("/second").without(seqs(&[1])).create().unwrap();
    assert_eq!((report.conflicts.len(), state::<Till>(&disk, "/second")), (0, given));
}

#[test]
fn a_branch_is_protected_by_the_keys_of_its_parent() {
    for mode in MODES {
        let disk = SimDisk::new();
        let secret = "a secret that nobody may read";
        let image: Image<first::Desk> = with_keys!(mode, options()).open_with(Arc::new(disk.clone()), PARENT).unwrap();
        {
            use first::DeskCommands as _;
            image.deposit(1, secret.to_owned()).unwrap();
            image.deposit(2, secret.to_owned()).unwrap();
        }
        image.journal().branch(BRANCH).without(seqs(&[1])).create().unwrap();
        Image::close(image).unwrap();
        let is_readable = files(&disk)
            .iter()
            .filter(|(path, _)| path.starts_with(BRANCH))
            .any(|(_, bytes)| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        assert_eq!(is_readable, !mode.encrypted, "{mode:?}");
        let branched: Image<first::Desk> =
            with_keys!(mode, options().create(false)).open_with(Arc::new(disk.clone()), BRANCH).unwrap();
        assert_eq!(branched.query(|desk| desk.drawer.len()).unwrap(), 1);
        assert_eq!(branched.admin().stats().recovery.snapshot, Some(seq(2)));
        Image::close(branched).unwrap();
        if mode != PLAIN {
            let error = options::<first::Desk>().create(false).open_with(Arc::new(disk.clone()), BRANCH).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Key, "{mode:?}: {error}");
        }
    }
}

mod groups {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    /// A model with two groups of commands, and a derived field.
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
    #[model(groups(names::Names, calls::Calls), rebuild = count)]
    pub struct Staff {
        pub names: Vec<String>,
        #[model(derived)]
        #[serde(skip)]
        pub longest: usize,
    }

    impl Staff {
        fn count(&mut self) {
            self.longest = self.names.iter().map(String::len).max().unwrap_or(0);
        }
    }

    pub mod names {
        use super::Staff;

        #[memimage::commands(group = Names)]
        impl Staff {
            #[command]
            pub fn hire(&mut self, name: String) {
                self.longest = self.longest.max(name.len());
                self.names.push(name);
            }
        }
    }

    pub mod calls {
        use super::Staff;

        #[memimage::commands(group = Calls)]
        impl Staff {
            #[command(check = is_long)]
            pub fn shout(&mut self, letters: usize) {
                self.names.push("!".repeat(letters));
                self.longest = self.longest.max(letters);
            }

            fn is_long(&self, letters: usize) -> Result<(), u8> {
                if letters <= self.longest + 1 { Ok(()) } else { Err(1) }
            }
        }
    }
}

#[test]
fn groups_and_derived_fields_work_on_a_branch() {
    use groups::calls::CallsCommands as _;
    use groups::names::NamesCommands as _;
    let disk = SimDisk::new();
    let staff: Image<groups::Staff> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    staff.hire("anna".to_owned()).unwrap();
    staff.hire("bo".to_owned()).unwrap();
    staff.shout(5).unwrap();
    staff.shout(3).unwrap();
    Image::close(staff).unwrap();
    let event = groups::names::NamesEvent::from(groups::names::StaffHire { name: "cleo".to_owned() });
    let report = branch::<groups::Staff>(&disk).without(seqs(&[1])).replacing(seq(2), event).create().unwrap();
    assert_eq!(report.conflicts.len(), 0);
    let report = super::journal::<groups::Staff>(&disk).branch("/second").without(seqs(&[1])).create().unwrap();
    let lines: Vec<String> = report.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["event 3 (`shout` version 1) is left out: its check refuses it: 1"]);
    let second: groups::Staff = state(&disk, "/second");
    assert_eq!((second.names, second.longest), (vec!["bo".to_owned(), "!!!".to_owned()], 3));
}

/// The program that recorded the events.
mod lenient {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
    pub enum Kind {
        Small,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
    #[model(name = "shop")]
    pub struct Shop {
        pub sold: Vec<u32>,
    }

    #[memimage::commands]
    impl Shop {
        #[command]
        pub fn sell(&mut self, kind: Kind, number: u32) {
            let _ = kind;
            self.sold.push(number);
        }
    }
}

/// The program that branches them: its check is stricter, and there is one more kind.
mod strict {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
    pub enum Kind {
        Small,
        Large(u8),
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
    #[model(name = "shop")]
    pub struct Shop {
        pub sold: Vec<u32>,
    }

    /// A refusal that cannot be shown.
    pub struct Refusal;

    #[memimage::commands]
    impl Shop {
        #[command(check = can_sell)]
        pub fn sell(&mut self, kind: Kind, number: u32) {
            self.sold.push(if kind == Kind::Small { number } else { 1_000 * number });
        }

        fn can_sell(&self, number: u32) -> Result<(), Refusal> {
            let is_next = self.sold.len() as u32 == number;
            if number < 5 && is_next { Ok(()) } else { Err(Refusal) }
        }
    }
}

fn shop_image() -> SimDisk {
    use lenient::{Kind, ShopCommands as _};
    let disk = SimDisk::new();
    let shop: Image<lenient::Shop> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    for number in [0, 1, 77, 3, 4] {
        shop.sell(Kind::Small, number).unwrap();
    }
    Image::close(shop).unwrap();
    disk
}

#[test]
fn a_check_that_became_stricter_does_not_refuse_events_that_it_would_refuse_in_the_parent_too() {
    let disk = shop_image();
    let report = branch::<strict::Shop>(&disk).without(seqs(&[1])).create().unwrap();
    let lines: Vec<String> = report.conflicts.iter().map(ToString::to_string).collect();
    // event 3 is refused in the parent, too; the others were accepted there, because they had the right number
    let refused =
        |seq| format!("event {seq} (`sell` version 1) is left out: its check refuses it: its error is not `Display`");
    assert_eq!(lines, [2, 4, 5].map(refused));
    assert_eq!(state::<strict::Shop>(&disk, BRANCH).sold, [77]);
}

#[test]
fn a_replacement_may_need_a_shape_that_extends_the_recorded_one() {
    for seq in [1, 5] {
        let disk = shop_image();
        let event = strict::ShopSell { kind: strict::Kind::Large(9), number: seq as u32 - 1 };
        branch::<strict::Shop>(&disk).replacing(Seq::new(seq), event).create().unwrap();
        let mut expected = vec![0, 1, 77, 3, 4];
        expected[seq as usize - 1] *= 1_000;
        assert_eq!(state::<strict::Shop>(&disk, BRANCH).sold, expected);
        let check = memimage::admin::check_with(Arc::new(disk.clone()), BRANCH).unwrap();
        assert!(check.is_sound(), "{check}");
    }
}

/// What a nondeterministic body reads.
static OUTSIDE: AtomicU64 = AtomicU64::new(0);

mod dice {
    use std::sync::atomic::Ordering;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
    pub struct Dice {
        pub thrown: Vec<u64>,
    }

    #[memimage::commands]
    impl Dice {
        #[command]
        pub fn throw(&mut self) {
            self.thrown.push(super::OUTSIDE.fetch_add(1, Ordering::Relaxed));
        }
    }
}

#[test]
fn a_branch_that_replays_to_another_state_is_not_created() {
    use dice::DiceCommands as _;
    let disk = SimDisk::new();
    let dice: Image<dice::Dice> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    dice.throw().unwrap();
    dice.throw().unwrap();
    Image::close(dice).unwrap();
    OUTSIDE.store(100, Ordering::Relaxed);
    let error = branch::<dice::Dice>(&disk).without(seqs(&[1])).create().unwrap_err();
    assert!(error.kind() == ErrorKind::Diverged && error.to_string().contains("is not deterministic"), "{error}");
    assert!(!exists(&disk, BRANCH) && super::strays(&disk).is_empty());
}
