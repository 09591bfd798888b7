//! An object store that fails on request, for tests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A store in memory. Counts its requests.
#[derive(Debug, Default)]
pub(super) struct FaultyStore {
    pub(super) inner: Arc<InMemory>,
    /// The number of requests so far.
    pub(super) requests: AtomicU64,
    /// Each request from this number on fails, as after a crash of the client; 0 = none.
    pub(super) fails_from: AtomicU64,
    /// The first of them takes effect nevertheless.
    pub(super) takes_effect: AtomicBool,
    /// Listings show nothing.
    pub(super) lists_nothing: AtomicBool,
    /// An object that exists is replaced, whatever the request says.
    pub(super) ignores_create: AtomicBool,
    /// Entries that are to be written wait.
    pub(super) holds_entries: AtomicBool,
}

impl FaultyStore {
    /// Another way to the same objects.
    pub(super) fn over(inner: Arc<InMemory>) -> Arc<FaultyStore> {
        Arc::new(FaultyStore { inner, ..FaultyStore::default() })
    }

    /// A store with a copy of the objects.
    pub(super) fn fork(&self) -> Arc<FaultyStore> {
        FaultyStore::over(Arc::new(self.inner.fork()))
    }

    pub(super) fn count(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Lets the requests from the n-th next one on fail.
    pub(super) fn fail_from(&self, nth: u64, takes_effect: bool) {
        self.fails_from.store(self.count() + nth, Ordering::SeqCst);
        self.takes_effect.store(takes_effect, Ordering::SeqCst);
    }

    pub(super) fn repair(&self) {
        self.fails_from.store(0, Ordering::SeqCst);
    }

    /// Counts a request. Returns whether it takes effect, and whether it is answered.
    fn request(&self) -> (bool, bool) {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let from = self.fails_from.load(Ordering::SeqCst);
        if from == 0 || number < from {
            return (true, true);
        }
        (number == from && self.takes_effect.load(Ordering::SeqCst), false)
    }

    async fn run<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        let (takes_effect, is_answered) = self.request();
        let outcome = if takes_effect { Some(request.await) } else { None };
        outcome.filter(|_| is_answered).unwrap_or_else(|| Err(failure()))
    }
}

fn failure() -> Error {
    Error::Generic { store: "faulty", source: "the connection is lost".into() }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, path: &Path, content: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        while self.holds_entries.load(Ordering::SeqCst) && path.as_ref().contains("entries/") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if self.ignores_create.load(Ordering::SeqCst) {
            options.mode = PutMode::Overwrite;
        }
        self.run(self.inner.put_opts(path, content, options)).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.run(self.inner.put_multipart_opts(path, options)).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.run(self.inner.get_opts(path, options)).await
    }

    /// One request an object, so that a removal in part is possible.
    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let paths: Vec<Result<Path>> = paths.collect().now_or_never().expect("the paths are there");
        let delete = |path: Result<Path>| {
            let path = path?;
            let (takes_effect, is_answered) = self.request();
            if takes_effect {
                self.inner.delete(&path).now_or_never().expect("memory does not block")?;
            }
            if is_answered { Ok(path) } else { Err(failure()) }
        };
        let outcomes: Vec<Result<Path>> = paths.into_iter().map(delete).collect();
        stream::iter(outcomes).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.request() {
            (true, true) if self.lists_nothing.load(Ordering::SeqCst) => stream::empty().boxed(),
            (true, true) => self.inner.list(prefix),
            _ => stream::iter([Err(failure())]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.run(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.run(self.inner.copy_opts(from, to, options)).await
    }
}
