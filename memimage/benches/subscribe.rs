//! Measures how long after an event is durable its subscriber has it: on a running image, as an iterator and as a stream, and
//! beside the owner in another process (here: on `Journal::open`). Also the rate at which a subscriber reads old events, and
//! what a waiting subscriber costs the writer.
//!
//! Run it with `cargo bench -p memimage --bench subscribe`. The environment variable `EVENTS` sets the number of events whose
//! latency is measured (5,000).

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_core::Stream;
use memimage::{Error, HistoryEvent, Image, Journal, Model, Seq, Shape, Subscription};
use serde::{Deserialize, Serialize};

/// A number.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Counter {
    count: u64,
}

#[memimage::commands]
impl Counter {
    /// Adds to the count.
    #[command]
    fn add(&mut self, number: u64) {
        self.count += number;
    }
}

/// Wakes a thread.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = std::pin::pin!(poll_fn(&mut poll));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

type Next = Option<Result<HistoryEvent<Counter>, Error>>;

/// A subscriber: returns when each event arrived.
fn arrivals(events: u64, mut next: impl FnMut() -> Next) -> Vec<Instant> {
    (0..events)
        .map(|_| {
            next().expect("the image runs").expect("no error");
            Instant::now()
        })
        .collect()
}

/// Runs `events` commands, each durable when it returns, with a pause between two, and prints the distribution of the time from
/// there to the subscriber.
fn latency(name: &str, image: &Image<Counter>, events: u64, next: impl FnMut() -> Next + Send) {
    thread::scope(|scope| {
        let subscriber = scope.spawn(move || arrivals(events, next));
        let durable: Vec<Instant> = (0..events)
            .map(|_| {
                thread::sleep(Duration::from_micros(200));
                image.add(1).expect("a healthy disk");
                Instant::now()
            })
            .collect();
        let arrived = subscriber.join().expect("no panic");
        let mut times: Vec<Duration> = arrived
            .iter()
            .zip(&durable)
            .map(|(arrived, durable)| arrived.saturating_duration_since(*durable))
            .collect();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
        println!("{name}: median {:.0} µs, p99 {:.0} µs, longest {:.0} µs", at(0.5), at(0.99), at(1.0));
    });
}

/// The time of a million commands that are not awaited, with this many waiting subscribers.
fn burst(image: &Image<Counter>, subscribers: usize) {
    const COMMANDS: u64 = 1_000_000;
    let from = image.journal().durable_seq();
    let subscriptions: Vec<Subscription<Counter>> =
        (0..subscribers).map(|_| image.journal().subscribe(from).expect("a running image")).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = subscriptions
            .into_iter()
            .map(|mut subscription| scope.spawn(move || arrivals(COMMANDS, || subscription.next()).len()))
            .collect();
        let started = Instant::now();
        for commands in (0..COMMANDS).collect::<Vec<_>>().chunks(10_000) {
            drop(image.submit_all(commands.iter().map(|&number| CounterAdd { number })));
        }
        image.journal().sync().expect("a healthy disk");
        let written = started.elapsed();
        threads.into_iter().for_each(|thread| _ = thread.join().expect("no panic"));
        let rate = |time: Duration| COMMANDS as f64 / time.as_secs_f64() / 1e6;
        println!(
            "{subscribers} subscribers: {:.2} million commands a second, {:.2} million events a second at the slowest subscriber",
            rate(written),
            rate(started.elapsed())
        );
    });
}

fn main() -> Result<(), Error> {
    let events = std::env::var("EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(5_000);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("counter");
    let image = Image::<Counter>::open(&path)?;
    let mut live = image.journal().subscribe(Seq::ZERO)?;
    latency("running image, iterator", &image, events, || live.next());
    let mut stream = image.journal().subscribe(image.journal().durable_seq())?.into_stream();
    latency("running image, stream", &image, events, || block_on(|context| Pin::new(&mut stream).poll_next(context)));
    let mut beside = Journal::<Counter>::open(&path)?.subscribe(image.journal().durable_seq())?;
    latency("beside the owner", &image, events, || beside.next());
    for subscribers in [0, 1, 2] {
        burst(&image, subscribers);
    }
    let mut old = image.journal().subscribe(Seq::ZERO)?;
    let (started, all) = (Instant::now(), image.journal().durable_seq().get());
    arrivals(all, || old.next());
    println!("old events: {:.2} million a second", all as f64 / started.elapsed().as_secs_f64() / 1e6);
    Image::close(image)
}
