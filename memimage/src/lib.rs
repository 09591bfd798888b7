//! Keep a program's whole state in main memory, and let every change be a durable, typed command.
//!
//! The pattern is the [Memory Image](https://martinfowler.com/bliki/MemoryImage.html) (Martin Fowler, 2011), also called
//! system prevalence: the state is plain Rust values, each change is recorded as an event in an append-only journal, and
//! after a crash the state is rebuilt from the newest snapshot and the events since. There is no database, no mapping
//! code, and no I/O but the journal.
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
//! bank.close()?;
//!
//! let bank = Image::<Bank>::open(&path)?; // recovers
//! assert_eq!(bank.query(|bank| bank.accounts[&7])?, 100);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Where to find what
//!
//! - A model and its commands: [`Model`], [`Shape`], [`macro@commands`], [`Context`].
//! - Holding the events to the shapes they were recorded in: [`lock`].
//! - A running image: [`Image`], [`Pending`], [`Options`], [`Durability`], [`SnapshotPolicy`], [`Retention`].
//! - What is done to images that nobody runs: checking and repairing what is damaged, making an event void, rewriting a
//!   journal: [`admin`].
//! - What goes wrong: [`struct@Error`], [`CommandError`].
//! - Tests of your own models: `memimage::testing`, under the feature `testing`.
//! - Payloads as maps, lists and scalars, without the program's types: [`Value`], [`ShapeTree`].
//! - What is on disk: `docs/FORMAT.md`; how the code is laid out: `docs/ARCHITECTURE.md`.

// One way only: each module uses those above it. `tests/tests/architecture.rs` keeps this order.
mod seq;
mod planted;
mod error;
mod entropy;
mod sync;
#[cfg_attr(not(all(feature = "chain", feature = "encryption")), allow(dead_code))]
mod keys;
mod shape;
mod value;
mod digest;
mod context;
mod event;
mod expand;
// public with the feature `sim` only: the seam for testing one's own models against crashes
#[cfg(feature = "sim")]
pub mod disk;
#[cfg(not(feature = "sim"))]
#[allow(unreachable_pub, dead_code, unused_imports)]
mod disk;
pub mod lock;
mod journal;
mod snapshot;
mod recovery;
mod retention;
mod options;
mod submit;
mod image;
pub mod admin;
#[cfg(feature = "testing")]
pub mod testing;

pub use memimage_derive::{Model, Shape, command, commands, upcast};

pub use context::{Context, Metadata, Random, Timestamp};
pub use digest::{Digest, DigestError, digest};
pub use error::{CommandError, Error, Position};
pub use event::{
    Command, Commands, Event, FromRefusal, Land, Model, Payload, Recorded, ShapeLock, Upcast, UpcastError,
};
pub use image::{Admin, Image, Pending, ReadGuard, Recovery, SnapshotInfo, Stats, With};
pub use journal::Durability;
#[cfg(feature = "chain")]
pub use keys::ChainHead;
#[cfg(any(feature = "chain", feature = "encryption"))]
pub use keys::{Key, Keys};
pub use options::{Options, SnapshotPolicy};
pub use retention::Retention;
pub use seq::{SegmentId, Seq};
pub use shape::{DecodeShapeError, Difference, Fingerprint, Shape, ShapeTree, differences, fingerprint};
pub use submit::Submit;
pub use value::{FromValue, Value, ValueError};

/// What the macros' expansions name. Not for use by hand, and free to change in any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::event::{
        Arrive, Astray, Course, EventType, Failure, Fault, Group, Landing, Onward, Outcome, PastState, PastVersion,
        Rise, RiseFrom, ShapeLock, Sink, Stands, StateVersion, concat, count, forgotten, is_listed, only_state_step,
        only_step, row_of, shared, step, take,
    };
    pub use crate::expand::{
        Argument, CheckArgument, CheckContextArgument, CheckField, CheckSharedArgument, CheckSharedField,
        ContextArgument, Fallible, Judgement, NoSerde, NoShape, NotResult, Probe, Recorded, ShapeOrNone,
        SharedArgument, SharedField, assert_model, events_of, judged,
    };
    pub use crate::lock::bless_or_verify;
    pub use crate::shape::{
        Back, Descriptor, Enum, Field, Primitive, ShapeRef, Struct, Style, Text, Variant, drifted, generic_identity,
        identity,
    };
    pub use serde;
    pub use std::convert::Infallible;

    /// The attributes that `derive(Model)` imports, so that one in the wrong place has a message of its own.
    pub mod marks {
        pub use memimage_derive::command;
    }
}
