//! States whose `Serialize` forgets something on which later commands depend: the journal is the truth.

use std::collections::BTreeSet;
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{CommandError, Error, ErrorKind, Image, Model, Retention, Seq, Shape};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{IMAGE, assert_sound, files_in, open, options, snapshots};

/// A slab: the slot that was freed last is used first. As in the crate `slab`, the free list is not serialized.
#[derive(Default)]
struct Slab {
    slots: Vec<Option<u64>>,
    free: Vec<usize>,
}

impl Slab {
    fn insert(&mut self, value: u64) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(value);
        slot
    }

    fn remove(&mut self, slot: usize) {
        if self.slots[slot].take().is_some() {
            self.free.push(slot);
        }
    }
}

impl Serialize for Slab {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.slots.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Slab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Slab, D::Error> {
        let slots = Vec::<Option<u64>>::deserialize(deserializer)?;
        let free = slots.iter().enumerate().filter(|(_, slot)| slot.is_none()).map(|(slot, _)| slot).collect();
        Ok(Slab { slots, free })
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Hotel {
    #[shape(opaque = "Slab<u64>")]
    rooms: Slab,
}

#[memimage::commands]
impl Hotel {
    #[command]
    fn enter(&mut self, guest: u64) -> usize {
        self.rooms.insert(guest)
    }

    #[command]
    fn leave(&mut self, room: usize) {
        self.rooms.remove(room);
    }
}

impl Hotel {
    fn room_of(&self, guest: u64) -> Option<usize> {
        self.rooms.slots.iter().position(|slot| *slot == Some(guest))
    }
}

/// A hotel with free rooms in an order that a snapshot does not hold, and a snapshot of it.
fn hotel(disk: &SimDisk) -> Image<Hotel> {
    let image = open::<Hotel>(disk).unwrap();
    (0..4).for_each(|guest| _ = image.enter(guest).unwrap());
    [2, 0, 1].into_iter().for_each(|room| image.leave(room).unwrap());
    assert!(image.admin().snapshot().unwrap().verified);
    image
}

/// Asserts that the error names the slab, with both values of the first slot that differs.
#[track_caller]
fn assert_names_the_slot(what: &str) {
    let difference = "`rooms[1]` is none on replay from the snapshot and some(10) on replay from the first event";
    assert!(what.contains(difference), "{what}");
}

#[test]
fn a_snapshot_that_forgets_something_is_found_by_the_next_one_and_changes_no_answer() {
    let disk = SimDisk::new();
    let image = hotel(&disk);
    let room = image.enter(10).unwrap();
    assert_eq!(room, 1, "the room that was left last");
    let error = image.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel, "{error}");
    let message = error.to_string();
    assert!(message.contains("does not hold everything on which later commands depend"), "{message}");
    assert_names_the_slot(&message);
    assert_eq!(snapshots(&disk), Vec::<std::path::PathBuf>::new(), "it should be in the quarantine");
    assert_eq!(files_in(&disk, "quarantine").len(), 1);

    // the image goes on, and each open gives what was acknowledged
    let mut guests = vec![(10, room)];
    for guest in 11..15 {
        guests.push((guest, image.enter(guest).unwrap()));
    }
    let mut image = image;
    for _ in 0..3 {
        Image::close(image).unwrap();
        assert_sound(&disk);
        image = open::<Hotel>(&disk).unwrap();
        let recovery = image.admin().stats().recovery;
        assert_eq!((recovery.snapshot, recovery.unusable_snapshots), (None, Vec::new()));
        for (guest, room) in &guests {
            assert_eq!(image.query(|hotel| hotel.room_of(*guest)).unwrap(), Some(*room), "guest {guest}");
        }
        // nor can a later snapshot be trusted, although replay from the first event gives its state
        let error = image.admin().snapshot().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidModel, "{error}");
        assert!(error.to_string().contains("an earlier snapshot after event 7"), "{error}");
    }
}

