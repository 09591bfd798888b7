//! Log events, for subscribers of `tracing`. A subscriber is foreign code, so it may panic. A subscriber's panic must not end a
//! thread of the library or interrupt an operation, so the library catches the panic, after the panic hook has reported it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::panics::forget_panic;

/// Calls `emit`, and catches a panic in it.
pub(crate) fn guarded(emit: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(emit)) {
        forget_panic(panic);
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
