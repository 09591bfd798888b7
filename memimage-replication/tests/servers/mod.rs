//! Real servers for the tests, on loopback. `install.sh`, beside this file, installs them.

#![allow(dead_code)] // each test program uses a part of this module

// each module uses only the modules above it
mod server;
pub(crate) mod proxy;
#[cfg(feature = "nats")]
pub(crate) mod nats;
pub(crate) mod weed;

use server::{Server, free_ports, installed, last_lines};
