//! A log on object storage.

use std::fmt;
use std::future::Future;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::path::Path;

use crate::log_error::LogError;
use crate::remote_log::{Append, Bounds, RemoteLog};
use crate::runtime::Runtime;

// each module uses only modules that are declared above it
mod names;
mod block;
mod requests;
mod connect;
mod log;
mod reading;
mod append;
mod maintenance;
mod snapshots;
#[cfg(test)]
mod faulty_store;
#[cfg(test)]
mod tests;

use connect::Location;
use log::Log;

/// How a handle on a log on object storage talks to the store.
#[derive(Clone, Debug)]
pub struct ObjectStoreOptions {
    connect_timeout: Duration,
    request_timeout: Duration,
    attempts: u32,
    /// Whether the first append may create the directory of a `file:` URL.
    creates: bool,
}

impl Default for ObjectStoreOptions {
    fn default() -> ObjectStoreOptions {
        ObjectStoreOptions {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            attempts: 4,
            creates: true,
        }
    }
}

impl ObjectStoreOptions {
    /// The defaults.
    pub fn new() -> ObjectStoreOptions {
        ObjectStoreOptions::default()
    }

    /// How long a connection to the store may take to be made; 5 s by default. [`ObjectStoreLog::new`] does not use it.
    pub fn connect_timeout(self, connect_timeout: Duration) -> ObjectStoreOptions {
        ObjectStoreOptions { connect_timeout, ..self }
    }

    /// How long a single request may take; 30 s by default. Afterwards, its outcome is unknown.
    pub fn request_timeout(self, request_timeout: Duration) -> ObjectStoreOptions {
        ObjectStoreOptions { request_timeout, ..self }
    }

    /// Whether the first append creates the directory of a `file:` URL, if it does not exist; yes by default. Otherwise, opening is an error.
    pub fn create_missing(self, create: bool) -> ObjectStoreOptions {
        ObjectStoreOptions { creates: create, ..self }
    }

    /// How often a request is made that is safe to repeat and fails for a reason that may pass; 4 by default. Appends are never repeated.
    pub fn attempts(self, attempts: u32) -> ObjectStoreOptions {
        ObjectStoreOptions { attempts, ..self }
    }
}

/// A log on object storage: S3 and its like, Google Cloud Storage, Azure Blob Storage, or a directory.
///
/// Each entry is an object of its own, which the store creates only if it does not exist: this is all that the log relies on, beside
/// that a read finds what was written before it. [`maintain`](RemoteLog::maintain) merges old entries, 256 at a time. A listing is a hint
/// at most.
///
/// The handle verifies before its first append that the store refuses to create an object a second time.
///
/// An append of the owner is two requests: one verifies that the entry before is still there, and the other creates the entry. A poll at the end of the log is one request, except that each 16th of them is three, or five if it asks for a listing.
pub struct ObjectStoreLog {
    log: Arc<Log>,
    /// The directory of a log in one.
    directory: Option<PathBuf>,
    runtime: Runtime,
}

impl ObjectStoreLog {
    /// A handle on the log at a URL: `s3://bucket/path`, `gs://bucket/path`, `az://container/path` or `file:///directory`.
    ///
    /// Credentials, endpoint and region come from the environment, as [`object_store`] has it: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT`, `AWS_REGION`, `AWS_ALLOW_HTTP`, `GOOGLE_…`, `AZURE_…`. A directory is created by the
    /// first append. Its files are synced when they are written; whether it outlives the machine depends on where it is.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL or the environment cannot be used. Makes no request.
    pub fn open(url: &str) -> Result<ObjectStoreLog, LogError> {
        ObjectStoreLog::open_with(url, ObjectStoreOptions::default())
    }

    /// [`open`](ObjectStoreLog::open) with options.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL or the environment cannot be used. Makes no request.
    pub fn open_with(url: &str, options: ObjectStoreOptions) -> Result<ObjectStoreLog, LogError> {
        let Location { store, prefix, address, directory } = connect::connect(url, &options)?;
        ObjectStoreLog::start(Log::new(store, prefix, &address, options), directory)
    }

    /// A handle on the log under a prefix of a store. The store must not repeat requests that create an object: set its `max_retries` to 0.
    ///
    /// # Errors
    ///
    /// Returns an error if the thread of the handle cannot be started. Makes no request.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        options: ObjectStoreOptions,
    ) -> Result<ObjectStoreLog, LogError> {
        let address = format!("{store}/{prefix}");
        ObjectStoreLog::start(Log::new(store, Path::from(prefix), &address, options), None)
    }

    fn start(log: Log, directory: Option<PathBuf>) -> Result<ObjectStoreLog, LogError> {
        Ok(ObjectStoreLog { log: Arc::new(log), directory, runtime: Runtime::start("memimage-object-store")? })
    }

    /// Runs a call on the runtime's thread, and waits for it.
    fn run<T, F>(&self, call: impl FnOnce(Arc<Log>) -> F) -> Result<T, LogError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LogError>> + Send + 'static,
    {
        self.runtime.run(call(Arc::clone(&self.log)))?
    }
}

impl fmt::Debug for ObjectStoreLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ObjectStoreLog").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl RemoteLog for ObjectStoreLog {
    fn address(&self) -> &str {
        self.log.objects.address()
    }

    fn directory(&self) -> Option<&std::path::Path> {
        self.directory.as_deref()
    }

    fn entry_bytes_max(&self) -> usize {
        log::ENTRY_BYTES_MAX
    }

    fn bounds(&self) -> Result<Bounds, LogError> {
        self.run(|log| async move { log.bounds().await })
    }

    fn append(&self, position: u64, entry: &[u8]) -> Result<Append, LogError> {
        let entry = bytes::Bytes::copy_from_slice(entry);
        self.run(|log| async move { log.append(position, entry).await })
    }

    fn read(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        self.run(|log| async move { log.read(position, bytes_max).await })
    }

    fn prune(&self, position: u64) -> Result<(), LogError> {
        self.run(|log| async move { log.prune(position).await })
    }

    fn maintain(&self) -> Result<(), LogError> {
        self.run(|log| async move { log.maintain().await })
    }

    fn snapshots(&self) -> Result<Vec<String>, LogError> {
        self.run(|log| async move { log.snapshots().await })
    }

    fn put_snapshot(&self, name: &str, content: &mut dyn Read) -> Result<(), LogError> {
        snapshots::put(self, name, content)
    }

    fn get_snapshot(&self, name: &str, into: &mut dyn Write) -> Result<(), LogError> {
        snapshots::get(self, name, into)
    }

    fn remove_snapshot(&self, name: &str) -> Result<(), LogError> {
        let path = self.log.names.snapshot(name)?;
        self.run(|log| async move { log.objects.delete(vec![path]).await })
    }
}
