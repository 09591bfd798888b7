//! The program of a café in five stages of its life. Each stage can open the images of the earlier stages.
//!
//! `README.md`, beside this crate's `Cargo.toml`, walks through them. Each stage is a whole program in one file, so that
//! `diff stage1.rs stage2.rs` shows the changes.

mod program;
pub mod stage1;
pub mod stage2;
pub mod stage3;
pub mod stage4;
pub mod stage5;

pub use program::{Failure, PROGRAMS, Program, Stage};
