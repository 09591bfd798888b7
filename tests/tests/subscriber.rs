//! A subscriber of `tracing` is foreign code. It may panic at each log event, or call the image that logs: no operation fails for
//! it, and no thread waits for ever. One process has one global subscriber, so these tests are a program of their own.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use memimage::{Durability, Error, Image};
use memimage_tests::{Ledger, LedgerCommands, LedgerDeposit, live, with_timeout};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const MODES: [Durability; 3] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(2))];

type OnEvent = Arc<dyn Fn() + Send + Sync>;

static ON_EVENT: Mutex<Option<OnEvent>> = Mutex::new(None);

/// Calls what is in `ON_EVENT` for each log event of any thread.
struct Hook;

impl Subscriber for Hook {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        let on_event = ON_EVENT.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(on_event) = on_event {
            on_event();
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Calls `on_event` for each log event until the guard is dropped. One test at a time does so.
struct Subscribed(#[expect(dead_code, reason = "held until the test ends")] MutexGuard<'static, ()>);

impl Subscribed {
    fn new() -> Subscribed {
        static INSTALL: Once = Once::new();
        static ALONE: Mutex<()> = Mutex::new(());
        INSTALL.call_once(|| tracing::subscriber::set_global_default(Hook).unwrap());
        Subscribed(ALONE.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn on_event(&self, on_event: impl Fn() + Send + Sync + 'static) {
        *ON_EVENT.lock().unwrap() = Some(Arc::new(on_event));
    }
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        *ON_EVENT.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[test]
fn a_subscriber_that_panics_disturbs_nothing() {
    let subscribed = Subscribed::new();
    for durability in MODES {
        let panics = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&panics);
        subscribed.on_event(move || {
            count.fetch_add(1, Ordering::SeqCst);
            std::panic::resume_unwind(Box::new("the subscriber panics"));
        });
        with_timeout(move || live(durability, |_| ()));
        assert!(panics.load(Ordering::SeqCst) > 20, "{panics:?}");
    }
}

#[test]
fn a_subscriber_may_call_the_image_that_logs() {
    thread_local! {
        static INSIDE: Cell<bool> = const { Cell::new(false) };
    }
    let subscribed = Subscribed::new();
    for durability in MODES {
        let calls = Arc::new([const { AtomicUsize::new(0) }; 2]);
        let running: Arc<Mutex<Option<Image<Ledger>>>> = Arc::default();
        let budget = AtomicUsize::new(0);
        let (image, results) = (Arc::clone(&running), Arc::clone(&calls));
        subscribed.on_event(move || {
            let Some(image) = image.lock().unwrap().clone() else { return };
            // bounded, because each call can cause more log events
            if budget.fetch_add(1, Ordering::SeqCst) >= 100 || INSIDE.replace(true) {
                return;
            }
            let all: [Result<(), Error>; 5] = [
                image.query(|_| ()),
                image.deposit(1, 1).map(drop),
                image.submit(LedgerDeposit { account: 1, amount: 1 }).and_then(|pending| pending.wait()).map(drop),
                image.journal().sync(),
                image.admin().snapshot().map(drop),
            ];
            _ = image.admin().stats();
            for result in all {
                results[usize::from(result.is_err())].fetch_add(1, Ordering::SeqCst);
            }
            INSIDE.set(false);
        });
        // the image before is dropped outside of the lock, because that logs too
        let replace = move |image| {
            let before = std::mem::replace(&mut *running.lock().unwrap(), image);
            drop(before);
        };
        with_timeout(move || {
            let used = catch_unwind(AssertUnwindSafe(|| {
                live(durability, |image| replace(Some(image.clone())));
            }));
            replace(None);
            used.unwrap();
        });
        let [done, refused] = calls.each_ref().map(|count| count.load(Ordering::SeqCst));
        assert!(done > 20 && refused > 5, "{durability:?}: {done} calls were done, {refused} were refused");
    }
}
