//! The names and the files of named subscriptions.

use std::path::PathBuf;

/// The files of a named subscription.
#[derive(Clone, Debug)]
pub(crate) struct SubscriptionPaths {
    pub(crate) dir: PathBuf,
    /// The file that the subscriber locks.
    pub(crate) lock: PathBuf,
    /// The file with the acknowledged position. The subscription exists if this file exists.
    pub(crate) acknowledged: PathBuf,
}

impl SubscriptionPaths {
    pub(super) fn new(dir: PathBuf) -> SubscriptionPaths {
        SubscriptionPaths { lock: dir.join("LOCK"), acknowledged: dir.join("acknowledged"), dir }
    }
}

/// The longest name of a subscription, in bytes.
const SUBSCRIPTION_NAME_MAX: usize = 64;

/// Whether a subscription may have this name. Names that differ only in upper and lower case would be one name on some disks, and
/// one character can have several encodings.
pub(crate) fn is_subscription_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=SUBSCRIPTION_NAME_MAX).contains(&name.len()) && name.bytes().all(is_allowed)
}
