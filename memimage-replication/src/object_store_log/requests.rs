//! Requests to an object store: time limits, retries of what is safe to repeat, and what an error means.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};

use crate::log_error::{LogError, LogErrorKind};

use super::ObjectStoreOptions;

/// The pause before the first repetition of a request. Doubles with each further one; half of it is random.
const PAUSE: Duration = Duration::from_millis(100);

/// An object store, for one log.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    address: Arc<str>,
    options: ObjectStoreOptions,
}

impl Objects {
    pub(super) fn new(store: Arc<dyn ObjectStore>, address: &str, options: ObjectStoreOptions) -> Objects {
        Objects { store, address: address.into(), options }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The content of an object. None if it does not exist.
    pub(super) async fn get(&self, path: &Path) -> Result<Option<Bytes>, LogError> {
        self.optional("read", path, || async { self.store.get(path).await?.bytes().await }).await
    }

    /// A part of an object, less if the object is shorter. None if it does not exist. With `e_tag`, only of this version of the object.
    pub(super) async fn get_range(
        &self,
        path: &Path,
        range: Range<u64>,
        e_tag: Option<&str>,
    ) -> Result<Option<Bytes>, LogError> {
        let read = || async {
            let (range, if_match) = (Some(GetRange::Bounded(range.clone())), e_tag.map(str::to_owned));
            self.store.get_opts(path, GetOptions { range, if_match, ..GetOptions::default() }).await?.bytes().await
        };
        self.optional("read", path, read).await
    }

    /// The length and version of an object. None if it does not exist.
    pub(super) async fn head(&self, path: &Path) -> Result<Option<ObjectMeta>, LogError> {
        self.optional("read", path, || self.store.head(path)).await
    }

    /// Creates an object. False if it exists already. Never repeats the request: the caller must know which one took effect.
    pub(super) async fn create(&self, path: &Path, content: Bytes) -> Result<bool, LogError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.limited(self.store.put_opts(path, content.into(), options)).await {
            Ok(Ok(_)) => Ok(true),
            // S3 answers with `Precondition`, and with `Conflict` while another request for this object is in progress
            Ok(Err(Error::AlreadyExists { .. } | Error::Precondition { .. })) => Ok(false),
            Ok(Err(error)) => Err(self.error("create", path, &error)),
            Err(late) => Err(self.late("create", path, late)),
        }
    }

