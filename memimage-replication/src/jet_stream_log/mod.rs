//! A log on NATS JetStream.

mod options;
mod address;
mod stream_settings;
mod connection;
mod sync_interval;
mod entries;
mod snapshots;

use std::fmt;
use std::io::{Read, Write};
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::Info;
use bytes::Bytes;

use self::address::Address;
use self::connection::Connection;
use self::entries::Entries;
pub use self::options::{JetStreamOptions, SyncInterval};
use self::snapshots::Snapshots;
use crate::log_error::{LogError, LogErrorKind};
use crate::remote_log::{Append, Bounds, RemoteLog};
use crate::runtime::Runtime;

/// The bytes of a message beside the entry: the headers of an append.
const MESSAGE_OVERHEAD: usize = 4096;
/// The longest entry that each log must accept.
const ENTRY_BYTES: usize = 64 * 1024;

/// A log on a stream of NATS JetStream: an entry is acknowledged when a majority of the stream's servers has it.
///
/// The stream has one message for each entry, whose sequence is the entry's position. An append states the sequence of the last message
/// that it expects, and the stream's leader refuses it if that is another one. Deduplication by message ids is not used: the servers
/// forget ids after a while.
///
/// An append whose answer is lost is an error of the kind [`Unavailable`](LogErrorKind::Unavailable). The client does not accept appends
/// while it is disconnected; one that was sent just before may arrive much later, and has no effect then unless its position is still the end.
///
/// A log should not be the only copy. In tests of NATS 2.12 by Jepsen, servers with the default `sync_interval` lost acknowledged messages
/// after a power failure, and damaged files lost them even without: the local journal stays the truth, and readers verify each entry.
/// See [`SyncInterval`].
///
/// Snapshots are in an object store of JetStream beside the stream, `<STREAM>-snapshots`.
pub struct JetStreamLog {
    runtime: Runtime,
    entries: Entries,
    snapshots: Snapshots,
    entry_bytes_max: usize,
}

impl JetStreamLog {
    /// Opens the log at a URL: `nats://host:port,host2:port2/STREAM`, with `user:password@` or `token@` before the first host if the servers
    /// ask for it, and `tls://` if the connection must be encrypted. The query may have `sync_interval=always`, `sync_interval=unknown`,
    /// `replicas=1` and `credentials=FILE`. Creates the stream if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`Refused`](LogErrorKind::Refused) if the URL is invalid, if the servers refuse the credentials, or if the
    /// stream's settings or the servers' do not keep the promise of a log; the message names each. Returns an error of the kind
    /// [`Unavailable`](LogErrorKind::Unavailable) if the servers do not answer in time.
    pub fn open(url: &str, options: JetStreamOptions) -> Result<JetStreamLog, LogError> {
        let mut options = options;
        let address = Address::parse(url, &mut options)?;
        if options.time_limit < Duration::from_millis(10) {
            return Err(LogError::new(
                LogErrorKind::Refused,
                "the time limit of a log on JetStream is shorter than 10 ms",
            ));
        }
        let runtime = Runtime::start("memimage-nats")?;
        let (entries, snapshots, entry_bytes_max) = runtime.run(async move { open(&address, &options).await })??;
        Ok(JetStreamLog { runtime, entries, snapshots, entry_bytes_max })
    }
}

async fn open(address: &Address, options: &JetStreamOptions) -> Result<(Entries, Snapshots, usize), LogError> {
    let connection = Connection::open(address, options).await?;
    let single_replica_allowed = options.allow_single_replica;
    let entries = Entries { connection: connection.clone(), stream: address.stream.clone() };
    let info = existing_or_new(&entries, options.creates, single_replica_allowed).await?;
    stream_settings::verify(&info.config, single_replica_allowed, &address.display)?;
    sync_interval::verify(address, options, &info).await?;
    let limit_of_stream =
        usize::try_from(info.config.max_message_size).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let entry_bytes_max = connection.client.max_payload().min(limit_of_stream).saturating_sub(MESSAGE_OVERHEAD);
    if entry_bytes_max < ENTRY_BYTES {
        let message = format!(
            "the messages of `{}` are too short for a log; help: set `max_payload` of the servers and `max_msg_size` of the stream to \
             {} at least",
            address.display,
            ENTRY_BYTES + MESSAGE_OVERHEAD
        );
        return Err(LogError::new(LogErrorKind::Refused, message));
    }
    let snapshots = Snapshots { connection, bucket: format!("{}-snapshots", address.stream), single_replica_allowed };
    Ok((entries, snapshots, entry_bytes_max))
}

