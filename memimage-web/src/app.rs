//! What the pages share: the reader of the image, and the bounds on the work that requests cause.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use memimage::admin::{CheckReport, EventCounter, ImageReader};
use memimage::Seq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::frame::Frame;
use crate::problem::Problem;

/// How many requests read the image at the same time. Each occupies a thread.
const READS: usize = 4;
/// How many live tails are open at the same time.
const TAILS: usize = 32;
/// How long a request waits until it may read.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the pages share.
pub(crate) struct App {
    pub(crate) reader: ImageReader,
    /// The name of the image's model.
    pub(crate) model: String,
    /// The events counted so far, up to this event.
    pub(crate) counted: Mutex<(EventCounter, Seq)>,
    pub(crate) check: Mutex<Check>,
    reads: Arc<Semaphore>,
    tails: Arc<Semaphore>,
}

/// The last check of the image.
#[derive(Default)]
pub(crate) enum Check {
    #[default]
    Never,
    Running,
    /// When it ended, and what it found.
    Done(std::time::SystemTime, Result<CheckReport, String>),
}

impl App {
    pub(crate) fn new(reader: ImageReader, model: String) -> App {
        App {
            reader,
            model,
            counted: Mutex::default(),
            check: Mutex::default(),
            reads: Arc::new(Semaphore::new(READS)),
            tails: Arc::new(Semaphore::new(TAILS)),
        }
    }

    /// Runs work that blocks on a thread for such work. If too much of it runs, waits a moment, and then refuses the request. If the
    /// request is given up, the work goes on, and counts until it ends.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<App>,
        work: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let waiting = Arc::clone(&self.reads).acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(PATIENCE, waiting).await else { return Err(busy()) };
        let app = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _permit: OwnedSemaphorePermit = permit;
            work(&app)
        });
        done.await.unwrap_or_else(|panic| {
            let help = "The log of the program has the panic's message.";
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("reading the image failed: {panic}"), help))
        })
    }

    /// The right to have a live tail open.
    pub(crate) fn tail(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.tails).try_acquire_owned().map_err(|_| busy())
    }

    pub(crate) fn frame<'a>(&'a self, menu: &'a str, title: &'a str) -> Frame<'a> {
        Frame { model: &self.model, has_states: false, menu, title }
    }
}

fn busy() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many requests are being answered.", "Load the page again later.")
}

/// Locks a mutex, whose value is whole even if a thread panicked while it held the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
