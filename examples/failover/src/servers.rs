//! The servers of the log, on loopback. They are those of the tests of `memimage-replication`.

// each module uses only the modules above it
#[path = "../../../memimage-replication/tests/servers/server.rs"]
#[allow(dead_code, clippy::disallowed_methods, reason = "the tests use more of it; the time is not part of the model")]
mod server;
#[path = "../../../memimage-replication/tests/servers/proxy.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod proxy;
#[path = "../../../memimage-replication/tests/servers/nats.rs"]
#[allow(dead_code, clippy::disallowed_methods, reason = "the tests use more of it; the time is not part of the model")]
mod nats;
#[path = "../../../memimage-replication/tests/servers/weed.rs"]
#[allow(dead_code, clippy::disallowed_methods, reason = "the tests use more of it; the time is not part of the model")]
mod weed;

use std::path::Path;

use server::{Server, free_ports, installed, last_lines};

use self::nats::Nats;
use self::weed::Weed;
use crate::process::LogPlace;
use crate::settings::Engine;

/// The bucket of the logs on S3.
pub const BUCKET: &str = "failover";

/// The running servers of an engine. They end with this value, and with this process.
pub struct Servers {
    running: Running,
}

enum Running {
    Nothing,
    Nats(Box<Nats>),
    Weed(Weed),
}

impl Servers {
    /// Starts the servers of an engine, with their data in `directory`. `None` if they are not installed, with the reason printed.
    pub fn start(engine: Engine, directory: &Path) -> Option<Servers> {
        let running = match engine {
            Engine::Directory => Running::Nothing,
            Engine::Nats => Running::Nats(Box::new(Nats::start(directory)?)),
            Engine::S3 => {
                let weed = Weed::start(directory)?;
                weed.create_bucket(BUCKET);
                Running::Weed(weed)
            }
        };
        Some(Servers { running })
    }

    /// The place of a log on these servers. `directory` is the place of a log in a directory.
    pub fn place(&self, name: &str, directory: &Path) -> LogPlace {
        match &self.running {
            Running::Nothing => LogPlace { url: format!("file://{}", directory.display()), environment: Vec::new() },
            Running::Nats(nats) => nats_place(&nats.url(name)),
            Running::Weed(weed) => weed_place(&weed.endpoint(), name),
        }
    }
}

/// The place of a log at this URL of a cluster of NATS, which syncs always.
pub fn nats_place(url: &str) -> LogPlace {
    LogPlace { url: format!("{url}?sync_interval=always"), environment: Vec::new() }
}

/// The place of a log on SeaweedFS, whose interface is at `endpoint`. [`BUCKET`] must exist.
pub fn weed_place(endpoint: &str, name: &str) -> LogPlace {
    let environment = [
        ("AWS_ACCESS_KEY_ID", weed::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", weed::SECRET_KEY),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ENDPOINT", endpoint),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    LogPlace { url: format!("s3://{BUCKET}/{name}"), environment }
}
