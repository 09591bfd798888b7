//! Encryption of an image, and a chain of keyed hashes that shows tampering.
//!
//! | feature | option | what it does | how |
//! | --- | --- | --- | --- |
//! | `encryption` | `Options::encryption` | hides journal, snapshots and bases | XChaCha20-Poly1305 |
//! | `chain` | `Options::chain` | shows that the journal was changed by somebody without the key | BLAKE3, keyed; each frame is linked to the one before |
//!
//! Each works without the other. An image is encrypted, or chained, from its creation on or not at all. Both options
//! may use the same keys.
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
//! // key 3 is the current one; the callback also finds older keys
//! let keys = Keys::new(3, |number| from_the_key_store(number).map(Key::new));
//!
//! let diary = Image::<Diary>::options().encryption(keys.clone()).chain(keys.clone()).open(&path)?;
//! diary.write("Nobody reads this.".to_owned())?;
//! let head = diary.admin().chain_head()?; // store it out of reach of those who can write to the image
//! Image::close(diary)?;
//!
//! assert!(Image::<Diary>::open(&path).is_err()); // without keys: refused, and nothing is touched
//!
//! let report = memimage::admin::Check::new().encryption(keys.clone()).chain(keys).run(&path)?;
//! assert_eq!(report.chain_head, head);
//! # }
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Keys
//!
//! - A key is 32 random bytes from a key store. A password is not a key; derive one by a function that is made for
//!   that, such as Argon2.
//! - Your callback gives the key of a number. Only the number is on disk. Keys are wiped from memory when they are
//!   dropped.
//! - A missing or wrong key is refused before anything is touched. A lost key takes the image with it.
//! - *To change keys*, open with another current key. New segments and snapshots use it. Keep the old key as long as a
//!   file names it, or move everything into a new image by [`admin::Rewrite`](crate::admin::Rewrite) and destroy the
//!   old one.
//! - `admin::Check`, `admin::Repair` and `admin::Void` take the same keys.
//!
//! # What stays visible
//!
//! Without the key one can see the model's name, the numbers of keys, and how many events there are, in which batches,
//! of which lengths and at which times. Hidden are the names of commands, their arguments, metadata, outcomes, shapes,
//! and the state.
//!
//! The state in memory is not encrypted, and may reach swap or a core dump.
//!
//! # What is detected
//!
//! | somebody without the key | `encryption` | `chain` |
//! | --- | --- | --- |
//! | reads the files | sees only what is listed above | can read all |
//! | changes a frame, a header or a snapshot, or takes one from another image | detected | detected |
//! | removes the end, or restores all files of an earlier time | not detected | not detected, but see below |
//!
//! The chain binds each frame to all frames before it. Opening verifies what it reads, which is everything from the
//! newest snapshot on. `admin::Check` with the keys verifies all.
//!
//! # Rollback
//!
//! Neither feature shows that the whole image was replaced by an older copy of itself. Keep `chain_head()` where
//! whoever can write to the image cannot, and compare it with the one that a later check reports. A repair that gives
//! up events changes the head.
//!
//! `docs/SECURITY.md` has the complete list of threats, and the measured cost.
