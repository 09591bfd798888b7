//! Tests of the log over stores in memory and in a directory.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use memimage::replication::JournalPoint;
use memimage::{Seq, Timestamp};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::faulty_store::FaultyStore;
use super::{ObjectStoreLog, ObjectStoreOptions};
use crate::entry::{Claim, Content, Entry, EntryHeader};
use crate::testing::conformance;
use crate::{Append, Bounds, LogErrorKind, RemoteLog};

fn open(store: &Arc<FaultyStore>) -> ObjectStoreLog {
    let store = Arc::clone(store);
    ObjectStoreLog::new(store, "bank", ObjectStoreOptions::new().attempts(1)).unwrap()
}

fn entry(position: u64) -> Vec<u8> {
    let is_claim = position % 100 == 1;
    if is_claim { claim(position, 1) } else { format!("entry {position}").into_bytes() }
}

fn claim(position: u64, owner: u8) -> Vec<u8> {
    let point = JournalPoint { segment: 1, offset: 8192, seq: Seq::new(7), hash: 9 };
    let time = Timestamp::from_micros(3);
    let claim = Claim { name: "host".to_owned(), time, point };
    let header = EntryHeader {
        position,
        term: 1,
        log_id: [8; 16],
        owner: [owner; 16],
        image: [2; 16],
        lease_ms: 500,
        segment_position: 1,
        previous: [6; 32],
    };
    Entry { header, content: Content::Claim(claim) }.encode().0
}

fn append_all(log: &ObjectStoreLog, positions: std::ops::RangeInclusive<u64>) {
    for position in positions {
        assert_eq!(log.append(position, &entry(position)).unwrap(), Append::Done);
    }
}

/// A log of this many entries, nothing merged.
fn store_with(entries: u64) -> Arc<FaultyStore> {
    let store = Arc::new(FaultyStore::default());
    append_all(&open(&store), 1..=entries);
    store
}

fn path_of(position: u64) -> Path {
    Path::from(format!("bank/entries/{position:020}"))
}

fn has(store: &FaultyStore, path: &Path) -> bool {
    store.inner.head(path).now_or_never().unwrap().is_ok()
}

fn read_all(log: &ObjectStoreLog, mut position: u64) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let entries = log.read(position, 1 << 20).unwrap();
        if entries.is_empty() {
            return all;
        }
        position += entries.len() as u64;
        all.extend(entries);
    }
}

/// Demands that the log has exactly the entries of these positions.
fn assert_has(store: &Arc<FaultyStore>, first: u64, end: u64) {
    let log = open(store);
    assert_eq!(log.bounds().unwrap(), Bounds { first, end });
    let entries = read_all(&open(store), first);
    assert!(entries == (first..end).map(entry).collect::<Vec<_>>(), "{} of {} entries", entries.len(), end - first);
    for position in (1..end).step_by(37).chain([end + 1]) {
        assert_eq!(log.append(position, b"elsewhere").unwrap(), Append::Occupied);
        assert_eq!(log.append(position, &claim(position, 9)).unwrap(), Append::Occupied);
        if position < first {
            assert_eq!(log.read(position, 100).unwrap_err().kind(), LogErrorKind::Pruned);
        }
    }
}

#[test]
fn a_log_in_memory_passes_the_suite() {
    let store = Arc::new(InMemory::new());
    conformance(&|number| {
        let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&store);
        Box::new(ObjectStoreLog::new(store, &format!("logs/{number}"), ObjectStoreOptions::default()).unwrap())
    });
}

#[test]
fn a_log_in_a_directory_passes_the_suite() {
    let dir = tempfile::tempdir().unwrap();
    let url = url::Url::from_directory_path(dir.path()).unwrap();
    conformance(&|number| Box::new(ObjectStoreLog::open(&format!("{url}{number}")).unwrap()));
}

#[test]
fn an_append_is_two_requests_and_a_poll_is_one() {
    let store = store_with(3);
    let log = open(&store);
    append_all(&log, 4..=4);
    let before = store.count();
    append_all(&log, 5..=54);
    assert_eq!(store.count() - before, 100);
    assert_eq!(read_all(&log, 1).len(), 54);
    let before = store.count();
    for _ in 0..160 {
        assert!(log.read(55, 1000).unwrap().is_empty());
    }
    assert!(store.count() - before <= 160 + 10 * 3, "{} requests", store.count() - before);
}

