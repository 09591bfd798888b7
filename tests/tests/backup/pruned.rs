//! Backups of an image that prunes its journal: before, meanwhile and between two backups.

use std::path::Path;
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, ErrorKind, Image, Retention, Seq};
use memimage_tests::{Ledger, LedgerCommands as _, Run, files};

use super::{COPY, IMAGE, assert_sound, beside, exists, verify};

pub(super) fn open(disk: &SimDisk) -> Image<Ledger> {
    let options = Run::options(Durability::Synced, 512).retention(Retention::Events(6));
    options.open_with(Arc::new(disk.clone()), IMAGE).unwrap()
}

/// Records events and makes snapshots until the journal is pruned `times` times. Returns the digests.
pub(super) fn prune(image: &Image<Ledger>, digests: &mut Vec<u64>, mut times: u32) {
    let state = |image: &Image<Ledger>| memimage::digest(&*image.read_uncommitted().unwrap()).unwrap().to_u64();
    if digests.is_empty() {
        digests.push(state(image));
    }
    for _ in 0..200 {
        for _ in 0..3 {
            image.file(vec![7; 5_000]).unwrap();
            digests.push(state(image));
        }
        if image.admin().snapshot().unwrap().pruned.is_some() {
            times -= 1;
            if times == 0 {
                return;
            }
        }
    }
    panic!("the journal was not pruned");
}

fn segments(disk: &SimDisk, path: &str) -> Vec<std::path::PathBuf> {
    let journal = Path::new(path).join("journal");
    files(disk)
        .into_keys()
        .filter(|file| file.starts_with(&journal) && file.extension().is_some_and(|end| end == "journal"))
        .collect()
}

#[test]
fn a_pruned_image_is_backed_up_with_its_base() {
    let disk = SimDisk::new();
    let (image, mut digests) = (open(&disk), Vec::new());
    prune(&image, &mut digests, 2);
    let seq = image.journal().seq();
    assert_eq!(image.admin().backup(COPY).unwrap().seq, seq);
    assert_eq!(segments(&disk, COPY)[0].file_name(), segments(&disk, IMAGE)[0].file_name());
    assert_eq!(verify(&disk, COPY, &digests, seq.get()).unwrap(), seq);
    // without its snapshots, it opens from the base
    for snapshot in files(&disk).into_keys().filter(|file| file.starts_with("/copy/snapshot")) {
        disk.remove(&snapshot).unwrap();
    }
    assert_eq!(verify(&disk, COPY, &digests, seq.get()).unwrap(), seq);
    assert_sound(&disk, COPY);
}

#[test]
fn a_continued_backup_is_pruned_as_the_image_is() {
    let disk = SimDisk::new();
    let (image, mut digests) = (open(&disk), Vec::new());
    let mut continued = 0;
    for _ in 0..12 {
        prune(&image, &mut digests, 1);
        let seq = image.journal().seq();
        match image.admin().backup(COPY) {
            Ok(report) => {
                assert_eq!(report.seq, seq);
                continued += u32::from(report.continued.is_some());
                let names = |path| {
                    segments(&disk, path).iter().map(|file| file.file_name().unwrap().to_owned()).collect::<Vec<_>>()
                };
                assert_eq!(names(COPY)[0], names(IMAGE)[0]);
                assert_eq!(verify(&disk, COPY, &digests, seq.get()).unwrap(), seq);
                assert_sound(&disk, COPY);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(continued == 11, "{continued}");
}

#[test]
fn a_backup_that_ends_before_the_pruned_journal_begins_is_refused() {
    let disk = SimDisk::new();
    let (image, mut digests) = (open(&disk), Vec::new());
    prune(&image, &mut digests, 1);
    let earlier = image.admin().backup(COPY).unwrap().seq;
    prune(&image, &mut digests, 8);
    let error = image.admin().backup(COPY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotApplicable);
    assert!(error.to_string().contains("the image was pruned"), "{error}");
    assert_eq!(verify(&disk, COPY, &digests, earlier.get()).unwrap(), earlier);
}

/// A backup by another program copies what is there, however often the owner prunes meanwhile.
#[test]
fn a_backup_beside_an_owner_that_prunes_is_complete_or_is_refused() {
    let disk = SimDisk::new();
    let (image, mut digests) = (open(&disk), Vec::new());
    prune(&image, &mut digests, 1);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // a bound, because on a busy machine the backups may hardly get a turn
            for _ in 0..1_000 {
                if stop.load(std::sync::atomic::Ordering::SeqCst) {
                    break;
                }
                prune(&image, &mut digests, 1);
            }
        });
        for _ in 0..20 {
            let at_least = image.journal().durable_seq();
            match beside(&disk) {
                Ok(report) => assert!(report.seq >= at_least),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotApplicable, "{error}");
                    assert!(
                        ["removed files again", "was pruned"].iter().any(|what| error.to_string().contains(what)),
                        "{error}"
                    );
                }
            }
            if exists(&disk, COPY) {
                assert_sound(&disk, COPY);
            }
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    assert!(verify(&disk, COPY, &digests, 1).unwrap() > Seq::ZERO);
}
