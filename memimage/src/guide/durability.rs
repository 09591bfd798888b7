//! What is on disk when a call returns, and what to do when a write fails.
//!
//! # Three modes
//!
//! [`Options::durability`](crate::Options::durability) selects the mode each time an image is opened. The default is
//! `Synced`. Events are written in *batches*: those that arrive while the disk is busy share the next write and the
//! next sync.
//!
//! | | `Synced` | `Interval(d)` | `Buffered` |
//! | --- | --- | --- | --- |
//! | a command or a `query` returns once its batch is | on disk (`fdatasync`) | written to the operating system | written to the operating system |
//! | killing the process loses | nothing answered | nothing answered | nothing answered |
//! | a power cut loses | nothing answered | at most what was answered since the last sync; one begins every `d` | what was answered since the last sync: at a new segment, a snapshot, `sync` or `close` |
//! | one thread that waits for each command pays | a sync: from 0.1 ms on a good SSD to several ms | a write: some tens of µs | a write: some tens of µs |
//! | threads that wait at the same time | share the sync | share the write | share the write |
//!
//! A crash takes back only the end of the journal: what remains is the first events, without a gap. In `Synced` mode a
//! value, a refusal or a panic's message reaches its caller only after everything it was computed from is on disk. A
//! refusal waits for the commands that it may rest on; if none is pending, it returns at once.
//!
//! # How far the journal is on disk
//!
//! Each recorded command has a number, its [`Seq`](crate::Seq): 1, 2, 3 … [`Image::journal`](crate::Image::journal) has
//! three positions. They say how far the journal has come. Each is at most the one before.
//!
//! | position | the last event that is | it survives |
//! | --- | --- | --- |
//! | `seq()` | executed | |
//! | `written_seq()` | written to the operating system | a killed process |
//! | `durable_seq()` | on disk | a power cut |
//!
//! `sync()` makes everything that was executed durable, in any mode.
//!
//! ```
//! # use memimage::{Durability, Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Counter { count: u64 }
//! # #[memimage::commands]
//! # impl Counter {
//! #     #[command]
//! #     fn add(&mut self) -> u64 { self.count += 1; self.count }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("counter.image");
//! let counter = Image::<Counter>::options().durability(Durability::Buffered).open(&path)?;
//! counter.add()?; // written, perhaps not on disk yet
//! assert_eq!(counter.journal().written_seq(), counter.journal().seq());
//! counter.journal().sync()?;
//! assert_eq!(counter.journal().durable_seq(), counter.journal().seq());
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Reading: durable or newest
//!
//! | call | it shows | it waits for |
//! | --- | --- | --- |
//! | [`query`](crate::Image::query) | only what a crash cannot take back (in `Interval` and `Buffered`: what a killed process cannot) | the batch of the newest command that it saw |
//! | [`read_uncommitted`](crate::Image::read_uncommitted) | the newest state, which a crash may take back | nothing |
//!
//! Commands wait while either of them looks at the model. Keep them short.
//!
//! # Speed
//!
//! One run of `cargo bench -p memimage`, on a virtual machine with two cores where a sync took 0.13 ms:
//!
//! | what was measured | commands a second |
//! | --- | --- |
//! | the bare method, without any log | 46 million |
//! | encoding, checksum, and one sync per 100,000, by hand | 26 million |
//! | `Synced`, one thread that submits 100,000 and then waits | 7.3 million |
//! | `Synced`, 64 threads with 40 commands under way each | 2.4 million |
//! | `Synced`, 64 threads that each wait for each command | 162,000 |
//! | `Synced`, one thread that waits for each command | 8,100 |
//! | one write and one sync for each command, by hand | 7,500 |
//!
//! # When a write fails
//!
//! [`Error::kind`](crate::Error::kind) says what went wrong, for a program that must decide; the message says it to a
//! person, with the place and what to do.
//!
//! - *The disk is full.* The command fails before it is executed
//!   ([`ErrorKind::StorageFull`](crate::ErrorKind::StorageFull)). Free some space and go on. On btrfs and ZFS a full
//!   disk may poison the image instead, since overwriting needs space there. Nothing acknowledged is lost either way.
//! - *A write or sync of the journal fails.* The library does not try it again, since a sync that succeeds after one
//!   that failed proves nothing. The image is *poisoned*: every call fails until it is opened again. Each waiting
//!   caller's error says whether its outcome is known
//!   ([`Error::is_outcome_unknown`](crate::Error::is_outcome_unknown)). Opening recovers the image, and writes again
//!   all events that are not proven to be on disk.
//! - *A snapshot or the next segment cannot be written.* Nothing is lost, and the image goes on.
//!
//! # Why a request should carry a key
//!
//! A client that loses its connection, or gets an error with an unknown outcome, does not know whether its command was
//! executed. If it sends the command again, the command may be executed twice. A key that the client chooses for each
//! request, such as a random UUID, makes the retry safe: the model stores the answer under the key, and answers a retry
//! from there.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Bank {
//!     accounts: BTreeMap<u32, u64>,
//!     answers: BTreeMap<u128, u64>, // by the key of the request
//! }
//!
//! #[memimage::commands]
//! impl Bank {
//!     #[command]
//!     fn deposit(&mut self, request: u128, account: u32, cents: u64) -> u64 {
//!         if let Some(answer) = self.answers.get(&request) {
//!             return *answer;
//!         }
//!         let balance = self.accounts.entry(account).or_default();
//!         *balance += cents;
//!         self.answers.insert(request, *balance);
//!         *balance
//!     }
//! }
//!
//! let bank = Image::<Bank>::in_memory()?;
//! assert_eq!(bank.deposit(0x81a3, 7, 100)?, 100);
//! assert_eq!(bank.deposit(0x81a3, 7, 100)?, 100); // a retry: the first answer, and nothing is added
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - A `check` must let a known key pass: after the first withdrawal, the balance may be too small for a second one.
//! - The stored answers are part of the model. Let a command remove those that are older than any retry, by
//!   [`ctx.time()`](crate::Context::time) or by their number.
//!
//! # One owner
//!
//! One process owns an image. A second one is refused at once, and the error names the owner. Never delete `LOCK`: it
//! is free once its process has ended, however it ended. Without it, two owners would overwrite each other. Images on
//! network file systems are refused (on Linux, which tells the type of a file system), since locks and syncs cannot be
//! relied on there.
//!
//! # What the promises assume
//!
//! A sector of 512 bytes is written whole or not at all. A write changes nothing around it. A disk that reports a sync
//! has written the data. `docs/FORMAT.md` lists all assumptions, and `docs/RELIABILITY.md` says how the promises are
//! tested. Copies, backups and protection against decaying disks are yours: memimage detects damage, and cannot bring
//! back lost bytes.
