//! The model of the tests, and what many tests do.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

pub mod replicas;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

/// The numbers that were added, in order, and a register.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
pub struct Tally {
    pub numbers: Vec<u64>,
    pub sum: u64,
    pub text: String,
}

#[memimage::commands]
impl Tally {
    /// Adds a number, and returns how many there are.
    #[command]
    pub fn add(&mut self, number: u64) -> u64 {
        self.sum += number;
        self.numbers.push(number);
        self.numbers.len() as u64
    }

    /// Replaces the text.
    #[command]
    pub fn set_text(&mut self, text: String) {
        self.text = text;
    }
}

/// A directory for a test, and paths in it.
pub struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Waits until a condition holds, for a minute at most.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
}
