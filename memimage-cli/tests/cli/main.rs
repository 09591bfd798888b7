//! The command `memimage`, as a user runs it: what it prints, and its exit code.

mod support;

mod beside_owner;
mod browse;
mod damage;
mod documents;
mod misuse;
mod protected;
mod reading;