#[test]
fn reads_of_merged_entries_are_one_request_each() {
    let store = store_with(600);
    let log = open(&store);
    log.maintain().unwrap();
    assert_eq!(log.read(1, 1).unwrap(), [entry(1)]);
    let before = store.count();
    for position in 2..=250 {
        assert_eq!(log.read(position, 1).unwrap(), [entry(position)]);
    }
    assert_eq!(store.count() - before, 249);
}

#[test]
fn merging_may_end_at_any_request() {
    let original = store_with(520);
    for nth in 1.. {
        let mut has_failed = false;
        for takes_effect in [false, true] {
            let store = original.fork();
            let log = open(&store);
            store.fail_from(nth, takes_effect);
            has_failed = log.maintain().is_err();
            store.repair();
            assert_has(&store, 1, 521);
            // the same handle goes on, or another one
            if nth % 2 == 0 {
                log.maintain().unwrap();
            } else {
                open(&store).maintain().unwrap();
            }
            assert_has(&store, 1, 521);
            assert!(has(&store, &Path::from("bank/blocks/000000000000")));
            for position in 1..=256 {
                assert_eq!(has(&store, &path_of(position)), position % 100 == 1, "position {position}, request {nth}");
            }
            append_all(&open(&store), 521..=522);
        }
        if !has_failed {
            assert!(nth > 256 * 2, "a merge is at least {nth} requests");
            break;
        }
    }
}

#[test]
fn pruning_may_end_at_any_request() {
    let original = store_with(600);
    open(&original).maintain().unwrap();
    for nth in 1.. {
        let mut has_failed = false;
        for takes_effect in [false, true] {
            let store = original.fork();
            let log = open(&store);
            store.fail_from(nth, takes_effect);
            has_failed = log.prune(300).is_err();
            store.repair();
            let Bounds { first, .. } = open(&store).bounds().unwrap();
            assert!([1, 300].contains(&first));
            assert_has(&store, first, 601);
            open(&store).prune(300).unwrap();
            assert_has(&store, 300, 601);
            for position in 1..300 {
                assert_eq!(has(&store, &path_of(position)), position % 100 == 1, "position {position}, request {nth}");
            }
            assert!(!has(&store, &Path::from("bank/blocks/000000000000")));
            append_all(&open(&store), 601..=602);
        }
        if !has_failed {
            assert!(nth > 40, "pruning is at least {nth} requests");
            break;
        }
    }
}

#[test]
fn an_append_may_end_at_any_request() {
    for nth in 1.. {
        let mut has_failed = false;
        for takes_effect in [false, true] {
            let store = store_with(5);
            let log = open(&store);
            store.fail_from(nth, takes_effect);
            has_failed = log.append(6, &claim(6, 1)).is_err();
            store.repair();
            let read = log.read(6, 1000).unwrap();
            assert!(read.is_empty() || read == [claim(6, 1)]);
            let again = log.append(6, &claim(6, 1)).unwrap();
            assert_eq!(again, if read.is_empty() { Append::Done } else { Append::Occupied });
            assert_eq!(log.read(6, 1000).unwrap(), [claim(6, 1)]);
        }
        if !has_failed {
            assert!(nth > 7, "an append is at least {nth} requests");
            break;
        }
    }
}

#[test]
fn a_listing_that_shows_nothing_loses_nothing() {
    let store = store_with(1200);
    store.lists_nothing.store(true, Ordering::SeqCst);
    assert_has(&store, 1, 1201);
    open(&store).maintain().unwrap();
    assert_has(&store, 1, 1201);
    open(&store).maintain().unwrap();
    assert_has(&store, 1, 1201);
    open(&store).prune(700).unwrap();
    assert_has(&store, 700, 1201);
    append_all(&open(&store), 1201..=1202);
}

#[test]
fn a_store_that_replaces_objects_is_refused() {
    let store = Arc::new(FaultyStore::default());
    store.ignores_create.store(true, Ordering::SeqCst);
    let log = open(&store);
    for _ in 0..2 {
        let error = log.append(1, &entry(1)).unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Refused);
        assert!(error.to_string().contains("If-None-Match"), "{error}");
    }
    assert_eq!(log.bounds().unwrap(), Bounds { first: 1, end: 1 });
}

