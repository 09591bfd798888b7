//! A body that calls its own image is refused in the same way when it is replayed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::{ErrorKind, Image, Model, Shape};
use memimage_tests::in_time;
use serde::{Deserialize, Serialize};

#[test]
fn a_body_that_calls_the_image_does_nothing_on_replay_either() {
    static IMAGE: OnceLock<Image<Meddler>> = OnceLock::new();
    static MEDDLED: AtomicBool = AtomicBool::new(false);

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    struct Meddler {
        count: u64,
    }

    #[memimage::commands]
    impl Meddler {
        #[command]
        fn meddle(&mut self) -> u64 {
            self.count += 1;
            if IMAGE.get().is_some_and(|image| image.add().is_ok()) {
                MEDDLED.store(true, Ordering::SeqCst);
            }
            self.count
        }

        #[command]
        fn add(&mut self) -> u64 {
            self.count += 100;
            self.count
        }

        #[command]
        fn fall(&mut self) {
            panic!("fallen");
        }
    }

    in_time(|| {
        let image = IMAGE.get_or_init(|| Image::in_memory().unwrap());
        assert_eq!(image.meddle().unwrap(), 1);
        assert_eq!(image.fall().unwrap_err().kind(), ErrorKind::Panicked);
        let snapshot = image.admin().snapshot().unwrap();
        assert!(snapshot.verified);
        assert_eq!((snapshot.seq.get(), image.journal().seq().get()), (1, 1), "the drill ran a command");
        assert!(!MEDDLED.load(Ordering::SeqCst));
    });
}
