//! A state whose serialization or deserialization panics.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use memimage::disk::SimDisk;
use memimage::{Image, SnapshotPolicy};

/// A state that panics when it is written, or read, while the flag of that says so.
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
            assert!(!WRITING.load(Ordering::SeqCst), "too brittle to be written");
            serializer.serialize_u32(self.0)
        }
    }

    impl<'de> Deserialize<'de> for Count {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
            assert!(!READING.load(Ordering::SeqCst), "too brittle to be read");
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
fn a_state_that_panics_when_it_is_encoded_or_decoded_costs_only_a_snapshot() {
    use brittle::{Brittle, BrittleCommands as _, READING, WRITING};

    let disk = Arc::new(SimDisk::new());
    let options = || Image::<Brittle>::options().snapshots(SnapshotPolicy::AfterEvents(4));
    let image = options().open_with(disk.clone(), "image").unwrap();
    image.add().unwrap();
    image.admin().snapshot().unwrap();
    WRITING.store(true, Ordering::SeqCst);
    let error = image.admin().snapshot().unwrap_err().to_string();
    assert!(error.contains("panic: too brittle to be written"), "{error}");
    (2..=6).for_each(|count| assert_eq!(image.add().unwrap(), count));
    memimage_tests::until("the failure to be told", || {
        image.admin().stats().snapshot_failure.is_some_and(|why| why.contains("too brittle to be written"))
    });
    WRITING.store(false, Ordering::SeqCst);
    Image::close(image).unwrap();

    READING.store(true, Ordering::SeqCst);
    let image = options().open_with(disk, "image").unwrap();
    READING.store(false, Ordering::SeqCst);
    let recovery = image.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed), (None, 6));
    assert!(recovery.unusable_snapshots[0].1.contains("reading it panicked: too brittle to be read"));
    assert_eq!(image.add().unwrap(), 7);
}
