//! Keep a program's whole state in main memory, and let every change be a durable, typed command.
//!
//! The pattern is the [Memory Image](https://martinfowler.com/bliki/MemoryImage.html) (Martin Fowler, 2011), also called system
//! prevalence: the state is plain Rust values, each change is recorded as an event in an append-only journal, and after a crash
//! the state is rebuilt from the newest snapshot and the events since. The program needs no database and no mapping code, and
//! the only I/O is that of the journal and the snapshots.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use memimage::{Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! pub struct Bank {
//!     accounts: BTreeMap<u32, u64>,
//! }
//!
//! #[memimage::commands]
//! impl Bank {
//!     /// Puts money into an account.
//!     #[command]
//!     pub fn deposit(&mut self, account: u32, cents: u64) -> u64 {
//!         let balance = self.accounts.entry(account).or_default();
//!         *balance += cents;
//!         *balance
//!     }
//!
//!     /// Takes money out of an account, if there is enough.
//!     #[command(check = can_withdraw)]
//!     pub fn withdraw(&mut self, account: u32, cents: u64) -> u64 {
//!         let balance = self.accounts.entry(account).or_default();
//!         *balance -= cents;
//!         *balance
//!     }
//!
//!     fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
//!         match self.accounts.get(&account) {
//!             Some(balance) if *balance >= cents => Ok(()),
//!             _ => Err(format!("account {account} has less than {cents} cents")),
//!         }
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("bank.image");
//! let bank = Image::<Bank>::open(&path)?;
//! assert_eq!(bank.deposit(7, 100)?, 100); // durable when it returns
//! assert!(bank.withdraw(7, 500).is_err()); // refused, and not recorded
//! Image::close(bank)?;
//!
//! let bank = Image::<Bank>::open(&path)?; // recovers
//! assert_eq!(bank.query(|bank| bank.accounts[&7])?, 100);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # The guide
//!
//! [`guide`] explains all other subjects, one chapter for each, with examples that run:
//!
//! - [`guide::quick_start`]: models, commands, queries, restarts
//! - [`guide::cookbook`]: recipes for an application
//! - [`guide::durability`]: what is on disk when a call returns, and what happens when a write fails
//! - [`guide::changing_your_model`]: versions, upcasters, the shape lock
//! - [`guide::determinism`]: what a command may do
//! - [`guide::snapshots`]: restarts, memory, disk, derived fields, retention
//! - [`guide::past_states`]: earlier states, the changes of a value, undoing a mistaken event
//! - [`guide::subscriptions`]: side effects once, and streams of events
//! - [`guide::projections`]: the same data in another form, kept up to date
//! - [`guide::standby`]: a process that takes over when the owner's process dies
//! - [`guide::beyond_one_machine`]: logs on object storage or JetStream, takeover by another machine, restore by time
//! - [`guide::retries`]: requests that are executed once, although their clients try again
//! - [`guide::backup`]: backups of images in use, and how to restore them
//! - [`guide::damage`]: crashes, checks, repairs, void events
//! - [`guide::looking_inside`]: the command `memimage`, the same verbs in one's own program, a page
//! - [`guide::encryption`]: hiding an image, and detecting changes to it
//! - [`guide::personal_data`]: data of people, erased for real
//! - [`guide::async_and_tokio`]: what blocks, and what does not
//! - [`guide::performance`]: what things cost, and what memimage is not good at
//! - [`guide::grouping_commands`]: several changes as one, and models with many commands
//! - [`guide::glossary`]: the words, and what other systems call them
//!
//! # Where to find a type
//!
//! | for | see |
//! | --- | --- |
//! | a model and its commands | [`Model`], [`Shape`], [`macro@commands`], [`Context`], [`Metadata`] |
//! | the past of an image | [`Journal`], [`History`], [`Past`], [`Branch`] |
//! | a running image | [`Image`], [`Pending`], [`Options`], [`Durability`], [`SnapshotPolicy`], [`SnapshotSource`], [`Replica`], [`Retention`], [`SnapshotSpread`] |
//! | a copy in another process, and a takeover | [`Follower`] |
//! | a part of a large value, for people | [`inspect`] |
//! | errors | [`struct@Error`], [`ErrorKind`], [`CommandError`] |
//! | past versions of events | [`macro@upcast`], [`Recorded`], [`Value`], [`shape`], [`shape_lock`] |
//! | images that are not open: check, repair, rewrite, backup | [`admin`] |
//! | tests of your own models | `memimage::testing`, with the feature `testing` |
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `encryption` | encryption at rest: XChaCha20-Poly1305 |
//! | `chain` | a chain of keyed hashes that shows tampering: BLAKE3 |
//! | `erasure` | personal data that can be erased: [`guide::personal_data`] |
//! | `json` | [`Value`]s and parts of states to and from JSON |
//! | `admin` | the verbs of the command `memimage` in one's own program |
//! | `metrics` | the figures of images for the facade `metrics`: [`guide::performance`](guide::performance#figures) |
//! | `chrono`, `indexmap`, `jiff`, `rust_decimal`, `uuid` | shapes of these crates' types |
//! | `testing` | tests of your own models; for `[dev-dependencies]` |
//! | `compile-fail` | `testing`, and compile-fail tests of your own models, with trybuild |
//! | `sim` | a simulated disk to crash-test your own models on |
//!
//! # Documents
//!
//! The source has more documents: [FORMAT.md] (the bytes on disk), [SECURITY.md] (the threat model), [RELIABILITY.md] (the test
//! suites and their figures), [ERRORS.md] (each message of the macros) and [ARCHITECTURE.md] (how the code is laid out).
//!
//! [FORMAT.md]: https://docs.rs/crate/memimage/latest/source/docs/FORMAT.md
//! [SECURITY.md]: https://docs.rs/crate/memimage/latest/source/docs/SECURITY.md
//! [RELIABILITY.md]: https://docs.rs/crate/memimage/latest/source/docs/RELIABILITY.md
//! [ERRORS.md]: https://docs.rs/crate/memimage/latest/source/docs/ERRORS.md
//! [ARCHITECTURE.md]: https://docs.rs/crate/memimage/latest/source/docs/ARCHITECTURE.md

