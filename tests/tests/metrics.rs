//! The feature `metrics`. A recorder is foreign code, like a subscriber of `tracing`: it may panic at each update, or call the image
//! that reports. One process has one global recorder, so these tests are a program of their own.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, Error, Image, Stats};
use memimage_tests::{Ledger, LedgerCommands, LedgerDeposit, Run, live, with_timeout};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

const MODES: [Durability; 3] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(2))];

type OnCall = Arc<dyn Fn() + Send + Sync>;

static ON_CALL: Mutex<Option<OnCall>> = Mutex::new(None);
static SERIES: Mutex<BTreeMap<String, Arc<Series>>> = Mutex::new(BTreeMap::new());

/// Calls what is in `ON_CALL`.
fn called() {
    let on_call = ON_CALL.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(on_call) = on_call {
        on_call();
    }
}

/// The values that one metric of one image got.
#[derive(Default)]
struct Series(Mutex<(f64, u64)>);

impl Series {
    /// Changes the value, and counts the update.
    fn update(&self, change: impl FnOnce(&mut f64)) {
        {
            let (value, count) = &mut *self.0.lock().unwrap();
            change(value);
            *count += 1;
        }
        called();
    }
}

/// A handle that calls `ON_CALL` when it is dropped too.
struct SeriesHandle(Arc<Series>);

impl Drop for SeriesHandle {
    fn drop(&mut self) {
        called();
    }
}

impl CounterFn for SeriesHandle {
    fn increment(&self, added: u64) {
        self.0.update(|value| *value += added as f64);
    }

    fn absolute(&self, _: u64) {
        unreachable!("the library increments its counters")
    }
}

impl GaugeFn for SeriesHandle {
    fn increment(&self, _: f64) {
        unreachable!("the library sets its gauges")
    }

    fn decrement(&self, _: f64) {
        unreachable!("the library sets its gauges")
    }

    fn set(&self, new: f64) {
        self.0.update(|value| *value = new);
    }
}

impl HistogramFn for SeriesHandle {
    fn record(&self, recorded: f64) {
        self.0.update(|value| *value += recorded);
    }
}

/// Keeps each metric under its name and its path.
struct Kept;

