//! What is on disk when a call returns, and what to do when a write fails.
//!
//! # Three modes
//!
//! [`Options::durability`](crate::Options::durability) selects the mode each time an image is opened. The default is
//! `Synced`. Events are written in *batches*: events that arrive while the disk is busy share the next write and the next
//! sync.
//!
//! | | `Synced` | `Interval(d)` | `Buffered` |
//! | --- | --- | --- | --- |
//! | a command or a `query` returns once its batch is | on disk (`fdatasync`) | written to the operating system | written to the operating system |
//! | killing the process loses | no answered command | no answered command | no answered command |
//! | a power cut loses | no answered command | at most the commands answered since the last sync; a sync begins every `d` | the commands answered since the last sync; a new segment, a snapshot, `sync` and `close` each sync |
//! | one thread that waits for each command pays | a sync: from 0.1 ms on a good SSD to several ms | a write: some tens of µs | a write: some tens of µs |
//! | threads that wait at the same time | share the sync | share the write | share the write |
//!
//! A crash can only remove events from the end of the journal; it leaves no gap. In `Synced` mode, a caller gets a value,
//! a refusal or the message of a panic only after every event on which this answer may depend is on disk. If all events
//! are already on disk, a refusal returns at once.
//!
//! # How far the journal is on disk
//!
//! Each recorded command has a number, its [`Seq`](crate::Seq): 1, 2, 3 … [`Image::journal`](crate::Image::journal) reports
//! three positions. In this table, no position is ahead of the one in the row above:
//!
//! | position | the last event that is | it survives |
//! | --- | --- | --- |
//! | `seq()` | executed | |
//! | `written_seq()` | written to the operating system | a killed process |
//! | `durable_seq()` | on disk | a power cut |
//!
//! `sync()` makes all executed commands durable, in any mode.
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
//! | call | it returns | it waits for |
//! | --- | --- | --- |
//! | [`query`](crate::Image::query) | a result that no crash can take back (in `Interval` and `Buffered`: that killing the process cannot take back) | the running command, then the batch of the newest command whose effect the query saw |
//! | [`read_uncommitted`](crate::Image::read_uncommitted) | the newest state, which a crash may take back | the running command |
//!
//! Commands wait while a query's closure runs, and while a guard of `read_uncommitted` lives. Keep closures and guards short.
//!
//! # Speed
//!
//! In `Synced`, a call that waits takes one sync of the disk, and shares it with all calls that wait at the same time:
//! [`performance`](super::performance) has the figures.
//!
//! # When a write fails
//!
//! A program should react to the [`Error::kind`](crate::Error::kind). The message of the error is for people: it states what
//! happened and where, and how to fix it.
//!
//! - *The disk is full.* The command fails before it is executed ([`ErrorKind::StorageFull`](crate::ErrorKind::StorageFull)).
//!   Free some space and try again. A disk can be full for the image although some space is free: the next segment is created as a
//!   whole, and the message says how many bytes it takes. Smaller [segments](crate::Options::segment_bytes) take less. On btrfs and ZFS, where overwriting needs space, a full disk may poison the image instead.
//!   A full disk never loses an answered command.
//! - *A write or sync of the journal fails.* The library does not retry: after a failed sync, a successful sync does not prove
//!   that the data is on disk. The image is *poisoned*: every call fails until the image is opened again. The error of each
//!   waiting caller states whether the outcome of its command is known
//!   ([`Error::is_outcome_unknown`](crate::Error::is_outcome_unknown)). Opening recovers the image, and writes again,
//!   unchanged, all events that are not proven to be on disk.
//! - *A snapshot or the next segment cannot be written.* No answered command is lost, and the image stays in use.
//!
//! # Why a request should carry a key
//!
//! A client that loses its connection, or gets an error with an unknown outcome, does not know whether its command was
//! executed. If the client sends the command again, the command may be executed twice. A key that the client chooses for
//! each request, such as a random UUID, makes the retry safe: `bank.once(key).deposit(7, 100)` executes the deposit once, and
//! answers a retry with the first answer. See [retries](super::retries).
//!
//! # One owner
//!
//! One process owns an image. A second process is refused at once, and the error names the owner. Never delete `LOCK`: the
//! operating system releases the lock when the owning process ends, for whatever reason. On a file system that can lock
//! directories, as local file systems can, the library locks the image's directory too: a second process is then refused even
//! if somebody deletes `LOCK`.
//!
//! The owner is the process that opened the image; a child that this process makes by `fork` is not an owner. In the
//! child every call returns [`ErrorKind::Forked`](crate::ErrorKind::Forked), and dropping the child's copy of the image
//! does not affect the parent. A child that does not `exec` another program keeps the lock of its parent: if the parent dies, nobody can
//! open the image until the child has dropped its copy or has ended. A program that becomes a daemon must open its images after the fork. On Linux, images on
//! network file systems are refused, because their locks and syncs are not reliable;
//! [`Options::allow_network`](crate::Options::allow_network) permits them.
//!
//! # Assumptions about disks
//!
//! The library assumes that a sector of 512 bytes is written completely or not at all, that a write changes nothing
//! outside the sectors that it touches, and that data is on disk once the disk reports its sync. `docs/FORMAT.md` lists
//! all assumptions, and `docs/RELIABILITY.md` describes the tests of the promises. Make your own backups: memimage
//! detects damage, and cannot restore lost bytes.