#![cfg_attr(docsrs, feature(doc_cfg))]

// Each module uses only modules that are declared above it. `tests/tests/architecture.rs` checks this order.
mod seq;
mod planted;
mod panics;
mod log;
mod error;
mod entropy;
mod process;
mod sync;
pub mod shape;
mod nesting;
mod personal;
mod value;
mod digest;
pub mod inspect;
mod context;
mod figures;
mod progress;
mod outcome;
mod event;
mod requests;
mod expand;
// public only with the feature `sim`, so that users can crash-test their own models
#[cfg(feature = "sim")]
pub mod disk;
#[cfg(not(feature = "sim"))]
#[allow(unreachable_pub, dead_code, unused_imports)]
mod disk;
mod personal_keys;
#[cfg_attr(not(all(feature = "chain", feature = "encryption")), allow(dead_code))]
mod keys;
pub mod shape_lock;
mod journal;
mod snapshot;
mod recovery;
pub mod replication;
mod retention;
mod options;
mod history;
mod new_image;
mod branch;
mod projection;
mod execute;
mod image;
mod follower;
pub mod admin;
#[cfg(feature = "testing")]
pub mod testing;
// documentation only
pub mod guide;

pub use memimage_derive::{Model, Shape, command, commands, projection, upcast};

pub use branch::{Branch, BranchConflict, BranchProgress, BranchReport, BranchStep, ConflictKind, ReplacedEvent};
pub use context::{Context, Metadata, Random, Timestamp};
pub use digest::{Digest, DigestError, digest};
pub use error::{CommandError, Error, ErrorKind, Position};
pub use event::{
    Command, Commands, Event, FromRefusal, IntoEvents, Model, Payload, Recorded, ShapeLock, Upcast, UpcastError,
};
pub use execute::Execute;
pub use figures::Histogram;
pub use follower::{Follower, PromoteError};
pub use history::{
    Change, Changes, EventKey, History, HistoryEvent, HistoryIter, Journal, Moment, Parent, Past, RecordedEvent,
    StateDifference, StopHandle, Subscription, SubscriptionInfo, SubscriptionStream,
};
pub use image::{
    Admin, Bulk, BulkOnce, Image, JournalHandle, Pending, PendingAll, ReadGuard, RecoveryReport, SnapshotInfo, Stats,
    WithMetadata, WithRequestKey,
};
pub use journal::Durability;
#[cfg(feature = "chain")]
pub use keys::ChainHead;
#[cfg(any(feature = "chain", feature = "encryption"))]
pub use keys::{Key, Keys};
pub use options::{Options, Replica, SnapshotPolicy, SnapshotSource};
#[cfg(feature = "erasure")]
pub use personal::{Personal, Subject};
pub use progress::{OpeningPhase, Progress};
pub use projection::{EventInfo, Projection, ProjectionOptions, ProjectionStats, Projector};
pub use retention::{Retention, SnapshotSpread};
pub use seq::{SegmentId, Seq};
pub use shape::Shape;
pub use value::{FromValue, Value, ValueError};

/// Items that the code generated by the macros uses. Do not use them by hand: any version may change them.
#[doc(hidden)]
pub mod __private {
    pub use crate::event::{
        AnswerCodecs, Comparison, Derived, DerivedField, EventType, EventVersion, Group, HistoryError, PastState,
        PastVersion, ReplayError, ReplayTarget, Retired, ShapeLock, StateUpcast, StateUpcastFrom, StateVersion, Stored,
        UpcastChain, UpcastFailure, UpcastGoal, UpcastTarget, Upcasting, concat, count, deliver, is_listed,
        missing_event, only_retired_step, only_state_step, only_step, row_of, shared, step,
    };
    pub use crate::expand::{
        AnswerProbe, Argument, CheckArgument, CheckContextArgument, CheckField, CheckResult, CheckSharedArgument,
        CheckSharedField, ContextArgument, ContextProbe, Fallible, FieldProbe, NoAnswer, NoSerde, NoShape, NoText,
        NoTraits, NotContext, NotResult, Recorded, RefusalText, ResultProbe, ShapeOrNone, SharedArgument, SharedField,
        assert_model, check_result, events_of, not_rebuilt,
    };
    pub use crate::outcome::Outcome;
    pub use crate::projection::{EventHandler, delivered, has_second_handler};
    pub use crate::shape::{
        Back, ConstText, Descriptor, Enum, Field, Primitive, ShapeRef, Struct, Style, Variant, derived_field, drifted,
        generic_identity, identity,
    };
    pub use crate::shape_lock::bless_or_verify;
    pub use serde;
    pub use std::convert::Infallible;

    /// The attributes that `derive(Model)` imports, so that an attribute in the wrong place gets its own error message.
    pub mod marks {
        pub use memimage_derive::command;
    }
}
