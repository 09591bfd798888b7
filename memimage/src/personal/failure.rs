//! Why personal data could not be encoded or decoded. postcard drops the text of errors, so the text takes this way around it.

use std::cell::RefCell;

thread_local! {
    static FAILURE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes why the value that this thread encodes or decodes failed.
#[cfg(feature = "erasure")]
pub(super) fn note_failure(what: &str) {
    FAILURE.set(Some(what.to_owned()));
}

/// Why the last personal data failed that this thread encoded or decoded. The caller has got an error from the encoding or the
/// decoding; `None` if the error has another cause.
pub(crate) fn take_failure() -> Option<String> {
    FAILURE.take()
}
