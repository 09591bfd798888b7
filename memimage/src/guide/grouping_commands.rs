//! How to combine several changes into one atomic command, and how to organise a model with many commands.
//!
//! # One command is one event
//!
//! A command is recorded as a whole or not at all, and no other command runs meanwhile. So if a change must be atomic, make it
//! one command. Two calls are two events, even if they are submitted together: another thread's command may run between them,
//! and after a crash the journal may contain the first event without the second.
//!
//! # A command over helper methods
//!
//! Put the steps into helper methods. The command calls these methods, and its check contains the rules of all steps:
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
//!     #[command]
//!     fn deposit(&mut self, account: u32, cents: u64) {
//!         self.credit(account, cents);
//!     }
//!
//!     #[command(check = can_withdraw)]
//!     fn withdraw(&mut self, account: u32, cents: u64) {
//!         self.debit(account, cents);
//!     }
//!
//!     fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
//!         self.holds(account, cents)
//!     }
//!
//!     /// Both steps, or neither.
//!     #[command(check = can_transfer)]
//!     fn transfer(&mut self, from: u32, to: u32, cents: u64) {
//!         self.debit(from, cents);
//!         self.credit(to, cents);
//!     }
//!
//!     /// The rules of both steps.
//!     fn can_transfer(&self, from: u32, to: u32, cents: u64) -> Result<(), String> {
//!         if from == to {
//!             return Err("an account cannot pay itself".to_owned());
//!         }
//!         self.holds(from, cents)
//!     }
//! }
//!
//! impl Bank {
//!     fn holds(&self, account: u32, cents: u64) -> Result<(), String> {
//!         let balance = self.accounts.get(&account).copied().unwrap_or(0);
//!         if balance < cents { Err(format!("account {account} holds {balance} cents")) } else { Ok(()) }
//!     }
//!
//!     fn credit(&mut self, account: u32, cents: u64) {
//!         *self.accounts.entry(account).or_default() += cents;
//!     }
//!
//!     fn debit(&mut self, account: u32, cents: u64) {
//!         *self.accounts.entry(account).or_default() -= cents;
//!     }
//! }
//!
//! let bank = Image::<Bank>::in_memory()?;
//! bank.deposit(1, 100)?;
//! bank.transfer(1, 2, 30).unwrap();
//! assert!(bank.transfer(1, 2, 500).is_err());
//! assert_eq!(bank.query(|bank| (bank.accounts[&1], bank.accounts[&2]))?, (70, 30));
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - **A command that calls another command's method skips that command's check.** `self.withdraw(…)` inside a body is an
//!   ordinary method call: it runs no check and records no event. Call a helper method instead, and put the rules into the
//!   check of the calling command.
//! - **Check everything before you change anything.** There is no rollback: if a body returns an error, its changes stay, and
//!   the command is recorded as rejected. A check cannot change the model. (A panic in a body does undo its changes, at the
//!   cost of a [rebuild](super::determinism#panics).)
//! - **Do not decide by a `query`.** Another thread's command may change the state between the `query` and your command. Put
//!   the condition into the command's check.
//! - **Do not call the image from a command, a check or a `query`.** Such a call on the same thread is an error. If the body or
//!   closure waits for another thread that calls the image, both wait forever.
//!
//! # Many items in one command
//!
//! Take a list as the argument:
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Bank { accounts: BTreeMap<u32, u64> }
//! #[derive(Serialize, Deserialize, Shape)]
//! struct Booking {
//!     account: u32,
//!     cents: u64,
//! }
//!
//! #[memimage::commands]
//! impl Bank {
//!     #[command]
//!     fn book(&mut self, bookings: Vec<Booking>) {
//!         for booking in bookings {
//!             *self.accounts.entry(booking.account).or_default() += booking.cents;
//!         }
//!     }
//! }
//! # let bank = Image::<Bank>::in_memory()?;
//! # bank.book(vec![Booking { account: 1, cents: 2 }, Booking { account: 1, cents: 3 }])?;
//! # assert_eq!(bank.query(|bank| bank.accounts[&1])?, 5);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! By default a record can be up to 16 MiB long ([`Options::record_bytes_max`](crate::Options::record_bytes_max)). All other
//! commands wait while one runs, so split long work that need not be atomic.
//!
//! # Several blocks of commands
//!
//! A model with many commands can have several blocks, called *groups*, in separate modules. The model lists its groups:
//!
//! ```
//! use memimage::{Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! #[model(groups(accounts::Accounts, tellers::Tellers))]
//! pub struct Bank {
//!     accounts: Vec<u32>,
//!     tellers: Vec<String>,
//! }
//!
//! mod accounts {
//!     use super::Bank;
//!
//!     #[memimage::commands(group = Accounts)]
//!     impl Bank {
//!         #[command]
//!         pub fn open_account(&mut self, account: u32) {
//!             self.accounts.push(account);
//!         }
//!     }
//! }
//!
//! mod tellers {
//!     use super::Bank;
//!
//!     #[memimage::commands(group = Tellers)]
//!     impl Bank {
//!         #[command]
//!         pub fn hire(&mut self, name: String) {
//!             self.tellers.push(name);
//!         }
//!     }
//! }
//!
//! use accounts::{AccountsCommands as _, BankOpenAccount}; // the commands as methods, and a payload
//! use tellers::TellersCommands as _;
//!
//! # fn main() -> Result<(), memimage::Error> {
//! let bank = Image::<Bank>::in_memory()?;
//! bank.open_account(7)?;
//! bank.hire("Ada".to_owned())?;
//! bank.submit(BankOpenAccount { account: 8 })?.wait()?;
//! # assert_eq!(bank.query(|bank| (bank.accounts.len(), bank.tellers.len()))?, (2, 1));
//! # Ok(())
//! # }
//! ```
//!
//! | generated | named after | here |
//! | --- | --- | --- |
//! | a payload | the model, in the module of its block | `accounts::BankOpenAccount` |
//! | the trait with the methods | the group | `accounts::AccountsCommands` |
//! | the enum of the group's events | the group | `accounts::AccountsEvent` |
//! | the enum of all events | the model, in the model's module; a variant for each group | `BankEvent::Accounts(AccountsEvent::OpenAccount(…))` |
//!
//! The journal does not record groups, so a command may move from one group to another.
