//! A projection follows an image.

use std::time::Duration;

use memimage::{Durability, ErrorKind, Metadata, Projection, Seq};
use memimage_tests::protection::MODES;
use memimage_tests::{wait_until, with_keys, with_timeout};

use super::*;

#[test]
fn a_projection_handles_the_events_before_and_after_it_is_opened() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 100);
        let turnover = turnover(&bank.journal()).unwrap();
        assert_eq!(turnover.seq(), bank.journal().durable_seq(), "opening waits for the events so far");
        assert_complete(&turnover, &bank.journal());
        bank.with(Metadata::actor("teller 3")).deposit(1, 5).unwrap();
        use_bank(&bank, 100);
        assert_complete(&turnover, &bank.journal());
        assert_eq!(turnover.query(|turnover| turnover.by.clone()).unwrap(), ["teller 3"]);
        assert!(turnover.query(|turnover| turnover.refused > 0 && turnover.withdrawn > 0).unwrap());
    });
}

#[test]
fn a_caller_waits_for_its_own_event() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        let turnover = turnover(&bank.journal()).unwrap();
        for cents in 1..200 {
            let pending = bank.submit(BankDeposit { account: 1, cents }).unwrap();
            let seq = pending.seq().unwrap();
            pending.wait().unwrap();
            turnover.wait(seq).unwrap();
            assert_eq!(turnover.query(|turnover| turnover.deposited[&1]).unwrap(), cents * (cents + 1) / 2);
        }
    });
}

#[test]
fn waiting_syncs_an_image_that_syncs_rarely() {
    with_timeout(|| {
        for durability in [interval(), Durability::Buffered] {
            let disk = SimDisk::new();
            let bank = options().durability(durability).open_with(Arc::new(disk.clone()), BANK).unwrap();
            let turnover = turnover(&bank.journal()).unwrap();
            bank.deposit(1, 5).unwrap();
            assert!(turnover.seq() == Seq::ZERO, "the event is not durable");
            turnover.wait(Seq::new(1)).unwrap();
            assert_eq!(turnover.query(|turnover| turnover.deposited[&1]).unwrap(), 5);
        }
    });
}

#[test]
fn waiting_for_an_event_ends_after_the_timeout() {
    let disk = SimDisk::new();
    let bank = bank(&disk);
    let turnover = turnover(&bank.journal()).unwrap();
    assert!(!turnover.wait_timeout(Seq::new(1), Duration::from_millis(5)).unwrap());
    bank.deposit(1, 5).unwrap();
    assert!(turnover.wait_timeout(Seq::new(1), Duration::from_secs(60)).unwrap());
}

#[test]
fn a_projection_beside_an_owner_in_another_process_follows_its_files() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 50);
        let journal = journal(&disk);
        let turnover = turnover(&journal).unwrap();
        use_bank(&bank, 300);
        turnover.wait(bank.journal().durable_seq()).unwrap();
        assert_complete(&turnover, &journal);
        Image::close(bank).unwrap();
        let bank = super::bank(&disk);
        use_bank(&bank, 20);
        turnover.wait(bank.journal().durable_seq()).unwrap();
        assert_complete(&turnover, &journal);
    });
}

#[test]
fn a_closed_projection_resumes_from_its_snapshot() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 100);
        turnover(&bank.journal()).unwrap().close().unwrap();
        let closed = bank.journal().durable_seq();
        use_bank(&bank, 10);
        let second = turnover(&bank.journal()).unwrap();
        assert_eq!(second.stats().snapshot, Some(closed), "not built anew");
        assert_complete(&second, &bank.journal());
        drop(second);
        let third = turnover(&bank.journal()).unwrap();
        assert_eq!(third.stats().snapshot, Some(bank.journal().durable_seq()), "dropping closes");
    });
}

#[test]
fn snapshots_are_made_by_number_of_events_and_two_are_kept() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        let turnover = turnover(&bank.journal()).unwrap();
        for _ in 0..10 {
            use_bank(&bank, 60);
            turnover.wait(bank.journal().durable_seq()).unwrap();
        }
        wait_until("a snapshot", || turnover.stats().snapshot.is_some());
        let snapshots = || disk.files().iter().filter(|path| path.starts_with("/turnover/v1/snapshot")).count();
        wait_until("the older snapshots are removed", || snapshots() == 2);
        assert_eq!(turnover.stats().lag, 0);
        assert!(turnover.stats().error.is_none() && turnover.stats().snapshot_failure.is_none());
    });
}

#[test]
fn a_projection_outlives_the_image_in_its_process() {
    with_timeout(|| {
        // the event becomes durable when the image is closed, or before
        for durability in [interval(), Durability::Synced] {
            let disk = SimDisk::new();
            let bank = options().durability(durability).open_with(Arc::new(disk.clone()), BANK).unwrap();
            let turnover = turnover(&bank.journal()).unwrap();
            bank.deposit(1, 5).unwrap();
            if durability == Durability::Synced {
                turnover.wait(Seq::new(1)).unwrap();
                // the projection sleeps again
                std::thread::sleep(Duration::from_millis(20));
            }
            Image::close(bank).unwrap();
            turnover.wait(Seq::new(1)).unwrap();
            assert_eq!(turnover.query(|turnover| turnover.deposited[&1]).unwrap(), 5);
            assert_eq!(turnover.wait(Seq::new(2)).unwrap_err().kind(), ErrorKind::Closed);
            let bank = super::bank(&disk);
            bank.deposit(1, 7).unwrap();
            wait_until("the event of the next owner", || turnover.seq() == Seq::new(2));
            turnover.close().unwrap();
        }
    });
}

