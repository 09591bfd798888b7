//! Log events, for subscribers of `tracing`. A subscriber is foreign code: its panic must end neither a thread of the library nor
//! an operation that is under way, so it is caught. The panic hook has reported it by then.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `emit`, and catches a panic.
pub(crate) fn guarded(emit: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(emit)) {
        // not dropped, because the payload of a panic may itself panic when it is dropped
        std::mem::forget(panic);
    }
}

macro_rules! error {
    ($($event:tt)*) => { $crate::log::guarded(|| ::tracing::error!($($event)*)) };
}

macro_rules! warning {
    ($($event:tt)*) => { $crate::log::guarded(|| ::tracing::warn!($($event)*)) };
}

macro_rules! info {
    ($($event:tt)*) => { $crate::log::guarded(|| ::tracing::info!($($event)*)) };
}

macro_rules! debug {
    ($($event:tt)*) => { $crate::log::guarded(|| ::tracing::debug!($($event)*)) };
}

pub(crate) use {debug, error, info, warning};
