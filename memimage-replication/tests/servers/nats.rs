//! A cluster of three nodes of nats-server, with JetStream.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use memimage_replication::{JetStreamLog, JetStreamOptions, LogError, SyncInterval};

use super::proxy::Proxy;
use super::{Server, free_ports, installed, last_lines};

/// The number of nodes.
pub(crate) const NODES: usize = 3;
/// The password of the user `sys` of the system account.
pub(crate) const SYSTEM_PASSWORD: &str = "of-the-system";
/// The password of the user `bank`, who has JetStream.
pub(crate) const PASSWORD: &str = "of-the-bank";

/// Three nodes, each with its data in a directory. Each connects to each other through a proxy.
pub(crate) struct Nats {
    program: PathBuf,
    dir: PathBuf,
    clients: [u16; NODES],
    routes: [u16; NODES],
    monitors: [u16; NODES],
    /// The proxies through which a node, the first index, connects to another, the second.
    proxies: Vec<Vec<Proxy>>,
    /// What nodes tell each other as their address, so that none connects to another past the proxies. It refuses all connections.
    refusal: Proxy,
    servers: [Option<Server>; NODES],
}

impl Nats {
    /// Starts a cluster with its data in a directory of this name. None if nats-server is not installed: see [`installed`].
    pub(crate) fn start(name: &str) -> Option<Nats> {
        // two clusters that start at the same time could choose the same ports
        static STARTING: Mutex<()> = Mutex::new(());
        let program = installed("nats-server")?;
        let _guard = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        // all ports at once: a port that a proxy chose itself could be one of those of the nodes
        let ports: [u16; 19] = free_ports();
        let three = |at: usize| [ports[at], ports[at + 1], ports[at + 2]];
        let (clients, routes, monitors) = (three(0), three(3), three(6));
        let to_each =
            |from: usize| (0..NODES).map(|to| Proxy::start_at(ports[9 + from * NODES + to], routes[to])).collect();
        let refusal = Proxy::start_at(ports[18], routes[0]);
        refusal.cut();
        let proxies = (0..NODES).map(to_each).collect();
        let mut nats = Nats { program, dir, clients, routes, monitors, proxies, refusal, servers: [None, None, None] };
        for node in 0..NODES {
            nats.start_node(node);
        }
        nats.wait_until_ready();
        Some(nats)
    }

    /// The URL of a stream, through all nodes.
    pub(crate) fn url(&self, stream: &str) -> String {
        let hosts: Vec<String> = self.clients.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("nats://bank:{PASSWORD}@{}/{stream}", hosts.join(","))
    }

    /// The port of a node for clients.
    pub(crate) fn port(&self, node: usize) -> u16 {
        self.clients[node]
    }

    /// The name of a node.
    pub(crate) fn name(node: usize) -> String {
        format!("node-{node}")
    }

    /// Starts a node, with the data that it has on disk.
    pub(crate) fn start_node(&mut self, node: usize) {
        let name = Nats::name(node);
        let others = (0..NODES).filter(|other| *other != node);
        let routes: Vec<String> =
            others.map(|other| format!("\"nats://127.0.0.1:{}\"", self.proxies[node][other].port())).collect();
        let config = format!(
            r#"
server_name: {name}
listen: "127.0.0.1:{client}"
http: "127.0.0.1:{monitor}"
jetstream {{ store_dir: "{data}", sync_interval: always, max_file_store: 4GB }}
cluster {{
  name: test, listen: "127.0.0.1:{route}", advertise: "127.0.0.1:{refusal}", no_advertise: true, pool_size: -1
  routes: [{routes}]
}}
accounts {{
  SYS {{ users: [{{ user: sys, password: {SYSTEM_PASSWORD} }}] }}
  BANK {{ jetstream: enabled, users: [{{ user: bank, password: {PASSWORD} }}] }}
}}
system_account: SYS
"#,
            client = self.clients[node],
            monitor = self.monitors[node],
            route = self.routes[node],
            refusal = self.refusal.port(),
            data = self.dir.join(&name).display(),
            routes = routes.join(", "),
        );
        let path = self.dir.join(format!("{name}.conf"));
        std::fs::write(&path, config).unwrap();
        let arguments = ["-c".to_owned(), path.display().to_string()];
        self.servers[node] = Some(Server::start(&self.program, &arguments, &self.log(node)));
    }

