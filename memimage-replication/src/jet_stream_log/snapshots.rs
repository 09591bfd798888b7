//! The snapshots beside a log: objects in an object store of JetStream, `<STREAM>-snapshots`.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_nats::jetstream::object_store::{
    DeleteErrorKind, GetErrorKind, Object, ObjectInfo, ObjectMetadata, ObjectStore, PutError, PutErrorKind,
};
use async_nats::jetstream::stream::{self, DiscardPolicy, Info, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use futures_util::TryStreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connection::{Connection, unavailable};
use super::stream_settings::{replicas, verify_bucket};
use crate::log_error::{LogError, LogErrorKind};
use crate::runtime::Runtime;

/// The bytes of a message of a snapshot. A reader and a writer have some four of them in memory.
const CHUNK: usize = 128 * 1024;
/// How many time limits the last message of a snapshot may take: it also removes the snapshot that it replaces.
const LAST: u32 = 3;

/// The object store of a log. It comes into being with the first snapshot.
#[derive(Clone)]
pub(super) struct Snapshots {
    pub(super) connection: Connection,
    pub(super) bucket: String,
    pub(super) single_replica_allowed: bool,
}

impl Snapshots {
    /// The names of all snapshots.
    pub(super) async fn list(&self) -> Result<Vec<String>, LogError> {
        let Some(store) = self.existing().await? else {
            return Ok(Vec::new());
        };
        let list = async {
            let objects = store.list().await.map_err(|cause| self.failed("cannot be listed", &cause))?;
            objects
                .map_ok(|object| object.name)
                .try_collect()
                .await
                .map_err(|cause| self.failed("cannot be listed", &cause))
        };
        timeout(self.connection.time_limit, list).await.map_err(|_| self.connection.no_answer())?
    }

    /// Stores what the reader has. The object is listed after its last byte is stored.
    pub(super) fn put(&self, runtime: &Runtime, name: &str, content: &mut dyn Read) -> Result<(), LogError> {
        let what = format!("the snapshot `{name}` cannot be stored");
        let snapshots = self.clone();
        let object = ObjectMetadata { name: name.to_owned(), chunk_size: Some(CHUNK), ..ObjectMetadata::default() };
        let (sender, receiver) = mpsc::channel(1);
        let task: JoinHandle<Result<ObjectInfo, PutError>> = runtime.run(async move {
            let store = snapshots.existing_or_new().await?;
            let mut chunks = Chunks { receiver, rest: Bytes::new(), is_complete: false };
            Ok::<_, LogError>(tokio::spawn(async move { store.put(object, &mut chunks).await }))
        })??;
        let abort = task.abort_handle();
        if let Err(error) = self.send(runtime, content, sender) {
            abort.abort();
            return Err(error);
        }
        let limit = self.connection.time_limit * LAST;
        match runtime.run(async move { timeout(limit, task).await })? {
            Ok(Ok(Ok(_))) => Ok(()),
            // the snapshot is stored; only what it replaces is still there
            Ok(Ok(Err(cause))) if cause.kind() == PutErrorKind::PurgeOldChunks => Ok(()),
            Ok(Ok(Err(cause))) => Err(self.failed(&what, &cause)),
            Ok(Err(cause)) => Err(self.failed(&what, &cause)),
            Err(_) => {
                abort.abort();
                Err(self.connection.no_answer())
            }
        }
    }

    /// Passes the reader's bytes to the task that stores them. After an error, that task fails: it is not sent the end.
    fn send(&self, runtime: &Runtime, content: &mut dyn Read, sender: mpsc::Sender<Bytes>) -> Result<(), LogError> {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            content.take(CHUNK as u64).read_to_end(&mut chunk).map_err(|cause| {
                let message = format!("a snapshot for `{}` cannot be read: {cause}", self.connection.address);
                LogError::new(LogErrorKind::Refused, message)
            })?;
            let is_end = chunk.is_empty();
            // the task is sending the chunk before this one: one time limit to send it, one for the acknowledgement
            let (sender, limit) = (sender.clone(), self.connection.time_limit * 2);
            match runtime.run(async move { timeout(limit, sender.send(chunk.into())).await })? {
                Ok(Ok(())) if !is_end => {}
                // the end, or the task has failed, and its outcome tells why
                Ok(_) => return Ok(()),
                Err(_) => return Err(self.connection.no_answer()),
            }
        }
    }

    /// Writes the content of a snapshot, whose digest and length are verified.
    pub(super) fn get(&self, runtime: &Runtime, name: &str, into: &mut dyn Write) -> Result<(), LogError> {
        let (snapshots, owned) = (self.clone(), name.to_owned());
        let mut object = runtime.run(async move { snapshots.open(&owned).await })??;
        let (length, mut received) = (object.info().size, 0);
        loop {
            let limit = self.connection.time_limit;
            let (returned, outcome) = runtime.run(async move {
                let mut chunk = vec![0; CHUNK];
                let outcome = timeout(limit, object.read(&mut chunk)).await;
                let outcome = outcome.map(|read| {
                    read.map(|len| {
                        chunk.truncate(len);
                        chunk
                    })
                });
                (object, outcome)
            })?;
            object = returned;
            let chunk = match outcome {
                Ok(Ok(chunk)) => chunk,
                Ok(Err(cause)) if cause.kind() == io::ErrorKind::InvalidData => {
                    return Err(self.damaged(name, &cause.to_string()));
                }
                Ok(Err(cause)) => return Err(self.failed(&format!("the snapshot `{name}` cannot be read"), &cause)),
                Err(_) => return Err(self.connection.no_answer()),
            };
            if chunk.is_empty() {
                break;
            }
            received += chunk.len();
            into.write_all(&chunk).map_err(|cause| {
                let message = format!(
                    "the snapshot `{name}` of `{}` cannot be written to its file: {cause}",
                    self.connection.address
                );
                LogError::new(LogErrorKind::Refused, message)
            })?;
        }
        if received != length {
            return Err(self.damaged(name, &format!("it has {received} bytes instead of {length}")));
        }
        Ok(())
    }

    async fn open(&self, name: &str) -> Result<Object, LogError> {
        let not_found = || {
            let message = format!("there is no snapshot `{name}` beside `{}`", self.connection.address);
            LogError::new(LogErrorKind::NotFound, message)
        };
        let store = self.existing().await?.ok_or_else(not_found)?;
        match timeout(self.connection.time_limit, store.get(name)).await {
            Ok(Ok(object)) => Ok(object),
            Ok(Err(cause)) if cause.kind() == GetErrorKind::NotFound => Err(not_found()),
            Ok(Err(cause)) => Err(self.failed(&format!("the snapshot `{name}` cannot be read"), &cause)),
            Err(_) => Err(self.connection.no_answer()),
        }
    }

    /// Removes a snapshot, if it exists.
    pub(super) async fn remove(&self, name: &str) -> Result<(), LogError> {
        let Some(store) = self.existing().await? else {
            return Ok(());
        };
        match timeout(self.connection.time_limit, store.delete(name)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(cause)) if cause.kind() == DeleteErrorKind::NotFound => Ok(()),
            Ok(Err(cause)) => Err(self.failed(&format!("the snapshot `{name}` cannot be removed"), &cause)),
            Err(_) => Err(self.connection.no_answer()),
        }
    }

    /// The object store, if it exists.
    async fn existing(&self) -> Result<Option<ObjectStore>, LogError> {
        let subject = format!("STREAM.INFO.{}", self.stream());
        match self.connection.api::<Info>(&subject, &serde_json::json!({})).await? {
            Ok(info) => {
                verify_bucket(&info.config, self.single_replica_allowed, &self.connection.address)?;
                self.store().await.map(Some)
            }
            Err(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            Err(error) => Err(self.connection.refusal("the object store of the snapshots cannot be found", &error)),
        }
    }

    async fn existing_or_new(&self) -> Result<ObjectStore, LogError> {
        if let Some(store) = self.existing().await? {
            return Ok(store);
        }
        let config = new_bucket(&self.bucket, self.stream(), self.single_replica_allowed);
        let created = self.connection.api::<Info>(&format!("STREAM.CREATE.{}", self.stream()), &config).await?;
        created
            .map_err(|error| self.connection.refusal("the object store of the snapshots cannot be created", &error))?;
        self.store().await
    }

    async fn store(&self) -> Result<ObjectStore, LogError> {
        let limit = self.connection.time_limit;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(limit)
            .ack_timeout(limit)
            .build(self.connection.client.clone());
        match timeout(limit, context.get_object_store(&self.bucket)).await {
            Ok(store) => {
                store.map_err(|cause| self.failed("the object store of the snapshots cannot be opened", &cause))
            }
            Err(_) => Err(self.connection.no_answer()),
        }
    }

    /// The stream in which JetStream keeps the object store.
    fn stream(&self) -> String {
        format!("OBJ_{}", self.bucket)
    }

    fn failed(&self, what: &str, cause: &dyn std::fmt::Display) -> LogError {
        unavailable(&self.connection.address, &format!("{what}: {cause}"))
    }

    fn damaged(&self, name: &str, what: &str) -> LogError {
        let message = format!(
            "the snapshot `{name}` of `{}` is damaged: {what}; help: use an earlier snapshot, and remove this one",
            self.connection.address
        );
        LogError::new(LogErrorKind::Damaged, message)
    }
}

