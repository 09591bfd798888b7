//! A service on several machines: when its owner is killed, a standby takes over by the log. `README.md` describes it.

// each module uses only the modules above it
pub mod clock;
pub mod tickets;
pub mod settings;
pub mod server;
pub mod member;
pub mod service;
pub mod client;
pub mod load;
pub mod process;
pub mod cluster;
pub mod history;
pub mod trial;
pub mod report;
pub mod servers;
pub mod rounds;
