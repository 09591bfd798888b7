//! Promise 5: no record is decoded by a shape other than the one it was written with.

use std::cell::Cell;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, Image, Model};
use memimage_tests::{changed, files};

use crate::NONE;

thread_local! {
    /// How many commands this thread has run or replayed.
    static RAN: Cell<u32> = const { Cell::new(0) };
}

/// A program with a model `shop`. All programs have the same event names and versions, but different types of `price`.
macro_rules! program {
    ($program:ident, $price:ty) => {
        mod $program {
            use super::RAN;
            use memimage::{Model, Shape};
            use serde::{Deserialize, Serialize};

            #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
            #[model(name = "shop")]
            pub(super) struct Shop {
                sold: u64,
            }

            #[derive(Debug, Serialize, Deserialize, Shape)]
            pub(super) struct Sale {
                pub(super) article: String,
                pub(super) price: $price,
            }

            #[memimage::commands]
            impl Shop {
                #[command]
                pub(super) fn unlock(&mut self) {
                    RAN.set(RAN.get() + 1);
                }

                #[command]
                pub(super) fn sell(&mut self, sale: Sale) -> u64 {
                    RAN.set(RAN.get() + 1);
                    let _ = (sale.article, sale.price);
                    self.sold += 1;
                    self.sold
                }
            }
        }
    };
}

program!(recorded, u32);
// encoded in the same length, so only the shape differs
program!(signed, i32);
program!(optional, Option<u32>);

fn open<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    Image::options().segment_bytes(64 << 10).open_with(Arc::new(disk.clone()), "/shop")
}

#[test]
fn promise_5_a_different_shape_of_a_recorded_event_is_refused_before_replay() {
    use recorded::ShopCommands;

    let disk = SimDisk::new();
    let image = open::<recorded::Shop>(&disk).unwrap();
    image.unlock().unwrap();
    image.sell(recorded::Sale { article: "tea".to_owned(), price: 3 }).unwrap();
    Image::close(image).unwrap();

    let (before, ran) = (files(&disk), RAN.get());
    let assert_refused = |error: Error, difference: &str| {
        assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
        assert!(error.to_string().contains(difference), "{error}");
        assert_eq!(RAN.get(), ran, "no event should be replayed, not even earlier ones");
        assert_eq!(changed(&before, &files(&disk)), NONE);
    };
    let error = open::<signed::Shop>(&disk).unwrap_err();
    assert_refused(error, "sell v1: payload.sale.price: u32 in the journal, i32 in this program");
    let error = open::<optional::Shop>(&disk).unwrap_err();
    assert_refused(error, "sell v1: payload.sale.price: u32 in the journal, option<u32> in this program");

    // the original program still opens it
    let image = open::<recorded::Shop>(&disk).unwrap();
    assert_eq!(image.sell(recorded::Sale { article: "tea".to_owned(), price: 3 }).unwrap(), 2);
}

/// Opening succeeds if the journal has no event of the changed shape.
#[test]
fn promise_5_the_shape_of_an_unrecorded_event_may_change() {
    use signed::ShopCommands;

    let disk = SimDisk::new();
    Image::close(open::<recorded::Shop>(&disk).unwrap()).unwrap();
    let image = open::<signed::Shop>(&disk).unwrap();
    assert_eq!(image.sell(signed::Sale { article: "tea".to_owned(), price: -3 }).unwrap(), 1);
    Image::close(image).unwrap();
    assert!(open::<recorded::Shop>(&disk).unwrap_err().kind() == ErrorKind::Incompatible);
}
