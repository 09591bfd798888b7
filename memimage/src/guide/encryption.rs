//! Encryption of an image, and a chain of keyed hashes that detects tampering.
//!
//! | feature | option | effect | algorithm |
//! | --- | --- | --- | --- |
//! | `encryption` | `Options::encryption` | hides the contents of journal, snapshots and bases | XChaCha20-Poly1305 |
//! | `chain` | `Options::chain` | detects changes to the image by somebody without the key | keyed BLAKE3; each frame is linked to the previous one |
//!
//! Each feature works without the other, and both may use the same keys. Decide when you create the image: a plain image
//! cannot become encrypted or chained in place. [`admin::Rewrite`](crate::admin::Rewrite) copies a plain image into a
//! new, protected image.
//!
//! ```toml
//! [dependencies]
//! memimage = { version = "0.1", features = ["encryption", "chain"] }
//! ```
//!
//! ```
//! # #[cfg(all(feature = "chain", feature = "encryption"))] {
//! use memimage::{Image, Key, Keys, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Diary {
//!     pages: Vec<String>,
//! }
//!
//! #[memimage::commands]
//! impl Diary {
//!     #[command]
//!     fn write(&mut self, page: String) {
//!         self.pages.push(page);
//!     }
//! }
//!
//! # fn from_the_key_store(number: u32) -> Option<[u8; 32]> { Some([number as u8; 32]) }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("diary.image");
//! // key 3 is the current key; the callback also finds older keys
//! let keys = Keys::new(3, |number| from_the_key_store(number).map(Key::new));
//!
//! let diary = Image::<Diary>::options().encryption(keys.clone()).chain(keys.clone()).open(&path)?;
//! diary.write("Nobody reads this.".to_owned())?;
//! let head = diary.admin().chain_head()?; // store it where nobody who can write to the image can change it
//! Image::close(diary)?;
//!
//! assert!(Image::<Diary>::open(&path).is_err()); // without keys: refused, and nothing is changed
//!
//! let report = memimage::admin::Check::new().encryption(keys.clone()).chain(keys).run(&path)?;
//! assert_eq!(report.chain_head, head);
//! # }
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Keys
//!
//! - A key is 32 random bytes from a key store. Do not use a password as a key; derive a key from it with a password hash such
//!   as Argon2.
//! - Your callback returns the key for a number. The image stores only the number. Keys are wiped from memory when they are
//!   dropped.
//! - If a key is missing or wrong, the image is refused and nothing is changed. If a key is lost, the image cannot be read any
//!   more.
//! - *To rotate keys*, open the image with another current key. New segments and snapshots use the new key. Keep the old key as
//!   long as any file uses it. Alternatively, copy the image by [`admin::Rewrite`](crate::admin::Rewrite), and destroy the old
//!   image.
//! - `admin::Check`, `admin::Repair` and `admin::Void` need the same keys as opening.
//!
//! # What stays visible
//!
//! Without the key, a reader of the files can see the model's name, the numbers of the keys, the number of events, and the
//! sizes and times of the batches. The names of commands, arguments, metadata, outcomes, shapes and the state are hidden.
//!
//! The state in memory is not encrypted, and may reach swap space or a core dump.
//!
//! # What is detected
//!
//! | an attacker without the key | `encryption` | `chain` |
//! | --- | --- | --- |
//! | reads the files | sees only the facts listed above | can read everything |
//! | changes a frame, a header or a snapshot, or takes one from another image | detected | detected |
//! | removes the end of the journal, or restores an older copy of the image | not detected | detected with [`chain_head`](#rollback) only |
//!
//! The chain binds each frame to all earlier frames. Opening verifies only the data that it reads, from the newest snapshot on.
//! `admin::Check` with the keys verifies the whole image.
//!
//! # Rollback
//!
//! Neither feature alone detects that the whole image was replaced by an older copy of itself. Store the result of
//! `admin().chain_head()` in a place that an attacker who can write to the image cannot change. Compare this stored head with
//! the head that a later check reports. A repair that gives up events changes the head.
//!
//! `docs/SECURITY.md` has the complete threat model and the measured cost.
