//! Bodies that panic or return another outcome on replay: recovery stops at the event and changes no file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, Image, Model, Seq, Shape};
use memimage_tests::files;
use serde::{Deserialize, Serialize};

use super::Refused;

/// A model whose body depends on a static switch, so that its outcome on replay differs.
macro_rules! switchable {
    ($model:ident, $switch:ident) => {
        static $switch: AtomicU64 = AtomicU64::new(0);

        #[derive(Default, Serialize, Deserialize, Shape, Model)]
        struct $model {
            count: u64,
        }

        #[memimage::commands]
        impl $model {
            #[command(name = "add", version = 3, oldest = 3)]
            fn add(&mut self) -> Result<u64, Refused> {
                self.count += 1;
                match $switch.load(Ordering::SeqCst) {
                    0 => Ok(self.count),
                    1 => Err(Refused),
                    2.. if self.count < 3 => Ok(self.count),
                    _ => panic!("switched to panic"),
                }
            }

            #[command]
            fn panic(&mut self) {
                panic!("always");
            }
        }
    };
}

fn open_any<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    Image::options().open_with(Arc::new(disk.clone()), "any")
}

/// Asserts that recovery stops at event 3 with this message, and changes no file.
fn assert_stops<M: Model>(disk: &SimDisk, message: &str) {
    let before = files(disk);
    for _ in 0..2 {
        let error = open_any::<M>(disk).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
        assert_eq!(error.position().unwrap().seq, Some(Seq::new(3)));
        let text = error.to_string();
        assert!(text.contains("event 3 (`add` version 3)") && text.contains(message), "{text}");
        assert!(files(disk) == before, "a failed recovery should change no file");
    }
}

/// The error names the event, also if it is in the middle of its frame.
#[test]
fn a_panic_in_the_middle_of_a_frame_names_its_event() {
    switchable!(Middle, MIDDLE);
    let disk = SimDisk::new();
    let image = open_any::<Middle>(&disk).unwrap();
    assert!(image.submit_all((0..7).map(|_| MiddleAdd {})).wait().iter().all(Result::is_ok));
    assert!(image.admin().stats().batches < 7);
    Image::close(image).unwrap();
    MIDDLE.store(2, Ordering::SeqCst);
    assert_stops::<Middle>(&disk, "its replay panicked: switched to panic");
    MIDDLE.store(0, Ordering::SeqCst);
    assert_eq!(open_any::<Middle>(&disk).unwrap().add().unwrap(), 8);
}

#[test]
fn a_body_that_panics_only_on_replay_stops_recovery() {
    switchable!(Panicking, PANICKING);
    let disk = SimDisk::new();
    let image = open_any::<Panicking>(&disk).unwrap();
    (1..=2).for_each(|count| assert_eq!(image.add().unwrap(), count));
    image.admin().snapshot().unwrap();
    assert_eq!(image.add().unwrap(), 3);
    Image::close(image).unwrap();
    PANICKING.store(2, Ordering::SeqCst);
    assert_stops::<Panicking>(&disk, "its replay panicked: switched to panic");
    PANICKING.store(0, Ordering::SeqCst);
    assert_eq!(open_any::<Panicking>(&disk).unwrap().add().unwrap(), 4);
}

#[test]
fn a_body_that_rejects_an_applied_event_on_replay_stops_recovery() {
    switchable!(Refusing, REFUSING);
    let disk = SimDisk::new();
    let image = open_any::<Refusing>(&disk).unwrap();
    (1..=2).for_each(|count| assert_eq!(image.add().unwrap(), count));
    image.admin().snapshot().unwrap();
    assert_eq!(image.add().unwrap(), 3);
    Image::close(image).unwrap();
    REFUSING.store(1, Ordering::SeqCst);
    assert_stops::<Refusing>(&disk, "its recorded outcome is `applied`, but on replay it was rejected");
    REFUSING.store(0, Ordering::SeqCst);
    assert_eq!(open_any::<Refusing>(&disk).unwrap().add().unwrap(), 4);
}

#[test]
fn a_body_that_applies_a_rejected_event_on_replay_stops_recovery() {
    switchable!(Relenting, RELENTING);
    let disk = SimDisk::new();
    let image = open_any::<Relenting>(&disk).unwrap();
    (1..=2).for_each(|count| assert_eq!(image.add().unwrap(), count));
    image.admin().snapshot().unwrap();
    RELENTING.store(1, Ordering::SeqCst);
    assert_eq!(image.add().unwrap_err().refusal(), Some(&Refused));
    Image::close(image).unwrap();
    RELENTING.store(0, Ordering::SeqCst);
    assert_stops::<Relenting>(&disk, "its recorded outcome is `rejected`, but on replay it was applied");
    RELENTING.store(1, Ordering::SeqCst);
    let again = open_any::<Relenting>(&disk).unwrap();
    assert_eq!(again.query(|model| model.count).unwrap(), 3, "the changes of a rejected body should be kept");
}

#[test]
fn a_model_that_cannot_be_rebuilt_poisons_the_image() {
    switchable!(Ruined, RUINED);
    let disk = SimDisk::new();
    let image = open_any::<Ruined>(&disk).unwrap();
    (1..=3).for_each(|count| assert_eq!(image.add().unwrap(), count));
    RUINED.store(2, Ordering::SeqCst);
    let error = image.panic().unwrap_err();
    assert!(error.to_string().contains("switched to panic"), "{error}");
    for error in [
        image.query(|_| ()).unwrap_err(),
        image.read_uncommitted().map(drop).unwrap_err(),
        image.panic().unwrap_err(),
        image.journal().sync().unwrap_err(),
        image.admin().snapshot().map(drop).unwrap_err(),
        Image::close(image.clone()).unwrap_err(),
    ] {
        assert!(error.is_poisoned(), "{error}");
        assert!(!error.is_outcome_unknown(), "{error}");
    }
    drop(image);
    RUINED.store(0, Ordering::SeqCst);
    assert_eq!(open_any::<Ruined>(&disk).unwrap().add().unwrap(), 4);
}
