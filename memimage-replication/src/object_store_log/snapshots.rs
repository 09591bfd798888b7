//! Snapshots beside the log: written and read in parts, so that memory is bounded.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use object_store::MultipartUpload;
use object_store::path::Path;
use tokio::sync::Mutex;

use crate::log_error::{LogError, LogErrorKind};

use super::ObjectStoreLog;
use super::log::Log;

/// The length of all parts but the last. S3 demands at least 5 MiB, and no more than 10,000 parts: a snapshot has at most 78 GiB.
const PART: usize = 8 << 20;

impl Log {
    pub(super) async fn snapshots(&self) -> Result<Vec<String>, LogError> {
        let objects = self.objects.list(&self.names.snapshots()).await?;
        Ok(objects.iter().filter_map(|object| object.location.filename()).map(str::to_owned).collect())
    }
}

/// Stores a snapshot. The object appears when it is complete.
pub(super) fn put(remote: &ObjectStoreLog, name: &str, content: &mut dyn Read) -> Result<(), LogError> {
    let path = remote.log.names.snapshot(name)?;
    let first = read_part(content, name)?;
    if first.len() < PART {
        return remote.run(|log| async move { log.objects.put(&path, first).await });
    }
    let begin = path.clone();
    let upload = remote.run(|log| async move { log.objects.upload(&begin).await })?;
    let upload = Arc::new(Mutex::new(upload));
    let stored = put_parts(remote, &path, &upload, first, content, name);
    if stored.is_err() {
        // parts that stay because this fails too are removed by the store's own rule for incomplete uploads
        let _ = remote.run(|log| async move { log.objects.step(&path, upload.lock().await.abort()).await });
    }
    stored
}

/// An upload, for the steps that run one after the other on the runtime's thread.
type Upload = Arc<Mutex<Box<dyn MultipartUpload>>>;

fn put_parts(
    remote: &ObjectStoreLog,
    path: &Path,
    upload: &Upload,
    first: Bytes,
    content: &mut dyn Read,
    name: &str,
) -> Result<(), LogError> {
    let mut part = first;
    while !part.is_empty() {
        let (path, upload) = (path.clone(), Arc::clone(upload));
        remote.run(|log| async move { log.objects.step(&path, upload.lock().await.put_part(part.into())).await })?;
        part = read_part(content, name)?;
    }
    let (path, upload) = (path.clone(), Arc::clone(upload));
    remote.run(|log| async move { log.objects.step(&path, upload.lock().await.complete()).await.map(|_| ()) })
}

/// Reads the next part; a shorter one at the end only.
fn read_part(content: &mut dyn Read, name: &str) -> Result<Bytes, LogError> {
    let mut part = Vec::new();
    content.take(PART as u64).read_to_end(&mut part).map_err(|cause| {
        LogError::new(LogErrorKind::Refused, format!("the content of the snapshot `{name}` cannot be read: {cause}"))
    })?;
    Ok(part.into())
}

/// Writes a snapshot's content to `into`.
pub(super) fn get(remote: &ObjectStoreLog, name: &str, into: &mut dyn Write) -> Result<(), LogError> {
    let path = remote.log.names.snapshot(name)?;
    let address = remote.log.objects.address();
    let missing =
        || LogError::new(LogErrorKind::NotFound, format!("the snapshot `{name}` of `{address}` does not exist"));
    let head = path.clone();
    let meta = remote.run(|log| async move { log.objects.head(&head).await })?.ok_or_else(missing)?;
    let failed = |cause: io::Error| {
        LogError::new(
            LogErrorKind::Refused,
            format!("the snapshot `{name}` of `{address}` was read, but cannot be written: {cause}"),
        )
    };
    let mut at = 0;
    while at < meta.size {
        let (path, e_tag) = (path.clone(), meta.e_tag.clone());
        let range = at..meta.size.min(at + PART as u64);
        let wanted = (range.end - range.start) as usize;
        let part = remote
            .run(|log| async move { log.objects.get_range(&path, range, e_tag.as_deref()).await })?
            .ok_or_else(missing)?;
        if part.len() != wanted {
            let message = format!("the snapshot `{name}` of `{address}` is shorter than it was");
            return Err(LogError::new(LogErrorKind::Unavailable, message));
        }
        into.write_all(&part).map_err(failed)?;
        at += part.len() as u64;
    }
    Ok(())
}
