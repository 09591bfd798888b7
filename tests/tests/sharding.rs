//! The simulation of `memimage-benches -- sharding`, whose figures the guide quotes: its own tests, here because
//! `cargo test --workspace` compiles nothing of that crate.

#[path = "../../benches/src/sharding/simulation.rs"]
mod simulation;