    /// Creates the object of a probe, before the log is claimed.
    pub(super) async fn probe(&self, path: &Path, content: Bytes) -> Result<bool, LogError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.limited(self.store.put_opts(path, content.into(), options)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(Error::AlreadyExists { .. } | Error::Precondition { .. })) => Ok(false),
            Ok(Err(error)) => match disk_fault(&error) {
                Some(DiskFault { what, help }) => {
                    let address = &self.address;
                    let message = format!(
                        "the log `{address}` cannot be claimed: {what}; the image was not opened; help: {help}: {error}"
                    );
                    Err(LogError::new(LogErrorKind::Refused, message))
                }
                None => Err(self.error("create", path, &error)),
            },
            Err(late) => Err(self.late("create", path, late)),
        }
    }

    /// Creates or replaces an object.
    pub(super) async fn put(&self, path: &Path, content: Bytes) -> Result<(), LogError> {
        self.repeated("write", path, || self.store.put(path, content.clone().into())).await.map(|_| ())
    }

    /// Removes objects. Those that do not exist are ignored.
    pub(super) async fn delete(&self, paths: Vec<Path>) -> Result<(), LogError> {
        let Some(one) = paths.first().cloned() else { return Ok(()) };
        let delete = || async {
            let mut deleted = self.store.delete_stream(stream::iter(paths.clone().into_iter().map(Ok)).boxed());
            while let Some(outcome) = deleted.next().await {
                match outcome {
                    Ok(_) | Err(Error::NotFound { .. }) => (),
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        self.repeated("remove", &one, delete).await
    }

    /// The first object in a folder behind `offset`, by the store's own listing.
    pub(super) async fn list_one(&self, folder: &Path, offset: &Path) -> Result<Option<ObjectMeta>, LogError> {
        // a directory's listing is in no order
        let list = || async {
            let first = |least: Option<ObjectMeta>, meta: ObjectMeta| async move {
                Ok(Some(least.filter(|least| least.location < meta.location).unwrap_or(meta)))
            };
            self.store.list_with_offset(Some(folder), offset).take(1000).try_fold(None, first).await
        };
        self.repeated("list", folder, list).await
    }

    /// The objects in a folder.
    pub(super) async fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>, LogError> {
        self.repeated("list", folder, || self.store.list(Some(folder)).try_collect()).await
    }

    /// The objects in a folder, as the store lists them, in parts of at most 1000. A request that fails is not repeated.
    pub(super) fn list_parts(&self, folder: &Path) -> impl Stream<Item = Result<Vec<ObjectMeta>, LogError>> {
        let parts = self.store.list(Some(folder)).try_chunks(1000);
        parts.map_err(|error| self.error("list", folder, &error.1))
    }

    /// Begins the upload of a large object.
    pub(super) async fn upload(&self, path: &Path) -> Result<Box<dyn MultipartUpload>, LogError> {
        self.repeated("write", path, || self.store.put_multipart(path)).await
    }

    /// One step of an upload: a part, or the end.
    pub(super) async fn step<T>(
        &self,
        path: &Path,
        step: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, LogError> {
        match self.limited(step).await {
            Ok(outcome) => outcome.map_err(|error| self.error("write", path, &error)),
            Err(late) => Err(self.late("write", path, late)),
        }
    }

    async fn optional<T, F>(&self, what: &str, path: &Path, request: impl Fn() -> F) -> Result<Option<T>, LogError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let found = || async {
            match request().await {
                Ok(value) => Ok(Some(value)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.repeated(what, path, found).await
    }

    /// Repeats a request while it fails for a reason that may pass.
    async fn repeated<T, F>(&self, what: &str, path: &Path, request: impl Fn() -> F) -> Result<T, LogError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let start = Instant::now();
        let mut attempt = 1;
        loop {
            let error = match self.limited(request()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => self.error(what, path, &error),
                Err(late) => self.late(what, path, late),
            };
            if !error.is_unavailable()
                || attempt >= self.options.attempts
                || start.elapsed() >= self.options.request_timeout
            {
                return Err(error);
            }
            let pause = PAUSE * 2_u32.pow((attempt - 1).min(6));
            tokio::time::sleep(pause / 2 + pause.mul_f64(random_fraction() / 2.0)).await;
            attempt += 1;
        }
    }

    /// Runs a request with the time limit. The outer error is the limit.
    async fn limited<T>(&self, request: impl Future<Output = T>) -> Result<T, Duration> {
        let limit = self.options.request_timeout;
        tokio::time::timeout(limit, request).await.map_err(|_| limit)
    }

    fn late(&self, what: &str, path: &Path, limit: Duration) -> LogError {
        let message = format!("cannot {what} `{path}` of `{}`: no answer in {limit:?}", self.address);
        LogError::new(LogErrorKind::Unavailable, message)
    }

    fn error(&self, what: &str, path: &Path, error: &Error) -> LogError {
        let (kind, help) = kind_of(error);
        LogError::new(kind, format!("cannot {what} `{path}` of `{}`: {error}{help}", self.address))
    }
}

/// What an error means for the caller, and what to do about it.
fn kind_of(error: &Error) -> (LogErrorKind, &'static str) {
    let credentials = "; help: verify the credentials and the permissions of the bucket";
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => return (LogErrorKind::Refused, credentials),
        Error::NotFound { .. } => return (LogErrorKind::Refused, "; help: verify that the bucket exists"),
        Error::NotImplemented { .. }
        | Error::NotSupported { .. }
        | Error::UnknownConfigurationKey { .. }
        | Error::InvalidPath { .. } => return (LogErrorKind::Refused, ""),
        _ => (),
    }
    if let Some(status) = status_of(&error.to_string()) {
        // 408 and 429 ask for another attempt
        let is_final = (300..500).contains(&status) && !matches!(status, 408 | 429);
        return (if is_final { LogErrorKind::Refused } else { LogErrorKind::Unavailable }, "");
    }
    match io_kind(error) {
        Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            (LogErrorKind::Refused, "; help: verify the permissions of the directory")
        }
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            (LogErrorKind::Unavailable, "; help: the disk is full: free space")
        }
        _ => (LogErrorKind::Unavailable, without_credentials(&error.to_string())),
    }
}

/// The help for a store that was asked without credentials: the client asks the machine's cloud for some.
fn without_credentials(message: &str) -> &'static str {
    if message.contains("169.254.169.254/latest") {
        "; help: no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, or AWS_ENDPOINT for another \
         provider)"
    } else if message.contains("metadata.google.internal") || message.contains("169.254.169.254/computeMetadata") {
        "; help: no credentials were found: set GOOGLE_SERVICE_ACCOUNT to the path of the key of a service account"
    } else if message.contains("169.254.169.254/metadata") {
        "; help: no credentials were found: set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
    } else {
        ""
    }
}

