//! A body that calls its own image is also refused on replay.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::{ErrorKind, Image, Model, Shape};
use memimage_tests::with_timeout;
use serde::{Deserialize, Serialize};

#[test]
fn a_body_that_calls_its_image_is_refused_on_replay() {
    static IMAGE: OnceLock<Image<ReentrantModel>> = OnceLock::new();
    static CALL_SUCCEEDED: AtomicBool = AtomicBool::new(false);

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    struct ReentrantModel {
        count: u64,
    }

    #[memimage::commands]
    impl ReentrantModel {
        #[command]
        fn call_image(&mut self) -> u64 {
            self.count += 1;
            if IMAGE.get().is_some_and(|image| image.add().is_ok()) {
                CALL_SUCCEEDED.store(true, Ordering::SeqCst);
            }
            self.count
        }

        #[command]
        fn add(&mut self) -> u64 {
            self.count += 100;
            self.count
        }

        #[command]
        fn fail(&mut self) {
            panic!("failed");
        }
    }

    with_timeout(|| {
        let image = IMAGE.get_or_init(|| Image::in_memory().unwrap());
        assert_eq!(image.call_image().unwrap(), 1);
        assert_eq!(image.fail().unwrap_err().kind(), ErrorKind::Panicked);
        let snapshot = image.admin().snapshot().unwrap();
        assert!(snapshot.verified);
        assert_eq!(
            (snapshot.seq.get(), image.journal().seq().get()),
            (1, 1),
            "the snapshot verification should run no command"
        );
        assert!(!CALL_SUCCEEDED.load(Ordering::SeqCst));
    });
}