/// The information of the log's stream, which is created if it does not exist and `creates` is set.
async fn existing_or_new(entries: &Entries, creates: bool, single_replica_allowed: bool) -> Result<Info, LogError> {
    let (connection, stream) = (&entries.connection, &entries.stream);
    match connection.api::<Info>(&format!("STREAM.INFO.{stream}"), &serde_json::json!({})).await? {
        Ok(info) => return Ok(info),
        Err(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
        Err(error) => return Err(connection.refusal(&format!("the stream `{stream}` cannot be found"), &error)),
    }
    if !creates {
        let message = format!(
            "the stream `{stream}` of `{}` does not exist; help: verify the URL of the log",
            connection.address
        );
        return Err(LogError::new(LogErrorKind::Refused, message));
    }
    let config = stream_settings::new_stream(stream, single_replica_allowed);
    let created = connection.api::<Info>(&format!("STREAM.CREATE.{stream}"), &config).await?;
    created.map_err(|error| {
        let what = format!(
            "the stream `{stream}` with {} replicas cannot be created (three need a cluster of three servers; `allow_single_replica(true)`, or \
             `replicas=1` in the URL, creates a stream with one)",
            config.num_replicas
        );
        connection.refusal(&what, &error)
    })
}

impl RemoteLog for JetStreamLog {
    fn address(&self) -> &str {
        &self.entries.connection.address
    }

    fn entry_bytes_max(&self) -> usize {
        self.entry_bytes_max
    }

    fn bounds(&self) -> Result<Bounds, LogError> {
        let entries = self.entries.clone();
        self.runtime.run(async move { entries.bounds().await })?
    }

    fn append(&self, position: u64, entry: &[u8]) -> Result<Append, LogError> {
        if position == 0 || entry.len() > self.entry_bytes_max {
            let message = format!(
                "an entry of {} bytes cannot be appended at position {position} of `{}`: positions begin at 1, and an entry has {} bytes at most",
                entry.len(),
                self.address(),
                self.entry_bytes_max
            );
            return Err(LogError::new(LogErrorKind::Refused, message));
        }
        let (entries, entry) = (self.entries.clone(), Bytes::copy_from_slice(entry));
        self.runtime.run(async move { entries.append(position, entry).await })?
    }

    fn read(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let entries = self.entries.clone();
        // no log has an entry before position 1
        self.runtime.run(async move { entries.read(position.max(1), bytes_max).await })?
    }

    fn prune(&self, position: u64) -> Result<(), LogError> {
        let entries = self.entries.clone();
        self.runtime.run(async move { entries.prune(position).await })?
    }

    fn snapshots(&self) -> Result<Vec<String>, LogError> {
        let snapshots = self.snapshots.clone();
        self.runtime.run(async move { snapshots.list().await })?
    }

    fn put_snapshot(&self, name: &str, content: &mut dyn Read) -> Result<(), LogError> {
        self.snapshots.put(&self.runtime, name, content)
    }

    fn get_snapshot(&self, name: &str, into: &mut dyn Write) -> Result<(), LogError> {
        self.snapshots.get(&self.runtime, name, into)
    }

    fn remove_snapshot(&self, name: &str) -> Result<(), LogError> {
        let (snapshots, name) = (self.snapshots.clone(), name.to_owned());
        self.runtime.run(async move { snapshots.remove(&name).await })?
    }
}

// without the connection's credentials
impl fmt::Debug for JetStreamLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStreamLog").field("address", &self.address()).finish_non_exhaustive()
    }
}
