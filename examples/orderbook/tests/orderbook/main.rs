//! Tests of the binary: runs on files.

mod feed;
mod ingest;
mod kill;
mod program;
mod reject;
mod rules;
mod show;
