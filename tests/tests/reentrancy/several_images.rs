//! Several images, threads and guards: only calls into the image that is running are refused.

use std::sync::{Arc, OnceLock};

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image};
use memimage_tests::in_time;

use super::{INNER, Inner, OUTER, Outer, Stage, StageCommands as _, StageRest, Stalled, next_number};

#[test]
fn each_image_has_its_own_reentrancy_check() {
    in_time(|| {
        let (one, other) = (next_number(), next_number());
        let (first, second) = (Stalled::open(one, Durability::Synced), Stalled::open(other, Durability::Synced));
        for outer in OUTER {
            for inner in INNER {
                if inner == Inner::Close {
                    continue;
                }
                outer.enact(&first.image, one, inner.deed(&second.image)).unwrap_or_else(|error| {
                    panic!("{outer:?} {inner:?}: {error}");
                });
            }
        }
        let deed = Inner::Close.deed(&second.image);
        Outer::Body.enact(&first.image, one, deed).unwrap();
        assert_eq!(second.image.rest().unwrap_err().kind(), ErrorKind::Closed);
    });
}

#[test]
fn guards_of_two_images_can_be_dropped_in_any_order() {
    in_time(|| {
        let first = Stalled::open(next_number(), Durability::Synced).image;
        let second = Stalled::open(next_number(), Durability::Synced).image;
        let (one, other) = (first.read_uncommitted().unwrap(), second.read_uncommitted().unwrap());
        drop(one);
        assert_eq!(second.rest().unwrap_err().kind(), ErrorKind::Reentrant);
        assert_eq!(first.rest().unwrap(), 1);
        drop(other);
        assert_eq!(second.rest().unwrap(), 1);
    });
}

#[test]
fn a_guard_on_another_thread_only_delays() {
    in_time(|| {
        let Stalled { image, .. } = Stalled::open(next_number(), Durability::Synced);
        let guard = image.read_uncommitted().unwrap();
        std::thread::scope(|scope| {
            let command = scope.spawn(|| image.rest());
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!command.is_finished() && guard.acts == 0, "no command runs while a guard lives");
            drop(guard);
            assert_eq!(command.join().unwrap().unwrap(), 1);
        });
    });
}

/// A thread's own image goes with the thread, when much of what is the thread's is gone already.
#[test]
fn an_image_of_a_thread_is_closed_with_it() {
    thread_local! {
        static OWN: Image<Stage> = Image::options()
            .durability(Durability::Buffered)
            .open_with(Arc::new(DISK.get_or_init(SimDisk::new).clone()), "own").unwrap();
    }
    static DISK: OnceLock<SimDisk> = OnceLock::new();
    in_time(|| {
        std::thread::spawn(|| {
            OWN.with(|image| image.submit(StageRest {}).map(drop)).unwrap();
            OWN.with(|image| image.query(|stage| assert_eq!(stage.acts, 1))).unwrap();
        })
        .join()
        .unwrap();
        let again: Image<Stage> =
            Image::options().create(false).open_with(Arc::new(DISK.get().unwrap().clone()), "own").unwrap();
        assert_eq!(again.query(|stage| stage.acts).unwrap(), 1);
    });
}
