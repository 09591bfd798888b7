//! Time limits, so that a deadlock fails one test instead of blocking the whole run.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for the slowest machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `body` on a separate thread and returns its result.
///
/// # Panics
///
/// If `body` panics or does not return within a minute.
pub fn with_timeout<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, returned) = channel();
    let thread = thread::spawn(move || _ = done.send(body()));
    match returned.recv_timeout(TIMEOUT) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("not finished after {TIMEOUT:?}: probably a deadlock"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => unreachable!("the thread sends the result before it ends"),
        },
    }
}

/// Waits until the condition holds, which other threads bring about.
///
/// # Panics
///
/// If the condition does not hold within a minute.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < TIMEOUT, "waited for a minute in vain: {what}");
        thread::sleep(Duration::from_micros(200));
    }
}
