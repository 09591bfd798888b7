//! Calling an image from inside itself: an error that names both calls, and never a deadlock.

mod replay;
mod several_images;

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Poll, Waker};

use memimage::disk::SimDisk;
use memimage::{CommandError, Context, Durability, Error, ErrorKind, Image, Model, Pending, Shape, SnapshotPolicy};
use memimage_tests::{Gate, GateDisk, block_on, in_time, until};
use serde::{Deserialize, Serialize, Serializer};

/// What a place in the user's code does to the image that is running it.
type Deed = Box<dyn FnOnce() -> Result<(), Error> + Send>;

/// What is done at the next opportunity, and what came of it. A model, its commands and their arguments are plain values
/// and know no image: a program that has one in a global can still call it from there.
#[derive(Default)]
struct Plot {
    deed: Mutex<Option<Deed>>,
    outcome: Mutex<Option<Result<(), Error>>>,
}

impl Plot {
    fn act(&self) {
        let deed = self.deed.lock().unwrap().take();
        if let Some(deed) = deed {
            let outcome = deed();
            *self.outcome.lock().unwrap() = Some(outcome);
        }
    }
}

/// Each test has a plot of its own, found by its number in the model.
fn plot(number: usize) -> &'static Plot {
    static PLOTS: [OnceLock<Plot>; 256] = [const { OnceLock::new() }; 256];
    PLOTS[number].get_or_init(Plot::default)
}

#[derive(Default, Deserialize, Shape, Model)]
struct Stage {
    plot: usize,
    acts: u64,
}

/// Written by hand, so that it can act: it runs when a snapshot is made.
impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        plot(self.plot).act();
        let mut fields = serializer.serialize_struct("Stage", 2)?;
        fields.serialize_field("plot", &self.plot)?;
        fields.serialize_field("acts", &self.acts)?;
        fields.end()
    }
}

/// An argument that acts when it is encoded.
#[derive(Deserialize, Shape)]
struct Actor(usize);

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        plot(self.0).act();
        serializer.serialize_newtype_struct("Actor", &self.0)
    }
}

#[memimage::commands]
impl Stage {
    #[command]
    fn act(&mut self) -> u64 {
        self.acts += 1;
        plot(self.plot).act();
        self.acts
    }

    #[command]
    fn rest(&mut self) -> u64 {
        self.acts += 1;
        self.acts
    }

    #[command(check = may_ask)]
    fn ask(&mut self, ctx: &Context) -> u64 {
        ctx.seq().get()
    }

    fn may_ask(&self) -> Result<(), String> {
        plot(self.plot).act();
        Ok(())
    }

    #[command]
    fn send(&mut self, actor: Actor) -> usize {
        actor.0
    }
}

/// The place from which an image is called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outer {
    Body,
    Check,
    Encoding,
    Query,
    Guard,
    Snapshot,
}

/// The call on it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Inner {
    Command,
    Submit,
    TrySubmit,
    SubmitAsync,
    Query,
    Read,
    Sync,
    Close,
    Snapshot,
    Wait,
    Await,
}

const OUTER: [Outer; 6] = [Outer::Body, Outer::Check, Outer::Encoding, Outer::Query, Outer::Guard, Outer::Snapshot];
const INNER: [Inner; 11] = [
    Inner::Command,
    Inner::Submit,
    Inner::TrySubmit,
    Inner::SubmitAsync,
    Inner::Query,
    Inner::Read,
    Inner::Sync,
    Inner::Close,
    Inner::Snapshot,
    Inner::Wait,
    Inner::Await,
];

