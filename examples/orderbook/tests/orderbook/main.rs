//! The program as its users meet it: runs of the binary on files.

mod feed;
mod ingest;
mod kill;
mod program;
mod reject;
mod rules;
mod show;
