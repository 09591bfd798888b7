//! `Options::on_progress`: the reports while an image opens.

use std::sync::{Arc, Mutex};

use memimage::disk::SimDisk;
use memimage::{Durability, Image, OpeningPhase, Progress};
use memimage_tests::{Ledger, LedgerCommands, Run};

/// Opens the image, and returns it with the reports of the opening.
fn open(disk: &SimDisk) -> (Image<Ledger>, Vec<Progress>) {
    let (image, reports) = open_reporting(disk);
    let reports = reports.lock().unwrap().clone();
    (image, reports)
}

/// Opens the image, and returns it with all reports so far and later.
fn open_reporting(disk: &SimDisk) -> (Image<Ledger>, Arc<Mutex<Vec<Progress>>>) {
    let reports: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let kept = Arc::clone(&reports);
    let options = Run::options(Durability::Synced, 8).on_progress(move |progress| kept.lock().unwrap().push(progress));
    (options.open_with(Arc::new(disk.clone()), "ledger").unwrap(), reports)
}

fn use_image(image: Image<Ledger>) {
    for _ in 0..30 {
        image.deposit(1, 1).unwrap();
        image.file(vec![3; 2_000]).unwrap();
    }
    Image::close(image).unwrap();
}

/// Verifies the reports of one phase.
fn assert_phase(reports: &[Progress], phase: OpeningPhase, events: u64) {
    let of_phase: Vec<&Progress> = reports.iter().filter(|progress| progress.phase == phase).collect();
    let [first, .., last] = of_phase[..] else { panic!("{reports:?}") };
    assert!(of_phase.is_sorted_by_key(|progress| (progress.bytes, progress.events)), "{reports:?}");
    assert!(first.bytes > 0 && first.bytes < last.bytes && first.share() < 1.0, "{reports:?}");
    assert_eq!((last.events, last.bytes, last.share()), (events, last.bytes_total, 1.0), "{reports:?}");
    // after a clean close, `journal/durable` tells where the journal ends
    assert_eq!(first.bytes_total, last.bytes_total, "{reports:?}");
}

#[test]
fn each_phase_of_an_opening_is_reported_from_its_start_to_its_end() {
    let disk = SimDisk::new();
    let (image, reports) = open(&disk);
    assert_eq!((reports.len(), reports[0].phase, reports[0].share()), (1, OpeningPhase::Replay, 1.0));
    use_image(image);

    let (image, reports) = open(&disk);
    assert!(reports.iter().all(|progress| progress.phase == OpeningPhase::Replay));
    assert_phase(&reports, OpeningPhase::Replay, 60);
    image.admin().snapshot().unwrap();
    use_image(image);

    let (image, reports) = open(&disk);
    assert_phase(&reports, OpeningPhase::Snapshot, 0);
    assert_phase(&reports, OpeningPhase::Replay, 60);
    let replaying = reports.iter().position(|progress| progress.phase == OpeningPhase::Replay).unwrap();
    assert!(reports[..replaying].iter().all(|progress| progress.phase == OpeningPhase::Snapshot));
    Image::close(image).unwrap();
}

#[test]
fn a_running_image_reports_nothing() {
    let disk = SimDisk::new();
    use_image(open(&disk).0);
    let (image, reports) = open_reporting(&disk);
    let reported = reports.lock().unwrap().len();
    // both snapshots are loaded and verified by replay
    for _ in 0..2 {
        image.deposit(1, 1).unwrap();
        image.admin().snapshot().unwrap();
    }
    assert_eq!(reports.lock().unwrap().len(), reported);
}

#[test]
fn a_callback_that_panics_is_not_called_again() {
    let disk = SimDisk::new();
    use_image(open(&disk).0);
    let calls = Arc::new(Mutex::new(0));
    let count = Arc::clone(&calls);
    let options = Run::options(Durability::Synced, 8).on_progress(move |_| {
        *count.lock().unwrap() += 1;
        std::panic::resume_unwind(Box::new("the callback panics"));
    });
    let image = options.open_with(Arc::new(disk), "ledger").unwrap();
    assert_eq!(image.deposit(1, 1).unwrap(), 31);
    assert_eq!(*calls.lock().unwrap(), 1);
}