#[test]
fn an_open_falls_back_to_the_journal_if_replay_from_a_snapshot_contradicts_a_digest() {
    let disk = SimDisk::new();
    let image = hotel(&disk);
    let path = snapshots(&disk).pop().unwrap();
    let snapshot = disk.read(&path).unwrap();
    let room = image.enter(10).unwrap();
    // records the digest that replay from the first event gave
    image.admin().snapshot().unwrap_err();
    Image::close(image).unwrap();
    // as if a crash had come before the snapshot was moved to the quarantine
    let quarantined = files_in(&disk, "quarantine").pop().unwrap();
    disk.rename(&quarantined, &path).unwrap();
    assert_eq!(disk.read(&path).unwrap(), snapshot);

    let image = open::<Hotel>(&disk).unwrap();
    assert_eq!(image.query(|hotel| hotel.room_of(10)).unwrap(), Some(room));
    let recovery = image.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed), (None, 8));
    let [(unusable, why)] = &recovery.unusable_snapshots[..] else { panic!("{recovery:?}") };
    assert_eq!(*unusable, path);
    assert!(why.starts_with("the state of the snapshot does not match the journal: "), "{why}");
    assert_names_the_slot(why);
    assert_eq!((snapshots(&disk), files_in(&disk, "quarantine").len()), (Vec::new(), 1));
    Image::close(image).unwrap();
    assert_sound(&disk);
    assert_eq!(open::<Hotel>(&disk).unwrap().admin().stats().recovery.unusable_snapshots, []);
}

/// The follower has found the contradiction, so the promotion need not replay the events to find it again.
#[test]
fn a_promotion_quarantines_the_snapshots_that_contradict_the_journal() {
    for is_replaced in [false, true] {
        let disk = SimDisk::new();
        let image = hotel(&disk);
        let path = snapshots(&disk).pop().unwrap();
        let room = image.enter(10).unwrap();
        image.admin().snapshot().unwrap_err();
        Image::close(image).unwrap();
        let quarantined = files_in(&disk, "quarantine").pop().unwrap();
        disk.rename(&quarantined, &path).unwrap();

        let follower = options::<Hotel>().follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
        if is_replaced {
            // the header is another one, so the follower knows nothing about this file
            let bytes = disk.read(&path).unwrap();
            disk.write(&path, 64, &[!bytes[64]]).unwrap();
        }
        let image = follower.promote().unwrap();
        assert_eq!(image.query(|hotel| hotel.room_of(10)).unwrap(), Some(room));
        let stats = image.admin().stats();
        if is_replaced {
            assert_eq!((stats.recovery.unusable_snapshots, snapshots(&disk)), (Vec::new(), vec![path]));
            continue;
        }
        let [(unusable, why)] = &stats.recovery.unusable_snapshots[..] else { panic!("{stats:?}") };
        assert_eq!(*unusable, path);
        assert!(why.starts_with("the state of the snapshot does not match the journal: "), "{why}");
        assert_eq!((snapshots(&disk), files_in(&disk, "quarantine").len()), (Vec::new(), 1));
        assert_eq!(stats.snapshot_age, None, "the image has no snapshot");
        Image::close(image).unwrap();
        assert_sound(&disk);
        assert_eq!(open::<Hotel>(&disk).unwrap().admin().stats().recovery.unusable_snapshots, []);
    }
}

