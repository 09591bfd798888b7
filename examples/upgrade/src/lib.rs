//! A café's program in five stages. Each stage can open the images that earlier stages wrote.
//!
//! `README.md`, next to this crate's `Cargo.toml`, explains the stages. Each stage is a complete program in one file, so that
//! `diff stage1.rs stage2.rs` shows the changes.

mod program;
pub mod stage1;
pub mod stage2;
pub mod stage3;
pub mod stage4;
pub mod stage5;

pub use program::{Failure, PROGRAMS, Program, Stage};
