//! Clients in threads, which file tickets as fast as they are answered.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::client::Client;
use crate::service::Service;

/// Clients that run until [`stop`](Load::stop).
#[derive(Debug)]
pub struct Load {
    service: Arc<Service>,
    clients: Vec<JoinHandle<Client>>,
}

impl Load {
    /// Starts clients of a service.
    pub fn start(service: &Arc<Service>, clients: u32) -> Load {
        let start = |number| {
            let service = Arc::clone(service);
            thread::spawn(move || {
                let mut client = Client::new(number);
                client.run(&service);
                client
            })
        };
        Load { service: Arc::clone(service), clients: (0..clients).map(start).collect() }
    }

    /// Ends the clients.
    pub fn stop(mut self) -> Vec<Client> {
        self.service.close();
        let clients = std::mem::take(&mut self.clients);
        clients.into_iter().map(|client| client.join().expect("a client does not panic")).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.service.close();
    }
}
