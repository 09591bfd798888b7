//! The command `memimage`, as a user runs it: what it prints, and its exit code.

mod support;

mod beside_owner;
mod branching;
mod browse;
mod damage;
mod documents;
mod export;
mod large_journal;
mod misuse;
mod paging;
mod partly_readable;
mod protected;
mod quarantine;
mod reading;
mod remote;
mod rewriting;
