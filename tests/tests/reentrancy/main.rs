//! Calls of an image from its own code: an error that names both calls, and never a deadlock.

mod replay;
mod several_images;

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Poll, Waker};

use memimage::disk::SimDisk;
use memimage::{
    CommandError, Context, Durability, Error, ErrorKind, Image, Model, Pending, Shape, SnapshotPolicy, SnapshotSource,
};
use memimage_tests::{Gate, GateDisk, block_on, wait_until, with_timeout};
use serde::{Deserialize, Serialize, Serializer};

/// A call of an image from code that the image is running.
type NestedCall = Box<dyn FnOnce() -> Result<(), Error> + Send>;

/// The next nested call and its result. Models, commands and arguments do not refer to their image, but a program with a global
/// image can still call it from there.
#[derive(Default)]
struct Hook {
    call: Mutex<Option<NestedCall>>,
    result: Mutex<Option<Result<(), Error>>>,
}

impl Hook {
    fn run(&self) {
        let call = self.call.lock().unwrap().take();
        if let Some(call) = call {
            let result = call();
            *self.result.lock().unwrap() = Some(result);
        }
    }
}

/// The hook with this number. Each test has its own hook, whose number is in the model.
fn hook(number: usize) -> &'static Hook {
    static HOOKS: [OnceLock<Hook>; 256] = [const { OnceLock::new() }; 256];
    HOOKS[number].get_or_init(Hook::default)
}

#[derive(Default, Deserialize, Shape, Model)]
struct HookModel {
    hook: usize,
    count: u64,
}

/// Implemented by hand, to run the hook while a snapshot is written.
impl Serialize for HookModel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        hook(self.hook).run();
        let mut fields = serializer.serialize_struct("HookModel", 2)?;
        fields.serialize_field("hook", &self.hook)?;
        fields.serialize_field("count", &self.count)?;
        fields.end()
    }
}

/// An argument that runs the hook while it is encoded.
#[derive(Deserialize, Shape)]
struct HookArgument(usize);

impl Serialize for HookArgument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hook(self.0).run();
        serializer.serialize_newtype_struct("HookArgument", &self.0)
    }
}

#[memimage::commands]
impl HookModel {
    #[command]
    fn call_from_body(&mut self) -> u64 {
        self.count += 1;
        hook(self.hook).run();
        self.count
    }

    #[command]
    fn add(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    #[command(check = check)]
    fn call_from_check(&mut self, ctx: &Context) -> u64 {
        ctx.seq().get()
    }

    fn check(&self) -> Result<(), String> {
        hook(self.hook).run();
        Ok(())
    }

    #[command]
    fn call_from_encoding(&mut self, argument: HookArgument) -> usize {
        argument.0
    }
}

/// The user code that calls the image.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outer {
    Body,
    Check,
    Encoding,
    Query,
    Guard,
    View,
    Snapshot,
}

/// The nested call.
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
    View,
    Verify,
    Wait,
    Await,
}

const OUTER: [Outer; 7] =
    [Outer::Body, Outer::Check, Outer::Encoding, Outer::Query, Outer::Guard, Outer::View, Outer::Snapshot];
const INNER: [Inner; 13] = [
    Inner::Command,
    Inner::Submit,
    Inner::TrySubmit,
    Inner::SubmitAsync,
    Inner::Query,
    Inner::Read,
    Inner::Sync,
    Inner::Close,
    Inner::Snapshot,
    Inner::View,
    Inner::Verify,
    Inner::Wait,
    Inner::Await,
];

impl Outer {
    /// The name in the error.
    fn name(self) -> &'static str {
        match self {
            Outer::Body => "call_from_body",
            Outer::Check => "call_from_check",
            Outer::Encoding => "call_from_encoding",
            Outer::Query => "query",
            Outer::Guard => "read_uncommitted",
            Outer::View => "view",
            Outer::Snapshot => "snapshot",
        }
    }

    /// Runs `call` from this place inside `image`.
    fn run_inside(self, image: &Image<HookModel>, number: usize, call: NestedCall) -> Result<(), Error> {
        *hook(number).call.lock().unwrap() = Some(call);
        match self {
            Outer::Body => _ = image.call_from_body().unwrap(),
            Outer::Check => _ = image.call_from_check().unwrap(),
            Outer::Encoding => _ = image.call_from_encoding(HookArgument(number)).unwrap(),
            Outer::Query => image.query(|_| hook(number).run()).unwrap(),
            Outer::Guard => {
                let _guard = image.read_uncommitted().unwrap();
                hook(number).run();
            }
            Outer::View => image.view(|_| hook(number).run()).unwrap(),
            Outer::Snapshot => _ = image.admin().snapshot().unwrap(),
        }
        hook(number).result.lock().unwrap().take().expect("the hook should have run")
    }
}

