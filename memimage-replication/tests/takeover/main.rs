//! Takeovers, 200 in each mode, with clients that never stop. With `Remote`, the histories of the clients are linearizable and nothing that
//! was acknowledged is lost; with `Local`, exactly the unshipped events are set aside.

#![cfg(feature = "testing")]

mod cluster;
mod history;
mod local;
mod remote;
mod vault;

/// The number of takeovers.
fn rounds() -> u64 {
    std::env::var("MEMIMAGE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}
