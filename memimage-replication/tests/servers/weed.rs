//! SeaweedFS: an object store that speaks S3.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Server, free_ports, installed, last_lines};

/// The credentials that the server accepts.
pub(crate) const ACCESS_KEY: &str = "memimage";
/// The secret of [`ACCESS_KEY`].
pub(crate) const SECRET_KEY: &str = "memimage-secret";

const IDENTITIES: &str = r#"{"identities": [{"name": "memimage",
  "credentials": [{"accessKey": "memimage", "secretKey": "memimage-secret"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}"#;

/// One process of SeaweedFS: `weed server -s3`, with its data in a directory.
pub(crate) struct Weed {
    program: PathBuf,
    dir: PathBuf,
    ports: [u16; 8],
    server: Option<Server>,
}

impl Weed {
    /// Starts the server with its data in `dir`. None if it is not installed: see [`installed`].
    pub(crate) fn start(dir: &Path) -> Option<Weed> {
        let program = installed("weed")?;
        std::fs::create_dir_all(dir.join("data")).unwrap();
        std::fs::write(dir.join("identities.json"), IDENTITIES).unwrap();
        let mut weed = Weed { program, dir: dir.to_owned(), ports: free_ports(), server: None };
        weed.restart();
        Some(weed)
    }

    /// The URL of the S3 interface. A bucket comes into being with the first object in it.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Starts the server again after [`kill`](Weed::kill), at the same ports, with the data that it has on disk.
    pub(crate) fn restart(&mut self) {
        let [s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc] = self.ports;
        let path = |name: &str| self.dir.join(name).display().to_string();
        let arguments = [
            format!("-dir={}", path("data")),
            "-ip=127.0.0.1".to_owned(),
            "-ip.bind=127.0.0.1".to_owned(),
            format!("-master.port={master}"),
            format!("-master.port.grpc={master_grpc}"),
            "-master.telemetry=false".to_owned(),
            // small volumes, and many: each bucket takes several
            "-master.volumeSizeLimitMB=64".to_owned(),
            "-volume.max=64".to_owned(),
            format!("-volume.port={volume}"),
            format!("-volume.port.grpc={volume_grpc}"),
            format!("-filer.port={filer}"),
            format!("-filer.port.grpc={filer_grpc}"),
            format!("-filer.localSocket={}", path("filer.sock")),
            "-s3".to_owned(),
            format!("-s3.port={s3}"),
            format!("-s3.port.grpc={s3_grpc}"),
            "-s3.port.iceberg=0".to_owned(),
            "-s3.port.lance=0".to_owned(),
            format!("-s3.localSocket={}", path("s3.sock")),
            format!("-s3.config={}", path("identities.json")),
        ];
        let arguments: Vec<String> = std::iter::once("server".to_owned()).chain(arguments).collect();
        self.server = Some(Server::start(&self.program, &arguments, &self.log()));
        self.wait_until_ready();
    }

    /// Kills the server (`kill -9`).
    pub(crate) fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    fn log(&self) -> PathBuf {
        self.dir.join("weed.log")
    }

    /// Waits until S3 answers, and the master knows a volume server that it can store objects on.
    fn wait_until_ready(&self) {
        let start = Instant::now();
        let [s3, _, master, ..] = self.ports;
        while !(is_ok(s3, "/healthz") && is_ok(master, "/dir/assign")) {
            let log = self.log();
            assert!(start.elapsed() < Duration::from_secs(60), "SeaweedFS does not start:\n{}", last_lines(&log));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Whether an HTTP server answers a GET with the status 200.
fn is_ok(port: u16, path: &str) -> bool {
    let get = || -> std::io::Result<bool> {
        use std::io::{Read, Write};
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split(' ').nth(1) == Some("200") && !answer.contains("\"error\""))
    };
    get().unwrap_or(false)
}