impl Inner {
    fn name(self) -> &'static str {
        match self {
            Inner::Command | Inner::Submit | Inner::TrySubmit | Inner::SubmitAsync => "add",
            Inner::Query => "query",
            Inner::Read => "read_uncommitted",
            Inner::Sync => "sync",
            Inner::Close => "close",
            Inner::Snapshot => "snapshot",
            Inner::View => "view",
            Inner::Verify => "verify",
            Inner::Wait => "Pending::wait",
            Inner::Await => "Pending::poll",
        }
    }

    fn call(self, image: &Image<HookModel>) -> NestedCall {
        let image = image.clone();
        match self {
            Inner::Command => Box::new(move || image.add().map(drop)),
            Inner::Submit => Box::new(move || image.submit(HookModelAdd {}).map(drop)),
            Inner::TrySubmit => Box::new(move || image.try_submit(HookModelAdd {}).map(drop)),
            Inner::SubmitAsync => Box::new(move || block_on(image.submit_async(HookModelAdd {})).map(drop)),
            Inner::Query => Box::new(move || image.query(|model| model.count).map(drop)),
            Inner::Read => Box::new(move || image.read_uncommitted().map(drop)),
            Inner::Sync => Box::new(move || image.journal().sync()),
            Inner::Close => Box::new(move || Image::close(image)),
            Inner::Snapshot => Box::new(move || image.admin().snapshot().map(drop)),
            Inner::View => Box::new(move || image.view(|model| model.count).map(drop)),
            Inner::Verify => Box::new(move || image.admin().verify().map(drop)),
            Inner::Wait => {
                let pending = image.submit(HookModelAdd {}).unwrap();
                Box::new(move || pending.wait().map(drop))
            }
            Inner::Await => {
                let pending = image.submit(HookModelAdd {}).unwrap();
                Box::new(move || block_on(pending).map(drop))
            }
        }
    }
}

/// An image on a disk whose writes and syncs can be [stalled](Stalled::stall).
struct Stalled {
    image: Image<HookModel>,
    disk: GateDisk,
}

impl Stalled {
    fn open(number: usize, durability: Durability) -> Stalled {
        let disk = GateDisk::new(SimDisk::new());
        let image = Image::options()
            .durability(durability)
            .snapshots(SnapshotPolicy::Manual)
            .snapshot_source(SnapshotSource::InPlace)
            .genesis(HookModel { hook: number, count: 0 })
            .open_with(Arc::new(disk.clone()), "model")
            .unwrap();
        Stalled { image, disk }
    }