/// The kind of the error of the operating system that is the cause.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

/// Why a directory takes no file.
struct DiskFault {
    what: &'static str,
    help: &'static str,
}

fn disk_fault(error: &Error) -> Option<DiskFault> {
    match io_kind(error)? {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some(DiskFault { what: "its disk is full", help: "free space" })
        }
        io::ErrorKind::ReadOnlyFilesystem => Some(DiskFault {
            what: "its file system is read-only",
            help: "mount it for writing, or use another directory",
        }),
        io::ErrorKind::PermissionDenied => {
            Some(DiskFault { what: "its directory cannot be written", help: "verify the permissions of the directory" })
        }
        _ => None,
    }
}

/// The HTTP status in the message of an error: the type that has it is private to `object_store`.
fn status_of(message: &str) -> Option<u16> {
    let (_, status) = message.split_once("status code: ")?;
    status.get(..3)?.parse().ok()
}

/// A random number from 0 to 1.
fn random_fraction() -> f64 {
    let random = getrandom::u32().unwrap_or_default();
    f64::from(random) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_tells_whether_another_attempt_may_succeed() {
        let kind = |cause: &str| kind_of(&Error::Generic { store: "S3", source: cause.into() }).0;
        assert_eq!(kind("Server returned non-2xx status code: 400 Bad Request: "), LogErrorKind::Refused);
        assert_eq!(kind("Server returned non-2xx status code: 429 Too Many Requests: "), LogErrorKind::Unavailable);
        assert_eq!(kind("Server returned non-2xx status code: 503 Service Unavailable: "), LogErrorKind::Unavailable);
        assert_eq!(kind("connection refused"), LogErrorKind::Unavailable);
    }

    #[test]
    fn a_full_disk_and_missing_credentials_are_named() {
        let of_disk =
            |kind: io::ErrorKind| Error::Generic { store: "LocalFileSystem", source: Box::new(io::Error::from(kind)) };
        let what = |kind| disk_fault(&of_disk(kind)).map(|fault| fault.what);
        assert_eq!(what(io::ErrorKind::StorageFull), Some("its disk is full"));
        assert_eq!(what(io::ErrorKind::ReadOnlyFilesystem), Some("its file system is read-only"));
        assert_eq!(what(io::ErrorKind::TimedOut), None);
        assert!(kind_of(&of_disk(io::ErrorKind::StorageFull)).1.contains("free space"));
        let source = "error sending request for url (http://169.254.169.254/latest/api/token)".into();
        assert!(kind_of(&Error::Generic { store: "S3", source }).1.contains("set AWS_ACCESS_KEY_ID"));
    }
}