impl Kept {
    fn series(key: &Key) -> Arc<SeriesHandle> {
        called();
        let path = key.labels().find(|label| label.key() == "path").expect("each metric names its image").value();
        assert!(key.labels().any(|label| label.key() == "model"));
        let mut all = SERIES.lock().unwrap();
        Arc::new(SeriesHandle(Arc::clone(all.entry(format!("{}@{path}", key.name())).or_default())))
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Kept::series(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Kept::series(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Kept::series(key))
    }
}

/// Calls `on_call` for each call of the recorder until the guard is dropped. One test at a time does so.
struct Recorded(#[expect(dead_code, reason = "held until the test ends")] MutexGuard<'static, ()>);

impl Recorded {
    fn new() -> Recorded {
        static INSTALL: Once = Once::new();
        static ALONE: Mutex<()> = Mutex::new(());
        INSTALL.call_once(|| metrics::set_global_recorder(Kept).unwrap_or_else(|_| panic!("another recorder")));
        Recorded(ALONE.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn on_call(&self, on_call: impl Fn() + Send + Sync + 'static) {
        *ON_CALL.lock().unwrap() = Some(Arc::new(on_call));
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        *ON_CALL.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The value of a metric, and the number of its updates.
fn series(name: &str, path: &str) -> (f64, u64) {
    *SERIES.lock().unwrap()[&format!("{name}@{path}")].0.lock().unwrap()
}

/// Opens an image, uses it and closes it. Returns its figures before it was closed.
fn use_image(disk: &SimDisk, path: &str) -> Stats {
    let image: Image<Ledger> = Run::options(Durability::Synced, 8).open_with(Arc::new(disk.clone()), path).unwrap();
    for amount in 1..=20 {
        image.deposit(1, amount).unwrap();
    }
    image.admin().snapshot().unwrap();
    image.journal().sync().unwrap();
    let stats = image.admin().stats();
    Image::close(image).unwrap();
    stats
}

#[test]
fn the_metrics_are_those_that_the_guide_lists() {
    let _recorded = Recorded::new();
    use_image(&SimDisk::new(), "listed");
    let all = SERIES.lock().unwrap();
    let registered: BTreeSet<&str> = all.keys().filter_map(|name| name.strip_suffix("@listed")).collect();
    let guide = include_str!("../../memimage/src/guide/performance.rs");
    let rows = guide.lines().filter_map(|line| line.strip_prefix("//! | `memimage_"));
    let listed: Vec<String> = rows.map(|row| format!("memimage_{}", row.split('`').next().unwrap())).collect();
    assert_eq!(registered.into_iter().collect::<Vec<_>>(), {
        let mut sorted = listed.clone();
        sorted.sort();
        sorted
    });
    assert_eq!(listed.len(), 15);
}

#[test]
fn the_metrics_equal_the_figures() {
    let _recorded = Recorded::new();
    let (disk, path) = (SimDisk::new(), "equal");
    let stats = use_image(&disk, path);
    assert_eq!(series("memimage_events_total", path), (20.0, stats.batch_events.count()));
    assert_eq!(series("memimage_batch_events", path), (20.0, stats.batch_events.count()));
    // closing writes no batch
    assert_eq!(series("memimage_batches_total", path), (stats.batches as f64, stats.batches));
    assert_eq!(series("memimage_journal_bytes_total", path), (stats.bytes as f64, stats.batches));
    assert_eq!(series("memimage_batch_bytes", path), (stats.batch_bytes.sum() as f64, stats.batches));
    assert_eq!(series("memimage_sync_seconds", path).1, stats.sync_latency.count());
    assert_eq!(series("memimage_snapshots_total", path), (1.0, 1));
    assert_eq!(series("memimage_snapshot_failures_total", path), (0.0, 0));
    assert_eq!(series("memimage_snapshot_seconds", path).1, 1);
    assert_eq!(series("memimage_state_bytes", path).0, stats.state_bytes.unwrap() as f64);
    assert!(series("memimage_snapshot_timestamp_seconds", path).0 > 1.7e9);
    assert!(series("memimage_journal_disk_bytes", path).0 >= stats.journal_bytes as f64);
    assert_eq!(series("memimage_recovery_events_total", path).0, 0.0);

    let image = Run::options(Durability::Synced, 8).open_with(Arc::new(disk), path).unwrap();
    image.deposit(1, 1).unwrap();
    assert_eq!(series("memimage_events_total", path).0, 21.0);
    assert_eq!(series("memimage_recovery_seconds", path).1, 2);
}

#[test]
fn a_recorder_that_panics_disturbs_nothing() {
    let recorded = Recorded::new();
    for durability in MODES {
        let panics = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&panics);
        // half of the calls panic, so that some metrics are registered and panic later
        recorded.on_call(move || {
            if count.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                std::panic::resume_unwind(Box::new("the recorder panics"));
            }
        });
        with_timeout(move || live(durability, |_| ()));
        assert!(panics.load(Ordering::SeqCst) > 100, "{panics:?}");
    }
}

#[test]
fn a_recorder_may_call_the_image_that_reports() {
    thread_local! {
        static INSIDE: Cell<bool> = const { Cell::new(false) };
    }
    let recorded = Recorded::new();
    for durability in MODES {
        let calls = Arc::new([const { AtomicUsize::new(0) }; 2]);
        let running: Arc<Mutex<Option<Image<Ledger>>>> = Arc::default();
        let budget = AtomicUsize::new(0);
        let (image, results) = (Arc::clone(&running), Arc::clone(&calls));
        recorded.on_call(move || {
            let Some(image) = image.lock().unwrap().clone() else { return };
            // bounded, because each call can cause more updates; how many calls are refused depends on which thread reports
            let round = budget.fetch_add(1, Ordering::SeqCst);
            let [done, refused] = results.each_ref().map(|count| count.load(Ordering::SeqCst));
            let is_enough = round >= 100 && done > 20 && refused > 5;
            if is_enough || round >= 5_000 || INSIDE.replace(true) {
                return;
            }
            let all: [Result<(), Error>; 5] = [
                image.query(|_| ()),
                image.deposit(1, 1).map(drop),
                image.submit(LedgerDeposit { account: 1, amount: 1 }).map(drop),
                image.journal().sync(),
                image.admin().snapshot().map(drop),
            ];
            _ = image.admin().stats();
            for result in all {
                results[usize::from(result.is_err())].fetch_add(1, Ordering::SeqCst);
            }
            INSIDE.set(false);
        });
        // the image before is dropped outside of the lock, because that calls the recorder too
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
