//! Which calls block a thread, and how to use an image from an async runtime such as tokio.
//!
//! memimage depends on no runtime. A [`Pending`](crate::Pending) is a plain `Future`: while a task awaits it, a thread of the
//! image writes and syncs.
//!
//! # What blocks
//!
//! A command waits for *room* if too many batches are queued, or if it needs the next segment and this segment is not yet
//! preallocated.
//!
//! | call | waits for the image's lock | waits for room | waits for its batch on disk |
//! | --- | --- | --- | --- |
//! | a command as a method, `bank.deposit(…)` | blocks | blocks | blocks |
//! | `submit(…)` | blocks | blocks | no |
//! | `submit_all(…)`, `submit_each(…)` | blocks | blocks | no |
//! | `try_submit(…)` | blocks | no: returns [`ErrorKind::Busy`](crate::ErrorKind::Busy) | no |
//! | `submit_async(…).await` | blocks | awaits | no |
//! | `execute_async(…).await` | blocks | awaits | awaits |
//! | `pending.await`, of a `Pending` or `PendingAll` | no | no | awaits |
//! | `pending.wait()` | no | no | blocks |
//! | `query(…)` | blocks | no | blocks |
//! | `query_async(…).await` | blocks | no | awaits |
//! | `read_uncommitted()` | blocks | no | no |
//! | `view(…)` | no | no | blocks, while the replica is made or brought up to date |
//!
//! `Image::open`, `Image::close`, `journal().sync()`, `admin().snapshot()` and the drop of the last handle read or write files,
//! and block the thread meanwhile.
//!
//! A command holds the lock while its check and body run, and a query while its closure runs: usually for microseconds.
//! Three things hold the lock longer: a slow command or query (new queries wait behind a waiting command); the closure of
//! `submit_each`, for up to 64 items; and the rebuild of the model after a panic. A snapshot holds the lock only for the
//! [verification](super::snapshots#verification), or if its source is the model itself. Even the async calls block their thread
//! while they wait for the lock. Call `view` from `spawn_blocking`.
//!
//! An executor may poll a task inside the task's waker. In this case the task runs on the thread that writes the journal. On
//! that thread, `submit_async`, `execute_async` and `query_async` work, but a call that could block until the journal is
//! written returns [`ErrorKind::Reentrant`](crate::ErrorKind::Reentrant). A waker that panics is reported through `tracing` and
//! harms no other caller.
//!
//! # A handler
//!
//! Clone the image into each task; a clone copies only a pointer.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{CommandError, Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Bank { accounts: BTreeMap<u32, u64> }
//! # #[memimage::commands]
//! # impl Bank {
//! #     #[command]
//! #     fn deposit(&mut self, account: u32, cents: u64) -> u64 {
//! #         let balance = self.accounts.entry(account).or_default();
//! #         *balance += cents;
//! #         *balance
//! #     }
//! #     #[command(check = can_withdraw)]
//! #     fn withdraw(&mut self, account: u32, cents: u64) -> u64 {
//! #         let balance = self.accounts.entry(account).or_default();
//! #         *balance -= cents;
//! #         *balance
//! #     }
//! #     fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
//! #         let balance = self.accounts.get(&account).copied().unwrap_or(0);
//! #         if balance < cents { Err(format!("account {account} holds {balance} cents")) } else { Ok(()) }
//! #     }
//! # }
//! # /// Runs a future on this thread.
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     struct Unpark(std::thread::Thread);
//! #     impl std::task::Wake for Unpark {
//! #         fn wake(self: std::sync::Arc<Self>) { self.0.unpark(); }
//! #     }
//! #     let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
//! #     let mut context = std::task::Context::from_waker(&waker);
//! #     let mut future = std::pin::pin!(future);
//! #     loop {
//! #         match future.as_mut().poll(&mut context) {
//! #             std::task::Poll::Ready(output) => return output,
//! #             std::task::Poll::Pending => std::thread::park(),
//! #         }
//! #     }
//! # }
//! async fn withdraw(bank: Image<Bank>, account: u32, cents: u64) -> Result<u64, String> {
//!     match bank.execute_async(BankWithdraw { account, cents }).await {
//!         Ok(balance) => Ok(balance), // on disk
//!         Err(CommandError::Refused(reason)) => Err(reason),
//!         Err(CommandError::Image(error)) => Err(format!("try again later: {error}")),
//!     }
//! }
//!
//! async fn balance(bank: Image<Bank>, account: u32) -> Result<u64, memimage::Error> {
//!     bank.query_async(|bank| bank.accounts.get(&account).copied().unwrap_or(0)).await
//! }
//! # fn send<T: Send>(value: T) -> T { value }
//! # let bank = Image::<Bank>::in_memory()?;
//! # bank.deposit(7, 100)?;
//! # assert_eq!(block_on(send(withdraw(bank.clone(), 7, 30))), Ok(70));
//! # assert_eq!(block_on(withdraw(bank.clone(), 7, 500)), Err("account 7 holds 70 cents".to_owned()));
//! # assert_eq!(block_on(send(balance(bank.clone(), 7)))?, 70);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Many commands from one task
//!
//! Submit all commands first and await them afterwards, so that they share a sync:
//!
//! ```
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Counter { count: u64 }
//! # #[memimage::commands]
//! # impl Counter {
//! #     #[command]
//! #     fn add(&mut self, number: u64) -> u64 { self.count += number; self.count }
//! # }
//! async fn add_all(counter: Image<Counter>, numbers: Vec<u64>) -> Result<u64, memimage::Error> {
//!     let mut pending = Vec::new();
//!     for number in numbers {
//!         pending.push(counter.submit_async(CounterAdd { number }).await?);
//!     }
//!     let mut last = 0;
//!     for answer in pending {
//!         last = answer.await?;
//!     }
//!     Ok(last)
//! }
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     struct Unpark(std::thread::Thread);
//! #     impl std::task::Wake for Unpark {
//! #         fn wake(self: std::sync::Arc<Self>) { self.0.unpark(); }
//! #     }
//! #     let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
//! #     let mut context = std::task::Context::from_waker(&waker);
//! #     let mut future = std::pin::pin!(future);
//! #     loop {
//! #         match future.as_mut().poll(&mut context) {
//! #             std::task::Poll::Ready(output) => return output,
//! #             std::task::Poll::Pending => std::thread::park(),
//! #         }
//! #     }
//! # }
//! # assert_eq!(block_on(add_all(Image::in_memory()?, vec![1, 2, 3]))?, 6);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Cancelling
//!
//! If a future is dropped, by a timeout or by `select!`, its command is not undone: an executed command is written, whether or
//! not anybody waits for it. (A future that is dropped before its first poll executes nothing.) A caller that gives up does
//! not know the outcome; a [key in the request](super::durability#why-a-request-should-carry-a-key) makes its retry safe.
//!
//! # Startup and shutdown
//!
//! Opening replays the journal, and closing syncs it. Run both on a thread that may block:
//!
//! ```text
//! let bank = tokio::task::spawn_blocking(|| Image::<Bank>::open("bank.image")).await??;
//! // …
//! tokio::task::spawn_blocking(move || Image::close(bank)).await??;
//! ```
//!
//! # Guards
//!
//! The guard of [`read_uncommitted`](crate::Image::read_uncommitted) is not `Send`. So if a task holds the guard across
//! an `.await`, the compiler refuses to spawn it on a runtime with several threads. Commands wait while the guard lives.
