//! What the pages share: the reader of the image, and the bounds on the work that requests cause.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use memimage::Seq;
use memimage::admin::{CheckReport, EventCounter, ImageInfo, ImageReader};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::frame::Frame;
use crate::problem::Problem;
use crate::states::States;

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
    pub(crate) counted: Mutex<Counted>,
    pub(crate) check: Mutex<Check>,
    /// The past states; `None` without the program.
    states: Option<Box<dyn States>>,
    reads: Arc<Semaphore>,
    /// One request at a time rebuilds states.
    replays: Arc<Semaphore>,
    tails: Arc<Semaphore>,
}

/// The events that were counted so far.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) counter: EventCounter,
    /// The last event that was counted.
    pub(crate) last: Seq,
    /// The image and its epoch; another image or epoch can have other events.
    pub(crate) uuid: String,
    pub(crate) epoch: u64,
}

/// The last check of the image.
#[derive(Default)]
pub(crate) enum Check {
    #[default]
    Never,
    Running,
    /// When it ended, and what it found.
    Done(std::time::SystemTime, Result<Box<CheckReport>, String>),
}

impl App {
    pub(crate) fn new(reader: ImageReader, model: String, states: Option<Box<dyn States>>) -> App {
        App {
            reader,
            model,
            counted: Mutex::default(),
            check: Mutex::default(),
            states,
            reads: Arc::new(Semaphore::new(READS)),
            replays: Arc::new(Semaphore::new(1)),
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
        self.blocking(waiting, work).await
    }

    /// Like [`read`](App::read), for work with past states. Its arguments are what the image is now, and its states.
    pub(crate) async fn replay<T: Send + 'static>(
        self: &Arc<App>,
        work: impl FnOnce(&App, &ImageInfo, &dyn States) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let waiting = Arc::clone(&self.replays).acquire_owned();
        let work = |app: &App| {
            let Some(states) = &app.states else {
                let help =
                    "The program can show them: `PROGRAM admin browse`, or `memimage_web::router` in the program.";
                return Err(Problem::new(
                    StatusCode::NOT_FOUND,
                    "Only the program knows the states of its model.",
                    help,
                ));
            };
            let info = app.reader.info()?;
            states.refresh(&info);
            work(app, &info, &**states)
        };
        self.blocking(waiting, work).await
    }

    pub(crate) fn has_states(&self) -> bool {
        self.states.is_some()
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<App>,
        waiting: impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>>,
        work: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
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
        Frame { model: &self.model, has_states: self.has_states(), menu, title }
    }
}

fn busy() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many requests are being answered.", "Load the page again later.")
}
