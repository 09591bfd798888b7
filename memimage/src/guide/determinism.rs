//! What a command may do, so that its replay gives the same state.
//!
//! After a restart, the commands since the newest snapshot run again, in the same order. So the effect of a body must depend
//! only on the model, the arguments and the [`Context`](crate::Context). The caller passes everything else, such as a setting
//! or a price from another service, as an argument.
//!
//! | instead of | use |
//! | --- | --- |
//! | `SystemTime::now()` | [`ctx.time()`](crate::Context::time): recorded, and never earlier than the time of the previous event, except after a [correction](super::damage#a-wrong-clock) |
//! | `rand::random()` | [`ctx.random()`](crate::Context::random) |
//! | `Uuid::new_v4()` | `Uuid::from_u128(ctx.random().u128())` |
//! | a global with the user of the session | [`ctx.metadata()`](crate::Context::metadata), which the caller sets by [`Image::with`](crate::Image::with) |
//! | another global, the environment, a file | an argument |
//! | iteration over a `HashMap` or `HashSet` | `BTreeMap`, `BTreeSet`, or `IndexMap` (feature `indexmap`) |
//!
//! # Hash maps
//!
//! The iteration order of a `HashMap` changes with a restart, even with a fixed hasher, because it depends on the history of
//! the map. If the effect of a body depends on the order of a hash map, replay gives another state. A hash map that is only
//! accessed by key is fine.
//!
//! # Ids
//!
//! Take the id of a new thing from [`ctx.seq()`](crate::Context::seq), the number of the event:
//!
//! ```
//! # use std::collections::BTreeMap;
//! use memimage::{Context, Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Tracker { issues: BTreeMap<u64, String> }
//! #[memimage::commands]
//! impl Tracker {
//!     #[command]
//!     fn file(&mut self, title: String, ctx: &Context) -> u64 {
//!         let id = ctx.seq().get();
//!         self.issues.insert(id, title);
//!         id
//!     }
//! }
//!
//! # let tracker = Image::<Tracker>::in_memory()?;
//! assert_eq!(tracker.file("it crashes".to_owned())?, 1);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! `ctx.seq()` returns this number on each replay, even after the journal was rewritten. Only after the repair
//! [`CutFrom`](super::damage#repair-damage), or after an opening with
//! [`accept_incomplete_copy`](crate::Options::accept_incomplete_copy), do new events get numbers that were used before. A
//! command gets no number if a check refuses it or if it panics. If one command creates several things, make each id from the
//! number and an index. If an upcaster splits an event, all parts of the event have the same number.
//!
//! A counter in the model (`self.next_id += 1`) is deterministic too, but each id depends on all earlier events. If an earlier
//! event is made [void](super::damage#an-event-that-cannot-be-replayed), or an upcaster drops it, all later ids move by one. A
//! recorded argument or another system that holds a moved id then refers to another thing.
//!
//! # Integer overflow
//!
//! By default, `+`, `-` and `*` panic on overflow in a debug build, and wrap in a release build. A release build records a
//! command whose arithmetic wraps. A debug build panics when it replays that command, and cannot open the image. So use the
//! same setting in all profiles, in the `Cargo.toml` of the workspace:
//!
//! ```toml
//! [profile.release]
//! overflow-checks = true
//! ```
//!
//! A `debug_assert!` in a body also panics only in a debug build. Refuse arguments that overflow in the check:
//!
//! ```
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Till { cents: u64 }
//! #[memimage::commands]
//! impl Till {
//!     #[command(check = has_room)]
//!     fn add(&mut self, cents: u64) {
//!         self.cents += cents;
//!     }
//!
//!     fn has_room(&self, cents: u64) -> Result<(), String> {
//!         self.cents.checked_add(cents).map(|_| ()).ok_or_else(|| "the till is full".to_owned())
//!     }
//! }
//! # let till = Image::<Till>::in_memory()?;
//! # till.add(1).unwrap();
//! assert!(till.add(u64::MAX).is_err());
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Floats
//!
//! - *NaN* has many bit patterns. The same operation can give a NaN with other bits in another build profile or on
//!   another machine. A digest treats all NaNs as equal. A body whose effect depends on the bits of a NaN is not
//!   deterministic.
//! - *`-0.0`* equals `0.0`, but has other bits. So two states that compare equal can have different digests.
//! - *`sin`, `exp`, `powf` …* may give different results on another machine or with another version of Rust. `+`, `-`, `*`,
//!   `/` and `sqrt` give the same result on every 64-bit machine.
//! - Count money in integers, or in `rust_decimal::Decimal`. A decimal can be a *negative zero*, which is read back as
//!   zero. If the state holds a negative zero, the image cannot make a snapshot: store `Decimal::ZERO` where a result is
//!   zero.
//!
//! # Arguments are read back before they are used
//!
//! Replay reads the arguments of a command from the journal. So that the live call sees the same values, the image encodes and
//! decodes the arguments before it calls the check and the body. A `Deserialize` that trims a text trims it in the live call
//! too. Some `Deserialize` impls refuse values that the type's own `Serialize` has written. Others work only in a
//! self-describing format, such as those of `serde_json::Value` and of enums with `#[serde(tag = "…")]` or
//! `#[serde(untagged)]`. A call with such an argument fails with [`ErrorKind::Encode`](crate::ErrorKind::Encode), and nothing
//! is recorded. The image skips the decoding of arguments that consist of std's numbers, strings, and collections of these.
//!
//! A snapshot is loaded once before it gets its name. If the loaded state differs from the serialized state, the snapshot
//! is discarded with [`ErrorKind::InvalidModel`](crate::ErrorKind::InvalidModel). The journal still holds every event.
//!
//! # Hash maps of other crates
//!
//! The order of std's hash maps and sets is not part of a digest. The library cannot see that a field with an opaque type
//! contains a hash map of another crate. Declare the field `unordered`: then the order of the entries is not part of the
//! digest. Without `unordered`, a loaded map whose entries have another order has another digest, and the image discards the
//! snapshot.
//!
//! ```
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # mod hashbrown { pub type HashMap<K, V> = std::collections::HashMap<K, V>; }
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Stock {
//!     #[shape(opaque = "hashbrown::HashMap<String, u32>", unordered)]
//!     pieces: hashbrown::HashMap<String, u32>,
//! }
//! # #[memimage::commands]
//! # impl Stock {
//! #     #[command]
//! #     fn add(&mut self, name: String) { *self.pieces.entry(name).or_default() += 1; }
//! # }
//! # let stock = Image::<Stock>::in_memory()?;
//! # stock.add("nail".to_owned())?;
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! `unordered` applies to all maps inside the value, and to a set that is not inside another collection. A list inside a map
//! keeps its order.
//!
//! # Put rules into a `check`
//!
//! A [check](macro@crate::commands) runs before the command is recorded, and cannot change the model. A refusal is not
//! recorded, and checks do not run on replay. So the rules in a check may change with every release.
//!
//! A body that returns an error may already have changed the model, and there is no rollback. So such a call is recorded as
//! *rejected*, and runs again on every replay. If a later version of the body is stricter, a recorded success becomes an error
//! on replay, and recovery stops at that event.
//!
//! # Panics
//!
//! If a body panics, its caller gets an error and the command is not recorded. The library then rebuilds the model from disk.
//! Meanwhile commands and queries wait, for as long as an opening takes, and two copies of the model are in memory. (If a body
//! is not deterministic, the rebuilt state may differ from the state before the panic.)
//!
//! A panic in a check needs no rebuild. The library can catch panics only with `panic = "unwind"`; with `abort` the process
//! ends, and the next process recovers the image.
//!
//! # Tools that find mistakes
//!
//! | tool | when | what it finds |
//! | --- | --- | --- |
//! | the macro | compile time | calls such as `SystemTime::now` in the body of a command |
//! | the repository's `clippy.toml`, copied into your program | `cargo clippy` | such calls in every function of your program |
//! | clippy's `iter_over_hash_type` | `cargo clippy` | most iterations over hash maps |
//! | `testing::determinism` (feature `testing`) | `cargo test` | events whose replay gives another state on another thread, in another process, or from a snapshot |
//! | the digest of the state | when a snapshot is verified, and on later replays | a range of events whose replay gives another state |
//!
//! ```
//! # use memimage::{Context, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Deck { cards: Vec<u32> }
//! # #[memimage::commands]
//! # impl Deck {
//! #     #[command]
//! #     fn add(&mut self, card: u32) { self.cards.push(card); }
//! #     #[command]
//! #     fn shuffle(&mut self, ctx: &Context) { ctx.random().shuffle(&mut self.cards); }
//! # }
//! # #[cfg(feature = "testing")] {
//! use memimage::testing::{determinism, given};
//!
//! let past = given::<Deck>().event(DeckAdd { card: 1 }).event(DeckAdd { card: 2 }).event(DeckShuffle {});
//! determinism(past);
//! # }
//! ```
//!
//! Do not put a `Mutex`, a `Cell` or an atomic into the model. A query or a check could change such a value without a recorded
//! command, and no tool finds the change.
//!
//! # When a digest differs
//!
//! If a new snapshot differs from the replayed state, the library discards the snapshot, and the image goes on. The error
//! identifies the first part of the state that differs, with both values. The journal records the digest of a snapshot only
//! after a replay gave the same state, so a discarded snapshot does not prevent the next opening. But the next opening replays
//! the events, and the replayed state differs from the state of the running image. So fix the body before you close the image.
//!
//! If an opening finds that replay differs from a recorded digest, it replays from older snapshots, and finally from the first
//! event. Opening refuses the image only if each of these replays differs from a recorded digest. The error states whether two
//! replays of the same events differ from each other, and where:
//!
//! - If the two replays differ, a body is not deterministic. Fix this body.
//! - If the two replays agree, a body or an upcaster was changed since the digest was recorded, or the program was built in
//!   another way. Restore the old body for the old events.
//!
//! You can also accept the replayed state, although it may contradict answers that were given: open with
//! [`verify_digests(false)`](crate::Options::verify_digests) and make a snapshot. The journal records this decision, and later
//! openings do not need the option.
