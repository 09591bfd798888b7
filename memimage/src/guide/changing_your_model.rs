//! How to change a program so that it still reads every journal that its older versions wrote.
//!
//! A journal outlives the program that wrote it. Later programs must know each version of each event in the journal, so each
//! change of an event must be declared. An undeclared change is refused: by `cargo check` if the shapes are locked,
//! otherwise when an image is opened, before anything is replayed.
//!
//! # Lock the shapes
//!
//! Before the first release:
//!
//! 1. Write `#[memimage::commands(lock)]`.
//! 2. Run `MEMIMAGE_BLESS=1 cargo test --lib` once (for a model in a program, with `--bin NAME`). The command writes
//!    `memimage.lock`, with one line for each version of each event.
//! 3. Commit that file.
//!
//! From then on, it is a compile error to change a payload without a new version, or to remove a command without declaring its
//! past versions. After each intended change, run the command of step 2 again, to *bless* the new lines.
//! [`shape_lock`](crate::shape_lock) describes this in detail.
//!
//! # Add, remove or change an argument
//!
//! For example, add a memo to `deposit`. If you only add the argument, the program does not compile:
//!
//! ```text
//! error[E0080]: evaluation panicked: deposit v1: payload.memo: not in the lock, option<string> in this program; …
//! ```
//!
//! Raise the version, keep the old payload as a struct, and write an *upcaster*: a function that converts the old payload to
//! the new one.
//!
//! ```
//! # use std::collections::BTreeMap;
//! use memimage::{Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Bank {
//!     accounts: BTreeMap<u32, u64>,
//!     memos: Vec<String>,
//! }
//!
//! #[memimage::commands]
//! impl Bank {
//!     #[command(version = 2, history(DepositV1))] // all past versions, oldest first
//!     fn deposit(&mut self, account: u32, cents: u64, memo: Option<String>) {
//!         *self.accounts.entry(account).or_default() += cents;
//!         self.memos.extend(memo);
//!     }
//! }
//!
//! #[derive(Deserialize, Shape)]
//! struct DepositV1 {
//!     account: u32,
//!     cents: u64,
//! }
//!
//! #[memimage::upcast] // in any module
//! fn deposit_1_to_2(old: DepositV1) -> BankDeposit {
//!     BankDeposit { account: old.account, cents: old.cents, memo: None }
//! }
//! #
//! # mod old {
//! #     use memimage::{Model, Shape};
//! #     use serde::{Deserialize, Serialize};
//! #     #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! #     pub struct Bank { accounts: std::collections::BTreeMap<u32, u64> }
//! #     #[memimage::commands]
//! #     impl Bank {
//! #         #[command]
//! #         pub fn deposit(&mut self, account: u32, cents: u64) { *self.accounts.entry(account).or_default() += cents; }
//! #     }
//! # }
//! # use old::BankCommands as _;
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("bank.image");
//! # let bank = Image::<old::Bank>::open(&path)?;
//! # bank.deposit(7, 100)?;
//! # Image::close(bank)?;
//!
//! let bank = Image::<Bank>::open(&path)?; // written by the older program
//! assert_eq!(bank.query(|bank| bank.accounts[&7])?, 100);
//! # bank.deposit(7, 1, Some("rent".to_owned()))?;
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! If an upcaster is missing, or returns the wrong type, the program does not compile. An upcaster takes the payload and, if it
//! needs the seq, time, metadata or outcome of the event, a [`&Recorded`](crate::Recorded). An upcaster has no access to the
//! model.
//!
//! # All kinds of changes
//!
//! | change | what to do |
//! | --- | --- |
//! | a command is added | bless the new line |
//! | a check changes | nothing |
//! | a method is renamed | keep the event's name: `#[command(name = "deposit")]` |
//! | the model's type is renamed | keep its name in the journal: `#[model(name = "Bank")]`; replace the type's name in the lock |
//! | a variant is appended to an enum | bless the line; once a journal holds the variant, older programs refuse the journal |
//! | an argument, or a type in it, changes in any other way | a new version and an upcaster |
//! | one command becomes another, or several | an upcaster that returns another payload, or several payloads as a tuple, an `Option`, a `Vec` or the event enum `BankEvent` |
//! | many events change in the same way | `history(value = function)`: one function on [`Value`](crate::Value)s (maps, lists and scalars) for all of them, without structs of the old payloads |
//! | a command is removed | [below](#remove-a-command) |
//! | the body of a command changes | [below](#change-what-a-command-does) |
//! | the model's fields change | [below](#change-the-models-fields) |
//! | the model's `Default` changes | not allowed, except for new fields: every replay begins with `Default`. The journal records the `Default`, and a program with another `Default` is refused. (If the model's fields changed, opening first applies the upcasters of the state to the recorded `Default`. Without upcasters, opening compares only the unchanged fields, and skips maps and sets) |
//! | too many versions have accumulated | [`admin::rewrite`](crate::admin::rewrite()) writes a new journal with the newest versions. Then write `oldest = N` at the command, and remove the lines of older versions from the lock. A pruned journal cannot be rewritten |
//!
//! # Remove a command
//!
//! The journal still holds the events of the command. Decide which effect these events have on replay:
//!
//! - *Their old effect.* Mark the method `#[command(replay_only)]`. The method then runs on replay only; callers cannot execute
//!   it.
//! - *Another effect, or none.* Delete the method. On the block, write `retired(name = "…", history(…))` with the event's
//!   name in the journal and a struct for each of its versions, oldest first. The last version needs a struct too:
//!   without the method, the macro no longer generates its payload. The upcasters of these structs return the new
//!   payloads, or nothing:
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # #[model(version = 2)]
//! # struct Bank { frozen: BTreeMap<u32, String> }
//! #[memimage::commands(retired(name = "block", history(BlockV1, BlockV2)))]
//! impl Bank {
//!     #[command]
//!     fn freeze(&mut self, account: u32, reason: String) {
//!         self.frozen.insert(account, reason);
//!     }
//! }
//!
//! #[derive(Deserialize, Shape)]
//! struct BlockV1 {
//!     account: u32,
//! }
//!
//! #[derive(Deserialize, Shape)]
//! struct BlockV2 {
//!     account: u32,
//!     reason: String,
//! }
//!
//! #[memimage::upcast] // version 1 has no effect from now on
//! fn block_1(_: BlockV1) {}
//!
//! #[memimage::upcast] // version 2 becomes another command
//! fn block_2(old: BlockV2) -> BankFreeze {
//!     BankFreeze { account: old.account, reason: old.reason }
//! }
//! #
//! # mod old {
//! #     use memimage::{Model, Shape};
//! #     use serde::{Deserialize, Serialize};
//! #     #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! #     pub struct Bank { blocked: std::collections::BTreeMap<u32, String> }
//! #     #[memimage::commands]
//! #     impl Bank {
//! #         #[command(version = 2, history(BlockV1))]
//! #         pub fn block(&mut self, account: u32, reason: String) { self.blocked.insert(account, reason); }
//! #     }
//! #     #[derive(Deserialize, Shape)]
//! #     struct BlockV1 { account: u32 }
//! #     #[memimage::upcast]
//! #     fn block_1(old: BlockV1) -> BankBlock { BankBlock { account: old.account, reason: String::new() } }
//! # }
//! # use old::BankCommands as _;
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("bank.image");
//! # let bank = Image::<old::Bank>::open(&path)?;
//! # bank.block(7, "theft".to_owned())?;
//! # Image::close(bank)?;
//! # let bank = Image::<Bank>::open(&path)?;
//! # assert_eq!(bank.query(|bank| bank.frozen[&7].clone())?, "theft");
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! The lock keeps its lines for `block`, and checks the structs against them.
//!
//! Only replay produces the new effect; older snapshots still contain the old effect. So raise the version of the model too,
//! `#[model(version = 2)]`: recovery then skips the older snapshots.
//!
//! # Change what a command does
//!
//! Replay runs the current body, even for old events. If you change a body in place, replay gives another state, and opening is
//! refused if the journal holds a digest of the old state. Keep the old body for the old events:
//!
//! ```
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Cafe { cents: u64 }
//! #[memimage::commands]
//! impl Cafe {
//!     #[command(version = 2)]
//!     fn buy(&mut self, cups: u64) {
//!         self.cents += 280 * cups;
//!     }
//!
//!     #[command(name = "buy", version = 1, replay_only)]
//!     fn buy_at_the_old_price(&mut self, cups: u64) {
//!         self.cents += 250 * cups;
//!     }
//! }
//! # let cafe = Image::<Cafe>::in_memory()?;
//! # cafe.buy(2)?;
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! If version 1 had a history, move the history to the `replay_only` method. The last upcaster of the history then returns the
//! payload of that method (`CafeBuyAtTheOldPrice`). Put rules that may change into a `check`: checks do not run on replay, so
//! these rules may change at any time.
//!
//! # Change the model's fields
//!
//! You need not declare anything: recovery skips snapshots of the old shape and replays the journal. To use old snapshots,
//! write `#[model(version = 2, history(BankV1))]`, keep the old struct (which must also derive `Serialize`), and add an
//! upcaster from the old struct to the model. The upcaster must give the same state as a replay; the verification of the next
//! snapshot compares the two states. For a journal that was [pruned](super::snapshots#how-much-of-the-journal-is-kept), this
//! upcaster is required.
//!
//! # Test it
//!
//! `memimage::testing` (feature `testing`) contains `golden`, which replays a committed fixture for each version of each event
//! in every test run. `given(…).when(…)` tests commands and upcasters without files. The program `examples/upgrade` shows one
//! model in five stages, with the journals of each stage.
