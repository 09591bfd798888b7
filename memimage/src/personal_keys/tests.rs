//! Tests of the key file on the simulated disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::key_file::KeyFile;
use super::record::RECORD;
use crate::ErrorKind;
use crate::disk::{Crash, Disk, Fate, Fault, Method, SimDisk};
use crate::personal::Subject;

const DIR: &str = "personal.keys";

fn open(disk: &SimDisk) -> Arc<KeyFile> {
    let file = KeyFile::new(&(Arc::new(disk.clone()) as Arc<dyn Disk>), Path::new(DIR));
    file.refresh().unwrap();
    file
}

fn subjects(names: &[&str]) -> Vec<Subject> {
    names.iter().map(|&name| Subject::from(name)).collect()
}

/// A disk with a key file of these bytes.
fn disk_with(bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir(Path::new(DIR)).unwrap();
    let file = disk.create_new(Path::new("personal.keys/keys")).unwrap();
    assert_eq!(file.write_at(bytes, 0).unwrap(), bytes.len());
    disk
}

fn bytes(disk: &SimDisk) -> Vec<u8> {
    disk.read("personal.keys/keys").unwrap()
}

#[test]
fn keys_survive_and_are_created_once() {
    let disk = SimDisk::new();
    let file = open(&disk);
    file.create(&subjects(&["ann", "bob", "ann"])).unwrap();
    file.create(&subjects(&["bob"])).unwrap();
    assert_eq!(bytes(&disk).len(), 3 * RECORD);
    let again = open(&disk.crash(|_| false));
    // the keys of the last append count only once they were synced again
    again.create(&subjects(&["ann", "bob"])).unwrap();
    for name in ["ann", "bob"] {
        let subject = Subject::from(name);
        assert_eq!(again.key_of(&subject).unwrap().id(), file.key_of(&subject).unwrap().id());
    }
}

#[test]
fn an_erasure_destroys_the_bytes_and_is_noticed_by_others() {
    let disk = SimDisk::new();
    let (owner, other) = (open(&disk), open(&disk));
    owner.create(&subjects(&["ann", "bob"])).unwrap();
    let secret = bytes(&disk)[RECORD + 64..RECORD + 96].to_vec();
    assert!(!other.refresh().unwrap());
    assert!(owner.erase(&"ann".into()).unwrap());
    assert!(!owner.erase(&"ann".into()).unwrap(), "again");
    assert!(!bytes(&disk).windows(32).any(|window| window == secret));
    assert!(other.refresh().unwrap(), "noticed");
    assert!(!other.refresh().unwrap());
    assert!(other.key_of(&"ann".into()).is_none());
    other.create(&subjects(&["ann"])).unwrap();
    assert_eq!(bytes(&disk).len(), 5 * RECORD, "a new key");
}

#[test]
fn a_file_that_is_damaged_before_its_end_is_an_error_with_its_place() {
    let disk = SimDisk::new();
    let file = open(&disk);
    for name in ["ann", "bob", "eve"] {
        file.create(&subjects(&[name])).unwrap();
    }
    let whole = bytes(&disk);
    for (record, damage) in [(1, [1_u8; RECORD]), (2, [0; RECORD]), (3, [1; RECORD]), (0, [0; RECORD])] {
        let mut damaged = whole.clone();
        damaged[record * RECORD..][..RECORD].copy_from_slice(&damage);
        let copy = disk_with(&damaged);
        let file = KeyFile::new(&(Arc::new(copy) as Arc<dyn Disk>), Path::new(DIR));
        let error = file.refresh().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(&format!("at byte {}", record * RECORD)), "{error}");
    }
    // the last record may be missing, or be there in part: no event uses its key
    for len in 3 * RECORD..4 * RECORD {
        let copy = disk_with(&whole[..len]);
        let file = open(&copy);
        file.create(&subjects(&["ann", "bob", "eve"])).unwrap();
        assert_eq!(bytes(&copy).len(), 4 * RECORD);
        open(&copy);
    }
}

#[test]
fn a_hole_in_the_last_append_is_filled() {
    let disk = SimDisk::new();
    open(&disk).create(&subjects(&["a", "b", "c", "d", "e", "f"])).unwrap();
    let mut torn = bytes(&disk);
    torn[2 * RECORD..4 * RECORD].fill(0);
    let copy = disk_with(&torn);
    let file = open(&copy);
    file.create(&subjects(&["a", "b", "c", "d", "e", "f"])).unwrap();
    file.create(&subjects(&["g"])).unwrap();
    assert!(open(&copy).refresh().is_ok(), "later records follow the filled hole");
    let all = subjects(&["a", "b", "c", "d", "e", "f", "g"]);
    assert!(all.iter().all(|subject| file.key_of(subject).is_some()));
}

#[test]
fn a_replaced_or_missing_file_is_an_error() {
    let (disk, other) = (SimDisk::new(), SimDisk::new());
    let file = open(&disk);
    file.create(&subjects(&["ann"])).unwrap();
    open(&other).create(&subjects(&["ann"])).unwrap();
    disk.write("personal.keys/keys", 0, &bytes(&other)).unwrap();
    assert_eq!(file.refresh().unwrap_err().kind(), ErrorKind::Replaced);
    disk.remove(Path::new("personal.keys/keys")).unwrap();
    assert_eq!(file.refresh().unwrap_err().kind(), ErrorKind::PersonalKey);
    assert_eq!(file.create(&subjects(&["bob"])).unwrap_err().kind(), ErrorKind::PersonalKey);
}

