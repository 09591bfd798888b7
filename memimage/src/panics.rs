//! Panics of foreign code that the library catches.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of a panic that was caught.
pub(crate) fn panic_message(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    forget_panic(panic);
    text.unwrap_or_else(|| "a value that is not a text".to_owned())
}

/// Discards the payload of a panic that was caught, without dropping it, because the payload's `Drop` may itself panic.
pub(crate) fn forget_panic(panic: Box<dyn Any + Send>) {
    std::mem::forget(panic);
}

/// Drops a value of the user, and catches a panic of its `Drop`.
pub(crate) fn drop_caught<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        forget_panic(panic);
    }
}
