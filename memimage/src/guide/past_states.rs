//! How to look at earlier states and find out who changed a value, how to undo a mistaken event, and how to try a change without
//! risk.
//!
//! The journal holds every event, so it can tell what the state was at any moment and which event changed it.
//! [`Image::journal`](crate::Image::journal) answers this for a running image, and [`Journal::open`](crate::Journal::open) in
//! any other process, beside the running owner or without one.
//!
//! # See the past
//!
//! The examples of this chapter use this model:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use memimage::{Image, Metadata, Model, Seq, Shape};
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
//!         *self.accounts.entry(account).or_default() += cents;
//!     }
//!
//!     #[command(check = can_withdraw)]
//!     fn withdraw(&mut self, account: u32, cents: u64) {
//!         self.accounts.entry(account).and_modify(|balance| *balance -= cents);
//!     }
//!
//!     fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
//!         let balance = self.accounts.get(&account).copied().unwrap_or(0);
//!         if balance < cents { Err(format!("account {account} holds {balance} cents")) } else { Ok(()) }
//!     }
//! }
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("bank.image");
//! let bank = Image::<Bank>::open(&path)?;
//! bank.deposit(7, 100)?; // event 1
//! bank.with(Metadata::actor("teller 3")).deposit(7, 5_000)?; // event 2
//! bank.withdraw(7, 30)?; // event 3
//!
//! // What was the balance after the first event?
//! let past = bank.journal().at(Seq::new(1))?;
//! assert_eq!(past.accounts[&7], 100);
//!
//! // What did teller 3 do?
//! for event in bank.journal().history().by("teller 3") {
//!     println!("{:?}", event?);
//! }
//!
//! // Who changed this balance, and when?
//! for change in bank.journal().changes(|bank| bank.accounts.get(&7).copied()) {
//!     let change = change?;
//!     println!("event {}, at {}: from {:?} to {:?}", change.seq, change.time, change.old, change.new);
//! }
//!
//! // What changed between two events?
//! let differences = bank.journal().diff(Seq::new(1), Seq::new(3))?;
//! assert_eq!(differences[0].to_string(), "accounts[7]: 100 → 5070");
//!
//! // When was the account first above 1,000 cents?
//! let first = bank.journal().first(|bank| bank.accounts.get(&7) > Some(&1_000))?;
//! assert_eq!(first.map(|past| past.seq()), Some(Seq::new(2)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - Each of these also takes a [`Timestamp`](crate::Timestamp) where it takes a seq: `at(time)` is the state after the last event that
//!   was recorded at or before this time.
//! - [`Past`](crate::Past) moves: [`step`](crate::Past::step) replays the next event, [`seek`](crate::Past::seek) goes to another
//!   moment. It is a copy in memory, and never changes the image.
//! - [`History`](crate::History) selects events by range, time, name, actor and outcome, forward or
//!   [newest first](crate::History::newest_first). It shows each event at its newest version, and with
//!   [`recorded`](crate::HistoryEvent::recorded) what the journal holds, even if a program of long ago recorded it.
//! - All of this shows durable events only. A running image first makes the events durable whose answers were returned. A reader in
//!   another process sees an event some microseconds after its answer; after a kill, the last event may be shown only once the image was
//!   opened again.
//! - `at` costs the load of a snapshot and a replay from there. `changes` and `first` replay from the first event, or from the moment of a
//!   `Past`: `journal.at(seq)?.changes(…)`. The history streams the journal in constant memory; newest first, it reads only the segments
//!   that it needs.
//! - If the journal was [pruned](super::snapshots), the past begins with its base.
//!
//! # Undo a mistaken event
//!
//! Suppose that event 2 of the example was a mistake: teller 3 meant another account. One call creates a new image in which the
//! event never happened:
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{Image, Model, Seq, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Bank { accounts: BTreeMap<u32, u64> }
//! # #[memimage::commands]
//! # impl Bank {
//! #     #[command]
//! #     fn deposit(&mut self, account: u32, cents: u64) { *self.accounts.entry(account).or_default() += cents; }
//! #     #[command(check = can_withdraw)]
//! #     fn withdraw(&mut self, account: u32, cents: u64) {
//! #         self.accounts.entry(account).and_modify(|balance| *balance -= cents);
//! #     }
//! #     fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
//! #         let balance = self.accounts.get(&account).copied().unwrap_or(0);
//! #         if balance < cents { Err(format!("account {account} holds {balance} cents")) } else { Ok(()) }
//! #     }
//! # }
//! # let directory = tempfile::tempdir()?;
//! # let path = |name| directory.path().join(name);
//! let bank = Image::<Bank>::open(path("bank.image"))?;
//! bank.deposit(7, 100)?;
//! bank.deposit(7, 5_000)?; // event 2: a mistake
//! bank.withdraw(7, 30)?;
//! bank.withdraw(7, 80)?; // nobody could withdraw that without event 2
//!
//! Image::close(bank)?; // from now on, nobody gets an answer that the new image does not contain
//! let journal = memimage::Journal::<Bank>::open(path("bank.image"))?;
//! let report = journal.branch(path("bank.fixed")).without([Seq::new(2)]).create()?;
//! for conflict in &report.conflicts {
//!     println!("{conflict}"); // event 4 (`withdraw` version 1) is left out: its check refuses it: account 7 holds 70 cents
//! }
//!
//! // exchange the directories
//! std::fs::rename(path("bank.image"), path("bank.old"))?;
//! std::fs::rename(path("bank.fixed"), path("bank.image"))?;
//! let bank = Image::<Bank>::open(path("bank.image"))?;
//! assert_eq!(bank.query(|bank| bank.accounts[&7])?, 70);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **Read the report before you exchange the directories.** Events that come after the mistake may rely on it. The events after
//!   the first change are executed again, with their checks.
//!   [`BranchReport::conflicts`](crate::BranchReport::conflicts) lists each event that is refused now, whose body panics, or that
//!   is rejected where it was applied, or the reverse. Refused events, and events whose bodies panic, are left out of the branch;
//!   [`keep_refused`](crate::Branch::keep_refused) keeps the refused ones. Answers that callers received for these events are not
//!   taken back: tell the people concerned.
//! - **To correct an event instead of removing it**, use
//!   [`replacing`](crate::Branch::replacing): `.replacing(Seq::new(2), BankDeposit { account: 9, cents: 5_000 })`. The new event
//!   has the time, the metadata and the random values of the old one.
//! - **Every event keeps its seq**, so that references to events stay right. In place of an event that is left out, the history
//!   shows an entry without an event. Its metadata say who ran it, and under the key
//!   [`Metadata::BRANCH`](crate::Metadata::BRANCH), why it has no effect. If it was a [request](super::retries), a retry is not
//!   executed on the branch either: it gets [`ErrorKind::AlreadyExecuted`](crate::ErrorKind::AlreadyExecuted).
//! - The branch is a new image with its own UUID. [`Stats::parent`](crate::Stats::parent) and
//!   [`admin::check`](crate::admin::check()) show from which image it was branched. Keep the old image: it is the record of what
//!   happened.
//! - **The branch contains the events up to its creation.** If you create it beside the running image, it contains what was durable; the
//!   image goes on, and the branch lacks its later events. So close the image before an undo, or use the branch only to look at it.
//! - The branch is encrypted and chained with the keys of its parent.
//! - The branch has no named [subscriptions](super::subscriptions): give `subscribe_as` the position at which the subscriber is to go on,
//!   or every event is delivered again. [Projections](super::projections) of the parent do not fit the branch: build them anew.
//! - If the owner of the image was killed, the branch contains what an opening of the image would find.
//!
//! [`admin::void`](super::damage#an-event-that-cannot-be-replayed) also removes the effect of one event:
//!
//! | | [`branch`](crate::Journal::branch) `.without(…)` | [`admin::void`](crate::admin::void()) |
//! | --- | --- | --- |
//! | the image | stays as it is; there is a second one | is changed, for good |
//! | several events, replacements | at once | one event at a time; none |
//! | later events | executed with their checks; conflicts are left out and reported | replayed without checks; a panic stops the opening |
//! | a pruned image | is refused | works, if a base before the event is left |
//! | time and space | several replays, and a second image | one more frame, and one replay |
//!
//! Use a branch to undo a mistake. Use `void` for an event that stops the replay, and for an image that was pruned. If a mistake is
//! simple and recent, a command that takes it back, such as `withdraw(7, 5_000)`, may be all that is needed: the history then shows
//! both.
//!
//! # Try a change on a branch
//!
//! A branch is an ordinary image. Use it to try what would happen, and remove it afterwards; the image from which it was branched
//! is not locked, not changed, and goes on:
//!
//! ```
//! # use memimage::{Image, Model, Seq, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Counter { count: u64 }
//! # #[memimage::commands]
//! # impl Counter {
//! #     #[command]
//! #     fn add(&mut self, number: u64) { self.count += number; }
//! # }
//! # let directory = tempfile::tempdir()?;
//! # let path = |name| directory.path().join(name);
//! # let counter = Image::<Counter>::open(path("counter.image"))?;
//! # for _ in 0..4 { counter.add(1)?; }
//! // the state after event 3, and then another continuation
//! counter.journal().branch(path("what-if")).until(Seq::new(3)).create()?;
//! let what_if = Image::<Counter>::open(path("what-if"))?;
//! what_if.add(10)?;
//! assert_eq!(what_if.query(|counter| counter.count)?, 13);
//!
//! // another second event
//! let branch = counter.journal().branch(path("what-if-2")).replacing(Seq::new(2), CounterAdd { number: 100 });
//! branch.create()?;
//! assert_eq!(Image::<Counter>::open(path("what-if-2"))?.query(|counter| counter.count)?, 103);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`until`](crate::Branch::until) also takes a time: a branch of a backup up to the minute before an accident is a point-in-time
//! restore. A branch has the random seed of its parent, so the same event draws the same random values in both; what the two record
//! after they parted has nothing to do with each other.
