//! Requests when something goes wrong: panics, a poisoned or closed image, calls from inside, and a child made by `fork`.

use std::sync::{Arc, Mutex};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Model, Replica, Seq, Shape};
use memimage_tests::{DiskMethod, GateDisk};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{SalesCommands as _, TillSell, open, options, ran};

/// A panic of a body records nothing, so a retry runs it again. The rebuild of the model forgets no request.
#[test]
fn a_body_that_panicked_is_not_remembered() {
    for replica in [Replica::OnDemand, Replica::Standing] {
        let disk = SimDisk::new();
        let image = options().replica(replica).open_with(Arc::new(disk.clone()), super::PATH).unwrap();
        assert_eq!(image.once("before").sell(7, 2).unwrap().number, 1);
        for _ in 0..2 {
            assert_eq!(image.once("a").explode(false).unwrap_err().kind(), ErrorKind::Panicked);
            assert_eq!(image.journal().seq(), Seq::new(1));
            assert_eq!(image.once("before").sell(7, 2).unwrap().number, 1);
        }
        assert_eq!(image.once("a").explode(true).unwrap(), 1_001, "the key was free");
        assert_eq!(image.once("a").explode(true).unwrap(), 1_001);
        assert_eq!(image.once("a").explode(false).unwrap_err().kind(), ErrorKind::RequestKeyReused);
        Image::close(image).unwrap();
        let image = open(&disk);
        assert_eq!(image.once("before").sell(7, 2).unwrap().number, 1);
        assert_eq!(image.once("a").explode(true).unwrap(), 1_001);
    }
}

/// The caller of a poisoned image does not know whether his request was executed. The retry after the restart finds out.
#[test]
fn a_retry_after_a_poisoned_image_is_executed_at_most_once() {
    for is_written in [false, true] {
        let sim = SimDisk::new();
        let disk = GateDisk::new(sim.clone());
        let image = open(&disk);
        image.once("first").sell(7, 1).unwrap();
        let method = if is_written { DiskMethod::SyncData } else { DiskMethod::Write };
        disk.fail(method, ".journal", std::io::ErrorKind::Other);
        assert_eq!(image.once("a").sell(7, 2).unwrap_err().kind(), ErrorKind::Poisoned);
        // the request is in memory, but its answer must not leave the process
        for (key, is_known) in [("a", true), ("first", true), ("another", false)] {
            let error = image.once(key).sell(7, 2).unwrap_err();
            assert_eq!((error.kind(), error.is_outcome_unknown()), (ErrorKind::Poisoned, is_known), "{key}: {error}");
        }
        drop(image);
        let image = open(&sim);
        assert_eq!(image.journal().seq(), Seq::new(if is_written { 2 } else { 1 }));
        assert_eq!(image.once("a").sell(7, 2).unwrap().number, 2);
        assert_eq!(image.once("first").sell(7, 1).unwrap().number, 1);
        assert_eq!(ran(&image), 2);
    }
}

#[test]
fn a_closed_image_answers_no_retry() {
    let image = open(&SimDisk::new());
    image.once("a").sell(7, 1).unwrap();
    let copy = image.clone();
    Image::close(image).unwrap();
    assert_eq!(copy.once("a").sell(7, 1).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_retry_from_inside_the_image_is_refused() {
    let image = open(&SimDisk::new());
    image.once("a").sell(7, 1).unwrap();
    let inner = || image.once("a").sell(7, 1).unwrap_err().kind();
    assert_eq!(image.query(|_| inner()).unwrap(), ErrorKind::Reentrant);
    assert_eq!(image.view(|_| inner()).unwrap(), ErrorKind::Reentrant);
    let guard = image.read_uncommitted().unwrap();
    assert_eq!(inner(), ErrorKind::Reentrant);
    drop(guard);
    let submit = || image.once("a").submit(TillSell { item: 7, count: 1 }).unwrap_err().kind();
    assert_eq!(image.query(|_| submit()).unwrap(), ErrorKind::Reentrant);
}

/// What the answers of [`Fussy`] do when they are stored and read.
static FAULT: Mutex<Fault> = Mutex::new(Fault::None);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    ErrorOnWrite,
    PanicOnWrite,
    ErrorOnRead,
    PanicOnRead,
}

#[derive(Debug, PartialEq, Shape)]
struct Fussy {
    number: u64,
}

impl Serialize for Fussy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fault = *FAULT.lock().unwrap();
        match fault {
            Fault::ErrorOnWrite => Err(serde::ser::Error::custom("no")),
            Fault::PanicOnWrite => std::panic::resume_unwind(Box::new("no")),
            _ => self.number.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Fussy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fussy, D::Error> {
        let fault = *FAULT.lock().unwrap();
        match fault {
            Fault::ErrorOnRead => Err(D::Error::custom("no")),
            Fault::PanicOnRead => std::panic::resume_unwind(Box::new("no")),
            _ => u64::deserialize(deserializer).map(|number| Fussy { number }),
        }
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Counter {
    count: u64,
}

#[memimage::commands]
impl Counter {
    #[command]
    fn add(&mut self) -> Fussy {
        self.count += 1;
        Fussy { number: self.count }
    }
}

/// A failing serde impl of an answer never undoes, repeats or misreads a command.
#[test]
fn a_faulty_answer_is_executed_once() {
    for fault in [Fault::ErrorOnWrite, Fault::PanicOnWrite, Fault::ErrorOnRead, Fault::PanicOnRead] {
        let disk = SimDisk::new();
        let open = || Image::<Counter>::options().open_with(Arc::new(disk.clone()), "/counter").unwrap();
        let image = open();
        *FAULT.lock().unwrap() = fault;
        assert_eq!(image.once("a").add().unwrap(), Fussy { number: 1 });
        assert_eq!(image.once("a").add().unwrap_err().kind(), ErrorKind::AlreadyExecuted);
        assert_eq!(image.add().unwrap(), Fussy { number: 2 });
        Image::close(image).unwrap();
        // a replay meets the fault too
        let image = open();
        assert_eq!(image.query(|counter| counter.count).unwrap(), 2, "{fault:?}");
        assert_eq!(image.once("a").add().unwrap_err().kind(), ErrorKind::AlreadyExecuted);
        *FAULT.lock().unwrap() = Fault::None;
        Image::close(image).unwrap();
        // a replay computes the answer again
        assert_eq!(open().once("a").add().unwrap(), Fussy { number: 1 });
    }
}
