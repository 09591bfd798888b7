//! The history of the image changes: events become void, are given up by a repair, belong to another timeline, or are pruned.

use memimage::admin::{self, Void};
use memimage::{ErrorKind, Projection, Retention};
use memimage_tests::with_timeout;

use super::*;

/// A projection that was closed after all events of an image with this many rounds of commands.
fn projected(disk: &SimDisk, rounds: u64) -> Seq {
    let bank = bank(disk);
    use_bank(&bank, rounds);
    turnover(&bank.journal()).unwrap().close().unwrap();
    let seq = bank.journal().durable_seq();
    Image::close(bank).unwrap();
    seq
}

fn make_void(disk: &SimDisk, seq: u64) {
    Void::new(Seq::new(seq), "a mistake").run_with(Arc::new(disk.clone()), BANK).unwrap();
}

#[test]
fn a_projection_with_an_event_that_became_void_is_built_anew() {
    with_timeout(|| {
        let disk = SimDisk::new();
        projected(&disk, 60);
        let journal = journal(&disk);
        let has_event_4 = || turnover(&journal).unwrap().query(|turnover| turnover.seqs.contains(&4)).unwrap();
        assert!(has_event_4());
        make_void(&disk, 4);
        assert!(!has_event_4());
        // nothing was recorded since, and yet the next openings continue from the snapshot
        for _ in 0..2 {
            let handled_before = handled();
            let turnover = turnover(&journal).unwrap();
            assert_eq!(handled() - handled_before, 0, "it was built anew once more");
            assert_complete(&turnover, &journal);
            turnover.close().unwrap();
        }
    });
}

#[test]
fn an_open_projection_stops_when_an_event_that_it_has_handled_becomes_void() {
    with_timeout(|| {
        let disk = SimDisk::new();
        projected(&disk, 60);
        let journal = journal(&disk);
        let open = turnover(&journal).unwrap();
        make_void(&disk, 4);
        let bank = bank(&disk);
        bank.deposit(1, 2).unwrap();
        let stopped = open.wait(bank.journal().durable_seq()).unwrap_err();
        assert_eq!(stopped.kind(), ErrorKind::Diverged);
        assert!(stopped.to_string().contains("open the projection again"), "{stopped}");
        assert_eq!(open.query(|_| ()).unwrap_err(), stopped);
        assert_eq!(open.close().unwrap_err(), stopped);
        assert_complete(&turnover(&journal).unwrap(), &journal);
    });
}

/// No event follows the void one.
#[test]
fn a_projection_at_rest_notices_that_an_event_became_void() {
    with_timeout(|| {
        let disk = SimDisk::new();
        projected(&disk, 60);
        let open = turnover(&journal(&disk)).unwrap();
        make_void(&disk, 4);
        let error = wait_until_stopped(&open);
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
    });
}

#[test]
fn an_event_that_became_void_before_it_was_handled_is_skipped() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let seq = projected(&disk, 60);
        make_void(&disk, 4);
        let open = turnover(&journal(&disk)).unwrap();
        let bank = bank(&disk);
        bank.deposit(1, 2).unwrap();
        open.wait(seq.next()).unwrap();
        assert!(!open.query(|turnover| turnover.seqs.contains(&4)).unwrap(), "the void event is one that was known");
    });
}

#[test]
fn an_open_projection_notices_that_its_image_was_replaced() {
    with_timeout(|| {
        for is_copy in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let (path, copy) = (dir.path().join("bank"), dir.path().join("copy"));
            let open_bank = || Image::<Bank>::options().open(&path).unwrap();
            let bank = open_bank();
            use_bank(&bank, 5);
            Image::close(bank).unwrap();
            assert!(std::process::Command::new("cp").arg("-r").args([&path, &copy]).status().unwrap().success());
            let bank = open_bank();
            use_bank(&bank, 5);
            Image::close(bank).unwrap();
            let journal = Journal::<Bank>::open(&path).unwrap();
            let open = Projection::<Turnover>::open(&journal, dir.path().join("turnover")).unwrap();
            std::fs::remove_dir_all(&path).unwrap();
            if is_copy {
                std::fs::rename(&copy, &path).unwrap();
            }
            // the owner of the copy records other events
            let bank = open_bank();
            use_bank(&bank, 1);
            let error = wait_until_stopped(&open);
            assert!(matches!(error.kind(), ErrorKind::Replaced | ErrorKind::NotFound), "{error}");
        }
    });
}