/// Each crash of a creation leaves a file from which the key can be read, or a file without the key. An acknowledged key is never lost.
#[test]
fn a_crash_at_any_operation_of_a_creation_or_an_erasure_loses_nothing_acknowledged() {
    let steps: [fn(&KeyFile); 4] = [
        |file| file.create(&subjects(&["ann", "bob"])).unwrap(),
        |file| assert!(file.erase(&"ann".into()).unwrap()),
        |file| file.create(&subjects(&["ann", "eve"])).unwrap(),
        |file| assert!(file.erase(&"bob".into()).unwrap()),
    ];
    let disk = SimDisk::new();
    let done = Arc::new(AtomicUsize::new(0));
    let crashes = Arc::new(Mutex::new(Vec::new()));
    let (counted, found) = (Arc::clone(&done), Arc::clone(&crashes));
    disk.observe(move |_, disk| {
        let variants = Crash::all(disk.unsynced().len(), 0..8);
        // the assumptions in FORMAT.md exclude garbage in a sector
        let has_garbage = |crash: &Crash| disk.fates(crash).iter().any(|(_, fate)| matches!(fate, Fate::Garbage(_)));
        let crashed = variants
            .iter()
            .filter(|crash| !has_garbage(crash))
            .map(|crash| (counted.load(Ordering::SeqCst), disk.crash_by(crash)));
        found.lock().extend(crashed);
    });
    let file = open(&disk);
    for step in steps {
        step(&file);
        done.fetch_add(1, Ordering::SeqCst);
    }
    let ids = |file: &KeyFile, name: &str| file.key_of(&name.into()).map(|key| *key.id());
    let last = (ids(&file, "ann"), ids(&file, "bob"), ids(&file, "eve"));
    assert!(last.0.is_some() && last.1.is_none() && last.2.is_some());
    drop(file);
    let crashes = std::mem::take(&mut *crashes.lock());
    assert!(crashes.len() > 100, "{}", crashes.len());
    let mut outcomes = std::collections::BTreeSet::new();
    for (done, crash) in crashes {
        let file = open(&crash);
        file.complete_erasures().unwrap();
        // the keys of the last append count once a writer has synced them
        let _ = file.erase(&"nobody".into()).unwrap();
        let (ann, bob, eve) = (ids(&file, "ann"), ids(&file, "bob"), ids(&file, "eve"));
        outcomes.insert((done, ann.is_some(), bob.is_some(), eve.is_some()));
        match done {
            0 => {}
            1 => assert!(bob.is_some()),
            2 => assert!(bob.is_some() && (ann.is_none() || ann == last.0), "an erased key came back"),
            3 => assert!(ann == last.0 && eve == last.2),
            _ => assert!(bob.is_none() && ann == last.0 && eve == last.2),
        }
        let destroyed = bytes_if_there(&crash).chunks(RECORD).filter(|record| record[0] == 3).count();
        let erasures = bytes_if_there(&crash).chunks(RECORD).filter(|record| record[0] == 2).count();
        assert!(destroyed >= erasures, "the next opening completes each erasure");
    }
    assert!(outcomes.contains(&(1, true, true, false)) && outcomes.contains(&(1, false, true, false)), "{outcomes:?}");
}

fn bytes_if_there(disk: &SimDisk) -> Vec<u8> {
    disk.read("personal.keys/keys").unwrap_or_default()
}

/// A reader in another process cannot know whether a writer has synced its last append, so it does not use these keys yet.
#[test]
fn a_key_that_may_not_be_on_disk_seals_nothing() {
    let disk = SimDisk::new();
    let (writer, reader) = (open(&disk), open(&disk));
    writer.create(&subjects(&["ann"])).unwrap();
    reader.refresh().unwrap();
    assert!(reader.key_of(&"ann".into()).is_none());
    reader.create(&subjects(&["ann"])).unwrap();
    assert_eq!(reader.key_of(&"ann".into()).unwrap().id(), writer.key_of(&"ann".into()).unwrap().id());
    assert_eq!(bytes(&disk).len(), 2 * RECORD);
}

/// A sync that succeeds after a failed one proves nothing about the bytes before it, so they are written again.
#[test]
fn what_another_process_could_not_sync_is_written_again_before_it_counts() {
    let disk = SimDisk::new();
    open(&disk).create(&subjects(&["ann"])).unwrap();
    disk.inject(Fault::io().on(&[Method::SyncAll, Method::SyncData]).path("personal.keys/keys"));
    open(&disk).create(&subjects(&["bob"])).unwrap_err();
    disk.heal();
    let next = disk.fork();
    let file = open(&next);
    let read = file.key_of(&"bob".into());
    assert!(read.is_none(), "it may not be on disk");
    file.create(&subjects(&["bob"])).unwrap();
    let key = *file.key_of(&"bob".into()).unwrap().id();
    let crashed = open(&next.crash(|_| false));
    crashed.create(&subjects(&["bob"])).unwrap();
    assert_eq!(*crashed.key_of(&"bob".into()).unwrap().id(), key);
}

#[test]
fn many_threads_get_one_key_for_each_subject() {
    let disk = SimDisk::new();
    let file = open(&disk);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let file = &file;
            scope.spawn(move || {
                for number in 0..20_u32 {
                    let both = [Subject::from(number), Subject::from(format!("{thread}/{number}"))];
                    file.create(&both).unwrap();
                    assert!(both.iter().all(|subject| file.key_of(subject).is_some()));
                }
            });
        }
    });
    assert_eq!(bytes(&disk).len(), (1 + 20 + 8 * 20) * RECORD);
}
