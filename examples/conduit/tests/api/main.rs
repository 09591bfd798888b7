//! Conduit over HTTP, as a client sees it: the built program with an image of its own.

#![allow(clippy::disallowed_methods)] // no commands are recorded here

mod articles;
mod comments;
mod erasure;
mod follower;
mod kill;
mod lists;
mod mails;
mod operations;
mod profiles;
mod restart;
mod retries;
mod server;
mod upgrade;
mod users;
