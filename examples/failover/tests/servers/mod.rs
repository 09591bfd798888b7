//! The servers of the tests of `memimage-replication`.

#![allow(dead_code)] // those tests use more of it

// each module uses only the modules above it
#[path = "../../../../memimage-replication/tests/servers/server.rs"]
mod server;
#[path = "../../../../memimage-replication/tests/servers/proxy.rs"]
pub(crate) mod proxy;
#[path = "../../../../memimage-replication/tests/servers/nats.rs"]
pub(crate) mod nats;
#[path = "../../../../memimage-replication/tests/servers/weed.rs"]
pub(crate) mod weed;

use server::{Server, free_ports, installed, last_lines};
