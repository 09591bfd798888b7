//! Wakers that panic, block or call the image: the image goes on for all others.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image, Pending};
use memimage_tests::{GateDisk, wait_until, with_timeout};

use super::{MODES, Tally, TallyCommands, add, open, stall};

/// A waker of an executor that is gone.
struct PanickingWaker(AtomicUsize);

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("the executor is gone");
    }
}

fn poll_once<T>(pending: &mut Pending<T>, waker: &Waker) -> bool {
    Pin::new(pending).poll(&mut Context::from_waker(waker)).is_ready()
}

#[test]
fn a_waker_that_panics_harms_no_other_caller() {
    for durability in MODES {
        // the thread that wakes is the syncer, or a caller that waits
        for waits in [false, true] {
            with_timeout(move || {
                let disk = GateDisk::new(SimDisk::new());
                let image = open(&disk, durability);
                let gate = stall(&disk);
                let panicking = Arc::new(PanickingWaker(AtomicUsize::new(0)));
                let mut pendings: Vec<_> = (0..3).map(|_| add(&image)).collect();
                for pending in &mut pendings {
                    assert!(!poll_once(pending, &Waker::from(Arc::clone(&panicking))));
                }
                gate.open();
                if waits {
                    image.add(1).unwrap();
                }
                wait_until("the tasks are woken", || panicking.0.load(Ordering::SeqCst) > 0);
                wait_until("the answers are ready", || pendings.iter().all(Pending::is_ready));
                for _ in 0..3 {
                    image.add(1).unwrap();
                }
                image.journal().sync().unwrap();
                image.admin().snapshot().unwrap();
                Image::close(image).unwrap();
            });
        }
    }
}

#[test]
fn a_waker_that_panics_when_it_is_cloned_or_dropped_harms_its_own_task_only() {
    const fn panics(_: *const ()) -> RawWaker {
        panic!("cannot be cloned")
    }
    static CLONE_PANICS: RawWakerVTable = RawWakerVTable::new(panics, |_| {}, |_| {}, |_| {});
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let gate = stall(&disk);
        let mut pending = add(&image);
        // SAFETY: the functions ignore their pointer.
        #[allow(unsafe_code)]
        let waker = unsafe { Waker::new(std::ptr::null(), &CLONE_PANICS) };
        assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut pending, &waker))).is_err());
        gate.open();
        pending.wait().unwrap();
        image.add(1).unwrap();
        Image::close(image).unwrap();
    });
}

/// An executor that polls a task on the stack of its waker.
struct InlineTask(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl InlineTask {
    fn run(self: &Arc<InlineTask>) {
        let Some(mut future) = self.0.lock().unwrap().take() else { return };
        if future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(self)))).is_pending() {
            *self.0.lock().unwrap() = Some(future);
        }
    }
}

impl Wake for InlineTask {
    fn wake(self: Arc<Self>) {
        self.run();
    }
}

type Call = fn(&Image<Tally>) -> Result<(), memimage::Error>;

const CALLS: &[(&str, Call)] = &[
    ("a command", |image| image.add(1).map(drop)),
    ("submit", |image| image.submit(super::TallyAdd { by: 1 }).map(drop)),
    ("query", |image| {
        // without an unwritten event there is nothing to wait for
        drop(image.try_submit(super::TallyAdd { by: 1 })?);
        image.query(|tally| tally.count).map(drop)
    }),
    ("wait", |image| image.try_submit(super::TallyAdd { by: 1 })?.wait().map(drop)),
    ("sync", |image| image.journal().sync()),
    ("snapshot", |image| image.admin().snapshot().map(drop)),
    ("close", |image| Image::close(image.clone())),
];

#[test]
fn a_call_from_inside_a_waker_that_could_wait_is_refused() {
    for durability in MODES {
        for (name, call) in CALLS {
            with_timeout(move || {
                let disk = GateDisk::new(SimDisk::new());
                let image = open(&disk, durability);
                let gate = stall(&disk);
                let (inner, results) = (image.clone(), Arc::new(Mutex::new(Vec::new())));
                let (written, pending) = (Arc::clone(&results), add(&image));
                let task = Arc::new(InlineTask(Mutex::new(Some(Box::pin(async move {
                    pending.await.unwrap();
                    written.lock().unwrap().push(call(&inner));
                })))));
                task.run();
                gate.open();
                wait_until("the task was polled by its waker", || !results.lock().unwrap().is_empty());
                let error = results.lock().unwrap().pop().unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Reentrant, "{name}: {error}");
                assert!(error.to_string().contains("the waker of a task"), "{error}");
                image.add(1).unwrap();
                Image::close(image).unwrap();
            });
        }
    }
}

#[test]
fn a_waker_may_use_another_image_and_drop_its_own() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let (image, other) = (open(&disk, Durability::Synced), open(&SimDisk::new(), Durability::Synced));
        let gate = stall(&disk);
        let done = Arc::new(AtomicBool::new(false));
        let (set, pending, used) = (Arc::clone(&done), add(&image), other.clone());
        let task = Arc::new(InlineTask(Mutex::new(Some(Box::pin(async move {
            pending.await.unwrap();
            used.add(7).unwrap();
            used.query(|tally| assert_eq!(tally.count, 7)).unwrap();
            drop(image);
            set.store(true, Ordering::SeqCst);
        })))));
        task.run();
        gate.open();
        wait_until("the task has ended", || done.load(Ordering::SeqCst));
        Image::close(other).unwrap();
    });
}

#[test]
fn a_slow_waker_delays_others_and_stops_nobody() {
    struct Slow(AtomicBool);
    impl Wake for Slow {
        fn wake(self: Arc<Self>) {
            std::thread::sleep(Duration::from_millis(50));
            self.0.store(true, Ordering::SeqCst);
        }
    }
    with_timeout(|| {
        let image = open(&SimDisk::new(), Durability::Synced);
        for _ in 0..5 {
            let slow = Arc::new(Slow(AtomicBool::new(false)));
            let mut pending = add(&image);
            let ready = poll_once(&mut pending, &Waker::from(Arc::clone(&slow)));
            image.add(1).unwrap();
            wait_until("it was woken", || ready || slow.0.load(Ordering::SeqCst));
        }
        Image::close(image).unwrap();
    });
}