/// The settings of the stream of a new object store: those of NATS, except that only the leader answers, which knows the latest snapshot.
fn new_bucket(bucket: &str, stream: String, single_replica_allowed: bool) -> stream::Config {
    stream::Config {
        name: stream,
        description: Some("the snapshots of a memory image; memimage-replication writes them".to_owned()),
        subjects: vec![format!("$O.{bucket}.C.>"), format!("$O.{bucket}.M.>")],
        storage: StorageType::File,
        num_replicas: replicas(single_replica_allowed),
        discard: DiscardPolicy::New,
        max_bytes: -1,
        allow_rollup: true,
        allow_direct: false,
        ..stream::Config::default()
    }
}

/// What the reader of a snapshot has sent so far. An empty chunk is the end: if the sender ends without it, reading fails, so
/// that a part of a snapshot is never taken for all of it.
struct Chunks {
    receiver: mpsc::Receiver<Bytes>,
    rest: Bytes,
    is_complete: bool,
}

impl AsyncRead for Chunks {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.rest.is_empty() && !self.is_complete {
            match self.receiver.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the snapshot ends early")));
                }
                Poll::Ready(Some(chunk)) => {
                    self.is_complete = chunk.is_empty();
                    self.rest = chunk;
                }
            }
        }
        let len = self.rest.len().min(into.remaining());
        into.put_slice(&self.rest.split_to(len));
        Poll::Ready(Ok(()))
    }
}
