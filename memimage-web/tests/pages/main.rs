//! The pages, as a client without a browser gets them.

mod access;
mod bank;
mod browse;
mod client;
mod gaps;
mod kinds;
mod log;
mod nested;
mod states;
mod tail;
