//! Bounds on what must end, so that a deadlock fails a test instead of stopping all of them.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for the slowest machine, and short enough to be waited for.
const LONG: Duration = Duration::from_secs(60);

/// Runs `body` on a thread of its own and gives what it returns.
///
/// # Panics
///
/// If `body` panics, or has not returned after a minute.
pub fn in_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, returned) = channel();
    let thread = thread::spawn(move || _ = done.send(body()));
    match returned.recv_timeout(LONG) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("it has not returned after {LONG:?}: a deadlock"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => unreachable!("it sends what it returns"),
        },
    }
}

/// Waits until something is so that others bring about.
///
/// # Panics
///
/// If it is not so after a minute.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < LONG, "in vain waited for: {what}");
        thread::sleep(Duration::from_micros(200));
    }
}
