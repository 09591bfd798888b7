//! A state whose serialization or deserialization panics.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use memimage::disk::SimDisk;
use memimage::{Image, SnapshotPolicy};

/// A state whose encoding or decoding panics while a flag is set.
mod brittle {
    use std::sync::atomic::{AtomicBool, Ordering};

    use memimage::{Model, Shape};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) static WRITING: AtomicBool = AtomicBool::new(false);
    pub(super) static READING: AtomicBool = AtomicBool::new(false);

    #[derive(Default, Shape)]
    #[shape(opaque = "count")]
    pub(super) struct Count(pub(super) u32);

    impl Serialize for Count {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            assert!(!WRITING.load(Ordering::SeqCst), "the encoding panicked");
            serializer.serialize_u32(self.0)
        }
    }

    impl<'de> Deserialize<'de> for Count {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
            assert!(!READING.load(Ordering::SeqCst), "the decoding panicked");
            u32::deserialize(deserializer).map(Count)
        }
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Brittle {
        pub(super) count: Count,
    }

    #[memimage::commands]
    impl Brittle {
        #[command]
        pub(super) fn add(&mut self) -> u32 {
            self.count.0 += 1;
            self.count.0
        }
    }
}

#[test]
fn a_panic_while_a_state_is_encoded_or_decoded_loses_only_a_snapshot() {
    use brittle::{Brittle, BrittleCommands as _, READING, WRITING};

    let disk = Arc::new(SimDisk::new());
    let options = || Image::<Brittle>::options().snapshots(SnapshotPolicy::AfterEvents(4));
    let image = options().open_with(disk.clone(), "image").unwrap();
    image.add().unwrap();
    image.admin().snapshot().unwrap();
    WRITING.store(true, Ordering::SeqCst);
    let error = image.admin().snapshot().unwrap_err().to_string();
    assert!(error.contains("panic: the encoding panicked"), "{error}");
    (2..=6).for_each(|count| assert_eq!(image.add().unwrap(), count));
    memimage_tests::wait_until("the failure is reported", || {
        image.admin().stats().snapshot_failure.is_some_and(|why| why.contains("the encoding panicked"))
    });
    WRITING.store(false, Ordering::SeqCst);
    Image::close(image).unwrap();

    READING.store(true, Ordering::SeqCst);
    let image = options().open_with(disk, "image").unwrap();
    READING.store(false, Ordering::SeqCst);
    let recovery = image.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed), (None, 6));
    assert!(recovery.unusable_snapshots[0].1.contains("loading the state panicked: the decoding panicked"));
    assert_eq!(image.add().unwrap(), 7);
}
