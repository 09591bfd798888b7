//! A log, and how an owner uses it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use memimage::Error;

use crate::log_error::LogError;
use crate::remote_log::RemoteLog;
use crate::shipping_status::{LogStatus, ShippingStatus};

/// A log, with the settings of the owner or standby that uses it. Clones share the log and what is known about it.
///
/// An owner ships its journal with [`Options::replicate`](memimage::Options::replicate); a [`Standby`](crate::Standby) reads it.
#[derive(Clone)]
pub struct Log {
    pub(crate) engine: Arc<dyn RemoteLog>,
    pub(crate) settings: LogSettings,
    pub(crate) status: Arc<ShippingStatus>,
}

/// How an owner uses a log.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    /// The owner's name.
    pub(crate) name: String,
    pub(crate) lease: Option<Duration>,
    /// How long the owner waits for more frames before it appends an entry; `None` for the default of the mode.
    pub(crate) gather: Option<Duration>,
    pub(crate) ships_snapshots: bool,
    pub(crate) retain: Option<Duration>,
    pub(crate) takes_over: bool,
    pub(crate) poll: Duration,
}

/// How often a standby looks for new entries where each look is a request that is paid for.
const PAID_POLL: Duration = Duration::from_millis(100);

impl Log {
    /// A log on this engine.
    pub fn new(engine: impl RemoteLog) -> Log {
        Log::shared(Arc::new(engine))
    }

    /// A log on an engine that others use, too.
    pub fn shared(engine: Arc<dyn RemoteLog>) -> Log {
        let settings = LogSettings {
            name: default_name(),
            lease: None,
            gather: None,
            ships_snapshots: true,
            retain: None,
            takes_over: false,
            poll: Duration::from_millis(10),
        };
        Log { engine, settings, status: Arc::new(ShippingStatus::default()) }
    }

    /// Opens the log at a URL: `nats://HOST:PORT/STREAM` and `tls://…` for JetStream, and the URLs of the crate `object_store` for object
    /// storage: `s3://BUCKET/PREFIX`, `gs://…`, `az://…`, `file:///DIRECTORY`. Settings such as credentials come from the environment.
    /// For other settings, make the engine, and call [`Log::new`]. A directory that does not exist is created by the first owner that claims the
    /// log, a stream by the opening.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL has another scheme, if the log cannot be reached, or if it does not keep the promise of a log.
    pub fn open(url: &str) -> Result<Log, LogError> {
        Log::at(url, true)
    }

    /// Opens the log at a URL as [`open`](Log::open) does, for a reader: creates nothing.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`open`](Log::open), and an error if the directory or the stream does not exist.
    pub fn open_existing(url: &str) -> Result<Log, LogError> {
        Log::at(url, false)
    }

    fn at(url: &str, creates: bool) -> Result<Log, LogError> {
        let log = crate::url_scheme::open(url, creates).map(Log::shared)?;
        let is_paid = !["nats://", "tls://", "file://"].iter().any(|scheme| url.starts_with(scheme));
        Ok(if is_paid { log.poll(PAID_POLL) } else { log })
    }

    /// The name of the owner, for the messages of others. Default: the name of the host and the number of the process.
    pub fn name(mut self, name: impl Into<String>) -> Log {
        self.settings.name = name.into();
        self
    }

    /// Makes the owner append an entry at least every third of this time, so that standbys with [`auto`](crate::Standby::auto) see that it
    /// lives. Default: none. A shorter lease means a faster takeover, and more requests from an idle owner.
    pub fn lease(mut self, lease: Duration) -> Log {
        self.settings.lease = Some(lease);
        self
    }

    /// How long the owner gathers frames before it appends them as an entry. Default: 20 ms with
    /// [`Acknowledge::Local`](memimage::replication::Acknowledge::Local). With `Remote`, it appends at once; meanwhile the next frames gather.
    pub fn gather(mut self, time: Duration) -> Log {
        self.settings.gather = Some(time);
        self
    }

    /// Whether the owner copies its snapshots to the log, in the background. Default: yes.
    pub fn ship_snapshots(mut self, ship: bool) -> Log {
        self.settings.ships_snapshots = ship;
        self
    }

    /// How long the log keeps what a restore to an earlier time needs. Default: for ever. Each time a snapshot was copied to the log, the owner
    /// removes older snapshots and entries, but never those that a restore to a time within `age` needs, and never the newest snapshot.
    pub fn retain(mut self, age: Duration) -> Log {
        self.settings.retain = Some(age);
        self
    }

    /// Whether an owner may take a log whose last owner was another directory. Default: no, because the other owner may live, and then loses
    /// the log. A [`Standby`](crate::Standby) takes over without this.
    pub fn take_over(mut self, take: bool) -> Log {
        self.settings.takes_over = take;
        self
    }

    /// How often a standby looks for new entries. Default: every 10 ms; 100 ms for object storage in a cloud that [`Log::open`] opens, where each
    /// look is a request that is paid for. [`Standby::auto`](crate::Standby::auto) needs at most an eighth of the lease.
    pub fn poll(mut self, interval: Duration) -> Log {
        self.settings.poll = interval;
        self
    }

    /// Where the log is.
    pub fn address(&self) -> &str {
        self.engine.address()
    }

    /// What the owner that uses this log knows about it.
    pub fn status(&self) -> LogStatus {
        self.status.get()
    }

    /// Verifies that the image that uses this log is its owner: appends an entry, and waits until it is in the log. With
    /// [`Acknowledge::Remote`](memimage::replication::Acknowledge::Remote), a query that begins after this call returns shows the effect of every
    /// command that any owner has acknowledged before the call. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Returns an error if another owner took over, if the log cannot be reached within the time, or if no image uses this log.
    pub fn confirm_owner(&self, timeout: Duration) -> Result<(), Error> {
        self.status.confirm(timeout, self.address())
    }
}

/// The name of the host, and the number of the process.
fn default_name() -> String {
    let host =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let host = host.map(|host| host.trim().to_owned()).unwrap_or_default();
    let host = if host.is_empty() { "a host".to_owned() } else { host };
    format!("{host}, process {}", std::process::id())
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("address", &self.address())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
