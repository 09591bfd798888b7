//! Secret keys, and the callback that supplies them.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A secret key of 32 random bytes. Dropping a `Key` wipes the bytes from memory. Its `Debug` output does not show the bytes.
///
/// ```
/// # use memimage::Key;
/// # let bytes = [7; 32];
/// let key = Key::new(bytes); // from a key store or the operating system's random number generator, never from a password
/// assert_eq!(format!("{key:?}"), "Key(..)");
/// ```
#[derive(Clone)]
pub struct Key {
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    /// Creates a key from random bytes. A password is not random: derive the key with a password hash such as Argon2.
    pub fn new(bytes: [u8; 32]) -> Key {
        Key { bytes: Zeroizing::new(bytes) }
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl From<[u8; 32]> for Key {
    fn from(bytes: [u8; 32]) -> Key {
        Key::new(bytes)
    }
}

/// The keys of an image, by number, from the program's key store.
///
/// The image stores the numbers of its keys, never the keys. One key is *current*: new segments and snapshots use it. The
/// callback must return an older key too, as long as a file on disk uses the older key.
///
/// ```
/// # use memimage::{Key, Keys};
/// # fn fetch(name: &str) -> Option<[u8; 32]> { Some([7; 32]) }
/// let keys = Keys::new(3, |number| fetch(&format!("bank/{number}")).map(Key::new));
/// ```
#[derive(Clone)]
pub struct Keys {
    current: u32,
    fetch: Arc<dyn Fn(u32) -> Option<Key> + Send + Sync>,
}

impl Keys {
    /// Creates a source of keys. `current` is the number of the key for new data. `fetch` returns the key with a given number,
    /// or `None` if it does not know the number. Opening an image calls `fetch` once for each number in use; a background
    /// thread may call `fetch` later if a snapshot uses another number.
    pub fn new(current: u32, fetch: impl Fn(u32) -> Option<Key> + Send + Sync + 'static) -> Keys {
        Keys { current, fetch: Arc::new(fetch) }
    }

    /// Creates a source with a single key, which has the number 1.
    pub fn one(key: Key) -> Keys {
        Keys::new(1, move |number| (number == 1).then(|| key.clone()))
    }

    pub(super) fn current(&self) -> u32 {
        self.current
    }

    pub(super) fn fetch(&self, id: u32) -> Option<Key> {
        (self.fetch)(id)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("current", &self.current).finish_non_exhaustive()
    }
}
