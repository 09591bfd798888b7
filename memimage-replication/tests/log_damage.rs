//! Logs with entries and snapshots that are not what was appended: each reader refuses them with their position, and applies nothing wrong.

mod support;

use std::fs;
use std::thread;
use std::time::Duration;

use memimage::replication::Acknowledge;
use memimage::{Error, ErrorKind, Image, Seq};
use memimage_replication::testing::{Connection, MemoryLog};
use memimage_replication::{Log, RemoteLog, Standby};
use support::replicas::{LOCAL, copy_directory, log, owner, standby, standby_on, try_owner};
use support::{Place, Tally, TallyCommands, wait_until};

const REMOTE: Acknowledge = Acknowledge::Remote;

/// The beginnings of the fields of an entry, as `src/entry.rs` has them; the last byte is added to them.
const FIELDS: [(&str, usize); 14] = [
    ("magic", 0),
    ("kind", 8),
    ("zeros", 9),
    ("position", 16),
    ("term", 24),
    ("log id", 32),
    ("owner", 48),
    ("image", 64),
    ("lease", 80),
    ("segment position", 88),
    ("hash before", 96),
    ("head length", 128),
    ("journal length", 132),
    ("head", 136),
];

/// A log with 12 numbers, each in an entry of its own, and logs of which wrong entries come.
struct Damaged {
    memory: MemoryLog,
    place: Place,
    /// The entries as they were appended, from position 1 on.
    entries: Vec<Vec<u8>>,
    /// The entries of another log of the same image, and those of another image.
    of_other_log: Vec<Vec<u8>>,
    of_other_image: Vec<Vec<u8>>,
}

impl Damaged {
    fn new(name: &str) -> Damaged {
        let (memory, place) = (MemoryLog::new(name), Place::new());
        let [other_log, other_image] = [MemoryLog::new(name), MemoryLog::new(name)];
        let first = owner(&memory, &place, "owner", REMOTE);
        (0..12).for_each(|number| {
            first.add(number).unwrap();
        });
        copy_directory(&place.path("owner"), &place.path("same image"));
        for (log, name) in [(&other_log, "same image"), (&other_image, "other image")] {
            let owner = owner(log, &place, name, REMOTE);
            (12..30).for_each(|number| {
                owner.add(number).unwrap();
            });
        }
        drop(first);
        let bytes = |log: &MemoryLog| log.entries().into_iter().map(|(_, bytes)| bytes).collect();
        let (entries, of_other_log, of_other_image) = (bytes(&memory), bytes(&other_log), bytes(&other_image));
        Damaged { memory, place, entries, of_other_log, of_other_image }
    }

    fn entry(&self, position: u64) -> &[u8] {
        &self.entries[position as usize - 1]
    }

    fn last(&self) -> u64 {
        self.entries.len() as u64
    }

    /// What an entry can be replaced by, with the damage in words.
    fn replacements(&self, position: u64) -> Vec<(String, Vec<u8>)> {
        let entry = self.entry(position);
        let mut all = Vec::new();
        for (field, at) in FIELDS.into_iter().chain([("journal", entry.len() - 40), ("hash", entry.len() - 1)]) {
            let mut bytes = entry.to_vec();
            bytes[at] ^= 4;
            all.push((format!("wrong {field}"), bytes));
        }
        for len in [0, 31, 100, entry.len() - 1] {
            all.push((format!("cut off after {len} bytes"), entry[..len].to_vec()));
        }
        all.push(("longer".to_owned(), [entry, &[0]].concat()));
        all.push(("the entry before".to_owned(), self.entry(position - 1).to_vec()));
        all.push(("of another log".to_owned(), self.of_other_log[position as usize - 1].clone()));
        all.push(("of another image".to_owned(), self.of_other_image[position as usize - 1].clone()));
        all
    }

    fn restore(&self, position: u64) {
        self.memory.replace(position, self.entry(position));
    }
}

fn assert_names(error: &Error, position: u64, damage: &str) {
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{damage}: {error}");
    assert!(error.to_string().contains(&format!("position {position} ")), "{damage} at {position}: {error}");
}

fn numbers(standby: &Standby<Tally>) -> Vec<u64> {
    standby.query(|tally| tally.numbers.clone()).unwrap()
}

fn numbers_up_to(end: u64) -> Vec<u64> {
    (0..end).collect()
}

#[test]
fn a_standby_that_opens_or_restarts_refuses_wrong_entries_with_their_position() {
    let damaged = Damaged::new("opens");
    for position in [2, 7, damaged.last()] {
        // the first attempt begins the copy, the others restart it
        let name = format!("standby {position}");
        for (damage, bytes) in damaged.replacements(position) {
            damaged.memory.replace(position, &bytes);
            let refused = standby(&damaged.memory, &damaged.place, &name);
            assert_names(&refused.unwrap_err(), position, &damage);
        }
        damaged.restore(position);
        let standby = standby(&damaged.memory, &damaged.place, &name).unwrap();
        assert_eq!(numbers(&standby), numbers_up_to(12));
        standby.verify().unwrap();
    }
}

