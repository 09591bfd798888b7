//! The server from its start to its end.

use std::error::Error;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use memimage::{Follower, Image, Journal, Projection, SnapshotPolicy};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::http::{self, App};
use crate::mailer::{self, Outbox};
use crate::model::Conduit;
use crate::secret::Secret;
use crate::store::Store;
use crate::store::image::{self, ImageStore};
use crate::token::Tokens;
use crate::trends::Trends;

/// For how long requests may still be answered after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

/// How the server runs.
#[derive(Args, Debug)]
pub struct Settings {
    /// The image's directory. A new image is created; an existing one is continued. The secret, the trends and the mails lie beside
    /// it: `DIR.secret`, `DIR.trends`, `DIR.mails`.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["follow", "store"])]
    image: Option<PathBuf>,
    /// Follow the image of another process, and answer the requests that only read.
    #[arg(long, value_name = "DIR", conflicts_with = "image")]
    follow: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// The file with the server's secret. Default: `DIR.secret`, which is created.
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The directory of the projection. Default: `DIR.trends`, and `DIR.trends-PORT` of a follower.
    #[arg(long, value_name = "DIR")]
    trends: Option<PathBuf>,
    /// The token for the page at `/admin/`, of at least 16 bytes. Without it, there is no page.
    #[arg(long, value_name = "TOKEN", env = "CONDUIT_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// The number of events between two snapshots.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    snapshot_every: u64,
    /// What holds the state: an image, or PostgreSQL, for the comparison (feature `postgres`).
    #[arg(long, value_name = "STORE", value_parser = ["image", "postgres"], default_value = "image", requires_if("postgres", "database"))]
    store: String,
    /// The address of PostgreSQL, such as `postgres://user@localhost/conduit`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
///
/// Returns an error if the store cannot be opened or closed, or the address cannot be used.
pub fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    if settings.admin_token.as_ref().is_some_and(|token| token.len() < 16) {
        return Err("the token for the page must have at least 16 bytes".into());
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(io::stderr).init();
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match (settings.store.as_str(), &settings.image, &settings.follow) {
        ("image", Some(path), None) => own(&runtime, &settings, path, metrics),
        ("image", None, Some(path)) => follow(&runtime, &settings, path, metrics),
        #[cfg(feature = "postgres")]
        ("postgres", None, None) => postgres(&runtime, &settings, metrics),
        #[cfg(not(feature = "postgres"))]
        ("postgres", None, None) => Err("this program was built without the feature `postgres`".into()),
        _ => Err("give either `--image` or `--follow`, or `--store postgres`".into()),
    }
}

/// Owns the image.
fn own(
    runtime: &tokio::runtime::Runtime,
    settings: &Settings,
    path: &Path,
    metrics: PrometheusHandle,
) -> Result<(), Box<dyn Error>> {
    let image =
        Image::<Conduit>::options().snapshots(SnapshotPolicy::AfterEvents(settings.snapshot_every)).open(path)?;
    image::erase_departed(&image)?;
    let trends_path = settings.trends.clone().unwrap_or_else(|| beside(path, "trends"));
    let trends = Arc::new(Projection::<Trends>::open(&image.journal(), trends_path)?);
    let mailer = mailer::start(&image, Outbox::open(&beside(path, "mails"))?)?;
    let store = ImageStore::owner(image.clone(), Arc::clone(&trends));
    let served = serve(runtime, settings, &beside(path, "secret"), store, Some(&image.journal()), metrics);
    // whatever happened: the mails up to here are sent, and the image is closed in good order
    if let Some(trends) = Arc::into_inner(trends) {
        trends.close()?;
    }
    Image::close(image)?;
    mailer.join().map_err(|_| "the mailer panicked")?;
    served
}

/// Follows the image of another process.
fn follow(
    runtime: &tokio::runtime::Runtime,
    settings: &Settings,
    path: &Path,
    metrics: PrometheusHandle,
) -> Result<(), Box<dyn Error>> {
    let follower = Arc::new(Follower::<Conduit>::open(path)?);
    let journal = Journal::<Conduit>::open(path)?;
    let port = settings.addr.port();
    let trends_path = settings.trends.clone().unwrap_or_else(|| beside(path, &format!("trends-{port}")));
    let trends = Arc::new(Projection::<Trends>::open(&journal, trends_path)?);
    let store = ImageStore::follower(follower, Arc::clone(&trends));
    let served = serve(runtime, settings, &beside(path, "secret"), store, Some(&journal), metrics);
    if let Some(trends) = Arc::into_inner(trends) {
        trends.close()?;
    }
    served
}

#[cfg(feature = "postgres")]
fn postgres(
    runtime: &tokio::runtime::Runtime,
    settings: &Settings,
    metrics: PrometheusHandle,
) -> Result<(), Box<dyn Error>> {
    let url = settings.database.as_deref().ok_or("`--database` is missing")?;
    let secret = settings.secret.clone().ok_or("`--secret` is missing")?;
    let store = runtime.block_on(crate::store::postgres::PostgresStore::open(url))?;
    serve(runtime, settings, &secret, store, None, metrics)
}

/// A path beside the image.
fn beside(image: &Path, extension: &str) -> PathBuf {
    let mut path = image.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    path.into()
}

fn serve<S: Store>(
    runtime: &tokio::runtime::Runtime,
    settings: &Settings,
    secret: &Path,
    store: S,
    journal: Option<&Journal<Conduit>>,
    metrics: PrometheusHandle,
) -> Result<(), Box<dyn Error>> {
    let secret = Arc::new(Secret::open(settings.secret.as_deref().unwrap_or(secret))?);
    let app = App { store, tokens: Tokens::new(&secret)?, secret, metrics };
    let mut router = http::router(app);
    if let (Some(token), Some(journal)) = (&settings.admin_token, journal) {
        let page = memimage_web::Page::new(journal).token(token).any_host();
        router = router.nest_service("/admin", page.router());
    }
    let served: Result<(), io::Error> = runtime.block_on(async {
        // before the server says that it listens: who reads this may end it at once
        let signals = stopping()?;
        let listener = TcpListener::bind(settings.addr).await?;
        let address = listener.local_addr()?;
        println!("listening on {address}");
        io::stdout().flush()?;
        tracing::info!(%address, "listening");
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            signals.await;
            tracing::info!("stopping");
            let _ = stop.send(true); // nobody waits any more if the server has ended
        });
        let server = axum::serve(listener, router).with_graceful_shutdown(until(stopped.clone()));
        let late = async {
            until(stopped).await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = server => served,
            () = late => {
                tracing::warn!("some requests took too long and are cut off");
                Ok(())
            }
        }
    });
    Ok(served?)
}

async fn until(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Waits for SIGTERM or SIGINT.
fn stopping() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
