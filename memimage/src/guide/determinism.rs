//! What a command may do, so that replaying it gives the same state.
//!
//! After a restart the commands run again, in their order, on the newest snapshot. So the effect of a body must depend
//! on three things only: the model, the arguments and the [`Context`](crate::Context). What else it needs, such as a
//! price from another service or a setting, the caller passes as an argument.
//!
//! | instead of | use |
//! | --- | --- |
//! | `SystemTime::now()` | [`ctx.time()`](crate::Context::time): recorded, and never less than the event's before |
//! | `rand::random()` | [`ctx.random()`](crate::Context::random) |
//! | `Uuid::new_v4()` | `Uuid::from_u128(ctx.random().u128())` |
//! | the user of the session | [`ctx.metadata()`](crate::Context::metadata), given by [`Image::with`](crate::Image::with) |
//! | a global, the environment, a file | an argument |
//! | iterating over a `HashMap` or `HashSet` | `BTreeMap`, `BTreeSet`, or `IndexMap` (feature `indexmap`) |
//!
//! # Hash maps
//!
//! A `HashMap` iterates in another order after a restart, even with a fixed hasher, since the order depends on the
//! map's past. A body whose effect depends on that order replays to another state. A hash map that is only read by key
//! is fine.
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
//! An event keeps its number forever, also when a journal is rewritten. Commands that a check refuses, and commands
//! that panic, take no number. If one command makes several things, use the pair of the number and an index. Events
//! that an upcaster split share one number.
//!
//! A counter in the model (`self.next_id += 1`) is deterministic too, but its ids depend on every event before. If one
//! of those is later made [void](super::damage#an-event-that-cannot-be-replayed), or an upcaster drops it, all later
//! ids move by one. Arguments in the journal that name such ids, and ids that other systems have stored, then mean
//! another thing.
//!
//! # Integer overflow
//!
//! `+`, `-` and `*` panic on overflow in a debug build, and wrap in a release build. A command that wrapped was
//! recorded, and a debug build that replays it panics, so it cannot open the image. Make all builds behave alike, in
//! the `Cargo.toml` of the workspace:
//!
//! ```toml
//! [profile.release]
//! overflow-checks = true
//! ```
//!
//! and refuse what would overflow in the check:
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
//! - *NaN.* There are many bit patterns of NaN, and which of them an operation gives differs between build profiles and
//!   machines. The digest of a state compares bits. Refuse values that are not finite in a check.
//! - *-0.0.* It equals `0.0` for `==`, but has other bits. So two states that compare equal can have different digests.
//! - *`sin`, `exp`, `powf` …* Their results may differ between machines and versions of Rust. `+`, `-`, `*`, `/` and
//!   `sqrt` give the same result on every 64-bit machine.
//! - Money is best counted in integers.
//!
//! # Rules belong into a `check`
//!
//! A [check](macro@crate::commands) runs before anything is recorded, cannot change the model, leaves no trace when it
//! refuses, and does not run on replay. So its rules may change with every release.
//!
//! A body that returns a `Result` is different. It may have changed something before it returned the error, so the call
//! is recorded, as rejected, and runs again on every replay. There is no rollback. If you tighten a rule there, an old
//! success becomes a refusal, and recovery stops at that event.
//!
//! # Panics
//!
//! A panic in a body is an error for its caller. The command is not recorded, and the library rebuilds the model from
//! disk before anybody sees it again. Commands and queries wait for that, as long as opening takes, and it needs the
//! model's memory a second time. (If a body is not deterministic, the rebuilt state may differ from the one before.)
//!
//! A panic in a check costs nothing. All this needs `panic = "unwind"`; with `abort` the process ends, and the next one
//! recovers.
//!
//! # How a mistake is found
//!
//! | by | when | what |
//! | --- | --- | --- |
//! | the macro | compile time | calls such as `SystemTime::now`, in the body itself |
//! | `clippy.toml` of the repository: copy it | `cargo clippy` | such calls, in every function of your program |
//! | clippy's `iter_over_hash_type` | `cargo clippy` | most iterations over hash maps |
//! | `testing::determinism` (feature `testing`) | `cargo test` | events that replay to another state on another thread, in another process, or from a snapshot |
//! | the digest of the state | when a snapshot is verified, and on later replays | a state that differs, with the range of events |
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
//! None of them finds a `Mutex`, a `Cell` or an atomic in the model that a query or a check changes. Do not put any
//! there.
//!
//! # When a digest differs
//!
//! A snapshot that differs from the replayed state is thrown away and reported, and the image goes on. The journal
//! keeps the digest, so the next opening that replays past that place is refused. You have two ways on:
//!
//! - Fix the body, so that it gives the recorded state again.
//! - Accept the replayed state: open with [`verify_digests(false)`](crate::Options::verify_digests) and make a
//!   snapshot. It records the decision, and the image opens without the option again. As long as the body is not fixed,
//!   making that snapshot also takes [`verify_snapshots(false)`](crate::Options::verify_snapshots), and the snapshot
//!   must be kept.