    /// Kills a node (`kill -9`).
    pub(crate) fn kill_node(&mut self, node: usize) {
        self.servers[node].take().expect("the node runs").kill();
    }

    /// Kills all nodes at about the same time.
    pub(crate) fn kill_all(&mut self) {
        for server in self.servers.iter().flatten() {
            server.signal("KILL");
        }
        for server in &mut self.servers {
            server.take().expect("the node runs").kill();
        }
    }

    /// Sends a signal to a node.
    pub(crate) fn signal(&self, node: usize, name: &str) {
        self.servers[node].as_ref().expect("the node runs").signal(name);
    }

    /// Cuts a node off from the others. Clients still reach it.
    pub(crate) fn cut_off(&self, node: usize) {
        self.proxies_of(node).for_each(Proxy::cut);
    }

    /// Ends [`cut_off`](Nats::cut_off).
    pub(crate) fn heal(&self, node: usize) {
        self.proxies_of(node).for_each(Proxy::heal);
    }

    fn proxies_of(&self, node: usize) -> impl Iterator<Item = &Proxy> {
        let pairs = (0..NODES).flat_map(move |from| (0..NODES).map(move |to| (from, to)));
        pairs.filter(move |(from, to)| (*from == node) != (*to == node)).map(|(from, to)| &self.proxies[from][to])
    }

    /// Waits until each node that runs says that it is ready: that JetStream has a leader, and all streams are up to date.
    pub(crate) fn wait_until_ready(&self) {
        let start = Instant::now();
        for node in (0..NODES).filter(|node| self.servers[*node].is_some()) {
            while get(self.monitors[node], "/healthz")
                .is_none_or(|answer| !answer.starts_with("HTTP/1.0 200") && !answer.starts_with("HTTP/1.1 200"))
            {
                let log = self.log(node);
                assert!(
                    start.elapsed() < Duration::from_secs(30),
                    "{} does not start:\n{}",
                    Nats::name(node),
                    last_lines(&log)
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// The node that leads a stream. None while there is none that the others know.
    pub(crate) fn leader(&self, stream: &str) -> Option<usize> {
        let running = (0..NODES).find(|node| self.servers[*node].is_some())?;
        let answer = get(self.monitors[running], "/jsz?streams=true&accounts=true&config=false")?;
        let json: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        let streams = json["account_details"]
            .as_array()?
            .iter()
            .filter_map(|account| account["stream_detail"].as_array())
            .flatten();
        let detail = streams.into_iter().find(|detail| detail["name"] == stream)?;
        let leader = detail["cluster"]["leader"].as_str()?;
        (0..NODES).find(|node| Nats::name(*node) == leader)
    }

    fn log(&self, node: usize) -> PathBuf {
        self.dir.join(format!("{}.log", Nats::name(node)))
    }
}

/// The answer of an HTTP server on loopback. None if it does not answer.
fn get(port: u16, path: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The options of a log on the cluster.
pub(crate) fn options() -> JetStreamOptions {
    JetStreamOptions::new().sync_interval(SyncInterval::Always)
}

/// Opens a log as soon as the servers are available.
pub(crate) fn open(nats: &Nats, stream: &str) -> JetStreamLog {
    retried(|| JetStreamLog::open(&nats.url(stream), options()))
}

/// Repeats a call until the servers are available.
pub(crate) fn retried<T>(mut call: impl FnMut() -> Result<T, LogError>) -> T {
    let start = Instant::now();
    loop {
        match call() {
            Ok(value) => return value,
            Err(error) if error.is_unavailable() && start.elapsed() < Duration::from_secs(30) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
