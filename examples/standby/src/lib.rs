//! A service with two standby processes: when its owner is killed, a follower takes over. `README.md` describes it.

pub mod tickets;
pub mod server;
pub mod member;
pub mod client;
pub mod process;
pub mod report;
pub mod rounds;
