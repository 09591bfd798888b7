//! A matching engine as a model, and a load for it: `exchange run` measures the engine in an image beside the bare engine.

pub mod order;
pub mod book;
pub mod engine;
pub mod bare;
mod random;
pub mod request;
pub mod load;
pub mod ledger;
pub mod latency;
mod gateway;
pub mod report;
pub mod run;