#[test]
fn a_complete_copy_that_restarts_is_not_taken_for_another_history() {
    let damaged = Damaged::new("complete");
    drop(standby(&damaged.memory, &damaged.place, "standby").unwrap());
    for position in 2..=damaged.last() {
        for bytes in [&damaged.of_other_image, &damaged.of_other_log] {
            damaged.memory.replace(position, &bytes[position as usize - 1]);
            let options = Standby::<Tally>::options().wait(Duration::ZERO).set_aside_unshipped(true);
            match options.open(log(&damaged.memory), damaged.place.path("standby")) {
                // it did not need the entry
                Ok(standby) => {
                    assert_eq!(standby.set_aside(), None, "position {position}");
                    assert_eq!(numbers(&standby), numbers_up_to(12));
                }
                // that the entry before is of another log can be seen first
                Err(error) if error.to_string().contains("does not continue the entry before it") => {
                    let named = [position, position + 1].map(|position| format!("position {position} "));
                    assert!(named.iter().any(|named| error.to_string().contains(named)), "{position}: {error}");
                }
                Err(error) => assert_names(&error, position, "an entry of another log"),
            }
        }
        damaged.restore(position);
    }
    let aside = fs::read_dir(damaged.place.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!aside.into_iter().any(|name| name.to_string_lossy().contains("aside")));
}

#[test]
fn missing_and_swapped_entries_are_refused_with_their_position() {
    let damaged = Damaged::new("missing");
    let (memory, place) = (&damaged.memory, &damaged.place);
    memory.swap(5, 8);
    assert_names(&standby(memory, place, "swapped").unwrap_err(), 5, "swapped");
    memory.swap(5, 8);
    assert_eq!(numbers(&standby(memory, place, "swapped").unwrap()), numbers_up_to(12));
    memory.remove(6);
    for _ in 0..2 {
        assert_names(&standby(memory, place, "missing").unwrap_err(), 6, "missing");
    }
    memory.remove(damaged.last());
    assert_names(&standby(memory, place, "missing last").unwrap_err(), damaged.last(), "missing last");
}

#[test]
fn a_standby_that_follows_stops_at_a_wrong_entry() {
    let damaged = Damaged::new("follows");
    let (memory, place) = (&damaged.memory, &damaged.place);
    let whole = damaged.last();
    for position in [whole - 3, whole] {
        for (index, (damage, bytes)) in damaged.replacements(position).into_iter().enumerate().step_by(3) {
            // a log that has only the first entries yet
            let growing = MemoryLog::new("follows");
            damaged.entries[..6].iter().zip(1..).for_each(|(bytes, at)| {
                growing.append(at, bytes).unwrap();
            });
            let standby = standby(&growing, place, &format!("standby {position} {index}")).unwrap();
            let before = standby.seq();
            for (at, entry) in (7..).zip(&damaged.entries[6..]) {
                growing.append(at, if at == position { &bytes } else { entry }).unwrap();
            }
            wait_until("the standby stops", || standby.query(|_| ()).is_err());
            assert_names(&standby.query(|_| ()).unwrap_err(), position, &damage);
            assert_names(&standby.lag().unwrap_err(), position, &damage);
            assert_names(&standby.wait(Seq::new(99)).unwrap_err(), position, &damage);
            assert!(standby.seq() >= before && standby.seq() < Seq::new(12), "{damage}: {:?}", standby.seq());
            let path = standby.path().to_owned();
            drop(standby);
            // what was copied is a prefix, and everything goes on from there
            growing.replace(position, damaged.entry(position));
            let standby = standby_on(log(memory), place, path.file_name().unwrap().to_str().unwrap()).unwrap();
            assert_eq!(numbers(&standby), numbers_up_to(12), "{damage}");
            standby.verify().unwrap();
        }
    }
}

#[test]
fn an_entry_that_is_damaged_for_a_moment_stops_no_standby() {
    let damaged = Damaged::new("a moment");
    let growing = MemoryLog::new("a moment");
    damaged.entries[..6].iter().zip(1..).for_each(|(bytes, at)| {
        growing.append(at, bytes).unwrap();
    });
    let connection = growing.another_handle();
    let standby =
        standby_on(Log::new(connection.clone()).poll(Duration::from_millis(1)), &damaged.place, "standby").unwrap();
    let wrong = damaged.replacements(7).swap_remove(0).1;
    growing.append(7, &wrong).unwrap();
    let steps = growing.step();
    // one read, or two, see the wrong bytes
    wait_until("a read has seen it", || growing.step() > steps);
    growing.replace(7, damaged.entry(7));
    damaged.entries[7..].iter().zip(8..).for_each(|(bytes, at)| {
        growing.append(at, bytes).unwrap();
    });
    standby.wait(Seq::new(12)).unwrap();
    assert_eq!(numbers(&standby), numbers_up_to(12));
}

