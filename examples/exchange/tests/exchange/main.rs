//! Tests of the engine against a naive one, and of the program.

mod reference;
mod rules;
mod load;
mod ledger;
mod replay;
mod program;
mod admin;
mod kill;