/// Waits until the projection has stopped, and returns the reason.
fn wait_until_stopped(projection: &Projection<Turnover>) -> memimage::Error {
    memimage_tests::wait_until("the projection stops", || projection.query(|_| ()).is_err());
    projection.query(|_| ()).unwrap_err()
}

#[test]
fn a_projection_of_another_timeline_is_built_anew() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 30);
        Image::close(bank).unwrap();
        let backup = disk.fork();
        projected(&disk, 30);
        // the files of the projection beside the restored image
        for (later, more) in [(0, "the journal ends"), (20, "shorter"), (60, "longer")] {
            let restored = backup.fork();
            copy(&disk, &restored, TURNOVER);
            let bank = super::bank(&restored);
            if later > 0 {
                // otherwise the events, and so the states, would be those of the other timeline
                bank.deposit(77, 7).unwrap();
            }
            use_bank(&bank, later);
            let journal = super::journal(&restored);
            for _ in 0..2 {
                let turnover = turnover(&journal).unwrap();
                assert_eq!(turnover.seq(), bank.journal().durable_seq(), "{more}");
                assert_complete(&turnover, &journal);
                turnover.close().unwrap();
            }
        }
    });
}

/// Copies a directory from one disk to another.
fn copy(from: &SimDisk, to: &SimDisk, path: &str) {
    use memimage::disk::Disk as _;
    for file in from.files().into_iter().filter(|file| file.starts_with(path)) {
        let mut missing: Vec<_> =
            file.parent().unwrap().ancestors().filter(|dir| to.kind(dir).unwrap().is_none()).collect();
        while let Some(dir) = missing.pop() {
            to.create_dir(dir).unwrap();
        }
        let copy = to.create_new(&file).unwrap();
        let bytes = from.read(&file).unwrap();
        assert_eq!(copy.write_at(&bytes, 0).unwrap(), bytes.len());
    }
}

#[test]
fn a_projection_needs_the_events_that_it_has_not_handled() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let pruning = || options().retention(Retention::Events(0));
        let bank = pruning().open_with(Arc::new(disk.clone()), BANK).unwrap();
        let current = turnover(&bank.journal()).unwrap();
        for _ in 0..12 {
            use_bank(&bank, 40);
            bank.rename("x".repeat(20_000)).unwrap();
            current.wait(bank.journal().durable_seq()).unwrap();
            bank.admin().snapshot().unwrap(); // and prunes the events
        }
        assert_eq!(bank.admin().stats().retention_failure, None);
        let seq = current.seq();
        current.close().unwrap();
        let refused = Projection::<Turnover>::open(&bank.journal(), "/new").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Pruned, "{refused}");
        let text = refused.to_string();
        assert!(text.contains("needs event 1,") && text.contains("begins with event"), "{text}");
        // one that has handled the pruned events continues
        let current = turnover(&bank.journal()).unwrap();
        assert_eq!(current.seq(), seq);
        bank.deposit(1, 1).unwrap();
        current.wait(bank.journal().durable_seq()).unwrap();
    });
}

#[test]
fn a_damaged_snapshot_is_replaced() {
    with_timeout(|| {
        let disk = SimDisk::new();
        projected(&disk, 60);
        let journal = journal(&disk);
        for path in disk.files().into_iter().filter(|path| path.starts_with("/turnover/v1/snapshot")) {
            let bytes = disk.read(&path).unwrap();
            disk.write(&path, 4_100, &[!bytes[4_100]]).unwrap();
        }
        assert_complete(&turnover(&journal).unwrap(), &journal);
    });
}

#[test]
fn a_projection_of_a_repaired_journal_is_built_anew() {
    with_timeout(|| {
        let disk = SimDisk::new();
        projected(&disk, 60);
        // the last segment is lost, and the evidence that it was synced is given up
        let last =
            disk.files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "journal")).max().unwrap();
        let bytes = disk.read(&last).unwrap();
        let damaged = bytes.iter().rposition(|byte| *byte != 0).unwrap() - 2_000;
        disk.write(&last, damaged as u64, &[!bytes[damaged]]).unwrap();
        memimage_tests::repair_until_sound(&disk, BANK.as_ref(), memimage_tests::protection::PLAIN, Seq::ZERO).unwrap();
        let checked = admin::Check::new().run_with(Arc::new(disk.clone()), BANK).unwrap();
        assert!(checked.is_sound());
        let bank = bank(&disk);
        let journal = journal(&disk);
        let turnover = turnover(&journal).unwrap();
        assert_eq!(turnover.seq(), bank.journal().durable_seq());
        assert_complete(&turnover, &journal);
    });
}