#[test]
fn an_owner_that_catches_up_refuses_wrong_entries_with_their_position() {
    let (memory, place) = (MemoryLog::new("catches up"), Place::new());
    let first = owner(&memory, &place, "owner", REMOTE);
    (0..4).for_each(|number| {
        first.add(number).unwrap();
    });
    copy_directory(&place.path("owner"), &place.path("older"));
    let behind = memory.entries().len() as u64;
    (4..10).for_each(|number| {
        first.add(number).unwrap();
    });
    drop(first);
    let entries = memory.entries();
    let last = entries.len() as u64;
    for position in [behind + 2, last] {
        let (_, entry) = &entries[position as usize - 1];
        let mut wrong = entry.clone();
        wrong[entry.len() - 50] ^= 1;
        for (damage, bytes) in
            [("a wrong bit", &wrong[..]), ("cut off", &entry[..90]), ("repeated", &entries[position as usize - 2].1)]
        {
            memory.replace(position, bytes);
            let error = try_owner(log(&memory), &place, "older", REMOTE).unwrap_err();
            assert_names(&error, position, damage);
            assert_eq!(memory.entries().len() as u64, last, "nothing was claimed");
        }
        memory.replace(position, entry);
    }
    let second = owner(&memory, &place, "older", REMOTE);
    assert_eq!(second.query(|tally| tally.numbers.clone()).unwrap(), numbers_up_to(10));
    assert_eq!(second.add(10).unwrap(), 11);
}

#[test]
fn an_owner_never_acknowledges_on_a_log_that_lost_entries() {
    for acknowledge in [REMOTE, LOCAL] {
        let (memory, place) = (MemoryLog::new("forgets"), Place::new());
        let own = log(&memory);
        let owner = try_owner(own.clone(), &place, "owner", acknowledge).unwrap();
        for number in 0..5 {
            owner.add(number).unwrap();
            wait_until("it is in the log", || own.status().shipped == Seq::new(number + 1));
        }
        let follower = standby(&memory, &place, "follower").unwrap();
        memory.forget_last(2);
        let left = memory.entries();
        let result = owner.add(5);
        wait_until("the owner ends", || owner.query(|_| ()).is_err());
        if acknowledge == REMOTE {
            let error = result.unwrap_err();
            assert!(error.is_outcome_unknown(), "{error}");
        }
        let error = owner.add(6).unwrap_err();
        assert!(error.to_string().contains("had acknowledged it, and no longer has it"), "{error}");
        assert_eq!(memory.entries(), left, "nothing was appended behind the loss");
        drop(owner);
        // a standby that has more than the log neither loses it nor takes over
        let failed = follower.promote().unwrap_err();
        assert_eq!(failed.error().kind(), ErrorKind::Corrupt, "{failed}");
        let follower = failed.into_standby();
        assert_eq!(numbers(&follower), numbers_up_to(5));
        drop(follower);
        let refused = standby(&memory, &place, "follower").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Replaced, "{refused}");
        assert!(refused.to_string().contains("`memory://forgets` does not have them"), "{refused}");
        // the owner's journal has everything, and heals the log
        let owner = support::replicas::owner(&memory, &place, "owner", acknowledge);
        let expected = owner.query(|tally| tally.numbers.clone()).unwrap();
        wait_until("the log has all again", || numbers(&standby(&memory, &place, "new").unwrap()) == expected);
        wait_until("the standby continues", || standby(&memory, &place, "follower").is_ok());
    }
}

/// A log with two snapshots, whose texts are the events in their states.
fn log_with_snapshots(name: &str) -> (MemoryLog, Place, Image<Tally>, [String; 2]) {
    let (memory, place) = (MemoryLog::new(name), Place::new());
    let own = log(&memory);
    let owner = Image::<Tally>::options().segment_bytes(16 << 10).replicate(own.clone(), REMOTE);
    let owner = owner.open(place.path("owner")).unwrap();
    for round in 0..2 {
        for number in round * 30..round * 30 + 30 {
            owner.set_text("x".repeat(1500)).unwrap();
            owner.add(number).unwrap();
        }
        owner.admin().snapshot().unwrap();
        wait_until("the snapshot is in the log", || own.status().snapshot == Some(Seq::new(round * 60 + 60)));
    }
    owner.add(60).unwrap();
    let names = memory.snapshots().unwrap().try_into().unwrap();
    (memory, place, owner, names)
}

fn content(memory: &MemoryLog, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    memory.get_snapshot(name, &mut bytes).unwrap();
    bytes
}

