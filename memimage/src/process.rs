//! Detects a fork. A child made by `fork` has copies of its parent's memory and file descriptors, and must not use an image
//! through them.
//!
//! The child has a copy of each image, but none of the threads that write for it. The child also has a copy of the lock file's
//! descriptor, with which it could release the parent's lock. In the child, the C library calls a handler, and the handler
//! counts the fork. Each call on an image therefore detects a fork with one load of this count. A child made by the bare system
//! call, without the C library, does not run the handler, so each wait, each write and each close also compares the process id.

use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of forks between the first process of this program and this process.
static FORKS: AtomicU32 = AtomicU32::new(0);

#[allow(unsafe_code)]
unsafe extern "C" {
    /// A POSIX function, which is part of every C library that std links.
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

/// The process in which this value was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    id: u32,
    forks: u32,
}

impl Process {
    /// The current process. The first call registers the handler that counts forks.
    pub(crate) fn current() -> Process {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            // SAFETY: the handler has the signature that POSIX requires, lives as long as the program, and only adds to an
            // atomic.
            #[allow(unsafe_code)]
            let failed = unsafe { pthread_atfork(None, None, Some(count_fork)) };
            // the registration fails only for lack of memory; even then, the process id is compared before each write
            debug_assert_eq!(failed, 0);
        });
        Process { id: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }

    /// Whether this value was created in the current process, as far as the count of forks shows. The check costs one load.
    #[inline]
    pub(crate) fn is_current(self) -> bool {
        self.forks == FORKS.load(Ordering::Relaxed)
    }

    /// Whether this value was created in the current process, according to both the count of forks and the process id. The
    /// check costs a system call.
    pub(crate) fn is_certainly_current(self) -> bool {
        self.is_current() && self.id == std::process::id()
    }
}
