//! Tests of the binary: runs on files.

mod admin;
mod export;
mod feed;
mod ingest;
mod kill;
mod past;
mod program;
mod reject;
mod restore;
mod rules;
mod show;
mod volume;
mod watch;
