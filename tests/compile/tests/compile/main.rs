//! Tests that run the compiler: which programs compile, and with which message the others fail.
//!
//! They are one program, so that cargo can compile for one test while another test waits. They are a package of their own,
//! because trybuild compiles all dependencies of its package once more.

mod cost;
mod error_messages;
mod lock;
mod testing_kit;
