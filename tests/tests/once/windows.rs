//! How long requests are remembered, if the options of an opening differ from those of earlier ones.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Follower, Image, Retention, Seq, SnapshotSource};

use memimage_tests::checksums::update_snapshot;

use super::{SalesCommands as _, Till, assert_error, options, ran, remove_snapshots};

fn open(disk: &SimDisk, remember: u64) -> Image<Till> {
    options().remember(remember).open_with(Arc::new(disk.clone()), super::PATH).unwrap()
}

fn sell(image: &Image<Till>, key: u64) -> Result<u64, memimage::Error> {
    image.once(key.to_string()).sell(1, 1).map(|receipt| receipt.number)
}

fn since(image: &Image<Till>) -> u64 {
    image.admin().stats().requests_since.get()
}

/// An image with 20 requests and a snapshot that has the last five of them.
fn with_five(disk: &SimDisk) {
    let image = open(disk, 5);
    for n in 1..=20 {
        assert_eq!(sell(&image, n).unwrap(), n);
    }
    assert_eq!(since(&image), 16);
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
}

/// What a smaller number forgot is read from the journal again, though without the answers.
#[test]
fn a_larger_number_executes_no_forgotten_request_again() {
    let disk = SimDisk::new();
    with_five(&disk);
    for round in 0..2 {
        let image = open(&disk, 12);
        assert_eq!(image.admin().stats().recovery.snapshot, Some(Seq::new(20)));
        assert_eq!(since(&image), 9);
        assert_eq!(sell(&image, 16).unwrap(), 16, "the snapshot has the answer");
        assert_eq!(sell(&image, 20).unwrap(), 20);
        for n in 9..=15 {
            assert_error(&sell(&image, n).unwrap_err(), ErrorKind::AlreadyExecuted, n, "a smaller `remember`");
        }
        assert_eq!(ran(&image), 20);
        // a snapshot keeps them
        if round == 0 {
            image.admin().snapshot().unwrap();
        }
        Image::close(image).unwrap();
    }
    let image = open(&disk, 12);
    assert_eq!(sell(&image, 8).unwrap(), 21, "outside of the window");
    Image::close(image).unwrap();
    // replay computes the answers
    remove_snapshots(&disk);
    let image = open(&disk, 12);
    assert_eq!(sell(&image, 10).unwrap(), 10);
    assert_eq!(since(&image), 10);
}

/// A snapshot without any request does not hide those before it.
#[test]
fn a_snapshot_without_requests_hides_none() {
    let disk = SimDisk::new();
    let image = open(&disk, 1);
    assert_eq!(sell(&image, 1).unwrap(), 1);
    image.sell(1, 1).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    let image = open(&disk, 10);
    assert_error(&sell(&image, 1).unwrap_err(), ErrorKind::AlreadyExecuted, 1, "a smaller `remember`");
    assert_eq!(since(&image), 1);
}

/// The error tells what became of a rejected request, too.
#[test]
fn a_request_without_an_answer_has_an_outcome() {
    let disk = SimDisk::new();
    let image = open(&disk, 1);
    image.once("declined").pay(900).unwrap_err();
    image.once("paid").pay(9).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    let image = open(&disk, 10);
    let error = |key: &str| match image.once(key).pay(900).unwrap_err() {
        memimage::CommandError::Image(error) => error,
        refused => panic!("{refused:?}"),
    };
    assert_error(&error("declined"), ErrorKind::AlreadyExecuted, 1, "was rejected");
    assert!(error("declined").is_rejected());
    assert!(!error("paid").is_rejected(), "another request with this key");
    image.once("rung").ring().unwrap();
    assert!(!image.once("rung").ring().unwrap_err().is_rejected());
}

/// Pruned events cannot be read again. The figures show where the requests begin.
#[test]
fn the_figures_show_which_requests_are_known() {
    let disk = SimDisk::new();
    let open = |remember| {
        let options =
            options().remember(remember).retention(Retention::Events(0)).snapshot_source(SnapshotSource::InPlace);
        options.open_with(Arc::new(disk.clone()), super::PATH).unwrap()
    };
    let image = open(5);
    let mut last = 0;
    let mut pruned = false;
    while !pruned {
        for _ in 0..20 {
            last += 1;
            sell(&image, last).unwrap();
            image.label((0..400).map(|n| (n.to_string(), n)).collect()).unwrap();
        }
        pruned = image.admin().snapshot().unwrap().pruned.is_some();
    }
    let seq = image.journal().seq().get();
    Image::close(image).unwrap();
    let image = open(seq);
    let known = since(&image);
    assert!((2..=seq - 4).contains(&known), "{known} of {seq}");
    // request n is event 2n - 1
    let oldest = known / 2 + 1;
    assert_error(&sell(&image, oldest).unwrap_err(), ErrorKind::AlreadyExecuted, 2 * oldest - 1, "");
    assert_eq!(image.journal().seq().get(), seq, "nothing was executed");
    sell(&image, 1).unwrap();
    assert_eq!(image.journal().seq().get(), seq + 1, "event 1 was pruned, so its request is not known");
}