#[test]
fn a_projection_of_a_protected_image_is_protected() {
    with_timeout(|| {
        for mode in MODES {
            let disk = SimDisk::new();
            let bank = with_keys!(mode, options()).open_with(Arc::new(disk.clone()), BANK).unwrap();
            use_bank(&bank, 50);
            turnover(&bank.journal()).unwrap().close().unwrap();
            use_bank(&bank, 5);
            Image::close(bank).unwrap();
            let journal = with_keys!(mode, options()).open_journal_with(Arc::new(disk.clone()), BANK).unwrap();
            let turnover = turnover(&journal).unwrap();
            assert_complete(&turnover, &journal);
            turnover.close().unwrap();
            let snapshots = disk.files().into_iter().filter(|path| path.starts_with("/turnover/v1/snapshot"));
            for header in snapshots.map(|path| disk.read(path).unwrap()) {
                assert_eq!((header[100] != 0, header[102] != 0), (mode.encrypted, mode.chained));
            }
        }
    });
}

#[test]
fn a_query_of_a_projection_inside_its_own_query_is_refused() {
    let disk = SimDisk::new();
    let bank = bank(&disk);
    let turnover = turnover(&bank.journal()).unwrap();
    let inner = turnover.query(|_| (turnover.query(|_| ()), turnover.wait(Seq::new(1)))).unwrap();
    assert_eq!(inner.0.unwrap_err().kind(), ErrorKind::Reentrant);
    assert_eq!(inner.1.unwrap_err().kind(), ErrorKind::Reentrant);
    turnover.query(|_| ()).unwrap();
}

#[test]
fn a_directory_has_one_projection_at_a_time() {
    let disk = SimDisk::new();
    let bank = bank(&disk);
    let first = turnover(&bank.journal()).unwrap();
    let refused = turnover(&bank.journal()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Locked);
    assert!(refused.to_string().contains("`/turnover` is in use"), "{refused}");
    drop(first);
    turnover(&bank.journal()).unwrap();
    let here: Result<Projection<Turnover>, _> = Projection::open(&bank.journal(), BANK);
    assert_eq!(here.unwrap_err().kind(), ErrorKind::NotAnImage, "the image's own directory");
}

#[test]
fn the_files_of_a_projection_are_as_the_format_describes_them() {
    let disk = SimDisk::new();
    let bank = bank(&disk);
    use_bank(&bank, 10);
    turnover(&bank.journal()).unwrap().close().unwrap();
    let seq = bank.journal().durable_seq().get();
    let files: Vec<_> = disk.files().into_iter().filter(|path| path.starts_with(TURNOVER)).collect();
    let snapshot = format!("/turnover/v1/snapshot/{seq:020}.snapshot");
    assert_eq!(files, ["/turnover/LOCK", &snapshot].map(std::path::PathBuf::from));
    let file = disk.read(snapshot).unwrap();
    assert_eq!((&file[..8], &file[64..72]), (&b"MIsnapsh"[..], &seq.to_le_bytes()[..]));
    assert_eq!((&file[190..192], &file[192..200]), (&8u16.to_le_bytes()[..], &b"Turnover"[..]));
    assert!(file[120..176].iter().all(|byte| *byte == 0), "no seed and no parent");
    assert_eq!(file[56..64], 2u64.to_le_bytes(), "the epoch of its last event");
    assert!(file[112..120].iter().any(|byte| *byte != 0), "the id of its life");
    let trailer = &file[file.len() - 48..];
    assert!(trailer[32..40].iter().any(|byte| *byte != 0), "the hash of the frame with its last event");
}

/// Regression: the wait had no end, because nobody would ever write the event.
#[test]
fn a_wait_for_an_event_that_a_closed_image_does_not_have_is_an_error() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 3);
        let turnover = turnover(&bank.journal()).unwrap();
        let last = bank.journal().seq();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| turnover.wait(last.next()));
            let limited = scope.spawn(|| turnover.wait_timeout(last.next(), Duration::from_secs(600)));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!waiting.is_finished() && !limited.is_finished());
            Image::close(bank).unwrap();
            assert_eq!(waiting.join().unwrap().unwrap_err().kind(), ErrorKind::Closed);
            assert_eq!(limited.join().unwrap().unwrap_err().kind(), ErrorKind::Closed);
        });
        turnover.wait(last).unwrap();
        assert_eq!(turnover.wait(last.next()).unwrap_err().kind(), ErrorKind::Closed);
        // the projection goes on with the events of the next owner
        let next = super::bank(&disk);
        next.deposit(1, 1).unwrap();
        wait_until("the event is handled", || turnover.seq() == last.next());
        turnover.wait(last.next()).unwrap();
    });
}