impl Outer {
    /// How an error names it.
    fn name(self) -> &'static str {
        match self {
            Outer::Body => "act",
            Outer::Check => "ask",
            Outer::Encoding => "send",
            Outer::Query => "query",
            Outer::Guard => "read_uncommitted",
            Outer::Snapshot => "snapshot",
        }
    }

    /// Does `deed` inside `image`.
    fn enact(self, image: &Image<Stage>, number: usize, deed: Deed) -> Result<(), Error> {
        *plot(number).deed.lock().unwrap() = Some(deed);
        match self {
            Outer::Body => _ = image.act().unwrap(),
            Outer::Check => _ = image.ask().unwrap(),
            Outer::Encoding => _ = image.send(Actor(number)).unwrap(),
            Outer::Query => image.query(|_| plot(number).act()).unwrap(),
            Outer::Guard => {
                let _guard = image.read_uncommitted().unwrap();
                plot(number).act();
            }
            Outer::Snapshot => _ = image.admin().snapshot().unwrap(),
        }
        plot(number).outcome.lock().unwrap().take().expect("the deed was done")
    }
}

impl Inner {
    fn name(self) -> &'static str {
        match self {
            Inner::Command | Inner::Submit | Inner::TrySubmit | Inner::SubmitAsync => "rest",
            Inner::Query => "query",
            Inner::Read => "read_uncommitted",
            Inner::Sync => "sync",
            Inner::Close => "close",
            Inner::Snapshot => "snapshot",
            Inner::Wait => "Pending::wait",
            Inner::Await => "Pending::poll",
        }
    }

    fn deed(self, image: &Image<Stage>) -> Deed {
        let image = image.clone();
        match self {
            Inner::Command => Box::new(move || image.rest().map(drop)),
            Inner::Submit => Box::new(move || image.submit(StageRest {}).map(drop)),
            Inner::TrySubmit => Box::new(move || image.try_submit(StageRest {}).map(drop)),
            Inner::SubmitAsync => Box::new(move || block_on(image.submit_async(StageRest {})).map(drop)),
            Inner::Query => Box::new(move || image.query(|stage| stage.acts).map(drop)),
            Inner::Read => Box::new(move || image.read_uncommitted().map(drop)),
            Inner::Sync => Box::new(move || image.journal().sync()),
            Inner::Close => Box::new(move || Image::close(image)),
            Inner::Snapshot => Box::new(move || image.admin().snapshot().map(drop)),
            Inner::Wait => {
                let pending = image.submit(StageRest {}).unwrap();
                Box::new(move || pending.wait().map(drop))
            }
            Inner::Await => {
                let pending = image.submit(StageRest {}).unwrap();
                Box::new(move || block_on(pending).map(drop))
            }
        }
    }
}

/// An image on a disk whose syncs wait at a gate, once that is [closed](Stalled::stall).
struct Stalled {
    image: Image<Stage>,
    disk: GateDisk,
}

impl Stalled {
    fn open(number: usize, durability: Durability) -> Stalled {
        let disk = GateDisk::new(SimDisk::new());
        let image = Image::options()
            .durability(durability)
            .snapshots(SnapshotPolicy::Manual)
            .genesis(Stage { plot: number, acts: 0 })
            .open_with(Arc::new(disk.clone()), "stage")
            .unwrap();
        Stalled { image, disk }
    }

    /// Lets nothing reach the disk until the gate is opened.
    fn stall(&self) -> Gate {
        let gate = Gate::default();
        let at = gate.clone();
        self.disk.rule(move |call| {
            if matches!(call.act, memimage_tests::Act::Write | memimage_tests::Act::SyncData) {
                at.pass();
            }
            Ok(None)
        });
        gate
    }
}

fn next_number() -> usize {
    static NEXT: Mutex<usize> = Mutex::new(1);
    let mut next = NEXT.lock().unwrap();
    *next += 1;
    *next
}

#[test]
fn each_call_from_each_place_is_an_error_that_names_both() {
    for durability in [Durability::Synced, Durability::Buffered] {
        for outer in OUTER {
            in_time(move || {
                let number = next_number();
                let Stalled { image, .. } = Stalled::open(number, durability);
                image.rest().unwrap();
                for inner in INNER {
                    if matches!(inner, Inner::Wait | Inner::Await) {
                        continue;
                    }
                    let error =
                        outer.enact(&image, number, inner.deed(&image)).expect_err(&format!("{outer:?} {inner:?}"));
                    assert_eq!(error.kind(), ErrorKind::Reentrant, "{outer:?} {inner:?}: {error}");
                    let text = error.to_string();
                    let both = format!("`{}` was called on an image from inside `{}`", inner.name(), outer.name());
                    assert!(text.starts_with(&both), "{outer:?} {inner:?}: {text}");
                }
                // and nothing of it came of it
                image.rest().unwrap();
                Image::close(image).unwrap();
            });
        }
    }
}

