//! The synchronization primitives of the group commit: parking_lot's, or shuttle's when shuttle explores thread schedules.

use std::sync::atomic::Ordering;

#[cfg(not(all(shuttle, test)))]
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(all(target_os = "linux", not(all(shuttle, test))))]
use rustix::thread::futex;
#[cfg(not(all(shuttle, test)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

#[cfg(not(all(shuttle, test)))]
pub(crate) use std::thread::JoinHandle;

/// Starts a thread.
#[cfg(not(all(shuttle, test)))]
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Whether a deadline has passed.
#[cfg(not(all(shuttle, test)))]
#[expect(clippy::disallowed_methods, reason = "the time at which a batch is written is not part of the state")]
pub(crate) fn has_passed(deadline: std::time::Instant) -> bool {
    deadline <= std::time::Instant::now()
}

#[cfg(all(shuttle, test))]
pub(crate) use explored::{Condvar, Mutex, MutexGuard, has_passed, refuse_threads, reset_clock, spawn};
#[cfg(all(shuttle, test))]
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
#[cfg(all(shuttle, test))]
pub(crate) use shuttle::thread::JoinHandle;

/// A number on which threads sleep until another thread changes it, as on a futex. One system call wakes all of them at once,
/// whereas threads that wait on a condition variable lock its mutex one after the other.
#[derive(Debug)]
pub(crate) struct WaitWord {
    value: AtomicU32,
    #[cfg(not(all(target_os = "linux", not(all(shuttle, test)))))]
    sleeping: Mutex<()>,
    #[cfg(not(all(target_os = "linux", not(all(shuttle, test)))))]
    woken: Condvar,
}

impl WaitWord {
    #[inline]
    pub(crate) fn load(&self) -> u32 {
        self.value.load(Ordering::Acquire)
    }

    pub(crate) fn store(&self, value: u32) {
        self.value.store(value, Ordering::Release);
    }
}

#[cfg(all(target_os = "linux", not(all(shuttle, test))))]
impl WaitWord {
    pub(crate) fn new(value: u32) -> WaitWord {
        WaitWord { value: AtomicU32::new(value) }
    }

    /// If the number is `value`, sleeps until the next call of [`wake_all`](WaitWord::wake_all), or for a shorter time.
    pub(crate) fn wait(&self, value: u32) {
        // the caller reads the number again, so it does not matter why the call returns
        let _ = futex::wait(&self.value, futex::Flags::PRIVATE, value, None);
    }

    pub(crate) fn wake_all(&self) {
        let _ = futex::wake(&self.value, futex::Flags::PRIVATE, i32::MAX.cast_unsigned());
    }
}

/// The same without futexes.
#[cfg(not(all(target_os = "linux", not(all(shuttle, test)))))]
impl WaitWord {
    pub(crate) fn new(value: u32) -> WaitWord {
        WaitWord { value: AtomicU32::new(value), sleeping: Mutex::new(()), woken: Condvar::new() }
    }

    pub(crate) fn wait(&self, value: u32) {
        let mut sleeping = self.sleeping.lock();
        if self.load() == value {
            self.woken.wait(&mut sleeping);
        }
    }

    pub(crate) fn wake_all(&self) {
        let _sleeping = self.sleeping.lock();
        self.woken.notify_all();
    }
}

/// Shuttle's primitives with parking_lot's interface.
///
/// Shuttle has no clock. A deadline that is less than an hour away may pass at any moment: each check tosses a coin, and a
/// deadline that has passed stays passed. A deadline that is an hour or more away never passes, so that a timeout cannot hide a
/// lost wake-up.
#[cfg(all(shuttle, test))]
mod explored {
    use std::cell::Cell;
    use std::io;
    use std::ops::{Deref, DerefMut};
    use std::time::{Duration, Instant};

    use shuttle::rand::{Rng, thread_rng};

    #[allow(clippy::disallowed_methods, reason = "only the group commit's own deadlines are compared")]
    fn never_passes(deadline: Instant) -> bool {
        deadline > Instant::now() + Duration::from_secs(3600)
    }

    thread_local! {
        /// The latest deadline that has passed. Shuttle runs all threads of an exploration on one operating system thread.
        static LATEST_PASSED: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// Forgets which deadlines have passed.
    pub(crate) fn reset_clock() {
        LATEST_PASSED.set(None);
    }

    pub(crate) fn has_passed(deadline: Instant) -> bool {
        if never_passes(deadline) {
            return false;
        }
        let passed = LATEST_PASSED.get().is_some_and(|latest| deadline <= latest) || thread_rng().gen_bool(0.5);
        if passed {
            LATEST_PASSED.set(LATEST_PASSED.get().max(Some(deadline)));
        }
        passed
    }

    thread_local! {
        /// Whether `spawn` may fail.
        static THREADS_REFUSED: Cell<bool> = const { Cell::new(false) };
    }

    /// From now on, each start of a thread may fail, or none may.
    pub(crate) fn refuse_threads(refused: bool) {
        THREADS_REFUSED.set(refused);
    }

    pub(crate) fn spawn(
        _name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> io::Result<shuttle::thread::JoinHandle<()>> {
        if THREADS_REFUSED.get() && thread_rng().gen_bool(0.5) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(shuttle::thread::spawn(body))
    }

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    pub(crate) struct MutexGuard<'a, T> {
        mutex: &'a shuttle::sync::Mutex<T>,
        inner: Option<shuttle::sync::MutexGuard<'a, T>>,
    }

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard { mutex: &self.0, inner: Some(self.0.lock().expect("no panic while locked")) }
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.inner.as_ref().expect("the mutex is locked, except while its thread waits")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.inner.as_mut().expect("the mutex is locked, except while its thread waits")
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(shuttle::sync::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Condvar {
            Condvar(shuttle::sync::Condvar::new())
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let inner = guard.inner.take().expect("the mutex is locked");
            guard.inner = Some(self.0.wait(inner).expect("no panic while locked"));
        }

        /// Unlocks the mutex and yields once. The scheduler decides how long other threads run before this one continues.
        pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Instant) {
            if never_passes(deadline) {
                return self.wait(guard);
            }
            drop(guard.inner.take());
            shuttle::thread::yield_now();
            guard.inner = Some(guard.mutex.lock().expect("no panic while locked"));
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}
