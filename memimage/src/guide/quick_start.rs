//! A first program: a model, its commands, queries, and a restart.
//!
//! # Dependencies
//!
//! ```toml
//! [dependencies]
//! memimage = "0.1"
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! # A model and its commands
//!
//! The *model* is one struct that holds the program's whole state. The *commands* are the methods that may change this state.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use memimage::{Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Bank {
//!     accounts: BTreeMap<u32, u64>,
//! }
//!
//! #[memimage::commands]
//! impl Bank {
//!     /// Adds money to an account and returns the new balance, in cents.
//!     #[command]
//!     fn deposit(&mut self, account: u32, cents: u64) -> u64 {
//!         let balance = self.accounts.entry(account).or_default();
//!         *balance += cents;
//!         *balance
//!     }
//!
//!     /// Takes money from an account and returns the new balance, in cents.
//!     #[command(check = can_withdraw)]
//!     fn withdraw(&mut self, account: u32, cents: u64) -> u64 {
//!         let balance = self.accounts.entry(account).or_default();
//!         *balance -= cents;
//!         *balance
//!     }
//!
//!     fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
//!         let balance = self.accounts.get(&account).copied().unwrap_or(0);
//!         if balance < cents { Err(format!("account {account} holds {balance} cents")) } else { Ok(()) }
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("bank.image");
//! let bank = Image::<Bank>::open(&path)?; // creates the image, or recovers it
//! assert_eq!(bank.deposit(7, 100)?, 100); // on disk when it returns
//! assert!(bank.withdraw(7, 500).is_err()); // refused by the check, and not recorded
//! Image::close(bank)?;
//!
//! let bank = Image::<Bank>::open(&path)?; // a restart: the state is back
//! assert_eq!(bank.query(|bank| bank.accounts[&7])?, 100);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! | derive | purpose |
//! | --- | --- |
//! | `Default` | the state before the first command |
//! | `Serialize`, `Deserialize` | snapshots of the state |
//! | [`Shape`](crate::Shape) | the structure of the type; it is stored, so that a change of the type is noticed |
//! | [`Model`](crate::Model) | connects the type with its commands |
//!
//! For each command, the macro generates a struct with its arguments, the *payload* (`BankDeposit { account, cents }`). It also
//! generates a trait, `BankCommands`, which adds the commands to [`Image`](crate::Image) as methods. To call commands from
//! another module, import that trait and the model. Derive `Serialize`, `Deserialize` and `Shape` for your own argument types.
//! Most types of std that serde supports have a shape, and [features](crate#features) add shapes for types of other crates. Some
//! types have no shape, because encoding and decoding change some of their values: `SocketAddrV6`, `SocketAddr` and
//! `RangeInclusive`, chrono's `DateTime<FixedOffset>`, and jiff's `Span` and `Zoned`. Instead of a socket address, store an IP
//! address and a port. Instead of a `RangeInclusive`, store its two ends. Instead of a time with an offset or a zone, store an
//! instant in UTC. Instead of a `Span`, store a `SignedDuration`.
//!
//! An `Image` is a cheap handle: clone it and give the clones to other threads.
//!
//! # Return values
//!
//! | the method returns | its `check` returns | a call on the image returns |
//! | --- | --- | --- |
//! | `T` | no check | `Result<T, memimage::Error>` |
//! | `T` | `Result<(), E>` | `Result<T, CommandError<E>>` |
//! | `Result<T, E>` | no check, or `Result<(), E>` | `Result<T, CommandError<E>>` |
//!
//! [`CommandError::Refused`](crate::CommandError::Refused) is the model's own error, and
//! [`CommandError::Image`](crate::CommandError::Image) an error of the library. Put rules into the `check`:
//! [`determinism`](super::determinism#put-rules-into-a-check) explains why.
//!
//! # Time, caller, random values
//!
//! A command runs again when the journal is replayed, and must then have the same effect. So a command must not read a clock or
//! a source of random numbers. Instead, the command's method takes a [`&Context`](crate::Context), whose values are the same on
//! each replay. Callers do not pass the context. A check may take a `&Context` too.
//!
//! ```
//! use memimage::{Context, Image, Metadata, Model, Shape, Timestamp};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Log {
//!     lines: Vec<(Timestamp, String)>,
//! }
//!
//! #[memimage::commands]
//! impl Log {
//!     #[command]
//!     fn write(&mut self, text: String, ctx: &Context) {
//!         let who = ctx.metadata().get(Metadata::ACTOR).unwrap_or("somebody");
//!         self.lines.push((ctx.time(), format!("{who}: {text}")));
//!     }
//! }
//!
//! let log = Image::<Log>::in_memory()?; // without files, for tests
//! log.with(Metadata::actor("teller 3")).write("opened".to_owned())?;
//! assert_eq!(log.query(|log| log.lines[0].1.clone())?, "teller 3: opened");
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Many commands from one thread
//!
//! A call waits until its command is on disk. [`submit`](crate::Image::submit) does not wait: it executes the command and
//! returns a [`Pending`](crate::Pending). Wait for the `Pending` later, or `.await` it; [`Pending::seq`](crate::Pending::seq)
//! returns the number of the command's event. Commands that are submitted together share a write and a sync. For bulk work,
//! [`submit_all`](crate::Image::submit_all) executes all commands of an iterator, and takes the image's lock once for many of
//! them. [`submit_each`](crate::Image::submit_each) does the same for commands of several types.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Bank { accounts: BTreeMap<u32, u64> }
//! # #[memimage::commands]
//! # impl Bank {
//! #     #[command]
//! #     fn deposit(&mut self, account: u32, cents: u64) { *self.accounts.entry(account).or_default() += cents; }
//! # }
//! # let bank = Image::<Bank>::in_memory()?;
//! let pending: Vec<_> =
//!     (1..=100).map(|account| bank.submit(BankDeposit { account, cents: 5 })).collect::<Result<_, _>>()?;
//! for deposit in pending {
//!     deposit.wait()?; // on disk
//! }
//!
//! let all = bank.submit_all((1..=100).map(|account| BankDeposit { account, cents: 5 }));
//! for answer in all.wait() {
//!     answer?; // on disk
//! }
//! # assert_eq!(bank.query(|bank| bank.accounts.len())?, 100);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # The directory of an image
//!
//! | path | content |
//! | --- | --- |
//! | `LOCK` | locked by the process that has the image open; never delete it |
//! | `journal/` | all recorded commands in order: the data |
//! | `snapshot/` | states of the model, for a faster restart; may be deleted |
//! | `quarantine/` | copies of bytes that recovery or a repair removed |
//!
//! [`Stats::recovery`](crate::Stats::recovery) reports what opening did. The library prints nothing; it reports through the
//! `tracing` crate.
