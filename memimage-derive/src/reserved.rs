//! Names that no command may have, since a call of that name on an image is, or would be, a call of something else.

/// The inherent methods of `Image`: they win over a command of the same name, without a word. A test compares this list with
/// the runtime. It is closed: whatever comes later is a method of `journal()` or `admin()`. Associated functions that take no
/// `self`, such as `Image::open` and `Image::close`, are no methods, so that their names are free.
pub(crate) const INHERENT: &[&str] = &[
    "submit",
    "try_submit",
    "submit_async",
    "execute_async",
    "query",
    "query_async",
    "read_uncommitted",
    "with",
    "journal",
    "admin",
];

/// Names kept for inherent methods to come.
pub(crate) const KEPT: &[&str] = &["view", "once"];

/// Methods that an image, or a pointer to one, has by a trait that is in scope wherever commands are called. Beside them a
/// command of the same name is ambiguous, or is never called.
pub(crate) const OF_TRAITS: &[&str] = &["execute", "clone", "clone_into", "to_owned", "as_ref", "into", "try_into"];

/// How the names of events begin that the library records itself.
pub(crate) const OWN_EVENTS: &str = "memimage.";
