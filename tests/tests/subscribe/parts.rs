//! Events that upcasters convert to several events, or to none.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{EventKey, Image, Seq};

use super::seq;

/// An earlier program, which records pairs.
mod before {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Desk")]
    pub(super) struct Desk {
        sum: u64,
    }

    #[memimage::commands]
    impl Desk {
        #[command(name = "add")]
        pub(super) fn add_pair(&mut self, first: u64, second: u64) {
            self.sum += first + second;
        }
    }
}

/// A later program, which records single numbers. Pairs of zeros become no event.
mod after {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Desk")]
    pub(super) struct Desk {
        sum: u64,
    }

    #[derive(Deserialize, Shape)]
    pub(super) struct PairV1 {
        first: u64,
        second: u64,
    }

    #[memimage::upcast]
    fn split(old: PairV1) -> Vec<DeskAdd> {
        let numbers = [old.first, old.second];
        numbers.into_iter().filter(|number| *number > 0).map(|number| DeskAdd { number }).collect()
    }

    #[memimage::commands]
    impl Desk {
        #[command(name = "add", version = 2, history(PairV1))]
        pub(super) fn add(&mut self, number: u64) {
            self.sum += number;
        }
    }
}

use before::DeskCommands as _;

fn open(disk: &SimDisk) -> Image<after::Desk> {
    Image::options().open_with(Arc::new(disk.clone()), "/desk").unwrap()
}

/// An image with the pairs (1, 2), (0, 0) and (3, 4) of the earlier program.
fn recorded() -> SimDisk {
    let disk = SimDisk::new();
    let image = Image::<before::Desk>::options().open_with(Arc::new(disk.clone()), "/desk").unwrap();
    image.add_pair(1, 2).unwrap();
    image.add_pair(0, 0).unwrap();
    image.add_pair(3, 4).unwrap();
    Image::close(image).unwrap();
    disk
}

#[test]
fn each_part_has_a_key_of_its_own_and_a_dropped_event_comes_without_an_event() {
    let image = open(&recorded());
    let mut subscription = image.journal().subscribe(Seq::ZERO).unwrap();
    let mut keys: Vec<EventKey> = Vec::new();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let before = subscription.seq();
        let event = subscription.next().unwrap().unwrap();
        seen.push((event.seq().get(), event.part(), event.event().is_some(), subscription.seq() > before));
        keys.push(event.key());
    }
    assert_eq!(
        seen,
        [(1, 1, true, false), (1, 2, true, true), (2, 0, false, true), (3, 1, true, false), (3, 2, true, true)]
    );
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5);
}

#[test]
fn an_event_is_acknowledged_with_its_last_part() {
    let disk = recorded();
    let image = open(&disk);
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let first = mailer.next().unwrap().unwrap();
    mailer.acknowledge(&first).unwrap();
    assert_eq!(mailer.acknowledged(), Some(Seq::ZERO));
    drop(mailer);
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let parts: Vec<_> = mailer.by_ref().take(4).map(Result::unwrap).collect();
    assert_eq!((parts[0].key(), parts[1].part()), (first.key(), 2), "both parts come again");
    mailer.acknowledge(&parts[1]).unwrap();
    assert_eq!(mailer.acknowledged(), Some(seq(1)));
    mailer.acknowledge(&parts[2]).unwrap();
    assert_eq!(mailer.acknowledged(), Some(seq(2)), "a dropped event can be acknowledged");
    mailer.acknowledge(&parts[3]).unwrap();
    assert_eq!(mailer.acknowledged(), Some(seq(2)));
}