/// Lets another owner append and merge while a claim waits between the look at the end and the creation of its object.
fn append_late(late: &[u8]) -> (Arc<FaultyStore>, Append) {
    let store = store_with(3);
    let slow = FaultyStore::over(Arc::clone(&store.inner));
    slow.holds_entries.store(true, Ordering::SeqCst);
    let standby = open(&slow);
    let append = thread::scope(|scope| {
        let standby = scope.spawn(|| standby.append(4, late).unwrap());
        thread::sleep(Duration::from_millis(300));
        let owner = open(&store);
        append_all(&owner, 4..=600);
        owner.maintain().unwrap();
        assert!(!has(&store, &path_of(4)));
        slow.holds_entries.store(false, Ordering::SeqCst);
        standby.join().unwrap()
    });
    (store, append)
}

#[test]
fn an_append_that_was_suspended_until_its_position_was_merged_does_not_take_effect() {
    for late in [claim(4, 9), b"no claim".to_vec()] {
        let (store, append) = append_late(&late);
        assert_eq!(append, Append::Occupied);
        assert_has(&store, 1, 601);
    }
}

#[test]
fn a_claim_that_arrives_late_at_a_merged_or_pruned_position_never_counts() {
    let store = store_with(600);
    open(&store).maintain().unwrap();
    let put =
        |position| store.inner.put(&path_of(position), claim(position, 9).into()).now_or_never().unwrap().unwrap();
    put(4);
    assert_eq!(open(&store).read(4, 100).unwrap()[0], entry(4));
    assert_has(&store, 1, 601);
    open(&store).maintain().unwrap();
    open(&store).prune(400).unwrap();
    put(300);
    assert_eq!(open(&store).read(300, 100).unwrap_err().kind(), LogErrorKind::Pruned);
    assert_has(&store, 400, 601);
}

#[test]
fn a_superseded_owner_is_refused_after_the_claim_was_merged() {
    let store = store_with(100);
    let old = open(&store);
    append_all(&old, 101..=200);
    // position 201 is a claim
    let new = open(&store);
    append_all(&new, 201..=800);
    new.maintain().unwrap();
    new.prune(500).unwrap();
    let before = store.count();
    assert_eq!(old.append(201, b"the old owner's next entry").unwrap(), Append::Occupied);
    assert_eq!(store.count() - before, 2);
}

#[test]
fn a_missing_entry_is_damage() {
    for missing in [1, 2, 3, 4, 5, 9] {
        let store = store_with(10);
        store.inner.delete(&path_of(missing)).now_or_never().unwrap().unwrap();
        let log = open(&store);
        let named = format!("the entry at position {missing} of");
        // the search for the end goes on behind a hole
        assert_eq!(log.bounds().unwrap(), Bounds { first: 1, end: 11 }, "without {missing}");
        let from_reads = [log.read(missing, 100).unwrap_err(), open(&store).read(missing, 100).unwrap_err()];
        for error in from_reads {
            assert_eq!(error.kind(), LogErrorKind::Damaged);
            assert!(error.to_string().starts_with(&named), "{error}");
        }
    }
}

#[test]
fn damage_in_a_block_or_in_first_is_found() {
    let store = store_with(600);
    open(&store).maintain().unwrap();
    let flip = |path: &Path, at: usize| {
        let get = async { store.inner.get(path).await.unwrap().bytes().await.unwrap() };
        let mut bytes = get.now_or_never().unwrap().to_vec();
        let at = if at == usize::MAX { bytes.len() - 1 } else { at };
        bytes[at] ^= 1;
        store.inner.put(path, bytes.into()).now_or_never().unwrap().unwrap();
    };
    let block = Path::from("bank/blocks/000000000000");
    flip(&block, usize::MAX);
    let error = open(&store).read(250, 1 << 20).unwrap_err();
    assert_eq!(error.kind(), LogErrorKind::Damaged);
    assert!(error.to_string().contains("position 256"), "{error}");
    flip(&block, 100);
    assert_eq!(open(&store).read(250, 1).unwrap_err().kind(), LogErrorKind::Damaged);
    open(&store).prune(300).unwrap();
    flip(&Path::from("bank/first"), 9);
    assert_eq!(open(&store).read(400, 1).unwrap(), [entry(400)]);
    assert_eq!(open(&store).bounds().unwrap_err().kind(), LogErrorKind::Damaged);
}
