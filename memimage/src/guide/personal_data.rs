//! A person asks to be forgotten: how are their data erased from a journal that never forgets?
//!
//! A journal keeps every event, and its copies are in snapshots, backups, branches and logs. So memimage does not remove personal
//! data; it makes them unreadable. A [`Personal`](crate::Personal) value is sealed on disk with a key of its subject.
//! [`Admin::erase`](crate::Admin::erase) destroys this one key, and with it the values in all files and copies at once.
//!
//! ```toml
//! [dependencies]
//! memimage = { version = "0.1", features = ["erasure"] }
//! ```
//!
//! ```
//! # #[cfg(feature = "erasure")] {
//! use std::collections::BTreeMap;
//!
//! use memimage::{Image, Model, Personal, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Shop {
//!     customers: BTreeMap<u32, Personal<String>>,
//!     orders: Vec<(u32, u64)>,
//! }
//!
//! #[memimage::commands]
//! impl Shop {
//!     #[command]
//!     fn register(&mut self, customer: u32, address: Personal<String>) {
//!         self.customers.insert(customer, address);
//!     }
//!
//!     #[command]
//!     fn order(&mut self, customer: u32, cents: u64) {
//!         self.orders.push((customer, cents));
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("shop.image");
//! let shop = Image::<Shop>::open(&path)?;
//! shop.register(7, Personal::new(7_u32, "Ann, 1 Lime Street".to_owned()))?; // subject 7
//! shop.order(7, 1_999)?;
//! assert!(shop.query(|shop| shop.customers[&7].get().is_some())?);
//!
//! assert!(shop.admin().erase(7_u32)?);
//! assert!(shop.query(|shop| shop.customers[&7].is_erased())?); // the order is still there
//! # Image::close(shop)?;
//! # }
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! The subject says whose data are erased together. It stays readable, in messages too: use a number or a random id, and not a name.
//! `get` returns `None` after an erasure, so every use of a value has to say what it does without it.
//!
//! # What a command may do
//!
//! A replay after an erasure must give the recorded state, with the same digest. A digest covers the subject of a `Personal`, and
//! not its value. So:
//!
//! - A body stores, moves and removes `Personal` values as it likes.
//! - A body, a check's result that a body relies on, and an upcaster do not *decide* by a value: no `if` on `get()`, no comparison, no
//!   count of letters in a plain field. What a command must decide by is an argument that is not personal, such as `is_adult: bool`.
//!   A check alone may look at values, because it does not run on replay.
//! - A body derives one value from another with [`Personal::map`](crate::Personal::map), which keeps the key. A body does not call
//!   `Personal::new`: a key is random and comes with the argument of a command. A snapshot of a value without a key is an error.
//! - A [derived field](super::snapshots#derived-fields), such as an index of names, may use values. An erasure rebuilds the derived
//!   fields of the running model.
//!
//! A key of a map or set must not be personal, for the same reasons.
//!
//! The testing kit (`memimage::testing`) checks this in each test: it replays the events also with all personal data erased,
//! and compares the digests. A difference fails the test, with the path of the first one. (On a real image, it would be
//! reported as a replay that contradicts the journal, when it is too late.)
//!
//! Answers of commands with a [request key](super::retries) are stored as they are. Return a `Personal`, and not its value. Metadata,
//! messages of panics, the subject and the time of an event are not sealed either.
//!
//! # The key file
//!
//! The keys are in the directory `personal.keys` in the image's directory, or in the one of
//! `Options::personal_keys`. A key is created, synced, before the first event that uses it can be recorded: the first command for a new
//! subject waits for a few syncs, with `submit` and `try_submit`, too. Threads that create keys at the same time share them.
//!
//! - **No copy of an image contains the keys.** A backup, a branch, an export or a log has sealed values only, so an erasure reaches
//!   them all. To open a backup, a branch or a rewritten image, name the directory of the keys with the option, or copy it
//!   into the image's directory. Without the keys, opening fails with [`ErrorKind::PersonalKey`](crate::ErrorKind::PersonalKey).
//! - **Back the keys up apart, for a short time.** Without them all personal data are lost. A copy of them brings erased data back, so
//!   each copy must be replaced, or erased from, soon after an erasure. After a restoration of an old copy, repeat the erasures
//!   since: keep a list of the subjects.
//! - Two images that use one directory share its keys. An image notices an erasure by another process when it creates a key, and
//!   when it is opened; a [follower](super::standby) notices it each time it looks.
//! - A damaged or lost file is an error, and changes nothing.
//!
//! # In detail
//!
//! - An erasure is decided once its record is synced; then the bytes of the key are overwritten. After a crash in between, the next
//!   opening overwrites them. When `erase` has returned, the key is in no file of the directory. What the disk itself keeps is in
//!   [SECURITY.md](https://docs.rs/crate/memimage/latest/source/docs/SECURITY.md).
//! - A running program keeps the decrypted value in memory, unreachable, until the model drops it or the program ends.
//! - For people, a `Personal` serializes as the value or null; it does not deserialize from a text such as JSON.
//! - [`inspect`](crate::inspect), the command `memimage` and the page show the subject, and no value.
//! - If the type in a `Personal` changes, the event or the model needs a new version. Its upcaster uses `map`:
//!
//! ```
//! # #[cfg(feature = "erasure")] {
//! use memimage::Personal;
//!
//! struct Name { first: String, last: String }
//!
//! fn upcast(old: Personal<String>) -> Personal<Name> {
//!     old.map(|name| {
//!         let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
//!         Name { first: first.to_owned(), last: last.to_owned() }
//!     })
//! }
//! # assert_eq!(upcast(Personal::new(1, "Ann Lee".to_owned())).get().unwrap().last, "Lee");
//! # assert_eq!(upcast(Personal::new(1, "Ann Lee".to_owned())).get().unwrap().first, "Ann");
//! # }
//! ```
