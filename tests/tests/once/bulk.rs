//! Requests of `submit_each`: each command has a key of its own.

use std::cell::Cell;

use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, Image, Metadata};

use super::{SalesCommands as _, Till, TillSell, open, ran};

fn image_with_key(image: &Image<Till>) -> memimage::WithMetadata<'_, Till> {
    image.with(Metadata::new().entry(Metadata::REQUEST, "a"))
}

/// One key for several commands would execute the first of equal commands only.
#[test]
fn commands_of_a_bulk_cannot_share_a_key() {
    let image = open(&SimDisk::new());
    let with = image_with_key(&image);
    let submitted = with.submit_all([1, 1, 2].map(|item| TillSell { item, count: 1 })).wait();
    let ran_any = Cell::new(false);
    let each = with.submit_each([1, 1], |bulk, item| {
        ran_any.set(true);
        bulk.sell(item, 1).map(|receipt| receipt.number)
    });
    for error in [submitted[0].clone().unwrap_err(), each.wait()[0].clone().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequestKey, "{error}");
        assert!(error.to_string().contains("one request key for all of its commands"), "{error}");
    }
    assert!(!ran_any.get());
    assert_eq!(submitted.len(), 1, "nothing else was taken");
    assert_eq!((ran(&image), image.journal().seq().get()), (0, 0));
    // without a command there is nothing to refuse
    assert!(with.submit_all(std::iter::empty::<TillSell>()).wait().is_empty());
    // a single command may have the key in its metadata
    assert_eq!(with.submit(TillSell { item: 1, count: 1 }).unwrap().wait().unwrap().number, 1);
    assert_eq!(with.sell(1, 1).unwrap().number, 1);
}

#[test]
fn each_command_of_a_bulk_may_have_its_key() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let submit = |image: &Image<Till>| {
        let with = image.with(Metadata::actor("till 3"));
        let pending = with.submit_each(["a", "b", "a", "c"], |bulk, key| -> Result<u64, Error> {
            assert_eq!(bulk.once(key).sell(7, 1)?.number, bulk.once(key).sell(7, 1)?.number);
            bulk.once(key).sell(7, 1).map(|receipt| receipt.number)
        });
        pending.wait().into_iter().collect::<Result<Vec<_>, _>>().unwrap()
    };
    assert_eq!(submit(&image), [1, 2, 1, 3]);
    assert_eq!(submit(&image), [1, 2, 1, 3]);
    let reused = image.submit_each(["a", "d"], |bulk, key| bulk.once(key).sell(8, 1)).wait();
    assert_eq!(reused[0].as_ref().unwrap_err().kind(), ErrorKind::RequestKeyReused);
    assert_eq!(reused[1].as_ref().unwrap().number, 4, "the error of one request does not end the others");
    assert_eq!(ran(&image), 4);
    Image::close(image).unwrap();
    assert_eq!(submit(&open(&disk)), [1, 2, 1, 3]);
}