/// The event of the state with which the copy in a directory begins; 0 if it begins with the first event.
fn base(place: &Place, name: &str) -> u64 {
    let files = fs::read_dir(place.path(name).join("journal")).unwrap().map(|file| file.unwrap().file_name());
    let names = files.filter_map(|name| name.to_str()?.strip_suffix(".1.base").map(|seq| seq.parse().unwrap()));
    names.max().unwrap_or(0)
}

#[test]
fn a_standby_begins_without_snapshots_that_are_damaged() {
    let (memory, place, owner, [older, newest]) = log_with_snapshots("snapshots");
    let expected = owner.query(Tally::clone).unwrap();
    let begin = |name: &str| {
        let standby = standby(&memory, &place, name).unwrap();
        assert_eq!(standby.query(Tally::clone).unwrap(), expected, "{name}");
        standby.verify().unwrap();
        base(&place, name)
    };
    assert_eq!(begin("good"), 120);
    let good = content(&memory, &newest);
    let mut wrong = Vec::new();
    for at in [0, 8, 13, 20, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        wrong.push((format!("byte {at}"), bytes));
    }
    wrong.push(("empty".to_owned(), Vec::new()));
    wrong.push(("cut off".to_owned(), good[..good.len() - 100].to_vec()));
    wrong.push(("longer".to_owned(), [&good[..], &[1]].concat()));
    wrong.push(("the older one".to_owned(), content(&memory, &older)));
    for (damage, bytes) in &wrong {
        memory.put_snapshot(&newest, &mut &bytes[..]).unwrap();
        assert_eq!(begin(damage), 60, "{damage}");
    }
    memory.put_snapshot(&older, &mut &b"nothing"[..]).unwrap();
    assert_eq!(begin("both"), 0);
    // under a name of a later event
    memory.put_snapshot(&newest.replacen("120", "121", 1), &mut &good[..]).unwrap();
    assert_eq!(begin("renamed"), 0);
    // without the first entries, there is no beginning
    let position = newest.split('-').nth(1).unwrap().parse().unwrap();
    memory.prune(position).unwrap();
    let error = standby(&memory, &place, "none").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("snapshot"), "{error}");
    memory.put_snapshot(&newest, &mut &good[..]).unwrap();
    assert_eq!(begin("none"), 120);
}

#[test]
fn snapshots_of_another_image_and_those_beyond_the_end_of_the_log_are_not_used() {
    let (memory, place, owner, [older, newest]) = log_with_snapshots("foreign");
    let (foreign, ..) = log_with_snapshots("foreign");
    let of_other_image = foreign.snapshots().unwrap().pop().unwrap();
    memory.remove_snapshot(&newest).unwrap();
    memory.put_snapshot(&of_other_image, &mut &content(&foreign, &of_other_image)[..]).unwrap();
    let begun = standby(&memory, &place, "foreign").unwrap();
    assert_eq!(begun.query(Tally::clone).unwrap(), owner.query(Tally::clone).unwrap());
    assert_eq!(base(&place, "foreign"), 60);
    drop((begun, owner));
    memory.remove_snapshot(&of_other_image).unwrap();
    // the log loses the last entries of the snapshot's state
    let last = memory.entries().len() as u64;
    let position: u64 = older.split('-').nth(1).unwrap().parse().unwrap();
    memory.forget_last(last - position - 1);
    let begun = standby(&memory, &place, "beyond").unwrap();
    assert_eq!(base(&place, "beyond"), 0);
    assert!(begun.seq() < Seq::new(60));
}

#[test]
fn a_copy_that_ends_before_a_pruned_log_is_refused_and_not_set_aside() {
    let (memory, place, owner, [_, newest]) = log_with_snapshots("pruned");
    let growing = MemoryLog::new("pruned");
    for (position, bytes) in memory.entries().into_iter().take(20) {
        growing.append(position, &bytes).unwrap();
    }
    drop(standby(&growing, &place, "old").unwrap());
    let follows = memory.another_handle();
    let running = standby_on(Log::new(follows.clone()), &place, "running").unwrap();
    follows.set_connection(Connection::Down);
    thread::sleep(Duration::from_millis(30));
    memory.prune(newest.split('-').nth(1).unwrap().parse().unwrap()).unwrap();
    for sets_aside in [false, true] {
        let options = Standby::<Tally>::options().wait(Duration::ZERO).set_aside_unshipped(sets_aside);
        let error = options.open(log(&memory), place.path("old")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
        assert!(error.to_string().contains("move the directory away"), "{error}");
    }
    // one that has read beyond goes on
    follows.set_connection(Connection::Up);
    owner.add(61).unwrap();
    running.wait(Seq::new(122)).unwrap();
    drop(running);
    let running = standby(&memory, &place, "running").unwrap();
    assert_eq!(running.query(Tally::clone).unwrap(), owner.query(Tally::clone).unwrap());
}
