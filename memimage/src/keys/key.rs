//! A key, and where keys come from.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A secret key of 32 random bytes. It is wiped from memory when it is dropped, and its `Debug` does not show it.
///
/// ```
/// # use memimage::Key;
/// # let bytes = [7; 32];
/// let key = Key::new(bytes); // of a key store, or 32 bytes of the operating system's randomness; never of a password
/// assert_eq!(format!("{key:?}"), "Key(..)");
/// ```
#[derive(Clone)]
pub struct Key {
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    /// A key of these bytes. They must be random: a password is none, but must go through a function made for that (Argon2).
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

/// Where the keys of an image come from: by their numbers, from wherever the program keeps them.
///
/// On disk stands the number of a key and never the key. One of them is *current*: all that is begun from now on is
/// protected by it. Older ones are asked for as long as something on disk names them.
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
    /// Keys by their numbers, of which `current` is the one for all that is new. `fetch` gives `None` for a number that it
    /// knows no key of. It is called when an image is opened, once for each number that is met, and again by another thread
    /// if a snapshot names another.
    pub fn new(current: u32, fetch: impl Fn(u32) -> Option<Key> + Send + Sync + 'static) -> Keys {
        Keys { current, fetch: Arc::new(fetch) }
    }

    /// One key, as number 1.
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
