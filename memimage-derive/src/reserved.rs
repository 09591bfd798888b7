//! Names that a command cannot have, because a call on an image would resolve to another method.

/// The inherent methods of `Image`, which silently take precedence over a command of the same name. A test compares this list
/// with the methods of `Image`. The list is closed: new methods go to the types that `journal()` and `admin()` return.
/// Associated functions without `self`, such as `Image::open` and `Image::close`, do not conflict.
pub(crate) const INHERENT: &[&str] = &[
    "submit",
    "try_submit",
    "submit_async",
    "submit_all",
    "submit_each",
    "execute_async",
    "query",
    "query_async",
    "read_uncommitted",
    "view",
    "with",
    "once",
    "journal",
    "admin",
];

/// Methods of traits that an image, or a pointer to an image, implements. These traits are in scope wherever commands are
/// called, so a call of a command with the same name would be ambiguous, or would call the trait's method.
pub(crate) const OF_TRAITS: &[&str] = &["execute", "clone", "clone_into", "to_owned", "as_ref", "into", "try_into"];

/// The prefix of the names of the library's own events.
pub(crate) const OWN_EVENTS: &str = "memimage.";
