//! Opening and promoting with a log.

use std::sync::atomic::Ordering;
use std::thread;

use memimage::disk::SimDisk;
use memimage::replication::{Acknowledge, MaxLag};
use memimage::{Durability, ErrorKind, Image};
use memimage_tests::{wait_until, with_timeout};

use super::{SILENCE, ScriptedLog, TallyCommands as _, fence, open_on, options};

const LOCAL: Acknowledge = Acknowledge::Local { max_lag: MaxLag::new(1 << 20, SILENCE) };

/// A disk with an image whose only event no log has.
fn disk_with_event() -> SimDisk {
    let disk = SimDisk::new();
    let image = options(Durability::Synced).open_with(std::sync::Arc::new(disk.clone()), "/tally").unwrap();
    image.add(1).unwrap();
    Image::close(image).unwrap();
    disk
}

#[test]
fn an_opening_waits_until_the_log_has_the_recovered_events() {
    with_timeout(|| {
        let log = ScriptedLog::down();
        let (disk, opened) = (disk_with_event(), log.clone());
        let opening = thread::spawn(move || open_on(disk, Durability::Synced, &opened, Acknowledge::Remote));
        wait_until("the log is started", || log.counts() == [1, 1, 0]);
        thread::sleep(SILENCE);
        assert!(!opening.is_finished());
        wait_until("the gate is set", || log.script.owner.lock().unwrap().is_some());
        log.ship();
        let image = opening.join().unwrap().unwrap();
        assert_eq!(image.query(|tally| tally.count).unwrap(), 1);
    });
}

#[test]
fn an_opening_that_is_fenced_fails_and_releases_the_image() {
    with_timeout(|| {
        let log = ScriptedLog::down();
        let (disk, opened) = (disk_with_event(), log.clone());
        let same = disk.clone();
        let opening = thread::spawn(move || open_on(disk, Durability::Synced, &opened, Acknowledge::Remote));
        wait_until("the gate is set", || log.script.owner.lock().unwrap().is_some());
        log.owner().fail(&fence());
        assert_eq!(opening.join().unwrap().unwrap_err().kind(), ErrorKind::Fenced);
        assert_eq!(log.counts(), [1, 1, 1], "the log is stopped");
        open_on(same, Durability::Synced, &ScriptedLog::default(), LOCAL).unwrap();
    });
}

#[test]
fn a_refused_claim_leaves_the_image_closed() {
    with_timeout(|| {
        let log = ScriptedLog::default();
        log.script.refuses.store(true, Ordering::SeqCst);
        let disk = disk_with_event();
        let error = open_on(disk.clone(), Durability::Synced, &log, LOCAL).unwrap_err();
        assert_eq!((error.kind(), log.counts()), (ErrorKind::OtherOwner, [1, 0, 0]));
        open_on(disk, Durability::Synced, &ScriptedLog::default(), LOCAL).unwrap();
    });
}

#[test]
fn a_promotion_takes_the_log_of_the_follower() {
    with_timeout(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tally");
        let owner = options(Durability::Synced).open(&path).unwrap();
        owner.add(1).unwrap();
        let log = ScriptedLog::default();
        let follower = options(Durability::Synced).replicate(log.clone(), LOCAL).follow(&path).unwrap();
        let failed = follower.promote().unwrap_err();
        assert_eq!((failed.error().kind(), log.counts()), (ErrorKind::Locked, [0, 0, 0]));
        Image::close(owner).unwrap();
        log.script.refuses.store(true, Ordering::SeqCst);
        let failed = failed.into_follower().promote().unwrap_err();
        assert_eq!((failed.error().kind(), log.counts()), (ErrorKind::OtherOwner, [1, 0, 0]));
        // never without the log
        let failed = failed.into_follower().promote().unwrap_err();
        assert_eq!((failed.error().kind(), log.counts()), (ErrorKind::Replication, [1, 0, 0]));
        log.script.refuses.store(false, Ordering::SeqCst);
        let image = failed.into_follower().promote_replicated(log.clone(), LOCAL).map_err(|failed| failed.to_string());
        assert_eq!(image.unwrap().add(1).unwrap(), 2);
        assert_eq!(log.counts(), [2, 1, 1]);
    });
}

#[test]
fn an_image_is_created_beside_the_directory_of_its_owner_ids() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tally");
    std::fs::create_dir_all(path.join("replication")).unwrap();
    std::fs::write(path.join("replication/00112233445566778899aabbccddeeff"), [7; 16]).unwrap();
    let image = options(Durability::Synced).replicate(ScriptedLog::default(), LOCAL).open(&path).unwrap();
    assert_eq!(image.add(1).unwrap(), 1);
}
