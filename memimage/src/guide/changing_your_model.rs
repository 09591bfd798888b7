//! How a program changes and still reads every journal that an older version of it wrote.
//!
//! A journal is replayed by programs that its writer never saw. A program must therefore know each version of each
//! event that a journal holds, and every change must be declared. A change that is not declared is refused: by
//! `cargo check` if the shapes are locked, else when an image is opened, before anything is replayed.
//!
//! # Lock the shapes
//!
//! Before the first release:
//!
//! 1. Write `#[memimage::commands(lock)]`.
//! 2. Run `MEMIMAGE_BLESS=1 cargo test` once. It writes `memimage.lock`, with one line for each version of each event.
//! 3. Commit that file.
//!
//! From then on, a payload that changes without a new version and a command that disappears are compile errors. Bless
//! again after each intended change. [`shape_lock`](crate::shape_lock) has the details.
//!
//! # Add, remove or change an argument
//!
//! An example: `deposit` gets a memo. With the new argument alone, the program does not compile:
//!
//! ```text
//! error[E0080]: evaluation panicked: deposit v1: payload.memo: not in the lock, option<string> here; …
//! ```
//!
//! Raise the version, keep the old payload as a struct, and write an *upcaster*, a function from the old version to the
//! new one:
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
//! A missing upcaster, or one that leads to the wrong version, does not compile. An upcaster gets the payload, and what
//! else was recorded if it takes a [`&Recorded`](crate::Recorded). It never gets the model.
//!
//! # All kinds of changes
//!
//! | change | what to do |
//! | --- | --- |
//! | a command is added, or a check changes | nothing; bless the new line |
//! | a method is renamed | keep the event's name: `#[command(name = "deposit")]` |
//! | the model's type is renamed | keep its name: `#[model(name = "Bank")]`; write the type's new name in the lock |
//! | a variant is appended to an enum | bless it; older programs refuse the journal once the variant is used |
//! | an argument, or a type in it, changes in any other way | a new version and an upcaster |
//! | one command becomes another, or several | an upcaster that returns another payload, a tuple, an `Option`, a `Vec`, or the event enum `BankEvent` |
//! | the same change to many events | `history(value = function)`: a function on [`Value`](crate::Value)s (maps, lists and scalars), so that no struct is kept |
//! | a command is removed | [below](#remove-a-command) |
//! | the body of a command changes | [below](#change-what-a-command-does) |
//! | the model's fields change | [below](#change-the-models-fields) |
//! | the model's `Default` changes | do not change what was in it: every replay begins with it. The journal holds it, and a program whose `Default` differs is refused. (If the fields changed: what the state's upcasters make of it is compared, or else the fields that stayed, but not maps and sets) |
//! | too many versions have accumulated | [`admin::rewrite`](crate::admin::rewrite()) writes a new journal at the newest versions. Then write `oldest = N` at the command, and remove the lines of older versions from the lock. Not possible once a retention has pruned the journal |
//!
//! # Remove a command
//!
//! Decide what its old events are to do.
//!
//! - *They keep their effect, and nobody can execute the command any more*: mark the method `#[command(replay_only)]`.
//! - *They have another effect, or none*: delete the method, and list the event's past versions on the block,
//!   `retired(name = "…", history(…))`, by its name in the journal. Their upcasters say what they become:
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
//! #[memimage::upcast] // does nothing from now on
//! fn block_1(_: BlockV1) {}
//!
//! #[memimage::upcast] // is another command from now on
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
//! The lock keeps its lines for `block`: the past types are held to them.
//!
//! An upcaster that gives old events another effect acts on replay. A snapshot that was made before still has the old
//! effect. So raise the version of the model too, `#[model(version = 2)]`: recovery then skips its older snapshots.
//!
//! # Change what a command does
//!
//! A body that is changed in place is changed for the past too. The next replay gives another state, and is refused if
//! the journal has a digest of the old one. Keep the old body for the old events:
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
//! If version 1 had a history, it moves to the `replay_only` method and leads to that method's payload
//! (`CafeBuyAtTheOldPrice`). Rules that may change belong into a `check`: it does not run on replay, and may change at
//! any time.
//!
//! # Change the model's fields
//!
//! Nothing needs to be declared: recovery skips the snapshots of the old shape and replays the journal. To keep the
//! snapshots useful, write `#[model(version = 2, history(BankV1))]`, keep the old struct (which also derives
//! `Serialize`), and add an upcaster from it to the model. That upcaster must give what a replay would give; the
//! verification of the next snapshot compares the two. A journal that was
//! [pruned](super::snapshots#how-much-of-the-journal-is-kept) needs this upcaster.
//!
//! # Test it
//!
//! `memimage::testing` (feature `testing`) has `golden`: a fixture for each version of each event, committed once and
//! replayed by every test run. It also has `given(…).when(…)`, which tests commands and upcasters without files. The
//! program `examples/upgrade` takes one model through five stages, with journals of each.