/// A state with a cache that its `Serialize` does not write, on which the outcome of a command depends.
#[derive(Default, Shape)]
#[shape(opaque = "Seen")]
struct Seen {
    count: u64,
    seen: BTreeSet<u64>,
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.count.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Seen, D::Error> {
        u64::deserialize(deserializer).map(|count| Seen { count, seen: BTreeSet::new() })
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Visits {
    seen: Seen,
}

#[memimage::commands]
impl Visits {
    /// A body that rejects.
    #[command]
    fn visit(&mut self, who: u64, _padding: Vec<u8>) -> Result<u64, String> {
        if !self.seen.seen.insert(who) {
            return Err(format!("{who} was here"));
        }
        self.seen.count += 1;
        Ok(self.seen.count)
    }

    /// A body that panics on the state of a snapshot.
    #[command]
    fn remove(&mut self, who: u64) -> u64 {
        assert!(self.seen.seen.remove(&who), "nobody to remove");
        self.seen.count -= 1;
        self.seen.count
    }
}

fn visit(image: &Image<Visits>, who: u64) -> Result<u64, CommandError<String>> {
    image.visit(who, vec![0; 3_000])
}

type Command = fn(&Image<Visits>);

#[test]
fn an_open_falls_back_to_an_older_snapshot_if_an_event_cannot_be_replayed_on_the_newest() {
    let after: [(Command, &str); 2] = [
        (|image| _ = visit(image, 1).unwrap_err(), "its recorded outcome is `rejected`, but on replay it was applied"),
        (|image| _ = image.remove(1).unwrap(), "its replay panicked: nobody to remove"),
    ];
    for (command, message) in after {
        let disk = SimDisk::new();
        let image = open::<Visits>(&disk).unwrap();
        // the first snapshot loses nothing, because nothing was seen
        image.admin().snapshot().unwrap();
        visit(&image, 1).unwrap();
        visit(&image, 2).unwrap();
        image.admin().snapshot().unwrap();
        command(&image);
        let live = image.query(|visits| visits.seen.seen.clone()).unwrap();
        Image::close(image).unwrap();
        assert_sound(&disk);

        let newest = snapshots(&disk).pop().unwrap();
        let image = open::<Visits>(&disk).unwrap();
        assert_eq!(image.query(|visits| visits.seen.seen.clone()).unwrap(), live);
        let recovery = image.admin().stats().recovery;
        assert_eq!((recovery.snapshot, recovery.replayed), (Some(Seq::ZERO), 3));
        let [(path, why)] = &recovery.unusable_snapshots[..] else { panic!("{recovery:?}") };
        assert_eq!(*path, newest);
        assert!(!why.contains("help: "), "{why}");
        assert!(why.contains(message) && why.contains("replay from the state after event 0 does not"), "{why}");
        Image::close(image).unwrap();
        assert_sound(&disk);
        let image = open::<Visits>(&disk).unwrap();
        assert_eq!(image.admin().stats().recovery.unusable_snapshots, [], "it should be in the quarantine");
        // the library knows after which event the cache was lost
        let error = image.admin().snapshot().unwrap_err();
        assert!(error.to_string().contains("an earlier snapshot after event 2"), "{error}");
    }
}

/// A command that panics makes the image rebuild its state from disk, which falls back in the same way.
#[test]
fn a_rebuild_after_a_panic_falls_back_to_the_journal() {
    let disk = SimDisk::new();
    let image = open::<Visits>(&disk).unwrap();
    visit(&image, 1).unwrap();
    image.admin().snapshot().unwrap();
    visit(&image, 1).unwrap_err();
    assert_eq!(image.remove(9).unwrap_err().kind(), ErrorKind::Panicked);
    assert_eq!(image.remove(1).unwrap(), 0, "which the state of the snapshot would not allow");
}

#[test]
fn a_pruned_journal_without_a_good_state_is_refused_and_the_error_says_so() {
    let disk = SimDisk::new();
    let options = || options::<Visits>().retention(Retention::Events(0));
    let open = || -> Result<Image<Visits>, Error> { options().open_with(Arc::new(disk.clone()), IMAGE) };
    let image = open().unwrap();
    (0..20).for_each(|who| _ = visit(&image, who).unwrap());
    image.admin().snapshot().unwrap();
    (20..40).for_each(|who| _ = visit(&image, who).unwrap());
    assert_eq!(image.admin().snapshot().unwrap().pruned, Some(Seq::new(20)));
    visit(&image, 1).unwrap_err();
    Image::close(image).unwrap();

    let before = memimage_tests::files(&disk);
    let error = open().unwrap_err();
    assert_eq!((error.kind(), error.position().unwrap().seq), (ErrorKind::Diverged, Some(Seq::new(41))), "{error}");
    let message = error.to_string();
    assert!(message.contains("its recorded outcome is `rejected`, but on replay it was applied"), "{message}");
    let pruned = "replay from the oldest state, after event 20, contradicts the journal too, and the events up to it were pruned";
    assert!(message.contains(pruned), "{message}");
    assert_eq!(memimage_tests::changed(&before, &memimage_tests::files(&disk)), Vec::<std::path::PathBuf>::new());
}
