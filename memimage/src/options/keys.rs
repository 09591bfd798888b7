//! The options with which an image protects its data.

use std::sync::Arc;

use super::Options;
#[cfg(feature = "erasure")]
use crate::disk::absolute;
use crate::event::Model;
use crate::keys::Keyring;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
#[cfg(feature = "erasure")]
use crate::personal_keys::PersonalKeys;

impl<M: Model> Options<M> {
    /// Encrypts the bodies of all frames of the journal, and all snapshots, with XChaCha20-Poly1305. Whether an image is
    /// encrypted is fixed when it is created. [`admin::Rewrite`](crate::admin::Rewrite) copies a plain image into an encrypted
    /// one, or an encrypted image into a plain one.
    /// [SECURITY.md](https://docs.rs/crate/memimage/latest/source/docs/SECURITY.md) describes what stays visible, and what
    /// encryption does not protect against.
    ///
    /// To rotate keys, open the image with a new current key. Later segments and snapshots are encrypted under the new key.
    /// Older segments and snapshots stay encrypted under the key whose number they contain.
    ///
    /// ```
    /// # use memimage::{Image, Key, Keys, Model, Shape};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Counter { count: u64 }
    /// # #[memimage::commands]
    /// # impl Counter {
    /// #     /// Adds one.
    /// #     #[command]
    /// #     fn add(&mut self) -> u64 { self.count += 1; self.count }
    /// # }
    /// # fn fetch(number: u32) -> Option<[u8; 32]> { Some([number as u8; 32]) }
    /// let keys = Keys::new(3, |number| fetch(number).map(Key::new)); // from wherever the program keeps them
    /// let counter = Image::<Counter>::options().encryption(keys).in_memory()?;
    /// # counter.add()?;
    /// # Ok::<(), memimage::Error>(())
    /// ```
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Self {
        self.encryption = Some(keys);
        self
    }

    /// Protects the image against changes by anybody without the key, with keyed hashes (BLAKE3): each frame of the journal is
    /// linked to the frame before it, and each snapshot and header is hashed. Whether an image has a chain is fixed when it is
    /// created. [`admin::Rewrite`](crate::admin::Rewrite) copies a plain image into a chained one, or a chained image into a
    /// plain one.
    ///
    /// Recovery verifies the chain of everything that it reads, but cannot detect that an older copy has replaced the end of
    /// the journal or the whole image. To detect such a replacement, keep [`Admin::chain_head`](crate::Admin::chain_head)
    /// outside the image.
    ///
    /// The key may be the same as for [`encryption`](Options::encryption), because the library derives a separate key from it
    /// for the chain.
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Self {
        self.chain = Some(keys);
        self
    }

    /// The directory with the keys of the image's [personal data](crate::Personal). Default: `personal.keys` in the directory of the
    /// image. It is created with the first key.
    ///
    /// Copies of an image never contain keys: a backup, a branch or a rewritten image needs the directory of the image in which the data
    /// were recorded, by this option or as a copy in its own directory. If two images use one directory, an erasure in one is an
    /// erasure in both; the other image, in another process, notices it when it next creates a key, and when it is opened.
    /// A [`Follower`](crate::Follower) notices it at once.
    #[cfg(feature = "erasure")]
    pub fn personal_keys(mut self, directory: impl AsRef<std::path::Path>) -> Self {
        self.personal_keys = PersonalKeys::at(absolute(directory.as_ref()));
        self
    }

    /// The keyring of the image to be opened.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        let keyring = Keyring::new(self.encryption.clone(), self.chain.clone());
        #[cfg(feature = "erasure")]
        let keyring = keyring.with_personal(self.personal_keys.clone());
        Arc::new(keyring)
    }
}
