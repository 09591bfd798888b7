//! The positions of named subscriptions, read from the document alone.

use std::path::Path;

use memimage::{Image, Seq};

use super::bytes::{crc32c, u32_at, u64_at};
use super::fixtures::files_in;
use super::{CHARGES, Shelf, create, reader};

/// A block of the file `acknowledged`: its seq, and the hash of the frame with this event.
fn block(slot: &[u8], uuid: &[u8; 16]) -> Option<(u64, u64)> {
    if &slot[..8] != b"MIsubscr" || u32_at(slot, 60) != crc32c(&[uuid, &slot[..60]]) {
        return None;
    }
    assert!(u64_at(slot, 24) > 1_600_000_000_000_000, "the wall clock's time, in microseconds");
    assert!(slot[32..60].iter().chain(&slot[64..]).all(|byte| *byte == 0));
    Some((u64_at(slot, 8), u64_at(slot, 16)))
}

/// The blocks in the three slots of a subscription's file.
fn blocks(root: &Path, name: &str) -> [Option<(u64, u64)>; 3] {
    let files = files_in(root);
    let file = &files[&format!("subscription/{name}/acknowledged")];
    assert_eq!(file.len(), 1536);
    let uuid = reader::read(&files).uuid;
    [0, 512, 1024].map(|slot| block(&file[slot..slot + 512], &uuid))
}

#[test]
fn positions_of_subscriptions_conform_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    create(root);
    let journal = Image::<Shelf>::options().open_journal(root).unwrap();
    let mut mailer = journal.subscribe_as("mailer", Seq::ZERO).unwrap();
    drop(journal.subscribe_as("page_2", Seq::new(7)).unwrap());
    let image = reader::read(&files_in(root));
    assert_eq!(blocks(root, "mailer"), [Some((0, 0)), None, None]);
    assert_eq!(blocks(root, "page_2"), [Some((7, image.hash(7))), None, None]);
    let (mut synced, mut written) = (0, 0);
    for acknowledged in 1..=8 + CHARGES {
        let event = mailer.next().unwrap().unwrap();
        let before = blocks(root, "mailer");
        mailer.acknowledge(&event).unwrap();
        let new = Some((acknowledged, image.hash(acknowledged)));
        let slot = (0..3).find(|slot| *slot != synced && *slot != written).unwrap();
        let mut expected = before;
        expected[slot] = new;
        assert_eq!(blocks(root, "mailer"), expected, "the slots with the last synced and the last written block stay");
        written = slot;
        if acknowledged % 3 == 0 {
            mailer.sync_acknowledged().unwrap();
            synced = slot;
        }
        if acknowledged > 20 {
            break;
        }
    }
    let owner = &files_in(root)["subscription/mailer/LOCK"];
    assert!(owner.starts_with(b"pid ") && owner.ends_with(b")\n"));
}
