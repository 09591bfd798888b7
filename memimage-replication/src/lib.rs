//! Copies of a memory image beyond one machine.

#![cfg_attr(docsrs, feature(doc_cfg))]

// each module uses only modules that are declared above it
mod log_error;
mod remote_log;
mod entry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(any(feature = "object-store", feature = "nats"))]
mod runtime;
#[cfg(feature = "object-store")]
mod object_store_log;
#[cfg(feature = "nats")]
mod jet_stream_log;

#[cfg(feature = "nats")]
pub use jet_stream_log::{JetStreamLog, JetStreamOptions, SyncInterval};
pub use log_error::{LogError, LogErrorKind};
#[cfg(feature = "object-store")]
pub use object_store_log::{ObjectStoreLog, ObjectStoreOptions};
pub use remote_log::{Append, Bounds, RemoteLog};
