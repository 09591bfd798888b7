//! Detects a fork. A child made by `fork` has the memory and the files of its parent, and must use neither for an image.
//!
//! The child has a copy of each image, but none of the threads that write for it. It also has a copy of the lock's
//! descriptor, with which it could release the lock of its parent. The C library calls a handler in the child that counts the
//! fork, so that detecting it costs one load in each call on an image. A child made by the bare system call does not run the
//! handler. Therefore each wait, each write and each close also compares the process id.

use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of forks between the first process of this program and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

#[allow(unsafe_code)]
unsafe extern "C" {
    /// POSIX; part of every C library that std links.
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// Runs in the child of a fork, where only calls that are safe in a signal handler are allowed.
extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The process that this value was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    id: u32,
    forks: u32,
}

impl Process {
    /// The current process. The first call starts to count forks.
    pub(crate) fn current() -> Process {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            // SAFETY: the handler has the signature that POSIX requires, lives as long as the program, and only adds to an atomic.
            #[allow(unsafe_code)]
            let failed = unsafe { pthread_atfork(None, None, Some(count_fork)) };
            // it fails for lack of memory only; the process id is still compared before each write
            debug_assert_eq!(failed, 0);
        });
        Process { id: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }

    /// Whether this is still the process, as far as the C library knows. Costs one load.
    #[inline]
    pub(crate) fn is_current(self) -> bool {
        self.forks == FORKS.load(Ordering::Relaxed)
    }

    /// Whether this is still the process, by its id too. Costs a system call.
    pub(crate) fn is_certainly_current(self) -> bool {
        self.is_current() && self.id == std::process::id()
    }
}
