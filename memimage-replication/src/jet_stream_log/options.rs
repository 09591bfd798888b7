//! What a caller chooses about a log on JetStream.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The options of a [`JetStreamLog`](super::JetStreamLog).
#[derive(Clone)]
#[must_use = "the options have no effect until a log is opened with them"]
pub struct JetStreamOptions {
    pub(super) time_limit: Duration,
    pub(super) allow_single_replica: bool,
    pub(super) sync_interval: Option<SyncInterval>,
    pub(super) authentication: Authentication,
    pub(super) root_certificates: Option<PathBuf>,
    pub(super) client_certificate: Option<(PathBuf, PathBuf)>,
    pub(super) ignore_discovered_servers: bool,
    /// Whether the opening creates a missing stream.
    pub(super) creates: bool,
}

/// When the servers sync to disk what they acknowledge: their setting `sync_interval`.
///
/// A server acknowledges an append when a majority of the stream's servers has written it. With `sync_interval: always` it is also on
/// the disks of that majority. With every other value, which includes the default of two minutes, it may still be in the memory of the
/// operating systems: when the machines of a majority lose power at about the same time, acknowledged entries are lost. The client's
/// interface of NATS does not tell the setting, so the caller says which it is, or how to ask.
#[derive(Clone)]
#[non_exhaustive]
pub enum SyncInterval {
    /// All servers have `sync_interval: always`. The log does not verify it.
    Always,
    /// Asks every server of the cluster at each opening, through a connection of a user of the system account. A server
    /// that does not sync always is an error of the kind [`Refused`](crate::LogErrorKind::Refused).
    Ask {
        /// The name of a user of the system account.
        user: String,
        /// The password of this user. It appears in no message.
        password: String,
    },
    /// Some servers do not sync always, or it is not known. Each opening logs a warning.
    Unknown,
}

/// How the client shows who it is.
#[derive(Clone, Default)]
pub(super) enum Authentication {
    #[default]
    None,
    Password {
        user: String,
        password: String,
    },
    Token(String),
    CredentialsFile(PathBuf),
}

impl JetStreamOptions {
    /// A time limit of 5 s for a call, three replicas, and the authentication that the URL contains, if any.
    pub fn new() -> JetStreamOptions {
        JetStreamOptions {
            time_limit: Duration::from_secs(5),
            allow_single_replica: false,
            sync_interval: None,
            authentication: Authentication::None,
            root_certificates: None,
            client_certificate: None,
            ignore_discovered_servers: false,
            creates: true,
        }
    }

    /// How long a call waits for an answer before it returns an error of the kind [`Unavailable`](crate::LogErrorKind::Unavailable); 5 s
    /// unless set. For a snapshot, the limit applies to each of its pieces.
    pub fn time_limit(mut self, time_limit: Duration) -> JetStreamOptions {
        self.time_limit = time_limit;
        self
    }

    /// When the servers sync to disk what they acknowledge. A log cannot be opened until this is set here or in the URL, because the servers
    /// do not tell it to an ordinary user.
    pub fn sync_interval(mut self, sync_interval: SyncInterval) -> JetStreamOptions {
        self.sync_interval = Some(sync_interval);
        self
    }

    /// Accepts a stream with fewer than three replicas, and creates a missing stream with one. An acknowledged entry is lost
    /// with the server that has it.
    pub fn allow_single_replica(mut self, allow: bool) -> JetStreamOptions {
        self.allow_single_replica = allow;
        self
    }

    /// Whether the opening creates the stream, if it does not exist; yes by default. Otherwise, opening is an error.
    pub fn create_missing(mut self, create: bool) -> JetStreamOptions {
        self.creates = create;
        self
    }

    /// A user's name and password. Replaces what the URL contains.
    pub fn user_and_password(mut self, user: impl Into<String>, password: impl Into<String>) -> JetStreamOptions {
        self.authentication = Authentication::Password { user: user.into(), password: password.into() };
        self
    }

    /// A token. Replaces what the URL contains.
    pub fn token(mut self, token: impl Into<String>) -> JetStreamOptions {
        self.authentication = Authentication::Token(token.into());
        self
    }

    /// A file with a user's JWT and seed, as `nsc` writes it. Replaces what the URL contains.
    pub fn credentials_file(mut self, path: impl Into<PathBuf>) -> JetStreamOptions {
        self.authentication = Authentication::CredentialsFile(path.into());
        self
    }

    /// A PEM file with the certificates of the authorities that the client trusts, in addition to those of the system.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> JetStreamOptions {
        self.root_certificates = Some(path.into());
        self
    }

    /// PEM files with the client's certificate and its key, for servers that verify clients.
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> JetStreamOptions {
        self.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Connects only to the servers of the URL, and not to others of which these tell: for servers behind a proxy or an address translation.
    pub fn ignore_discovered_servers(mut self, ignore: bool) -> JetStreamOptions {
        self.ignore_discovered_servers = ignore;
        self
    }
}

impl Default for JetStreamOptions {
    fn default() -> JetStreamOptions {
        JetStreamOptions::new()
    }
}

// without passwords and tokens
impl fmt::Debug for JetStreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStreamOptions")
            .field("time_limit", &self.time_limit)
            .field("allow_single_replica", &self.allow_single_replica)
            .field("sync_interval", &self.sync_interval)
            .finish_non_exhaustive()
    }
}

// without the password
impl fmt::Debug for SyncInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyncInterval::Always => f.write_str("Always"),
            SyncInterval::Ask { user, .. } => f.debug_struct("Ask").field("user", user).finish_non_exhaustive(),
            SyncInterval::Unknown => f.write_str("Unknown"),
        }
    }
}
