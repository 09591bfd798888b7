//! Several images, threads and guards: only a call of the image that is running is refused.

use std::sync::{Arc, OnceLock};

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image};
use memimage_tests::with_timeout;

use super::{HookModel, HookModelAdd, HookModelCommands as _, INNER, Inner, OUTER, Outer, Stalled, next_number};

#[test]
fn each_image_has_its_own_reentrancy_check() {
    with_timeout(|| {
        let (one, other) = (next_number(), next_number());
        let (first, second) = (Stalled::open(one, Durability::Synced), Stalled::open(other, Durability::Synced));
        for outer in OUTER {
            for inner in INNER {
                if inner == Inner::Close {
                    continue;
                }
                outer.run_inside(&first.image, one, inner.call(&second.image)).unwrap_or_else(|error| {
                    panic!("{outer:?} {inner:?}: {error}");
                });
            }
        }
        let call = Inner::Close.call(&second.image);
        Outer::Body.run_inside(&first.image, one, call).unwrap();
        assert_eq!(second.image.add().unwrap_err().kind(), ErrorKind::Closed);
    });
}

#[test]
fn guards_of_two_images_can_be_dropped_in_any_order() {
    with_timeout(|| {
        let first = Stalled::open(next_number(), Durability::Synced).image;
        let second = Stalled::open(next_number(), Durability::Synced).image;
        let (one, other) = (first.read_uncommitted().unwrap(), second.read_uncommitted().unwrap());
        drop(one);
        assert_eq!(second.add().unwrap_err().kind(), ErrorKind::Reentrant);
        assert_eq!(first.add().unwrap(), 1);
        drop(other);
        assert_eq!(second.add().unwrap(), 1);
    });
}

#[test]
fn a_guard_on_another_thread_only_delays() {
    with_timeout(|| {
        let Stalled { image, .. } = Stalled::open(next_number(), Durability::Synced);
        let guard = image.read_uncommitted().unwrap();
        std::thread::scope(|scope| {
            let command = scope.spawn(|| image.add());
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!command.is_finished() && guard.count == 0, "no command runs while a guard lives");
            drop(guard);
            assert_eq!(command.join().unwrap().unwrap(), 1);
        });
    });
}

/// An image in a thread-local is dropped while other thread-locals are already gone.
#[test]
fn an_image_in_a_thread_local_is_closed_with_its_thread() {
    thread_local! {
        static OWN: Image<HookModel> = Image::options()
            .durability(Durability::Buffered)
            .open_with(Arc::new(DISK.get_or_init(SimDisk::new).clone()), "own").unwrap();
    }
    static DISK: OnceLock<SimDisk> = OnceLock::new();
    with_timeout(|| {
        std::thread::spawn(|| {
            OWN.with(|image| image.submit(HookModelAdd {}).map(drop)).unwrap();
            OWN.with(|image| image.query(|model| assert_eq!(model.count, 1))).unwrap();
        })
        .join()
        .unwrap();
        let again: Image<HookModel> =
            Image::options().create(false).open_with(Arc::new(DISK.get().unwrap().clone()), "own").unwrap();
        assert_eq!(again.query(|model| model.count).unwrap(), 1);
    });
}