    /// Blocks writes and syncs until the gate is opened.
    fn stall(&self) -> Gate {
        let gate = Gate::default();
        let at = gate.clone();
        self.disk.rule(move |call| {
            if matches!(call.method, memimage_tests::DiskMethod::Write | memimage_tests::DiskMethod::SyncData) {
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
fn each_nested_call_is_refused_with_the_names_of_both_calls() {
    for durability in [Durability::Synced, Durability::Buffered] {
        for outer in OUTER {
            with_timeout(move || {
                let number = next_number();
                let Stalled { image, .. } = Stalled::open(number, durability);
                image.add().unwrap();
                for inner in INNER {
                    if matches!(inner, Inner::Wait | Inner::Await) {
                        continue;
                    }
                    let error = outer
                        .run_inside(&image, number, inner.call(&image))
                        .expect_err(&format!("{outer:?} {inner:?}"));
                    assert_eq!(error.kind(), ErrorKind::Reentrant, "{outer:?} {inner:?}: {error}");
                    let text = error.to_string();
                    let both = format!("`{}` was called inside `{}`", inner.name(), outer.name());
                    assert!(text.starts_with(&both), "{outer:?} {inner:?}: {text}");
                }
                // a refused call has no effect
                image.add().unwrap();
                Image::close(image).unwrap();
            });
        }
    }
}

/// Waiting for an answer needs no lock that a query or guard holds, but it needs one that a command holds.
#[test]
fn waiting_is_refused_in_a_command_and_allowed_elsewhere() {
    for outer in OUTER {
        for inner in [Inner::Wait, Inner::Await] {
            with_timeout(move || {
                let number = next_number();
                let stalled = Stalled::open(number, Durability::Synced);
                let image = stalled.image.clone();
                image.add().unwrap();
                let gate = stalled.stall();
                let call = inner.call(&image);
                let opens = matches!(outer, Outer::Query | Outer::Guard | Outer::View);
                if opens {
                    gate.open();
                }
                let acting = std::thread::spawn({
                    let image = image.clone();
                    move || outer.run_inside(&image, number, call)
                });
                wait_until("the hook has run", || hook(number).call.lock().unwrap().is_none());
                if !opens {
                    wait_until("the call has a result", || {
                        hook(number).result.lock().unwrap().is_some() || acting.is_finished()
                    });
                    gate.open();
                }
                let result = acting.join().unwrap();
                match (opens, result) {
                    (true, Ok(())) => {}
                    (false, Err(error)) => {
                        assert_eq!(error.kind(), ErrorKind::Reentrant, "{outer:?} {inner:?}: {error}");
                        let both = format!("`{}` was called inside `{}`", inner.name(), outer.name());
                        assert!(error.to_string().starts_with(&both), "{outer:?} {inner:?}: {error}");
                    }
                    (_, result) => panic!("{outer:?} {inner:?}: {result:?}"),
                }
                Image::close(image).unwrap();
            });
        }
    }
}

#[test]
fn a_ready_answer_can_be_taken_anywhere() {
    with_timeout(|| {
        let number = next_number();
        let Stalled { image, .. } = Stalled::open(number, Durability::Synced);
        for outer in OUTER {
            let pending = image.submit(HookModelAdd {}).unwrap();
            image.journal().sync().unwrap();
            assert!(pending.is_ready());
            outer.run_inside(&image, number, Box::new(move || pending.wait().map(drop))).unwrap();
        }
    });
}

/// A snapshot on another thread waits for the command, so the command must not wait for that snapshot.
#[test]
fn a_snapshot_in_a_command_is_refused_during_another_snapshot() {
    with_timeout(|| {
        let number = next_number();
        let Stalled { image, .. } = Stalled::open(number, Durability::Synced);
        std::thread::scope(|scope| {
            let snapshots = scope.spawn(|| (0..8).for_each(|_| _ = image.admin().snapshot().unwrap()));
            while !snapshots.is_finished() {
                *hook(number).call.lock().unwrap() = Some(Inner::Snapshot.call(&image));
                image.call_from_body().unwrap();
                if let Some(result) = hook(number).result.lock().unwrap().take() {
                    assert_eq!(result.unwrap_err().kind(), ErrorKind::Reentrant);
                }
            }
        });
        Image::close(image).unwrap();
    });
}

#[test]
fn after_a_refused_call_the_thread_can_call_the_image() {
    with_timeout(|| {
        let number = next_number();
        let Stalled { image, .. } = Stalled::open(number, Durability::Synced);
        for outer in OUTER {
            outer.run_inside(&image, number, Inner::Query.call(&image)).unwrap_err();
            image.query(|_| ()).unwrap();
        }
        let refused: Result<u64, CommandError<String>> = image.call_from_check();
        assert!(refused.is_ok());
    });
}

#[test]
fn a_pending_answer_can_be_polled() {
    let Stalled { image, .. } = Stalled::open(next_number(), Durability::Synced);
    let mut pending: Pending<u64> = image.submit(HookModelAdd {}).unwrap();
    image.journal().sync().unwrap();
    let polled = Pin::new(&mut pending).poll(&mut std::task::Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(1))));
}
