//! A TCP proxy on loopback that cuts, delays or stalls the connections through it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A proxy in front of one port. Its threads end with it.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Connections are refused.
    is_cut: AtomicBool,
    /// Bytes from the client are thrown away.
    drops_requests: AtomicBool,
    /// Bytes to the client are thrown away.
    drops_answers: AtomicBool,
    /// The delay of each piece of data, in each direction.
    delay_ms: AtomicU64,
    has_ended: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Starts a proxy in front of a port of loopback.
    pub(crate) fn start(target: u16) -> Proxy {
        Proxy::start_at(0, target)
    }

    /// Starts a proxy at a port, in front of another.
    pub(crate) fn start_at(port: u16, target: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if of_thread.has_ended.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(client) = client {
                    let _ = of_thread.connect(client, target);
                }
            }
        });
        Proxy { port, shared }
    }

    /// The port to connect to instead of the target's.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections, and refuses new ones until [`heal`](Proxy::heal).
    pub(crate) fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        self.shared.end_connections();
    }

    /// Throws away what comes from the clients. The connections stay open.
    pub(crate) fn drop_requests(&self) {
        self.shared.drops_requests.store(true, Ordering::SeqCst);
    }

    /// Throws away what comes from the target. The connections stay open.
    pub(crate) fn drop_answers(&self) {
        self.shared.drops_answers.store(true, Ordering::SeqCst);
    }

    /// Delays each piece of data in each direction.
    pub(crate) fn delay(&self, delay: Duration) {
        self.shared.delay_ms.store(delay.as_millis() as u64, Ordering::SeqCst);
    }

    /// Passes on everything again. Ends the connections that have lost bytes.
    pub(crate) fn heal(&self) {
        let shared = &self.shared;
        let has_lost =
            shared.drops_requests.swap(false, Ordering::SeqCst) | shared.drops_answers.swap(false, Ordering::SeqCst);
        if has_lost {
            shared.end_connections();
        }
        shared.delay_ms.store(0, Ordering::SeqCst);
        shared.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::SeqCst);
        self.shared.end_connections();
        // wakes the thread that accepts
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn connect(self: &Arc<Shared>, client: TcpStream, target: u16) -> std::io::Result<()> {
        if self.is_cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
            self.connections.lock().unwrap().push(stream.try_clone()?);
        }
        let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
        let (requests, answers) = (Arc::clone(self), Arc::clone(self));
        std::thread::spawn(move || requests.pass(from_client, server, |shared| &shared.drops_requests));
        std::thread::spawn(move || answers.pass(from_server, client, |shared| &shared.drops_answers));
        Ok(())
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, drops: fn(&Shared) -> &AtomicBool) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let len = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => len,
                Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let delay = self.delay_ms.load(Ordering::SeqCst);
            if delay > 0 {
                std::thread::sleep(Duration::from_millis(delay));
            }
            if !drops(self).load(Ordering::SeqCst) && to.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn end_connections(&self) {
        for stream in self.connections.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
