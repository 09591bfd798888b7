//! The synchronisation primitives of the group commit: parking_lot's, or shuttle's when its schedules are explored.

#[cfg(not(all(shuttle, test)))]
pub(crate) use parking_lot::{Condvar, Mutex};
#[cfg(not(all(shuttle, test)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};

/// Whether a deadline has come.
#[cfg(not(all(shuttle, test)))]
#[expect(clippy::disallowed_methods, reason = "when a batch is written is no part of the state")]
pub(crate) fn has_come(deadline: std::time::Instant) -> bool {
    deadline <= std::time::Instant::now()
}

#[cfg(all(shuttle, test))]
pub(crate) use explored::{Condvar, Mutex, has_come, restart_clock};
#[cfg(all(shuttle, test))]
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};

/// Shuttle's primitives with parking_lot's interface.
///
/// Shuttle has no clock. A deadline within the hour may come at any moment, that is, whoever looks tosses a coin, and one
/// that has come stays so; one that is further off never comes, so that a wake-up which is lost is not made good by it.
#[cfg(all(shuttle, test))]
mod explored {
    use std::cell::Cell;
    use std::ops::{Deref, DerefMut};
    use std::time::{Duration, Instant};

    use shuttle::rand::{Rng, thread_rng};

    #[allow(clippy::disallowed_methods, reason = "deadlines are the group commit's own")]
    fn never_comes(deadline: Instant) -> bool {
        deadline > Instant::now() + Duration::from_secs(3600)
    }

    thread_local! {
        /// The latest deadline that has come. All threads of an exploration are one to the operating system.
        static COME: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// Forgets which deadlines have come.
    pub(crate) fn restart_clock() {
        COME.set(None);
    }

    pub(crate) fn has_come(deadline: Instant) -> bool {
        if never_comes(deadline) {
            return false;
        }
        let come = COME.get().is_some_and(|latest| deadline <= latest) || thread_rng().gen_bool(0.5);
        if come {
            COME.set(COME.get().max(Some(deadline)));
        }
        come
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
            self.inner.as_ref().expect("held but while waiting")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.inner.as_mut().expect("held but while waiting")
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(shuttle::sync::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Condvar {
            Condvar(shuttle::sync::Condvar::new())
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let inner = guard.inner.take().expect("held");
            guard.inner = Some(self.0.wait(inner).expect("no panic while locked"));
        }

        /// Others go on before the deadline comes, as long as the scheduler likes.
        pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Instant) {
            if never_comes(deadline) {
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
