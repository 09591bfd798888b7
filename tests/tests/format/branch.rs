//! A branch conforms to the document: its seqs, its placeholders, the entries in the metadata, and the parent.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::{Image, Metadata, Model, Seq, Shape, Timestamp};
use serde::{Deserialize, Serialize};

use super::event;
use super::fixtures::files_in;
use super::reader::{self, Event};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Purse {
    cents: u32,
}

#[memimage::commands]
impl Purse {
    #[command]
    fn put(&mut self, cents: u32) {
        self.cents += cents;
    }

    #[command(check = holds)]
    fn take(&mut self, cents: u32) {
        self.cents = self.cents.saturating_sub(cents);
    }

    fn holds(&self, cents: u32) -> Result<(), String> {
        if self.cents < cents { Err("too little".to_owned()) } else { Ok(()) }
    }

    #[command]
    fn pay(&mut self, cents: u32) -> Result<(), String> {
        self.cents = self.cents.checked_sub(cents).ok_or("too little")?;
        Ok(())
    }
}

/// Records five events, and branches them without the second and with another third.
fn create(from: &Path, to: &Path) {
    let clock = AtomicU64::new(100);
    let purse = Image::<Purse>::options()
        .clock(move || Timestamp::from_micros(clock.fetch_add(1, Ordering::Relaxed)))
        .open(from)
        .unwrap();
    purse.put(10).unwrap();
    purse.with(Metadata::actor("ann")).put(90).unwrap();
    purse.put(1).unwrap();
    purse.take(50).unwrap();
    purse.pay(40).unwrap();
    purse.put(5).unwrap();
    let branch = purse.journal().branch(to).until(Seq::new(5)).without([Seq::new(2)]);
    branch.replacing(Seq::new(3), PursePut { cents: 2 }).create().unwrap();
    Image::close(purse).unwrap();
}

#[test]
fn a_branch_conforms_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
    create(&from, &to);
    let [old, new] = [&from, &to].map(|path| {
        let mut files = files_in(path);
        files.remove("LOCK").unwrap();
        reader::read(&files)
    });
    assert_eq!((new.parent, new.seed), (Some((old.uuid, 5)), old.seed));
    assert_ne!(new.uuid, old.uuid);
    assert_eq!(new.durable, (5, 1), "all events are synced, in the epoch of the branch");

    let changed = |how: &str| ("memimage.branch".to_owned(), how.to_owned());
    let by_ann = ("actor".to_owned(), "ann".to_owned());
    let expected = [
        event(101, "put", 1, "{cents: 10}"),
        Event { metadata: vec![by_ann, changed("left out")], ..event(102, "memimage.dropped", 1, "()") },
        Event { metadata: vec![changed("replaced")], ..event(103, "put", 1, "{cents: 2}") },
        Event { metadata: vec![changed("refused")], ..event(104, "memimage.dropped", 1, "()") },
        Event { rejected: true, ..event(105, "pay", 1, "{cents: 40}") },
    ];
    let expected: Vec<Event> = (1..).zip(expected).map(|(seq, event)| Event { seq, ..event }).collect();
    assert_eq!(new.events, expected);

    let purse = Image::<Purse>::open(&to).unwrap();
    let state = purse.read_uncommitted().unwrap();
    assert_eq!(state.cents, 12);
    let digest = memimage::digest(&*state).unwrap().to_u64();
    let [(5, _, recorded)] = new.digests[..] else {
        panic!("there must be one digest, after the last event: {:?}", new.digests)
    };
    assert_eq!(recorded, digest);
}