/// A promotion uses the options of the follower, and reads what its table lacks.
#[test]
fn a_follower_with_another_number_executes_no_request_again() {
    let disk = SimDisk::new();
    with_five(&disk);
    let owner = open(&disk, 5);
    assert_eq!(sell(&owner, 21).unwrap(), 21);
    let follow = |remember| -> Follower<Till> {
        options().remember(remember).follow_with(Arc::new(disk.clone()), super::PATH).unwrap()
    };
    let (larger, smaller) = (follow(12), follow(2));
    for follower in [&larger, &smaller] {
        follower.wait(Seq::new(21)).unwrap();
    }
    assert_eq!(sell(&owner, 22).unwrap(), 22);
    Image::close(owner).unwrap();

    let image = smaller.promote().unwrap();
    assert_eq!(since(&image), 21);
    assert_eq!(sell(&image, 22).unwrap(), 22);
    Image::close(image).unwrap();
    let image = larger.promote().unwrap();
    assert_eq!(since(&image), 11);
    assert_eq!(sell(&image, 22).unwrap(), 22);
    assert_eq!(sell(&image, 17).unwrap(), 17);
    for n in 11..=15 {
        assert_error(&sell(&image, n).unwrap_err(), ErrorKind::AlreadyExecuted, n, "a smaller `remember`");
    }
    assert_eq!(ran(&image), 22);
}

#[test]
fn the_figures_show_the_number_of_keys_and_their_memory() {
    let disk = SimDisk::new();
    let image = open(&disk, 100);
    let stats = |image: &Image<Till>| {
        let stats = image.admin().stats();
        (stats.requests, stats.requests_bytes, stats.requests_since.get())
    };
    assert_eq!(stats(&image), (0, 0, 1));
    image.once("long").print(5_000).unwrap();
    image.sell(1, 1).unwrap();
    for n in 1..50 {
        sell(&image, n).unwrap();
    }
    let (keys, bytes, first) = stats(&image);
    assert_eq!((keys, first), (50, 1));
    assert!((5_000..15_000).contains(&bytes), "{bytes}");
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    let image = open(&disk, 100);
    let (keys, loaded, first) = stats(&image);
    assert_eq!((keys, first), (50, 1));
    assert!(loaded.abs_diff(bytes) < 5_000, "{loaded} and {bytes}");
    for n in 50..=160 {
        sell(&image, n).unwrap();
    }
    let (keys, without_long, first) = stats(&image);
    assert_eq!((keys, first), (100, 63));
    assert!(without_long < 15_000, "{without_long}");
}

/// A table whose entries are out of order, or of events that the snapshot does not have, is damaged. The journal replaces it.
#[test]
fn a_snapshot_with_a_forged_table_is_not_used() {
    let disk = SimDisk::new();
    let image = open(&disk, 100);
    image.sell(1, 1).unwrap();
    image.once("the first").sell(2, 1).unwrap();
    image.once("the second").sell(3, 1).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    let path = disk.files().into_iter().find(|path| path.extension().is_some_and(|end| end == "snapshot")).unwrap();
    for (key, seq, forged) in [("the first", 2, 3), ("the second", 3, 2), ("the second", 3, 4), ("the second", 3, 3)] {
        let disk = disk.fork();
        let mut file = disk.read(&path).unwrap();
        let entry = [&[seq, key.len() as u8], key.as_bytes()].concat();
        let at = file.windows(entry.len()).rposition(|bytes| bytes == entry).unwrap();
        file[at] = forged;
        update_snapshot(&mut file);
        disk.write(&path, 0, &file).unwrap();
        let image = open(&disk, 100);
        let recovery = image.admin().stats().recovery;
        let is_used = seq == forged;
        assert_eq!(recovery.snapshot.is_some(), is_used, "{key}: {forged}");
        let causes: Vec<_> = recovery.unusable_snapshots.iter().map(|(_, cause)| cause.as_str()).collect();
        assert_eq!(causes.iter().filter(|cause| cause.contains("table of requests")).count(), usize::from(!is_used));
        assert_eq!(image.once("the first").sell(2, 1).unwrap().number, 2);
        assert_eq!(image.once("the second").sell(3, 1).unwrap().number, 3);
    }
}
