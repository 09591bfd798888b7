//! Copies of a [memory image](memimage) beyond one machine.
//!
//! The owner of an image ships its journal to a *log* on other machines: on object storage (`s3://`, `gs://`, `az://`, `file://`) or on
//! NATS JetStream (`nats://`). From the log, [`Standby`]s keep copies that can take over, and [`restore`](crate::restore()) rebuilds the image as of any
//! time. The guide of memimage has a chapter, [beyond one machine](memimage::guide::beyond_one_machine).
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use memimage::replication::Acknowledge;
//! use memimage::{Image, Model, Shape};
//! use memimage_replication::{Log, Standby};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Counter { count: u64 }
//!
//! #[memimage::commands]
//! impl Counter {
//!     /// Adds one.
//!     #[command]
//!     fn add(&mut self) -> u64 { self.count += 1; self.count }
//! }
//!
//! // the owner
//! let log = Log::open("nats://10.0.0.1:4222/counter?sync_interval=always")?.lease(Duration::from_secs(3));
//! let counter = Image::<Counter>::options().replicate(log, Acknowledge::Remote).open("counter.image")?;
//! counter.add()?; // on the local disk, and in the log
//!
//! // another machine
//! let log = Log::open("nats://10.0.0.1:4222/counter?sync_interval=always")?.lease(Duration::from_secs(3));
//! let standby = Standby::<Counter>::open(log, "counter.image")?;
//! println!("{}", standby.query(|counter| counter.count)?);
//! let counter = standby.auto(Duration::from_secs(3))?; // returns when the owner is gone
//! counter.add()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

// each module uses only modules that are declared above it
mod planted;
mod log_error;
mod remote_log;
mod pauses;
mod entry;
mod owner_id;
mod log_reader;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(any(feature = "object-store", feature = "nats"))]
mod runtime;
#[cfg(feature = "object-store")]
mod object_store_log;
#[cfg(feature = "nats")]
mod jet_stream_log;
mod url_scheme;
mod appender;
mod failure;
mod log_snapshots;
mod segment_starts;
mod journal_source;
mod shipping_status;
mod log;
mod log_directory;
mod shipping_lock;
mod catch_up;
mod snapshot_shipper;
mod shipper;
mod claim;
mod standby;
mod restore;
mod sidecar;
mod remote_info;
mod remote_check;
#[cfg(feature = "admin")]
mod tool;
#[cfg(test)]
mod simulation;

#[cfg(feature = "nats")]
pub use jet_stream_log::{JetStreamLog, JetStreamOptions, SyncInterval};
pub use log::Log;
pub use log_error::{LogError, LogErrorKind};
#[cfg(feature = "object-store")]
pub use object_store_log::{ObjectStoreLog, ObjectStoreOptions};
pub use remote_check::{LogCheck, LogDamage, check_log};
pub use remote_info::{LogInfo, LogSnapshot, log_info};
pub use remote_log::{Append, Bounds, RemoteLog};
pub use restore::{Restore, RestoreReport, restore};
pub use shipping_status::LogStatus;
pub use sidecar::Sidecar;
pub use standby::{Lag, SetAside, Standby, StandbyOptions, StandbyPromoteError, set_aside_unshipped};
#[cfg(feature = "admin")]
pub use tool::add_verbs;
