//! Subscriptions as streams, with the smallest executor: a lost wake-up would block for ever.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_core::Stream;
use memimage::disk::SimDisk;
use memimage::{Durability, Error, HistoryEvent, Image, Journal, Pending, Seq, SubscriptionStream};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerDeposit, Run, block_on, wait_until, with_timeout};

use super::{deposit, journal_of, open, options, seq};

type Next = Option<Result<HistoryEvent<Ledger>, Error>>;

fn next_of(stream: &mut SubscriptionStream<Ledger>) -> Next {
    block_on(poll_fn(|context| Pin::new(&mut *stream).poll_next(context)))
}

#[test]
fn a_stream_on_a_running_image_is_woken_for_each_event_and_ends_with_the_image() {
    with_timeout(|| {
        let image = open(&SimDisk::new());
        let mut stream = image.journal().subscribe_as("page", Seq::ZERO).unwrap().into_stream();
        let writer = thread::spawn(move || {
            for _ in 0..50 {
                deposit(&image, 3);
                thread::sleep(Duration::from_micros(300));
            }
            Image::close(image).unwrap();
        });
        for number in 1..=150 {
            let event = next_of(&mut stream).unwrap().unwrap();
            assert_eq!(event.seq(), seq(number));
            stream.acknowledge(&event).unwrap();
        }
        assert!(next_of(&mut stream).is_none());
        writer.join().unwrap();
        assert_eq!((stream.seq(), stream.subscription().acknowledged()), (seq(150), Some(seq(150))));
    });
}

#[test]
fn a_stream_beside_the_owner_is_woken_by_a_thread_of_its_own() {
    with_timeout(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let image: Image<Ledger> = options().open(&path).unwrap();
        let mut stream = Journal::<Ledger>::open(&path).unwrap().subscribe(Seq::ZERO).unwrap().into_stream();
        let writer = thread::spawn(move || {
            for _ in 0..20 {
                deposit(&image, 1);
                thread::sleep(Duration::from_millis(3));
            }
        });
        for number in 1..=20 {
            assert_eq!(next_of(&mut stream).unwrap().unwrap().seq(), seq(number));
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_stop_ends_a_pending_stream() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let image = open(&disk);
        for subscription in [image.journal().subscribe(Seq::ZERO), journal_of(disk.clone()).subscribe(Seq::ZERO)] {
            let subscription = subscription.unwrap();
            let stop = subscription.stop_handle();
            let mut stream = subscription.into_stream();
            let waiter = thread::spawn(move || next_of(&mut stream).is_none());
            thread::sleep(Duration::from_millis(30));
            stop.stop();
            assert!(waiter.join().unwrap());
        }
    });
}

struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_dropped_stream_leaves_no_waker_behind() {
    let disk = SimDisk::new();
    let image = open(&disk);
    for is_live in [true, false] {
        let counting = Arc::new(Counting(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&counting));
        let from = image.journal().durable_seq();
        let subscription =
            if is_live { image.journal().subscribe(from) } else { journal_of(disk.clone()).subscribe(from) };
        let mut stream = subscription.unwrap().into_stream();
        for _ in 0..3 {
            assert!(Pin::new(&mut stream).poll_next(&mut Context::from_waker(&waker)).is_pending());
        }
        drop(stream);
        drop(waker);
        wait_until("the waker is dropped", || Arc::strong_count(&counting) == 1);
        let woken = counting.0.load(Ordering::SeqCst);
        deposit(&image, 1);
        assert_eq!(counting.0.load(Ordering::SeqCst), woken);
        assert!(!is_live || woken == 0);
    }
}

/// A waker that polls the stream at once, on the thread that writes the batch.
struct InPlace {
    stream: std::sync::Mutex<Option<SubscriptionStream<Ledger>>>,
    seen: AtomicUsize,
}

impl Wake for InPlace {
    fn wake(self: Arc<Self>) {
        let mut stream = self.stream.lock().unwrap();
        let waker = Waker::from(Arc::clone(&self));
        if let Some(stream) = &mut *stream {
            while let std::task::Poll::Ready(Some(event)) =
                Pin::new(&mut *stream).poll_next(&mut Context::from_waker(&waker))
            {
                event.unwrap();
                self.seen.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

#[test]
fn a_waker_may_poll_the_stream_on_the_writing_thread() {
    with_timeout(|| {
        let image = open(&SimDisk::new());
        let stream = image.journal().subscribe(Seq::ZERO).unwrap().into_stream();
        let task = Arc::new(InPlace { stream: std::sync::Mutex::new(Some(stream)), seen: AtomicUsize::new(0) });
        Arc::clone(&task).wake();
        deposit(&image, 10);
        // a command is answered before the wakers run
        wait_until("the stream was polled", || task.seen.load(Ordering::SeqCst) == 10);
        task.stream.lock().unwrap().take();
    });
}

/// A waker that looks whether the command was answered.
struct AnswerProbe {
    pending: std::sync::Mutex<Option<Pending<i64>>>,
    was_answered: std::sync::Mutex<Option<bool>>,
}

impl Wake for AnswerProbe {
    fn wake(self: Arc<Self>) {
        if let Some(pending) = &mut *self.pending.lock().unwrap() {
            let is_ready = Pin::new(pending).poll(&mut Context::from_waker(Waker::noop())).is_ready();
            *self.was_answered.lock().unwrap() = Some(is_ready);
        }
    }
}

/// Otherwise a waker that waits for the command of its event would wait for itself.
#[test]
fn a_command_is_answered_before_the_wakers_of_its_event_run() {
    for durability in [Durability::Synced, Durability::Interval(Duration::from_millis(1))] {
        with_timeout(move || {
            let disk = GateDisk::new(SimDisk::new());
            let options = Run::options(durability, 512);
            let image: Image<Ledger> = options.open_with(Arc::new(disk.clone()), super::PATH).unwrap();
            let probe = Arc::new(AnswerProbe { pending: Default::default(), was_answered: Default::default() });
            let mut stream = image.journal().subscribe(Seq::ZERO).unwrap().into_stream();
            let waker = Waker::from(Arc::clone(&probe));
            assert!(Pin::new(&mut stream).poll_next(&mut Context::from_waker(&waker)).is_pending());
            let is_open = Arc::new(AtomicBool::new(false));
            let gate = Arc::clone(&is_open);
            disk.rule(move |call| {
                while call.is(DiskMethod::SyncData, ".journal") && !gate.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_micros(100));
                }
                Ok(None)
            });
            let submitted = image.submit(LedgerDeposit { account: 1, amount: 1 }).unwrap();
            *probe.pending.lock().unwrap() = Some(submitted);
            is_open.store(true, Ordering::SeqCst);
            wait_until("the waker runs", || probe.was_answered.lock().unwrap().is_some());
            assert_eq!(*probe.was_answered.lock().unwrap(), Some(true), "{durability:?}");
        });
    }
}