/// Waiting for an answer needs no lock that a query or a guard holds, but one that a command holds.
#[test]
fn waiting_is_an_error_in_a_command_and_works_elsewhere() {
    for outer in OUTER {
        for inner in [Inner::Wait, Inner::Await] {
            in_time(move || {
                let number = next_number();
                let stalled = Stalled::open(number, Durability::Synced);
                let image = stalled.image.clone();
                image.rest().unwrap();
                let gate = stalled.stall();
                let deed = inner.deed(&image);
                let opens = matches!(outer, Outer::Query | Outer::Guard);
                if opens {
                    gate.open();
                }
                let acting = std::thread::spawn({
                    let image = image.clone();
                    move || outer.enact(&image, number, deed)
                });
                until("the deed is done", || plot(number).deed.lock().unwrap().is_none());
                if !opens {
                    until("the outcome", || plot(number).outcome.lock().unwrap().is_some() || acting.is_finished());
                    gate.open();
                }
                let outcome = acting.join().unwrap();
                match (opens, outcome) {
                    (true, Ok(())) => {}
                    (false, Err(error)) => {
                        assert_eq!(error.kind(), ErrorKind::Reentrant, "{outer:?} {inner:?}: {error}");
                        let both = format!("`{}` was called on an image from inside `{}`", inner.name(), outer.name());
                        assert!(error.to_string().starts_with(&both), "{outer:?} {inner:?}: {error}");
                    }
                    (_, outcome) => panic!("{outer:?} {inner:?}: {outcome:?}"),
                }
                Image::close(image).unwrap();
            });
        }
    }
}

#[test]
fn a_ready_answer_can_be_taken_anywhere() {
    in_time(|| {
        let number = next_number();
        let Stalled { image, .. } = Stalled::open(number, Durability::Synced);
        for outer in OUTER {
            let pending = image.submit(StageRest {}).unwrap();
            image.journal().sync().unwrap();
            assert!(pending.is_ready());
            outer.enact(&image, number, Box::new(move || pending.wait().map(drop))).unwrap();
        }
    });
}

/// A snapshot on another thread waits for the command, so the command must not wait for the snapshot.
#[test]
fn a_command_that_asks_for_a_snapshot_beside_another_is_refused() {
    in_time(|| {
        let number = next_number();
        let Stalled { image, .. } = Stalled::open(number, Durability::Synced);
        std::thread::scope(|scope| {
            let snapshots = scope.spawn(|| (0..8).for_each(|_| _ = image.admin().snapshot().unwrap()));
            while !snapshots.is_finished() {
                *plot(number).deed.lock().unwrap() = Some(Inner::Snapshot.deed(&image));
                image.act().unwrap();
                if let Some(outcome) = plot(number).outcome.lock().unwrap().take() {
                    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Reentrant);
                }
            }
        });
        Image::close(image).unwrap();
    });
}

#[test]
fn after_a_refused_call_the_thread_is_free() {
    in_time(|| {
        let number = next_number();
        let Stalled { image, .. } = Stalled::open(number, Durability::Synced);
        for outer in OUTER {
            outer.enact(&image, number, Inner::Query.deed(&image)).unwrap_err();
            image.query(|_| ()).unwrap();
        }
        let refused: Result<u64, CommandError<String>> = image.ask();
        assert!(refused.is_ok());
    });
}

#[test]
fn a_pending_can_be_polled_by_hand() {
    let Stalled { image, .. } = Stalled::open(next_number(), Durability::Synced);
    let mut pending: Pending<u64> = image.submit(StageRest {}).unwrap();
    image.journal().sync().unwrap();
    let polled = Pin::new(&mut pending).poll(&mut std::task::Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(1))));
}
