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
//! use std::time::{Duration, SystemTime};
//!
//! use memimage::{Image, Metadata, Model, Seq, Shape, Timestamp};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Bank {
//!     accounts: BTreeMap<u32, u64>,
//! }
//!
//! #[memimage::commands(derive(Debug))]
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
//! # let now = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
//! # let reading = std::sync::Arc::clone(&now);
//! # let clock = move || Timestamp::from_micros(reading.load(std::sync::atomic::Ordering::Relaxed));
//! # let at_hour = |hour: u64| {
//! #     now.store((1_780_272_000 + hour * 3_600) * 1_000_000, std::sync::atomic::Ordering::Relaxed);
//! # };
//! # at_hour(9);
//! let bank = Image::<Bank>::options().clock(clock).open(&path)?; // with a clock for this example
//! bank.with(Metadata::actor("teller 1")).deposit(7, 100)?; // at 9:00
//! # at_hour(11);
//! bank.with(Metadata::actor("teller 3")).deposit(7, 5_000)?; // at 11:00
//! # at_hour(15);
//! bank.withdraw(7, 30)?; // at 15:00
//!
//! // What is in the journal?
//! let mut lines = Vec::new();
//! for event in bank.journal().history() {
//!     let event = event?;
//!     let actor = event.metadata().get(Metadata::ACTOR).unwrap_or("-");
//!     lines.push(format!("{} {actor}: {:?}", event.seq(), event.event().unwrap()));
//! }
//! assert_eq!(lines, [
//!     "1 teller 1: Deposit(BankDeposit { account: 7, cents: 100 })",
//!     "2 teller 3: Deposit(BankDeposit { account: 7, cents: 5000 })",
//!     "3 -: Withdraw(BankWithdraw { account: 7, cents: 30 })",
//! ]);
//!
//! // What was the state at noon? (A `SystemTime` becomes a `Timestamp`; so date libraries work too.)
//! let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_315_200);
//! let past = bank.journal().at(Timestamp::from(noon))?;
//! assert_eq!((past.seq(), past.accounts[&7]), (Seq::new(2), 5_100));
//!
//! // And after the first event?
//! assert_eq!(bank.journal().at(Seq::new(1))?.accounts[&7], 100);
//!
//! // Who changed this balance, and when?
//! let mut lines = Vec::new();
//! for change in bank.journal().changes(|bank| bank.accounts.get(&7).copied()) {
//!     let change = change?;
//!     let actor = change.events[0].metadata().get(Metadata::ACTOR).unwrap_or("-");
//!     let hour = change.time.as_micros() / 3_600_000_000 % 24;
//!     lines.push(format!("event {}, {hour} o'clock, {actor}: from {:?} to {:?}", change.seq, change.old, change.new));
//! }
//! assert_eq!(lines, [
//!     "event 1, 9 o'clock, teller 1: from None to Some(100)",
//!     "event 2, 11 o'clock, teller 3: from Some(100) to Some(5100)",
//!     "event 3, 15 o'clock, -: from Some(5100) to Some(5070)",
//! ]);
//!
//! // What did teller 3 do last?
//! let last = bank.journal().history().by("teller 3").newest_first().into_iter().next().unwrap()?;
//! assert_eq!(last.seq(), Seq::new(2));
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
//! - [`Past`](crate::Past) moves: [`step`](crate::Past::step) replays the next event, [`seek`](crate::Past::seek) goes to another
//!   moment. It is a copy in memory, and never changes the image.
//! - [`inspect`](crate::inspect) reads a part of a state that is named by a path, such as `accounts.7`, and compares two states in memory.
//!   With the feature `admin`, `memimage::admin::run` gives a program verbs for it: `bank admin changes accounts.7`.
//! - [`History`](crate::History) selects events by range, time, name, actor and outcome, forward or
//!   [newest first](crate::History::newest_first). It shows each event at its newest version, and with
//!   [`recorded`](crate::HistoryEvent::recorded) what the journal holds, even if a program of long ago recorded it.
//! - A rejected event is an event too: its body may have changed the state before it returned the error. A void event changed nothing.
//! - All of this shows durable events only. A running image first makes the events durable whose answers were returned. A reader in
//!   another process sees an event some microseconds after its answer; after a kill, the last event may be shown only once the image was
//!   opened again.
//! - Once the image is closed, its `journal()` returns [`ErrorKind::Closed`](crate::ErrorKind::Closed), and does not keep the model in
//!   memory. A loop over the history that has begun reads on to its end. `Journal::open` reads the files of a closed image.
//! - If the journal was [pruned](super::snapshots), the past begins with its base, and `history()` with the first event that is
//!   left ([`first_seq`](crate::Journal::first_seq)). A range or a time that ends before that event is an error
//!   ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)), as is a range that begins before it: no answer is silently short.
//! - Loops over `history()` and `changes` end with the last event that was durable when they began.
//! - If a backup is restored in the place of the image, new calls read the restored image. A `Past` or a loop from before the restore
//!   goes on as long as the restored journal has what it has read, and otherwise returns
//!   [`ErrorKind::Replaced`](crate::ErrorKind::Replaced). If another image takes the place, every call does.
//!
//! # The cost of a past state
//!
//! | | reads |
//! | --- | --- |
//! | `at(seq)` | the newest snapshot before the event, and the journal from there to the event; from the first event if there is no such snapshot |
//! | `at(time)` | the same, and before that all segments from the end of the journal back to the one with the last event at that time |
//! | `seek` | forward to a seq: the events between; otherwise as `at` |
//! | `history()` | the events of its [range](crate::History::range), in constant memory |
//! | `newest_first()` | the segments with the events that the loop takes, from the end backward |
//! | `changes`, `first` | the journal from its start, or from the moment of a `Past`: `journal.at(seq)?.changes(…)` |
//!
//! Each call also reads the last segment, which has the newest shapes, the header of every segment, and the segments in which [an
//! event became void](super::damage#an-event-that-cannot-be-replayed). A segment has at most 64 MiB.
//!
//! By default there are two snapshots, both recent, so an old state is replayed from the first event. To look at old states often, keep
//! more: [`keep_snapshots(20, SnapshotSpread::Even)`](crate::Options::keep_snapshots) bounds each replay by about a tenth of the journal.
//! The price is disk space: 20 times the size of the state, in each backup too.
//!
//! The event of a time is found from the end backward, because recorded time can go back: after the system clock was ahead,
//! [`correct_time`](crate::Admin::correct_time) sets it back, and later events can then have earlier times. `at(time)` is the state after
//! the last event, in the order of the journal, that was recorded at or before this time. Within a time that the clock has run through
//! twice, name an event instead. For several calls about one time, call `at(time)` once, and use [`Past::seq`](crate::Past::seq).
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
//! - Each event has another [key](crate::EventKey) than in the parent, since the branch is another image: a receiver that has handled the
//!   events of the parent takes those of the branch for new ones.
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
