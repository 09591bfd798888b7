//! The machine's process dies: how does another one take over?
//!
//! A [`Follower`](crate::Follower) is a copy of the model in another process on the same machine. It replays the journal of the
//! owner as the owner writes it, so that it can answer queries, and can become the owner within milliseconds.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use memimage::{ErrorKind, Follower, Image, Model, Shape};
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
//!     fn deposit(&mut self, account: u32, cents: u64) -> u64 {
//!         let balance = self.accounts.entry(account).or_default();
//!         *balance += cents;
//!         *balance
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("bank.image");
//! // the process that owns the image
//! let owner = Image::<Bank>::open(&path)?;
//! owner.deposit(7, 100)?;
//! let seq = owner.journal().seq();
//!
//! // the standby process: the options are those with which it opens the image when it takes over
//! let follower: Follower<Bank> = Image::<Bank>::options().follow(&path)?;
//! follower.wait(seq)?; // how far to wait: a client that has read its answer from the owner knows the seq
//! assert_eq!(follower.query(|bank| bank.accounts[&7])?, 100);
//!
//! // while the owner lives, nobody else can become the owner; the error gives the follower back
//! let failed = follower.promote().map(drop).unwrap_err();
//! assert_eq!(failed.error().kind(), ErrorKind::Locked);
//! let follower = failed.into_follower();
//!
//! # Image::close(owner)?;
//! // the owner has died
//! let bank = follower.promote()?;
//! assert_eq!(bank.deposit(7, 5)?, 105);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # What does a follower show?
//!
//! Durable events only: what a power cut cannot take back. It learns from the files which events are synced, and polls them every
//! millisecond while the owner is busy, and every 20 ms while nothing happens.
//!
//! - [`seq`](crate::Follower::seq) is the last event in its state, and [`lag`](crate::Follower::lag) the number of durable events
//!   that it has not replayed. A client that reads from a follower what it has just written waits for the seq of its write.
//! - With [`Durability::Buffered`](crate::Durability::Buffered), the owner rarely syncs, so a follower is far behind. It loses
//!   nothing at a promotion: what the owner has written before it was killed is still in the page cache.
//! - [`query`](crate::Follower::query) keeps the follower from replaying while it runs, so queries should be short.
//!
//! A follower goes on through new segments, snapshots, pruning, restarts and crashes of the owner, and
//! [void events](super::damage#an-event-that-cannot-be-replayed). If it was so slow that events were pruned before it read them, it
//! recovers its state again from a newer snapshot, and logs a warning ([`recoveries`](crate::Follower::recoveries)).
//!
//! # When does it stop?
//!
//! A follower that cannot go on stops, and every call returns the reason. It shows no state any more, because a state that no longer
//! moves looks like a living one. Open it again once the cause is corrected.
//!
//! | [`ErrorKind`](crate::ErrorKind) | what happened |
//! | --- | --- |
//! | `Replaced` | the directory was removed, a repair gave up events that the follower had replayed, or a backup, another image or another timeline of the image is in its place |
//! | `Incompatible` | the owner was upgraded, and records events that this program does not know; upgrade the followers first |
//! | `Diverged` | a body is not deterministic: an event cannot be replayed, or the state differs from a digest in the journal. The message names the range of events |
//! | `Corrupt`, `Forged`, `Key` | the journal is damaged, was changed without the key, or uses a key that the follower does not have |
//! | `Io` | the files could not be read, and the pauses between the attempts add up to ten seconds |
//!
//! A follower compares its state with each digest that the journal records for its newest state, also if no event follows: an owner
//! at rest records them with its snapshots. Under load, the digests are those of older states. [`verify`](crate::Follower::verify) compares those too:
//! it replays the journal from a snapshot in a second copy of the model.
//!
//! # How does it take over?
//!
//! [`promote`](crate::Follower::promote) takes the image's lock, which the operating system has released when the owner's process
//! ended, repairs a torn write, replays the events that the follower has not replayed, begins a new epoch, and returns the
//! [`Image`](crate::Image). No acknowledged command is lost. If several followers are promoted at once, one becomes the owner, and
//! the others get `Locked`, and go on following: now the new owner.
//!
//! Who decides that the owner is dead is up to you: a supervisor that waits for the process, or a lease. A promotion cannot take the
//! image from an owner that still lives, even if that owner hangs: end its process first. A child that the owner made by `fork`, and that
//! did not `exec` another program, keeps the [lock](super::durability#one-owner) of a dead owner: end it, too.
//!
//! Clients of a dead owner do not know what became of the command for which they had no answer yet. Let them ask the new owner
//! before they try again.
//!
//! Followers share the disk with the owner. They help if a process dies, not if the disk or the machine does: see
//! [beyond one machine](super::beyond_one_machine).
//!
//! [`examples/standby`](https://github.com/OWNER/memimage/blob/main/examples/standby/README.md) is a service with two standby
//! processes. It kills its owners under load, and verifies that no acknowledged command is lost.
